/* A blob as a block of text that a person copies from one window and pastes into another, in the shape of RFC 7468:
 *
 *     -----BEGIN ICETANK PEER-----
 *     base64 of the blob and the first four bytes of its SHA-256
 *     -----END ICETANK PEER-----
 *
 * in lines of 64 characters, as a terminal takes no line of more than 4,095. What mail puts before lines, blanks and
 * ">", is passed over. */
#ifndef IT_LAB_ITP_BLOCK_H
#define IT_LAB_ITP_BLOCK_H

#include "base/bytes.h"
#include "base/text/str.h"

#define IT_BLOCK_MAX 32768 /* characters between the two lines */

/* Appends the block of |blob| to |out|. */
void it_block_write(it_str *out, it_bytes blob);

enum it_block_state {
    IT_BLOCK_OUTSIDE,
    IT_BLOCK_INSIDE, /* one has begun */
    IT_BLOCK_BROKEN  /* and cannot be read: the rest of it is passed over */
};

typedef struct it_block_reader {
    it_str text; /* what has come of one */
    enum it_block_state state;
} it_block_reader;

/* Begins with nothing read; gives back what was. */
void it_block_init(it_block_reader *r, it_alloc *alloc);
void it_block_fini(it_block_reader *r);
/* Gives up the block that has begun, if any: the next line is of none unless it begins one. */
void it_block_drop(it_block_reader *r);

enum { IT_BLOCK_NONE, IT_BLOCK_PART, IT_BLOCK_WHOLE };

/* Takes |line|, without its end. Returns IT_BLOCK_NONE when it is of no block; IT_BLOCK_PART; IT_BLOCK_WHOLE, the blob
 * then appended to |blob|; IT_ERR_PARSE when the block that ends here is damaged, or this line is none of a block that
 * has begun; IT_ERR_TOOBIG; IT_ERR_NOMEM. After an error what is left of the block is passed over, up to its end, the
 * next one's beginning, or a line that no block has. */
int it_block_line(it_block_reader *r, it_bytes line, it_str *blob) IT_MUST_CHECK;

#endif
