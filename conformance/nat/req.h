/* The requirements that RFCs make of a NAT, each with the test that judges a box by it.
 *
 * A test gets a personality, puts boxes of it on the bench and answers from packets alone. What each profile is
 * expected to answer is data (expect.h): "netfilter violates RFC 4787 REQ-11" is an expectation that can fail.
 * Requirements that only permit something (MAY) or speak of management are not here. */
#ifndef IT_CONFORMANCE_NAT_REQ_H
#define IT_CONFORMANCE_NAT_REQ_H

#include "conformance/nat/measure.h"

#define IT_REQ_WHY 160

enum it_req_verdict { IT_REQ_PASS, IT_REQ_FAIL, IT_REQ_NA };

typedef struct it_req {
    const char *id;    /* "RFC4787-REQ-9a" */
    const char *level; /* "MUST", "MUST NOT", "SHOULD", "RECOMMENDED", as the RFC has it */
    const char *title; /* what a box that passes does */
    /* Judges |c|->p; |why| gets what was observed, or why it does not apply. */
    enum it_req_verdict (*judge)(it_measure_ctx *c, char why[IT_REQ_WHY]);
} it_req;

/* The |i|-th requirement, in the order of RFCs and numbers; NULL past the end. */
const it_req *it_req_nth(size_t i);
/* "pass", "fail", "na". */
const char *it_req_verdict_name(enum it_req_verdict v);

/* --- for the files of tests --- */

extern const it_req it_req_udp[], it_req_icmp[], it_req_tcp[], it_req_cgn[], it_req_nat64[];

/* Writes |why| and returns PASS when |ok|, else FAIL. */
enum it_req_verdict it_req_say(char why[IT_REQ_WHY], bool ok, const char *fmt, ...) IT_PRINTF(3, 4);
/* Writes |why| and returns NA. */
enum it_req_verdict it_req_na(char why[IT_REQ_WHY], const char *text);
/* Keeps the bench's own error in |c| and takes the bench down. */
void it_req_end(it_measure_ctx *c, it_probe *b);

#endif
