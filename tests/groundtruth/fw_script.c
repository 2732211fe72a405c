/* Scripts for the firewall: UDP, queries, errors, fragments and protocols of all kinds; conversations of TCP, mostly
 * sane; TCP of any flags and numbers. What none of them asks, and why: docs/groundtruth.md. */
#include "tests/groundtruth/fw.h"

#include "base/rng.h"

#include <string.h>

enum { ICMP = 1, TCP = 6, UDP = 17 };
enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 };
enum { REMOTE = 4 }; /* the first remote host */

#define PICK(r, a) ((a)[it_rng_below((r), sizeof(a) / sizeof *(a))])

/* A connection as its ends may see it. */
typedef struct talk {
    fw_end end[2];    /* inside, outside */
    uint32_t next[2]; /* what each sends next */
    uint32_t at;      /* how far the conversation is */
    bool flip;        /* the outside ends first */
} talk;

typedef struct gen {
    it_rng r;
    fw_script *s;
    uint16_t salt;
    uint8_t ver;
    bool slow;
    uint32_t ids;
    talk talks[2];
    uint32_t n_talks;
    gt_raw whole[FW_STEPS]; /* datagrams so far, uncut, to complain about */
    uint8_t whole_dev[FW_STEPS];
    uint32_t n_whole;
} gen;

static uint32_t below(gen *g, uint32_t n)
{
    return (uint32_t)it_rng_below(&g->r, n);
}

static bool chance(gen *g, uint32_t percent)
{
    return it_rng_below(&g->r, 100) < percent;
}

static fw_step *add_step(gen *g, int dev, const gt_raw *p, const char *text)
{
    fw_step *t = &g->s->v[g->s->n++];
    t->wait = 0;
    t->dev = (uint8_t)dev;
    t->p = *p;
    snprintf(t->text, sizeof t->text, "%s", text);
    return t;
}

static bool room(const gen *g, uint32_t n)
{
    return g->s->n + n <= FW_STEPS;
}

/* --- datagrams --- */

static void keep_whole(gen *g, int dev, const gt_raw *p)
{
    if (g->n_whole == FW_STEPS)
        return;
    g->whole[g->n_whole] = *p;
    g->whole_dev[g->n_whole++] = (uint8_t)dev;
}

static uint8_t some_ext(gen *g)
{
    return g->ver == 6 && chance(g, 15) ? (uint8_t)(1u << below(g, 4)) : 0;
}

/* Sends the packet of |m| from |dev|. */
static void send_whole(gen *g, int dev, fw_make *m, const char *text)
{
    gt_raw p;
    m->salt = g->salt;
    m->ver = g->ver;
    m->ext = some_ext(g);
    fw_build(&p, m, ++g->ids);
    keep_whole(g, dev, &p);
    add_step(g, dev, &p, text);
}

/* Sends the packet of |m| from |dev| in pieces: shuffled, now and then with one left out, twice, or overlapping. */
static void send_pieces(gen *g, int dev, fw_make *m, const char *text)
{
    gt_raw whole, pieces[8];
    uint32_t from[4], to[4], n = 2 + below(g, 3), order[8], k = 0;
    char line[96];
    m->salt = g->salt;
    m->ver = g->ver;
    m->ext = 0;
    fw_build(&whole, m, ++g->ids);
    uint32_t id = g->ids, size = (uint32_t)m->n, each = size / n / 8 * 8;
    keep_whole(g, dev, &whole);
    for (uint32_t i = 0; i < n; i++) {
        from[i] = i * each;
        to[i] = i == n - 1 ? size : (i + 1) * each;
    }
    uint32_t what = below(g, 12), victim = below(g, n);
    for (uint32_t i = 0; i < n; i++) {
        if (what == 0 && i == victim)
            continue;
        if (what == 1 && i == victim && i > 0)
            from[i] -= 8; /* overlaps the one before */
        fw_cut(&pieces[k], whole.b, whole.n, from, to, i, i != n - 1, id);
        order[k] = k;
        k++;
        if (what == 2 && i == victim) {
            pieces[k] = pieces[k - 1];
            order[k] = k;
            k++;
        }
    }
    for (uint32_t i = k; i > 1; i--) {
        uint32_t j = below(g, i), t = order[i - 1];
        order[i - 1] = order[j];
        order[j] = t;
    }
    for (uint32_t i = 0; i < k; i++) {
        snprintf(line, sizeof line, "%s, piece %u of %u", text, order[i] + 1, k);
        add_step(g, dev, &pieces[order[i]], line);
    }
}

/* --- UDP, queries, others --- */

static void pick_pair(gen *g, int dev, fw_make *m)
{
    uint8_t in = (uint8_t)below(g, 2), out = (uint8_t)(REMOTE + below(g, 2));
    m->src = dev == GT_IN ? in : out;
    m->dst = dev == GT_IN ? out : in;
}

static void make_udp(gen *g)
{
    static const uint16_t PORTS[] = {5000, 5000, 5001, 0}, RPORTS[] = {3478, 3478, 53};
    uint8_t l4[1400] = {0};
    char text[64];
    int dev = chance(g, 55) ? GT_IN : GT_OUT;
    bool cut = !g->slow && chance(g, 20) && room(g, 6);
    fw_make m = {.proto = UDP, .l4 = l4};
    pick_pair(g, dev, &m);
    uint16_t a = PICK(&g->r, PORTS), b = PICK(&g->r, RPORTS);
    m.n = 8 + (cut ? 100 + below(g, 1200) : below(g, 40));
    it_put16(l4, dev == GT_IN ? a : b);
    it_put16(l4 + 2, dev == GT_IN ? b : a);
    uint16_t len = (uint16_t)m.n;
    if (chance(g, 4))
        len = (uint16_t)(len + 1 + below(g, 20));
    else if (chance(g, 5))
        len = (uint16_t)(8 + below(g, (uint32_t)m.n - 7));
    else if (chance(g, 2))
        len = (uint16_t)below(g, 8);
    it_put16(l4 + 4, len);
    m.bad_sum = chance(g, 7);
    m.no_sum = chance(g, 7);
    m.sum_all = chance(g, 50);
    snprintf(text, sizeof text, "udp %u:%u > %u:%u length %u of %u%s%s", m.src, it_get16(l4), m.dst, it_get16(l4 + 2),
             len, (unsigned)m.n, m.bad_sum ? " bad sum" : "", m.no_sum ? " no sum" : "");
    if (cut)
        send_pieces(g, dev, &m, text);
    else
        send_whole(g, dev, &m, text);
}

static void make_icmp(gen *g)
{
    static const uint8_t TYPES4[] = {8, 8, 8, 0, 0, 0, 13, 14, 15, 16, 17, 18, 9, 10, 19, 30, 1},
                         TYPES6[] = {128, 128, 128, 129, 129, 129, 139, 140, 130, 143, 135, 160, 200, 127, 255, 100};
    uint8_t l4[1400] = {0};
    char text[64];
    int dev = chance(g, 55) ? GT_IN : GT_OUT;
    bool cut = !g->slow && chance(g, 15) && room(g, 6);
    fw_make m = {.proto = ICMP, .l4 = l4};
    pick_pair(g, dev, &m);
    l4[0] = g->ver == 4 ? PICK(&g->r, TYPES4) : PICK(&g->r, TYPES6);
    l4[1] = (uint8_t)(chance(g, 15) ? 1 + below(g, 3) : 0);
    it_put16(l4 + 4, (uint16_t)(7 + below(g, 2)));
    m.n = 8 + (cut ? 100 + below(g, 1200) : below(g, 20));
    m.bad_sum = chance(g, 7);
    snprintf(text, sizeof text, "icmp %u > %u type %u code %u id %u%s", m.src, m.dst, l4[0], l4[1], it_get16(l4 + 4),
             m.bad_sum ? " bad sum" : "");
    if (cut)
        send_pieces(g, dev, &m, text);
    else
        send_whole(g, dev, &m, text);
}

static void make_other(gen *g)
{
    static const uint8_t PROTOS[] = {50, 4, 41, 89, 254, 59, 108};
    uint8_t l4[1400] = {0};
    char text[64];
    int dev = chance(g, 60) ? GT_IN : GT_OUT;
    fw_make m = {.proto = PICK(&g->r, PROTOS), .l4 = l4};
    pick_pair(g, dev, &m);
    bool cut = !g->slow && chance(g, 15) && room(g, 6) && m.proto != 59;
    m.n = cut ? 200 + below(g, 1000) : 16 + below(g, 20);
    snprintf(text, sizeof text, "proto %u %u > %u", m.proto, m.src, m.dst);
    if (cut)
        send_pieces(g, dev, &m, text);
    else
        send_whole(g, dev, &m, text);
}

/* --- errors --- */

/* The types of errors, and what is none, of a family. */
static void pick_error(gen *g, uint8_t l4[2])
{
    static const uint16_t ERRORS4[] = {3 << 8 | 3, 3 << 8 | 1, 3 << 8 | 4, 3 << 8 | 13,
                                       11 << 8,    12 << 8,    4 << 8,     5 << 8 | 1},
                          ERRORS6[] = {1 << 8, 1 << 8 | 4, 2 << 8, 3 << 8, 4 << 8 | 1, 4 << 8, 3 << 8 | 1, 100 << 8};
    it_put16(l4, g->ver == 4 ? PICK(&g->r, ERRORS4) : PICK(&g->r, ERRORS6));
}

/* Whether a piece of |about| is quoted rather than the whole: only of what is no piece, and of IPv6 only UDP. */
static bool quotes_piece(gen *g, const gt_raw *about)
{
    if (about->b[0] >> 4 != 6)
        return chance(g, 20) && about->n > 200;
    return about->b[6] != 44 && chance(g, 20) && about->n > 200 && about->b[6] == UDP;
}

/* How many bytes of the |n| of a packet are quoted. */
static size_t quoted_of(gen *g, size_t n, uint32_t head)
{
    size_t most = n;
    if (chance(g, 30))
        n = head + below(g, 30);
    else if (n > 500 && chance(g, 80))
        n = 500;
    n = n < most ? n : most;
    return n > 1300 ? 1300 : n;
}

/* Complains about a datagram of before, or a piece of one. */
static void make_error(gen *g)
{
    uint8_t l4[1400] = {0};
    char text[96];
    if (!g->n_whole)
        return;
    uint32_t i = below(g, g->n_whole);
    gt_raw about = g->whole[i];
    int dev = !g->whole_dev[i];
    uint32_t head = g->ver == 4 ? 20 : 40;
    if (quotes_piece(g, &about)) {
        /* What is quoted is a piece of it, the first or a later one. */
        uint32_t from[1] = {chance(g, 50) ? 0 : 64}, to[1] = {from[0] + 64};
        gt_raw piece;
        fw_cut(&piece, about.b, about.n, from, to, 0, true, 77);
        about = piece;
    }
    if (chance(g, 10))
        dev = !dev; /* from the wrong side */
    fw_make m = {.proto = ICMP, .l4 = l4};
    pick_error(g, l4);
    bool from_in = dev == GT_IN;
    /* Its source, wherever that is; now and then somebody else. */
    uint8_t src_last = about.b[head == 20 ? 15 : 23];
    uint8_t quoted = (uint8_t)((src_last - 10) & 3);
    m.dst = (uint8_t)(quoted + (from_in ? REMOTE : 0));
    if (chance(g, 10))
        m.dst = (uint8_t)(below(g, 3) + (from_in ? REMOTE : 0));
    m.src = (uint8_t)(below(g, 3) + (from_in ? 0 : REMOTE));
    size_t n = quoted_of(g, about.n, head);
    memcpy(l4 + 8, about.b, n);
    if (chance(g, 5))
        l4[8 + head + 8 + below(g, 4)] ^= 1; /* somebody's transport checksum, or what is there */
    m.n = 8 + n;
    m.bad_sum = chance(g, 6);
    snprintf(text, sizeof text, "icmp %u > %u error %u/%u about step's datagram %u, %u bytes%s", m.src, m.dst, l4[0],
             l4[1], i, (unsigned)n, m.bad_sum ? " bad sum" : "");
    gt_raw p;
    m.salt = g->salt;
    m.ver = g->ver;
    m.ext = some_ext(g);
    fw_build(&p, &m, ++g->ids);
    add_step(g, dev, &p, text);
}

/* --- TCP --- */

static talk *some_talk(gen *g)
{
    if (g->n_talks < 2 && (g->n_talks == 0 || chance(g, 6))) {
        talk *t = &g->talks[g->n_talks++];
        *t = (talk){.next = {(uint32_t)it_rng_u64(&g->r), (uint32_t)it_rng_u64(&g->r)}, .flip = chance(g, 50)};
        t->end[0] = (fw_end){(uint8_t)below(g, 2), (uint16_t)(6000 + g->n_talks)};
        t->end[1] = (fw_end){(uint8_t)(REMOTE + below(g, 2)), 80};
        return t;
    }
    return &g->talks[below(g, g->n_talks)];
}

/* The options of a segment; returns their size. */
static size_t put_options(gen *g, uint8_t *o, uint8_t flags, uint32_t ack)
{
    static const uint8_t SYN_OPTIONS[] = {2, 4, 5, 180, 4, 2, 1, 3, 3, 7, 1, 1};
    if (flags & SYN) {
        if (chance(g, 40))
            return 0;
        memcpy(o, SYN_OPTIONS, sizeof SYN_OPTIONS);
        o[9] = (uint8_t)below(g, 16);
        if (chance(g, 20))
            memset(o + 4, 1, 2); /* no SACK */
        if (chance(g, 20))
            memset(o + 6, 1, 4); /* no scale */
        return sizeof SYN_OPTIONS;
    }
    if (!chance(g, 12))
        return 0;
    o[0] = o[1] = 1;
    o[2] = 5;
    o[3] = 10;
    it_put32(o + 4, ack + 10);
    it_put32(o + 8, ack + 10 + below(g, 200));
    return 12;
}

/* A number near |v|, mostly |v|. */
static uint32_t near(gen *g, uint32_t v, uint32_t percent)
{
    static const int32_t OFF[] = {1, -1, 10, -10, 100, -100, 1000, -1000, 60000, -60000, 65000, 70000, -70000, 140000};
    if (!chance(g, percent))
        return v;
    if (chance(g, 10))
        return chance(g, 50) ? 0 : (uint32_t)it_rng_u64(&g->r);
    return v + (uint32_t)PICK(&g->r, OFF);
}

/* One segment of |t| from side |dev|; |odd|: percent of numbers that are off. */
static void send_segment(gen *g, talk *t, int dev, uint8_t flags, uint32_t odd)
{
    static const uint16_t WINDOWS[] = {60000, 60000, 60000, 1000, 65535, 1, 0};
    uint8_t l4[1400] = {0};
    char text[96];
    fw_make m = {.proto = TCP, .src = t->end[dev].host, .dst = t->end[!dev].host, .l4 = l4};
    uint32_t seq = near(g, t->next[dev], odd), ack = flags & ACK ? near(g, t->next[!dev], odd) : 0;
    if ((flags & RST) && chance(g, 20))
        seq = 0;
    if ((flags & RST) && chance(g, 10))
        ack = 0;
    size_t options = put_options(g, l4 + 20, flags, ack), data = 0;
    if (!(flags & (SYN | RST)) && chance(g, 40))
        data = 1 + below(g, 100);
    bool cut = !g->slow && data && chance(g, 8) && room(g, 6);
    if (cut)
        data += 200;
    it_put16(l4, t->end[dev].port);
    it_put16(l4 + 2, t->end[!dev].port);
    it_put32(l4 + 4, seq);
    it_put32(l4 + 8, ack);
    l4[12] = (uint8_t)((20 + options) / 4 << 4);
    l4[13] = flags;
    it_put16(l4 + 14, PICK(&g->r, WINDOWS));
    m.n = 20 + options + data;
    m.bad_sum = chance(g, 3);
    snprintf(text, sizeof text, "tcp %u:%u > %u flags %02x seq %u ack %u data %u window %u%s", m.src, t->end[dev].port,
             m.dst, flags, seq - t->next[dev], ack - t->next[!dev], (unsigned)data, it_get16(l4 + 14),
             m.bad_sum ? " bad sum" : "");
    if (seq == t->next[dev] && !m.bad_sum && chance(g, 85))
        t->next[dev] += (uint32_t)data + ((flags & SYN) != 0) + ((flags & FIN) != 0);
    if (cut)
        send_pieces(g, dev, &m, text);
    else
        send_whole(g, dev, &m, text);
}

static const struct {
    uint8_t dev, flags;
} TALK[] = {
    {GT_IN, SYN}, {GT_OUT, SYN | ACK}, {GT_IN, ACK},  {GT_IN, PSH | ACK},  {GT_OUT, ACK}, {GT_OUT, PSH | ACK},
    {GT_IN, ACK}, {GT_IN, FIN | ACK},  {GT_OUT, ACK}, {GT_OUT, FIN | ACK}, {GT_IN, ACK},
};
#define TALKS (sizeof TALK / sizeof *TALK)

static const uint8_t FLAGS[] = {SYN, SYN, SYN | ACK, ACK, ACK, PSH | ACK, FIN | ACK, RST, RST | ACK};

/* What comes next in a conversation, mostly; |odd| percent of steps are something else. */
static void make_talk(gen *g, uint32_t odd)
{
    talk *t = some_talk(g);
    if (chance(g, odd)) {
        uint8_t flags = PICK(&g->r, FLAGS);
        if (chance(g, 8))
            flags = (uint8_t)below(g, 256);
        send_segment(g, t, (int)below(g, 2), flags, 15);
        return;
    }
    if (t->at && chance(g, 8))
        t->at++;
    if (t->at >= TALKS)
        t->at = chance(g, 40) ? 0 : (uint32_t)TALKS - 1;
    if (t->at == 0 && t->next[0] && chance(g, 50))
        t->next[0] += 100000; /* a new connection */
    int dev = TALK[t->at].dev;
    if (t->flip && t->at >= 7)
        dev = !dev;
    send_segment(g, t, dev, TALK[t->at].flags, 2);
    t->at++;
}

/* --- time --- */

static const uint8_t TIMES[] = {2, 4, 6};

/* A wait after which nothing happens near a time-out of anything before it. */
static void make_wait(gen *g)
{
    fw_script *s = g->s;
    uint32_t ms = 100;
    for (int tries = 0; tries < 50; tries++) {
        uint32_t want = 200 + 100 * below(g, 45), ago = want;
        bool close = false;
        for (uint32_t i = s->n + 1; i-- > 0;) {
            for (size_t k = 0; k < sizeof TIMES; k++)
                close |= ago + 250 > TIMES[k] * 1000u && ago < TIMES[k] * 1000u + 250;
            if (i > 0)
                ago += s->v[i - 1].wait;
        }
        if (close)
            continue;
        ms = want;
        break;
    }
    fw_step *t = &s->v[s->n++];
    t->wait = (uint16_t)ms;
    snprintf(t->text, sizeof t->text, "wait %u", ms);
}

/* --- a script --- */

static void make_mixed(gen *g)
{
    uint32_t what = below(g, 100);
    if (what < 45)
        make_udp(g);
    else if (what < 65)
        make_icmp(g);
    else if (what < 75)
        make_other(g);
    else if (what < 92)
        make_error(g);
    else
        make_talk(g, 10);
}

void fw_generate(fw_script *s, uint64_t seed, uint16_t salt, bool slow)
{
    gen g = {.s = s, .salt = salt, .slow = slow};
    it_rng_init(&g.r, seed, "firewall");
    s->n = 0;
    memset(s->timer, 0, sizeof s->timer);
    g.ver = chance(&g, 50) ? 4 : 6;
    g.ids = (uint32_t)salt << 8;
    for (int i = 0; slow && i < FW_TIMERS; i++)
        s->timer[i] = PICK(&g.r, TIMES);
    uint32_t mode = below(&g, 3), n = slow ? 10 + below(&g, 8) : 6 + below(&g, 34);
    for (uint32_t i = 0; i < n && room(&g, 8); i++) {
        if (slow && i && chance(&g, 35))
            make_wait(&g);
        else if (mode == 0)
            make_mixed(&g);
        else if (mode == 1)
            make_talk(&g, 15);
        else
            make_talk(&g, 80);
    }
}
