/* Which external endpoint a new mapping gets: RFC 4787 sections 4.1 (pooling) and 4.2 (ports). */
#include "lab/judge/oracle/impl.h"

uint32_t it_orc_symbol(it_orc *o, uint16_t lo, uint16_t hi)
{
    uint32_t n = o->next_symbol++;
    o->lo[n % IT_ORC_RANGES] = lo;
    o->hi[n % IT_ORC_RANGES] = hi;
    return IT_ORC_SYMBOL + n;
}

void it_orc_port_range(const it_orc *o, uint32_t port, uint16_t *lo, uint16_t *hi)
{
    if (port < IT_ORC_SYMBOL) {
        *lo = *hi = (uint16_t)port;
        return;
    }
    *lo = o->lo[(port - IT_ORC_SYMBOL) % IT_ORC_RANGES];
    *hi = o->hi[(port - IT_ORC_SYMBOL) % IT_ORC_RANGES];
}

int it_orc_session_at(const it_orc *o, int box, it_orc_end ext, it_orc_end remote)
{
    for (int i = o->n_sessions - 1; i >= 0; i--) {
        const it_orc_session *s = &o->session[i];
        if (s->box == box && it_orc_same(s->ext, ext) && it_orc_same(s->remote, remote))
            return i;
    }
    return -1;
}

int it_orc_map_at(const it_orc *o, int box, it_orc_end ext, uint32_t before)
{
    int best = -1;
    for (int i = 0; i < o->n_maps; i++) {
        const it_orc_map *m = &o->map[i];
        if (m->box == box && m->made < before && it_orc_same(m->ext, ext) && (best < 0 || m->made > o->map[best].made))
            best = i;
    }
    return best;
}

/* Whether |ext| may be had for |remote|: nobody has it, or only towards others where ports are overloaded (RFC 4787
 * section 4.2.1, RFC 7857 section 3). */
static bool is_free(const it_orc *o, int box, it_orc_end ext, it_orc_end remote)
{
    if (it_orc_session_at(o, box, ext, remote) >= 0)
        return false;
    return o->q->box[box].u.nat.overload || it_orc_map_at(o, box, ext, UINT32_MAX) < 0;
}

/* Whether the port of |in| can be kept as far as ranges go. A symbol that may lie on either side of an edge lies where
 * the variant says. */
static bool in_range(const it_orc *o, const it_oracle_nat *n, uint32_t port)
{
    uint16_t lo, hi, least = n->classes ? 1 : n->lo;
    it_orc_port_range(o, port, &lo, &hi);
    if (n->blocks || lo > n->hi || hi < least)
        return false;
    return (lo >= least && hi <= n->hi) || !o->v.edge;
}

/* The address that the external endpoint of |in| is to have. */
static it_ip address_for(it_orc *o, const it_oracle_box *b, it_ip host)
{
    uint32_t n = b->n_ext, i = 0;
    if (n < 2)
        return b->ext[0];
    if (b->u.nat.arbitrary) {
        if (o->v.pool == 1)
            i = o->turn++;
        else if (o->v.pool == 2)
            i = (uint32_t)it_rng_below(&o->rng, n);
        return b->ext[i % n];
    }
    /* RFC 4787 REQ-2: paired, by whatever rule. Hosts behind one box may share an address or not; what meets is told by
     * its own endpoints either way. */
    for (int k = 0; k < 2 * IT_ORACLE_SOCKETS; k++) {
        const it_oracle_side *s = &o->q->side[k / IT_ORACLE_SOCKETS];
        if (k % IT_ORACLE_SOCKETS < s->n_bases && it_ip_eq(s->base[k % IT_ORACLE_SOCKETS].ip, host))
            i = (uint32_t)k / IT_ORACLE_SOCKETS;
    }
    return b->ext[i % n];
}

bool it_orc_few_ports(const it_oracle_nat *n)
{
    return n->hi - n->lo < 256;
}

/* Notes that the port of an ended mapping may be given again, where there are few: that it is another one than all
 * before is what symbols take for granted. */
static void note_reuse(it_orc *o, int box, const it_oracle_nat *n)
{
    uint32_t live = 0;
    for (int i = 0; i < o->n_maps; i++)
        live += o->map[i].box == box;
    if (o->given[box] > live && it_orc_few_ports(n))
        it_orc_saw(o, IT_ORC_SAW_SCARCE, box);
    o->given[box]++;
}

bool it_orc_alloc(it_orc *o, int box, it_orc_end in, it_orc_end remote, it_orc_end *ext)
{
    const it_oracle_box *b = &o->q->box[box];
    const it_oracle_nat *n = &b->u.nat;
    *ext = (it_orc_end){address_for(o, b, in.ip), in.port};
    if (n->one2one)
        return true; /* RFC 3022 section 2.1 */
    if (n->preserve && in_range(o, n, in.port)) {
        if (is_free(o, box, *ext, remote) || n->clash == IT_ORACLE_CLASH_SHARE)
            return true;
    }
    if (n->preserve && n->clash == IT_ORACLE_CLASH_DROP) {
        it_orc_saw(o, IT_ORC_SAW_CLASH, box);
        return false;
    }
    note_reuse(o, box, n);
    ext->port = it_orc_symbol(o, n->lo, n->hi); /* a port like no other */
    return true;
}
