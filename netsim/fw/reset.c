/* Resets that the firewall makes itself, from what it saw of a connection. */
#include "netsim/fw/impl.h"

void it_fwc_reset_send(it_fw *fw, it_time now, int port, it_pkt *r)
{
    fw->stats.resets++;
    it_fwc_send(fw, now, port, r);
}

/* A RST through |port| as the other end of flow |i| would send it, from what the tracker saw. */
static void reset_end(it_fw *fw, it_time now, uint32_t i, int port)
{
    const it_fwc_tcp *c = &fw->tcps[i];
    const it_tcpt_end *to = &c->t.end[port], *from = &c->t.end[!port];
    if (!to->acked && !from->sent)
        return; /* nothing is known that its receiver would take: RFC 5961 section 3.2 */
    it_pkt *r = it_node_packet(&fw->node);
    if (!r)
        return;
    it_pkt_tcp_msg m = {.src = it_fwc_end(&fw->flows[i].key, !port),
                        .dst = it_fwc_end(&fw->flows[i].key, port),
                        .flags = IT_TCP_RST | IT_TCP_ACK};
    m.seq = to->acked ? to->ack : from->next;
    m.ack = to->next;
    if (it_pkt_tcp(r, &m) < 0)
        it_pkt_free(it_world_pool(fw->node.world), r);
    else
        it_fwc_reset_send(fw, now, port, r);
}

void it_fwc_reset_both(it_fw *fw, it_time now, uint32_t i)
{
    reset_end(fw, now, i, IT_FW_IN);
    reset_end(fw, now, i, IT_FW_OUT);
}
