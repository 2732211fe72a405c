/* Lists of users. */
#include "lab/serve/users.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static it_alloc ALLOC;
static it_users USERS;
static char WHY[IT_USERS_WHY];
static int LINE;

static int read_text(const char *text)
{
    it_alloc_init(&ALLOC);
    it_users_init(&USERS, &ALLOC);
    LINE = 0;
    WHY[0] = '\0';
    return it_users_read(&USERS, it_bytes_str(text), &LINE, WHY);
}

static void users_end(void)
{
    it_users_fini(&USERS);
    ck_assert_int_eq(ALLOC.live, 0);
}

START_TEST(a_line_is_a_user_and_comments_say_nothing)
{
    ck_assert_int_eq(read_text("# who may\n\nalice:secret\r\nbob:with:colons\n\ncarol:x"), 0);
    ck_assert_uint_eq(USERS.n, 3);
    ck_assert_str_eq(USERS.v[0].name, "alice");
    ck_assert_str_eq(USERS.v[0].password, "secret");
    ck_assert_str_eq(USERS.v[1].password, "with:colons");
    ck_assert_str_eq(USERS.v[2].name, "carol");
    users_end();
}
END_TEST

START_TEST(what_is_wrong_has_its_line)
{
    static const struct {
        const char *text, *why;
        int line;
    } CASES[] = {{"alice:secret\nbob\n", "a user is NAME:PASSWORD", 2},
                 {":secret", "a name has 1 to 508 bytes (RFC 8489 section 14.3)", 1},
                 {"\n\nalice:\n", "a password has at least one byte", 3},
                 {"alice:se\tcret\n", "a name or password has a control character (RFC 8265 section 4.2)", 1},
                 {"alice:a\nbob:b\nalice:c\n", "there is a user alice already", 3}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        ck_assert_int_lt(read_text(CASES[i].text), 0);
        ck_assert_str_eq(WHY, CASES[i].why);
        ck_assert_int_eq(LINE, CASES[i].line);
        users_end();
    }
}
END_TEST

START_TEST(a_name_may_be_as_long_as_the_attribute)
{
    char word[600];
    it_alloc_init(&ALLOC);
    it_users_init(&USERS, &ALLOC);
    memset(word, 'a', sizeof word);
    word[508] = ':';
    ck_assert_int_eq(it_users_add(&USERS, it_bytes_of(word, 510), WHY), 0);
    word[508] = 'a';
    word[509] = ':';
    ck_assert_int_eq(it_users_add(&USERS, it_bytes_of(word, 511), WHY), IT_ERR_PARSE);
    users_end();
}
END_TEST

START_TEST(without_memory_it_says_so)
{
    for (uint64_t n = 0; n < 2; n++) {
        it_alloc_init_countdown(&ALLOC, n);
        it_users_init(&USERS, &ALLOC);
        ck_assert_int_eq(it_users_add(&USERS, it_bytes_str("a:b"), WHY), IT_ERR_NOMEM);
        users_end();
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/serve/users");
    TCase *t = tcase_create("users");
    tcase_add_test(t, a_line_is_a_user_and_comments_say_nothing);
    tcase_add_test(t, what_is_wrong_has_its_line);
    tcase_add_test(t, a_name_may_be_as_long_as_the_attribute);
    tcase_add_test(t, without_memory_it_says_so);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
