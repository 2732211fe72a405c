/* Quantities: digits into integers by exact decimal arithmetic, and the messages when that does not work out. */
#include "lab/profile/unit.h"

#include "base/wide.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define FRACTION_MAX 9 /* decimals ever of use: "0.000000001s" */
#define WHOLE_MAX 18   /* digits before the point that are read */

typedef struct unit {
    const char *name;
    int64_t num; /* base units in one of these; share: num / den */
    int64_t den;
} unit;

typedef struct kind {
    const char *base;  /* what it must come out whole in */
    const char *all;   /* its units */
    const char *eg[2]; /* two to suggest */
    const char *what;
    unit units[6]; /* ascending */
    int64_t max;
} kind;

#define LIMIT (INT64_MAX / 4) /* sums of a few stay in range */

static const kind KINDS[IT_UNIT_KINDS] = {
    [IT_UNIT_TIME] = {"ns",
                      "ns, us, ms, s, min or h",
                      {"ms", "s"},
                      "a time",
                      {{"ns", 1, 1},
                       {"us", 1000, 1},
                       {"ms", 1000000, 1},
                       {"s", 1000000000, 1},
                       {"min", 60000000000, 1},
                       {"h", 3600000000000, 1}},
                      LIMIT},
    [IT_UNIT_RATE] = {"bit/s",
                      "bps, kbps, Mbps or Gbps",
                      {"kbps", "Mbps"},
                      "a rate",
                      {{"bps", 1, 1}, {"kbps", 1000, 1}, {"Mbps", 1000000, 1}, {"Gbps", 1000000000, 1}},
                      LIMIT},
    [IT_UNIT_SIZE] = {"bytes",
                      "B, kB, MB, KiB or MiB",
                      {"B", "KiB"},
                      "a size",
                      {{"B", 1, 1}, {"kB", 1000, 1}, {"KiB", 1024, 1}, {"MB", 1000000, 1}, {"MiB", 1048576, 1}},
                      LIMIT},
    [IT_UNIT_SHARE] = {"ppm", "% or ppm", {"%", "ppm"}, "a share", {{"ppm", 1, 1}, {"%", 10000, 1}}, 1000000},
};

void it_unit_bare(enum it_unit_kind kind_, const char *number, char err[IT_UNIT_MSG])
{
    const kind *k = &KINDS[kind_];
    snprintf(err, IT_UNIT_MSG, "%.24s has no unit; write \"%.24s%s\" or \"%.24s%s\"", number, number, k->eg[0], number,
             k->eg[1]);
}

static const unit *find_unit(const kind *k, const char *name)
{
    for (size_t i = 0; i < sizeof k->units / sizeof *k->units && k->units[i].name; i++)
        if (strcmp(k->units[i].name, name) == 0)
            return &k->units[i];
    return NULL;
}

/* A decimal number as digits and how many of them follow the point. */
typedef struct decimal {
    int64_t digits;
    int fraction;
} decimal;

/* Reads "12" or "1.5" at |text|; returns what follows, or NULL when that is no such number. Zeros at the end of the
 * fraction go.
 */
static const char *read_decimal(const char *text, decimal *d)
{
    const char *p = text;
    int whole = 0, zeros = 0;
    *d = (decimal){0, 0};
    for (; *p >= '0' && *p <= '9'; p++) {
        if (whole == WHOLE_MAX) /* before it overflows */
            return NULL;
        d->digits = d->digits * 10 + (*p - '0');
        whole += d->digits > 0;
    }
    if (p == text)
        return NULL;
    if (*p != '.')
        return p;
    const char *point = p++;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (*p == '0') {
            zeros++;
            continue;
        }
        for (zeros++; zeros > 0; zeros--) {
            /* What is worth less than any base unit cannot come out whole: the caller sees too many decimals. */
            if (++d->fraction > FRACTION_MAX)
                continue;
            if (d->digits > INT64_MAX / 10 - 1)
                return NULL;
            d->digits *= 10;
        }
        if (d->fraction <= FRACTION_MAX)
            d->digits += *p - '0';
    }
    return p == point + 1 ? NULL : p;
}

/* |d| times |u|, or IT_ERR_RANGE when it is not whole or too large. */
static int scale(decimal d, const unit *u, int64_t max, int64_t *out)
{
    int64_t den = 1;
    if (d.fraction > FRACTION_MAX)
        return IT_ERR_PARSE;
    for (int i = 0; i < d.fraction; i++)
        den *= 10;
    uint64_t rest;
    it_wide v = it_wide_div(it_wide_mul((uint64_t)d.digits, (uint64_t)u->num), (uint64_t)den, &rest);
    if (rest != 0)
        return IT_ERR_PARSE;
    if (v.hi != 0 || v.lo > (uint64_t)max)
        return IT_ERR_RANGE;
    *out = (int64_t)v.lo;
    return 0;
}

int it_unit_parse(enum it_unit_kind kind_, const char *text, int64_t *out, char err[IT_UNIT_MSG])
{
    const kind *k = &KINDS[kind_];
    decimal d;
    const char *name = read_decimal(text, &d);
    if (!name) {
        snprintf(err, IT_UNIT_MSG, "\"%.40s\" is not %s; write one like \"10%s\"", text, k->what, k->eg[0]);
        return IT_ERR_PARSE;
    }
    if (!*name) {
        it_unit_bare(kind_, text, err);
        return IT_ERR_PARSE;
    }
    const unit *u = find_unit(k, name);
    if (!u) {
        snprintf(err, IT_UNIT_MSG, "\"%.40s\": no unit \"%.20s\" for %s; one of %s, without a space", text, name,
                 k->what, k->all);
        return IT_ERR_PARSE;
    }
    int e = scale(d, u, k->max, out);
    if (e == IT_ERR_PARSE) {
        snprintf(err, IT_UNIT_MSG, "\"%.40s\" is not whole in %s", text, k->base);
        return IT_ERR_RANGE;
    }
    if (e < 0)
        snprintf(err, IT_UNIT_MSG, kind_ == IT_UNIT_SHARE ? "\"%.40s\" is more than 100%%" : "\"%.40s\" is too large",
                 text);
    return e;
}

/* |v| in |u| with at most three decimals, into |out|; false when that is not exact. */
static bool write_in(int64_t v, const unit *u, char out[IT_UNIT_TEXT])
{
    int64_t whole = v / u->num, rest = v % u->num;
    int decimals = 0;
    int64_t frac = 0;
    while (rest && decimals < 3) {
        int64_t ten = rest * 10; /* below 36 * 10^12: no unit has more than 3,600 * 10^9 */
        frac = frac * 10 + ten / u->num;
        rest = ten % u->num;
        decimals++;
    }
    if (rest)
        return false;
    if (decimals)
        snprintf(out, IT_UNIT_TEXT, "%lld.%0*lld%s", (long long)whole, decimals, (long long)frac, u->name);
    else
        snprintf(out, IT_UNIT_TEXT, "%lld%s", (long long)whole, u->name);
    return true;
}

char *it_unit_text(enum it_unit_kind kind_, int64_t v, char out[IT_UNIT_TEXT])
{
    const kind *k = &KINDS[kind_];
    size_t n = 0;
    while (n < sizeof k->units / sizeof *k->units && k->units[n].name)
        n++;
    /* The largest unit of which there is at least one, else the smallest. */
    for (size_t i = n; i-- > 0;)
        if ((v >= k->units[i].num || i == 0) && write_in(v, &k->units[i], out))
            return out;
    snprintf(out, IT_UNIT_TEXT, "%lld%s", (long long)v, k->units[0].name);
    return out;
}
