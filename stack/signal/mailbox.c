/* Mailboxes in the order they came to be; places of those that are gone are used again. */
#include "stack/signal/mailbox.h"

void it_mailboxes_init(it_mailboxes *m, it_alloc *alloc, size_t most)
{
    *m = (it_mailboxes){.alloc = alloc, .most = most};
}

/* |b| keeps no letters any more. */
static void empty_mailbox(it_mailboxes *m, it_mailbox *b)
{
    (void)it_mailbox_ack(m, b, UINT64_MAX);
    m->used -= b->used;
    b->used = false;
}

void it_mailboxes_fini(it_mailboxes *m)
{
    for (size_t i = 0; i < m->n; i++) {
        empty_mailbox(m, &m->v[i]);
        it_free(m->alloc, m->v[i].refused);
    }
    it_free(m->alloc, m->v);
    m->v = NULL;
    m->n = m->cap = 0;
}

static size_t find_mailbox(const it_mailboxes *m, it_bytes name)
{
    size_t i = 0;
    while (i < m->n && !(m->v[i].filled && it_bytes_eq(name, it_bytes_str(m->v[i].name))))
        i++;
    return i;
}

/* A place for one more mailbox: behind the others while there may be more, else that which was left first. |used| is
 * below |most|. Returns it, or IT_ERR_NOMEM. */
static int make_place(it_mailboxes *m)
{
    size_t place = m->n;
    if (m->n < m->most) {
        if (it_grow(m->alloc, &m->v, &m->cap, m->n + 1, sizeof *m->v) < 0)
            return IT_ERR_NOMEM;
        m->v[m->n++] = (it_mailbox){.used = false};
        return (int)place;
    }
    for (size_t i = 0; i < m->n; i++)
        if (!m->v[i].used && (place == m->n || m->v[i].left < m->v[place].left))
            place = i;
    IT_ASSERT(place < m->n);
    it_free(m->alloc, m->v[place].refused);
    m->v[place] = (it_mailbox){.used = false};
    return (int)place;
}

int it_mailboxes_open(it_mailboxes *m, it_time now, it_bytes name)
{
    size_t i = find_mailbox(m, name);
    if (i < m->n && m->v[i].used)
        return (int)i;
    if (m->used >= m->most || name.n > IT_SIGNAL_NAME)
        return IT_ERR_FULL;
    int place = i < m->n ? (int)i : make_place(m);
    if (place < 0)
        return place;
    it_mailbox *b = &m->v[place];
    b->used = b->filled = true;
    b->link = IT_MAILBOX_NONE;
    b->left = now;
    memcpy(b->name, name.p, name.n);
    m->used++;
    return place;
}

void it_mailboxes_forget(it_mailboxes *m, it_time before)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->v[i].used && m->v[i].left <= before)
            empty_mailbox(m, &m->v[i]);
}

/* --- its session --- */

bool it_mailbox_was_of(const it_mailbox *b, it_bytes key)
{
    for (unsigned i = 0; i < b->n_gone && i < IT_MAILBOX_KEYS; i++)
        if (it_bytes_eq(key, it_bytes_str(b->gone[i])))
            return true;
    return false;
}

void it_mailbox_take_over(it_mailbox *b, it_bytes key)
{
    if (it_bytes_eq(key, it_bytes_str(b->key)))
        return;
    if (b->key[0])
        memcpy(b->gone[b->n_gone++ % IT_MAILBOX_KEYS], b->key, sizeof b->key);
    memset(b->key, 0, sizeof b->key);
    memcpy(b->key, key.p, key.n);
    b->taken = 0; /* it counts from 1 */
    b->n_refused = 0;
}

int it_mailbox_refuse(it_mailboxes *m, it_mailbox *b, uint64_t id, enum it_refusal why)
{
    if (b->n_refused == IT_MAILBOX_REFUSALS)
        memmove(b->refused, b->refused + 1, --b->n_refused * sizeof *b->refused);
    if (it_grow(m->alloc, &b->refused, &b->cap_refused, b->n_refused + 1, sizeof *b->refused) < 0)
        return IT_ERR_NOMEM;
    b->refused[b->n_refused++] = (it_refused){id, why};
    return 0;
}

void it_mailbox_knows(it_mailbox *b, uint64_t id)
{
    size_t n = 0;
    while (n < b->n_refused && b->refused[n].id <= id)
        n++;
    b->n_refused -= n;
    if (n && b->n_refused)
        memmove(b->refused, b->refused + n, b->n_refused * sizeof *b->refused);
}

const it_refused *it_mailbox_refusal(const it_mailbox *b, uint64_t id)
{
    for (size_t i = 0; i < b->n_refused; i++)
        if (b->refused[i].id == id)
            return &b->refused[i];
    return NULL;
}

/* --- its letters --- */

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
    *l = (it_letter){.seq = ++m->seq, .base64 = base64, .n = data.n};
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

size_t it_mailbox_count(const it_mailbox *b, uint64_t seq)
{
    size_t n = 0;
    for (const it_letter *l = b->first; l && l->seq <= seq; l = l->next)
        n++;
    return n;
}
