/* Challenges, retries and the check of responses, in the order of RFC 8489 section 9.2.5. */
#include "stack/stun/longterm.h"

#include "stack/stun/guard.h"

void it_stun_longterm_init(it_stun_longterm *lt, it_bytes username, it_bytes password)
{
    memset(lt, 0, sizeof(*lt));
    lt->username = username;
    lt->password = password;
    lt->algo = IT_STUN_ALGO_MD5;
}

static it_bytes realm_of(const it_stun_longterm *lt)
{
    return it_bytes_of(lt->realm, lt->realm_n);
}

/* Appends a text of the server's, which may be longer than what we would send of our own. */
static void echo(it_buf *b, uint16_t type, const uint8_t *p, size_t n)
{
    it_buf_u16(b, type);
    it_buf_u16(b, (uint16_t)n);
    if (n > 0)
        it_buf_put(b, p, n);
    it_buf_fill(b, 0, (4 - n % 4) % 4);
}

void it_stun_longterm_put(const it_stun_longterm *lt, it_buf *b)
{
    uint8_t hash[IT_SHA256_SIZE];
    uint16_t algo = (uint16_t)lt->algo;

    if (!lt->challenged)
        return; /* RFC 8489 section 9.2.3.1: the first request goes without any of these */
    /* RFC 8489 section 9.2.5: USERHASH exactly when the cookie's "Username anonymity" bit is set. */
    if (lt->userhash) {
        it_stun_userhash(hash, lt->username, realm_of(lt));
        it_stun_put(b, IT_STUN_USERHASH, it_bytes_of(hash, sizeof(hash)));
    } else {
        it_stun_put(b, IT_STUN_USERNAME, lt->username);
    }
    echo(b, IT_STUN_REALM, lt->realm, lt->realm_n);
    echo(b, IT_STUN_NONCE, lt->nonce, lt->nonce_n);
    if (lt->has_algos) {
        echo(b, IT_STUN_PASSWORD_ALGORITHMS, lt->algos, lt->algos_n);
        it_stun_put_algos(b, IT_STUN_PASSWORD_ALGORITHM, &algo, 1);
    }
}

void it_stun_longterm_sign(const it_stun_longterm *lt, it_buf *b)
{
    if (!lt->challenged)
        return;
    /* RFC 8489 section 9.2.5, last paragraph: with PASSWORD-ALGORITHMS only MESSAGE-INTEGRITY-SHA256 is used; a server
     * that does not send it knows the older attribute for sure. */
    if (lt->has_algos)
        it_stun_put_integrity_sha256(b, &lt->key);
    else
        it_stun_put_integrity(b, &lt->key);
}

/* The cookie of the response's NONCE promises PASSWORD-ALGORITHMS, but somebody took it away: a bid-down attack
 * (section 9.2.1).
 */
static bool bid_down(const it_stun_msg *resp, uint32_t *features)
{
    const it_stun_attr *nonce = it_stun_get(resp, IT_STUN_NONCE);

    *features = 0;
    return nonce && it_stun_nonce_features(nonce->value, features) && *features & IT_STUN_FEATURE_ALGORITHMS &&
           !it_stun_get(resp, IT_STUN_PASSWORD_ALGORITHMS);
}

/* The algorithm of the response's list to use, 0 when there is none that we have. */
static uint16_t longterm_choose(const it_stun_longterm *lt, const it_stun_msg *resp)
{
    uint16_t list[IT_STUN_ALGOS_MAX / 4];
    int cap = (int)(sizeof(list) / sizeof(list[0]));
    int n = it_stun_get_algos(resp, IT_STUN_PASSWORD_ALGORITHMS, list, cap);

    uint16_t first = 0;

    n = n < cap ? n : cap;
    for (int i = 0; i < n; i++) {
        /* RFC 8656 section 6: of a list with both it is SHA-256, wherever that stands. */
        if (list[i] == IT_STUN_ALGO_SHA256 && lt->prefers_sha256)
            return list[i];
        /* RFC 8489 section 9.2.5: the first one that is supported. */
        if (first == 0 && (list[i] == IT_STUN_ALGO_MD5 || list[i] == IT_STUN_ALGO_SHA256))
            first = list[i];
    }
    return first;
}

static uint16_t longterm_keep(uint8_t *to, it_bytes from)
{
    if (from.n > 0)
        memcpy(to, from.p, from.n);
    return (uint16_t)from.n;
}

/* Takes over realm, nonce and algorithm from a 401 or 438. Returns NULL or why that is impossible. */
static const char *longterm_learn(it_stun_longterm *lt, const it_stun_msg *resp, uint32_t features)
{
    const it_stun_attr *realm = it_stun_get(resp, IT_STUN_REALM), *nonce = it_stun_get(resp, IT_STUN_NONCE);
    const it_stun_attr *algos = it_stun_get(resp, IT_STUN_PASSWORD_ALGORITHMS);
    uint16_t algo = algos ? longterm_choose(lt, resp) : IT_STUN_ALGO_MD5;

    if (!nonce || (!realm && !lt->challenged))
        return "a challenge without REALM or NONCE, RFC 8489 section 9.2.4";
    /* RFC 8489 section 9.2.5: once PASSWORD-ALGORITHMS came, all later requests use -SHA256; a challenge that takes it
     * back would lead to the older attribute. */
    if (lt->has_algos && !algos)
        return "PASSWORD-ALGORITHMS was there and is gone, RFC 8489 section 9.2.5";
    /* RFC 8489 section 9.2.5: no algorithm that we have, no retry. */
    if (algo == 0)
        return "no supported algorithm in PASSWORD-ALGORITHMS, RFC 8489 section 9.2.5";
    if (algos && algos->value.n > IT_STUN_ALGOS_MAX)
        return "PASSWORD-ALGORITHMS too long to be echoed, RFC 8489 section 9.2.5";
    if (realm)
        lt->realm_n = longterm_keep(lt->realm, realm->value);
    lt->nonce_n = longterm_keep(lt->nonce, nonce->value);
    lt->has_algos = algos != NULL;
    lt->algos_n = algos ? longterm_keep(lt->algos, algos->value) : 0;
    lt->algo = (enum it_stun_algo)algo;
    lt->userhash = (features & IT_STUN_FEATURE_ANONYMITY) != 0;
    lt->challenged = true;
    it_stun_key_long(&lt->key, lt->algo, lt->username, realm_of(lt), lt->password);
    return NULL;
}

static bool is_signed(const it_stun_msg *req)
{
    return it_stun_get(req, IT_STUN_MESSAGE_INTEGRITY) || it_stun_get(req, IT_STUN_MESSAGE_INTEGRITY_SHA256);
}

static bool longterm_same(const it_stun_msg *a, const it_stun_msg *b, uint16_t type)
{
    const it_stun_attr *x = it_stun_get(a, type), *y = it_stun_get(b, type);

    return x && y ? it_bytes_eq(x->value, y->value) : x == y;
}

/* RFC 8489 section 9.2.5: after a 401 a retry must change user name, user hash, realm or password; the password never
 * changes here. So it is refused when the refused request was signed for this realm in this way. */
static bool refused_for_good(const it_stun_msg *resp, const it_stun_msg *req, uint32_t features)
{
    bool hashed = it_stun_get(req, IT_STUN_USERHASH) != NULL;

    return is_signed(req) && longterm_same(resp, req, IT_STUN_REALM) &&
           hashed == ((features & IT_STUN_FEATURE_ANONYMITY) != 0);
}

/* A 401 or 438. */
static enum it_stun_longterm_act on_challenge(it_stun_longterm *lt, const it_stun_msg *resp, const it_stun_msg *req,
                                              int code, const char **why)
{
    const it_stun_attr *used = it_stun_get(req, IT_STUN_NONCE);
    uint32_t features;

    if (bid_down(resp, &features)) {
        *why = "the nonce cookie promises PASSWORD-ALGORITHMS, which is missing, RFC 8489 section 9.2.5";
        return IT_STUN_LONGTERM_FAIL;
    }
    if (code == 401 && refused_for_good(resp, req, features)) {
        *why = "the credentials were refused, RFC 8489 section 9.2.5";
        return IT_STUN_LONGTERM_FAIL;
    }
    /* A refusal of an older nonce than the latest is only late; one of the latest counts, or a server could keep us
     * busy for ever. */
    if (used && it_bytes_eq(used->value, it_bytes_of(lt->nonce, lt->nonce_n)) && ++lt->refusals > IT_STUN_STALE_MAX) {
        *why = "too many stale nonces in a row";
        return IT_STUN_LONGTERM_FAIL;
    }
    *why = longterm_learn(lt, resp, features);
    if (*why)
        return IT_STUN_LONGTERM_FAIL;
    *why = code == 401 ? "challenged, RFC 8489 section 9.2.5" : "stale nonce, RFC 8489 section 9.2.5";
    return IT_STUN_LONGTERM_RETRY;
}

/* Every other response to a signed request. Returns NULL when it is authentic, else why not. */
static const char *not_authentic(const it_stun_longterm *lt, const it_stun_msg *resp, const it_stun_msg *req)
{
    uint16_t which = 0;

    /* RFC 8489 section 9.2.5 names the 400 without integrity, which this covers. */
    if (it_stun_check(resp, &lt->key, &which) < 0)
        return "the response's integrity is missing or wrong, RFC 8489 section 9.2.5";
    /* RFC 8489 section 9.2.4: the response is signed with -SHA256 unless the request named no algorithm. The older
     * attribute in its place is a bid-down. */
    if (it_stun_get(req, IT_STUN_PASSWORD_ALGORITHM) && which != IT_STUN_MESSAGE_INTEGRITY_SHA256)
        return "the response is signed with the weaker attribute, RFC 8489 section 9.2.4";
    return NULL;
}

enum it_stun_longterm_act it_stun_longterm_response(it_stun_longterm *lt, const it_stun_msg *resp, it_bytes request,
                                                    const char **why)
{
    const char *unused;
    it_stun_msg req;
    uint32_t features;
    int code = 0;

    if (!why)
        why = &unused;
    *why = NULL;
    if (it_stun_parse(&req, request) < 0) {
        *why = "the request is not a STUN message";
        return IT_STUN_LONGTERM_FAIL;
    }
    if (resp->cls == IT_STUN_ERROR && it_stun_get_error(resp, &code, NULL) == 0 && (code == 401 || code == 438))
        return on_challenge(lt, resp, &req, code, why);
    /* RFC 8489 section 9.2.5, "for all other responses" */
    if (bid_down(resp, &features)) {
        *why = "the nonce cookie promises PASSWORD-ALGORITHMS, which is missing, RFC 8489 section 9.2.5";
        return IT_STUN_LONGTERM_DISCARD;
    }
    if (!is_signed(&req))
        return IT_STUN_LONGTERM_ACCEPT; /* nothing was shared that could sign the response */
    *why = not_authentic(lt, resp, &req);
    if (*why)
        return IT_STUN_LONGTERM_DISCARD;
    lt->proven = true;
    lt->refusals = 0;
    return IT_STUN_LONGTERM_ACCEPT;
}
