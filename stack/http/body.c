/* Bodies: by length, in chunks, until the end. */
#include "stack/http/body.h"

/* CHUNK_SIZE_END, TRAILER_END: a CR has come, LF must follow. */
enum { CHUNK_SIZE, CHUNK_EXTENSION, CHUNK_SIZE_END, CHUNK_DATA, CHUNK_END, TRAILER, TRAILER_END };

#define LINE_MAX 4096 /* of a chunk line or trailer line; RFC 9112 section 7.1.1: limit the extensions */

/* A Content-Length: digits alone. Returns 0 or IT_ERR_PARSE. */
static int read_length(it_bytes text, uint64_t *length)
{
    *length = 0;
    if (text.n == 0 || text.n > 18)
        return IT_ERR_PARSE;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return IT_ERR_PARSE;
        *length = *length * 10 + (uint64_t)(text.p[i] - '0');
    }
    return 0;
}

/* Reads the fields of a message of HTTP/1.|minor| that say it. Returns 0, IT_ERR_PARSE, or IT_ERR_NOTFOUND when none
 * does. */
static int by_fields(it_http_body *b, it_bytes head, int minor)
{
    it_bytes coding, length, again;
    uint64_t other;
    bool coded = it_http_field(head, "Transfer-Encoding", 0, &coding);
    bool sized = it_http_field(head, "Content-Length", 0, &length);
    *b = (it_http_body){.kind = IT_HTTP_BODY_NONE, .done = true};
    if (coded && minor == 0) /* RFC 9112 section 6.1: the framing is faulty */
        return IT_ERR_PARSE;
    if (coded && (sized || !it_http_is(coding, "chunked") || it_http_field(head, "Transfer-Encoding", 1, &again)))
        return IT_ERR_PARSE;
    if (coded) {
        *b = (it_http_body){.kind = IT_HTTP_BODY_CHUNKED, .at = CHUNK_SIZE};
        return 0;
    }
    if (!sized)
        return IT_ERR_NOTFOUND;
    if (read_length(length, &b->left) < 0)
        return IT_ERR_PARSE;
    for (size_t k = 1; it_http_field(head, "Content-Length", k, &again); k++)
        if (read_length(again, &other) < 0 || other != b->left)
            return IT_ERR_PARSE;
    b->kind = IT_HTTP_BODY_LENGTH;
    b->done = b->left == 0;
    return 0;
}

int it_http_body_of_request(it_http_body *b, it_bytes head, int minor)
{
    int err = by_fields(b, head, minor);
    return err == IT_ERR_NOTFOUND ? 0 : err; /* section 6.3, rule 7 */
}

int it_http_body_of_response(it_http_body *b, it_bytes head, const it_http_response *r, it_bytes method)
{
    bool none = r->status < 200 || r->status == 204 || r->status == 304 || it_bytes_eq(method, it_bytes_str("HEAD"));
    bool tunnel = r->status < 300 && it_bytes_eq(method, it_bytes_str("CONNECT"));
    *b = (it_http_body){.kind = IT_HTTP_BODY_NONE, .done = true};
    if (none || tunnel) /* rules 1 and 2 */
        return 0;
    int err = by_fields(b, head, r->minor);
    if (err == IT_ERR_NOTFOUND) {
        *b = (it_http_body){.kind = IT_HTTP_BODY_UNTIL_CLOSE}; /* rule 8 */
        err = 0;
    }
    return err;
}

/* --- chunks --- */

static int hex(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The line of a chunk's size has ended. */
static void end_size(it_http_body *b)
{
    b->at = b->left ? CHUNK_DATA : TRAILER;
    b->line = 0;
}

static int feed_size(it_http_body *b, uint8_t c)
{
    int digit = hex(c);
    if (digit >= 0) {
        b->left = b->left << 4 | (uint64_t)digit;
        return b->left > (uint64_t)1 << 40 ? IT_ERR_PARSE : 0;
    }
    if (b->line <= 1) /* no digit came before */
        return IT_ERR_PARSE;
    if (c == '\r')
        b->at = CHUNK_SIZE_END;
    else if (c == ';' || c == ' ' || c == '\t')
        b->at = CHUNK_EXTENSION;
    else
        return IT_ERR_PARSE;
    return 0;
}

/* A byte of an extension or a trailer, which |end| follows. No lone CR or LF: others might read another line there. */
static int feed_text(it_http_body *b, uint8_t c, uint8_t end)
{
    if (c == '\r')
        b->at = end;
    return c == '\n' ? IT_ERR_PARSE : 0;
}

/* The LF of a trailer line: an empty line, which is its CR and LF alone, ends the body. */
static int end_trailer(it_http_body *b, uint8_t c)
{
    b->done = b->line == 2;
    b->at = TRAILER;
    b->line = 0;
    return c == '\n' ? 0 : IT_ERR_PARSE;
}

/* One byte that is not of the body. Lines end in CR LF here, not in LF alone: RFC 9112 section 2.2 lets a recipient be
 * lenient with start lines and fields, section 7.1 with no chunk. Returns 0 or IT_ERR_PARSE. */
static int feed_framing(it_http_body *b, uint8_t c)
{
    if (++b->line > LINE_MAX)
        return IT_ERR_PARSE;
    switch (b->at) {
    case CHUNK_SIZE:
        return feed_size(b, c);
    case CHUNK_EXTENSION:
        return feed_text(b, c, CHUNK_SIZE_END);
    case CHUNK_SIZE_END:
        end_size(b);
        return c == '\n' ? 0 : IT_ERR_PARSE;
    case CHUNK_END:
        if (c != '\n' || b->line != 2)
            return c == '\r' && b->line == 1 ? 0 : IT_ERR_PARSE;
        b->at = CHUNK_SIZE;
        b->line = 0;
        return 0;
    case TRAILER:
        return feed_text(b, c, TRAILER_END);
    default:
        return end_trailer(b, c);
    }
}

/* Bytes of the body. Returns how many. */
static int take_content(it_http_body *b, it_bytes in, it_bytes *content)
{
    size_t n = in.n < b->left ? in.n : (size_t)b->left;
    *content = it_bytes_of(in.p, n);
    b->left -= n;
    if (b->left == 0 && b->kind == IT_HTTP_BODY_LENGTH)
        b->done = true;
    else if (b->left == 0)
        b->at = CHUNK_END;
    return (int)n;
}

/* Bytes up to the next ones of the body. Returns how many, or IT_ERR_PARSE. */
static int take_framing(it_http_body *b, it_bytes in)
{
    size_t at = 0;
    while (at < in.n && !b->done && b->at != CHUNK_DATA)
        if (feed_framing(b, in.p[at++]) < 0)
            return IT_ERR_PARSE;
    return (int)at;
}

int it_http_body_feed(it_http_body *b, it_bytes in, it_bytes *content)
{
    *content = it_bytes_of(NULL, 0);
    if (b->done || in.n == 0)
        return 0;
    if (b->kind == IT_HTTP_BODY_UNTIL_CLOSE) {
        *content = in;
        return (int)in.n;
    }
    if (b->kind == IT_HTTP_BODY_LENGTH || b->at == CHUNK_DATA)
        return take_content(b, in, content);
    return take_framing(b, in);
}
