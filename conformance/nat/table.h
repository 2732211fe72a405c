/* `icetank nat`: every profile measured, judged and compared, as a table or as JSON. */
#ifndef IT_CONFORMANCE_NAT_TABLE_H
#define IT_CONFORMANCE_NAT_TABLE_H

#include "base/text/str.h"
#include "conformance/nat/expect.h"

#define IT_NAT_REQS_MAX 128

typedef struct it_nat_result {
    const char *profile;
    size_t n_fields, n_reqs;
    int64_t declared[IT_MEASURE_FIELDS], measured[IT_MEASURE_FIELDS];        /* by it_measure_nth */
    enum it_req_verdict expected[IT_NAT_REQS_MAX], verdict[IT_NAT_REQS_MAX]; /* by it_req_nth */
    char why[IT_NAT_REQS_MAX][IT_REQ_WHY];
    int differs;    /* fields measured other than declared */
    int unexpected; /* verdicts other than expected */
} it_nat_result;

/* Measures and judges |p|, called |name|. Returns 0 or a negative error of the bench. */
int it_nat_examine(it_nat_result *r, it_alloc *alloc, const char *name, const it_nat_profile *p, const it_expect *e,
                   uint64_t seed) IT_MUST_CHECK;

/* The heading of the table, one line for |r|, the lines of what is not as declared or expected, the lines of everything
 * about |r|, and |r| as a JSON object, each appended to |out|. */
void it_nat_heading(it_str *out);
void it_nat_line(it_str *out, const it_nat_result *r);
void it_nat_surprises(it_str *out, const it_nat_result *r);
void it_nat_details(it_str *out, const it_nat_result *r);
void it_nat_json(it_str *out, const it_nat_result *r);

#endif
