/* A relay's client whose events are those of the script. */
#include "lab/apps/web/relay.h"

#include "stack/model/model.h"

#include <stdio.h>

struct it_relay_app {
    it_alloc *alloc;
    it_wsrelay_client *c;
    it_model_event latest;
    char text[IT_TLS_LINE_MAX]; /* of it: why, or a line of the key log */
};

it_relay_app *it_relay_app_new(const it_wsrelay_client_cfg *cfg)
{
    it_relay_app *a = it_calloc(cfg->alloc, 1, sizeof *a);
    if (!a)
        return NULL;
    a->alloc = cfg->alloc;
    a->c = it_wsrelay_client_new(cfg);
    if (a->c)
        return a;
    it_free(cfg->alloc, a);
    return NULL;
}

int it_relay_app_send(it_relay_app *a, it_time now, it_bytes data)
{
    return it_wsrelay_client_send(a->c, now, data);
}

void it_relay_app_close(it_relay_app *a, it_time now)
{
    it_wsrelay_client_close(a->c, now);
}

it_wsrelay_client_stats it_relay_app_stat(const it_relay_app *a)
{
    return it_wsrelay_client_stat(a->c);
}

static int relay_input(void *o, it_time now, const it_io *in)
{
    return it_wsrelay_client_ops.input(((it_relay_app *)o)->c, now, in);
}

static int relay_tick(void *o, it_time now)
{
    return it_wsrelay_client_ops.tick(((it_relay_app *)o)->c, now);
}

static it_time relay_next(const void *o)
{
    return it_wsrelay_client_ops.next(((const it_relay_app *)o)->c);
}

static int relay_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    return it_wsrelay_client_ops.output(((it_relay_app *)o)->c, now, out, buf, cap);
}

/* Why it is down, as scripts read it. */
static void write_why(it_relay_app *a, const it_service_event *e)
{
    switch (e->code) {
    case IT_WSRELAY_TLS:
        snprintf(a->text, sizeof a->text, "tls %s", it_tls_end_name((enum it_tls_end)e->lifetime));
        return;
    case IT_WSRELAY_PROXY:
    case IT_WSRELAY_HTTP:
    case IT_WSRELAY_CLOSED:
        snprintf(a->text, sizeof a->text, "%s %d", e->how, (int)e->lifetime);
        return;
    default:
        snprintf(a->text, sizeof a->text, "%s", e->how);
        return;
    }
}

static int relay_event(void *o, it_object_event *out)
{
    it_relay_app *a = o;
    it_object_event in;
    *out = (it_object_event){.kind = IT_TELLS_MODEL, .part = -1, .u.model = &a->latest};
    int n = it_wsrelay_client_ops.event(a->c, &in);
    const it_service_event *e = &in.u.service;
    if (n < 0)
        return n;
    /* Keys go first: what they open has not left yet. */
    if (n == 0) {
        if (!it_wsrelay_client_secret(a->c, a->text))
            return 0;
        a->latest = (it_model_event){.kind = IT_EV_SECRET, .data = it_bytes_str(a->text)};
        return 1;
    }
    a->latest = (it_model_event){.kind = IT_EV_UP, .remote = e->addr};
    if (e->kind == IT_SERVICE_DOWN) {
        write_why(a, e);
        a->latest = (it_model_event){.kind = IT_EV_DOWN, .why = a->text};
    } else if (e->kind == IT_SERVICE_MESSAGE) {
        a->latest = (it_model_event){.kind = IT_EV_MESSAGE, .data = e->data};
    }
    return 1;
}

static void relay_free(void *o)
{
    it_relay_app *a = o;
    it_wsrelay_client_ops.free(a->c);
    it_free(a->alloc, a);
}

const it_object_ops it_app_relay = {.kind = "relay client",
                                    .input = relay_input,
                                    .tick = relay_tick,
                                    .next = relay_next,
                                    .output = relay_output,
                                    .event = relay_event,
                                    .free = relay_free};
