/* Who an end of TLS or DTLS is, and whom it wants: certificates and names as OpenSSL is told of them. */
#include "stack/tls/impl.h"

#include "base/addr.h"

#include <openssl/ssl.h>

#include <stdio.h>

bool it_tls_who_take(it_tls_who *w, const char *name)
{
    it_ip ip;
    if (it_ip_parse(&ip, name) < 0 && !it_tls_name_valid(it_bytes_str(name)))
        return false;
    snprintf(w->name, sizeof w->name, "%s", name);
    return true;
}

bool it_tls_who_client(SSL *ssl, const it_tls_who *w, const it_tls_trust *trust)
{
    it_ip ip;
    SSL_set_connect_state(ssl);
    SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    if (SSL_set1_verify_cert_store(ssl, trust->store) != 1)
        return false;
    /* RFC 6066 section 3: no addresses, and no dot at the end. */
    if (it_ip_parse(&ip, w->name) == 0)
        return true;
    char sni[sizeof w->name];
    memcpy(sni, w->name, sizeof sni);
    size_t n = strlen(sni);
    if (sni[n - 1] == '.')
        sni[n - 1] = 0;
    return SSL_set_tlsext_host_name(ssl, sni) == 1;
}

bool it_tls_who_server(SSL *ssl, const it_tls_cert *c)
{
    SSL_set_accept_state(ssl);
    SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
    if (SSL_use_certificate(ssl, c->x509) != 1 || SSL_use_PrivateKey(ssl, c->key) != 1)
        return false;
    return !c->chain || SSL_set1_chain(ssl, c->chain) == 1;
}
