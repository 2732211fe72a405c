/* Verdicts against what is known. */
#include "conformance/interop/known.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

static const char *const KINDS[] = {"cannot", "fails", "varies"};

static bool matches_any(const char *pattern)
{
    for (size_t i = 0; i < IT_INTEROP_N_FEATURES; i++)
        if (fnmatch(pattern, IT_INTEROP_FEATURES[i].name, 0) == 0)
            return true;
    return false;
}

/* One line, without its end: NULL, or what is wrong. */
static const char *read_row(it_interop_known_row *r, char *line)
{
    char *field[4] = {line}, *kind;
    size_t n = 1, k = 0;
    for (char *at = line; n < 4 && (at = strchr(at, '\t')); n++) {
        *at++ = '\0';
        field[n] = at;
    }
    if (n < 4 || !*field[0] || !*field[3])
        return "a line has four fields with tabs between: peer, feature, kind, reason";
    kind = field[2];
    while (k < 3 && strcmp(kind, KINDS[k]) != 0)
        k++;
    if (k == 3)
        return "a kind is cannot, fails or varies";
    if (!matches_any(field[1]))
        return "no feature has such a name";
    if (strlen(field[0]) >= sizeof r->peer || strlen(field[1]) >= sizeof r->feature ||
        strlen(field[3]) >= sizeof r->reason)
        return "a field is too long";
    r->kind = (it_interop_known_kind)k;
    strcpy(r->peer, field[0]);
    strcpy(r->feature, field[1]);
    strcpy(r->reason, field[3]);
    return NULL;
}

int it_interop_known_read(it_interop_known *k, const char *file, const char *text, char err[IT_INTEROP_KNOWN_ERR])
{
    int line = 0;
    k->n = 0;
    while (*text) {
        char row[512];
        size_t n = strcspn(text, "\n");
        const char *fault = n < sizeof row ? NULL : "a line is too long";
        line++;
        if (!fault && n > 0 && *text != '#') {
            memcpy(row, text, n);
            row[n] = '\0';
            if (k->n == IT_INTEROP_KNOWN_MAX)
                fault = "there are more than 128 lines";
            else
                fault = read_row(&k->row[k->n], row);
            k->row[k->n < IT_INTEROP_KNOWN_MAX ? k->n : 0].line = line;
            k->n += !fault;
        }
        if (fault) {
            snprintf(err, IT_INTEROP_KNOWN_ERR, "%s:%d: %s", file, line, fault);
            return IT_ERR_PARSE;
        }
        text += n;
        text += *text == '\n';
    }
    return 0;
}

const it_interop_known_row *it_interop_known_of(const it_interop_known *k, const char *peer, const char *feature)
{
    for (size_t i = 0; i < k->n; i++)
        if (strcmp(k->row[i].peer, peer) == 0 && fnmatch(k->row[i].feature, feature, 0) == 0)
            return &k->row[i];
    return NULL;
}

const char *it_interop_unexpected(const it_interop_known_row *row, it_interop_verdict v)
{
    static const struct {
        unsigned allowed; /* bits of verdicts */
        const char *otherwise;
    } BY_KIND[] = {
        [IT_INTEROP_KNOWN_CANNOT] = {1u << IT_INTEROP_CANNOT, "the table says that it cannot: take the line out"},
        [IT_INTEROP_KNOWN_FAILS] = {1u << IT_INTEROP_FAIL, "the table says that it fails: take the line out"},
        [IT_INTEROP_KNOWN_VARIES] = {1u << IT_INTEROP_PASS | 1u << IT_INTEROP_FAIL,
                                     "the table says that it passes or fails"},
    };
    if (v == IT_INTEROP_BROKEN)
        return "an adapter is broken";
    if (v == IT_INTEROP_SKIP)
        return NULL;
    if (row)
        return BY_KIND[row->kind].allowed >> v & 1 ? NULL : BY_KIND[row->kind].otherwise;
    if (v == IT_INTEROP_CANNOT)
        return "nothing in the table says that it cannot";
    return v == IT_INTEROP_PASS ? NULL : "it should pass";
}
