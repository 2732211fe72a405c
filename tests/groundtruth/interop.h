/* What the files of the TCP trials share: interop.c drives one, interop_cases.c says what they are and proves that what
 * each is about has happened. */
#ifndef IT_TESTS_GROUNDTRUTH_INTEROP_H
#define IT_TESTS_GROUNDTRUTH_INTEROP_H

#include "lab/loop/loop.h"
#include "netsim/see/capture.h"
#include "netsim/tcp/tcp.h"

#include <netinet/tcp.h>

enum { US, KER };
enum opening { WE_CONNECT, KERNEL_CONNECTS, BOTH_CONNECT, WE_ARE_REFUSED, KERNEL_IS_REFUSED };
enum ending { CLOSE, WE_ABORT, KERNEL_ABORTS, WE_GIVE_UP, KERNEL_GIVES_UP };

typedef struct bench bench;

typedef struct trial {
    const char *name;
    enum opening opening;
    uint64_t bytes[2]; /* that US and KER send */
    it_time delay;
    uint32_t loss_ppm;
    bool reorder;
    it_time deaf[2]; /* US, KER: does not read before */
    int8_t first;    /* who ends its stream at once, the other sends afterwards: US, KER; -1: both as they come */
    enum ending ending;
    const char *allow; /* findings of tshark's tcp.analysis in what we send that the case brings about; "": none */

    /* What a few need. */
    it_time idle;        /* silence before the end, once all data has arrived */
    bool more;           /* who is to give up has data to send when the wire has been cut */
    it_time least, most; /* from the cut until it has given up */
    uint16_t mtu;        /* of a link between two routers; 0: there is none */
    bool silent;         /* of which nobody is told */
    bool urgent;         /* the kernel sends some of it as urgent */
    const char *sysctl;  /* of the kernel: "tcp_sack=0" */
    void (*ours)(it_tcp_opts *o);
    bool (*kernels)(int s);               /* sets up its socket before it connects or listens */
    const char *(*proof)(const bench *b); /* NULL, or what should have been and was not */
} trial;

typedef struct end {
    uint64_t sent, got;
    bool fin_sent, fin_got, reset, open;
} end;

struct bench {
    const trial *t;
    it_alloc alloc;
    it_world *w;
    it_host *host;
    it_loop *live;
    it_capture *cap;
    int link, listener, sock; /* ours; -1: none */
    int klisten, ksock;       /* the kernel's */
    end e[2];
    it_time all, cut, over; /* when all data had arrived, the wire was cut, somebody gave up; 0: not yet */
    int reason;             /* ours, enum it_tcp_reason */
    it_tcp_info info;       /* while it was open */
    struct tcp_info kinfo;
    char why[160];
};

extern const trial TRIALS[];
extern const int N_TRIALS;

#endif
