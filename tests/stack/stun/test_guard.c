/* The checks of RFC 8489 section 9.2.4, nonces, and the bits of section 18.1. */
#include "stack/stun/guard.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static const uint8_t TXID[IT_STUN_TXID] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
static const it_stun_user USERS[] = {{"alice", "secret"}, {"bob", "hunter2"}};

static it_alloc mem;
static it_stun_guard *g;
static it_stun_guard_cfg cfg;
static it_addr from;
static uint8_t wire[2048], challenge_wire[2048];
static it_buf b;
static it_stun_msg m, challenge;

static void setup(void)
{
    it_alloc_init(&mem);
    memset(&cfg, 0, sizeof(cfg));
    cfg.alloc = &mem;
    it_rng_init(&cfg.rng, 1, "guard");
    cfg.auth.realm = "example.org";
    cfg.auth.users = USERS;
    cfg.auth.n_users = 2;
    from = it_addr_of(it_ip4(0xc0000201), 4444);
    g = it_stun_guard_new(&cfg);
    ck_assert_ptr_nonnull(g);
}

static void teardown(void)
{
    it_stun_guard_free(g);
    ck_assert_int_eq(mem.live, 0);
}

/* Makes the guard anew after |cfg| was changed. */
static void again(void)
{
    it_stun_guard_free(g);
    g = it_stun_guard_new(&cfg);
}

/* Asks for a challenge with |code| at |now| for |who|; it is in |challenge|. */
static void get_challenge(it_time now, it_addr who, int code)
{
    it_buf c;

    it_buf_init(&c, challenge_wire, sizeof(challenge_wire));
    it_stun_begin(&c, IT_STUN_ERROR, IT_STUN_BINDING, TXID);
    it_stun_put_error(&c, code, NULL);
    it_stun_guard_challenge(g, now, who, code, &c);
    ck_assert_int_gt(it_stun_end(&c), 0);
    ck_assert_int_eq(it_stun_parse(&challenge, it_bytes_of(challenge_wire, c.len)), 0);
}

static it_bytes nonce(void)
{
    return it_stun_get(&challenge, IT_STUN_NONCE)->value;
}

/* What a request leaves out or does differently from a right one. */
struct variant {
    const char *name;
    int code;
    const char *username, *realm, *password; /* NULL: the right one; "-": no attribute */
    bool no_nonce, no_mac, sha1_mac;
    const char *list, *algo; /* algorithm numbers as digits; NULL: "21" and "2"; "-": no attribute */
    bool flip;               /* a bit of the nonce */
    bool both_macs;
    uint16_t signs; /* what the response is signed with, when the code is 0 */
};

#define MAC1 IT_STUN_MESSAGE_INTEGRITY
#define MAC2 IT_STUN_MESSAGE_INTEGRITY_SHA256

/* In the order of the checks in the section: the first that fails decides. */
static const struct variant VARIANTS[] = {
    {.name = "right", .signs = MAC2},
    {.name = "with both integrities", .both_macs = true, .signs = MAC2},
    {.name = "MD5 by name", .algo = "1", .signs = MAC2},
    {.name = "MD5 by name with SHA-1", .algo = "1", .sha1_mac = true, .signs = MAC2},
    {.name = "no algorithms at all is MD5", .list = "-", .algo = "-", .sha1_mac = true, .signs = MAC1},
    {.name = "no algorithms and SHA-256 integrity", .list = "-", .algo = "-", .signs = MAC1},
    {.name = "no integrity", .code = 401, .no_mac = true},
    {.name = "no integrity and nothing else",
     .code = 401,
     .no_mac = true,
     .no_nonce = true,
     .username = "-",
     .realm = "-"},
    {.name = "no username", .code = 400, .username = "-"},
    {.name = "no realm", .code = 400, .realm = "-"},
    {.name = "no nonce", .code = 400, .no_nonce = true},
    {.name = "list without choice", .code = 400, .algo = "-"},
    {.name = "choice without list", .code = 400, .list = "-"},
    {.name = "shorter list", .code = 400, .list = "2"},
    {.name = "weaker list", .code = 400, .list = "1", .algo = "1"},
    {.name = "longer list", .code = 400, .list = "213"},
    {.name = "other order", .code = 400, .list = "12"},
    {.name = "choice not on the list", .code = 400, .algo = "3"},
    {.name = "two choices", .code = 400, .algo = "21"},
    {.name = "bad list before bad user", .code = 400, .list = "1", .username = "mallory"},
    {.name = "unknown user", .code = 401, .username = "mallory"},
    {.name = "other realm", .code = 401, .realm = "example.com"},
    {.name = "wrong password", .code = 401, .password = "guess"},
    {.name = "wrong password before stale nonce", .code = 401, .password = "guess", .flip = true},
    {.name = "changed nonce", .code = 438, .flip = true},
};

static const char *or_default(const char *s, const char *dflt)
{
    return s ? s : dflt;
}

static void put_list(uint16_t type, const char *digits)
{
    uint16_t algos[4];
    int n = 0;

    if (*digits == '-')
        return;
    for (; *digits; digits++)
        algos[n++] = (uint16_t)(*digits - '0');
    it_stun_put_algos(&b, type, algos, n);
}

/* Builds the request of |v| with the challenge's nonce. */
static void build(const struct variant *v)
{
    const char *user = or_default(v->username, "alice"), *realm = or_default(v->realm, "example.org");
    const char *algo = or_default(v->algo, "2");
    uint8_t n[256];
    it_hmac_key key;

    it_stun_key_long(&key, *algo == '2' ? IT_STUN_ALGO_SHA256 : IT_STUN_ALGO_MD5, it_bytes_str(user),
                     it_bytes_str(realm), it_bytes_str(or_default(v->password, "secret")));
    it_buf_init(&b, wire, sizeof(wire));
    it_stun_begin(&b, IT_STUN_REQUEST, IT_STUN_BINDING, TXID);
    if (*user != '-')
        it_stun_put(&b, IT_STUN_USERNAME, it_bytes_str(user));
    if (*realm != '-')
        it_stun_put(&b, IT_STUN_REALM, it_bytes_str(realm));
    if (!v->no_nonce) {
        memcpy(n, nonce().p, nonce().n);
        n[nonce().n - 1] ^= v->flip;
        it_stun_put(&b, IT_STUN_NONCE, it_bytes_of(n, nonce().n));
    }
    put_list(IT_STUN_PASSWORD_ALGORITHMS, or_default(v->list, "21"));
    put_list(IT_STUN_PASSWORD_ALGORITHM, algo);
    if (v->sha1_mac || v->both_macs)
        it_stun_put_integrity(&b, &key);
    if (!v->no_mac && !v->sha1_mac)
        it_stun_put_integrity_sha256(&b, &key);
    ck_assert_int_gt(it_stun_end(&b), 0);
    ck_assert_int_eq(it_stun_parse(&m, it_bytes_of(wire, b.len)), 0);
}

START_TEST(requests_are_checked_in_the_order_of_section_9_2_4)
{
    const struct variant *v = &VARIANTS[_i];
    it_stun_verdict got;

    get_challenge(0, from, 401);
    build(v);
    got = it_stun_guard_check(g, IT_SEC, &m, from);
    ck_assert_msg(got.code == v->code, "%s: %d", v->name, got.code);
    ck_assert_msg(got.integrity == v->signs, "%s: signed with 0x%04x", v->name, got.integrity);
    ck_assert_int_eq(got.key != NULL, v->code == 0);
}
END_TEST

START_TEST(the_right_user_is_named)
{
    it_stun_verdict got;

    get_challenge(0, from, 401);
    build(&(struct variant){.username = "bob", .password = "hunter2"});
    got = it_stun_guard_check(g, 0, &m, from);
    ck_assert_int_eq(got.code, 0);
    ck_assert_uint_eq(got.user, 1);
}
END_TEST

START_TEST(a_nonce_is_stale_after_its_life)
{
    static const struct {
        it_time life, at;
        int code;
    } CASES[] = {
        {0, 3600 * IT_SEC, 0},         {0, 3600 * IT_SEC + 1, 438}, {10 * IT_SEC, 15 * IT_SEC, 438},
        {10 * IT_SEC, 10 * IT_SEC, 0}, {10 * IT_SEC, -1, 438}, /* made in the future */
    };

    cfg.auth.nonce_life = CASES[_i].life;
    again();
    get_challenge(0, from, 401);
    build(&VARIANTS[0]);
    ck_assert_int_eq(it_stun_guard_check(g, CASES[_i].at, &m, from).code, CASES[_i].code);
}
END_TEST

START_TEST(a_nonce_belongs_to_one_address_and_port)
{
    it_addr others[] = {it_addr_of(from.ip, 4445), it_addr_of(it_ip4(0xc0000202), 4444)};
    uint8_t first[256];
    size_t n;

    get_challenge(0, from, 401);
    n = nonce().n;
    memcpy(first, nonce().p, n);
    build(&VARIANTS[0]);
    ck_assert_int_eq(it_stun_guard_check(g, 0, &m, others[_i]).code, 438);
    get_challenge(0, others[_i], 401);
    ck_assert(!it_bytes_eq(nonce(), it_bytes_of(first, n)));
    get_challenge(0, from, 401); /* nothing is remembered: the same again for the same client at the same time */
    ck_assert(it_bytes_eq(nonce(), it_bytes_of(first, n)));
    get_challenge(1, from, 401);
    ck_assert(!it_bytes_eq(nonce(), it_bytes_of(first, n)));
}
END_TEST

START_TEST(every_changed_character_makes_a_nonce_stale)
{
    size_t n;

    get_challenge(0, from, 401);
    n = nonce().n;
    ck_assert_uint_lt(n, 128); /* section 14.10 */
    for (size_t i = 0; i < n; i++) {
        for (int bit = 0; bit < 8; bit++) {
            get_challenge(0, from, 401);
            challenge_wire[nonce().p - challenge_wire + (long)i] ^= (uint8_t)(1 << bit);
            build(&(struct variant){.list = "-", .algo = "-"}); /* whatever the changed cookie says about algorithms */
            ck_assert_int_eq(it_stun_guard_check(g, IT_SEC, &m, from).code, 438);
        }
    }
}
END_TEST

START_TEST(a_nonce_of_another_server_is_stale)
{
    get_challenge(0, from, 401);
    build(&VARIANTS[0]);
    it_rng_init(&cfg.rng, 2, "guard");
    again();
    ck_assert_int_eq(it_stun_guard_check(g, 0, &m, from).code, 438);
}
END_TEST

START_TEST(userhash_names_a_user)
{
    uint8_t hash[IT_SHA256_SIZE];
    it_hmac_key key;

    cfg.auth.anonymity = true;
    again();
    get_challenge(0, from, 401);
    it_stun_key_long(&key, IT_STUN_ALGO_SHA256, it_bytes_str("bob"), it_bytes_str("example.org"),
                     it_bytes_str("hunter2"));
    it_stun_userhash(hash, it_bytes_str("bob"), it_bytes_str("example.org"));
    for (int wrong = 0; wrong < 2; wrong++) {
        hash[0] ^= (uint8_t)wrong;
        it_buf_init(&b, wire, sizeof(wire));
        it_stun_begin(&b, IT_STUN_REQUEST, IT_STUN_BINDING, TXID);
        it_stun_put(&b, IT_STUN_USERHASH, it_bytes_of(hash, sizeof(hash)));
        it_stun_put(&b, IT_STUN_REALM, it_bytes_str("example.org"));
        it_stun_put(&b, IT_STUN_NONCE, nonce());
        put_list(IT_STUN_PASSWORD_ALGORITHMS, "21");
        put_list(IT_STUN_PASSWORD_ALGORITHM, "2");
        it_stun_put_integrity_sha256(&b, &key);
        ck_assert_int_gt(it_stun_end(&b), 0);
        ck_assert_int_eq(it_stun_parse(&m, it_bytes_of(wire, b.len)), 0);
        ck_assert_int_eq(it_stun_guard_check(g, 0, &m, from).code, wrong ? 401 : 0);
    }
}
END_TEST

START_TEST(feature_bits_are_set_exactly_when_offered)
{
    uint32_t features = 0;

    cfg.auth.no_algorithms = _i & 1;
    cfg.auth.anonymity = _i & 2;
    again();
    get_challenge(0, from, _i & 4 ? 438 : 401);
    ck_assert(it_stun_nonce_features(nonce(), &features));
    ck_assert_uint_eq(features, (_i & 1 ? 0 : IT_STUN_FEATURE_ALGORITHMS) | (_i & 2 ? IT_STUN_FEATURE_ANONYMITY : 0));
    ck_assert_int_eq(it_stun_get(&challenge, IT_STUN_PASSWORD_ALGORITHMS) != NULL, !(_i & 1));
    ck_assert(it_bytes_eq(it_stun_get(&challenge, IT_STUN_REALM)->value, it_bytes_str("example.org")));
}
END_TEST

START_TEST(a_400_carries_no_challenge)
{
    get_challenge(0, from, 400);
    ck_assert_uint_eq(challenge.n_attrs, 1);
}
END_TEST

START_TEST(nonce_cookies_are_read)
{
    static const struct {
        const char *nonce;
        bool is;
        uint32_t features;
    } CASES[] = {
        {"obMatJos2AAAA", true, 0},
        {"obMatJos2gAAAxyz", true, 0x800000},
        {"obMatJos2wAAA", true, 0xc00000},
        {"obMatJos2AAAC", true, 2},
        {"obMatJos2////", true, 0xffffff},
        {"obMatJos2AAA", false, 0},
        {"obMatJos3AAAA", false, 0},
        {"obMatJos2AA A", false, 0},
        {"", false, 0},
        {"f//499k954d6OL34oL9FSTvy64sA", false, 0},
    };
    uint32_t features = 0;

    ck_assert_int_eq(it_stun_nonce_features(it_bytes_str(CASES[_i].nonce), &features), CASES[_i].is);
    if (CASES[_i].is)
        ck_assert_uint_eq(features, CASES[_i].features);
}
END_TEST

START_TEST(every_failed_allocation_is_clean)
{
    it_stun_guard *x = NULL;

    for (uint64_t n = 0; !x; n++) {
        it_alloc a;

        it_alloc_init_countdown(&a, n);
        cfg.alloc = &a;
        x = it_stun_guard_new(&cfg);
        if (x)
            it_stun_guard_free(x);
        ck_assert_int_eq(a.live, 0);
        ck_assert_uint_lt(n, 100);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stun/guard");
    TCase *checks = tcase_create("RFC 8489 section 9.2.4"), *nonces = tcase_create("nonces");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(checks, setup, teardown);
    tcase_add_loop_test(checks, requests_are_checked_in_the_order_of_section_9_2_4, 0,
                        (int)(sizeof(VARIANTS) / sizeof(VARIANTS[0])));
    tcase_add_test(checks, the_right_user_is_named);
    tcase_add_test(checks, userhash_names_a_user);
    tcase_add_loop_test(checks, feature_bits_are_set_exactly_when_offered, 0, 8);
    tcase_add_test(checks, a_400_carries_no_challenge);
    tcase_add_test(checks, every_failed_allocation_is_clean);
    suite_add_tcase(s, checks);
    tcase_add_checked_fixture(nonces, setup, teardown);
    tcase_add_loop_test(nonces, a_nonce_is_stale_after_its_life, 0, 5);
    tcase_add_loop_test(nonces, a_nonce_belongs_to_one_address_and_port, 0, 2);
    tcase_add_test(nonces, every_changed_character_makes_a_nonce_stale);
    tcase_add_test(nonces, a_nonce_of_another_server_is_stale);
    tcase_add_loop_test(nonces, nonce_cookies_are_read, 0, 10);
    suite_add_tcase(s, nonces);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
