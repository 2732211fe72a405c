/* Captures: the same bytes whether they are taken away in pieces or at the end, received packets only, drops, lack of memory. */
#include "edges.h"

#include "netsim/capture.h"

#include <stdlib.h>

typedef struct file {
    uint8_t p[1 << 16];
    size_t n;
} file;

static void append(file *f, it_bytes d)
{
    ck_assert_uint_le(f->n + d.n, sizeof f->p);
    if (d.n)
        memcpy(f->p + f->n, d.p, d.n);
    f->n += d.n;
}

/* Twelve packets over a link that loses half of them; |often| takes what is complete after each. */
static void run(file *f, bool often, bool only_in, uint64_t *blocks)
{
    rig r;
    it_alloc a;
    it_link_dir_cfg d = {.delay = IT_MS, .loss_ppm = 500000};
    it_alloc_init(&a);
    rig_open(&r, 3, "ab", &d, NULL);
    it_capture *c = it_capture_new(&a, "test");
    ck_assert_ptr_nonnull(c);
    it_capture_only_in(c, only_in);
    ck_assert_int_eq(it_world_observe(r.w, it_capture_observer(c)), 0);
    f->n = 0;
    for (int i = 0; i < 12; i++) {
        edge_put(&r, r.a, (size_t)(40 + i), 0);
        if (often)
            append(f, it_capture_take(c));
        (void)rig_run(&r, (i + 1) * 2 * IT_MS);
    }
    append(f, it_capture_bytes(c));
    *blocks = it_capture_blocks(c);
    ck_assert(!it_capture_oom(c));
    it_capture_free(c);
    ck_assert_int_eq(a.live, 0);
    rig_close(&r);
}

static size_t count(const file *f, const char *text)
{
    size_t n = 0, k = strlen(text);
    for (size_t i = 0; i + k <= f->n; i++)
        n += memcmp(f->p + i, text, k) == 0;
    return n;
}

/* Walks the blocks: lengths stand at both ends of each and fill the file. Returns how many. */
static size_t walk(const file *f)
{
    size_t n = 0;
    for (size_t at = 0; at < f->n; n++) {
        uint32_t len, again;
        memcpy(&len, f->p + at + 4, 4);
        ck_assert_uint_ge(len, 12);
        ck_assert_uint_le(at + len, f->n);
        memcpy(&again, f->p + at + len - 4, 4);
        ck_assert_uint_eq(len, again);
        at += len;
    }
    return n;
}

static file one, two;

START_TEST(taken_in_pieces_a_capture_has_the_same_bytes)
{
    uint64_t n1, n2;
    run(&one, false, false, &n1);
    run(&two, true, false, &n2);
    ck_assert_uint_eq(n1, n2);
    ck_assert_uint_eq(one.n, two.n);
    ck_assert_mem_eq(one.p, two.p, one.n);
}
END_TEST

START_TEST(each_packet_is_written_at_both_ends_and_each_loss_has_its_comment)
{
    uint64_t n;
    run(&one, false, false, &n);
    size_t lost = count(&one, "a: DROP lost on the link");
    ck_assert_uint_gt(lost, 2);
    ck_assert_uint_lt(lost, 10);
    ck_assert_uint_eq(n, 12 + (12 - lost));
    ck_assert_uint_eq(walk(&one), n + 4); /* section, names, two interfaces */
}
END_TEST

START_TEST(with_only_in_a_packet_is_written_where_it_ends)
{
    uint64_t all, in;
    run(&one, false, false, &all);
    run(&two, true, true, &in);
    ck_assert_uint_eq(in, 12);
    ck_assert_uint_eq(count(&one, "a: DROP lost on the link"), count(&two, "a: DROP lost on the link"));
    ck_assert_uint_eq(walk(&two), 12 + 4);
}
END_TEST

START_TEST(without_memory_a_capture_says_so)
{
    int done = 0;
    for (uint64_t grant = 0; !done && grant < 200; grant++) {
        rig r;
        it_alloc a;
        rig_open(&r, 3, "ab", NULL, NULL);
        it_alloc_init_countdown(&a, grant);
        it_capture *c = it_capture_new(&a, "test");
        if (c) {
            ck_assert_int_eq(it_world_observe(r.w, it_capture_observer(c)), 0);
            for (int i = 0; i < 40; i++)
                edge_put(&r, r.a, 1000, 0);
            (void)it_capture_take(c);
            edge_put(&r, r.a, 1000, 0);
            (void)it_capture_bytes(c);
            done = !it_capture_oom(c);
        }
        (void)rig_run(&r, IT_SEC);
        rig_close(&r);
        it_capture_free(c);
        ck_assert_int_eq(a.live, 0);
    }
    ck_assert(done);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("netsim/capture");
    TCase *t = tcase_create("pcapng");
    tcase_add_test(t, taken_in_pieces_a_capture_has_the_same_bytes);
    tcase_add_test(t, each_packet_is_written_at_both_ends_and_each_loss_has_its_comment);
    tcase_add_test(t, with_only_in_a_packet_is_written_where_it_ends);
    tcase_add_test(t, without_memory_a_capture_says_so);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
