/* What the files of the TCP comparison share: media.c has the traffic and the judging, media_kernel.c and media_ours.c
 * the two stacks. */
#ifndef IT_TESTS_GROUNDTRUTH_MEDIA_H
#define IT_TESTS_GROUNDTRUTH_MEDIA_H

#include "netsim/core/link.h"
#include "netsim/tcp/tcp.h"

#define MEDIA_FLOWS 16
#define MEDIA_SAMPLES 20000
#define MEDIA_PORT 5001 /* of the first flow */

enum media_kind { MEDIA_VOICE, MEDIA_REPLY, MEDIA_BULK };

/* One measurement: |flows| of a kind at the same time through one link. */
typedef struct media_cell {
    enum media_kind kind;
    uint32_t size; /* bytes of a reply */
    uint32_t loss; /* ppm, in both directions */
    it_time delay; /* one way */
    uint64_t seed;
    uint32_t flows, count; /* count: frames of a stream, replies of a flow */
    it_time length;        /* of bulk */
    it_time keep;          /* idle time before keepalive probes and between them, three of them; 0: none */
    uint32_t mtu;          /* of a link between two routers on the way; 0: there is none */
    bool silent;           /* which tells nobody; and the sender looks for black holes (RFC 4821) */
} media_cell;

/* What came of it: microseconds a frame or a reply took; bulk: kbit/s. */
typedef struct media_result {
    bool ok;
    uint32_t n;
    uint32_t v[MEDIA_SAMPLES];
    uint64_t cwnd, looks; /* the sender's window, in segments, summed up over |looks| */
    uint64_t again;       /* segments sent again */
    char why[80];
} media_result;

/* The two ends of a flow: the one that connects, the one that listens. */
enum { MEDIA_A, MEDIA_B };

/* A stack under measurement. Calls never block. */
typedef struct media_stack {
    void *self;
    it_world *world;
    /* Opens flow |i| anew. */
    bool (*open)(void *self, uint32_t i);
    /* Whether |end| of the flow is there. */
    bool (*ready)(void *self, uint32_t i, int end);
    /* Bytes taken or read, 0: none for now. */
    size_t (*write)(void *self, uint32_t i, int end, const uint8_t *p, size_t n);
    size_t (*read)(void *self, uint32_t i, int end, uint8_t *p, size_t n);
    void (*close)(void *self, uint32_t i);
    /* The window of the sender of a stream in segments, and how many segments it has sent again. */
    void (*look)(void *self, uint32_t i, uint32_t *cwnd, uint64_t *again);
    it_time (*now)(void *self);
    /* Lets time pass to |until| at most, less when something has come. False: it fails. */
    bool (*wait)(void *self, it_time until);
} media_stack;

/* NULL, and why not into |why|. */
media_stack *media_kernel(const media_cell *c, char why[80]);
media_stack *media_ours(const media_cell *c, char why[80]);
/* What lies between |a|, 10.9.0.1, and |b|, 10.9.0.2, the same for both stacks; at |a| the link "wire". */
bool media_path(it_world *w, const media_cell *c, it_node *a, it_node *b);

#endif
