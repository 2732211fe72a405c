/* Differences that are explained: a line of differences.tsv each, and nothing by halves. A line holds for one case, one
 * signature, and only where its cause is in the script. */
#include "tests/groundtruth/gt.h"

#include <string.h>

enum { UDP = 17 };

/* --- causes --- */

/* True when a host other than |but| (or any, -1) has sent UDP from |port| in the first |n| steps, |ms| before their
 * end.
 */
static bool has_sent(const gt_script *s, uint32_t n, uint16_t port, int but, uint32_t ms, int *who)
{
    uint32_t ago = 0;
    for (uint32_t i = n; i-- > 0;) {
        const gt_step *o = &s->v[i];
        if (o->op == GT_WAIT)
            ago += o->x;
        if (o->op != GT_SEND || o->proto != UDP || o->b != port || o->a == but || ago < ms)
            continue;
        *who = o->a;
        return true;
    }
    return false;
}

/* Two inside hosts have sent from the port of the flow that step |r|->at is aimed at, one of them an idle time ago. */
static bool port_outlived(const gt_script *s, const gt_result *r)
{
    const gt_step *t = &s->v[r->at];
    int first, other;
    if (t->aim != GT_FLOW || t->proto != UDP)
        return false;
    return has_sent(s, r->at, t->d, -1, s->timer[GT_T_UDP] * 1000u, &first) &&
           has_sent(s, r->at, t->d, first, 0, &other);
}

static const struct {
    const char *name;
    bool (*when)(const gt_script *s, const gt_result *r);
} CAUSES[] = {{"port-outlived", port_outlived}};

/* --- the file --- */

#define FIELDS 5

/* Cuts |line| at its tabs; false when it has not |FIELDS| fields with something in them. */
static bool cut(char *line, char *field[FIELDS])
{
    for (int i = 0; i < FIELDS; i++) {
        field[i] = line;
        char *tab = strchr(line, '\t');
        if ((i < FIELDS - 1) != (tab != NULL))
            return false;
        if (tab) {
            *tab = 0;
            line = tab + 1;
        }
        if (!*field[i] || *field[i] == '\n')
            return false;
    }
    return true;
}

static const char *read_known(gt_known *k, char *line)
{
    char *field[FIELDS];
    if (!cut(line, field))
        return "not five fields with tabs between: case, signature, cause, replay, explanation";
    const char *name = strncmp(field[0], "slow ", 5) ? field[0] : field[0] + 5;
    if (!gt_case_find(name))
        return "no such case";
    if (strpbrk(field[1], "*?"))
        return "a signature is whole: no wildcards";
    snprintf(k->name, sizeof k->name, "%s", field[0]);
    snprintf(k->what, sizeof k->what, "%s", field[1]);
    snprintf(k->replay, sizeof k->replay, "%s", field[3]);
    for (size_t i = 0; i < sizeof CAUSES / sizeof *CAUSES; i++)
        if (!strcmp(CAUSES[i].name, field[2]))
            k->when = CAUSES[i].when;
    return k->when ? NULL : "no such cause";
}

bool gt_differences_read(gt_differences *d, const char *file)
{
    char line[1024];
    uint32_t at = 0;
    const char *wrong = NULL;
    d->n = 0;
    if (!file)
        return true;
    FILE *f = fopen(file, "r");
    if (!f) {
        fprintf(stderr, "groundtruth: cannot read %s\n", file);
        return false;
    }
    while (!wrong && fgets(line, sizeof line, f)) {
        at++;
        if (line[0] == '#' || line[0] == '\n')
            continue;
        d->v[d->n] = (gt_known){.when = NULL};
        wrong = read_known(&d->v[d->n], line);
        if (++d->n == GT_KNOWN && !wrong)
            wrong = "one line too many";
    }
    fclose(f);
    if (wrong)
        fprintf(stderr, "%s:%u: %s\n", file, at, wrong);
    return !wrong;
}

bool gt_explained(const gt_differences *d, const char *name, bool slow, const gt_script *s, const gt_result *r)
{
    char full[64];
    snprintf(full, sizeof full, "%s%s", slow ? "slow " : "", name);
    for (uint32_t i = 0; i < d->n; i++)
        if (!strcmp(d->v[i].name, full) && !strcmp(d->v[i].what, r->what) && d->v[i].when(s, r))
            return true;
    return false;
}
