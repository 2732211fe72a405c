/* lab/judge/oracle/rtmfp.c: two ends of RTMFP behind boxes that nobody has built. What real profiles do is compared
 * with the world by scenarios/compare. */
#include "lab/judge/oracle/impl.h"
#include "lab/judge/oracle/ladder.h"

#include <check.h>
#include <stdlib.h>

static const it_oracle_wire WIRE = {10 * IT_MS, 10 * IT_MS, 0, false};
static const it_ip SERVER4 = {0, 0xffffcb007109ULL}, SERVER6 = {0x20010db800000000, 9};
static it_oracle_query q;

/* Two hosts of IPv4 at the internet, and a server. */
static void setup(void)
{
    memset(&q, 0, sizeof q);
    q.model = 'C';
    q.patience = 60 * IT_SEC;
    q.stream_patience = 10 * IT_SEC;
    for (int i = 0; i < 2; i++) {
        q.side[i].base[0] = (it_oracle_base){it_ip4(0xcb007101u + (uint32_t)i), 0, WIRE};
        q.side[i].n_bases = 1;
        q.side[i].ta = 50 * IT_MS;
        q.side[i].rto = 500 * IT_MS;
    }
    q.stun = (it_oracle_server){.ip = {SERVER4, SERVER6}, .port = 1935, .rtt = 20 * IT_MS};
    q.transports = 1;
}

/* A box of its own before side |who|. */
static it_oracle_box *box(int who, enum it_oracle_kind kind)
{
    it_oracle_box *b = &q.box[q.n_boxes++];
    b->kind = (uint8_t)kind;
    b->name[0] = (char)('a' + q.n_boxes);
    b->wire = WIRE;
    b->outer = q.side[who].base[0].net;
    q.side[who].base[0].net = (uint8_t)q.n_boxes;
    return b;
}

static void nat(int who, enum it_oracle_dep mapping, enum it_oracle_dep filtering)
{
    it_oracle_box *b = box(who, IT_ORACLE_NAT);
    b->ext[0] = it_ip4(0xc6336400u + (uint32_t)q.n_boxes);
    b->n_ext = 1;
    q.side[who].base[0].ip = it_ip4(0x0a000001u + (uint32_t)(who << 8));
    b->u.nat = (it_oracle_nat){.mapping = (uint8_t)mapping,
                               .filtering = (uint8_t)filtering,
                               .lo = 1024,
                               .hi = 65535,
                               .initial = 30 * IT_SEC,
                               .replied = 120 * IT_SEC,
                               .syn = 30 * IT_SEC,
                               .refresh_out = true,
                               .refresh_in = true,
                               .pool = 1};
}

static it_oracle_verdict ask(void)
{
    it_alloc alloc;
    it_oracle_verdict v;
    it_alloc_init(&alloc);
    ck_assert_int_eq(it_oracle_ask(&alloc, &q, &v), 0);
    ck_assert_int_eq(alloc.live, 0);
    return v;
}

static const char *path_of(const it_oracle_verdict *v)
{
    ck_assert_int_eq(v->outcome, IT_ORACLE_OPENS);
    return v->path ? v->path : "either";
}

START_TEST(without_boxes_it_is_direct_and_the_server_would_relay)
{
    it_oracle_verdict v = ask();
    ck_assert_str_eq(path_of(&v), "direct_udp");
    ck_assert_int_eq(v.way[1].outcome, IT_ORACLE_OPENS);
    ck_assert_int_eq(v.way[2].outcome, IT_ORACLE_DIES);
    ck_assert_uint_eq(v.way[0].pairs[0], 1u << (4 * IT_ORACLE_HOST + IT_ORACLE_PRFLX));
    ck_assert_uint_eq(v.way[1].pairs[1], 1u << (4 * IT_ORACLE_RELAY + IT_ORACLE_RELAY));
}
END_TEST

START_TEST(without_the_server_there_is_no_way)
{
    q.stun = (it_oracle_server){.port = 0};
    it_oracle_verdict v = ask();
    ck_assert_int_eq(v.outcome, IT_ORACLE_DIES);
    ck_assert_ptr_nonnull(strstr(v.way[0].why, "introduced"));
}
END_TEST

START_TEST(where_udp_is_blocked_there_is_no_way)
{
    it_oracle_box *b = box(1, IT_ORACLE_FIREWALL);
    b->u.wall = (it_oracle_wall){.block = true, .stateful = true, .timeout = 60 * IT_SEC};
    it_oracle_verdict v = ask();
    ck_assert_int_eq(v.outcome, IT_ORACLE_DIES);
}
END_TEST

/* Side |who| reaches the server's WebSocket from now on, which UDP waits 5 s for. */
static void web(int who)
{
    q.side[who].web[0] = (it_oracle_web){.server = q.stun, .tls = true};
    q.side[who].web[0].server.port = 443;
    q.side[who].web[0].server.ip[1] = (it_ip){0, 0}; /* one family a way */
    q.side[who].n_webs = 1;
    q.web_fallback = 5 * IT_SEC;
}

static void udp_blocked(int who)
{
    box(who, IT_ORACLE_FIREWALL)->u.wall =
        (it_oracle_wall){.block = true, .stateful = true, .timeout = 60 * IT_SEC, .tcp.max_age = 0};
}

START_TEST(where_udp_is_blocked_the_websocket_of_the_server_is_left)
{
    udp_blocked(0);
    udp_blocked(1);
    web(0);
    it_oracle_verdict v = ask();
    ck_assert_int_eq(v.outcome, IT_ORACLE_DIES); /* the other one has none */
    web(1);
    v = ask();
    ck_assert_str_eq(path_of(&v), "relay_tcp");
    ck_assert_int_eq(v.way[1].outcome, IT_ORACLE_DIES);
    ck_assert_int_eq(v.way[2].rung, IT_ORACLE_PROXY);
    q.patience = 12 * IT_SEC; /* no time is left after falling back */
    v = ask();
    ck_assert_int_eq(v.outcome, IT_ORACLE_EITHER);
}
END_TEST

START_TEST(each_side_tells_of_its_own_leg)
{
    udp_blocked(0);
    web(0);
    web(1);
    it_oracle_verdict v = ask();
    ck_assert_str_eq(path_of(&v), "either");
    ck_assert_int_eq(v.way[1].outcome, IT_ORACLE_EITHER);
    ck_assert_uint_eq(v.way[1].pairs[0], 0);
    ck_assert_uint_ne(v.way[1].pairs[1], 0);
    ck_assert_int_eq(v.way[2].outcome, IT_ORACLE_OPENS);
    ck_assert_uint_ne(v.way[2].pairs[0], 0);
    ck_assert_uint_eq(v.way[2].pairs[1], 0);
}
END_TEST

START_TEST(who_has_udp_does_not_fall_back_unless_that_is_slow_or_not_wanted)
{
    web(0);
    web(1);
    it_oracle_verdict v = ask();
    ck_assert_str_eq(path_of(&v), "direct_udp");
    ck_assert_int_eq(v.way[2].outcome, IT_ORACLE_DIES);
    q.side[0].base[0].wire.lossy = true;
    v = ask();
    ck_assert_int_eq(v.way[0].outcome, IT_ORACLE_EITHER);
    ck_assert(v.way[1].outcome == IT_ORACLE_OPENS && v.way[1].overtaken);
    ck_assert_int_eq(v.way[2].outcome, IT_ORACLE_EITHER);
    q.web_only = true;
    v = ask();
    ck_assert_str_eq(path_of(&v), "relay_tcp");
    ck_assert_int_eq(v.way[0].outcome, IT_ORACLE_DIES);
}
END_TEST

/* Every pair of mapping and filtering, in the words of RFC 4787: direct unless told. */
START_TEST(an_rhello_counts_by_its_tag_whatever_its_source)
{
    static const struct {
        enum it_oracle_dep near_map, near_filter, far_map, far_filter;
        const char *path;
    } ROWS[] = {
        {IT_ORACLE_EI, IT_ORACLE_APD, IT_ORACLE_EI, IT_ORACLE_APD, "direct_udp"},
        {IT_ORACLE_EI, IT_ORACLE_AD, IT_ORACLE_APD, IT_ORACLE_APD, "direct_udp"},
        {IT_ORACLE_EI, IT_ORACLE_APD, IT_ORACLE_APD, IT_ORACLE_EI, "relay_udp"},
        {IT_ORACLE_EI, IT_ORACLE_APD, IT_ORACLE_APD, IT_ORACLE_APD, "relay_udp"},
        {IT_ORACLE_APD, IT_ORACLE_APD, IT_ORACLE_APD, IT_ORACLE_APD, "relay_udp"},
        {IT_ORACLE_APD, IT_ORACLE_APD, IT_ORACLE_APD, IT_ORACLE_EI, "relay_udp"},
        /* where ICE has no way: answers come from ports that nobody was told of, and are let in */
        {IT_ORACLE_APD, IT_ORACLE_AD, IT_ORACLE_APD, IT_ORACLE_EI, "direct_udp"},
        {IT_ORACLE_APD, IT_ORACLE_EI, IT_ORACLE_APD, IT_ORACLE_EI, "direct_udp"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
        for (int turned = 0; turned < 2; turned++) {
            setup();
            nat(turned, ROWS[i].near_map, ROWS[i].near_filter);
            nat(1 - turned, ROWS[i].far_map, ROWS[i].far_filter);
            it_oracle_verdict v = ask();
            ck_assert_msg(strcmp(path_of(&v), ROWS[i].path) == 0, "row %zu, %d: %s: %s", i, turned, path_of(&v),
                          v.way[0].why);
        }
}
END_TEST

START_TEST(where_packets_are_lost_the_server_may_take_the_place)
{
    q.side[0].base[0].wire.lossy = true;
    it_oracle_verdict v = ask();
    ck_assert_int_eq(v.outcome, IT_ORACLE_OPENS);
    ck_assert_ptr_null(v.path);
    ck_assert_int_eq(v.way[0].outcome, IT_ORACLE_EITHER);
}
END_TEST

/* A redirect names what the other side has said of itself. */
START_TEST(neighbours_behind_a_box_that_does_not_hairpin_meet_inside)
{
    nat(0, IT_ORACLE_EI, IT_ORACLE_APD);
    q.box[0].u.nat.hairpin = IT_ORACLE_HAIRPIN_NONE;
    q.side[1].base[0].net = q.side[0].base[0].net;
    q.side[1].base[0].ip = it_ip4(0x0a000002u);
    it_oracle_verdict v = ask();
    ck_assert_str_eq(path_of(&v), "direct_udp");
}
END_TEST

START_TEST(without_memory_nothing_is_decided)
{
    it_alloc alloc;
    it_oracle_verdict v;
    it_alloc_init_countdown(&alloc, 1);
    ck_assert_int_eq(it_oracle_ask(&alloc, &q, &v), IT_ERR_NOMEM);
    ck_assert_int_eq(v.outcome, IT_ORACLE_NOT_BUILT);
    ck_assert_int_eq(alloc.live, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/judge/oracle/rtmfp");
    TCase *t = tcase_create("rtmfp");
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, without_boxes_it_is_direct_and_the_server_would_relay);
    tcase_add_test(t, without_the_server_there_is_no_way);
    tcase_add_test(t, where_udp_is_blocked_there_is_no_way);
    tcase_add_test(t, where_udp_is_blocked_the_websocket_of_the_server_is_left);
    tcase_add_test(t, each_side_tells_of_its_own_leg);
    tcase_add_test(t, who_has_udp_does_not_fall_back_unless_that_is_slow_or_not_wanted);
    tcase_add_test(t, an_rhello_counts_by_its_tag_whatever_its_source);
    tcase_add_test(t, where_packets_are_lost_the_server_may_take_the_place);
    tcase_add_test(t, neighbours_behind_a_box_that_does_not_hairpin_meet_inside);
    tcase_add_test(t, without_memory_nothing_is_decided);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
