/* The tables of a run that are made of many cases, a survey of a population for example, as aligned text. */
#include "reports/text/impl.h"

#include <string.h>

#define COLUMNS 24

static const char *cell_text(const json_t *row, size_t i)
{
    const char *s = json_string_value(json_array_get(row, i));
    return s ? s : "";
}

/* Characters of UTF-8 text |s|. */
static size_t cell_width(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

static void row_widen(const json_t *row, size_t width[COLUMNS])
{
    for (size_t i = 0; i < json_array_size(row) && i < COLUMNS; i++) {
        size_t n = cell_width(cell_text(row, i));
        if (n > width[i])
            width[i] = n;
    }
}

static void row_put(FILE *out, const json_t *row, const size_t width[COLUMNS])
{
    size_t n = json_array_size(row) < COLUMNS ? json_array_size(row) : COLUMNS;
    fputs("      ", out);
    for (size_t i = 0; i < n; i++) {
        const char *s = cell_text(row, i);
        it_text_put(out, s);
        if (i + 1 < n)
            fprintf(out, "%*s", (int)(width[i] - cell_width(s)) + 2, "");
    }
    fputc('\n', out);
}

void it_text_table(FILE *out, const json_t *table)
{
    const json_t *head = json_object_get(table, "head"), *rows = json_object_get(table, "rows");
    size_t width[COLUMNS] = {0}, i;
    json_t *row;
    row_widen(head, width);
    json_array_foreach(rows, i, row) row_widen(row, width);
    fputs("    ", out);
    it_text_put(out, it_results_str(table, "title"));
    fputs("\n      ", out);
    it_text_put(out, it_results_str(table, "note"));
    fputc('\n', out);
    row_put(out, head, width);
    json_array_foreach(rows, i, row) row_put(out, row, width);
}
