/* A signal server whose TLS connections log their secrets. */
#include "lab/apps/signal.h"

#include "stack/model/model.h"

struct it_signal_server_app {
    it_alloc *alloc;
    it_rendezvous *r;
    it_model_event event;
    char line[IT_TLS_LINE_MAX]; /* of |event| */
};

it_signal_server_app *it_signal_server_app_new(const it_rendezvous_cfg *cfg)
{
    it_signal_server_app *a = it_calloc(cfg->signal.alloc, 1, sizeof *a);
    if (!a)
        return NULL;
    a->alloc = cfg->signal.alloc;
    a->r = it_rendezvous_new(cfg);
    if (a->r)
        return a;
    it_free(cfg->signal.alloc, a);
    return NULL;
}

it_signal_server *it_signal_server_app_of(it_signal_server_app *a)
{
    return it_rendezvous_signal(a->r);
}

const it_rendezvous_stats *it_signal_server_app_rendezvous(const it_signal_server_app *a)
{
    return it_rendezvous_stat(a->r);
}

static int server_input(void *o, it_time now, const it_io *in)
{
    return it_rendezvous_ops.input(((it_signal_server_app *)o)->r, now, in);
}

static int server_tick(void *o, it_time now)
{
    return it_rendezvous_ops.tick(((it_signal_server_app *)o)->r, now);
}

static it_time server_next(const void *o)
{
    return it_rendezvous_ops.next(((const it_signal_server_app *)o)->r);
}

static int server_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    return it_rendezvous_ops.output(((it_signal_server_app *)o)->r, now, out, buf, cap);
}

static int server_event(void *o, it_object_event *ev)
{
    it_signal_server_app *a = o;
    if (!it_signal_server_secret(it_rendezvous_signal(a->r), a->line))
        return 0;
    a->event = (it_model_event){.kind = IT_EV_SECRET, .data = it_bytes_str(a->line)};
    *ev = (it_object_event){.kind = IT_TELLS_MODEL, .part = -1, .u.model = &a->event};
    return 1;
}

static void server_free(void *o)
{
    it_signal_server_app *a = o;
    it_rendezvous_ops.free(a->r);
    it_free(a->alloc, a);
}

const it_object_ops it_app_signal_server = {.kind = "signal server",
                                            .input = server_input,
                                            .tick = server_tick,
                                            .next = server_next,
                                            .output = server_output,
                                            .event = server_event,
                                            .free = server_free};
