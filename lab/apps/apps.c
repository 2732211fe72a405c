/* Tables that let the driver treat every protocol object alike. Each wrapper only restores the type. */
#include "lab/apps/apps.h"

#include "stack/b/b.h"
#include "stack/e/e.h"

#define WRAP_IO(name, type)                                                                                            \
    static int name##_input(void *o, it_time now, const it_io *in)                                                     \
    {                                                                                                                  \
        return it_##name##_input((type *)o, now, in);                                                                  \
    }                                                                                                                  \
    static int name##_tick(void *o, it_time now)                                                                       \
    {                                                                                                                  \
        return it_##name##_tick((type *)o, now);                                                                       \
    }                                                                                                                  \
    static it_time name##_next(const void *o)                                                                          \
    {                                                                                                                  \
        return it_##name##_next((const type *)o);                                                                      \
    }                                                                                                                  \
    static int name##_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)                               \
    {                                                                                                                  \
        return it_##name##_output((type *)o, now, out, buf, cap);                                                      \
    }                                                                                                                  \
    static void name##_free(void *o)                                                                                   \
    {                                                                                                                  \
        it_##name##_free((type *)o);                                                                                   \
    }

#define WRAP_BASES(name, type)                                                                                         \
    static int name##_add_base(void *o, it_time now, int flow, it_addr base)                                           \
    {                                                                                                                  \
        return it_##name##_add_base((type *)o, now, flow, base);                                                       \
    }                                                                                                                  \
    static void name##_remove_base(void *o, it_time now, int flow)                                                     \
    {                                                                                                                  \
        it_##name##_remove_base((type *)o, now, flow);                                                                 \
    }

WRAP_IO(b, it_b)
WRAP_BASES(b, it_b)
WRAP_IO(e, it_e)
WRAP_BASES(e, it_e)
WRAP_IO(stun_server, it_stun_server)

static int b_event(void *o, it_model_event *ev, int *media)
{
    *media = -1;
    return it_b_event_next((it_b *)o, ev);
}

const it_app_ops it_app_b = {.kind = "B",
                             .input = b_input,
                             .tick = b_tick,
                             .next = b_next,
                             .output = b_output,
                             .event = b_event,
                             .add_base = b_add_base,
                             .remove_base = b_remove_base,
                             .free = b_free,
                             .model = &it_b_model};

static int e_event(void *o, it_model_event *ev, int *media)
{
    return it_e_event_next((it_e *)o, ev, media);
}

const it_app_ops it_app_e = {.kind = "E",
                             .input = e_input,
                             .tick = e_tick,
                             .next = e_next,
                             .output = e_output,
                             .event = e_event,
                             .add_base = e_add_base,
                             .remove_base = e_remove_base,
                             .free = e_free,
                             .model = &it_e_model};

const it_app_ops it_app_stun = {.kind = "stun",
                                .input = stun_server_input,
                                .tick = stun_server_tick,
                                .next = stun_server_next,
                                .output = stun_server_output,
                                .free = stun_server_free};
