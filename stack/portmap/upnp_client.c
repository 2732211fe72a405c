/* The control point: search, description, actions, each a small exchange; what to do about refusals. */
#include "stack/portmap/upnp_client.h"

#include "stack/portmap/upnp_ear.h"
#include "stack/portmap/upnp_server.h"
#include "stack/portmap/upnp_text.h"

#include <stdio.h>
#include <string.h>

#define SEARCHES 3
#define PATIENCE (10 * IT_SEC)
#define EXCHANGE (5 * IT_SEC) /* for one request and its answer */
#define OTHER_PORTS 16        /* tried after one in use */
#define LIFETIME 7200
#define SPREAD IT_SEC /* so long at most after an event: not all clients at once */
#define SERVICE "urn:schemas-upnp-org:service:WANIPConnection:"

enum state { SEARCH, DESCRIBE, ADD, ADDRESS, SUBSCRIBE, MAPPED, DELETE, OVER };
enum wire { CLOSED, OPENING, SENDING, READING };

struct it_upnp_client {
    it_portmap_client_cfg cfg;
    uint8_t state, wire, version;
    bool send, open, fin; /* a search, an OPEN, a FIN is to be put out */
    bool renewing;
    uint32_t searches, code;
    it_time until, at, end; /* it gives up; next timer; of the mapping */
    it_addr gateway;
    char path[128]; /* of the description, then of the control URL */
    uint16_t port;  /* external, asked for or given */
    uint32_t tries, lease;
    it_ip external;
    uint32_t flow, room, closing;
    size_t n_in, n_out, sent;
    it_portmap_event ev;
    bool has_ev;
    it_time renew; /* the mapping */
    char evt[128]; /* path of the event URL; "": it has none */
    it_time resub; /* when to subscribe (again); IT_NEVER: not at all */
    it_upnp_ear ear;
    char out[2048];
    uint8_t in[6144];
};

static void tell_event(it_upnp_client *c, it_portmap_event_kind kind, uint8_t result)
{
    c->ev = (it_portmap_event){kind, {c->external, c->port}, c->lease ? c->lease : UINT32_MAX, result, "upnp"};
    c->has_ev = true;
}

static void client_over(it_upnp_client *c, it_portmap_event_kind kind, uint8_t result)
{
    c->state = OVER;
    c->at = IT_NEVER;
    c->send = false;
    tell_event(c, kind, result);
}

it_upnp_client *it_upnp_client_new(const it_portmap_client_cfg *cfg, it_time now)
{
    it_upnp_client *c = it_calloc(cfg->alloc, 1, sizeof *c);
    if (!c)
        return NULL;
    c->cfg = *cfg;
    c->lease = cfg->lifetime ? cfg->lifetime : LIFETIME;
    c->port = cfg->external ? cfg->external : cfg->internal;
    c->until = now + (cfg->give_up ? cfg->give_up : PATIENCE);
    c->at = now;
    c->resub = cfg->listens ? 0 : IT_NEVER;
    (void)it_upnp_client_tick(c, now);
    return c;
}

void it_upnp_client_free(it_upnp_client *c)
{
    if (c)
        it_free(c->cfg.alloc, c);
}

uint32_t it_upnp_client_code(const it_upnp_client *c)
{
    return c->code;
}

/* --- one exchange --- */

/* A stream for the request in c->out; one that is open is closed. */
static void begin_exchange(it_upnp_client *c, it_time now, enum state state, int n)
{
    IT_ASSERT(n > 0 && (size_t)n < sizeof c->out);
    if (c->wire != CLOSED) {
        c->closing = c->flow;
        c->fin = true;
    }
    c->state = (uint8_t)state;
    c->flow++;
    c->wire = OPENING;
    c->open = true;
    c->n_in = c->sent = 0;
    c->n_out = (size_t)n;
    c->at = now + EXCHANGE;
}

static void describe(it_upnp_client *c, it_time now)
{
    char host[IT_ADDR_TEXT];
    int n = snprintf(c->out, sizeof c->out, "GET %s HTTP/1.1\r\nHOST: %s\r\nConnection: close\r\n\r\n", c->path,
                     it_addr_text(c->gateway, host));
    begin_exchange(c, now, DESCRIBE, n);
}

static void client_action(it_upnp_client *c, it_time now, enum state state, const char *name, const char *args)
{
    char host[IT_ADDR_TEXT], body[1200];
    int n = snprintf(body, sizeof body,
                     "<?xml version=\"1.0\"?>\r\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" "
                     "s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body><u:%s xmlns:u=\"" SERVICE
                     "%d\">%s</u:%s></s:Body>"
                     "</s:Envelope>\r\n",
                     name, c->version, args, name);
    IT_ASSERT(n > 0 && (size_t)n < sizeof body);
    n = snprintf(c->out, sizeof c->out,
                 "POST %s HTTP/1.1\r\nHOST: %s\r\nContent-Type: text/xml; charset=\"utf-8\"\r\nContent-Length: "
                 "%d\r\nConnection: close\r\n"
                 "SOAPACTION: \"" SERVICE "%d#%s\"\r\n\r\n%s",
                 c->path, it_addr_text(c->gateway, host), n, c->version, name, body);
    begin_exchange(c, now, state, n);
}

static void client_add(it_upnp_client *c, it_time now)
{
    char args[700], ip[IT_IP_TEXT];
    snprintf(args, sizeof args,
             "<NewRemoteHost></NewRemoteHost><NewExternalPort>%u</NewExternalPort><NewProtocol>%s</"
             "NewProtocol><NewInternalPort>%u</NewInternalPort>"
             "<NewInternalClient>%s</NewInternalClient><NewEnabled>1</NewEnabled><NewPortMappingDescription>icetank</"
             "NewPortMappingDescription>"
             "<NewLeaseDuration>%u</NewLeaseDuration>",
             c->port, c->cfg.proto == 6 ? "TCP" : "UDP", c->cfg.internal, it_ip_text(c->cfg.local.ip, ip), c->lease);
    client_action(c, now, ADD, c->version > 1 ? "AddAnyPortMapping" : "AddPortMapping", args);
}

void it_upnp_client_release(it_upnp_client *c, it_time now)
{
    char args[200];
    bool there = c->state == MAPPED || (c->renewing && c->state != OVER);
    c->resub = IT_NEVER; /* the subscription is left to its end */
    if (!there) {
        c->state = OVER;
        c->at = IT_NEVER;
        return;
    }
    snprintf(args, sizeof args,
             "<NewRemoteHost></NewRemoteHost><NewExternalPort>%u</NewExternalPort><NewProtocol>%s</NewProtocol>",
             c->port, c->cfg.proto == 6 ? "TCP" : "UDP");
    client_action(c, now, DELETE, "DeletePortMapping", args);
}

/* --- answers --- */

/* Where events are subscribed to, where that is on the gateway. */
static void event_path(it_upnp_client *c, it_bytes url)
{
    it_addr other;
    it_bytes path;
    if (it_upnp_url(url, &other, &path) == 0)
        url = it_ip_eq(other.ip, c->gateway.ip) && other.port == c->gateway.port ? path : it_bytes_of(NULL, 0);
    bool good = url.n && url.p[0] == '/' && url.n < sizeof c->evt;
    if (good)
        memcpy(c->evt, url.p, url.n);
    c->evt[good ? url.n : 0] = '\0';
}

/* The path and service of the device description. */
static bool find_service(it_upnp_client *c, it_bytes xml)
{
    it_bytes service, type, url, evt, path = {NULL, 0};
    size_t n = strlen(SERVICE);
    c->version = 0;
    while (it_upnp_element(xml, "service", &service)) {
        const uint8_t *from = service.p + service.n;
        if (it_upnp_element(service, "serviceType", &type) && it_upnp_element(service, "controlURL", &url)) {
            type = it_upnp_trim(type);
            bool ours = type.n == n + 1 && memcmp(type.p, SERVICE, n) == 0 && (type.p[n] == '1' || type.p[n] == '2');
            if (ours && type.p[n] - '0' > c->version) {
                c->version = (uint8_t)(type.p[n] - '0');
                path = it_upnp_trim(url);
                evt = it_upnp_element(service, "eventSubURL", &evt) ? it_upnp_trim(evt) : it_bytes_of(NULL, 0);
                event_path(c, evt);
            }
        }
        xml = it_bytes_of(from, (size_t)(xml.p + xml.n - from));
    }
    it_addr other;
    it_bytes rest;
    if (it_upnp_url(path, &other, &rest) == 0) {
        if (!it_ip_eq(other.ip, c->gateway.ip))
            return false; /* a gateway that sends its clients elsewhere is not believed */
        c->gateway = other;
        path = rest;
    }
    if (c->version == 0 || path.n == 0 || path.p[0] != '/' || path.n >= sizeof c->path)
        return false;
    memcpy(c->path, path.p, path.n);
    c->path[path.n] = '\0';
    return true;
}

static uint8_t result_of(uint32_t code)
{
    return code == IT_UPNP_CONFLICT         ? IT_PORTMAP_CANNOT_EXTERNAL
           : code == IT_UPNP_NO_PORT_LEFT   ? IT_PORTMAP_NO_RESOURCES
           : code == IT_UPNP_NOT_AUTHORIZED ? IT_PORTMAP_NOT_AUTHORIZED
           : code == IT_UPNP_INVALID_ARGS   ? IT_PORTMAP_MALFORMED
                                            : IT_PORTMAP_NETWORK_FAILURE;
}

/* Changes what is asked for as the error c->code wants it: WANIPConnection:1 section 2.4.16 names what a control point
 * does then. Returns false when there is nothing else to ask for. */
static bool ask_otherwise(it_upnp_client *c)
{
    if (c->code == IT_UPNP_ONLY_PERMANENT && c->lease) {
        c->lease = 0;
        return true;
    }
    if (c->code == IT_UPNP_SAME_PORTS && c->port != c->cfg.internal) {
        c->port = c->cfg.internal;
        return true;
    }
    if (c->code != IT_UPNP_CONFLICT)
        return false;
    c->port = c->port == 65535 ? 1024 : (uint16_t)(c->port + 1);
    return true;
}

/* The gateway said no to the mapping. */
static void client_refused(it_upnp_client *c, it_time now)
{
    bool again = c->tries++ < OTHER_PORTS && !c->renewing;
    if (again && ask_otherwise(c))
        client_add(c, now);
    else
        client_over(c, c->renewing ? IT_PORTMAP_EV_LOST : IT_PORTMAP_EV_FAILED, result_of(c->code));
}

static void added(it_upnp_client *c, it_time now, it_bytes body)
{
    it_bytes t;
    uint32_t port;
    bool given =
        it_upnp_element(body, "NewReservedPort", &t) && it_upnp_number(it_upnp_trim(t), 65535, &port) == 0 && port;
    if (given && c->renewing && port != c->port)
        c->renewing = false; /* another port than before is news */
    if (given)
        c->port = (uint16_t)port;
    c->end = c->lease ? now + (it_time)c->lease * IT_SEC : IT_NEVER;
    client_action(c, now, ADDRESS, "GetExternalIPAddress", "");
}

static void subscribe(it_upnp_client *c, it_time now)
{
    char host[IT_ADDR_TEXT], local[IT_ADDR_TEXT], who[IT_UPNP_SID + 80];
    if (c->ear.sid[0])
        snprintf(who, sizeof who, "SID: %s", c->ear.sid);
    else
        snprintf(who, sizeof who, "CALLBACK: <http://%s/>\r\nNT: upnp:event", it_addr_text(c->cfg.local, local));
    int n = snprintf(c->out, sizeof c->out,
                     "SUBSCRIBE %s HTTP/1.1\r\nHOST: %s\r\n%s\r\nTIMEOUT: Second-1800\r\nConnection: close\r\n\r\n",
                     c->evt, it_addr_text(c->gateway, host), who);
    begin_exchange(c, now, SUBSCRIBE, n);
}

/* The mapping is there: what comes next, now or later. */
static void rest(it_upnp_client *c, it_time now)
{
    bool listens = c->evt[0] != '\0' && c->resub != IT_NEVER;
    c->state = MAPPED;
    c->at = listens && c->resub < c->renew ? c->resub : c->renew;
    if (c->at > now)
        return;
    if (c->renew <= now)
        client_add(c, now);
    else
        subscribe(c, now);
}

static void client_mapped(it_upnp_client *c, it_time now, it_bytes body)
{
    char text[IT_IP_TEXT];
    it_ip ip = {0, 0};
    it_bytes t;
    if (it_upnp_element(body, "NewExternalIPAddress", &t) && (t = it_upnp_trim(t)).n < sizeof text) {
        memcpy(text, t.p, t.n);
        text[t.n] = '\0';
        if (it_ip_parse(&ip, text) < 0)
            ip = (it_ip){0, 0};
    }
    bool news = !c->renewing || !it_ip_eq(ip, c->external);
    c->external = ip;
    c->renewing = true;
    c->renew = c->lease ? now + (it_time)c->lease * IT_SEC / 2 : IT_NEVER;
    if (news)
        tell_event(c, IT_PORTMAP_EV_MAPPED, IT_PORTMAP_OK);
    rest(c, now);
}

/* UPnP Device Architecture section 4.1.2: what came of the subscription. Without one the mapping is kept all the same.
 */
static void subscribed(it_upnp_client *c, it_time now, uint32_t status, const it_upnp_head *h)
{
    it_bytes sid, t;
    uint32_t seconds;
    it_upnp_ear *e = &c->ear;
    bool renewed = e->sid[0] != '\0';
    c->resub = IT_NEVER;
    if (status == 200 && it_upnp_header(h, "SID", &sid) && sid.n && sid.n < IT_UPNP_SID &&
        it_upnp_header(h, "TIMEOUT", &t) && t.n > 7 &&
        it_upnp_number(it_bytes_of(t.p + 7, t.n - 7), UINT32_MAX, &seconds) == 0 && seconds) {
        memcpy(e->sid, sid.p, sid.n);
        e->sid[sid.n] = '\0';
        c->resub = now + (it_time)seconds * IT_SEC / 2;
    } else if (renewed) {
        /* It knows nothing of the subscription any more: nor, maybe, of the mapping. */
        e->sid[0] = '\0';
        e->any = false;
        c->resub = 0;
        c->renew = now;
    }
    rest(c, now);
}

static void client_failed(it_upnp_client *c, it_time now)
{
    if (c->state == DELETE) { /* nobody waits for that */
        c->state = OVER;
        c->at = IT_NEVER;
        return;
    }
    if (c->state == SUBSCRIBE) {
        it_upnp_head none = {0};
        subscribed(c, now, 0, &none);
        return;
    }
    client_over(c, c->renewing ? IT_PORTMAP_EV_LOST : IT_PORTMAP_EV_FAILED, IT_PORTMAP_NETWORK_FAILURE);
}

static void on_description(it_upnp_client *c, it_time now, uint32_t status, it_bytes body)
{
    if (status == 200 && find_service(c, body))
        client_add(c, now);
    else
        client_failed(c, now);
}

static void on_add(it_upnp_client *c, it_time now, uint32_t status, it_bytes body)
{
    it_bytes code;
    if (status == 200)
        added(c, now, body);
    else if (it_upnp_element(body, "errorCode", &code) && it_upnp_number(it_upnp_trim(code), 999, &c->code) == 0)
        client_refused(c, now);
    else
        client_failed(c, now);
}

static void on_address(it_upnp_client *c, it_time now, uint32_t status, it_bytes body)
{
    if (status == 200)
        client_mapped(c, now, body);
    else
        client_failed(c, now);
}

/* A whole answer to what c->state asked. */
static void on_answer(it_upnp_client *c, it_time now, uint32_t status, const it_upnp_head *h, it_bytes body)
{
    switch (c->state) {
    case DESCRIBE:
        on_description(c, now, status, body);
        return;
    case ADD:
        on_add(c, now, status, body);
        return;
    case ADDRESS:
        on_address(c, now, status, body);
        return;
    case SUBSCRIBE:
        subscribed(c, now, status, h);
        return;
    case DELETE:
        c->state = OVER;
        c->at = IT_NEVER;
        return;
    default:
        client_failed(c, now);
    }
}

/* True when the answer, of whose head |rc| tells, may go on. */
static bool is_cut(const it_upnp_client *c, int rc, const it_upnp_head *h)
{
    if (c->n_in == sizeof c->in)
        return false;
    if (rc == 0)
        return c->n_in < IT_UPNP_HEAD_MAX;
    return rc == 1 && (!h->has_length || c->n_in < h->size + h->body);
}

/* What came so far; |whole|: nothing more will. */
static void on_bytes(it_upnp_client *c, it_time now, bool whole)
{
    it_upnp_head h;
    uint32_t status;
    size_t head = c->n_in < IT_UPNP_HEAD_MAX ? c->n_in : IT_UPNP_HEAD_MAX;
    int rc = it_upnp_head_parse(&h, it_bytes_of(c->in, head));
    if (!whole && is_cut(c, rc, &h))
        return;
    c->wire = CLOSED;
    c->closing = c->flow;
    c->fin = true;
    size_t have = rc == 1 ? c->n_in - h.size : 0;
    if (rc != 1 || it_upnp_number(h.word[1], 999, &status) < 0 || (h.has_length && have < h.body)) {
        client_failed(c, now);
        return;
    }
    if (h.has_length)
        have = h.body;
    on_answer(c, now, status, &h, it_bytes_of(c->in + h.size, have));
}

/* Takes the gateway's address and the path of its description from |url|. One that tells of somebody else than |from|
 * is not believed. */
static bool read_location(it_upnp_client *c, it_bytes url, it_ip from)
{
    it_bytes path;
    if (it_upnp_url(url, &c->gateway, &path) < 0 || path.n >= sizeof c->path || path.p[0] != '/')
        return false;
    if (!it_ip_eq(c->gateway.ip, from))
        return false;
    memcpy(c->path, path.p, path.n);
    c->path[path.n] = '\0';
    return true;
}

/* UPnP Device Architecture section 1.3.3. */
static void on_found(it_upnp_client *c, it_time now, const it_io *in)
{
    it_upnp_head h;
    it_bytes url, st;
    if (c->state != SEARCH || it_upnp_head_parse(&h, in->data) != 1 || !it_upnp_is(h.word[1], "200"))
        return;
    if (!it_upnp_header(&h, "LOCATION", &url) || !it_upnp_header(&h, "ST", &st))
        return;
    if (read_location(c, url, in->remote.ip))
        describe(c, now);
}

/* An event tells that something is not as it was: the mapping is added again, soon. */
static void doubt(it_upnp_client *c, it_time now)
{
    it_time at = now + (it_time)it_rng_below(&c->cfg.rng, (uint64_t)SPREAD) + 1;
    c->renew = at < c->renew ? at : c->renew;
    if (c->state == MAPPED && c->renew < c->at)
        c->at = c->renew;
}

/* --- stack/io.h --- */

static void on_data(it_upnp_client *c, it_time now, it_bytes data)
{
    size_t room = sizeof c->in - c->n_in;
    size_t n = data.n < room ? data.n : room;
    memcpy(c->in + c->n_in, data.p, n);
    c->n_in += n;
    on_bytes(c, now, false);
}

/* What the stream to the gateway says. */
static int stream_input(it_upnp_client *c, it_time now, const it_io *in)
{
    switch (in->kind) {
    case IT_IO_OPENED:
    case IT_IO_WRITABLE:
        c->wire = c->wire == OPENING ? SENDING : c->wire;
        c->room = (uint32_t)in->data.n;
        return 0;
    case IT_IO_DATA:
        on_data(c, now, in->data);
        break;
    case IT_IO_FIN:
        on_bytes(c, now, true);
        break;
    case IT_IO_RST:
        c->wire = CLOSED;
        if (c->state != OVER)
            client_failed(c, now);
        break;
    default:
        break;
    }
    return (int)in->data.n;
}

int it_upnp_client_input(it_upnp_client *c, it_time now, const it_io *in)
{
    if (in->kind == IT_IO_DGRAM) {
        on_found(c, now, in);
        return (int)in->data.n;
    }
    if (in->flow == c->flow && c->wire != CLOSED && in->flow < IT_IO_ACCEPTED_FLOW)
        return stream_input(c, now, in);
    if (in->flow >= IT_IO_ACCEPTED_FLOW && it_upnp_ear_input(&c->ear, in, c->gateway.ip, c->external))
        doubt(c, now);
    return in->kind == IT_IO_DATA ? (int)in->data.n : 0;
}

int it_upnp_client_tick(it_upnp_client *c, it_time now)
{
    if (c->at > now)
        return 0;
    if (c->state == SEARCH && c->searches < SEARCHES && now < c->until) {
        c->send = true;
        c->searches++;
        c->at = c->searches < SEARCHES && now + IT_SEC < c->until ? now + IT_SEC : c->until;
    } else if (c->state == MAPPED) {
        rest(c, now);
    } else if (c->state == DELETE) {
        c->state = OVER;
        c->at = IT_NEVER;
    } else if (c->state != OVER) {
        client_failed(c, now);
    } else {
        c->at = IT_NEVER;
    }
    return 0;
}

it_time it_upnp_client_next(const it_upnp_client *c)
{
    return c->at;
}

static it_bytes search(uint8_t *buf, size_t cap)
{
    int n = snprintf((char *)buf, cap,
                     "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 2\r\n"
                     "ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n\r\n");
    return it_bytes_of(buf, n > 0 && (size_t)n < cap ? (size_t)n : 0);
}

int it_upnp_client_output(it_upnp_client *c, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    (void)now;
    if (c->send) {
        c->send = false;
        *out = (it_io){.kind = IT_IO_DGRAM,
                       .flow = 0,
                       .local = c->cfg.local,
                       .remote = it_addr_of(it_ip4(0xeffffffau), IT_UPNP_SSDP_PORT),
                       .data = search(buf, cap)};
        return 1;
    }
    if (it_upnp_ear_output(&c->ear, out, buf, cap))
        return 1;
    if (c->fin) {
        c->fin = false;
        *out = (it_io){.kind = IT_IO_FIN, .flow = c->closing};
        return 1;
    }
    if (c->open) {
        c->open = false;
        *out = (it_io){.kind = IT_IO_OPEN, .flow = c->flow, .remote = c->gateway};
        return 1;
    }
    size_t n = c->n_out - c->sent;
    n = n < c->room ? n : c->room;
    n = n < cap ? n : cap;
    if (c->wire != SENDING || n == 0)
        return 0;
    memcpy(buf, c->out + c->sent, n);
    *out = (it_io){.kind = IT_IO_DATA, .flow = c->flow, .data = it_bytes_of(buf, n)};
    c->sent += n;
    c->room -= (uint32_t)n;
    c->wire = c->sent == c->n_out ? READING : SENDING;
    return 1;
}

int it_upnp_client_event(it_upnp_client *c, it_portmap_event *ev)
{
    if (!c->has_ev)
        return 0;
    *ev = c->ev;
    c->has_ev = false;
    return 1;
}
