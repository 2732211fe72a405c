/* NAT behavior discovery, the client of RFC 5780: what the boxes between this host and a server do to UDP.
 *
 *     connectivity -> mapping (4.3) -> filtering (4.4) -> ports -> hairpin (3.4), in fragments too -> fragments (3.5)
 *                  -> lifetimes (4.6): of a mapping without an answer, with one, with more; then what refreshes
 *
 * Every test that depends on what the box knows already uses a source port of its own (section 4.1): the object names
 * the local endpoint of each datagram, |local| with ports from |first_port| on, IT_STUN_DISCOVER_PORTS of them at most,
 * and the driver binds each when it first meets it. The server must have a second address and RESPONSE-PORT; what it
 * lacks leaves results unknown.
 *
 * Not here: behaviour under load, TCP, several inside addresses. Two things go beyond the RFC, because its own tests
 * cannot tell: hairpinning is tried from both ends, so that a filter does not hide it, and lifetimes are told apart by
 * what went before. */
#ifndef IT_STACK_STUN_DISCOVER_H
#define IT_STACK_STUN_DISCOVER_H

#include "base/alloc.h"
#include "base/rng.h"
#include "stack/io.h"

#define IT_STUN_DISCOVER_PORTS 4096
#define IT_STUN_DISCOVER_SAMPLES 24 /* fresh ports whose mappings are looked at */
#define IT_STUN_DISCOVER_OUT                                                                                           \
    2048 /* an output buffer with room for the requests with PADDING, which exceed an Ethernet's MTU: the driver lets  \
          * the host cut them. A smaller one skips those tests */

enum it_stun_dep { IT_STUN_DEP_UNKNOWN, IT_STUN_DEP_EI, IT_STUN_DEP_AD, IT_STUN_DEP_APD };
enum it_stun_answer { IT_STUN_UNKNOWN, IT_STUN_NO, IT_STUN_YES };
enum it_stun_hairpin { IT_STUN_HAIRPIN_UNKNOWN, IT_STUN_HAIRPIN_NO, IT_STUN_HAIRPIN_EXT, IT_STUN_HAIRPIN_INT };
/* What a mapping has seen when its lifetime is measured: one packet out; an answer; another exchange |settle| later. */
enum it_stun_life { IT_STUN_LIFE_INITIAL, IT_STUN_LIFE_REPLIED, IT_STUN_LIFE_STREAM, IT_STUN_LIVES };

typedef struct it_stun_behavior {
    enum it_stun_answer udp;    /* the server answers (section 4.2) */
    enum it_stun_answer nat;    /* it sees another address than |local| */
    enum it_stun_answer alg;    /* MAPPED-ADDRESS differs from XOR-MAPPED-ADDRESS (section 3.6) */
    enum it_stun_dep mapping;   /* section 4.3 */
    enum it_stun_dep filtering; /* section 4.4 */
    enum it_stun_hairpin hairpin;
    enum it_stun_answer fragments;         /* a request in fragments is answered, in fragments (section 3.5) */
    enum it_stun_answer hairpin_fragments; /* they come back, too; unknown without a hairpin */
    /* The idle time after which a mapping was first found dead, to a |step|; IT_NEVER when it outlived |limit|; 0
     * unknown. */
    it_time life[IT_STUN_LIVES];
    enum it_stun_answer refresh_out, refresh_in; /* a packet out, or in, starts the time anew (RFC 4787 REQ-6) */
    uint32_t n_samples;
    struct {
        uint16_t local;
        it_addr mapped;
    } samples[IT_STUN_DISCOVER_SAMPLES]; /* in the order in which they were made */
} it_stun_behavior;

typedef struct it_stun_discover_cfg {
    it_alloc *alloc;
    it_rng rng;     /* transaction ids */
    it_addr server; /* its primary address */
    it_ip local;    /* of the host */
    uint16_t first_port;
    bool lifetimes; /* without them it is a matter of seconds */
    it_time limit;  /* longest idle time tried; 0: 2 hours */
    it_time step;   /* resolution; 0: 1 s */
    it_time settle; /* IT_STUN_LIFE_STREAM; 0: 5 s */
} it_stun_discover_cfg;

typedef struct it_stun_discover it_stun_discover;

/* Starts at the first tick. NULL when there is no memory. */
it_stun_discover *it_stun_discover_new(const it_stun_discover_cfg *cfg);
void it_stun_discover_free(it_stun_discover *d);

/* As stack/io.h. What is not STUN, not a response to what was asked and not an own request come back is ignored. */
int it_stun_discover_input(it_stun_discover *d, it_time now, const it_io *in);
int it_stun_discover_tick(it_stun_discover *d, it_time now);
it_time it_stun_discover_next(const it_stun_discover *d);
int it_stun_discover_output(it_stun_discover *d, it_time now, it_io *out, uint8_t *buf, size_t cap);

/* True when nothing more will be found out. */
bool it_stun_discover_done(const it_stun_discover *d);
/* What is known so far. */
const it_stun_behavior *it_stun_discover_result(const it_stun_discover *d);

#endif
