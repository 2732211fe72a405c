/* Who connects with whom: the class matrices, and a table for every other scenario without faults. */
#include "reports/html/html.h"

#include "base/rng.h"
#include "base/table/map.h"

#include <string.h>

#define ROWS 60 /* of a table, and its columns; what has more is counted, not drawn */
#define COLUMNS 60

/* --- cells --- */

/* The page that shows |c|, or a case that went the same way: same scenario, model and path. NULL when none has one. */
static const char *page_like(const it_view *w, const it_view_case *c)
{
    size_t m = it_view_model(w, c->model);
    if (c->page || m >= w->n_models)
        return c->page;
    return w->spans[c->span].page[m][it_view_glyph(c->glyph)];
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
    return c->facts->fault < 0 && class_of(it_view_axis(c, "near")) >= 0 && class_of(it_view_axis(c, "far")) >= 0;
}

/* The class cases of scenario |span| and model |m|, the last of several. */
static square square_of(const it_view *w, const it_view_span *span, size_t m)
{
    square s = {.with = {{NULL}}};
    for (size_t i = span->from; i < span->to; i++) {
        const it_view_case *c = &w->v[i];
        if (strcmp(c->model, w->models[m]) != 0 || !is_class_case(c))
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
        int64_t t = c ? c->facts->metric[IT_FACTS_T_CONN] : -1;
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

/* The matrices of scenario |span|, a model each, in the order in which its cases have them. */
static bool span_matrices(const it_view *w, const it_view_span *span, bool any, it_str *out)
{
    bool done[IT_VIEW_MODELS] = {false};
    for (size_t i = span->from; i < span->to; i++) {
        size_t m = it_view_model(w, w->v[i].model);
        if (m >= w->n_models || done[m] || !is_class_case(&w->v[i]))
            continue;
        done[m] = true;
        square s = square_of(w, span, m);
        if (!is_full(&s))
            continue;
        if (!any) {
            class_claim(&s, out);
            it_str_puts(out, "<div class=\"mats\">");
        }
        any = true;
        matrix(w, m, &s, out);
    }
    return any;
}

static bool class_matrices(const it_view *w, it_str *out)
{
    bool any = false;
    for (size_t k = 0; k < w->n_spans; k++)
        any = span_matrices(w, &w->spans[k], any, out);
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

/* A table: which cases begin its rows and columns, and which is where both meet. Cases that could not run have no
 * place. */
typedef struct grid {
    const char *axis; /* whose values are columns beside the models; "": the models alone */
    size_t n_rows, n_columns;
    const it_view_case *row[ROWS], *column[COLUMNS], *at[ROWS][COLUMNS];
    bool crowded; /* more rows or columns than are drawn */
} grid;

/* Where what |key| stands for is in |map|, which has |*n| of them, |most| at most; |most| when it has no room. */
static size_t place_of(it_map *map, const uint64_t key[2], size_t *n, size_t most, bool *oom)
{
    uint32_t k = it_map_get(map, key);
    if (k != IT_MAP_NONE)
        return k;
    if (*n == most)
        return most;
    *oom = *oom || it_map_put(map, key, (uint32_t)*n) < 0;
    return (*n)++;
}

static void grid_add(grid *g, it_map maps[2], const it_view_case *c, bool *oom)
{
    uint64_t key[2], by[2] = {it_hash_str(c->model), it_hash_str(it_view_axis(c, g->axis))};
    it_view_key(c, g->axis, key);
    size_t n_rows = g->n_rows, n_columns = g->n_columns;
    size_t row = place_of(&maps[0], key, &g->n_rows, ROWS, oom);
    size_t column = place_of(&maps[1], by, &g->n_columns, COLUMNS, oom);
    if (row == ROWS || column == COLUMNS) {
        g->crowded = true;
        return;
    }
    if (g->n_rows > n_rows)
        g->row[row] = c;
    if (g->n_columns > n_columns)
        g->column[column] = c;
    if (!g->at[row][column])
        g->at[row][column] = c;
}

/* The cases of |span| in their places. */
static void grid_fill(grid *g, const it_view *w, const it_view_span *span, it_str *out)
{
    it_map maps[2];
    for (int k = 0; k < 2; k++)
        it_map_init(&maps[k], w->alloc, 2);
    for (size_t i = span->from; i < span->to && !g->crowded; i++)
        if (!w->v[i].unsupported)
            grid_add(g, maps, &w->v[i], &out->oom);
    for (int k = 0; k < 2; k++)
        it_map_fini(&maps[k]);
}

/* Two rows: the values of the axis over the models, or the models alone. Columns of one value stand together, as the
 * plan has them. */
static void table_head(const it_view *w, const grid *g, it_str *out)
{
    it_str_puts(out, "<thead>");
    if (*g->axis) {
        it_str_puts(out, "<tr><td></td>");
        for (size_t i = 0, span; i < g->n_columns; i += span) {
            const char *value = it_view_axis(g->column[i], g->axis);
            for (span = 1; i + span < g->n_columns; span++)
                if (strcmp(value, it_view_axis(g->column[i + span], g->axis)) != 0)
                    break;
            it_str_printf(out, "<th scope=\"colgroup\" colspan=\"%d\"><span class=\"mut\">", (int)span);
            it_html_text(out, value);
            it_str_puts(out, "</span></th>");
        }
        it_str_puts(out, "</tr>");
    }
    it_str_puts(out, "<tr><td></td>");
    for (size_t i = 0; i < g->n_columns; i++) {
        it_str_printf(out, "<th scope=\"col\" class=\"fm f%d\">", (int)it_view_model(w, g->column[i]->model));
        it_html_text(out, g->column[i]->model);
        it_str_puts(out, "</th>");
    }
    it_str_puts(out, "</tr></thead>\n<tbody>");
}

/* How many of the cases of |span| by model |m| took which path. */
static void crowd_row(const it_view *w, const it_view_span *span, size_t m, it_str *out)
{
    static const it_glyph GLYPHS[] = {'d', 'e', 'r', 't', '-', '!'};
    int64_t n[IT_VIEW_GLYPHS] = {0}, all = 0;
    for (size_t i = span->from; i < span->to; i++)
        if (!w->v[i].unsupported && strcmp(w->v[i].model, w->models[m]) == 0) {
            n[it_view_glyph(w->v[i].glyph)]++;
            all++;
        }
    if (all == 0)
        return;
    it_str_printf(out, "<tr class=\"fm f%d\"><th scope=\"row\">", (int)m);
    it_html_text(out, *w->models[m] ? w->models[m] : "no model");
    it_str_puts(out, "</th>");
    for (size_t g = 0; g < sizeof GLYPHS / sizeof *GLYPHS; g++) {
        int64_t k = n[it_view_glyph(GLYPHS[g])];
        if (k == 0)
            continue;
        it_str_puts(out, "<td>");
        it_html_glyph(out, GLYPHS[g]);
        it_html_num(out, k);
        it_str_puts(out, "</td>");
    }
    it_str_puts(out, "</tr>\n");
}

/* Too many rows or columns to draw, as a population has: they are counted. */
static void crowd(const it_view *w, const it_view_span *span, size_t first, it_str *out)
{
    it_str_puts(out, "<figure class=\"pt\"><figcaption><b>");
    it_html_text(out, w->v[first].title);
    it_str_puts(out, "</b> ");
    it_html_count(out, (int64_t)(span->to - first), "case", "cases");
    it_str_puts(out, ", counted</figcaption>\n<table>");
    for (size_t m = 0; m < w->n_models; m++)
        crowd_row(w, span, m, out);
    it_str_puts(out, "</table></figure>\n");
}

static void draw_table(const it_view *w, const grid *g, it_str *out)
{
    it_str_puts(out, "<figure class=\"pt\"><figcaption><b>");
    it_html_text(out, g->row[0]->title);
    it_str_puts(out, "</b></figcaption>\n<table>");
    table_head(w, g, out);
    for (size_t r = 0; r < g->n_rows; r++) {
        it_str_puts(out, "<tr><th scope=\"row\">");
        row_name(g->row[r], g->axis, out);
        it_str_puts(out, "</th>");
        for (size_t k = 0; k < g->n_columns; k++) {
            if (g->at[r][k])
                wide_cell(w, g->at[r][k], out);
            else
                it_str_puts(out, "<td></td>");
        }
        it_str_puts(out, "</tr>\n");
    }
    it_str_puts(out, "</tbody></table></figure>\n");
}

/* The table of |span|, whose case |first| is the first that could run. */
static void table(const it_view *w, const it_view_span *span, size_t first, it_str *out)
{
    grid *g = it_calloc(w->alloc, 1, sizeof *g);
    if (!g) {
        out->oom = true;
        return;
    }
    g->axis = *it_view_axis(&w->v[first], "far") ? "far" : "";
    grid_fill(g, w, span, out);
    if (g->crowded)
        crowd(w, span, first, out);
    else
        draw_table(w, g, out);
    it_free(w->alloc, g);
}

/* The first case of |span| that could run, when it is one about connecting that no class matrix shows; |span->to|: it
 * has no table. */
static size_t begins_table(const it_view *w, const it_view_span *span)
{
    size_t i = span->from;
    while (i < span->to && w->v[i].unsupported)
        i++;
    if (i == span->to || it_view_kind_of(&w->v[i]) != IT_VIEW_CONNECT)
        return span->to;
    if (!is_class_case(&w->v[i]))
        return i;
    square s = square_of(w, span, it_view_model(w, w->v[i].model));
    return is_full(&s) ? span->to : i;
}

bool it_html_matrices(const it_view *w, it_str *out)
{
    bool classes = class_matrices(w, out), any = false;
    for (size_t k = 0; k < w->n_spans; k++) {
        const it_view_span *span = &w->spans[k];
        size_t first = begins_table(w, span);
        if (first == span->to)
            continue;
        if (!any && !classes) {
            it_html_section(out, "nat", "Who connects");
            it_str_puts(out, "Every cell is compared with what the oracle derives from the boxes alone.");
            it_html_claim_end(out);
        }
        if (!any)
            it_str_puts(out, "<div class=\"pts\">");
        any = true;
        table(w, span, first, out);
    }
    if (any)
        it_str_puts(out, "</div>\n");
    return classes;
}
