/* Certificates, their fingerprints, and endpoint discriminators (RFC 7425 sections 4.3, 4.4). */
#ifndef IT_STACK_RTMFP_PROFILE_CERT_H
#define IT_STACK_RTMFP_PROFILE_CERT_H

#include "base/alloc.h"
#include "stack/crypto/digest.h"
#include "stack/rtmfp/profile/dh.h"
#include "stack/rtmfp/wire/vlu.h"

#define IT_RTMFP_PRINT IT_SHA256_SIZE           /* bytes of a fingerprint, the peer ID */
#define IT_RTMFP_PRINT_EPD (IT_RTMFP_PRINT + 2) /* bytes of a discriminator that names one */
#define IT_RTMFP_CERT_MOST 1024                 /* bytes of a certificate that is taken */
#define IT_RTMFP_EPD_MOST 1024                  /* bytes of a discriminator that is taken */
#define IT_RTMFP_HOST_MOST 255                  /* bytes of a hostname in a certificate of ours */

/* A certificate that was read; everything is borrowed from its bytes. */
typedef struct it_rtmfp_cert {
    it_bytes raw, canonical; /* the canonical section, without its marker */
    bool has_host, ancillary, is_static;
    it_bytes host;
    unsigned groups;               /* of its static keys, or those it takes ephemeral keys of */
    it_bytes key[IT_RTMFP_GROUPS]; /* static ones, weakest group first */
    uint8_t print[IT_RTMFP_PRINT];
} it_rtmfp_cert;

/* Reads |raw|. Any that is well-formed is authentic (section 4.3.4). Returns 0; IT_ERR_PARSE when it is malformed or
 * unusable: both static and ephemeral keys, or neither (section 4.3.3). */
int it_rtmfp_cert_read(it_rtmfp_cert *c, it_bytes raw) IT_MUST_CHECK;
/* The static key of group |g|, {NULL, 0} when there is none. */
it_bytes it_rtmfp_cert_key(const it_rtmfp_cert *c, enum it_rtmfp_group g);

/* An endpoint discriminator that was read. */
typedef struct it_rtmfp_epd {
    bool has_host, has_ancillary, has_print;
    it_bytes host, ancillary, print;
} it_rtmfp_epd;

/* Reads |raw|. Returns 0, or IT_ERR_PARSE: malformed, or with one of its options twice. */
int it_rtmfp_epd_read(it_rtmfp_epd *e, it_bytes raw) IT_MUST_CHECK;
/* Whether |e| selects |c| (section 4.4.3). */
bool it_rtmfp_epd_selects(const it_rtmfp_epd *e, const it_rtmfp_cert *c);
/* Writes the canonical discriminator of fingerprint |print| (section 4.4.4). */
void it_rtmfp_epd_of_print(const uint8_t print[IT_RTMFP_PRINT], uint8_t out[IT_RTMFP_PRINT_EPD]);

/* Of two that open a session to each other, whether the near one prevails (section 4.3.6); whether a new session's
 * certificate overrides that of an old one (section 4.3.7). */
bool it_rtmfp_cert_prevails(it_bytes near, it_bytes far);
bool it_rtmfp_cert_overrides(it_bytes fresh, it_bytes old);

/* What a certificate of our own is to have. */
typedef struct it_rtmfp_identity_cfg {
    bool is_static;   /* keys in the certificate, as clients SHOULD; else ephemeral ones, as servers (section 4.3.3) */
    unsigned groups;  /* 0: group 2 */
    const char *host; /* NULL: none; at most IT_RTMFP_HOST_MOST bytes */
    bool ancillary;   /* it takes any ancillary data: a server */
} it_rtmfp_identity_cfg;

/* A certificate of our own with its private keys. */
typedef struct it_rtmfp_identity {
    it_rtmfp_cert cert; /* of |raw| */
    it_rtmfp_dh key[IT_RTMFP_GROUPS];
    uint8_t raw[IT_RTMFP_CERT_MOST];
} it_rtmfp_identity;

/* Makes one. It stays where it is: |i| must not be copied. Returns 0, IT_ERR_RANGE for a host that is too long,
 * IT_ERR_CRYPTO. */
int it_rtmfp_identity_make(it_rtmfp_identity *i, const it_rtmfp_identity_cfg *cfg, it_rng *rng,
                           it_time now) IT_MUST_CHECK;
/* The private key of group |g| of a static certificate; NULL: none. */
const it_rtmfp_dh *it_rtmfp_identity_key(const it_rtmfp_identity *i, enum it_rtmfp_group g);
/* Forgets the private keys. */
void it_rtmfp_identity_wipe(it_rtmfp_identity *i);

#endif
