/* The judge of the standing rule "stranger": a case is run twice, once with its attackers silent, and what the honest
 * ends say and send must be the same, in time and bytes.
 *
 * The silent run records; the real run is compared with it as it goes, source by source: each host is a source of
 * datagrams, each app one of events. Left out is what an honest end must say to whom attacks it: packets to an
 * attacker's address, STUN responses to a transaction of his (whose id says so), and whatever is not UDP (ICMP errors
 * about his packets). Knows neither attackers nor scenarios. */
#ifndef IT_LAB_JUDGE_TWIN_H
#define IT_LAB_JUDGE_TWIN_H

#include "base/alloc.h"
#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IT_TWIN_TEXT 200

typedef struct it_twin it_twin;

/* One that records; NULL on no memory. */
it_twin *it_twin_new(it_alloc *alloc);
void it_twin_free(it_twin *t);
/* From now on it compares, from the beginning. */
void it_twin_compare(it_twin *t);

/* |source| did something at |now| whose content has the hash |hash|; |what| says it to people. */
void it_twin_note(it_twin *t, it_time now, const char *source, uint64_t hash, const char *what);

/* At the end of the second run: 0 when both were the same, 1 when they differ (|why| then names the first difference in
 * time), IT_ERR_NOMEM when something could not be remembered. |n|: how many things were compared. */
int it_twin_end(it_twin *t, uint64_t *n, char why[IT_TWIN_TEXT]);

#endif
