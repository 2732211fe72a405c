/* The signal server: what requests and records do to mailboxes. */
#include "stack/signal/server_impl.h"

#include "stack/http/message.h"
#include "stack/ws/ws.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPLY_MAX = 15872 }; /* bytes of lines in a response: with a head what stack/http takes at once */
enum { HELLO_MAX = REPLY_MAX - IT_SIGNAL_RECORD - 128 }; /* and refusals, so that there is room for any letter */
enum { LARGEST_HOLD = 3600 };

/* --- responses --- */

/* Writes a response of |status| with |body|. The one before has gone down, or the request would not have come up
 * (stack/http/message.h). Returns 0 or IT_ERR_NOMEM. */
static int respond(it_signal_server *s, it_signal_link *l, const char *status, const char *fields, it_bytes body)
{
    it_str out;
    it_str_init(&out, s->cfg.alloc);
    it_str_printf(&out, "HTTP/1.1 %s\r\nContent-Type: application/x-ndjson\r\nCache-Control: no-store\r\n%s", status,
                  fields);
    it_str_printf(&out, "Content-Length: %zu\r\n\r\n", body.n);
    it_str_put(&out, body.p, body.n);
    int n = out.oom ? IT_ERR_NOMEM
                    : it_layers_write(&l->ls, s->now, &(it_io){.kind = IT_IO_DATA, .data = it_bytes_of(out.p, out.n)});
    it_str_fini(&out);
    IT_ASSERT(n >= 0 || n == IT_ERR_NOMEM || n == IT_ERR_STATE);
    return n == IT_ERR_NOMEM ? n : 0;
}

/* Refuses a request with |status| for |why|, and says |body|. */
static int respond_with(it_signal_server *s, it_signal_link *l, const char *status, const char *why, it_bytes body)
{
    it_signal_server_tell_refused(s, l->s.remote, (int)strtol(status, NULL, 10), why);
    return respond(s, l, status, "Connection: close\r\n", body);
}

/* Refuses a request with |status| for |why|; |fields| are lines of its head. */
static int respond_bad(it_signal_server *s, it_signal_link *l, const char *status, const char *fields, const char *why)
{
    char all[128];
    snprintf(all, sizeof all, "%sConnection: close\r\n", fields);
    it_signal_server_tell_refused(s, l->s.remote, (int)strtol(status, NULL, 10), why);
    return respond(s, l, status, all, it_bytes_of(NULL, 0));
}

/* --- mailboxes and their connections --- */

it_mailbox *it_signal_box_of(it_signal_server *s, const it_signal_link *l)
{
    return &s->boxes.v[l->box];
}

/* Connection |i| no longer reads a mailbox. */
void it_signal_leave_box(it_signal_server *s, size_t i)
{
    it_signal_link *l = s->v[i];
    if (l->box == IT_MAILBOX_NONE)
        return;
    it_mailbox *b = it_signal_box_of(s, l);
    if (b->link == i) {
        b->link = IT_MAILBOX_NONE;
        b->left = s->now;
    }
    l->box = IT_MAILBOX_NONE;
}

void it_signal_close_ws(it_signal_link *l, it_time now, uint16_t code)
{
    it_ws_close(&l->ls.v[l->ls.n - 1], now, code);
}

/* Tells who holds a poll on connection |i| that another session has the mailbox. */
static int refuse_poll(it_signal_server *s, size_t i)
{
    it_signal_link *l = s->v[i];
    it_signal_leave_box(s, i);
    l->mode = IT_LINK_HTTP;
    l->active = s->now;
    return respond_bad(s, l, "409 Conflict", "", "another session has opened its mailbox");
}

/* Whoever reads |b| is told that another one does from now on: another session, or another stream of the same. */
static int replace_reader(it_signal_server *s, it_mailbox *b, bool session)
{
    size_t i = b->link;
    if (i == IT_MAILBOX_NONE)
        return 0;
    it_signal_link *l = s->v[i];
    it_bits_add(&s->busy, (uint32_t)i);
    if (l->mode == IT_LINK_POLL)
        return session ? refuse_poll(s, i) : it_signal_end_poll(s, i);
    it_signal_leave_box(s, i);
    it_signal_close_ws(l, s->now, IT_SIGNAL_REPLACED);
    return 0;
}

/* Tells that a session of connection |l| has opened |b|. */
static void tell_opened(it_signal_server *s, const it_signal_link *l, const it_mailbox *b, bool ws)
{
    it_signal_tale *t = it_signal_server_tell(s, IT_SIGNAL_TALE_OPENED, l->s.remote);
    t->ws = ws;
    snprintf(t->box, sizeof t->box, "%s", b->name);
}

/* Whether |w| is of a session that had |b| before another one took it over. Who names this run has had a hello of it,
 * and with another key than that which has the mailbox now it was before that one, whatever many were between. */
static bool was_replaced(const it_signal_server *s, const it_mailbox *b, const it_signal_who *w)
{
    if (it_mailbox_was_of(&s->boxes, b, w->key))
        return true;
    return b->key[0] && !it_bytes_eq(w->key, it_bytes_str(b->key)) && it_bytes_eq(w->run, it_bytes_str(s->run));
}

/* Finds the mailbox of |w|, who asks by |l|, and what the session has done before. Returns its index, IT_ERR_FULL,
 * IT_ERR_LIMIT (its source has enough), IT_ERR_EXISTS (another session has taken it over), or IT_ERR_NOMEM. */
static int enter_box(it_signal_server *s, const it_signal_link *l, const it_signal_who *w, bool ws)
{
    it_ip source = it_ip_source(l->s.remote.ip);
    if (s->own[0] && it_bytes_eq(w->box, it_bytes_str(s->own)))
        return IT_ERR_EXISTS;
    it_mailbox *b = it_mailboxes_find(&s->boxes, w->box);
    if (b && was_replaced(s, b, w))
        return IT_ERR_EXISTS; /* and keeps nobody's mailbox alive */
    int at = it_mailboxes_open(&s->boxes, s->now, w->box, source), err = 0;
    if (at < 0)
        return at;
    b = &s->boxes.v[at];
    it_mailboxes_give(&s->boxes, b, source);
    if (b->left != IT_NEVER)
        b->left = s->now;
    if (!it_bytes_eq(w->key, it_bytes_str(b->key))) {
        tell_opened(s, l, b, ws);
        err = replace_reader(s, b, true);
    }
    it_mailbox_take_over(&s->boxes, b, w->key);
    it_mailbox_knows(b, w->known);
    if (it_bytes_eq(w->run, it_bytes_str(s->run)))
        s->stats.delivered += it_mailbox_ack(&s->boxes, b, w->seen);
    return err < 0 ? err : at;
}

static void read_box(it_signal_server *s, size_t i, int box)
{
    it_mailbox *b = &s->boxes.v[box];
    s->v[i]->box = (uint32_t)box;
    b->link = (uint32_t)i;
    b->left = IT_NEVER;
    s->stats.redelivered += it_mailbox_count(b, b->sent);
    b->sent = 0;
}

/* Writes what the letter is for its receiver, as one line without an end. */
void it_signal_write_letter(it_str *out, const it_letter *l)
{
    it_str_printf(out, "{\"seq\":%" PRIu64 ",\"from\":\"%s\",\"%s\":\"", l->seq, l->from,
                  l->base64 ? "base64" : "data");
    it_str_put(out, l->data, l->n);
    it_str_puts(out, "\"}");
}

static int say_taken(const it_mailbox *me, it_str *say)
{
    it_str_printf(say, "{\"taken\":%" PRIu64 "}\n", me->taken);
    return say->oom ? IT_ERR_NOMEM : 0;
}

static int say_refused(const it_refused *r, it_str *say)
{
    static const char *const WHY[] = {
        [IT_REFUSAL_FULL] = "full", [IT_REFUSAL_LARGE] = "large", [IT_REFUSAL_LIMIT] = "limit"};
    it_str_printf(say, "{\"refused\":%" PRIu64 ",\"why\":\"%s\"}\n", r->id, WHY[r->why]);
    return say->oom ? IT_ERR_NOMEM : 0;
}

/* Refuses message |id| of |me| for |why|. That is kept: the answer may be lost. Where it cannot be the message is not
 * taken either. Returns 0, IT_ERR_FULL or IT_ERR_NOMEM. */
static int refuse_message(it_signal_server *s, it_mailbox *me, uint64_t id, enum it_refusal why, it_str *say)
{
    int err = it_mailbox_refuse(&s->boxes, me, id, why);
    if (err < 0)
        return err;
    s->stats.refused++;
    me->taken = id;
    return say_refused(&(it_refused){id, why}, say);
}

/* Answers to message |id|, which has come before. */
static int answer_again(const it_mailbox *me, uint64_t id, it_str *say)
{
    const it_refused *refused = it_mailbox_refusal(me, id);
    return refused ? say_refused(refused, say) : say_taken(me, say);
}

/* Bytes of the member that holds the data of |r|. */
static size_t member_size(const it_signal_record *r)
{
    return r->data.n + (r->has & IT_SIGNAL_BASE64 ? sizeof "\"base64\":\"\"" : sizeof "\"data\":\"\"") - 1;
}

/* Whether |source| has as much in |b| as one may, |n| bytes more included: in what a session of its own has open it may
 * have all. No source: of the server's own. */
static bool has_its_share(const it_signal_server *s, const it_mailbox *b, it_ip source, size_t n)
{
    size_t bytes, letters;
    if (!s->cfg.each || it_ip_none(source))
        return false;
    if (b->key[0] && it_ip_eq(b->source, source))
        return false;
    letters = it_mailbox_of_source(b, source, &bytes);
    return letters >= s->cfg.messages - s->cfg.messages / 4 || bytes + n > s->cfg.bytes - s->cfg.bytes / 4;
}

/* Whether |b| takes a message of |n| bytes more of |source|: 0, IT_ERR_FULL or IT_ERR_LIMIT. The server's own does, as
 * it is emptied at once. */
static int judge_room(const it_signal_server *s, const it_mailbox *b, it_ip source, size_t n)
{
    if (b->kept)
        return 0;
    if (b->n >= s->cfg.messages || b->bytes + n > s->cfg.bytes)
        return IT_ERR_FULL;
    if (!it_ip_none(source) && !it_mailboxes_hold(&s->boxes, source, n))
        return IT_ERR_LIMIT;
    return has_its_share(s, b, source, n) ? IT_ERR_LIMIT : 0;
}

/* Keeps message |r| of mailbox |from|, which came from |source|, and appends the answer to |say|. Returns 0,
 * IT_ERR_FULL or IT_ERR_NOMEM. */
static int take_message(it_signal_server *s, uint32_t from, it_ip source, const it_signal_record *r, it_str *say)
{
    it_mailbox *me = &s->boxes.v[from];
    if (r->id <= me->taken)
        return answer_again(me, r->id, say);
    if (IT_SIGNAL_LETTER_SIZE(strlen(me->name), member_size(r)) > IT_SIGNAL_RECORD)
        return refuse_message(s, me, r->id, IT_REFUSAL_LARGE, say);
    int at = it_mailboxes_open(&s->boxes, s->now, r->to, source);
    if (at == IT_ERR_NOMEM)
        return at;
    me = &s->boxes.v[from]; /* they may have moved */
    it_mailbox *to = at < 0 ? NULL : &s->boxes.v[at];
    int err = at < 0 ? at : judge_room(s, to, source, r->data.n);
    if (err < 0)
        return refuse_message(s, me, r->id, err == IT_ERR_LIMIT ? IT_REFUSAL_LIMIT : IT_REFUSAL_FULL, say);
    if (it_mailbox_put(&s->boxes, to, me->name, source, r->data, r->has & IT_SIGNAL_BASE64) < 0)
        return IT_ERR_NOMEM;
    s->stats.messages++;
    me->taken = r->id;
    if (to->link != IT_MAILBOX_NONE)
        it_bits_add(&s->busy, to->link);
    return say_taken(me, say);
}

int it_signal_take_record(it_signal_server *s, uint32_t box, it_ip source, it_bytes text, it_str *say)
{
    it_signal_record r;
    uint8_t plain[IT_SIGNAL_LARGEST];
    if (text.n > IT_SIGNAL_RECORD || it_signal_read(text, &r) < 0)
        return IT_ERR_PARSE;
    if (r.has & IT_SIGNAL_ACK)
        s->stats.delivered += it_mailbox_ack(&s->boxes, &s->boxes.v[box], r.ack);
    if (r.has & IT_SIGNAL_KNOWN)
        it_mailbox_knows(&s->boxes.v[box], r.known);
    if (!(r.has & IT_SIGNAL_TO))
        return 0;
    if (r.id == 0 || !(r.has & (IT_SIGNAL_DATA | IT_SIGNAL_BASE64)))
        return IT_ERR_PARSE;
    if (it_signal_decode(&r, plain, sizeof plain) < 0)
        return IT_ERR_PARSE;
    return take_message(s, box, it_ip_source(source), &r, say);
}

/* --- the server's own mailbox --- */

/* The mailbox called |name| that keeps letters; NULL: there is none. */
static it_mailbox *box_named(const it_signal_server *s, const char *name)
{
    it_mailbox *b = it_mailboxes_find(&s->boxes, it_bytes_str(name));
    return b && b->used ? b : NULL;
}

it_ip it_signal_server_source(const it_signal_server *s, const char *name)
{
    const it_mailbox *b = it_mailboxes_find(&s->boxes, it_bytes_str(name));
    if (!b)
        return (it_ip){0, 0};
    return b->source;
}

it_time it_signal_server_left(const it_signal_server *s, const char *name)
{
    const it_mailbox *b = box_named(s, name);
    return b ? b->left : 0;
}

int it_signal_server_hear(it_signal_server *s, char from[IT_SIGNAL_NAME + 1], it_ip *source, it_bytes *data)
{
    it_mailbox *b = s->own[0] ? box_named(s, s->own) : NULL;
    const it_letter *l = b ? b->first : NULL;
    if (!l)
        return 0;
    it_signal_record r = {.has = l->base64 ? IT_SIGNAL_BASE64 : IT_SIGNAL_DATA, .data = it_bytes_of(l->data, l->n)};
    int n = it_signal_decode(&r, s->heard_data, sizeof s->heard_data);
    IT_ASSERT(n >= 0); /* it was decoded when it came */
    memcpy(from, l->from, sizeof l->from);
    *source = l->source;
    *data = it_bytes_of(s->heard_data, (size_t)n);
    s->stats.delivered += it_mailbox_ack(&s->boxes, b, l->seq);
    return 1;
}

int it_signal_server_say(it_signal_server *s, it_time now, const char *to, it_ip source, it_bytes data)
{
    it_str text;
    s->now = now;
    int at = it_mailboxes_open(&s->boxes, now, it_bytes_str(to), source);
    if (at < 0)
        return at;
    it_str_init(&text, s->cfg.alloc);
    it_signal_write_data(&text, data);
    if (text.oom) {
        it_str_fini(&text);
        return IT_ERR_NOMEM;
    }
    it_mailbox *b = &s->boxes.v[at];
    bool base64 = text.p[1] == 'b';
    size_t lead = base64 ? sizeof "\"base64\":\"" - 1 : sizeof "\"data\":\"" - 1;
    it_bytes member = it_bytes_of(text.p + lead, text.n - lead - 1);
    int err = judge_room(s, b, source, member.n);
    if (IT_SIGNAL_LETTER_SIZE(strlen(s->own), text.n) > IT_SIGNAL_RECORD)
        err = IT_ERR_TOOBIG;
    if (err == 0)
        err = it_mailbox_put(&s->boxes, b, s->own, source, member, base64);
    it_str_fini(&text);
    if (err == 0)
        s->stats.messages++;
    if (err == 0 && b->link != IT_MAILBOX_NONE)
        it_bits_add(&s->busy, b->link);
    return err;
}

/* --- HTTP --- */

/* Appends the hello of mailbox |box|. What was refused comes before anything later counts as taken, so that its sender
 * hears of it; once |out| has |room| bytes, of the refusals left only those before them count. */
static void write_hello(const it_signal_server *s, it_str *out, int box, size_t room)
{
    const it_mailbox *b = &s->boxes.v[box];
    uint64_t taken = b->n_refused ? b->refused[0].id - 1 : b->taken;
    it_str_printf(out, "{\"hello\":\"%s\",\"taken\":%" PRIu64 "}\n", s->run, taken);
    size_t i = 0;
    for (; i < b->n_refused && out->n < room; i++)
        (void)say_refused(&b->refused[i], out); /* no memory shows in |out| */
    if (b->n_refused)
        it_str_printf(out, "{\"taken\":%" PRIu64 "}\n", i < b->n_refused ? b->refused[i].id - 1 : b->taken);
}

/* Appends what waits in |b|, as far as it has room. */
static void write_letters(it_str *out, it_mailbox *b)
{
    const it_letter *l;
    while ((l = it_mailbox_after(b, b->sent))) {
        size_t before = out->n;
        it_signal_write_letter(out, l);
        it_str_putc(out, '\n');
        if (out->n > REPLY_MAX && !out->oom) {
            it_str_cut(out, before);
            return;
        }
        b->sent = l->seq;
    }
}

/* Answers the poll that connection |i| holds. */
int it_signal_end_poll(it_signal_server *s, size_t i)
{
    it_signal_link *l = s->v[i];
    it_str_clear(&s->reply);
    write_hello(s, &s->reply, (int)l->box, it_signal_box_of(s, l)->first ? HELLO_MAX : REPLY_MAX);
    write_letters(&s->reply, it_signal_box_of(s, l));
    it_signal_leave_box(s, i);
    l->mode = IT_LINK_HTTP;
    l->active = s->now;
    it_bits_add(&s->busy, (uint32_t)i);
    if (s->reply.oom)
        return IT_ERR_NOMEM;
    const char *fields = l->s.fin_in ? "Connection: close\r\n" : ""; /* RFC 9112 section 9.6 */
    return respond(s, l, "200 OK", fields, it_bytes_of(s->reply.p, s->reply.n));
}

static int begin_poll(it_signal_server *s, size_t i, int box, uint64_t hold)
{
    it_signal_link *l = s->v[i];
    int err = replace_reader(s, &s->boxes.v[box], false);
    it_time most = (it_time)(hold < LARGEST_HOLD ? hold : LARGEST_HOLD) * IT_SEC;
    read_box(s, i, box);
    l->mode = IT_LINK_POLL;
    l->hold = s->now + (most < s->cfg.hold ? most : s->cfg.hold);
    if (err == 0 && (s->boxes.v[box].first || most == 0))
        err = it_signal_end_poll(s, i);
    return err;
}

/* Takes the lines of a POST, up to one that is none, whose number |*bad| is then, or that is not taken now: what is
 * behind that is not taken either, so that nothing is out of order. Returns 0 or IT_ERR_NOMEM. */
static int take_lines(it_signal_server *s, int box, it_ip source, it_bytes body, size_t *bad)
{
    it_bytes line;
    *bad = 0;
    for (size_t k = 1; it_signal_line(&body, &line); k++) {
        if (s->reply.n > REPLY_MAX - 128) /* no answer is longer than a response may be */
            return 0;
        int err = it_signal_take_record(s, (uint32_t)box, source, line, &s->reply);
        if (err == IT_ERR_NOMEM)
            return err;
        if (err == IT_ERR_PARSE)
            *bad = k;
        if (err < 0)
            return 0;
    }
    return 0;
}

static int take_post(it_signal_server *s, it_signal_link *l, int box, it_bytes body)
{
    size_t bad;
    it_str_clear(&s->reply);
    write_hello(s, &s->reply, box, REPLY_MAX);
    int err = take_lines(s, box, l->s.remote.ip, body, &bad);
    if (err == 0 && bad)
        it_str_printf(&s->reply, "{\"bad\":%zu}\n", bad);
    if (err < 0 || s->reply.oom)
        return IT_ERR_NOMEM;
    it_bytes reply = it_bytes_of(s->reply.p, s->reply.n);
    if (bad)
        return respond_with(s, l, "400 Bad Request", "a line of its body is no record", reply);
    return respond(s, l, "200 OK", "", reply);
}

static int begin_ws(it_signal_server *s, size_t i, int box, it_bytes head)
{
    it_signal_link *l = s->v[i];
    int err = replace_reader(s, &s->boxes.v[box], false);
    it_ws_cfg cfg = {
        .alloc = s->cfg.alloc, .rng = s->cfg.rng, .largest = IT_SIGNAL_RECORD, .protocol = IT_SIGNAL_PROTOCOL};
    it_layer ws = it_ws_server(&cfg, head);
    if (!ws.ops)
        return IT_ERR_NOMEM;
    if (it_layers_push(&l->ls, ws) < 0)
        return IT_ERR_NOMEM;
    read_box(s, i, box);
    l->mode = IT_LINK_WS;
    write_hello(s, &l->say, box, REPLY_MAX);
    return l->say.oom ? IT_ERR_NOMEM : err;
}

static int refuse_upgrade(it_signal_server *s, it_signal_link *l, int status)
{
    /* RFC 6455 section 4.4; RFC 9110 section 7.8: with the connection option of its name */
    static const char UPGRADE[] = "Sec-WebSocket-Version: 13\r\nUpgrade: websocket\r\nConnection: upgrade\r\n";
    if (status == 426)
        return respond_bad(s, l, "426 Upgrade Required", UPGRADE, "a WebSocket of another version");
    if (status == 405)
        return respond_bad(s, l, "405 Method Not Allowed", "Allow: GET, POST\r\n", "neither GET nor POST");
    return respond_bad(s, l, "400 Bad Request", "", "no handshake of a WebSocket (RFC 6455 section 4.2.1)");
}

/* Refuses a request for a mailbox more than its source may have, and says when one of those is free. */
static int refuse_limit(it_signal_server *s, it_signal_link *l)
{
    char field[40];
    it_time when = it_mailboxes_when(&s->boxes, it_ip_source(l->s.remote.ip), s->cfg.keep);
    it_time wait = when == IT_NEVER ? IT_MAILBOX_AWAY : when - s->now;
    wait = (wait + IT_SEC - 1) / IT_SEC; /* RFC 9110 section 10.2.3: whole seconds */
    snprintf(field, sizeof field, "Retry-After: %" PRId64 "\r\n", (int64_t)(wait > 1 ? wait : 1));
    return respond_bad(s, l, "429 Too Many Requests", field, "its address has too many mailboxes");
}

/* Refuses a request whose mailbox could not be had, |err| says why. Returns as it_signal_take_request. */
static int refuse_box(it_signal_server *s, it_signal_link *l, int err)
{
    if (err == IT_ERR_EXISTS)
        return respond_bad(s, l, "409 Conflict", "", "another session has its mailbox");
    if (err == IT_ERR_FULL)
        return respond_bad(s, l, "503 Service Unavailable", "Retry-After: 10\r\n", "there are too many mailboxes");
    if (err != IT_ERR_LIMIT)
        return err;
    s->stats.limited++;
    return refuse_limit(s, l);
}

/* Answers a request, or holds it. Returns 0 or IT_ERR_NOMEM. */
int it_signal_take_request(it_signal_server *s, size_t i, it_bytes message)
{
    it_signal_link *l = s->v[i];
    it_bytes head, body;
    it_http_request r;
    it_signal_who w;
    it_http_split(message, &head, &body);
    if (!it_buckets_take(&s->asks, s->now, l->s.remote.ip)) { /* RFC 6585 section 4 */
        s->stats.limited++;
        return respond_bad(s, l, "429 Too Many Requests", "Retry-After: 1\r\n", "its address asks too often");
    }
    int ws = it_ws_judge(head);
    if (ws != 0 && ws != 101)
        return refuse_upgrade(s, l, ws);
    if (it_http_request_parse(head, &r) < 0)
        return respond_bad(s, l, "400 Bad Request", "", "no request");
    if (it_signal_read_who(r.target, &w) < 0)
        return respond_bad(s, l, "400 Bad Request", "", "its query has no box and key, or what is none");
    bool get = it_bytes_eq(r.method, it_bytes_str("GET"));
    if (!get && !it_bytes_eq(r.method, it_bytes_str("POST")))
        return refuse_upgrade(s, l, 405);
    int box = enter_box(s, l, &w, ws == 101);
    if (box < 0)
        return refuse_box(s, l, box);
    if (ws == 101)
        return begin_ws(s, i, box, head);
    return get ? begin_poll(s, i, box, w.hold) : take_post(s, l, box, body);
}
