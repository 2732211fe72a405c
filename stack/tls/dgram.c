/* An association of DTLS around an SSL object: a datagram in, the datagrams that were in its records up; the other way
 * round. Its timer is in the caller's time: OpenSSL takes a timer with less than 15 ms left for expired, so it is never
 * told a time within MARGIN of the expiry but in tick, which tells it at least that. */
#include "stack/tls/dgram.h"

#include "base/bytes.h"
#include "stack/crypto/ossl.h"
#include "stack/tls/impl.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <sys/time.h>

#define MARGIN (16 * IT_MS)
enum { HEADER = 13, HELLO_RANDOM = HEADER + 12 + 2, HELLO_LEAST = HELLO_RANDOM + 32, HANDSHAKE = 22, CLIENT_HELLO = 1 };

/* Datagrams in a row, each behind its length. */
typedef struct dgram_row {
    uint8_t *p;
    size_t at, n, cap;
} dgram_row;

struct it_tls_dgram {
    it_tls_who who;
    it_alloc *alloc;
    it_rng rng;
    SSL *ssl;
    BIO_ADDR *any; /* of a server: what DTLSv1_listen wants, and nobody reads */
    bool client;
    it_tls_info info;
    bool over, lost;
    int alert_in, alert_out;
    it_bytes in; /* the datagram that OpenSSL has not read yet */
    dgram_row out, plain;
    it_time timer, ssl_due, clock; /* when to tick; the same by OpenSSL's clock; what that was told */
    const it_hmac_key *secret;     /* of the server; NULL before a hello */
    it_addr peer;
};

/* --- rows --- */

static int row_push(it_alloc *a, dgram_row *r, it_bytes d)
{
    if (r->at == r->n)
        r->at = r->n = 0;
    if (r->n - r->at + d.n + 2 > IT_TLS_DGRAM_QUEUE || d.n > UINT16_MAX)
        return IT_ERR_FULL;
    if (r->at > 0) {
        memmove(r->p, r->p + r->at, r->n - r->at);
        r->n -= r->at;
        r->at = 0;
    }
    if (it_grow(a, &r->p, &r->cap, r->n + d.n + 2, 1) < 0)
        return IT_ERR_NOMEM;
    it_put16(r->p + r->n, (uint16_t)d.n);
    memcpy(r->p + r->n + 2, d.p, d.n);
    r->n += d.n + 2;
    return 0;
}

static size_t row_take(dgram_row *r, uint8_t *buf, size_t cap)
{
    while (r->at < r->n) {
        size_t n = it_get16(r->p + r->at);
        const uint8_t *p = r->p + r->at + 2;
        r->at += n + 2;
        if (n > cap)
            continue;
        memcpy(buf, p, n);
        return n;
    }
    return 0;
}

/* --- what OpenSSL calls --- */

int it_tls_dgram_bio_read(BIO *b, char *p, int n)
{
    it_tls_dgram *d = BIO_get_data(b);
    size_t take = n > 0 && (size_t)n < d->in.n ? (size_t)n : d->in.n;
    BIO_clear_retry_flags(b);
    if (take == 0 || n <= 0) {
        BIO_set_retry_read(b);
        return -1;
    }
    memcpy(p, d->in.p, take);
    d->in.n = 0; /* one read takes one datagram */
    return (int)take;
}

int it_tls_dgram_bio_write(BIO *b, const char *p, int n)
{
    it_tls_dgram *d = BIO_get_data(b);
    BIO_clear_retry_flags(b);
    if (n > 0 && row_push(d->alloc, &d->out, it_bytes_of((const uint8_t *)p, (size_t)n)) == IT_ERR_NOMEM)
        d->lost = true; /* as if the network had lost it */
    return n;
}

/* The cookie of |d|'s peer for slot |slot| of time. RFC 6347 section 4.2.1. */
static void cookie_of(const it_tls_dgram *d, uint64_t slot, uint8_t out[IT_SHA256_SIZE])
{
    uint8_t what[8 + 16 + 2];
    it_put64(what, slot);
    it_put64(what + 8, d->peer.ip.hi);
    it_put64(what + 16, d->peer.ip.lo);
    it_put16(what + 24, d->peer.port);
    it_hmac_sha256(d->secret, out, it_bytes_of(what, sizeof what), it_bytes_of(NULL, 0));
}

static uint64_t slot_of(it_time t)
{
    return (uint64_t)t / (uint64_t)(IT_TLS_COOKIE_SLOT);
}

int it_tls_dgram_cookie(SSL *ssl, unsigned char *cookie, unsigned *n)
{
    const it_tls_dgram *d = SSL_get_app_data(ssl);
    if (!d->secret)
        return 0;
    cookie_of(d, slot_of(d->clock), cookie);
    *n = IT_SHA256_SIZE;
    return 1;
}

int it_tls_dgram_cookie_ok(SSL *ssl, const unsigned char *cookie, unsigned n)
{
    const it_tls_dgram *d = SSL_get_app_data(ssl);
    uint8_t want[IT_SHA256_SIZE];
    uint64_t slot = slot_of(d->clock);
    if (!d->secret || n != sizeof want)
        return 0;
    for (uint64_t back = 0; back <= 1 && back <= slot; back++) {
        cookie_of(d, slot - back, want);
        if (it_equal_ct(cookie, want, sizeof want))
            return 1;
    }
    return 0;
}

static void on_info(const SSL *ssl, int where, int value)
{
    it_tls_dgram *d = SSL_get_app_data(ssl);
    if (value >> 8 != SSL3_AL_FATAL)
        return;
    if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT)
        d->alert_in = value & 0xff;
    if ((where & SSL_CB_WRITE_ALERT) == SSL_CB_WRITE_ALERT)
        d->alert_out = value & 0xff;
}

/* --- entering and leaving --- */

/* |due|: the timer has run out. See the top of this file. */
static void dgram_enter(it_tls_dgram *d, it_time now, bool due)
{
    it_time t = now;
    if (d->timer != IT_NEVER && due && t < d->ssl_due)
        t = d->ssl_due;
    if (d->timer != IT_NEVER && !due && t > d->ssl_due - MARGIN)
        t = d->ssl_due - MARGIN;
    d->clock = t;
    it_ossl_enter(&d->rng, t);
}

/* Follows OpenSSL's timer: armed anew only when its expiry has moved, once a flight. Returns 0 or IT_ERR_NOMEM. */
static int dgram_leave(it_tls_dgram *d, it_time now)
{
    struct timeval left;
    if (d->over || DTLSv1_get_timeout(d->ssl, &left) != 1) {
        d->timer = IT_NEVER;
    } else {
        it_time wait = (it_time)left.tv_sec * IT_SEC + (it_time)left.tv_usec * IT_US;
        it_time due = d->clock - d->clock % IT_US + wait;
        if (d->timer == IT_NEVER || due != d->ssl_due) {
            d->ssl_due = due;
            d->timer = now + wait;
        }
    }
    it_ossl_leave();
    int err = d->lost ? IT_ERR_NOMEM : 0;
    d->lost = false;
    return err;
}

/* --- how it goes on, and ends --- */

static void dgram_end(it_tls_dgram *d, enum it_tls_end end)
{
    if (d->over)
        return;
    d->over = true;
    d->info.end = end;
    d->info.alert = d->alert_in >= 0 ? d->alert_in : d->alert_out;
}

static enum it_tls_end end_of(const it_tls_dgram *d)
{
    if (d->alert_in >= 0)
        return IT_TLS_END_ALERT;
    if (d->who.refused != IT_TLS_END_NONE)
        return d->who.refused;
    return d->alert_out >= 0 && d->alert_out != IT_TLS_INTERNAL_ERROR ? IT_TLS_END_PROTOCOL : IT_TLS_END_LIBRARY;
}

/* Between enter and leave, after a call on the SSL that returned |r|, no success. */
static void failed_call(it_tls_dgram *d, int r)
{
    switch (SSL_get_error(d->ssl, r)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return;
    case SSL_ERROR_ZERO_RETURN:
        (void)SSL_shutdown(d->ssl); /* RFC 5246 section 7.2.1: answered in kind */
        dgram_end(d, IT_TLS_END_CLOSED);
        return;
    case SSL_ERROR_SYSCALL:
        if (d->alert_in < 0 && d->alert_out < 0)
            return; /* a record that was nobody's */
        break;
    default:
        break;
    }
    dgram_end(d, end_of(d));
}

/* Between enter and leave: lets OpenSSL work on what is in |d|->in. */
static void dgram_work(it_tls_dgram *d)
{
    uint8_t buf[IT_TLS_PLAIN_MAX];
    size_t n = 0;
    if (!d->info.open) {
        int r = SSL_do_handshake(d->ssl);
        if (r != 1) {
            failed_call(d, r);
            return;
        }
        d->info.open = true;
        d->info.version = IT_TLS_1_2;
    }
    while (!d->over) {
        int r = SSL_read_ex(d->ssl, buf, sizeof buf, &n);
        if (r != 1) {
            failed_call(d, r);
            return;
        }
        if (n > 0 && row_push(d->alloc, &d->plain, it_bytes_of(buf, n)) == IT_ERR_NOMEM)
            d->lost = true;
    }
}

/* --- life --- */

static bool set_up(it_tls_dgram *d, const it_tls_cfg *cfg)
{
    d->ssl = SSL_new(cfg->shared->dgram);
    BIO *b = d->ssl ? BIO_new(cfg->shared->dgram_bio) : NULL;
    if (!b)
        return false;
    BIO_set_data(b, d);
    BIO_set_init(b, 1);
    SSL_set_bio(d->ssl, b, b);
    SSL_set_app_data(d->ssl, d);
    SSL_set_info_callback(d->ssl, on_info);
    if (!SSL_set_mtu(d->ssl, IT_TLS_DGRAM_MTU))
        return false;
    if (cfg->client)
        return it_tls_who_take(&d->who, cfg->name) && it_tls_who_client(d->ssl, &d->who, cfg->trust);
    d->any = BIO_ADDR_new();
    return d->any && it_tls_who_server(d->ssl, cfg->cert);
}

it_tls_dgram *it_tls_dgram_new(const it_tls_cfg *cfg)
{
    it_tls_dgram *d = it_calloc(cfg->alloc, 1, sizeof *d);
    if (!d)
        return NULL;
    d->alloc = cfg->alloc;
    d->rng = cfg->rng;
    d->client = cfg->client;
    d->timer = IT_NEVER;
    d->alert_in = d->alert_out = d->info.alert = -1;
    it_ossl_enter(&d->rng, 0);
    bool ok = set_up(d, cfg);
    it_ossl_leave();
    if (ok)
        return d;
    it_tls_dgram_free(d);
    return NULL;
}

void it_tls_dgram_free(it_tls_dgram *d)
{
    if (!d)
        return;
    it_ossl_enter(&d->rng, 0);
    SSL_free(d->ssl);
    BIO_ADDR_free(d->any);
    it_ossl_leave();
    OPENSSL_cleanse(&d->rng, sizeof d->rng);
    it_free(d->alloc, d->out.p);
    it_free(d->alloc, d->plain.p);
    it_free(d->alloc, d);
}

/* --- both ways --- */

int it_tls_dgram_start(it_tls_dgram *d, it_time now)
{
    return it_tls_dgram_input(d, now, it_bytes_of(NULL, 0));
}

int it_tls_dgram_hello(it_tls_dgram *d, it_time now, const it_hmac_key *secret, it_addr peer, it_bytes in)
{
    if (!it_tls_dgram_is_hello(in))
        return 0;
    d->secret = secret;
    d->peer = peer;
    d->in = in;
    dgram_enter(d, now, false);
    int r = DTLSv1_listen(d->ssl, d->any);
    if (r == 1)
        dgram_work(d);
    int err = dgram_leave(d, now);
    d->in = it_bytes_of(NULL, 0);
    if (r != 1) /* what it had to say of one hello is nothing of the next one's */
        d->timer = IT_NEVER;
    return r == 1 ? 1 : err; /* a flight that is lost for want of memory is sent again */
}

bool it_tls_dgram_is_hello(it_bytes in)
{
    return in.n >= HELLO_LEAST && in.p[0] == HANDSHAKE && it_get16(in.p + 3) == 0 && in.p[HEADER] == CLIENT_HELLO;
}

bool it_tls_dgram_is_own_hello(const it_tls_dgram *d, it_bytes in)
{
    uint8_t random[32];
    return it_tls_dgram_is_hello(in) && SSL_get_client_random(d->ssl, random, sizeof random) == sizeof random &&
           memcmp(random, in.p + HELLO_RANDOM, sizeof random) == 0;
}

int it_tls_dgram_input(it_tls_dgram *d, it_time now, it_bytes in)
{
    if (d->over)
        return 0;
    d->in = in;
    dgram_enter(d, now, false);
    dgram_work(d);
    d->in = it_bytes_of(NULL, 0);
    return dgram_leave(d, now);
}

int it_tls_dgram_write(it_tls_dgram *d, it_time now, it_bytes data)
{
    size_t n = 0;
    if (d->over || !d->info.open)
        return IT_ERR_STATE;
    if (data.n == 0)
        return IT_ERR_RANGE;
    if (data.n > IT_TLS_PLAIN_MAX)
        return IT_ERR_TOOBIG;
    dgram_enter(d, now, false);
    int r = SSL_write_ex(d->ssl, data.p, data.n, &n);
    if (r != 1)
        failed_call(d, r);
    int err = dgram_leave(d, now);
    return r == 1 ? err : IT_ERR_STATE;
}

void it_tls_dgram_close(it_tls_dgram *d, it_time now)
{
    if (d->over)
        return;
    dgram_enter(d, now, false);
    if (d->info.open)
        (void)SSL_shutdown(d->ssl);
    d->over = true;
    (void)dgram_leave(d, now);
}

size_t it_tls_dgram_output(it_tls_dgram *d, uint8_t *buf, size_t cap)
{
    return row_take(&d->out, buf, cap);
}

size_t it_tls_dgram_read(it_tls_dgram *d, uint8_t *buf, size_t cap)
{
    return row_take(&d->plain, buf, cap);
}

bool it_tls_dgram_waits(const it_tls_dgram *d)
{
    return d->out.at < d->out.n;
}

/* --- time --- */

int it_tls_dgram_tick(it_tls_dgram *d, it_time now)
{
    if (d->timer > now)
        return 0;
    dgram_enter(d, now, true);
    if (DTLSv1_handle_timeout(d->ssl) < 0)
        dgram_end(d, IT_TLS_END_LIBRARY); /* a dozen flights without an answer */
    return dgram_leave(d, now);
}

it_time it_tls_dgram_next(const it_tls_dgram *d)
{
    return d->timer;
}

const it_tls_info *it_tls_dgram_info(const it_tls_dgram *d)
{
    return &d->info;
}

const char *it_tls_dgram_why(const it_tls_dgram *d)
{
    return it_tls_end_why(d->info.end);
}
