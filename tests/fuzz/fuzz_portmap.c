/* NAT-PMP and PCP: any bytes read; what was read and is written reads the same; then server and client fed by decisions
 * of the input. */
#include "stack/portmap/client.h"
#include "stack/portmap/server.h"
#include "tests/fuzz/fuzz.h"

static void messages(it_bytes b)
{
    uint8_t buf[IT_PORTMAP_MAX + 8];
    it_portmap_msg m, again;
    int rc = it_portmap_parse(&m, b);
    MUST(rc == 0 || rc == IT_ERR_PARSE || rc == IT_ERR_UNSUPPORTED);
    MUST(m.n_filters <= IT_PORTMAP_FILTERS);
    if (rc == IT_ERR_UNSUPPORTED)
        MUST(m.result && !(m.response && m.version == IT_PORTMAP_PCP));
    if (rc)
        return;
    it_bytes out = it_portmap_write(&m, buf, sizeof buf);
    MUST(out.n);
    MUST(it_portmap_parse(&again, out) == 0);
    MUST(again.op == m.op && again.internal == m.internal && again.lifetime == m.lifetime &&
         again.n_filters == m.n_filters && again.unfilter == m.unfilter && again.third_party == m.third_party &&
         again.prefer_failure == m.prefer_failure && it_addr_eq(again.peer, m.peer));
    for (size_t i = 0; i < m.n_filters; i++)
        MUST(again.filters[i].port == m.filters[i].port && again.filters[i].who.bits == m.filters[i].who.bits &&
             it_ip_eq(again.filters[i].who.ip, m.filters[i].who.ip));
}

/* The box: results and lifetimes as the wish itself says. */
static void box(it_portmap_server *s, it_time now)
{
    it_portmap_want w;
    while (it_portmap_server_want(s, &w) == 1) {
        MUST(w.n_filters <= IT_PORTMAP_FILTERS && (w.pcp || !w.peer.port));
        it_portmap_done d = {(uint8_t)(w.external.port % 14), it_addr_of(it_ip4(0xcb007101u), w.external.port),
                             w.lifetime};
        if (w.internal.port % 5 == 0)
            d.lifetime = w.internal.port % 2 ? UINT32_MAX : 17;
        it_portmap_server_done(s, now, &d);
    }
}

static void drain(it_portmap_server *s, it_portmap_client *c, it_time now)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io o;
    it_portmap_event ev;
    it_portmap_msg m;
    box(s, now);
    while (it_portmap_server_output(s, now, &o, buf, sizeof buf) == 1) {
        MUST(o.data.n <= IT_PORTMAP_MAX && o.data.n >= 8);
        MUST(o.data.p[1] & 0x80);
        if (o.data.p[0] == IT_PORTMAP_PCP)
            MUST(o.data.n >= 24 && o.data.n % 4 == 0);
        (void)!it_portmap_parse(&m, o.data);
    }
    while (it_portmap_client_output(c, now, &o, buf, sizeof buf) == 1)
        MUST(o.data.n && it_portmap_parse(&m, o.data) == 0);
    while (it_portmap_client_event(c, &ev) == 1)
        MUST(ev.how);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz f = {data, size};
    it_alloc mem;
    it_time now = 0;
    it_alloc_init(&mem);
    uint8_t *whole = fuzz_exact(it_bytes_of(data, size));
    messages(it_bytes_of(whole, size));
    free(whole);
    uint8_t how = fuzz_u8(&f);
    it_addr gw = it_addr_of(it_ip4(0x0a000001), IT_PORTMAP_PORT), me = it_addr_of(it_ip4(0x0a000002), 4000);
    it_portmap_server_cfg sc = {
        .alloc = &mem, .natpmp = how & 1, .pcp = !(how & 2), .third_party = how & 4, .quota = how & 8 ? 2 : 0};
    it_portmap_client_cfg cc = {.alloc = &mem,
                                .server = gw,
                                .local = me,
                                .proto = 17,
                                .internal = 5000,
                                .prefer_failure = how & 16,
                                .external = 7};
    cc.peer = how & 32 ? it_addr_of(it_ip4(0xc6336401u), 9) : cc.peer;
    cc.n_filters = how & 64 ? 1 : 0;
    cc.filters[0] = (it_portmap_filter){{it_ip4(0xc6336400u), 120}, 0};
    it_rng_init(&cc.rng, 1, "me");
    it_portmap_server *s = it_portmap_server_new(&sc, 0);
    it_portmap_client *c = it_portmap_client_new(&cc, 0);
    MUST(s && c);
    while (f.n) {
        uint8_t what = fuzz_u8(&f);
        it_bytes b = fuzz_bytes(&f);
        uint8_t *exact = fuzz_exact(b);
        it_io in = {.kind = IT_IO_DGRAM,
                    .flow = what & 3,
                    .local = gw,
                    .remote = what & 1 ? me : gw,
                    .data = it_bytes_of(exact, b.n)};
        now += (it_time)(what >> 4) * 20 * IT_SEC;
        MUST(it_portmap_server_input(s, now, &in) >= 0 && it_portmap_client_input(c, now, &in) >= 0);
        drain(s, c, now);
        MUST(it_portmap_client_tick(c, now) == 0 && it_portmap_server_tick(s, now) == 0);
        if (what == 255)
            it_portmap_client_release(c, now);
        if (what == 254)
            (void)!it_portmap_client_filter(c, now, cc.filters, 1);
        if (what == 253)
            it_portmap_client_ask(c, now);
        if (what == 252)
            it_portmap_server_reset(s, now, gw.ip);
        drain(s, c, now);
        free(exact);
    }
    it_portmap_client_free(c);
    it_portmap_server_free(s);
    MUST(mem.live == 0);
    return 0;
}
