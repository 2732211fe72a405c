/* Words of the rendezvous, read and written: a table of verbs and of what follows them. */
#include "stack/rendezvous/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What follows a verb. */
enum { HAS_TOKEN = 1, HAS_NAME = 2, HAS_CALL = 4, HAS_BODY = 8 };

static const struct {
    const char *word;
    unsigned has;
} VERBS[IT_RENDEZVOUS_VERBS] = {
    [IT_RENDEZVOUS_LISTEN] = {"listen", HAS_NAME},
    [IT_RENDEZVOUS_LEAVE] = {"leave", HAS_NAME},
    [IT_RENDEZVOUS_CALL] = {"call", HAS_TOKEN | HAS_CALL},
    [IT_RENDEZVOUS_BUSY] = {"busy", HAS_TOKEN},
    [IT_RENDEZVOUS_JOIN] = {"join", HAS_TOKEN},
    [IT_RENDEZVOUS_LISTENING] = {"listening", HAS_NAME},
    [IT_RENDEZVOUS_TAKEN] = {"taken", HAS_NAME},
    [IT_RENDEZVOUS_ABSENT] = {"absent", HAS_TOKEN},
    [IT_RENDEZVOUS_JOINED] = {"joined", HAS_TOKEN},
    [IT_RENDEZVOUS_UNKNOWN] = {"unknown", HAS_TOKEN},
    [IT_RENDEZVOUS_LOST] = {"lost", HAS_TOKEN},
    [IT_RENDEZVOUS_MORE] = {"more", HAS_TOKEN | HAS_BODY},
    [IT_RENDEZVOUS_SAY] = {"say", HAS_TOKEN | HAS_BODY},
    [IT_RENDEZVOUS_END] = {"end", HAS_TOKEN},
};

/* The bytes of the character that begins at |p|, of |n|; 0: none does (RFC 3629 section 4). */
static size_t utf8_size(const uint8_t *p, size_t n)
{
    static const struct {
        uint8_t from, to, low, high; /* first byte; bounds of the second */
        uint8_t size;
    } FORMS[] = {{0x20, 0x7e, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
                 {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
                 {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    for (size_t f = 0; f < sizeof FORMS / sizeof *FORMS; f++) {
        if (p[0] < FORMS[f].from || p[0] > FORMS[f].to)
            continue;
        if (FORMS[f].size > n)
            return 0;
        if (FORMS[f].size > 1 && (p[1] < FORMS[f].low || p[1] > FORMS[f].high))
            return 0;
        for (size_t i = 2; i < FORMS[f].size; i++)
            if ((p[i] & 0xc0) != 0x80)
                return 0;
        return FORMS[f].size;
    }
    return 0;
}

bool it_rendezvous_is_name(it_bytes name)
{
    if (name.n == 0 || name.n > IT_RENDEZVOUS_NAME)
        return false;
    for (size_t i = 0; i < name.n;) {
        size_t n = utf8_size(name.p + i, name.n - i);
        /* U+0080 to U+009F are control characters as well */
        if (n == 0 || (n == 2 && name.p[i] == 0xc2 && name.p[i + 1] < 0xa0))
            return false;
        i += n;
    }
    return true;
}

/* Takes what is before the next space off |*rest|. */
static it_bytes words_next(it_bytes *rest)
{
    const uint8_t *space = rest->n ? memchr(rest->p, ' ', rest->n) : NULL;
    size_t n = space ? (size_t)(space - rest->p) : rest->n;
    it_bytes w = it_bytes_of(rest->p, n);
    *rest = space ? it_bytes_of(space + 1, rest->n - n - 1) : it_bytes_of(NULL, 0);
    return w;
}

static int read_token(it_bytes *rest, it_rendezvous_words *w)
{
    it_bytes t = words_next(rest);
    if (t.n != 16)
        return IT_ERR_PARSE;
    w->token = 0;
    for (size_t i = 0; i < t.n; i++) {
        const char *digit = t.p[i] ? strchr("0123456789abcdef", t.p[i]) : NULL;
        if (!digit)
            return IT_ERR_PARSE;
        w->token = w->token << 4 | (uint64_t)(digit - "0123456789abcdef");
    }
    return w->token ? 0 : IT_ERR_PARSE;
}

static int read_name(it_bytes *rest, it_rendezvous_words *w)
{
    w->name = *rest;
    *rest = it_bytes_of(NULL, 0);
    return it_rendezvous_is_name(w->name) ? 0 : IT_ERR_PARSE;
}

/* What follows the token of a call: nothing, or for how long it waits, and whom it is for. */
static int read_called(it_bytes *rest, it_rendezvous_words *w)
{
    if (rest->n == 0)
        return 0;
    it_bytes t = words_next(rest);
    if (t.n == 0 || t.n > 4)
        return IT_ERR_PARSE;
    for (size_t i = 0; i < t.n; i++) {
        if (t.p[i] < '0' || t.p[i] > '9')
            return IT_ERR_PARSE;
        w->wait = w->wait * 10 + (uint32_t)(t.p[i] - '0');
    }
    return w->wait > IT_RENDEZVOUS_WAIT ? IT_ERR_PARSE : read_name(rest, w);
}

/* Reads what follows the verb of |w| on its line. */
static int read_line(it_bytes rest, it_rendezvous_words *w)
{
    unsigned has = VERBS[w->verb].has;
    int err = 0;
    if (has & HAS_TOKEN)
        err = read_token(&rest, w);
    if (err == 0 && has & HAS_CALL)
        err = read_called(&rest, w);
    if (err == 0 && has & HAS_NAME)
        err = read_name(&rest, w);
    return err < 0 || rest.n > 0 ? IT_ERR_PARSE : 0;
}

int it_rendezvous_read(it_bytes message, it_rendezvous_words *w)
{
    const uint8_t *end = message.n ? memchr(message.p, '\n', message.n) : NULL;
    size_t line = end ? (size_t)(end - message.p) : message.n;
    it_bytes rest = it_bytes_of(message.p, line), verb = words_next(&rest);
    int v = 0;
    *w = (it_rendezvous_words){.wait = 0};
    while (v < IT_RENDEZVOUS_VERBS && !it_bytes_eq(verb, it_bytes_str(VERBS[v].word)))
        v++;
    if (v == IT_RENDEZVOUS_VERBS)
        return IT_ERR_PARSE;
    w->verb = (enum it_rendezvous_verb)v;
    bool body = (VERBS[v].has & HAS_BODY) != 0;
    if (read_line(rest, w) < 0 || body != (end != NULL))
        return IT_ERR_PARSE;
    if (end)
        w->body = it_bytes_of(end + 1, message.n - line - 1);
    return 0;
}

size_t it_rendezvous_line(const it_rendezvous_words *w, char line[IT_RENDEZVOUS_LINE])
{
    unsigned has = VERBS[w->verb].has;
    int n = snprintf(line, IT_RENDEZVOUS_LINE, "%s", VERBS[w->verb].word);
    if (has & HAS_TOKEN)
        n += snprintf(line + n, IT_RENDEZVOUS_LINE - (size_t)n, " %016" PRIx64, w->token);
    if (has & HAS_CALL && w->name.n)
        n += snprintf(line + n, IT_RENDEZVOUS_LINE - (size_t)n, " %u", (unsigned)w->wait);
    if (has & (HAS_CALL | HAS_NAME) && w->name.n)
        n += snprintf(line + n, IT_RENDEZVOUS_LINE - (size_t)n, " %.*s", (int)w->name.n, (const char *)w->name.p);
    if (has & HAS_BODY)
        n += snprintf(line + n, IT_RENDEZVOUS_LINE - (size_t)n, "\n");
    return (size_t)n;
}
