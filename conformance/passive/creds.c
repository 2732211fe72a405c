/* The file of passwords. */
#include "conformance/passive/creds.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MOST (1 << 20) /* bytes of a file */

/* The file's text, in |c|; 0 or an error with its line. */
static int creds_load(it_passive_creds *c, const char *path, char err[512])
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        snprintf(err, 512, "%.400s: %s", path, strerror(errno));
        return IT_ERR_IO;
    }
    c->text = it_malloc(c->alloc, MOST + 1);
    size_t n = c->text ? fread(c->text, 1, MOST + 1, f) : 0;
    bool bad = ferror(f);
    fclose(f);
    if (!c->text) {
        snprintf(err, 512, "%s", it_err_str(IT_ERR_NOMEM));
        return IT_ERR_NOMEM;
    }
    if (bad || n > MOST) {
        snprintf(err, 512, bad ? "%.400s: cannot be read" : "%.400s: larger than 1 MiB", path);
        return IT_ERR_IO;
    }
    c->text[n] = '\0';
    return 0;
}

/* The next word of |*at|, which is moved behind it; of no bytes at the end of the line. */
static it_bytes word_take(char **at)
{
    char *p = *at + strspn(*at, " \t\r");
    size_t n = strcspn(p, " \t\r\n");
    *at = p + n;
    return it_bytes_of(p, n);
}

/* Takes one line. Returns 0, or an error with what is wrong in |what|. */
static int creds_line(it_passive_creds *c, char *line, const char **what)
{
    it_bytes kind = word_take(&line), user = word_take(&line), password = word_take(&line), more = word_take(&line);
    if (kind.n == 0)
        return 0;
    bool turn = it_bytes_eq(kind, it_bytes_str("turn"));
    *what = "\"ice UFRAG PASSWORD\" or \"turn USERNAME PASSWORD\" is wanted";
    if (!turn && !it_bytes_eq(kind, it_bytes_str("ice")))
        return IT_ERR_PARSE;
    if (user.n == 0 || password.n == 0 || more.n > 0)
        return IT_ERR_PARSE;
    *what = it_err_str(IT_ERR_NOMEM);
    if (it_grow(c->alloc, &c->v, &c->cap, c->n + 1, sizeof *c->v) < 0)
        return IT_ERR_NOMEM;
    c->v[c->n++] = (it_passive_cred){turn, user, password};
    return 0;
}

int it_passive_creds_read(it_passive_creds *c, it_alloc *alloc, const char *path, char err[512])
{
    *c = (it_passive_creds){.alloc = alloc};
    int rc = creds_load(c, path, err), no = 0;
    char *line = c->text, *end;
    for (bool more = rc == 0; more && rc == 0; line = end + 1) {
        const char *what = "";
        end = line + strcspn(line, "\n");
        more = *end == '\n';
        *end = '\0';
        char *comment = strchr(line, '#');
        if (comment)
            *comment = '\0';
        no++;
        rc = creds_line(c, line, &what);
        if (rc < 0)
            snprintf(err, 512, "%.380s:%d: %s", path, no, what);
    }
    if (rc < 0)
        it_passive_creds_fini(c);
    return rc;
}

void it_passive_creds_fini(it_passive_creds *c)
{
    it_free(c->alloc, c->text);
    it_free(c->alloc, c->v);
    *c = (it_passive_creds){.alloc = c->alloc};
}

it_bytes it_passive_creds_of(const it_passive_creds *c, bool turn, it_bytes user)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].turn == turn && it_bytes_eq(c->v[i].user, user))
            return c->v[i].password;
    return (it_bytes){NULL, 0};
}
