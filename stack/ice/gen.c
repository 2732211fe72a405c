/* Generations: fresh local credentials, the far side's, and restarts (RFC 8445 sections 5.3 and 9).
 *
 * A restart begins a generation and flushes everything but role, bases and selected pairs. */
#include "stack/ice/impl.h"

/* RFC 8839 section 5.4: ice-char. */
static const char ICE_CHARS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void creds_draw(it_ice *a, it_ice_creds *c)
{
    it_rng_text(&a->rng_creds, c->ufrag, IT_ICE_LOCAL_UFRAG, ICE_CHARS);
    it_rng_text(&a->rng_creds, c->pwd, IT_ICE_LOCAL_PWD, ICE_CHARS);
    it_stun_key_short(&c->key, it_bytes_str(c->pwd));
}

static int later_add(it_ice *a, it_ice_gen *g)
{
    if (it_grow(a->cfg.alloc, &g->later, &g->cap_later, g->n_later + 1, sizeof *g->later))
        return IT_ERR_NOMEM;
    creds_draw(a, &g->later[g->n_later++]);
    return 0;
}

static void gen_free(const it_ice *a, it_ice_gen *g)
{
    for (size_t i = 0; i < g->n_own; i++)
        it_free(a->cfg.alloc, g->own[i]);
    it_free(a->cfg.alloc, g->own);
    it_free(a->cfg.alloc, g->later);
    it_free(a->cfg.alloc, g);
}

it_ice_gen *it_ice_gen_new(it_ice *a)
{
    if (it_grow(a->cfg.alloc, &a->gens, &a->cap_gens, a->n_gens + 1, sizeof a->gens[0]))
        return NULL;
    it_ice_gen *g = it_calloc(a->cfg.alloc, 1, sizeof *g);
    if (!g)
        return NULL;
    creds_draw(a, &g->creds);
    for (size_t i = 1; a->cfg.stream_creds && i < a->n_streams; i++)
        if (later_add(a, g)) {
            gen_free(a, g);
            return NULL;
        }
    a->gens[a->n_gens++] = g;
    return g;
}

int it_ice_gen_add_stream(it_ice *a)
{
    return a->cfg.stream_creds && a->n_streams > 1 ? later_add(a, a->gen) : 0;
}

const it_ice_creds *it_ice_creds_of(const it_ice_gen *g, int stream)
{
    bool own = stream > 0 && (size_t)stream <= g->n_later;
    return own ? &g->later[stream - 1] : &g->creds;
}

const it_ice_creds *it_ice_creds_by_ufrag(it_ice *a, it_bytes ufrag, it_ice_gen **gen, int *stream)
{
    for (size_t i = a->n_gens; i-- > 0;) {
        *gen = a->gens[i];
        for (int k = 0; k <= (int)(*gen)->n_later; k++) {
            const it_ice_creds *c = it_ice_creds_of(*gen, k);
            if (!it_bytes_eq(ufrag, it_bytes_str(c->ufrag)))
                continue;
            *stream = (*gen)->n_later ? k : -1;
            return c;
        }
    }
    return NULL;
}

const it_ice_far *it_ice_far_of(const it_ice_gen *g, int stream)
{
    bool own = stream >= 0 && (size_t)stream < g->n_own && g->own[stream];
    return own ? g->own[stream] : &g->far;
}

static bool gen_needed(const it_ice *a, const it_ice_gen *g, it_time now)
{
    return g == a->gen || g->users > 0 || now < g->until;
}

void it_ice_gens_tidy(it_ice *a, it_time now)
{
    size_t kept = 0;
    for (size_t i = 0; i < a->n_gens; i++) {
        if (gen_needed(a, a->gens[i], now))
            a->gens[kept++] = a->gens[i];
        else
            gen_free(a, a->gens[i]);
    }
    a->n_gens = kept;
}

it_time it_ice_gens_next(const it_ice *a)
{
    it_time t = IT_NEVER;
    for (size_t i = 0; i < a->n_gens; i++) {
        const it_ice_gen *g = a->gens[i];
        if (g != a->gen && g->users == 0 && g->until < t)
            t = g->until;
    }
    return t;
}

void it_ice_gens_fini(it_ice *a)
{
    for (size_t i = 0; i < a->n_gens; i++)
        gen_free(a, a->gens[i]);
    it_free(a->cfg.alloc, a->gens);
}

/* Events that speak of the generation that ends would be taken for the new one's. */
static void purge_events(it_ice *a)
{
    size_t kept = a->head_event;
    for (size_t i = a->head_event; i < a->n_events; i++) {
        switch (a->events[i].ev.kind) {
        case IT_ICE_CANDIDATE:
        case IT_ICE_REMOVED:
        case IT_ICE_GATHERED:
        case IT_ICE_VALID:
        case IT_ICE_COMPLETED:
        case IT_ICE_FAILED:
            break;
        default:
            a->events[kept++] = a->events[i];
        }
    }
    a->n_events = kept;
}

void it_ice_end_stream(it_ice *a, it_time now, int stream)
{
    if (stream < 0 || (size_t)stream >= a->n_streams || a->streams[stream].ended)
        return;
    it_ice_stream *s = &a->streams[stream];
    s->ended = true;
    for (int c = 0; c < s->n_comps; c++)
        it_ice_sel_drop(a, now, &s->comps[c]);
    for (size_t i = 0; i < a->n_bases;) {
        if (a->bases[i].stream == stream)
            it_ice_remove_base(a, now, a->bases[i].flow); /* and those by TCP beside it */
        else
            i++;
    }
    it_ice_lists_update(a, now);
}

static void flush_stream(it_ice *a, it_ice_stream *s)
{
    while (s->n_pairs)
        it_ice_pair_remove(a, s, s->n_pairs - 1);
    s->state = IT_ICE_RUNNING;
    s->doomed = false;
    s->why = NULL;
    s->ever_valid = false;
    for (int i = 0; i < s->n_comps; i++) {
        s->comps[i].first_valid = IT_NEVER;
        s->comps[i].nominated = s->comps[i].nomination = 0;
    }
}

/* RFC 8445 section 9: all previous state of the streams, excluding the roles, is flushed. */
static void flush(it_ice *a)
{
    for (size_t i = 0; i < a->n_streams; i++)
        flush_stream(a, &a->streams[i]);
    for (size_t i = 0; i < a->n_tasks; i++)
        it_stun_trans_end_tag(a->trans, it_ice_tag(IT_ICE_TAG_GATHER, 0, a->tasks[i].id));
    a->n_tasks = a->n_locals = a->n_remotes = a->n_early = 0;
    a->gathered = a->remote_done = a->checking = a->completed = false;
    a->pac_at = IT_NEVER;
    a->patience_over = false;
    a->next_list = 0;
    a->last_foundation = 0;
    for (size_t i = 0; i < a->n_bases; i++)
        a->bases[i].gathered = false;
    it_ice_tcp_retire(a);
    purge_events(a);
}

static int restart(it_ice *a, it_time now)
{
    it_ice_gen *old = a->gen;
    it_ice_gen *g = it_ice_gen_new(a);
    if (!g)
        return IT_ERR_NOMEM;
    g->number = old->number + 1;
    old->until = now + IT_ICE_LINGER;
    if (old->have_remote)
        a->past[a->n_past++ % IT_ICE_PAST_MAX] = old->rhash;
    a->gen = g;
    flush(a);
    if (a->gathering)
        it_ice_gather(a, now);
    it_ice_kick(a);
    return 0;
}

void it_ice_restart(it_ice *a, it_time now)
{
    int r = restart(a, now);
    if (r)
        it_ice_latch(a, r);
}

static bool ice_string(const char *s, size_t min, size_t max)
{
    size_t n = strlen(s);
    return n >= min && n <= max && strspn(s, ICE_CHARS) == n;
}

static bool past_remote(const it_ice *a, uint64_t hash)
{
    uint32_t n = a->n_past < IT_ICE_PAST_MAX ? a->n_past : IT_ICE_PAST_MAX;
    for (uint32_t i = 0; i < n; i++)
        if (a->past[i] == hash)
            return true;
    return false;
}

static void far_set(it_ice_far *f, const char *ufrag, const char *pwd, uint64_t hash)
{
    memcpy(f->ufrag, ufrag, strlen(ufrag) + 1);
    it_stun_key_short(&f->key, it_bytes_str(pwd));
    f->hash = hash;
}

int it_ice_set_remote_stream(it_ice *a, it_time now, int stream, const char *ufrag, const char *pwd)
{
    it_ice_gen *g = a->gen;
    if (stream < 0 || (size_t)stream >= a->n_streams || !ice_string(ufrag, 4, IT_ICE_UFRAG_MAX) ||
        !ice_string(pwd, 22, IT_ICE_PWD_MAX))
        return IT_ERR_RANGE;
    uint64_t hash = it_hash_mix(it_hash_str(ufrag), it_hash_str(pwd));
    if (!g->have_remote)
        return IT_ERR_STATE;
    if (it_ice_far_of(g, stream)->hash == hash)
        return 0;
    if ((size_t)stream < g->n_own && g->own[stream])
        return IT_ERR_STATE;
    if (!g->own) {
        g->own = it_calloc(a->cfg.alloc, a->n_streams, sizeof *g->own);
        if (!g->own)
            return IT_ERR_NOMEM;
        g->n_own = a->n_streams;
    }
    g->own[stream] = it_calloc(a->cfg.alloc, 1, sizeof **g->own);
    if (!g->own[stream])
        return IT_ERR_NOMEM;
    far_set(g->own[stream], ufrag, pwd, hash);
    it_ice_early_replay(a, now); /* what came by them waits since */
    return 0;
}

int it_ice_set_remote(it_ice *a, it_time now, const char *ufrag, const char *pwd)
{
    /* RFC 8839 section 5.4: ufrag 4 to 256, pwd 22 to 256 ice-chars. */
    if (!ice_string(ufrag, 4, IT_ICE_UFRAG_MAX) || !ice_string(pwd, 22, IT_ICE_PWD_MAX))
        return IT_ERR_RANGE;
    uint64_t hash = it_hash_mix(it_hash_str(ufrag), it_hash_str(pwd));
    if ((a->gen->have_remote && a->gen->rhash == hash) || past_remote(a, hash))
        return 0;
    int restarted = 0;
    if (a->gen->have_remote) {
        /* RFC 8445 section 9: a change of both means that the far side restarted. */
        int r = restart(a, now);
        if (r)
            return r;
        restarted = 1;
    }
    it_ice_gen *g = a->gen;
    far_set(&g->far, ufrag, pwd, hash);
    g->rhash = hash;
    g->have_remote = true;
    /* RFC 8863 section 4: patience starts when both sides' credentials are known, with or without candidates. */
    a->pac_at = now + a->cfg.patience;
    it_ice_early_replay(a, now);
    it_ice_kick(a);
    return restarted;
}
