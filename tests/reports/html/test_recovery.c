/* The panels of what comes back: a line a model, each from the fault that counts for the end that had the worse of it.
 * The axis: 8 s before the fault at 18, the fault and 60 s behind it at 322: 4.47 pixels a second. */
#include "tests/reports/case.h"

#define FLAPS                                                                                                          \
    "[{\"t\":10000000000,\"what\":\"flap\",\"text\":\"one\",\"takes\":{\"near\":\"all\"}},{\"t\":20000000000,"         \
    "\"what\":"                                                                                                        \
    "\"flap\",\"text\":\"two\",\"takes\":{\"near\":\"all\"},\"counts\":[\"near\",\"far\"]}]"
#define TIMES                                                                                                          \
    "[{\"end\":\"near\",\"t\":10000000000,\"until\":12000000000,\"what\":\"all\"},{\"end\":\"near\",\"t\":"            \
    "20000000000,"                                                                                                     \
    "\"until\":25000000000,\"what\":\"all\"}]"
#define BACK(t)                                                                                                        \
    "[{\"end\":\"near\",\"name\":\"open\",\"t\":1},{\"end\":\"far\",\"name\":\"open\",\"t\":2},{\"end\":\"far\","      \
    "\"name\":"                                                                                                        \
    "\"stalled\",\"since\":20010000000,\"t\":22010000000,\"fault\":1},{\"end\":\"far\",\"name\":\"resumed\",\"t\":" #t \
    ",\"fault\":1},{\"end\":\"near\",\"name\":\"resumed\",\"t\":40000000000}]"

START_TEST(recovery_counts_from_the_fault_that_counts)
{
    folder f;
    folder_open(&f);
    char *html = case_overview(&f, &(parts){.faults = FLAPS,
                                            .outages = TIMES,
                                            .events = BACK(25500000000),
                                            .more = ",\"metrics\":{\"t_recover\":5500000000}"});
    page_says(
        html, "id=\"recovery\"", "</p>",
        "Of 1 call with faults that pass or leave another way 1 survives; data flows again on both sides after 5.50 s");
    HAS(html, "<title>B, far</title>");
    page_says(html, "<title>B, far", "</g>\n", "5.50 s");
    /* the first outage is over when the axis begins: one bar, from the fault on, 5 s of 68 s long */
    ck_assert_uint_eq(count_of(html, "<rect class=\"fault\" x=\""), 1);
    HAS(html, "<rect class=\"fault\" x=\"53.7\" y=\"16\" width=\"22.4\" height=\"8\"/>");
    free(html);
    folder_close(&f);
}
END_TEST

START_TEST(models_whose_fault_came_later_are_drawn_from_theirs)
{
    folder f;
    lines l = {0};
    folder_open(&f);
    case_line(&l, &(parts){.faults = FLAPS, .outages = TIMES, .events = BACK(25500000000)});
    case_line(
        &l, &(parts){.model = "E",
                     .faults = "[{\"t\":30000000000,\"what\":\"flush\",\"text\":\"x\",\"counts\":[\"near\",\"far\"]}]",
                     .outages = "[]",
                     .events = "[{\"end\":\"near\",\"name\":\"open\",\"t\":0},{\"end\":\"near\",\"name\":\"failover\","
                               "\"t\":31000000000,\"fault\":0}]"});
    char *html = overview(&f, l.p);
    page_says(html, "id=\"recovery\"", "</p>", "Of 2 calls with faults that pass or leave another way 2 survive.");
    page_says(html, "<title>E, near", "</g>\n", "1.00 s");
    /* the mark stands 1 s behind the fault, as far as B's would */
    HAS(html, "<path class=\"up\" d=\"M58.2 45.5l4 9h-8z\"/>");
    free(html);
    free(l.p);
    folder_close(&f);
}
END_TEST

START_TEST(who_died_and_who_noticed_nothing_is_said)
{
    folder f;
    folder_open(&f);
    char *html = case_overview(
        &f,
        &(parts){.faults = FLAPS,
                 .outages = TIMES,
                 .events = "[{\"end\":\"near\",\"name\":\"open\",\"t\":0},{\"end\":\"near\",\"name\":\"death\",\"t\":"
                           "50000000000,\"fault\":1}]"});
    page_says(html, "id=\"recovery\"", "</p>", "another way none survives.");
    page_says(html, "<title>B, near", "</g>\n", "† 30.0 s");
    free(html);
    html = case_overview(
        &f, &(parts){.faults = FLAPS, .outages = TIMES, .events = "[{\"end\":\"near\",\"name\":\"open\",\"t\":0}]"});
    page_says(html, "id=\"recovery\"", "</p>", "1 survives, 1 of them unnoticed.");
    page_says(html, "<title>B, near", "</g>\n", "unnoticed");
    free(html);
    folder_close(&f);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("reports/html/recovery");
    TCase *c = tcase_create("panels");
    tcase_add_test(c, recovery_counts_from_the_fault_that_counts);
    tcase_add_test(c, models_whose_fault_came_later_are_drawn_from_theirs);
    tcase_add_test(c, who_died_and_who_noticed_nothing_is_said);
    suite_add_tcase(s, c);
    return case_run(s);
}
