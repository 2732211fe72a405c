/* The blobs of model B: session descriptions (stack/sdp/sdp.h), ours versioned and cumulative, and those of others.
 *
 *     v=0
 *     o=- SESSION SERIAL IN IP4 0.0.0.0
 *     s=icetank-b
 *     c=IN IP4 0.0.0.0
 *     t=0 0
 *     a=ice-lite a=ice-pacing:50 a=ice-options:ice2 trickle a=fingerprint:sha-256 AB:CD:... a=setup:...
 *     m=application 9 UDP/DTLS icetank
 *     a=ice-ufrag:... a=ice-pwd:... a=sendrecv
 *     a=x-generation:N a=x-tie-breaker:HEX
 *     a=x-relay:NAME   (a relay over WebSocket where this side can be met)
 *     a=candidate:...  (all of this generation so far)   a=end-of-candidates
 *
 * That is the blob of one media stream that has no name. Several streams have a section each, with what they share
 * before the first:
 *
 *     a=group:BUNDLE 0 1                     RFC 9143: when they share a transport, which stands in the first of them
 *     a=x-generation:N a=x-tie-breaker:HEX
 *     m=application 9 UDP/DTLS icetank       port 0: the stream is over (RFC 3264 section 8.2)
 *     a=mid:0                                RFC 5888
 *     a=rtcp-mux                             RFC 5761: the stream has one component; absent: two
 *     a=ice-ufrag:... a=ice-pwd:... a=sendrecv   or, where all have the same, before the first (RFC 8839 section 5.4)
 *     a=candidate:... a=end-of-candidates
 *     m=application 9 UDP/DTLS icetank ...
 *
 * With media of its own (SRTP) a section is that of RTP, which others take too:
 *
 *     m=audio 9 UDP/TLS/RTP/SAVPF 111        video: 96
 *     a=rtpmap:111 opus/48000/2 a=ssrc:N cname:C
 *
 * A blob of ours with a higher serial contains all that one with a lower serial of the same generation said, but the
 * candidates whose interface has gone since: a candidate that it leaves out is taken back. Generation and tie-breaker
 * are attributes of our own. A description without them is somebody else's: its version is the serial, and new
 * credentials are a new generation (RFC 8839 section 4.4.1.1.1). It is offered or answered as RFC 3264 says. */
#ifndef IT_STACK_B_BLOB_H
#define IT_STACK_B_BLOB_H

#include "base/text/str.h"
#include "stack/crypto/digest.h"
#include "stack/ice/cand.h"
#include "stack/sdp/sdp.h"

#define IT_BLOB_CANDS 100  /* candidates of one blob */
#define IT_BLOB_PACING 50  /* RFC 8839 section 5.5: the default, in ms */
#define IT_BLOB_SECTIONS 8 /* media streams of one blob */
#define IT_BLOB_MID IT_SDP_MID
#define IT_BLOB_GENERATION_MAX                                                                                         \
    (UINT32_C(1) << 31) /* more is malformed: a restart counts on from what it read and must not wrap */

#define IT_BLOB_PRINTS 4 /* fingerprints of one blob */
#define IT_BLOB_RELAY 64 /* characters of a relay's name, with NUL */
#define IT_BLOB_LEFT 160 /* characters that tell of lines left out, with NUL */

/* What a reader left out of a blob that it took. */
enum it_blob_left_out {
    IT_BLOB_BAD_CANDIDATE,
    IT_BLOB_NAMED_CANDIDATE,
    IT_BLOB_MANY_CANDIDATES,
    IT_BLOB_BAD_PRINT,
    IT_BLOB_OTHER_PRINT, /* by another hash function: RFC 8122 section 5.1 lets the reader choose */
    IT_BLOB_MANY_PRINTS,
    IT_BLOB_MANY_SECTIONS,
    IT_BLOB_OTHER_GROUP,
    IT_BLOB_LEFT_OUT
};
/* A sentence with its RFC section. Static storage. */
const char *it_blob_left_out_text(enum it_blob_left_out what);

/* What a section is of. */
enum it_blob_kind {
    IT_BLOB_DATA,  /* ours: everything inside DTLS */
    IT_BLOB_AUDIO, /* RTP */
    IT_BLOB_VIDEO,
    IT_BLOB_OTHER /* nothing we know: SCTP, other codecs, RTP without DTLS */
};

/* One media stream. */
typedef struct it_blob_section {
    enum it_blob_kind kind;
    char mid[IT_BLOB_MID + 1]; /* a=mid; "": it has no name, as the only one of its blob */
    bool closed;               /* port 0, without bundle-only */
    bool bundled;              /* in the BUNDLE group; the first of that has the transport of all */
    bool mux;                  /* a=rtcp-mux */
    bool streaming;            /* a=sendrecv, a=sendonly: this side will send a stream; a=inactive: it will not */
    bool deaf;                 /* a=sendonly, a=inactive of another's description: it takes none */
    bool done;                 /* a=end-of-candidates */
    char ufrag[IT_ICE_UFRAG_MAX + 1], pwd[IT_ICE_PWD_MAX + 1]; /* "": it has no transport of its own */
    const it_ice_cand *cands;                                  /* writing: borrowed */
    size_t n_cands;
    uint8_t pt;       /* AUDIO, VIDEO: the payload type of what is understood best, and its clock */
    uint32_t rate;    /* Hz */
    it_bytes codec;   /* writing: its rtpmap, "opus/48000/2" */
    uint32_t ssrc;    /* of what the writer sends, 0: it is not told; reading: the first that is named */
    const char *name; /* writing, with |ssrc|: the CNAME */
} it_blob_section;

typedef struct it_blob {
    bool foreign;      /* reading: without a generation and a tie-breaker of ours, which are 0 */
    bool lite;         /* RFC 8839 section 5.3 */
    bool renominates;  /* a=ice-options:renomination */
    bool shared_creds; /* writing: those of the first section that has some are the session's, as all sections have the
                          same (RFC 8839 section 5.4) */
    bool sped;         /* a=ice-options:sped: DTLS in STUN */
    uint64_t session, serial, tie_breaker;
    uint32_t generation;
    char relay[IT_BLOB_RELAY]; /* a=x-relay; "": there is none */
    uint32_t pacing;     /* Ta as proposed, in ms, UINT32_MAX for more; reading: IT_BLOB_PACING when none is there */
    enum it_setup setup; /* RFC 8842 section 5.2: active is the DTLS client; reading: of the first that has one */
    uint8_t prints[IT_BLOB_PRINTS][IT_SHA256_SIZE]; /* the certificate has any of these */
    size_t n_prints;
    unsigned left_out;       /* reading: bits, 1 << enum it_blob_left_out */
    char left[IT_BLOB_LEFT]; /* reading: other lines that were left out, with their numbers; "": none */
    it_blob_section section[IT_BLOB_SECTIONS];
    size_t n_sections; /* 1 at least */
} it_blob;

/* Appends the text of |b|. */
void it_blob_write(it_str *out, const it_blob *b);

/* Appends the text of |b| as the answer to the description |offer| that was read before: section |of[k]| of it is our
 * |k|-th, and all others are rejected (RFC 3264 section 6). */
void it_blob_answer(it_str *out, const it_blob *b, it_bytes offer, const int *of);

/* Parses |text| into |b| and up to |cap| candidates into |cands|, to which the sections point. Unknown lines and
 * candidates of other transports are skipped; candidates, fingerprints and sections that are malformed or too many are
 * left out, and |b|->left_out and |b|->left say so. Of several sections of ours each has a name that no other has.
 * Returns 0 or IT_ERR_PARSE; |why| (may be NULL) then names what is wrong, with its RFC section. */
int it_blob_read(it_blob *b, it_bytes text, it_ice_cand *cands, size_t cap, const char **why) IT_MUST_CHECK;

#endif
