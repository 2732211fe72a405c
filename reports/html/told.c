/* What each app was told, when: a table a world with a fault, a line a model, for runs of few such cases. */
#include "reports/html/html.h"

#include <string.h>

enum { TOLD_CASES = 100 }; /* with a fault: beyond that the figures of death and recovery have to do */

static bool told_has_fault(const it_view_case *c)
{
    return !c->unsupported && c->facts->fault >= 0 && it_view_kind_of(c) != IT_VIEW_NO_CALL;
}

/* Appends the events of |end| that came after the fault at |zero|: "stalled +2.00 s, death +25.2 s (consent_expired)".
 */
static void told_events(const it_view_case *c, const char *end, int64_t zero, it_str *out)
{
    static const char TELLS[] = "stalled resumed failover death closed network";
    bool any = false;
    size_t i;
    json_t *e;
    json_array_foreach(json_object_get(c->o, "events"), i, e)
    {
        const char *name = it_results_str(e, "name"), *reason = it_results_str(e, "reason");
        int64_t t = it_results_time(e, "t", 0);
        if (t < zero || strcmp(it_results_str(e, "end"), end) != 0 || !it_facts_is_one(TELLS, name))
            continue;
        it_str_printf(out, "%s<code>%s</code> +", any ? ", then " : "", name); /* one of TELLS */
        it_html_time(out, t - zero);
        if (*reason) {
            it_str_puts(out, " (");
            it_html_text(out, reason);
            it_str_puts(out, ")");
        }
        any = true;
    }
    if (!any)
        it_str_puts(out, "nothing: data flows on");
}

/* The line of case |i|. */
static void told_row(const it_view *w, size_t i, it_str *out)
{
    const char *ends[2];
    it_view_case c;
    it_view_open(w, i, &c);
    it_facts_ends(c.o, ends);
    it_str_printf(out, "<tr class=\"fm f%d\"><th scope=\"row\">", (int)it_view_model(w, c.model));
    if (c.page) {
        it_str_puts(out, "<a href=\"");
        it_html_url(out, c.page);
        it_str_puts(out, "\">");
    }
    it_html_text(out, *c.model ? c.model : "the call");
    it_str_puts(out, c.page ? "</a></th>" : "</th>");
    for (int k = 0; k < 2; k++) {
        it_str_puts(out, "<td data-l=\"");
        it_html_text(out, ends[k]);
        it_str_puts(out, "\">");
        told_events(&c, ends[k], c.facts->fault, out);
        it_str_puts(out, "</td>");
    }
    it_str_puts(out, "</tr>\n");
    it_view_close(&c);
}

/* The values of |c| but for the model: "signal true, wireless false"; its title where it has none. */
static void told_name(const it_view_case *c, it_str *out)
{
    const char *axis;
    json_t *v;
    bool any = false;
    json_object_foreach(json_object_get(c->o, "cell"), axis, v)
    {
        if (strcmp(axis, "model") == 0 || !json_is_string(v))
            continue;
        it_str_puts(out, any ? ", " : "");
        it_html_text(out, axis);
        it_str_putc(out, ' ');
        it_html_text(out, json_string_value(v));
        any = true;
    }
    if (!any)
        it_html_text(out, c->title);
}

/* The faults of |c|, each with its time. */
static void told_faults(const it_view_case *c, it_str *out)
{
    for (int i = 0; it_faults_time(c->o, i) >= 0; i++) {
        it_str_puts(out, i ? "; " : ": ");
        it_html_text(out, it_faults_text(c->o, i));
        it_str_puts(out, " at ");
        it_html_time(out, it_faults_time(c->o, i));
    }
}

static void told_world(const it_view *w, size_t head, it_str *out)
{
    const char *ends[2];
    it_view_case c;
    it_view_open(w, head, &c);
    it_facts_ends(c.o, ends);
    it_str_puts(out, "<table class=\"tw\"><caption><b>");
    told_name(&c, out);
    it_str_puts(out, "</b>");
    told_faults(&c, out);
    it_str_puts(out, "</caption><thead><tr><th scope=\"col\">model</th>");
    for (int k = 0; k < 2; k++) {
        it_str_puts(out, "<th scope=\"col\">");
        it_html_text(out, ends[k]);
        it_str_puts(out, "</th>");
    }
    it_str_puts(out, "</tr></thead>\n<tbody>\n");
    it_view_close(&c);
    for (size_t i = head; i < w->n; i = w->v[i].next)
        if (told_has_fault(&w->v[i]))
            told_row(w, i, out);
    it_str_puts(out, "</tbody></table>\n");
}

void it_html_told(const it_view *w, it_str *out)
{
    size_t cases = 0, worlds = 0;
    for (size_t i = 0; i < w->n; i++) {
        cases += told_has_fault(&w->v[i]);
        worlds += told_has_fault(&w->v[i]) && w->v[i].head == i;
    }
    if (worlds == 0 || cases > TOLD_CASES)
        return;
    it_html_section(out, "told", "What each app was told");
    it_html_count(out, (int64_t)worlds, "world with a fault", "worlds with a fault");
    it_str_puts(out, ", both ends of every call.");
    it_html_claim_end(out);
    for (size_t i = 0; i < w->n; i++)
        if (told_has_fault(&w->v[i]) && w->v[i].head == i)
            told_world(w, i, out);
    it_str_puts(
        out, "<p class=\"note\">After the first fault that counts. A model that is a link has its packets drawn on a "
             "page of its own.</p>\n");
}
