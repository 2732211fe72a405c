/* What stands between a client and the server it wants: an HTTP proxy for CONNECT, a SOCKS5 proxy, a captive portal, an
 * inspector.
 *
 *     ACCEPTED -> reads the request -> (asks for the name) -> OPEN -> OPENED -> relays until both ends have closed
 *                      |                     |                 +-- RST, or silence -> the next address, or says so
 * (502, 504; SOCKS 3, 4, 5) |                     +-- no address -> says so (502, 504; SOCKS 4)
 *                      +-- says no (400, 403, 405, 407, 431; SOCKS 2, 7, 8; a redirect; a TLS alert; a reset)
 *
 * Contract: stack/io.h. A target is an address of either family or a name; names are asked for at a name
 * server (it_proxy_resolver), in the families the proxy has sockets of, and their addresses tried in turn (RFC 8305,
 * one at a time). The inspector is transparent: |local| of ACCEPTED is the address the client wanted. On 443 it reads
 * the ClientHello: what is no TLS is reset, what offers protocols by ALPN but no HTTP gets alert 120; the rest passes,
 * or is intercepted where it has a CA: it shows the client a certificate of its own for the name that was asked for,
 * verifies the server, and reads the first request, as on 80, whose upgrade it strips; what is no HTTP inside is reset.
 * The portal answers name queries, too: every name is its own address; and whoever posts to its login is told to the
 * owner (it_proxy_event). Not here: forwarding of plain GET, SOCKS BIND (refused with 7, as UDP ASSOCIATE unless it is
 * allowed), GSSAPI, HTTP/2. */
#ifndef IT_STACK_PROXY_SERVER_H
#define IT_STACK_PROXY_SERVER_H

#include "base/alloc.h"
#include "base/rng.h"
#include "stack/object.h"
#include "stack/tls/tls.h"

#include <stdbool.h>

#define IT_PROXY_TUNNELS 1024 /* at once; what is above is reset */
#define IT_PROXY_ALLOW 16
#define IT_PROXY_PATIENCE (20 * IT_SEC) /* for an address of the server to answer, before the next */
#define IT_PROXY_NONCE (300 * IT_SEC)   /* how long a nonce of Digest is fresh */
#define IT_PROXY_LINGER (10 * IT_SEC)   /* how long a client that was told no may take to close */

enum it_proxy_kind { IT_PROXY_HTTP, IT_PROXY_SOCKS5, IT_PROXY_PORTAL, IT_PROXY_INSPECT };

/* How users of an HTTP proxy prove who they are. */
enum it_proxy_scheme {
    IT_PROXY_BASIC,     /* RFC 7617 */
    IT_PROXY_DIGEST,    /* RFC 7616: SHA-256 is offered before MD5, user names may be hashed */
    IT_PROXY_DIGEST_MD5 /* the same as RFC 2617 has it: MD5 alone */
};

/* What a portal says to who asks for another server. */
enum it_proxy_portal {
    IT_PROXY_PORTAL_302, /* a redirect to its page, as portals in the field do */
    IT_PROXY_PORTAL_511  /* that the network wants a login (RFC 6585 section 6), with a link to its page */
};

typedef struct it_proxy_cfg {
    it_alloc *alloc;
    enum it_proxy_kind kind;
    uint16_t allow[IT_PROXY_ALLOW]; /* destination ports; n_allow 0 with !allow_all: none */
    size_t n_allow;
    bool allow_all;
    const char *auth; /* "user:password", copied; NULL or "": everybody */
    enum it_proxy_scheme scheme;
    it_rng rng;   /* makes the key of Digest's nonces */
    it_time idle; /* a connection that was silent so long is reset; 0: never */
    bool udp;     /* SOCKS5 UDP ASSOCIATE is granted */
    /* An inspector in the middle; |tls| NULL: it looks at first bytes, and decrypts nothing. All three outlive it. */
    const it_tls_shared *tls;
    const it_tls_cert *ca;     /* signs for the names that are asked for */
    const it_tls_trust *trust; /* roots of servers */
    const char *pass;          /* names that are not intercepted: "bank.example,*.gov.example"; copied; NULL: none */
    /* A portal: what it says, and the certificate of its own name that it shows on 443, whoever was asked for; with
     * |tls|. NULL: it has none there. */
    enum it_proxy_portal says;
    const it_tls_cert *portal_cert;
    it_ip portal[2]; /* the portal's own addresses, of IPv4 and IPv6; the latter may be none */
} it_proxy_cfg;

typedef struct it_proxy_stats {
    uint64_t requests;             /* heads or SOCKS requests read */
    uint64_t connects;             /* tunnels opened */
    uint64_t denied;               /* by port (403, 2) */
    uint64_t unauthorized;         /* 407, or a wrong or missing password; each challenge counts */
    uint64_t bad;                  /* 400, 405, 431, 7, 8 or no such protocol */
    uint64_t failed;               /* the server could not be reached, or has no address */
    uint64_t asked;                /* names asked for */
    uint64_t logins;               /* at the portal */
    uint64_t killed;               /* idle */
    uint64_t redirects;            /* by the portal */
    uint64_t queries;              /* name queries answered by it */
    uint64_t stripped;             /* upgrades taken off */
    uint64_t broken;               /* by inspection */
    uint64_t intercepted;          /* connections that are read */
    uint64_t untrusted;            /* clients that would not have it: a fatal alert */
    uint64_t passed;               /* by the pass list */
    uint64_t bytes_up, bytes_down; /* relayed */
    uint32_t tunnels;              /* connections now */
} it_proxy_stats;

typedef struct it_proxy it_proxy;

/* NULL without memory, or when |cfg|->auth or |cfg|->pass has 128 bytes or more. */
it_proxy *it_proxy_new(const it_proxy_cfg *cfg);
void it_proxy_free(it_proxy *p);

/* Makes |name| (copied, letter case ignored) mean |ip|, for CONNECT and SOCKS. Returns 0 or IT_ERR_NOMEM. */
int it_proxy_name(it_proxy *p, const char *name, it_ip ip) IT_MUST_CHECK;

/* Lets the proxy ask |server| for names, in place of any before; |rng| makes identifiers. Returns 0 or IT_ERR_NOMEM. */
int it_proxy_resolver(it_proxy *p, it_addr server, it_rng rng) IT_MUST_CHECK;

/* The contract of stack/io.h. Errors: IT_ERR_NOMEM. A UDP socket of the proxy's host comes and goes as BOUND and UNBIND
 * below IT_IO_BOUND_FLOW: names are asked for from there, and the addresses, but the one their client has come to, are
 * those that associations send from. At most 8 count. */
int it_proxy_input(it_proxy *p, it_time now, const it_io *in) IT_MUST_CHECK;
int it_proxy_tick(it_proxy *p, it_time now) IT_MUST_CHECK;
it_time it_proxy_next(const it_proxy *p);
int it_proxy_output(it_proxy *p, it_time now, it_io *out, uint8_t *buf, size_t cap) IT_MUST_CHECK;
/* IT_SERVICE_LOGIN of a client at the portal, once for each login. */
int it_proxy_event(it_proxy *p, it_object_event *ev);
/* The same as a table. */
extern const it_object_ops it_proxy_ops;

/* The counts so far; live as long as the proxy. */
const it_proxy_stats *it_proxy_stat(const it_proxy *p);

#endif
