/* Every key of a NAT profile, one after the other: changed alone, it changes what a bench outside of the box sees, or
 * the box is refused with a sentence. The walk goes over the key table itself, so a key without a row here, or without
 * an effect, fails. */
#include "conformance/nat/measure.h"
#include "lab/profile/impl.h"
#include "lab/apps/service.h"
#include "stack/portmap/msg.h"
#include "stack/portmap/upnp_text.h"
#include "tests/conformance/nat/keys.h"
#include "tests/conformance/nat/see.h"

#include <check.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static it_alloc Mem;

/* --- what the measurements of `icetank nat` do not cover; each begins with a box of its own --- */

/* The external port of host |x|'s |port| towards S1:|to|, 0 when nothing came out. */
static int64_t port_of(it_probe *b, int x, uint16_t port, uint16_t to)
{
    return it_probe_map(b, it_xp(x, port), it_sp(1, to)).port;
}

/* In which half of the ports a low port is. */
static int64_t see_class(it_probe *b)
{
    return port_of(b, 1, 500, 80) < 1024;
}

/* How far the ports of two flows are apart that begin 10 s after each other. */
static int64_t see_step(it_probe *b)
{
    int64_t first = port_of(b, 1, 5000, 80);
    it_probe_wait(b, 10 * IT_SEC);
    return port_of(b, 1, 5001, 80) - first;
}

static int64_t see_neighbour(it_probe *b)
{
    return port_of(b, 1, 5001, 80) - port_of(b, 1, 5000, 80) == 1 ||
           port_of(b, 1, 5003, 80) - port_of(b, 1, 5002, 80) == 1;
}

/* After the SYN out a segment comes in that fits nothing. */
static int64_t see_misfit(it_probe *b)
{
    it_addr x = it_xp(1, 5000), s = it_sp(1, 80), e = it_probe_tcp_out(b, x, s, IT_TCP_SYN);
    return it_probe_tcp_in(b, s, e, IT_TCP_FIN | IT_TCP_ACK, x);
}

/* How many of 20 flows of one host, to as many servers, get out at once. */
static int64_t see_flows(it_probe *b)
{
    int64_t n = 0;
    for (int i = 1; i <= 20; i++)
        n += !it_ip_none(it_probe_map(b, it_xp(1, 5000), it_sp(i, 80)).ip);
    return n;
}

/* How many of 20 ports of one host get a mapping. */
static int64_t see_ports(it_probe *b)
{
    int64_t n = 0;
    for (uint16_t i = 0; i < 20; i++)
        n += port_of(b, 1, (uint16_t)(5000 + i), 80) != 0;
    return n;
}

/* Whether ten mappings of one host lie close together. */
static int64_t see_block(it_probe *b)
{
    int64_t lo = 65536, hi = 0;
    for (uint16_t i = 0; i < 10; i++) {
        int64_t p = port_of(b, 1, (uint16_t)(5000 + i), 80);
        lo = p < lo ? p : lo;
        hi = p > hi ? p : hi;
    }
    return hi - lo < 64;
}

/* Whether a host comes back to its block after everything in it ended. */
static int64_t see_block_again(it_probe *b)
{
    int64_t first = port_of(b, 1, 5000, 80);
    it_probe_wait(b, 10 * 60 * IT_SEC);
    int64_t d = port_of(b, 1, 5001, 80) - first;
    return d > -8 && d < 8;
}

/* Whether another host gets the only port as soon as it is free. */
static int64_t see_reuse(it_probe *b)
{
    (void)port_of(b, 1, 5000, 80);
    it_probe_wait(b, 31 * IT_SEC);
    return port_of(b, 2, 5000, 80) != 0;
}

/* Whether a port stays what it is. */
static int64_t see_same_port(it_probe *b)
{
    return port_of(b, 1, 5000, 80) == 5000;
}

static size_t raw_udp(uint8_t *out, const char *from, const char *to)
{
    it_addr f, t;
    it_pkt p;
    ck_assert(it_addr_parse(&f, from) == 0 && it_addr_parse(&t, to) == 0);
    memset(&p, 0, offsetof(it_pkt, buf));
    ck_assert_int_eq(it_pkt_udp(&p, f, t, it_bytes_str("hello")), 0);
    memcpy(out, it_pkt_ip(&p), p.len);
    return p.len;
}

/* Which of some packets from inside come out: IPv4, under the well-known prefix, under another one; and as which
 * version. */
static int64_t see_family(it_probe *b)
{
    static const char *const TO[][2] = {{"10.0.0.2:5000", "198.51.100.1:80"},
                                        {"[2001:db8:6::2]:5000", "[64:ff9b::c633:6401]:80"},
                                        {"[2001:db8:6::2]:5001", "[2001:db8:64::c633:6401]:80"}};
    int64_t v = 0;
    for (int i = 0; i < 3; i++) {
        uint8_t buf[IT_PKT_MAX];
        size_t n = raw_udp(buf, TO[i][0], TO[i][1]);
        b->n_got = 0;
        if (it_edge_send(b->edge[IT_SIDE_IN], b->now, it_bytes_of(buf, n), 0) < 0)
            return IT_MEASURE_NONE;
        it_probe_wait(b, IT_MS);
        const it_pkt *p = it_probe_out(b, IT_SIDE_OUT, 0);
        v = v * 10 + (p && p->proto == IT_PROTO_UDP && it_ip_eq(p->src, it_probe_e(0)) ? p->ver : 0);
    }
    return v;
}

/* What the box's own server answers to NAT-PMP and to PCP: the results, or silence. */
static int64_t see_portmap(it_probe *b)
{
    int64_t v = 0;
    void *o = it_service_portmap(&Mem, b->nat, b->now);
    ck_assert_ptr_nonnull(o);
    for (uint8_t version = 0; version <= 2; version += 2) {
        uint8_t buf[IT_PORTMAP_MAX], out[IT_PORTMAP_MAX];
        it_portmap_msg m = {.version = version, .op = IT_PORTMAP_ANNOUNCE, .client = it_probe_x(1)}, r;
        it_io in = {.kind = IT_IO_DGRAM,
                    .flow = 1,
                    .local = {it_probe_x(99), IT_PORTMAP_PORT},
                    .remote = it_xp(1, 5000),
                    .data = it_portmap_write(&m, buf, sizeof buf)},
              io;
        ck_assert_int_ge(it_app_portmap.input(o, b->now, &in), 0);
        bool told = it_app_portmap.output(o, b->now, &io, out, sizeof out) == 1 &&
                    it_portmap_parse(&r, io.data) != IT_ERR_PARSE;
        v = v * 100 + (told ? r.result : 99);
    }
    it_app_portmap.free(o);
    return v;
}

/* What the box's own server answers to what the switches of PCP are about: results, each two digits. */
static int64_t see_pcp(it_probe *b)
{
    int64_t v = 0;
    void *o = it_service_portmap(&Mem, b->nat, b->now);
    ck_assert_ptr_nonnull(o);
    for (int k = 0; k < 6; k++) {
        uint8_t buf[IT_PORTMAP_MAX], out[IT_PORTMAP_MAX];
        it_portmap_msg m = {.version = IT_PORTMAP_PCP,
                            .op = k == 1 ? IT_PORTMAP_PEER : IT_PORTMAP_MAP,
                            .client = it_probe_x(1),
                            .proto = 17},
                       r;
        m.internal = (uint16_t)(5000 + k);
        m.lifetime = 600;
        m.external.ip = it_ip4(0);
        m.peer = k == 1 ? it_sp(1, 80) : m.peer;
        m.third_party = k == 2;
        m.third = it_probe_x(2);
        m.n_filters = k == 3 ? 5 : 0;
        for (size_t i = 0; i < m.n_filters; i++)
            m.filters[i] = (it_portmap_filter){{it_probe_s((int)i + 1), 128}, 0};
        it_io in = {.kind = IT_IO_DGRAM,
                    .flow = 1,
                    .local = {it_probe_x(99), IT_PORTMAP_PORT},
                    .remote = it_xp(1, 5000),
                    .data = it_portmap_write(&m, buf, sizeof buf)},
              io;
        ck_assert_int_ge(it_app_portmap.input(o, b->now, &in), 0);
        ck_assert(it_app_portmap.output(o, b->now, &io, out, sizeof out) == 1 && it_portmap_parse(&r, io.data) == 0);
        v = v * 100 + r.result;
    }
    it_app_portmap.free(o);
    return v;
}

/* What the gateway device answers: to a search for version 2, and the status of a mapping 6000 -> 5000 with a lease
 * that ends. */
static int64_t see_igd(it_probe *b)
{
    static const char SEARCH[] = "M-SEARCH * HTTP/1.1\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: "
                                 "urn:schemas-upnp-org:device:InternetGatewayDevice:2\r\n\r\n";
    static const char BODY[] = "<NewRemoteHost></NewRemoteHost><NewExternalPort>6000</"
                               "NewExternalPort><NewProtocol>UDP</NewProtocol><NewInternalPort>5000"
                               "</NewInternalPort><NewInternalClient>10.0.0.11</NewInternalClient><NewEnabled>1</"
                               "NewEnabled><NewLeaseDuration>60</NewLeaseDuration>";
    char text[800];
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_rng rng;
    it_io io;
    it_bytes code;
    uint32_t v = 0;
    it_addr me = {it_ip4(0x0a00000bu), 4000};
    it_rng_init(&rng, 1, "igd");
    void *o = it_service_igd(&Mem, rng, b->nat, it_probe_x(99));
    ck_assert_ptr_nonnull(o);
    it_io search = {
        .kind = IT_IO_DGRAM, .flow = 1, .local = it_xp(99, 1900), .remote = me, .data = it_bytes_str(SEARCH)};
    ck_assert_int_ge(it_app_igd.input(o, 0, &search), 0);
    int64_t found = it_app_igd.output(o, IT_SEC, &io, buf, sizeof buf);
    int n = snprintf(text, sizeof text,
                     "POST /ctl HTTP/1.1\r\nContent-Length: %zu\r\nSOAPACTION: "
                     "\"urn:schemas-upnp-org:service:WANIPConnection:1#AddPortMapping\"\r\n\r\n%s",
                     sizeof BODY - 1, BODY);
    it_io in[] = {{.kind = IT_IO_ACCEPTED, .flow = IT_IO_ACCEPTED_FLOW, .remote = me, .data = {NULL, 65536}},
                  {.kind = IT_IO_DATA, .flow = IT_IO_ACCEPTED_FLOW, .data = it_bytes_of(text, (size_t)n)}};
    for (int i = 0; i < 2; i++)
        ck_assert_int_ge(it_app_igd.input(o, IT_SEC, &in[i]), 0);
    ck_assert_int_eq(it_app_igd.output(o, IT_SEC, &io, buf, sizeof buf), 1);
    if (it_upnp_element(io.data, "errorCode", &code))
        ck_assert_int_eq(it_upnp_number(code, 999, &v), 0);
    it_app_igd.free(o);
    return found * 1000 + v;
}

/* --- the rows --- */

typedef struct row {
    const char *key;             /* path in the profile */
    const char *base, *changed;  /* Lua tables: what makes the key matter; the same with another value of it alone */
    int64_t (*see)(it_probe *b); /* NULL: the measurement of that name, or ... */
    const char *field;           /* ... of this one */
} row;

#define RANDOM "udp = { alloc = { mode = 'random' } }"
#define SEQ(x) "{ udp = { alloc = { mode = 'sequential', " x " } } }"

static const row ROWS[] = {
    {"udp.mapping", "{}", "{ udp = { mapping = 'ADM' } }", NULL, NULL},
    {"udp.mapping", "{}", "{ udp = { mapping = 'APDM' } }", NULL, NULL},
    {"udp.filtering", "{}", "{ udp = { filtering = 'ADF' } }", NULL, NULL},
    {"udp.filtering", "{}", "{ udp = { filtering = 'EIF' } }", NULL, NULL},
    {"udp.alloc.mode", "{}", "{ " RANDOM " }", NULL, NULL},
    {"udp.alloc.mode", "{}", SEQ(""), NULL, NULL},
    {"udp.alloc.mode", "{ " RANDOM ", block = { size = 8 } }",
     "{ udp = { alloc = { mode = 'det' } }, block = { size = 8 } }", see_block_again, NULL},
    {"udp.alloc.range", "{ udp = { alloc = { mode = 'random', range = { 2000, 2999 } } } }",
     "{ udp = { alloc = { mode = 'random', range = { 3000, 3999 } } } }", NULL, NULL},
    {"udp.alloc.classes", "{ " RANDOM " }",
     "{ udp = { alloc = { mode = 'random', classes = { { 1, 1023 }, { 1024, 65535 } } } } }", see_class, NULL},
    {"udp.alloc.on_clash", "{}", "{ udp = { alloc = { on_clash = 'next' } } }", NULL, NULL},
    {"udp.alloc.on_clash", "{}", "{ udp = { alloc = { on_clash = 'drop' } } }", NULL, NULL},
    {"udp.alloc.on_clash", "{}", "{ udp = { alloc = { on_clash = 'overload' } } }", NULL, NULL},
    {"udp.alloc.step", SEQ("step = 1, parity = false"), SEQ("step = 3, parity = false"), NULL, NULL},
    {"udp.alloc.step", SEQ("step = 1, parity = false"), SEQ("step = -1, parity = false"), NULL, NULL},
    {"udp.alloc.noise", SEQ("parity = false"), SEQ("parity = false, noise = 50"), see_step, NULL},
    {"udp.alloc.parity", "{ " RANDOM " }", "{ udp = { alloc = { mode = 'random', parity = false } } }", NULL, NULL},
    {"udp.alloc.contiguity", "{ " RANDOM " }", "{ udp = { alloc = { mode = 'random', contiguity = true } } }",
     see_neighbour, NULL},
    {"udp.overload", "{}", "{ udp = { overload = true } }", NULL, NULL},
    {"udp.clash_edm", "{ udp = { overload = true } }", "{ udp = { overload = true, clash_edm = true } }", NULL, NULL},
    {"udp.inbound_session", "{ udp = { mapping = 'APDM', filtering = 'EIF' } }",
     "{ udp = { mapping = 'APDM', filtering = 'EIF', inbound_session = false } }", NULL, NULL},
    {"udp.timeout.initial", "{}", "{ udp = { timeout = { initial = '20s' } } }", NULL, NULL},
    {"udp.timeout.replied", "{}", "{ udp = { timeout = { replied = '40s' } } }", NULL, NULL},
    {"udp.timeout.stream", "{}", "{ udp = { timeout = { stream = '200s' } } }", NULL, NULL},
    {"udp.timeout.stream_after", "{}", "{ udp = { timeout = { stream_after = '5s' } } }", NULL, NULL},
    {"udp.refresh.out", "{}", "{ udp = { refresh = { out = false } } }", NULL, NULL},
    {"udp.refresh.inb", "{ udp = { timeout = { stream = '30s' } } }",
     "{ udp = { timeout = { stream = '30s' }, refresh = { inb = false } } }", NULL, NULL},
    {"udp.unsolicited", "{}", "{ udp = { unsolicited = 'reject' } }", NULL, NULL},
    {"udp.unsolicited", "{}", "{ udp = { unsolicited = 'local' } }", NULL, NULL},
    {"tcp.mapping", "{}", "{ tcp = { mapping = 'ADM' } }", NULL, NULL},
    {"tcp.mapping", "{}", "{ tcp = { mapping = 'APDM' } }", NULL, NULL},
    {"tcp.filtering", "{}", "{ tcp = { filtering = 'ADF' } }", NULL, NULL},
    {"tcp.filtering", "{}", "{ tcp = { filtering = 'EIF' } }", NULL, NULL},
    {"tcp.syn_in", "{}", "{ tcp = { syn_in = 'rst' } }", NULL, NULL},
    {"tcp.syn_in", "{}", "{ tcp = { syn_in = 'icmp' } }", NULL, NULL},
    {"tcp.syn_in", "{}", "{ tcp = { syn_in = 'hold6' } }", NULL, NULL},
    {"tcp.timeout.syn", "{}", "{ tcp = { timeout = { syn = '50s' } } }", NULL, NULL},
    {"tcp.timeout.est", "{}", "{ tcp = { timeout = { est = '500s' } } }", NULL, NULL},
    {"tcp.timeout.fin", "{}", "{ tcp = { timeout = { fin = '50s' } } }", NULL, NULL},
    {"tcp.timeout.close", "{}", "{ tcp = { timeout = { close = '5s' } } }", NULL, NULL},
    {"tcp.timeout.timewait", "{}", "{ tcp = { timeout = { timewait = '50s' } } }", NULL, NULL},
    {"tcp.timeout.syn_recv", "{ tcp = { strict = true } }",
     "{ tcp = { strict = true, timeout = { syn_recv = '50s' } } }", NULL, NULL},
    {"tcp.timeout.close_wait", "{ tcp = { strict = true } }",
     "{ tcp = { strict = true, timeout = { close_wait = '50s' } } }", NULL, NULL},
    {"tcp.timeout.last_ack", "{ tcp = { strict = true } }",
     "{ tcp = { strict = true, timeout = { last_ack = '50s' } } }", NULL, NULL},
    {"tcp.timeout.unacked", "{ tcp = { strict = true } }", "{ tcp = { strict = true, timeout = { unacked = '50s' } } }",
     NULL, NULL},
    {"tcp.loose", "{}", "{ tcp = { loose = true } }", NULL, "tcp.without-state"},
    {"tcp.strict", "{}", "{ tcp = { strict = true } }", see_misfit, NULL},
    {"tcp.rst_on_expired", "{}", "{ tcp = { rst_on_expired = true } }", NULL, "tcp.without-state"},
    {"icmp.query_timeout", "{}", "{ icmp = { query_timeout = '70s' } }", NULL, NULL},
    {"icmp.errors", "{}", "{ icmp = { errors = false } }", NULL, NULL},
    {"icmp.kills", "{}", "{ icmp = { kills = true } }", NULL, NULL},
    {"hairpin", "{}", "{ hairpin = 'ext' }", NULL, NULL},
    {"hairpin", "{}", "{ hairpin = 'int' }", NULL, NULL},
    {"fragments", "{}", "{ fragments = 'ordered' }", NULL, NULL},
    {"fragments", "{}", "{ fragments = 'none' }", NULL, NULL},
    {"fragments", "{ fragments = 'ordered' }", "{ fragments = 'none' }", NULL, NULL},
    {"pool.size", "{ pool = { mode = 'arbitrary' } }", "{ pool = { mode = 'arbitrary', size = 3 } }", NULL, NULL},
    {"pool.mode", "{ pool = { size = 4 } }", "{ pool = { size = 4, mode = 'arbitrary' } }", NULL, NULL},
    {"pool.mode", "{ pool = { size = 4 } }", "{ pool = { size = 4, mode = 'persistent' } }", NULL, NULL},
    {"fragments", "{}", "{ fragments = 'reassemble' }", NULL, NULL},
    {"reassembly.timeout", "{ fragments = 'reassemble' }",
     "{ fragments = 'reassemble', reassembly = { timeout = '10s' } }", see_reassembly, NULL},
    {"reassembly.memory", "{ fragments = 'reassemble' }",
     "{ fragments = 'reassemble', reassembly = { memory = '2KiB' } }", see_memory, NULL},
    {"verify", "{}", "{ verify = true }", see_wrong_sum, NULL},
    {"reserved", "{}", "{ reserved = true }", see_reserved, NULL},
    {"other.pass", "{}", "{ other = { pass = true } }", see_esp, NULL},
    {"other.timeout", "{ other = { pass = true } }", "{ other = { pass = true, timeout = '90s' } }", see_esp, NULL},
    {"other.gre", "{ other = { pass = true } }", "{ other = { pass = true, gre = '10s' } }", see_gre, NULL},
    {"other.gre_replied", "{ other = { pass = true } }", "{ other = { pass = true, gre_replied = '300s' } }", see_gre,
     NULL},
    {"table.size", "{}", "{ table = { size = 5 } }", see_flows, NULL},
    {"table.evict", "{ table = { size = 5 } }", "{ table = { size = 5, evict = true } }", see_flows, NULL},
    {"silent", "{ table = { size = 1 } }", "{ table = { size = 1 }, silent = true }", see_refusal, NULL},
    {"icmp.sessions", "{ udp = { filtering = 'EIF' } }", "{ udp = { filtering = 'EIF' }, icmp = { sessions = true } }",
     see_error_of_other, NULL},
    {"icmp.verify_inner", "{}", "{ icmp = { verify_inner = false } }", see_error_wrong_inside, NULL},
    {"udp.refresh.dropped", "{}", "{ udp = { refresh = { dropped = true } } }", see_dropped, NULL},
    {"udp.alloc.tries", "{ udp = { alloc = { mode = 'random', range = { 2000, 2999 }, parity = false } } }",
     "{ udp = { alloc = { mode = 'random', range = { 2000, 2999 }, parity = false, tries = 16 } } }", see_tries, NULL},
    {"limits.ports_per_host", "{}", "{ limits = { ports_per_host = 5 } }", NULL, NULL},
    {"limits.sessions_per_host", "{}", "{ limits = { sessions_per_host = 5 } }", see_flows, NULL},
    {"limits.sessions_per_dest", "{}", "{ limits = { sessions_per_dest = 5 } }", NULL, NULL},
    {"limits.new_per_s", "{}", "{ limits = { new_per_s = 5 } }", see_flows, NULL},
    {"block.size", "{ " RANDOM " }", "{ " RANDOM ", block = { size = 32 } }", see_block, NULL},
    {"block.max", "{ " RANDOM ", block = { size = 8 } }", "{ " RANDOM ", block = { size = 8, max = 1 } }", see_ports,
     NULL},
    {"block.lifetime", "{ " RANDOM ", block = { size = 8 } }", "{ " RANDOM ", block = { size = 8, lifetime = '1h' } }",
     see_block_again, NULL},
    {"port_reuse", "{ udp = { alloc = { range = { 5000, 5000 } } } }",
     "{ udp = { alloc = { range = { 5000, 5000 } } }, port_reuse = '120s' }", see_reuse, NULL},
    {"portmap", "{ portmap = { 'pcp' } }", "{ portmap = { 'natpmp' } }", see_portmap, NULL},
    {"portmap", "{ portmap = { 'pcp' } }", "{ portmap = { 'pcp', 'natpmp' } }", see_portmap, NULL},
    {"igd.version", "{ portmap = { 'upnp' } }", "{ portmap = { 'upnp' }, igd = { version = 1 } }", see_igd, NULL},
    {"igd.permanent", "{ portmap = { 'upnp' } }", "{ portmap = { 'upnp' }, igd = { permanent = true } }", see_igd,
     NULL},
    {"igd.same_ports", "{ portmap = { 'upnp' } }", "{ portmap = { 'upnp' }, igd = { same_ports = true } }", see_igd,
     NULL},
    {"pcp.map", "{ portmap = { 'pcp' } }", "{ portmap = { 'pcp' }, pcp = { map = false } }", see_pcp, NULL},
    {"pcp.peer", "{ portmap = { 'pcp' } }", "{ portmap = { 'pcp' }, pcp = { peer = false } }", see_pcp, NULL},
    {"pcp.third_party", "{ portmap = { 'pcp' } }", "{ portmap = { 'pcp' }, pcp = { third_party = true } }", see_pcp,
     NULL},
    {"pcp.filters", "{ portmap = { 'pcp' } }", "{ portmap = { 'pcp' }, pcp = { filters = 4 } }", see_pcp, NULL},
    {"pcp.quota", "{ portmap = { 'pcp' } }", "{ portmap = { 'pcp' }, pcp = { quota = 4 } }", see_pcp, NULL},
    {"alg", "{}", "{ alg = { 'generic' } }", NULL, NULL},
    {"alg", "{}", "{ alg = { 'ftp' } }", NULL, "unsupported"},
    {"alg", "{}", "{ alg = { 'generic', 'ftp' } }", NULL, "unsupported"},
    {"alg", "{}", "{ alg = { 'sip', 'h323', 'rtsp', 'pptp' } }", NULL, "unsupported"},
    {"state_loss_on_reboot", "{}", "{ state_loss_on_reboot = false }", NULL, NULL},
    {"one2one", "{ " RANDOM " }", "{ " RANDOM ", one2one = true }", see_same_port, NULL},
    {"family", "{}", "{ family = '64', prefix = '64:ff9b::/96' }", see_family, NULL},
    {"prefix", "{ family = '64', prefix = '64:ff9b::/96' }", "{ family = '64', prefix = '2001:db8:64::/96' }",
     see_family, NULL},
};
#define N_ROWS ((int)(sizeof ROWS / sizeof *ROWS))

static it_nat_profile profile(const char *lua)
{
    char err[IT_PROFILE_ERR] = "";
    it_nat_profile p;
    it_nat_profile_init(&p);
    lua_State *L = luaL_newstate();
    ck_assert_ptr_nonnull(L);
    lua_pushfstring(L, "return %s", lua);
    ck_assert_msg(luaL_dostring(L, lua_tostring(L, -1)) == LUA_OK, "%s", lua);
    ck_assert_msg(it_nat_profile_set(&p, L, lua_gettop(L), "set", err) == 0, "%s", err);
    lua_close(L);
    return p;
}

static int64_t observe(const row *r, const char *lua)
{
    it_nat_profile p = profile(lua);
    if (r->field && strcmp(r->field, "unsupported") == 0)
        return it_nat_profile_unbuilt(&p) && it_nat_profile_fault(&p);
    it_measure_ctx c = {.alloc = &Mem, .p = &p, .seed = 5};
    int64_t v;
    if (r->see) {
        it_probe b;
        ck_assert_int_eq(it_probe_init(&b, &Mem, &p, 5), 0);
        v = r->see(&b);
        ck_assert_int_eq(b.err, 0);
        it_probe_fini(&b);
    } else {
        v = it_measure_get(&c, r->field ? r->field : r->key);
        ck_assert_int_eq(c.err, 0);
    }
    ck_assert_msg(v != IT_MEASURE_NONE, "%s does not show with %s", r->key, lua);
    return v;
}

START_TEST(a_changed_value_changes_what_is_seen)
{
    const row *r = &ROWS[_i];
    it_alloc_init(&Mem);
    int64_t was = observe(r, r->base), is = observe(r, r->changed);
    ck_assert_msg(was != is, "%s has no effect: %lld with %s and with %s", r->key, (long long)was, r->base, r->changed);
    ck_assert_int_eq(observe(r, r->base), was);
    ck_assert_int_eq(Mem.live, 0);
}
END_TEST

static void has_row(const char *path)
{
    int n = 0;
    for (int i = 0; i < N_ROWS; i++)
        n += strcmp(ROWS[i].key, path) == 0;
    ck_assert_msg(n > 0, "nothing shows that nat.%s has an effect", path);
}

START_TEST(every_key_of_a_nat_has_its_row)
{
    ck_assert_int_eq(keys_walk(it_keys_nat, "", has_row), 79);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("conformance/keys");
    TCase *c = tcase_create("profile keys");
    tcase_set_timeout(c, 120);
    tcase_add_test(c, every_key_of_a_nat_has_its_row);
    tcase_add_loop_test(c, a_changed_value_changes_what_is_seen, 0, N_ROWS);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
