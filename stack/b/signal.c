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
    b->gathered = false;
}

void it_b_on_candidate(it_b *b, int stream, const it_ice_cand *c)
{
    b_cands *list = &b->cands[stream];
    if (list->n == IT_BLOB_CANDS / (size_t)it_b_ice_streams(b)) {
        b->untold++;
        return;
    }
    if (it_grow(b->alloc, &list->v, &list->cap, list->n + 1, sizeof *list->v) < 0) {
        b->events.oom = true;
        return;
    }
    list->v[list->n++] = *c;
    b->dirty = true;
}

void it_b_on_removed(it_b *b, int stream, const it_ice_cand *c)
{
    b_cands *list = &b->cands[stream];
    for (size_t i = 0; i < list->n; i++) {
        if (list->v[i].flow != c->flow || list->v[i].kind != c->kind || !it_addr_eq(list->v[i].addr, c->addr))
            continue;
        memmove(&list->v[i], &list->v[i + 1], (list->n - i - 1) * sizeof *list->v);
        list->n--;
        /* Another's stack goes by RFC 8838, which only adds. */
        b->dirty |= !b->foreign;
        return;
    }
}

/* --- blobs out --- */

/* Whether media stream |k| was closed, which port 0 tells (RFC 3264 section 8.2). */
static bool stream_closed(const it_b *b, int k)
{
    return b->several && b->stream[k].told == IT_STATE_CLOSED;
}

/* Whether the section of |k| has the transport of all that share it: the first of the group that goes on is the tagged
 * one (RFC 9143 section 7.2). */
static bool is_tagged(const it_b *b, int k)
{
    for (int i = 0; i < k; i++)
        if (b->stream[i].first == b->stream[k].first && !stream_closed(b, i))
            return false;
    return true;
}

/* What its section has of RTP. */
static void fill_rtp(const it_b *b, int k, it_blob_section *s)
{
    const b_stream *x = &b->stream[k];
    s->kind = b->cfg.n_streams && b->cfg.stream[k].video ? IT_BLOB_VIDEO : IT_BLOB_AUDIO;
    s->pt = x->pt;
    s->rate = x->rate;
    s->codec = it_bytes_str(x->codec);
    s->ssrc = x->ssrc;
    s->name = b->cname;
}

/* The section of media stream |k|. One that is over leaves the group, and is not named there (RFC 9143 section 7.5.3).
 */
static void fill_section(const it_b *b, int k, it_blob_section *s)
{
    const b_stream *x = &b->stream[k];
    bool srtp = b->cfg.media == IT_B_MEDIA_SRTP;
    int stream = b->transport[x->first].stream;
    const b_cands *cands = &b->cands[stream];
    s->closed = stream_closed(b, k);
    /* A single one is a group too: others bundle always (RFC 8829 section 4.1.1). */
    s->bundled = (b->n_streams > 1 ? b->cfg.bundle : srtp) && !s->closed;
    s->streaming = it_b_streams_voice(b, k);
    if (srtp)
        fill_rtp(b, k, s);
    else
        s->deaf = !s->streaming;
    if (srtp || b->cfg.n_streams > 1 || (b->cfg.n_streams == 1 && b->cfg.stream[0].components > 1)) {
        snprintf(s->mid, sizeof s->mid, "%d", k);
        s->mux = srtp || b->cfg.stream[k].components < 2;
    }
    bool tagged = is_tagged(b, k);
    if (s->closed && b->cfg.bundle)
        return;
    /* Other stacks want credentials in each section, as RFC 8839 section 5.4 has it. */
    if (tagged || srtp) {
        snprintf(s->ufrag, sizeof s->ufrag, "%s", it_ice_stream_ufrag(b->ice, stream));
        snprintf(s->pwd, sizeof s->pwd, "%s", it_ice_stream_pwd(b->ice, stream));
    }
    if (!tagged)
        return;
    s->cands = cands->v;
    s->n_cands = cands->n;
    s->done = b->gathered;
}

/* RFC 8842 section 5.2: an offer says actpass, an answer the part that was taken. A blob of ours is either, and tells
 * what it knows; to another's stack a generation that it has not heard of is an offer. */
static enum it_setup our_setup(const it_b *b)
{
    bool offers = b->foreign && b->generation > b->far_generation;
    if (!b->heard || offers)
        return IT_SETUP_ACTPASS;
    return b->dtls_client ? IT_SETUP_ACTIVE : IT_SETUP_PASSIVE;
}

static void write_blob(it_b *b, const it_blob *blob)
{
    int of[IT_B_STREAMS];
    for (int k = 0; k < b->n_streams; k++)
        of[k] = b->stream[k].of;
    if (b->offer.n)
        it_blob_answer(&b->text, blob, it_bytes_of(b->offer.p, b->offer.n), of);
    else
        it_blob_write(&b->text, blob);
}

void it_b_signal_if_dirty(it_b *b, it_time now)
{
    if (!b->dirty || !b->started || it_b_over(b))
        return;
    b->dirty = false;
    it_blob blob = {.session = b->session, .serial = ++b->serial, .generation = b->generation};
    blob.pacing = (uint32_t)(b->cfg.timers.ta / IT_MS);
    blob.tie_breaker = it_ice_tiebreaker(b->ice);
    if (b->cfg.web.n)
        snprintf(blob.relay, sizeof blob.relay, "%s", b->cfg.web.name);
    blob.lite = b->cfg.behaviour.lite;
    blob.renominates = b->cfg.behaviour.renominates;
    blob.sped = b->cfg.behaviour.sped;
    blob.setup = our_setup(b);
    blob.shared_creds = b->cfg.behaviour.shared_creds;
    memcpy(blob.prints[0], it_dtls_cert_fingerprint(b->cfg.cert), sizeof blob.prints[0]);
    blob.n_prints = 1;
    blob.n_sections = (size_t)b->n_streams;
    for (int k = 0; k < b->n_streams; k++)
        fill_section(b, k, &blob.section[k]);
    it_str_clear(&b->text);
    write_blob(b, &blob);
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
    if (b->cfg.behaviour.fresh)
        it_b_renew_sockets(b, now);
    it_ice_restart(b->ice, now);
    it_b_web_begin(b, now);
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

/* Why we cannot go together with the far side's |blob|; NULL: we can. */
static const char *mismatch(const it_b *b, const it_blob *blob)
{
    bool bundle = b->cfg.bundle && b->n_streams > 1;
    if (blob->n_sections != (size_t)b->n_streams)
        return "the far side has another number of media streams (RFC 3264 section 6)";
    for (size_t k = 0; k < blob->n_sections && b->n_streams > 1; k++)
        if (blob->section[k].bundled != bundle && !blob->section[k].closed)
            return "one side bundles its media streams, the other one does not (RFC 8843 section 7.3)";
    for (size_t k = 0; k < blob->n_sections; k++)
        if ((blob->section[k].kind == IT_BLOB_DATA) != (b->cfg.media == IT_B_MEDIA_DTLS))
            return "one side has its media as RTP, the other one inside DTLS (RFC 5764)";
    return NULL;
}

/* Where the far side has RTP and RTCP on one component, we have too (RFC 5761 section 5.1.3, RFC 8445 section 6.1.2.2).
 */
static void agree_on_components(it_b *b, it_time now, const it_blob *blob)
{
    for (int k = 0; k < b->n_streams; k++)
        if (blob->section[k].mux || !blob->section[k].mid[0])
            it_b_stream_without(b, now, k, 2);
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
    bool controls = it_b_controls(b, blob);
    it_ice_set_remote_traits(b->ice, blob->lite, blob->renominates);
    int err = it_ice_set_role(b->ice, controls);
    if (err < 0 && err != IT_ERR_STATE) /* checks already run: the conflict rule decides */
        return err;
    b->dtls_client = it_b_is_client(b, blob, controls);
    err = 0;
    for (int i = 0; i < b->n_transports && err == 0; i++)
        if (it_b_lives(&b->transport[i]))
            err = it_b_carry(b, now, i);
    b->web_met = b->cfg.web.n > 0 && strcmp(blob->relay, b->cfg.web.name) == 0;
    it_b_web_begin(b, now);
    if (err == 0)
        it_b_sped_meet(b, now, blob->sped);
    return err == 0 ? it_b_sped_in(b, now) : err;
}

/* True when |blob| has the fingerprints that the first one had. */
static bool same_prints(const it_b *b, const it_blob *blob)
{
    return b->n_far_prints == blob->n_prints && memcmp(b->far_prints, blob->prints, sizeof b->far_prints) == 0;
}

/* Says once of each kind what was left out of the far side's blobs. */
static void tell_left_out(it_b *b, it_time now, const it_blob *blob)
{
    for (int i = 0; i < IT_BLOB_LEFT_OUT; i++) {
        if (!(blob->left_out & ~b->left_out & 1u << i))
            continue;
        const char *why = it_blob_left_out_text((enum it_blob_left_out)i);
        it_b_blame(b, now, why);
    }
    b->left_out |= blob->left_out;
    if (blob->left[0] && !b->heard)
        it_b_blame(b, now, blob->left);
}

/* Gives ICE what section |s| of |blob| says of its stream |i|; |own|: with credentials that may be its own. Returns 0
 * or an error. */
static int teach_stream(it_b *b, it_time now, int i, const it_blob *blob, const it_blob_section *s, bool own)
{
    int err = own && s->ufrag[0] ? it_ice_set_remote_stream(b->ice, now, i, s->ufrag, s->pwd) : 0;
    if (err == IT_ERR_STATE)
        it_b_blame(b, now, "one media stream has new credentials, the others have not: it stays with its old ones");
    else if (err < 0)
        return err;
    /* A blob of ours has all candidates that there are: what an earlier one had besides is gone. */
    if (!blob->foreign && !(blob->left_out & 1u << IT_BLOB_MANY_CANDIDATES))
        it_ice_keep_remote(b->ice, now, i, s->cands, s->n_cands);
    for (size_t c = 0; c < s->n_cands; c++) {
        err = it_ice_add_remote(b->ice, now, i, &s->cands[c]);
        if (err == IT_ERR_NOMEM)
            return err;
    }
    return 0;
}

/* The first section from |k| on that has a transport; -1: none has. */
static int transport_from(const it_blob *blob, int k)
{
    for (; k < (int)blob->n_sections; k++)
        if (blob->section[k].ufrag[0] && !blob->section[k].closed)
            return k;
    return -1;
}

/* The section whose credentials stand for all streams, where those do not have their own: always the same one of a
 * generation, as others would be taken for a restart. When that stream is over they have been heard: -1. Of a group it
 * is the tagged section, whichever that is: the transport stays (RFC 9143 section 7.5.3). */
static int lead_section(it_b *b, const it_blob *blob)
{
    bool bundle = b->cfg.bundle && b->n_streams > 1;
    if (bundle || b->lead < 0 || b->lead_generation != blob->generation) {
        b->lead = transport_from(blob, 0);
        b->lead_generation = blob->generation;
    }
    return b->lead >= 0 && blob->section[b->lead].ufrag[0] ? b->lead : -1;
}

/* The credentials of all streams. Returns 0, 1 when ICE restarted for them, or an error. */
static int teach_credentials(it_b *b, it_time now, const it_blob *blob, int lead)
{
    const it_blob_section *s = &blob->section[lead];
    int err = it_ice_set_remote(b->ice, now, s->ufrag, s->pwd);
    if (err == 1) { /* they restarted and ICE followed: our credentials and candidates are new too */
        it_b_forget_cands(b);
        it_gate_restart(&b->gate);
        b->dirty = true;
    }
    return err;
}

/* What the sections of |blob| say of ICE's streams; |lead|: the one that has the credentials of all. Returns 1 when all
 * of them are told, 0 when more may come, or an error. */
static int teach_streams(it_b *b, it_time now, const it_blob *blob, int lead)
{
    int streams = it_b_ice_streams(b), done = 1;
    bool bundle = b->cfg.bundle && b->n_streams > 1;
    for (int i = 0; i < streams; i++) {
        int k = bundle ? lead : i;
        if (k < 0 || blob->section[k].closed)
            continue;
        int err = teach_stream(b, now, i, blob, &blob->section[k], k != lead);
        if (err < 0)
            return err;
        if (!blob->section[k].done)
            done = 0;
    }
    return done;
}

/* Hands the remote part of a blob of our generation to ICE. Returns 0 or an error. */
static int teach(it_b *b, it_time now, const it_blob *blob)
{
    int lead = lead_section(b, blob), err = 0;
    it_ice_set_remote_pacing(b->ice, blob->pacing * IT_MS);
    if (lead >= 0)
        err = teach_credentials(b, now, blob, lead);
    if (err >= 0)
        err = teach_streams(b, now, blob, lead);
    if (err > 0)
        it_ice_remote_done(b->ice, now);
    return err < 0 ? err : 0;
}

/* What the far side says of its media streams: which it has ended, and which it will stream. */
static void heed_streams(it_b *b, it_time now, const it_blob *blob)
{
    for (int k = 0; k < b->n_streams; k++) {
        const b_stream *s = &b->stream[k];
        it_conn *c = &b->transport[s->first].conn;
        /* What another's stack declares it may send when it likes; its silence counts from its first packet on. */
        if (blob->section[k].streaming && !c->opened && !b->foreign)
            it_conn_expect(c, s->flow);
        if (blob->section[k].closed && b->several)
            it_b_stream_end(b, now, k, IT_REASON_NONE, "");
        else if (blob->section[k].closed)
            it_conn_closed(c, now); /* RFC 3264 section 8.2: the only one there is */
    }
}

/* True for a blob that says nothing new: of an earlier generation, or overtaken by a later one. */
static bool stale(const it_b *b, const it_blob *blob)
{
    if (blob->generation != b->generation)
        return blob->generation < b->generation;
    if (!b->heard || b->far_generation != blob->generation)
        return false;
    /* Other stacks add candidates to what they have told without counting on. */
    return blob->foreign ? blob->serial < b->far_serial : blob->serial <= b->far_serial;
}

/* Ends every transport that lives. */
static void end_all(it_b *b, it_time now, enum it_reason reason, const char *why)
{
    for (int i = 0; i < b->n_transports; i++)
        if (it_b_lives(&b->transport[i]))
            it_conn_die(&b->transport[i].conn, now, reason, why);
    (void)it_b_streams_tell(b, now);
}

/* Reads |text|. Returns 0 or IT_ERR_PARSE, which is told. */
static int read_blob(it_b *b, it_time now, it_bytes text, it_blob *blob)
{
    const char *why = NULL;
    if (text.n > IT_SDP_MAX)
        why = "the blob is too big";
    else if (it_blob_read(blob, text, b->read, IT_BLOB_CANDS, &why) == 0 && b->heard &&
             (blob->session != b->far_session || blob->foreign != b->foreign))
        why = "a blob of another session";
    if (!why)
        return 0;
    it_b_blame(b, now, why);
    return IT_ERR_PARSE;
}

/* A description |blob| of another's, as |text|. Returns 0, IT_ERR_PARSE, which is told, or IT_ERR_NOMEM; a first one
 * that cannot be answered is the end. */
static int take_foreign(it_b *b, it_time now, it_bytes text, it_blob *blob)
{
    const char *why = it_b_adapt(b, blob);
    if (!why)
        return stale(b, blob) ? 0 : it_b_adapted(b, now, blob, text);
    if (b->heard)
        it_b_blame(b, now, why);
    else
        end_all(b, now, IT_REASON_CONNECT_FAILED, why);
    return b->heard ? IT_ERR_PARSE : 0;
}

/* What |blob|, of this session, says anew. Returns 0 or an error. */
static int take_news(it_b *b, it_time now, const it_blob *blob)
{
    if (b->n_streams != (int)blob->n_sections || it_b_over(b) || stale(b, blob))
        return 0;
    agree_on_components(b, now, blob);
    heed_streams(b, now, blob);
    if (blob->generation > b->generation)
        it_b_begin_restart(b, now, blob->generation);
    b->far_generation = blob->generation;
    b->far_serial = blob->serial;
    return teach(b, now, blob);
}

int it_b_signal(it_b *b, it_time now, it_bytes text)
{
    it_blob blob;
    b->batch++;
    if (!b->started || it_b_over(b))
        return IT_ERR_STATE;
    int err = read_blob(b, now, text, &blob);
    if (err < 0)
        return err;
    tell_left_out(b, now, &blob);
    if (blob.foreign)
        err = take_foreign(b, now, text, &blob);
    if (err < 0 || it_b_over(b))
        return err;
    err = b->heard ? 0 : meet(b, now, &blob);
    if (err < 0)
        return err;
    if (!same_prints(b, &blob)) {
        end_all(b, now, IT_REASON_SECURITY, "the fingerprint changed (RFC 8842 section 5.1)");
        return 0;
    }
    err = take_news(b, now, &blob);
    it_b_pump(b, now);
    return err;
}
