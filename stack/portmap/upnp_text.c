/* HTTP heads, XML elements, URLs: read from bytes that anybody may have written. */
#include "stack/portmap/upnp_text.h"

#include <string.h>

#define BODY_MAX 65535

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static bool space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool it_upnp_is(it_bytes b, const char *text)
{
    size_t i = 0;
    while (i < b.n && text[i] && lower(b.p[i]) == lower((uint8_t)text[i]))
        i++;
    return i == b.n && !text[i];
}

it_bytes it_upnp_trim(it_bytes b)
{
    while (b.n && space(b.p[0]))
        b = it_bytes_of(b.p + 1, b.n - 1);
    while (b.n && space(b.p[b.n - 1]))
        b.n--;
    return b;
}

int it_upnp_number(it_bytes text, uint32_t most, uint32_t *v)
{
    uint64_t n = 0;
    if (text.n == 0 || text.n > 10)
        return IT_ERR_PARSE;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return IT_ERR_PARSE;
        n = n * 10 + (uint64_t)(text.p[i] - '0');
    }
    *v = (uint32_t)n;
    return n > most ? IT_ERR_PARSE : 0;
}

/* --- HTTP --- */

/* Cuts the first line off |*b|, without its end; false when it has none. */
static bool line(it_bytes *b, it_bytes *out)
{
    const uint8_t *end = b->n ? memchr(b->p, '\n', b->n) : NULL;
    if (!end)
        return false;
    size_t n = (size_t)(end - b->p);
    *out = it_bytes_of(b->p, n && b->p[n - 1] == '\r' ? n - 1 : n); /* RFC 9112 section 2.2: a bare LF may end a line */
    *b = it_bytes_of(end + 1, b->n - n - 1);
    return true;
}

static bool is_http(it_bytes word)
{
    return word.n == 8 && memcmp(word.p, "HTTP/1.", 7) == 0;
}

/* Three words, the last one with spaces of its own, maybe empty. */
static int first_line(it_bytes l, it_bytes word[3])
{
    for (int i = 0; i < 2; i++) {
        const uint8_t *space = l.n ? memchr(l.p, ' ', l.n) : NULL;
        if (!space && i == 0)
            return IT_ERR_PARSE;
        size_t n = space ? (size_t)(space - l.p) : l.n;
        if (n == 0)
            return IT_ERR_PARSE;
        word[i] = it_bytes_of(l.p, n);
        l = it_bytes_of(l.p + n + (space != NULL), l.n - n - (space != NULL));
    }
    word[2] = l;
    return is_http(word[0]) || is_http(word[2]) ? 0 : IT_ERR_PARSE;
}

/* A header line in its two parts; false when it is none. */
static bool text_split(it_bytes l, it_bytes *name, it_bytes *value)
{
    const uint8_t *colon = l.n ? memchr(l.p, ':', l.n) : NULL;
    if (!colon || colon == l.p || space(colon[-1]) || space(l.p[0])) /* RFC 9112 section 5.1, and 5.2: no folding */
        return false;
    *name = it_bytes_of(l.p, (size_t)(colon - l.p));
    *value = it_upnp_trim(it_bytes_of(colon + 1, l.n - name->n - 1));
    return true;
}

static int header_of_body(it_upnp_head *h, it_bytes name, it_bytes value)
{
    uint32_t n;
    if (it_upnp_is(name, "transfer-encoding"))
        return IT_ERR_PARSE;
    if (!it_upnp_is(name, "content-length"))
        return 0;
    if (it_upnp_number(value, BODY_MAX, &n) < 0 || (h->has_length && n != h->body)) /* RFC 9112 section 6.3 */
        return IT_ERR_PARSE;
    h->body = n;
    h->has_length = true;
    return 0;
}

int it_upnp_head_parse(it_upnp_head *h, it_bytes raw)
{
    it_bytes rest = raw, l, name, value;
    int short_of = raw.n > IT_UPNP_HEAD_MAX ? IT_ERR_PARSE : 0;
    memset(h, 0, sizeof *h);
    if (!line(&rest, &l))
        return short_of;
    if (first_line(l, h->word) < 0)
        return IT_ERR_PARSE;
    h->lines = it_bytes_of(rest.p, 0);
    for (;;) {
        const uint8_t *at = rest.p;
        if (!line(&rest, &l))
            return short_of;
        if (l.n == 0) {
            h->lines.n = (size_t)(at - h->lines.p);
            break;
        }
        if (!text_split(l, &name, &value) || header_of_body(h, name, value) < 0)
            return IT_ERR_PARSE;
    }
    h->size = (size_t)(rest.p - raw.p);
    return h->size > IT_UPNP_HEAD_MAX ? IT_ERR_PARSE : 1;
}

bool it_upnp_header(const it_upnp_head *h, const char *want, it_bytes *value)
{
    it_bytes rest = h->lines, l, name;
    while (line(&rest, &l))
        if (text_split(l, &name, value) && it_upnp_is(name, want))
            return true;
    return false;
}

/* --- XML --- */

/* The place behind |what| in |b| from |at| on; 0 when it is not there. */
static size_t behind(it_bytes b, size_t at, const char *what)
{
    size_t n = strlen(what);
    for (; at + n <= b.n; at++)
        if (memcmp(b.p + at, what, n) == 0)
            return at + n;
    return 0;
}

/* The tag that begins at |at|, where a '<' stands: its name in |*name|; returns the place behind its '>', 0 when it has
 * none. */
static size_t tag(it_bytes x, size_t at, it_bytes *name)
{
    size_t i = at + 1;
    if (i + 3 <= x.n && memcmp(x.p + i, "!--", 3) == 0) {
        *name = it_bytes_of(x.p + i, 1);
        return behind(x, i + 3, "-->");
    }
    while (i < x.n && x.p[i] != '>' && !space(x.p[i]) && (x.p[i] != '/' || i == at + 1))
        i++;
    *name = it_bytes_of(x.p + at + 1, i - at - 1);
    return behind(x, i, ">");
}

static bool local_is(it_bytes name, const char *want)
{
    const uint8_t *colon = name.n ? memchr(name.p, ':', name.n) : NULL;
    size_t skip = colon ? (size_t)(colon - name.p) + 1 : 0, n = strlen(want);
    return name.n - skip == n && memcmp(name.p + skip, want, n) == 0;
}

bool it_upnp_element(it_bytes x, const char *want, it_bytes *text)
{
    size_t begin = 0;
    for (size_t at = 0; at < x.n;) {
        it_bytes name;
        const uint8_t *p = memchr(x.p + at, '<', x.n - at);
        if (!p)
            return false;
        size_t here = (size_t)(p - x.p), next = tag(x, here, &name);
        if (next == 0)
            return false;
        if (begin && name.n && name.p[0] == '/' && local_is(it_bytes_of(name.p + 1, name.n - 1), want)) {
            *text = it_bytes_of(x.p + begin, here - begin);
            return true;
        }
        bool empty = x.p[next - 2] == '/';
        if (!begin && name.n && name.p[0] != '/' && local_is(name, want)) {
            *text = it_bytes_of(x.p + next, 0);
            if (empty)
                return true;
            begin = next;
        }
        at = next;
    }
    return false;
}

/* --- URLs --- */

int it_upnp_url(it_bytes url, it_addr *a, it_bytes *path)
{
    char text[IT_ADDR_TEXT];
    if (url.n < 8 || !it_upnp_is(it_bytes_of(url.p, 7), "http://"))
        return IT_ERR_PARSE;
    it_bytes rest = it_bytes_of(url.p + 7, url.n - 7);
    const uint8_t *slash = memchr(rest.p, '/', rest.n);
    size_t n = slash ? (size_t)(slash - rest.p) : rest.n;
    if (n == 0 || n + 4 > sizeof text)
        return IT_ERR_PARSE;
    memcpy(text, rest.p, n);
    text[n] = '\0';
    *path = slash ? it_bytes_of(slash, rest.n - n) : it_bytes_str("/");
    if (it_addr_parse(a, text) == 0)
        return 0;
    memcpy(text + n, ":80", 4);
    return it_addr_parse(a, text) == 0 ? 0 : IT_ERR_PARSE;
}
