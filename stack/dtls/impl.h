/* What the files of stack/dtls know of each other; nobody else includes this.
 *
 *     dtls.c    the object: commands, the four calls of stack/io.h, what OpenSSL calls
 *     record.c  which records may be part of a connection at all
 *     trial.c   undoes what OpenSSL refused, by repeating the handshake without it
 *     hello.c   a ClientHello that comes in pieces
 *     media.c   use_srtp, keys for SRTP, other kinds of certificates
 *     fifo.c    byte strings in a row
 *     cert.c    certificates      shared.c  what all objects share */
#ifndef IT_STACK_DTLS_IMPL_H
#define IT_STACK_DTLS_IMPL_H

#include "stack/dtls/dtls.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>

struct it_dtls_shared {
    it_alloc *alloc;
    SSL_CTX *ctx;
    BIO_METHOD *bio; /* reads and writes the it_dtls that is its data */
};

struct it_dtls_cert {
    it_alloc *alloc;
    EVP_PKEY *key;
    X509 *x509;
    uint8_t fingerprint[IT_SHA256_SIZE];
};

#define IT_DTLS_RECORD_HEADER 13
#define IT_DTLS_MESSAGE_HEADER 12
#define IT_DTLS_SECRET_MAX 256
#define IT_DTLS_WHY_MAX 160
#define IT_DTLS_STEPS_MAX 256  /* of a handshake's log: what is more is dropped */
#define IT_DTLS_LOG_MAX 65536  /* bytes in it */
#define IT_DTLS_UNDO_MAX 300   /* handshakes repeated in a second */
#define IT_DTLS_ANSWERS_MAX 50 /* other ClientHellos answered in a second */
#define IT_DTLS_IDLE_MAX 32    /* inputs kept that completed nothing; OpenSSL keeps 100 */
#define IT_DTLS_HELLOS 64      /* other ClientHellos remembered */
#define IT_DTLS_HELLO_MAX 2048 /* bytes of one with its record: post-quantum key shares are 1,216 */

enum it_dtls_phase {
    IT_DTLS_PHASE_NEW,
    IT_DTLS_PHASE_HANDSHAKE,
    IT_DTLS_PHASE_SECURED, /* the handshake is done, the fingerprint not yet known */
    IT_DTLS_PHASE_OPEN,
    IT_DTLS_PHASE_ENDED
};

/* Byte strings in a row, each behind its length. */
typedef struct it_dtls_fifo {
    uint8_t *p;
    size_t head, len, cap;
} it_dtls_fifo;

enum it_dtls_op { IT_DTLS_OP_BEGIN, IT_DTLS_OP_INPUT, IT_DTLS_OP_TICK, IT_DTLS_OP_KICK };

/* One thing that was done to a handshake. */
typedef struct it_dtls_step {
    enum it_dtls_op op;
    it_time at;
    size_t from, n;       /* INPUT: its bytes in the log */
    unsigned before, now; /* flights of our own before and after it */
} it_dtls_step;

/* All that was done, in order: enough to come to the same state, and to the same bytes, again. */
typedef struct it_dtls_log {
    it_dtls_step *steps;
    size_t n, cap;
    uint8_t *bytes;
    size_t len, cap_bytes;
    bool broken; /* memory was short: it cannot be repeated */
} it_dtls_log;

/* A ClientHello and when it came. */
typedef struct it_dtls_hello {
    it_time at;
    size_t n; /* 0: none */
    uint8_t data[IT_DTLS_HELLO_MAX];
} it_dtls_hello;

/* A ClientHello of which parts have come. */
typedef struct it_dtls_pieces {
    uint8_t head[4]; /* its type and length */
    uint32_t length, have;
    uint8_t there[IT_DTLS_HELLO_MAX / 8]; /* a bit for each byte */
    uint8_t data[IT_DTLS_HELLO_MAX];      /* record and message headers, then the message */
} it_dtls_pieces;

struct it_dtls {
    it_alloc *alloc;
    it_rng rng, rng_first; /* as it is, as it was before the SSL object was made */
    SSL *ssl;
    const it_dtls_shared *shared;
    const it_dtls_cert *cert;
    enum it_dtls_phase phase;
    bool client;
    size_t mtu;
    bool was_open;
    it_dtls_media media;
    uint16_t profile; /* of SRTP, agreed on; 0: none */
    uint8_t exported[IT_DTLS_EXPORT_MAX];
    size_t n_exported;

    const uint8_t *in; /* the datagram OpenSSL has not read yet */
    size_t in_len;
    uint8_t early[IT_IO_DGRAM_MAX]; /* the last datagram that came before start */
    size_t early_len;
    it_dtls_pieces *pieces; /* server; NULL until a piece of a ClientHello comes */
    it_dtls_fifo out, data;
    bool nomem; /* a datagram was lost for want of memory since the last report */

    it_time timer;            /* when to tick */
    it_time ssl_due;          /* the same expiry on OpenSSL's clock, which may differ by kicks and the margin */
    it_time clock;            /* what OpenSSL was told in this call */
    unsigned timeouts, kicks; /* of the present flight */
    bool kicking;

    /* of the handshake, trial.c */
    it_dtls_log log;
    unsigned flights;  /* of ours */
    unsigned undone;   /* times the handshake was repeated in the second |undone_in| */
    unsigned answered; /* server: other ClientHellos answered in the second |answered_in| */
    uint64_t clear;    /* records in clear that were taken */
    bool gave_up;      /* OpenSSL wrote a fatal alert */
    bool refused;      /* OpenSSL refused what it was just given */
    bool mute;         /* a repetition: what it writes has left already */
    bool contested;    /* something came that contradicts another, or was refused */
    it_time undone_in, answered_in;
    it_dtls_hello hello;     /* server: the ClientHello being answered; client: ours */
    it_dtls_hello *others;   /* and others that came, NULL until one does */
    int n_others, others_at; /* |others_at|: the next one to be written over */

    uint8_t expected[IT_DTLS_PRINTS][IT_SHA256_SIZE], shown[IT_SHA256_SIZE];
    int n_expected;
    bool have_shown;

    char secret[IT_DTLS_SECRET_MAX];
    char why[IT_DTLS_WHY_MAX];
    int alert; /* fatal alert received, -1 for none */
    bool secret_event, open_event, end_event;
    enum it_dtls_event_kind end;
    enum it_dtls_cause cause;
};

/* fifo.c: appends |n| bytes (false: no memory); the first string, empty when there is none; takes it away. */
bool it_dtls_fifo_push(it_alloc *alloc, it_dtls_fifo *f, const void *p, size_t n);
it_bytes it_dtls_fifo_first(const it_dtls_fifo *f);
void it_dtls_fifo_pop(it_dtls_fifo *f);

/* dtls.c, for trial.c: a fresh SSL object in the state it_dtls_new made the first in (false: no memory); the things
 * that a step does. |refused| tells afterwards whether OpenSSL refused the input. */
bool it_dtls_renew(it_dtls *d);
void it_dtls_do_begin(it_dtls *d, it_time now);
void it_dtls_do_input(it_dtls *d, it_time now, it_bytes in);
void it_dtls_do_tick(it_dtls *d, it_time now);
void it_dtls_do_kick(it_dtls *d, it_time now);
/* Ends the connection with an event. */
void it_dtls_end(it_dtls *d, enum it_dtls_cause cause, const char *why);

/* trial.c: notes a step that was done when the flights of ours were |before|. */
void it_dtls_note(it_dtls *d, it_time now, enum it_dtls_op op, it_bytes in, unsigned before);
/* Gives OpenSSL the datagram |in| of a handshake, and undoes that when it is refused. */
void it_dtls_try(it_dtls *d, it_time now, it_bytes in);
void it_dtls_log_fini(it_dtls *d);

/* The SHA-256 of |x|'s DER form. False when OpenSSL has no memory. */
bool it_dtls_fingerprint(X509 *x, uint8_t out[IT_SHA256_SIZE]);

/* record.c: copies to |out| (room for |in|.n bytes) the records of the datagram |in| that may be sent to a |client|, or
 * a server. |overhead|: the bytes that the cipher in use adds to a record, 0 while the handshake is under way. Records
 * in clear get the numbers from |*clear| on: anybody can write theirs, and one that is high would make OpenSSL take all
 * lower ones for replays (RFC 6347 section 4.1.2.6); their messages have numbers of their own. Returns how many bytes
 * were copied. */
size_t it_dtls_sift(bool client, size_t overhead, uint64_t *clear, it_bytes in, uint8_t *out);
/* True when two sifted datagrams tell of the same handshake message and cannot both be true. */
bool it_dtls_contradict(it_bytes a, it_bytes b);
/* True when the sifted datagram |in| has a HelloVerifyRequest. */
bool it_dtls_asks_cookie(it_bytes in);
/* True when |in| begins with a whole ClientHello, the first message of a handshake. */
bool it_dtls_is_client_hello(it_bytes in);

/* Walks the fragments of handshake messages that a sifted datagram has in clear: each with its header of
 * IT_DTLS_MESSAGE_HEADER bytes, empty at the end. */
typedef struct it_dtls_walk {
    it_bytes records, body;
} it_dtls_walk;
it_bytes it_dtls_walk_next(it_dtls_walk *w);

/* hello.c: keeps pieces of a ClientHello for the server, and says what to do with the sifted datagram |in|: with
 * |*whole| set to what is to be taken in its place, or to |in| itself when it has no piece; false when there is nothing
 * to take yet. */
bool it_dtls_hello_whole(it_dtls *d, it_bytes in, it_bytes *whole);
/* The datagram that came before start is about to be overwritten: it goes to the pieces if it is one. */
void it_dtls_hello_early(it_dtls *d);

/* media.c: what was asked for goes to a new SSL object (false: OpenSSL has no memory); what was agreed on, and the
 * keys, once the handshake is done. */
bool it_dtls_media_offer(it_dtls *d);
void it_dtls_media_export(it_dtls *d);

/* dtls.c, for the method and the context in shared.c. */
int it_dtls_bio_write(BIO *b, const char *p, int n);
int it_dtls_bio_read(BIO *b, char *p, int n);
int it_dtls_verify(X509_STORE_CTX *store, void *unused);
void it_dtls_keylog(const SSL *ssl, const char *line);

#endif
