/* What is too large for a script: how a full table and a range of ports that is nearly used up behave, kernel and model
 * side by side. Both draw at random, so that counts are compared, not packets. */
#include "tests/groundtruth/gt.h"

#include <string.h>

enum { UDP = 17 };

typedef struct limit {
    const char *name, *case_name; /* the kernel's ruleset and our profile */
    uint32_t flows;               /* that are opened, one packet each, one after the other */
    uint32_t hosts, remotes;      /* shared out over so many of both */
    uint32_t lo, hi;              /* how many of them get out; both sides, always */
    uint32_t near;                /* and by how many the two sides may differ */
} limit;

/* 262,144 entries, and 37,856 more that must find one that gives way: of eight buckets looked at nearly always one has
 * an entry, and none of them was answered.
 * 1,000 ports for one remote: 128 + 64 + 32 + 16 + 8 of them are tried; the last ones are lost now and then. */
static const limit LIMITS[] = {
    {"a full table", "linux-masq", 300000, 200, 30, 299000, 300000, 600},
    {"a range of ports", "linux-masq-range", 1000, 1, 1, 985, 1000, 12},
    {"more than there are ports", "linux-masq-range", 1500, 1, 1, 985, 1000, 8},
};
#define N_LIMITS (sizeof LIMITS / sizeof *LIMITS)

/* Packet |i| of |l|. */
static void flow_packet(gt_raw *p, const limit *l, uint32_t i)
{
    uint32_t host = i % l->hosts, remote = i / l->hosts % l->remotes, port = i / (l->hosts * l->remotes);
    gt_make m = {.proto = UDP, .src = GT_INSIDE + host, .dst = GT_REMOTE + remote, .dport = 3478, .n = 8};
    uint8_t body[8] = "limit";
    m.sport = (uint16_t)(20000 + port);
    m.body = body;
    gt_build(p, &m);
}

/* How many of the flows of |l| get out of |side|. */
static uint32_t count_out(gt_side *side, const limit *l)
{
    uint32_t n = 0;
    gt_raw p;
    side->reset(side, 7);
    for (uint32_t i = 0; i < l->flows; i++) {
        flow_packet(&p, l, i);
        side->send(side, GT_IN, &p);
        if (i % 64 && i != l->flows - 1)
            continue;
        side->settle(side);
        while (side->take(side, GT_OUT, &p))
            n++;
        while (side->take(side, GT_IN, &p))
            ;
    }
    return n;
}

int gt_limits(const char *case_name, gt_side *kernel, gt_side *model)
{
    int worst = 0;
    for (size_t i = 0; i < N_LIMITS; i++) {
        const limit *l = &LIMITS[i];
        if (strcmp(l->case_name, case_name) != 0)
            continue;
        uint32_t k = count_out(kernel, l), m = count_out(model, l), off = k > m ? k - m : m - k;
        bool ok = k >= l->lo && k <= l->hi && m >= l->lo && m <= l->hi && off <= l->near;
        printf("%-22s %s: of %u flows %u get out of the kernel, %u of ours%s\n", case_name, l->name, l->flows, k, m,
               ok ? "" : "  <-- NOT AS EXPECTED");
        worst |= !ok;
    }
    kernel->reset(kernel, 0);
    return worst;
}
