/* The ladder: the ways of a model from the best to the last resort, and what becomes of a call by all of them.
 *
 *     model --> its row: rungs in order --> a judge for each that the model takes --> ways --> the verdict
 *
 * A rung that the model does not take yet, or that has no judge yet, is part of the verdict all the same, with what is
 * not built as its reason: it says nothing of the network. */
#ifndef IT_LAB_JUDGE_ORACLE_LADDER_H
#define IT_LAB_JUDGE_ORACLE_LADDER_H

#include "lab/judge/oracle/oracle.h"

typedef struct it_oracle_verdict {
    /* OPENS: some rung must open. EITHER: none must, some may. DIES: none may. NOT_BUILT: no rung is judged. */
    enum it_oracle_outcome outcome;
    int first;        /* place in |way| of the first rung that must open, -1: there is none */
    int decides;      /* place of the rung whose reason is the call's: |first|, else the first that may open, else the
                         first that was judged; -1: none was */
    const char *path; /* the path that must be told: of all rungs that may be taken; NULL when they have several, or
                         there are none. Static storage */
    uint8_t families; /* of all rungs that may open */
    it_oracle_way way[IT_ORACLE_RUNGS]; /* the model's, in the order of its ladder */
    int n_ways;
} it_oracle_verdict;

/* Decides |q| for each rung of the ladder of |q|->model. What a call opens by is a rung that may or must open, up to
 * the first that must and that no later one may overtake. Returns 0, IT_ERR_NOTFOUND (no such model) or IT_ERR_NOMEM,
 * then |*v| says nothing. */
int it_oracle_ask(it_alloc *alloc, const it_oracle_query *q, it_oracle_verdict *v) IT_MUST_CHECK;

/* The word for |rung|, and for the path that a connection by it tells of: "direct_udp", "relay_udp", "direct_tcp",
 * "relay_tcp", "relay_ws", whose path is "relay_tcp". */
const char *it_oracle_rung_name(enum it_oracle_rung rung);
const char *it_oracle_rung_path(enum it_oracle_rung rung);

/* "open", "either", "none", "not built": of one way. */
const char *it_oracle_outcome_name(enum it_oracle_outcome outcome);

/* The word for a kind of candidate, as in SDP (RFC 8839 section 5.1): "host", "srflx", "prflx", "relay". */
const char *it_oracle_cand_name(enum it_oracle_cand cand);

#endif
