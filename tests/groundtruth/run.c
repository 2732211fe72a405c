/* Drives a script through one side, and compares what came out of two. */
#include "tests/groundtruth/gt.h"

#include <string.h>

enum { ICMP = 1, TCP = 6, UDP = 17 };
enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

#define FLOWS 128
#define LUCKS 24
#define LATE 150u /* ms that a wait may be longer than it should: a script keeps 250 from every time-out */
#define SCTP_TAG_IN 0x11111111u  /* the verification tag that the end inside gives */
#define SCTP_TAG_OUT 0x22222222u /* and the one outside */

/* --- one side --- */

/* What is known of a flow between inside endpoint h:p and remote r:q on one side. */
typedef struct flow {
    uint8_t proto;
    uint16_t h, p, r, q;
    uint32_t ext_ip; /* 0: never seen outside */
    uint16_t ext_port;
    gt_raw out, in; /* the last packet as it was seen outside, and inside; n 0: none */
    struct tcp_end {
        uint32_t next, ack; /* TCP: what it sends next, what it has seen of the other */
        bool known;         /* |ack| means something */
        bool asked;         /* it has got a SYN and not answered */
        bool sent, fin;     /* it has sent a SYN alone; a FIN */
    } end[2];               /* GT_IN, GT_OUT */
} flow;

typedef struct runner {
    gt_side *side;
    uint16_t id, first; /* of the next datagram in fragments, and of the first of this script */
    uint32_t ms;        /* how long the last wait was; to be, when it is not 0 */
    bool skipped;       /* the last step had nothing to send */
    uint32_t n;
    flow v[FLOWS];
} runner;

static flow *find(runner *r, const flow *key)
{
    for (uint32_t i = 0; i < r->n; i++) {
        flow *f = &r->v[i];
        if (f->proto == key->proto && f->h == key->h && f->p == key->p && f->r == key->r && f->q == key->q)
            return f;
    }
    return NULL;
}

static flow *find_or_make(runner *r, const flow *key)
{
    flow *f = find(r, key);
    if (f || r->n == FLOWS)
        return f;
    f = &r->v[r->n++];
    *f = (flow){.proto = key->proto, .h = key->h, .p = key->p, .r = key->r, .q = key->q};
    f->end[GT_IN].next = 100000;
    f->end[GT_OUT].next = 900000;
    return f;
}

/* The external endpoint that a step is aimed at. */
static void aim_ext(runner *r, const gt_step *s, uint32_t *ip, uint16_t *port)
{
    flow key = {.proto = s->proto, .h = s->c, .p = s->d, .r = s->e, .q = s->f};
    const flow *f = s->aim == GT_FLOW ? find(r, &key) : NULL;
    *ip = f && f->ext_ip ? f->ext_ip : GT_EXT;
    *port = f && f->ext_ip ? f->ext_port : s->d;
}

/* True when |e| is in a state to do |act|. */
static bool tcp_may(const struct tcp_end *e, uint16_t act)
{
    bool open = e->known && !e->asked && !e->sent;
    switch (act) {
    case GT_TCP_ANSWER:
        return e->asked;
    case GT_TCP_DATA:
        return open;
    case GT_TCP_FIN:
        return open && !e->fin;
    case GT_TCP_AGAIN:
        return e->sent;
    case GT_TCP_SYN:
        return !e->known || e->asked || e->fin; /* of an open connection there must first be an end */
    default:
        return true;
    }
}

/* Where |e| stands in its numbers before the segment of |act|. */
static void tcp_begin(struct tcp_end *e, uint16_t act)
{
    if (act == GT_TCP_SYN) { /* a new connection */
        *e = (struct tcp_end){
            .next = e->next + 100000, .ack = e->ack, .known = e->asked, .asked = e->asked, .sent = true};
        return;
    }
    e->next -= act == GT_TCP_AGAIN || (act == GT_TCP_ANSWER && e->sent); /* the same SYN, in a simultaneous open too */
    e->sent &= act != GT_TCP_DATA && act != GT_TCP_FIN && act != GT_TCP_RST;
}

/* The segment by which |e|, which talks to |other|, does |act|; false when it cannot. */
static bool tcp_act(struct tcp_end *e, const struct tcp_end *other, gt_make *m, uint16_t act)
{
    static const uint8_t FLAGS[] = {0, SYN, SYN | ACK, PSH | ACK, FIN | ACK, RST, ACK, SYN};
    m->flags = FLAGS[act];
    if (act == GT_TCP_SYN && e->asked && e->sent)
        act = GT_TCP_AGAIN; /* nobody draws a new number in a simultaneous open */
    if (!tcp_may(e, act))
        return false;
    tcp_begin(e, act);
    if (act == GT_TCP_RST && e->known)
        m->flags |= ACK;
    if (act != GT_TCP_DATA && act != GT_TCP_NONE)
        m->n = 0;
    m->seq = e->next;
    m->ack = !(m->flags & ACK) ? 0 : e->known ? e->ack : other->next;
    if (act == GT_TCP_NONE)
        return true; /* whatever it says, the end that could have said it is where it was */
    e->next += (uint32_t)m->n + (m->flags & SYN ? 1 : 0) + (m->flags & FIN ? 1 : 0);
    e->fin |= (m->flags & FIN) != 0;
    e->asked &= act == GT_TCP_SYN || act == GT_TCP_AGAIN;
    if (act == GT_TCP_RST)
        e->known = false;
    return true;
}

/* |e| gets a segment of |flags| after which the other end is at |next|. */
static void tcp_got(struct tcp_end *e, uint8_t flags, uint32_t next)
{
    e->ack = next;
    e->known = !(flags & RST);
    e->asked = (flags & (SYN | ACK | RST)) == SYN;
    e->sent &= !(flags & RST) && (flags & (SYN | ACK)) != (SYN | ACK);
    if (flags & RST)
        e->fin = false;
}

static bool make_send(runner *r, const gt_step *s, gt_make *m)
{
    flow key = {.proto = s->proto, .h = s->a, .p = s->b, .r = s->c, .q = s->d};
    m->src = GT_INSIDE + s->a;
    m->sport = s->b;
    m->type = s->proto != ICMP ? (uint8_t)s->x : s->x ? 0 : 8;
    m->seq = SCTP_TAG_OUT;
    m->ack = SCTP_TAG_IN;
    if (s->aim == GT_DIRECT) {
        m->dst = GT_REMOTE + s->c;
        m->dport = s->d;
    } else if (s->aim == GT_BOX) {
        m->dst = GT_OWN;
        m->dport = s->d;
    } else {
        aim_ext(r, s, &m->dst, &m->dport);
    }
    if (s->proto == TCP) {
        if (s->aim != GT_DIRECT)
            key.r = 1000, key.q = m->dport;
        flow *f = find_or_make(r, &key);
        if (!f)
            return false;
        return tcp_act(&f->end[GT_IN], &f->end[GT_OUT], m, s->x);
    }
    return true;
}

static bool make_recv(runner *r, const gt_step *s, gt_make *m)
{
    m->src = GT_REMOTE + s->a;
    m->sport = s->b;
    m->type = s->proto != ICMP ? (uint8_t)s->x : s->x ? 8 : 0;
    m->seq = SCTP_TAG_IN;
    m->ack = SCTP_TAG_OUT;
    if (s->aim == GT_DIRECT) {
        m->dst = GT_INSIDE + s->c;
        m->dport = s->d;
    } else {
        aim_ext(r, s, &m->dst, &m->dport);
    }
    if (s->proto == ICMP && !s->x)
        m->sport = m->dport; /* a reply carries the identifier it was asked with */
    if (s->proto == TCP) {
        flow key = {.proto = TCP, .h = s->c, .p = s->d, .r = s->a, .q = s->b};
        flow *f = find_or_make(r, &key);
        if (!f)
            return false;
        return tcp_act(&f->end[GT_OUT], &f->end[GT_IN], m, s->x);
    }
    return true;
}

static bool make_error(runner *r, const gt_step *s, gt_make *m)
{
    flow key = {.proto = s->proto, .h = s->c, .p = s->d, .r = s->e, .q = s->f};
    const flow *f = find(r, &key);
    const gt_raw *about = !f ? NULL : s->op == GT_OERR ? &f->out : &f->in;
    if (!about || about->n == 0)
        return false;
    m->proto = ICMP;
    m->type = (uint8_t)(s->x >> 8);
    m->code = (uint8_t)s->x;
    m->src = s->op == GT_OERR ? GT_REMOTE + s->a : GT_INSIDE + s->a;
    m->dst = it_get32(about->b + 12);
    m->body = about->b;
    m->n = about->n;
    return true;
}

/* Remembers what |v| (with bytes |p|), which step |s| brought about, says of a flow. */
static void learn(runner *r, const gt_step *s, const gt_view *v, const gt_raw *p)
{
    bool ours = v->proto == s->proto && !v->inner && (v->frag & 0x1fff) == 0;
    if (s->odd == GT_TO || s->odd == GT_FROM || s->odd == GT_PORTS)
        return;
    flow key = {.proto = s->proto};
    if (s->op == GT_SEND && ours && v->dev == GT_OUT && s->aim == GT_DIRECT) {
        key.h = s->a, key.p = s->b, key.r = s->c, key.q = s->d;
        flow *f = find_or_make(r, &key);
        if (!f)
            return;
        f->ext_ip = v->src;
        f->ext_port = v->sport;
        f->out = *p;
        tcp_got(&f->end[GT_OUT], v->type, f->end[GT_IN].next);
    }
    if (s->op == GT_RECV && ours && v->dev == GT_IN) {
        key.h = (uint16_t)(v->dst - GT_INSIDE), key.p = v->dport, key.r = s->a, key.q = s->proto == ICMP ? 0 : s->b;
        flow *f = find_or_make(r, &key);
        if (!f)
            return;
        f->in = *p;
        tcp_got(&f->end[GT_IN], v->type, f->end[GT_OUT].next);
        if (f->ext_ip == 0)
            aim_ext(r, s, &f->ext_ip, &f->ext_port);
    }
}

/* True when |p| tells that a datagram was never whole of which an earlier script sent the fragments. */
static bool is_left_over(const runner *r, const gt_raw *p)
{
    bool told = p->n >= 48 && p->b[9] == ICMP && p->b[20] == 11 && p->b[21] == 1;
    return told && (uint16_t)(it_get16(p->b + 32) - r->first) >= (uint16_t)(r->id - r->first);
}

/* What has come out since the last step, into |seen|. */
static void collect(runner *r, const gt_step *s, int from, gt_seen *seen)
{
    gt_raw p;
    for (int dev = 0; dev < 2; dev++) {
        while (r->side->take(r->side, dev, &p)) {
            gt_view v;
            if (is_left_over(r, &p))
                continue;
            gt_parse(&v, dev, &p);
            v.own = dev == from && (v.proto == ICMP || v.proto == TCP) && s->op != GT_OERR && s->op != GT_IERR;
            v.own |= s->op == GT_WAIT; /* nothing else comes by itself */
            if (s->op != GT_WAIT)
                learn(r, s, &v, &p);
            if (seen->n < GT_VIEWS)
                seen->v[seen->n++] = v;
        }
    }
}

static void step(runner *r, uint32_t at, const gt_step *s, gt_seen *seen)
{
    uint8_t body[GT_PKT];
    gt_raw out[GT_RAWS];
    int from = s->op == GT_SEND || s->op == GT_IERR ? GT_IN : GT_OUT;
    gt_make m = {.proto = s->proto, .body = body, .n = gt_odd_body(s)};
    for (size_t i = 0; i < m.n; i++)
        body[i] = (uint8_t)(i * 7 + at);
    memcpy(body, "step", 4);
    it_put32(body + 4, at);
    seen->n = 0;
    if (s->op == GT_WAIT) {
        r->ms = r->side->wait(r->side, r->ms ? r->ms : s->x);
        r->side->settle(r->side);
        collect(r, s, -1, seen);
        return;
    }
    bool ok = s->op == GT_SEND ? make_send(r, s, &m) : s->op == GT_RECV ? make_recv(r, s, &m) : make_error(r, s, &m);
    r->skipped = !ok;
    if (!ok)
        return;
    gt_build(&out[0], &m);
    uint32_t n = gt_odd_apply(s, out, r->id);
    r->id = (uint16_t)(r->id + (s->odd == GT_FRAG));
    for (uint32_t i = 0; i < n; i++)
        r->side->send(r->side, from, &out[i]);
    r->side->settle(r->side);
    collect(r, s, from, seen);
}

void gt_print_seen(const char *who, const gt_seen *seen)
{
    char line[512];
    if (seen->n == 0)
        printf("  %s: nothing\n", who);
    for (uint32_t i = 0; i < seen->n; i++) {
        gt_view_text(&seen->v[i], line, sizeof line);
        printf("  %s: %s\n", who, line);
    }
}

/* --- two sides --- */

/* External ports that mean the same on both sides. */
typedef struct names {
    uint32_t n;
    struct {
        uint8_t proto;
        uint16_t k, m;
    } v[FLOWS];
    bool luck;
} names;

static bool is_ext(uint32_t ip)
{
    return ip >= GT_EXT && ip < GT_EXT + GT_EXT_N;
}

/* netfilter keeps a port within these (and picks from 600 on for those below 1024). */
static int class_of(uint16_t port)
{
    return port == 0 ? 0 : port < 512 ? 1 : port < 600 ? 2 : port < 1024 ? 3 : port >= 10000 && port < 11000 ? 4 : 5;
}

static bool same_class(const gt_case *c, uint8_t proto, uint16_t k, uint16_t m)
{
    int a = class_of(k), b = class_of(m);
    if (proto == ICMP)
        return true;
    if (strstr(c->name, "range") && a != b)
        return false;
    return a == b || (a >= 4 && b >= 4);
}

/* True when |k| and |m| name the same external port. |own|: the internal port when this packet may be the first from a
 * new one, else -1. */
static bool same_port(names *t, const gt_case *c, uint8_t proto, uint16_t k, uint16_t m, int own)
{
    for (uint32_t i = 0; i < t->n; i++) {
        if (t->v[i].proto != proto || (t->v[i].k != k && t->v[i].m != m))
            continue;
        if (t->v[i].k == k && t->v[i].m == m)
            return true;
        t->luck = true;
        return false;
    }
    if (k != m && (own < 0 || k == own || m == own || !same_class(c, proto, k, m))) {
        t->luck |= own >= 0 && c->random && same_class(c, proto, k, m);
        return false;
    }
    if (t->n < FLOWS) {
        t->v[t->n].proto = proto;
        t->v[t->n].k = k;
        t->v[t->n].m = m;
        t->n++;
    }
    return true;
}

/* The first thing but ports in which |k| and |m| differ, NULL when there is none. */
static const char *differ_head(const gt_view *k, const gt_view *m)
{
    if (k->dev != m->dev || k->proto != m->proto)
        return "kind";
    if (k->type != m->type || k->code != m->code || k->inner != m->inner || k->in_proto != m->in_proto)
        return "type";
    if (k->bad || m->bad)
        return k->bad ? "kernel's length" : "our length";
    if (k->src != m->src || k->dst != m->dst)
        return k->src != m->src ? "source address" : "destination address";
    if (k->in_src != m->in_src || k->in_dst != m->in_dst)
        return "embedded address";
    return NULL;
}

/* The first port in which they differ; outside, ports are the same up to renaming. */
static const char *differ_port(names *t, const gt_case *c, const gt_view *k, const gt_view *m, int own)
{
    if (is_ext(k->src) ? !same_port(t, c, k->proto, k->sport, m->sport, own) : k->sport != m->sport)
        return k->sport == own   ? "source port (kernel preserves)"
               : m->sport == own ? "source port (we preserve)"
                                 : "source port";
    bool query = k->proto == ICMP;
    if (!query && (is_ext(k->dst) ? !same_port(t, c, k->proto, k->dport, m->dport, -1) : k->dport != m->dport))
        return "destination port";
    if (is_ext(k->in_src) ? !same_port(t, c, k->in_proto, k->in_sport, m->in_sport, -1)
                          : k->in_proto != ICMP && k->in_sport != m->in_sport)
        return "embedded source port";
    if (is_ext(k->in_dst) ? !same_port(t, c, k->in_proto, k->in_dport, m->in_dport, -1)
                          : k->in_proto != ICMP && k->in_dport != m->in_dport)
        return "embedded destination port";
    return NULL;
}

/* The first byte in which they differ, ports and what follows from them apart. */
static const char *differ_bytes(const gt_view *k, const gt_view *m)
{
    static char text[32];
    gt_view a = *k, b = *m;
    gt_canon(&a);
    gt_canon(&b);
    if (a.n != b.n)
        return "length";
    for (uint32_t i = 0; i < a.n; i++) {
        if (a.b[i] == b.b[i])
            continue;
        snprintf(text, sizeof text, "byte %u", i);
        return text;
    }
    return NULL;
}

/* The name of the first thing in which |k| and |m| differ, NULL when they mean the same. */
static const char *differ(names *t, const gt_case *c, const gt_view *k, const gt_view *m, int own)
{
    const char *what = differ_head(k, m);
    if (!what)
        what = differ_port(t, c, k, m, own);
    if (what)
        return what;
    return differ_bytes(k, m);
}

static void outcome_text(const gt_seen *s, char *out, size_t cap)
{
    size_t n = 0;
    out[0] = 0;
    if (s->n == 0)
        snprintf(out, cap, "nothing");
    for (uint32_t i = 0; i < s->n && n + 40 < cap; i++) {
        const gt_view *v = &s->v[i];
        n += (size_t)snprintf(out + n, cap - n, "%s%s", i ? " + " : "", v->dev == GT_IN ? "inside " : "outside ");
        n += (size_t)snprintf(out + n, cap - n, "%s", gt_proto_name(v->proto));
        if (v->proto == ICMP)
            n += (size_t)snprintf(out + n, cap - n, " %u/%u", v->type, v->code);
        else if (v->proto == TCP)
            n += (size_t)snprintf(out + n, cap - n, " %02x", v->type);
    }
}

static void signature(gt_result *r, const gt_step *s, const char *what)
{
    static const char *const AIMS[GT_AIMS] = {"direct", "flow", "literal", "box"};
    static const char *const OPS[GT_OPS] = {"send", "recv", "oerr", "ierr", "wait"};
    char k[80], m[80];
    const char *proto = s->op == GT_WAIT ? "" : gt_proto_name(s->proto), *odd = s->odd ? gt_odd_name(s->odd) : "";
    outcome_text(&r->kernel, k, sizeof k);
    outcome_text(&r->model, m, sizeof m);
    if (what)
        snprintf(r->what, sizeof r->what, "%s %s %s%s%s: %s, %s differs", proto, OPS[s->op], AIMS[s->aim],
                 *odd ? " " : "", odd, k, what);
    else
        snprintf(r->what, sizeof r->what, "%s %s %s%s%s: kernel %s, we %s", proto, OPS[s->op], AIMS[s->aim],
                 *odd ? " " : "", odd, k, m);
}

/* True when step |s| did the same on both sides. */
static bool same(names *t, const gt_case *c, const gt_step *s, gt_result *r)
{
    int own = s->op != GT_SEND ? -1 : s->odd == GT_PORTS && (s->y & 1) ? 0 : s->b;
    t->luck = s->op == GT_RECV && (s->aim == GT_LITERAL || c->random); /* a port drawn may be the literal one */
    if (r->kernel.n != r->model.n) {
        signature(r, s, NULL);
        return false;
    }
    for (uint32_t i = 0; i < r->kernel.n; i++) {
        const char *what = differ(t, c, &r->kernel.v[i], &r->model.v[i], own);
        if (!what)
            continue;
        signature(r, s, strcmp(what, "kind") && strcmp(what, "type") ? what : NULL);
        return false;
    }
    return true;
}

/* Which of gt_result.did the outcome of |s| is. */
static int deed(const gt_step *s, const gt_seen *seen)
{
    if (seen->n == 0)
        return 3;
    const gt_view *v = &seen->v[0];
    if (v->inner && (s->op == GT_SEND || s->op == GT_RECV))
        return 2;
    return v->dev == GT_OUT ? 0 : 1;
}

void gt_run(const gt_script *s, const gt_case *c, gt_side *kernel, gt_side *model, uint64_t luck, gt_result *r)
{
    static runner k, m; /* large */
    names t = {.n = 0};
    k.side = kernel;
    m.side = model;
    static uint16_t id; /* goes on from script to script: fragments of an earlier one may still wait in the kernel */
    k.n = m.n = 0;
    k.id = k.first = m.id = m.first = id;
    *r = (gt_result){.at = s->n};
    if (s->timer[0]) {
        kernel->timers(kernel, s->timer);
        model->timers(model, s->timer);
    }
    kernel->reset(kernel, luck);
    model->reset(model, luck);
    bool late = false;
    for (uint32_t i = 0; i < s->n; i++) {
        k.ms = 0;
        step(&k, i, &s->v[i], &r->kernel);
        m.ms = k.ms; /* as long as it really was on the kernel's side */
        late |= s->v[i].op == GT_WAIT && k.ms > s->v[i].x + LATE;
        step(&m, i, &s->v[i], &r->model);
        id = k.id;
        if (same(&t, c, &s->v[i], r)) {
            if (s->v[i].op != GT_WAIT && (r->kernel.n || !m.skipped))
                r->did[deed(&s->v[i], &r->kernel)]++;
            continue;
        }
        r->at = i;
        r->luck = t.luck || late;
        return;
    }
}

void gt_compare(const gt_script *s, const gt_case *c, gt_side *kernel, gt_side *model, gt_result *r)
{
    for (uint64_t luck = 0; luck < LUCKS; luck++) {
        gt_run(s, c, kernel, model, s->seed * LUCKS + luck, r);
        if (r->at == s->n || !r->luck)
            return;
    }
}

void gt_shrink(gt_script *s, const gt_case *c, gt_side *kernel, gt_side *model, gt_result *r)
{
    bool again = true;
    s->n = r->at + 1;
    while (again) {
        again = false;
        for (uint32_t i = s->n; i-- > 0;) {
            gt_script t = *s;
            gt_result q;
            memmove(&t.v[i], &t.v[i + 1], (t.n - i - 1) * sizeof *t.v);
            t.n--;
            gt_compare(&t, c, kernel, model, &q);
            if (q.at == t.n || strcmp(q.what, r->what))
                continue;
            *s = t;
            s->n = q.at + 1;
            *r = q;
            again = true;
            break;
        }
    }
}
