/* The trace writer: what its lines say, and that folding counts exactly what it leaves out. */
#include "netsim/see/trace.h"

#include "tests/netsim/edges.h"

#include <jansson.h>
#include <stdlib.h>

typedef struct lines {
    json_t *v[512];
    size_t n;
} lines;

static lines read_lines(it_trace *t)
{
    lines l = {.n = 0};
    it_bytes b = it_trace_bytes(t);
    for (size_t at = 0; at < b.n;) {
        const uint8_t *nl = memchr(b.p + at, '\n', b.n - at);
        ck_assert_ptr_nonnull(nl);
        json_error_t err;
        json_t *o = json_loadb((const char *)b.p + at, (size_t)(nl - b.p) - at, 0, &err);
        ck_assert_msg(o != NULL, "%s", err.text);
        ck_assert_uint_lt(l.n, 512);
        l.v[l.n++] = o;
        at = (size_t)(nl - b.p) + 1;
    }
    return l;
}

static void free_lines(lines *l)
{
    for (size_t i = 0; i < l->n; i++)
        json_decref(l->v[i]);
}

static const char *str(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static int64_t num(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

static size_t count(const lines *l, const char *kind)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        n += strcmp(str(l->v[i], "kind"), kind) == 0;
    return n;
}

static const json_t *first(const lines *l, const char *kind)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(str(l->v[i], "kind"), kind) == 0)
            return l->v[i];
    return NULL;
}

/* Two edges, a trace on them. */
typedef struct traced {
    rig r;
    it_trace *t;
} traced;

static void open_traced(traced *x, const it_link_dir_cfg *there)
{
    rig_open(&x->r, 1, "wire", there, NULL);
    x->t = it_trace_new(&x->r.alloc);
    ck_assert_ptr_nonnull(x->t);
    ck_assert_int_eq(it_world_observe(x->r.w, it_trace_observer(x->t)), 0);
}

static void close_traced(traced *x, lines *l)
{
    free_lines(l);
    it_trace_free(x->t);
    rig_close(&x->r);
}

START_TEST(trace_begins_with_every_node_and_every_link_once)
{
    traced x;
    open_traced(&x, NULL);
    edge_put(&x.r, x.r.a, 60, 0);
    rig_run(&x.r, IT_SEC);
    lines l = read_lines(x.t);
    ck_assert_str_eq(str(l.v[0], "kind"), "node");
    ck_assert_str_eq(str(l.v[0], "node"), "a");
    ck_assert_str_eq(str(l.v[1], "node"), "b");
    ck_assert_str_eq(str(l.v[2], "kind"), "link");
    ck_assert_str_eq(str(l.v[2], "peer"), "b");
    ck_assert_str_eq(str(l.v[2], "text"), "wire");
    ck_assert_uint_eq(count(&l, "node"), 2);
    ck_assert_uint_eq(count(&l, "link"), 1);
    for (size_t i = 0; i < l.n; i++)
        ck_assert_int_eq(num(l.v[i], "seq"), (int64_t)i);
    close_traced(&x, &l);
}
END_TEST

START_TEST(line_of_a_box_has_its_profile_and_class)
{
    traced x;
    open_traced(&x, NULL);
    it_trace_box(x.t, "b", "linux-masq", "EIM/APDF");
    it_trace_box(x.t, "nobody", "x", "y");
    edge_put(&x.r, x.r.a, 60, 0);
    rig_run(&x.r, IT_SEC);
    lines l = read_lines(x.t);
    ck_assert_ptr_null(json_object_get(l.v[0], "profile"));
    ck_assert_str_eq(str(l.v[1], "profile"), "linux-masq");
    ck_assert_str_eq(str(l.v[1], "class"), "EIM/APDF");
    close_traced(&x, &l);
    open_traced(&x, NULL);
    it_trace_box(x.t, "a", "router-of-no-class", "");
    edge_put(&x.r, x.r.a, 60, 0);
    rig_run(&x.r, IT_SEC);
    l = read_lines(x.t);
    ck_assert_str_eq(str(l.v[0], "profile"), "router-of-no-class");
    ck_assert_ptr_null(json_object_get(l.v[0], "class"));
    close_traced(&x, &l);
}
END_TEST

START_TEST(packet_is_the_same_at_both_ends_and_keeps_its_label)
{
    traced x;
    it_link_dir_cfg slow = {.delay = 5 * IT_MS};
    open_traced(&x, &slow);
    edge_put(&x.r, x.r.a, 60, it_world_label(x.r.w, "check"));
    rig_run(&x.r, IT_SEC);
    lines l = read_lines(x.t);
    const json_t *s = first(&l, "send"), *r = first(&l, "recv");
    ck_assert(s && r);
    ck_assert_int_eq(num(s, "packet"), num(r, "packet"));
    ck_assert_str_eq(str(s, "label"), "check");
    ck_assert_str_eq(str(s, "src"), "10.0.0.1:1000");
    ck_assert_str_eq(str(r, "port"), "eth");
    ck_assert_int_eq(num(r, "t_ns") - num(s, "t_ns"), 5 * IT_MS);
    ck_assert_ptr_null(json_object_get(s, "cause"));
    close_traced(&x, &l);
}
END_TEST

START_TEST(drop_says_reason_rule_and_section)
{
    traced x;
    it_link_dir_cfg narrow = {.mtu = 600};
    open_traced(&x, &narrow);
    edge_put(&x.r, x.r.a, 700, 0);
    rig_run(&x.r, IT_SEC);
    lines l = read_lines(x.t);
    const json_t *d = first(&l, "drop");
    ck_assert_ptr_nonnull(d);
    ck_assert_str_eq(str(d, "reason"), "link.mtu");
    ck_assert_str_eq(str(d, "rule"), it_drop_rule(IT_DROP_MTU));
    ck_assert_str_eq(str(d, "rfc"), "RFC 1191 section 4");
    close_traced(&x, &l);
}
END_TEST

START_TEST(events_name_packet_or_fault_that_made_them)
{
    it_alloc a;
    it_alloc_init(&a);
    it_trace *t = it_trace_new(&a);
    it_trace_event(t, 1, &(it_trace_note){.node = "n", .kind = "death", .text = "too early", .by_fault = true});
    it_trace_event(t, 2, &(it_trace_note){.node = "", .kind = "fault", .what = "cut", .text = "n.lan cut"});
    it_trace_event(t, 3, &(it_trace_note){.node = "n", .kind = "death", .text = "link \"down\"", .by_fault = true});
    it_trace_event(t, 4, &(it_trace_note){.node = "n", .kind = "signal", .peer = "m", .text = "x", .cause = 17});
    lines l = read_lines(t);
    ck_assert_uint_eq(l.n, 4);
    ck_assert_ptr_null(json_object_get(l.v[0], "fault"));
    ck_assert_str_eq(str(l.v[1], "what"), "cut");
    ck_assert_int_eq(num(l.v[2], "fault"), 1);
    ck_assert_str_eq(str(l.v[2], "text"), "link \"down\"");
    ck_assert_int_eq(num(l.v[3], "cause"), 17);
    ck_assert_str_eq(str(l.v[3], "peer"), "m");
    free_lines(&l);
    it_trace_free(t);
    ck_assert_int_eq(a.live, 0);
}
END_TEST

/* Hosts send what is folded; edges are no hosts, so of theirs only drops are counted. */
START_TEST(folding_counts_each_drop_and_starts_anew_after_a_gap)
{
    traced x;
    it_link_dir_cfg narrow = {.mtu = 600};
    open_traced(&x, &narrow);
    it_trace_fold(x.t, "voice");
    uint16_t voice = it_world_label(x.r.w, "voice"), other = it_world_label(x.r.w, "check");
    for (int i = 0; i < 10; i++) {
        rig_run(&x.r, i * 20 * IT_MS + (i >= 6 ? IT_SEC : 0));
        edge_put(&x.r, x.r.a, 700, voice);
        if (i == 3)
            edge_put(&x.r, x.r.a, 700, other);
    }
    rig_run(&x.r, 3 * IT_SEC);
    lines l = read_lines(x.t);
    ck_assert_uint_eq(count(&l, "drop"), 1); /* the one that is not voice */
    ck_assert_uint_eq(count(&l, "run"), 2);
    int64_t n = 0, bytes = 0;
    for (size_t i = 0; i < l.n; i++)
        if (strcmp(str(l.v[i], "kind"), "run") == 0) {
            ck_assert_str_eq(str(l.v[i], "what"), "drop");
            ck_assert_str_eq(str(l.v[i], "reason"), "link.mtu");
            ck_assert_int_le(num(l.v[i], "t_ns"), num(l.v[i], "last_ns"));
            n += num(l.v[i], "packets");
            bytes += num(l.v[i], "bytes");
        }
    ck_assert_int_eq(n, 10);
    ck_assert_int_eq(bytes, 7000);
    const json_t *r = first(&l, "run");
    ck_assert_int_eq(num(r, "packets"), 6);
    ck_assert_int_eq(num(r, "last_ns"), 100 * IT_MS);
    close_traced(&x, &l);
}
END_TEST

START_TEST(two_labels_fold_into_rows_of_their_own)
{
    traced x;
    it_link_dir_cfg narrow = {.mtu = 600};
    open_traced(&x, &narrow);
    it_trace_fold(x.t, "voice");
    it_trace_fold(x.t, "SRTP");
    uint16_t label[] = {it_world_label(x.r.w, "voice"), it_world_label(x.r.w, "SRTP"), it_world_label(x.r.w, "SRTCP")};
    for (int i = 0; i < 6; i++) {
        rig_run(&x.r, i * 20 * IT_MS);
        edge_put(&x.r, x.r.a, 700, label[i % 3]);
    }
    rig_run(&x.r, 3 * IT_SEC);
    lines l = read_lines(x.t);
    ck_assert_uint_eq(count(&l, "drop"), 2);
    ck_assert_uint_eq(count(&l, "run"), 2);
    bool srtp = false;
    for (size_t i = 0; i < l.n; i++) {
        if (strcmp(str(l.v[i], "kind"), "run") != 0)
            continue;
        srtp |= strcmp(str(l.v[i], "label"), "SRTP") == 0;
        ck_assert_int_eq(num(l.v[i], "packets"), 2);
    }
    ck_assert(srtp);
    close_traced(&x, &l);
}
END_TEST

START_TEST(folded_trace_survives_its_world)
{
    traced x;
    it_link_dir_cfg narrow = {.mtu = 600};
    open_traced(&x, &narrow);
    it_trace_fold(x.t, "voice");
    edge_put(&x.r, x.r.a, 700, it_world_label(x.r.w, "voice"));
    rig_run(&x.r, IT_SEC);
    it_world_free(x.r.w);
    lines l = read_lines(x.t);
    ck_assert_str_eq(str(first(&l, "run"), "node"), "a");
    free_lines(&l);
    it_trace_free(x.t);
    ck_assert_int_eq(x.r.alloc.live, 0);
}
END_TEST

START_TEST(watching_leaves_the_fingerprint_alone)
{
    uint64_t print[2];
    for (int watched = 0; watched < 2; watched++) {
        traced x;
        rig_open(&x.r, 1, "wire", NULL, NULL);
        x.t = it_trace_new(&x.r.alloc);
        if (watched)
            ck_assert_int_eq(it_world_observe(x.r.w, it_trace_observer(x.t)), 0);
        edge_put(&x.r, x.r.a, 60, it_world_label(x.r.w, "check"));
        rig_run(&x.r, IT_SEC);
        print[watched] = it_world_fingerprint(x.r.w);
        it_trace_free(x.t);
        rig_close(&x.r);
    }
    ck_assert(print[0] == print[1]);
}
END_TEST

START_TEST(lost_memory_shows_as_oom)
{
    it_alloc a;
    it_alloc_init(&a);
    it_trace *t = it_trace_new(&a);
    a.countdown = 0;
    it_trace_event(t, 1, &(it_trace_note){.node = "n", .kind = "log", .text = "x"});
    ck_assert(it_trace_oom(t));
    it_trace_free(t);
    ck_assert_int_eq(a.live, 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("netsim/trace");
    TCase *lines_case = tcase_create("lines");
    tcase_add_test(lines_case, trace_begins_with_every_node_and_every_link_once);
    tcase_add_test(lines_case, line_of_a_box_has_its_profile_and_class);
    tcase_add_test(lines_case, packet_is_the_same_at_both_ends_and_keeps_its_label);
    tcase_add_test(lines_case, drop_says_reason_rule_and_section);
    tcase_add_test(lines_case, events_name_packet_or_fault_that_made_them);
    suite_add_tcase(s, lines_case);
    TCase *runs = tcase_create("runs");
    tcase_add_test(runs, folding_counts_each_drop_and_starts_anew_after_a_gap);
    tcase_add_test(runs, two_labels_fold_into_rows_of_their_own);
    tcase_add_test(runs, folded_trace_survives_its_world);
    suite_add_tcase(s, runs);
    TCase *rest = tcase_create("watching");
    tcase_add_test(rest, watching_leaves_the_fingerprint_alone);
    tcase_add_test(rest, lost_memory_shows_as_oom);
    suite_add_tcase(s, rest);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
