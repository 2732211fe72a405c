/* The relay that answers checks, on sockets of this machine: its rooms are told, and two ends of one reach each other.
 */
#include "lab/serve/serve.h"
#include "stack/stun/auth.h"
#include "stack/stun/msg.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOMS = 3, LINES = 16 };

static it_alloc ALLOC;
static it_loop *LOOP;
static it_limit_count COUNT;
static char SAID[LINES][256], LOGGED[LINES][IT_SERVE_LINE];
static int N_SAID, N_LOGGED;
static uint16_t PORT;

static void up(void *self, const char *transport, it_addr a, bool is_up)
{
    (void)self;
    ck_assert_str_eq(transport, "udp");
    PORT = is_up ? a.port : PORT;
}

static void said(void *self, const char *line)
{
    (void)self;
    ck_assert_int_lt(N_SAID, LINES);
    (void)snprintf(SAID[N_SAID++], sizeof SAID[0], "%s", line);
}

static void logged(void *self, const char *line)
{
    (void)self;
    ck_assert_int_lt(N_LOGGED, LINES);
    (void)snprintf(LOGGED[N_LOGGED++], sizeof LOGGED[0], "%s", line);
}

static void serve_with(uint32_t rate)
{
    static it_serve_stop stop;
    it_addr at = it_addr_of(it_ip4(0x7f000001), 0), bad;
    it_alloc_init(&ALLOC);
    LOOP = it_loop_new(&(it_loop_cfg){.alloc = &ALLOC, .clock = IT_CLOCK_WALL});
    it_serve_cfg cfg = {.alloc = &ALLOC, .loop = LOOP, .seed = 1, .addrs = &at, .n_addrs = 1, .count = &COUNT};
    cfg.stop = &stop;
    cfg.bound = up;
    cfg.tell = said;
    cfg.log = logged;
    cfg.rooms = ROOMS;
    cfg.limit = (it_limit_cfg){.rate = rate, .depth = rate};
    ck_assert_int_eq(it_service_of("checkrelay")->start(&cfg, &bad), 0);
    ck_assert_int_eq(it_loop_flush(LOOP), 0);
    ck_assert_uint_ne(PORT, 0);
}

static void served(void)
{
    it_loop_free(LOOP);
    ck_assert_int_eq(ALLOC.live, 0);
}

/* --- an end --- */

static int end_socket(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = {htonl(0x7f000001)}};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    ck_assert(fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof to) == 0);
    return fd;
}

/* What comes to |fd| within |wait|: how much, 0: nothing. */
static size_t end_hears(int fd, uint8_t buf[2048], it_time wait)
{
    it_time until = it_loop_now(LOOP) + wait;
    for (;;) {
        ssize_t n = recv(fd, buf, 2048, 0);
        if (n >= 0)
            return (size_t)n;
        if (it_loop_now(LOOP) >= until)
            return 0;
        ck_assert_int_ge(it_loop_wait(LOOP, it_loop_now(LOOP) + 5 * IT_MS, NULL, 0), 0);
    }
}

/* Checks with the |set|-th credentials of line |line|, or with another password. Returns the class of the answer, -1:
 * none. */
static int end_checks(int fd, int line, int set, bool forged)
{
    char w[4][64];
    char user[80];
    uint8_t bytes[2048], txid[IT_STUN_TXID] = {(uint8_t)line, (uint8_t)set};
    it_hmac_key key;
    it_stun_msg m;
    it_buf b;
    ck_assert_int_eq(sscanf(SAID[line], "room %*d end %*d %63s %63s %63s %63s", w[0], w[1], w[2], w[3]), 4);
    (void)snprintf(user, sizeof user, "%s:far", w[2 * set]);
    it_buf_init(&b, bytes, sizeof bytes);
    it_stun_begin(&b, IT_STUN_REQUEST, IT_STUN_BINDING, txid);
    it_stun_put(&b, IT_STUN_USERNAME, it_bytes_str(user));
    it_stun_put_u32(&b, IT_STUN_PRIORITY, 1);
    it_stun_put_u64(&b, IT_STUN_ICE_CONTROLLING, 1);
    it_stun_key_short(&key, it_bytes_str(forged ? "anotherPasswordOf22Chars" : w[2 * set + 1]));
    it_stun_put_integrity(&b, &key);
    it_stun_put_fingerprint(&b);
    int n = it_stun_end(&b);
    ck_assert_int_eq(send(fd, bytes, (size_t)n, 0), n);
    size_t got = end_hears(fd, bytes, IT_SEC / 2);
    if (got == 0)
        return -1;
    ck_assert_int_eq(it_stun_parse(&m, it_bytes_of(bytes, got)), 0);
    return (int)m.cls;
}

START_TEST(each_end_of_each_room_is_told_credentials_of_its_own)
{
    serve_with(0);
    ck_assert_int_eq(N_SAID, 2 * ROOMS);
    for (int i = 0; i < N_SAID; i++) {
        char begins[32];
        (void)snprintf(begins, sizeof begins, "room %d end %d ", i / 2 + 1, i % 2 + 1);
        ck_assert_int_eq(strncmp(SAID[i], begins, strlen(begins)), 0);
        for (int k = 0; k < i; k++)
            ck_assert_str_ne(strchr(SAID[i], 'd'), strchr(SAID[k], 'd'));
    }
    served();
}
END_TEST

START_TEST(two_ends_that_check_reach_each_other_and_nobody_else_is_reached)
{
    uint8_t buf[2048];
    serve_with(0);
    int a = end_socket(), b = end_socket(), other = end_socket(), stranger = end_socket();
    ck_assert_int_eq(end_checks(a, 0, 0, false), IT_STUN_SUCCESS);
    ck_assert_int_eq(end_checks(b, 1, 1, false), IT_STUN_SUCCESS);
    ck_assert_int_eq(end_checks(other, 2, 0, false), IT_STUN_SUCCESS); /* in the next room */
    ck_assert_int_eq(end_checks(stranger, 0, 0, true), IT_STUN_ERROR);
    ck_assert_int_eq(send(a, "\x80here!", 6, 0), 6);
    ck_assert_uint_eq(end_hears(b, buf, IT_SEC), 6);
    ck_assert_mem_eq(buf, "\x80here!", 6);
    ck_assert_int_eq(send(stranger, "\x80lies", 5, 0), 5);
    ck_assert_int_eq(send(other, "\x80lost", 5, 0), 5);
    ck_assert_uint_eq(end_hears(a, buf, IT_SEC / 10), 0);
    ck_assert_uint_eq(end_hears(b, buf, IT_SEC / 100), 0);
    served();
    /* Who came, and what it did in all. */
    ck_assert_int_eq(N_LOGGED, 4);
    ck_assert_int_eq(strncmp(LOGGED[0], "checkrelay: end 1 of room 1 is at 127.0.0.1:", 44), 0);
    ck_assert_int_eq(strncmp(LOGGED[1], "checkrelay: end 2 of room 1 is at 127.0.0.1:", 44), 0);
    ck_assert_str_eq(LOGGED[3], "checkrelay: 3 checks, 1 refused; 1 datagrams (6 bytes) relayed, 2 dropped");
    close(a);
    close(b);
    close(other);
    close(stranger);
}
END_TEST

START_TEST(checks_beyond_the_rate_are_not_answered_and_data_is_not_counted)
{
    uint8_t buf[2048];
    serve_with(2);
    int a = end_socket(), b = end_socket();
    ck_assert_int_eq(end_checks(a, 0, 0, false), IT_STUN_SUCCESS);
    ck_assert_int_eq(end_checks(b, 1, 0, false), IT_STUN_SUCCESS);
    int answered = 0;
    for (int i = 0; i < 5; i++)
        answered += end_checks(a, 0, i % 2, false) >= 0;
    ck_assert_int_lt(answered, 5);
    ck_assert_uint_gt(COUNT.dropped, 0);
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(send(a, "\x80sent", 5, 0), 5);
        ck_assert_uint_eq(end_hears(b, buf, IT_SEC), 5);
    }
    served();
    close(a);
    close(b);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/serve/checkrelay");
    TCase *t = tcase_create("relay");
    tcase_set_timeout(t, 30);
    tcase_add_test(t, each_end_of_each_room_is_told_credentials_of_its_own);
    tcase_add_test(t, two_ends_that_check_reach_each_other_and_nobody_else_is_reached);
    tcase_add_test(t, checks_beyond_the_rate_are_not_answered_and_data_is_not_counted);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
