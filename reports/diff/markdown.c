/* The comparison as a comment for a pull request: tables, worst first, never larger than IT_DIFF_MARKDOWN. */
#include "reports/diff/impl.h"

#include <string.h>

#define FOOT_ROOM 400 /* kept for the line that counts what found no room */

/* A document under way. */
typedef struct markdown {
    const it_diff *d;
    it_str *out;
    it_str row;  /* the one under way */
    bool full;   /* one found no room: no more are tried */
    size_t rows; /* that found none */
} markdown;

/* Takes what |m|->row has: into the document, or nowhere. True when it found room. */
static bool md_take(markdown *m)
{
    m->full = m->full || m->out->n + m->row.n + FOOT_ROOM > IT_DIFF_MARKDOWN;
    if (!m->full)
        it_str_puts(m->out, it_str_c(&m->row));
    m->out->oom = m->out->oom || m->row.oom;
    it_str_clear(&m->row);
    return !m->full;
}

/* |s| as code: no mark-up in it, no mention, and no end of a cell. Nothing for nothing. */
static void md_code(it_str *out, const char *s)
{
    if (!*s)
        return;
    it_str_putc(out, '`');
    for (size_t n = 0; s[n]; n++) {
        unsigned char c = (unsigned char)s[n];
        if (c == '|')
            it_str_puts(out, "\\|");
        else
            it_str_putc(out, c < 0x20 || c == 0x7f ? ' ' : c == '`' ? '\'' : (char)c);
    }
    it_str_putc(out, '`');
}

/* At most |most| bytes of |s|, as code. */
static void md_short(it_str *out, const char *s, size_t most)
{
    char part[300];
    size_t n = strlen(s);
    if (n <= most) {
        md_code(out, s);
        return;
    }
    n = most < sizeof part - 4 ? most : sizeof part - 4;
    while (n && (s[n] & 0xc0) == 0x80)
        n--;
    snprintf(part, sizeof part, "%.*s...", (int)n, s);
    md_code(out, part);
}

static void md_side(markdown *m, enum it_diff_kind kind, const it_diff_side *s)
{
    it_str text;
    it_str_init(&text, m->d->alloc);
    it_diff_side_text(m->d, kind, s, &text);
    md_short(&m->row, it_str_c(&text), 160);
    m->row.oom = m->row.oom || text.oom;
    it_str_fini(&text);
}

static void md_table(markdown *m, const char *title, const char *head, const char *rule)
{
    it_str_printf(&m->row, "\n**%s**\n\n%s\n%s\n", title, head, rule);
}

static void md_group(markdown *m, const it_diff_group *g)
{
    it_str *row = &m->row;
    it_str_puts(row, "| ");
    md_code(row, it_diff_word(m->d, g->stem));
    it_str_puts(row, " | ");
    md_code(row, it_diff_word(m->d, g->model));
    it_str_puts(row, " | ");
    it_diff_count(row, g->n);
    it_str_puts(row, " | ");
    if (g->kind != IT_DIFF_NEW)
        md_side(m, g->kind, &g->old);
    it_str_puts(row, " | ");
    if (g->kind != IT_DIFF_GONE)
        md_side(m, g->kind, &g->now);
    if (*it_diff_word(m->d, g->observed)) {
        it_str_puts(row, "<br>expected ");
        md_short(row, it_diff_word(m->d, g->expected), 200);
        it_str_puts(row, "<br>observed ");
        md_short(row, it_diff_word(m->d, g->observed), 200);
    }
    it_str_puts(row, " | ");
    md_code(row, m->d->changes[g->first].id);
    it_str_puts(row, " |\n");
}

static void md_kind(markdown *m, enum it_diff_kind kind)
{
    bool first = true;
    for (size_t i = 0; i < m->d->n_groups; i++) {
        if (m->d->groups[i].kind != kind)
            continue;
        if (first)
            md_table(m, it_diff_kind_title(kind), "| scenario | model | cases | before | now | the first |",
                     "|---|---|--:|---|---|---|");
        first = false;
        md_group(m, &m->d->groups[i]);
        m->rows += !md_take(m);
    }
}

static void md_claims(markdown *m)
{
    const it_diff *d = m->d;
    for (size_t i = 0; i < d->n_claims; i++) {
        const it_diff_claim *c = &d->claims[i];
        if (i == 0)
            md_table(m, "Hypotheses with another verdict", "| hypothesis | before | now | |", "|---|---|---|---|");
        it_str_puts(&m->row, "| ");
        md_code(&m->row, c->name);
        it_str_puts(&m->row, " | ");
        md_code(&m->row, *c->old ? c->old : "none");
        it_str_puts(&m->row, " | ");
        md_code(&m->row, *c->now ? c->now : "gone");
        it_str_puts(&m->row, c->known ? " | |\n" : " | not the known verdict |\n");
        m->rows += !md_take(m);
    }
    for (size_t i = 0; i < d->n_problems; i++) {
        it_str_puts(&m->row, i == 0 ? "\n**Problems of the run as a whole**\n\n- " : "- ");
        it_str_puts(&m->row, *d->problems[i].now ? "new: " : "gone: ");
        md_short(&m->row, d->problems[i].title, 280);
        it_str_putc(&m->row, '\n');
        m->rows += !md_take(m);
    }
}

static void md_move(markdown *m, const char *name, int64_t old, int64_t now)
{
    it_str_puts(&m->row, " | ");
    it_diff_value(&m->row, name, old);
    if (old == now)
        return;
    it_str_puts(&m->row, " → ");
    it_diff_value(&m->row, name, now);
    it_str_puts(&m->row, " (");
    it_diff_percent(&m->row, old, now);
    it_str_putc(&m->row, ')');
}

static void md_number(markdown *m, it_diff_number *x)
{
    const char *name = it_diff_word(m->d, x->name);
    int64_t old, now;
    it_str_puts(&m->row, "| ");
    md_code(&m->row, it_diff_word(m->d, x->stem));
    it_str_puts(&m->row, " | ");
    md_code(&m->row, it_diff_word(m->d, x->model));
    it_str_puts(&m->row, " | ");
    md_code(&m->row, name);
    it_str_puts(&m->row, " | ");
    it_diff_count(&m->row, x->differ);
    it_str_puts(&m->row, " of ");
    it_diff_count(&m->row, x->old.n);
    it_diff_middle(x, name, &old, &now);
    md_move(m, name, old, now);
    md_move(m, name, it_numbers_rank(&x->old, 50), it_numbers_rank(&x->now, 50));
    md_move(m, name, it_numbers_rank(&x->old, 95), it_numbers_rank(&x->now, 95));
    it_str_puts(&m->row, " | ");
    if (x->only_old || x->only_now) {
        it_diff_count(&m->row, x->only_old);
        it_str_puts(&m->row, " no more, ");
        it_diff_count(&m->row, x->only_now);
        it_str_puts(&m->row, " now");
    }
    it_str_puts(&m->row, " |\n");
}

static void md_numbers(markdown *m)
{
    for (size_t i = 0; i < m->d->n_numbers; i++) {
        if (i == 0)
            md_table(
                m, "Numbers that moved",
                "| scenario | model | number | cases that differ | mean of a time, sum of a count | median | 95 % | "
                "only in one run |",
                "|---|---|---|--:|--:|--:|--:|---|");
        md_number(m, &m->d->numbers[i]);
        m->rows += !md_take(m);
    }
}

static void md_run(markdown *m, const char *lead, const it_diff_run *r)
{
    it_str text;
    it_str_init(&text, m->d->alloc);
    it_diff_run_text(r, &text);
    it_str_puts(&m->row, lead);
    md_short(&m->row, r->dir, 120);
    it_str_puts(&m->row, " ");
    md_short(&m->row, it_str_c(&text), 160);
    m->row.oom = m->row.oom || text.oom;
    it_str_fini(&text);
}

static void md_head(markdown *m)
{
    it_str_puts(&m->row, "**icetank diff:** ");
    it_diff_sentence(m->d, &m->row);
    if (it_diff_changed(m->d)) {
        md_run(m, "\n\nold ", &m->d->old);
        md_run(m, ", new ", &m->d->now);
        it_str_puts(&m->row, "\n\n");
        it_diff_caution(m->d, &m->row);
    }
    it_str_putc(&m->row, '\n');
    md_take(m);
}

void it_diff_markdown(const it_diff *d, it_str *out)
{
    markdown m = {.d = d, .out = out};
    it_str_init(&m.row, d->alloc);
    md_head(&m);
    for (int k = 0; k < IT_DIFF_KINDS; k++) {
        md_kind(&m, (enum it_diff_kind)k);
        if (k == IT_DIFF_WORSE)
            md_claims(&m);
    }
    md_numbers(&m);
    if (m.rows) {
        it_str_puts(out, "\nFor want of room ");
        it_diff_count(out, m.rows);
        it_str_puts(out, m.rows == 1 ? " row is left out; " : " rows are left out; ");
        it_str_puts(out, "`icetank diff OLD NEW --html FILE` shows them.\n");
    }
    it_str_fini(&m.row);
}
