/* The verdict on the models, in sentences chosen by rule: who connects most, notices death first, comes back most often
 * and fastest, and what share of calls a relay pays for. It speaks of worlds that every measured model met, so that
 * nobody is ahead by having met easier ones, and says nothing of what there is no number for. */
#include "reports/html/html.h"

#include "base/time.h"

#include <string.h>

/* The models' scores over the worlds that all of them met. */
typedef struct scores {
    size_t model[IT_VIEW_MODELS], n; /* those measured, as places in the view's |models| */
    size_t worlds, faults;           /* without a fault; with one that passes or leaves another way */
    int64_t open[IT_VIEW_MODELS], relayed[IT_VIEW_MODELS], back[IT_VIEW_MODELS];
    it_numbers conn[IT_VIEW_MODELS], death[IT_VIEW_MODELS], recover[IT_VIEW_MODELS]; /* where all have one */
} scores;

/* --- counting --- */

/* The case at |i| or the next one of its world that is of model |m|; the view's |n|: there is none. */
static size_t next_of_model(const it_view *w, size_t i, size_t m)
{
    while (i < w->n && strcmp(w->v[i].model, w->models[m]) != 0)
        i = w->v[i].next;
    return i;
}

/* Notes metric |k| of the cases |at|, a model each, when all have it. */
static void score_time(const it_view *w, const scores *s, const size_t *at, int k, it_numbers *to)
{
    for (size_t m = 0; m < s->n; m++)
        if (w->v[at[m]].facts->metric[k] < 0)
            return;
    for (size_t m = 0; m < s->n; m++)
        it_numbers_add(&to[m], w->v[at[m]].facts->metric[k]);
}

/* Counts the cases |at| of one world without a fault. */
static void score_connect(const it_view *w, scores *s, const size_t *at)
{
    s->worlds++;
    for (size_t m = 0; m < s->n; m++) {
        const it_view_case *c = &w->v[at[m]];
        s->open[m] += strcmp(c->outcome, "open") == 0;
        s->relayed[m] += c->glyph == 'r' || c->glyph == 't';
    }
    score_time(w, s, at, IT_FACTS_T_CONN, s->conn);
}

/* Counts the cases |at| of one world with a fault that passes or leaves another way. */
static void score_recovery(const it_view *w, scores *s, const size_t *at)
{
    s->faults++;
    for (size_t m = 0; m < s->n; m++)
        s->back[m] += !w->v[at[m]].facts->died;
    score_time(w, s, at, IT_FACTS_T_RECOVER, s->recover);
}

/* Counts one world that all models met, by their cases |at|. */
static void score_world(const it_view *w, scores *s, const size_t *at)
{
    enum it_view_kind kind = it_view_kind_of(&w->v[at[0]]);
    for (size_t m = 0; m < s->n; m++)
        if (w->v[at[m]].unsupported || it_view_kind_of(&w->v[at[m]]) != kind)
            return;
    if (kind == IT_VIEW_CONNECT)
        score_connect(w, s, at);
    else if (kind == IT_VIEW_DEATH)
        score_time(w, s, at, IT_FACTS_T_DEATH, s->death);
    else if (kind == IT_VIEW_RECOVERY)
        score_recovery(w, s, at);
}

/* Counts the worlds whose first case is |head|: with several seeds one for each that all models ran. */
static void score_worlds(const it_view *w, scores *s, size_t head)
{
    size_t at[IT_VIEW_MODELS];
    for (size_t m = 0; m < s->n; m++)
        at[m] = next_of_model(w, head, s->model[m]);
    for (;;) {
        for (size_t m = 0; m < s->n; m++)
            if (at[m] >= w->n)
                return;
        score_world(w, s, at);
        for (size_t m = 0; m < s->n; m++)
            at[m] = next_of_model(w, w->v[at[m]].next, s->model[m]);
    }
}

static void score_all(const it_view *w, scores *s)
{
    memset(s, 0, sizeof *s);
    for (size_t m = 0; m < w->n_models; m++) {
        s->conn[m].alloc = s->death[m].alloc = s->recover[m].alloc = w->alloc;
        if (*w->models[m] && it_view_calls(w, m))
            s->model[s->n++] = m;
    }
    for (size_t i = 0; i < w->n && s->n > 1; i++)
        if (w->v[i].head == i)
            score_worlds(w, s, i);
}

/* --- sentences --- */

/* Puts the |n| places of |v| into |order|, the largest value first, or the smallest; equals in order of name. */
static void rank_of(const int64_t *v, size_t n, bool largest, size_t *order)
{
    for (size_t i = 0; i < n; i++) {
        size_t k = i;
        for (; k > 0 && (largest ? v[order[k - 1]] < v[i] : v[order[k - 1]] > v[i]); k--)
            order[k] = order[k - 1];
        order[k] = i;
    }
}

/* The names of those of |order| from |from| on that have the same value: "A, B and E". Returns how many. */
static size_t put_names(const it_view *w, const scores *s, const int64_t *v, const size_t *order, size_t from,
                        it_str *out)
{
    size_t n = 1;
    while (from + n < s->n && v[order[from + n]] == v[order[from]])
        n++;
    for (size_t i = 0; i < n; i++) {
        const char *lead = i + 1 == n ? " and " : ", ";
        it_str_puts(out, i ? lead : "");
        it_html_text(out, w->models[s->model[order[from + i]]]);
    }
    return n;
}

/* How a ranking is worded: "D DOES in 215 of ...; C in 213". */
typedef struct wording {
    const char *one, *many, *all; /* " connects most", " connect most", "All connect alike" */
    const char *before;           /* a value: ", in " */
    bool largest, time;
    const char *thing[2]; /* of counts: one, many */
} wording;

static void put_score(const wording *z, int64_t v, it_str *out)
{
    if (z->time)
        it_html_time(out, v);
    else if (v == 0)
        it_str_puts(out, "none");
    else
        it_html_num(out, v);
}

/* The first score of a sentence, which says of how many of what: |n| of |z|->thing; |n| 0 for times, with |of| behind.
 */
static void put_first(const wording *z, int64_t v, size_t n, const char *of, it_str *out)
{
    if (n == 0 || v == 0) {
        put_score(z, v, out);
        it_str_puts(out, of);
        return;
    }
    if (n == 1) {
        it_str_printf(out, "the one %s", z->thing[0]);
        return;
    }
    if (v == (int64_t)n) {
        it_str_puts(out, "all" NBSP);
    } else {
        it_html_num(out, v);
        it_str_puts(out, " of the" NBSP);
    }
    it_html_num(out, (int64_t)n);
    it_str_printf(out, " %s", z->thing[1]);
}

/* A sentence that ranks |v|; |n| and |of| as in put_first. */
static void ranking(const it_view *w, const scores *s, const wording *z, const int64_t *v, size_t n, const char *of,
                    it_str *out)
{
    size_t order[IT_VIEW_MODELS];
    rank_of(v, s->n, z->largest, order);
    it_str_puts(out, "<span>");
    if (v[order[0]] == v[order[s->n - 1]]) {
        it_str_printf(out, "%s%s", z->all, z->before);
        put_first(z, v[order[0]], n, of, out);
        it_str_puts(out, ".</span>\n");
        return;
    }
    for (size_t i = 0, names; i < s->n; i += names) {
        it_str_puts(out, i ? "; " : "<b>");
        names = put_names(w, s, v, order, i, out);
        if (i > 0) {
            it_str_puts(out, z->before);
            put_score(z, v[order[i]], out);
            continue;
        }
        it_str_printf(out, "</b>%s,%s", names == 1 ? z->one : z->many, z->before);
        put_first(z, v[order[i]], n, of, out);
    }
    it_str_puts(out, ".</span>\n");
}

/* |ns| as exact as it is shown, so that what looks equal is. */
static int64_t as_shown(int64_t ns)
{
    int64_t unit = ns < 9995 * IT_MS ? 10 * IT_MS : 100 * IT_MS;
    if (ns < IT_SEC)
        unit = IT_MS;
    return (ns + unit / 2) / unit * unit;
}

/* The medians of |x|; how many numbers each is of. */
static size_t medians(const scores *s, it_numbers *x, int64_t *v)
{
    for (size_t m = 0; m < s->n; m++)
        v[m] = as_shown(it_numbers_rank(&x[m], 50));
    return x[0].n;
}

/* A sentence that ranks the medians of |x|, where there are any. */
static void ranking_of_times(const it_view *w, scores *s, const wording *z, it_numbers *x, const char *of, it_str *out)
{
    int64_t v[IT_VIEW_MODELS];
    char words[160];
    size_t n = medians(s, x, v);
    if (n == 0)
        return;
    if (n == 1)
        snprintf(words, sizeof words, " (the one world %s)", of);
    else
        snprintf(words, sizeof words, " (median of %zu" NBSP "worlds %s)", n, of);
    ranking(w, s, z, v, 0, words, out);
}

/* What connecting more costs: calls by relays. */
static void price(const it_view *w, const scores *s, it_str *out)
{
    size_t order[IT_VIEW_MODELS];
    rank_of(s->relayed, s->n, true, order);
    if (s->worlds == 0)
        return;
    if (s->relayed[order[0]] == 0) {
        it_str_puts(out, "<span>No call went by a relay.</span>\n");
        return;
    }
    it_str_puts(out, "<span>The price is relays: ");
    for (size_t i = 0; i < s->n;) {
        size_t n = 1;
        it_str_puts(out, i ? ", " : "");
        if (s->relayed[order[i]] == 0) {
            n = put_names(w, s, s->relayed, order, i, out);
            it_str_puts(out, " none");
        } else {
            it_html_text(out, w->models[s->model[order[i]]]);
            it_str_puts(out, " needs one for ");
            it_html_num(out, s->relayed[order[i]]);
            it_str_puts(out, " of its" NBSP);
            it_html_num(out, s->open[order[i]]);
        }
        i += n;
    }
    it_str_puts(out, ".</span>\n");
}

bool it_html_verdict(const it_view *w, it_str *out)
{
    static const wording CONNECT = {" connects most",
                                    " connect most",
                                    "All models connect alike,",
                                    " in ",
                                    true,
                                    false,
                                    {"world that all of them met", "worlds that all of them met"}};
    static const wording FAST = {
        " opens fastest", " open fastest", "All models open equally fast,", " after ", false, true, {NULL, NULL}};
    static const wording DEATH = {" notices death first",
                                  " notice death first",
                                  "All models notice death alike,",
                                  " after ",
                                  false,
                                  true,
                                  {NULL, NULL}};
    static const wording BACK = {" survives most",
                                 " survive most",
                                 "All models survive alike,",
                                 " ",
                                 true,
                                 false,
                                 {"fault that passes or leaves another way", "faults that pass or leave another way"}};
    static const wording RECOVER = {
        " recovers fastest", " recover fastest", "All models recover equally fast,", " after ", false, true,
        {NULL, NULL}};
    scores s;
    score_all(w, &s);
    bool compares = s.n > 1 && (s.worlds || s.faults || s.death[0].n);
    if (compares) {
        if (s.worlds)
            ranking(w, &s, &CONNECT, s.open, s.worlds, "", out);
        ranking_of_times(w, &s, &DEATH, s.death, "without a way left", out);
        if (s.faults)
            ranking(w, &s, &BACK, s.back, s.faults, "", out);
        ranking_of_times(w, &s, &RECOVER, s.recover, "in which all came back", out);
        ranking_of_times(w, &s, &FAST, s.conn, "in which all open", out);
        price(w, &s, out);
    }
    for (size_t m = 0; m < w->n_models; m++) {
        it_numbers_fini(&s.conn[m], out);
        it_numbers_fini(&s.death[m], out);
        it_numbers_fini(&s.recover[m], out);
    }
    return compares;
}
