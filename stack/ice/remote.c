/* The far side's candidates: signalled, trickled, or learned from its checks (RFC 8445 section 7.3.1.3, RFC 8838
 * section 11). */
#include "stack/ice/impl.h"

#include <stdio.h>

it_ice_remote *it_ice_remote_find(it_ice *a, int stream, int component, bool tcp, it_addr addr)
{
    for (size_t i = 0; i < a->n_remotes; i++) {
        it_ice_remote *r = &a->remotes[i];
        if (r->stream == stream && r->c.component == component && (r->c.transport != IT_ICE_UDP) == tcp &&
            it_addr_eq(r->c.addr, addr))
            return r;
    }
    return NULL;
}

static size_t remote_count(const it_ice *a, bool signalled)
{
    size_t n = 0;
    for (size_t i = 0; i < a->n_remotes; i++)
        n += a->remotes[i].signalled == signalled;
    return n;
}

static it_ice_remote *remote_append(it_ice *a, int stream, const it_ice_cand *c, bool signalled)
{
    if (it_grow(a->cfg.alloc, &a->remotes, &a->cap_remotes, a->n_remotes + 1, sizeof a->remotes[0]))
        return NULL;
    it_ice_remote *r = &a->remotes[a->n_remotes++];
    *r = (it_ice_remote){.c = *c, .stream = stream, .signalled = signalled};
    r->c.flow = -1;
    return r;
}

/* The candidate is known better now: its pairs follow. */
static void adopt(it_ice *a, it_ice_remote *r, const it_ice_cand *c)
{
    r->c = *c;
    r->c.flow = -1;
    r->signalled = true;
    it_ice_stream *s = &a->streams[r->stream];
    for (size_t i = 0; i < s->n_pairs; i++)
        if (s->pairs[i]->remote.component == c->component && it_addr_eq(s->pairs[i]->remote.addr, c->addr) &&
            (s->pairs[i]->remote.transport == IT_ICE_UDP) == (c->transport == IT_ICE_UDP))
            s->pairs[i]->remote = r->c;
    it_ice_pairs_reprioritise(a);
}

/* True when candidate |c| of |stream| is nothing to pair: RFC 8445 section 5.1.1.1, no candidate of a proper agent's
 * and no address to send checks to (nor is one of RFC 6666); RFC 8839 section 5.1, a transport that is not supported.
 */
static bool is_ignored(const it_ice *a, int stream, const it_ice_cand *c)
{
    return a->streams[stream].ended || !it_ice_addr_usable(c->addr) || it_ice_is_tunnel(c->addr.ip) ||
           (c->transport != IT_ICE_UDP && !a->cfg.tcp);
}

/* Takes |c|, of which |r| is known already, maybe nothing. Returns 0, IT_ERR_FULL or IT_ERR_NOMEM. */
static int remote_take(it_ice *a, int stream, const it_ice_cand *c, it_ice_remote **r)
{
    if (!*r) {
        if (remote_count(a, true) >= IT_ICE_REMOTES_MAX)
            return IT_ERR_FULL;
        *r = remote_append(a, stream, c, true);
        return *r ? 0 : IT_ERR_NOMEM;
    }
    /* RFC 8445 section 6.1.2.4: of redundant ones the higher priority stays. Section 7.3.1.3: what was learned as
     * peer-reflexive takes its signalled foundation, and here kind and priority too, so that both sides order their
     * pairs alike (the aim of RFC 8838 section 11, rule 4A). */
    if (!(*r)->signalled || (*r)->c.priority < c->priority)
        adopt(a, *r, c);
    return 0;
}

int it_ice_add_remote(it_ice *a, it_time now, int stream, const it_ice_cand *c)
{
    (void)now;
    if (stream < 0 || (size_t)stream >= a->n_streams)
        return IT_ERR_RANGE;
    if (is_ignored(a, stream, c))
        return 0;
    it_ice_remote *r = it_ice_remote_find(a, stream, c->component, c->transport != IT_ICE_UDP, c->addr);
    if (a->remote_done) {
        /* RFC 8838 section 14: candidates after the end of candidates are ignored. */
        if (!r)
            it_ice_blame(a, stream, c->component, "a candidate after the end of candidates, RFC 8838 section 14");
        return 0;
    }
    if (!it_ice_comp_of(a, stream, c->component))
        return 0; /* RFC 8445 section 6.1.2.2: a component that only the far side has is not paired */
    int err = remote_take(a, stream, c, &r);
    if (err < 0)
        return err;
    it_ice_kick(a);
    return it_ice_pair_remote(a, r);
}

void it_ice_remote_done(it_ice *a, it_time now)
{
    a->remote_done = true;
    it_ice_lists_update(a, now);
    it_ice_nominate(a, now);
}

/* A foundation that no remote candidate has: RFC 8445 section 7.3.1.3. */
static void fresh_foundation(it_ice *a, it_ice_cand *c)
{
    bool taken = true;
    for (size_t k = a->n_remotes; taken; k++) {
        (void)snprintf(c->foundation, sizeof c->foundation, "prflx%zu", k);
        taken = false;
        for (size_t i = 0; i < a->n_remotes; i++)
            taken |= strcmp(a->remotes[i].c.foundation, c->foundation) == 0;
    }
}

it_ice_remote *it_ice_remote_learn(it_ice *a, const it_ice_base *base, it_addr addr, uint32_t priority)
{
    if (remote_count(a, false) >= IT_ICE_REMOTES_MAX)
        return NULL;
    /* RFC 6544 section 6.2: what goes with the base. */
    static const enum it_ice_transport WITH[] = {[IT_ICE_UDP] = IT_ICE_UDP,
                                                 [IT_ICE_TCP_ACTIVE] = IT_ICE_TCP_PASSIVE,
                                                 [IT_ICE_TCP_PASSIVE] = IT_ICE_TCP_ACTIVE,
                                                 [IT_ICE_TCP_SO] = IT_ICE_TCP_SO};
    it_ice_cand c = {.kind = IT_ICE_PRFLX,
                     .transport = WITH[base->transport],
                     .component = (uint16_t)base->component,
                     .priority = priority,
                     .addr = addr};
    fresh_foundation(a, &c);
    it_ice_remote *r = remote_append(a, base->stream, &c, false);
    if (!r)
        it_ice_latch(a, IT_ERR_NOMEM);
    return r;
}

it_ice_remote *it_ice_remote_tunnel(it_ice *a, const it_ice_base *base, const it_ice_cand *c)
{
    it_ice_remote *r = it_ice_remote_find(a, base->stream, base->component, false, c->addr);
    if (!r)
        r = remote_append(a, base->stream, c, true);
    if (!r)
        it_ice_latch(a, IT_ERR_NOMEM);
    return r;
}

/* --- candidates that the far side takes back ---
 *
 * ICE knows no removal: RFC 8445 section 9 restarts. libwebrtc has it, and a description that is complete each time can
 * tell it by leaving a candidate out. */

static bool same_transport(const it_ice_cand *x, const it_ice_cand *y)
{
    return (x->transport == IT_ICE_UDP) == (y->transport == IT_ICE_UDP);
}

static bool same_candidate(const it_ice_cand *x, const it_ice_cand *y)
{
    return x->component == y->component && same_transport(x, y) && it_addr_eq(x->addr, y->addr);
}

/* Takes remote candidate |r| of |stream| out of use, with the selected pair of this generation that has it. */
static void forget_remote(it_ice *a, it_time now, int stream, const it_ice_cand *r)
{
    it_ice_stream *s = &a->streams[stream];
    const it_ice_sel *sel = &it_ice_comp_of(a, stream, r->component)->sel;
    if (sel->gen == a->gen && same_candidate(&sel->view.remote, r))
        it_ice_sel_lose(a, now, stream, r->component);
    for (size_t i = s->n_pairs; i-- > 0;)
        if (same_candidate(&s->pairs[i]->remote, r))
            it_ice_pair_take(a, s, i);
}

void it_ice_keep_remote(it_ice *a, it_time now, int stream, const it_ice_cand *list, size_t n)
{
    if (stream < 0 || (size_t)stream >= a->n_streams)
        return;
    size_t kept = 0, had = a->n_remotes;
    for (size_t i = 0; i < had; i++) {
        const it_ice_remote r = a->remotes[i];
        bool told = r.stream != stream || !r.signalled || it_ice_is_tunnel(r.c.addr.ip);
        for (size_t k = 0; k < n && !told; k++)
            told = same_candidate(&list[k], &r.c);
        if (told)
            a->remotes[kept++] = r;
        else
            forget_remote(a, now, stream, &r.c);
    }
    a->n_remotes = kept;
    if (kept < had) {
        it_ice_losses_settle(a, now, stream, true); /* who takes one back goes on in this generation, too */
        it_ice_lists_update(a, now);
        it_ice_kick(a);
    }
}
