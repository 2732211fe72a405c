/* TCP: segments in order, and the messages in them by RFC 4571 or as TURN frames its own (RFC 8656 section 3.1). */
#include "conformance/passive/impl.h"

#define HELD 32 /* segments that wait for one before them */
#define ROOM (1 << 17)

enum framing { UNKNOWN, RFC4571, TURN, OTHER };

typedef struct held {
    uint32_t seq;
    uint8_t *p; /* owned */
    size_t n;
} held;

struct it_pv_stream {
    bool begun, whole; /* its SYN was seen */
    bool data;         /* what follows is a peer's */
    uint32_t next;     /* the number of the byte that is due */
    enum framing framing;
    uint8_t *p; /* owned: what is no whole message yet */
    size_t n, cap;
    held *held; /* owned: HELD of them, when there is a gap for the first time */
    size_t n_held;
};

/* Nothing more is read of |s|. */
static void stream_end(it_passive *p, it_pv_stream *s)
{
    it_alloc *a = p->cfg.alloc;
    it_free(a, s->p);
    for (size_t i = 0; i < s->n_held; i++)
        it_free(a, s->held[i].p);
    it_free(a, s->held);
    s->p = NULL;
    s->held = NULL;
    s->n = s->cap = s->n_held = 0;
    s->framing = OTHER;
}

/* Nothing can be told of |s| any more. */
static void stream_give_up(it_passive *p, it_pv_stream *s)
{
    if (s->framing != OTHER)
        p->counts.other_streams++;
    stream_end(p, s);
}

void it_pv_streams_free(it_passive *p)
{
    for (size_t i = 0; i < p->n_streams; i++)
        stream_end(p, &p->stream[i]);
    it_free(p->cfg.alloc, p->stream);
}

static it_pv_stream *stream_at(it_passive *p, const it_passive_packet *k)
{
    uint64_t key[5];
    it_pv_key(k, key);
    uint32_t i = it_map_get(&p->stream_of, key);
    if (i != IT_MAP_NONE)
        return &p->stream[i];
    if (it_grow(p->cfg.alloc, &p->stream, &p->streams_cap, p->n_streams + 1, sizeof *p->stream) < 0 ||
        it_map_put(&p->stream_of, key, (uint32_t)p->n_streams) < 0) {
        p->oom = true;
        return NULL;
    }
    p->stream[p->n_streams] = (it_pv_stream){.framing = UNKNOWN};
    return &p->stream[p->n_streams++];
}

/* What the first bytes are: a message itself, one behind its length, or neither. */
static enum framing framing_of(const uint8_t *p, size_t n)
{
    if (n >= IT_PV_HEADER && it_pv_is(it_bytes_of(p, n)))
        return TURN;
    if (n < 2 + IT_PV_HEADER)
        return UNKNOWN;
    return it_pv_is(it_bytes_of(p + 2, n - 2)) && it_get16(p) >= IT_PV_HEADER ? RFC4571 : OTHER;
}

/* The length of the TURN message at the front, 0 when more is needed to tell, -1 when there is none. */
static long turn_length(const uint8_t *p, size_t n)
{
    if (n < 4)
        return 0;
    if (p[0] >= 0x80)
        return -1;
    if (p[0] >= 0x40) /* ChannelData; RFC 5766 section 11 had channels up to 0x7FFF */
        return 4 + ((it_get16(p + 2) + 3) & ~3);
    if (n < 8)
        return 0;
    return it_get32(p + 4) == IT_PV_COOKIE ? it_get16(p + 2) + IT_PV_HEADER : -1;
}

/* ConnectionBind, or its answer: what follows is a peer's data as they are. RFC 6062 sections 4.5, 5.4. */
static bool begins_data(it_bytes d)
{
    it_pv_msg m;
    if (!it_pv_is(d))
        return false;
    it_pv_read(&m, d);
    return m.method == IT_PV_CONNECTION_BIND && (m.cls == IT_PV_REQUEST || m.cls == IT_PV_SUCCESS);
}

/* Takes the message that |s| has at |at|, which came with |k|: its length, 0 when there is none, or none that is whole.
 */
static size_t stream_message(it_passive *p, it_pv_stream *s, size_t at, const it_passive_packet *k)
{
    const uint8_t *d = s->p + at;
    size_t head = s->framing == RFC4571 ? 2 : 0, left = s->n - at;
    long n = s->framing == TURN ? turn_length(d, left) : left >= 2 ? it_get16(d) + 2L : 0;
    if (n < 0) {
        if (s->whole)
            it_pv_judge(p, IT_RULE_FRAMING, k, false, "0x%02x%02x is the beginning of no message", d[0], d[1]);
        else
            it_pv_doubt(p, IT_RULE_FRAMING, k, "0x%02x%02x is the beginning of no message", d[0], d[1]);
        stream_give_up(p, s);
        return 0;
    }
    if (n == 0 || (size_t)n > left)
        return 0;
    p->looked[IT_RULE_FRAMING]++;
    it_passive_packet one = *k;
    one.payload = it_bytes_of(d + head, (size_t)n - head);
    if (one.payload.n > 0)
        it_pv_message(p, &one);
    s->data |= s->framing == TURN && begins_data(one.payload);
    return (size_t)n;
}

/* Takes all messages that are whole. */
static void stream_messages(it_passive *p, it_pv_stream *s, const it_passive_packet *k)
{
    size_t at = 0, n;
    while (!s->data && (n = stream_message(p, s, at, k)) > 0)
        at += n;
    if (s->data)
        stream_end(p, s);
    if (s->framing == OTHER)
        return;
    s->n -= at;
    memmove(s->p, s->p + at, s->n);
}

/* Takes the |n| bytes at |data|, which are the next ones. */
static void stream_bytes(it_passive *p, it_pv_stream *s, const it_passive_packet *k, const uint8_t *data, size_t n)
{
    s->next += (uint32_t)n;
    if (s->framing == OTHER || n == 0)
        return;
    if (s->n + n > ROOM || it_grow(p->cfg.alloc, &s->p, &s->cap, s->n + n, 1) < 0) {
        stream_give_up(p, s);
        return;
    }
    memcpy(s->p + s->n, data, n);
    s->n += n;
    if (s->framing == UNKNOWN)
        s->framing = framing_of(s->p, s->n);
    if (s->framing == OTHER) {
        s->framing = UNKNOWN;
        stream_give_up(p, s);
    }
    if (s->framing == TURN || s->framing == RFC4571)
        stream_messages(p, s, k);
}

/* Keeps a segment that came before another. */
static void stream_hold(it_passive *p, it_pv_stream *s, const it_passive_packet *k)
{
    if (!s->held)
        s->held = it_calloc(p->cfg.alloc, HELD, sizeof *s->held);
    uint8_t *copy = s->held && s->n_held < HELD ? it_malloc(p->cfg.alloc, k->payload.n) : NULL;
    if (!copy) { /* the tap has missed what is in front of all these */
        p->counts.lost += k->seq - s->next;
        stream_give_up(p, s);
        return;
    }
    memcpy(copy, k->payload.p, k->payload.n);
    s->held[s->n_held++] = (held){k->seq, copy, k->payload.n};
}

/* Takes what was held and is due now; true when there was something. */
static bool stream_release(it_passive *p, it_pv_stream *s, const it_passive_packet *k)
{
    for (size_t i = 0; i < s->n_held; i++) {
        int32_t ahead = (int32_t)(s->held[i].seq - s->next);
        if (ahead > 0)
            continue;
        held h = s->held[i];
        s->held[i] = s->held[--s->n_held];
        size_t known = (size_t) - (int64_t)ahead;
        if (known < h.n)
            stream_bytes(p, s, k, h.p + known, h.n - known);
        it_free(p->cfg.alloc, h.p);
        return true;
    }
    return false;
}

void it_pv_segment(it_passive *p, const it_passive_packet *k)
{
    it_pv_stream *s = stream_at(p, k);
    if (!s)
        return;
    if (k->syn) { /* a new connection of these addresses */
        stream_end(p, s);
        *s = (it_pv_stream){.begun = true, .whole = true, .next = k->seq + 1};
        return;
    }
    if (k->payload.n == 0 || s->framing == OTHER)
        return;
    if (k->cut > 0) {
        stream_give_up(p, s);
        return;
    }
    if (!s->begun) { /* its beginning was not seen: it is taken to be here */
        s->begun = true;
        s->next = k->seq;
    }
    int32_t ahead = (int32_t)(k->seq - s->next);
    if (ahead > 0) {
        stream_hold(p, s, k);
        return;
    }
    size_t known = (size_t) - (int64_t)ahead;
    if (known < k->payload.n)
        stream_bytes(p, s, k, k->payload.p + known, k->payload.n - known);
    while (stream_release(p, s, k))
        ;
}
