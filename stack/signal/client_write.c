/* The signal client, writing: requests of HTTP, records as frames. */
#include "stack/signal/client_impl.h"

#include <inttypes.h>
#include <stdio.h>

enum { POST_MAX = 12800 }; /* bytes of lines in a request */

/* Up to which of its messages |c| knows what became of them. */
static uint64_t known_of(const it_signal_client *c)
{
    return c->first ? c->first->id - 1 : c->ids;
}

/* The target of a request: who asks, and how long it may be held. */
void it_signal_write_target(const it_signal_client *c, it_str *out, it_time hold)
{
    it_str_printf(out, "%s%sbox=%s&key=%s&seen=%" PRIu64, c->path, strchr(c->path, '?') ? "&" : "?", c->box, c->key,
                  c->seen);
    if (c->run[0])
        it_str_printf(out, "&run=%s", c->run);
    it_str_printf(out, "&known=%" PRIu64, known_of(c));
    if (it_signal_is_poll(c))
        it_str_printf(out, "&hold=%d", (int)(hold / IT_SEC));
}

static int write_leg(it_signal_client *c, it_signal_leg *g, it_bytes data)
{
    return it_layers_write(&g->ls, c->now, &(it_io){.kind = IT_IO_DATA, .data = data});
}

/* Sends a request with |body| by leg |g|. Returns 1: sent, 0: not now, or IT_ERR_NOMEM. */
static int send_request(it_signal_client *c, it_signal_leg *g, const char *method, it_time hold, it_bytes body)
{
    it_str out;
    it_str_init(&out, c->cfg.alloc);
    it_str_printf(&out, "%s ", method);
    it_signal_write_target(c, &out, hold);
    it_str_printf(&out, " HTTP/1.1\r\nHost: %s\r\n", c->host);
    if (body.p)
        it_str_printf(&out, "Content-Type: application/x-ndjson\r\nContent-Length: %zu\r\n", body.n);
    it_str_puts(&out, "\r\n");
    it_str_put(&out, body.p, body.n);
    int n = out.oom ? IT_ERR_NOMEM : write_leg(c, g, it_bytes_of(out.p, out.n));
    it_str_fini(&out);
    if (n == IT_ERR_NOMEM)
        return n;
    if (n < 0)
        return 0;
    g->busy = true;
    g->asked = c->now;
    return 1;
}

/* Asks for messages, once the answer before has come. */
static int ask_for_messages(it_signal_client *c)
{
    it_signal_leg *g = c->main < 0 ? NULL : c->v[c->main];
    if (!it_signal_is_open(g) || g->busy || c->at_line < c->lines.n)
        return 0;
    c->ack_due = IT_NEVER; /* the request says how far it has read */
    c->n_unacked = 0;
    return send_request(c, g, "GET", c->state == IT_SESSION_UP ? c->cfg.ping : 0, it_bytes_of(NULL, 0));
}

/* The lines of what waits, as many as a request has room for. */
static void gather_lines(const it_signal_client *c, it_str *lines)
{
    for (const it_signal_letter *l = c->first; l; l = l->next) {
        if (lines->n && lines->n + l->n >= POST_MAX)
            return;
        it_str_put(lines, l->text, l->n);
        it_str_putc(lines, '\n');
    }
}

/* Posts what waits. */
static int post_letters(it_signal_client *c)
{
    it_signal_leg *g = c->v[IT_LEG_POST];
    bool wants = c->state == IT_SESSION_UP && c->first;
    if (!wants || (g && g->busy) || c->at_line < c->lines.n)
        return 0;
    if (!g)
        return it_signal_open_again(c, IT_LEG_POST, c->v[c->main]);
    if (!it_signal_is_open(g))
        return 0;
    it_str lines;
    it_str_init(&lines, c->cfg.alloc);
    gather_lines(c, &lines);
    int n = IT_ERR_NOMEM;
    if (!lines.oom)
        n = send_request(c, g, "POST", 0, it_bytes_of(lines.p, lines.n));
    it_str_fini(&lines);
    return n;
}

/* Writes what waits as frames: an acknowledgment that is due, letters. Returns 1, 0: nothing, or no room now, which the
 * stream tells when it has some, or IT_ERR_NOMEM. */
static int write_frames(it_signal_client *c)
{
    char ack[64];
    bool acks = c->ack_due <= c->now;
    it_signal_letter *l = acks ? NULL : c->first;
    if (c->state != IT_SESSION_UP)
        return 0;
    while (l && l->sent)
        l = l->next;
    if (!l && !acks)
        return 0;
    int n_ack = snprintf(ack, sizeof ack, "{\"ack\":%" PRIu64 "}", c->seen);
    if (c->tells_known)
        n_ack = snprintf(ack, sizeof ack, "{\"ack\":%" PRIu64 ",\"known\":%" PRIu64 "}", c->seen, known_of(c));
    int n = write_leg(c, c->v[c->main], l ? it_bytes_of(l->text, l->n) : it_bytes_of(ack, (size_t)n_ack));
    if (n < 0)
        return n == IT_ERR_NOMEM ? n : 0;
    if (l) {
        l->sent = true;
        if (c->waiting == IT_NEVER)
            c->waiting = c->now;
    } else {
        c->ack_due = IT_NEVER;
        c->n_unacked = 0;
        c->tells_known = false;
    }
    return 1;
}

int it_signal_write_all(it_signal_client *c)
{
    int n = 1;
    if (c->state != IT_SESSION_UP && c->state != IT_SESSION_OPENING)
        return 0;
    if (it_signal_is_poll(c)) {
        n = ask_for_messages(c);
        return n < 0 ? n : post_letters(c);
    }
    while (n > 0)
        n = write_frames(c);
    return n;
}

int it_signal_client_send(it_signal_client *c, const char *to, it_bytes data)
{
    it_str out;
    if (!it_signal_is_name(it_bytes_str(to)))
        return IT_ERR_RANGE;
    if (data.n > IT_SIGNAL_LARGEST)
        return IT_ERR_TOOBIG;
    if (c->n_letters >= IT_SIGNAL_OUTBOX || c->ids >= INT32_MAX)
        return IT_ERR_FULL;
    it_str_init(&out, c->cfg.alloc);
    it_str_printf(&out, "{\"to\":\"%s\",\"id\":%" PRIu64 ",", to, c->ids + 1);
    size_t before = out.n;
    it_signal_write_data(&out, data);
    bool fits = IT_SIGNAL_LETTER_SIZE(strlen(c->box), out.n - before) <= IT_SIGNAL_RECORD; /* as the server writes it */
    it_str_putc(&out, '}');
    fits = fits && out.n <= IT_SIGNAL_RECORD;
    it_signal_letter *l = out.oom || !fits ? NULL : it_malloc(c->cfg.alloc, sizeof *l + out.n);
    if (l) {
        *l = (it_signal_letter){.id = ++c->ids, .n = out.n};
        memcpy(l->text, out.p, out.n);
        if (c->last)
            c->last->next = l;
        else
            c->first = l;
        c->last = l;
        c->n_letters++;
    }
    bool oom = out.oom;
    it_str_fini(&out);
    if (l)
        return (int)l->id;
    return oom || fits ? IT_ERR_NOMEM : IT_ERR_TOOBIG;
}
