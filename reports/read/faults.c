/* Faults of a case. */
#include "reports/read/faults.h"

#include <string.h>

bool it_faults_outage(const json_t *o, size_t i, it_outage *out)
{
    const json_t *x = json_array_get(json_object_get(o, "outages"), i);
    if (!x)
        return false;
    *out = (it_outage){.end = it_results_str(x, "end"),
                       .from = it_results_time(x, "t", 0),
                       .until = it_results_time(x, "until", INT64_MAX),
                       .all = strcmp(it_results_str(x, "what"), "all") == 0};
    return true;
}

bool it_faults_silence(const json_t *o, int64_t t, int64_t *from, int64_t *until)
{
    it_outage x;
    bool any = false;
    for (size_t i = 0; it_faults_outage(o, i, &x); i++) {
        int64_t begin = x.from > t ? x.from : t;
        if (!x.all || x.until <= t)
            continue;
        if (any && (begin > *from || (begin == *from && x.until <= *until)))
            continue;
        any = true;
        *from = begin;
        *until = x.until;
    }
    return any;
}

static const json_t *fault_at(const json_t *o, int at)
{
    return at < 0 ? NULL : json_array_get(json_object_get(o, "faults"), (size_t)at);
}

static bool heals(const json_t *fault)
{
    return json_is_true(json_object_get(fault, "heals"));
}

bool it_faults_counts(const json_t *o, int at, const char *end)
{
    size_t i;
    json_t *x;
    json_array_foreach(json_object_get(fault_at(o, at), "counts"), i, x)
    {
        if (!end || (json_is_string(x) && strcmp(json_string_value(x), end) == 0))
            return true;
    }
    return false;
}

int it_faults_counting(const json_t *o, const char *end)
{
    int first = -1;
    for (int i = 0; fault_at(o, i); i++) {
        if (it_faults_counts(o, i, end))
            return i;
        if (first < 0 && !heals(fault_at(o, i)))
            first = i;
    }
    return first;
}

int64_t it_faults_time(const json_t *o, int at)
{
    const json_t *fault = fault_at(o, at);
    return fault ? it_results_time(fault, "t", 0) : -1;
}

const char *it_faults_text(const json_t *o, int at)
{
    return it_results_str(fault_at(o, at), "text");
}

int it_faults_count(const json_t *o)
{
    int n = 0;
    for (int i = 0; fault_at(o, i); i++)
        n += !heals(fault_at(o, i));
    return n;
}

bool it_faults_instant(const json_t *o, int at)
{
    const json_t *fault = fault_at(o, at);
    return fault && !heals(fault) && json_object_size(json_object_get(fault, "takes")) == 0;
}

int it_faults_of_event(const json_t *o, const json_t *e)
{
    int64_t at = it_results_int(e, "fault", -1);
    if (at >= 0)
        return at < (int64_t)json_array_size(json_object_get(o, "faults")) ? (int)at : -1;
    if (json_is_array(json_object_get(o, "outages")))
        return -1; /* it would say */
    int end = it_faults_counting(o, it_results_str(e, "end"));
    return it_results_time(e, "t", 0) >= it_faults_time(o, end) ? end : -1;
}

int64_t it_faults_after(const json_t *o, const json_t *e)
{
    int64_t fault = it_faults_time(o, it_faults_of_event(o, e)), t = it_results_time(e, "t", 0);
    return fault < 0 || t < fault ? -1 : t - fault;
}

/* When an end was first told |name|; INT64_MAX: none was. */
static int64_t first_told(const json_t *o, const char *name)
{
    int64_t t = INT64_MAX;
    size_t i;
    json_t *e;
    json_array_foreach(json_object_get(o, "events"), i, e)
    {
        int64_t at = it_results_time(e, "t", 0);
        if (strcmp(it_results_str(e, "name"), name) == 0 && at < t)
            t = at;
    }
    return t;
}

bool it_faults_final(const json_t *o)
{
    it_outage x;
    int64_t open = first_told(o, "open"), dead = first_told(o, "death"), closed = first_told(o, "closed");
    int64_t over = dead < closed ? dead : closed;
    for (size_t i = 0; it_faults_outage(o, i, &x); i++)
        if (x.all && x.until == INT64_MAX && x.from >= open && x.from <= over)
            return true;
    return false;
}
