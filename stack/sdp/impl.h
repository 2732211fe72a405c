/* What the files of stack/sdp know of each other; nobody else includes this.
 *
 *     read.c    lines, media descriptions, the list of what was left out      attr.c   the table of attributes
 *     write.c   the text of a description                                     sdp.c    views of what was read */
#ifndef IT_STACK_SDP_IMPL_H
#define IT_STACK_SDP_IMPL_H

#include "stack/sdp/sdp.h"

#define SDP_TAKEN (-1) /* of a taker: the line counts; else an enum it_sdp_why */

/* What a read has come to. */
typedef struct it_sdp_reading {
    it_sdp *s;
    it_sdp_media *m;     /* the media description we are in; NULL before the first */
    it_sdp_level *level; /* its own, or the session's */
    bool skips;          /* in one beyond the last that there is room for */
} it_sdp_reading;

enum { SDP_SESSION = 1, SDP_MEDIA = 2, SDP_BOTH = 3 };

/* An attribute: where it may stand, and what takes its value; NULL: it is known and stays in |lines|. */
typedef struct it_sdp_attr {
    const char *name;
    uint8_t levels;
    int (*take)(it_sdp_reading *r, it_bytes value);
    const char *rule; /* said of a value that is malformed */
} it_sdp_attr;

/* attr.c: splits the line "a=..." |line| into name and value. */
void it_sdp_split(it_bytes line, it_bytes *name, it_bytes *value);
/* The attribute of that name, NULL: unknown. Names that begin with "x-" are known. */
const it_sdp_attr *it_sdp_attr_of(it_bytes name);
/* The text of a setup role, a hash function. */
const char *it_sdp_setup_text(enum it_setup setup);
const char *it_sdp_hash_text(enum it_sdp_hash hash);

/* sdp.c: the next line of |*text|, without its end (CR LF, or LF alone: RFC 8866 section 5). */
it_bytes it_sdp_line(it_bytes *text);

#endif
