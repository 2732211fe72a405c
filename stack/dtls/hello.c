/* A ClientHello in pieces (RFC 6347 section 4.2.3): one with a post-quantum key share does not fit one datagram.
 *
 * The server's memory of hellos (trial.c) knows whole ones. So pieces are put together here, and what is whole goes on
 * as one record, as if the client had sent it so: the handshake's hash is over whole messages anyway (section 4.2.6).
 * Of two pieces that contradict each other the later one counts; a hello too large to be remembered is not taken. */
#include "stack/dtls/impl.h"

#define RECORD_HEADER IT_DTLS_RECORD_HEADER
#define MESSAGE_HEADER IT_DTLS_MESSAGE_HEADER
#define ROOM (IT_DTLS_HELLO_MAX - RECORD_HEADER - MESSAGE_HEADER)

enum { TYPE_HANDSHAKE = 22, CLIENT_HELLO = 1 };

static uint32_t get24(const uint8_t *p)
{
    return (uint32_t)p[0] << 16 | (uint32_t)it_get16(p + 1);
}

static void put24(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 16);
    it_put16(p + 1, (uint16_t)v);
}

/* True when |m| is a part of a ClientHello, and not all of it. */
static bool piece_is(it_bytes m)
{
    return m.p[0] == CLIENT_HELLO && it_get16(m.p + 4) == 0 && get24(m.p + 9) < get24(m.p + 1);
}

/* True when the bytes of |m| that are there already are others. */
static bool piece_differs(const it_dtls_pieces *x, it_bytes m)
{
    uint32_t at = get24(m.p + 6);
    const uint8_t *body = x->data + RECORD_HEADER + MESSAGE_HEADER;
    if (memcmp(x->head, m.p, sizeof x->head) != 0)
        return true;
    for (size_t i = 0; i < m.n - MESSAGE_HEADER; i++) {
        size_t k = at + i;
        if ((x->there[k / 8] >> k % 8 & 1) && body[k] != m.p[MESSAGE_HEADER + i])
            return true;
    }
    return false;
}

static void piece_put(it_dtls_pieces *x, it_bytes m)
{
    uint32_t at = get24(m.p + 6);
    if (x->length == 0 || piece_differs(x, m)) {
        memset(x, 0, sizeof *x);
        memcpy(x->head, m.p, sizeof x->head);
        x->length = get24(m.p + 1);
    }
    memcpy(x->data + RECORD_HEADER + MESSAGE_HEADER + at, m.p + MESSAGE_HEADER, m.n - MESSAGE_HEADER);
    for (size_t k = at; k < at + m.n - MESSAGE_HEADER; k++) {
        x->have += !(x->there[k / 8] >> k % 8 & 1);
        x->there[k / 8] |= (uint8_t)(1 << k % 8);
    }
}

/* Writes the headers of the whole message: of the record |in| begins with, whose number nobody else has. */
static it_bytes pieces_join(it_dtls_pieces *x, it_bytes in)
{
    uint8_t *message = x->data + RECORD_HEADER;
    memcpy(x->data, in.p, RECORD_HEADER);
    x->data[0] = TYPE_HANDSHAKE; /* what comes first may be of another type */
    it_put16(x->data + 11, (uint16_t)(MESSAGE_HEADER + x->length));
    memcpy(message, x->head, sizeof x->head);
    it_put16(message + 4, 0);
    put24(message + 6, 0);
    put24(message + 9, x->length);
    return it_bytes_of(x->data, RECORD_HEADER + MESSAGE_HEADER + x->length);
}

bool it_dtls_hello_whole(it_dtls *d, it_bytes in, it_bytes *whole)
{
    it_dtls_walk w = {.records = in};
    bool any = false;
    *whole = in;
    if (d->client)
        return true;
    for (it_bytes m = it_dtls_walk_next(&w); m.n; m = it_dtls_walk_next(&w)) {
        if (!piece_is(m))
            continue;
        any = true;
        if (get24(m.p + 1) > ROOM)
            continue;
        if (!d->pieces)
            d->pieces = it_calloc(d->alloc, 1, sizeof *d->pieces);
        if (d->pieces)
            piece_put(d->pieces, m);
        else
            d->nomem = true; /* as if it had been lost */
    }
    if (!any)
        return true;
    if (!d->pieces || d->pieces->length == 0 || d->pieces->have < d->pieces->length)
        return false;
    *whole = pieces_join(d->pieces, in);
    return true;
}

void it_dtls_hello_early(it_dtls *d)
{
    uint8_t sifted[IT_IO_DGRAM_MAX];
    it_bytes whole;
    if (d->client)
        return;
    size_t n = it_dtls_sift(false, 0, &d->clear, it_bytes_of(d->early, d->early_len), sifted);
    if (n > 0)
        (void)it_dtls_hello_whole(d, it_bytes_of(sifted, n), &whole);
}
