/* What a layer that passes bytes on unchanged keeps of them on their way, in each direction: a bounded queue, and the
 * OPENED, FIN or RST behind it. A part of layers that only begin a stream (CONNECT, SOCKS, an HTTP upgrade). */
#ifndef IT_STACK_STREAM_PASS_H
#define IT_STACK_STREAM_PASS_H

#include "stack/stream/layer.h"
#include "stack/stream/queue.h"

#include <stdbool.h>

#define IT_PASS_BUF IT_QUEUE_MAX

typedef struct it_pass {
    bool opened, fin, rst; /* to be passed on */
    bool over;             /* after RST: nothing more */
    enum it_io_end end;    /* of the RST */
    it_queue bytes;        /* on their way */
} it_pass;

/* Takes |in|. Returns the bytes taken of DATA, else 0. */
int it_pass_put(it_pass *p, const it_io *in);
/* Puts on: 1, or 0. */
int it_pass_take(it_pass *p, it_io *out, uint8_t *buf, size_t cap);

#endif
