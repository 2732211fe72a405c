/* DTLS 1.2 between two peers who know each other's certificate fingerprint (RFC 6347, RFC 8122), over OpenSSL.
 *
 * The object is pulled as stack/io.h says; addresses are the owner's business, it sees only datagrams. Randomness and
 * time come from the peer's stream through stack/crypto/ossl.h. One BIO write is one datagram. Retransmission timers
 * are armed once per flight, in virtual time: 1 s, doubled up to 60 s (RFC 6347 section 4.2.4.1), exact to the
 * nanosecond.
 *
 * Nothing that is not authentic ends a connection. Records that cannot be part of it are dropped before OpenSSL sees
 * them, alerts of epoch 0 among them (RFC 6347 section 4.1.2.7: invalid records SHOULD be silently discarded). A
 * handshake message that OpenSSL refuses is undone: the handshake is repeated from its log without it, which gives the
 * same bytes, as randomness and time are the peer's own; see trial.c. The one exception is a certificate that does not
 * match its fingerprint (RFC 8122 section 6.2). A peer that gives up on us before the handshake is done is therefore
 * heard of only by its silence.
 *
 * While a SECRET event waits no output is given, so a driver that drains outputs and then events, until both are empty,
 * has every secret in its hands before the first byte that the secret opens. No cookies, tickets, session cache or
 * renegotiation. */
#ifndef IT_STACK_DTLS_DTLS_H
#define IT_STACK_DTLS_DTLS_H

#include "base/alloc.h"
#include "base/rng.h"
#include "stack/crypto/digest.h"
#include "stack/io.h"

#define IT_DTLS_MTU 1200      /* bytes of UDP payload a flight's datagrams keep to */
#define IT_DTLS_DATA_MAX 1120 /* largest application datagram: fits one record within the MTU */
#define IT_DTLS_PRINTS 4      /* fingerprints a peer may have */
#define IT_DTLS_SRTP_MAX 4    /* protection profiles of SRTP: as many as there are */
#define IT_DTLS_EXPORT_MAX 92 /* bytes of keys for SRTP: twice a key of 32 and a salt of 14 */
#define IT_DTLS_TIMEOUTS                                                                                               \
    6 /* unanswered time-outs of one flight after which the handshake fails: 1+2+4+8+16+32 = 63 s */

/* The SSL_CTX of clients and servers, made once under a constant stream and shared by all peers: session cache and
 * tickets off. */
typedef struct it_dtls_shared it_dtls_shared;
/* Needs it_ossl_init. Outlives every object made with it. NULL on no memory or when OpenSSL refuses. */
it_dtls_shared *it_dtls_shared_new(it_alloc *alloc);
void it_dtls_shared_free(it_dtls_shared *s);

/* A self-signed ECDSA P-256 certificate with its key. */
typedef struct it_dtls_cert it_dtls_cert;
/* Makes one from |stream| at |now| (valid from a day before IT_EPOCH_S + |now| to 30 days after it, serial from the
 * stream). NULL on no memory or when OpenSSL refuses. */
it_dtls_cert *it_dtls_cert_new(it_alloc *alloc, it_rng *stream, it_time now);
void it_dtls_cert_free(it_dtls_cert *c);
/* The SHA-256 fingerprint of its DER form, RFC 8122 section 5. */
const uint8_t *it_dtls_cert_fingerprint(const it_dtls_cert *c); /* IT_SHA256_SIZE bytes */

enum it_dtls_event_kind {
    IT_DTLS_OPEN,   /* handshake done, fingerprint matched */
    IT_DTLS_DATA,   /* one application datagram */
    IT_DTLS_CLOSED, /* after OPEN: the peer sent close_notify or a fatal alert, an authenticated end (RFC 7675
                       section 5.2) */
    IT_DTLS_FAILED, /* before OPEN: wrong fingerprint, or too many time-outs */
    IT_DTLS_SECRET  /* a key log line was born (NSS key log format), for captures */
};

/* Why a connection ended. */
enum it_dtls_cause {
    IT_DTLS_CAUSE_NONE,
    IT_DTLS_CAUSE_CLOSE,       /* an authentic close_notify */
    IT_DTLS_CAUSE_ALERT,       /* an authentic fatal alert */
    IT_DTLS_CAUSE_FINGERPRINT, /* the peer's certificate is not the one that was announced */
    IT_DTLS_CAUSE_SILENCE,     /* a flight was not answered */
    IT_DTLS_CAUSE_LIBRARY      /* OpenSSL gave up, and going back did not help */
};

typedef struct it_dtls_event {
    enum it_dtls_event_kind kind;
    enum it_dtls_cause cause; /* FAILED, CLOSED */
    it_bytes data;            /* DATA: the datagram; SECRET: the line without newline; OPEN: the keys for SRTP */
    uint16_t srtp;            /* OPEN: the protection profile that was agreed on, 0: none */
    const char *why;          /* FAILED, CLOSED: a sentence for people, with the RFC section where a rule was broken */
} it_dtls_event;

typedef struct it_dtls_cfg {
    it_alloc *alloc;
    it_dtls_shared *shared;
    const it_dtls_cert *cert; /* outlives the object */
    it_rng rng;
    bool client; /* a=setup:active */
    size_t mtu;  /* bytes that a flight's datagrams keep to, 256 to IT_DTLS_MTU; 0: that */
} it_dtls_cfg;

typedef struct it_dtls it_dtls;
/* NULL on no memory or when OpenSSL refuses. */
it_dtls *it_dtls_new(const it_dtls_cfg *cfg);
void it_dtls_free(it_dtls *d);

/* What a handshake may have besides. */
typedef struct it_dtls_media {
    /* The protection profiles to offer, or to choose from, in the order of preference, by their numbers on the wire;
     * 0 ends the list (RFC 5764 section 4.1). With any, OPEN tells which was agreed on and has the exported keys
     * (section 4.2); with none agreed on it is for the owner to go on or not. Unknown numbers are left out. */
    uint16_t srtp[IT_DTLS_SRTP_MAX];
    /* The certificates, ours and the peer's, may have keys other than ECDSA P-256: P-384, RSA of 2,048 bits and more,
     * as older stacks have. Off, neither is offered, and the hello is shorter. */
    bool any_key;
} it_dtls_media;
/* Asks for |m|, which is copied; without this a handshake has nothing of it. Returns 0, IT_ERR_STATE once the handshake
 * was started, IT_ERR_NOMEM, after which |d| can only be freed. */
int it_dtls_set_media(it_dtls *d, const it_dtls_media *m) IT_MUST_CHECK;

/* Tells the fingerprint the peer must show; may come after the handshake began or ended: OPEN waits for it, and so does
 * received data. A mismatch is FAILED; the peer gets the alert bad_certificate, or close_notify if its certificate was
 * already accepted. Does nothing once OPEN or over. */
void it_dtls_set_peer(it_dtls *d, it_time now, const uint8_t fingerprint[IT_SHA256_SIZE]);
/* One more fingerprint that the peer may show instead (RFC 8122 section 5.1: any of them may match), up to
 * IT_DTLS_PRINTS; before the handshake begins, after it_dtls_set_peer. */
void it_dtls_add_peer(it_dtls *d, const uint8_t fingerprint[IT_SHA256_SIZE]);
/* Starts the handshake (client) or allows it (server). A server then takes the last datagram that came before. */
void it_dtls_start(it_dtls *d, it_time now);
/* Queues one application datagram. Returns 0, IT_ERR_STATE before OPEN or after the end, IT_ERR_RANGE when it is empty,
 * IT_ERR_TOOBIG above IT_DTLS_DATA_MAX, IT_ERR_NOMEM (the datagram is lost, the connection lives). */
int it_dtls_send(it_dtls *d, it_time now, it_bytes data);
/* Queues close_notify when the handshake is done; before that just stops. No event follows, all later input is ignored.
 */
void it_dtls_close(it_dtls *d, it_time now);
/* Puts the last flight on the wire again at once, for a path that has just come to life, and starts its timer anew with
 * the same wait. Only while an answer is awaited and the flight is not still queued; four times per flight. */
void it_dtls_kick(it_dtls *d, it_time now);

/* Takes one datagram; what is no DTLS, or larger than IT_IO_DGRAM_MAX, is dropped. Returns its size, or IT_ERR_NOMEM
 * when something was lost for want of memory: the connection lives, as after any loss. */
int it_dtls_input(it_dtls *d, it_time now, const it_io *in);
/* 0 or, as above, IT_ERR_NOMEM. */
int it_dtls_tick(it_dtls *d, it_time now);
it_time it_dtls_next(const it_dtls *d);
/* |out|'s addresses and flow are left for the owner to fill. IT_ERR_FULL when |cap| is too small: the datagram stays.
 */
int it_dtls_output(it_dtls *d, it_time now, it_io *out, uint8_t *buf, size_t cap);
/* SECRET comes before OPEN, OPEN before DATA, CLOSED or FAILED last and once. */
int it_dtls_event_next(it_dtls *d, it_dtls_event *ev);

/* True when |d| may be a DTLS record: first byte 20 to 63 (RFC 7983). */
bool it_dtls_is(it_bytes d);

#endif
