/* Mailboxes in the order they came to be; places of those that are gone are used again. */
#include "stack/signal/mailbox.h"

void it_mailboxes_init(it_mailboxes *m, it_alloc *alloc, size_t most)
{
    *m = (it_mailboxes){.alloc = alloc, .most = most};
}

static void empty_mailbox(it_mailboxes *m, it_mailbox *b)
{
    (void)it_mailbox_ack(m, b, UINT64_MAX);
    m->used -= b->used;
    b->used = false;
}

void it_mailboxes_fini(it_mailboxes *m)
{
    for (size_t i = 0; i < m->n; i++)
        empty_mailbox(m, &m->v[i]);
    it_free(m->alloc, m->v);
    m->v = NULL;
    m->n = m->cap = 0;
}

int it_mailboxes_open(it_mailboxes *m, it_time now, it_bytes name)
{
    size_t place = m->n;
    for (size_t i = 0; i < m->n; i++) {
        if (m->v[i].used && it_bytes_eq(name, it_bytes_str(m->v[i].name)))
            return (int)i;
        if (!m->v[i].used && place == m->n)
            place = i;
    }
    if (m->used >= m->most || name.n > IT_SIGNAL_NAME)
        return IT_ERR_FULL;
    if (it_grow(m->alloc, &m->v, &m->cap, place + 1, sizeof *m->v) < 0)
        return IT_ERR_NOMEM;
    m->v[place] = (it_mailbox){.used = true, .link = IT_MAILBOX_NONE, .left = now};
    memcpy(m->v[place].name, name.p, name.n);
    m->n += place == m->n;
    m->used++;
    return (int)place;
}

void it_mailboxes_forget(it_mailboxes *m, it_time before)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->v[i].used && m->v[i].left <= before)
            empty_mailbox(m, &m->v[i]);
}

it_time it_mailboxes_oldest(const it_mailboxes *m)
{
    it_time least = IT_NEVER;
    for (size_t i = 0; i < m->n; i++)
        if (m->v[i].used && m->v[i].left < least)
            least = m->v[i].left;
    return least;
}

int it_mailbox_put(it_mailboxes *m, it_mailbox *b, const char *from, it_bytes data, bool base64)
{
    it_letter *l = it_malloc(m->alloc, sizeof *l + data.n);
    if (!l)
        return IT_ERR_NOMEM;
    *l = (it_letter){.seq = ++b->seq, .base64 = base64, .n = data.n};
    memcpy(l->from, from, strlen(from) + 1);
    if (data.n)
        memcpy(l->data, data.p, data.n);
    if (b->last)
        b->last->next = l;
    else
        b->first = l;
    b->last = l;
    b->n++;
    b->bytes += data.n;
    return 0;
}

size_t it_mailbox_ack(it_mailboxes *m, it_mailbox *b, uint64_t seq)
{
    size_t n = 0;
    while (b->first && b->first->seq <= seq) {
        it_letter *l = b->first;
        b->first = l->next;
        b->n--;
        b->bytes -= l->n;
        it_free(m->alloc, l);
        n++;
    }
    if (!b->first)
        b->last = NULL;
    return n;
}

const it_letter *it_mailbox_after(const it_mailbox *b, uint64_t seq)
{
    const it_letter *l = b->first;
    while (l && l->seq <= seq)
        l = l->next;
    return l;
}
