/* Asking a proxy. */
#include "stack/proxy/client.h"

#include <stdio.h>
#include <string.h>

enum { STEP_METHOD, STEP_PASSWORD, STEP_REPLY };
enum { WRONG_PASSWORD = 256 };

static int client_copy(char *out, size_t cap, const char *from, size_t n)
{
    if (n == 0 || n >= cap)
        return IT_ERR_PARSE;
    memcpy(out, from, n);
    out[n] = 0;
    return 0;
}

/* Reads "user:password@" at |*at|, if it is there, and goes on behind it. */
static int read_credentials(it_via *v, const char **at)
{
    const char *host = strchr(*at, '@'), *colon = strchr(*at, ':');
    if (!host)
        return 0;
    if (!colon || colon > host)
        return IT_ERR_PARSE;
    if (client_copy(v->user, sizeof v->user, *at, (size_t)(colon - *at)) < 0)
        return IT_ERR_PARSE;
    if (client_copy(v->password, sizeof v->password, colon + 1, (size_t)(host - colon - 1)) < 0)
        return IT_ERR_PARSE;
    *at = host + 1;
    return 0;
}

int it_via_parse(it_via *v, const char *url)
{
    static const char *const SCHEME[] = {[IT_VIA_HTTP] = "http://", [IT_VIA_SOCKS5] = "socks5://"};
    memset(v, 0, sizeof *v);
    for (uint8_t k = IT_VIA_HTTP; k <= IT_VIA_SOCKS5; k++)
        if (strncmp(url, SCHEME[k], strlen(SCHEME[k])) == 0)
            v->kind = k;
    if (v->kind == IT_VIA_NONE)
        return IT_ERR_PARSE;
    const char *at = url + strlen(SCHEME[v->kind]);
    if (read_credentials(v, &at) < 0)
        return IT_ERR_PARSE;
    return it_addr_parse(&v->proxy, at) < 0 || v->proxy.port == 0 ? IT_ERR_PARSE : 0;
}

static size_t connect_head(it_proxy_client *c)
{
    char to[IT_PROXY_NAME + IT_ADDR_TEXT], plain[130], token[180] = "";
    if (c->name[0])
        snprintf(to, sizeof to, "%s:%d", c->name, c->to.port); /* RFC 9112 section 3.2.3 */
    else
        it_addr_text(c->to, to);
    if (c->via.user[0]) {
        /* RFC 7617 section 2 */
        int n = snprintf(plain, sizeof plain, "%s:%s", c->via.user, c->via.password);
        n = it_base64_encode(token, sizeof token - 1, it_bytes_of(plain, (size_t)n));
        token[n < 0 ? 0 : n] = 0;
    }
    int n = snprintf((char *)c->out, sizeof c->out, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s%s%s\r\n", to, to,
                     token[0] ? "Proxy-Authorization: Basic " : "", token, token[0] ? "\r\n" : "");
    return n < 0 ? 0 : (size_t)n;
}

int it_proxy_client_init(it_proxy_client *c, const it_via *via, it_addr to, const char *name)
{
    memset(c, 0, sizeof *c);
    if (name && strlen(name) >= sizeof c->name)
        return IT_ERR_RANGE;
    if (name)
        memcpy(c->name, name, strlen(name));
    c->via = *via;
    c->to = to;
    if (via->kind == IT_VIA_HTTP)
        c->n_out = connect_head(c);
    else if (via->kind == IT_VIA_SOCKS5)
        c->n_out = it_socks_greeting(c->out, via->user[0] != 0);
    else
        c->state = IT_VIA_OPEN;
    return 0;
}

int it_proxy_client_associate(it_proxy_client *c, const it_via *via)
{
    if (via->kind != IT_VIA_SOCKS5 || it_proxy_client_init(c, via, (it_addr){{0, 0}, 0}, NULL) < 0)
        return IT_ERR_RANGE;
    c->udp = true;
    return 0;
}

static void client_refused(it_proxy_client *c, int status)
{
    c->state = IT_VIA_REFUSED;
    c->status = status;
}

static int read_http(it_proxy_client *c, it_bytes in)
{
    it_http_response r;
    int n = it_http_head_feed(&c->head, in);
    if (n < 0)
        client_refused(c, -1);
    if (n < 0 || !c->head.done)
        return n < 0 ? (int)in.n : n;
    if (it_http_response_parse(it_bytes_of(c->head.buf, c->head.n), &r) < 0)
        client_refused(c, -1);
    else if (r.status >= 200 && r.status < 300)
        c->state = IT_VIA_OPEN;
    else if (r.status >= 200)
        client_refused(c, r.status);
    c->head.n = 0; /* RFC 9110 section 15.2: an interim response is followed by another */
    c->head.done = false;
    return n;
}

static void send_request(it_proxy_client *c)
{
    c->step = STEP_REPLY;
    if (c->udp)
        c->n_out =
            it_socks_msg_write(c->out, IT_SOCKS_UDP, (it_addr){{0, 0}, 0}); /* the port is not known yet: all zeros */
    else
        c->n_out = c->name[0] ? it_socks_name_write(c->out, IT_SOCKS_CONNECT, it_bytes_str(c->name), c->to.port)
                              : it_socks_msg_write(c->out, IT_SOCKS_CONNECT, c->to);
}

/* One message of SOCKS; returns its length, 0 when it is not whole, or negative. */
static int read_socks(it_proxy_client *c, it_bytes in)
{
    it_socks_msg m;
    uint8_t code = 0;
    int n =
        c->step == STEP_REPLY ? it_socks_read_msg(in, &m) : it_socks_read_choice(in, c->step == STEP_PASSWORD, &code);
    if (n <= 0)
        return n;
    if (c->step == STEP_REPLY) {
        if (m.code == IT_SOCKS_OK)
            c->state = IT_VIA_OPEN;
        else
            client_refused(c, m.code);
        if (c->udp)
            c->to = m.addr;
    } else if (c->step == STEP_PASSWORD) {
        if (code == 0)
            send_request(c);
        else
            client_refused(c, WRONG_PASSWORD);
    } else if (code == IT_SOCKS_NO_AUTH) {
        send_request(c);
    } else if (code == IT_SOCKS_PASSWORD && c->via.user[0]) {
        c->step = STEP_PASSWORD;
        c->n_out = it_socks_password(c->out, it_bytes_str(c->via.user), it_bytes_str(c->via.password));
    } else {
        client_refused(c, IT_SOCKS_NO_METHOD);
    }
    return n;
}

int it_proxy_client_input(it_proxy_client *c, it_bytes in)
{
    size_t at = 0;
    while (at < in.n && c->state == IT_VIA_ASKING) {
        if (c->via.kind == IT_VIA_HTTP) {
            at += (size_t)read_http(c, it_bytes_of(in.p + at, in.n - at));
            continue;
        }
        c->head.buf[c->head.n++] = in.p[at++];
        int n = read_socks(c, it_bytes_of(c->head.buf, c->head.n));
        if (n < 0)
            client_refused(c, -1);
        if (n != 0)
            c->head.n = 0;
    }
    return (int)at;
}
