/* The gateway device: SSDP answers that wait their time, one request a stream, the table of mappings. */
#include "stack/portmap/upnp_server.h"

#include "stack/portmap/upnp_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CONNS 16     /* streams at once; further ones are reset */
#define ANSWERS 16   /* SSDP answers that wait; further searches are not answered, clients ask again */
#define ENTRIES 1024 /* mappings */
#define REQUEST 4096
#define RESPONSE 3072
#define TARGET 80            /* longest search target */
#define LEASE_MAX 604800     /* seconds: WANIPConnection:2 section 2.3.16 */
#define UUID "uuid:1ce7a9c0-0000-4000-8000-000000000001"
#define DEVICE "urn:schemas-upnp-org:device:InternetGatewayDevice:"
#define SERVICE "urn:schemas-upnp-org:service:WANIPConnection:"

enum stage { FREE, READING, WANTED, ASKED, WRITING, DONE };

typedef struct conn {
    uint8_t stage;
    bool fin_in;
    uint32_t flow, credit;
    it_addr remote;
    char action[40];
    it_portmap_want want;
    size_t n_in, n_out, sent;
    uint8_t in[REQUEST];
    char out[RESPONSE];
} conn;

typedef struct answer {
    it_time at;
    it_addr local, remote;
    uint32_t flow;
    char target[TARGET];
} answer;

typedef struct entry {
    uint8_t proto;
    it_addr internal;
    uint16_t port; /* external */
    it_time until;
} entry;

struct it_upnp_server {
    it_upnp_server_cfg cfg;
    conn conns[CONNS];
    answer answers[ANSWERS];
    size_t n_answers;
    entry *entries;
    size_t n_entries, cap_entries;
};

it_upnp_server *it_upnp_server_new(const it_upnp_server_cfg *cfg)
{
    it_upnp_server *s = it_calloc(cfg->alloc, 1, sizeof *s);
    if (s)
        s->cfg = *cfg;
    return s;
}

void it_upnp_server_free(it_upnp_server *s)
{
    if (!s)
        return;
    it_free(s->cfg.alloc, s->entries);
    it_free(s->cfg.alloc, s);
}

void it_upnp_server_reset(it_upnp_server *s, it_ip external)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_entries; i++)
        if (s->entries[i].until == IT_NEVER)
            s->entries[n++] = s->entries[i];
    s->n_entries = n;
    s->cfg.external = external;
}

/* --- the table --- */

static void forget_ended(it_upnp_server *s, it_time now)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_entries; i++)
        if (s->entries[i].until > now)
            s->entries[n++] = s->entries[i];
    s->n_entries = n;
}

static entry *entry_at(it_upnp_server *s, uint8_t proto, uint16_t port)
{
    for (size_t i = 0; i < s->n_entries; i++)
        if (s->entries[i].proto == proto && s->entries[i].port == port)
            return &s->entries[i];
    return NULL;
}

static void remember(it_upnp_server *s, it_time now, const it_portmap_want *w, uint16_t port)
{
    /* The box has one explicit mapping for an internal endpoint: a second one takes the place of the first. */
    size_t n = 0;
    for (size_t i = 0; i < s->n_entries; i++)
        if (s->entries[i].proto != w->proto || !it_addr_eq(s->entries[i].internal, w->internal))
            s->entries[n++] = s->entries[i];
    s->n_entries = n;
    if (w->lifetime == 0 || n == ENTRIES || it_grow(s->cfg.alloc, &s->entries, &s->cap_entries, n + 1, sizeof *s->entries) < 0)
        return;
    it_time until = w->lifetime == IT_UPNP_FOREVER ? IT_NEVER : now + (it_time)w->lifetime * IT_SEC;
    s->entries[s->n_entries++] = (entry){w->proto, w->internal, port, until};
}

/* --- SSDP: UPnP Device Architecture section 1.3 --- */

/* True when |st| is something this device is; versions below its own too. */
static bool is_target(const it_upnp_server *s, it_bytes st)
{
    static const char *const ANY[] = {"ssdp:all", "upnp:rootdevice", UUID, NULL};
    static const char *const KINDS[] = {DEVICE, "urn:schemas-upnp-org:device:WANDevice:", "urn:schemas-upnp-org:device:WANConnectionDevice:", SERVICE, NULL};
    for (int i = 0; ANY[i]; i++)
        if (it_upnp_is(st, ANY[i]))
            return true;
    for (int i = 0; KINDS[i]; i++) {
        size_t n = strlen(KINDS[i]);
        if (st.n == n + 1 && memcmp(st.p, KINDS[i], n) == 0)
            return st.p[n] >= '1' && st.p[n] <= '0' + s->cfg.version;
    }
    return false;
}

static void on_search(it_upnp_server *s, it_time now, const it_io *in)
{
    it_upnp_head h;
    it_bytes man, mx, st;
    uint32_t wait = 0;
    if (s->n_answers == ANSWERS || it_upnp_head_parse(&h, in->data) != 1 || !it_upnp_is(h.word[0], "M-SEARCH"))
        return;
    if (!it_upnp_header(&h, "MAN", &man) || !it_upnp_is(man, "\"ssdp:discover\"") || !it_upnp_header(&h, "ST", &st) || st.n >= TARGET || !is_target(s, st))
        return;
    /* Section 1.3.3: a search by multicast without MX is not answered; the wait is at most 5 s. */
    if (!it_upnp_header(&h, "MX", &mx) || it_upnp_number(mx, UINT32_MAX, &wait) < 0 || wait == 0)
        return;
    it_time most = (wait < 5 ? wait : 5) * IT_SEC;
    answer *a = &s->answers[s->n_answers++];
    *a = (answer){.local = in->local, .remote = in->remote, .flow = in->flow};
    a->at = now + (it_time)it_rng_below(&s->cfg.rng, (uint64_t)most);
    memcpy(a->target, st.p, st.n);
}

static size_t due(const it_upnp_server *s)
{
    size_t best = 0;
    for (size_t i = 1; i < s->n_answers; i++)
        if (s->answers[i].at < s->answers[best].at)
            best = i;
    return best;
}

static bool put_answer(it_upnp_server *s, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    char http[IT_ADDR_TEXT];
    size_t i = due(s);
    if (s->n_answers == 0 || s->answers[i].at > now)
        return false;
    answer a = s->answers[i];
    memmove(&s->answers[i], &s->answers[i + 1], (--s->n_answers - i) * sizeof a);
    const char *st = strcmp(a.target, "ssdp:all") == 0 ? "upnp:rootdevice" : a.target;
    bool own = strcmp(st, UUID) == 0;
    int n = snprintf((char *)buf, cap,
                     "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1800\r\nEXT:\r\nLOCATION: http://%s/desc.xml\r\n"
                     "SERVER: icetank UPnP/2.0 igd/%d\r\nST: %s\r\nUSN: " UUID "%s%s\r\n\r\n",
                     it_addr_text(s->cfg.http, http), s->cfg.version, st, own ? "" : "::", own ? "" : st);
    *out = (it_io){IT_IO_DGRAM, a.flow, a.local, a.remote, it_bytes_of(buf, n > 0 && (size_t)n < cap ? (size_t)n : 0)};
    return true;
}

/* --- HTTP --- */

static void respond(conn *c, const char *status, const char *fmt, ...) IT_PRINTF(3, 4);

static void respond(conn *c, const char *status, const char *fmt, ...)
{
    char body[RESPONSE - 256];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(body, sizeof body, fmt, ap);
    va_end(ap);
    IT_ASSERT(n >= 0 && (size_t)n < sizeof body);
    n = snprintf(c->out, sizeof c->out,
                 "HTTP/1.1 %s\r\nContent-Type: text/xml; charset=\"utf-8\"\r\nContent-Length: %d\r\nConnection: close\r\nEXT:\r\n"
                 "SERVER: icetank UPnP/2.0 igd\r\n\r\n%s",
                 status, n, body);
    IT_ASSERT(n >= 0 && (size_t)n < sizeof c->out);
    c->n_out = (size_t)n;
    c->stage = WRITING;
}

#define ENVELOPE "<?xml version=\"1.0\"?>\r\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" " \
                 "s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>"
#define ENVELOPE_END "</s:Body></s:Envelope>\r\n"

/* Section 3.1.3: an action that failed. */
static void refuse(conn *c, int code)
{
    static const struct {
        int code;
        const char *text;
    } T[] = {{401, "Invalid Action"},           {402, "Invalid Args"},           {501, "Action Failed"},
             {606, "Action not authorized"},    {713, "SpecifiedArrayIndexInvalid"}, {714, "NoSuchEntryInArray"},
             {716, "WildCardNotPermittedInExtPort"}, {718, "ConflictInMappingEntry"}, {724, "SamePortValuesRequired"},
             {725, "OnlyPermanentLeasesSupported"}, {726, "RemoteHostOnlySupportsWildcard"}, {728, "NoPortMapsAvailable"}};
    const char *text = "";
    for (size_t i = 0; i < sizeof T / sizeof *T; i++)
        text = T[i].code == code ? T[i].text : text;
    respond(c, "500 Internal Server Error",
            ENVELOPE "<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>"
                     "<UPnPError xmlns=\"urn:schemas-upnp-org:control-1-0\"><errorCode>%d</errorCode>"
                     "<errorDescription>%s</errorDescription></UPnPError></detail></s:Fault>" ENVELOPE_END,
            code, text);
}

/* The response of c->action with |args| in it. */
static void succeed(const it_upnp_server *s, conn *c, const char *args)
{
    respond(c, "200 OK", ENVELOPE "<u:%sResponse xmlns:u=\"" SERVICE "%d\">%s</u:%sResponse>" ENVELOPE_END, c->action, s->cfg.version, args,
            c->action);
}

static void describe(const it_upnp_server *s, conn *c)
{
    int v = s->cfg.version;
    respond(c, "200 OK",
            "<?xml version=\"1.0\"?>\r\n<root xmlns=\"urn:schemas-upnp-org:device-1-0\"><specVersion><major>1</major><minor>1</minor></specVersion>"
            "<device><deviceType>" DEVICE "%d</deviceType><friendlyName>icetank box</friendlyName><manufacturer>icetank</manufacturer>"
            "<modelName>box</modelName><UDN>" UUID "</UDN><deviceList><device><deviceType>urn:schemas-upnp-org:device:WANDevice:%d</deviceType>"
            "<friendlyName>wan</friendlyName><manufacturer>icetank</manufacturer><modelName>box</modelName><UDN>" UUID "-w</UDN><deviceList><device>"
            "<deviceType>urn:schemas-upnp-org:device:WANConnectionDevice:%d</deviceType><friendlyName>connection</friendlyName>"
            "<manufacturer>icetank</manufacturer><modelName>box</modelName><UDN>" UUID "-c</UDN><serviceList><service>"
            "<serviceType>" SERVICE "%d</serviceType><serviceId>urn:upnp-org:serviceId:WANIPConn1</serviceId><SCPDURL>/scpd.xml</SCPDURL>"
            "<controlURL>/ctl</controlURL><eventSubURL></eventSubURL></service></serviceList></device></deviceList></device></deviceList></device>"
            "</root>\r\n",
            v, v, v, v);
}

/* --- actions --- */

/* A number argument; false when it is not there or above |most|. */
static bool number(it_bytes body, const char *name, uint32_t most, uint32_t *v)
{
    it_bytes t;
    return it_upnp_element(body, name, &t) && it_upnp_number(it_upnp_trim(t), most, v) == 0;
}

static bool protocol(it_bytes body, uint8_t *proto)
{
    it_bytes t;
    if (!it_upnp_element(body, "NewProtocol", &t))
        return false;
    t = it_upnp_trim(t);
    *proto = it_upnp_is(t, "TCP") ? 6 : it_upnp_is(t, "UDP") ? 17 : 0;
    return *proto != 0;
}

static bool address(it_bytes body, const char *name, it_ip *ip)
{
    char text[IT_IP_TEXT];
    it_bytes t;
    if (!it_upnp_element(body, name, &t))
        return false;
    t = it_upnp_trim(t);
    if (t.n >= sizeof text)
        return false;
    memcpy(text, t.p, t.n);
    text[t.n] = '\0';
    return it_ip_parse(ip, text) == 0 && it_ip_is4(*ip);
}

/* The lease of |asked| seconds: IGD:1 knows permanent ones by 0, in IGD:2 that means the longest (section 2.3.16). */
static uint32_t lease(const it_upnp_server *s, uint32_t asked)
{
    if (s->cfg.permanent_only || (s->cfg.version == 1 && asked == 0))
        return IT_UPNP_FOREVER;
    return asked == 0 || (s->cfg.version > 1 && asked > LEASE_MAX) ? LEASE_MAX : asked;
}

/* The arguments of AddPortMapping into |*w| and |*life|: 0 or an error code. */
static int add_args(it_bytes body, bool any, it_portmap_want *w, uint32_t *life)
{
    uint32_t ext, internal, enabled;
    it_bytes host;
    if (!number(body, "NewExternalPort", 65535, &ext) || !number(body, "NewInternalPort", 65535, &internal) || internal == 0 ||
        !number(body, "NewEnabled", 1, &enabled) || !number(body, "NewLeaseDuration", UINT32_MAX, life) || !protocol(body, &w->proto) ||
        !address(body, "NewInternalClient", &w->internal.ip) || !it_upnp_element(body, "NewRemoteHost", &host))
        return IT_UPNP_INVALID_ARGS;
    w->internal.port = (uint16_t)internal;
    w->external = (it_addr){{0, 0}, (uint16_t)ext};
    if (it_upnp_trim(host).n)
        return IT_UPNP_ONLY_WILDCARD_HOST;
    if (!enabled)
        return IT_UPNP_ACTION_FAILED; /* a mapping kept but not in force: the box has none such */
    return ext == 0 && !any ? IT_UPNP_NO_WILDCARD_PORT : 0;
}

/* AddPortMapping and AddAnyPortMapping: 0 when the owner is to be asked, else an error code. */
static int add(it_upnp_server *s, conn *c, it_bytes body)
{
    uint32_t life;
    it_portmap_want *w = &c->want;
    bool any = strcmp(c->action, "AddAnyPortMapping") == 0;
    int code = add_args(body, any, w, &life);
    if (code)
        return code;
    /* WANIPConnection:2 section 2.5.16.2: without authentication, for oneself alone. */
    if (s->cfg.version > 1 && !it_ip_eq(w->internal.ip, c->remote.ip))
        return IT_UPNP_NOT_AUTHORIZED;
    if (s->cfg.same_ports && w->external.port != w->internal.port)
        return IT_UPNP_SAME_PORTS;
    if (s->cfg.permanent_only && life)
        return IT_UPNP_ONLY_PERMANENT;
    const entry *e = entry_at(s, w->proto, w->external.port);
    bool conflict = e && !it_ip_eq(e->internal.ip, w->internal.ip);
    if (conflict && !any)
        return IT_UPNP_CONFLICT;
    if (conflict)
        w->external.port = 0;
    w->exactly = !any;
    w->lifetime = lease(s, life);
    return 0;
}

static int delete(it_upnp_server *s, conn *c, it_bytes body)
{
    uint32_t ext;
    uint8_t proto;
    if (!number(body, "NewExternalPort", 65535, &ext) || !protocol(body, &proto))
        return IT_UPNP_INVALID_ARGS;
    const entry *e = entry_at(s, proto, (uint16_t)ext);
    if (!e)
        return IT_UPNP_NO_SUCH_ENTRY;
    if (s->cfg.version > 1 && !it_ip_eq(e->internal.ip, c->remote.ip))
        return IT_UPNP_NOT_AUTHORIZED;
    c->want = (it_portmap_want){.proto = e->proto, .internal = e->internal, .external = {{0, 0}, e->port}, .exactly = true};
    return 0;
}

/* GetSpecificPortMappingEntry and GetGenericPortMappingEntry. */
static int show(it_upnp_server *s, conn *c, it_time now, it_bytes body)
{
    char ip[IT_IP_TEXT], args[512], key[160] = "";
    uint32_t n;
    uint8_t proto;
    const entry *e;
    if (strcmp(c->action, "GetGenericPortMappingEntry") == 0) {
        if (!number(body, "NewPortMappingIndex", 65535, &n))
            return IT_UPNP_INVALID_ARGS;
        if (n >= s->n_entries)
            return IT_UPNP_INDEX_INVALID;
        e = &s->entries[n];
        snprintf(key, sizeof key, "<NewRemoteHost></NewRemoteHost><NewExternalPort>%u</NewExternalPort><NewProtocol>%s</NewProtocol>", e->port,
                 e->proto == 6 ? "TCP" : "UDP");
    } else {
        if (!number(body, "NewExternalPort", 65535, &n) || !protocol(body, &proto))
            return IT_UPNP_INVALID_ARGS;
        e = entry_at(s, proto, (uint16_t)n);
    }
    if (!e)
        return IT_UPNP_NO_SUCH_ENTRY;
    uint32_t left = e->until == IT_NEVER ? 0 : (uint32_t)((e->until - now + IT_SEC - 1) / IT_SEC);
    snprintf(args, sizeof args,
             "%s<NewInternalPort>%u</NewInternalPort><NewInternalClient>%s</NewInternalClient><NewEnabled>1</NewEnabled>"
             "<NewPortMappingDescription></NewPortMappingDescription><NewLeaseDuration>%u</NewLeaseDuration>",
             key, e->internal.port, it_ip_text(e->internal.ip, ip), left);
    succeed(s, c, args);
    return 0;
}

static void external(const it_upnp_server *s, conn *c)
{
    char ip[IT_IP_TEXT], args[128];
    bool none = it_ip_none(s->cfg.external);
    snprintf(args, sizeof args, "<NewExternalIPAddress>%s</NewExternalIPAddress>", none ? "" : it_ip_text(s->cfg.external, ip));
    succeed(s, c, args);
}

static void act(it_upnp_server *s, conn *c, it_time now, it_bytes body)
{
    const char *a = c->action;
    bool v2 = s->cfg.version > 1;
    int code = IT_UPNP_INVALID_ACTION;
    if (strcmp(a, "GetExternalIPAddress") == 0) {
        external(s, c);
        return;
    }
    bool asks = true;
    if (strcmp(a, "AddPortMapping") == 0 || (v2 && strcmp(a, "AddAnyPortMapping") == 0)) {
        code = add(s, c, body);
    } else if (strcmp(a, "DeletePortMapping") == 0) {
        code = delete(s, c, body);
    } else if (strcmp(a, "GetSpecificPortMappingEntry") == 0 || strcmp(a, "GetGenericPortMappingEntry") == 0) {
        code = show(s, c, now, body);
        asks = false;
    }
    if (code)
        refuse(c, code);
    else if (asks)
        c->stage = WANTED;
}

/* The action that SOAPACTION: "urn:...:WANIPConnection:V#Name" names, into c->action. */
static bool action_of(const it_upnp_server *s, conn *c, const it_upnp_head *h)
{
    it_bytes v;
    size_t n = strlen(SERVICE);
    if (!it_upnp_header(h, "SOAPACTION", &v) || v.n < n + 4 || v.p[0] != '"' || v.p[v.n - 1] != '"' || memcmp(v.p + 1, SERVICE, n) != 0)
        return false;
    if (v.p[n + 1] < '1' || v.p[n + 1] > '0' + s->cfg.version || v.p[n + 2] != '#')
        return false;
    it_bytes name = it_bytes_of(v.p + n + 3, v.n - n - 4);
    if (name.n == 0 || name.n >= sizeof c->action)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char ch = (char)name.p[i];
        if (!((ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')))
            return false;
        c->action[i] = ch;
    }
    c->action[name.n] = '\0';
    return true;
}

/* What has come in so far: nothing yet, or a request. */
static void on_bytes(it_upnp_server *s, conn *c, it_time now)
{
    it_upnp_head h;
    int rc = it_upnp_head_parse(&h, it_bytes_of(c->in, c->n_in < IT_UPNP_HEAD_MAX ? c->n_in : IT_UPNP_HEAD_MAX));
    if (rc == 0 && c->n_in < IT_UPNP_HEAD_MAX)
        return;
    if (rc != 1) {
        respond(c, "400 Bad Request", "%s", "");
        return;
    }
    if (h.size + h.body > sizeof c->in) {
        respond(c, "413 Content Too Large", "%s", "");
        return;
    }
    if (c->n_in < h.size + h.body)
        return;
    forget_ended(s, now);
    bool get = it_upnp_is(h.word[0], "GET"), post = it_upnp_is(h.word[0], "POST");
    if (get && it_upnp_is(h.word[1], "/desc.xml"))
        describe(s, c);
    else if (post && it_upnp_is(h.word[1], "/ctl") && action_of(s, c, &h))
        act(s, c, now, it_bytes_of(c->in + h.size, h.body));
    else if (post && it_upnp_is(h.word[1], "/ctl"))
        refuse(c, IT_UPNP_INVALID_ACTION);
    else
        respond(c, get || post ? "404 Not Found" : "405 Method Not Allowed", "%s", "");
}

/* --- stack/io.h --- */

static conn *conn_of(it_upnp_server *s, uint32_t flow)
{
    for (size_t i = 0; i < CONNS; i++)
        if (s->conns[i].stage != FREE && s->conns[i].flow == flow)
            return &s->conns[i];
    return NULL;
}

static void accept_conn(it_upnp_server *s, const it_io *in)
{
    for (size_t i = 0; i < CONNS; i++) {
        conn *c = &s->conns[i];
        if (c->stage != FREE)
            continue;
        memset(c, 0, offsetof(conn, in));
        c->stage = READING;
        c->flow = in->flow;
        c->remote = in->remote;
        c->credit = (uint32_t)in->data.n;
        return;
    }
    /* No room: the stream stays without an answer until its peer gives up. */
}

int it_upnp_server_input(it_upnp_server *s, it_time now, const it_io *in)
{
    int n = (int)in->data.n;
    conn *c = conn_of(s, in->flow);
    if (in->kind == IT_IO_DGRAM) {
        on_search(s, now, in);
    } else if (in->kind == IT_IO_ACCEPTED) {
        accept_conn(s, in);
        n = 0;
    } else if (c && in->kind == IT_IO_DATA && c->stage == READING) {
        size_t take = in->data.n < sizeof c->in - c->n_in ? in->data.n : sizeof c->in - c->n_in;
        memcpy(c->in + c->n_in, in->data.p, take);
        c->n_in += take;
        on_bytes(s, c, now);
    } else if (c && in->kind == IT_IO_WRITABLE) {
        c->credit = (uint32_t)in->data.n;
        n = 0;
    } else if (c && in->kind == IT_IO_FIN) {
        c->fin_in = true;
        if (c->stage == READING) /* a request that ends before its time */
            respond(c, "400 Bad Request", "%s", "");
        else if (c->stage == DONE)
            c->stage = FREE;
    } else if (c && in->kind == IT_IO_RST) {
        c->stage = FREE;
    }
    return n;
}

int it_upnp_server_want(it_upnp_server *s, it_portmap_want *w)
{
    for (size_t i = 0; i < CONNS; i++) {
        if (s->conns[i].stage != WANTED)
            continue;
        s->conns[i].stage = ASKED;
        *w = s->conns[i].want;
        return 1;
    }
    return 0;
}

void it_upnp_server_done(it_upnp_server *s, it_time now, uint8_t result, it_addr ext)
{
    for (size_t i = 0; i < CONNS; i++) {
        conn *c = &s->conns[i];
        if (c->stage != ASKED)
            continue;
        char args[64] = "";
        bool any = strcmp(c->action, "AddAnyPortMapping") == 0;
        if (result == IT_PORTMAP_CANNOT_EXTERNAL) {
            refuse(c, IT_UPNP_CONFLICT);
            return;
        }
        if (result != IT_PORTMAP_OK) {
            refuse(c, any && result != IT_PORTMAP_NETWORK_FAILURE ? IT_UPNP_NO_PORT_LEFT : IT_UPNP_ACTION_FAILED);
            return;
        }
        remember(s, now, &c->want, ext.port);
        if (any)
            snprintf(args, sizeof args, "<NewReservedPort>%u</NewReservedPort>", ext.port);
        succeed(s, c, args);
        return;
    }
}

int it_upnp_server_tick(it_upnp_server *s, it_time now)
{
    (void)s;
    (void)now;
    return 0; /* answers that are due are taken by output */
}

it_time it_upnp_server_next(const it_upnp_server *s)
{
    return s->n_answers ? s->answers[due(s)].at : IT_NEVER;
}

int it_upnp_server_output(it_upnp_server *s, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    if (put_answer(s, now, out, buf, cap))
        return 1;
    for (size_t i = 0; i < CONNS; i++) {
        conn *c = &s->conns[i];
        if (c->stage != WRITING)
            continue;
        size_t n = c->n_out - c->sent;
        n = n < c->credit ? n : c->credit;
        n = n < cap ? n : cap;
        *out = (it_io){.kind = n ? IT_IO_DATA : IT_IO_FIN, .flow = c->flow};
        if (n) {
            memcpy(buf, c->out + c->sent, n);
            out->data = it_bytes_of(buf, n);
            c->sent += n;
            c->credit -= (uint32_t)n;
            return 1;
        }
        if (c->sent == c->n_out) {
            c->stage = c->fin_in ? FREE : DONE;
            return 1;
        }
    }
    return 0;
}
