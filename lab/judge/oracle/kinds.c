/* Kinds of pairs that hang on which side is first. */
#include "lab/judge/oracle/impl.h"

/* Whether a box before side |who| gives each far address a port of its own. */
static bool is_remapped(const it_oracle_query *q, int who, bool tcp)
{
    for (int i = 0; i < q->side[who].n_bases; i++)
        for (int net = q->side[who].base[i].net; net > 0; net = q->box[net - 1].outer) {
            const it_oracle_box *b = &q->box[net - 1];
            uint8_t mapping = tcp ? b->u.nat.tcp.mapping : b->u.nat.mapping;
            if (b->kind == IT_ORACLE_NAT && mapping != IT_ORACLE_EI && !b->u.nat.one2one)
                return true;
        }
    return false;
}

/* The other name of |cand|, of who may be seen by the port that the STUN server told of or by another one. */
static int other_name(int cand)
{
    if (cand == IT_ORACLE_SRFLX)
        return IT_ORACLE_PRFLX;
    return cand == IT_ORACLE_PRFLX ? IT_ORACLE_SRFLX : cand;
}

uint32_t it_orc_either_first(const it_oracle_query *q, int who, bool tcp, uint32_t pairs)
{
    bool own = is_remapped(q, who, tcp), far = is_remapped(q, 1 - who, tcp);
    uint32_t out = pairs;
    for (int l = 0; l < IT_ORACLE_CANDS; l++)
        for (int r = 0; r < IT_ORACLE_CANDS; r++) {
            if (!(pairs >> (4 * l + r) & 1))
                continue;
            int x = own ? other_name(l) : l, y = far ? other_name(r) : r;
            out |= 1u << (4 * x + r) | 1u << (4 * l + y) | 1u << (4 * x + y);
        }
    return out;
}
