/* An end of RTMFP: sessions with other ends over datagrams (RFC 7016 section 3.5), in the cryptography profile of Flash
 * (RFC 7425 section 4). One certificate, any number of sessions, over the bases that its driver tells it of.
 *
 *     connect --> IHELLO_SENT --RHello--> KEYING_SENT --RIKeying--> OPEN --close--> NEARCLOSE --> gone
 *                      |   ^ Redirect          |                     |
 *                      '---' more candidates   '---95 s--> FAILED    +--Close Request--> FARCLOSE_LINGER --> gone
 *     IHello, IIKeying ------------------------------------------> OPEN
 *
 * What nobody has proven changes nothing: packets that fail their verification, chunks in the wrong mode or state, and
 * everything else that RFC 7016 says is ignored. Sessions are found by their IDs, whatever address packets come from; a
 * peer that has moved is followed once a marked Ping has come back from its new address, and only where packets have
 * MACs (section 5). A session is dead when Pings stay unanswered for |death|, for which the RFC has no figure.
 *
 * Introduction: an IHello for somebody else is told as ASKED; its owner answers with it_rtmfp_redirect_send, passes it
 * on with it_rtmfp_forward, or does nothing. A forwarded one is answered where it comes over a session that
 * it_rtmfp_trust names.
 *
 * Open sessions have flows (section 3.6, stack/rtmfp/flow/flow.h), which end with them.
 *
 * Sans I/O as stack/io.h. Not here: path MTU discovery, signatures. Fragments (section 3.4) are received, not sent. */
#ifndef IT_STACK_RTMFP_RTMFP_H
#define IT_STACK_RTMFP_RTMFP_H

#include "stack/io.h"
#include "stack/rtmfp/flow/carrier.h"
#include "stack/rtmfp/flow/flow.h"
#include "stack/rtmfp/profile/keying.h"

#define IT_RTMFP_BASES 8                  /* sockets at most */
#define IT_RTMFP_CANDIDATES 24            /* addresses of an opening session: REDIRECT_THRESHOLD (section 3.5.1.1.1) */
#define IT_RTMFP_DATAGRAM 1200            /* bytes of the largest datagram that is sent */
#define IT_RTMFP_OPEN (95 * IT_SEC)       /* to open within (section 3.5.1.1.1) */
#define IT_RTMFP_CLOSE_AGAIN (5 * IT_SEC) /* section 3.5.5 */
#define IT_RTMFP_CLOSE_END (90 * IT_SEC)  /* section 3.5.5 */
#define IT_RTMFP_CLOSE_LINGER (19 * IT_SEC) /* section 3.5.5 */

typedef struct it_rtmfp_cfg {
    it_alloc *alloc;
    it_rng rng;
    it_rtmfp_identity_cfg identity;
    it_rtmfp_policy policy;
    bool accept;        /* IHellos that select its certificate are answered; forwarded ones where they are trusted */
    bool introduce;     /* other IHellos are told as ASKED */
    bool tell_keys;     /* of a session that it has initiated SECRET comes before OPEN, twice, for packets that come and
                           for those that go: "RTMFP ID KEY MAC SEQ", session ID and AES key in hexadecimal, bytes of
                           MACs, 1 where they have sequence numbers */
    bool move_unproven; /* peers may move where packets have checksums only, against section 5 */
    uint32_t sessions;  /* at most, opening ones included; 0: 64 */
    uint32_t each;      /* of them accepted from one IPv4 address or IPv6 /64; 0: no limit */
    uint32_t amplify;   /* an RHello is at most so many tenths of its IHello, else it is not sent; 0: of any size */
    it_time keepalive;  /* silence in either direction after which a Ping is sent; 0: 10 s; IT_NEVER: none */
    it_time death;      /* and how long Pings may stay unanswered; 0: 20 s */
    size_t window;      /* bytes that a receiving flow buffers, until it is tuned; 0: 65,536 */
} it_rtmfp_cfg;

enum it_rtmfp_state {
    IT_RTMFP_IHELLO_SENT,
    IT_RTMFP_KEYING_SENT,
    IT_RTMFP_OPENED,
    IT_RTMFP_NEARCLOSE,
    IT_RTMFP_FARCLOSE_LINGER
};

/* What a session is. */
typedef struct it_rtmfp_info {
    enum it_rtmfp_state state;
    bool initiator;
    bool stream;                   /* it is no session over datagrams, but one over a stream (stack/rtmfp/ws) */
    it_rtmfp_path path;            /* from KEYING_SENT on */
    uint8_t print[IT_RTMFP_PRINT]; /* from KEYING_SENT on */
    it_time srtt, erto;            /* |srtt| 0: not known yet */
    it_time unanswered;            /* since when Pings have had no answer; IT_NEVER: none waits for one */
    uint8_t mac_tx, mac_rx;        /* bytes of MACs */
    bool seq_tx, seq_rx;
    uint8_t near_nonce[IT_SHA256_SIZE], far_nonce[IT_SHA256_SIZE]; /* RFC 7425 section 4.6.5, once it is open */
} it_rtmfp_info;

/* What was not taken, since the object began. */
typedef struct it_rtmfp_stats {
    uint64_t unknown;  /* datagrams for a session that there is not */
    uint64_t forged;   /* that failed verification */
    uint64_t replayed; /* seen before, or from below the window */
    uint64_t mode;     /* packets in the forbidden mode, in that of our own role, or startup where it has no place */
    uint64_t chunks;   /* chunks that are unknown, malformed or out of place */
    uint64_t cookies;  /* keying with a cookie that is not ours or has expired */
    uint64_t refused;  /* keying that was ignored: glare, another's address, certificates and keys that do not fit */
} it_rtmfp_stats;

typedef struct it_rtmfp it_rtmfp;

/* Makes an end with a certificate of its own. Needs it_ossl_init. Returns 0, IT_ERR_NOMEM, IT_ERR_RANGE (the host),
 * IT_ERR_CRYPTO. */
int it_rtmfp_new(const it_rtmfp_cfg *cfg, it_time now, it_rtmfp **out) IT_MUST_CHECK;
void it_rtmfp_free(it_rtmfp *r);
/* The fingerprint of its certificate: IT_RTMFP_PRINT bytes, its peer ID. */
const uint8_t *it_rtmfp_print(const it_rtmfp *r);
it_rtmfp_stats it_rtmfp_stats_get(const it_rtmfp *r);

/* Opens a session to whom |epd| selects, by way of |n| addresses (those that no host can have are left out). |*session|
 * is its number; OPEN, DUPLICATE or FAILED follows. Returns 0, IT_ERR_RANGE when |epd| is malformed or no address is
 * left, IT_ERR_FULL, IT_ERR_NOMEM, IT_ERR_CRYPTO. */
int it_rtmfp_connect(it_rtmfp *r, it_time now, it_bytes epd, const it_addr *addrs, size_t n, uint32_t *session);
/* Closes |session| in an orderly way (section 3.5.5), or abruptly; CLOSED follows. One that is not open yet is given
 * up, FAILED follows. Returns 0, IT_ERR_NOTFOUND, IT_ERR_STATE when it is closing already, IT_ERR_NOMEM. */
int it_rtmfp_close(it_rtmfp *r, it_time now, uint32_t session);
int it_rtmfp_abort(it_rtmfp *r, it_time now, uint32_t session);
/* Describes |session|. Returns 0 or IT_ERR_NOTFOUND. */
int it_rtmfp_describe(const it_rtmfp *r, uint32_t session, it_rtmfp_info *out);
/* The open session whose certificate |epd| selects; 0: none. One with a fingerprint is found at once. */
uint32_t it_rtmfp_select(const it_rtmfp *r, it_bytes epd);
/* The open session of peer |print|; 0: none. */
uint32_t it_rtmfp_find(const it_rtmfp *r, const uint8_t print[IT_RTMFP_PRINT]);
/* Answers FIHellos that come over |session| from now on, ten a second at most. Returns 0 or IT_ERR_NOTFOUND. */
int it_rtmfp_trust(it_rtmfp *r, uint32_t session);

/* From now on a Ping is sent over |session| after |period| of silence, IT_NEVER: none; 0 for |session|: over all that
 * have no period of their own. Returns 0 or IT_ERR_NOTFOUND. */
int it_rtmfp_keepalive(it_rtmfp *r, it_time now, uint32_t session, it_time period);

/* Sends a Redirect (section 3.5.1.4) over |path|, for |tag|: |n| addresses, none means that of the sender. Returns 0,
 * IT_ERR_RANGE for more than IT_RTMFP_CANDIDATES or a tag that is too long, IT_ERR_FULL, IT_ERR_NOMEM. */
int it_rtmfp_redirect_send(it_rtmfp *r, it_rtmfp_path path, it_bytes tag, const it_rtmfp_addr *addrs, size_t n);
/* Sends an FIHello (section 3.5.1.5) over open |session|, for an IHello from |reply|. As above; IT_ERR_NOTFOUND. */
int it_rtmfp_forward(it_rtmfp *r, uint32_t session, it_bytes epd, it_addr reply, it_bytes tag);

/* The flows of open |session|, as in stack/rtmfp/flow/flow.h, and IT_ERR_NOTFOUND for a session that is not open. */
int it_rtmfp_flow_open(it_rtmfp *r, it_time now, uint32_t session, const it_rtmfp_flow_opts *o, uint64_t *id);
int it_rtmfp_flow_write(it_rtmfp *r, it_time now, uint32_t session, uint64_t id, it_bytes data,
                        const it_rtmfp_write_opts *o, uint64_t *message);
int it_rtmfp_flow_abandon(it_rtmfp *r, it_time now, uint32_t session, uint64_t id, uint64_t message);
int it_rtmfp_flow_close(it_rtmfp *r, it_time now, uint32_t session, uint64_t id, bool abandon);
int it_rtmfp_flow_reject(it_rtmfp *r, it_time now, uint32_t session, uint64_t id, uint64_t code);
int it_rtmfp_flow_tune(it_rtmfp *r, it_time now, uint32_t session, uint64_t id, const it_rtmfp_recv_opts *o);
/* The same as a table, for who does not care what carries a session. Lives as long as |r|. */
it_rtmfp_carrier it_rtmfp_carrier_of(it_rtmfp *r);
/* Bytes of sending flow |id| that have not been acknowledged; 0 for one that there is not. */
size_t it_rtmfp_flow_queued(const it_rtmfp *r, uint32_t session, uint64_t id);

/* As stack/io.h. */
int it_rtmfp_input(it_rtmfp *r, it_time now, const it_io *in);
int it_rtmfp_tick(it_rtmfp *r, it_time now);
it_time it_rtmfp_next(const it_rtmfp *r);
int it_rtmfp_output(it_rtmfp *r, it_time now, it_io *out, uint8_t *buf, size_t cap);
int it_rtmfp_event_next(it_rtmfp *r, it_rtmfp_event *out);

#endif
