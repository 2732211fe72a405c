/* The grammar of RFC 7065 section 3.1: scheme, host, port, transport, from left to right. */
#include "stack/turn/uri.h"

#include <string.h>

typedef struct reading {
    const char *at; /* what is left */
    const char *why;
} reading;

static const struct {
    const char *word;
    bool turn, secure;
} SCHEMES[] = {{"stun", false, false}, {"stuns", false, true}, {"turn", true, false}, {"turns", true, true}};

/* Letters of ASCII, whatever the locale. */
static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same_word(const char *a, size_t n, const char *word)
{
    if (strlen(word) != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (lower(a[i]) != word[i])
            return false;
    return true;
}

static int fail(reading *r, int err, const char *why)
{
    r->why = why;
    return err;
}

/* RFC 3986 section 3.1: without regard to case. */
static int read_scheme(reading *r, it_turn_uri *u)
{
    size_t n = strcspn(r->at, ":");
    if (r->at[n] == '\0')
        return fail(r, IT_ERR_PARSE, "there is no ':' behind a scheme");
    for (size_t i = 0; i < sizeof SCHEMES / sizeof SCHEMES[0]; i++) {
        if (!same_word(r->at, n, SCHEMES[i].word))
            continue;
        u->turn = SCHEMES[i].turn;
        u->secure = SCHEMES[i].secure;
        r->at += n + 1;
        return 0;
    }
    return fail(r, IT_ERR_PARSE, "the scheme is none of stun, stuns, turn, turns");
}

static bool host_char(char c)
{
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || (c && strchr("-._~", c));
}

static int read_literal(reading *r, it_turn_uri *u)
{
    size_t n = strcspn(r->at + 1, "]");
    if (r->at[1 + n] != ']' || n >= sizeof u->host)
        return fail(r, IT_ERR_PARSE, "there is no ']' behind an IPv6 address");
    memcpy(u->host, r->at + 1, n);
    u->host[n] = '\0';
    if (it_ip_parse(&u->ip, u->host) < 0 || !strchr(u->host, ':'))
        return fail(r, IT_ERR_PARSE, "what is in brackets is no IPv6 address");
    r->at += n + 2;
    return 0;
}

static int read_host(reading *r, it_turn_uri *u)
{
    if (r->at[0] == '[')
        return read_literal(r, u);
    size_t n = 0;
    while (host_char(r->at[n]))
        n++;
    if (n == 0)
        return fail(r, IT_ERR_PARSE, "there is no host");
    if (n >= sizeof u->host)
        return fail(r, IT_ERR_PARSE, "the host is longer than a name can be (RFC 1035 section 2.3.4)");
    memcpy(u->host, r->at, n);
    u->host[n] = '\0';
    if (it_ip_parse(&u->ip, u->host) < 0)
        u->ip = (it_ip){0, 0};
    r->at += n;
    return 0;
}

static int read_port(reading *r, it_turn_uri *u)
{
    u->port = u->secure ? 5349 : 3478; /* RFC 7064 section 3.2, RFC 7065 section 3.2 */
    if (r->at[0] != ':')
        return 0;
    r->at++;
    uint32_t v = 0;
    size_t n = 0;
    for (; r->at[n] >= '0' && r->at[n] <= '9'; n++) {
        v = v * 10 + (uint32_t)(r->at[n] - '0');
        if (v > 65535)
            return fail(r, IT_ERR_PARSE, "the port is above 65535");
    }
    /* RFC 3986 section 3.2.3 allows an empty one. */
    if (n > 0 && v == 0)
        return fail(r, IT_ERR_PARSE, "port 0 cannot be sent to");
    if (n > 0)
        u->port = (uint16_t)v;
    u->named_port = n > 0;
    r->at += n;
    return 0;
}

static int read_transport(reading *r, it_turn_uri *u)
{
    static const char KEY[] = "?transport=";
    u->transport = u->secure ? IT_TURN_OVER_TLS : IT_TURN_OVER_UDP;
    if (r->at[0] == '\0')
        return 0;
    /* RFC 7064 section 3.1 knows no transport. */
    if (!u->turn || strncmp(r->at, KEY, sizeof KEY - 1) != 0)
        return fail(r, IT_ERR_PARSE, "something follows host and port");
    r->at += sizeof KEY - 1;
    size_t n = strlen(r->at);
    u->named_transport = true;
    if (same_word(r->at, n, "udp"))
        u->transport = u->secure ? IT_TURN_OVER_DTLS : IT_TURN_OVER_UDP;
    else if (same_word(r->at, n, "tcp"))
        u->transport = u->secure ? IT_TURN_OVER_TLS : IT_TURN_OVER_TCP;
    else
        return fail(r, n ? IT_ERR_UNSUPPORTED : IT_ERR_PARSE, "the transport is none of udp, tcp");
    return 0;
}

/* RFC 8489 section 8.1: a "stuns" URI with an address names nobody whose certificate could be asked for. RFC 7065 has
 * no such rule for "turns". */
static int check_name(reading *r, it_turn_uri *u)
{
    if (u->turn || !u->secure || it_ip_none(u->ip))
        return 0;
    return fail(r, IT_ERR_PARSE,
                "a stuns URI with an address is refused, as a certificate has a name (RFC 8489 section 8.1)");
}

int it_turn_uri_parse(it_turn_uri *u, const char *s, const char **why)
{
    static int (*const PARTS[])(reading *, it_turn_uri *) = {read_scheme, read_host, read_port, read_transport,
                                                             check_name};
    reading r = {s, NULL};
    int err = 0;
    *u = (it_turn_uri){.turn = false};
    for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0] && err == 0; i++)
        err = PARTS[i](&r, u);
    if (why)
        *why = r.why;
    return err;
}
