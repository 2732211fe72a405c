/* Every key that a profile or an override may have, and what follows from several of them together. */
#include "lab/profile/impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COUNT_MAX UINT32_MAX
#define NAT(field) offsetof(it_nat_profile, field)
#define FW(field) offsetof(it_fw_profile, field)
#define LINK(field) offsetof(it_link_profile, field)

static const char *const MAPPINGS[] = {"EIM", "ADM", "APDM", NULL};
static const char *const FILTERINGS[] = {"EIF", "ADF", "APDF", NULL};
static const char *const ALLOC_MODES[] = {"preserve", "random", "sequential", "det", NULL};
static const char *const CLASHES[] = {"random", "next", "drop", "overload", NULL};
static const char *const UNSOLICITED[] = {"drop", "reject", "local", NULL};
static const char *const FRAGMENTS[] = {"any", "ordered", "none", "reassemble", NULL};
static const char *const HAIRPINS[] = {"false", "ext", "int", NULL};
static const char *const POOL_MODES[] = {"paired", "arbitrary", "persistent", NULL};
static const char *const SYN_IN[] = {"drop", "rst", "icmp", "hold6", NULL};
static const char *const PORTMAPS[] = {"upnp", "natpmp", "pcp", NULL};
static const char *const ALGS[] = {"generic", "ftp", "sip", "h323", "rtsp", "pptp", NULL};

/* --- NATs --- */

static const it_key ALLOC[] = {
    {"mode", IT_KEY_ENUM, NAT(udp.alloc.mode), ALLOC_MODES, 0, 0},
    {"range", IT_KEY_RANGE, NAT(udp.alloc.range), NULL, 0, 0},
    {"classes", IT_KEY_RANGES, NAT(udp.alloc), NULL, 0, 0},
    {"on_clash", IT_KEY_ENUM, NAT(udp.alloc.on_clash), CLASHES, 0, 0},
    {"step", IT_KEY_INT, NAT(udp.alloc.step), NULL, -65535, 65535},
    {"noise", IT_KEY_COUNT, NAT(udp.alloc.noise), NULL, 0, 1000000},
    {"tries", IT_KEY_COUNT, NAT(udp.alloc.tries), NULL, 0, 65535},
    {"parity", IT_KEY_BOOL, NAT(udp.alloc.parity), NULL, 0, 0},
    {"contiguity", IT_KEY_BOOL, NAT(udp.alloc.contiguity), NULL, 0, 0},
    {NULL, 0, 0, NULL, 0, 0},
};

static const it_key UDP_TIMEOUT[] = {
    {"initial", IT_KEY_TIME, NAT(udp.timeout.initial), NULL, 1, 0},
    {"replied", IT_KEY_TIME, NAT(udp.timeout.replied), NULL, 1, 0},
    {"stream", IT_KEY_TIME, NAT(udp.timeout.stream), NULL, 1, 0},
    {"stream_after", IT_KEY_TIME, NAT(udp.timeout.stream_after), NULL, 0, 0},
    {NULL, 0, 0, NULL, 0, 0},
};

static const it_key REFRESH[] = {
    {"out", IT_KEY_BOOL, NAT(udp.refresh.out), NULL, 0, 0},
    {"inb", IT_KEY_BOOL, NAT(udp.refresh.inb), NULL, 0, 0},
    {"dropped", IT_KEY_BOOL, NAT(udp.refresh.dropped), NULL, 0, 0},
    {NULL, 0, 0, NULL, 0, 0},
};

static const it_key UDP[] = {
    {"mapping", IT_KEY_ENUM, NAT(udp.mapping), MAPPINGS, 0, 0},
    {"filtering", IT_KEY_ENUM, NAT(udp.filtering), FILTERINGS, 0, 0},
    {"alloc", IT_KEY_TABLE, 0, ALLOC, 0, 0},
    {"overload", IT_KEY_BOOL, NAT(udp.overload), NULL, 0, 0},
    {"clash_edm", IT_KEY_BOOL, NAT(udp.clash_edm), NULL, 0, 0},
    {"inbound_session", IT_KEY_BOOL, NAT(udp.inbound_session), NULL, 0, 0},
    {"timeout", IT_KEY_TABLE, 0, UDP_TIMEOUT, 0, 0},
    {"refresh", IT_KEY_TABLE, 0, REFRESH, 0, 0},
    {"unsolicited", IT_KEY_ENUM, NAT(udp.unsolicited), UNSOLICITED, 0, 0},
    {NULL, 0, 0, NULL, 0, 0},
};

static const it_key TCP_TIMEOUT[] = {
    {"syn", IT_KEY_TIME, NAT(tcp.timeout.syn), NULL, 1, 0},
    {"est", IT_KEY_TIME, NAT(tcp.timeout.est), NULL, 1, 0},
    {"fin", IT_KEY_TIME, NAT(tcp.timeout.fin), NULL, 1, 0},
    {"close", IT_KEY_TIME, NAT(tcp.timeout.close), NULL, 1, 0},
    {"timewait", IT_KEY_TIME, NAT(tcp.timeout.timewait), NULL, 1, 0},
    {"syn_recv", IT_KEY_TIME, NAT(tcp.timeout.syn_recv), NULL, 1, 0},
    {"close_wait", IT_KEY_TIME, NAT(tcp.timeout.close_wait), NULL, 1, 0},
    {"last_ack", IT_KEY_TIME, NAT(tcp.timeout.last_ack), NULL, 1, 0},
    {"unacked", IT_KEY_TIME, NAT(tcp.timeout.unacked), NULL, 1, 0},
    {NULL, 0, 0, NULL, 0, 0},
};

static const it_key TCP[] = {
    {"mapping", IT_KEY_ENUM, NAT(tcp.mapping), MAPPINGS, 0, 0},
    {"filtering", IT_KEY_ENUM, NAT(tcp.filtering), FILTERINGS, 0, 0},
    {"syn_in", IT_KEY_ENUM, NAT(tcp.syn_in), SYN_IN, 0, 0},
    {"timeout", IT_KEY_TABLE, 0, TCP_TIMEOUT, 0, 0},
    {"loose", IT_KEY_BOOL, NAT(tcp.loose), NULL, 0, 0},
    {"strict", IT_KEY_BOOL, NAT(tcp.strict), NULL, 0, 0},
    {"rst_on_expired", IT_KEY_BOOL, NAT(tcp.rst_on_expired), NULL, 0, 0},
    {NULL, 0, 0, NULL, 0, 0},
};

static const it_key ICMP[] = {
    {"query_timeout", IT_KEY_TIME, NAT(icmp.query_timeout), NULL, 1, 0},
    {"errors", IT_KEY_BOOL, NAT(icmp.errors), NULL, 0, 0},
    {"sessions", IT_KEY_BOOL, NAT(icmp.sessions), NULL, 0, 0},
    {"verify_inner", IT_KEY_BOOL, NAT(icmp.verify_inner), NULL, 0, 0},
    {"kills", IT_KEY_BOOL, NAT(icmp.kills), NULL, 0, 0},
    {NULL, 0, 0, NULL, 0, 0},
};

static const it_key POOL[] = {
    {"size", IT_KEY_COUNT, NAT(pool.size), NULL, 1, IT_NAT_ADDRS_MAX},
    {"mode", IT_KEY_ENUM, NAT(pool.mode), POOL_MODES, 0, 0},
    {NULL, 0, 0, NULL, 0, 0},
};

static const it_key LIMITS[] = {
    {"ports_per_host", IT_KEY_COUNT, NAT(limits.ports_per_host), NULL, 0, COUNT_MAX},
    {"sessions_per_host", IT_KEY_COUNT, NAT(limits.sessions_per_host), NULL, 0, COUNT_MAX},
    {"sessions_per_dest", IT_KEY_COUNT, NAT(limits.sessions_per_dest), NULL, 0, COUNT_MAX},
    {"new_per_s", IT_KEY_COUNT, NAT(limits.new_per_s), NULL, 0, 1000000},
    {NULL, 0, 0, NULL, 0, 0},
};

static const it_key BLOCK[] = {
    {"size", IT_KEY_COUNT, NAT(block.size), NULL, 0, 65535},
    {"max", IT_KEY_COUNT, NAT(block.max), NULL, 0, 65535},
    {"lifetime", IT_KEY_TIME, NAT(block.lifetime), NULL, 0, 0},
    {NULL, 0, 0, NULL, 0, 0},
};

static const it_key OTHER[] = {
    {"pass", IT_KEY_BOOL, NAT(other.pass), NULL, 0, 0},
    {"timeout", IT_KEY_TIME, NAT(other.timeout), NULL, 1, 0},
    {"gre", IT_KEY_TIME, NAT(other.gre), NULL, 1, 0},
    {"gre_replied", IT_KEY_TIME, NAT(other.gre_replied), NULL, 1, 0},
    {NULL, 0, 0, NULL, 0, 0},
};

static const it_key REASSEMBLY[] = {
    {"timeout", IT_KEY_TIME, NAT(reassembly.timeout), NULL, 1, 0},
    {"memory", IT_KEY_SIZE, NAT(reassembly.memory), NULL, 0, 0},
    {NULL, 0, 0, NULL, 0, 0},
};

static const it_key SESSION_TABLE[] = {
    {"size", IT_KEY_COUNT, NAT(table.size), NULL, 1, IT_NAT_TABLE_MAX},
    {"evict", IT_KEY_BOOL, NAT(table.evict), NULL, 0, 0},
    {NULL, 0, 0, NULL, 0, 0},
};

static const it_key IGD[] = {
    {"version", IT_KEY_COUNT, NAT(igd.version), NULL, 1, 2},
    {"permanent", IT_KEY_BOOL, NAT(igd.permanent), NULL, 0, 0},
    {"same_ports", IT_KEY_BOOL, NAT(igd.same_ports), NULL, 0, 0},
    {NULL, 0, 0, NULL, 0, 0},
};

static const it_key PCP[] = {
    {"map", IT_KEY_BOOL, NAT(pcp.map), NULL, 0, 0},
    {"peer", IT_KEY_BOOL, NAT(pcp.peer), NULL, 0, 0},
    {"third_party", IT_KEY_BOOL, NAT(pcp.third_party), NULL, 0, 0},
    {"filters", IT_KEY_COUNT, NAT(pcp.filters), NULL, 1, IT_NAT_FILTERS_MAX},
    {"quota", IT_KEY_COUNT, NAT(pcp.quota), NULL, 0, 65535},
    {NULL, 0, 0, NULL, 0, 0},
};

const it_key it_keys_nat[] = {
    {"udp", IT_KEY_TABLE, 0, UDP, 0, 0},
    {"tcp", IT_KEY_TABLE, 0, TCP, 0, 0},
    {"icmp", IT_KEY_TABLE, 0, ICMP, 0, 0},
    {"hairpin", IT_KEY_ENUM, NAT(hairpin), HAIRPINS, 0, 0},
    {"fragments", IT_KEY_ENUM, NAT(fragments), FRAGMENTS, 0, 0},
    {"reassembly", IT_KEY_TABLE, 0, REASSEMBLY, 0, 0},
    {"verify", IT_KEY_BOOL, NAT(verify), NULL, 0, 0},
    {"reserved", IT_KEY_BOOL, NAT(reserved), NULL, 0, 0},
    {"other", IT_KEY_TABLE, 0, OTHER, 0, 0},
    {"table", IT_KEY_TABLE, 0, SESSION_TABLE, 0, 0},
    {"silent", IT_KEY_BOOL, NAT(silent), NULL, 0, 0},
    {"pool", IT_KEY_TABLE, 0, POOL, 0, 0},
    {"limits", IT_KEY_LIMITS, NAT(limits), LIMITS, sizeof(((it_nat_profile *)0)->limits), 0},
    {"block", IT_KEY_LIMITS, NAT(block), BLOCK, sizeof(((it_nat_profile *)0)->block), 0},
    {"port_reuse", IT_KEY_TIME, NAT(port_reuse), NULL, 0, 0},
    {"portmap", IT_KEY_SET, NAT(portmap), PORTMAPS, 0, 0},
    {"igd", IT_KEY_TABLE, 0, IGD, 0, 0},
    {"pcp", IT_KEY_TABLE, 0, PCP, 0, 0},
    {"alg", IT_KEY_SET, NAT(alg), ALGS, 0, 0},
    {"state_loss_on_reboot", IT_KEY_BOOL, NAT(state_loss_on_reboot), NULL, 0, 0},
    {"one2one", IT_KEY_BOOL, NAT(one2one), NULL, 0, 0},
    {"family", IT_KEY_FAMILY, NAT(family), NULL, 0, 0},
    {"prefix", IT_KEY_PREFIX, NAT(prefix), NULL, 0, 0},
    {NULL, 0, 0, NULL, 0, 0},
};

/* --- firewalls --- */

static const it_key FW_UDP[] = {
    {"mapping", IT_KEY_ENUM, FW(udp.mapping), MAPPINGS, 0, 0},
    {"filtering", IT_KEY_ENUM, FW(udp.filtering), FILTERINGS, 0, 0},
    {"timeout", IT_KEY_TIME, FW(udp.timeout), NULL, 1, 0},
    {"stream", IT_KEY_TIME, FW(udp.stream), NULL, 0, 0},
    {"rate_pps", IT_KEY_COUNT, FW(udp.rate_pps), NULL, 0, 1000000000},
    {"burst", IT_KEY_COUNT, FW(udp.burst), NULL, 0, 1000000000},
    {"max_flow_age", IT_KEY_TIME, FW(udp.max_flow_age), NULL, 0, 0},
    {NULL, 0, 0, NULL, 0, 0},
};

static const char *const SYN_INS[] = {"drop", "rst", "icmp", "hold6", NULL};
static const char *const KILLS[] = {"drop", "rst", "late-rst", NULL};

static const it_key FW_TCP_TIMEOUT[] = {
    {"syn", IT_KEY_TIME, FW(tcp.timeout.syn), NULL, 1, 0},
    {"est", IT_KEY_TIME, FW(tcp.timeout.est), NULL, 1, 0},
    {"fin", IT_KEY_TIME, FW(tcp.timeout.fin), NULL, 1, 0},
    {"close", IT_KEY_TIME, FW(tcp.timeout.close), NULL, 1, 0},
    {"syn_recv", IT_KEY_TIME, FW(tcp.timeout.syn_recv), NULL, 0, 0},
    {"close_wait", IT_KEY_TIME, FW(tcp.timeout.close_wait), NULL, 0, 0},
    {"last_ack", IT_KEY_TIME, FW(tcp.timeout.last_ack), NULL, 0, 0},
    {"timewait", IT_KEY_TIME, FW(tcp.timeout.timewait), NULL, 0, 0},
    {"unacked", IT_KEY_TIME, FW(tcp.timeout.unacked), NULL, 0, 0},
    {NULL, 0, 0, NULL, 0, 0},
};

static const it_key FW_TCP[] = {
    {"filtering", IT_KEY_ENUM, FW(tcp.filtering), FILTERINGS, 0, 0},
    {"syn_in", IT_KEY_ENUM, FW(tcp.syn_in), SYN_INS, 0, 0},
    {"loose", IT_KEY_BOOL, FW(tcp.loose), NULL, 0, 0},
    {"timeout", IT_KEY_TABLE, 0, FW_TCP_TIMEOUT, 0, 0},
    {"idle", IT_KEY_TIME, FW(tcp.idle), NULL, 0, 0},
    {"kill", IT_KEY_ENUM, FW(tcp.kill), KILLS, 0, 0},
    {"max_flow_age", IT_KEY_TIME, FW(tcp.max_flow_age), NULL, 0, 0},
    {"rst_ports", IT_KEY_PORTS, FW(tcp.rst_ports), NULL, 0, 0},
    {"rst_after", IT_KEY_SIZE, FW(tcp.rst_after), NULL, 0, 0},
    {NULL, 0, 0, NULL, 0, 0},
};

#define RATE_KEYS(d)                                                                                                   \
    {                                                                                                                  \
        {"pps", IT_KEY_COUNT, FW(police[d].pps), NULL, 0, 1000000000},                                                 \
            {"burst", IT_KEY_COUNT, FW(police[d].burst), NULL, 0, 1000000000},                                         \
            {"rate", IT_KEY_RATE, FW(police[d].bps), NULL, 0, 0},                                                      \
            {"bucket", IT_KEY_SIZE, FW(police[d].bucket), NULL, 0, 0},                                                 \
        {                                                                                                              \
            NULL, 0, 0, NULL, 0, 0                                                                                     \
        }                                                                                                              \
    }

static const it_key POLICE_UP[] = RATE_KEYS(0), POLICE_DOWN[] = RATE_KEYS(1);
static const it_key POLICE[] = {
    {"up", IT_KEY_TABLE, 0, POLICE_UP, 0, 0}, {"down", IT_KEY_TABLE, 0, POLICE_DOWN, 0, 0}, {NULL, 0, 0, NULL, 0, 0}};

#define ACCESS(field) offsetof(it_access_profile, field)

static const char *const PROXY_TYPES[] = {"none", "http-connect", "socks5", NULL};

/* In the order of enum it_fw_portal_tls, and of enum it_proxy_portal (stack/proxy/server.h). */
static const char *const PORTAL_TLS[] = {"drop", "reset", "own", NULL};
static const char *const PORTAL_SAYS[] = {"302", "511", NULL};

/* In the order of enum it_proxy_scheme (stack/proxy/server.h). */
static const char *const PROXY_SCHEMES[] = {"basic", "digest", "digest-md5", NULL};

static const it_key PROXY[] = {
    {"type", IT_KEY_ENUM, ACCESS(proxy.kind), PROXY_TYPES, 0, 0},
    {"addr", IT_KEY_ADDR, ACCESS(proxy.addr), NULL, 0, 0},
    {"allow_ports", IT_KEY_PORTS, ACCESS(proxy.allow_ports), NULL, 0, 0},
    {"auth", IT_KEY_NAME, ACCESS(proxy.auth), NULL, 0, IT_PROFILE_TEXT},
    {"scheme", IT_KEY_ENUM, ACCESS(proxy.scheme), PROXY_SCHEMES, 0, 0},
    {"idle", IT_KEY_TIME, ACCESS(proxy.idle), NULL, 0, 0},
    {"udp", IT_KEY_BOOL, ACCESS(proxy.udp), NULL, 0, 0},
    {NULL, 0, 0, NULL, 0, 0},
};

static const it_key TUNNEL[] = {
    {"mtu", IT_KEY_MTU, ACCESS(tunnel.mtu), NULL, 576, IT_PKT_MAX},
    {"extra_rtt", IT_KEY_TIME, ACCESS(tunnel.extra_rtt), NULL, 0, 0},
    {"exit", IT_KEY_NAME, ACCESS(tunnel.exit), NULL, 0, 0},
    {NULL, 0, 0, NULL, 0, 0},
};

const it_key it_keys_fw[] = {
    {"udp", IT_KEY_FWPROTO, 0, FW_UDP, 0, 0},
    {"tcp", IT_KEY_FWPROTO, 0, FW_TCP, 1, 0},
    {"udp_out", IT_KEY_PORTS, FW(udp_out), NULL, 0, 0},
    {"tcp_out", IT_KEY_PORTS, FW(tcp_out), NULL, 0, 0},
    {"udp_in", IT_KEY_PORTS, FW(udp_in), NULL, 0, 0},
    {"tcp_in", IT_KEY_PORTS, FW(tcp_in), NULL, 0, 0},
    {"police", IT_KEY_TABLE, 0, POLICE, 0, 0},
    {"ipsec", IT_KEY_BOOL, FW(ipsec), NULL, 0, 0},
    {"conntrack", IT_KEY_BOOL, FW(conntrack), NULL, 0, 0},
    {"icmp_timeout", IT_KEY_TIME, FW(icmp), NULL, 0, 0},
    {"other_timeout", IT_KEY_TIME, FW(other), NULL, 0, 0},
    {"ingress", IT_KEY_BOOL, FW(ingress), NULL, 0, 0},
    {"one2one", IT_KEY_BOOL, FW(one2one), NULL, 0, 0},
    {"proxy", IT_KEY_TABLE, 0, PROXY, 0, 0},
    {"tunnel", IT_KEY_TABLE, 0, TUNNEL, 0, 0},
    {"tls_mitm", IT_KEY_BOOL, FW(tls_mitm), NULL, 0, 0},
    {"tls_intercept", IT_KEY_BOOL, ACCESS(tls_intercept), NULL, 0, 0},
    {"tls_pass", IT_KEY_NAME, ACCESS(tls_pass), NULL, 0, IT_PROFILE_TEXT},
    {"ws_upgrade", IT_KEY_WORD, FW(ws_strip), "strip", 0, 0},
    {"http_redirect", IT_KEY_IP, ACCESS(portal), NULL, 0, 0},
    {"until_login", IT_KEY_TIME, FW(until_login), NULL, 0, 0},
    {"portal_tls", IT_KEY_ENUM, FW(portal_tls), PORTAL_TLS, 0, 0},
    {"portal_says", IT_KEY_ENUM, ACCESS(portal_says), PORTAL_SAYS, 0, 0},
    {NULL, 0, 0, NULL, 0, 0},
};

/* --- links --- */

#define DIR_KEYS(d)                                                                                                    \
    {"delay", IT_KEY_TIME, LINK(dir[d].delay), NULL, 0, 0}, {"jitter", IT_KEY_TIME, LINK(dir[d].jitter), NULL, 0, 0},  \
        {"rate", IT_KEY_RATE, LINK(dir[d].rate), NULL, 0, 0}, {"queue", IT_KEY_SIZE, LINK(dir[d].queue), NULL, 0, 0},  \
        {"mtu", IT_KEY_MTU, LINK(dir[d].mtu), NULL, 68, IT_PKT_MAX},                                                   \
        {"loss", IT_KEY_SHARE, LINK(dir[d].loss_ppm), NULL, 0, 0},                                                     \
        {"burst", IT_KEY_MILLI, LINK(dir[d].burst_milli), NULL, 1, 1000},                                              \
        {"reorder", IT_KEY_SHARE, LINK(dir[d].reorder_ppm), NULL, 0, 0},                                               \
        {"duplicate", IT_KEY_SHARE, LINK(dir[d].duplicate_ppm), NULL, 0, 0},                                           \
        {"corrupt", IT_KEY_SHARE, LINK(dir[d].corrupt_ppm), NULL, 0, 0},                                               \
        {"truncate", IT_KEY_SHARE, LINK(dir[d].truncate_ppm), NULL, 0, 0},                                             \
        {"silent", IT_KEY_BOOL, LINK(dir[d].mtu_silent), NULL, 0, 0},                                                  \
        {"bucket", IT_KEY_SIZE, LINK(dir[d].bucket), NULL, 0, 0},                                                      \
        {"aqm", IT_KEY_ENUM, LINK(dir[d].queueing), AQM, 0, 0},                                                        \
        {"target", IT_KEY_TIME, LINK(dir[d].target), NULL, 0, 0},                                                      \
    {                                                                                                                  \
        "interval", IT_KEY_TIME, LINK(dir[d].interval), NULL, 0, 0                                                     \
    }

static const char *const AQM[] = {"fifo", "codel", NULL};
static const it_key DIR_UP[] = {DIR_KEYS(0), {NULL, 0, 0, NULL, 0, 0}};
static const it_key DIR_DOWN[] = {DIR_KEYS(1), {NULL, 0, 0, NULL, 0, 0}};

static const it_key GE[] = {
    {"p", IT_KEY_SHARE, LINK(ge.p), NULL, 0, 0},
    {"r", IT_KEY_SHARE, LINK(ge.r), NULL, 0, 0},
    {"k", IT_KEY_SHARE, LINK(ge.k), NULL, 0, 0},
    {"h", IT_KEY_SHARE, LINK(ge.h), NULL, 0, 0},
    {NULL, 0, 0, NULL, 0, 0},
};

static const it_key FLAP[] = {
    {"down", IT_KEY_TIME, LINK(flap_down), NULL, 1, 0},
    {"up", IT_KEY_TIME, LINK(flap_up), NULL, 1, 0},
    {"n", IT_KEY_COUNT, LINK(flap_n), NULL, 1, 1000000},
    {NULL, 0, 0, NULL, 0, 0},
};

/* What is said of the whole link goes to both directions, before |up| and |down| have their say. */
static const it_key *const DIRS[] = {DIR_UP, DIR_DOWN, NULL};

const it_key it_keys_link[] = {
    {"delay", IT_KEY_EACH, 0, DIRS, 0, 0},
    {"jitter", IT_KEY_EACH, 0, DIRS, 1, 0},
    {"rate", IT_KEY_EACH, 0, DIRS, 2, 0},
    {"queue", IT_KEY_EACH, 0, DIRS, 3, 0},
    {"mtu", IT_KEY_EACH, 0, DIRS, 4, 0},
    {"loss", IT_KEY_EACH, 0, DIRS, 5, 0},
    {"burst", IT_KEY_EACH, 0, DIRS, 6, 0},
    {"reorder", IT_KEY_EACH, 0, DIRS, 7, 0},
    {"duplicate", IT_KEY_EACH, 0, DIRS, 8, 0},
    {"corrupt", IT_KEY_EACH, 0, DIRS, 9, 0},
    {"truncate", IT_KEY_EACH, 0, DIRS, 10, 0},
    {"silent", IT_KEY_EACH, 0, DIRS, 11, 0},
    {"bucket", IT_KEY_EACH, 0, DIRS, 12, 0},
    {"aqm", IT_KEY_EACH, 0, DIRS, 13, 0},
    {"target", IT_KEY_EACH, 0, DIRS, 14, 0},
    {"interval", IT_KEY_EACH, 0, DIRS, 15, 0},
    {"ge", IT_KEY_TABLE, 0, GE, 0, 0},
    {"up", IT_KEY_TABLE, 0, DIR_UP, 0, 0},
    {"down", IT_KEY_TABLE, 0, DIR_DOWN, 0, 0},
    {"period", IT_KEY_TIME, LINK(period), NULL, 0, 0},
    {"gap", IT_KEY_TIME, LINK(gap), NULL, 0, 0},
    {"period_loss", IT_KEY_SHARE, LINK(period_loss_ppm), NULL, 0, 0},
    {"flap", IT_KEY_TABLE, 0, FLAP, 0, 0},
    {"drop", IT_KEY_WORD, LINK(drop_all), "all", 0, 0},
    {"oneway", IT_KEY_BOOL, LINK(oneway), NULL, 0, 0},
    {"events", IT_KEY_EVENTS, 0, NULL, 0, 0},
    {"detect", IT_KEY_SPAN, LINK(detect_min), NULL, 0, 0},
    {NULL, 0, 0, NULL, 0, 0},
};

/* --- messages --- */

int it_keys_fail(it_key_ctx *c, const char *fmt, ...)
{
    va_list ap;
    int n = snprintf(c->err, IT_PROFILE_ERR, "%s: ", c->path);
    if (n < 0 || n >= IT_PROFILE_ERR)
        return IT_ERR_PARSE;
    va_start(ap, fmt);
    vsnprintf(c->err + n, (size_t)(IT_PROFILE_ERR - n), fmt, ap);
    va_end(ap);
    return IT_ERR_PARSE;
}

/* --- what follows --- */

int it_keys_finish_nat(it_key_ctx *c, it_nat_profile *p)
{
    const char *fault = it_nat_profile_fault(p);
    bool unbuilt =
        fault && fault == it_nat_profile_unbuilt(p); /* such a profile can be read, and its box is unsupported */
    return fault && !unbuilt ? it_keys_fail(c, "%s", fault) : 0;
}

static const char *proxy_fault(const it_access_profile *p)
{
    if (p->proxy.kind == IT_OWN_NONE)
        return p->proxy.addr.port || p->proxy.auth[0] ? "proxy.type is missing" : NULL;
    if (!p->proxy.addr.port || !it_ip_is4(p->proxy.addr.ip))
        return "proxy.addr is missing, or no IPv4 address and port";
    bool whole = !p->proxy.auth[0] || strchr(p->proxy.auth, ':');
    return whole ? NULL : "proxy.auth is \"user:password\"";
}

/* What only one type of proxy has. */
static const char *proxy_use_fault(const it_access_profile *p)
{
    if (p->proxy.scheme && p->proxy.kind != IT_OWN_HTTP)
        return "proxy.scheme needs an HTTP proxy";
    return p->proxy.udp && p->proxy.kind != IT_OWN_SOCKS5 ? "proxy.udp needs a SOCKS5 proxy" : NULL;
}

static const char *portal_fault(const it_access_profile *p)
{
    bool portal = !it_ip_none(p->portal), login = p->fw.until_login > 0;
    if (!portal && (p->fw.portal_tls || p->portal_says))
        return "portal_tls and portal_says need http_redirect";
    if (portal == login && (!portal || it_ip_is4(p->portal)))
        return NULL;
    return "http_redirect (IPv4) and until_login need each other";
}

/* How many kinds of host of its own the box has. */
static int own_hosts(const it_access_profile *p)
{
    int n = p->proxy.kind != IT_OWN_NONE;
    n += !it_ip_none(p->portal);
    n += p->fw.tls_mitm || p->fw.ws_strip;
    return n;
}

static const char *inspector_fault(const it_access_profile *p)
{
    if (p->tls_intercept && !p->fw.tls_mitm)
        return "tls_intercept needs tls_mitm";
    return p->tls_pass[0] && !p->tls_intercept ? "tls_pass needs tls_intercept" : NULL;
}

static const char *access_fault(const it_access_profile *p)
{
    static const char *(*const FAULTS[])(const it_access_profile *) = {proxy_fault, proxy_use_fault, portal_fault,
                                                                       inspector_fault};
    const char *fault = NULL;
    for (size_t i = 0; i < sizeof FAULTS / sizeof *FAULTS && !fault; i++)
        fault = FAULTS[i](p);
    if (fault)
        return fault;
    if (own_hosts(p) > 1)
        return "a box has one own host: a proxy, a portal or inspection";
    if (!p->tunnel.mtu && (p->tunnel.extra_rtt || p->tunnel.exit[0]))
        return "tunnel.mtu is missing";
    return it_fw_profile_fault(&p->fw);
}

int it_keys_finish_fw(it_key_ctx *c, it_access_profile *p)
{
    const char *fault = access_fault(p);
    return fault ? it_keys_fail(c, "%s", fault) : 0;
}

/* Gives direction |d| the Gilbert-Elliott model of |p| (Hasslinger and Hohlfeld 2008). Its mean loss, and how long
 * losses in the bad state follow each other, stand beside it: for who wants one number, and for a scenario that sets
 * |loss| or |burst| over it, which ends the model. */
static void set_ge(const it_link_profile *p, it_link_dir_cfg *d)
{
    const uint64_t one = 1000000;
    uint64_t pr = (uint64_t)p->ge.p + p->ge.r, good = one - p->ge.k, bad = one - p->ge.h;
    d->ge = (it_link_ge){p->ge.p, p->ge.r, (uint32_t)good, (uint32_t)bad};
    d->loss_ppm = (uint32_t)((p->ge.r * good + p->ge.p * bad + pr / 2) / pr);
    uint64_t more = (one - p->ge.r) * bad; /* another loss follows, in 1e-12 */
    uint64_t left = one * one - more;
    d->burst_milli = left <= one * one / 1000 ? 1000000 : (uint32_t)(1000 * one * one / left);
}

/* Gives the directions the Gilbert-Elliott model of |p|, or ends the one they had when their loss was set over it. */
static int finish_ge(it_key_ctx *c, it_link_profile *p, const it_link_profile *before)
{
    bool ge = memcmp(&p->ge, &before->ge, sizeof p->ge) != 0;
    if (ge && (p->ge.p == 0 || p->ge.r == 0))
        return it_keys_fail(c, "a Gilbert-Elliott model needs p and r above 0");
    for (int i = 0; i < 2; i++) {
        it_link_dir_cfg *d = &p->dir[i];
        const it_link_dir_cfg *b = &before->dir[i];
        if (ge)
            set_ge(p, d);
        else if (d->loss_ppm != b->loss_ppm || d->burst_milli != b->burst_milli)
            d->ge = (it_link_ge){0, 0, 0, 0};
    }
    p->ge.set = p->dir[0].ge.r || p->dir[1].ge.r;
    return 0;
}

int it_keys_finish_link(it_key_ctx *c, it_link_profile *p, const it_link_profile *before)
{
    int err = finish_ge(c, p, before);
    if (err < 0)
        return err;
    for (int i = 0; i < 2; i++) {
        it_link_dir_cfg *d = &p->dir[i];
        d->period = p->period;
        d->gap = p->gap;
        d->gap_ppm = p->period_loss_ppm;
        d->swallow = p->drop_all && (i == 0 || !p->oneway);
        const char *fault = it_link_dir_fault(d);
        if (fault)
            return it_keys_fail(c, "%s", fault);
    }
    if (p->oneway && !p->drop_all)
        return it_keys_fail(c, "oneway says which way everything is dropped: write drop = \"all\"");
    if (p->detect_min > p->detect_max)
        return it_keys_fail(c, "detect goes from the least to the most");
    return 0;
}
