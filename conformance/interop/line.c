/* Lines of adapters become events. */
#include "conformance/interop/line.h"

#include <string.h>

static const char *const KINDS[] = {[IT_INTEROP_HELLO] = "hello",
                                    [IT_INTEROP_LOCAL] = "local",
                                    [IT_INTEROP_CAND] = "cand",
                                    [IT_INTEROP_GATHERED] = "gathered",
                                    [IT_INTEROP_STATE] = "state",
                                    [IT_INTEROP_SELECTED] = "selected",
                                    [IT_INTEROP_DATA] = "data",
                                    [IT_INTEROP_DTLS] = "dtls",
                                    [IT_INTEROP_CLOSED] = "closed",
                                    [IT_INTEROP_ERROR] = "error",
                                    [IT_INTEROP_UNSUPPORTED] = "unsupported"};

static const char *line_fault(const json_t *root)
{
    const char *key;
    json_t *v;
    if (!json_is_object(root))
        return "is no JSON object";
    json_object_foreach((json_t *)root, key, v)
    {
        (void)key;
        if (!json_is_string(v) && !json_is_integer(v))
            return "has a value that is neither text nor a whole number";
    }
    return json_is_string(json_object_get(root, "ev")) ? NULL : "has no \"ev\"";
}

const char *it_interop_read(it_interop_line *out, it_bytes text)
{
    *out = (it_interop_line){IT_INTEROP_OTHER, NULL};
    json_t *root = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
    const char *fault = root ? line_fault(root) : "is no JSON";
    if (fault) {
        json_decref(root);
        return fault;
    }
    const char *ev = json_string_value(json_object_get(root, "ev"));
    out->members = root;
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
        if (strcmp(ev, KINDS[i]) == 0)
            out->kind = (it_interop_kind)i;
    return NULL;
}

const char *it_interop_text(const it_interop_line *l, const char *key)
{
    const char *v = json_string_value(json_object_get(l->members, key));
    return v ? v : "";
}

json_int_t it_interop_number(const it_interop_line *l, const char *key)
{
    return json_integer_value(json_object_get(l->members, key));
}

bool it_interop_has(const char *caps, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = caps; n && *at; at += strcspn(at, ","), at += *at == ',')
        if (strncmp(at, word, n) == 0 && (at[n] == ',' || at[n] == '\0'))
            return true;
    return false;
}
