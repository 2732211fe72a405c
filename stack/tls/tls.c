/* TLS as a layer around an SSL object: a record in, what it held up; bytes down, the records they become below. */
#include "stack/tls/tls.h"

#include "stack/crypto/ossl.h"
#include "stack/tls/impl.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <stdio.h>

/* --- what OpenSSL calls --- */

int it_tls_bio_read(BIO *b, char *p, int n)
{
    it_tls *t = BIO_get_data(b);
    size_t left = t->n_in - t->at_in;
    size_t take = n > 0 && (size_t)n < left ? (size_t)n : left;
    BIO_clear_retry_flags(b);
    if (take == 0 || n <= 0) {
        BIO_set_retry_read(b);
        return -1;
    }
    memcpy(p, t->in + t->at_in, take);
    t->at_in += take;
    return (int)take;
}

int it_tls_bio_write(BIO *b, const char *p, int n)
{
    it_tls *t = BIO_get_data(b);
    BIO_clear_retry_flags(b);
    if (n <= 0)
        return n;
    if (t->at_out > 0) {
        memmove(t->out, t->out + t->at_out, t->n_out - t->at_out);
        t->n_out -= t->at_out;
        t->at_out = 0;
    }
    size_t room = sizeof t->out - t->n_out;
    size_t take = (size_t)n < room ? (size_t)n : room;
    if (take == 0) {
        BIO_set_retry_write(b);
        return -1;
    }
    memcpy(t->out + t->n_out, p, take);
    t->n_out += take;
    return (int)take;
}

void it_tls_keylog(const SSL *ssl, const char *line)
{
    it_tls *t = SSL_get_app_data(ssl);
    if (!t->log_keys || t->n_lines == IT_TLS_LINES || strlen(line) >= IT_TLS_LINE_MAX)
        return;
    snprintf(t->lines[t->n_lines++], IT_TLS_LINE_MAX, "%s", line);
}

static void on_info(const SSL *ssl, int where, int value)
{
    it_tls *t = SSL_get_app_data(ssl);
    if (value >> 8 != SSL3_AL_FATAL)
        return;
    if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT)
        t->alert_in = value & 0xff;
    if ((where & SSL_CB_WRITE_ALERT) == SSL_CB_WRITE_ALERT)
        t->alert_out = value & 0xff;
}

/* --- how it ends --- */

/* Ends both ways for |end|: what waits below still goes, FIN behind it. */
static void tls_end(it_tls *t, enum it_tls_end end)
{
    if (t->over)
        return;
    t->info.end = end;
    t->over = t->read_over = t->write_over = true;
    t->rst_up = t->fin_down = true;
    t->end_up = IT_IO_END_RESET;
    t->stuck = false;
}

/* OpenSSL gave up: says why. */
static void tls_fail(it_tls *t)
{
    t->info.alert = t->alert_in >= 0 ? t->alert_in : t->alert_out;
    if (t->alert_in >= 0)
        tls_end(t, IT_TLS_END_ALERT);
    else if (t->who.refused != IT_TLS_END_NONE)
        tls_end(t, t->who.refused);
    else if (t->alert_out >= 0 && t->alert_out != IT_TLS_INTERNAL_ERROR)
        tls_end(t, IT_TLS_END_PROTOCOL);
    else
        tls_end(t, IT_TLS_END_LIBRARY);
}

/* Between enter and leave: says close_notify, once. */
static void say_close(it_tls *t)
{
    if (t->write_over)
        return;
    (void)SSL_shutdown(t->ssl);
    t->write_over = t->fin_down = true;
}

/* close_notify has come. */
static void hear_close(it_tls *t)
{
    if (!t->info.open) {
        /* RFC 8446 section 6.1: no end of data, of which there was none; the far side has given up. */
        t->info.alert = IT_TLS_CLOSE_NOTIFY;
        tls_end(t, IT_TLS_END_ALERT);
        return;
    }
    t->read_over = t->fin_up = true;
    t->info.end = IT_TLS_END_CLOSED;
    /* RFC 5246 section 7.2.1: answered in kind at once. RFC 8446 section 6.1: the other way may go on. */
    if (t->info.version == IT_TLS_1_2)
        say_close(t);
}

/* Between enter and leave, after a call on the SSL that returned |r|, no success. */
static void failed_call(it_tls *t, int r)
{
    switch (SSL_get_error(t->ssl, r)) {
    case SSL_ERROR_WANT_READ:
        return;
    case SSL_ERROR_WANT_WRITE:
        t->stuck = true;
        return;
    case SSL_ERROR_ZERO_RETURN:
        hear_close(t);
        return;
    default:
        tls_fail(t);
        return;
    }
}

/* --- the handshake and what follows --- */

static void tls_opened(it_tls *t)
{
    const unsigned char *p = NULL;
    unsigned n = 0;
    t->info.open = t->opened_up = true;
    t->info.version = SSL_version(t->ssl) == TLS1_3_VERSION ? IT_TLS_1_3 : IT_TLS_1_2;
    SSL_get0_alpn_selected(t->ssl, &p, &n);
    if (n < sizeof t->info.protocol) {
        if (n)
            memcpy(t->info.protocol, p, n);
        t->info.protocol[n] = 0;
    }
    if (t->close_wanted)
        say_close(t);
}

/* Between enter and leave: lets OpenSSL work on what is in t->in. */
static void tls_work(it_tls *t)
{
    size_t n = 0;
    if (!t->info.open) {
        int r = SSL_do_handshake(t->ssl);
        if (r != 1) {
            failed_call(t, r);
            return;
        }
        tls_opened(t);
    }
    int r = SSL_read_ex(t->ssl, t->plain, sizeof t->plain, &n);
    if (r == 1) {
        t->n_plain = n;
        t->at_plain = 0;
    } else {
        failed_call(t, r);
    }
}

static void tls_run(it_tls *t, it_time now)
{
    it_ossl_enter(&t->rng, now);
    tls_work(t);
    it_ossl_leave();
    if (!t->whole || t->at_in < t->n_in)
        return;
    t->n_in = t->at_in = 0;
    t->whole = false;
}

/* True when OpenSSL may go on reading. */
static bool tls_hungry(const it_tls *t)
{
    return !t->stuck && !t->read_over && t->at_plain == t->n_plain;
}

/* The bytes that the record that has begun lacks, as far as it is known; or an error: it is none. */
static int record_lacks(const it_tls *t)
{
    int n = it_tls_record_size(it_bytes_of(t->in, t->n_in));
    if (n < 0)
        return n;
    return n == 0 ? (int)(IT_TLS_HEADER - t->n_in) : n - (int)t->n_in;
}

/* Takes bytes of |data| for the record that has begun, and gives it to OpenSSL when it is whole. Returns how many. */
static size_t take_record(it_tls *t, it_time now, it_bytes data)
{
    /* The header is looked at byte by byte: what is no TLS is told at once. */
    size_t want = t->n_in < IT_TLS_HEADER ? 1 : (size_t)record_lacks(t);
    size_t n = data.n < want ? data.n : want;
    memcpy(t->in + t->n_in, data.p, n);
    t->n_in += n;
    int lacks = record_lacks(t);
    if (lacks < 0) {
        tls_end(t, lacks == IT_ERR_TOOBIG ? IT_TLS_END_OVERFLOW : IT_TLS_END_NO_TLS);
        return n;
    }
    if (lacks > 0 || t->n_in < IT_TLS_HEADER)
        return n;
    t->whole = true;
    tls_run(t, now);
    return n;
}

/* Goes on with a record that OpenSSL has not read to its end. */
static void tls_resume(it_tls *t, it_time now)
{
    if (tls_hungry(t) && t->whole)
        tls_run(t, now);
}

static int data_in(it_tls *t, it_time now, it_bytes data)
{
    size_t at = 0;
    while (at < data.n && tls_hungry(t) && !t->whole)
        at += take_record(t, now, it_bytes_of(data.p + at, data.n - at));
    return t->read_over ? (int)data.n : (int)at; /* nobody wants it any more */
}

/* --- the layer --- */

static int tls_from_below(void *l, it_time now, const it_io *in)
{
    it_tls *t = l;
    if (t->over)
        return in->kind == IT_IO_DATA ? (int)in->data.n : 0;
    switch (in->kind) {
    case IT_IO_OPENED:
    case IT_IO_ACCEPTED:
        tls_run(t, now); /* a client's ClientHello */
        return 0;
    case IT_IO_DATA:
        return data_in(t, now, in->data);
    case IT_IO_FIN:
        /* RFC 8446 section 6.1, RFC 5246 section 7.2.1: without close_notify the end may be an attacker's. */
        if (!t->read_over)
            tls_end(t, IT_TLS_END_TRUNCATED);
        return 0;
    case IT_IO_RST:
        t->over = t->read_over = t->write_over = t->rst_up = true;
        t->end_up = in->end;
        t->n_plain = t->at_plain = 0;
        return 0;
    default:
        return 0;
    }
}

static int tls_to_above(void *l, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    it_tls *t = l;
    *out = (it_io){.kind = IT_IO_OPENED};
    if (t->opened_up) {
        t->opened_up = false;
        return 1;
    }
    size_t n = t->n_plain - t->at_plain;
    n = n < cap ? n : cap;
    if (n) {
        memcpy(buf, t->plain + t->at_plain, n);
        t->at_plain += n;
        out->kind = IT_IO_DATA;
        out->data = it_bytes_of(buf, n);
        tls_resume(t, now);
        return 1;
    }
    if (t->rst_up) {
        t->rst_up = t->fin_up = false;
        out->kind = IT_IO_RST;
        out->end = t->end_up;
        return 1;
    }
    if (!t->fin_up)
        return 0;
    t->fin_up = false;
    out->kind = IT_IO_FIN;
    return 1;
}

/* Encrypts the beginning of |data|. Returns how much of it. */
static int data_out(it_tls *t, it_time now, it_bytes data)
{
    size_t n = data.n < IT_TLS_PLAIN_MAX ? data.n : IT_TLS_PLAIN_MAX, took = 0;
    if (t->over || t->write_over)
        return (int)data.n; /* nobody wants it any more */
    if (!t->info.open || n == 0 || sizeof t->out - (t->n_out - t->at_out) < IT_TLS_RECORD_MAX)
        return 0;
    it_ossl_enter(&t->rng, now);
    int r = SSL_write_ex(t->ssl, data.p, n, &took);
    if (r != 1)
        failed_call(t, r);
    it_ossl_leave();
    return r == 1 ? (int)took : 0;
}

static void fin_out(it_tls *t, it_time now)
{
    if (t->over || t->write_over)
        return;
    if (!t->info.open) {
        t->close_wanted = true;
        return;
    }
    it_ossl_enter(&t->rng, now);
    say_close(t);
    it_ossl_leave();
}

static int tls_from_above(void *l, it_time now, const it_io *in)
{
    it_tls *t = l;
    if (in->kind == IT_IO_DATA)
        return data_out(t, now, in->data);
    if (in->kind == IT_IO_FIN)
        fin_out(t, now);
    else if (in->kind == IT_IO_RST && !t->over)
        t->over = t->read_over = t->write_over = t->rst_down = true;
    return 0;
}

static int tls_to_below(void *l, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    it_tls *t = l;
    *out = (it_io){.kind = IT_IO_RST};
    if (t->rst_down) {
        t->rst_down = t->fin_down = false;
        return 1;
    }
    size_t n = t->n_out - t->at_out;
    n = n < cap ? n : cap;
    if (n) {
        memcpy(buf, t->out + t->at_out, n);
        t->at_out += n;
        out->kind = IT_IO_DATA;
        out->data = it_bytes_of(buf, n);
        if (t->at_out == t->n_out && t->stuck) {
            t->stuck = false;
            tls_run(t, now); /* the rest of a flight */
        }
        return 1;
    }
    if (!t->fin_down)
        return 0;
    t->fin_down = false;
    out->kind = IT_IO_FIN;
    return 1;
}

const char *it_tls_end_why(enum it_tls_end end)
{
    static const char *const WHY[] = {
        [IT_TLS_END_TRUNCATED] = "the stream ended without close_notify (RFC 8446 section 6.1)",
        [IT_TLS_END_NO_TLS] = "what came is no TLS record (RFC 8446 section 5.1)",
        [IT_TLS_END_OVERFLOW] = "a record is too long (RFC 8446 section 5.2)",
        [IT_TLS_END_ALERT] = "the far side sent a fatal alert (RFC 8446 section 6.2)",
        [IT_TLS_END_UNKNOWN_CA] = "no trusted root has signed the certificate (RFC 5280 section 6)",
        [IT_TLS_END_NAME] = "the certificate is of another name (RFC 9525 section 6)",
        [IT_TLS_END_EXPIRED] = "the certificate has expired (RFC 5280 section 4.1.2.5)",
        [IT_TLS_END_NOT_YET] = "the certificate is not valid yet (RFC 5280 section 4.1.2.5)",
        [IT_TLS_END_CERT] = "the certificate's chain is not valid (RFC 5280 section 6)",
        [IT_TLS_END_PROTOCOL] =
            "the far side broke the protocol, or has nothing in common with us (RFC 8446 section 6.2)",
        [IT_TLS_END_LIBRARY] = "the TLS library has failed"};
    return WHY[end];
}

static const char *tls_why(const void *l)
{
    return it_tls_end_why(((const it_tls *)l)->info.end);
}

static void tls_free(void *l)
{
    it_tls *t = l;
    it_ossl_enter(&t->rng, 0);
    SSL_free(t->ssl);
    it_ossl_leave();
    OPENSSL_cleanse(t->plain, sizeof t->plain);
    OPENSSL_cleanse(t->lines, sizeof t->lines);
    it_free(t->alloc, t);
}

static const it_layer_ops TLS_OPS = {.kind = "tls",
                                     .from_below = tls_from_below,
                                     .from_above = tls_from_above,
                                     .to_below = tls_to_below,
                                     .to_above = tls_to_above,
                                     .why = tls_why,
                                     .free = tls_free};

/* --- life --- */

static bool set_versions(it_tls *t, enum it_tls_version v)
{
    if (v == IT_TLS_ANY)
        return true;
    int wire = v == IT_TLS_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
    return SSL_set_min_proto_version(t->ssl, wire) == 1 && SSL_set_max_proto_version(t->ssl, wire) == 1;
}

static bool set_up(it_tls *t, const it_tls_cfg *cfg)
{
    t->ssl = SSL_new(cfg->shared->ctx);
    BIO *b = t->ssl ? BIO_new(cfg->shared->bio) : NULL;
    if (!b)
        return false;
    BIO_set_data(b, t);
    BIO_set_init(b, 1);
    SSL_set_bio(t->ssl, b, b);
    SSL_set_app_data(t->ssl, t);
    SSL_set_info_callback(t->ssl, on_info);
    if (!set_versions(t, cfg->version))
        return false;
    /* SSL_set_alpn_protos returns 0 for success. */
    if (t->client && t->n_alpn && SSL_set_alpn_protos(t->ssl, t->alpn, (unsigned)t->n_alpn) != 0)
        return false;
    return t->client ? it_tls_who_client(t->ssl, &t->who, cfg->trust) : it_tls_who_server(t->ssl, cfg->cert);
}

/* Copies the names of |cfg|. False when one cannot be used. */
static bool take_names(it_tls *t, const it_tls_cfg *cfg)
{
    int n = it_tls_alpn_list(t->alpn, cfg->alpn);
    if (n < 0)
        return false;
    t->n_alpn = (size_t)n;
    return !cfg->client || it_tls_who_take(&t->who, cfg->name);
}

it_layer it_tls_layer(const it_tls_cfg *cfg)
{
    it_tls *t = it_calloc(cfg->alloc, 1, sizeof *t);
    if (!t)
        return (it_layer){NULL, NULL};
    t->alloc = cfg->alloc;
    t->rng = cfg->rng;
    t->client = cfg->client;
    t->log_keys = cfg->log_keys;
    t->alert_in = t->alert_out = t->info.alert = -1;
    it_ossl_enter(&t->rng, 0);
    bool ok = take_names(t, cfg) && set_up(t, cfg);
    it_ossl_leave();
    if (ok)
        return (it_layer){&TLS_OPS, t};
    tls_free(t);
    return (it_layer){NULL, NULL};
}

const it_tls_info *it_tls_layer_info(const it_layer *l)
{
    return &((const it_tls *)l->l)->info;
}

const char *it_tls_end_name(enum it_tls_end end)
{
    static const char *const NAMES[] = {[IT_TLS_END_NONE] = "none",
                                        [IT_TLS_END_CLOSED] = "closed",
                                        [IT_TLS_END_TRUNCATED] = "truncated",
                                        [IT_TLS_END_NO_TLS] = "no-tls",
                                        [IT_TLS_END_OVERFLOW] = "overflow",
                                        [IT_TLS_END_ALERT] = "alert",
                                        [IT_TLS_END_UNKNOWN_CA] = "unknown-ca",
                                        [IT_TLS_END_NAME] = "name",
                                        [IT_TLS_END_EXPIRED] = "expired",
                                        [IT_TLS_END_NOT_YET] = "not-yet",
                                        [IT_TLS_END_CERT] = "cert",
                                        [IT_TLS_END_PROTOCOL] = "protocol",
                                        [IT_TLS_END_LIBRARY] = "library"};
    return NAMES[end];
}

int it_tls_secret(const it_layer *l, char line[IT_TLS_LINE_MAX])
{
    it_tls *t = l->l;
    if (t->at_lines == t->n_lines)
        return 0;
    memcpy(line, t->lines[t->at_lines++], IT_TLS_LINE_MAX);
    return 1;
}
