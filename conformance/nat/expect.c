/* Reading the file of expectations: words of lines, no more. */
#include "conformance/nat/expect.h"

#include <stdio.h>

extern const unsigned char it_embed_expected[];
extern const size_t it_embed_expected_size;

it_bytes it_expect_builtin(void)
{
    return it_bytes_of(it_embed_expected, it_embed_expected_size);
}

/* Takes the next line off |*rest|; false at the end. */
static bool next_line(it_bytes *rest, it_bytes *line)
{
    if (rest->n == 0)
        return false;
    const uint8_t *nl = memchr(rest->p, '\n', rest->n);
    size_t n = nl ? (size_t)(nl - rest->p) : rest->n, skip = n + (nl ? 1 : 0);
    *line = it_bytes_of(rest->p, n);
    *rest = it_bytes_of(rest->p + skip, rest->n - skip);
    return true;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

/* Takes the next word off |*line| into |out| (cut at 63 characters); false at the end or at a comment. */
static bool next_word(it_bytes *line, char out[64])
{
    size_t i = 0, n = 0;
    while (i < line->n && is_blank(line->p[i]))
        i++;
    if (i == line->n || line->p[i] == '#')
        return false;
    for (; i < line->n && !is_blank(line->p[i]); i++)
        if (n < 63)
            out[n++] = (char)line->p[i];
    out[n] = '\0';
    *line = it_bytes_of(line->p + i, line->n - i);
    return true;
}

static bool is_req(const char *id)
{
    for (size_t i = 0; it_req_nth(i); i++)
        if (strcmp(it_req_nth(i)->id, id) == 0)
            return true;
    return false;
}

static bool verdict_of(const char *word, enum it_req_verdict *v)
{
    *v = strcmp(word, "fail") == 0 ? IT_REQ_FAIL : IT_REQ_NA;
    return *v == IT_REQ_FAIL || strcmp(word, "na") == 0;
}

static const char *fault_of(it_bytes line, bool (*known)(void *self, const char *profile), void *self, char word[64])
{
    enum it_req_verdict v;
    if (!next_word(&line, word))
        return NULL;
    if (!is_req(word))
        return "no such requirement";
    if (!next_word(&line, word))
        return "a verdict is missing";
    if (!verdict_of(word, &v))
        return "not a verdict, fail or na";
    while (next_word(&line, word))
        if (!strchr(word, '*') && !known(self, word + (*word == '!')))
            return "no such profile";
    return NULL;
}

int it_expect_load(it_expect *e, it_bytes text, bool (*known)(void *self, const char *profile), void *self,
                   char err[IT_REQ_WHY])
{
    it_bytes rest = text, line;
    char word[64] = "";
    e->text = text;
    for (int n = 1; next_line(&rest, &line); n++) {
        const char *fault = fault_of(line, known, self, word);
        if (fault) {
            snprintf(err, IT_REQ_WHY, "expected.txt:%d: \"%s\": %s", n, word, fault);
            return IT_ERR_PARSE;
        }
    }
    return 0;
}

static bool names(const char *pattern, const char *profile)
{
    const char *star = strchr(pattern, '*');
    return star ? strncmp(pattern, profile, (size_t)(star - pattern)) == 0 : strcmp(pattern, profile) == 0;
}

/* True when a word of |line| names |profile|, and none that begins with "!" does. */
static bool line_names(it_bytes line, const char *profile)
{
    char word[64];
    bool in = false, out = false;
    while (next_word(&line, word)) {
        if (*word == '!')
            out = out || names(word + 1, profile);
        else
            in = in || names(word, profile);
    }
    return in && !out;
}

enum it_req_verdict it_expect_verdict(const it_expect *e, const char *req, const char *profile)
{
    it_bytes rest = e->text, line;
    char word[64];
    enum it_req_verdict v;
    while (next_line(&rest, &line)) {
        if (!next_word(&line, word) || strcmp(word, req) != 0 || !next_word(&line, word) || !verdict_of(word, &v))
            continue;
        if (line_names(line, profile))
            return v;
    }
    return IT_REQ_PASS;
}
