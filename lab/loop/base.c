/* Bases: the sockets that the loop opens for an app, on given addresses or on every usable one, which are followed. */
#include "lab/loop/impl.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define SCAN (2 * IT_SEC)   /* between looks at the addresses where the kernel does not tell */
#define SETTLE (50 * IT_MS) /* after news, as one change is many messages */

/* The least flow number that app |app| has no base for. */
static uint32_t free_flow(const it_loop *l, int app)
{
    uint32_t flow = 0;
    while (it_loop_sock_of(l, app, flow) != IT_MAP_NONE)
        flow++;
    return flow;
}

/* Tells the owner of a base that came or went. */
static void say_base(const it_loop *l, int app, it_addr a, bool up)
{
    const it_loop_app_cfg *cfg = &l->apps[app].cfg;
    if (cfg->bound)
        cfg->bound(cfg->self, "udp", a, up);
}

/* Opens a base of |app|, which it is told of when it is next told anything; |index| as of loop_sock. Returns 0 or an
 * error. */
static int open_base(it_loop *l, int app, it_addr local, uint32_t index)
{
    int i = it_loop_sock_new(l, LOOP_BASE, app, free_flow(l, app));
    if (i < 0)
        return i;
    l->socks[i].index = index;
    int err = it_loop_udp_open(l, (uint32_t)i, local);
    if (err == 0)
        err = it_loop_sock_tell(l, (uint32_t)i, LOOP_TELL_BOUND);
    if (err < 0) {
        it_loop_sock_free(l, (uint32_t)i);
        return err;
    }
    if (l->apps[app].announced)
        say_base(l, app, l->socks[i].local, true);
    return 0;
}

void it_loop_bases_say(const it_loop *l, int app)
{
    for (size_t i = 0; i < l->n_socks; i++)
        if (l->socks[i].kind == LOOP_BASE && l->socks[i].app == app)
            say_base(l, app, l->socks[i].local, true);
}

/* Whether |app| has the base that its |index|-th name asks for. */
static bool has_named(const it_loop *l, int app, uint32_t index)
{
    for (size_t i = 0; i < l->n_socks; i++)
        if (l->socks[i].kind == LOOP_BASE && l->socks[i].app == app && l->socks[i].index == index)
            return true;
    return false;
}

static bool has_base(const it_loop *l, int app, it_ip ip, uint16_t port)
{
    for (size_t i = 0; i < l->n_socks; i++) {
        const loop_sock *s = &l->socks[i];
        if (s->kind == LOOP_BASE && s->app == app && it_ip_eq(s->local.ip, ip) && (!port || s->local.port == port))
            return true;
    }
    return false;
}

/* One of |want|'s family, or of any where that is none. */
static bool in_family(it_ip ip, it_ip want)
{
    return it_ip_none(want) || (it_ip_is4(want) && it_ip_v4(want) == 0 && it_ip_is4(ip)) || it_ip_eq(want, ip);
}

/* Whether app |app| is to have a base on |a|: |want| names its family, or |only6| does. RFC 8445 section 5.1.1.1:
 * link-local addresses are of no use across networks; they have to be named. */
static bool wanted_base(const it_loop *l, int app, const loop_addr *a, it_addr want, bool only6)
{
    it_ip ip = a->ip;
    if (!a->up || it_ip_link_local(ip))
        return false;
    if (it_loop_loopback(ip) && !l->apps[app].cfg.loopback)
        return false;
    if (!in_family(ip, want.ip) || (only6 && it_ip_is4(ip)))
        return false;
    return !has_base(l, app, ip, want.port);
}

/* Opens what is missing of bases on usable addresses of |want|'s family, as of the last look, with its port. Ones that
 * cannot be had are passed over when |lenient|: an address that has not passed duplicate address detection, one that
 * has just gone. */
static int open_usable(it_loop *l, int app, it_addr want, bool only6, bool lenient, it_addr *bad)
{
    char text[IT_ADDR_TEXT];
    for (size_t i = 0; i < l->n_addrs; i++) {
        it_addr local = it_addr_of(l->addrs[i].ip, want.port);
        if (!wanted_base(l, app, &l->addrs[i], want, only6))
            continue;
        int err = open_base(l, app, local, 0);
        if (err == 0)
            continue;
        *bad = local;
        if (err == IT_ERR_NOMEM || !lenient)
            return err;
        it_loop_log(l, "%s: no socket on %s: %s", l->apps[app].name, it_addr_text(local, text), it_err_str(err));
    }
    return 0;
}

/* Opens what is missing of the |k|-th name of |app|'s bases: of an address, or of every one of a family. */
static int open_named(it_loop *l, int app, size_t k, bool lenient, it_addr *bad)
{
    it_addr want = l->apps[app].bases[k];
    uint32_t index = (uint32_t)k + 1;
    if (it_loop_any(want.ip))
        return open_usable(l, app, want, !it_ip_is4(want.ip), lenient, bad);
    if (has_named(l, app, index))
        return 0;
    int err = open_base(l, app, want, index);
    if (err < 0)
        *bad = want;
    return err;
}

int it_loop_bases_open(it_loop *l, int app, it_addr *bad)
{
    const loop_app *a = &l->apps[app];
    it_addr none = {{0, 0}, 0}, which = none;
    it_loop_routes_open(l);
    int n = it_loop_addrs(l), err = n < 0 ? n : 0;
    if (err == 0 && a->cfg.n_bases == 0)
        err = open_usable(l, app, none, false, true, &which);
    for (size_t i = 0; i < a->cfg.n_bases && err == 0; i++)
        err = open_named(l, app, i, false, &which);
    if (bad && err < 0)
        *bad = which;
    return err;
}

/* --- following --- */

/* Whether the machine has |ip|, on an interface that is up if |up|. */
static bool is_there(const it_loop *l, it_ip ip, bool up)
{
    for (size_t i = 0; i < l->n_addrs; i++)
        if (it_ip_eq(l->addrs[i].ip, ip) && (l->addrs[i].up || !up))
            return true;
    return false;
}

/* Whether slot |i| is a datagram socket on an address that has gone. A base that is named, and what an app has bound
 * there, stays while the machine has the address; of the others the interface is to be up. */
static bool is_gone(const it_loop *l, uint32_t i)
{
    const loop_sock *s = &l->socks[i];
    if ((s->kind != LOOP_BASE && s->kind != LOOP_BIND) || s->fd < 0)
        return false;
    if (s->any || it_loop_loopback(s->local.ip))
        return false;
    return !is_there(l, s->local.ip, s->kind == LOOP_BASE && s->index == 0);
}

/* Closes bases, and what apps have bound, on addresses that are gone. */
static int close_gone(it_loop *l)
{
    int err = 0;
    for (uint32_t i = 0; i < l->n_socks && err == 0; i++) {
        const loop_sock *s = &l->socks[i];
        if (!is_gone(l, i))
            continue;
        it_io in = {.kind = IT_IO_UNBIND, .flow = s->flow, .local = s->local};
        int app = s->app;
        if (s->kind == LOOP_BASE)
            say_base(l, app, s->local, false);
        it_loop_sock_free(l, i);
        err = it_loop_inform(l, app, &in);
    }
    return err;
}

/* Opens what app |i| wants and the machine now has. Returns 0 or IT_ERR_NOMEM. */
static int open_missing(it_loop *l, int i)
{
    const loop_app *a = &l->apps[i];
    it_addr none = {{0, 0}, 0}, bad;
    int err = 0;
    if (!a->ops || a->cfg.no_bases)
        return 0;
    if (a->cfg.n_bases == 0)
        err = open_usable(l, i, none, false, true, &bad);
    for (size_t k = 0; k < a->cfg.n_bases && err != IT_ERR_NOMEM; k++)
        err = open_named(l, i, k, true, &bad);
    return err == IT_ERR_NOMEM ? err : 0;
}

int it_loop_bases_follow(it_loop *l)
{
    int n = it_loop_addrs(l);
    /* What could not be read now, for want of a descriptor, is read later: no news may come of it again. */
    l->scan_at = l->following && n >= 0 ? IT_NEVER : l->now + SCAN;
    if (n < 0)
        return n == IT_ERR_NOMEM ? n : 0;
    int err = close_gone(l);
    for (int i = 0; i < l->n_apps && err == 0; i++)
        err = open_missing(l, i);
    if (err < 0)
        return err;
    return it_loop_flush(l);
}

void it_loop_routes_open(it_loop *l)
{
    struct sockaddr_nl at = {.nl_family = AF_NETLINK,
                             .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
    if (l->following || l->scan_at != IT_NEVER)
        return;
    l->scan_at = l->now + SCAN; /* in case that it does not tell */
    int i = it_loop_sock_new(l, LOOP_ROUTES, -1, 0);
    if (i < 0)
        return;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
    l->socks[i].fd = fd;
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || it_loop_sock_arm(l, (uint32_t)i, EPOLLIN) < 0) {
        it_loop_sock_free(l, (uint32_t)i);
        return;
    }
    l->following = true;
    l->scan_at = IT_NEVER;
}

void it_loop_routes_ready(it_loop *l, uint32_t i)
{
    /* What changed is not read from it: the addresses are looked at anew, which also mends news that were lost. */
    while (recv(l->socks[i].fd, l->buf, LOOP_BUF, MSG_DONTWAIT) > 0)
        continue;
    if (l->scan_at > l->now + SETTLE)
        l->scan_at = l->now + SETTLE;
}
