/* Base64. */
#include "lab/itp/base64.h"

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void it_base64_write(it_str *out, it_bytes b)
{
    for (size_t i = 0; i < b.n; i += 3) {
        size_t left = b.n - i;
        uint32_t v = (uint32_t)b.p[i] << 16;
        if (left > 1)
            v |= (uint32_t)b.p[i + 1] << 8;
        if (left > 2)
            v |= b.p[i + 2];
        char four[4] = {ALPHABET[v >> 18], ALPHABET[v >> 12 & 63], '=', '='};
        if (left > 1)
            four[2] = ALPHABET[v >> 6 & 63];
        if (left > 2)
            four[3] = ALPHABET[v & 63];
        it_str_put(out, four, sizeof four);
    }
}

/* The six bits of |c|; -1: none of the alphabet. */
static int bits_of(uint8_t c)
{
    const char *at = NULL;
    if (c)
        at = strchr(ALPHABET, c);
    return at ? (int)(at - ALPHABET) : -1;
}

bool it_base64_has(uint8_t c)
{
    return c == '=' || bits_of(c) >= 0;
}

/* Reads four characters, the last ones of the text when |last|: appends one to three bytes. */
static int read_four(it_str *out, const uint8_t *p, bool last)
{
    uint32_t v = 0;
    size_t n = 4;
    while (last && n > 2 && p[n - 1] == '=')
        n--;
    for (size_t i = 0; i < 4; i++) {
        int b = 0;
        if (i < n)
            b = bits_of(p[i]);
        if (b < 0)
            return IT_ERR_PARSE;
        v = v << 6 | (uint32_t)b;
    }
    const uint8_t bytes[3] = {(uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    for (size_t i = n - 1; i < 3; i++)
        if (bytes[i])
            return IT_ERR_PARSE;
    it_str_put(out, bytes, n - 1);
    return 0;
}

int it_base64_read(it_str *out, it_bytes text)
{
    if (text.n % 4)
        return IT_ERR_PARSE;
    for (size_t i = 0; i < text.n; i += 4) {
        int err = read_four(out, text.p + i, i + 4 == text.n);
        if (err < 0)
            return err;
    }
    return out->oom ? IT_ERR_NOMEM : 0;
}
