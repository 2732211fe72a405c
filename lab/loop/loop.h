/* One loop for a world and the real machine, by a clock of one's choice.
 *
 *     VIRTUAL   time jumps to what happens next: the loop of a simulation
 *     WALL      time is the machine's (CLOCK_MONOTONIC), 0 when the loop was made. Then there may also be
 *                 - plugs: raw edges of the world on TUN devices, or anything else that carries one IP packet a read
 *                   and write: real programs | kernel | TUN fd | edge | links, boxes, hosts of ours
 *                 - apps: protocol objects (stack/object.h) on the machine's own sockets, as stack/io.h says
 *
 * The owner waits with it_loop_wait, which moves packets, objects and time. It knows nothing of threads, and what
 * happens by the wall clock is not reproducible: for that there is virtual time.
 *
 * Apps on real sockets. Bases are sockets on every usable address of the machine, or on those that are given; addresses
 * that come and go are followed, as BOUND and UNBIND. Streams are TCP with bounded buffers both ways. What the kernel
 * does not tell stays unsaid: |frag| of a datagram that comes in is false, and an address of OPENED is the socket's. A
 * failure of the machine (no descriptor, no memory of the kernel) is an answer of the contract, a refused BIND, a RST,
 * a lost datagram, and a line to |log|; it never ends the loop. */
#ifndef IT_LAB_LOOP_LOOP_H
#define IT_LAB_LOOP_LOOP_H

#include "lab/driver/lab.h"
#include "netsim/core/world.h"
#include "stack/object.h"

#include <poll.h>

#define IT_LOOP_PLUGS 16     /* TUN devices of a loop */
#define IT_LOOP_WATCHED 16   /* descriptors that one it_loop_wait watches for its caller */
#define IT_LOOP_APPS 256     /* protocol objects on real sockets at a time */
#define IT_LOOP_SOCKETS 4096 /* and their sockets, those of streams among them */
#define IT_LOOP_BASES 32     /* bases that one app has at most */
#define IT_LOOP_BUFFER 65536 /* bytes of a stream that wait for the kernel, and the room that it begins with */
#define IT_LOOP_DGRAM 65507  /* the largest datagram of IPv4: what an output buffer has room for */

enum it_clock { IT_CLOCK_VIRTUAL, IT_CLOCK_WALL };

typedef struct it_loop it_loop;

typedef struct it_loop_cfg {
    it_alloc *alloc;
    enum it_clock clock;
    it_world *world; /* runs by the loop's clock; NULL: none. The caller's, and outlives the loop */
    it_lab *lab;     /* the apps of that world; NULL: the caller serves its hosts */
    /* True when the owner has something to do that an app has brought about, as to write what it said: waiting then
     * ends with IT_LOOP_READY. Asked after each turn of the loop by the wall clock. May be NULL. */
    bool (*ready)(void *self);
    /* Takes a line for people: what the machine refused. May be NULL. */
    void (*log)(void *self, const char *text);
    void *self;
} it_loop_cfg;

/* Makes a loop; time begins to run. With |lab|, |world| is the lab's. NULL when there is no memory or the machine has
 * no descriptor left (errno tells). */
it_loop *it_loop_new(const it_loop_cfg *cfg);
/* Ends it: its apps are freed and their sockets closed. NULL is allowed. */
void it_loop_free(it_loop *l);

/* Plugs non-blocking |fd| (the caller's) into raw edge |edge|. Packets that are none or too big are ignored, what the
 * device does not take is lost. Returns 0, IT_ERR_FULL, IT_ERR_STATE in virtual time, or IT_ERR_IO. */
int it_loop_plug(it_loop *l, it_node *edge, int fd) IT_MUST_CHECK;

/* Opens the end of TUN device |device| that packets of the machine come out of, non-blocking, for it_loop_plug; the
 * caller closes it. The device has been made by somebody who may (ip tuntap add), without packet information. Returns
 * the descriptor, or IT_ERR_NOTFOUND (there is no such interface), IT_ERR_STATE (it is no TUN device, or it is down),
 * IT_ERR_EXISTS (another process has it), IT_ERR_PERM, IT_ERR_IO (errno tells). */
int it_loop_tun(const char *device) IT_MUST_CHECK;
/* True when interface |device| of the machine has address |ip|. */
bool it_loop_tun_has(const char *device, it_ip ip);

/* By how much the world was behind the wall clock at most, when something of it was due: what a busy machine adds to
 * its delays. 0 in virtual time. */
it_time it_loop_late(const it_loop *l);

/* Ends waiting when SIGINT or SIGTERM comes (it_loop_wait then returns IT_LOOP_STOPPED, from then on always), and
 * ignores SIGPIPE. For programs: changes what the process does with these signals. Returns 0 or IT_ERR_IO. */
int it_loop_stop_on_signals(it_loop *l) IT_MUST_CHECK;

/* The time now: by the wall clock as of the last turn of the loop, and never ahead of it. Commands take it. */
it_time it_loop_now(const it_loop *l);

enum {
    IT_LOOP_UNTIL, /* |until| is reached */
    IT_LOOP_READY, /* an edge of the world that is not plugged is ready (it_world_ready: serve it), events of the lab
                      wait for the script, or the owner is |ready| */
    IT_LOOP_WATCHED_READY, /* one of |more| has what it waits for */
    IT_LOOP_STOPPED        /* a signal came */
};

/* Runs until |until| or one of the above; |more| are |n| descriptors of the caller, at most IT_LOOP_WATCHED, whose
 * |revents| are set. Returns which it was, or IT_ERR_NOMEM, IT_ERR_LOOP, IT_ERR_IO (poll or a device failed),
 * IT_ERR_FULL, or the error of an app. */
int it_loop_wait(it_loop *l, it_time until, struct pollfd *more, nfds_t n) IT_MUST_CHECK;

/* --- protocol objects on real sockets; by the wall clock only --- */

typedef struct it_loop_app_cfg {
    const char *name;     /* for |log|; copied, 63 bytes of it */
    bool no_bases;        /* it binds and opens for itself alone */
    const it_addr *bases; /* where its bases are, copied, at most IT_LOOP_BASES; port 0: any free one. An address that
                             is none of its family ("0.0.0.0", "::") stands for every usable one of it */
    size_t n_bases;       /* 0: an ephemeral one on every usable address */
    bool loopback;        /* loopback addresses are usable too (RFC 8445 section 5.1.1.1 has no use for them) */
    int burst; /* datagrams that it takes before it is asked for outputs and events, when many come at once; 0: 1. For
                  objects whose events hold nothing of an input and whose queues have room for what that many bring */
    uint16_t port_first,
        port_last; /* where a BIND of any, an even or a pair of ports is; both 0: the kernel's choice */
    /* Takes every base when it is there, and when it is gone; |transport| is "udp". May be NULL. */
    void (*bound)(void *self, const char *transport, it_addr a, bool up);
    /* What it tells, when it tells it: the event lives for the call. 0, or an error that ends the wait. May be NULL.
     * Neither of these two adds or removes apps. */
    int (*told)(void *self, int app, const it_object_event *ev);
    void *self;
} it_loop_app_cfg;

/* Puts object |o| (the loop's from now on, also after an error) on the machine's sockets. Bases that are named are
 * opened at once: IT_ERR_EXISTS when such an address and port is taken, IT_ERR_NOROUTE when the machine has no such
 * address, IT_ERR_PERM, IT_ERR_LIMIT (no descriptors left), IT_ERR_FULL, IT_ERR_NOMEM, IT_ERR_IO; |*bad|, unless NULL,
 * is then the address. IT_ERR_STATE in virtual time. Returns the number of the app. */
int it_loop_add(it_loop *l, const it_object_ops *ops, void *o, const it_loop_app_cfg *cfg, it_addr *bad) IT_MUST_CHECK;
/* Lets app |i| accept streams on |local|. Returns 0 or as it_loop_add. */
int it_loop_listen(it_loop *l, int i, it_addr local) IT_MUST_CHECK;
/* The object of app |i| for a command: it is drained and asked for its next tick before time moves. NULL: there is
 * none.
 */
void *it_loop_app(it_loop *l, int i);
/* The |k|-th base or listener of app |i| in the order they were opened; false past the end. */
bool it_loop_app_addr(const it_loop *l, int i, int k, it_addr *a);
/* The |k|-th listener alone. */
bool it_loop_app_listener(const it_loop *l, int i, int k, it_addr *a);
/* Drains app |i| a last time, gives the kernel what it takes of its streams' bytes at once, with FIN behind them,
 * closes its sockets and frees it. What the kernel has is delivered. */
void it_loop_remove(it_loop *l, int i);
/* Does at once what commands have queued. Returns 0 or an error as it_loop_wait. */
int it_loop_flush(it_loop *l) IT_MUST_CHECK;

struct sockaddr;
/* An address as the machine has it (getaddrinfo); false when it is of another family than IPv4 and IPv6. */
bool it_loop_from_sockaddr(const struct sockaddr *sa, it_addr *a);

/* --- the system's randomness and date (loop_system.c) --- */

/* 64 random bits of the system's. Returns 0 or IT_ERR_IO. */
int it_loop_seed(uint64_t *seed) IT_MUST_CHECK;
/* Whether a socket of this machine may have |ip|: 0, IT_ERR_RANGE where it is no address of one host (multicast, or
 * link-local without its link), or as it_loop_add. */
int it_loop_has_ip(it_ip ip) IT_MUST_CHECK;
/* Lets the process have as many descriptors as it may. */
void it_loop_more_descriptors(void);
/* The date, as time since IT_EPOCH_S, not negative: for certificates. */
it_time it_loop_date(void);

#endif
