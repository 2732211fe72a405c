/* HTTP: CONNECT, and the captive portal, which knows one answer to everything. */
#include "stack/proxy/server_impl.h"

#include <stdio.h>
#include <string.h>

enum { TYPE_A = 1, TYPE_AAAA = 28, CLASS_IN = 1, DNS_HEADER = 12, DNS_MAX = 512, DNS_TTL = 0 };

static const char BAD_REQUEST[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
static const char FORBIDDEN[] = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
static const char NOT_ALLOWED[] =
    "HTTP/1.1 405 Method Not Allowed\r\nAllow: CONNECT\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
static const char TOO_LARGE[] =
    "HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
static const char BAD_GATEWAY[] = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
static const char GATEWAY_TIMEOUT[] = "HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
/* RFC 9110 section 9.3.6: no Content-Length in a 2xx to CONNECT. */
static const char CONNECTED[] = "HTTP/1.1 200 Connection established\r\n\r\n";
static const char LOGIN[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 16\r\nConnection: close\r\n\r\nPlease log in.\r\n";
static const char WELCOME[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 17\r\nConnection: close\r\n\r\nYou are online.\r\n";

static int refuse_bad(it_proxy *p, it_tunnel *t, const char *answer)
{
    p->stats.bad++;
    it_proxy_refuse(p, t, it_bytes_str(answer));
    return 0;
}

/* RFC 9112 section 3.2: exactly one Host in HTTP/1.1. */
static bool host_ok(it_bytes head, const it_http_request *r)
{
    it_bytes v;
    return (it_http_field(head, "Host", 0, &v) || r->minor == 0) && !it_http_field(head, "Host", 1, &v);
}

/* Whoever posts to /login, whatever, has logged in. */
static int login(it_proxy *p, it_tunnel *t)
{
    if (it_grow(p->cfg.alloc, &p->logins, &p->cap_logins, p->n_logins + 1, sizeof *p->logins) < 0)
        return IT_ERR_NOMEM;
    p->logins[p->n_logins++] = t->client.ip;
    p->stats.logins++;
    it_proxy_refuse(p, t, it_bytes_str(WELCOME));
    return 0;
}

/* RFC 6585 section 6: the response SHOULD contain a link to the login, and MUST NOT be stored. */
static void write_511(char *out, size_t cap, const char *own)
{
    char page[160];
    int n = snprintf(page, sizeof page, "<meta http-equiv=\"refresh\" content=\"0; url=http://%s/login\">", own);
    snprintf(out, cap,
             "HTTP/1.1 511 Network Authentication Required\r\nContent-Type: text/html\r\nCache-Control: "
             "no-store\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
             n, page);
}

static int portal(it_proxy *p, it_tunnel *t, it_bytes head, const it_http_request *r)
{
    char text[512], ip[IT_IP_TEXT], own[IT_IP_TEXT + 2];
    it_bytes host;
    bool six = it_ip_is6(t->client.ip);
    it_ip_text(p->cfg.portal[six], ip);
    snprintf(own, sizeof own, six ? "[%s]" : "%s", ip);
    if (it_http_field(head, "Host", 0, &host) && it_http_is(host, own)) {
        if (it_bytes_eq(r->method, it_bytes_str("POST")) && it_bytes_eq(r->target, it_bytes_str("/login")))
            return login(p, t);
        it_proxy_refuse(p, t, it_bytes_str(LOGIN));
        return 0;
    }
    p->stats.redirects++;
    if (p->cfg.says == IT_PROXY_PORTAL_302)
        /* RFC 6585 section 6 has 511 for this; portals in the field redirect. */
        snprintf(text, sizeof text,
                 "HTTP/1.1 302 Found\r\nLocation: http://%s/login\r\nCache-Control: no-store\r\nContent-Length: "
                 "0\r\nConnection: close\r\n\r\n",
                 own);
    else
        write_511(text, sizeof text, own);
    it_proxy_refuse(p, t, it_bytes_str(text));
    return 0;
}

/* RFC 9110 section 11.7.1. The connection goes on: the client asks again on it. */
static int challenge(it_proxy *p, it_tunnel *t, bool stale)
{
    uint8_t text[IT_PROXY_CHALLENGE];
    size_t n = it_proxy_challenge(p, stale, text, sizeof text);
    p->stats.unauthorized++;
    if (it_stream_write(&t->r.s[0], it_bytes_of(text, n)) < n)
        it_proxy_refuse(p, t, it_bytes_of(NULL, 0)); /* it asks without reading what is said */
    t->head.n = 0;
    t->head.done = false;
    return 0;
}

/* A complete head has come. */
static int http_request(it_proxy *p, it_tunnel *t)
{
    it_bytes head = it_bytes_of(t->head.buf, t->head.n), host;
    it_http_request r;
    it_addr a;
    p->stats.requests++;
    if (it_http_request_parse(head, &r) < 0 || !host_ok(head, &r))
        return refuse_bad(p, t, BAD_REQUEST);
    if (p->cfg.kind == IT_PROXY_PORTAL)
        return portal(p, t, head, &r);
    /* Methods are case-sensitive: RFC 9110 section 9.1. */
    if (!it_bytes_eq(r.method, it_bytes_str("CONNECT")))
        return refuse_bad(p, t, NOT_ALLOWED);
    if (it_http_authority(r.target, &host, &a) < 0)
        return refuse_bad(p, t, BAD_REQUEST);
    enum it_proxy_verdict v = it_proxy_authorize(p, head, r.target);
    if (v == IT_PROXY_NONSENSE)
        return refuse_bad(p, t, BAD_REQUEST);
    if (v != IT_PROXY_WELCOME)
        return challenge(p, t, v == IT_PROXY_STALE);
    int err = it_proxy_connect(p, t, host, a);
    if (err == IT_ERR_PERM)
        it_proxy_refuse(p, t, it_bytes_str(FORBIDDEN));
    return err == IT_ERR_NOMEM ? err : 0;
}

int it_proxy_http(it_proxy *p, it_tunnel *t, it_bytes data)
{
    int n = it_http_head_feed(&t->head, data);
    if (n < 0) {
        refuse_bad(p, t, TOO_LARGE);
        return (int)data.n;
    }
    int err = t->head.done ? http_request(p, t) : 0;
    return err < 0 ? err : n;
}

void it_proxy_opened(it_proxy *p, it_tunnel *t, it_addr local)
{
    uint8_t out[IT_SOCKS_MAX];
    if (p->cfg.kind == IT_PROXY_HTTP)
        (void)it_stream_write(&t->r.s[0], it_bytes_str(CONNECTED));
    else if (p->cfg.kind == IT_PROXY_SOCKS5)
        (void)it_stream_write(&t->r.s[0], it_bytes_of(out, it_socks_msg_write(out, IT_SOCKS_OK, local)));
}

void it_proxy_failed(it_proxy *p, it_tunnel *t, enum it_proxy_why why)
{
    /* RFC 9110 sections 15.6.3, 15.6.5: 502 where there was an answer, 504 where there was none in time; RFC 1928
     * section 6. */
    static const struct {
        const char *http;
        uint8_t socks;
    } SAYS[] = {
        [IT_PROXY_NO_NAME] = {BAD_GATEWAY, IT_SOCKS_HOST_UNREACHABLE},
        [IT_PROXY_NAME_SILENT] = {GATEWAY_TIMEOUT, IT_SOCKS_HOST_UNREACHABLE},
        [IT_PROXY_REFUSED] = {BAD_GATEWAY, IT_SOCKS_REFUSED},
        [IT_PROXY_NO_ROUTE] = {BAD_GATEWAY, IT_SOCKS_NET_UNREACHABLE},
        [IT_PROXY_SILENT] = {GATEWAY_TIMEOUT, IT_SOCKS_HOST_UNREACHABLE},
    };
    uint8_t out[IT_SOCKS_MAX];
    p->stats.failed++;
    t->active = p->now; /* from now on the client may take its time to close */
    if (p->cfg.kind == IT_PROXY_HTTP)
        it_proxy_refuse(p, t, it_bytes_str(SAYS[why].http));
    else if (p->cfg.kind == IT_PROXY_SOCKS5)
        it_proxy_refuse(p, t, it_bytes_of(out, it_socks_msg_write(out, SAYS[why].socks, (it_addr){{0, 0}, 0})));
    else
        it_relay_abort(&t->r);
}

/* --- names --- */

/* Where the labels of the name at |at| of |q| end; behind |q| when they do not. */
static size_t name_end(it_bytes q, size_t at)
{
    while (at < q.n && q.p[at] && q.p[at] < 64)
        at += 1u + q.p[at];
    return at;
}

/* The length of the first question of DNS query |q| behind its header; 0 when there is none that can be answered. */
static size_t question(it_bytes q, uint16_t *type)
{
    if (q.n < DNS_HEADER)
        return 0;
    if ((q.p[2] & 0xf8) != 0 || it_get16(q.p + 4) != 1) /* no query, or not of one question */
        return 0;
    size_t at = name_end(q, DNS_HEADER);
    if (at + 5 > q.n || q.p[at] != 0)
        return 0;
    if (it_get16(q.p + at + 3) != CLASS_IN)
        return 0;
    *type = it_get16(q.p + at + 1);
    return at + 5 - DNS_HEADER;
}

int it_proxy_dns(it_proxy *p, const it_io *in)
{
    uint8_t out[DNS_MAX];
    uint16_t type = 0;
    size_t n = question(in->data, &type);
    if (p->cfg.kind != IT_PROXY_PORTAL || n == 0 || DNS_HEADER + n + 28 > sizeof out)
        return (int)in->data.n;
    it_ip own = p->cfg.portal[type == TYPE_AAAA];
    bool a = (type == TYPE_A || type == TYPE_AAAA) && !it_ip_none(own);
    size_t size = type == TYPE_AAAA ? 16 : 4;
    it_buf b;
    it_buf_init(&b, out, sizeof out);
    it_buf_put(&b, in->data.p, 2);
    it_buf_u16(&b, (uint16_t)(0x8480 | (in->data.p[2] & 1) << 8)); /* an answer, authoritative, recursion available */
    it_buf_u16(&b, 1);
    it_buf_u16(&b, a);
    it_buf_u32(&b, 0);
    it_buf_put(&b, in->data.p + DNS_HEADER, n);
    if (a) {
        it_buf_u16(&b, 0xc000 | DNS_HEADER);
        uint8_t ip[16];
        it_buf_u16(&b, type);
        it_buf_u16(&b, CLASS_IN);
        it_buf_u32(&b, DNS_TTL);
        it_buf_u16(&b, (uint16_t)size);
        it_buf_put(&b, ip, it_ip_to_bytes(own, ip));
    }
    size_t len = DNS_HEADER + n + (a ? 12 + size : 0);
    it_io io = {.kind = IT_IO_DGRAM, .flow = in->flow, .local = in->local, .remote = in->remote};
    if (it_proxy_answer_put(p, &io, it_bytes_of(NULL, 0), it_bytes_of(out, len)) < 0)
        return IT_ERR_NOMEM;
    p->stats.queries++;
    return (int)in->data.n;
}
