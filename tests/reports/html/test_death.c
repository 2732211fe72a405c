/* The panels of death: whose last way went for good, told by what, after how long. A second is 9.93 pixels when the
 * last death came after 28 s: 22 + 298 * t / 29.4 s. */
#include "tests/reports/case.h"

START_TEST(death_counts_from_the_fault_that_took_the_last_way)
{
    folder f;
    folder_open(&f);
    char *html = case_overview(&f, &(parts){.faults = NULL});
    page_says(html, "id=\"death\"", "</p>",
              "A side that sees its carrier go knows at once; without a signal and streaming it takes at most 28.0 s.");
    page_says(html, "no signal, streaming", "</figure>", "no signal, streaming 1 apps");
    /* far: stalled 2.02 s after the cut, dead 28 s after it */
    HAS(html, "<circle cx=\"42.4\" cy=\"45\" r=\"2\" fill=\"var(--bg)\" stroke=\"var(--mut)\"/><circle cx=\"305.8\" "
              "cy=\"45\" r=\"2.2\"/>");
    LACKS(html, "id=\"recovery\"");
    page_says(html, "<p class=\"verdict\">", "</p>", "The result is as predicted.");
    free(html);
    folder_close(&f);
}
END_TEST

/* What is no loss of the last way after the call had opened is drawn among what comes back. */
static const struct {
    const char *outages, *section;
} KINDS[] = {
    {"[{\"end\":\"near\",\"t\":30000000000,\"what\":\"all\"}]", "id=\"death\""},
    {"[{\"end\":\"near\",\"t\":10000000000,\"until\":20000000000,\"what\":\"all\"},{\"end\":\"far\",\"t\":30000000000,"
     "\"what\":\"all\"}]",
     "id=\"death\""},
    {"[{\"end\":\"near\",\"t\":30000000000,\"what\":\"part\"}]", "id=\"recovery\""},
    {"[{\"end\":\"near\",\"t\":30000000000,\"until\":60000000000,\"what\":\"all\"}]", "id=\"recovery\""},
    {"[{\"end\":\"near\",\"t\":0,\"what\":\"all\"}]", "id=\"recovery\""},
    {"[{\"end\":\"near\",\"t\":1000000000,\"what\":\"all\"}]", "id=\"death\""}, /* as it opens */
    {"[]", "id=\"recovery\""},
};

START_TEST(a_case_is_about_death_when_the_last_way_goes_for_good)
{
    folder f;
    folder_open(&f);
    char *html = case_overview(&f, &(parts){.outages = KINDS[_i].outages});
    HAS(html, KINDS[_i].section);
    ck_assert_uint_eq(count_of(html, "<h2 id=\"death\"") + count_of(html, "<h2 id=\"recovery\""), 1);
    free(html);
    folder_close(&f);
}
END_TEST

START_TEST(idle_apps_have_a_panel_of_their_own)
{
    folder f;
    folder_open(&f);
    char *html = case_overview(&f, &(parts){.more = ",\"cell\":{\"model\":\"B\",\"media\":\"none\"}"});
    page_says(html, "id=\"death\"", "</p>",
              "A side that sees its carrier go knows at once; idle it takes at most 28.0 s.");
    free(html);
    html = case_overview(
        &f, &(parts){.events = "[{\"end\":\"far\",\"name\":\"open\",\"t\":1},{\"end\":\"far\",\"name\":\"death\",\"t\":"
                               "31000000000,\"fault\":3}]"});
    page_says(html, "id=\"death\"", "</p>",
              "How death is noticed Without a signal and streaming it takes at most 1.00 s.");
    free(html);
    folder_close(&f);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("reports/html/death");
    TCase *c = tcase_create("panels");
    tcase_add_test(c, death_counts_from_the_fault_that_took_the_last_way);
    tcase_add_loop_test(c, a_case_is_about_death_when_the_last_way_goes_for_good, 0, sizeof KINDS / sizeof *KINDS);
    tcase_add_test(c, idle_apps_have_a_panel_of_their_own);
    suite_add_tcase(s, c);
    return case_run(s);
}
