/* Frames of a capture as packets: link layer, IPv4, IPv6, UDP, TCP. What is none is told with the reason. */
#ifndef IT_CONFORMANCE_PASSIVE_PACKET_H
#define IT_CONFORMANCE_PASSIVE_PACKET_H

#include "conformance/passive/passive.h"

/* Takes the |d| bytes of a frame of link type |link| (libpcap's DLT_ number), of which |cut| more were not captured.
 * Sets addresses, flags, payload and |k|->cut. Returns NULL, or why there is nothing to judge ("a fragment"), then |k|
 * says nothing. Static storage. */
const char *it_passive_decode(it_passive_packet *k, int link, it_bytes d, size_t cut);

#endif
