/* Session keying components and what is computed of them (RFC 7425 sections 4.5, 4.6): which group, which keys, which
 * proof of integrity in which direction. */
#ifndef IT_STACK_RTMFP_PROFILE_KEYING_H
#define IT_STACK_RTMFP_PROFILE_KEYING_H

#include "stack/rtmfp/profile/cert.h"
#include "stack/rtmfp/profile/seal.h"

#define IT_RTMFP_COMPONENT_MOST 512 /* bytes of a component that is made; of one that is taken, twice that */
#define IT_RTMFP_SALT 64            /* bytes of randomness beside a static key (section 4.5.2.2) */

/* What an end says of MACs, and of sequence numbers. */
enum it_rtmfp_wish {
    IT_RTMFP_ALLOW,   /* sends them when asked to */
    IT_RTMFP_REQUIRE, /* sends them always, asks for them, and makes no session without */
    IT_RTMFP_REFUSE   /* sends none */
};

typedef struct it_rtmfp_policy {
    enum it_rtmfp_wish mac, seq;
    uint8_t mac_size; /* bytes of our MACs, 4 to 32; 0: 16 */
} it_rtmfp_policy;

/* A component that was read; borrowed from its bytes. */
typedef struct it_rtmfp_component {
    it_bytes raw;
    bool has_public, has_select;
    enum it_rtmfp_group group; /* of either; 0: one that is not here */
    it_bytes pub;
    uint8_t mac_flags, seq_flags;
    uint64_t mac_size;
} it_rtmfp_component;

/* Reads |raw|. Returns 0, or IT_ERR_PARSE: malformed, an option twice that may be there once, a MAC of a size that
 * there is not (section 4.5.2.4). */
int it_rtmfp_component_read(it_rtmfp_component *c, it_bytes raw) IT_MUST_CHECK;

/* A component of ours, and its ephemeral key. */
typedef struct it_rtmfp_near {
    const it_rtmfp_identity *id;
    it_rtmfp_policy policy;
    enum it_rtmfp_group group; /* the one that is used */
    it_rtmfp_dh ephemeral;     /* of an identity that is not static */
    uint8_t raw[IT_RTMFP_COMPONENT_MOST];
    size_t n;
} it_rtmfp_near;

/* What both ends agree on. */
typedef struct it_rtmfp_agreed {
    it_rtmfp_secrets secrets;
    uint8_t near_nonce[IT_SHA256_SIZE], far_nonce[IT_SHA256_SIZE]; /* section 4.6.5 */
} it_rtmfp_agreed;

/* Makes the initiator's component for a responder with |far|, in the strongest group that both have. |near|->id and
 * ->policy are set. Returns 0; IT_ERR_UNSUPPORTED without a common group; IT_ERR_CRYPTO. */
int it_rtmfp_near_initiate(it_rtmfp_near *near, const it_rtmfp_cert *far, it_rng *rng, it_time now) IT_MUST_CHECK;
/* Makes the responder's to the initiator's component |c|. Returns as above; IT_ERR_PARSE when |c| does not fit |far|:
 * neither select nor key, or both, or one that its certificate does not allow. */
int it_rtmfp_near_respond(it_rtmfp_near *near, const it_rtmfp_cert *far, const it_rtmfp_component *c, it_rng *rng,
                          it_time now) IT_MUST_CHECK;
/* Computes what |near| and the far end's |c| and |far| agree on. Returns 0; IT_ERR_PARSE as above; IT_ERR_RANGE for a
 * public key that must not be used (section 4.6.2); IT_ERR_PERM when |near| requires what the far end does not send
 * (section 4.6.4); IT_ERR_CRYPTO. */
int it_rtmfp_agree(const it_rtmfp_near *near, bool initiator, const it_rtmfp_cert *far, const it_rtmfp_component *c,
                   it_rtmfp_agreed *out) IT_MUST_CHECK;

/* The keys of |secret| and the two components (sections 4.6.3 to 4.6.5), without sizes of MACs and sequence numbers. */
void it_rtmfp_derive(it_bytes secret, it_bytes near, it_bytes far, it_rtmfp_agreed *out);

#endif
