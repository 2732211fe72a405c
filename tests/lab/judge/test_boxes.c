/* lab/judge/boxes.c: every key of a profile either changes the oracle's box, or has a reason not to. */
#include "lab/judge/boxes.h"

#include "lab/profile/impl.h"
#include "tests/conformance/nat/keys.h"

#include <check.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

/* Another value for a key, as an override; |first|: what has to be said before for it to be of any use. */
typedef struct sample {
    const char *key, *value, *first;
} sample;

static const sample NAT[] = {
    {"udp.mapping", "'APDM'", NULL},
    {"udp.filtering", "'ADF'", NULL},
    {"udp.alloc.mode", "'random'", NULL},
    {"udp.alloc.range", "{ 4000, 5000 }", NULL},
    {"udp.alloc.classes", "{ { 1, 1023 }, { 2000, 65535 } }", NULL},
    {"udp.alloc.on_clash", "'drop'", NULL},
    {"udp.alloc.step", "7", NULL},
    {"udp.alloc.noise", "9", NULL},
    {"udp.alloc.parity", "true", "udp = { alloc = { range = { 4000, 4009 } , parity = false } }"},
    {"udp.alloc.contiguity", "true", NULL},
    {"udp.overload", "true", NULL},
    {"udp.clash_edm", "true", NULL},
    {"udp.inbound_session", "false", NULL},
    {"udp.timeout.initial", "'11s'", NULL},
    {"udp.timeout.replied", "'12s'", NULL},
    {"udp.timeout.stream", "'13s'", NULL},
    {"udp.timeout.stream_after", "'14s'", NULL},
    {"udp.refresh.out", "false", NULL},
    {"udp.refresh.inb", "false", NULL},
    {"udp.unsolicited", "'local'", NULL},
    {"tcp.mapping", "'APDM'", NULL},
    {"tcp.filtering", "'EIF'", NULL},
    {"tcp.syn_in", "'rst'", NULL},
    {"tcp.timeout.syn", "'11s'", NULL},
    {"tcp.timeout.est", "'11s'", NULL},
    {"tcp.timeout.fin", "'11s'", NULL},
    {"tcp.timeout.close", "'11s'", NULL},
    {"tcp.timeout.timewait", "'11s'", NULL},
    {"tcp.timeout.syn_recv", "'11s'", NULL},
    {"tcp.timeout.close_wait", "'11s'", NULL},
    {"tcp.timeout.last_ack", "'11s'", NULL},
    {"tcp.timeout.unacked", "'11s'", NULL},
    {"tcp.loose", "true", NULL},
    {"tcp.strict", "true", NULL},
    {"tcp.rst_on_expired", "true", NULL},
    {"icmp.query_timeout", "'11s'", NULL},
    {"icmp.errors", "false", NULL},
    {"icmp.kills", "true", NULL},
    {"icmp.sessions", "true", NULL},
    {"icmp.verify_inner", "true", NULL},
    {"udp.alloc.tries", "9", NULL},
    {"udp.refresh.dropped", "true", NULL},
    {"reassembly.timeout", "'11s'", NULL},
    {"reassembly.memory", "'9kB'", NULL},
    {"verify", "true", NULL},
    {"reserved", "true", NULL},
    {"other.pass", "true", NULL},
    {"other.timeout", "'11s'", NULL},
    {"other.gre", "'11s'", NULL},
    {"other.gre_replied", "'11s'", NULL},
    {"table.size", "9", NULL},
    {"table.evict", "true", NULL},
    {"silent", "true", NULL},
    {"hairpin", "'ext'", NULL},
    {"fragments", "'none'", NULL},
    {"pool.size", "3", NULL},
    {"pool.mode", "'arbitrary'", NULL},
    {"limits.ports_per_host", "3", NULL},
    {"limits.sessions_per_host", "3", NULL},
    {"limits.sessions_per_dest", "3", NULL},
    {"limits.new_per_s", "3", NULL},
    {"block.size", "8", "block = { size = 64, max = 1 }"},
    {"block.max", "1", "block = { size = 8 }"},
    {"block.lifetime", "'11s'", NULL},
    {"port_reuse", "'11s'", NULL},
    {"portmap", "{ 'pcp' }", NULL},
    {"igd.version", "1", NULL},
    {"igd.permanent", "true", NULL},
    {"igd.same_ports", "true", NULL},
    {"pcp.map", "false", NULL},
    {"pcp.peer", "false", NULL},
    {"pcp.third_party", "true", NULL},
    {"pcp.filters", "3", NULL},
    {"pcp.quota", "3", NULL},
    {"alg", "{ 'generic' }", NULL},
    {"state_loss_on_reboot", "false", NULL},
    {"one2one", "true", NULL},
    {"family", "'64'", "prefix = '64:ff9b::/96'"},
    {"prefix", "'2001:db8:64::/96'", NULL},
};

static const sample FW[] = {
    {"udp", "'block'", NULL},
    {"tcp", "'block'", NULL},
    {"udp.mapping", "'EIM'", "udp = { filtering = 'APDF' }"},
    {"udp.filtering", "'ADF'", "udp = { filtering = 'APDF' }"},
    {"udp.timeout", "'11s'", NULL},
    {"udp.rate_pps", "11", NULL},
    {"udp.burst", "11", "udp = { rate_pps = 5 }"},
    {"udp.max_flow_age", "'11s'", NULL},
    {"udp.stream", "'11s'", NULL},
    {"conntrack", "true", NULL},
    {"icmp_timeout", "'11s'", NULL},
    {"other_timeout", "'11s'", NULL},
    {"tcp.filtering", "'ADF'", NULL},
    {"tcp.syn_in", "'rst'", NULL},
    {"tcp.loose", "true", NULL},
    {"tcp.timeout.syn", "'11s'", NULL},
    {"tcp.timeout.est", "'11s'", NULL},
    {"tcp.timeout.fin", "'11s'", NULL},
    {"tcp.timeout.close", "'11s'", NULL},
    {"tcp.timeout.syn_recv", "'11s'", NULL},
    {"tcp.timeout.close_wait", "'11s'", NULL},
    {"tcp.timeout.last_ack", "'11s'", NULL},
    {"tcp.timeout.timewait", "'11s'", NULL},
    {"tcp.timeout.unacked", "'11s'", NULL},
    {"tcp.idle", "'11s'", NULL},
    {"tcp.kill", "'rst'", "tcp = { idle = '11s' }"},
    {"tcp.max_flow_age", "'11s'", NULL},
    {"tcp.rst_ports", "{ 443 }", NULL},
    {"tcp.rst_after", "'5kB'", "tcp = { rst_ports = { 443 } }"},
    {"udp_out", "{ 443 }", NULL},
    {"tcp_out", "{ 443 }", NULL},
    {"udp_in", "{ 443 }", NULL},
    {"tcp_in", "{ 443 }", NULL},
    {"police.up.pps", "11", NULL},
    {"police.up.burst", "11", "police = { up = { pps = 5 } }"},
    {"police.up.rate", "'5Mbps'", NULL},
    {"police.up.bucket", "'5kB'", "police = { up = { rate = '5Mbps' } }"},
    {"police.down.pps", "11", NULL},
    {"police.down.burst", "11", "police = { down = { pps = 5 } }"},
    {"police.down.rate", "'5Mbps'", NULL},
    {"police.down.bucket", "'5kB'", "police = { down = { rate = '5Mbps' } }"},
    {"ipsec", "true", NULL},
    {"ingress", "true", NULL},
    {"one2one", "true", NULL},
    {"proxy.type", "'socks5'", "proxy = { addr = '10.9.9.9:1080', type = 'http-connect' }"},
    {"proxy.addr", "'10.9.9.8:1080'", "proxy = { addr = '10.9.9.9:1080', type = 'socks5' }"},
    {"proxy.allow_ports", "{ 443 }", "proxy = { addr = '10.9.9.9:1080', type = 'socks5' }"},
    {"proxy.auth", "'a:b'", "proxy = { addr = '10.9.9.9:1080', type = 'socks5' }"},
    {"proxy.scheme", "'digest'", "proxy = { addr = '10.9.9.9:1080', type = 'http-connect' }"},
    {"proxy.idle", "'11s'", "proxy = { addr = '10.9.9.9:1080', type = 'socks5' }"},
    {"proxy.udp", "true", "proxy = { addr = '10.9.9.9:1080', type = 'socks5' }"},
    {"tunnel.mtu", "'1400B'", NULL},
    {"tunnel.extra_rtt", "'11ms'", "tunnel = { mtu = '1400B' }"},
    {"tunnel.exit", "'linux-masq'", "tunnel = { mtu = '1400B' }"},
    {"tls_mitm", "true", NULL},
    {"tls_intercept", "true", "tls_mitm = true"},
    {"tls_pass", "'a.example'", "tls_mitm = true, tls_intercept = true"},
    {"ws_upgrade", "'strip'", NULL},
    {"http_redirect", "'10.9.9.8'", "http_redirect = '10.9.9.9', until_login = '11s'"},
    {"portal_tls", "'own'", "http_redirect = '10.9.9.9', until_login = '11s'"},
    {"portal_says", "'511'", "http_redirect = '10.9.9.9', until_login = '11s'"},
    {"until_login", "'12s'", "http_redirect = '10.9.9.9', until_login = '11s'"},
};

#define N(list) (sizeof(list) / sizeof *(list))

static const sample *sample_of(const sample *list, size_t n, const char *path)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].key, path) == 0)
            return &list[i];
    ck_abort_msg("no sample of key %s", path);
    return NULL;
}

/* Pushes the table that |text| describes. */
static void push(lua_State *L, const char *text)
{
    char chunk[512];
    lua_settop(L, 0);
    snprintf(chunk, sizeof chunk, "return { %s }", text);
    ck_assert_msg(luaL_dostring(L, chunk) == LUA_OK, "%s: %s", chunk, lua_tostring(L, -1));
}

/* Pushes the table in which |s|->key has |s|->value. */
static void push_sample(lua_State *L, const sample *s)
{
    char text[256] = "", key[64];
    int depth = 0;
    snprintf(key, sizeof key, "%s", s->key);
    for (char *at = key, *dot; at; at = dot) {
        dot = strchr(at, '.');
        if (dot)
            *dot++ = '\0';
        size_t n = strlen(text);
        snprintf(text + n, sizeof text - n, dot ? "%s = { " : "%s = ", at);
        depth += dot != NULL;
    }
    size_t n = strlen(text);
    snprintf(text + n, sizeof text - n, "%s%.*s", s->value, 2 * depth, " } } } }");
    push(L, text);
}

/* Whether the box before and after differ as the oracle's list of keys says. */
static void compare(bool fw, const char *path, const it_oracle_box *a, const it_oracle_box *b)
{
    const char *why = it_oracle_key(fw, path);
    ck_assert_msg(why != NULL, "nobody has said what key %s is to the oracle", path);
    bool same = memcmp(a, b, sizeof *a) == 0;
    ck_assert_msg(*why || !same, "%s is said to be used, and changes nothing", path);
    ck_assert_msg(!*why || same, "%s is said to have no say (%s), and has", path, why);
}

static void nat_key(const char *path)
{
    const sample *s = sample_of(NAT, N(NAT), path);
    lua_State *L = luaL_newstate();
    char err[IT_PROFILE_ERR];
    it_nat_profile p;
    it_oracle_box a, b;
    it_nat_profile_init(&p);
    push(L, s->first ? s->first : "");
    ck_assert_msg(it_nat_profile_set(&p, L, 1, "nat", err) == 0, "%s: %s", path, err);
    memset(&a, 0, sizeof a);
    it_oracle_of_nat(&p, &a);
    push_sample(L, s);
    ck_assert_msg(it_nat_profile_set(&p, L, 1, "nat", err) == 0, "%s: %s", path, err);
    memset(&b, 0, sizeof b);
    it_oracle_of_nat(&p, &b);
    compare(false, path, &a, &b);
    lua_close(L);
}

static void fw_key(const char *path)
{
    const sample *s = sample_of(FW, N(FW), path);
    lua_State *L = luaL_newstate();
    char err[IT_PROFILE_ERR];
    it_access_profile p;
    it_oracle_box a, b;
    memset(&p, 0, sizeof p);
    it_fw_profile_init(&p.fw);
    push(L, s->first ? s->first : "");
    ck_assert_msg(it_fw_profile_set(&p, L, 1, "firewall", err) == 0, "%s: %s", path, err);
    memset(&a, 0, sizeof a);
    it_oracle_of_fw(&p.fw, &a);
    push_sample(L, s);
    ck_assert_msg(it_fw_profile_set(&p, L, 1, "firewall", err) == 0, "%s: %s", path, err);
    memset(&b, 0, sizeof b);
    it_oracle_of_fw(&p.fw, &b);
    compare(true, path, &a, &b);
    lua_close(L);
}

START_TEST(every_key_of_a_nat_changes_the_box_or_has_a_reason_not_to)
{
    ck_assert_int_eq(keys_walk(it_keys_nat, "", nat_key), N(NAT));
}
END_TEST

START_TEST(every_key_of_a_firewall_changes_the_box_or_has_a_reason_not_to)
{
    ck_assert_int_eq(keys_walk(it_keys_fw, "", fw_key), N(FW));
}
END_TEST

START_TEST(a_key_that_nobody_has_thought_about_is_told)
{
    ck_assert_ptr_null(it_oracle_key(false, "udp.new"));
    ck_assert_ptr_null(it_oracle_key(true, "mirror"));
    ck_assert_ptr_null(it_oracle_key(false, "tcpx"));
    ck_assert_ptr_nonnull(it_oracle_key(false, "tcp.new"));
}
END_TEST

START_TEST(what_no_call_comes_near_is_no_limit)
{
    it_nat_profile p;
    it_oracle_box b;
    it_nat_profile_init(&p);
    p.limits.ports_per_host = 2048;
    p.limits.sessions_per_dest = 55000;
    it_oracle_of_nat(&p, &b);
    ck_assert_uint_eq(b.u.nat.most_ports, 0);
    ck_assert_uint_eq(b.u.nat.most_dest, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/judge/boxes");
    TCase *c = tcase_create("keys");
    tcase_add_test(c, every_key_of_a_nat_changes_the_box_or_has_a_reason_not_to);
    tcase_add_test(c, every_key_of_a_firewall_changes_the_box_or_has_a_reason_not_to);
    tcase_add_test(c, a_key_that_nobody_has_thought_about_is_told);
    tcase_add_test(c, what_no_call_comes_near_is_no_limit);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
