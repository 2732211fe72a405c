/* One DTLS endpoint around an SSL object: datagrams in and out by an own BIO, the retransmission timer in virtual time.
 *
 * OpenSSL treats a timer with less than 15 ms left as expired, and would send a flight again early when some datagram
 * happens to arrive in that window. Its clock is ours, so outside tick it is never told a time within MARGIN of the
 * expiry, and in tick and kick it is told at least the expiry. Flights therefore leave exactly when the timer says. */
#include "stack/crypto/ossl.h"
#include "stack/dtls/impl.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <stdio.h>
#include <sys/time.h>

#define MARGIN (16 * IT_MS)
#define TIMER_FIRST 1000000u /* microseconds, RFC 6347 section 4.2.4.1 */
#define TIMER_MAX 60000000u
#define KICKS_MAX 4          /* per flight; with IT_DTLS_TIMEOUTS below the 12 after which OpenSSL gives up */
#define AGAIN_MAX 128        /* records that turn out to be nobody's in a row: OpenSSL keeps 100 */
#define DATA_QUEUE_MAX 65536 /* bytes of received data that nobody took */

/* ---- what OpenSSL calls ---- */

int it_dtls_bio_write(BIO *b, const char *p, int n)
{
    it_dtls *d = BIO_get_data(b);

    BIO_clear_retry_flags(b);
    if (n <= 0)
        return n;
    if (!d->mute && !it_dtls_fifo_push(d->alloc, &d->out, p, (size_t)n))
        d->nomem = true; /* as if the network had lost it: flights are repeated */
    return n;
}

int it_dtls_bio_read(BIO *b, char *p, int n)
{
    it_dtls *d = BIO_get_data(b);
    size_t take = n > 0 && (size_t)n < d->in_len ? (size_t)n : d->in_len;

    BIO_clear_retry_flags(b);
    if (d->in_len == 0 || n <= 0) {
        BIO_set_retry_read(b);
        return -1;
    }
    memcpy(p, d->in, take);
    d->in_len = 0; /* one read takes one datagram; what does not fit is cut off */
    return (int)take;
}

/* True when the certificate that was shown has one of the fingerprints that were told. */
static bool shown_expected(const it_dtls *d)
{
    for (int i = 0; i < d->n_expected; i++)
        if (it_equal_ct(d->shown, d->expected[i], sizeof(d->shown)))
            return true;
    return false;
}

int it_dtls_verify(X509_STORE_CTX *store, void *unused)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    it_dtls *d = SSL_get_app_data(ssl);
    X509 *x = X509_STORE_CTX_get0_cert(store);

    (void)unused;
    d->have_shown = x && it_dtls_fingerprint(x, d->shown);
    /* RFC 8122 section 6.2: a certificate that does not match ends the connection with bad_certificate. */
    if (!d->have_shown || (d->n_expected > 0 && !shown_expected(d))) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
        return 0;
    }
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

void it_dtls_keylog(const SSL *ssl, const char *line)
{
    it_dtls *d = SSL_get_app_data(ssl);
    size_t n = strlen(line);

    IT_ASSERT(n < sizeof(d->secret)); /* DTLS 1.2 has one line of fixed size */
    memcpy(d->secret, line, n + 1);
    d->secret_event = true;
}

static void on_info(const SSL *ssl, int where, int value)
{
    it_dtls *d = SSL_get_app_data(ssl);

    if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && value >> 8 == SSL3_AL_FATAL)
        d->alert = value & 0xff;
    if ((where & SSL_CB_WRITE_ALERT) == SSL_CB_WRITE_ALERT && value >> 8 == SSL3_AL_FATAL)
        d->gave_up = true;
}

/* Chooses how long a flight waits: |us| is 0 for a new flight, else how long the last one waited. */
static unsigned on_timer(SSL *ssl, unsigned us)
{
    it_dtls *d = SSL_get_app_data(ssl);

    if (us == 0) {
        d->timeouts = d->kicks = 0;
        d->flights++;
        return TIMER_FIRST;
    }
    if (d->kicking)
        return us;
    /* RFC 6347 section 4.2.4.1: double at each retransmission, up to no less than 60 s. */
    return us > TIMER_MAX / 2 ? TIMER_MAX : us * 2;
}

/* ---- entering and leaving ---- */

/* |due|: the timer has run out, or is to look so. See the top of this file. */
static void dtls_enter(it_dtls *d, it_time now, bool due)
{
    it_time t = now;

    if (d->timer != IT_NEVER && due && t < d->ssl_due)
        t = d->ssl_due;
    if (d->timer != IT_NEVER && !due && t > d->ssl_due - MARGIN)
        t = d->ssl_due - MARGIN;
    d->clock = t;
    it_ossl_enter(&d->rng, t);
}

/* Leaves and follows OpenSSL's timer: armed anew only when its expiry moved, which happens once per flight. */
static void dtls_leave(it_dtls *d, it_time now)
{
    struct timeval left;

    if (d->phase == IT_DTLS_PHASE_ENDED || DTLSv1_get_timeout(d->ssl, &left) != 1) {
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
}

/* Tells, once, that memory was short. */
static int report(it_dtls *d)
{
    int rc = d->nomem ? IT_ERR_NOMEM : 0;

    d->nomem = false;
    return rc;
}

/* ---- the end, and how it comes ---- */

void it_dtls_end(it_dtls *d, enum it_dtls_cause cause, const char *why)
{
    if (d->phase == IT_DTLS_PHASE_ENDED)
        return;
    snprintf(d->why, sizeof(d->why), "%s", why);
    d->end = d->phase == IT_DTLS_PHASE_OPEN ? IT_DTLS_CLOSED : IT_DTLS_FAILED;
    d->cause = cause;
    d->phase = IT_DTLS_PHASE_ENDED;
    d->end_event = true;
}

/* An error of OpenSSL's. In a handshake only the wrong certificate is one of the connection's. */
static void end_by_error(it_dtls *d)
{
    char why[IT_DTLS_WHY_MAX];
    if (d->n_expected > 0 && d->have_shown && !shown_expected(d)) {
        it_dtls_end(d, IT_DTLS_CAUSE_FINGERPRINT,
                    "the peer's certificate does not match its fingerprint (RFC 8122 section 6.2)");
        return;
    }
    if (d->phase == IT_DTLS_PHASE_HANDSHAKE) {
        d->refused = true;
        return;
    }
    if (d->alert >= 0) {
        /* RFC 7675 section 5.2: once open, an authenticated end revokes consent at once. */
        snprintf(why, sizeof(why), "the peer sent the fatal alert \"%s\" (RFC 5246 section 7.2.2)",
                 SSL_alert_desc_string_long(d->alert));
        it_dtls_end(d, IT_DTLS_CAUSE_ALERT, why);
        return;
    }
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    snprintf(why, sizeof(why), "the DTLS library refused: %s", reason ? reason : "no reason given");
    it_dtls_end(d, IT_DTLS_CAUSE_LIBRARY, why);
}

/* Between enter and leave, after a call on the SSL that returned |r|, no success. True when the call is to be made
 * again: it met a record that was kept for its epoch and turned out to be nobody's, and told no error. */
static bool failed_call(it_dtls *d, int r)
{
    switch (SSL_get_error(d->ssl, r)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return false;
    case SSL_ERROR_ZERO_RETURN:
        /* RFC 5246 section 7.2.1: answer close_notify with one of our own. */
        SSL_shutdown(d->ssl);
        it_dtls_end(d, IT_DTLS_CAUSE_CLOSE, "the peer sent close_notify (RFC 5246 section 7.2.1)");
        return false;
    case SSL_ERROR_SYSCALL:
        if (!d->gave_up)
            return true;
        break;
    default:
        break;
    }
    end_by_error(d);
    return false;
}

/* Opens once the handshake is done and the fingerprint known; a mismatch that comes to light only now ends it. */
static void check_open(it_dtls *d)
{
    if (d->phase != IT_DTLS_PHASE_SECURED || d->n_expected == 0)
        return;
    if (!shown_expected(d)) {
        /* RFC 8122 section 6.2 asks for bad_certificate; OpenSSL sends no alert of our choice, so close_notify goes
         * out. */
        SSL_shutdown(d->ssl);
        it_dtls_end(d, IT_DTLS_CAUSE_FINGERPRINT,
                    "the peer's certificate does not match its fingerprint (RFC 8122 section 6.2)");
        return;
    }
    it_dtls_media_export(d);
    d->phase = IT_DTLS_PHASE_OPEN;
    d->was_open = d->open_event = true;
}

static void read_data(it_dtls *d)
{
    uint8_t buf[IT_IO_DGRAM_MAX]; /* no record is larger than the datagram it came in */
    size_t n = 0;

    for (int again = 0; d->phase == IT_DTLS_PHASE_SECURED || d->phase == IT_DTLS_PHASE_OPEN;) {
        int r = SSL_read_ex(d->ssl, buf, sizeof(buf), &n);
        if (r != 1) {
            if (!failed_call(d, r) || ++again == AGAIN_MAX)
                return;
            continue;
        }
        if (n > 0 && d->data.len - d->data.head + n <= DATA_QUEUE_MAX && !it_dtls_fifo_push(d->alloc, &d->data, buf, n))
            d->nomem = true;
    }
}

/* Between enter and leave: lets OpenSSL work on what is in d->in. */
static void dtls_work(it_dtls *d)
{
    if (d->phase == IT_DTLS_PHASE_HANDSHAKE) {
        int r, again = 0;
        while ((r = SSL_do_handshake(d->ssl)) != 1)
            if (!failed_call(d, r) || ++again == AGAIN_MAX)
                return;
        d->phase = IT_DTLS_PHASE_SECURED;
        check_open(d);
    }
    read_data(d);
}

/* ---- life ---- */

static bool set_up(it_dtls *d)
{
    d->ssl = SSL_new(d->shared->ctx);
    BIO *b = d->ssl ? BIO_new(d->shared->bio) : NULL;
    if (!b)
        return false;
    BIO_set_data(b, d);
    BIO_set_init(b, 1);
    SSL_set_bio(d->ssl, b, b);
    SSL_set_app_data(d->ssl, d);
    SSL_set_info_callback(d->ssl, on_info);
    DTLS_set_timer_cb(d->ssl, on_timer);
    if (d->client)
        SSL_set_connect_state(d->ssl);
    else
        SSL_set_accept_state(d->ssl);
    return it_dtls_media_offer(d) && SSL_set_mtu(d->ssl, (long)d->mtu) &&
           SSL_use_certificate(d->ssl, d->cert->x509) == 1 && SSL_use_PrivateKey(d->ssl, d->cert->key) == 1;
}

bool it_dtls_renew(it_dtls *d)
{
    it_ossl_enter(&d->rng, 0);
    SSL_free(d->ssl);
    d->ssl = NULL;
    it_ossl_leave();
    d->rng = d->rng_first;
    d->phase = IT_DTLS_PHASE_NEW;
    d->timer = IT_NEVER;
    d->ssl_due = 0;
    d->timeouts = d->kicks = d->flights = 0;
    d->alert = -1;
    d->have_shown = d->refused = d->gave_up = d->secret_event = false;
    it_ossl_enter(&d->rng, 0);
    bool ok = set_up(d);
    it_ossl_leave();
    d->nomem |= !ok;
    return ok;
}

it_dtls *it_dtls_new(const it_dtls_cfg *cfg)
{
    it_dtls *d = it_calloc(cfg->alloc, 1, sizeof(*d));

    if (!d)
        return NULL;
    d->alloc = cfg->alloc;
    d->rng = d->rng_first = cfg->rng;
    d->shared = cfg->shared;
    d->cert = cfg->cert;
    d->client = cfg->client;
    d->mtu = cfg->mtu ? cfg->mtu : IT_DTLS_MTU;
    if (!it_dtls_renew(d)) {
        it_dtls_free(d);
        return NULL;
    }
    return d;
}

void it_dtls_free(it_dtls *d)
{
    if (!d)
        return;
    it_ossl_enter(&d->rng, 0);
    SSL_free(d->ssl);
    it_ossl_leave();
    OPENSSL_cleanse(d->exported, sizeof d->exported);
    OPENSSL_cleanse(d->secret, sizeof d->secret);
    OPENSSL_cleanse(&d->rng, sizeof d->rng); /* what every key was drawn from */
    OPENSSL_cleanse(&d->rng_first, sizeof d->rng_first);
    it_free(d->alloc, d->out.p);
    it_free(d->alloc, d->data.p);
    it_dtls_log_fini(d);
    it_free(d->alloc, d);
}

/* ---- commands ---- */

void it_dtls_set_peer(it_dtls *d, it_time now, const uint8_t fingerprint[IT_SHA256_SIZE])
{
    if (d->phase == IT_DTLS_PHASE_OPEN || d->phase == IT_DTLS_PHASE_ENDED)
        return;
    memcpy(d->expected[0], fingerprint, IT_SHA256_SIZE);
    d->n_expected = 1;
    dtls_enter(d, now, false);
    check_open(d);
    dtls_leave(d, now);
}

void it_dtls_add_peer(it_dtls *d, const uint8_t fingerprint[IT_SHA256_SIZE])
{
    if (d->n_expected > 0 && d->n_expected < IT_DTLS_PRINTS)
        memcpy(d->expected[d->n_expected++], fingerprint, IT_SHA256_SIZE);
}

/* What is of no more use once the handshake is done. */
static void forget_handshake(it_dtls *d)
{
    if (d->phase != IT_DTLS_PHASE_NEW && d->phase != IT_DTLS_PHASE_HANDSHAKE)
        it_dtls_log_fini(d);
}

void it_dtls_do_begin(it_dtls *d, it_time now)
{
    d->phase = IT_DTLS_PHASE_HANDSHAKE;
    dtls_enter(d, now, false);
    dtls_work(d); /* a client's ClientHello */
    dtls_leave(d, now);
}

/* One datagram for the handshake under way. */
static void handshake_input(it_dtls *d, it_time now, it_bytes in)
{
    uint8_t sifted[IT_IO_DGRAM_MAX];
    size_t n = it_dtls_sift(d->client, 0, &d->clear, in, sifted);
    if (n == 0)
        return;
    it_dtls_try(d, now, it_bytes_of(sifted, n));
    forget_handshake(d);
}

void it_dtls_start(it_dtls *d, it_time now)
{
    if (d->phase != IT_DTLS_PHASE_NEW)
        return;
    it_dtls_do_begin(d, now);
    it_bytes hello = it_dtls_fifo_first(&d->out);
    if (d->client && hello.n > 0 && hello.n <= sizeof d->hello.data) {
        memcpy(d->hello.data, hello.p, hello.n);
        d->hello.n = hello.n;
    }
    it_dtls_note(d, now, IT_DTLS_OP_BEGIN, it_bytes_of(NULL, 0), 0);
    if (!d->client && d->early_len)
        handshake_input(d, now, it_bytes_of(d->early, d->early_len));
}

int it_dtls_send(it_dtls *d, it_time now, it_bytes data)
{
    size_t n = 0;

    if (d->phase != IT_DTLS_PHASE_OPEN)
        return IT_ERR_STATE;
    if (data.n == 0)
        return IT_ERR_RANGE;
    if (data.n > IT_DTLS_DATA_MAX)
        return IT_ERR_TOOBIG;
    dtls_enter(d, now, false);
    int r = SSL_write_ex(d->ssl, data.p, data.n, &n);
    if (r != 1)
        (void)failed_call(d, r);
    dtls_leave(d, now);
    return r == 1 ? report(d) : IT_ERR_STATE;
}

void it_dtls_close(it_dtls *d, it_time now)
{
    if (d->phase == IT_DTLS_PHASE_ENDED)
        return;
    dtls_enter(d, now, false);
    if (d->phase == IT_DTLS_PHASE_SECURED || d->phase == IT_DTLS_PHASE_OPEN)
        SSL_shutdown(d->ssl);
    d->phase = IT_DTLS_PHASE_ENDED;
    dtls_leave(d, now);
}

/* Between enter(due) and leave: the present flight goes out again. */
static void repeat_flight(it_dtls *d)
{
    if (DTLSv1_handle_timeout(d->ssl) < 0)
        it_dtls_end(d, IT_DTLS_CAUSE_LIBRARY, "the DTLS library could not repeat a flight");
}

void it_dtls_do_tick(it_dtls *d, it_time now)
{
    d->timeouts++;
    dtls_enter(d, now, true);
    repeat_flight(d);
    dtls_leave(d, now);
}

void it_dtls_do_kick(it_dtls *d, it_time now)
{
    d->kicks++;
    d->kicking = true;
    dtls_enter(d, now, true);
    repeat_flight(d);
    dtls_leave(d, now);
    d->kicking = false;
}

void it_dtls_kick(it_dtls *d, it_time now)
{
    if (d->phase != IT_DTLS_PHASE_HANDSHAKE || d->timer == IT_NEVER || d->kicks >= KICKS_MAX ||
        it_dtls_fifo_first(&d->out).n > 0)
        return;
    unsigned before = d->flights;
    it_dtls_do_kick(d, now);
    it_dtls_note(d, now, IT_DTLS_OP_KICK, it_bytes_of(NULL, 0), before);
}

/* ---- the pulled interface ---- */

void it_dtls_do_input(it_dtls *d, it_time now, it_bytes in)
{
    d->in = in.p;
    d->in_len = in.n;
    dtls_enter(d, now, false);
    dtls_work(d);
    dtls_leave(d, now);
    d->in = NULL;
    d->in_len = 0;
}

/* One datagram for a connection that has its keys. */
static void secured_input(it_dtls *d, it_time now, it_bytes in)
{
    uint8_t sifted[IT_IO_DGRAM_MAX];
    /* RFC 7905 section 2: no explicit nonce; RFC 5288 section 3: 8 bytes of it. A tag of 16 in both. */
    bool chacha = SSL_CIPHER_get_cipher_nid(SSL_get_current_cipher(d->ssl)) == NID_chacha20_poly1305;
    size_t n = it_dtls_sift(d->client, chacha ? 16 : 24, &d->clear, in, sifted);
    if (n > 0)
        it_dtls_do_input(d, now, it_bytes_of(sifted, n));
}

int it_dtls_input(it_dtls *d, it_time now, const it_io *in)
{
    if (in->kind != IT_IO_DGRAM || d->phase == IT_DTLS_PHASE_ENDED || in->data.n == 0 || in->data.n > IT_IO_DGRAM_MAX)
        return (int)in->data.n;
    if (d->phase == IT_DTLS_PHASE_NEW) {
        it_dtls_hello_early(d);
        memcpy(d->early, in->data.p, in->data.n);
        d->early_len = in->data.n;
        return (int)in->data.n;
    }
    if (d->phase == IT_DTLS_PHASE_HANDSHAKE)
        handshake_input(d, now, in->data);
    else
        secured_input(d, now, in->data);
    int rc = report(d);
    return rc < 0 ? rc : (int)in->data.n;
}

/* A client that waits for an answer to its second flight, and was told contradictions, sends its ClientHello before
 * that flight: the server may have met so many forged ones that it forgot it. Another server takes it for the late copy
 * that it is (RFC 6347 section 4.2.2). */
static void repeat_hello(it_dtls *d)
{
    if (d->phase != IT_DTLS_PHASE_HANDSHAKE || !d->client || !d->contested || d->flights < 2)
        return;
    if (d->hello.n && !it_dtls_fifo_push(d->alloc, &d->out, d->hello.data, d->hello.n))
        d->nomem = true;
}

int it_dtls_tick(it_dtls *d, it_time now)
{
    if (d->timer > now)
        return 0;
    if (d->timeouts + 1 >= IT_DTLS_TIMEOUTS) {
        it_dtls_end(d, IT_DTLS_CAUSE_SILENCE, "the handshake got no answer (RFC 6347 section 4.2.4)");
        d->timer = IT_NEVER;
        return 0;
    }
    unsigned before = d->flights;
    repeat_hello(d);
    it_dtls_do_tick(d, now);
    it_dtls_note(d, now, IT_DTLS_OP_TICK, it_bytes_of(NULL, 0), before);
    return report(d);
}

it_time it_dtls_next(const it_dtls *d)
{
    return d->timer;
}

int it_dtls_output(it_dtls *d, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    it_bytes first = it_dtls_fifo_first(&d->out);

    (void)now;
    if (first.n == 0 || d->secret_event)
        return 0;
    if (first.n > cap)
        return IT_ERR_FULL;
    memcpy(buf, first.p, first.n);
    it_dtls_fifo_pop(&d->out);
    *out = (it_io){.kind = IT_IO_DGRAM, .data = it_bytes_of(buf, first.n)};
    return 1;
}

/* Sets |ev| when |*pending|, which it clears. */
static int take_event(bool *pending, it_dtls_event *ev, enum it_dtls_event_kind kind)
{
    if (!*pending)
        return 0;
    *pending = false;
    memset(ev, 0, sizeof(*ev));
    ev->kind = kind;
    return 1;
}

int it_dtls_event_next(it_dtls *d, it_dtls_event *ev)
{
    bool have_data = d->was_open && it_dtls_fifo_first(&d->data).n > 0;

    if (take_event(&d->secret_event, ev, IT_DTLS_SECRET)) {
        ev->data = it_bytes_str(d->secret);
        return 1;
    }
    if (take_event(&d->open_event, ev, IT_DTLS_OPEN)) {
        ev->srtp = d->profile;
        ev->data = it_bytes_of(d->exported, d->n_exported);
        return 1;
    }
    if (take_event(&have_data, ev, IT_DTLS_DATA)) {
        ev->data = it_dtls_fifo_first(&d->data);
        it_dtls_fifo_pop(&d->data);
        return 1;
    }
    if (take_event(&d->end_event, ev, d->end)) {
        ev->cause = d->cause;
        ev->why = d->why;
        return 1;
    }
    return 0;
}

bool it_dtls_is(it_bytes d)
{
    return d.n > 0 && d.p[0] >= 20 && d.p[0] <= 63;
}
