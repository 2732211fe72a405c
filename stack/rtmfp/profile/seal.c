/* AES-128-CBC, HMAC-SHA256, checksums and sequence numbers of packets. */
#include "stack/rtmfp/profile/seal.h"

#include "stack/crypto/ossl.h"
#include "stack/rtmfp/wire/packet.h"
#include "stack/rtmfp/wire/vlu.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

static const uint8_t ZEROS[IT_RTMFP_BLOCK];

static EVP_CIPHER_CTX *keys_cipher(const uint8_t *key, int encrypt)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(it_ossl_ctx(), "AES-128-CBC", NULL);
    bool ok = ctx && cipher && EVP_CipherInit_ex2(ctx, cipher, key, ZEROS, encrypt, NULL) == 1 &&
              EVP_CIPHER_CTX_set_padding(ctx, 0) == 1;
    EVP_CIPHER_free(cipher); /* the context has a reference of its own */
    if (ok)
        return ctx;
    EVP_CIPHER_CTX_free(ctx);
    return NULL;
}

int it_rtmfp_keys_init(it_rtmfp_keys *k, const it_rtmfp_secrets *s)
{
    *k = (it_rtmfp_keys){.encrypt = keys_cipher(s->encrypt, 1),
                         .decrypt = keys_cipher(s->decrypt, 0),
                         .mac_tx_size = s->mac_tx_size,
                         .mac_rx_size = s->mac_rx_size,
                         .seq_tx = s->seq_tx,
                         .seq_rx = s->seq_rx};
    if (!k->encrypt || !k->decrypt) {
        it_rtmfp_keys_wipe(k);
        return IT_ERR_CRYPTO;
    }
    it_hmac_key_init(&k->mac_tx, it_bytes_of(s->mac_tx, sizeof s->mac_tx));
    it_hmac_key_init(&k->mac_rx, it_bytes_of(s->mac_rx, sizeof s->mac_rx));
    return 0;
}

int it_rtmfp_keys_init_default(it_rtmfp_keys *k)
{
    static const char WELL_KNOWN[IT_RTMFP_KEY + 1] = "Adobe Systems 02";
    it_rtmfp_secrets s = {.mac_tx_size = 0};
    memcpy(s.encrypt, WELL_KNOWN, IT_RTMFP_KEY);
    memcpy(s.decrypt, WELL_KNOWN, IT_RTMFP_KEY);
    return it_rtmfp_keys_init(k, &s);
}

void it_rtmfp_keys_wipe(it_rtmfp_keys *k)
{
    EVP_CIPHER_CTX_free(k->encrypt);
    EVP_CIPHER_CTX_free(k->decrypt);
    OPENSSL_cleanse(k, sizeof *k);
}

/* The two words that a session ID is scrambled with; bytes that are missing count as 0. */
static uint32_t seal_scramble(const uint8_t *encrypted, size_t n)
{
    uint8_t front[8] = {0};
    memcpy(front, encrypted, n < sizeof front ? n : sizeof front);
    return it_get32(front) ^ it_get32(front + 4);
}

bool it_rtmfp_sid(it_bytes datagram, uint32_t *sid)
{
    if (datagram.n < IT_RTMFP_SID)
        return false;
    *sid = it_get32(datagram.p) ^ seal_scramble(datagram.p + IT_RTMFP_SID, datagram.n - IT_RTMFP_SID);
    return true;
}

uint16_t it_rtmfp_checksum(it_bytes b)
{
    uint64_t sum = 0;
    size_t i = 0;
    for (; i + 2 <= b.n; i += 2)
        sum += it_get16(b.p + i);
    if (i < b.n)
        sum += b.p[i]; /* RFC 7425 section 4.7.3.1: the low byte, where RFC 1071 has it as the high one */
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* Bytes before the plain packet in what is encrypted. */
static size_t seal_front(const it_rtmfp_keys *k)
{
    size_t n = k->mac_tx_size ? 0 : 2;
    if (k->seq_tx)
        n += it_rtmfp_vlu_size(k->next);
    return n;
}

size_t it_rtmfp_seal_room(const it_rtmfp_keys *k, size_t max)
{
    size_t taken = IT_RTMFP_SID + k->mac_tx_size, front = seal_front(k);
    if (max < taken)
        return 0;
    size_t blocks = (max - taken) / IT_RTMFP_BLOCK * IT_RTMFP_BLOCK;
    return blocks > front ? blocks - front : 0;
}

static bool seal_run(EVP_CIPHER_CTX *ctx, uint8_t *out, it_bytes in)
{
    int n = 0;
    if (EVP_CipherInit_ex(ctx, NULL, NULL, NULL, ZEROS, -1) != 1)
        return false;
    return EVP_CipherUpdate(ctx, out, &n, in.p, (int)in.n) == 1 && n == (int)in.n;
}

int it_rtmfp_seal(it_rtmfp_keys *k, uint32_t sid, it_bytes plain, uint8_t *out, size_t cap)
{
    it_buf b;
    if (plain.n == 0) /* of nothing there is no block */
        return IT_ERR_RANGE;
    if (cap < IT_RTMFP_SID || plain.n > it_rtmfp_seal_room(k, cap))
        return IT_ERR_FULL;
    if (k->seq_tx && k->next == UINT64_MAX) /* RFC 7425 section 4.6.6: they do not wrap */
        return IT_ERR_LIMIT;
    it_buf_init(&b, out + IT_RTMFP_SID, cap - IT_RTMFP_SID);
    if (k->seq_tx)
        it_rtmfp_vlu_put(&b, k->next);
    size_t check = b.len;
    if (!k->mac_tx_size)
        it_buf_u16(&b, 0);
    size_t body = b.len;
    it_buf_put(&b, plain.p, plain.n);
    it_buf_fill(&b, IT_RTMFP_PADDING, (IT_RTMFP_BLOCK - b.len % IT_RTMFP_BLOCK) % IT_RTMFP_BLOCK);
    IT_ASSERT(!b.overflow);
    if (!k->mac_tx_size)
        it_put16(b.p + check, it_rtmfp_checksum(it_bytes_of(b.p + body, b.len - body)));
    if (!seal_run(k->encrypt, b.p, it_bytes_of(b.p, b.len)))
        return IT_ERR_CRYPTO;
    k->next++;
    if (k->mac_tx_size) {
        uint8_t mac[IT_SHA256_SIZE];
        it_hmac_sha256(&k->mac_tx, mac, it_bytes_of(b.p, b.len), it_bytes_of(NULL, 0));
        it_buf_put(&b, mac, k->mac_tx_size);
    }
    it_put32(out, sid ^ seal_scramble(b.p, b.len));
    return (int)(IT_RTMFP_SID + b.len);
}

/* Whether |seq| is new: RFC 7425 section 4.7.3.3. */
static int open_check(const it_rtmfp_keys *k, uint64_t seq)
{
    if (seq >= k->above)
        return 0;
    uint64_t back = k->above - 1 - seq;
    if (back >= IT_RTMFP_WINDOW)
        return IT_ERR_OLD;
    return k->seen >> back & 1 ? IT_ERR_REPLAY : 0;
}

static void open_mark(it_rtmfp_keys *k, uint64_t seq)
{
    if (seq < k->above) {
        k->seen |= 1ULL << (k->above - 1 - seq);
        return;
    }
    uint64_t ahead = seq + 1 - k->above;
    k->seen = ahead < 64 ? k->seen << ahead | 1 : 1;
    k->above = seq + 1;
}

int it_rtmfp_open(it_rtmfp_keys *k, it_bytes datagram, uint8_t *out, size_t cap, it_bytes *plain)
{
    it_rd r;
    uint64_t seq = 0;
    if (datagram.n < (size_t)IT_RTMFP_SID + IT_RTMFP_BLOCK + k->mac_rx_size || datagram.n > cap)
        return IT_ERR_AUTH;
    it_bytes blocks = it_bytes_of(datagram.p + IT_RTMFP_SID, datagram.n - IT_RTMFP_SID - k->mac_rx_size);
    if (blocks.n % IT_RTMFP_BLOCK)
        return IT_ERR_AUTH;
    if (k->mac_rx_size) { /* RFC 7425 section 4.7.3.2: before anything is decrypted */
        uint8_t mac[IT_SHA256_SIZE];
        it_hmac_sha256(&k->mac_rx, mac, blocks, it_bytes_of(NULL, 0));
        if (!it_equal_ct(mac, blocks.p + blocks.n, k->mac_rx_size))
            return IT_ERR_AUTH;
    }
    if (!seal_run(k->decrypt, out, blocks))
        return IT_ERR_CRYPTO;
    it_rd_init(&r, it_bytes_of(out, blocks.n));
    if (k->seq_rx)
        seq = it_rtmfp_vlu_get(&r);
    if (!k->mac_rx_size) {
        uint16_t check = it_rd_u16(&r);
        if (!r.fail && check != it_rtmfp_checksum(it_bytes_of(r.p, r.n)))
            r.fail = true;
    }
    if (r.fail || seq == UINT64_MAX)
        return IT_ERR_AUTH;
    *plain = it_bytes_of(r.p, r.n);
    if (!k->seq_rx)
        return 0;
    int err = open_check(k, seq);
    if (err == 0)
        open_mark(k, seq);
    return err;
}
