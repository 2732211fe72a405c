/* Candidates by TCP (RFC 6544): two agents, the wire between them played by hand. */
#include "tests/stack/ice/net.h"

#include "stack/ice/impl.h"

#define PORTS 16
#define ENDS 32

/* One end of a connection; the other one is |peer| of the other agent, 0: nobody. */
typedef struct end {
    bool used;
    uint32_t flow, peer;
} end;

typedef struct side {
    it_ice *a;
    it_addr ip;
    it_addr port[PORTS]; /* that it listens on */
    uint32_t listen[PORTS];
    int n_ports;
    end end[ENDS];
    int n_ends;
    uint32_t accepted;
    size_t cands, opens, unbinds;
    it_ice_cand cand[16];
    int selected, lost;
    const char *why;
    it_ice_pair_view pair;
    it_addr data_from;
    char data[64];
} side;

typedef struct wire {
    it_alloc alloc;
    it_time now;
    side s[2];
    bool udp;     /* passes */
    bool refuse;  /* every connection */
    bool garbage; /* who accepts writes something else */
    uint16_t next_port;
} wire;

static void wire_feed(wire *w, int i, it_io io)
{
    int taken;
    it_io in;
    it_ice *a = w->s[i].a;
    if (io.kind == IT_IO_DGRAM) {
        ck_assert_int_ge(it_ice_input(a, w->now, &io), 0);
        return;
    }
    /* What crosses the end of a connection is nobody's. */
    if (!it_ice_tcp_input(a, w->now, &io, &taken)) {
        ck_assert(io.kind == IT_IO_DATA || io.kind == IT_IO_FIN || io.kind == IT_IO_RST);
        return;
    }
    ck_assert_int_ge(taken, 0);
    while (it_ice_tcp_take(a, w->now, &in)) {
        if (it_stun_is(in.data)) {
            ck_assert_int_ge(it_ice_input(a, w->now, &in), 0);
            continue;
        }
        w->s[i].data_from = in.remote;
        memcpy(w->s[i].data, in.data.p, in.data.n < 63 ? in.data.n : 63);
    }
}

static end *end_of(side *s, uint32_t flow)
{
    for (int i = 0; i < s->n_ends; i++)
        if (s->end[i].used && s->end[i].flow == flow)
            return &s->end[i];
    return NULL;
}

static void wire_open(wire *w, int i, const it_io *io)
{
    side *s = &w->s[i], *o = &w->s[1 - i];
    it_addr local = io->local;
    s->opens++;
    if (!local.port)
        local.port = w->next_port++;
    for (int k = 0; k < o->n_ports && !w->refuse; k++) {
        if (!it_addr_eq(o->port[k], io->remote))
            continue;
        uint32_t flow = IT_IO_ACCEPTED_FLOW + o->accepted++;
        s->end[s->n_ends++] = (end){true, io->flow, flow};
        o->end[o->n_ends++] = (end){true, flow, io->flow};
        wire_feed(
            w, 1 - i,
            (it_io){.kind = IT_IO_ACCEPTED, .flow = flow, .local = io->remote, .remote = local, .data = {NULL, 60000}});
        wire_feed(
            w, i,
            (it_io){
                .kind = IT_IO_OPENED, .flow = io->flow, .local = local, .remote = io->remote, .data = {NULL, 60000}});
        if (w->garbage)
            wire_feed(w, i, (it_io){.kind = IT_IO_DATA, .flow = io->flow, .data = it_bytes_of("\0\5HELLO", 7)});
        return;
    }
    wire_feed(w, i, (it_io){.kind = IT_IO_RST, .flow = io->flow, .end = IT_IO_END_REFUSED});
}

static void wire_out(wire *w, int i, const it_io *io)
{
    side *s = &w->s[i], *o = &w->s[1 - i];
    end *e = end_of(s, io->flow);
    switch (io->kind) {
    case IT_IO_LISTEN:
        s->port[s->n_ports] = it_addr_of(io->local.ip, w->next_port++);
        s->listen[s->n_ports] = io->flow;
        s->n_ports++;
        wire_feed(w, i, (it_io){.kind = IT_IO_LISTENING, .flow = io->flow, .local = s->port[s->n_ports - 1]});
        break;
    case IT_IO_UNBIND:
        s->unbinds++;
        for (int k = 0; k < s->n_ports; k++)
            if (s->listen[k] == io->flow)
                s->port[k].port = 0;
        break;
    case IT_IO_OPEN:
        wire_open(w, i, io);
        break;
    case IT_IO_DATA:
    case IT_IO_FIN:
    case IT_IO_RST:
        if (!e)
            break;
        if (io->kind == IT_IO_RST)
            e->used = false;
        if (end_of(o, e->peer))
            wire_feed(w, 1 - i, (it_io){.kind = io->kind, .flow = e->peer, .data = io->data});
        break;
    case IT_IO_DGRAM:
        if (w->udp)
            wire_feed(
                w, 1 - i,
                (it_io){.kind = IT_IO_DGRAM, .flow = 0, .local = io->remote, .remote = io->local, .data = io->data});
        break;
    default:
        ck_abort_msg("an output of kind %d", (int)io->kind);
    }
}

static void wire_events(wire *w, int i)
{
    it_ice_event ev;
    side *s = &w->s[i];
    while (it_ice_event_next(s->a, &ev) == 1) {
        if (ev.kind == IT_ICE_CANDIDATE) {
            ck_assert_uint_lt(s->cands, 16);
            s->cand[s->cands++] = *ev.cand;
            it_ice_cand c = *ev.cand;
            c.flow = -1;
            ck_assert_int_eq(it_ice_add_remote(w->s[1 - i].a, w->now, 0, &c), 0);
        }
        if (ev.kind == IT_ICE_SELECTED) {
            s->selected++;
            s->pair = ev.pair;
        }
        if (ev.kind == IT_ICE_LOST) {
            s->lost++;
            s->why = ev.why;
        }
    }
}

static void wire_pump(wire *w)
{
    static uint8_t buf[70000];
    it_io io;
    for (bool any = true; any;) {
        any = false;
        for (int i = 0; i < 2; i++) {
            while (it_ice_output(w->s[i].a, w->now, &io, buf, sizeof buf) == 1) {
                any = true;
                wire_out(w, i, &io);
            }
            wire_events(w, i);
        }
    }
}

static void wire_until(wire *w, it_time t)
{
    wire_pump(w);
    for (;;) {
        it_time a = it_ice_next(w->s[0].a), b = it_ice_next(w->s[1].a), next = a < b ? a : b;
        if (next > t)
            break;
        w->now = next > w->now ? next : w->now;
        for (int i = 0; i < 2; i++)
            ck_assert_int_eq(it_ice_tick(w->s[i].a, w->now), 0);
        wire_pump(w);
    }
    w->now = t;
}

static void wire_meet(wire *w, bool restart)
{
    for (int i = 0; i < 2; i++)
        if (restart)
            it_ice_restart(w->s[i].a, w->now);
        else
            it_ice_gather(w->s[i].a, w->now);
    for (int i = 0; i < 2; i++) {
        const it_ice *o = w->s[1 - i].a;
        ck_assert_int_ge(it_ice_set_remote(w->s[i].a, w->now, it_ice_ufrag(o), it_ice_pwd(o)), 0);
    }
    wire_pump(w);
    for (int i = 0; i < 2; i++)
        it_ice_remote_done(w->s[i].a, w->now);
}

static wire *wire_new(unsigned near, unsigned far)
{
    wire *w = calloc(1, sizeof *w);
    it_alloc_init(&w->alloc);
    w->next_port = 50000;
    for (int i = 0; i < 2; i++) {
        it_ice_cfg cfg;
        it_ice_cfg_default(&cfg);
        cfg.alloc = &w->alloc;
        cfg.seed = 7;
        cfg.name = i ? "bob" : "alice";
        cfg.controlling = i == 0;
        cfg.tcp = i ? far : near;
        w->s[i].a = it_ice_new(&cfg);
        ck_assert_ptr_nonnull(w->s[i].a);
        ck_assert_int_eq(it_ice_add_stream(w->s[i].a, 1), 0);
        ck_assert_int_eq(it_ice_add_base(w->s[i].a, 0, 0, 1, 0, net_addr(i ? "203.0.113.2:4000" : "203.0.113.1:4000")),
                         0);
    }
    return w;
}

static void wire_free(wire *w)
{
    for (int i = 0; i < 2; i++)
        it_ice_free(w->s[i].a);
    ck_assert_int_eq(w->alloc.live, 0);
    free(w);
}

enum { A = IT_ICE_WITH_ACTIVE, P = IT_ICE_WITH_PASSIVE, S = IT_ICE_WITH_SO };
#define ALL (A | P | S)

static const struct {
    unsigned near, far;
    bool opens;
    enum it_ice_transport local[2]; /* of the selected pair */
} WAYS[] = {
    {A, P, true, {IT_ICE_TCP_ACTIVE, IT_ICE_TCP_PASSIVE}},
    {P, A, true, {IT_ICE_TCP_PASSIVE, IT_ICE_TCP_ACTIVE}},
    {S, S, true, {IT_ICE_TCP_SO, IT_ICE_TCP_SO}},
    {A, A, false, {0, 0}},
    {P, P, false, {0, 0}},
    {A, S, false, {0, 0}},
    {S, P, false, {0, 0}},
    {0, ALL, false, {0, 0}},
};

START_TEST(active_goes_with_passive_and_so_with_so_and_nothing_else)
{
    wire *w = wire_new(WAYS[_i].near, WAYS[_i].far);
    wire_meet(w, false);
    wire_until(w, 35 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(w->s[i].selected > 0, WAYS[_i].opens);
        if (WAYS[_i].opens)
            ck_assert_int_eq(w->s[i].pair.local.transport, WAYS[_i].local[i]);
    }
    wire_free(w);
}
END_TEST

START_TEST(an_active_candidate_has_port_9_and_the_others_a_port_each)
{
    wire *w = wire_new(ALL, ALL);
    wire_meet(w, false);
    ck_assert_uint_eq(w->s[0].cands, 4);
    const it_ice_cand *c = w->s[0].cand;
    ck_assert(c[0].transport == IT_ICE_UDP && c[1].transport == IT_ICE_TCP_ACTIVE);
    ck_assert(c[2].transport == IT_ICE_TCP_PASSIVE && c[3].transport == IT_ICE_TCP_SO);
    ck_assert_uint_eq(c[1].addr.port, 9);
    ck_assert(c[2].addr.port != c[3].addr.port && c[2].addr.port >= 50000);
    /* RFC 6544 section 4.2: active, passive, so; UDP before all. */
    for (int i = 1; i < 4; i++) {
        ck_assert_uint_gt(c[i - 1].priority, c[i].priority);
        ck_assert_str_ne(c[i - 1].foundation, c[i].foundation);
    }
    wire_free(w);
}
END_TEST

START_TEST(udp_is_taken_where_it_works_and_the_connections_are_closed_then)
{
    wire *w = wire_new(ALL, ALL);
    w->udp = true;
    wire_meet(w, false);
    wire_until(w, 10 * IT_SEC);
    ck_assert_int_eq(w->s[0].pair.local.transport, IT_ICE_UDP);
    ck_assert_uint_eq(w->s[0].a->conns.n + w->s[1].a->conns.n, 0); /* RFC 6544 section 8 */
    wire_free(w);
}
END_TEST

START_TEST(data_and_consent_go_over_the_selected_connection)
{
    wire *w = wire_new(A, P);
    wire_meet(w, false);
    wire_until(w, 120 * IT_SEC);
    it_ice_pair_view v;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(it_ice_selected(w->s[i].a, 0, 1, &v), 0);
        ck_assert_int_gt(v.last_response, 110 * IT_SEC);
        it_io io = {
            .kind = IT_IO_DGRAM, .flow = (uint32_t)v.local.flow, .local = v.local.base, .remote = v.remote.addr};
        io.data = it_bytes_str(i ? "from bob" : "from alice");
        ck_assert(it_ice_tcp_send(w->s[i].a, w->now, &io));
        wire_pump(w);
        ck_assert_str_eq(w->s[1 - i].data, i ? "from bob" : "from alice");
        ck_assert_uint_eq(it_ice_tcp_base(w->s[i].a, (uint32_t)v.local.flow), 0);
    }
    ck_assert_uint_eq(w->s[0].opens, 1);
    wire_free(w);
}
END_TEST

START_TEST(a_pair_has_failed_when_nobody_accepts)
{
    wire *w = wire_new(A, P);
    w->refuse = true;
    wire_meet(w, false);
    wire_until(w, IT_SEC);
    it_ice_pair_info p;
    bool failed = false;
    for (size_t i = 0; it_ice_pair_at(w->s[0].a, 0, i, &p); i++)
        if (p.local.transport == IT_ICE_TCP_ACTIVE)
            failed = strcmp(p.state, "failed") == 0;
    ck_assert(failed);
    ck_assert_uint_eq(w->s[0].a->conns.n, 0);
    wire_free(w);
}
END_TEST

START_TEST(who_answers_otherwise_than_by_stun_is_not_the_far_side)
{
    wire *w = wire_new(A, P);
    w->garbage = true;
    wire_meet(w, false);
    wire_until(w, 10 * IT_SEC);
    ck_assert_int_eq(w->s[0].selected, 0); /* RFC 6544 section 7.1 */
    wire_free(w);
}
END_TEST

START_TEST(the_end_of_the_connection_is_told_at_once)
{
    wire *w = wire_new(A, P);
    wire_meet(w, false);
    wire_until(w, 5 * IT_SEC);
    uint32_t flow = w->s[0].end[0].flow;
    wire_feed(w, 0, (it_io){.kind = _i ? IT_IO_RST : IT_IO_FIN, .flow = flow, .end = IT_IO_END_RESET});
    wire_pump(w);
    ck_assert_int_eq(w->s[0].lost, 1);
    ck_assert_str_eq(w->s[0].why, _i ? "the connection was reset" : "the far side closed the connection");
    it_ice_pair_view v;
    ck_assert_int_eq(it_ice_selected(w->s[0].a, 0, 1, &v), IT_ERR_NOTFOUND);
    /* A restart opens another one. */
    wire_meet(w, true);
    wire_until(w, w->now + 5 * IT_SEC);
    ck_assert_int_eq(w->s[0].selected, 2);
    ck_assert_uint_eq(w->s[0].opens, 2);
    wire_free(w);
}
END_TEST

START_TEST(a_restart_keeps_the_selected_connection_until_there_is_another_one)
{
    wire *w = wire_new(ALL, ALL);
    wire_meet(w, false);
    wire_until(w, 10 * IT_SEC);
    it_ice_pair_view before, after;
    ck_assert_int_eq(it_ice_selected(w->s[0].a, 0, 1, &before), 0);
    size_t opens = w->s[0].opens;
    w->s[0].cands = w->s[1].cands = 0;
    wire_meet(w, true);
    ck_assert_int_eq(it_ice_selected(w->s[0].a, 0, 1, &after), 0);
    ck_assert_int_eq(after.local.flow, before.local.flow); /* RFC 6544 section 9.2 */
    wire_until(w, w->now + 20 * IT_SEC);
    ck_assert_int_eq(it_ice_selected(w->s[0].a, 0, 1, &after), 0);
    ck_assert_int_ne(after.local.flow, before.local.flow);
    ck_assert_uint_gt(w->s[0].opens, opens);
    ck_assert_uint_eq(w->s[0].unbinds, 2); /* fresh ports */
    ck_assert_uint_eq(w->s[0].a->n_bases, 4);
    wire_free(w);
}
END_TEST

START_TEST(bases_by_tcp_go_with_the_address_that_they_are_on)
{
    wire *w = wire_new(ALL, ALL);
    wire_meet(w, false);
    wire_until(w, 10 * IT_SEC);
    it_ice_remove_base(w->s[0].a, w->now, 0);
    wire_pump(w);
    ck_assert_uint_eq(w->s[0].a->n_bases, 0);
    ck_assert_int_eq(w->s[0].lost, 1);
    wire_free(w);
}
END_TEST

START_TEST(what_ends_before_it_listens_listens_no_more)
{
    static uint8_t buf[70000];
    wire *w = wire_new(ALL, ALL);
    it_io io;
    it_ice *a = w->s[0].a;
    it_ice_gather(a, 0);
    ck_assert(it_ice_tcp_pending(a));
    it_ice_tcp_release(a);
    ck_assert_int_eq(it_ice_tcp_output(a, 0, &io, buf, sizeof buf), 0);
    wire_free(w);
}
END_TEST

START_TEST(a_lite_side_waits_and_is_nominated)
{
    wire *w = wire_new(ALL, ALL);
    w->s[1].a->cfg.behaviour.lite = true;
    w->s[1].a->controlling = false;
    it_ice_set_remote_traits(w->s[0].a, true, false);
    wire_meet(w, false);
    wire_until(w, 10 * IT_SEC);
    ck_assert_uint_eq(w->s[1].cands, 2); /* RFC 6544 section 4.4: UDP, and passive by TCP */
    ck_assert_int_eq(w->s[1].pair.local.transport, IT_ICE_TCP_PASSIVE);
    ck_assert_int_eq(w->s[0].selected, 1);
    wire_free(w);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stack/ice/tcp");
    TCase *t = tcase_create("RFC 6544");
    tcase_add_loop_test(t, active_goes_with_passive_and_so_with_so_and_nothing_else, 0,
                        (int)(sizeof WAYS / sizeof WAYS[0]));
    tcase_add_test(t, an_active_candidate_has_port_9_and_the_others_a_port_each);
    tcase_add_test(t, udp_is_taken_where_it_works_and_the_connections_are_closed_then);
    tcase_add_test(t, data_and_consent_go_over_the_selected_connection);
    tcase_add_test(t, a_pair_has_failed_when_nobody_accepts);
    tcase_add_test(t, who_answers_otherwise_than_by_stun_is_not_the_far_side);
    tcase_add_loop_test(t, the_end_of_the_connection_is_told_at_once, 0, 2);
    tcase_add_test(t, a_restart_keeps_the_selected_connection_until_there_is_another_one);
    tcase_add_test(t, bases_by_tcp_go_with_the_address_that_they_are_on);
    tcase_add_test(t, what_ends_before_it_listens_listens_no_more);
    tcase_add_test(t, a_lite_side_waits_and_is_nominated);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
