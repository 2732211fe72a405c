/* TURN clients beside bases: they are started by gathering, and what they say becomes candidates and datagrams. */
#include "stack/ice/relay.h"

#include "stack/ice/impl.h"
#include "stack/tls/dgram.h"
#include "stack/turn/attrs.h"
#include "stack/turn/channel.h"

void it_ice_relay_init(it_ice *a)
{
    IT_ASSERT(a->cfg.n_turn >= 0 && a->cfg.n_turn <= IT_ICE_TURN_MAX);
    for (int i = 0; i < a->cfg.n_turn; i++)
        IT_ASSERT(!a->cfg.turn[i].secure || a->cfg.tls.shared);
    it_rng_init(&a->rng_turn, it_hash_mix(a->cfg.seed, it_hash_str(a->cfg.name)), "ice/turn");
}

/* --- which is which --- */

static it_ice_relay *relay_of_flow(const it_ice *a, uint32_t flow)
{
    if (flow < IT_ICE_RELAY_FLOW || flow >= IT_ICE_TCP_FLOW)
        return NULL;
    uint32_t id = (flow - IT_ICE_RELAY_FLOW) / 2;
    for (size_t i = 0; i < a->n_relays; i++)
        if (a->relays[i].id == id)
            return &a->relays[i];
    return NULL;
}

static uint32_t relay_flow(const it_ice_relay *r, int six)
{
    return IT_ICE_RELAY_FLOW + 2 * r->id + (uint32_t)six;
}

static it_ice_relay *relay_of_stream(const it_ice *a, uint32_t flow)
{
    if (flow < IT_ICE_RELAY_STREAM || flow >= IT_ICE_RELAY_FLOW)
        return NULL;
    for (size_t i = 0; i < a->n_relays; i++)
        if (a->relays[i].tcp && a->relays[i].id == flow - IT_ICE_RELAY_STREAM)
            return &a->relays[i];
    return NULL;
}

uint32_t it_ice_relay_base(const it_ice *a, uint32_t flow)
{
    const it_ice_relay *r = relay_of_flow(a, flow);
    return r ? (uint32_t)r->base : flow;
}

bool it_ice_relay_is_tcp(const it_ice *a, uint32_t flow)
{
    const it_ice_relay *r = relay_of_flow(a, flow);
    return r && r->tcp;
}

it_ip it_ice_relay_server(const it_ice *a, int flow)
{
    const it_ice_relay *r = relay_of_flow(a, (uint32_t)flow);
    return r ? it_turn_client_server(r->c).ip : (it_ip){0, 0};
}

/* --- gathering --- */

it_ice_relay *it_ice_relay_at(it_ice *a, int base, int server)
{
    for (size_t i = 0; i < a->n_relays; i++) {
        it_ice_relay *r = &a->relays[i];
        if (r->base == base && r->server == server && !r->closing)
            return r;
    }
    return NULL;
}

bool it_ice_relay_leaving(const it_ice *a, int base, int server)
{
    for (size_t i = 0; i < a->n_relays; i++) {
        const it_ice_relay *r = &a->relays[i];
        if (r->closing && !r->tcp && r->base == base && r->server == server)
            return true;
    }
    return false;
}

int it_ice_relay_start(it_ice *a, it_time now, uint32_t task, const it_ice_base *b, int server, it_time rto)
{
    const it_ice_turn *t = &a->cfg.turn[server];
    int six = it_ip_is6(b->addr.ip);
    if (a->n_relays == IT_ICE_RELAYS_MAX)
        return IT_ERR_FULL;
    if (it_grow(a->cfg.alloc, &a->relays, &a->cap_relays, a->n_relays + 1, sizeof *a->relays) < 0)
        return IT_ERR_NOMEM;
    it_ice_relay r = {.id = a->last_relay,
                      .task = task,
                      .base = b->flow,
                      .server = server,
                      .stream = b->stream,
                      .component = b->component,
                      .order = b->order,
                      .tcp = t->tcp,
                      .sent_at = now,
                      .idle_at = IT_NEVER,
                      .home_by = IT_NEVER};
    it_turn_client_cfg cfg = {.alloc = a->cfg.alloc,
                              .username = t->username,
                              .password = t->password,
                              .flow = t->tcp ? IT_ICE_RELAY_STREAM + r.id : (uint32_t)b->flow,
                              .local = t->tcp ? it_addr_of(b->addr.ip, 0) : b->addr,
                              .server = t->server[six],
                              .stream = t->tcp,
                              .mobility = t->mobility && !t->tcp,
                              .timing = a->cfg.timing};
    cfg.timing.rto = rto;
    /* RFC 8656 section 7.1: both families where the host has but one, so that it reaches peers of the other. */
    cfg.additional = !it_ice_asks_by_both(a, b, t);
    cfg.family = six && !cfg.additional ? IT_TURN_FAMILY6 : 0;
    it_rng_init(&cfg.rng, it_rng_u64(&a->rng_turn), "turn");
    it_tls_cfg tls = a->cfg.tls;
    if (t->secure) {
        tls.client = true;
        tls.name = t->name;
        it_rng_init(&tls.rng, it_rng_u64(&a->rng_turn), "tls");
        cfg.tls = &tls;
    }
    r.c = it_turn_client_new(&cfg, now);
    if (!r.c)
        return IT_ERR_NOMEM;
    a->last_relay++;
    a->relays[a->n_relays++] = r;
    return 0;
}

/* True when |r|'s component has |addr| as a host base. */
static bool is_own_address(const it_ice *a, const it_ice_relay *r, it_addr addr)
{
    for (size_t i = 0; i < a->n_bases; i++) {
        const it_ice_base *b = &a->bases[i];
        if (b->kind == IT_ICE_HOST && b->transport == IT_ICE_UDP && b->stream == r->stream &&
            b->component == r->component && it_addr_eq(b->addr, addr))
            return true;
    }
    return false;
}

/* A base for the relayed address |addr|. Those of UDP stand before those of TCP, then in the order of bases and
 * servers, IPv6 first. */
static void relay_base_add(it_ice *a, it_time now, const it_ice_relay *r, it_addr addr, it_addr mapped)
{
    int six = it_ip_is6(addr.ip);
    if (!it_ice_addr_usable(addr) || it_ice_base_of(a, (int)relay_flow(r, six)))
        return;
    if (is_own_address(a, r, addr)) /* RFC 8445 section 5.1.1.2: the relayed one MUST be discarded */
        return;
    if (it_grow(a->cfg.alloc, &a->bases, &a->cap_bases, a->n_bases + 1, sizeof a->bases[0])) {
        it_ice_latch(a, IT_ERR_NOMEM);
        return;
    }
    const it_ice_base *parent = it_ice_base_of(a, r->base);
    bool superseded = parent && parent->superseded;
    uint32_t place = (r->order * IT_ICE_TURN_MAX + (uint32_t)r->server) * 2 + !six;
    it_ice_base *b = &a->bases[a->n_bases++];
    *b = (it_ice_base){.kind = IT_ICE_RELAY,
                       .stream = r->stream,
                       .component = r->component,
                       .flow = (int)relay_flow(r, six),
                       .addr = addr,
                       .related = mapped,
                       .superseded = superseded,
                       .order = (place < 0x8000 ? place : 0x7fff) + (r->tcp ? 0x8000 : 0)};
    if (a->gathering && !a->gathered)
        it_ice_base_gather(a, now, b);
}

/* --- what clients say --- */

static void relay_bases_drop(it_ice *a, it_time now, const it_ice_relay *r)
{
    uint32_t flow = relay_flow(r, 0);
    it_ice_remove_base(a, now, (int)flow);
    it_ice_remove_base(a, now, (int)flow + 1);
}

/* A peer was refused: its pairs fail, as no check of theirs will leave. */
static void relay_refused(it_ice *a, it_time now, const it_ice_relay *r, it_ip peer)
{
    it_ice_stream *s = &a->streams[r->stream];
    int flow = (int)relay_flow(r, it_ip_is6(peer));
    for (size_t i = 0; i < s->n_pairs; i++) {
        it_ice_pair *p = s->pairs[i];
        if (p->local.flow != flow || !it_ip_eq(p->remote.addr.ip, peer) || p->valid)
            continue;
        it_ice_pair_end_checks(a, p);
        it_ice_pair_refuse(a, p);
    }
    it_ice_lists_update(a, now);
}

static void relay_allocated(it_ice *a, it_time now, it_ice_relay *r, const it_turn_client_event *ev)
{
    r->allocated = true;
    if (!r->tcp)
        r->mapped = ev->mapped;
    for (int six = 1; six >= 0; six--)
        if (!it_ip_none(ev->relayed[six].ip))
            relay_base_add(a, now, r, ev->relayed[six], ev->mapped);
    it_ice_gather_relayed(a, now, r->task, r->mapped);
}

/* The allocation is gone, or was never had. */
static void relay_gone(it_ice *a, it_time now, it_ice_relay *r)
{
    uint32_t task = r->task;
    r->allocated = false;
    r->closing = true;
    if (it_turn_client_close(r->c, now) < 0)
        it_ice_latch(a, IT_ERR_NOMEM);
    relay_bases_drop(a, now, r);
    it_ice_gather_relayed(a, now, task, (it_addr){{0, 0}, 0});
}

/* Keeps a datagram for it_ice_relay_take. */
static void relay_data(it_ice *a, const it_ice_relay *r, const it_turn_client_event *ev)
{
    int six = it_ip_is6(ev->peer.ip);
    const it_ice_base *b = it_ice_base_of(a, (int)relay_flow(r, six));
    if (!b)
        return;
    if (it_grow(a->cfg.alloc, &a->relayed, &a->cap_relayed, ev->data.n + 1, 1) < 0) {
        it_ice_latch(a, IT_ERR_NOMEM);
        return;
    }
    if (ev->data.n)
        memcpy(a->relayed, ev->data.p, ev->data.n);
    a->relayed_io = (it_io){.kind = IT_IO_DGRAM,
                            .flow = (uint32_t)b->flow,
                            .local = b->addr,
                            .remote = ev->peer,
                            .data = it_bytes_of(a->relayed, ev->data.n)};
    a->relayed_any = true;
}

/* The allocation has moved. RFC 8016 section 3.2.2: the server sends to the old place until something for a peer comes
 * from the new one, and who only listens would be sent nothing: a keepalive is due. */
static void relay_moved(it_ice *a, it_time now, const it_ice_relay *r)
{
    for (size_t i = 0; i < a->n_streams; i++)
        for (int k = 0; k < a->streams[i].n_comps; k++) {
            it_ice_sel *s = &a->streams[i].comps[k].sel;
            if (s->gen && relay_of_flow(a, (uint32_t)s->view.local.flow) == r)
                s->last_sent = now - a->cfg.keepalive;
        }
}

static void relay_event(it_ice *a, it_time now, it_ice_relay *r, const it_turn_client_event *ev)
{
    switch (ev->kind) {
    case IT_TURN_CLIENT_ALLOCATED:
        relay_allocated(a, now, r, ev);
        break;
    case IT_TURN_CLIENT_FAILED:
    case IT_TURN_CLIENT_LOST:
        relay_gone(a, now, r);
        break;
    case IT_TURN_CLIENT_MOVED:
        relay_moved(a, now, r);
        break;
    case IT_TURN_CLIENT_REFUSED:
        relay_refused(a, now, r, ev->peer.ip);
        break;
    case IT_TURN_CLIENT_DATA:
        relay_data(a, r, ev);
        break;
    default:
        break;
    }
}

/* RFC 8445 section 7.2.2 and RFC 8656 section 9: a permission for each pair before its first check. */
static void relay_permits(it_ice *a, it_time now)
{
    a->permits_due = false;
    for (size_t i = 0; i < a->n_streams; i++)
        for (size_t j = 0; j < a->streams[i].n_pairs; j++) {
            it_ice_pair *p = a->streams[i].pairs[j];
            it_ice_relay *r = p->permitted ? NULL : relay_of_flow(a, (uint32_t)p->local.flow);
            if (!r || !r->allocated)
                continue;
            p->permitted = true;
            if (it_turn_client_permit(r->c, now, p->remote.addr.ip) == IT_ERR_NOMEM)
                it_ice_latch(a, IT_ERR_NOMEM);
        }
}

/* Frees the relays that are over. Gathering may wait for one of them. */
static void relays_tidy(it_ice *a, it_time now)
{
    size_t kept = 0;
    for (size_t i = 0; i < a->n_relays; i++) {
        bool over = a->relays[i].closing && it_turn_client_over(a->relays[i].c);
        if (over)
            it_turn_client_free(a->relays[i].c);
        else if (kept < i)
            a->relays[kept] = a->relays[i];
        kept += !over;
    }
    if (kept < a->n_relays) {
        it_ice_kick_next(a, now);
    }
    a->n_relays = kept;
}

/* Takes what the clients have to say, up to the next datagram. */
static void relays_pump(it_ice *a, it_time now)
{
    it_turn_client_event ev;
    for (size_t i = 0; i < a->n_relays; i++)
        while (!a->relayed_any && it_turn_client_event_next(a->relays[i].c, &ev))
            relay_event(a, now, &a->relays[i], &ev);
    if (a->permits_due)
        relay_permits(a, now);
    relays_tidy(a, now);
}

bool it_ice_relay_take(it_ice *a, it_time now, it_io *in)
{
    relays_pump(a, now);
    if (!a->relayed_any)
        return false;
    *in = a->relayed_io;
    a->relayed_any = false;
    return true;
}

/* --- in --- */

/* What a server says that is no answer to a Binding request of the agent's. */
static bool is_turn(it_bytes d)
{
    it_stun_msg m;
    if (it_turn_message_kind(d) == IT_TURN_MESSAGE_CHANNEL)
        return true;
    return it_stun_is(d) && it_stun_parse(&m, d) == 0 && m.method != IT_STUN_BINDING;
}

/* True when the datagram |d| of |r|'s server is for its client: by DTLS or not, as that speaks (RFC 7983 section 7). */
static bool is_for(const it_ice *a, const it_ice_relay *r, it_bytes d)
{
    return a->cfg.turn[r->server].secure ? it_tls_dgram_is(d) : is_turn(d);
}

/* A datagram of a server, or an error about one to it: every client of the base and server hears it. */
static bool relay_datagram(it_ice *a, it_time now, const it_io *in, int *taken)
{
    bool any = false;
    for (size_t i = 0; i < a->n_relays; i++) {
        it_ice_relay *r = &a->relays[i];
        if (r->tcp || (uint32_t)r->base != in->flow || !it_addr_eq(it_turn_client_server(r->c), in->remote))
            continue;
        if (in->kind == IT_IO_DGRAM && !is_for(a, r, in->data))
            continue;
        int n = it_turn_client_input(r->c, now, in);
        *taken = n < 0 ? n : (int)in->data.n;
        any = in->kind == IT_IO_DGRAM; /* an error may be about a Binding request, too */
    }
    return any;
}

bool it_ice_relay_input(it_ice *a, it_time now, const it_io *in, int *taken)
{
    bool any = false;
    *taken = in->kind == IT_IO_DATA ? (int)in->data.n : 0;
    if (a->n_relays == 0)
        return false;
    it_ice_relay *r = relay_of_stream(a, in->flow);
    if (r) {
        *taken = it_turn_client_input(r->c, now, in);
        any = true;
    } else if (in->kind == IT_IO_DGRAM || in->kind == IT_IO_ERROR) {
        any = relay_datagram(a, now, in, taken);
    }
    relays_pump(a, now);
    return any;
}

/* --- out --- */

bool it_ice_relay_send(it_ice *a, it_time now, const it_io *io)
{
    if (io->kind != IT_IO_DGRAM || io->flow < IT_ICE_RELAY_FLOW || io->flow >= IT_ICE_TCP_FLOW)
        return false;
    it_ice_relay *r = relay_of_flow(a, io->flow);
    if (r && it_turn_client_send(r->c, now, io->remote, io->data, false) == IT_ERR_NOMEM)
        it_ice_latch(a, IT_ERR_NOMEM);
    return true;
}

int it_ice_relay_output(it_ice *a, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    relays_pump(a, now);
    for (size_t i = 0; i < a->n_relays; i++) {
        it_ice_relay *r = &a->relays[i];
        int n = it_turn_client_output(r->c, now, out, buf, cap);
        if (n > 0)
            r->sent_at = now;
        if (n != 0)
            return n;
    }
    return 0;
}

/* RFC 8445 section 5.1.1.4: the way to the server is kept open by a Binding indication. */
static void relay_keepalive(it_ice *a, it_time now, it_ice_relay *r)
{
    it_ice_outgoing o = {.flow = (uint32_t)r->base, .remote = it_turn_client_server(r->c)};
    const it_ice_base *b = it_ice_base_of(a, r->base);
    uint8_t txid[IT_STUN_TXID];
    it_buf buf;
    r->sent_at = now;
    if (!b)
        return;
    o.local = b->addr;
    it_rng_bytes(&a->rng_turn, txid, sizeof txid);
    it_buf_init(&buf, o.data, sizeof o.data);
    it_stun_begin(&buf, IT_STUN_INDICATION, IT_STUN_BINDING, txid);
    it_stun_put_fingerprint(&buf);
    int n = it_stun_end(&buf);
    IT_ASSERT(n > 0);
    o.n = (uint16_t)n;
    it_ice_send_raw(a, &o);
}

/* --- use and end --- */

/* True when a selected pair sends through |r|. */
static bool relay_selected(const it_ice *a, const it_ice_relay *r)
{
    for (size_t i = 0; i < a->n_streams; i++)
        for (int c = 0; c < a->streams[i].n_comps; c++) {
            const it_ice_sel *s = &a->streams[i].comps[c].sel;
            if (s->gen && relay_of_flow(a, (uint32_t)s->view.local.flow) == r)
                return true;
        }
    return false;
}

void it_ice_relay_selected(it_ice *a, it_time now, int flow, it_addr remote)
{
    it_ice_relay *r = relay_of_flow(a, (uint32_t)flow);
    if (!r)
        return;
    /* RFC 8656 section 12: four bytes a packet. */
    if (it_turn_client_bind(r->c, now, remote) == IT_ERR_NOMEM)
        it_ice_latch(a, IT_ERR_NOMEM);
    for (size_t i = 0; i < a->n_remotes; i++)
        if (!it_ip_eq(a->remotes[i].c.addr.ip, remote.ip))
            it_turn_client_forget(r->c, a->remotes[i].c.addr.ip);
}

/* RFC 8445 section 8.3: when every component has its pair, what no pair uses is given back, a little later. */
static void relay_idle(it_ice *a, it_time now, it_ice_relay *r)
{
    if (!a->completed || a->cfg.behaviour.continual || r->closing || relay_selected(a, r)) {
        r->idle_at = IT_NEVER;
        return;
    }
    if (r->idle_at == IT_NEVER)
        r->idle_at = now + IT_ICE_LINGER;
    if (now >= r->idle_at)
        relay_gone(a, now, r);
}

void it_ice_relay_end_stream(it_ice *a, it_time now, int stream)
{
    for (size_t i = 0; i < a->n_relays; i++)
        if (a->relays[i].stream == stream && !a->relays[i].closing)
            relay_gone(a, now, &a->relays[i]);
}

static void relay_abandon(it_ice *a, it_time now, it_ice_relay *r)
{
    r->closing = true;
    r->allocated = false;
    r->home_by = IT_NEVER;
    it_turn_client_abort(r->c);
    relay_bases_drop(a, now, r);
}

/* --- mobility (RFC 8016) --- */

/* True when |r| can move to |b|: the same component, the family by which its server is spoken to, and no allocation of
 * another there, whose 5-tuple it would be. */
static bool relay_fits(it_ice *a, const it_ice_relay *r, const it_ice_base *b)
{
    if (!it_ice_base_hosts(b, r->stream, r->component) || b->flow == r->base || it_ip_link_local(b->addr.ip))
        return false;
    if (it_ip_is4(b->addr.ip) != it_ip_is4(it_turn_client_server(r->c).ip))
        return false;
    return !it_ice_relay_at(a, b->flow, r->server) && !it_ice_relay_leaving(a, b->flow, r->server);
}

/* Moves |r| to |b|, or with NULL lets it wait for a base. */
static void relay_move(it_ice *a, it_time now, it_ice_relay *r, const it_ice_base *b)
{
    it_addr none = {{0, 0}, 0};
    r->base = b ? b->flow : -1;
    r->home_by = b ? IT_NEVER : now + IT_ICE_RELAY_HOMELESS;
    r->mapped = none;
    r->sent_at = now;
    if (it_turn_client_move(r->c, now, (uint32_t)r->base, b ? b->addr : none) == IT_ERR_NOMEM)
        it_ice_latch(a, IT_ERR_NOMEM);
}

/* The base of |r| goes. */
static void relay_base_lost(it_ice *a, it_time now, it_ice_relay *r, const it_ice_base *old)
{
    const it_ice_base *to = NULL;
    bool stays = old && !old->superseded && !r->closing;
    if (!stays || !it_turn_client_mobile(r->c)) {
        relay_abandon(a, now, r);
        return;
    }
    for (size_t i = 0; i < a->n_bases && !to; i++)
        if (relay_fits(a, r, &a->bases[i]))
            to = &a->bases[i];
    relay_move(a, now, r, to);
}

void it_ice_relay_base_gone(it_ice *a, it_time now, int base)
{
    for (size_t i = 0; i < a->n_relays; i++)
        if (a->relays[i].base == base)
            relay_base_lost(a, now, &a->relays[i], it_ice_base_of(a, base));
}

void it_ice_relay_base_new(it_ice *a, it_time now, const it_ice_base *b)
{
    for (size_t i = 0; i < a->n_relays; i++)
        if (a->relays[i].home_by != IT_NEVER && relay_fits(a, &a->relays[i], b))
            relay_move(a, now, &a->relays[i], b);
}

void it_ice_relay_release(it_ice *a, it_time now)
{
    for (size_t i = 0; i < a->n_relays; i++)
        if (!a->relays[i].closing) {
            a->relays[i].closing = true;
            if (it_turn_client_close(a->relays[i].c, now) < 0)
                it_ice_latch(a, IT_ERR_NOMEM);
        }
}

bool it_ice_relay_over(const it_ice *a)
{
    return a->n_relays == 0;
}

void it_ice_relay_fini(it_ice *a)
{
    for (size_t i = 0; i < a->n_relays; i++)
        it_turn_client_free(a->relays[i].c);
    it_free(a->cfg.alloc, a->relays);
    it_free(a->cfg.alloc, a->relayed);
}

/* --- time --- */

void it_ice_relay_tick(it_ice *a, it_time now)
{
    for (size_t i = 0; i < a->n_relays; i++) {
        it_ice_relay *r = &a->relays[i];
        if (it_turn_client_next(r->c) <= now && it_turn_client_tick(r->c, now) < 0)
            it_ice_latch(a, IT_ERR_NOMEM);
        if (r->allocated && !r->tcp && now >= r->sent_at + a->cfg.keepalive)
            relay_keepalive(a, now, r);
        if (r->home_by <= now)
            relay_abandon(a, now, r);
        relay_idle(a, now, r);
    }
    relays_pump(a, now);
}

it_time it_ice_relay_next(const it_ice *a)
{
    it_time at = a->permits_due ? 0 : IT_NEVER;
    for (size_t i = 0; i < a->n_relays; i++) {
        const it_ice_relay *r = &a->relays[i];
        it_time own = it_turn_client_next(r->c), quiet = r->sent_at + a->cfg.keepalive;
        if (r->allocated && !r->tcp && quiet < own)
            own = quiet;
        own = r->idle_at < own ? r->idle_at : own;
        own = r->home_by < own ? r->home_by : own;
        at = own < at ? own : at;
    }
    return at;
}
