/* Lines for people, of an object that is driven through them. */
#include "lab/serve/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct it_serve_log {
    it_serve_log_cfg cfg;
    bool used;    /* something came in */
    bool summing; /* what is written now is the sum, which is never too much */
    it_time now;
    it_time full_at; /* a token bucket, as base/table/buckets.h has it */
    it_time sum_at;  /* when it may be said again how many lines were left out */
    uint64_t missed; /* lines that were left out and of which nothing was said yet */
};

it_serve_log *it_serve_log_new(const it_serve_log_cfg *cfg)
{
    it_serve_log *l = it_calloc(cfg->alloc, 1, sizeof *l);
    if (l)
        l->cfg = *cfg;
    else
        cfg->ops->free(cfg->inner);
    return l;
}

static const it_time STEP = IT_SEC / IT_SERVE_LOG_RATE;

/* Takes a token for a line; false: there are too many lines. */
static bool take_token(it_serve_log *l)
{
    it_time from = l->full_at > l->now ? l->full_at : l->now;
    if (l->summing)
        return true;
    if (from + STEP - l->now > IT_SERVE_LOG_BURST * STEP)
        return false;
    l->full_at = from + STEP;
    return true;
}

static void write_line(const it_serve_log *l, const char *fmt, va_list ap)
{
    char text[IT_SERVE_LINE];
    vsnprintf(text, sizeof text, fmt, ap);
    l->cfg.log(l->cfg.self, text);
}

IT_PRINTF(2, 3) static void write_text(const it_serve_log *l, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    write_line(l, fmt, ap);
    va_end(ap);
}

/* Says how many lines were left out, at most once a second. */
static void write_missed(it_serve_log *l)
{
    if (!l->missed || (l->sum_at > l->now && !l->summing))
        return;
    write_text(l, "%s: %" PRIu64 " lines more were left out", l->cfg.name, l->missed);
    l->missed = 0;
    l->sum_at = l->now + IT_SEC;
}

void it_serve_log_missed(it_serve_log *l, uint64_t n)
{
    l->missed += n;
}

void it_serve_log_line(it_serve_log *l, const char *fmt, ...)
{
    va_list ap;
    if (!l->cfg.log)
        return;
    if (!take_token(l)) {
        l->missed++;
        return;
    }
    write_missed(l);
    va_start(ap, fmt);
    write_line(l, fmt, ap);
    va_end(ap);
}

/* --- the table of stack/object.h --- */

static int log_input(void *o, it_time now, const it_io *in)
{
    it_serve_log *l = o;
    l->used = true;
    l->now = now;
    bool error = in->kind == IT_IO_ERROR || in->kind == IT_IO_SIZE;
    if (!l->cfg.ops->input || (error && !l->cfg.ops->errors))
        return (int)in->data.n;
    return l->cfg.ops->input(l->cfg.inner, now, in);
}

static bool log_relay(void *o, it_time now, const it_io *in, uint8_t *bytes, it_io *out)
{
    it_serve_log *l = o;
    l->used = true;
    l->now = now;
    return l->cfg.ops->relay && l->cfg.ops->relay(l->cfg.inner, now, in, bytes, out);
}

static int log_tick(void *o, it_time now)
{
    it_serve_log *l = o;
    l->now = now;
    if (l->cfg.ops->tick)
        return l->cfg.ops->tick(l->cfg.inner, now);
    return 0;
}

static it_time log_next(const void *o)
{
    const it_serve_log *l = o;
    if (l->cfg.ops->next)
        return l->cfg.ops->next(l->cfg.inner);
    return IT_NEVER;
}

static int log_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    it_serve_log *l = o;
    l->now = now;
    if (l->cfg.ops->output)
        return l->cfg.ops->output(l->cfg.inner, now, out, buf, cap);
    return 0;
}

static int log_event(void *o, it_object_event *ev)
{
    it_serve_log *l = o;
    while (l->cfg.ops->event && l->cfg.ops->event(l->cfg.inner, ev) > 0)
        continue;
    if (l->cfg.news)
        l->cfg.news(l->cfg.inner, l);
    return 0;
}

static bool log_nagle(const void *o)
{
    const it_serve_log *l = o;
    return l->cfg.ops->nagle && l->cfg.ops->nagle(l->cfg.inner);
}

static void log_free(void *o)
{
    it_serve_log *l = o;
    if (l->cfg.news)
        l->cfg.news(l->cfg.inner, l);
    l->summing = true;
    if (l->cfg.log)
        write_missed(l);
    if (l->cfg.sum && l->used)
        l->cfg.sum(l->cfg.inner, l);
    l->cfg.ops->free(l->cfg.inner);
    it_free(l->cfg.alloc, l);
}

const it_object_ops it_serve_log_ops = {.kind = "log",
                                        .input = log_input,
                                        .tick = log_tick,
                                        .next = log_next,
                                        .output = log_output,
                                        .event = log_event,
                                        .free = log_free,
                                        .relay = log_relay,
                                        .nagle = log_nagle,
                                        .errors = true};
