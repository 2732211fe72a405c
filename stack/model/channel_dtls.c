/* DTLS as a channel: every piece of data, message or media, is one record (stack/dtls/dtls.h). */
#include "stack/model/channel_impl.h"

_Static_assert(IT_CHANNEL_PAYLOAD <= IT_DTLS_DATA_MAX, "a piece fits into a record");

bool it_channel_dtls_takes(it_bytes datagram)
{
    return it_dtls_is(datagram);
}

static void start(void *c, it_time now)
{
    it_dtls_start(c, now);
}

static void use_path(void *c, it_time now)
{
    it_dtls_start(c, now);
    it_dtls_kick(c, now);
}

static int input(void *c, it_time now, const it_io *in)
{
    int n = it_dtls_input(c, now, in);
    return n < 0 ? n : 0;
}

static int tick(void *c, it_time now)
{
    return it_dtls_tick(c, now);
}

static it_time next(const void *c)
{
    return it_dtls_next(c);
}

static int output(void *c, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    return it_dtls_output(c, now, out, buf, cap);
}

static int send_piece(void *c, it_time now, enum it_channel_payload payload, it_bytes data)
{
    (void)payload;
    return it_dtls_send(c, now, data);
}

static void close_channel(void *c, it_time now)
{
    it_dtls_close(c, now);
}

void it_channel_dtls_event(const it_dtls_event *d, it_channel_event *ev)
{
    static const enum it_channel_event_kind KINDS[] = {[IT_DTLS_OPEN] = IT_CHANNEL_OPEN,
                                                       [IT_DTLS_DATA] = IT_CHANNEL_DATA,
                                                       [IT_DTLS_CLOSED] = IT_CHANNEL_CLOSED,
                                                       [IT_DTLS_FAILED] = IT_CHANNEL_FAILED,
                                                       [IT_DTLS_SECRET] = IT_CHANNEL_SECRET};
    static const enum it_channel_cause CAUSES[] = {
        [IT_DTLS_CAUSE_NONE] = IT_CHANNEL_CAUSE_NONE,       [IT_DTLS_CAUSE_CLOSE] = IT_CHANNEL_CAUSE_CLOSE,
        [IT_DTLS_CAUSE_ALERT] = IT_CHANNEL_CAUSE_CLOSE,     [IT_DTLS_CAUSE_FINGERPRINT] = IT_CHANNEL_CAUSE_IDENTITY,
        [IT_DTLS_CAUSE_SILENCE] = IT_CHANNEL_CAUSE_SILENCE, [IT_DTLS_CAUSE_LIBRARY] = IT_CHANNEL_CAUSE_PROTOCOL};
    *ev = (it_channel_event){.kind = KINDS[d->kind], .cause = CAUSES[d->cause], .data = d->data, .why = d->why};
}

static int event(void *c, it_channel_event *ev)
{
    it_dtls_event d;
    if (it_dtls_event_next(c, &d) <= 0)
        return 0;
    it_channel_dtls_event(&d, ev);
    return 1;
}

static void free_channel(void *c)
{
    it_dtls_free(c);
}

static const it_channel_ops OPS = {
    .kind = "dtls",
    .takes = it_channel_dtls_takes,
    .start = start,
    .use_path = use_path,
    .input = input,
    .tick = tick,
    .next = next,
    .output = output,
    .send = send_piece,
    .close = close_channel,
    .event = event,
    .free = free_channel,
};

it_channel it_channel_dtls(const it_channel_dtls_cfg *cfg, it_time now)
{
    it_dtls *d = it_channel_dtls_make(cfg, NULL, now);
    return d ? (it_channel){&OPS, d} : (it_channel){NULL, NULL};
}

it_dtls *it_channel_dtls_make(const it_channel_dtls_cfg *cfg, const it_dtls_media *media, it_time now)
{
    it_dtls_cfg how = {cfg->alloc, cfg->shared, cfg->cert, cfg->rng, cfg->client, cfg->mtu};
    it_dtls *d = it_dtls_new(&how);
    if (d && media && it_dtls_set_media(d, media) < 0) {
        it_dtls_free(d);
        d = NULL;
    }
    if (!d)
        return NULL;
    it_dtls_set_peer(d, now, cfg->prints[0]);
    for (size_t i = 1; i < cfg->n_prints; i++)
        it_dtls_add_peer(d, cfg->prints[i]);
    if (!cfg->client)
        it_dtls_start(d, now);
    return d;
}
