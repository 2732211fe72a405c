/* HMAC-SHA1 of a STUN message: ours with a prepared key beside OpenSSL's with a kept HMAC_CTX, in turn in one process.
 *
 *     hmac [MESSAGES [WHAT]]      WHAT: ours or theirs, which alone is then run, for callgrind
 *
 * Prints a line: nanoseconds of processor time a message of 100 bytes, the least of ROUNDS; the ratio. */
#define OPENSSL_SUPPRESS_DEPRECATED /* HMAC_CTX is what there is to compare with */
#include "stack/crypto/digest.h"

#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS 9
#define MESSAGE 100

static const char PASSWORD[] = "VOkJxbRl1RmTxUk/WvJxBt"; /* of RFC 5769 */

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Both begin each message with its number, and fold what comes out into |sum|, so that nothing can be left out. */
static double ours(uint32_t messages, uint8_t sum[IT_SHA1_SIZE])
{
    uint8_t msg[MESSAGE] = {0}, mac[IT_SHA1_SIZE];
    it_hmac_key key;
    it_hmac_key_init(&key, it_bytes_of(PASSWORD, sizeof PASSWORD - 1));
    double begin = cpu_ns();
    for (uint32_t i = 0; i < messages; i++) {
        it_put32(msg, i);
        it_hmac_sha1(&key, mac, it_bytes_of(msg, sizeof msg), it_bytes_of(NULL, 0));
        sum[i % IT_SHA1_SIZE] ^= mac[0];
    }
    return (cpu_ns() - begin) / messages;
}

static double theirs(uint32_t messages, uint8_t sum[IT_SHA1_SIZE])
{
    uint8_t msg[MESSAGE] = {0}, mac[IT_SHA1_SIZE];
    unsigned n;
    HMAC_CTX *ctx = HMAC_CTX_new();
    if (!ctx || !HMAC_Init_ex(ctx, PASSWORD, sizeof PASSWORD - 1, EVP_sha1(), NULL))
        exit(1);
    double begin = cpu_ns();
    for (uint32_t i = 0; i < messages; i++) {
        it_put32(msg, i);
        if (!HMAC_Init_ex(ctx, NULL, 0, NULL, NULL) || !HMAC_Update(ctx, msg, sizeof msg) || !HMAC_Final(ctx, mac, &n))
            exit(1);
        sum[i % IT_SHA1_SIZE] ^= mac[0];
    }
    double took = (cpu_ns() - begin) / messages;
    HMAC_CTX_free(ctx);
    return took;
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

int main(int argc, char **argv)
{
    uint32_t messages = argc > 1 ? (uint32_t)atoi(argv[1]) : 200000;
    uint8_t a[IT_SHA1_SIZE] = {0}, b[IT_SHA1_SIZE] = {0};
    double mine = 1e9, other = 1e9;
    if (messages == 0) {
        fprintf(stderr, "usage: hmac [MESSAGES [ours|theirs]]\n");
        return 2;
    }
    if (argc > 2) {
        bool us = strcmp(argv[2], "ours") == 0;
        printf("ns=%.1f\n", us ? ours(messages, a) : theirs(messages, a));
        return 0;
    }
    for (int i = 0; i < ROUNDS; i++) {
        mine = least(mine, ours(messages, a));
        other = least(other, theirs(messages, b));
    }
    if (memcmp(a, b, sizeof a) != 0) {
        fprintf(stderr, "hmac: they differ\n");
        return 1;
    }
    printf("hmac_ns=%.1f openssl_ns=%.1f ratio=%.3f\n", mine, other, mine / other);
    return 0;
}
