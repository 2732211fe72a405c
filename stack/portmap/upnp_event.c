/* Events of the gateway device (GENA): who has subscribed, what they have not been told yet, a stream for each telling.
 * UPnP Device Architecture 2.0 sections 4.1 and 4.3.
 *
 *     SUBSCRIBE --> a subscriber, all variables are news --> NOTIFY (SEQ 0) ... a variable changes --> NOTIFY (SEQ 1)
 * ... until TIMEOUT
 *
 * A NOTIFY that does not get through is lost, as the number of the next one tells. Only the host that subscribes may be
 * the one that is told: else anybody could have the box send to anybody. */
#include "stack/portmap/upnp_impl.h"

#include <stdio.h>
#include <string.h>

#define LEAST 1800 /* seconds, section 4.1.2 */
#define MOST 86400
#define PATIENCE (30 * IT_SEC)   /* section 4.3.2: a subscriber has so long to answer */
#define SID IT_UPNPI_UUID "9-%u" /* of subscription N */

/* --- SUBSCRIBE, UNSUBSCRIBE --- */

static it_upnpi_sub *sub_of(it_upnp_server *s, int service, it_bytes sid)
{
    char text[80];
    for (size_t i = 0; i < IT_UPNPI_SUBSCRIBERS; i++) {
        snprintf(text, sizeof text, SID, s->subs[i].id);
        if (s->subs[i].id && s->subs[i].service == service && it_upnp_is(sid, text))
            return &s->subs[i];
    }
    return NULL;
}

static void end_sub(it_upnpi_sub *u)
{
    u->id = 0; /* what is on its way to it goes on */
    u->news = 0;
}

/* "Second-1800"; without it, and for "Second-infinite", what the box likes. Section 4.1.2. */
static uint32_t timeout_of(const it_upnp_head *h)
{
    it_bytes v;
    uint32_t n = LEAST;
    if (it_upnp_header(h, "TIMEOUT", &v) && v.n > 7 && it_upnp_is(it_bytes_of(v.p, 7), "Second-") &&
        it_upnp_number(it_bytes_of(v.p + 7, v.n - 7), UINT32_MAX, &n) < 0)
        n = LEAST;
    return n < LEAST ? LEAST : n > MOST ? MOST : n;
}

/* True when |path| can become part of a request line. */
static bool is_path(it_bytes path)
{
    for (size_t i = 0; i < path.n; i++)
        if (path.p[i] <= ' ' || path.p[i] >= 127)
            return false;
    return true;
}

/* The first URL of "<http://...><http://...>" into |u|: false when it is none, or leads elsewhere than to |who|. */
static bool callback(it_upnpi_sub *u, it_bytes v, it_ip who)
{
    it_bytes path;
    const uint8_t *end = v.n ? memchr(v.p, '>', v.n) : NULL;
    if (!end || v.p[0] != '<' || it_upnp_url(it_bytes_of(v.p + 1, (size_t)(end - v.p) - 1), &u->callback, &path) < 0)
        return false;
    if (!it_ip_eq(u->callback.ip, who) || u->callback.port == 0)
        return false;
    if (path.n >= sizeof u->path || !is_path(path))
        return false;
    memcpy(u->path, path.p, path.n);
    u->path[path.n] = '\0';
    return true;
}

static void accept_sub(it_upnpi_conn *c, it_time now, it_upnpi_sub *u, uint32_t timeout)
{
    char more[160];
    u->until = now + (it_time)timeout * IT_SEC;
    snprintf(more, sizeof more, "SID: " SID "\r\nTIMEOUT: Second-%u\r\n", u->id, timeout);
    it_upnpi_respond(c, "200 OK", more, "");
}

/* All variables of |service| that have events. */
static uint32_t all_news(const it_upnp_server *s, int service)
{
    uint32_t bits = 0;
    for (uint32_t i = 0; it_upnpi_variables[i].name && it_upnpi_variables[i].evented; i++)
        if (it_upnpi_variables[i].service == service && it_upnpi_variables[i].since <= it_upnpi_version(s, service))
            bits |= 1u << i;
    return bits;
}

static void new_sub(it_upnp_server *s, it_upnpi_conn *c, it_time now, int service, const it_upnp_head *h)
{
    it_bytes nt, url;
    it_upnpi_sub u = {.service = (uint8_t)service};
    if (!it_upnp_header(h, "NT", &nt) || !it_upnp_is(nt, "upnp:event") || !it_upnp_header(h, "CALLBACK", &url) ||
        !callback(&u, url, c->remote.ip)) {
        it_upnpi_respond(c, "412 Precondition Failed", "", "");
        return;
    }
    for (size_t i = 0; i < IT_UPNPI_SUBSCRIBERS; i++) {
        if (s->subs[i].id || s->subs[i].wire != IT_UPNPI_IDLE)
            continue;
        u.id = ++s->last_id;
        u.news = all_news(s, service);
        u.out = s->subs[i].out;
        s->subs[i] = u;
        accept_sub(c, now, &s->subs[i], timeout_of(h));
        return;
    }
    it_upnpi_respond(c, "503 Service Unavailable", "", "");
}

void it_upnpi_subscribe(it_upnp_server *s, it_upnpi_conn *c, it_time now, int service, const it_upnp_head *h)
{
    it_bytes sid, other;
    bool begins = it_upnp_is(h->word[0], "SUBSCRIBE"), known = it_upnp_header(h, "SID", &sid);
    it_upnpi_subs_tick(s, now);
    if (begins && !known) {
        new_sub(s, c, now, service, h);
        return;
    }
    /* Sections 4.1.3, 4.1.4: a SID stands alone. */
    if (known && (it_upnp_header(h, "NT", &other) || it_upnp_header(h, "CALLBACK", &other))) {
        it_upnpi_respond(c, "400 Bad Request", "", "");
        return;
    }
    it_upnpi_sub *u = known ? sub_of(s, service, sid) : NULL;
    if (!u || !it_ip_eq(u->callback.ip, c->remote.ip)) {
        it_upnpi_respond(c, "412 Precondition Failed", "", "");
    } else if (begins) {
        accept_sub(c, now, u, timeout_of(h));
    } else {
        end_sub(u);
        it_upnpi_respond(c, "200 OK", "", "");
    }
}

/* --- news --- */

void it_upnpi_changed(it_upnp_server *s, const char *name)
{
    for (uint32_t i = 0; it_upnpi_variables[i].name && it_upnpi_variables[i].evented; i++) {
        const it_upnpi_variable *v = &it_upnpi_variables[i];
        for (size_t k = 0; k < IT_UPNPI_SUBSCRIBERS && strcmp(v->name, name) == 0; k++)
            if (s->subs[k].id && s->subs[k].service == v->service && v->since <= it_upnpi_version(s, v->service))
                s->subs[k].news |= 1u << i;
    }
}

/* The value of evented variable |name| as it is now. */
static const char *value(const it_upnp_server *s, const char *name, char text[IT_IP_TEXT])
{
    bool up = !it_ip_none(s->cfg.external);
    if (strcmp(name, "ExternalIPAddress") == 0)
        return up ? it_ip_text(s->cfg.external, text) : "";
    if (strcmp(name, "ConnectionStatus") == 0)
        return up ? "Connected" : "Disconnected";
    if (strcmp(name, "PossibleConnectionTypes") == 0)
        return "IP_Routed";
    if (strcmp(name, "PhysicalLinkStatus") == 0)
        return "Up";
    snprintf(text, IT_IP_TEXT, "%zu", strcmp(name, "SystemUpdateID") == 0 ? (size_t)s->update : s->n_entries);
    return text;
}

/* Section 4.3.2. Everything that is news goes into one message. */
static void begin_notify(it_upnp_server *s, it_time now, it_upnpi_sub *u)
{
    char text[IT_ADDR_TEXT];
    it_str body;
    it_str_init(&body, s->cfg.alloc);
    it_str_puts(&body, "<?xml version=\"1.0\"?>\r\n<e:propertyset xmlns:e=\"urn:schemas-upnp-org:event-1-0\">");
    for (uint32_t i = 0; i < 32; i++)
        if (u->news & 1u << i)
            it_str_printf(&body, "<e:property><%s>%s</%s></e:property>", it_upnpi_variables[i].name,
                          value(s, it_upnpi_variables[i].name, text), it_upnpi_variables[i].name);
    it_str_puts(&body, "</e:propertyset>\r\n");
    it_str_clear(&u->out);
    it_str_printf(&u->out,
                  "NOTIFY %s HTTP/1.1\r\nHOST: %s\r\nContent-Type: text/xml; charset=\"utf-8\"\r\nContent-Length: "
                  "%zu\r\nNT: upnp:event\r\n"
                  "NTS: upnp:propchange\r\nSID: " SID "\r\nSEQ: %u\r\nConnection: close\r\n\r\n%s",
                  u->path, it_addr_text(u->callback, text), body.n, u->id, u->seq, it_str_c(&body));
    u->news = 0;
    u->seq = u->seq == UINT32_MAX ? 1 : u->seq + 1; /* section 4.3.1: 0 is the first one alone */
    if (!body.oom && !u->out.oom) {
        u->wire = IT_UPNPI_OPENING;
        u->late = now + PATIENCE;
        u->flow = s->last_flow = s->last_flow % 0x7ffffff0u + 1;
        u->room = 0;
        u->sent = 0;
    }
    it_str_fini(&body);
}

/* --- time and streams --- */

void it_upnpi_subs_tick(it_upnp_server *s, it_time now)
{
    for (size_t i = 0; i < IT_UPNPI_SUBSCRIBERS; i++) {
        it_upnpi_sub *u = &s->subs[i];
        if (u->id && u->until <= now)
            end_sub(u);
        if (u->wire != IT_UPNPI_IDLE && u->late <= now)
            u->wire = IT_UPNPI_LATE;
    }
}

/* When |u| ends, or its delivery is given up. */
static it_time sub_next(const it_upnpi_sub *u)
{
    it_time t = u->id ? u->until : IT_NEVER;
    bool delivers = u->wire != IT_UPNPI_IDLE && u->wire != IT_UPNPI_LATE;
    return delivers && u->late < t ? u->late : t;
}

it_time it_upnpi_subs_next(const it_upnp_server *s)
{
    it_time t = IT_NEVER;
    bool any = false;
    for (size_t i = 0; i < IT_UPNPI_SUBSCRIBERS; i++) {
        it_time next = sub_next(&s->subs[i]);
        any |= s->subs[i].id != 0;
        t = next < t ? next : t;
    }
    /* Mappings that end are news. */
    for (size_t i = 0; any && i < s->n_entries; i++)
        t = s->entries[i].until < t ? s->entries[i].until : t;
    return t;
}

/* The subscriber whom an event goes to by |flow|; NULL: none. */
static it_upnpi_sub *sub_on_flow(it_upnp_server *s, uint32_t flow)
{
    for (it_upnpi_sub *u = s->subs; u < s->subs + IT_UPNPI_SUBSCRIBERS; u++)
        if (u->wire != IT_UPNPI_IDLE && u->flow == flow)
            return u;
    return NULL;
}

/* What the stream of |u| says. The answer itself does not matter: section 4.3.2 knows nothing to do about it. */
static void sub_input(it_upnpi_sub *u, const it_io *in)
{
    switch (in->kind) {
    case IT_IO_OPENED:
    case IT_IO_WRITABLE:
        u->wire = u->wire == IT_UPNPI_OPENING ? IT_UPNPI_SENDING : u->wire;
        u->room = (uint32_t)in->data.n;
        return;
    case IT_IO_FIN:
        u->wire = u->wire == IT_UPNPI_SENDING ? IT_UPNPI_LEAVING : IT_UPNPI_IDLE;
        return;
    case IT_IO_RST:
        u->wire = IT_UPNPI_IDLE;
        return;
    default:
        return;
    }
}

bool it_upnpi_subs_input(it_upnp_server *s, const it_io *in)
{
    if (in->kind == IT_IO_DGRAM || in->flow >= IT_IO_ACCEPTED_FLOW)
        return false;
    it_upnpi_sub *u = sub_on_flow(s, in->flow);
    if (u)
        sub_input(u, in);
    return true;
}

/* One output for |u|'s stream, if there is one to make: 1. */
static int sub_output(it_upnp_server *s, it_time now, it_upnpi_sub *u, it_io *out, uint8_t *buf, size_t cap)
{
    size_t left = u->out.n - u->sent, n = left < u->room ? left : u->room;
    n = n < cap ? n : cap;
    switch (u->wire) {
    case IT_UPNPI_IDLE:
        if (u->news)
            begin_notify(s, now, u);
        *out = (it_io){.kind = IT_IO_OPEN, .flow = u->flow, .remote = u->callback};
        return u->wire == IT_UPNPI_OPENING;
    case IT_UPNPI_SENDING:
        *out = (it_io){.kind = left ? IT_IO_DATA : IT_IO_FIN, .flow = u->flow, .data = it_bytes_of(buf, n)};
        memcpy(buf, u->out.p + u->sent, n);
        u->sent += n;
        u->room -= (uint32_t)n;
        u->wire = left ? IT_UPNPI_SENDING : IT_UPNPI_OVER;
        return n || !left;
    case IT_UPNPI_LEAVING:
    case IT_UPNPI_LATE:
        *out = (it_io){.kind = u->wire == IT_UPNPI_LATE ? IT_IO_RST : IT_IO_FIN, .flow = u->flow};
        u->wire = IT_UPNPI_IDLE;
        return 1;
    default:
        return 0;
    }
}

int it_upnpi_subs_output(it_upnp_server *s, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    for (size_t i = 0; i < IT_UPNPI_SUBSCRIBERS; i++)
        if (sub_output(s, now, &s->subs[i], out, buf, cap) == 1)
            return 1;
    return 0;
}

void it_upnpi_subs_fini(it_upnp_server *s)
{
    for (size_t i = 0; i < IT_UPNPI_SUBSCRIBERS; i++)
        it_str_fini(&s->subs[i].out);
}
