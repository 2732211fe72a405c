/* The blobs of model B: versioned, cumulative text of real SDP attributes (RFC 8866 form, RFC 8839 and RFC 8122
 * attributes).
 *
 *     v=0
 *     o=- SESSION SERIAL IN IP4 0.0.0.0
 *     s=icetank-b
 *     c=IN IP4 0.0.0.0
 *     t=0 0
 *     a=ice-pacing:50   a=ice-lite           the latter of a lite side
 *     a=fingerprint:sha-256 AB:CD:...
 *     m=application 9 UDP/DTLS icetank
 *     a=ice-ufrag:... a=ice-pwd:... a=ice-options:ice2 trickle a=setup:... a=sendrecv
 *     a=x-generation:N a=x-tie-breaker:HEX
 *     a=candidate:...  (all of this generation so far)   a=end-of-candidates
 *
 * That is the blob of one media stream that has no name. Several streams have a section each; what they share stands
 * before the first:
 *
 *     a=group:BUNDLE 0 1                     RFC 8843: when they share a transport, which then stands in the first one
 *     a=ice-pacing: a=fingerprint: a=ice-options: a=setup: a=x-generation: a=x-tie-breaker:
 *     m=application 9 UDP/DTLS icetank       port 0: the stream is over (RFC 3264 section 8.2)
 *     a=mid:0                                RFC 5888
 *     a=sendrecv
 *     a=rtcp-mux                             RFC 5761: the stream has one component; absent: two
 *     a=ice-ufrag:... a=ice-pwd:...          of this stream; without, those before the first section (RFC 8839
 * section 5.4) a=candidate:... a=end-of-candidates m=application 9 UDP/DTLS icetank ...
 *
 * A blob with a higher serial contains all that one with a lower serial of the same generation said. */
#ifndef IT_STACK_B_BLOB_H
#define IT_STACK_B_BLOB_H

#include "base/text/str.h"
#include "stack/crypto/digest.h"
#include "stack/ice/cand.h"

#define IT_BLOB_CANDS 100  /* candidates of one blob */
#define IT_BLOB_PACING 50  /* RFC 8839 section 5.5: the default, in ms */
#define IT_BLOB_SECTIONS 8 /* media streams of one blob */
#define IT_BLOB_MID 16     /* characters of a=mid */
#define IT_BLOB_GENERATION_MAX                                                                                         \
    (UINT32_C(1) << 31) /* more is malformed: a restart counts on from what it read and must not wrap */

#define IT_BLOB_PRINTS 4 /* fingerprints of one blob */

/* What a reader left out of a blob that it took. */
enum it_blob_left_out {
    IT_BLOB_BAD_CANDIDATE,
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

enum it_setup { IT_SETUP_ACTPASS, IT_SETUP_ACTIVE, IT_SETUP_PASSIVE };

/* One media stream. */
typedef struct it_blob_section {
    char mid[IT_BLOB_MID + 1]; /* a=mid; "": it has no name, as the only one of its blob */
    bool closed;               /* port 0 */
    bool bundled;              /* in the BUNDLE group; the first of that has the transport of all */
    bool mux;                  /* a=rtcp-mux */
    bool streaming;            /* a=sendrecv: this side will send a stream; a=inactive: it will not */
    bool done;                 /* a=end-of-candidates */
    char ufrag[IT_ICE_UFRAG_MAX + 1], pwd[IT_ICE_PWD_MAX + 1]; /* "": it has no transport of its own */
    const it_ice_cand *cands;                                  /* writing: borrowed */
    size_t n_cands;
} it_blob_section;

typedef struct it_blob {
    uint64_t session, serial, tie_breaker;
    uint32_t generation;
    uint32_t pacing;     /* Ta as proposed, in ms, UINT32_MAX for more; reading: IT_BLOB_PACING when none is there */
    enum it_setup setup; /* RFC 8842 section 5.2: active is the DTLS client */
    uint8_t prints[IT_BLOB_PRINTS][IT_SHA256_SIZE]; /* the certificate has any of these */
    size_t n_prints;
    bool lite;         /* a=ice-lite (RFC 8839 section 5.3) */
    bool renominates;  /* a=ice-options:renomination */
    unsigned left_out; /* reading: bits, 1 << enum it_blob_left_out */
    it_blob_section section[IT_BLOB_SECTIONS];
    size_t n_sections; /* 1 at least */
} it_blob;

/* Appends the text of |b|. */
void it_blob_write(it_str *out, const it_blob *b);

/* Parses |text| into |b| and up to |cap| candidates into |cands|, to which the sections point. Unknown lines and
 * candidates of other transports are skipped; candidates, fingerprints and sections that are malformed or too many are
 * left out, and |b|->left_out says so. Of several sections each has a name that no other has. Returns 0 or
 * IT_ERR_PARSE; |why| (may be NULL) then names what is wrong, with its RFC section. */
int it_blob_read(it_blob *b, it_bytes text, it_ice_cand *cands, size_t cap, const char **why) IT_MUST_CHECK;

#endif
