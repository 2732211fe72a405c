/* Undoing what OpenSSL refused: an SSL object that met an error is of no more use, but a handshake is a function of its
 * random stream, its clock and what was put in. So the log of a handshake brings a fresh object to the state that the
 * old one had before the error, with the same bytes on the wire, and RFC 6347 section 4.1.2.7 can be kept: what is
 * invalid is discarded and the association preserved.
 *
 * Before the handshake is done nobody can say which of two datagrams is forged: a forged one that was taken may make a
 * good one fail. So each suspicion is tried, in order:
 *   1. what came since our last flight was forged, or anything that completed no flight, and the refused datagram is
 *      good: the far side repeats its flight;
 *   2. server: it belongs to another ClientHello than the one we answered, of the latest that came;
 *   3. it is what OpenSSL says, and is dropped.
 * Of two datagrams that contradict each other before their flight is complete the later one counts: OpenSSL would keep
 * the first.
 * A server answers the latest ClientHello until something fits the one before. */
#include "stack/dtls/impl.h"

#include <string.h>

void it_dtls_log_fini(it_dtls *d)
{
    it_free(d->alloc, d->log.steps);
    it_free(d->alloc, d->log.bytes);
    it_free(d->alloc, d->others);
    d->others = NULL;
    d->n_others = 0;
    d->log = (it_dtls_log){.broken = true};
}

void it_dtls_note(it_dtls *d, it_time now, enum it_dtls_op op, it_bytes in, unsigned before)
{
    it_dtls_log *log = &d->log;
    if (log->broken)
        return;
    if (log->n == IT_DTLS_STEPS_MAX || log->len + in.n > IT_DTLS_LOG_MAX ||
        it_grow(d->alloc, &log->steps, &log->cap, log->n + 1, sizeof *log->steps) < 0 ||
        it_grow(d->alloc, &log->bytes, &log->cap_bytes, log->len + in.n + 1, 1) < 0) {
        log->broken = true;
        return;
    }
    if (in.n)
        memcpy(log->bytes + log->len, in.p, in.n);
    log->steps[log->n++] =
        (it_dtls_step){.op = op, .at = now, .from = log->len, .n = in.n, .before = before, .now = d->flights};
    log->len += in.n;
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

/* Which inputs are under suspicion: none, those since our last flight, or all that completed no flight of the far
 * side's. */
enum suspects { SUSPECT_NONE, SUSPECT_LATEST, SUSPECT_IDLE };

static bool step_suspect(const it_dtls_step *s, enum suspects who, unsigned flight)
{
    if (who == SUSPECT_NONE || s->op != IT_DTLS_OP_INPUT || s->before != s->now)
        return false;
    return who == SUSPECT_IDLE || s->now == flight;
}

/* Comes to the state that the log tells of, in silence, without the inputs that are under suspicion. False when there
 * is no memory, or when without them our flights were other ones. */
static bool repeat(it_dtls *d, enum suspects who)
{
    unsigned flight = d->log.n ? d->log.steps[d->log.n - 1].now : 0;
    char secret[IT_DTLS_SECRET_MAX];
    bool told = d->secret_event;
    memcpy(secret, d->secret, sizeof secret);
    if (!it_dtls_renew(d))
        return false;
    d->mute = true;
    for (size_t i = 0; i < d->log.n; i++)
        if (!step_suspect(&d->log.steps[i], who, flight))
            step_repeat(d, &d->log.steps[i]);
    d->mute = false;
    /* A secret that was told is not news. */
    if (d->secret_event && strcmp(secret, d->secret) == 0)
        d->secret_event = told;
    return d->flights == flight && !d->refused;
}

/* Forgets the inputs under suspicion. */
static void log_forget(it_dtls_log *log, enum suspects who, unsigned flight)
{
    size_t kept = 0;
    for (size_t i = 0; i < log->n; i++)
        if (!step_suspect(&log->steps[i], who, flight))
            log->steps[kept++] = log->steps[i];
    log->n = kept;
}

static bool log_has(const it_dtls_log *log, enum suspects who, unsigned flight)
{
    for (size_t i = 0; i < log->n; i++)
        if (step_suspect(&log->steps[i], who, flight))
            return true;
    return false;
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
    if (!d->others)
        return;
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

/* True when the far side went on with the handshake after its ClientHello. */
static bool hello_went_on(const it_dtls *d)
{
    for (size_t i = 0; i < d->log.n; i++) {
        const it_dtls_step *s = &d->log.steps[i];
        if (s->op == IT_DTLS_OP_INPUT && !it_dtls_is_client_hello(it_bytes_of(d->log.bytes + s->from, s->n)))
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
    if (!repeat(d, SUSPECT_NONE))
        it_dtls_end(d, IT_DTLS_CAUSE_LIBRARY, "no memory to go on with the handshake");
}

/* Another ClientHello than the one we answer: it is answered unless the far side went on with that one. */
static void hello_other(it_dtls *d, const it_dtls_hello *h)
{
    if (d->log.broken || hello_went_on(d)) {
        hello_remember(d, h);
        return;
    }
    it_dtls_log kept = d->log;
    d->log = (it_dtls_log){.broken = false};
    d->undone++;
    if (!hello_answer(d, h, kept.steps[0].at, false)) {
        log_restore(d, kept);
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
        hello_other(d, &h);
        return true;
    }
    if (trial_input(d, now, in))
        d->hello = h;
    else if (!repeat(d, SUSPECT_NONE))
        it_dtls_end(d, IT_DTLS_CAUSE_LIBRARY, "no memory for the handshake");
    return true;
}

/* --- the three suspicions --- */

static bool undo_suspects(it_dtls *d, it_time now, it_bytes in, enum suspects who)
{
    unsigned flight = d->log.n ? d->log.steps[d->log.n - 1].now : 0;
    size_t queued = d->out.len - d->out.head;
    if (!log_has(&d->log, who, flight) || !repeat(d, who))
        return false;
    it_dtls_do_input(d, now, in);
    if (d->refused) {
        d->out.len = d->out.head + queued;
        return false;
    }
    log_forget(&d->log, who, flight);
    it_dtls_note(d, now, IT_DTLS_OP_INPUT, in, flight);
    return true;
}

/* Tries |in| on the answers to the other ClientHellos, the latest first: the handshake goes on with the one it fits. */
static bool undo_hello(it_dtls *d, it_time now, it_bytes in)
{
    if (d->n_others == 0)
        return false;
    it_dtls_log kept = d->log;
    for (int k = 1; k <= d->n_others; k++) {
        it_dtls_hello *h = &d->others[(d->others_at - k + 2 * IT_DTLS_HELLOS) % IT_DTLS_HELLOS];
        d->log = (it_dtls_log){.broken = false};
        d->undone++;
        if (hello_answer(d, h, kept.steps[0].at, true) && trial_input(d, now, in)) {
            it_dtls_hello was = d->hello;
            d->hello = *h;
            *h = was;
            log_free(d, &kept);
            return true;
        }
        log_free(d, &d->log);
    }
    d->log = kept;
    return false;
}

/* True when something that completed no flight yet says otherwise than |in|. */
static bool contradicted(const it_dtls *d, it_bytes in)
{
    for (size_t i = 0; i < d->log.n; i++) {
        const it_dtls_step *s = &d->log.steps[i];
        if (step_suspect(s, SUSPECT_IDLE, 0) && it_dtls_contradict(it_bytes_of(d->log.bytes + s->from, s->n), in))
            return true;
    }
    return false;
}

/* What completes nothing and is kept for later, by us and by OpenSSL, is little: more of it is a flood, and goes. */
static void purge_idle(it_dtls *d)
{
    int idle = 0;
    for (size_t i = 0; i < d->log.n; i++)
        idle += step_suspect(&d->log.steps[i], SUSPECT_IDLE, 0);
    if (idle < IT_DTLS_IDLE_MAX || d->phase != IT_DTLS_PHASE_HANDSHAKE)
        return;
    d->undone++;
    if (repeat(d, SUSPECT_IDLE))
        log_forget(&d->log, SUSPECT_IDLE, 0);
    else if (!repeat(d, SUSPECT_NONE))
        it_dtls_end(d, IT_DTLS_CAUSE_LIBRARY, "no memory to go on with the handshake");
}

/* Repetitions cost time: so many a second, then the handshake rests until the next one. */
static bool rested(it_dtls *d, it_time now)
{
    if (now / IT_SEC != d->undone_in) {
        d->undone_in = now / IT_SEC;
        d->undone = 0;
    }
    return d->undone < IT_DTLS_UNDO_MAX;
}

static void undo(it_dtls *d, it_time now, it_bytes in)
{
    d->undone++;
    if (undo_suspects(d, now, in, SUSPECT_LATEST) || undo_suspects(d, now, in, SUSPECT_IDLE) || undo_hello(d, now, in))
        return;
    if (!repeat(d, SUSPECT_NONE))
        it_dtls_end(d, IT_DTLS_CAUSE_LIBRARY, "no memory to go on with the handshake");
}

void it_dtls_try(it_dtls *d, it_time now, it_bytes in)
{
    if (!rested(d, now) || hello_input(d, now, in))
        return;
    if (!d->log.broken && contradicted(d, in)) {
        d->undone++;
        if (undo_suspects(d, now, in, SUSPECT_IDLE))
            return;
        if (!repeat(d, SUSPECT_NONE)) {
            it_dtls_end(d, IT_DTLS_CAUSE_LIBRARY, "no memory to go on with the handshake");
            return;
        }
    }
    if (trial_input(d, now, in))
        purge_idle(d);
    else if (d->log.broken)
        it_dtls_end(d, IT_DTLS_CAUSE_LIBRARY, "the DTLS library refused part of a handshake without a log");
    else
        undo(d, now, in);
}
