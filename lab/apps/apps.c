/* Tables that let the driver treat every protocol object alike. Each wrapper only restores the type. */
#include "lab/apps/apps.h"

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

const it_app_ops it_app_b = {"B",        b_input,       b_tick, b_next, b_output, b_event,
                             b_add_base, b_remove_base, b_free, NULL,   false};
static int e_event(void *o, it_model_event *ev, int *media)
{
    return it_e_event_next((it_e *)o, ev, media);
}

const it_app_ops it_app_e = {"E",        e_input,       e_tick, e_next, e_output, e_event,
                             e_add_base, e_remove_base, e_free, NULL,   false};
const it_app_ops it_app_stun = {"stun",
                                stun_server_input,
                                stun_server_tick,
                                stun_server_next,
                                stun_server_output,
                                NULL,
                                NULL,
                                NULL,
                                stun_server_free,
                                NULL,
                                false};
