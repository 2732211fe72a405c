/* conformance/interop/line.c: what an adapter writes is an event, or garbage with a name. */
#include "conformance/interop/line.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *text, *fault; /* NULL: it is an event */
    it_interop_kind kind;
} ROWS[] = {
    {"{\"ev\":\"hello\",\"v\":1}", NULL, IT_INTEROP_HELLO},
    {" {\"ev\": \"data\", \"b64\": \"\"} ", NULL, IT_INTEROP_DATA},
    {"{\"ev\":\"pair\",\"prio\":1}", NULL, IT_INTEROP_OTHER},
    {"{\"ev\":\"\"}", NULL, IT_INTEROP_OTHER},
    {"", "is no JSON", 0},
    {"hello", "is no JSON", 0},
    {"{\"ev\":\"hello\"", "is no JSON", 0},
    {"{\"ev\":\"hello\"} {}", "is no JSON", 0},
    {"{\"ev\":\"a\",\"ev\":\"b\"}", "is no JSON", 0},
    {"{\"ev\":\"\xff\"}", "is no JSON", 0},
    {"[1]", "is no JSON object", 0},
    {"{}", "has no \"ev\"", 0},
    {"{\"ev\":1}", "has no \"ev\"", 0},
    {"{\"ev\":\"x\",\"a\":{}}", "has a value that is neither text nor a whole number", 0},
    {"{\"ev\":\"x\",\"a\":1.5}", "has a value that is neither text nor a whole number", 0},
    {"{\"ev\":\"x\",\"a\":null}", "has a value that is neither text nor a whole number", 0},
};

START_TEST(a_line_is_an_event_or_has_a_fault)
{
    it_interop_line l;
    size_t n = strlen(ROWS[_i].text);
    char *exact = malloc(n ? n : 1); /* sanitizers see a read past the end */
    memcpy(exact, ROWS[_i].text, n);
    const char *fault = it_interop_read(&l, it_bytes_of((const uint8_t *)exact, n));
    free(exact);
    if (!ROWS[_i].fault) {
        ck_assert_ptr_null(fault);
        ck_assert_int_eq(l.kind, ROWS[_i].kind);
        json_decref(l.members);
        return;
    }
    ck_assert_ptr_nonnull(fault);
    ck_assert_str_eq(fault, ROWS[_i].fault);
    ck_assert_ptr_null(l.members);
}
END_TEST

START_TEST(members_are_text_or_numbers)
{
    it_interop_line l;
    static const char TEXT[] = "{\"ev\":\"x\",\"a\":\"b\\\"c\",\"n\":-7}";
    ck_assert_ptr_null(it_interop_read(&l, it_bytes_str(TEXT)));
    ck_assert_str_eq(it_interop_text(&l, "a"), "b\"c");
    ck_assert_str_eq(it_interop_text(&l, "n"), "");
    ck_assert_str_eq(it_interop_text(&l, "missing"), "");
    ck_assert_int_eq(it_interop_number(&l, "n"), -7);
    ck_assert_int_eq(it_interop_number(&l, "a"), 0);
    json_decref(l.members);
}
END_TEST

START_TEST(a_capability_is_a_whole_word)
{
    ck_assert(it_interop_has("agent,stun,lite", "agent"));
    ck_assert(it_interop_has("agent,stun,lite", "lite"));
    ck_assert(!it_interop_has("agent,stuns", "stun"));
    ck_assert(!it_interop_has("agent,dtls", "tls"));
    ck_assert(!it_interop_has("", "agent"));
    ck_assert(!it_interop_has("agent", ""));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("interop/line");
    TCase *t = tcase_create("line");
    tcase_add_loop_test(t, a_line_is_an_event_or_has_a_fault, 0, (int)(sizeof ROWS / sizeof *ROWS));
    tcase_add_test(t, members_are_text_or_numbers);
    tcase_add_test(t, a_capability_is_a_whole_word);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
