/* Model B and DTLS in STUN (draft-hancke-webrtc-sped-00): what the channels write before there is a path rides in
 * checks, what checks bring is given to them. No gate is asked for that: the message's integrity vouches, which only
 * who knows our password can make ("DTLS Replay and Spoofing"). Once there is a path handshakes go by it as well, as
 * checks leave when it suits ICE. */
#include "stack/b/impl.h"

/* NULL: checks carry nothing. */
static it_sped *sped_of(it_b *b, const b_transport *t)
{
    if (!b->cfg.behaviour.sped)
        return NULL;
    return it_ice_sped(b->ice, t->stream, t->component);
}

void it_b_sped_meet(it_b *b, it_time now, bool far)
{
    for (int i = 0; i < b->n_transports; i++) {
        b_transport *t = &b->transport[i];
        it_sped *s = sped_of(b, t);
        if (!s)
            continue;
        if (!far)
            it_sped_end(s); /* a=ice-options has no "sped" */
        else if (it_b_lives(t))
            it_conn_start(&t->conn, now);
    }
}

/* Gives the channel of |t| what came. Returns 0 or IT_ERR_NOMEM. */
static int sped_deliver(it_b *b, it_time now, b_transport *t)
{
    it_sped *s = sped_of(b, t);
    it_io in = {.kind = IT_IO_DGRAM};
    int err = 0;
    while (err == 0 && s && t->conn.channel.ops && it_b_lives(t) && it_sped_next(s, &in.data))
        err = it_conn_input(&t->conn, now, &in);
    return err;
}

int it_b_sped_in(it_b *b, it_time now)
{
    int err = 0;
    for (int i = 0; i < b->n_transports && err == 0 && b->cfg.behaviour.sped; i++)
        err = sped_deliver(b, now, &b->transport[i]);
    return err;
}

void it_b_sped_wrote(it_b *b, b_transport *t, it_bytes datagram)
{
    it_sped *s = sped_of(b, t);
    if (!s)
        return;
    if (it_sped_capture(s, datagram, t->flight_at != b->batch) < 0)
        b->events.oom = true;
    t->flight_at = b->batch;
}

void it_b_sped_out(it_b *b, it_time now)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io out;
    if (!b->cfg.behaviour.sped)
        return;
    for (int i = 0; i < b->n_transports; i++) {
        b_transport *t = &b->transport[i];
        const it_sped *s = sped_of(b, t);
        int n = 0;
        while (s && it_sped_active(s) && (n = it_conn_unrouted(&t->conn, now, &out, buf, sizeof buf)) > 0)
            it_b_sped_wrote(b, t, out.data);
        b->events.oom |= n == IT_ERR_NOMEM;
    }
}

void it_b_sped_read(it_b *b, const b_transport *t, it_bytes datagram)
{
    it_sped *s = sped_of(b, t);
    if (s)
        it_sped_heard(s, datagram);
}

bool it_b_sped_on_its_way(it_b *b, const b_transport *t)
{
    const it_sped *s = sped_of(b, t);
    return s && it_sped_on_its_way(s);
}

/* True when media, or a message, has come. */
static bool media_came(const it_conn *c)
{
    for (int f = 0; f < c->cfg.flows; f++)
        if (c->flow[f].t_first_media != IT_NEVER || c->flow[f].received > 0)
            return true;
    return false;
}

void it_b_sped_follow(it_b *b, const b_transport *t)
{
    it_sped *s = sped_of(b, t);
    if (!s || !it_sped_active(s))
        return;
    if (!it_b_lives(t))
        it_sped_end(s);
    else if (t->conn.channel_open && s->state != IT_SPED_FINISHING)
        it_sped_done(s, b->dtls_client);
    if (media_came(&t->conn))
        it_sped_media(s);
}
