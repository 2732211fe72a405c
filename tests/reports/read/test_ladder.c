/* From trace lines to columns, messages and rows. */
#include "reports/read/ladder.h"

#include "reports/read/cause.h"
#include "tests/reports/folder.h"

static const char *const ENDS[2] = {"near", "far"};

/* near - near-gw - internet - far-gw - far, a STUN server, segments between hosts and boxes. */
#define NODE(name, what) "{\"node\":\"" name "\",\"kind\":\"node\",\"what\":\"" what "\"}\n"
#define LINK(a, b) "{\"node\":\"" a "\",\"kind\":\"link\",\"peer\":\"" b "\"}\n"
/* clang-format off */
#define WORLD                                                                                      \
    NODE("internet", "router") NODE("stun", "host") NODE("near", "host") NODE("near-gw", "nat")    \
    NODE("near-gw-lan", "lan") NODE("far", "host") NODE("far-gw", "nat")                           \
    LINK("stun", "internet") LINK("near", "near-gw-lan") LINK("near-gw", "internet")               \
    LINK("near-gw-lan", "near-gw") LINK("far", "far-gw") LINK("far-gw", "internet")
/* clang-format on */

#define HOP(t, node, port, kind, id, src, dst, label)                                                                  \
    "{\"t_ns\":" #t ",\"node\":\"" node "\",\"port\":\"" port "\",\"kind\":\"" kind "\",\"packet\":" #id               \
    ",\"src\":\"" src "\",\"dst\":\"" dst "\",\"proto\":17,\"label\":\"" label "\"}\n"
#define DROP(t, node, port, id, src, dst, label)                                                                       \
    "{\"t_ns\":" #t ",\"node\":\"" node "\",\"port\":\"" port "\",\"kind\":\"drop\",\"packet\":" #id ",\"src\":\"" src \
    "\",\"dst\":\"" dst "\",\"proto\":17,\"label\":\"" label                                                           \
    "\",\"reason\":\"nat.x\",\"rule\":\"no mapping\",\"rfc\":\"RFC 4787\"}\n"
#define EVENT(t, node, kind) "{\"t_ns\":" #t ",\"node\":\"" node "\",\"kind\":\"" kind "\",\"text\":\"x\"}\n"
#define FAULT(t, what)                                                                                                 \
    "{\"t_ns\":" #t ",\"node\":\"\",\"kind\":\"fault\",\"what\":\"" what "\",\"text\":\"gw reboots\"}\n"

static void read_trace(folder *f, it_rtrace *t, const char *text)
{
    char path[128];
    folder_open(f);
    folder_put(f, "t.jsonl", text);
    snprintf(path, sizeof path, "%s/t.jsonl", f->dir);
    ck_assert_msg(it_rtrace_read(t, &f->alloc, path, ENDS, f->err) == 0, "%s", f->err);
}

static void done(folder *f, it_rtrace *t)
{
    it_rtrace_fini(t);
    folder_close(f);
}

static int column(const it_rtrace *t, const char *name)
{
    for (int i = 0; i < t->n_nodes; i++)
        if (strcmp(t->nodes[i].name, name) == 0)
            return t->nodes[i].column;
    return -1;
}

START_TEST(columns_run_from_near_to_far_with_servers_at_the_internet)
{
    folder f;
    it_rtrace t;
    read_trace(&f, &t, WORLD);
    ck_assert_int_eq(t.columns, 5);
    ck_assert_int_eq(column(&t, "near"), 0);
    ck_assert_int_eq(column(&t, "near-gw"), 1);
    ck_assert_int_eq(column(&t, "internet"), 2);
    ck_assert_int_eq(column(&t, "far-gw"), 3);
    ck_assert_int_eq(column(&t, "far"), 4);
    ck_assert_int_eq(column(&t, "stun"), 2);
    ck_assert_int_eq(column(&t, "near-gw-lan"), 1);
    done(&f, &t);
}
END_TEST

START_TEST(hops_of_a_packet_are_one_message_with_a_dot_at_each_nat)
{
    folder f;
    it_rtrace t;
    read_trace(&f, &t,
               WORLD HOP(10, "near", "eth", "send", 1, "a:1", "s:2", "check")
                   HOP(20, "near-gw", "lan", "recv", 1, "a:1", "s:2", "check")
                       HOP(20, "near-gw", "wan", "send", 1, "g:9", "s:2", "check")
                           HOP(30, "internet", "x", "send", 1, "g:9", "s:2", "check")
                               HOP(40, "stun", "eth", "recv", 1, "g:9", "s:2", "check"));
    ck_assert_uint_eq(t.n, 1);
    ck_assert_uint_eq(t.n_packets, 1);
    ck_assert_str_eq(t.nodes[t.v[0].from].name, "near");
    ck_assert_str_eq(t.nodes[t.v[0].to].name, "stun");
    ck_assert_uint_eq(t.v[0].rewritten, 1u << 1);
    ck_assert(!t.v[0].dropped);
    ck_assert_int_eq(t.v[0].t_end, 40);
    done(&f, &t);
}
END_TEST

START_TEST(drops_are_counted_by_box_and_rule_and_make_the_sentence)
{
    folder f;
    it_rtrace t;
    it_causes c;
    it_str out;
    read_trace(&f, &t,
               WORLD HOP(10, "near", "eth", "send", 1, "a:1", "s:2", "check")
                   DROP(20, "far-gw", "wan", 1, "a:1", "s:2", "check")
                       HOP(30, "near", "eth", "send", 2, "a:1", "s:2", "check")
                           DROP(40, "far-gw", "wan", 2, "a:1", "s:2", "check") EVENT(50, "near", "death"));
    it_causes_of(&c, &t);
    ck_assert_uint_eq(c.n, 1);
    ck_assert_uint_eq(c.v[0].n, 2);
    it_str_init(&out, &f.alloc);
    ck_assert_int_eq(it_cause_sentence(&t, -1, INT64_MAX, &out), 0);
    ck_assert_str_eq(it_str_c(&out), "far-gw: no mapping, RFC 4787 (2 packets); then near: death, x");
    it_str_clear(&out);
    ck_assert_int_eq(it_cause_sentence(&t, 30, INT64_MAX, &out), 0);
    ck_assert_str_eq(it_str_c(&out), "far-gw: no mapping, RFC 4787 (1 of 2 packets); then near: death, x");
    it_str_fini(&out);
    done(&f, &t);
}
END_TEST

START_TEST(a_drop_behind_which_the_way_is_open_is_not_blamed)
{
    folder f;
    it_rtrace t;
    it_str out;
    /* two ways are dropped at first; on a:1 to s:2 a later packet arrives, on a:1 to s:3 none does */
    read_trace(&f, &t,
               WORLD DROP(20, "far-gw", "wan", 1, "a:1", "s:2", "check")
                   DROP(20, "far-gw", "wan", 2, "a:1", "s:2", "check")
                       DROP(21, "near-gw", "wan", 3, "a:1", "s:3", "check") EVENT(22, "near", "open")
                           HOP(30, "near", "eth", "send", 4, "a:1", "s:2", "check")
                               HOP(40, "far", "eth", "recv", 4, "a:1", "s:2", "check") EVENT(50, "near", "death"));
    it_str_init(&out, &f.alloc);
    ck_assert_int_eq(it_cause_sentence(&t, -1, INT64_MAX, &out), 0);
    ck_assert_str_eq(it_str_c(&out), "near-gw: no mapping, RFC 4787 (1 packet); then near: death, x");
    it_str_clear(&out);
    ck_assert_int_eq(it_cause_sentence(&t, 30, INT64_MAX, &out), 0);
    ck_assert_str_eq(it_str_c(&out), "no drop explains this; near: death, x");
    it_str_clear(&out);
    ck_assert_int_eq(it_cause_sentence(&t, 30, 45, &out), 0);
    ck_assert_str_eq(it_str_c(&out), "no drop explains this; near: open, x");
    it_str_fini(&out);
    done(&f, &t);
}
END_TEST

/* Voice from far to near, 5 datagrams that arrive and 3 that near-gw drops: datagram by datagram and as runs. */
static const char SINGLY[] =
    WORLD HOP(0, "far", "eth", "send", 1, "f:1", "n:2", "voice") HOP(1, "near", "eth", "recv", 1, "f:1", "n:2", "voice")
        HOP(20000000, "far", "eth", "send", 2, "f:1", "n:2", "voice")
            HOP(20000001, "near-gw", "wan", "recv", 2, "f:1", "n:2", "voice")
                HOP(20000001, "near", "eth", "recv", 2, "f:1", "n:2", "voice")
                    DROP(40000000, "near-gw", "wan", 3, "f:1", "n:2", "voice")
                        DROP(60000000, "near-gw", "wan", 4, "f:1", "n:2", "voice")
                            DROP(80000000, "near-gw", "wan", 5, "f:1", "n:2", "voice")
                                HOP(300000000, "near", "eth", "recv", 6, "f:1", "n:2", "voice");
#define RUN(t, last, node, port, what, n, drop)                                                                        \
    "{\"t_ns\":" #t ",\"last_ns\":" #last ",\"node\":\"" node "\",\"port\":\"" port                                    \
    "\",\"kind\":\"run\",\"what\":\"" what "\",\"packets\":" #n                                                        \
    ",\"packet\":1,\"src\":\"f:1\",\"dst\":\"n:2\",\"label\":\"voice\"" drop "}\n"
static const char FOLDED[] = WORLD RUN(300000000, 300000000, "near", "eth", "recv", 1, "")
    RUN(0, 20000000, "far", "eth", "send", 2, "") RUN(1, 20000001, "near", "eth", "recv", 2, "")
        RUN(40000000, 80000000, "near-gw", "wan", "drop", 3,
            ",\"reason\":\"nat.x\",\"rule\":\"no mapping\",\"rfc\":\"RFC 4787\"");

START_TEST(voice_makes_the_same_rows_folded_or_not)
{
    static const char *const TEXT[] = {SINGLY, FOLDED};
    folder f;
    it_rtrace t;
    it_ladder l;
    read_trace(&f, &t, TEXT[_i]);
    it_ladder_make(&l, &t);
    ck_assert_uint_eq(t.n, 3);
    for (size_t i = 0; i < 3; i++)
        ck_assert_str_eq(t.nodes[t.v[i].from].name, "far");
    ck_assert_uint_eq(t.v[0].n, 2);
    ck_assert_uint_eq(t.v[1].n, 3);
    ck_assert(t.v[1].dropped);
    ck_assert_str_eq(t.nodes[t.v[1].to].name, "near-gw");
    ck_assert_int_eq(t.v[2].t, 300000000);
    ck_assert_uint_eq(t.n_packets, 2);
    done(&f, &t);
}
END_TEST

START_TEST(voice_of_a_third_host_is_not_lost)
{
    folder f;
    it_rtrace t;
    read_trace(&f, &t,
               NODE("third", "host") LINK("third", "internet")
                   WORLD HOP(1, "third", "eth", "send", 7, "t:1", "n:2", "voice")
                       HOP(2, "near-gw", "wan", "recv", 7, "t:1", "n:2", "voice")
                           HOP(3, "near", "eth", "recv", 7, "t:1", "n:2", "voice"));
    ck_assert_uint_eq(t.n, 1);
    ck_assert_str_eq(t.nodes[t.v[0].from].name, "third");
    ck_assert_str_eq(t.nodes[t.v[0].to].name, "near");
    ck_assert_uint_eq(t.n_packets, 1);
    done(&f, &t);
}
END_TEST

/* The text ladder of |trace|. */
static char *ladder_text(folder *f, const char *trace)
{
    char path[128], *text = NULL;
    size_t n;
    folder_open(f);
    folder_put(f, "t.jsonl", trace);
    snprintf(path, sizeof path, "%s/t.jsonl", f->dir);
    FILE *out = open_memstream(&text, &n);
    ck_assert_msg(it_ladder_text(&f->alloc, path, out, f->err) == 0, "%s", f->err);
    fclose(out);
    return text;
}

START_TEST(only_a_lifeline_that_saw_the_packet_gets_an_arrowhead)
{
    folder f;
    char *text = ladder_text(&f, WORLD HOP(1, "near", "eth", "send", 1, "a:1", "b:2", "check")
                                     HOP(2, "near-gw", "lan", "recv", 1, "a:1", "b:2", "check")
                                         HOP(3, "far", "eth", "recv", 1, "a:1", "b:2", "check"));
    size_t heads = 0;
    for (const char *p = strstr(text, "check"); p && *p && *p != '\n'; p++)
        heads += *p == '>';
    ck_assert_msg(heads == 2, "%zu heads:\n%s", heads, text); /* at near-gw and at far */
    free(text);
    folder_close(&f);
}
END_TEST

START_TEST(text_has_columns_from_left_to_right_and_drops_with_rule_section_and_note)
{
    folder f;
    char *text = ladder_text(
        &f,
        WORLD HOP(1000000, "near", "eth", "send", 1, "a", "s",
                  "Binding request") HOP(2000000, "stun", "eth", "recv", 1, "a", "s",
                                         "Binding request") HOP(3000000, "far", "eth", "send", 2, "b", "a", "check")
            DROP(4000000, "near-gw", "wan", 2, "b", "a",
                 "check") "{\"t_ns\":5000000,\"node\":\"near\",\"kind\":\"log\",\"text\":\"hello\"}\n" FAULT(6000000,
                                                                                                             "reboot"));
    ck_assert_str_eq(
        text, "       t/ms near               near-gw              stun               far-gw                far\n"
              "      1.000   |--Binding request--|------------------>|                   |                   |\n"
              "      3.000   |                   |x------------------|-------------------|--check------------|   x "
              "near-gw: no mapping (RFC 4787)\n"
              "      5.000   *                   |                   |                   |                   |   * "
              "log: hello\n"
              "      6.000   |                   |                   |                   |                   |   = "
              "fault: gw reboots\n");
    free(text);
    folder_close(&f);
}
END_TEST

START_TEST(text_is_the_same_from_a_full_and_from_a_folded_trace)
{
    folder f, g;
    char *full = ladder_text(&f, SINGLY), *folded = ladder_text(&g, FOLDED);
    ck_assert_str_eq(full, folded);
    ck_assert_ptr_nonnull(strstr(full, "and 1 more like it"));
    ck_assert_ptr_nonnull(strstr(full, "x near-gw: no mapping (RFC 4787), and 2 more like it"));
    free(full);
    free(folded);
    folder_close(&f);
    folder_close(&g);
}
END_TEST

START_TEST(text_with_signaling_that_never_arrives_says_so)
{
    folder f;
    char *text =
        ladder_text(&f, WORLD "{\"t_ns\":1,\"node\":\"near\",\"kind\":\"signal\",\"peer\":\"far\",\"text\":\"m\"}\n");
    ck_assert_ptr_nonnull(strstr(text, "|~~signal~~~"));
    ck_assert_ptr_nonnull(strstr(text, "   x it never arrives\n"));
    free(text);
    folder_close(&f);
}
END_TEST

START_TEST(text_lets_no_control_character_through)
{
    folder f;
    char *text = ladder_text(&f, NODE("near", "host") NODE("f\\u001bar", "host") LINK("near", "f\\u001bar")
                                     HOP(1, "near", "eth", "send", 1, "a", "b", "l\\u001babel")
                                         HOP(2, "near", "eth", "send", 2, "a", "b", "on\\u001be")
                                             HOP(3, "f\\u001bar", "eth", "recv", 2, "a", "b", "x")
                                                 EVENT(4, "near", "o\\u001bpen"));
    ck_assert_ptr_null(strchr(text, 27));
    ck_assert_ptr_nonnull(strstr(text, "f?ar"));
    ck_assert_ptr_nonnull(strstr(text, "l?abel"));
    ck_assert_ptr_nonnull(strstr(text, "on?e"));
    ck_assert_ptr_nonnull(strstr(text, "o?pen: x"));
    free(text);
    folder_close(&f);
}
END_TEST

START_TEST(text_runs_out_of_memory_cleanly)
{
    folder f;
    char path[128];
    int rc = IT_ERR_NOMEM;
    free(ladder_text(&f, SINGLY));
    snprintf(path, sizeof path, "%s/t.jsonl", f.dir);
    for (uint64_t n = 0; rc < 0; n++) {
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        it_alloc_init_countdown(&f.alloc, n);
        rc = it_ladder_text(&f.alloc, path, out, f.err);
        fclose(out);
        free(text);
        ck_assert(rc == 0 || rc == IT_ERR_NOMEM);
        ck_assert_int_eq(f.alloc.live, 0);
    }
    folder_close(&f);
}
END_TEST

START_TEST(handshake_is_one_row_to_and_fro)
{
    folder f;
    it_rtrace t;
    it_ladder l;
    read_trace(&f, &t,
               WORLD HOP(1, "near", "eth", "send", 1, "a", "b", "DTLS ClientHello")
                   HOP(2, "far", "eth", "recv", 1, "a", "b", "DTLS ClientHello")
                       HOP(3, "far", "eth", "send", 2, "b", "a", "DTLS ServerHello")
                           HOP(4, "near", "eth", "recv", 2, "b", "a", "DTLS ServerHello"));
    it_ladder_make(&l, &t);
    ck_assert_uint_eq(l.n, 1);
    ck_assert(l.v[0].both);
    ck_assert_uint_eq(l.v[0].n, 2);
    done(&f, &t);
}
END_TEST

START_TEST(what_repeats_is_folded_after_open_but_not_over_a_fault)
{
    folder f;
    it_rtrace t;
    it_ladder l;
    read_trace(
        &f, &t,
        WORLD HOP(1, "near", "eth", "send", 1, "a", "b", "check") HOP(2, "far", "eth", "recv", 1, "a", "b", "check")
            HOP(3, "near", "eth", "send", 2, "a", "b", "check") HOP(4, "far", "eth", "recv", 2, "a", "b", "check")
                EVENT(5, "near", "open") HOP(6, "near", "eth", "send", 3, "a", "b", "check")
                    HOP(7, "far", "eth", "recv", 3, "a", "b", "check")
                        HOP(8, "near", "eth", "send", 4, "a", "b", "check")
                            HOP(9, "far", "eth", "recv", 4, "a", "b", "check") FAULT(10, "reboot")
                                HOP(11, "near", "eth", "send", 5, "a", "b", "check")
                                    HOP(12, "far", "eth", "recv", 5, "a", "b", "check") EVENT(13, "near", "test"));
    it_ladder_make(&l, &t);
    ck_assert_uint_eq(l.n,
                      6); /* two checks, open, two checks in one, the fault, a check; a test is no event for people */
    ck_assert_uint_eq(l.v[3].n, 2);
    ck_assert_int_eq(l.v[3].last, 9);
    ck_assert_int_eq(l.v[3].number, 3);
    ck_assert_int_eq(l.v[2].number, 0);
    ck_assert_uint_eq(l.drawn, 5);
    done(&f, &t);
}
END_TEST

START_TEST(rows_end_at_sixty_and_the_rest_is_counted)
{
    folder f;
    it_rtrace t;
    it_ladder l;
    lines x = {0};
    line(&x, "%.*s", (int)strlen(WORLD) - 1, WORLD);
    for (int i = 0; i < 100; i++)
        line(&x,
             "{\"t_ns\":%d,\"node\":\"near\",\"kind\":\"send\",\"packet\":%d,\"src\":\"a\",\"dst\":\"b\",\"label\":"
             "\"sort %d\"}\n"
             "{\"t_ns\":%d,\"node\":\"far\",\"kind\":\"recv\",\"packet\":%d}",
             i, i + 1, i, i, i + 1);
    line(&x, "%s", "{\"t_ns\":200,\"node\":\"near\",\"kind\":\"death\",\"text\":\"x\"}");
    read_trace(&f, &t, x.p);
    it_ladder_make(&l, &t);
    ck_assert_uint_le(l.n, IT_LADDER_ROWS);
    ck_assert_uint_eq(l.drawn + l.hidden, 100);
    ck_assert_uint_gt(l.hidden, 0);
    ck_assert_str_eq(l.v[l.n - 1].m->label, "death"); /* there is room kept for what apps were told */
    free(x.p);
    done(&f, &t);
}
END_TEST

START_TEST(signaling_that_never_arrives_is_told_from_what_does)
{
    folder f;
    it_rtrace t;
    read_trace(&f, &t,
               WORLD "{\"t_ns\":1,\"node\":\"near\",\"kind\":\"signal\",\"peer\":\"far\",\"text\":\"m\"}\n"
                     "{\"t_ns\":2,\"node\":\"near\",\"kind\":\"signal\",\"peer\":\"far\",\"text\":\"m\"}\n"
                     "{\"t_ns\":3,\"node\":\"far\",\"kind\":\"signaled\",\"peer\":\"near\",\"text\":\"m\"}\n");
    ck_assert_uint_eq(t.n, 2);
    ck_assert(!t.v[0].dropped);
    ck_assert_int_eq(t.v[0].t_end, 3);
    ck_assert(t.v[1].dropped);
    done(&f, &t);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("reports/ladder");
    TCase *t = tcase_create("trace");
    tcase_add_test(t, columns_run_from_near_to_far_with_servers_at_the_internet);
    tcase_add_test(t, hops_of_a_packet_are_one_message_with_a_dot_at_each_nat);
    tcase_add_test(t, drops_are_counted_by_box_and_rule_and_make_the_sentence);
    tcase_add_test(t, a_drop_behind_which_the_way_is_open_is_not_blamed);
    tcase_add_loop_test(t, voice_makes_the_same_rows_folded_or_not, 0, 2);
    tcase_add_test(t, signaling_that_never_arrives_is_told_from_what_does);
    tcase_add_test(t, voice_of_a_third_host_is_not_lost);
    suite_add_tcase(s, t);
    TCase *x = tcase_create("text");
    tcase_add_test(x, only_a_lifeline_that_saw_the_packet_gets_an_arrowhead);
    tcase_add_test(x, text_has_columns_from_left_to_right_and_drops_with_rule_section_and_note);
    tcase_add_test(x, text_is_the_same_from_a_full_and_from_a_folded_trace);
    tcase_add_test(x, text_with_signaling_that_never_arrives_says_so);
    tcase_add_test(x, text_lets_no_control_character_through);
    tcase_add_test(x, text_runs_out_of_memory_cleanly);
    suite_add_tcase(s, x);
    TCase *r = tcase_create("rows");
    tcase_add_test(r, handshake_is_one_row_to_and_fro);
    tcase_add_test(r, what_repeats_is_folded_after_open_but_not_over_a_fault);
    tcase_add_test(r, rows_end_at_sixty_and_the_rest_is_counted);
    suite_add_tcase(s, r);
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
