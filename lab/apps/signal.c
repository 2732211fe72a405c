/* A signal client whose events are those of the script. */
#include "lab/apps/signal.h"

#include "stack/model/evq.h"

#include <string.h>

struct it_signal_app {
    it_alloc *alloc;
    it_signal_client *c;
    it_rng salts; /* of proxies */
    it_evq events;
    it_model_event latest;
};

/* A salt for each way of |exits|, drawn from |draws|. */
static void salt_exits(it_rng *draws, it_signal_exit *exits, size_t n)
{
    for (size_t i = 0; i < n; i++)
        exits[i].via.salt = it_rng_u64(draws);
}

it_signal_app *it_signal_app_new(const it_signal_client_cfg *cfg, const char *via)
{
    it_signal_client_cfg own = *cfg;
    if (via && it_via_parse(&own.via, via) < 0)
        return NULL;
    it_rng draws = cfg->rng; /* a copy: what the client draws is the same with and without a proxy */
    it_rng_init(&draws, it_rng_u64(&draws), "via");
    own.via.salt = it_rng_u64(&draws);
    salt_exits(&draws, own.exits, own.n_exits);
    it_signal_app *a = it_calloc(cfg->alloc, 1, sizeof *a);
    if (!a)
        return NULL;
    a->alloc = cfg->alloc;
    a->salts = draws;
    it_evq_init(&a->events, cfg->alloc);
    a->c = it_signal_client_new(&own);
    if (!a->c) {
        it_free(cfg->alloc, a);
        return NULL;
    }
    return a;
}

int it_signal_app_send(it_signal_app *a, const char *to, it_bytes data)
{
    return it_signal_client_send(a->c, to, data);
}

void it_signal_app_exits(it_signal_app *a, const it_signal_exit *exits, size_t n)
{
    it_signal_exit own[IT_SIGNAL_BASES];
    n = n < IT_SIGNAL_BASES ? n : IT_SIGNAL_BASES;
    memcpy(own, exits, n * sizeof *exits);
    salt_exits(&a->salts, own, n); /* whoever is asked anew gets another cnonce */
    it_signal_client_exits(a->c, own, n);
}

static int signal_input(void *o, it_time now, const it_io *in)
{
    return it_signal_client_ops.input(((it_signal_app *)o)->c, now, in);
}

static int signal_tick(void *o, it_time now)
{
    return it_signal_client_ops.tick(((it_signal_app *)o)->c, now);
}

static it_time signal_next(const void *o)
{
    return it_signal_client_ops.next(((const it_signal_app *)o)->c);
}

static int signal_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    return it_signal_client_ops.output(((it_signal_app *)o)->c, now, out, buf, cap);
}

/* What the client says, in the words of models. False: nothing for the script. */
static bool translate(const it_service_event *e, it_model_event *ev)
{
    *ev = (it_model_event){.kind = IT_EV_UP, .remote = e->addr};
    if (e->kind == IT_SERVICE_UP)
        return true;
    ev->kind = IT_EV_DOWN;
    ev->why = e->how;
    ev->status = (int)e->lifetime;
    if (e->kind == IT_SERVICE_DOWN)
        return true;
    ev->user = e->from;
    ev->data = e->data;
    ev->kind = IT_EV_UNSENT;
    if (e->kind == IT_SERVICE_UNSENT)
        return true;
    ev->kind = IT_EV_MESSAGE;
    ev->why = NULL;
    return e->kind == IT_SERVICE_MESSAGE;
}

static int signal_event(void *o, it_object_event *out)
{
    it_signal_app *a = o;
    it_object_event in;
    it_model_event ev;
    while (it_signal_client_ops.event(a->c, &in) == 1)
        if (translate(&in.u.service, &ev))
            it_evq_put(&a->events, &ev, -1);
    char line[IT_TLS_LINE_MAX];
    while (it_signal_client_secret(a->c, line)) {
        ev = (it_model_event){.kind = IT_EV_SECRET, .data = it_bytes_str(line)};
        it_evq_put(&a->events, &ev, -1);
    }
    if (a->events.oom)
        return IT_ERR_NOMEM;
    *out = (it_object_event){.kind = IT_TELLS_MODEL, .part = -1, .u.model = &a->latest};
    return it_evq_take(&a->events, &a->latest, NULL);
}

static void free_signal(void *o)
{
    it_signal_app *a = o;
    it_signal_client_ops.free(a->c);
    it_evq_fini(&a->events);
    it_free(a->alloc, a);
}

const it_object_ops it_app_signal = {.kind = "signal",
                                     .input = signal_input,
                                     .tick = signal_tick,
                                     .next = signal_next,
                                     .output = signal_output,
                                     .event = signal_event,
                                     .free = free_signal};
