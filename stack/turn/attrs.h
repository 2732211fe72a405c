/* The attributes of TURN that stand more than once in a message, or have a layout of their own (RFC 8656 section 18).
 */
#ifndef IT_STACK_TURN_ATTRS_H
#define IT_STACK_TURN_ATTRS_H

#include "stack/stun/msg.h"

#define IT_TURN_FAMILY4 1u /* RFC 8656 section 18.6 */
#define IT_TURN_FAMILY6 2u
#define IT_TURN_UDP 17u /* REQUESTED-TRANSPORT, section 18.8 */
#define IT_TURN_TCP 6u

/* The family of |ip| as TURN numbers it. */
static inline uint32_t it_turn_family(it_ip ip)
{
    return it_ip_is4(ip) ? IT_TURN_FAMILY4 : IT_TURN_FAMILY6;
}

/* The address in attribute |i| of |m|. Returns 0; IT_ERR_PARSE when it is none; IT_ERR_RANGE for an IPv4 address
 * disguised as IPv6 (::ffff:0:0/96), which has no place on a wire. */
int it_turn_addr_at(const it_stun_msg *m, uint32_t i, it_addr *a) IT_MUST_CHECK;

/* ICMP: type and code, and the MTU where the type tells one, else 0 (RFC 8656 section 18.13). */
void it_turn_put_icmp(it_buf *b, uint8_t type, uint8_t code, uint32_t mtu);
/* Reads it: 0, or IT_ERR_NOTFOUND. */
int it_turn_get_icmp(const it_stun_msg *m, uint8_t *type, uint8_t *code, uint32_t *mtu);

/* ADDRESS-ERROR-CODE: why there is no relayed address of |family| (RFC 8656 section 18.12). */
void it_turn_put_address_error(it_buf *b, uint32_t family, int code);
/* Reads it: 0, IT_ERR_NOTFOUND, or IT_ERR_PARSE. */
int it_turn_get_address_error(const it_stun_msg *m, uint32_t *family, int *code);

#endif
