/* Apps that a script starts by name: host:serve { "echo4571", port = 7000 }.
 *
 * One row of the table in named.c is one app. Its file says what it is: an it_named_app with its table of calls and how
 * to make one. It gets no socket but the bases of its host, and opens what else it needs (stack/io.h). To the script it
 * tells events of stack/model/model.h: OPEN once it serves, CLOSED when it cannot, or no longer. */
#ifndef IT_LAB_APPS_NAMED_H
#define IT_LAB_APPS_NAMED_H

#include "lab/driver/lab.h"

typedef struct it_named_app {
    const it_object_ops *ops;
    void *(*make)(it_alloc *alloc, uint16_t port); /* serves on |port| of every address; NULL without memory */
} it_named_app;

/* The app called |name|, NULL when there is none. */
const it_named_app *it_named_app_of(const char *name);
/* The |i|-th name, NULL past the end. */
const char *it_named_app_name(int i);

#endif
