/* The words, counts and values of a comparison, the same in every form. */
#include "reports/diff/impl.h"

#include <inttypes.h>
#include <string.h>

static const struct {
    const char *name, *title, *one, *many;
} KINDS[IT_DIFF_KINDS] = {
    [IT_DIFF_WORSE] = {"worse", "Worse: as predicted before, not now", "is worse", "are worse"},
    [IT_DIFF_GONE] = {"gone", "Gone: the newer run does not have them", "is gone", "are gone"},
    [IT_DIFF_OTHER] = {"otherwise", "Not as predicted before and now, in another way", "fails otherwise",
                       "fail otherwise"},
    [IT_DIFF_UNJUDGED] = {"unjudged", "Not judged any more", "is not judged any more", "are not judged any more"},
    [IT_DIFF_PATH] = {"path", "Another path or outcome", "has another path or outcome", "have another path or outcome"},
    [IT_DIFF_REASON] = {"reason", "Another reason of death", "has another reason of death",
                        "have another reason of death"},
    [IT_DIFF_BETTER] = {"better", "Better: as predicted now, not before", "is better", "are better"},
    [IT_DIFF_NEW] = {"new", "New: the older run does not have them", "is new", "are new"},
};

const char *it_diff_kind_name(enum it_diff_kind kind)
{
    return kind < IT_DIFF_KINDS ? KINDS[kind].name : "same";
}

const char *it_diff_kind_title(enum it_diff_kind kind)
{
    return kind < IT_DIFF_KINDS ? KINDS[kind].title : "";
}

void it_diff_count(it_str *out, size_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%zu", n);
    for (int i = 0; i < len; i++) {
        it_str_putc(out, digits[i]);
        if ((len - i - 1) % 3 == 0 && i + 1 < len)
            it_str_putc(out, ',');
    }
}

/* A part of the sentence: a comma before it unless it is the first. */
static void sentence_part(it_str *out, size_t from, size_t n, const char *one, const char *many)
{
    if (n == 0)
        return;
    it_str_puts(out, out->n > from ? ", " : "");
    it_diff_count(out, n);
    it_str_printf(out, " %s", n == 1 ? one : many);
}

/* The parts of the sentence that count cases; the first one says of what. */
static void sentence_cases(const it_diff *d, size_t from, it_str *out)
{
    for (int k = 0; k < IT_DIFF_KINDS; k++) {
        bool first = out->n == from;
        if (d->count[k] == 0)
            continue;
        sentence_part(out, from, d->count[k], first ? "case " : "", first ? "cases " : "");
        it_str_puts(out, d->count[k] == 1 ? KINDS[k].one : KINDS[k].many);
    }
}

void it_diff_sentence(const it_diff *d, it_str *out)
{
    size_t from = out->n;
    sentence_cases(d, from, out);
    sentence_part(out, from, d->n_claims, "hypothesis has another verdict", "hypotheses have other verdicts");
    sentence_part(out, from, d->n_problems, "problem of the run came or went", "problems of the run came or went");
    sentence_part(out, from, d->n_numbers, "number moved", "numbers moved");
    if (d->n_numbers && d->bound)
        it_str_printf(out, " by more than %d %%", d->bound);
    if (out->n == from && d->bound == 0)
        sentence_part(out, from, d->rerun, "case ran otherwise, packet by packet, to the same result",
                      "cases ran otherwise, packet by packet, to the same results");
    if (out->n == from)
        it_str_puts(out, "no difference");
}

/* The path of |s|, and its outcome where that is not that it opened. */
static void side_way(const it_diff *d, const it_diff_side *s, it_str *out)
{
    const char *path = it_diff_word(d, s->path), *outcome = it_diff_word(d, s->outcome);
    if (!*path && !*outcome)
        it_str_puts(out, "no call");
    it_str_puts(out, path);
    if (*path && strcmp(outcome, "open") == 0)
        return;
    it_str_printf(out, "%s%s", *path ? ", " : "", outcome);
}

/* The verdict of |s|, its path or outcome, and why. */
static void side_whole(const it_diff *d, const it_diff_side *s, it_str *out)
{
    const char *way = it_diff_word(d, s->path), *reason = it_diff_word(d, s->reason);
    if (!*way)
        way = it_diff_word(d, s->outcome);
    it_str_puts(out, it_diff_word(d, s->verdict));
    it_str_printf(out, "%s%s", *way ? ", " : "", way);
    it_str_printf(out, "%s%s", *reason ? ": " : "", reason);
}

void it_diff_side_text(const it_diff *d, enum it_diff_kind kind, const it_diff_side *s, it_str *out)
{
    switch (kind) {
    case IT_DIFF_PATH:
        side_way(d, s, out);
        break;
    case IT_DIFF_REASON:
        it_str_puts(out, s->reason ? it_diff_word(d, s->reason) : "no death");
        break;
    case IT_DIFF_NEW:
    case IT_DIFF_GONE:
        it_str_puts(out, it_diff_word(d, s->verdict));
        break;
    default:
        side_whole(d, s, out);
    }
}

void it_diff_run_text(const it_diff_run *r, it_str *out)
{
    const char *version = it_results_str(r->plan, "version"), *end = it_results_str(r->end, "end");
    it_diff_count(out, r->cases);
    it_str_puts(out, r->cases == 1 ? " case" : " cases");
    it_str_printf(out, ", seed %" PRId64, it_results_int(r->plan, "seed", 0));
    if (*version)
        it_str_printf(out, ", version %s", version);
    if (!r->end)
        it_str_puts(out, ", killed before its end");
    else if (strcmp(end, "complete") != 0)
        it_str_printf(out, ", %s", strcmp(end, "stopped") == 0 ? "stopped by --max-failures" : "interrupted");
}

static bool run_whole(const it_diff_run *r)
{
    return strcmp(it_results_str(r->end, "end"), "complete") == 0;
}

/* Appends how many cases came to the same by another way. */
static void caution_rerun(const it_diff *d, it_str *out)
{
    it_str_puts(out, out->n ? " " : "");
    it_diff_count(out, d->rerun);
    it_str_puts(out, d->rerun == 1 ? " case with the same result" : " cases with the same results");
    it_str_puts(out, " ran otherwise packet by packet; --bound 0 tells of every number.");
}

void it_diff_caution(const it_diff *d, it_str *out)
{
    bool seeds = it_results_int(d->old.plan, "seed", 0) != it_results_int(d->now.plan, "seed", 0);
    bool whole = run_whole(&d->old) && run_whole(&d->now);
    if (seeds)
        it_str_puts(out, "The seeds differ: numbers may have moved by that alone.");
    if (!whole && d->count[IT_DIFF_GONE] + d->count[IT_DIFF_NEW] > 0)
        it_str_printf(out, "%sA run is not whole: what is gone or new may only not have run.", out->n ? " " : "");
    if (d->rerun && d->bound)
        caution_rerun(d, out);
}

/* |v| with its thousands apart. */
static void signed_count(it_str *out, int64_t v)
{
    if (v < 0)
        it_str_putc(out, '-');
    it_diff_count(out, v < 0 ? (size_t) - (uint64_t)v : (size_t)v);
}

void it_diff_value(it_str *out, const char *name, int64_t v)
{
    static const struct {
        int64_t unit;
        const char *name;
    } UNITS[] = {{1000000000, "s"}, {1000000, "ms"}, {1000, "us"}};
    if (!it_diff_is_time(name) || v < 0) {
        signed_count(out, v);
        return;
    }
    for (size_t k = 0; k < sizeof UNITS / sizeof *UNITS; k++) {
        if (v < UNITS[k].unit)
            continue;
        it_diff_count(out, (size_t)(v / UNITS[k].unit));
        it_str_printf(out, ".%03d %s", (int)(v % UNITS[k].unit / (UNITS[k].unit / 1000)), UNITS[k].name);
        return;
    }
    it_str_printf(out, "%d%s", (int)v, v ? " ns" : "");
}

void it_diff_percent(it_str *out, int64_t old, int64_t now)
{
    uint64_t by = now > old ? (uint64_t)now - (uint64_t)old : (uint64_t)old - (uint64_t)now;
    uint64_t of = old < 0 ? -(uint64_t)old : (uint64_t)old;
    if (by == 0 || of == 0) {
        it_str_puts(out, by ? "from 0" : "=");
        return;
    }
    while (by > UINT64_MAX / 2000) {
        by /= 2;
        of = of > 1 ? of / 2 : 1;
    }
    uint64_t tenths = (by * 2000 + of) / (of * 2);
    it_str_printf(out, "%c", now > old ? '+' : '-');
    it_diff_count(out, (size_t)(tenths / 10));
    it_str_printf(out, ".%d %%", (int)(tenths % 10));
}

/* |s| as one word of a shell. */
static void quote(it_str *out, const char *s)
{
    static const char PLAIN[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./,=@:+-";
    if (*s && strspn(s, PLAIN) == strlen(s)) {
        it_str_puts(out, s);
        return;
    }
    it_str_putc(out, '\'');
    for (; *s; s++) {
        if (*s == '\'')
            it_str_puts(out, "'\\''");
        else
            it_str_putc(out, *s);
    }
    it_str_putc(out, '\'');
}

void it_diff_command(const char *program, const char *id, const char *dir, it_str *out)
{
    it_str_printf(out, "%s show ", program);
    quote(out, id);
    it_str_puts(out, " --out ");
    quote(out, dir);
}
