/* One ICE agent, with DTLS over it when asked for, as itp/1 drives it: commands are calls, what happens is lines.
 *
 *     {"op":"rcand",...} -> call -> agent -> output -> sockets             sockets -> input -> agent ->
 * {"ev":"cand",...}
 *
 * One stream of 1 to IT_ITP_COMPONENTS components. The bases that the driver gives are component 1's; for each further
 * one the session binds a socket beside every base. A datagram that is neither STUN nor, with DTLS, DTLS is data: it
 * counts only from where a check has succeeded (stack/model/gate.h). Contract: stack/io.h; its events are lines. */
#ifndef IT_LAB_ITP_SESSION_H
#define IT_LAB_ITP_SESSION_H

#include "base/text/str.h"
#include "stack/dtls/dtls.h"
#include "stack/ice/agent.h"
#include "stack/object.h"

#define IT_ITP_COMPONENTS 8
#define IT_ITP_WAITING 256 /* datagrams that wait for output; more are refused */
#define IT_ITP_DATA 65507  /* bytes of the largest */
#define IT_ITP_FAR 128     /* candidates of the far side that wait for start */
#define IT_ITP_FP_TEXT 112 /* room for "sha-256 AA:BB..." */

#define IT_ITP_BEHIND 4194304 /* bytes that wait for a slow reader: more are dropped */

typedef struct it_itp_session_cfg {
    it_alloc *alloc;
    uint64_t seed;
    const char *id; /* JSON: the member "id" of every line; copied, 95 bytes at most */
    bool controlling;
    bool lite;    /* RFC 8445 section 2.5: it answers checks and sends none */
    unsigned tcp; /* candidates by TCP (RFC 6544): IT_ICE_WITH_ACTIVE, ... */
    bool no_udp;  /* none by UDP is told or taken */
    int components;
    it_addr stun[IT_ICE_SERVERS_MAX];
    int n_stun;
    it_ice_turn turn[IT_ICE_TURN_MAX];
    int n_turn;
    it_time ta, rto; /* 0: the default */
    it_dtls_shared *shared;
    it_dtls_cert *cert; /* the session's, also when it could not be made */
    it_str *out;        /* where lines go, its owner's; outlives the session */
} it_itp_session_cfg;

typedef struct it_itp_session it_itp_session;

/* NULL when there is no memory. */
it_itp_session *it_itp_session_new(const it_itp_session_cfg *cfg);
void it_itp_session_free(it_itp_session *s);

/* What a command did: 0, or an error of err.h, |why| then a sentence. */
typedef struct it_itp_result {
    int err;
    const char *why; /* static storage */
} it_itp_result;

/* Begins to gather, and tells the local credentials. */
it_itp_result it_itp_gather(it_itp_session *s, it_time now);
/* The far side's credentials, and whether it is a lite agent; one of its candidates, "candidate:" before it or not; the
 * end of them. They wait for it_itp_start. */
it_itp_result it_itp_remote(it_itp_session *s, it_time now, const char *ufrag, const char *pwd, bool lite);
it_itp_result it_itp_rcand(it_itp_session *s, it_time now, const char *cand);
it_itp_result it_itp_eoc(it_itp_session *s, it_time now);
/* Checks may begin. */
it_itp_result it_itp_start(it_itp_session *s, it_time now);
/* One datagram of application data; inside DTLS once that was asked for. */
it_itp_result it_itp_send(it_itp_session *s, it_time now, int component, it_bytes data);
it_itp_result it_itp_restart(it_itp_session *s, it_time now);
it_itp_result it_itp_role(it_itp_session *s, bool controlling);
/* DTLS over component 1, as client or server, with a far side that has one of the |n| SHA-256 fingerprints at |fp|. */
it_itp_result it_itp_dtls(it_itp_session *s, it_time now, bool client, const uint8_t (*fp)[IT_SHA256_SIZE], size_t n);
/* Tells counts; every pair. */
void it_itp_stats(it_itp_session *s);
void it_itp_pairs(it_itp_session *s);
/* Ends it: DTLS says goodbye, which the driver takes away when it removes the session. */
void it_itp_close(it_itp_session *s, it_time now);

/* The session's fingerprint as the attribute has it: RFC 8122 section 5. */
void it_itp_fingerprint(const it_itp_session *s, char out[IT_ITP_FP_TEXT]);

extern const it_object_ops it_itp_session_ops;

#endif
