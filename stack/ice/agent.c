/* The agent object: set-up, views, events, and the input and output calls of stack/io.h. */
#include "stack/ice/impl.h"

#define STREAMS_MAX 64

void it_ice_cfg_default(it_ice_cfg *cfg)
{
    *cfg = (it_ice_cfg){
        .name = "ice",
        .timing = IT_STUN_TIMING_DEFAULT,
        .ta = IT_ICE_TA_DEFAULT,
        .keepalive = 15 * IT_SEC,
        .consent_interval = 5 * IT_SEC,
        .consent_timeout = 30 * IT_SEC,
        .patience = 39500 * IT_MS,
        .nominate_wait = 500 * IT_MS,
        .max_pairs = 100,
        .behaviour = {.nomination = IT_ICE_REGULAR},
    };
}

static int copy_text(char out[IT_ICE_TURN_NAME], const char *text)
{
    if (strlen(text) >= IT_ICE_TURN_NAME)
        return IT_ERR_RANGE;
    memcpy(out, text, strlen(text) + 1);
    return 0;
}

int it_ice_turn_of_uri(it_ice_turn *t, const it_turn_uri *uri, const it_ip *ips, size_t n, const char *username,
                       const char *password)
{
    *t = (it_ice_turn){.tcp = uri->transport == IT_TURN_OVER_TCP || uri->transport == IT_TURN_OVER_TLS,
                       .secure = uri->secure};
    if (!uri->turn)
        return IT_ERR_UNSUPPORTED;
    if (copy_text(t->username, username) < 0 || copy_text(t->password, password) < 0 ||
        strlen(uri->host) >= sizeof t->name)
        return IT_ERR_RANGE;
    memcpy(t->name, uri->host, strlen(uri->host) + 1);
    if (!it_ip_none(uri->ip)) {
        ips = &uri->ip;
        n = 1;
    }
    for (size_t i = n; i-- > 0;)
        t->server[it_ip_is6(ips[i])] = it_addr_of(ips[i], uri->port);
    return n ? 0 : IT_ERR_NOTFOUND;
}

/* Starts the stream NAME/purpose; false without memory. */
static bool stream_of(it_ice *a, it_rng *r, const char *purpose)
{
    it_str s;
    it_str_init(&s, a->cfg.alloc);
    it_str_printf(&s, "%s/%s", a->cfg.name, purpose);
    bool ok = !s.oom;
    if (ok)
        it_rng_init(r, a->cfg.seed, it_str_c(&s));
    it_str_fini(&s);
    return ok;
}

it_ice *it_ice_new(const it_ice_cfg *cfg)
{
    IT_ASSERT(cfg->n_stun >= 0 && cfg->n_stun <= IT_ICE_SERVERS_MAX && cfg->max_pairs > 0);
    IT_ASSERT(cfg->ta >= IT_ICE_TA_MIN && cfg->ta <= IT_ICE_TA_MAX && cfg->timing.rto > 0);
    it_ice *a = it_calloc(cfg->alloc, 1, sizeof *a);
    if (!a)
        return NULL;
    a->cfg = *cfg;
    a->controlling = cfg->controlling;
    if (cfg->behaviour.role != IT_ICE_ROLE_AGREED)
        a->controlling = cfg->behaviour.role == IT_ICE_ROLE_CONTROLLING;
    a->far_ta = IT_ICE_TA_DEFAULT;
    a->pac_at = IT_NEVER;
    a->idle = true;
    it_ice_conns_init(&a->conns, cfg->alloc);
    a->trans = it_stun_trans_new(cfg->alloc);
    bool ok = a->trans && stream_of(a, &a->rng_creds, "creds") && stream_of(a, &a->rng_tie, "tiebreaker") &&
              stream_of(a, &a->rng_txid, "txid") && stream_of(a, &a->rng_consent, "consent");
    it_ice_relay_init(a);
    a->cfg.name = NULL; /* was needed for the streams only */
    if (ok)
        a->gen = it_ice_gen_new(a);
    if (!a->gen) {
        it_ice_free(a);
        return NULL;
    }
    a->tiebreaker = it_rng_u64(&a->rng_tie);
    if (cfg->behaviour.has_tiebreaker)
        a->tiebreaker = cfg->behaviour.tiebreaker;
    return a;
}

static void comps_free(it_alloc *m, it_ice_comp *comps, int n)
{
    for (int i = 0; i < n; i++) {
        if (comps[i].sped)
            it_sped_fini(comps[i].sped);
        it_free(m, comps[i].sped);
    }
    it_free(m, comps);
}

/* |n| components without bases; NULL without memory. */
static it_ice_comp *comps_new(it_ice *a, int n)
{
    it_alloc *m = a->cfg.alloc;
    it_ice_comp *comps = it_calloc(m, (size_t)n, sizeof *comps);
    for (int i = 0; comps && i < n; i++)
        comps[i].first_valid = IT_NEVER;
    for (int i = 0; comps && i < n && a->cfg.behaviour.sped; i++) {
        comps[i].sped = it_calloc(m, 1, sizeof *comps[i].sped);
        if (!comps[i].sped) {
            comps_free(m, comps, n);
            return NULL;
        }
        it_sped_init(comps[i].sped, m);
    }
    return comps;
}

void it_ice_free(it_ice *a)
{
    if (!a)
        return;
    it_alloc *m = a->cfg.alloc;
    for (size_t i = 0; i < a->n_streams; i++) {
        for (size_t j = 0; j < a->streams[i].n_pairs; j++)
            it_free(m, a->streams[i].pairs[j]);
        it_free(m, a->streams[i].pairs);
        comps_free(m, a->streams[i].comps, a->streams[i].n_comps);
    }
    it_ice_gens_fini(a);
    it_ice_relay_fini(a);
    it_free(m, a->streams);
    it_free(m, a->bases);
    it_free(m, a->locals);
    it_free(m, a->remotes);
    it_free(m, a->tasks);
    it_free(m, a->early);
    it_free(m, a->out);
    it_free(m, a->events);
    it_free(m, a->unbinds);
    it_ice_conns_fini(&a->conns);
    if (a->trans)
        it_stun_trans_free(a->trans);
    it_free(m, a);
}

int it_ice_add_stream(it_ice *a, int n_components)
{
    if (n_components < 1 || n_components > 256 || a->n_streams >= STREAMS_MAX)
        return IT_ERR_RANGE;
    if (it_grow(a->cfg.alloc, &a->streams, &a->cap_streams, a->n_streams + 1, sizeof a->streams[0]))
        return IT_ERR_NOMEM;
    it_ice_comp *comps = comps_new(a, n_components);
    if (!comps)
        return IT_ERR_NOMEM;
    a->streams[a->n_streams++] = (it_ice_stream){.n_comps = n_components, .comps = comps};
    return it_ice_gen_add_stream(a) ? IT_ERR_NOMEM : (int)a->n_streams - 1;
}

const char *it_ice_ufrag(const it_ice *a)
{
    return a->gen->creds.ufrag;
}

const char *it_ice_pwd(const it_ice *a)
{
    return a->gen->creds.pwd;
}

const char *it_ice_stream_ufrag(const it_ice *a, int stream)
{
    return it_ice_creds_of(a->gen, stream)->ufrag;
}

const char *it_ice_stream_pwd(const it_ice *a, int stream)
{
    return it_ice_creds_of(a->gen, stream)->pwd;
}

uint32_t it_ice_generation(const it_ice *a)
{
    return a->gen->number;
}

bool it_ice_controlling(const it_ice *a)
{
    return a->controlling;
}

uint64_t it_ice_tiebreaker(const it_ice *a)
{
    return a->tiebreaker;
}

int it_ice_set_role(it_ice *a, bool controlling)
{
    if (a->checking || a->gen->number > 0)
        return IT_ERR_STATE;
    enum it_ice_role role = a->cfg.behaviour.role;
    if (a->cfg.behaviour.lite != a->far_lite)
        controlling = a->far_lite; /* RFC 8445 section 6.1.1: the full one of a full and a lite side */
    a->controlling = role == IT_ICE_ROLE_AGREED ? controlling : role == IT_ICE_ROLE_CONTROLLING;
    it_ice_pairs_reprioritise(a);
    return 0;
}

void it_ice_set_remote_traits(it_ice *a, bool lite, bool renominates)
{
    a->far_lite = lite;
    a->far_renominates = renominates;
}

bool it_ice_asks(const it_ice *a)
{
    return !a->cfg.behaviour.lite || !a->far_lite;
}

it_ice_comp *it_ice_comp_of(it_ice *a, int stream, int component)
{
    if (stream < 0 || (size_t)stream >= a->n_streams)
        return NULL;
    if (component < 1 || component > a->streams[stream].n_comps)
        return NULL;
    return &a->streams[stream].comps[component - 1];
}

it_sped *it_ice_sped(it_ice *a, int stream, int component)
{
    it_ice_comp *c = it_ice_comp_of(a, stream, component);
    return c ? c->sped : NULL;
}

it_ice_base *it_ice_base_of(it_ice *a, int flow)
{
    for (size_t i = 0; i < a->n_bases; i++)
        if (a->bases[i].flow == flow)
            return &a->bases[i];
    return NULL;
}

/* Adds |what|, whose flow is not there yet. Returns 0, IT_ERR_EXISTS, IT_ERR_FULL, IT_ERR_NOMEM. */
static int base_new(it_ice *a, const it_ice_base *what)
{
    if (it_ice_base_of(a, what->flow))
        return IT_ERR_EXISTS;
    if (a->n_bases >= IT_ICE_BASES_MAX)
        return IT_ERR_FULL;
    if (it_grow(a->cfg.alloc, &a->bases, &a->cap_bases, a->n_bases + 1, sizeof a->bases[0]))
        return IT_ERR_NOMEM;
    a->bases[a->n_bases++] = *what;
    return 0;
}

int it_ice_add_base(it_ice *a, it_time now, int stream, int component, int flow, it_addr base)
{
    it_ice_comp *c = it_ice_comp_of(a, stream, component);
    if (!c || a->streams[stream].ended || flow < 0 || !it_ice_addr_usable(base)) /* RFC 8445 section 5.1.1.1 */
        return IT_ERR_RANGE;
    it_ice_base b = {.kind = IT_ICE_HOST,
                     .stream = stream,
                     .component = component,
                     .flow = flow,
                     .addr = base,
                     .order = c->n_bases_ever};
    int err = c->n_bases_ever > UINT16_MAX / IT_ICE_SERVERS_MAX - 1 ? IT_ERR_FULL : base_new(a, &b);
    if (err)
        return err;
    c->n_bases_ever++;
    it_ice_relay_base_new(a, now, &a->bases[a->n_bases - 1]);
    /* RFC 8838 section 13: after the end of candidates, new ones wait for a restart. */
    if (a->gathering && !a->gathered)
        it_ice_base_gather(a, now, &a->bases[a->n_bases - 1]);
    return 0;
}

int it_ice_add_tunnel(it_ice *a, it_time now, int stream, int component, int flow, it_addr local, it_addr remote)
{
    const it_ice_comp *c = it_ice_comp_of(a, stream, component);
    if (!c || a->streams[stream].ended || flow < 0 || local.port == 0 || remote.port == 0)
        return IT_ERR_RANGE;
    if (!it_ice_is_tunnel(local.ip) || !it_ice_is_tunnel(remote.ip) || it_addr_eq(local, remote))
        return IT_ERR_RANGE;
    it_ice_base b = {.kind = IT_ICE_RELAY,
                     .stream = stream,
                     .component = component,
                     .flow = flow,
                     .addr = local,
                     .far = remote,
                     .order = UINT16_MAX};
    int err = base_new(a, &b);
    if (err)
        return err;
    it_ice_base_gather(a, now, &a->bases[a->n_bases - 1]);
    return 0;
}

/* --- events and outputs --- */

void it_ice_latch(it_ice *a, int err)
{
    if (!a->err)
        a->err = err;
}

static int unlatch(it_ice *a, int ok)
{
    int r = a->err ? a->err : ok;
    a->err = 0;
    return r;
}

void it_ice_kick(it_ice *a)
{
    a->idle = false;
}

void it_ice_kick_next(it_ice *a, it_time now)
{
    it_ice_kick(a);
    if (a->ta_at <= now)
        a->ta_at = now + 1;
}

void it_ice_say(it_ice *a, const it_ice_event *ev, const it_ice_cand *cand)
{
    if (a->head_event == a->n_events)
        a->head_event = a->n_events = 0;
    if (it_grow(a->cfg.alloc, &a->events, &a->cap_events, a->n_events + 1, sizeof a->events[0])) {
        it_ice_latch(a, IT_ERR_NOMEM);
        return;
    }
    it_ice_queued_event *q = &a->events[a->n_events++];
    *q = (it_ice_queued_event){.ev = *ev};
    if (cand)
        q->cand = *cand;
}

void it_ice_blame(it_ice *a, int stream, int component, const char *why)
{
    it_ice_say(a, &(it_ice_event){.kind = IT_ICE_PEER, .stream = stream, .component = component, .why = why}, NULL);
}

int it_ice_event_next(it_ice *a, it_ice_event *ev)
{
    if (a->head_event == a->n_events)
        return 0;
    it_ice_queued_event *q = &a->events[a->head_event++];
    *ev = q->ev;
    bool has_cand = q->ev.kind == IT_ICE_CANDIDATE || q->ev.kind == IT_ICE_REMOVED;
    ev->cand = has_cand ? &q->cand : NULL;
    return 1;
}

void it_ice_send_raw(it_ice *a, const it_ice_outgoing *o)
{
    if (a->head_out == a->n_out)
        a->head_out = a->n_out = 0;
    if (a->n_out >= IT_ICE_OUT_MAX)
        return;
    if (it_grow(a->cfg.alloc, &a->out, &a->cap_out, a->n_out + 1, sizeof a->out[0])) {
        it_ice_latch(a, IT_ERR_NOMEM);
        return;
    }
    a->out[a->n_out++] = *o;
}

int it_ice_output(it_ice *a, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    if (a->err)
        return unlatch(a, 0);
    while (a->head_out < a->n_out) {
        const it_ice_outgoing *o = &a->out[a->head_out++];
        size_t n = o->n <= cap ? o->n : 0;
        memcpy(buf, o->data, n);
        if (o->late)
            n = it_ice_late_answer(a, o, buf, cap);
        if (n == 0)
            continue;
        *out = (it_io){
            .kind = IT_IO_DGRAM, .flow = o->flow, .local = o->local, .remote = o->remote, .data = it_bytes_of(buf, n)};
        it_ice_note_sent(a, now, (int)o->flow, o->remote);
        if (!it_ice_relay_send(a, now, out) && !it_ice_tcp_send(a, now, out))
            return 1;
    }
    int r;
    while ((r = it_stun_trans_output(a->trans, now, out, buf, cap)) == 1) {
        it_ice_note_sent(a, now, (int)out->flow, out->remote);
        if (!it_ice_relay_send(a, now, out) && !it_ice_tcp_send(a, now, out))
            return 1;
    }
    if (r == 0)
        r = it_ice_tcp_output(a, now, out, buf, cap);
    return r != 0 ? r : it_ice_relay_output(a, now, out, buf, cap);
}

/* --- input --- */

/* RFC 8445 section 7.2.5.2.2, RFC 8489 section 6.2.1: a request to a server, or a check of a host candidate, has failed
 * when a hard ICMP error quotes it. A NAT before the far side refuses what the far side has not asked for yet, so that
 * errors about its other candidates say nothing of what may come; and of consent errors are no sign either way (RFC
 * 7675 section 5.1). */
static int icmp_error(it_ice *a, it_time now, const it_io *in)
{
    uint64_t tag;
    if (!it_stun_trans_quoted(a->trans, in, &tag))
        return unlatch(a, 0);
    const it_ice_pair *p =
        it_ice_tag_kind(tag) == IT_ICE_TAG_CHECK ? it_ice_pair_by_id(a, it_ice_tag_id(tag), NULL) : NULL;
    bool host = p && p->remote.kind == IT_ICE_HOST && it_ip_eq(in->icmp.from, p->remote.addr.ip);
    if (it_ice_tag_kind(tag) != IT_ICE_TAG_GATHER && !host)
        return unlatch(a, 0);
    (void)it_stun_trans_error(a->trans, in);
    it_ice_timeouts(a, now);
    it_ice_lists_update(a, now);
    return unlatch(a, 0);
}

int it_ice_input(it_ice *a, it_time now, const it_io *in)
{
    it_stun_msg m;
    if (in->kind == IT_IO_ERROR)
        return icmp_error(a, now, in);
    if (in->kind != IT_IO_DGRAM || it_stun_parse(&m, in->data) || m.method != IT_STUN_BINDING)
        return unlatch(a, (int)in->data.n);
    /* An indication is a keepalive and asks for nothing: RFC 8445 section 11. */
    if (m.cls == IT_STUN_REQUEST)
        it_ice_serve(a, now, in, &m);
    else if (m.cls != IT_STUN_INDICATION)
        it_ice_response(a, now, in, &m);
    it_ice_lists_update(a, now);
    it_ice_nominate(a, now);
    it_ice_renominate(a, now);
    return unlatch(a, (int)in->data.n);
}

/* A role change: pair priorities depend on it, nominations under way are no longer ours to make. */
void it_ice_switch_role(it_ice *a, bool new_tiebreaker)
{
    a->controlling = !a->controlling;
    /* RFC 8445 section 7.2.5.1: the agent that was told of the conflict MUST change its tie-breaker. */
    if (new_tiebreaker && a->cfg.behaviour.conflict == IT_ICE_CONFLICT_REDRAWS)
        a->tiebreaker = it_rng_u64(&a->rng_tie);
    for (size_t i = 0; i < a->n_streams; i++)
        for (size_t j = 0; j < a->streams[i].n_pairs; j++) {
            a->streams[i].pairs[j]->nominating = false;
            a->streams[i].pairs[j]->use = false;
        }
    it_ice_pairs_reprioritise(a);
    it_ice_say(a, &(it_ice_event){.kind = IT_ICE_ROLE}, NULL);
    it_ice_kick(a);
}

int it_ice_selected(const it_ice *a, int stream, int component, it_ice_pair_view *v)
{
    if (stream < 0 || (size_t)stream >= a->n_streams || component < 1 || component > a->streams[stream].n_comps)
        return IT_ERR_NOTFOUND;
    const it_ice_sel *s = &a->streams[stream].comps[component - 1].sel;
    if (!s->gen)
        return IT_ERR_NOTFOUND;
    *v = s->view;
    return 0;
}

static const char *const PAIR_STATES[] = {"frozen", "waiting", "in-progress", "succeeded", "failed"};

bool it_ice_pair_at(const it_ice *a, int stream, size_t i, it_ice_pair_info *p)
{
    if (stream < 0 || (size_t)stream >= a->n_streams || i >= a->streams[stream].n_pairs)
        return false;
    const it_ice_pair *x = a->streams[stream].pairs[i];
    *p = (it_ice_pair_info){.local = x->local,
                            .remote = x->remote,
                            .priority = x->prio,
                            .state = PAIR_STATES[x->state],
                            .valid = x->valid,
                            .nominated = x->nominated};
    return true;
}

static void dump_pair(const it_ice_pair *p, it_str *out)
{
    char l[IT_ADDR_TEXT], r[IT_ADDR_TEXT];
    it_str_printf(out, "%d.%u %s %s %s -> %s %s%s%s%s%s", p->stream, p->local.component, PAIR_STATES[p->state],
                  it_ice_kind_name(p->local.kind), it_addr_text(p->local.addr, l), it_ice_kind_name(p->remote.kind),
                  it_addr_text(p->remote.addr, r), p->queued ? " triggered" : "", p->nominating ? " nominating" : "",
                  p->valid ? " valid" : "", p->nominated ? " nominated" : "");
    if (p->valid)
        it_str_printf(out, " as %s %s", it_ice_kind_name(p->valid_local.kind), it_addr_text(p->valid_local.addr, l));
    it_str_putc(out, '\n');
}

void it_ice_dump(const it_ice *a, it_str *out)
{
    for (size_t i = 0; i < a->n_streams; i++)
        for (size_t j = 0; j < a->streams[i].n_pairs; j++)
            dump_pair(a->streams[i].pairs[j], out);
}

int it_ice_relay_tick_end(it_ice *a, it_time now)
{
    it_ice_relay_tick(a, now);
    int err = a->err;
    a->err = 0;
    return err;
}
