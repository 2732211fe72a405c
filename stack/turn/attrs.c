/* Attributes by hand, where the table of stack/stun does not reach. */
#include "stack/turn/attrs.h"

int it_turn_addr_at(const it_stun_msg *m, uint32_t i, it_addr *a)
{
    it_stun_msg one;
    one.raw = m->raw;
    one.n_attrs = 1;
    one.attrs[0] = m->attrs[i];
    if (it_stun_get_addr(&one, one.attrs[0].type, a) < 0)
        return IT_ERR_PARSE;
    if (it_ip_is4(a->ip) && one.attrs[0].value.p[1] == IT_TURN_FAMILY6)
        return IT_ERR_RANGE;
    return 0;
}

void it_turn_put_icmp(it_buf *b, uint8_t type, uint8_t code, uint32_t mtu)
{
    uint8_t v[8] = {0, 0, type, code};
    it_put32(v + 4, mtu);
    it_stun_put(b, IT_STUN_ICMP, it_bytes_of(v, sizeof v));
}

int it_turn_get_icmp(const it_stun_msg *m, uint8_t *type, uint8_t *code, uint32_t *mtu)
{
    const it_stun_attr *a = it_stun_get(m, IT_STUN_ICMP);
    if (!a)
        return IT_ERR_NOTFOUND;
    *type = a->value.p[2];
    *code = a->value.p[3];
    *mtu = it_get32(a->value.p + 4);
    return 0;
}

void it_turn_put_address_error(it_buf *b, uint32_t family, int code)
{
    uint8_t v[4 + IT_STUN_TEXT_MAX] = {(uint8_t)family, 0, (uint8_t)(code / 100), (uint8_t)(code % 100)};
    const char *text = it_stun_reason(code);
    size_t n = strlen(text);
    memcpy(v + 4, text, n);
    it_stun_put(b, IT_STUN_ADDRESS_ERROR_CODE, it_bytes_of(v, 4 + n));
}

int it_turn_get_address_error(const it_stun_msg *m, uint32_t *family, int *code)
{
    const it_stun_attr *a = it_stun_get(m, IT_STUN_ADDRESS_ERROR_CODE);
    if (!a)
        return IT_ERR_NOTFOUND;
    unsigned hundreds = a->value.p[2] & 7, rest = a->value.p[3]; /* 13 reserved bits are ignored */
    if (hundreds < 3 || hundreds > 6 || rest > 99)
        return IT_ERR_PARSE;
    *family = a->value.p[0];
    *code = (int)(hundreds * 100 + rest);
    return 0;
}
