/* What a host sends in pieces: the fragments of a UDP or ICMP message that no packet has room for, their
 * identification, and how large a packet the path of IPv6 takes. Putting together is join.c; TCP never comes here, its
 * segments fit.
 *
 * Not here: the rate limit of RFC 6864 section 5.2. Who sends more than 65,536 datagrams to one host in the life of one
 * must expect that fragments of two are mixed, as on a real host; the checksum finds most. */
#include "base/cksum.h"
#include "netsim/host/impl.h"
#include "netsim/core/link.h"

#include <stdio.h>
#include <string.h>

enum {
    HEAD4 = 20,
    HEAD6 = 48 /* with a fragment header */,
    NEXT_FRAGMENT = 44,
    MORE4 = 0x2000,
    DF4 = 0x4000,
    MORE6 = 1
};

#define HOPS 64
#define QUOTE 548 /* bytes of a packet that an error shows: RFC 1812 section 4.3.2.3 */

#define COUNTERS 64             /* of identifications */
#define PATHS 16                /* whose MTU is known; the oldest is forgotten first */
#define TOTAL_MAX 65535         /* bytes of an IPv4 datagram, and behind the header of an IPv6 packet */
#define PMTU_MIN4 68            /* RFC 791 section 3.2 */
#define PMTU_MIN6 1280          /* RFC 8200 section 5 */
#define PMTU_AGE (600 * IT_SEC) /* RFC 1191 section 6.3, RFC 8201 section 4 */

typedef struct path {
    it_ip dst; /* none: unused */
    uint32_t mtu;
    it_time until;
} path;

struct host_frag {
    uint64_t secret;
    uint32_t counter[COUNTERS];
    path paths[PATHS];
    uint32_t next_path;
};

/* The state of |h|, made when new; NULL without memory. Its stream is NAME/frag. */
static struct host_frag *state(it_host *h)
{
    char stream[IT_NAME_MAX + 8];
    it_rng rng;
    if (h->frag)
        return h->frag;
    h->frag = it_calloc(it_world_alloc(h->node.world), 1, sizeof *h->frag);
    if (!h->frag)
        return NULL;
    snprintf(stream, sizeof stream, "%s/frag", h->node.name);
    it_rng_init(&rng, it_world_seed(h->node.world), stream);
    h->frag->secret = it_rng_u64(&rng);
    for (int i = 0; i < COUNTERS; i++)
        h->frag->counter[i] = (uint32_t)it_rng_u64(&rng);
    return h->frag;
}

/* An identification that packets of the same addresses and protocol have not had for long: RFC 6864 section 4.2 (not
 * within the lifetime of a datagram), by the algorithm of RFC 7739 section 5.3, a hash and a counter that a hash picks.
 */
static uint32_t new_id(struct host_frag *f, it_ip src, it_ip dst, uint8_t proto)
{
    uint64_t x = it_hash_mix(it_hash_mix(f->secret, src.hi), src.lo);
    x = it_hash_mix(it_hash_mix(it_hash_mix(x, dst.hi), dst.lo), it_ip_is4(src) ? proto : 0);
    return (uint32_t)(x >> 32) + f->counter[x % COUNTERS]++;
}

/* --- the path's MTU --- */

uint32_t it_host_frag_mtu(const it_host *h, it_time now, int i, it_ip dst)
{
    uint32_t mtu = it_link_mtu(&h->node, i);
    for (int k = 0; h->frag && k < PATHS; k++) {
        const path *p = &h->frag->paths[k];
        if (it_ip_eq(p->dst, dst) && now < p->until && p->mtu < mtu)
            mtu = p->mtu;
    }
    return mtu < IT_PKT_MAX ? mtu : IT_PKT_MAX;
}

uint32_t it_host_size(const it_host *h, it_time now, int iface, it_ip to)
{
    uint32_t head = it_ip_is4(to) ? 28 : 48, mtu = it_host_frag_mtu(h, now, iface, to);
    return mtu > head ? mtu - head : 0;
}

void it_host_frag_learn(it_host *h, it_time now, it_ip dst, uint32_t mtu)
{
    /* RFC 1191 section 3, RFC 8201 section 4: less than the minimum is not believed. */
    if (mtu < (it_ip_is4(dst) ? PMTU_MIN4 : PMTU_MIN6) || !state(h))
        return;
    struct host_frag *f = h->frag;
    int k = 0;
    while (k < PATHS && !it_ip_eq(f->paths[k].dst, dst))
        k++;
    if (k == PATHS)
        k = (int)(f->next_path++ % PATHS);
    else if (now < f->paths[k].until && f->paths[k].mtu <= mtu) /* the same sections: never raised by such a message */
        return;
    f->paths[k] = (path){dst, mtu, now + PMTU_AGE};
}

void it_host_frag_too_big(it_host *h, it_time now, it_pkt *p)
{
    const uint8_t *l4 = it_pkt_l4(p);
    size_t n = (size_t)p->len - p->l4;
    if (n < 8 + 40 || it_host_iface_of(h, it_ip_from_bytes(l4 + 8 + 8, 16)) < 0)
        return; /* not about a packet of ours */
    it_host_frag_learn(h, now, it_ip_from_bytes(l4 + 8 + 24, 16), it_get32(l4 + 4));
}

/* --- out --- */

int it_host_frag_allow(it_host *h, it_pkt *p)
{
    uint8_t *b = it_pkt_ip(p);
    struct host_frag *f = state(h);
    if (!f)
        return IT_ERR_NOMEM;
    it_put16(b + 4, (uint16_t)new_id(f, p->src, p->dst, p->proto));
    it_put16(b + 6, 0);
    it_put16(b + 10, 0);
    it_put16(b + 10, it_sum_fold(it_sum_add(0, b, p->l4)));
    return 0;
}

/* Where a fragment lies in its datagram. */
typedef struct place {
    size_t at, n;
    bool last;
    uint32_t id;
} place;

/* RFC 791 section 3.2. */
static void head4(uint8_t *b, const host_msg *m, const place *w)
{
    it_put16(b, (uint16_t)(0x4500 | m->tos));
    it_put16(b + 2, (uint16_t)(HEAD4 + w->n));
    it_put16(b + 4, (uint16_t)w->id);
    it_put16(b + 6, (uint16_t)(w->at / 8 | (w->last ? 0 : MORE4)));
    b[8] = m->hops ? m->hops : HOPS;
    b[9] = m->proto;
    it_put16(b + 10, 0);
    it_put32(b + 12, it_ip_v4(m->src));
    it_put32(b + 16, it_ip_v4(m->dst));
    it_put16(b + 10, it_sum_fold(it_sum_add(0, b, HEAD4)));
}

/* RFC 8200 section 4.5. */
static void head6(uint8_t *b, const host_msg *m, const place *w)
{
    it_put32(b, 0x60000000u | (uint32_t)m->tos << 20);
    it_put16(b + 4, (uint16_t)(8 + w->n));
    b[6] = NEXT_FRAGMENT;
    b[7] = m->hops ? m->hops : HOPS;
    it_put64(b + 8, m->src.hi);
    it_put64(b + 16, m->src.lo);
    it_put64(b + 24, m->dst.hi);
    it_put64(b + 32, m->dst.lo);
    b[40] = m->proto;
    b[41] = 0;
    it_put16(b + 42, (uint16_t)(w->at | (w->last ? 0 : MORE6)));
    it_put32(b + 44, w->id);
}

/* The fragment of |m| at |w|, NULL without memory. */
static it_pkt *fragment(it_host *h, const host_msg *m, const place *w)
{
    it_pkt *p = it_node_packet(&h->node);
    size_t head = it_ip_is4(m->src) ? HEAD4 : HEAD6;
    if (!p)
        return NULL;
    (head == HEAD4 ? head4 : head6)(it_pkt_ip(p), m, w);
    memcpy(it_pkt_ip(p) + head, m->l4.p + w->at, w->n);
    p->len = (uint16_t)(head + w->n);
    p->label = m->label;
    p->cause = h->cause;
    int err = it_pkt_scan(p);
    IT_ASSERT(err == 0); /* a message begins with its 8 bytes of header, and a fragment has at least those */
    return p;
}

/* Sends a chain of packets; after the first that does not go the rest is freed. */
static int emit_all(it_host *h, it_time now, int i, it_pkt *p)
{
    int err = 0;
    while (p) {
        it_pkt *next = p->next;
        p->next = NULL;
        if (err == 0)
            err = it_host_emit(h, now, i, p);
        else
            it_pkt_free(it_world_pool(h->node.world), p);
        p = next;
    }
    return err;
}

int it_host_frag_send(it_host *h, it_time now, int i, const host_msg *m)
{
    bool v4 = it_ip_is4(m->src);
    size_t head = v4 ? HEAD4 : HEAD6, mtu = it_host_frag_mtu(h, now, i, m->dst);
    size_t most = mtu > head ? (mtu - head) / 8 * 8 : 0;
    struct host_frag *f = state(h);
    it_pkt *first = NULL, **end = &first;
    if (m->l4.n + (v4 ? HEAD4 : 0) > TOTAL_MAX || most == 0)
        return IT_ERR_TOOBIG;
    if (!f)
        return IT_ERR_NOMEM;
    place w = {.id = new_id(f, m->src, m->dst, m->proto)};
    for (; w.at < m->l4.n; w.at += w.n) {
        w.n = m->l4.n - w.at < most ? m->l4.n - w.at : most;
        w.last = w.at + w.n == m->l4.n;
        it_pkt *p = fragment(h, m, &w);
        if (!p) {
            for (it_pkt *next; first; first = next) {
                next = first->next;
                it_pkt_free(it_world_pool(h->node.world), first);
            }
            return IT_ERR_NOMEM;
        }
        *end = p;
        end = &p->next;
    }
    h->sent = first->id;
    return emit_all(h, now, i, first);
}

/* --- what must not be cut --- */

void it_host_frag_refuse(it_host *h, int i, const host_msg *m, size_t total, uint32_t mtu)
{
    bool v4 = it_ip_is4(m->src);
    uint8_t quote[QUOTE] = {0};
    size_t head = v4 ? HEAD4 : HEAD6 - 8, n = m->l4.n < QUOTE - head ? m->l4.n : QUOTE - head;
    const place whole = {.n = total, .last = true};
    it_pkt *p = it_node_packet(&h->node);
    if (!p) {
        it_node_oom(&h->node);
        return;
    }
    if (v4) {
        head4(quote, m, &whole);
        it_put16(quote + 6, DF4);
        it_put16(quote + 10, 0);
        it_put16(quote + 10, it_sum_fold(it_sum_add(0, quote, HEAD4)));
    } else {
        head6(quote, m, &whole);
        it_put16(quote + 4, (uint16_t)total);
        quote[6] = m->proto;
    }
    memcpy(quote + head, m->l4.p, n);
    it_pkt_icmp_msg e = {.src = m->src, .dst = m->src, .type = v4 ? 3 : 2, .code = v4 ? 4 : 0, .rest = mtu};
    e.body = it_bytes_of(quote, head + n);
    int err = it_pkt_icmp(p, &e);
    IT_ASSERT(err == 0); /* it has room, and one family */
    it_host_receive(h, i, p);
}
