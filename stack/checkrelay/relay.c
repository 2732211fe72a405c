/* Rooms found by fragment and by address; what goes out waits in a ring. */
#include "stack/checkrelay/relay.h"

#include "base/table/map.h"
#include "stack/stun/auth.h"
#include "stack/stun/msg.h"

#include <string.h>

#define QUEUE 64      /* datagrams that may wait for output; more are lost, as on a busy machine */
#define DATAGRAM 1472 /* bytes of one */

typedef struct relay_end {
    char ufrag[IT_CHECK_RELAY_SETS][IT_CHECK_RELAY_UFRAG];
    it_hmac_key key[IT_CHECK_RELAY_SETS];
    uint32_t flow; /* where it is: the base that it asked, and from where */
    it_addr local, remote;
    it_time until; /* of its consent; not above now: it is nowhere */
    bool chosen;   /* by USE-CANDIDATE */
} relay_end;

typedef struct relay_room {
    bool used;
    relay_end end[2];
    it_time gone;     /* without another check */
    it_time refilled; /* the bucket of the rate */
    uint64_t bucket;  /* bytes */
} relay_room;

typedef struct relay_out {
    uint32_t flow;
    it_addr local, remote;
    uint16_t n;
    uint8_t data[DATAGRAM];
} relay_out;

struct it_check_relay {
    it_alloc *alloc;
    it_check_relay_cfg cfg;
    relay_room *rooms; /* |cfg.rooms| at most */
    size_t n_rooms, cap_rooms, in_use;
    it_map by_ufrag, by_addr; /* -> 2 * room + end */
    relay_out *ring;
    uint32_t first, n;
    it_check_relay_stats stats;
    it_check_relay_tale tales[IT_CHECK_RELAY_TALES];
    size_t n_tales, told;
};

it_check_relay *it_check_relay_new(const it_check_relay_cfg *cfg)
{
    it_check_relay *r = it_calloc(cfg->alloc, 1, sizeof *r);
    if (!r)
        return NULL;
    r->alloc = cfg->alloc;
    r->cfg = *cfg;
    r->cfg.rooms = cfg->rooms ? cfg->rooms : IT_CHECK_RELAY_ROOMS;
    r->cfg.life = cfg->life ? cfg->life : 30 * IT_SEC;
    r->cfg.idle = cfg->idle ? cfg->idle : 300 * IT_SEC;
    it_map_init(&r->by_ufrag, r->alloc, 2);
    it_map_init(&r->by_addr, r->alloc, 4);
    r->ring = it_calloc(r->alloc, QUEUE, sizeof *r->ring);
    if (r->ring)
        return r;
    it_check_relay_free(r);
    return NULL;
}

void it_check_relay_free(it_check_relay *r)
{
    if (!r)
        return;
    it_map_fini(&r->by_ufrag);
    it_map_fini(&r->by_addr);
    it_free(r->alloc, r->ring);
    it_free(r->alloc, r->rooms);
    it_free(r->alloc, r);
}

size_t it_check_relay_rooms(const it_check_relay *r)
{
    return r->in_use;
}

const it_check_relay_stats *it_check_relay_stats_of(const it_check_relay *r)
{
    return &r->stats;
}

/* --- rooms --- */

/* The key of fragment |s|, which is shorter than 16 bytes. */
static void ufrag_key(it_bytes s, uint64_t key[2])
{
    uint8_t bytes[16] = {0};
    if (s.n && s.n < sizeof bytes)
        memcpy(bytes, s.p, s.n);
    key[0] = key[1] = 0;
    for (int i = 0; i < 16; i++)
        key[i / 8] = key[i / 8] << 8 | bytes[i];
}

static void addr_key(uint32_t flow, it_addr a, uint64_t key[4])
{
    key[0] = flow;
    key[1] = a.ip.hi;
    key[2] = a.ip.lo;
    key[3] = a.port;
}

/* |n| characters of RFC 8839 section 5.4, six random bits each. */
static void room_text(it_check_relay *r, char *out, size_t n)
{
    static const char CHARS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i++)
        out[i] = CHARS[it_rng_u64(&r->cfg.rng) >> 58];
    out[n] = '\0';
}

/* Takes |e| off the address that it was at. */
static void end_leave(it_check_relay *r, relay_end *e, uint32_t number)
{
    uint64_t key[4];
    addr_key(e->flow, e->remote, key);
    if (e->until && it_map_get(&r->by_addr, key) == number)
        (void)it_map_del(&r->by_addr, key);
    e->until = 0;
    e->chosen = false;
}

/* Ends room |i|. */
static void room_end(it_check_relay *r, size_t i)
{
    relay_room *room = &r->rooms[i];
    for (uint32_t k = 0; k < 2; k++) {
        relay_end *e = &room->end[k];
        end_leave(r, e, (uint32_t)(2 * i + k));
        for (int set = 0; set < IT_CHECK_RELAY_SETS; set++) {
            uint64_t key[2];
            ufrag_key(it_bytes_str(e->ufrag[set]), key);
            (void)it_map_del(&r->by_ufrag, key);
        }
    }
    *room = (relay_room){.used = false};
    r->in_use--;
}

static void end_rooms(it_check_relay *r, it_time now)
{
    for (size_t i = 0; i < r->n_rooms; i++)
        if (r->rooms[i].used && r->rooms[i].gone <= now)
            room_end(r, i);
}

/* A free place for a room: its index, IT_ERR_FULL or IT_ERR_NOMEM. */
static int room_place(it_check_relay *r)
{
    for (size_t i = 0; i < r->n_rooms; i++)
        if (!r->rooms[i].used)
            return (int)i;
    if (r->n_rooms == r->cfg.rooms)
        return IT_ERR_FULL;
    if (it_grow(r->alloc, &r->rooms, &r->cap_rooms, r->n_rooms + 1, sizeof *r->rooms) < 0)
        return IT_ERR_NOMEM;
    r->rooms[r->n_rooms] = (relay_room){.used = false};
    return (int)r->n_rooms++;
}

/* Gives |e|, end |number|, its credentials, and tells |out|. Returns 0 or IT_ERR_NOMEM. */
static int end_begin(it_check_relay *r, relay_end *e, uint32_t number, it_check_relay_end *out)
{
    int err = 0;
    for (int set = 0; set < IT_CHECK_RELAY_SETS && err >= 0; set++) {
        uint64_t key[2];
        /* RFC 8445 section 5.3: 24 random bits and 128 at least. */
        room_text(r, e->ufrag[set], 12);
        room_text(r, out->pwd[set], 24);
        memcpy(out->ufrag[set], e->ufrag[set], sizeof out->ufrag[set]);
        it_stun_key_short(&e->key[set], it_bytes_str(out->pwd[set]));
        ufrag_key(it_bytes_str(e->ufrag[set]), key);
        err = it_map_put(&r->by_ufrag, key, number);
    }
    return err < 0 ? err : 0;
}

int it_check_relay_room(it_check_relay *r, it_time now, it_check_relay_end out[2])
{
    end_rooms(r, now);
    int i = room_place(r), err = 0;
    if (i < 0)
        return i;
    relay_room *room = &r->rooms[i];
    *room = (relay_room){.used = true, .gone = now + r->cfg.idle, .refilled = now, .bucket = r->cfg.rate};
    r->in_use++;
    for (uint32_t k = 0; k < 2 && err == 0; k++)
        err = end_begin(r, &room->end[k], 2 * (uint32_t)i + k, &out[k]);
    if (err < 0)
        room_end(r, (size_t)i);
    return err;
}

/* --- checks --- */

/* A request that came in. */
typedef struct relay_check {
    const it_io *in;
    it_stun_msg msg;
    relay_end *end;
    uint32_t number;
    int set; /* of its credentials */
    uint16_t integrity;
} relay_check;

static relay_out *relay_place(it_check_relay *r, uint32_t flow, it_addr local, it_addr remote)
{
    if (r->n == QUEUE)
        return NULL;
    relay_out *o = &r->ring[(r->first + r->n) % QUEUE];
    o->flow = flow;
    o->local = local;
    o->remote = remote;
    return o;
}

/* Answers |c| with what is in |b|, signed where it is known by whom; nothing that is larger than the question. */
static void check_finish(it_check_relay *r, const relay_check *c, it_buf *b)
{
    if (c->integrity == IT_STUN_MESSAGE_INTEGRITY_SHA256)
        it_stun_put_integrity_sha256(b, &c->end->key[c->set]);
    else if (c->integrity)
        it_stun_put_integrity(b, &c->end->key[c->set]);
    it_stun_put_fingerprint(b);
    int n = it_stun_end(b);
    relay_out *o = relay_place(r, c->in->flow, c->in->local, c->in->remote);
    if (n <= 0 || (size_t)n > c->in->data.n || !o)
        return;
    memcpy(o->data, b->p, (size_t)n);
    o->n = (uint16_t)n;
    r->n++;
}

static void check_refuse(it_check_relay *r, const relay_check *c, int code, const uint16_t *types, int n)
{
    uint8_t bytes[256];
    it_buf b;
    r->stats.refused++;
    it_buf_init(&b, bytes, sizeof bytes);
    it_stun_begin(&b, IT_STUN_ERROR, IT_STUN_BINDING, c->msg.txid);
    it_stun_put_error(&b, code, "");
    if (n)
        it_stun_put_types(&b, IT_STUN_UNKNOWN_ATTRIBUTES, types, n);
    check_finish(r, c, &b);
}

/* RFC 8489 section 9.1.3: the code to refuse |c| with, 0: it is of one of our ends. */
static int check_judge(it_check_relay *r, relay_check *c)
{
    const it_stun_attr *user = it_stun_get(&c->msg, IT_STUN_USERNAME);
    uint64_t key[2];
    if (!user ||
        (!it_stun_get(&c->msg, IT_STUN_MESSAGE_INTEGRITY) && !it_stun_get(&c->msg, IT_STUN_MESSAGE_INTEGRITY_SHA256)))
        return 400;
    const uint8_t *colon = memchr(user->value.p, ':', user->value.n); /* RFC 8445 section 7.2.2 */
    size_t n = colon ? (size_t)(colon - user->value.p) : 0;
    if (n == 0 || n >= IT_CHECK_RELAY_UFRAG)
        return 401;
    ufrag_key(it_bytes_of(user->value.p, n), key);
    c->number = it_map_get(&r->by_ufrag, key);
    if (c->number == IT_MAP_NONE)
        return 401;
    c->end = &r->rooms[c->number / 2].end[c->number % 2];
    while (c->set < IT_CHECK_RELAY_SETS - 1 &&
           (strlen(c->end->ufrag[c->set]) != n || memcmp(c->end->ufrag[c->set], user->value.p, n) != 0))
        c->set++;
    if (it_stun_check(&c->msg, &c->end->key[c->set], &c->integrity) == 0)
        return 0;
    c->integrity = 0;
    return 401;
}

static void check_tell(it_check_relay *r, const relay_check *c)
{
    if (r->told == r->n_tales)
        r->told = r->n_tales = 0;
    if (r->n_tales < IT_CHECK_RELAY_TALES)
        r->tales[r->n_tales++] =
            (it_check_relay_tale){.room = c->number / 2, .end = (int)(c->number % 2), .at = c->end->remote};
}

bool it_check_relay_tale_next(it_check_relay *r, it_check_relay_tale *t)
{
    if (r->told == r->n_tales)
        return false;
    *t = r->tales[r->told++];
    return true;
}

/* The end of |c| is there: where its packets go from now on. Returns 0 or IT_ERR_NOMEM. */
static int check_take(it_check_relay *r, it_time now, const relay_check *c)
{
    relay_end *e = c->end;
    uint64_t key[4];
    bool here = e->flow == c->in->flow && it_addr_eq(e->remote, c->in->remote);
    bool chooses = it_stun_get(&c->msg, IT_STUN_USE_CANDIDATE) != NULL;
    r->rooms[c->number / 2].gone = now + r->cfg.idle;
    if (e->until > now && e->chosen && !here && !chooses)
        return 0; /* it asks from elsewhere, too, and stays where it chose to be */
    if (!here || e->until <= now) {
        end_leave(r, e, c->number);
        e->flow = c->in->flow;
        e->local = c->in->local;
        e->remote = c->in->remote;
        check_tell(r, c);
    }
    e->chosen |= chooses;
    e->until = now + r->cfg.life;
    addr_key(e->flow, e->remote, key);
    int err = it_map_put(&r->by_addr, key, c->number);
    return err < 0 ? err : 0;
}

static int relay_check_in(it_check_relay *r, it_time now, const it_io *in)
{
    static const uint16_t KNOWN[] = {IT_STUN_PRIORITY, IT_STUN_USE_CANDIDATE};
    relay_check c = {.in = in};
    uint8_t bytes[256];
    uint16_t types[4];
    it_buf b;
    /* RFC 8445 section 7.3: FINGERPRINT MUST be used. */
    if (it_stun_parse(&c.msg, in->data) < 0 || c.msg.cls != IT_STUN_REQUEST || c.msg.method != IT_STUN_BINDING ||
        !it_stun_get(&c.msg, IT_STUN_FINGERPRINT))
        return 0;
    int code = check_judge(r, &c);
    int n = code ? 0 : it_stun_unknown(&c.msg, KNOWN, 2, types, 4); /* RFC 8489 section 6.3.1 */
    if (n > 0)
        code = 420;
    if (code) {
        check_refuse(r, &c, code, types, n < 4 ? n : 4);
        return 0;
    }
    r->stats.checks++;
    it_buf_init(&b, bytes, sizeof bytes);
    it_stun_begin(&b, IT_STUN_SUCCESS, IT_STUN_BINDING, c.msg.txid);
    it_stun_put_addr(&b, IT_STUN_XOR_MAPPED_ADDRESS, in->remote);
    check_finish(r, &c, &b);
    return check_take(r, now, &c);
}

/* --- data --- */

/* Whether |room| may pass |n| bytes more. */
static bool room_spends(it_check_relay *r, it_time now, relay_room *room, size_t n)
{
    if (!r->cfg.rate)
        return true;
    uint64_t fresh = (uint64_t)(now - room->refilled) / (uint64_t)IT_MS * r->cfg.rate / 1000;
    if (fresh) {
        room->bucket = room->bucket + fresh > r->cfg.rate ? r->cfg.rate : room->bucket + fresh;
        room->refilled = now;
    }
    if (room->bucket < n)
        return false;
    room->bucket -= n;
    return true;
}

/* Where a datagram from |in|'s ends goes: NULL, nowhere. */
static relay_end *other_end(it_check_relay *r, it_time now, const it_io *in)
{
    uint64_t key[4];
    addr_key(in->flow, in->remote, key);
    uint32_t number = it_map_get(&r->by_addr, key);
    if (number == IT_MAP_NONE)
        return NULL;
    relay_room *room = &r->rooms[number / 2];
    relay_end *to = &room->end[1 - number % 2];
    bool both = room->end[number % 2].until > now && to->until > now;
    return both && room_spends(r, now, room, in->data.n) ? to : NULL;
}

static void relay_data_in(it_check_relay *r, it_time now, const it_io *in)
{
    relay_end *to = in->data.n && in->data.n <= DATAGRAM ? other_end(r, now, in) : NULL;
    relay_out *o = to ? relay_place(r, to->flow, to->local, to->remote) : NULL;
    if (!o) {
        r->stats.dropped++;
        return;
    }
    memcpy(o->data, in->data.p, in->data.n);
    o->n = (uint16_t)in->data.n;
    r->n++;
    r->stats.relayed++;
    r->stats.bytes += in->data.n;
}

/* --- the contract --- */

/* Base |flow| is gone: nobody is there any more. */
static void base_gone(it_check_relay *r, uint32_t flow)
{
    for (size_t i = 0; i < 2 * r->n_rooms; i++)
        if (r->rooms[i / 2].end[i % 2].flow == flow)
            end_leave(r, &r->rooms[i / 2].end[i % 2], (uint32_t)i);
}

int it_check_relay_input(it_check_relay *r, it_time now, const it_io *in)
{
    int err = 0;
    end_rooms(r, now);
    if (in->kind == IT_IO_UNBIND)
        base_gone(r, in->flow);
    if (in->kind != IT_IO_DGRAM)
        return (int)in->data.n;
    /* RFC 7983: what begins with 0 to 3 is STUN. */
    if (in->data.n && in->data.p[0] < 4)
        err = relay_check_in(r, now, in);
    else
        relay_data_in(r, now, in);
    return err < 0 ? err : (int)in->data.n;
}

int it_check_relay_tick(it_check_relay *r, it_time now)
{
    end_rooms(r, now);
    return 0;
}

it_time it_check_relay_next(const it_check_relay *r)
{
    it_time next = IT_NEVER;
    for (size_t i = 0; i < r->n_rooms; i++)
        if (r->rooms[i].used && r->rooms[i].gone < next)
            next = r->rooms[i].gone;
    return next;
}

int it_check_relay_output(it_check_relay *r, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    (void)now;
    while (r->n) {
        const relay_out *o = &r->ring[r->first];
        r->first = (r->first + 1) % QUEUE;
        r->n--;
        if (o->n > cap)
            continue;
        memcpy(buf, o->data, o->n);
        *out = (it_io){.kind = IT_IO_DGRAM,
                       .flow = o->flow,
                       .local = o->local,
                       .remote = o->remote,
                       .data = it_bytes_of(buf, o->n)};
        return 1;
    }
    return 0;
}

static int relay_input(void *o, it_time now, const it_io *in)
{
    return it_check_relay_input(o, now, in);
}

static int relay_tick(void *o, it_time now)
{
    return it_check_relay_tick(o, now);
}

static it_time relay_next(const void *o)
{
    return it_check_relay_next(o);
}

static int relay_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    return it_check_relay_output(o, now, out, buf, cap);
}

static int relay_event(void *o, it_object_event *ev)
{
    (void)o;
    (void)ev;
    return 0;
}

static void relay_free(void *o)
{
    it_check_relay_free(o);
}

const it_object_ops it_check_relay_ops = {.kind = "check relay",
                                          .input = relay_input,
                                          .tick = relay_tick,
                                          .next = relay_next,
                                          .output = relay_output,
                                          .event = relay_event,
                                          .free = relay_free};
