/* Model E: a nearly bare UDP socket that may send only where a handshake succeeded; the script does ICE itself.
 *
 * Enforced here, in C: towards an address that has not answered one of our checks nothing leaves but STUN checks, the automatic
 * responses to valid checks, and Binding requests to a STUN server (probe), which never permit anything. A success permits exactly
 * that address and port for 30 s (consent; a later success renews it). Sockets on several bases are possible: an address is
 * permitted per base. Contract: stack/io.h. */
#ifndef IT_STACK_MODEL_E_H
#define IT_STACK_MODEL_E_H

#include "stack/dtls/dtls.h"
#include "stack/model/model.h"
#include "stack/stun/trans.h"

#define IT_E_TEST_INTERVAL (50 * IT_MS) /* at most one new check transaction per socket and interval, stack-wide rule */
#define IT_E_TEST_PENDING 5             /* unanswered check transactions towards one address */
#define IT_E_MEDIA_MAX 8                /* media sessions of one socket */

typedef struct it_e_cfg {
    it_alloc *alloc;
    uint64_t seed;
    const char *name;          /* of its random streams; copied */
    const char *ufrag, *pwd;   /* ours; copied. RFC 8445 section 5.3 lengths */
    it_dtls_shared *shared;
    const it_dtls_cert *cert;
    it_timers timers;
} it_e_cfg;

typedef struct it_e it_e;
/* NULL on no memory or credentials out of range. */
it_e *it_e_new(const it_e_cfg *cfg);
void it_e_free(it_e *e);

int it_e_add_base(it_e *e, it_time now, int flow, it_addr base) IT_MUST_CHECK;
void it_e_remove_base(it_e *e, it_time now, int flow);

/* Options of a check; all zeros gives the plain seed API. */
typedef struct it_e_test_opt {
    uint32_t priority;      /* PRIORITY attribute; 0: that of a peer-reflexive candidate */
    bool nominate;          /* USE-CANDIDATE */
    bool controlling;       /* ICE-CONTROLLING or ICE-CONTROLLED with the object's tie-breaker */
    int flow;               /* base to send from; -1: the first */
} it_e_test_opt;

/* Starts a check transaction (several retransmissions, section 6.2.1 of RFC 8489). Returns 0, IT_ERR_RATE beyond the limits, IT_ERR_RANGE
 * for bad credentials, IT_ERR_STATE without a base. */
int it_e_test(it_e *e, it_time now, it_addr far, const char *ufrag, const char *pwd, const it_e_test_opt *opt) IT_MUST_CHECK;
/* Sends a plain Binding request to a STUN server; the answer becomes a REFLEXIVE event and permits nothing. Errors as above. */
int it_e_probe(it_e *e, it_time now, it_addr server, int flow) IT_MUST_CHECK;
/* Opens a DTLS session to a permitted address. |client|: we start. |fingerprint| of the far side (32 bytes). Returns the session's
 * number from 0, IT_ERR_PERM at once when the address is not permitted (0 packets), IT_ERR_FULL, IT_ERR_NOMEM. */
int it_e_open_media(it_e *e, it_time now, it_addr far, const uint8_t *fingerprint, bool client, bool voice) IT_MUST_CHECK;
/* Sends a raw datagram to a permitted address. Returns 0, IT_ERR_PERM, IT_ERR_TOOBIG, IT_ERR_NOMEM. */
int it_e_send(it_e *e, it_time now, it_addr far, it_bytes data) IT_MUST_CHECK;
/* Sends a message inside media session |m|. Returns 0, IT_ERR_STATE, IT_ERR_PERM (consent ran out), IT_ERR_TOOBIG. */
int it_e_media_send(it_e *e, it_time now, int m, it_bytes data) IT_MUST_CHECK;
void it_e_media_close(it_e *e, it_time now, int m);
enum it_state it_e_media_state(const it_e *e, int m);
void it_e_media_stats(const it_e *e, int m, it_conn_stats *s);
/* Moves a media session to another permitted address (failover). 0 or IT_ERR_PERM. */
int it_e_media_move(it_e *e, it_time now, int m, it_addr far) IT_MUST_CHECK;

bool it_e_permitted(const it_e *e, it_time now, it_addr far);
void it_e_close(it_e *e, it_time now);

int it_e_input(it_e *e, it_time now, const it_io *in);
int it_e_tick(it_e *e, it_time now);
it_time it_e_next(const it_e *e);
int it_e_output(it_e *e, it_time now, it_io *out, uint8_t *buf, size_t cap);
/* Events of the socket itself have flow -1 in |media|; those of a media session its number. */
int it_e_event_next(it_e *e, it_model_event *ev, int *media);

#endif
