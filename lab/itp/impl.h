/* What the files of a session share: session.c (commands, input and output), tell.c (lines), follow.c (what the agent
 * and DTLS report). */
#ifndef IT_LAB_ITP_IMPL_H
#define IT_LAB_ITP_IMPL_H

#include "lab/itp/session.h"

#include "base/text/json.h"
#include "stack/model/gate.h"

enum itp_state { ITP_NEW, ITP_CHECKING, ITP_CONNECTED, ITP_COMPLETED, ITP_FAILED, ITP_DISCONNECTED, ITP_CLOSED };

/* A path of one component: the selected pair, or a valid one before there is any. */
typedef struct itp_path {
    bool have, selected;
    int flow;
    it_addr local, remote;
} itp_path;

typedef struct itp_waiting {
    int component;
    size_t n;
    uint8_t *data; /* owned */
} itp_waiting;

struct it_itp_session {
    it_itp_session_cfg cfg;
    it_alloc *alloc;
    char id[96];
    it_ice *ice;
    it_gate gate;
    it_dtls *dtls; /* NULL: not asked for */
    bool dtls_begun;
    enum itp_state state;
    bool gathering, started, cut; /* |cut|: no more datagrams are told, the reader is behind */
    bool released;                /* closed: relays are given back, and nothing else is done */
    uint32_t generation;          /* whose credentials were told */
    struct {
        bool have, lite, done;
        char ufrag[IT_ICE_UFRAG_MAX + 1], pwd[IT_ICE_PWD_MAX + 1];
        it_ice_cand cands[IT_ITP_FAR];
        size_t n_cands;
    } far; /* what waits for start */
    itp_path paths[IT_ITP_COMPONENTS + 1];
    struct {
        int flow, component;
        uint32_t bind; /* what is to be bound beside base |flow|; 0: nothing */
        it_addr local;
    } bases[IT_ITP_COMPONENTS * 40];
    size_t n_bases;
    itp_waiting waiting[IT_ITP_WAITING];
    size_t head, n_waiting;
    uint64_t sent, sent_bytes, taken, taken_bytes;
};

/* --- tell.c --- */
/* Begins a line of |ev| with the session's id; ends it. */
void itp_begin(it_itp_session *s, it_json *j, const char *ev);
void itp_end(it_itp_session *s, it_json *j);
/* The state is |state| from now on, because of |why| (NULL: for no special reason); told when it is another one. */
void itp_tell_state(it_itp_session *s, enum itp_state state, const char *why);
void itp_tell_local(it_itp_session *s);
void itp_tell_cand(it_itp_session *s, const it_ice_cand *c);
void itp_tell_selected(it_itp_session *s, int component, const it_ice_pair_view *p);
void itp_tell_data(it_itp_session *s, int component, it_bytes data);
void itp_tell_dtls(it_itp_session *s, const char *state, const char *why);
void itp_tell_log(it_itp_session *s, const char *level, const char *msg);

/* --- follow.c --- */
/* Takes all that the agent and DTLS report, and what waited at the gate. Returns 0 or an error. */
int itp_follow(it_itp_session *s, it_time now);
/* Says that this generation's candidates have been told. */
void itp_tell_gathered(it_itp_session *s);
/* Data, or DTLS, from where it may come from. */
int itp_take(it_itp_session *s, it_time now, const it_io *in);
/* The component of base |flow|; 0: none. */
int itp_component_of(const it_itp_session *s, int flow);

#endif
