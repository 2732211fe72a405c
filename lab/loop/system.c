/* What the machine alone has: randomness, the date, signals. */
#include "lab/loop/impl.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

int it_loop_seed(uint64_t *seed)
{
    return getrandom(seed, sizeof *seed, 0) == (ssize_t)sizeof *seed ? 0 : IT_ERR_IO;
}

it_time it_loop_date(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    it_time since = (it_time)t.tv_sec - IT_EPOCH_S;
    return since < 0 ? 0 : since * IT_SEC + t.tv_nsec;
}

int it_loop_has_ip(it_ip ip)
{
    loop_sa sa;
    bool four = it_ip_is4(ip);
    if (it_ip_multicast(ip) || (!four && it_ip_link_local(ip)))
        return IT_ERR_RANGE;
    int fd = socket(four ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return it_loop_err(errno);
    int err = 0;
    if (bind(fd, &sa.sa, it_loop_sa(&sa, it_addr_of(ip, 0))) < 0)
        err = it_loop_err(errno);
    close(fd);
    return err;
}

void it_loop_more_descriptors(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) < 0)
        return;
    r.rlim_cur = r.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &r);
}

int it_loop_stop_on_signals(it_loop *l)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    int i = l->epoll < 0 ? IT_ERR_STATE : it_loop_sock_new(l, LOOP_SIGNALS, -1, 0);
    if (i < 0)
        return i;
    signal(SIGPIPE, SIG_IGN);
    l->socks[i].fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (l->socks[i].fd < 0 || sigprocmask(SIG_BLOCK, &set, NULL) < 0 || it_loop_sock_arm(l, (uint32_t)i, EPOLLIN) < 0) {
        it_loop_sock_free(l, (uint32_t)i);
        return IT_ERR_IO;
    }
    return 0;
}
