/* stack/b/path.c: the gate before a connection, and paths that go before and after they are chosen. */
#include "stack/b/impl.h"
#include "tests/stack/b/pair.h"

static pair *P;

static it_addr mapped; /* what alice's first base looks like from outside, none: itself */

static void give_from(int to, it_addr src, it_bytes d)
{
    it_io in = {.kind = IT_IO_DGRAM, .flow = 0, .local = P->e[to].base[0], .remote = src, .data = d};
    ck_assert_int_eq(it_b_input(P->e[to].b, P->now, &in), (int)d.n);
    pair_pump(P);
}

static const struct {
    const char *bytes;
    size_t n;
} SHAPES[] = {
    {"\x15\xfe\xfd\0\0\0\0\0\0\0\x09\0\2\2\x28", 15},
    {"\x15\xfe\xfd\0\0\0\0\0\0\0\x09\0\2\1\0", 15},
    {"\x15\xfe\xfd\0\1\0\0\0\0\0\x09\0\2\1\0", 15},
    {"\x17\xfe\xfd\0\0\0\0\0\0\0\x09\0\4\1\2\3\4", 17},
    {"\x17\xfe\xfd\0\1\0\0\0\0\0\x09\0\x12hello hello hello ", 31},
    {"\x16\xfe\xff\0\0\0\0\0\0\0\x09\0\x10\1\0\0\4\0\0\0\0\0\0\0\0\4junk", 29},
    {"\x16\xfe\xff\0\0\0\0\0\0\0\x09\0\x10\2\0\0\4\0\0\0\0\0\0\0\0\4junk", 29},
    {"\x16\xfe\xff\0\0\0\0\0\0\0\x09\0\x10\x0b\0\0\4\0\1\0\0\0\0\0\0\4junk", 29},
    {"\x14\xfe\xfd\0\0\0\0\0\0\0\x09\0\1\1", 14},
    {"x", 1},
};
#define N_SHAPES ((int)(sizeof SHAPES / sizeof *SHAPES))

/* A run of 12 s with or without forged datagrams, 5 ms apart: what it sent, as a hash, and when both were open. */
static uint64_t call(int shape, const char *from, it_time open[2])
{
    P = pair_new(4, NULL, NULL);
    pair_start(P);
    for (it_time t = 0; t < 12 * IT_SEC; t += 5 * IT_MS) {
        pair_run(P, t);
        for (int i = 0; i < 2 && shape >= 0 && t < 8 * IT_SEC; i++)
            give_from(i, from ? pair_addr(from) : P->e[1 - i].base[0],
                      it_bytes_of(SHAPES[shape].bytes, SHAPES[shape].n));
    }
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(it_b_state(P->e[i].b), IT_STATE_OPEN);
        ck_assert_int_eq(pair_count(P, i, IT_EV_STALLED), 0);
        open[i] = pair_find(P, i, IT_EV_OPEN)->at;
    }
    uint64_t hash = P->hash;
    pair_free(P);
    return hash;
}

/* From an address nobody checked, and from the far side's own, which anybody can write. */
START_TEST(what_is_forged_changes_no_byte)
{
    it_time plain[2], forged[2];
    uint64_t hash = call(-1, NULL, plain);
    ck_assert_uint_eq(call(_i, "203.0.113.66:666", forged), hash);
    ck_assert_uint_eq(call(_i, NULL, forged), hash);
    ck_assert_int_eq(plain[0], forged[0]);
    ck_assert_int_eq(plain[1], forged[1]);
}
END_TEST

START_TEST(what_the_gate_drops_is_counted)
{
    it_conn_stats s;
    P = pair_new(4, NULL, NULL);
    pair_start(P);
    pair_run(P, 3 * IT_SEC);
    for (int k = 0; k < 20; k++)
        give_from(0, pair_addr("203.0.113.66:666"), it_bytes_str("x"));
    pair_run(P, 6 * IT_SEC);
    give_from(0, pair_addr("203.0.113.66:666"), it_bytes_str("x"));
    it_b_stats(P->e[0].b, &s);
    ck_assert_uint_eq(s.refused, 20);
    ck_assert_uint_eq(it_b_gate(P->e[0].b)->dropped[IT_GATE_NO_ROOM], 12);
    ck_assert_uint_eq(it_b_gate(P->e[0].b)->dropped[IT_GATE_UNVOUCHED], 8);
    pair_free(P);
}
END_TEST

/* The DTLS client is ahead: its hello comes before our own check has succeeded. It waits for that check's round trip
 * and no longer: without the gate's queue it would come again after a second. */
static int held_from;
static it_time held_until;
static bool hold_checks(pair *p, int from, it_addr src, it_addr dst, it_bytes d)
{
    (void)src;
    (void)dst;
    bool request = it_stun_is(d) && d.p[0] == 0 && d.p[1] == 1;
    return request && from == held_from && p->now < held_until;
}

START_TEST(a_hello_before_our_check_succeeded_costs_no_more_than_that_check)
{
    P = pair_new(4, NULL, NULL);
    P->drop = hold_checks;
    held_from = it_ice_tiebreaker(it_b_ice(P->e[0].b)) > it_ice_tiebreaker(it_b_ice(P->e[1].b)) ? 1 : 0;
    held_until = 500 * IT_MS; /* the server's first check is lost; the client's succeeds, and its hello goes out */
    pair_start(P);
    pair_run(P, 10 * IT_SEC);
    int server = held_from;
    const it_gate *g = it_b_gate(P->e[server].b);
    ck_assert_uint_eq(it_gate_dropped(g), 0);
    ck_assert(pair_find(P, server, IT_EV_OPEN) != NULL);
    /* The check goes out again at 550 to 600 ms; after its round trip of 40 the hello is taken, and one more round trip
     * ends the handshake. Dropped, the hello would have come again at 1.1 s. */
    ck_assert_int_le(pair_find(P, server, IT_EV_OPEN)->at, 750 * IT_MS);
    pair_free(P);
}
END_TEST

/* A blob of ours is late: the far side knows us, checks, and says hello before we know it. */
START_TEST(a_hello_before_our_answer_waits_for_it)
{
    P = pair_new(4, NULL, NULL);
    int client = it_ice_tiebreaker(it_b_ice(P->e[0].b)) > it_ice_tiebreaker(it_b_ice(P->e[1].b)) ? 0 : 1;
    P->signal_delay = 1300 * IT_MS; /* of the client's blob */
    it_b_start(P->e[client].b, 0);
    pair_pump(P);
    P->signal_delay = 50 * IT_MS;
    it_b_start(P->e[1 - client].b, 0);
    pair_run(P, 10 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert(pair_find(P, i, IT_EV_OPEN) != NULL);
        /* the blob at 1.3 s, pacing of 50 ms, a check's round trip, and one more for the handshake */
        ck_assert_int_le(pair_find(P, i, IT_EV_OPEN)->at, 1300 * IT_MS + 200 * IT_MS);
    }
    pair_free(P);
}
END_TEST

/* --- a NAT rebinds in mid-call --- */

/* From then on alice's packets come from another port, and nothing reaches the old one. */
static bool rebound(pair *p, int from, it_addr src, it_addr dst, it_bytes d)
{
    pair_item it = {.at = p->now + p->delay, .to = 1 - from, .src = src, .dst = dst};
    if (from == 0)
        it.src = mapped;
    else if (it_addr_eq(dst, mapped))
        it.dst = p->e[0].base[0];
    else
        return true;
    pair_put(p, it, d);
    return true;
}

START_TEST(a_rebind_in_mid_call_is_over_within_a_stall_and_two_round_trips)
{
    P = pair_new(4, NULL, NULL);
    pair_start(P);
    pair_run(P, 5 * IT_SEC);
    mapped = pair_addr("192.0.2.77:7777");
    P->drop = rebound;
    it_conn_stats s;
    pair_run(P, 9 * IT_SEC);
    it_b_stats(P->e[1].b, &s);
    uint64_t before = s.voice_received;
    pair_run(P, 12 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(it_b_state(P->e[i].b), IT_STATE_OPEN);
        ck_assert_int_eq(pair_count(P, i, IT_EV_DEATH), 0);
        it_b_stats(P->e[i].b, &s);
        ck_assert_int_le(s.longest_gap, 2500 * IT_MS); /* T_stall, signaling, checks */
    }
    it_b_stats(P->e[1].b, &s);
    ck_assert_uint_ge(s.voice_received - before, 140); /* 50 a second, again */
    pair_free(P);
}
END_TEST

/* --- nominations that fail --- */

static it_time dark_from;
/* Alice's first base goes dark, silently. */
static bool first_base_dark(pair *p, int from, it_addr src, it_addr dst, it_bytes d)
{
    (void)from;
    (void)d;
    return p->now >= dark_from && (it_addr_eq(src, p->e[0].base[0]) || it_addr_eq(dst, p->e[0].base[0]));
}

START_TEST(a_nomination_that_fails_costs_a_pair_and_no_call)
{
    P = pair_new((uint64_t)_i, NULL, NULL);
    pair_note(P, 0, it_b_add_base(P->e[0].b, 0, 1, P->e[0].base[1]));
    P->e[0].has[1] = true;
    P->drop = first_base_dark;
    dark_from = (70 + 10 * _i) * IT_MS;
    pair_start(P);
    pair_run(P, 60 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pair_count(P, i, IT_EV_DEATH), 0);
        ck_assert_int_eq(it_b_state(P->e[i].b), IT_STATE_OPEN);
    }
    ck_assert_int_le(pair_find(P, 0, IT_EV_OPEN)->at, 20 * IT_SEC);
    pair_free(P);
}
END_TEST

static it_time dark_until;
static bool all_dark(pair *p, int from, it_addr src, it_addr dst, it_bytes d)
{
    (void)from;
    (void)src;
    (void)dst;
    (void)d;
    return p->now >= dark_from && p->now < dark_until;
}

/* The only valid pair fails in its nomination: when patience is over B restarts, and opens before T_conn. */
START_TEST(when_no_valid_pair_is_left_it_restarts)
{
    P = pair_new(4, NULL, NULL);
    P->drop = all_dark;
    dark_from = 110 * IT_MS;
    dark_until = 30 * IT_SEC;
    pair_start(P);
    pair_run(P, 59 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pair_count(P, i, IT_EV_DEATH), 0);
        ck_assert_int_eq(it_b_state(P->e[i].b), IT_STATE_OPEN);
    }
    pair_free(P);
}
END_TEST

/* pair_pump fails when something leaves by a base that is not there. */
START_TEST(nothing_leaves_by_a_base_that_went_before_the_selection)
{
    P = pair_new(4, NULL, NULL);
    pair_note(P, 0, it_b_add_base(P->e[0].b, 0, 1, P->e[0].base[1]));
    P->e[0].has[1] = true;
    pair_start(P);
    pair_run(P, (90 + 5 * _i) * IT_MS);
    it_b_remove_base(P->e[0].b, P->now, 0);
    P->e[0].has[0] = false;
    pair_run(P, 30 * IT_SEC);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(it_b_state(P->e[i].b), IT_STATE_OPEN);
    pair_free(P);
}
END_TEST

static bool drop_data(pair *p, int from, it_addr src, it_addr dst, it_bytes d)
{
    (void)p;
    (void)from;
    (void)src;
    (void)dst;
    return !it_stun_is(d);
}

/* As with a relay that its server has forgotten: the pair goes, and no interface. */
START_TEST(a_pair_that_is_lost_before_the_opening_is_looked_for_again)
{
    it_ice_pair_view v;
    P = pair_new(4, NULL, NULL);
    pair_note(P, 0, it_b_add_base(P->e[0].b, 0, 1, P->e[0].base[1]));
    P->e[0].has[1] = true;
    P->drop = drop_data;
    pair_start(P);
    pair_run(P, 3 * IT_SEC);
    ck_assert_int_eq(it_ice_selected(it_b_ice(P->e[0].b), 0, 1, &v), 0);
    ck_assert_int_eq(it_b_state(P->e[0].b), IT_STATE_CONNECTING);
    it_ice_remove_base(P->e[0].b->ice, P->now, v.local.flow);
    P->drop = NULL;
    pair_run(P, 4 * IT_SEC); /* before the far side misses it */
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(it_b_state(P->e[i].b), IT_STATE_OPEN);
        ck_assert_uint_eq(it_ice_generation(it_b_ice(P->e[i].b)), 1);
    }
    pair_free(P);
}
END_TEST

/* stack/b/socket.c */
START_TEST(a_flow_of_the_agent_that_is_gone_is_no_transport)
{
    P = pair_new(4, NULL, NULL);
    pair_start(P);
    pair_run(P, IT_SEC);
    ck_assert_int_eq(it_b_transport_of(P->e[0].b, 0), 0);
    ck_assert_int_eq(it_b_transport_of(P->e[0].b, IT_ICE_RELAY_FLOW + 6), -1);
    ck_assert_int_eq(it_b_transport_of(P->e[0].b, IT_ICE_TCP_FLOW + 6), -1);
    ck_assert_int_eq(it_b_transport_of(P->e[0].b, IT_IO_BOUND_FLOW + 6), -1);
    pair_free(P);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("b/path");
    TCase *t = tcase_create("path");
    tcase_set_timeout(t, 60);
    tcase_add_unchecked_fixture(t, pair_once, pair_once_end);
    tcase_add_loop_test(t, what_is_forged_changes_no_byte, 0, N_SHAPES);
    tcase_add_test(t, what_the_gate_drops_is_counted);
    tcase_add_test(t, a_hello_before_our_check_succeeded_costs_no_more_than_that_check);
    tcase_add_test(t, a_hello_before_our_answer_waits_for_it);
    tcase_add_test(t, a_rebind_in_mid_call_is_over_within_a_stall_and_two_round_trips);
    tcase_add_loop_test(t, a_nomination_that_fails_costs_a_pair_and_no_call, 0, 40);
    tcase_add_test(t, when_no_valid_pair_is_left_it_restarts);
    tcase_add_loop_test(t, nothing_leaves_by_a_base_that_went_before_the_selection, 0, 40);
    tcase_add_test(t, a_pair_that_is_lost_before_the_opening_is_looked_for_again);
    tcase_add_test(t, a_flow_of_the_agent_that_is_gone_is_no_transport);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
