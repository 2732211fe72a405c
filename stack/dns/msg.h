/* DNS messages (RFC 1035 section 4): reading and writing, for queries of one question and their responses.
 *
 * Names are text, lower case (RFC 4343), labels joined by dots, without the last one; the root is "". Compression is
 * followed when reading, pointers backwards only; written is one compression, of names equal to the question's. Bytes
 * in labels that are no letters, digits, '-' or '_' make a name that nothing here writes: it reads as an error. Not
 * here: DNSSEC records, zone transfers, EDNS beyond the size and the DO bit (RFC 6891). */
#ifndef IT_STACK_DNS_MSG_H
#define IT_STACK_DNS_MSG_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/err.h"

#include <stdbool.h>

#define IT_DNS_NAME 256 /* room for a name, with NUL */
#define IT_DNS_PORT 53
#define IT_DNS_SIZE 512 /* of a response over UDP without EDNS (RFC 1035 section 2.3.4) */

enum it_dns_type {
    IT_DNS_A = 1,
    IT_DNS_NS = 2,
    IT_DNS_CNAME = 5,
    IT_DNS_SOA = 6,
    IT_DNS_PTR = 12,
    IT_DNS_AAAA = 28,
    IT_DNS_OPT = 41,
    IT_DNS_ANY = 255
};
enum it_dns_rcode { IT_DNS_OK, IT_DNS_FORMERR, IT_DNS_SERVFAIL, IT_DNS_NXDOMAIN, IT_DNS_NOTIMP, IT_DNS_REFUSED };
enum it_dns_section { IT_DNS_ANSWER, IT_DNS_AUTHORITY, IT_DNS_ADDITIONAL };

/* A message that was read; |raw| is borrowed. */
typedef struct it_dns_msg {
    it_bytes raw;
    uint16_t id;
    bool response, aa, tc, rd, ra, ad, cd;
    uint8_t opcode, rcode;
    char name[IT_DNS_NAME]; /* of the question */
    uint16_t type, class;
    uint16_t count[3]; /* records a section */
    size_t records;    /* where they begin */
    bool edns, dnssec; /* there is an OPT record; its DO bit */
    uint16_t size;     /* what the other side takes over UDP: at least IT_DNS_SIZE */
} it_dns_msg;

/* A record. */
typedef struct it_dns_rr {
    char name[IT_DNS_NAME];
    enum it_dns_section section;
    uint16_t type, class;
    uint32_t ttl;
    it_ip ip;                 /* A, AAAA */
    char target[IT_DNS_NAME]; /* CNAME, NS, PTR; SOA: the first name */
    uint32_t minimum;         /* SOA */
    it_bytes data;            /* as it stands in the message */
} it_dns_rr;

/* Reads |raw|, all records with it. Returns 0 or IT_ERR_PARSE: too short, not one question, a name or record with
 * nonsense in it, bytes left over. */
int it_dns_parse(it_dns_msg *m, it_bytes raw) IT_MUST_CHECK;

/* Steps through the records: |*pos| starts at 0. False at the end. */
bool it_dns_next(const it_dns_msg *m, size_t *pos, it_dns_rr *rr);

/* A message being written into a buffer. */
typedef struct it_dns_out {
    it_buf b;
    uint16_t count[3];
    char name[IT_DNS_NAME];
} it_dns_out;

/* Begins a query with recursion desired. */
void it_dns_query(it_dns_out *o, void *buf, size_t cap, uint16_t id, const char *name, uint16_t type);
/* Begins the response to |q| with |rcode|; |aa|: authoritative. */
void it_dns_answer(it_dns_out *o, void *buf, size_t cap, const it_dns_msg *q, uint8_t rcode, bool aa);
/* Appends |rr| (section, name, type, ttl and what its type says; other types: |data|). Sections in order. */
void it_dns_put(it_dns_out *o, const it_dns_rr *rr);
/* Appends an OPT record of size |size|, last in the additional section. RFC 6891 section 6.1. */
void it_dns_put_opt(it_dns_out *o, uint16_t size);
/* Ends the message: its bytes, or none when it did not fit. */
it_bytes it_dns_end(it_dns_out *o);

/* True for a name that can be written: labels of 1 to 63 letters, digits, '-' or '_', 253 characters in all. */
bool it_dns_name_ok(const char *name);
/* True when the names are the same but for case. */
bool it_dns_same(const char *a, const char *b);

#endif
