/* Two whole ends of model B on a wire that loses, doubles, delays, cuts and changes what the input says, with blobs
 * that come late and strange, interfaces that come and go, restarts, and a forger who writes any source address.
 *
 * What holds throughout: results are documented, next() lies ahead after a tick, nothing but what is queued leaves by a
 * base that is not there, open and death come once and in order, nothing follows the end, every blob that leaves can be
 * read, and nothing is left at the end. While the wire is only forged upon (no honest datagram changed), nobody dies of
 * security. */
#include "stack/b/b.h"
#include "stack/b/blob.h"
#include "tests/fuzz/ends.h"

#define OLD 16 /* blobs kept of an end */

typedef struct end {
    it_b *b;
    it_addr base[2];
    bool has[2];
    int opens;
    bool over;
    uint8_t *old[OLD];
    size_t n_old[OLD];
    unsigned count;
} end;

typedef struct rig {
    it_alloc mem;
    it_time now;
    end e[2];
    ends_wire wire;
    bool bent; /* an honest datagram or blob was changed */
} rig;

static void keep_blob(rig *r, int i, it_bytes blob)
{
    end *x = &r->e[i];
    it_blob b;
    static it_ice_cand c[IT_BLOB_CANDS];
    MUST(blob.n <= IT_BLOB_MAX && it_blob_read(&b, blob, c, IT_BLOB_CANDS, NULL) == 0 && b.left_out == 0);
    unsigned s = x->count++ % OLD;
    free(x->old[s]);
    x->old[s] = fuzz_exact(blob);
    x->n_old[s] = blob.n;
    ends_put(&r->wire, (ends_item){.to = 1 - i, .blob = true}, blob);
}

static void on_event(rig *r, int i, const it_model_event *ev)
{
    end *x = &r->e[i];
    MUST(!x->over || ev->kind == IT_EV_SECRET);
    switch (ev->kind) {
    case IT_EV_OPEN:
        MUST(x->opens++ == 0);
        break;
    case IT_EV_DEATH:
        MUST(r->bent || ev->reason != IT_REASON_SECURITY);
        x->over = true;
        break;
    case IT_EV_CLOSED:
        x->over = true;
        break;
    case IT_EV_SIGNAL:
        keep_blob(r, i, ev->data);
        break;
    default:
        break;
    }
}

static bool drain_end(rig *r, int i)
{
    end *x = &r->e[i];
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io out;
    it_model_event ev;
    bool any = false;
    int n;
    for (int k = 0; (n = it_b_output(x->b, r->now, &out, buf, sizeof buf)) == 1; k++) {
        MUST(k < 3000 && out.flow < 2);
        any = true;
        /* A datagram of DTLS never leaves by a base that is gone. */
        MUST(x->has[out.flow] || it_stun_is(out.data));
        if (x->has[out.flow])
            ends_put(&r->wire, (ends_item){.to = 1 - i, .src = x->base[out.flow], .dst = out.remote}, out.data);
    }
    MUST(n == 0);
    while (it_b_event_next(x->b, &ev, NULL) == 1) {
        any = true;
        on_event(r, i, &ev);
    }
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
        MUST(it_b_input(x->b, r->now, &in) == (int)d.n);
        free(exact);
        return;
    }
}

static void give_blob(rig *r, int to, it_bytes blob)
{
    uint8_t *exact = fuzz_exact(blob);
    int n = it_b_signal(r->e[to].b, r->now, it_bytes_of(exact, blob.n));
    MUST(n == 0 || n == IT_ERR_PARSE || n == IT_ERR_STATE);
    free(exact);
}

static void deliver(rig *r, const ends_item *it)
{
    if (it->blob)
        give_blob(r, it->to, it_bytes_of(it->d, it->n));
    else
        give(r, it->to, it->src, it->dst, it_bytes_of(it->d, it->n));
}

static void deliver_at(rig *r, int i, fuzz *mutate)
{
    ends_item it = ends_take(&r->wire, i);
    if (mutate) {
        ends_mutate(mutate, &it);
        r->bent = true;
    }
    deliver(r, &it);
    free(it.d);
}

static void tick(rig *r, it_time to)
{
    r->now = to > r->now ? to : r->now;
    for (int i = 0; i < 2; i++) {
        if (it_b_next(r->e[i].b) > r->now)
            continue;
        MUST(it_b_tick(r->e[i].b, r->now) == 0);
        MUST(it_b_next(r->e[i].b) > r->now);
    }
}

static it_time next(const rig *r)
{
    it_time a = it_b_next(r->e[0].b), b = it_b_next(r->e[1].b);
    return a < b ? a : b;
}

/* A good network for |n| rounds. */
static void flow(rig *r, int n)
{
    for (int k = 0; k < n; k++) {
        drain(r);
        for (int m = r->wire.n; m > 0 && r->wire.n; m--)
            deliver_at(r, 0, NULL);
        drain(r);
        if (r->wire.n)
            continue;
        it_time t = next(r);
        if (t == IT_NEVER || t > r->now + 5 * IT_SEC)
            return;
        tick(r, t);
    }
}

static void interface(rig *r, int w, unsigned k)
{
    end *x = &r->e[w];
    if (x->has[k]) {
        it_b_remove_base(x->b, r->now, (int)k);
    } else {
        int n = it_b_add_base(x->b, r->now, (int)k, x->base[k]);
        MUST(n == 0 || n == IT_ERR_FULL);
    }
    x->has[k] = !x->has[k];
}

/* An earlier blob again, perhaps changed, to either side. */
static void old_blob(rig *r, int w, fuzz *f)
{
    unsigned s = fuzz_u8(f) % OLD, how = fuzz_u8(f);
    const end *x = &r->e[w];
    if (!x->old[s])
        return;
    ends_item it = {.to = how & 4 ? w : 1 - w, .blob = true, .n = x->n_old[s]};
    it.d = fuzz_exact(it_bytes_of(x->old[s], it.n));
    if (how & 3)
        ends_mutate(f, &it);
    r->bent |= (how & 7) != 0;
    deliver(r, &it);
    free(it.d);
}

/* Something of nobody's, from any address: the far side's own in half of the cases. */
static void forged(rig *r, int w, fuzz *f)
{
    static const char *const STRANGER[] = {"203.0.113.66:666", "192.0.2.1:9"};
    uint8_t d[96];
    unsigned who = fuzz_u8(f);
    size_t n = ends_forge(f, d);
    it_addr src = who & 1 ? r->e[1 - w].base[who >> 1 & 1] : ends_addr(STRANGER[who >> 1 & 1]);
    /* A certificate that somebody forges in the far side's name is the one thing that ends a call (RFC 8122
     * section 6.2). */
    r->bent |= d[0] == 22 && n > 13 && d[13] == 11 && d[4] == 0;
    give(r, w, src, r->e[w].base[0], it_bytes_of(d, n));
}

static void step(rig *r, fuzz *f)
{
    unsigned op = fuzz_u8(f);
    int w = op >> 4 & 1, n;
    switch (op & 15) {
    case 0:
        it_b_start(r->e[w].b, r->now);
        break;
    case 1:
        flow(r, (fuzz_u8(f) & 31) + 1);
        break;
    case 2:
    case 3:
    case 4:
    case 5:
        if (!r->wire.n)
            break;
        n = fuzz_u8(f) % r->wire.n;
        if ((op & 15) == 2)
            deliver_at(r, n, NULL);
        else if ((op & 15) == 3)
            free(ends_take(&r->wire, n).d);
        else if ((op & 15) == 4)
            deliver(r, &r->wire.v[n]);
        else
            deliver_at(r, n, f);
        break;
    case 6:
        forged(r, w, f);
        break;
    case 7:
        it_b_restart(r->e[w].b, r->now);
        break;
    case 8:
        tick(r, r->now + (it_time)fuzz_u16(f) * IT_MS);
        break;
    case 9:
        if (next(r) != IT_NEVER)
            tick(r, next(r));
        break;
    case 10:
        interface(r, w, fuzz_u8(f) & 1);
        break;
    case 11:
        old_blob(r, w, f);
        break;
    case 12:
        r->bent = true;
        give_blob(r, w, fuzz_bytes(f));
        break;
    case 13:
        n = it_b_send(r->e[w].b, r->now, it_bytes_str("hello"));
        MUST(n == 0 || n == IT_ERR_STATE);
        break;
    case 14:
        if (fuzz_u8(f) > 200)
            it_b_close(r->e[w].b, r->now);
        break;
    default:
        r->bent = true;
        give(r, w, r->e[1 - w].base[0], r->e[w].base[0], fuzz_bytes(f));
    }
}

static void begin(rig *r, fuzz *f)
{
    static const char *const BASE[2][2] = {{"192.0.2.1:1000", "192.0.2.2:1001"},
                                           {"198.51.100.1:2000", "[2001:db8::2]:2001"}};
    for (int i = 0; i < 2; i++) {
        unsigned o = fuzz_u8(f);
        it_b_cfg c = {.alloc = &r->mem, .seed = 1, .name = i ? "bob/b1" : "alice/b1", .shared = ends_shared};
        c.cert = ends_cert[i];
        c.voice = o & 1;
        c.restart = !(o & 2);
        c.alternatives = (o & 4) != 0;
        MUST(it_timers_named(&c.timers, "rfc") == 0);
        r->e[i].b = it_b_new(&c);
        MUST(r->e[i].b);
        for (int k = 0; k < 2; k++)
            r->e[i].base[k] = ends_addr(BASE[i][k]);
        MUST(it_b_add_base(r->e[i].b, 0, 0, r->e[i].base[0]) == 0);
        r->e[i].has[0] = true;
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
    for (int i = 0; i < 2; i++) {
        it_conn_stats s;
        it_b_stats(r.e[i].b, &s);
        it_b_free(r.e[i].b);
        for (int k = 0; k < OLD; k++)
            free(r.e[i].old[k]);
    }
    ends_clear(&r.wire);
    MUST(r.mem.live == 0);
    return 0;
}
