/* Texts that are held to the letter: files that a test compares with, and writes anew when GOLDEN is set (`make
 * golden`). */
#ifndef IT_TESTS_GOLDEN_H
#define IT_TESTS_GOLDEN_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The content of a file of at most 1 MB; freed by the caller. */
static inline char *golden_read(const char *path)
{
    FILE *in = fopen(path, "rb");
    ck_assert_msg(in != NULL, "no %s; `make golden` writes it", path);
    char *text = calloc(1, 1u << 20);
    size_t n = fread(text, 1, (1u << 20) - 1, in);
    ck_assert_uint_lt(n, (1u << 20) - 1);
    fclose(in);
    return text;
}

/* Fails with the first line of |is| that is another in the golden file |path|, or writes it with GOLDEN set. */
static inline void ck_assert_golden(const char *path, const char *is)
{
    if (getenv("GOLDEN")) {
        FILE *out = fopen(path, "wb");
        ck_assert_ptr_nonnull(out);
        ck_assert_int_ge(fputs(is, out), 0);
        ck_assert_int_eq(fclose(out), 0);
        return;
    }
    char *was = golden_read(path);
    int line_no = 1;
    size_t at = 0, start = 0;
    for (; was[at] && was[at] == is[at]; at++)
        if (was[at] == '\n') {
            line_no++;
            start = at + 1;
        }
    ck_assert_msg(was[at] == is[at], "%s:%d\n  was: %.*s\n  is:  %.*s", path, line_no, (int)strcspn(was + start, "\n"),
                  was + start, (int)strcspn(is + start, "\n"), is + start);
    free(was);
}

#endif
