/* reports/read/results.c: the ways of the oracle in one line. */
#include "reports/read/results.h"

#include <check.h>
#include <stdlib.h>

#define NEAR_FAR "\"ends\":[\"alice\",\"bob\"],"
#define UNBUILT "{\"path\":\"relay_udp\",\"outcome\":\"not built\",\"why\":\"not built: x\"}"
#define PROXY "{\"rung\":\"proxy\",\"path\":\"relay_tcp\",\"outcome\":\"not built\"}"

static const struct {
    const char *json, *text;
} CASES[] = {
    {"{" NEAR_FAR "\"oracle\":{\"ways\":[{\"path\":\"direct_udp\",\"outcome\":\"open\",\"kinds\":[[\"srflx/srflx\","
     "\"host/srflx\"],[\"srflx/prflx\"]]}," UNBUILT "," PROXY "]}}",
     "direct_udp open (alice srflx/srflx host/srflx; bob srflx/prflx); not built: relay_udp, proxy"},
    {"{\"oracle\":{\"ways\":[{\"path\":\"direct_udp\",\"outcome\":\"either\",\"kinds\":[[\"host/host\"],[\"host/"
     "host\"]]},{\"path\":\"relay_udp\",\"outcome\":\"open\",\"kinds\":[[\"relay/host\"],[\"host/relay\"]]}]}}",
     "direct_udp either (near host/host; far host/host); relay_udp open (near relay/host; far host/relay)"},
    {"{\"oracle\":{\"ways\":[{\"path\":\"direct_udp\",\"outcome\":\"none\"}]}}", "direct_udp none"},
    {"{\"oracle\":{\"ways\":[" UNBUILT "]}}", "not built: relay_udp"},
    {"{\"oracle\":{\"outcome\":\"open\"}}", ""}, /* of an older program */
    {"{\"oracle\":null}", ""},
    {"{\"oracle\":{\"ways\":[7,{\"outcome\":[],\"kinds\":[7,[8]]}]}}", " ;   (near; far )"}, /* of no program */
};

START_TEST(the_ways_are_one_line_and_what_is_not_built_comes_last)
{
    json_t *c = json_loads(CASES[_i].json, 0, NULL);
    it_alloc alloc;
    it_str out;
    ck_assert_ptr_nonnull(c);
    it_alloc_init(&alloc);
    it_str_init(&out, &alloc);
    it_results_ways(c, &out);
    ck_assert_str_eq(it_str_c(&out), CASES[_i].text);
    it_str_fini(&out);
    json_decref(c);
    ck_assert_int_eq(alloc.live, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("reports/read/results");
    TCase *c = tcase_create("ways");
    tcase_add_loop_test(c, the_ways_are_one_line_and_what_is_not_built_comes_last, 0,
                        (int)(sizeof CASES / sizeof *CASES));
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
