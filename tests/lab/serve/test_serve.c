/* Services on a machine that has not all. */
#include "lab/serve/serve.h"

#include "stack/crypto/ossl.h"
#include "tests/stack/tls/pem.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the library calls in place of libc's: a machine that was started with ipv6.disable=1. */
static bool WITHOUT6, WITHOUT4;

int socket(int family, int type, int protocol)
{
    if ((family == AF_INET6 && WITHOUT6) || (family == AF_INET && WITHOUT4 && (type & 15) == SOCK_STREAM)) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    return (int)syscall(SYS_socket, family, type, protocol);
}

static int UP, UP_TLS;
static uint16_t TLS_PORT;
static it_serve_tls TLS;

static void up(void *self, const char *transport, it_addr a, bool is_up)
{
    (void)self;
    ck_assert_uint_ne(a.port, 0);
    UP += is_up;
    if (strcmp(transport, "tls") != 0)
        return;
    ck_assert(UP_TLS++ == 0 || a.port == TLS_PORT); /* one port on all hosts */
    TLS_PORT = a.port;
}

/* Starts |name| on |n| |addrs|. Returns what that does; |*said|: of how many addresses it told. */
static int start(const char *name, const it_addr *addrs, size_t n, int *said)
{
    it_alloc alloc;
    it_limit_count count = {0, 0};
    it_serve_stop stop = {.run = NULL};
    it_addr bad = {{0, 0}, 0};
    it_alloc_init(&alloc);
    UP = UP_TLS = 0;
    it_loop *l = it_loop_new(&(it_loop_cfg){.alloc = &alloc, .clock = IT_CLOCK_WALL});
    it_serve_cfg cfg = {.alloc = &alloc,
                        .loop = l,
                        .seed = 1,
                        .addrs = addrs,
                        .n_addrs = n,
                        .count = &count,
                        .stop = &stop,
                        .bound = up};
    if (TLS.shared)
        cfg.tls = &TLS;
    int err = it_service_of(name)->start(&cfg, &bad);
    *said = UP;
    it_loop_free(l);
    ck_assert_int_eq(alloc.live, 0);
    return err;
}

START_TEST(a_family_that_the_machine_has_not_is_passed_over_where_every_address_is_wanted)
{
    const it_addr every[] = {it_addr_of(it_ip4(0), 0), {{0, 0}, 0}}, one = it_addr_of((it_ip){0, 1}, 0);
    int said;
    WITHOUT6 = true;
    ck_assert_int_eq(start("signal", every, 2, &said), 0);
    ck_assert_int_gt(said, 0);
    ck_assert_int_eq(start("signal", &one, 1, &said), IT_ERR_NOROUTE); /* that one was asked for */
}
END_TEST

START_TEST(a_machine_with_neither_serves_nobody_and_says_so)
{
    const it_addr every[] = {it_addr_of(it_ip4(0), 0), {{0, 0}, 0}};
    int said;
    WITHOUT6 = WITHOUT4 = true;
    ck_assert_int_eq(start("signal", every, 2, &said), 0);
    ck_assert_int_eq(said, 0); /* the command then says that there is no address */
}
END_TEST

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

START_TEST(tls_is_on_a_port_of_its_own_once_a_host)
{
    static const char *const NAMES[] = {"signal", "ws"};
    static const it_addr ADDRS[] = {{{0, 0xffff7f000001}, 0}, {{0, 0xffff7f000001}, 0}, {{0, 0xffff7f000002}, 0}};
    char dir[] = "/tmp/icetank-serve-XXXXXX", why[IT_SERVE_TLS_WHY];
    it_alloc alloc;
    int said;
    it_alloc_init(&alloc);
    ck_assert(mkdtemp(dir) && chdir(dir) == 0);
    write_file("cert", FILE_CERT);
    write_file("key", FILE_KEY);
    ck_assert_int_eq(it_serve_tls_read(&TLS, &alloc, "cert", "key", why), 0);
    ck_assert(unlink("cert") == 0 && unlink("key") == 0 && rmdir(dir) == 0);
    ck_assert_int_eq(start(NAMES[_i], ADDRS, 3, &said), 0);
    ck_assert_int_eq(said, 5);
    ck_assert_int_eq(UP_TLS, 2);
    TLS.port = TLS_PORT; /* by its number */
    ck_assert_int_eq(start(NAMES[_i], ADDRS, 3, &said), 0);
    ck_assert_int_eq(UP_TLS, 2);
    it_serve_tls_fini(&TLS);
    it_ossl_fini();
    ck_assert_int_eq(alloc.live, 0);
}
END_TEST

START_TEST(a_service_is_found_by_its_name_and_its_alias)
{
    ck_assert_ptr_nonnull(it_service_of("ws"));
    ck_assert_ptr_eq(it_service_of("relay"), it_service_of("ws"));
    ck_assert_ptr_null(it_service_of(""));
    ck_assert_ptr_null(it_service_of("w"));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/serve/serve");
    TCase *t = tcase_create("services");
    tcase_add_test(t, a_family_that_the_machine_has_not_is_passed_over_where_every_address_is_wanted);
    tcase_add_test(t, a_machine_with_neither_serves_nobody_and_says_so);
    tcase_add_loop_test(t, tls_is_on_a_port_of_its_own_once_a_host, 0, 2);
    tcase_add_test(t, a_service_is_found_by_its_name_and_its_alias);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
