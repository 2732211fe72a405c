/* What is known not to work between us and a peer, each with its reason: a table that is held against every run, so
 * that a line whose time is over is found. A line: peer, feature (a pattern as of a shell), kind, reason, with tabs
 * between. */
#ifndef IT_CONFORMANCE_INTEROP_KNOWN_H
#define IT_CONFORMANCE_INTEROP_KNOWN_H

#include "base/err.h"
#include "conformance/interop/cell.h"

#define IT_INTEROP_KNOWN_MAX 128
#define IT_INTEROP_KNOWN_ERR 300

typedef enum it_interop_known_kind {
    IT_INTEROP_KNOWN_CANNOT, /* one side says that it has not got it */
    IT_INTEROP_KNOWN_FAILS,  /* it is tried, and fails */
    IT_INTEROP_KNOWN_VARIES, /* now it passes, now it fails */
} it_interop_known_kind;

typedef struct it_interop_known_row {
    char peer[32], feature[48], reason[240];
    it_interop_known_kind kind;
    int line;
} it_interop_known_row;

typedef struct it_interop_known {
    it_interop_known_row row[IT_INTEROP_KNOWN_MAX];
    size_t n;
} it_interop_known;

/* Reads |text|, the content of |file|. Returns 0, or IT_ERR_PARSE with "FILE:LINE: what" in |err|. */
int it_interop_known_read(it_interop_known *k, const char *file, const char *text,
                          char err[IT_INTEROP_KNOWN_ERR]) IT_MUST_CHECK;
/* The first row for |peer| and |feature|, or NULL. */
const it_interop_known_row *it_interop_known_of(const it_interop_known *k, const char *peer, const char *feature);
/* NULL when |v| is what is known, else a sentence. */
const char *it_interop_unexpected(const it_interop_known_row *row, it_interop_verdict v);

#endif
