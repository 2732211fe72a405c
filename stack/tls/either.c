/* TLS or nothing, as the client begins. */
#include "stack/tls/either.h"

#include "stack/stream/pass.h"
#include "stack/tls/record.h"

typedef struct either {
    it_tls_cfg cfg;
    it_layer tls; /* ops NULL: none, or not decided */
    bool plain;
    it_pass up, down;
} either;

static int give_tls(either *e, it_time now, const it_io *in)
{
    return e->tls.ops->from_below(e->tls.l, now, in);
}

/* The first byte has come, or there will be none. Returns 0 or IT_ERR_NOMEM. */
static int decide(either *e, it_time now, const it_io *in)
{
    if (in->kind != IT_IO_DATA || in->data.p[0] != IT_TLS_HANDSHAKE) {
        e->plain = true;
        return it_pass_put(&e->up, &(it_io){.kind = IT_IO_OPENED});
    }
    e->tls = it_tls_layer(&e->cfg);
    return e->tls.ops ? give_tls(e, now, &(it_io){.kind = IT_IO_OPENED}) : IT_ERR_NOMEM;
}

static int either_from_below(void *l, it_time now, const it_io *in)
{
    either *e = l;
    if (in->kind == IT_IO_OPENED || in->kind == IT_IO_ACCEPTED)
        return 0;
    if (!e->plain && !e->tls.ops) {
        int err = in->kind == IT_IO_DATA && in->data.n == 0 ? 0 : decide(e, now, in);
        if (err < 0)
            return err;
    }
    return e->tls.ops ? give_tls(e, now, in) : it_pass_put(&e->up, in);
}

static int either_from_above(void *l, it_time now, const it_io *in)
{
    either *e = l;
    if (e->tls.ops)
        return e->tls.ops->from_above(e->tls.l, now, in);
    return it_pass_put(&e->down, in);
}

static int either_to_below(void *l, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    either *e = l;
    if (e->tls.ops)
        return e->tls.ops->to_below(e->tls.l, now, out, buf, cap);
    return it_pass_take(&e->down, out, buf, cap);
}

static int either_to_above(void *l, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    either *e = l;
    if (e->tls.ops)
        return e->tls.ops->to_above(e->tls.l, now, out, buf, cap);
    return it_pass_take(&e->up, out, buf, cap);
}

static const char *either_why(const void *l)
{
    const either *e = l;
    return e->tls.ops ? e->tls.ops->why(e->tls.l) : NULL;
}

static void either_free(void *l)
{
    either *e = l;
    if (e->tls.ops)
        e->tls.ops->free(e->tls.l);
    it_free(e->cfg.alloc, e);
}

static const it_layer_ops EITHER_OPS = {.kind = "tls or plain",
                                        .from_below = either_from_below,
                                        .from_above = either_from_above,
                                        .to_below = either_to_below,
                                        .to_above = either_to_above,
                                        .why = either_why,
                                        .free = either_free};

it_layer it_tls_or_plain(const it_tls_cfg *cfg)
{
    either *e = it_calloc(cfg->alloc, 1, sizeof *e);
    if (!e)
        return (it_layer){NULL, NULL};
    e->cfg = *cfg;
    return (it_layer){&EITHER_OPS, e};
}

int it_tls_either_secret(const it_layer *l, char line[IT_TLS_LINE_MAX])
{
    const either *e = l->l;
    return e->tls.ops ? it_tls_secret(&e->tls, line) : 0;
}
