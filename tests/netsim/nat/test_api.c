/* The NAT's other face: profiles with faults, loss of state, renumbering, explicit mappings, looking inside, memory. */
#include "tests/netsim/box.h"

static box B;

static it_nat_profile base(void)
{
    it_nat_profile p;
    it_nat_profile_init(&p);
    return p;
}

static it_addr add(const char *internal, const char *ext, it_time until, int *err)
{
    struct it_nat_map_request r = {.proto = IT_PROTO_UDP, .internal = A(internal), .until = until};
    it_addr got = {{0, 0}, 0};
    if (ext)
        r.ext = A(ext);
    *err = it_nat_map_add(B.nat, it_world_now(B.w), &r, &got);
    return got;
}

/* --- profiles --- */

static void f_enum(it_nat_profile *p)
{
    p->udp.mapping = 3;
}
static void f_hairpin(it_nat_profile *p)
{
    p->hairpin = 9;
}
static void f_fragments(it_nat_profile *p)
{
    p->fragments = 9;
}
static void f_syn(it_nat_profile *p)
{
    p->tcp.syn_in = 4;
}
static void f_time(it_nat_profile *p)
{
    p->udp.timeout.replied = 0;
}
static void f_tcp_time(it_nat_profile *p)
{
    p->tcp.timeout.est = 0;
}
static void f_negative(it_nat_profile *p)
{
    p->block.lifetime = -1;
}
static void f_reuse(it_nat_profile *p)
{
    p->port_reuse = -1;
}
static void f_range(it_nat_profile *p)
{
    p->udp.alloc.range.lo = 0;
}
static void f_order(it_nat_profile *p)
{
    p->udp.alloc.range = (it_nat_range){9, 8};
}
static void f_class(it_nat_profile *p)
{
    p->udp.alloc.n_classes = 2;
    p->udp.alloc.classes[0] = p->udp.alloc.classes[1] = (it_nat_range){1, 9};
}
static void f_many(it_nat_profile *p)
{
    p->udp.alloc.n_classes = 9;
}
static void f_step(it_nat_profile *p)
{
    p->udp.alloc.mode = IT_NAT_SEQUENTIAL;
    p->udp.alloc.step = 0;
}
static void f_noise(it_nat_profile *p)
{
    p->udp.alloc.noise = 1000001;
}
static void f_det(it_nat_profile *p)
{
    p->udp.alloc.mode = IT_NAT_DET;
}
static void f_block(it_nat_profile *p)
{
    p->block.size = 65535;
}
static void f_seq(it_nat_profile *p)
{
    p->block.size = 8;
    p->udp.alloc.mode = IT_NAT_SEQUENTIAL;
}
static void f_pool(it_nat_profile *p)
{
    p->pool.size = 0;
}
static void f_pool2(it_nat_profile *p)
{
    p->pool.size = 65;
}
static void f_rate(it_nat_profile *p)
{
    p->limits.new_per_s = 1000001;
}

static void f_alg(it_nat_profile *p)
{
    p->alg = IT_NAT_ALG_FTP;
} /* what rewrites no payload does not pretend to */

static void (*const FAULTS[])(it_nat_profile *) = {
    f_enum, f_hairpin, f_fragments, f_syn, f_time,  f_tcp_time, f_negative, f_reuse, f_range, f_order, f_class,
    f_many, f_step,    f_noise,     f_det, f_block, f_seq,      f_pool,     f_pool2, f_rate,  f_alg};

START_TEST(a_profile_with_a_fault_makes_no_box)
{
    it_nat_profile p = base();
    ck_assert_ptr_null(it_nat_profile_fault(&p));
    FAULTS[_i](&p);
    ck_assert_ptr_nonnull(it_nat_profile_fault(&p));
    box_start(&B, 1);
    ck_assert_ptr_null(it_nat_new(B.w, "nat", &p));
    box_close(&B);
}
END_TEST

START_TEST(a_box_knows_what_it_is)
{
    it_nat_profile p = base();
    p.pool.size = 2;
    box_open(&B, &p);
    ck_assert_ptr_eq(it_nat_of(it_nat_node(B.nat)), B.nat);
    ck_assert_ptr_null(it_nat_of(B.edge[0]));
    ck_assert_uint_eq(it_nat_profile_of(B.nat)->pool.size, 2);
    ck_assert(it_ip_eq(it_nat_external(B.nat, 1), I("203.0.113.2")));
    ck_assert(it_ip_none(it_nat_external(B.nat, 2)));
    ck_assert_int_eq(it_nat_inside(B.nat, I("2001:db8::1"), 24), IT_ERR_RANGE);
    ck_assert_int_eq(it_nat_inside(B.nat, I("10.0.0.1"), 33), IT_ERR_RANGE);
    it_ip twice[] = {I("203.0.113.1"), I("203.0.113.1")};
    ck_assert_int_eq(it_nat_outside(B.nat, twice, 2, (it_ip){0, 0}), IT_ERR_RANGE);
    ck_assert_int_eq(it_nat_outside(B.nat, twice, 0, (it_ip){0, 0}), IT_ERR_RANGE);
    p.pool.size = 3;
    ck_assert_int_eq(it_nat_set(B.nat, &p), IT_ERR_RANGE);
    box_close(&B);
}
END_TEST

START_TEST(a_filter_changed_while_running_counts_at_once)
{
    it_nat_profile p = base();
    box_open(&B, &p);
    it_addr ext = udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100");
    ck_none(udp_in(&B, "198.51.100.1:9", ext));
    p.udp.filtering = IT_NAT_AD;
    ck_assert_int_eq(it_nat_set(B.nat, &p), 0);
    ck_some(udp_in(&B, "198.51.100.1:9", ext));
    ck_none(udp_in(&B, "198.51.100.2:9", ext));
    p.udp.filtering = IT_NAT_EI;
    ck_assert_int_eq(it_nat_set(B.nat, &p), 0);
    ck_some(udp_in(&B, "198.51.100.2:9", ext));
    box_close(&B);
}
END_TEST

/* --- losing state --- */

START_TEST(a_reboot_is_silent_for_its_time_and_loses_state_where_the_profile_says)
{
    it_nat_profile p = base();
    p.state_loss_on_reboot = _i == 0;
    box_open(&B, &p);
    it_addr ext = udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100");
    it_nat_reboot(B.nat, 0, 5 * IT_SEC);
    box_at(&B, 5 * IT_SEC - 1);
    ck_none(udp_in(&B, "198.51.100.1:100", ext));
    ck_assert_int_eq(B.drop, IT_DROP_NAT_REBOOT);
    ck_none(udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100"));
    box_at(&B, 5 * IT_SEC);
    ck_assert(it_ip_none(udp_in(&B, "198.51.100.1:100", ext).ip) == (_i == 0));
    /* Ports that are preserved come back with the first packet out. */
    ck_assert(it_addr_eq(udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100"), ext));
    ck_some(udp_in(&B, "198.51.100.1:100", ext));
    box_close(&B);
}
END_TEST

START_TEST(random_ports_do_not_come_back)
{
    it_nat_profile p = base();
    p.udp.alloc.mode = IT_NAT_RANDOM;
    box_open(&B, &p);
    it_addr ext = udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100");
    it_nat_flush(B.nat, 0);
    ck_assert_uint_eq(it_nat_stat(B.nat)->mappings, 0);
    ck_assert_uint_eq(it_nat_stat(B.nat)->sessions, 0);
    ck_assert(!it_addr_eq(udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100"), ext));
    box_close(&B);
}
END_TEST

START_TEST(a_new_address_ends_all_flows)
{
    it_nat_profile p = base();
    it_ip next[] = {I("192.0.2.50")};
    box_open(&B, &p);
    it_addr ext = udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100");
    ck_assert_int_eq(it_nat_renumber(B.nat, 0, next, 1, (it_ip){0, 0}), 0);
    ck_none(udp_in(&B, "198.51.100.1:100", ext));
    ck_assert_int_eq(B.drop, IT_DROP_NOT_MINE);
    ck_none(udp_in(&B, "198.51.100.1:100", A("192.0.2.50:5000")));
    ck_addr(udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100"), "192.0.2.50:5000");
    box_close(&B);
}
END_TEST

/* --- explicit mappings --- */

START_TEST(an_explicit_mapping_lets_everybody_in_whatever_the_filter)
{
    it_nat_profile p = base();
    int err;
    p.udp.filtering = IT_NAT_APD;
    p.udp.mapping = IT_NAT_APD;
    p.udp.inbound_session = _i == 0;
    box_open(&B, &p);
    ck_addr(add("10.0.0.2:80", "203.0.113.1:8080", IT_NEVER, &err), "203.0.113.1:8080");
    ck_assert_int_eq(err, 0);
    ck_addr(udp_in(&B, "198.51.100.9:9", A("203.0.113.1:8080")), "10.0.0.2:80");
    /* ... and what the host sends leaves from it. */
    ck_addr(udp_out(&B, "10.0.0.2:80", "198.51.100.77:7"), "203.0.113.1:8080");
    box_at(&B, 86400 * IT_SEC);
    ck_addr(udp_in(&B, "198.51.100.9:9", A("203.0.113.1:8080")), "10.0.0.2:80");
    box_close(&B);
}
END_TEST

START_TEST(an_explicit_mapping_picks_what_it_is_not_told)
{
    it_nat_profile p = base();
    int err;
    box_open(&B, &p);
    ck_addr(add("10.0.0.2:8000", NULL, IT_NEVER, &err), "203.0.113.1:8000");
    ck_assert_int_eq(err, 0);
    it_addr other = add("10.0.0.3:8000", NULL, IT_NEVER, &err);
    ck_assert(err == 0 && other.port != 8000 && other.port != 0);
    ck_addr(add("10.0.0.2:8000", NULL, IT_NEVER, &err), "203.0.113.1:8000"); /* renewed */
    ck_assert_int_eq(err, 0);
    (void)add("10.0.0.4:1", "203.0.113.1:8000", IT_NEVER, &err);
    ck_assert_int_eq(err, IT_ERR_EXISTS);
    (void)add("10.0.0.4:1", "203.0.113.9:1", IT_NEVER, &err);
    ck_assert_int_eq(err, IT_ERR_RANGE);
    (void)add("10.0.0.4:1", NULL, it_world_now(B.w), &err);
    ck_assert_int_eq(err, IT_ERR_RANGE);
    box_close(&B);
}
END_TEST

START_TEST(an_explicit_mapping_ends_at_its_time)
{
    it_nat_profile p = base();
    int err;
    box_open(&B, &p);
    (void)add("10.0.0.2:80", "203.0.113.1:8080", 100 * IT_SEC, &err);
    ck_assert_int_eq(err, 0);
    box_at(&B, 50 * IT_SEC);
    (void)add("10.0.0.2:80", "203.0.113.1:8080", (_i ? 150 : 60) * IT_SEC, &err); /* renewed, for longer or shorter */
    it_time end = (_i ? 150 : 60) * IT_SEC;
    box_at(&B, end - 1);
    ck_some(udp_in(&B, "198.51.100.9:9", A("203.0.113.1:8080")));
    box_at(&B, end);
    ck_none(udp_in(&B, "198.51.100.9:9", A("203.0.113.1:8080")));
    box_close(&B);
}
END_TEST

START_TEST(an_explicit_mapping_is_deleted_once)
{
    it_nat_profile p = base();
    int err;
    box_open(&B, &p);
    (void)add("10.0.0.2:80", "203.0.113.1:8080", IT_NEVER, &err);
    ck_some(udp_in(&B, "198.51.100.9:9", A("203.0.113.1:8080")));
    ck_assert_int_eq(it_nat_map_del(B.nat, 0, IT_PROTO_UDP, A("10.0.0.2:80")), 0);
    ck_assert_int_eq(it_nat_map_del(B.nat, 0, IT_PROTO_UDP, A("10.0.0.2:80")), IT_ERR_NOTFOUND);
    ck_none(udp_in(&B, "198.51.100.9:9", A("203.0.113.1:8080")));
    ck_assert_uint_eq(it_nat_stat(B.nat)->mappings, 0);
    box_close(&B);
}
END_TEST

START_TEST(configured_mappings_survive_what_requested_ones_do_not)
{
    it_nat_profile p = base();
    it_ip next[] = {I("192.0.2.50")};
    int err;
    box_open(&B, &p);
    (void)add("10.0.0.2:80", "203.0.113.1:8080", IT_NEVER, &err);
    (void)add("10.0.0.2:81", "203.0.113.1:8081", 1000 * IT_SEC, &err);
    it_addr at = A("203.0.113.1:8080");
    if (_i == 0) {
        it_nat_flush(B.nat, 0);
    } else if (_i == 1) {
        it_nat_reboot(B.nat, 0, 0);
    } else {
        ck_assert_int_eq(it_nat_renumber(B.nat, 0, next, 1, (it_ip){0, 0}), 0);
        at.ip = next[0];
    }
    ck_some(udp_in(&B, "198.51.100.9:9", at));
    at.port = 8081;
    ck_none(udp_in(&B, "198.51.100.9:9", at));
    box_close(&B);
}
END_TEST

START_TEST(a_dynamic_mapping_cannot_take_an_explicit_port)
{
    it_nat_profile p = base();
    int err;
    p.udp.overload = true;
    box_open(&B, &p);
    (void)add("10.0.0.2:80", "203.0.113.1:8080", IT_NEVER, &err);
    it_addr ext = udp_out(&B, "10.0.0.3:8080", "198.51.100.1:1");
    ck_assert_uint_ne(ext.port, 8080);
    box_close(&B);
}
END_TEST

/* --- looking inside --- */

START_TEST(the_tables_can_be_read)
{
    it_nat_profile p = base();
    p.udp.mapping = IT_NAT_APD;
    uint32_t pos = 0, n = 0;
    it_nat_entry e;
    int err;
    box_open(&B, &p);
    it_addr ext = udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100");
    ck_some(udp_out(&B, "10.0.0.2:5000", "198.51.100.2:100"));
    (void)add("10.0.0.9:1", NULL, 50 * IT_SEC, &err);
    while (it_nat_next_mapping(B.nat, &pos, &e)) {
        if (n == 0) {
            ck_addr(e.internal, "10.0.0.2:5000");
            ck_assert(it_addr_eq(e.ext, ext));
            ck_addr(e.remote, "198.51.100.1:100");
            ck_assert_uint_eq(e.sessions, 1);
        }
        ck_assert(e.is_explicit == (n == 2));
        ck_assert(e.expires == (n == 2 ? 50 * IT_SEC : IT_NEVER));
        n++;
    }
    ck_assert_uint_eq(n, 3);
    pos = n = 0;
    while (it_nat_next_session(B.nat, &pos, &e)) {
        ck_addr(e.internal, "10.0.0.2:5000");
        ck_assert_int_eq(e.expires, 30 * IT_SEC);
        ck_assert_uint_eq(e.stage, 0);
        n++;
    }
    ck_assert_uint_eq(n, 2);
    box_close(&B);
}
END_TEST

/* |_i|: made by a flow, by request. */
START_TEST(a_mapping_for_everybody_names_no_remote)
{
    it_nat_profile p = base();
    it_nat_entry e;
    int err;
    box_open(&B, &p);
    if (_i == 0)
        ck_some(udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100"));
    else
        (void)add("10.0.0.2:5000", NULL, IT_NEVER, &err);
    ck_assert(it_nat_mapping_of(B.nat, IT_PROTO_UDP, A("10.0.0.2:5000"), &e));
    ck_assert(e.is_explicit == (_i == 1));
    ck_assert(it_addr_eq(e.remote, (it_addr){{0, 0}, 0}));
    box_close(&B);
}
END_TEST

START_TEST(the_boxes_own_host_hears_and_answers_the_inside_alone)
{
    it_nat_profile p = base();
    uint8_t buf[IT_PKT_MAX];
    it_link_cfg cfg = {.name = "self"};
    box_open(&B, &p);
    int port = it_nat_self(B.nat);
    ck_assert_int_eq(port, 2);
    ck_assert_int_eq(it_nat_self(B.nat), port);
    it_node *own = it_edge_new(B.w, "own", "eth");
    ck_assert_int_ge(it_link_new(B.w, &cfg, own, 0, it_nat_node(B.nat), port), 0);
    box_udp(&B, IT_NAT_LAN, A("10.0.0.2:5"), A("10.0.0.1:5351"));
    ck_assert_uint_eq(B.n_got, 1);
    ck_addr(it_addr_of(B.got[0].p.dst, B.got[0].p.dport), "10.0.0.1:5351");
    ck_assert_uint_eq(it_nat_stat(B.nat)->sessions, 0);
    B.n_got = 0;
    ck_assert_int_eq(it_edge_send(own, 0, box_udp_bytes(buf, A("10.0.0.1:5351"), A("10.0.0.2:5"), 9), 0), 0);
    box_at(&B, 0);
    ck_assert_ptr_nonnull(box_got(&B, IT_NAT_LAN));
    B.n_got = 0;
    ck_assert_int_eq(it_edge_send(own, 0, box_udp_bytes(buf, A("10.0.0.1:5351"), A("198.51.100.1:5"), 9), 0), 0);
    box_at(&B, 0);
    ck_assert_uint_eq(B.n_got, 0);
    ck_assert_int_eq(B.drop, IT_DROP_NO_ROUTE);
    box_udp(&B, IT_NAT_WAN, A("198.51.100.1:5"), A("203.0.113.1:5351")); /* nothing from outside */
    ck_assert_ptr_null(box_got(&B, IT_NAT_LAN));
    /* Groups: from inside to the own host and no further, from the own host to the inside. */
    box_udp(&B, IT_NAT_LAN, A("10.0.0.2:5"), A("239.255.255.250:1900"));
    ck_assert_uint_eq(B.n_got, 1);
    ck_assert(B.got[0].side == IT_NAT_LAN && B.got[0].p.dport == 1900 && it_nat_stat(B.nat)->sessions == 0);
    B.n_got = 0;
    ck_assert_int_eq(it_edge_send(own, 0, box_udp_bytes(buf, A("10.0.0.1:5351"), A("224.0.0.1:5350"), 9), 0), 0);
    box_at(&B, 0);
    ck_assert(B.n_got == 1 && B.got[0].side == IT_NAT_LAN && B.got[0].p.dport == 5350);
    box_udp(&B, IT_NAT_WAN, A("198.51.100.1:5"), A("224.0.0.1:5350"));
    ck_assert_ptr_null(box_got(&B, IT_NAT_LAN));
    box_close(&B);
}
END_TEST

/* --- memory --- */

/* A life of a box, from making it to its end, in a world that may run out of memory anywhere. True when it did not. */
static bool life(uint64_t grants)
{
    it_nat_profile p = base();
    it_alloc alloc;
    it_ip ext[] = {I("203.0.113.1"), I("203.0.113.2")};
    uint8_t buf[IT_PKT_MAX];
    bool whole = true;
    p.pool.size = 2;
    p.udp.filtering = IT_NAT_AD;
    p.udp.mapping = IT_NAT_APD;
    p.limits.sessions_per_dest = 100;
    p.block.size = 64;
    p.block.lifetime = IT_SEC;
    p.port_reuse = IT_SEC;
    p.hairpin = IT_NAT_HAIRPIN_EXT;
    p.udp.unsolicited = IT_NAT_UNSOL_LOCAL;
    it_alloc_init_countdown(&alloc, grants);
    it_world *w = it_world_new(&(it_world_cfg){&alloc, 1});
    it_nat *nat = w ? it_nat_new(w, "nat", &p) : NULL;
    it_node *in = nat ? it_edge_new(w, "in", "eth") : NULL, *out = in ? it_edge_new(w, "out", "eth") : NULL;
    it_link_cfg l1 = {.name = "l1"}, l2 = {.name = "l2"};
    whole = out && it_link_new(w, &l1, in, 0, it_nat_node(nat), 0) >= 0 &&
            it_link_new(w, &l2, out, 0, it_nat_node(nat), 1) >= 0 && it_nat_inside(nat, I("10.0.0.1"), 24) == 0 &&
            it_nat_outside(nat, ext, 2, (it_ip){0, 0}) == 0;
    for (uint32_t i = 0; whole && i < 60; i++) {
        it_addr from = {it_ip4(0x0a000002u + i % 7), (uint16_t)(5000 + i)}, to = {it_ip4(0xc6336400u + i % 5), 100};
        it_node *edge = i % 3 == 2 ? out : in;
        if (i % 3 == 2) {
            from = to;
            to = (it_addr){ext[i & 1], (uint16_t)(1024 + i)};
        }
        whole = it_edge_send(edge, it_world_now(w), box_udp_bytes(buf, from, to, 10), 0) == 0;
        struct it_nat_map_request r = {
            .proto = IT_PROTO_UDP, .internal = {it_ip4(0x0a000002u), (uint16_t)(1 + i)}, .until = 20 * IT_SEC};
        if (whole && i % 10 == 0)
            whole = it_nat_map_add(nat, it_world_now(w), &r, NULL) != IT_ERR_NOMEM;
        int err = 1;
        while (whole && (err = it_world_run(w, (it_time)i * IT_SEC)) == 1) {
            it_node *e = it_world_ready(w);
            it_pkt *got = it_edge_take(e);
            if (got)
                it_pkt_free(it_world_pool(w), got);
        }
        whole = whole && err == 0;
    }
    it_world_free(w);
    ck_assert_int_eq(alloc.live, 0);
    return whole;
}

START_TEST(every_allocation_may_fail)
{
    uint64_t n = 0;
    while (!life(n))
        n++;
    ck_assert_uint_gt(n, 30);
    ck_assert(life(n + 1));
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("netsim/nat_api");
    TCase *t = tcase_create("profiles");
    tcase_add_loop_test(t, a_profile_with_a_fault_makes_no_box, 0, (int)(sizeof FAULTS / sizeof *FAULTS));
    tcase_add_test(t, a_box_knows_what_it_is);
    tcase_add_test(t, a_filter_changed_while_running_counts_at_once);
    suite_add_tcase(s, t);
    t = tcase_create("losing state");
    tcase_add_loop_test(t, a_reboot_is_silent_for_its_time_and_loses_state_where_the_profile_says, 0, 2);
    tcase_add_test(t, random_ports_do_not_come_back);
    tcase_add_test(t, a_new_address_ends_all_flows);
    suite_add_tcase(s, t);
    t = tcase_create("explicit mappings");
    tcase_add_loop_test(t, an_explicit_mapping_lets_everybody_in_whatever_the_filter, 0, 2);
    tcase_add_test(t, an_explicit_mapping_picks_what_it_is_not_told);
    tcase_add_loop_test(t, an_explicit_mapping_ends_at_its_time, 0, 2);
    tcase_add_test(t, an_explicit_mapping_is_deleted_once);
    tcase_add_loop_test(t, configured_mappings_survive_what_requested_ones_do_not, 0, 3);
    tcase_add_test(t, a_dynamic_mapping_cannot_take_an_explicit_port);
    suite_add_tcase(s, t);
    t = tcase_create("looking inside");
    tcase_add_test(t, the_tables_can_be_read);
    tcase_add_loop_test(t, a_mapping_for_everybody_names_no_remote, 0, 2);
    tcase_add_test(t, the_boxes_own_host_hears_and_answers_the_inside_alone);
    suite_add_tcase(s, t);
    t = tcase_create("memory");
    tcase_add_test(t, every_allocation_may_fail);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
