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
#define DATA_QUEUE_MAX 65536 /* bytes of received data that nobody took */
#define SECRET_MAX 256
#define WHY_MAX 160

enum phase { PHASE_NEW, PHASE_HANDSHAKE, PHASE_SECURED, PHASE_OPEN, PHASE_ENDED };

/* Byte strings in a row, each behind its length. */
typedef struct fifo {
    uint8_t *p;
    size_t head, len, cap;
} fifo;

struct it_dtls {
    it_alloc *alloc;
    it_rng rng;
    SSL *ssl;
    enum phase phase; /* SECURED: the handshake is done, the fingerprint not yet known */
    bool client;
    bool was_open;

    const uint8_t *in; /* the datagram OpenSSL has not read yet */
    size_t in_len;
    uint8_t early[IT_IO_DGRAM_MAX]; /* the last datagram that came before start */
    size_t early_len;
    fifo out, data;
    bool nomem; /* a datagram was lost for want of memory since the last report */

    it_time timer;            /* when to tick */
    it_time ssl_due;          /* the same expiry on OpenSSL's clock, which may differ by kicks and the margin */
    it_time clock;            /* what OpenSSL was told in this call */
    unsigned timeouts, kicks; /* of the present flight */
    bool kicking;

    uint8_t expected[IT_SHA256_SIZE], shown[IT_SHA256_SIZE];
    bool have_expected, have_shown;

    char secret[SECRET_MAX];
    char why[WHY_MAX];
    int alert; /* fatal alert received, -1 for none */
    bool secret_event, open_event, end_event;
    enum it_dtls_event_kind end;
};

/* ---- queues ---- */

static bool fifo_push(it_alloc *alloc, fifo *f, const void *p, size_t n)
{
    uint32_t size = (uint32_t)n;

    if (f->head > 0) {
        memmove(f->p, f->p + f->head, f->len - f->head);
        f->len -= f->head;
        f->head = 0;
    }
    if (it_grow(alloc, &f->p, &f->cap, f->len + sizeof(size) + n, 1) < 0)
        return false;
    memcpy(f->p + f->len, &size, sizeof(size));
    memcpy(f->p + f->len + sizeof(size), p, n);
    f->len += sizeof(size) + n;
    return true;
}

static it_bytes fifo_first(const fifo *f)
{
    uint32_t size;

    if (f->head == f->len)
        return it_bytes_of(NULL, 0);
    memcpy(&size, f->p + f->head, sizeof(size));
    return it_bytes_of(f->p + f->head + sizeof(size), size);
}

static void fifo_pop(fifo *f)
{
    f->head += sizeof(uint32_t) + fifo_first(f).n;
}

/* ---- what OpenSSL calls ---- */

int it_dtls_bio_write(BIO *b, const char *p, int n)
{
    it_dtls *d = BIO_get_data(b);

    BIO_clear_retry_flags(b);
    if (n <= 0)
        return n;
    if (!fifo_push(d->alloc, &d->out, p, (size_t)n))
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

int it_dtls_verify(X509_STORE_CTX *store, void *unused)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    it_dtls *d = SSL_get_app_data(ssl);
    X509 *x = X509_STORE_CTX_get0_cert(store);

    (void)unused;
    d->have_shown = x && it_dtls_fingerprint(x, d->shown);
    /* RFC 8122 section 6.2: a certificate that does not match ends the connection with bad_certificate. */
    if (!d->have_shown || (d->have_expected && !it_equal_ct(d->shown, d->expected, sizeof(d->shown)))) {
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
}

/* Chooses how long a flight waits: |us| is 0 for a new flight, else how long the last one waited. */
static unsigned on_timer(SSL *ssl, unsigned us)
{
    it_dtls *d = SSL_get_app_data(ssl);

    if (us == 0) {
        d->timeouts = d->kicks = 0;
        return TIMER_FIRST;
    }
    if (d->kicking)
        return us;
    /* RFC 6347 section 4.2.4.1: double at each retransmission, up to no less than 60 s. */
    return us > TIMER_MAX / 2 ? TIMER_MAX : us * 2;
}

/* ---- entering and leaving ---- */

/* |due|: the timer has run out, or is to look so. See the top of this file. */
static void enter(it_dtls *d, it_time now, bool due)
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
static void leave(it_dtls *d, it_time now)
{
    struct timeval left;

    if (d->phase == PHASE_ENDED || DTLSv1_get_timeout(d->ssl, &left) != 1) {
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

/* Ends the connection with an event; |why| is NULL when d->why is written already. */
static void end(it_dtls *d, const char *why)
{
    if (d->phase == PHASE_ENDED)
        return;
    if (why)
        snprintf(d->why, sizeof(d->why), "%s", why);
    d->end = d->phase == PHASE_OPEN ? IT_DTLS_CLOSED : IT_DTLS_FAILED;
    d->phase = PHASE_ENDED;
    d->end_event = true;
}

static void end_by_error(it_dtls *d)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());

    if (d->alert >= 0) {
        /* RFC 7675 section 5.2: once open, an authenticated end revokes consent at once. */
        snprintf(d->why, sizeof(d->why), "the peer sent the fatal alert \"%s\" (RFC 5246 section 7.2.2)",
                 SSL_alert_desc_string_long(d->alert));
        end(d, NULL);
    } else if (d->have_expected && d->have_shown && !it_equal_ct(d->shown, d->expected, sizeof(d->shown))) {
        end(d, "the peer's certificate does not match its fingerprint (RFC 8122 section 6.2)");
    } else {
        snprintf(d->why, sizeof(d->why), "the DTLS library refused: %s", reason ? reason : "no reason given");
        end(d, NULL);
    }
}

/* Between enter and leave, after a call on the SSL that returned |r|, no success. */
static void failed_call(it_dtls *d, int r)
{
    switch (SSL_get_error(d->ssl, r)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return;
    case SSL_ERROR_ZERO_RETURN:
        /* RFC 5246 section 7.2.1: answer close_notify with one of our own. */
        SSL_shutdown(d->ssl);
        end(d, "the peer sent close_notify (RFC 5246 section 7.2.1)");
        return;
    default:
        end_by_error(d);
    }
}

/* Opens once the handshake is done and the fingerprint known; a mismatch that comes to light only now ends it. */
static void check_open(it_dtls *d)
{
    if (d->phase != PHASE_SECURED || !d->have_expected)
        return;
    if (!it_equal_ct(d->shown, d->expected, sizeof(d->shown))) {
        /* RFC 8122 section 6.2 asks for bad_certificate; OpenSSL sends no alert of our choice, so close_notify goes
         * out. */
        SSL_shutdown(d->ssl);
        end(d, "the peer's certificate does not match its fingerprint (RFC 8122 section 6.2)");
        return;
    }
    d->phase = PHASE_OPEN;
    d->was_open = d->open_event = true;
}

static void read_data(it_dtls *d)
{
    uint8_t buf[IT_IO_DGRAM_MAX]; /* no record is larger than the datagram it came in */
    size_t n = 0;

    while (d->phase == PHASE_SECURED || d->phase == PHASE_OPEN) {
        int r = SSL_read_ex(d->ssl, buf, sizeof(buf), &n);
        if (r != 1) {
            failed_call(d, r);
            return;
        }
        if (n > 0 && d->data.len - d->data.head + n <= DATA_QUEUE_MAX && !fifo_push(d->alloc, &d->data, buf, n))
            d->nomem = true;
    }
}

/* Between enter and leave: lets OpenSSL work on what is in d->in. */
static void work(it_dtls *d)
{
    if (d->phase == PHASE_HANDSHAKE) {
        int r = SSL_do_handshake(d->ssl);
        if (r != 1) {
            failed_call(d, r);
            return;
        }
        d->phase = PHASE_SECURED;
        check_open(d);
    }
    read_data(d);
}

/* ---- life ---- */

static bool set_up(it_dtls *d, const it_dtls_cfg *cfg)
{
    d->ssl = SSL_new(cfg->shared->ctx);
    BIO *b = d->ssl ? BIO_new(cfg->shared->bio) : NULL;
    if (!b)
        return false;
    BIO_set_data(b, d);
    BIO_set_init(b, 1);
    SSL_set_bio(d->ssl, b, b);
    SSL_set_app_data(d->ssl, d);
    SSL_set_info_callback(d->ssl, on_info);
    DTLS_set_timer_cb(d->ssl, on_timer);
    if (cfg->client)
        SSL_set_connect_state(d->ssl);
    else
        SSL_set_accept_state(d->ssl);
    return SSL_set_mtu(d->ssl, IT_DTLS_MTU) && SSL_use_certificate(d->ssl, cfg->cert->x509) == 1 &&
           SSL_use_PrivateKey(d->ssl, cfg->cert->key) == 1;
}

it_dtls *it_dtls_new(const it_dtls_cfg *cfg)
{
    it_dtls *d = it_calloc(cfg->alloc, 1, sizeof(*d));

    if (!d)
        return NULL;
    d->alloc = cfg->alloc;
    d->rng = cfg->rng;
    d->client = cfg->client;
    d->timer = IT_NEVER;
    d->alert = -1;
    it_ossl_enter(&d->rng, 0);
    bool ok = set_up(d, cfg);
    it_ossl_leave();
    if (!ok) {
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
    it_free(d->alloc, d->out.p);
    it_free(d->alloc, d->data.p);
    it_free(d->alloc, d);
}

/* ---- commands ---- */

void it_dtls_set_peer(it_dtls *d, it_time now, const uint8_t fingerprint[IT_SHA256_SIZE])
{
    if (d->phase == PHASE_OPEN || d->phase == PHASE_ENDED)
        return;
    memcpy(d->expected, fingerprint, IT_SHA256_SIZE);
    d->have_expected = true;
    enter(d, now, false);
    check_open(d);
    leave(d, now);
}

void it_dtls_start(it_dtls *d, it_time now)
{
    if (d->phase != PHASE_NEW)
        return;
    d->phase = PHASE_HANDSHAKE;
    enter(d, now, false);
    if (d->client)
        work(d); /* the ClientHello, before anything can be an answer to it */
    d->in = d->early;
    d->in_len = d->client ? 0 : d->early_len;
    work(d);
    leave(d, now);
}

int it_dtls_send(it_dtls *d, it_time now, it_bytes data)
{
    size_t n = 0;

    if (d->phase != PHASE_OPEN)
        return IT_ERR_STATE;
    if (data.n == 0)
        return IT_ERR_RANGE;
    if (data.n > IT_DTLS_DATA_MAX)
        return IT_ERR_TOOBIG;
    enter(d, now, false);
    int r = SSL_write_ex(d->ssl, data.p, data.n, &n);
    if (r != 1)
        failed_call(d, r);
    leave(d, now);
    return r == 1 ? report(d) : IT_ERR_STATE;
}

void it_dtls_close(it_dtls *d, it_time now)
{
    if (d->phase == PHASE_ENDED)
        return;
    enter(d, now, false);
    if (d->phase == PHASE_SECURED || d->phase == PHASE_OPEN)
        SSL_shutdown(d->ssl);
    d->phase = PHASE_ENDED;
    leave(d, now);
}

/* Between enter(due) and leave: the present flight goes out again. */
static void repeat_flight(it_dtls *d)
{
    if (DTLSv1_handle_timeout(d->ssl) < 0)
        end_by_error(d);
}

void it_dtls_kick(it_dtls *d, it_time now)
{
    if (d->phase != PHASE_HANDSHAKE || d->timer == IT_NEVER || d->kicks >= KICKS_MAX || fifo_first(&d->out).n > 0)
        return;
    d->kicks++;
    d->kicking = true;
    enter(d, now, true);
    repeat_flight(d);
    leave(d, now);
    d->kicking = false;
}

/* ---- the pulled interface ---- */

int it_dtls_input(it_dtls *d, it_time now, const it_io *in)
{
    if (in->kind != IT_IO_DGRAM || d->phase == PHASE_ENDED || in->data.n == 0 || in->data.n > IT_IO_DGRAM_MAX)
        return (int)in->data.n;
    if (d->phase == PHASE_NEW) {
        memcpy(d->early, in->data.p, in->data.n);
        d->early_len = in->data.n;
        return (int)in->data.n;
    }
    d->in = in->data.p;
    d->in_len = in->data.n;
    enter(d, now, false);
    work(d);
    leave(d, now);
    d->in = NULL;
    d->in_len = 0;
    int rc = report(d);
    return rc < 0 ? rc : (int)in->data.n;
}

int it_dtls_tick(it_dtls *d, it_time now)
{
    if (d->timer > now)
        return 0;
    if (++d->timeouts >= IT_DTLS_TIMEOUTS) {
        end(d, "the handshake got no answer (RFC 6347 section 4.2.4)");
        d->timer = IT_NEVER;
        return 0;
    }
    enter(d, now, true);
    repeat_flight(d);
    leave(d, now);
    return report(d);
}

it_time it_dtls_next(const it_dtls *d)
{
    return d->timer;
}

int it_dtls_output(it_dtls *d, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    it_bytes first = fifo_first(&d->out);

    (void)now;
    if (first.n == 0 || d->secret_event)
        return 0;
    if (first.n > cap)
        return IT_ERR_FULL;
    memcpy(buf, first.p, first.n);
    fifo_pop(&d->out);
    out->kind = IT_IO_DGRAM;
    out->data = it_bytes_of(buf, first.n);
    return 1;
}

/* Sets |ev| when |*pending|, which it clears. */
static int take(bool *pending, it_dtls_event *ev, enum it_dtls_event_kind kind)
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
    bool have_data = d->was_open && fifo_first(&d->data).n > 0;

    if (take(&d->secret_event, ev, IT_DTLS_SECRET)) {
        ev->data = it_bytes_str(d->secret);
        return 1;
    }
    if (take(&d->open_event, ev, IT_DTLS_OPEN))
        return 1;
    if (take(&have_data, ev, IT_DTLS_DATA)) {
        ev->data = fifo_first(&d->data);
        fifo_pop(&d->data);
        return 1;
    }
    if (take(&d->end_event, ev, d->end)) {
        ev->why = d->why;
        return 1;
    }
    return 0;
}

bool it_dtls_is(it_bytes d)
{
    return d.n > 0 && d.p[0] >= 20 && d.p[0] <= 63;
}
