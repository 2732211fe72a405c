/* The actions of the gateway device's services, and the table of mappings. WANIPConnection:1 and :2, sections 2.4
 * and 2.5; WANCommonInterfaceConfig:1, section 2.4. Error codes are those of the sections and of the device
 * architecture (3.1.3). */
#include "stack/portmap/upnp_impl.h"

#include <stdio.h>
#include <string.h>

#define LEASE_MAX 604800 /* seconds: WANIPConnection:2 section 2.3.16 */

/* --- the table of mappings --- */

/* The mappings are other ones than before. */
static void changed(it_upnp_server *s)
{
    s->update++;
    it_upnpi_changed(s, "PortMappingNumberOfEntries");
    it_upnpi_changed(s, "SystemUpdateID");
}

void it_upnpi_forget_ended(it_upnp_server *s, it_time now)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_entries; i++)
        if (s->entries[i].until > now)
            s->entries[n++] = s->entries[i];
    if (n != s->n_entries) {
        s->n_entries = n;
        changed(s);
    }
}

static it_upnpi_entry *entry_at(it_upnp_server *s, uint8_t proto, uint16_t port)
{
    for (size_t i = 0; i < s->n_entries; i++)
        if (s->entries[i].proto == proto && s->entries[i].port == port)
            return &s->entries[i];
    return NULL;
}

static void action_remember(it_upnp_server *s, it_time now, const it_upnpi_conn *c, uint16_t port)
{
    /* The box has one explicit mapping for an internal endpoint: a second one takes the place of the first. */
    const it_portmap_want *w = &c->want;
    size_t n = 0;
    bool same = false;
    for (size_t i = 0; i < s->n_entries; i++) {
        const it_upnpi_entry *e = &s->entries[i];
        bool mine = e->proto == w->proto && it_addr_eq(e->internal, w->internal);
        same |= mine && w->lifetime && e->port == port;
        if (!mine)
            s->entries[n++] = *e;
    }
    s->n_entries = n;
    if (w->lifetime && n < IT_UPNPI_ENTRIES &&
        it_grow(s->cfg.alloc, &s->entries, &s->cap_entries, n + 1, sizeof *s->entries) == 0) {
        it_upnpi_entry *e = &s->entries[s->n_entries++];
        *e = (it_upnpi_entry){.proto = w->proto, .internal = w->internal, .port = port};
        e->until = w->lifetime == IT_UPNP_FOREVER ? IT_NEVER : now + (it_time)w->lifetime * IT_SEC;
        memcpy(e->desc, c->desc, sizeof e->desc);
    }
    if (!same) /* a renewal is no news */
        changed(s);
}

/* --- arguments --- */

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

/* --- mappings --- */

/* The lease of |asked| seconds: IGD:1 knows permanent ones by 0, in IGD:2 that means the longest (section 2.3.16). */
static uint32_t lease(const it_upnp_server *s, uint32_t asked)
{
    if (s->cfg.permanent_only || (s->cfg.version == 1 && asked == 0))
        return IT_UPNP_FOREVER;
    return asked == 0 || (s->cfg.version > 1 && asked > LEASE_MAX) ? LEASE_MAX : asked;
}

/* The arguments of AddPortMapping into c->want, c->desc and |*life|: 0 or an error code. */
static int add_args(const it_upnp_server *s, it_upnpi_conn *c, it_bytes body, bool any, uint32_t *life)
{
    uint32_t ext, internal, enabled;
    it_bytes host, desc = {NULL, 0};
    it_portmap_want *w = &c->want;
    const struct {
        const char *name;
        uint32_t most, *to;
    } numbers[] = {{"NewExternalPort", 65535, &ext},
                   {"NewInternalPort", 65535, &internal},
                   {"NewEnabled", 1, &enabled},
                   {"NewLeaseDuration", UINT32_MAX, life}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!number(body, numbers[i].name, numbers[i].most, numbers[i].to))
            return IT_UPNP_INVALID_ARGS;
    if (!protocol(body, &w->proto) || !address(body, "NewInternalClient", &w->internal.ip))
        return IT_UPNP_INVALID_ARGS;
    if (!it_upnp_element(body, "NewRemoteHost", &host))
        return IT_UPNP_INVALID_ARGS;
    if (internal == 0)
        return s->cfg.version > 1 ? IT_UPNP_NO_WILDCARD_INTERNAL : IT_UPNP_INVALID_ARGS;
    w->internal.port = (uint16_t)internal;
    w->external = (it_addr){{0, 0}, (uint16_t)ext};
    if (it_upnp_trim(host).n)
        return IT_UPNP_ONLY_WILDCARD_HOST;
    if (!enabled)
        return IT_UPNP_ACTION_FAILED; /* a mapping kept but not in force: the box has none such */
    if (it_upnp_element(body, "NewPortMappingDescription", &desc) && desc.n >= sizeof c->desc)
        return IT_UPNP_TOO_LONG;
    if (desc.n)
        memcpy(c->desc, desc.p, desc.n);
    return ext == 0 && !any ? IT_UPNP_NO_WILDCARD_PORT : 0;
}

static int add_mapping(it_upnp_server *s, it_upnpi_conn *c, it_bytes body, bool any)
{
    uint32_t life;
    it_portmap_want *w = &c->want;
    int code = add_args(s, c, body, any, &life);
    if (code)
        return code;
    /* WANIPConnection:2 section 2.5.16.2: without authentication, for oneself alone. */
    if (s->cfg.version > 1 && !it_ip_eq(w->internal.ip, c->remote.ip))
        return IT_UPNP_NOT_AUTHORIZED;
    if (s->cfg.same_ports && w->external.port != w->internal.port)
        return IT_UPNP_SAME_PORTS;
    if (s->cfg.permanent_only && life)
        return IT_UPNP_ONLY_PERMANENT;
    const it_upnpi_entry *e = entry_at(s, w->proto, w->external.port);
    bool conflict = e && !it_ip_eq(e->internal.ip, w->internal.ip);
    if (conflict && !any)
        return IT_UPNP_CONFLICT;
    if (conflict)
        w->external.port = 0;
    w->exactly = !any;
    w->lifetime = lease(s, life);
    return IT_UPNPI_WANT;
}

static int action_add(it_upnp_server *s, it_upnpi_conn *c, it_time now, it_bytes body)
{
    (void)now;
    return add_mapping(s, c, body, false);
}

static int add_any(it_upnp_server *s, it_upnpi_conn *c, it_time now, it_bytes body)
{
    (void)now;
    return add_mapping(s, c, body, true);
}

static void want_deleted(it_upnpi_conn *c, const it_upnpi_entry *e)
{
    c->want =
        (it_portmap_want){.proto = e->proto, .internal = e->internal, .external = {{0, 0}, e->port}, .exactly = true};
}

/* IGD:2: everybody manages his own mappings only, without authentication. */
static bool may(const it_upnp_server *s, const it_upnpi_conn *c, const it_upnpi_entry *e)
{
    return s->cfg.version < 2 || it_ip_eq(e->internal.ip, c->remote.ip);
}

static int delete (it_upnp_server *s, it_upnpi_conn *c, it_time now, it_bytes body)
{
    uint32_t ext;
    uint8_t proto;
    (void)now;
    if (!number(body, "NewExternalPort", 65535, &ext) || !protocol(body, &proto))
        return IT_UPNP_INVALID_ARGS;
    const it_upnpi_entry *e = entry_at(s, proto, (uint16_t)ext);
    if (!e)
        return IT_UPNP_NO_SUCH_ENTRY;
    if (!may(s, c, e))
        return IT_UPNP_NOT_AUTHORIZED;
    want_deleted(c, e);
    return IT_UPNPI_WANT;
}

/* The range of ports that both actions of IGD:2 take: 0 or an error code. Section 2.5.19. */
static int range(it_bytes body, uint8_t *proto, uint32_t *from, uint32_t *to)
{
    if (!number(body, "NewStartPort", 65535, from) || !number(body, "NewEndPort", 65535, to) || !protocol(body, proto))
        return IT_UPNP_INVALID_ARGS;
    return *from > *to ? IT_UPNP_INCONSISTENT : 0;
}

/* The first mapping from |from| to |to| that |c| may have to do with, NULL when there is none; |*any|: there are
 * others. */
static const it_upnpi_entry *in_range(const it_upnp_server *s, const it_upnpi_conn *c, uint8_t proto, uint32_t from,
                                      uint32_t to, bool *any)
{
    const it_upnpi_entry *best = NULL;
    for (size_t i = 0; i < s->n_entries; i++) {
        const it_upnpi_entry *e = &s->entries[i];
        if (e->proto != proto || e->port < from || e->port > to)
            continue;
        *any = true;
        if (may(s, c, e) && (!best || e->port < best->port))
            best = e;
    }
    return best;
}

/* Section 2.5.19: one after the other, as far as they are the caller's. */
static int delete_range(it_upnp_server *s, it_upnpi_conn *c, it_time now, it_bytes body)
{
    uint8_t proto;
    uint32_t from, to;
    bool any = false;
    (void)now;
    int code = range(body, &proto, &from, &to);
    if (code)
        return code;
    const it_upnpi_entry *e = in_range(s, c, proto, from, to, &any);
    if (!e)
        return any ? IT_UPNP_NOT_AUTHORIZED : IT_UPNP_NOT_FOUND;
    want_deleted(c, e);
    c->last = to;
    return IT_UPNPI_WANT;
}

static uint32_t time_left(const it_upnpi_entry *e, it_time now)
{
    return e->until == IT_NEVER ? 0 : (uint32_t)((e->until - now + IT_SEC - 1) / IT_SEC);
}

static const char *name_of(uint8_t proto)
{
    return proto == 6 ? "TCP" : "UDP";
}

/* Section 2.5.21: a document in a document. */
static int list(it_upnp_server *s, it_upnpi_conn *c, it_time now, it_bytes body)
{
    char ip[IT_IP_TEXT];
    uint8_t proto;
    uint32_t from, to, most;
    size_t n = 0;
    int code = range(body, &proto, &from, &to);
    if (code || !number(body, "NewNumberOfPorts", 65535, &most))
        return code ? code : IT_UPNP_INVALID_ARGS;
    it_str b;
    it_str_init(&b, s->cfg.alloc);
    it_str_puts(&b, "<NewPortListing><![CDATA[<?xml version=\"1.0\"?><p:PortMappingList "
                    "xmlns:p=\"urn:schemas-upnp-org:gw:WANIPConnection\">");
    for (size_t i = 0; i < s->n_entries && (most == 0 || n < most); i++) {
        const it_upnpi_entry *e = &s->entries[i];
        if (e->proto != proto || e->port < from || e->port > to || !may(s, c, e))
            continue;
        n++;
        it_str_printf(&b,
                      "<p:PortMappingEntry><p:NewRemoteHost></p:NewRemoteHost><p:NewExternalPort>%u</"
                      "p:NewExternalPort><p:NewProtocol>%s</p:NewProtocol>"
                      "<p:NewInternalPort>%u</p:NewInternalPort><p:NewInternalClient>%s</"
                      "p:NewInternalClient><p:NewEnabled>1</p:NewEnabled>"
                      "<p:NewDescription>%s</p:NewDescription><p:NewLeaseTime>%u</p:NewLeaseTime></p:PortMappingEntry>",
                      e->port, name_of(e->proto), e->internal.port, it_ip_text(e->internal.ip, ip), e->desc,
                      time_left(e, now));
    }
    it_str_puts(&b, "</p:PortMappingList>]]></NewPortListing>");
    if (n)
        (void)it_upnpi_succeed(s, c, it_str_c(&b));
    c->out.oom |= n && b.oom;
    it_str_fini(&b);
    return n ? 0 : IT_UPNP_NOT_FOUND;
}

static int action_show(it_upnp_server *s, it_upnpi_conn *c, it_time now, const it_upnpi_entry *e, const char *key)
{
    char ip[IT_IP_TEXT], args[700];
    snprintf(
        args, sizeof args,
        "%s<NewInternalPort>%u</NewInternalPort><NewInternalClient>%s</NewInternalClient><NewEnabled>1</NewEnabled>"
        "<NewPortMappingDescription>%s</NewPortMappingDescription><NewLeaseDuration>%u</NewLeaseDuration>",
        key, e->internal.port, it_ip_text(e->internal.ip, ip), e->desc, time_left(e, now));
    return it_upnpi_succeed(s, c, args);
}

static int show_nth(it_upnp_server *s, it_upnpi_conn *c, it_time now, it_bytes body)
{
    char key[160];
    uint32_t n;
    if (!number(body, "NewPortMappingIndex", 65535, &n))
        return IT_UPNP_INVALID_ARGS;
    if (n >= s->n_entries)
        return IT_UPNP_INDEX_INVALID;
    const it_upnpi_entry *e = &s->entries[n];
    snprintf(key, sizeof key,
             "<NewRemoteHost></NewRemoteHost><NewExternalPort>%u</NewExternalPort><NewProtocol>%s</NewProtocol>",
             e->port, name_of(e->proto));
    return action_show(s, c, now, e, key);
}

static int show_one(it_upnp_server *s, it_upnpi_conn *c, it_time now, it_bytes body)
{
    uint32_t port;
    uint8_t proto;
    if (!number(body, "NewExternalPort", 65535, &port) || !protocol(body, &proto))
        return IT_UPNP_INVALID_ARGS;
    const it_upnpi_entry *e = entry_at(s, proto, (uint16_t)port);
    return e ? action_show(s, c, now, e, "") : IT_UPNP_NO_SUCH_ENTRY;
}

/* --- the connection --- */

static int external(it_upnp_server *s, it_upnpi_conn *c, it_time now, it_bytes body)
{
    char ip[IT_IP_TEXT], args[128];
    bool none = it_ip_none(s->cfg.external);
    (void)now;
    (void)body;
    snprintf(args, sizeof args, "<NewExternalIPAddress>%s</NewExternalIPAddress>",
             none ? "" : it_ip_text(s->cfg.external, ip));
    return it_upnpi_succeed(s, c, args);
}

static int status(it_upnp_server *s, it_upnpi_conn *c, it_time now, it_bytes body)
{
    char args[256];
    (void)body;
    snprintf(args, sizeof args,
             "<NewConnectionStatus>%s</NewConnectionStatus><NewLastConnectionError>ERROR_NONE</"
             "NewLastConnectionError><NewUptime>%u</NewUptime>",
             it_ip_none(s->cfg.external) ? "Disconnected" : "Connected", (uint32_t)((now - s->born) / IT_SEC));
    return it_upnpi_succeed(s, c, args);
}

static int type_info(it_upnp_server *s, it_upnpi_conn *c, it_time now, it_bytes body)
{
    (void)now;
    (void)body;
    return it_upnpi_succeed(s, c,
                            "<NewConnectionType>IP_Routed</NewConnectionType><NewPossibleConnectionTypes>IP_Routed</"
                            "NewPossibleConnectionTypes>");
}

/* It is routed, and nothing else: section 2.4.1. */
static int set_type(it_upnp_server *s, it_upnpi_conn *c, it_time now, it_bytes body)
{
    it_bytes t;
    (void)now;
    if (!it_upnp_element(body, "NewConnectionType", &t))
        return IT_UPNP_INVALID_ARGS;
    if (it_upnp_is(it_upnp_trim(t), "IP_Routed"))
        return it_upnpi_succeed(s, c, "");
    return s->cfg.version > 1 ? IT_UPNP_READ_ONLY : IT_UPNP_ACTIVE;
}

static int nat_status(it_upnp_server *s, it_upnpi_conn *c, it_time now, it_bytes body)
{
    (void)now;
    (void)body;
    return it_upnpi_succeed(s, c, "<NewRSIPAvailable>0</NewRSIPAvailable><NewNATEnabled>1</NewNATEnabled>");
}

/* It is connected. */
static int connect_now(it_upnp_server *s, it_upnpi_conn *c, it_time now, it_bytes body)
{
    (void)now;
    (void)body;
    return it_upnpi_succeed(s, c, "");
}

/* Nobody inside may take the line from all. */
static int terminate(it_upnp_server *s, it_upnpi_conn *c, it_time now, it_bytes body)
{
    (void)s;
    (void)c;
    (void)now;
    (void)body;
    return IT_UPNP_NOT_AUTHORIZED;
}

static int link_properties(it_upnp_server *s, it_upnpi_conn *c, it_time now, it_bytes body)
{
    (void)now;
    (void)body;
    return it_upnpi_succeed(s, c,
                            "<NewWANAccessType>Ethernet</NewWANAccessType><NewLayer1UpstreamMaxBitRate>1000000000</"
                            "NewLayer1UpstreamMaxBitRate>"
                            "<NewLayer1DownstreamMaxBitRate>1000000000</"
                            "NewLayer1DownstreamMaxBitRate><NewPhysicalLinkStatus>Up</NewPhysicalLinkStatus>");
}

/* --- the tables --- */

#define KEY "NewRemoteHost NewExternalPort NewProtocol"
#define VALUE "NewInternalPort NewInternalClient NewEnabled NewPortMappingDescription NewLeaseDuration"
#define RANGE "NewStartPort NewEndPort NewProtocol NewManage"

const it_upnpi_action it_upnpi_actions[] = {
    {IT_UPNPI_IP, 1, "SetConnectionType", "NewConnectionType", "", set_type},
    {IT_UPNPI_IP, 1, "GetConnectionTypeInfo", "", "NewConnectionType NewPossibleConnectionTypes", type_info},
    {IT_UPNPI_IP, 1, "RequestConnection", "", "", connect_now},
    {IT_UPNPI_IP, 1, "ForceTermination", "", "", terminate},
    {IT_UPNPI_IP, 1, "GetStatusInfo", "", "NewConnectionStatus NewLastConnectionError NewUptime", status},
    {IT_UPNPI_IP, 1, "GetNATRSIPStatus", "", "NewRSIPAvailable NewNATEnabled", nat_status},
    {IT_UPNPI_IP, 1, "GetGenericPortMappingEntry", "NewPortMappingIndex", KEY " " VALUE, show_nth},
    {IT_UPNPI_IP, 1, "GetSpecificPortMappingEntry", KEY, VALUE, show_one},
    {IT_UPNPI_IP, 1, "AddPortMapping", KEY " " VALUE, "", action_add},
    {IT_UPNPI_IP, 1, "DeletePortMapping", KEY, "", delete},
    {IT_UPNPI_IP, 1, "GetExternalIPAddress", "", "NewExternalIPAddress", external},
    {IT_UPNPI_IP, 2, "AddAnyPortMapping", KEY " " VALUE, "NewReservedPort", add_any},
    {IT_UPNPI_IP, 2, "DeletePortMappingRange", RANGE, "", delete_range},
    {IT_UPNPI_IP, 2, "GetListOfPortMappings", RANGE " NewNumberOfPorts", "NewPortListing", list},
    {IT_UPNPI_IF, 1, "GetCommonLinkProperties", "",
     "NewWANAccessType NewLayer1UpstreamMaxBitRate NewLayer1DownstreamMaxBitRate NewPhysicalLinkStatus",
     link_properties},
    {0, 0, NULL, NULL, NULL, NULL},
};

const it_upnpi_variable it_upnpi_variables[] = {
    {IT_UPNPI_IP, 1, true, "PossibleConnectionTypes", "string", "IP_Routed"},
    {IT_UPNPI_IP, 1, true, "ConnectionStatus", "string", "Unconfigured Connected Disconnected"},
    {IT_UPNPI_IP, 1, true, "ExternalIPAddress", "string", NULL},
    {IT_UPNPI_IP, 1, true, "PortMappingNumberOfEntries", "ui2", NULL},
    {IT_UPNPI_IP, 2, true, "SystemUpdateID", "ui4", NULL},
    {IT_UPNPI_IF, 1, true, "PhysicalLinkStatus", "string", "Up Down"},
    {IT_UPNPI_IP, 1, false, "ConnectionType", "string", NULL},
    {IT_UPNPI_IP, 1, false, "Uptime", "ui4", NULL},
    {IT_UPNPI_IP, 1, false, "LastConnectionError", "string", "ERROR_NONE"},
    {IT_UPNPI_IP, 1, false, "RSIPAvailable", "boolean", NULL},
    {IT_UPNPI_IP, 1, false, "NATEnabled", "boolean", NULL},
    {IT_UPNPI_IP, 1, false, "PortMappingEnabled", "boolean", NULL},
    {IT_UPNPI_IP, 1, false, "PortMappingLeaseDuration", "ui4", NULL},
    {IT_UPNPI_IP, 1, false, "RemoteHost", "string", NULL},
    {IT_UPNPI_IP, 1, false, "ExternalPort", "ui2", NULL},
    {IT_UPNPI_IP, 1, false, "InternalPort", "ui2", NULL},
    {IT_UPNPI_IP, 1, false, "PortMappingProtocol", "string", "TCP UDP"},
    {IT_UPNPI_IP, 1, false, "InternalClient", "string", NULL},
    {IT_UPNPI_IP, 1, false, "PortMappingDescription", "string", NULL},
    {IT_UPNPI_IP, 2, false, "A_ARG_TYPE_Manage", "boolean", NULL},
    {IT_UPNPI_IP, 2, false, "A_ARG_TYPE_PortListing", "string", NULL},
    {IT_UPNPI_IF, 1, false, "WANAccessType", "string", "DSL POTS Cable Ethernet"},
    {IT_UPNPI_IF, 1, false, "Layer1UpstreamMaxBitRate", "ui4", NULL},
    {IT_UPNPI_IF, 1, false, "Layer1DownstreamMaxBitRate", "ui4", NULL},
    {0, 0, false, NULL, NULL, NULL},
};

const char *it_upnpi_variable_of(const char *name)
{
    static const char *const OTHER[][2] = {
        {"NewEnabled", "PortMappingEnabled"},
        {"NewProtocol", "PortMappingProtocol"},
        {"NewLeaseDuration", "PortMappingLeaseDuration"},
        {"NewPortMappingIndex", "PortMappingNumberOfEntries"},
        {"NewReservedPort", "ExternalPort"},
        {"NewStartPort", "ExternalPort"},
        {"NewEndPort", "ExternalPort"},
        {"NewNumberOfPorts", "PortMappingNumberOfEntries"},
        {"NewManage", "A_ARG_TYPE_Manage"},
        {"NewPortListing", "A_ARG_TYPE_PortListing"},
    };
    for (size_t i = 0; i < sizeof OTHER / sizeof *OTHER; i++)
        if (strcmp(OTHER[i][0], name) == 0)
            return OTHER[i][1];
    return name + 3; /* "New" */
}

/* --- calls --- */

void it_upnpi_call(it_upnp_server *s, it_upnpi_conn *c, it_time now, int service, const it_upnp_head *h, it_bytes body)
{
    it_upnpi_forget_ended(s, now);
    c->action = it_upnpi_action_of(s, c, service, h);
    int code = c->action ? c->action->act(s, c, now, body) : IT_UPNP_INVALID_ACTION;
    if (code > 0)
        it_upnpi_refuse(c, code);
    else if (code == IT_UPNPI_WANT)
        c->stage = IT_UPNPI_WANTED;
}

void it_upnp_server_done(it_upnp_server *s, it_time now, uint8_t result, it_addr ext)
{
    it_upnpi_conn *c = NULL;
    for (size_t i = 0; i < IT_UPNPI_CONNS && !c; i++)
        c = s->conns[i].stage == IT_UPNPI_ASKED ? &s->conns[i] : NULL;
    if (!c)
        return;
    char args[64] = "";
    bool any = c->action->act == add_any, others = false;
    if (result != IT_PORTMAP_OK) {
        it_upnpi_refuse(c, result == IT_PORTMAP_CANNOT_EXTERNAL          ? IT_UPNP_CONFLICT
                           : any && result != IT_PORTMAP_NETWORK_FAILURE ? IT_UPNP_NO_PORT_LEFT
                                                                         : IT_UPNP_ACTION_FAILED);
        return;
    }
    action_remember(s, now, c, ext.port);
    const it_upnpi_entry *more = c->action->act == delete_range
                                     ? in_range(s, c, c->want.proto, c->want.external.port + 1u, c->last, &others)
                                     : NULL;
    if (more) {
        want_deleted(c, more);
        c->stage = IT_UPNPI_WANTED;
        return;
    }
    if (any)
        snprintf(args, sizeof args, "<NewReservedPort>%u</NewReservedPort>", ext.port);
    (void)it_upnpi_succeed(s, c, args);
}
