/* TCP: framing by RFC 4571 and as TURN's, segments of any size and order, what is missed. */
#include "tests/conformance/passive/kit.h"
#include "tests/conformance/passive/main.h"

#define A "192.0.2.1:1000"
#define B "198.51.100.2:3478"

static msg m;

static void syn(kit *t)
{
    it_passive_packet k = {.frame = ++t->frame, .tcp = true, .syn = true, .seq = 999, .src = at(A), .dst = at(B)};
    t->tcp = true;
    t->seq = 1000;
    ck_assert_int_eq(it_passive_take(t->judge, &k), 0);
}

/* Three Binding requests, each behind its length when |framed|; how many bytes. */
static size_t stream_of(uint8_t *out, bool framed)
{
    size_t n = 0;
    for (unsigned i = 1; i < 4; i++) {
        m_begin(&m, IT_PV_REQUEST, IT_PV_BINDING, i);
        m_text(&m, IT_PV_SOFTWARE, "abcdefgh");
        if (framed) {
            it_put16(out + n, (uint16_t)m.n);
            n += 2;
        }
        memcpy(out + n, m.p, m.n);
        n += m.n;
    }
    return n;
}

static uint64_t stun_of(const kit *t)
{
    it_passive_counts c;
    it_passive_count(t->judge, &c);
    return c.stun;
}

START_TEST(messages_are_found_however_the_stream_is_cut)
{
    uint8_t d[512];
    for (int framed = 0; framed < 2; framed++) {
        size_t n = stream_of(d, framed);
        for (size_t size = 1; size <= n; size++) {
            kit t;
            kit_open(&t);
            syn(&t);
            for (size_t i = 0; i < n; i += size)
                kit_packet(&t, 0, A, B, d + i, n - i < size ? n - i : size);
            ck_assert_uint_eq(stun_of(&t), 3);
            kit_none(&t, IT_RULE_FRAMING);
            kit_close(&t);
        }
    }
}
END_TEST

START_TEST(segments_out_of_order_and_twice_are_put_together)
{
    static const struct {
        size_t from, n;
    } ORDER[] = {{0, 20}, {40, 20}, {30, 20}, {20, 20}, {20, 20}, {60, 36}};
    uint8_t d[512];
    kit t;
    size_t n = stream_of(d, false);
    ck_assert_uint_eq(n, 96);
    kit_open(&t);
    syn(&t);
    for (size_t i = 0; i < sizeof ORDER / sizeof *ORDER; i++) {
        t.seq = 1000 + (uint32_t)ORDER[i].from;
        kit_packet(&t, 0, A, B, d + ORDER[i].from, ORDER[i].n);
    }
    ck_assert_uint_eq(stun_of(&t), 3);
    kit_none(&t, IT_RULE_FRAMING);
    kit_close(&t);
}
END_TEST

START_TEST(a_stream_that_loses_its_frames_is_found)
{
    uint8_t d[512];
    kit t;
    size_t n = stream_of(d, false);
    kit_open(&t);
    syn(&t);
    kit_packet(&t, 0, A, B, d, n);
    kit_packet(&t, IT_MS, A, B, "\x80\x60garbage garbage", 18);
    kit_only(&t, IT_RULE_FRAMING);
    kit_close(&t);
}
END_TEST

START_TEST(what_is_no_stun_is_another_stream)
{
    kit t;
    it_passive_counts c;
    kit_open(&t);
    syn(&t);
    kit_packet(&t, 0, A, B, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 28);
    ck_assert_int_eq(it_passive_end(t.judge), 0);
    it_passive_count(t.judge, &c);
    ck_assert_uint_eq(c.other_streams, 1);
    ck_assert_uint_eq(c.stun, 0);
    kit_close(&t);
}
END_TEST

START_TEST(a_gap_that_is_never_filled_is_told)
{
    uint8_t d[512];
    kit t;
    it_passive_counts c;
    stream_of(d, false);
    kit_open(&t);
    syn(&t);
    t.seq += 10;
    for (int i = 0; i < 40; i++)
        kit_packet(&t, 0, A, B, d, 32);
    ck_assert_int_eq(it_passive_end(t.judge), 0);
    it_passive_count(t.judge, &c);
    ck_assert_uint_gt(c.lost, 0);
    kit_close(&t);
}
END_TEST

START_TEST(channel_data_is_padded_over_tcp)
{
    uint8_t d[256] = {0x40, 0, 0, 5, 'h', 'e', 'l', 'l', 'o'};
    kit t;
    it_passive_counts c;
    size_t n;
    kit_open(&t);
    syn(&t);
    n = stream_of(d + 12, false); /* a stream begins with a message */
    kit_packet(&t, 0, A, B, d + 12, n);
    kit_packet(&t, 0, A, B, d, 12);
    kit_packet(&t, 0, A, B, d, 12);
    kit_none(&t, IT_RULE_FRAMING);
    it_passive_count(t.judge, &c);
    ck_assert_uint_eq(c.channel_data, 2);
    kit_close(&t);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("streams");
    tcase_add_test(c, messages_are_found_however_the_stream_is_cut);
    tcase_add_test(c, segments_out_of_order_and_twice_are_put_together);
    tcase_add_test(c, a_stream_that_loses_its_frames_is_found);
    tcase_add_test(c, what_is_no_stun_is_another_stream);
    tcase_add_test(c, a_gap_that_is_never_filled_is_told);
    tcase_add_test(c, channel_data_is_padded_over_tcp);
    return run_case("passive stream", c);
}
