/* Fragments through the firewall: it judges datagrams, so they wait until all of one are there, then pass in order as
 * they came. Those of datagrams that never become whole are dropped when the time of a host's patience is over. */
#include "netsim/fw/impl.h"

#define KNOWN_FOR (60 * IT_SEC) /* RFC 8200 section 4.5, RFC 1122 section 3.3.2 */

bool it_fwc_frag_known(const it_fw *fw, it_time now, it_ip src, it_ip dst, uint32_t id)
{
    for (size_t i = 0; i < fw->n_known; i++) {
        const it_fwc_known *k = &fw->known[i];
        if (k->id == id && k->until > now && it_ip_eq(k->src, src) && it_ip_eq(k->dst, dst))
            return true;
    }
    return false;
}

void it_fwc_frag_passed(const it_fwc_in *in)
{
    it_fw *fw = in->fw;
    if (fw->n_known < IT_FWC_KNOWN &&
        it_grow(fw->timers.alloc, &fw->known, &fw->cap_known, fw->n_known + 1, sizeof *fw->known) < 0) {
        it_node_oom(&fw->node);
        return;
    }
    fw->known[fw->next_known++ % IT_FWC_KNOWN] =
        (it_fwc_known){.src = in->p->src, .dst = in->p->dst, .id = it_piece_of(in->p).id, .until = in->now + KNOWN_FOR};
    fw->n_known += fw->n_known < IT_FWC_KNOWN;
}

/* Drops the chain of fragments |p|, which came through |port|. */
static void frag_drop(it_fw *fw, it_time now, int port, it_pkt *p, const char *why)
{
    it_fwc_in in = {.fw = fw, .now = now, .port = port, .p = p, .rest = p->next};
    p->next = NULL;
    it_fwc_drop(&in, IT_DROP_FW_FRAGMENT, why);
}

/* Judges the datagram of fragments |p|, whole. */
static void frag_judge(it_fw *fw, it_time now, int port, it_pkt *p)
{
    it_fwc_in in = {.fw = fw, .now = now, .port = port, .p = p, .rest = p->next};
    p->next = NULL;
    for (const it_pkt *q = in.rest; q; q = q->next)
        in.extra += it_piece_of(q).n;
    it_fwc_dispatch(&in);
}

void it_fwc_frag_run(it_fw *fw, it_time now)
{
    int port = 0;
    it_pkt *p;
    while (fw->gather && (p = it_gather_expired(fw->gather, now, &port)) != NULL)
        frag_drop(fw, now, port, p, "the others did not come");
}

it_time it_fwc_frag_next(const it_fw *fw)
{
    return fw->gather ? it_gather_next(fw->gather) : IT_NEVER;
}

void it_fwc_frag_flush(it_fw *fw)
{
    if (fw->gather)
        it_gather_flush(fw->gather, it_world_pool(fw->node.world));
    fw->n_known = fw->next_known = 0;
}

void it_fwc_fragment(it_fw *fw, it_time now, int port, it_pkt *p)
{
    it_pkt *out;
    if (!fw->gather)
        fw->gather = it_calloc(fw->timers.alloc, 1, sizeof *fw->gather);
    if (!fw->gather) {
        it_node_oom(&fw->node);
        frag_drop(fw, now, port, p, "out of memory");
        return;
    }
    it_fwc_frag_run(fw, now);
    int side = 0;
    while ((out = it_gather_crowded(fw->gather, p, port, &side)) != NULL)
        frag_drop(fw, now, side, out, "too many datagrams in fragments");
    switch (it_gather_add(fw->gather, now, port, p, &out)) {
    case IT_GATHERED_KEPT:
        break;
    case IT_GATHERED_WHOLE:
        frag_judge(fw, now, port, out);
        break;
    case IT_GATHERED_AGAIN:
        frag_drop(fw, now, port, out, "it is there already");
        break;
    case IT_GATHERED_SPOILT:
        frag_drop(fw, now, port, out, "fragments of its datagram overlap or contradict each other");
        break;
    }
}
