/* What the tests of stack/rtp share. */
#ifndef IT_TESTS_STACK_RTP_KIT_H
#define IT_TESTS_STACK_RTP_KIT_H

#include "base/bytes.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

/* Reads hexadecimal digits, with spaces between words; a view of them in |out|. */
static inline it_bytes kit_hex(uint8_t *out, const char *hex)
{
    size_t n = 0;
    unsigned v;
    int used;
    for (; sscanf(hex, " %2x%n", &v, &used) == 1; hex += used)
        out[n++] = (uint8_t)v;
    return it_bytes_of(out, n);
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
