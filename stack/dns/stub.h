/* A stub resolver (RFC 1034 section 5.3.1) for programs that need addresses of names: asks one server over UDP, A and
 * AAAA side by side, again while it is silent. Sans I/O; a part of its owner, who says which datagrams are its.
 *
 *     ask -> output: queries ... -> input: answers -> answer: addresses, or why there are none
 *
 * Not here: a cache, TCP for answers that were cut short, search lists. */
#ifndef IT_STACK_DNS_STUB_H
#define IT_STACK_DNS_STUB_H

#include "base/alloc.h"
#include "base/rng.h"
#include "stack/dns/msg.h"
#include "stack/io.h"

#define IT_DNS_STUB_IPS 8 /* of one name, all families together; more are left out */
/* The defaults of resolv.conf(5), "attempts" and "timeout" (RES_DFLRETRY and RES_TIMEOUT of <resolv.h>); RFC 1035
 * section 4.2.1 wants 2 to 5 s between tries. An answer may take both: it is taken whichever try it is to. */
#define IT_DNS_STUB_TRIES 2
#define IT_DNS_STUB_WAIT (5 * IT_SEC)
#define IT_DNS_STUB_ASKS 64 /* questions at once */

typedef struct it_dns_stub it_dns_stub;

typedef struct it_dns_stub_answer {
    uint32_t tag;
    char name[IT_DNS_NAME];
    int rcode;                 /* enum it_dns_rcode; -1: no answer came */
    it_ip ip[IT_DNS_STUB_IPS]; /* IPv6 first (RFC 6724 section 2.1), each family as the server ordered it */
    size_t n;
    uint32_t ttl; /* seconds; the least */
} it_dns_stub_answer;

/* |server| is asked, |rng| makes identifiers (RFC 5452 section 9.2). NULL without memory. */
it_dns_stub *it_dns_stub_new(it_alloc *alloc, it_rng rng, it_addr server);
/* NULL is allowed. */
void it_dns_stub_free(it_dns_stub *s);
it_addr it_dns_stub_server(const it_dns_stub *s);

/* Asks for the addresses of |name| of IPv4 (|v4|), of IPv6 (|v6|) or both; the answer has |tag|. Returns 0,
 * IT_ERR_RANGE (no name, or neither family), IT_ERR_FULL or IT_ERR_NOMEM. */
int it_dns_stub_ask(it_dns_stub *s, it_time now, const char *name, bool v4, bool v6, uint32_t tag) IT_MUST_CHECK;

/* Whether |name| with |tag| is being asked for. */
bool it_dns_stub_asking(const it_dns_stub *s, const char *name, uint32_t tag);

/* Takes what came from the server: a datagram's data. What answers no question is ignored. */
void it_dns_stub_input(it_dns_stub *s, it_bytes data);
void it_dns_stub_tick(it_dns_stub *s, it_time now);
it_time it_dns_stub_next(const it_dns_stub *s);
/* Writes the next query to send; its length, 0 when there is none. */
size_t it_dns_stub_output(it_dns_stub *s, uint8_t *buf, size_t cap);
/* Takes an answer; false when there is none yet. */
bool it_dns_stub_answered(it_dns_stub *s, it_dns_stub_answer *a);

#endif
