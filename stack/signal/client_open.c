/* The signal client, opening: which ways to the server there are, and several attempts side by side, as RFC 8305 has
 * them. */
#include "stack/signal/client_impl.h"

#include "stack/http/message.h"

enum { FIRST_FLOW = 1 };
static const it_time STAGGER = 250 * IT_MS; /* RFC 8305 section 5: Connection Attempt Delay */
static const it_time PORT_STAGGER = IT_SEC; /* to another port: as long as a SYN waits (RFC 6298 section 2) */

/* --- the ways there are --- */

/* The proxy by which what leaves from |local| goes; kind NONE: it goes directly. */
static const it_via *via_of(const it_signal_client *c, it_ip local)
{
    for (size_t i = 0; i < c->cfg.n_exits; i++)
        if (it_ip_eq(c->cfg.exits[i].local, local))
            return &c->cfg.exits[i].via;
    return &c->cfg.via;
}

/* Whether |local| (none: the host chooses) reaches what is at |remote|, as far as families tell. */
static bool is_family(it_ip local, it_ip remote)
{
    return it_ip_none(local) || it_ip_is4(local) == it_ip_is4(remote);
}

/* Adds the ways from |local| to |port| of the server. By a proxy that takes a name there is one. */
static void add_ways(it_signal_client *c, it_addr local, uint16_t port)
{
    const it_via *via = via_of(c, local.ip);
    bool by_proxy = via->kind != IT_VIA_NONE, named = by_proxy && c->cfg.host;
    size_t n = named ? 1 : c->n_ips;
    for (size_t i = 0; i < n && c->n_ways < IT_SIGNAL_WAYS; i++) {
        it_addr to = it_addr_of(c->n_ips ? c->ips[i] : (it_ip){0, 0}, port);
        if (is_family(local.ip, by_proxy ? via->proxy.ip : to.ip))
            c->ways[c->n_ways++] = (it_signal_way){{local.ip, 0}, to, via};
    }
}

/* Lists them: the first port from every base, in the order of these, then the other port. */
static void list_ways(it_signal_client *c)
{
    const uint16_t ports[] = {c->cfg.server.port, c->cfg.also};
    c->n_ways = 0;
    for (int p = 0; p < (c->cfg.also ? 2 : 1); p++) {
        for (int b = 0; b < c->n_bases; b++)
            add_ways(c, c->bases[b].local, ports[p]);
        if (c->n_bases == 0)
            add_ways(c, (it_addr){{0, 0}, 0}, ports[p]);
    }
}

/* Whether every base goes by a proxy, which then finds the server's address. */
static bool needs_address(const it_signal_client *c)
{
    if (!c->stub)
        return false;
    for (int b = 0; b < c->n_bases; b++)
        if (via_of(c, c->bases[b].local.ip)->kind == IT_VIA_NONE)
            return true;
    return c->n_bases == 0;
}

bool it_signal_can_ask(const it_signal_client *c, int *base)
{
    int n = 0, first = -1;
    for (int b = 0; b < c->n_bases; b++)
        n += it_ip_is4(c->bases[b].local.ip) == it_ip_is4(c->cfg.resolver.ip);
    for (int b = 0, k = 0; b < c->n_bases; b++)
        if (it_ip_is4(c->bases[b].local.ip) == it_ip_is4(c->cfg.resolver.ip) && k++ == (int)(c->asks % (unsigned)n))
            first = b;
    *base = first;
    return first >= 0;
}

/* --- legs --- */

it_addr it_signal_server_addr(const it_signal_client *c)
{
    const it_signal_leg *g = c->main >= 0 ? c->v[c->main] : NULL;
    return g ? g->way.to : c->cfg.server;
}

void it_signal_drop_leg(it_signal_client *c, int k)
{
    it_signal_leg *g = c->v[k];
    if (!g)
        return;
    bool said = g->s.state != IT_STREAM_NEW && g->s.state != IT_STREAM_DUE;
    if (said && it_stream_alive(&g->s) && c->n_dead < IT_SIGNAL_DEAD)
        c->dead[c->n_dead++] = g->s.flow;
    it_layers_fini(&g->ls);
    it_free(c->cfg.alloc, g);
    c->v[k] = NULL;
    if (c->main == k)
        c->main = -1;
}

static int push_layer(it_signal_leg *g, it_layer l)
{
    return l.ops && it_layers_push(&g->ls, l) == 0 ? 0 : IT_ERR_NOMEM;
}

static int push_tls(it_signal_client *c, it_signal_leg *g)
{
    it_tls_cfg cfg = *c->cfg.tls;
    it_rng_init(&cfg.rng, it_rng_u64(&c->cfg.rng), "tls");
    g->tls = it_tls_layer(&cfg);
    return push_layer(g, g->tls);
}

static int push_ws(it_signal_client *c, it_signal_leg *g)
{
    it_ws_cfg cfg = {.alloc = c->cfg.alloc,
                     .largest = IT_SIGNAL_RECORD,
                     .protocol = IT_SIGNAL_PROTOCOL,
                     .open_wait = c->cfg.patience,
                     .ping_every = c->cfg.ping,
                     .ping_wait = c->cfg.patience};
    it_str target;
    it_rng_init(&cfg.rng, it_rng_u64(&c->cfg.rng), "ws");
    it_str_init(&target, c->cfg.alloc);
    it_signal_write_target(c, &target, 0);
    g->ws = target.oom ? (it_layer){NULL, NULL} : it_ws_client(&cfg, c->host, it_str_c(&target));
    it_str_fini(&target);
    return push_layer(g, g->ws);
}

int it_signal_open_leg(it_signal_client *c, int k, const it_signal_way *way)
{
    it_signal_leg *g = it_calloc(c->cfg.alloc, 1, sizeof *g);
    int err = 0;
    if (!g)
        return IT_ERR_NOMEM;
    g->way = *way;
    g->asked = g->begun = c->now;
    it_layers_init(&g->ls, c->cfg.alloc, &g->s);
    bool by_proxy = way->via->kind != IT_VIA_NONE;
    if (by_proxy) {
        g->via = it_via_layer(c->cfg.alloc, way->via, way->to, c->cfg.host ? c->host : NULL);
        err = push_layer(g, g->via);
    }
    if (err == 0 && c->cfg.tls)
        err = push_tls(c, g);
    if (err == 0)
        err = push_layer(g, it_http_messages(c->cfg.alloc, IT_HTTP_CLIENT, IT_SIGNAL_BODY));
    if (err == 0 && !it_signal_is_poll(c))
        err = push_ws(c, g);
    it_signal_drop_leg(c, k);
    c->v[k] = g;
    it_stream_open(&g->s, FIRST_FLOW + c->flows++ % 0x3fffffff, way->local, by_proxy ? way->via->proxy : way->to);
    return err;
}

int it_signal_open_again(it_signal_client *c, int k, const it_signal_leg *like)
{
    it_signal_way way = like->way;
    bool main = c->main == k;
    int err = it_signal_open_leg(c, k, &way);
    if (main)
        c->main = k;
    return err;
}

/* --- the race --- */

/* The least index of a way that was not tried in this round; -1. */
static int untried(const it_signal_client *c)
{
    for (int i = 0; i < c->n_ways; i++)
        if (!(c->tried & 1U << i))
            return i;
    return -1;
}

/* A leg for one more attempt; -1. */
static int free_racer(const it_signal_client *c)
{
    for (int k = 0; k < IT_SIGNAL_RACERS; k++)
        if (!c->v[k])
            return k;
    return -1;
}

static bool races(const it_signal_client *c)
{
    return c->state == IT_SESSION_OPENING && c->main < 0;
}

it_time it_signal_race_next(const it_signal_client *c)
{
    return races(c) && untried(c) >= 0 && free_racer(c) >= 0 ? c->next_race : IT_NEVER;
}

/* Whether the way behind |w| goes to another port: who only waits for a slow answer should not ask twice. */
static bool is_last_of_port(const it_signal_client *c, int w)
{
    return w + 1 < c->n_ways && c->ways[w + 1].to.port != c->ways[w].to.port;
}

int it_signal_race(it_signal_client *c)
{
    int err = 0, w;
    while (err == 0 && it_signal_race_next(c) <= c->now) {
        int k = free_racer(c);
        w = untried(c);
        c->tried |= 1U << w;
        c->next_race = c->now + (is_last_of_port(c, w) ? PORT_STAGGER : STAGGER);
        err = it_signal_open_leg(c, k, &c->ways[w]);
        if (err == 0)
            c->v[k]->n_way = w;
    }
    for (int k = 0; k < IT_SIGNAL_RACERS; k++)
        if (c->v[k])
            return err;
    if (err == 0 && races(c))
        it_signal_go_down(c, c->why, c->why_status);
    return err;
}

void it_signal_lead(it_signal_client *c, int k)
{
    for (int i = 0; i < IT_SIGNAL_RACERS; i++) {
        if (i == k || !c->v[i])
            continue;
        c->tried &= ~(1U << c->v[i]->n_way); /* its turn comes again where this one fails yet */
        it_signal_drop_leg(c, i);
    }
    c->main = k;
}

void it_signal_fail_leg(it_signal_client *c, int k, enum it_signal_why why, int status)
{
    bool attempt = c->state == IT_SESSION_OPENING && k != IT_LEG_POST && why != IT_SIGNAL_TAKEN_OVER;
    if (!attempt) {
        it_signal_go_down(c, why, status);
        return;
    }
    int w = c->v[k]->n_way;
    if (w < c->why_way) { /* of all ways the first one's reason is told */
        c->why_way = w;
        c->why = why;
        c->why_status = status;
    }
    it_signal_drop_leg(c, k);
    c->at_line = c->lines.n;
    c->next_race = c->now; /* RFC 8305 section 5: the next one without waiting */
}

/* --- sessions --- */

int it_signal_begin_session(it_signal_client *c)
{
    int base;
    if (needs_address(c) && c->n_ips == 0) {
        if (!it_signal_can_ask(c, &base))
            return 0; /* the socket to ask from has not come yet */
        c->state = IT_SESSION_RESOLVING;
        bool six = false, four = false;
        for (int b = 0; b < c->n_bases; b++) {
            four = four || it_ip_is4(c->bases[b].local.ip);
            six = six || !it_ip_is4(c->bases[b].local.ip);
        }
        int err = it_dns_stub_ask(c->stub, c->now, c->host, four, six, 0);
        if (err == IT_ERR_RANGE)
            it_signal_go_down(c, IT_SIGNAL_NO_NAME, 0);
        return err == IT_ERR_NOMEM ? err : 0;
    }
    list_ways(c);
    c->state = IT_SESSION_OPENING;
    c->tried = 0;
    c->why = IT_SIGNAL_UNREACHABLE; /* where there is no way at all */
    c->why_status = 0;
    c->why_way = IT_SIGNAL_WAYS;
    c->next_race = c->now;
    return it_signal_race(c);
}

int it_signal_take_answer(it_signal_client *c)
{
    it_dns_stub_answer a;
    if (!c->stub || !it_dns_stub_answered(c->stub, &a) || c->state != IT_SESSION_RESOLVING)
        return 0;
    if (a.rcode != 0 || a.n == 0) {
        it_signal_go_down(c, IT_SIGNAL_NO_NAME, a.rcode < 0 ? 0 : a.rcode);
        return 0;
    }
    memcpy(c->ips, a.ip, a.n * sizeof a.ip[0]);
    c->n_ips = a.n;
    return it_signal_begin_session(c);
}

/* --- bases --- */

void it_signal_redial(it_signal_client *c)
{
    c->pause = c->cfg.pause;
    if (c->state == IT_SESSION_DOWN)
        c->retry = c->now;
}

/* Whether the session's stream leaves from an address that the host has not any more. */
static bool is_cut_off(const it_signal_client *c)
{
    if (c->main < 0 || it_ip_none(c->v[c->main]->way.local.ip))
        return false;
    for (int b = 0; b < c->n_bases; b++)
        if (it_ip_eq(c->bases[b].local.ip, c->v[c->main]->way.local.ip))
            return false;
    return true;
}

/* A session over an address that is gone begins again over another one where there is one; else it waits: the address
 * may come back, and the stream with it. */
static void judge_bases(it_signal_client *c)
{
    bool stands = c->state == IT_SESSION_UP || c->state == IT_SESSION_OPENING;
    if (!stands || c->n_bases == 0 || !is_cut_off(c))
        return;
    it_signal_go_down(c, IT_SIGNAL_LOCAL, 0);
    it_signal_redial(c);
}

void it_signal_take_base(it_signal_client *c, const it_io *in)
{
    if (in->flow >= IT_IO_BOUND_FLOW || c->n_bases == IT_SIGNAL_BASES)
        return;
    c->bases[c->n_bases++] = (it_signal_base){in->flow, in->local};
    judge_bases(c);
    if (c->state == IT_SESSION_OPENING && c->main < 0) { /* the round has more ways from now on */
        uint16_t ports[] = {c->cfg.server.port, c->cfg.also};
        for (int p = 0; p < (c->cfg.also ? 2 : 1); p++)
            add_ways(c, in->local, ports[p]);
    }
    it_signal_redial(c);
}

void it_signal_lose_base(it_signal_client *c, uint32_t flow)
{
    int b = 0;
    while (b < c->n_bases && c->bases[b].flow != flow)
        b++;
    if (b == c->n_bases)
        return;
    memmove(&c->bases[b], &c->bases[b + 1], (size_t)(--c->n_bases - b) * sizeof c->bases[0]);
    judge_bases(c);
}

int it_signal_ask_session(it_signal_client *c)
{
    if (c->state != IT_SESSION_UP)
        return 0;
    if (!it_signal_is_poll(c))
        return it_ws_ping(&c->v[c->main]->ws, c->now, it_signal_answer_wait(c));
    return c->v[c->main]->busy ? it_signal_open_again(c, c->main, c->v[c->main]) : 0;
}
