/* Lists of users. */
#include "lab/serve/users.h"

#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES 508 /* RFC 8489 section 14.3 */

void it_users_init(it_users *u, it_alloc *alloc)
{
    *u = (it_users){.alloc = alloc};
}

void it_users_fini(it_users *u)
{
    for (size_t i = 0; i < u->n; i++)
        it_free(u->alloc, (void *)(uintptr_t)u->v[i].name); /* the password is a part of it */
    it_free(u->alloc, u->v);
    it_users_init(u, u->alloc);
}

static int refuse(char why[IT_USERS_WHY], int err, const char *text)
{
    snprintf(why, IT_USERS_WHY, "%s", text);
    return err;
}

static bool has_controls(it_bytes b)
{
    for (size_t i = 0; i < b.n; i++)
        if (b.p[i] < ' ' || b.p[i] == 0x7f)
            return true;
    return false;
}

static bool is_known(const it_users *u, const char *name)
{
    for (size_t i = 0; i < u->n; i++)
        if (strcmp(u->v[i].name, name) == 0)
            return true;
    return false;
}

int it_users_add(it_users *u, it_bytes word, char why[IT_USERS_WHY])
{
    const uint8_t *colon = word.n ? memchr(word.p, ':', word.n) : NULL;
    if (!colon)
        return refuse(why, IT_ERR_PARSE, "a user is NAME:PASSWORD");
    size_t n = (size_t)(colon - word.p);
    if (n == 0 || n > NAME_MAX_BYTES)
        return refuse(why, IT_ERR_PARSE, "a name has 1 to 508 bytes (RFC 8489 section 14.3)");
    if (n + 1 == word.n)
        return refuse(why, IT_ERR_PARSE, "a password has at least one byte");
    if (has_controls(word))
        return refuse(why, IT_ERR_PARSE, "a name or password has a control character (RFC 8265 section 4.2)");
    char *text = it_malloc(u->alloc, word.n + 1);
    if (!text || it_grow(u->alloc, &u->v, &u->cap, u->n + 1, sizeof *u->v) < 0) {
        it_free(u->alloc, text);
        return IT_ERR_NOMEM;
    }
    memcpy(text, word.p, word.n);
    text[word.n] = text[n] = '\0';
    if (is_known(u, text)) {
        snprintf(why, IT_USERS_WHY, "there is a user %.100s already", text);
        it_free(u->alloc, text);
        return IT_ERR_EXISTS;
    }
    u->v[u->n++] = (it_stun_user){text, text + n + 1};
    return 0;
}

int it_users_read(it_users *u, it_bytes text, int *line, char why[IT_USERS_WHY])
{
    int err = 0;
    for (*line = 1; text.n && err == 0; ++*line) {
        const uint8_t *nl = memchr(text.p, '\n', text.n);
        size_t n = nl ? (size_t)(nl - text.p) : text.n, all = nl ? n + 1 : n;
        if (n && text.p[n - 1] == '\r')
            n--;
        if (n && text.p[0] != '#')
            err = it_users_add(u, it_bytes_of(text.p, n), why);
        text = it_bytes_of(text.p + all, text.n - all);
        if (err < 0)
            return err;
    }
    return 0;
}
