/* The fields in one list, their text, and the search for a timer's end. */
#include "conformance/nat/measure.h"

#include <inttypes.h>
#include <stdio.h>

const it_measure_field *it_measure_nth(size_t i)
{
    static const it_measure_field *const PARTS[] = {it_measure_udp, it_measure_ports, it_measure_other, it_measure_tcp};
    for (size_t k = 0; k < sizeof PARTS / sizeof *PARTS; k++) {
        const it_measure_field *f = PARTS[k];
        for (; f->key; f++)
            if (i-- == 0)
                return f;
    }
    return NULL;
}

int64_t it_measure_get(it_measure_ctx *c, const char *key)
{
    const it_measure_field *f;
    size_t i = 0;
    while ((f = it_measure_nth(i)) && strcmp(f->key, key) != 0)
        i++;
    IT_ASSERT(f && i < IT_MEASURE_FIELDS);
    if (!c->known[i])
        c->value[i] = f->measure(c);
    c->known[i] = true;
    return c->value[i];
}

bool it_measure_bench(it_measure_ctx *c, it_probe *b)
{
    int rc = it_probe_init(b, c->alloc, c->p, c->seed);
    b->fault = c->fault;
    if (rc < 0 && !c->err)
        c->err = rc;
    return rc == 0;
}

/* Asks |alive| on a bench of its own. */
static bool ask_alive(it_measure_ctx *c, bool (*alive)(it_probe *b, it_time t, it_time arg), it_time t, it_time arg)
{
    it_probe b;
    bool yes = it_measure_bench(c, &b) && alive(&b, t, arg);
    if (b.err && !c->err)
        c->err = b.err;
    it_probe_fini(&b);
    return yes;
}

it_time it_measure_edge(it_measure_ctx *c, bool (*alive)(it_probe *b, it_time t, it_time arg), it_time arg,
                        it_time most)
{
    if (ask_alive(c, alive, most, arg) || c->err)
        return IT_NEVER;
    it_time lo = 0, hi = most; /* alive at |lo|, dead at |hi| */
    while (hi - lo > 1) {
        it_time t = lo + (hi - lo) / 2;
        bool yes = ask_alive(c, alive, t, arg);
        if (c->err)
            return IT_NEVER;
        if (yes)
            lo = t;
        else
            hi = t;
    }
    return hi;
}

static void time_text(int64_t ns, char *out)
{
    if (ns == IT_NEVER)
        snprintf(out, IT_MEASURE_TEXT, "never");
    else if (ns % IT_SEC == 0)
        snprintf(out, IT_MEASURE_TEXT, "%" PRId64 "s", ns / IT_SEC);
    else if (ns % IT_MS == 0)
        snprintf(out, IT_MEASURE_TEXT, "%" PRId64 "ms", ns / IT_MS);
    else
        snprintf(out, IT_MEASURE_TEXT, "%" PRId64 "ns", ns);
}

const char *it_measure_text(const it_measure_field *f, int64_t v, char out[IT_MEASURE_TEXT])
{
    static const char *const DEPS[] = {"EI", "AD", "APD"};
    if (v == IT_MEASURE_NONE) {
        snprintf(out, IT_MEASURE_TEXT, "-");
        return out;
    }
    switch (f->kind) {
    case IT_MEASURE_DEP:
        snprintf(out, IT_MEASURE_TEXT, "%s%s", DEPS[v], f->names[0]);
        break;
    case IT_MEASURE_ENUM:
        snprintf(out, IT_MEASURE_TEXT, "%s", f->names[v]);
        break;
    case IT_MEASURE_TIME:
        time_text(v, out);
        break;
    case IT_MEASURE_BOOL:
        snprintf(out, IT_MEASURE_TEXT, "%s", v ? "yes" : "no");
        break;
    case IT_MEASURE_NUMBER:
        snprintf(out, IT_MEASURE_TEXT, "%" PRId64, v);
        break;
    case IT_MEASURE_RANGE:
        snprintf(out, IT_MEASURE_TEXT, "%" PRId64 "-%" PRId64, v >> 16, v & 0xffff);
        break;
    }
    return out;
}
