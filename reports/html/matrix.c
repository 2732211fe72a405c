/* Who connects with whom: the class matrices, and a table for every other scenario without faults. */
#include "reports/html/html.h"

#include <string.h>

#define ROWS 60 /* of a table; what has more is counted, not drawn */

/* --- cells --- */

/* The page that shows |c|, or a case that went the same way: same scenario, model and path. NULL when none has one. */
static const char *page_like(const it_view *w, const it_view_case *c)
{
    const char *page = c->page;
    for (size_t i = 0; i < w->n && !page; i++) {
        const it_view_case *x = &w->v[i];
        if (x->page && !x->bad && x->glyph == c->glyph && it_view_same_scenario(x, c) &&
            strcmp(x->model, c->model) == 0)
            page = x->page;
    }
    return page;
}

/* What stands behind a mark: why it is so, and the command that shows this very case. */
static void letter_title(const it_view_case *c, it_str *out)
{
    const char *why = it_results_str(json_object_get(c->o, "oracle"), "why");
    it_str_puts(out, " title=\"");
    if (c->bad)
        it_str_printf(out, "not as predicted: unexpected result %d", (int)c->group);
    else
        it_html_text(out, why);
    it_str_puts(out, *why || c->bad ? "; icetank show '" : "icetank show '");
    it_html_text(out, c->id);
    it_str_puts(out, "' --ladder\"");
}

/* The letter of |c|, linked to what is said of it as unexpected, to its page, or to that of a case like it; without any
 * page it has the command that shows the case. */
static void letter(const it_view *w, const it_view_case *c, it_str *out)
{
    const char *page = page_like(w, c);
    if (c->bad) {
        it_str_printf(out, "<a href=\"#u%d\"", (int)c->group);
    } else if (page) {
        it_str_puts(out, "<a href=\"");
        it_html_url(out, page);
        it_str_putc(out, '"');
    } else {
        it_str_puts(out, "<span");
    }
    letter_title(c, out);
    it_str_putc(out, '>');
    it_str_puts(out, it_html_glyph_sign(c->glyph));
    it_str_puts(out, c->bad || page ? "</a>" : "</span>");
}

/* A cell of a class matrix: the whole cell is the mark. */
static void cell(const it_view *w, const it_view_case *c, const char *more, it_str *out)
{
    it_str_printf(out, "<td class=\"%s%s%s\">", it_html_glyph_class(c->glyph), c->bad ? " u" : "", more);
    letter(w, c, out);
    it_str_puts(out, "</td>");
}

/* A cell of a table: the mark stands in it. */
static void wide_cell(const it_view *w, const it_view_case *c, it_str *out)
{
    it_str_printf(out, "<td class=\"fm f%d\"><b class=\"g %s%s\">", (int)it_view_model(w, c->model),
                  it_html_glyph_class(c->glyph), c->bad ? " u" : "");
    letter(w, c, out);
    it_str_puts(out, "</b></td>");
}

/* --- the nine classes --- */

static const char *const MAPPINGS[] = {"EIM", "ADM", "APDM"}, *const FILTERS[] = {"EIF", "ADF", "APDF"};
static const char *const CLASSES[] = {"eim-eif",  "adm-eif",  "apdm-eif", "eim-adf",  "adm-adf",
                                      "apdm-adf", "eim-apdf", "adm-apdf", "apdm-apdf"};

/* The place of a class in the matrix: by filtering, then by mapping; -1 for anything else. */
static int class_of(const char *name)
{
    for (int i = 0; i < 9; i++)
        if (strcmp(name, CLASSES[i]) == 0)
            return i;
    return -1;
}

typedef struct square {
    const it_view_case *with[9][9], *without[9][9]; /* inbound sessions */
} square;

static bool is_class_case(const it_view_case *c)
{
    return c->fault < 0 && class_of(it_view_axis(c, "near")) >= 0 && class_of(it_view_axis(c, "far")) >= 0;
}

/* The cases of scenario and model of case |at|. */
static square square_of(const it_view *w, size_t at)
{
    square s = {.with = {{NULL}}};
    for (size_t i = 0; i < w->n; i++) {
        const it_view_case *c = &w->v[i];
        if (!is_class_case(c) || !it_view_same_scenario(c, &w->v[at]) || strcmp(c->model, w->v[at].model) != 0)
            continue;
        int near = class_of(it_view_axis(c, "near")), far = class_of(it_view_axis(c, "far"));
        if (strcmp(it_view_axis(c, "session"), "no") == 0)
            s.without[near][far] = c;
        else
            s.with[near][far] = c;
    }
    return s;
}

static bool oracle_opens(const it_view_case *c)
{
    return c && strcmp(it_results_str(json_object_get(c->o, "oracle"), "outcome"), "open") == 0;
}

static bool opened(const it_view_case *c)
{
    return c && strcmp(c->outcome, "open") == 0;
}

/* Unordered pairs for which |good| holds both ways. */
static int pairs(const it_view_case *const v[9][9], bool (*good)(const it_view_case *))
{
    int n = 0;
    for (int a = 0; a < 9; a++)
        for (int b = a; b < 9; b++)
            n += good(v[a][b]) && good(v[b][a]);
    return n;
}

static void caption(const it_view *w, size_t m, const square *s, it_str *out)
{
    int open = 0, n = 0;
    for (int a = 0; a < 9; a++)
        for (int b = 0; b < 9; b++) {
            n += s->with[a][b] != NULL;
            open += opened(s->with[a][b]);
        }
    it_str_printf(out, "<figure class=\"mx fm f%d\"><figcaption><b>", (int)m);
    it_html_text(out, w->models[m]);
    it_str_printf(out, "</b> %d of %d open<br><span class=\"mut nb\">%d of 45 pairs", open, n, pairs(s->with, opened));
    if (s->without[0][0])
        it_str_printf(out, ", %d without sessions", pairs(s->without, opened));
    it_str_puts(out, "</span></figcaption>\n");
}

/* What the script reads out: connect times in ms and what comes without inbound sessions. */
static void data(const square *s, it_str *out)
{
    it_str_puts(out, " data-t=\"");
    for (int k = 0; k < 81; k++) {
        const it_view_case *c = s->with[k / 9][k % 9];
        int64_t t = c ? it_view_metric(c, "t_conn") : -1;
        it_str_printf(out, "%s%d", k ? "," : "", t < 0 ? 0 : (int)((t + 500000) / 1000000));
    }
    it_str_puts(out, "\" data-o=\"");
    for (int k = 0; k < 81; k++)
        it_str_putc(out, s->without[k / 9][k % 9] ? s->without[k / 9][k % 9]->glyph : ' ');
    it_str_putc(out, '"');
}

static void matrix_head(it_str *out)
{
    it_str_puts(out, "<colgroup><col><col></colgroup><colgroup span=\"3\"></colgroup><colgroup "
                     "span=\"3\"></colgroup><colgroup span=\"3\">"
                     "</colgroup>\n<thead><tr><td colspan=\"2\"></td>");
    for (int f = 0; f < 3; f++)
        it_str_printf(out, "<th colspan=\"3\" scope=\"colgroup\">%s</th>", FILTERS[f]);
    it_str_puts(out, "</tr><tr class=\"v\"><td colspan=\"2\"></td>");
    for (int k = 0; k < 9; k++)
        it_str_printf(out, "<th scope=\"col\"><span>%s</span></th>", MAPPINGS[k % 3]);
    it_str_puts(out, "</tr></thead>\n");
}

static void matrix(const it_view *w, size_t m, const square *s, it_str *out)
{
    caption(w, m, s, out);
    it_str_puts(out, "<table data-m=\"");
    it_html_text(out, w->models[m]);
    it_str_putc(out, '"');
    data(s, out);
    it_str_puts(out, "><caption class=\"vh\">Path in use, near side in rows, far side in columns</caption>\n");
    matrix_head(out);
    for (int a = 0; a < 9; a++) {
        it_str_puts(out, a % 3 == 0 ? "<tbody><tr>" : "<tr>");
        if (a % 3 == 0)
            it_str_printf(out, "<th rowspan=\"3\" scope=\"rowgroup\" class=\"f\"><span>%s</span></th>", FILTERS[a / 3]);
        it_str_printf(out, "<th scope=\"row\">%s</th>", MAPPINGS[a % 3]);
        for (int b = 0; b < 9; b++) {
            const it_view_case *with = s->with[a][b], *without = s->without[a][b];
            if (with)
                cell(w, with,
                     without && without->bad                    ? " i u"
                     : without && without->glyph != with->glyph ? " i"
                                                                : "",
                     out);
            else
                it_str_puts(out, "<td></td>");
        }
        it_str_puts(out, a % 3 == 2 ? "</tr></tbody>\n" : "</tr>\n");
    }
    it_str_puts(out, "</table></figure>\n");
}

/* Models of which only a sample was planned have no matrix. */
static bool is_full(const square *s)
{
    int n = 0;
    for (int k = 0; k < 81; k++)
        n += s->with[k / 9][k % 9] && !s->with[k / 9][k % 9]->unsupported;
    return n > 8;
}

static void class_claim(const square *s, it_str *out)
{
    it_html_section(out, "nat", "NAT × NAT");
    it_str_printf(out, "%d of the 45 pairs of NAT classes must connect directly", pairs(s->with, oracle_opens));
    if (s->without[0][0])
        it_str_printf(out, ", %d when boxes keep no inbound sessions", pairs(s->without, oracle_opens));
    it_str_puts(out, "; the oracle says so from mapping and filtering alone, and every cell is compared with it.");
    it_html_claim_end(out);
}

static bool class_matrices(const it_view *w, it_str *out)
{
    bool any = false;
    for (size_t i = 0; i < w->n; i++) {
        const it_view_case *c = &w->v[i];
        bool first = is_class_case(c);
        for (size_t k = 0; k < i && first; k++)
            first =
                !is_class_case(&w->v[k]) || !it_view_same_scenario(&w->v[k], c) || strcmp(w->v[k].model, c->model) != 0;
        if (!first)
            continue;
        square s = square_of(w, i);
        if (!is_full(&s))
            continue;
        if (!any) {
            class_claim(&s, out);
            it_str_puts(out, "<div class=\"mats\">");
        }
        any = true;
        matrix(w, it_view_model(w, c->model), &s, out);
    }
    if (any)
        it_str_puts(out, "</div>\n<p class=\"leg\"><span><b class=\"g d\">d</b> direct UDP</span><span><b class=\"g "
                         "n\">–</b> no path</span>"
                         "<span><b class=\"g d i\">d</b> no path when the boxes keep no inbound "
                         "sessions</span><span><b class=\"g d u\">d</b> not as "
                         "predicted</span></p><p id=\"read\">Near side in rows, far side in columns. EIM, ADM, APDM: "
                         "mapping; EIF, ADF, APDF: "
                         "filtering (RFC 4787). Point at a cell or use the arrow keys.</p>\n");
    return any;
}

/* --- the other scenarios --- */

static bool in_matrix(const it_view *w, size_t i)
{
    if (!is_class_case(&w->v[i]))
        return false;
    square s = square_of(w, i);
    return is_full(&s);
}

/* The values of all axes but the model and |but|, joined. */
static void row_name(const it_view_case *c, const char *but, it_str *out)
{
    const char *key;
    json_t *v;
    bool any = false;
    json_object_foreach(json_object_get(c->o, "cell"), key, v)
    {
        if (strcmp(key, "model") == 0 || strcmp(key, but) == 0)
            continue;
        it_str_puts(out, any ? ", " : "");
        it_html_text(out, json_string_value(v) ? json_string_value(v) : "");
        any = true;
    }
    if (!any)
        it_str_puts(out, "·");
}

/* Whether |a| and |b| belong into one row: the same but for the column's axis and the model. */
static bool same_row(const it_view_case *a, const it_view_case *b, const char *column)
{
    json_t *x = json_object_get(a->o, "cell"), *v;
    const char *key;
    if (!it_view_same_scenario(a, b))
        return false;
    json_object_foreach(x, key, v) if (strcmp(key, "model") != 0 && strcmp(key, column) != 0 &&
                                       strcmp(json_string_value(v) ? json_string_value(v) : "", it_view_axis(b, key)) !=
                                           0) return false;
    return true;
}

/* Whether |a| and |b| belong into one column. */
static bool same_column(const it_view_case *a, const it_view_case *b, const char *column)
{
    return it_view_same_scenario(a, b) && strcmp(a->model, b->model) == 0 &&
           strcmp(it_view_axis(a, column), it_view_axis(b, column)) == 0;
}

/* A case of the scenario of |from| that ran and is none of those before it in |same|'s sense. */
static bool begins(const it_view *w, size_t from, size_t i, const char *column,
                   bool (*same)(const it_view_case *, const it_view_case *, const char *))
{
    if (w->v[i].unsupported || !it_view_same_scenario(&w->v[from], &w->v[i]))
        return false;
    for (size_t k = from; k < i; k++)
        if (!w->v[k].unsupported && same(&w->v[k], &w->v[i], column))
            return false;
    return true;
}

/* Behind the last case of the scenario that begins at |from|: its cases stand together. */
static size_t end_of(const it_view *w, size_t from)
{
    size_t i = from;
    while (i < w->n && it_view_same_scenario(&w->v[from], &w->v[i]))
        i++;
    return i;
}

/* Two rows: the values of |column| over the models, or the models alone. Columns of one value stand together, as the
 * plan has them. */
static void table_head(const it_view *w, size_t from, const char *column, it_str *out)
{
    size_t end = end_of(w, from), span = 0;
    const char *value = NULL;
    it_str_puts(out, "<thead>");
    if (*column) {
        it_str_puts(out, "<tr><td></td>");
        for (size_t i = from; i <= end; i++) {
            if (i < end && !begins(w, from, i, column, same_column))
                continue;
            const char *next = i < end ? it_view_axis(&w->v[i], column) : NULL;
            if (value && (!next || strcmp(value, next) != 0)) {
                it_str_printf(out, "<th scope=\"colgroup\" colspan=\"%d\"><span class=\"mut\">", (int)span);
                it_html_text(out, value);
                it_str_puts(out, "</span></th>");
                span = 0;
            }
            value = next;
            span++;
        }
        it_str_puts(out, "</tr>");
    }
    it_str_puts(out, "<tr><td></td>");
    for (size_t i = from; i < end; i++) {
        if (!begins(w, from, i, column, same_column))
            continue;
        it_str_printf(out, "<th scope=\"col\" class=\"fm f%d\">", (int)it_view_model(w, w->v[i].model));
        it_html_text(out, w->v[i].model);
        it_str_puts(out, "</th>");
    }
    it_str_puts(out, "</tr></thead>\n<tbody>");
}

/* Too many rows to draw, as a population has: how many took which path, model by model. */
static void crowd(const it_view *w, size_t from, it_str *out)
{
    static const it_glyph GLYPHS[] = {'d', 'e', 'r', 't', '-', '!'};
    size_t end = end_of(w, from);
    it_str_puts(out, "<figure class=\"pt\"><figcaption><b>");
    it_html_text(out, w->v[from].title);
    it_str_puts(out, "</b> ");
    it_html_count(out, (int64_t)(end - from), "case", "cases");
    it_str_puts(out, ", counted</figcaption>\n<table>");
    for (size_t m = 0; m < w->n_models; m++) {
        size_t n = 0;
        for (size_t i = from; i < end; i++)
            n += !w->v[i].unsupported && strcmp(w->v[i].model, w->models[m]) == 0;
        if (n == 0)
            continue;
        it_str_printf(out, "<tr class=\"fm f%d\"><th scope=\"row\">", (int)m);
        it_html_text(out, *w->models[m] ? w->models[m] : "no model");
        it_str_puts(out, "</th>");
        for (size_t g = 0; g < sizeof GLYPHS / sizeof *GLYPHS; g++) {
            int64_t k = 0;
            for (size_t i = from; i < end; i++)
                k += w->v[i].glyph == GLYPHS[g] && strcmp(w->v[i].model, w->models[m]) == 0;
            if (k == 0)
                continue;
            it_str_puts(out, "<td>");
            it_html_glyph(out, GLYPHS[g]);
            it_html_num(out, k);
            it_str_puts(out, "</td>");
        }
        it_str_puts(out, "</tr>\n");
    }
    it_str_puts(out, "</table></figure>\n");
}

static void table(const it_view *w, size_t from, it_str *out)
{
    const char *column = *it_view_axis(&w->v[from], "far") ? "far" : "";
    size_t end = end_of(w, from), rows = 0;
    for (size_t i = from; i < end && rows <= ROWS; i++)
        rows += begins(w, from, i, column, same_row);
    if (rows > ROWS) {
        crowd(w, from, out);
        return;
    }
    it_str_puts(out, "<figure class=\"pt\"><figcaption><b>");
    it_html_text(out, w->v[from].title);
    it_str_puts(out, "</b></figcaption>\n<table>");
    table_head(w, from, column, out);
    for (size_t i = from; i < end; i++) {
        if (!begins(w, from, i, column, same_row))
            continue;
        it_str_puts(out, "<tr><th scope=\"row\">");
        row_name(&w->v[i], column, out);
        it_str_puts(out, "</th>");
        for (size_t k = from; k < end; k++) {
            if (!begins(w, from, k, column, same_column))
                continue;
            const it_view_case *found = NULL;
            for (size_t n = from; n < end && !found; n++)
                if (!w->v[n].unsupported && same_row(&w->v[i], &w->v[n], column) &&
                    same_column(&w->v[k], &w->v[n], column))
                    found = &w->v[n];
            if (found)
                wide_cell(w, found, out);
            else
                it_str_puts(out, "<td></td>");
        }
        it_str_puts(out, "</tr>\n");
    }
    it_str_puts(out, "</tbody></table></figure>\n");
}

/* Whether case |i| is the first that could run of its scenario, one about connecting that no class matrix shows. */
static bool begins_table(const it_view *w, size_t i)
{
    if (w->v[i].unsupported || it_view_kind_of(&w->v[i]) != IT_VIEW_CONNECT || in_matrix(w, i))
        return false;
    for (size_t k = 0; k < i; k++)
        if (!w->v[k].unsupported && it_view_same_scenario(&w->v[k], &w->v[i]))
            return false;
    return true;
}

bool it_html_matrices(const it_view *w, it_str *out)
{
    bool classes = class_matrices(w, out), any = false;
    for (size_t i = 0; i < w->n; i++) {
        if (!begins_table(w, i))
            continue;
        if (!any && !classes) {
            it_html_section(out, "nat", "Who connects");
            it_str_puts(out, "Every cell is compared with what the oracle derives from the boxes alone.");
            it_html_claim_end(out);
        }
        if (!any)
            it_str_puts(out, "<div class=\"pts\">");
        any = true;
        table(w, i, out);
    }
    if (any)
        it_str_puts(out, "</div>\n");
    return classes;
}
