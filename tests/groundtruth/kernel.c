/* The kernel's side: a network namespace of this process alone, a TUN device on each side of netfilter.
 *
 * The namespace has no name and ends with the process, however that ends; nothing has to be cleaned up. A packet
 * written to a TUN device is worked off within write(2); that nothing came of it is proven by a sentinel behind it in
 * the same queue, a packet of protocol 253 that conntrack does not touch. */
#include "tests/groundtruth/gt.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/netlink.h>
#include <time.h>
#include <unistd.h>

#define SENTINEL 253
#define SENTINEL_WAIT 2000 /* ms; it takes microseconds */

typedef struct kernel {
    gt_side side;
    int tun[2];
    int nl;
    uint32_t seq;
    bool maps;
    bool slow; /* time passes: fragments that time out are part of what is compared */
    uint64_t sentinels;
    int64_t waited_until;
    bool pending[2]; /* a sentinel is on its way out of that device */
} kernel;

static void die(const char *what)
{
    fprintf(stderr, "groundtruth: kernel side: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* --- setting up --- */

int gt_tun_open(const char *name)
{
    struct ifreq r;
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return -1;
    memset(&r, 0, sizeof r);
    r.ifr_flags = IFF_TUN | IFF_NO_PI;
    strncpy(r.ifr_name, name, IFNAMSIZ - 1);
    if (ioctl(fd, TUNSETIFF, &r) < 0) {
        close(fd);
        return -1;
    }
    return fd;
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

static bool set_seconds(const char *key, uint32_t s)
{
    char path[64], text[16];
    snprintf(path, sizeof path, "netfilter/nf_conntrack_%s", key);
    snprintf(text, sizeof text, "%u", s);
    return set(path, text);
}

static bool shell(const char *command)
{
    return system(command) == 0;
}

/* The map of a typed case learns from what goes out, and every packet of a mapping, either way, prolongs it. */
static void learn_rules(FILE *f, const gt_case *c)
{
    const char *out = c->filtering == IT_NAT_AD ? "ip daddr . udp sport" : "udp sport",
               *in = c->filtering == IT_NAT_AD ? "ip saddr . " : "";
    fprintf(f, "chain learn {\ntype filter hook postrouting priority 150\n");
    for (int reply = 0; reply < 2; reply++) {
        const char *dir = reply ? "reply" : "original", *inner = reply ? "reply" : "original";
        fprintf(
            f,
            "oifname \"out0\" meta l4proto udp ct direction %s update @m { %s : ct %s ip saddr . ct %s proto-src }\n",
            dir, out, inner, inner);
        fprintf(f,
                "iifname \"out0\" oifname \"in0\" meta l4proto udp ct direction %s update @m { %sct %s proto-dst : ip "
                "daddr . "
                "udp dport "
                "}\n",
                dir, in, dir);
    }
    if (c->hairpin) {
        fprintf(f,
                "oifname \"in0\" ip saddr 198.51.100.1 meta l4proto udp ct direction original update @m { %s : ct "
                "original ip "
                "saddr . ct "
                "original proto-src }\n",
                out);
        fprintf(f,
                "iifname \"in0\" oifname \"in0\" ct status dnat meta l4proto udp update @m { %sct original proto-dst : "
                "ip daddr . udp "
                "dport }\n",
                in);
    }
    fprintf(f, "}\n");
}

static bool rules(const gt_case *c, uint32_t map_s)
{
    bool maps = c->filtering >= 0 && c->filtering != IT_NAT_APD;
    FILE *f = popen("nft -f -", "w");
    if (!f)
        return false;
    const char *look = c->filtering == IT_NAT_AD ? "ip saddr . udp dport" : "udp dport";
    fprintf(f, "table ip truth {\n");
    if (maps)
        fprintf(f,
                "map m {\ntype %sinet_service : ipv4_addr . inet_service\nflags dynamic,timeout\ntimeout %us\nsize "
                "4096\n}\n",
                c->filtering == IT_NAT_AD ? "ipv4_addr . " : "", map_s ? map_s : 120);
    fprintf(f, "chain raw {\ntype filter hook prerouting priority -300\nip protocol %d notrack\n}\n", SENTINEL);
    fprintf(f, "chain pre {\ntype nat hook prerouting priority -100\n");
    if (maps)
        fprintf(f, "iifname \"out0\" ip daddr 198.51.100.1 dnat ip to %s map @m\n", look);
    if (maps && c->hairpin)
        fprintf(f, "iifname \"in0\" ip daddr 198.51.100.1 dnat ip to %s map @m\n", look);
    fprintf(f, "}\nchain post {\ntype nat hook postrouting priority 100\noifname \"out0\" %s\n", c->nat);
    if (maps && c->hairpin)
        fprintf(f, "oifname \"in0\" ip saddr 10.0.0.0/24 ct status dnat snat to 198.51.100.1%s\n",
                c->random ? " random" : "");
    fprintf(f, "}\n");
    if (maps)
        learn_rules(f, c);
    fprintf(f,
            "chain forw {\ntype filter hook forward priority 0; policy drop\nip protocol %d accept\nct state "
            "established,related "
            "accept\n"
            "ct state invalid drop\niifname \"in0\" accept\nct status dnat accept\n}\n",
            SENTINEL);
    fprintf(f, "chain inpu {\ntype filter hook input priority 0; policy accept\n%s\n}\n}\n", c->input);
    return pclose(f) == 0;
}

static bool configure(const gt_case *c, uint32_t map_s)
{
    bool ok = set("ipv6/conf/all/disable_ipv6", "1") || access("/proc/sys/net/ipv6", F_OK) < 0;
    ok = ok && shell("ip link set lo up && ip addr add 10.0.0.1/24 dev in0 && ip link set in0 txqueuelen 1000 up && "
                     "for i in 1 2 3 4; do ip addr add 198.51.100.$i/32 dev out0 || exit 1; done && "
                     "ip link set out0 txqueuelen 1000 up && ip route add default dev out0 src 198.51.100.1");
    ok = ok && set("ipv4/ip_forward", "1") && set("ipv4/icmp_ratelimit", "0") && set("ipv4/conf/all/rp_filter", "0");
    (void)!set("ipv4/ipfrag_time", "1"); /* of fast scripts: what waits is forgotten soon */
    (void)!set("ipv4/ipfrag_high_thresh", "67108864");
    (void)!set("ipv4/ipfrag_max_dist", "0");
    (void)!set("ipv4/icmp_msgs_per_sec", "1000000");
    (void)!set("ipv4/icmp_msgs_burst", "100000");
    (void)!set("ipv4/conf/all/send_redirects", "0");
    (void)!set("ipv4/conf/in0/send_redirects", "0");
    (void)!set("ipv4/conf/out0/send_redirects", "0");
    return ok && rules(c, map_s);
}

/* --- netlink --- */

typedef struct nl_buf {
    uint8_t b[512];
    size_t n;
} nl_buf;

static void nl_msg(kernel *k, nl_buf *m, uint16_t type, uint16_t flags, uint8_t family, uint16_t res)
{
    struct nlmsghdr *h = (struct nlmsghdr *)(void *)(m->b + m->n);
    struct nfgenmsg *g = (struct nfgenmsg *)(void *)(h + 1);
    *h = (struct nlmsghdr){
        .nlmsg_len = sizeof *h + sizeof *g, .nlmsg_type = type, .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags)};
    h->nlmsg_seq = ++k->seq;
    *g = (struct nfgenmsg){.nfgen_family = family, .version = NFNETLINK_V0, .res_id = htons(res)};
    m->n += h->nlmsg_len;
}

static void nl_text(nl_buf *m, size_t start, uint16_t type, const char *text)
{
    struct nlmsghdr *h = (struct nlmsghdr *)(void *)(m->b + start);
    struct nlattr *a = (struct nlattr *)(void *)(m->b + m->n);
    size_t len = strlen(text) + 1;
    *a = (struct nlattr){(uint16_t)(sizeof *a + len), type};
    memcpy(a + 1, text, len);
    m->n += (len + sizeof *a + 3) & ~(size_t)3;
    h->nlmsg_len = (uint32_t)(m->n - start);
}

/* Sends |m| and waits for its one acknowledgement. */
static void nl_do(kernel *k, const nl_buf *m, const char *what)
{
    uint8_t in[1024];
    if (send(k->nl, m->b, m->n, 0) < 0)
        die(what);
    ssize_t n = recv(k->nl, in, sizeof in, 0);
    const struct nlmsghdr *h = (const struct nlmsghdr *)(const void *)in;
    const struct nlmsgerr *e = (const struct nlmsgerr *)(const void *)(h + 1);
    if (n < (ssize_t)(sizeof *h + sizeof *e) || h->nlmsg_type != NLMSG_ERROR || e->error) {
        errno = n > 0 ? -e->error : errno;
        die(what);
    }
}

/* Makes the kernel collect the entries that have ended: a dump does so on its way. Until then their ports count as the
 * endpoint's own, and when the worker that collects comes by is nobody's to say. */
static void collect_ended(kernel *k)
{
    uint8_t in[16384];
    nl_buf m = {.n = 0};
    nl_msg(k, &m, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_INET, 0);
    if (send(k->nl, m.b, m.n, 0) < 0)
        die("conntrack dump");
    for (;;) {
        ssize_t n = recv(k->nl, in, sizeof in, 0);
        const struct nlmsghdr *h = (const struct nlmsghdr *)(const void *)in;
        if (n < (ssize_t)sizeof *h || h->nlmsg_type == NLMSG_ERROR)
            die("conntrack dump");
        for (uint32_t left = (uint32_t)n; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left))
            if (h->nlmsg_type == NLMSG_DONE)
                return;
    }
}

static void flush(kernel *k)
{
    nl_buf m = {.n = 0};
    nl_msg(k, &m, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, NLM_F_ACK, AF_UNSPEC, 0);
    nl_do(k, &m, "conntrack flush");
    if (!k->maps)
        return;
    m.n = 0;
    nl_msg(k, &m, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    size_t at = m.n;
    nl_msg(k, &m, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELSETELEM, NLM_F_ACK, AF_INET, 0);
    nl_text(&m, at, NFTA_SET_ELEM_LIST_TABLE, "truth");
    nl_text(&m, at, NFTA_SET_ELEM_LIST_SET, "m");
    nl_msg(k, &m, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    nl_do(k, &m, "map flush");
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

static void k_send(gt_side *s, int dev, const gt_raw *p)
{
    put((kernel *)s, dev, p);
}

static void settle(gt_side *s)
{
    kernel *k = (kernel *)s;
    gt_raw p;
    uint8_t tag[8];
    it_put64(tag, ++k->sentinels);
    gt_make m = {.proto = SENTINEL, .src = GT_INSIDE + 200, .dst = GT_REMOTE + 200, .body = tag, .n = sizeof tag};
    gt_build(&p, &m);
    put(k, GT_IN, &p);
    m.src = GT_REMOTE + 200;
    m.dst = GT_INSIDE + 200;
    gt_build(&p, &m);
    put(k, GT_OUT, &p);
    k->pending[GT_IN] = k->pending[GT_OUT] = true;
}

static bool take(gt_side *s, int dev, gt_raw *p)
{
    kernel *k = (kernel *)s;
    while (k->pending[dev]) {
        if (!get(k, dev, p)) {
            errno = ETIMEDOUT;
            die("the sentinel does not come");
        }
        if (p->b[0] >> 4 != 4)
            continue;
        if (!k->slow && p->b[9] == 1 && p->b[20] == 11 && p->b[21] == 1)
            continue; /* a datagram in fragments of an earlier script has timed out */
        if (p->b[9] != SENTINEL)
            return true;
        if (it_get64(p->b + p->n - 8) == k->sentinels)
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

static void timers(gt_side *s, const uint8_t timer[GT_TIMERS])
{
    static const struct {
        const char *key;
        enum gt_timer timer;
    } KEYS[] = {
        {"udp_timeout", GT_T_UDP},
        {"udp_timeout_stream", GT_T_UDP_STREAM},
        {"icmp_timeout", GT_T_ICMP},
        {"tcp_timeout_syn_sent", GT_T_SYN},
        {"tcp_timeout_syn_recv", GT_T_SYN_RECV},
        {"tcp_timeout_established", GT_T_EST},
        {"tcp_timeout_fin_wait", GT_T_FIN_WAIT},
        {"tcp_timeout_close_wait", GT_T_CLOSE_WAIT},
        {"tcp_timeout_last_ack", GT_T_LAST_ACK},
        {"tcp_timeout_time_wait", GT_T_TIME_WAIT},
        {"tcp_timeout_close", GT_T_CLOSE},
        {"tcp_timeout_unacknowledged", GT_T_UNACKED},
        {"tcp_timeout_max_retrans", GT_T_UNACKED},
        {"generic_timeout", GT_T_OTHER},
        {"gre_timeout", GT_T_OTHER},
        {"gre_timeout_stream", GT_T_GRE_STREAM},
    };
    char frag[16];
    snprintf(frag, sizeof frag, "%u", timer[GT_T_FRAG]);
    if (!set("ipv4/ipfrag_time", frag))
        die("ipfrag_time");
    ((kernel *)s)->slow = true;
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++)
        if (!set_seconds(KEYS[i].key, timer[KEYS[i].timer]))
            die(KEYS[i].key);
}

static void reset(gt_side *s, uint64_t luck)
{
    (void)luck;
    flush((kernel *)s);
    ((kernel *)s)->waited_until = monotonic();
}

/* Measured from the end of the last wait, so that the time the packets take counts too. */
static uint32_t wait_ms(gt_side *s, uint32_t ms)
{
    kernel *k = (kernel *)s;
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    while (nanosleep(&t, &t) < 0 && errno == EINTR)
        continue;
    collect_ended(k);
    int64_t was = k->waited_until;
    k->waited_until = monotonic();
    return (uint32_t)((k->waited_until - was + 500000) / 1000000);
}

gt_side *gt_kernel_new(const gt_case *c, uint32_t map_s, char why[256])
{
    kernel *k = calloc(1, sizeof *k);
    if (!k)
        die("no memory");
    k->maps = c->filtering >= 0 && c->filtering != IT_NAT_APD;
    const char *what = NULL;
    if (unshare(CLONE_NEWNET) < 0)
        what = "no network namespace";
    else if ((k->tun[0] = gt_tun_open("in0")) < 0 || (k->tun[1] = gt_tun_open("out0")) < 0)
        what = "no TUN device";
    else if ((k->nl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)) < 0)
        what = "no netfilter netlink";
    if (what) {
        snprintf(why, 256, "%s: %s", what, strerror(errno));
    } else if (configure(c, map_s)) {
        k->side = (gt_side){"kernel", timers, reset, k_send, settle, take, wait_ms};
        return &k->side;
    } else {
        snprintf(why, 256, "%s: the namespace cannot be configured (ip, nft, sysctl)", c->name);
    }
    free(k);
    return NULL;
}
