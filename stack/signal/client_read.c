/* The signal client, reading: what the server says, and how streams end. */
#include "stack/signal/client_impl.h"

#include "stack/http/message.h"

static const it_time ACK_WAIT = IT_SEC; /* acknowledgments are gathered for so long */

/* --- what the server says --- */

static void go_up(it_signal_client *c)
{
    if (c->state != IT_SESSION_OPENING || c->main < 0)
        return;
    c->state = IT_SESSION_UP;
    c->told_down = false;
    c->pause = c->cfg.pause;
    c->took = c->now - c->v[c->main]->begun;
    (void)it_signal_tell(c, IT_SERVICE_UP);
}

/* The word of a refusal. */
static const char *word_of(it_bytes why)
{
    static const char *const WORDS[] = {"full", "large"};
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
        if (it_bytes_eq(why, it_bytes_str(WORDS[i])))
            return WORDS[i];
    return "refused";
}

/* Messages up to |id| are the server's. */
static void forget_sent(it_signal_client *c, uint64_t id)
{
    while (c->first && c->first->id <= id) {
        it_signal_free_letter(c);
        c->waiting = c->first && c->first->sent ? c->now : IT_NEVER;
    }
}

/* Lets |t| say to whom letter |l| was to go, and what it is. Returns 0 or IT_ERR_NOMEM. */
static int give_back(it_signal_client *c, const it_signal_letter *l, it_signal_told *t)
{
    it_signal_record own;
    uint8_t plain[IT_SIGNAL_LARGEST];
    int n = it_signal_read(it_bytes_of(l->text, l->n), &own);
    IT_ASSERT(n == 0); /* we wrote it */
    memcpy(t->from, own.to.p, own.to.n);
    n = it_signal_decode(&own, plain, sizeof plain);
    if (n <= 0)
        return 0;
    t->data = it_malloc(c->cfg.alloc, (size_t)n);
    if (!t->data)
        return IT_ERR_NOMEM;
    memcpy(t->data, plain, (size_t)n);
    t->n = (size_t)n;
    return 0;
}

/* Something has come that the server is to be told of: soon, or with enough of it at once. */
static void owe_ack(it_signal_client *c)
{
    if (++c->n_unacked >= IT_SIGNAL_UNACKED)
        c->ack_due = c->now;
    else if (c->ack_due == IT_NEVER)
        c->ack_due = c->now + ACK_WAIT;
}

/* What is before the message that was refused was taken. Returns 0 or IT_ERR_NOMEM. */
static int take_refusal(it_signal_client *c, const it_signal_record *r)
{
    if (r->refused == 0)
        return 0;
    forget_sent(c, r->refused - 1);
    if (!c->first || c->first->id != r->refused)
        return 0;
    it_signal_told *t = it_signal_tell(c, IT_SERVICE_UNSENT);
    t->code = (int)r->refused;
    t->how = word_of(r->why);
    int err = give_back(c, c->first, t);
    forget_sent(c, r->refused);
    c->tells_known = true;
    owe_ack(c);
    return err;
}

/* The server runs anew: it knows nothing of what was before, nor of a poll that it does not hold. Returns 0 or
 * IT_ERR_NOMEM. */
static int begin_run(it_signal_client *c, it_bytes run)
{
    bool first = !c->run[0];
    memset(c->run, 0, sizeof c->run);
    memcpy(c->run, run.p, run.n);
    c->seen = c->n_unacked = 0;
    if (first || !it_signal_is_poll(c) || c->main < 0 || !c->v[c->main]->busy)
        return 0;
    return it_signal_open_again(c, c->main, c->v[c->main]);
}

static int take_hello(it_signal_client *c, const it_signal_record *r)
{
    int err = it_bytes_eq(r->hello, it_bytes_str(c->run)) ? 0 : begin_run(c, r->hello);
    if (r->has & IT_SIGNAL_TAKEN)
        forget_sent(c, r->taken);
    go_up(c);
    return err;
}

static int take_message(it_signal_client *c, const it_signal_record *r)
{
    uint8_t plain[IT_SIGNAL_LARGEST];
    int n = it_signal_decode(r, plain, sizeof plain);
    if (n < 0 || r->from.n == 0)
        return IT_ERR_PARSE;
    if (r->seq <= c->seen)
        return 0; /* it has come before */
    uint8_t *copy = it_malloc(c->cfg.alloc, (size_t)n);
    if (!copy)
        return IT_ERR_NOMEM;
    if (n)
        memcpy(copy, plain, (size_t)n);
    it_signal_told *t = it_signal_tell(c, IT_SERVICE_MESSAGE);
    memcpy(t->from, r->from.p, r->from.n);
    t->data = copy;
    t->n = (size_t)n;
    c->seen = r->seq;
    owe_ack(c);
    return 0;
}

/* Returns 0, IT_ERR_PARSE or IT_ERR_NOMEM. */
static int take_record(it_signal_client *c, it_bytes text)
{
    it_signal_record r;
    int err = 0;
    if (it_signal_read(text, &r) < 0)
        return IT_ERR_PARSE;
    if (r.has & IT_SIGNAL_HELLO)
        err = take_hello(c, &r);
    else if (r.has & IT_SIGNAL_TAKEN)
        forget_sent(c, r.taken);
    if (err == 0 && r.has & IT_SIGNAL_REFUSED)
        err = take_refusal(c, &r);
    return err == 0 && r.has & IT_SIGNAL_SEQ ? take_message(c, &r) : err;
}

/* Why a session ends that is answered with |status|. */
static enum it_signal_why why_of_status(int status)
{
    return status == 409 ? IT_SIGNAL_TAKEN_OVER : IT_SIGNAL_HTTP;
}

/* A response of leg |k|: lines. Returns 0, IT_ERR_PARSE or IT_ERR_NOMEM. */
static int take_response(it_signal_client *c, int k, it_bytes message)
{
    it_bytes head, body;
    it_http_response r;
    it_http_split(message, &head, &body);
    c->v[k]->busy = false;
    if (it_http_response_parse(head, &r) < 0)
        return IT_ERR_PARSE;
    if (r.status != 200) {
        it_signal_fail_leg(c, k, why_of_status(r.status), r.status);
        return 0;
    }
    c->v[k]->kept = true;
    it_str_clear(&c->lines);
    it_str_put(&c->lines, body.p, body.n);
    c->at_line = 0;
    return c->lines.oom ? IT_ERR_NOMEM : 0;
}

/* --- ends of streams --- */

/* Why |g| has ended that no layer has ended, or which a layer gave up for what came. */
static enum it_signal_why why_of_end(const it_signal_leg *g)
{
    static const enum it_signal_why WHY[] = {[IT_IO_END_RESET] = IT_SIGNAL_RESET,
                                             [IT_IO_END_REFUSED] = IT_SIGNAL_REFUSED_STREAM,
                                             [IT_IO_END_TIMEOUT] = IT_SIGNAL_TIMEOUT,
                                             [IT_IO_END_UNREACHABLE] = IT_SIGNAL_UNREACHABLE,
                                             [IT_IO_END_LOCAL] = IT_SIGNAL_LOCAL};
    return g->gone ? WHY[g->end] : IT_SIGNAL_BROKEN;
}

/* The WebSocket of leg |k| has ended, in order (|fin|) or not. */
static void ws_ended(it_signal_client *c, int k, bool fin)
{
    const it_signal_leg *g = c->v[k];
    const it_ws_state *ws = it_ws_state_of(&g->ws);
    enum it_signal_why why = why_of_end(g);
    if (fin || !g->gone)
        why = ws->code == IT_SIGNAL_REPLACED ? IT_SIGNAL_TAKEN_OVER : IT_SIGNAL_CLOSED;
    if (ws->fault == IT_WS_FAULT_HANDSHAKE)
        why = why_of_status(ws->status);
    if (ws->fault == IT_WS_FAULT_PROTOCOL)
        why = IT_SIGNAL_BROKEN;
    if (ws->fault == IT_WS_FAULT_SILENCE)
        why = ws->status ? IT_SIGNAL_PING : IT_SIGNAL_TIMEOUT;
    it_signal_fail_leg(c, k, why, ws->status);
}

/* Whether the proxy of leg |g| has refused, and with which status. */
static bool proxy_refused(const it_signal_leg *g, int *status)
{
    if (!g->via.ops || it_via_client(&g->via)->state != IT_VIA_REFUSED)
        return false;
    *status = it_via_client(&g->via)->status;
    return true;
}

/* Whether the stream below the TLS of leg |g|, which stood, has ended without a word (RFC 8446 section 6.1). That is
 * what became of the stream: nobody has said no. */
static bool is_truncated(const it_signal_leg *g)
{
    if (!g->tls.ops)
        return false;
    const it_tls_info *info = it_tls_layer_info(&g->tls);
    return info->open && info->end == IT_TLS_END_TRUNCATED;
}

/* Whether TLS has ended leg |g|, and why. */
static bool tls_failed(const it_signal_leg *g, int *status)
{
    if (!g->tls.ops)
        return false;
    *status = (int)it_tls_layer_info(&g->tls)->end;
    return *status != IT_TLS_END_NONE && *status != IT_TLS_END_CLOSED && !is_truncated(g);
}

/* Whether that leg |k| has ended is nothing to tell: the stream was kept for more requests, and a server, or somebody
 * in between, may end one between two (RFC 9112 section 9.5). A POST that was under way goes out once more on a new
 * one: the server knows what it has taken (RFC 9110 section 9.2.2). */
static bool ends_quietly(const it_signal_client *c, int k)
{
    const it_signal_leg *g = c->v[k];
    return g->kept && c->state == IT_SESSION_UP && (k == IT_LEG_POST || !g->busy);
}

/* The next message opens another stream for POSTs; a poll is asked for again. Where somebody in between does not know
 * the one any more, as it shows by RST, it may not know the other one either, which would wait in silence. */
static int leg_ended_quietly(it_signal_client *c, int k, bool fin)
{
    if (k == IT_LEG_POST)
        it_signal_drop_leg(c, k);
    if (k == IT_LEG_POST && fin)
        return 0;
    return it_signal_open_again(c, c->main, c->v[c->main]);
}

/* Leg |k| has ended: FIN or RST came up. Returns 0 or IT_ERR_NOMEM. */
static int leg_ended(it_signal_client *c, int k, enum it_io_kind kind)
{
    const it_signal_leg *g = c->v[k];
    bool fin = kind == IT_IO_FIN;
    int status = 0;
    if (ends_quietly(c, k))
        return leg_ended_quietly(c, k, fin);
    if (proxy_refused(g, &status))
        it_signal_fail_leg(c, k, IT_SIGNAL_PROXY, status < 0 ? 0 : status);
    else if (tls_failed(g, &status))
        it_signal_fail_leg(c, k, IT_SIGNAL_TLS, status);
    else if (is_truncated(g))
        it_signal_fail_leg(c, k, IT_SIGNAL_RESET, 0);
    else if (g->ws.ops)
        ws_ended(c, k, fin);
    else
        it_signal_fail_leg(c, k, fin ? IT_SIGNAL_CLOSED : why_of_end(g), 0);
    return 0;
}

/* --- reading --- */

/* Does what came up on leg |k|. Returns 0, IT_ERR_PARSE or IT_ERR_NOMEM. */
static int take_up(it_signal_client *c, int k, const it_io *in)
{
    if (in->kind == IT_IO_DATA)
        return it_signal_is_poll(c) ? take_response(c, k, in->data) : take_record(c, in->data);
    return in->kind == IT_IO_FIN || in->kind == IT_IO_RST ? leg_ended(c, k, in->kind) : 0;
}

/* One thing that is read makes two events at most. */
static bool has_room(const it_signal_client *c)
{
    return c->n_ev < IT_SIGNAL_EVENTS - 2;
}

static void lines_are_none(it_signal_client *c)
{
    if (c->main >= 0)
        it_signal_fail_leg(c, c->main, IT_SIGNAL_BROKEN, 0);
    else
        it_signal_go_down(c, IT_SIGNAL_BROKEN, 0);
}

/* Does what the lines of a response say, while there is room for events. Returns 0 or IT_ERR_NOMEM. */
static int take_lines(it_signal_client *c)
{
    while (has_room(c) && c->at_line < c->lines.n) {
        it_bytes rest = it_bytes_of(c->lines.p + c->at_line, c->lines.n - c->at_line), line;
        int err = it_signal_line(&rest, &line) ? take_record(c, line) : 0;
        c->at_line = c->lines.n - rest.n;
        if (err == IT_ERR_PARSE)
            lines_are_none(c);
        else if (err < 0)
            return err;
    }
    return 0;
}

int it_signal_read_leg(it_signal_client *c, int k)
{
    it_io in;
    int n = take_lines(c);
    while (n >= 0 && c->v[k] && has_room(c) && c->at_line == c->lines.n &&
           (n = it_layers_read(&c->v[k]->ls, c->now, &in, c->buf, sizeof c->buf)) > 0) {
        int err = take_up(c, k, &in);
        if (err == IT_ERR_PARSE)
            it_signal_fail_leg(c, k, IT_SIGNAL_BROKEN, 0);
        else if (err < 0)
            return err;
        n = take_lines(c);
    }
    return n < 0 ? n : 0;
}
