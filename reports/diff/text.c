/* The comparison for a terminal. */
#include "reports/diff/impl.h"

#include <string.h>

/* Groups and numbers of one kind that are told singly; the rest is counted. */
enum { TEXT_GROUPS = 20, TEXT_NUMBERS = 40 };

/* Appends |s|, a text of results, without what would command a terminal: control characters of ASCII, and those of
 * ISO 6429's second set, which are 0xc2 0x80 to 0x9f in UTF-8. */
static void text_put(it_str *out, const char *s)
{
    for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
        bool second = p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f;
        p += second;
        if (*p < 0x20 || *p == 0x7f || second)
            it_str_printf(out, "\\x%02x", *p);
        else
            it_str_putc(out, (char)*p);
    }
}

static void text_side(const it_diff *d, enum it_diff_kind kind, const it_diff_side *s, it_str *out)
{
    it_str text;
    it_str_init(&text, d->alloc);
    it_diff_side_text(d, kind, s, &text);
    text_put(out, it_str_c(&text));
    out->oom = out->oom || text.oom;
    it_str_fini(&text);
}

static void text_row(it_str *out, const char *name, const char *text)
{
    if (!*text)
        return;
    it_str_printf(out, "      %-9s ", name);
    text_put(out, text);
    it_str_putc(out, '\n');
}

/* The scenario, the model, how many. */
static void text_head(const it_diff *d, uint32_t stem, uint32_t model, it_str *out)
{
    const char *m = it_diff_word(d, model);
    it_str_puts(out, "  ");
    text_put(out, it_diff_word(d, stem));
    it_str_puts(out, *m ? "  model " : "");
    text_put(out, m);
}

static void text_group(const it_diff *d, const it_diff_group *g, const char *program, it_str *out)
{
    const it_diff_change *first = &d->changes[g->first];
    const it_diff_run *run = g->kind == IT_DIFF_GONE ? &d->old : &d->now;
    it_str command;
    text_head(d, g->stem, g->model, out);
    it_str_puts(out, "  ");
    it_diff_count(out, g->n);
    it_str_puts(out, g->n == 1 ? " case: " : " cases: ");
    text_side(d, g->kind, g->kind == IT_DIFF_NEW ? &g->now : &g->old, out);
    if (g->kind != IT_DIFF_NEW && g->kind != IT_DIFF_GONE) {
        it_str_puts(out, " -> ");
        text_side(d, g->kind, &g->now, out);
    }
    it_str_putc(out, '\n');
    text_row(out, "expected", it_diff_word(d, g->expected));
    text_row(out, "observed", it_diff_word(d, g->observed));
    it_str_init(&command, d->alloc);
    it_diff_command(program, first->id, run->dir, &command);
    text_row(out, g->n == 1 ? "see" : "the first", it_str_c(&command));
    out->oom = out->oom || command.oom;
    it_str_fini(&command);
}

/* The groups of |kind|, under its title. */
static void text_kind(const it_diff *d, enum it_diff_kind kind, const char *program, it_str *out)
{
    size_t told = 0, more = 0;
    for (size_t i = 0; i < d->n_groups; i++) {
        const it_diff_group *g = &d->groups[i];
        if (g->kind != kind)
            continue;
        if (told == 0)
            it_str_printf(out, "\n%s\n", it_diff_kind_title(kind));
        if (told++ < TEXT_GROUPS)
            text_group(d, g, program, out);
        else
            more += g->n;
    }
    if (!more)
        return;
    it_str_puts(out, "  and ");
    it_diff_count(out, more);
    it_str_puts(out, " cases more, in smaller groups; --json has them all\n");
}

static void text_claims(const it_diff *d, it_str *out)
{
    if (d->n_claims)
        it_str_puts(out, "\nHypotheses with another verdict\n");
    for (size_t i = 0; i < d->n_claims; i++) {
        const it_diff_claim *c = &d->claims[i];
        it_str_puts(out, "  ");
        text_put(out, c->name);
        it_str_printf(out, "  %s -> %s%s\n", *c->old ? c->old : "none", *c->now ? c->now : "gone",
                      c->known ? "" : ", not the known verdict");
        text_row(out, "title", c->title);
    }
    if (d->n_problems)
        it_str_puts(out, "\nProblems of the run as a whole\n");
    for (size_t i = 0; i < d->n_problems; i++) {
        it_str_puts(out, *d->problems[i].now ? "  new   " : "  gone  ");
        text_put(out, d->problems[i].title);
        it_str_putc(out, '\n');
    }
}

/* "median 26.100 s -> 28.300 s (+8.4 %)", and |tail| behind it. */
static void text_move(const char *what, const char *name, int64_t old, int64_t now, const char *tail, it_str *out)
{
    if (old == now)
        return;
    it_str_printf(out, "      %-9s ", what);
    it_diff_value(out, name, old);
    it_str_puts(out, " -> ");
    it_diff_value(out, name, now);
    it_str_puts(out, " (");
    it_diff_percent(out, old, now);
    it_str_puts(out, *tail ? ")  " : ")");
    text_put(out, tail);
    it_str_putc(out, '\n');
}

static void text_number(const it_diff *d, it_diff_number *x, it_str *out)
{
    const char *name = it_diff_word(d, x->name);
    int64_t old, now;
    text_head(d, x->stem, x->model, out);
    it_str_printf(out, "  %s  in ", name);
    it_diff_count(out, x->differ);
    it_str_puts(out, " of ");
    it_diff_count(out, x->old.n);
    it_str_puts(out, x->old.n == 1 ? " case" : " cases");
    if (x->only_old || x->only_now) {
        it_str_puts(out, "; ");
        it_diff_count(out, x->only_old);
        it_str_puts(out, " have it no more, ");
        it_diff_count(out, x->only_now);
        it_str_puts(out, " have it now");
    }
    it_str_putc(out, '\n');
    it_diff_middle(x, name, &old, &now);
    text_move(it_diff_is_time(name) ? "mean" : "in all", name, old, now, "", out);
    text_move("median", name, it_numbers_rank(&x->old, 50), it_numbers_rank(&x->now, 50), "", out);
    text_move("95 %", name, it_numbers_rank(&x->old, 95), it_numbers_rank(&x->now, 95), "", out);
    if (x->most && x->old.n > 1)
        text_move("most", name, x->most_old, x->most_now, x->most, out);
}

static void text_numbers(const it_diff *d, it_str *out)
{
    if (d->n_numbers && d->bound)
        it_str_printf(out, "\nNumbers that moved by more than %d %%\n", d->bound);
    else if (d->n_numbers)
        it_str_puts(out, "\nNumbers that moved\n");
    for (size_t i = 0; i < d->n_numbers && i < TEXT_NUMBERS; i++)
        text_number(d, &d->numbers[i], out);
    if (d->n_numbers <= TEXT_NUMBERS)
        return;
    it_str_puts(out, "  and ");
    it_diff_count(out, d->n_numbers - TEXT_NUMBERS);
    it_str_puts(out, " more, which moved less; --json has them all\n");
}

/* "OLD: 1,215 cases, seed 1". */
static void text_run(const it_diff *d, const char *name, const it_diff_run *r, it_str *out)
{
    it_str text;
    it_str_init(&text, d->alloc);
    it_diff_run_text(r, &text);
    it_str_printf(out, "%s  ", name);
    text_put(out, r->dir);
    it_str_puts(out, ": ");
    text_put(out, it_str_c(&text));
    it_str_putc(out, '\n');
    out->oom = out->oom || text.oom;
    it_str_fini(&text);
}

void it_diff_text(const it_diff *d, const char *program, it_str *out)
{
    it_str caution;
    it_str_init(&caution, d->alloc);
    it_diff_caution(d, &caution);
    it_diff_sentence(d, out);
    if (!it_diff_changed(d) && caution.n)
        it_str_puts(out, ". ");
    if (it_diff_changed(d)) {
        it_str_puts(out, "\n");
        text_run(d, "old", &d->old, out);
        text_run(d, "new", &d->now, out);
    }
    it_str_puts(out, it_str_c(&caution));
    it_str_puts(out, caution.n || !it_diff_changed(d) ? "\n" : "");
    out->oom = out->oom || caution.oom;
    it_str_fini(&caution);
    for (int k = 0; k < IT_DIFF_KINDS; k++) {
        text_kind(d, (enum it_diff_kind)k, program, out);
        if (k == IT_DIFF_WORSE)
            text_claims(d, out);
    }
    text_numbers(d, out);
}
