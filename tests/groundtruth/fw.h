/* Ground truth of the stateful firewall, IPv4 and IPv6: the same random packets through nftables with conntrack and
 * through our policy outbound-only, and what comes out compared byte for byte.
 *
 * A firewall translates nothing, so a script is a list of packets and waits, made from a seed alone; which of its steps
 * are run is a mask, by which a difference is shrunk. Each run has inside addresses of its own (its salt), so that
 * nothing of one is left for the next. */
#ifndef IT_TESTS_GROUNDTRUTH_FW_H
#define IT_TESTS_GROUNDTRUTH_FW_H

#include "tests/groundtruth/gt.h"

#define FW_STEPS 48

enum fw_timer {
    FW_T_UDP,
    FW_T_STREAM,
    FW_T_ICMP,
    FW_T_OTHER,
    FW_T_SYN,
    FW_T_SYN_RECV,
    FW_T_EST,
    FW_T_FIN,
    FW_T_CLOSE_WAIT,
    FW_T_LAST_ACK,
    FW_T_TIMEWAIT,
    FW_T_CLOSE,
    FW_T_UNACKED,
    FW_TIMERS
};

typedef struct fw_step {
    uint16_t wait; /* ms; 0: a packet */
    uint8_t dev;   /* GT_IN, GT_OUT */
    gt_raw p;
    char text[96];
} fw_step;

typedef struct fw_script {
    uint8_t timer[FW_TIMERS]; /* s; all 0: as they are */
    uint32_t n;
    fw_step v[FW_STEPS];
} fw_script;

/* The script of |seed|, at the addresses of |salt|; |slow|: time passes in it. */
void fw_generate(fw_script *s, uint64_t seed, uint16_t salt, bool slow);

/* --- packets (fw_packet.c) --- */

typedef struct fw_end {
    uint8_t host; /* inside 0 to 3, or 4 + remote */
    uint16_t port;
} fw_end;

/* Extension headers in front of the transport header, as bits; IPv6 alone. */
enum { FW_EXT_HOP = 1, FW_EXT_DEST = 2, FW_EXT_ROUTING = 4, FW_EXT_ATOMIC = 8 };

typedef struct fw_make {
    uint16_t salt;
    uint8_t ver, proto; /* of the transport; ICMP for both families is 1 */
    uint8_t src, dst;   /* hosts, as in fw_end */
    uint8_t ext;
    bool bad_sum, no_sum, sum_all; /* |sum_all|: what is behind a UDP datagram counts in its checksum */
    const uint8_t *l4;             /* the transport header and what follows, its checksum 0 */
    size_t n;
} fw_make;

/* Builds a packet; the l4 checksum is made. |id|: identification. */
void fw_build(gt_raw *out, const fw_make *m, uint32_t id);
/* Cuts |whole| (no extension headers) into the |n| pieces that begin at |at| (multiples of 8, the first 0), under |id|.
 */
void fw_cut(gt_raw *out, const uint8_t *whole, size_t size, const uint32_t *from, const uint32_t *to, size_t i,
            bool more, uint32_t id);

/* What came out in a step, made comparable: hop limits as before the box, fragments put together, an atomic fragment's
 * header left out. */
#define FW_OUT 4
typedef struct fw_seen {
    uint32_t n;
    struct fw_got {
        uint8_t dev;
        uint32_t n;
        bool pieces;
        uint8_t b[8192];
    } v[FW_OUT];
} fw_seen;

/* Adds |p|, which came out of |dev| with |hops| less than it had. */
void fw_see(fw_seen *s, int dev, const gt_raw *p, int hops);

/* --- sides: as gt_side, |timers| and |reset| by the run --- */

typedef struct fw_side fw_side;
struct fw_side {
    void (*begin)(fw_side *s, const uint8_t timer[FW_TIMERS]); /* a new script */
    void (*send)(fw_side *s, int dev, const gt_raw *p);
    bool (*take)(fw_side *s, int dev, gt_raw *p); /* false when nothing more will come */
    uint32_t (*wait)(fw_side *s, uint32_t ms);    /* returns how long it has really been */
};

/* Why our side dropped the last packet that it did; "" before that. */
const char *fw_model_why(const fw_side *s);

/* NULL, and a sentence in |why|, where this machine cannot. */
fw_side *fw_kernel_new(char why[256]);
fw_side *fw_model_new(char why[256]);

/* Compares |scripts| scripts from |seed| on. 0 when all are equal, 1, or 77. |replay|: text "SEED MASK". */
int gt_firewall(uint32_t scripts, uint64_t seed, bool slow, const char *replay);

#endif
