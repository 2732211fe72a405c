/* Undoing what OpenSSL refused: an SSL object that met an error is of no more use, but a handshake is a function of its
 * random stream, its clock and what was put in. So the log of a handshake brings a fresh object to the state that the
 * old one had before the error, with the same bytes on the wire, and RFC 6347 section 4.1.2.7 can be kept: what is
 * invalid is discarded and the association preserved.
 *
 * Before the handshake is done nobody can say which of two datagrams is forged: a forged one that was taken may make a
 * good one fail. So each suspicion is tried, in order:
 *   1. server: it belongs, with what came since our last flight, to another ClientHello than the one we answered;
 *   2. what came since our last flight was forged, or anything that completed no flight, and the refused datagram is
 *      good: the far side repeats its flight;
 *   3. it is what OpenSSL says, and is dropped.
 * Of two datagrams that contradict each other the later one counts if the handshake can be as far with it: OpenSSL
 * would keep the first.
 * A server answers the latest ClientHello until something fits the one before. A client whose handshake is contested
 * sends its ClientHello again before each repetition of its second flight: the server may have forgotten it.
 *
 * What cannot be noted in the log is not done, so that a flood of forged messages ends nothing. While one is under way
 * it may keep good messages out; after it the handshake goes on with the first flight that is repeated. The time
 * between two repetitions is that since the flight left at most, and a second (RFC 6347 section 4.2.4.1). */
#include "stack/dtls/impl.h"

#include <string.h>

void it_dtls_log_fini(it_dtls *d)
{
    it_free(d->alloc, d->log.steps);
    it_free(d->alloc, d->log.bytes);
    it_free(d->alloc, d->others);
    it_free(d->alloc, d->pieces);
    d->others = NULL;
    d->pieces = NULL;
    d->n_others = 0;
    d->log = (it_dtls_log){.broken = true};
}

/* Makes room in the log for a step with |n| bytes. False when there is no memory, which is told, or when the log is
 * full: what cannot be noted cannot be undone, and is not to be done. */
static bool log_reserve(it_dtls *d, size_t n)
{
    it_dtls_log *log = &d->log;
    if (log->n >= IT_DTLS_STEPS_MAX || log->len + n > IT_DTLS_LOG_MAX)
        return false;
    if (it_grow(d->alloc, &log->steps, &log->cap, log->n + 1, sizeof *log->steps) < 0 ||
        it_grow(d->alloc, &log->bytes, &log->cap_bytes, log->len + n + 1, 1) < 0) {
        d->nomem = true;
        return false;
    }
    return true;
}

void it_dtls_note(it_dtls *d, it_time now, enum it_dtls_op op, it_bytes in, unsigned before)
{
    it_dtls_log *log = &d->log;
    if (log->broken)
        return;
    if (!log_reserve(d, in.n)) {
        log->broken = true;
        return;
    }
    if (in.n)
        memcpy(log->bytes + log->len, in.p, in.n);
    log->steps[log->n++] =
        (it_dtls_step){.op = op, .at = now, .from = log->len, .n = in.n, .before = before, .now = d->flights};
    log->len += in.n;
}

static it_bytes log_input(const it_dtls_log *log, const it_dtls_step *s)
{
    return it_bytes_of(log->bytes + s->from, s->n);
}

/* --- repeating --- */

static void step_repeat(it_dtls *d, const it_dtls_step *s)
{
    switch (s->op) {
    case IT_DTLS_OP_BEGIN:
        it_dtls_do_begin(d, s->at);
        break;
    case IT_DTLS_OP_INPUT:
        it_dtls_do_input(d, s->at, it_bytes_of(d->log.bytes + s->from, s->n));
        break;
    case IT_DTLS_OP_TICK:
        it_dtls_do_tick(d, s->at);
        break;
    case IT_DTLS_OP_KICK:
        it_dtls_do_kick(d, s->at);
        break;
    }
}

/* Which inputs are under suspicion. */
enum suspicion {
    SUSPECT_NONE,
    SUSPECT_LATEST,  /* those since our last flight */
    SUSPECT_IDLE,    /* all that completed no flight of the far side's */
    SUSPECT_CONTRARY /* those that contradict |in| */
};
typedef struct suspects {
    enum suspicion who;
    unsigned flight; /* LATEST: the number of our last one */
    it_bytes in;     /* CONTRARY */
} suspects;

static suspects suspects_of(const it_dtls *d, enum suspicion who, it_bytes in)
{
    return (suspects){.who = who, .flight = d->log.n ? d->log.steps[d->log.n - 1].now : 0, .in = in};
}

static bool step_suspect(const it_dtls_log *log, const it_dtls_step *s, const suspects *x)
{
    if (s->op != IT_DTLS_OP_INPUT)
        return false;
    switch (x->who) {
    case SUSPECT_NONE:
        return false;
    case SUSPECT_LATEST:
        return s->before == s->now && s->now == x->flight;
    case SUSPECT_IDLE:
        return s->before == s->now;
    case SUSPECT_CONTRARY:
        return it_dtls_contradict(log_input(log, s), x->in);
    }
    return false;
}

/* Comes to the state that the log tells of, in silence, without the inputs that are under suspicion. False when there
 * is no memory, or when without them something is refused. */
static bool repeat(it_dtls *d, const suspects *x)
{
    char secret[IT_DTLS_SECRET_MAX];
    bool told = d->secret_event;
    memcpy(secret, d->secret, sizeof secret);
    if (!it_dtls_renew(d))
        return false;
    d->mute = true;
    for (size_t i = 0; i < d->log.n; i++) {
        it_dtls_step *s = &d->log.steps[i];
        if (step_suspect(&d->log, s, x))
            continue;
        s->before = d->flights;
        step_repeat(d, s);
        s->now = d->flights;
    }
    d->mute = false;
    /* A secret that was told is not news. */
    if (d->secret_event && strcmp(secret, d->secret) == 0)
        d->secret_event = told;
    return !d->refused;
}

/* Comes to the state that the log tells of, whatever was tried since. */
static void repeat_all(it_dtls *d)
{
    suspects none = {.who = SUSPECT_NONE};
    if (!repeat(d, &none))
        it_dtls_end(d, IT_DTLS_CAUSE_LIBRARY, "no memory to go on with the handshake");
}

/* Forgets the inputs under suspicion, and gives their room back. */
static void log_forget(it_dtls_log *log, const suspects *x)
{
    size_t kept = 0, len = 0;
    for (size_t i = 0; i < log->n; i++) {
        it_dtls_step s = log->steps[i];
        if (step_suspect(log, &s, x))
            continue;
        memmove(log->bytes + len, log->bytes + s.from, s.n);
        s.from = len;
        len += s.n;
        log->steps[kept++] = s;
    }
    log->n = kept;
    log->len = len;
}

static size_t log_count(const it_dtls_log *log, const suspects *x)
{
    size_t n = 0;
    for (size_t i = 0; i < log->n; i++)
        n += step_suspect(log, &log->steps[i], x);
    return n;
}

/* Feeds |in| to the handshake as it stands: true when it is taken, and noted. What a refused one wrote is taken back.
 */
static bool trial_input(it_dtls *d, it_time now, it_bytes in)
{
    size_t queued = d->out.len - d->out.head;
    unsigned before = d->flights;
    d->refused = false;
    it_dtls_do_input(d, now, in);
    if (!d->refused) {
        it_dtls_note(d, now, IT_DTLS_OP_INPUT, in, before);
        return true;
    }
    d->out.len = d->out.head + queued;
    return false;
}

/* --- ClientHellos --- */

/* Repetitions cost time: so many a second, then the handshake rests until the next one. */
static bool rested(it_dtls *d, it_time now)
{
    if (now / IT_SEC != d->undone_in) {
        d->undone_in = now / IT_SEC;
        d->undone = 0;
    }
    return d->undone < IT_DTLS_UNDO_MAX;
}

static it_bytes hello_bytes(const it_dtls_hello *h)
{
    return it_bytes_of(h->data, h->n);
}

static void hello_set(it_dtls_hello *h, it_time now, it_bytes in)
{
    h->at = now;
    h->n = in.n;
    memcpy(h->data, in.p, in.n);
}

/* True for the same message; its record's number is another one each time it is sent. */
static bool hello_same(const it_dtls_hello *h, it_bytes in)
{
    return h->n == in.n &&
           memcmp(h->data + IT_DTLS_RECORD_HEADER, in.p + IT_DTLS_RECORD_HEADER, in.n - IT_DTLS_RECORD_HEADER) == 0;
}

/* Remembers a ClientHello that is not the one we answer, in the place of the oldest. Without memory it is forgotten. */
static void hello_remember(it_dtls *d, const it_dtls_hello *h)
{
    if (!d->others)
        d->others = it_calloc(d->alloc, IT_DTLS_HELLOS, sizeof *d->others);
    if (!d->others) {
        d->nomem = true;
        return;
    }
    for (int i = 0; i < d->n_others; i++)
        if (hello_same(&d->others[i], hello_bytes(h)))
            return;
    d->others[d->others_at] = *h;
    d->others_at = (d->others_at + 1) % IT_DTLS_HELLOS;
    if (d->n_others < IT_DTLS_HELLOS)
        d->n_others++;
}

/* Begins the handshake of time |begun| anew with |h|, in silence if |mute|, in an empty log. */
static bool hello_answer(it_dtls *d, const it_dtls_hello *h, it_time begun, bool mute)
{
    if (!it_dtls_renew(d))
        return false;
    it_dtls_do_begin(d, begun);
    it_dtls_note(d, begun, IT_DTLS_OP_BEGIN, it_bytes_of(NULL, 0), 0);
    d->mute = mute;
    bool taken = trial_input(d, h->at, hello_bytes(h));
    d->mute = false;
    return taken;
}

/* True when the far side seems to have gone on with the handshake after its ClientHello. */
static bool hello_went_on(const it_dtls *d)
{
    for (size_t i = 0; i < d->log.n; i++) {
        const it_dtls_step *s = &d->log.steps[i];
        if (s->op == IT_DTLS_OP_INPUT && !it_dtls_is_client_hello(log_input(&d->log, s)))
            return true;
    }
    return false;
}

static void log_free(it_dtls *d, it_dtls_log *log)
{
    it_free(d->alloc, log->steps);
    it_free(d->alloc, log->bytes);
}

/* Puts the log |kept| back and comes to the state it tells of. */
static void log_restore(it_dtls *d, it_dtls_log kept)
{
    log_free(d, &d->log);
    d->log = kept;
    repeat_all(d);
}

/* So many other ClientHellos are answered in a second. */
static bool hello_rested(it_dtls *d, it_time now)
{
    if (now / IT_SEC != d->answered_in) {
        d->answered_in = now / IT_SEC;
        d->answered = 0;
    }
    return d->answered < IT_DTLS_ANSWERS_MAX;
}

/* Another ClientHello than the one we answer: it is answered, and the handshake is its from now on, unless the far side
 * seems to have gone on with the one before: that may have been forged too. A fast flood is remembered alone: what the
 * client goes on with tells which one was the client's. */
static void hello_other(it_dtls *d, it_time now, const it_dtls_hello *h)
{
    if (d->log.broken || !hello_rested(d, now)) {
        hello_remember(d, h);
        return;
    }
    bool aside = hello_went_on(d);
    it_dtls_log kept = d->log;
    d->log = (it_dtls_log){.broken = false};
    d->answered++;
    bool taken = hello_answer(d, h, kept.steps[0].at, false);
    if (!taken || aside) {
        log_restore(d, kept);
        if (taken)
            hello_remember(d, h);
        return;
    }
    log_free(d, &kept);
    hello_remember(d, &d->hello);
    d->hello = *h;
}

/* A ClientHello, or not: true when |in| was dealt with. */
static bool hello_input(it_dtls *d, it_time now, it_bytes in)
{
    it_dtls_hello h;
    if (d->client || !it_dtls_is_client_hello(in) || hello_same(&d->hello, in))
        return false;
    if (in.n > sizeof h.data)
        return true; /* none of ours is so large */
    hello_set(&h, now, in);
    if (d->hello.n) {
        hello_other(d, now, &h);
        return true;
    }
    if (!rested(d, now))
        return true;
    if (trial_input(d, now, in)) {
        d->hello = h;
        return true;
    }
    d->undone++;
    repeat_all(d);
    return true;
}

/* --- the suspicions --- */

/* How many of those under suspicion ask for a cookie: each made a flight of ours, the ClientHello once more, that is no
 * progress. */
static unsigned log_cookies(const it_dtls_log *log, const suspects *x)
{
    unsigned n = 0;
    for (size_t i = 0; i < log->n; i++)
        n += step_suspect(log, &log->steps[i], x) && it_dtls_asks_cookie(log_input(log, &log->steps[i]));
    return n;
}

/* True when one of those under suspicion completed a flight of the far side's. */
static bool log_progress(const it_dtls_log *log, const suspects *x)
{
    for (size_t i = 0; i < log->n; i++)
        if (step_suspect(log, &log->steps[i], x) && log->steps[i].before != log->steps[i].now)
            return true;
    return false;
}

/* Tries |in| without the inputs under suspicion: true when it is taken then, and no flight of ours is lost by it. Else
 * the state is any. */
static bool undo_suspects(it_dtls *d, it_time now, it_bytes in, enum suspicion who)
{
    suspects x = suspects_of(d, who, in);
    size_t queued = d->out.len - d->out.head;
    unsigned cookies = log_cookies(&d->log, &x);
    if (log_count(&d->log, &x) == 0 || !repeat(d, &x))
        return false;
    unsigned before = d->flights;
    it_dtls_do_input(d, now, in);
    if (d->refused || d->flights + cookies < x.flight) {
        d->out.len = d->out.head + queued;
        return false;
    }
    log_forget(&d->log, &x);
    it_dtls_note(d, now, IT_DTLS_OP_INPUT, in, before);
    return true;
}

/* Feeds what came since our last flight in |kept|, then |in|: true when all is taken. */
static bool hello_fits(it_dtls *d, it_time now, it_bytes in, const it_dtls_log *kept, const suspects *latest)
{
    for (size_t i = 0; i < kept->n; i++)
        if (step_suspect(kept, &kept->steps[i], latest) &&
            !trial_input(d, kept->steps[i].at, log_input(kept, &kept->steps[i])))
            return false;
    return trial_input(d, now, in);
}

/* Tries |in|, after what came since our last flight, on the answers to the other ClientHellos, the latest first: the
 * handshake goes on with the one that it fits. */
static bool undo_hello(it_dtls *d, it_time now, it_bytes in)
{
    if (d->n_others == 0)
        return false;
    suspects latest = suspects_of(d, SUSPECT_LATEST, in);
    it_dtls_log kept = d->log;
    size_t queued = d->out.len - d->out.head;
    for (int k = 1; k <= d->n_others; k++) {
        it_dtls_hello *h = &d->others[(d->others_at - k + 2 * IT_DTLS_HELLOS) % IT_DTLS_HELLOS];
        d->log = (it_dtls_log){.broken = false};
        d->undone++;
        if (hello_answer(d, h, kept.steps[0].at, true) && hello_fits(d, now, in, &kept, &latest)) {
            it_dtls_hello was = d->hello;
            d->hello = *h;
            *h = was;
            log_free(d, &kept);
            return true;
        }
        d->out.len = d->out.head + queued;
        log_free(d, &d->log);
    }
    d->log = kept;
    return false;
}

/* What completes nothing and is kept for later, by us and by OpenSSL, is little: more of it is a flood, and goes. */
static void purge_latest(it_dtls *d, size_t most)
{
    suspects x = suspects_of(d, SUSPECT_LATEST, it_bytes_of(NULL, 0));
    if (d->log.broken || log_count(&d->log, &x) < most || d->phase != IT_DTLS_PHASE_HANDSHAKE)
        return;
    d->undone++;
    log_forget(&d->log, &x);
    repeat_all(d);
}

/* Tells what it was that made OpenSSL refuse |in|. */
static void undo(it_dtls *d, it_time now, it_bytes in)
{
    d->undone++;
    if (!undo_hello(d, now, in) && !undo_suspects(d, now, in, SUSPECT_LATEST) &&
        !undo_suspects(d, now, in, SUSPECT_IDLE))
        repeat_all(d);
}

/* Something that came says otherwise than |in|: the later one counts if it can be true. True when it was taken. */
static bool overrule(it_dtls *d, it_time now, it_bytes in)
{
    suspects x = suspects_of(d, SUSPECT_CONTRARY, in);
    if (log_count(&d->log, &x) == 0)
        return false;
    /* A server that has gone on asks for no cookie any more (RFC 6347 section 4.2.1). */
    if (it_dtls_asks_cookie(in) && log_progress(&d->log, &x))
        return true;
    d->undone++;
    d->contested = true;
    if (undo_suspects(d, now, in, SUSPECT_CONTRARY))
        return true;
    repeat_all(d);
    return false;
}

void it_dtls_try(it_dtls *d, it_time now, it_bytes in)
{
    if (!it_dtls_hello_whole(d, in, &in))
        return;
    if (hello_input(d, now, in) || !rested(d, now))
        return;
    if (!d->client && d->hello.n == 0)
        return; /* a client that has no answer to its ClientHello sends nothing else */
    if (d->log.broken) {
        it_dtls_do_input(d, now, in);
        if (d->refused)
            it_dtls_end(d, IT_DTLS_CAUSE_LIBRARY, "the handshake met a forged message and had no memory to undo it");
        return;
    }
    if (!log_reserve(d, in.n))
        purge_latest(d, 0);
    if (!log_reserve(d, in.n))
        return;
    if (overrule(d, now, in) || d->phase != IT_DTLS_PHASE_HANDSHAKE)
        return;
    if (trial_input(d, now, in)) {
        purge_latest(d, IT_DTLS_IDLE_MAX);
        return;
    }
    d->contested = true;
    undo(d, now, in);
}
