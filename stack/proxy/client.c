/* Asking a proxy. */
#include "stack/proxy/client.h"

#include "stack/crypto/digest.h"

#include <stdio.h>
#include <string.h>

enum { STEP_METHOD, STEP_PASSWORD, STEP_REPLY }; /* SOCKS */
enum { STEP_HEAD, STEP_BODY };                   /* HTTP */
enum { WRONG_PASSWORD = 256, UNAUTHORIZED = 407 };
enum { ASKED_MAX = 3 }; /* without a password, with it, and with a fresh nonce */
enum { TARGET = IT_PROXY_NAME + IT_ADDR_TEXT, CNONCE = 16 };

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

/* The server as CONNECT names it: RFC 9112 section 3.2.3. */
static void write_target(const it_proxy_client *c, char to[TARGET])
{
    if (c->name[0])
        snprintf(to, TARGET, "%s:%d", c->name, c->to.port);
    else
        it_addr_text(c->to, to);
}

/* Writes the request, with credentials |value| unless it is "". */
static void ask_connect(it_proxy_client *c, const char *value)
{
    char to[TARGET];
    write_target(c, to);
    int n = snprintf((char *)c->out, sizeof c->out, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s%s%s\r\n", to, to,
                     value[0] ? "Proxy-Authorization: " : "", value, value[0] ? "\r\n" : "");
    IT_ASSERT(n > 0 && (size_t)n < sizeof c->out);
    c->n_out = (size_t)n;
    c->asked++;
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
        ask_connect(c, "");
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

/* RFC 7616 section 3.4: a cnonce is the client's own, and differs for each request. */
static void make_cnonce(const it_proxy_client *c, char out[CNONCE + 1])
{
    uint8_t salt[9], d[IT_SHA256_SIZE];
    it_put64(salt, c->via.salt);
    salt[8] = c->asked;
    it_sha256(d, it_bytes_of(salt, sizeof salt), it_bytes_str(c->challenge.nonce), it_bytes_of(NULL, 0));
    for (int i = 0; i < CNONCE; i++)
        out[i] = "0123456789abcdef"[d[i] & 15];
    out[CNONCE] = 0;
}

/* Answers the challenge. */
static void ask_again(it_proxy_client *c)
{
    char to[TARGET], value[IT_HTTP_AUTH_VALUE], cnonce[CNONCE + 1];
    write_target(c, to);
    make_cnonce(c, cnonce);
    it_http_login l = {c->via.user, c->via.password, "CONNECT", to, cnonce, 1};
    if (it_http_credentials_write(&c->challenge, &l, value, sizeof value) < 0)
        client_refused(c, UNAUTHORIZED);
    else
        ask_connect(c, value);
}

/* True when the connection outlives response |head|. RFC 9112 section 9.3. */
static bool is_persistent(it_bytes head, int minor)
{
    it_bytes value;
    bool keep = minor >= 1;
    for (size_t k = 0; it_http_field(head, "Connection", k, &value); k++) {
        if (it_http_has_token(value, "close"))
            return false;
        keep = keep || it_http_has_token(value, "keep-alive");
    }
    return keep;
}

/* True when the password that we have may help after 407 |head|. */
static bool may_ask_again(it_proxy_client *c, it_bytes head, int minor)
{
    bool tried = c->asked > 1;
    if (!c->via.user[0] || c->asked >= ASKED_MAX || !is_persistent(head, minor))
        return false;
    if (!it_http_challenge_choose(head, "Proxy-Authenticate", &c->challenge))
        return false;
    /* RFC 7616 section 3.3: stale, the password was right and only the nonce is too old. */
    return !tried || (c->challenge.scheme != IT_HTTP_BASIC && c->challenge.stale);
}

/* A whole head of a response has come. */
static void take_response(it_proxy_client *c)
{
    it_http_response r;
    it_bytes head = it_bytes_of(c->head.buf, c->head.n);
    c->head.n = 0; /* RFC 9110 section 15.2: an interim response is followed by another */
    c->head.done = false;
    if (it_http_response_parse(head, &r) < 0) {
        client_refused(c, -1);
        return;
    }
    if (r.status < 200)
        return;
    if (r.status < 300) {
        c->state = IT_VIA_OPEN;
        return;
    }
    if (r.status != UNAUTHORIZED || !may_ask_again(c, head, r.minor) ||
        it_http_body_of_response(&c->body, head, &r, it_bytes_str("CONNECT")) < 0 ||
        c->body.kind == IT_HTTP_BODY_UNTIL_CLOSE) {
        client_refused(c, r.status);
        return;
    }
    c->step = STEP_BODY;
}

/* Passes over the body of a 407, and asks again behind it. Returns the bytes taken. */
static int skip_body(it_proxy_client *c, it_bytes in)
{
    it_bytes content;
    int n = c->body.done ? 0 : it_http_body_feed(&c->body, in, &content);
    if (n < 0) {
        client_refused(c, -1);
        return (int)in.n;
    }
    if (c->body.done) {
        c->step = STEP_HEAD;
        ask_again(c);
    }
    return n;
}

static int read_http(it_proxy_client *c, it_bytes in)
{
    if (c->step == STEP_BODY)
        return skip_body(c, in);
    int n = it_http_head_feed(&c->head, in);
    if (n < 0) {
        client_refused(c, -1);
        return (int)in.n;
    }
    if (!c->head.done)
        return n;
    take_response(c);
    if (c->state == IT_VIA_ASKING && c->step == STEP_BODY && c->body.done)
        (void)skip_body(c, it_bytes_of(NULL, 0));
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
