/* Blocks of text: there and back, damaged ones, what stands around them. */
#include "lab/itp/block.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static it_alloc ALLOC;
static it_block_reader READER;
static it_str BLOB, TEXT;

static void block_begin(void)
{
    it_alloc_init(&ALLOC);
    it_block_init(&READER, &ALLOC);
    it_str_init(&BLOB, &ALLOC);
    it_str_init(&TEXT, &ALLOC);
}

static void block_end(void)
{
    it_block_fini(&READER);
    it_str_fini(&BLOB);
    it_str_fini(&TEXT);
    ck_assert_int_eq(ALLOC.live, 0);
}

/* Gives the lines of |text|, each with |before| and |after|; what the last one came to. */
static int read_lines(const char *text, const char *before, const char *after)
{
    int rc = IT_BLOCK_NONE;
    while (*text && rc >= 0) {
        char line[256];
        size_t n = strcspn(text, "\n");
        snprintf(line, sizeof line, "%s%.*s%s", before, (int)n, text, after);
        rc = it_block_line(&READER, it_bytes_str(line), &BLOB);
        text += n + (text[n] == '\n');
    }
    return rc;
}

START_TEST(a_blob_comes_back_whatever_its_length)
{
    uint8_t blob[300];
    for (size_t n = 0; n < sizeof blob; n++) {
        block_begin();
        for (size_t i = 0; i < n; i++)
            blob[i] = (uint8_t)(i * 37 + n);
        it_block_write(&TEXT, it_bytes_of(blob, n));
        for (const char *at = it_str_c(&TEXT); *at; at += strcspn(at, "\n") + 1)
            ck_assert_uint_le(strcspn(at, "\n"), 64);
        ck_assert_int_eq(read_lines(it_str_c(&TEXT), "", ""), IT_BLOCK_WHOLE);
        ck_assert_uint_eq(BLOB.n, n);
        if (n)
            ck_assert_mem_eq(BLOB.p, blob, n);
        block_end();
    }
}
END_TEST

START_TEST(what_mail_puts_around_lines_is_passed_over)
{
    block_begin();
    it_block_write(&TEXT, it_bytes_str("v=0 and more than one line of it, so that there is something to quote"));
    ck_assert_int_eq(read_lines(it_str_c(&TEXT), "> > ", " \r"), IT_BLOCK_WHOLE);
    ck_assert_mem_eq(BLOB.p, "v=0 and", 7);
    block_end();
}
END_TEST

START_TEST(one_that_lacks_a_line_or_has_a_wrong_character_is_damaged)
{
    block_begin();
    it_block_write(&TEXT,
                   it_bytes_str("0123456789012345678901234567890123456789012345678901234567890123456789012345678"));
    char *text = (char *)(uintptr_t)it_str_c(&TEXT), *second = strchr(text, '\n') + 1;
    char was = second[5];
    second[5] = was == 'A' ? 'B' : 'A';
    ck_assert_int_eq(read_lines(text, "", ""), IT_ERR_PARSE);
    second[5] = '?';
    ck_assert_int_eq(read_lines(text, "", ""), IT_ERR_PARSE);
    second[5] = was;
    char *third = strchr(second, '\n') + 1;
    memmove(second, third, strlen(third) + 1);
    ck_assert_int_eq(read_lines(text, "", ""), IT_ERR_PARSE);
    ck_assert_uint_eq(BLOB.n, 0);
    /* And the next one is read. */
    it_str_clear(&TEXT);
    it_block_write(&TEXT, it_bytes_str("good"));
    ck_assert_int_eq(read_lines(it_str_c(&TEXT), "", ""), IT_BLOCK_WHOLE);
    ck_assert_mem_eq(BLOB.p, "good", 4);
    block_end();
}
END_TEST

START_TEST(what_is_outside_is_of_no_block_and_one_without_end_is_given_up)
{
    static char line[65];
    block_begin();
    memset(line, 'A', 64);
    ck_assert_int_eq(it_block_line(&READER, it_bytes_str("hello"), &BLOB), IT_BLOCK_NONE);
    ck_assert_int_eq(it_block_line(&READER, it_bytes_str("-----END ICETANK PEER-----"), &BLOB), IT_BLOCK_NONE);
    ck_assert_int_eq(it_block_line(&READER, it_bytes_str("-----BEGIN ICETANK PEER-----"), &BLOB), IT_BLOCK_PART);
    int rc = IT_BLOCK_PART, n = 0;
    for (; rc == IT_BLOCK_PART; n++)
        rc = it_block_line(&READER, it_bytes_str(line), &BLOB);
    ck_assert_int_eq(rc, IT_ERR_TOOBIG);
    ck_assert_int_eq(n, IT_BLOCK_MAX / 64 + 1);
    ck_assert_int_eq(it_block_line(&READER, it_bytes_str(line), &BLOB), IT_BLOCK_PART); /* the rest is passed over */
    ck_assert_int_eq(it_block_line(&READER, it_bytes_str("hello there"), &BLOB), IT_BLOCK_NONE);
    ck_assert_int_eq(it_block_line(&READER, it_bytes_str(line), &BLOB), IT_BLOCK_NONE);
    block_end();
}
END_TEST

START_TEST(the_rest_of_a_broken_one_is_passed_over_up_to_its_end)
{
    static const struct {
        const char *line;
        int rc;
    } LINES[] = {{"-----BEGIN ICETANK PEER-----", IT_BLOCK_PART},
                 {"AAAA", IT_BLOCK_PART},
                 {"where was I?", IT_ERR_PARSE},
                 {"AAAA", IT_BLOCK_PART},
                 {"-----END ICETANK PEER-----", IT_BLOCK_PART},
                 {"AAAA", IT_BLOCK_NONE}};
    block_begin();
    for (size_t i = 0; i < sizeof LINES / sizeof *LINES; i++)
        ck_assert_int_eq(it_block_line(&READER, it_bytes_str(LINES[i].line), &BLOB), LINES[i].rc);
    it_block_write(&TEXT, it_bytes_str("good"));
    ck_assert_int_eq(it_block_line(&READER, it_bytes_str(LINES[0].line), &BLOB), IT_BLOCK_PART);
    ck_assert_int_eq(it_block_line(&READER, it_bytes_str(LINES[2].line), &BLOB), IT_ERR_PARSE);
    ck_assert_int_eq(read_lines(it_str_c(&TEXT), "", ""), IT_BLOCK_WHOLE); /* another begins before that one ended */
    ck_assert_uint_eq(BLOB.n, 4);
    block_end();
}
END_TEST

START_TEST(one_that_is_dropped_leaves_nothing_behind)
{
    block_begin();
    ck_assert_int_eq(it_block_line(&READER, it_bytes_str("-----BEGIN ICETANK PEER-----"), &BLOB), IT_BLOCK_PART);
    ck_assert_int_eq(it_block_line(&READER, it_bytes_str("AAAA"), &BLOB), IT_BLOCK_PART);
    it_block_drop(&READER);
    ck_assert_int_eq(it_block_line(&READER, it_bytes_str("AAAA"), &BLOB), IT_BLOCK_NONE);
    it_block_write(&TEXT, it_bytes_str("good"));
    ck_assert_int_eq(read_lines(it_str_c(&TEXT), "", ""), IT_BLOCK_WHOLE);
    block_end();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/itp/block");
    TCase *t = tcase_create("blocks");
    tcase_add_test(t, a_blob_comes_back_whatever_its_length);
    tcase_add_test(t, what_mail_puts_around_lines_is_passed_over);
    tcase_add_test(t, one_that_lacks_a_line_or_has_a_wrong_character_is_damaged);
    tcase_add_test(t, what_is_outside_is_of_no_block_and_one_without_end_is_given_up);
    tcase_add_test(t, the_rest_of_a_broken_one_is_passed_over_up_to_its_end);
    tcase_add_test(t, one_that_is_dropped_leaves_nothing_behind);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
