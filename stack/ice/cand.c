/* Candidate kinds, priorities and addresses (RFC 8445 sections 5.1.1.1 and 5.1.2), and the candidate attribute of SDP,
 * written and read (RFC 8839 section 5.1, RFC 6544 section 4.5). */
#include "stack/ice/cand.h"

static const struct {
    const char *name;
    uint32_t preference; /* RFC 8445 section 5.1.2.2 */
} KINDS[] = {
    [IT_ICE_HOST] = {"host", 126},
    [IT_ICE_SRFLX] = {"srflx", 100},
    [IT_ICE_PRFLX] = {"prflx", 110},
    [IT_ICE_RELAY] = {"relay", 0},
};

const char *it_ice_kind_name(enum it_ice_kind kind)
{
    IT_ASSERT((size_t)kind < sizeof KINDS / sizeof KINDS[0]);
    return KINDS[kind].name;
}

uint32_t it_ice_priority(enum it_ice_kind kind, uint16_t local_pref, uint16_t component)
{
    IT_ASSERT((size_t)kind < sizeof KINDS / sizeof KINDS[0]);
    IT_ASSERT(component >= 1 && component <= 256);
    /* RFC 8445 section 5.1.2.1. A relayed candidate of component 256 with preference 0 would come to 0, which is no
     * priority. */
    uint32_t p = KINDS[kind].preference << 24 | (uint32_t)local_pref << 8 | (256u - component);
    return p ? p : 1;
}

const char *it_ice_transport_name(enum it_ice_transport transport)
{
    static const char *const NAMES[IT_ICE_TRANSPORTS] = {"udp", "active", "passive", "so"};
    IT_ASSERT((size_t)transport < IT_ICE_TRANSPORTS);
    return NAMES[transport];
}

/* Type preferences of candidates by TCP. RFC 6544 section 4.2: for real-time media any by UDP goes before any by TCP,
 * but relayed ones stay last. */
static const uint32_t TCP_TYPE[] = {[IT_ICE_HOST] = 90, [IT_ICE_SRFLX] = 80, [IT_ICE_PRFLX] = 85, [IT_ICE_RELAY] = 0};

uint32_t it_ice_tcp_priority(enum it_ice_kind kind, enum it_ice_transport transport, uint32_t other_pref,
                             uint16_t component)
{
    /* RFC 6544 section 4.2, recommended: the direction of host and relayed candidates, and of reflexive ones. */
    static const uint32_t DIRECTION[2][IT_ICE_TRANSPORTS] = {
        {[IT_ICE_TCP_ACTIVE] = 6, [IT_ICE_TCP_PASSIVE] = 4, [IT_ICE_TCP_SO] = 2},
        {[IT_ICE_TCP_SO] = 6, [IT_ICE_TCP_ACTIVE] = 4, [IT_ICE_TCP_PASSIVE] = 2}};
    IT_ASSERT(transport != IT_ICE_UDP && other_pref < 8192);
    bool reflexive = kind == IT_ICE_SRFLX || kind == IT_ICE_PRFLX;
    uint32_t pref = DIRECTION[reflexive][transport] << 13 | other_pref;
    uint32_t p = TCP_TYPE[kind] << 24 | pref << 8 | (256u - component);
    return p ? p : 1;
}

uint32_t it_ice_prflx_priority(const it_ice_cand *local)
{
    uint16_t pref = (uint16_t)(local->priority >> 8);
    if (local->transport == IT_ICE_UDP)
        return it_ice_priority(IT_ICE_PRFLX, pref, local->component);
    return it_ice_tcp_priority(IT_ICE_PRFLX, local->transport, pref & 8191, local->component);
}

/* RFC 1122 section 3.2.1.3: not "this network", loopback, multicast or limited broadcast. */
static bool is_usable_ipv4(uint32_t v)
{
    return v >> 24 != 0 && v >> 24 != 127 && v >> 28 != 0xe && v != UINT32_MAX;
}

bool it_ice_addr_usable(it_addr a)
{
    if (a.port == 0 || it_ip_none(a.ip))
        return false;
    if (it_ip_is4(a.ip))
        return is_usable_ipv4(it_ip_v4(a.ip));
    /* RFC 4291 section 2.5: ::1 and the deprecated ::a.b.c.d; fec0::/10; multicast. */
    if (a.ip.hi == 0 && a.ip.lo >> 32 == 0)
        return false;
    return a.ip.hi >> 54 != 0xfec0 >> 6 && a.ip.hi >> 56 != 0xff;
}

/* --- SDP --- */

#define PRIORITY_MAX 0x7fffffffu

static void write_related(it_str *out, const it_ice_cand *c)
{
    char ip[IT_IP_TEXT];
    /* RFC 8839 section 5.1: all but host candidates carry the related address; one that is not known or not to be told
     * is the unspecified address with port 9. */
    const it_addr *related = it_ip_none(c->related.ip) ? &c->base : &c->related;
    if (it_ip_none(related->ip))
        it_str_printf(out, " raddr %s rport 9", it_ip_is4(c->addr.ip) ? "0.0.0.0" : "::");
    else
        it_str_printf(out, " raddr %s rport %u", it_ip_text(related->ip, ip), related->port);
}

void it_ice_cand_write(it_str *out, const it_ice_cand *c)
{
    char ip[IT_IP_TEXT];
    bool tcp = c->transport != IT_ICE_UDP;
    it_str_printf(out, "candidate:%s %u %s %u %s %u typ %s", c->foundation, c->component, tcp ? "TCP" : "UDP",
                  c->priority, it_ip_text(c->addr.ip, ip), c->addr.port, it_ice_kind_name(c->kind));
    if (c->kind != IT_ICE_HOST)
        write_related(out, c);
    if (tcp) /* RFC 6544 section 4.5: behind the related address */
        it_str_printf(out, " tcptype %s", it_ice_transport_name(c->transport));
}

/* Takes the next word, words being separated by single spaces; empty at the end or where two spaces meet. */
static it_bytes word(it_bytes *text)
{
    size_t n = 0;
    while (n < text->n && text->p[n] != ' ')
        n++;
    it_bytes w = it_bytes_of(text->p, n);
    size_t skip = n < text->n ? n + 1 : n;
    *text = it_bytes_of(text->p + skip, text->n - skip);
    return w;
}

static bool is_alphanum(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_ice_char(uint8_t c)
{
    return is_alphanum(c) || c == '+' || c == '/';
}

/* A token of RFC 3261 section 25.1. */
static bool is_token(it_bytes w)
{
    for (size_t i = 0; i < w.n; i++) {
        uint8_t c = w.p[i];
        if (!is_alphanum(c) && (c == 0 || !memchr("-.!%*_+`'~", c, 10)))
            return false;
    }
    return w.n > 0;
}

static bool same_word(it_bytes w, const char *s)
{
    size_t n = strlen(s);
    if (w.n != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        uint8_t c = w.p[i];
        if (c >= 'A' && c <= 'Z')
            c = (uint8_t)(c + 32);
        if (c != (uint8_t)s[i])
            return false;
    }
    return true;
}

/* 1 to |digits| decimal digits, |lo| to |hi|. */
static int number(it_bytes w, size_t digits, uint32_t lo, uint32_t hi, uint32_t *out)
{
    uint64_t v = 0;
    if (w.n == 0 || w.n > digits)
        return IT_ERR_PARSE;
    for (size_t i = 0; i < w.n; i++) {
        if (w.p[i] < '0' || w.p[i] > '9')
            return IT_ERR_PARSE;
        v = v * 10 + (uint64_t)(w.p[i] - '0');
    }
    if (v < lo || v > hi)
        return IT_ERR_PARSE;
    *out = (uint32_t)v;
    return 0;
}

static bool ends_with(it_bytes w, const char *end)
{
    size_t n = strlen(end);
    return w.n > n && same_word(it_bytes_of(w.p + w.n - n, n), end);
}

/* |w| without the zone of a link-local address. */
static it_bytes without_zone(it_bytes w)
{
    const uint8_t *zone = w.n ? memchr(w.p, '%', w.n) : NULL;
    bool local = w.n > 4 && same_word(it_bytes_of(w.p, 4), "fe80");
    return local && zone ? it_bytes_of(w.p, (size_t)(zone - w.p)) : w;
}

/* Returns 0, or of what is not a literal address IT_ERR_NOTFOUND, a name of the LAN, or IT_ERR_UNSUPPORTED. */
static int address(it_bytes w, it_ip *ip)
{
    char s[IT_IP_TEXT];
    if (w.n == 0)
        return IT_ERR_PARSE;
    if (ends_with(w, ".local"))
        return IT_ERR_NOTFOUND;
    w = without_zone(w);
    if (w.n >= sizeof s || memchr(w.p, 0, w.n))
        return IT_ERR_UNSUPPORTED;
    memcpy(s, w.p, w.n);
    s[w.n] = 0;
    return it_ip_parse(ip, s) == 0 ? 0 : IT_ERR_UNSUPPORTED;
}

/* Foundation, component, transport, priority: the first four words. */
static int read_head(it_ice_cand *c, it_bytes *text)
{
    uint32_t v = 0;
    it_bytes f = word(text);
    if (f.n == 0 || f.n > IT_ICE_FOUNDATION_MAX)
        return IT_ERR_PARSE;
    for (size_t i = 0; i < f.n; i++)
        if (!is_ice_char(f.p[i]))
            return IT_ERR_PARSE;
    memcpy(c->foundation, f.p, f.n);
    c->foundation[f.n] = 0;
    if (number(word(text), 3, 1, 256, &v))
        return IT_ERR_PARSE;
    c->component = (uint16_t)v;
    it_bytes transport = word(text);
    if (!is_token(transport))
        return IT_ERR_PARSE;
    if (number(word(text), 10, 1, PRIORITY_MAX, &c->priority))
        return IT_ERR_PARSE;
    if (same_word(transport, "tcp"))
        c->transport = IT_ICE_TRANSPORTS; /* until tcptype says which */
    return same_word(transport, "udp") || same_word(transport, "tcp") ? 0 : IT_ERR_UNSUPPORTED;
}

static int read_kind(it_ice_cand *c, it_bytes w)
{
    static const enum it_ice_kind kinds[] = {IT_ICE_HOST, IT_ICE_SRFLX, IT_ICE_PRFLX, IT_ICE_RELAY};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (same_word(w, it_ice_kind_name(kinds[i]))) {
            c->kind = kinds[i];
            return 0;
        }
    return is_token(w) ? IT_ERR_UNSUPPORTED : IT_ERR_PARSE;
}

/* RFC 6544 section 4.5; of other transports tcptype means nothing. */
static void read_tcptype(it_ice_cand *c, it_bytes w)
{
    for (int t = IT_ICE_TCP_ACTIVE; c->transport == IT_ICE_TRANSPORTS && t < IT_ICE_TRANSPORTS; t++)
        if (same_word(w, it_ice_transport_name((enum it_ice_transport)t)))
            c->transport = (enum it_ice_transport)t;
}

/* rel-addr, rel-port and extensions: pairs of words in any order, all optional to the reader. */
static int read_tail(it_ice_cand *c, it_bytes text)
{
    it_ip ip = {0, 0};
    uint32_t port = 0;
    while (text.n) {
        size_t before = text.n;
        it_bytes name = word(&text);
        /* An extension's value may be empty, but the space before it may not be missing. */
        if (!is_token(name) || name.n == before)
            return IT_ERR_PARSE;
        it_bytes value = word(&text);
        /* A related address is for diagnostics only: one that is a name is no reason to lose the candidate. */
        if (same_word(name, "raddr") && address(value, &ip) == IT_ERR_PARSE)
            return IT_ERR_PARSE;
        if (same_word(name, "tcptype"))
            read_tcptype(c, value);
        if (same_word(name, "rport") && number(value, 5, 0, 65535, &port))
            return IT_ERR_PARSE;
    }
    bool unspecified = it_ip_none(ip) || (it_ip_is4(ip) && it_ip_v4(ip) == 0);
    if (!unspecified)
        c->base = it_addr_of(ip, (uint16_t)port);
    return 0;
}

static int read_addr(it_ice_cand *c, it_bytes *text)
{
    uint32_t port = 0;
    int err = address(word(text), &c->addr.ip);
    if (err == IT_ERR_PARSE || number(word(text), 5, 0, 65535, &port))
        return IT_ERR_PARSE;
    c->addr.port = (uint16_t)port;
    return err;
}

static int read_typ(it_ice_cand *c, it_bytes *text)
{
    if (!same_word(word(text), "typ"))
        return IT_ERR_PARSE;
    return read_kind(c, word(text));
}

int it_ice_cand_read(it_ice_cand *c, it_bytes text)
{
    static const char prefix[] = "candidate:";
    static int (*const parts[])(it_ice_cand * c, it_bytes * text) = {read_head, read_addr, read_typ};
    const size_t n = sizeof prefix - 1;
    bool known = true, named = false;
    *c = (it_ice_cand){.flow = -1};
    if (text.n < n || memcmp(text.p, prefix, n) != 0)
        return IT_ERR_PARSE;
    text = it_bytes_of(text.p + n, text.n - n);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        int err = parts[i](c, &text);
        if (err == IT_ERR_PARSE)
            return err;
        known = known && (err == 0 || err == IT_ERR_NOTFOUND);
        named = named || err == IT_ERR_NOTFOUND;
    }
    if (read_tail(c, text))
        return IT_ERR_PARSE;
    if (c->transport == IT_ICE_TRANSPORTS || !known)
        return IT_ERR_UNSUPPORTED;
    if (named)
        return IT_ERR_NOTFOUND;
    return it_ice_addr_usable(c->addr) ? 0 : IT_ERR_UNSUPPORTED;
}
