/* A table of phases, and as much of the numbers as it takes to know whether a connection gets on. */
#include "netsim/box/tcpphase.h"

#include <string.h>

enum kind { SYN, ANSWER, FIN, ACK, RST };
enum { IGNORED = IT_TCPP_PHASES, SAME_AGAIN = 3, OLD_ACK = 66000 };

/* What a packet of an end does in a phase, in their order: SENT SENT2 RECV EST FIN_WAIT CLOSE_WAIT LAST_ACK TIME_WAIT
 * CLOSED. */
#define X IGNORED
#define T2 IT_TCPP_SENT2
#define RV IT_TCPP_RECV
#define ES IT_TCPP_EST
#define FW IT_TCPP_FIN_WAIT
#define CW IT_TCPP_CLOSE_WAIT
#define LA IT_TCPP_LAST_ACK
#define TW IT_TCPP_TIME_WAIT
#define CL IT_TCPP_CLOSED
static const uint8_t OPENERS[][IT_TCPP_PHASES] = {
    [SYN] = {IT_TCPP_SENT, T2, X, X, X, X, X, X, X},
    [ANSWER] = {X, RV, RV, X, X, X, X, X, X},
    [FIN] = {X, X, FW, FW, LA, LA, LA, TW, CL},
    [ACK] = {X, X, ES, ES, CW, CW, TW, TW, CL},
};
static const uint8_t OTHERS[][IT_TCPP_PHASES] = {
    [SYN] = {T2, T2, X, X, X, X, X, X, X},
    [ANSWER] = {RV, RV, X, X, X, X, X, X, X},
    [FIN] = {X, X, FW, FW, LA, LA, LA, TW, CL},
    [ACK] = {X, X, RV, ES, CW, CW, TW, TW, CL},
};

/* What is read of a packet. */
typedef struct segment {
    enum kind kind;
    uint8_t flags;
    uint32_t seq, ack, end;
    uint16_t window;
} segment;

static segment read_segment(const it_pkt *p)
{
    const uint8_t *t = p->buf + p->head + p->l4;
    size_t n = (size_t)(p->len - p->l4), header = (size_t)(t[12] >> 4) * 4;
    segment s = {.flags = t[13], .seq = it_get32(t + 4), .ack = it_get32(t + 8), .window = it_get16(t + 14)};
    bool syn = s.flags & IT_TCP_SYN, fin = s.flags & IT_TCP_FIN;
    s.end = s.seq + (n > header ? (uint32_t)(n - header) : 0) + syn + fin;
    s.kind = s.flags & IT_TCP_RST ? RST : syn ? (s.flags & IT_TCP_ACK ? ANSWER : SYN) : fin ? FIN : ACK;
    return s;
}

static bool after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

static it_time least(it_time a, it_time b)
{
    return a < b ? a : b;
}

/* --- numbers --- */

/* |e| begins with |s|. */
static void first_of(struct it_tcpp_end *e, const segment *s)
{
    *e = (struct it_tcpp_end){.next = s->end, .sent = true};
}

/* Counts how often the same bare ACK comes: data that is sent again and again, or a window that stays shut. */
static void count_again(it_tcpp *c, int dir, const segment *s)
{
    bool same = c->last_dir == dir && c->seq == s->seq && c->last_ack == s->ack && c->behind == s->end &&
                c->window == s->window;
    c->again = same ? c->again + 1 : 0;
    c->seq = s->seq;
    c->last_ack = s->ack;
    c->behind = s->end;
    c->window = s->window;
}

/* What |s| says of both ends, as far as it makes sense. */
static void update(it_tcpp *c, int dir, const segment *s)
{
    struct it_tcpp_end *from = &c->end[dir], *to = &c->end[!dir];
    bool acks = s->flags & IT_TCP_ACK;
    if (after(s->end, from->next)) {
        from->next = s->end;
        from->owed = true;
    }
    if (acks && (!from->acked || after(s->ack, from->ack)))
        from->ack = s->ack;
    from->acked |= acks;
    if (!acks || s->ack == to->next)
        to->owed = false;
    if (s->kind == ACK)
        count_again(c, dir, s);
}

/* |s| is the first that is seen of direction |dir|. Returns true when it says nothing more: it is a SYN of the other
 * end's. */
static bool learn_first(it_tcpp *c, int dir, const segment *s)
{
    struct it_tcpp_end *to = &c->end[!dir];
    first_of(&c->end[dir], s);
    if (s->flags & IT_TCP_SYN)
        return !(s->flags & IT_TCP_ACK) && dir != c->opener;
    if (s->ack == to->next + 1)
        to->next++; /* it seems to answer a probe */
    return false;
}

/* True when |s| acknowledges more than was seen of a connection that was taken up in the middle. */
static bool acks_unseen(const it_tcpp *c, int dir, const segment *s)
{
    const struct it_tcpp_end *to = &c->end[!dir];
    return c->taken_up && (s->flags & IT_TCP_ACK) && (!to->sent || after(s->ack, to->next));
}

static void learn(it_tcpp *c, int dir, const segment *s)
{
    const struct it_tcpp_end *from = &c->end[dir];
    bool anew = (s->flags & IT_TCP_SYN) && after(s->end, from->next) && c->phase <= IT_TCPP_RECV;
    if ((!from->sent || anew) && learn_first(c, dir, s))
        return;
    /* Of a connection taken up in the middle everything passes, and nothing is learnt as long as more is acknowledged
     * than was seen. */
    if (!acks_unseen(c, dir, s))
        update(c, dir, s);
}

/* --- phases --- */

/* A reset that is not where the next byte is expected may be answered by a challenge: an open connection stays open. */
static uint8_t after_reset(const it_tcpp *c, int dir, const segment *s)
{
    const struct it_tcpp_end *to = &c->end[!dir];
    bool train = c->last == ACK && c->last_dir == dir && s->seq == c->behind;
    return c->phase != IT_TCPP_EST || !to->acked || c->last == SYN || s->seq == to->ack || train ? IT_TCPP_CLOSED
                                                                                                 : IT_TCPP_EST;
}

/* True when |s| answers a SYN that was ignored: the two ends were right. */
static bool in_step_again(const it_tcpp *c, int dir, const segment *s)
{
    return s->kind == ANSWER && c->last == SYN && c->last_dir != dir && s->ack == c->behind;
}

static uint8_t next_phase(const it_tcpp *c, int dir, const segment *s)
{
    if (s->kind == RST)
        return after_reset(c, dir, s);
    uint8_t next = (dir == c->opener ? OPENERS : OTHERS)[s->kind][c->phase];
    if (next == IT_TCPP_RECV && s->kind == ACK && c->both)
        return IT_TCPP_EST;
    return next;
}

/* True when |s| answers a SYN that was ignored: it is no ACK of the last FIN. */
static bool answers_ignored_syn(const it_tcpp *c, int dir, const segment *s, uint8_t next)
{
    if (s->kind != ACK || c->last != SYN || c->last_dir == dir)
        return false;
    return next == IT_TCPP_TIME_WAIT && c->phase == IT_TCPP_LAST_ACK && c->challenged;
}

/* True when |s| is an ACK from the end whose SYN was ignored: it is far ahead. */
static bool acks_ignored_syn(const it_tcpp *c, int dir, const segment *s)
{
    if (s->kind != ACK || c->last != SYN || c->last_dir != dir)
        return false;
    return c->phase > IT_TCPP_SENT2 && s->seq == c->behind;
}

/* True when |s| acknowledges what is far behind. A reset that ends a connection may. */
static bool acks_old(const it_tcpp *c, int dir, const segment *s)
{
    const struct it_tcpp_end *to = &c->end[!dir];
    if (!(s->flags & IT_TCP_ACK) || s->kind == ANSWER || !to->sent || c->taken_up)
        return false;
    if (s->kind == RST && c->phase >= IT_TCPP_FIN_WAIT)
        return false;
    return after(to->next, s->ack + OLD_ACK);
}

/* True when |s| passes and says nothing of the connection as it is. */
static bool says_nothing(it_tcpp *c, int dir, const segment *s, uint8_t next)
{
    if (answers_ignored_syn(c, dir, s, next)) {
        c->challenged = false;
        return true;
    }
    return acks_ignored_syn(c, dir, s) || acks_old(c, dir, s);
}

/* |s| changes nothing but what is known of the packet before the next one. */
static void ignore(it_tcpp *c, int dir, const segment *s)
{
    c->last = (uint8_t)s->kind;
    c->last_dir = (uint8_t)dir;
    c->seq = s->seq;
    c->behind = s->end;
    c->window = s->window;
    if (s->kind == SYN && dir == c->opener)
        c->challenged = c->phase == IT_TCPP_LAST_ACK;
}

static it_time idle(const it_tcpp *c, const it_time times[IT_TCPP_TIMES], const segment *s)
{
    it_time t = times[c->phase], stuck = times[IT_TCPP_STUCK];
    if (c->again >= SAME_AGAIN && t > stuck)
        return stuck;
    if (s->kind == RST)
        return times[IT_TCPP_CLOSED];
    bool owed = c->end[0].owed || c->end[1].owed || c->window == 0;
    /* Taken up in the middle, and no answer yet. */
    bool alone = !c->replied && c->phase == IT_TCPP_EST;
    return owed || alone ? least(t, stuck) : t;
}

it_time it_tcpp_open(it_tcpp *c, const it_time times[IT_TCPP_TIMES], int dir, const it_pkt *p)
{
    segment s = read_segment(p);
    memset(c, 0, sizeof *c);
    c->opener = c->last_dir = (uint8_t)dir;
    c->last = (uint8_t)s.kind;
    c->phase = s.kind == SYN ? IT_TCPP_SENT : IT_TCPP_EST;
    c->taken_up = s.kind != SYN;
    first_of(&c->end[dir], &s);
    learn(c, dir, &s);
    return idle(c, times, &s);
}

it_time it_tcpp_see(it_tcpp *c, const it_time times[IT_TCPP_TIMES], int dir, const it_pkt *p)
{
    segment s = read_segment(p);
    uint8_t next = next_phase(c, dir, &s), was = c->phase;
    bool first = !c->replied && dir != c->opener;
    if (next != IGNORED && says_nothing(c, dir, &s, next))
        return 0;
    if (next == IGNORED && in_step_again(c, dir, &s)) {
        c->end[!dir] = (struct it_tcpp_end){.next = c->behind, .sent = true};
        c->end[dir] = (struct it_tcpp_end){.sent = false};
        c->taken_up = false;
        c->challenged = false;
        next = IT_TCPP_RECV;
    }
    if (next == IGNORED) {
        ignore(c, dir, &s);
        c->replied |= first;
        return 0;
    }
    c->both |= next == IT_TCPP_SENT2;
    /* Of what is ending a reset's numbers do not count. */
    if (s.kind != RST || was < IT_TCPP_FIN_WAIT)
        learn(c, dir, &s);
    c->phase = next;
    c->closing |= next == IT_TCPP_FIN_WAIT;
    c->last = (uint8_t)s.kind;
    c->last_dir = (uint8_t)dir;
    it_time t = idle(c, times, &s);
    /* A SYN that is sent again does not prolong, or ports used again would keep it alive for ever; nor does the first
     * that crosses it. */
    bool renews = s.kind != SYN || was != IT_TCPP_SENT || c->replied;
    c->replied |= first;
    return renews ? t : 0;
}

bool it_tcpp_reopens(const it_tcpp *c, int dir, const it_pkt *p)
{
    segment s = read_segment(p);
    bool over = c->phase == IT_TCPP_TIME_WAIT || c->phase == IT_TCPP_CLOSED;
    return s.kind == SYN && dir == c->opener && over && (c->closing || (c->last == RST && c->last_dir == dir));
}
