/* Fragments (RFC 4787 section 11, RFC 6146 section 3.4): each is translated as it is; only a box like netfilter puts
 * datagrams together first (netsim/box/defrag.h), and sends them on in the pieces they came in.
 *
 * The first fragment has the ports and goes the way of any packet; where it was sent decides for those behind it. A
 * fragment that comes before the first waits for it, for two seconds, in bounded room: a flood of fragments costs
 * others only what would come out of order (REQ-14a). Datagrams known are forgotten oldest first. */
#include "netsim/nat/impl.h"

#include "base/cksum.h"

#define DATAGRAMS_MAX 1024      /* known at once */
#define HELD_MAX 64             /* fragments waiting at once: more than the 45 of the largest datagram */
#define WAIT_MIN (2 * IT_SEC)   /* FRAGMENT_MIN of RFC 6146 section 4 */
#define KNOWN_FOR (30 * IT_SEC) /* RFC 1122 section 3.3.2 leaves hosts 60 s at least; netfilter has 30 */

enum { ID_AT = 4, SUM_AT = 10 };

static void key_of(uint64_t key[2], int port, it_pkt *p)
{
    key[0] = (uint64_t)it_ip_v4(p->src) << 32 | it_ip_v4(p->dst);
    key[1] = (uint64_t)p->proto << 24 | (uint64_t)it_get16(it_pkt_ip(p) + ID_AT) << 8 | (uint64_t)port;
}

static void set_id(it_pkt *p, uint16_t id)
{
    uint8_t *b = it_pkt_ip(p);
    it_put16(b + SUM_AT, it_cksum_fix16(it_get16(b + SUM_AT), it_get16(b + ID_AT), id));
    it_put16(b + ID_AT, id);
}

/* The identification under which a datagram leaves by |port|: outside, one that no other host's has. RFC 6864
 * section 5.3.1. */
static uint16_t fresh_id(it_nat *nat, int port, it_pkt *p)
{
    if (port == IT_NAT_LAN || nat->p.fragments == IT_NAT_FRAGMENTS_REASSEMBLE) /* as netfilter does */
        return it_get16(it_pkt_ip(p) + ID_AT);
    return ++nat->ip_id;
}

/* --- the table --- */

static void drop_list(it_nat *nat, it_time now, it_pkt *list, it_natc_no no)
{
    while (list) {
        it_pkt *p = list;
        list = p->next;
        p->next = NULL;
        it_natc_drop(nat, now, (int)p->at, p, no);
    }
}

static void drop_held(it_nat *nat, it_time now, uint32_t i, const char *why)
{
    it_natc_frag *f = &nat->frags[i];
    while (f->held) {
        it_pkt *p = f->held;
        f->held = p->next;
        p->next = NULL;
        nat->frag_held--;
        it_natc_drop(nat, now, (int)(f->key[1] & 1), p, (it_natc_no){IT_DROP_NAT_FRAGMENT, why});
    }
    f->held_tail = NULL;
}

bool it_natc_frag_uses(const it_nat *nat, uint32_t src)
{
    uint32_t pos = 0, i;
    const uint64_t *key;
    while (it_map_next(&nat->frag_by, &pos, &key, &i))
        if (key[0] >> 32 == src)
            return true;
    return false;
}

static void frag_forget(it_nat *nat, it_time now, uint32_t i, const char *why)
{
    drop_held(nat, now, i, why);
    it_map_del(&nat->frag_by, nat->frags[i].key);
    nat->frags[i].gen++;
    it_natc_give(&nat->pool_f, i);
    uint32_t src = (uint32_t)(nat->frags[i].key[0] >> 32);
    if (nat->p.family && !it_natc_frag_uses(nat, src))
        it_natc64_release(nat, src);
}

void it_natc_frag_timer(it_nat *nat, it_time now, uint32_t i, uint32_t gen)
{
    it_natc_frag *f = &nat->frags[i];
    if (f->gen != gen)
        return;
    if (f->until <= now)
        frag_forget(nat, now, i, "its first fragment did not come");
    else if (it_natc_timer(nat, f->until, IT_NATC_T_FRAG, i, gen) < 0)
        it_node_oom(&nat->node);
}

void it_natc_frag_flush(it_nat *nat, it_time now)
{
    uint32_t pos = 0, i;
    const uint64_t *key;
    while (it_map_next(&nat->frag_by, &pos, &key, &i))
        frag_forget(nat, now, i, "the box lost its state");
    for (it_pkt *list; (list = it_defrag_flush(&nat->defrag)) != NULL;)
        drop_list(nat, now, list, (it_natc_no){IT_DROP_NAT_FRAGMENT, "the box lost its state"});
}

/* The datagram |key|, made when new; IT_NATC_NONE without memory. */
static uint32_t datagram(it_nat *nat, it_time now, const uint64_t key[2])
{
    uint32_t i = it_map_get(&nat->frag_by, key), pos = 0, oldest;
    const uint64_t *k;
    if (i != IT_MAP_NONE)
        return i;
    if (nat->frag_by.n >= DATAGRAMS_MAX && it_map_next(&nat->frag_by, &pos, &k, &oldest))
        frag_forget(nat, now, oldest, "too many datagrams in fragments");
    i = it_natc_take(nat, &nat->pool_f, sizeof *nat->frags);
    nat->frags = nat->pool_f.v;
    if (i == IT_NATC_NONE) {
        it_node_oom(&nat->node);
        return i;
    }
    it_natc_frag *f = &nat->frags[i];
    *f = (it_natc_frag){.key = {key[0], key[1]}, .until = now + WAIT_MIN, .gen = f->gen, .state = IT_NATC_F_WAITING};
    if (it_map_put(&nat->frag_by, key, i) < 0 || it_natc_timer(nat, f->until, IT_NATC_T_FRAG, i, f->gen) < 0) {
        it_map_del(&nat->frag_by, key);
        it_natc_give(&nat->pool_f, i);
        it_node_oom(&nat->node);
        return IT_NATC_NONE;
    }
    return i;
}

/* --- the fragments --- */

/* Sends later fragment |p| after its first one. */
static void frag_follow(it_nat *nat, it_time now, int port, it_pkt *p, uint32_t i)
{
    it_natc_frag f = nat->frags[i];
    it_natc_way w = it_natc_way_of(now, port);
    if (f.state == IT_NATC_F_DROPPED) {
        it_natc_drop(nat, now, port, p, (it_natc_no){IT_DROP_NAT_FRAGMENT, "its first fragment was dropped"});
        return;
    }
    if (!it_natc_forward(nat, &w, f.to, p))
        return;
    it_pkt_set_src(p, it_ip4(f.src), 0);
    it_pkt_set_dst(p, it_ip4(f.dst), 0);
    set_id(p, f.id);
    nat->frags[i].until = now + KNOWN_FOR;
    it_natc_send(nat, &w, f.to, p);
}

/* Keeps later fragment |p| until the first one comes. */
static void wait_for_first(it_nat *nat, it_time now, int port, it_pkt *p, uint32_t i)
{
    it_natc_frag *f = &nat->frags[i];
    bool waits = nat->p.fragments == IT_NAT_FRAGMENTS_ANY; /* RFC 4787 section 11: "out of order" */
    if (!waits || nat->frag_held >= HELD_MAX) {
        const char *why = waits ? "too many fragments wait" : "ahead of its first one";
        it_natc_drop(nat, now, port, p, (it_natc_no){IT_DROP_NAT_FRAGMENT, why});
        if (!f->held)
            frag_forget(nat, now, i, "");
        return;
    }
    p->next = NULL;
    *(f->held ? &f->held_tail->next : &f->held) = p;
    f->held_tail = p;
    nat->frag_held++;
}

/* First fragment |p|: as a whole packet. What became of it becomes of the others. */
static void first(it_nat *nat, it_time now, int port, it_pkt *p, uint32_t i)
{
    it_natc_way w = it_natc_way_of(now, port);
    nat->frags[i].state = IT_NATC_F_DROPPED;
    nat->frags[i].until = now + KNOWN_FOR;
    w.dgram = i;
    it_natc_dispatch(nat, &w, p);
    if (nat->frags[i].state == IT_NATC_F_DROPPED) {
        drop_held(nat, now, i, "its first fragment was dropped");
        return;
    }
    while (nat->frags[i].held) {
        it_natc_frag *f = &nat->frags[i];
        it_pkt *q = f->held;
        f->held = q->next;
        q->next = NULL;
        nat->frag_held--;
        frag_follow(nat, now, port, q, i);
    }
}

/* --- put together --- */

/* How many bytes behind the IP header a translation of datagram |list| reaches. */
static uint32_t headers_of(const it_pkt *list)
{
    if (list->proto == IT_PROTO_TCP)
        return 20;
    if (list->proto != IT_PROTO_ICMP || !it_pkt_is_icmp_error(list))
        return 8;
    bool tcp = list->len > list->l4 + 17 && list->buf[list->head + list->l4 + 17] == IT_PROTO_TCP;
    return tcp ? 48 : 36; /* the packet inside: its header, and 20 or 8 bytes of it */
}

/* The sizes of the fragments of datagram |list|. Where the first one has not all that is translated, Linux copies it
 * together, and then cuts the whole evenly, as the largest of them. */
static struct it_natc_cut cut_of(const it_pkt *list)
{
    struct it_natc_cut c = {.n = 0};
    for (const it_pkt *q = list; q && c.n < IT_NATC_PIECES; q = q->next) {
        c.size[c.n++] = (uint16_t)(q->len - (q->buf[q->head] & 15) * 4);
        c.largest = q->len > c.largest ? q->len : c.largest;
    }
    if (c.size[0] >= headers_of(list))
        return c;
    uint16_t even = (uint16_t)((c.largest - list->l4) & ~7);
    for (c.n = 0; c.n < IT_NATC_PIECES; c.n++)
        c.size[c.n] = even;
    return c;
}

/* Writes the first fragment's type of service and hop limit, and DF as |df| says, into the header of |p|: the datagram
 * was one, and is cut anew. */
static void same_header(it_pkt *p, const it_pkt *first)
{
    uint8_t *b = it_pkt_ip(p);
    b[1] = first->buf[first->head + 1];
    b[8] = first->buf[first->head + 8];
    it_put16(b + 10, 0);
    it_put16(b + 10, it_sum_fold(it_sum_add(0, b, (size_t)(b[0] & 15) * 4)));
}

/* Datagram |list| is larger than a packet here may be: its first fragment finds the way, the others follow. */
static void pass_list(it_nat *nat, it_time now, int port, it_pkt *list)
{
    uint64_t key[2];
    it_pkt *rest = list->next, *q;
    key_of(key, port, list);
    list->next = NULL;
    uint32_t i = datagram(nat, now, key);
    if (i == IT_NATC_NONE) {
        list->next = rest;
        drop_list(nat, now, list, (it_natc_no){IT_DROP_NAT_LIMIT, "out of memory"});
        return;
    }
    for (q = rest; q; q = q->next)
        same_header(q, list);
    first(nat, now, port, list, i);
    for (; (q = rest) != NULL; frag_follow(nat, now, port, q, i)) {
        rest = q->next;
        q->next = NULL;
    }
    frag_forget(nat, now, i, "");
}

/* Datagram |list| is whole: translates it as one packet. */
static void pass_whole(it_nat *nat, it_time now, int port, it_pkt *list)
{
    struct it_natc_cut cut = cut_of(list);
    if (nat->p.verify && !it_defrag_sum_ok(list)) {
        drop_list(nat, now, list, (it_natc_no){IT_DROP_CHECKSUM, "put together"});
        return;
    }
    if (!it_defrag_merge(list)) {
        pass_list(nat, now, port, list);
        return;
    }
    for (it_pkt *q = list->next, *next; q; q = next) {
        next = q->next;
        it_pkt_free(it_world_pool(nat->node.world), q);
    }
    list->next = NULL;
    it_natc_way w = it_natc_way_of(now, port);
    w.cut = &cut;
    it_natc_dispatch(nat, &w, list);
}

static void reassemble(it_nat *nat, it_time now, int port, it_pkt *p)
{
    p->at = port;
    it_defrag_out o = it_defrag_input(&nat->defrag, now, p, nat->p.reassembly.timeout, nat->p.reassembly.memory);
    nat->node.stirred = true;
    if (o.fate == IT_DEFRAG_DROPS)
        drop_list(nat, now, o.list, (it_natc_no){o.reason, o.why});
    else if (o.fate == IT_DEFRAG_WHOLE)
        pass_whole(nat, now, port, o.list);
}

void it_natc_frag_expire(it_nat *nat, it_time now)
{
    for (it_pkt *list; (list = it_defrag_expired(&nat->defrag, now)) != NULL;) {
        /* RFC 792: who has sent the first fragment is told, where the datagram was for the box's own address, as far as
         * it could know; so does Linux, and for what it would forward it says nothing. */
        it_pkt *rest = list->next;
        int port = (int)list->at;
        uint32_t dst = it_ip_v4(list->dst);
        bool tells = list->frag == 1 && (it_natc_is_ext(nat, dst) || (port == IT_NAT_LAN && dst == nat->own));
        it_natc_no no = {IT_DROP_FRAG_TIMEOUT, NULL};
        it_refusal m = it_refusal_of(4, IT_REFUSE_REASSEMBLY, list->dst, no.reason);
        list->next = NULL;
        if (tells)
            it_natc_refuse(nat, now, port, list, &m);
        else
            drop_list(nat, now, list, no);
        drop_list(nat, now, rest, no);
    }
}

/* --- the way in and out --- */

void it_natc_fragment(it_nat *nat, it_time now, int port, it_pkt *p)
{
    uint64_t key[2];
    if (nat->p.fragments == IT_NAT_FRAGMENTS_REASSEMBLE) {
        reassemble(nat, now, port, p);
        return;
    }
    if (nat->p.fragments == IT_NAT_FRAGMENTS_NONE) {
        it_natc_drop(nat, now, port, p, (it_natc_no){IT_DROP_NAT_FRAGMENT, "the box drops fragments"});
        return;
    }
    key_of(key, port, p);
    uint32_t i = datagram(nat, now, key);
    if (i == IT_NATC_NONE)
        it_natc_drop(nat, now, port, p, (it_natc_no){IT_DROP_NAT_LIMIT, "out of memory"});
    else if (p->frag == 1)
        first(nat, now, port, p, i);
    else if (nat->frags[i].state == IT_NATC_F_WAITING)
        wait_for_first(nat, now, port, p, i);
    else
        frag_follow(nat, now, port, p, i);
}

void it_natc_frag_learn(it_nat *nat, const it_natc_way *w, int to, it_pkt *p)
{
    if (w->dgram != IT_NATC_NONE) {
        it_natc_frag *f = &nat->frags[w->dgram];
        f->state = IT_NATC_F_KNOWN;
        f->to = (uint8_t)to;
        f->src = it_ip_v4(p->src);
        f->dst = it_ip_v4(p->dst);
        f->id = fresh_id(nat, to, p);
        set_id(p, f->id);
    }
    if (w->mtu)
        it_natc_frag_send(nat, w, to, p);
    else
        it_natc_emit(nat, w->now, to, p);
}

void it_natc_frag_send(it_nat *nat, const it_natc_way *w, int to, it_pkt *p)
{
    it_split s = {.p = p};
    uint32_t header = (uint32_t)(it_pkt_ip(p)[0] & 15) * 4, mtu = w->mtu;
    if (p->frag == 0)
        set_id(p, fresh_id(nat, to, p));
    for (uint32_t i = 0; s.p; i++) {
        if (w->cut)
            mtu = header + (w->cut->size[i] + 7u) / 8 * 8;
        it_pkt *q = it_split_next(&s, &nat->node, mtu);
        if (!q) {
            it_natc_drop(nat, w->now, to, s.p, (it_natc_no){IT_DROP_MTU, "no room for a fragment"});
            return;
        }
        it_natc_emit(nat, w->now, to, q);
    }
}
