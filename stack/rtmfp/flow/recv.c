/* Receiving flows: RFC 7016 section 3.6.3. */
#include "stack/rtmfp/flow/impl.h"

it_rtmfp_recv *it_rtmfp_recv_find(const it_rtmfp_flows *f, uint64_t id)
{
    for (size_t i = 0; i < f->recvs; i++)
        if (f->recv[i]->id == id)
            return f->recv[i];
    return NULL;
}

/* Takes the first piece at |*at| out of the buffer of |v|. */
static void piece_remove(it_rtmfp_flows *f, it_rtmfp_recv *v, it_rtmfp_piece **at)
{
    it_rtmfp_piece *p = *at;
    v->buffered -= p->n + IT_RTMFP_OVERHEAD;
    *at = p->next;
    it_free(f->alloc, p);
}

static void pieces_drop(it_rtmfp_flows *f, it_rtmfp_recv *v)
{
    while (v->first)
        piece_remove(f, v, &v->first);
}

void it_rtmfp_recv_free(it_rtmfp_flows *f, it_rtmfp_recv *v)
{
    pieces_drop(f, v);
    it_rtmfp_ranges_fini(&v->seen);
    it_free(f->alloc, v);
}

/* An acknowledgment of |v| is due. */
static void recv_ack_now(it_rtmfp_flows *f, it_rtmfp_recv *v)
{
    v->should_ack = true;
    f->ack_now = true;
}

static void recv_reject(it_rtmfp_flows *f, it_rtmfp_recv *v, uint64_t code)
{
    if (v->state != IT_RTMFP_RF_OPEN)
        return;
    v->state = IT_RTMFP_RF_REJECTED;
    v->code = code;
    v->told = true; /* nothing more is */
    pieces_drop(f, v);
    recv_ack_now(f, v);
}

int it_rtmfp_flows_reject(it_rtmfp_flows *f, uint64_t id, uint64_t code)
{
    it_rtmfp_recv *v = it_rtmfp_recv_find(f, id);
    if (!v || v->state != IT_RTMFP_RF_OPEN)
        return IT_ERR_NOTFOUND;
    recv_reject(f, v, code);
    return 0;
}

/* Tells of a flow that broke a rule, which is rejected with code 0 (section 3.6.3.7). */
static void recv_break(it_rtmfp_flows *f, it_rtmfp_recv *v, const char *why)
{
    it_rtmfp_event ev = {.kind = IT_RTMFP_EV_REJECTED, .session = f->session, .flow = v->id, .why = why};
    it_rtmfp_flows_note(f, it_rtmfp_events_put(f->events, &ev, NULL));
    recv_reject(f, v, 0);
}

/* What the options of a chunk say. */
typedef struct said {
    bool metadata, bad;
    uint32_t associations;
    it_bytes meta;
    uint64_t returns;
} said;

static said options_read(it_bytes options)
{
    said o = {.metadata = false};
    it_rd r, in;
    it_rtmfp_option op;
    it_rd_init(&r, options);
    while (it_rtmfp_option_get(&r, &op)) {
        if (op.type == IT_RTMFP_OPTION_METADATA) {
            o.metadata = true;
            o.meta = op.value;
        } else if (op.type == IT_RTMFP_OPTION_RETURN) {
            it_rd_init(&in, op.value);
            o.returns = it_rtmfp_vlu_get(&in);
            o.bad |= in.fail;
            o.associations++;
        } else if (op.type < IT_RTMFP_OPTION_IGNORE) {
            o.bad = true; /* section 2.3.11.1: MUST reject */
        }
    }
    return o;
}

/* Why a flow that begins with |o| is not taken (section 3.6.3.1); NULL: it is. */
static const char *recv_refusal(const it_rtmfp_flows *f, const said *o)
{
    if (!o->metadata)
        return "a flow without metadata (RFC 7016 section 3.6.3.1)";
    if (o->bad)
        return "an option that is not known and may not be ignored (RFC 7016 section 2.3.11.1)";
    if (o->associations > 1)
        return "a flow in return to two (RFC 7016 section 2.3.11.1.2)";
    if (!o->associations)
        return NULL;
    const it_rtmfp_send *s = it_rtmfp_send_find(f, o->returns);
    if (!s || s->state != IT_RTMFP_F_OPEN)
        return "a flow in return to one that is not open (RFC 7016 section 3.6.3.1)";
    return NULL;
}

/* Starts the flow of |d|; NULL: there are too many, or there is no memory. */
static it_rtmfp_recv *recv_new(it_rtmfp_flows *f, const it_rtmfp_data *d)
{
    if (f->recvs == IT_RTMFP_FLOWS)
        return NULL;
    int err = it_grow(f->alloc, &f->recv, &f->recv_cap, f->recvs + 1, sizeof *f->recv);
    it_rtmfp_recv *v = err ? NULL : it_calloc(f->alloc, 1, sizeof *v);
    if (!v) {
        it_rtmfp_flows_note(f, IT_ERR_NOMEM);
        return NULL;
    }
    v->id = d->flow;
    v->opts.window = f->window;
    v->linger_at = IT_NEVER;
    it_rtmfp_ranges_init(&v->seen, f->alloc);
    f->recv[f->recvs++] = v;
    f->ack_now = true; /* section 3.6.3.4.1 */
    said o = options_read(d->options);
    const char *why = recv_refusal(f, &o);
    if (why) {
        recv_break(f, v, why);
        return v;
    }
    uint8_t *data = NULL;
    it_rtmfp_event ev = {.kind = IT_RTMFP_EV_FLOW, .session = f->session, .flow = v->id, .returns = o.returns};
    ev.data = o.meta;
    it_rtmfp_flows_note(f, it_rtmfp_events_put(f->events, &ev, &data));
    if (data && o.meta.n)
        memcpy(data, o.meta.p, o.meta.n);
    return v;
}

/* Keeps the fragment of |d|. Returns 0, IT_ERR_FULL when there is no room, IT_ERR_NOMEM. */
static int piece_keep(it_rtmfp_flows *f, it_rtmfp_recv *v, const it_rtmfp_data *d)
{
    size_t size = d->data.n + IT_RTMFP_OVERHEAD;
    bool next = d->seq == v->seen.cum + 1;
    if (!next && v->buffered + size > 2 * v->opts.window + IT_RTMFP_BLOCK_SIZE) /* the gap has its room all the same */
        return IT_ERR_FULL;
    it_rtmfp_piece **at = &v->first, *p = it_malloc(f->alloc, sizeof *p + d->data.n);
    if (!p)
        return IT_ERR_NOMEM;
    while (*at && (*at)->seq < d->seq)
        at = &(*at)->next;
    *p = (it_rtmfp_piece){.next = *at, .seq = d->seq, .part = d->part, .n = d->data.n};
    if (d->data.n)
        memcpy(p->data, d->data.p, d->data.n);
    *at = p;
    v->buffered += size;
    return 0;
}

/* The last piece of the run that begins at |p|, and the bytes of the run. */
static const it_rtmfp_piece *run_end(const it_rtmfp_piece *p, size_t *bytes)
{
    *bytes = p->n;
    while (p->part != IT_RTMFP_END && p->next && p->next->seq == p->seq + 1 &&
           (p->next->part == IT_RTMFP_MIDDLE || p->next->part == IT_RTMFP_END)) {
        p = p->next;
        *bytes += p->n;
    }
    return p;
}

/* Removes the run at |*at| up to number |to|. */
static void run_remove(it_rtmfp_flows *f, it_rtmfp_recv *v, it_rtmfp_piece **at, uint64_t to)
{
    while (*at && (*at)->seq <= to)
        piece_remove(f, v, at);
}

/* Delivers the message that begins at |*at| and ends at |to|. */
static void message_deliver(it_rtmfp_flows *f, it_rtmfp_recv *v, it_rtmfp_piece **at, uint64_t to, size_t bytes)
{
    uint8_t *data = NULL;
    it_rtmfp_event ev = {.kind = IT_RTMFP_EV_MESSAGE, .session = f->session, .flow = v->id};
    ev.data.n = bytes;
    ev.gap = v->opts.unordered ? v->skipped : (*at)->seq != v->delivered + 1;
    int err = it_rtmfp_events_put(f->events, &ev, &data);
    it_rtmfp_flows_note(f, err);
    v->skipped = err != 0; /* lost for want of memory: a gap */
    for (const it_rtmfp_piece *p = *at; data && p && p->seq <= to; p = p->next) {
        if (p->n)
            memcpy(data, p->data, p->n);
        data += p->n;
    }
    if (to > v->delivered && err == 0)
        v->delivered = to;
    run_remove(f, v, at, to);
}

/* Section 3.6.3.3: what is at the front, in order. False: nothing more is to be had. */
static bool deliver_front(it_rtmfp_flows *f, it_rtmfp_recv *v)
{
    size_t bytes;
    it_rtmfp_piece *p = v->first;
    if (!p || p->seq > v->seen.cum)
        return false;
    const it_rtmfp_piece *last = run_end(p, &bytes);
    if (p->part == IT_RTMFP_WHOLE) {
        message_deliver(f, v, &v->first, p->seq, p->n);
    } else if (p->part != IT_RTMFP_BEGIN) { /* abandoned: its front will not come */
        v->skipped = true;
        piece_remove(f, v, &v->first);
    } else if (last->part == IT_RTMFP_END) {
        message_deliver(f, v, &v->first, last->seq, bytes);
    } else if (last->seq < v->seen.cum) { /* abandoned: its end will not come */
        v->skipped = true;
        run_remove(f, v, &v->first, last->seq);
    } else {
        return false;
    }
    return true;
}

/* The receiver's choice: what is complete, wherever it stands. */
static void deliver_any(it_rtmfp_flows *f, it_rtmfp_recv *v)
{
    it_rtmfp_piece **at = &v->first;
    while (*at) {
        size_t bytes;
        it_rtmfp_piece *p = *at;
        const it_rtmfp_piece *last = run_end(p, &bytes);
        if (p->part == IT_RTMFP_WHOLE)
            message_deliver(f, v, at, p->seq, p->n);
        else if (p->part == IT_RTMFP_BEGIN && last->part == IT_RTMFP_END)
            message_deliver(f, v, at, last->seq, bytes);
        else
            at = &p->next;
    }
}

/* Tells that nothing more will come. */
static void complete_tell(it_rtmfp_flows *f, it_rtmfp_recv *v)
{
    it_rtmfp_event ev = {.kind = IT_RTMFP_EV_COMPLETE, .session = f->session, .flow = v->id};
    if (!v->final || v->seen.cum != v->final || v->first || v->told)
        return;
    v->told = true;
    ev.gap = v->skipped || v->delivered + 1 < v->final; /* a last number that is only the end is no message */
    it_rtmfp_flows_note(f, it_rtmfp_events_put(f->events, &ev, NULL));
}

static void deliver(it_rtmfp_flows *f, it_rtmfp_recv *v)
{
    if (v->opts.suspended || v->state == IT_RTMFP_RF_REJECTED)
        return;
    if (v->opts.unordered)
        deliver_any(f, v);
    while (deliver_front(f, v))
        continue;
    complete_tell(f, v);
}

int it_rtmfp_flows_tune(it_rtmfp_flows *f, uint64_t id, const it_rtmfp_recv_opts *o)
{
    it_rtmfp_recv *v = it_rtmfp_recv_find(f, id);
    if (!v || v->state == IT_RTMFP_RF_REJECTED)
        return IT_ERR_NOTFOUND;
    v->opts = *o;
    deliver(f, v);
    recv_ack_now(f, v); /* the window may be another */
    return 0;
}

/* What has to be acknowledged at once, as it stands before |d| is taken (sections 3.6.3.2, 3.6.3.4.1). */
static bool ack_at_once(const it_rtmfp_recv *v, const it_rtmfp_data *d)
{
    if (v->state != IT_RTMFP_RF_OPEN || d->abandoned)
        return true;
    if (v->has_prev && v->prev_rwnd < 2)
        return true;
    return v->seen.n > 0 || it_rtmfp_ranges_has(&v->seen, d->seq);
}

/* Whether the buffer has less than a block left. */
static bool nearly_full(const it_rtmfp_recv *v)
{
    return v->buffered + IT_RTMFP_BLOCK_SIZE > v->opts.window;
}

static void recv_complete(it_rtmfp_flows *f, it_time now, it_rtmfp_recv *v)
{
    if (!v->final || v->seen.cum < v->final || v->state == IT_RTMFP_RF_COMPLETE_LINGER)
        return;
    v->state = IT_RTMFP_RF_COMPLETE_LINGER; /* section 3.6.3.8 */
    v->linger_at = now + IT_RTMFP_RECV_LINGER;
    recv_ack_now(f, v);
}

/* Takes the fragment of number |seq| out again. */
static void piece_forget(it_rtmfp_flows *f, it_rtmfp_recv *v, uint64_t seq)
{
    for (it_rtmfp_piece **at = &v->first; *at; at = &(*at)->next) {
        if ((*at)->seq != seq)
            continue;
        piece_remove(f, v, at);
        return;
    }
}

/* Keeps |d|, which is new, and enters its number. */
static int recv_keep(it_rtmfp_flows *f, it_rtmfp_recv *v, const it_rtmfp_data *d)
{
    int err = 0;
    bool kept = v->state == IT_RTMFP_RF_OPEN && !d->abandoned;
    if (kept)
        err = piece_keep(f, v, d);
    if (err)
        return err;
    err = it_rtmfp_ranges_add(&v->seen, d->seq);
    if (err && kept)
        piece_forget(f, v, d->seq); /* never acknowledged, so it is not kept either */
    return err;
}

/* Enters |d|, which is new. False: there is no room, and it is as if it had not come. */
static bool recv_enter(it_rtmfp_flows *f, it_rtmfp_recv *v, const it_rtmfp_data *d)
{
    int err = recv_keep(f, v, d);
    if (err) {
        it_rtmfp_flows_note(f, err == IT_ERR_FULL ? 0 : err);
        return false;
    }
    v->skipped |= v->opts.unordered && d->abandoned && !d->final;
    if (d->final && !v->final)
        v->final = d->seq;
    return true;
}

/* Everything up to |fsn| has come, or never will. */
static void recv_forward(it_rtmfp_recv *v, uint64_t fsn)
{
    if (fsn <= v->seen.cum)
        return;
    v->skipped |= v->opts.unordered;
    it_rtmfp_ranges_fill(&v->seen, fsn);
}

/* The same of |d|, whose flow may be a new one. NULL: it is not taken. */
static it_rtmfp_recv *recv_of(it_rtmfp_flows *f, const it_rtmfp_data *d)
{
    it_rtmfp_recv *v = it_rtmfp_recv_find(f, d->flow);
    if (!v)
        return recv_new(f, d);
    if (v->state == IT_RTMFP_RF_OPEN && options_read(d->options).bad) /* section 3.6.3.2 */
        recv_break(f, v, "an option that is not known and may not be ignored (RFC 7016 section 2.3.11.1)");
    return v;
}

void it_rtmfp_recv_data(it_rtmfp_flows *f, it_time now, const it_rtmfp_data *d)
{
    it_rtmfp_recv *v = recv_of(f, d);
    if (!v)
        return;
    bool due = ack_at_once(v, d);
    v->should_ack = true;
    if (v->final && d->seq > v->final) { /* behind the end: nothing of it is taken */
        f->ack_now = true;
        return;
    }
    if (!it_rtmfp_ranges_has(&v->seen, d->seq) && recv_enter(f, v, d))
        due |= d->final;
    recv_forward(v, d->fsn);
    if (v->buffered > IT_RTMFP_MESSAGE_MOST) /* RFC 7016 section 5: no unbounded use of memory */
        recv_break(f, v, "a message larger than any buffer");
    due |= v->seen.n > 0;
    deliver(f, v);
    if (due || (v->state == IT_RTMFP_RF_OPEN && nearly_full(v)))
        f->ack_now = true;
    if (!f->ack_now && f->delack_at == IT_NEVER)
        f->delack_at = now + IT_RTMFP_DELACK;
    recv_complete(f, now, v);
}

/* Section 3.6.3.5. */
static uint64_t recv_window(const it_rtmfp_recv *v)
{
    uint64_t blocks = 0;
    if (v->buffered < v->opts.window)
        blocks = (v->opts.window - v->buffered + IT_RTMFP_BLOCK_SIZE - 1) / IT_RTMFP_BLOCK_SIZE;
    if (blocks == 0 && v->opts.window > 0 && !v->opts.suspended)
        blocks = 1; /* or a gap would stay open for ever */
    return blocks;
}

bool it_rtmfp_recv_put(it_rtmfp_recv *v, it_buf *b, bool cut)
{
    size_t begin = b->len;
    uint64_t blocks = recv_window(v), at = v->seen.cum;
    if (v->state == IT_RTMFP_RF_REJECTED)
        it_rtmfp_exception_put(b, v->id, v->code);
    size_t chunk = it_rtmfp_ack_put(b, v->id, blocks, v->seen.cum);
    for (size_t i = 0; i < v->seen.n && !b->overflow; i++) {
        size_t before = b->len;
        it_rtmfp_ack_range_put(b, at, v->seen.v[i].from, v->seen.v[i].to);
        at = v->seen.v[i].to;
        if (!b->overflow || !cut)
            continue;
        it_rtmfp_chunk_undo(b, before); /* section 3.6.3.4.2: truncated */
        break;
    }
    it_rtmfp_chunk_end(b, chunk);
    if (b->overflow) {
        it_rtmfp_chunk_undo(b, begin);
        return false;
    }
    v->should_ack = false;
    v->has_prev = true;
    v->prev_rwnd = blocks;
    return true;
}
