/* What the files of the loop share: loop.c (clock, world, plugs, waiting), app.c (objects: whose turn it is), socket.c
 * (the table of sockets), udp.c (datagrams and their errors), receive.c and batch.c (many of them at a time), sent.c
 * (which of those are believed), base.c (bases that follow the addresses), bind.c, tcp.c (streams), tun.c (devices),
 * sys.c (addresses, errors, options as the kernel has them), system.c (randomness, date, signals). */
#ifndef IT_LAB_LOOP_IMPL_H
#define IT_LAB_LOOP_IMPL_H

#include "lab/loop/loop.h"

#include "base/table/map.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define LOOP_NAME 64
#define LOOP_ROUNDS_MAX 100000 /* drains at one instant before it counts as an endless loop */

enum loop_kind {
    LOOP_FREE,
    LOOP_PLUG,   /* |index|: of the plug */
    LOOP_ROUTES, /* news of the machine's addresses */
    LOOP_SIGNALS,
    LOOP_BASE,
    LOOP_BIND,
    LOOP_LISTEN,
    LOOP_STREAM
};

/* Bits of what a socket has to tell its app, or to do, when the loop next gets to it. */
enum {
    LOOP_TELL_BOUND = 1, /* BOUND or LISTENING; with no descriptor: refused */
    LOOP_TELL_OPENED = 2,
    LOOP_TELL_WRITABLE = 4,
    LOOP_TELL_DATA = 8, /* what was left over */
    LOOP_TELL_RST = 16,
    LOOP_TELL_SEND = 32 /* no news: bytes that the app has put out are to be sent */
};

typedef struct loop_sent loop_sent;
typedef struct loop_rx loop_rx;
typedef struct loop_tx loop_tx;

typedef struct loop_sock {
    enum loop_kind kind;
    uint32_t turn;        /* counts the uses of the slot: what poll says of an earlier one is not for this one */
    int fd;               /* -1: refused, or gone */
    int app;              /* -1: the loop's own */
    uint32_t index, flow; /* |index| of a base that is named: one more than that of its name; 0: it is not */
    it_addr local, remote;
    uint32_t armed; /* what epoll waits for */
    unsigned tell;
    bool queued;   /* in the list of those that have something to tell */
    uint32_t size; /* of datagrams that leave its interface in one piece */
    /* datagram sockets: options as they stand */
    bool any, frag;
    bool alone;      /* the kernel does not cut messages of this one */
    uint32_t tx;     /* the last group that waits to be sent by it, if there is one */
    loop_sent *sent; /* large ones that it has sent; NULL: none */
    /* streams */
    bool opening, blocked, fin_in, fin_due, fin_out;
    enum it_io_end end;
    uint32_t granted; /* bytes that the app may still put out */
    uint8_t *in;      /* what the app has not taken */
    size_t n_in, cap_in;
    uint8_t *out; /* what the kernel has not taken */
    size_t n_out, cap_out;
} loop_sock;

typedef struct loop_app {
    const it_object_ops *ops; /* NULL: none */
    void *o;
    it_loop_app_cfg cfg;
    it_addr bases[IT_LOOP_BASES];
    char name[LOOP_NAME];
    bool touched;
    bool announced; /* its owner knows of the bases that there are */
    it_time next;
} loop_app;

/* An address of the machine. */
typedef struct loop_addr {
    it_ip ip;
    uint32_t mtu, scope; /* of its interface: what one IP packet holds, 0: not known; its number */
    bool up;             /* it is, and has a carrier */
} loop_addr;

struct it_loop {
    it_loop_cfg cfg;
    it_alloc *alloc;
    it_time zero; /* the wall clock at time 0 */
    it_time now;
    it_time late; /* the most that an event of the world was overdue */
    int epoll;
    bool stopped;
    struct {
        it_node *edge;
        int fd;
    } plugs[IT_LOOP_PLUGS];
    int n_plugs;
    loop_app apps[IT_LOOP_APPS];
    int n_apps; /* numbers that were ever given */
    loop_sock *socks;
    size_t n_socks, cap_socks;
    uint32_t *queue; /* slots that have something to tell, in order */
    size_t n_queue, cap_queue;
    it_map flows;      /* (app, flow) -> slot */
    uint32_t accepted; /* so many streams were accepted: their flow numbers */
    bool following;    /* some app follows the addresses, and the kernel tells of them */
    it_time scan_at;   /* when to look at the addresses without being told */
    loop_addr *addrs;  /* as they were at the last look */
    size_t n_addrs, cap_addrs;
    it_time listen_at; /* when listeners that the machine has starved try again; IT_NEVER: none has */
    uint8_t *buf;      /* IT_LOOP_DGRAM and more: one datagram, or what is read of a stream */
    loop_rx *rx;       /* datagrams; NULL before there is a socket for them */
    loop_tx *tx;
    int hold; /* above 0: what is put out is sent when all that is ready was looked at */
};

#define LOOP_BUF 65536
#define LOOP_STRIDE (LOOP_BUF + 512) /* from one's bytes to the next one's: no power of two, for caches' sake */
#define LOOP_BATCH 64                /* datagrams that go or come by one call */
#define LOOP_SMALL 548               /* bytes of a datagram that every path takes whole: RFC 1122 section 3.3.3 */
#define LOOP_ANCILLARY 256           /* bytes: three numbers, an address, an error */

typedef union loop_ancillary {
    struct cmsghdr align;
    uint8_t bytes[LOOP_ANCILLARY];
} loop_ancillary;

/* --- loop.c --- */
/* Writes a line to the owner's log. */
void it_loop_log(const it_loop *l, const char *fmt, ...) IT_PRINTF(2, 3);

/* --- socket.c --- */
/* A free slot for a socket of app |app|, with the number |flow| (none of the table for LOOP_LISTEN's children). Returns
 * its index, or IT_ERR_NOMEM, IT_ERR_FULL, IT_ERR_EXISTS (the number is in use). */
int it_loop_sock_new(it_loop *l, enum loop_kind kind, int app, uint32_t flow);
/* Waits for |events| of epoll at slot |i|. Returns 0; IT_ERR_LIMIT when the machine watches no more; or IT_ERR_IO. */
int it_loop_sock_arm(it_loop *l, uint32_t i, uint32_t events);
/* Closes the socket of slot |i|, which stays its owner's. */
void it_loop_sock_reset(it_loop *l, uint32_t i);
/* The same, and gives the slot back. */
void it_loop_sock_free(it_loop *l, uint32_t i);
/* The slot that app |app| calls |flow|; IT_MAP_NONE. */
uint32_t it_loop_sock_of(const it_loop *l, int app, uint32_t flow);
/* Puts slot |i| in the list, with |tell|. Returns 0 or IT_ERR_NOMEM. */
int it_loop_sock_tell(it_loop *l, uint32_t i, unsigned tell) IT_MUST_CHECK;

/* --- app.c --- */
loop_app *it_loop_app_of(const it_loop *l, int i);
/* Gives |in| to app |i|. Returns the bytes it took, 0 when there is none, or its error. */
int it_loop_input(it_loop *l, int i, const it_io *in);
/* The same where only an error matters. */
int it_loop_inform(it_loop *l, int i, const it_io *in);
/* Drains the apps that were touched: 0 or an error. */
int it_loop_settle(it_loop *l);
/* Ticks those whose time has come. */
int it_loop_tick(it_loop *l);
/* When the first app wants to tick. */
it_time it_loop_apps_next(const it_loop *l);

/* --- udp.c --- */
/* A bound datagram socket with all its options in slot |i|. Returns 0 or an error, the slot then without socket. */
int it_loop_udp_open(it_loop *l, uint32_t i, it_addr local);
/* Sends |io| by slot |i|; |stays| as of it_loop_send_later. Returns 0 or an error. */
int it_loop_udp_send(it_loop *l, uint32_t i, const it_io *io, bool stays);
/* Adds |n| bytes to the ancillary data of |m|, which has room for them. */
void it_loop_put_ancillary(struct msghdr *m, int level, int type, const void *data, size_t n);
/* Takes datagrams and errors of slot |i|, which epoll says has |events|. */
int it_loop_udp_ready(it_loop *l, uint32_t i, uint32_t events);

/* Whether |no|, with which a datagram of |n| bytes failed, may be the error of an earlier one. */
bool it_loop_udp_earlier(int no, size_t n, bool is4);

/* --- receive.c --- */
/* Room for what is received; NULL without memory. */
loop_rx *it_loop_rx_new(it_alloc *a);
void it_loop_rx_free(it_alloc *a, loop_rx *b);
/* Takes the datagrams of slot |i|, a burst at most. Returns 0 or an error. */
int it_loop_take_datagrams(it_loop *l, uint32_t i);

/* --- batch.c --- */
/* Makes room for datagrams both ways: 0 or IT_ERR_NOMEM. */
int it_loop_batches(it_loop *l);
void it_loop_batches_free(it_loop *l);
/* LOOP_BUF bytes for an output of an app, which are not copied again when they are a datagram. */
uint8_t *it_loop_room(it_loop *l);
/* Takes |io| to be sent by slot |i|. Returns its header, for ancillary data; NULL: that of the one before serves it,
 * too. |stays|: its bytes are among those received, and need not be copied. */
struct msghdr *it_loop_send_later(it_loop *l, uint32_t i, const it_io *io, bool stays);
/* Takes |io| of app |app|, whose bytes stay, if it is as the one before and small: nothing else is to be done about it.
 */
bool it_loop_send_next(it_loop *l, int app, const it_io *io);
/* Sends all that waits; true while something does. */
void it_loop_send_now(it_loop *l);
bool it_loop_sends(const it_loop *l);

/* --- sent.c --- */
/* Bytes of a packet to |ip| that are no payload: RFC 791, RFC 8200, RFC 768. */
uint32_t it_loop_headers(it_ip ip);
/* Remembers |data|, sent by |s| to |remote| not to be fragmented, if it may turn out to be too large. Returns 0 or
 * IT_ERR_NOMEM. */
int it_loop_sent_note(it_loop *l, loop_sock *s, it_addr remote, it_bytes data);
/* Whether an ICMP error is believed that says, with |quote| of what |s| had sent to |remote|, that the path takes
 * packets of |mtu| bytes (RFC 8201 section 4, RFC 5927 section 7). */
bool it_loop_sent_believes(const loop_sock *s, it_addr remote, it_bytes quote, uint32_t mtu);

/* --- base.c --- */
/* Opens the bases that |a| asks for; named ones must all come to be. */
int it_loop_bases_open(it_loop *l, int app, it_addr *bad);
/* Tells the owner of all bases of |app|. */
void it_loop_bases_say(const it_loop *l, int app);
/* Follows the machine's addresses. */
int it_loop_bases_follow(it_loop *l);
/* Begins to hear of them. */
void it_loop_routes_open(it_loop *l);
/* They have changed, it says. */
void it_loop_routes_ready(it_loop *l, uint32_t i);

/* --- bind.c --- */
int it_loop_bind_out(it_loop *l, int app, const it_io *io);

/* --- tcp.c --- */
int it_loop_tcp_out(it_loop *l, int app, const it_io *io);
int it_loop_tcp_listen(it_loop *l, uint32_t i, it_addr local);
int it_loop_tcp_ready(it_loop *l, uint32_t i, uint32_t events);
/* Tells the app of slot |i| what it has to be told. */
int it_loop_tcp_tell(it_loop *l, uint32_t i, unsigned tell);
/* Gives the kernel what it takes of what waits in the stream of slot |i|, which is about to be closed, and FIN. */
void it_loop_tcp_last_words(it_loop *l, uint32_t i);
/* Lets listeners that the machine has starved accept again. */
int it_loop_tcp_retry_listeners(it_loop *l);

/* --- sys.c --- */
typedef union loop_sa {
    struct sockaddr sa;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_storage ss;
} loop_sa;

/* An address as the kernel has it, and back (none when it is of another family). The zone of a link-local one is that
 * of the socket. */
socklen_t it_loop_sa(loop_sa *to, it_addr a);
/* The same of an address of the machine, with its zone. */
socklen_t it_loop_sa_own(it_loop *l, loop_sa *to, it_addr a);
it_addr it_loop_addr(const loop_sa *sa);
/* What |fd| is bound to. */
it_addr it_loop_sockname(int fd);
/* An error of the kernel as one of ours, for a socket that could not be had. */
int it_loop_err(int no);
/* True when the machine has run out of something, which may pass. */
bool it_loop_starved(int no);
/* Why a stream ended. */
enum it_io_end it_loop_end(int no);
/* The address is all zeros of its family. */
bool it_loop_any(it_ip ip);
bool it_loop_loopback(it_ip ip);

/* Reads the machine's addresses into |l|->addrs. Returns how many they are, or IT_ERR_IO, IT_ERR_NOMEM. */
int it_loop_addrs(it_loop *l);
/* What one IP packet of the interface holds that has |ip|, as of the last look, or of one now if that did not find it;
 * 0: not known. */
uint32_t it_loop_mtu(it_loop *l, it_ip ip);

#endif
