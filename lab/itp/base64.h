/* Base64, RFC 4648 section 4. */
#ifndef IT_LAB_ITP_BASE64_H
#define IT_LAB_ITP_BASE64_H

#include "base/bytes.h"
#include "base/text/str.h"

/* Whether |c| is of the alphabet, or the padding. */
bool it_base64_has(uint8_t c);
/* Appends |b| to |out|, with padding. */
void it_base64_write(it_str *out, it_bytes b);
/* Appends the bytes that |text| stands for. Returns 0, IT_ERR_PARSE when it is none: a character that is not of the
 * alphabet, padding that is missing or in the middle, bits that stand for nothing and are not zero (section 3.5); or
 * IT_ERR_NOMEM. */
int it_base64_read(it_str *out, it_bytes text) IT_MUST_CHECK;

#endif
