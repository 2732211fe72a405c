/* Results as a report looks at them: cases with what is asked of them again and again worked out once, the models there
 * are, and which cases are not as predicted, worst first. Everything is in plan order unless said otherwise. */
#ifndef IT_REPORTS_READ_VIEW_H
#define IT_REPORTS_READ_VIEW_H

#include "reports/read/facts.h"
#include "reports/read/results.h"

#define IT_VIEW_MODELS 8
#define IT_VIEW_GLYPHS 7
#define IT_VIEW_PAGES 200
#define IT_VIEW_SHOWN 50 /* unexpected results listed singly */

/* The path of a case as one letter: d, e, r, t as in the legend, '-' none, 'o' not built, '!' error. */
typedef char it_glyph;

typedef struct it_view_case {
    const json_t *o; /* what the results keep of its line; the whole of it between it_view_open and it_view_close */
    const it_facts *facts;
    const char *id, *model, *title, *verdict, *outcome;
    size_t stem; /* length of the scenario's part of |id| */
    it_glyph glyph;
    bool bad; /* not as predicted: fail or error */
    bool unsupported;
    size_t group;      /* of unexpected results, from 1; 0: as predicted */
    size_t span;       /* the scenario's, of the view's |spans| */
    size_t head, next; /* the first and the next case of the same world, which is one scenario and the same values on
                          all axes but the model; |n|: there is no next one */
    char *page;        /* "cases/ID.html"; NULL: it has none */
    char *cause;       /* what the trace says of why, NULL: nothing */
} it_view_case;

/* Unexpected results of the same sort: scenario, model, check and what was expected. */
typedef struct it_view_group {
    size_t first, n; /* the case it is told by, how many there are */
    int rank;        /* 0 is worst */
} it_view_group;

/* The cases [from, to) of one scenario, which stand together. */
typedef struct it_view_span {
    size_t from, to;
    const char
        *page[IT_VIEW_MODELS][IT_VIEW_GLYPHS]; /* by model and path: of a case that went so; NULL: none has one */
} it_view_span;

typedef struct it_view {
    it_alloc *alloc;
    const it_results *r;
    it_view_case *v;
    size_t n;
    it_facts *facts; /* of |r| where that has none */
    it_view_span *spans;
    size_t n_spans, cap_spans;
    const char *models[IT_VIEW_MODELS]; /* in order of name */
    size_t n_models;
    it_view_group *groups; /* worst first */
    size_t n_groups, cap_groups;
    size_t bad_hypotheses;  /* whose verdict is not the known one */
    size_t problems;        /* what only the whole run could tell, each a fault */
    size_t pages, left_out; /* cases with a page; cases with a trace that have none for want of room */
    size_t unreadable;      /* cases whose trace could not be read */
} it_view;

/* Works |r| out. Returns 0 or IT_ERR_NOMEM; call it_view_fini either way. */
int it_view_init(it_view *w, it_alloc *alloc, const it_results *r) IT_MUST_CHECK;
void it_view_fini(it_view *w);

/* Gives up to IT_VIEW_PAGES cases with a trace their page: unexpected ones first, then those kept as the first of their
 * course of events (all with a trace where the results do not say). Returns 0 or IT_ERR_NOMEM. */
int it_view_choose_pages(it_view *w) IT_MUST_CHECK;
/* Notes in the spans, of every way that cases of a scenario went as predicted, the page of the first that has one. To
 * be called when it is known which pages could be made. */
void it_view_spread_pages(it_view *w);

/* Makes |c| of case |i| with its whole line, until it is closed: for what draws a case. */
void it_view_open(const it_view *w, size_t i, it_view_case *c);
void it_view_close(it_view_case *c);

/* The length of the scenario's part of case |id|: up to the segment with the first axis, without the slash. */
size_t it_view_stem(const char *id);
/* The name of the value of |axis|, "" when the case has none. */
const char *it_view_axis(const it_view_case *c, const char *axis);
/* Whether the two are cases of one scenario. */
bool it_view_same_scenario(const it_view_case *a, const it_view_case *b);
/* What stands for the values of |c| on all axes but the model and |but| ("": none), for maps; equal values, whatever
 * their order, have equal keys. */
void it_view_key(const it_view_case *c, const char *but, uint64_t key[2]);
/* The place of |glyph| in the order that tables have them in, below IT_VIEW_GLYPHS. */
size_t it_view_glyph(it_glyph glyph);
/* The index of a model, n_models when it is none. */
size_t it_view_model(const it_view *w, const char *model);
/* Whether |model| ran at all. */
bool it_view_built(const it_view *w, size_t model);
/* Whether some case of |model| made a call; whether some model has such a case or is named and not built: whether there
 * is anything to compare. */
bool it_view_calls(const it_view *w, size_t model);
bool it_view_compares(const it_view *w);
enum it_view_kind { IT_VIEW_CONNECT, IT_VIEW_DEATH, IT_VIEW_RECOVERY, IT_VIEW_NO_CALL };
/* What a case is about: a call without a fault; one that lost its last way for good; any other fault; something without
 * a call. */
enum it_view_kind it_view_kind_of(const it_view_case *c);

/* A list of numbers, sorted when a rank is asked for. */
typedef struct it_numbers {
    it_alloc *alloc;
    int64_t *v;
    size_t n, cap;
    bool oom; /* a number was lost */
    bool sorted;
} it_numbers;
void it_numbers_add(it_numbers *x, int64_t v);
/* The smallest value that |percent| of all do not exceed (nearest rank); 0 for none. */
int64_t it_numbers_rank(it_numbers *x, int percent);
/* Frees the list; when a number was lost, what was written from it, |out|, counts as incomplete too. */
void it_numbers_fini(it_numbers *x, it_str *out);

#endif
