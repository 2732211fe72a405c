/* The state machine of a connection seen from the middle. */
#include "netsim/box/tcptrack.h"

#include <string.h>

enum { OPT_END = 0, OPT_NOP = 1, OPT_SCALE = 3, SCALE_MAX = 14 };

/* True when |a| is behind |b| or equal in sequence space (RFC 9293 section 3.4). */
static bool at_least(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) >= 0;
}

/* The length of the option at |t|[i], which ends before |end|; 0 when it is none. */
static size_t option_length(const uint8_t *t, size_t i, size_t end)
{
    if (t[i] == OPT_NOP)
        return 1;
    if (i + 1 >= end || t[i + 1] < 2)
        return 0;
    return i + t[i + 1] <= end ? t[i + 1] : 0;
}

/* The window scale that the SYN |t| of |n| bytes offers; 0 when none. RFC 7323 section 2.2. */
static uint8_t scale_of(const uint8_t *t, size_t n)
{
    size_t end = (size_t)(t[12] >> 4) * 4;
    end = end < n ? end : n;
    for (size_t i = 20; i < end && t[i] != OPT_END;) {
        size_t len = option_length(t, i, end);
        if (len == 0)
            return 0;
        if (t[i] == OPT_SCALE && len == 3)
            return t[i + 2] < SCALE_MAX ? t[i + 2] : SCALE_MAX;
        i += len;
    }
    return 0;
}

/* The sequence number behind |p|. */
static uint32_t end_of(const it_pkt *p)
{
    const uint8_t *t = p->buf + p->head + p->l4;
    size_t n = (size_t)(p->len - p->l4), header = (size_t)(t[12] >> 4) * 4;
    uint32_t data = n > header ? (uint32_t)(n - header) : 0;
    return it_get32(t + 4) + data + ((t[13] & IT_TCP_SYN) != 0) + ((t[13] & IT_TCP_FIN) != 0);
}

/* Takes in the numbers of |p| from |e|. */
static void track_learn(it_tcpt_end *e, const it_pkt *p)
{
    const uint8_t *t = p->buf + p->head + p->l4;
    size_t n = (size_t)(p->len - p->l4);
    uint8_t flags = t[13];
    uint32_t next = end_of(p);
    if (!e->sent || at_least(next, e->next))
        e->next = next;
    e->sent = true;
    if (flags & IT_TCP_SYN)
        e->scale = scale_of(t, n);
    if (flags & IT_TCP_ACK) {
        /* The window of a SYN is never scaled. */
        e->win = (uint32_t)it_get16(t + 14) << (flags & IT_TCP_SYN ? 0 : e->scale);
        e->ack = it_get32(t + 8);
        e->acked = true;
    }
    e->syn |= (flags & IT_TCP_SYN) != 0;
    e->fin |= (flags & IT_TCP_FIN) != 0;
}

void it_tcpt_open(it_tcpt *t, int dir, const it_pkt *p)
{
    memset(t, 0, sizeof *t);
    t->opener = (uint8_t)dir;
    t->state = it_tcpt_flags(p) & IT_TCP_SYN ? IT_TCPT_INIT : IT_TCPT_EST;
    t->answered = t->state == IT_TCPT_EST;
    track_learn(&t->end[dir], p);
    if (t->end[dir].fin && t->state == IT_TCPT_EST)
        t->state = IT_TCPT_FIN;
}

void it_tcpt_open_blank(it_tcpt *t, int dir)
{
    memset(t, 0, sizeof *t);
    t->opener = (uint8_t)dir;
    t->state = IT_TCPT_INIT;
    t->blank = true;
}

/* RFC 7857 section 2.2: whether a reset belongs to the connection. RFC 9293 section 3.5.3: it lies in the receiver's
 * window, or answers its SYN. */
static bool reset_fits(const it_tcpt *t, int dir, const it_pkt *p)
{
    const uint8_t *s = p->buf + p->head + p->l4;
    const it_tcpt_end *from = &t->end[dir], *to = &t->end[!dir];
    uint32_t seq = it_get32(s + 4);
    if (to->acked)
        return seq - to->ack <= (to->win ? to->win : 1);
    if (from->sent && seq == from->next)
        return true;
    return (s[13] & IT_TCP_ACK) && to->sent && it_get32(s + 8) == to->next;
}

static uint8_t next_state(const it_tcpt *t)
{
    int fins = t->end[0].fin + t->end[1].fin;
    return fins == 2 ? IT_TCPT_FIN2 : fins == 1 ? IT_TCPT_FIN : IT_TCPT_EST;
}

/* True when |p|, which is no reset, is early: before the answer to the first SYN, and none. */
static bool is_early(const it_tcpt *t, int dir, const it_pkt *p)
{
    return t->state == IT_TCPT_INIT && dir != t->opener && !(it_tcpt_flags(p) & IT_TCP_SYN);
}

/* Takes in the numbers of |p|. A SYN on an open connection changes nothing unless it is answered: then the box was out
 * of step. Nor does what is early. */
static void learn_in_step(it_tcpt *t, int dir, const it_pkt *p, bool early)
{
    bool answers = (it_tcpt_flags(p) & (IT_TCP_SYN | IT_TCP_ACK)) == (IT_TCP_SYN | IT_TCP_ACK);
    if (!early && !(t->answered && it_tcpt_is_syn(p)))
        track_learn(&t->end[dir], p);
    if (answers && t->answered)
        t->end[!dir].next = it_get32(p->buf + p->head + p->l4 + 8);
    t->answered |= answers;
}

bool it_tcpt_see(it_tcpt *t, int dir, const it_pkt *p)
{
    if (t->blank) {
        bool first = !(it_tcpt_flags(p) & IT_TCP_RST);
        if (first)
            it_tcpt_open(t, dir, p);
        return first;
    }
    if (it_tcpt_flags(p) & IT_TCP_RST) {
        bool fits = t->state != IT_TCPT_TRANS && t->state != IT_TCPT_FIN2 && reset_fits(t, dir, p);
        if (fits)
            t->state = IT_TCPT_TRANS;
        t->answered |= fits; /* the opening is over */
        return fits;
    }
    if (it_tcpt_is_syn(p) && (t->state == IT_TCPT_TRANS || t->state == IT_TCPT_FIN2)) {
        it_tcpt_open(t, dir, p);
        return true;
    }
    learn_in_step(t, dir, p, is_early(t, dir, p));
    switch ((enum it_tcpt_state)t->state) {
    case IT_TCPT_INIT:
        /* RFC 5382 REQ-2: also the SYN without ACK of a simultaneous open. */
        if (t->end[0].syn && t->end[1].syn)
            t->state = next_state(t);
        /* RFC 6146 section 3.5.2.2: in INIT nothing but a SYN prolongs. */
        return (it_tcpt_flags(p) & IT_TCP_SYN) != 0;
    case IT_TCPT_FIN2:
        /* RFC 6146 section 3.5.2.2: everything passes, the lifetime stays as it was set by the second FIN. */
        return false;
    case IT_TCPT_EST:
    case IT_TCPT_FIN:
    case IT_TCPT_TRANS:
        t->state = next_state(t);
        break;
    }
    return true;
}
