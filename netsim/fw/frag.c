/* Fragments through the firewall: the first has the ports and is judged as any packet; what became of it is done to
 * those behind it.
 *
 * Known by addresses, protocol and identification (RFC 791 section 3.2, RFC 8200 section 4.5), for as long as a host
 * would wait for the rest, the oldest forgotten first. Not here: a fragment that comes before its first is treated as
 * one of no flow; nothing is put together. */
#include "netsim/fw/impl.h"

#define KNOWN_MAX 256           /* datagrams at once */
#define KNOWN_FOR (60 * IT_SEC) /* RFC 8200 section 4.5, RFC 1122 section 3.3.2 */

enum { EXT_FRAGMENT = 44, EXT_AUTH = 51 };

/* The identification in |p|, which is a fragment. */
static uint32_t id_of(const it_pkt *p)
{
    const uint8_t *b = p->buf + p->head;
    if (p->ver == 4)
        return it_get16(b + 4);
    uint8_t next = b[6];
    size_t at = 40;
    while (next != EXT_FRAGMENT && at + 8 <= p->l4) {
        size_t size = next == EXT_AUTH ? ((size_t)b[at + 1] + 2) * 4 : ((size_t)b[at + 1] + 1) * 8;
        next = b[at];
        at += size;
    }
    return next == EXT_FRAGMENT && at + 8 <= p->l4 ? it_get32(b + at + 4) : 0;
}

static it_fwc_frag *find(const it_fw *fw, it_time now, const it_fwc_frag *like)
{
    for (size_t i = 0; i < fw->n_frags; i++) {
        it_fwc_frag *f = &fw->frags[i];
        if (f->id == like->id && f->proto == like->proto && f->until > now && it_ip_eq(f->src, like->src) &&
            it_ip_eq(f->dst, like->dst))
            return f;
    }
    return NULL;
}

static void remember(it_fw *fw, it_time now, const it_fwc_frag *what)
{
    it_fwc_frag *f = find(fw, now, what);
    if (!f) {
        if (fw->n_frags < KNOWN_MAX &&
            it_grow(fw->timers.alloc, &fw->frags, &fw->cap_frags, fw->n_frags + 1, sizeof *fw->frags) < 0) {
            it_node_oom(&fw->node);
            return;
        }
        f = &fw->frags[fw->next_frag++ % KNOWN_MAX];
        fw->n_frags += fw->n_frags < KNOWN_MAX;
    }
    *f = *what;
}

void it_fwc_fragment(it_fw *fw, it_time now, int port, it_pkt *p)
{
    it_fwc_frag f = {.src = p->src, .dst = p->dst, .id = id_of(p), .proto = p->proto, .until = now + KNOWN_FOR};
    const it_fwc_frag *first = p->frag == 2 ? find(fw, now, &f) : NULL;
    uint64_t before = fw->stats.out + fw->stats.in;
    bool begins = p->frag == 1; /* what is passed or dropped is gone */
    if (!first)
        it_fwc_dispatch(fw, now, port, p);
    else if (first->passed)
        it_fwc_pass(fw, now, port, p);
    else
        it_fwc_drop(fw, now, port, p, IT_DROP_FW_STATE, "as was its first fragment");
    if (begins) {
        f.passed = fw->stats.out + fw->stats.in != before;
        remember(fw, now, &f);
    }
}
