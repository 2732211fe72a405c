/* What is read of faults: which one counts, from which one an event counts, when nothing passes. */
#include "reports/read/faults.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *parse(const char *text)
{
    json_error_t err;
    json_t *o = json_loads(text, 0, &err);
    ck_assert_msg(o != NULL, "%s", err.text);
    return o;
}

static json_t *event(const json_t *o, size_t i)
{
    return json_array_get(json_object_get(o, "events"), i);
}

#define FAULTS                                                                                                         \
    "\"faults\":[{\"t\":5,\"text\":\"up\",\"heals\":true,\"counts\":[]},{\"t\":10,\"text\":\"a\"},{\"t\":20,\"text\":" \
    "\"b\",\"takes\":{\"near\":\"all\"},\"counts\":[\"near\",7]},{\"t\":30,\"text\":\"c\",\"counts\":[\"far\"]}]"

START_TEST(each_end_has_its_fault)
{
    json_t *o = parse("{" FAULTS "}");
    ck_assert_int_eq(it_faults_counting(o, "near"), 2);
    ck_assert_int_eq(it_faults_counting(o, "far"), 3);
    ck_assert_int_eq(it_faults_counting(o, NULL), 2);
    ck_assert_int_eq(it_faults_counting(o, "nobody"), 1); /* the first that heals nothing */
    ck_assert(it_faults_counts(o, 2, "near") && !it_faults_counts(o, 2, "far") && it_faults_counts(o, 2, NULL));
    ck_assert(!it_faults_counts(o, 0, NULL) && !it_faults_counts(o, -1, NULL) && !it_faults_counts(o, 4, NULL));
    ck_assert_int_eq(it_faults_count(o), 3);
    ck_assert_int_eq(it_faults_time(o, 3), 30);
    ck_assert_int_eq(it_faults_time(o, 4), -1);
    ck_assert_str_eq(it_faults_text(o, 1), "a");
    ck_assert_str_eq(it_faults_text(o, -1), "");
    ck_assert(!it_faults_instant(o, 0) && it_faults_instant(o, 1) && !it_faults_instant(o, 2) &&
              !it_faults_instant(o, 9));
    json_decref(o);
    o = parse("{\"faults\":[{\"t\":5,\"heals\":true}]}");
    ck_assert_int_eq(it_faults_counting(o, "near"), -1);
    json_decref(o);
}
END_TEST

START_TEST(an_event_counts_from_the_fault_it_names)
{
    json_t *o = parse(
        "{\"outages\":[]," FAULTS
        ",\"events\":[{\"end\":\"near\",\"t\":26,\"fault\":1},{\"end\":\"near\",\"t\":26},{\"end\":\"near\",\"t\":9,"
        "\"fault\":1},{\"end\":\"near\",\"t\":26,\"fault\":4},{\"end\":\"near\",\"t\":26,\"fault\":-3}]}");
    ck_assert_int_eq(it_faults_after(o, event(o, 0)), 16);
    ck_assert_int_eq(it_faults_after(o, event(o, 1)), -1); /* it would say */
    ck_assert_int_eq(it_faults_after(o, event(o, 2)), -1); /* before it */
    ck_assert_int_eq(it_faults_after(o, event(o, 3)), -1); /* there is none */
    ck_assert_int_eq(it_faults_after(o, event(o, 4)), -1);
    json_decref(o);
    /* a result of an older program: the fault of its end */
    o = parse("{" FAULTS
              ",\"events\":[{\"end\":\"near\",\"t\":26},{\"end\":\"near\",\"t\":20},{\"end\":\"near\",\"t\":19}]}");
    ck_assert_int_eq(it_faults_after(o, event(o, 0)), 6);
    ck_assert_int_eq(it_faults_after(o, event(o, 1)), 0);
    ck_assert_int_eq(it_faults_after(o, event(o, 2)), -1);
    json_decref(o);
}
END_TEST

/* Two ends, of which one may have nothing while the other has something. */
#define TIMES                                                                                                          \
    "\"outages\":[{\"end\":\"a\",\"t\":10,\"until\":20,\"what\":\"part\"},{\"end\":\"a\",\"t\":30,\"until\":40,"       \
    "\"what\":"                                                                                                        \
    "\"all\"},{\"end\":\"b\",\"t\":25,\"until\":35,\"what\":\"all\"},{\"end\":\"b\",\"t\":60,\"what\":\"all\"}]"

START_TEST(silence_is_when_some_end_has_no_way_left)
{
    static const struct {
        int64_t t, from, until;
    } WANT[] = {{0, 25, 35}, {25, 25, 35}, {34, 34, 40}, {35, 35, 40}, {40, 60, INT64_MAX}, {70, 70, INT64_MAX}};
    json_t *o = parse("{" TIMES "}");
    int64_t from = 0, until = 0;
    for (size_t i = 0; i < sizeof WANT / sizeof *WANT; i++) {
        ck_assert(it_faults_silence(o, WANT[i].t, &from, &until));
        ck_assert_int_eq(from, WANT[i].from);
        ck_assert_int_eq(until, WANT[i].until);
    }
    json_decref(o);
    o = parse("{\"outages\":[{\"t\":10,\"until\":20,\"what\":\"all\"}]}");
    ck_assert(it_faults_silence(o, 19, &from, &until));
    ck_assert(!it_faults_silence(o, 20, &from, &until));
    json_decref(o);
}
END_TEST

/* Lost after the call was over, it is no way that the call died of. */
START_TEST(a_last_way_is_lost_by_a_call_that_lives)
{
    static const char *const OVER[] = {"death", "closed"};
    for (int over = 0; over < 2; over++)
        for (int at = 39; at <= 41; at++) {
            char text[300];
            snprintf(text, sizeof text,
                     "{\"outages\":[{\"end\":\"a\",\"t\":20,\"until\":40,\"what\":\"part\"},{\"end\":\"a\",\"t\":40,"
                     "\"what\":\"all\"}],\"events\":[{\"end\":\"a\",\"t\":1,\"name\":\"open\"},{\"end\":\"a\","
                     "\"t\":%d,\"name\":\"%s\"}]}",
                     at, OVER[over]);
            json_t *o = parse(text);
            ck_assert_int_eq(it_faults_final(o), at >= 40);
            json_decref(o);
        }
}
END_TEST

START_TEST(odd_members_are_nothing)
{
    static const char *const ODD[] = {"{}", "{\"faults\":7,\"outages\":\"x\",\"events\":{}}",
                                      "{\"faults\":[1,[],null],\"outages\":[1,{}],\"events\":[3]}"};
    for (size_t i = 0; i < 3; i++) {
        int64_t from, until;
        json_t *o = parse(ODD[i]);
        ck_assert(!it_faults_final(o));
        ck_assert(!it_faults_silence(o, 0, &from, &until));
        ck_assert(!it_faults_counts(o, 0, NULL));
        json_decref(o);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("reports/read/faults");
    TCase *c = tcase_create("faults");
    tcase_add_test(c, each_end_has_its_fault);
    tcase_add_test(c, an_event_counts_from_the_fault_it_names);
    tcase_add_test(c, silence_is_when_some_end_has_no_way_left);
    tcase_add_test(c, a_last_way_is_lost_by_a_call_that_lives);
    tcase_add_test(c, odd_members_are_nothing);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
