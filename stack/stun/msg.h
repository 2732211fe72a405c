/* STUN messages on the wire: parsing into views, building into a buffer (RFC 8489 sections 5, 6, 14).
 *
 * Attributes are described by one table (stun/attr.c); a message is parsed without allocation and without interpreting
 * attributes it was not asked for. Integrity is checked by stun/auth.h. */
#ifndef IT_STACK_STUN_MSG_H
#define IT_STACK_STUN_MSG_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/err.h"
#include "stack/crypto/digest.h"

#define IT_STUN_HEADER 20
#define IT_STUN_COOKIE 0x2112A442u
#define IT_STUN_TXID 12
#define IT_STUN_FINGERPRINT_XOR 0x5354554eu
#define IT_STUN_ATTRS_MAX 48     /* in one message; more is IT_ERR_FULL */
#define IT_STUN_USERNAME_MAX 508 /* bytes, RFC 8489 section 14.3: fewer than 509 */
#define IT_STUN_TEXT_MAX 509     /* bytes sent, sections 14.8 to 14.10, 14.14: fewer than 128 characters */
#define IT_STUN_REASON_MAX 763   /* bytes accepted, sections 14.3, 14.8 to 14.10, 14.14 */

enum it_stun_class { IT_STUN_REQUEST = 0, IT_STUN_INDICATION = 1, IT_STUN_SUCCESS = 2, IT_STUN_ERROR = 3 };

enum it_stun_method {
    IT_STUN_BINDING = 0x001,
    IT_STUN_ALLOCATE = 0x003,
    IT_STUN_REFRESH = 0x004,
    IT_STUN_SEND = 0x006,
    IT_STUN_DATA = 0x007,
    IT_STUN_CREATE_PERMISSION = 0x008,
    IT_STUN_CHANNEL_BIND = 0x009,
    IT_STUN_CONNECT = 0x00A,           /* RFC 6062 */
    IT_STUN_CONNECTION_BIND = 0x00B,   /* RFC 6062 */
    IT_STUN_CONNECTION_ATTEMPT = 0x00C /* RFC 6062 */
};

/* Attribute types, IANA names (RFC 8489 section 18.3, RFC 8445 section 16.1, RFC 8656 section 18, RFC 5780 section 7,
 * RFC 6062 section 6.2, RFC 8016 section 3). */
enum it_stun_attr_type {
    IT_STUN_MAPPED_ADDRESS = 0x0001,
    IT_STUN_CHANGE_REQUEST = 0x0003,
    IT_STUN_SOURCE_ADDRESS = 0x0004,  /* RFC 3489 section 11.2.5 */
    IT_STUN_CHANGED_ADDRESS = 0x0005, /* RFC 3489 section 11.2.3 */
    IT_STUN_USERNAME = 0x0006,
    IT_STUN_MESSAGE_INTEGRITY = 0x0008,
    IT_STUN_ERROR_CODE = 0x0009,
    IT_STUN_UNKNOWN_ATTRIBUTES = 0x000A,
    IT_STUN_CHANNEL_NUMBER = 0x000C,
    IT_STUN_LIFETIME = 0x000D,
    IT_STUN_XOR_PEER_ADDRESS = 0x0012,
    IT_STUN_DATA_ATTR = 0x0013,
    IT_STUN_REALM = 0x0014,
    IT_STUN_NONCE = 0x0015,
    IT_STUN_XOR_RELAYED_ADDRESS = 0x0016,
    IT_STUN_REQUESTED_ADDRESS_FAMILY = 0x0017,
    IT_STUN_EVEN_PORT = 0x0018,
    IT_STUN_REQUESTED_TRANSPORT = 0x0019,
    IT_STUN_DONT_FRAGMENT = 0x001A,
    IT_STUN_MESSAGE_INTEGRITY_SHA256 = 0x001C,
    IT_STUN_PASSWORD_ALGORITHM = 0x001D,
    IT_STUN_USERHASH = 0x001E,
    IT_STUN_XOR_MAPPED_ADDRESS = 0x0020,
    IT_STUN_RESERVATION_TOKEN = 0x0022,
    IT_STUN_PRIORITY = 0x0024,
    IT_STUN_USE_CANDIDATE = 0x0025,
    IT_STUN_PADDING = 0x0026,
    IT_STUN_RESPONSE_PORT = 0x0027,
    IT_STUN_CONNECTION_ID = 0x002A,
    IT_STUN_ADDITIONAL_ADDRESS_FAMILY = 0x8000,
    IT_STUN_ADDRESS_ERROR_CODE = 0x8001,
    IT_STUN_PASSWORD_ALGORITHMS = 0x8002,
    IT_STUN_ALTERNATE_DOMAIN = 0x8003,
    IT_STUN_ICMP = 0x8004,
    IT_STUN_SOFTWARE = 0x8022,
    IT_STUN_ALTERNATE_SERVER = 0x8023,
    IT_STUN_FINGERPRINT = 0x8028,
    IT_STUN_ICE_CONTROLLED = 0x8029,
    IT_STUN_ICE_CONTROLLING = 0x802A,
    IT_STUN_RESPONSE_ORIGIN = 0x802B,
    IT_STUN_OTHER_ADDRESS = 0x802C,
    IT_STUN_MOBILITY_TICKET = 0x8030,
    IT_STUN_NOMINATION = 0xC001,      /* draft-thatcher-ice-renomination */
    IT_STUN_DTLS_IN_STUN = 0xC070,    /* draft-hancke-webrtc-sped: DTLS-IN-STUN-DATA */
    IT_STUN_DTLS_IN_STUN_ACK = 0xC071 /* and DTLS-IN-STUN-ACK; numbers as libwebrtc */
};

/* How a value is laid out. */
enum it_stun_shape {
    IT_STUN_SHAPE_BYTES, /* opaque, limits in the table */
    IT_STUN_SHAPE_TEXT,  /* UTF-8, limits in the table */
    IT_STUN_SHAPE_FLAG,  /* empty */
    IT_STUN_SHAPE_U8,    /* one byte, then reserved ones up to the size in the table */
    IT_STUN_SHAPE_U16,   /* two bytes, then reserved ones up to the size in the table */
    IT_STUN_SHAPE_U32,
    IT_STUN_SHAPE_U64,
    IT_STUN_SHAPE_ADDR,  /* RFC 8489 section 14.1 */
    IT_STUN_SHAPE_XADDR, /* section 14.2 */
    IT_STUN_SHAPE_ERROR, /* section 14.8 */
    IT_STUN_SHAPE_TYPES, /* list of 16-bit types, section 14.9 */
    IT_STUN_SHAPE_ALGOS  /* sections 14.11, 14.12 */
};

/* One row of the attribute table. */
typedef struct it_stun_attr_spec {
    uint16_t type;
    const char *name; /* as IANA writes it */
    enum it_stun_shape shape;
    uint16_t min, max; /* bytes of value that are accepted */
    uint16_t put_max;  /* bytes of value that may be sent: RFC 8489 accepts longer texts than it lets send */
    uint8_t unit;      /* the size of a value is a multiple of this */
    const char *rfc;   /* "RFC 8489 section 14.3" */
} it_stun_attr_spec;

/* The row of |type|, or NULL for an attribute this table does not know. */
const it_stun_attr_spec *it_stun_attr_find(uint16_t type);

/* The |i|-th row in ascending order of type, NULL after the last: for tests and listings. */
const it_stun_attr_spec *it_stun_attr_at(size_t i);

/* Bytes of the number at the front of a value of |shape|: 0 for a flag, 1, 2, 4 or 8; -1 when |shape| is no number. */
int it_stun_shape_width(enum it_stun_shape shape);

typedef struct it_stun_attr {
    uint16_t type;
    uint32_t offset; /* of the attribute's header in the message */
    it_bytes value;  /* without padding; points into the message */
} it_stun_attr;

typedef struct it_stun_msg {
    enum it_stun_class cls;
    uint16_t method;
    uint8_t txid[IT_STUN_TXID];
    it_bytes raw; /* the whole message, borrowed */
    uint32_t n_attrs;
    it_stun_attr attrs[IT_STUN_ATTRS_MAX];
} it_stun_msg;

/* True when |d| starts like a STUN message: two zero bits, cookie, length that fits and is a multiple of 4 (RFC 8489
 * section 5; demultiplexing as RFC 7983). */
bool it_stun_is(it_bytes d);

/* Parses |d|, which must be exactly one message. Checks header, lengths, padding bounds, sizes by the table and, when
 * present, that FINGERPRINT is last and right (section 14.7). Attributes after MESSAGE-INTEGRITY other than
 * MESSAGE-INTEGRITY-SHA256 and FINGERPRINT, and those after -SHA256 other than FINGERPRINT, are left out
 * (sections 14.5, 14.6). Returns 0, IT_ERR_PARSE or IT_ERR_FULL. |m| borrows |d|. */
int it_stun_parse(it_stun_msg *m, it_bytes d) IT_MUST_CHECK;

/* The first attribute of |type| (section 14: later ones of a type are ignored), or NULL. */
const it_stun_attr *it_stun_get(const it_stun_msg *m, uint16_t type);

/* Typed getters: 0, IT_ERR_NOTFOUND, or IT_ERR_PARSE when the value has another shape. Addresses of both kinds are
 * returned plain; the XOR is undone by the table's shape. */
int it_stun_get_addr(const it_stun_msg *m, uint16_t type, it_addr *a);
int it_stun_get_u32(const it_stun_msg *m, uint16_t type, uint32_t *v); /* also for the 8- and 16-bit shapes */
int it_stun_get_u64(const it_stun_msg *m, uint16_t type, uint64_t *v);
int it_stun_get_error(const it_stun_msg *m, int *code, it_bytes *reason); /* |reason| may be NULL */
/* The algorithm numbers of PASSWORD-ALGORITHMS or PASSWORD-ALGORITHM (sections 14.11, 14.12), parameters skipped.
 * Writes at most |cap| and returns how many there are, or an error as above. */
int it_stun_get_algos(const it_stun_msg *m, uint16_t type, uint16_t *out, int cap);
/* The types in a list of types (UNKNOWN-ATTRIBUTES, section 14.13): as it_stun_get_algos. */
int it_stun_get_types(const it_stun_msg *m, uint16_t type, uint16_t *out, int cap);

/* Collects comprehension-required types (below 0x8000) that are neither RFC 8489's own (section 18.3; what of those is
 * not expected is ignored, section 6.3) nor in |known|, the |n| types of the usage; each once, section 6.3.1. Writes at
 * most |cap| and returns how many there are. */
int it_stun_unknown(const it_stun_msg *m, const uint16_t *known, int n, uint16_t *out, int cap);

/* --- building: begin, put attributes in order, integrity, fingerprint, end --- */

/* Starts a message at the beginning of |b| (which must be empty). */
void it_stun_begin(it_buf *b, enum it_stun_class cls, uint16_t method, const uint8_t txid[IT_STUN_TXID]);
/* Appends an attribute as it is, with zero padding. A value that the table does not allow to be sent counts as an
 * overflow of |b|; the values of types outside the table are not looked at. */
void it_stun_put(it_buf *b, uint16_t type, it_bytes value);
/* Appends an address; the shape in the table decides about XOR. An address that is none counts as an overflow. */
void it_stun_put_addr(it_buf *b, uint16_t type, it_addr a);
void it_stun_put_u32(it_buf *b, uint16_t type,
                     uint32_t v); /* flag, 8-, 16- and 32-bit shapes; reserved bytes are zero */
void it_stun_put_u64(it_buf *b, uint16_t type, uint64_t v);
/* ERROR-CODE with |code| 300 to 699 and |reason|; NULL: the phrase the RFCs recommend. */
void it_stun_put_error(it_buf *b, int code, const char *reason);
void it_stun_put_types(it_buf *b, uint16_t type, const uint16_t *types, int n);
/* PASSWORD-ALGORITHMS or PASSWORD-ALGORITHM: |n| algorithm numbers without parameters (sections 14.11, 14.12, 18.5.1).
 */
void it_stun_put_algos(it_buf *b, uint16_t type, const uint16_t *algos, int n);
/* MESSAGE-INTEGRITY (section 14.5), MESSAGE-INTEGRITY-SHA256 with all 32 bytes (14.6), FINGERPRINT (14.7): each over
 * what is there. */
void it_stun_put_integrity(it_buf *b, const it_hmac_key *key);
void it_stun_put_integrity_sha256(it_buf *b, const it_hmac_key *key);
void it_stun_put_fingerprint(it_buf *b);
/* Completes the header's length. Returns the message's size, or IT_ERR_FULL after an overflow. */
int it_stun_end(it_buf *b) IT_MUST_CHECK;

/* The phrase that the RFCs recommend for an error |code|, "Error" for one that is not known here. Static storage. */
const char *it_stun_reason(int code);

/* A label for traces: "Binding request", "Allocate error 401" (no allocation; writes at most 64 bytes). */
char *it_stun_label(const it_stun_msg *m, char out[64]);

#endif
