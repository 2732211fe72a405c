/* Plans: the cases of scenario files. A plan keeps the axes of each scenario and the numbers of the cells that its
 * `where` leaves; a case is made from these when somebody asks for it, so that a plan of a million cases is no larger
 * than its axes.
 *
 * Cases are counted from 0 in the order of results.jsonl: scenarios as they were planned, the last axis fastest but for
 * the repetitions of a cell, which stand side by side. A plan never runs anything. */
#ifndef IT_LAB_BIND_PLAN_H
#define IT_LAB_BIND_PLAN_H

#include "base/bytes.h"
#include "base/text/str.h"

#define IT_PLAN_AXES_MAX 16         /* of a scenario */
#define IT_PLAN_CASES_MAX 100000000 /* in all */

/* One planned case; strings are its own. */
typedef struct it_case {
    char *id, *file, *key, *index, *title, *model;
    char *cell;    /* JSON object: axis -> value's name */
    char *needs;   /* what some case of a full run has to use: "axis:NAME" and "allow:RULE", a space between */
    int64_t k;     /* repetition, from 1 */
    it_bytes text; /* the file's content, of the plan's texts: what was planned is what runs */
} it_case;

/* An axis: its values are named one by one, or by their numbers in |width| digits, those of a population. */
typedef struct it_axis {
    char *name;
    char **value; /* NULL: "01", "02", ... */
    bool *text;   /* by value, of the axis "model": whether it is text, which names a model; else NULL */
    uint32_t n;
    int width;
} it_axis;

/* A scenario of a file, and the cells that are left of it. */
typedef struct it_planned {
    char *stem; /* what its ids begin with */
    char *file, *key, *title, *needs;
    it_bytes text;
    it_axis *axis; /* in order of name */
    int n_axes;
    uint32_t seeds; /* cases a cell */
    uint32_t *cell; /* the numbers of those that are left, rising; NULL: all are */
    uint32_t n_cells;
    size_t first; /* the number of its first case, before any were chosen */
} it_planned;

typedef struct it_plan {
    it_alloc *alloc;
    it_planned *v;
    size_t n_v, cap_v;
    size_t n;       /* cases */
    uint32_t *pick; /* the numbers of those that were chosen; NULL: all are */
    char **texts;   /* of the files */
    size_t n_texts, cap_texts;
} it_plan;

/* Starts an empty plan (allocates nothing); frees all of it. */
void it_plan_init(it_plan *p, it_alloc *alloc);
void it_plan_fini(it_plan *p);

/* Appends scenario |s|, whose parts are from now on the plan's (they are freed on failure); its |first| is set. Returns
 * 0, IT_ERR_NOMEM, or IT_ERR_LIMIT when there would be more than IT_PLAN_CASES_MAX cases. */
int it_plan_add(it_plan *p, it_planned *s) IT_MUST_CHECK;

/* Takes off the scenarios from |n| on. */
void it_plan_cut(it_plan *p, size_t n);

/* Frees what |s| holds, before it is a plan's. */
void it_planned_fini(it_alloc *a, it_planned *s);

/* Makes |text|, NUL-terminated and of the plan's allocator, the plan's; it is freed on failure. Returns 0 or
 * IT_ERR_NOMEM. */
int it_plan_keep(it_plan *p, char *text) IT_MUST_CHECK;

/* The scenario of case |i|; and which of its cases that is, from 0. */
const it_planned *it_plan_scenario(const it_plan *p, size_t i, uint32_t *at);

/* Makes case |i| into |c|, to be freed by it_case_fini. Returns 0 or IT_ERR_NOMEM, which leaves nothing to free. */
int it_plan_case(const it_plan *p, size_t i, it_case *c) IT_MUST_CHECK;
void it_case_fini(it_alloc *a, it_case *c);

/* Writes the id of case |i| into |out|, which it clears first; |out->oom| tells of no memory. */
void it_plan_id(const it_plan *p, size_t i, it_str *out);

#endif
