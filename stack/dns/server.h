/* An authoritative name server over UDP for a flat table of names (RFC 1034 section 4.3.2 without delegations), sans
 * I/O.
 *
 * It knows every name below its zone: what is not in the table does not exist (NXDOMAIN with a SOA, RFC 2308), what has
 * other types has none of this one (an empty answer with a SOA). CNAMEs are followed inside the table. Everything else
 * is REFUSED. */
#ifndef IT_STACK_DNS_SERVER_H
#define IT_STACK_DNS_SERVER_H

#include "base/alloc.h"
#include "stack/dns/msg.h"
#include "stack/object.h"

typedef struct it_dns_server it_dns_server;

/* A server for |zone| ("" is the root: everything). |negative|: TTL in seconds of what does not exist. NULL on no
 * memory or a name that is none. */
it_dns_server *it_dns_server_new(it_alloc *alloc, const char *zone, uint32_t negative);
void it_dns_server_free(it_dns_server *s);

/* Adds an address (A or AAAA by its family) or an alias. Returns 0, IT_ERR_RANGE (no name, not in the zone),
 * IT_ERR_EXISTS (an alias beside other records, RFC 1034 section 3.6.2) or IT_ERR_NOMEM. */
int it_dns_server_add(it_dns_server *s, const char *name, it_ip ip, uint32_t ttl) IT_MUST_CHECK;
int it_dns_server_alias(it_dns_server *s, const char *name, const char *target, uint32_t ttl) IT_MUST_CHECK;

/* The contract of stack/io.h, for datagrams. */
int it_dns_server_input(it_dns_server *s, it_time now, const it_io *in);
int it_dns_server_tick(it_dns_server *s, it_time now);
it_time it_dns_server_next(const it_dns_server *s);
int it_dns_server_output(it_dns_server *s, it_time now, it_io *out, uint8_t *buf, size_t cap);

/* Writes the answer to |q| into |buf|; none when it does not fit. */
it_bytes it_dns_server_answer(const it_dns_server *s, const it_dns_msg *q, uint8_t *buf, size_t cap);

/* The same as a table. */
extern const it_object_ops it_dns_server_ops;

#endif
