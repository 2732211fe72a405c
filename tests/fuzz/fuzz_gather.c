/* Any packets, kept until their datagrams are whole, and any quotes in ICMP errors.
 *
 * What holds: a whole datagram's pieces lie side by side from 0 on and only the last says that no more follow, nothing
 * is lost or given twice, the bounds hold, and what is read of a quote lies in the packet. */
#include "netsim/box/gather.h"
#include "netsim/box/quote.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static uint32_t free_chain(it_pkt_pool *pool, it_pkt *p)
{
    uint32_t n = 0;
    while (p) {
        it_pkt *next = p->next;
        it_pkt_free(pool, p);
        p = next;
        n++;
    }
    return n;
}

static void check_whole(const it_pkt *p)
{
    uint32_t at = 0;
    for (; p; p = p->next) {
        it_piece f = it_piece_of(p);
        MUST(f.at == at && f.n > 0);
        MUST(f.more == (p->next != NULL));
        MUST(f.data >= p->buf + p->head && f.data + f.n <= p->buf + p->head + p->len);
        at += f.n;
    }
    MUST(at <= 65535);
}

static void check_quote(const it_pkt *p)
{
    it_quote q;
    if (!it_pkt_is_icmp_error(p) || !it_quote_read(&q, p))
        return;
    const uint8_t *end = p->buf + p->head + p->len;
    MUST(q.l4 > p->buf + p->head && q.l4 + q.n == end);
    MUST(it_ip_is4(q.src) == (p->ver == 4) || p->ver == 6);
}

/* A fragment or anything else, from the input. */
static it_pkt *next_packet(fuzz *f, it_pkt_pool *pool)
{
    uint8_t b[IT_PKT_MAX] = {0};
    unsigned how = fuzz_u8(f);
    size_t n = (fuzz_u8(f) & 31) * 8u, head = how & 1 ? 48 : 20;
    uint16_t at = (uint16_t)((fuzz_u8(f) & 31) * 8);
    if (how & 1) {
        b[0] = 0x60;
        it_put16(b + 4, (uint16_t)(8 + n));
        b[6] = 44;
        b[8] = b[24] = 0x20;
        b[40] = 99;
        it_put16(b + 42, (uint16_t)(at | (how & 2 ? 1 : 0)));
        b[47] = (uint8_t)(how >> 6);
    } else {
        b[0] = 0x45;
        it_put16(b + 2, (uint16_t)(20 + n));
        b[5] = (uint8_t)(how >> 6);
        it_put16(b + 6, (uint16_t)(at / 8 | (how & 2 ? 0x2000 : 0)));
        b[9] = 99;
        b[12] = b[16] = 10;
        it_put16(b + 10, it_sum_fold(it_sum_add(0, b, 20)));
    }
    it_bytes ip = how & 4 ? fuzz_bytes(f) : it_bytes_of(b, head + n);
    it_pkt *p = it_pkt_new(pool);
    if (!p || it_pkt_parse(p, ip) == 0)
        return p;
    it_pkt_free(pool, p);
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz f = {data, size};
    it_alloc mem;
    it_pkt_pool pool;
    it_gather g;
    it_time now = 0;
    it_alloc_init(&mem);
    it_pkt_pool_init(&pool, &mem);
    memset(&g, 0, sizeof g);
    while (f.n) {
        int side = fuzz_u8(&f) & 1, from;
        it_pkt *p = next_packet(&f, &pool), *out;
        now += (it_time)fuzz_u8(&f) * 100 * IT_MS;
        while ((out = it_gather_expired(&g, now, &from)))
            free_chain(&pool, out);
        if (!p)
            continue;
        check_quote(p);
        if (p->frag == 0) {
            it_pkt_free(&pool, p);
            continue;
        }
        while ((out = it_gather_crowded(&g, p, side, &from)))
            free_chain(&pool, out);
        enum it_gathered how = it_gather_add(&g, now, side, p, &out);
        if (how == IT_GATHERED_WHOLE)
            check_whole(out);
        if (how != IT_GATHERED_KEPT)
            free_chain(&pool, out);
        MUST(pool.live == g.n && g.n <= IT_GATHER_PIECES);
    }
    it_gather_flush(&g, &pool);
    MUST(pool.live == 0);
    it_pkt_pool_fini(&pool);
    MUST(mem.live == 0);
    return 0;
}
