/* stack/ice/gather.c: bases, host and server-reflexive candidates, foundations, keeping mappings alive. */
#include "tests/stack/ice/far.h"

#define MAPPED "192.0.2.77:777"

static void one_server(it_ice_cfg *cfg, int i)
{
    (void)i;
    cfg->stun[0] = net_addr("192.0.2.1:3478");
    cfg->n_stun = 1;
}

/* Two of one address, one of another, one of IPv6. */
static void four_servers(it_ice_cfg *cfg, int i)
{
    (void)i;
    cfg->stun[0] = net_addr("192.0.2.1:3478");
    cfg->stun[1] = net_addr("192.0.2.1:3479");
    cfg->stun[2] = net_addr("192.0.2.2:3478");
    cfg->stun[3] = net_addr("[2001:db8::5]:3478");
    cfg->n_stun = 4;
}

/* One base, gathering from one server. */
static far *asking(void)
{
    far *f = far_new(true, 1, 1, one_server);
    far_base(f, 0, 1, 0, OWN_ADDR);
    it_ice_gather(f->a, 0);
    far_pump(f);
    return f;
}

/* Answers the next request by |mapped|; NULL: by the base's own address. */
static void told(far *f, const char *mapped)
{
    it_stun_msg m;
    size_t i = far_wait_request(f, &m);
    far_answer(f, i, (far_ans){.mapped = mapped, .no_integrity = true});
}

/* The |k|-th candidate that was told. */
static const it_ice_cand *cand(const far *f, size_t k)
{
    for (size_t i = 0; i < f->n_ev; i++)
        if (f->ev[i].kind == IT_ICE_CANDIDATE && k-- == 0)
            return &f->cand[i];
    ck_abort_msg("no such candidate");
    return NULL;
}

/* --- 5.1.1.1 --- */

START_TEST(every_base_is_a_host_candidate_in_order_of_preference)
{
    far *f = far_new(true, 1, 2, NULL);
    static const char *const addrs[] = {"198.51.100.7:5000", "[2001:db8::7]:5000", "198.51.100.7:5001",
                                        "198.51.100.8:5000"};
    static const int comps[] = {1, 1, 2, 1};
    static const uint16_t prefs[] = {65534, 65535, 65535,
                                     65533}; /* each component counts for itself, IPv6 before IPv4 */
    for (int i = 0; i < 4; i++)
        far_base(f, 0, comps[i], i, addrs[i]);
    far_pump(f);
    ck_assert_uint_eq(f->n_ev, 0);
    it_ice_gather(f->a, 0);
    far_pump(f);
    ck_assert_uint_eq(f->n_ev, 5);
    for (size_t i = 0; i < 4; i++) {
        const it_ice_cand *c = cand(f, i);
        ck_assert_int_eq(c->kind, IT_ICE_HOST);
        ck_assert(it_addr_eq(c->addr, net_addr(addrs[i])) && it_addr_eq(c->base, c->addr));
        ck_assert_uint_eq(c->priority, it_ice_priority(IT_ICE_HOST, prefs[i], (uint16_t)comps[i]));
        ck_assert_int_eq(c->flow, (int)i);
        ck_assert_int_eq(f->ev[i].component, comps[i]);
    }
    ck_assert_int_eq(f->ev[4].kind, IT_ICE_GATHERED);
    far_free(f);
}
END_TEST

START_TEST(an_address_that_others_cannot_send_to_is_no_base)
{
    static const char *const NO[] = {"127.0.0.1:5000", "[::1]:5000",   "[::198.51.100.7]:5000", "[fec0::7]:5000",
                                     "224.0.0.1:5000", "0.0.0.0:5000", "198.51.100.7:0"};
    far *f = far_new(true, 1, 1, NULL);
    for (size_t i = 0; i < sizeof NO / sizeof NO[0]; i++)
        ck_assert_int_eq(it_ice_add_base(f->a, 0, 0, 1, (int)i, net_addr(NO[i])), IT_ERR_RANGE);
    it_ice_gather(f->a, 0);
    far_pump(f);
    ck_assert_uint_eq(f->n_ev, 0);
    far_free(f);
}
END_TEST

/* RFC 8421 section 4, as the owner added them: '4', '6'; places that each gets, from the top. */
START_TEST(ipv6_and_ipv4_take_turns_ipv6_first)
{
    static const struct {
        const char *bases, *places;
    } CASES[] = {{"44", "01"},     {"66", "01"},     {"46", "10"},     {"4646", "1032"},
                 {"4466", "1302"}, {"6664", "0231"}, {"4446", "1230"}, {"46666", "10234"}};
    const char *bases = CASES[_i].bases, *places = CASES[_i].places;
    int n = (int)strlen(bases);
    far *f = far_new(true, 1, 1, NULL);
    for (int i = 0; i < n; i++) {
        char addr[32];
        snprintf(addr, sizeof addr, bases[i] == '6' ? "[2001:db8::%d]:5000" : "198.51.100.%d:5000", i + 1);
        far_base(f, 0, 1, i, addr);
    }
    it_ice_gather(f->a, 0);
    far_base(f, 0, 1, n, "[2001:db8::99]:5000"); /* it came later */
    far_pump(f);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < n; i++)
            ck_assert_uint_eq(cand(f, (size_t)i)->priority,
                              it_ice_priority(IT_ICE_HOST, (uint16_t)(65535 - (places[i] - '0')), 1));
        it_ice_remove_base(f->a, f->now, n);
        it_ice_restart(f->a, f->now); /* and the same again */
        f->n_ev = 0;
        far_pump(f);
    }
    far_free(f);
}
END_TEST

START_TEST(gathering_ends_when_every_question_has_ended)
{
    far *f = far_new(true, 1, 1, four_servers);
    far_base(f, 0, 1, 0, OWN_ADDR);
    it_ice_gather(f->a, 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(far_events(f, IT_ICE_GATHERED), 0);
        told(f, MAPPED);
    }
    ck_assert_uint_eq(far_events(f, IT_ICE_GATHERED), 1);
    far_free(f);
}
END_TEST

START_TEST(a_base_that_comes_while_gathering_lasts_is_gathered_on_and_one_after_it_at_the_next_restart)
{
    far *f = asking();
    it_stun_msg m;
    far_base(f, 0, 1, 1, "198.51.100.8:5000");
    told(f, MAPPED);
    ck_assert_uint_eq(far_events(f, IT_ICE_GATHERED), 0);
    told(f, "192.0.2.77:778");
    ck_assert_uint_eq(far_events(f, IT_ICE_GATHERED), 1);
    ck_assert_uint_eq(far_events(f, IT_ICE_CANDIDATE), 4);
    far_base(f, 0, 1, 2, "198.51.100.9:5000");
    far_after(f, IT_SEC);
    ck_assert_uint_eq(far_events(f, IT_ICE_CANDIDATE), 4); /* RFC 8838 section 13 */
    ck_assert(!far_next_request(f, &f->read, &m));
    it_ice_restart(f->a, f->now);
    far_pump(f);
    ck_assert_uint_eq(far_events(f, IT_ICE_CANDIDATE), 7);
    ck_assert(it_addr_eq(cand(f, 6)->addr, net_addr("198.51.100.9:5000")));
    far_free(f);
}
END_TEST

START_TEST(a_restart_on_fresh_bases_gathers_on_none_of_the_old_ones_which_go_on_until_they_are_removed)
{
    far *f = far_usual(true);
    far_base(f, 0, 1, 1, "198.51.100.8:5000");
    far_connect(f);
    uint32_t before = cand(f, 0)->priority;
    it_ice_renew(f->a);
    it_ice_restart(f->a, f->now);
    far_pump(f);
    size_t told = far_events(f, IT_ICE_CANDIDATE), ended = far_events(f, IT_ICE_GATHERED);
    far_base(f, 0, 1, 2, "198.51.100.9:5000");
    far_after(f, IT_SEC);
    ck_assert_uint_eq(far_events(f, IT_ICE_CANDIDATE), told); /* others may come before it in the order */
    far_base(f, 0, 1, 3, "[2001:db8::9]:5000");
    it_ice_renewed(f->a, f->now);
    far_pump(f);
    ck_assert_uint_eq(far_events(f, IT_ICE_CANDIDATE), told + 2);
    ck_assert_uint_eq(far_events(f, IT_ICE_GATHERED), ended + 1);
    ck_assert(it_addr_eq(cand(f, told)->addr, net_addr("198.51.100.9:5000")));
    ck_assert_uint_eq(cand(f, told + 1)->priority, before); /* IPv6 first, as if they were the first bases ever */
    it_ice_pair_view v;
    ck_assert_int_eq(it_ice_selected(f->a, 0, 1, &v), 0); /* as before */
    ck_assert(it_addr_eq(v.local.base, net_addr(OWN_ADDR)));
    it_ice_remove_base(f->a, f->now, 0);
    far_pump(f);
    ck_assert_uint_eq(far_events(f, IT_ICE_LOST), 1);
    far_free(f);
}
END_TEST

static void one_server_of_ipv6(it_ice_cfg *c, int i)
{
    (void)i;
    c->stun[0] = net_addr("[2001:db8::3]:3478");
    c->n_stun = 1;
    c->tcp = IT_ICE_WITH_ACTIVE | IT_ICE_WITH_PASSIVE;
}

START_TEST(a_link_local_base_is_a_host_candidate_that_asks_no_server_and_has_none_by_tcp_beside_it)
{
    far *f = far_new(true, 1, 1, one_server_of_ipv6);
    far_base(f, 0, 1, 0, "[fe80::5]:5000");
    it_ice_gather(f->a, f->now);
    far_after(f, IT_SEC);
    ck_assert_uint_eq(far_events(f, IT_ICE_CANDIDATE), 1);
    ck_assert(it_addr_eq(cand(f, 0)->addr, net_addr("[fe80::5]:5000")));
    ck_assert_uint_eq(far_events(f, IT_ICE_GATHERED), 1);
    ck_assert_uint_eq(f->n_out, 0); /* RFC 4291 section 2.5.6 */
    far_free(f);
}
END_TEST

START_TEST(without_a_base_gathering_does_not_end_and_a_base_that_goes_may_end_it)
{
    far *f = far_new(true, 1, 1, one_server);
    it_ice_gather(f->a, 0);
    far_pump(f);
    ck_assert_uint_eq(f->n_ev, 0);
    far_base(f, 0, 1, 0, OWN_ADDR);
    far_base(f, 0, 1, 1, "198.51.100.8:5000");
    told(f, MAPPED);
    far_after(f, 100 * IT_MS); /* the second asks */
    ck_assert_uint_eq(f->n_out, 2);
    ck_assert_uint_eq(far_events(f, IT_ICE_GATHERED), 0);
    it_ice_remove_base(f->a, f->now, 1);
    far_pump(f);
    ck_assert_uint_eq(far_events(f, IT_ICE_GATHERED), 1);
    far_after(f, 10 * IT_SEC);
    ck_assert_uint_eq(f->n_out, 2); /* nor is it sent from any more */
    far_free(f);
}
END_TEST

/* --- 5.1.1.2 --- */

START_TEST(a_mapped_address_is_a_server_reflexive_candidate)
{
    far *f = asking();
    it_stun_msg m;
    size_t i = far_wait_request(f, &m);
    ck_assert(it_addr_eq(f->out[i].remote, net_addr("192.0.2.1:3478")));
    ck_assert_ptr_null(it_stun_get(&m, IT_STUN_USERNAME)); /* requests to a server are not authenticated */
    ck_assert_ptr_null(it_stun_get(&m, IT_STUN_MESSAGE_INTEGRITY));
    far_answer(f, i, (far_ans){.mapped = MAPPED, .no_integrity = true});
    const it_ice_cand *c = cand(f, 1);
    ck_assert_int_eq(c->kind, IT_ICE_SRFLX);
    ck_assert(it_addr_eq(c->addr, net_addr(MAPPED)));
    ck_assert(it_addr_eq(c->base, net_addr(OWN_ADDR)));
    ck_assert_int_eq(c->flow, 0);
    ck_assert_uint_eq(c->priority, it_ice_priority(IT_ICE_SRFLX, 65535, 1));
    far_free(f);
}
END_TEST

static const char *const USELESS[] = {
    "0.0.0.0:777",   "0.1.2.3:777",         "127.0.0.1:777", "224.0.0.1:777",
    "239.1.2.3:777", "255.255.255.255:777", "192.0.2.77:0",  "[2001:db8::9]:777",
};

START_TEST(a_mapped_address_that_nobody_can_send_to_is_no_candidate)
{
    far *f = asking();
    told(f, USELESS[_i]);
    ck_assert_uint_eq(far_events(f, IT_ICE_CANDIDATE), 1);
    ck_assert_uint_eq(far_events(f, IT_ICE_GATHERED), 1);
    far_after(f, 60 * IT_SEC);
    ck_assert_uint_eq(f->n_out, 1); /* and nothing to keep alive */
    far_free(f);
}
END_TEST

static const char *const USELESS6[] = {"[::1]:777", "[ff02::1]:777", "[2001:db8::9]:0", "192.0.2.77:777"};

START_TEST(nor_is_such_a_one_of_ipv6)
{
    far *f = far_new(true, 1, 1, four_servers);
    far_base(f, 0, 1, 0, "[2001:db8::7]:5000");
    it_ice_gather(f->a, 0);
    told(f, USELESS6[_i]);
    ck_assert(
        it_addr_eq(f->out[0].remote, net_addr("[2001:db8::5]:3478"))); /* only the server of its family is asked */
    ck_assert_uint_eq(far_events(f, IT_ICE_CANDIDATE), 1);
    ck_assert_uint_eq(far_events(f, IT_ICE_GATHERED), 1);
    far_free(f);
}
END_TEST

/* RFC 8489 section 6.3.3: such a response is discarded and the transaction has failed. */
START_TEST(an_answer_with_an_unknown_attribute_that_must_be_understood_is_a_failure)
{
    far *f = asking();
    it_stun_msg m;
    size_t i = far_wait_request(f, &m);
    far_answer(f, i, (far_ans){.mapped = MAPPED, .no_integrity = true, .extra = 0x7abc});
    ck_assert_uint_eq(far_events(f, IT_ICE_CANDIDATE), 1);
    ck_assert_uint_eq(far_events(f, IT_ICE_GATHERED), 1);
    far_free(f);
}
END_TEST

START_TEST(an_error_or_an_answer_without_address_ends_the_question)
{
    far *f = asking();
    it_stun_msg m;
    size_t i = far_wait_request(f, &m);
    far_answer(f, i,
               _i ? (far_ans){.no_mapped = true, .no_integrity = true} : (far_ans){.code = 300, .no_integrity = true});
    ck_assert_uint_eq(far_events(f, IT_ICE_CANDIDATE), 1);
    ck_assert_uint_eq(far_events(f, IT_ICE_GATHERED), 1);
    far_after(f, 60 * IT_SEC);
    ck_assert_uint_eq(f->n_out, 1);
    far_free(f);
}
END_TEST

START_TEST(an_answer_from_or_to_elsewhere_is_none)
{
    far *f = asking();
    it_stun_msg m;
    far_base(f, 0, 1, 1, "198.51.100.8:5000");
    size_t i = far_wait_request(f, &m);
    far_answer(f, i, (far_ans){.from = "192.0.2.66:3478", .mapped = MAPPED, .no_integrity = true});
    far_answer(f, i, (far_ans){.from = "192.0.2.1:3479", .mapped = MAPPED, .no_integrity = true});
    far_answer(f, i, (far_ans){.flow = 2, .mapped = MAPPED, .no_integrity = true});
    ck_assert_uint_eq(far_events(f, IT_ICE_CANDIDATE), 2);
    far_answer(f, i, (far_ans){.mapped = MAPPED, .no_integrity = true});
    ck_assert_uint_eq(far_events(f, IT_ICE_CANDIDATE), 3);
    far_free(f);
}
END_TEST

START_TEST(a_silent_server_is_asked_seven_times_and_given_up_after_39500_ms)
{
    far *f = asking();
    far_until(f, 39499 * IT_MS);
    ck_assert_uint_eq(f->n_out, 7);
    ck_assert_uint_eq(far_events(f, IT_ICE_GATHERED), 0);
    far_until(f, 39500 * IT_MS);
    ck_assert_uint_eq(far_events(f, IT_ICE_GATHERED), 1);
    far_until(f, 200 * IT_SEC);
    ck_assert_uint_eq(f->n_out, 7);
    far_free(f);
}
END_TEST

/* RFC 8489 section 6.2.1. */
START_TEST(a_server_that_is_unreachable_is_given_up_at_once)
{
    far *f = asking();
    far_until(f, IT_MS);
    ck_assert_uint_eq(f->n_out, 1);
    far_icmp(f, 0, 3, 13, f->out[0].remote.ip, 100); /* soft */
    far_icmp(f, 0, 3, 3, f->out[0].remote.ip, 12);   /* who has not seen the transaction's id may be anybody */
    ck_assert_uint_eq(far_events(f, IT_ICE_GATHERED), 0);
    far_icmp(f, 0, 3, 3, f->out[0].remote.ip, 20);
    ck_assert_uint_eq(far_events(f, IT_ICE_GATHERED), 1);
    far_until(f, 200 * IT_SEC);
    ck_assert_uint_eq(f->n_out, 1);
    far_free(f);
}
END_TEST

/* --- 5.1.3, RFC 8838 9 --- */

START_TEST(a_candidate_with_address_and_base_of_another_is_redundant)
{
    far *f = far_new(true, 1, 1, four_servers);
    far_base(f, 0, 1, 0, OWN_ADDR);
    it_ice_gather(f->a, 0);
    told(f, NULL); /* no NAT: the host candidate again */
    ck_assert_uint_eq(far_events(f, IT_ICE_CANDIDATE), 1);
    told(f, MAPPED);
    ck_assert_uint_eq(far_events(f, IT_ICE_CANDIDATE), 2);
    told(f, MAPPED); /* a second server saw the same */
    ck_assert_uint_eq(far_events(f, IT_ICE_CANDIDATE), 2);
    ck_assert_uint_eq(f->a->n_locals, 2);
    far_free(f);
}
END_TEST

START_TEST(the_same_address_on_another_base_is_not_redundant)
{
    far *f = far_new(true, 1, 1, one_server);
    far_base(f, 0, 1, 0, OWN_ADDR);
    far_base(f, 0, 1, 1, "198.51.100.8:5000");
    it_ice_gather(f->a, 0);
    told(f, MAPPED);
    told(f, MAPPED);
    ck_assert_uint_eq(far_events(f, IT_ICE_CANDIDATE), 4);
    ck_assert(!it_addr_eq(cand(f, 2)->base, cand(f, 3)->base));
    ck_assert_uint_gt(cand(f, 2)->priority, cand(f, 3)->priority);
    far_free(f);
}
END_TEST

/* --- 5.1.1.3 --- */

START_TEST(foundations_are_the_same_for_the_same_type_base_address_and_server)
{
    far *f = far_new(true, 1, 2, four_servers);
    far_base(f, 0, 1, 0, "198.51.100.7:5000");
    far_base(f, 0, 2, 1, "198.51.100.7:5001"); /* the same address, another port and component */
    far_base(f, 0, 1, 2, "198.51.100.8:5000");
    it_ice_gather(f->a, 0);
    for (int i = 0; i < 9; i++) { /* three bases ask three servers in turn */
        char mapped[32];
        (void)snprintf(mapped, sizeof mapped, "192.0.2.77:%d", 700 + i);
        told(f, mapped);
    }
    ck_assert_uint_eq(far_events(f, IT_ICE_CANDIDATE), 12);
    for (size_t i = 0; i < 12; i++)
        for (size_t k = 0; k < 12; k++) {
            const it_ice_local *x = &f->a->locals[i], *y = &f->a->locals[k];
            bool same =
                x->c.kind == y->c.kind && it_ip_eq(x->c.base.ip, y->c.base.ip) && it_ip_eq(x->server, y->server);
            ck_assert_msg((strcmp(x->c.foundation, y->c.foundation) == 0) == same, "candidates %zu and %zu", i, k);
        }
    /* 2 of hosts, 2 addresses x 2 servers' addresses (the ports of a server do not count) of reflexive ones */
    ck_assert_uint_eq(f->a->last_foundation, 6);
    far_free(f);
}
END_TEST

/* --- 5.1.1.4 --- */

START_TEST(a_mapping_is_refreshed_every_15_s_until_ice_has_completed)
{
    far *f = asking();
    it_stun_msg m;
    far_creds(f);
    f->now = 20 * IT_MS;
    told(f, MAPPED);
    it_time at = f->now;
    far_until(f, at + 14999 * IT_MS);
    ck_assert_uint_eq(f->n_out, 1);
    for (int i = 1; i <= 3; i++) {
        far_until(f, at + i * 15 * IT_SEC);
        ck_assert(far_next_request(f, &f->read, &m));
        ck_assert(it_addr_eq(f->out[f->read - 1].remote, net_addr("192.0.2.1:3478")));
        ck_assert_int_eq(f->out[f->read - 1].at, at + i * 15 * IT_SEC);
        far_answer(f, f->read - 1, (far_ans){.mapped = MAPPED, .no_integrity = true});
    }
    ck_assert_uint_eq(far_events(f, IT_ICE_CANDIDATE), 2);
    ck_assert_uint_eq(far_events(f, IT_ICE_GATHERED), 1);
    f->a->completed = true; /* consent and keepalives of the selected pair take over */
    far_after(f, 100 * IT_SEC);
    ck_assert_uint_eq(f->n_out, 4);
    far_free(f);
}
END_TEST

START_TEST(a_host_without_nat_has_nothing_to_refresh)
{
    far *f = asking();
    told(f, NULL);
    far_after(f, 100 * IT_SEC);
    ck_assert_uint_eq(f->n_out, 1);
    far_free(f);
}
END_TEST

START_TEST(a_mapping_that_moved_after_the_end_of_candidates_is_not_told)
{
    far *f = asking();
    told(f, MAPPED);
    told(f, "192.0.2.77:999"); /* to the refresh */
    far_pump(f);
    ck_assert_uint_eq(far_events(f, IT_ICE_CANDIDATE), 2); /* RFC 8838 section 13 */
    ck_assert_uint_eq(f->a->n_locals, 2);
    far_free(f);
}
END_TEST

/* --- 14.2, 14.3 --- */

START_TEST(questions_leave_one_per_ta_and_rto_grows_with_their_number)
{
    far *f = far_new(true, 1, 1, one_server);
    for (int i = 0; i < 20; i++) {
        char own[32];
        (void)snprintf(own, sizeof own, "198.51.100.%d:5000", 7 + i);
        far_base(f, 0, 1, i, own);
    }
    it_ice_gather(f->a, 0);
    far_until(f, 1100 * IT_MS);
    ck_assert_uint_ge(f->n_out, 20);
    for (size_t i = 0; i < 20; i++) {
        ck_assert_uint_eq(f->out[i].flow, i);
        ck_assert_int_eq(f->out[i].at, (it_time)i * 50 * IT_MS);
    }
    /* RTO = MAX(500 ms, Ta * 20) */
    ck_assert_uint_eq(f->out[20].flow, 0);
    ck_assert_int_eq(f->out[20].at, IT_SEC);
    far_free(f);
}
END_TEST

START_TEST(a_far_side_that_wants_a_slower_pace_slows_questions_too)
{
    far *f = far_new(true, 1, 1, one_server);
    it_ice_set_remote_pacing(f->a, 700 * IT_MS);
    far_creds(f);
    far_base(f, 0, 1, 0, OWN_ADDR);
    far_base(f, 0, 1, 1, "198.51.100.8:5000");
    it_ice_gather(f->a, 0);
    far_until(f, 1400 * IT_MS);
    ck_assert_uint_eq(f->n_out, 3);
    ck_assert_int_eq(f->out[1].at, 700 * IT_MS);
    ck_assert_uint_eq(f->out[1].flow, 1);
    ck_assert_int_eq(f->out[2].at, 1400 * IT_MS); /* RTO = Ta * 2 */
    ck_assert_uint_eq(f->out[2].flow, 0);
    far_free(f);
}
END_TEST

START_TEST(questions_and_checks_share_the_pace_and_take_turns)
{
    far *f = far_new(false, 1, 1, four_servers);
    far_base(f, 0, 1, 0, OWN_ADDR);
    far_creds(f);
    for (int i = 0; i < 3; i++) {
        char addr[32], found[8];
        (void)snprintf(addr, sizeof addr, "203.0.113.7:%d", 6000 + i);
        (void)snprintf(found, sizeof found, "f%d", i);
        far_add(f, 0, far_cand(IT_ICE_HOST, 1, addr, (uint16_t)(65535 - i), found));
    }
    it_ice_gather(f->a, 0);
    far_until(f, 260 * IT_MS);
    ck_assert_uint_eq(f->n_out, 6);
    bool server = f->out[0].remote.port < 6000;
    for (size_t i = 0; i < 6; i++) {
        ck_assert_int_eq(f->out[i].at, (it_time)i * 50 * IT_MS);
        ck_assert((f->out[i].remote.port < 6000) == (i % 2 ? !server : server));
    }
    far_free(f);
}
END_TEST

#define N(x) ((int)(sizeof(x) / sizeof(x)[0]))
/* --- tunnels --- */

#define TUNNEL 0x100
#define NEAR_END "[100::1]:1"
#define FAR_END "[100::2]:1"

static int add_tunnel(far *f, const char *near, const char *end)
{
    return it_ice_add_tunnel(f->a, f->now, 0, 1, TUNNEL, net_addr(near), net_addr(end));
}

/* Counts the requests that have left by the tunnel from the |from|-th datagram on. */
static int by_tunnel(far *f, size_t from)
{
    int n = 0;
    for (size_t i = from; i < f->n_out; i++) {
        n += f->out[i].flow == TUNNEL;
        /* What leads to one place alone leads to no other, and nothing else leads there. */
        ck_assert_int_eq(f->out[i].flow == TUNNEL, it_addr_eq(f->out[i].remote, net_addr(FAR_END)));
    }
    return n;
}

START_TEST(a_tunnel_is_told_to_nobody_and_its_pair_comes_after_all_others)
{
    far *f = far_usual(true);
    size_t told = far_events(f, IT_ICE_CANDIDATE);
    it_ice_remote_done(f->a, f->now); /* it may come later than any candidate */
    ck_assert_int_eq(add_tunnel(f, NEAR_END, FAR_END), 0);
    far_pump(f);
    ck_assert_uint_eq(far_events(f, IT_ICE_CANDIDATE), told);
    const it_ice_stream *s = &f->a->streams[0];
    ck_assert_uint_eq(s->n_pairs, 2);
    const it_ice_pair *last = s->pairs[1];
    ck_assert_int_eq(last->local.flow, TUNNEL);
    ck_assert_int_eq(last->local.kind, IT_ICE_RELAY);
    ck_assert_int_eq(last->remote.kind, IT_ICE_RELAY);
    ck_assert(it_addr_eq(last->remote.addr, net_addr(FAR_END)));
    far_after(f, IT_SEC);
    ck_assert_int_ge(by_tunnel(f, 0), 1);
    far_free(f);
}
END_TEST

START_TEST(a_pair_of_a_tunnel_is_nominated_when_nothing_better_works)
{
    far *f = far_usual(true);
    it_stun_msg m;
    ck_assert_int_eq(add_tunnel(f, NEAR_END, FAR_END), 0);
    it_ice_pair_view sel;
    for (int k = 0; k < 60 && it_ice_selected(f->a, 0, 1, &sel) != 0; k++) {
        size_t i = far_wait_request(f, &m);
        if (f->out[i].flow == TUNNEL)
            far_answer(f, i, (far_ans){.from = FAR_END});
    }
    ck_assert_int_eq(it_ice_selected(f->a, 0, 1, &sel), 0);
    ck_assert_int_eq(sel.local.flow, TUNNEL);
    ck_assert_int_ge(f->now, IT_ICE_RELAY_WAIT);
    far_free(f);
}
END_TEST

START_TEST(a_tunnel_outlives_a_restart_and_ends_with_its_base)
{
    far *f = far_usual(true);
    ck_assert_int_eq(add_tunnel(f, NEAR_END, FAR_END), 0);
    it_ice_restart(f->a, f->now);
    far_creds(f);
    ck_assert_int_eq(it_ice_set_remote(f->a, f->now, "farV", FAR_PWD), 0);
    ck_assert_uint_eq(f->a->streams[0].n_pairs, 1);
    ck_assert_int_eq(f->a->streams[0].pairs[0]->local.flow, TUNNEL);
    it_ice_remove_base(f->a, f->now, TUNNEL);
    ck_assert_uint_eq(f->a->streams[0].n_pairs, 0);
    far_after(f, IT_SEC);
    ck_assert_int_eq(by_tunnel(f, 0), 0);
    far_free(f);
}
END_TEST

/* RFC 6666: a packet to 100::/64 goes nowhere. */
START_TEST(an_address_of_a_tunnel_that_the_far_side_tells_is_ignored)
{
    far *f = far_new(true, 1, 1, NULL);
    far_base(f, 0, 1, 0, "[2001:db8::7]:5000");
    it_ice_gather(f->a, f->now);
    far_creds(f);
    ck_assert_int_eq(add_tunnel(f, NEAR_END, FAR_END), 0);
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, "[100::7]:1", 65535, "1"));
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, "[2001:db8::8]:1", 65535, "2"));
    ck_assert_uint_eq(f->a->streams[0].n_pairs, 2); /* by IPv6, and the tunnel's own */
    far_after(f, IT_SEC);
    (void)by_tunnel(f, 0);
    far_free(f);
}
END_TEST

static const struct {
    const char *near, *end;
    int err;
} TUNNELS[] = {{"192.0.2.1:1", FAR_END, IT_ERR_RANGE},
               {NEAR_END, "[2001:db8::1]:1", IT_ERR_RANGE},
               {NEAR_END, NEAR_END, IT_ERR_RANGE},
               {"[100::1]:0", FAR_END, IT_ERR_RANGE},
               {NEAR_END, FAR_END, IT_ERR_EXISTS}};

START_TEST(a_tunnel_that_is_none_or_is_there_is_refused)
{
    far *f = far_usual(true);
    if (TUNNELS[_i].err == IT_ERR_EXISTS)
        ck_assert_int_eq(add_tunnel(f, NEAR_END, FAR_END), 0);
    ck_assert_int_eq(add_tunnel(f, TUNNELS[_i].near, TUNNELS[_i].end), TUNNELS[_i].err);
    far_free(f);
}
END_TEST

static void add(Suite *s)
{
    TCase *t = tcase_create("5.1.1.1");
    tcase_add_test(t, every_base_is_a_host_candidate_in_order_of_preference);
    tcase_add_test(t, an_address_that_others_cannot_send_to_is_no_base);
    tcase_add_loop_test(t, ipv6_and_ipv4_take_turns_ipv6_first, 0, 8);
    tcase_add_test(t, gathering_ends_when_every_question_has_ended);
    tcase_add_test(t, a_base_that_comes_while_gathering_lasts_is_gathered_on_and_one_after_it_at_the_next_restart);
    tcase_add_test(t, a_restart_on_fresh_bases_gathers_on_none_of_the_old_ones_which_go_on_until_they_are_removed);
    tcase_add_test(t, a_link_local_base_is_a_host_candidate_that_asks_no_server_and_has_none_by_tcp_beside_it);
    tcase_add_test(t, without_a_base_gathering_does_not_end_and_a_base_that_goes_may_end_it);
    suite_add_tcase(s, t);
    t = tcase_create("5.1.1.2");
    tcase_add_test(t, a_mapped_address_is_a_server_reflexive_candidate);
    tcase_add_loop_test(t, a_mapped_address_that_nobody_can_send_to_is_no_candidate, 0, N(USELESS));
    tcase_add_loop_test(t, nor_is_such_a_one_of_ipv6, 0, N(USELESS6));
    tcase_add_test(t, an_answer_with_an_unknown_attribute_that_must_be_understood_is_a_failure);
    tcase_add_loop_test(t, an_error_or_an_answer_without_address_ends_the_question, 0, 2);
    tcase_add_test(t, an_answer_from_or_to_elsewhere_is_none);
    tcase_add_test(t, a_silent_server_is_asked_seven_times_and_given_up_after_39500_ms);
    tcase_add_test(t, a_server_that_is_unreachable_is_given_up_at_once);
    suite_add_tcase(s, t);
    t = tcase_create("5.1.1.3");
    tcase_add_test(t, foundations_are_the_same_for_the_same_type_base_address_and_server);
    suite_add_tcase(s, t);
    t = tcase_create("5.1.1.4");
    tcase_add_test(t, a_mapping_is_refreshed_every_15_s_until_ice_has_completed);
    tcase_add_test(t, a_host_without_nat_has_nothing_to_refresh);
    tcase_add_test(t, a_mapping_that_moved_after_the_end_of_candidates_is_not_told);
    suite_add_tcase(s, t);
    t = tcase_create("5.1.3 and RFC 8838 9");
    tcase_add_test(t, a_candidate_with_address_and_base_of_another_is_redundant);
    tcase_add_test(t, the_same_address_on_another_base_is_not_redundant);
    suite_add_tcase(s, t);
    t = tcase_create("tunnels");
    tcase_add_test(t, a_tunnel_is_told_to_nobody_and_its_pair_comes_after_all_others);
    tcase_add_test(t, a_pair_of_a_tunnel_is_nominated_when_nothing_better_works);
    tcase_add_test(t, a_tunnel_outlives_a_restart_and_ends_with_its_base);
    tcase_add_test(t, an_address_of_a_tunnel_that_the_far_side_tells_is_ignored);
    tcase_add_loop_test(t, a_tunnel_that_is_none_or_is_there_is_refused, 0, N(TUNNELS));
    suite_add_tcase(s, t);
    t = tcase_create("14.2 and 14.3");
    tcase_add_test(t, questions_leave_one_per_ta_and_rto_grows_with_their_number);
    tcase_add_test(t, a_far_side_that_wants_a_slower_pace_slows_questions_too);
    tcase_add_test(t, questions_and_checks_share_the_pace_and_take_turns);
    suite_add_tcase(s, t);
}

IT_ICE_TEST_MAIN("ice/gather", add)
