/* Relayed candidates (RFC 8445 section 5.1.1.2): the TURN servers of an agent, and what goes through them.
 *
 *     owner --- datagrams of the base ------------> [ TURN client ] --- relayed datagrams --> agent, or the owner's own
 *           <-- to the server, or in a stream ----- [ of a base   ] <-- by the relay's flow ---
 *
 * The agent allocates at each server from each base, over the base's socket or over a stream that it opens, and tells a
 * relayed candidate for each address it is lent. Each is a base with a flow number of its own, from IT_ICE_RELAY_FLOW
 * on. The owner gives what comes from the network to it_ice_relay_input first, takes what was inside with
 * it_ice_relay_take and handles it as if it had come by that flow; what it sends itself by such a flow goes to
 * it_ice_relay_send. Permissions are asked for before the first check of a pair, the selected pair gets a channel. A
 * relay that no selected pair uses is given back when all are there. */
#ifndef IT_STACK_ICE_RELAY_H
#define IT_STACK_ICE_RELAY_H

#include "stack/io.h"
#include "stack/tls/name.h"
#include "stack/turn/uri.h"

#define IT_ICE_TURN_MAX 8               /* servers */
#define IT_ICE_TURN_NAME 128            /* of a user, of a password, with NUL */
#define IT_ICE_RELAYS_MAX 64            /* allocations of an agent at a time */
#define IT_ICE_RELAY_FLOW 0x20000000u   /* flows of relayed addresses, below IT_ICE_TCP_FLOW */
#define IT_ICE_RELAY_STREAM 0x10000000u /* of the streams to servers, below those */

/* A TURN server, by one transport. */
typedef struct it_ice_turn {
    it_addr server[2]; /* IPv4, IPv6; none: it has none of the family */
    bool tcp;
    bool mobility; /* an allocation by datagrams moves to another base when its own goes (RFC 8016), where the server
                      agrees */
    bool secure; /* by TLS, over datagrams by DTLS (RFC 7350); the agent must have it_ice_cfg.tls then, and the server a
                    certificate */
    char name[IT_TLS_NAME_MAX + 1]; /* of this name, or of an address as text */
    char username[IT_ICE_TURN_NAME], password[IT_ICE_TURN_NAME];
} it_ice_turn;

/* Fills |t| from |uri| (RFC 7065), whose host has the addresses |ips| when it is a name: of each family the first
 * counts. Returns 0; IT_ERR_UNSUPPORTED: no TURN; IT_ERR_NOTFOUND: no address; IT_ERR_RANGE: a name
 * or a password is too long. */
int it_ice_turn_of_uri(it_ice_turn *t, const it_turn_uri *uri, const it_ip *ips, size_t n, const char *username,
                       const char *password) IT_MUST_CHECK;

struct it_ice;

/* Takes |in| when it is of a relay: a datagram of a server, an ICMP error about one to it, anything of a stream. True
 * when it did, |*taken| then being the bytes of DATA or an error. */
bool it_ice_relay_input(struct it_ice *a, it_time now, const it_io *in, int *taken);
/* The next datagram that came through a relay: true, its data lives until the next call on the agent. */
bool it_ice_relay_take(struct it_ice *a, it_time now, it_io *in);
/* Sends |io|, a datagram, when its flow is a relay's: true. What a server has refused is not sent. */
bool it_ice_relay_send(struct it_ice *a, it_time now, const it_io *io);
/* The base that carries relay |flow|; |flow| itself when it is none. */
uint32_t it_ice_relay_base(const struct it_ice *a, uint32_t flow);
/* True when |flow| is a relay's, and the way to its server is TCP. */
bool it_ice_relay_is_tcp(const struct it_ice *a, uint32_t flow);

/* Gives every allocation back (RFC 8656 section 8). Nothing is then to be done with the agent but what follows here,
 * and it_ice_relay_input, until it_ice_relay_over. */
void it_ice_relay_release(struct it_ice *a, it_time now);
bool it_ice_relay_over(const struct it_ice *a);
/* Tick, next and output of the relays alone, for an agent that does nothing else any more. */
int it_ice_relay_tick_end(struct it_ice *a, it_time now);
it_time it_ice_relay_next(const struct it_ice *a);
int it_ice_relay_output(struct it_ice *a, it_time now, it_io *out, uint8_t *buf, size_t cap);

#endif
