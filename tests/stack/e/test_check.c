/* stack/e/check.c: which checks go out, which are answered, and what alone counts as a success. */
#include "tests/stack/e/pair.h"

#include <stdio.h>

static pair *p;

static void setup(void)
{
    p = pair_new(NULL);
}

static void teardown(void)
{
    pair_free(p);
}

static bool nothing_passes(const packet *q)
{
    (void)q;
    return false;
}

/* --- what goes out --- */

/* The only datagram that alice has sent, parsed. */
static it_stun_msg only(void)
{
    it_stun_msg m;
    ck_assert_int_eq(p->a.n_sent, 1);
    ck_assert_int_eq(it_stun_parse(&m, it_bytes_of(p->a.sent[0].data, p->a.sent[0].n)), 0);
    return m;
}

START_TEST(a_check_is_what_ice_wants_it_to_be)
{
    it_hmac_key key;
    uint32_t priority;
    uint64_t tie;
    it_e_check c = ask_b(B1);
    c.priority = 12345;
    ck_assert_int_eq(it_e_test(p->a.e, 0, &c), 0);
    drain(p, &p->a);
    it_stun_msg m = only();
    ck_assert_int_eq(m.cls, IT_STUN_REQUEST);
    ck_assert_int_eq(m.method, IT_STUN_BINDING);
    const it_stun_attr *user = it_stun_get(&m, IT_STUN_USERNAME);
    ck_assert_ptr_nonnull(user);
    ck_assert_uint_eq(user->value.n, 9);
    ck_assert_mem_eq(user->value.p, "bobU:aliU", 9); /* RFC 8445 section 7.2.2 */
    ck_assert_int_eq(it_stun_get_u32(&m, IT_STUN_PRIORITY, &priority), 0);
    ck_assert_uint_eq(priority, 12345);
    ck_assert_int_eq(it_stun_get_u64(&m, IT_STUN_ICE_CONTROLLING, &tie), 0);
    ck_assert_ptr_null(it_stun_get(&m, IT_STUN_ICE_CONTROLLED));
    ck_assert_ptr_null(it_stun_get(&m, IT_STUN_USE_CANDIDATE));
    ck_assert_uint_eq(m.attrs[m.n_attrs - 1].type, IT_STUN_FINGERPRINT);
    it_stun_key_short(&key, it_bytes_str(B_PWD));
    ck_assert_int_eq(it_stun_check(&m, &key, NULL), 0);
    ck_assert(it_addr_eq(p->a.sent[0].to, B1));
    ck_assert(it_addr_eq(p->a.sent[0].from, A1));
}
END_TEST

START_TEST(role_and_nomination_are_the_scripts)
{
    uint64_t tie;
    it_e_check c = ask_b(B1);
    c.controlling = false;
    ck_assert_int_eq(it_e_test(p->a.e, 0, &c), 0);
    drain(p, &p->a);
    it_stun_msg m = only();
    ck_assert_int_eq(it_stun_get_u64(&m, IT_STUN_ICE_CONTROLLED, &tie), 0);
    p->a.n_sent = 0;
    p->now = IT_SEC / 10;
    c.controlling = c.nominate = true;
    ck_assert_int_eq(it_e_test(p->a.e, p->now, &c), 0);
    drain(p, &p->a);
    m = only();
    ck_assert_ptr_nonnull(it_stun_get(&m, IT_STUN_USE_CANDIDATE));
    ck_assert_int_eq(it_stun_get_u64(&m, IT_STUN_ICE_CONTROLLING, &tie), 0);
}
END_TEST

/* RFC 8489 section 6.2.1: RTO 500 ms, Rc 7. */
START_TEST(an_unanswered_check_is_sent_seven_times)
{
    static const int64_t ms[] = {0, 500, 1500, 3500, 7500, 15500, 31500};
    p->pass = nothing_passes;
    ck_assert_int_eq(test_b(p, B1), 0);
    run(p, 120 * IT_SEC);
    ck_assert_int_eq(p->a.n_sent, 7);
    for (int i = 0; i < 7; i++) {
        ck_assert_int_eq(p->a.sent[i].sent, ms[i] * IT_MS);
        ck_assert_mem_eq(p->a.sent[i].data, p->a.sent[0].data, p->a.sent[0].n);
    }
    ck_assert_int_eq(it_e_next(p->a.e), IT_NEVER);
}
END_TEST

START_TEST(a_check_is_sent_as_often_as_said)
{
    p->pass = nothing_passes;
    it_e_check c = ask_b(B1);
    c.tries = 1;
    ck_assert_int_eq(it_e_test(p->a.e, 0, &c), 0);
    run(p, 120 * IT_SEC);
    ck_assert_int_eq(p->a.n_sent, 1);
}
END_TEST

START_TEST(a_check_that_cannot_be_is_refused_and_nothing_leaves)
{
    char long_name[258];
    memset(long_name, 'u', sizeof long_name);
    long_name[257] = '\0';
    it_e_check bad[10];
    for (int i = 0; i < 10; i++)
        bad[i] = ask_b(B1);
    bad[0].ufrag = "";
    bad[1].ufrag = "bob:U";
    bad[2].ufrag = long_name;
    bad[3].pwd = "";
    bad[4].pwd = "with blank";
    bad[5].pwd = long_name;
    bad[6].priority = 0x80000000u;
    bad[7].tries = 8;
    bad[8].tries = -1;
    bad[9].controlling = false;
    bad[9].nominate = true; /* RFC 8445 section 7.1.2 */
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(it_e_test(p->a.e, 0, &bad[i]), IT_ERR_RANGE);
    static const char *const NOWHERE[] = {"203.0.113.2:0",        "127.0.0.1:5000", "224.0.0.1:5000",
                                          "255.255.255.255:5000", "0.0.0.0:9",      "[::1]:5000"};
    it_e_check c;
    for (int i = 0; i < 6; i++) {
        c = ask_b(at(NOWHERE[i]));
        ck_assert_int_eq(it_e_test(p->a.e, 0, &c), IT_ERR_PERM); /* RFC 8445 section 5.1.1.1 */
    }
    c = ask_b(at("[2001:db8::1]:5000"));
    ck_assert_int_eq(it_e_test(p->a.e, 0, &c), IT_ERR_NOROUTE); /* there is no base of that family */
    c = ask_b(B1);
    c.from = A2;
    ck_assert_int_eq(it_e_test(p->a.e, 0, &c), IT_ERR_NOROUTE); /* nor that one */
    drain(p, &p->a);
    ck_assert_int_eq(p->a.n_sent, 0);
    ck_assert_int_eq(test_b(p, B1), 0); /* and no refusal has used up the rate */
}
END_TEST

START_TEST(the_longest_credentials_fit)
{
    char name[257], pwd[257];
    memset(name, 'u', 256);
    memset(pwd, 'p', 256);
    name[256] = pwd[256] = '\0';
    it_e_check c = {.to = B1, .ufrag = name, .pwd = pwd};
    ck_assert_int_eq(it_e_test(p->a.e, 0, &c), 0);
    drain(p, &p->a);
    it_stun_msg m = only();
    ck_assert_uint_eq(it_stun_get(&m, IT_STUN_USERNAME)->value.n, 256 + 1 + 4);
}
END_TEST

/* --- the limits --- */

START_TEST(one_new_transaction_every_50_ms)
{
    ck_assert_int_eq(test_b(p, B1), 0);
    ck_assert_int_eq(test_b(p, at("198.51.100.2:1")), IT_ERR_RATE);
    ck_assert_int_eq(it_e_probe(p->a.e, p->now, STUN, ANY, 0), IT_ERR_RATE);
    p->now = 50 * IT_MS - 1;
    ck_assert_int_eq(test_b(p, at("198.51.100.2:1")), IT_ERR_RATE);
    drain(p, &p->a);
    ck_assert_int_eq(p->a.n_sent, 1); /* what was refused left nothing */
    p->now = 50 * IT_MS;
    ck_assert_int_eq(it_e_probe(p->a.e, p->now, STUN, ANY, 0), 0);
    ck_assert_int_eq(test_b(p, at("198.51.100.2:1")), IT_ERR_RATE);
}
END_TEST

/* Starts five that nobody answers, on five ports. */
static void five(void)
{
    p->pass = nothing_passes;
    for (uint16_t i = 0; i < 5; i++) {
        run(p, i * 50 * IT_MS);
        ck_assert_int_eq(test_b(p, it_addr_of(B1.ip, (uint16_t)(7000 + i))), 0);
    }
    run(p, 250 * IT_MS);
}

START_TEST(five_unanswered_ones_to_one_machine_whatever_the_port)
{
    five();
    ck_assert_int_eq(test_b(p, B1), IT_ERR_RATE);
    ck_assert_int_eq(test_b(p, at("198.51.100.2:5000")), 0); /* another machine */
    run(p, 39 * IT_SEC);
    ck_assert_int_eq(test_b(p, B1), IT_ERR_RATE);
    run(p, 39500 * IT_MS); /* the first has timed out: 31.5 s and 16 RTO */
    ck_assert_int_eq(test_b(p, B1), 0);
    run(p, p->now + 50 * IT_MS);
    ck_assert_int_eq(test_b(p, B2), 0); /* and the second by now */
    run(p, p->now + 49 * IT_MS);
    ck_assert_int_eq(test_b(p, B2), IT_ERR_RATE);
}
END_TEST

START_TEST(an_answer_makes_room)
{
    p->pass = NULL;
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(test_b(p, B1), 0);
        run(p, p->now + 50 * IT_MS);
    }
    ck_assert_int_eq(count(&p->a, IT_EV_SUCCESS, -1), 20);
}
END_TEST

/* H-K3: what a hostile script can make a stranger receive in a minute, whatever it does. */
START_TEST(a_flood_is_bounded)
{
    size_t bytes = 0;
    p->pass = nothing_passes;
    for (int ms = 0; ms < 60000; ms++) {
        run(p, ms * IT_MS);
        it_e_check c = {.to = it_addr_of(B1.ip, (uint16_t)(1 + ms)), .ufrag = "any", .pwd = "any"};
        int err = it_e_test(p->a.e, p->now, &c);
        ck_assert(err == 0 || err == IT_ERR_RATE);
        ck_assert_int_eq(say(p, B1, "flood"), IT_ERR_PERM);
    }
    for (int i = 0; i < p->a.n_sent; i++)
        bytes += p->a.sent[i].n;
    ck_assert_int_le(p->a.n_sent, 2 * 5 * 7);
    ck_assert_uint_le(bytes, 2 * 5 * 7 * 100);
}
END_TEST

/* Tests the machine number |i| of the network of |base|, as often as the limits let it: how many start. */
static int hammer(const char *form, int machines)
{
    int started = 0;
    p->pass = nothing_passes;
    for (int i = 0; i < machines; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, form, i + 1);
        run(p, p->now + 50 * IT_MS);
        started += test_b(p, at(text)) == 0;
    }
    return started;
}

/* RFC 8445 sections 5.1.1.1, 19.5.1: what a script can make a whole network receive, and all strangers together. */
START_TEST(unanswered_ones_into_one_network_are_few)
{
    ck_assert_int_eq(hammer("198.51.100.%d:5000", 200), IT_E_UNANSWERED_NET);
    ck_assert_int_eq(hammer("203.0.113.%d:5000", 200), IT_E_UNANSWERED_SUM - IT_E_UNANSWERED_NET);
}
END_TEST

START_TEST(a_64_is_one_network)
{
    ck_assert_int_eq(it_e_add_base(p->a.e, 0, 2, at("[2001:db8:1::1]:1")), 0);
    ck_assert_int_eq(hammer("[2001:db8:2::%d]:5000", 100), IT_E_UNANSWERED_NET);
    ck_assert_int_eq(hammer("[2001:db8:3::%d]:5000", 5), 5);
}
END_TEST

START_TEST(strangers_in_flight_do_not_stop_a_consent_check)
{
    p->pass = NULL;
    ck_assert_int_eq(test_b(p, B1), 0);
    run(p, 100 * IT_MS);
    ck_assert_int_eq(hammer("203.0.113.%d:5000", 24), 24);
    ck_assert_int_eq(hammer("192.0.2.%d:5000", 100), 8);
    run(p, p->now + 50 * IT_MS);
    ck_assert_int_eq(test_b(p, at("192.0.2.200:1")), IT_ERR_RATE);
    ck_assert_int_eq(test_b(p, B1), 0);
}
END_TEST

/* What left by an interface that is gone reaches nobody any more: its places are free for the others. */
START_TEST(what_a_base_that_went_had_under_way_takes_no_place)
{
    it_addr other = it_addr_of(A2.ip, 3000);
    ck_assert_int_eq(it_e_add_base(p->a.e, 0, 2, other), 0);
    ck_assert_int_eq(hammer("198.51.100.%d:5000", 24), 24); /* from A1, the first */
    ck_assert_int_eq(hammer("203.0.113.%d:5000", 100), 8);
    it_e_check c = {.to = at("192.0.2.200:1"), .from = other, .ufrag = "bobU", .pwd = B_PWD};
    run(p, p->now + 50 * IT_MS);
    ck_assert_int_eq(it_e_test(p->a.e, p->now, &c), IT_ERR_RATE);
    it_e_remove_base(p->a.e, p->now, 1);
    int sent = p->a.n_sent;
    ck_assert_int_eq(it_e_test(p->a.e, p->now, &c), 0);
    run(p, p->now + 60 * IT_SEC);
    for (int i = sent; i < p->a.n_sent; i++)
        ck_assert(it_addr_eq(p->a.sent[i].to, c.to));
}
END_TEST

/* Seven interfaces of one side, four candidates of the other, all of them silent: five at a time at each. */
START_TEST(seven_interfaces_may_test_four_candidates)
{
    static const char *const FAR[] = {"198.51.100.1:5000", "198.51.100.2:6000", "10.0.0.7:5000", "203.0.113.7:5000"};
    p->pass = nothing_passes;
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(it_e_add_base(p->a.e, 0, 2 + i, it_addr_of(A2.ip, (uint16_t)(3000 + i))), 0);
    for (int i = 0; i < 7; i++)
        for (int k = 0; k < 4; k++) {
            it_e_check c = {.to = at(FAR[k]), .ufrag = "bobU", .pwd = B_PWD};
            c.from = i ? it_addr_of(A2.ip, (uint16_t)(2999 + i)) : A1;
            run(p, p->now + 50 * IT_MS);
            ck_assert_int_eq(it_e_test(p->a.e, p->now, &c), i < 5 ? 0 : IT_ERR_RATE);
        }
}
END_TEST

/* --- what counts as a success --- */

START_TEST(the_right_answer_permits_and_tells)
{
    ck_assert_int_eq(test_b(p, B1), 0);
    run(p, 100 * IT_MS);
    const told *t = last(&p->a, IT_EV_SUCCESS, -1);
    ck_assert(it_addr_eq(t->ev.remote, B1));
    ck_assert(it_addr_eq(t->ev.local, A1)); /* no NAT here: the reflexive address is the base */
    ck_assert(it_addr_eq(t->ev.base, A1));
    ck_assert_str_eq(t->user, "bobU");
    ck_assert_int_eq(t->ev.at, 2 * WIRE);
    ck_assert_int_eq(say(p, B1, "hello"), 0);
}
END_TEST

/* How a forged answer is bent. */
typedef struct forgery {
    it_addr from;
    int flow;
    const char *pwd; /* signs it; NULL: no integrity */
    bool sha256, no_print, no_address, error, other_id;
    uint16_t extra; /* a comprehension-required attribute nobody knows */
} forgery;

/* Hands alice an answer to her first request as |f| says. */
static void forge(const forgery *f)
{
    uint8_t bytes[300];
    it_buf b;
    it_hmac_key key;
    it_stun_msg q;
    ck_assert_int_eq(it_stun_parse(&q, it_bytes_of(p->a.sent[0].data, p->a.sent[0].n)), 0);
    if (f->other_id)
        q.txid[11] ^= 1;
    it_buf_init(&b, bytes, sizeof bytes);
    it_stun_begin(&b, f->error ? IT_STUN_ERROR : IT_STUN_SUCCESS, IT_STUN_BINDING, q.txid);
    if (f->error)
        it_stun_put_error(&b, 400, NULL);
    else if (!f->no_address)
        it_stun_put_addr(&b, IT_STUN_XOR_MAPPED_ADDRESS, A1);
    if (f->extra)
        it_stun_put(&b, f->extra, it_bytes_of("1234", 4));
    if (f->pwd) {
        it_stun_key_short(&key, it_bytes_str(f->pwd));
        if (f->sha256)
            it_stun_put_integrity_sha256(&b, &key);
        else
            it_stun_put_integrity(&b, &key);
    }
    if (!f->no_print)
        it_stun_put_fingerprint(&b);
    int n = it_stun_end(&b);
    ck_assert_int_gt(n, 0);
    input(p, &p->a, f->flow ? f->flow : 1, f->from, bytes, (size_t)n);
}

static void ask_unheard(void)
{
    p->pass = nothing_passes;
    ck_assert_int_eq(it_e_add_base(p->a.e, 0, 2, A2), 0);
    ck_assert_int_eq(test_b(p, B1), 0);
    run(p, 100 * IT_MS);
    p->a.n_log = 0;
}

/* Nothing is permitted, from no base. */
static void nothing_permitted(void)
{
    ck_assert_int_eq(count(&p->a, IT_EV_SUCCESS, -1), 0);
    ck_assert_int_eq(say(p, B1, "x"), IT_ERR_PERM);
    ck_assert_int_eq(say(p, B2, "x"), IT_ERR_PERM);
    ck_assert_int_eq(it_e_send(p->a.e, p->now, B1, A2, it_bytes_str("x")), IT_ERR_PERM);
}

START_TEST(an_answer_that_is_not_exactly_right_is_as_if_it_never_came)
{
    forgery bad[] = {
        {.from = B2, .pwd = B_PWD},                       /* another port */
        {.from = at("198.51.100.2:5000"), .pwd = B_PWD},  /* another address */
        {.from = at("[2001:db8::1]:5000"), .pwd = B_PWD}, /* another family */
        {.from = B1, .flow = 2, .pwd = B_PWD},            /* at another socket */
        {.from = B1, .other_id = true, .pwd = B_PWD},     /* to another transaction */
        {.from = B1, .pwd = A_PWD},                       /* signed with another password */
        {.from = B1, .pwd = A_PWD, .sha256 = true},
        {.from = B1},                                 /* not signed */
        {.from = B1, .pwd = B_PWD, .no_print = true}, /* RFC 8445 section 7.2.4 */
        {.from = B1, .error = true},                  /* an error that anybody could make */
        {.from = B2, .error = true, .pwd = B_PWD},
    };
    ask_unheard();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        forge(&bad[i]);
        nothing_permitted();
    }
    /* None of them has ended the transaction: the right answer still counts. */
    forge(&(forgery){.from = B1, .pwd = B_PWD});
    ck_assert_int_eq(count(&p->a, IT_EV_SUCCESS, -1), 1);
    ck_assert_int_eq(say(p, B1, "x"), 0);
    ck_assert_int_eq(say(p, B2, "x"), IT_ERR_PERM);
    ck_assert_int_eq(it_e_send(p->a.e, p->now, B1, A2, it_bytes_str("x")), IT_ERR_PERM);
}
END_TEST

START_TEST(an_authentic_answer_without_success_ends_the_check_and_permits_nothing)
{
    forgery bad[] = {
        {.from = B1, .pwd = B_PWD, .error = true},
        {.from = B1, .pwd = B_PWD, .no_address = true},
        {.from = B1, .pwd = B_PWD, .extra = 0x7abc}, /* RFC 8489 section 6.3.3 */
    };
    ask_unheard();
    forge(&bad[_i]);
    nothing_permitted();
    forge(&(forgery){.from = B1, .pwd = B_PWD}); /* too late */
    nothing_permitted();
    run(p, 60 * IT_SEC);
    ck_assert_int_eq(p->a.n_sent, 1); /* no retransmission */
}
END_TEST

/* RFC 8489 section 9.1.4: the algorithm of the response has to match that of the request, which was SHA-1. */
START_TEST(integrity_by_another_algorithm_than_the_requests_counts_for_nothing)
{
    ask_unheard();
    forge(&(forgery){.from = B1, .pwd = B_PWD, .sha256 = true});
    ck_assert_int_eq(count(&p->a, IT_EV_SUCCESS, -1), 0);
    forge(&(forgery){.from = B1, .pwd = B_PWD}); /* the right one may still come */
    ck_assert_int_eq(count(&p->a, IT_EV_SUCCESS, -1), 1);
}
END_TEST

START_TEST(an_answer_with_any_bit_changed_counts_for_nothing)
{
    ck_assert_int_eq(test_b(p, B1), 0);
    drain(p, &p->a);
    input(p, &p->b, 1, A1, p->a.sent[0].data, p->a.sent[0].n);
    ck_assert_int_eq(p->b.n_sent, 1);
    packet good = p->b.sent[0];
    for (size_t i = 0; i < 8 * good.n; i++) {
        packet bent = good;
        bent.data[i / 8] ^= (uint8_t)(1u << i % 8);
        input(p, &p->a, 1, B1, bent.data, bent.n);
        ck_assert_int_eq(count(&p->a, IT_EV_SUCCESS, -1), 0);
    }
    ck_assert_int_eq(say(p, B1, "x"), IT_ERR_PERM);
    input(p, &p->a, 1, B1, good.data, good.n);
    ck_assert_int_eq(count(&p->a, IT_EV_SUCCESS, -1), 1);
}
END_TEST

START_TEST(a_replayed_answer_renews_nothing)
{
    ck_assert_int_eq(test_b(p, B1), 0);
    run(p, 100 * IT_MS);
    packet good = p->b.sent[0];
    run(p, 20 * IT_SEC);
    input(p, &p->a, 1, B1, good.data, good.n);
    ck_assert_int_eq(count(&p->a, IT_EV_SUCCESS, -1), 1);
    run(p, 30 * IT_SEC + 2 * WIRE);
    ck_assert_int_eq(say(p, B1, "x"), IT_ERR_PERM);
}
END_TEST

START_TEST(an_answer_after_the_time_out_is_too_late)
{
    ask_unheard();
    run(p, 40 * IT_SEC);
    forge(&(forgery){.from = B1, .pwd = B_PWD});
    nothing_permitted();
}
END_TEST

START_TEST(an_answer_after_its_interface_went_permits_nothing)
{
    ask_unheard();
    it_e_remove_base(p->a.e, p->now, 1);
    forge(&(forgery){.from = B1, .pwd = B_PWD});
    nothing_permitted();
}
END_TEST

/* --- what comes in --- */

typedef struct question {
    const char *user, *pwd;
    bool no_print, no_priority, use, no_port;
    uint16_t method, extra;
    enum it_stun_class cls;
} question;

/* Hands bob a request from alice's address as |q| says. */
static void put_question(const question *q)
{
    static const uint8_t id[IT_STUN_TXID] = "twelve bytes";
    uint8_t bytes[900];
    it_buf b;
    it_hmac_key key;
    it_buf_init(&b, bytes, sizeof bytes);
    it_stun_begin(&b, q->cls, q->method ? q->method : IT_STUN_BINDING, id);
    if (q->user)
        it_stun_put(&b, IT_STUN_USERNAME, it_bytes_str(q->user));
    if (!q->no_priority)
        it_stun_put_u32(&b, IT_STUN_PRIORITY, 77);
    it_stun_put_u64(&b, IT_STUN_ICE_CONTROLLING, 1);
    if (q->use)
        it_stun_put(&b, IT_STUN_USE_CANDIDATE, it_bytes_of(NULL, 0));
    if (q->extra)
        it_stun_put(&b, q->extra, it_bytes_of("1234", 4));
    if (q->pwd) {
        it_stun_key_short(&key, it_bytes_str(q->pwd));
        it_stun_put_integrity(&b, &key);
    }
    if (!q->no_print)
        it_stun_put_fingerprint(&b);
    int n = it_stun_end(&b);
    ck_assert_int_gt(n, 0);
    p->b.n_sent = 0;
    input(p, &p->b, 1, q->no_port ? it_addr_of(A1.ip, 0) : A1, bytes, (size_t)n);
}

/* The code of bob's answer: 0 for success, -1 when he said nothing. */
static int code_of_answer(void)
{
    it_stun_msg m;
    int code = 0;
    if (p->b.n_sent == 0)
        return -1;
    ck_assert_int_eq(p->b.n_sent, 1);
    ck_assert(it_addr_eq(p->b.sent[0].to, A1));
    ck_assert_int_eq(it_stun_parse(&m, it_bytes_of(p->b.sent[0].data, p->b.sent[0].n)), 0);
    if (m.cls == IT_STUN_ERROR)
        ck_assert_int_eq(it_stun_get_error(&m, &code, NULL), 0);
    return code;
}

START_TEST(a_valid_check_is_told_and_answered_and_permits_nothing)
{
    it_stun_msg m;
    it_addr mapped;
    it_hmac_key key;
    put_question(&(question){.user = "bobU:aliU", .pwd = B_PWD, .use = true});
    ck_assert_int_eq(code_of_answer(), 0);
    ck_assert_int_eq(it_stun_parse(&m, it_bytes_of(p->b.sent[0].data, p->b.sent[0].n)), 0);
    ck_assert_int_eq(it_stun_get_addr(&m, IT_STUN_XOR_MAPPED_ADDRESS, &mapped), 0);
    ck_assert(it_addr_eq(mapped, A1));
    it_stun_key_short(&key, it_bytes_str(B_PWD));
    ck_assert_int_eq(it_stun_check(&m, &key, NULL), 0);
    const told *t = last(&p->b, IT_EV_TEST, -1);
    ck_assert(it_addr_eq(t->ev.remote, A1));
    ck_assert(it_addr_eq(t->ev.base, B1));
    ck_assert_str_eq(t->user, "aliU");
    ck_assert_uint_eq(t->ev.priority, 77);
    ck_assert(t->ev.controlling && t->ev.nominate);
    ck_assert_int_eq(it_e_send(p->b.e, 0, A1, ANY, it_bytes_str("x")), IT_ERR_PERM);
}
END_TEST

START_TEST(a_check_that_is_not_valid_is_no_event)
{
    static const struct {
        question q;
        int code;
    } bad[] = {
        {{.pwd = B_PWD}, 400}, /* RFC 8489 section 9.1.3 */
        {{.user = "bobU:aliU"}, 400},
        {{.user = "bobX:aliU", .pwd = B_PWD}, 401},
        {{.user = "bobUx:aliU", .pwd = B_PWD}, 401},
        {{.user = "bob:aliU", .pwd = B_PWD}, 401},
        {{.user = "bobU", .pwd = B_PWD}, 401},
        {{.user = "bobU:", .pwd = B_PWD}, 401},
        {{.user = "bobU:aliU", .pwd = A_PWD}, 401},
        {{.user = "bobU:aliU", .pwd = B_PWD, .no_priority = true}, 400}, /* RFC 8445 section 7.1.1 */
        {{.user = "bobU:aliU", .pwd = B_PWD, .extra = 0x7abc}, 420},     /* RFC 8489 section 6.3.1 */
        {{.user = "bobU:aliU", .pwd = B_PWD, .no_print = true}, -1},     /* RFC 8445 section 7.3 */
        {{.user = "bobU:aliU", .pwd = B_PWD, .method = IT_STUN_ALLOCATE}, -1},
        {{.user = "bobU:aliU", .pwd = B_PWD, .cls = IT_STUN_INDICATION}, -1},
        {{.user = "bobU:aliU", .pwd = B_PWD, .no_port = true}, -1}, /* RFC 768: source port 0 wants no answer */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put_question(&bad[i].q);
        ck_assert_int_eq(code_of_answer(), bad[i].code);
        ck_assert_int_eq(count(&p->b, IT_EV_TEST, -1), 0);
    }
}
END_TEST

/* What a refusal says besides its code: RFC 8489 sections 6.3.1, 9.1.3, 14.9. */
START_TEST(a_refusal_has_the_attributes_of_its_code)
{
    static const struct {
        question q;
        bool integrity; /* the request proved who sent it, so the answer is proved too */
        uint16_t unknown;
    } CASES[] = {
        {{.pwd = B_PWD}, false, 0},
        {{.user = "bobU:aliU", .pwd = A_PWD}, false, 0},
        {{.user = "bobU:aliU", .pwd = B_PWD, .no_priority = true}, true, 0},
        {{.user = "bobU:aliU", .pwd = B_PWD, .extra = 0x7abc}, true, 0x7abc},
        {{.user = "bobU:aliU", .pwd = B_PWD, .extra = 0x0042}, true, 0x0042},
    };
    it_stun_msg m;
    it_hmac_key key;
    uint16_t types[8];
    it_stun_key_short(&key, it_bytes_str(B_PWD));
    put_question(&CASES[_i].q);
    ck_assert_int_gt(code_of_answer(), 0);
    ck_assert_int_eq(it_stun_parse(&m, it_bytes_of(p->b.sent[0].data, p->b.sent[0].n)), 0);
    ck_assert_ptr_nonnull(it_stun_get(&m, IT_STUN_FINGERPRINT));
    ck_assert_ptr_nonnull(it_stun_get(&m, IT_STUN_ERROR_CODE));
    ck_assert_mem_eq(m.txid, "twelve bytes", IT_STUN_TXID);
    ck_assert_int_eq(it_stun_get(&m, IT_STUN_MESSAGE_INTEGRITY) != NULL, CASES[_i].integrity);
    if (CASES[_i].integrity)
        ck_assert_int_eq(it_stun_check(&m, &key, NULL), 0);
    ck_assert_int_eq(it_stun_get(&m, IT_STUN_UNKNOWN_ATTRIBUTES) != NULL, CASES[_i].unknown != 0);
    if (CASES[_i].unknown) {
        ck_assert_int_eq(it_stun_get_types(&m, IT_STUN_UNKNOWN_ATTRIBUTES, types, 8), 1);
        ck_assert_uint_eq(types[0], CASES[_i].unknown);
    }
}
END_TEST

/* RFC 8489 section 6.3: ignored. */
START_TEST(a_check_with_a_known_attribute_that_nobody_expects_is_valid)
{
    put_question(&(question){.user = "bobU:aliU", .pwd = B_PWD, .extra = IT_STUN_REALM});
    ck_assert_int_eq(code_of_answer(), 0);
    ck_assert_int_eq(count(&p->b, IT_EV_TEST, -1), 1);
}
END_TEST

START_TEST(a_refusal_is_no_larger_than_what_it_refuses)
{
    put_question(&(question){.user = "bobU:aliU", .pwd = A_PWD});
    ck_assert_int_eq(p->b.n_sent, 1);
    ck_assert_uint_le(p->b.sent[0].n, 20 + 9 + 3 + 4 + 8 + 12 + 24 + 8);
}
END_TEST

/* --- probes --- */

START_TEST(a_probe_tells_the_address_and_permits_nothing)
{
    uint8_t bytes[100];
    it_buf b;
    it_stun_msg q;
    ck_assert_int_eq(it_e_probe(p->a.e, 0, STUN, ANY, 0), 0);
    drain(p, &p->a);
    q = only();
    ck_assert_uint_eq(q.n_attrs, 1); /* FINGERPRINT alone: a bare Binding request */
    it_buf_init(&b, bytes, sizeof bytes);
    it_stun_begin(&b, IT_STUN_SUCCESS, IT_STUN_BINDING, q.txid);
    it_stun_put_addr(&b, IT_STUN_XOR_MAPPED_ADDRESS, at("203.0.113.77:7"));
    int n = it_stun_end(&b);
    input(p, &p->a, 1, at("203.0.113.1:3479"), bytes, (size_t)n); /* not from there */
    ck_assert_int_eq(count(&p->a, IT_EV_REFLEXIVE, -1), 0);
    input(p, &p->a, 1, STUN, bytes, (size_t)n);
    const told *t = last(&p->a, IT_EV_REFLEXIVE, -1);
    ck_assert(it_addr_eq(t->ev.local, at("203.0.113.77:7")));
    ck_assert(it_addr_eq(t->ev.base, A1));
    ck_assert_int_eq(say(p, STUN, "x"), IT_ERR_PERM);
    ck_assert_int_eq(count(&p->a, IT_EV_SUCCESS, -1), 0);
}
END_TEST

START_TEST(only_a_configured_server_is_probed)
{
    ck_assert_int_eq(it_e_probe(p->a.e, 0, B1, ANY, 0), IT_ERR_PERM);
    ck_assert_int_eq(it_e_probe(p->a.e, 0, at("203.0.113.1:53"), ANY, 0), IT_ERR_PERM);
    ck_assert_int_eq(it_e_probe(p->a.e, 0, STUN, A2, 0), IT_ERR_NOROUTE);
    drain(p, &p->a);
    ck_assert_int_eq(p->a.n_sent, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("model/e_check");
    TCase *out = tcase_create("RFC 8445 section 7.1"), *limits = tcase_create("limits"),
          *right = tcase_create("RFC 8445 section 7.2.5"), *in = tcase_create("RFC 8445 section 7.3"),
          *probe = tcase_create("probes");
    TCase *all[] = {out, limits, right, in, probe};
    tcase_add_test(out, a_check_is_what_ice_wants_it_to_be);
    tcase_add_test(out, role_and_nomination_are_the_scripts);
    tcase_add_test(out, an_unanswered_check_is_sent_seven_times);
    tcase_add_test(out, a_check_is_sent_as_often_as_said);
    tcase_add_test(out, a_check_that_cannot_be_is_refused_and_nothing_leaves);
    tcase_add_test(out, the_longest_credentials_fit);
    tcase_add_test(limits, one_new_transaction_every_50_ms);
    tcase_add_test(limits, five_unanswered_ones_to_one_machine_whatever_the_port);
    tcase_add_test(limits, an_answer_makes_room);
    tcase_add_test(limits, a_flood_is_bounded);
    tcase_add_test(limits, unanswered_ones_into_one_network_are_few);
    tcase_add_test(limits, a_64_is_one_network);
    tcase_add_test(limits, what_a_base_that_went_had_under_way_takes_no_place);
    tcase_add_test(limits, strangers_in_flight_do_not_stop_a_consent_check);
    tcase_add_test(limits, seven_interfaces_may_test_four_candidates);
    tcase_add_test(right, the_right_answer_permits_and_tells);
    tcase_add_test(right, an_answer_that_is_not_exactly_right_is_as_if_it_never_came);
    tcase_add_loop_test(right, an_authentic_answer_without_success_ends_the_check_and_permits_nothing, 0, 3);
    tcase_add_test(right, integrity_by_another_algorithm_than_the_requests_counts_for_nothing);
    tcase_add_test(right, an_answer_with_any_bit_changed_counts_for_nothing);
    tcase_add_test(right, a_replayed_answer_renews_nothing);
    tcase_add_test(right, an_answer_after_the_time_out_is_too_late);
    tcase_add_test(right, an_answer_after_its_interface_went_permits_nothing);
    tcase_add_test(in, a_valid_check_is_told_and_answered_and_permits_nothing);
    tcase_add_test(in, a_check_that_is_not_valid_is_no_event);
    tcase_add_loop_test(in, a_refusal_has_the_attributes_of_its_code, 0, 5);
    tcase_add_test(in, a_check_with_a_known_attribute_that_nobody_expects_is_valid);
    tcase_add_test(in, a_refusal_is_no_larger_than_what_it_refuses);
    tcase_add_test(probe, a_probe_tells_the_address_and_permits_nothing);
    tcase_add_test(probe, only_a_configured_server_is_probed);
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
