/* What PCP asks of a NAT: filters of explicit mappings, held flows, no state at all. */
#include "tests/netsim/box.h"

#include "base/pref64.h"

static box B;
static const it_ip NONE = {0, 0};

#define MIN (60 * IT_SEC)

static it_nat_profile base(void)
{
    it_nat_profile p;
    it_nat_profile_init(&p);
    return p;
}

static it_nat_filter F(const char *prefix, uint16_t port)
{
    it_nat_filter f = {.port = port};
    ck_assert_int_eq(it_prefix_parse(&f.who, prefix), 0);
    return f;
}

/* Maps 10.0.0.2:5000 to port 6000 with filters. */
static int map(const it_nat_filter *f, size_t n, bool unfilter)
{
    struct it_nat_map_request r = {
        .proto = IT_PROTO_UDP, .internal = A("10.0.0.2:5000"), .ext = {NONE, 6000}, .until = 60 * MIN};
    it_addr got;
    r.filters = f;
    r.n_filters = n;
    r.unfilter = unfilter;
    return it_nat_map_add(B.nat, it_world_now(B.w), &r, &got);
}

static bool lets_in(const char *from)
{
    it_addr in = udp_in(&B, from, A("203.0.113.1:6000"));
    return it_addr_eq(in, A("10.0.0.2:5000"));
}

static int peer(const char *internal, const char *to, const char *ext, it_time until, it_addr *got, it_time *end)
{
    struct it_nat_peer_request r = {.proto = IT_PROTO_UDP, .internal = A(internal), .peer = A(to), .until = until};
    if (ext)
        r.ext = A(ext);
    return it_nat_peer_add(B.nat, it_world_now(B.w), &r, got, end);
}

/* --- RFC 6887 section 13.3 --- */

START_TEST(a_mapping_lets_in_whom_its_filters_name)
{
    static const struct {
        const char *who;
        uint16_t port;
        const char *from;
        bool in;
    } T[] = {{"198.51.100.0/24", 0, "198.51.100.7:9", true},  {"198.51.100.0/24", 0, "198.51.101.7:9", false},
             {"198.51.100.7/32", 9, "198.51.100.7:9", true},  {"198.51.100.7/32", 9, "198.51.100.7:10", false},
             {"198.51.100.7/32", 0, "198.51.100.8:9", false}, {"0.0.0.0/0", 9, "192.0.2.1:9", true},
             {"0.0.0.0/0", 9, "192.0.2.1:8", false}};
    it_nat_profile p = base();
    p.udp.filtering = (uint8_t)(_i % 3); /* whatever the box does otherwise */
    it_nat_filter f = F(T[_i].who, T[_i].port);
    box_open(&B, &p);
    ck_assert_int_eq(map(&f, 1, false), 0);
    ck_assert_int_eq(lets_in(T[_i].from), T[_i].in);
    ck_assert(T[_i].in || strstr(B.why, "13.3"));
    box_close(&B);
}
END_TEST

START_TEST(filters_add_up_and_go_together)
{
    it_nat_profile p = base();
    it_nat_filter a = F("198.51.100.1/32", 0), b = F("198.51.100.2/32", 0);
    box_open(&B, &p);
    ck_assert_int_eq(map(&a, 1, false), 0);
    ck_assert_int_eq(map(&b, 1, false), 0);
    ck_assert(lets_in("198.51.100.1:9") && lets_in("198.51.100.2:9") && !lets_in("198.51.100.3:9"));
    ck_assert_int_eq(map(NULL, 0, false), 0); /* a renewal without any changes none */
    ck_assert(!lets_in("198.51.100.3:9"));
    ck_assert_int_eq(map(&b, 1, true), 0);
    ck_assert(!lets_in("198.51.100.1:9") && lets_in("198.51.100.2:9"));
    ck_assert_int_eq(map(NULL, 0, true), 0);
    ck_assert(lets_in("198.51.100.3:9"));
    box_close(&B);
}
END_TEST

START_TEST(filters_are_of_one_mapping_and_end_with_it)
{
    it_nat_profile p = base();
    it_nat_filter a = F("198.51.100.1/32", 0);
    it_addr got;
    struct it_nat_map_request r = {
        .proto = IT_PROTO_UDP, .internal = A("10.0.0.3:5000"), .ext = {NONE, 6001}, .until = IT_NEVER};
    box_open(&B, &p);
    ck_assert_int_eq(map(&a, 1, false), 0);
    ck_assert_int_eq(it_nat_map_add(B.nat, 0, &r, &got), 0);
    ck_some(udp_in(&B, "192.0.2.1:9", got));
    ck_assert_int_eq(it_nat_map_del(B.nat, 0, IT_PROTO_UDP, A("10.0.0.2:5000")), 0);
    ck_assert_int_eq(map(NULL, 0, false), 0); /* the same slot, and no filters */
    ck_assert(lets_in("192.0.2.1:9"));
    it_nat_filter b = F("198.51.100.2/32", 0);
    ck_assert_int_eq(map(&b, 1, false), 0);
    ck_assert(!lets_in("198.51.100.1:9") && lets_in("198.51.100.2:9")); /* nor those of before, when it gets one */
    box_close(&B);
}
END_TEST

START_TEST(a_new_filter_ends_what_came_in_and_spares_what_went_out)
{
    it_nat_profile p = base();
    it_nat_filter a = F("198.51.100.1/32", 0);
    box_open(&B, &p);
    ck_assert_int_eq(map(NULL, 0, false), 0);
    ck_assert(lets_in("192.0.2.1:9"));
    ck_addr(udp_out(&B, "10.0.0.2:5000", "192.0.2.1:9"), "203.0.113.1:6000"); /* answered: its session lives */
    ck_some(udp_out(&B, "10.0.0.2:5000", "192.0.2.2:9"));
    ck_assert_int_eq(map(&a, 1, false), 0);
    ck_assert(!lets_in("192.0.2.1:9"));
    ck_assert(lets_in("192.0.2.2:9")); /* its own flow: section 16.1 */
    box_close(&B);
}
END_TEST

START_TEST(too_many_filters_change_nothing)
{
    it_nat_profile p = base();
    p.pcp.filters = 2;
    it_nat_filter f[] = {F("198.51.100.1/32", 0), F("198.51.100.2/32", 0), F("198.51.100.3/32", 0),
                         F("198.51.100.1/32", 0)};
    box_open(&B, &p);
    ck_assert_int_eq(map(f, 3, false), IT_ERR_TOOBIG);
    ck_assert_uint_eq(it_nat_stat(B.nat)->mappings, 0);
    ck_assert_int_eq(map(f, 2, false), 0);
    ck_assert_int_eq(map(f, 2, false), 0); /* the same again, as a renewal brings it */
    ck_assert_int_eq(map(&f[2], 1, false), IT_ERR_TOOBIG);
    ck_assert(lets_in("198.51.100.1:9") && !lets_in("198.51.100.3:9"));
    ck_assert_int_eq(map(&f[2], 2, true), 0); /* those before are gone first */
    ck_assert(lets_in("198.51.100.3:9") && lets_in("198.51.100.1:9") && !lets_in("198.51.100.2:9"));
    it_nat_filter six = F("2001:db8::/32", 0);
    ck_assert_int_eq(map(&six, 1, true), IT_ERR_RANGE); /* not of this box's world */
    box_close(&B);
}
END_TEST

START_TEST(filters_hold_for_tcp)
{
    it_nat_profile p = base();
    it_nat_filter f = F("198.51.100.1/32", 0);
    struct it_nat_map_request r = {
        .proto = IT_PROTO_TCP, .internal = A("10.0.0.2:5000"), .ext = {NONE, 6000}, .until = IT_NEVER};
    r.filters = &f;
    r.n_filters = 1;
    box_open(&B, &p);
    ck_assert_int_eq(it_nat_map_add(B.nat, 0, &r, NULL), 0);
    for (int flags = SYN; flags <= ACK; flags += ACK - SYN) {
        box_tcp(&B, IT_NAT_WAN, &(seg){A("198.51.100.1:9"), A("203.0.113.1:6000"), (uint8_t)flags, 1, 1, 0});
        ck_assert_ptr_nonnull(box_got(&B, IT_NAT_LAN));
        box_tcp(&B, IT_NAT_WAN, &(seg){A("198.51.100.2:9"), A("203.0.113.1:6000"), (uint8_t)flags, 1, 1, 0});
        ck_assert_ptr_null(box_got(&B, IT_NAT_LAN));
    }
    box_close(&B);
}
END_TEST

/* --- section 12 --- */

START_TEST(a_flow_is_opened_without_a_packet_and_held)
{
    it_nat_profile p = base();
    it_addr got;
    it_time end;
    p.udp.mapping = (uint8_t)_i;
    p.udp.alloc.mode = _i ? IT_NAT_RANDOM : IT_NAT_PRESERVE;
    box_open(&B, &p);
    ck_assert_int_eq(peer("10.0.0.2:5000", "198.51.100.1:9", NULL, 60 * MIN, &got, &end), 0);
    ck_assert_int_eq(end, 60 * MIN);
    ck_assert(it_addr_eq(udp_out(&B, "10.0.0.2:5000", "198.51.100.1:9"), got)); /* the packet goes as it was told */
    box_at(&B, 60 * MIN - IT_SEC);
    ck_none(udp_in(&B, "198.51.100.2:9", got)); /* the filter is the box's own */
    ck_addr(udp_in(&B, "198.51.100.1:9", got), "10.0.0.2:5000");
    box_at(&B, 60 * MIN + 120 * IT_SEC); /* not renewed, it is as any other: section 12.3 */
    ck_none(udp_in(&B, "198.51.100.1:9", got));
    ck_assert_uint_eq(it_nat_stat(B.nat)->mappings, 0);
    box_close(&B);
}
END_TEST

START_TEST(a_flow_that_is_there_is_told_and_never_shortened)
{
    it_nat_profile p = base();
    it_addr got;
    it_time end;
    box_open(&B, &p);
    it_addr e = udp_out(&B, "10.0.0.2:5000", "198.51.100.1:9");
    box_at(&B, 10 * IT_SEC);
    ck_assert_int_eq(peer("10.0.0.2:5000", "198.51.100.1:9", "203.0.113.1:7", 11 * IT_SEC, &got, &end),
                     0); /* the suggestion is ignored */
    ck_assert(it_addr_eq(got, e));
    ck_assert_int_eq(end, 30 * IT_SEC); /* as it is */
    ck_assert_int_eq(peer("10.0.0.2:5000", "198.51.100.1:9", NULL, 10 * MIN, &got, &end), 0);
    ck_assert_int_eq(end, 10 * MIN);
    ck_assert_int_eq(peer("10.0.0.2:5000", "198.51.100.1:9", NULL, MIN, &got, &end), 0);
    ck_assert_int_eq(end, 10 * MIN);
    uint32_t pos = 0;
    it_nat_entry s;
    ck_assert(it_nat_next_session(B.nat, &pos, &s) && s.expires == 10 * MIN);
    box_close(&B);
}
END_TEST

START_TEST(a_suggestion_is_met_or_refused)
{
    it_nat_profile p = base();
    it_addr got;
    it_time end;
    p.limits.ports_per_host = _i ? 3 : 0;
    box_open(&B, &p);
    ck_some(udp_out(&B, "10.0.0.3:6000", "198.51.100.1:9"));
    ck_assert_int_eq(peer("10.0.0.2:5000", "198.51.100.1:9", "203.0.113.1:6000", MIN, &got, &end),
                     IT_ERR_EXISTS); /* another's */
    ck_assert_int_eq(peer("10.0.0.2:5000", "198.51.100.1:9", "203.0.113.9:6001", MIN, &got, &end),
                     IT_ERR_EXISTS);                    /* not ours */
    ck_assert_uint_eq(it_nat_stat(B.nat)->mappings, 1); /* no state is left */
    ck_assert_int_eq(peer("10.0.0.2:5000", "198.51.100.1:9", "203.0.113.1:6001", MIN, &got, &end), 0);
    ck_addr(got, "203.0.113.1:6001");
    ck_addr(udp_out(&B, "10.0.0.2:5000", "198.51.100.2:9"), "203.0.113.1:6001");
    ck_assert_int_eq(peer("10.0.0.2:5000", "198.51.100.3:9", "203.0.113.1:6002", MIN, &got, &end),
                     IT_ERR_EXISTS); /* it has that one */
    ck_assert_int_eq(peer("10.0.0.2:5000", "198.51.100.3:9", "203.0.113.1:6001", MIN, &got, &end), 0);
    ck_assert_int_eq(peer("10.0.0.2:5001", "198.51.100.1:9", NULL, MIN, &got, &end), 0);
    ck_assert_int_eq(peer("10.0.0.2:5002", "198.51.100.1:9", "203.0.113.1:6009", MIN, &got, &end), 0);
    ck_assert_int_eq(peer("10.0.0.2:5003", "198.51.100.1:9", "203.0.113.1:6010", MIN, &got, &end),
                     _i ? IT_ERR_LIMIT : 0);
    ck_assert_int_eq(peer("10.0.0.2:5004", "198.51.100.1:9", NULL, MIN, &got, &end), _i ? IT_ERR_LIMIT : 0);
    box_close(&B);
}
END_TEST

START_TEST(a_flow_that_no_packet_would_open_is_refused)
{
    static const char *const TO[] = {"127.0.0.1:9", "224.0.0.1:9",     "0.0.0.0:9",
                                     "10.0.0.7:9",  "[2001:db8::1]:9", "198.51.100.1:0"};
    it_nat_profile p = base();
    it_addr got;
    it_time end;
    box_open(&B, &p);
    ck_assert_int_eq(peer("10.0.0.2:5000", TO[_i], NULL, MIN, &got, &end), IT_ERR_RANGE);
    ck_assert_uint_eq(it_nat_stat(B.nat)->mappings + it_nat_stat(B.nat)->sessions, 0);
    box_close(&B);
}
END_TEST

/* RFC 6887 section 12.1: a suggestion that somebody else has is refused, towards whatever peer; where a port may be
 * shared (RFC 7857 section 3) only the peer that the other one speaks with is. */
START_TEST(a_suggested_port_that_another_host_holds_is_not_given)
{
    it_nat_profile p = base();
    it_addr got;
    it_time end;
    p.udp.overload = _i == 1;
    box_open(&B, &p);
    ck_addr(udp_out(&B, "10.0.0.3:6000", "198.51.100.1:9"), "203.0.113.1:6000");
    ck_assert_int_eq(peer("10.0.0.2:5000", "198.51.100.1:9", "203.0.113.1:6000", MIN, &got, &end), IT_ERR_EXISTS);
    ck_assert_int_eq(peer("10.0.0.2:5000", "198.51.100.2:9", "203.0.113.1:6000", MIN, &got, &end),
                     _i ? 0 : IT_ERR_EXISTS);
    ck_addr(udp_in(&B, "198.51.100.1:9", A("203.0.113.1:6000")), "10.0.0.3:6000");
    box_close(&B);
}
END_TEST

START_TEST(a_limit_that_refuses_leaves_nothing_behind)
{
    it_nat_profile p = base();
    it_addr got;
    it_time end;
    p.limits.sessions_per_host = 1;
    box_open(&B, &p);
    ck_assert_int_eq(peer("10.0.0.2:5000", "198.51.100.1:9", NULL, MIN, &got, &end), 0);
    ck_assert_int_eq(peer("10.0.0.2:5001", "198.51.100.1:9", "203.0.113.1:6000", MIN, &got, &end), IT_ERR_LIMIT);
    ck_assert_uint_eq(it_nat_stat(B.nat)->mappings, 1);
    box_close(&B);
}
END_TEST

static const it_time TCP_END = 60 * MIN;

static it_addr hold_tcp(bool strict)
{
    it_nat_profile p = base();
    it_addr got;
    it_time end;
    p.tcp.strict = strict;
    box_open(&B, &p);
    struct it_nat_peer_request r = {IT_PROTO_TCP, A("10.0.0.2:5000"), {NONE, 0}, A("198.51.100.1:80"), TCP_END};
    ck_assert_int_eq(it_nat_peer_add(B.nat, 0, &r, &got, &end), 0);
    ck_assert_int_eq(end, TCP_END);
    return got;
}

static bool out(uint8_t flags, uint32_t seq)
{
    box_tcp(&B, IT_NAT_LAN, &(seg){A("10.0.0.2:5000"), A("198.51.100.1:80"), flags, seq, 1001, 0});
    return box_got(&B, IT_NAT_WAN) != NULL;
}

static bool in(it_addr to, uint8_t flags, uint32_t seq, uint32_t ack)
{
    box_tcp(&B, IT_NAT_WAN, &(seg){A("198.51.100.1:80"), to, flags, seq, ack, 0});
    return box_got(&B, IT_NAT_LAN) != NULL;
}

START_TEST(a_held_connection_begins_with_a_syn_or_goes_on)
{
    it_addr e = hold_tcp(_i & 1);
    if (_i & 2) {
        /* A connection from before a loss of state: what the box sees first is its middle. */
        ck_assert(out(ACK, 500));
        ck_assert(in(e, ACK, 1001, 500));
    } else {
        ck_assert(out(SYN, 99));
        ck_assert(in(e, SYN | ACK, 1000, 100));
        ck_assert(out(ACK, 100));
    }
    box_at(&B, 50 * MIN);
    ck_assert(in(e, ACK, 1001, _i & 2 ? 500 : 100));
    box_close(&B);
}
END_TEST

START_TEST(a_held_connection_ends_as_tcp_ends)
{
    it_addr e = hold_tcp(_i & 1);
    ck_assert(out(SYN, 99) && in(e, SYN | ACK, 1000, 100) && out(ACK, 100));
    if (_i & 2) {
        ck_assert(in(e, RST | ACK, 1001, 100)); /* section 12.3: as the box does otherwise */
    } else {
        ck_assert(out(FIN | ACK, 100) && in(e, FIN | ACK, 1001, 101));
    }
    box_at(&B, 20 * MIN);
    ck_assert_uint_eq(it_nat_stat(B.nat)->sessions, 0);
    box_close(&B);
}
END_TEST

START_TEST(a_reset_does_not_begin_a_held_connection)
{
    it_addr e = hold_tcp(_i & 1);
    (void)in(e, RST, 1, 0);
    ck_assert(out(SYN, 99));
    ck_assert(in(e, SYN | ACK, 1000, 100));
    box_at(&B, 50 * MIN);
    ck_assert(in(e, ACK, 1001, 100));
    box_close(&B);
}
END_TEST

START_TEST(a_loss_of_state_loses_held_flows_too)
{
    it_nat_profile p = base();
    it_nat_filter f = F("198.51.100.1/32", 0);
    it_addr got;
    it_time end;
    box_open(&B, &p);
    ck_assert_int_eq(peer("10.0.0.2:5000", "198.51.100.1:9", NULL, 60 * MIN, &got, &end), 0);
    ck_assert_int_eq(map(&f, 1, false), 0);
    it_nat_flush(B.nat, 0);
    ck_none(udp_in(&B, "198.51.100.1:9", got));
    ck_assert_int_eq(peer("10.0.0.2:5000", "198.51.100.1:9", "203.0.113.1:5000", 60 * MIN, &got, &end), 0);
    ck_addr(udp_in(&B, "198.51.100.1:9", got), "10.0.0.2:5000");
    box_close(&B);
}
END_TEST

/* --- boxes whose inside is IPv6 --- */

static void open_six(it_nat_profile *p, const char *own, uint8_t bits)
{
    it_ip ext = I("203.0.113.1");
    box_start(&B, 1);
    B.nat = it_nat_new(B.w, "nat", p);
    ck_assert_ptr_nonnull(B.nat);
    box_wire(&B, it_nat_node(B.nat));
    ck_assert_int_eq(it_nat_inside(B.nat, I(own), bits), 0);
    ck_assert_int_eq(it_nat_outside(B.nat, &ext, 1, NONE), 0);
}

START_TEST(behind_a_nat64_peers_and_filters_are_ipv6)
{
    static const struct {
        const char *filter;
        bool a, b;
        int err;
    } T[] = {{"64:ff9b::c633:6401/128", true, false, 0},
             {"64:ff9b::c633:6400/120", true, false, 0},
             {"64:ff9b::/96", true, true, 0},
             {"::/0", true, true, 0},
             {"2001:db8::/32", false, false, IT_ERR_RANGE},
             {"198.51.100.1/32", false, false, IT_ERR_RANGE}};
    it_nat_profile p = base();
    it_addr got;
    it_time end;
    p.family = 64;
    ck_assert_int_eq(it_prefix_parse(&p.prefix, "64:ff9b::/96"), 0);
    open_six(&p, "2001:db8:1::1", 128);
    it_nat_filter f = F(T[_i].filter, 0);
    struct it_nat_map_request r = {
        .proto = IT_PROTO_UDP, .internal = A("[2001:db8:1::2]:5000"), .ext = {NONE, 6000}, .until = IT_NEVER};
    r.filters = &f;
    r.n_filters = 1;
    ck_assert_int_eq(it_nat_map_add(B.nat, 0, &r, &got), T[_i].err);
    box_udp(&B, IT_NAT_WAN, A("198.51.100.1:9"), A("203.0.113.1:6000"));
    ck_assert_int_eq(box_got(&B, IT_NAT_LAN) != NULL, T[_i].a);
    box_udp(&B, IT_NAT_WAN, A("192.0.2.1:9"), A("203.0.113.1:6000"));
    ck_assert_int_eq(box_got(&B, IT_NAT_LAN) != NULL, T[_i].b);
    ck_assert_int_eq(peer("[2001:db8:1::2]:5001", "[2001:db8:9::1]:9", NULL, MIN, &got, &end),
                     IT_ERR_RANGE); /* it is not translated */
    ck_assert_int_eq(peer("[2001:db8:1::2]:5001", "[64:ff9b::c633:6401]:9", NULL, MIN, &got, &end), 0);
    ck_assert(it_ip_eq(got.ip, I("203.0.113.1")));
    box_close(&B);
}
END_TEST

START_TEST(a_box_without_state_tells_what_it_does)
{
    /* section 11.3: stateless translators simply answer. */
    it_nat_profile p = base();
    it_addr got, peer_got;
    it_time end;
    p.family = 66;
    ck_assert_int_eq(it_prefix_parse(&p.prefix, "2001:db8:f::/48"), 0);
    open_six(&p, "fd00:1:2::1", 48);
    struct it_nat_map_request r = {.proto = IT_PROTO_UDP, .internal = A("[fd00:1:2:3::5]:5000"), .until = IT_NEVER};
    ck_assert_int_eq(it_nat_map_add(B.nat, 0, &r, &got), 0);
    ck_assert(got.port == 5000 && got.ip.hi >> 16 == I("2001:db8:f::").hi >> 16);
    ck_assert_int_eq(peer("[fd00:1:2:3::5]:5000", "[2001:db8:9::1]:9", NULL, MIN, &peer_got, &end), 0);
    ck_assert(it_addr_eq(got, peer_got) && end == MIN);
    ck_assert_uint_eq(it_nat_stat(B.nat)->mappings, 0);
    box_close(&B);
}
END_TEST

/* --- looking inside --- */

START_TEST(a_mapping_is_found_by_its_host)
{
    it_nat_profile p = base();
    it_nat_entry e;
    box_open(&B, &p);
    ck_assert(!it_nat_mapping_of(B.nat, IT_PROTO_UDP, A("10.0.0.2:5000"), &e));
    ck_some(udp_out(&B, "10.0.0.2:5000", "198.51.100.1:9"));
    ck_assert(it_nat_mapping_of(B.nat, IT_PROTO_UDP, A("10.0.0.2:5000"), &e) && !e.is_explicit && e.ext.port == 5000);
    ck_assert_int_eq(map(NULL, 0, false), 0);
    ck_assert(it_nat_mapping_of(B.nat, IT_PROTO_UDP, A("10.0.0.2:5000"), &e) && e.is_explicit && e.ext.port == 6000 &&
              e.expires == 60 * MIN);
    ck_assert(!it_nat_mapping_of(B.nat, IT_PROTO_TCP, A("10.0.0.2:5000"), &e));
    box_close(&B);
}
END_TEST

START_TEST(a_quota_holds_for_ports_that_are_named)
{
    it_nat_profile p = base();
    p.limits.ports_per_host = 1;
    box_open(&B, &p);
    struct it_nat_map_request r = {
        .proto = IT_PROTO_UDP, .internal = A("10.0.0.2:5000"), .ext = A("203.0.113.1:6000"), .until = IT_NEVER};
    ck_assert_int_eq(it_nat_map_add(B.nat, 0, &r, NULL), 0);
    ck_assert_int_eq(it_nat_map_add(B.nat, 0, &r, NULL), 0); /* a renewal */
    r.internal.port = 5001;
    r.ext.port = 6001;
    ck_assert_int_eq(it_nat_map_add(B.nat, 0, &r, NULL), IT_ERR_LIMIT); /* RFC 6888 REQ-4 */
    box_close(&B);
}
END_TEST

START_TEST(memory_that_runs_out_changes_nothing)
{
    for (uint64_t n = 0;; n++) {
        it_nat_profile p = base();
        it_nat_filter f = F("198.51.100.1/32", 0);
        it_addr got;
        it_time end;
        box_open(&B, &p);
        B.alloc.countdown = n;
        int a = map(&f, 1, false), b = peer("10.0.0.2:5001", "198.51.100.1:9", NULL, MIN, &got, &end);
        B.alloc.countdown = UINT64_MAX;
        ck_assert(a == 0 || a == IT_ERR_NOMEM);
        ck_assert(a == 0 || it_nat_stat(B.nat)->mappings <= 1);
        box_close(&B);
        ck_assert_int_eq(B.alloc.live, 0);
        if (a == 0 && b == 0 && n > 20)
            break;
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("netsim/nat_pcp");
    TCase *t = tcase_create("RFC 6887 13.3");
    tcase_add_loop_test(t, a_mapping_lets_in_whom_its_filters_name, 0, 7);
    tcase_add_test(t, filters_add_up_and_go_together);
    tcase_add_test(t, filters_are_of_one_mapping_and_end_with_it);
    tcase_add_test(t, a_new_filter_ends_what_came_in_and_spares_what_went_out);
    tcase_add_test(t, too_many_filters_change_nothing);
    tcase_add_test(t, filters_hold_for_tcp);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 6887 12");
    tcase_add_loop_test(t, a_flow_is_opened_without_a_packet_and_held, 0, 3);
    tcase_add_test(t, a_flow_that_is_there_is_told_and_never_shortened);
    tcase_add_loop_test(t, a_suggestion_is_met_or_refused, 0, 2);
    tcase_add_loop_test(t, a_flow_that_no_packet_would_open_is_refused, 0, 6);
    tcase_add_loop_test(t, a_suggested_port_that_another_host_holds_is_not_given, 0, 2);
    tcase_add_test(t, a_limit_that_refuses_leaves_nothing_behind);
    tcase_add_loop_test(t, a_held_connection_begins_with_a_syn_or_goes_on, 0, 4);
    tcase_add_loop_test(t, a_held_connection_ends_as_tcp_ends, 0, 4);
    tcase_add_loop_test(t, a_reset_does_not_begin_a_held_connection, 0, 2);
    tcase_add_test(t, a_loss_of_state_loses_held_flows_too);
    suite_add_tcase(s, t);
    t = tcase_create("other families, looking inside, memory");
    tcase_add_loop_test(t, behind_a_nat64_peers_and_filters_are_ipv6, 0, 6);
    tcase_add_test(t, a_box_without_state_tells_what_it_does);
    tcase_add_test(t, a_mapping_is_found_by_its_host);
    tcase_add_test(t, a_quota_holds_for_ports_that_are_named);
    tcase_add_test(t, memory_that_runs_out_changes_nothing);
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
