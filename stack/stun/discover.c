/* Discovery as a row of phases. A phase asks (Binding requests from chosen ports, to chosen addresses, answered to chosen
 * places), waits until every question is answered or given up and until a time, and then looks at the answers; it may ask again.
 */
#include "stack/stun/discover.h"

#include "stack/stun/msg.h"

#define ASKS 1                  /* questions at a time */
#define RTO (500 * IT_MS)       /* RFC 8489 section 6.2.1 */
#define PACE (100 * IT_MS)      /* RFC 5780 section 5: no more than ten new transactions a second */
#define TRIES 7                 /* where an answer is expected */
#define TRIES_SILENT 4          /* where silence is an answer */
#define FIRST_TRY (16 * IT_SEC) /* idle time, then doubled */
#define PAIRS 64                /* ports tried until two have the same external address */
#define KEEP (5 * IT_SEC)       /* between two questions of the helper */

enum ask_state { ASK_FREE, ASK_OPEN, ASK_ANSWERED, ASK_FAILED };

/* One question and what came of it. */
typedef struct ask {
    uint8_t state; /* enum ask_state */
    uint8_t txid[IT_STUN_TXID];
    uint16_t port; /* local */
    it_addr to;
    uint32_t change;        /* CHANGE-REQUEST flags, 0: none */
    uint16_t response_port; /* 0: none */
    bool padding;
    uint32_t tries, sent;
    bool waiting; /* for output */
    it_time due, interval, last;
    /* the answer */
    it_addr mapped, other;
    bool alg;
    uint16_t at; /* local port where it arrived */
    it_time when;
    bool looped; /* the request itself came back, */
    it_addr loop_from;
} ask;

enum phase {
    CONNECT,
    MAPPING_2,
    MAPPING_3,
    FILTER_1,
    FILTER_2,
    FILTER_3,
    PORTS,
    HAIRPIN_X,
    HAIRPIN_Y,
    HAIRPIN,
    FRAGMENTS,
    LIFE,       /* which idle time to try next */
    LIFE_Y,     /* the helper's port is open */
    LIFE_X,     /* the port on trial is open */
    LIFE_AGAIN, /* ... and used once more */
    LIFE_IDLE,  /* refreshed half way, where that is on trial */
    LIFE_KEEP,  /* the helper is kept alive */
    LIFE_PROBE, /* asked whether it lives */
    DONE
};

/* The trial of one idle time. */
enum trial { TRIAL_INITIAL, TRIAL_REPLIED, TRIAL_STREAM, TRIAL_OUT, TRIAL_IN, TRIALS };

struct it_stun_discover {
    it_stun_discover_cfg cfg;
    it_stun_behavior b;
    ask asks[ASKS];
    enum phase phase;
    bool begun;     /* the phase has asked */
    it_time wake;   /* the phase does not go on before */
    it_time dirty;  /* something happened then: tick; IT_NEVER: nothing */
    it_time paced;  /* no new transaction before */
    uint16_t ports; /* used so far */
    it_addr other;  /* of the server */
    it_addr mapped1, mapped2;
    uint16_t x, y; /* local ports of hairpin and lifetimes */
    it_addr xm, ym;
    uint32_t round, pairs;
    /* lifetimes */
    int trial;
    it_time idle, alive, dead; /* on trial; the bounds so far */
    it_time since, wanted;     /* the last packet of the port on trial; when the helper is needed */
};

it_stun_discover *it_stun_discover_new(const it_stun_discover_cfg *cfg)
{
    it_stun_discover *d = it_calloc(cfg->alloc, 1, sizeof *d);
    if (!d)
        return NULL;
    d->cfg = *cfg;
    d->cfg.limit = cfg->limit ? cfg->limit : 7200 * IT_SEC;
    d->cfg.step = cfg->step ? cfg->step : IT_SEC;
    d->cfg.settle = cfg->settle ? cfg->settle : 5 * IT_SEC;
    d->dead = IT_NEVER;
    return d;
}

void it_stun_discover_free(it_stun_discover *d)
{
    if (d)
        it_free(d->cfg.alloc, d);
}

bool it_stun_discover_done(const it_stun_discover *d)
{
    return d->phase == DONE;
}

const it_stun_behavior *it_stun_discover_result(const it_stun_discover *d)
{
    return &d->b;
}

/* --- asking --- */

/* A local port that has not been used, 0 when there is none left. RFC 5780 section 4.1. */
static uint16_t fresh(it_stun_discover *d)
{
    if (d->ports == IT_STUN_DISCOVER_PORTS)
        return 0;
    return (uint16_t)(d->cfg.first_port + d->ports++);
}

/* Asks question |i| from |port| to |to|; the caller sets what else it wants. */
static ask *put_ask(it_stun_discover *d, it_time now, int i, uint16_t port, it_addr to, uint32_t tries)
{
    ask *q = &d->asks[i];
    it_time at = d->paced > now ? d->paced : now;
    *q = (ask){.state = ASK_OPEN, .port = port, .to = to, .tries = tries, .interval = RTO, .due = at};
    d->paced = at + PACE;
    it_rng_bytes(&d->cfg.rng, q->txid, sizeof q->txid);
    return q;
}

static bool answered(const it_stun_discover *d, int i)
{
    return d->asks[i].state == ASK_ANSWERED;
}

static void run_asks(it_stun_discover *d, it_time now)
{
    for (int i = 0; i < ASKS; i++) {
        ask *q = &d->asks[i];
        if (q->state != ASK_OPEN || q->waiting || q->due > now)
            continue;
        if (q->sent == q->tries)
            q->state = ASK_FAILED;
        else
            q->waiting = true;
    }
}

static bool settled(const it_stun_discover *d)
{
    for (int i = 0; i < ASKS; i++)
        if (d->asks[i].state == ASK_OPEN)
            return false;
    return true;
}

/* --- connectivity, mapping, filtering: sections 4.2 to 4.4 --- */

static void ask_plain(it_stun_discover *d, it_time now)
{
    if (d->x == 0)
        d->x = fresh(d);
    put_ask(d, now, 0, d->x, d->cfg.server, TRIES);
}

static enum phase saw_connect(it_stun_discover *d, it_time now)
{
    const ask *q = &d->asks[0];
    (void)now;
    d->b.udp = answered(d, 0) ? IT_STUN_YES : IT_STUN_NO;
    if (!answered(d, 0))
        return DONE;
    d->mapped1 = q->mapped;
    d->other = q->other;
    d->b.alg = q->alg ? IT_STUN_YES : IT_STUN_NO;
    d->b.nat = it_addr_eq(q->mapped, it_addr_of(d->cfg.local, d->x)) ? IT_STUN_NO : IT_STUN_YES;
    /* Without OTHER-ADDRESS the server does not support this usage. */
    if (it_ip_none(d->other.ip))
        return PORTS;
    if (d->b.nat == IT_STUN_YES)
        return MAPPING_2;
    d->b.mapping = IT_STUN_DEP_EI;
    return FILTER_1;
}

static void ask_mapping_2(it_stun_discover *d, it_time now)
{
    put_ask(d, now, 0, d->x, it_addr_of(d->other.ip, d->cfg.server.port), TRIES);
}

static enum phase saw_mapping_2(it_stun_discover *d, it_time now)
{
    (void)now;
    if (!answered(d, 0))
        return FILTER_1;
    d->mapped2 = d->asks[0].mapped;
    if (!it_addr_eq(d->mapped1, d->mapped2))
        return MAPPING_3;
    d->b.mapping = IT_STUN_DEP_EI;
    return FILTER_1;
}

static void ask_mapping_3(it_stun_discover *d, it_time now)
{
    put_ask(d, now, 0, d->x, d->other, TRIES);
}

static enum phase saw_mapping_3(it_stun_discover *d, it_time now)
{
    (void)now;
    if (answered(d, 0))
        d->b.mapping = it_addr_eq(d->asks[0].mapped, d->mapped2) ? IT_STUN_DEP_AD : IT_STUN_DEP_APD;
    return FILTER_1;
}

/* A port that the box knows nothing of but a packet to the primary address. */
static void ask_filter_1(it_stun_discover *d, it_time now)
{
    d->x = fresh(d);
    ask_plain(d, now);
}

static enum phase saw_filter_1(it_stun_discover *d, it_time now)
{
    (void)now;
    return answered(d, 0) ? FILTER_2 : PORTS;
}

static void ask_filter_2(it_stun_discover *d, it_time now)
{
    put_ask(d, now, 0, d->x, d->cfg.server, TRIES_SILENT)->change = 6; /* change IP and port, section 7.2 */
}

static enum phase saw_filter_2(it_stun_discover *d, it_time now)
{
    (void)now;
    if (!answered(d, 0))
        return FILTER_3;
    d->b.filtering = IT_STUN_DEP_EI;
    return PORTS;
}

static void ask_filter_3(it_stun_discover *d, it_time now)
{
    put_ask(d, now, 0, d->x, d->cfg.server, TRIES_SILENT)->change = 2;
}

static enum phase saw_filter_3(it_stun_discover *d, it_time now)
{
    (void)now;
    d->b.filtering = answered(d, 0) ? IT_STUN_DEP_AD : IT_STUN_DEP_APD;
    return PORTS;
}

/* --- ports --- */

static void ask_ports(it_stun_discover *d, it_time now)
{
    ask_filter_1(d, now);
}

static enum phase saw_ports(it_stun_discover *d, it_time now)
{
    (void)now;
    if (answered(d, 0)) {
        d->b.samples[d->b.n_samples].local = d->x;
        d->b.samples[d->b.n_samples].mapped = d->asks[0].mapped;
        d->b.n_samples++;
    }
    if (++d->round < IT_STUN_DISCOVER_SAMPLES)
        return PORTS;
    d->round = 0;
    return d->b.nat == IT_STUN_YES ? HAIRPIN_X : FRAGMENTS;
}

/* --- hairpin: section 3.4, from both ends --- */

static enum phase saw_hairpin_x(it_stun_discover *d, it_time now)
{
    (void)now;
    if (!answered(d, 0))
        return FRAGMENTS;
    d->xm = d->asks[0].mapped;
    return HAIRPIN_Y;
}

static void ask_hairpin_y(it_stun_discover *d, it_time now)
{
    d->y = fresh(d);
    put_ask(d, now, 0, d->y, d->cfg.server, TRIES);
}

static enum phase saw_hairpin_y(it_stun_discover *d, it_time now)
{
    (void)now;
    if (!answered(d, 0))
        return FRAGMENTS;
    d->ym = d->asks[0].mapped;
    return HAIRPIN;
}

/* X to Y, Y to X, X to Y: the first opens X's filter, the second Y's. */
static void ask_hairpin(it_stun_discover *d, it_time now)
{
    bool odd = d->round & 1;
    put_ask(d, now, 0, odd ? d->y : d->x, odd ? d->xm : d->ym, 1);
}

static enum phase saw_hairpin(it_stun_discover *d, it_time now)
{
    const ask *q = &d->asks[0];
    (void)now;
    if (q->looped)
        d->b.hairpin = it_ip_eq(q->loop_from.ip, d->cfg.local) ? IT_STUN_HAIRPIN_INT : IT_STUN_HAIRPIN_EXT;
    if (!q->looped && ++d->round < 3)
        return HAIRPIN;
    if (!q->looped)
        d->b.hairpin = IT_STUN_HAIRPIN_NO;
    d->round = 0;
    return FRAGMENTS;
}

/* --- fragments: section 3.5 --- */

static void ask_fragments(it_stun_discover *d, it_time now)
{
    d->x = fresh(d);
    put_ask(d, now, 0, d->x, d->cfg.server, TRIES_SILENT)->padding = true;
}

static enum phase saw_fragments(it_stun_discover *d, it_time now)
{
    (void)now;
    /* A request that the driver has no room for was never sent. */
    if (d->asks[0].sent)
        d->b.fragments = answered(d, 0) ? IT_STUN_YES : IT_STUN_NO;
    return d->cfg.lifetimes ? LIFE : DONE;
}

/* --- lifetimes: section 4.6 --- */

static const enum it_stun_life LIFE_OF[TRIALS] = {IT_STUN_LIFE_INITIAL, IT_STUN_LIFE_REPLIED, IT_STUN_LIFE_STREAM,
                                                  IT_STUN_LIFE_INITIAL, IT_STUN_LIFE_REPLIED};

/* The next idle time of a search: doubled until one is too long, then halving what is between. 0 at its end. */
static it_time next_idle(it_stun_discover *d)
{
    it_time step = d->cfg.step;
    if (d->dead == IT_NEVER) {
        it_time t = d->alive ? 2 * d->alive : FIRST_TRY;
        if (d->alive >= d->cfg.limit)
            return 0;
        return t < d->cfg.limit ? t : d->cfg.limit;
    }
    if (d->dead - d->alive <= step)
        return 0;
    return d->alive + (d->dead - d->alive) / 2 / step * step;
}

/* The idle time of the trial that is on, 0 when the trial is over. */
static it_time pick_idle(it_stun_discover *d)
{
    if (d->trial <= TRIAL_STREAM)
        return next_idle(d);
    /* Refreshed at 0.6 of its life, asked at 1.2. */
    it_time life = d->b.life[LIFE_OF[d->trial]];
    return d->round || life == 0 || life == IT_NEVER ? 0 : life / 5 * 3;
}

static void next_trial(it_stun_discover *d)
{
    if (d->trial <= TRIAL_STREAM)
        d->b.life[d->trial] = d->dead;
    d->trial++;
    d->alive = 0;
    d->dead = IT_NEVER;
    d->round = 0;
}

static void ask_nothing(it_stun_discover *d, it_time now)
{
    (void)d;
    (void)now;
}

static enum phase saw_life(it_stun_discover *d, it_time now)
{
    (void)now;
    while (d->trial < TRIALS && (d->idle = pick_idle(d)) == 0)
        next_trial(d);
    if (d->trial == TRIALS)
        return DONE;
    d->pairs = 0;
    if (d->y == 0)
        d->y = fresh(d);
    d->x = fresh(d);
    return d->x && d->y ? LIFE_Y : DONE;
}

static void ask_life_y(it_stun_discover *d, it_time now)
{
    put_ask(d, now, 0, d->y, d->cfg.server, TRIES);
}

static enum phase saw_life_y(it_stun_discover *d, it_time now)
{
    (void)now;
    d->ym = d->asks[0].mapped;
    return answered(d, 0) ? LIFE_X : DONE;
}

/* Out alone, the answer goes to Y: RESPONSE-PORT. */
static bool one_way(const it_stun_discover *d)
{
    return d->trial == TRIAL_INITIAL || d->trial == TRIAL_OUT;
}

static void ask_life_x(it_stun_discover *d, it_time now)
{
    ask *q = put_ask(d, now, 0, d->x, d->cfg.server, one_way(d) ? 3 : TRIES);
    if (one_way(d))
        q->response_port = d->ym.port;
}

/* Until |wanted| the helper asks now and then, so that it keeps its external port, and the host its address in a pool. */
static enum phase keep(it_stun_discover *d, it_time now)
{
    if (d->wanted - now > KEEP) {
        d->wake = now + KEEP;
        return LIFE_KEEP;
    }
    d->wake = d->wanted;
    return d->trial > TRIAL_STREAM && d->round == 0 ? LIFE_IDLE : LIFE_PROBE;
}

static enum phase keep_for(it_stun_discover *d, it_time now, it_time idle)
{
    d->wanted = d->since + idle;
    return keep(d, now);
}

static enum phase saw_life_x(it_stun_discover *d, it_time now)
{
    const ask *q = &d->asks[0];
    d->xm = q->mapped;
    /* RESPONSE-PORT changes the port alone, so both must have the same address; else the answer to Y is lost, too. */
    if (!answered(d, 0) || !it_ip_eq(d->xm.ip, d->ym.ip)) {
        bool again = (answered(d, 0) || one_way(d)) && ++d->pairs < PAIRS;
        d->x = fresh(d);
        return again && d->x ? LIFE_Y : DONE;
    }
    d->since = one_way(d) ? q->last : q->when;
    if (d->trial == TRIAL_STREAM) {
        d->wake = now + d->cfg.settle;
        return LIFE_AGAIN;
    }
    return keep_for(d, now, d->idle);
}

static enum phase saw_life_again(it_stun_discover *d, it_time now)
{
    if (!answered(d, 0))
        return DONE;
    d->xm = d->asks[0].mapped;
    d->since = d->asks[0].when;
    return keep_for(d, now, d->idle);
}

/* Half way: a packet out of X with its answer to Y, or an answer to X for a question of Y. */
static void ask_life_idle(it_stun_discover *d, it_time now)
{
    bool in = d->trial == TRIAL_IN;
    put_ask(d, now, 0, in ? d->y : d->x, d->cfg.server, 2)->response_port = in ? d->xm.port : d->ym.port;
}

static enum phase saw_life_idle(it_stun_discover *d, it_time now)
{
    d->round = 1;
    return keep_for(d, now, 2 * d->idle);
}

static void ask_life_probe(it_stun_discover *d, it_time now)
{
    put_ask(d, now, 0, d->y, d->cfg.server, 2)->response_port = d->xm.port;
}

static enum phase saw_life_probe(it_stun_discover *d, it_time now)
{
    bool lives = answered(d, 0) && d->asks[0].at == d->x;
    (void)now;
    if (d->trial <= TRIAL_STREAM) {
        *(lives ? &d->alive : &d->dead) = d->idle;
    } else {
        *(d->trial == TRIAL_OUT ? &d->b.refresh_out : &d->b.refresh_in) = lives ? IT_STUN_YES : IT_STUN_NO;
    }
    return LIFE;
}

/* --- the row of phases --- */

static const struct {
    void (*start)(it_stun_discover *d, it_time now);
    enum phase (*end)(it_stun_discover *d, it_time now);
} PHASES[DONE] = {
    [CONNECT] = {ask_plain, saw_connect},
    [MAPPING_2] = {ask_mapping_2, saw_mapping_2},
    [MAPPING_3] = {ask_mapping_3, saw_mapping_3},
    [FILTER_1] = {ask_filter_1, saw_filter_1},
    [FILTER_2] = {ask_filter_2, saw_filter_2},
    [FILTER_3] = {ask_filter_3, saw_filter_3},
    [PORTS] = {ask_ports, saw_ports},
    [HAIRPIN_X] = {ask_filter_1, saw_hairpin_x},
    [HAIRPIN_Y] = {ask_hairpin_y, saw_hairpin_y},
    [HAIRPIN] = {ask_hairpin, saw_hairpin},
    [FRAGMENTS] = {ask_fragments, saw_fragments},
    [LIFE] = {ask_nothing, saw_life},
    [LIFE_Y] = {ask_life_y, saw_life_y},
    [LIFE_X] = {ask_life_x, saw_life_x},
    [LIFE_AGAIN] = {ask_plain, saw_life_again},
    [LIFE_IDLE] = {ask_life_idle, saw_life_idle},
    [LIFE_KEEP] = {ask_life_y, keep},
    [LIFE_PROBE] = {ask_life_probe, saw_life_probe},
};

int it_stun_discover_tick(it_stun_discover *d, it_time now)
{
    d->dirty = IT_NEVER;
    while (d->phase != DONE) {
        if (!d->begun) {
            if (now < d->wake)
                break;
            for (int i = 0; i < ASKS; i++)
                d->asks[i].state = ASK_FREE;
            PHASES[d->phase].start(d, now);
            d->begun = true;
        }
        run_asks(d, now);
        if (!settled(d))
            break;
        d->begun = false;
        d->phase = PHASES[d->phase].end(d, now);
    }
    return 0;
}

it_time it_stun_discover_next(const it_stun_discover *d)
{
    it_time next = d->dirty;
    if (d->phase == DONE)
        return IT_NEVER;
    if (!d->begun && d->wake < next)
        next = d->wake;
    for (int i = 0; i < ASKS; i++)
        if (d->asks[i].state == ASK_OPEN && !d->asks[i].waiting && d->asks[i].due < next)
            next = d->asks[i].due;
    return next;
}

static int build(const ask *q, uint8_t *buf, size_t cap)
{
    static const uint8_t ZEROS[IT_IO_DGRAM_MAX + 28]; /* an Ethernet MTU: RFC 5780 section 5.1.2 */
    it_buf b;
    it_buf_init(&b, buf, cap);
    it_stun_begin(&b, IT_STUN_REQUEST, IT_STUN_BINDING, q->txid);
    if (q->change)
        it_stun_put_u32(&b, IT_STUN_CHANGE_REQUEST, q->change);
    if (q->response_port)
        it_stun_put_u32(&b, IT_STUN_RESPONSE_PORT, q->response_port);
    if (q->padding)
        it_stun_put(&b, IT_STUN_PADDING, it_bytes_of(ZEROS, sizeof ZEROS));
    it_stun_put_fingerprint(&b);
    return it_stun_end(&b);
}

int it_stun_discover_output(it_stun_discover *d, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    for (int i = 0; i < ASKS; i++) {
        ask *q = &d->asks[i];
        if (!q->waiting || q->state != ASK_OPEN)
            continue;
        q->waiting = false;
        int n = build(q, buf, cap);
        if (n < 0) {
            q->state = ASK_FAILED;
            d->dirty = now;
            continue;
        }
        q->sent++;
        q->last = now;
        q->due = now + q->interval;
        q->interval *= 2;
        *out = (it_io){IT_IO_DGRAM, q->port, it_addr_of(d->cfg.local, q->port), q->to, it_bytes_of(buf, (size_t)n)};
        return 1;
    }
    return 0;
}

static void take_response(ask *q, it_time now, const it_io *in, const it_stun_msg *m)
{
    it_addr plain;
    if (m->cls == IT_STUN_ERROR || it_stun_get_addr(m, IT_STUN_XOR_MAPPED_ADDRESS, &q->mapped) < 0) {
        q->state = ASK_FAILED; /* 420: the server lacks what was asked for */
        return;
    }
    q->state = ASK_ANSWERED;
    q->when = now;
    q->at = in->local.port;
    if (it_stun_get_addr(m, IT_STUN_OTHER_ADDRESS, &q->other) < 0)
        q->other = (it_addr){{0, 0}, 0};
    q->alg = it_stun_get_addr(m, IT_STUN_MAPPED_ADDRESS, &plain) == 0 && !it_addr_eq(plain, q->mapped);
}

int it_stun_discover_input(it_stun_discover *d, it_time now, const it_io *in)
{
    it_stun_msg m;
    if (in->kind != IT_IO_DGRAM || it_stun_parse(&m, in->data) < 0 || m.method != IT_STUN_BINDING)
        return (int)in->data.n;
    for (int i = 0; i < ASKS; i++) {
        ask *q = &d->asks[i];
        if (q->state != ASK_OPEN || q->sent == 0 || memcmp(q->txid, m.txid, sizeof q->txid) != 0)
            continue;
        if (m.cls == IT_STUN_REQUEST) {
            q->looped = true;
            q->loop_from = in->remote;
        } else if (m.cls != IT_STUN_INDICATION) {
            take_response(q, now, in, &m);
        }
        d->dirty = now;
    }
    return (int)in->data.n;
}
