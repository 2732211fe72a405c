/* Certificates, made from a stream or read from PEM. */
#include "stack/crypto/ossl.h"
#include "stack/tls/impl.h"

#include "base/addr.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define SERIAL_SIZE 8
#define SUBJECT_MAX 64 /* RFC 5280 appendix A.1: ub-common-name */

/* RFC 5280 section 4.1.2.2: a positive integer of at most 20 octets; always of one length. */
static bool set_serial(X509 *x, it_rng *stream)
{
    uint8_t b[SERIAL_SIZE];
    it_rng_bytes(stream, b, sizeof b);
    b[0] = (uint8_t)((b[0] & 0x3f) | 0x40);
    BIGNUM *n = BN_bin2bn(b, sizeof b, NULL);
    bool ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
    BN_free(n);
    return ok;
}

static bool set_subject(X509 *x, const char *subject, X509 *issuer)
{
    X509_NAME *name = X509_get_subject_name(x);
    if (X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)subject, -1, -1, 0) != 1)
        return false;
    return X509_set_issuer_name(x, X509_get_subject_name(issuer)) == 1;
}

static bool set_times(X509 *x, it_time from, it_time until)
{
    return ASN1_TIME_set(X509_getm_notBefore(x), (time_t)(IT_EPOCH_S + from / IT_SEC)) &&
           ASN1_TIME_set(X509_getm_notAfter(x), (time_t)(IT_EPOCH_S + until / IT_SEC));
}

/* Adds the extension |nid| as OpenSSL's configuration language has it. */
static bool add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = e && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

/* An address as text becomes an IP-ID, all else a DNS-ID. */
static bool fill_name(GENERAL_NAME *n, const char *name)
{
    it_ip ip;
    uint8_t octets[16];
    if (it_ip_parse(&ip, name) == 0) {
        ASN1_OCTET_STRING *s = ASN1_OCTET_STRING_new();
        if (!s)
            return false;
        GENERAL_NAME_set0_value(n, GEN_IPADD, s);
        return ASN1_OCTET_STRING_set(s, octets, (int)it_ip_to_bytes(ip, octets)) == 1;
    }
    ASN1_IA5STRING *s = ASN1_IA5STRING_new();
    if (!s)
        return false;
    GENERAL_NAME_set0_value(n, GEN_DNS, s);
    return ASN1_STRING_set(s, name, (int)strlen(name)) == 1;
}

static bool add_name(GENERAL_NAMES *all, const char *name)
{
    GENERAL_NAME *n = GENERAL_NAME_new();
    if (n && fill_name(n, name) && sk_GENERAL_NAME_push(all, n) > 0)
        return true;
    GENERAL_NAME_free(n);
    return false;
}

/* RFC 5280 section 4.2.1.6. */
static bool add_names(X509 *x, const it_tls_cert_cfg *cfg)
{
    GENERAL_NAMES *all = sk_GENERAL_NAME_new_null();
    bool ok = all != NULL;
    for (size_t i = 0; i < cfg->n_names && ok; i++)
        ok = add_name(all, cfg->names[i]);
    ok = ok && X509_add1_ext_i2d(x, NID_subject_alt_name, all, 0, X509V3_ADD_DEFAULT) == 1;
    GENERAL_NAMES_free(all);
    return ok;
}

/* RFC 5280 sections 4.2.1.1, 4.2.1.2, 4.2.1.3, 4.2.1.9, 4.2.1.12. */
static bool add_extensions(X509 *x, const it_tls_cert_cfg *cfg, X509 *issuer)
{
    bool root = issuer == x;
    if (!add_extension(x, issuer, NID_basic_constraints, root ? "critical,CA:TRUE" : "critical,CA:FALSE"))
        return false;
    if (!add_extension(x, issuer, NID_key_usage, root ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature"))
        return false;
    if (!add_extension(x, issuer, NID_subject_key_identifier, "hash"))
        return false;
    if (root)
        return true;
    return add_extension(x, issuer, NID_authority_key_identifier, "keyid:always") &&
           add_extension(x, issuer, NID_ext_key_usage, "serverAuth") && add_names(x, cfg);
}

static bool fill_cert(it_tls_cert *c, const it_tls_cert_cfg *cfg, const it_tls_cert *root, const EVP_MD *md)
{
    const it_tls_cert *by = root ? root : c;
    if (X509_set_version(c->x509, X509_VERSION_3) != 1 || !set_serial(c->x509, cfg->stream))
        return false;
    if (!set_times(c->x509, cfg->from, cfg->until) || !set_subject(c->x509, cfg->subject, by->x509))
        return false;
    if (X509_set_pubkey(c->x509, c->key) != 1 || !add_extensions(c->x509, cfg, by->x509))
        return false;
    return X509_sign(c->x509, by->key, md) > 0;
}

static bool make_cert(it_tls_cert *c, const it_tls_cert_cfg *cfg, const it_tls_cert *root)
{
    EVP_MD *md = EVP_MD_fetch(it_ossl_ctx(), "SHA256", NULL);
    c->key = EVP_PKEY_Q_keygen(it_ossl_ctx(), NULL, "EC", "P-256");
    c->x509 = X509_new_ex(it_ossl_ctx(), NULL);
    bool ok = md && c->key && c->x509 && fill_cert(c, cfg, root, md);
    EVP_MD_free(md);
    return ok;
}

static it_tls_cert *cert_new(const it_tls_cert_cfg *cfg, const it_tls_cert *root)
{
    it_tls_cert *c = it_calloc(cfg->alloc, 1, sizeof *c);
    if (!c)
        return NULL;
    c->alloc = cfg->alloc;
    it_ossl_enter(cfg->stream, cfg->now);
    bool ok = strlen(cfg->subject) <= SUBJECT_MAX && make_cert(c, cfg, root);
    it_ossl_leave();
    if (ok)
        return c;
    it_tls_cert_free(c);
    return NULL;
}

it_tls_cert *it_tls_root_new(const it_tls_cert_cfg *cfg)
{
    return cert_new(cfg, NULL);
}

/* True for a DNS name, "*." before one, or an address. */
static bool name_usable(const char *name)
{
    it_ip ip;
    if (it_ip_parse(&ip, name) == 0)
        return true;
    return it_tls_name_valid(it_bytes_str(strncmp(name, "*.", 2) == 0 ? name + 2 : name));
}

it_tls_cert *it_tls_leaf_new(const it_tls_cert_cfg *cfg, const it_tls_cert *root)
{
    if (cfg->n_names == 0 || cfg->n_names > IT_TLS_NAMES)
        return NULL;
    for (size_t i = 0; i < cfg->n_names; i++)
        if (!name_usable(cfg->names[i]))
            return NULL;
    return cert_new(cfg, root);
}

void it_tls_cert_free(it_tls_cert *c)
{
    if (!c)
        return;
    X509_free(c->x509);
    EVP_PKEY_free(c->key);
    sk_X509_pop_free(c->chain, X509_free);
    it_free(c->alloc, c);
}

int it_tls_cert_pem(const it_tls_cert *c, char *out, size_t cap)
{
    BIO *b = BIO_new(BIO_s_mem());
    char *text = NULL;
    int n = IT_ERR_TOOBIG;
    if (b && PEM_write_bio_X509(b, c->x509) == 1) {
        long len = BIO_get_mem_data(b, &text);
        if (len > 0 && (size_t)len <= cap) {
            memcpy(out, text, (size_t)len);
            n = (int)len;
        }
    }
    BIO_free(b);
    return n;
}

/* --- PEM --- */

/* The next certificate of |b|; NULL when there is none. */
static X509 *next_cert(BIO *b)
{
    X509 *x = X509_new_ex(it_ossl_ctx(), NULL);
    if (x && PEM_read_bio_X509(b, &x, NULL, NULL))
        return x;
    X509_free(x);
    return NULL;
}

static bool read_chain(it_tls_cert *c, BIO *b)
{
    c->x509 = next_cert(b);
    c->chain = sk_X509_new_null();
    if (!c->x509 || !c->chain)
        return false;
    for (X509 *x = next_cert(b); x; x = next_cert(b))
        if (sk_X509_num(c->chain) >= IT_TLS_CHAIN || sk_X509_push(c->chain, x) <= 0) {
            X509_free(x);
            return false;
        }
    return true;
}

/* A memory BIO over |text|; NULL when it is too large or there is no memory. */
static BIO *pem_bio(it_bytes text)
{
    if (text.n == 0 || text.n > IT_TLS_PEM)
        return NULL;
    return BIO_new_mem_buf(text.p, (int)text.n);
}

/* No password is asked for: an encrypted key cannot be read. */
static int no_password(char *buf, int size, int write, void *unused)
{
    (void)buf, (void)size, (void)write, (void)unused;
    return -1;
}

static bool read_chain_of(it_tls_cert *c, it_bytes text)
{
    BIO *b = pem_bio(text);
    bool ok = b && read_chain(c, b);
    BIO_free(b);
    return ok;
}

static bool read_key_of(it_tls_cert *c, it_bytes text)
{
    BIO *b = pem_bio(text);
    if (b)
        c->key = PEM_read_bio_PrivateKey_ex(b, NULL, no_password, NULL, it_ossl_ctx(), NULL);
    BIO_free(b);
    return c->key;
}

/* Reads both into |c|; false, and |*why|, when that cannot be. */
static bool read_pair(it_tls_cert *c, it_bytes chain, it_bytes key, enum it_tls_pem *why)
{
    *why = IT_TLS_PEM_CHAIN;
    if (!read_chain_of(c, chain))
        return false;
    *why = IT_TLS_PEM_KEY;
    if (!read_key_of(c, key))
        return false;
    *why = IT_TLS_PEM_PAIR;
    return X509_check_private_key(c->x509, c->key) == 1;
}

it_tls_cert *it_tls_cert_read(it_alloc *alloc, it_bytes chain, it_bytes key, enum it_tls_pem *why)
{
    it_tls_cert *c = it_calloc(alloc, 1, sizeof *c);
    enum it_tls_pem unasked;
    it_rng none;
    if (!why)
        why = &unasked;
    *why = IT_TLS_PEM_MEMORY;
    if (!c)
        return NULL;
    c->alloc = alloc;
    it_rng_init(&none, 0, "tls/pem");
    it_ossl_enter(&none, 0);
    bool ok = read_pair(c, chain, key, why);
    ERR_clear_error();
    it_ossl_leave();
    if (ok)
        return c;
    it_tls_cert_free(c);
    return NULL;
}

/* --- trust --- */

it_tls_trust *it_tls_trust_new(it_alloc *alloc)
{
    it_tls_trust *t = it_calloc(alloc, 1, sizeof *t);
    if (!t)
        return NULL;
    *t = (it_tls_trust){alloc, X509_STORE_new()};
    if (t->store)
        return t;
    it_free(alloc, t);
    return NULL;
}

void it_tls_trust_free(it_tls_trust *t)
{
    if (!t)
        return;
    X509_STORE_free(t->store);
    it_free(t->alloc, t);
}

int it_tls_trust_add(it_tls_trust *t, const it_tls_cert *root)
{
    return X509_STORE_add_cert(t->store, root->x509) == 1 ? 0 : IT_ERR_NOMEM;
}

int it_tls_trust_read(it_tls_trust *t, it_bytes pem)
{
    int n = 0;
    it_rng none;
    it_rng_init(&none, 0, "tls/pem");
    it_ossl_enter(&none, 0);
    BIO *b = pem_bio(pem);
    for (X509 *x = b ? next_cert(b) : NULL; x && n >= 0; x = next_cert(b)) {
        n = X509_STORE_add_cert(t->store, x) == 1 ? n + 1 : IT_ERR_NOMEM;
        X509_free(x);
    }
    unsigned long why = ERR_peek_last_error();
    BIO_free(b);
    ERR_clear_error();
    it_ossl_leave();
    /* The end of the file is "no start line"; anything else stands where a certificate should. */
    if (n == 0 || (n > 0 && ERR_GET_REASON(why) != PEM_R_NO_START_LINE))
        return IT_ERR_PARSE;
    return n;
}
