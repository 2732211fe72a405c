/* RTMFP below its sessions: the first byte chooses. Plain packets with every payload read, certificates, discriminators
 * and keying components, fragments put together, sealed packets that are changed in one bit. */
#include "stack/crypto/ossl.h"
#include "stack/rtmfp/profile/keying.h"
#include "stack/rtmfp/wire/frag.h"
#include "tests/fuzz/fuzz.h"

static void inside(it_bytes whole, it_bytes part)
{
    MUST(part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

static void startup(uint8_t type, it_bytes p)
{
    it_rtmfp_ihello i;
    it_rtmfp_rhello h;
    it_rtmfp_redirect d;
    it_rtmfp_cookie_change c;
    it_rtmfp_iikeying k;
    it_rtmfp_rikeying r;
    it_rd rd;
    if (type == IT_RTMFP_IHELLO && it_rtmfp_ihello_get(p, &i))
        inside(p, i.epd), inside(p, i.tag);
    if (type == IT_RTMFP_FIHELLO && it_rtmfp_fihello_get(p, &i))
        inside(p, i.epd), inside(p, i.tag);
    if (type == IT_RTMFP_RHELLO && it_rtmfp_rhello_get(p, &h))
        inside(p, h.tag), inside(p, h.cookie), inside(p, h.cert);
    if (type == IT_RTMFP_COOKIE_CHANGE && it_rtmfp_cookie_change_get(p, &c))
        inside(p, c.old), inside(p, c.cookie);
    if (type == IT_RTMFP_IIKEYING && it_rtmfp_iikeying_get(p, &k))
        inside(p, k.cert), inside(p, k.component), inside(p, k.signature), inside(p, k.told);
    if (type == IT_RTMFP_RIKEYING && it_rtmfp_rikeying_get(p, &r))
        inside(p, r.component), inside(p, r.signature), inside(p, r.told);
    if (type != IT_RTMFP_REDIRECT || !it_rtmfp_redirect_get(p, &d))
        return;
    it_rd_init(&rd, d.addrs);
    while (rd.n) {
        it_rtmfp_addr_get(&rd);
        MUST(!rd.fail); /* a redirect that is taken is whole */
    }
}

static void acknowledgment(uint8_t type, it_bytes p)
{
    it_rtmfp_ack a;
    uint64_t from, to;
    if (!it_rtmfp_ack_get(type, p, &a))
        return;
    uint64_t at = a.cum;
    for (size_t n = 0; it_rtmfp_ack_next(&a, &from, &to); n++) {
        MUST(from > at && to >= from && n <= p.n * 8);
        at = to;
    }
}

/* What is read of user data is written as the same. */
static void data(const it_rtmfp_data *d)
{
    static uint8_t room[1 << 17];
    it_buf b;
    it_rd r;
    it_rtmfp_chunk c;
    it_rtmfp_data got;
    MUST(d->seq > 0 && d->fsn <= d->seq && (d->fsn < d->seq || d->abandoned));
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_data_put(&b, d, false);
    if (b.overflow)
        return;
    it_rd_init(&r, it_bytes_of(b.p, b.len));
    MUST(it_rtmfp_chunk_next(&r, &c) && it_rtmfp_data_get(c.payload, &got));
    MUST(got.seq == d->seq && got.flow == d->flow && got.fsn == d->fsn && it_bytes_eq(got.data, d->data));
    MUST(got.part == d->part && got.final == d->final && it_bytes_eq(got.options, d->options));
}

static void packet(it_bytes in)
{
    it_rd r;
    it_rtmfp_head h;
    it_rtmfp_chunk c;
    it_rtmfp_data d;
    it_rtmfp_exception e;
    bool any = false;
    if (it_rtmfp_head_get(&r, in, &h))
        return;
    while (it_rtmfp_chunk_next(&r, &c)) {
        inside(in, c.payload);
        startup(c.type, c.payload);
        if (c.type == IT_RTMFP_ACK_BITMAP || c.type == IT_RTMFP_ACK_RANGES)
            acknowledgment(c.type, c.payload);
        if (c.type == IT_RTMFP_FLOW_EXCEPTION)
            it_rtmfp_exception_get(c.payload, &e);
        if (c.type == IT_RTMFP_USER_DATA)
            any = it_rtmfp_data_get(c.payload, &d);
        else if (c.type == IT_RTMFP_NEXT_USER_DATA && any)
            any = it_rtmfp_next_data_get(c.payload, &d) && d.fsn < d.seq;
        else
            continue;
        if (any)
            data(&d);
    }
}

static void profile(it_bytes in)
{
    it_rtmfp_cert cert;
    it_rtmfp_epd epd;
    it_rtmfp_component comp;
    if (it_rtmfp_cert_read(&cert, in) == 0) {
        inside(in, cert.canonical);
        for (unsigned g = 1; g < 8; g <<= 1)
            inside(in, it_rtmfp_cert_key(&cert, (enum it_rtmfp_group)g));
        if (it_rtmfp_epd_read(&epd, in) == 0)
            it_rtmfp_epd_selects(&epd, &cert);
    }
    if (it_rtmfp_component_read(&comp, in) == 0) {
        inside(in, comp.pub);
        MUST(comp.mac_size <= IT_RTMFP_MAC_MOST);
    }
}

static void fragments(fuzz *f)
{
    it_alloc mem;
    it_rtmfp_frags frags;
    it_bytes whole;
    it_time now = 0;
    it_alloc_init(&mem);
    it_rtmfp_frags_init(&frags, &mem);
    while (f->n) {
        uint8_t what = fuzz_u8(f);
        it_rtmfp_fragment p = {.more = what & 1, .id = what >> 1 & 3, .number = fuzz_u8(f), .data = fuzz_bytes(f)};
        it_addr from = it_addr_of(it_ip4(0xc0000201), what >> 3 & 7);
        now += (what >> 6) * 400 * IT_MS;
        if (p.data.n)
            MUST(it_rtmfp_frags_take(&frags, now, from, IT_RTMFP_STARTUP, &p, &whole) >= 0);
        MUST(it_rtmfp_frags_count(&frags, now) <= IT_RTMFP_FRAG_BUFFERS);
    }
    it_rtmfp_frags_fini(&frags);
    MUST(mem.live == 0);
}

static void sealed(uint8_t what, fuzz *f)
{
    it_rtmfp_secrets s = {.encrypt = {1}, .decrypt = {1}, .mac_tx = {2}, .mac_rx = {2}};
    it_rtmfp_keys k;
    uint8_t out[4096], back[4096];
    it_bytes plain;
    s.mac_tx_size = s.mac_rx_size = what & 4 ? 16 : 0;
    s.seq_tx = s.seq_rx = what & 8;
    MUST(it_rtmfp_keys_init(&k, &s) == 0);
    while (f->n) {
        uint16_t bit = fuzz_u16(f);
        it_bytes in = fuzz_bytes(f);
        int n = it_rtmfp_seal(&k, bit, in, out, sizeof out);
        MUST(n > 0 || n == IT_ERR_FULL || in.n == 0);
        if (n < 20)
            continue;
        size_t at = 4 + bit / 8u % ((size_t)n - 4);
        out[at] ^= (uint8_t)(1 << bit % 8);
        int err = it_rtmfp_open(&k, it_bytes_of(out, (size_t)n), back, sizeof back, &plain);
        MUST(err == IT_ERR_AUTH || !s.mac_rx_size);
        out[at] ^= (uint8_t)(1 << bit % 8);
        err = it_rtmfp_open(&k, it_bytes_of(out, (size_t)n), back, sizeof back, &plain);
        MUST(err == 0 || !s.mac_rx_size);
        MUST(err || (plain.n >= in.n && memcmp(plain.p, in.p, in.n) == 0));
    }
    it_rtmfp_keys_wipe(&k);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz f = {bytes, size};
    MUST(it_ossl_init() == 0);
    uint8_t what = fuzz_u8(&f);
    uint8_t *exact = fuzz_exact(it_bytes_of(f.p, f.n));
    it_bytes in = it_bytes_of(exact, f.n);
    switch (what & 3) {
    case 0:
        packet(in);
        break;
    case 1:
        profile(in);
        break;
    case 2:
        fragments(&f);
        break;
    default:
        sealed(what, &f);
        break;
    }
    free(exact);
    return 0;
}
