/* Captures: a pcapng writer that watches a world, one interface for each port of each box and host.
 *
 * LINKTYPE_ETHERNET with synthetic MAC addresses, nanosecond times from the constant epoch, names of addresses,
 * comments on drops and faults, TLS key log lines as secrets blocks before the packets they open. Everything goes into
 * memory; the owner writes it out. LAN segments have no taps: they are wires. Every drop has its comment, at the packet
 * where that is the last one in the file, else at a copy on the interface "NODE.dropped". Format:
 * draft-ietf-opsawg-pcapng. */
#ifndef IT_NETSIM_SEE_CAPTURE_H
#define IT_NETSIM_SEE_CAPTURE_H

#include "base/text/str.h"
#include "netsim/core/world.h"

typedef struct it_capture it_capture;

/* A capture with |comment| in its section header. NULL on no memory. */
it_capture *it_capture_new(it_alloc *alloc, const char *comment);
void it_capture_free(it_capture *c);

/* The observer to give to it_world_observe. */
it_observer it_capture_observer(it_capture *c);

/* Names |ip|; an address that gets two different names stays unnamed. Names count until the first packet. Returns 0 or
 * IT_ERR_NOMEM. */
int it_capture_name(it_capture *c, it_ip ip, const char *name);

/* Adds a key log line (without newline) in front of the packets of this instant, as far as they have not been taken. */
void it_capture_secret(it_capture *c, it_bytes line);

/* Notes fault |text|, a line, which is copied: the next packet's block, or the last one when none comes, has the
 * comment "FAULT " and |text|. */
void it_capture_fault(it_capture *c, const char *text);

/* With |on|, a packet is written where it is received, and where it is dropped, but not where it is sent: half the
 * size. */
void it_capture_only_in(it_capture *c, bool on);

/* The file's bytes so far; valid until the next packet. Completes what is pending. Check it_capture_oom. */
it_bytes it_capture_bytes(it_capture *c);
/* For long captures: takes away what is complete, to be written out, valid until the next call; what remains goes on
 * behind it. The last packet stays until the next is seen or it_capture_bytes asks for it. */
it_bytes it_capture_take(it_capture *c);
/* How many bytes wait; how many packets have been written. */
size_t it_capture_size(const it_capture *c);
uint64_t it_capture_blocks(const it_capture *c);
/* True when something was lost for want of memory. */
bool it_capture_oom(const it_capture *c);

#endif
