/* A STUN message as a judge sees it: whatever is there is shown, right or wrong, and nothing is repaired.
 *
 * It shares no code with stack/stun, which it is to judge as well. */
#ifndef IT_CONFORMANCE_PASSIVE_VIEW_H
#define IT_CONFORMANCE_PASSIVE_VIEW_H

#include "base/addr.h"
#include "base/bytes.h"

#define IT_PV_ATTRS 64 /* attributes of a message that are looked at */
#define IT_PV_HEADER 20
#define IT_PV_COOKIE 0x2112A442u

/* RFC 8489 section 5. */
enum it_pv_class { IT_PV_REQUEST, IT_PV_INDICATION, IT_PV_SUCCESS, IT_PV_ERROR };

/* IANA, "STUN Methods" and "STUN Attributes"; as bits of a set where a rule asks for one of several. */
enum {
    IT_PV_BINDING = 0x001,
    IT_PV_ALLOCATE = 0x003,
    IT_PV_REFRESH = 0x004,
    IT_PV_SEND = 0x006,
    IT_PV_DATA = 0x007,
    IT_PV_PERMISSION = 0x008,
    IT_PV_CHANNEL_BIND = 0x009
};
enum {
    IT_PV_USERNAME = 0x0006,
    IT_PV_MI = 0x0008,
    IT_PV_ERROR_CODE = 0x0009,
    IT_PV_UNKNOWN = 0x000A,
    IT_PV_CHANNEL_NUMBER = 0x000C,
    IT_PV_LIFETIME = 0x000D,
    IT_PV_PEER = 0x0012,
    IT_PV_DATA_ATTR = 0x0013,
    IT_PV_REALM = 0x0014,
    IT_PV_NONCE = 0x0015,
    IT_PV_RELAYED = 0x0016,
    IT_PV_FAMILY = 0x0017,
    IT_PV_EVEN_PORT = 0x0018,
    IT_PV_TRANSPORT = 0x0019,
    IT_PV_DONT_FRAGMENT = 0x001A,
    IT_PV_MI256 = 0x001C,
    IT_PV_ALGORITHM = 0x001D,
    IT_PV_USERHASH = 0x001E,
    IT_PV_MAPPED = 0x0020,
    IT_PV_TOKEN = 0x0022,
    IT_PV_PRIORITY = 0x0024,
    IT_PV_USE_CANDIDATE = 0x0025,
    IT_PV_OTHER_FAMILY = 0x8000,
    IT_PV_ICMP = 0x8004,
    IT_PV_SOFTWARE = 0x8022,
    IT_PV_FINGERPRINT = 0x8028,
    IT_PV_CONTROLLED = 0x8029,
    IT_PV_CONTROLLING = 0x802A,
    IT_PV_NOMINATION = 0xC001
};

typedef struct it_pv_attr {
    uint16_t type;
    uint32_t at; /* of its header in the message */
    it_bytes value, pad;
} it_pv_attr;

typedef struct it_pv_msg {
    it_bytes raw; /* the message, as long as it says, or less when it was cut off */
    enum it_pv_class cls;
    uint16_t method;
    const uint8_t *txid; /* 12 bytes */
    bool whole;          /* attributes fill it: nothing is left over, none goes beyond its end */
    size_t n;
    it_pv_attr attr[IT_PV_ATTRS];
} it_pv_msg;

/* True when |d| begins as a STUN message does: two zero bits and the magic cookie. RFC 8489 section 5. */
bool it_pv_is(it_bytes d);
/* True when |d| looks like one of RFC 3489: a Binding message without cookie, of the right length. */
bool it_pv_is_old(it_bytes d);

/* Shows the message at the front of |d|, for which it_pv_is holds; |m| borrows it. */
void it_pv_read(it_pv_msg *m, it_bytes d);

/* The first attribute of |type|, NULL when there is none; how many there are. */
const it_pv_attr *it_pv_get(const it_pv_msg *m, uint16_t type);
size_t it_pv_count(const it_pv_msg *m, uint16_t type);
bool it_pv_has(const it_pv_msg *m, uint16_t type);

/* The address in attribute |type|, XORed (RFC 8489 section 14.2). Returns false when there is none, or it is no
 * address. */
bool it_pv_addr(const it_pv_msg *m, uint16_t type, it_addr *a);
/* The number of an ERROR-CODE, 0 when there is none. */
int it_pv_error(const it_pv_msg *m);
/* An ICE connectivity check: a Binding request with an attribute of ICE, or with a USERNAME of two parts and no REALM.
 * RFC 8445 section 7.1. */
bool it_pv_is_check(const it_pv_msg *m);

/* "Binding request" in |out|, which is returned. */
#define IT_PV_NAME 48
char *it_pv_name(const it_pv_msg *m, char out[IT_PV_NAME]);

#endif
