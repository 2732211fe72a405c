/* What the files of the proxy share. Not for anybody else. */
#ifndef IT_STACK_PROXY_SERVER_IMPL_H
#define IT_STACK_PROXY_SERVER_IMPL_H

#include "stack/proxy/head.h"
#include "stack/proxy/relay.h"
#include "stack/proxy/server.h"
#include "stack/proxy/socks.h"

enum it_tunnel_phase {
    IT_TUNNEL_REQUEST,    /* HTTP head, or the TLS record */
    IT_TUNNEL_GREETING,   /* SOCKS5 */
    IT_TUNNEL_PASSWORD,
    IT_TUNNEL_COMMAND,
    IT_TUNNEL_CONNECT,    /* OPEN is due */
    IT_TUNNEL_CONNECTING, /* it was said */
    IT_TUNNEL_RELAY,
    IT_TUNNEL_UDP, /* SOCKS5: the connection holds an association */
    IT_TUNNEL_CLOSING     /* the client was told no */
};

typedef struct it_tunnel {
    it_relay r; /* leg 0: the client, leg 1: the server */
    it_http_head head; /* also gathers what other protocols need whole */
    uint8_t phase;
    it_addr wanted; /* inspector: where the client thinks it is; then the server */
    it_addr client, udp; /* who asks; of an association: where its datagrams come from, port 0 before the first */
    it_time active;
} it_tunnel;

typedef struct it_proxy_known {
    char *name;
    it_ip ip;
} it_proxy_known;

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

/* Who gets what comes from |remote|: the association on connection |client|. */
typedef struct it_proxy_peer {
    it_addr remote;
    uint32_t client;
} it_proxy_peer;

struct it_proxy {
    it_proxy_cfg cfg;
    char auth[128];
    it_tunnel **v;
    size_t n, cap;
    it_proxy_known *names;
    size_t n_names, cap_names;
    uint32_t *refused; /* flows to reset */
    size_t n_refused, cap_refused;
    it_proxy_answer *answers;
    size_t n_answers, cap_answers;
    it_proxy_base bases[IT_PROXY_BASES];
    size_t n_bases;
    it_proxy_peer *peers;
    size_t n_peers, cap_peers, next_peer;
    uint32_t flows; /* opened so far */
    it_proxy_stats stats;
};

/* Handle |data| from a client that is still asking. Return bytes taken. */
int it_proxy_http(it_proxy *p, it_tunnel *t, it_bytes data);
int it_proxy_socks(it_proxy *p, it_tunnel *t, it_bytes data);
int it_proxy_inspect(it_proxy *p, it_tunnel *t, it_bytes data);
/* The server was reached, or was not. */
void it_proxy_opened(it_proxy *p, it_tunnel *t, it_addr local);
void it_proxy_failed(it_proxy *p, it_tunnel *t);

/* Sends |text| to the client, then closes; nothing more is read. */
void it_proxy_refuse(it_tunnel *t, it_bytes text);
/* Checks the port and the name of the server and goes to connect. Returns 0, IT_ERR_PERM by port, IT_ERR_NOTFOUND. */
int it_proxy_connect(it_proxy *p, it_tunnel *t, it_bytes name, it_addr a);
/* The checks alone: sets |a|->ip by |name| where it is none. */
int it_proxy_resolve(it_proxy *p, it_bytes name, it_addr *a);
/* Queues datagram |io| of |head| and |data|, copied. Returns 0 or IT_ERR_NOMEM. */
int it_proxy_answer_put(it_proxy *p, const it_io *io, it_bytes head, it_bytes data);
/* Grants an association; takes a datagram of one. RFC 1928 section 7. */
void it_proxy_associate(it_proxy *p, it_tunnel *t);
int it_proxy_udp(it_proxy *p, it_time now, const it_io *in);
/* Answers a name query with the portal's address. RFC 1035 section 4. */
int it_proxy_dns(it_proxy *p, const it_io *in);

#endif
