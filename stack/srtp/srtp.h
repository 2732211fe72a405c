/* SRTP and SRTCP (RFC 3711) with the protection profiles of DTLS-SRTP (RFC 5764, RFC 7714).
 *
 * A session is one master key, used in one direction: two ends have two of them each, from the halves of what DTLS
 * exports. It keeps the state of as many SSRCs as its config allows and has all its memory from the beginning: no
 * packet allocates. What an SSRC has sent or received is never forgotten as long as the key lives, as that would let an
 * index come twice (RFC 3711 section 9.1); so an SSRC too many is refused. Only authentic packets make a receiver
 * remember an SSRC.
 *
 * Packets are worked on in place. The receiver looks for a replay before it checks the tag, and moves its window after
 * (RFC 3711 section 3.3). The sender has the same window: no index of a key is used twice, whatever the caller does.
 *
 * Absent, as no profile of DTLS-SRTP uses them: the master key identifier (MKI; one key per session), a key derivation
 * rate other than 0, encrypted header extensions (RFC 6904), <From, To> lifetimes, AES-f8. */
#ifndef IT_STACK_SRTP_SRTP_H
#define IT_STACK_SRTP_SRTP_H

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/err.h"

#include <stdbool.h>

#define IT_SRTP_KEY_MAX 32
#define IT_SRTP_SALT_MAX 14
#define IT_SRTP_RTP_GROWTH 16  /* most that it_srtp_protect adds to a packet */
#define IT_SRTP_RTCP_GROWTH 20 /* most that it_srtp_protect_rtcp adds */
#define IT_SRTP_PACKET_MAX 65535
#define IT_SRTP_EXPORT_LABEL "EXTRACTOR-dtls_srtp" /* RFC 5764 section 4.2 */
#define IT_SRTP_EXPORT_MAX (2 * (IT_SRTP_KEY_MAX + IT_SRTP_SALT_MAX))

#define IT_SRTP_SSRCS 64   /* when the config says 0 */
#define IT_SRTP_WINDOW 128 /* when the config says 0 */
#define IT_SRTP_LIFE_RTP (1ULL << 48)
#define IT_SRTP_LIFE_RTCP (1ULL << 31)

/* By their numbers on the wire: RFC 5764 section 4.1.2, RFC 7714 section 14.2. */
enum it_srtp_profile {
    IT_SRTP_AES128_CM_HMAC_SHA1_80 = 0x0001,
    IT_SRTP_AES128_CM_HMAC_SHA1_32 = 0x0002,
    IT_SRTP_AEAD_AES_128_GCM = 0x0007,
    IT_SRTP_AEAD_AES_256_GCM = 0x0008
};

/* What is fixed by a profile; sizes in bytes. */
typedef struct it_srtp_params {
    enum it_srtp_profile profile;
    const char *name; /* as OpenSSL and IANA spell it */
    bool aead;
    uint8_t key, salt;     /* of the master and of the session */
    uint8_t tag, rtcp_tag; /* on SRTP, on SRTCP */
} it_srtp_params;

/* The parameters of |profile|, a number from the wire; NULL when it is none of the four. Static storage. */
const it_srtp_params *it_srtp_params_of(unsigned profile);

enum it_srtp_way { IT_SRTP_OUT, IT_SRTP_IN };

typedef struct it_srtp_cfg {
    it_alloc *alloc;
    enum it_srtp_profile profile;
    enum it_srtp_way way;
    uint8_t key[IT_SRTP_KEY_MAX]; /* master key and salt, as many bytes as the profile has */
    uint8_t salt[IT_SRTP_SALT_MAX];
    unsigned ssrcs;               /* most SSRCs, up to 65536; 0: IT_SRTP_SSRCS */
    unsigned window;              /* of the replay lists in packets: a power of two, 64 to 32768; 0: IT_SRTP_WINDOW */
    uint64_t life_rtp, life_rtcp; /* most packets under the key, all SSRCs together; 0: RFC 3711 section 9.2's */
    bool plain_rtcp;              /* SRTCP is authenticated and not encrypted; else such packets are refused */
} it_srtp_cfg;

typedef struct it_srtp_session it_srtp_session;

/* Fills key, salt, profile and way of |out| and |in| from what DTLS exports (RFC 5764 section 4.2): |exported| has
 * twice key and salt of the profile, and |client| is true for the end that was the DTLS client. The other members stay.
 * Returns 0, IT_ERR_UNSUPPORTED for an unknown |profile|, IT_ERR_RANGE for another length. */
int it_srtp_exported(unsigned profile, it_bytes exported, bool client, it_srtp_cfg *out, it_srtp_cfg *in) IT_MUST_CHECK;

/* Makes a session into |*s|. Returns 0, IT_ERR_UNSUPPORTED (profile), IT_ERR_RANGE (another member of |cfg|),
 * IT_ERR_NOMEM, IT_ERR_CRYPTO when OpenSSL refuses. |cfg| is copied; its allocator outlives the session. */
int it_srtp_new(const it_srtp_cfg *cfg, it_srtp_session **s) IT_MUST_CHECK;
/* Frees |s| and overwrites its keys; NULL is allowed. */
void it_srtp_free(it_srtp_session *s);

/* Sets the rollover counter with which |ssrc| begins, for who comes late (RFC 3711 section 3.3.1). Returns 0,
 * IT_ERR_STATE when it had a packet already, IT_ERR_LIMIT when there are too many SSRCs. */
int it_srtp_set_roc(it_srtp_session *s, uint32_t ssrc, uint32_t roc);

/* Protects the RTP packet of |n| bytes at |p|, in place; there is room for |cap| bytes, and IT_SRTP_RTP_GROWTH more
 * than |n| are enough for every profile. Returns the new length. The packet is untouched after IT_ERR_PARSE (no RTP
 * header, or more than IT_SRTP_PACKET_MAX bytes), IT_ERR_FULL (|cap|), IT_ERR_REPLAY and IT_ERR_OLD (that sequence
 * number was used, or may have been), IT_ERR_LIMIT (the key's lifetime or the number of SSRCs is used up), IT_ERR_STATE
 * (the session is IT_SRTP_IN); IT_ERR_CRYPTO when OpenSSL fails. */
int it_srtp_protect(it_srtp_session *s, uint8_t *p, size_t n, size_t cap);

/* Takes the protection off the SRTP packet of |n| bytes at |p|, in place. Returns the length of the RTP packet.
 * IT_ERR_PARSE, IT_ERR_REPLAY, IT_ERR_OLD, IT_ERR_LIMIT, IT_ERR_STATE as above and with the packet untouched;
 * IT_ERR_AUTH when the tag is wrong, after which the bytes behind the header are of no use. */
int it_srtp_unprotect(it_srtp_session *s, uint8_t *p, size_t n);

/* The same of RTCP; |p| is a compound, or reduced-size, packet, of which the first eight bytes stay in clear. It grows
 * by IT_SRTP_RTCP_GROWTH at most. There is no IT_ERR_REPLAY or IT_ERR_OLD when sending: indices are the session's own.
 */
int it_srtp_protect_rtcp(it_srtp_session *s, uint8_t *p, size_t n, size_t cap);
/* As it_srtp_unprotect; IT_ERR_PERM, with the packet untouched, when it is not encrypted and should be, or the other
 * way round. */
int it_srtp_unprotect_rtcp(it_srtp_session *s, uint8_t *p, size_t n);

/* How many SSRCs |s| knows. */
unsigned it_srtp_ssrcs(const it_srtp_session *s);

#endif
