/* Session descriptions (RFC 8866) with what ICE, DTLS, RTP and BUNDLE say in them (RFC 8839, 8840, 8842, 8122, 5761,
 * 9143).
 *
 *     text --it_sdp_read--> it_sdp, which points into the text --it_sdp_write--> text that reads equal
 *
 * Reading copies nothing: every view lives as long as the text. Lines that are interpreted become members; those that
 * are known and not interpreted (candidates, payload formats, sources) stay in |lines|, where it_sdp_next finds them.
 * What is unknown, misplaced, malformed or too much is left out and listed, and is no reason to refuse the rest: only
 * what is no session description at all is refused. Knows neither ICE nor DTLS: a candidate is a line, a fingerprint
 * some bytes. */
#ifndef IT_STACK_SDP_SDP_H
#define IT_STACK_SDP_SDP_H

#include "base/bytes.h"
#include "base/text/str.h"

#define IT_SDP_MAX 65536      /* bytes of a description */
#define IT_SDP_LINE 4096      /* of a line */
#define IT_SDP_MEDIA 16       /* media descriptions */
#define IT_SDP_PRINTS 8       /* fingerprints of one level */
#define IT_SDP_PRINT_MAX 64   /* bytes of a fingerprint: sha-512 */
#define IT_SDP_MID 16         /* characters of a media's name; RFC 9143 section 7.1 recommends at most three */
#define IT_SDP_CREDENTIAL 256 /* characters of ice-ufrag and ice-pwd (RFC 8839 section 5.4) */
#define IT_SDP_LEFT 32        /* lines that are listed as left out; more are counted */

/* Why a line was left out. */
enum it_sdp_why {
    IT_SDP_UNKNOWN,      /* a line or an attribute that is not known here */
    IT_SDP_MALFORMED,    /* no "x=", or a value that its grammar does not have */
    IT_SDP_MISPLACED,    /* an attribute of a media description before the first one, or the other way round */
    IT_SDP_LONG,         /* a line above IT_SDP_LINE */
    IT_SDP_MANY_MEDIA,   /* the media description beyond IT_SDP_MEDIA, with all that stands in it */
    IT_SDP_MANY_PRINTS,  /* a fingerprint beyond IT_SDP_PRINTS */
    IT_SDP_OTHER_HASH,   /* a fingerprint by a hash function that is not known */
    IT_SDP_BAD_PRINT,    /* a fingerprint that is not one of its hash function */
    IT_SDP_SECOND_GROUP, /* a second BUNDLE group (RFC 9143 section 7.1 allows several; one is used) */
    IT_SDP_WHYS
};
/* A sentence with its RFC section. Static storage. */
const char *it_sdp_why_text(enum it_sdp_why why);

typedef struct it_sdp_left {
    enum it_sdp_why why;
    unsigned line;    /* its number, from 1 */
    it_bytes text;    /* the whole line, without its end */
    const char *rule; /* MALFORMED of an attribute: what is wrong, with its RFC section; "" of another */
} it_sdp_left;

/* Hash functions of fingerprints (RFC 8122 section 5), whose names are compared without regard to case. */
enum it_sdp_hash { IT_SDP_SHA1, IT_SDP_SHA224, IT_SDP_SHA256, IT_SDP_SHA384, IT_SDP_SHA512, IT_SDP_HASHES };

typedef struct it_sdp_print {
    enum it_sdp_hash hash;
    uint8_t n; /* bytes, as many as the function gives */
    uint8_t value[IT_SDP_PRINT_MAX];
} it_sdp_print;

/* a=setup (RFC 8842 section 5.2, RFC 4145 section 4): active is the DTLS client. */
enum it_setup { IT_SETUP_NONE, IT_SETUP_ACTPASS, IT_SETUP_ACTIVE, IT_SETUP_PASSIVE, IT_SETUP_HOLDCONN };

/* RFC 8866 section 6.7; bits: what the writer of the description sends and receives. NONE: it said nothing, which is
 * SENDRECV. */
enum it_sdp_direction { IT_SDP_NONE = 0, IT_SDP_SEND = 1, IT_SDP_RECV = 2, IT_SDP_SENDRECV = 3, IT_SDP_INACTIVE = 4 };

/* a=ice-options (RFC 8839 section 5.6, RFC 8838, draft-thatcher-ice-renomination); others are not told. */
enum it_sdp_option { IT_SDP_ICE2 = 1, IT_SDP_TRICKLE = 2, IT_SDP_RENOMINATION = 4, IT_SDP_SPED = 8 };

/* What may stand for the whole session or for one media description, whose own comes first. */
typedef struct it_sdp_level {
    it_bytes ufrag, pwd; /* empty: none */
    it_sdp_print print[IT_SDP_PRINTS];
    size_t n_prints;
    enum it_setup setup;
    enum it_sdp_direction direction;
    unsigned options; /* sum of enum it_sdp_option */
    it_bytes lines;   /* all its lines behind the first ones, as they stand in the text */
} it_sdp_level;

/* A media description (RFC 8866 section 5.14). */
typedef struct it_sdp_media {
    it_bytes kind, protocol, formats; /* "audio", "UDP/TLS/RTP/SAVPF", "111 0 8" */
    uint16_t port;                    /* 0: rejected or over (RFC 3264 sections 6, 8.2), unless |bundle_only| */
    it_bytes mid;                     /* empty: none */
    bool bundled;                     /* named in the BUNDLE group */
    bool mux, mux_only;               /* RFC 5761; RFC 8858 */
    bool bundle_only;                 /* RFC 9143 section 6 */
    bool done;                        /* end-of-candidates, here or for the session (RFC 8840 section 8.2) */
    it_sdp_level own;
} it_sdp_media;

typedef struct it_sdp {
    it_bytes user;            /* of o=; the writer's |user| empty is "-" */
    uint64_t session, serial; /* of o= (RFC 8866 section 5.2) */
    it_bytes name;            /* s= */
    bool lite;                /* RFC 8839 section 5.3 */
    bool has_pacing, done;
    uint32_t pacing; /* RFC 8839 section 5.5, in ms; UINT32_MAX for more */
    it_bytes group;  /* names in the BUNDLE group, in their order: the first is the tagged one (RFC 9143 section 7.2) */
    it_sdp_level all;
    it_sdp_media media[IT_SDP_MEDIA];
    size_t n_media;
    it_sdp_left left[IT_SDP_LEFT];
    size_t n_left; /* all of them, of which the first IT_SDP_LEFT are listed */
} it_sdp;

/* Reads |text| into |s|. Returns 0, IT_ERR_TOOBIG above IT_SDP_MAX, or IT_ERR_PARSE when it does not begin with v=0 or
 * has no origin (RFC 8866 sections 5.1, 5.2); |why| (may be NULL) then says so. */
int it_sdp_read(it_sdp *s, it_bytes text, const char **why) IT_MUST_CHECK;

/* What holds for |m|: its own, else the session's. Of fingerprints |*n| are at the result. */
it_bytes it_sdp_ufrag(const it_sdp *s, const it_sdp_media *m);
it_bytes it_sdp_pwd(const it_sdp *s, const it_sdp_media *m);
enum it_setup it_sdp_setup(const it_sdp *s, const it_sdp_media *m);
enum it_sdp_direction it_sdp_direction(const it_sdp *s, const it_sdp_media *m); /* never NONE */
const it_sdp_print *it_sdp_prints(const it_sdp *s, const it_sdp_media *m, size_t *n);
unsigned it_sdp_options(const it_sdp *s, const it_sdp_media *m);
/* True when |m| is rejected or over. */
bool it_sdp_closed(const it_sdp_media *m);

/* The next attribute |name| of |*lines|: its value (empty of a flag) into |*value|; what is before it is passed over.
 * False when there is none left. */
bool it_sdp_next(it_bytes *lines, const char *name, it_bytes *value);
/* The next word of |*rest|, which single spaces or several separate; empty at the end. */
it_bytes it_sdp_word(it_bytes *rest);
/* A decimal number of at most 20 digits, without a sign, that fills |w|. False for anything else. */
bool it_sdp_number(it_bytes w, uint64_t *v);
/* Compares without regard to case (ASCII). |lower| is in lower case. */
bool it_sdp_is(it_bytes w, const char *lower);

/* The name of payload type |pt| of |m|, as "opus/48000/2": of a=rtpmap, else of RFC 3551's static table; false when
 * there is none. |*rate| is its clock. */
bool it_sdp_format(const it_sdp_media *m, unsigned pt, it_bytes *name, uint32_t *rate);

/* Appends the text of |s|: what is a member from the members, and of |lines| what is known and not interpreted. What
 * reads as |s| again has nothing left out but lines of |lines| that are unknown. */
void it_sdp_write(it_str *out, const it_sdp *s);

#endif
