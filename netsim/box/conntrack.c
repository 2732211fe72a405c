/* The table of phases, the four bounds, and what netfilter does beside them. */
#include "netsim/box/conntrack.h"

#include <string.h>

enum { SYN, SYNACK, FIN, ACK, RST, KINDS, NO_KIND };
enum { IGNORED = IT_CT_PHASES, WRONG }; /* beside phases in the table */
enum { SAME_AGAIN = 3, SCALE_MAX = 14 };
enum { OPT_END = 0, OPT_NOP = 1, OPT_SCALE = 3, OPT_SACK_OK = 4, OPT_SACK = 5, SACK_BLOCK = 8 };
#define OLD_ACK 66000u /* an acknowledgment may be so old, or as old as the window is large */

/* The next phase, by direction and kind, in the order of enum it_ct_phase: NONE SENT RECV EST FIN_WAIT CLOSE_WAIT
 * LAST_ACK TIME_WAIT CLOSED SENT2. */
#define SS IT_CT_SENT
#define SR IT_CT_RECV
#define ES IT_CT_EST
#define FW IT_CT_FIN_WAIT
#define CW IT_CT_CLOSE_WAIT
#define LA IT_CT_LAST_ACK
#define TW IT_CT_TIME_WAIT
#define CL IT_CT_CLOSED
#define S2 IT_CT_SENT2
#define IG IGNORED
#define NO WRONG
static const uint8_t NEXT[2][KINDS][IT_CT_PHASES] = {
    {
        [SYN] = {SS, SS, IG, IG, IG, IG, IG, SS, SS, S2},
        [SYNACK] = {NO, NO, SR, NO, NO, NO, NO, NO, NO, SR},
        [FIN] = {NO, NO, FW, FW, LA, LA, LA, TW, CL, NO},
        [ACK] = {ES, NO, ES, ES, CW, CW, TW, TW, CL, NO},
        [RST] = {NO, CL, CL, CL, CL, CL, CL, CL, CL, CL},
    },
    {
        [SYN] = {NO, S2, NO, NO, NO, NO, NO, SS, NO, S2},
        [SYNACK] = {NO, SR, IG, IG, IG, IG, IG, IG, IG, SR},
        [FIN] = {NO, NO, FW, FW, LA, LA, LA, TW, CL, NO},
        [ACK] = {NO, IG, SR, ES, CW, CW, TW, TW, CL, IG},
        [RST] = {NO, CL, CL, CL, CL, CL, CL, CL, CL, CL},
    },
};

/* --- segments --- */

typedef struct segment {
    uint8_t kind, flags;
    uint16_t window;
    uint32_t seq, ack, sack, end; /* |sack|: the highest of |ack| and the selective ones */
    it_bytes options;
} segment;

static uint8_t ct_kind_of(uint8_t flags)
{
    if (flags & IT_TCP_RST)
        return RST;
    if (flags & IT_TCP_SYN)
        return flags & IT_TCP_ACK ? SYNACK : SYN;
    if (flags & IT_TCP_FIN)
        return FIN;
    return flags & IT_TCP_ACK ? ACK : NO_KIND;
}

static segment ct_read_segment(const it_pkt *p, uint32_t extra)
{
    const uint8_t *t = p->buf + p->head + p->l4;
    size_t n = (size_t)(p->len - p->l4), header = (size_t)(t[12] >> 4) * 4;
    segment s = {.flags = t[13], .seq = it_get32(t + 4), .ack = it_get32(t + 8), .window = it_get16(t + 14)};
    s.kind = ct_kind_of(s.flags);
    s.sack = s.ack;
    s.end = s.seq + (uint32_t)(n - header) + extra + ((s.flags & IT_TCP_SYN) != 0) + ((s.flags & IT_TCP_FIN) != 0);
    s.options = it_bytes_of(t + 20, header - 20);
    return s;
}

static bool ct_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static bool ct_after(uint32_t a, uint32_t b)
{
    return ct_before(b, a);
}

/* The option of |kind| at or behind |*at| in |o|: its length (the kind and itself counted), |*at| its place; 0 when
 * there is none, or the list makes no sense before it. RFC 9293 section 3.1. */
static size_t ct_find_option(it_bytes o, size_t *at, uint8_t kind)
{
    size_t i = *at;
    while (i < o.n && o.p[i] != OPT_END) {
        if (o.p[i] == OPT_NOP) {
            i++;
            continue;
        }
        if (i + 2 > o.n || o.p[i + 1] < 2 || i + o.p[i + 1] > o.n)
            return 0;
        if (o.p[i] == kind) {
            *at = i;
            return o.p[i + 1];
        }
        i += o.p[i + 1];
    }
    return 0;
}

/* What the options of SYN |s| say of |e|. RFC 7323 section 2.2, RFC 2018 section 2. */
static void ct_take_options(it_ct_end *e, const segment *s)
{
    size_t at = 0;
    if (s->options.n == 0)
        return;
    e->scale = 0;
    e->scales = e->sack = e->acked = e->owed = e->closer = false;
    if (ct_find_option(s->options, &at, OPT_SCALE) == 3) {
        uint8_t scale = s->options.p[at + 2];
        e->scale = scale < SCALE_MAX ? scale : SCALE_MAX;
        e->scales = true;
    }
    at = 0;
    e->sack = ct_find_option(s->options, &at, OPT_SACK_OK) == 2;
}

/* Raises |s|->sack by the selective acknowledgments in it. RFC 2018 section 3. */
static void ct_take_sack(segment *s)
{
    size_t at = 0, n = ct_find_option(s->options, &at, OPT_SACK);
    if (n < 2 + SACK_BLOCK || (n - 2) % SACK_BLOCK != 0)
        return;
    for (size_t i = at + 2; i < at + n; i += SACK_BLOCK) {
        uint32_t right = it_get32(s->options.p + i + 4);
        if (ct_after(right, s->sack))
            s->sack = right;
    }
}

bool it_ct_valid(const it_pkt *p)
{
    static const uint8_t VALID[] = {
        IT_TCP_SYN,
        IT_TCP_SYN | IT_TCP_URG,
        IT_TCP_SYN | IT_TCP_ACK,
        IT_TCP_RST,
        IT_TCP_RST | IT_TCP_ACK,
        IT_TCP_FIN | IT_TCP_ACK,
        IT_TCP_FIN | IT_TCP_ACK | IT_TCP_URG,
        IT_TCP_ACK,
        IT_TCP_ACK | IT_TCP_URG,
    };
    const uint8_t *t = p->buf + p->head + p->l4;
    size_t n = (size_t)(p->len - p->l4), header = n < 20 ? 0 : (size_t)(t[12] >> 4) * 4;
    if (header < 20 || header > n)
        return false;
    /* PSH, and the bits of RFC 3168, go with all. */
    uint8_t flags = t[13] & (IT_TCP_FIN | IT_TCP_SYN | IT_TCP_RST | IT_TCP_ACK | IT_TCP_URG);
    return memchr(VALID, flags, sizeof VALID) != NULL;
}

/* --- the four bounds --- */

enum bound { FITS, PASSES, OUTSIDE }; /* PASSES: and changes nothing */

/* |e| begins with SYN |s|, of the side that opened or (|reply|) the other. */
static void ct_begin_end(it_ct_end *e, it_ct_end *other, const segment *s, bool reply)
{
    e->end = e->maxend = s->end;
    e->maxwin = s->window ? s->window : 1;
    ct_take_options(e, s);
    /* RFC 7323 section 1.3: both must offer to scale. */
    if (reply && !(e->scales && other->scales))
        e->scale = other->scale = 0;
}

/* |e| is met in the middle, by |s|. */
static void ct_meet_end(it_ct_end *e, it_ct_end *other, const segment *s)
{
    uint32_t window = (uint32_t)s->window << e->scale;
    e->end = s->end;
    e->maxwin = window ? window : 1;
    e->maxend = s->end + e->maxwin;
    if (other->maxwin == 0)
        other->end = other->maxend = s->sack;
    else if (s->sack == other->end + 1)
        other->end++; /* it seems to answer a keepalive */
}

/* Takes up where the sender of |s| stands, when that is new. True when no more is to be looked at: SYNs cross. */
static bool ct_learn_sender(it_ct *c, int dir, const segment *s)
{
    it_ct_end *from = &c->end[dir], *to = &c->end[!dir];
    bool syn = s->flags & IT_TCP_SYN, ack = s->flags & IT_TCP_ACK;
    if (from->maxwin == 0 && syn) {
        ct_begin_end(from, to, s, dir == 1);
        return !ack;
    }
    if (from->maxwin == 0) {
        ct_meet_end(from, to, s);
        return false;
    }
    /* RFC 9293 section 3.4.3: it was begun anew. */
    if (syn && ct_after(s->end, from->end) && (c->phase == IT_CT_SENT || c->phase == IT_CT_RECV)) {
        ct_begin_end(from, to, s, dir == 1);
        return dir == 1 && !ack;
    }
    return false;
}

/* How old an acknowledgment of |e| may be. */
static uint32_t ct_ack_window(const it_ct_end *e)
{
    return e->maxwin > OLD_ACK ? e->maxwin : OLD_ACK;
}

/* Whether the data of |s| ends within a window of |to| behind what |from| has sent. */
static bool ct_ends_in_window(const it_ct_end *from, const it_ct_end *to, const segment *s)
{
    return ct_after(s->end, from->end - to->maxwin - 1);
}

/* |s| begins behind what its receiver's window allows. */
static enum bound ct_beyond(it_ct_end *from, const it_ct_end *to, const segment *s)
{
    uint32_t over = s->end - from->maxend + 1;
    bool near = to->maxwin && ct_ends_in_window(from, to, s) && over <= to->maxwin;
    bool acks = ct_after(s->sack, to->end - ct_ack_window(from) - 1) && ct_before(s->sack, to->end + 1);
    if (!near || !acks)
        return OUTSIDE;
    /* Some send more than the window; their receiver will say. */
    from->end = s->end;
    from->owed = true;
    return PASSES;
}

static enum bound ct_bounds(it_ct_end *from, const it_ct_end *to, const segment *s)
{
    if (!ct_before(s->seq, from->maxend + 1))
        return ct_beyond(from, to, s);
    if (!ct_before(s->sack, to->end + 1))
        return OUTSIDE; /* it acknowledges what was not seen */
    if (to->maxwin && !ct_ends_in_window(from, to, s))
        return PASSES; /* sent again, acknowledged already */
    if (!ct_after(s->sack, to->end - ct_ack_window(from) - 1))
        return PASSES; /* it comes very late */
    return FITS;
}

/* Moves both ends on by |s|, which fits. */
static void ct_learn_numbers(it_ct_end *from, it_ct_end *to, const segment *s)
{
    uint32_t window = s->window;
    if (!(s->flags & IT_TCP_SYN))
        window <<= from->scale;
    uint32_t reach = window + (s->sack - s->ack);
    if (from->maxwin < reach)
        from->maxwin = reach;
    if (ct_after(s->end, from->end)) {
        from->end = s->end;
        from->owed = true;
    }
    if ((s->flags & IT_TCP_ACK) && (!from->acked || ct_after(s->ack, from->maxack))) {
        from->maxack = s->ack;
        from->acked = true;
    }
    if (to->maxwin && ct_after(s->end, from->maxend))
        to->maxwin += s->end - from->maxend;
    if (ct_after(s->sack + window, to->maxend - 1))
        to->maxend = s->sack + window + (window == 0);
    if (s->ack == to->end)
        to->owed = false;
}

/* Counts how often the same segment comes. */
static void ct_count_again(it_ct *c, int dir, const segment *s)
{
    bool same = c->last_dir == dir && c->last_seq == s->seq && c->last_ack == s->ack && c->last_end == s->end &&
                c->last_window == s->window;
    if (same) {
        if (c->again < SAME_AGAIN)
            c->again++;
        return;
    }
    c->last_dir = (uint8_t)dir;
    c->last_seq = s->seq;
    c->last_ack = s->ack;
    c->last_end = s->end;
    c->last_window = s->window;
    c->again = 0;
}

/* Gives |s|, sent by |from|, the numbers that count where it has none: without an ACK, or in a reset that has 0 there,
 * the acknowledgment is right; a reset of 0 refuses a SYN. */
static void ct_fill_numbers(const it_ct *c, segment *s, const it_ct_end *from, const it_ct_end *to)
{
    bool reset = s->flags & IT_TCP_RST;
    if (!(s->flags & IT_TCP_ACK) || (reset && s->ack == 0))
        s->ack = s->sack = to->end;
    if (reset && s->seq == 0 && c->phase == IT_CT_SENT)
        s->seq = s->end = from->end;
}

/* Judges the numbers of |s| and learns from them. */
static enum bound ct_in_window(it_ct *c, int dir, segment s)
{
    it_ct_end *from = &c->end[dir], *to = &c->end[!dir];
    if (to->sack)
        ct_take_sack(&s);
    if (ct_learn_sender(c, dir, &s))
        return FITS;
    ct_fill_numbers(c, &s, from, to);
    enum bound b = ct_bounds(from, to, &s);
    if (b != FITS && !from->liberal)
        return b;
    if (b != FITS)
        return FITS; /* and nothing is learnt */
    ct_learn_numbers(from, to, &s);
    if (s.kind == ACK)
        ct_count_again(c, dir, &s);
    return FITS;
}

/* --- what is out of step --- */

/* Keeps what ignored segment |s| says: the two ends may know better. */
static void ct_note_ignored(it_ct *c, int dir, const segment *s)
{
    c->last_kind = s->kind;
    c->last_dir = (uint8_t)dir;
    c->last_seq = s->seq;
    c->last_end = s->end;
    c->last_window = s->window;
    if (s->kind == SYN && dir == 0) {
        it_ct_end seen = {.scale = 0};
        ct_take_options(&seen, s);
        c->last_scales = seen.scales;
        c->last_scale = seen.scale;
        c->last_sack = seen.sack;
        c->crossed = false;
        /* RFC 5961 section 4.2: the other side may answer it with an ACK, which then is none of the last FIN. */
        c->challenge = c->phase == IT_CT_LAST_ACK;
    }
    if (c->phase == IT_CT_SENT && s->kind == ACK && dir == 1)
        c->last_ack = s->ack;
}

/* SYN and ACK |s| of |dir| answers the SYN that was ignored before: the two ends were in step, this was not. */
static bool ct_answers_ignored(const it_ct *c, int dir, const segment *s)
{
    return s->kind == SYNACK && c->last_kind == SYN && c->last_dir != dir && s->ack == c->last_end;
}

static void ct_get_in_step(it_ct *c, int dir)
{
    it_ct_end *other = &c->end[!dir];
    *other = (it_ct_end){.end = c->last_end, .maxend = c->last_end, .maxack = other->maxack};
    other->maxwin = c->last_window ? c->last_window : 1;
    other->scale = c->last_scale;
    other->scales = c->last_scales;
    other->sack = c->last_sack;
    c->challenge = false;
    c->end[dir] = (it_ct_end){.liberal = c->end[dir].liberal};
}

/* SYN |s| of an ended connection: true when the old one is forgotten for it. */
static bool ct_reopens(const it_ct *c, int dir)
{
    bool closed = c->end[0].closer || c->end[1].closer;
    return closed || (c->last_dir == dir && c->last_kind == RST);
}

/* --- resets --- */

enum reset { RESET_WRONG, RESET_CHECKED, RESET_FITS, RESET_INEXACT }; /* CHECKED: by the bounds; FITS: without */

/* Whether what |s| resets may be a SYN or ACK that was let through although it did not fit. */
static bool ct_refuses_ignored(const it_ct *c, int dir, const segment *s)
{
    bool acks_it = s->ack == c->last_end;
    if (c->last_kind == SYN)
        return acks_it && c->replied && c->last_dir != dir;
    if (c->last_kind != ACK)
        return false;
    if (acks_it && !c->assured)
        return true;
    /* It answers a challenge. */
    return c->phase == IT_CT_SENT && c->last_dir == 1 && s->seq == c->last_ack;
}

/* Judges reset |s| by what its receiver has acknowledged; |open|: the connection is established. RFC 5961 section 3.2:
 * only where the next byte is expected does it count at once; elsewhere in the window it may be answered by a
 * challenge. */
static enum reset ct_judge_reset_number(const it_ct *c, int dir, const segment *s, bool open)
{
    uint32_t expected = c->end[!dir].maxack;
    if (s->seq == 0 && !open)
        return RESET_CHECKED;
    if (ct_before(s->seq, expected))
        return RESET_WRONG;
    if (!open || s->seq == expected)
        return RESET_CHECKED;
    bool train = c->last_kind == ACK && c->last_dir == dir && s->seq == c->last_end;
    return train ? RESET_CHECKED : RESET_INEXACT;
}

static enum reset ct_judge_reset(const it_ct *c, int dir, const segment *s)
{
    if (c->phase >= IT_CT_FIN_WAIT && c->phase <= IT_CT_CLOSED)
        return RESET_FITS; /* it is ending, and what is known is old */
    bool open = c->phase == IT_CT_EST && c->assured;
    if (c->end[!dir].acked && c->last_kind != SYN)
        return ct_judge_reset_number(c, dir, s, open);
    return ct_refuses_ignored(c, dir, s) ? RESET_FITS : RESET_CHECKED;
}

/* --- a segment --- */

static it_time ct_idle_of(const it_ct *c, const it_time times[IT_CT_TIMES], const segment *s)
{
    it_time t = times[c->phase];
    if (c->again >= SAME_AGAIN && t > times[IT_CT_RETRANS])
        return times[IT_CT_RETRANS];
    if (s->kind == RST)
        return times[IT_CT_CLOSED];
    if ((c->end[0].owed || c->end[1].owed) && t > times[IT_CT_UNACKED])
        return times[IT_CT_UNACKED];
    if (c->last_window == 0 && t > times[IT_CT_RETRANS])
        return times[IT_CT_RETRANS];
    return t;
}

/* A FIN or RST of an assured connection was invalid: the two sides may be out of step, and then it is not to live
 * long. */
static it_ct_step ct_invalid(it_ct *c, int dir, const segment *s)
{
    it_ct_step r = {.verdict = IT_CT_INVALID};
    if (!c->assured || (s->kind != FIN && s->kind != RST))
        return r;
    if (c->last_dir != dir && (c->last_kind == FIN || c->last_kind == RST)) {
        r.shorten = true;
        return r;
    }
    c->last_kind = s->kind;
    c->last_dir = (uint8_t)dir;
    return r;
}

/* What |s| is in a connection that nothing of the other side's has passed in, and that it took from |was|. */
static void ct_advance_unanswered(const it_ct *c, const it_time times[IT_CT_TIMES], const segment *s, uint8_t was,
                                  it_ct_step *r)
{
    if (s->kind == RST)
        r->verdict = IT_CT_PASS_AND_END; /* nothing was answered but by this */
    else if (s->kind == SYN && was == IT_CT_SENT)
        r->idle = 0; /* sent again: it does not prolong, or ports used again would keep it alive for ever */
    else if (c->phase == IT_CT_EST && r->idle > times[IT_CT_UNACKED])
        r->idle = times[IT_CT_UNACKED]; /* taken up in the middle */
}

/* |s| is in the connection, which it takes from |c|->phase to |next|. */
static it_ct_step ct_advance(it_ct *c, const it_time times[IT_CT_TIMES], int dir, const segment *s, uint8_t next)
{
    uint8_t was = c->phase;
    c->last_kind = s->kind;
    c->last_dir = (uint8_t)dir;
    c->phase = next;
    if (next != was && next == IT_CT_FIN_WAIT)
        c->end[dir].closer = true;
    it_ct_step r = {.verdict = IT_CT_PASS, .idle = ct_idle_of(c, times, s)};
    if (!c->replied)
        ct_advance_unanswered(c, times, s, was, &r);
    else if (next == IT_CT_EST && (was == IT_CT_RECV || was == IT_CT_EST))
        c->assured = true;
    if (dir == 1)
        c->replied = true;
    return r;
}

/* |s| passes and says nothing of the phase. */
static it_ct_step ct_pass_ignored(it_ct *c, int dir)
{
    c->replied |= dir == 1;
    return (it_ct_step){.verdict = IT_CT_PASS};
}

/* True when ACK |s| in LAST_ACK answers a SYN, not the last FIN. */
static bool ct_is_challenge(const it_ct *c, int dir, const segment *s)
{
    return c->phase == IT_CT_LAST_ACK && s->kind == ACK && c->last_dir != dir && c->last_kind == SYN && c->challenge;
}

/* |s| leads to |next|, if its numbers fit. */
static it_ct_step ct_check_and_advance(it_ct *c, const it_time times[IT_CT_TIMES], int dir, const segment *s,
                                       uint8_t next)
{
    enum bound b = ct_in_window(c, dir, *s);
    if (b == OUTSIDE)
        return ct_invalid(c, dir, s);
    if (b == PASSES)
        return ct_pass_ignored(c, dir);
    return ct_advance(c, times, dir, s, next);
}

static it_ct_step ct_reset(it_ct *c, const it_time times[IT_CT_TIMES], int dir, const segment *s)
{
    enum reset how = ct_judge_reset(c, dir, s);
    uint8_t next = IT_CT_CLOSED;
    if (how == RESET_WRONG)
        return (it_ct_step){.verdict = IT_CT_INVALID};
    if (how == RESET_FITS)
        return ct_advance(c, times, dir, s, next);
    if (how == RESET_INEXACT)
        next = c->phase; /* an open connection stays open */
    return ct_check_and_advance(c, times, dir, s, next);
}

/* The segment is none of a step of the connection, or one that the other side may answer. */
static it_ct_step ct_out_of_step(it_ct *c, const it_time times[IT_CT_TIMES], int dir, const segment *s)
{
    if (ct_answers_ignored(c, dir, s)) {
        ct_get_in_step(c, dir);
        return ct_check_and_advance(c, times, dir, s, IT_CT_RECV);
    }
    ct_note_ignored(c, dir, s);
    return ct_pass_ignored(c, dir);
}

/* The phase that |s| leads to, with what the table does not know. */
static uint8_t ct_next_phase(const it_ct *c, int dir, const segment *s)
{
    uint8_t next = NEXT[dir][s->kind][c->phase];
    /* A SYN of what is over is let through where it reopens nothing. */
    if (next == IT_CT_SENT && c->phase >= IT_CT_TIME_WAIT)
        return IGNORED;
    /* RFC 9293 section 3.5: SYNs that crossed are both answered by ACKs. */
    if (next == IT_CT_RECV && dir == 1 && s->kind == ACK && c->crossed)
        return IT_CT_EST;
    return next;
}

static it_ct_step ct_see(it_ct *c, const it_time times[IT_CT_TIMES], int dir, const segment *s)
{
    uint8_t by_table = NEXT[dir][s->kind][c->phase], next = ct_next_phase(c, dir, s);
    if (next == WRONG)
        return (it_ct_step){.verdict = IT_CT_INVALID};
    /* RFC 9293 section 3.6.1: a SYN may reopen what waits. */
    if (by_table == IT_CT_SENT && next == IGNORED && ct_reopens(c, dir))
        return (it_ct_step){.verdict = IT_CT_REOPEN};
    if (next == IGNORED)
        return ct_out_of_step(c, times, dir, s);
    if (next == IT_CT_TIME_WAIT && ct_is_challenge(c, dir, s)) {
        c->challenge = false;
        return ct_pass_ignored(c, dir);
    }
    if (next == IT_CT_SENT2)
        c->crossed = true;
    if (s->kind == RST)
        return ct_reset(c, times, dir, s);
    return ct_check_and_advance(c, times, dir, s, next);
}

it_ct_step it_ct_open(it_ct *c, const it_time times[IT_CT_TIMES], bool loose, const it_pkt *p, uint32_t extra)
{
    segment s = ct_read_segment(p, extra);
    memset(c, 0, sizeof *c);
    c->last_kind = NO_KIND;
    if (s.kind != SYN && !(loose && s.kind == ACK))
        return (it_ct_step){.verdict = IT_CT_INVALID};
    it_ct_end *e = &c->end[0];
    e->end = s.end;
    e->maxend = s.end;
    e->maxwin = s.window ? s.window : 1;
    if (s.kind == SYN) {
        ct_take_options(e, &s);
    } else {
        /* Its history is lost: it may scale and acknowledge selectively, and bounds mean nothing. */
        e->maxend += e->maxwin;
        e->sack = e->liberal = c->end[1].sack = c->end[1].liberal = true;
    }
    return ct_see(c, times, 0, &s);
}

it_ct_step it_ct_see(it_ct *c, const it_time times[IT_CT_TIMES], int dir, const it_pkt *p, uint32_t extra)
{
    segment s = ct_read_segment(p, extra);
    return ct_see(c, times, dir, &s);
}
