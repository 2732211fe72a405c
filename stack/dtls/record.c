/* Which records of a datagram may be part of a connection, judged by what they say in clear (RFC 6347 section 4.1):
 * everybody can write a record of epoch 0, so none of them may end anything. */
#include "stack/dtls/impl.h"

#include <string.h>

#define RECORD_HEADER IT_DTLS_RECORD_HEADER
#define MESSAGE_HEADER IT_DTLS_MESSAGE_HEADER
#define MESSAGE_MAX 16384 /* bytes of a handshake message; ours are below 1 kB */

enum { TYPE_CCS = 20, TYPE_ALERT = 21, TYPE_HANDSHAKE = 22, TYPE_DATA = 23 };
enum { HELLO_CLIENT = 1, HELLO_VERIFY = 3 };
enum { OVERHEAD = 24 }; /* nonce and tag of a record with AES-GCM (RFC 5288), more than ChaCha20-Poly1305 needs */

static uint32_t get16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get24(const uint8_t *p)
{
    return (uint32_t)p[0] << 16 | get16(p + 1);
}

/* True when a handshake message of |type| and number |seq| may come in clear to that end: in a handshake with a
 * certificate of both each number is of one type (RFC 5246 section 7.3, RFC 6347 section 4.2.2), and to a client, whose
 * server may ask for a cookie first, of one of two: HelloVerifyRequest is number 0 then, and all others are one later
 * (section 4.2.1). HelloRequest asks for a renegotiation, and would undo a handshake; we ask for no cookie. */
static bool message_expected(bool client, unsigned type, unsigned seq)
{
    enum { SERVER_HELLO = 2, CERTIFICATE = 11, SERVER_KEY = 12, REQUEST = 13, DONE = 14, VERIFY = 15, CLIENT_KEY = 16 };
    static const uint8_t to_client[] = {SERVER_HELLO, CERTIFICATE, SERVER_KEY, REQUEST, DONE};
    static const uint8_t with_cookie[] = {HELLO_VERIFY, SERVER_HELLO, CERTIFICATE, SERVER_KEY, REQUEST, DONE};
    static const uint8_t to_server[] = {HELLO_CLIENT, CERTIFICATE, CLIENT_KEY, VERIFY};
    if (!client)
        return seq < sizeof to_server && to_server[seq] == type;
    if (seq < sizeof with_cookie && with_cookie[seq] == type)
        return true;
    return seq < sizeof to_client && to_client[seq] == type;
}

/* The bytes of the fragment that |body| begins with, 0 when it cannot be one: RFC 6347 section 4.2.2. */
static size_t fragment_size(it_bytes body)
{
    if (body.n < MESSAGE_HEADER)
        return 0;
    uint32_t length = get24(body.p + 1), at = get24(body.p + 6), part = get24(body.p + 9);
    if (length > MESSAGE_MAX)
        return 0;
    if (at + part > length)
        return 0;
    if (part > body.n - MESSAGE_HEADER)
        return 0;
    if (part == 0 && length > 0)
        return 0; /* an empty fragment of something says nothing */
    return MESSAGE_HEADER + part;
}

/* True when the body of a handshake record is fragments of messages that may come. */
static bool handshake_possible(bool client, it_bytes body)
{
    if (body.n == 0)
        return false;
    while (body.n > 0) {
        size_t n = fragment_size(body);
        if (n == 0 || !message_expected(client, body.p[0], get16(body.p + 4)))
            return false;
        body = it_bytes_of(body.p + n, body.n - n);
    }
    return true;
}

/* True for a record of epoch 0 that may be part of a handshake under way. */
static bool clear_possible(bool client, unsigned type, it_bytes body)
{
    if (type == TYPE_CCS)
        return body.n == 1 && body.p[0] == 1; /* RFC 5246 section 7.1 */
    /* RFC 6347 section 4.1.2.7: an alert that anyone can write ends nothing; application data is never sent in clear.
     */
    return type == TYPE_HANDSHAKE && handshake_possible(client, body);
}

/* True for a type and a version of DTLS 1.0 (in a first hello) or 1.2. */
static bool record_known(const uint8_t *p)
{
    if (p[0] < TYPE_CCS || p[0] > TYPE_DATA)
        return false;
    return p[1] == 0xfe && (p[2] == 0xff || p[2] == 0xfd);
}

static bool record_possible(bool client, size_t overhead, const uint8_t *p, it_bytes body)
{
    if (!record_known(p))
        return false;
    switch (get16(p + 3)) {
    case 0:
        return overhead == 0 && clear_possible(client, p[0], body);
    case 1:
        /* Integrity is OpenSSL's to check, but it ends the connection when a record is too short to have any. A
         * Finished is longer than that with every cipher we offer. */
        return body.n > (overhead ? overhead : OVERHEAD);
    default:
        return false; /* no renegotiation: there is no other epoch */
    }
}

/* Gives a record in clear the next number. */
static void renumber(uint8_t *record, uint64_t n)
{
    for (int i = 0; i < 6; i++)
        record[5 + i] = (uint8_t)(n >> (40 - 8 * i));
}

size_t it_dtls_sift(bool client, size_t overhead, uint64_t *clear, it_bytes in, uint8_t *out)
{
    size_t kept = 0;
    while (in.n > RECORD_HEADER) {
        size_t n = RECORD_HEADER + get16(in.p + 11);
        if (n > in.n)
            break; /* RFC 6347 section 4.1.1: records do not span datagrams */
        if (record_possible(client, overhead, in.p, it_bytes_of(in.p + RECORD_HEADER, n - RECORD_HEADER))) {
            memcpy(out + kept, in.p, n);
            if (get16(in.p + 3) == 0)
                renumber(out + kept, (*clear)++);
            kept += n;
        }
        in = it_bytes_of(in.p + n, in.n - n);
    }
    return kept;
}

/* --- contradictions --- */

it_bytes it_dtls_walk_next(it_dtls_walk *f)
{
    while (f->body.n == 0) {
        if (f->records.n == 0)
            return it_bytes_of(NULL, 0);
        const uint8_t *p = f->records.p;
        size_t n = RECORD_HEADER + get16(p + 11);
        if (p[0] == TYPE_HANDSHAKE && get16(p + 3) == 0)
            f->body = it_bytes_of(p + RECORD_HEADER, n - RECORD_HEADER);
        f->records = it_bytes_of(p + n, f->records.n - n);
    }
    size_t n = MESSAGE_HEADER + get24(f->body.p + 9);
    it_bytes m = it_bytes_of(f->body.p, n);
    f->body = it_bytes_of(f->body.p + n, f->body.n - n);
    return m;
}

/* True when two fragments are of the same message by its number and cannot both be true. */
static bool fragments_differ(it_bytes a, it_bytes b)
{
    if (get16(a.p + 4) != get16(b.p + 4))
        return false;
    if (memcmp(a.p, b.p, 4) != 0) /* type and length */
        return true;
    uint32_t at_a = get24(a.p + 6), at_b = get24(b.p + 6);
    uint32_t end_a = at_a + get24(a.p + 9), end_b = at_b + get24(b.p + 9);
    uint32_t from = at_a > at_b ? at_a : at_b, upto = end_a < end_b ? end_a : end_b;
    if (from >= upto)
        return false;
    return memcmp(a.p + MESSAGE_HEADER + (from - at_a), b.p + MESSAGE_HEADER + (from - at_b), upto - from) != 0;
}

bool it_dtls_contradict(it_bytes a, it_bytes b)
{
    it_dtls_walk fa = {.records = a};
    for (it_bytes x = it_dtls_walk_next(&fa); x.n; x = it_dtls_walk_next(&fa)) {
        it_dtls_walk fb = {.records = b};
        for (it_bytes y = it_dtls_walk_next(&fb); y.n; y = it_dtls_walk_next(&fb))
            if (fragments_differ(x, y))
                return true;
    }
    return false;
}

bool it_dtls_asks_cookie(it_bytes in)
{
    it_dtls_walk f = {.records = in};
    for (it_bytes m = it_dtls_walk_next(&f); m.n; m = it_dtls_walk_next(&f))
        if (m.p[0] == HELLO_VERIFY)
            return true;
    return false;
}

bool it_dtls_is_client_hello(it_bytes in)
{
    if (in.n < RECORD_HEADER + MESSAGE_HEADER || in.p[0] != TYPE_HANDSHAKE || get16(in.p + 3) != 0)
        return false;
    const uint8_t *m = in.p + RECORD_HEADER;
    return m[0] == HELLO_CLIENT && get16(m + 4) == 0 && get24(m + 6) == 0 && get24(m + 9) == get24(m + 1);
}
