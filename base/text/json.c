/* The streaming JSON writer. */
#include "base/text/json.h"

#include <inttypes.h>
#include <string.h>

void it_json_init(it_json *j, it_str *out)
{
    *j = (it_json){.out = out};
}

/* How many bytes the UTF-8 sequence at |p| has, 0 when it is none (RFC 3629 section 4). */
static size_t utf8(const uint8_t *p, size_t n)
{
    static const struct {
        uint8_t lo, hi, len, lo2, hi2;
    } FORMS[] = {
        {0x00, 0x7f, 1, 0, 0},       {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf},
        {0xe1, 0xec, 3, 0x80, 0xbf}, {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf},
        {0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
    };
    for (size_t f = 0; f < sizeof FORMS / sizeof *FORMS; f++) {
        if (p[0] < FORMS[f].lo || p[0] > FORMS[f].hi)
            continue;
        if (n < FORMS[f].len)
            return 0;
        if (FORMS[f].len > 1 && (p[1] < FORMS[f].lo2 || p[1] > FORMS[f].hi2))
            return 0;
        for (size_t i = 2; i < FORMS[f].len; i++)
            if ((p[i] & 0xc0) != 0x80)
                return 0;
        return FORMS[f].len;
    }
    return 0;
}

static void escape(it_str *out, uint8_t c)
{
    static const char *const SHORT[] = {
        ['"'] = "\\\"", ['\\'] = "\\\\", ['\n'] = "\\n", ['\t'] = "\\t", ['\r'] = "\\r"};
    if (c < sizeof SHORT / sizeof *SHORT && SHORT[c])
        it_str_puts(out, SHORT[c]);
    else if (c < 0x20 || c == 0x7f)
        it_str_printf(out, "\\u%04x", c);
    else
        it_str_putc(out, (char)c);
}

static void quoted(it_str *out, const char *v, size_t n)
{
    it_str_putc(out, '"');
    for (size_t i = 0; i < n;) {
        size_t k = utf8((const uint8_t *)v + i, n - i);
        if (k == 0) {
            it_str_puts(out, "\xef\xbf\xbd"); /* U+FFFD */
            k = 1;
        } else if (k == 1) {
            escape(out, (uint8_t)v[i]);
        } else {
            it_str_put(out, v + i, k);
        }
        i += k;
    }
    it_str_putc(out, '"');
}

/* The comma before a value and its key. */
static void json_lead(it_json *j, const char *key)
{
    if (j->count[j->depth])
        it_str_putc(j->out, ',');
    j->count[j->depth] = 1;
    if (key) {
        quoted(j->out, key, strlen(key));
        it_str_putc(j->out, ':');
    }
}

static void json_open(it_json *j, const char *key, char c)
{
    json_lead(j, key);
    it_str_putc(j->out, c);
    IT_ASSERT(j->depth + 1 < IT_JSON_DEPTH);
    j->count[++j->depth] = 0;
}

static void shut(it_json *j, char c)
{
    IT_ASSERT(j->depth > 0);
    j->depth--;
    it_str_putc(j->out, c);
}

void it_json_obj(it_json *j, const char *key)
{
    json_open(j, key, '{');
}

void it_json_end_obj(it_json *j)
{
    shut(j, '}');
}

void it_json_arr(it_json *j, const char *key)
{
    json_open(j, key, '[');
}

void it_json_end_arr(it_json *j)
{
    shut(j, ']');
}

void it_json_str(it_json *j, const char *key, const char *v)
{
    if (v)
        it_json_strn(j, key, v, strlen(v));
    else
        it_json_null(j, key);
}

void it_json_strn(it_json *j, const char *key, const char *v, size_t n)
{
    json_lead(j, key);
    quoted(j->out, v, n);
}

void it_json_int(it_json *j, const char *key, int64_t v)
{
    json_lead(j, key);
    it_str_printf(j->out, "%" PRId64, v);
}

void it_json_bool(it_json *j, const char *key, bool v)
{
    json_lead(j, key);
    it_str_puts(j->out, v ? "true" : "false");
}

void it_json_null(it_json *j, const char *key)
{
    json_lead(j, key);
    it_str_puts(j->out, "null");
}

void it_json_hex64(it_json *j, const char *key, uint64_t v)
{
    json_lead(j, key);
    it_str_printf(j->out, "\"%016" PRIx64 "\"", v);
}

void it_json_raw(it_json *j, const char *key, const char *v)
{
    json_lead(j, key);
    it_str_puts(j->out, v);
}

void it_json_newline(it_json *j)
{
    IT_ASSERT(j->depth == 0);
    it_str_putc(j->out, '\n');
    j->count[0] = 0;
}
