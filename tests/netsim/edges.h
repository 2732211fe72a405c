/* Two raw edges joined by one link, and a record of what observers saw: for tests of the world and of links. */
#ifndef IT_TESTS_NETSIM_EDGES_H
#define IT_TESTS_NETSIM_EDGES_H

#include "netsim/core/link.h"
#include "netsim/core/world.h"

#include <check.h>
#include <string.h>

#define SEEN_MAX 4096

typedef struct seen_line {
    enum it_seen kind;
    it_time now;
    uint32_t node;
    int port;
    uint64_t id;
    enum it_drop reason;
    uint16_t len;
    char note[40];
} seen_line;

typedef struct seen_log {
    size_t n;
    seen_line v[SEEN_MAX];
} seen_log;

typedef struct rig {
    it_alloc alloc;
    it_world *w;
    it_node *a, *b;
    int link;
    seen_log log;
} rig;

static inline void log_see(void *self, const it_seen_packet *s)
{
    seen_log *l = self;
    ck_assert(l->n < SEEN_MAX);
    seen_line *x = &l->v[l->n++];
    memset(x, 0, sizeof *x);
    x->kind = s->kind;
    x->now = s->now;
    x->node = s->node->index;
    x->port = s->port;
    x->reason = s->reason;
    if (s->packet) {
        x->id = s->packet->id;
        x->len = s->packet->len;
    }
    if (s->note)
        strncpy(x->note, s->note, sizeof x->note - 1);
}

/* How many lines of |kind| (and of |reason|, for drops) there are. */
static inline size_t log_count(const seen_log *l, enum it_seen kind, enum it_drop reason)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        n += l->v[i].kind == kind && (kind != IT_SEEN_DROP || l->v[i].reason == reason);
    return n;
}

static inline void rig_open(rig *r, uint64_t seed, const char *name, const it_link_dir_cfg *there,
                            const it_link_dir_cfg *back)
{
    it_link_dir_cfg none = {0};
    it_link_cfg cfg = {name, {there ? *there : none, back ? *back : none}};
    memset(r, 0, sizeof *r);
    it_alloc_init(&r->alloc);
    r->w = it_world_new(&(it_world_cfg){&r->alloc, seed});
    r->a = it_edge_new(r->w, "a", "eth");
    r->b = it_edge_new(r->w, "b", "eth");
    ck_assert(r->a && r->b);
    r->link = it_link_new(r->w, &cfg, r->a, 0, r->b, 0);
    ck_assert_int_eq(r->link, 0);
    ck_assert_int_eq(it_world_observe(r->w, (it_observer){&r->log, log_see}), 0);
}

static inline void rig_close(rig *r)
{
    it_world_free(r->w);
    ck_assert_int_eq(r->alloc.live, 0);
}

/* Writes a UDP packet of |len| bytes from 10.0.0.1 to 10.0.0.2 to |out|. */
static inline it_bytes udp_bytes(uint8_t out[IT_PKT_MAX], size_t len)
{
    static const uint8_t zeros[IT_PKT_MAX];
    it_alloc alloc;
    it_pkt_pool pool;
    it_alloc_init(&alloc);
    it_pkt_pool_init(&pool, &alloc);
    it_pkt *p = it_pkt_new(&pool);
    it_addr src = it_addr_of(it_ip4(0x0a000001), 1000), dst = it_addr_of(it_ip4(0x0a000002), 2000);
    ck_assert(len >= 28);
    ck_assert_int_eq(it_pkt_udp(p, src, dst, it_bytes_of(zeros, len - 28)), 0);
    memcpy(out, it_pkt_ip(p), p->len);
    it_pkt_pool_fini(&pool);
    return it_bytes_of(out, len);
}

/* Sends a packet of |len| bytes from |edge| at the world's time. */
static inline void edge_put(rig *r, it_node *edge, size_t len, uint16_t label)
{
    uint8_t buf[IT_PKT_MAX];
    ck_assert_int_eq(it_edge_send(edge, it_world_now(r->w), udp_bytes(buf, len), label), 0);
}

/* Runs to |until| without taking anything on the way; what arrives is counted and freed. */
static inline size_t rig_run(rig *r, it_time until)
{
    size_t n = 0;
    int err;
    while ((err = it_world_run(r->w, until)) == 1) {
        it_pkt *p = it_edge_take(it_world_ready(r->w));
        if (!p)
            continue;
        n++;
        it_pkt_free(it_world_pool(r->w), p);
    }
    ck_assert_int_eq(err, 0);
    return n;
}

#endif
