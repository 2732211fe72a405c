/* stack/b/sped.c: handshakes that ride in checks. */
#include "stack/dtls/dtls.h"
#include "stack/dtls/impl.h"
#include "tests/stack/b/pair.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

static pair *P;
static bool wanted[2];
static int percent; /* of datagrams lost */
static int loose;   /* datagrams of DTLS outside STUN */
static bool forge;  /* every check is followed by a copy with a damaged datagram */

static void behave(it_b_cfg *cfg, int i)
{
    cfg->behaviour = (it_ice_behaviour){.nomination = IT_ICE_AGGRESSIVE, .sped = wanted[i]};
}

static void behave_rtp(it_b_cfg *cfg, int i)
{
    behave(cfg, i);
    cfg->media = IT_B_MEDIA_SRTP;
}

/* A copy of the message |d| with a byte of its embedded datagram changed, which its integrity does not match then. */
static void forge_copy(int to, it_addr src, it_addr dst, it_bytes d)
{
    uint8_t bytes[IT_IO_DGRAM_MAX];
    it_stun_msg m;
    memcpy(bytes, d.p, d.n);
    ck_assert_int_eq(it_stun_parse(&m, d), 0);
    const it_stun_attr *a = it_stun_get(&m, IT_STUN_DTLS_IN_STUN);
    if (!a || a->value.n == 0)
        return;
    bytes[a->offset + 4 + a->value.n - 1] ^= 1;
    it_buf b; /* FINGERPRINT, which needs no key, is right */
    it_buf_init(&b, bytes, sizeof bytes);
    b.len = d.n - 8;
    it_stun_put_fingerprint(&b);
    ck_assert_int_gt(it_stun_end(&b), 0);
    pair_put(P, (pair_item){.at = P->now + P->delay, .to = to, .src = src, .dst = dst}, it_bytes_of(bytes, d.n));
}

static bool on_wire(pair *p, int from, it_addr src, it_addr dst, it_bytes d)
{
    loose += it_dtls_is(d) && d.p[0] != 23;
    if (forge && it_stun_is(d))
        forge_copy(1 - from, src, dst, d);
    return percent && it_rng_chance(&p->luck, (uint32_t)percent * 10000);
}

/* A call from |seed|; when each end was open is left in |open|. */
static void call(uint64_t seed, bool alice, bool bob, it_time open[2])
{
    wanted[0] = alice;
    wanted[1] = bob;
    loose = 0;
    P = pair_new(seed, behave, NULL);
    P->drop = on_wire;
    pair_start(P);
    pair_run(P, 50 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        const pair_event *ev = pair_find(P, i, IT_EV_OPEN);
        ck_assert_ptr_nonnull(ev);
        open[i] = ev->at;
    }
    pair_free(P);
}

static it_time later(const it_time t[2])
{
    return t[0] > t[1] ? t[0] : t[1];
}

START_TEST(a_handshake_in_checks_saves_a_round_trip)
{
    it_time plain[2], sped[2];
    call((uint64_t)_i + 1, false, false, plain);
    ck_assert_int_eq(loose, 4);
    call((uint64_t)_i + 1, true, true, sped);
    ck_assert_int_eq(later(plain) - later(sped), 40 * IT_MS);
    ck_assert_int_eq(loose, 2); /* the last two flights */
}
END_TEST

START_TEST(where_one_end_has_it_not_nothing_is_lost)
{
    it_time plain[2], half[2];
    call(3, false, false, plain);
    call(3, _i == 0, _i == 1, half);
    ck_assert_int_eq(half[0], plain[0]);
    ck_assert_int_eq(half[1], plain[1]);
    ck_assert_int_eq(loose, 4);
}
END_TEST

START_TEST(forged_datagrams_in_checks_change_nothing)
{
    it_time plain[2], forged[2];
    call(5, true, true, plain);
    forge = true;
    call(5, true, true, forged);
    forge = false;
    ck_assert_int_eq(forged[0], plain[0]);
    ck_assert_int_eq(forged[1], plain[1]);
}
END_TEST

START_TEST(calls_open_whatever_is_lost)
{
    it_time open[2];
    percent = 30;
    call((uint64_t)_i + 100, true, true, open);
    percent = 0;
}
END_TEST

/* Their flights are of several datagrams, which share the checks. */
START_TEST(large_certificates_are_carried_too)
{
    pair_once();
    for (int i = 0; i < 2; i++) {
        it_dtls_cert *c = pair_cert[i];
        it_rng r;
        it_rng_init(&r, 9, "large");
        it_ossl_enter(&r, 0);
        EVP_PKEY_free(c->key);
        c->key = EVP_PKEY_Q_keygen(it_ossl_ctx(), NULL, "RSA", (size_t)2048);
        ck_assert(c->key && X509_set_pubkey(c->x509, c->key) == 1 && X509_sign(c->x509, c->key, EVP_sha256()) > 0);
        ck_assert(it_dtls_fingerprint(c->x509, c->fingerprint));
        it_ossl_leave();
    }
    wanted[0] = wanted[1] = true;
    P = pair_new(2, behave_rtp, NULL);
    pair_start(P);
    pair_run(P, 5 * IT_SEC);
    ck_assert_int_lt(pair_find(P, 0, IT_EV_OPEN)->at, IT_SEC / 2);
    ck_assert_int_lt(pair_find(P, 1, IT_EV_OPEN)->at, IT_SEC / 2);
    pair_free(P);
}
END_TEST

/* It ends with the handshake: consent checks are as small as others'. */
static size_t largest;

static bool measure(pair *p, int from, it_addr src, it_addr dst, it_bytes d)
{
    (void)from, (void)src, (void)dst;
    if (it_stun_is(d) && p->now > 4 * IT_SEC && d.n > largest)
        largest = d.n;
    return false;
}

START_TEST(checks_carry_nothing_once_media_flows)
{
    wanted[0] = wanted[1] = true;
    P = pair_new(2, behave, NULL);
    P->drop = measure;
    pair_start(P);
    pair_run(P, 20 * IT_SEC);
    ck_assert_uint_gt(largest, 0);
    ck_assert_uint_lt(largest, 124);
    pair_free(P);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stack/b/sped");
    TCase *t = tcase_create("sped");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, a_handshake_in_checks_saves_a_round_trip, 0, 8);
    tcase_add_loop_test(t, where_one_end_has_it_not_nothing_is_lost, 0, 2);
    tcase_add_test(t, forged_datagrams_in_checks_change_nothing);
    tcase_add_loop_test(t, calls_open_whatever_is_lost, 0, 12);
    tcase_add_test(t, large_certificates_are_carried_too);
    tcase_add_test(t, checks_carry_nothing_once_media_flows);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
