/* Messages of the port mapping protocols: NAT-PMP (RFC 6886 section 3) and PCP (RFC 6887 sections 7, 11 and 12).
 *
 * One struct serves both; |version| says which it is: 0 NAT-PMP, 2 PCP. Of PCP's options THIRD_PARTY, PREFER_FAILURE
 * and FILTER (section 13) are read; of the others mandatory ones are refused and optional ones passed over
 * (section 7.3). */
#ifndef IT_STACK_PORTMAP_MSG_H
#define IT_STACK_PORTMAP_MSG_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/err.h"

#include <stdbool.h>

#define IT_PORTMAP_PORT 5351
#define IT_PORTMAP_GROUP_PORT                                                                                          \
    5350                    /* where clients hear announcements: RFC 6886 section 3.2.1, RFC 6887 section 14.1.1 */
#define IT_PORTMAP_MAX 1100 /* RFC 6887 section 7: no message is longer */

enum { IT_PORTMAP_NATPMP = 0, IT_PORTMAP_PCP = 2 }; /* versions */

enum it_portmap_op {
    IT_PORTMAP_ANNOUNCE, /* PCP ANNOUNCE (0); NAT-PMP: the external address (0) */
    IT_PORTMAP_MAP,      /* PCP MAP (1); NAT-PMP: map UDP (1) or TCP (2) */
    IT_PORTMAP_PEER      /* PCP PEER (2) */
};

/* Result codes of PCP, section 7.4; NAT-PMP's own (RFC 6886 section 3.5) are the first row, on the wire as they are
 * there. */
enum it_portmap_result {
    IT_PORTMAP_OK = 0,
    IT_PORTMAP_UNSUPP_VERSION = 1,
    IT_PORTMAP_NOT_AUTHORIZED = 2,
    IT_PORTMAP_MALFORMED = 3, /* MALFORMED_REQUEST */
    IT_PORTMAP_UNSUPP_OPCODE = 4,
    IT_PORTMAP_UNSUPP_OPTION = 5,
    IT_PORTMAP_MALFORMED_OPTION = 6,
    IT_PORTMAP_NETWORK_FAILURE = 7,
    IT_PORTMAP_NO_RESOURCES = 8,
    IT_PORTMAP_UNSUPP_PROTOCOL = 9,
    IT_PORTMAP_QUOTA = 10,           /* USER_EX_QUOTA */
    IT_PORTMAP_CANNOT_EXTERNAL = 11, /* CANNOT_PROVIDE_EXTERNAL */
    IT_PORTMAP_ADDRESS_MISMATCH = 12,
    IT_PORTMAP_REMOTE_PEERS = 13 /* EXCESSIVE_REMOTE_PEERS */
};

/* Who is let in through a mapping: section 13.3. Port 0: any. */
typedef struct it_portmap_filter {
    it_prefix who;
    uint16_t port;
} it_portmap_filter;

#define IT_PORTMAP_FILTERS ((IT_PORTMAP_MAX - 60) / 24) /* as many as a MAP request has room for */

typedef struct it_portmap_msg {
    uint8_t version;
    bool response;
    uint8_t op;        /* enum it_portmap_op */
    uint8_t result;    /* of a response: enum it_portmap_result */
    uint32_t lifetime; /* seconds; 0 in a request: delete */
    uint32_t epoch;    /* of a response */
    it_ip client;      /* PCP request: as the client knows itself */
    uint8_t nonce[12]; /* PCP MAP, PEER */
    uint8_t proto;     /* IP protocol number: 6 or 17; PCP MAP: 0 is all */
    uint16_t internal; /* port */
    it_addr external;  /* suggested, or assigned; NAT-PMP requests have the port alone */
    it_addr peer;      /* PEER */
    /* PCP options, of requests. */
    bool prefer_failure;
    bool third_party;
    it_ip third;   /* whose mapping it is, with |third_party| */
    bool unfilter; /* filters so far are taken away, before |filters| */
    size_t n_filters;
    it_portmap_filter filters[IT_PORTMAP_FILTERS];
} it_portmap_msg;

/* Reads |raw|. Returns 0, IT_ERR_PARSE (a request that is not answered, or a response that is ignored:
 * sections 8.2, 8.3), or, for a request, IT_ERR_UNSUPPORTED with the result an error response has to give in
 * |m|->result, |m|->version and op being set. */
int it_portmap_parse(it_portmap_msg *m, it_bytes raw) IT_MUST_CHECK;

/* Writes |m| into |buf|; its bytes, none when there is no room. */
it_bytes it_portmap_write(const it_portmap_msg *m, uint8_t *buf, size_t cap);

/* Writes PCP response |m| to |request|, the datagram it answers: an error is a copy of that, padded, with the header of
 * a response; a success has the options that were processed (sections 7.3, 8.2). |cap| is IT_PORTMAP_MAX or more. */
it_bytes it_portmap_answer(const it_portmap_msg *m, it_bytes request, uint8_t *buf, size_t cap);

#endif
