/* Two adapters talk, and what they say is remembered. */
#include "conformance/interop/dialog.h"

#include "base/rng.h"
#include "base/text/json.h"
#include "lab/itp/base64.h"

#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define LATER (400 * IT_MS) /* between trickled candidates */
#define ENDS (5 * IT_SEC)   /* an adapter whose input has ended */

static const size_t PIECES[IT_INTEROP_PIECES] = {1, 100, 1100};

void it_interop_dialog_init(it_interop_dialog *d, const it_interop_feature *feature, FILE *transcript)
{
    *d = (it_interop_dialog){.feature = feature, .transcript = transcript, .held = !feature->trickle};
    it_alloc_init(&d->alloc);
    d->began = it_interop_now();
    d->side[0].who = "we";
    d->side[1].who = "they";
    for (int i = 0; i < 2; i++) {
        d->side[i].proc = (it_interop_proc){.pid = -1, .in = -1, .out = -1};
        it_str_init(&d->side[i].proc.read, &d->alloc);
    }
}

const char *it_interop_nonsense(const it_interop_dialog *d, char out[32])
{
    snprintf(out, 32, "q%08x", (unsigned)it_hash_mix(d->seed, (uint64_t)d->began));
    return out;
}

static void dialog_trouble(it_interop_dialog *d, int i, const char *what)
{
    if (!d->trouble[0])
        snprintf(d->trouble, sizeof d->trouble, "%s: %s", d->side[i].who, what);
}

/* What |status|, as waitpid has it, says that side |i| did; nothing of one that ended with 0. */
static void dialog_ended(it_interop_dialog *d, int i, int status, const char *when)
{
    char what[80];
    if (WIFSIGNALED(status))
        snprintf(what, sizeof what, "died of signal %d%s", WTERMSIG(status), when);
    else if (WEXITSTATUS(status))
        snprintf(what, sizeof what, "ended with exit code %d%s", WEXITSTATUS(status), when);
    else
        return;
    dialog_trouble(d, i, what);
}

static void dialog_end(it_interop_dialog *d, int i)
{
    bool killed;
    int status = it_interop_end(&d->side[i].proc, ENDS, &killed);
    if (killed)
        dialog_trouble(d, i, "does not end when its input does");
    else
        dialog_ended(d, i, status, " after the session");
}

void it_interop_dialog_fini(it_interop_dialog *d)
{
    for (int i = 0; i < 2; i++) {
        it_interop_side *s = &d->side[i];
        dialog_end(d, i);
        for (size_t k = 0; k < s->n_mail; k++)
            it_free(&d->alloc, s->mail[k].line);
        s->n_mail = 0;
    }
}

static void dialog_note(it_interop_dialog *d, int i, const char *way, it_bytes line)
{
    int64_t ms = (it_interop_now() - d->began) / IT_MS;
    if (d->transcript)
        fprintf(d->transcript, "%6lld %-4s %s %.*s\n", (long long)ms, d->side[i].who, way, (int)line.n,
                (const char *)line.p);
}

/* --- to the adapters --- */

static void dialog_post(it_interop_dialog *d, int i, it_time due, it_str *line)
{
    it_interop_side *s = &d->side[i];
    char *copy = line->oom ? NULL : it_strdup(&d->alloc, it_str_c(line));
    it_str_fini(line);
    if (!copy || s->n_mail == IT_INTEROP_MAIL) {
        it_free(&d->alloc, copy);
        dialog_trouble(d, !i, "too much signalling");
        return;
    }
    s->mail[s->n_mail++] = (it_interop_mail){due, copy};
}

void it_interop_write(it_interop_dialog *d, int i, it_time due, const char *op, ...)
{
    va_list ap;
    it_str line;
    it_json j;
    it_str_init(&line, &d->alloc);
    it_json_init(&j, &line);
    it_json_obj(&j, NULL);
    it_json_str(&j, "op", op);
    it_json_int(&j, "id", 1);
    va_start(ap, op);
    for (const char *key = va_arg(ap, const char *); key; key = va_arg(ap, const char *)) {
        const char *v = va_arg(ap, const char *);
        if (*key == '#')
            it_json_raw(&j, key + 1, v);
        else
            it_json_str(&j, key, v);
    }
    va_end(ap);
    it_json_end_obj(&j);
    dialog_post(d, i, due, &line);
}

void it_interop_release(it_interop_dialog *d, int i)
{
    for (size_t k = 0; k < d->side[i].n_mail; k++)
        d->side[i].mail[k].due = 0;
}

/* The first byte tells them from STUN and DTLS: RFC 7983 section 7. */
static void dialog_piece(const it_interop_dialog *d, int from, size_t k, uint8_t *out)
{
    uint64_t h = it_hash_mix(d->seed, (uint64_t)d->round * 16 + (uint64_t)from * 8 + k);
    for (size_t n = 0; n < PIECES[k]; n++)
        out[n] = (uint8_t)(it_hash_mix(h, n >> 3) >> (8 * (n & 7)));
    out[0] = (uint8_t)(128 + k * 2 + (size_t)from);
}

void it_interop_tell_bytes(it_interop_dialog *d, int i)
{
    uint8_t bytes[1500];
    for (size_t k = 0; k < IT_INTEROP_PIECES; k++) {
        it_str text;
        if (d->side[!i].got[k])
            continue;
        dialog_piece(d, i, k, bytes);
        it_str_init(&text, &d->alloc);
        it_base64_write(&text, it_bytes_of(bytes, PIECES[k]));
        it_interop_tell(d, i, 0, "send", "#comp", "1", "b64", it_str_c(&text));
        it_str_fini(&text);
    }
}

/* --- from the adapters --- */

static void dialog_hello(it_interop_dialog *d, int i, const it_interop_line *l)
{
    it_interop_side *s = &d->side[i];
    s->hello = true;
    snprintf(s->impl, sizeof s->impl, "%s", it_interop_text(l, "impl"));
    snprintf(s->version, sizeof s->version, "%s", it_interop_text(l, "version"));
    snprintf(s->caps, sizeof s->caps, "%s", it_interop_text(l, "caps"));
    if (it_interop_number(l, "v") != 1)
        dialog_trouble(d, i, "speaks another version of itp than 1");
}

static it_time signal_due(const it_interop_dialog *d)
{
    return d->held ? IT_NEVER : 0;
}

static void dialog_local(it_interop_dialog *d, int i, const it_interop_line *l)
{
    it_interop_side *s = &d->side[i];
    const char *ufrag = it_interop_text(l, "ufrag"), *pwd = it_interop_text(l, "pwd");
    bool lite = d->feature->lite[i];
    if (!*ufrag || !*pwd)
        dialog_trouble(d, i, "tells no credentials");
    s->gathered = false;
    snprintf(s->fp, sizeof s->fp, "%s", it_interop_text(l, "fp"));
    it_interop_tell(d, !i, signal_due(d), "remote", "ufrag", ufrag, "pwd", pwd, lite ? "#lite" : NULL, "1");
    if (d->feature->trickle && s->locals == 0) {
        /* RFC 8838 section 4: checks begin with what there is, which here leads nowhere. */
        it_interop_tell(d, !i, 0, "rcand", "c", "9 1 UDP 2130706431 10.77.0.200 9 typ host");
        it_interop_tell(d, !i, 0, "start");
    }
    s->locals++;
}

static void dialog_cand(it_interop_dialog *d, int i, const it_interop_line *l)
{
    it_interop_side *s = &d->side[i];
    const char *c = it_interop_text(l, "c");
    bool late = d->feature->trickle && s->locals == 1;
    s->families |= strstr(c, " fd77::") ? IT_INTEROP_IPV6 : IT_INTEROP_IPV4;
    s->by_udp |= strcasestr(c, " udp ") != NULL;
    s->mapped |= strstr(c, " " IT_INTEROP_MAPPED " ") && strstr(c, "typ srflx");
    s->relayed |= strstr(c, " " IT_INTEROP_SERVER " ") && strstr(c, "typ relay");
    it_interop_tell(d, !i, late ? it_interop_now() + LATER : signal_due(d), "rcand", "c", c);
}

static void dialog_state(it_interop_dialog *d, int i, const it_interop_line *l)
{
    static const struct {
        const char *name;
        it_interop_state state;
    } NAMES[] = {{"checking", IT_INTEROP_NEW},
                 {"connected", IT_INTEROP_UP},
                 {"completed", IT_INTEROP_UP},
                 {"failed", IT_INTEROP_FAILED},
                 {"disconnected", IT_INTEROP_LOST}};
    it_interop_side *s = &d->side[i];
    for (size_t k = 0; k < sizeof NAMES / sizeof *NAMES; k++) {
        if (strcmp(it_interop_text(l, "s"), NAMES[k].name) != 0)
            continue;
        if (s->state != NAMES[k].state)
            s->state_at = it_interop_now();
        s->state = NAMES[k].state;
        snprintf(s->why, sizeof s->why, "%s", it_interop_text(l, "why"));
    }
}

static void dialog_data(it_interop_dialog *d, int i, const it_interop_line *l)
{
    uint8_t want[1500];
    it_str data;
    it_str_init(&data, &d->alloc);
    if (it_base64_read(&data, it_bytes_str(it_interop_text(l, "b64"))) < 0 || data.n == 0)
        dialog_trouble(d, i, "its data is no base64");
    for (size_t k = 0; k < IT_INTEROP_PIECES && data.n; k++) {
        dialog_piece(d, !i, k, want);
        d->side[i].got[k] |= data.n == PIECES[k] && memcmp(data.p, want, data.n) == 0;
    }
    it_str_fini(&data);
}

static void dialog_dtls(it_interop_dialog *d, int i, const it_interop_line *l)
{
    it_interop_side *s = &d->side[i];
    const char *state = it_interop_text(l, "s"), *why = it_interop_text(l, "why");
    if (strcmp(state, "connected") == 0)
        s->secure = IT_INTEROP_SECURE;
    if (strcmp(state, "failed") != 0 && strcmp(state, "closed") != 0)
        return;
    snprintf(s->why, sizeof s->why, "%s", why);
    if (s->secure == IT_INTEROP_REFUSED) /* the end of what was refused */
        return;
    if (*state == 'c')
        s->secure = IT_INTEROP_ENDED;
    else
        s->secure = strstr(why, "fingerprint") ? IT_INTEROP_REFUSED : IT_INTEROP_UNSECURE;
}

static void dialog_event(it_interop_dialog *d, int i, const it_interop_line *l)
{
    it_interop_side *s = &d->side[i];
    char nonsense[32];
    switch (l->kind) {
    case IT_INTEROP_HELLO:
        dialog_hello(d, i, l);
        break;
    case IT_INTEROP_LOCAL:
        dialog_local(d, i, l);
        break;
    case IT_INTEROP_CAND:
        dialog_cand(d, i, l);
        break;
    case IT_INTEROP_GATHERED:
        s->gathered = true;
        it_interop_tell(d, !i, signal_due(d), "eoc");
        break;
    case IT_INTEROP_STATE:
        dialog_state(d, i, l);
        break;
    case IT_INTEROP_DATA:
        dialog_data(d, i, l);
        break;
    case IT_INTEROP_DTLS:
        dialog_dtls(d, i, l);
        break;
    case IT_INTEROP_ERROR:
        snprintf(s->error, sizeof s->error, "%s", it_interop_text(l, "why"));
        break;
    case IT_INTEROP_UNSUPPORTED:
        if (strcmp(it_interop_text(l, "op"), it_interop_nonsense(d, nonsense)) == 0)
            s->honest = true;
        else
            snprintf(s->error, sizeof s->error, "no operation %s", it_interop_text(l, "op"));
        break;
    case IT_INTEROP_SELECTED:
    case IT_INTEROP_CLOSED:
    case IT_INTEROP_OTHER:
        break;
    }
}

static void dialog_line(it_interop_dialog *d, int i, it_bytes text)
{
    it_interop_line l;
    char what[160];
    dialog_note(d, i, ">", text);
    const char *fault = it_interop_read(&l, text);
    if (fault) {
        snprintf(what, sizeof what, "a line of standard output %s: %.*s", fault, (int)(text.n < 60 ? text.n : 60),
                 (const char *)text.p);
        dialog_trouble(d, i, what);
        return;
    }
    dialog_event(d, i, &l);
    json_decref(l.members);
}

static void dialog_hear(it_interop_dialog *d, int i)
{
    it_interop_side *s = &d->side[i];
    it_bytes line;
    int err = it_interop_take(&s->proc);
    while (!d->trouble[0] && it_interop_line_next(&s->proc, &line))
        dialog_line(d, i, line);
    if (err == IT_ERR_TOOBIG)
        dialog_trouble(d, i, "a line of standard output is longer than 131072 bytes");
    else if (err < 0)
        dialog_trouble(d, i, it_err_str(err));
    if (!s->proc.eof || d->trouble[0])
        return;
    int status = it_interop_end(&s->proc, IT_SEC, NULL);
    dialog_ended(d, i, status, "");
    dialog_trouble(d, i, "ended before it was asked to");
    s->proc = (it_interop_proc){.pid = -1, .in = -1, .out = -1};
    it_str_init(&s->proc.read, &d->alloc);
}

/* --- both --- */

/* It cannot be written to: it has ended, of which the end of its output tells more, or it does not read. */
static void dialog_stuck(it_interop_dialog *d, int i)
{
    struct pollfd f = {d->side[i].proc.out, POLLIN, 0};
    (void)poll(&f, 1, 200);
    dialog_hear(d, i);
    dialog_trouble(d, i, "reads nothing any more");
}

static void dialog_deliver(it_interop_dialog *d, int i)
{
    it_interop_side *s = &d->side[i];
    while (s->n_mail && s->mail[0].due <= it_interop_now() && !d->trouble[0]) {
        char *line = s->mail[0].line;
        memmove(s->mail, s->mail + 1, --s->n_mail * sizeof *s->mail);
        dialog_note(d, i, "<", it_bytes_str(line));
        if (it_interop_say(&s->proc, line) < 0)
            dialog_stuck(d, i);
        it_free(&d->alloc, line);
    }
}

static int dialog_wait(const it_interop_dialog *d, it_time end)
{
    it_time t = end;
    for (int i = 0; i < 2; i++)
        if (d->side[i].n_mail && d->side[i].mail[0].due < t)
            t = d->side[i].mail[0].due;
    t -= it_interop_now();
    return t <= 0 ? 0 : (int)(t / IT_MS) + 1;
}

bool it_interop_carry(it_interop_dialog *d, it_interop_until *until, it_time within)
{
    it_time end = it_interop_now() + within;
    for (;;) {
        for (int i = 0; i < 2; i++)
            dialog_deliver(d, i);
        if (d->trouble[0])
            return false;
        if (until(d))
            return true;
        if (it_interop_now() >= end)
            return false;
        struct pollfd f[2] = {{d->side[0].proc.out, POLLIN, 0}, {d->side[1].proc.out, POLLIN, 0}};
        (void)poll(f, 2, dialog_wait(d, end));
        for (int i = 0; i < 2 && !d->trouble[0]; i++)
            if (f[i].revents)
                dialog_hear(d, i);
    }
}
