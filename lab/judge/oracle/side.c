/* The two sides: candidates, pairs, checks, answers. RFC 8445 sections 5.1, 6.1, 7.2 and 7.3, RFC 8838.
 *
 * Nomination is left out: any pair that is valid at both ends may be the one that is chosen. */
#include "lab/judge/oracle/impl.h"

#define TRIES 7                /* RFC 8489 section 6.2.1: Rc */
#define KEEPS 100              /* a try that keeps a mapping alive */
#define CONSENTS UINT32_MAX    /* in place of a check's number: asks for consent */
#define CONSENT (5 * IT_SEC)   /* RFC 7675 section 5.1 */
#define LAST_WAIT 16           /* Rm, in RTOs */
#define RTO_SOON IT_SEC        /* the longest RTO of few checks: RFC 8445 section 14.3 leaves it to the agent */
#define TOLD_LATE (2 * IT_SEC) /* so long after its pair was valid a candidate still gives it its kind */

static it_time ta_of(const it_orc *o, int who)
{
    it_time own = o->q->side[who].ta, far = o->q->side[1 - who].ta;
    return o->side[who].heard && far > own ? far : own; /* RFC 8445 section 14.2 */
}

/* Lets side |who| look for something to send as soon as it may. */
static void side_wake(it_orc *o, int who)
{
    it_orc_side *s = &o->side[who];
    it_time at = s->free > o->now ? s->free : o->now;
    if (s->ticks <= at)
        return;
    s->ticks = at;
    it_orc_later(o, at, IT_ORC_TICK, who, 0, NULL);
}

static bool in_play(const it_orc *o, int who, int base)
{
    return it_orc_is4(o, who, base) != o->v.six;
}

/* --- candidates and pairs --- */

static int pair_for(it_orc_side *s, int base, int remote)
{
    for (int i = 0; i < s->n_pairs; i++)
        if (s->pair[i].base == base && s->pair[i].remote == remote)
            return i;
    if (s->n_pairs == IT_ORC_PAIRS)
        return -1;
    s->pair[s->n_pairs] = (it_orc_pair){.base = base, .remote = remote, .turned = -1};
    return s->n_pairs++;
}

static int remote_for(it_orc *o, int who, it_orc_end end, int transport, int rank, uint8_t kind)
{
    it_orc_side *s = &o->side[who];
    for (int i = 0; i < s->n_remotes; i++)
        if (it_orc_same(s->remote[i].end, end))
            return i;
    if (s->n_remotes == IT_ORC_REMOTES)
        return -1;
    s->remote[s->n_remotes] =
        (it_orc_remote){.end = end, .kind = kind, .rank = (uint8_t)rank, .told = kind, .told_at = o->now};
    s->remote[s->n_remotes].transport = (uint8_t)transport;
    return s->n_remotes++;
}

/* The kinds of pair |p| of |s|. RFC 8445 sections 7.2.5.3.1 and 7.3.1.3: an address that no candidate told of is
 * peer-reflexive. */
static uint16_t kinds_of(const it_orc_side *s, const it_orc_pair *p)
{
    int l = IT_ORACLE_PRFLX;
    if (it_orc_same(p->mapped, s->base[p->base]))
        l = IT_ORACLE_HOST;
    else if (it_orc_same(p->mapped, s->reflexive[p->base]))
        l = IT_ORACLE_SRFLX;
    return (uint16_t)(1u << (4 * l + s->remote[p->remote].told));
}

/* What was learned just now may give pairs that are valid since a moment ago another name. */
static void rename_pairs(it_orc *o, int who)
{
    it_orc_side *s = &o->side[who];
    for (int i = 0; i < s->n_pairs; i++) {
        it_orc_pair *p = &s->pair[i];
        if (p->state == IT_ORC_VALID && o->now <= p->valid_at + TOLD_LATE)
            p->kinds |= kinds_of(s, p);
    }
}

/* RFC 8445 section 6.1.2.2: link-local addresses go with such alone. */
static bool same_scope(const it_orc *o, int who, int base, it_ip far)
{
    return it_ip_link_local(o->q->side[who].base[base].ip) == it_ip_link_local(far);
}

void it_orc_hear(it_orc *o, int who, it_orc_end cand, int base, uint8_t kind)
{
    it_orc_side *s = &o->side[who];
    int transport = it_orc_transport(o, 1 - who, base);
    int r = remote_for(o, who, cand, transport, it_orc_place(o, 1 - who, base), kind);
    s->heard = true;
    if (r < 0)
        return;
    if (s->remote[r].told == IT_ORACLE_PRFLX) {
        s->remote[r].told = kind;
        s->remote[r].told_at = o->now;
        rename_pairs(o, who);
    }
    for (int b = 0; b < o->q->side[who].n_bases; b++)
        if (in_play(o, who, b) && it_orc_transport(o, who, b) == transport && same_scope(o, who, b, cand.ip))
            (void)pair_for(s, b, r);
    side_wake(o, who);
}

/* --- what goes out --- */

static void send_check(it_orc *o, int who, int pair)
{
    const it_orc_pair *p = &o->side[who].pair[pair];
    it_orc_pkt m = {
        .msg = IT_ORC_CHECK, .side = (uint8_t)who, .base = (uint8_t)p->base, .pair = (int16_t)pair, .turned = -1};
    m.dst = o->side[who].remote[p->remote].end;
    it_orc_send(o, who, p->base, m);
}

static void send_ask(it_orc *o, int who, int base)
{
    it_orc_pkt m = {.msg = IT_ORC_ASK, .side = (uint8_t)who, .base = (uint8_t)base, .pair = -1, .turned = -1};
    m.dst = (it_orc_end){o->q->stun.ip[o->v.six], o->q->stun.port};
    it_orc_send(o, who, base, m);
}

/* Puts down when request |tries| of |pair| (below 0: of base -1 - |pair| to the STUN server) is to be repeated. */
static void again(it_orc *o, int who, int pair, uint32_t serial, int tries)
{
    it_time rto = pair < 0 ? o->q->side[who].rto : o->side[who].pair[pair].rto;
    it_orc_pkt m = {.mapped = {{0, 0}, serial}, .boxes = tries};
    it_time wait = tries < TRIES ? rto << (tries - 1) : rto * LAST_WAIT;
    it_orc_later(o, o->now + wait, IT_ORC_RESEND, who, pair, &m);
}

/* RFC 8445 section 14.3: RTO = MAX (500 ms, Ta * N * (Num-Waiting + Num-In-Progress)); N counts the checks that are to
 * be made or under way, here of what is run, and of all where that is crowded. As the agents have it that makes no more
 * than 1 s, or a Ta for each of them. */
static it_time rto_of(const it_orc *o, int who)
{
    const it_orc_side *s = &o->side[who];
    it_time n = o->v.crowded ? s->others : 0, least = o->q->side[who].rto;
    for (int i = 0; i < s->n_pairs; i++)
        n += s->pair[i].state == IT_ORC_WAITING || s->pair[i].state == IT_ORC_RUNNING;
    it_time every = ta_of(o, who) * n, rto = every * n, most = every > RTO_SOON ? every : RTO_SOON;
    if (rto > most)
        rto = most;
    return o->q->side[who].as_told || rto < least ? least : rto;
}

/* A request to the STUN server goes out again: nobody has answered, or it keeps the mapping (RFC 8445 section 5.1.1.4).
 */
static void repeat_ask(it_orc *o, int who, int base, int tries)
{
    it_time keepalive = o->q->side[who].keepalive;
    if (o->side[who].reflexive[base].port) {
        it_orc_pkt m = {.boxes = KEEPS};
        if (tries == KEEPS)
            send_ask(o, who, base);
        if (keepalive)
            it_orc_later(o, o->now + keepalive, IT_ORC_RESEND, who, -1 - base, &m);
        return;
    }
    if (tries >= TRIES)
        return;
    send_ask(o, who, base);
    again(o, who, -1 - base, 0, tries + 1);
}

/* What has a way keeps its ports while other transports look for theirs: consent is asked for (RFC 7675 section 5.1).
 */
static void keep_valid(it_orc *o, int who, int pair)
{
    it_orc_pkt m = {.mapped = {{0, 0}, CONSENTS}};
    if (o->q->transports > 1)
        it_orc_later(o, o->now + CONSENT, IT_ORC_RESEND, who, pair, &m);
}

static void repeat_check(it_orc *o, int who, int pair, uint32_t serial)
{
    it_orc_pair *p = &o->side[who].pair[pair];
    if (serial == CONSENTS) {
        send_check(o, who, pair);
        keep_valid(o, who, pair);
        return;
    }
    if (p->state != IT_ORC_RUNNING || p->serial != serial)
        return;
    if (p->tries == TRIES) {
        p->state = IT_ORC_FAILED; /* RFC 8445 section 7.2.5.2.3 */
        return;
    }
    p->tries++;
    send_check(o, who, pair);
    again(o, who, pair, serial, p->tries);
}

static bool side_ask(it_orc *o, int who)
{
    it_orc_side *s = &o->side[who];
    for (int b = 0; b < o->q->side[who].n_bases; b++) {
        bool beyond = !it_ip_link_local(o->q->side[who].base[b].ip) && !it_ip_none(o->q->stun.ip[o->v.six]);
        if (s->asked[b] || !in_play(o, who, b) || !beyond)
            continue;
        s->asked[b] = true;
        send_ask(o, who, b);
        again(o, who, -1 - b, 0, 1);
        return true;
    }
    if (s->more_asks <= 0)
        return false;
    s->more_asks--;
    return true;
}

/* How many turns side |who| takes to ask for relayed addresses from its bases (RFC 8445 section 5.1.1.2), and, where it
 * has candidates by TCP that wait, the STUN server by TCP. */
static int more_asks(const it_orc *o, int who)
{
    const it_oracle_side *q = &o->q->side[who];
    int servers = 0, bases = 0;
    if (q->lite || !q->relays)
        return 0;
    for (int i = 0; i < o->q->n_turns; i++)
        servers += !it_ip_none(o->q->turn[i].server.ip[o->v.six]);
    servers -= o->q->stun_lends && !it_ip_none(o->q->stun.ip[o->v.six]);
    if (o->q->stun_tcp.port)
        servers += ((q->tcp & IT_ORACLE_TCP_PASSIVE) != 0) + ((q->tcp & IT_ORACLE_TCP_SO) != 0);
    for (int b = 0; b < q->n_bases; b++)
        bases += in_play(o, who, b);
    return bases * servers;
}

/* Where a pair of host candidates stands among those: by the lower priority of both, then the higher one, then it is
 * the controlling side's that decides (RFC 8445 section 6.1.2.3). Side 0 controls; 0 is the best candidate of a side.
 */
static uint32_t place_of_hosts(int who, uint32_t local, uint32_t remote)
{
    uint32_t worse = local > remote ? local : remote, better = local > remote ? remote : local;
    bool controlling_is_better = who == 0 ? local < remote : remote < local;
    return worse << 8 | better << 1 | !controlling_is_better;
}

/* True when an answer has come to base |base| of |s|. */
static bool reaches(const it_orc_side *s, int base)
{
    if (s->reflexive[base].port)
        return true;
    for (int i = 0; i < s->n_pairs; i++)
        if (s->pair[i].base == base && s->pair[i].state == IT_ORC_VALID)
            return true;
    return false;
}

/* Where waiting pair |i| stands: by the kind of its remote candidate (RFC 8445 section 5.1.2.2), then by priorities. */
static uint32_t place_of(it_orc *o, int who, int i)
{
    static const uint8_t ORDER[] = {
        [IT_ORACLE_HOST] = 0, [IT_ORACLE_PRFLX] = 1, [IT_ORACLE_SRFLX] = 2, [IT_ORACLE_RELAY] = 3};
    const it_orc_pair *p = &o->side[who].pair[i];
    const it_orc_remote *r = &o->side[who].remote[p->remote];
    uint32_t kind = (uint32_t)ORDER[r->told] << 16, place = (uint32_t)it_orc_place(o, who, p->base);
    if (o->v.shuffled)
        return (uint32_t)it_rng_below(&o->rng, 1u << 16);
    if (o->q->side[who].as_told)
        return (uint32_t)!reaches(&o->side[who], p->base) << 20 | kind | (uint32_t)i;
    if (r->told == IT_ORACLE_HOST)
        return kind | place_of_hosts(who, place, r->rank);
    return kind | (uint32_t)r->rank << 8 | place;
}

/* The pair to check now, -1: what the other side's checks triggered comes first. RFC 8445 section 6.1.4.2. */
static int next_pair(it_orc *o, int who)
{
    it_orc_side *s = &o->side[who];
    int best = -1, first = -1;
    uint32_t place = UINT32_MAX;
    for (int i = 0; i < s->n_pairs; i++) {
        const it_orc_pair *p = &s->pair[i];
        if (p->triggered && (best < 0 || p->triggered < s->pair[best].triggered))
            best = i;
    }
    for (int i = 0; best < 0 && i < s->n_pairs; i++) {
        const it_orc_pair *p = &s->pair[i];
        if (p->state != IT_ORC_WAITING)
            continue;
        uint32_t at = place_of(o, who, i);
        if (at < place) {
            place = at;
            first = i;
        }
    }
    return best < 0 ? first : best;
}

static bool side_check(it_orc *o, int who)
{
    it_orc_side *s = &o->side[who];
    if (!s->heard)
        return false;
    int i = next_pair(o, who);
    if (i < 0)
        return false;
    it_orc_pair *p = &s->pair[i];
    p->triggered = 0;
    p->rto = rto_of(o, who);
    p->state = IT_ORC_RUNNING;
    p->tries = 1;
    p->serial++;
    send_check(o, who, i);
    again(o, who, i, p->serial, 1);
    return true;
}

/* Begins one exchange, if there is any to begin. */
static bool begin_one(it_orc *o, int who)
{
    it_orc_side *s = &o->side[who];
    bool asks = s->ask_next && !o->q->side[who].checks_first;
    if (o->q->side[who].lite)
        return o->q->side[who].asks && side_ask(o, who);
    s->ask_next = !s->ask_next;
    if (asks)
        return side_ask(o, who) || side_check(o, who);
    return side_check(o, who) || side_ask(o, who);
}

/* Whether the other family takes this turn of side |who|. */
static bool others_turn(it_orc *o, int who)
{
    it_orc_side *s = &o->side[who];
    if (o->v.share[who] == IT_ORC_IN_TURN)
        s->given = !s->given;
    else if (o->v.share[who] == IT_ORC_BY_CHANCE)
        s->given = it_rng_below(&o->rng, 2) == 0;
    return s->given;
}

void it_orc_tick(it_orc *o, int who)
{
    it_orc_side *s = &o->side[who];
    if (s->ticks == o->now)
        s->ticks = IT_NEVER;
    if (o->now < s->free || (!others_turn(o, who) && !begin_one(o, who)))
        return;
    s->free = o->now + ta_of(o, who);
    side_wake(o, who);
}

/* --- what comes in --- */

/* RFC 8445 section 7.3.2: to a lite side a pair is good as a check has come that way. */
static void take_check(it_orc *o, int who, int pair, const it_orc_pkt *p)
{
    it_orc_side *s = &o->side[who];
    it_orc_pair *x = &s->pair[pair];
    x->state = IT_ORC_VALID;
    x->valid_at = o->now;
    x->mapped = s->base[x->base];
    x->far_base = p->base;
    x->local = p->boxes == 0;
    x->turned = p->turned;
    x->kinds = kinds_of(s, x);
}

/* RFC 8445 section 7.3: a check is answered, its source may be a new candidate, and the same way is checked back. */
static void on_check(it_orc *o, int who, int base, const it_orc_pkt *p)
{
    it_orc_side *s = &o->side[who];
    it_orc_pkt back = {.msg = IT_ORC_ANSWER, .side = p->side, .base = p->base, .pair = p->pair, .dst = p->src};
    back.mapped = p->src;
    back.far_base = (uint8_t)base;
    back.boxes = p->boxes;
    back.turned = p->turned;
    it_orc_send(o, who, base, back);
    int r = remote_for(o, who, p->src, it_orc_transport(o, who, base), 0, IT_ORACLE_PRFLX);
    if (r < 0)
        return;
    int i = pair_for(s, base, r);
    if (i < 0 || s->pair[i].state == IT_ORC_VALID)
        return;
    if (o->q->side[who].lite) {
        take_check(o, who, i, p);
        return;
    }
    if (!s->pair[i].triggered)
        s->pair[i].triggered = ++s->queued;
    s->pair[i].state = IT_ORC_WAITING;
    side_wake(o, who);
}

/* Whether a pair of |transport| is valid at side |who|. */
static bool has_way(const it_orc *o, int who, int transport)
{
    const it_orc_side *s = &o->side[who];
    for (int i = 0; i < s->n_pairs; i++)
        if (s->pair[i].state == IT_ORC_VALID && it_orc_transport(o, who, s->pair[i].base) == transport)
            return true;
    return false;
}

static void on_answer(it_orc *o, int who, int base, const it_orc_pkt *p)
{
    it_orc_side *s = &o->side[who];
    it_orc_pair *x = &s->pair[p->pair];
    if (x->state == IT_ORC_VALID)
        return;
    /* RFC 8445 section 7.2.5.2.1: the answer comes from where the check went. */
    if (base != x->base || !it_orc_same(p->src, s->remote[x->remote].end)) {
        x->state = IT_ORC_FAILED;
        return;
    }
    bool first = !has_way(o, who, it_orc_transport(o, who, base));
    x->state = IT_ORC_VALID;
    x->triggered = 0;
    x->valid_at = o->now;
    x->mapped = p->mapped;
    x->far_base = p->far_base;
    x->local = p->boxes == 0;
    x->turned = p->turned;
    x->kinds = kinds_of(s, x);
    if (first)
        keep_valid(o, who, p->pair);
    if (o->won_at == IT_NEVER && it_orc_won(o))
        o->won_at = o->now;
}

/* When what |who| tells at |at| is there: it waits for the session of |who|, and for that of the other side; on its way
 * it is fast or |slow|. */
static it_time told_at(const it_orc *o, int who, it_time at, bool slow)
{
    const it_oracle_side *own = &o->q->side[who], *far = &o->q->side[1 - who];
    it_time session = o->v.slow_first[who] ? own->session_most : own->session_least;
    it_time hears = o->v.slow_first[1 - who] ? far->hears_most : far->hears_least;
    it_time there = (at > session ? at : session) + (slow ? own->signal_most : own->signal_least);
    return there > hears ? there : hears;
}

/* RFC 8445 section 5.1.1.2: a server-reflexive candidate, told at once (RFC 8838). */
static void on_told(it_orc *o, int who, int base, const it_orc_pkt *p)
{
    it_orc_side *s = &o->side[who];
    if (s->reflexive[base].port)
        return;
    s->reflexive[base] = p->mapped;
    rename_pairs(o, who);
    if (it_orc_same(p->mapped, s->base[base]))
        return;
    it_orc_pkt m = {.src = p->mapped, .pair = IT_ORACLE_SRFLX};
    it_orc_later(o, told_at(o, who, o->now, o->v.slow_later[who]), IT_ORC_SIGNAL, 1 - who, base, &m);
}

void it_orc_arrive(it_orc *o, int who, int base, const it_orc_pkt *p)
{
    bool own = p->side == who;
    if (p->msg == IT_ORC_TOLD && own && base == p->base)
        on_told(o, who, base, p);
    else if (p->msg == IT_ORC_ANSWER && own)
        on_answer(o, who, base, p);
    else if (p->msg == IT_ORC_CHECK && !own)
        on_check(o, who, base, p);
}

/* When side |who| begins. */
static it_time begins_at(const it_orc *o, int who)
{
    return o->q->side[who].called ? told_at(o, 1 - who, 0, o->v.slow_first[1 - who]) : 0;
}

void it_orc_begin(it_orc *o)
{
    for (int who = 0; who < 2; who++) {
        it_orc_side *s = &o->side[who];
        const it_oracle_side *q = &o->q->side[who];
        it_time begins = begins_at(o, who);
        memset(s, 0, offsetof(it_orc_side, remote));
        s->ticks = IT_NEVER;
        s->free = begins;
        s->more_asks = more_asks(o, who);
        s->others = it_orc_other_pairs(o->q, who, o->v.six);
        for (int b = 0; b < q->n_bases; b++) {
            s->base[b] = (it_orc_end){q->base[b].ip, it_orc_symbol(o, 49152, 65535)}; /* RFC 6335 section 6 */
            if (!in_play(o, who, b))
                continue;
            it_orc_pkt m = {.src = s->base[b], .pair = IT_ORACLE_HOST};
            it_orc_later(o, told_at(o, who, begins, o->v.slow_first[who]), IT_ORC_SIGNAL, 1 - who, b, &m);
        }
        side_wake(o, who);
    }
}

void it_orc_again(it_orc *o, const it_orc_step *s)
{
    if (s->place < 0)
        repeat_ask(o, s->who, -1 - s->place, s->pkt.boxes);
    else
        repeat_check(o, s->who, s->place, s->pkt.mapped.port);
}
