/* A certificate and its key out of files. */
#include "lab/serve/tls.h"

#include "base/text/str.h"
#include "lab/loop/loop.h"
#include "stack/crypto/ossl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int refuse_file(char why[IT_SERVE_TLS_WHY], int err, const char *path, const char *text)
{
    snprintf(why, IT_SERVE_TLS_WHY, "%.300s: %s", path, text);
    return err;
}

/* Appends the file |path| to |text|, one byte more than a PEM file may have at most. */
static int read_pem(it_str *text, const char *path, char why[IT_SERVE_TLS_WHY])
{
    char buf[4096];
    FILE *f = fopen(path, "re");
    if (!f)
        return refuse_file(why, IT_ERR_PARSE, path, strerror(errno));
    for (size_t n; text->n <= IT_TLS_PEM && (n = fread(buf, 1, sizeof buf, f)) > 0;)
        it_str_put(text, buf, n);
    bool failed = ferror(f);
    fclose(f);
    if (failed)
        return refuse_file(why, IT_ERR_PARSE, path, "it cannot be read");
    if (text->oom)
        return refuse_file(why, IT_ERR_NOMEM, path, it_err_str(IT_ERR_NOMEM));
    return 0;
}

/* Says what is wrong with the two files. */
static int refuse_pem(enum it_tls_pem what, const char *cert, const char *key, char why[IT_SERVE_TLS_WHY])
{
    switch (what) {
    case IT_TLS_PEM_CHAIN:
        return refuse_file(why, IT_ERR_PARSE, cert, "there is no certificate in it (PEM)");
    case IT_TLS_PEM_KEY:
        return refuse_file(why, IT_ERR_PARSE, key, "there is no private key in it (PEM, without a password)");
    case IT_TLS_PEM_PAIR:
        return refuse_file(why, IT_ERR_PARSE, key, "the key is not that of the certificate");
    case IT_TLS_PEM_MEMORY:
        break;
    }
    return refuse_file(why, IT_ERR_NOMEM, cert, it_err_str(IT_ERR_NOMEM));
}

static int read_files(it_serve_tls *t, it_alloc *alloc, const char *cert, const char *key, char why[IT_SERVE_TLS_WHY])
{
    enum it_tls_pem what = IT_TLS_PEM_MEMORY;
    it_str chain, secret;
    it_str_init(&chain, alloc);
    it_str_init(&secret, alloc);
    int err = read_pem(&chain, cert, why);
    if (err == 0)
        err = read_pem(&secret, key, why);
    if (err == 0) {
        t->cert = it_tls_cert_read(alloc, it_bytes_of(chain.p, chain.n), it_bytes_of(secret.p, secret.n), &what);
        if (!t->cert)
            err = refuse_pem(what, cert, key, why);
    }
    it_str_fini(&chain);
    it_str_fini(&secret);
    return err;
}

int it_serve_tls_read(it_serve_tls *t, it_alloc *alloc, const char *cert, const char *key, char why[IT_SERVE_TLS_WHY])
{
    int err = it_ossl_init();
    *t = (it_serve_tls){.port = t->port};
    if (err == 0)
        err = it_ossl_use_system();
    if (err < 0)
        return refuse_file(why, err, cert, it_err_str(err));
    err = read_files(t, alloc, cert, key, why);
    if (err < 0)
        return err;
    t->shared = it_tls_shared_new(alloc);
    if (t->shared)
        return 0;
    it_serve_tls_fini(t);
    return refuse_file(why, IT_ERR_NOMEM, cert, it_err_str(IT_ERR_NOMEM));
}

void it_serve_tls_fini(it_serve_tls *t)
{
    it_tls_cert_free(t->cert);
    it_tls_shared_free(t->shared);
    t->cert = NULL;
    t->shared = NULL;
}

int it_serve_tls_cfg(const it_serve_tls *t, it_alloc *alloc, const char *alpn, it_tls_cfg *cfg)
{
    *cfg = (it_tls_cfg){.alloc = alloc, .shared = t->shared, .cert = t->cert, .alpn = alpn};
    for (size_t i = 0; i < sizeof cfg->rng.s / sizeof *cfg->rng.s; i++)
        if (it_loop_seed(&cfg->rng.s[i]) < 0)
            return IT_ERR_IO;
    return 0;
}
