/* What fuzz targets share: the entry point, a reader that turns an input into decisions, and an assertion of their own.
 *
 * With FUZZ=1 (clang) a target is a libFuzzer program; otherwise replay.c runs it over files. An input that runs out
 * gives zeros, so every prefix of an input is an input. A target keeps no state from one input to the next. */
#ifndef IT_TESTS_FUZZ_FUZZ_H
#define IT_TESTS_FUZZ_FUZZ_H

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>

/* Runs the target on one input. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Always on, and fatal, which is what a fuzzer looks for. */
#define MUST(expr) ((expr) ? (void)0 : fuzz_fail(#expr, __FILE__, __LINE__))

static inline void fuzz_fail(const char *expr, const char *file, int line)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, expr);
    abort();
}

/* An input being read as decisions. */
typedef struct fuzz {
    const uint8_t *p;
    size_t n;
} fuzz;

static inline uint8_t fuzz_u8(fuzz *f)
{
    if (!f->n)
        return 0;
    f->n--;
    return *f->p++;
}

static inline uint16_t fuzz_u16(fuzz *f)
{
    uint16_t hi = fuzz_u8(f);
    uint16_t lo = fuzz_u8(f);
    return (uint16_t)(hi << 8 | lo);
}

static inline uint32_t fuzz_u32(fuzz *f)
{
    uint32_t hi = fuzz_u16(f);
    uint32_t lo = fuzz_u16(f);
    return hi << 16 | lo;
}

/* The next bytes, as many as a byte in front says: a view into the input. */
static inline it_bytes fuzz_bytes(fuzz *f)
{
    size_t n = fuzz_u8(f);
    if (n >= 0xf8)
        n = (n & 7) << 8 | fuzz_u8(f); /* up to 2047 */
    if (n > f->n)
        n = f->n;
    it_bytes b = it_bytes_of(f->p, n);
    f->p += n;
    f->n -= n;
    return b;
}

/* |b| in memory of exactly its size, so that sanitizers see a byte read behind it. Free it. */
static inline uint8_t *fuzz_exact(it_bytes b)
{
    uint8_t *p = malloc(b.n ? b.n : 1);
    MUST(p);
    if (b.n)
        memcpy(p, b.p, b.n);
    return p;
}

#endif
