/* stack/dtls/trial.c: whatever is forged during a handshake, from the peer's own address, the handshake ends well. */
#include "stack/crypto/ossl.h"
#include "stack/dtls/dtls.h"

#include <check.h>
#include <stdlib.h>

#define FLY 1024
#define PATH (20 * IT_MS)

typedef struct packet {
    it_time at;
    int to;
    bool forged;
    size_t n;
    uint8_t data[IT_IO_DGRAM_MAX];
} packet;

static it_alloc alloc;
static it_dtls_shared *shared;
static it_dtls_cert *cert[2];
static it_dtls *end[2];                      /* 0: client */
static it_time now, open_at[2], path = PATH; /* |path|: delay one way */
static int ended[2], heard[2];
static packet fly[FLY];
static int n_fly, sent;
static int lose = -1; /* the type of the message that begins datagrams which are lost in the first second */
static it_rng rng;
static uint8_t strange[IT_IO_DGRAM_MAX]; /* another client's hello */
static size_t n_strange;
static void (*forge)(int to, it_bytes honest); /* called for each datagram that leaves, before it is sent */

static void setup(void)
{
    it_alloc_init(&alloc);
    ck_assert_int_eq(it_ossl_init(), 0);
    shared = it_dtls_shared_new(&alloc);
    for (int i = 0; i < 2; i++) {
        it_rng r;
        it_rng_init(&r, (uint64_t)i, "cert");
        cert[i] = it_dtls_cert_new(&alloc, &r, 0);
    }
}

static void begin(uint64_t seed)
{
    now = n_fly = sent = 0;
    it_rng_init(&rng, seed, "forger");
    for (int i = 0; i < 2; i++) {
        it_dtls_cfg c = {.alloc = &alloc, .shared = shared, .cert = cert[i], .client = i == 0};
        it_rng_init(&c.rng, 1, i ? "bob" : "alice");
        end[i] = it_dtls_new(&c);
        ck_assert_ptr_nonnull(end[i]);
        it_dtls_set_peer(end[i], 0, it_dtls_cert_fingerprint(cert[1 - i]));
        open_at[i] = IT_NEVER;
        ended[i] = heard[i] = 0;
    }
}

static void finish(void)
{
    for (int i = 0; i < 2; i++) {
        it_dtls_free(end[i]);
        end[i] = NULL;
    }
}

static void teardown(void)
{
    finish();
    for (int i = 0; i < 2; i++)
        it_dtls_cert_free(cert[i]);
    it_dtls_shared_free(shared);
    ck_assert_int_eq(alloc.live, 0);
    it_ossl_fini();
}

static void put(int to, it_bytes d, it_time delay, bool forged)
{
    ck_assert_int_lt(n_fly, FLY);
    packet *p = &fly[n_fly++];
    *p = (packet){.at = now + delay, .to = to, .forged = forged, .n = d.n};
    memcpy(p->data, d.p, d.n);
}

static void drain(void)
{
    for (int i = 0; i < 2; i++) {
        it_io out;
        it_dtls_event ev;
        uint8_t buf[IT_IO_DGRAM_MAX];
        do {
            while (it_dtls_output(end[i], now, &out, buf, sizeof buf) == 1) {
                sent++;
                if (forge)
                    forge(1 - i, out.data);
                if (out.data.p[13] != lose || now >= IT_SEC)
                    put(1 - i, out.data, path, false);
            }
            while (it_dtls_event_next(end[i], &ev) == 1) {
                if (ev.kind == IT_DTLS_OPEN)
                    open_at[i] = now;
                heard[i] += ev.kind == IT_DTLS_DATA;
                ended[i] += ev.kind == IT_DTLS_CLOSED || ev.kind == IT_DTLS_FAILED;
            }
        } while (it_dtls_output(end[i], now, &out, buf, 0) != 0);
    }
}

static void run(it_time until)
{
    drain();
    while (now < until) {
        it_time t = it_dtls_next(end[0]) < it_dtls_next(end[1]) ? it_dtls_next(end[0]) : it_dtls_next(end[1]);
        int k = -1;
        for (int i = 0; i < n_fly; i++)
            if (fly[i].at <= t) {
                t = fly[i].at;
                k = k < 0 || fly[i].at < fly[k].at ? i : k;
            }
        if (t >= until) {
            now = until;
            return;
        }
        now = t;
        if (k >= 0) {
            packet p = fly[k];
            memmove(&fly[k], &fly[k + 1], (size_t)(--n_fly - k) * sizeof *fly);
            it_io in = {.kind = IT_IO_DGRAM, .data = it_bytes_of(p.data, p.n)};
            ck_assert_int_eq(it_dtls_input(end[p.to], now, &in), (int)p.n);
        }
        for (int i = 0; i < 2; i++)
            if (it_dtls_next(end[i]) <= now)
                ck_assert_int_eq(it_dtls_tick(end[i], now), 0);
        drain();
    }
}

/* Both are open |within| the time, and stay so. */
static void must_open(it_time within)
{
    it_dtls_start(end[1], 0);
    it_dtls_start(end[0], 0);
    run(within);
    for (int i = 0; i < 2; i++) {
        ck_assert_msg(ended[i] == 0, "end %d ended", i);
        ck_assert_msg(open_at[i] <= within, "end %d did not open; ends at %lld %lld", i, (long long)open_at[0],
                      (long long)open_at[1]);
    }
}

/* Records of the epoch in use that nobody with the keys wrote, of every length. */
START_TEST(no_junk_ends_what_is_open)
{
    uint8_t d[13 + 64] = {0, 0xfe, 0xfd, 0, 1};
    begin(1);
    forge = NULL;
    must_open(IT_SEC);
    for (int type = 20; type < 24; type++)
        for (uint8_t n = 0; n <= 64; n++) {
            d[0] = (uint8_t)type;
            d[4] = n & 1;
            d[10] = n;
            d[12] = n;
            for (int to = 0; to < 2; to++)
                put(to, it_bytes_of(d, 13u + n), IT_MS, true);
            run(now + 2 * IT_MS);
            ck_assert_msg(ended[0] + ended[1] == 0, "type %d of %d bytes", type, n);
        }
    ck_assert_int_eq(it_dtls_send(end[0], now, it_bytes_str("still here")), 0);
    run(now + IT_SEC);
    ck_assert_int_eq(ended[0] + ended[1], 0);
    ck_assert_int_eq(heard[1], 1);
}
END_TEST

/* --- what is forged --- */

static const char *const SHAPES[] = {
    "\x15\xfe\xfd\0\0\0\0\0\0\0\x09\0\2\2\x28",                                   /* fatal alert */
    "\x15\xfe\xfd\0\0\0\0\0\0\0\x09\0\2\1\0",                                     /* close_notify */
    "\x17\xfe\xfd\0\0\0\0\0\0\0\x09\0\4\1\2\3\4",                                 /* application data in clear */
    "\x14\xfe\xfd\0\0\0\0\0\0\0\x09\0\1\1",                                       /* ChangeCipherSpec */
    "\x16\xfe\xfd\0\0\0\0\0\0\0\x09\0\x10\0\0\0\4\0\0\0\0\0\0\0\4junk",           /* a HelloRequest with a body */
    "\x16\xfe\xfd\0\0\0\0\0\0\0\x09\0\x10\1\0\0\4\0\0\0\0\0\0\0\4junk",           /* a ClientHello of junk */
    "\x16\xfe\xfd\0\0\0\0\0\0\0\x09\0\x10\2\0\0\4\0\0\0\0\0\0\0\4junk",           /* a ServerHello of junk */
    "\x16\xfe\xfd\0\0\0\0\0\0\0\x09\0\x10\x0b\0\2\0\0\1\0\0\0\0\0\4junk",         /* part of a certificate */
    "\x16\xfe\xfd\0\0\0\0\0\0\0\x09\0\x10\x10\0\0\4\0\2\0\0\0\0\0\4junk",         /* a ClientKeyExchange of junk */
    "\x16\xfe\xff\0\0\0\0\0\0\0\x09\0\x13\3\0\0\7\0\0\0\0\0\0\0\7\xfe\xff\4junk", /* HelloVerifyRequest */
    "\x16\xfe\xfd\0\1\0\0\0\0\0\x09\0\x10\x14\0\0\4\0\0\0\0\0\0\0\0\4junk",       /* a Finished in an epoch to come */
    "\x16\xfe\xfd\0\0\0\0\0\0\0\x09\0\x14\x0d\0\0\x08\0\3\0\0\0\0\0\x08\1\x40\0\2\4\3\0\0", /* a CertificateRequest */
    "\x15\xfe\xfd\0\2\0\0\0\0\0\x09\0\2\2\x28", /* of an epoch that never comes */
};
static const uint8_t LENGTHS[] = {15, 15, 17, 14, 29, 29, 29, 29, 29, 32, 29, 33, 15};
#define N_SHAPES ((int)(sizeof LENGTHS))
#define COOKIE 9 /* the HelloVerifyRequest */

static int shape;
static void forge_shape(int to, it_bytes honest)
{
    (void)honest;
    it_bytes d = it_bytes_of(SHAPES[shape], LENGTHS[shape]);
    if (n_fly < 64) {
        put(to, d, IT_MS, true);
        put(1 - to, d, IT_MS, true);
    }
}

START_TEST(no_forged_record_costs_a_handshake_a_moment)
{
    begin(1);
    forge = NULL;
    must_open(IT_SEC);
    it_time plain[2] = {open_at[0], open_at[1]};
    int packets = sent;
    finish();
    begin(1);
    shape = _i;
    forge = forge_shape;
    must_open(IT_SEC);
    ck_assert_int_eq(open_at[0], plain[0]);
    ck_assert_int_eq(open_at[1], plain[1]);
    ck_assert_int_eq(sent, packets + (_i == COOKIE)); /* a cookie is sent: RFC 6347 section 4.2.1 */
}
END_TEST

static void forge_late_cookie(int to, it_bytes honest)
{
    if (to == 0 && honest.p[13] == 2)
        put(0, it_bytes_of(SHAPES[COOKIE], LENGTHS[COOKIE]), path + IT_US, true);
}

START_TEST(a_cookie_asked_for_late_undoes_nothing)
{
    begin(1);
    forge = forge_late_cookie;
    must_open(IT_SEC);
}
END_TEST

static void forge_first_cookie(int to, it_bytes honest)
{
    (void)honest;
    if (to == 1 && now == 0)
        put(0, it_bytes_of(SHAPES[COOKIE], LENGTHS[COOKIE]), IT_US, true);
}

/* The server's first flight is lost; it repeats it in a datagram a message, each of which contradicts the forged one.
 */
START_TEST(a_forged_cookie_is_undone_message_by_message)
{
    begin(1);
    forge = forge_first_cookie;
    lose = 2;
    must_open(5 * IT_SEC);
    lose = -1;
}
END_TEST

/* Makes |strange|. */
static void make_strange(void)
{
    it_dtls_cfg c = {.alloc = &alloc, .shared = shared, .cert = cert[0], .client = true};
    it_rng_init(&c.rng, 7, "mallory");
    it_dtls *m = it_dtls_new(&c);
    it_io out;
    it_dtls_start(m, 0);
    ck_assert_int_eq(it_dtls_output(m, 0, &out, strange, sizeof strange), 1);
    n_strange = out.data.n;
    it_dtls_free(m);
}

/* A flood from a quarter of a second before the handshake to three seconds into it, at both ends, each datagram another
 * one: of a handshake message, a part of one, a ClientHello. When it is over the handshake ends. */
static size_t flood_make(int kind, uint8_t d[200])
{
    static const uint8_t TYPES[] = {1, 2, 11, 12, 13, 14, 15, 16, 20};
    size_t n = 1 + (size_t)it_rng_below(&rng, 100);
    if (kind == 0) {
        memcpy(d, strange, n_strange);
        it_rng_bytes(&rng, d + 27, 32);
        return n_strange;
    }
    if (kind == 3) {
        memcpy(d, "\x14\xfe\xfd\0\0\0\0\0\0\0\x09\0\1\1", 14);
        d[10] = (uint8_t)it_rng_below(&rng, 256);
        return 14;
    }
    memset(d, 0, 25);
    it_rng_bytes(&rng, d + 25, n);
    d[0] = 22;
    d[1] = 0xfe;
    d[2] = 0xfd;
    d[10] = (uint8_t)it_rng_below(&rng, 256);
    d[12] = (uint8_t)(12 + n);
    d[13] = TYPES[it_rng_below(&rng, sizeof TYPES)];
    d[18] = (uint8_t)it_rng_below(&rng, 7);
    d[24] = (uint8_t)n;
    d[16] = (uint8_t)n;
    if (kind == 2)
        d[15] = 1; /* 256 more to come */
    return 25 + n;
}

START_TEST(a_flood_ends_no_handshake)
{
    uint8_t d[200];
    forge = NULL;
    begin((uint64_t)_i);
    make_strange();
    it_dtls_start(end[1], 0);
    for (it_time t = 0; t < 3 * IT_SEC; t += 19 * IT_MS) {
        run(t);
        if (t >= 240 * IT_MS && t < 259 * IT_MS)
            it_dtls_start(end[0], now);
        for (int k = 0; k < 4; k++)
            put(k & 1, it_bytes_of(d, flood_make(_i & 3, d)), IT_MS, true);
    }
    run(40 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(ended[i], 0);
        ck_assert_msg(open_at[i] < 20 * IT_SEC, "end %d at %lld", i, (long long)open_at[i]);
    }
}
END_TEST

/* The same, as fast as a flood may be: |every| apart for three seconds, at both ends, over a path of |delay| one way.
 */
static const struct {
    int kind;
    it_time every, delay;
} FLOODS[] = {
    {0, 200 * IT_US, 20 * IT_MS}, {1, 200 * IT_US, 20 * IT_MS}, {2, 200 * IT_US, 20 * IT_MS},
    {3, 200 * IT_US, 20 * IT_MS}, {0, 5 * IT_MS, 500 * IT_MS},  {1, 5 * IT_MS, 1000 * IT_MS},
    {1, IT_MS, 250 * IT_MS},      {2, 2 * IT_MS, 500 * IT_MS},
};
#define N_FLOODS ((int)(sizeof FLOODS / sizeof *FLOODS))

START_TEST(a_fast_flood_delays_a_handshake_by_one_repetition)
{
    uint8_t d[200];
    forge = NULL;
    begin((uint64_t)_i);
    make_strange();
    it_dtls_start(end[1], 0);
    it_dtls_start(end[0], 0);
    path = FLOODS[_i].delay;
    for (it_time t = FLOODS[_i].every; t < 3 * IT_SEC; t += FLOODS[_i].every) {
        run(t);
        size_t n = flood_make(FLOODS[_i].kind, d);
        for (int to = 0; to < 2; to++)
            put(to, it_bytes_of(d, n), 0, true);
    }
    run(40 * IT_SEC);
    path = PATH;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(ended[i], 0);
        ck_assert_msg(open_at[i] <= 8 * IT_SEC + 4 * FLOODS[_i].delay, "end %d at %lld", i, (long long)open_at[i]);
    }
}
END_TEST

/* A whole ClientHello of somebody else's and the first part of what would follow it, both before the client's. */
START_TEST(a_forged_beginning_delays_nothing)
{
    uint8_t d[200];
    static const char part[] = "\x16\xfe\xfd\0\0\0\0\0\0\0\x09\0\x10\x0b\0\2\0\0\1\0\0\0\0\0\4junk";
    forge = NULL;
    begin(3);
    make_strange();
    it_dtls_start(end[1], 0);
    put(1, it_bytes_of(d, flood_make(0, d)), IT_MS, true);
    put(1, it_bytes_of(part, 29), 2 * IT_MS, true);
    must_open(IT_SEC);
}
END_TEST

/* The CertificateRequest that completes the server's flight is forged, the server's own is lost: the client takes the
 * server's when the flight comes again. */
static void forge_request(int to, it_bytes honest)
{
    static const char other[] = "\x16\xfe\xfd\0\0\0\0\0\0\0\x09\0\x17\x0d\0\0\x0b\0\3\0\0\0\0\0\x0b"
                                "\1\x40\0\4\4\3\5\3\0\0\0";
    if (to == 0 && now < IT_SEC && honest.p[13] == 13)
        put(0, it_bytes_of(other, 36), path + 5 * IT_MS, true);
}

START_TEST(a_forged_message_in_a_complete_flight_is_overruled)
{
    begin(4);
    forge = forge_request;
    lose = 13;
    must_open(10 * IT_SEC);
    lose = -1;
}
END_TEST

/* What somebody can write who knows the addresses and the protocol, and sees nothing: of each datagram a copy with the
 * right headers and other contents comes before it, in whole, or one record of it. */
static void forge_contents(int to, it_bytes honest)
{
    uint8_t d[IT_IO_DGRAM_MAX];
    size_t from = 0, upto = honest.n;
    memcpy(d, honest.p, honest.n);
    int only = (int)it_rng_range(&rng, -1, 4);
    for (size_t q = 0, k = 0; q + 13 <= honest.n; k++) {
        size_t n = 13u + d[q + 11] * 256u + d[q + 12];
        for (size_t i = q + (d[q] == 22 && d[q + 4] == 0 ? 25 : 13); i < q + n; i++)
            d[i] = (uint8_t)it_rng_u64(&rng);
        if ((int)k == only) {
            from = q;
            upto = q + n;
        }
        q += n;
    }
    if (sent < 8)
        put(to, it_bytes_of(d + from, upto - from), IT_MS, true);
}

START_TEST(flights_of_other_contents_are_undone)
{
    begin((uint64_t)_i);
    forge = forge_contents;
    must_open(40 * IT_SEC);
}
END_TEST

/* Somebody else's ClientHello, of a handshake of his own, from the client's address: before and after the client's. */

static void forge_hello(int to, it_bytes honest)
{
    (void)honest;
    (void)to;
    if (n_fly > 32)
        return;
    for (int k = 0; k < 6; k++)
        put(1, it_bytes_of(strange, n_strange), (1 + 7 * k) * IT_MS, true);
}

START_TEST(a_strangers_hello_does_not_take_the_clients_place)
{
    begin(9);
    make_strange();
    forge = forge_hello;
    must_open(5 * IT_SEC);
}
END_TEST

/* What is not done for want of memory is told of, and done when the far side repeats it. */
START_TEST(a_message_that_no_memory_was_left_to_note_is_told_of)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io out;
    begin(1);
    it_dtls_start(end[1], 0);
    it_dtls_start(end[0], 0);
    ck_assert_int_eq(it_dtls_output(end[0], 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(it_dtls_input(end[1], 0, &out), (int)out.data.n);
    ck_assert_int_eq(it_dtls_output(end[1], 0, &out, buf, sizeof buf), 1);
    alloc.countdown = 0;
    ck_assert_int_eq(it_dtls_input(end[0], 0, &out), IT_ERR_NOMEM);
    alloc.countdown = UINT64_MAX;
    ck_assert_int_eq(it_dtls_input(end[0], 0, &out), (int)out.data.n);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("dtls/trial");
    TCase *t = tcase_create("trial");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, no_forged_record_costs_a_handshake_a_moment, 0, N_SHAPES);
    tcase_add_test(t, a_message_that_no_memory_was_left_to_note_is_told_of);
    tcase_add_test(t, a_cookie_asked_for_late_undoes_nothing);
    tcase_add_test(t, a_forged_cookie_is_undone_message_by_message);
    tcase_add_test(t, no_junk_ends_what_is_open);
    tcase_add_loop_test(t, a_flood_ends_no_handshake, 0, 24);
    tcase_add_loop_test(t, a_fast_flood_delays_a_handshake_by_one_repetition, 0, N_FLOODS);
    tcase_add_test(t, a_forged_beginning_delays_nothing);
    tcase_add_test(t, a_forged_message_in_a_complete_flight_is_overruled);
    tcase_add_loop_test(t, flights_of_other_contents_are_undone, 0, 200);
    tcase_add_test(t, a_strangers_hello_does_not_take_the_clients_place);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
