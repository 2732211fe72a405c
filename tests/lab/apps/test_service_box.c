/* The box's port mapping server before a real NAT: requests in, answers out, and what the box then does. */
#include "lab/apps/service.h"
#include "stack/portmap/upnp_server.h"
#include "tests/netsim/box.h"

static box B;
static void *Server;

#define ME "10.0.0.2:40000"
#define FAR "198.51.100.1:9"
#define MIN (60 * IT_SEC)

static it_nat_profile base(void)
{
    it_nat_profile p;
    it_nat_profile_init(&p);
    p.portmap = IT_NAT_PCP | IT_NAT_NATPMP;
    return p;
}

static void open_box(const it_nat_profile *p)
{
    box_open(&B, p);
    Server = it_service_portmap(&B.alloc, B.nat, 0);
    ck_assert_ptr_nonnull(Server);
}

static void close_box(void)
{
    it_app_portmap.free(Server);
    box_close(&B);
    ck_assert_int_eq(B.alloc.live, 0);
}

static it_portmap_msg Req(uint8_t op, uint16_t internal, uint16_t suggested)
{
    it_portmap_msg m = {
        .version = IT_PORTMAP_PCP, .op = op, .lifetime = 3600, .client = A(ME).ip, .proto = 17, .internal = internal};
    m.external = it_addr_of(it_ip4(0), suggested);
    m.peer = op == IT_PORTMAP_PEER ? A(FAR) : (it_addr){{0, 0}, 0};
    return m;
}

static it_portmap_msg ask(const it_portmap_msg *m)
{
    uint8_t buf[IT_PORTMAP_MAX], out[IT_PORTMAP_MAX];
    it_portmap_msg r = {0};
    it_time now = it_world_now(B.w);
    it_io in = {.kind = IT_IO_DGRAM,
                .flow = 1,
                .local = A("10.0.0.1:5351"),
                .remote = A(ME),
                .data = it_portmap_write(m, buf, sizeof buf)},
          o;
    ck_assert_int_ge(it_app_portmap.input(Server, now, &in), 0);
    ck_assert_int_eq(it_app_portmap.output(Server, now, &o, out, sizeof out), 1);
    ck_assert_int_eq(it_portmap_parse(&r, o.data), 0);
    return r;
}

/* --- every result code of RFC 6887 section 7.4 --- */

static void none(it_nat_profile *p)
{
    (void)p;
}
static void no_map(it_nat_profile *p)
{
    p->pcp.map = false;
}
static void one_port(it_nat_profile *p)
{
    p->udp.alloc.mode = IT_NAT_RANDOM;
    p->udp.alloc.range = (it_nat_range){7000, 7000};
}
static void quota(it_nat_profile *p)
{
    p->pcp.quota = 1;
}
static void ports(it_nat_profile *p)
{
    p->limits.ports_per_host = 1;
}
static void one_filter(it_nat_profile *p)
{
    p->pcp.filters = 1;
}

static void m_version(it_portmap_msg *m)
{
    m->version = 1;
}
static void m_plain(it_portmap_msg *m)
{
    (void)m;
}
static void m_size(it_portmap_msg *m)
{
    m->op = IT_PORTMAP_MAP;
    m->proto = 0;
}
static void m_opcode(it_portmap_msg *m)
{
    m->op = 3;
}
static void m_third(it_portmap_msg *m)
{
    m->third_party = true;
    m->third = A("10.0.0.3:0").ip;
}
static void m_prefer0(it_portmap_msg *m)
{
    m->prefer_failure = true;
    m->external.port = 0;
}
static void m_sctp(it_portmap_msg *m)
{
    m->proto = 132;
}
static void m_taken(it_portmap_msg *m)
{
    m->prefer_failure = true;
    m->external.port = 6000;
}
static void m_client(it_portmap_msg *m)
{
    m->client = A("10.0.0.9:0").ip;
}
static void m_filters(it_portmap_msg *m)
{
    m->n_filters = 2;
    m->filters[0] = (it_portmap_filter){{A(FAR).ip, 128}, 9};
    m->filters[1] = (it_portmap_filter){{A(FAR).ip, 120}, 0};
}

static const struct {
    int result;
    void (*box)(it_nat_profile *p);
    void (*spoil)(it_portmap_msg *m);
    bool addressless;
} CODES[] = {
    {IT_PORTMAP_OK, none, m_plain, false},
    {IT_PORTMAP_UNSUPP_VERSION, none, m_version, false},
    {IT_PORTMAP_NOT_AUTHORIZED, no_map, m_plain, false},
    {IT_PORTMAP_MALFORMED, none, m_size, false},
    {IT_PORTMAP_UNSUPP_OPCODE, none, m_opcode, false},
    {IT_PORTMAP_UNSUPP_OPTION, none, m_third, false},
    {IT_PORTMAP_MALFORMED_OPTION, none, m_prefer0, false},
    {IT_PORTMAP_NETWORK_FAILURE, none, m_plain, true},
    {IT_PORTMAP_NO_RESOURCES, one_port, m_plain, false},
    {IT_PORTMAP_UNSUPP_PROTOCOL, none, m_sctp, false},
    {IT_PORTMAP_QUOTA, quota, m_plain, false},
    {IT_PORTMAP_QUOTA, ports, m_plain, false},
    {IT_PORTMAP_CANNOT_EXTERNAL, none, m_taken, false},
    {IT_PORTMAP_ADDRESS_MISMATCH, none, m_client, false},
    {IT_PORTMAP_REMOTE_PEERS, one_filter, m_filters, false},
};

START_TEST(every_result_code_is_reached)
{
    it_nat_profile p = base();
    it_portmap_msg m = Req(IT_PORTMAP_MAP, 5000, 0), first = Req(IT_PORTMAP_MAP, 4998, 6000);
    CODES[_i].box(&p);
    if (CODES[_i].addressless) {
        box_start(&B, 1);
        B.nat = it_nat_new(B.w, "nat", &p);
        box_wire(&B, it_nat_node(B.nat));
        ck_assert_int_eq(it_nat_inside(B.nat, I("10.0.0.1"), 24), 0);
        Server = it_service_portmap(&B.alloc, B.nat, 0);
    } else {
        open_box(&p);
        if (CODES[_i].result == IT_PORTMAP_NO_RESOURCES)
            first.external.port = 7000;
        (void)ask(&first);
    }
    CODES[_i].spoil(&m);
    if (m.version == 1) {
        /* The writer knows no such version. */
        uint8_t raw[60] = {1, 1}, out[IT_PORTMAP_MAX];
        it_io in = {.kind = IT_IO_DGRAM,
                    .flow = 1,
                    .local = A("10.0.0.1:5351"),
                    .remote = A(ME),
                    .data = it_bytes_of(raw, sizeof raw)},
              o;
        (void)it_app_portmap.input(Server, 0, &in);
        ck_assert_int_eq(it_app_portmap.output(Server, 0, &o, out, sizeof out), 1);
        ck_assert(o.data.p[0] == 2 && o.data.p[3] == IT_PORTMAP_UNSUPP_VERSION);
    } else if (m.op == 3) {
        uint8_t raw[24] = {2, 3}, out[IT_PORTMAP_MAX];
        memcpy(raw + 8, "\0\0\0\0\0\0\0\0\0\0\xff\xff\12\0\0\2", 16);
        it_io in = {.kind = IT_IO_DGRAM,
                    .flow = 1,
                    .local = A("10.0.0.1:5351"),
                    .remote = A(ME),
                    .data = it_bytes_of(raw, sizeof raw)},
              o;
        (void)it_app_portmap.input(Server, 0, &in);
        ck_assert_int_eq(it_app_portmap.output(Server, 0, &o, out, sizeof out), 1);
        ck_assert_int_eq(o.data.p[3], IT_PORTMAP_UNSUPP_OPCODE);
    } else {
        it_portmap_msg a = ask(&m);
        ck_assert_msg(a.result == CODES[_i].result, "%d, %u", a.result, a.external.port);
    }
    close_box();
}
END_TEST

/* --- section 11.3 --- */

START_TEST(a_suggestion_that_cannot_be_met_does_no_harm)
{
    static const char *const EXT[] = {"203.0.113.1:6000", "203.0.113.9:7", "127.0.0.1:7", "203.0.113.1:5351",
                                      "203.0.113.1:5350"};
    it_nat_profile p = base();
    struct it_nat_map_request r = {
        .proto = IT_PROTO_UDP, .internal = A("10.0.0.3:5000"), .ext = A("203.0.113.1:6000"), .until = IT_NEVER};
    open_box(&p);
    ck_assert_int_eq(it_nat_map_add(B.nat, 0, &r, NULL), 0);
    it_portmap_msg m = Req(IT_PORTMAP_MAP, 5350, 0), a;
    m.external = A(EXT[_i]);
    a = ask(&m);
    ck_assert(a.result == 0 && it_ip_eq(a.external.ip, I("203.0.113.1")));
    ck_assert(a.external.port != 6000 && a.external.port != 5350 &&
              a.external.port != 5351); /* PCP's own ports are nobody's */
    ck_addr(udp_in(&B, FAR, a.external), "10.0.0.2:5350");
    m.internal = 5002;
    m.prefer_failure = true;
    ck_assert_int_eq(ask(&m).result, IT_PORTMAP_CANNOT_EXTERNAL);
    close_box();
}
END_TEST

START_TEST(a_mapping_follows_the_flows_of_its_host)
{
    it_nat_profile p = base();
    p.udp.alloc.mode = IT_NAT_RANDOM;
    open_box(&p);
    it_addr e = udp_out(&B, "10.0.0.2:5000", FAR);
    it_portmap_msg m = Req(IT_PORTMAP_MAP, 5000, 0);
    ck_assert(it_addr_eq(ask(&m).external, e)); /* rule 4 */
    ck_addr(udp_in(&B, "192.0.2.1:9", e), "10.0.0.2:5000");
    m.external = A("203.0.113.1:7777");
    ck_assert(it_addr_eq(ask(&m).external, e)); /* rule 3: whatever is suggested */
    m.prefer_failure = true;
    ck_assert_int_eq(ask(&m).result, IT_PORTMAP_CANNOT_EXTERNAL); /* rule 1 */
    close_box();
}
END_TEST

START_TEST(a_static_mapping_is_told_and_stays)
{
    it_nat_profile p = base();
    struct it_nat_map_request r = {
        .proto = IT_PROTO_UDP, .internal = A("10.0.0.2:5000"), .ext = A("203.0.113.1:6000"), .until = IT_NEVER};
    open_box(&p);
    ck_assert_int_eq(it_nat_map_add(B.nat, 0, &r, NULL), 0);
    it_portmap_msg m = Req(IT_PORTMAP_MAP, 5000, 7000), a = ask(&m);
    ck_assert(a.result == 0 && a.external.port == 6000 && a.lifetime == UINT32_MAX); /* rule 2 */
    m.prefer_failure = true;
    ck_assert_int_eq(ask(&m).result, IT_PORTMAP_CANNOT_EXTERNAL);
    m.prefer_failure = false;
    m.lifetime = 0;
    ck_assert_int_eq(ask(&m).result, IT_PORTMAP_NOT_AUTHORIZED); /* section 15.1 */
    box_at(&B, 100 * MIN);
    ck_some(udp_in(&B, FAR, A("203.0.113.1:6000")));
    close_box();
}
END_TEST

/* --- section 15 --- */

START_TEST(a_mapping_in_use_is_not_ended_before_its_flows)
{
    it_nat_profile p = base();
    open_box(&p);
    it_portmap_msg m = Req(IT_PORTMAP_MAP, 5000, 6000), a;
    ck_assert_int_eq(ask(&m).result, 0);
    ck_some(udp_out(&B, "10.0.0.2:5000", FAR));
    box_at(&B, 10 * IT_SEC);
    m.lifetime = 0;
    a = ask(&m);
    ck_assert(a.result == 0 && a.lifetime == 20); /* what an idle flow has left */
    ck_some(udp_in(&B, "192.0.2.1:9", A("203.0.113.1:6000")));
    box_at(&B, 30 * IT_SEC);
    ck_none(udp_in(&B, "192.0.2.1:10", A("203.0.113.1:6000")));
    a = ask(&m); /* and again, when there is nothing left */
    ck_assert(a.result == 0 && a.lifetime == 0);
    close_box();
}
END_TEST

START_TEST(a_mapping_out_of_use_ends_at_once)
{
    it_nat_profile p = base();
    open_box(&p);
    it_portmap_msg m = Req(IT_PORTMAP_MAP, 5000, 6000), a;
    ck_assert_int_eq(ask(&m).result, 0);
    if (_i)
        ck_some(udp_in(&B, FAR, A("203.0.113.1:6000"))); /* a stranger's knocking is no use of it */
    m.lifetime = 0;
    a = ask(&m);
    ck_assert(a.result == 0 && a.lifetime == 0);
    ck_none(udp_in(&B, FAR, A("203.0.113.1:6000")));
    close_box();
}
END_TEST

START_TEST(a_mapping_of_flows_is_not_deleted)
{
    it_nat_profile p = base();
    p.udp.mapping = (uint8_t)_i;
    open_box(&p);
    it_portmap_msg m = Req(IT_PORTMAP_PEER, 5000, 0);
    ck_assert_int_eq(ask(&m).result, 0);
    m = Req(IT_PORTMAP_MAP, 5000, 0);
    m.lifetime = 0;
    ck_assert_int_eq(ask(&m).result, IT_PORTMAP_NOT_AUTHORIZED); /* section 15.1 */
    close_box();
}
END_TEST

START_TEST(peer_tells_a_flow_that_is_there)
{
    it_nat_profile p = base();
    open_box(&p);
    it_addr e = udp_out(&B, "10.0.0.2:5000", FAR);
    it_portmap_msg m = Req(IT_PORTMAP_PEER, 5000, 0), a;
    m.lifetime = 1;
    a = ask(&m);
    ck_assert(a.result == 0 && it_addr_eq(a.external, e) && a.lifetime == 30);
    m.lifetime = 3600;
    a = ask(&m);
    ck_assert(a.result == 0 && a.lifetime == 3600);
    m.peer = A("224.0.0.1:9");
    ck_assert_int_eq(ask(&m).result, IT_PORTMAP_MALFORMED); /* section 12.3 */
    close_box();
}
END_TEST

/* --- NAT-PMP --- */

START_TEST(natpmp_deletes_all_of_a_protocol)
{
    /* RFC 6886 section 3.4. */
    it_nat_profile p = base();
    open_box(&p);
    it_portmap_msg m = {.op = IT_PORTMAP_MAP, .proto = 17, .lifetime = 3600};
    for (uint16_t port = 5000; port < 5003; port++) {
        m.internal = m.external.port = port;
        ck_assert_int_eq(ask(&m).result, 0);
    }
    m.proto = 6;
    ck_assert_int_eq(ask(&m).result, 0);
    ck_assert_uint_eq(it_nat_stat(B.nat)->mappings, 4);
    m.proto = 17;
    m.internal = m.external.port = 0;
    ck_assert_int_eq(ask(&m).result, 2); /* no such thing as all ports mapped */
    m.lifetime = 0;
    ck_assert_int_eq(ask(&m).result, 0);
    ck_assert_uint_eq(it_nat_stat(B.nat)->mappings, 1);
    close_box();
}
END_TEST

/* --- memory --- */

START_TEST(it_is_whole_or_not_there)
{
    it_nat_profile p = base();
    it_alloc alloc;
    uint64_t n = 0;
    void *o = NULL;
    box_open(&B, &p);
    for (;; n++) {
        it_alloc_init_countdown(&alloc, n);
        o = it_service_portmap(&alloc, B.nat, 0);
        if (o)
            break;
        ck_assert_int_eq(alloc.live, 0);
    }
    ck_assert_uint_ge(n, 2); /* the app and its server */
    it_app_portmap.free(o);
    ck_assert_int_eq(alloc.live, 0);
    box_close(&B);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("lab/service_box");
    TCase *t = tcase_create("RFC 6887");
    tcase_add_loop_test(t, every_result_code_is_reached, 0, (int)(sizeof CODES / sizeof *CODES));
    tcase_add_loop_test(t, a_suggestion_that_cannot_be_met_does_no_harm, 0, 5);
    tcase_add_test(t, a_mapping_follows_the_flows_of_its_host);
    tcase_add_test(t, a_static_mapping_is_told_and_stays);
    tcase_add_test(t, a_mapping_in_use_is_not_ended_before_its_flows);
    tcase_add_loop_test(t, a_mapping_out_of_use_ends_at_once, 0, 2);
    tcase_add_loop_test(t, a_mapping_of_flows_is_not_deleted, 0, 3);
    tcase_add_test(t, peer_tells_a_flow_that_is_there);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 6886");
    tcase_add_test(t, natpmp_deletes_all_of_a_protocol);
    suite_add_tcase(s, t);
    t = tcase_create("memory");
    tcase_add_test(t, it_is_whole_or_not_there);
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
