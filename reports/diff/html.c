/* The comparison as a page like the overview: what is worst first, every group with its cases and a command. */
#include "reports/diff/impl.h"

#include "reports/html/html.h"

#include <string.h>

enum { HTML_IDS = 200 }; /* cases of a group that are named; the rest is counted */

static void html_side(const it_diff *d, enum it_diff_kind kind, const it_diff_side *s, it_str *out)
{
    it_str text;
    it_str_init(&text, d->alloc);
    it_diff_side_text(d, kind, s, &text);
    it_html_text(out, it_str_c(&text));
    out->oom = out->oom || text.oom;
    it_str_fini(&text);
}

/* The command that shows case |id| of the run in |dir|. */
static void html_show(const it_diff *d, const char *id, const char *dir, it_str *out)
{
    it_str text;
    it_str_init(&text, d->alloc);
    it_diff_command("icetank", id, dir, &text);
    it_html_command(out, it_str_c(&text));
    out->oom = out->oom || text.oom;
    it_str_fini(&text);
}

/* The cases of the group at |at|, folded away where there are several. */
static void html_cases(const it_diff *d, size_t at, it_str *out)
{
    const it_diff_group *g = &d->groups[at];
    size_t told = 0;
    html_show(d, d->changes[g->first].id, g->kind == IT_DIFF_GONE ? d->old.dir : d->now.dir, out);
    if (g->n == 1)
        return;
    it_str_puts(out, "<details><summary>all ");
    it_html_num(out, (int64_t)g->n);
    it_str_puts(out, " cases</summary><ul>");
    for (size_t i = g->first; i != IT_DIFF_NONE && told < HTML_IDS; i = d->changes[i].next, told++) {
        it_str_puts(out, "<li>");
        it_html_text(out, d->changes[i].id);
        it_str_puts(out, "</li>");
    }
    if (told < g->n) {
        it_str_puts(out, "<li>and ");
        it_html_num(out, (int64_t)(g->n - told));
        it_str_puts(out, " more</li>");
    }
    it_str_puts(out, "</ul></details>");
}

static void html_name(const it_diff *d, uint32_t stem, uint32_t model, it_str *out)
{
    it_str_puts(out, "<tr><th scope=\"row\">");
    it_html_text(out, it_diff_word(d, stem));
    it_str_puts(out, "</th><td data-l=\"model\">");
    it_html_text(out, *it_diff_word(d, model) ? it_diff_word(d, model) : "–");
    it_str_puts(out, "</td>");
}

static void html_group(const it_diff *d, size_t at, it_str *out)
{
    const it_diff_group *g = &d->groups[at];
    html_name(d, g->stem, g->model, out);
    it_str_puts(out, "<td data-l=\"cases\" class=\"nu\">");
    it_html_num(out, (int64_t)g->n);
    it_str_puts(out, "</td><td data-l=\"before\">");
    if (g->kind == IT_DIFF_NEW)
        it_str_puts(out, "–");
    else
        html_side(d, g->kind, &g->old, out);
    it_str_puts(out, g->kind == IT_DIFF_WORSE ? "</td><td data-l=\"now\" class=\"acc\">" : "</td><td data-l=\"now\">");
    if (g->kind == IT_DIFF_GONE)
        it_str_puts(out, "–");
    else
        html_side(d, g->kind, &g->now, out);
    if (*it_diff_word(d, g->observed)) {
        it_str_puts(out, "<span class=\"eo\">expected ");
        it_html_text(out, it_diff_word(d, g->expected));
        it_str_puts(out, "</span><span class=\"eo\">observed ");
        it_html_text(out, it_diff_word(d, g->observed));
        it_str_puts(out, "</span>");
    }
    it_str_puts(out, "</td><td data-l=\"see\" class=\"wide\">");
    html_cases(d, at, out);
    it_str_puts(out, "</td></tr>\n");
}

static void html_section(const char *id, const char *label, size_t n, const char *one, const char *many, it_str *out)
{
    it_html_section(out, id, label);
    it_html_count(out, (int64_t)n, one, many);
    it_str_putc(out, '.');
    it_html_claim_end(out);
}

static void html_kind(const it_diff *d, enum it_diff_kind kind, it_str *out)
{
    if (d->count[kind] == 0)
        return;
    html_section(it_diff_kind_name(kind), it_diff_kind_title(kind), d->count[kind], "case", "cases", out);
    it_str_puts(out, "<table class=\"dt\"><thead><tr><th scope=\"col\">scenario</th><th scope=\"col\">model</th><th "
                     "scope=\"col\" class=\"nu\">cases</th><th scope=\"col\">before</th><th scope=\"col\">now</th><th "
                     "scope=\"col\">see</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < d->n_groups; i++)
        if (d->groups[i].kind == kind)
            html_group(d, i, out);
    it_str_puts(out, "</tbody></table>\n");
}

/* A row of |c|; |bad| is said behind one that is not as known. */
static void html_claim(const it_diff_claim *c, const char *bad, it_str *out)
{
    it_str_puts(out, "<tr><th scope=\"row\">");
    it_html_text(out, c->title);
    it_str_puts(out, "<span class=\"eo\">");
    it_html_text(out, c->name);
    it_str_puts(out, "</span></th><td data-l=\"before\">");
    it_html_text(out, *c->old ? c->old : "–");
    it_str_puts(out, c->known ? "</td><td data-l=\"now\">" : "</td><td data-l=\"now\" class=\"acc\">");
    it_html_text(out, *c->now ? c->now : "gone");
    it_str_printf(out, "%s</td></tr>\n", c->known ? "" : bad);
}

static void html_claims(const it_diff *d, it_str *out)
{
    const struct {
        const it_diff_claim *v;
        size_t n;
        const char *id, *label, *one, *many, *what, *bad;
    } LISTS[] = {{d->claims, d->n_claims, "hypotheses", "Hypotheses", "hypothesis has another verdict",
                  "hypotheses have other verdicts", "hypothesis", ", not the known verdict"},
                 {d->problems, d->n_problems, "problems", "The run as a whole", "problem came or went",
                  "problems came or went", "problem", ""}};
    for (size_t k = 0; k < 2; k++) {
        if (LISTS[k].n == 0)
            continue;
        html_section(LISTS[k].id, LISTS[k].label, LISTS[k].n, LISTS[k].one, LISTS[k].many, out);
        it_str_printf(out,
                      "<table class=\"dt\"><thead><tr><th scope=\"col\">%s</th><th scope=\"col\">before</th><th "
                      "scope=\"col\">now</th></tr></thead>\n<tbody>\n",
                      LISTS[k].what);
        for (size_t i = 0; i < LISTS[k].n; i++)
            html_claim(&LISTS[k].v[i], LISTS[k].bad, out);
        it_str_puts(out, "</tbody></table>\n");
    }
}

/* A cell of a value before and now. */
static void html_move(const char *label, const char *name, int64_t old, int64_t now, it_str *out)
{
    it_str_printf(out, "<td data-l=\"%s\" class=\"nu\">", label);
    it_diff_value(out, name, old);
    if (old != now) {
        it_str_puts(out, " → ");
        it_diff_value(out, name, now);
        it_str_puts(out, "<span class=\"mo\">");
        it_diff_percent(out, old, now);
        it_str_puts(out, "</span>");
    }
    it_str_puts(out, "</td>");
}

static void html_number(const it_diff *d, it_diff_number *x, it_str *out)
{
    const char *name = it_diff_word(d, x->name);
    int64_t old, now;
    html_name(d, x->stem, x->model, out);
    it_str_puts(out, "<td data-l=\"number\">");
    it_html_text(out, name);
    if (x->only_old || x->only_now) {
        it_str_puts(out, "<span class=\"eo\">");
        it_html_num(out, (int64_t)x->only_old);
        it_str_puts(out, " have it no more, ");
        it_html_num(out, (int64_t)x->only_now);
        it_str_puts(out, " have it now</span>");
    }
    it_str_puts(out, "</td><td data-l=\"cases that differ\" class=\"nu\">");
    it_html_num(out, (int64_t)x->differ);
    it_str_puts(out, " of ");
    it_html_num(out, (int64_t)x->old.n);
    it_str_puts(out, "</td>");
    it_diff_middle(x, name, &old, &now);
    html_move("mean or sum", name, old, now, out);
    html_move("median", name, it_numbers_rank(&x->old, 50), it_numbers_rank(&x->now, 50), out);
    html_move("95 %", name, it_numbers_rank(&x->old, 95), it_numbers_rank(&x->now, 95), out);
    it_str_puts(out, "<td data-l=\"moved most\" class=\"wide\">");
    if (x->most)
        html_show(d, x->most, d->now.dir, out);
    it_str_puts(out, "</td></tr>\n");
}

static void html_numbers(const it_diff *d, it_str *out)
{
    if (d->n_numbers == 0)
        return;
    html_section("numbers", "Numbers", d->n_numbers, "number moved", "numbers moved", out);
    it_str_puts(out, "<table class=\"dt\"><thead><tr><th scope=\"col\">scenario</th><th scope=\"col\">model</th><th "
                     "scope=\"col\">number</th><th scope=\"col\" class=\"nu\">cases that differ</th><th scope=\"col\" "
                     "class=\"nu\">mean or sum</th><th scope=\"col\" class=\"nu\">median</th><th scope=\"col\" "
                     "class=\"nu\">95" NBSP "%</th><th scope=\"col\">moved most</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < d->n_numbers; i++)
        html_number(d, &d->numbers[i], out);
    it_str_puts(out, "</tbody></table>\n<p class=\"note\">Over the cases that have the number in both runs. Of a time "
                     "the mean, of anything else the sum. Farthest first; ");
    it_str_printf(out,
                  d->bound ? "told is what moved by more than %d" NBSP "%% in one of the three.</p>\n"
                           : "told is what moved at all (%d" NBSP "%%).</p>\n",
                  d->bound);
}

static void html_run(const it_diff *d, const char *name, const it_diff_run *r, it_str *out)
{
    it_str text;
    it_str_init(&text, d->alloc);
    it_diff_run_text(r, &text);
    it_str_printf(out, "<dt>%s</dt><dd>", name);
    it_html_text(out, r->dir);
    it_str_puts(out, ": ");
    it_html_text(out, it_str_c(&text));
    it_str_puts(out, "</dd>");
    out->oom = out->oom || text.oom;
    it_str_fini(&text);
}

static void html_head(const it_diff *d, it_str *out)
{
    it_str text;
    it_str_init(&text, d->alloc);
    it_html_head(out, IT_HTML_DIFF, "icetank: what changed between two runs");
    it_str_puts(out, "<header class=\"top\" id=\"main\"><p class=\"run\"><span class=\"wm\">");
    it_html_wordmark(out);
    it_str_puts(out, "</span></p>\n<h1>What changed between two runs</h1>\n<p class=\"verdict\">");
    it_diff_sentence(d, &text);
    it_html_text(out, it_str_c(&text));
    it_str_puts(out, ".</p>\n<dl class=\"kv\">");
    html_run(d, "old", &d->old, out);
    html_run(d, "new", &d->now, out);
    it_str_puts(out, "</dl>\n");
    out->oom = out->oom || text.oom;
    it_str_clear(&text);
    it_diff_caution(d, &text);
    it_str_puts(out, text.n ? "<p class=\"note\">" : "");
    it_html_text(out, it_str_c(&text));
    it_str_puts(out, text.n ? "</p>\n</header>\n<main>\n" : "</header>\n<main>\n");
    out->oom = out->oom || text.oom;
    it_str_fini(&text);
}

void it_diff_html(const it_diff *d, it_str *out)
{
    html_head(d, out);
    for (int k = 0; k < IT_DIFF_KINDS; k++) {
        html_kind(d, (enum it_diff_kind)k, out);
        if (k == IT_DIFF_WORSE)
            html_claims(d, out);
    }
    html_numbers(d, out);
    it_str_puts(out, "</main>\n<footer><p>Equal results give this page byte for byte.</p></footer>\n");
    it_html_end(out, IT_HTML_NO_SCRIPT);
}
