/* The table of apps that scripts start by name. */
#include "lab/apps/named.h"

#include <string.h>

/* One row an app: X(name), whose file defines it_named_NAME. */
#define APPS(X) X(echo4571) X(turn)

#define DECLARE(name) extern const it_named_app it_named_##name;
#define ROW(name) {#name, &it_named_##name},

APPS(DECLARE)

static const struct {
    const char *name;
    const it_named_app *app;
} TABLE[] = {APPS(ROW)};

#define N (sizeof TABLE / sizeof *TABLE)

const it_named_app *it_named_app_of(const char *name)
{
    for (size_t i = 0; i < N; i++)
        if (strcmp(TABLE[i].name, name) == 0)
            return TABLE[i].app;
    return NULL;
}

const char *it_named_app_name(int i)
{
    return i >= 0 && (size_t)i < N ? TABLE[i].name : NULL;
}
