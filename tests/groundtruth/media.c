/* Media and replies by TCP: our TCP in virtual time and the kernel's in real time through the same link with the same
 * losses, and how long frames and replies take on both. */
#include "tests/groundtruth/media.h"

#include "netsim/box/router.h"
#include "tests/groundtruth/gt.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define FRAME 200u
#define SPACING (20 * IT_MS)
#define REQUEST 100u
#define LATE 100000u /* us: later than that is a frame nobody hears */
#define GIVE_UP (300 * IT_SEC)

/* A little jitter on both sides: a round trip that is a multiple of the spacing of frames to the nanosecond is one that
 * no machine sees, and whether a frame or the acknowledgment comes first then decides how much is under way. */
static it_link_cfg media_link(const media_cell *c)
{
    it_link_dir_cfg dir = {.delay = c->delay, .jitter = 200 * IT_US, .loss_ppm = c->loss};
    if (c->kind == MEDIA_BULK) {
        dir.rate = 30000000;
        dir.queue = 256 << 10;
    }
    return (it_link_cfg){.name = "wire", .dir = {dir, dir}};
}

/* Two routers with a link of a small MTU between the wire and |b|. Returns the one that the wire goes to. */
static it_node *small_link(it_world *w, const media_cell *c, it_node *b)
{
    it_link_dir_cfg dir = {.mtu = c->mtu, .mtu_silent = c->silent};
    it_link_cfg mid = {.name = "mid", .dir = {dir, dir}}, out = {.name = "out"};
    it_node *r[2] = {it_router_new(w, "near"), it_router_new(w, "far")};
    it_prefix to[2] = {{it_ip4(0x0a090001u), 128}, {it_ip4(0x0a090002u), 128}};
    it_ip none = {0, 0};
    bool ok = r[0] && r[1];
    for (int i = 0; i < 4 && ok; i++)
        ok = it_node_add_port(r[i / 2], i % 2 ? "out" : "in") >= 0;
    ok = ok && it_link_new(w, &mid, r[0], 1, r[1], 0) >= 0 && it_link_new(w, &out, r[1], 1, b, 0) >= 0;
    for (int i = 0; i < 4 && ok; i++)
        ok = it_router_route(r[i / 2], to[i % 2], i % 2, none) == 0 &&
             it_router_addr(r[i / 2], i % 2, it_ip4(0x0a0900fdu + (uint32_t)(i / 2))) == 0;
    return ok ? r[0] : NULL;
}

bool media_path(it_world *w, const media_cell *c, it_node *a, it_node *b)
{
    it_link_cfg wire = media_link(c);
    it_node *next = c->mtu ? small_link(w, c, b) : b;
    return next && it_link_new(w, &wire, a, 0, next, 0) >= 0;
}

/* --- traffic --- */

typedef struct flow {
    bool open, asked, over;
    it_time begin;      /* of the stream, of this reply */
    uint64_t sent, got; /* bytes that A sent and B got; of a reply: B sent, A got */
    uint32_t asked_for; /* bytes of the request that B has read */
    uint32_t done;      /* frames, replies */
} flow;

typedef struct run {
    const media_cell *c;
    media_stack *s;
    flow f[MEDIA_FLOWS];
    media_result *r;
    uint8_t buf[65536];
} run;

static void sample(run *m, it_time took)
{
    if (m->r->n < MEDIA_SAMPLES)
        m->r->v[m->r->n++] = (uint32_t)(took / IT_US);
}

/* Keeps account of the window of flow |i|. */
static void look(run *m, uint32_t i)
{
    uint32_t cwnd;
    uint64_t again;
    m->s->look(m->s->self, i, &cwnd, &again);
    m->r->cwnd += cwnd;
    m->r->looks++;
    if (m->f[i].over)
        m->r->again += again;
}

/* A stream of frames from A to B; a frame that the stack does not take at once waits, and its time runs. */
static void pump_voice(run *m, uint32_t i, it_time now)
{
    flow *f = &m->f[i];
    uint64_t due = now < f->begin ? 0 : (uint64_t)((now - f->begin) / SPACING) + 1, n = m->c->count;
    due = (due < n ? due : n) * FRAME;
    while (f->sent < due) { /* each frame by itself */
        size_t k = m->s->write(m->s->self, i, MEDIA_A, m->buf, FRAME - f->sent % FRAME);
        if (k == 0)
            break;
        f->sent += k;
    }
    size_t k;
    while (m->s->ready(m->s->self, i, MEDIA_B) && (k = m->s->read(m->s->self, i, MEDIA_B, m->buf, sizeof m->buf)))
        f->got += k;
    for (; f->done < f->got / FRAME; f->done++)
        sample(m, now - (f->begin + f->done * SPACING));
    f->over = f->done == n;
    look(m, i);
}

/* A asks, B answers: from the request to the last byte. Each on a connection of its own. */
static void pump_reply(run *m, uint32_t i, it_time now)
{
    flow *f = &m->f[i];
    media_stack *s = m->s;
    size_t k;
    if (!f->asked) {
        f->asked = true;
        f->begin = now;
        (void)!s->write(s->self, i, MEDIA_A, m->buf, REQUEST);
    }
    if (!s->ready(s->self, i, MEDIA_B))
        return;
    while (f->asked_for < REQUEST && (k = s->read(s->self, i, MEDIA_B, m->buf, sizeof m->buf)))
        f->asked_for += (uint32_t)k;
    while (f->asked_for >= REQUEST && f->sent < m->c->size) {
        uint64_t left = m->c->size - f->sent;
        k = s->write(s->self, i, MEDIA_B, m->buf, left < sizeof m->buf ? (size_t)left : sizeof m->buf);
        if (k == 0)
            break;
        f->sent += k;
    }
    while ((k = s->read(s->self, i, MEDIA_A, m->buf, sizeof m->buf)))
        f->got += k;
    if (f->got < m->c->size)
        return;
    sample(m, now - f->begin);
    s->close(s->self, i);
    uint32_t done = f->done + 1;
    *f = (flow){.done = done, .over = done == m->c->count};
}

static void pump_bulk(run *m, uint32_t i, it_time now)
{
    flow *f = &m->f[i];
    size_t k;
    if (!f->asked) {
        f->asked = true;
        f->begin = now;
    }
    while ((k = m->s->write(m->s->self, i, MEDIA_A, m->buf, sizeof m->buf)))
        f->sent += k;
    while (m->s->ready(m->s->self, i, MEDIA_B) && (k = m->s->read(m->s->self, i, MEDIA_B, m->buf, sizeof m->buf)))
        f->got += k;
    if (now < f->begin + m->c->length)
        return;
    f->over = true;
    m->r->v[m->r->n++] = (uint32_t)(f->got * 8 / (uint64_t)(m->c->length / IT_MS));
}

static void (*const PUMPS[])(run *m, uint32_t i, it_time now) = {
    [MEDIA_VOICE] = pump_voice, [MEDIA_REPLY] = pump_reply, [MEDIA_BULK] = pump_bulk};

/* One turn of flow |i|; when its next thing is due, into |*next|. */
static bool turn(run *m, uint32_t i, it_time now, it_time *next)
{
    flow *f = &m->f[i];
    it_time start = (it_time)i * 7 * IT_MS;
    if (f->over)
        return true;
    if (now < start) {
        *next = start < *next ? start : *next;
        return true;
    }
    if (!f->open) {
        if (!m->s->open(m->s->self, i))
            return false;
        f->open = true;
    }
    if (!m->s->ready(m->s->self, i, MEDIA_A))
        return true;
    if (m->c->kind == MEDIA_VOICE && f->begin == 0)
        f->begin = now;
    PUMPS[m->c->kind](m, i, now);
    it_time due =
        m->c->kind == MEDIA_VOICE ? f->begin + (now - f->begin) / SPACING * SPACING + SPACING : now + 20 * IT_MS;
    if (m->c->kind == MEDIA_REPLY && !f->open && !f->over)
        due = now; /* the next connection at once */
    *next = due < *next ? due : *next;
    return true;
}

static bool run_cell(run *m)
{
    for (;;) {
        it_time now = m->s->now(m->s->self), next = now + IT_SEC;
        bool over = true;
        for (uint32_t i = 0; i < m->c->flows; i++) {
            if (!turn(m, i, now, &next))
                return false;
            over = over && m->f[i].over;
        }
        if (over)
            return true;
        if (now > GIVE_UP || !m->s->wait(m->s->self, next))
            return false;
    }
}

static void measure(const media_cell *c, media_stack *(*make)(const media_cell *c, char why[80]), media_result *r)
{
    static run m;
    m = (run){.c = c, .r = r};
    m.s = make(c, r->why);
    r->ok = m.s && run_cell(&m);
    if (!r->ok && !r->why[0])
        snprintf(r->why, sizeof r->why, "it does not end");
}

/* --- many cells, a process each --- */

#define SEEDS 5

typedef struct plan {
    media_cell *cells;
    media_result *ours, *kernel;
    size_t n, cap;
    double factor; /* how far apart the two may be */
} plan;

static void add_cells(plan *p, media_cell c)
{
    static const uint32_t LOSSES[] = {0, 10000, 30000, 50000};
    static const it_time DELAYS[] = {20 * IT_MS, 50 * IT_MS};
    uint64_t seeds = c.seed;
    for (size_t d = 0; d < 2; d++)
        for (size_t l = 0; l < 4; l++)
            for (uint64_t s = 1; s <= seeds && p->n < p->cap; s++) {
                c.loss = LOSSES[l];
                c.delay = DELAYS[d];
                c.seed = s;
                p->cells[p->n++] = c;
            }
}

static pid_t start_cell(const plan *p, size_t i)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    measure(&p->cells[i], media_ours, &p->ours[i]);
    measure(&p->cells[i], media_kernel, &p->kernel[i]);
    _exit(0);
}

/* As many as leave the machine time for each. */
static size_t at_a_time(const media_cell *c)
{
    static const size_t MOST[] = {[MEDIA_VOICE] = 12, [MEDIA_REPLY] = 3, [MEDIA_BULK] = 2};
    return MOST[c->kind];
}

static void run_all(const plan *p)
{
    size_t running = 0;
    for (size_t i = 0; i < p->n; i++) {
        while (running >= at_a_time(&p->cells[i])) {
            (void)!waitpid(-1, NULL, 0);
            running--;
        }
        running += start_cell(p, i) > 0;
    }
    while (running--)
        (void)!waitpid(-1, NULL, 0);
}

/* --- judging --- */

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

typedef struct figures {
    size_t n;
    double p50, p95, p99, late, mean, cwnd, again;
} figures;

/* Those of the |n| results at |r| together. */
static figures figures_of(const media_result *r, size_t n)
{
    figures f = {0};
    uint32_t *all = malloc(n * sizeof r->v), late = 0;
    double sum = 0;
    for (size_t i = 0; all && i < n; i++) {
        memcpy(all + f.n, r[i].v, r[i].n * sizeof *all);
        f.n += r[i].n;
        f.cwnd += r[i].looks ? (double)r[i].cwnd / (double)r[i].looks / (double)n : 0;
        f.again += (double)r[i].again;
    }
    for (size_t i = 0; i < f.n; i++) {
        late += all[i] > LATE;
        sum += all[i];
    }
    if (f.n) {
        qsort(all, f.n, sizeof *all, by_value);
        f.p50 = all[f.n / 2] / 1000.0;
        f.p95 = all[f.n * 95 / 100] / 1000.0;
        f.p99 = all[f.n * 99 / 100] / 1000.0;
        f.mean = sum / (double)f.n / 1000.0;
        f.late = 100.0 * late / (double)f.n;
    }
    free(all);
    return f;
}

/* Within |factor| of one another, or |slack|. */
static bool alike(double ours, double kernel, double factor, double slack)
{
    double more = ours > kernel ? ours : kernel, less = ours > kernel ? kernel : ours;
    return more <= less * factor || more - less <= slack;
}

/* What a row is judged by. The 99th of a hundred replies is one of a few that lost several segments: told, not judged.
 */
static bool judge(const media_cell *c, const figures *o, const figures *k, double factor)
{
    if (c->kind == MEDIA_BULK)
        return alike(o->mean, k->mean, factor, 0.1);
    bool ok =
        alike(o->p50, k->p50, factor, 3) && alike(o->p95, k->p95, factor, 5) && alike(o->mean, k->mean, factor, 3);
    if (c->kind == MEDIA_VOICE)
        ok = ok && alike(o->p99, k->p99, factor, 10) && alike(o->late, k->late, factor, 0.5);
    return ok;
}

static const char *kind_name(const media_cell *c, char buf[24])
{
    if (c->kind == MEDIA_REPLY)
        snprintf(buf, 24, "reply %u kB", c->size / 1000);
    return c->kind == MEDIA_REPLY ? buf : c->kind == MEDIA_BULK ? "bulk" : "voice";
}

/* One row: cells |from| to before |to| differ in their seeds alone. True when ours is like the kernel's. */
static bool print_row(const plan *p, size_t from, size_t to)
{
    char buf[24];
    const media_cell *c = &p->cells[from];
    for (size_t i = from; i < to; i++) {
        const media_result *bad = !p->ours[i].ok ? &p->ours[i] : !p->kernel[i].ok ? &p->kernel[i] : NULL;
        if (bad) {
            printf("FAIL %-12s %u %% %2d ms seed %zu: %s: %s\n", kind_name(c, buf), c->loss / 10000,
                   (int)(c->delay / IT_MS), i - from + 1, bad == &p->ours[i] ? "ours" : "kernel", bad->why);
            return false;
        }
    }
    figures o = figures_of(p->ours + from, to - from), k = figures_of(p->kernel + from, to - from);
    bool ok = judge(c, &o, &k, p->factor);
    if (c->kind == MEDIA_BULK) {
        printf("%s bulk         %u %% %2d ms  %6.2f | %6.2f Mbit/s\n", ok ? "ok  " : "FAIL", c->loss / 10000,
               (int)(c->delay / IT_MS), o.mean, k.mean);
        return ok;
    }
    printf("%s %-12s %u %% %2d ms  p50 %5.0f | %5.0f  p95 %5.0f | %5.0f  p99 %5.0f | %5.0f  mean %5.1f | %5.1f ms",
           ok ? "ok  " : "FAIL", kind_name(c, buf), c->loss / 10000, (int)(c->delay / IT_MS), o.p50, k.p50, o.p95,
           k.p95, o.p99, k.p99, o.mean, k.mean);
    if (c->kind == MEDIA_VOICE)
        printf("  late %5.2f | %5.2f %%  cwnd %4.1f | %4.1f  again %5.0f | %5.0f", o.late, k.late, o.cwnd, k.cwnd,
               o.again, k.again);
    printf("\n");
    return ok;
}

static bool same_row(const media_cell *a, const media_cell *b)
{
    return a->kind == b->kind && a->size == b->size && a->loss == b->loss && a->delay == b->delay;
}

static void *shared(size_t n)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

int gt_media(bool quick, const char *only)
{
    uint64_t seeds = quick ? 1 : SEEDS;
    const media_cell kinds[] = {
        {.kind = MEDIA_VOICE, .flows = 5, .count = quick ? 1000 : 3000, .seed = seeds},
        {.kind = MEDIA_REPLY, .size = 1000, .flows = 12, .count = quick ? 10 : 20, .seed = seeds},
        {.kind = MEDIA_REPLY, .size = 14000, .flows = 12, .count = quick ? 10 : 20, .seed = seeds},
        {.kind = MEDIA_REPLY, .size = 100000, .flows = 12, .count = quick ? 5 : 10, .seed = seeds},
        {.kind = MEDIA_BULK, .flows = 1, .length = quick ? 5 * IT_SEC : 20 * IT_SEC, .seed = seeds},
    };
    plan p = {.cap = 512, .factor = quick ? 1.5 : 1.25}; /* one seed proves less */
    char buf[24];
    bool ok = true;
    p.cells = calloc(p.cap, sizeof *p.cells);
    for (size_t i = 0; p.cells && i < sizeof kinds / sizeof *kinds; i++)
        if (!only || strcmp(only, kind_name(&kinds[i], buf)) == 0)
            add_cells(&p, kinds[i]);
    p.ours = shared(p.n * sizeof *p.ours);
    p.kernel = shared(p.n * sizeof *p.kernel);
    if (!p.cells || !p.ours || !p.kernel)
        return 1;
    run_all(&p);
    printf("TCP media: ours | the kernel's, %u seeds\n", (unsigned)seeds);
    for (size_t from = 0, to; from < p.n; from = to) {
        for (to = from + 1; to < p.n && same_row(&p.cells[from], &p.cells[to]); to++)
            continue;
        ok &= print_row(&p, from, to);
    }
    free(p.cells);
    return ok ? 0 : 1;
}
