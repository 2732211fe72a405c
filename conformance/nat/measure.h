/* What a NAT does, measured from outside of it, field by field, to be compared with what its profile declares.
 *
 * Every field is measured by packets on the bench (probe.h) alone; nothing here looks into the box. A field that a
 * personality does not show (what a clash does where ports are random, for example) is IT_MEASURE_NONE, declared or
 * not. */
#ifndef IT_CONFORMANCE_NAT_MEASURE_H
#define IT_CONFORMANCE_NAT_MEASURE_H

#include "conformance/nat/probe.h"
#include "lab/judge/discover.h"

#define IT_MEASURE_NONE INT64_MIN
#define IT_MEASURE_TEXT 32
#define IT_MEASURE_FIELDS 64 /* at most */

/* A personality to measure; |seed| for the streams of its boxes. */
typedef struct it_measure_ctx {
    it_alloc *alloc;
    const it_nat_profile *p;
    uint64_t seed;
    const it_probe_fault *fault; /* of its boxes; NULL: none */
    struct {
        bool done;
        int64_t n;         /* mappings that one host got towards one remote before it was refused, 65535 at most */
        uint16_t lo, hi;   /* external ports seen */
        bool others_go_on; /* another host still gets out to the same remote */
        bool self_elsewhere,
            others_elsewhere; /* it, another host, get out to another remote, from a port not used so far */
    } fill;                   /* worked out when first asked for */
    struct {
        bool done;
        it_stun_behavior found;
    } discovery;                      /* by RFC 5780, likewise */
    int64_t value[IT_MEASURE_FIELDS]; /* by it_measure_nth, once |known| */
    bool known[IT_MEASURE_FIELDS];
    int err; /* the first error of the bench; later measurements then mean nothing */
} it_measure_ctx;

/* How a value is told. */
enum it_measure_kind {
    IT_MEASURE_DEP,
    IT_MEASURE_ENUM,
    IT_MEASURE_TIME,
    IT_MEASURE_BOOL,
    IT_MEASURE_NUMBER,
    IT_MEASURE_RANGE
};

typedef struct it_measure_field {
    const char *key; /* as in the profile file: "udp.mapping" */
    const char *source;
    enum it_measure_kind kind;
    const char *const *names; /* of an ENUM, by value */
    int64_t (*measure)(it_measure_ctx *c);
    int64_t (*declared)(const it_nat_profile *p); /* IT_MEASURE_NONE where the personality does not show it */
} it_measure_field;

/* The |i|-th field, NULL past the end. */
const it_measure_field *it_measure_nth(size_t i);

/* The value of the field |key|, which must exist, measured when first asked for. */
int64_t it_measure_get(it_measure_ctx *c, const char *key);

/* |v| of field |f| as text into |out|: "EIM", "30s", "yes", "1024-65535", "-" for NONE. Returns |out|. */
const char *it_measure_text(const it_measure_field *f, int64_t v, char out[IT_MEASURE_TEXT]);

/* --- the tables' parts --- */

extern const it_measure_field it_measure_udp[], it_measure_ports[], it_measure_other[], it_measure_tcp[];

/* A fresh box; false (and c->err) when there is no memory. it_probe_fini is due in either case. */
bool it_measure_bench(it_measure_ctx *c, it_probe *b);

/* The smallest time in (0, |most|] for which |alive| no longer holds, each asked on a fresh box; IT_NEVER when it holds
 * at |most|. |alive| must not hold again later. */
it_time it_measure_edge(it_measure_ctx *c, bool (*alive)(it_probe *b, it_time t, it_time arg), it_time arg,
                        it_time most);

/* Endpoints of the bench. */
static inline it_addr it_xp(int host, uint16_t port)
{
    return it_addr_of(it_probe_x(host), port);
}
static inline it_addr it_sp(int host, uint16_t port)
{
    return it_addr_of(it_probe_s(host), port);
}

#define IT_MEASURE_MOST (10 * 24 * 3600 * IT_SEC) /* longer than any timer of a profile */

#endif
