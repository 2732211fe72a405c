/* What the tests of stack/sdp share: real descriptions, by the names of the files that keep them, and small ones. */
#ifndef IT_TESTS_STACK_SDP_KIT_H
#define IT_TESTS_STACK_SDP_KIT_H

#include "stack/sdp/sdp.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define KIT_HEAD "v=0\r\no=- 7 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
#define KIT_SHA256 "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:F0"

static it_sdp kit_sdp;
static char kit_text[IT_SDP_MAX + 16];

/* Reads |text|, which lives as long as the next one. */
static inline int kit_read(const char *text, const char **why)
{
    size_t n = strlen(text);
    ck_assert_uint_lt(n, sizeof kit_text);
    memmove(kit_text, text, n + 1);
    return it_sdp_read(&kit_sdp, it_bytes_of(kit_text, n), why);
}

/* The same of KIT_HEAD and |rest|; it is to be taken. */
static inline const it_sdp *kit(const char *rest)
{
    static char whole[IT_SDP_MAX];
    snprintf(whole, sizeof whole, "%s%s", KIT_HEAD, rest);
    ck_assert_int_eq(kit_read(whole, NULL), 0);
    return &kit_sdp;
}

/* The real description that a program made: "chromium_all_offer". */
static inline const it_sdp *kit_real(const char *name)
{
    char path[128];
    static char text[IT_SDP_MAX];
    snprintf(path, sizeof path, "tests/fuzz/corpus/sdp/%s", name);
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "%s: not found; run from the top folder", path);
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = 0;
    ck_assert_int_eq(kit_read(text, NULL), 0);
    return &kit_sdp;
}

static inline bool kit_is(it_bytes b, const char *text)
{
    return it_bytes_eq(b, it_bytes_str(text));
}

static inline int kit_run(Suite *s)
{
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
