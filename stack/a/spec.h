/* Destination specifiers of model A: whom to call, by whose introduction, and what helps.
 *
 *     icet://rendezvous.example/bob
 *     icets://[2001:db8::1]:4443/b%C3%B6b?stun=stun:stun.example&turn=turn:turn.example%3Ftransport=tcp&ws=wss://ws.example
 *
 * Scheme, host and port as RFC 3986 has them; "icets" has TLS. The path is one segment, the name of the far side,
 * percent-encoded. The query is a list of parameters, each KEY=VALUE, the value percent-encoded where it has to be:
 *
 *     stun=URI      a STUN server (RFC 7064), by UDP; again: another one
 *     turn=URI      a TURN server (RFC 7065); again: another one
 *     ws=URI        a relay over WebSocket, "ws://host:port" or "wss://host:port"; again: another way to it
 *     user=TEXT     of the TURN servers, with password=TEXT
 *     by=poll       the rendezvous server is spoken with by HTTP long poll; by=websocket: as without a word
 *     wait=SECONDS  how long a call waits for somebody who listens; 0, as without a word: not at all */
#ifndef IT_STACK_A_SPEC_H
#define IT_STACK_A_SPEC_H

#include "base/text/str.h"
#include "stack/rendezvous/words.h"
#include "stack/turn/uri.h"

#define IT_A_STUNS 4
#define IT_A_TURNS 8
#define IT_A_WEBS 8
#define IT_A_WAIT 3600 /* the most that |wait| may be, s */
#define IT_A_TEXT 64   /* room for user and password, with NUL */

/* Somewhere: a name, or an address that was written in its place. */
typedef struct it_a_place {
    bool secure;
    char host[IT_TURN_URI_HOST]; /* as written, without brackets */
    it_ip ip;                    /* none: |host| is a name */
    uint16_t port;               /* 0: the usual one */
} it_a_place;

typedef struct it_a_spec {
    it_a_place server;                 /* of the rendezvous */
    char name[IT_RENDEZVOUS_NAME + 1]; /* the far side's, or one's own */
    it_turn_uri stun[IT_A_STUNS];
    int n_stun;
    it_turn_uri turn[IT_A_TURNS];
    int n_turn;
    it_a_place web[IT_A_WEBS];
    int n_web;
    char user[IT_A_TEXT], password[IT_A_TEXT];
    bool poll;
    uint32_t wait; /* seconds */
} it_a_spec;

/* Why a specifier is none. */
typedef struct it_a_fault {
    size_t at;       /* bytes before what is wrong */
    const char *why; /* a clause; static storage */
} it_a_fault;

/* Reads |url|, a whole specifier. Returns 0; IT_ERR_PARSE: it is none; IT_ERR_FULL: more servers of a kind than there
 * is room for; IT_ERR_UNSUPPORTED: a server that is not spoken with. |fault| (may be NULL) says where and why then. */
int it_a_spec_read(it_a_spec *s, const char *url, it_a_fault *fault) IT_MUST_CHECK;
/* Appends |s| as it_a_spec_read reads it: equal to |s|, and the same for equal ones. No memory shows in |out|. */
void it_a_spec_write(it_str *out, const it_a_spec *s);

#endif
