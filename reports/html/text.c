/* Texts, numbers and signs of the HTML report. */
#include "reports/html/html.h"

#include <ctype.h>
#include <string.h>

void it_html_text(it_str *out, const char *s)
{
    it_results_escape(out, s);
}

void it_html_textn(it_str *out, const char *s, size_t n)
{
    char one[2] = {0, 0};
    for (size_t i = 0; i < n && s[i]; i++) {
        one[0] = s[i];
        it_results_escape(out, one);
    }
}

void it_html_url(it_str *out, const char *s)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (isalnum(c) || strchr("-._~/,=@", c))
            it_str_putc(out, *s);
        else
            it_str_printf(out, "%%%02X", c);
    }
}

void it_html_num(it_str *out, int64_t v)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%lld", (long long)(v < 0 ? -v : v));
    if (v < 0)
        it_str_putc(out, '-');
    for (int i = 0; i < n; i++) {
        it_str_putc(out, digits[i]);
        if ((n - i - 1) % 3 == 0 && i + 1 < n)
            it_str_putc(out, ',');
    }
}

void it_html_time(it_str *out, int64_t ns)
{
    int64_t ms = (ns + 500000) / 1000000;
    if (ns > 0 && ms == 0)
        it_str_puts(out, "&lt;1" NBSP "ms");
    else if (ms < 1000)
        it_str_printf(out, "%d" NBSP "ms", (int)ms);
    else if (ms < 9995)
        it_str_printf(out, "%d.%02d" NBSP "s", (int)((ms + 5) / 1000), (int)((ms + 5) / 10 % 100));
    else if (ms < 600000)
        it_str_printf(out, "%d.%d" NBSP "s", (int)((ms + 50) / 1000), (int)((ms + 50) / 100 % 10));
    else {
        it_html_num(out, (ms + 30000) / 60000);
        it_str_puts(out, NBSP "min");
    }
}

void it_html_stamp(it_str *out, int64_t ns)
{
    int64_t us = ns / 1000;
    it_str_printf(out, "%lld.%03d" NBSP "%03d", (long long)(us / 1000000), (int)(us / 1000 % 1000), (int)(us % 1000));
}

void it_html_dec(it_str *out, int64_t tenths)
{
    int64_t a = tenths < 0 ? -tenths : tenths;
    if (tenths < 0)
        it_str_putc(out, '-');
    it_str_printf(out, "%lld", (long long)(a / 10));
    if (a % 10)
        it_str_printf(out, ".%d", (int)(a % 10));
}

/* How many bytes of |s| are |letters| of UTF-8 or fewer. */
static size_t bytes_of(const char *s, int64_t letters)
{
    size_t n = 0;
    while (s[n] && letters > 0) {
        n++;
        while ((s[n] & 0xc0) == 0x80)
            n++;
        letters--;
    }
    return n;
}

int64_t it_html_letters(int64_t room)
{
    return room / 56; /* the widest usual letter of a text of 10 pixels, tenths */
}

void it_html_fit(it_str *out, int64_t x, int64_t y, int64_t room, const char *text)
{
    size_t n = bytes_of(text, it_html_letters(room));
    bool cut = text[n] != '\0';
    it_str_puts(out, "<text class=\"m s\" x=\"");
    it_html_dec(out, x);
    it_str_puts(out, "\" y=\"");
    it_html_dec(out, y);
    it_str_puts(out, "\" text-anchor=\"middle\">");
    if (cut) {
        it_str_puts(out, "<title>");
        it_html_text(out, text);
        it_str_puts(out, "</title>");
    }
    it_html_textn(out, text, cut ? bytes_of(text, it_html_letters(room) - 1) : n);
    it_str_puts(out, cut ? "…</text>" : "</text>");
}

void it_html_count(it_str *out, int64_t n, const char *one, const char *many)
{
    it_html_num(out, n);
    it_str_printf(out, NBSP "%s", n == 1 ? one : many);
}

void it_html_share(it_str *out, int64_t part, int64_t whole)
{
    int64_t tenths = whole ? (part * 2000 + whole) / (2 * whole) : 0;
    it_str_printf(out, "%d.%d" NBSP "%%", (int)(tenths / 10), (int)(tenths % 10));
}

/* --- signs --- */

static const struct sign {
    it_glyph glyph;
    const char *css, *sign, *words;
} SIGNS[] = {
    {'d', "d", "d", "direct UDP"},  {'e', "e", "e", "direct TCP"}, {'r', "r", "r", "relayed UDP"},
    {'t', "t", "t", "relayed TCP"}, {'-', "n", "–", "no path"},    {'o', "n", "○", "not in this version"},
    {'!', "q", "!", "error"},
};

static const struct sign *sign_of(it_glyph g)
{
    for (size_t i = 0; i < sizeof SIGNS / sizeof *SIGNS; i++)
        if (SIGNS[i].glyph == g)
            return &SIGNS[i];
    return &SIGNS[4];
}

const char *it_html_glyph_class(it_glyph g)
{
    return sign_of(g)->css;
}

const char *it_html_glyph_sign(it_glyph g)
{
    return sign_of(g)->sign;
}

const char *it_html_glyph_words(it_glyph g)
{
    return sign_of(g)->words;
}

void it_html_glyph(it_str *out, it_glyph g)
{
    it_str_printf(out, "<b class=\"g %s\">%s</b>", sign_of(g)->css, sign_of(g)->sign);
}

const char *it_html_verdict_sign(const char *verdict)
{
    static const char *const V[][2] = {{"pass", "✓"},  {"fail", "✕"},        {"nonstrict", "~"},   {"info", "i"},
                                       {"error", "!"}, {"unsupported", "○"}, {"inconclusive", "?"}};
    for (size_t i = 0; i < sizeof V / sizeof *V; i++)
        if (strcmp(verdict, V[i][0]) == 0)
            return V[i][1];
    return "?";
}

/* --- pieces --- */

void it_html_section(it_str *out, const char *id, const char *label)
{
    it_str_printf(out, "<h2 id=\"%s\">%s</h2><p class=\"claim\">", id, label);
}

void it_html_claim_end(it_str *out)
{
    it_str_puts(out, "</p>\n");
}

void it_html_command(it_str *out, const char *command)
{
    it_str_puts(out, "<span class=\"cmd\"><code>");
    it_html_text(out, command);
    it_str_puts(out, "</code></span>");
}
