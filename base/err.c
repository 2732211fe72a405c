/* The table of errors. */
#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *name, *text;
} ERRORS[] = {
    [0] = {"IT_OK", "no error"},
    [-IT_ERR_NOMEM] = {"IT_ERR_NOMEM", "out of memory"},
    [-IT_ERR_FULL] = {"IT_ERR_FULL", "no room left"},
    [-IT_ERR_PARSE] = {"IT_ERR_PARSE", "malformed"},
    [-IT_ERR_AUTH] = {"IT_ERR_AUTH", "integrity check failed"},
    [-IT_ERR_NOTFOUND] = {"IT_ERR_NOTFOUND", "not found"},
    [-IT_ERR_EXISTS] = {"IT_ERR_EXISTS", "exists already"},
    [-IT_ERR_RANGE] = {"IT_ERR_RANGE", "out of range"},
    [-IT_ERR_STATE] = {"IT_ERR_STATE", "not possible in this state"},
    [-IT_ERR_NOROUTE] = {"IT_ERR_NOROUTE", "no route to the destination"},
    [-IT_ERR_TOOBIG] = {"IT_ERR_TOOBIG", "too big"},
    [-IT_ERR_IO] = {"IT_ERR_IO", "input or output failed"},
    [-IT_ERR_PERM] = {"IT_ERR_PERM", "not permitted"},
    [-IT_ERR_RATE] = {"IT_ERR_RATE", "rate limit exceeded"},
    [-IT_ERR_CRYPTO] = {"IT_ERR_CRYPTO", "the crypto library failed"},
    [-IT_ERR_LOOP] = {"IT_ERR_LOOP", "endless loop: time does not move"},
    [-IT_ERR_UNSUPPORTED] = {"IT_ERR_UNSUPPORTED", "not built into this version"},
    [-IT_ERR_LIMIT] = {"IT_ERR_LIMIT", "a limit was reached"},
    [-IT_ERR_REPLAY] = {"IT_ERR_REPLAY", "seen before"},
    [-IT_ERR_OLD] = {"IT_ERR_OLD", "older than the replay window"},
};

#define N_ERRORS ((int)(sizeof ERRORS / sizeof *ERRORS))

const char *it_err_name(int err)
{
    return err <= 0 && err > -N_ERRORS ? ERRORS[-err].name : "IT_ERR_?";
}

const char *it_err_str(int err)
{
    return err <= 0 && err > -N_ERRORS ? ERRORS[-err].text : "unknown error";
}

_Noreturn void it_assert_fail(const char *expr, const char *file, int line)
{
    fprintf(stderr, "icetank: internal error: %s at %s:%d\n", expr, file, line);
    abort();
}
