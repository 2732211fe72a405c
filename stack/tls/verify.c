/* What OpenSSL asks us in a handshake: whether a chain is good and of whom, and which protocol to speak. */
#include "stack/tls/impl.h"

#include "base/addr.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/* True when |n| of a certificate means the address |ip|: octet for octet, RFC 9525 section 6.4. */
static bool is_address(const GENERAL_NAME *n, it_ip ip)
{
    uint8_t octets[16];
    size_t size = it_ip_to_bytes(ip, octets);
    if (n->type != GEN_IPADD)
        return false;
    return it_bytes_eq(it_bytes_of(ASN1_STRING_get0_data(n->d.iPAddress), (size_t)ASN1_STRING_length(n->d.iPAddress)),
                       it_bytes_of(octets, size));
}

static bool is_host(const GENERAL_NAME *n, it_bytes name)
{
    if (n->type != GEN_DNS)
        return false;
    return it_tls_name_matches(
        it_bytes_of(ASN1_STRING_get0_data(n->d.dNSName), (size_t)ASN1_STRING_length(n->d.dNSName)), name);
}

/* True when |x| is a certificate of |name|. RFC 9525 section 6.1: one of its identifiers matches. */
static bool is_of(X509 *x, const char *name)
{
    GENERAL_NAMES *all = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    it_ip ip;
    bool address = it_ip_parse(&ip, name) == 0, found = false;
    for (int i = 0; i < sk_GENERAL_NAME_num(all) && !found; i++) {
        const GENERAL_NAME *n = sk_GENERAL_NAME_value(all, i);
        found = address ? is_address(n, ip) : is_host(n, it_bytes_str(name));
    }
    GENERAL_NAMES_free(all);
    return found;
}

static enum it_tls_end end_of(int error)
{
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return IT_TLS_END_EXPIRED;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return IT_TLS_END_NOT_YET;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return IT_TLS_END_UNKNOWN_CA;
    default:
        return IT_TLS_END_CERT;
    }
}

int it_tls_verify(X509_STORE_CTX *store, void *unused)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    it_tls_who *w = SSL_get_app_data(ssl);
    (void)unused;
    if (X509_verify_cert(store) != 1) {
        w->refused = end_of(X509_STORE_CTX_get_error(store));
        return 0;
    }
    if (is_of(X509_STORE_CTX_get0_cert(store), w->name))
        return 1;
    w->refused = IT_TLS_END_NAME;
    X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
    return 0;
}

int it_tls_alpn_list(uint8_t out[IT_TLS_ALPN_MAX], const char *text)
{
    size_t n = 0;
    while (text && *text) {
        size_t len = strcspn(text, ",");
        if (len == 0 || len >= IT_TLS_PROTOCOL_MAX || n + 1 + len > IT_TLS_ALPN_MAX)
            return IT_ERR_RANGE;
        out[n] = (uint8_t)len;
        memcpy(out + n + 1, text, len);
        n += 1 + len;
        text += len;
        if (*text == ',' && *++text == 0)
            return IT_ERR_RANGE;
    }
    return (int)n;
}

int it_tls_choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *n_out, const unsigned char *in,
                           unsigned n_in, void *unused)
{
    const it_tls *t = SSL_get_app_data(ssl);
    (void)unused;
    if (t->n_alpn == 0)
        return SSL_TLSEXT_ERR_NOACK;
    for (size_t at = 0; at < t->n_alpn; at += 1u + t->alpn[at])
        for (size_t k = 0; k < n_in; k += 1u + in[k])
            if (in[k] == t->alpn[at] && memcmp(in + k + 1, t->alpn + at + 1, in[k]) == 0) {
                *out = t->alpn + at + 1;
                *n_out = t->alpn[at];
                return SSL_TLSEXT_ERR_OK;
            }
    return SSL_TLSEXT_ERR_ALERT_FATAL; /* RFC 7301 section 3.2: no_application_protocol */
}
