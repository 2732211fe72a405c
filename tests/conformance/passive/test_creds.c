/* The file of passwords. */
#include "tests/conformance/passive/main.h"

#include "conformance/passive/creds.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char path[64];
static it_alloc alloc;
static char err[512];

static int read_text(it_passive_creds *c, const char *text)
{
    snprintf(path, sizeof path, "/tmp/icetank-creds-XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    it_alloc_init(&alloc);
    int rc = it_passive_creds_read(c, &alloc, path, err);
    unlink(path);
    return rc;
}

START_TEST(passwords_are_found_by_kind_and_user)
{
    it_passive_creds c;
    ck_assert_int_eq(read_text(&c, "# a comment\nice abcd pwd1\n\nturn abcd pwd2 # more\r\nturn me x"), 0);
    ck_assert(it_bytes_eq(it_passive_creds_of(&c, false, it_bytes_str("abcd")), it_bytes_str("pwd1")));
    ck_assert(it_bytes_eq(it_passive_creds_of(&c, true, it_bytes_str("abcd")), it_bytes_str("pwd2")));
    ck_assert(it_bytes_eq(it_passive_creds_of(&c, true, it_bytes_str("me")), it_bytes_str("x")));
    ck_assert_ptr_null(it_passive_creds_of(&c, false, it_bytes_str("me")).p);
    it_passive_creds_fini(&c);
    ck_assert_int_eq(alloc.live, 0);
}
END_TEST

static const struct {
    const char *text, *line;
} BROKEN[] = {{"ice abcd\n", ":1: "}, {"\nice a b c\n", ":2: "}, {"stun a b\n", ":1: "}, {"ice a b\nx\n", ":2: "}};

START_TEST(a_wrong_line_is_named)
{
    it_passive_creds c;
    ck_assert_int_eq(read_text(&c, BROKEN[_i].text), IT_ERR_PARSE);
    ck_assert_msg(strstr(err, BROKEN[_i].line) && strstr(err, "is wanted"), "%s", err);
    ck_assert_int_eq(alloc.live, 0);
}
END_TEST

START_TEST(a_file_that_is_not_there_is_named)
{
    it_passive_creds c;
    it_alloc_init(&alloc);
    ck_assert_int_eq(it_passive_creds_read(&c, &alloc, "/nowhere/creds", err), IT_ERR_IO);
    ck_assert_str_eq(err, "/nowhere/creds: No such file or directory");
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("passwords");
    tcase_add_test(c, passwords_are_found_by_kind_and_user);
    tcase_add_loop_test(c, a_wrong_line_is_named, 0, (int)(sizeof BROKEN / sizeof *BROKEN));
    tcase_add_test(c, a_file_that_is_not_there_is_named);
    return run_case("passive creds", c);
}
