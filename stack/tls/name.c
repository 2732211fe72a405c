/* RFC 9525 section 6.3: DNS names, label by label. */
#include "stack/tls/name.h"

#define LABEL_MAX 63

static uint8_t lower(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint8_t)(c + 'a' - 'A');
    return c;
}

static bool in_label(uint8_t c)
{
    c = lower(c);
    if (c >= 'a' && c <= 'z')
        return true;
    return (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* RFC 9525 section 6.3: both sides without the dot of the root. */
static it_bytes without_root(it_bytes name)
{
    if (name.n && name.p[name.n - 1] == '.')
        name.n--;
    return name;
}

bool it_tls_name_valid(it_bytes name)
{
    size_t label = 0;
    name = without_root(name);
    if (name.n == 0 || name.n > IT_TLS_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '.') {
            if (label == 0)
                return false;
            label = 0;
            continue;
        }
        if (!in_label(name.p[i]) || ++label > LABEL_MAX)
            return false;
    }
    return label > 0;
}

static bool equal_names(it_bytes a, it_bytes b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

/* |name| from its first dot on; empty when it has none. */
static it_bytes behind_label(it_bytes name)
{
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] == '.')
            return it_bytes_of(name.p + i, name.n - i);
    return it_bytes_of(NULL, 0);
}

bool it_tls_name_matches(it_bytes presented, it_bytes wanted)
{
    presented = without_root(presented);
    wanted = without_root(wanted);
    if (!it_tls_name_valid(wanted))
        return false;
    if (presented.n < 2 || presented.p[0] != '*' || presented.p[1] != '.')
        return it_tls_name_valid(presented) && equal_names(presented, wanted);
    /* Section 6.3: "*" is the whole leftmost label, and the only one. */
    it_bytes rest = it_bytes_of(presented.p + 1, presented.n - 1);
    if (!it_tls_name_valid(it_bytes_of(rest.p + 1, rest.n - 1)))
        return false;
    return equal_names(rest, behind_label(wanted));
}
