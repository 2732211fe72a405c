/* Files of one JSON object a line: results and traces. */
#ifndef IT_REPORTS_READ_LINES_H
#define IT_REPORTS_READ_LINES_H

#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct it_lines {
    const char *what; /* "a trace", for messages */
    bool cut;         /* half a line at the end is passed over: the program that wrote the file was killed */
    int64_t *at;      /* set to where in the file the line begins that is being taken; NULL: nobody asks */
    void *self;
    /* Takes a line's object, which lives until it returns unless it is referenced. Returns 0 or an error that ends the
     * reading; IT_ERR_PARSE: no line of |what|. */
    int (*take)(void *self, json_t *o);
} it_lines;

/* Hands every line of PATH to |l|. Returns 0, IT_ERR_NOTFOUND when it cannot be opened, IT_ERR_IO, IT_ERR_PARSE or what
 * |l->take| returned, with a one-line message in |err|. */
int it_lines_read(const it_lines *l, const char *path, char err[512]) IT_MUST_CHECK;

#endif
