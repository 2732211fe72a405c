/* Each recommendation of RFC 6092, held against each firewall of the profile file that claims to be such a gateway.
 * Sent through the box as packets; what cannot be seen from outside, or is not in the box, is excused by name, so that
 * all fifty are accounted for. */
#include "lab/profile/profile.h"
#include "tests/netsim/box.h"

#define IN "2001:db8:1::2"
#define OUT "2001:db8:2::1"
#define OTHER "2001:db8:3::1"
enum { ROUTING = 43, UDPLITE = 136, SCTP = 132, DCCP = 33, ESP = 50, AH = 51, MOBILITY = 135, HIP = 139, SHIM6 = 140 };

static box B;
static it_profiles *Profiles;
static const it_fw_profile *Policy; /* of the case that runs */

static const char *const POLICIES[] = {"stateful", "rfc6092"};

static void start(void)
{
    box_open_fw(&B, Policy);
    ck_assert_int_eq(it_fw_inside(B.fw, (it_prefix){I("2001:db8:1::"), 64}, true), 0);
}

/* Whether it came out on the other side. */
static bool crossed(int side)
{
    return box_got(&B, !side) != NULL;
}

static bool udp(int side, const char *from, const char *to)
{
    box_udp(&B, side, A(from), A(to));
    return crossed(side);
}

static bool out(void)
{
    return udp(IT_NAT_LAN, "[" IN "]:5000", "[" OUT "]:6000");
}

static bool in(const char *from)
{
    return udp(IT_NAT_WAN, from, "[" IN "]:5000");
}

static bool tcp(int side, const char *from, const char *to, uint8_t flags, uint32_t seq, uint32_t ack)
{
    box_tcp(&B, side, &(seg){A(from), A(to), flags, seq, ack, 0});
    return crossed(side);
}
#define TI "[" IN "]:5000"
#define TO "[" OUT "]:80"

/* Makes the checksum of |n| bytes at |t| right, where |proto| has one that boxes look at: RFC 9260 section 6.8, RFC
 * 3828 section 3.1 with all bytes covered. |ip|: the IPv6 header. */
static void seal(uint8_t *t, size_t n, uint8_t proto, const uint8_t *ip)
{
    if (proto == SCTP)
        it_put32(t + 8, it_crc32c(t, n, 8));
    if (proto != UDPLITE)
        return;
    it_put16(t + 6, 0);
    it_put16(t + 6, it_sum_fold(it_sum_add(proto + n + it_sum_add(0, ip + 8, 32), t, n)));
}

static bool raw(int side, const char *from, const char *to, uint8_t proto, const uint8_t *data, size_t n)
{
    uint8_t buf[IT_PKT_MAX];
    it_bytes ip = box_ip_bytes(buf, I(from), I(to), proto, it_bytes_of(data, n));
    seal(buf + 40, ip.n - 40, proto, buf);
    box_put(&B, side, ip);
    return crossed(side);
}

/* A packet of |proto| with 16 bytes that mean nothing to a filter. */
static bool other(int side, const char *from, const char *to, uint8_t proto)
{
    static const uint8_t DATA[16] = {59, 1, 0, 0, 0, 0, 0, 9}; /* as an extension header: no next header, 16 bytes */
    return raw(side, from, to, proto, DATA, sizeof DATA);
}

static bool connect_out(void)
{
    return tcp(IT_NAT_LAN, TI, TO, SYN, 100, 0) && tcp(IT_NAT_WAN, TO, TI, SYN | ACK, 900, 101) &&
           tcp(IT_NAT_LAN, TI, TO, ACK, 101, 901);
}

/* "Unreachable" and "too big" about the last packet that came out, from somebody on the way: both come in. */
static bool told(void)
{
    it_pkt *o = box_got(&B, IT_NAT_WAN);
    if (!o)
        return false;
    it_pkt about = *o;
    box_error(&B, IT_NAT_WAN, I("2001:db8:9::9"), &about, 1, 4);
    bool unreachable = crossed(IT_NAT_WAN);
    box_error(&B, IT_NAT_WAN, I("2001:db8:9::9"), &about, 2, 0);
    return unreachable && crossed(IT_NAT_WAN);
}

/* --- 3.1 --- */

static bool rec1(void)
{
    return !udp(IT_NAT_WAN, "[ff02::1]:1", TI) && !udp(IT_NAT_LAN, "[ff0e::1]:1", TO);
}
static bool rec2(void)
{
    return !udp(IT_NAT_LAN, TI, "[ff08::1]:1") && !udp(IT_NAT_WAN, TO, "[ff05::1]:1") &&
           udp(IT_NAT_LAN, TI, "[ff0e::1]:1");
}
static bool rec3(void)
{
    static const char *const BAD[] = {"[::1]:6000",        "[::7]:6000",     "[2001:10::1]:6000",
                                      "[2001:1f::1]:6000", "[fec0::1]:6000", "[fe80::1]:6000"};
    bool none = out(); /* so that state is no reason to drop what follows */
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        none =
            none && !in(BAD[i]) && !udp(IT_NAT_LAN, TI, BAD[i]) && B.drop == IT_DROP_MARTIAN && strstr(B.why, "REC-3");
    return none && udp(IT_NAT_LAN, TI, "[2001:20::1]:6000");
}
static bool rec4(void)
{
    enum { DEST = 60 };
    static const uint8_t TYPE0[24] = {59, 2, 0, 1}, TYPE2[24] = {59, 2, 2, 1};
    static const uint8_t BEHIND[40] = {
        ROUTING, 1, 1, 12, [10] = 9, [16] = 59, 2, 0, 1}; /* 16 bytes of padding before it */
    return !raw(IT_NAT_LAN, IN, OUT, ROUTING, TYPE0, 24) && !raw(IT_NAT_LAN, IN, OUT, DEST, BEHIND, 40) &&
           raw(IT_NAT_LAN, IN, OUT, ROUTING, TYPE2, 24);
}
static bool rec5(void)
{
    return !udp(IT_NAT_LAN, "[" OTHER "]:5000", "[" OUT "]:6000") && strstr(B.why, "REC-5") && out();
}
static bool rec6(void)
{
    return out() && !in("[2001:db8:1::9]:6000") && strstr(B.why, "REC-6") && in("[" OUT "]:6000");
}
static bool rec7(void)
{
    return !udp(IT_NAT_LAN, "[fd00::2]:5000", "[" OUT "]:6000") && !udp(IT_NAT_LAN, TI, "[fd00::3]:6000") &&
           strstr(B.why, "REC-7") && !in("[fd00::3]:6000") && strstr(B.why, "REC-7");
}

/* --- 3.2 --- */

static bool rec10(void)
{
    bool open = out();
    it_pkt about = *box_got(&B, IT_NAT_WAN);
    it_pkt_set_src(&about, about.src, 5001);
    box_error(&B, IT_NAT_WAN, I(OTHER), &about, 1, 4);
    bool unreachable = crossed(IT_NAT_WAN);
    box_error(&B, IT_NAT_WAN, I(OTHER), &about, 2, 0);
    return open && !unreachable && !crossed(IT_NAT_WAN);
}
static bool rec11(void)
{
    return !other(IT_NAT_WAN, OUT, IN, SCTP) && other(IT_NAT_LAN, IN, OUT, SCTP) && other(IT_NAT_WAN, OUT, IN, SCTP) &&
           other(IT_NAT_WAN, OTHER, IN, SCTP);
}
/* Whether the flow of |proto| (UDP: 0) is there until |t|, and gone then. */
static bool idles(uint8_t proto, it_time t)
{
    bool open = proto ? other(IT_NAT_LAN, IN, OUT, proto) : out();
    box_at(&B, t - 1);
    bool live = it_fw_stat(B.fw)->flows == 1;
    box_at(&B, t);
    return open && live && it_fw_stat(B.fw)->flows == 0;
}
static bool rec12(void)
{
    return idles(UDPLITE, 300 * IT_SEC);
}
static bool rec14(void)
{
    return idles(0, 300 * IT_SEC);
}
static bool rec16(void)
{
    bool open = out();
    box_at(&B, 299 * IT_SEC);
    open = open && out();
    box_at(&B, 500 * IT_SEC);
    return open && in("[" OUT "]:6000");
}
static bool rec17(void)
{
    return !in("[" OUT "]:6000") && out() && in("[" OTHER "]:7000");
}
static bool rec18(void)
{
    return out() && told();
}
static bool rec19(void)
{
    return out() && told() && in("[" OUT "]:6000");
}
static bool rec20(void)
{
    return out() && !other(IT_NAT_WAN, OUT, IN, UDPLITE) && other(IT_NAT_LAN, IN, OUT, UDPLITE) &&
           other(IT_NAT_WAN, OUT, IN, UDPLITE) && told() == false;
}
/* Both ways, unasked. */
static bool free_way(uint8_t proto)
{
    return other(IT_NAT_WAN, OUT, IN, proto) && other(IT_NAT_LAN, IN, OUT, proto);
}
static bool rec21(void)
{
    return free_way(AH);
}
static bool rec22(void)
{
    return free_way(ESP);
}
static bool rec23(void)
{
    return other(IT_NAT_LAN, IN, OUT, ESP) && told();
}
static bool rec24(void)
{
    return udp(IT_NAT_WAN, "[" OUT "]:500", "[" IN "]:500") && udp(IT_NAT_LAN, "[" IN "]:500", "[" OUT "]:500");
}
static bool rec26(void)
{
    return free_way(HIP);
}
static bool rec28(void)
{
    return other(IT_NAT_LAN, IN, OUT, MOBILITY) && other(IT_NAT_WAN, OUT, IN, MOBILITY);
}
static bool rec30(void)
{
    return other(IT_NAT_LAN, IN, OUT, MOBILITY) && told();
}

/* --- 3.3 --- */

static bool rec31(void)
{
    bool three = connect_out() && tcp(IT_NAT_LAN, TI, TO, FIN | ACK, 101, 901) &&
                 tcp(IT_NAT_WAN, TO, TI, FIN | ACK, 901, 102) && tcp(IT_NAT_LAN, TI, TO, ACK, 102, 902);
    /* Simultaneous open. */
    return three && tcp(IT_NAT_LAN, TI, "[" OUT "]:81", SYN, 5, 0) && tcp(IT_NAT_WAN, "[" OUT "]:81", TI, SYN, 7, 0) &&
           tcp(IT_NAT_LAN, TI, "[" OUT "]:81", SYN | ACK, 5, 8) && tcp(IT_NAT_WAN, "[" OUT "]:81", TI, SYN | ACK, 7, 6);
}
static bool rec32(void)
{
    return connect_out() && tcp(IT_NAT_WAN, TO, TI, ACK, 900000000, 101); /* far outside any window */
}
static bool rec33(void)
{
    return !tcp(IT_NAT_WAN, TO, TI, SYN, 900, 0) && tcp(IT_NAT_LAN, TI, "[" OTHER "]:80", SYN, 100, 0) &&
           tcp(IT_NAT_WAN, TO, TI, SYN, 900, 0);
}
static bool rec34(void)
{
    bool silent = !tcp(IT_NAT_WAN, TO, TI, SYN, 900, 0) && !box_got(&B, IT_NAT_WAN);
    box_at(&B, 6 * IT_SEC - 1);
    silent = silent && B.n_got == 0;
    box_at(&B, 6 * IT_SEC);
    it_pkt *e = box_got(&B, IT_NAT_WAN);
    return silent && e && e->proto == IT_PROTO_ICMP6 && it_pkt_l4(e)[0] == 1 && it_pkt_l4(e)[1] == 1;
}
static bool rec35(void)
{
    bool open = connect_out(), there;
    box_at(&B, 7440 * IT_SEC - 1);
    there = open && it_fw_stat(B.fw)->flows == 1;
    box_at(&B, 7440 * IT_SEC);
    there = there && it_fw_stat(B.fw)->flows == 0 && tcp(IT_NAT_LAN, TI, TO, SYN, 100, 0);
    box_at(&B, 7440 * IT_SEC + 240 * IT_SEC - 1);
    return there && it_fw_stat(B.fw)->flows == 1;
}
static bool rec36(void)
{
    return connect_out() && told();
}
static bool rec37(void)
{
    return connect_out() && told() && tcp(IT_NAT_WAN, TO, TI, ACK, 901, 101);
}
/* A packet of SCTP with one chunk of |type|. */
static bool chunk(int side, uint8_t type)
{
    const uint8_t data[16] = {0x13, 0x88, 0, 80, [12] = type, 0, 0, 4};
    return raw(side, side == IT_NAT_LAN ? IN : OUT, side == IT_NAT_LAN ? OUT : IN, SCTP, data, sizeof data);
}
enum { DATA = 0, INIT = 1, INIT_ACK = 2, SHUTDOWN = 7, COOKIE_ECHO = 10, COOKIE_ACK = 11 };
static bool rec38(void)
{
    bool normal = chunk(IT_NAT_LAN, INIT) && chunk(IT_NAT_WAN, INIT_ACK) && chunk(IT_NAT_LAN, COOKIE_ECHO) &&
                  chunk(IT_NAT_WAN, COOKIE_ACK) && chunk(IT_NAT_LAN, DATA) && chunk(IT_NAT_WAN, SHUTDOWN);
    box_close(&B);
    start();
    /* Simultaneous open: theirs comes first, is held, and comes again. */
    return normal && !chunk(IT_NAT_WAN, INIT) && chunk(IT_NAT_LAN, INIT) && chunk(IT_NAT_WAN, INIT) &&
           chunk(IT_NAT_LAN, INIT_ACK) && chunk(IT_NAT_WAN, INIT_ACK);
}
static bool rec39(void)
{
    bool silent = !chunk(IT_NAT_WAN, INIT) && !box_got(&B, IT_NAT_WAN);
    box_at(&B, 6 * IT_SEC - 1);
    silent = silent && B.n_got == 0;
    box_at(&B, 6 * IT_SEC);
    it_pkt *e = box_got(&B, IT_NAT_WAN);
    bool told_so = e && e->proto == IT_PROTO_ICMP6 && it_pkt_l4(e)[0] == 1 && it_pkt_l4(e)[1] == 1;
    /* Not when the inside was about to do the same. */
    bool held = !chunk(IT_NAT_WAN, INIT) && chunk(IT_NAT_LAN, INIT);
    B.n_got = 0;
    box_at(&B, 20 * IT_SEC);
    return silent && told_so && held && B.n_got == 0;
}
static bool rec40(void)
{
    return idles(SCTP, 7440 * IT_SEC);
}
static bool rec43(void)
{
    return other(IT_NAT_LAN, IN, OUT, DCCP) && other(IT_NAT_WAN, OUT, IN, DCCP) && other(IT_NAT_LAN, IN, OUT, DCCP);
}
static bool rec44(void)
{
    return idles(DCCP, 7440 * IT_SEC);
}
static bool rec41(void)
{
    return other(IT_NAT_LAN, IN, OUT, SCTP) && told();
}
static bool rec42(void)
{
    return rec41() && other(IT_NAT_WAN, OUT, IN, SCTP);
}
static bool rec45(void)
{
    return other(IT_NAT_LAN, IN, OUT, DCCP) && told();
}
static bool rec46(void)
{
    return rec45() && other(IT_NAT_WAN, OUT, IN, DCCP);
}
static bool rec47(void)
{
    return other(IT_NAT_LAN, IN, OUT, SHIM6) && other(IT_NAT_WAN, OUT, IN, SHIM6);
}

/* What each asks for, in a few words; |holds| is not there where |excuse| says why. |breaks|: a policy that breaks it,
 * and may.
 */
static const struct {
    int rec;
    bool (*holds)(void);
    const char *excuse, *breaks;
} RECS[] = {
    {1, rec1, NULL, NULL},
    {2, rec2, NULL, NULL},
    {3, rec3, NULL, NULL},
    {4, rec4, NULL, NULL},
    {5, rec5, NULL, NULL},
    {6, rec6, NULL, NULL},
    {7, rec7, NULL, NULL},
    {8, NULL, "no DNS server in the box", NULL},
    {9, NULL, "no DHCPv6 server in the box", NULL},
    {10, rec10, NULL, NULL},
    {11, rec11, NULL, "stateful"},
    {12, rec12, NULL, NULL},
    {13, NULL, "no firmware", NULL},
    {14, rec14, NULL, NULL},
    {15, NULL, "a MAY that no policy uses", NULL},
    {16, rec16, NULL, NULL},
    {17, rec17, NULL, "stateful"},
    {18, rec18, NULL, NULL},
    {19, rec19, NULL, NULL},
    {20, rec20, NULL, NULL},
    {21, rec21, NULL, NULL},
    {22, rec22, NULL, NULL},
    {23, rec23, NULL, NULL},
    {24, rec24, NULL, NULL},
    {25, NULL, "ESP needs no record: it passes in every direction", NULL},
    {26, rec26, NULL, NULL},
    {27, NULL, "flows have no home addresses", NULL},
    {28, rec28, NULL, NULL},
    {29, NULL, "what a home agent tunnels is not looked into", NULL},
    {30, rec30, NULL, NULL},
    {31, rec31, NULL, NULL},
    {32, rec32, NULL, NULL},
    {33, rec33, NULL, "stateful"},
    {34, rec34, NULL, NULL},
    {35, rec35, NULL, NULL},
    {36, rec36, NULL, NULL},
    {37, rec37, NULL, NULL},
    {38, rec38, NULL, NULL},
    {39, rec39, NULL, NULL},
    {40, rec40, NULL, NULL},
    {41, rec41, NULL, NULL},
    {42, rec42, NULL, NULL},
    {43, rec43, NULL, NULL},
    {44, rec44, NULL, NULL},
    {45, rec45, NULL, NULL},
    {46, rec46, NULL, NULL},
    {47, rec47, NULL, NULL},
    {48, NULL, "no port control for IPv6", NULL},
    {49, NULL, "the policy called none", NULL},
    {50, NULL, "no management", NULL},
};
#define N_RECS ((int)(sizeof RECS / sizeof *RECS))

START_TEST(every_gateway_does_what_rfc6092_recommends)
{
    int policy = _i / N_RECS, i = _i % N_RECS;
    ck_assert_int_eq(RECS[i].rec, i + 1); /* all of them, in order */
    ck_assert((RECS[i].holds != NULL) != (RECS[i].excuse != NULL));
    if (!RECS[i].holds)
        return;
    const it_profile *p = it_profiles_box(Profiles, POLICIES[policy]);
    ck_assert(p && p->kind == IT_PROFILE_FIREWALL);
    Policy = &p->u.fw.fw;
    bool breaks = RECS[i].breaks && strcmp(RECS[i].breaks, POLICIES[policy]) == 0;
    start();
    ck_assert_msg(RECS[i].holds() == !breaks, "REC-%d of %s: %s", RECS[i].rec, POLICIES[policy], B.why);
    box_close(&B);
}
END_TEST

/* REC-49: a box that is told to filter nothing lets forged and local addresses pass, too. */
START_TEST(a_transparent_box_filters_no_source)
{
    Policy = &it_profiles_box(Profiles, "none")->u.fw.fw;
    start();
    ck_assert(udp(IT_NAT_LAN, "[" OTHER "]:5000", "[fd00::1]:6000") && in("[2001:db8:1::9]:6000") &&
              in("[" OUT "]:6000"));
    box_close(&B);
}
END_TEST

START_TEST(prefixes_of_the_inside_come_and_go)
{
    Policy = &it_profiles_box(Profiles, "rfc6092")->u.fw.fw;
    box_open_fw(&B, Policy);
    ck_assert(udp(IT_NAT_LAN, "[" OTHER "]:1", "[" OUT "]:6000")); /* none is known: none is forged */
    ck_assert_int_eq(it_fw_inside(B.fw, (it_prefix){I(IN), 128}, true), 0);
    ck_assert_int_eq(it_fw_inside(B.fw, (it_prefix){I("fd00:7::"), 48}, true), 0);
    ck_assert_int_eq(it_fw_inside(B.fw, (it_prefix){I("fd00:7::"), 48}, true), 0);
    ck_assert_int_eq(it_fw_inside(B.fw, (it_prefix){I("10.0.0.1"), 128}, true), IT_ERR_RANGE);
    ck_assert(out() && !udp(IT_NAT_LAN, "[" OTHER "]:1", "[" OUT "]:6000"));
    /* Within a site of unique local addresses REC-7 is another box's. */
    ck_assert(udp(IT_NAT_LAN, "[fd00:7::1]:1", "[fd00:8::1]:6000") &&
              udp(IT_NAT_WAN, "[fd00:8::1]:6000", "[fd00:7::1]:1"));
    ck_assert_int_eq(it_fw_inside(B.fw, (it_prefix){I("fd00:7::"), 48}, false), 0);
    ck_assert(!udp(IT_NAT_LAN, "[fd00:7::1]:1", "[fd00:8::1]:6000"));
    ck_assert_int_eq(it_fw_inside(B.fw, (it_prefix){I(IN), 128}, false), 0);
    ck_assert(udp(IT_NAT_LAN, "[" OTHER "]:1", "[" OUT "]:6000"));
    box_close(&B);
}
END_TEST

/* One half of a dual-stack box. */
START_TEST(a_policy_of_one_family_lets_the_other_pass)
{
    Policy = &it_profiles_box(Profiles, "stateful")->u.fw.fw;
    start();
    it_fw_only(B.fw, _i ? 6 : 4);
    ck_assert(udp(IT_NAT_WAN, "198.51.100.1:6000", "10.0.0.2:5000") == (_i == 1));
    ck_assert(in("[" OUT "]:6000") == (_i == 0));
    box_close(&B);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("conformance/rfc6092");
    TCase *t = tcase_create("RFC 6092 REC-1 to 50");
    tcase_add_loop_test(t, every_gateway_does_what_rfc6092_recommends, 0,
                        N_RECS * (int)(sizeof POLICIES / sizeof *POLICIES));
    tcase_add_test(t, a_transparent_box_filters_no_source);
    tcase_add_test(t, prefixes_of_the_inside_come_and_go);
    tcase_add_loop_test(t, a_policy_of_one_family_lets_the_other_pass, 0, 2);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    char err[IT_PROFILE_ERR];
    it_alloc alloc;
    it_alloc_init(&alloc);
    Profiles = it_profiles_builtin(&alloc, err);
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    it_profiles_free(Profiles);
    return failed || !*POLICIES ? 1 : 0;
}
