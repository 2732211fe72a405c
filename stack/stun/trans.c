/* A table of slots, each with one request and its clock. Slots and their message buffers are used again, so a warmed-up
 * table allocates nothing. Outputs and time-outs leave in the order in which they became due. */
#include "stack/stun/trans.h"

struct slot {
    bool used;      /* holds a transaction, timed out or not */
    bool timed_out; /* waits for it_stun_trans_timeout */
    bool waiting;   /* the message is due for output */
    uint64_t turn;  /* orders waiting and timed-out slots */
    uint64_t tag;
    it_stun_timing timing;
    it_time due;      /* next retransmission or the time-out; IT_NEVER until the first output is fetched */
    it_time asked;    /* when the transmission that waits became due */
    it_time interval; /* from the last transmission to the next */
    it_time first;    /* when it was first sent */
    uint32_t sent;
    bool cancelled;
    it_addr local, remote;
    uint32_t flow;
    uint8_t *msg;
    size_t msg_n, msg_cap;
};

struct it_stun_trans {
    it_alloc *alloc;
    struct slot *slots;
    size_t n, cap;
    uint32_t running, waiting, timed_out; /* slots in these states */
    uint64_t turn;
    it_time next; /* the earliest |due| */
};

it_stun_trans *it_stun_trans_new(it_alloc *alloc)
{
    it_stun_trans *t = it_calloc(alloc, 1, sizeof(*t));

    if (!t)
        return NULL;
    t->alloc = alloc;
    t->next = IT_NEVER;
    return t;
}

void it_stun_trans_free(it_stun_trans *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n; i++)
        it_free(t->alloc, t->slots[i].msg);
    it_free(t->alloc, t->slots);
    it_free(t->alloc, t);
}

/* |a| + |b| for non-negative durations, no later than just before IT_NEVER. */
static it_time trans_later(it_time a, it_time b)
{
    return a >= IT_NEVER - 1 - b ? IT_NEVER - 1 : a + b;
}

static it_time times(it_time a, uint32_t n)
{
    return n > 0 && a > (IT_NEVER - 1) / n ? IT_NEVER - 1 : a * n;
}

/* Finds the earliest |due| again after one was moved or taken away. */
static void find_next(it_stun_trans *t)
{
    t->next = IT_NEVER;
    for (size_t i = 0; i < t->n; i++)
        if (t->slots[i].used && !t->slots[i].timed_out && t->slots[i].due < t->next)
            t->next = t->slots[i].due;
}

static struct slot *by_id(it_stun_trans *t, const uint8_t *txid)
{
    for (size_t i = 0; i < t->n; i++) {
        struct slot *s = &t->slots[i];

        if (s->used && !s->timed_out && memcmp(s->msg + 8, txid, IT_STUN_TXID) == 0)
            return s;
    }
    return NULL;
}

/* A free slot with room for |size| bytes of message, or NULL. */
static struct slot *take_slot(it_stun_trans *t, size_t size)
{
    struct slot *s = NULL;
    uint8_t *msg;

    for (size_t i = 0; i < t->n && !s; i++)
        if (!t->slots[i].used)
            s = &t->slots[i];
    if (!s) {
        if (it_grow(t->alloc, &t->slots, &t->cap, t->n + 1, sizeof(*s)) < 0)
            return NULL;
        s = &t->slots[t->n++];
        memset(s, 0, sizeof(*s));
    }
    if (s->msg_cap < size) {
        size_t cap = (size + 127) & ~(size_t)127;

        msg = it_realloc(t->alloc, s->msg, cap, 1);
        if (!msg)
            return NULL;
        s->msg = msg;
        s->msg_cap = cap;
    }
    return s;
}

static void set_waiting(it_stun_trans *t, struct slot *s)
{
    if (!s->waiting) {
        s->waiting = true;
        s->turn = t->turn++;
        t->waiting++;
    }
}

static void clear_waiting(it_stun_trans *t, struct slot *s)
{
    if (s->waiting) {
        s->waiting = false;
        t->waiting--;
    }
}

static void trans_release(it_stun_trans *t, struct slot *s)
{
    clear_waiting(t, s);
    if (s->timed_out)
        t->timed_out--;
    else
        t->running--;
    s->used = false;
    s->timed_out = false;
}

int it_stun_trans_start(it_stun_trans *t, it_time now, it_io msg, it_stun_timing timing, uint64_t tag)
{
    struct slot *s, kept;

    if (msg.data.n > IT_IO_DGRAM_MAX)
        return IT_ERR_TOOBIG;
    if (msg.data.n < IT_STUN_HEADER || timing.rto <= 0 || timing.rc == 0)
        return IT_ERR_RANGE;
    if (by_id(t, msg.data.p + 8))
        return IT_ERR_EXISTS;
    s = take_slot(t, msg.data.n);
    if (!s)
        return IT_ERR_NOMEM;
    kept = *s;
    memset(s, 0, sizeof(*s));
    s->msg = kept.msg;
    s->msg_cap = kept.msg_cap;
    s->msg_n = msg.data.n;
    memcpy(s->msg, msg.data.p, msg.data.n);
    s->used = true;
    s->tag = tag;
    s->timing = timing;
    s->interval = timing.rto;
    s->first = now;
    s->due = IT_NEVER;
    s->local = msg.local;
    s->remote = msg.remote;
    s->flow = msg.flow;
    t->running++;
    set_waiting(t, s);
    return 0;
}

int it_stun_trans_find(it_stun_trans *t, const uint8_t txid[IT_STUN_TXID], uint64_t *tag, it_io *request,
                       it_time *first, uint32_t *sent)
{
    const struct slot *s = by_id(t, txid);

    if (!s)
        return 0;
    if (tag)
        *tag = s->tag;
    if (request)
        *request = (it_io){.kind = IT_IO_DGRAM,
                           .flow = s->flow,
                           .local = s->local,
                           .remote = s->remote,
                           .data = it_bytes_of(s->msg, s->msg_n)};
    if (first)
        *first = s->first;
    if (sent)
        *sent = s->sent;
    return 1;
}

void it_stun_trans_end(it_stun_trans *t, const uint8_t txid[IT_STUN_TXID])
{
    struct slot *s = by_id(t, txid);

    if (!s)
        return;
    trans_release(t, s);
    find_next(t);
}

void it_stun_trans_end_tag(it_stun_trans *t, uint64_t tag)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->slots[i].used && t->slots[i].tag == tag)
            trans_release(t, &t->slots[i]);
    find_next(t);
}

/* After transmission number |sent| went out at |now|: when to do what. */
static void schedule(struct slot *s, it_time now)
{
    /* RFC 8489 section 6.2.1: the interval starts at RTO and doubles; after the last request comes a wait of Rm times
     * RTO. */
    if (s->sent >= s->timing.rc) {
        s->due = trans_later(now, times(s->timing.rto, s->timing.rm));
    } else {
        s->due = trans_later(now, s->interval);
        s->interval = times(s->interval, 2);
    }
}

/* RFC 8445 section 7.3.1.4: no more transmissions, and the time-out stays where all of them and the last wait would put
 * it. */
static void silence(it_stun_trans *t, struct slot *s)
{
    uint32_t sent = s->sent;

    if (s->waiting)
        s->due = s->asked;
    clear_waiting(t, s);
    while (s->sent < s->timing.rc && s->due < IT_NEVER - 1) {
        s->sent++;
        schedule(s, s->due);
    }
    s->sent = sent;
}

void it_stun_trans_cancel(it_stun_trans *t, const uint8_t txid[IT_STUN_TXID])
{
    struct slot *s = by_id(t, txid);

    if (!s || s->cancelled)
        return;
    s->cancelled = true;
    if (s->sent == 0)
        return; /* output silences it after the first transmission */
    silence(t, s);
    find_next(t);
}

/* The transaction is over without an answer; it_stun_trans_timeout says so. */
static void fail(it_stun_trans *t, struct slot *s)
{
    clear_waiting(t, s);
    s->timed_out = true;
    s->turn = t->turn++;
    t->timed_out++;
    t->running--;
}

static struct slot *quoted(it_stun_trans *t, const it_io *error)
{
    if (error->kind != IT_IO_ERROR || !it_io_hard_error(error) || error->data.n < IT_STUN_HEADER)
        return NULL;
    struct slot *s = by_id(t, error->data.p + 8);
    return s && it_addr_eq(s->remote, error->remote) && s->flow == error->flow ? s : NULL;
}

int it_stun_trans_quoted(it_stun_trans *t, const it_io *error, uint64_t *tag)
{
    const struct slot *s = quoted(t, error);

    if (s)
        *tag = s->tag;
    return s != NULL;
}

int it_stun_trans_error(it_stun_trans *t, const it_io *error)
{
    struct slot *s = quoted(t, error);

    if (!s)
        return 0;
    fail(t, s);
    find_next(t);
    return 1;
}

uint32_t it_stun_trans_count(const it_stun_trans *t)
{
    return t->running;
}

int it_stun_trans_tick(it_stun_trans *t, it_time now)
{
    if (t->next > now)
        return 0;
    for (size_t i = 0; i < t->n; i++) {
        struct slot *s = &t->slots[i];

        if (!s->used || s->timed_out || s->due > now)
            continue;
        if (s->sent < s->timing.rc && !s->cancelled) {
            s->asked = now;
            s->due = IT_NEVER; /* the clock goes on when the message is fetched */
            set_waiting(t, s);
        } else {
            fail(t, s);
        }
    }
    find_next(t);
    return 0;
}

it_time it_stun_trans_next(const it_stun_trans *t)
{
    return t->next;
}

/* The slot that has waited longest for output or, with |timed_out|, for being reported. */
static struct slot *first_in_turn(it_stun_trans *t, bool timed_out)
{
    struct slot *best = NULL;

    for (size_t i = 0; i < t->n; i++) {
        struct slot *s = &t->slots[i];

        if (s->used && (timed_out ? s->timed_out : s->waiting) && (!best || s->turn < best->turn))
            best = s;
    }
    return best;
}

int it_stun_trans_output(it_stun_trans *t, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    struct slot *s;

    if (t->waiting == 0)
        return 0;
    s = first_in_turn(t, false);
    if (s->msg_n > cap)
        return IT_ERR_TOOBIG;
    clear_waiting(t, s);
    memcpy(buf, s->msg, s->msg_n);
    *out = (it_io){.kind = IT_IO_DGRAM,
                   .flow = s->flow,
                   .local = s->local,
                   .remote = s->remote,
                   .data = it_bytes_of(buf, s->msg_n)};
    if (s->sent++ == 0)
        s->first = now;
    schedule(s, now);
    if (s->cancelled)
        silence(t, s);
    if (s->due < t->next)
        t->next = s->due;
    return 1;
}

int it_stun_trans_timeout(it_stun_trans *t, uint64_t *tag, uint8_t txid[IT_STUN_TXID])
{
    struct slot *s;

    if (t->timed_out == 0)
        return 0;
    s = first_in_turn(t, true);
    *tag = s->tag;
    memcpy(txid, s->msg + 8, IT_STUN_TXID);
    trans_release(t, s);
    return 1;
}
