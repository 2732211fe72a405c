/* The framework of RFC 9110 section 11, and the challenges of Basic and Digest in it. */
#include "stack/http/auth.h"

#include "stack/http/head.h"

#include <stdio.h>

static bool in_token(uint8_t c)
{
    return c > ' ' && c < 0x7f && !strchr("\"(),/:;<=>?@[\\]{}", c);
}

static bool in_token68(uint8_t c)
{
    return in_token(c) ? !strchr("!#$%&'*^`|", c) : c == '/';
}

/* The bytes at the beginning of |b| for which |is| is true. */
static size_t span(it_bytes b, bool (*is)(uint8_t))
{
    size_t n = 0;
    while (n < b.n && is(b.p[n]))
        n++;
    return n;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static bool is_between(uint8_t c)
{
    return is_space(c) || c == ',';
}

static bool is_equals(uint8_t c)
{
    return c == '=';
}

static it_bytes behind(it_bytes b, size_t n)
{
    return it_bytes_of(b.p + n, b.n - n);
}

/* RFC 9110 section 5.6.4: from the quote at the beginning of |b| to the next that is not escaped; its length with both,
 * or 0. */
static size_t quoted(it_bytes b)
{
    for (size_t i = 1; i < b.n; i++) {
        if (b.p[i] == '"')
            return i + 1;
        if (b.p[i] == '\\')
            i++;
        else if (b.p[i] < ' ' && b.p[i] != '\t')
            return 0;
    }
    return 0;
}

/* A token68 at the beginning of |b|, up to a comma or the end; its length, or 0. Section 11.2. */
static size_t token68(it_bytes b)
{
    size_t n = span(b, in_token68);
    if (n == 0)
        return 0;
    n += span(behind(b, n), is_equals);
    it_bytes rest = behind(b, n);
    rest = behind(rest, span(rest, is_space));
    return rest.n == 0 || rest.p[0] == ',' ? n : 0;
}

/* The value of a parameter behind its "=". */
static int read_value(it_http_auth_rd *r, it_bytes *value)
{
    r->rest = behind(r->rest, 1);
    r->rest = behind(r->rest, span(r->rest, is_space));
    bool quotes = r->rest.n > 0 && r->rest.p[0] == '"';
    size_t n = quotes ? quoted(r->rest) : span(r->rest, in_token);
    if (n == 0)
        return IT_ERR_PARSE;
    *value = quotes ? it_bytes_of(r->rest.p + 1, n - 2) : it_bytes_of(r->rest.p, n);
    r->rest = behind(r->rest, n);
    size_t gap = span(r->rest, is_space);
    if (gap < r->rest.n && r->rest.p[gap] != ',')
        return IT_ERR_PARSE;
    return IT_HTTP_AUTH_PARAM;
}

int it_http_auth_next(it_http_auth_rd *r, it_bytes *name, it_bytes *value)
{
    r->rest = behind(r->rest, span(r->rest, is_between));
    if (r->rest.n == 0)
        return IT_HTTP_AUTH_END;
    size_t n = r->behind_scheme ? token68(r->rest) : 0;
    r->behind_scheme = false;
    if (n > 0) {
        *value = it_bytes_of(r->rest.p, n);
        r->rest = behind(r->rest, n);
        return IT_HTTP_AUTH_TOKEN68;
    }
    n = span(r->rest, in_token);
    if (n == 0)
        return IT_ERR_PARSE;
    *name = it_bytes_of(r->rest.p, n);
    r->rest = behind(r->rest, n);
    size_t gap = span(r->rest, is_space);
    if (gap < r->rest.n && r->rest.p[gap] == '=') {
        r->rest = behind(r->rest, gap);
        return read_value(r, value);
    }
    r->behind_scheme = gap > 0;
    return IT_HTTP_AUTH_SCHEME;
}

/* --- challenges --- */

/* A challenge as its parameters come. */
typedef struct reading {
    it_http_challenge c;
    bool digest, bad, auth; /* |auth|: it offers qop=auth */
    bool has_realm;
} reading;

static void keep_text(reading *r, char *out, it_bytes value)
{
    r->bad = r->bad || value.n >= IT_HTTP_AUTH_TEXT || memchr(value.p, 0, value.n);
    if (r->bad)
        return;
    memcpy(out, value.p, value.n);
    out[value.n] = 0;
}

static void begin_challenge(reading *r, it_bytes scheme)
{
    *r = (reading){.digest = it_http_is(scheme, "Digest")};
    r->bad = !r->digest && !it_http_is(scheme, "Basic");
    r->c.scheme = r->digest ? IT_HTTP_DIGEST_MD5 : IT_HTTP_BASIC; /* RFC 7616 section 3.3: MD5 where none is named */
}

static void take_algorithm(reading *r, it_bytes value)
{
    if (it_http_is(value, "SHA-256"))
        r->c.scheme = IT_HTTP_DIGEST_SHA256;
    else
        r->bad = r->bad || !it_http_is(value, "MD5"); /* section 3.3: one that is not understood is ignored */
}

static void take_param(reading *r, it_bytes name, it_bytes value)
{
    if (it_http_is(name, "realm")) {
        keep_text(r, r->c.realm, value);
        r->has_realm = true;
    } else if (!r->digest) {
        return;
    } else if (it_http_is(name, "nonce")) {
        keep_text(r, r->c.nonce, value);
    } else if (it_http_is(name, "opaque")) {
        keep_text(r, r->c.opaque, value);
    } else if (it_http_is(name, "algorithm")) {
        take_algorithm(r, value);
    } else if (it_http_is(name, "qop")) {
        r->auth = it_http_has_token(value, "auth");
    } else if (it_http_is(name, "stale")) {
        r->c.stale = it_http_is(value, "true");
    } else if (it_http_is(name, "userhash")) {
        r->c.userhash = it_http_is(value, "true");
    }
}

/* True when |r| can be answered. RFC 7616 section 3.3: qop MUST be used; RFC 7617 section 2: a realm is required. */
static bool is_usable(const reading *r)
{
    if (r->c.scheme == IT_HTTP_NO_AUTH || r->bad || !r->has_realm)
        return false;
    return !r->digest || (r->c.nonce[0] && r->auth);
}

/* The first challenge of |value| that can be answered. */
static bool choose_in(it_bytes value, it_http_challenge *c)
{
    it_http_auth_rd rd = {value, false};
    reading r = {.bad = true};
    it_bytes name, text;
    for (;;) {
        int item = it_http_auth_next(&rd, &name, &text);
        if (item < 0)
            return false;
        if (item == IT_HTTP_AUTH_PARAM)
            take_param(&r, name, text);
        if (item == IT_HTTP_AUTH_PARAM || item == IT_HTTP_AUTH_TOKEN68)
            continue;
        if (is_usable(&r)) {
            *c = r.c;
            return true;
        }
        if (item == IT_HTTP_AUTH_END)
            return false;
        begin_challenge(&r, name);
    }
}

bool it_http_challenge_choose(it_bytes head, const char *field, it_http_challenge *c)
{
    it_bytes value;
    for (size_t k = 0; it_http_field(head, field, k, &value); k++)
        if (choose_in(value, c))
            return true;
    return false;
}

int it_http_challenge_write(const it_http_challenge *c, char *out, size_t cap)
{
    int n;
    if (c->scheme == IT_HTTP_BASIC)
        n = snprintf(out, cap, "Basic realm=\"%s\", charset=\"UTF-8\"", c->realm);
    else
        n = snprintf(out, cap, "Digest realm=\"%s\", qop=\"auth\", algorithm=%s, nonce=\"%s\"%s%s%s%s%s", c->realm,
                     c->scheme == IT_HTTP_DIGEST_MD5 ? "MD5" : "SHA-256", c->nonce, c->opaque[0] ? ", opaque=\"" : "",
                     c->opaque, c->opaque[0] ? "\"" : "", c->stale ? ", stale=true" : "",
                     c->userhash ? ", charset=UTF-8, userhash=true" : "");
    return n < 0 || (size_t)n >= cap ? IT_ERR_TOOBIG : n;
}
