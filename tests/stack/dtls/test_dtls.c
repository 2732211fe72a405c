/* stack/dtls: handshakes with loss, exact retransmission, fingerprints, ends, determinism, and certificates. */
#include "stack/crypto/ossl.h"
#include "stack/dtls/dtls.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLY 256

typedef struct packet {
    it_time at;
    uint64_t seq;
    int to;
    size_t n;
    uint8_t data[IT_IO_DGRAM_MAX];
} packet;

typedef struct side {
    it_dtls *d;
    int events[8];
    it_time when[8];
    char why[200];
    char data[200];
    int n_data;
} side;

typedef struct rig {
    it_time now;
    uint64_t seq, hash;
    side s[2]; /* 0: client */
    packet fly[FLY];
    int n_fly;
    uint64_t lose; /* bit i: the i-th datagram is lost */
    int sent, sent_by[2];
    it_time sent_at[2][64];
    bool doubled; /* every datagram twice, the second later */
    void (*between)(struct rig *r);
} rig;

static it_alloc alloc;
static it_dtls_shared *shared;
static it_dtls_cert *cert[3];
static rig R;

static void setup(void)
{
    it_alloc_init(&alloc);
    ck_assert_int_eq(it_ossl_init(), 0);
    shared = it_dtls_shared_new(&alloc);
    ck_assert_ptr_nonnull(shared);
    for (int i = 0; i < 3; i++) {
        it_rng r;
        it_rng_init(&r, (uint64_t)i, "cert");
        cert[i] = it_dtls_cert_new(&alloc, &r, 0);
        ck_assert_ptr_nonnull(cert[i]);
    }
    memset(&R, 0, sizeof R);
}

static void teardown(void)
{
    for (int i = 0; i < 2; i++)
        it_dtls_free(R.s[i].d);
    for (int i = 0; i < 3; i++)
        it_dtls_cert_free(cert[i]);
    it_dtls_shared_free(shared);
    ck_assert_int_eq(alloc.live, 0);
    it_ossl_fini();
}

static void make(uint64_t seed)
{
    for (int i = 0; i < 2; i++) {
        it_dtls_cfg c = {.alloc = &alloc, .shared = shared, .cert = cert[i], .client = i == 0};
        it_rng_init(&c.rng, seed, i ? "bob" : "alice");
        R.s[i].d = it_dtls_new(&c);
        ck_assert_ptr_nonnull(R.s[i].d);
    }
}

static void trust(int i, const it_dtls_cert *c)
{
    it_dtls_set_peer(R.s[i].d, R.now, it_dtls_cert_fingerprint(c));
}

static void put(int to, it_bytes d, it_time delay)
{
    ck_assert_int_lt(R.n_fly, FLY);
    packet *p = &R.fly[R.n_fly++];
    *p = (packet){.at = R.now + delay, .seq = ++R.seq, .to = to, .n = d.n};
    memcpy(p->data, d.p, d.n);
}

static void pump(void)
{
    bool more = true;
    while (more) {
        more = false;
        for (int i = 0; i < 2; i++) {
            it_io out;
            uint8_t buf[IT_IO_DGRAM_MAX];
            it_dtls_event ev;
            side *s = &R.s[i];
            memset(&out, 0xff, sizeof out); /* it is written whole */
            while (it_dtls_output(s->d, R.now, &out, buf, sizeof buf) == 1) {
                ck_assert(out.meta.ttl == 0 && out.meta.tos == 0 && out.flow == 0);
                more = true;
                ck_assert_uint_le(out.data.n, IT_DTLS_MTU);
                ck_assert(it_dtls_is(out.data));
                if (R.sent_by[i] < 64)
                    R.sent_at[i][R.sent_by[i]] = R.now;
                R.sent_by[i]++;
                for (size_t k = 0; k < out.data.n; k++)
                    R.hash = it_hash_mix(R.hash, out.data.p[k]);
                bool lost = R.sent < 64 && (R.lose >> R.sent & 1);
                R.sent++;
                if (!lost)
                    put(1 - i, out.data, 10 * IT_MS);
                if (R.doubled && !lost)
                    put(1 - i, out.data, 35 * IT_MS);
            }
            while (it_dtls_event_next(s->d, &ev) == 1) {
                more = true;
                s->events[ev.kind]++;
                s->when[ev.kind] = R.now;
                if (ev.kind == IT_DTLS_DATA) {
                    ck_assert_int_eq(s->events[IT_DTLS_OPEN], 1);
                    snprintf(s->data, sizeof s->data, "%.*s", (int)ev.data.n, (const char *)ev.data.p);
                    s->n_data++;
                }
                if (ev.why)
                    snprintf(s->why, sizeof s->why, "%s", ev.why);
            }
        }
        if (R.between)
            R.between(&R);
    }
}

static void run(it_time until)
{
    pump();
    for (;;) {
        int best = -1, who = -1;
        it_time t = IT_NEVER;
        for (int i = 0; i < R.n_fly; i++)
            if (R.fly[i].at < t || (R.fly[i].at == t && R.fly[i].seq < R.fly[best].seq)) {
                t = R.fly[i].at;
                best = i;
            }
        for (int i = 0; i < 2; i++)
            if (it_dtls_next(R.s[i].d) < t) {
                t = it_dtls_next(R.s[i].d);
                who = i;
            }
        if (t > until)
            break;
        R.now = t;
        if (who >= 0) {
            ck_assert_int_eq(it_dtls_tick(R.s[who].d, R.now), 0);
            ck_assert_int_gt(it_dtls_next(R.s[who].d), R.now);
        } else {
            packet p = R.fly[best];
            R.fly[best] = R.fly[--R.n_fly];
            it_io in = {.kind = IT_IO_DGRAM, .data = {p.data, p.n}};
            ck_assert_int_eq(it_dtls_input(R.s[p.to].d, R.now, &in), (int)p.n);
        }
        pump();
    }
    R.now = until;
}

static void go(uint64_t seed, it_time until)
{
    make(seed);
    trust(0, cert[1]);
    trust(1, cert[0]);
    it_dtls_start(R.s[1].d, 0);
    it_dtls_start(R.s[0].d, 0);
    run(until);
}

static void both_open(void)
{
    for (int i = 0; i < 2; i++) {
        ck_assert_msg(R.s[i].events[IT_DTLS_OPEN] == 1, "%d: %s", i, R.s[i].why);
        ck_assert_int_eq(R.s[i].events[IT_DTLS_FAILED], 0);
        ck_assert_int_ge(R.s[i].events[IT_DTLS_SECRET], 1);
    }
}

START_TEST(a_handshake_without_loss_takes_two_round_trips)
{
    go(1, IT_SEC);
    both_open();
    ck_assert_int_eq(R.s[1].when[IT_DTLS_OPEN], 30 * IT_MS);
    ck_assert_int_eq(R.s[0].when[IT_DTLS_OPEN], 40 * IT_MS);
    ck_assert_int_eq(it_dtls_send(R.s[0].d, R.now, it_bytes_str("hello")), 0);
    ck_assert_int_eq(it_dtls_send(R.s[1].d, R.now, it_bytes_str("there")), 0);
    run(2 * IT_SEC);
    ck_assert_str_eq(R.s[1].data, "hello");
    ck_assert_str_eq(R.s[0].data, "there");
    ck_assert_int_eq(it_dtls_next(R.s[0].d), IT_NEVER);
}
END_TEST

/* Any one datagram of the handshake lost, and any two. */
START_TEST(a_handshake_survives_loss)
{
    R.lose = (uint64_t)1 << (_i % 12) | (uint64_t)1 << (_i / 12);
    go(1, 60 * IT_SEC);
    both_open();
}
END_TEST

START_TEST(a_handshake_survives_doubling_and_reordering)
{
    R.doubled = true;
    R.lose = (uint64_t)_i * 0x9e3779b97f4a7c15U & 0x1111111111111111U;
    go((uint64_t)_i, 60 * IT_SEC);
    both_open();
}
END_TEST

/* RFC 6347 section 4.2.4.1: 1 s, doubled; exact to the nanosecond. */
START_TEST(an_unanswered_flight_goes_out_at_exact_times_and_then_fails)
{
    static const it_time AT[] = {0, 1, 3, 7, 15, 31};
    R.lose = UINT64_MAX;
    go(1, 200 * IT_SEC);
    ck_assert_int_eq(R.sent_by[0], 6);
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(R.sent_at[0][i], AT[i] * IT_SEC);
    ck_assert_int_eq(R.sent_by[1], 0);
    ck_assert_int_eq(R.s[0].events[IT_DTLS_FAILED], 1);
    ck_assert_int_eq(R.s[0].when[IT_DTLS_FAILED], 63 * IT_SEC);
    ck_assert_int_eq(it_dtls_next(R.s[0].d), IT_NEVER);
    ck_assert_int_eq(it_dtls_send(R.s[0].d, R.now, it_bytes_str("x")), IT_ERR_STATE);
}
END_TEST

/* OpenSSL takes a timer with less than 15 ms left for expired as soon as anything arrives. */
START_TEST(what_arrives_just_before_the_time_does_not_hasten_the_flight)
{
    static const uint8_t junk[] = {23, 0xfe, 0xfd, 0, 5, 0, 0, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4};
    R.lose = UINT64_MAX;
    go(1, IT_SEC - (it_time)(1 + _i) * IT_MS);
    it_io in = {.kind = IT_IO_DGRAM, .data = {junk, sizeof junk}};
    ck_assert_int_eq(it_dtls_input(R.s[0].d, R.now, &in), (int)sizeof junk);
    pump();
    ck_assert_int_eq(R.sent_by[0], 1);
    run(4 * IT_SEC);
    ck_assert_int_eq(R.sent_by[0], 3);
    ck_assert_int_eq(R.sent_at[0][1], IT_SEC);
    ck_assert_int_eq(R.sent_at[0][2], 3 * IT_SEC);
}
END_TEST

START_TEST(a_kick_sends_at_once_four_times_a_flight)
{
    R.lose = UINT64_MAX;
    go(1, 200 * IT_MS);
    for (int i = 0; i < 6; i++) {
        it_dtls_kick(R.s[0].d, R.now);
        pump();
        R.now += 10 * IT_MS;
    }
    ck_assert_int_eq(R.sent_by[0], 5);
    ck_assert_int_eq(R.sent_at[0][4], 230 * IT_MS);
    ck_assert_int_eq(it_dtls_next(R.s[0].d), 230 * IT_MS + IT_SEC); /* the wait starts anew, undoubled */
}
END_TEST

/* RFC 8122 section 6.2. */
START_TEST(a_wrong_fingerprint_fails_whenever_it_is_told)
{
    make(1);
    if (_i < 2) {
        trust(_i, cert[2]);
        trust(1 - _i, cert[_i]);
    }
    it_dtls_start(R.s[1].d, 0);
    it_dtls_start(R.s[0].d, 0);
    run(IT_SEC);
    if (_i >= 2) { /* after the handshake */
        ck_assert_int_eq(R.s[0].events[IT_DTLS_OPEN], 0);
        trust(_i - 2, cert[2]);
        run(2 * IT_SEC);
    }
    const side *s = &R.s[_i % 2];
    ck_assert_int_eq(s->events[IT_DTLS_FAILED], 1);
    ck_assert_int_eq(s->events[IT_DTLS_OPEN], 0);
    ck_assert_msg(strstr(s->why, "fingerprint") != NULL, "%s", s->why);
    ck_assert_int_eq(R.s[1 - _i % 2].n_data, 0);
}
END_TEST

/* RFC 8122 section 5.1. The right one is the |_i|-th that is told: the fourth is the last that counts. */
START_TEST(any_of_four_fingerprints_will_do_and_no_fifth)
{
    const uint8_t *right = it_dtls_cert_fingerprint(cert[1]), *wrong = it_dtls_cert_fingerprint(cert[2]);
    make(1);
    trust(1, cert[0]);
    it_dtls_add_peer(R.s[0].d, right); /* before the first one is told it is none */
    it_dtls_set_peer(R.s[0].d, 0, _i == 0 ? right : wrong);
    for (int i = 1; i < 6; i++)
        it_dtls_add_peer(R.s[0].d, i == _i ? right : wrong);
    it_dtls_start(R.s[1].d, 0);
    it_dtls_start(R.s[0].d, 0);
    run(IT_SEC);
    ck_assert_int_eq(R.s[0].events[IT_DTLS_OPEN], _i < IT_DTLS_PRINTS);
    ck_assert_int_eq(R.s[0].events[IT_DTLS_FAILED], _i >= IT_DTLS_PRINTS);
}
END_TEST

START_TEST(open_and_data_wait_for_the_fingerprint)
{
    make(1);
    trust(1, cert[0]);
    it_dtls_start(R.s[1].d, 0);
    it_dtls_start(R.s[0].d, 0);
    run(IT_SEC);
    ck_assert_int_eq(R.s[1].events[IT_DTLS_OPEN], 1);
    ck_assert_int_eq(it_dtls_send(R.s[1].d, R.now, it_bytes_str("early")), 0);
    run(2 * IT_SEC);
    ck_assert_int_eq(R.s[0].n_data, 0);
    trust(0, cert[1]);
    run(3 * IT_SEC);
    ck_assert_int_eq(R.s[0].events[IT_DTLS_OPEN], 1);
    ck_assert_str_eq(R.s[0].data, "early");
}
END_TEST

START_TEST(a_close_is_told_once_and_ends_everything)
{
    go(1, IT_SEC);
    it_dtls_close(R.s[0].d, R.now);
    run(2 * IT_SEC);
    ck_assert_int_eq(R.s[0].events[IT_DTLS_CLOSED], 0);
    ck_assert_int_eq(R.s[1].events[IT_DTLS_CLOSED], 1);
    ck_assert_int_eq(it_dtls_send(R.s[1].d, R.now, it_bytes_str("x")), IT_ERR_STATE);
}
END_TEST

START_TEST(sizes_of_data_are_bounded)
{
    static const uint8_t big[IT_DTLS_DATA_MAX + 1];
    make(1);
    ck_assert_int_eq(it_dtls_send(R.s[0].d, 0, it_bytes_str("x")), IT_ERR_STATE);
    it_dtls_free(R.s[0].d);
    it_dtls_free(R.s[1].d);
    go(1, IT_SEC);
    ck_assert_int_eq(it_dtls_send(R.s[0].d, R.now, it_bytes_of(big, 0)), IT_ERR_RANGE);
    ck_assert_int_eq(it_dtls_send(R.s[0].d, R.now, it_bytes_of(big, sizeof big)), IT_ERR_TOOBIG);
    ck_assert_int_eq(it_dtls_send(R.s[0].d, R.now, it_bytes_of(big, sizeof big - 1)), 0);
    run(2 * IT_SEC);
    ck_assert_int_eq(R.s[1].n_data, 1);
}
END_TEST

START_TEST(rubbish_changes_nothing)
{
    it_rng r;
    uint8_t junk[600];
    it_rng_init(&r, (uint64_t)_i, "junk");
    go(1, 25 * IT_MS); /* in the middle */
    for (int i = 0; i < 50; i++) {
        it_rng_bytes(&r, junk, sizeof junk);
        junk[0] = (uint8_t)(20 + it_rng_below(&r, 44));
        junk[1] = 0xfe;
        junk[2] = 0xfd;
        size_t n = 1 + it_rng_below(&r, sizeof junk);
        it_io in = {.kind = IT_IO_DGRAM, .data = {junk, n}};
        ck_assert_int_eq(it_dtls_input(R.s[i & 1].d, R.now, &in), (int)n);
        pump();
    }
    run(60 * IT_SEC);
    both_open();
}
END_TEST

/* --- determinism --- */

static it_dtls *third[2];

/* A third pair handshakes and draws between every two steps of ours. */
static void meddle(rig *r)
{
    it_io out;
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_dtls_event ev;
    for (int i = 0; i < 2; i++) {
        while (it_dtls_output(third[i], r->now, &out, buf, sizeof buf) == 1) {
            it_io in = {.kind = IT_IO_DGRAM, .data = out.data};
            ck_assert_int_ge(it_dtls_input(third[1 - i], r->now, &in), 0);
        }
        while (it_dtls_event_next(third[i], &ev) == 1)
            ;
    }
}

START_TEST(another_connection_between_ours_changes_no_byte)
{
    go(5, IT_SEC);
    uint64_t alone = R.hash;
    it_dtls_free(R.s[0].d);
    it_dtls_free(R.s[1].d);
    memset(&R, 0, sizeof R);
    for (int i = 0; i < 2; i++) {
        it_dtls_cfg c = {.alloc = &alloc, .shared = shared, .cert = cert[2], .client = i == 0};
        it_rng_init(&c.rng, 99, i ? "y" : "x");
        third[i] = it_dtls_new(&c);
        it_dtls_set_peer(third[i], 0, it_dtls_cert_fingerprint(cert[2]));
        it_dtls_start(third[i], 0);
    }
    R.between = meddle;
    go(5, IT_SEC);
    ck_assert_uint_eq(R.hash, alone);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(it_dtls_send(third[i], IT_SEC, it_bytes_str("open")), 0);
        it_dtls_free(third[i]);
    }
}
END_TEST

START_TEST(another_seed_gives_other_bytes)
{
    go(5, IT_SEC);
    uint64_t h = R.hash;
    it_dtls_free(R.s[0].d);
    it_dtls_free(R.s[1].d);
    memset(&R, 0, sizeof R);
    go(6, IT_SEC);
    ck_assert_uint_ne(R.hash, h);
}
END_TEST

START_TEST(a_certificate_is_its_stream_and_time)
{
    it_rng a, b;
    it_rng_init(&a, 1, "alice/cert");
    b = a;
    it_dtls_cert *x = it_dtls_cert_new(&alloc, &a, 0), *y = it_dtls_cert_new(&alloc, &b, 0);
    it_dtls_cert *z = it_dtls_cert_new(&alloc, &b, 0); /* the stream has moved on */
    ck_assert(x && y && z);
    ck_assert_mem_eq(it_dtls_cert_fingerprint(x), it_dtls_cert_fingerprint(y), IT_SHA256_SIZE);
    ck_assert_mem_ne(it_dtls_cert_fingerprint(x), it_dtls_cert_fingerprint(z), IT_SHA256_SIZE);
    it_rng_init(&b, 1, "alice/cert");
    it_dtls_cert_free(z);
    z = it_dtls_cert_new(&alloc, &b, 86400 * IT_SEC);
    ck_assert_mem_ne(it_dtls_cert_fingerprint(x), it_dtls_cert_fingerprint(z), IT_SHA256_SIZE);
    it_dtls_cert_free(x);
    it_dtls_cert_free(y);
    it_dtls_cert_free(z);
}
END_TEST

static TCase *group(Suite *s, const char *name)
{
    TCase *t = tcase_create(name);
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    suite_add_tcase(s, t);
    return t;
}

Suite *suite(void);
Suite *suite(void)
{
    Suite *s = suite_create("dtls/dtls");
    TCase *t = group(s, "handshake");
    tcase_add_test(t, a_handshake_without_loss_takes_two_round_trips);
    tcase_add_loop_test(t, a_handshake_survives_loss, 0, 144);
    tcase_add_loop_test(t, a_handshake_survives_doubling_and_reordering, 0, 16);
    tcase_add_loop_test(t, rubbish_changes_nothing, 0, 8);
    t = group(s, "RFC 6347 section 4.2.4");
    tcase_add_test(t, an_unanswered_flight_goes_out_at_exact_times_and_then_fails);
    tcase_add_loop_test(t, what_arrives_just_before_the_time_does_not_hasten_the_flight, 0, 20);
    tcase_add_test(t, a_kick_sends_at_once_four_times_a_flight);
    t = group(s, "RFC 8122 section 6.2");
    tcase_add_loop_test(t, a_wrong_fingerprint_fails_whenever_it_is_told, 0, 4);
    tcase_add_loop_test(t, any_of_four_fingerprints_will_do_and_no_fifth, 0, 6);
    tcase_add_test(t, open_and_data_wait_for_the_fingerprint);
    t = group(s, "data and end");
    tcase_add_test(t, a_close_is_told_once_and_ends_everything);
    tcase_add_test(t, sizes_of_data_are_bounded);
    t = group(s, "determinism");
    tcase_add_test(t, another_connection_between_ours_changes_no_byte);
    tcase_add_test(t, another_seed_gives_other_bytes);
    tcase_add_test(t, a_certificate_is_its_stream_and_time);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
