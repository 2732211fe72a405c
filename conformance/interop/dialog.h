/* What goes between the two adapters of a cell: the signalling that each has for the other is carried, what they say is
 * remembered, and nothing is judged. */
#ifndef IT_CONFORMANCE_INTEROP_DIALOG_H
#define IT_CONFORMANCE_INTEROP_DIALOG_H

#include "conformance/interop/feature.h"
#include "conformance/interop/line.h"
#include "conformance/interop/proc.h"

#define IT_INTEROP_PIECES 3
#define IT_INTEROP_MAIL 256

typedef enum it_interop_state { IT_INTEROP_NEW, IT_INTEROP_UP, IT_INTEROP_FAILED, IT_INTEROP_LOST } it_interop_state;
typedef enum it_interop_secure {
    IT_INTEROP_PLAIN,
    IT_INTEROP_SECURE,
    IT_INTEROP_ENDED,   /* DTLS was closed */
    IT_INTEROP_REFUSED, /* it failed, as the certificate is not that of the fingerprint: the side says so */
    IT_INTEROP_UNSECURE /* it failed for another reason */
} it_interop_secure;

typedef struct it_interop_mail {
    it_time due; /* IT_NEVER: until somebody says so */
    char *line;
} it_interop_mail;

typedef struct it_interop_side {
    it_interop_proc proc;
    const char *who; /* "we", "they" */
    bool hello, honest, gathered, mapped, relayed;
    bool by_udp; /* it has told a candidate by UDP */
    int locals;  /* how often it has told its credentials */
    unsigned families;
    char impl[32], version[32], caps[256], fp[160], why[160], error[160];
    it_interop_state state;
    it_time state_at;
    it_interop_secure secure;
    bool got[IT_INTEROP_PIECES]; /* of this round, from the other side */
    it_interop_mail mail[IT_INTEROP_MAIL];
    size_t n_mail;
} it_interop_side;

typedef struct it_interop_dialog {
    it_alloc alloc;
    const it_interop_feature *feature;
    it_interop_side side[2];
    bool held; /* signalling waits */
    uint64_t seed;
    int round; /* of bytes */
    FILE *transcript;
    it_time began;
    char trouble[200]; /* how an adapter broke itp/1; "" it did not */
} it_interop_dialog;

typedef bool it_interop_until(const it_interop_dialog *d);

/* Starts no process: the owner does, with each side's proc. */
void it_interop_dialog_init(it_interop_dialog *d, const it_interop_feature *feature, FILE *transcript);
/* Ends both processes: each is to end with 0 when its input does, else that is trouble. */
void it_interop_dialog_fini(it_interop_dialog *d);
/* An operation that no adapter has; another one each run, so that none is made for it. */
const char *it_interop_nonsense(const it_interop_dialog *d, char out[32]);
/* Tells side |i| the operation |op| with members, key and value in turn; a key with "#" before it has a
 * number. It is told at |due|, after what was put there before. */
#define it_interop_tell(...) it_interop_write(__VA_ARGS__, (const char *)NULL)
void it_interop_write(it_interop_dialog *d, int i, it_time due, const char *op, ...);
/* What waits goes now. */
void it_interop_release(it_interop_dialog *d, int i);
/* Tells side |i| the bytes of this round that side 1 - |i| has not yet got. */
void it_interop_tell_bytes(it_interop_dialog *d, int i);
/* Carries until |until|, trouble, or for |within| at most. True when |until| holds. */
bool it_interop_carry(it_interop_dialog *d, it_interop_until *until, it_time within);

#endif
