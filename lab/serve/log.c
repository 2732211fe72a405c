/* Lines for people, of an object that is driven through them. */
#include "lab/serve/log.h"

#include <stdarg.h>
#include <stdio.h>

struct it_serve_log {
    it_serve_log_cfg cfg;
    bool used; /* something came in */
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

void it_serve_log_line(const it_serve_log *l, const char *fmt, ...)
{
    char text[IT_SERVE_LINE];
    va_list ap;
    if (!l->cfg.log)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    l->cfg.log(l->cfg.self, text);
}

/* --- the table of stack/object.h --- */

static int log_input(void *o, it_time now, const it_io *in)
{
    it_serve_log *l = o;
    l->used = true;
    bool error = in->kind == IT_IO_ERROR || in->kind == IT_IO_SIZE;
    if (!l->cfg.ops->input || (error && !l->cfg.ops->errors))
        return (int)in->data.n;
    return l->cfg.ops->input(l->cfg.inner, now, in);
}

static int log_tick(void *o, it_time now)
{
    it_serve_log *l = o;
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
                                        .nagle = log_nagle,
                                        .errors = true};
