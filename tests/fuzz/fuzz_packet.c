/* The packet parser, and rewriting: whatever parses keeps right checksums right and wrong ones wrong through any
 * rewriting, and its cache agrees with its bytes. The first byte chooses what is done to it. */
#include "netsim/core/packet.h"
#include "tests/fuzz/fuzz.h"

/* The cache of |p| says what its bytes say. */
static void agrees(it_pkt_pool *pool, const it_pkt *p)
{
    it_pkt *q = it_pkt_new(pool);
    MUST(q && it_pkt_parse(q, it_pkt_bytes(p)) == 0);
    MUST(it_ip_eq(p->src, q->src) && it_ip_eq(p->dst, q->dst) && p->sport == q->sport && p->dport == q->dport);
    MUST(p->len == q->len && p->l4 == q->l4 && p->ck == q->ck && p->ver == q->ver && p->proto == q->proto &&
         p->frag == q->frag && p->ports == q->ports);
    it_pkt_free(pool, q);
}

static void errors_about(it_pkt_pool *pool, it_pkt *p)
{
    static const uint8_t TYPES[2][3] = {{3, 11, 12}, {1, 3, 2}};
    it_pkt *e = it_pkt_new(pool);
    it_ip src = p->ver == 4 ? it_ip4(0xc6336401) : (it_ip){0x20010db800000000ULL, 1};
    MUST(e);
    for (int i = 0; i < 3; i++)
        if (it_pkt_icmp_error(e, src, p, TYPES[p->ver == 6][i], 0, 0) == 0) {
            MUST(it_pkt_cksum_ok(e) && it_pkt_is_icmp_error(e));
            agrees(pool, e);
        }
    it_pkt_free(pool, e);
}

static void rewrite(it_pkt_pool *pool, it_pkt *p, fuzz *f)
{
    for (int i = 0; i < 4; i++) {
        uint32_t v4 = fuzz_u32(f);
        uint16_t port = fuzz_u16(f);
        it_ip ip = p->ver == 4 ? it_ip4(v4) : (it_ip){0x20010db800000000ULL | v4, (uint64_t)v4 << 9 | 1};
        bool ok = p->frag || it_pkt_cksum_ok(p);
        if (v4 & 1)
            it_pkt_set_src(p, ip, port);
        else
            it_pkt_set_dst(p, ip, port);
        agrees(pool, p);
        MUST(p->frag || !ok || it_pkt_cksum_ok(p));
        if (it_pkt_hop(p))
            agrees(pool, p);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    it_alloc mem;
    it_pkt_pool pool;
    fuzz f = {data, size};
    it_alloc_init(&mem);
    it_pkt_pool_init(&pool, &mem);
    it_bytes ip = fuzz_bytes(&f);
    uint8_t *exact = fuzz_exact(ip);
    it_pkt *p = it_pkt_new(&pool);
    MUST(p);
    if (it_pkt_parse(p, it_bytes_of(exact, ip.n)) == 0) {
        agrees(&pool, p);
        it_bytes payload = it_pkt_payload(p);
        MUST(payload.n == 0 || (payload.p >= it_pkt_ip(p) && payload.p + payload.n <= it_pkt_ip(p) + p->len));
        errors_about(&pool, p);
        rewrite(&pool, p, &f);
    }
    it_pkt_free(&pool, p);
    MUST(pool.live == 0);
    it_pkt_pool_fini(&pool);
    MUST(mem.live == 0);
    free(exact);
    return 0;
}
