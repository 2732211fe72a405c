/* Pages as a browser would take them: a reader of HTML, strict enough that what it accepts is well-formed, and ways to
 * look at parts of a page. */
#ifndef IT_TESTS_REPORTS_PAGE_H
#define IT_TESTS_REPORTS_PAGE_H

#include <check.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_DEEP 64
#define PAGE_IDS 4096

/* What is read, where, and what is open. */
typedef struct page_reader {
    const char *all, *p;
    struct {
        const char *name;
        size_t n;
    } open[PAGE_DEEP];
    int deep;
    char *ids[PAGE_IDS];
    size_t n_ids;
} page_reader;

#define PAGE_FAIL(x, at, what) ck_abort_msg("%s: %.*s", what, 90, (at) - (x)->all > 30 ? (at)-30 : (x)->all)

static inline bool page_is(const char *name, size_t n, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(words[i]) == n && memcmp(words[i], name, n) == 0)
            return true;
    return false;
}

/* A name or number between & and ;. */
static inline const char *page_entity(page_reader *x, const char *p)
{
    const char *q = p + 1 + (p[1] == '#');
    size_t n = strspn(q, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
    if (n == 0 || q[n] != ';')
        PAGE_FAIL(x, p, "a bare &");
    return q + n + 1;
}

static inline void page_id(page_reader *x, const char *v, size_t n)
{
    ck_assert_uint_lt(x->n_ids, PAGE_IDS);
    for (size_t i = 0; i < x->n_ids; i++)
        if (strlen(x->ids[i]) == n && memcmp(x->ids[i], v, n) == 0)
            PAGE_FAIL(x, v, "an id twice");
    x->ids[x->n_ids++] = strndup(v, n);
}

/* The attributes of the tag at |p|: a name, each once, alone or with a value in double quotes. Returns its '>'. */
static inline const char *page_attributes(page_reader *x, const char *p)
{
    struct {
        const char *p;
        size_t n;
    } seen[32];
    size_t n_seen = 0;
    while (p += strspn(p, " \n"), *p != '>' && strncmp(p, "/>", 2) != 0) {
        size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789:");
        if (n == 0 || n_seen == 32)
            PAGE_FAIL(x, p, "no attribute");
        for (size_t i = 0; i < n_seen; i++)
            if (seen[i].n == n && memcmp(seen[i].p, p, n) == 0)
                PAGE_FAIL(x, p, "an attribute twice");
        seen[n_seen].p = p;
        seen[n_seen++].n = n;
        bool id = n == 2 && memcmp(p, "id", 2) == 0;
        p += n;
        if (*p != '=')
            continue;
        if (*++p != '"')
            PAGE_FAIL(x, p, "a value without quotes");
        const char *v = ++p;
        while (*p != '"') {
            if (!*p || *p == '<')
                PAGE_FAIL(x, v, "a value without an end");
            p = *p == '&' ? page_entity(x, p) : p + 1;
        }
        if (id)
            page_id(x, v, (size_t)(p - v));
        p++;
    }
    return *p == '/' ? p + 1 : p;
}

/* A tag at |p|, which is its '<'. Returns what follows it. */
static inline const char *page_tag(page_reader *x, const char *p)
{
    static const char *const VOID[] = {"br", "col", "hr", "img", "input", "link", "meta"}, *const RAW[] = {"script",
                                                                                                           "style"};
    bool end = p[1] == '/';
    const char *name = p + 1 + end;
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
    if (n == 0)
        PAGE_FAIL(x, p, "no tag");
    if (end) {
        if (x->deep == 0 || x->open[x->deep - 1].n != n || memcmp(x->open[x->deep - 1].name, name, n) != 0 ||
            name[n] != '>')
            PAGE_FAIL(x, p, "ends what is not open");
        x->deep--;
        return name + n + 1;
    }
    const char *close = page_attributes(x, name + n);
    if (close[-1] == '/' || page_is(name, n, VOID, sizeof VOID / sizeof *VOID))
        return close + 1;
    if (page_is(name, n, RAW, 2)) {
        const char *q = strstr(close, n == 6 ? "</script>" : "</style>");
        if (!q)
            PAGE_FAIL(x, p, "never ends");
        return q + n + 3;
    }
    ck_assert_int_lt(x->deep, PAGE_DEEP);
    x->open[x->deep].name = name;
    x->open[x->deep++].n = n;
    return close + 1;
}

/* Every link into the page leads to something in it. */
static inline void page_links(page_reader *x)
{
    for (const char *p = strstr(x->all, "href=\"#"); p; p = strstr(p + 7, "href=\"#")) {
        size_t n = strcspn(p + 7, "\"");
        bool found = false;
        for (size_t i = 0; i < x->n_ids && !found; i++)
            found = strlen(x->ids[i]) == n && memcmp(x->ids[i], p + 7, n) == 0;
        if (!found)
            PAGE_FAIL(x, p, "a link leads nowhere");
    }
}

/* Fails unless |html| is one document in which every element ends where it should, attributes are quoted and stand
 * once, every & begins a reference, no id comes twice and every link into the page leads somewhere. */
static inline void page_check(const char *html)
{
    static const char DOCTYPE[] = "<!doctype html>";
    page_reader *x = calloc(1, sizeof *x);
    x->all = html;
    ck_assert_msg(strncmp(html, DOCTYPE, sizeof DOCTYPE - 1) == 0, "no doctype");
    for (const char *p = html + sizeof DOCTYPE - 1; *p;) {
        if (*p == '<')
            p = page_tag(x, p);
        else if (*p == '&')
            p = page_entity(x, p);
        else if (*p == '>')
            PAGE_FAIL(x, p, "a bare >");
        else if (x->deep == 0 && !isspace((unsigned char)*p))
            PAGE_FAIL(x, p, "text outside of everything");
        else
            p++;
    }
    if (x->deep)
        PAGE_FAIL(x, x->open[x->deep - 1].name, "is still open");
    page_links(x);
    for (size_t i = 0; i < x->n_ids; i++)
        free(x->ids[i]);
    free(x);
}

/* The text of the part of |html| from |from| up to |to| (NULL: its end) without tags, white space as one blank; freed
 * by the caller. Fails when either is not there. */
static inline char *page_text(const char *html, const char *from, const char *to)
{
    const char *p = strstr(html, from), *end = p && to ? strstr(p, to) : NULL;
    ck_assert_msg(p && (end || !to), "the page has no %s", p ? to : from);
    end = end ? end : p + strlen(p);
    char *text = calloc(1, (size_t)(end - p) + 1);
    size_t n = 0;
    for (bool tag = false; p < end; p++) {
        bool blank = isspace((unsigned char)*p) || *p == '<' || (p[0] == '\xc2' && p[1] == '\xa0');
        if (*p == '<')
            tag = true;
        if (blank && n && text[n - 1] != ' ')
            text[n++] = ' ';
        if (p[0] == '\xc2' && p[1] == '\xa0')
            p++;
        else if (!tag && !blank)
            text[n++] = *p;
        if (*p == '>')
            tag = false;
    }
    text[n] = '\0';
    return text;
}

/* Fails unless the text of that part has |want| in it. */
static inline void page_says(const char *html, const char *from, const char *to, const char *want)
{
    char *text = page_text(html, from, to);
    ck_assert_msg(strstr(text, want) != NULL, "no \"%s\" in: %s", want, text);
    free(text);
}

#endif
