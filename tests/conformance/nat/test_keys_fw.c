/* Every key of a firewall's policy, one after the other: changed alone, it changes what comes out of the box for the
 * same traffic, or the box is refused with a sentence. The walk goes over the key table itself, so a key without a row
 * here, or without an effect, fails. What proxies, portals and tunnels do with their keys, as apps of lab, is shown by
 * scenarios, and named here. */
#include "lab/profile/impl.h"
#include "tests/conformance/nat/keys.h"
#include "tests/netsim/box.h"

#include <lauxlib.h>
#include <stdlib.h>

typedef struct row {
    const char *key, *base, *changed; /* changed NULL: |base| must be refused */
} row;

#define UDP "udp = { filtering = 'APDF' }"
#define TCP "tcp = { filtering = 'APDF' }"
#define TRACKED TCP ", conntrack = true"
#define TCP_TIME(key) "tcp = { filtering = 'APDF', timeout = { " key " = '50s' } }, conntrack = true"

static const row ROWS[] = {
    {"udp", "", "udp = 'block'"},
    {"tcp", "", "tcp = 'block'"},
    {"udp.mapping", "udp = { mapping = 'APDM' }", NULL},
    {"udp.filtering", UDP, "udp = { filtering = 'ADF' }"},
    {"udp.filtering", UDP, "udp = { filtering = 'EIF' }"},
    {"udp.timeout", UDP, "udp = { filtering = 'APDF', timeout = '50s' }"},
    {"udp.stream", UDP, "udp = { filtering = 'APDF', stream = '50s' }"},
    {"udp.rate_pps", "", "udp = { rate_pps = 10, burst = 30 }"},
    {"udp.burst", "udp = { rate_pps = 10, burst = 30 }", "udp = { rate_pps = 10, burst = 5 }"},
    {"udp.max_flow_age", "", "udp = { max_flow_age = '50s' }"},
    {"tcp.filtering", TCP, "tcp = { filtering = 'ADF' }"},
    {"tcp.filtering", TCP, "tcp = { filtering = 'EIF' }"},
    {"tcp.syn_in", TCP, "tcp = { filtering = 'APDF', syn_in = 'rst' }"},
    {"tcp.syn_in", TCP, "tcp = { filtering = 'APDF', syn_in = 'icmp' }"},
    {"tcp.syn_in", TCP, "tcp = { filtering = 'APDF', syn_in = 'hold6' }"},
    {"tcp.loose", TCP, "tcp = { filtering = 'APDF', loose = true }"},
    {"tcp.timeout.syn", TCP, "tcp = { filtering = 'APDF', timeout = { syn = '50s' } }"},
    {"tcp.timeout.est", TCP, "tcp = { filtering = 'APDF', timeout = { est = '50s' } }"},
    {"tcp.timeout.fin", TCP, "tcp = { filtering = 'APDF', timeout = { fin = '50s' } }"},
    {"tcp.timeout.close", TCP, "tcp = { filtering = 'APDF', timeout = { close = '50s' } }"},
    {"tcp.timeout.syn_recv", TRACKED, TCP_TIME("syn_recv")},
    {"tcp.timeout.close_wait", TRACKED, TCP_TIME("close_wait")},
    {"tcp.timeout.last_ack", TRACKED, TCP_TIME("last_ack")},
    {"tcp.timeout.timewait", TRACKED, TCP_TIME("timewait")},
    {"tcp.timeout.unacked", TRACKED, TCP_TIME("unacked")},
    {"tcp.idle", TCP, "tcp = { filtering = 'APDF', idle = '50s' }"},
    {"tcp.kill", "tcp = { idle = '50s' }", "tcp = { idle = '50s', kill = 'rst' }"},
    {"tcp.kill", "tcp = { idle = '50s' }", "tcp = { idle = '50s', kill = 'late-rst' }"},
    {"tcp.max_flow_age", TCP, "tcp = { filtering = 'APDF', max_flow_age = '50s' }"},
    {"tcp.rst_ports", TCP, "tcp = { filtering = 'APDF', rst_ports = { 80 } }"},
    {"tcp.rst_after", "tcp = { filtering = 'APDF', rst_ports = { 80 } }",
     "tcp = { filtering = 'APDF', rst_ports = { 80 }, rst_after = '3KiB' }"},
    {"udp_out", "udp_out = { 53 }", "udp_out = { 53, 443 }"},
    {"tcp_out", "tcp_out = { 80 }", "tcp_out = { 80, 443 }"},
    {"udp_in", UDP, UDP ", udp_in = { 6000 }"},
    {"tcp_in", TCP, TCP ", tcp_in = { 22 }"},
    {"police.up.pps", "", "police = { up = { pps = 10, burst = 30 } }"},
    {"police.up.burst", "police = { up = { pps = 10, burst = 30 } }", "police = { up = { pps = 10, burst = 5 } }"},
    {"police.up.rate", "", "police = { up = { rate = '10kbps', bucket = '2KiB' } }"},
    {"police.up.bucket", "police = { up = { rate = '10kbps', bucket = '2KiB' } }",
     "police = { up = { rate = '10kbps', bucket = '3KiB' } }"},
    {"police.down.pps", "", "police = { down = { pps = 10, burst = 30 } }"},
    {"police.down.burst", "police = { down = { pps = 10, burst = 30 } }",
     "police = { down = { pps = 10, burst = 5 } }"},
    {"police.down.rate", "", "police = { down = { rate = '10kbps', bucket = '2KiB' } }"},
    {"police.down.bucket", "police = { down = { rate = '10kbps', bucket = '2KiB' } }",
     "police = { down = { rate = '10kbps', bucket = '3KiB' } }"},
    {"ipsec", UDP, UDP ", ipsec = true"},
    {"conntrack", TCP, TRACKED},
    {"icmp_timeout", UDP, UDP ", icmp_timeout = '50s'"},
    {"other_timeout", UDP, UDP ", other_timeout = '50s'"},
    {"ingress", "", "ingress = true"},
    {"one2one", "one2one = false", NULL},
    {"tls_mitm", "", "tls_mitm = true"},
    {"ws_upgrade", "", "ws_upgrade = 'strip'"},
    {"until_login", "", "until_login = '50s', http_redirect = '10.0.0.1'"},
};
#define N_ROWS ((int)(sizeof ROWS / sizeof *ROWS))

/* Of apps on the box's own host, and of the way behind it: scenarios/walls/proxies.lua and hostile.lua. */
static const char *const ELSEWHERE[] = {"proxy.type",       "proxy.addr",  "proxy.allow_ports", "proxy.auth",
                                        "proxy.scheme",     "portal_tls",  "portal_says",       "tls_intercept",
                                        "tls_pass",         "proxy.idle",  "proxy.udp",         "tunnel.mtu",
                                        "tunnel.extra_rtt", "tunnel.exit", "http_redirect",     NULL};

static it_access_profile profile(const char *lua, int want)
{
    char err[IT_PROFILE_ERR] = "";
    it_access_profile p;
    memset(&p, 0, sizeof p);
    it_fw_profile_init(&p.fw);
    lua_State *L = luaL_newstate();
    ck_assert_ptr_nonnull(L);
    lua_pushfstring(L, "return { %s }", lua);
    ck_assert_msg(luaL_dostring(L, lua_tostring(L, -1)) == LUA_OK, "%s", lua);
    int rc = it_fw_profile_set(&p, L, lua_gettop(L), "set", err);
    ck_assert_msg((rc == 0) == (want == 0) && (rc == 0) == (*err == '\0'), "%s: %s", lua, err);
    lua_close(L);
    return p;
}

static box B;
static uint64_t Seen;

/* Takes in what came out; the box's own edge counts as inside. */
static void note(void)
{
    Seen = it_hash_mix(Seen, B.n_got);
    for (size_t i = 0; i < B.n_got; i++) {
        Seen = it_hash_mix(Seen, (uint64_t)B.got[i].side << 16 | B.got[i].p.len);
        for (size_t k = 0; k < B.got[i].p.len; k++)
            Seen = it_hash_mix(Seen, it_pkt_ip(&B.got[i].p)[k]);
    }
    B.n_got = 0;
}

static void at(it_time t)
{
    box_at(&B, t);
    note();
}

static void udp(int side, const char *from, const char *to)
{
    box_udp(&B, side, A(from), A(to));
    note();
}

static void tcp(int side, const char *from, const char *to, uint8_t flags, uint32_t seq, uint32_t ack, size_t n)
{
    box_tcp(&B, side, &(seg){A(from), A(to), flags, seq, ack, n});
    note();
}

#define C "10.0.0.2"
#define S "198.51.100.1"

static void open_to(const char *c, const char *s)
{
    tcp(IT_NAT_LAN, c, s, SYN, 1000, 0, 0);
    tcp(IT_NAT_WAN, s, c, SYN | ACK, 9000, 1001, 0);
    tcp(IT_NAT_LAN, c, s, ACK, 1001, 9001, 0);
}

/* A connection that goes |steps| steps from its SYN and answer to its end. */
static void close_to(const char *c, const char *s, int steps)
{
    if (steps == 0) {
        tcp(IT_NAT_LAN, c, s, SYN, 1000, 0, 0);
        tcp(IT_NAT_WAN, s, c, SYN | ACK, 9000, 1001, 0);
        return;
    }
    open_to(c, s);
    tcp(IT_NAT_LAN, c, s, FIN | ACK, 1001, 9001, 0);
    tcp(IT_NAT_WAN, s, c, ACK, 9001, 1002, 0);
    if (steps > 1)
        tcp(IT_NAT_WAN, s, c, FIN | ACK, 9001, 1002, 0);
    if (steps > 2)
        tcp(IT_NAT_LAN, c, s, ACK, 1002, 9002, 0);
}

static const char *const PORTS[] = {S ":53", S ":80", S ":443", S ":5000"};

/* One packet of every flow of before, and of the protocols without ports. */
static void send_again(void)
{
    uint8_t buf[IT_PKT_MAX];
    for (int i = 0; i < 4; i++) {
        char to[32];
        udp(IT_NAT_WAN, PORTS[i], C ":5000");
        snprintf(to, sizeof to, C ":%d", 7000 + i);
        tcp(IT_NAT_WAN, PORTS[i], to, ACK, 10201, 2201, 10);
        tcp(IT_NAT_LAN, to, PORTS[i], ACK, 2201, 10211, 10);
    }
    tcp(IT_NAT_WAN, S ":80", C ":7100", SYN | ACK, 9000, 2, 0);
    tcp(IT_NAT_WAN, S ":80", C ":7200", ACK, 9001, 1002, 10);
    tcp(IT_NAT_WAN, S ":80", C ":7300", ACK, 9001, 1001, 10);
    tcp(IT_NAT_WAN, S ":80", C ":7500", SYN | ACK, 9000, 1001, 0);
    for (int i = 6; i < 10; i++) {
        char to[32];
        snprintf(to, sizeof to, C ":7%d00", i);
        tcp(IT_NAT_WAN, S ":80", to, ACK, 9001, 1001, 0);
    }
    box_put(&B, 1, box_ip_bytes(buf, I(S), I(C), 50, it_bytes_str("a protected packet")));
    note();
    box_query(&B, 1, I(S), I(C), 0, 40);
    note();
}

/* Names, a call, connections in every phase, strangers, a burst each way; then the same flows after 100 s of silence.
 */
static uint64_t observe(const char *lua)
{
    uint8_t buf[IT_PKT_MAX];
    it_access_profile p = profile(lua, 0);
    Seen = 1;
    box_open_fw(&B, &p.fw);
    it_link_cfg cfg = {.name = "own"};
    ck_assert_int_eq(it_fw_own(B.fw, I("10.0.0.1")), 0);
    it_node *own = it_edge_new(B.w, "own", "eth");
    ck_assert_int_ge(it_link_new(B.w, &cfg, own, 0, it_fw_node(B.fw), IT_FW_OWN), 0);
    for (int i = 0; i < 4; i++) {
        udp(IT_NAT_LAN, C ":5000", PORTS[i]);
        udp(IT_NAT_WAN, PORTS[i], C ":5000");
        char from[32];
        snprintf(from, sizeof from, C ":%d", 7000 + i);
        open_to(from, PORTS[i]);
        tcp(IT_NAT_WAN, PORTS[i], from, ACK, 9001, 1001, 1200);
        tcp(IT_NAT_LAN, from, PORTS[i], ACK, 1001, 10201, 1200);
    }
    static const char *const OTHERS[] = {S ":999", "198.51.100.9:999"};
    for (int i = 0; i < 2; i++) {
        udp(IT_NAT_WAN, OTHERS[i], C ":5000");
        udp(IT_NAT_WAN, OTHERS[i], C ":6000");
        tcp(IT_NAT_WAN, OTHERS[i], C ":7000", SYN, 1, 0, 0);
        tcp(IT_NAT_WAN, OTHERS[i], C ":22", SYN, 1, 0, 0);
    }
    tcp(IT_NAT_LAN, C ":7100", S ":80", SYN, 1, 0, 0); /* not answered */
    open_to(C ":7200", S ":80");
    tcp(IT_NAT_LAN, C ":7200", S ":80", FIN | ACK, 1001, 9001, 0); /* half closed */
    open_to(C ":7300", S ":80");
    tcp(IT_NAT_WAN, S ":80", C ":7300", RST | ACK, 9001, 1001, 0); /* reset */
    tcp(IT_NAT_LAN, C ":7400", S ":80", ACK, 1, 1, 0);             /* of nobody knows what */
    close_to(C ":7500", S ":80", 0);
    close_to(C ":7600", S ":80", 1);
    close_to(C ":7700", S ":80", 2);
    close_to(C ":7800", S ":80", 3);
    open_to(C ":7900", S ":80");
    tcp(IT_NAT_LAN, C ":7900", S ":80", ACK, 1001, 9001, 10); /* not acknowledged */
    tcp(IT_NAT_LAN, C ":7900", S ":80", ACK, 1011, 12345, 0); /* acknowledges what was not sent */
    for (int side = 1; side >= 0; side--) {
        box_put(&B, side, box_ip_bytes(buf, I(side ? S : C), I(side ? C : S), 50, it_bytes_str("a protected packet")));
        note();
        box_query(&B, side, I(side ? S : C), I(side ? C : S), 8, (uint16_t)(40 + side));
        note();
    }
    udp(IT_NAT_LAN, "[2001:db8::2]:5000", "[fd00::1]:5000"); /* not of the internet */
    for (int i = 0; i < 50; i++) {
        udp(IT_NAT_LAN, C ":5000", S ":5000");
        udp(IT_NAT_WAN, S ":5000", C ":5000");
    }
    at(7 * IT_SEC);
    udp(IT_NAT_LAN, C ":5000", S ":443"); /* not its last */
    at(100 * IT_SEC);
    send_again();
    box_close(&B);
    return Seen;
}

START_TEST(a_changed_value_changes_what_comes_out)
{
    const row *r = &ROWS[_i];
    if (!r->changed) {
        (void)profile(r->base, -1);
        return;
    }
    uint64_t was = observe(r->base), is = observe(r->changed);
    ck_assert_msg(was != is, "%s has no effect: { %s } and { %s }", r->key, r->base, r->changed);
    ck_assert_msg(observe(r->base) == was, "%s: not the same twice", r->key);
}
END_TEST

static bool is_shown(const char *path)
{
    for (int i = 0; i < N_ROWS; i++)
        if (strcmp(ROWS[i].key, path) == 0)
            return true;
    for (int i = 0; ELSEWHERE[i]; i++)
        if (strcmp(ELSEWHERE[i], path) == 0)
            return true;
    return false;
}

static void has_row(const char *path)
{
    ck_assert_msg(is_shown(path), "nothing shows that firewall.%s has an effect", path);
}

START_TEST(every_key_of_a_policy_has_its_row)
{
    ck_assert_int_eq(keys_walk(it_keys_fw, "", has_row), 62);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/profile_keys firewall");
    TCase *c = tcase_create("profile keys");
    tcase_set_timeout(c, 60);
    tcase_add_test(c, every_key_of_a_policy_has_its_row);
    tcase_add_loop_test(c, a_changed_value_changes_what_comes_out, 0, N_ROWS);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
