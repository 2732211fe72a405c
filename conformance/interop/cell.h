/* One cell of the table: two adapters, one feature, in namespaces of their own. */
#ifndef IT_CONFORMANCE_INTEROP_CELL_H
#define IT_CONFORMANCE_INTEROP_CELL_H

#include "conformance/interop/feature.h"

#include <stdint.h>

typedef enum it_interop_verdict {
    IT_INTEROP_PASS,
    IT_INTEROP_FAIL,
    IT_INTEROP_CANNOT, /* one of them says that it has not got it */
    IT_INTEROP_BROKEN, /* an adapter breaks itp/1, crashes or is silent: nothing is known of the feature */
    IT_INTEROP_SKIP    /* the peer is not here, or the machine cannot */
} it_interop_verdict;

/* "pass", "fail", "cannot", "broken", "skip". */
const char *it_interop_verdict_name(it_interop_verdict v);

typedef struct it_interop_cell_cfg {
    const it_interop_feature *feature;
    char *const *argv[2];   /* the two adapters, the last word NULL */
    char *const *relays[2]; /* TURN servers for side 0, coturn, and for side 1, ours; NULL: there is none here */
    char *const *server;    /* our STUN server */
    const char *name;       /* of the files: NAME.txt the transcript, NAME.ours.log, NAME.theirs.log, NAME.pcap */
    const char *dir;
    uint64_t seed; /* of the bytes that are sent */
    bool capture;
    bool keep;    /* what there is of cells that pass, too */
    int patience; /* seconds that an adapter has to answer hello */
} it_interop_cell_cfg;

typedef struct it_interop_result {
    it_interop_verdict verdict;
    int ms; /* until the verdict */
    char impl[2][32], version[2][32];
    char why[240];
} it_interop_result;

/* Runs the cell in the calling process, which is to end after it: its network namespace is another one then. */
void it_interop_cell(it_interop_result *out, const it_interop_cell_cfg *cfg);

#endif
