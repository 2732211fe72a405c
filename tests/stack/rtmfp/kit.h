/* What the tests of stack/rtmfp share: hexadecimal, and the known-answer vectors of two exponents of group 2, which
 * another implementation that interoperates has computed. */
#ifndef IT_TESTS_STACK_RTMFP_KIT_H
#define IT_TESTS_STACK_RTMFP_KIT_H

#include "base/addr.h"
#include "base/alloc.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/rng.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

/* Reads hexadecimal digits, with spaces between words; returns how many bytes they are. */
static inline size_t kit_unhex(uint8_t *out, const char *hex)
{
    size_t n = 0;
    unsigned v;
    int used;
    for (; sscanf(hex, " %2x%n", &v, &used) == 1; hex += used)
        out[n++] = (uint8_t)v;
    return n;
}

static inline void kit_expect(it_bytes got, const char *hex)
{
    uint8_t want[2048];
    size_t n = kit_unhex(want, hex);
    ck_assert_uint_eq(got.n, n);
    ck_assert_mem_eq(got.p, want, n);
}

/* The bytes of |hex| in |room|. */
static inline it_bytes kit_hex(uint8_t *room, const char *hex)
{
    return it_bytes_of(room, kit_unhex(room, hex));
}

static inline it_bytes kit_buf(const it_buf *b)
{
    ck_assert(!b->overflow);
    return it_bytes_of(b->p, b->len);
}

static inline it_addr kit_addr(const char *s)
{
    it_addr a;
    ck_assert_int_eq(it_addr_parse(&a, s), 0);
    return a;
}

/* Runs |t|, the one case of suite |name|. */
static inline int kit_main(const char *name, void (*add)(TCase *))
{
    Suite *s = suite_create(name);
    TCase *t = tcase_create(name);
    tcase_set_timeout(t, 60);
    add(t);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define KIT_XI "800102030405060708090a0b0c0d0e0f101112131415161718191a1b"
#define KIT_XR "901b1a191817161514131211100f0e0d0c0b0a090807060504030201"
#define KIT_PI                                                                                                         \
    "1d04d2f4ff8e65c4cd948c55d8e6039158aaf3a85d1ca71af0b1be1a06fc93e23424b04245b1a1c34d6a60e093791b35191340f7131fc49f" \
    "8b3bae7c1fd51a72b57f8a2ee0272ff82168c59b97e33b47362018ecc0ebcb49d02921ea61c4827302e84cc13b617cee327cf8b63de7cdde" \
    "8ac82381437da62c2d1f396be00163d0"
#define KIT_PR                                                                                                         \
    "27082635f9bdb4928ae8bbbb4c4a98f07c38fbb57dd72737da22417e9af9ab49e1846d3c7ecbac3334152b75607733da52406940610bca11" \
    "813ae9fd4c5203956afeebd68fd02b3b3a56387b3a8ec1974e175a5606d73a8ca30616b833e50dc92c3cdedf38fb5948860faa811f69c608" \
    "d469bf552f1c1dcc1c2d9312f75b9926"
#define KIT_S                                                                                                          \
    "ee6c89372641dd9a99d312cb4ee028e7cf2facd51b5ebb1bba21ef433f484bc52d44dccfa7b57441e222404bfeb24299aa2d22fa0be46208" \
    "2f334a8be5917be762b8245f28837424ee02a3a94785f25c5881ffa8517da8f6b64e68dad447643def0b89e01aca8bf99f20f2fdef628824" \
    "06c75d2d2ee98f08d8ba6b094352aa78"
#define KIT_SKIC                                                                                                       \
    "021d02 410e 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"                                     \
    "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f 031a0710 021e07"
#define KIT_SKRC "021e07 031a0710 81020d02" KIT_PR

#endif
