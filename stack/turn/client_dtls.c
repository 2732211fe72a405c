/* The client over DTLS (RFC 7350): an association with the server, on the owner's socket. */
#include "stack/turn/client_impl.h"

int it_turn_client_dtls_begin(it_turn_client *c, it_time now)
{
    it_tls_cfg cfg = c->tls;
    it_tls_dgram_free(c->dtls);
    c->dtls_told = false;
    c->dtls_until = now + IT_TURN_TI; /* RFC 8489 section 6.2.2, of which no request is sent before it is open */
    it_rng_init(&cfg.rng, it_rng_u64(&c->tls.rng), "dtls");
    c->dtls = it_tls_dgram_new(&cfg);
    return c->dtls ? it_tls_dgram_start(c->dtls, now) : IT_ERR_NOMEM;
}

bool it_turn_client_dtls_shakes_hands(const it_turn_client *c)
{
    return c->dtls && !it_tls_dgram_info(c->dtls)->open;
}

int it_turn_client_dtls_write(it_turn_client *c, it_time now, it_bytes m)
{
    int err = it_tls_dgram_write(c->dtls, now, m);
    return err < 0 && err != IT_ERR_NOMEM ? IT_ERR_FULL : err;
}

/* Tells its end, if it has come. */
static int dtls_after(it_turn_client *c, it_time now)
{
    const it_tls_info *info = it_tls_dgram_info(c->dtls);
    const char *why = it_tls_dgram_why(c->dtls);
    if (info->end == IT_TLS_END_NONE || c->dtls_told)
        return 0;
    c->dtls_told = true;
    return it_turn_client_cut(c, now, why ? why : "the server has ended the association");
}

int it_turn_client_dtls_input(it_turn_client *c, it_time now, it_bytes d)
{
    uint8_t buf[IT_TURN_CLIENT_MESSAGE];
    /* RFC 7983 section 7: what is no DTLS anybody could have written. */
    if (!c->dtls || !it_tls_dgram_is(d))
        return 0;
    int err = it_tls_dgram_input(c->dtls, now, d);
    for (size_t n; err == 0 && (n = it_tls_dgram_read(c->dtls, buf, sizeof buf)) > 0;)
        err = it_turn_client_message(c, now, it_bytes_of(buf, n));
    return err < 0 ? err : dtls_after(c, now);
}

int it_turn_client_dtls_tick(it_turn_client *c, it_time now)
{
    if (!c->dtls || it_turn_client_dtls_next(c) > now)
        return 0;
    if (c->dtls_until <= now && it_turn_client_dtls_shakes_hands(c)) {
        it_tls_dgram_close(c->dtls, now);
        c->dtls_told = true;
        return c->state == IT_TURN_ALLOCATING ? it_turn_client_failed(c, now, 408, "no answer to the handshake") : 0;
    }
    int err = it_tls_dgram_tick(c->dtls, now);
    return err < 0 ? err : dtls_after(c, now);
}

it_time it_turn_client_dtls_next(const it_turn_client *c)
{
    it_time next = it_tls_dgram_next(c->dtls);
    if (!c->dtls_told && it_turn_client_dtls_shakes_hands(c) && c->dtls_until < next)
        return c->dtls_until;
    return next;
}

int it_turn_client_dtls_output(it_turn_client *c, it_io *out, uint8_t *buf, size_t cap)
{
    size_t n = c->dtls ? it_tls_dgram_output(c->dtls, buf, cap) : 0;
    if (n == 0)
        return 0;
    *out = (it_io){.kind = IT_IO_DGRAM,
                   .flow = c->cfg.flow,
                   .local = c->cfg.local,
                   .remote = c->cfg.server,
                   .data = it_bytes_of(buf, n)};
    return 1;
}
