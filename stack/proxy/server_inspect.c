/* The inspector: what it can tell from the first bytes, and the upgrade it takes off. */
#include "stack/proxy/server_impl.h"

#include <string.h>

enum { PORT_HTTPS = 443, RECORD_HANDSHAKE = 22, CLIENT_HELLO = 1, EXT_ALPN = 16, RECORD_HEADER = 5 };

/* TLS 1.2 (RFC 5246 section 7.2): fatal no_application_protocol, RFC 7301 section 3.2. */
static const uint8_t NO_PROTOCOL[] = {21, 3, 3, 0, 2, 2, 120};

static void skip(it_rd *r, size_t n)
{
    (void)it_rd_take(r, n);
}

/* Whether ClientHello |b| offers something by ALPN and no HTTP among it. RFC 8446 section 4.1.2, RFC 7301 section 3.1.
 */
static bool offers_no_http(it_bytes b)
{
    it_rd r;
    it_bytes ext = {NULL, 0};
    it_rd_init(&r, b);
    skip(&r, 4 + 2 + 32);    /* handshake header, version, random */
    skip(&r, it_rd_u8(&r));  /* session id */
    skip(&r, it_rd_u16(&r)); /* cipher suites */
    skip(&r, it_rd_u8(&r));  /* compression */
    ext = it_rd_take(&r, it_rd_u16(&r));
    it_rd_init(&r, ext);
    while (r.n > 0 && !r.fail) {
        uint16_t type = it_rd_u16(&r);
        it_bytes body = it_rd_take(&r, it_rd_u16(&r));
        if (type != EXT_ALPN || body.n < 2)
            continue;
        for (size_t at = 2; at < body.n && at + 1 + body.p[at] <= body.n; at += 1u + body.p[at]) {
            it_bytes name = it_bytes_of(body.p + at + 1, body.p[at]);
            if (it_bytes_eq(name, it_bytes_str("h2")) || it_bytes_eq(name, it_bytes_str("http/1.1")) ||
                it_bytes_eq(name, it_bytes_str("http/1.0")))
                return false;
        }
        return true;
    }
    return false;
}

static void break_tunnel(it_proxy *p, it_tunnel *t)
{
    p->stats.broken++;
    t->phase = IT_TUNNEL_CLOSING;
    it_relay_abort(&t->r);
}

/* What was gathered goes on to the server. */
static void pass_on(it_tunnel *t, it_bytes first)
{
    (void)it_stream_write(&t->r.s[1], first);
    t->r.bytes[0] += first.n;
    t->phase = IT_TUNNEL_CONNECT;
}

/* Whether the |n| bytes at |b| may be the beginning of a ClientHello in one record, of |len| bytes (0: not known). */
static bool may_be_hello(const uint8_t *b, size_t n, size_t len)
{
    if (b[0] != RECORD_HANDSHAKE)
        return false;
    if (n > 1 && b[1] != 3)
        return false;
    if (n > RECORD_HEADER && b[5] != CLIENT_HELLO)
        return false;
    return len == 0 || (len >= RECORD_HEADER + 4 && len <= IT_HTTP_HEAD_MAX);
}

/* Gathers the first record on 443. RFC 8446 section 5.1. */
static void inspect_tls(it_proxy *p, it_tunnel *t, uint8_t byte)
{
    uint8_t *b = t->head.buf;
    b[t->head.n++] = byte;
    size_t n = t->head.n, len = n >= RECORD_HEADER ? RECORD_HEADER + (size_t)it_get16(b + 3) : 0;
    if (!may_be_hello(b, n, len)) {
        break_tunnel(p, t);
        return;
    }
    if (n < RECORD_HEADER || n < len)
        return;
    p->stats.requests++;
    if (offers_no_http(it_bytes_of(b + RECORD_HEADER, n - RECORD_HEADER))) {
        p->stats.broken++;
        it_proxy_refuse(t, it_bytes_of(NO_PROTOCOL, sizeof NO_PROTOCOL));
    } else {
        pass_on(t, it_bytes_of(b, n));
    }
}

static bool stripped(it_bytes line, it_bytes name)
{
    it_bytes value = it_bytes_of(line.p + name.n + 1, line.n - name.n - 1);
    while (value.n && (value.p[value.n - 1] == '\r' || value.p[value.n - 1] == '\n'))
        value.n--;
    bool websocket = name.n > 14 && it_http_is(it_bytes_of(name.p, 14), "Sec-WebSocket-");
    return websocket || it_http_is(name, "Upgrade") ||
           (it_http_is(name, "Connection") && it_http_has_token(value, "upgrade"));
}

/* The first request on port 80 goes on without its upgrade: RFC 9110 section 7.8 allows an intermediary that, as
 * Upgrade is hop by hop. */
static void inspect_http(it_proxy *p, it_tunnel *t)
{
    it_bytes head = it_bytes_of(t->head.buf, t->head.n), line, name;
    it_http_request r;
    size_t at = 0, kept = 0;
    p->stats.requests++;
    if (it_http_request_parse(head, &r) < 0) {
        break_tunnel(p, t);
        return;
    }
    bool upgrade = it_http_field(head, "Upgrade", 0, &line);
    p->stats.stripped += upgrade;
    while (upgrade) {
        size_t before = at;
        bool more = it_http_line(head, &at, &line, &name);
        /* The request line, and then each line that stays, moves up behind what has stayed. */
        if (before == 0)
            kept = (size_t)((more ? line.p : head.p + at) - head.p);
        if (!more)
            break;
        if (stripped(line, name))
            continue;
        memmove(t->head.buf + kept, line.p, line.n);
        kept += line.n;
    }
    if (upgrade) {
        memmove(t->head.buf + kept, head.p + at, head.n - at);
        head.n = kept + head.n - at;
    }
    pass_on(t, head);
}

int it_proxy_inspect(it_proxy *p, it_tunnel *t, it_bytes data)
{
    if (t->wanted.port == PORT_HTTPS) {
        inspect_tls(p, t, data.p[0]);
        return 1;
    }
    int n = it_http_head_feed(&t->head, data);
    if (n < 0)
        break_tunnel(p, t);
    else if (t->head.done)
        inspect_http(p, t);
    return n < 0 ? (int)data.n : n;
}
