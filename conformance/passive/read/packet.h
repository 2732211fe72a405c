/* Frames of a capture as packets: link layer, IPv4, IPv6, UDP, TCP. What is none is told with the reason. */
#ifndef IT_CONFORMANCE_PASSIVE_READ_PACKET_H
#define IT_CONFORMANCE_PASSIVE_READ_PACKET_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/time.h"

/* One datagram, or one TCP segment. */
typedef struct it_passive_packet {
    uint64_t frame; /* its number in the capture, from 1 */
    it_time at;
    int tap; /* the interface it was taken at, from 0 */
    bool tcp, syn, fin, rst;
    uint32_t seq;   /* TCP */
    uint32_t ip_id; /* with the TTL, what tells a packet from its copy: the identification of its IPv4 header */
    uint8_t ttl;
    it_addr src, dst;
    it_bytes payload;
    size_t cut; /* bytes of it that the capture has left out */
    bool again; /* the judge's own: a message that its tap has seen before a NAT */
} it_passive_packet;

/* Takes the |d| bytes of a frame of link type |link| (libpcap's DLT_ number), of which |cut| more were not captured.
 * Sets addresses, flags, payload and |k|->cut. Returns NULL, or why there is nothing to judge ("a fragment"), then |k|
 * says nothing. Static storage. */
const char *it_passive_decode(it_passive_packet *k, int link, it_bytes d, size_t cut);

#endif
