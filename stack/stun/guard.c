/* Nonces that need no memory, and the checks of RFC 8489 section 9.2.4 as a list of small passes in the order the
 * section has. */
#include "stack/stun/guard.h"

#include <stdio.h>

#define NONCE_TIME 16 /* hexadecimal digits of the time a nonce was made */
#define NONCE_MAC 24  /* hexadecimal digits of its keyed hash */
#define NONCE_SIZE (IT_STUN_NONCE_COOKIE + NONCE_TIME + NONCE_MAC)

struct user {
    char *name;
    it_hmac_key md5, sha256;
    uint8_t hash[IT_SHA256_SIZE];
};

struct it_stun_guard {
    it_alloc *alloc;
    char *realm;
    struct user *users;
    size_t n_users;
    it_time nonce_life;
    uint32_t features;
    it_hmac_key secret;
};

static const char BASE64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* What we offer, best first (RFC 8489 section 14.11). */
static const uint16_t ALGOS[] = {IT_STUN_ALGO_SHA256, IT_STUN_ALGO_MD5};
#define N_ALGOS ((int)(sizeof(ALGOS) / sizeof(ALGOS[0])))

bool it_stun_nonce_features(it_bytes nonce, uint32_t *features)
{
    size_t prefix = strlen(IT_STUN_COOKIE_PREFIX);

    if (nonce.n < IT_STUN_NONCE_COOKIE || memcmp(nonce.p, IT_STUN_COOKIE_PREFIX, prefix) != 0)
        return false;
    *features = 0;
    for (size_t i = prefix; i < IT_STUN_NONCE_COOKIE; i++) {
        const char *at = nonce.p[i] ? strchr(BASE64, nonce.p[i]) : NULL;

        if (!at)
            return false;
        *features = *features << 6 | (uint32_t)(at - BASE64);
    }
    return true;
}

static int add_user(it_stun_guard *g, const it_stun_user *from)
{
    struct user *u = &g->users[g->n_users];
    it_bytes name = it_bytes_str(from->name), realm = it_bytes_str(g->realm), password = it_bytes_str(from->password);

    u->name = it_strdup(g->alloc, from->name);
    if (!u->name)
        return IT_ERR_NOMEM;
    it_stun_key_long(&u->md5, IT_STUN_ALGO_MD5, name, realm, password);
    it_stun_key_long(&u->sha256, IT_STUN_ALGO_SHA256, name, realm, password);
    it_stun_userhash(u->hash, name, realm);
    g->n_users++;
    return 0;
}

it_stun_guard *it_stun_guard_new(const it_stun_guard_cfg *cfg)
{
    it_stun_guard *g = it_calloc(cfg->alloc, 1, sizeof(*g));
    it_rng rng = cfg->rng;
    uint8_t secret[32];
    bool ok;

    if (!g)
        return NULL;
    IT_ASSERT(cfg->auth.realm && *cfg->auth.realm && strlen(cfg->auth.realm) <= IT_STUN_TEXT_MAX);
    g->alloc = cfg->alloc;
    g->nonce_life = cfg->auth.nonce_life > 0 ? cfg->auth.nonce_life : 3600 * IT_SEC;
    /* RFC 8489 section 9.2.4: a bit is set exactly when the feature is offered. */
    g->features = (cfg->auth.no_algorithms ? 0 : IT_STUN_FEATURE_ALGORITHMS) |
                  (cfg->auth.anonymity ? IT_STUN_FEATURE_ANONYMITY : 0);
    it_rng_bytes(&rng, secret, sizeof(secret));
    it_hmac_key_init(&g->secret, it_bytes_of(secret, sizeof(secret)));
    g->realm = it_strdup(g->alloc, cfg->auth.realm);
    g->users = it_calloc(g->alloc, cfg->auth.n_users ? cfg->auth.n_users : 1, sizeof(*g->users));
    ok = g->realm && g->users;
    for (size_t i = 0; ok && i < cfg->auth.n_users; i++)
        ok = add_user(g, &cfg->auth.users[i]) == 0;
    if (!ok) {
        it_stun_guard_free(g);
        return NULL;
    }
    return g;
}

void it_stun_guard_free(it_stun_guard *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->n_users; i++)
        it_free(g->alloc, g->users[i].name);
    it_free(g->alloc, g->users);
    it_free(g->alloc, g->realm);
    it_free(g->alloc, g);
}

/* The nonce for |from| made at |when|: cookie, time, and a keyed hash over both and the address. */
static void make_nonce(const it_stun_guard *g, it_time when, it_addr from, char out[NONCE_SIZE + 1])
{
    uint8_t who[18], mac[IT_SHA1_SIZE];
    char *at = out + IT_STUN_NONCE_COOKIE;

    memcpy(out, IT_STUN_COOKIE_PREFIX, strlen(IT_STUN_COOKIE_PREFIX));
    for (int i = 0; i < 4; i++) /* RFC 8489 section 9.2: 24 bits of features as four characters of base64 */
        out[strlen(IT_STUN_COOKIE_PREFIX) + (size_t)i] = BASE64[g->features >> (18 - 6 * i) & 63];
    snprintf(at, NONCE_TIME + 1, "%016llx", (unsigned long long)when);
    /* RFC 8489 section 9.2.4: two requests share a nonce only when they come from the same address and port. */
    it_put64(who, from.ip.hi);
    it_put64(who + 8, from.ip.lo);
    it_put16(who + 16, from.port);
    it_hmac_sha1(&g->secret, mac, it_bytes_of(out, IT_STUN_NONCE_COOKIE + NONCE_TIME), it_bytes_of(who, sizeof(who)));
    at += NONCE_TIME;
    it_bytes_hex(it_bytes_of(mac, NONCE_MAC / 2), at);
}

/* Reads the time out of a nonce of ours; false when it has another shape. */
static bool nonce_time(it_bytes nonce, it_time *when)
{
    uint64_t v = 0;

    if (nonce.n != NONCE_SIZE)
        return false;
    for (size_t i = IT_STUN_NONCE_COOKIE; i < IT_STUN_NONCE_COOKIE + NONCE_TIME; i++) {
        static const char DIGITS[] = "0123456789abcdef";
        const char *at = nonce.p[i] ? strchr(DIGITS, nonce.p[i]) : NULL;

        if (!at)
            return false;
        v = v << 4 | (uint64_t)(at - DIGITS);
    }
    *when = (it_time)v;
    return v <= INT64_MAX;
}

/* True when we made |nonce| for |from| and not too long ago. */
static bool nonce_valid(const it_stun_guard *g, it_time now, it_bytes nonce, it_addr from)
{
    char want[NONCE_SIZE + 1];
    it_time when;

    if (!nonce_time(nonce, &when) || when > now || now - when > g->nonce_life)
        return false;
    make_nonce(g, when, from, want);
    return it_equal_ct(want, nonce.p, NONCE_SIZE);
}

/* The user that USERNAME or USERHASH names, or NULL. */
static const struct user *find_user(const it_stun_guard *g, const it_stun_msg *req)
{
    const it_stun_attr *name = it_stun_get(req, IT_STUN_USERNAME), *hash = it_stun_get(req, IT_STUN_USERHASH);

    for (size_t i = 0; i < g->n_users; i++) {
        const struct user *u = &g->users[i];

        if (name ? it_bytes_eq(name->value, it_bytes_str(u->name))
                 : it_bytes_eq(hash->value, it_bytes_of(u->hash, sizeof(u->hash))))
            return u;
    }
    return NULL;
}

/* RFC 8489 section 9.2.4, second check: false when something that integrity needs is missing. */
static bool guard_complete(const it_stun_msg *req)
{
    return (it_stun_get(req, IT_STUN_USERNAME) || it_stun_get(req, IT_STUN_USERHASH)) &&
           it_stun_get(req, IT_STUN_REALM) && it_stun_get(req, IT_STUN_NONCE);
}

/* True when |list| is the PASSWORD-ALGORITHMS that came with the nonce, parameters (none) included. */
static bool is_our_list(const it_stun_msg *req, const it_stun_attr *list)
{
    uint16_t echoed[N_ALGOS];
    if (list->value.n != 4 * sizeof(ALGOS) / sizeof(ALGOS[0]))
        return false;
    if (it_stun_get_algos(req, IT_STUN_PASSWORD_ALGORITHMS, echoed, N_ALGOS) != N_ALGOS)
        return false;
    return memcmp(echoed, ALGOS, sizeof(ALGOS)) == 0;
}

/* RFC 8489 section 9.2.4, third check, against bid-down attacks (section 9.2.1). Sets |algo| to the algorithm that the
 * request names, 0 when it names none and counts as MD5; false asks for a 400. */
static bool algorithm(const it_stun_guard *g, const it_stun_msg *req, uint16_t *algo)
{
    const it_stun_attr *list = it_stun_get(req, IT_STUN_PASSWORD_ALGORITHMS);
    const it_stun_attr *one = it_stun_get(req, IT_STUN_PASSWORD_ALGORITHM);
    uint32_t features = 0;

    *algo = 0;
    if (!it_stun_nonce_features(it_stun_get(req, IT_STUN_NONCE)->value, &features))
        return true;
    if (!(features & IT_STUN_FEATURE_ALGORITHMS))
        return true;
    if (!list && !one)
        return true; /* as though PASSWORD-ALGORITHM were MD5 */
    /* (1) both are there */
    if (!list || !one || it_stun_get_algos(req, IT_STUN_PASSWORD_ALGORITHM, algo, 1) != 1)
        return false;
    /* (2) the list is the one that came with the nonce */
    if (g->features & IT_STUN_FEATURE_ALGORITHMS && !is_our_list(req, list))
        return false;
    /* (3) the choice is on the list */
    return *algo == IT_STUN_ALGO_SHA256 || *algo == IT_STUN_ALGO_MD5;
}

/* A request with integrity and everything it needs: the checks four to six of RFC 8489 section 9.2.4. */
static int check_credentials(const it_stun_guard *g, it_time now, const it_stun_msg *req, it_addr from,
                             it_stun_verdict *v)
{
    const struct user *u = find_user(g, req);
    uint16_t algo;

    if (!algorithm(g, req, &algo))
        return 400;
    /* An unknown user. A REALM that is not ours is no error of its own in the RFC: the client's key would not match. */
    if (!u || !it_bytes_eq(it_stun_get(req, IT_STUN_REALM)->value, it_bytes_str(g->realm)))
        return 401;
    v->key = algo == IT_STUN_ALGO_SHA256 ? &u->sha256 : &u->md5;
    if (it_stun_check(req, v->key, NULL) < 0)
        return 401;
    if (!nonce_valid(g, now, it_stun_get(req, IT_STUN_NONCE)->value, from))
        return 438;
    v->user = (size_t)(u - g->users);
    /* The response is signed with -SHA256 unless the request named no algorithm at all. */
    v->integrity = algo ? IT_STUN_MESSAGE_INTEGRITY_SHA256 : IT_STUN_MESSAGE_INTEGRITY;
    return 0;
}

it_stun_verdict it_stun_guard_check(const it_stun_guard *g, it_time now, const it_stun_msg *req, it_addr from)
{
    it_stun_verdict v = {0};

    /* RFC 8489 section 9.2.4, first check: no integrity asks for a challenge. */
    if (!it_stun_get(req, IT_STUN_MESSAGE_INTEGRITY) && !it_stun_get(req, IT_STUN_MESSAGE_INTEGRITY_SHA256))
        v.code = 401;
    else if (!guard_complete(req))
        v.code = 400;
    else
        v.code = check_credentials(g, now, req, from, &v);
    if (v.code)
        v.key = NULL;
    return v;
}

void it_stun_guard_challenge(const it_stun_guard *g, it_time now, it_addr from, int code, it_buf *b)
{
    char nonce[NONCE_SIZE + 1];

    /* RFC 8489 section 9.2.4: a 400 SHOULD NOT carry any of these. */
    if (code != 401 && code != 438)
        return;
    make_nonce(g, now, from, nonce);
    it_stun_put(b, IT_STUN_REALM, it_bytes_str(g->realm));
    it_stun_put(b, IT_STUN_NONCE, it_bytes_of(nonce, NONCE_SIZE));
    if (g->features & IT_STUN_FEATURE_ALGORITHMS)
        it_stun_put_algos(b, IT_STUN_PASSWORD_ALGORITHMS, ALGOS, N_ALGOS);
}

void it_stun_guard_sign(const it_stun_verdict *v, it_buf *b)
{
    if (v->integrity == IT_STUN_MESSAGE_INTEGRITY)
        it_stun_put_integrity(b, v->key);
    else if (v->integrity == IT_STUN_MESSAGE_INTEGRITY_SHA256)
        it_stun_put_integrity_sha256(b, v->key);
}
