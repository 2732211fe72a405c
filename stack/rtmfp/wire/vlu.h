/* The elementary encodings of RTMFP (RFC 7016 section 2.1): variable length unsigned integers, fields, options,
 * addresses. Readers and writers are those of base/bytes.h, sticky; nothing is allocated or copied. */
#ifndef IT_STACK_RTMFP_WIRE_VLU_H
#define IT_STACK_RTMFP_WIRE_VLU_H

#include "base/addr.h"
#include "base/bytes.h"

#define IT_RTMFP_VLU_MAX 10         /* bytes of the largest one that is written */
#define IT_RTMFP_ADDR_MAX 19        /* bytes of an encoded IPv6 address */
#define IT_RTMFP_OPTION_IGNORE 8192 /* an unknown option of user data from this type on is ignored (section 2.3.11) */

/* How many bytes the shortest encoding of |v| has (section 2.1.2). */
size_t it_rtmfp_vlu_size(uint64_t v);
/* Appends |v| in its shortest form. */
void it_rtmfp_vlu_put(it_buf *b, uint64_t v);
/* Reads one of any length; more than 64 significant bits is a syntax error and makes |r| fail. 0 then. */
uint64_t it_rtmfp_vlu_get(it_rd *r);

/* A length and as many bytes: appends |v|; reads one, {NULL, 0} when it does not fit. */
void it_rtmfp_field_put(it_buf *b, it_bytes v);
it_bytes it_rtmfp_field_get(it_rd *r);

/* An option (section 2.1.3): a length, a type, a value. */
typedef struct it_rtmfp_option {
    bool marker; /* it has no type: the end of a list, or of the canonical section of a certificate */
    uint64_t type;
    it_bytes value; /* borrowed from what was read */
} it_rtmfp_option;

/* Appends an option; a marker. */
void it_rtmfp_option_put(it_buf *b, uint64_t type, it_bytes value);
void it_rtmfp_marker_put(it_buf *b);
/* Reads the next one. False at the end, and when |r| fails: an option that does not fit, a type that does not fit in
 * it. */
bool it_rtmfp_option_get(it_rd *r, it_rtmfp_option *o);
/* Reads a list up to and with its marker and gives the bytes before the marker; |r| fails where there is none. */
it_bytes it_rtmfp_options_get(it_rd *r);

/* Where an address comes from (section 2.1.5). */
enum it_rtmfp_origin {
    IT_RTMFP_ORIGIN_UNKNOWN,
    IT_RTMFP_ORIGIN_REPORTED, /* by its endpoint, of an interface of its own */
    IT_RTMFP_ORIGIN_OBSERVED, /* by who tells it: reflexive */
    IT_RTMFP_ORIGIN_RELAY     /* of a proxy, a relay or an introducer */
};

typedef struct it_rtmfp_addr {
    it_addr addr;
    enum it_rtmfp_origin origin;
} it_rtmfp_addr;

/* Appends, reads an address; |r| fails when it does not fit. */
void it_rtmfp_addr_put(it_buf *b, it_rtmfp_addr a);
it_rtmfp_addr it_rtmfp_addr_get(it_rd *r);

#endif
