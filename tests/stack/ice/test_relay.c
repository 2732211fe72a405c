/* Agents with a TURN server between them: relayed candidates, what goes through them, their beginning and end (RFC 8445
 * section 5.1.1.2, RFC 8656). TIMEOUT */
#include "stack/ice/relay.h"

#include "stack/ice/agent.h"
#include "stack/turn/channel.h"
#include "stack/turn/server/server.h"

#include <check.h>
#include <stdlib.h>

enum { PACKETS = 1024, SOCKETS = 32, STREAMS = 16, EVENTS = 256, SERVER = 2 };

static const it_stun_user USERS[] = {{"tank", "tank"}};

typedef struct packet {
    bool used;
    it_time at;
    uint64_t seq;
    int to; /* agent, or SERVER */
    it_io io;
    uint8_t data[2048];
} packet;

typedef struct agent {
    it_ice *a;
    it_addr base[2]; /* IPv4 and IPv6; none: it has none */
    it_ice_pair_view selected;
    it_ice_cand cand[EVENTS];
    size_t n_cand;
    uint32_t counts[16]; /* of events, by kind */
    uint32_t got;        /* datagrams that are no STUN */
    uint8_t last[64];
    size_t n_last;
    it_addr last_from;
    uint16_t methods[64]; /* of the first messages to the server, 0xffff: ChannelData */
    size_t n_methods;
    bool over; /* nothing but its relays lives */
} agent;

typedef struct tank {
    it_alloc mem, *alloc;
    it_time now;
    bool direct; /* agents hear each other */
    it_turn_server_cfg scfg;
    it_turn_server *s;
    it_ice_cfg cfg;
    agent x[2];
    struct {
        uint32_t flow;
        it_addr addr;
    } sockets[SOCKETS];
    struct {
        int of;
        uint32_t flow;
        bool used;
    } streams[STREAMS];
    uint16_t port;
    packet packets[PACKETS];
    uint64_t seq;
    int err;
} tank;

static tank *t;

static it_addr addr(const char *text)
{
    it_addr a;
    ck_assert_int_eq(it_addr_parse(&a, text), 0);
    return a;
}

static const char *const SERVER_AT[2] = {"198.51.100.1:3478", "[2001:db8:1::1]:3478"};

static void note(int err)
{
    if (err < 0 && t->err == 0)
        t->err = err;
}

static void carry(int to, const it_io *io)
{
    for (int i = 0; i < PACKETS; i++) {
        packet *p = &t->packets[i];
        if (p->used)
            continue;
        *p = (packet){.used = true, .at = t->now + 10 * IT_MS, .seq = t->seq++, .to = to, .io = *io};
        ck_assert_uint_le(io->data.n, sizeof p->data);
        if (io->data.n)
            memcpy(p->data, io->data.p, io->data.n);
        p->io.data.p = p->data;
        return;
    }
    ck_abort_msg("full");
}

/* Takes a datagram from |local| to |remote|, wherever that is. */
static void datagram(it_addr local, it_addr remote, it_bytes data, int from)
{
    it_io in = {.kind = IT_IO_DGRAM, .local = remote, .remote = local, .data = data};
    for (uint32_t six = 0; six < 2; six++) {
        in.flow = six;
        if (it_addr_eq(remote, addr(SERVER_AT[six])))
            carry(SERVER, &in);
        for (int i = 0; i < 2; i++)
            if (it_addr_eq(remote, t->x[i].base[six]) && (from == SERVER || t->direct))
                carry(i, &in);
    }
    for (int i = 0; i < SOCKETS; i++)
        if (t->sockets[i].addr.port && it_addr_eq(t->sockets[i].addr, remote)) {
            in.flow = t->sockets[i].flow;
            carry(SERVER, &in);
        }
}

static void server_out(const it_io *out)
{
    if (out->kind == IT_IO_BIND) {
        int i = 0;
        while (t->sockets[i].addr.port)
            ck_assert_int_lt(++i, SOCKETS);
        t->sockets[i].flow = out->flow;
        t->sockets[i].addr = it_addr_of(out->local.ip, t->port++);
        it_io in = {.kind = IT_IO_BOUND, .flow = out->flow, .local = t->sockets[i].addr};
        note(it_turn_server_input(t->s, t->now, &in));
    } else if (out->kind == IT_IO_UNBIND) {
        for (int i = 0; i < SOCKETS; i++)
            if (t->sockets[i].flow == out->flow)
                t->sockets[i].addr.port = 0;
    } else if (out->kind == IT_IO_DGRAM) {
        datagram(out->local, out->remote, out->data, SERVER);
    } else if (out->kind != IT_IO_WRITABLE) {
        it_io io = *out;
        int k = (int)(out->flow - IT_IO_ACCEPTED_FLOW);
        io.flow = t->streams[k].flow;
        carry(t->streams[k].of, &io);
    }
}

static void stream_out(int i, const it_io *out)
{
    int k = 0;
    it_io io = *out;
    if (out->kind == IT_IO_WRITABLE)
        return;
    while (k < STREAMS && !(t->streams[k].used && t->streams[k].of == i && t->streams[k].flow == out->flow))
        k++;
    if (out->kind == IT_IO_OPEN) {
        for (k = 0; t->streams[k].used;)
            ck_assert_int_lt(++k, STREAMS);
        t->streams[k].used = true;
        t->streams[k].of = i;
        t->streams[k].flow = out->flow;
        io.kind = IT_IO_ACCEPTED;
        io.local = out->remote;
        io.remote = it_addr_of(out->local.ip, (uint16_t)(20000 + k));
        it_io back = {.kind = IT_IO_OPENED, .flow = out->flow, .local = io.remote, .remote = out->remote};
        carry(i, &back);
    }
    ck_assert_int_lt(k, STREAMS);
    io.flow = IT_IO_ACCEPTED_FLOW + (uint32_t)k;
    carry(SERVER, &io);
}

/* What agent |i| said to the server. */
static void heard(int i, it_bytes d)
{
    agent *x = &t->x[i];
    it_stun_msg m;
    if (x->n_methods == 64)
        return;
    if (it_turn_message_kind(d) == IT_TURN_MESSAGE_CHANNEL)
        x->methods[x->n_methods++] = 0xffff;
    else if (it_stun_parse(&m, d) == 0)
        x->methods[x->n_methods++] = m.method;
}

static void agent_event(agent *x, int i, const it_ice_event *ev)
{
    x->counts[ev->kind]++;
    if (ev->kind == IT_ICE_SELECTED)
        x->selected = ev->pair;
    if (ev->kind != IT_ICE_CANDIDATE)
        return;
    ck_assert_uint_lt(x->n_cand, EVENTS);
    x->cand[x->n_cand++] = *ev->cand;
    it_ice_cand far = *ev->cand;
    far.flow = -1;
    if (t->x[1 - i].a)
        note(it_ice_add_remote(t->x[1 - i].a, t->now, 0, &far));
}

/* What came through the relays of |x|. */
static void relayed(agent *x)
{
    it_io in;
    while (it_ice_relay_take(x->a, t->now, &in)) {
        if (it_stun_is(in.data)) {
            note(it_ice_input(x->a, t->now, &in));
            continue;
        }
        x->got++;
        x->n_last = in.data.n < sizeof x->last ? in.data.n : sizeof x->last;
        memcpy(x->last, in.data.p, x->n_last);
        x->last_from = in.remote;
    }
}

static void agent_drain(int i)
{
    static uint8_t buf[65536];
    agent *x = &t->x[i];
    it_io out;
    int n;
    relayed(x);
    while ((n = x->over ? it_ice_relay_output(x->a, t->now, &out, buf, sizeof buf)
                        : it_ice_output(x->a, t->now, &out, buf, sizeof buf)) == 1) {
        if (out.kind == IT_IO_DGRAM) {
            if (out.remote.port == 3478)
                heard(i, out.data);
            datagram(out.local, out.remote, out.data, i);
        } else {
            if (out.kind == IT_IO_DATA)
                heard(i, out.data);
            stream_out(i, &out);
        }
        relayed(x);
    }
    note(n);
    it_ice_event ev;
    while (!x->over && it_ice_event_next(x->a, &ev))
        agent_event(x, i, &ev);
}

static void drain(void)
{
    static uint8_t buf[65536];
    it_io out;
    int n = 0;
    while (t->s && (n = it_turn_server_output(t->s, t->now, &out, buf, sizeof buf)) == 1)
        server_out(&out);
    note(n);
    for (int i = 0; i < 2; i++)
        if (t->x[i].a)
            agent_drain(i);
    while (t->s && (n = it_turn_server_output(t->s, t->now, &out, buf, sizeof buf)) == 1)
        server_out(&out);
}

static void deliver(packet *p)
{
    static const uint8_t ROOM[1];
    it_io in = p->io;
    int taken = 0;
    if (in.kind == IT_IO_OPENED || in.kind == IT_IO_ACCEPTED)
        in.data = it_bytes_of(ROOM, 1 << 30);
    if (p->to == SERVER) {
        note(t->s ? it_turn_server_input(t->s, t->now, &in) : 0);
    } else if (t->x[p->to].a) {
        it_ice *a = t->x[p->to].a;
        if (!it_ice_relay_input(a, t->now, &in, &taken) && !t->x[p->to].over)
            taken = it_ice_input(a, t->now, &in);
        note(taken);
    }
    p->used = false;
}

static it_time agents_tick(void)
{
    it_time next = t->s ? it_turn_server_next(t->s) : IT_NEVER;
    for (int i = 0; i < 2; i++) {
        agent *x = &t->x[i];
        if (!x->a)
            continue;
        it_time own = x->over ? it_ice_relay_next(x->a) : it_ice_next(x->a);
        if (own <= t->now) {
            note(x->over ? it_ice_relay_tick_end(x->a, t->now) : it_ice_tick(x->a, t->now));
            drain();
            own = x->over ? it_ice_relay_next(x->a) : it_ice_next(x->a);
        }
        next = own < next ? own : next;
    }
    return next;
}

static void run(it_time until)
{
    drain();
    while (t->err == 0) {
        if (t->s && it_turn_server_next(t->s) <= t->now)
            note(it_turn_server_tick(t->s, t->now));
        it_time next = agents_tick();
        drain();
        packet *first = NULL;
        for (int i = 0; i < PACKETS; i++) {
            packet *p = &t->packets[i];
            if (p->used && (!first || p->at < first->at || (p->at == first->at && p->seq < first->seq)))
                first = p;
        }
        if (first && first->at <= t->now) {
            deliver(first);
            drain();
            continue;
        }
        if (first && first->at < next)
            next = first->at;
        if (next > until)
            break;
        t->now = next > t->now ? next : t->now;
    }
    t->now = until;
}

static void setup(void)
{
    t = calloc(1, sizeof *t);
    it_alloc_init(&t->mem);
    t->alloc = &t->mem;
    t->port = 50000;
    t->scfg.auth = (it_stun_credentials){.realm = "tank", .users = USERS, .n_users = 1};
    t->scfg.relayed_peers = true;
    it_rng_init(&t->scfg.rng, 1, "server");
    it_ice_cfg_default(&t->cfg);
    t->cfg.seed = 1;
    for (int i = 0; i < 2; i++)
        t->x[i].base[0] = it_addr_of(it_ip4(0xcb007101u + (uint32_t)i), 4000);
}

static void serve(void)
{
    t->scfg.alloc = t->alloc;
    t->s = it_turn_server_new(&t->scfg);
    for (uint32_t six = 0; t->s && six < 2; six++) {
        it_io in = {.kind = IT_IO_BOUND, .flow = six, .local = addr(SERVER_AT[six])};
        note(it_turn_server_input(t->s, t->now, &in));
    }
    if (!t->s)
        note(IT_ERR_NOMEM);
}

/* A server of |uri| for the agents. */
static void use(const char *uri)
{
    it_turn_uri u;
    it_ip ips[2] = {addr(SERVER_AT[0]).ip, addr(SERVER_AT[1]).ip};
    ck_assert_int_eq(it_turn_uri_parse(&u, uri, NULL), 0);
    ck_assert_int_eq(it_ice_turn_of_uri(&t->cfg.turn[t->cfg.n_turn++], &u, ips, 2, "tank", "tank"), 0);
}

static const char *const BY[] = {"turn:turn?transport=udp", "turn:turn?transport=tcp"};

static void credentials(void)
{
    for (int i = 0; i < 2; i++)
        note(it_ice_set_remote(t->x[i].a, t->now, it_ice_ufrag(t->x[1 - i].a), it_ice_pwd(t->x[1 - i].a)));
}

static void join(void)
{
    static const char *const NAMES[] = {"alice", "bob"};
    for (int i = 0; i < 2; i++) {
        it_ice_cfg cfg = t->cfg;
        cfg.alloc = t->alloc;
        cfg.name = NAMES[i];
        cfg.controlling = i == 0;
        t->x[i].a = it_ice_new(&cfg);
        if (!t->x[i].a || it_ice_add_stream(t->x[i].a, 1) < 0) {
            note(IT_ERR_NOMEM);
            return;
        }
        for (int six = 0; six < 2; six++)
            if (t->x[i].base[six].port)
                note(it_ice_add_base(t->x[i].a, t->now, 0, 1, six, t->x[i].base[six]));
    }
    credentials();
    for (int i = 0; i < 2; i++)
        it_ice_gather(t->x[i].a, t->now);
}

static void start(const char *uri)
{
    use(uri);
    serve();
    join();
    run(t->now + 10 * IT_SEC);
}

static void teardown(void)
{
    for (int i = 0; i < 2; i++)
        it_ice_free(t->x[i].a);
    it_turn_server_free(t->s);
    ck_assert_int_eq(t->alloc->live, 0);
    free(t);
}

static const it_ice_cand *relay_of(int i, int k)
{
    for (size_t n = 0; n < t->x[i].n_cand; n++)
        if (t->x[i].cand[n].kind == IT_ICE_RELAY && k-- == 0)
            return &t->x[i].cand[n];
    return NULL;
}

static void say(int i, const char *text)
{
    const it_ice_pair_view *v = &t->x[i].selected;
    it_io io = {.kind = IT_IO_DGRAM,
                .flow = (uint32_t)v->local.flow,
                .local = v->local.base,
                .remote = v->remote.addr,
                .data = it_bytes_str(text)};
    ck_assert(it_ice_relay_send(t->x[i].a, t->now, &io));
}

START_TEST(who_hears_nothing_directly_meets_by_relays)
{
    start(BY[_i]);
    ck_assert_int_eq(t->err, 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(t->x[i].counts[IT_ICE_SELECTED], 1);
        ck_assert_int_eq(t->x[i].selected.local.kind, IT_ICE_RELAY);
        ck_assert_int_eq(t->x[i].selected.remote.kind, IT_ICE_RELAY);
        ck_assert(it_ice_relay_is_tcp(t->x[i].a, (uint32_t)t->x[i].selected.local.flow) == (_i == 1));
        ck_assert_uint_eq(it_ice_relay_base(t->x[i].a, (uint32_t)t->x[i].selected.local.flow), 0);
    }
    say(0, "hello");
    run(t->now + IT_SEC);
    ck_assert_uint_eq(t->x[1].got, 1);
    ck_assert_mem_eq(t->x[1].last, "hello", 5);
    ck_assert(it_addr_eq(t->x[1].last_from, t->x[0].selected.local.addr));
}
END_TEST

/* RFC 8445 section 5.1.2.2: type preference 0, above 0 as a whole; over UDP before over TCP. RFC 8839 section 5.1:
 * raddr and rport are what the server saw. */
START_TEST(a_relayed_candidate_is_the_last_resort_and_says_what_it_is_related_to)
{
    it_str s;
    use(BY[1]);
    use(BY[0]);
    serve();
    join();
    run(IT_SEC);
    const it_ice_cand *udp = NULL, *tcp = NULL;
    for (int k = 0; relay_of(0, k); k++) {
        const it_ice_cand *c = relay_of(0, k);
        if (!it_ip_is4(c->addr.ip))
            continue;
        if (it_ice_relay_is_tcp(t->x[0].a, (uint32_t)c->flow))
            tcp = c;
        else
            udp = c;
        ck_assert_uint_eq(c->priority >> 24, 0);
        ck_assert_uint_gt(c->priority, 0);
    }
    if (!udp || !tcp) {
        ck_abort_msg("no candidate");
        return;
    }
    ck_assert_uint_gt(udp->priority, tcp->priority);
    ck_assert_str_ne(udp->foundation, tcp->foundation);
    it_str_init(&s, t->alloc);
    it_ice_cand_write(&s, udp);
    ck_assert_ptr_nonnull(strstr(it_str_c(&s), "typ relay raddr 203.0.113.1 rport 4000"));
    it_str_fini(&s);
}
END_TEST

/* RFC 8656 section 7.1: a host of one family asks for both, one of two for its own by each. */
START_TEST(who_has_one_family_is_lent_addresses_of_both)
{
    t->x[1].base[1] = addr("[2001:db8:2::2]:4000");
    start(BY[_i]);
    ck_assert_ptr_nonnull(relay_of(0, 1));
    ck_assert_ptr_null(relay_of(0, 2));
    ck_assert(it_ip_is6(relay_of(0, 0)->addr.ip)); /* RFC 8421 section 4 */
    ck_assert(it_ip_is4(relay_of(0, 1)->addr.ip));
    ck_assert_uint_gt(relay_of(0, 0)->priority, relay_of(0, 1)->priority);
    ck_assert_ptr_nonnull(relay_of(1, 1));
    ck_assert_ptr_null(relay_of(1, 2));
}
END_TEST

START_TEST(hosts_of_different_families_meet_by_a_relay)
{
    t->x[1].base[0].port = 0;
    t->x[1].base[1] = addr("[2001:db8:2::2]:4000");
    start(BY[_i]);
    ck_assert_uint_eq(t->x[0].counts[IT_ICE_SELECTED], 1);
    ck_assert_uint_eq(t->x[1].counts[IT_ICE_SELECTED], 1);
}
END_TEST

static int first_of(int i, uint16_t method)
{
    for (size_t k = 0; k < t->x[i].n_methods; k++)
        if (t->x[i].methods[k] == method)
            return (int)k;
    return 1000;
}

/* RFC 8656 sections 9, 12. */
START_TEST(a_permission_comes_before_the_first_check_and_a_channel_for_the_selected_pair)
{
    start(BY[0]);
    ck_assert_int_lt(first_of(0, IT_STUN_CREATE_PERMISSION), first_of(0, IT_STUN_SEND));
    ck_assert_int_lt(first_of(0, IT_STUN_SEND), first_of(0, IT_STUN_CHANNEL_BIND));
    ck_assert_int_lt(first_of(0, IT_STUN_CHANNEL_BIND), 1000);
    t->x[0].n_methods = 0;
    say(0, "x");
    run(t->now + 100 * IT_MS);
    ck_assert_uint_eq(t->x[0].methods[0], 0xffff);
}
END_TEST

/* RFC 8656 section 9.2: 403. What can never be sent need not be waited for. */
START_TEST(pairs_of_a_peer_that_is_refused_fail_at_once)
{
    it_prefix deny[2];
    t->scfg.relayed_peers = false;
    ck_assert_int_eq(it_prefix_parse(&deny[0], "203.0.113.0/24"), 0);
    ck_assert_int_eq(it_prefix_parse(&deny[1], "2001:db8::/32"), 0);
    t->scfg.policy.deny = deny;
    t->scfg.policy.n_deny = 2;
    use(BY[0]);
    serve();
    join();
    run(2 * IT_SEC);
    it_ice_pair_info p;
    int relayed = 0;
    for (size_t k = 0; it_ice_pair_at(t->x[0].a, 0, k, &p); k++) {
        relayed += p.local.kind == IT_ICE_RELAY;
        if (p.local.kind == IT_ICE_RELAY)
            ck_assert_str_eq(p.state, "failed");
    }
    ck_assert_int_gt(relayed, 0);
}
END_TEST

/* RFC 8445 section 8.3: candidates that are not used are freed. */
START_TEST(relays_that_no_pair_uses_are_given_back)
{
    t->direct = true;
    use(BY[_i]);
    serve();
    join();
    run(2 * IT_SEC);
    ck_assert_uint_eq(t->x[0].counts[IT_ICE_SELECTED], 1);
    ck_assert_int_eq(t->x[0].selected.local.kind, IT_ICE_HOST);
    ck_assert_uint_eq(it_turn_server_allocations(t->s), 2);
    run(20 * IT_SEC);
    ck_assert_uint_eq(it_turn_server_allocations(t->s), 0);
    ck_assert(it_ice_relay_over(t->x[0].a));
    ck_assert_uint_eq(t->x[0].counts[IT_ICE_LOST], 0);
}
END_TEST

/* RFC 8656 section 8: lifetime 0. */
START_TEST(at_the_end_everything_is_given_back)
{
    start(BY[_i]);
    ck_assert_uint_eq(it_turn_server_allocations(t->s), 2);
    for (int i = 0; i < 2; i++) {
        it_ice_relay_release(t->x[i].a, t->now);
        t->x[i].over = true;
    }
    run(t->now + IT_SEC);
    ck_assert_uint_eq(it_turn_server_allocations(t->s), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert(it_ice_relay_over(t->x[i].a));
        ck_assert(it_ice_relay_next(t->x[i].a) == IT_NEVER);
    }
}
END_TEST

/* Allocation, permission, channel and nonce have lives of their own. */
START_TEST(a_relayed_pair_lives_for_hours)
{
    t->scfg.auth.nonce_life = 200 * IT_SEC;
    start(BY[_i]);
    int64_t live = 0;
    for (uint32_t k = 0; k < 36; k++) {
        run(t->now + 600 * IT_SEC);
        say(0, "x");
        say(1, "y");
        run(t->now + IT_SEC);
        ck_assert_uint_eq(t->x[0].got, k + 1);
        ck_assert_uint_eq(t->x[1].got, k + 1);
        if (k == 11) /* every place of every queue has been used */
            live = t->alloc->live;
    }
    ck_assert_uint_eq(t->x[0].counts[IT_ICE_CONSENT_LOST] + t->x[0].counts[IT_ICE_LOST], 0);
    ck_assert_uint_eq(it_turn_server_allocations(t->s), 2);
    ck_assert_int_le(t->alloc->live, live);
}
END_TEST

/* RFC 8445 section 9. */
START_TEST(a_restart_goes_on_with_the_allocations_that_are_there)
{
    start(BY[_i]);
    uint32_t flow = (uint32_t)t->x[0].selected.local.flow;
    for (int i = 0; i < 2; i++)
        it_ice_restart(t->x[i].a, t->now);
    credentials();
    run(t->now + 10 * IT_SEC);
    ck_assert_uint_eq(t->x[0].counts[IT_ICE_SELECTED], 2);
    ck_assert_uint_eq((uint32_t)t->x[0].selected.local.flow, flow);
    ck_assert_uint_eq(it_turn_server_allocations(t->s), 2);
    ck_assert_uint_eq(t->x[0].counts[IT_ICE_GATHERED], 2);
    say(0, "again");
    run(t->now + IT_SEC);
    ck_assert_uint_eq(t->x[1].got, 1);
}
END_TEST

START_TEST(a_base_that_goes_takes_its_relays_with_it)
{
    start(BY[_i]);
    it_ice_remove_base(t->x[0].a, t->now, 0);
    run(t->now + IT_SEC);
    ck_assert_uint_eq(t->x[0].counts[IT_ICE_LOST], 1);
    ck_assert(it_ice_relay_over(t->x[0].a));
    it_ice_pair_view v;
    ck_assert_int_eq(it_ice_selected(t->x[0].a, 0, 1, &v), IT_ERR_NOTFOUND);
}
END_TEST

/* RFC 8656 section 5: 437. */
START_TEST(a_server_that_has_forgotten_the_allocation_ends_the_pair)
{
    start(BY[0]);
    it_turn_server_free(t->s);
    memset(t->sockets, 0, sizeof t->sockets);
    serve();
    run(t->now + 600 * IT_SEC);
    ck_assert_uint_eq(t->x[0].counts[IT_ICE_LOST] + t->x[0].counts[IT_ICE_CONSENT_LOST], 1);
}
END_TEST

START_TEST(a_server_that_is_silent_is_waited_for_and_gathering_ends)
{
    use(BY[_i]);
    join();
    run(39 * IT_SEC);
    ck_assert_uint_eq(t->x[0].counts[IT_ICE_GATHERED], 0);
    run(45 * IT_SEC);
    ck_assert_uint_eq(t->x[0].counts[IT_ICE_GATHERED], 1);
    ck_assert_uint_eq(t->x[0].n_cand, 1);
}
END_TEST

/* RFC 8445 section 5.1.1.2: an Allocate response has a reflexive address; here it is the base, and tells nothing new.
 */
START_TEST(credentials_that_are_wrong_leave_no_candidate)
{
    use(BY[0]);
    strcpy(t->cfg.turn[0].password, "wrong");
    serve();
    join();
    run(2 * IT_SEC);
    ck_assert_uint_eq(t->x[0].counts[IT_ICE_GATHERED], 1);
    ck_assert_ptr_null(relay_of(0, 0));
    run(4 * IT_SEC);
    ck_assert(it_ice_relay_over(t->x[0].a));
}
END_TEST

/* RFC 8445 section 5.1.1.4: while checks go on the way to the server stays open. */
START_TEST(a_relay_that_waits_is_kept_alive)
{
    use(BY[0]);
    serve();
    t->x[1].base[0] = addr("203.0.113.77:1"); /* nobody answers */
    join();
    it_ice_free(t->x[1].a);
    t->x[1].a = NULL;
    run(IT_SEC);
    t->x[0].n_methods = 0;
    run(60 * IT_SEC);
    ck_assert_int_lt(first_of(0, IT_STUN_BINDING), 1000);
}
END_TEST

START_TEST(uris_name_servers_by_name_or_address_and_transport)
{
    it_turn_uri u;
    it_ice_turn x;
    it_ip ips[3] = {addr(SERVER_AT[1]).ip, addr(SERVER_AT[0]).ip, addr("1.2.3.4:1").ip};
    char longest[IT_ICE_TURN_NAME + 1] = {0};
    memset(longest, 'x', IT_ICE_TURN_NAME);
    ck_assert_int_eq(it_turn_uri_parse(&u, "turn:example.org:99?transport=tcp", NULL), 0);
    ck_assert_int_eq(it_ice_turn_of_uri(&x, &u, ips, 3, "u", "p"), 0);
    ck_assert(x.tcp && it_addr_eq(x.server[0], addr("198.51.100.1:99")) &&
              it_addr_eq(x.server[1], addr("[2001:db8:1::1]:99")));
    ck_assert_int_eq(it_ice_turn_of_uri(&x, &u, ips, 0, "u", "p"), IT_ERR_NOTFOUND);
    ck_assert_int_eq(it_ice_turn_of_uri(&x, &u, ips, 1, longest, "p"), IT_ERR_RANGE);
    ck_assert_int_eq(it_turn_uri_parse(&u, "turn:[2001:db8::5]", NULL), 0);
    ck_assert_int_eq(it_ice_turn_of_uri(&x, &u, NULL, 0, "u", "p"), 0);
    ck_assert(!x.tcp && it_addr_eq(x.server[1], addr("[2001:db8::5]:3478")) && it_ip_none(x.server[0].ip));
    ck_assert_int_eq(it_turn_uri_parse(&u, "turns:example.org", NULL), 0);
    ck_assert_int_eq(it_ice_turn_of_uri(&x, &u, ips, 3, "u", "p"), 0);
    ck_assert(x.tcp && x.secure && it_addr_eq(x.server[0], addr("198.51.100.1:5349")));
    ck_assert_str_eq(x.name, "example.org");
    ck_assert_int_eq(it_turn_uri_parse(&u, "turns:example.org?transport=udp", NULL), 0);
    ck_assert_int_eq(it_ice_turn_of_uri(&x, &u, ips, 3, "u", "p"), 0);
    ck_assert(!x.tcp && x.secure);
    ck_assert_int_eq(it_turn_uri_parse(&u, "stun:example.org", NULL), 0);
    ck_assert_int_eq(it_ice_turn_of_uri(&x, &u, ips, 3, "u", "p"), IT_ERR_UNSUPPORTED);
}
END_TEST

/* Every allocation of memory fails once. */
START_TEST(without_memory_it_says_so_and_leaks_nothing)
{
    bool failed = true;
    for (uint64_t n = 0; failed; n += 7) {
        it_alloc few;
        it_alloc_init_countdown(&few, n);
        t->alloc = &few;
        use(BY[_i]);
        serve();
        if (t->err == 0)
            join();
        if (t->err == 0)
            run(3 * IT_SEC);
        failed = t->err != 0;
        teardown();
        setup();
        ck_assert_uint_lt(n, 4000);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ice/relay");
    TCase *tc = tcase_create("RFC 8445, RFC 8656");
    SRunner *sr;
    int failed;
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, who_hears_nothing_directly_meets_by_relays, 0, 2);
    tcase_add_test(tc, a_relayed_candidate_is_the_last_resort_and_says_what_it_is_related_to);
    tcase_add_loop_test(tc, who_has_one_family_is_lent_addresses_of_both, 0, 2);
    tcase_add_loop_test(tc, hosts_of_different_families_meet_by_a_relay, 0, 2);
    tcase_add_test(tc, a_permission_comes_before_the_first_check_and_a_channel_for_the_selected_pair);
    tcase_add_test(tc, pairs_of_a_peer_that_is_refused_fail_at_once);
    tcase_add_loop_test(tc, relays_that_no_pair_uses_are_given_back, 0, 2);
    tcase_add_loop_test(tc, at_the_end_everything_is_given_back, 0, 2);
    tcase_add_loop_test(tc, a_relayed_pair_lives_for_hours, 0, 2);
    tcase_add_loop_test(tc, a_restart_goes_on_with_the_allocations_that_are_there, 0, 2);
    tcase_add_loop_test(tc, a_base_that_goes_takes_its_relays_with_it, 0, 2);
    tcase_add_test(tc, a_server_that_has_forgotten_the_allocation_ends_the_pair);
    tcase_add_loop_test(tc, a_server_that_is_silent_is_waited_for_and_gathering_ends, 0, 2);
    tcase_add_test(tc, credentials_that_are_wrong_leave_no_candidate);
    tcase_add_test(tc, a_relay_that_waits_is_kept_alive);
    tcase_add_test(tc, uris_name_servers_by_name_or_address_and_transport);
    tcase_add_loop_test(tc, without_memory_it_says_so_and_leaks_nothing, 0, 2);
    suite_add_tcase(suite, tc);
    sr = srunner_create(suite);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
