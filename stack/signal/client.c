/* The signal client: its session, its events and its clocks. */
#include "stack/signal/client_impl.h"

static const it_time LEAST_WAIT = 2 * IT_SEC; /* for an answer: a segment may be lost and sent again */
static const it_time PAUSE_MAX = 30 * IT_SEC;

const char *it_signal_why_word(enum it_signal_why why)
{
    static const char *const WORDS[] = {[IT_SIGNAL_REFUSED_STREAM] = "refused",
                                        [IT_SIGNAL_TIMEOUT] = "timeout",
                                        [IT_SIGNAL_RESET] = "reset",
                                        [IT_SIGNAL_UNREACHABLE] = "unreachable",
                                        [IT_SIGNAL_LOCAL] = "local",
                                        [IT_SIGNAL_CLOSED] = "closed",
                                        [IT_SIGNAL_HTTP] = "http",
                                        [IT_SIGNAL_PROXY] = "proxy",
                                        [IT_SIGNAL_PING] = "ping",
                                        [IT_SIGNAL_BROKEN] = "broken",
                                        [IT_SIGNAL_NO_NAME] = "name",
                                        [IT_SIGNAL_TLS] = "tls",
                                        [IT_SIGNAL_TAKEN_OVER] = "replaced"};
    return WORDS[why];
}

/* --- making and freeing --- */

static bool copy_text(char *to, size_t cap, const char *from)
{
    size_t n = strlen(from);
    for (size_t i = 0; i < n; i++)
        if (from[i] <= 0x20 || from[i] >= 0x7f)
            return false;
    if (n == 0 || n >= cap)
        return false;
    memcpy(to, from, n + 1);
    return true;
}

/* Copies the names of |cfg|. False when one is none. */
static bool copy_names(it_signal_client *c, const it_signal_client_cfg *cfg)
{
    char addr[IT_ADDR_TEXT];
    it_addr_text(cfg->server, addr);
    if (!it_signal_is_name(it_bytes_str(cfg->box)) || !copy_text(c->box, sizeof c->box, cfg->box))
        return false;
    if (!copy_text(c->host, sizeof c->host, cfg->host ? cfg->host : addr))
        return false;
    return copy_text(c->path, sizeof c->path, cfg->path ? cfg->path : "/");
}

/* Whether it may have to find the server's address itself. */
static bool resolves(const it_signal_client_cfg *cfg)
{
    return cfg->host && cfg->resolver.port;
}

static void client_time_or(it_time *v, it_time normal)
{
    *v = *v ? *v : normal;
}

/* False: its name is too long. */
static bool copy_tls(it_signal_client *c, const it_signal_client_cfg *cfg)
{
    if (!cfg->tls)
        return true;
    if (strlen(cfg->tls->name) >= sizeof c->tls_name)
        return false;
    memcpy(c->tls_name, cfg->tls->name, strlen(cfg->tls->name));
    c->tls = *cfg->tls;
    c->tls.alloc = cfg->alloc;
    c->tls.name = c->tls_name;
    c->tls.alpn = "http/1.1";
    c->cfg.tls = &c->tls;
    return true;
}

it_signal_client *it_signal_client_new(const it_signal_client_cfg *cfg)
{
    it_signal_client *c = it_calloc(cfg->alloc, 1, sizeof *c);
    if (!c)
        return NULL;
    c->cfg = *cfg;
    bool good = copy_names(c, cfg) && copy_tls(c, cfg);
    c->main = -1;
    if (good && resolves(cfg)) {
        c->stub = it_dns_stub_new(cfg->alloc, cfg->rng, cfg->resolver);
        good = c->stub != NULL;
    }
    if (!good) {
        it_free(cfg->alloc, c);
        return NULL;
    }
    client_time_or(&c->cfg.patience, IT_SIGNAL_TRIP);
    client_time_or(&c->cfg.ping, 25 * IT_SEC);
    client_time_or(&c->cfg.pause, 500 * IT_MS);
    c->pause = c->cfg.pause;
    it_rng_text(&c->cfg.rng, c->key, sizeof c->key - 1, "0123456789abcdef");
    c->ack_due = c->asked_at = c->waiting = IT_NEVER;
    for (int k = 0; k < 2 && !c->stub; k++)
        if (!it_ip_none(k ? cfg->server_too : cfg->server.ip))
            c->ips[c->n_ips++] = k ? cfg->server_too : cfg->server.ip;
    it_str_init(&c->lines, cfg->alloc);
    return c;
}

void it_signal_free_letter(it_signal_client *c)
{
    it_signal_letter *l = c->first;
    c->first = l->next;
    if (!c->first)
        c->last = NULL;
    c->n_letters--;
    it_free(c->cfg.alloc, l);
}

static void free_client(void *o)
{
    it_signal_client *c = o;
    for (int k = 0; k < IT_LEGS; k++)
        it_signal_drop_leg(c, k);
    while (c->first)
        it_signal_free_letter(c);
    for (int i = 0; i < c->n_ev; i++)
        it_free(c->cfg.alloc, c->ev[i].data);
    it_free(c->cfg.alloc, c->given);
    it_str_fini(&c->lines);
    it_dns_stub_free(c->stub);
    it_free(c->cfg.alloc, c);
}

/* --- events --- */

it_signal_told *it_signal_tell(it_signal_client *c, enum it_service_kind kind)
{
    it_signal_told *t = &c->ev[c->n_ev < IT_SIGNAL_EVENTS ? c->n_ev++ : IT_SIGNAL_EVENTS - 1];
    it_free(c->cfg.alloc, t->data);
    memset(t, 0, sizeof *t);
    t->kind = kind;
    return t;
}

/* The pause before the next attempt: half of it and a random part of the other half. */
static it_time draw_pause(it_signal_client *c)
{
    it_time half = c->pause / 2;
    it_time t = half + (it_time)it_rng_below(&c->cfg.rng, (uint64_t)half + 1);
    c->pause = c->pause * 2 < PAUSE_MAX ? c->pause * 2 : PAUSE_MAX;
    return t;
}

/* The session is over for |why|; |status| of HTTP or the proxy. */
void it_signal_go_down(it_signal_client *c, enum it_signal_why why, int status)
{
    for (int k = 0; k < IT_LEGS; k++)
        it_signal_drop_leg(c, k);
    for (it_signal_letter *l = c->first; l; l = l->next)
        l->sent = false;
    c->ack_due = c->waiting = IT_NEVER;
    c->at_line = c->lines.n;
    if (c->state == IT_SESSION_CLOSING || c->state == IT_SESSION_CLOSED) {
        c->state = IT_SESSION_CLOSED;
        return;
    }
    if (c->stub && c->state == IT_SESSION_OPENING)
        c->n_ips = 0; /* it may have other addresses by now */
    c->state = why == IT_SIGNAL_TAKEN_OVER ? IT_SESSION_CLOSED : IT_SESSION_DOWN;
    c->retry = c->now + draw_pause(c);
    if (c->told_down && why != IT_SIGNAL_TAKEN_OVER)
        return; /* another round in vain; only that it is the last one is news */
    c->told_down = true;
    it_signal_told *t = it_signal_tell(c, IT_SERVICE_DOWN);
    t->code = (int)why;
    t->status = (uint32_t)status;
    t->how = it_signal_why_word(why);
}

/* --- the session --- */

bool it_signal_is_poll(const it_signal_client *c)
{
    return c->cfg.mode == IT_SIGNAL_POLL;
}

bool it_signal_is_open(const it_signal_leg *g)
{
    if (!g || g->s.state != IT_STREAM_OPEN)
        return false;
    if (g->tls.ops)
        return it_tls_layer_info(&g->tls)->open;
    return !g->via.ops || it_via_client(&g->via)->state == IT_VIA_OPEN;
}

int it_signal_client_secret(const it_signal_client *c, char line[IT_TLS_LINE_MAX])
{
    for (int k = 0; k < IT_LEGS; k++)
        if (c->v[k] && c->v[k]->tls.ops && it_tls_secret(&c->v[k]->tls, line))
            return 1;
    return 0;
}

/* Ends leg |k| in order where it is the session's. */
static bool finish_leg(it_signal_client *c, int k)
{
    if (!c->v[k] || (k != c->main && k != IT_LEG_POST))
        return false;
    c->v[k]->asked = c->now; /* from now on its end is waited for */
    return it_layers_write(&c->v[k]->ls, c->now, &(it_io){.kind = IT_IO_FIN}) >= 0;
}

void it_signal_client_close(it_signal_client *c, it_time now)
{
    bool open = c->state == IT_SESSION_UP || c->state == IT_SESSION_OPENING;
    c->now = now;
    c->state = open ? IT_SESSION_CLOSING : IT_SESSION_CLOSED;
    for (int k = 0; k < IT_LEGS; k++)
        if (!open || !finish_leg(c, k))
            it_signal_drop_leg(c, k);
}

void it_signal_client_exits(it_signal_client *c, const it_signal_exit *exits, size_t n)
{
    c->cfg.n_exits = n < IT_SIGNAL_BASES ? n : IT_SIGNAL_BASES;
    memcpy(c->cfg.exits, exits, c->cfg.n_exits * sizeof *exits);
    if (c->state == IT_SESSION_OPENING && c->main < 0)
        it_signal_list_ways(c);
}

void it_signal_client_retry(it_signal_client *c)
{
    if (c->state == IT_SESSION_DOWN)
        c->retry = c->now;
}

bool it_signal_client_up(const it_signal_client *c)
{
    return c->state == IT_SESSION_UP;
}

bool it_signal_client_idle(const it_signal_client *c)
{
    return !c->first;
}

static int pump(it_signal_client *c)
{
    int err = 0;
    for (int k = 0; k < IT_LEGS && err >= 0; k++)
        err = it_signal_read_leg(c, k);
    if (err >= 0)
        err = it_signal_take_answer(c);
    if (err >= 0)
        err = it_signal_race(c);
    return err < 0 ? err : it_signal_write_all(c);
}

/* --- the table --- */

/* Takes |in| of leg |k|'s stream. Returns what was taken, or an error. */
static int input_leg(it_signal_client *c, int k, const it_io *in)
{
    it_signal_leg *g = c->v[k];
    g->gone = in->kind == IT_IO_RST;
    g->end = in->end;
    int n = it_layers_input(&g->ls, c->now, in);
    if (in->kind == IT_IO_OPENED || in->kind == IT_IO_DATA)
        it_stages_heard(&g->stages, c->now, &g->s, &g->via, &g->tls);
    if (n >= 0 && c->state == IT_SESSION_OPENING && c->main < 0 && it_signal_is_open(g))
        it_signal_lead(c, k);
    int err = n < 0 ? n : pump(c);
    return err < 0 ? err : n;
}

static int input_stream(it_signal_client *c, const it_io *in)
{
    for (int k = 0; k < IT_LEGS; k++)
        if (c->v[k] && c->v[k]->s.flow == in->flow && it_stream_alive(&c->v[k]->s))
            return input_leg(c, k, in);
    return (int)in->data.n;
}

static int client_input(void *o, it_time now, const it_io *in)
{
    it_signal_client *c = o;
    c->now = now;
    switch (in->kind) {
    case IT_IO_BOUND:
        if (it_signal_take_base(c, in) < 0)
            return IT_ERR_NOMEM;
        return it_signal_ask_session(c);
    case IT_IO_UNBIND:
        it_signal_lose_base(c, in->flow);
        return it_signal_ask_session(c);
    case IT_IO_DGRAM:
        if (c->stub && it_addr_eq(in->remote, it_dns_stub_server(c->stub)))
            it_dns_stub_input(c->stub, in->data);
        return (int)in->data.n;
    case IT_IO_OPENED:
    case IT_IO_DATA:
    case IT_IO_WRITABLE:
    case IT_IO_FIN:
    case IT_IO_RST:
        return input_stream(c, in);
    default:
        return 0;
    }
}

it_time it_signal_answer_wait(const it_signal_client *c)
{
    it_time wait = c->took * 2 > LEAST_WAIT ? c->took * 2 : LEAST_WAIT;
    return wait < c->cfg.patience ? wait : c->cfg.patience;
}

/* When leg |k| of a session that stands has been waited for long enough. */
static it_time answer_due(const it_signal_client *c, int k)
{
    const it_signal_leg *g = c->v[k];
    it_time wait = it_signal_answer_wait(c);
    if (!it_signal_is_open(g))
        return it_stages_due(&g->stages, wait);
    if (!it_signal_is_poll(c))
        return c->waiting == IT_NEVER ? IT_NEVER : c->waiting + wait;
    if (!g->busy)
        return IT_NEVER;
    return k == c->main ? g->asked + c->cfg.ping + c->cfg.patience : g->asked + wait;
}

/* When leg |k| has been waited for long enough. */
static it_time leg_patience(const it_signal_client *c, int k)
{
    const it_signal_leg *g = c->v[k];
    if (!g)
        return IT_NEVER;
    if (c->state == IT_SESSION_UP)
        return answer_due(c, k);
    if (c->state == IT_SESSION_OPENING)
        return it_stages_due(&g->stages, c->cfg.patience); /* to the hello */
    return g->asked + c->cfg.patience;
}

static it_time earlier(it_time a, it_time b)
{
    return a < b ? a : b;
}

/* When a session that is down, or has something to acknowledge, does something. */
static it_time session_next(const it_signal_client *c)
{
    bool can_begin = !c->stub || c->n_ips || c->n_bases; /* without a base there is nothing to ask the resolver from */
    if (c->state == IT_SESSION_DOWN && can_begin)
        return c->retry;
    if (c->state == IT_SESSION_OPENING)
        return it_signal_race_next(c);
    bool acks = c->state == IT_SESSION_UP && !it_signal_is_poll(c);
    return acks && c->ack_due > c->now ? c->ack_due : IT_NEVER; /* what is due waits for room in the stream */
}

static it_time client_next(const void *o)
{
    const it_signal_client *c = o;
    it_time least = session_next(c);
    if (c->stub)
        least = earlier(least, it_dns_stub_next(c->stub));
    for (int k = 0; k < IT_LEGS; k++) {
        if (!c->v[k])
            continue;
        least = earlier(least, leg_patience(c, k));
        least = earlier(least, it_layers_next(&c->v[k]->ls));
    }
    return least;
}

/* The clocks of leg |k|. */
static int tick_leg(it_signal_client *c, int k)
{
    it_signal_leg *g = c->v[k];
    if (leg_patience(c, k) <= c->now) {
        bool stood = c->state == IT_SESSION_UP;
        it_signal_fail_leg(c, k, stood ? IT_SIGNAL_PING : IT_SIGNAL_TIMEOUT, 0);
        if (stood) /* it may be this way alone */
            it_signal_redial(c);
        return 0;
    }
    return g ? it_layers_tick(&g->ls, c->now) : 0;
}

static int client_tick(void *o, it_time now)
{
    it_signal_client *c = o;
    int err = 0;
    c->now = now;
    if (c->stub)
        it_dns_stub_tick(c->stub, now);
    for (int k = 0; k < IT_LEGS && err >= 0; k++)
        err = tick_leg(c, k);
    if (err >= 0 && c->state == IT_SESSION_DOWN && c->retry <= now) /* which may be because of these */
        err = it_signal_begin_session(c);
    return err < 0 ? err : pump(c);
}

/* Writes a query that is due into |buf|. Each time that the resolver is asked is from another base. */
static bool ask_resolver(it_signal_client *c, it_io *out, uint8_t *buf, size_t cap)
{
    int base;
    if (!c->stub || !it_signal_can_ask(c, &base))
        return false; /* what is due waits for a base, as long as the resolver is waited for */
    size_t n = it_dns_stub_output(c->stub, buf, cap);
    if (n == 0)
        return false;
    if (c->asked_at != c->now && c->asked_at != IT_NEVER) {
        c->asks++;
        (void)it_signal_can_ask(c, &base);
    }
    c->asked_at = c->now;
    *out = (it_io){
        .kind = IT_IO_DGRAM, .flow = c->bases[base].flow, .remote = c->cfg.resolver, .data = it_bytes_of(buf, n)};
    return true;
}

static int client_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    it_signal_client *c = o;
    c->now = now;
    int err = pump(c);
    if (err < 0)
        return err;
    if (ask_resolver(c, out, buf, cap))
        return 1;
    if (c->n_dead) {
        *out = (it_io){.kind = IT_IO_RST, .flow = c->dead[--c->n_dead]};
        return 1;
    }
    for (int k = 0; k < IT_LEGS; k++) {
        int got = c->v[k] ? it_layers_output(&c->v[k]->ls, now, out, buf, cap) : 0;
        if (got != 0)
            return got;
        if (c->v[k] && c->state == IT_SESSION_CLOSING && !it_stream_alive(&c->v[k]->s))
            it_signal_drop_leg(c, k);
    }
    return 0;
}

static int client_event(void *o, it_object_event *ev)
{
    it_signal_client *c = o;
    if (c->n_ev == 0)
        return 0;
    it_signal_told t = c->ev[0];
    memmove(c->ev, c->ev + 1, (size_t)--c->n_ev * sizeof c->ev[0]);
    memset(&c->ev[c->n_ev], 0, sizeof c->ev[0]);
    it_free(c->cfg.alloc, c->given);
    c->given = t.data;
    memcpy(c->given_from, t.from, sizeof t.from);
    *ev = (it_object_event){.kind = IT_TELLS_SERVICE, .part = -1};
    ev->u.service = (it_service_event){.kind = t.kind,
                                       .addr = it_signal_server_addr(c),
                                       .lifetime = t.status,
                                       .code = t.code,
                                       .how = t.how,
                                       .from = c->given_from,
                                       .data = it_bytes_of(t.data, t.n)};
    return 1;
}

const it_object_ops it_signal_client_ops = {.kind = "signal client",
                                            .input = client_input,
                                            .tick = client_tick,
                                            .next = client_next,
                                            .output = client_output,
                                            .event = client_event,
                                            .free = free_client};
