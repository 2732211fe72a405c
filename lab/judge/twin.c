/* Two runs side by side: a list a source, a cursor in each. */
#include "lab/judge/twin.h"

#include "base/err.h"

#include <stdio.h>
#include <string.h>

#define NAME 96

typedef struct deed {
    it_time at;
    uint64_t hash;
} deed;

typedef struct source {
    char name[NAME];
    deed *v;
    size_t n, cap, at; /* |at|: how many of them the second run has repeated */
    bool differs;
} source;

struct it_twin {
    it_alloc *alloc;
    source *sources;
    size_t n, cap;
    bool comparing, oom;
    uint64_t compared;
    it_time first; /* difference, IT_NEVER: none */
    char why[IT_TWIN_TEXT];
};

it_twin *it_twin_new(it_alloc *alloc)
{
    it_twin *t = it_calloc(alloc, 1, sizeof *t);
    if (!t)
        return NULL;
    t->alloc = alloc;
    t->first = IT_NEVER;
    return t;
}

void it_twin_free(it_twin *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n; i++)
        it_free(t->alloc, t->sources[i].v);
    it_free(t->alloc, t->sources);
    it_free(t->alloc, t);
}

void it_twin_compare(it_twin *t)
{
    t->comparing = true;
}

static source *source_of(it_twin *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->sources[i].name, name) == 0)
            return &t->sources[i];
    if (it_grow(t->alloc, &t->sources, &t->cap, t->n + 1, sizeof *t->sources) < 0) {
        t->oom = true;
        return NULL;
    }
    source *s = &t->sources[t->n++];
    *s = (source){.n = 0};
    (void)snprintf(s->name, sizeof s->name, "%s", name);
    return s;
}

/* The first difference in time counts; later ones of the same source follow from it. */
static void twin_differs(it_twin *t, source *s, it_time at, const char *what, const char *how)
{
    s->differs = true;
    if (at >= t->first)
        return;
    t->first = at;
    (void)snprintf(t->why, sizeof t->why, "%s: %s %s at %lld.%09lld s", s->name, what, how, (long long)(at / IT_SEC),
                   (long long)(at % IT_SEC));
}

static void twin_record(it_twin *t, source *s, it_time now, uint64_t hash)
{
    if (it_grow(t->alloc, &s->v, &s->cap, s->n + 1, sizeof *s->v) < 0)
        t->oom = true;
    else
        s->v[s->n++] = (deed){now, hash};
}

static void twin_compare(it_twin *t, source *s, it_time now, uint64_t hash, const char *what)
{
    t->compared++;
    if (s->at == s->n) {
        twin_differs(t, s, now, what, "comes only with the attacker");
        return;
    }
    deed d = s->v[s->at++];
    if (d.at < now)
        twin_differs(t, s, d.at, what, "does not come with the attacker");
    else if (d.at > now)
        twin_differs(t, s, now, what, "comes earlier with the attacker");
    else if (d.hash != hash)
        twin_differs(t, s, now, what, "is another one with the attacker");
}

void it_twin_note(it_twin *t, it_time now, const char *name, uint64_t hash, const char *what)
{
    source *s = source_of(t, name);
    if (!s || s->differs)
        return;
    if (t->comparing)
        twin_compare(t, s, now, hash, what);
    else
        twin_record(t, s, now, hash);
}

int it_twin_end(it_twin *t, uint64_t *n, char why[IT_TWIN_TEXT])
{
    for (size_t i = 0; i < t->n; i++) {
        source *s = &t->sources[i];
        if (!s->differs && s->at < s->n)
            twin_differs(t, s, s->v[s->at].at, "what it did alone", "does not come with the attacker");
    }
    *n = t->compared;
    memcpy(why, t->why, IT_TWIN_TEXT);
    if (t->oom)
        return IT_ERR_NOMEM;
    return t->first != IT_NEVER;
}
