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
    bool begun;
    uint32_t next; /* the number of the byte that is due */
    enum framing framing;
    uint8_t *p; /* owned: what is no whole message yet */
    size_t n, cap;
    held held[HELD];
    size_t n_held;
};

/* Nothing can be told of |s| any more. */
static void stream_give_up(it_passive *p, it_pv_stream *s)
{
    it_alloc *a = p->cfg.alloc;
    it_free(a, s->p);
    for (size_t i = 0; i < s->n_held; i++)
        it_free(a, s->held[i].p);
    s->p = NULL;
    s->n = s->cap = s->n_held = 0;
    if (s->framing != OTHER)
        p->counts.other_streams++;
    s->framing = OTHER;
}

void it_pv_streams_free(it_passive *p)
{
    for (size_t i = 0; i < p->n_streams; i++)
        stream_give_up(p, &p->stream[i]);
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

/* Takes one message off the front of |s|, which came with |k|. False: there is none, or none that is whole. */
static bool stream_message(it_passive *p, it_pv_stream *s, const it_passive_packet *k)
{
    size_t head = s->framing == RFC4571 ? 2 : 0;
    long n = s->framing == TURN ? turn_length(s->p, s->n) : s->n >= 2 ? it_get16(s->p) + 2L : 0;
    if (n < 0) {
        it_pv_judge(p, IT_RULE_FRAMING, k, false, "0x%02x%02x is the beginning of no message", s->p[0], s->p[1]);
        stream_give_up(p, s);
        return false;
    }
    if (n == 0 || (size_t)n > s->n)
        return false;
    p->looked[IT_RULE_FRAMING]++;
    it_passive_packet one = *k;
    one.payload = it_bytes_of(s->p + head, (size_t)n - head);
    if (one.payload.n > 0)
        it_pv_message(p, &one);
    s->n -= (size_t)n;
    memmove(s->p, s->p + n, s->n);
    return true;
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
    while ((s->framing == TURN || s->framing == RFC4571) && stream_message(p, s, k))
        ;
}

/* Keeps a segment that came before another. */
static void stream_hold(it_passive *p, it_pv_stream *s, const it_passive_packet *k)
{
    uint8_t *copy = s->n_held < HELD ? it_malloc(p->cfg.alloc, k->payload.n) : NULL;
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
        if (s->begun && s->framing != OTHER)
            stream_give_up(p, s);
        *s = (it_pv_stream){.begun = true, .next = k->seq + 1};
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
