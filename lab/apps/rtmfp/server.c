/* A server of RTMFP whose TLS connections log their secrets. */
#include "lab/apps/rtmfp/server.h"

#include "stack/model/model.h"

struct it_rtmfp_server_app {
    it_alloc *alloc;
    it_rtmfp_server *s;
    it_model_event event;
    char line[IT_TLS_LINE_MAX]; /* of |event| */
};

int it_rtmfp_server_app_new(const it_rtmfp_server_cfg *cfg, it_time now, it_rtmfp_server_app **out)
{
    it_rtmfp_server_app *a = it_calloc(cfg->alloc, 1, sizeof *a);
    if (!a)
        return IT_ERR_NOMEM;
    a->alloc = cfg->alloc;
    int err = it_rtmfp_server_new(cfg, now, &a->s);
    if (err) {
        it_free(cfg->alloc, a);
        return err;
    }
    *out = a;
    return 0;
}

it_rtmfp_server *it_rtmfp_server_app_of(it_rtmfp_server_app *a)
{
    return a->s;
}

static int server_input(void *o, it_time now, const it_io *in)
{
    return it_rtmfp_server_ops.input(((it_rtmfp_server_app *)o)->s, now, in);
}

static int server_tick(void *o, it_time now)
{
    return it_rtmfp_server_ops.tick(((it_rtmfp_server_app *)o)->s, now);
}

static it_time server_next(const void *o)
{
    return it_rtmfp_server_ops.next(((const it_rtmfp_server_app *)o)->s);
}

static int server_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    return it_rtmfp_server_ops.output(((it_rtmfp_server_app *)o)->s, now, out, buf, cap);
}

static int server_event(void *o, it_object_event *ev)
{
    it_rtmfp_server_app *a = o;
    if (!it_rtmfp_server_secret(a->s, a->line))
        return 0;
    a->event = (it_model_event){.kind = IT_EV_SECRET, .data = it_bytes_str(a->line)};
    *ev = (it_object_event){.kind = IT_TELLS_MODEL, .part = -1, .u.model = &a->event};
    return 1;
}

static void server_free(void *o)
{
    it_rtmfp_server_app *a = o;
    it_rtmfp_server_ops.free(a->s);
    it_free(a->alloc, a);
}

const it_object_ops it_app_rtmfp_server = {.kind = "rtmfp",
                                           .input = server_input,
                                           .tick = server_tick,
                                           .next = server_next,
                                           .output = server_output,
                                           .event = server_event,
                                           .free = server_free};
