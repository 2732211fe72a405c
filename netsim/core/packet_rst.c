/* The reset that answers a TCP segment nobody wants. */
#include "netsim/core/packet.h"

int it_pkt_tcp_reset(it_pkt *p, const it_pkt *about)
{
    const uint8_t *s = about->buf + about->head + about->l4;
    size_t n = (size_t)(about->len - about->l4), header;
    if (about->proto != IT_PROTO_TCP || about->frag || (s[13] & IT_TCP_RST))
        return IT_ERR_STATE;
    header = (size_t)(s[12] >> 4) * 4;
    it_pkt_tcp_msg m = {.src = {about->dst, about->dport}, .dst = {about->src, about->sport}, .flags = IT_TCP_RST};
    if (s[13] & IT_TCP_ACK) {
        m.seq = it_get32(s + 8);
    } else {
        uint32_t data = n > header ? (uint32_t)(n - header) : 0;
        m.ack = it_get32(s + 4) + data + ((s[13] & IT_TCP_SYN) != 0) + ((s[13] & IT_TCP_FIN) != 0);
        m.flags |= IT_TCP_ACK;
    }
    int err = it_pkt_tcp(p, &m);
    if (err == 0 && p->ver == 4) {
        /* As Linux: the answer has the type of service of what it answers, but no ECN marks. */
        uint8_t *b = it_pkt_ip(p), tos = about->buf[about->head + 1] & 0xfc;
        it_put16(b + 10, it_cksum_fix16(it_get16(b + 10), b[1], tos));
        b[1] = tos;
    }
    p->cause = about->id;
    return err;
}
