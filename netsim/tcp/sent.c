/* The segments under way, in the order of their sequence numbers, each with the time at which it left last: the
 * scoreboard of RFC 6675 section 3 and RFC 8985 section 5.1.
 *
 * How many bear which marks is counted as marks change, so that the pipe costs nothing to know. */
#include "netsim/tcp/impl.h"

#define SENTS_MIN 16

/* --- the queue --- */

static bool grow_sents(it_tcp_sents *q, it_alloc *a)
{
    uint32_t cap = q->cap ? q->cap * 2 : SENTS_MIN;
    it_tcp_sent *v = it_malloc(a, cap * sizeof *v);
    if (!v)
        return false;
    for (uint32_t i = 0; i < q->n; i++)
        v[i] = *it_tcp_sent_at(q, i);
    it_free(a, q->v);
    q->v = v;
    q->cap = cap;
    q->head = 0;
    return true;
}

/* Room for one more segment at |i|. */
static bool insert_sent(it_tcp_conn *c, uint32_t i)
{
    it_tcp_sents *q = &c->out;
    if (q->n == q->cap && !grow_sents(q, it_tcp_alloc(c))) {
        it_node_oom(&c->h->node);
        return false;
    }
    q->n++;
    for (uint32_t k = q->n - 1; k > i; k--)
        *it_tcp_sent_at(q, k) = *it_tcp_sent_at(q, k - 1);
    return true;
}

static void remove_sent(it_tcp_sents *q, uint32_t i)
{
    for (uint32_t k = i; k + 1 < q->n; k++)
        *it_tcp_sent_at(q, k) = *it_tcp_sent_at(q, k + 1);
    q->n--;
}

void it_tcp_sent_free(it_tcp_sents *q, it_alloc *a)
{
    it_free(a, q->v);
    *q = (it_tcp_sents){.v = NULL};
}

uint32_t it_tcp_sent_find(const it_tcp_conn *c, uint32_t seq)
{
    uint32_t lo = 0, hi = c->out.n;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (it_tcp_le(it_tcp_sent_at(&c->out, mid)->hi, seq))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* --- marks --- */

static void count_marks(it_tcp_sents *q, uint8_t marks, uint32_t by)
{
    bool sacked = marks & SENT_SACKED, lost = marks & SENT_LOST, again = marks & SENT_AGAIN;
    q->sacked += sacked ? by : 0;
    q->lost += lost ? by : 0;
    q->again += again ? by : 0;
    q->due += lost && !again ? by : 0;
}

static void set_marks(it_tcp_sents *q, it_tcp_sent *r, uint8_t marks)
{
    count_marks(q, r->marks, UINT32_MAX); /* minus one */
    r->marks = marks;
    count_marks(q, r->marks, 1);
    if ((marks & SENT_LOST) && !(marks & SENT_AGAIN) && it_tcp_lt(r->lo, q->hint))
        q->hint = r->lo;
}

void it_tcp_sent_lose(it_tcp_conn *c, uint32_t i, bool copy)
{
    it_tcp_sent *r = it_tcp_sent_at(&c->out, i);
    if (r->marks & SENT_SACKED)
        return;
    uint8_t marks = r->marks | SENT_LOST;
    if (copy)
        marks &= (uint8_t)~SENT_AGAIN;
    set_marks(&c->out, r, marks);
}

void it_tcp_sent_clear(it_tcp_conn *c, uint8_t marks)
{
    for (uint32_t i = 0; i < c->out.n; i++) {
        it_tcp_sent *r = it_tcp_sent_at(&c->out, i);
        set_marks(&c->out, r, r->marks & (uint8_t)~marks);
    }
}

uint32_t it_tcp_flight(const it_tcp_conn *c)
{
    const it_tcp_sents *q = &c->out;
    uint32_t all = q->n + q->again, gone = q->sacked + q->lost + c->dups;
    return all > gone ? all - gone : 0;
}

bool it_tcp_sent_due(it_tcp_conn *c, uint32_t *i)
{
    it_tcp_sents *q = &c->out;
    if (q->due == 0)
        return false;
    for (*i = it_tcp_sent_find(c, q->hint); *i < q->n; ++*i) {
        const it_tcp_sent *r = it_tcp_sent_at(q, *i);
        if ((r->marks & (SENT_LOST | SENT_AGAIN | SENT_SACKED)) == SENT_LOST) {
            q->hint = r->lo;
            return true;
        }
    }
    return false;
}

/* --- segments leave --- */

bool it_tcp_sent_add(it_tcp_conn *c, uint32_t lo, uint32_t hi, it_time now, bool ever)
{
    uint32_t n = c->out.n;
    if (!insert_sent(c, n))
        return false;
    if (n == 0)
        c->out.hint = lo;
    *it_tcp_sent_at(&c->out, n) = (it_tcp_sent){lo, hi, now, ever ? SENT_EVER : 0};
    return true;
}

/* Cuts segment |i| in two at |seq|, which lies inside it. */
static bool split_sent(it_tcp_conn *c, uint32_t i, uint32_t seq)
{
    if (!insert_sent(c, i + 1))
        return false;
    it_tcp_sent *r = it_tcp_sent_at(&c->out, i), *s = it_tcp_sent_at(&c->out, i + 1);
    *s = *r;
    r->hi = s->lo = seq;
    count_marks(&c->out, s->marks, 1);
    return true;
}

bool it_tcp_sent_resend(it_tcp_conn *c, uint32_t i, uint32_t hi, it_time now)
{
    if (hi != it_tcp_sent_at(&c->out, i)->hi && !split_sent(c, i, hi))
        return false;
    it_tcp_sent *r = it_tcp_sent_at(&c->out, i);
    set_marks(&c->out, r, r->marks | SENT_AGAIN | SENT_EVER);
    r->at = now;
    return true;
}

/* RFC 9293 section 3.8 leaves it to the sender how it cuts what it sends again; Linux puts small segments together. */
void it_tcp_sent_join(it_tcp_conn *c, uint32_t i, uint32_t room)
{
    it_tcp_sents *q = &c->out;
    while (i + 1 < q->n) {
        it_tcp_sent *r = it_tcp_sent_at(q, i), *s = it_tcp_sent_at(q, i + 1);
        bool fin = c->fin && it_tcp_lt(it_tcp_data_end(c), s->hi);
        if (fin || (s->marks & SENT_SACKED) || s->hi - r->lo > room)
            return;
        r->marks |= s->marks & SENT_EVER;
        r->hi = s->hi;
        count_marks(q, s->marks, UINT32_MAX);
        remove_sent(q, i + 1);
    }
}

void it_tcp_sent_forget(it_tcp_conn *c)
{
    it_tcp_sents *q = &c->out;
    q->head = q->n = q->sacked = q->lost = q->again = q->due = 0;
    c->snd_nxt = c->snd_una;
    c->fack = c->snd_una;
    c->dups = 0;
    c->tlp_out = false;
}

/* --- segments arrive --- */

/* |r| has arrived, and was not known to have: what that says about round trips, order and time-outs. */
static void sent_arrived(it_tcp_conn *c, it_time now, const it_tcp_sent *r, uint32_t fack, it_tcp_news *n)
{
    if (it_tcp_rack_on(c))
        it_tcp_rack_delivered(c, now, r->at, r->hi, r->marks);
    if (r->marks & SENT_EVER) /* Karn, RFC 6298 section 3 */
        return;
    if (n->rtt < 0)
        n->rtt = now - r->at;
    n->last_rtt = now - r->at;
    n->original = n->original || it_tcp_le(r->hi, c->recover);
    if (it_tcp_lt(r->lo, fack) && it_tcp_lt(r->lo, n->reordered))
        n->reordered = r->lo;
}

static void pop_sent(it_tcp_conn *c, it_time now, it_tcp_news *n)
{
    it_tcp_sents *q = &c->out;
    it_tcp_sent r = *it_tcp_sent_at(q, 0);
    n->left++;
    n->resent = n->resent || (r.marks & SENT_EVER);
    if (!(r.marks & SENT_SACKED)) {
        n->acked++;
        sent_arrived(c, now, &r, n->fack, n);
    }
    count_marks(q, r.marks, UINT32_MAX);
    q->head = (q->head + 1) & (q->cap - 1);
    q->n--;
}

void it_tcp_sent_ack(it_tcp_conn *c, it_time now, uint32_t ack, it_tcp_news *n)
{
    it_tcp_sents *q = &c->out;
    while (q->n && it_tcp_le(it_tcp_sent_at(q, 0)->hi, ack))
        pop_sent(c, now, n);
    if (q->n && it_tcp_lt(it_tcp_sent_at(q, 0)->lo, ack))
        it_tcp_sent_at(q, 0)->lo = ack;
    q->hint = it_tcp_max(q->hint, ack);
    c->fack = it_tcp_max(c->fack, ack);
}

/* Segments that are covered in part stay as they are, so that a peer cannot make many out of one. */
void it_tcp_sent_sack(it_tcp_conn *c, it_time now, uint32_t lo, uint32_t hi, it_tcp_news *n)
{
    for (uint32_t i = it_tcp_sent_find(c, lo); i < c->out.n; i++) {
        it_tcp_sent *r = it_tcp_sent_at(&c->out, i);
        if (it_tcp_lt(hi, r->hi))
            return;
        if ((r->marks & SENT_SACKED) || it_tcp_lt(r->lo, lo))
            continue;
        sent_arrived(c, now, r, c->fack, n);
        set_marks(&c->out, r, (r->marks & SENT_EVER) | SENT_SACKED);
        c->fack = it_tcp_max(c->fack, r->hi);
        n->sacked++;
    }
}
