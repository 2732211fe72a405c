/* The way through a proxy, the client's side: CONNECT with Basic or Digest, SOCKS5 with a password. RFC 9110 section
 * 9.3.6, RFC 7616, 7617, 1928, 1929.
 *
 * An HTTP proxy is asked without a password first, as browsers do: a password in clear goes to none that did not ask
 * for it. What answers 407 and keeps the connection is asked again, by the first of its challenges that we can answer.
 *
 *     init -> out: what to write -> input: what came -> more out ... -> OPEN: the stream is the server's -> or REFUSED
 * with a status
 *
 * A part of whoever opens a stream; it holds no stream itself. */
#ifndef IT_STACK_PROXY_CLIENT_H
#define IT_STACK_PROXY_CLIENT_H

#include "stack/http/auth.h"
#include "stack/http/body.h"
#include "stack/http/head.h"
#include "stack/proxy/socks.h"

#define IT_PROXY_OUT 2560 /* room for a request with its credentials */
#define IT_PROXY_NAME 254 /* room for a name, with NUL (RFC 1035 section 2.3.4) */

enum it_via_kind { IT_VIA_NONE, IT_VIA_HTTP, IT_VIA_SOCKS5 };

typedef struct it_via {
    uint8_t kind; /* enum it_via_kind */
    it_addr proxy;
    char user[64], password[64]; /* "": no authentication is offered */
    uint64_t salt;               /* makes the cnonce of Digest; drawn by whoever has a random stream */
} it_via;

/* Reads "http://user:password@10.9.9.9:3128", "socks5://[2001:db8::9]:1080". Returns 0 or IT_ERR_PARSE. */
int it_via_parse(it_via *v, const char *url) IT_MUST_CHECK;

enum it_via_state { IT_VIA_ASKING, IT_VIA_OPEN, IT_VIA_REFUSED };

typedef struct it_proxy_client {
    it_via via;
    it_addr to;
    char name[IT_PROXY_NAME]; /* "": |to| is an address */
    bool udp;                 /* it asks for an association; once OPEN |to| is where its datagrams go */
    enum it_via_state state;
    int status; /* REFUSED: HTTP's, or of SOCKS: its reply, 255 for no method, 256 for a wrong password; -1: no such
                   protocol */
    uint8_t step;
    uint8_t asked;               /* HTTP: requests so far */
    it_http_challenge challenge; /* HTTP: the one that is answered */
    it_http_body body;           /* HTTP: of a 407 that is passed over, until |body|.done */
    uint8_t out[IT_PROXY_OUT];   /* to write; the owner sets |n_out| to 0 when it has */
    size_t n_out;
    it_http_head head; /* what came, as far as it is not whole */
} it_proxy_client;

/* Begins to ask the proxy |via| for |to|, or for its port of the host |name| (copied; NULL: none), whose address the
 * proxy is to find; |c|->out is the first message. Returns 0 or IT_ERR_RANGE (the name has 254 bytes or more). */
int it_proxy_client_init(it_proxy_client *c, const it_via *via, it_addr to, const char *name) IT_MUST_CHECK;

/* Begins to ask the proxy |via| to relay datagrams (RFC 1928 section 7): when OPEN, what is sent to |c|->to with a
 * header in front (it_socks_datagram) goes on without. Returns 0 or IT_ERR_RANGE: only SOCKS does that. */
int it_proxy_client_associate(it_proxy_client *c, const it_via *via) IT_MUST_CHECK;

/* Takes what came from the proxy while ASKING. Returns how many bytes: what is behind them is the server's. */
int it_proxy_client_input(it_proxy_client *c, it_bytes in) IT_MUST_CHECK;

#endif
