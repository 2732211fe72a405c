/* The inspector: what it can tell from the first bytes, and the upgrade it takes off. */
#include "stack/proxy/server_impl.h"

#include <string.h>

/* TLS 1.2 (RFC 5246 section 7.2): fatal no_application_protocol, RFC 7301 section 3.2. */
static const uint8_t NO_PROTOCOL[] = {21, 3, 3, 0, 2, 2, 120};

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

/* True when |h| offers protocols, and none that can be inspected: RFC 7301 section 3.2. */
static bool offers_no_http(const it_proxy *p, const it_tls_hello *h)
{
    if (h->alpn.n == 0 || it_tls_hello_offers(h, "http/1.1") || it_tls_hello_offers(h, "http/1.0"))
        return false;
    return p->cfg.tls || !it_tls_hello_offers(h, "h2"); /* what is not decrypted may be any HTTP */
}

/* The ClientHello of |t| is whole. */
static int take_hello(it_proxy *p, it_tunnel *t, const it_tls_hello *h)
{
    p->stats.requests++;
    if (p->cfg.tls && it_proxy_passes(p, h->name)) {
        p->stats.passed++;
        pass_on(t, it_bytes_of(t->head.buf, t->head.n));
        return 0;
    }
    if (offers_no_http(p, h)) {
        p->stats.broken++;
        it_proxy_refuse(p, t, it_bytes_of(NO_PROTOCOL, sizeof NO_PROTOCOL));
        return 0;
    }
    if (!p->cfg.tls) {
        pass_on(t, it_bytes_of(t->head.buf, t->head.n));
        return 0;
    }
    t->phase = IT_TUNNEL_CONNECT;
    return it_proxy_mitm_begin(p, t, h);
}

/* Gathers the ClientHello on 443. RFC 8446 section 5.1. */
static int inspect_tls(it_proxy *p, it_tunnel *t, uint8_t byte)
{
    it_tls_hello h;
    t->head.buf[t->head.n++] = byte;
    int n = it_tls_hello_read(&h, it_bytes_of(t->head.buf, t->head.n));
    if (n < 0 || (n == 0 && t->head.n == sizeof t->head.buf)) {
        break_tunnel(p, t);
        return 0;
    }
    return n == 0 ? 0 : take_hello(p, t, &h);
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

size_t it_proxy_strip(it_proxy *p, uint8_t *buf, size_t n)
{
    it_bytes head = it_bytes_of(buf, n), line, name;
    size_t at = 0, kept = 0;
    if (!it_http_field(head, "Upgrade", 0, &line))
        return n;
    p->stats.stripped++;
    for (;;) {
        size_t before = at;
        bool more = it_http_line(head, &at, &line, &name);
        /* The request line, and then each line that stays, moves up behind what has stayed. */
        if (before == 0)
            kept = (size_t)((more ? line.p : head.p + at) - head.p);
        if (!more)
            break;
        if (stripped(line, name))
            continue;
        memmove(buf + kept, line.p, line.n);
        kept += line.n;
    }
    memmove(buf + kept, buf + at, n - at);
    return kept + n - at;
}

/* The first request on port 80 goes on without its upgrade. */
static void inspect_http(it_proxy *p, it_tunnel *t)
{
    it_http_request r;
    p->stats.requests++;
    if (it_http_request_parse(it_bytes_of(t->head.buf, t->head.n), &r) < 0) {
        break_tunnel(p, t);
        return;
    }
    size_t n = it_proxy_strip(p, t->head.buf, t->head.n);
    pass_on(t, it_bytes_of(t->head.buf, n));
}

int it_proxy_inspect(it_proxy *p, it_tunnel *t, it_bytes data)
{
    if (t->wanted.port == IT_PROXY_HTTPS) {
        int err = inspect_tls(p, t, data.p[0]);
        return err < 0 ? err : 1;
    }
    int n = it_http_head_feed(&t->head, data);
    if (n < 0)
        break_tunnel(p, t);
    else if (t->head.done)
        inspect_http(p, t);
    return n < 0 ? (int)data.n : n;
}
