/* What every profile is expected to answer to every requirement, as data.
 *
 * A line of the file is "REQUIREMENT fail|na PROFILE...": everything not named is expected to pass. A profile may end
 * in "*", and one behind "!" is left out. Empty lines and lines that begin with "#" are comments, and say why. */
#ifndef IT_CONFORMANCE_NAT_EXPECT_H
#define IT_CONFORMANCE_NAT_EXPECT_H

#include "conformance/nat/req.h"

typedef struct it_expect {
    it_bytes text; /* the file's */
} it_expect;

/* Checks |text| (borrowed): every requirement and verdict must exist, and |known| must know every profile. Returns 0,
 * or IT_ERR_PARSE with "line N: ..." in |err|. */
int it_expect_load(it_expect *e, it_bytes text, bool (*known)(void *self, const char *profile), void *self,
                   char err[IT_REQ_WHY]) IT_MUST_CHECK;

/* The file that is built into the program, unchecked. */
it_bytes it_expect_builtin(void);

/* What |profile| is expected to answer to |req|. */
enum it_req_verdict it_expect_verdict(const it_expect *e, const char *req, const char *profile);

#endif
