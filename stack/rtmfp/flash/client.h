/* A client of Flash: one NetConnection to a server and NetStreams under it (RFC 7425 section 5.3 and 5.4), over one end
 * of RTMFP, or where UDP does not get through over RTWebSocket (stack/rtmfp/ws). Streams are of one direction each:
 *
 *     via the server    publish or play a name there; the server relays
 *     direct            published here, to peers that play it from us
 *     from a peer       played from peer ID so-and-so, over a session of its own that the server has introduced
 *     subscriber        made by a peer that plays one of our direct streams
 *
 * All streams to one peer share one session, and with it keys, congestion window, liveness and death. What happens is
 * told by the status codes of the Flash reference (flash/status.h), with the stream that it is of, 0 being the
 * connection. A connection that is over is opened again by it_rtmfp_client_connect alone: that choice is the script's,
 * as is the fall back from a peer to the server.
 *
 * Over a WebSocket an end has no peer ID that anybody could be introduced to: streams to and from peers fail there as
 * soon as they are asked for, those via the server are as they are over UDP. A connection stays on the way by which it
 * came to be. Nothing moves it to UDP as long as it lasts; when it is opened again UDP is tried again.
 *
 * Sans I/O as stack/io.h. */
#ifndef IT_STACK_RTMFP_FLASH_CLIENT_H
#define IT_STACK_RTMFP_FLASH_CLIENT_H

#include "stack/rtmfp/flash/command.h"
#include "stack/rtmfp/rtmfp.h"
#include "stack/rtmfp/ws/client.h"

#define IT_RTMFP_CLIENT_SERVERS 4  /* addresses of the server */
#define IT_RTMFP_CLIENT_STREAMS 64 /* subscribers included */
#define IT_RTMFP_URI_MOST 256      /* bytes of a URI */
/* UDP alone is tried for so long: an IHello leaves at 0, 1 and 3.5 s (RFC 7016 section 3.5.1.1.1 lets attempts be no
 * closer), and a person waits. Where one packet in ten is lost, each way, all three exchanges fail once in 150 times.
 */
#define IT_RTMFP_FALLBACK (5 * IT_SEC)

/* By which ways a server is sought. */
enum it_rtmfp_transport {
    IT_RTMFP_UDP_THEN_WS, /* by WebSocket when the session over UDP has not opened within |fallback| */
    IT_RTMFP_UDP_ONLY,
    IT_RTMFP_WS_ONLY
};

typedef struct it_rtmfp_client_cfg {
    it_alloc *alloc;
    it_rng rng;
    it_addr server[IT_RTMFP_CLIENT_SERVERS]; /* all are asked, the first that answers is taken */
    size_t servers;
    const char *uri;               /* "rtmfp://host/app"; used during new only */
    it_time keepalive, death;      /* as it_rtmfp_cfg; the server may set |keepalive| (section 5.3.4) */
    it_time open;                  /* for the connection, and for streams from peers, to open within; 0: 95 s */
    bool tell_keys;                /* as it_rtmfp_cfg: TELLS_SECRET */
    bool ask;                      /* subscribers wait for it_rtmfp_client_accept; else they are taken */
    bool cascade;                  /* when the connection is over, so are streams with peers */
    const it_rtws_client_cfg *web; /* the server's WebSocket; its |alloc|, |rng| and times are set here; NULL: none, and
                                      UDP is the only way */
    enum it_rtmfp_transport transport;
    it_time fallback; /* 0: 5 s; half of |open| at most */
} it_rtmfp_client_cfg;

enum it_rtmfp_stream_kind { IT_RTMFP_VIA_SERVER, IT_RTMFP_DIRECT, IT_RTMFP_FROM_PEER, IT_RTMFP_SUBSCRIBER };

enum it_rtmfp_client_tells {
    IT_RTMFP_TELLS_STATUS,  /* |code| of |stream| */
    IT_RTMFP_TELLS_MESSAGE, /* |type|, |timestamp|, |data| of |stream| */
    IT_RTMFP_TELLS_BEGIN,   /* somebody publishes what |stream| plays */
    IT_RTMFP_TELLS_EOF,     /* nobody does any more */
    IT_RTMFP_TELLS_SECRET,  /* |data|: a line by which captures can be read */
    IT_RTMFP_TELLS_PEER     /* peer |print| wants to play |publisher|: |stream| is its subscriber */
};

typedef struct it_rtmfp_client_event {
    enum it_rtmfp_client_tells kind;
    enum it_rtmfp_code code;
    uint32_t stream, publisher; /* 0: the connection; none */
    uint8_t type;
    uint32_t timestamp; /* ms */
    it_bytes data;      /* this and |print| live until the next call on the object */
    uint8_t print[IT_RTMFP_PRINT];
    const char *why;           /* Failed, Closed: a sentence, static storage; NULL: nothing more is known */
    enum it_rtmfp_cause cause; /* and what ended the session that it hung on; NONE: it has not ended */
} it_rtmfp_client_event;

typedef struct it_rtmfp_client it_rtmfp_client;

/* Makes one with a static certificate of its own and begins to connect. Needs it_ossl_init. Returns 0, IT_ERR_RANGE
 * for a URI that is too long or a |web| that is none, or what it_rtmfp_new does. */
int it_rtmfp_client_new(const it_rtmfp_client_cfg *cfg, it_time now, it_rtmfp_client **out) IT_MUST_CHECK;
/* Its peer ID ("nearID"), and the server's ("farID", NULL unless it is connected over UDP): IT_RTMFP_PRINT bytes. */
const uint8_t *it_rtmfp_client_near(const it_rtmfp_client *c);
const uint8_t *it_rtmfp_client_far(const it_rtmfp_client *c);
/* Connects again after Failed, Rejected or Closed. Returns 0, IT_ERR_STATE while it is connected or about to be, or
 * what it_rtmfp_connect does. */
int it_rtmfp_client_connect(it_rtmfp_client *c, it_time now);
bool it_rtmfp_client_connected(const it_rtmfp_client *c);
/* Whether it is connected, or about to be; and that over a WebSocket. */
bool it_rtmfp_client_seeks(const it_rtmfp_client *c);
bool it_rtmfp_client_over_ws(const it_rtmfp_client *c);
/* The next line of the key log of its TLS, as it_tls_secret: 1, or 0. */
int it_rtmfp_client_secret(const it_rtmfp_client *c, char line[IT_TLS_LINE_MAX]);
/* Closes the connection in an orderly way (section 5.3.6), and all streams. Closed follows of each that was there. */
void it_rtmfp_client_close(it_rtmfp_client *c, it_time now);

/* Makes a stream, |*stream| is its number: a session to |far| begins for one FROM_PEER, others need none.
 * SUBSCRIBERs are not made. Returns 0, IT_ERR_STATE when it needs a connection and there is none, IT_ERR_FULL, or what
 * it_rtmfp_connect does. */
int it_rtmfp_client_stream(it_rtmfp_client *c, it_time now, enum it_rtmfp_stream_kind kind,
                           const uint8_t far[IT_RTMFP_PRINT], uint32_t *stream);
/* Publishes or plays |name|, once it can. Returns 0, IT_ERR_NOTFOUND, IT_ERR_STATE when the stream is of another kind
 * or has a name already, IT_ERR_RANGE for the name, IT_ERR_NOMEM. */
int it_rtmfp_client_publish(it_rtmfp_client *c, it_time now, uint32_t stream, it_bytes name);
int it_rtmfp_client_play(it_rtmfp_client *c, it_time now, uint32_t stream, it_bytes name);
/* Takes or refuses a subscriber, while |ask|. Returns 0, IT_ERR_NOTFOUND, IT_ERR_STATE, IT_ERR_NOMEM. */
int it_rtmfp_client_accept(it_rtmfp_client *c, it_time now, uint32_t stream, bool take);
/* Sends a message over what is published: to the server, or to all subscribers. Each type has its own order
 * (it_rtmfp_class). |o| may be NULL. Returns 0 also where some subscriber did not take it, IT_ERR_NOTFOUND,
 * IT_ERR_STATE unless it is published, IT_ERR_TOOBIG, IT_ERR_FULL, IT_ERR_NOMEM. */
int it_rtmfp_client_send(it_rtmfp_client *c, it_time now, uint32_t stream, uint8_t type, it_bytes data,
                         const it_rtmfp_write_opts *o);
/* Closes a stream and forgets it: the far end is told, nothing follows here. Returns 0 or IT_ERR_NOTFOUND. */
int it_rtmfp_client_close_stream(it_rtmfp_client *c, it_time now, uint32_t stream);
/* The numbers of the subscribers of |stream|, |most| at most; how many there are. */
size_t it_rtmfp_client_subscribers(const it_rtmfp_client *c, uint32_t stream, uint32_t *out, size_t most);
/* Where a stream's session leads, and whether its media goes by the server; over a WebSocket |info| has but its state,
 * its ends, the last round trip and since when a ping waits, and |stream| is set. IT_ERR_NOTFOUND; IT_ERR_STATE: it has
 * no session. */
int it_rtmfp_client_path(const it_rtmfp_client *c, uint32_t stream, it_rtmfp_info *info, bool *relayed);

/* As stack/io.h. */
int it_rtmfp_client_input(it_rtmfp_client *c, it_time now, const it_io *in);
int it_rtmfp_client_tick(it_rtmfp_client *c, it_time now);
it_time it_rtmfp_client_next(const it_rtmfp_client *c);
int it_rtmfp_client_output(it_rtmfp_client *c, it_time now, it_io *out, uint8_t *buf, size_t cap);
int it_rtmfp_client_event_next(it_rtmfp_client *c, it_rtmfp_client_event *out);
void it_rtmfp_client_free(it_rtmfp_client *c);

#endif
