/* The packets of a capture file, pcap or pcapng, by libpcap; the interface of each, which libpcap does not tell, by the
 * blocks of the file. */
#ifndef IT_CONFORMANCE_PASSIVE_READ_SOURCE_H
#define IT_CONFORMANCE_PASSIVE_READ_SOURCE_H

#include "base/alloc.h"
#include "base/err.h"
#include "conformance/passive/read/packet.h"

typedef struct it_passive_source it_passive_source;
/* Opens |path|, "-" for standard input. NULL with one line in |err|. Freeing NULL is allowed. */
it_passive_source *it_passive_open(it_alloc *alloc, const char *path, char err[512]);
void it_passive_close(it_passive_source *s);

/* The next frame: 1 with a packet in |k|, valid until the next call, or with |*why| instead (it_passive_decode); 0 at
 * the end; IT_ERR_PARSE with one line in |err| when the file goes on as none, as when it was cut off. Times are since
 * the first frame. */
int it_passive_next(it_passive_source *s, it_passive_packet *k, const char **why, char err[512]) IT_MUST_CHECK;

/* The name of interface |tap|, "" when it has none. */
const char *it_passive_tap(const it_passive_source *s, int tap);
int it_passive_taps(const it_passive_source *s);

#endif
