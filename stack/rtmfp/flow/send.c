/* Sending flows: RFC 7016 section 3.6.2. */
#include "stack/rtmfp/flow/impl.h"

#define CHUNK_MOST (IT_RTMFP_CHUNK_HEAD + 1 + 3 * IT_RTMFP_VLU_MAX) /* bytes of a chunk before its options and data */
#define PROBE_FIRST IT_SEC                                          /* section 3.6.2.9.1 */
#define LOW_WATER (IT_RTMFP_SEND_QUEUE / 2)

it_rtmfp_send *it_rtmfp_send_find(const it_rtmfp_flows *f, uint64_t id)
{
    for (size_t i = 0; i < f->sends; i++)
        if (f->send[i]->id == id)
            return f->send[i];
    return NULL;
}

/* Writes the startup options (section 2.3.11.1). */
static bool options_make(it_rtmfp_send *s, const it_rtmfp_flow_opts *o)
{
    uint8_t value[IT_RTMFP_VLU_MAX];
    it_buf b, v;
    it_buf_init(&b, s->options, sizeof s->options);
    it_rtmfp_option_put(&b, IT_RTMFP_OPTION_METADATA, o->metadata);
    if (o->returns) {
        it_buf_init(&v, value, sizeof value);
        it_rtmfp_vlu_put(&v, o->returns);
        it_rtmfp_option_put(&b, IT_RTMFP_OPTION_RETURN, it_bytes_of(v.p, v.len));
    }
    s->options_n = b.len;
    return !b.overflow;
}

int it_rtmfp_flows_open(it_rtmfp_flows *f, const it_rtmfp_flow_opts *o, uint64_t *id)
{
    if (o->metadata.n > IT_RTMFP_METADATA)
        return IT_ERR_RANGE;
    if (o->returns) { /* section 3.6.2.2: SHOULD NOT where it is not open */
        const it_rtmfp_recv *v = it_rtmfp_recv_find(f, o->returns);
        if (!v || v->state != IT_RTMFP_RF_OPEN)
            return IT_ERR_NOTFOUND;
    }
    if (f->sends == IT_RTMFP_FLOWS)
        return IT_ERR_FULL;
    int err = it_grow(f->alloc, &f->send, &f->send_cap, f->sends + 1, sizeof *f->send);
    if (err)
        return err;
    it_rtmfp_send *s = it_calloc(f->alloc, 1, sizeof *s);
    if (!s)
        return IT_ERR_NOMEM;
    s->id = *id = ++f->last_id;
    s->end = &s->first;
    s->next_sn = 1;
    s->rx_buffer = IT_RTMFP_WINDOW_FIRST;
    s->priority = o->priority;
    s->urgent = o->urgent;
    s->probe_at = s->linger_at = IT_NEVER;
    IT_ASSERT(options_make(s, o));
    f->send[f->sends++] = s;
    return 0;
}

void it_rtmfp_send_free(it_rtmfp_flows *f, it_rtmfp_send *s)
{
    for (it_rtmfp_entry *e = s->first, *next; e; e = next) {
        next = e->next;
        it_free(f->alloc, e);
    }
    it_free(f->alloc, s);
}

/* An entry of |data| at the end of a chain; NULL: no memory. */
static it_rtmfp_entry *entry_new(it_rtmfp_flows *f, enum it_rtmfp_part part, it_bytes data)
{
    it_rtmfp_entry *e = it_malloc(f->alloc, sizeof *e + data.n);
    if (!e)
        return NULL;
    *e = (it_rtmfp_entry){.part = part, .n = data.n};
    if (data.n)
        memcpy(e->data, data.p, data.n);
    return e;
}

/* Cuts |data| into fragments of |most| bytes (section 3.6.2.1). NULL: no memory, and nothing is kept. */
static it_rtmfp_entry *message_cut(it_rtmfp_flows *f, it_bytes data, size_t most)
{
    it_rtmfp_entry *first = NULL, **end = &first;
    size_t at = 0;
    do {
        size_t n = data.n - at < most ? data.n - at : most;
        bool begins = at == 0, ends = at + n == data.n;
        enum it_rtmfp_part part = IT_RTMFP_MIDDLE;
        if (begins)
            part = ends ? IT_RTMFP_WHOLE : IT_RTMFP_BEGIN;
        else if (ends)
            part = IT_RTMFP_END;
        *end = entry_new(f, part, it_bytes_of(data.p + at, n));
        if (!*end) {
            for (it_rtmfp_entry *next; first; first = next) {
                next = first->next;
                it_free(f->alloc, first);
            }
            return NULL;
        }
        end = &(*end)->next;
        at += n;
    } while (at < data.n);
    return first;
}

int it_rtmfp_flows_write(it_rtmfp_flows *f, uint64_t id, it_bytes data, const it_rtmfp_write_opts *o, uint64_t *message)
{
    it_rtmfp_send *s = it_rtmfp_send_find(f, id);
    if (!s)
        return IT_ERR_NOTFOUND;
    if (s->state != IT_RTMFP_F_OPEN)
        return IT_ERR_STATE;
    if (s->queued && s->queued + data.n > IT_RTMFP_SEND_QUEUE) {
        s->full = true;
        return IT_ERR_FULL;
    }
    it_rtmfp_entry *e = message_cut(f, data, IT_RTMFP_PART_MOST - s->options_n);
    if (!e)
        return IT_ERR_NOMEM;
    s->last_message++;
    if (message)
        *message = s->last_message;
    s->timed |= o && o->until;
    *s->end = e;
    for (; e; e = e->next) {
        e->seq = s->next_sn++;
        e->message = s->last_message;
        e->until = o && o->until ? o->until : IT_NEVER;
        e->sends_most = o ? o->sends : 0;
        s->queued += e->n;
        s->end = &e->next;
    }
    return 0;
}

static void message_abandon(it_rtmfp_send *s, uint64_t message)
{
    for (it_rtmfp_entry *e = s->first; e; e = e->next)
        if (e->message == message)
            e->abandoned = true;
}

int it_rtmfp_flows_abandon(it_rtmfp_flows *f, uint64_t id, uint64_t message)
{
    it_rtmfp_send *s = it_rtmfp_send_find(f, id);
    for (it_rtmfp_entry *e = s ? s->first : NULL; e; e = e->next) {
        if (e->message != message || message == 0 || e->abandoned)
            continue;
        message_abandon(s, message);
        return 0;
    }
    return IT_ERR_NOTFOUND;
}

void it_rtmfp_send_expire(it_rtmfp_send *s, it_time now)
{
    for (it_rtmfp_entry *e = s->timed ? s->first : NULL; e; e = e->next)
        if (!e->abandoned && now >= e->until)
            message_abandon(s, e->message);
}

it_time it_rtmfp_send_expiry(const it_rtmfp_send *s)
{
    it_time at = IT_NEVER;
    for (const it_rtmfp_entry *e = s->timed ? s->first : NULL; e; e = e->next)
        if (!e->abandoned && e->until < at)
            at = e->until;
    return at;
}

/* Section 3.6.2.10: the last entry is final, if it was never sent; else one more that says so. */
static int send_close(it_rtmfp_flows *f, it_rtmfp_send *s)
{
    it_rtmfp_entry *tail = NULL;
    for (it_rtmfp_entry *e = s->first; e; e = e->next)
        tail = e;
    if (!tail || tail->seq != s->next_sn - 1 || tail->ever_sent) {
        it_rtmfp_entry *e = entry_new(f, IT_RTMFP_WHOLE, it_bytes_of(NULL, 0));
        if (!e)
            return IT_ERR_NOMEM;
        e->seq = s->next_sn++;
        e->abandoned = true;
        e->until = IT_NEVER;
        *s->end = e;
        s->end = &e->next;
    }
    s->final_sn = s->next_sn - 1;
    s->state = IT_RTMFP_F_CLOSING;
    return 0;
}

int it_rtmfp_flows_close(it_rtmfp_flows *f, uint64_t id, bool abandon)
{
    it_rtmfp_send *s = it_rtmfp_send_find(f, id);
    if (!s)
        return IT_ERR_NOTFOUND;
    if (s->state != IT_RTMFP_F_OPEN)
        return IT_ERR_STATE;
    int err = send_close(f, s);
    for (it_rtmfp_entry *e = s->first; err == 0 && abandon && e; e = e->next)
        e->abandoned = true;
    return err;
}

size_t it_rtmfp_flows_queued(const it_rtmfp_flows *f, uint64_t id)
{
    const it_rtmfp_send *s = it_rtmfp_send_find(f, id);
    return s ? s->queued : 0;
}

/* Takes |e| out of what is in flight. */
static void entry_land(it_rtmfp_flows *f, it_rtmfp_send *s, it_rtmfp_entry *e)
{
    if (!e->in_flight)
        return;
    e->in_flight = false;
    s->outstanding -= e->transmit;
    f->outstanding -= e->transmit;
}

/* Takes the entry at |*at| out of the queue. */
static void entry_remove(it_rtmfp_flows *f, it_rtmfp_send *s, it_rtmfp_entry **at)
{
    it_rtmfp_entry *e = *at;
    entry_land(f, s, e);
    s->queued -= e->n;
    *at = e->next;
    if (!e->next)
        s->end = at;
    it_free(f->alloc, e);
}

/* Sections 2.3.11, 3.6.2.3: eligible is what is not in flight and still to be sent, or tells where the others went. */
static bool entry_eligible(const it_rtmfp_send *s, const it_rtmfp_entry *e)
{
    if (e->in_flight)
        return false;
    return !e->abandoned || e == s->first || e->seq == s->final_sn;
}

static it_rtmfp_entry *entry_next(const it_rtmfp_send *s, it_rtmfp_entry *from)
{
    while (from && !entry_eligible(s, from))
        from = from->next;
    return from;
}

/* The receive window; of a flow that was rejected it does not matter (section 3.6.2.9). */
static bool window_open(const it_rtmfp_send *s)
{
    return s->rx_buffer > s->outstanding || s->exception;
}

bool it_rtmfp_send_ready(const it_rtmfp_send *s)
{
    return window_open(s) && entry_next(s, s->first) != NULL;
}

static void acked_range(it_rtmfp_flows *f, it_rtmfp_send *s, it_rtmfp_entry ***at, uint64_t from, uint64_t to)
{
    while (**at && (**at)->seq <= to) {
        it_rtmfp_entry *e = **at;
        if (e->seq < from || !e->ever_sent) {
            *at = &e->next;
            continue;
        }
        if (e->in_flight) {
            f->cc.acked += e->transmit;
            if (e->tsn > f->max_tsn_ack)
                f->max_tsn_ack = e->tsn;
        }
        f->answered = true;
        entry_remove(f, s, *at); /* also one that was taken for lost, and had only been late */
    }
}

/* Section 3.6.2.9: while the window is closed, it is asked whether it still is. */
static void probe_arm(it_rtmfp_flows *f, it_time now, it_rtmfp_send *s)
{
    if (s->rx_buffer > 0 || s->exception || s->state == IT_RTMFP_F_COMPLETE_LINGER) {
        s->probe_at = IT_NEVER;
        s->probe_wait = 0;
        return;
    }
    if (s->probe_at != IT_NEVER)
        return;
    s->probe_wait = f->rtt->erto > PROBE_FIRST ? f->rtt->erto : PROBE_FIRST;
    s->probe_at = now + PROBE_FIRST;
}

void it_rtmfp_send_ack(it_rtmfp_flows *f, it_time now, it_rtmfp_send *s, it_rtmfp_ack *a)
{
    it_rtmfp_entry **at = &s->first;
    uint64_t from, to;
    it_rtmfp_event ev = {.session = f->session, .flow = s->id};
    s->options_n = 0;
    s->rx_buffer = a->blocks > UINT64_MAX / IT_RTMFP_BLOCK_SIZE ? UINT64_MAX : a->blocks * IT_RTMFP_BLOCK_SIZE;
    f->cc.acks = true;
    acked_range(f, s, &at, 0, a->cum);
    while (it_rtmfp_ack_next(a, &from, &to))
        acked_range(f, s, &at, from, to);
    if (s->state == IT_RTMFP_F_CLOSING && !s->first) {
        s->state = IT_RTMFP_F_COMPLETE_LINGER;
        s->linger_at = now + IT_RTMFP_SEND_LINGER;
        ev.kind = IT_RTMFP_EV_SENT;
        it_rtmfp_flows_note(f, it_rtmfp_events_put(f->events, &ev, NULL));
    }
    if (s->full && s->queued <= LOW_WATER && s->state == IT_RTMFP_F_OPEN) {
        s->full = false;
        ev.kind = IT_RTMFP_EV_WRITABLE;
        it_rtmfp_flows_note(f, it_rtmfp_events_put(f->events, &ev, NULL));
    }
    probe_arm(f, now, s);
}

void it_rtmfp_send_except(it_rtmfp_flows *f, it_rtmfp_send *s, uint64_t code)
{
    if (s->exception || s->state == IT_RTMFP_F_COMPLETE_LINGER)
        return;
    it_rtmfp_event ev = {.kind = IT_RTMFP_EV_EXCEPTION, .session = f->session, .flow = s->id, .code = code};
    it_rtmfp_flows_note(f, it_rtmfp_events_put(f->events, &ev, NULL));
    s->exception = true;
    s->probe_at = IT_NEVER;
    if (s->state == IT_RTMFP_F_OPEN)
        it_rtmfp_flows_note(f, send_close(f, s));
    for (it_rtmfp_entry *e = s->first; e; e = e->next)
        e->abandoned = true;
}

/* |e| did not arrive: it is sent again, or given up when it was sent as often as it may. */
static void entry_lose(it_rtmfp_flows *f, it_rtmfp_send *s, it_rtmfp_entry *e)
{
    entry_land(f, s, e);
    if (e->sends_most && e->sends >= e->sends_most)
        message_abandon(s, e->message);
}

void it_rtmfp_send_naks(it_rtmfp_flows *f)
{
    for (size_t i = 0; i < f->sends; i++) {
        it_rtmfp_send *s = f->send[i];
        for (it_rtmfp_entry *e = s->first; e && s->outstanding; e = e->next) {
            if (!e->in_flight || e->tsn >= f->max_tsn_ack)
                continue;
            it_rtmfp_congestion_nak(&f->cc);
            if (++e->naks < IT_RTMFP_NAKS)
                continue;
            /* RFC 5681 section 4.3: what is lost of one window is one sign of congestion. Appendix A says nothing of
             * it. */
            if (e->tsn > f->cut_tsn)
                it_rtmfp_congestion_loss(&f->cc);
            entry_lose(f, s, e);
        }
    }
}

bool it_rtmfp_send_lose_all(it_rtmfp_flows *f)
{
    bool any = false;
    for (size_t i = 0; i < f->sends; i++) {
        it_rtmfp_send *s = f->send[i];
        for (it_rtmfp_entry *e = s->first; e; e = e->next) {
            any |= e->in_flight;
            if (e->in_flight)
                entry_lose(f, s, e);
        }
    }
    return any;
}

/* Drops what was abandoned at the front, and finds the forward sequence number (section 3.6.2.3). */
static uint64_t send_trim(it_rtmfp_flows *f, it_rtmfp_send *s)
{
    while (s->first && s->first->next && !s->first->in_flight && s->first->abandoned)
        entry_remove(f, s, &s->first);
    const it_rtmfp_entry *e = s->first;
    if (!e->abandoned || (e->in_flight && !e->sent_abandoned))
        return e->seq - 1;
    return e->seq;
}

/* Notes that |e| leaves in a chunk of |size| bytes. */
static void entry_send(it_rtmfp_flows *f, it_rtmfp_send *s, it_rtmfp_entry *e, size_t size)
{
    e->in_flight = e->ever_sent = true;
    e->naks = 0;
    e->sends++;
    e->sent_abandoned = e->abandoned;
    e->transmit = size;
    e->tsn = ++f->next_tsn;
    s->outstanding += size;
    f->outstanding += size;
}

uint32_t it_rtmfp_send_fill(it_rtmfp_flows *f, it_rtmfp_send *s, it_buf *b)
{
    uint32_t n = 0;
    uint64_t last = 0;
    if (!s->first || b->cap - b->len < CHUNK_MOST)
        return 0;
    uint64_t fsn = send_trim(f, s);
    it_rtmfp_entry *e = s->first;
    while (window_open(s) && (e = entry_next(s, e))) {
        size_t begin = b->len;
        it_rtmfp_data d = {.part = e->part, .abandoned = e->abandoned, .final = e->seq == s->final_sn};
        d.flow = s->id;
        d.seq = e->seq;
        d.fsn = fsn;
        if (!e->abandoned)
            d.data = it_bytes_of(e->data, e->n);
        d.has_options = n == 0 && s->options_n > 0; /* section 3.6.2.3.1 */
        d.options = it_bytes_of(s->options, s->options_n);
        it_rtmfp_data_put(b, &d, n > 0 && e->seq == last + 1);
        if (b->overflow) {
            it_rtmfp_chunk_undo(b, begin);
            break;
        }
        entry_send(f, s, e, b->len - begin);
        last = e->seq;
        n++;
    }
    return n;
}
