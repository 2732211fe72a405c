/* What becomes of what came in: it passes, as it came or in smaller pieces, or it is dropped, and its sender may hear
 * of it. Of a datagram in fragments all have one fate. */
#include "netsim/fw/impl.h"

#include "base/cksum.h"
#include "netsim/core/refuse.h"
#include "netsim/core/link.h"

void it_fwc_send(it_fw *fw, it_time now, int port, it_pkt *p)
{
    p->hop = port == IT_FW_OUT ? p->ver == 4 ? fw->gateway4 : fw->gateway6 : (it_ip){0, 0};
    it_node_send(&fw->node, now, port, p);
}

/* Who answers |p|: the box, or without an address of its own, as a transparent one, whom it was sent to. */
static it_ip pass_speaker(const it_fw *fw, const it_pkt *p)
{
    it_ip self = p->ver == 4 ? fw->self4 : fw->self6;
    return it_ip_none(self) ? p->dst : self;
}

/* Drops the fragments behind the first of |in|. */
static void pass_drop_rest(const it_fwc_in *in, enum it_drop reason, const char *more)
{
    for (it_pkt *p = in->rest, *next; p; p = next) {
        next = p->next;
        p->next = NULL;
        in->fw->stats.drops[reason]++;
        it_node_drop(&in->fw->node, in->now, in->port, p, reason, more);
    }
}

void it_fwc_drop(const it_fwc_in *in, enum it_drop reason, const char *more)
{
    in->fw->stats.drops[reason]++;
    it_node_drop(&in->fw->node, in->now, in->port, in->p, reason, more);
    pass_drop_rest(in, reason, more);
}

/* Drops |p| of what came in, and answers it. */
static void pass_refuse(const it_fwc_in *in, it_pkt *p, const it_refusal *why)
{
    in->fw->stats.drops[why->reason]++;
    it_pkt *e = it_refuse(&in->fw->node, in->now, in->port, p, why);
    if (e)
        it_fwc_send(in->fw, in->now, in->port, e);
}

void it_fwc_prohibit(const it_fwc_in *in, enum it_drop reason, const char *more)
{
    it_refusal why = it_refusal_of(in->p->ver, IT_REFUSE_PROHIBITED, pass_speaker(in->fw, in->p), reason);
    why.more = more;
    pass_refuse(in, in->p, &why);
    pass_drop_rest(in, reason, more);
}

void it_fwc_reset_back(const it_fwc_in *in, enum it_drop reason, const char *more)
{
    it_fw *fw = in->fw;
    fw->stats.drops[reason]++;
    it_pkt *r = it_refuse_reset(&fw->node, in->now, in->port, in->p, reason, more);
    pass_drop_rest(in, reason, more);
    if (r)
        it_fwc_reset_send(fw, in->now, in->port, r);
}

/* Passes one packet or fragment |p| of what came in. */
static void pass_one(const it_fwc_in *in, it_pkt *p)
{
    it_fw *fw = in->fw;
    int to = in->port == IT_FW_IN ? IT_FW_OUT : IT_FW_IN;
    uint32_t mtu = it_link_mtu(&fw->node, to);
    bool fits = p->len <= mtu;
    if (!fits && !it_pkt_may_fragment(p)) {
        /* RFC 1191 section 4, RFC 8201 section 3. */
        it_refusal why = it_refusal_of(p->ver, IT_REFUSE_TOO_BIG, pass_speaker(fw, p), IT_DROP_MTU);
        why.rest = mtu;
        if (!it_ip_eq(why.from, p->dst))
            why.more = "the tunnel";
        pass_refuse(in, p, &why);
        return;
    }
    *(in->port == IT_FW_IN ? &fw->stats.out : &fw->stats.in) += 1;
    if (fits)
        it_node_send(&fw->node, in->now, to, p);
    else
        it_node_send_split(&fw->node, in->now, to, p, mtu);
}

void it_fwc_pass(const it_fwc_in *in)
{
    it_pkt *rest = in->rest;
    if (rest)
        it_fwc_frag_passed(in);
    pass_one(in, in->p);
    while (rest) {
        it_pkt *p = rest;
        rest = p->next;
        p->next = NULL;
        pass_one(in, p);
    }
}

/* The sum over |left| bytes of the transport's in |in|, its header first. */
static uint64_t pass_sum(const it_fwc_in *in, uint64_t sum, uint32_t left)
{
    const it_pkt *p = in->p;
    uint32_t n = (uint32_t)(p->len - p->l4);
    n = n < left ? n : left;
    sum = it_sum_add(sum, p->buf + p->head + p->l4, n);
    left -= n;
    for (const it_pkt *q = in->rest; q && left; q = q->next) {
        it_piece f = it_piece_of(q);
        n = f.n < left ? f.n : left;
        sum = it_sum_add(sum, f.data, n);
        left -= n;
    }
    return sum;
}

bool it_fwc_checksum_ok(const it_fwc_in *in)
{
    const it_pkt *p = in->p;
    if (p->ck == 0)
        return true;
    const uint8_t *b = p->buf + p->head, *t = b + p->l4;
    uint32_t n = p->len - p->l4 + in->extra;
    if (p->proto == IT_PROTO_UDP) {
        if (it_get16(t + 4) > n)
            return false;
        if (it_get16(t + 6) == 0)
            return true; /* RFC 768; over IPv6 it is the receiver's to refuse (RFC 8200 section 8.1, RFC 6935) */
        if (!in->fw->p.conntrack)
            n = it_get16(t + 4); /* netfilter counts what is behind it, too */
    }
    uint64_t sum = 0;
    if (p->proto != IT_PROTO_ICMP)
        sum = it_sum_add((uint64_t)p->proto + n, b + (p->ver == 4 ? 12 : 8), p->ver == 4 ? 8 : 32);
    return it_sum_fold(pass_sum(in, sum, n)) == 0;
}
