/* Matching by trying: a pattern is a row of items; each item that can be met in several ways tries one and calls itself
 * for the rest. What is tried is counted. */
#include "lab/lang/pattern/impl.h"

#include "base/err.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { OPEN = -1, POSITION = -2 }; /* lengths of captures: not closed yet; "()" */

/* What an item came to. */
enum go {
    ON,      /* met; the rest is to be matched from where |s| and |p| are now */
    ENDED,   /* the rest was matched, or could not be: |end| says */
    ORDINARY /* none of the special ones */
};

static const char *match(it_match *m, const char *s, const char *p);

static void count_steps(it_match *m, uint64_t n)
{
    char text[160];
    if (m->left >= n) {
        m->left -= n;
        return;
    }
    snprintf(text, sizeof text, "string.%s: the pattern takes more than 10,000,000 steps over a text of %zu bytes",
             m->name, (size_t)(m->end - m->src));
    m->meter->raise(m->L, text);
}

/* --- one character --- */

static int is_nul(int c)
{
    return c == 0;
}

/* The class that the letter |cl| stands for; another character stands for itself. */
static bool in_class(int c, int cl)
{
    static const struct {
        char letter;
        int (*is)(int c);
    } CLASSES[] = {{'a', isalpha}, {'c', iscntrl}, {'d', isdigit}, {'g', isgraph},  {'l', islower}, {'p', ispunct},
                   {'s', isspace}, {'u', isupper}, {'w', isalnum}, {'x', isxdigit}, {'z', is_nul} /* of Lua 5.1 */};
    for (size_t i = 0; i < sizeof CLASSES / sizeof *CLASSES; i++)
        if (tolower(cl) == CLASSES[i].letter)
            return (CLASSES[i].is(c) != 0) == (islower(cl) != 0);
    return c == cl;
}

/* The set that begins at |p| and whose closing bracket is at |close|. */
static bool in_set(int c, const char *p, const char *close)
{
    bool yes = true;
    p++;
    if (*p == '^') {
        yes = false;
        p++;
    }
    for (; p < close; p++) {
        if (*p == '%') {
            p++;
            if (in_class(c, (unsigned char)*p))
                return yes;
        } else if (p[1] == '-' && p + 2 < close) {
            if ((unsigned char)*p <= c && c <= (unsigned char)p[2])
                return yes;
            p += 2;
        } else if ((unsigned char)*p == c) {
            return yes;
        }
    }
    return !yes;
}

/* Behind the item for one character that begins at |p|. */
static const char *item_end(it_match *m, const char *p)
{
    char c = *p++;
    if (c == '%') {
        if (p == m->p_end)
            luaL_error(m->L, "malformed pattern (ends with '%%')");
        return p + 1;
    }
    if (c != '[')
        return p;
    if (*p == '^')
        p++;
    do { /* a bracket right at the beginning belongs to the set */
        if (p == m->p_end)
            luaL_error(m->L, "malformed pattern (missing ']')");
        c = *p++;
        if (c == '%' && p < m->p_end)
            p++;
    } while (*p != ']');
    return p + 1;
}

/* True when the character at |s| is one of the item from |p| to |ep|. */
static bool meets(it_match *m, const char *s, const char *p, const char *ep)
{
    count_steps(m, 1);
    if (s >= m->end)
        return false;
    int c = (unsigned char)*s;
    switch (*p) {
    case '.':
        return true;
    case '%':
        return in_class(c, (unsigned char)p[1]);
    case '[':
        count_steps(m, (uint64_t)(ep - p)); /* a set may be as long as memory allows */
        return in_set(c, p, ep - 1);
    default:
        return (unsigned char)*p == c;
    }
}

/* --- repetitions --- */

/* As many as there are, then fewer. */
static const char *longest(it_match *m, const char *s, const char *p, const char *ep)
{
    ptrdiff_t n = 0;
    while (meets(m, s + n, p, ep))
        n++;
    for (; n >= 0; n--) {
        const char *e = match(m, s + n, ep + 1);
        if (e)
            return e;
    }
    return NULL;
}

/* As few as will do. */
static const char *shortest(it_match *m, const char *s, const char *p, const char *ep)
{
    for (;; s++) {
        const char *e = match(m, s, ep + 1);
        if (e)
            return e;
        if (!meets(m, s, p, ep))
            return NULL;
    }
}

/* An item for one character with what follows it. */
static enum go ordinary(it_match *m, const char **s, const char **p, const char **end)
{
    const char *ep = item_end(m, *p);
    switch (*ep) {
    case '*':
        *end = longest(m, *s, *p, ep);
        return ENDED;
    case '-':
        *end = shortest(m, *s, *p, ep);
        return ENDED;
    default:
        break;
    }
    bool met = meets(m, *s, *p, ep);
    if (*ep == '+') {
        *end = met ? longest(m, *s + 1, *p, ep) : NULL;
        return ENDED;
    }
    if (*ep == '?') {
        *end = met ? match(m, *s + 1, ep + 1) : NULL;
        *p = ep + 1;
        return *end ? ENDED : ON;
    }
    if (!met)
        return ENDED;
    ++*s;
    *p = ep;
    return ON;
}

/* --- captures --- */

static const char *open_capture(it_match *m, const char *s, const char *p, ptrdiff_t len)
{
    if (m->n == IT_MATCH_CAPTURES)
        luaL_error(m->L, "too many captures");
    m->cap[m->n].at = s;
    m->cap[m->n].len = len;
    m->n++;
    const char *e = match(m, s, p);
    if (!e)
        m->n--;
    return e;
}

static const char *close_capture(it_match *m, const char *s, const char *p)
{
    int i = m->n - 1;
    while (i >= 0 && m->cap[i].len != OPEN)
        i--;
    if (i < 0)
        luaL_error(m->L, "invalid pattern capture");
    m->cap[i].len = s - m->cap[i].at;
    const char *e = match(m, s, p);
    if (!e)
        m->cap[i].len = OPEN;
    return e;
}

/* %1: what was captured, again. Behind it, or NULL. */
static const char *repeated(it_match *m, const char *s, char digit)
{
    int i = digit - '1';
    if (i < 0 || i >= m->n || m->cap[i].len == OPEN)
        luaL_error(m->L, "invalid capture index %%%d", i + 1);
    ptrdiff_t n = m->cap[i].len;
    if (n < 0 || n > m->end - s)
        return NULL;
    count_steps(m, (uint64_t)n);
    return memcmp(s, m->cap[i].at, (size_t)n) == 0 ? s + n : NULL;
}

/* %bxy: from an x to the y that ends it. Behind that, or NULL. */
static const char *balanced(it_match *m, const char *s, const char *p)
{
    size_t depth = 1;
    if (p + 1 >= m->p_end)
        luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
    if (s >= m->end || *s != p[0])
        return NULL;
    for (s++; s < m->end; s++) {
        count_steps(m, 1);
        if (*s == p[1]) {
            if (--depth == 0)
                return s + 1;
        } else if (*s == p[0]) {
            depth++;
        }
    }
    return NULL;
}

/* %f[set] at |p|, the bracket: between a character outside and one inside; before the first and behind the last is a
 * NUL. */
static bool frontier(it_match *m, const char *s, const char *p, const char *ep)
{
    int before = s == m->src ? 0 : (unsigned char)s[-1], after = s == m->end ? 0 : (unsigned char)*s;
    count_steps(m, (uint64_t)(ep - p));
    return !in_set(before, p, ep - 1) && in_set(after, p, ep - 1);
}

/* --- the row --- */

/* %b, %f and %0 to %9. */
static enum go percent(it_match *m, const char **s, const char **p)
{
    char c = (*p)[1];
    const char *to = NULL, *ep = *p + 2;
    if (c == 'b') {
        to = balanced(m, *s, ep);
        ep += 2;
    } else if (c == 'f') {
        if (*ep != '[')
            luaL_error(m->L, "missing '[' after '%%f' in pattern");
        const char *set = ep;
        ep = item_end(m, set);
        to = frontier(m, *s, set, ep) ? *s : NULL;
    } else if (c >= '0' && c <= '9') {
        to = repeated(m, *s, c);
    } else {
        return ORDINARY;
    }
    if (!to)
        return ENDED;
    *s = to;
    *p = ep;
    return ON;
}

static enum go special(it_match *m, const char **s, const char **p, const char **end)
{
    switch (**p) {
    case '(':
        *end = (*p)[1] == ')' ? open_capture(m, *s, *p + 2, POSITION) : open_capture(m, *s, *p + 1, OPEN);
        return ENDED;
    case ')':
        *end = close_capture(m, *s, *p + 1);
        return ENDED;
    case '$':
        if (*p + 1 != m->p_end)
            return ORDINARY;
        *end = *s == m->end ? *s : NULL;
        return ENDED;
    case '%':
        return percent(m, s, p);
    default:
        return ORDINARY;
    }
}

static const char *match(it_match *m, const char *s, const char *p)
{
    const char *end = NULL;
    enum go go = ON;
    if (m->depth == IT_MATCH_DEPTH)
        luaL_error(m->L, "pattern too complex");
    m->depth++;
    while (go == ON) {
        count_steps(m, 1);
        if (p == m->p_end) {
            end = s;
            break;
        }
        go = special(m, &s, &p, &end);
        if (go == ORDINARY)
            go = ordinary(m, &s, &p, &end);
    }
    m->depth--;
    return end;
}

const char *it_match_run(it_match *m, const char *s, const char *p)
{
    m->n = 0;
    m->depth = 0;
    return match(m, s, p);
}

void it_match_push_one(const it_match *m, int i, const char *s, const char *e)
{
    if (i >= m->n) {
        if (i != 0)
            luaL_error(m->L, "invalid capture index %%%d", i + 1);
        lua_pushlstring(m->L, s, (size_t)(e - s));
        return;
    }
    if (m->cap[i].len == OPEN)
        luaL_error(m->L, "unfinished capture");
    if (m->cap[i].len == POSITION)
        lua_pushinteger(m->L, m->cap[i].at - m->src + 1);
    else
        lua_pushlstring(m->L, m->cap[i].at, (size_t)m->cap[i].len);
}

int it_match_push(const it_match *m, const char *s, const char *e)
{
    int n = m->n == 0 && s ? 1 : m->n;
    luaL_checkstack(m->L, n, "too many captures");
    for (int i = 0; i < n; i++)
        it_match_push_one(m, i, s, e);
    return n;
}
