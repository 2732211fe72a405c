/* What the files of the proxy share. Not for anybody else. */
#ifndef IT_STACK_PROXY_SERVER_IMPL_H
#define IT_STACK_PROXY_SERVER_IMPL_H

#include "stack/crypto/digest.h"
#include "stack/dns/stub.h"
#include "stack/http/auth.h"
#include "stack/http/head.h"
#include "stack/stream/layers.h"
#include "stack/stream/relay.h"
#include "stack/tls/record.h"
#include "stack/proxy/server.h"
#include "stack/proxy/socks.h"

enum it_tunnel_phase {
    IT_TUNNEL_REQUEST,  /* HTTP head, or the TLS record */
    IT_TUNNEL_GREETING, /* SOCKS5 */
    IT_TUNNEL_PASSWORD,
    IT_TUNNEL_COMMAND,
    IT_TUNNEL_RESOLVING,  /* a name's addresses are awaited; before this the client is still asking */
    IT_TUNNEL_CONNECT,    /* OPEN is due */
    IT_TUNNEL_CONNECTING, /* it was said */
    IT_TUNNEL_RELAY,
    IT_TUNNEL_BINDING, /* SOCKS5: the sockets of an association are awaited */
    IT_TUNNEL_UDP,     /* the connection holds it */
    IT_TUNNEL_CLOSING  /* the client was told no */
};

/* The sockets of an association: clients send to the first, the others send to the world, one a family. */
enum { IT_UDP_INSIDE, IT_UDP_V4, IT_UDP_V6, IT_UDP_PORTS };

enum it_udp_state {
    IT_UDP_NONE,  /* not wanted, refused, or gone */
    IT_UDP_DUE,   /* BIND is to be said */
    IT_UDP_ASKED, /* it was said */
    IT_UDP_BOUND
};

typedef struct it_udp_port {
    uint8_t state; /* enum it_udp_state */
    uint32_t flow;
    it_addr addr; /* bound, or with port 0 to be */
} it_udp_port;

/* What an inspector holds of a connection that it intercepts. */
typedef struct it_mitm {
    it_layers ls[2]; /* TLS with the client, TLS with the server */
    it_tls_cert *leaf;
    char name[IT_TLS_NAME_MAX + 1]; /* the server's, as the client has asked for it */
    bool http;                      /* the client offers http/1.1 by ALPN */
    bool over;                      /* the streams are on their own again, and end */
    bool oom;
    bool read;         /* the client's first request has been read */
    bool fin[2];       /* the leg has ended in order: to be passed on behind |way| */
    it_queue way[2];   /* what the leg has said in clear, on its way to the other */
    it_http_head head; /* of that request */
} it_mitm;

typedef struct it_tunnel {
    it_relay r;        /* leg 0: the client, leg 1: the server */
    it_http_head head; /* also gathers what other protocols need whole */
    uint8_t phase;
    it_addr wanted;              /* inspector: where the client thinks it is; then the server */
    it_ip more[IT_DNS_STUB_IPS]; /* further addresses of a name, to try in turn */
    uint8_t n_more, next_more;
    uint32_t question; /* RESOLVING: which */
    it_time tried;     /* CONNECTING: since when */
    it_ip inside;      /* where the client has reached the proxy */
    it_udp_port port[IT_UDP_PORTS];
    it_addr client, udp; /* who asks; of an association: where its datagrams come from, port 0 before the first */
    it_time active;
    it_mitm *mitm; /* NULL: nothing is intercepted */
} it_tunnel;

typedef struct it_proxy_known {
    char *name;
    it_ip ip;
    it_time until; /* IT_NEVER: it was told so */
} it_proxy_known;

/* Why a server was not reached. */
enum it_proxy_why { IT_PROXY_NO_NAME, IT_PROXY_NAME_SILENT, IT_PROXY_REFUSED, IT_PROXY_NO_ROUTE, IT_PROXY_SILENT };

typedef struct it_proxy_answer {
    it_io io; /* a datagram; its data are owned */
    uint8_t *bytes;
} it_proxy_answer;

#define IT_PROXY_BASES 8
#define IT_PROXY_PEERS 4096

typedef struct it_proxy_base {
    uint32_t flow;
    it_addr addr;
} it_proxy_base;

/* Association |client| (the flow of its connection) has sent to |remote|: what comes from there is an answer. */
typedef struct it_proxy_peer {
    it_addr remote;
    uint32_t client;
} it_proxy_peer;

#define IT_PROXY_HTTPS 443      /* where TLS is intercepted */
#define IT_PROXY_NONCES 256     /* of Digest that are remembered */
#define IT_PROXY_CHALLENGE 1024 /* room for a 407 */

struct it_proxy {
    it_proxy_cfg cfg;
    char auth[128], pass[128];
    it_hmac_key nonce_key;
    uint32_t nonces;                  /* given out so far */
    uint32_t counts[IT_PROXY_NONCES]; /* of the latest: the highest nc that was seen */
    it_tunnel **v;
    size_t n, cap;
    it_proxy_known *names;
    size_t n_names, cap_names;
    uint32_t *refused; /* flows to reset */
    size_t n_refused, cap_refused;
    it_proxy_answer *answers;
    size_t n_answers, cap_answers;
    it_ip *logins; /* clients that have logged in, not told yet */
    size_t n_logins, cap_logins;
    it_proxy_base bases[IT_PROXY_BASES];
    size_t n_bases;
    it_proxy_peer *peers;
    size_t n_peers, cap_peers, next_peer;
    uint32_t flows;   /* opened so far */
    uint32_t ports;   /* bound so far */
    uint32_t *unbind; /* sockets of associations that are gone */
    size_t n_unbind, cap_unbind;
    it_dns_stub *stub;  /* NULL: no name server is known */
    uint32_t questions; /* asked so far */
    it_time now;        /* of the latest input, tick or output */
    it_proxy_stats stats;
};

/* Handle |data| from a client that is still asking. Return bytes taken. */
int it_proxy_http(it_proxy *p, it_tunnel *t, it_bytes data);
int it_proxy_socks(it_proxy *p, it_tunnel *t, it_bytes data);
int it_proxy_inspect(it_proxy *p, it_tunnel *t, it_bytes data);
/* The server was reached, or was not. */
void it_proxy_opened(it_proxy *p, it_tunnel *t, it_addr local);
void it_proxy_failed(it_proxy *p, it_tunnel *t, enum it_proxy_why why);

/* Sends |text| to the client, then closes; nothing more is read. */
void it_proxy_refuse(it_proxy *p, it_tunnel *t, it_bytes text);
/* Checks the port of the server and goes to connect, or first to ask for the addresses of |name|, where |a|.ip is none.
 * Returns 0, or IT_ERR_PERM by port or IT_ERR_NOMEM; what fails later is told by it_proxy_failed. */
int it_proxy_connect(it_proxy *p, it_tunnel *t, it_bytes name, it_addr a);

/* --- server_inspect.c, server_mitm.c --- */

/* Takes the upgrade out of the request head of |n| bytes at |buf|. Returns the bytes that are left. RFC 9110 section
 * 7.8: an intermediary may, as Upgrade is hop by hop. */
size_t it_proxy_strip(it_proxy *p, uint8_t *buf, size_t n);
/* True when connections to the server |name| are not intercepted. */
bool it_proxy_passes(const it_proxy *p, it_bytes name);
/* Will be in the middle of |t|, whose ClientHello |h| waits in |t|->head. Returns 0 or IT_ERR_NOMEM. */
int it_proxy_mitm_begin(it_proxy *p, it_tunnel *t, const it_tls_hello *h);
/* Begins TLS with the client of a portal, which hears it_proxy_http inside. Returns 0 or IT_ERR_NOMEM. */
int it_proxy_mitm_portal(it_proxy *p, it_tunnel *t);
/* Says |text| to the client, by TLS, and ends that way. False: it has no TLS to say it by. */
bool it_proxy_mitm_say(it_proxy *p, it_tunnel *t, it_bytes text);
/* Takes what came on leg |leg|. Returns the bytes taken of DATA, else 0; IT_ERR_NOMEM. */
int it_proxy_mitm_input(it_proxy *p, it_tunnel *t, int leg, const it_io *in);
/* 1: one io written; 0; IT_ERR_NOMEM. */
int it_proxy_mitm_output(it_proxy *p, it_tunnel *t, it_io *out, uint8_t *buf, size_t cap);
/* Frees it; there may be none. */
void it_proxy_mitm_free(it_proxy *p, it_tunnel *t);
/* True while what comes on |t| goes through it. */
static inline bool it_proxy_in_middle(const it_tunnel *t)
{
    return t->mitm && !t->mitm->over;
}

/* --- server_auth.c --- */

enum it_proxy_verdict {
    IT_PROXY_WELCOME,
    IT_PROXY_WHO,     /* no credentials, or wrong ones: 407 */
    IT_PROXY_STALE,   /* right ones for a nonce that is over: 407 with stale=true */
    IT_PROXY_NONSENSE /* 400 */
};
/* Judges request |head| for CONNECT to |target|. */
enum it_proxy_verdict it_proxy_authorize(it_proxy *p, it_bytes head, it_bytes target);
/* Writes the 407 into |out| of |cap| bytes, at least IT_PROXY_CHALLENGE. Returns its length. */
size_t it_proxy_challenge(it_proxy *p, bool stale, uint8_t *out, size_t cap);

/* --- server_names.c --- */

/* Whether port |port| may be gone to. */
bool it_proxy_allows(const it_proxy *p, uint16_t port);
/* The address of |name| when it is known; none else. */
it_ip it_proxy_known_ip(const it_proxy *p, it_bytes name);
/* Asks for the addresses of |name| for |t|, which |waits| for them, or is a datagram's, for which they are known later.
 * Returns 0, IT_ERR_NOTFOUND (no name server, no name) or IT_ERR_NOMEM. */
int it_proxy_ask(it_proxy *p, it_tunnel *t, it_bytes name, bool waits);
/* True when |in| was for the resolver; and what it puts out: 1, or 0. */
bool it_proxy_names_input(it_proxy *p, const it_io *in);
int it_proxy_names_output(it_proxy *p, it_io *out, uint8_t *buf, size_t cap);
/* Hands answers to those who wait. Returns 0 or IT_ERR_NOMEM. */
int it_proxy_names_settle(it_proxy *p);
/* Goes to the next address of the server of |t|, or says that there is none, for |why|. */
void it_proxy_try_next(it_proxy *p, it_tunnel *t, enum it_proxy_why why);
/* A socket of family |six| towards the world; NULL when there is none. |inside|: the address that clients use. */
const it_proxy_base *it_proxy_base_for(const it_proxy *p, bool six, it_ip inside);

/* Queues datagram |io| of |head| and |data|, copied. Returns 0 or IT_ERR_NOMEM. */
int it_proxy_answer_put(it_proxy *p, const it_io *io, it_bytes head, it_bytes data);
/* A base of the owner comes (BOUND) or goes (UNBIND). */
void it_proxy_base_input(it_proxy *p, const it_io *in);
/* Asks for the sockets of an association, and grants or refuses it once BOUND has come for all. RFC 1928 section 7. */
void it_proxy_associate(it_proxy *p, it_tunnel *t);
void it_proxy_bound(it_proxy *p, const it_io *in);
/* A socket of an association is gone: the association is. */
void it_proxy_unbound(it_proxy *p, const it_io *in);
/* Takes a datagram of an association. Returns its length or IT_ERR_NOMEM. */
int it_proxy_udp(it_proxy *p, it_time now, const it_io *in);
/* BIND or UNBIND for the sockets of |t|: 1, or 0. */
int it_proxy_udp_output(it_tunnel *t, it_io *out);
/* Has the sockets of |t|, which ends, closed, at the next outputs. Returns 0 or IT_ERR_NOMEM. */
int it_proxy_dissociate(it_proxy *p, it_tunnel *t);
/* Answers a name query with the portal's address. RFC 1035 section 4. */
int it_proxy_dns(it_proxy *p, const it_io *in);

#endif
