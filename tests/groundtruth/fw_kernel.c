/* The kernel's firewall: a network namespace of this process alone, a TUN device on each side, the ruleset that the
 * policy outbound-only is named after. As kernel.c, a sentinel behind each packet proves that nothing more will come.
 */
#include "tests/groundtruth/fw.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SENTINEL 253
#define SENTINEL_WAIT 2000 /* ms */
#define FLUSH_EVERY 512    /* scripts: their flows have addresses of their own, but the table is not endless */

typedef struct kernel {
    fw_side side;
    int tun[2], nl;
    uint32_t seq, scripts;
    uint64_t sentinels;
    int64_t waited_until;
    bool pending[2];
} kernel;

static void die(const char *what)
{
    fprintf(stderr, "groundtruth: kernel firewall: %s: %s\n", what, strerror(errno));
    exit(1);
}

static bool set(const char *key, const char *value)
{
    char path[128];
    snprintf(path, sizeof path, "/proc/sys/net/%s", key);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : write(fd, value, strlen(value));
    if (fd >= 0)
        close(fd);
    return n >= 0;
}

static bool load_rules(void)
{
    static const char RULES[] = "table inet truth {\n"
                                "chain raw { type filter hook prerouting priority -300; ip protocol 253 notrack; }\n"
                                "chain forward { type filter hook forward priority 0; policy drop;\n"
                                "ip protocol 253 accept\n"
                                "ct state vmap { established : accept, related : accept, invalid : drop }\n"
                                "iifname \"in0\" accept\n"
                                "}\n}\n";
    FILE *f = popen("nft -f -", "w");
    if (!f)
        return false;
    fputs(RULES, f);
    return pclose(f) == 0;
}

static bool configure(void)
{
    bool ok = system("ip link set lo up && ip link set in0 addrgenmode none && ip link set out0 addrgenmode none && "
                     "ip addr add 10.255.255.1/8 dev in0 && ip addr add 203.0.113.1/24 dev out0 && "
                     "ip link set in0 mtu 1500 up && ip link set out0 mtu 1500 up && "
                     "ip -6 addr add 2001:db8:1:ffff::1/64 dev in0 nodad && ip -6 route add 2001:db8:1::/48 via "
                     "2001:db8:1:ffff::2 && ip -6 addr add 2001:db8:2::1/48 dev out0 nodad") == 0;
    ok = ok && set("ipv4/ip_forward", "1") && set("ipv6/conf/all/forwarding", "1");
    ok = ok && set("ipv4/conf/all/rp_filter", "0");
    (void)!set("ipv4/conf/in0/send_redirects", "0");
    (void)!set("ipv4/conf/all/send_redirects", "0");
    return ok && load_rules();
}

static void flush_table(kernel *k)
{
    struct {
        struct nlmsghdr h;
        struct nfgenmsg g;
    } m = {.h = {.nlmsg_len = sizeof m,
                 .nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
                 .nlmsg_seq = ++k->seq},
           .g = {.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0}};
    uint8_t in[1024];
    if (send(k->nl, &m, sizeof m, 0) < 0 || recv(k->nl, in, sizeof in, 0) < 0)
        die("conntrack flush");
}

/* --- the side --- */

static void put(kernel *k, int dev, const gt_raw *p)
{
    if (write(k->tun[dev], p->b, p->n) != p->n)
        die("write to a TUN device");
}

static bool get(kernel *k, int dev, gt_raw *p)
{
    ssize_t n = read(k->tun[dev], p->b, sizeof p->b);
    if (n < 0 && errno == EAGAIN) {
        struct pollfd f = {k->tun[dev], POLLIN, 0};
        if (poll(&f, 1, SENTINEL_WAIT) <= 0)
            return false;
        n = read(k->tun[dev], p->b, sizeof p->b);
    }
    if (n < 0)
        die("read from a TUN device");
    p->n = (uint16_t)n;
    return true;
}

static void put_sentinel(kernel *k, int dev)
{
    gt_raw p;
    uint8_t tag[8];
    it_put64(tag, k->sentinels);
    gt_make m = {.proto = SENTINEL, .src = 0x0affff0a, .dst = 0xcb0071c8, .body = tag, .n = sizeof tag};
    if (dev == GT_OUT) {
        m.src = 0xcb0071c8;
        m.dst = 0x0affff0a;
    }
    gt_build(&p, &m);
    put(k, dev, &p);
}

static void k_send(fw_side *s, int dev, const gt_raw *p)
{
    kernel *k = (kernel *)s;
    put(k, dev, p);
    k->sentinels++;
    put_sentinel(k, GT_IN);
    put_sentinel(k, GT_OUT);
    k->pending[GT_IN] = k->pending[GT_OUT] = true;
}

/* What the kernel says of itself: router discovery and the like. */
static bool is_own(const gt_raw *p)
{
    return p->b[0] >> 4 == 6 && (p->b[8] == 0xfe || p->b[24] == 0xff || (p->b[8] == 0 && p->b[9] == 0));
}

static bool k_take(fw_side *s, int dev, gt_raw *p)
{
    kernel *k = (kernel *)s;
    while (k->pending[dev]) {
        if (!get(k, dev, p)) {
            errno = ETIMEDOUT;
            die("the sentinel does not come");
        }
        bool sentinel = p->b[0] >> 4 == 4 && p->b[9] == SENTINEL;
        if (!sentinel && !is_own(p))
            return true;
        if (sentinel && it_get64(p->b + p->n - 8) == k->sentinels)
            k->pending[dev] = false;
    }
    return false;
}

static int64_t monotonic(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void set_timers(const uint8_t timer[FW_TIMERS])
{
    static const struct {
        const char *key;
        enum fw_timer timer;
    } KEYS[] = {
        {"udp_timeout", FW_T_UDP},
        {"udp_timeout_stream", FW_T_STREAM},
        {"icmp_timeout", FW_T_ICMP},
        {"icmpv6_timeout", FW_T_ICMP},
        {"generic_timeout", FW_T_OTHER},
        {"tcp_timeout_syn_sent", FW_T_SYN},
        {"tcp_timeout_syn_recv", FW_T_SYN_RECV},
        {"tcp_timeout_established", FW_T_EST},
        {"tcp_timeout_fin_wait", FW_T_FIN},
        {"tcp_timeout_close_wait", FW_T_CLOSE_WAIT},
        {"tcp_timeout_last_ack", FW_T_LAST_ACK},
        {"tcp_timeout_time_wait", FW_T_TIMEWAIT},
        {"tcp_timeout_close", FW_T_CLOSE},
        {"tcp_timeout_unacknowledged", FW_T_UNACKED},
        {"tcp_timeout_max_retrans", FW_T_UNACKED},
    };
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++) {
        char path[64], text[16];
        snprintf(path, sizeof path, "netfilter/nf_conntrack_%s", KEYS[i].key);
        snprintf(text, sizeof text, "%u", timer[KEYS[i].timer]);
        if (!set(path, text))
            die(KEYS[i].key);
    }
}

static void k_begin(fw_side *s, const uint8_t timer[FW_TIMERS])
{
    kernel *k = (kernel *)s;
    if (timer[0])
        set_timers(timer);
    if (k->scripts++ % FLUSH_EVERY == 0)
        flush_table(k);
    k->waited_until = monotonic();
}

/* Measured from the end of the last wait, so that the time the packets take counts too. */
static uint32_t k_wait(fw_side *s, uint32_t ms)
{
    kernel *k = (kernel *)s;
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    while (nanosleep(&t, &t) < 0 && errno == EINTR)
        continue;
    int64_t was = k->waited_until;
    k->waited_until = monotonic();
    return (uint32_t)((k->waited_until - was + 500000) / 1000000);
}

fw_side *fw_kernel_new(char why[256])
{
    kernel *k = calloc(1, sizeof *k);
    const char *what = NULL;
    if (!k)
        die("no memory");
    if (unshare(CLONE_NEWNET) < 0)
        what = "no network namespace";
    else if ((k->tun[0] = gt_tun_open("in0")) < 0 || (k->tun[1] = gt_tun_open("out0")) < 0)
        what = "no TUN device";
    else if ((k->nl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)) < 0)
        what = "no netfilter netlink";
    if (what) {
        snprintf(why, 256, "%s: %s", what, strerror(errno));
        free(k);
        return NULL;
    }
    if (!configure()) {
        snprintf(why, 256, "firewall: the namespace cannot be configured (ip, nft, sysctl)");
        free(k);
        return NULL;
    }
    k->side = (fw_side){k_begin, k_send, k_take, k_wait};
    return &k->side;
}
