/* UPnP: heads, elements, URLs, numbers of any bytes; then the gateway and the control point fed by decisions of the
 * input. */
#include "stack/portmap/upnp_client.h"
#include "stack/portmap/upnp_server.h"
#include "stack/portmap/upnp_text.h"
#include "tests/fuzz/fuzz.h"

static void inside(it_bytes view, it_bytes whole)
{
    MUST(view.n == 0 || (view.p >= whole.p && view.p + view.n <= whole.p + whole.n));
}

static void texts(it_bytes b)
{
    it_upnp_head h;
    it_bytes v, path;
    it_addr a;
    uint32_t n;
    int rc = it_upnp_head_parse(&h, b);
    MUST(rc == 1 || rc == 0 || rc == IT_ERR_PARSE);
    if (rc == 1) {
        MUST(h.size <= b.n);
        for (int i = 0; i < 3; i++)
            inside(h.word[i], b);
        if (it_upnp_header(&h, "st", &v))
            inside(v, b);
    }
    if (it_upnp_element(b, "service", &v))
        inside(v, b);
    if (it_upnp_url(b, &a, &path) == 0)
        MUST(path.n && path.p[0] == '/');
    if (it_upnp_number(b, 70000, &n) == 0)
        MUST(n <= 70000);
}

static void drain(it_upnp_server *s, it_upnp_client *c, it_time now)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io o;
    it_portmap_want w;
    it_portmap_event ev;
    while (it_upnp_server_want(s, &w) == 1)
        it_upnp_server_done(s, now, (uint8_t)(w.external.port % 14), it_addr_of(it_ip4(0xcb007101u), w.external.port));
    while (it_upnp_server_output(s, now, &o, buf, sizeof buf) == 1)
        MUST(o.data.n <= sizeof buf);
    while (it_upnp_client_output(c, now, &o, buf, sizeof buf) == 1)
        MUST(o.data.n <= sizeof buf);
    while (it_upnp_client_event(c, &ev) == 1)
        MUST(ev.how);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz f = {data, size};
    it_alloc mem;
    it_time now = 0;
    it_alloc_init(&mem);
    texts(it_bytes_of(data, size));
    uint8_t how = fuzz_u8(&f);
    it_addr gw = it_addr_of(it_ip4(0x0a000001), 1900), me = it_addr_of(it_ip4(0x0a000002), 4000);
    it_upnp_server_cfg sc = {.alloc = &mem,
                             .http = gw,
                             .version = (uint8_t)(1 + (how & 1)),
                             .permanent_only = how & 2,
                             .same_ports = how & 4};
    it_portmap_client_cfg cc = {.alloc = &mem, .local = me, .proto = 17, .internal = 5000, .listens = how & 8};
    it_rng_init(&sc.rng, 1, "gw");
    it_rng_init(&cc.rng, 1, "me");
    it_upnp_server *s = it_upnp_server_new(&sc);
    it_upnp_client *c = it_upnp_client_new(&cc, 0);
    MUST(s && c);
    while (f.n) {
        uint8_t what = fuzz_u8(&f);
        it_bytes b = fuzz_bytes(&f);
        uint8_t *exact = fuzz_exact(b);
        static const enum it_io_kind KINDS[] = {IT_IO_DGRAM,    IT_IO_OPENED, IT_IO_ACCEPTED, IT_IO_DATA,
                                                IT_IO_WRITABLE, IT_IO_FIN,    IT_IO_RST,      IT_IO_DATA};
        it_io in = {.kind = KINDS[what & 7],
                    .flow = (uint32_t)(what >> 3 & 3),
                    .local = gw,
                    .remote = gw,
                    .data = it_bytes_of(exact, b.n)};
        it_io served = in; /* streams that the server accepted, or the first one that it opened to a subscriber */
        served.flow = in.flow ? IT_IO_ACCEPTED_FLOW + in.flow : 1;
        now += (it_time)(what >> 5) * IT_SEC;
        if (in.flow == 3)
            in.flow = IT_IO_ACCEPTED_FLOW; /* of an event */
        MUST(it_upnp_server_input(s, now, &served) >= 0 && it_upnp_client_input(c, now, &in) >= 0);
        drain(s, c, now);
        MUST(it_upnp_client_tick(c, now) == 0 && it_upnp_server_tick(s, now) == 0);
        if (what == 254)
            it_upnp_server_reset(s, it_ip4(0xcb007102u));
        if (what == 255)
            it_upnp_client_release(c, now);
        drain(s, c, now);
        free(exact);
    }
    it_upnp_client_free(c);
    it_upnp_server_free(s);
    MUST(mem.live == 0);
    return 0;
}
