/* Reading HTTP/1.1 heads. */
#include "stack/http/head.h"

#include <string.h>

/* RFC 9110 section 5.6.2. */
static bool is_tchar(uint8_t c)
{
    if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
        return true;
    return c && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool it_http_is(it_bytes b, const char *text)
{
    size_t n = strlen(text);
    if (b.n != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (lower(b.p[i]) != lower((uint8_t)text[i]))
            return false;
    return true;
}

int it_http_head_feed(it_http_head *h, it_bytes in)
{
    size_t i = 0;
    while (i < in.n && !h->done) {
        if (h->n == IT_HTTP_HEAD_MAX)
            return IT_ERR_TOOBIG;
        h->buf[h->n++] = in.p[i++];
        if (h->buf[h->n - 1] != '\n')
            continue;
        /* RFC 9112 section 2.2: a lone LF may end a line; empty lines before the first are ignored. */
        size_t line = h->n - 1 - (h->n > 1 && h->buf[h->n - 2] == '\r');
        if (line == 0)
            h->n = 0;
        else
            h->done = h->buf[line - 1] == '\n';
    }
    return (int)i;
}

/* The line of |head| that begins at |at|, without its end; |*next|: where the next one begins. False at the end, or for
 * a line that does not end. */
static bool line_at(it_bytes head, size_t at, it_bytes *line, size_t *next)
{
    if (at >= head.n)
        return false;
    const uint8_t *end = memchr(head.p + at, '\n', head.n - at);
    if (!end)
        return false;
    size_t n = (size_t)(end - (head.p + at));
    *next = at + n + 1;
    if (n && head.p[at + n - 1] == '\r')
        n--;
    *line = it_bytes_of(head.p + at, n);
    return true;
}

static it_bytes trim(it_bytes b)
{
    while (b.n && (b.p[0] == ' ' || b.p[0] == '\t'))
        b = it_bytes_of(b.p + 1, b.n - 1);
    while (b.n && (b.p[b.n - 1] == ' ' || b.p[b.n - 1] == '\t'))
        b.n--;
    return b;
}

/* Splits a field line; false when it is none. RFC 9112 section 5.1: nothing between name and colon. */
static bool split_field(it_bytes line, it_bytes *name, it_bytes *value)
{
    size_t i = 0;
    while (i < line.n && is_tchar(line.p[i]))
        i++;
    if (i == 0 || i == line.n || line.p[i] != ':')
        return false;
    *name = it_bytes_of(line.p, i);
    *value = trim(it_bytes_of(line.p + i + 1, line.n - i - 1));
    return true;
}

/* RFC 9110 section 5.5: visible characters, space, tab and bytes from 0x80. */
static bool is_text(it_bytes b)
{
    for (size_t i = 0; i < b.n; i++)
        if ((b.p[i] < ' ' && b.p[i] != '\t') || b.p[i] == 0x7f)
            return false;
    return true;
}

/* Checks the field lines from |at| on and that nothing follows the empty line. */
static int check_fields(it_bytes head, size_t at)
{
    it_bytes line, name, value;
    while (line_at(head, at, &line, &at)) {
        if (line.n == 0)
            return at == head.n ? 0 : IT_ERR_PARSE;
        /* A folded line begins with a space and so has no name: RFC 9112 section 5.2, answered with 400. */
        if (!split_field(line, &name, &value) || !is_text(value))
            return IT_ERR_PARSE;
    }
    return IT_ERR_PARSE;
}

/* "HTTP/1.x": the minor version, else negative. RFC 9112 section 2.3. */
static int version(it_bytes v)
{
    return v.n == 8 && memcmp(v.p, "HTTP/1.", 7) == 0 && v.p[7] >= '0' && v.p[7] <= '9' ? v.p[7] - '0' : IT_ERR_PARSE;
}

static bool is_token(it_bytes v)
{
    for (size_t i = 0; i < v.n; i++)
        if (!is_tchar(v.p[i]))
            return false;
    return true;
}

int it_http_request_parse(it_bytes head, it_http_request *r)
{
    it_bytes line;
    size_t at = 0;
    if (!line_at(head, 0, &line, &at) || !is_text(line))
        return IT_ERR_PARSE;
    /* RFC 9112 section 3: method SP target SP version, single spaces. */
    const uint8_t *a = memchr(line.p, ' ', line.n), *end = line.p + line.n;
    const uint8_t *b = a ? memchr(a + 1, ' ', (size_t)(end - a - 1)) : NULL;
    if (!b || a == line.p || b == a + 1)
        return IT_ERR_PARSE;
    r->method = it_bytes_of(line.p, (size_t)(a - line.p));
    r->target = it_bytes_of(a + 1, (size_t)(b - a - 1));
    r->minor = version(it_bytes_of(b + 1, (size_t)(end - b - 1)));
    if (!is_token(r->method) || r->minor < 0)
        return IT_ERR_PARSE;
    return check_fields(head, at);
}

/* The number that the three bytes at |b| are; 0 when they are none. */
static int status_of(const uint8_t *b)
{
    int status = 0;
    for (int i = 0; i < 3; i++) {
        if (b[i] < '0' || b[i] > '9')
            return 0;
        status = status * 10 + b[i] - '0';
    }
    return status;
}

int it_http_response_parse(it_bytes head, it_http_response *r)
{
    it_bytes line;
    size_t at = 0;
    if (!line_at(head, 0, &line, &at) || !is_text(line))
        return IT_ERR_PARSE;
    if (line.n < 12 || line.p[8] != ' ')
        return IT_ERR_PARSE;
    if (line.n > 12 && line.p[12] != ' ')
        return IT_ERR_PARSE;
    r->minor = version(it_bytes_of(line.p, 8));
    r->status = status_of(line.p + 9);
    if (r->minor < 0 || r->status < 100)
        return IT_ERR_PARSE;
    return check_fields(head, at);
}

bool it_http_line(it_bytes head, size_t *at, it_bytes *whole, it_bytes *name)
{
    it_bytes line, value;
    size_t next = 0;
    if (*at == 0 && !line_at(head, 0, &line, at)) /* the first line is none of them */
        return false;
    if (!line_at(head, *at, &line, &next) || !split_field(line, name, &value))
        return false;
    *whole = it_bytes_of(head.p + *at, next - *at);
    *at = next;
    return true;
}

bool it_http_field(it_bytes head, const char *name, size_t k, it_bytes *value)
{
    it_bytes whole, found, line;
    size_t at = 0, next;
    while (it_http_line(head, &at, &whole, &found)) {
        if (!it_http_is(found, name) || k-- > 0)
            continue;
        if (!line_at(whole, 0, &line, &next))
            return false;
        return split_field(line, &found, value);
    }
    return false;
}

bool it_http_has_token(it_bytes value, const char *token)
{
    while (value.n) {
        const uint8_t *comma = memchr(value.p, ',', value.n);
        size_t n = comma ? (size_t)(comma - value.p) : value.n;
        if (it_http_is(trim(it_bytes_of(value.p, n)), token))
            return true;
        value = it_bytes_of(value.p + n + (comma != NULL), value.n - n - (comma != NULL));
    }
    return false;
}

bool it_http_persists(it_bytes head, int minor)
{
    bool keeps = minor > 0;
    it_bytes value;
    for (size_t k = 0; it_http_field(head, "Connection", k, &value); k++) {
        if (it_http_has_token(value, "close"))
            return false;
        keeps = keeps || it_http_has_token(value, "keep-alive");
    }
    return keeps;
}

bool it_http_has_host(it_bytes head, int minor)
{
    it_bytes value, other;
    if (!it_http_field(head, "Host", 0, &value))
        return minor == 0;
    if (it_http_field(head, "Host", 1, &other))
        return false;
    for (size_t i = 0; i < value.n; i++) /* RFC 9110 section 7.2: uri-host [":" port], or nothing */
        if (value.p[i] <= ' ' || value.p[i] >= 0x7f || strchr("/?#@,\\\"<>", value.p[i]))
            return false;
    return true;
}

/* The decimal port at the end of |target|, after |colon| bytes; 0 when it is none. */
static uint16_t port_of(it_bytes target, size_t colon)
{
    uint32_t port = 0;
    if (colon == target.n || target.n - colon > 5)
        return 0;
    for (size_t i = colon; i < target.n; i++) {
        if (target.p[i] < '0' || target.p[i] > '9')
            return 0;
        port = port * 10 + (uint32_t)(target.p[i] - '0');
    }
    return port > 65535 ? 0 : (uint16_t)port;
}

/* Whether |host| has only what a name or address may have; colons in brackets alone. */
static bool host_fits(it_bytes host, bool v6)
{
    for (size_t i = 0; i < host.n; i++)
        if (host.p[i] <= ' ' || host.p[i] >= 0x7f || strchr("/@[]?#", host.p[i]) || (host.p[i] == ':' && !v6))
            return false;
    return host.n > 0 && host.n <= 255;
}

/* Where the port of |target| begins, behind the last colon; 0 without one. */
static size_t behind_colon(it_bytes target)
{
    size_t at = target.n;
    while (at > 0 && target.p[at - 1] != ':')
        at--;
    return at;
}

/* The address that |host| is; none for a name. */
static it_ip literal_of(it_bytes host)
{
    char text[IT_IP_TEXT] = "";
    it_ip ip;
    if (host.n < sizeof text)
        memcpy(text, host.p, host.n);
    return it_ip_parse(&ip, text) < 0 ? (it_ip){0, 0} : ip;
}

int it_http_authority(it_bytes target, it_bytes *host, it_addr *a)
{
    size_t colon = behind_colon(target);
    uint16_t port = port_of(target, colon);
    if (colon <= 1 || port == 0)
        return IT_ERR_PARSE;
    bool v6 = target.p[0] == '[';
    if (v6 && (colon < 4 || target.p[colon - 2] != ']'))
        return IT_ERR_PARSE;
    *host = it_bytes_of(target.p + v6, colon - 1 - 2u * v6);
    *a = (it_addr){{0, 0}, port};
    if (!host_fits(*host, v6))
        return IT_ERR_PARSE;
    a->ip = literal_of(*host);
    return v6 && !it_ip_is6(a->ip) ? IT_ERR_PARSE : 0;
}

static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int it_base64_encode(char *out, size_t cap, it_bytes data)
{
    size_t n = (data.n + 2) / 3 * 4;
    if (n > cap)
        return IT_ERR_TOOBIG;
    for (size_t i = 0; i < data.n; i += 3) {
        size_t left = data.n - i;
        uint32_t v =
            (uint32_t)data.p[i] << 16 | (left > 1 ? (uint32_t)data.p[i + 1] << 8 : 0) | (left > 2 ? data.p[i + 2] : 0);
        char *o = out + i / 3 * 4;
        o[0] = DIGITS[v >> 18];
        o[1] = DIGITS[v >> 12 & 63];
        o[2] = left > 1 ? DIGITS[v >> 6 & 63] : '=';
        o[3] = left > 2 ? DIGITS[v & 63] : '=';
    }
    return (int)n;
}

/* How many "=" end |text|, whose length is a multiple of four. */
static size_t base64_pad(it_bytes text)
{
    if (text.n == 0 || text.p[text.n - 1] != '=')
        return 0;
    return text.p[text.n - 2] == '=' ? 2 : 1;
}

int it_base64_decode(uint8_t *out, size_t cap, it_bytes text)
{
    size_t n = 0;
    uint32_t v = 0;
    if (text.n % 4)
        return IT_ERR_PARSE;
    size_t pad = base64_pad(text);
    for (size_t i = 0; i < text.n; i++) {
        const char *d = i < text.n - pad && text.p[i] ? strchr(DIGITS, text.p[i]) : DIGITS;
        if (!d)
            return IT_ERR_PARSE;
        v = v << 6 | (uint32_t)(d - DIGITS);
        if (i % 4 != 3)
            continue;
        size_t bytes = i + 1 == text.n ? 3 - pad : 3;
        if (n + bytes > cap)
            return IT_ERR_TOOBIG;
        for (size_t k = 0; k < bytes; k++)
            out[n++] = (uint8_t)(v >> (16 - 8 * k));
        v = 0;
    }
    return (int)n;
}
