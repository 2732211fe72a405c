/* The relay that answers checks: who is let in, what is handed on, and to whom never. */
#include "stack/checkrelay/relay.h"

#include "stack/stun/auth.h"
#include "stack/stun/msg.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static it_alloc ALLOC;
static it_check_relay *R;
static it_check_relay_end END[2];
static it_addr HOME, A, B, STRANGER;

static it_addr addr(const char *text)
{
    it_addr a;
    ck_assert_int_eq(it_addr_parse(&a, text), 0);
    return a;
}

static void setup_with(it_check_relay_cfg cfg)
{
    it_alloc_init(&ALLOC);
    cfg.alloc = &ALLOC;
    it_rng_init(&cfg.rng, 1, "relay");
    R = it_check_relay_new(&cfg);
    ck_assert_ptr_nonnull(R);
    ck_assert_int_eq(it_check_relay_room(R, 0, END), 0);
    HOME = addr("203.0.113.3:3480");
    A = addr("198.51.100.1:1000");
    B = addr("198.51.100.2:2000");
    STRANGER = addr("192.0.2.66:666");
}

static void setup(void)
{
    setup_with((it_check_relay_cfg){.life = 0});
}

static void teardown(void)
{
    it_check_relay_free(R);
    ck_assert_int_eq(ALLOC.live, 0);
}

static void give(it_time now, it_addr from, it_bytes data)
{
    it_io in = {.kind = IT_IO_DGRAM, .local = HOME, .remote = from, .data = data};
    ck_assert_int_eq(it_check_relay_input(R, now, &in), (int)data.n);
}

static void say(it_time now, it_addr from, const char *text)
{
    give(now, from, it_bytes_str(text));
}

/* What leaves next, in |to| and |bytes|: how much; 0, nothing. */
static size_t takes(it_addr *to, uint8_t bytes[IT_IO_DGRAM_MAX])
{
    it_io out;
    if (it_check_relay_output(R, 0, &out, bytes, IT_IO_DGRAM_MAX) == 0)
        return 0;
    ck_assert_int_eq(out.kind, IT_IO_DGRAM);
    ck_assert(it_addr_eq(out.local, HOME));
    *to = out.remote;
    return out.data.n;
}

static void nothing_leaves(void)
{
    uint8_t bytes[IT_IO_DGRAM_MAX];
    it_addr to;
    ck_assert_uint_eq(takes(&to, bytes), 0);
}

static void hears(it_addr who, const char *text)
{
    uint8_t bytes[IT_IO_DGRAM_MAX];
    it_addr to;
    size_t n = takes(&to, bytes);
    ck_assert(it_bytes_eq(it_bytes_of(bytes, n), it_bytes_str(text)));
    ck_assert(it_addr_eq(to, who));
}

/* A check from |from| with |user| and |pwd|; returns the code of the answer, 0: success, -1: there is none. It is never
 * larger than the check, and goes to who asked. */
static int check_as(it_time now, it_addr from, const char *user, const char *pwd, bool nominate)
{
    uint8_t bytes[512], answer[IT_IO_DGRAM_MAX], txid[IT_STUN_TXID] = {7};
    it_hmac_key key;
    it_stun_msg m;
    it_addr to, mapped;
    it_buf b;
    int code = 0;
    it_buf_init(&b, bytes, sizeof bytes);
    it_stun_begin(&b, IT_STUN_REQUEST, IT_STUN_BINDING, txid);
    if (user)
        it_stun_put(&b, IT_STUN_USERNAME, it_bytes_str(user));
    it_stun_put_u32(&b, IT_STUN_PRIORITY, 1);
    it_stun_put_u64(&b, IT_STUN_ICE_CONTROLLING, 1);
    if (nominate)
        it_stun_put(&b, IT_STUN_USE_CANDIDATE, it_bytes_of(NULL, 0));
    it_stun_key_short(&key, it_bytes_str(pwd));
    it_stun_put_integrity(&b, &key);
    it_stun_put_fingerprint(&b);
    int n = it_stun_end(&b);
    ck_assert_int_gt(n, 0);
    give(now, from, it_bytes_of(bytes, (size_t)n));
    size_t size = takes(&to, answer);
    if (size == 0)
        return -1;
    ck_assert_uint_le(size, (size_t)n);
    ck_assert(it_addr_eq(to, from));
    ck_assert_int_eq(it_stun_parse(&m, it_bytes_of(answer, size)), 0);
    ck_assert_mem_eq(m.txid, txid, sizeof txid);
    if (m.cls == IT_STUN_ERROR) {
        ck_assert_int_eq(it_stun_get_error(&m, &code, NULL), 0);
        return code;
    }
    ck_assert_int_eq(it_stun_check(&m, &key, NULL), 0);
    ck_assert_int_eq(it_stun_get_addr(&m, IT_STUN_XOR_MAPPED_ADDRESS, &mapped), 0);
    ck_assert(it_addr_eq(mapped, from));
    return 0;
}

/* End |k| checks from |from| by its credentials |set|. */
static int check_by(it_time now, int k, int set, it_addr from, bool nominate)
{
    char user[64];
    snprintf(user, sizeof user, "%s:own0", END[k].ufrag[set]);
    return check_as(now, from, user, END[k].pwd[set], nominate);
}

START_TEST(two_ends_that_have_checked_hear_each_other_and_nobody_else_is_heard)
{
    say(0, A, "early");
    nothing_leaves();
    ck_assert_int_eq(check_by(0, 0, 0, A, false), 0);
    say(0, A, "alone"); /* the other end has not consented */
    nothing_leaves();
    ck_assert_int_eq(check_by(0, 1, 0, B, false), 0);
    say(0, A, "hello");
    hears(B, "hello");
    say(0, B, "hello yourself");
    hears(A, "hello yourself");
    say(0, STRANGER, "let me in");
    say(0, addr("198.51.100.1:1001"), "another port");
    nothing_leaves();
    ck_assert_uint_eq(it_check_relay_stats_of(R)->relayed, 2);
    ck_assert_uint_eq(it_check_relay_stats_of(R)->dropped, 4);
}
END_TEST

START_TEST(consent_lasts_for_its_time_and_is_renewed_by_checks_alone)
{
    ck_assert_int_eq(check_by(0, 0, 0, A, false), 0);
    ck_assert_int_eq(check_by(0, 1, 0, B, false), 0);
    ck_assert_int_eq(check_by(20 * IT_SEC, 0, 0, A, false), 0);
    say(29 * IT_SEC, A, "x");
    hears(B, "x");
    say(30 * IT_SEC, A, "x"); /* B has not asked again */
    say(30 * IT_SEC, B, "x");
    nothing_leaves();
    ck_assert_int_eq(check_by(31 * IT_SEC, 1, 1, B, false), 0); /* by its other credentials */
    say(31 * IT_SEC, A, "y");
    hears(B, "y");
}
END_TEST

START_TEST(what_is_not_authentic_moves_nobody)
{
    char user[64];
    ck_assert_int_eq(check_by(0, 0, 0, A, false), 0);
    ck_assert_int_eq(check_by(0, 1, 0, B, false), 0);
    snprintf(user, sizeof user, "%s:own0", END[1].ufrag[0]);
    ck_assert_int_eq(check_as(0, STRANGER, user, END[1].pwd[1], true), 401); /* the password of the other set */
    ck_assert_int_eq(check_as(0, STRANGER, user, END[0].pwd[0], true), 401);
    ck_assert_int_eq(check_as(0, STRANGER, "nobody:own0", "a password of 22 letters", true), 401);
    ck_assert_int_eq(check_as(0, STRANGER, ":own0", "a password of 22 letters", true), 401);
    ck_assert_int_eq(check_as(0, STRANGER, END[1].ufrag[0], END[1].pwd[0], true), 401); /* no colon */
    ck_assert_int_eq(check_as(0, STRANGER, NULL, END[1].pwd[0], true), 400);
    say(0, A, "still there");
    hears(B, "still there");
}
END_TEST

START_TEST(an_end_is_where_it_chose_to_be)
{
    it_addr other = addr("198.51.100.9:9000");
    ck_assert_int_eq(check_by(0, 0, 0, A, false), 0);
    ck_assert_int_eq(check_by(0, 1, 0, B, false), 0);
    ck_assert_int_eq(check_by(0, 1, 0, other, false), 0); /* the latest, as nothing was chosen */
    say(0, A, "1");
    hears(other, "1");
    ck_assert_int_eq(check_by(0, 1, 0, B, true), 0);
    ck_assert_int_eq(check_by(0, 1, 0, other, false), 0);
    say(0, A, "2");
    hears(B, "2");
    say(0, other, "from where it is not"); /* any more */
    nothing_leaves();
    ck_assert_int_eq(check_by(0, 1, 0, other, true), 0); /* it moves */
    say(0, A, "3");
    hears(other, "3");
    ck_assert_int_eq(check_by(40 * IT_SEC, 0, 0, A, false), 0);
    ck_assert_int_eq(check_by(40 * IT_SEC, 1, 0, B, false), 0); /* what it chose has lapsed */
    say(40 * IT_SEC, A, "4");
    hears(B, "4");
}
END_TEST

START_TEST(stun_is_never_handed_on)
{
    uint8_t data[40] = {0, 1};
    ck_assert_int_eq(check_by(0, 0, 0, A, false), 0);
    ck_assert_int_eq(check_by(0, 1, 0, B, false), 0);
    for (int first = 0; first < 4; first++) {
        data[0] = (uint8_t)first;
        give(0, A, it_bytes_of(data, sizeof data));
        nothing_leaves();
    }
    give(0, A, it_bytes_of(data, 0));
    nothing_leaves();
}
END_TEST

START_TEST(rooms_are_bounded_and_idle_ones_end)
{
    it_check_relay_end more[2];
    teardown();
    setup_with((it_check_relay_cfg){.rooms = 2, .idle = 60 * IT_SEC});
    ck_assert_int_eq(it_check_relay_room(R, 0, more), 0);
    ck_assert_int_eq(it_check_relay_room(R, 0, more), IT_ERR_FULL);
    ck_assert_int_eq(check_by(30 * IT_SEC, 0, 0, A, false), 0);
    ck_assert_int_eq(it_check_relay_next(R), 60 * IT_SEC);
    ck_assert_int_eq(it_check_relay_tick(R, 60 * IT_SEC), 0);
    ck_assert_uint_eq(it_check_relay_rooms(R), 1);
    ck_assert_int_eq(it_check_relay_room(R, 60 * IT_SEC, more), 0);
    ck_assert_int_eq(it_check_relay_tick(R, 90 * IT_SEC), 0);
    ck_assert_int_eq(check_by(91 * IT_SEC, 0, 0, A, false), 401); /* its room is gone */
}
END_TEST

START_TEST(a_room_passes_its_rate_and_no_more)
{
    uint8_t data[1000];
    int passed = 0;
    uint8_t bytes[IT_IO_DGRAM_MAX];
    it_addr to;
    memset(data, 0x80, sizeof data);
    teardown();
    setup_with((it_check_relay_cfg){.rate = 10000});
    ck_assert_int_eq(check_by(0, 0, 0, A, false), 0);
    ck_assert_int_eq(check_by(0, 1, 0, B, false), 0);
    for (int ms = 0; ms < 10000; ms += 10) {
        give(ms * IT_MS, A, it_bytes_of(data, sizeof data));
        passed += takes(&to, bytes) > 0;
    }
    ck_assert_int_ge(passed, 105);
    ck_assert_int_le(passed, 110); /* a burst of 10, and 10 a second */
}
END_TEST

START_TEST(a_base_that_goes_takes_its_ends_along)
{
    it_io in = {.kind = IT_IO_UNBIND, .local = HOME};
    ck_assert_int_eq(check_by(0, 0, 0, A, false), 0);
    ck_assert_int_eq(check_by(0, 1, 0, B, false), 0);
    ck_assert_int_eq(it_check_relay_input(R, 0, &in), 0);
    say(0, A, "x");
    nothing_leaves();
}
END_TEST

/* What waits is bounded: a full queue loses, and nothing else. */
START_TEST(a_full_queue_loses)
{
    int n = 0;
    uint8_t bytes[IT_IO_DGRAM_MAX];
    it_addr to;
    ck_assert_int_eq(check_by(0, 0, 0, A, false), 0);
    ck_assert_int_eq(check_by(0, 1, 0, B, false), 0);
    for (int i = 0; i < 1000; i++)
        say(0, A, "x");
    while (takes(&to, bytes))
        n++;
    ck_assert_int_ge(n, 16);
    ck_assert_int_lt(n, 1000);
    say(0, A, "again");
    hears(B, "again");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stack/checkrelay/relay");
    TCase *t = tcase_create("relay");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, two_ends_that_have_checked_hear_each_other_and_nobody_else_is_heard);
    tcase_add_test(t, consent_lasts_for_its_time_and_is_renewed_by_checks_alone);
    tcase_add_test(t, what_is_not_authentic_moves_nobody);
    tcase_add_test(t, an_end_is_where_it_chose_to_be);
    tcase_add_test(t, stun_is_never_handed_on);
    tcase_add_test(t, rooms_are_bounded_and_idle_ones_end);
    tcase_add_test(t, a_room_passes_its_rate_and_no_more);
    tcase_add_test(t, a_base_that_goes_takes_its_ends_along);
    tcase_add_test(t, a_full_queue_loses);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
