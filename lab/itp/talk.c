/* A call for a person. */
#include "lab/itp/talk.h"

#include "lab/itp/block.h"
#include "lab/itp/peer.h"
#include "stack/b/b.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define QUIET IT_SEC             /* without news of candidates a block is shown as it is */
#define BREAK (3 * IT_SEC)       /* in which a block that is pasted goes on */
#define PATIENCE (3600 * IT_SEC) /* that two people have to exchange blocks */

struct it_talk {
    it_alloc *alloc;
    it_loop *loop;
    it_str *out;
    void (*note)(void *self, const char *text);
    void *self;
    it_dtls_cert *cert;
    int app; /* -1: it has been removed */
    it_block_reader reader;
    it_str blob, shown; /* the latest one; what was shown of the last that was */
    it_time show_at;    /* IT_NEVER: there is nothing to show */
    it_time break_at;   /* when a block that has begun should have ended; IT_NEVER: none has, or it was said */
    bool heard;         /* a block of the other side has come */
    bool over, failed;
    int err; /* of adding it to the loop; told as it is hung up */
};

static it_b *talk_b(it_talk *t)
{
    return t->app < 0 ? NULL : it_loop_app(t->loop, t->app);
}

IT_PRINTF(2, 3) static void talk_say(it_talk *t, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (t->note)
        t->note(t->self, text);
    else
        it_str_printf(t->out, "* %s\n", text);
}

/* --- blocks out --- */

/* What of |blob| the other side has to be told anew: its credentials and candidates. */
static void talk_essence(it_str *out, const it_str *blob)
{
    static const char *const LINES[] = {"a=ice-ufrag:", "a=candidate:"};
    const char *at = blob->p, *end = blob->p + blob->n;
    while (at < end) {
        const char *nl = memchr(at, '\n', (size_t)(end - at));
        size_t n = nl ? (size_t)(nl - at) + 1 : (size_t)(end - at);
        for (size_t i = 0; i < 2; i++)
            if (n > strlen(LINES[i]) && memcmp(at, LINES[i], strlen(LINES[i])) == 0)
                it_str_put(out, at, n);
        at += n;
    }
}

static void talk_show(it_talk *t)
{
    it_str now;
    t->show_at = IT_NEVER;
    it_str_init(&now, t->alloc);
    talk_essence(&now, &t->blob);
    bool same = now.n == t->shown.n && (now.n == 0 || memcmp(now.p, t->shown.p, now.n) == 0);
    if (!same) {
        talk_say(t, t->shown.n ? "something has changed here: give them this block, too"
                               : "give this block to the other side, and paste theirs here:");
        it_block_write(t->out, it_bytes_of(t->blob.p, t->blob.n));
        it_str_clear(&t->shown);
        it_str_put(&t->shown, now.p, now.n);
    }
    t->out->oom |= now.oom || t->shown.oom;
    it_str_fini(&now);
}

/* A blob has to be brought to the other side: once it is whole, or nothing more comes for a while. */
static void talk_on_signal(it_talk *t, it_bytes blob)
{
    static const char DONE[] = "a=end-of-candidates";
    it_str_clear(&t->blob);
    it_str_put(&t->blob, blob.p, blob.n);
    bool whole = blob.n && memmem(blob.p, blob.n, DONE, sizeof DONE - 1);
    t->show_at = it_loop_now(t->loop) + (whole ? 0 : QUIET);
    t->out->oom |= t->blob.oom;
}

/* --- what happens --- */

static const char *talk_kind(enum it_ice_kind k)
{
    static const char *const NAMES[] = {
        [IT_ICE_HOST] = "host", [IT_ICE_SRFLX] = "srflx", [IT_ICE_PRFLX] = "prflx", [IT_ICE_RELAY] = "relay"};
    return NAMES[k];
}

static void talk_on_path(it_talk *t, const it_model_event *ev, const char *what)
{
    char local[IT_ADDR_TEXT], remote[IT_ADDR_TEXT];
    talk_say(t, "%s, %s: %s %s, they %s %s", what, it_path_name(ev->path), talk_kind(ev->local_kind),
             it_addr_text(ev->local, local), talk_kind(ev->remote_kind), it_addr_text(ev->remote, remote));
}

/* A message as a terminal may show it: what would steer the terminal is replaced (C0, DEL, C1 in UTF-8). */
static void talk_on_message(it_talk *t, it_bytes m)
{
    it_str_puts(t->out, "< ");
    for (size_t i = 0; i < m.n; i++) {
        bool c1 = m.p[i] == 0xc2 && i + 1 < m.n && m.p[i + 1] >= 0x80 && m.p[i + 1] < 0xa0;
        if (m.p[i] < ' ' || m.p[i] == 0x7f || c1)
            it_str_puts(t->out, "?");
        else
            it_str_put(t->out, m.p + i, 1);
        i += c1;
    }
    it_str_puts(t->out, "\n");
}

static void talk_end(it_talk *t, bool failed)
{
    t->over = true;
    t->failed = failed;
}

/* Said of a WebRTC peer, with whom there is media alone. */
static const char FOREIGN[] =
    "they are another stack, which takes no lines: data channels (SCTP) are absent here, and nothing of them is judged";

static void talk_on_event(it_talk *t, const it_model_event *ev)
{
    char by[IT_CLOSED_TEXT];
    switch (ev->kind) {
    case IT_EV_SIGNAL:
        talk_on_signal(t, ev->data);
        break;
    case IT_EV_OPEN:
        talk_on_path(t, ev, "connected");
        if (it_b_is_foreign(talk_b(t)))
            talk_say(t, "%s", FOREIGN);
        else
            talk_say(t, "what you type is sent to them; /help for more");
        break;
    case IT_EV_FAILOVER:
        talk_on_path(t, ev, "another path");
        break;
    case IT_EV_MESSAGE:
        talk_on_message(t, ev->data);
        break;
    case IT_EV_STALLED:
        talk_say(t, "nothing is heard of them any more; /restart looks for another path");
        break;
    case IT_EV_RESUMED:
        talk_say(t, "they are heard again");
        break;
    case IT_EV_PEER:
        talk_say(t, "they broke a rule: %s", ev->why);
        break;
    case IT_EV_DEATH:
        talk_say(t, "the connection has failed: %s", it_reason_name(ev->reason));
        talk_end(t, true);
        break;
    case IT_EV_CLOSED:
        talk_say(t, "closed: %s", it_closed_text(ev->by, ev->status, by));
        talk_end(t, false);
        break;
    default: /* rates and interfaces are of no use to a person, secrets of none to the screen */
        break;
    }
}

static int talk_told(void *self, int app, const it_object_event *ev)
{
    it_talk *t = self;
    (void)app;
    if (ev->kind == IT_TELLS_MODEL)
        talk_on_event(t, ev->u.model);
    return t->out->oom ? IT_ERR_NOMEM : 0;
}

static void talk_bound(void *self, const char *transport, it_addr a, bool up)
{
    char text[IT_ADDR_TEXT];
    if (up && !it_ice_addr_usable(a))
        talk_say(self, "%s is no address that another host could call (RFC 8445 section 5.1.1.1)",
                 it_addr_text(a, text));
    else
        talk_say(self, "%s %s %s", up ? "at" : "no longer at", transport, it_addr_text(a, text));
}

/* --- lines in --- */

/* The line of |blob| that begins with |key|, without its end; n 0: there is none. */
static it_bytes talk_line_of(const it_str *blob, const char *key)
{
    const uint8_t *at = memmem(blob->p, blob->n, key, strlen(key));
    size_t n = 0;
    if (!at)
        return it_bytes_of(NULL, 0);
    size_t left = blob->n - (size_t)(at - (const uint8_t *)blob->p);
    while (n < left && at[n] != '\r' && at[n] != '\n')
        n++;
    return it_bytes_of(at, n);
}

/* Whether |blob| is a block of this side's, the latest or an earlier one: nobody else has its certificate. */
static bool talk_is_own(const it_talk *t, const it_str *blob)
{
    static const char KEY[] = "a=fingerprint:";
    it_bytes own = talk_line_of(&t->blob, KEY);
    return own.n > 0 && it_bytes_eq(talk_line_of(blob, KEY), own);
}

static int talk_block(it_talk *t, const it_str *blob)
{
    if (talk_is_own(t, blob)) {
        talk_say(t, "this is your own block: it is for the other side; paste the one that they give you");
        return 0;
    }
    int err = it_b_signal(talk_b(t), it_loop_now(t->loop), it_bytes_of(blob->p, blob->n));
    if (err == IT_ERR_NOMEM)
        return err;
    if (err == IT_ERR_STATE)
        talk_say(t, "it is too late for that block");
    if (err == 0)
        talk_say(t, t->heard ? "their block is taken" : "their block is taken: trying to connect");
    if (err < 0 && err != IT_ERR_STATE)
        talk_say(t, "their block is of no use: %s", it_err_str(err));
    t->heard |= err == 0;
    return 0;
}

static void talk_help(it_talk *t)
{
    talk_say(t, "paste the block of the other side, whole, from BEGIN to END; once connected, every line is sent");
    talk_say(t, "/restart  look for a path anew: both sides exchange blocks again");
    talk_say(t, "/stats    what has been sent and received");
    talk_say(t, "/quit     hang up, as Ctrl-D and Ctrl-C do");
}

static void talk_stats(it_talk *t)
{
    it_conn_stats s;
    it_b_stats(talk_b(t), &s);
    talk_say(t, "%s, %s; messages sent %" PRIu64 ", received %" PRIu64, it_state_name(it_b_state(talk_b(t))),
             it_path_name(it_b_path(talk_b(t))), s.sent, s.received);
}

static void talk_restart(it_talk *t)
{
    talk_say(t, "looking for a path anew; what there is stays in use until then");
    it_b_restart(talk_b(t), it_loop_now(t->loop));
}

static const struct {
    const char *name;
    void (*run)(it_talk *t);
} COMMANDS[] = {{"/quit", it_talk_close}, {"/restart", talk_restart}, {"/stats", talk_stats}, {"/help", talk_help}};

/* Runs the command that |line| is; false when it is none. */
static bool talk_command(it_talk *t, it_bytes line)
{
    for (size_t i = 0; i < sizeof COMMANDS / sizeof *COMMANDS; i++) {
        if (!it_bytes_eq(line, it_bytes_str(COMMANDS[i].name)))
            continue;
        COMMANDS[i].run(t);
        return true;
    }
    return false;
}

static int talk_message(it_talk *t, it_bytes line)
{
    if (line.n > IT_TALK_MESSAGE) {
        talk_say(t, "this line is longer than %d bytes: not sent", IT_TALK_MESSAGE);
        return 0;
    }
    int err = it_b_send(talk_b(t), it_loop_now(t->loop), line);
    if (err == IT_ERR_STATE)
        talk_say(t,
                 t->heard ? "not connected yet: not sent" : "not connected: paste the block of the other side first");
    else if (err < 0 && err != IT_ERR_NOMEM)
        talk_say(t, "not sent: %s", it_err_str(err));
    return err == IT_ERR_NOMEM ? err : 0;
}

/* Takes |line| if it is of a block. Returns IT_BLOCK_NONE when it is of none, or as it_block_line. */
static int talk_block_line(it_talk *t, it_bytes line)
{
    it_str blob;
    it_str_init(&blob, t->alloc);
    int rc = it_block_line(&t->reader, line, &blob);
    if (rc == IT_BLOCK_WHOLE && talk_block(t, &blob) < 0)
        rc = IT_ERR_NOMEM;
    it_str_fini(&blob);
    if (rc == IT_ERR_PARSE)
        talk_say(t, "this block is damaged: copy all of it, from BEGIN to END");
    if (rc == IT_ERR_TOOBIG)
        talk_say(t, "this block is too long for one of icetank's");
    return rc;
}

/* A line that is of no block and no command: a message. */
static int talk_text(it_talk *t, it_bytes line)
{
    if (line.n == 0)
        return 0;
    if (line.n > 1 && line.p[0] == '/' && line.p[1] == '/')
        return talk_message(t, it_bytes_of(line.p + 1, line.n - 1));
    if (line.p[0] != '/')
        return talk_message(t, line);
    talk_say(t, "there is no such command; /help names them, and // begins a message with /");
    return 0;
}

/* |line| without the end that other systems' terminals give it. */
static it_bytes talk_trim(it_bytes line)
{
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

int it_talk_line(it_talk *t, it_bytes line)
{
    if (t->over || !talk_b(t))
        return 0;
    /* A command is one also behind half a block, of which it is no line. */
    if (talk_command(t, talk_trim(line))) {
        it_block_drop(&t->reader);
        t->break_at = IT_NEVER;
        return 0;
    }
    int rc = talk_block_line(t, line);
    t->break_at = IT_NEVER;
    if (t->reader.state == IT_BLOCK_INSIDE)
        t->break_at = it_loop_now(t->loop) + BREAK;
    if (rc == IT_BLOCK_NONE)
        return talk_text(t, talk_trim(line));
    return rc == IT_ERR_NOMEM ? rc : 0;
}

/* A block has begun, and nothing more of it comes: what is missing has to be said, or both sides wait for ever. */
static void talk_say_break(it_talk *t)
{
    t->break_at = IT_NEVER;
    talk_say(t, "this block is not whole: paste what is missing, up to its last line, -----END ICETANK PEER-----");
}

/* --- its owner --- */

static int talk_begin(it_talk *t, const it_itp_peer_cfg *cfg)
{
    it_b_cfg b = {.alloc = t->alloc, .name = "peer", .shared = cfg->shared, .cert = t->cert, .n_stun = cfg->n_stun};
    it_loop_app_cfg app = {.name = "peer", .bases = cfg->bases, .n_bases = cfg->n_bases, .bound = talk_bound};
    it_addr bad = {{0, 0}, 0};
    char text[IT_ADDR_TEXT];
    memcpy(b.stun, cfg->stun, sizeof b.stun);
    memcpy(b.turn, cfg->turn, sizeof b.turn);
    b.n_turn = cfg->n_turn;
    (void)it_timers_named(&b.timers, "rfc");
    b.timers.connect = PATIENCE;
    app.told = talk_told;
    app.self = t;
    if (it_loop_seed(&b.seed) < 0)
        return IT_ERR_IO;
    it_b *o = it_b_new(&b);
    if (!o)
        return IT_ERR_NOMEM;
    t->app = it_loop_add(t->loop, &it_b_ops, o, &app, &bad);
    if (t->app == IT_ERR_NOMEM)
        return t->app;
    if (t->app < 0) {
        talk_say(t, "%s: %s", it_addr_text(bad, text), it_err_str(t->app));
        talk_end(t, true);
        return 0;
    }
    int err = it_loop_flush(t->loop); /* it hears of its bases before it begins */
    if (err == 0)
        it_b_start(talk_b(t), it_loop_now(t->loop));
    return err;
}

it_talk *it_talk_new(const it_itp_peer_cfg *cfg, it_str *out)
{
    uint64_t seed;
    it_rng r;
    it_talk *t = it_calloc(cfg->alloc, 1, sizeof *t);
    if (!t)
        return NULL;
    t->alloc = cfg->alloc;
    t->loop = cfg->loop;
    t->out = out;
    t->note = cfg->note;
    t->self = cfg->self;
    t->app = -1;
    t->show_at = t->break_at = IT_NEVER;
    it_block_init(&t->reader, t->alloc);
    it_str_init(&t->blob, t->alloc);
    it_str_init(&t->shown, t->alloc);
    if (it_loop_seed(&seed) == 0) {
        it_rng_init(&r, seed, "peer/cert");
        t->cert = it_dtls_cert_new(t->alloc, &r, it_loop_date());
    }
    if (t->cert && talk_begin(t, cfg) == 0)
        return t;
    it_talk_free(t);
    return NULL;
}

void it_talk_free(it_talk *t)
{
    if (!t)
        return;
    if (t->app >= 0)
        it_loop_remove(t->loop, t->app);
    it_dtls_cert_free(t->cert);
    it_block_fini(&t->reader);
    it_str_fini(&t->blob);
    it_str_fini(&t->shown);
    it_free(t->alloc, t);
}

void it_talk_close(it_talk *t)
{
    if (t->over || t->app < 0)
        return;
    it_b_close(talk_b(t), it_loop_now(t->loop));
}

it_time it_talk_next(const it_talk *t)
{
    return t->show_at < t->break_at ? t->show_at : t->break_at;
}

void it_talk_tick(it_talk *t)
{
    if (t->show_at <= it_loop_now(t->loop))
        talk_show(t);
    if (t->break_at <= it_loop_now(t->loop))
        talk_say_break(t);
}

bool it_talk_over(const it_talk *t, bool *well)
{
    *well = !t->failed;
    return t->over;
}
