/* stack/rtmfp/end.c: which datagram is for whom, and what is dropped: RFC 7016 sections 2.2.2 to 2.3, RFC 7425 section
 * 4.7. */
#include "tests/stack/rtmfp/net.h"

static net *n;

static void setup(void)
{
    n = net_new(1, NULL);
    n->cfg[0].policy = (it_rtmfp_policy){.mac = IT_RTMFP_REQUIRE, .seq = IT_RTMFP_REQUIRE};
}

static void teardown(void)
{
    ck_assert_int_eq(n->err, 0);
    net_free(n);
}

static net_packet last;

static bool note(net *w, const net_packet *p)
{
    if (it_addr_eq(p->from, w->outer[1]))
        last = *p;
    return true;
}

/* Everything of end 0 that a packet could have changed. */
typedef struct state {
    it_rtmfp_path path;
    it_time rx_at, next;
    uint64_t above, seen;
    it_rtmfp_rtt rtt;
    uint32_t events;
    uint64_t sent;
} state;

static state look(void)
{
    it_rtmfp_session *s = it_rtmfp_session_no(n->end[0], net_session(n, 0));
    state st;
    memset(&st, 0, sizeof st);
    st.path = s->path;
    st.rx_at = s->rx_at;
    st.next = it_rtmfp_next(n->end[0]);
    st.above = s->keys.above;
    st.seen = s->keys.seen;
    st.rtt = s->rtt;
    st.events = n->events[0];
    st.sent = n->sent[0];
    return st;
}

static void unchanged(const state *a)
{
    state b = look();
    ck_assert(it_addr_eq(a->path.remote, b.path.remote) && a->rx_at == b.rx_at && a->next == b.next);
    ck_assert(a->above == b.above && a->seen == b.seen && a->events == b.events && a->sent == b.sent);
    ck_assert(a->rtt.rx == b.rtt.rx && a->rtt.srtt == b.rtt.srtt && a->rtt.erto == b.rtt.erto);
}

/* From a stranger, replayed, reflected, mutated, cut: nothing changes. */
START_TEST(what_is_not_authentic_changes_nothing)
{
    uint8_t junk[64] = {1, 2, 3};
    n->keep = note;
    net_pair(n);
    net_run(n, n->now + 30 * IT_SEC);
    it_addr stranger = kit_addr("198.51.100.9:9");
    n->now += 2 * IT_SEC;
    state before = look();
    net_give(n, 0, n->outer[1], it_bytes_of(last.data, last.n)); /* replayed */
    net_give(n, 0, stranger, it_bytes_of(last.data, last.n));
    ck_assert_uint_eq(it_rtmfp_stats_get(n->end[0]).replayed, 2);
    for (size_t bit = 0; bit < last.n * 8; bit++) {
        last.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        net_give(n, 0, stranger, it_bytes_of(last.data, last.n));
        last.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t size = 0; size < last.n; size++)
        net_give(n, 0, n->outer[1], it_bytes_of(last.data, size));
    net_give(n, 0, stranger, it_bytes_of(junk, sizeof junk));
    unchanged(&before);
    it_rtmfp_stats st = it_rtmfp_stats_get(n->end[0]);
    ck_assert_uint_gt(st.unknown, 0);
    ck_assert_uint_gt(st.forged, 0);
}
END_TEST

/* RFC 7016 section 2.3: the chunks of startup have session 0, or the ID of who opens. */
START_TEST(startup_chunks_of_a_session_are_not_taken)
{
    uint8_t room[256], epd[8];
    it_buf b;
    net_pair(n);
    state before = look();
    it_rtmfp_session *s = it_rtmfp_session_no(n->end[0], net_session(n, 0));
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_ihello_put(&b, kit_hex(epd, "020a72"), it_bytes_str("tag"));
    net_startup(n, 0, n->outer[1], s->rx_sid, kit_buf(&b)); /* sealed by the default key */
    net_startup(n, 0, n->outer[1], s->rx_sid + 1, kit_buf(&b));
    unchanged(&before);
    it_buf_init(&b, room, sizeof room); /* and those of sessions not of session 0 */
    it_rtmfp_plain_put(&b, IT_RTMFP_CLOSE_ACK, it_bytes_of(NULL, 0));
    it_rtmfp_plain_put(&b, IT_RTMFP_PING, it_bytes_of(NULL, 0));
    it_rtmfp_plain_put(&b, IT_RTMFP_RIKEYING, it_bytes_of("\0\0\0\1\0", 5));
    it_rtmfp_plain_put(&b, IT_RTMFP_COOKIE_CHANGE, it_bytes_of("\0", 1));
    net_startup(n, 0, n->outer[1], 0, kit_buf(&b));
    unchanged(&before);
    ck_assert_uint_eq(it_rtmfp_stats_get(n->end[0]).chunks, 4);
}
END_TEST

START_TEST(startup_in_another_mode_is_dropped)
{
    uint8_t plain[64], d[128], epd[8];
    it_rtmfp_keys k;
    it_buf b;
    net_start(n, 0);
    ck_assert_int_eq(it_rtmfp_keys_init_default(&k), 0);
    it_buf_init(&b, plain, sizeof plain);
    it_rtmfp_head_put(&b, &(it_rtmfp_head){.mode = (enum it_rtmfp_mode)_i});
    it_rtmfp_ihello_put(&b, kit_hex(epd, "020a72"), it_bytes_str("tag"));
    int size = it_rtmfp_seal(&k, 0, kit_buf(&b), d, sizeof d);
    net_give(n, 0, n->outer[1], it_bytes_of(d, (size_t)size));
    it_rtmfp_keys_wipe(&k);
    ck_assert_uint_eq(n->sent[0], _i == IT_RTMFP_STARTUP);
    ck_assert_uint_eq(it_rtmfp_stats_get(n->end[0]).mode, _i != IT_RTMFP_STARTUP);
}
END_TEST

/* RFC 7016 section 3.4: an IHello that came in fragments is answered as any other. */
START_TEST(a_packet_in_fragments_is_taken)
{
    uint8_t plain[128], room[256], epd[8];
    it_buf b, c;
    net_start(n, 0);
    it_buf_init(&b, plain, sizeof plain);
    it_rtmfp_head_put(&b, &(it_rtmfp_head){.mode = IT_RTMFP_STARTUP});
    it_rtmfp_ihello_put(&b, kit_hex(epd, "020a72"), it_bytes_str("0123456789abcdef"));
    for (uint64_t i = 0; i < 3; i++) {
        size_t from = i * 10, to = i < 2 ? from + 10 : b.len;
        it_rtmfp_fragment f = {.more = i < 2, .id = 5, .number = i, .data = it_bytes_of(plain + from, to - from)};
        ck_assert_uint_eq(n->sent[0], 0);
        it_buf_init(&c, room, sizeof room);
        it_rtmfp_fragment_put(&c, &f);
        net_startup(n, 0, n->outer[1], 0, kit_buf(&c));
    }
    ck_assert_uint_eq(n->sent[0], 1);
    it_rtmfp_fragment inner = {.number = 0, .data = it_bytes_of(plain, b.len)}; /* fragments in a fragment are not */
    it_buf_init(&b, plain, sizeof plain);
    it_rtmfp_head_put(&b, &(it_rtmfp_head){.mode = IT_RTMFP_STARTUP});
    it_rtmfp_fragment_put(&b, &(it_rtmfp_fragment){.id = 6, .data = it_bytes_str("\x03x")});
    inner.data = kit_buf(&b);
    it_buf_init(&c, room, sizeof room);
    it_rtmfp_fragment_put(&c, &inner);
    net_startup(n, 0, n->outer[1], 0, kit_buf(&c));
    ck_assert_uint_eq(it_rtmfp_stats_get(n->end[0]).chunks, 1);
}
END_TEST

START_TEST(without_a_base_nothing_leaves_and_with_one_it_is_asked_at_once)
{
    net_start(n, 0);
    ck_assert_int_eq(it_rtmfp_new(&n->cfg[1], 0, &n->end[1]), 0);
    net_connect(n, 1, 0);
    net_run(n, 500 * IT_MS);
    ck_assert_uint_eq(n->sent[1], 0);
    net_bind(n, 1);
    net_drain_all(n);
    ck_assert_uint_eq(n->sent[1], 1);
    net_run(n, IT_SEC);
    ck_assert_uint_eq(net_count(n, 1, IT_RTMFP_EV_OPEN), 1);
}
END_TEST

START_TEST(an_end_with_bases_of_both_families_asks_over_the_right_one)
{
    it_io io = {.kind = IT_IO_BOUND, .flow = 1, .local = kit_addr("[2001:db8::1]:5")};
    it_addr a[2] = {kit_addr("[2001:db8::9]:9"), kit_addr("192.0.2.99:9")};
    it_io out;
    uint8_t buf[IT_IO_DGRAM_MAX];
    net_start(n, 0);
    net_start(n, 1);
    ck_assert_int_eq(it_rtmfp_input(n->end[1], 0, &io), 0);
    net_connect_at(n, 1, 0, a, 2);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(it_rtmfp_output(n->end[1], 0, &out, buf, sizeof buf), 1);
        ck_assert(it_addr_eq(out.remote, a[i]) && out.flow == (i ? 0 : 1));
    }
    ck_assert_int_eq(it_rtmfp_output(n->end[1], 0, &out, buf, sizeof buf), 0);
}
END_TEST

START_TEST(one_seed_gives_one_run_to_the_byte)
{
    uint64_t sum[2] = {0};
    for (int round = 0; round < 2; round++) {
        net_free(n);
        n = net_new(5, NULL);
        n->keep = note;
        n->loss = 100000;
        net_start(n, 0);
        net_start(n, 1);
        net_connect(n, 1, 0);
        net_run(n, 40 * IT_SEC);
        for (size_t i = 0; i < last.n; i++)
            sum[round] = sum[round] * 31 + last.data[i];
        sum[round] += n->sent[0] << 32;
    }
    ck_assert_uint_eq(sum[0], sum[1]);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, what_is_not_authentic_changes_nothing);
    tcase_add_test(t, startup_chunks_of_a_session_are_not_taken);
    tcase_add_loop_test(t, startup_in_another_mode_is_dropped, 0, 4);
    tcase_add_test(t, a_packet_in_fragments_is_taken);
    tcase_add_test(t, without_a_base_nothing_leaves_and_with_one_it_is_asked_at_once);
    tcase_add_test(t, an_end_with_bases_of_both_families_asks_over_the_right_one);
    tcase_add_test(t, one_seed_gives_one_run_to_the_byte);
}

int main(void)
{
    return kit_main("rtmfp/end", add);
}
