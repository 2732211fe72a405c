/* Allocate: the checks of RFC 8656 section 7.2 in their order, the sockets, the answer when they are there. */
#include "stack/turn/server/impl.h"

/* What a request asks for. */
typedef struct wish {
    bool family, additional, even, reserve, token, tcp;
    uint32_t six;    /* REQUESTED-ADDRESS-FAMILY: 0 or 1 */
    uint64_t number; /* the token's */
} wish;

typedef int check_fn(it_turn_server *s, it_turn_job *j, wish *w);

/* 2. */
static int check_unused(it_turn_server *s, it_turn_job *j, wish *w)
{
    (void)s;
    (void)w;
    return j->allocation == IT_TURN_NONE ? 0 : 437;
}

/* RFC 8656 sections 21.1.7, 21.4. */
static int check_client(it_turn_server *s, it_turn_job *j, wish *w)
{
    (void)w;
    return it_turn_client_allowed(s, j->leg.remote, it_turn_leg_is_stream(&j->leg)) ? 0 : 403;
}

/* 3. */
static int check_transport(it_turn_server *s, it_turn_job *j, wish *w)
{
    uint32_t protocol = 0;
    if (it_stun_get_u32(&j->req, IT_STUN_REQUESTED_TRANSPORT, &protocol) < 0)
        return 400;
    if (protocol == IT_TURN_UDP)
        return 0;
    if (protocol != IT_TURN_TCP || !s->cfg.tcp_peers)
        return 442;
    /* RFC 6062 section 5.1: over a stream alone, and without what is of datagrams. */
    if (!it_turn_leg_is_stream(&j->leg) || w->even || w->token || it_stun_get(&j->req, IT_STUN_DONT_FRAGMENT))
        return 400;
    w->tcp = true;
    return 0;
}

/* 5. (4. is a matter of unknown attributes.) */
static int check_token(it_turn_server *s, it_turn_job *j, wish *w)
{
    (void)j;
    if (!w->token)
        return 0;
    if (w->even || w->family || w->additional)
        return 400;
    return it_turn_table_reserved(&s->t, w->number) == IT_TURN_NONE ? 508 : 0;
}

/* 6., 7. */
static int check_family(it_turn_server *s, it_turn_job *j, wish *w)
{
    uint32_t family = IT_TURN_FAMILY4;
    if (w->token)
        return 0;
    if (w->family && w->additional)
        return 400;
    (void)it_stun_get_u32(&j->req, IT_STUN_REQUESTED_ADDRESS_FAMILY, &family);
    if (family != IT_TURN_FAMILY4 && family != IT_TURN_FAMILY6)
        return 440;
    w->six = family == IT_TURN_FAMILY6;
    if (w->additional)
        return 0;
    return it_ip_none(it_turn_relay_ip(s, (int)w->six, &j->leg)) ? 440 : 0;
}

/* 8., 9. */
static int check_additional(it_turn_server *s, it_turn_job *j, wish *w)
{
    uint32_t value = 0;
    if (!w->additional)
        return 0;
    if (w->reserve)
        return 400;
    (void)it_stun_get_u32(&j->req, IT_STUN_ADDITIONAL_ADDRESS_FAMILY, &value);
    if (value != IT_TURN_FAMILY6)
        return 400;
    bool none4 = it_ip_none(it_turn_relay_ip(s, 0, &j->leg)), none6 = it_ip_none(it_turn_relay_ip(s, 1, &j->leg));
    return none4 && none6 ? 440 : 0;
}

/* 10.: by user first, then by what there is at all. A reservation is there already, and counts for the user that made
 * it; the token may be another user's. */
static int check_quota(it_turn_server *s, it_turn_job *j, wish *w)
{
    uint32_t more = 1u + w->reserve + w->additional, own = more;
    if (w->token) {
        uint32_t r = it_turn_table_reserved(&s->t, w->number);
        more = 0;
        own = it_turn_relay_at(&s->t, r)->user != j->user;
    }
    if (!it_turn_table_user_room(&s->t, j->user, own) || !it_turn_table_source_room(&s->t, j->leg.remote.ip, own))
        return 486;
    return it_turn_table_room(&s->t, more) ? 0 : 508;
}

/* 11. */
static int check_alternate(it_turn_server *s, it_turn_job *j, wish *w)
{
    it_addr to = it_ip_is6(j->leg.remote.ip) ? s->cfg.alternate6 : s->cfg.alternate4;
    (void)w;
    if (it_ip_none(to.ip) || s->t.relays.n < s->cfg.alternate_from)
        return 0;
    /* RFC 8489 section 14.8: only to who is known, as nobody else could validate it. */
    return j->who.key ? 300 : 400;
}

/* RFC 8656 section 7.2 and RFC 8016 section 3.1.2: mobility is asked for with an empty ticket. */
static int check_mobility(it_turn_server *s, it_turn_job *j, wish *w)
{
    const it_stun_attr *ticket = it_stun_get(&j->req, IT_STUN_MOBILITY_TICKET);
    (void)w;
    if (!ticket)
        return 0;
    if (!s->cfg.mobility)
        return 405;
    return ticket->value.n == 0 ? 0 : 400;
}

static wish read_wish(const it_stun_msg *req)
{
    wish w = {.family = it_stun_get(req, IT_STUN_REQUESTED_ADDRESS_FAMILY) != NULL,
              .additional = it_stun_get(req, IT_STUN_ADDITIONAL_ADDRESS_FAMILY) != NULL};
    const it_stun_attr *even = it_stun_get(req, IT_STUN_EVEN_PORT),
                       *token = it_stun_get(req, IT_STUN_RESERVATION_TOKEN);
    w.even = even != NULL;
    w.reserve = even && even->value.p[0] & 0x80; /* R, section 18.7 */
    w.token = token != NULL;
    if (token)
        w.number = it_get64(token->value.p);
    return w;
}

/* Asks for the sockets of allocation |i|. Returns 0 or the code of the error. */
static int ask_sockets(it_turn_server *s, it_turn_job *j, const wish *w, uint32_t i)
{
    it_turn_allocation *a = it_turn_allocation_at(&s->t, i);
    enum it_io_port port = IT_IO_PORT_ANY;
    if (w->even)
        port = w->reserve ? IT_IO_PORT_PAIR : IT_IO_PORT_EVEN;
    while (w->reserve && (a->token == 0 || it_turn_table_reserved(&s->t, a->token) != IT_TURN_NONE))
        a->token = it_drbg_u64(&s->secrets);
    a->reserved = w->reserve;
    for (uint32_t six = 0; six < 2; six++) {
        if (!w->additional && six != w->six)
            continue;
        it_ip ip = it_turn_relay_ip(s, (int)six, &j->leg);
        if (it_ip_none(ip)) {
            a->refused[six] = 440;
            continue;
        }
        if (it_turn_table_relay(&s->t, i, ip, port, a->token) == IT_TURN_NONE) {
            j->err = IT_ERR_NOMEM;
            return 508;
        }
    }
    return 0;
}

/* Makes the allocation of a request that has passed. */
static void allocate(it_turn_server *s, it_turn_job *j, const wish *w)
{
    uint32_t i = it_turn_table_add(&s->t, &j->leg, j->user);
    if (i == IT_TURN_NONE) {
        j->code = 508;
        j->err = IT_ERR_NOMEM;
        return;
    }
    it_turn_allocation *a = it_turn_allocation_at(&s->t, i);
    memcpy(a->txid, j->req.txid, sizeof a->txid);
    a->lifetime = it_turn_lifetime(s, &j->req);
    a->tcp = w->tcp;
    a->fingerprint = j->fingerprint;
    a->who = j->who;
    j->allocation = i;
    if (it_stun_get(&j->req, IT_STUN_MOBILITY_TICKET) && it_turn_ticket_new(s, i) < 0) {
        j->code = 508;
        j->err = IT_ERR_NOMEM;
    } else if (w->token) {
        uint32_t r = it_turn_table_reserved(&s->t, w->number);
        it_turn_table_take(&s->t, r, i);
        it_turn_table_refresh(&s->t, r, j->now + a->lifetime * IT_SEC);
    } else {
        j->code = ask_sockets(s, j, w, i);
        j->later = j->code == 0;
    }
    if (j->code)
        it_turn_table_drop(&s->t, i);
}

/* Section 7.2, the note: a retransmission of the request that made the allocation gets its answer again; while the
 * sockets are not there it has no answer yet. */
static bool is_retransmission(const it_turn_server *s, it_turn_job *j)
{
    if (j->allocation == IT_TURN_NONE)
        return false;
    const it_turn_allocation *a = it_turn_allocation_at(&s->t, j->allocation);
    if (memcmp(a->txid, j->req.txid, sizeof a->txid) != 0 || a->user != j->user)
        return false;
    j->later = a->waiting > 0;
    return true;
}

void it_turn_allocate(it_turn_server *s, it_turn_job *j)
{
    static check_fn *const CHECKS[] = {check_unused,     check_client,   check_transport, check_token, check_family,
                                       check_additional, check_mobility, check_alternate, check_quota};
    wish w = read_wish(&j->req);
    if (is_retransmission(s, j))
        return;
    for (size_t i = 0; i < sizeof CHECKS / sizeof CHECKS[0] && j->code == 0; i++)
        j->code = CHECKS[i](s, j, &w);
    if (j->code == 0)
        allocate(s, j, &w);
}

void it_turn_put_allocated(const it_turn_server *s, const it_turn_job *j, it_buf *b)
{
    const it_turn_allocation *a = it_turn_allocation_at(&s->t, j->allocation);
    it_time expiry = 0;
    for (uint32_t six = 0; six < 2; six++) {
        if (a->relay[six] == IT_TURN_NONE)
            continue;
        const it_turn_relay *r = it_turn_relay_at(&s->t, a->relay[six]);
        it_stun_put_addr(b, IT_STUN_XOR_RELAYED_ADDRESS, r->addr);
        expiry = r->expiry;
    }
    it_stun_put_u32(b, IT_STUN_LIFETIME, (uint32_t)((expiry - j->now) / IT_SEC));
    if (a->reserved) {
        uint8_t token[8];
        it_put64(token, a->token);
        it_stun_put(b, IT_STUN_RESERVATION_TOKEN, it_bytes_of(token, sizeof token));
    }
    it_stun_put_addr(b, IT_STUN_XOR_MAPPED_ADDRESS, j->leg.remote);
    for (uint32_t six = 0; six < 2; six++)
        if (a->refused[six])
            it_turn_put_address_error(b, six + IT_TURN_FAMILY4, a->refused[six]);
    if (a->mobile)
        it_turn_ticket_put(s, a, b);
}

int it_turn_bound(it_turn_server *s, it_time now, const it_io *in)
{
    int err;
    uint32_t i = it_turn_table_bound(&s->t, now, in->flow - IT_IO_BOUND_FLOW, in->local, &err);
    if (i == IT_TURN_NONE || it_turn_allocation_at(&s->t, i)->waiting > 0)
        return err;
    const it_turn_allocation *a = it_turn_allocation_at(&s->t, i);
    it_turn_job j;
    bool none = a->relay[0] == IT_TURN_NONE && a->relay[1] == IT_TURN_NONE;
    j.now = now;
    j.leg = a->leg;
    j.req.method = IT_STUN_ALLOCATE;
    memcpy(j.req.txid, a->txid, sizeof a->txid);
    j.who = a->who;
    j.user = a->user;
    j.allocation = i;
    j.code = none ? 508 : 0;
    j.fingerprint = a->fingerprint;
    j.err = err;
    it_turn_respond(s, &j);
    if (none)
        it_turn_table_drop(&s->t, i);
    return j.err;
}
