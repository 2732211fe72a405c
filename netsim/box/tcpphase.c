/* A table of phases, and the windows of both ends. */
#include "netsim/box/tcpphase.h"

#include "netsim/box/tcptrack.h"

#include <string.h>

enum kind { NOTHING, SYN, ANSWER, FIN, ACK, RST, KINDS };
enum { IGNORED = IT_TCPP_PHASES, INVALID, SAME_AGAIN = 3, OLD_ACK = 66000 };
enum { OPT_END = 0, OPT_NOP = 1, OPT_SCALE = 3, OPT_SACK_PERMITTED = 4, OPT_SACK = 5, SCALE_MAX = 14 };

/* What a packet of an end does in a phase, in their order: SENT SENT2 RECV EST FIN_WAIT CLOSE_WAIT LAST_ACK TIME_WAIT
 * CLOSED. SENT behind TIME_WAIT is a new beginning, if it may be. */
#define NO INVALID
#define IG IGNORED
#define S1 IT_TCPP_SENT
#define S2 IT_TCPP_SENT2
#define RV IT_TCPP_RECV
#define ES IT_TCPP_EST
#define FW IT_TCPP_FIN_WAIT
#define CW IT_TCPP_CLOSE_WAIT
#define LA IT_TCPP_LAST_ACK
#define TW IT_TCPP_TIME_WAIT
#define CL IT_TCPP_CLOSED
static const uint8_t OPENERS[KINDS][IT_TCPP_PHASES] = {
    [NOTHING] = {NO, NO, NO, NO, NO, NO, NO, NO, NO}, [SYN] = {S1, S2, IG, IG, IG, IG, IG, S1, S1},
    [ANSWER] = {NO, RV, RV, NO, NO, NO, NO, NO, NO},  [FIN] = {NO, NO, FW, FW, LA, LA, LA, TW, CL},
    [ACK] = {NO, NO, ES, ES, CW, CW, TW, TW, CL},     [RST] = {CL, CL, CL, CL, CL, CL, CL, CL, CL},
};
static const uint8_t OTHERS[KINDS][IT_TCPP_PHASES] = {
    [NOTHING] = {NO, NO, NO, NO, NO, NO, NO, NO, NO}, [SYN] = {S2, S2, NO, NO, NO, NO, NO, S1, NO},
    [ANSWER] = {RV, RV, IG, IG, IG, IG, IG, IG, IG},  [FIN] = {NO, NO, FW, FW, LA, LA, LA, TW, CL},
    [ACK] = {IG, IG, RV, ES, CW, CW, TW, TW, CL},     [RST] = {CL, CL, CL, CL, CL, CL, CL, CL, CL},
};

/* What is read of a packet. */
typedef struct segment {
    enum kind kind;
    bool syn, acks;
    uint32_t seq, ack, sack, end; /* |sack|: behind the highest block, or |ack| */
    uint16_t window;
    bool scales, sack_ok;
    uint8_t scale;
} segment;

static bool after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

static enum kind kind_of(uint8_t flags)
{
    if (flags & IT_TCP_RST)
        return RST;
    if (flags & IT_TCP_SYN)
        return flags & IT_TCP_ACK ? ANSWER : SYN;
    if (flags & IT_TCP_FIN)
        return FIN;
    return flags & IT_TCP_ACK ? ACK : NOTHING;
}

/* Of the SACK blocks in the option of |n| bytes at |o| the end that is furthest on (RFC 2018 section 3). */
static void read_sack(segment *s, const uint8_t *o, size_t n)
{
    if (n < 10 || n % 8 != 2)
        return;
    for (size_t i = 2; i < n; i += 8)
        if (after(it_get32(o + i + 4), s->sack))
            s->sack = it_get32(o + i + 4);
}

/* Reads one option of |n| bytes at |o|. */
static void read_option(segment *s, const uint8_t *o, size_t n)
{
    switch (o[0]) {
    case OPT_SCALE:
        if (!s->syn || n != 3)
            return;
        s->scales = true;
        s->scale = o[2] < SCALE_MAX ? o[2] : SCALE_MAX;
        return;
    case OPT_SACK_PERMITTED:
        if (s->syn && n == 2)
            s->sack_ok = true;
        return;
    case OPT_SACK:
        read_sack(s, o, n);
        return;
    default:
        return;
    }
}

static void read_options(segment *s, const uint8_t *t, size_t end)
{
    for (size_t i = 20; i < end && t[i] != OPT_END;) {
        if (t[i] == OPT_NOP) {
            i++;
            continue;
        }
        size_t n = i + 1 < end ? t[i + 1] : 0;
        if (n < 2 || i + n > end)
            return;
        read_option(s, t + i, n);
        i += n;
    }
}

static segment read_segment(const it_pkt *p)
{
    const uint8_t *t = p->buf + p->head + p->l4;
    size_t n = (size_t)(p->len - p->l4), header = (size_t)(t[12] >> 4) * 4;
    segment s = {.kind = kind_of(t[13]), .seq = it_get32(t + 4), .window = it_get16(t + 14)};
    s.syn = (t[13] & IT_TCP_SYN) != 0;
    s.acks = (t[13] & IT_TCP_ACK) != 0;
    s.ack = s.sack = it_get32(t + 8);
    s.end = s.seq + (n > header ? (uint32_t)(n - header) : 0) + s.syn + ((t[13] & IT_TCP_FIN) != 0);
    read_options(&s, t, header < n ? header : n);
    return s;
}

/* --- windows --- */

static uint32_t at_least_one(uint32_t window)
{
    return window ? window : 1;
}

/* |from| begins with SYN |s|. */
static void learn_first(it_tcpp *c, int dir, const segment *s)
{
    it_tcpp_end *from = &c->end[dir], *to = &c->end[!dir];
    from->end = from->limit = s->end;
    from->window = at_least_one(s->window);
    from->scales = s->scales;
    from->scale = s->scale;
    from->sack = s->sack_ok;
    from->acked = from->owed = from->closes = false;
    /* RFC 7323 section 2.2: both ends scale or none does. */
    if (dir != c->opener && !(from->scales && to->scales))
        from->scale = to->scale = 0;
}

/* Nothing but |s| is known of its sender: the connection was met in the middle. */
static void pick_up(it_tcpp *c, int dir, const segment *s)
{
    it_tcpp_end *from = &c->end[dir], *to = &c->end[!dir];
    from->end = s->end;
    from->window = at_least_one((uint32_t)s->window << from->scale);
    from->limit = s->end + from->window;
    if (to->window == 0)
        to->end = to->limit = s->sack;
    else if (s->sack == to->end + 1)
        to->end++; /* it seems to answer a keepalive (RFC 9293 section 3.8.4) */
}

/* How |s| lies to the windows. |IT_TCPP_PASSES|: in them; NOTED: it passes and says nothing. */
enum fit { FITS, NOTED, UNFIT };

/* The least acknowledgment that |from| may still send. */
static uint32_t oldest_ack(const it_tcpp_end *from, const it_tcpp_end *to)
{
    return to->end - (from->window > OLD_ACK ? from->window : OLD_ACK) - 1;
}

/* Data beyond the limit: UNFIT, unless it is less than a window too much; then it may be acknowledged. */
static enum fit beyond(it_tcpp_end *from, const it_tcpp_end *to, const segment *s)
{
    bool near = to->window && after(s->end, from->end - to->window - 1) && s->end - from->limit + 1 <= to->window;
    if (near && after(s->sack, oldest_ack(from, to)) && !after(s->sack, to->end)) {
        from->end = s->end;
        from->owed = true;
        return NOTED;
    }
    return from->liberal ? NOTED : UNFIT;
}

static enum fit fit_of(it_tcpp_end *from, const it_tcpp_end *to, const segment *s)
{
    if (after(s->seq, from->limit))
        return beyond(from, to, s);
    if (after(s->sack, to->end)) /* acknowledges what was never sent */
        return from->liberal ? NOTED : UNFIT;
    if (to->window && !after(s->end, from->end - to->window - 1)) /* long acknowledged */
        return NOTED;
    return after(s->sack, oldest_ack(from, to)) ? FITS : NOTED;
}

/* Takes in what |s| tells of the end it comes from. */
static void update_sender(it_tcpp_end *from, const segment *s, uint32_t window)
{
    uint32_t offered = window + (s->sack - s->ack);
    if (from->window < offered)
        from->window = offered;
    if (after(s->end, from->end)) {
        from->end = s->end;
        from->owed = true;
    }
    if (s->acks && (!from->acked || after(s->ack, from->ack)))
        from->ack = s->ack;
    from->acked |= s->acks;
}

/* Takes in the numbers of |s|, which fit. */
static void update(it_tcpp_end *from, it_tcpp_end *to, const segment *s)
{
    uint32_t window = (uint32_t)s->window << (s->syn ? 0 : from->scale);
    update_sender(from, s, window);
    if (to->window && after(s->end, from->limit))
        to->window += s->end - from->limit;
    if (after(s->sack + window, to->limit - 1))
        to->limit = s->sack + at_least_one(window);
    if (s->ack == to->end)
        to->owed = false;
}

/* Counts how often the same bare ACK comes: data that is sent again and again, or a window that stays shut. */
static void count_again(it_tcpp *c, int dir, const segment *s)
{
    bool same = c->last_dir == dir && c->seq == s->seq && c->last_ack == s->ack && c->behind == s->end &&
                c->window == s->window;
    c->again = same ? c->again + 1 : 0;
    c->last_dir = (uint8_t)dir;
    c->seq = s->seq;
    c->last_ack = s->ack;
    c->behind = s->end;
    c->window = s->window;
}

/* What an ACK field that is not there, or is 0 in a reset of a broken end, is taken for; a reset that answers a SYN has
 * the number 0 (RFC 9293 section 3.5.2). */
static void complete_numbers(const it_tcpp *c, int dir, segment *s)
{
    const it_tcpp_end *from = &c->end[dir], *to = &c->end[!dir];
    if (!s->acks || (s->kind == RST && s->ack == 0))
        s->ack = s->sack = to->end;
    if (s->kind == RST && s->seq == 0 && c->phase == IT_TCPP_SENT)
        s->seq = s->end = from->end;
}

/* True when |s| is a SYN behind all that |from| has sent, of a connection that is still to open. */
static bool is_anew(const it_tcpp *c, const it_tcpp_end *from, const segment *s)
{
    return s->syn && after(s->end, from->end) && c->phase <= IT_TCPP_RECV && c->phase != IT_TCPP_SENT2;
}

/* What |s| begins of its end. Returns true when there is no more to it: SYNs that cross. */
static bool begin_end(it_tcpp *c, int dir, const segment *s)
{
    const it_tcpp_end *from = &c->end[dir];
    bool fresh = from->window == 0;
    if (s->syn && (fresh || is_anew(c, from, s))) {
        learn_first(c, dir, s);
        return !s->acks && (fresh || dir != c->opener);
    }
    if (fresh)
        pick_up(c, dir, s);
    return false;
}

/* Whether |s| is in the windows, which it then moves. */
static enum fit in_window(it_tcpp *c, int dir, segment s)
{
    it_tcpp_end *from = &c->end[dir], *to = &c->end[!dir];
    if (!to->sack)
        s.sack = s.ack;
    if (begin_end(c, dir, &s))
        return FITS;
    complete_numbers(c, dir, &s);
    enum fit fit = fit_of(from, to, &s);
    if (fit != FITS)
        return fit == NOTED && from->liberal ? FITS : fit;
    update(from, to, &s);
    if (s.kind == ACK)
        count_again(c, dir, &s);
    return FITS;
}

/* --- phases --- */

static it_time least(it_time a, it_time b)
{
    return a < b ? a : b;
}

static it_time idle_of(const it_tcpp *c, const it_time times[IT_TCPP_TIMES], const segment *s)
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
    it_tcpp_end *from = &c->end[dir];
    memset(c, 0, sizeof *c);
    c->opener = c->last_dir = (uint8_t)dir;
    c->phase = s.kind == SYN ? IT_TCPP_SENT : IT_TCPP_EST;
    learn_first(c, dir, &s);
    if (s.kind != SYN) {
        from->limit = from->end + from->window;
        c->end[0].liberal = c->end[1].liberal = true;
        c->end[0].sack = c->end[1].sack = true;
    }
    (void)in_window(c, dir, s);
    c->last = (uint8_t)s.kind;
    return idle_of(c, times, &s);
}

void it_tcpp_open_blank(it_tcpp *c)
{
    memset(c, 0, sizeof *c);
    c->blank = true;
}

/* |s| passes and changes nothing: the box may be out of step with the ends, who will say so. */
static void ignore(it_tcpp *c, int dir, const segment *s)
{
    c->last = (uint8_t)s->kind;
    c->last_dir = (uint8_t)dir;
    c->seq = s->seq;
    c->behind = s->end;
    c->window = s->window;
    if (s->kind == SYN && dir == c->opener) {
        c->last_scales = s->scales;
        c->last_scale = s->scale;
        c->last_sack = s->sack_ok;
        c->challenged = c->phase == IT_TCPP_LAST_ACK;
    }
    if (dir != c->opener && (s->kind == ANSWER || (s->kind == ACK && c->phase == IT_TCPP_SENT)))
        c->last_ack = s->ack;
}

/* True when |s| answers a SYN that was ignored: the two ends are in step, and the box is again. */
static bool in_step_again(it_tcpp *c, int dir, const segment *s)
{
    if (s->kind != ANSWER || c->last != SYN || c->last_dir == dir || s->ack != c->behind)
        return false;
    it_tcpp_end *asked = &c->end[c->last_dir];
    asked->end = asked->limit = c->behind;
    asked->window = at_least_one(c->window);
    asked->scales = c->last_scales;
    asked->scale = c->last_scale;
    asked->sack = c->last_sack;
    asked->owed = asked->acked = asked->liberal = asked->closes = false;
    c->challenged = false;
    memset(&c->end[dir], 0, sizeof c->end[dir]);
    return true;
}

/* True when |s| begins where the segment before it, of the same end, has ended. */
static bool follows_on(const it_tcpp *c, int dir, const segment *s)
{
    return c->last == ACK && c->last_dir == dir && s->seq == c->behind;
}

/* The part of after_reset for an end that has acknowledged something. */
static uint8_t after_placed_reset(const it_tcpp *c, int dir, const segment *s)
{
    const it_tcpp_end *to = &c->end[!dir];
    bool open = c->assured && c->phase == IT_TCPP_EST;
    if (s->seq == 0 && !open)
        return IT_TCPP_CLOSED;
    if (after(to->ack, s->seq))
        return INVALID;
    if (!open || s->seq == to->ack)
        return IT_TCPP_CLOSED;
    return follows_on(c, dir, s) ? IT_TCPP_CLOSED : c->phase;
}

/* True for the reset of an end that has sent a SYN and got an ACK of something else: its number is that of the ACK (RFC
 * 9293 section 3.10.7.3), whatever it acknowledges itself. */
static bool refuses_ack(const it_tcpp *c, const segment *s)
{
    return c->phase == IT_TCPP_SENT && c->last == ACK && s->seq == c->last_ack;
}

/* What a reset does: INVALID when it is before what was acknowledged; an open connection stays open when it is not
 * where the next byte is expected, for a challenge may follow (RFC 5961 section 3.2). |*sure|: it answers what was let
 * through though it fits nothing, and its numbers need not fit. */
static uint8_t after_reset(const it_tcpp *c, int dir, const segment *s, bool *sure)
{
    /* Of what is ending the numbers may be those of a connection before or after. */
    *sure = c->phase >= IT_TCPP_FIN_WAIT;
    if (*sure)
        return IT_TCPP_CLOSED;
    if (c->end[!dir].acked && c->last != SYN) /* a SYN that was let through makes that out of date */
        return after_placed_reset(c, dir, s);
    bool answers = (c->replied && c->last == SYN) || (!c->assured && c->last == ACK);
    /* netfilter compares the field, whether the flag is set or not; |behind| is 0 until something was ignored. */
    *sure = (answers && s->ack == c->behind) || refuses_ack(c, s);
    return IT_TCPP_CLOSED;
}

/* A connection that is over may be reopened by the side that opened it, once a FIN has ended it, or by who reset it. */
static bool reopens(const it_tcpp *c, int dir)
{
    return c->end[0].closes || c->end[1].closes || (c->last_dir == dir && c->last == RST);
}

/* |s| is out of the windows. A FIN or reset that answers another such one shortens the time of the connection. */
static it_time shortened(it_tcpp *c, const it_time times[IT_TCPP_TIMES], int dir, const segment *s)
{
    if (!c->assured || (s->kind != RST && s->kind != FIN))
        return 0;
    if (c->last_dir != dir && (c->last == FIN || c->last == RST))
        return times[c->phase] > times[IT_TCPP_STUCK] ? times[IT_TCPP_STUCK] : 0;
    c->last = (uint8_t)s->kind;
    c->last_dir = (uint8_t)dir;
    return 0;
}

/* The next phase by the tables. */
static uint8_t phase_by_kind(const it_tcpp *c, int dir, const segment *s)
{
    uint8_t next = (dir == c->opener ? OPENERS : OTHERS)[s->kind][c->phase];
    if (next == IT_TCPP_SENT && c->phase >= IT_TCPP_TIME_WAIT && !reopens(c, dir))
        return IGNORED;
    return next;
}

/* True when |s| is the last that a connection waits for which both ends open. */
static bool completes_both(const it_tcpp *c, int dir, const segment *s)
{
    return s->kind == ACK && dir != c->opener && c->both;
}

/* The next phase by |s|; IGNORED, INVALID. */
static uint8_t next_phase(it_tcpp *c, int dir, const segment *s, bool *sure)
{
    uint8_t next = phase_by_kind(c, dir, s);
    *sure = false;
    if (next == IGNORED && in_step_again(c, dir, s)) {
        c->phase = IT_TCPP_SENT;
        return IT_TCPP_RECV;
    }
    if (next == IT_TCPP_SENT2)
        c->both = true;
    if (next == IT_TCPP_RECV && completes_both(c, dir, s))
        return IT_TCPP_EST;
    if (s->kind == RST && next == IT_TCPP_CLOSED)
        return after_reset(c, dir, s, sure);
    return next;
}

/* True when |next|, after |was|, makes a connection sure that both ends have spoken of. */
static bool assures(uint8_t was, uint8_t next)
{
    return next == IT_TCPP_EST && (was == IT_TCPP_RECV || was == IT_TCPP_EST);
}

/* Takes in |s|, which fits, and makes |next| the phase. Returns as it_tcpp_input. */
static enum it_tcpp_verdict advance(it_tcpp *c, const it_time times[IT_TCPP_TIMES], int dir, const segment *s,
                                    uint8_t next, it_time *idle)
{
    uint8_t was = c->phase;
    c->last = (uint8_t)s->kind;
    c->last_dir = (uint8_t)dir;
    c->phase = next;
    c->end[dir].closes |= was != next && next == IT_TCPP_FIN_WAIT;
    if (!c->replied && s->kind == RST)
        return IT_TCPP_ENDS;
    *idle = idle_of(c, times, s);
    /* A SYN that is sent again does not prolong, or ports used again would keep it alive for ever. */
    if (!c->replied && s->kind == SYN && was == IT_TCPP_SENT)
        *idle = 0;
    else if (c->replied && assures(was, next))
        c->assured = true;
    return IT_TCPP_PASSES;
}

enum it_tcpp_verdict it_tcpp_input(it_tcpp *c, const it_time times[IT_TCPP_TIMES], int dir, const it_pkt *p,
                                   it_time *idle)
{
    segment s = read_segment(p);
    bool sure;
    *idle = 0;
    if (!it_tcpt_flags_ok(p))
        return IT_TCPP_INVALID;
    if (c->blank) {
        if (s.kind == RST)
            return IT_TCPP_INVALID;
        *idle = it_tcpp_open(c, times, dir, p);
        return IT_TCPP_PASSES;
    }
    uint8_t was = c->phase, next = next_phase(c, dir, &s, &sure);
    bool answer = dir != c->opener;
    if (next == INVALID)
        return IT_TCPP_INVALID;
    if (next == IT_TCPP_SENT && was >= IT_TCPP_TIME_WAIT)
        return IT_TCPP_AGAIN;
    if (next == IGNORED) {
        ignore(c, dir, &s);
        c->replied |= answer;
        return IT_TCPP_PASSES;
    }
    /* RFC 5961 section 4: the answer to a SYN that was ignored is no ACK of the last FIN. */
    if (next == IT_TCPP_TIME_WAIT && was == IT_TCPP_LAST_ACK && s.kind == ACK && c->last == SYN && c->last_dir != dir &&
        c->challenged) {
        c->challenged = false;
        return IT_TCPP_PASSES;
    }
    enum fit fit = sure ? FITS : in_window(c, dir, s);
    if (fit == UNFIT) {
        *idle = shortened(c, times, dir, &s);
        return IT_TCPP_INVALID;
    }
    enum it_tcpp_verdict v = fit == FITS ? advance(c, times, dir, &s, next, idle) : IT_TCPP_PASSES;
    c->replied |= answer;
    return v;
}
