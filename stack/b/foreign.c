/* Model B and other stacks: what their descriptions come to for our streams (RFC 3264, 8829), the roles, and the
 * channels that carry media in the way that was agreed on. */
#include "stack/b/impl.h"

#include <stdio.h>
#include <string.h>

/* --- streams as RTP --- */

static bool stream_is_video(const it_b *b, int k)
{
    return b->cfg.n_streams && b->cfg.stream[k].video;
}

void it_b_media_init(it_b *b)
{
    it_rng rng;
    char name[B_NAME + 16];
    snprintf(name, sizeof name, "%s/ssrc", b->name);
    it_rng_init(&rng, b->cfg.seed, name);
    it_rng_text(&rng, b->cname, B_CNAME - 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
    for (int k = 0; k < b->n_streams; k++) {
        b_stream *s = &b->stream[k];
        bool video = stream_is_video(b, k);
        s->ssrc = (uint32_t)it_rng_range(&rng, 1, UINT32_MAX);
        /* Dynamic ones (RFC 3551 section 3), each once, as what is bundled is told apart by them (RFC 9143 section
         * 10.1.1). */
        s->pt = (uint8_t)((video ? 96 : 111) + k);
        s->rate = video ? 90000 : 48000;
        snprintf(s->codec, sizeof s->codec, "%s", video ? "VP8/90000" : "opus/48000/2");
        s->of = k;
    }
}

/* --- another's description --- */

/* The first section from |i| on that is of our stream |k|'s kind and goes on; -1: there is none. */
static int section_for(const it_b *b, const it_blob *blob, int k, int i)
{
    enum it_blob_kind want = stream_is_video(b, k) ? IT_BLOB_VIDEO : IT_BLOB_AUDIO;
    for (; i < (int)blob->n_sections; i++)
        if (blob->section[i].kind == want && !blob->section[i].closed)
            return i;
    return -1;
}

/* Whether |i| is taken by a stream before |k|. */
static bool section_taken(const it_b *b, int k, int i)
{
    for (int j = 0; j < k; j++)
        if (b->stream[j].of == i)
            return true;
    return false;
}

/* Chooses the media line of each of our streams from an offer. Returns NULL, or why there is none. */
static const char *choose_lines(it_b *b, const it_blob *blob)
{
    for (int k = 0; k < b->n_streams; k++) {
        int i = section_for(b, blob, k, 0);
        while (i >= 0 && section_taken(b, k, i))
            i = section_for(b, blob, k, i + 1);
        if (i < 0)
            return stream_is_video(b, k) ? "the far side offers no video that is understood here"
                                         : "the far side offers no audio that is understood here";
        b->stream[k].of = i;
    }
    return NULL;
}

/* RFC 9143 section 7.2: what is bundled and has no transport of its own uses that of the first one that has. */
static void section_complete(const it_blob *blob, it_blob_section *s)
{
    for (size_t i = 0; i < blob->n_sections && s->bundled && !s->ufrag[0]; i++) {
        const it_blob_section *o = &blob->section[i];
        if (!o->bundled || !o->ufrag[0])
            continue;
        memcpy(s->ufrag, o->ufrag, sizeof s->ufrag);
        memcpy(s->pwd, o->pwd, sizeof s->pwd);
        s->cands = o->cands;
        s->n_cands = o->n_cands;
        s->done = o->done;
    }
}

/* Its sections become those of our streams, in their order. */
static void sections_arrange(const it_b *b, it_blob *blob)
{
    it_blob_section mine[IT_B_STREAMS] = {{.kind = IT_BLOB_DATA}};
    for (int k = 0; k < b->n_streams; k++) {
        mine[k] = blob->section[b->stream[k].of];
        section_complete(blob, &mine[k]);
    }
    memcpy(blob->section, mine, (size_t)b->n_streams * sizeof *mine);
    blob->n_sections = (size_t)b->n_streams;
}

/* New credentials are a new generation: the one we have begun and they follow, or their own (RFC 8839 section
 * 4.4.1.1.1). */
static void generation_count(const it_b *b, it_blob *blob)
{
    blob->generation = b->far_generation;
    if (!b->heard)
        blob->generation = b->generation;
    else if (strcmp(blob->section[0].ufrag, b->far_ufrag) != 0)
        blob->generation = b->generation > b->far_generation ? b->generation : b->far_generation + 1;
}

const char *it_b_adapt(it_b *b, it_blob *blob)
{
    bool answers = blob->setup != IT_SETUP_ACTPASS;
    if (b->cfg.media != IT_B_MEDIA_SRTP)
        return "the far side's description is of RTP, or of what is not known here: this connection has its media "
               "inside "
               "DTLS";
    if (!b->heard && !answers) {
        const char *why = choose_lines(b, blob);
        if (why)
            return why;
    }
    for (int k = 0; k < b->n_streams; k++)
        if (b->stream[k].of >= (int)blob->n_sections)
            return "the far side has fewer media lines than before (RFC 3264 section 8)";
    sections_arrange(b, blob);
    generation_count(b, blob);
    return NULL;
}

int it_b_adapted(it_b *b, const it_blob *blob, it_bytes text)
{
    b->foreign = true;
    snprintf(b->far_ufrag, sizeof b->far_ufrag, "%s", blob->section[0].ufrag);
    for (int k = 0; k < b->n_streams; k++) {
        b_stream *s = &b->stream[k];
        const it_blob_section *x = &blob->section[k];
        if (!b->transport[s->first].conn.channel.ops && x->rate) { /* payload type 0 is PCMU (RFC 3551 section 6) */
            s->pt = x->pt;
            s->rate = x->rate;
            snprintf(s->codec, sizeof s->codec, "%.*s", (int)x->codec.n, (const char *)x->codec.p);
        }
        if (x->deaf)
            b->transport[s->first].conn.cfg.voice &= ~(1u << s->flow);
    }
    for (int i = 0; i < b->n_transports; i++)
        it_conn_be_foreign(&b->transport[i].conn);
    if (blob->setup != IT_SETUP_ACTPASS && !b->offer.n)
        return 0; /* it answers ours, and keeps to our lines */
    /* A first offer, and one of new credentials, is answered, whatever we have said before. */
    b->dirty |= !b->heard || blob->generation > b->far_generation;
    it_str_clear(&b->offer);
    it_str_put(&b->offer, text.p, text.n);
    return b->offer.oom ? IT_ERR_NOMEM : 0;
}

/* --- roles --- */

bool it_b_controls(const it_b *b, const it_blob *blob)
{
    /* Both sides of ours begin alike: the larger tie-breaker controls, as RFC 8445 section 7.3.1.1 would come to by
     * conflict; of equal ones, which chance does not bring about, the larger number of the session. */
    uint64_t tie = it_ice_tiebreaker(b->ice);
    if (!blob->foreign && tie == blob->tie_breaker)
        return b->session > blob->session;
    if (!blob->foreign)
        return tie > blob->tie_breaker;
    /* RFC 8445 section 6.1.1: a lite agent is controlled by a full one, else who began controls. */
    if (blob->lite != b->cfg.behaviour.lite)
        return blob->lite;
    return blob->setup != IT_SETUP_ACTPASS;
}

bool it_b_is_client(const it_b *b, const it_blob *blob, bool controls)
{
    (void)b;
    /* RFC 8122 and 8842: who is active is the client. Both sides of ours offer actpass; who controls takes the active
     * part. */
    if (!blob->foreign)
        return controls;
    /* RFC 8842 section 5.3: who answers SHOULD be active; an answer has the other part. */
    return blob->setup == IT_SETUP_ACTPASS || blob->setup == IT_SETUP_PASSIVE;
}

/* --- channels --- */

static void channel_flows(const it_b *b, int i, it_channel_srtp_cfg *how)
{
    for (int k = 0; k < b->n_streams; k++) {
        const b_stream *s = &b->stream[k];
        if (s->first != i)
            continue;
        uint32_t bitrate = b->cfg.n_streams ? b->cfg.stream[k].bitrate : 0;
        how->flow[s->flow] = (it_channel_flow){.video = stream_is_video(b, k),
                                               .ssrc = s->ssrc,
                                               .pt = s->pt,
                                               .far_pt = s->pt,
                                               .rate = s->rate,
                                               .far_rate = s->rate,
                                               .bitrate = bitrate ? bitrate : IT_B_BITRATE,
                                               .deadline = b->cfg.deadline};
        how->n_flows++;
    }
}

static it_rng channel_rng(const it_b *b, const char *what, int i)
{
    char name[B_NAME + 24];
    it_rng rng;
    if (i == 0)
        snprintf(name, sizeof name, "%s/%s", b->name, what);
    else
        snprintf(name, sizeof name, "%s/%s%d", b->name, what, i);
    it_rng_init(&rng, b->cfg.seed, name);
    return rng;
}

int it_b_carry(it_b *b, it_time now, int i)
{
    static const uint16_t PROFILES[IT_DTLS_SRTP_MAX] = {0x0007,
                                                        0x0001}; /* RFC 7714 section 14.2, RFC 5764 section 4.1.2 */
    it_channel_dtls_cfg dtls = {.alloc = b->alloc,
                                .shared = b->cfg.shared,
                                .cert = b->cfg.cert,
                                .rng = channel_rng(b, "dtls", i),
                                .client = b->dtls_client,
                                .prints = (const uint8_t(*)[IT_SHA256_SIZE])b->far_prints,
                                .n_prints = b->n_far_prints,
                                .mtu = b->cfg.behaviour.sped ? IT_SPED_MTU : 0};
    if (b->cfg.media == IT_B_MEDIA_DTLS)
        return it_conn_carry(&b->transport[i].conn, it_channel_dtls(&dtls, now));
    it_channel_srtp_cfg how = {.dtls = dtls, .media_rng = channel_rng(b, "media", i), .cname = b->cname};
    memcpy(how.profiles, b->cfg.profiles[0] ? b->cfg.profiles : PROFILES, sizeof how.profiles);
    channel_flows(b, i, &how);
    return it_conn_carry(&b->transport[i].conn, it_channel_srtp(&how, now));
}
