/* The messages of SOCKS5 (RFC 1928) and of its passwords (RFC 1929): every reader takes exactly one, says when more
 * must come, and refuses what is none; and what a proxy does with each that is malformed. */
#include "stack/proxy/server.h"
#include "stack/proxy/socks.h"

#include <check.h>
#include <string.h>

#define CLIENT (IT_IO_ACCEPTED_FLOW + 1)
#define BYTES(s) s, sizeof s - 1

START_TEST(only_version_5_greets_and_only_version_1_has_passwords)
{
    uint8_t b[] = {(uint8_t)_i, 1, 0, 1, 'p'};
    unsigned offers;
    it_bytes user, password;
    uint8_t code;
    it_socks_msg m;
    /* The first byte alone decides: no peer of another protocol is waited for. */
    for (size_t n = 1; n <= sizeof b; n++) {
        it_bytes in = it_bytes_of(b, n);
        ck_assert_int_eq(it_socks_read_greeting(in, &offers), _i != 5 ? IT_ERR_PARSE : n < 3 ? 0 : 3);
        ck_assert_int_eq(it_socks_read_password(in, &user, &password), _i != 1 ? IT_ERR_PARSE : n < 5 ? 0 : 5);
        ck_assert_int_eq(it_socks_read_choice(in, false, &code), _i != 5 ? IT_ERR_PARSE : n < 2 ? 0 : 2);
        ck_assert_int_eq(it_socks_read_choice(in, true, &code), _i != 1 ? IT_ERR_PARSE : n < 2 ? 0 : 2);
        if (n < 4)
            ck_assert_int_eq(it_socks_read_msg(in, &m), _i != 5 ? IT_ERR_PARSE : 0);
    }
}
END_TEST

START_TEST(a_password_has_a_user_and_may_be_anything)
{
    uint8_t b[IT_SOCKS_MAX + 1] = {1, 255};
    it_bytes user, password;
    memset(b + 2, 'u', 255);
    b[257] = 255;
    memset(b + 258, 0, 255); /* NUL is a byte like any other */
    for (size_t n = 1; n < IT_SOCKS_MAX; n++)
        ck_assert_int_eq(it_socks_read_password(it_bytes_of(b, n), &user, &password), 0);
    ck_assert_int_eq(it_socks_read_password(it_bytes_of(b, sizeof b), &user, &password), IT_SOCKS_MAX);
    ck_assert(user.n == 255 && password.n == 255 && user.p[254] == 'u');
    ck_assert_int_eq(it_socks_read_password(it_bytes_of(BYTES("\x01\x00")), &user, &password), IT_ERR_PARSE);
    ck_assert_int_eq(it_socks_read_password(it_bytes_of(BYTES("\x01\x01u\x00")), &user, &password), 4);
    ck_assert_uint_eq(password.n, 0);
}
END_TEST

/* --- the proxy --- */

enum outcome { WAITS, RESETS, NO_METHOD, WRONG_PASSWORD, CONNECTS, REPLIES };

/* What the client says, piece by piece, to a proxy that wants alice:secret where |auth|; and what it gets. */
static const struct {
    const char *bytes;
    size_t n;
    bool auth;
    enum outcome outcome;
    uint8_t reply;
} TALKS[] = {
    {BYTES("\x04\x01\x00\x50\x01\x02\x03\x04\x00"), false, RESETS, 0}, /* SOCKS4 */
    {BYTES("\x00"), false, RESETS, 0},
    {BYTES("GET / HTTP/1.1\r\n\r\n"), false, RESETS, 0},
    {BYTES("\x16\x03\x01"), false, RESETS, 0}, /* TLS */
    {BYTES("\x05"), false, WAITS, 0},
    {BYTES("\x05\x02\x00"), false, WAITS, 0}, /* a method is missing */
    {BYTES("\x05\x00"), false, NO_METHOD, 0}, /* none is offered */
    {BYTES("\x05\x00"), true, NO_METHOD, 0},
    {BYTES("\x05\x01\x01"), false, NO_METHOD, 0}, /* GSSAPI alone */
    {BYTES("\x05\x01\xff"), false, NO_METHOD, 0}, /* "no acceptable method" is no method */
    {BYTES("\x05\x01\x02"), false, NO_METHOD, 0}, /* a password that nobody wants */
    {BYTES("\x05\x01\x00"), true, NO_METHOD, 0},
    {BYTES("\x05\x01\x02\x05\x05"
           "alice\x06secret"),
     true, RESETS, 0}, /* the version of SOCKS, not of passwords */
    {BYTES("\x05\x01\x02\x00\x05"
           "alice\x06secret"),
     true, RESETS, 0},
    {BYTES("\x05\x01\x02\x02\x05"
           "alice\x06secret"),
     true, RESETS, 0},
    {BYTES("\x05\x01\x02\x01\x00\x06secret"), true, RESETS, 0}, /* no user */
    {BYTES("\x05\x01\x02\x01\x05"
           "alice"),
     true, WAITS, 0},
    {BYTES("\x05\x01\x02\x01\x05"
           "alice\x00"),
     true, WRONG_PASSWORD, 0},
    {BYTES("\x05\x01\x02\x01\x05"
           "alice\x05secre"),
     true, WRONG_PASSWORD, 0},
    {BYTES("\x05\x01\x02\x01\x05"
           "alice\x07secrets"),
     true, WRONG_PASSWORD, 0},
    {BYTES("\x05\x01\x02\x01\x05"
           "Alice\x06secret"),
     true, WRONG_PASSWORD, 0},
    {BYTES("\x05\x01\x02\x01\x0c"
           "alice:secret\x00"),
     true, WRONG_PASSWORD, 0},
    {BYTES("\x05\x01\x02\x01\x05"
           "alice\x06secret\x05\x01\x00\x01\x01\x02\x03\x04\x00\x50"),
     true, CONNECTS, 0},
    {BYTES("\x05\x02\x02\x00\x01\x05"
           "alice\x06secret\x05\x01\x00\x01\x01\x02\x03\x04\x00\x50"),
     true, CONNECTS, 0},
    {BYTES("\x05\x01\x00\x05\x01\x00\x01\x01\x02\x03\x04\x00\x50"), false, CONNECTS, 0},
    {BYTES("\x05\x01\x00\x05\x01\x00\x01\x01\x02\x03\x04\x00"), false, WAITS, 0},
    {BYTES("\x05\x01\x00\x01\x01\x00\x01\x01\x02\x03\x04\x00\x50"), false, RESETS, 0}, /* the version again */
    {BYTES("\x05\x01\x00\x05\x01\x00\x03\x00\x00\x50"), false, RESETS, 0},             /* a name of no bytes */
    {BYTES("\x05\x01\x00\x05\x00\x00\x01\x01\x02\x03\x04\x00\x50"), false, REPLIES, IT_SOCKS_NO_COMMAND},
    {BYTES("\x05\x01\x00\x05\x04\x00\x01\x01\x02\x03\x04\x00\x50"), false, REPLIES, IT_SOCKS_NO_COMMAND},
    {BYTES("\x05\x01\x00\x05\x01\x00\x00"), false, REPLIES, IT_SOCKS_NO_ADDRESS_TYPE},
    {BYTES("\x05\x01\x00\x05\x01\x00\x02"), false, REPLIES, IT_SOCKS_NO_ADDRESS_TYPE},
};

START_TEST(each_malformed_message_has_its_answer)
{
    it_alloc mem;
    it_alloc_init(&mem);
    it_proxy_cfg cfg = {.alloc = &mem, .kind = IT_PROXY_SOCKS5, .allow_all = true};
    cfg.auth = TALKS[_i].auth ? "alice:secret" : NULL;
    it_proxy *p = it_proxy_new(&cfg);
    it_io io = {.kind = IT_IO_ACCEPTED, .flow = CLIENT, .data = {NULL, 1000}};
    ck_assert_int_eq(it_proxy_input(p, 0, &io), 0);
    uint8_t said[64], buf[600];
    size_t n_said = 0;
    bool fin = false, rst = false, open = false;
    for (size_t k = 0; k < TALKS[_i].n && !rst; k++) {
        io = (it_io){.kind = IT_IO_DATA, .flow = CLIENT, .data = it_bytes_of(TALKS[_i].bytes + k, 1)};
        ck_assert_int_eq(it_proxy_input(p, 0, &io), 1);
        while (it_proxy_output(p, 0, &io, buf, sizeof buf) == 1) {
            fin |= io.kind == IT_IO_FIN;
            rst |= io.kind == IT_IO_RST;
            open |= io.kind == IT_IO_OPEN;
            if (io.kind == IT_IO_DATA) {
                memcpy(said + n_said, io.data.p, io.data.n);
                n_said += io.data.n;
            }
        }
    }
    enum outcome o = TALKS[_i].outcome;
    ck_assert(rst == (o == RESETS) && open == (o == CONNECTS));
    ck_assert(fin ==
              (o == NO_METHOD || o == WRONG_PASSWORD || o == REPLIES)); /* RFC 1929 section 2: the server closes */
    if (o == NO_METHOD)
        ck_assert(n_said == 2 && memcmp(said, "\x05\xff", 2) == 0);
    if (o == WRONG_PASSWORD)
        ck_assert(n_said == 4 && memcmp(said, "\x05\x02\x01\x01", 4) == 0);
    if (o == REPLIES)
        ck_assert(n_said == 12 && said[3] == TALKS[_i].reply);
    ck_assert_uint_eq(it_proxy_stat(p)->bad, o == RESETS || o == REPLIES);
    ck_assert_uint_eq(it_proxy_stat(p)->unauthorized, o == NO_METHOD || o == WRONG_PASSWORD);
    it_proxy_free(p);
    ck_assert_int_eq(mem.live, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("proxy/socks");
    TCase *t = tcase_create("RFC 1928, 1929");
    tcase_add_loop_test(t, only_version_5_greets_and_only_version_1_has_passwords, 0, 256);
    tcase_add_test(t, a_password_has_a_user_and_may_be_anything);
    tcase_add_loop_test(t, each_malformed_message_has_its_answer, 0, sizeof TALKS / sizeof *TALKS);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
