/* TUN devices of the machine: linux/if_tun.h, Documentation/networking/tuntap.rst of the kernel. */
#include "lab/loop/impl.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Why a device could not be had. */
static int tun_err(int no)
{
    switch (no) {
    case EBUSY:
        return IT_ERR_EXISTS;
    case EINVAL:
        return IT_ERR_STATE; /* an interface of another kind, or another mode */
    case EPERM:
    case EACCES:
        return IT_ERR_PERM;
    default:
        return IT_ERR_IO;
    }
}

/* 0 when interface |r|->ifr_name is up, or an error. TUNSETIFF makes a device of a name that is none: asked before. */
static int tun_is_up(struct ifreq *r)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return IT_ERR_IO;
    bool known = ioctl(fd, SIOCGIFFLAGS, r) == 0, up = known && (r->ifr_flags & IFF_UP);
    close(fd);
    if (!known)
        return IT_ERR_NOTFOUND;
    return up ? 0 : IT_ERR_STATE;
}

int it_loop_tun(const char *device)
{
    struct ifreq r;
    memset(&r, 0, sizeof r);
    if (!*device || strlen(device) >= sizeof r.ifr_name)
        return IT_ERR_NOTFOUND;
    memcpy(r.ifr_name, device, strlen(device));
    int err = tun_is_up(&r);
    if (err < 0)
        return err;
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return tun_err(errno);
    r.ifr_flags = IFF_TUN | IFF_NO_PI;
    if (ioctl(fd, TUNSETIFF, &r) == 0)
        return fd;
    err = tun_err(errno);
    close(fd);
    return err;
}

bool it_loop_tun_has(const char *device, it_ip ip)
{
    struct ifaddrs *all;
    bool has = false;
    if (getifaddrs(&all) < 0)
        return false;
    for (const struct ifaddrs *a = all; a && !has; a = a->ifa_next) {
        it_addr addr;
        has = a->ifa_addr && strcmp(a->ifa_name, device) == 0 && it_loop_from_sockaddr(a->ifa_addr, &addr) &&
              it_ip_eq(addr.ip, ip);
    }
    freeifaddrs(all);
    return has;
}
