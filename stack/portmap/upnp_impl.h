/* What the files of the gateway device share. Not for anybody else.
 *
 * upnp_server.c is SSDP, the streams and who gets which request, upnp_action.c the actions and the table of mappings,
 * upnp_describe.c the documents, upnp_event.c subscriptions. What the services have, by name, is one table
 * (it_upnp_actions, it_upnp_variables): documents and calls come from it. */
#ifndef IT_STACK_PORTMAP_UPNP_IMPL_H
#define IT_STACK_PORTMAP_UPNP_IMPL_H

#include "base/text/str.h"
#include "stack/portmap/upnp_server.h"
#include "stack/portmap/upnp_text.h"

#define IT_UPNPI_CONNS 16       /* streams at once; further ones are reset */
#define IT_UPNPI_ANSWERS 16     /* SSDP answers that wait; further searches are not answered, clients ask again */
#define IT_UPNPI_ENTRIES 1024   /* mappings */
#define IT_UPNPI_SUBSCRIBERS 16 /* further ones are told so */
#define IT_UPNPI_REQUEST 4096
#define IT_UPNPI_TARGET 80 /* longest search target */
#define IT_UPNPI_DESC 64   /* longest description of a mapping, and its NUL */

#define IT_UPNPI_UUID "uuid:1ce7a9c0-0000-4000-8000-00000000000"
#define IT_UPNPI_DEVICE "urn:schemas-upnp-org:device:"

enum { IT_UPNPI_IP, IT_UPNPI_IF, IT_UPNPI_SERVICES }; /* WANIPConnection, WANCommonInterfaceConfig */

typedef struct it_upnpi_service {
    const char *type; /* without its version */
    uint8_t version;  /* highest; 0: as the device's */
    const char *id, *scpd, *ctl, *evt;
} it_upnpi_service;
extern const it_upnpi_service it_upnpi_services[IT_UPNPI_SERVICES];

enum it_upnpi_stage {
    IT_UPNPI_FREE,
    IT_UPNPI_READING,
    IT_UPNPI_WANTED,
    IT_UPNPI_ASKED,
    IT_UPNPI_WRITING,
    IT_UPNPI_DONE
};

typedef struct it_upnpi_action it_upnpi_action;

typedef struct it_upnpi_conn {
    uint8_t stage;
    bool fin_in;
    uint32_t flow, room;
    it_addr remote;
    const it_upnpi_action *action;
    uint8_t version; /* of the service, as called */
    it_portmap_want want;
    char desc[IT_UPNPI_DESC];
    uint32_t last; /* DeletePortMappingRange: the end of what is left of it */
    size_t n_in, sent;
    it_str out;
    uint8_t in[IT_UPNPI_REQUEST];
} it_upnpi_conn;

typedef struct it_upnpi_answer {
    it_time at;
    it_addr local, remote;
    uint32_t flow;
    char target[IT_UPNPI_TARGET];
} it_upnpi_answer;

typedef struct it_upnpi_entry {
    uint8_t proto;
    it_addr internal;
    uint16_t port; /* external */
    it_time until;
    char desc[IT_UPNPI_DESC]; /* as it came: escaped */
} it_upnpi_entry;

/* A subscriber's stream. LEAVING: a FIN is due though not all was sent; OVER: all was sent, the other end is waited
 * for; LATE: it has taken too long, a reset is due. */
enum { IT_UPNPI_IDLE, IT_UPNPI_OPENING, IT_UPNPI_SENDING, IT_UPNPI_LEAVING, IT_UPNPI_OVER, IT_UPNPI_LATE };

/* One who is told of changes; UPnP Device Architecture section 4. */
typedef struct it_upnpi_sub {
    uint32_t id; /* 0: nobody; the slot is free once its stream is idle */
    uint8_t service;
    it_addr callback;
    char path[128];
    it_time until;
    uint32_t seq;
    uint32_t news; /* bits of variables, by their place in the table */
    uint8_t wire;
    it_time late; /* of the stream */
    uint32_t flow, room;
    size_t sent;
    it_str out;
} it_upnpi_sub;

struct it_upnp_server {
    it_upnp_server_cfg cfg;
    it_upnpi_conn conns[IT_UPNPI_CONNS];
    it_upnpi_answer answers[IT_UPNPI_ANSWERS];
    size_t n_answers;
    it_upnpi_entry *entries;
    size_t n_entries, cap_entries;
    it_upnpi_sub subs[IT_UPNPI_SUBSCRIBERS];
    uint32_t last_id, last_flow;
    uint32_t update; /* SystemUpdateID */
    it_time born;    /* of the connection: its uptime */
};

/* --- upnp_server.c --- */

/* Answers |c| with |status|, header lines |more| ("" or whole lines) and |body|. */
void it_upnpi_respond(it_upnpi_conn *c, const char *status, const char *more, const char *body);

/* --- upnp_action.c --- */

/* An action: its arguments' names, with spaces between, and what it does: 0 it has answered, IT_UPNPI_WANT the owner is
 * asked, else an error code. */
enum { IT_UPNPI_WANT = -1 };
struct it_upnpi_action {
    uint8_t service, since; /* the service's version that has it first */
    const char *name, *in, *out;
    int (*act)(it_upnp_server *s, it_upnpi_conn *c, it_time now, it_bytes body);
};
extern const it_upnpi_action it_upnpi_actions[]; /* ends with a name NULL */

typedef struct it_upnpi_variable {
    uint8_t service, since;
    bool evented;
    const char *name, *type, *allowed; /* |allowed|: words with spaces between, or NULL */
} it_upnpi_variable;
extern const it_upnpi_variable it_upnpi_variables[]; /* likewise; those with events come first, 32 at most */

/* The variable behind argument |name| of an action ("NewProtocol": "PortMappingProtocol"). */
const char *it_upnpi_variable_of(const char *name);
/* Calls what |h| and |body| ask of service |service|. */
void it_upnpi_call(it_upnp_server *s, it_upnpi_conn *c, it_time now, int service, const it_upnp_head *h, it_bytes body);
/* Ends mappings whose time is over. */
void it_upnpi_forget_ended(it_upnp_server *s, it_time now);

/* --- upnp_soap.c --- */

/* The action that SOAPACTION: "urn:...:WANIPConnection:V#Name" names, V as c->version; NULL when service |service| has
 * none such. */
const it_upnpi_action *it_upnpi_action_of(const it_upnp_server *s, it_upnpi_conn *c, int service,
                                          const it_upnp_head *h);
/* Section 3.1.3: answers that c->action succeeded, with |args| in XML. Returns 0. */
int it_upnpi_succeed(it_upnp_server *s, it_upnpi_conn *c, const char *args);
/* Section 3.1.3: answers that an action failed with error |code|. */
void it_upnpi_refuse(it_upnpi_conn *c, int code);

/* --- upnp_describe.c --- */

/* The device's description; the description of a service. */
void it_upnpi_describe(const it_upnp_server *s, it_str *out);
void it_upnpi_scpd(const it_upnp_server *s, int service, it_str *out);
/* The version of service |service| in this device. */
uint8_t it_upnpi_version(const it_upnp_server *s, int service);

/* --- upnp_event.c --- */

/* SUBSCRIBE and UNSUBSCRIBE on the event URL of |service|. */
void it_upnpi_subscribe(it_upnp_server *s, it_upnpi_conn *c, it_time now, int service, const it_upnp_head *h);
/* Variable |name| has changed. */
void it_upnpi_changed(it_upnp_server *s, const char *name);
/* Subscriptions whose time is over end. */
void it_upnpi_subs_tick(it_upnp_server *s, it_time now);
it_time it_upnpi_subs_next(const it_upnp_server *s);
/* What comes on a stream of a subscriber: false when it is none. */
bool it_upnpi_subs_input(it_upnp_server *s, const it_io *in);
/* 1: something for a subscriber in |*out|. */
int it_upnpi_subs_output(it_upnp_server *s, it_time now, it_io *out, uint8_t *buf, size_t cap);
/* Frees what subscribers have. */
void it_upnpi_subs_fini(it_upnp_server *s);

#endif
