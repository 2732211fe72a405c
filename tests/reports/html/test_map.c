/* The map of a case: where nodes stand, what is said of boxes. */
#include "tests/reports/case.h"

START_TEST(boxes_behind_the_interfaces_of_one_host_stand_in_two_rows)
{
    folder f;
    folder_open(&f);
    char *html = case_page(&f, &(parts){.faults = NULL});
    HAS(html, "aria-label=\"From left to right: near wifi-gw cell-gw internet far-gw far\"");
    HAS(html, "viewBox=\"0 0 560 319\""); /* 108 above, one row of 129 more than one, 82 below */
    HAS(html, "<text class=\"b\" x=\"157\" y=\"148\" text-anchor=\"middle\">wifi-gw</text>");
    HAS(html, "<text class=\"b\" x=\"157\" y=\"277\" text-anchor=\"middle\">cell-gw</text>");
    /* what has its column alone stands between the rows */
    HAS(html, "<text class=\"b\" x=\"34\" y=\"212.5\" text-anchor=\"middle\">near</text>");
    HAS(html, "<text class=\"b\" x=\"403\" y=\"212.5\" text-anchor=\"middle\">far-gw</text>");
    free(html);
    folder_close(&f);
}
END_TEST

START_TEST(a_box_is_named_with_profile_and_class)
{
    folder f;
    folder_open(&f);
    char *html = case_page(&f, &(parts){.faults = NULL});
    HAS(html, "<text class=\"m s\" x=\"157\" y=\"78\" text-anchor=\"middle\">nat EIM/APDF</text>");
    HAS(html, "<text class=\"m s\" x=\"157\" y=\"161\" text-anchor=\"middle\">linux-masq</text>");
    HAS(html, ">firewall APDF</text>");
    HAS(html, ">office</text>");
    HAS(html, "y=\"207\" text-anchor=\"middle\">nat</text>"); /* no class is known of the other one */
    free(html);
    folder_close(&f);
}
END_TEST

START_TEST(what_is_too_long_is_cut_and_told_whole_as_its_title)
{
    folder f;
    folder_open(&f);
    char *html = case_page(&f, &(parts){.faults = NULL});
    /* 123 pixels between two columns, 6 kept free, 5.6 a letter: 20 letters, the last one the sign of the cut */
    HAS(html, "<title>a-name-of-a-profile-that-is-longer-than</title>a-name-of-a-profile…</text>");
    free(html);
    folder_close(&f);
}
END_TEST

/* The middle is the router with most links, whichever end of them it is, and whatever stands first. */
START_TEST(the_middle_is_the_router_with_most_links)
{
    folder f;
    folder_open(&f);
    char *html = case_page(&f, &(parts){.trace = MAP_NODE("office", "router", "") MAP_NODE("internet", "router", "")
                                            MAP_NODE("near", "host", "") MAP_NODE("far", "host", "")
                                                MAP_NODE("printer", "host", "") MAP_LINK("office", "internet")
                                                    MAP_LINK("printer", "office") MAP_LINK("near", "internet")
                                                        MAP_LINK("far", "internet")});
    HAS(html, "aria-label=\"From left to right: near internet far\"");
    free(html);
    folder_close(&f);
}
END_TEST

START_TEST(a_world_without_its_middle_has_no_map)
{
    folder f;
    folder_open(&f);
    char *html = case_page(&f, &(parts){.trace = MAP_NODE("near", "host", "") MAP_NODE("far", "host", "")});
    LACKS(html, "The world, a map");
    free(html);
    folder_close(&f);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("reports/html/map");
    TCase *c = tcase_create("map");
    tcase_add_test(c, boxes_behind_the_interfaces_of_one_host_stand_in_two_rows);
    tcase_add_test(c, a_box_is_named_with_profile_and_class);
    tcase_add_test(c, what_is_too_long_is_cut_and_told_whole_as_its_title);
    tcase_add_test(c, the_middle_is_the_router_with_most_links);
    tcase_add_test(c, a_world_without_its_middle_has_no_map);
    suite_add_tcase(s, c);
    return case_run(s);
}
