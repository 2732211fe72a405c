/* Addresses as text, bytes and prefixes; inet_ntop and inet_pton do the two textual grammars. */
#include "base/addr.h"

#include "base/bytes.h"
#include "base/err.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

it_ip it_ip_from_bytes(const uint8_t *p, size_t n)
{
    IT_ASSERT(n == 4 || n == 16);
    if (n == 4)
        return it_ip4(it_get32(p));
    it_ip ip = {it_get64(p), it_get64(p + 8)};
    return ip;
}

size_t it_ip_to_bytes(it_ip ip, uint8_t *p)
{
    if (it_ip_is4(ip)) {
        it_put32(p, it_ip_v4(ip));
        return 4;
    }
    it_put64(p, ip.hi);
    it_put64(p + 8, ip.lo);
    return 16;
}

char *it_ip_text(it_ip ip, char out[IT_IP_TEXT])
{
    uint8_t b[16];
    if (it_ip_none(ip))
        return strcpy(out, "-");
    size_t n = it_ip_to_bytes(ip, b);
    inet_ntop(n == 4 ? AF_INET : AF_INET6, b, out, IT_IP_TEXT);
    return out;
}

char *it_addr_text(it_addr a, char out[IT_ADDR_TEXT])
{
    char ip[IT_IP_TEXT];
    it_ip_text(a.ip, ip);
    snprintf(out, IT_ADDR_TEXT, it_ip_is6(a.ip) ? "[%s]:%u" : "%s:%u", ip, a.port);
    return out;
}

char *it_prefix_text(it_prefix p, char out[IT_PREFIX_TEXT])
{
    char ip[IT_IP_TEXT];
    it_ip_text(p.ip, ip);
    snprintf(out, IT_PREFIX_TEXT, "%s/%d", ip, it_ip_is4(p.ip) ? (int)p.bits - 96 : (int)p.bits);
    return out;
}

int it_ip_parse(it_ip *ip, const char *s)
{
    uint8_t b[16];
    if (inet_pton(AF_INET, s, b) == 1)
        *ip = it_ip_from_bytes(b, 4);
    else if (inet_pton(AF_INET6, s, b) == 1)
        *ip = it_ip_from_bytes(b, 16);
    else
        return IT_ERR_PARSE;
    return 0;
}

/* A decimal number up to |max|, the whole string, no sign, no leading blank. */
static int number(const char *s, unsigned max, unsigned *out)
{
    size_t n = strlen(s);
    if (n == 0 || n > 5 || strspn(s, "0123456789") != n)
        return IT_ERR_PARSE;
    unsigned long v = strtoul(s, NULL, 10);
    if (v > max)
        return IT_ERR_PARSE;
    *out = (unsigned)v;
    return 0;
}

/* Splits |s| at the last |sep| into |head| (brackets of "[v6]" removed) and the number behind it. */
static int addr_split(const char *s, char sep, char head[IT_IP_TEXT], unsigned max, unsigned *num)
{
    const char *at = strrchr(s, sep);
    if (!at || number(at + 1, max, num) < 0)
        return IT_ERR_PARSE;
    size_t n = (size_t)(at - s);
    if (n >= 2 && s[0] == '[' && s[n - 1] == ']') {
        s++;
        n -= 2;
    } else if (sep == ':' && memchr(s, ':', n)) {
        return IT_ERR_PARSE; /* an IPv6 address with a port needs its brackets, RFC 5952 section 6 */
    }
    if (n >= IT_IP_TEXT)
        return IT_ERR_PARSE;
    memcpy(head, s, n);
    head[n] = '\0';
    return 0;
}

int it_addr_parse(it_addr *a, const char *s)
{
    char head[IT_IP_TEXT];
    unsigned port;
    it_ip ip;
    if (addr_split(s, ':', head, 65535, &port) < 0 || it_ip_parse(&ip, head) < 0)
        return IT_ERR_PARSE;
    *a = it_addr_of(ip, (uint16_t)port);
    return 0;
}

int it_prefix_parse(it_prefix *p, const char *s)
{
    char head[IT_IP_TEXT];
    unsigned bits;
    it_ip ip;
    if (s[0] == '[' || addr_split(s, '/', head, 128, &bits) < 0 || it_ip_parse(&ip, head) < 0)
        return IT_ERR_PARSE;
    if (it_ip_is4(ip)) {
        if (bits > 32)
            return IT_ERR_PARSE;
        bits += 96;
    }
    *p = (it_prefix){ip, (uint8_t)bits};
    return 0;
}

bool it_prefix_has(it_prefix p, it_ip ip)
{
    if (it_ip_is4(p.ip) != it_ip_is4(ip))
        return false;
    uint64_t hi = p.bits >= 64 ? UINT64_MAX : p.bits ? ~(UINT64_MAX >> p.bits) : 0;
    uint64_t lo = p.bits <= 64 ? 0 : p.bits >= 128 ? UINT64_MAX : ~(UINT64_MAX >> (p.bits - 64));
    return ((p.ip.hi ^ ip.hi) & hi) == 0 && ((p.ip.lo ^ ip.lo) & lo) == 0;
}

/* True when |ip| is in the IPv4 prefix |net| of |bits| bits. */
static bool in4(it_ip ip, uint32_t net, int bits)
{
    return it_ip_is4(ip) && (it_ip_v4(ip) ^ net) >> (32 - bits) == 0;
}

bool it_ip_private(it_ip ip)
{
    /* RFC 1918 section 3, RFC 6598 section 7, RFC 4193 section 3.1 */
    return in4(ip, 0x0a000000, 8) || in4(ip, 0xac100000, 12) || in4(ip, 0xc0a80000, 16) || in4(ip, 0x64400000, 10) ||
           (!it_ip_is4(ip) && ip.hi >> 57 == 0xfc >> 1);
}

bool it_ip_link_local(it_ip ip)
{
    /* RFC 3927 section 2.1, RFC 4291 section 2.5.6 */
    return in4(ip, 0xa9fe0000, 16) || (!it_ip_is4(ip) && ip.hi >> 54 == 0xfe80 >> 6);
}
