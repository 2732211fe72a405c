/* Token buckets by source. */
#include "lab/serve/limit.h"

#include "base/table/buckets.h"
#include "lab/serve/held.h"

struct it_limit {
    it_alloc *alloc;
    it_limit_cfg cfg;
    const it_object_ops *ops;
    void *inner;
    it_limit_count *count;
    it_held held;
    bool has_reset; /* a stream is to be reset: */
    uint32_t reset;
    it_buckets buckets;
};

it_limit *it_limit_new(it_alloc *alloc, const it_limit_cfg *cfg, uint64_t secret, const it_object_ops *ops, void *inner,
                       it_limit_count *count)
{
    it_limit *l = it_calloc(alloc, 1, sizeof *l);
    if (l && it_buckets_init(&l->buckets, alloc, secret, cfg->rate, cfg->depth) < 0) {
        it_free(alloc, l);
        l = NULL;
    }
    if (!l) {
        ops->free(inner);
        return NULL;
    }
    l->alloc = alloc;
    l->cfg = *cfg;
    l->ops = ops;
    l->inner = inner;
    l->count = count;
    it_held_init(&l->held, alloc);
    return l;
}

/* RFC 8489 section 5: two zero bits, and of the class C1 (0x100) and C0 (0x10) are zero in a request. A handshake of
 * DTLS (RFC 9147 section 4.1: 22) costs more than any request. */
static bool is_request(it_bytes d)
{
    if (d.n > 0 && d.p[0] == 22)
        return true;
    return d.n >= 2 && (d.p[0] & 0xc1) == 0 && (d.p[1] & 0x10) == 0;
}

/* Whether |in| takes a token of its source. */
static bool is_counted(const it_limit *l, const it_io *in)
{
    if (in->kind == IT_IO_ACCEPTED)
        return l->cfg.requests;
    if (in->kind != IT_IO_DGRAM)
        return false;
    return !l->cfg.requests || (in->flow < IT_IO_BOUND_FLOW && is_request(in->data));
}

/* Whether the source of accepted stream |in| has room for one more: 1, 0 or IT_ERR_NOMEM. */
static int hold_stream(it_limit *l, const it_io *in)
{
    if (!l->cfg.streams)
        return 1;
    if (it_held_of(&l->held, in->remote.ip) >= l->cfg.streams)
        return 0;
    int err = it_held_add(&l->held, in);
    return err < 0 ? err : 1;
}

/* Stream |in| that was accepted passes, or is to be reset. As hold_stream. */
static int accept_stream(it_limit *l, it_time now, const it_io *in)
{
    int pass = 1;
    if (l->cfg.requests)
        pass = it_buckets_take(&l->buckets, now, in->remote.ip);
    if (pass > 0)
        pass = hold_stream(l, in);
    if (pass < 0)
        return pass;
    l->has_reset = !pass;
    l->reset = in->flow;
    if (l->cfg.requests || !pass) {
        l->count->taken += (uint64_t)pass;
        l->count->dropped += !pass;
    }
    return pass;
}

static int limit_input(void *o, it_time now, const it_io *in)
{
    it_limit *l = o;
    if (in->kind == IT_IO_ACCEPTED) {
        int pass = accept_stream(l, now, in);
        if (pass <= 0)
            return pass;
    }
    it_held_pass(&l->held, in, true);
    bool error = in->kind == IT_IO_ERROR || in->kind == IT_IO_SIZE;
    if (error && !l->ops->errors)
        return (int)in->data.n;
    if (in->kind != IT_IO_ACCEPTED && is_counted(l, in)) {
        bool pass = it_buckets_take(&l->buckets, now, in->remote.ip);
        l->count->taken += pass;
        l->count->dropped += !pass;
        if (!pass)
            return (int)in->data.n;
    }
    if (l->ops->input)
        return l->ops->input(l->inner, now, in);
    return (int)in->data.n;
}

static bool limit_relay(void *o, it_time now, const it_io *in, uint8_t *bytes, it_io *out)
{
    const it_limit *l = o;
    if (!l->ops->relay || is_counted(l, in))
        return false;
    return l->ops->relay(l->inner, now, in, bytes, out);
}

static int limit_tick(void *o, it_time now)
{
    it_limit *l = o;
    if (l->ops->tick)
        return l->ops->tick(l->inner, now);
    return 0;
}

static it_time limit_next(const void *o)
{
    const it_limit *l = o;
    if (l->ops->next)
        return l->ops->next(l->inner);
    return IT_NEVER;
}

static int limit_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    it_limit *l = o;
    if (l->has_reset) {
        l->has_reset = false;
        *out = (it_io){.kind = IT_IO_RST, .flow = l->reset};
        return 1;
    }
    int n = 0;
    if (l->ops->output)
        n = l->ops->output(l->inner, now, out, buf, cap);
    if (n > 0)
        it_held_pass(&l->held, out, false);
    return n;
}

static int limit_event(void *o, it_object_event *ev)
{
    it_limit *l = o;
    if (l->ops->event)
        return l->ops->event(l->inner, ev);
    return 0;
}

static bool limit_nagle(const void *o)
{
    const it_limit *l = o;
    return l->ops->nagle && l->ops->nagle(l->inner);
}

static void limit_free(void *o)
{
    it_limit *l = o;
    l->ops->free(l->inner);
    it_held_fini(&l->held);
    it_buckets_fini(&l->buckets);
    it_free(l->alloc, l);
}

const it_object_ops it_limit_ops = {.kind = "limit",
                                    .input = limit_input,
                                    .tick = limit_tick,
                                    .next = limit_next,
                                    .output = limit_output,
                                    .event = limit_event,
                                    .free = limit_free,
                                    .relay = limit_relay,
                                    .nagle = limit_nagle,
                                    .errors = true};
