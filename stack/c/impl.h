/* What the files of stack/c know of each other; nobody else includes this.
 *
 *     c.c       the object: commands, input, timers, events     way.c     streams, ways, which of them is used
 *     channel.c what the connection's data goes through          model.c   the tables */
#ifndef IT_STACK_C_IMPL_H
#define IT_STACK_C_IMPL_H

#include "stack/c/c.h"
#include "stack/model/conn.h"

#include <string.h>

/* One publication and one play, and how far they are. */
typedef struct c_way {
    uint32_t publish, play; /* streams of the client; 0: none */
    uint32_t subscriber;    /* DIRECT: of the far end; 0: none */
    bool accepted;          /* and it was taken */
    bool sends, comes;      /* what we publish is played, or is at the server; the far end's is there */
} c_way;

typedef struct c_base {
    uint32_t flow;
    it_addr addr;
} c_base;

struct it_c {
    it_alloc *alloc;
    it_c_cfg cfg;
    it_rtmfp_client *client;
    it_conn conn;
    it_evq events;
    it_model_event latest;
    c_base base[IT_RTMFP_BASES];
    int bases;
    bool called;
    uint8_t far[IT_RTMFP_PRINT];
    char names[2][2 * IT_RTMFP_PRINT + 1]; /* ours, the far end's: peer IDs, under which streams are published */
    c_way way[IT_C_WAYS];
    int used;                   /* the way that carries the call; -1: none yet */
    bool server_over;           /* the connection has ended */
    enum it_rtmfp_cause cause;  /* what ended a session that the way in use hung on */
    it_time mend_by;            /* the other way has time until then; IT_NEVER: there is nothing to wait for */
    it_time close_at;           /* the client is closed then; IT_NEVER: not yet */
    bool finished;              /* it was */
    char line[IT_TLS_LINE_MAX]; /* of the key log of its WebSocket's TLS */
    it_channel_event pending;   /* for the connection to take */
    bool has_pending;
};

/* way.c: what the client tells of its streams and connection; |ev|. */
void it_c_heard(it_c *c, it_time now, const it_rtmfp_client_event *ev);
/* Which way is used after all that was heard, whether the call opens, fails over or is over. */
void it_c_judge(it_c *c, it_time now);
/* it_c_publish, it_c_play, it_c_accept, whose consequences are not drawn yet. */
int it_c_way_publish(it_c *c, it_time now, enum it_c_via via);
int it_c_way_play(it_c *c, it_time now, enum it_c_via via);
int it_c_way_accept(it_c *c, it_time now, bool take);
/* The session that the way in use plays by. False: none. */
bool it_c_session(const it_c *c, it_rtmfp_info *info);
/* Whether the path of |n| leaves by base |base|: a stream has a port of its own there. */
bool it_c_leaves_by(const it_conn *n, it_addr base);

/* channel.c: the channel of |c|, made of the streams of the way in use. */
it_channel it_c_channel(it_c *c);
/* Gives |ev| to the connection. */
void it_c_give(it_c *c, it_time now, const it_channel_event *ev);
/* Says goodbye over what is published. */
void it_c_bye(it_c *c, it_time now);
/* Whether |message| is such a goodbye. */
bool it_c_is_bye(it_bytes message);

#endif
