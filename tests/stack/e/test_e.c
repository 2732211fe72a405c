/* stack/e/e.c: what may leave the socket, what reaches the application, and life without memory. */
#include "tests/stack/e/pair.h"

static pair *p;

static void setup(void)
{
    p = pair_new(NULL);
}

static void teardown(void)
{
    pair_free(p);
}

START_TEST(credentials_are_ice_chars_of_the_right_length)
{
    char u[258], w[258];
    memset(u, 'u', sizeof u);
    memset(w, 'w', sizeof w);
    u[257] = w[257] = '\0';
    ck_assert_int_eq(it_e_credentials("abc", B_PWD), IT_ERR_RANGE);
    ck_assert_int_eq(it_e_credentials("abcd", B_PWD), 0);
    ck_assert_int_eq(it_e_credentials("ab:d", B_PWD), IT_ERR_RANGE);
    ck_assert_int_eq(it_e_credentials("ab+/", B_PWD), 0);
    ck_assert_int_eq(it_e_credentials("abcd", "only21charactersinhere" + 1), IT_ERR_RANGE);
    ck_assert_int_eq(it_e_credentials("abcd", ""), IT_ERR_RANGE);
    ck_assert_int_eq(it_e_credentials(NULL, B_PWD), IT_ERR_RANGE);
    ck_assert_int_eq(it_e_credentials(u, B_PWD), IT_ERR_RANGE);
    ck_assert_int_eq(it_e_credentials("abcd", w), IT_ERR_RANGE);
    u[256] = w[256] = '\0';
    ck_assert_int_eq(it_e_credentials(u, w), 0);
}
END_TEST

/* H-KE2: nothing is permitted at this point. */
START_TEST(before_any_success_nothing_can_be_sent_anywhere)
{
    it_addr to[] = {B1, B2, A1, STUN, at("[2001:db8::1]:1"), at("0.0.0.0:0"), at("255.255.255.255:9")};
    for (size_t i = 0; i < sizeof to / sizeof *to; i++)
        ck_assert_int_eq(say(p, to[i], "x"), IT_ERR_PERM);
    drain(p, &p->a);
    ck_assert_int_eq(p->a.n_sent, 0);
    ck_assert_int_eq(it_e_next(p->a.e), IT_NEVER);
}
END_TEST

START_TEST(success_for_one_address_is_none_for_another)
{
    it_addr to[] = {B2,
                    at("198.51.100.1:5001"),
                    at("198.51.100.2:5000"),
                    at("[::ffff:0:c633:6401]:5000"),
                    at("[2001:db8::1]:5000"),
                    A1,
                    STUN};
    ck_assert_int_eq(test_b(p, B1), 0);
    run(p, 100 * IT_MS);
    int before = p->a.n_sent;
    for (size_t i = 0; i < sizeof to / sizeof *to; i++)
        ck_assert_int_eq(say(p, to[i], "x"), IT_ERR_PERM);
    drain(p, &p->a);
    ck_assert_int_eq(p->a.n_sent, before);
    ck_assert_int_eq(say(p, B1, "x"), 0);
}
END_TEST

START_TEST(every_single_bit_of_the_address_matters)
{
    ck_assert_int_eq(test_b(p, B1), 0);
    run(p, 100 * IT_MS);
    for (int bit = 0; bit < 128 + 16; bit++) {
        it_addr to = B1;
        if (bit < 16)
            to.port ^= (uint16_t)(1u << bit);
        else if (bit < 80)
            to.ip.lo ^= 1ULL << (bit - 16);
        else
            to.ip.hi ^= 1ULL << (bit - 80);
        ck_assert_int_eq(say(p, to, "x"), IT_ERR_PERM);
    }
}
END_TEST

START_TEST(a_permission_lapses_30_s_after_its_success)
{
    ck_assert_int_eq(test_b(p, B1), 0);
    run(p, 100 * IT_MS);
    run(p, 30 * IT_SEC + 2 * WIRE - 1);
    ck_assert_int_eq(say(p, B1, "x"), 0);
    run(p, 30 * IT_SEC + 2 * WIRE);
    ck_assert_int_eq(say(p, B1, "x"), IT_ERR_PERM);
    ck_assert_int_eq(test_b(p, B1), IT_ERR_PERM); /* RFC 7675 section 5.1: not with the same credentials */
    run(p, p->now + 100 * IT_MS);
    ck_assert_int_eq(say(p, B1, "x"), IT_ERR_PERM);
    ck_assert_int_eq(test_b(p, B2), 0); /* another 5-tuple has never lapsed */
}
END_TEST

#define NEW_PWD "newPasswordOfBob22Letr"

static int test_new(void)
{
    it_e_check c = {.to = B1, .ufrag = "bobV", .pwd = NEW_PWD};
    return it_e_test(p->a.e, p->now, &c);
}

/* RFC 8445 section 9: a new generation has new credentials, and regains what lapsed. */
START_TEST(a_restart_regains_what_lapsed)
{
    ck_assert_int_eq(test_b(p, B1), 0);
    run(p, 40 * IT_SEC);
    ck_assert_int_eq(it_e_restart(p->b.e, p->now, "bobU", NEW_PWD), IT_ERR_RANGE);
    ck_assert_int_eq(it_e_restart(p->b.e, p->now, "bo", NEW_PWD), IT_ERR_RANGE);
    ck_assert_int_eq(it_e_restart(p->b.e, p->now, "bobV", NEW_PWD), 0);
    ck_assert_int_eq(test_new(), 0);
    run(p, p->now + 100 * IT_MS);
    ck_assert_int_eq(say(p, B1, "x"), 0);
}
END_TEST

/* Checks with the earlier credentials are answered as long as a permission lives: the news of the restart is on its
 * way. */
START_TEST(an_earlier_generation_is_answered_for_30_s)
{
    ck_assert_int_eq(it_e_restart(p->b.e, 0, "bobV", NEW_PWD), 0);
    run(p, 30 * IT_SEC - 2 * WIRE);
    ck_assert_int_eq(test_b(p, B1), 0);
    run(p, p->now + 2 * WIRE);
    ck_assert_int_eq(count(&p->a, IT_EV_SUCCESS, -1), 1);
    ck_assert_int_eq(test_b(p, B2), IT_ERR_RATE);
    run(p, 31 * IT_SEC);
    ck_assert_int_eq(test_b(p, B1), 0);
    run(p, 32 * IT_SEC);
    ck_assert_int_eq(count(&p->a, IT_EV_SUCCESS, -1), 1);
}
END_TEST

static void endless(it_e_cfg *cfg, int who)
{
    (void)who;
    cfg->expiry = IT_NEVER;
}

START_TEST(the_knob_turns_the_lapse_off)
{
    pair_free(p);
    p = pair_new(endless);
    ck_assert_int_eq(test_b(p, B1), 0);
    run(p, 1000 * IT_SEC);
    ck_assert_int_eq(say(p, B1, "x"), 0);
}
END_TEST

START_TEST(what_is_sent_arrives_as_it_is)
{
    meet(p);
    ck_assert_int_eq(say(p, B1, "123"), 0); /* its first byte could be DTLS's (RFC 7983) */
    run(p, p->now + 100 * IT_MS);
    const told *t = last(&p->b, IT_EV_MESSAGE, -1);
    ck_assert_uint_eq(t->n, 3);
    ck_assert_mem_eq(t->data, "123", 3);
    ck_assert(it_addr_eq(t->ev.remote, A1));
    ck_assert(it_addr_eq(t->ev.base, B1));
}
END_TEST

START_TEST(sizes_have_their_limits)
{
    static uint8_t big[IT_IO_DGRAM_MAX + 1];
    meet(p);
    ck_assert_int_eq(it_e_send(p->a.e, p->now, B1, ANY, it_bytes_of(big, 0)), IT_ERR_RANGE);
    ck_assert_int_eq(it_e_send(p->a.e, p->now, B1, ANY, it_bytes_of(big, sizeof big)), IT_ERR_TOOBIG);
    ck_assert_int_eq(it_e_send(p->a.e, p->now, B1, ANY, it_bytes_of(big, IT_IO_DGRAM_MAX)), 0);
    for (int i = 1; i < 64; i++)
        ck_assert_int_eq(say(p, B1, "x"), 0);
    ck_assert_int_eq(say(p, B1, "x"), IT_ERR_FULL);
    drain(p, &p->a);
    ck_assert_int_eq(say(p, B1, "x"), 0);
}
END_TEST

START_TEST(a_strangers_datagram_is_not_for_the_application)
{
    meet(p);
    input(p, &p->a, 1, B2, (const uint8_t *)"hello", 5);
    input(p, &p->a, 1, at("198.51.100.9:5000"), (const uint8_t *)"hello", 5);
    ck_assert_int_eq(count(&p->a, IT_EV_MESSAGE, -1), 0);
    input(p, &p->a, 1, B1, (const uint8_t *)"hello", 5);
    ck_assert_int_eq(count(&p->a, IT_EV_MESSAGE, -1), 1);
}
END_TEST

START_TEST(who_only_tested_us_is_heard_when_a_check_of_ours_succeeds)
{
    ck_assert_int_eq(test_b(p, B1), 0);
    run(p, 100 * IT_MS);
    ck_assert_int_eq(say(p, B1, "hello"), 0);
    run(p, 200 * IT_MS);
    ck_assert_int_eq(count(&p->b, IT_EV_MESSAGE, -1), 0);
    ck_assert_int_eq(it_e_send(p->b.e, p->now, A1, ANY, it_bytes_str("x")), IT_ERR_PERM);
    ck_assert_int_eq(test_a(p, A1), 0);
    run(p, 200 * IT_MS + 2 * WIRE - 1);
    ck_assert_int_eq(count(&p->b, IT_EV_MESSAGE, -1), 0);
    run(p, 200 * IT_MS + 2 * WIRE);
    ck_assert_int_eq(count(&p->b, IT_EV_MESSAGE, -1), 1); /* one round trip late */
    ck_assert_uint_eq(it_gate_dropped(it_e_gate(p->b.e)), 0);
}
END_TEST

START_TEST(rubbish_is_no_event)
{
    uint8_t bytes[200];
    it_rng rng;
    it_rng_init(&rng, 3, "rubbish");
    meet(p);
    int before = p->a.n_log;
    for (int i = 0; i < 20000; i++) {
        size_t n = (size_t)it_rng_below(&rng, sizeof bytes);
        it_rng_bytes(&rng, bytes, sizeof bytes);
        if (i % 2) { /* looks like STUN */
            bytes[0] &= 1;
            memcpy(bytes + 4, "\x21\x12\xa4\x42", 4);
            n &= ~(size_t)3;
            bytes[2] = 0;
            bytes[3] = (uint8_t)(n >= 20 ? n - 20 : 0);
        }
        input(p, &p->a, 1, B2, bytes, n);
    }
    ck_assert_int_eq(p->a.n_log, before);
    ck_assert_int_eq(p->a.err, 0);
}
END_TEST

START_TEST(an_interface_that_goes_takes_its_permissions_along)
{
    ck_assert_int_eq(it_e_add_base(p->a.e, 0, 2, A2), 0);
    it_e_check c = ask_b(B1);
    c.from = A2;
    ck_assert_int_eq(it_e_test(p->a.e, 0, &c), 0);
    run(p, 100 * IT_MS);
    ck_assert(it_addr_eq(last(&p->a, IT_EV_SUCCESS, -1)->ev.base, A2));
    ck_assert_int_eq(it_e_send(p->a.e, p->now, B1, A1, it_bytes_str("x")),
                     IT_ERR_PERM); /* it was the other socket that succeeded */
    ck_assert_int_eq(say(p, B1, "x"), 0);
    drain(p, &p->a);
    ck_assert(it_addr_eq(p->a.sent[p->a.n_sent - 1].from, A2));
    it_e_remove_base(p->a.e, p->now, 2);
    drain(p, &p->a);
    const told *t = last(&p->a, IT_EV_NETWORK, -1);
    ck_assert(!t->ev.up);
    ck_assert(it_addr_eq(t->ev.base, A2));
    ck_assert_int_eq(say(p, B1, "x"), IT_ERR_PERM);
    ck_assert_int_eq(it_e_add_base(p->a.e, p->now, 2, A2), 0); /* and it does not bring them back */
    ck_assert_int_eq(say(p, B1, "x"), IT_ERR_PERM);
}
END_TEST

START_TEST(bases_come_and_go_as_inputs_of_its_table)
{
    it_io in = {.kind = IT_IO_BOUND, .flow = 2, .local = A2};
    it_object_event ev;
    drain(p, &p->a);
    ck_assert_int_eq(it_e_ops.input(p->a.e, 0, &in), 0);
    ck_assert_int_eq(it_e_ops.event(p->a.e, &ev), 1);
    ck_assert(ev.kind == IT_TELLS_MODEL && ev.part == -1 && ev.u.model->kind == IT_EV_NETWORK && ev.u.model->up);
    ck_assert(it_addr_eq(ev.u.model->base, A2) && ev.u.model->flow == 2);
    in.kind = IT_IO_UNBIND;
    ck_assert_int_eq(it_e_ops.input(p->a.e, 0, &in), 0);
    ck_assert_int_eq(it_e_ops.event(p->a.e, &ev), 1);
    ck_assert(ev.u.model->kind == IT_EV_NETWORK && !ev.u.model->up && it_addr_eq(ev.u.model->base, A2));
    ck_assert_int_eq(it_e_ops.event(p->a.e, &ev), 0);
}
END_TEST

START_TEST(there_is_room_for_sixteen_bases)
{
    for (int i = 2; i <= 16; i++)
        ck_assert_int_eq(it_e_add_base(p->a.e, 0, i, it_addr_of(A2.ip, (uint16_t)i)), 0);
    ck_assert_int_eq(it_e_add_base(p->a.e, 0, 17, A2), IT_ERR_FULL);
}
END_TEST

START_TEST(a_seventeenth_base_of_the_driver_is_left_out_and_nothing_fails)
{
    it_object_event ev;
    for (int i = 2; i <= 16; i++)
        ck_assert_int_eq(it_e_add_base(p->a.e, 0, i, it_addr_of(A2.ip, (uint16_t)i)), 0);
    while (it_e_ops.event(p->a.e, &ev) == 1)
        continue;
    it_io in = {.kind = IT_IO_BOUND, .flow = 17, .local = A2};
    ck_assert_int_eq(it_e_ops.input(p->a.e, 0, &in), 0);
    ck_assert_int_eq(it_e_ops.event(p->a.e, &ev), 0);
    ck_assert(!it_e_has_base(p->a.e, A2) && it_e_has_base(p->a.e, it_addr_of(A2.ip, 16)));
    input(p, &p->a, 17, B1, (const uint8_t *)"noise", 5);
    ck_assert_int_eq(p->a.err, 0);
    in.kind = IT_IO_UNBIND;
    ck_assert_int_eq(it_e_ops.input(p->a.e, 0, &in), 0);
    ck_assert_int_eq(it_e_ops.event(p->a.e, &ev), 0);
    ck_assert_int_eq(test_b(p, B1), 0); /* and the others are what they were */
    run(p, IT_SEC);
    ck_assert_int_eq(p->a.err, 0);
}
END_TEST

/* --- without memory --- */

/* Everything once, with alice's memory ending after |n| allocations. True when it was enough. */
static bool live_with(uint64_t n)
{
    int err = 0;
    it_e_free(p->a.e);
    ck_assert_int_eq(p->a.alloc.live, 0);
    it_alloc_init_countdown(&p->a.alloc, n);
    it_e_cfg cfg = e_cfg(p, 0, &p->a.alloc);
    p->a.e = it_e_new(&cfg);
    if (!p->a.e)
        return false;
    err = err ? err : it_e_add_base(p->a.e, 0, 1, A1);
    err = err ? err : it_e_probe(p->a.e, 0, STUN, ANY, 0);
    run(p, 50 * IT_MS);
    err = err ? err : test_b(p, B1);
    err = err ? err : test_a(p, A1);
    run(p, 150 * IT_MS);
    err = err ? err : say(p, B1, "hello");
    it_e_media m = {.to = B1, .client = true, .voice = true, .remote_kind = IT_ICE_HOST}, back = {.to = A1};
    memcpy(m.fingerprint, it_dtls_cert_fingerprint(p->cert[1]), IT_SHA256_SIZE);
    memcpy(back.fingerprint, it_dtls_cert_fingerprint(p->cert[0]), IT_SHA256_SIZE);
    int one = err ? err : it_e_open_media(p->b.e, p->now, &back);
    one = one < 0 ? one : it_e_open_media(p->a.e, p->now, &m);
    err = one < 0 ? one : 0;
    run(p, 2 * IT_SEC);
    err = err ? err : it_e_media_send(p->a.e, p->now, one, it_bytes_str("message"));
    run(p, 3 * IT_SEC);
    if (!err && !p->a.err)
        ck_assert_int_eq(count(&p->b, IT_EV_MESSAGE, 0), 1);
    bool enough = !err && !p->a.err && count(&p->a, IT_EV_OPEN, 0) == 1;
    ck_assert(err == 0 || err == IT_ERR_NOMEM || err == IT_ERR_PERM || err == IT_ERR_STATE);
    return enough;
}

START_TEST(any_allocation_may_fail)
{
    for (uint64_t n = 0;; n++) {
        ck_assert_uint_lt(n, 500);
        bool enough = live_with(n);
        teardown(); /* no leak, whatever failed */
        setup();
        if (enough)
            break;
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("model/e");
    TCase *out = tcase_create("H-KE2"), *in = tcase_create("what comes"), *net = tcase_create("interfaces"),
          *oom = tcase_create("memory");
    TCase *all[] = {out, in, net, oom};
    tcase_add_test(out, credentials_are_ice_chars_of_the_right_length);
    tcase_add_test(out, before_any_success_nothing_can_be_sent_anywhere);
    tcase_add_test(out, success_for_one_address_is_none_for_another);
    tcase_add_test(out, every_single_bit_of_the_address_matters);
    tcase_add_test(out, a_permission_lapses_30_s_after_its_success);
    tcase_add_test(out, the_knob_turns_the_lapse_off);
    tcase_add_test(out, a_restart_regains_what_lapsed);
    tcase_add_test(out, an_earlier_generation_is_answered_for_30_s);
    tcase_add_test(out, what_is_sent_arrives_as_it_is);
    tcase_add_test(out, sizes_have_their_limits);
    tcase_add_test(in, a_strangers_datagram_is_not_for_the_application);
    tcase_add_test(in, who_only_tested_us_is_heard_when_a_check_of_ours_succeeds);
    tcase_add_test(in, rubbish_is_no_event);
    tcase_add_test(net, an_interface_that_goes_takes_its_permissions_along);
    tcase_add_test(net, bases_come_and_go_as_inputs_of_its_table);
    tcase_add_test(net, there_is_room_for_sixteen_bases);
    tcase_add_test(net, a_seventeenth_base_of_the_driver_is_left_out_and_nothing_fails);
    tcase_add_test(oom, any_allocation_may_fail);
    tcase_set_timeout(oom, 60);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        tcase_add_checked_fixture(all[i], setup, teardown);
        suite_add_tcase(s, all[i]);
    }
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
