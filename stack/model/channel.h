/* What carries a connection's data over a path, and proves whose data it is: DTLS, and DTLS with SRTP beside it, each a
 * file and a table.
 *
 *     connection --send--> channel --output--> datagrams of the path        and the same the other way
 *
 * A channel sees datagrams, never addresses: which path is in use is the connection's business (stack/model/conn.h).
 * It is pulled as stack/io.h says. Its end is an event with a cause; that the far side is silent is not its business
 * once it is open. */
#ifndef IT_STACK_MODEL_CHANNEL_H
#define IT_STACK_MODEL_CHANNEL_H

#include "stack/dtls/dtls.h"
#include "stack/io.h"
#include "stack/model/model.h"

#define IT_CHANNEL_PAYLOAD 1120 /* bytes that every kind of channel takes in one piece */

/* What is sent: a channel may carry the two in different ways. */
enum it_channel_payload { IT_CHANNEL_MESSAGE, IT_CHANNEL_MEDIA };

enum it_channel_event_kind {
    IT_CHANNEL_OPEN,   /* the far side is who it should be; data may be sent */
    IT_CHANNEL_DATA,   /* one piece of data, authentic */
    IT_CHANNEL_CLOSED, /* the far side ended it, authentically */
    IT_CHANNEL_FAILED, /* it never opened, or cannot go on */
    IT_CHANNEL_SECRET, /* a key log line was born, for captures */
    IT_CHANNEL_CAME,   /* a packet of media of the channel's own, of media stream |flow|: |data|.n bytes of payload */
    IT_CHANNEL_BYE     /* the far side ends media stream |flow| */
};

/* Why a channel ended. */
enum it_channel_cause {
    IT_CHANNEL_CAUSE_NONE,
    IT_CHANNEL_CAUSE_CLOSE,    /* the far side said so */
    IT_CHANNEL_CAUSE_IDENTITY, /* the far side is not who it should be */
    IT_CHANNEL_CAUSE_SILENCE,  /* the handshake was not answered */
    IT_CHANNEL_CAUSE_PROTOCOL  /* it broke a rule that cannot be passed over */
};

typedef struct it_channel_event {
    enum it_channel_event_kind kind;
    enum it_channel_cause cause;     /* CLOSED, FAILED */
    enum it_channel_payload payload; /* DATA */
    it_bytes data;                   /* DATA, SECRET: borrowed until the next call */
    const char *why;                 /* CLOSED, FAILED: a sentence, with the RFC section where a rule was broken */
    int flow;                        /* CAME, BYE */
} it_channel_event;

/* What a media stream of the channel's own is to do: LEAVE says goodbye, and nothing is sent after it. */
enum it_channel_stream { IT_CHANNEL_START, IT_CHANNEL_STOP, IT_CHANNEL_LEAVE };

typedef struct it_channel_ops {
    const char *kind; /* "dtls" */
    /* True when a datagram that is no STUN message may be for such a channel (RFC 7983). */
    bool (*takes)(it_bytes datagram);
    /* The handshake begins, though there is no path: what it writes goes another way. */
    void (*start)(void *c, it_time now);
    /* There is a path, for the first time or another one: the handshake begins, or repeats its last flight there. */
    void (*use_path)(void *c, it_time now);
    /* Takes one datagram. Returns 0 or IT_ERR_NOMEM. */
    int (*input)(void *c, it_time now, const it_io *in);
    int (*tick)(void *c, it_time now); /* 0 or IT_ERR_NOMEM; afterwards next() > now */
    it_time (*next)(const void *c);
    /* One datagram: 1, or 0. Flow and addresses of |out| are the owner's to fill. */
    int (*output)(void *c, it_time now, it_io *out, uint8_t *buf, size_t cap);
    /* Queues one piece. Returns 0, IT_ERR_STATE unless open, IT_ERR_RANGE when empty, IT_ERR_TOOBIG, IT_ERR_NOMEM. */
    int (*send)(void *c, it_time now, enum it_channel_payload payload, it_bytes data);
    /* Ends it, and tells the far side when it can; no event follows but SECRET. */
    void (*close)(void *c, it_time now);
    int (*event)(void *c, it_channel_event *ev); /* 1: one event, 0: none */
    void (*free)(void *c);
    /* Media of the channel's own; both NULL where media is data of the connection. Nothing happens unless open. */
    void (*stream)(void *c, it_time now, int flow, enum it_channel_stream what);
    bool (*stats)(const void *c, int flow, it_media_stats *s); /* false before it is open */
} it_channel_ops;

/* A channel; all zeros is none. */
typedef struct it_channel {
    const it_channel_ops *ops;
    void *o; /* owned */
} it_channel;

/* A DTLS channel (channel_dtls.c). */
typedef struct it_channel_dtls_cfg {
    it_alloc *alloc;
    it_dtls_shared *shared;
    const it_dtls_cert *cert; /* outlives the channel */
    it_rng rng;
    bool client;                             /* it begins the handshake; a server listens at once */
    const uint8_t (*prints)[IT_SHA256_SIZE]; /* the far side's certificate must have one of them; copied */
    size_t n_prints;                         /* 1 to IT_DTLS_PRINTS */
    size_t mtu;                              /* of the handshake's datagrams, 0: IT_DTLS_MTU */
} it_channel_dtls_cfg;

/* Makes one; no channel without memory, or when OpenSSL refuses. */
it_channel it_channel_dtls(const it_channel_dtls_cfg *cfg, it_time now);
/* True when |datagram| may be DTLS, whatever object it is for. RFC 7983. */
bool it_channel_dtls_takes(it_bytes datagram);

#define IT_CHANNEL_FLOWS 8 /* media streams of a channel */

/* A media stream as RTP. */
typedef struct it_channel_flow {
    bool video;
    uint32_t ssrc;           /* of what we send */
    uint8_t pt, far_pt;      /* payload types: what we send, what we take, which no other stream has */
    uint32_t rate, far_rate; /* their clocks, Hz */
    uint32_t bitrate;        /* video: bit/s */
    it_time deadline;        /* of play-out; 0: IT_RTP_DEADLINE */
} it_channel_flow;

/* DTLS with SRTP beside it, for media (RFC 5764; channel_srtp.c): messages are records of DTLS, media is RTP and RTCP
 * on the same path, told apart by the first byte (RFC 7983) and RFC 5761 section 4. */
typedef struct it_channel_srtp_cfg {
    it_channel_dtls_cfg dtls;
    uint16_t profiles[IT_DTLS_SRTP_MAX]; /* by preference; 0 ends the list */
    it_rng media_rng;                    /* of sequence numbers, timestamps, frames, RTCP's intervals */
    const char *cname;                   /* copied */
    it_channel_flow flow[IT_CHANNEL_FLOWS];
    int n_flows; /* 1 at least */
} it_channel_srtp_cfg;

/* Makes one; no channel without memory, when OpenSSL refuses, or for a flow that stack/rtp refuses. */
it_channel it_channel_srtp(const it_channel_srtp_cfg *cfg, it_time now);
/* True when |datagram| may be DTLS, SRTP or SRTCP. */
bool it_channel_srtp_takes(it_bytes datagram);

#endif
