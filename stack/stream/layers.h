/* Layers stacked over one stream: bytes of the stream go in below, what the top layer makes of them comes out above,
 * and the same the other way.
 *
 *     it_layers_read <-- [ top layer ] <-- ... <-- [ bottom layer ] <-- it_layers_input    (DATA of the stream)
 *     it_layers_write --> [ top layer ] --> ... --> [ bottom layer ] --> the stream --> it_layers_output
 *
 * At every boundary at most one io waits that the next layer did not take; back-pressure passes from the reader above
 * down to the transport's window, and from the transport's credit up to the writer. A part of whoever owns the stream.
 */
#ifndef IT_STACK_STREAM_LAYERS_H
#define IT_STACK_STREAM_LAYERS_H

#include "base/alloc.h"
#include "stack/stream/layer.h"
#include "stack/stream/stream.h"

#define IT_LAYERS_MAX 4

/* What a layer put out and the next one has not taken yet. */
typedef struct it_layers_rest {
    bool any;
    it_io io;
    uint8_t *bytes; /* owned: the data of |io| */
    size_t at;      /* so many were taken */
} it_layers_rest;

typedef struct it_layers {
    it_alloc *alloc;
    it_stream *below;
    it_layer v[IT_LAYERS_MAX];
    it_layers_rest up[IT_LAYERS_MAX], down[IT_LAYERS_MAX]; /* behind layer i, on its way up or down */
    int n;
} it_layers;

/* No layers over |below|, which outlives them. Frees what waits, and the layers. */
void it_layers_init(it_layers *ls, it_alloc *alloc, it_stream *below);
void it_layers_fini(it_layers *ls);
/* Puts |l|, from now on owned, on top. Returns 0, or IT_ERR_FULL, |l| then freed. */
int it_layers_push(it_layers *ls, it_layer l) IT_MUST_CHECK;

/* Takes the top layer away and frees it, once nothing of what was written above it waits in it. What it was to be given
 * next is read instead of it, as is all that the layer below puts out from then on. */
void it_layers_pop(it_layers *ls);

/* Takes an io of the stream, whatever kind. Returns the bytes consumed of DATA, else 0; IT_ERR_NOMEM. */
int it_layers_input(it_layers *ls, it_time now, const it_io *in) IT_MUST_CHECK;
/* What the application writes: DATA (of a framing layer a whole message), FIN or RST. Returns the bytes taken of DATA,
 * else 0; IT_ERR_NOMEM; of a framing layer IT_ERR_FULL (the message was not taken, later it may be), IT_ERR_TOOBIG,
 * IT_ERR_STATE. */
int it_layers_write(it_layers *ls, it_time now, const it_io *in) IT_MUST_CHECK;
/* What there is for the application: OPENED, DATA, FIN or RST, its data in |buf| of |cap| bytes, at least
 * IT_LAYER_MESSAGE where messages may be so large. 1, 0, or IT_ERR_NOMEM. */
int it_layers_read(it_layers *ls, it_time now, it_io *out, uint8_t *buf, size_t cap) IT_MUST_CHECK;
/* What the stream puts out: 1, 0, or IT_ERR_NOMEM. */
int it_layers_output(it_layers *ls, it_time now, it_io *out, uint8_t *buf, size_t cap) IT_MUST_CHECK;
int it_layers_tick(it_layers *ls, it_time now) IT_MUST_CHECK; /* 0 or IT_ERR_NOMEM */
it_time it_layers_next(const it_layers *ls);
/* Why a layer ended the stream; NULL: none did. */
const char *it_layers_why(const it_layers *ls);

#endif
