/* stack/rtmfp/respond.c: answering, glare, overriding and introducing, RFC 7016 sections 3.5.1.1.2, 3.5.1.3, 3.5.1.5.
 */
#include "tests/stack/rtmfp/net.h"

static net *n;

static void setup(void)
{
    n = net_new(1, NULL);
}

static void teardown(void)
{
    ck_assert_int_eq(n->err, 0);
    net_free(n);
}

/* An IHello of |hex| to end 0, |copies| of it in one packet; how many packets come back. */
static uint64_t greet(const char *hex, int copies)
{
    uint8_t room[1024], epd[256];
    it_buf b;
    it_buf_init(&b, room, sizeof room);
    for (int i = 0; i < copies; i++)
        it_rtmfp_ihello_put(&b, kit_hex(epd, hex), it_bytes_str("0123456789abcdef"));
    uint64_t before = n->sent[0];
    net_startup(n, 0, kit_addr("198.51.100.9:9"), 0, kit_buf(&b));
    return n->sent[0] - before;
}

START_TEST(an_ihello_that_selects_it_is_answered_without_state)
{
    net_start(n, 0);
    ck_assert_uint_eq(greet("020a72", 1), 1);
    ck_assert_uint_eq(n->end[0]->by_no.n, 0);
    ck_assert_uint_eq(greet("030061", 1), 0);
    ck_assert_uint_eq(greet("0077", 1), 0);
    ck_assert_ptr_null(net_last(n, 0, IT_RTMFP_EV_ASKED));
    n->end[0]->cfg.accept = false;
    ck_assert_uint_eq(greet("020a72", 1), 0);
}
END_TEST

START_TEST(a_packet_of_many_ihellos_has_one_answer)
{
    net_start(n, 0);
    ck_assert_uint_eq(greet("020a72", 20), 1);
}
END_TEST

static size_t answer_size;

static bool measure(net *w, const net_packet *p)
{
    (void)w;
    answer_size = p->n;
    return true;
}

/* The smallest IHello there is of other implementations has 52 bytes. */
START_TEST(an_answer_is_not_larger_than_it_may_be)
{
    n->cfg[0].amplify = 35;
    n->keep = measure;
    net_start(n, 0);
    ck_assert_uint_eq(greet("160a72746d66703a2f2f6c6f63616c686f73742f617070", 1), 1);
    ck_assert_uint_le(answer_size, 182);
    ck_assert_uint_eq(greet("020a72", 1), 0); /* 36 bytes */
}
END_TEST

START_TEST(an_ihello_for_somebody_else_is_told_to_an_introducer)
{
    n->cfg[0].introduce = true;
    net_start(n, 0);
    ck_assert_uint_eq(greet("030061", 1), 0);
    const net_event *e = net_last(n, 0, IT_RTMFP_EV_ASKED);
    ck_assert(e && it_bytes_eq(e->ev.epd, it_bytes_of("\x03\x00\x61", 3)));
    ck_assert(it_bytes_eq(e->ev.tag, it_bytes_str("0123456789abcdef")));
    ck_assert(it_addr_eq(e->ev.path.remote, kit_addr("198.51.100.9:9")));
}
END_TEST

/* An IIKeying that would be taken, to be played back; from end 1. */
static net_packet kept;

static bool keep_iikeying(net *w, const net_packet *p)
{
    uint8_t room[IT_IO_DGRAM_MAX];
    it_bytes payload;
    (void)w;
    if (net_peek(p, &payload, room) != IT_RTMFP_IIKEYING)
        return true;
    kept = *p;
    return false;
}

static void keep_one(void)
{
    n->keep = keep_iikeying;
    net_start(n, 0);
    net_start(n, 1);
    net_connect(n, 1, 0);
    net_run(n, IT_SEC - 1);
    ck_assert_uint_gt(kept.n, 0);
    n->keep = NULL;
}

static uint64_t play(it_addr from)
{
    uint64_t before = n->sent[0];
    net_give(n, 0, from, it_bytes_of(kept.data, kept.n));
    return n->sent[0] - before;
}

START_TEST(a_cookie_that_has_expired_opens_nothing)
{
    keep_one();
    n->now = 2 * NET_DELAY + IT_RTMFP_COOKIE_LIFE + IT_SEC;
    ck_assert_uint_eq(play(n->outer[1]), 0);
    ck_assert_uint_eq(it_rtmfp_stats_get(n->end[0]).cookies, 1);
    ck_assert_ptr_null(net_last(n, 0, IT_RTMFP_EV_OPEN));
}
END_TEST

/* RFC 7016 section 3.5.1.2: a Cookie Change, never a session. */
START_TEST(a_cookie_of_another_address_is_changed)
{
    keep_one();
    ck_assert_uint_eq(play(kit_addr("198.51.100.9:9")), 1);
    ck_assert_ptr_null(net_last(n, 0, IT_RTMFP_EV_OPEN));
}
END_TEST

START_TEST(an_iikeying_again_is_answered_again_and_opens_once)
{
    keep_one();
    for (int i = 0; i < 5; i++)
        ck_assert_uint_eq(play(n->outer[1]), 1);
    ck_assert_uint_eq(net_count(n, 0, IT_RTMFP_EV_OPEN), 1);
}
END_TEST

/* The consequence of section 3.5.1.1.2 for who gets the port of one that has vanished. */
START_TEST(another_certificate_from_the_address_of_an_open_session_is_ignored)
{
    net_pair(n);
    n->end[2] = n->end[1];
    n->outer[2] = kit_addr("198.51.100.9:9"); /* the old one is elsewhere now */
    n->end[1] = NULL;
    n->events[1] = 0;
    n->cfg[1].rng = n->cfg[3].rng;
    net_start(n, 1);
    net_connect(n, 1, 0);
    net_run(n, 10 * IT_SEC);
    ck_assert_ptr_null(net_last(n, 1, IT_RTMFP_EV_OPEN));
    ck_assert_uint_gt(it_rtmfp_stats_get(n->end[0]).refused, 0);
    ck_assert_ptr_null(net_last(n, 0, IT_RTMFP_EV_CLOSED));
    net_run(n, 60 * IT_SEC); /* until the old one is dead, as its Pings are not answered */
    ck_assert_ptr_nonnull(net_last(n, 1, IT_RTMFP_EV_OPEN));
}
END_TEST

/* RFC 7425 section 4.3.7. */
START_TEST(the_same_certificate_overrides_an_old_session)
{
    net_pair(n);
    uint32_t old = net_session(n, 0);
    it_rtmfp_free(n->end[1]);
    n->end[1] = NULL;
    net_start(n, 1); /* the same random stream: the same certificate */
    it_rng_init(&n->end[1]->rng, 77, "after a restart");
    net_connect(n, 1, 0);
    net_run(n, n->now + IT_SEC);
    const net_event *e = net_last(n, 0, IT_RTMFP_EV_CLOSED);
    ck_assert(e && e->ev.session == old && e->ev.cause == IT_RTMFP_CAUSE_OVERRIDDEN);
    ck_assert_uint_eq(net_count(n, 0, IT_RTMFP_EV_OPEN), 2);
    ck_assert_uint_eq(net_count(n, 1, IT_RTMFP_EV_OPEN), 2);
}
END_TEST

/* RFC 7016 section 3.5.1.3: whoever has the smaller certificate prevails; one session is left. */
START_TEST(in_glare_one_session_is_left_at_both_ends)
{
    net_free(n);
    n = net_new((uint64_t)_i, NULL);
    n->jitter_ms = _i % 2 ? 30 : 0;
    for (int i = 0; i < 2; i++)
        n->cfg[i].identity.is_static = true;
    net_start(n, 0);
    net_start(n, 1);
    net_connect(n, 0, 1);
    if (_i % 3 == 1)
        net_run(n, 25 * IT_MS);
    net_connect(n, 1, 0);
    net_run(n, 20 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(net_count(n, i, IT_RTMFP_EV_OPEN), 1);
        ck_assert_uint_eq(net_count(n, i, IT_RTMFP_EV_FAILED) + net_count(n, i, IT_RTMFP_EV_CLOSED), 0);
        ck_assert_uint_eq(n->end[i]->by_no.n, 1);
    }
    ck_assert(net_info(n, 0).initiator != net_info(n, 1).initiator);
    bool near = it_rtmfp_cert_prevails(n->end[0]->id.cert.raw, n->end[1]->id.cert.raw);
    if (_i % 6 == 0)
        ck_assert(net_info(n, 0).initiator == near);
}
END_TEST

START_TEST(keys_that_do_not_fit_open_nothing)
{
    uint8_t room[1024], cert[256], comp[256];
    static const char *const BAD[] = {"81020d02" KIT_PI, "021d10", "021d02 021d02", "", "021d05"};
    it_buf b;
    uint8_t cookie[IT_RTMFP_COOKIE];
    it_addr from = kit_addr("198.51.100.9:9");
    net_start(n, 0);
    it_rtmfp_cookie_make(&n->end[0]->secret, 0, from, cookie);
    for (int i = 0; i < 5; i++) {
        it_buf_init(&b, room, sizeof room);
        size_t at = it_rtmfp_iikeying_put(&b, 5, it_bytes_of(cookie, sizeof cookie), kit_hex(cert, "81021d02" KIT_PI),
                                          kit_hex(comp, BAD[i]));
        it_rtmfp_chunk_end(&b, at);
        net_startup(n, 0, from, 0, kit_buf(&b));
        ck_assert_uint_eq(it_rtmfp_stats_get(n->end[0]).refused, (uint64_t)i + 1);
    }
    ck_assert_uint_eq(n->sent[0], 0);
}
END_TEST

/* Introduces as a server does: ends 1 and 2 have sessions with end 0. */
static void introduce(void)
{
    for (uint32_t k = 0; k < n->events[0]; k++) {
        it_rtmfp_event *e = &n->event[0][k].ev;
        if (e->kind != IT_RTMFP_EV_ASKED)
            continue;
        e->kind = IT_RTMFP_EV_MOVED; /* once */
        uint32_t s = it_rtmfp_select(n->end[0], e->epd);
        it_rtmfp_info info;
        ck_assert_int_eq(it_rtmfp_describe(n->end[0], s, &info), 0);
        it_rtmfp_addr a = {info.path.remote, IT_RTMFP_ORIGIN_OBSERVED};
        ck_assert_int_eq(it_rtmfp_redirect_send(n->end[0], e->path, e->tag, &a, 1), 0);
        ck_assert_int_eq(it_rtmfp_forward(n->end[0], s, e->epd, e->path.remote, e->tag), 0);
    }
}

static void join(int i)
{
    uint8_t epd[8];
    uint32_t s;
    net_start(n, i);
    net_note(n, it_rtmfp_connect(n->end[i], n->now, kit_hex(epd, "020a72"), &n->outer[0], 1, &s));
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(net_count(n, i, IT_RTMFP_EV_OPEN), 1);
}

/* Behind NATs: nothing reaches an end but from where it has sent to. */
static it_addr asked[NET_ENDS][64];
static int asked_n[NET_ENDS];

static bool filter(net *w, const net_packet *p)
{
    for (int i = 0; i < NET_ENDS; i++)
        if (it_addr_eq(w->outer[i], p->from) && asked_n[i] < 64)
            asked[i][asked_n[i]++] = p->to;
    for (int i = 1; i < NET_ENDS; i++) {
        if (!it_addr_eq(w->outer[i], p->to))
            continue;
        for (int k = 0; k < asked_n[i]; k++)
            if (it_addr_eq(asked[i][k], p->from))
                return true;
        return false;
    }
    return true;
}

START_TEST(two_peers_behind_nats_are_introduced_by_redirect_and_forwarding)
{
    n->cfg[0].introduce = true;
    n->keep = filter;
    memset(asked_n, 0, sizeof asked_n);
    net_start(n, 0);
    join(1);
    join(2);
    ck_assert_int_eq(it_rtmfp_trust(n->end[2], net_session(n, 2)), 0);
    it_time begun = n->now;
    net_connect_at(n, 1, 2, &n->outer[0], 1);
    net_run(n, n->now + NET_DELAY);
    introduce();
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(net_count(n, 1, IT_RTMFP_EV_OPEN), 2);
    ck_assert_uint_eq(net_count(n, 2, IT_RTMFP_EV_OPEN), 2);
    ck_assert(it_addr_eq(net_info(n, 1).path.remote, n->outer[2]));
    ck_assert(net_last(n, 1, IT_RTMFP_EV_OPEN)->at - begun <= 8 * NET_DELAY);
}
END_TEST

/* RFC 7016 section 5, in both directions. */
START_TEST(a_forwarded_ihello_is_answered_only_where_it_is_trusted_and_not_without_end)
{
    n->cfg[0].introduce = true;
    net_start(n, 0);
    join(1);
    uint8_t epd[IT_RTMFP_PRINT_EPD];
    it_rtmfp_epd_of_print(it_rtmfp_print(n->end[1]), epd);
    it_bytes e = it_bytes_of(epd, sizeof epd);
    uint32_t s = net_session(n, 0);
    it_addr victim = kit_addr("198.51.100.9:9");
    for (int round = 0; round < 3; round++) {
        uint64_t before = n->sent[1];
        for (int i = 0; i < 30; i++)
            ck_assert_int_eq(it_rtmfp_forward(n->end[0], s, e, victim, it_bytes_str("tag")), 0);
        net_run(n, n->now + 2 * IT_SEC);
        ck_assert_uint_eq(n->sent[1] - before, round ? IT_RTMFP_FORWARDED : 0);
        ck_assert_int_eq(it_rtmfp_trust(n->end[1], net_session(n, 1)), 0);
    }
    ck_assert_int_eq(it_rtmfp_forward(n->end[0], s, e, kit_addr("224.0.0.1:1"), it_bytes_str("tag")), 0);
    ck_assert_int_eq(it_rtmfp_forward(n->end[0], s, it_bytes_str("\x03\0a"), victim, it_bytes_str("tag")), 0);
    ck_assert_int_eq(it_rtmfp_forward(n->end[0], s + 9, e, victim, it_bytes_str("tag")), IT_ERR_NOTFOUND);
    uint64_t before = n->sent[1];
    net_run(n, n->now + 2 * IT_SEC);
    ck_assert_uint_eq(n->sent[1], before);
}
END_TEST

START_TEST(a_redirect_has_24_addresses_at_most)
{
    it_rtmfp_addr a[25] = {{kit_addr("192.0.2.1:1"), IT_RTMFP_ORIGIN_OBSERVED}};
    static uint8_t tag[1300];
    it_rtmfp_path p = {0, n->inner[0], kit_addr("192.0.2.9:1")};
    net_start(n, 0);
    ck_assert_int_eq(it_rtmfp_redirect_send(n->end[0], p, it_bytes_str("t"), a, 25), IT_ERR_RANGE);
    ck_assert_int_eq(it_rtmfp_redirect_send(n->end[0], p, it_bytes_of(tag, sizeof tag), a, 1), IT_ERR_RANGE);
    ck_assert_int_eq(it_rtmfp_redirect_send(n->end[0], p, it_bytes_str("t"), a, 24), 0);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, an_ihello_that_selects_it_is_answered_without_state);
    tcase_add_test(t, a_packet_of_many_ihellos_has_one_answer);
    tcase_add_test(t, an_answer_is_not_larger_than_it_may_be);
    tcase_add_test(t, an_ihello_for_somebody_else_is_told_to_an_introducer);
    tcase_add_test(t, a_cookie_that_has_expired_opens_nothing);
    tcase_add_test(t, a_cookie_of_another_address_is_changed);
    tcase_add_test(t, an_iikeying_again_is_answered_again_and_opens_once);
    tcase_add_test(t, another_certificate_from_the_address_of_an_open_session_is_ignored);
    tcase_add_test(t, the_same_certificate_overrides_an_old_session);
    tcase_add_loop_test(t, in_glare_one_session_is_left_at_both_ends, 0, 24);
    tcase_add_test(t, keys_that_do_not_fit_open_nothing);
    tcase_add_test(t, two_peers_behind_nats_are_introduced_by_redirect_and_forwarding);
    tcase_add_test(t, a_forwarded_ihello_is_answered_only_where_it_is_trusted_and_not_without_end);
    tcase_add_test(t, a_redirect_has_24_addresses_at_most);
}

int main(void)
{
    return kit_main("rtmfp/respond", add);
}
