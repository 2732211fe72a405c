/* Examining a profile, and telling the result. */
#include "conformance/nat/table.h"

#include "base/text/json.h"

#include <stdio.h>

int it_nat_examine(it_nat_result *r, it_alloc *alloc, const char *name, const it_nat_profile *p, const it_expect *e,
                   uint64_t seed)
{
    it_measure_ctx c = {.alloc = alloc, .p = p, .seed = seed};
    const it_measure_field *f;
    const it_req *q;
    *r = (it_nat_result){.profile = name};
    for (; (f = it_measure_nth(r->n_fields)); r->n_fields++) {
        size_t i = r->n_fields;
        IT_ASSERT(i < IT_MEASURE_FIELDS);
        r->declared[i] = f->declared(p);
        r->measured[i] = it_measure_get(&c, f->key);
        r->differs += r->declared[i] != r->measured[i];
    }
    for (; (q = it_req_nth(r->n_reqs)); r->n_reqs++) {
        size_t i = r->n_reqs;
        IT_ASSERT(i < IT_NAT_REQS_MAX);
        r->expected[i] = it_expect_verdict(e, q->id, name);
        r->verdict[i] = q->judge(&c, r->why[i]);
        r->unexpected += r->expected[i] != r->verdict[i];
    }
    return c.err;
}

/* The field |key| of |r|, as measured. */
static const char *field(const it_nat_result *r, const char *key, char out[IT_MEASURE_TEXT])
{
    const it_measure_field *f;
    for (size_t i = 0; (f = it_measure_nth(i)); i++)
        if (strcmp(f->key, key) == 0)
            return it_measure_text(f, r->measured[i], out);
    return "";
}

static bool must(const it_req *q)
{
    return strncmp(q->level, "MUST", 4) == 0;
}

static int failed(const it_nat_result *r, bool musts)
{
    int n = 0;
    for (size_t i = 0; i < r->n_reqs; i++)
        n += r->verdict[i] == IT_REQ_FAIL && must(it_req_nth(i)) == musts;
    return n;
}

static int applicable(const it_nat_result *r)
{
    int n = 0;
    for (size_t i = 0; i < r->n_reqs; i++)
        n += r->verdict[i] != IT_REQ_NA;
    return n;
}

void it_nat_heading(it_str *out)
{
    it_str_printf(out, "%-23s %-5s %-5s %-10s %-7s %-18s %-7s %-14s %s\n", "profile", "map", "filt", "ports", "hairpin",
                  "udp timers", "icmp", "violates", "verdict");
}

void it_nat_line(it_str *out, const it_nat_result *r)
{
    char a[IT_MEASURE_TEXT], b[IT_MEASURE_TEXT], c[IT_MEASURE_TEXT], timers[3 * IT_MEASURE_TEXT], broken[40];
    snprintf(timers, sizeof timers, "%s/%s/%s", field(r, "udp.timeout.initial", a), field(r, "udp.timeout.replied", b),
             field(r, "udp.timeout.stream", c));
    snprintf(broken, sizeof broken, "%d+%d of %d", failed(r, true), failed(r, false), applicable(r));
    it_str_printf(out, "%-23s %-5s ", r->profile, field(r, "udp.mapping", a));
    it_str_printf(out, "%-5s %-10s ", field(r, "udp.filtering", a), field(r, "udp.alloc.mode", b));
    it_str_printf(out, "%-7s %-18s ", field(r, "hairpin", a), timers);
    it_str_printf(out, "%-7s %-14s ", field(r, "icmp.query_timeout", a), broken);
    if (r->differs == 0 && r->unexpected == 0)
        it_str_puts(out, "as declared\n");
    else
        it_str_printf(out, "%d not as declared, %d not as expected\n", r->differs, r->unexpected);
}

static void field_line(it_str *out, const it_nat_result *r, size_t i)
{
    char d[IT_MEASURE_TEXT], m[IT_MEASURE_TEXT];
    const it_measure_field *f = it_measure_nth(i);
    it_str_printf(out, "  %-25s declared %-14s measured %-14s %s%s\n", f->key, it_measure_text(f, r->declared[i], d),
                  it_measure_text(f, r->measured[i], m), f->source,
                  r->declared[i] == r->measured[i] ? "" : "  <-- differs");
}

static void req_line(it_str *out, const it_nat_result *r, size_t i)
{
    const it_req *q = it_req_nth(i);
    it_str_printf(out, "  %-16s %-11s %-4s %s: %s", q->id, q->level, it_req_verdict_name(r->verdict[i]), q->title,
                  r->why[i]);
    if (r->verdict[i] != r->expected[i])
        it_str_printf(out, "  <-- expected %s", it_req_verdict_name(r->expected[i]));
    it_str_putc(out, '\n');
}

void it_nat_surprises(it_str *out, const it_nat_result *r)
{
    for (size_t i = 0; i < r->n_fields; i++)
        if (r->declared[i] != r->measured[i])
            field_line(out, r, i);
    for (size_t i = 0; i < r->n_reqs; i++)
        if (r->verdict[i] != r->expected[i])
            req_line(out, r, i);
}

void it_nat_details(it_str *out, const it_nat_result *r)
{
    it_str_printf(out, "%s\n", r->profile);
    for (size_t i = 0; i < r->n_fields; i++)
        field_line(out, r, i);
    for (size_t i = 0; i < r->n_reqs; i++)
        req_line(out, r, i);
}

static void json_fields(it_json *j, const char *key, const int64_t *v, size_t n)
{
    char text[IT_MEASURE_TEXT];
    it_json_obj(j, key);
    for (size_t i = 0; i < n; i++) {
        const it_measure_field *f = it_measure_nth(i);
        it_json_str(j, f->key, v[i] == IT_MEASURE_NONE ? NULL : it_measure_text(f, v[i], text));
    }
    it_json_end_obj(j);
}

void it_nat_json(it_str *out, const it_nat_result *r)
{
    it_json j;
    it_json_init(&j, out);
    it_json_obj(&j, NULL);
    it_json_str(&j, "profile", r->profile);
    json_fields(&j, "declared", r->declared, r->n_fields);
    json_fields(&j, "measured", r->measured, r->n_fields);
    it_json_arr(&j, "requirements");
    for (size_t i = 0; i < r->n_reqs; i++) {
        const it_req *q = it_req_nth(i);
        it_json_obj(&j, NULL);
        it_json_str(&j, "id", q->id);
        it_json_str(&j, "level", q->level);
        it_json_str(&j, "title", q->title);
        it_json_str(&j, "verdict", it_req_verdict_name(r->verdict[i]));
        it_json_str(&j, "expected", it_req_verdict_name(r->expected[i]));
        it_json_str(&j, "observed", r->why[i]);
        it_json_end_obj(&j);
    }
    it_json_end_arr(&j);
    it_json_str(&j, "verdict", r->differs ? "differs" : r->unexpected ? "unexpected" : "as declared");
    it_json_end_obj(&j);
}
