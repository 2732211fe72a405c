/* Harm on links: masks, gaps, recorded traces, corruption, truncation, duplication, order; all of it a function of
 * (seed, link, direction, slot, ordinal). */
#include "tests/netsim/edges.h"

#include "base/cksum.h"
#include "netsim/core/impl.h"

#include <stdlib.h>

#define N 2000

static rig R;
static const it_link_dir_cfg NONE;

/* What arrived, in order. */
typedef struct arrival {
    it_time at;
    uint32_t sent; /* number of the packet, from its payload */
    uint64_t id, cause;
    bool sound;
    uint16_t len;
} arrival;
static arrival got[2 * N];
static size_t n_got;

/* Sends packet |i|, its number in the payload. */
static void put(rig *r, uint32_t i, size_t len)
{
    uint8_t buf[IT_PKT_MAX], text[IT_PKT_MAX] = {0};
    it_pkt_pool pool;
    it_alloc a;
    it_alloc_init(&a);
    it_pkt_pool_init(&pool, &a);
    it_pkt *p = it_pkt_new(&pool);
    it_put32(text, i);
    ck_assert_int_eq(it_pkt_udp(p, it_addr_of(it_ip4(0x0a000001), 1000), it_addr_of(it_ip4(0x0a000002), 2000),
                                it_bytes_of(text, len - 28)),
                     0);
    memcpy(buf, it_pkt_ip(p), p->len);
    ck_assert_int_eq(it_edge_send(r->a, it_world_now(r->w), it_bytes_of(buf, p->len), 0), 0);
    it_pkt_pool_fini(&pool);
}

static void run_to(rig *r, it_time until)
{
    int err;
    while ((err = it_world_run(r->w, until)) == 1) {
        it_pkt *p = it_edge_take(it_world_ready(r->w));
        if (!p)
            continue;
        it_bytes d = it_bytes_of(it_pkt_ip(p), p->len);
        got[n_got++] = (arrival){it_world_now(r->w), it_get32(d.p + 28), p->id, p->cause, it_pkt_cksum_ok(p), p->len};
        it_pkt_free(it_world_pool(r->w), p);
    }
    ck_assert_int_eq(err, 0);
}

/* |n| packets of 100 bytes, one every |gap|, over a link like |d|. */
static void stream(const char *name, const it_link_dir_cfg *d, uint64_t seed, uint32_t n, it_time gap)
{
    rig_open(&R, seed, name, d, NULL);
    R.w->n_obs = 0;
    n_got = 0;
    for (uint32_t i = 0; i < n; i++) {
        run_to(&R, i * gap);
        put(&R, i, 100);
    }
    run_to(&R, IT_NEVER);
}

static bool arrived(uint32_t i)
{
    for (size_t k = 0; k < n_got; k++)
        if (got[k].sent == i)
            return true;
    return false;
}

/* --- loss --- */

START_TEST(a_mask_loses_exactly_its_places)
{
    it_link_dir_cfg d = {.mask = 0x16, .mask_bits = 5}; /* places 1, 2 and 4 of five */
    stream("l", &d, 1, 200, 10 * IT_MS);                /* two a place */
    for (uint32_t i = 0; i < 200; i++)
        ck_assert_int_eq(arrived(i), !(0x16 >> (i / 2 % 5) & 1));
    ck_assert_uint_eq(it_link_stat(R.w, 0, 0).lost, 120);
    rig_close(&R);
}
END_TEST

START_TEST(a_mask_of_64_places_uses_them_all)
{
    it_link_dir_cfg d = {.mask = 0x8000000000000001u, .mask_bits = 64};
    stream("l", &d, 1, 128, 20 * IT_MS);
    for (uint32_t i = 0; i < 128; i++)
        ck_assert_int_eq(arrived(i), i % 64 != 0 && i % 64 != 63);
    rig_close(&R);
}
END_TEST

START_TEST(a_gap_loses_its_share_of_every_period)
{
    it_link_dir_cfg d = {.period = IT_SEC, .gap = 150 * IT_MS};
    stream("l", &d, 1, N, 5 * IT_MS); /* 200 a period */
    uint32_t runs = 0, lost = 0;
    for (uint32_t i = 0; i < N; i++) {
        bool gone = !arrived(i);
        lost += gone;
        runs += gone && (i == 0 || arrived(i - 1));
    }
    ck_assert_uint_eq(lost, N * 150 / 1000);
    ck_assert_uint_ge(runs, 10);
    ck_assert_uint_le(runs, 11);
    rig_close(&R);
    /* The phase is the link's. */
    it_time phase[3];
    static const char *const NAMES[] = {"l", "m", "l"};
    for (int k = 0; k < 3; k++) {
        rig_open(&R, 1, NAMES[k], &d, &d);
        phase[k] = R.w->links[0]->dir[0].phase;
        ck_assert_int_eq(phase[k], R.w->links[0]->dir[1].phase);
        rig_close(&R);
    }
    ck_assert(phase[0] != phase[1] && phase[0] == phase[2]);
}
END_TEST

START_TEST(a_gap_may_lose_a_part_only)
{
    it_link_dir_cfg d = {.period = IT_SEC, .gap = IT_SEC, .gap_ppm = 150000};
    stream("l", &d, 1, N, 5 * IT_MS);
    uint64_t lost = it_link_stat(R.w, 0, 0).lost;
    ck_assert_uint_ge(lost, 240); /* 300 +- 3.75 standard deviations of 16 */
    ck_assert_uint_le(lost, 360);
    rig_close(&R);
}
END_TEST

START_TEST(a_recorded_trace_sets_delay_and_loss)
{
    const it_link_step steps[] = {
        {100 * IT_MS, 30 * IT_MS, -1}, {200 * IT_MS, -1, 1000000}, {300 * IT_MS, 2 * IT_MS, 0}};
    it_link_dir_cfg d = {.delay = 5 * IT_MS, .steps = steps, .n_steps = 3};
    stream("l", &d, 1, 50, 10 * IT_MS);
    ck_assert_uint_eq(n_got, 40);
    for (size_t k = 0; k < n_got; k++) {
        it_time at = got[k].sent * 10 * IT_MS, delay = at < 100 * IT_MS   ? 5 * IT_MS
                                                       : at < 200 * IT_MS ? 30 * IT_MS
                                                                          : 2 * IT_MS;
        ck_assert(at < 200 * IT_MS || at >= 300 * IT_MS);
        ck_assert_int_eq(got[k].at, at + delay);
    }
    rig_close(&R);
}
END_TEST

START_TEST(a_recorded_trace_begins_anew_every_round)
{
    const it_link_step steps[] = {{0, 1 * IT_MS, -1}, {50 * IT_MS, -1, 1000000}};
    it_link_dir_cfg d = {.steps = steps, .n_steps = 2, .steps_every = 100 * IT_MS};
    stream("l", &d, 1, 100, 10 * IT_MS);
    for (uint32_t i = 0; i < 100; i++)
        ck_assert_int_eq(arrived(i), i % 10 < 5);
    rig_close(&R);
}
END_TEST

START_TEST(delivery_times_do_not_decrease_when_a_trace_shortens_the_delay)
{
    const it_link_step steps[] = {{0, 500 * IT_MS, -1}, {100 * IT_MS, 1 * IT_MS, -1}};
    it_link_dir_cfg d = {.steps = steps, .n_steps = 2};
    stream("l", &d, 1, 60, 10 * IT_MS);
    ck_assert_uint_eq(n_got, 60);
    for (uint32_t i = 0; i < 60; i++)
        ck_assert_uint_eq(got[i].sent, i);
    rig_close(&R);
}
END_TEST

/* --- damage --- */

START_TEST(of_a_corrupted_packet_one_bit_differs_and_its_checksum_is_wrong)
{
    it_link_dir_cfg d = {.corrupt_ppm = 1000000};
    uint8_t sent[IT_PKT_MAX];
    size_t dropped = 0;
    rig_open(&R, 1, "l", &d, NULL);
    (void)udp_bytes(sent, 100);
    for (int i = 0; i < 500; i++) {
        edge_put(&R, R.a, 100, 0);
        if (it_world_run(R.w, (i + 1) * IT_MS) != 1)
            continue;
        it_pkt *p = it_edge_take(R.b);
        ck_assert_ptr_nonnull(p);
        int bits = 0;
        for (int k = 0; k < 100; k++)
            bits += __builtin_popcount(sent[k] ^ it_pkt_ip(p)[k]);
        ck_assert_int_eq(bits, 1);
        ck_assert(!it_pkt_cksum_ok(p));
        it_pkt_free(it_world_pool(R.w), p);
    }
    dropped = log_count(&R.log, IT_SEEN_DROP, IT_DROP_CHECKSUM);
    /* Of 800 bits 160 are the IP header's, 16 the UDP length's. */
    ck_assert_uint_ge(dropped, 80);
    ck_assert_uint_le(dropped, 140);
    ck_assert_uint_eq(it_link_stat(R.w, 0, 0).damaged, 500);
    rig_close(&R);
}
END_TEST

START_TEST(a_truncated_packet_is_dropped_where_it_arrives)
{
    it_link_dir_cfg d = {.truncate_ppm = 1000000};
    rig_open(&R, 1, "l", &d, NULL);
    for (int i = 0; i < 200; i++) {
        edge_put(&R, R.a, (size_t)(28 + i), 0);
        ck_assert_uint_eq(rig_run(&R, (i + 1) * IT_MS), 0);
    }
    ck_assert_uint_eq(log_count(&R.log, IT_SEEN_DROP, IT_DROP_MALFORMED), 200);
    for (size_t i = 0; i < R.log.n; i++)
        if (R.log.v[i].kind == IT_SEEN_RECV)
            ck_assert(R.log.v[i].len >= 1 && R.log.v[i].len < R.log.v[i - 1].len);
    rig_close(&R);
}
END_TEST

START_TEST(a_duplicate_follows_its_original)
{
    it_link_dir_cfg d = {.delay = 3 * IT_MS, .jitter = IT_MS, .duplicate_ppm = 100000};
    stream("l", &d, 1, N, IT_MS);
    size_t copies = 0;
    for (size_t k = 0; k < n_got; k++) {
        if (!got[k].cause)
            continue;
        copies++;
        ck_assert(k > 0 && got[k - 1].sent == got[k].sent && got[k - 1].at == got[k].at);
        ck_assert(got[k - 1].id == got[k].cause && got[k].id != got[k].cause && got[k].sound);
    }
    ck_assert_uint_eq(n_got, N + copies);
    ck_assert_uint_ge(copies, 150); /* 200 +- 3.7 standard deviations of 13.4 */
    ck_assert_uint_le(copies, 250);
    ck_assert_uint_eq(copies, it_link_stat(R.w, 0, 0).duplicated);
    rig_close(&R);
}
END_TEST

/* --- order --- */

START_TEST(jitter_alone_keeps_the_order)
{
    it_link_dir_cfg d = {.delay = 5 * IT_MS, .jitter = 30 * IT_MS};
    stream("l", &d, 1, N, IT_MS);
    ck_assert_uint_eq(n_got, N);
    for (uint32_t i = 0; i < N; i++)
        ck_assert_uint_eq(got[i].sent, i);
    rig_close(&R);
}
END_TEST

START_TEST(reordering_lets_others_overtake_and_holds_nobody_up)
{
    it_link_dir_cfg d = {.delay = 5 * IT_MS, .reorder_ppm = 200000};
    stream("l", &d, 1, N, IT_MS);
    size_t late = 0;
    ck_assert_uint_eq(n_got, N);
    for (size_t k = 0; k < n_got; k++) {
        it_time due = got[k].sent * IT_MS + 5 * IT_MS;
        ck_assert_int_ge(got[k].at, due);
        ck_assert_int_le(got[k].at, due + IT_LINK_DETOUR);
        late += got[k].at != due;
    }
    ck_assert_uint_ge(late, 330); /* 400 +- 3.9 standard deviations of 17.9 */
    ck_assert_uint_le(late, 470);
    ck_assert_uint_eq(late, it_link_stat(R.w, 0, 0).late);
    rig_close(&R);
}
END_TEST

START_TEST(with_full_reordering_every_packet_has_its_own_jitter)
{
    it_link_dir_cfg d = {.jitter = 20 * IT_MS, .reorder_ppm = 1000000};
    stream("l", &d, 1, N, IT_MS);
    size_t overtaken = 0;
    it_time sum = 0;
    for (size_t k = 1; k < n_got; k++)
        overtaken += got[k].sent < got[k - 1].sent;
    for (size_t k = 0; k < n_got; k++)
        sum += got[k].at - got[k].sent * IT_MS;
    ck_assert_uint_gt(overtaken, N / 4);
    /* Uniform in [0, 20 ms]: the mean of 2000 is 10 ms +- 4 standard deviations of 129 us. */
    ck_assert_int_ge(sum / N, 9480 * IT_US);
    ck_assert_int_le(sum / N, 10520 * IT_US);
    rig_close(&R);
}
END_TEST

/* --- functions of (seed, link, direction, slot, ordinal) --- */

static const it_link_dir_cfg HARM = {.delay = 7 * IT_MS,
                                     .jitter = 5 * IT_MS,
                                     .loss_ppm = 100000,
                                     .reorder_ppm = 100000,
                                     .duplicate_ppm = 100000,
                                     .corrupt_ppm = 50000,
                                     .period = 700 * IT_MS,
                                     .gap = 20 * IT_MS,
                                     .gap_ppm = 500000};

/* What became of packet |i| of those that count. */
typedef struct outcome {
    it_time at;
    size_t times;
    bool sound;
} outcome;
static outcome of[2][500];

/* Every 20 ms a packet that counts, and |others| more in its slot, which come after it. */
static void mixed(int which, uint64_t seed, const char *name, int others)
{
    rig_open(&R, seed, name, &HARM, NULL);
    R.w->n_obs = 0;
    memset(of[which], 0, sizeof of[which]);
    for (uint32_t i = 0; i < 500; i++) {
        n_got = 0;
        run_to(&R, i * 20 * IT_MS);
        put(&R, i, 100);
        for (int k = 0; k < others; k++)
            put(&R, 0xffff0000u, (size_t)(40 + 13 * k)); /* other lengths: other places for damage, nothing else */
        run_to(&R, i * 20 * IT_MS + 19 * IT_MS + 999 * IT_US);
        for (size_t k = 0; k < n_got; k++)
            if (got[k].sent == i && got[k].len == 100) {
                of[which][i].times++;
                of[which][i].at = got[k].at;
                of[which][i].sound = got[k].sound;
            }
    }
    n_got = 0;
    run_to(&R, IT_NEVER);
    rig_close(&R);
}

START_TEST(other_traffic_changes_nobodys_luck)
{
    size_t gone = 0, twice = 0, hurt = 0;
    mixed(0, 4, "l", 0);
    mixed(1, 4, "l", 3);
    for (int i = 0; i < 500; i++) {
        ck_assert_uint_eq(of[0][i].times, of[1][i].times);
        ck_assert_int_eq(of[0][i].sound, of[1][i].sound);
        ck_assert_int_eq(of[0][i].at, of[1][i].at);
        gone += of[0][i].times == 0;
        twice += of[0][i].times == 2;
        hurt += of[0][i].times && !of[0][i].sound;
    }
    ck_assert(gone > 20 && twice > 20 && hurt > 5); /* there was weather */
}
END_TEST

START_TEST(another_seed_or_name_is_other_luck)
{
    static const struct {
        uint64_t seed;
        const char *name;
    } OTHER[] = {{5, "l"}, {4, "m"}};
    for (int k = 0; k < 2; k++) {
        size_t differ = 0;
        mixed(0, 4, "l", 0);
        mixed(1, OTHER[k].seed, OTHER[k].name, 0);
        for (int i = 0; i < 500; i++)
            differ += of[0][i].times != of[1][i].times || of[0][i].at != of[1][i].at;
        ck_assert_uint_gt(differ, 250);
    }
}
END_TEST

/* --- chosen packets --- */

START_TEST(a_chosen_packet_is_doubled_damaged_or_cut_short)
{
    rig_open(&R, 1, "l", NULL, NULL);
    R.w->n_obs = 0;
    it_link_choice two = {0, 2, NULL, IT_LINK_DUPLICATE, 0}, three = {0, 3, NULL, IT_LINK_CORRUPT, 0},
                   four = {-1, 4, NULL, IT_LINK_TRUNCATE, 0};
    ck_assert_int_eq(it_link_choose(R.w, 0, &two) + it_link_choose(R.w, 0, &three) + it_link_choose(R.w, 0, &four), 0);
    n_got = 0;
    for (uint32_t i = 1; i <= 6; i++)
        put(&R, i, 1400);
    run_to(&R, IT_SEC);
    ck_assert_uint_eq(it_link_stat(R.w, 0, 0).duplicated, 1);
    ck_assert_uint_eq(it_link_stat(R.w, 0, 0).damaged, 2);
    ck_assert(got[1].sent == 2 && got[2].sent == 2 && got[2].cause == got[1].id);
    ck_assert(!arrived(4) && arrived(5) && arrived(6));
    for (size_t k = 0; k < n_got; k++)
        ck_assert(got[k].sound == (got[k].sent != 3));
    ck_assert(!R.w->links[0]->dir[0].special && R.w->links[0]->dir[1].picks == 0);
    it_link_choice bad = {2, 1, NULL, IT_LINK_DROP, 0};
    ck_assert_int_eq(it_link_choose(R.w, 0, &bad), IT_ERR_RANGE);
    rig_close(&R);
}
END_TEST

START_TEST(without_an_end_packets_of_both_count_together)
{
    rig_open(&R, 1, "l", NULL, NULL);
    it_link_choice c = {-1, 3, NULL, IT_LINK_DROP, 0};
    ck_assert_int_eq(it_link_choose(R.w, 0, &c), 0);
    edge_put(&R, R.a, 100, 0);
    edge_put(&R, R.b, 100, 0);
    edge_put(&R, R.b, 100, 0);
    edge_put(&R, R.a, 100, 0);
    ck_assert_uint_eq(rig_run(&R, IT_SEC), 3);
    ck_assert_uint_eq(it_link_stat(R.w, 0, 1).dropped, 1);
    rig_close(&R);
}
END_TEST

/* --- a silent MTU, a link that begins as a blackhole --- */

START_TEST(a_silent_mtu_is_not_told)
{
    it_link_dir_cfg loud = {.mtu = 1280}, silent = {.mtu = 1280, .mtu_silent = true};
    rig_open(&R, 1, "l", &loud, &silent);
    ck_assert_uint_eq(it_link_mtu(R.a, 0), 1280);
    ck_assert_uint_eq(it_link_mtu(R.b, 0), IT_PKT_MAX);
    edge_put(&R, R.b, 1281, 0);
    edge_put(&R, R.b, 1280, 0);
    ck_assert_uint_eq(rig_run(&R, IT_SEC), 1);
    ck_assert_uint_eq(log_count(&R.log, IT_SEEN_DROP, IT_DROP_MTU), 1);
    rig_close(&R);
}
END_TEST

START_TEST(a_link_that_begins_as_a_blackhole_is_restored)
{
    it_link_dir_cfg d = {.swallow = true};
    rig_open(&R, 1, "l", &d, NULL);
    ck_assert(!it_link_whole(R.w, 0));
    edge_put(&R, R.a, 100, 0);
    edge_put(&R, R.b, 100, 0);
    ck_assert_uint_eq(rig_run(&R, IT_SEC), 1);
    ck_assert_int_eq(it_link_restore(R.w, IT_SEC, 0), 0);
    edge_put(&R, R.a, 100, 0);
    ck_assert_uint_eq(rig_run(&R, 2 * IT_SEC), 1);
    ck_assert_int_eq(it_link_set(R.w, 2 * IT_SEC, 0, 1, &d), 0);
    ck_assert(!it_link_whole(R.w, 0));
    ck_assert_int_eq(it_link_set(R.w, 2 * IT_SEC, 0, 1, &NONE), 0);
    ck_assert(it_link_whole(R.w, 0));
    rig_close(&R);
}
END_TEST

/* --- memory --- */

START_TEST(without_memory_nothing_leaks_and_the_world_says_so)
{
    const it_link_step steps[] = {{0, IT_MS, -1}, {IT_SEC, -1, 5}};
    it_link_dir_cfg d = {.jitter = IT_MS, .duplicate_ppm = 500000, .reorder_ppm = 500000, .steps = steps, .n_steps = 2};
    it_link_dir_cfg q = {.rate = 100000, .queueing = IT_LINK_CODEL, .queue = 1 << 20, .duplicate_ppm = 500000};
    int done = 0;
    for (uint64_t grant = 0; !done; grant++) {
        it_alloc a;
        ck_assert_uint_lt(grant, 400);
        it_alloc_init_countdown(&a, grant);
        it_world *w = it_world_new(&(it_world_cfg){&a, 1});
        it_node *x = w ? it_edge_new(w, "a", "eth") : NULL, *y = x ? it_edge_new(w, "b", "eth") : NULL;
        it_link_cfg cfg = {"l", {d, q}};
        if (y && it_link_new(w, &cfg, x, 0, y, 0) == 0) {
            uint8_t buf[IT_PKT_MAX];
            it_bytes ip = udp_bytes(buf, 200);
            int err = it_link_set(w, 0, 0, 0, &d);
            ck_assert(err == 0 || err == IT_ERR_NOMEM);
            for (int i = 0; i < 40; i++) {
                (void)!it_edge_send(x, 0, ip, 0);
                (void)!it_edge_send(y, 0, ip, 0);
            }
            int rc = 0;
            while (rc == 0 || rc == 1) {
                rc = it_world_run(w, 100 * IT_SEC);
                for (it_node *n; rc == 1 && (n = it_world_ready(w));) {
                    it_pkt *p = it_edge_take(n);
                    if (p)
                        it_pkt_free(it_world_pool(w), p);
                }
                if (rc == 0)
                    break;
            }
            ck_assert(rc == 0 || rc == IT_ERR_NOMEM);
            done = rc == 0 && err == 0;
        }
        it_world_free(w);
        ck_assert_int_eq(a.live, 0);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("netsim/link_loss");
    TCase *t = tcase_create("harm");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_mask_loses_exactly_its_places);
    tcase_add_test(t, a_mask_of_64_places_uses_them_all);
    tcase_add_test(t, a_gap_loses_its_share_of_every_period);
    tcase_add_test(t, a_gap_may_lose_a_part_only);
    tcase_add_test(t, a_recorded_trace_sets_delay_and_loss);
    tcase_add_test(t, a_recorded_trace_begins_anew_every_round);
    tcase_add_test(t, delivery_times_do_not_decrease_when_a_trace_shortens_the_delay);
    tcase_add_test(t, of_a_corrupted_packet_one_bit_differs_and_its_checksum_is_wrong);
    tcase_add_test(t, a_truncated_packet_is_dropped_where_it_arrives);
    tcase_add_test(t, a_duplicate_follows_its_original);
    tcase_add_test(t, jitter_alone_keeps_the_order);
    tcase_add_test(t, reordering_lets_others_overtake_and_holds_nobody_up);
    tcase_add_test(t, with_full_reordering_every_packet_has_its_own_jitter);
    tcase_add_test(t, other_traffic_changes_nobodys_luck);
    tcase_add_test(t, another_seed_or_name_is_other_luck);
    tcase_add_test(t, a_chosen_packet_is_doubled_damaged_or_cut_short);
    tcase_add_test(t, without_an_end_packets_of_both_count_together);
    tcase_add_test(t, a_silent_mtu_is_not_told);
    tcase_add_test(t, a_link_that_begins_as_a_blackhole_is_restored);
    tcase_add_test(t, without_memory_nothing_leaks_and_the_world_says_so);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
