/* Who may use an HTTP proxy: Basic (RFC 7617), or Digest (RFC 7616) with nonces that prove themselves.
 *
 *     nonce = number (8 digits) | time (16) | HMAC-SHA256 of both under a key of the proxy's own (32)
 *
 * So none is kept but the count of the last ones given out, which makes each request good for once; one that is older
 * than those, or than IT_PROXY_NONCE, is stale. */
#include "stack/proxy/server_impl.h"

#include <stdio.h>

enum { NUMBER_AT = 0, TIME_AT = 8, MAC_AT = 24, MAC_DIGITS = 32, NONCE = MAC_AT + MAC_DIGITS };

static const char REALM[] = "tank";

/* The MAC of the first digits of |nonce|, as digits with NUL. */
static void nonce_mac(const it_proxy *p, const char *nonce, char out[MAC_DIGITS + 1])
{
    uint8_t mac[IT_SHA256_SIZE];
    it_hmac_sha256(&p->nonce_key, mac, it_bytes_of(nonce, MAC_AT), it_bytes_of(NULL, 0));
    it_bytes_hex(it_bytes_of(mac, MAC_DIGITS / 2), out);
}

static void make_nonce(it_proxy *p, char out[IT_HTTP_AUTH_TEXT])
{
    uint32_t number = p->nonces++;
    snprintf(out, IT_HTTP_AUTH_TEXT, "%08x%016llx", number, (unsigned long long)p->now);
    nonce_mac(p, out, out + MAC_AT);
    p->counts[number % IT_PROXY_NONCES] = 0;
}

static bool read_digits(const char *from, int n, uint64_t *v)
{
    *v = 0;
    for (int i = 0; i < n; i++) {
        const char *at = strchr("0123456789abcdef", from[i]);
        if (!at || !from[i])
            return false;
        *v = *v << 4 | (uint64_t)(at - "0123456789abcdef");
    }
    return true;
}

enum nonce_is { NONCE_GOOD, NONCE_STALE, NONCE_FORGED };

/* What |c|'s nonce is worth; good once for each count. RFC 7616 section 3.4, "nc". */
static enum nonce_is judge_nonce(it_proxy *p, const it_http_credentials *c)
{
    char mac[MAC_DIGITS + 1];
    uint64_t number, made;
    if (strlen(c->nonce) != NONCE)
        return NONCE_FORGED;
    if (!read_digits(c->nonce + NUMBER_AT, TIME_AT - NUMBER_AT, &number) ||
        !read_digits(c->nonce + TIME_AT, MAC_AT - TIME_AT, &made))
        return NONCE_FORGED;
    nonce_mac(p, c->nonce, mac);
    if (!it_equal_ct(mac, c->nonce + MAC_AT, MAC_DIGITS))
        return NONCE_FORGED;
    uint32_t age = p->nonces - (uint32_t)number; /* 1: the latest */
    if (age == 0 || age > IT_PROXY_NONCES || p->now - (it_time)made > IT_PROXY_NONCE)
        return NONCE_STALE;
    uint32_t *count = &p->counts[number % IT_PROXY_NONCES];
    if (c->nc <= *count)
        return NONCE_STALE; /* a replay: the count has been seen */
    *count = c->nc;
    return NONCE_GOOD;
}

/* Splits "user:password" of the configuration. */
static void split_auth(const it_proxy *p, char user[sizeof p->auth], const char **password)
{
    size_t n = strcspn(p->auth, ":");
    memcpy(user, p->auth, n);
    user[n] = 0;
    *password = p->auth[n] ? p->auth + n + 1 : "";
}

/* True when the proxy takes credentials of |scheme|. */
static bool takes_scheme(const it_proxy *p, enum it_http_scheme scheme)
{
    if (p->cfg.scheme == IT_PROXY_BASIC)
        return scheme == IT_HTTP_BASIC;
    return scheme == IT_HTTP_DIGEST_MD5 || (scheme == IT_HTTP_DIGEST_SHA256 && p->cfg.scheme == IT_PROXY_DIGEST);
}

enum it_proxy_verdict it_proxy_authorize(it_proxy *p, it_bytes head, it_bytes target)
{
    it_http_credentials c;
    it_bytes value, again;
    char user[sizeof p->auth];
    const char *password;
    if (!p->auth[0])
        return IT_PROXY_WELCOME;
    if (!it_http_field(head, "Proxy-Authorization", 0, &value))
        return IT_PROXY_WHO;
    if (it_http_field(head, "Proxy-Authorization", 1, &again))
        return IT_PROXY_NONSENSE; /* RFC 9110 section 5.3: no list, so only once */
    /* RFC 9110 section 11.4: what is invalid or partial is asked for again. */
    if (it_http_credentials_read(value, &c) < 0 || !takes_scheme(p, c.scheme))
        return IT_PROXY_WHO;
    split_auth(p, user, &password);
    if (!it_http_credentials_prove(&c, user, password, REALM, "CONNECT"))
        return IT_PROXY_WHO;
    if (c.scheme == IT_HTTP_BASIC)
        return IT_PROXY_WELCOME;
    if (!it_bytes_eq(c.uri, target))
        return IT_PROXY_NONSENSE; /* section 3.4.6: 400 */
    switch (judge_nonce(p, &c)) {
    case NONCE_GOOD:
        return IT_PROXY_WELCOME;
    case NONCE_STALE:
        return IT_PROXY_STALE;
    default:
        return IT_PROXY_WHO;
    }
}

/* Appends a line with the challenge |c|. */
static void add_challenge(it_buf *b, const it_http_challenge *c)
{
    char value[IT_HTTP_AUTH_VALUE];
    int n = it_http_challenge_write(c, value, sizeof value);
    IT_ASSERT(n > 0);
    it_buf_put(b, "Proxy-Authenticate: ", 20);
    it_buf_put(b, value, (size_t)n);
    it_buf_put(b, "\r\n", 2);
}

size_t it_proxy_challenge(it_proxy *p, bool stale, uint8_t *out, size_t cap)
{
    static const char HEAD[] = "HTTP/1.1 407 Proxy Authentication Required\r\n", TAIL[] = "Content-Length: 0\r\n\r\n";
    it_http_challenge c = {.scheme = IT_HTTP_BASIC, .stale = stale};
    it_buf b;
    it_buf_init(&b, out, cap);
    memcpy(c.realm, REALM, sizeof REALM);
    it_buf_put(&b, HEAD, sizeof HEAD - 1);
    if (p->cfg.scheme == IT_PROXY_BASIC) {
        add_challenge(&b, &c);
    } else {
        make_nonce(p, c.nonce);
        c.userhash = p->cfg.scheme == IT_PROXY_DIGEST; /* RFC 7616 section 3.4.4 */
        c.scheme = IT_HTTP_DIGEST_SHA256;
        /* Section 3.7: one challenge an algorithm, the best first. */
        if (p->cfg.scheme == IT_PROXY_DIGEST)
            add_challenge(&b, &c);
        c.scheme = IT_HTTP_DIGEST_MD5;
        add_challenge(&b, &c);
    }
    it_buf_put(&b, TAIL, sizeof TAIL - 1);
    IT_ASSERT(!b.overflow);
    return b.len;
}
