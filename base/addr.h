/* IP addresses, transport addresses and prefixes, as numbers.
 *
 * An IPv4 address is kept as its IPv4-mapped IPv6 form, so both families compare, hash and sort alike. All zeros is
 * "none". */
#ifndef IT_BASE_ADDR_H
#define IT_BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct it_ip {
    uint64_t hi, lo; /* host byte order */
} it_ip;

typedef struct it_addr {
    it_ip ip;
    uint16_t port;
} it_addr;

typedef struct it_prefix {
    it_ip ip;
    uint8_t bits; /* 0 to 128, counted in the 128-bit form: an IPv4 /24 is 120 */
} it_prefix;

#define IT_IP_TEXT 48     /* room for any address as text, with its NUL */
#define IT_ADDR_TEXT 56   /* room for "[address]:port" */
#define IT_PREFIX_TEXT 52 /* room for "address/bits" */

static inline it_ip it_ip4(uint32_t v4)
{
    it_ip ip = {0, 0xffff00000000ULL | v4};
    return ip;
}
static inline bool it_ip_is4(it_ip ip)
{
    return ip.hi == 0 && ip.lo >> 32 == 0xffff;
}
static inline bool it_ip_none(it_ip ip)
{
    return ip.hi == 0 && ip.lo == 0;
}
/* RFC 1122 section 3.2.1.3 (g), RFC 5771: 127.0.0.0/8, 224.0.0.0/4. */
static inline bool it_ip4_loopback(uint32_t v4)
{
    return v4 >> 24 == 127;
}
static inline bool it_ip4_multicast(uint32_t v4)
{
    return v4 >> 28 == 0xe;
}
/* The same of either family: ff00::/8 (RFC 4291 section 2.7). */
static inline bool it_ip_multicast(it_ip ip)
{
    return it_ip_is4(ip) ? it_ip4_multicast((uint32_t)ip.lo) : ip.hi >> 56 == 0xff;
}
/* True when |v4| is the address of one host: not this network, loopback, multicast, reserved or broadcast (RFC 1122
 * section 3.2.1.3). */
static inline bool it_ip4_unicast(uint32_t v4)
{
    return v4 >> 28 < 0xe && v4 >> 24 != 0 && !it_ip4_loopback(v4);
}
/* What netfilter takes for the address of one host: reserved ones and those of this network pass as well. */
static inline bool it_ip4_unicast_or_reserved(uint32_t v4)
{
    return v4 != 0 && v4 != UINT32_MAX && !it_ip4_loopback(v4) && !it_ip4_multicast(v4);
}
/* The same of either family; IPv6: neither unspecified nor multicast (RFC 4291 section 2.4). */
static inline bool it_ip_unicast(it_ip ip)
{
    if (it_ip_is4(ip))
        return it_ip4_unicast((uint32_t)ip.lo);
    return !it_ip_none(ip) && !it_ip_multicast(ip);
}
static inline bool it_ip_is6(it_ip ip)
{
    return !it_ip_is4(ip) && !it_ip_none(ip);
}
static inline uint32_t it_ip_v4(it_ip ip)
{
    return (uint32_t)ip.lo;
}
static inline bool it_ip_eq(it_ip a, it_ip b)
{
    return a.hi == b.hi && a.lo == b.lo;
}
static inline bool it_addr_eq(it_addr a, it_addr b)
{
    return it_ip_eq(a.ip, b.ip) && a.port == b.port;
}
static inline it_addr it_addr_of(it_ip ip, uint16_t port)
{
    it_addr a = {ip, port};
    return a;
}

/* Reads 16 (IPv6) or 4 (IPv4) bytes in network order. */
it_ip it_ip_from_bytes(const uint8_t *p, size_t n);
/* Writes the address in network order, 4 or 16 bytes; returns how many. */
size_t it_ip_to_bytes(it_ip ip, uint8_t *p);

/* Text forms: RFC 5952 for IPv6, "[v6]:port" and "v4:port", "ip/bits" with bits of the family. Each writes at most the
 * given macro's bytes with NUL and returns |out|. None is "-". */
char *it_ip_text(it_ip ip, char out[IT_IP_TEXT]);
char *it_addr_text(it_addr a, char out[IT_ADDR_TEXT]);
char *it_prefix_text(it_prefix p, char out[IT_PREFIX_TEXT]);

/* Parses the text forms above, the whole string. Return 0 or IT_ERR_PARSE. */
int it_ip_parse(it_ip *ip, const char *s);
int it_addr_parse(it_addr *a, const char *s);
int it_prefix_parse(it_prefix *p, const char *s);

/* True when |ip| lies in |p| (and is of its family). */
bool it_prefix_has(it_prefix p, it_ip ip);

/* True for RFC 1918, RFC 6598 (100.64.0.0/10) and RFC 4193 (fc00::/7) addresses. */
bool it_ip_private(it_ip ip);

/* True for fe80::/10 and 169.254.0.0/16. */
bool it_ip_link_local(it_ip ip);

#endif
