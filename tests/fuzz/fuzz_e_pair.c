/* Two sockets of model E under a hostile script and a hostile network, watched by a monitor that knows the whitelist
 * from events alone: nothing but checks and their answers leaves towards an address that has not succeeded, or whose
 * success is older than a permission lives; and credentials that lapsed somewhere never succeed there again. */
#include "stack/e/e.h"
#include "stack/stun/msg.h"
#include "tests/fuzz/ends.h"

#define SUCCESSES 256

/* A success as the monitor saw it. */
typedef struct success {
    uint32_t flow;
    it_addr to;
    it_time at;
    unsigned creds; /* generation of the far side that was asked */
} success;

typedef struct end {
    it_e *e;
    it_addr base[2];
    bool has[2];
    success ok[SUCCESSES];
    int n_ok;
    int media;
    unsigned generation;
} end;

typedef struct rig {
    it_alloc mem;
    it_time now, life;
    end e[2];
    ends_wire wire;
} rig;

static const char *const PWD[2][4] = {
    {"alicePasswordOf22Let0r", "alicePasswordOf22Let1r", "alicePasswordOf22Let2r", "alicePasswordOf22Let3r"},
    {"bobbyPasswordOf22Let0r", "bobbyPasswordOf22Let1r", "bobbyPasswordOf22Let2r", "bobbyPasswordOf22Let3r"}};
static const char *const FRAG[2][4] = {{"alic", "alid", "alie", "alif"}, {"bobb", "bobc", "bobd", "bobe"}};
static const char *const FAR[] = {"198.51.100.1:2000", "192.0.2.1:1000", "203.0.113.7:53",
                                  "[2001:db8::9]:5",   "10.0.0.1:80",    "198.51.100.1:2001"};

static success *find(end *x, uint32_t flow, it_addr to)
{
    for (int i = 0; i < x->n_ok; i++)
        if (x->ok[i].flow == flow && it_addr_eq(x->ok[i].to, to))
            return &x->ok[i];
    return NULL;
}

static bool fresh(const rig *r, end *x, uint32_t flow, it_addr to)
{
    const success *s = find(x, flow, to);
    return s && r->now < s->at + r->life;
}

/* Which of the far side's generations the fragment |user| is of. */
static unsigned generation_of(int far, const char *user)
{
    for (unsigned k = 0; k < 4; k++)
        if (strcmp(user, FRAG[far][k]) == 0)
            return k;
    return 99; /* some other fragment, which the far side's answer cannot be for */
}

static void on_success(rig *r, int i, const it_model_event *ev)
{
    end *x = &r->e[i];
    uint32_t flow = 2;
    for (uint32_t k = 0; k < 2; k++)
        if (x->has[k] && it_addr_eq(x->base[k], ev->base))
            flow = k;
    MUST(flow < 2);
    unsigned own = generation_of(i, ev->user), far = generation_of(1 - i, ev->user);
    MUST(own < 4 || far < 4);
    unsigned creds = far < 4 ? far : 10 + own;
    success *s = find(x, flow, ev->remote);
    if (s) /* RFC 7675 section 5.1 */
        MUST(s->creds != creds || r->now < s->at + r->life);
    if (!s) {
        MUST(x->n_ok < SUCCESSES);
        s = &x->ok[x->n_ok++];
    }
    *s = (success){flow, ev->remote, r->now, creds};
}

static bool events(rig *r, int i)
{
    it_model_event ev;
    int media;
    bool any = false;
    while (it_e_event_next(r->e[i].e, &ev, &media) == 1) {
        any = true;
        if (ev.kind == IT_EV_SUCCESS)
            on_success(r, i, &ev);
    }
    return any;
}

/* The monitor. */
static void may_leave(rig *r, int i, const it_io *out)
{
    it_stun_msg m;
    MUST(out->flow < 2);
    bool stun = it_stun_is(out->data) && it_stun_parse(&m, out->data) == 0 && m.method == IT_STUN_BINDING &&
                m.cls != IT_STUN_INDICATION;
    MUST(stun || fresh(r, &r->e[i], out->flow, out->remote));
}

static bool drain_end(rig *r, int i)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io out;
    int n;
    bool any = events(r, i);
    while ((n = it_e_output(r->e[i].e, r->now, &out, buf, sizeof buf)) == 1) {
        any = true;
        may_leave(r, i, &out);
        if (r->e[i].has[out.flow])
            ends_put(&r->wire, (ends_item){.to = 1 - i, .src = r->e[i].base[out.flow], .dst = out.remote}, out.data);
    }
    MUST(n == 0);
    any |= events(r, i);
    return any;
}

static void drain(rig *r)
{
    bool any = true;
    for (int round = 0; any; round++) {
        MUST(round < 2000);
        any = drain_end(r, 0);
        any |= drain_end(r, 1);
    }
}

static void give(rig *r, int to, it_addr src, it_addr dst, it_bytes d)
{
    end *x = &r->e[to];
    for (uint32_t f = 0; f < 2; f++) {
        if (!x->has[f] || !it_addr_eq(x->base[f], dst))
            continue;
        uint8_t *exact = fuzz_exact(d);
        it_io in = {.kind = IT_IO_DGRAM, .flow = f, .local = dst, .remote = src, .data = it_bytes_of(exact, d.n)};
        MUST(it_e_input(x->e, r->now, &in) == (int)d.n);
        free(exact);
        return;
    }
}

static void deliver_at(rig *r, int i, const it_addr *from, fuzz *mutate)
{
    ends_item it = ends_take(&r->wire, i);
    if (mutate)
        ends_mutate(mutate, &it);
    give(r, it.to, from ? *from : it.src, it.dst, it_bytes_of(it.d, it.n));
    free(it.d);
}

static void tick(rig *r, it_time to)
{
    r->now = to > r->now ? to : r->now;
    for (int i = 0; i < 2; i++) {
        if (it_e_next(r->e[i].e) > r->now)
            continue;
        MUST(it_e_tick(r->e[i].e, r->now) == 0);
        MUST(it_e_next(r->e[i].e) > r->now);
    }
}

static it_time next(const rig *r)
{
    it_time a = it_e_next(r->e[0].e), b = it_e_next(r->e[1].e);
    return a < b ? a : b;
}

static void flow(rig *r, int n)
{
    for (int k = 0; k < n; k++) {
        drain(r);
        for (int m = r->wire.n; m > 0 && r->wire.n; m--)
            deliver_at(r, 0, NULL, NULL);
        drain(r);
        if (r->wire.n)
            continue;
        it_time t = next(r);
        if (t == IT_NEVER || t > r->now + IT_SEC)
            return;
        tick(r, t);
    }
}

static void test(rig *r, int w, unsigned k, it_addr to, fuzz *f)
{
    unsigned how = fuzz_u8(f);
    int who = how & 1 ? w : 1 - w; /* its own credentials: a reflection */
    unsigned g = how & 2 ? fuzz_u8(f) & 3 : r->e[who].generation;
    it_e_check t = {.to = to, .ufrag = FRAG[who][g], .pwd = PWD[who][g], .priority = fuzz_u16(f)};
    t.controlling = (k & 128) != 0;
    t.nominate = t.controlling && (k & 32);
    t.tries = (int)(k & 7);
    int n = it_e_test(r->e[w].e, r->now, &t);
    MUST(n == 0 || n == IT_ERR_RATE || n == IT_ERR_RANGE || n == IT_ERR_NOROUTE || n == IT_ERR_PERM);
}

static void media(rig *r, int w, unsigned k, it_addr to)
{
    it_e_media m = {.to = to, .client = (k & 128) != 0, .voice = (k & 8) != 0, .far_voice = (k & 16) != 0};
    memcpy(m.fingerprint, it_dtls_cert_fingerprint(ends_cert[1 - w]), sizeof m.fingerprint);
    if (k & 32)
        m.fingerprint[0] ^= 1;
    int n = it_e_open_media(r->e[w].e, r->now, &m);
    MUST(n >= 0 || n == IT_ERR_PERM || n == IT_ERR_FULL);
    if (n >= 0)
        r->e[w].media = n;
}

static void interface(rig *r, int w, uint32_t k)
{
    end *x = &r->e[w];
    if (!x->has[k]) {
        MUST(it_e_add_base(x->e, r->now, (int)k, x->base[k]) == 0);
        x->has[k] = true;
        return;
    }
    it_e_remove_base(x->e, r->now, (int)k);
    x->has[k] = false;
    int kept = 0;
    for (int i = 0; i < x->n_ok; i++)
        if (x->ok[i].flow != k)
            x->ok[kept++] = x->ok[i];
    x->n_ok = kept;
}

static void renew(rig *r, int w)
{
    end *x = &r->e[w];
    unsigned g = (x->generation + 1) & 3;
    MUST(it_e_restart(x->e, r->now, FRAG[w][g], PWD[w][g]) == 0);
    x->generation = g;
}

static void on_wire(rig *r, unsigned op, unsigned k, it_addr to, fuzz *f)
{
    if (!r->wire.n)
        return;
    int i = (int)(k % (unsigned)r->wire.n);
    const ends_item *it = &r->wire.v[i];
    if (op == 6)
        deliver_at(r, i, NULL, NULL);
    else if (op == 7)
        give(r, it->to, it->src, it->dst, it_bytes_of(it->d, it->n));
    else if (op == 8)
        deliver_at(r, i, NULL, f);
    else
        deliver_at(r, i, &to, NULL);
}

static void step(rig *r, fuzz *f)
{
    unsigned op = fuzz_u8(f), k = fuzz_u8(f);
    int w = op >> 4 & 1, n;
    end *x = &r->e[w];
    uint8_t d[96];
    it_addr none = {{0, 0}, 0}, to = k & 64 ? r->e[1 - w].base[0] : ends_addr(FAR[k % 6]);
    switch (op & 15) {
    case 0:
    case 1:
        test(r, w, k, to, f);
        break;
    case 2:
        media(r, w, k, to);
        break;
    case 3:
        n = it_e_send(x->e, r->now, to, none, it_bytes_str("raw data"));
        MUST(n == 0 || n == IT_ERR_PERM || n == IT_ERR_FULL);
        break;
    case 4:
        n = it_e_move(x->e, r->now, x->media, to, none, IT_ICE_HOST);
        MUST(n == 0 || n == IT_ERR_PERM || n == IT_ERR_STATE || n == IT_ERR_NOTFOUND);
        break;
    case 5:
        flow(r, (int)(k & 15) + 1);
        break;
    case 6:
    case 7:
    case 8:
    case 14:
        on_wire(r, op & 15, k, to, f);
        break;
    case 9:
        tick(r, r->now + (it_time)fuzz_u16(f) * IT_MS);
        break;
    case 10:
        if (next(r) != IT_NEVER)
            tick(r, next(r));
        break;
    case 11:
        if (k & 128)
            renew(r, w);
        else
            interface(r, w, k & 1);
        break;
    case 12:
        (void)!it_e_media_send(x->e, r->now, x->media, it_bytes_str("m"));
        break;
    case 13:
        if (k > 220)
            it_e_media_close(x->e, r->now, x->media);
        else
            give(r, w, to, x->base[0], it_bytes_of(d, ends_forge(f, d)));
        break;
    default:
        give(r, w, to, x->base[0], fuzz_bytes(f));
    }
}

static void begin(rig *r, fuzz *f)
{
    static const char *const BASE[2][2] = {{"192.0.2.1:1000", "192.0.2.2:1001"},
                                           {"198.51.100.1:2000", "198.51.100.1:2001"}};
    r->life = (1 + (it_time)(fuzz_u8(f) & 31)) * IT_SEC;
    for (int i = 0; i < 2; i++) {
        it_e_cfg c = {.alloc = &r->mem, .seed = 7, .name = i ? "bob/e1" : "alice/e1", .shared = ends_shared};
        c.ufrag = FRAG[i][0];
        c.pwd = PWD[i][0];
        c.cert = ends_cert[i];
        c.expiry = r->life;
        c.alternatives = true;
        MUST(it_timers_named(&c.timers, "rfc") == 0);
        r->e[i].e = it_e_new(&c);
        MUST(r->e[i].e);
        for (int k = 0; k < 2; k++)
            r->e[i].base[k] = ends_addr(BASE[i][k]);
        MUST(it_e_add_base(r->e[i].e, 0, 0, r->e[i].base[0]) == 0);
        r->e[i].has[0] = true;
        r->e[i].media = -1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static rig r;
    fuzz f = {data, size};
    ends_once();
    memset(&r, 0, sizeof r);
    it_alloc_init(&r.mem);
    begin(&r, &f);
    for (int i = 0; f.n && i < ENDS_STEPS; i++) {
        step(&r, &f);
        drain(&r);
    }
    for (int i = 0; i < 2; i++)
        it_e_free(r.e[i].e);
    ends_clear(&r.wire);
    MUST(r.mem.live == 0);
    return 0;
}
