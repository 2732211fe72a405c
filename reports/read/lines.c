/* Reading files of one JSON object a line. */
#include "reports/read/lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One line of |n| bytes. |*end| is set when it is half a line that may be passed over. */
static int take_line(const it_lines *l, const char *line, size_t n, bool *end, json_error_t *why)
{
    json_t *o = json_loadb(line, n, JSON_ALLOW_NUL, why);
    int rc = 0;
    if (!o && l->cut && line[n - 1] != '\n')
        *end = true;
    else
        rc = json_is_object(o) ? l->take(l->self, o) : IT_ERR_PARSE;
    json_decref(o);
    return rc;
}

int it_lines_read(const it_lines *l, const char *path, char err[512])
{
    char *line = NULL;
    size_t cap = 0;
    int number = 0, rc = 0;
    int64_t at = 0;
    bool end = false;
    json_error_t why = {.text = ""};
    FILE *f = fopen(path, "rb");
    if (!f) {
        snprintf(err, 512, "%s: %s", path, strerror(errno));
        return IT_ERR_NOTFOUND;
    }
    for (ssize_t n; rc == 0 && !end && (n = getline(&line, &cap, f)) > 0; number++) {
        if (l->at)
            *l->at = at;
        at += n;
        rc = take_line(l, line, (size_t)n, &end, &why);
    }
    if (rc == 0 && ferror(f)) {
        snprintf(err, 512, "%s: %s", path, strerror(errno));
        rc = IT_ERR_IO;
    } else if (rc == IT_ERR_PARSE) {
        snprintf(err, 512, "%s:%d: not a line of %s%s%.200s", path, number, l->what, *why.text ? ": " : "", why.text);
    } else if (rc < 0) {
        snprintf(err, 512, "%s", it_err_str(rc));
    }
    free(line);
    fclose(f);
    return rc;
}
