/* The client moves to another socket with its ticket (RFC 8016). */
#include "stack/turn/client_impl.h"

void it_turn_client_keep_ticket(it_turn_client *c, const it_stun_msg *m)
{
    const it_stun_attr *t = it_stun_get(m, IT_STUN_MOBILITY_TICKET);
    if (!t || t->value.n == 0)
        return;
    c->n_ticket = t->value.n <= sizeof c->ticket ? (uint16_t)t->value.n : 0;
    memcpy(c->ticket, t->value.p, c->n_ticket);
}

void it_turn_client_put_move(const it_turn_client *c, size_t i, it_buf *b)
{
    (void)i;
    if (c->cfg.lifetime)
        it_stun_put_u32(b, IT_STUN_LIFETIME, c->cfg.lifetime);
    it_stun_put(b, IT_STUN_MOBILITY_TICKET, it_bytes_of(c->ticket, c->n_ticket));
}

bool it_turn_client_mobile(const it_turn_client *c)
{
    return c->state == IT_TURN_ALLOCATED && !c->cfg.stream && c->n_ticket > 0;
}

int it_turn_client_move(it_turn_client *c, it_time now, uint32_t flow, it_addr local)
{
    if (!it_turn_client_mobile(c))
        return IT_ERR_STATE;
    /* What was asked from the old socket will not be answered there. */
    it_stun_trans_end_tag(c->trans, (uint64_t)IT_TURN_ASK_REFRESH << 32);
    it_stun_trans_end_tag(c->trans, (uint64_t)IT_TURN_ASK_MOVE << 32);
    it_turn_client_peers_hold(c);
    c->n = 0;
    c->moving = true;
    c->cfg.flow = flow;
    c->cfg.local = local;
    if (local.port == 0)
        return 0;
    int err = c->secure ? it_turn_client_dtls_begin(c, now) : 0;
    return err < 0 ? err : it_turn_client_ask(c, now, IT_TURN_ASK_MOVE, 0);
}

/* Section 3.2.3. */
int it_turn_client_move_done(it_turn_client *c, it_time now, int code, const char *why, const it_stun_msg *m)
{
    it_turn_client_event ev = {.kind = IT_TURN_CLIENT_MOVED};
    if (code)
        return it_turn_client_lost(c, now, code, why);
    if (it_stun_get_u32(m, IT_STUN_LIFETIME, &ev.lifetime) < 0 || ev.lifetime == 0)
        return it_turn_client_lost(c, now, 0, "the response has no lifetime (RFC 8656 section 8.2)");
    c->moving = false;
    it_turn_client_keep_ticket(c, m);
    it_turn_client_lives(c, now, ev.lifetime);
    int err = it_turn_client_peers_again(c, now);
    return err < 0 ? err : it_turn_client_say(c, &ev);
}
