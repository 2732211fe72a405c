/* From a frame to a packet. */
#include "conformance/passive/read/packet.h"

#include <pcap/dlt.h>

#ifndef DLT_LINUX_SLL2
#define DLT_LINUX_SLL2 276
#endif
#define ETHERTYPE_IP4 0x0800
#define ETHERTYPE_IP6 0x86dd
#define UDP 17
#define TCP 6

static it_bytes skip(it_bytes d, size_t n)
{
    return n <= d.n ? it_bytes_of(d.p + n, d.n - n) : (it_bytes){NULL, 0};
}

/* Where the IP packet is behind a header of |size| bytes with an EtherType at |type|, VLAN tags passed over. */
static const char *behind_ethertype(it_bytes d, size_t size, size_t type, it_bytes *ip)
{
    if (d.n < size)
        return "a frame that is too short";
    uint16_t t = it_get16(d.p + type);
    *ip = skip(d, size);
    while ((t == 0x8100 || t == 0x88a8) && ip->n >= 4) { /* IEEE 802.1Q, 802.1ad */
        t = it_get16(ip->p + 2);
        *ip = skip(*ip, 4);
    }
    return t == ETHERTYPE_IP4 || t == ETHERTYPE_IP6 ? NULL : "no IP packet";
}

static const char *link_take(int link, it_bytes d, it_bytes *ip)
{
    switch (link) {
    case DLT_EN10MB:
        return behind_ethertype(d, 14, 12, ip);
    case DLT_LINUX_SLL:
        return behind_ethertype(d, 16, 14, ip);
    case DLT_LINUX_SLL2:
        return behind_ethertype(d, 20, 0, ip);
    case DLT_NULL: /* an address family in the capturing machine's byte order; the packet says it itself */
    case DLT_LOOP:
        *ip = skip(d, 4);
        return d.n < 4 ? "a frame that is too short" : NULL;
    case DLT_RAW:
    case 101: /* LINKTYPE_RAW, where libpcap passes it on */
    case DLT_IPV4:
    case DLT_IPV6:
        *ip = d;
        return NULL;
    default:
        return "a link layer that is not known";
    }
}

/* RFC 791. Returns the protocol, and what it carries in |up|; -1 with |why|. */
static int ip4_take(it_passive_packet *k, it_bytes d, it_bytes *up, const char **why)
{
    size_t head = (d.p[0] & 15u) * 4u, total = d.n >= 20 ? it_get16(d.p + 2) : 0;
    *why = "an IPv4 header that is broken";
    if (d.n < 20 || head < 20 || head > d.n)
        return -1;
    if (total == 0)
        total = d.n + k->cut; /* segmentation is left to the network card */
    if (total < head)
        return -1;
    *why = "a fragment";
    if ((it_get16(d.p + 6) & 0x3fff) != 0)
        return -1;
    k->src.ip = it_ip_from_bytes(d.p + 12, 4);
    k->dst.ip = it_ip_from_bytes(d.p + 16, 4);
    k->ip_id = it_get16(d.p + 4);
    k->ttl = d.p[8];
    *up = skip(d, head);
    k->cut = total - head > up->n ? total - head - up->n : 0;
    if (up->n > total - head) /* what Ethernet pads a short frame with */
        up->n = total - head;
    return d.p[9];
}

/* RFC 8200 section 4: extension headers are passed over. */
static int ip6_take(it_passive_packet *k, it_bytes d, it_bytes *up, const char **why)
{
    *why = "an IPv6 header that is broken";
    if (d.n < 40)
        return -1;
    size_t says = it_get16(d.p + 4);
    int next = d.p[6];
    k->src.ip = it_ip_from_bytes(d.p + 8, 16);
    k->dst.ip = it_ip_from_bytes(d.p + 24, 16);
    k->ttl = d.p[7];
    *up = skip(d, 40);
    if (says == 0)
        says = up->n + k->cut;
    k->cut = says > up->n ? says - up->n : 0;
    if (up->n > says)
        up->n = says;
    while (next == 0 || next == 43 || next == 60) { /* hop by hop, routing, destination options */
        if (up->n < 8 || up->n < (up->p[1] + 1u) * 8u)
            return -1;
        next = up->p[0];
        *up = skip(*up, (up->p[1] + 1u) * 8u);
    }
    *why = "a fragment";
    return next == 44 ? -1 : next;
}

static const char *udp_take(it_passive_packet *k, it_bytes d)
{
    if (d.n < 8)
        return "a UDP header that is broken";
    k->src.port = it_get16(d.p);
    k->dst.port = it_get16(d.p + 2);
    size_t says = it_get16(d.p + 4);
    k->payload = skip(d, 8);
    if (says >= 8 && says - 8 < k->payload.n)
        k->payload.n = says - 8;
    return NULL;
}

static const char *tcp_take(it_passive_packet *k, it_bytes d)
{
    size_t head = d.n >= 20 ? (d.p[12] >> 4) * 4u : 0;
    if (head < 20 || head > d.n)
        return "a TCP header that is broken";
    k->tcp = true;
    k->src.port = it_get16(d.p);
    k->dst.port = it_get16(d.p + 2);
    k->seq = it_get32(d.p + 4);
    k->fin = d.p[13] & 1;
    k->syn = d.p[13] & 2;
    k->rst = d.p[13] & 4;
    k->payload = skip(d, head);
    return NULL;
}

/* IP, whichever version. Returns the protocol, and what it carries in |up|; -1 with |why|. */
static int ip_take(it_passive_packet *k, it_bytes ip, it_bytes *up, const char **why)
{
    *why = "a frame that is too short";
    if (ip.n == 0)
        return -1;
    if (ip.p[0] >> 4 == 4)
        return ip4_take(k, ip, up, why);
    if (ip.p[0] >> 4 == 6)
        return ip6_take(k, ip, up, why);
    *why = "no IP packet";
    return -1;
}

const char *it_passive_decode(it_passive_packet *k, int link, it_bytes d, size_t cut)
{
    it_bytes ip = {NULL, 0}, up = {NULL, 0};
    const char *why = link_take(link, d, &ip);
    k->cut = cut;
    if (why)
        return why;
    int proto = ip_take(k, ip, &up, &why);
    if (proto < 0)
        return why;
    if (proto == UDP)
        return udp_take(k, up);
    if (proto == TCP)
        return tcp_take(k, up);
    return "neither UDP nor TCP";
}
