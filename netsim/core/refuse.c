/* Drop and tell. */
#include "netsim/core/refuse.h"

it_refusal it_refusal_of(uint8_t ver, enum it_refuse_kind kind, it_ip from, enum it_drop reason)
{
    static const uint8_t BY_FAMILY[][2][2] = {
        [IT_REFUSE_NO_ROUTE] = {{3, 0}, {1, 0}},       [IT_REFUSE_NO_PORT] = {{3, 3}, {1, 4}},
        [IT_REFUSE_PROHIBITED] = {{3, 13}, {1, 1}},    [IT_REFUSE_TOO_BIG] = {{3, 4}, {2, 0}},
        [IT_REFUSE_TIME_EXCEEDED] = {{11, 0}, {3, 0}}, [IT_REFUSE_REASSEMBLY] = {{11, 1}, {3, 1}},
    };
    const uint8_t *number = BY_FAMILY[kind][ver == 6];
    return (it_refusal){.from = from, .type = number[0], .code = number[1], .reason = reason};
}

it_pkt *it_refuse_error(it_node *n, it_pkt *p, const it_refusal *r)
{
    it_pkt *e = it_ip_none(r->from) ? NULL : it_node_packet(n);
    if (!e)
        return NULL;
    uint16_t len = p->len;
    if (r->quoted && r->quoted < len)
        p->len = (uint16_t)r->quoted;
    int err = it_pkt_icmp_error(e, r->from, p, r->type, r->code, r->rest);
    p->len = len;
    if (err == 0)
        return e;
    it_pkt_free(it_world_pool(n->world), e);
    return NULL;
}

it_pkt *it_refuse(it_node *n, it_time now, int port, it_pkt *p, const it_refusal *r)
{
    it_pkt *e = it_refuse_error(n, p, r);
    it_node_drop(n, now, port, p, r->reason, r->more);
    return e;
}

it_pkt *it_refuse_reset(it_node *n, it_time now, int port, it_pkt *p, enum it_drop reason, const char *more)
{
    it_pkt *e = it_node_packet(n);
    if (e && it_pkt_tcp_reset(e, p) < 0) {
        it_pkt_free(it_world_pool(n->world), e);
        e = NULL;
    }
    it_node_drop(n, now, port, p, reason, more);
    return e;
}
