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

static bool is_same_way(const it_signal_way *x, const it_signal_way *y)
{
    if (!it_ip_eq(x->local.ip, y->local.ip) || x->to.port != y->to.port || x->named != y->named)
        return false;
    return x->named || it_ip_eq(x->to.ip, y->to.ip);
}

/* The one of the ways that |like| is; NULL: it is none any more. */
static it_signal_way *find_way(it_signal_client *c, const it_signal_way *like)
{
    for (int i = 0; i < c->n_ways; i++)
        if (is_same_way(&c->ways[i], like))
            return &c->ways[i];
    return NULL;
}

/* Adds the ways from |local| to |port| of the server, of |rank| and the ranks behind it. By a proxy that takes a name
 * there is one. */
static void add_ways(it_signal_client *c, it_ip local, uint16_t port, int rank)
{
    const it_via *via = via_of(c, local);
    bool by_proxy = via->kind != IT_VIA_NONE, named = by_proxy && c->cfg.host;
    size_t n = named ? 1 : c->n_ips;
    for (size_t i = 0; i < n && c->n_ways < IT_SIGNAL_WAYS; i++) {
        it_addr to = it_addr_of(c->n_ips ? c->ips[i] : (it_ip){0, 0}, port);
        it_signal_way way = {.local = {local, 0}, .to = to, .named = named, .rank = rank + (int)i};
        if (is_family(local, by_proxy ? via->proxy.ip : to.ip) && !find_way(c, &way))
            c->ways[c->n_ways++] = way;
    }
}

/* The first port from every base, in the order of these, then the other port; those that were tried stay before them.
 */
void it_signal_list_ways(it_signal_client *c)
{
    const uint16_t ports[] = {c->cfg.server.port, c->cfg.also};
    int rank = 0, tried = 0;
    for (int i = 0; i < c->n_ways; i++)
        if (c->ways[i].tried)
            c->ways[tried++] = c->ways[i];
    c->n_ways = tried;
    for (int p = 0; p < (c->cfg.also ? 2 : 1); p++) {
        rank = p * IT_SIGNAL_BASES * IT_DNS_STUB_IPS;
        for (int b = 0; b < c->n_bases; b++)
            add_ways(c, c->bases[b].local.ip, ports[p], rank + b * IT_DNS_STUB_IPS);
        if (c->n_bases == 0)
            add_ways(c, (it_ip){0, 0}, ports[p], rank);
    }
}

/* The first base from which the server's address is needed, as no proxy finds it; -1: there is none. */
static int needs_address(const it_signal_client *c)
{
    for (int b = 0; c->stub && b < c->n_bases; b++)
        if (via_of(c, c->bases[b].local.ip)->kind == IT_VIA_NONE)
            return b;
    return -1;
}

/* Whether the resolver may be asked from base |b|: |direct|, and no proxy stands there, behind which it may not be
 * reached. */
static bool may_ask(const it_signal_client *c, int b, bool direct)
{
    it_ip own = c->bases[b].local.ip;
    if (it_ip_is4(own) != it_ip_is4(c->cfg.resolver.ip))
        return false;
    return !direct || via_of(c, own)->kind == IT_VIA_NONE;
}

bool it_signal_can_ask(const it_signal_client *c, int *base)
{
    unsigned direct = 0, all = 0, k = 0;
    for (int b = 0; b < c->n_bases; b++) {
        direct += may_ask(c, b, true);
        all += may_ask(c, b, false);
    }
    unsigned n = direct ? direct : all;
    for (int b = 0; b < c->n_bases; b++) {
        if (!may_ask(c, b, direct > 0) || k++ != c->asks % n)
            continue;
        *base = b;
        return true;
    }
    return false;
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
    it_stages_begin(&g->stages, c->now);
    it_layers_init(&g->ls, c->cfg.alloc, &g->s);
    const it_via *via = via_of(c, way->local.ip);
    bool by_proxy = via->kind != IT_VIA_NONE;
    if (by_proxy) {
        g->via = it_via_layer(c->cfg.alloc, via, way->to, c->cfg.host ? c->host : NULL);
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
    it_stream_open(&g->s, FIRST_FLOW + c->flows++ % 0x3fffffff, way->local, by_proxy ? via->proxy : way->to);
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

/* The first way that was not tried in this round; NULL. */
static it_signal_way *untried(it_signal_client *c)
{
    for (int i = 0; i < c->n_ways; i++)
        if (!c->ways[i].tried)
            return &c->ways[i];
    return NULL;
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
    const it_signal_way *way = NULL;
    for (int i = 0; i < c->n_ways && !way; i++)
        way = c->ways[i].tried ? NULL : &c->ways[i];
    if (!races(c) || !way || free_racer(c) < 0)
        return IT_NEVER;
    if (c->hurries)
        return c->raced_at;
    /* Who only waits for a slow answer should not ask twice. */
    return c->raced_at + (way->to.port != c->raced_port ? PORT_STAGGER : STAGGER);
}

/* Whether an attempt is under way. */
static bool has_racer(const it_signal_client *c)
{
    for (int k = 0; k < IT_SIGNAL_RACERS; k++)
        if (c->v[k])
            return true;
    return false;
}

int it_signal_race(it_signal_client *c)
{
    int err = 0;
    while (err == 0 && it_signal_race_next(c) <= c->now) {
        it_signal_way *way = untried(c);
        way->tried = true;
        c->raced_at = c->now;
        c->raced_port = way->to.port;
        c->hurries = false;
        err = it_signal_open_leg(c, free_racer(c), way);
    }
    if (err == 0 && races(c) && !c->asking && !has_racer(c))
        it_signal_go_down(c, c->why, c->why_status);
    return err;
}

void it_signal_lead(it_signal_client *c, int k)
{
    for (int i = 0; i < IT_SIGNAL_RACERS; i++) {
        if (i == k || !c->v[i])
            continue;
        it_signal_way *way = find_way(c, &c->v[i]->way);
        if (way)
            way->tried = false; /* its turn comes again where this one fails yet */
        it_signal_drop_leg(c, i);
    }
    c->main = k;
}

/* A way of |rank| has failed: of all ways the first one's reason is told. */
static void note_failure(it_signal_client *c, int rank, enum it_signal_why why, int status)
{
    c->hurries = true; /* RFC 8305 section 5: the next one without waiting */
    if (rank >= c->why_rank)
        return;
    c->why_rank = rank;
    c->why = why;
    c->why_status = status;
}

void it_signal_fail_leg(it_signal_client *c, int k, enum it_signal_why why, int status)
{
    bool attempt = c->state == IT_SESSION_OPENING && k != IT_LEG_POST && why != IT_SIGNAL_TAKEN_OVER;
    if (!attempt) {
        it_signal_go_down(c, why, status);
        return;
    }
    note_failure(c, c->v[k]->way.rank, why, status);
    it_signal_drop_leg(c, k);
    c->at_line = c->lines.n;
}

/* --- sessions --- */

/* Asks the resolver for the server's addresses. Returns 0 or IT_ERR_NOMEM. */
static int ask_addresses(it_signal_client *c)
{
    bool six = false, four = false;
    for (int b = 0; b < c->n_bases; b++) {
        four = four || it_ip_is4(c->bases[b].local.ip);
        six = six || !it_ip_is4(c->bases[b].local.ip);
    }
    int err = it_dns_stub_ask(c->stub, c->now, c->host, four, six, 0);
    c->asking = err == 0;
    if (err == IT_ERR_RANGE)
        note_failure(c, needs_address(c) * IT_DNS_STUB_IPS, IT_SIGNAL_NO_NAME, 0);
    return err == IT_ERR_NOMEM ? err : 0;
}

/* Lists the ways there are, and asks the resolver where others need it. Returns 0 or IT_ERR_NOMEM. */
static int find_ways(it_signal_client *c)
{
    it_signal_list_ways(c);
    if (c->asking || c->n_ips || needs_address(c) < 0)
        return 0;
    return ask_addresses(c);
}

int it_signal_begin_session(it_signal_client *c)
{
    if (c->stub && c->n_ips == 0 && c->n_bases == 0)
        return 0; /* the socket to ask from has not come yet */
    c->state = IT_SESSION_OPENING;
    c->n_ways = 0;
    c->why = IT_SIGNAL_UNREACHABLE; /* where there is no way at all */
    c->why_status = 0;
    c->why_rank = IT_SIGNAL_WAYS;
    c->raced_at = c->now;
    c->hurries = true;
    int err = find_ways(c);
    return err < 0 ? err : it_signal_race(c);
}

/* A session that opens by a proxy does not wait for the answer, which is for the other ways. */
int it_signal_take_answer(it_signal_client *c)
{
    it_dns_stub_answer a;
    if (!c->stub || !it_dns_stub_answered(c->stub, &a))
        return 0;
    c->asking = false;
    bool found = a.rcode == 0 && a.n > 0;
    if (found) {
        memcpy(c->ips, a.ip, a.n * sizeof a.ip[0]);
        c->n_ips = a.n;
    }
    if (c->state != IT_SESSION_OPENING)
        return 0;
    if (!found)
        note_failure(c, needs_address(c) * IT_DNS_STUB_IPS, IT_SIGNAL_NO_NAME, a.rcode < 0 ? 0 : a.rcode);
    it_signal_list_ways(c);
    return it_signal_race(c);
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

int it_signal_take_base(it_signal_client *c, const it_io *in)
{
    if (in->flow >= IT_IO_BOUND_FLOW || c->n_bases == IT_SIGNAL_BASES)
        return 0;
    c->bases[c->n_bases++] = (it_signal_base){in->flow, in->local};
    judge_bases(c);
    it_signal_redial(c);
    bool more = c->state == IT_SESSION_OPENING && c->main < 0; /* the round has more ways from now on */
    return more ? find_ways(c) : 0;
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
    if (!c->v[c->main]->busy)
        return 0;
    return it_signal_open_again(c, c->main, c->v[c->main]);
}
