/* A growing text or byte buffer with a sticky out-of-memory flag: append freely, check once. */
#ifndef IT_BASE_TEXT_STR_H
#define IT_BASE_TEXT_STR_H

#include "base/alloc.h"
#include "base/err.h"

#include <stdbool.h>

typedef struct it_str {
    it_alloc *alloc;
    char *p; /* NUL-terminated once anything was appended; NULL before */
    size_t n, cap;
    bool oom; /* an append failed; the content is then incomplete */
} it_str;

/* Starts an empty text (allocates nothing); gives its memory back. */
void it_str_init(it_str *s, it_alloc *alloc);
void it_str_fini(it_str *s);
/* Empties |s| and keeps its memory; clears |oom|. */
void it_str_clear(it_str *s);
/* Takes off all but the first |n| bytes, of which there are as many or more. */
void it_str_cut(it_str *s, size_t n);
void it_str_put(it_str *s, const void *p, size_t n);
/* Appends |n| bytes, undefined until the caller writes them: the first of them, NULL on no memory. */
void *it_str_room(it_str *s, size_t n);
void it_str_puts(it_str *s, const char *text);
void it_str_putc(it_str *s, char c);
/* Appends as printf does. Only integer and string conversions: floating point would hang on the locale. */
void it_str_printf(it_str *s, const char *fmt, ...) IT_PRINTF(2, 3);
/* The content as a C string, "" when empty; valid until the next append. */
const char *it_str_c(const it_str *s);

#endif
