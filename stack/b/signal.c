/* Model B's signaling: blobs out and in, and the numbering of generations that lets both sides restart at once. */
#include "stack/b/impl.h"

#include <stdio.h>
#include <string.h>

void it_b_forget_cands(it_b *b)
{
    b->n_cands = 0;
    b->gathered = false;
}

void it_b_on_candidate(it_b *b, const it_ice_cand *c)
{
    if (b->n_cands == IT_BLOB_CANDS)
        return;
    if (it_grow(b->alloc, &b->cands, &b->cap_cands, b->n_cands + 1, sizeof *b->cands) < 0) {
        b->events.oom = true;
        return;
    }
    b->cands[b->n_cands++] = *c;
    b->dirty = true;
}

void it_b_signal_if_dirty(it_b *b, it_time now)
{
    if (!b->dirty || b->conn.state == IT_STATE_NEW || it_conn_over(&b->conn))
        return;
    b->dirty = false;
    it_blob blob = {.session = b->session, .serial = ++b->serial, .generation = b->generation};
    blob.pacing = (uint32_t)(b->cfg.timers.ta / IT_MS);
    blob.tie_breaker = it_ice_tiebreaker(b->ice);
    blob.setup = !b->conn.channel.ops ? IT_SETUP_ACTPASS : b->dtls_client ? IT_SETUP_ACTIVE : IT_SETUP_PASSIVE;
    blob.streaming = b->cfg.voice;
    blob.done = b->gathered;
    snprintf(blob.ufrag, sizeof blob.ufrag, "%s", it_ice_ufrag(b->ice));
    snprintf(blob.pwd, sizeof blob.pwd, "%s", it_ice_pwd(b->ice));
    memcpy(blob.prints[0], it_dtls_cert_fingerprint(b->cfg.cert), sizeof blob.prints[0]);
    blob.n_prints = 1;
    blob.cands = b->cands;
    blob.n_cands = b->n_cands;
    it_str_clear(&b->text);
    it_blob_write(&b->text, &blob);
    if (b->text.oom) {
        b->events.oom = true;
        return;
    }
    b->signal_messages++;
    b->signal_bytes += b->text.n;
    it_conn_emit(&b->conn, now, (it_model_event){.kind = IT_EV_SIGNAL, .data = it_bytes_of(b->text.p, b->text.n)});
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
    b->restart_at = b->conn.opened ? now + b->restart_gap : IT_NEVER;
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

/* The first blob: who the far side is, and the roles. */
static int meet(it_b *b, it_time now, const it_blob *blob)
{
    b->heard = true;
    b->far_session = blob->session;
    memcpy(b->far_prints, blob->prints, sizeof b->far_prints);
    b->n_far_prints = blob->n_prints;
    bool first = it_ice_tiebreaker(b->ice) > blob->tie_breaker;
    int err = it_ice_set_role(b->ice, first);
    if (err < 0 && err != IT_ERR_STATE) /* checks already run: the conflict rule decides */
        return err;
    /* RFC 8122 and 8842: who is active is the client. Both sides offer actpass; the larger tie-breaker takes the active
     * part, as it takes the controlling one (RFC 8445 section 7.3.1.1 would come to the same by conflict). */
    b->dtls_client = first;
    it_channel_dtls_cfg how = {.alloc = b->alloc, .shared = b->cfg.shared, .cert = b->cfg.cert, .client = first};
    char name[B_NAME + 8];
    snprintf(name, sizeof name, "%s/dtls", b->name);
    it_rng_init(&how.rng, b->cfg.seed, name);
    how.prints = (const uint8_t(*)[IT_SHA256_SIZE])b->far_prints;
    how.n_prints = b->n_far_prints;
    return it_conn_carry(&b->conn, it_channel_dtls(&how, now));
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
        it_conn_emit(&b->conn, now, (it_model_event){.kind = IT_EV_PEER, .why = why});
    }
    b->left_out |= left_out;
}

/* Hands the remote part of a blob of our generation to ICE. */
static int teach(it_b *b, it_time now, const it_blob *blob)
{
    it_ice_set_remote_pacing(b->ice, blob->pacing * IT_MS);
    int err = it_ice_set_remote(b->ice, now, blob->ufrag, blob->pwd);
    if (err < 0)
        return err;
    if (err == 1) { /* they restarted and ICE followed: our credentials and candidates are new too */
        it_b_forget_cands(b);
        it_gate_restart(&b->gate);
        b->dirty = true;
    }
    for (size_t i = 0; i < blob->n_cands; i++) {
        err = it_ice_add_remote(b->ice, now, 0, &blob->cands[i]);
        if (err == IT_ERR_NOMEM)
            return err;
    }
    if (blob->done)
        it_ice_remote_done(b->ice, now);
    return 0;
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
    if (b->conn.state == IT_STATE_NEW || it_conn_over(&b->conn))
        return IT_ERR_STATE;
    if (text.n > IT_BLOB_MAX || it_blob_read(&blob, text, b->read, IT_BLOB_CANDS, &why) < 0) {
        it_conn_emit(&b->conn, now,
                     (it_model_event){.kind = IT_EV_PEER, .why = text.n > IT_BLOB_MAX ? "the blob is too big" : why});
        return IT_ERR_PARSE;
    }
    if (b->heard && blob.session != b->far_session) {
        it_conn_emit(&b->conn, now, (it_model_event){.kind = IT_EV_PEER, .why = "a blob of another session"});
        return IT_ERR_PARSE;
    }
    tell_left_out(b, now, blob.left_out);
    int err = b->heard ? 0 : meet(b, now, &blob);
    if (err < 0)
        return err;
    if (!same_prints(b, &blob)) {
        it_conn_die(&b->conn, now, IT_REASON_SECURITY, "the fingerprint changed (RFC 8842 section 5.1)");
        return 0;
    }
    if (!stale(b, &blob)) {
        b->conn.rx.streaming = b->conn.rx.streaming || (!b->conn.opened && blob.streaming);
        if (blob.generation > b->generation)
            it_b_begin_restart(b, now, blob.generation);
        b->far_generation = blob.generation;
        b->far_serial = blob.serial;
        err = teach(b, now, &blob);
    }
    it_b_pump(b, now);
    return err;
}
