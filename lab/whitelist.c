/* Reads packets of model E hosts as they pass and counts what should not have left. */
#include "lab/whitelist.h"

#include "base/map.h"
#include "stack/stun/msg.h"

#include <stdio.h>

struct it_whitelist {
    it_alloc *alloc;
    it_map ports;   /* (node, port) of model E sockets */
    it_map pending; /* (transaction id, node, destination) of requests */
    it_map allowed; /* (node and port, remote ip, remote port) */
    uint64_t violations;
    bool oom;
    char first[128];
};

static bool is_watched(const it_whitelist *x, const it_node *n, uint16_t port)
{
    uint64_t key[2] = {n->index, port};
    return it_map_get(&x->ports, key) != IT_MAP_NONE;
}

/* A request is known by its id, its sender and where it went: a response from elsewhere answers nothing. */
static void txid_key(uint64_t key[5], const it_stun_msg *m, const it_node *n, it_addr far)
{
    key[0] = it_get64(m->txid);
    key[1] = (uint64_t)it_get32(m->txid + 8) << 32 | n->index;
    key[2] = far.ip.hi;
    key[3] = far.ip.lo;
    key[4] = far.port;
}

static void on_send(it_whitelist *x, const it_seen_packet *s)
{
    const it_pkt *p = s->packet;
    it_bytes d = it_pkt_payload(p);
    it_stun_msg m;
    if (it_stun_is(d) && it_stun_parse(&m, d) == 0 && m.method == IT_STUN_BINDING) {
        uint64_t key[5];
        txid_key(key, &m, s->node, it_addr_of(p->dst, p->dport));
        if (m.cls == IT_STUN_REQUEST && it_map_put(&x->pending, key, 1) < 0)
            x->oom = true;
        return; /* checks, responses and indications of the Binding method are what is permitted */
    }
    uint64_t key[4] = {(uint64_t)s->node->index << 16 | p->sport, p->dst.hi, p->dst.lo, p->dport};
    if (it_map_get(&x->allowed, key) != IT_MAP_NONE)
        return;
    if (x->violations++ == 0) {
        char to[IT_ADDR_TEXT];
        snprintf(x->first, sizeof x->first, "%s sent %u bytes to %s", s->node->name, (unsigned)d.n,
                 it_addr_text(it_addr_of(p->dst, p->dport), to));
    }
}

static void on_recv(it_whitelist *x, const it_seen_packet *s)
{
    const it_pkt *p = s->packet;
    it_bytes d = it_pkt_payload(p);
    it_stun_msg m;
    if (!it_stun_is(d) || it_stun_parse(&m, d) < 0 || m.method != IT_STUN_BINDING || m.cls != IT_STUN_SUCCESS)
        return;
    uint64_t txid[5];
    txid_key(txid, &m, s->node, it_addr_of(p->src, p->sport));
    /* A STUN server's plain answer has no integrity: it permits nothing. */
    if (it_map_get(&x->pending, txid) == IT_MAP_NONE || !it_stun_get(&m, IT_STUN_MESSAGE_INTEGRITY))
        return;
    uint64_t key[4] = {(uint64_t)s->node->index << 16 | p->dport, p->src.hi, p->src.lo, p->sport};
    if (it_map_put(&x->allowed, key, 1) < 0)
        x->oom = true;
}

static void see(void *self, const it_seen_packet *s)
{
    it_whitelist *x = self;
    if (!s->packet || s->packet->proto != IT_PROTO_UDP || s->packet->frag == 2)
        return;
    if (s->kind == IT_SEEN_SEND && is_watched(x, s->node, s->packet->sport))
        on_send(x, s);
    else if (s->kind == IT_SEEN_RECV && is_watched(x, s->node, s->packet->dport))
        on_recv(x, s);
}

it_whitelist *it_whitelist_new(it_alloc *alloc, it_world *w)
{
    it_whitelist *x = it_calloc(alloc, 1, sizeof *x);
    if (!x)
        return NULL;
    x->alloc = alloc;
    it_map_init(&x->ports, alloc, 2);
    it_map_init(&x->pending, alloc, 5);
    it_map_init(&x->allowed, alloc, 4);
    if (it_world_observe(w, (it_observer){x, see}) < 0) {
        it_whitelist_free(x);
        return NULL;
    }
    return x;
}

void it_whitelist_free(it_whitelist *x)
{
    if (!x)
        return;
    it_map_fini(&x->ports);
    it_map_fini(&x->pending);
    it_map_fini(&x->allowed);
    it_free(x->alloc, x);
}

int it_whitelist_watch(it_whitelist *x, const it_node *host, uint16_t port)
{
    uint64_t key[2] = {host->index, port};
    return it_map_put(&x->ports, key, 1);
}

uint64_t it_whitelist_count(const it_whitelist *x, char text[128])
{
    snprintf(text, 128, "%s", x->oom ? "out of memory while watching" : x->first);
    return x->violations + (x->oom ? 1 : 0);
}
