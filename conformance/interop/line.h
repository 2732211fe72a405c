/* What an adapter writes: one flat JSON object a line, of which this makes an event of itp/1 (docs/adapters.md). An
 * adapter is somebody else's program: a line is garbage until it has been read here. */
#ifndef IT_CONFORMANCE_INTEROP_LINE_H
#define IT_CONFORMANCE_INTEROP_LINE_H

#include "base/bytes.h"

#include <jansson.h>
#include <stdbool.h>

typedef enum it_interop_kind {
    IT_INTEROP_HELLO,
    IT_INTEROP_LOCAL,
    IT_INTEROP_CAND,
    IT_INTEROP_GATHERED,
    IT_INTEROP_STATE,
    IT_INTEROP_SELECTED,
    IT_INTEROP_DATA,
    IT_INTEROP_DTLS,
    IT_INTEROP_CLOSED,
    IT_INTEROP_ERROR,
    IT_INTEROP_UNSUPPORTED,
    IT_INTEROP_OTHER, /* an event that the runner has no use for */
} it_interop_kind;

typedef struct it_interop_line {
    it_interop_kind kind;
    json_t *members; /* the caller's: json_decref */
} it_interop_line;

/* Reads |text|. Returns NULL, or why it is no event, a clause in static storage; |out| then has nothing to be freed. */
const char *it_interop_read(it_interop_line *out, it_bytes text);
/* The member |key| as text; "" where it is missing or a number. Lives as long as |l|. */
const char *it_interop_text(const it_interop_line *l, const char *key);
/* The member |key| as a number, 0 where it is missing or text. */
json_int_t it_interop_number(const it_interop_line *l, const char *key);
/* Whether the list |caps|, words with commas between, has |word|. */
bool it_interop_has(const char *caps, const char *word);

#endif
