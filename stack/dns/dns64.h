/* DNS64 (RFC 6147): a name server that asks another one, and makes AAAA records of A records for networks of IPv6
 * alone. Sans I/O.
 *
 *     client --query--> [ dns64 ] --query--> upstream        AAAA exists: passed on.  NXDOMAIN: passed on.
 *            <-answer--           <--answer--                else A is asked for, and each A becomes an AAAA under the
 * prefix
 *
 * Other questions pass through as they are. Not here: a cache; reverse names (section 5.3.1: they get the upstream's
 * answer); validation (section 3): with the CD and DO bits set nothing is synthesized (section 5.5). */
#ifndef IT_STACK_DNS_DNS64_H
#define IT_STACK_DNS_DNS64_H

#include "base/alloc.h"
#include "base/rng.h"
#include "stack/dns/msg.h"
#include "stack/object.h"

typedef struct it_dns64_cfg {
    it_alloc *alloc;
    it_rng rng;       /* query identifiers (RFC 5452 section 9.2) */
    it_addr upstream; /* the server that is asked */
    it_prefix prefix; /* Pref64: 32, 40, 48, 56, 64 or 96 bits */
} it_dns64_cfg;

typedef struct it_dns64 it_dns64;

/* NULL on no memory or a prefix that is none. */
it_dns64 *it_dns64_new(const it_dns64_cfg *cfg);
void it_dns64_free(it_dns64 *d);

/* The contract of stack/io.h, for datagrams. Answers leave from where the question came to; questions to upstream have
 * local none. */
int it_dns64_input(it_dns64 *d, it_time now, const it_io *in);
int it_dns64_tick(it_dns64 *d, it_time now);
it_time it_dns64_next(const it_dns64 *d);
int it_dns64_output(it_dns64 *d, it_time now, it_io *out, uint8_t *buf, size_t cap);

/* The same as a table. */
extern const it_object_ops it_dns64_ops;

#endif
