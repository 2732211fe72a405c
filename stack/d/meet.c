/* Hello: the two ends learn each other's certificate, and the handshake of DTLS begins. */
#include "stack/d/impl.h"

#include <stdio.h>

/* Says hello to the end whose number is |heard|, 0: to whoever is there. */
static void say_hello(it_d_relay *r, it_time now, uint64_t heard, bool asks)
{
    uint8_t out[IT_D_HELLO_SIZE];
    it_d_hello h = {.streams = r->cfg.voice, .asks = asks, .number = r->number, .heard = heard};
    memcpy(h.print, it_dtls_cert_fingerprint(r->cfg.cert), sizeof h.print);
    it_d_hello_write(&h, &r->key, out);
    it_d_leg_send(r, now, it_bytes_of(out, sizeof out));
}

void it_d_hello_tick(it_d_relay *r, it_time now)
{
    if (now < r->hello_at || r->far || !r->leg.here || it_conn_over(&r->conn))
        return;
    say_hello(r, now, 0, true);
    r->hello_at = now + r->cfg.timers.rto;
}

static it_channel make_channel(const it_d_relay *r, it_time now, const it_d_hello *h)
{
    char name[D_NAME + 8];
    it_channel_dtls_cfg cfg = {.alloc = r->alloc, .shared = r->cfg.shared, .cert = r->cfg.cert, .n_prints = 1};
    (void)snprintf(name, sizeof name, "%s/dtls", r->name);
    it_rng_init(&cfg.rng, r->cfg.seed, name);
    cfg.client = r->number > h->number;
    cfg.prints = &h->print;
    return it_channel_dtls(&cfg, now);
}

/* The other end is |h|'s. */
static void meet(it_d_relay *r, it_time now, const it_d_hello *h)
{
    r->far = h->number;
    r->hello_at = IT_NEVER;
    if (h->streams)
        it_conn_expect(&r->conn, 0);
    if (it_conn_carry(&r->conn, make_channel(r, now, h)) < 0)
        r->events.oom = true;
    else
        it_d_found(r, now);
}

void it_d_hello_input(it_d_relay *r, it_time now, it_bytes datagram)
{
    it_d_hello h;
    int err = it_d_hello_read(&h, &r->key, datagram);
    if (err < 0) {
        it_d_blame(r, now, err == IT_ERR_AUTH ? "a hello of somebody who does not know the secret" : "a broken hello");
        return;
    }
    if (h.number == r->number) /* our own, sent back */
        return;
    if (h.heard != r->number) { /* it may have been recorded: it is to say what we have just drawn */
        say_hello(r, now, h.number, true);
        return;
    }
    if (r->far && r->far != h.number) {
        it_conn_die(&r->conn, now, r->conn.opened ? IT_REASON_TRANSPORT_RESET : IT_REASON_CONNECT_FAILED,
                    "the other end has begun anew");
        return;
    }
    if (!r->far)
        meet(r, now, &h);
    if (h.asks)
        say_hello(r, now, h.number, false);
}
