/* What a host asks of its TCP (netsim/tcp/, which stands on the host and is therefore not included by it). */
#ifndef IT_NETSIM_HOST_TRANSPORT_H
#define IT_NETSIM_HOST_TRANSPORT_H

#include "netsim/host/host.h"

/* Takes the segment |p| (owned), which arrived at |h| at |now|: RFC 9293 section 3.10.7. */
void it_tcp_input(it_host *h, it_time now, it_pkt *p);
/* Hears the ICMP error |p| (borrowed), whose inside is TCP. */
void it_tcp_icmp(it_host *h, it_time now, it_pkt *p);
/* The earliest timer of a connection of |h|, IT_NEVER when there is none. */
it_time it_tcp_next(const it_host *h);
/* Runs the timers of |h| that are due at |now|. */
void it_tcp_tick(it_host *h, it_time now);
/* Ends every connection of |h| without a segment: its power is off. */
void it_tcp_power_off(it_host *h);
/* Frees the TCP of |h|, if it has any. */
void it_tcp_host_free(it_host *h);
/* False when |ev| is about a socket that is gone; otherwise notes that it was taken. */
bool it_tcp_event_taken(it_host *h, const it_host_event *ev);

#endif
