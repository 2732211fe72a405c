/* The streams that a server holds, and whose they are: how many of one source there are at a time. A source is an IPv4
 * address or an IPv6 /64. Fed with what goes in and out of the object that has them. */
#ifndef IT_LAB_SERVE_HELD_H
#define IT_LAB_SERVE_HELD_H

#include "base/alloc.h"
#include "stack/io.h"

typedef struct it_held_stream {
    uint32_t flow;
    it_ip ip;
    bool in, out; /* FIN has gone that way */
} it_held_stream;

typedef struct it_held {
    it_alloc *alloc;
    it_held_stream *v;
    size_t n, cap;
} it_held;

/* Starts with none; gives its memory back. */
void it_held_init(it_held *h, it_alloc *alloc);
void it_held_fini(it_held *h);

/* How many streams of the source of |ip| there are. */
size_t it_held_of(const it_held *h, it_ip ip);
/* Accepted stream |in| is held from now on. Returns 0 or IT_ERR_NOMEM. */
int it_held_add(it_held *h, const it_io *in) IT_MUST_CHECK;
/* |io| goes into the object (|in|), or out of it: RST ends a stream at once, FIN one way of it. */
void it_held_pass(it_held *h, const it_io *io, bool in);

#endif
