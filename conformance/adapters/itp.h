/* itp/1 for an adapter in C (docs/adapters.md): copy this file. Members of a flat object, events, base64; no library.
 *
 *     char op[32];
 *     if (itp_get(line, "op", op, sizeof op) && strcmp(op, "hello") == 0)
 *         itp_event("hello", "#v", "1", "impl", "mine", "version", "1.0", "mode", "live", "caps", "agent");
 */
#ifndef ITP_H
#define ITP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Copies the string or number at |*p| to |out|, of which |n| bytes are there; escapes lose their backslash. Moves |*p|
 * behind it. Returns false when it does not fit. */
static bool itp_value(const char **p, char *out, size_t n)
{
    size_t used = 0;
    bool quoted = **p == '"', fits = true;
    *p += quoted;
    while (**p && (quoted ? **p != '"' : !strchr(",} \t\r\n", **p))) {
        if (quoted && **p == '\\' && (*p)[1])
            ++*p;
        if (used + 1 < n)
            out[used++] = **p;
        else
            fits = false;
        ++*p;
    }
    *p += quoted && **p == '"';
    if (n)
        out[used] = '\0';
    return fits;
}

/* The member |key| of the flat object |line| as text; false, and |out| empty, where it is missing or too long. */
static bool itp_get(const char *line, const char *key, char *out, size_t n)
{
    char name[64];
    const char *p = strchr(line, '{');
    out[0] = '\0';
    while (p && (p = strchr(p, '"'))) {
        bool here = itp_value(&p, name, sizeof name) && strcmp(name, key) == 0;
        p += strspn(p, " \t:");
        if (here)
            return itp_value(&p, out, n) || (out[0] = '\0');
        itp_value(&p, name, 0);
    }
    return false;
}

/* Writes {"ev":ev, key:value...}. A key with "#" before it has a number. */
#define itp_event(...) itp_write(__VA_ARGS__, (const char *)NULL)
static void itp_write(const char *ev, ...)
{
    va_list ap;
    va_start(ap, ev);
    flockfile(stdout);
    printf("{\"ev\":\"%s\"", ev);
    for (const char *key = va_arg(ap, const char *); key; key = va_arg(ap, const char *)) {
        const char *v = va_arg(ap, const char *);
        if (*key == '#') {
            printf(",\"%s\":%s", key + 1, v);
            continue;
        }
        printf(",\"%s\":\"", key);
        for (; *v; v++)
            if ((unsigned char)*v >= ' ')
                printf(*v == '"' || *v == '\\' ? "\\%c" : "%c", *v);
        putchar('"');
    }
    puts("}");
    fflush(stdout);
    funlockfile(stdout);
    va_end(ap);
}

static const char ITP_BASE64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The bytes of |text| at |out|, which has room for 3/4 of its length; how many. */
static inline size_t itp_bytes(const char *text, unsigned char *out)
{
    size_t n = 0;
    unsigned bits = 0, have = 0;
    for (const char *at; *text && (at = strchr(ITP_BASE64, *text)); text++) {
        bits = bits << 6 | (unsigned)(at - ITP_BASE64);
        have += 6;
        if (have >= 8)
            out[n++] = (unsigned char)(bits >> (have -= 8));
    }
    return n;
}

/* |n| bytes as text, which takes (n + 2) / 3 * 4 + 1 bytes. */
static inline void itp_text(const unsigned char *p, size_t n, char *out)
{
    for (size_t i = 0; i < n; i += 3) {
        unsigned v = (unsigned)p[i] << 16;
        v |= i + 1 < n ? (unsigned)p[i + 1] << 8 : 0;
        v |= i + 2 < n ? p[i + 2] : 0;
        *out++ = ITP_BASE64[v >> 18];
        *out++ = ITP_BASE64[v >> 12 & 63];
        *out++ = i + 1 < n ? ITP_BASE64[v >> 6 & 63] : '=';
        *out++ = i + 2 < n ? ITP_BASE64[v & 63] : '=';
    }
    *out = '\0';
}

#endif
