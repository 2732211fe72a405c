/* Trips: the way back from what came, through servers, waiting and messages. */
#include "netsim/see/trips.h"

#include "netsim/core/link.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* A host that keeps nothing; a damaged world where |refuses|: it drops what comes. */
typedef struct stub {
    it_node n;
    bool refuses;
} stub;

static void stub_deliver(it_node *n, it_time now, int port, it_pkt *p)
{
    const stub *s = (const stub *)n;
    if (s->refuses)
        it_node_drop(n, now, port, p, IT_DROP_HOST_DOWN, NULL);
    else
        it_pkt_free(it_world_pool(n->world), p);
}

static void stub_free(it_node *n)
{
    it_free(it_world_alloc(n->world), n);
}

static const it_node_ops HOST = {.kind = "host", .deliver = stub_deliver, .free = stub_free};

#define WAY (10 * IT_MS) /* of every link */

static it_alloc alloc;
static it_world *W;
static it_trips *T;
static stub *A, *B, *X; /* two ends, and a server that both reach; port 0 of an end goes to the other, port 1 to X */

static stub *stub_new(const char *name)
{
    stub *s = it_calloc(&alloc, 1, sizeof *s);
    ck_assert_ptr_nonnull(s);
    ck_assert_int_eq(it_node_init(&s->n, W, &HOST, name), 0);
    ck_assert_int_eq(it_node_add_port(&s->n, "p0"), 0);
    ck_assert_int_eq(it_node_add_port(&s->n, "p1"), 1);
    return s;
}

static void join(const char *name, stub *a, int pa, stub *b, int pb)
{
    it_link_cfg cfg = {name, {{.delay = WAY}, {.delay = WAY}}};
    ck_assert_int_ge(it_link_new(W, &cfg, &a->n, pa, &b->n, pb), 0);
}

static void setup(void)
{
    it_alloc_init(&alloc);
    W = it_world_new(&(it_world_cfg){&alloc, 1});
    A = stub_new("a");
    B = stub_new("b");
    X = stub_new("x");
    join("ab", A, 0, B, 0);
    join("ax", A, 1, X, 0);
    join("bx", B, 1, X, 1);
    T = it_trips_new(&alloc, W, (const it_node *const[2]){&A->n, &B->n});
    ck_assert_ptr_nonnull(T);
}

static void teardown(void)
{
    it_trips_free(T);
    it_world_free(W);
    ck_assert_int_eq(alloc.live, 0);
}

/* Sends a packet called |what| out of |port| of |from|, and lets it come. */
static void trip(stub *from, int port, const char *what)
{
    it_pkt *p = it_node_packet(&from->n);
    ck_assert_ptr_nonnull(p);
    p->len = 20;
    p->label = it_world_label(W, what);
    it_time now = it_world_now(W);
    it_node_send(&from->n, now, port, p);
    ck_assert_int_eq(it_world_run(W, now + WAY), 0);
}

static void wait_for(it_time d)
{
    ck_assert_int_eq(it_world_run(W, it_world_now(W) + d), 0);
}

static it_trip row[IT_TRIPS_MAX];

static int row_at(stub *at, it_time since)
{
    it_trips_ask ask = {.at = &at->n, .other = at == A ? &B->n : &A->n, .when = it_world_now(W), .since = since};
    return it_trips_row(T, &ask, row);
}

static void is_trip(int i, const stub *from, const stub *to, it_time left, it_time came, const char *what)
{
    ck_assert_str_eq(row[i].what, what);
    ck_assert_str_eq(row[i].from->name, from->n.name);
    ck_assert_str_eq(row[i].to->name, to->n.name);
    ck_assert_int_eq(row[i].left, left);
    ck_assert_int_eq(row[i].came, came);
}

START_TEST(each_trip_follows_the_one_before)
{
    trip(A, 0, "check");
    trip(B, 0, "answer");
    wait_for(5 * IT_MS); /* pacing */
    trip(A, 0, "media");
    ck_assert_int_eq(row_at(B, 0), 3);
    is_trip(0, A, B, 0, WAY, "check");
    is_trip(1, B, A, WAY, 2 * WAY, "answer");
    is_trip(2, A, B, 2 * WAY + 5 * IT_MS, 3 * WAY + 5 * IT_MS, "media");
    ck_assert_ptr_null(row[0].via);
}
END_TEST

START_TEST(what_left_before_the_call_is_no_trip)
{
    trip(A, 0, "check");
    trip(B, 0, "answer");
    trip(A, 0, "media");
    ck_assert_int_eq(row_at(B, 1), 2);
    ck_assert_int_eq(row_at(B, WAY + 1), 1);
    ck_assert_int_eq(row_at(B, 2 * WAY + 1), 0);
}
END_TEST

START_TEST(a_request_to_a_server_is_two_trips)
{
    trip(A, 1, "request");
    trip(X, 0, "answer");
    trip(A, 0, "media");
    ck_assert_int_eq(row_at(B, 0), 3);
    is_trip(0, A, X, 0, WAY, "request");
    is_trip(1, X, A, WAY, 2 * WAY, "answer");
}
END_TEST

START_TEST(what_a_server_sends_on_to_the_other_end_is_one_trip)
{
    trip(A, 1, "Send check");
    trip(X, 1, "Data check");
    trip(B, 0, "media");
    ck_assert_int_eq(row_at(A, 0), 2);
    is_trip(0, A, B, 0, 2 * WAY, "Data check");
    ck_assert_ptr_eq(row[0].via, &X->n);
    is_trip(1, B, A, 2 * WAY, 3 * WAY, "media");
}
END_TEST

START_TEST(a_message_by_no_packet_is_a_trip)
{
    wait_for(IT_MS);
    it_trips_carried(T, &A->n, 0, &B->n, IT_MS, "message");
    trip(B, 0, "media");
    ck_assert_int_eq(row_at(A, 0), 2);
    is_trip(0, A, B, 0, IT_MS, "message");
}
END_TEST

START_TEST(what_a_host_drops_has_not_come)
{
    trip(A, 0, "check");
    B->refuses = true;
    trip(A, 0, "stray");
    B->refuses = false;
    trip(B, 0, "answer");
    ck_assert_int_eq(row_at(A, 0), 2);
    is_trip(0, A, B, 0, WAY, "check");
}
END_TEST

/* Written by what is no host: it had no way to go. */
START_TEST(what_was_not_seen_to_leave_is_passed_over)
{
    trip(A, 0, "check");
    wait_for(IT_MS);
    static const it_node_ops RAW = {.kind = "router", .deliver = stub_deliver, .free = stub_free};
    A->n.ops = &RAW;
    trip(A, 0, "forged");
    A->n.ops = &HOST;
    trip(B, 0, "answer");
    ck_assert_int_eq(row_at(A, 0), 2);
    is_trip(0, A, B, 0, WAY, "check");
}
END_TEST

/* What comes in the same breath as something leaves, but behind it, has no part in it. */
START_TEST(events_of_one_time_keep_their_order)
{
    it_pkt *p = it_node_packet(&A->n);
    p->len = 20;
    p->label = it_world_label(W, "late");
    it_node_send(&A->n, 0, 0, p);
    ck_assert_int_eq(it_world_run(W, WAY - 1), 0);
    it_trips_carried(T, &A->n, 0, &B->n, WAY - 1, "message");
    trip(B, 0, "answer"); /* leaves a nanosecond before "late" comes */
    ck_assert_int_eq(row_at(A, 0), 2);
    is_trip(0, A, B, 0, WAY - 1, "message");
}
END_TEST

START_TEST(a_time_that_was_not_seen_has_no_row)
{
    trip(A, 0, "first");
    for (int i = 0; i < IT_TRIPS_SEEN / 2; i++) /* each leaves and comes */
        trip(A, 0, "more");
    ck_assert_int_eq(row_at(B, 0), 0);
    it_trips_ask ask = {.at = &B->n, .other = &A->n, .when = WAY, .since = 0};
    ck_assert_int_eq(it_trips_row(T, &ask, row), 1);
    is_trip(0, A, B, 0, WAY, "first");
}
END_TEST

/* Media that comes to one end alone may still begin at the other. */
START_TEST(it_leaves_the_world_once_both_ends_have_had_media_for_a_while)
{
    for (int i = 0; i < IT_TRIPS_MEDIA + 5; i++)
        trip(A, 0, "voice");
    trip(B, 0, "Channel SRTP");
    ck_assert_int_gt(row_at(A, 0), 0);
    for (int i = 0; i < IT_TRIPS_MEDIA + 5; i++)
        trip(B, 0, "Channel SRTP");
    ck_assert_int_eq(row_at(A, 0), 0);
    it_trips_ask ask = {.at = &B->n, .other = &A->n, .when = WAY, .since = 0};
    ck_assert_int_eq(it_trips_row(T, &ask, row), 1);
}
END_TEST

START_TEST(a_row_of_nothing_is_empty)
{
    ck_assert_int_eq(row_at(A, 0), 0);
    trip(A, 0, "check");
    ck_assert_int_eq(row_at(A, 0), 0);
}
END_TEST

START_TEST(memory_that_was_short_is_told)
{
    trip(A, 0, "check");
    ck_assert_int_eq(row_at(B, 0), 1);
    uint64_t before = alloc.countdown;
    for (int i = 0; i < 20 && !it_trips_oom(T); i++) {
        it_pkt *p = it_node_packet(&A->n);
        p->len = 20;
        alloc.countdown = 0;
        it_node_send(&A->n, it_world_now(W), 0, p);
        alloc.countdown = before;
        wait_for(WAY);
    }
    ck_assert(it_trips_oom(T));
    ck_assert_int_eq(row_at(B, 0), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("netsim/see/trips");
    TCase *t = tcase_create("trips");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, each_trip_follows_the_one_before);
    tcase_add_test(t, what_left_before_the_call_is_no_trip);
    tcase_add_test(t, a_request_to_a_server_is_two_trips);
    tcase_add_test(t, what_a_server_sends_on_to_the_other_end_is_one_trip);
    tcase_add_test(t, a_message_by_no_packet_is_a_trip);
    tcase_add_test(t, what_a_host_drops_has_not_come);
    tcase_add_test(t, what_was_not_seen_to_leave_is_passed_over);
    tcase_add_test(t, events_of_one_time_keep_their_order);
    tcase_add_test(t, a_time_that_was_not_seen_has_no_row);
    tcase_add_test(t, it_leaves_the_world_once_both_ends_have_had_media_for_a_while);
    tcase_add_test(t, a_row_of_nothing_is_empty);
    tcase_add_test(t, memory_that_was_short_is_told);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
