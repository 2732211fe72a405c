/* Mailboxes in the order they came to be; places of those that are gone are used again. */
#include "stack/signal/mailbox.h"

#include "base/rng.h"

void it_mailboxes_init(it_mailboxes *m, it_alloc *alloc, size_t most, size_t each, uint64_t secret)
{
    *m = (it_mailboxes){.alloc = alloc, .most = most, .each = each, .secret = secret};
    it_map_init(&m->by_name, alloc, 1);
    it_map_init(&m->by_source, alloc, 2);
}

/* A hash of |text| that who does not know the secret cannot aim at. */
static uint64_t hash_text(const it_mailboxes *m, it_bytes text)
{
    uint64_t h = it_hash_mix(m->secret, text.n), word = 0;
    for (size_t i = 0; i < text.n; i++) {
        word = word << 8 | text.p[i];
        if (i % 8 == 7)
            h = it_hash_mix(h, word);
    }
    return it_hash_mix(h, word);
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
    it_map_fini(&m->by_name);
    it_map_fini(&m->by_source);
    m->v = NULL;
    m->n = m->cap = 0;
}

/* Whether |b| counts for |source|. */
static bool is_of(const it_mailbox *b, it_ip source)
{
    return !b->kept && it_ip_eq(b->source, source);
}

/* Whether |source| has as many places as one may. */
static bool has_enough(const it_mailboxes *m, it_ip source)
{
    size_t n = 0;
    for (size_t i = 0; m->each && i < m->n; i++)
        n += is_of(&m->v[i], source);
    return m->each && n >= m->each;
}

/* When the place of |b| may be another mailbox's of its source: at once where it keeps no letters any more, else when
 * it has none and its session has had the time to come back. IT_NEVER: not while it is open, or letters wait. */
static it_time free_at(const it_mailbox *b)
{
    if (!b->used)
        return b->left;
    if (b->left == IT_NEVER || b->first)
        return IT_NEVER;
    return b->left + IT_MAILBOX_AWAY;
}

/* The place of |source| that another mailbox of it may have at |now|: of those that keep no letters any more the one
 * that was left first, else of those that are empty; |m|->n: none. */
static size_t own_place(const it_mailboxes *m, it_time now, it_ip source)
{
    size_t place = m->n;
    for (size_t i = 0; i < m->n; i++) {
        const it_mailbox *b = &m->v[i];
        if (!is_of(b, source) || free_at(b) > now)
            continue;
        bool first = place == m->n || b->used < m->v[place].used;
        if (first || (b->used == m->v[place].used && b->left < m->v[place].left))
            place = i;
    }
    return place;
}

it_time it_mailboxes_when(const it_mailboxes *m, it_ip source, it_time keep)
{
    it_time least = IT_NEVER;
    for (size_t i = 0; i < m->n; i++) {
        const it_mailbox *b = &m->v[i];
        if (!is_of(b, source) || b->left == IT_NEVER)
            continue;
        it_time at = b->first ? b->left + keep : free_at(b);
        least = at < least ? at : least;
    }
    return least;
}

/* Place |i| is another mailbox's from now on. */
static int clear_place(it_mailboxes *m, size_t i)
{
    empty_mailbox(m, &m->v[i]);
    if (m->v[i].filled)
        it_map_del(&m->by_name, &m->v[i].hash);
    it_free(m->alloc, m->v[i].refused);
    m->v[i] = (it_mailbox){.used = false};
    return (int)i;
}

/* A place for one more mailbox of |source|: behind the others while there may be more, else that which was left first,
 * of its own where it has as many as it may. |used| is below |most|. Returns it, IT_ERR_LIMIT or IT_ERR_NOMEM. */
static int make_place(it_mailboxes *m, it_time now, it_ip source)
{
    size_t place = m->n;
    if (has_enough(m, source)) {
        place = own_place(m, now, source);
        return place < m->n ? clear_place(m, place) : IT_ERR_LIMIT;
    }
    if (m->n < m->most) {
        if (it_grow(m->alloc, &m->v, &m->cap, m->n + 1, sizeof *m->v) < 0)
            return IT_ERR_NOMEM;
        m->v[m->n++] = (it_mailbox){.used = false};
        return (int)m->n - 1;
    }
    place = m->n;
    for (size_t i = 0; i < m->n; i++)
        if (!m->v[i].used && (place == m->n || m->v[i].left < m->v[place].left))
            place = i;
    IT_ASSERT(place < m->n);
    return clear_place(m, place);
}

it_mailbox *it_mailboxes_find(const it_mailboxes *m, it_bytes name)
{
    uint32_t i = it_map_get1(&m->by_name, hash_text(m, name));
    if (i == IT_MAP_NONE || !it_bytes_eq(name, it_bytes_str(m->v[i].name)))
        return NULL;
    return &m->v[i];
}

/* Place |b| is used from now on. */
static void use_place(it_mailboxes *m, it_mailbox *b, it_time now)
{
    b->used = true;
    b->link = IT_MAILBOX_NONE;
    b->left = now;
    m->used++;
}

/* Makes mailbox |name| in a new place. As it_mailboxes_open. */
static int make_mailbox(it_mailboxes *m, it_time now, it_bytes name, it_ip source)
{
    uint64_t hash = hash_text(m, name);
    if (it_map_get1(&m->by_name, hash) != IT_MAP_NONE)
        return IT_ERR_FULL; /* another name of the same hash */
    int place = make_place(m, now, source);
    if (place < 0)
        return place;
    it_mailbox *b = &m->v[place];
    if (it_map_put(&m->by_name, &hash, (uint32_t)place) < 0)
        return IT_ERR_NOMEM;
    b->filled = true;
    b->hash = hash;
    b->source = source;
    memcpy(b->name, name.p, name.n);
    use_place(m, b, now);
    return place;
}

int it_mailboxes_open(it_mailboxes *m, it_time now, it_bytes name, it_ip source)
{
    it_mailbox *b = it_mailboxes_find(m, name);
    if (b && b->used)
        return (int)(b - m->v);
    if (m->used >= m->most || name.n > IT_SIGNAL_NAME)
        return IT_ERR_FULL;
    if (!b)
        return make_mailbox(m, now, name, source);
    use_place(m, b, now);
    return (int)(b - m->v);
}

int it_mailboxes_keep(it_mailboxes *m, it_bytes name)
{
    m->most++;
    int i = it_mailboxes_open(m, IT_NEVER, name, (it_ip){0, 0});
    if (i < 0)
        return i;
    m->v[i].kept = true;
    return 0;
}

void it_mailboxes_give(const it_mailboxes *m, it_mailbox *b, it_ip source)
{
    if (!it_ip_eq(b->source, source) && !has_enough(m, source))
        b->source = source;
}

void it_mailboxes_forget(it_mailboxes *m, it_time before)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->v[i].used && m->v[i].left <= before)
            empty_mailbox(m, &m->v[i]);
}

/* --- its session --- */

bool it_mailbox_was_of(const it_mailboxes *m, const it_mailbox *b, it_bytes key)
{
    uint64_t hash = hash_text(m, key);
    for (unsigned i = 0; i < b->n_gone && i < IT_MAILBOX_KEYS; i++)
        if (b->gone[i] == hash)
            return true;
    return false;
}

void it_mailbox_take_over(const it_mailboxes *m, it_mailbox *b, it_bytes key)
{
    if (it_bytes_eq(key, it_bytes_str(b->key)))
        return;
    if (b->key[0])
        b->gone[b->n_gone++ % IT_MAILBOX_KEYS] = hash_text(m, it_bytes_str(b->key));
    memset(b->key, 0, sizeof b->key);
    memcpy(b->key, key.p, key.n);
    b->taken = 0; /* it counts from 1 */
    b->n_refused = 0;
}

int it_mailbox_refuse(it_mailboxes *m, it_mailbox *b, uint64_t id, enum it_refusal why)
{
    if (b->n_refused == IT_MAILBOX_REFUSALS)
        return IT_ERR_FULL;
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

/* Bytes of |source| that wait. */
static uint32_t waiting_of(const it_mailboxes *m, it_ip source)
{
    uint32_t n = it_map_get(&m->by_source, (const uint64_t[]){source.hi, source.lo});
    return n == IT_MAP_NONE ? 0 : n;
}

/* Of |source| so many bytes wait now. Returns 0 or IT_ERR_NOMEM, which fewer never are. */
static int set_waiting(it_mailboxes *m, it_ip source, uint32_t n)
{
    const uint64_t key[] = {source.hi, source.lo};
    if (n)
        return it_map_put(&m->by_source, key, n);
    it_map_del(&m->by_source, key);
    return 0;
}

bool it_mailboxes_hold(const it_mailboxes *m, it_ip source, size_t n)
{
    return !m->each || waiting_of(m, source) + sizeof(it_letter) + n <= IT_MAILBOX_SOURCE;
}

int it_mailbox_put(it_mailboxes *m, it_mailbox *b, const char *from, it_ip source, it_bytes data, bool base64)
{
    it_letter *l = it_malloc(m->alloc, sizeof *l + data.n);
    uint32_t size = (uint32_t)(sizeof *l + data.n);
    if (!l || (m->each && set_waiting(m, source, waiting_of(m, source) + size) < 0)) {
        it_free(m->alloc, l);
        return IT_ERR_NOMEM;
    }
    *l = (it_letter){.seq = ++m->seq, .base64 = base64, .source = source, .n = data.n};
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
        if (m->each)
            (void)set_waiting(m, l->source, waiting_of(m, l->source) - (uint32_t)(sizeof *l + l->n));
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

size_t it_mailbox_of_source(const it_mailbox *b, it_ip source, size_t *bytes)
{
    size_t n = 0;
    *bytes = 0;
    for (const it_letter *l = b->first; l; l = l->next) {
        if (!it_ip_eq(l->source, source))
            continue;
        n++;
        *bytes += l->n;
    }
    return n;
}
