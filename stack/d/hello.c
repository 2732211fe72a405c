/* The hello of two ends in a room. */
#include "stack/d/hello.h"

#include <string.h>

enum { VERSION = 1, STREAMS = 1, ASKS = 2, NUMBER = 4, HEARD = 12, PRINT = 20, TAG = PRINT + IT_SHA256_SIZE };

void it_d_hello_key(it_hmac_key *key, it_bytes room, it_bytes secret)
{
    static const uint8_t END = 0;
    uint8_t digest[IT_SHA256_SIZE];
    it_sha256(digest, room, it_bytes_of(&END, 1), secret);
    it_hmac_key_init(key, it_bytes_of(digest, sizeof digest));
}

void it_d_hello_write(const it_d_hello *h, const it_hmac_key *key, uint8_t *out)
{
    out[0] = IT_D_HELLO_TYPE;
    out[1] = VERSION;
    out[2] = (uint8_t)((h->streams ? STREAMS : 0) | (h->asks ? ASKS : 0));
    out[3] = 0;
    it_put64(out + NUMBER, h->number);
    it_put64(out + HEARD, h->heard);
    memcpy(out + PRINT, h->print, IT_SHA256_SIZE);
    it_hmac_sha256(key, out + TAG, it_bytes_of(out, TAG), it_bytes_of(NULL, 0));
}

int it_d_hello_read(it_d_hello *h, const it_hmac_key *key, it_bytes datagram)
{
    uint8_t tag[IT_SHA256_SIZE];
    const uint8_t *p = datagram.p;
    if (datagram.n != IT_D_HELLO_SIZE || p[0] != IT_D_HELLO_TYPE || p[1] != VERSION)
        return IT_ERR_PARSE;
    if (p[2] & ~(STREAMS | ASKS) || p[3] != 0 || it_get64(p + NUMBER) == 0)
        return IT_ERR_PARSE;
    it_hmac_sha256(key, tag, it_bytes_of(p, TAG), it_bytes_of(NULL, 0));
    if (!it_equal_ct(tag, p + TAG, IT_SHA256_SIZE))
        return IT_ERR_AUTH;
    *h = (it_d_hello){.streams = p[2] & STREAMS, .asks = p[2] & ASKS};
    h->number = it_get64(p + NUMBER);
    h->heard = it_get64(p + HEARD);
    memcpy(h->print, p + PRINT, IT_SHA256_SIZE);
    return 0;
}
