/* stack/ice/candsdp.c: the candidate attribute, written and read. */
#include "base/rng.h"
#include "stack/ice/cand.h"

#include <check.h>
#include <stdlib.h>

/* Reads |text| from a block of exactly its size: sanitizers see a read past the end. */
static int read_text(it_ice_cand *c, const char *text)
{
    size_t n = strlen(text);
    uint8_t *exact = malloc(n ? n : 1);
    ck_assert_ptr_nonnull(exact);
    memcpy(exact, text, n);
    int r = it_ice_cand_read(c, it_bytes_of(exact, n));
    free(exact);
    return r;
}

static it_addr addr(const char *s)
{
    it_addr a = {{0, 0}, 0};
    if (s)
        ck_assert_msg(it_addr_parse(&a, s) == 0, "%s", s);
    return a;
}

/* Candidates and their text: RFC 8839 section 5.1. */
static const struct {
    enum it_ice_kind kind;
    uint16_t component;
    uint32_t priority;
    const char *foundation, *addr, *base, *text;
} LINES[] = {
    {IT_ICE_HOST, 1, 2130706431, "1", "203.0.113.141:8998", NULL,
     "candidate:1 1 UDP 2130706431 203.0.113.141 8998 typ host"},
    {IT_ICE_SRFLX, 1, 1694498815, "2", "192.0.2.3:45664", "203.0.113.141:8998",
     "candidate:2 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998"},
    {IT_ICE_PRFLX, 2, 1862270718, "a+/Z", "192.0.2.3:1", "10.0.0.1:65535",
     "candidate:a+/Z 2 UDP 1862270718 192.0.2.3 1 typ prflx raddr 10.0.0.1 rport 65535"},
    {IT_ICE_RELAY, 256, 1, "0123456789abcdefghijklmnopqrstuv", "192.0.2.9:65535", "192.0.2.3:45664",
     "candidate:0123456789abcdefghijklmnopqrstuv 256 UDP 1 192.0.2.9 65535 typ relay raddr 192.0.2.3 rport 45664"},
    {IT_ICE_HOST, 1, 2147483647, "1", "[2001:db8::1]:9000", NULL,
     "candidate:1 1 UDP 2147483647 2001:db8::1 9000 typ host"},
    {IT_ICE_HOST, 1, 5, "1", "[fe80::6676:baff:fe9c:ee4a]:8998", NULL,
     "candidate:1 1 UDP 5 fe80::6676:baff:fe9c:ee4a 8998 typ host"},
    {IT_ICE_SRFLX, 1, 5, "1", "[2001:db8::1]:9000", "[fd00::2]:7000",
     "candidate:1 1 UDP 5 2001:db8::1 9000 typ srflx raddr fd00::2 rport 7000"},
    /* what is not to be told is the unspecified address and port 9 */
    {IT_ICE_SRFLX, 1, 5, "1", "192.0.2.3:45664", NULL,
     "candidate:1 1 UDP 5 192.0.2.3 45664 typ srflx raddr 0.0.0.0 rport 9"},
    {IT_ICE_RELAY, 1, 5, "1", "[2001:db8::1]:9000", NULL,
     "candidate:1 1 UDP 5 2001:db8::1 9000 typ relay raddr :: rport 9"},
};

START_TEST(a_candidate_is_written_as_section_5_1_says)
{
    it_alloc m;
    it_str out;
    it_ice_cand c = {
        .kind = LINES[_i].kind, .component = LINES[_i].component, .priority = LINES[_i].priority, .flow = 3};
    c.addr = addr(LINES[_i].addr);
    /* a host candidate's base is itself, and is not told */
    c.base = LINES[_i].kind == IT_ICE_HOST ? c.addr : addr(LINES[_i].base);
    strcpy(c.foundation, LINES[_i].foundation);
    it_alloc_init(&m);
    it_str_init(&out, &m);
    it_ice_cand_write(&out, &c);
    ck_assert_str_eq(it_str_c(&out), LINES[_i].text);
    it_str_fini(&out);
    ck_assert_int_eq(m.live, 0);
}
END_TEST

START_TEST(its_text_is_read_back)
{
    it_ice_cand c;
    memset(&c, 0xa5, sizeof c);
    ck_assert_int_eq(read_text(&c, LINES[_i].text), 0);
    ck_assert_int_eq(c.kind, LINES[_i].kind);
    ck_assert_uint_eq(c.component, LINES[_i].component);
    ck_assert_uint_eq(c.priority, LINES[_i].priority);
    ck_assert_str_eq(c.foundation, LINES[_i].foundation);
    ck_assert(it_addr_eq(c.addr, addr(LINES[_i].addr)));
    ck_assert(it_addr_eq(c.base, addr(LINES[_i].base)));
    ck_assert_int_eq(c.flow, -1);
}
END_TEST

#define HEAD "candidate:1 1 UDP 5 192.0.2.3 4000 typ srflx"

static const struct {
    const char *text, *base;
} TAILS[] = {
    {HEAD, NULL},
    {HEAD " generation 0", NULL},
    {HEAD " raddr 10.0.0.1 rport 9 generation 0 ufrag abcd network-cost 999", "10.0.0.1:9"},
    {HEAD " generation 0 raddr 10.0.0.1 rport 9", "10.0.0.1:9"},
    {HEAD " rport 9 raddr 10.0.0.1", "10.0.0.1:9"},
    {HEAD " RADDR 10.0.0.1 RPORT 9", "10.0.0.1:9"},
    {HEAD " raddr 10.0.0.1", "10.0.0.1:0"},
    {HEAD " raddr 0.0.0.0 rport 0", NULL},
    {HEAD " raddr 0.0.0.0 rport 9", NULL},
    {HEAD " raddr :: rport 9", NULL},
    {HEAD " raddr host.example rport 9", NULL},
    {HEAD " rport 9", NULL},
    {HEAD " tcptype active", NULL},
    {HEAD " x (){};:@", NULL},
    {HEAD " x ", NULL}, /* extension-att-value is *VCHAR */
    {HEAD " x  y 1", NULL},
    {HEAD " raddrs 10.0.0.1 rports x", NULL},
    {"candidate:1 1 udp 5 192.0.2.3 4000 TYP SRFLX", NULL},
    {"candidate:1 001 UdP 0000000005 192.0.2.3 04000 typ srflx", NULL},
};

START_TEST(extensions_are_skipped_and_the_related_address_may_be_anywhere_or_missing)
{
    it_ice_cand c;
    ck_assert_int_eq(read_text(&c, TAILS[_i].text), 0);
    ck_assert_int_eq(c.kind, IT_ICE_SRFLX);
    ck_assert_uint_eq(c.component, 1);
    ck_assert_uint_eq(c.priority, 5);
    ck_assert(it_addr_eq(c.addr, addr("192.0.2.3:4000")));
    ck_assert(it_addr_eq(c.base, addr(TAILS[_i].base)));
}
END_TEST

/* RFC 6544 section 4.5, as its appendix C and other stacks write it. */
static const struct {
    const char *text;
    enum it_ice_transport transport;
    enum it_ice_kind kind;
    const char *again; /* what is written; NULL: the same */
} BY_TCP[] = {
    {"candidate:1 1 TCP 2128609279 10.0.1.1 9 typ host tcptype active", IT_ICE_TCP_ACTIVE, IT_ICE_HOST, NULL},
    {"candidate:2 1 TCP 2124414975 10.0.1.1 8998 typ host tcptype passive", IT_ICE_TCP_PASSIVE, IT_ICE_HOST, NULL},
    {"candidate:6 1 TCP 1690238975 192.0.2.3 45664 typ srflx raddr 10.0.1.1 rport 8999 tcptype so", IT_ICE_TCP_SO,
     IT_ICE_SRFLX, NULL},
    {"candidate:842 1 tcp 1518280447 192.168.1.5 9 typ host tcptype active generation 0 ufrag AbCd", IT_ICE_TCP_ACTIVE,
     IT_ICE_HOST, "candidate:842 1 TCP 1518280447 192.168.1.5 9 typ host tcptype active"},
    {"candidate:3 1 TCP 847249663 192.168.100.100 50555 typ host tcptype SO", IT_ICE_TCP_SO, IT_ICE_HOST,
     "candidate:3 1 TCP 847249663 192.168.100.100 50555 typ host tcptype so"},
    {"candidate:1 1 UDP 5 192.0.2.3 4000 typ host tcptype active", IT_ICE_UDP, IT_ICE_HOST,
     "candidate:1 1 UDP 5 192.0.2.3 4000 typ host"},
};

START_TEST(candidates_by_tcp_are_read_and_written)
{
    it_ice_cand c;
    it_alloc alloc;
    it_str s;
    it_alloc_init(&alloc);
    it_str_init(&s, &alloc);
    ck_assert_int_eq(read_text(&c, BY_TCP[_i].text), 0);
    ck_assert_int_eq(c.transport, BY_TCP[_i].transport);
    ck_assert_int_eq(c.kind, BY_TCP[_i].kind);
    it_ice_cand_write(&s, &c);
    ck_assert_str_eq(it_str_c(&s), BY_TCP[_i].again ? BY_TCP[_i].again : BY_TCP[_i].text);
    it_str_fini(&s);
}
END_TEST

START_TEST(a_name_of_the_lan_is_told_from_what_is_not_supported)
{
    it_ice_cand c;
    ck_assert_int_eq(
        read_text(&c, "candidate:1 1 UDP 5 f3e1c2a0-8a4e-4f54-9f5e-0123456789ab.local 4000 typ host generation 0"),
        IT_ERR_NOTFOUND);
    ck_assert_int_eq(read_text(&c, "candidate:1 1 udp 5 A.LOCAL 4000 typ host"), IT_ERR_NOTFOUND);
    ck_assert_int_eq(read_text(&c, "candidate:1 1 udp 5 .local 4000 typ host"), IT_ERR_UNSUPPORTED);
    ck_assert_int_eq(read_text(&c, "candidate:1 1 udp 5 a.local x typ host"), IT_ERR_PARSE);
}
END_TEST

START_TEST(the_zone_of_a_link_local_address_is_skipped)
{
    it_ice_cand c;
    ck_assert_int_eq(read_text(&c, "candidate:1 1 UDP 5 fe80::1%eth0 4000 typ host"), 0);
    ck_assert(it_addr_eq(c.addr, addr("[fe80::1]:4000")));
}
END_TEST

static const char *const UNSUPPORTED[] = {
    "candidate:1 1 TCP 5 192.0.2.3 9 typ host", /* RFC 6544 section 4.5: tcptype must be there */
    "candidate:1 1 tcp 5 192.0.2.3 4000 typ host tcptype passiv",
    "candidate:1 1 UDPX 5 192.0.2.3 4000 typ host",
    "candidate:1 1 UD 5 192.0.2.3 4000 typ host",
    "candidate:1 1 UDP 5 peer.example.net 4000 typ host",
    "candidate:1 1 UDP 5 a-name-that-is-longer-than-any-address-has-a-right-to-be.example 4000 typ host",
    "candidate:1 1 UDP 5 2001:db8::1%eth0 4000 typ host",
    "candidate:1 1 UDPX 5 f3e1c2a0.local 4000 typ host",
    /* addresses that nobody can be reached at; 0.0.0.0 and port 9 stand for "none yet", RFC 8839 section 4.3.1 */
    "candidate:1 1 UDP 5 :: 4000 typ host",
    "candidate:1 1 UDP 5 :: 9 typ host",
    "candidate:1 1 UDP 5 0.0.0.0 9 typ host",
    "candidate:1 1 UDP 5 127.0.0.1 4000 typ host",
    "candidate:1 1 UDP 5 ::1 4000 typ host",
    "candidate:1 1 UDP 5 224.0.0.251 5353 typ host",
    "candidate:1 1 UDP 5 ff02::fb 5353 typ host",
    "candidate:1 1 UDP 5 255.255.255.255 4000 typ host",
    "candidate:1 1 UDP 5 fec0::1 4000 typ host",
    "candidate:1 1 UDP 5 ::192.0.2.3 4000 typ host",
    "candidate:1 1 UDP 5 192.0.2.3 0 typ host",
    "candidate:1 1 UDP 5 127.0.0.1 0 typ srflx raddr 10.0.0.1 rport 9",
    "candidate:1 1 UDP 5 192.0.2.256 4000 typ host",
    "candidate:1 1 UDP 5 192.0.2.3 4000 typ token",
    "candidate:1 1 UDP 5 192.0.2.3 4000 typ hos",
    "candidate:1 1 UDP 5 192.0.2.3 4000 typ hosts",
};

START_TEST(other_transports_kinds_names_and_useless_addresses_are_unsupported_not_malformed)
{
    it_ice_cand c;
    ck_assert_int_eq(read_text(&c, UNSUPPORTED[_i]), IT_ERR_UNSUPPORTED);
}
END_TEST

static const char *const MALFORMED[] = {
    "",
    "candidate",
    "candidate:",
    "candidate: ",
    "candidates:1 1 UDP 5 192.0.2.3 4000 typ host",
    "Candidate:1 1 UDP 5 192.0.2.3 4000 typ host", /* names of attributes differ by case, RFC 8866 section 5.13 */
    "a=candidate:1 1 UDP 5 192.0.2.3 4000 typ host",
    /* foundation: 1*32 ice-char */
    "candidate: 1 1 UDP 5 192.0.2.3 4000 typ host",
    "candidate:0123456789abcdefghijklmnopqrstuvw 1 UDP 5 192.0.2.3 4000 typ host",
    "candidate:a-b 1 UDP 5 192.0.2.3 4000 typ host",
    "candidate:\xc3\xa4 1 UDP 5 192.0.2.3 4000 typ host",
    /* component-id: 1*3 digits, 1 to 256 */
    "candidate:1 0 UDP 5 192.0.2.3 4000 typ host",
    "candidate:1 257 UDP 5 192.0.2.3 4000 typ host",
    "candidate:1 0001 UDP 5 192.0.2.3 4000 typ host",
    "candidate:1 -1 UDP 5 192.0.2.3 4000 typ host",
    "candidate:1 1x UDP 5 192.0.2.3 4000 typ host",
    "candidate:1  UDP 5 192.0.2.3 4000 typ host",
    "candidate:1  1 UDP 5 192.0.2.3 4000 typ host",
    /* transport: token */
    "candidate:1 1  5 192.0.2.3 4000 typ host",
    "candidate:1 1 UD(P 5 192.0.2.3 4000 typ host",
    "candidate:1 1 UDP\t 5 192.0.2.3 4000 typ host",
    /* priority: 1*10 digits, 1 to 2**31 - 1 */
    "candidate:1 1 UDP 0 192.0.2.3 4000 typ host",
    "candidate:1 1 UDP 2147483648 192.0.2.3 4000 typ host",
    "candidate:1 1 UDP 4294967301 192.0.2.3 4000 typ host", /* 5 in 32 bits */
    "candidate:1 1 UDP 00000000005 192.0.2.3 4000 typ host",
    "candidate:1 1 UDP +5 192.0.2.3 4000 typ host",
    "candidate:1 1 UDP 5. 192.0.2.3 4000 typ host",
    "candidate:1 1 UDP  192.0.2.3 4000 typ host",
    /* address and port */
    "candidate:1 1 UDP 5",
    "candidate:1 1 UDP 5 ",
    "candidate:1 1 UDP 5  4000 typ host",
    "candidate:1 1 UDP 5 192.0.2.3",
    "candidate:1 1 UDP 5 192.0.2.3 typ host",
    "candidate:1 1 UDP 5 192.0.2.3 65536 typ host",
    "candidate:1 1 UDP 5 192.0.2.3 004000 typ host",
    "candidate:1 1 UDP 5 192.0.2.3 40a0 typ host",
    /* type */
    "candidate:1 1 UDP 5 192.0.2.3 4000",
    "candidate:1 1 UDP 5 192.0.2.3 4000 host",
    "candidate:1 1 UDP 5 192.0.2.3 4000 type host",
    "candidate:1 1 UDP 5 192.0.2.3 4000 typ",
    "candidate:1 1 UDP 5 192.0.2.3 4000 typ ",
    "candidate:1 1 UDP 5 192.0.2.3 4000 typ  host",
    "candidate:1 1 UDP 5 192.0.2.3 4000 typ ho(st",
    "candidate:1 1 UDP 5 192.0.2.3 4000 typ host\r",
    "candidate:1 1 UDP 5 192.0.2.3 4000 typ host\r\n",
    /* the rest */
    HEAD " raddr",
    HEAD " raddr ",
    HEAD " raddr  rport 9",
    HEAD " raddr 10.0.0.1 rport",
    HEAD " raddr 10.0.0.1 rport ",
    HEAD " raddr 10.0.0.1 rport 65536",
    HEAD " raddr 10.0.0.1 rport -1",
    HEAD " raddr 10.0.0.1 rport 000009",
    HEAD " generation",
    HEAD "  generation 0",
    HEAD " gener(ation 0",
    HEAD " generation 0 ufrag",
    /* what would be unsupported is malformed all the same */
    "candidate:1 1 TCP 0 192.0.2.3 4000 typ host",
    "candidate:1 1 TCP 5 192.0.2.3 70000 typ host",
    "candidate:1 1 UDP 0 127.0.0.1 4000 typ host",
    "candidate:1 1 UDP 5 0.0.0.0 9 typ host x",
    "candidate:1 1 TCP 5 192.0.2.3 4000 typ host x",
    "candidate:1 1 UDP 5 peer.example.net 4000 typ",
    "candidate:1 1 UDP 5 192.0.2.3 4000 typ token x",
};

START_TEST(a_malformed_line_is_refused)
{
    it_ice_cand c;
    ck_assert_msg(read_text(&c, MALFORMED[_i]) == IT_ERR_PARSE, "%s", MALFORMED[_i]);
}
END_TEST

START_TEST(a_nul_never_ends_a_word)
{
    static const char line[] = "candidate:1 1 UDP 5 192.0.2.3 4000 typ host x y";
    it_ice_cand c;
    for (size_t i = 0; i + 1 < sizeof line - 1; i++) {
        char cut[sizeof line];
        memcpy(cut, line, sizeof line);
        cut[i] = 0;
        int r = it_ice_cand_read(&c, it_bytes_of(cut, sizeof line - 1));
        /* inside an address it makes a name of it, inside an extension's value nobody minds */
        bool in_addr = i >= 20 && i < 29;
        ck_assert_msg(r == (in_addr ? IT_ERR_UNSUPPORTED : IT_ERR_PARSE), "NUL at %zu: %d", i, r);
    }
}
END_TEST

START_TEST(no_truncation_reads_past_the_end_and_none_before_the_kind_is_accepted)
{
    static const char line[] =
        "candidate:a+/Z 12 UDP 1862270718 2001:db8::3 1234 typ srflx raddr 2001:db8::1 rport 6553 x y";
    size_t kind_end = (size_t)(strstr(line, " raddr") - line);
    it_ice_cand c;
    for (size_t n = 0; n < sizeof line - 1; n++) {
        char cut[sizeof line] = "";
        memcpy(cut, line, n);
        int r = read_text(&c, cut);
        ck_assert_msg(n >= kind_end || r != 0, "%s", cut);
    }
}
END_TEST

static it_addr some_addr(it_rng *r, bool six)
{
    uint16_t port = (uint16_t)(1 + it_rng_below(r, 65535));
    uint64_t lo = it_rng_u64(r);
    if (!six)
        return it_addr_of(it_ip4((uint32_t)lo | 1), port);
    /* with zeros at random places, where the text form is shortened */
    uint64_t hi = it_rng_u64(r);
    uint64_t holes = it_rng_u64(r);
    for (int i = 0; i < 4; i++) {
        hi &= holes >> i & 1 ? ~(UINT64_C(0xffff) << 16 * i) : UINT64_MAX;
        lo &= holes >> (8 + i) & 1 ? ~(UINT64_C(0xffff) << 16 * i) : UINT64_MAX;
    }
    return it_addr_of((it_ip){hi | UINT64_C(1) << 61, lo}, port);
}

static it_addr any_addr(it_rng *r, bool six)
{
    it_addr a;
    do
        a = some_addr(r, six);
    while (!it_ice_addr_usable(a));
    return a;
}

START_TEST(whatever_is_written_is_read_the_same)
{
    static const char ICE[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    it_alloc m;
    it_rng r;
    it_alloc_init(&m);
    it_rng_init(&r, 1, "candsdp");
    for (int k = 0; k < 20000; k++) {
        it_ice_cand c = {.flow = -1}, d;
        it_str s, t;
        bool six = it_rng_below(&r, 2);
        c.kind = (enum it_ice_kind)it_rng_below(&r, 4);
        c.component = (uint16_t)(1 + it_rng_below(&r, 256));
        c.priority = (uint32_t)(1 + it_rng_below(&r, 0x7fffffff));
        size_t len = (size_t)(1 + it_rng_below(&r, 32));
        it_rng_text(&r, c.foundation, len, ICE);
        c.addr = any_addr(&r, six);
        bool told = it_rng_below(&r, 4) > 0;
        if (c.kind != IT_ICE_HOST && told)
            c.base = any_addr(&r, six);
        it_str_init(&s, &m);
        it_str_init(&t, &m);
        it_ice_cand_write(&s, &c);
        ck_assert_msg(read_text(&d, it_str_c(&s)) == 0, "%s", it_str_c(&s));
        ck_assert(d.kind == c.kind && d.component == c.component && d.priority == c.priority && d.flow == -1);
        ck_assert(it_addr_eq(d.addr, c.addr) && it_addr_eq(d.base, c.base));
        ck_assert_str_eq(d.foundation, c.foundation);
        it_ice_cand_write(&t, &d);
        ck_assert_str_eq(it_str_c(&s), it_str_c(&t));
        it_str_fini(&s);
        it_str_fini(&t);
    }
    ck_assert_int_eq(m.live, 0);
}
END_TEST

#define N(x) ((int)(sizeof(x) / sizeof(x)[0]))
int main(void)
{
    Suite *s = suite_create("ice/candsdp");
    TCase *t = tcase_create("RFC 8839 5.1");
    tcase_add_loop_test(t, a_candidate_is_written_as_section_5_1_says, 0, N(LINES));
    tcase_add_loop_test(t, its_text_is_read_back, 0, N(LINES));
    tcase_add_loop_test(t, extensions_are_skipped_and_the_related_address_may_be_anywhere_or_missing, 0, N(TAILS));
    tcase_add_test(t, a_name_of_the_lan_is_told_from_what_is_not_supported);
    tcase_add_test(t, the_zone_of_a_link_local_address_is_skipped);
    tcase_add_loop_test(t, candidates_by_tcp_are_read_and_written, 0, (int)(sizeof BY_TCP / sizeof *BY_TCP));
    tcase_add_loop_test(t, other_transports_kinds_names_and_useless_addresses_are_unsupported_not_malformed, 0,
                        N(UNSUPPORTED));
    tcase_add_loop_test(t, a_malformed_line_is_refused, 0, N(MALFORMED));
    tcase_add_test(t, a_nul_never_ends_a_word);
    tcase_add_test(t, no_truncation_reads_past_the_end_and_none_before_the_kind_is_accepted);
    tcase_add_test(t, whatever_is_written_is_read_the_same);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
