/* The project's own ICE and DTLS as a peer that speaks itp/1 in live mode (docs/adapters.md): a JSON object a line in,
 * a JSON object a line out, on the machine's sockets.
 *
 *     bytes -> lines -> operations -> sessions on the loop's sockets -> lines
 *
 * Whoever owns it moves the bytes. What comes in is cut into lines here, however it is cut; a line that is too long, is
 * no JSON, or asks for what there is not, is answered with an error and nothing else. What goes out waits in |out|
 * until the owner has written it; while more than IT_ITP_BEHIND bytes wait there, datagrams that come are dropped, and
 * said to be. */
#ifndef IT_LAB_ITP_PEER_H
#define IT_LAB_ITP_PEER_H

#include "lab/itp/session.h"
#include "lab/loop/loop.h"

#define IT_ITP_LINE 131072 /* bytes of a line at most: the largest datagram, in base64, and its names */
#define IT_ITP_SESSIONS 64 /* at a time */

typedef struct it_itp_peer_cfg {
    it_alloc *alloc;
    it_loop *loop;          /* the caller's; outlives the peer */
    it_dtls_shared *shared; /* the same */
    const it_addr *bases;   /* where sessions have their bases, as of it_loop_app_cfg; outlives the peer */
    size_t n_bases;
    bool talk; /* with a person in place of a program: talk.h. The following are of that alone */
    /* Takes a notice, which is neither a block nor a message: what is on the output alone may be somebody's input.
     * NULL: it goes there too, behind "* ". */
    void (*note)(void *self, const char *text);
    void *self;
    it_addr stun[IT_ICE_SERVERS_MAX];
    int n_stun;
    it_ice_turn turn[IT_ICE_TURN_MAX];
    int n_turn;
} it_itp_peer_cfg;

typedef struct it_itp_peer it_itp_peer;

/* Reads "turn:ADDRESS[:PORT][?transport=udp|tcp],USER,PASSWORD", as "create" has it. Returns 0, IT_ERR_PARSE, or as
 * it_ice_turn_of_uri. */
int it_itp_turn(it_ice_turn *t, const char *text) IT_MUST_CHECK;

/* A peer without sessions; NULL when there is no memory. */
it_itp_peer *it_itp_peer_new(const it_itp_peer_cfg *cfg);
/* Ends all sessions. */
void it_itp_peer_free(it_itp_peer *p);

/* Takes |in| as it came. Returns 0, or an error that ends the program: IT_ERR_NOMEM, or one of the loop. */
int it_itp_peer_input(it_itp_peer *p, it_bytes in) IT_MUST_CHECK;
/* Nothing more comes: what is left without an end of line is a line. Then all sessions close. As it_itp_peer_input. */
int it_itp_peer_eof(it_itp_peer *p) IT_MUST_CHECK;
/* What is to be written. Take it off by it_itp_peer_written. */
it_bytes it_itp_peer_output(const it_itp_peer *p);
void it_itp_peer_written(it_itp_peer *p, size_t n);
/* When to tick by the loop's clock; ticks. Returns 0 or IT_ERR_NOMEM. */
it_time it_itp_peer_next(const it_itp_peer *p);
int it_itp_peer_tick(it_itp_peer *p) IT_MUST_CHECK;
/* True when the talk has ended; |*well|: not by a failure. itp/1 has no such end. */
bool it_itp_peer_over(const it_itp_peer *p, bool *well);
/* False while the reader is so far behind that no more should be asked of the peer. */
bool it_itp_peer_hears(const it_itp_peer *p);

#endif
