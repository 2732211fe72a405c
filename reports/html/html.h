/* What the files of the HTML report share: how numbers, times and texts are written, and the parts of a page.
 *
 * Everything is appended to an it_str. Numbers come from integers, with "." and ","; coordinates are tenths of a pixel.
 * Whatever a scenario wrote goes through it_html_text, in attributes too. */
#ifndef IT_REPORTS_HTML_HTML_H
#define IT_REPORTS_HTML_HTML_H

#include "reports/read/trace.h"
#include "reports/read/view.h"

#define NBSP "\xc2\xa0"

/* --- text.c --- */

/* |s| with the five characters escaped that HTML and attributes need escaped. */
void it_html_text(it_str *out, const char *s);
/* The same for the first |n| bytes. */
void it_html_textn(it_str *out, const char *s, size_t n);
/* |s| as a reference to a file of this folder: escaped for a URL, then for the attribute. */
void it_html_url(it_str *out, const char *s);
/* 1234567 as 1,234,567. */
void it_html_num(it_str *out, int64_t v);
/* A duration: "682 ms", "2.69 s", "26.1 s", "10 min". */
void it_html_time(it_str *out, int64_t ns);
/* A point in time in seconds with six decimals in two groups of three: "17.002 548". */
void it_html_stamp(it_str *out, int64_t ns);
/* A coordinate given in tenths: "128.5", "40". */
void it_html_dec(it_str *out, int64_t tenths);
/* A small grey text in a drawing with its middle at |x|, |y|, cut where it is wider than |room| (tenths); the whole of
 * it is its title then. */
/* How many letters such a text may have. */
int64_t it_html_letters(int64_t room);
void it_html_fit(it_str *out, int64_t x, int64_t y, int64_t room, const char *text);
/* "1 case", "2 cases" and the like. */
void it_html_count(it_str *out, int64_t n, const char *one, const char *many);
/* A percentage with one decimal, "98.8 %"; rounded to nearest. */
void it_html_share(it_str *out, int64_t part, int64_t whole);
/* The mark of a path, <b class="g d">d</b>. */
void it_html_glyph(it_str *out, it_glyph g);
/* The class and the character of a glyph: "d" and "d", "n" and an en dash. */
const char *it_html_glyph_class(it_glyph g);
const char *it_html_glyph_sign(it_glyph g);
const char *it_html_glyph_words(it_glyph g);
/* The sign of a verdict: a tick, a cross. */
const char *it_html_verdict_sign(const char *verdict);
/* Opens a section: small label |label| with anchor |id|; the claim follows, closed by it_html_claim_end. */
void it_html_section(it_str *out, const char *id, const char *label);
void it_html_claim_end(it_str *out);
/* A command with its code mark-up. */
void it_html_command(it_str *out, const char *command);

/* --- page.c --- */

enum it_html_kind { IT_HTML_INDEX, IT_HTML_CASE, IT_HTML_DIFF };
/* From the doctype to the body's first shared definitions. |title| is plain text. */
void it_html_head(it_str *out, enum it_html_kind kind, const char *title);
/* The wordmark's drawing and the word. */
void it_html_wordmark(it_str *out);
/* The script of a page beside that of the copy buttons: none, that of the class matrices, that of the timeline. */
enum it_html_script { IT_HTML_NO_SCRIPT, IT_HTML_PAIRS, IT_HTML_HOVER };
/* What made the page, scripts and the end. */
void it_html_foot(it_str *out, const it_view *w, enum it_html_script script);
/* Scripts and the end alone. */
void it_html_end(it_str *out, enum it_html_script script);

/* --- time.c: a line of one app against time --- */

typedef struct it_html_axis {
    int64_t x0, x1; /* where the line begins and ends, tenths */
    int64_t t0, t1; /* what these stand for, ns */
} it_html_axis;

/* Where |t| lies on the axis, tenths; what is outside it lies at its end. */
int64_t it_html_x(const it_html_axis *a, int64_t t);
/* What |end| of the case saw, as a line at height |y| (tenths). */
void it_html_line(it_str *out, const it_html_axis *a, const it_view_case *c, const char *end, int64_t y);
/* What passed and what did not, by the faults alone, as bars at height |y|; faults of an instant as strokes. */
void it_html_truth(it_str *out, const it_html_axis *a, const it_view_case *c, int64_t y);
/* Ticks with labels in seconds relative to |zero|, lines from |top| to |bottom|. */
void it_html_ticks(it_str *out, const it_html_axis *a, int64_t zero, int64_t top, int64_t bottom);
/* The marks that lines use, explained. */
void it_html_line_legend(it_str *out);

/* --- sections of the overview; each writes nothing when there is nothing to say --- */

/* The whole document. */
void it_html_index(const it_view *w, it_str *out);
/* The sentences that compare the models over the worlds that all of them met; false: there is nothing to compare, and
 * nothing was written. */
bool it_html_verdict(const it_view *w, it_str *out);
/* A line a model. */
void it_html_models(const it_view *w, it_str *out);
/* What is not as predicted, worst first. */
void it_html_unexpected(const it_view *w, it_str *out);
/* The table of hypotheses; those with another verdict than the known one, and what only the whole run could tell, as
 * pieces of the list of what is not as predicted. */
void it_html_hypotheses(const it_view *w, it_str *out);
void it_html_surprises(const it_view *w, it_str *out);
void it_html_problems(const it_view *w, it_str *out);
/* Returns whether class matrices were among them. */
bool it_html_matrices(const it_view *w, it_str *out);
/* How death is noticed, how the call comes back, all scenarios, the list of pages, the legend, where it all comes from.
 */
void it_html_death(const it_view *w, it_str *out);
void it_html_recovery(const it_view *w, it_str *out);
/* What each end of every call was told after its fault, for runs of few. */
void it_html_told(const it_view *w, it_str *out);
void it_html_scenarios(const it_view *w, it_str *out);
void it_html_pages(const it_view *w, it_str *out);
void it_html_words(const it_view *w, it_str *out);
void it_html_provenance(const it_view *w, it_str *out);

/* --- the page of a case --- */

/* The whole document; |t| is the case's trace. */
void it_html_case(const it_view *w, const it_view_case *c, const it_rtrace *t, it_str *out);
/* The world as a map; nothing when the trace does not tell. */
void it_html_map(it_str *out, const it_rtrace *t);
/* The ladder as a drawing and as a table. */
void it_html_ladder(it_str *out, const it_view_case *c, const it_rtrace *t);

#endif
