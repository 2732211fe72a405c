/* SOCKS5, the server's side: methods, username and password, commands. RFC 1928, 1929. */
#include "stack/proxy/server_impl.h"

#include <string.h>

static void say_socks(it_tunnel *t, const uint8_t *out, size_t n)
{
    (void)it_stream_write(&t->r.s[0], it_bytes_of(out, n));
}

static int greeting(it_proxy *p, it_tunnel *t, it_bytes in)
{
    uint8_t out[IT_SOCKS_MAX];
    unsigned offers = 0;
    int n = it_socks_read_greeting(in, &offers);
    if (n <= 0)
        return n;
    unsigned want = p->auth[0] ? 2 : 1;
    if (!(offers & want)) {
        /* RFC 1928 section 3: the client must close. */
        p->stats.unauthorized++;
        it_proxy_refuse(p, t, it_bytes_of(out, it_socks_choice(out, false, IT_SOCKS_NO_METHOD)));
        return n;
    }
    say_socks(t, out, it_socks_choice(out, false, want == 2 ? IT_SOCKS_PASSWORD : IT_SOCKS_NO_AUTH));
    t->phase = want == 2 ? IT_TUNNEL_PASSWORD : IT_TUNNEL_COMMAND;
    return n;
}

static int password(it_proxy *p, it_tunnel *t, it_bytes in)
{
    uint8_t out[IT_SOCKS_MAX];
    it_bytes user, pass;
    int n = it_socks_read_password(in, &user, &pass);
    if (n <= 0)
        return n;
    size_t colon = (size_t)(strchr(p->auth, ':') ? strchr(p->auth, ':') - p->auth : (long)strlen(p->auth));
    const char *rest = p->auth[colon] ? p->auth + colon + 1 : "";
    if (it_bytes_eq(user, it_bytes_of(p->auth, colon)) && it_bytes_eq(pass, it_bytes_str(rest))) {
        say_socks(t, out, it_socks_choice(out, true, 0));
        t->phase = IT_TUNNEL_COMMAND;
    } else {
        /* RFC 1929 section 2: on failure the server must close. */
        p->stats.unauthorized++;
        it_proxy_refuse(p, t, it_bytes_of(out, it_socks_choice(out, true, 1)));
    }
    return n;
}

static int command(it_proxy *p, it_tunnel *t, it_bytes in)
{
    uint8_t out[IT_SOCKS_MAX];
    it_socks_msg m;
    int n = it_socks_read_msg(in, &m);
    if (n <= 0)
        return n;
    uint8_t why = IT_SOCKS_OK;
    p->stats.requests++;
    if (m.code == IT_SOCKS_UDP && p->cfg.udp) {
        it_proxy_associate(p, t);
        return n;
    }
    if (m.code != IT_SOCKS_CONNECT)
        why = IT_SOCKS_NO_COMMAND;
    else if (m.type != 1 && m.type != 3 && m.type != 4)
        why = IT_SOCKS_NO_ADDRESS_TYPE;
    p->stats.bad += why != IT_SOCKS_OK;
    int err = why == IT_SOCKS_OK ? it_proxy_connect(p, t, m.name, m.addr) : 0;
    if (err == IT_ERR_NOMEM)
        return err;
    if (err < 0)
        why = IT_SOCKS_NOT_ALLOWED;
    if (why != IT_SOCKS_OK)
        it_proxy_refuse(p, t, it_bytes_of(out, it_socks_msg_write(out, why, (it_addr){{0, 0}, 0})));
    return n;
}

int it_proxy_socks(it_proxy *p, it_tunnel *t, it_bytes data)
{
    static int (*const STEPS[])(it_proxy *, it_tunnel *, it_bytes) = {
        [IT_TUNNEL_GREETING] = greeting, [IT_TUNNEL_PASSWORD] = password, [IT_TUNNEL_COMMAND] = command};
    /* A message is gathered byte by byte: its readers tell when it is whole, and nothing behind it is touched. */
    t->head.buf[t->head.n++] = data.p[0];
    int n = STEPS[t->phase](p, t, it_bytes_of(t->head.buf, t->head.n));
    if (n == IT_ERR_NOMEM)
        return n;
    if (n < 0) {
        p->stats.bad++;
        it_relay_abort(&t->r);
        t->phase = IT_TUNNEL_CLOSING;
    }
    if (n != 0)
        t->head.n = 0;
    return 1;
}
