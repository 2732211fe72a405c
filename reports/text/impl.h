/* What the files of this folder share: words and rows at a terminal. */
#ifndef IT_REPORTS_TEXT_IMPL_H
#define IT_REPORTS_TEXT_IMPL_H

#include "reports/read/results.h"
#include "reports/text/text.h"

/* Prints the word for |verdict|, as wide as the widest, in its colour when |color|. */
void it_text_word(FILE *out, const char *verdict, bool color);

/* Prints text of a result. Control characters, which a scenario or a hostile file may have put in, do not reach the
 * terminal: neither those of ASCII nor those of ISO 6429's second set, which are 0xc2 0x80 to 0x9f in UTF-8. */
void it_text_put(FILE *out, const char *s);

/* A line of its own: |name| and |v|, likewise. */
void it_text_row(FILE *out, const char *name, const char *v);

/* Prints |table| of the end line (title, note, head, rows: docs/results.md), columns aligned. */
void it_text_table(FILE *out, const json_t *table);

/* "FILE:LINE" at the beginning of |error|; its length, 0 when there is none. */
size_t it_text_place(const char *error);

#endif
