/* Any fragments of four datagrams, put together, beside a map of every byte that says what has to become of each.
 *
 * What holds: a fragment is a copy, contradicts, waits or completes as the map says; a whole datagram has the bytes
 * that came first, side by side; a merged one reads as one; deadlines are those of first fragments; nothing is lost. */
#include "netsim/box/defrag.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define DGRAMS 4
#define BYTES 65536
#define WAIT (30 * IT_SEC)

/* What has come of a datagram. */
typedef struct mirror {
    bool there, ended;
    it_time until;
    uint32_t end; /* behind the highest byte that is known of */
    uint32_t pieces;
    bool has[BYTES];
    uint8_t byte[BYTES];
} mirror;

typedef struct frag {
    unsigned id;
    uint32_t off, n;
    bool more;
    uint8_t fill;
} frag;

static mirror M[DGRAMS];

static void mirror_end(mirror *m)
{
    if (!m->there)
        return;
    memset(m->has, 0, sizeof m->has);
    m->there = m->ended = false;
    m->end = m->pieces = 0;
}

static uint32_t had(const mirror *m, uint32_t from, uint32_t to)
{
    uint32_t n = 0;
    for (uint32_t i = from; i < to; i++)
        n += m->has[i];
    return n;
}

/* RFC 791 section 3.2: what is known of the length is contradicted. */
static bool contradicts(mirror *m, const frag *f)
{
    uint32_t end = f->off + f->n;
    if (end + 20 > 65535 || f->n == 0)
        return true;
    if (!f->more && (end < m->end || (m->ended && end != m->end)))
        return true;
    if (f->more && m->ended && end > m->end)
        return true;
    m->ended |= !f->more;
    m->end = end > m->end ? end : m->end;
    return false;
}

typedef enum verdict { WAITS, WHOLE, COPY, ENDS } verdict;

static verdict mirror_take(mirror *m, it_time now, const frag *f)
{
    if (!m->there)
        m->until = now + WAIT;
    m->there = true;
    if (contradicts(m, f))
        return ENDS;
    uint32_t overlap = had(m, f->off, f->off + f->n);
    if (overlap == f->n)
        return COPY;
    if (overlap)
        return ENDS;
    memset(m->has + f->off, 1, f->n);
    memset(m->byte + f->off, f->fill, f->n);
    m->pieces++;
    return m->ended && had(m, 0, m->end) == m->end ? WHOLE : WAITS;
}

/* The fragment that the input says; NULL: no packet. */
static it_pkt *next_fragment(fuzz *z, it_pkt_pool *pool, frag *f)
{
    uint8_t b[IT_PKT_MAX] = {0x45, [8] = 64, [9] = IT_PROTO_UDP, [12] = 10, [16] = 11};
    unsigned how = fuzz_u8(z), where = fuzz_u8(z), size = fuzz_u8(z);
    f->id = how & 3;
    f->more = (how & 4) != 0;
    f->off = (how & 8 ? 8191 - where : where & 31) * 8u;
    f->n = how & 16 ? size * 5u : (size & 31) * 8u;
    f->fill = fuzz_u8(z);
    bool df = (how & 32) != 0;
    size_t all = 20 + f->n;
    it_put16(b + 2, (uint16_t)all);
    it_put16(b + 4, (uint16_t)f->id);
    it_put16(b + 6, (uint16_t)(f->off / 8 | (f->more ? 0x2000 : 0) | (df ? 0x4000 : 0)));
    memset(b + 20, f->fill, f->n);
    it_put16(b + 10, it_sum_fold(it_sum_add(0, b, 20)));
    if (f->more)
        f->n -= f->n % 8; /* the rest is cut off */
    it_pkt *p = it_pkt_new(pool);
    if (p && it_pkt_parse(p, it_bytes_of(b, all)) == 0 && p->frag != 0)
        return p;
    if (p)
        it_pkt_free(pool, p);
    return NULL;
}

static uint32_t free_list(it_pkt_pool *pool, it_pkt *p)
{
    uint32_t n = 0;
    for (it_pkt *next; p; p = next, n++) {
        next = p->next;
        it_pkt_free(pool, p);
    }
    return n;
}

static void check_whole(const mirror *m, it_pkt *list)
{
    uint32_t at = 0, n = 0;
    for (const it_pkt *p = list; p; p = p->next, n++) {
        const uint8_t *ip = p->buf + p->head, *data = ip + 20;
        uint32_t size = p->len - 20u;
        MUST((it_get16(ip + 6) & 0x1fff) * 8u == at && size > 0);
        MUST(((it_get16(ip + 6) & 0x2000) != 0) == (p->next != NULL));
        MUST(memcmp(data, m->byte + at, size) == 0);
        at += size;
    }
    MUST(at == m->end && n == m->pieces);
    (void)it_defrag_sum_ok(list);
    if (!it_defrag_merge(list))
        return;
    MUST(list->len == 20 + m->end && list->frag == 0);
    MUST(memcmp(list->buf + list->head + 20, m->byte, m->end) == 0);
    MUST(it_sum_fold(it_sum_add(0, list->buf + list->head, 20)) == 0);
}

static void expire(it_defrag *d, it_pkt_pool *pool, it_time now)
{
    it_time first = IT_NEVER;
    it_pkt *list;
    for (unsigned i = 0; i < DGRAMS; i++)
        if (M[i].there && M[i].until < first)
            first = M[i].until;
    MUST(it_defrag_next(d) == first);
    while ((list = it_defrag_expired(d, now))) {
        mirror *m = &M[it_get16(list->buf + list->head + 4) & 3];
        MUST(m->there && m->until <= now && free_list(pool, list) == m->pieces);
        mirror_end(m);
    }
    MUST(it_defrag_next(d) > now);
}

static void one(it_defrag *d, it_pkt_pool *pool, it_time now, it_pkt *p, const frag *f)
{
    static const uint64_t MEMORY = 1u << 16;
    mirror *m = &M[f->id];
    bool full = d->held > MEMORY;
    it_defrag_out out = it_defrag_input(d, now, p, WAIT, MEMORY);
    MUST((out.reason == IT_DROP_FRAG_LIMIT) == full);
    verdict v = full ? COPY : mirror_take(m, now, f);
    switch (v) {
    case WAITS:
        MUST(out.fate == IT_DEFRAG_WAITS);
        return;
    case WHOLE:
        MUST(out.fate == IT_DEFRAG_WHOLE);
        check_whole(m, out.list);
        free_list(pool, out.list);
        break;
    case COPY: /* it alone */
        MUST(out.fate == IT_DEFRAG_DROPS && free_list(pool, out.list) == 1);
        return;
    case ENDS:
        MUST(out.fate == IT_DEFRAG_DROPS && out.why && free_list(pool, out.list) == m->pieces + 1);
        break;
    }
    mirror_end(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz z = {data, size};
    it_alloc mem;
    it_pkt_pool pool;
    it_defrag d;
    it_time now = 0;
    it_pkt *list;
    it_alloc_init(&mem);
    it_pkt_pool_init(&pool, &mem);
    it_defrag_init(&d, &mem);
    for (unsigned i = 0; i < DGRAMS; i++)
        mirror_end(&M[i]);
    while (z.n) {
        frag f;
        now += (it_time)fuzz_u8(&z) * 100 * IT_MS;
        it_pkt *p = next_fragment(&z, &pool, &f);
        expire(&d, &pool, now);
        if (p)
            one(&d, &pool, now, p, &f);
    }
    while ((list = it_defrag_flush(&d)))
        free_list(&pool, list);
    MUST(d.held == 0 && pool.live == 0);
    it_defrag_fini(&d);
    it_pkt_pool_fini(&pool);
    MUST(mem.live == 0);
    return 0;
}
