/* Scripts: made from a seed, written as text, read again. What none of them asks, and why: docs/groundtruth.md. */
#include "tests/groundtruth/gt.h"

#include "base/rng.h"

#include <stdlib.h>
#include <string.h>

enum { ICMP = 1, TCP = 6, UDP = 17 };

/* Few endpoints, so that they meet; ports of every class that netfilter keeps. */
static const uint16_t PORTS[] = {5000, 5001, 5000, 40000, 700, 80, 555, 5000};
static const uint16_t RPORTS[] = {3478, 3479, 5000};
static const uint16_t LITERALS[] = {5000, 5001, 40000, 700, 80, 9, 53};
static const uint16_t ERRORS[] = {3 << 8 | 3, 3 << 8 | 1, 3 << 8 | 4, 3 << 8 | 13,
                                  11 << 8,    12 << 8,    5 << 8 | 1, 4 << 8};
static const uint16_t ACTS[] = {GT_TCP_SYN, GT_TCP_SYN,  GT_TCP_SYN,  GT_TCP_ANSWER, GT_TCP_ANSWER, GT_TCP_ANSWER,
                                GT_TCP_ACK, GT_TCP_DATA, GT_TCP_DATA, GT_TCP_FIN,    GT_TCP_RST,    GT_TCP_AGAIN};

#define HOSTS 3
#define REMOTES 3
#define PICK(r, a) ((a)[it_rng_below((r), sizeof(a) / sizeof *(a))])

static uint16_t below(it_rng *r, uint32_t n)
{
    return (uint16_t)it_rng_below(r, n);
}

/* --- making --- */

static void random_flow(it_rng *r, gt_step *s)
{
    s->c = below(r, HOSTS);
    s->d = PICK(r, PORTS);
    s->e = below(r, REMOTES);
    s->f = PICK(r, RPORTS);
}

/* A flow that an earlier step of |s| opened, mostly; of |proto|. */
static void some_flow(it_rng *r, const gt_script *s, gt_step *t)
{
    uint32_t start = below(r, GT_STEPS);
    random_flow(r, t);
    t->aim = GT_FLOW;
    if (t->proto == ICMP)
        t->f = 0;
    if (s->n == 0 || below(r, 12) == 0)
        return;
    for (uint32_t i = 0; i < s->n; i++) {
        const gt_step *o = &s->v[(start + i) % s->n];
        if (o->op != GT_SEND || o->aim != GT_DIRECT || o->proto != t->proto || (o->proto == ICMP && o->x))
            continue;
        t->c = o->a;
        t->d = o->b;
        t->e = o->c;
        t->f = o->d;
        return;
    }
}

static void make_send(it_rng *r, const gt_script *s, gt_step *t)
{
    uint32_t what = below(r, 20);
    t->a = below(r, HOSTS);
    t->b = PICK(r, PORTS);
    t->aim = GT_DIRECT;
    t->c = below(r, REMOTES);
    t->d = PICK(r, RPORTS);
    if (t->proto == ICMP) {
        t->d = 0;
        t->x = below(r, 12) == 0;
        if (what < 2)
            t->aim = GT_BOX;
        else if (what < 4)
            t->aim = GT_LITERAL;
        return;
    }
    if (what < 4) {
        some_flow(r, s, t);
    } else if (what == 4) {
        t->aim = GT_LITERAL;
        t->d = PICK(r, LITERALS);
    } else if (what == 5) {
        t->aim = GT_BOX;
        t->d = PICK(r, LITERALS);
    }
    if (t->proto == TCP)
        t->x = PICK(r, ACTS);
    if (t->proto == TCP && below(r, 2)) { /* go on with a connection */
        some_flow(r, s, t);
        t->aim = GT_DIRECT;
        t->a = t->c;
        t->b = t->d;
        t->c = t->e;
        t->d = t->f;
    }
}

static void make_recv(it_rng *r, const gt_script *s, gt_step *t)
{
    uint32_t what = below(r, 20);
    some_flow(r, s, t);
    t->a = t->e;
    t->b = t->f;
    if (t->proto == ICMP)
        t->b = t->d;
    if (what < 7) { /* somebody else: another port, another address, both */
        t->b = t->proto == ICMP ? t->d : PICK(r, RPORTS);
        if (what < 5)
            t->a = below(r, REMOTES);
    } else if (what == 7) {
        t->aim = GT_LITERAL;
        t->d = PICK(r, LITERALS);
    } else if (what == 8) {
        t->aim = GT_DIRECT;
    }
    if (t->proto == ICMP)
        t->x = below(r, 6) == 0;
    if (t->proto == TCP)
        t->x = PICK(r, ACTS);
}

/* True when remote a:b of |t| has reached inside endpoint c:d before, or been reached, by another flow than c:d to e:f.
 */
static bool second_way(const gt_script *s, const gt_step *t)
{
    if (t->aim != GT_FLOW || (t->a == t->e && t->b == t->f))
        return false;
    for (uint32_t i = 0; i < s->n; i++) {
        const gt_step *o = &s->v[i];
        if (o->op == GT_SEND && o->a == t->c && o->b == t->d && o->c == t->a && o->d == t->b)
            return true;
        if (o->op == GT_RECV && o->c == t->c && o->d == t->d && o->a == t->a && o->b == t->b &&
            (o->e != t->e || o->f != t->f))
            return true;
    }
    return false;
}

static void make_error(it_rng *r, const gt_script *s, gt_step *t)
{
    some_flow(r, s, t);
    t->x = PICK(r, ERRORS);
    if (t->op == GT_OERR) {
        t->a = below(r, 3) ? t->e : below(r, REMOTES);
    } else {
        t->a = below(r, 3) ? t->c : below(r, HOSTS);
    }
}

/* The idle times of slow scripts, in s, are drawn from these for every script anew; 2 is also netfilter's, for UDP
 * streams. */
static const uint8_t TIMES[] = {2, 4, 6};

/* A wait after which nothing happens near a time-out of anything before it. */
static void make_wait(it_rng *r, const gt_script *s, gt_step *t)
{
    for (int tries = 0; tries < 50; tries++) {
        uint32_t ms = 200 + 100u * below(r, 45), ago = ms;
        bool near = false;
        for (uint32_t i = s->n + 1; i-- > 0;) {
            for (size_t k = 0; k < sizeof TIMES; k++)
                near |= ago + 250 > TIMES[k] * 1000u && ago < TIMES[k] * 1000u + 250;
            if (i > 0 && s->v[i - 1].op == GT_WAIT)
                ago += s->v[i - 1].x;
        }
        if (near)
            continue;
        *t = (gt_step){.op = GT_WAIT, .x = (uint16_t)ms};
        return;
    }
    *t = (gt_step){.op = GT_WAIT, .x = 100};
}

/* True when inside endpoint c:d of |t| may have lost its port to another host. */
static bool may_clash(const gt_script *s, const gt_step *t)
{
    for (uint32_t i = 0; i < s->n; i++)
        if (s->v[i].op == GT_SEND && s->v[i].b == t->d && s->v[i].a != t->c)
            return true;
    return false;
}

/* A conversation by TCP, step by step, one end of a flow after the other. */
static const struct {
    uint8_t out, act;
} TALK[] = {
    {1, GT_TCP_SYN}, {0, GT_TCP_ANSWER}, {1, GT_TCP_ACK}, {1, GT_TCP_DATA}, {0, GT_TCP_ACK}, {0, GT_TCP_DATA},
    {1, GT_TCP_ACK}, {1, GT_TCP_FIN},    {0, GT_TCP_ACK}, {0, GT_TCP_FIN},  {1, GT_TCP_ACK},
};
#define TALKS (sizeof TALK / sizeof *TALK)

/* The next step of the flow that the first step of |s| began: mostly what comes next in a conversation, now and then
 * something that is left out, said by the other end, or quite different. */
static void make_talk(it_rng *r, const gt_script *s, gt_step *t, uint32_t *at, bool flip)
{
    bool out;
    if (*at && below(r, 8) == 0)
        ++*at;
    if (*at >= TALKS)
        *at = TALKS - 1;
    out = TALK[*at].out;
    t->x = TALK[*at].act;
    out ^= flip && *at >= 7; /* who ends first */
    if (*at && below(r, 5) == 0) {
        t->x = PICK(r, ACTS);
        out = below(r, 2);
    } else {
        ++*at;
    }
    const gt_step *first = s->n ? &s->v[0] : t;
    t->proto = TCP;
    t->op = out ? GT_SEND : GT_RECV;
    t->aim = out ? GT_DIRECT : GT_FLOW;
    if (s->n == 0) {
        t->a = below(r, HOSTS);
        t->b = PICK(r, PORTS);
        t->c = below(r, REMOTES);
        t->d = PICK(r, RPORTS);
    } else if (out) {
        t->a = first->a, t->b = first->b, t->c = first->c, t->d = first->d;
    } else {
        t->a = t->e = first->c, t->b = t->f = first->d, t->c = first->a, t->d = first->b;
    }
}

/* Bends |t| to what |g| asks for. */
static void keep_to(const gt_script *s, const gt_gen *g, gt_step *t)
{
    if (t->op == GT_RECV && g->one_way && second_way(s, t) && (g->edm || may_clash(s, t))) {
        t->a = t->e;
        t->b = t->f;
    }
    if (t->odd == GT_PORTS && (g->own_ports || g->one_way))
        t->odd = GT_PLAIN;
    if (t->op == GT_SEND && g->own_ports)
        t->b = (uint16_t)(t->b + 7 * t->a);
}

static const uint8_t OTHERS[] = {47, 50, 4, 136, 200, 132, 132, 132};
/* Chunk types of SCTP: what an association begins with, and what ends it. RFC 9260 section 3.2. */
static const uint8_t CHUNKS_OUT[] = {1, 1, 10, 0, 3, 6, 7, 14}, CHUNKS_IN[] = {2, 2, 11, 0, 3, 6, 8, 14};

/* Makes |t| one of a protocol that has no ports, or those that it needs. */
static void make_other(it_rng *r, gt_step *t)
{
    bool ports = t->proto == 132 || t->proto == 136;
    if (t->op > GT_RECV)
        return;
    t->x = t->proto != 132 ? 0 : t->op == GT_SEND ? PICK(r, CHUNKS_OUT) : PICK(r, CHUNKS_IN);
    if (ports)
        return;
    t->b = t->f = 0;
    if (t->op == GT_SEND || t->aim == GT_FLOW)
        t->d = 0;
}

/* What |draw| of a hundred makes a step speak. */
static uint8_t proto_of(const gt_gen *g, uint32_t draw)
{
    if (g->icmp && draw < 12)
        return ICMP;
    return g->tcp && !g->slow && draw < 40 ? TCP : UDP;
}

/* What a hundred-sided draw makes a step do. */
static uint8_t op_of(uint32_t draw)
{
    if (draw < 50)
        return GT_SEND;
    if (draw < 86)
        return GT_RECV;
    return draw < 95 ? GT_OERR : GT_IERR;
}

/* What is drawn once for all steps of a script; |at| counts those of its talk. */
typedef struct mood {
    bool talk, flip, raw;
    uint8_t other;
    uint32_t at;
} mood;

static mood draw_mood(it_rng *r, const gt_gen *g)
{
    mood m = {.talk = g->slow && g->tcp && below(r, 2)};
    m.flip = below(r, 2);
    m.raw = g->raw && below(r, 2);
    m.other = PICK(r, OTHERS);
    if (g->slow && m.other == 132)
        m.other = 47; /* the idle times of SCTP are by its state, which is not followed */
    return m;
}

static void fill_step(it_rng *r, gt_script *s, const gt_gen *g, mood *m, gt_step *t)
{
    if (g->slow && s->n && below(r, 100) < 35)
        make_wait(r, s, t);
    else if (m->talk)
        make_talk(r, s, t, &m->at, m->flip);
    else if (t->op == GT_SEND)
        make_send(r, s, t);
    else if (t->op == GT_RECV)
        make_recv(r, s, t);
    else
        make_error(r, s, t);
    if (t->op == GT_WAIT)
        return;
    if (t->proto != UDP && t->proto != TCP && t->proto != ICMP)
        make_other(r, t);
    if (m->raw && below(r, 3) == 0)
        gt_odd_choose(r, t, g->answers);
}

void gt_generate(gt_script *s, uint64_t seed, const gt_gen *g)
{
    it_rng r;
    it_rng_init(&r, seed, "groundtruth");
    *s = (gt_script){.seed = seed};
    uint32_t n = g->slow ? 10 + below(&r, 8) : 4 + below(&r, GT_STEPS - 4);
    mood m = draw_mood(&r, g);
    for (int i = 0; i < GT_TIMERS && g->slow; i++)
        s->timer[i] = PICK(&r, TIMES);
    while (s->n < n) {
        gt_step *t = &s->v[s->n];
        uint32_t what = below(&r, 100), proto = below(&r, 100);
        *t = (gt_step){.proto = m.raw && proto >= 88 ? m.other : proto_of(g, proto), .op = op_of(what)};
        fill_step(&r, s, g, &m, t);
        keep_to(s, g, t);
        s->n++;
        if (t->odd == GT_FROM && t->op == GT_SEND)
            break; /* where the kernel sends what comes back to such an address is no NAT's affair */
    }
}

/* --- text --- */

static const char *const OPS[GT_OPS] = {"send", "recv", "oerr", "ierr", "wait"};

static const struct {
    uint8_t proto;
    const char *name;
} PROTOS[] = {{UDP, "udp"},  {TCP, "tcp"},     {ICMP, "icmp"}, {47, "gre"},   {50, "esp"},
              {132, "sctp"}, {136, "udplite"}, {4, "ipip"},    {200, "other"}};
#define N_PROTOS (sizeof PROTOS / sizeof *PROTOS)

const char *gt_proto_name(uint8_t p)
{
    for (size_t i = 0; i < N_PROTOS; i++)
        if (PROTOS[i].proto == p)
            return PROTOS[i].name;
    return "?";
}

static uint8_t proto_named(const char *name)
{
    for (size_t i = 0; i < N_PROTOS; i++)
        if (!strcmp(PROTOS[i].name, name))
            return PROTOS[i].proto;
    return 0;
}

void gt_step_text(const gt_step *s, char *out, size_t cap)
{
    char at[64];
    if (s->op == GT_WAIT) {
        snprintf(out, cap, "wait %u", s->x);
        return;
    }
    switch (s->aim) {
    case GT_FLOW:
        snprintf(at, sizeof at, "%u:%u~%u:%u", s->c, s->d, s->e, s->f);
        break;
    case GT_LITERAL:
        snprintf(at, sizeof at, "*:%u", s->d);
        break;
    case GT_BOX:
        snprintf(at, sizeof at, "box:%u", s->d);
        break;
    default:
        snprintf(at, sizeof at, "%u:%u", s->c, s->d);
    }
    int n = snprintf(out, cap, "%s %s %u:%u %s %04x", gt_proto_name(s->proto), OPS[s->op], s->a, s->b, at, s->x);
    if (s->odd && n > 0 && (size_t)n < cap)
        snprintf(out + n, cap - (size_t)n, " %s %04x", gt_odd_name(s->odd), s->y);
}

void gt_print(FILE *to, const gt_script *s)
{
    char line[128];
    fprintf(to, "# seed %llu\n", (unsigned long long)s->seed);
    for (int i = 0; i < GT_TIMERS && s->timer[0]; i++)
        fprintf(to, "%s%u%s", i ? " " : "timers ", s->timer[i], i == GT_TIMERS - 1 ? "\n" : "");
    for (uint32_t i = 0; i < s->n; i++) {
        gt_step_text(&s->v[i], line, sizeof line);
        fprintf(to, "%s\n", line);
    }
}

static bool read_aim(gt_step *t, const char *at)
{
    unsigned c, d, e, f;
    if (sscanf(at, "%u:%u~%u:%u", &c, &d, &e, &f) == 4) {
        t->aim = GT_FLOW;
        t->e = (uint16_t)e;
        t->f = (uint16_t)f;
    } else if (sscanf(at, "*:%u", &d) == 1) {
        t->aim = GT_LITERAL;
        c = 0;
    } else if (sscanf(at, "box:%u", &d) == 1) {
        t->aim = GT_BOX;
        c = 0;
    } else if (sscanf(at, "%u:%u", &c, &d) == 2) {
        t->aim = GT_DIRECT;
    } else {
        return false;
    }
    t->c = (uint16_t)c;
    t->d = (uint16_t)d;
    return true;
}

static bool read_step(gt_step *t, const char *line)
{
    char proto[16], op[8], at[64], odd[16] = "plain";
    unsigned a, b, x, y = 0;
    *t = (gt_step){0};
    if (sscanf(line, "wait %u", &x) == 1) {
        t->op = GT_WAIT;
        t->x = (uint16_t)x;
        return true;
    }
    if (sscanf(line, "%15s %7s %u:%u %63s %x %15s %x", proto, op, &a, &b, at, &x, odd, &y) < 6)
        return false;
    t->proto = proto_named(proto);
    while (t->odd < GT_ODDS && strcmp(odd, gt_odd_name(t->odd)))
        t->odd++;
    t->y = (uint16_t)y;
    while (t->op < GT_OPS && strcmp(op, OPS[t->op]))
        t->op++;
    t->a = (uint16_t)a;
    t->b = (uint16_t)b;
    t->x = (uint16_t)x;
    return t->proto && t->odd < GT_ODDS && t->op < GT_WAIT && read_aim(t, at);
}

/* "timers" and GT_TIMERS numbers of seconds. */
static bool read_timers(gt_script *s, const char *line)
{
    char *end = NULL;
    for (int i = 0; i < GT_TIMERS; i++, line = end) {
        unsigned long v = strtoul(line, &end, 10);
        if (end == line || v == 0 || v > 255)
            return false;
        s->timer[i] = (uint8_t)v;
    }
    return true;
}

bool gt_read_line(const char *line, gt_script *s)
{
    unsigned long long seed;
    if (sscanf(line, "# seed %llu", &seed) == 1)
        s->seed = seed;
    if (line[0] == '#' || line[0] == '\n')
        return true;
    if (!strncmp(line, "timers ", 7))
        return read_timers(s, line + 7);
    if (s->n == GT_STEPS || !read_step(&s->v[s->n], line))
        return false;
    s->n++;
    return true;
}
