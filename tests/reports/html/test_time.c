/* Lines against time: what passed, what each app was told, and from when on it sat in silence. On the page's axis a
 * second is 9.575 pixels, 0 s at 128. */
#include "tests/reports/case.h"

START_TEST(half_bars_stand_only_where_another_way_is_left)
{
    folder f;
    folder_open(&f);
    char *html = case_page(&f, &(parts){.faults = NULL});
    HAS(html, "<rect class=\"half\" x=\"223.7\" y=\"26\" width=\"95.8\" height=\"8\"/>");
    HAS(html, "<rect class=\"fault\" x=\"415.2\" y=\"26\" width=\"478.8\" height=\"8\"/>");
    ck_assert_uint_eq(count_of(html, "<rect class=\"half\" x=\""), 1);
    ck_assert_uint_eq(count_of(html, "<rect class=\"fault\" x=\""), 1);
    free(html);
    /* the same fault at a host with one interface */
    html = case_page(
        &f, &(parts){.outages = "[{\"end\":\"near\",\"t\":10000000000,\"until\":10050000000,\"what\":\"all\"}]"});
    HAS(html, "<rect class=\"fault\" x=\"223.7\" y=\"26\" width=\"1.5\" height=\"8\"/>"); /* never too thin to see */
    LACKS(html, "<rect class=\"half\" x=\"");
    free(html);
    folder_close(&f);
}
END_TEST

START_TEST(faults_of_an_instant_are_strokes)
{
    folder f;
    folder_open(&f);
    char *html = case_page(&f, &(parts){.faults = NULL});
    HAS(html, "<path class=\"inst\" d=\"M367.3 24v12\"/>");             /* the lost state at 25 s */
    ck_assert_uint_eq(count_of(html, "<path class=\"inst\" d=\"M"), 2); /* and the legend */
    free(html);
    folder_close(&f);
}
END_TEST

START_TEST(a_line_is_blind_from_the_last_sign_of_life_until_the_app_is_told)
{
    folder f;
    folder_open(&f);
    char *html = case_page(&f, &(parts){.faults = NULL});
    /* near: data until it is told at once; the failover at 10.5 s breaks no line */
    HAS(html, "<path class=\"flow sd\" d=\"M137.5 56H415.2\"/><path class=\"up\" d=\"M228.5 50.5l4 9h-8z\"/>");
    /* far: nothing can come from 30 s on, nothing has since 30.02 s, told at 32.02 s, dead at 58 s */
    HAS(html, "<path class=\"flow sd\" d=\"M138.5 86H415.2\"/><path class=\"blind\" d=\"M415.2 86H415.4\"/>"
              "<path class=\"blind\" d=\"M415.4 86H434.5\"/><path class=\"know\" d=\"M434.5 86H683.3\"/>");
    free(html);
    folder_close(&f);
}
END_TEST

START_TEST(a_death_that_no_stall_announced_ends_silence)
{
    folder f;
    folder_open(&f);
    char *html =
        case_page(&f, &(parts){.outages = "[]",
                               .events = "[{\"end\":\"near\",\"name\":\"open\",\"t\":0},{\"end\":\"near\",\"name\":"
                                         "\"death\",\"since\":20000000000,\"t\":40000000000,\"fault\":0}]"});
    HAS(html, "<path class=\"flow sd\" d=\"M128 56H319.5\"/><path class=\"blind\" d=\"M319.5 56H511\"/>");
    free(html);
    /* a result that is no result: nothing is drawn beyond the event */
    html = case_page(&f, &(parts){.outages = "[]",
                                  .events = "[{\"end\":\"near\",\"name\":\"open\",\"t\":0},{\"end\":\"near\",\"name\":"
                                            "\"death\",\"since\":60000000000,\"t\":40000000000,\"fault\":0}]"});
    HAS(html, "<path class=\"flow sd\" d=\"M128 56H511\"/><path class=\"x\"");
    free(html);
    folder_close(&f);
}
END_TEST

START_TEST(who_hung_up_is_not_drawn_dead)
{
    folder f;
    folder_open(&f);
    char *html =
        case_page(&f, &(parts){.outages = "[]",
                               .events = "[{\"end\":\"near\",\"name\":\"open\",\"t\":0},{\"end\":\"near\",\"name\":"
                                         "\"closed\",\"t\":40000000000}]"});
    HAS(html, "<path class=\"flow sd\" d=\"M128 56H511\"/><path class=\"x\" d=\"M511 56m0-5v10\"/>");
    ck_assert_uint_eq(count_of(html, "m-4-4l8 8m0-8l-8 8"), 0);
    free(html);
    folder_close(&f);
}
END_TEST

START_TEST(silence_that_nobody_was_told_of_is_blind_too)
{
    folder f;
    folder_open(&f);
    char *html = case_page(
        &f,
        &(parts){.outages = "[{\"end\":\"near\",\"t\":20000000000,\"until\":21000000000,\"what\":\"all\"},{\"end\":"
                            "\"far\",\"t\":40000000000,\"until\":41000000000,\"what\":\"all\"},{\"end\":\"far\",\"t\":"
                            "60000000000,\"until\":61000000000,\"what\":\"part\"}]",
                 .events = "[{\"end\":\"near\",\"name\":\"open\",\"t\":0}]"});
    HAS(html, "<path class=\"flow sd\" d=\"M128 56H319.5\"/><path class=\"blind\" d=\"M319.5 56H329\"/>"
              "<path class=\"flow sd\" d=\"M329 56H511\"/><path class=\"blind\" d=\"M511 56H520.5\"/>"
              "<path class=\"flow sd\" d=\"M520.5 56H894\"/>");
    free(html);
    folder_close(&f);
}
END_TEST

START_TEST(the_near_end_stands_first_whoever_was_told_first)
{
    folder f;
    folder_open(&f);
    char *html = case_page(
        &f, &(parts){.events =
                         "[{\"end\":\"far\",\"name\":\"open\",\"t\":1},{\"end\":\"near\",\"name\":\"open\",\"t\":2}]"});
    const char *near = strstr(html, ">near</text><g>"), *far = strstr(html, ">far</text><g>");
    ck_assert(near && far && near < far);
    free(html);
    folder_close(&f);
}
END_TEST

START_TEST(results_that_do_not_name_the_ends_have_those_of_their_events)
{
    folder f;
    folder_open(&f);
    char *html = case_page(
        &f,
        &(parts){.more = ",\"ends\":7",
                 .events = "[{\"end\":\"x\",\"name\":\"open\",\"t\":1},{\"end\":\"y\",\"name\":\"open\",\"t\":2}]"});
    const char *x = strstr(html, ">x</text><g>"), *y = strstr(html, ">y</text><g>");
    ck_assert(x && y && x < y);
    free(html);
    folder_close(&f);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("reports/html/time");
    TCase *c = tcase_create("lines");
    tcase_add_test(c, half_bars_stand_only_where_another_way_is_left);
    tcase_add_test(c, faults_of_an_instant_are_strokes);
    tcase_add_test(c, a_line_is_blind_from_the_last_sign_of_life_until_the_app_is_told);
    tcase_add_test(c, a_death_that_no_stall_announced_ends_silence);
    tcase_add_test(c, who_hung_up_is_not_drawn_dead);
    tcase_add_test(c, silence_that_nobody_was_told_of_is_blind_too);
    tcase_add_test(c, the_near_end_stands_first_whoever_was_told_first);
    tcase_add_test(c, results_that_do_not_name_the_ends_have_those_of_their_events);
    suite_add_tcase(s, c);
    return case_run(s);
}
