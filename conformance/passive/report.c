/* Findings as text, JSON lines and SARIF. */
#include "conformance/passive/report.h"

#include "base/text/json.h"
#include "base/version.h"

#define FRAMES 3

const char *it_passive_verdict(const it_passive_result *r, const it_passive_finding *f)
{
    static const char *const NAMES[] = {
        [IT_PASSIVE_MUST] = "fail", [IT_PASSIVE_SHOULD] = "nonstrict", [IT_PASSIVE_INFO] = "info"};
    return f->inconclusive ? "inconclusive" : NAMES[it_passive_level_of(r->judge, f->rule)];
}

it_passive_sum it_passive_sum_of(const it_passive_result *r)
{
    it_passive_sum s = {0};
    size_t n;
    const it_passive_finding *f = it_passive_findings(r->judge, &n);
    for (size_t i = 0; i < n; i++) {
        size_t *of[] = {&s.must, &s.should, &s.info};
        size_t *one = f[i].inconclusive ? &s.inconclusive : of[it_passive_level_of(r->judge, f[i].rule)];
        ++*one;
    }
    for (int i = 0; i < IT_RULES; i++)
        s.looked += it_passive_looked(r->judge, (enum it_passive_id)i) > 0;
    s.unseen = IT_RULES - s.looked;
    return s;
}

/* A display filter that shows the first frames of |f|. */
static void put_filter(it_str *out, const it_passive_finding *f)
{
    size_t n = f->n < FRAMES ? (size_t)f->n : FRAMES;
    it_str_puts(out, n == 1 ? "frame.number == " : "frame.number in {");
    for (size_t i = 0; i < n; i++)
        it_str_printf(out, i == 0 ? "%llu" : ", %llu", (unsigned long long)f->frame[i]);
    it_str_puts(out, n == 1 ? "" : "}");
}

static void put_finding(it_str *out, const it_passive_result *r, const it_passive_finding *f)
{
    const it_passive_rule *rule = &IT_PASSIVE_RULES[f->rule];
    const char *tap = it_passive_tap(r->source, f->tap);
    char who[IT_ADDR_TEXT], rfc[IT_PASSIVE_REF], section[IT_PASSIVE_REF];
    it_passive_ref(rule, rfc, section);
    it_str_printf(out, "%-12s %s  %s%s%s  %llu time%s\n", it_passive_verdict(r, f), rule->id, it_addr_text(f->who, who),
                  tap[0] ? " at " : "", tap, (unsigned long long)f->n, f->n == 1 ? "" : "s");
    it_str_printf(out, "  rule       %s (RFC %s section %s, %s)\n", rule->says, rfc, section,
                  it_passive_level_name(it_passive_level_of(r->judge, f->rule)));
    it_str_printf(out, "  seen       frame %llu: %s\n  filter     ", (unsigned long long)f->frame[0], f->what);
    put_filter(out, f);
    it_str_putc(out, '\n');
}

static void put_counts(it_str *out, const it_passive_result *r)
{
    it_passive_counts c;
    it_passive_count(r->judge, &c);
    it_str_printf(out, "%s: %llu packets, %llu STUN messages", r->path, (unsigned long long)c.packets,
                  (unsigned long long)c.stun);
    const struct {
        uint64_t n;
        const char *what;
    } more[] = {{c.channel_data, "ChannelData"},    {c.old, "of RFC 3489, not judged"},
                {c.copies, "that a tap saw twice"}, {c.parted, "parted as a network card does"},
                {c.lost, "bytes of TCP missed"},    {c.other_streams, "ends of TCP streams with something else"}};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        if (more[i].n > 0)
            it_str_printf(out, ", %llu %s", (unsigned long long)more[i].n, more[i].what);
    it_str_putc(out, '\n');
    for (size_t i = 0; i < r->n_skips; i++)
        it_str_printf(out, "  passed over: %s, %llu time%s, first in frame %llu\n", r->skip[i].why,
                      (unsigned long long)r->skip[i].n, r->skip[i].n == 1 ? "" : "s",
                      (unsigned long long)r->skip[i].frame);
    if (r->broken)
        it_str_printf(out, "  ends early: %s\n", r->broken);
}

void it_passive_text(it_str *out, const it_passive_result *r)
{
    size_t n;
    const it_passive_finding *f = it_passive_findings(r->judge, &n);
    it_passive_sum s = it_passive_sum_of(r);
    put_counts(out, r);
    for (size_t i = 0; i < n; i++)
        put_finding(out, r, &f[i]);
    it_str_printf(out,
                  "%zu of %d rules asked: %zu broken (MUST), %zu not kept (SHOULD), %zu remarks, %zu inconclusive\n",
                  s.looked, IT_RULES, s.must, s.should, s.info, s.inconclusive);
}

static void json_finding(it_str *out, const it_passive_result *r, const it_passive_finding *f)
{
    const it_passive_rule *rule = &IT_PASSIVE_RULES[f->rule];
    char who[IT_ADDR_TEXT], rfc[IT_PASSIVE_REF], section[IT_PASSIVE_REF];
    it_json j;
    it_str filter;
    it_str_init(&filter, out->alloc);
    put_filter(&filter, f);
    it_passive_ref(rule, rfc, section);
    it_json_init(&j, out);
    it_json_obj(&j, NULL);
    it_json_str(&j, "kind", "finding");
    it_json_str(&j, "file", r->path);
    it_json_str(&j, "id", rule->id);
    it_json_str(&j, "verdict", it_passive_verdict(r, f));
    it_json_str(&j, "rfc", rfc);
    it_json_str(&j, "section", section);
    it_json_str(&j, "level", it_passive_level_name(it_passive_level_of(r->judge, f->rule)));
    it_json_str(&j, "rule", rule->says);
    it_json_str(&j, "address", it_addr_text(f->who, who));
    it_json_str(&j, "tap", it_passive_tap(r->source, f->tap));
    it_json_int(&j, "count", (int64_t)f->n);
    it_json_int(&j, "first", (int64_t)f->frame[0]);
    it_json_int(&j, "last", (int64_t)f->last);
    it_json_int(&j, "at_ns", f->at);
    it_json_str(&j, "seen", f->what);
    it_json_str(&j, "filter", it_str_c(&filter));
    it_json_end_obj(&j);
    it_json_newline(&j);
    out->oom |= filter.oom;
    it_str_fini(&filter);
}

void it_passive_jsonl(it_str *out, const it_passive_result *r)
{
    size_t n;
    const it_passive_finding *f = it_passive_findings(r->judge, &n);
    it_passive_sum s = it_passive_sum_of(r);
    it_json j;
    for (size_t i = 0; i < n; i++)
        json_finding(out, r, &f[i]);
    it_json_init(&j, out);
    it_json_obj(&j, NULL);
    it_json_str(&j, "kind", "summary");
    it_json_str(&j, "file", r->path);
    it_json_int(&j, "fail", (int64_t)s.must);
    it_json_int(&j, "nonstrict", (int64_t)s.should);
    it_json_int(&j, "info", (int64_t)s.info);
    it_json_int(&j, "inconclusive", (int64_t)s.inconclusive);
    it_json_arr(&j, "asked");
    for (int i = 0; i < IT_RULES; i++)
        if (it_passive_looked(r->judge, (enum it_passive_id)i) > 0)
            it_json_str(&j, NULL, IT_PASSIVE_RULES[i].id);
    it_json_end_arr(&j);
    it_json_str(&j, "broken", r->broken);
    it_json_end_obj(&j);
    it_json_newline(&j);
}

/* --- SARIF 2.1.0 (OASIS), section 3 --- */

static void sarif_text(it_json *j, const char *key, const char *text)
{
    it_json_obj(j, key);
    it_json_str(j, "text", text);
    it_json_end_obj(j);
}

static void sarif_rules(it_json *j)
{
    it_json_arr(j, "rules");
    for (int i = 0; i < IT_RULES; i++) {
        bool again = false; /* several rules may show the same requirement */
        for (int k = 0; k < i; k++)
            again |= strcmp(IT_PASSIVE_RULES[k].id, IT_PASSIVE_RULES[i].id) == 0;
        if (again)
            continue;
        it_json_obj(j, NULL);
        it_json_str(j, "id", IT_PASSIVE_RULES[i].id);
        sarif_text(j, "shortDescription", IT_PASSIVE_RULES[i].says);
        it_json_end_obj(j);
    }
    it_json_end_arr(j);
}

static void sarif_result(it_json *j, const it_passive_result *r, const it_passive_finding *f)
{
    static const char *const LEVELS[] = {
        [IT_PASSIVE_MUST] = "error", [IT_PASSIVE_SHOULD] = "warning", [IT_PASSIVE_INFO] = "note"};
    it_str text;
    char who[IT_ADDR_TEXT];
    it_str_init(&text, j->out->alloc);
    it_str_printf(&text, "%s: %s (%s, %llu times, first in frame %llu)", IT_PASSIVE_RULES[f->rule].says, f->what,
                  it_addr_text(f->who, who), (unsigned long long)f->n, (unsigned long long)f->frame[0]);
    it_json_obj(j, NULL);
    it_json_str(j, "ruleId", IT_PASSIVE_RULES[f->rule].id);
    it_json_str(j, "level", f->inconclusive ? "note" : LEVELS[it_passive_level_of(r->judge, f->rule)]);
    sarif_text(j, "message", it_str_c(&text));
    it_json_arr(j, "locations");
    it_json_obj(j, NULL);
    it_json_obj(j, "physicalLocation");
    it_json_obj(j, "artifactLocation");
    it_json_str(j, "uri", r->path);
    it_json_end_obj(j);
    it_json_end_obj(j);
    it_json_end_obj(j);
    it_json_end_arr(j);
    it_json_end_obj(j);
    j->out->oom |= text.oom;
    it_str_fini(&text);
}

void it_passive_sarif(it_str *out, const it_passive_result *r, size_t n)
{
    it_json j;
    it_json_init(&j, out);
    it_json_obj(&j, NULL);
    it_json_str(&j, "version", "2.1.0");
    it_json_str(&j, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
    it_json_arr(&j, "runs");
    it_json_obj(&j, NULL);
    it_json_obj(&j, "tool");
    it_json_obj(&j, "driver");
    it_json_str(&j, "name", "icetank check");
    it_json_str(&j, "version", IT_VERSION);
    sarif_rules(&j);
    it_json_end_obj(&j);
    it_json_end_obj(&j);
    it_json_arr(&j, "results");
    for (size_t i = 0; i < n; i++) {
        size_t m;
        const it_passive_finding *f = it_passive_findings(r[i].judge, &m);
        for (size_t k = 0; k < m; k++)
            sarif_result(&j, &r[i], &f[k]);
    }
    it_json_end_arr(&j);
    it_json_end_obj(&j);
    it_json_end_arr(&j);
    it_json_end_obj(&j);
    it_json_newline(&j);
}
