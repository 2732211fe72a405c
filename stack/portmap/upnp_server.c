/* The gateway device: SSDP answers that wait their time, one request a stream, and what it is about. */
#include "stack/portmap/upnp_impl.h"

#include <stdio.h>
#include <string.h>

#define SERVER "SERVER: icetank UPnP/2.0 igd\r\n"

it_upnp_server *it_upnp_server_new(const it_upnp_server_cfg *cfg)
{
    it_upnp_server *s = it_calloc(cfg->alloc, 1, sizeof *s);
    if (!s)
        return NULL;
    s->cfg = *cfg;
    for (size_t i = 0; i < IT_UPNPI_CONNS; i++)
        it_str_init(&s->conns[i].out, cfg->alloc);
    for (size_t i = 0; i < IT_UPNPI_SUBSCRIBERS; i++)
        it_str_init(&s->subs[i].out, cfg->alloc);
    return s;
}

void it_upnp_server_free(it_upnp_server *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < IT_UPNPI_CONNS; i++)
        it_str_fini(&s->conns[i].out);
    it_upnpi_subs_fini(s);
    it_free(s->cfg.alloc, s->entries);
    it_free(s->cfg.alloc, s);
}

void it_upnp_server_reset(it_upnp_server *s, it_ip external)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_entries; i++)
        if (s->entries[i].until == IT_NEVER)
            s->entries[n++] = s->entries[i];
    if (n != s->n_entries) {
        s->update++;
        it_upnpi_changed(s, "PortMappingNumberOfEntries");
        it_upnpi_changed(s, "SystemUpdateID");
    }
    if (!it_ip_eq(s->cfg.external, external))
        it_upnpi_changed(s, "ExternalIPAddress");
    if (it_ip_none(s->cfg.external) != it_ip_none(external))
        it_upnpi_changed(s, "ConnectionStatus");
    s->n_entries = n;
    s->cfg.external = external;
}

#define ROOT IT_UPNPI_UUID "1"

/* --- SSDP: UPnP Device Architecture section 1.3 --- */

/* True when |st| is something this device is; versions below its own too. */
static bool is_target(const it_upnp_server *s, it_bytes st)
{
    static const char *const ANY[] = {"ssdp:all", "upnp:rootdevice", ROOT, NULL};
    const char *const KINDS[] = {IT_UPNPI_DEVICE "InternetGatewayDevice:", IT_UPNPI_DEVICE "WANDevice:",
                                 IT_UPNPI_DEVICE "WANConnectionDevice:", it_upnpi_services[IT_UPNPI_IP].type, NULL};
    for (int i = 0; ANY[i]; i++)
        if (it_upnp_is(st, ANY[i]))
            return true;
    for (int i = 0; KINDS[i]; i++) {
        size_t n = strlen(KINDS[i]);
        if (st.n == n + 1 && memcmp(st.p, KINDS[i], n) == 0)
            return st.p[n] >= '1' && st.p[n] <= '0' + s->cfg.version;
    }
    const char *other = it_upnpi_services[IT_UPNPI_IF].type;
    return st.n == strlen(other) + 1 && memcmp(st.p, other, st.n - 1) == 0 && st.p[st.n - 1] == '1';
}

/* True when |h| is a search that is answered: its target |*st|, and within how many seconds. */
static bool read_search(const it_upnp_server *s, const it_upnp_head *h, it_bytes *st, uint32_t *wait)
{
    it_bytes man, mx;
    if (!it_upnp_is(h->word[0], "M-SEARCH"))
        return false;
    if (!it_upnp_header(h, "MAN", &man) || !it_upnp_is(man, "\"ssdp:discover\""))
        return false;
    if (!it_upnp_header(h, "ST", st) || st->n >= IT_UPNPI_TARGET || !is_target(s, *st))
        return false;
    /* Section 1.3.3: a search by multicast without MX is not answered. */
    return it_upnp_header(h, "MX", &mx) && it_upnp_number(mx, UINT32_MAX, wait) == 0 && *wait > 0;
}

static void on_search(it_upnp_server *s, it_time now, const it_io *in)
{
    it_upnp_head h;
    it_bytes st;
    uint32_t wait = 0;
    if (s->n_answers == IT_UPNPI_ANSWERS || it_upnp_head_parse(&h, in->data) != 1 || !read_search(s, &h, &st, &wait))
        return;
    it_time most = (wait < 5 ? wait : 5) * IT_SEC; /* section 1.3.3: the wait is at most 5 s */
    it_upnpi_answer *a = &s->answers[s->n_answers++];
    *a = (it_upnpi_answer){.local = in->local, .remote = in->remote, .flow = in->flow};
    a->at = now + (it_time)it_rng_below(&s->cfg.rng, (uint64_t)most);
    memcpy(a->target, st.p, st.n);
}

static size_t server_due(const it_upnp_server *s)
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
    size_t i = server_due(s);
    if (s->n_answers == 0 || s->answers[i].at > now)
        return false;
    it_upnpi_answer a = s->answers[i];
    memmove(&s->answers[i], &s->answers[i + 1], (--s->n_answers - i) * sizeof a);
    const char *st = strcmp(a.target, "ssdp:all") == 0 ? "upnp:rootdevice" : a.target;
    bool own = strcmp(st, ROOT) == 0;
    int n = snprintf((char *)buf, cap,
                     "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1800\r\nEXT:\r\nLOCATION: http://%s/desc.xml\r\n"
                     "SERVER: icetank UPnP/2.0 igd/%d\r\nST: %s\r\nUSN: " ROOT "%s%s\r\n\r\n",
                     it_addr_text(s->cfg.http, http), s->cfg.version, st, own ? "" : "::", own ? "" : st);
    *out = (it_io){.kind = IT_IO_DGRAM,
                   .flow = a.flow,
                   .local = a.local,
                   .remote = a.remote,
                   .data = it_bytes_of(buf, n > 0 && (size_t)n < cap ? (size_t)n : 0)};
    return true;
}

/* --- HTTP --- */

void it_upnpi_respond(it_upnpi_conn *c, const char *status, const char *more, const char *body)
{
    const char *type = *body ? "Content-Type: text/xml; charset=\"utf-8\"\r\n" : "";
    it_str_clear(&c->out);
    it_str_printf(&c->out, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\nConnection: close\r\n%s" SERVER "\r\n%s", status,
                  type, strlen(body), more, body);
    c->stage = IT_UPNPI_WRITING;
}

/* One of the documents. */
static void document(it_upnp_server *s, it_upnpi_conn *c, int service)
{
    it_str b;
    it_str_init(&b, s->cfg.alloc);
    if (service < 0)
        it_upnpi_describe(s, &b);
    else
        it_upnpi_scpd(s, service, &b);
    it_upnpi_respond(c, "200 OK", "", it_str_c(&b));
    c->out.oom |= b.oom;
    it_str_fini(&b);
}

enum method { OTHER, GET, POST, SUB };

static enum method method_of(it_bytes word)
{
    static const struct {
        const char *name;
        enum method method;
    } T[] = {{"GET", GET}, {"POST", POST}, {"SUBSCRIBE", SUB}, {"UNSUBSCRIBE", SUB}};
    for (size_t i = 0; i < sizeof T / sizeof *T; i++)
        if (it_upnp_is(word, T[i].name))
            return T[i].method;
    return OTHER;
}

/* A whole request. */
static void on_request(it_upnp_server *s, it_upnpi_conn *c, it_time now, const it_upnp_head *h)
{
    it_bytes path = h->word[1];
    enum method method = method_of(h->word[0]);
    if (method == GET && it_upnp_is(path, "/desc.xml")) {
        document(s, c, -1);
        return;
    }
    for (int k = 0; k < IT_UPNPI_SERVICES; k++) {
        const it_upnpi_service *v = &it_upnpi_services[k];
        if (method == GET && it_upnp_is(path, v->scpd))
            document(s, c, k);
        else if (method == POST && it_upnp_is(path, v->ctl))
            it_upnpi_call(s, c, now, k, h, it_bytes_of(c->in + h->size, h->body));
        else if (method == SUB && it_upnp_is(path, v->evt))
            it_upnpi_subscribe(s, c, now, k, h);
        else
            continue;
        return;
    }
    it_upnpi_respond(c, method == OTHER ? "405 Method Not Allowed" : "404 Not Found", "", "");
}

/* What has come in so far: nothing yet, or a request. */
static void on_bytes(it_upnp_server *s, it_upnpi_conn *c, it_time now)
{
    it_upnp_head h;
    int rc = it_upnp_head_parse(&h, it_bytes_of(c->in, c->n_in < IT_UPNP_HEAD_MAX ? c->n_in : IT_UPNP_HEAD_MAX));
    if (rc == 0 && c->n_in < IT_UPNP_HEAD_MAX)
        return;
    if (rc != 1)
        it_upnpi_respond(c, "400 Bad Request", "", "");
    else if (h.size + h.body > sizeof c->in)
        it_upnpi_respond(c, "413 Content Too Large", "", "");
    else if (c->n_in >= h.size + h.body)
        on_request(s, c, now, &h);
}

/* --- stack/io.h --- */

static it_upnpi_conn *conn_of(it_upnp_server *s, uint32_t flow)
{
    for (size_t i = 0; i < IT_UPNPI_CONNS; i++)
        if (s->conns[i].stage != IT_UPNPI_FREE && s->conns[i].flow == flow)
            return &s->conns[i];
    return NULL;
}

static void accept_conn(it_upnp_server *s, const it_io *in)
{
    for (size_t i = 0; i < IT_UPNPI_CONNS; i++) {
        it_upnpi_conn *c = &s->conns[i];
        if (c->stage != IT_UPNPI_FREE)
            continue;
        it_str kept = c->out; /* its memory is used again */
        memset(c, 0, offsetof(it_upnpi_conn, in));
        c->out = kept;
        c->stage = IT_UPNPI_READING;
        c->flow = in->flow;
        c->remote = in->remote;
        c->room = (uint32_t)in->data.n;
        return;
    }
    /* No room: the stream stays without an answer until its peer gives up. */
}

static void conn_data(it_upnp_server *s, it_upnpi_conn *c, it_time now, it_bytes data)
{
    if (c->stage != IT_UPNPI_READING)
        return;
    size_t room = sizeof c->in - c->n_in;
    size_t n = data.n < room ? data.n : room;
    memcpy(c->in + c->n_in, data.p, n);
    c->n_in += n;
    on_bytes(s, c, now);
}

static void conn_fin(it_upnpi_conn *c)
{
    c->fin_in = true;
    if (c->stage == IT_UPNPI_READING) /* a request that ends before its time */
        it_upnpi_respond(c, "400 Bad Request", "", "");
    else if (c->stage == IT_UPNPI_DONE)
        c->stage = IT_UPNPI_FREE;
}

/* Returns how many bytes were taken, as it_upnp_server_input. */
static int conn_input(it_upnp_server *s, it_upnpi_conn *c, it_time now, const it_io *in)
{
    switch (in->kind) {
    case IT_IO_DATA:
        conn_data(s, c, now, in->data);
        break;
    case IT_IO_WRITABLE:
        c->room = (uint32_t)in->data.n;
        return 0;
    case IT_IO_FIN:
        conn_fin(c);
        break;
    case IT_IO_RST:
        c->stage = IT_UPNPI_FREE;
        break;
    default:
        break;
    }
    return (int)in->data.n;
}

int it_upnp_server_input(it_upnp_server *s, it_time now, const it_io *in)
{
    int n = (int)in->data.n;
    if (in->kind == IT_IO_BOUND || in->kind == IT_IO_UNBIND)
        return 0; /* whatever it is asked by: it answers from there */
    it_upnpi_conn *c = conn_of(s, in->flow);
    if (it_upnpi_subs_input(s, in))
        return in->kind == IT_IO_DATA ? n : 0;
    if (in->kind == IT_IO_DGRAM) {
        on_search(s, now, in);
        return n;
    }
    if (in->kind == IT_IO_ACCEPTED) {
        accept_conn(s, in);
        return 0;
    }
    return c ? conn_input(s, c, now, in) : n;
}

int it_upnp_server_want(it_upnp_server *s, it_portmap_want *w)
{
    for (size_t i = 0; i < IT_UPNPI_CONNS; i++) {
        if (s->conns[i].stage != IT_UPNPI_WANTED)
            continue;
        s->conns[i].stage = IT_UPNPI_ASKED;
        *w = s->conns[i].want;
        return 1;
    }
    return 0;
}

int it_upnp_server_tick(it_upnp_server *s, it_time now)
{
    it_upnpi_forget_ended(s, now);
    it_upnpi_subs_tick(s, now);
    return 0; /* answers that are due are taken by output */
}

it_time it_upnp_server_next(const it_upnp_server *s)
{
    it_time a = s->n_answers ? s->answers[server_due(s)].at : IT_NEVER, b = it_upnpi_subs_next(s);
    return a < b ? a : b;
}

/* What |c| has to say: 1 when that makes an output. */
static int put_response(it_upnpi_conn *c, it_io *out, uint8_t *buf, size_t cap)
{
    size_t n = c->out.n - c->sent;
    n = n < c->room ? n : c->room;
    n = n < cap ? n : cap;
    if (c->out.oom) {
        *out = (it_io){.kind = IT_IO_RST, .flow = c->flow};
        c->stage = IT_UPNPI_FREE;
    } else if (n) {
        memcpy(buf, c->out.p + c->sent, n);
        *out = (it_io){.kind = IT_IO_DATA, .flow = c->flow, .data = it_bytes_of(buf, n)};
        c->sent += n;
        c->room -= (uint32_t)n;
    } else if (c->sent == c->out.n) {
        *out = (it_io){.kind = IT_IO_FIN, .flow = c->flow};
        c->stage = c->fin_in ? IT_UPNPI_FREE : IT_UPNPI_DONE;
    } else {
        return 0;
    }
    return 1;
}

int it_upnp_server_output(it_upnp_server *s, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    if (put_answer(s, now, out, buf, cap))
        return 1;
    for (size_t i = 0; i < IT_UPNPI_CONNS; i++)
        if (s->conns[i].stage == IT_UPNPI_WRITING && put_response(&s->conns[i], out, buf, cap))
            return 1;
    return it_upnpi_subs_output(s, now, out, buf, cap);
}
