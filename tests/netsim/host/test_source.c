/* Source address selection: the examples of RFC 6724 section 10.1, rule by rule, and what hosts with several interfaces
 * do. */
#include "netsim/host/host.h"

#include "tests/netsim/box.h"

#include <stdlib.h>

static box B;
static it_host *H;

/* A host with |n| interfaces that have carrier and no address. */
static void open_host(int n)
{
    static const char *const NAMES[] = {"e0", "e1", "e2"};
    box_start(&B, 1);
    H = it_host_new(B.w, "host");
    for (int i = 0; i < n; i++) {
        it_link_cfg cfg = {.name = NAMES[i]};
        it_node *e = it_edge_new(B.w, NAMES[i], "eth");
        ck_assert_int_eq(it_host_iface(H, NAMES[i]), i);
        ck_assert_int_ge(it_link_new(B.w, &cfg, it_host_node(H), i, e, 0), 0);
    }
}

static const char *source(const char *dst, char out[IT_IP_TEXT])
{
    it_ip src;
    return it_host_source(H, I(dst), &src) < 0 ? "none" : it_ip_text(src, out);
}

typedef struct choice {
    const char *rule;
    const char *dst;
    const char *a, *b; /* candidates */
    uint8_t bits;      /* of their prefixes */
    const char *best;
} choice;

static const choice CHOICES[] = {
    /* the examples of section 10.1 that a host without temporary and home addresses can have */
    {"scope", "2001:db8:1::1", "2001:db8:3::1", "fe80::1", 64, "2001:db8:3::1"},
    {"scope of multicast", "ff05::1", "2001:db8:3::1", "fe80::1", 64, "2001:db8:3::1"},
    {"same address", "2001:db8:1::1", "2001:db8:1::1", "2001:db8:2::1", 64, "2001:db8:1::1"},
    {"scope", "fe80::1", "fe80::2", "2001:db8:1::1", 64, "fe80::2"},
    {"longest prefix", "2001:db8:1::1", "2001:db8:1::2", "2001:db8:3::2", 64, "2001:db8:1::2"},
    {"label", "2002:c633:6401::1", "2002:c633:6401::d5e3:7953:13eb:22e8", "2001:db8:1::2", 64,
     "2002:c633:6401:0:d5e3:7953:13eb:22e8"},
    /* the smallest scope that is not too small */
    {"scope of multicast", "ff02::1", "2001:db8:3::1", "fe80::1", 64, "fe80::1"},
    {"label", "fd00:2::1", "2001:db8::1", "fd00:1::1", 64, "fd00:1::1"},
    {"label", "2001:0:1::1", "2002:c000:201::1", "2001:0:9::9", 64, "2001:0:9::9"},
    {"label", "2001:db8:9::1", "fd00:1::1", "2001:db8:1::1", 64, "2001:db8:1::1"},
    {"longest prefix", "2001:db8:3:8000::1", "2001:db8:3:1::1", "2001:db8:3:c000::1", 64, "2001:db8:3:c000::1"},
    /* section 2.2: what lies behind the prefix of the source does not count, so the first one stays */
    {"prefix ends", "2001:db8:1:3::ff", "2001:db8:1:2::1", "2001:db8:1:3::fe", 48, "either"},
    /* IPv4 */
    {"same address", "10.0.0.5", "10.0.0.4", "10.0.0.5", 120, "10.0.0.5"},
    {"scope", "10.0.1.5", "169.254.1.1", "10.0.0.4", 112, "10.0.0.4"},
    {"scope", "169.254.9.9", "10.0.0.4", "169.254.1.1", 112, "169.254.1.1"},
};
#define N_CHOICES ((int)(sizeof CHOICES / sizeof *CHOICES))

/* Whatever the order of the addresses, and on one interface as on two. */
START_TEST(the_better_source_wins)
{
    const choice *c = &CHOICES[_i];
    for (int way = 0; way < 4; way++) {
        char text[IT_IP_TEXT];
        bool swap = way & 1, two = way & 2;
        open_host(2);
        ck_assert_int_eq(it_host_addr(H, 0, I(swap ? c->b : c->a), c->bits), 0);
        ck_assert_int_eq(it_host_addr(H, two, I(swap ? c->a : c->b), c->bits), 0);
        for (int i = 0; i < 2; i++) {
            it_host_gateway(H, i, I("fe80::99"));
            it_host_gateway(H, i, I("10.0.0.1"));
        }
        const char *want = strcmp(c->best, "either") == 0 ? (swap ? c->b : c->a) : c->best, *got = source(c->dst, text);
        ck_assert_msg(strcmp(got, want) == 0, "%s, way %d: to %s from %s, not %s", c->rule, way, c->dst, got, want);
        box_close(&B);
    }
}
END_TEST

START_TEST(a_direct_way_is_better_than_a_gateway)
{
    char text[IT_IP_TEXT];
    open_host(2);
    ck_assert_int_eq(it_host_addr(H, 0, I("192.0.2.2"), 120), 0);
    it_host_gateway(H, 0, I("192.0.2.1"));
    ck_assert_int_eq(it_host_addr(H, 1, I("10.0.0.2"), 120), 0);
    ck_assert_str_eq(source("10.0.0.9", text), "10.0.0.2");
    ck_assert_str_eq(source("10.0.1.9", text), "192.0.2.2");
    it_host_gateway(H, 1, I("10.0.0.1"));
    ck_assert_str_eq(source("10.0.1.9", text), "192.0.2.2"); /* two gateways: the order of the interfaces */
    box_close(&B);
}
END_TEST

START_TEST(only_what_can_be_used_is_a_candidate)
{
    char text[IT_IP_TEXT];
    open_host(2);
    ck_assert_str_eq(source("198.51.100.1", text), "none");
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(it_host_addr(H, i, I(i ? "10.1.0.2" : "10.0.0.2"), 120), 0);
        ck_assert_str_eq(source("198.51.100.1", text), i ? "10.0.0.2" : "none"); /* no gateway yet */
        it_host_gateway(H, i, I(i ? "10.1.0.1" : "10.0.0.1"));
    }
    ck_assert_str_eq(source("198.51.100.1", text), "10.0.0.2");
    ck_assert_str_eq(source("2001:db8::1", text), "none"); /* no address of the family */
    it_host_iface_set(H, 0, 0, false);
    ck_assert_str_eq(source("198.51.100.1", text), "10.1.0.2");
    it_link_cut(B.w, 0, 1, true); /* and the other one loses carrier */
    ck_assert_str_eq(source("198.51.100.1", text), "none");
    it_host_iface_set(H, 0, 0, true);
    ck_assert_str_eq(source("198.51.100.1", text), "10.0.0.2");
    ck_assert_int_eq(it_host_unaddr(H, 0, 0, I("10.0.0.2")), 0);
    ck_assert_str_eq(source("198.51.100.1", text), "none");
    box_close(&B);
}
END_TEST

/* RFC 1122 section 3.3.1.2, RFC 4861 section 8.3: a neighbour that no prefix tells of. */
START_TEST(a_neighbour_is_reached_by_its_interface)
{
    char text[IT_IP_TEXT];
    open_host(2);
    ck_assert_int_eq(it_host_addr(H, 0, I("203.0.113.1"), 128), 0);
    ck_assert_int_eq(it_host_addr(H, 1, I("203.0.113.2"), 128), 0);
    it_host_gateway(H, 0, I("192.0.2.1"));
    ck_assert_str_eq(source("203.0.113.9", text), "203.0.113.1");
    for (int twice = 0; twice < 2; twice++)
        ck_assert_int_eq(it_host_neighbor(H, 1, I("203.0.113.9"), true), 0);
    ck_assert_int_eq(it_host_neighbor(H, 1, I("203.0.113.8"), true), 0);
    ck_assert_str_eq(source("203.0.113.9", text), "203.0.113.2");
    ck_assert_str_eq(source("203.0.113.7", text), "203.0.113.1");
    ck_assert_int_eq(it_host_neighbor(H, 1, I("203.0.113.9"), false), 0);
    ck_assert_int_eq(it_host_neighbor(H, 1, I("203.0.113.9"), false), 0); /* twice is once */
    ck_assert_str_eq(source("203.0.113.9", text), "203.0.113.1");
    ck_assert_str_eq(source("203.0.113.8", text), "203.0.113.2");
    box_close(&B);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("netsim/source");
    TCase *c = tcase_create("RFC 6724 section 5");
    tcase_add_loop_test(c, the_better_source_wins, 0, N_CHOICES);
    tcase_add_test(c, a_direct_way_is_better_than_a_gateway);
    tcase_add_test(c, only_what_can_be_used_is_a_candidate);
    tcase_add_test(c, a_neighbour_is_reached_by_its_interface);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
