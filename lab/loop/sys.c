/* Addresses and errors as the kernel has them. */
#include "lab/loop/impl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

socklen_t it_loop_sa(loop_sa *to, it_addr a)
{
    if (it_ip_is4(a.ip)) {
        to->in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(a.port)};
        to->in.sin_addr.s_addr = htonl(it_ip_v4(a.ip));
        return sizeof to->in;
    }
    to->in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(a.port)};
    if (!it_ip_none(a.ip))
        it_ip_to_bytes(a.ip, (uint8_t *)&to->in6.sin6_addr);
    return sizeof to->in6;
}

it_addr it_loop_addr(const loop_sa *sa)
{
    if (sa->sa.sa_family == AF_INET)
        return it_addr_of(it_ip4(ntohl(sa->in.sin_addr.s_addr)), ntohs(sa->in.sin_port));
    if (sa->sa.sa_family != AF_INET6)
        return (it_addr){{0, 0}, 0};
    return it_addr_of(it_ip_from_bytes((const uint8_t *)&sa->in6.sin6_addr, 16), ntohs(sa->in6.sin6_port));
}

it_addr it_loop_sockname(int fd)
{
    loop_sa sa = {.sa = {.sa_family = AF_UNSPEC}};
    socklen_t n = sizeof sa;
    (void)getsockname(fd, &sa.sa, &n);
    return it_loop_addr(&sa);
}

bool it_loop_starved(int no)
{
    return no == EMFILE || no == ENFILE || no == ENOBUFS || no == ENOMEM;
}

int it_loop_err(int no)
{
    static const struct {
        int no, err;
    } ERRORS[] = {
        {EADDRINUSE, IT_ERR_EXISTS},   {EADDRNOTAVAIL, IT_ERR_NOROUTE}, {EAFNOSUPPORT, IT_ERR_NOROUTE},
        {ENETUNREACH, IT_ERR_NOROUTE}, {EHOSTUNREACH, IT_ERR_NOROUTE},  {EACCES, IT_ERR_PERM},
        {EPERM, IT_ERR_PERM},          {EMFILE, IT_ERR_LIMIT},          {ENFILE, IT_ERR_LIMIT},
        {ENOBUFS, IT_ERR_LIMIT},       {ENOMEM, IT_ERR_LIMIT},
    };
    for (size_t i = 0; i < sizeof ERRORS / sizeof *ERRORS; i++)
        if (ERRORS[i].no == no)
            return ERRORS[i].err;
    return IT_ERR_IO;
}

enum it_io_end it_loop_end(int no)
{
    static const struct {
        int no;
        enum it_io_end end;
    } ENDS[] = {
        {ECONNREFUSED, IT_IO_END_REFUSED},
        {ETIMEDOUT, IT_IO_END_TIMEOUT},
        {ECONNRESET, IT_IO_END_RESET},
        {EPIPE, IT_IO_END_RESET},
        /* ICMP errors as Linux has them (icmp_err_convert, tab_unreach), and what the routes say. */
        {ENETUNREACH, IT_IO_END_UNREACHABLE},
        {EHOSTUNREACH, IT_IO_END_UNREACHABLE},
        {ENETDOWN, IT_IO_END_UNREACHABLE},
        {EHOSTDOWN, IT_IO_END_UNREACHABLE},
        {ENONET, IT_IO_END_UNREACHABLE},
        {ENOPROTOOPT, IT_IO_END_UNREACHABLE},
        {EOPNOTSUPP, IT_IO_END_UNREACHABLE},
        {EPROTO, IT_IO_END_UNREACHABLE},
        {EACCES, IT_IO_END_UNREACHABLE},
    };
    for (size_t i = 0; i < sizeof ENDS / sizeof *ENDS; i++)
        if (ENDS[i].no == no)
            return ENDS[i].end;
    return IT_IO_END_LOCAL;
}

bool it_loop_any(it_ip ip)
{
    return it_ip_none(ip) || (it_ip_is4(ip) && it_ip_v4(ip) == 0);
}

bool it_loop_loopback(it_ip ip)
{
    if (it_ip_is4(ip))
        return it_ip4_loopback(it_ip_v4(ip));
    return ip.hi == 0 && ip.lo == 1;
}

bool it_loop_from_sockaddr(const struct sockaddr *from, it_addr *a)
{
    loop_sa sa;
    if (from->sa_family != AF_INET && from->sa_family != AF_INET6)
        return false;
    memcpy(&sa, from, from->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
    *a = it_loop_addr(&sa);
    return true;
}

/* The address of |a|; false when it has none of these families. */
static bool read_ifaddr(const struct ifaddrs *a, it_ip *ip)
{
    it_addr addr;
    if (!a->ifa_addr || !it_loop_from_sockaddr(a->ifa_addr, &addr))
        return false;
    *ip = addr.ip;
    return true;
}

/* What one packet of interface |name| holds; 0: not known. |fd|: any socket, or negative. */
static uint32_t mtu_of(int fd, const char *name)
{
    struct ifreq r;
    memset(&r, 0, sizeof r);
    memcpy(r.ifr_name, name, strnlen(name, sizeof r.ifr_name - 1));
    if (fd < 0 || ioctl(fd, SIOCGIFMTU, &r) < 0)
        return 0;
    return (uint32_t)r.ifr_mtu;
}

/* Keeps the addresses of |all|. Returns how many, or IT_ERR_NOMEM. */
static int keep_addrs(it_loop *l, const struct ifaddrs *all, int fd)
{
    size_t n = 0;
    for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
        loop_addr one = {.up = (a->ifa_flags & IFF_UP) && (a->ifa_flags & IFF_RUNNING)};
        if (!read_ifaddr(a, &one.ip))
            continue;
        if (it_grow(l->alloc, &l->addrs, &l->cap_addrs, n + 1, sizeof *l->addrs) < 0)
            return IT_ERR_NOMEM;
        one.mtu = mtu_of(fd, a->ifa_name);
        one.scope = if_nametoindex(a->ifa_name);
        l->addrs[n++] = one;
    }
    l->n_addrs = n;
    return (int)n;
}

int it_loop_addrs(it_loop *l)
{
    struct ifaddrs *all;
    if (getifaddrs(&all) < 0)
        return IT_ERR_IO;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int n = keep_addrs(l, all, fd);
    if (fd >= 0)
        close(fd);
    freeifaddrs(all);
    return n;
}

static const loop_addr *find_addr(const it_loop *l, it_ip ip)
{
    for (size_t i = 0; i < l->n_addrs; i++)
        if (it_ip_eq(l->addrs[i].ip, ip))
            return &l->addrs[i];
    return NULL;
}

uint32_t it_loop_mtu(it_loop *l, it_ip ip)
{
    const loop_addr *a = find_addr(l, ip);
    if (!a && it_loop_addrs(l) > 0)
        a = find_addr(l, ip);
    return a ? a->mtu : 0;
}

socklen_t it_loop_sa_own(it_loop *l, loop_sa *to, it_addr a)
{
    socklen_t n = it_loop_sa(to, a);
    if (it_ip_is4(a.ip) || !it_ip_link_local(a.ip))
        return n;
    (void)it_loop_mtu(l, a.ip); /* looks for it, if need be */
    const loop_addr *own = find_addr(l, a.ip);
    to->in6.sin6_scope_id = own ? own->scope : 0; /* RFC 4007 section 6: without a zone it names no interface */
    return n;
}
