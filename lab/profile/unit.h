/* Quantities as scenarios and profiles write them: one number, one unit, no space ("250us", "1.5s", "2Mbps", "0.1%",
 * "256KiB").
 *
 * Exact decimals, integers out, no floating point: what does not come out whole in ns, bit/s, bytes or ppm is an error.
 */
#ifndef IT_LAB_PROFILE_UNIT_H
#define IT_LAB_PROFILE_UNIT_H

#include "base/err.h"
#include "base/time.h"

enum it_unit_kind {
    IT_UNIT_TIME,  /* ns us ms s min h   -> ns */
    IT_UNIT_RATE,  /* bps kbps Mbps Gbps -> bit/s */
    IT_UNIT_SIZE,  /* B kB MB KiB MiB    -> bytes */
    IT_UNIT_SHARE, /* % ppm              -> ppm, at most 1,000,000 */
    IT_UNIT_KINDS
};

#define IT_UNIT_MSG 160 /* room for any message, with NUL */
#define IT_UNIT_TEXT 32 /* room for any quantity as text, with NUL */

/* Parses all of |text| as a quantity of |kind|, not negative, into |*out|. Returns 0, or IT_ERR_PARSE or IT_ERR_RANGE
 * (not whole, too large) with a message like: 30 has no unit; write "30ms" or "30s". */
int it_unit_parse(enum it_unit_kind kind, const char *text, int64_t *out, char err[IT_UNIT_MSG]) IT_MUST_CHECK;

/* The message for a bare number |n| where a quantity of |kind| belongs. Writes |err|. */
void it_unit_bare(enum it_unit_kind kind, const char *number, char err[IT_UNIT_MSG]);

/* |v| in the largest unit that shows it exactly ("1500ms" is "1.5s"); parses back to |v|. Writes and returns |out|. */
char *it_unit_text(enum it_unit_kind kind, int64_t v, char out[IT_UNIT_TEXT]);

#endif
