/* Queues in front of a link: CoDel against the pseudocode of RFC 8289, token buckets, and the plain FIFO they are
 * compared with. */
#include "tests/netsim/edges.h"

#include "netsim/core/impl.h"

#include <stdlib.h>

#define N 6000
#define LEN 1000

static rig R;

/* Sojourn times of the packets that arrived, by number; -1: it did not. */
static it_time waited[N];
static uint64_t first_id;

/* |n| packets of LEN bytes at the times |at| over a direction like |d|. */
static void run(const it_link_dir_cfg *d, const it_time *at, int n)
{
    int err;
    uint8_t buf[IT_PKT_MAX];
    it_bytes ip = udp_bytes(buf, LEN);
    rig_open(&R, 1, "l", d, NULL);
    R.w->n_obs = 0;
    for (int i = 0; i < n; i++)
        waited[i] = -1;
    first_id = R.w->ids + 1;
    for (int i = 0; i <= n; i++) {
        while ((err = it_world_run(R.w, i < n ? at[i] : IT_NEVER)) == 1) {
            it_pkt *p = it_edge_take(R.b);
            if (!p)
                continue;
            uint64_t k = p->id - first_id;
            waited[k] = it_world_now(R.w) - at[k];
            it_pkt_free(it_world_pool(R.w), p);
        }
        ck_assert_int_eq(err, 0);
        if (i < n)
            ck_assert_int_eq(it_edge_send(R.a, at[i], ip, 0), 0);
    }
}

/* --- RFC 8289 section 5, written down again over a list of arrivals --- */

typedef struct reference {
    const it_time *at;
    int n, head, tail; /* waiting: head to tail - 1 */
    it_time first_above, drop_next, busy;
    uint32_t count, lastcount;
    bool dropping;
    bool dropped[N];
} reference;

static const it_time TARGET = 5 * IT_MS, INTERVAL = 100 * IT_MS;

static it_time law(it_time t, uint32_t count)
{
    return t + it_core_codel_step(INTERVAL, count);
}

/* All that have arrived by |now|, in order: an arrival at the instant of a dequeue comes first where its event does. */
static void admit(reference *q, it_time now)
{
    while (q->tail < q->n && q->at[q->tail] < now)
        q->tail++;
}

static int dodequeue(reference *q, it_time now, bool *ok)
{
    *ok = false;
    if (q->head == q->tail) {
        q->first_above = 0;
        return -1;
    }
    int p = q->head++;
    if (now - q->at[p] < TARGET || (q->tail - q->head) * LEN <= 1500)
        q->first_above = 0;
    else if (q->first_above == 0)
        q->first_above = now + INTERVAL;
    else if (now >= q->first_above)
        *ok = true;
    return p;
}

static int dequeue(reference *q, it_time now)
{
    bool ok;
    int p = dodequeue(q, now, &ok);
    if (q->dropping) {
        if (!ok)
            q->dropping = false;
        while (now >= q->drop_next && q->dropping) {
            q->dropped[p] = true;
            ++q->count;
            p = dodequeue(q, now, &ok);
            if (!ok)
                q->dropping = false;
            else
                q->drop_next = law(q->drop_next, q->count);
        }
    } else if (ok) {
        q->dropped[p] = true;
        p = dodequeue(q, now, &ok);
        q->dropping = true;
        uint32_t delta = q->count - q->lastcount;
        q->count = 1;
        if (delta > 1 && now - q->drop_next < 16 * INTERVAL)
            q->count = delta;
        q->drop_next = law(now, q->count);
        q->lastcount = q->count;
    }
    return p;
}

/* Feeds the arrivals through a wire that takes |tx| a packet. */
static void simulate(reference *q, const it_time *at, int n, it_time tx)
{
    memset(q, 0, sizeof *q);
    q->at = at;
    q->n = n;
    it_time now = 0;
    while (q->head < q->n) {
        admit(q, now);
        if (q->head == q->tail) { /* idle until the next arrival, which has the wire at once */
            now = at[q->tail++];
            q->first_above = 0;
            q->dropping = false;
            q->head++;
            now += tx;
            continue;
        }
        if (dequeue(q, now) >= 0)
            now += tx;
    }
}

static it_time times[N];
static reference ref;

START_TEST(codel_drops_what_the_pseudocode_drops)
{
    /* Loads of 50 %, 110 %, 150 % and 300 % in turn, with gaps that no two events share a nanosecond by chance. */
    static const it_time GAP[] = {16000003, 7272731, 5333337, 2666671};
    it_link_dir_cfg d = {.delay = 3 * IT_MS, .rate = 1000000, .queue = 64 << 20, .queueing = IT_LINK_CODEL};
    it_time t = 0;
    for (int i = 0; i < N; i++)
        times[i] = t += GAP[i / 250 % 4];
    run(&d, times, N);
    simulate(&ref, times, N, 8 * IT_MS);
    int drops = 0;
    for (int i = 0; i < N; i++) {
        ck_assert_msg((waited[i] < 0) == ref.dropped[i], "packet %d", i);
        drops += ref.dropped[i];
    }
    ck_assert_int_gt(drops, 100);
    ck_assert_uint_eq(it_link_stat(R.w, 0, 0).dropped, (uint64_t)drops);
    rig_close(&R);
}
END_TEST

START_TEST(codel_leaves_a_load_below_the_rate_alone)
{
    it_link_dir_cfg d = {.delay = 3 * IT_MS, .rate = 1000000, .queueing = IT_LINK_CODEL};
    for (int i = 0; i < N; i++)
        times[i] = i * 9 * IT_MS;
    run(&d, times, N);
    for (int i = 0; i < N; i++)
        ck_assert_int_eq(waited[i], 11 * IT_MS);
    rig_close(&R);
}
END_TEST

START_TEST(codel_keeps_short_what_a_fifo_lets_grow)
{
    it_link_dir_cfg d = {.rate = 1000000, .queue = 256 << 10};
    it_time most[2] = {0, 0};
    for (int i = 0; i < N; i++)
        times[i] = i * 7 * IT_MS + i % 3;
    for (int k = 0; k < 2; k++) {
        d.queueing = k ? IT_LINK_CODEL : IT_LINK_FIFO;
        run(&d, times, N);
        for (int i = N / 2; i < N; i++) /* when it has settled */
            if (waited[i] > most[k])
                most[k] = waited[i];
        rig_close(&R);
    }
    /* spec: 256 KiB at 1 Mbit/s are 2.1 s. */
    ck_assert_int_gt(most[0], 2097 * IT_MS);
    ck_assert_int_lt(most[0], 2115 * IT_MS);
    ck_assert_int_lt(most[1], 300 * IT_MS);
}
END_TEST

START_TEST(the_control_law_divides_by_the_square_root)
{
    /* INTERVAL / sqrt(count), the roots of squares and 2 to nine digits. */
    ck_assert_int_eq(it_core_codel_step(100 * IT_MS, 1), 100 * IT_MS);
    ck_assert_int_eq(it_core_codel_step(100 * IT_MS, 4), 50 * IT_MS);
    ck_assert_int_eq(it_core_codel_step(100 * IT_MS, 10000), 1 * IT_MS);
    it_time two = it_core_codel_step(100 * IT_MS, 2);
    ck_assert_int_ge(two, 70710678);
    ck_assert_int_le(two, 70711757); /* 16 bits of fraction */
    for (uint32_t n = 1; n < 100000; n++)
        ck_assert_int_ge(it_core_codel_step(100 * IT_MS, n), it_core_codel_step(100 * IT_MS, n + 1));
    ck_assert_int_gt(it_core_codel_step(100 * IT_MS, UINT32_MAX), 0);
}
END_TEST

START_TEST(a_full_codel_queue_drops_the_tail)
{
    it_link_dir_cfg d = {.rate = 1000000, .queue = 10 * LEN, .queueing = IT_LINK_CODEL};
    for (int i = 0; i < 30; i++)
        times[i] = 0;
    run(&d, times, 30);
    for (int i = 0; i < 30; i++)
        ck_assert_int_eq(waited[i] >= 0, i < 12); /* one on the wire, ten and the one that finds no more than ten */
    rig_close(&R);
}
END_TEST

START_TEST(a_cut_drops_what_waits_and_a_restored_link_starts_afresh)
{
    it_link_dir_cfg d = {.rate = 1000000, .queueing = IT_LINK_CODEL};
    rig_open(&R, 1, "l", &d, NULL);
    for (int i = 0; i < 10; i++)
        edge_put(&R, R.a, LEN, 0);
    ck_assert_uint_eq(rig_run(&R, 20 * IT_MS), 2);
    it_link_cut(R.w, 20 * IT_MS, 0, false);
    ck_assert_uint_eq(log_count(&R.log, IT_SEEN_DROP, IT_DROP_CUT), 8);
    ck_assert_int_eq(it_link_restore(R.w, 20 * IT_MS, 0), 0);
    for (int i = 0; i < 3; i++)
        edge_put(&R, R.a, LEN, 0);
    ck_assert_uint_eq(rig_run(&R, 44 * IT_MS), 3); /* at 28, 36, 44: the wire was free */
    rig_close(&R);
}
END_TEST

START_TEST(changing_the_queue_keeps_order_and_packets)
{
    it_link_dir_cfg codel = {.rate = 1000000, .queueing = IT_LINK_CODEL}, fifo = {.rate = 2000000}, fast = {0};
    rig_open(&R, 1, "l", &codel, NULL);
    for (int i = 0; i < 5; i++)
        edge_put(&R, R.a, LEN, 0);
    ck_assert_int_eq(it_link_set(R.w, 0, 0, 0, &fifo), 0);
    for (int i = 0; i < 5; i++)
        edge_put(&R, R.a, LEN, 0);
    ck_assert_int_eq(it_link_set(R.w, 0, 0, 0, &fast), 0);
    edge_put(&R, R.a, LEN, 0);
    ck_assert_uint_eq(rig_run(&R, IT_SEC), 11);
    uint64_t last = 0;
    for (size_t i = 0; i < R.log.n; i++)
        if (R.log.v[i].kind == IT_SEEN_RECV) {
            ck_assert_uint_gt(R.log.v[i].id, last);
            last = R.log.v[i].id;
        }
    ck_assert_int_eq(it_link_set(R.w, IT_SEC, 0, 0, &fifo), 0);
    ck_assert(!it_core_is_codel(&R.w->links[0]->dir[0]));
    rig_close(&R);
}
END_TEST

/* --- token bucket --- */

START_TEST(a_token_bucket_passes_its_size_at_once_and_then_its_rate)
{
    it_link_dir_cfg d = {.rate = 1000000, .bucket = 5 * LEN, .queue = 1 << 20};
    for (int i = 0; i < 12; i++)
        times[i] = IT_SEC;
    for (int i = 12; i < 15; i++)
        times[i] = IT_SEC + 7 * 8 * IT_MS + 16 * IT_MS; /* when the queue is empty two tokens' time has passed */
    run(&d, times, 15);
    for (int i = 0; i < 12; i++)
        ck_assert_int_eq(waited[i], i < 5 ? 0 : (i - 4) * 8 * IT_MS);
    ck_assert(waited[12] == 0 && waited[13] == 0 && waited[14] == 8 * IT_MS);
    rig_close(&R);
}
END_TEST

START_TEST(over_time_a_token_bucket_passes_no_more_than_its_rate)
{
    it_link_dir_cfg d = {.rate = 1000000, .bucket = 20 * LEN, .queue = 4 * LEN};
    for (int i = 0; i < N; i++)
        times[i] = i * 2 * IT_MS; /* four times the rate */
    run(&d, times, N);
    /* 12 s of rate, the bucket, what fits into the queue. */
    uint64_t passed = it_link_stat(R.w, 0, 0).packets;
    ck_assert_uint_ge(passed, 1500 + 20);
    ck_assert_uint_le(passed, 1500 + 20 + 6);
    rig_close(&R);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("netsim/link_codel");
    TCase *t = tcase_create("RFC 8289");
    tcase_add_test(t, codel_drops_what_the_pseudocode_drops);
    tcase_add_test(t, codel_leaves_a_load_below_the_rate_alone);
    tcase_add_test(t, codel_keeps_short_what_a_fifo_lets_grow);
    tcase_add_test(t, the_control_law_divides_by_the_square_root);
    tcase_add_test(t, a_full_codel_queue_drops_the_tail);
    tcase_add_test(t, a_cut_drops_what_waits_and_a_restored_link_starts_afresh);
    tcase_add_test(t, changing_the_queue_keeps_order_and_packets);
    suite_add_tcase(s, t);
    t = tcase_create("token bucket");
    tcase_add_test(t, a_token_bucket_passes_its_size_at_once_and_then_its_rate);
    tcase_add_test(t, over_time_a_token_bucket_passes_no_more_than_its_rate);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
