/* Events of a Flash client, as those of models. */
#include "lab/apps/rtmfp/netconnection.h"

#include "stack/model/model.h"

struct it_netconnection {
    it_alloc *alloc;
    it_rtmfp_client *client;
    it_model_event latest;
    char print[2 * IT_RTMFP_PRINT + 1];
    char line[IT_TLS_LINE_MAX]; /* of the key log */
};

int it_netconnection_new(const it_rtmfp_client_cfg *cfg, it_time now, it_netconnection **out)
{
    it_netconnection *a = it_calloc(cfg->alloc, 1, sizeof *a);
    if (!a)
        return IT_ERR_NOMEM;
    a->alloc = cfg->alloc;
    int err = it_rtmfp_client_new(cfg, now, &a->client);
    if (err) {
        it_free(cfg->alloc, a);
        return err;
    }
    *out = a;
    return 0;
}

it_rtmfp_client *it_netconnection_client(it_netconnection *a)
{
    return a->client;
}

static int app_input(void *o, it_time now, const it_io *in)
{
    return it_rtmfp_client_input(((it_netconnection *)o)->client, now, in);
}

static int app_tick(void *o, it_time now)
{
    return it_rtmfp_client_tick(((it_netconnection *)o)->client, now);
}

static it_time app_next(const void *o)
{
    return it_rtmfp_client_next(((const it_netconnection *)o)->client);
}

static int app_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    return it_rtmfp_client_output(((it_netconnection *)o)->client, now, out, buf, cap);
}

/* A line of the key log of its TLS: what it opens has not left yet. */
static int app_secret(it_netconnection *a, it_object_event *out)
{
    if (!it_rtmfp_client_secret(a->client, a->line))
        return 0;
    a->latest = (it_model_event){.kind = IT_EV_SECRET, .data = it_bytes_str(a->line)};
    *out = (it_object_event){.kind = IT_TELLS_MODEL, .part = -1, .u.model = &a->latest};
    return 1;
}

static int app_event(void *o, it_object_event *out)
{
    it_netconnection *a = o;
    it_rtmfp_client_event ev;
    int got;
    do { /* that media begins and ends the codes say well enough */
        got = it_rtmfp_client_event_next(a->client, &ev);
        if (got == 0)
            return app_secret(a, out);
    } while (ev.kind == IT_RTMFP_TELLS_BEGIN || ev.kind == IT_RTMFP_TELLS_EOF);
    a->latest = (it_model_event){.kind = IT_EV_STATUS};
    *out = (it_object_event){.kind = IT_TELLS_MODEL, .part = -1, .u.model = &a->latest};
    if (ev.stream)
        out->part = (int)ev.stream;
    switch (ev.kind) {
    case IT_RTMFP_TELLS_STATUS:
        a->latest.why = it_rtmfp_code_name(ev.code);
        break;
    case IT_RTMFP_TELLS_MESSAGE:
        a->latest.kind = IT_EV_MESSAGE;
        a->latest.data = ev.data;
        break;
    case IT_RTMFP_TELLS_SECRET:
        a->latest.kind = IT_EV_SECRET;
        a->latest.data = ev.data;
        break;
    case IT_RTMFP_TELLS_BEGIN:
    case IT_RTMFP_TELLS_EOF:
        break;
    case IT_RTMFP_TELLS_PEER:
        a->latest.kind = IT_EV_SUBSCRIBER;
        a->latest.flow = (int)ev.stream;
        a->latest.user = a->print;
        it_bytes_hex(it_bytes_of(ev.print, IT_RTMFP_PRINT), a->print);
        out->part = (int)ev.publisher;
        break;
    }
    return 1;
}

static void app_free(void *o)
{
    it_netconnection *a = o;
    it_rtmfp_client_free(a->client);
    it_free(a->alloc, a);
}

const it_object_ops it_app_netconnection = {.kind = "netconnection",
                                            .input = app_input,
                                            .tick = app_tick,
                                            .next = app_next,
                                            .output = app_output,
                                            .event = app_event,
                                            .free = app_free};
