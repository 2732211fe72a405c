/* Credentials of Basic and Digest: RFC 7617 section 2, RFC 7616 section 3.4. */
#include "stack/crypto/digest.h"
#include "stack/http/auth.h"
#include "stack/http/head.h"

#include <stdio.h>

#define HEX_MAX (2 * IT_SHA256_SIZE + 1)
#define PLAIN_MAX (2 * IT_HTTP_AUTH_TEXT) /* "user:password" */

static void to_hex(char out[HEX_MAX], const uint8_t *digest, size_t n)
{
    static const char DIGITS[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = DIGITS[digest[i] >> 4];
        out[2 * i + 1] = DIGITS[digest[i] & 15];
    }
    out[2 * n] = 0;
}

/* H of |text|, as hex. RFC 7616 section 3.3. */
static void digest_of(enum it_http_scheme s, const char *text, char out[HEX_MAX])
{
    uint8_t d[IT_SHA256_SIZE];
    it_bytes none = it_bytes_of(NULL, 0);
    if (s == IT_HTTP_DIGEST_MD5)
        it_md5(d, it_bytes_str(text), none, none);
    else
        it_sha256(d, it_bytes_str(text), none, none);
    to_hex(out, d, s == IT_HTTP_DIGEST_MD5 ? IT_MD5_SIZE : IT_SHA256_SIZE);
}

/* What a response is made of. */
typedef struct parts {
    enum it_http_scheme scheme;
    const char *user, *password, *realm, *nonce, *cnonce, *method;
    it_bytes uri;
    uint32_t nc;
} parts;

/* The response of RFC 7616 section 3.4.1 into |out|. Returns 0 or IT_ERR_TOOBIG. */
static int respond(const parts *p, char out[HEX_MAX])
{
    char text[IT_HTTP_AUTH_VALUE], a1[HEX_MAX], a2[HEX_MAX];
    if (p->uri.n > 1024)
        return IT_ERR_TOOBIG;
    snprintf(text, sizeof text, "%s:%s:%s", p->user, p->realm, p->password); /* section 3.4.2 */
    digest_of(p->scheme, text, a1);
    snprintf(text, sizeof text, "%s:%.*s", p->method, (int)p->uri.n, (const char *)p->uri.p); /* section 3.4.3 */
    digest_of(p->scheme, text, a2);
    snprintf(text, sizeof text, "%s:%s:%08x:%s:auth:%s", a1, p->nonce, p->nc, p->cnonce, a2);
    digest_of(p->scheme, text, out);
    return 0;
}

/* Section 3.4.4. */
static void hash_user(enum it_http_scheme s, const char *user, const char *realm, char out[HEX_MAX])
{
    char text[2 * IT_HTTP_AUTH_TEXT + 1];
    snprintf(text, sizeof text, "%s:%s", user, realm);
    digest_of(s, text, out);
}

/* --- the client --- */

static int write_basic(const it_http_login *l, char *out, size_t cap)
{
    char plain[PLAIN_MAX];
    int n = snprintf(plain, sizeof plain, "%s:%s", l->user, l->password);
    if (n < 0 || (size_t)n >= sizeof plain || cap < 7)
        return IT_ERR_TOOBIG;
    memcpy(out, "Basic ", 6);
    n = it_base64_encode(out + 6, cap - 7, it_bytes_of(plain, (size_t)n));
    if (n < 0)
        return n;
    out[6 + n] = 0;
    return 6 + n;
}

static bool quotable(const char *s)
{
    for (; *s; s++)
        if (*s == '"' || *s == '\\' || (uint8_t)*s < ' ' || *s == 0x7f)
            return false;
    return true;
}

/* ", name=\"value\"" into |out|, or nothing where there is no value. */
static const char *quoted_param(const char *name, const char *value, char out[IT_HTTP_AUTH_TEXT + 16])
{
    out[0] = 0;
    if (value[0])
        snprintf(out, IT_HTTP_AUTH_TEXT + 16, ", %s=\"%s\"", name, value);
    return out;
}

static int write_digest(const it_http_challenge *c, const it_http_login *l, char *out, size_t cap)
{
    char response[HEX_MAX], hashed[HEX_MAX], opaque[IT_HTTP_AUTH_TEXT + 16];
    parts p = {c->scheme, l->user, l->password, c->realm, c->nonce, l->cnonce, l->method, it_bytes_str(l->uri), l->nc};
    if (!quotable(l->user))
        return IT_ERR_RANGE;
    if (respond(&p, response) < 0)
        return IT_ERR_TOOBIG;
    hash_user(c->scheme, l->user, c->realm, hashed);
    int n = snprintf(out, cap,
                     "Digest username=\"%s\", realm=\"%s\", uri=\"%s\", algorithm=%s, nonce=\"%s\", nc=%08x, "
                     "cnonce=\"%s\", qop=auth, response=\"%s\"%s%s",
                     c->userhash ? hashed : l->user, c->realm, l->uri,
                     c->scheme == IT_HTTP_DIGEST_MD5 ? "MD5" : "SHA-256", c->nonce, l->nc, l->cnonce, response,
                     quoted_param("opaque", c->opaque, opaque), c->userhash ? ", userhash=true" : "");
    return n < 0 || (size_t)n >= cap ? IT_ERR_TOOBIG : n;
}

int it_http_credentials_write(const it_http_challenge *c, const it_http_login *l, char *out, size_t cap)
{
    if (strchr(l->user, ':'))
        return IT_ERR_RANGE; /* RFC 7617 section 2 */
    if (strlen(l->user) >= IT_HTTP_AUTH_TEXT || strlen(l->password) >= IT_HTTP_AUTH_TEXT)
        return IT_ERR_TOOBIG;
    return c->scheme == IT_HTTP_BASIC ? write_basic(l, out, cap) : write_digest(c, l, out, cap);
}

/* --- the server --- */

static int read_basic(it_bytes token, it_http_credentials *c)
{
    uint8_t plain[PLAIN_MAX];
    int n = it_base64_decode(plain, sizeof plain, token);
    const uint8_t *colon = n > 0 ? memchr(plain, ':', (size_t)n) : NULL;
    if (!colon || memchr(plain, 0, (size_t)n))
        return IT_ERR_PARSE;
    size_t user = (size_t)(colon - plain), password = (size_t)n - user - 1;
    if (user >= sizeof c->user || password >= sizeof c->password)
        return IT_ERR_PARSE;
    memcpy(c->user, plain, user);
    memcpy(c->password, colon + 1, password);
    return 0;
}

enum { P_USER, P_REALM, P_NONCE, P_CNONCE, P_RESPONSE, P_URI, P_NC, P_QOP, P_ALGORITHM, P_USERHASH, PARAMS };

static const struct {
    const char *name;
    size_t at, room; /* a text of |c|; room 0: none */
    bool required;
} PARAM[PARAMS] = {
#define TEXT(field) offsetof(it_http_credentials, field), sizeof((it_http_credentials *)0)->field
    [P_USER] = {"username", TEXT(user), true},
    [P_REALM] = {"realm", TEXT(realm), true},
    [P_NONCE] = {"nonce", TEXT(nonce), true},
    [P_CNONCE] = {"cnonce", TEXT(cnonce), true},
    [P_RESPONSE] = {"response", TEXT(response), true},
    [P_URI] = {"uri", 0, 0, true},
    [P_NC] = {"nc", 0, 0, true},
    [P_QOP] = {"qop", 0, 0, true},
    [P_ALGORITHM] = {"algorithm", 0, 0, false},
    [P_USERHASH] = {"userhash", 0, 0, false},
#undef TEXT
};

/* RFC 7616 section 3.4: exactly 8 hexadecimal digits. */
static int read_count(it_bytes v, uint32_t *nc)
{
    *nc = 0;
    if (v.n != 8)
        return IT_ERR_PARSE;
    for (size_t i = 0; i < 8; i++) {
        const char *at = memchr("0123456789abcdef0123456789ABCDEF", v.p[i], 32);
        if (!at)
            return IT_ERR_PARSE;
        *nc = *nc << 4 | (uint32_t)((at - "0123456789abcdef0123456789ABCDEF") & 15);
    }
    return 0;
}

/* A parameter that is not kept as text. */
static int take_value(it_http_credentials *c, int which, it_bytes v)
{
    switch (which) {
    case P_URI:
        c->uri = v;
        return 0;
    case P_NC:
        return read_count(v, &c->nc);
    case P_QOP:
        return it_http_is(v, "auth") ? 0 : IT_ERR_PARSE;
    case P_ALGORITHM:
        if (it_http_is(v, "SHA-256"))
            c->scheme = IT_HTTP_DIGEST_SHA256;
        else if (!it_http_is(v, "MD5"))
            return IT_ERR_UNSUPPORTED;
        return 0;
    default:
        c->userhash = it_http_is(v, "true");
        return 0;
    }
}

static int take_credential(it_http_credentials *c, unsigned *seen, it_bytes name, it_bytes v)
{
    int which = 0;
    while (which < PARAMS && !it_http_is(name, PARAM[which].name))
        which++;
    if (which == PARAMS)
        return 0;
    if (*seen & 1u << which)
        return IT_ERR_PARSE;
    *seen |= 1u << which;
    if (PARAM[which].room == 0)
        return take_value(c, which, v);
    if (v.n >= PARAM[which].room || memchr(v.p, 0, v.n))
        return IT_ERR_PARSE;
    memcpy((char *)c + PARAM[which].at, v.p, v.n);
    return 0;
}

static int read_digest(it_http_auth_rd *rd, it_http_credentials *c)
{
    unsigned seen = 0;
    it_bytes name, v;
    for (int item; (item = it_http_auth_next(rd, &name, &v)) != IT_HTTP_AUTH_END;) {
        if (item != IT_HTTP_AUTH_PARAM)
            return IT_ERR_PARSE;
        int err = take_credential(c, &seen, name, v);
        if (err < 0)
            return err;
    }
    for (int i = 0; i < PARAMS; i++)
        if (PARAM[i].required && !(seen & 1u << i))
            return IT_ERR_PARSE;
    return 0;
}

int it_http_credentials_read(it_bytes value, it_http_credentials *c)
{
    it_http_auth_rd rd = {value, false};
    it_bytes name, v;
    memset(c, 0, sizeof *c);
    if (it_http_auth_next(&rd, &name, &v) != IT_HTTP_AUTH_SCHEME)
        return IT_ERR_PARSE;
    if (it_http_is(name, "Digest")) {
        c->scheme = IT_HTTP_DIGEST_MD5;
        return read_digest(&rd, c);
    }
    if (!it_http_is(name, "Basic"))
        return IT_ERR_UNSUPPORTED;
    c->scheme = IT_HTTP_BASIC;
    if (it_http_auth_next(&rd, &name, &v) != IT_HTTP_AUTH_TOKEN68)
        return IT_ERR_PARSE;
    return read_basic(v, c);
}

static bool same_text(const char *a, const char *b)
{
    return strlen(a) == strlen(b) && it_equal_ct(a, b, strlen(a));
}

bool it_http_credentials_prove(const it_http_credentials *c, const char *user, const char *password, const char *realm,
                               const char *method)
{
    char hashed[HEX_MAX], response[HEX_MAX];
    if (c->scheme == IT_HTTP_BASIC)
        return same_text(c->user, user) && same_text(c->password, password);
    parts p = {c->scheme, user, password, realm, c->nonce, c->cnonce, method, c->uri, c->nc};
    hash_user(c->scheme, user, realm, hashed);
    if (!same_text(c->realm, realm) || !same_text(c->user, c->userhash ? hashed : user))
        return false;
    return respond(&p, response) == 0 && same_text(c->response, response);
}
