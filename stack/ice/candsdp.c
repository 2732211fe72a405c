/* The candidate attribute of SDP, written and read (RFC 8839 section 5.1). */
#include "stack/ice/cand.h"

#define PRIORITY_MAX 0x7fffffffu

void it_ice_cand_write(it_str *out, const it_ice_cand *c)
{
    char ip[IT_IP_TEXT];
    it_str_printf(out, "candidate:%s %u UDP %u %s %u typ %s", c->foundation, c->component, c->priority,
                  it_ip_text(c->addr.ip, ip), c->addr.port, it_ice_kind_name(c->kind));
    if (c->kind == IT_ICE_HOST)
        return;
    /* RFC 8839 section 5.1: all but host candidates carry the related address; one that is not known or not to be told
     * is the unspecified address with port 9. */
    const it_addr *related = it_ip_none(c->related.ip) ? &c->base : &c->related;
    if (it_ip_none(related->ip))
        it_str_printf(out, " raddr %s rport 9", it_ip_is4(c->addr.ip) ? "0.0.0.0" : "::");
    else
        it_str_printf(out, " raddr %s rport %u", it_ip_text(related->ip, ip), related->port);
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

/* Returns 0, or IT_ERR_UNSUPPORTED for what is not a literal address. */
static int address(it_bytes w, it_ip *ip)
{
    char s[IT_IP_TEXT];
    if (w.n == 0)
        return IT_ERR_PARSE;
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
    return same_word(transport, "udp") ? 0 : IT_ERR_UNSUPPORTED;
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
    bool known = true;
    *c = (it_ice_cand){.flow = -1};
    if (text.n < n || memcmp(text.p, prefix, n) != 0)
        return IT_ERR_PARSE;
    text = it_bytes_of(text.p + n, text.n - n);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        int err = parts[i](c, &text);
        if (err == IT_ERR_PARSE)
            return err;
        known = known && err == 0;
    }
    if (read_tail(c, text))
        return IT_ERR_PARSE;
    return known && it_ice_addr_usable(c->addr) ? 0 : IT_ERR_UNSUPPORTED;
}
