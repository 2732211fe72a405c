/* base/text/file.c: a file is whole, or as it was; links are not followed. */
#include "base/text/file.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/icetank-file-XXXXXX";

static void setup(void)
{
    ck_assert_ptr_nonnull(mkdtemp(dir));
    ck_assert_int_eq(chdir(dir), 0);
}

static void teardown(void)
{
    char cmd[64];
    ck_assert_int_eq(chdir("/"), 0);
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    ck_assert_int_eq(system(cmd), 0);
}

static int put(const char *path, const char *text, char err[IT_FILE_ERR])
{
    return it_file_write(path, it_bytes_of(text, strlen(text)), err);
}

static void holds(const char *path, const char *text)
{
    char got[64] = "";
    FILE *f = fopen(path, "rb");
    ck_assert_ptr_nonnull(f);
    size_t n = fread(got, 1, sizeof got - 1, f);
    fclose(f);
    ck_assert_uint_eq(n, strlen(text));
    ck_assert_str_eq(got, text);
}

START_TEST(a_file_is_written_and_written_again)
{
    char err[IT_FILE_ERR];
    ck_assert_int_eq(put("a", "one", err), 0);
    holds("a", "one");
    ck_assert_int_eq(put("a", "", err), 0);
    holds("a", "");
    ck_assert_int_lt(access("a.part", F_OK), 0);
}
END_TEST

START_TEST(a_link_is_replaced_and_its_target_stays)
{
    char err[IT_FILE_ERR];
    ck_assert_int_eq(put("target", "precious", err), 0);
    ck_assert_int_eq(symlink("target", "a"), 0);
    ck_assert_int_eq(symlink("target", "a.part"), 0);
    ck_assert_int_eq(put("a", "ours", err), 0);
    holds("target", "precious");
    holds("a", "ours");
}
END_TEST

START_TEST(a_pipe_is_written_to_and_stays)
{
    char err[IT_FILE_ERR], got[8] = "";
    struct stat st;
    ck_assert_int_eq(mkfifo("pipe", 0600), 0);
    int fd = open("pipe", O_RDONLY | O_NONBLOCK);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(put("pipe", "through", err), 0);
    ck_assert_int_eq(read(fd, got, sizeof got - 1), 7);
    ck_assert_str_eq(got, "through");
    close(fd);
    ck_assert_int_eq(lstat("pipe", &st), 0);
    ck_assert(S_ISFIFO(st.st_mode));
}
END_TEST

START_TEST(what_cannot_be_written_is_one_line_and_leaves_no_part)
{
    char err[IT_FILE_ERR], name[5000];
    ck_assert_int_eq(put("no/a", "x", err), IT_ERR_IO);
    ck_assert_str_eq(err, "no/a: No such file or directory");
    ck_assert_int_eq(mkdir("d", 0777), 0);
    ck_assert_int_eq(put("d", "x", err), IT_ERR_IO);
    ck_assert_str_eq(err, "d: Is a directory");
    ck_assert_int_lt(access("d.part", F_OK), 0);
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    ck_assert_int_eq(put(name, "x", err), IT_ERR_IO);
    ck_assert_str_eq(err, "the path of a file: File name too long");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("base/text/file");
    TCase *c = tcase_create("write");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, a_file_is_written_and_written_again);
    tcase_add_test(c, a_link_is_replaced_and_its_target_stays);
    tcase_add_test(c, a_pipe_is_written_to_and_stays);
    tcase_add_test(c, what_cannot_be_written_is_one_line_and_leaves_no_part);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
