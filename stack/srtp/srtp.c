/* The session and its streams. */
#include "stack/srtp/srtp.h"

#include "base/rng.h"
#include "stack/srtp/impl.h"

#include <openssl/crypto.h>

#define SSRCS_MAX 65536
#define WINDOW_MIN 64
#define WINDOW_MAX 32768 /* beyond half of the sequence numbers an estimate is none */

/* The slot of |ssrc|, or the empty one where it would be. */
static uint32_t *stream_slot(const it_srtp_session *s, uint32_t ssrc)
{
    uint32_t at = (uint32_t)it_hash_mix(0, ssrc);
    for (;; at++) {
        uint32_t *slot = &s->slots[at & s->mask];
        if (*slot == 0 || s->streams[*slot - 1].ssrc == ssrc)
            return slot;
    }
}

it_srtp_stream *it_srtp_stream_find(it_srtp_session *s, uint32_t ssrc)
{
    if (s->last < s->n && s->streams[s->last].ssrc == ssrc)
        return &s->streams[s->last];
    uint32_t slot = *stream_slot(s, ssrc);
    if (slot == 0)
        return NULL;
    s->last = slot - 1;
    return &s->streams[s->last];
}

it_srtp_stream *it_srtp_stream_add(it_srtp_session *s, uint32_t ssrc)
{
    if (s->n == s->cap)
        return NULL;
    uint64_t *bits = s->bits + (size_t)s->n * 2 * (s->window / 64);
    it_srtp_stream *x = &s->streams[s->n];
    *x = (it_srtp_stream){.ssrc = ssrc};
    it_srtp_window_init(&x->rtp, bits, s->window);
    it_srtp_window_init(&x->rtcp, bits + s->window / 64, s->window);
    *stream_slot(s, ssrc) = s->n + 1;
    s->last = s->n++;
    return x;
}

static bool cfg_good(const it_srtp_cfg *cfg)
{
    if (cfg->ssrcs > SSRCS_MAX)
        return false;
    if (cfg->life_rtp > IT_SRTP_LIFE_RTP || cfg->life_rtcp > IT_SRTP_LIFE_RTCP)
        return false;
    if (cfg->window == 0)
        return true;
    return cfg->window >= WINDOW_MIN && cfg->window <= WINDOW_MAX && (cfg->window & (cfg->window - 1)) == 0;
}

static bool session_tables(it_srtp_session *s)
{
    uint32_t slots = 2;
    while (slots < 2 * s->cap)
        slots *= 2;
    s->mask = slots - 1;
    s->streams = it_calloc(s->alloc, s->cap, sizeof *s->streams);
    s->bits = it_calloc(s->alloc, (size_t)s->cap * 2, s->window / 8);
    s->slots = it_calloc(s->alloc, slots, sizeof *s->slots);
    return s->streams && s->bits && s->slots;
}

int it_srtp_new(const it_srtp_cfg *cfg, it_srtp_session **out)
{
    const it_srtp_params *params = it_srtp_params_of(cfg->profile);
    *out = NULL;
    if (!params)
        return IT_ERR_UNSUPPORTED;
    if (!cfg_good(cfg))
        return IT_ERR_RANGE;
    it_srtp_session *s = it_calloc(cfg->alloc, 1, sizeof *s);
    if (!s)
        return IT_ERR_NOMEM;
    s->alloc = cfg->alloc;
    s->params = params;
    s->way = cfg->way;
    s->plain_rtcp = cfg->plain_rtcp;
    s->left_rtp = cfg->life_rtp ? cfg->life_rtp : IT_SRTP_LIFE_RTP;
    s->left_rtcp = cfg->life_rtcp ? cfg->life_rtcp : IT_SRTP_LIFE_RTCP;
    s->cap = cfg->ssrcs ? cfg->ssrcs : IT_SRTP_SSRCS;
    s->window = cfg->window ? cfg->window : IT_SRTP_WINDOW;
    int r = IT_ERR_NOMEM;
    if (session_tables(s))
        r = it_srtp_keys_derive(s, cfg);
    if (r < 0) {
        it_srtp_free(s);
        return r;
    }
    *out = s;
    return 0;
}

void it_srtp_free(it_srtp_session *s)
{
    if (!s)
        return;
    it_srtp_keys_wipe(&s->rtp);
    it_srtp_keys_wipe(&s->rtcp);
    it_free(s->alloc, s->streams);
    it_free(s->alloc, s->bits);
    it_free(s->alloc, s->slots);
    it_free(s->alloc, s);
}

int it_srtp_set_roc(it_srtp_session *s, uint32_t ssrc, uint32_t roc)
{
    it_srtp_stream *x = it_srtp_stream_find(s, ssrc);
    if (!x)
        x = it_srtp_stream_add(s, ssrc);
    if (!x)
        return IT_ERR_LIMIT;
    if (x->rtp.any)
        return IT_ERR_STATE;
    x->rtp.highest = (uint64_t)roc << 16;
    return 0;
}

unsigned it_srtp_ssrcs(const it_srtp_session *s)
{
    return s->n;
}
