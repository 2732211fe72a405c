/* What pages have in common: head, wordmark, foot. Styles and scripts are the files beside this one, embedded in the
 * program. */
#include "reports/html/html.h"

#include <string.h>

extern const unsigned char it_embed_page[], it_embed_index[], it_embed_case[], it_embed_diff[], it_embed_pairs[],
    it_embed_hover[], it_embed_copy[];
extern const size_t it_embed_page_size, it_embed_index_size, it_embed_case_size, it_embed_diff_size,
    it_embed_pairs_size, it_embed_hover_size, it_embed_copy_size;

/* The styles of each kind of page, beside those of all. */
static const struct {
    const unsigned char *css;
    const size_t *size;
} STYLES[] = {
    [IT_HTML_INDEX] = {it_embed_index, &it_embed_index_size},
    [IT_HTML_CASE] = {it_embed_case, &it_embed_case_size},
    [IT_HTML_DIFF] = {it_embed_diff, &it_embed_diff_size},
};

void it_html_head(it_str *out, enum it_html_kind kind, const char *title)
{
    it_str_puts(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                     "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
    it_html_text(out, title);
    it_str_puts(out, "</title>\n<style>\n");
    it_str_put(out, it_embed_page, it_embed_page_size);
    it_str_put(out, STYLES[kind].css, *STYLES[kind].size);
    it_str_puts(
        out,
        "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the verdict</a>\n"
        "<svg width=\"0\" height=\"0\" style=\"position:absolute\" aria-hidden=\"true\"><defs><pattern id=\"hatch\" "
        "width=\"5\" height=\"5\" "
        "patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><path d=\"M0 0v5\" stroke=\"var(--line)\" "
        "stroke-width=\"1.6\"/></pattern></defs></svg>\n");
}

void it_html_wordmark(it_str *out)
{
    it_str_puts(out, "<svg class=\"logo\" viewBox=\"0 0 22 18\" width=\"22\" height=\"18\" aria-hidden=\"true\">"
                     "<path d=\"M1 1v16h20V1\" fill=\"none\" stroke=\"var(--ink)\" stroke-width=\"1.6\"/>"
                     "<path d=\"M1.5 7q2.4-2.4 4.75 0t4.75 0 4.75 0 4.75 0\" fill=\"none\" stroke=\"var(--d)\" "
                     "stroke-width=\"1.6\"/>"
                     "<circle cx=\"7\" cy=\"12.4\" r=\"1.7\" fill=\"var(--ink)\"/><circle cx=\"15\" cy=\"12.4\" "
                     "r=\"1.7\" fill=\"var(--ink)\"/></svg>"
                     " icetank");
}

void it_html_foot(it_str *out, const it_view *w, enum it_html_script script)
{
    const char *version = it_results_str(w->r->plan, "version");
    it_str_printf(out, "<footer><p>icetank");
    if (*version) {
        it_str_putc(out, ' ');
        it_html_text(out, version);
    }
    it_str_printf(out, ", seed %lld. Equal results give this page byte for byte.</p></footer>\n",
                  (long long)it_results_int(w->r->plan, "seed", 0));
    it_html_end(out, script);
}

void it_html_end(it_str *out, enum it_html_script script)
{
    it_str_puts(out, "<script>\n");
    if (script == IT_HTML_PAIRS)
        it_str_put(out, it_embed_pairs, it_embed_pairs_size);
    if (script == IT_HTML_HOVER)
        it_str_put(out, it_embed_hover, it_embed_hover_size);
    it_str_put(out, it_embed_copy, it_embed_copy_size);
    it_str_puts(out, "</script>\n</body>\n</html>\n");
}
