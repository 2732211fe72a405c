/* Discovery as a row of phases. A phase asks (Binding requests from chosen ports, to chosen addresses, answered to
 * chosen places), waits until every question is answered or given up and until a time, and then looks at the answers;
 * it may ask again.
 */
#include "stack/stun/discover_impl.h"

#define TRIES 7                 /* where an answer is expected */
#define TRIES_SILENT 4          /* where silence is an answer */
#define FIRST_TRY (16 * IT_SEC) /* idle time, then doubled */
#define PAIRS 64                /* ports tried until two have the same external address */
#define KEEP (5 * IT_SEC)       /* between two questions of the helper */

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

/* --- connectivity, mapping, filtering: sections 4.2 to 4.4 --- */

static void ask_plain(it_stun_discover *d, it_time now)
{
    if (d->x == 0)
        d->x = fresh(d);
    it_discover_ask(d, now, 0, d->x, d->cfg.server, TRIES);
}

static enum it_discover_phase saw_connect(it_stun_discover *d, it_time now)
{
    const it_discover_question *q = &d->asks[0];
    (void)now;
    d->b.udp = it_discover_answered(d, 0) ? IT_STUN_YES : IT_STUN_NO;
    if (!it_discover_answered(d, 0))
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
    it_discover_ask(d, now, 0, d->x, it_addr_of(d->other.ip, d->cfg.server.port), TRIES);
}

static enum it_discover_phase saw_mapping_2(it_stun_discover *d, it_time now)
{
    (void)now;
    if (!it_discover_answered(d, 0))
        return FILTER_1;
    d->mapped2 = d->asks[0].mapped;
    if (!it_addr_eq(d->mapped1, d->mapped2))
        return MAPPING_3;
    d->b.mapping = IT_STUN_DEP_EI;
    return FILTER_1;
}

static void ask_mapping_3(it_stun_discover *d, it_time now)
{
    it_discover_ask(d, now, 0, d->x, d->other, TRIES);
}

static enum it_discover_phase saw_mapping_3(it_stun_discover *d, it_time now)
{
    (void)now;
    if (it_discover_answered(d, 0))
        d->b.mapping = it_addr_eq(d->asks[0].mapped, d->mapped2) ? IT_STUN_DEP_AD : IT_STUN_DEP_APD;
    return FILTER_1;
}

/* A port that the box knows nothing of but a packet to the primary address. */
static void ask_filter_1(it_stun_discover *d, it_time now)
{
    d->x = fresh(d);
    ask_plain(d, now);
}

static enum it_discover_phase saw_filter_1(it_stun_discover *d, it_time now)
{
    (void)now;
    return it_discover_answered(d, 0) ? FILTER_2 : PORTS;
}

static void ask_filter_2(it_stun_discover *d, it_time now)
{
    it_discover_ask(d, now, 0, d->x, d->cfg.server, TRIES_SILENT)->change = 6; /* change IP and port, section 7.2 */
}

static enum it_discover_phase saw_filter_2(it_stun_discover *d, it_time now)
{
    (void)now;
    if (!it_discover_answered(d, 0))
        return FILTER_3;
    d->b.filtering = IT_STUN_DEP_EI;
    return PORTS;
}

static void ask_filter_3(it_stun_discover *d, it_time now)
{
    it_discover_ask(d, now, 0, d->x, d->cfg.server, TRIES_SILENT)->change = 2;
}

static enum it_discover_phase saw_filter_3(it_stun_discover *d, it_time now)
{
    (void)now;
    d->b.filtering = it_discover_answered(d, 0) ? IT_STUN_DEP_AD : IT_STUN_DEP_APD;
    return PORTS;
}

/* --- ports --- */

static void ask_ports(it_stun_discover *d, it_time now)
{
    ask_filter_1(d, now);
}

static enum it_discover_phase saw_ports(it_stun_discover *d, it_time now)
{
    (void)now;
    if (it_discover_answered(d, 0)) {
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

static enum it_discover_phase saw_hairpin_x(it_stun_discover *d, it_time now)
{
    (void)now;
    if (!it_discover_answered(d, 0))
        return FRAGMENTS;
    d->xm = d->asks[0].mapped;
    return HAIRPIN_Y;
}

static void ask_hairpin_y(it_stun_discover *d, it_time now)
{
    d->y = fresh(d);
    it_discover_ask(d, now, 0, d->y, d->cfg.server, TRIES);
}

static enum it_discover_phase saw_hairpin_y(it_stun_discover *d, it_time now)
{
    (void)now;
    if (!it_discover_answered(d, 0))
        return FRAGMENTS;
    d->ym = d->asks[0].mapped;
    return HAIRPIN;
}

/* X to Y, Y to X, X to Y: the first opens X's filter, the second Y's. */
static void ask_hairpin(it_stun_discover *d, it_time now)
{
    bool odd = d->round & 1;
    it_discover_ask(d, now, 0, odd ? d->y : d->x, odd ? d->xm : d->ym, 1);
}

static enum it_discover_phase saw_hairpin(it_stun_discover *d, it_time now)
{
    const it_discover_question *q = &d->asks[0];
    (void)now;
    if (q->looped) {
        d->b.hairpin = it_ip_eq(q->loop_from.ip, d->cfg.local) ? IT_STUN_HAIRPIN_INT : IT_STUN_HAIRPIN_EXT;
        return HAIRPIN_FRAGMENTS;
    }
    if (++d->round < 3)
        return HAIRPIN;
    d->b.hairpin = IT_STUN_HAIRPIN_NO;
    d->round = 0;
    return FRAGMENTS;
}

/* Section 3.5: some boxes do not hairpin fragments. The way that has just worked. */
static void ask_hairpin_fragments(it_stun_discover *d, it_time now)
{
    ask_hairpin(d, now);
    d->asks[0].padding = true;
}

static enum it_discover_phase saw_hairpin_fragments(it_stun_discover *d, it_time now)
{
    const it_discover_question *q = &d->asks[0];
    (void)now;
    if (q->sent)
        d->b.hairpin_fragments = q->looped ? IT_STUN_YES : IT_STUN_NO;
    d->round = 0;
    return FRAGMENTS;
}

/* --- fragments: section 3.5 --- */

static void ask_fragments(it_stun_discover *d, it_time now)
{
    d->x = fresh(d);
    it_discover_ask(d, now, 0, d->x, d->cfg.server, TRIES_SILENT)->padding = true;
}

static enum it_discover_phase saw_fragments(it_stun_discover *d, it_time now)
{
    (void)now;
    /* A request that the driver has no room for was never sent. */
    if (d->asks[0].sent)
        d->b.fragments = it_discover_answered(d, 0) ? IT_STUN_YES : IT_STUN_NO;
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

static enum it_discover_phase saw_life(it_stun_discover *d, it_time now)
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
    it_discover_ask(d, now, 0, d->y, d->cfg.server, TRIES);
}

static enum it_discover_phase saw_life_y(it_stun_discover *d, it_time now)
{
    (void)now;
    d->ym = d->asks[0].mapped;
    return it_discover_answered(d, 0) ? LIFE_X : DONE;
}

/* Out alone, the answer goes to Y: RESPONSE-PORT. */
static bool one_way(const it_stun_discover *d)
{
    return d->trial == TRIAL_INITIAL || d->trial == TRIAL_OUT;
}

static void ask_life_x(it_stun_discover *d, it_time now)
{
    it_discover_question *q = it_discover_ask(d, now, 0, d->x, d->cfg.server, one_way(d) ? 3 : TRIES);
    if (one_way(d))
        q->response_port = d->ym.port;
}

/* Until |wanted| the helper asks now and then, so that it keeps its external port, and the host its address in a pool.
 */
static enum it_discover_phase discover_keep(it_stun_discover *d, it_time now)
{
    if (d->wanted - now > KEEP) {
        d->wake = now + KEEP;
        return LIFE_KEEP;
    }
    d->wake = d->wanted;
    return d->trial > TRIAL_STREAM && d->round == 0 ? LIFE_IDLE : LIFE_PROBE;
}

static enum it_discover_phase keep_for(it_stun_discover *d, it_time now, it_time idle)
{
    d->wanted = d->since + idle;
    return discover_keep(d, now);
}

static enum it_discover_phase saw_life_x(it_stun_discover *d, it_time now)
{
    const it_discover_question *q = &d->asks[0];
    d->xm = q->mapped;
    /* RESPONSE-PORT changes the port alone, so both must have the same address; else the answer to Y is lost, too. */
    if (!it_discover_answered(d, 0) || !it_ip_eq(d->xm.ip, d->ym.ip)) {
        bool again = (it_discover_answered(d, 0) || one_way(d)) && ++d->pairs < PAIRS;
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

static enum it_discover_phase saw_life_again(it_stun_discover *d, it_time now)
{
    if (!it_discover_answered(d, 0))
        return DONE;
    d->xm = d->asks[0].mapped;
    d->since = d->asks[0].when;
    return keep_for(d, now, d->idle);
}

/* Half way: a packet out of X with its answer to Y, or an answer to X for a question of Y. */
static void ask_life_idle(it_stun_discover *d, it_time now)
{
    bool in = d->trial == TRIAL_IN;
    it_discover_ask(d, now, 0, in ? d->y : d->x, d->cfg.server, 2)->response_port = in ? d->xm.port : d->ym.port;
}

static enum it_discover_phase saw_life_idle(it_stun_discover *d, it_time now)
{
    d->round = 1;
    return keep_for(d, now, 2 * d->idle);
}

static void ask_life_probe(it_stun_discover *d, it_time now)
{
    it_discover_ask(d, now, 0, d->y, d->cfg.server, 2)->response_port = d->xm.port;
}

static enum it_discover_phase saw_life_probe(it_stun_discover *d, it_time now)
{
    bool lives = it_discover_answered(d, 0) && d->asks[0].at == d->x;
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
    enum it_discover_phase (*end)(it_stun_discover *d, it_time now);
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
    [HAIRPIN_FRAGMENTS] = {ask_hairpin_fragments, saw_hairpin_fragments},
    [FRAGMENTS] = {ask_fragments, saw_fragments},
    [LIFE] = {ask_nothing, saw_life},
    [LIFE_Y] = {ask_life_y, saw_life_y},
    [LIFE_X] = {ask_life_x, saw_life_x},
    [LIFE_AGAIN] = {ask_plain, saw_life_again},
    [LIFE_IDLE] = {ask_life_idle, saw_life_idle},
    [LIFE_KEEP] = {ask_life_y, discover_keep},
    [LIFE_PROBE] = {ask_life_probe, saw_life_probe},
};

int it_stun_discover_tick(it_stun_discover *d, it_time now)
{
    d->dirty = IT_NEVER;
    while (d->phase != DONE) {
        if (!d->begun) {
            if (now < d->wake)
                break;
            for (int i = 0; i < IT_DISCOVER_ASKS; i++)
                d->asks[i].state = ASK_FREE;
            PHASES[d->phase].start(d, now);
            d->begun = true;
        }
        it_discover_run(d, now);
        if (!it_discover_settled(d))
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
    for (int i = 0; i < IT_DISCOVER_ASKS; i++)
        if (d->asks[i].state == ASK_OPEN && !d->asks[i].waiting && d->asks[i].due < next)
            next = d->asks[i].due;
    return next;
}
