/* Model B's signaling: blobs out and in, and the numbering of generations that lets both sides restart at once. */
#include "stack/b/impl.h"

#include <stdio.h>
#include <string.h>

void it_b_blame(it_b *b, it_time now, const char *why)
{
    it_model_event ev = {.kind = IT_EV_PEER, .at = now, .why = why};
    it_evq_put(&b->events, &ev, -1);
}

void it_b_forget_cands(it_b *b)
{
    for (int i = 0; i < IT_B_STREAMS; i++)
        b->cands[i].n = 0;
    b->n_cands = 0;
    b->gathered = false;
}

void it_b_on_candidate(it_b *b, int stream, const it_ice_cand *c)
{
    b_cands *list = &b->cands[stream];
    if (b->n_cands == IT_BLOB_CANDS)
        return;
    if (it_grow(b->alloc, &list->v, &list->cap, list->n + 1, sizeof *list->v) < 0) {
        b->events.oom = true;
        return;
    }
    list->v[list->n++] = *c;
    b->n_cands++;
    b->dirty = true;
}

/* --- blobs out --- */

/* The section of media stream |k|. Of bundled ones the first alone has a transport (RFC 8843 section 7.1.3). */
static void fill_section(const it_b *b, int k, it_blob_section *s)
{
    const b_stream *x = &b->stream[k];
    bool named = b->cfg.n_streams > 1 || (b->cfg.n_streams == 1 && b->cfg.stream[0].components > 1);
    const b_cands *cands = &b->cands[b->transport[x->first].stream];
    s->bundled = b->cfg.bundle && b->n_streams > 1;
    s->streaming = b->cfg.n_streams ? b->cfg.stream[k].voice : b->cfg.voice;
    s->closed = b->several && x->told == IT_STATE_CLOSED;
    if (named) {
        snprintf(s->mid, sizeof s->mid, "%d", k);
        s->mux = b->cfg.stream[k].components < 2;
    }
    if (x->flow > 0)
        return;
    snprintf(s->ufrag, sizeof s->ufrag, "%s", it_ice_ufrag(b->ice));
    snprintf(s->pwd, sizeof s->pwd, "%s", it_ice_pwd(b->ice));
    s->cands = cands->v;
    s->n_cands = cands->n;
    s->done = b->gathered;
}

void it_b_signal_if_dirty(it_b *b, it_time now)
{
    if (!b->dirty || !b->started || it_b_over(b))
        return;
    b->dirty = false;
    it_blob blob = {.session = b->session, .serial = ++b->serial, .generation = b->generation};
    blob.pacing = (uint32_t)(b->cfg.timers.ta / IT_MS);
    blob.tie_breaker = it_ice_tiebreaker(b->ice);
    blob.lite = b->cfg.behaviour.lite;
    blob.renominates = b->cfg.behaviour.renominates;
    blob.setup = !b->transport[0].conn.channel.ops ? IT_SETUP_ACTPASS
                 : b->dtls_client                  ? IT_SETUP_ACTIVE
                                                   : IT_SETUP_PASSIVE;
    memcpy(blob.prints[0], it_dtls_cert_fingerprint(b->cfg.cert), sizeof blob.prints[0]);
    blob.n_prints = 1;
    blob.n_sections = (size_t)b->n_streams;
    for (int k = 0; k < b->n_streams; k++)
        fill_section(b, k, &blob.section[k]);
    it_str_clear(&b->text);
    it_blob_write(&b->text, &blob);
    if (b->text.oom) {
        b->events.oom = true;
        return;
    }
    b->signal_messages++;
    b->signal_bytes += b->text.n;
    it_model_event ev = {.kind = IT_EV_SIGNAL, .at = now, .data = it_bytes_of(b->text.p, b->text.n)};
    it_evq_put(&b->events, &ev, -1);
}

/* --- restarts --- */

static bool any_opened(const it_b *b)
{
    for (int i = 0; i < b->n_transports; i++)
        if (b->transport[i].conn.opened)
            return true;
    return false;
}

void it_b_begin_restart(it_b *b, it_time now, uint32_t generation)
{
    b->generation = generation;
    b->began_at = now;
    it_b_forget_cands(b);
    it_gate_restart(&b->gate);
    it_ice_restart(b->ice, now);
    b->dirty = true;
    if (b->restart_gap < B_RESTART_GAP)
        b->restart_gap = B_RESTART_GAP;
    /* Only an open connection repeats its restart; before that T_conn ends the attempt. */
    b->restart_at = any_opened(b) ? now + b->restart_gap : IT_NEVER;
    b->restart_gap = b->restart_gap < B_RESTART_GAP_MAX / 2 ? b->restart_gap * 2 : B_RESTART_GAP_MAX;
}

void it_b_want_restart(it_b *b, it_time now)
{
    it_time soon = b->began_at == IT_NEVER ? now : b->began_at + 2 * b->cfg.timers.linkdown / 5;
    if (soon <= now)
        it_b_begin_restart(b, now, b->generation + 1);
    else if (soon < b->restart_at)
        b->restart_at = soon;
}

/* --- blobs in --- */

/* The channel of transport |i|. Returns 0 or IT_ERR_NOMEM. */
static int carry(it_b *b, it_time now, int i)
{
    it_channel_dtls_cfg how = {
        .alloc = b->alloc, .shared = b->cfg.shared, .cert = b->cfg.cert, .client = b->dtls_client};
    char name[B_NAME + 24];
    if (i == 0)
        snprintf(name, sizeof name, "%s/dtls", b->name);
    else
        snprintf(name, sizeof name, "%s/dtls%d", b->name, i);
    it_rng_init(&how.rng, b->cfg.seed, name);
    how.prints = (const uint8_t(*)[IT_SHA256_SIZE])b->far_prints;
    how.n_prints = b->n_far_prints;
    return it_conn_carry(&b->transport[i].conn, it_channel_dtls(&how, now));
}

/* Why we cannot go together with the far side's |blob|; NULL: we can. */
static const char *mismatch(const it_b *b, const it_blob *blob)
{
    bool bundle = b->cfg.bundle && b->n_streams > 1;
    if (blob->n_sections != (size_t)b->n_streams)
        return "the far side has another number of media streams (RFC 3264 section 6)";
    for (size_t k = 0; k < blob->n_sections; k++)
        if (blob->section[k].bundled != bundle && (b->n_streams > 1 || bundle))
            return "one side bundles its media streams, the other one does not (RFC 8843 section 7.3)";
    return NULL;
}

/* Where the far side has RTP and RTCP on one component, we have too (RFC 5761 section 5.1.3, RFC 8445 section 6.1.2.2).
 */
static void agree_on_components(it_b *b, const it_blob *blob)
{
    for (int k = 0; k < b->n_streams; k++)
        if (blob->section[k].mux || !blob->section[k].mid[0])
            it_b_stream_without(b, k, 2);
}

/* True for the side with the larger tie-breaker; of equal ones, which chance does not bring about, with the larger
 * number of the session. */
static bool goes_first(const it_b *b, const it_blob *blob)
{
    uint64_t ours = it_ice_tiebreaker(b->ice);
    return ours != blob->tie_breaker ? ours > blob->tie_breaker : b->session > blob->session;
}

/* The first blob: who the far side is, and the roles. */
static int meet(it_b *b, it_time now, const it_blob *blob)
{
    b->heard = true;
    b->far_session = blob->session;
    memcpy(b->far_prints, blob->prints, sizeof b->far_prints);
    b->n_far_prints = blob->n_prints;
    const char *why = mismatch(b, blob);
    if (why) {
        for (int i = 0; i < b->n_transports; i++)
            it_conn_die(&b->transport[i].conn, now, IT_REASON_CONNECT_FAILED, why);
        return 0;
    }
    agree_on_components(b, blob);
    bool first = goes_first(b, blob);
    it_ice_set_remote_traits(b->ice, blob->lite, blob->renominates);
    int err = it_ice_set_role(b->ice, first);
    if (err < 0 && err != IT_ERR_STATE) /* checks already run: the conflict rule decides */
        return err;
    /* RFC 8122 and 8842: who is active is the client. Both sides offer actpass; the larger tie-breaker takes the active
     * part, as it takes the controlling one (RFC 8445 section 7.3.1.1 would come to the same by conflict). */
    b->dtls_client = first;
    err = 0;
    for (int i = 0; i < b->n_transports && err == 0; i++)
        if (it_b_lives(&b->transport[i]))
            err = carry(b, now, i);
    return err;
}

/* True when |blob| has the fingerprints that the first one had. */
static bool same_prints(const it_b *b, const it_blob *blob)
{
    return b->n_far_prints == blob->n_prints && memcmp(b->far_prints, blob->prints, sizeof b->far_prints) == 0;
}

/* Says once of each kind what was left out of the far side's blobs. */
static void tell_left_out(it_b *b, it_time now, unsigned left_out)
{
    for (int i = 0; i < IT_BLOB_LEFT_OUT; i++) {
        if (!(left_out & ~b->left_out & 1u << i))
            continue;
        const char *why = it_blob_left_out_text((enum it_blob_left_out)i);
        it_b_blame(b, now, why);
    }
    b->left_out |= left_out;
}

/* Gives ICE what section |s| says of its stream |i|. Returns 0 or an error. */
static int teach_stream(it_b *b, it_time now, int i, const it_blob_section *s)
{
    int err = i > 0 && s->ufrag[0] ? it_ice_set_remote_stream(b->ice, now, i, s->ufrag, s->pwd) : 0;
    if (err == IT_ERR_STATE)
        it_b_blame(b, now, "one media stream has new credentials, the others have not: it stays with its old ones");
    else if (err < 0)
        return err;
    for (size_t c = 0; c < s->n_cands; c++) {
        err = it_ice_add_remote(b->ice, now, i, &s->cands[c]);
        if (err == IT_ERR_NOMEM)
            return err;
    }
    return 0;
}

/* Hands the remote part of a blob of our generation to ICE. */
static int teach(it_b *b, it_time now, const it_blob *blob)
{
    const it_blob_section *s = blob->section;
    int streams = it_b_ice_streams(b);
    bool done = true;
    it_ice_set_remote_pacing(b->ice, blob->pacing * IT_MS);
    int err = it_ice_set_remote(b->ice, now, s->ufrag, s->pwd);
    if (err < 0)
        return err;
    if (err == 1) { /* they restarted and ICE followed: our credentials and candidates are new too */
        it_b_forget_cands(b);
        it_gate_restart(&b->gate);
        b->dirty = true;
    }
    for (int i = 0; i < streams; i++) {
        err = teach_stream(b, now, i, &s[i]);
        if (err < 0)
            return err;
        done &= s[i].done || s[i].closed;
    }
    if (done)
        it_ice_remote_done(b->ice, now);
    return 0;
}

/* What the far side says of its media streams: which it has ended, and which it will stream. */
static void heed_streams(it_b *b, it_time now, const it_blob *blob)
{
    for (int k = 0; k < b->n_streams; k++) {
        const b_stream *s = &b->stream[k];
        it_conn *c = &b->transport[s->first].conn;
        if (blob->section[k].streaming && !c->opened)
            it_conn_expect(c, s->flow);
        if (blob->section[k].closed && b->several)
            it_b_stream_end(b, now, k, IT_REASON_NONE, "");
    }
}

/* True for a blob that says nothing new: of an earlier generation, or overtaken by a later one. */
static bool stale(const it_b *b, const it_blob *blob)
{
    if (blob->generation != b->generation)
        return blob->generation < b->generation;
    return b->heard && b->far_generation == blob->generation && blob->serial <= b->far_serial;
}

int it_b_signal(it_b *b, it_time now, it_bytes text)
{
    it_blob blob;
    const char *why = "";
    if (!b->started || it_b_over(b))
        return IT_ERR_STATE;
    if (text.n > IT_BLOB_MAX || it_blob_read(&blob, text, b->read, IT_BLOB_CANDS, &why) < 0) {
        it_b_blame(b, now, text.n > IT_BLOB_MAX ? "the blob is too big" : why);
        return IT_ERR_PARSE;
    }
    if (b->heard && blob.session != b->far_session) {
        it_b_blame(b, now, "a blob of another session");
        return IT_ERR_PARSE;
    }
    tell_left_out(b, now, blob.left_out);
    int err = b->heard ? 0 : meet(b, now, &blob);
    if (err < 0)
        return err;
    if (!same_prints(b, &blob)) {
        for (int i = 0; i < b->n_transports; i++)
            if (it_b_lives(&b->transport[i]))
                it_conn_die(&b->transport[i].conn, now, IT_REASON_SECURITY,
                            "the fingerprint changed (RFC 8842 section 5.1)");
        (void)it_b_streams_tell(b, now);
        return 0;
    }
    if (b->n_streams == (int)blob.n_sections && !it_b_over(b) && !stale(b, &blob)) {
        heed_streams(b, now, &blob);
        if (blob.generation > b->generation)
            it_b_begin_restart(b, now, blob.generation);
        b->far_generation = blob.generation;
        b->far_serial = blob.serial;
        err = teach(b, now, &blob);
    }
    it_b_pump(b, now);
    return err;
}
