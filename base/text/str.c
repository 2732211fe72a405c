/* The growing text buffer. */
#include "base/text/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void it_str_init(it_str *s, it_alloc *alloc)
{
    *s = (it_str){.alloc = alloc};
}

void it_str_fini(it_str *s)
{
    it_free(s->alloc, s->p);
    it_str_init(s, s->alloc);
}

void it_str_clear(it_str *s)
{
    s->n = 0;
    s->oom = false;
    if (s->p)
        s->p[0] = '\0';
}

static bool str_room(it_str *s, size_t n)
{
    if (s->oom || it_grow(s->alloc, &s->p, &s->cap, s->n + n + 1, 1) < 0)
        s->oom = true;
    return !s->oom;
}

void it_str_cut(it_str *s, size_t n)
{
    if (n < s->n)
        s->p[s->n = n] = '\0';
}

void it_str_put(it_str *s, const void *p, size_t n)
{
    if (!str_room(s, n))
        return;
    if (n)
        memcpy(s->p + s->n, p, n);
    s->n += n;
    s->p[s->n] = '\0';
}

void *it_str_room(it_str *s, size_t n)
{
    if (!str_room(s, n))
        return NULL;
    char *at = s->p + s->n;
    s->n += n;
    s->p[s->n] = '\0';
    return at;
}

void it_str_puts(it_str *s, const char *text)
{
    it_str_put(s, text, strlen(text));
}

void it_str_putc(it_str *s, char c)
{
    it_str_put(s, &c, 1);
}

void it_str_printf(it_str *s, const char *fmt, ...)
{
    char small[256];
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof small) {
        it_str_put(s, small, (size_t)n);
    } else if (n >= 0 && str_room(s, (size_t)n)) {
        vsnprintf(s->p + s->n, (size_t)n + 1, fmt, again);
        s->n += (size_t)n;
    }
    va_end(again);
}

const char *it_str_c(const it_str *s)
{
    return s->p ? s->p : "";
}
