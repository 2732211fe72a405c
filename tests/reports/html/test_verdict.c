/* reports/html/verdict.c: the sentences that compare models. */
#include "tests/reports/case.h"

/* A case of |model| in world |n| without a fault: it opened by |path| after |ms|, or not (NULL). */
static void connect_case(lines *l, const char *model, int n, const char *path, int ms)
{
    line(l,
         "{\"case\":\"s/model=%s/n=%d\",\"title\":\"t\",\"model\":\"%s\",\"cell\":{\"model\":\"%s\",\"n\":\"%d\"},"
         "\"checks\":[],\"events\":[],\"faults\":[],\"metrics\":{\"connected\":%d%s%.0d%s},\"outcome\":\"%s\",\"path\":"
         "%s%s%s,\"oracle\":{\"outcome\":\"open\",\"why\":\"w\"},\"verdict\":\"pass\"}",
         model, n, model, model, n, path != NULL, path ? ",\"t_conn\":" : "", path ? ms : 0, path ? "000000" : "",
         path ? "open" : "death", path ? "\"" : "", path ? path : "null", path ? "\"" : "");
}

/* The verdict's paragraph of the overview of |l|, with spaces for no-break ones; freed by the caller. */
static char *verdict_of(lines *l)
{
    folder f;
    folder_open(&f);
    char *html = overview(&f, l->p), *from = strstr(html, "<p class=\"verdict\">"), *to = strstr(from, "</p>");
    *to = '\0';
    char *text = calloc(1, strlen(from) + 1), *put = text;
    for (const char *p = from; *p; p++) {
        bool space = strncmp(p, "\xc2\xa0", 2) == 0;
        *put++ = space ? ' ' : *p;
        p += space;
    }
    free(html);
    free(l->p);
    folder_close(&f);
    return text;
}

START_TEST(models_are_ranked_and_equals_named_together)
{
    lines l = {0};
    for (int n = 0; n < 3; n++) {
        connect_case(&l, "A", n, n < 2 ? "direct_udp" : NULL, 700);
        connect_case(&l, "B", n, n < 2 ? "direct_udp" : NULL, 500);
        connect_case(&l, "D", n, n < 2 ? "direct_udp" : "relay_tcp", 500);
    }
    char *text = verdict_of(&l);
    HAS(text, "<b>D</b> connects most, in all 3 worlds that all of them met; A and B in 2.");
    HAS(text, "<b>B and D</b> open fastest, after 500 ms (median of 2 worlds in which all open); A after 700 ms.");
    HAS(text, "The price is relays: D needs one for 1 of its 3, A and B none.");
    LACKS(text, "death");
    LACKS(text, "fault");
    free(text);
}
END_TEST

START_TEST(a_world_that_one_model_did_not_meet_counts_for_none)
{
    lines l = {0};
    for (int n = 0; n < 3; n++) {
        connect_case(&l, "A", n, "direct_udp", 700);
        if (n > 0)
            connect_case(&l, "B", n, "direct_udp", 700);
    }
    char *text = verdict_of(&l);
    HAS(text, "All models connect alike, in all 2 worlds that all of them met.");
    HAS(text, "All models open equally fast, after 700 ms (median of 2 worlds in which all open).");
    HAS(text, "No call went by a relay.");
    free(text);
}
END_TEST

START_TEST(one_model_is_compared_with_nobody)
{
    lines l = {0};
    connect_case(&l, "B", 1, "direct_udp", 700);
    char *text = verdict_of(&l);
    HAS(text, "B connects in the one world that has a path, within 700 ms.");
    LACKS(text, "most");
    LACKS(text, "relay");
    free(text);
}
END_TEST

START_TEST(death_is_compared_where_all_have_noticed_it)
{
    lines l = {0};
    static const char *const MODELS[] = {"B", "C"};
    for (int k = 0; k < 2; k++) {
        char more[64];
        snprintf(more, sizeof more, ",\"metrics\":{\"t_death\":%d00000000}", k ? 345 : 258);
        const parts p = {.model = MODELS[k], .more = more, .trace = NULL};
        case_line(&l, &p);
    }
    char *text = verdict_of(&l);
    HAS(text, "<b>B</b> notices death first, after 25.8 s (the one world without a way left); C after 34.5 s.");
    LACKS(text, "connect");
    free(text);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("reports/html/verdict");
    TCase *c = tcase_create("verdict");
    tcase_add_test(c, models_are_ranked_and_equals_named_together);
    tcase_add_test(c, a_world_that_one_model_did_not_meet_counts_for_none);
    tcase_add_test(c, one_model_is_compared_with_nobody);
    tcase_add_test(c, death_is_compared_where_all_have_noticed_it);
    suite_add_tcase(s, c);
    return case_run(s);
}
