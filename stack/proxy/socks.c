/* SOCKS5 as bytes. */
#include "stack/proxy/socks.h"

#include <string.h>

enum { VERSION = 5, AUTH_VERSION = 1, TYPE_V4 = 1, TYPE_NAME = 3, TYPE_V6 = 4 };

int it_socks_read_greeting(it_bytes in, unsigned *offers)
{
    if (in.n && in.p[0] != VERSION)
        return IT_ERR_PARSE;
    if (in.n < 2 || in.n < 2u + in.p[1])
        return 0;
    *offers = 0;
    for (size_t i = 0; i < in.p[1]; i++)
        *offers |= in.p[2 + i] == IT_SOCKS_NO_AUTH ? 1u : in.p[2 + i] == IT_SOCKS_PASSWORD ? 2u : 0;
    return 2 + in.p[1];
}

int it_socks_read_choice(it_bytes in, bool auth, uint8_t *code)
{
    if (in.n && in.p[0] != (auth ? AUTH_VERSION : VERSION))
        return IT_ERR_PARSE;
    if (in.n < 2)
        return 0;
    *code = in.p[1];
    return 2;
}

int it_socks_read_password(it_bytes in, it_bytes *user, it_bytes *password)
{
    if (in.n && in.p[0] != AUTH_VERSION)
        return IT_ERR_PARSE;
    if (in.n > 1 && in.p[1] == 0)
        return IT_ERR_PARSE;
    if (in.n < 2 || in.n < 3u + in.p[1])
        return 0;
    size_t n = in.p[1], m = in.p[2 + n];
    if (in.n < 3 + n + m)
        return 0;
    *user = it_bytes_of(in.p + 2, n);
    *password = it_bytes_of(in.p + 3 + n, m);
    return (int)(3 + n + m);
}

/* Reads |in|, of four bytes at least, from its type of address on; |code| is what is before it. */
static int from_type(it_bytes in, uint8_t code, it_socks_msg *m)
{
    *m = (it_socks_msg){.code = code, .type = in.p[3]};
    size_t at = 4, n = m->type == TYPE_V4 ? 4 : m->type == TYPE_V6 ? 16 : 0;
    if (m->type == TYPE_NAME) {
        if (in.n < 5)
            return 0;
        at = 5;
        n = in.p[4];
        if (n == 0)
            return IT_ERR_PARSE;
    } else if (n == 0) {
        return 4;
    }
    if (in.n < at + n + 2)
        return 0;
    m->addr.port = it_get16(in.p + at + n);
    if (m->type == TYPE_NAME)
        m->name = it_bytes_of(in.p + at, n);
    else
        m->addr.ip = it_ip_from_bytes(in.p + at, n);
    return (int)(at + n + 2);
}

int it_socks_read_msg(it_bytes in, it_socks_msg *m)
{
    if (in.n && in.p[0] != VERSION)
        return IT_ERR_PARSE;
    return in.n < 4 ? 0 : from_type(in, in.p[1], m);
}

int it_socks_read_datagram(it_bytes in, it_socks_msg *m)
{
    if (in.n < 4 || in.p[0] || in.p[1] || in.p[2])
        return IT_ERR_PARSE;
    int n = from_type(in, 0, m);
    return n > 4 ? n : IT_ERR_PARSE;
}

size_t it_socks_greeting(uint8_t out[IT_SOCKS_MAX], bool password)
{
    out[0] = VERSION;
    out[1] = password ? 2 : 1;
    out[2] = IT_SOCKS_NO_AUTH;
    out[3] = IT_SOCKS_PASSWORD;
    return password ? 4 : 3;
}

size_t it_socks_choice(uint8_t out[IT_SOCKS_MAX], bool auth, uint8_t code)
{
    out[0] = auth ? AUTH_VERSION : VERSION;
    out[1] = code;
    return 2;
}

size_t it_socks_password(uint8_t out[IT_SOCKS_MAX], it_bytes user, it_bytes password)
{
    if (user.n == 0 || user.n > 255 || password.n == 0 || password.n > 255)
        return 0;
    out[0] = AUTH_VERSION;
    out[1] = (uint8_t)user.n;
    memcpy(out + 2, user.p, user.n);
    out[2 + user.n] = (uint8_t)password.n;
    memcpy(out + 3 + user.n, password.p, password.n);
    return 3 + user.n + password.n;
}

size_t it_socks_msg_write(uint8_t out[IT_SOCKS_MAX], uint8_t code, it_addr a)
{
    bool v4 = it_ip_none(a.ip) || it_ip_is4(a.ip);
    size_t n = v4 ? 4 : 16;
    out[0] = VERSION;
    out[1] = code;
    out[2] = 0;
    out[3] = v4 ? TYPE_V4 : TYPE_V6;
    memset(out + 4, 0, n);
    if (!it_ip_none(a.ip))
        it_ip_to_bytes(a.ip, out + 4);
    it_put16(out + 4 + n, a.port);
    return 4 + n + 2;
}

size_t it_socks_datagram(uint8_t out[IT_SOCKS_MAX], it_addr a)
{
    size_t n = it_socks_msg_write(out, 0, a);
    out[0] = 0; /* where a message has its version */
    return n;
}

size_t it_socks_name_write(uint8_t out[IT_SOCKS_MAX], uint8_t code, it_bytes name, uint16_t port)
{
    if (name.n == 0 || name.n > 255)
        return 0;
    const uint8_t head[] = {VERSION, code, 0, TYPE_NAME, (uint8_t)name.n};
    memcpy(out, head, sizeof head);
    memcpy(out + sizeof head, name.p, name.n);
    it_put16(out + sizeof head + name.n, port);
    return sizeof head + name.n + 2;
}
