/* Reassembly of packets that came in Packet Fragment chunks (RFC 7016 section 3.4): a few buffers, known by the address
 * they come from and their number. */
#ifndef IT_STACK_RTMFP_WIRE_FRAG_H
#define IT_STACK_RTMFP_WIRE_FRAG_H

#include "base/alloc.h"
#include "base/time.h"
#include "stack/rtmfp/wire/chunk.h"

#define IT_RTMFP_FRAG_BUFFERS 8           /* at a time */
#define IT_RTMFP_FRAG_SOURCE 2            /* of them from one address */
#define IT_RTMFP_FRAG_PIECES 64           /* of one packet */
#define IT_RTMFP_FRAG_BYTES 65536         /* of one packet: what section 3.4 proposes */
#define IT_RTMFP_FRAG_WHOLE (60 * IT_SEC) /* a packet has to be complete within */
#define IT_RTMFP_FRAG_PROGRESS IT_SEC     /* and each fragment to come after the one before it within */

typedef struct it_rtmfp_frag_buffer {
    it_addr from;
    uint64_t id;
    enum it_rtmfp_mode mode;
    it_time begun, grown;
    uint32_t n, want; /* fragments that are here; how many there are, 0: not known yet */
    uint32_t top;     /* the highest number of them */
    size_t bytes;
    it_bytes piece[IT_RTMFP_FRAG_PIECES]; /* ours */
} it_rtmfp_frag_buffer;

typedef struct it_rtmfp_frags {
    it_alloc *alloc;
    it_rtmfp_frag_buffer *buffer[IT_RTMFP_FRAG_BUFFERS]; /* NULL: free */
    uint8_t *whole;                                      /* the last packet that was given out */
} it_rtmfp_frags;

/* Begins without buffers; allocates nothing. */
void it_rtmfp_frags_init(it_rtmfp_frags *f, it_alloc *alloc);
void it_rtmfp_frags_fini(it_rtmfp_frags *f);

/* Takes fragment |p| of a packet of |mode| from |from|. Returns 1 when it completes one: |*whole| is the plain packet,
 * whose mode is |mode|, and lives until the next call; 0 when not: more is missing, it was here before, its mode is
 * another than that of the first, it is too much, there is no buffer. IT_ERR_NOMEM: it is lost. */
int it_rtmfp_frags_take(it_rtmfp_frags *f, it_time now, it_addr from, enum it_rtmfp_mode mode,
                        const it_rtmfp_fragment *p, it_bytes *whole);
/* How many packets are being reassembled at |now|. */
uint32_t it_rtmfp_frags_count(const it_rtmfp_frags *f, it_time now);

#endif
