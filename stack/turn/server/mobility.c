/* Mobility (RFC 8016): a ticket moves an allocation to another 5-tuple.
 *
 * A ticket is a random handle of 128 bits with a MAC of 128 bits: it tells nothing, and one that was not made here is
 * told from one whose allocation is gone. */
#include "stack/turn/server/impl.h"

static void ticket_write(const it_turn_server *s, it_turn_handle h, uint8_t out[IT_TURN_TICKET])
{
    uint8_t mac[IT_SHA256_SIZE];
    it_put64(out, h.hi);
    it_put64(out + 8, h.lo);
    it_hmac_sha256(&s->ticket, mac, it_bytes_of(out, 16), it_bytes_of(NULL, 0));
    memcpy(out + 16, mac, 16);
}

/* Reads a ticket of ours; false for any other. */
static bool ticket_read(const it_turn_server *s, it_bytes v, it_turn_handle *h)
{
    uint8_t want[IT_TURN_TICKET];
    if (v.n != IT_TURN_TICKET)
        return false;
    *h = (it_turn_handle){it_get64(v.p), it_get64(v.p + 8)};
    ticket_write(s, *h, want);
    return it_equal_ct(want, v.p, sizeof want);
}

int it_turn_ticket_new(it_turn_server *s, uint32_t i)
{
    it_turn_handle h;
    h.hi = it_drbg_u64(&s->secrets);
    h.lo = it_drbg_u64(&s->secrets);
    if (it_map_put(&s->t.by_ticket, &h.hi, i) < 0)
        return IT_ERR_NOMEM;
    it_turn_allocation *a = it_turn_allocation_at(&s->t, i);
    a->ticket = h;
    a->mobile = true;
    return 0;
}

void it_turn_ticket_put(const it_turn_server *s, const it_turn_allocation *a, it_buf *b)
{
    uint8_t v[IT_TURN_TICKET];
    ticket_write(s, a->ticket, v);
    it_stun_put(b, IT_STUN_MOBILITY_TICKET, it_bytes_of(v, sizeof v));
}

static bool same_leg(const it_turn_leg *a, const it_turn_leg *b)
{
    return a->flow == b->flow && it_addr_eq(a->remote, b->remote);
}

static bool same_handle(it_turn_handle a, it_turn_handle b)
{
    return a.hi == b.hi && a.lo == b.lo;
}

/* RFC 8016 section 3.2.2: the old ticket is good for a retransmission of the request that used it. */
static bool is_move_again(const it_turn_allocation *a, const it_turn_job *j, it_turn_handle h)
{
    const it_turn_leg *at = a->moving ? &a->next_leg : &a->leg;
    return same_handle(h, a->old_ticket) && memcmp(a->move_txid, j->req.txid, sizeof a->move_txid) == 0 &&
           same_leg(at, &j->leg) && j->now - a->moved <= IT_TURN_OLD_TICKET_LIFE;
}

/* Puts allocation |i| on its way to |j|'s 5-tuple, with a new ticket. Returns 0 or IT_ERR_NOMEM. */
static int move_start(it_turn_server *s, it_turn_job *j, uint32_t i, it_turn_handle used)
{
    it_turn_allocation *a = it_turn_allocation_at(&s->t, i);
    it_turn_handle older = a->old_ticket;
    if (it_turn_table_link(&s->t, &j->leg, i) < 0)
        return IT_ERR_NOMEM;
    if (it_turn_ticket_new(s, i) < 0) {
        it_turn_table_unlink(&s->t, &j->leg);
        return IT_ERR_NOMEM;
    }
    it_map_del(&s->t.by_ticket, &older.hi);
    if (a->moving) /* it has moved on before anything came from there */
        it_turn_table_unlink(&s->t, &a->next_leg);
    a->old_ticket = used;
    memcpy(a->move_txid, j->req.txid, sizeof a->move_txid);
    a->moved = j->now;
    if (a->cut) { /* there is no old 5-tuple any more */
        a->leg = j->leg;
        a->cut = a->moving = false;
        return 0;
    }
    a->moving = true;
    a->next_leg = j->leg;
    return 0;
}

void it_turn_move(it_turn_server *s, it_turn_job *j)
{
    it_turn_handle h;
    uint32_t here = j->allocation;
    if (!s->cfg.mobility) {
        j->code = 405;
        return;
    }
    if (!ticket_read(s, it_stun_get(&j->req, IT_STUN_MOBILITY_TICKET)->value, &h)) {
        j->code = 400;
        return;
    }
    uint32_t i = it_map_get(&s->t.by_ticket, &h.hi);
    if (i == IT_MAP_NONE) {
        j->code = 437;
        return;
    }
    const it_turn_allocation *a = it_turn_allocation_at(&s->t, i);
    j->allocation = i;
    j->ticket = true;
    if (a->user != j->user) {
        j->code = 441;
        return;
    }
    if (is_move_again(a, j, h))
        return;
    if (!same_handle(h, a->ticket) || here != IT_TURN_NONE) {
        j->code = 400; /* an old ticket, or the 5-tuple has an allocation: its own or another */
        return;
    }
    if (!it_turn_client_allowed(s, j->leg.remote, it_turn_leg_is_stream(&j->leg))) {
        j->code = 403; /* RFC 8656 section 21.4 */
        return;
    }
    if (move_start(s, j, i, h) < 0) {
        j->code = 508;
        j->err = IT_ERR_NOMEM;
    }
}

void it_turn_moved(it_turn_server *s, uint32_t i, const it_turn_leg *leg)
{
    it_turn_allocation *a = it_turn_allocation_at(&s->t, i);
    if (!a->moving || !same_leg(&a->next_leg, leg))
        return;
    it_turn_table_unlink(&s->t, &a->leg);
    a->leg = a->next_leg;
    a->moving = false;
}
