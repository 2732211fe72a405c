/* Facts of cases. */
#include "reports/read/facts.h"

#include <string.h>

/* --- ends and events --- */

/* The ends by who was told first, for results that do not name them. */
static void ends_of_events(const json_t *o, const char *ends[2])
{
    size_t i;
    json_t *e;
    json_array_foreach(json_object_get(o, "events"), i, e)
    {
        const char *end = it_results_str(e, "end");
        if (!*ends[0])
            ends[0] = end;
        else if (!*ends[1] && strcmp(ends[0], end) != 0)
            ends[1] = end;
    }
}

void it_facts_ends(const json_t *o, const char *ends[2])
{
    const json_t *list = json_object_get(o, "ends");
    ends[0] = ends[1] = "";
    if (json_array_size(list) != 2) {
        ends_of_events(o, ends);
        return;
    }
    for (size_t k = 0; k < 2; k++)
        if (json_is_string(json_array_get(list, k)))
            ends[k] = json_string_value(json_array_get(list, k));
}

bool it_facts_is_one(const char *names, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = n ? strstr(names, name) : NULL; p; p = strstr(p + 1, name))
        if ((p == names || p[-1] == ' ') && (p[n] == ' ' || !p[n]))
            return true;
    return false;
}

const json_t *it_facts_event(const json_t *o, const char *end, const char *names, int64_t from)
{
    const json_t *found = NULL;
    size_t i;
    json_t *e;
    json_array_foreach(json_object_get(o, "events"), i, e)
    {
        if (strcmp(it_results_str(e, "end"), end) == 0 && it_facts_is_one(names, it_results_str(e, "name")) &&
            it_results_time(e, "t", 0) >= from)
            found = e;
    }
    return found;
}

const json_t *it_facts_told(const json_t *o, const char *end, const char *names)
{
    int fault = it_faults_counting(o, end);
    const json_t *found = NULL;
    size_t i;
    json_t *e;
    json_array_foreach(json_object_get(o, "events"), i, e)
    {
        if (it_facts_is_one(names, it_results_str(e, "name")) && strcmp(it_results_str(e, "end"), end) == 0 &&
            it_faults_of_event(o, e) == fault)
            found = e;
    }
    return found;
}

const char *it_facts_slower(const json_t *o)
{
    const char *ends[2];
    int64_t t[2] = {-1, -1};
    it_facts_ends(o, ends);
    for (int k = 0; k < 2; k++) {
        const json_t *death = it_facts_told(o, ends[k], "death");
        const json_t *last = death ? death : it_facts_told(o, ends[k], "stalled resumed failover");
        if (last)
            t[k] = it_faults_after(o, last);
    }
    return t[1] > t[0] ? ends[1] : ends[0];
}

int64_t it_facts_zero(const json_t *o)
{
    return it_faults_time(o, it_faults_counting(o, it_facts_slower(o)));
}

/* --- facts --- */

/* When |end| first stalled by the fault at |fault|, after it; -1: it did not. */
static int64_t stalled_after(const json_t *o, const char *end, int fault)
{
    size_t i;
    json_t *e;
    json_array_foreach(json_object_get(o, "events"), i, e)
    {
        if (strcmp(it_results_str(e, "end"), end) == 0 && strcmp(it_results_str(e, "name"), "stalled") == 0 &&
            it_faults_of_event(o, e) == fault)
            return it_faults_after(o, e);
    }
    return -1;
}

/* How |end|, "" for none, died of a fault. */
static it_facts_end end_of(const json_t *o, const char *end)
{
    it_facts_end f = {.death = -1, .stalled = -1};
    const json_t *death = *end ? it_facts_event(o, end, "death", 0) : NULL;
    if (!death)
        return f;
    f.death = it_faults_after(o, death);
    f.stalled = stalled_after(o, end, it_faults_of_event(o, death));
    f.carrier = strcmp(it_results_str(death, "reason"), "link_down_no_alternative") == 0;
    return f;
}

/* What came of a case with a fault. */
static void facts_of_fault(it_facts *f, const json_t *o)
{
    const char *ends[2], *slower = it_facts_slower(o);
    it_facts_ends(o, ends);
    f->final = it_faults_final(o);
    f->after = it_results_time(o, "t_end", 0) - it_facts_zero(o);
    f->survived = !it_facts_told(o, slower, "death");
    f->noticed = it_facts_told(o, slower, "stalled resumed failover death closed") != NULL;
    for (int k = 0; k < 2; k++) {
        f->died = f->died || it_facts_event(o, ends[k], "death", 0);
        if (k == 0 || *ends[0])
            f->end[k] = end_of(o, ends[k]);
    }
}

void it_facts_of(it_facts *f, const json_t *o)
{
    static const char *const METRICS[IT_FACTS_METRICS] = {"t_conn", "t_death", "t_recover", "freeze_silent"};
    const json_t *metrics = json_object_get(o, "metrics");
    *f = (it_facts){.fault = it_faults_time(o, it_faults_counting(o, NULL)), .end = {{-1, -1, false}, {-1, -1, false}}};
    for (int k = 0; k < IT_FACTS_METRICS; k++)
        f->metric[k] = it_results_time(metrics, METRICS[k], -1);
    if (f->fault >= 0)
        facts_of_fault(f, o);
}
