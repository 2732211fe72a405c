/* The pcapng observer. A received packet's block stays open until the next thing seen: only then is it known whether it was dropped. */
#include "netsim/capture.h"

#include "netsim/link.h"

#include <stdio.h>
#include <string.h>

enum { SHB = 0x0a0d0d0a, IDB = 1, NRB = 4, EPB = 6, DSB = 10, SECRETS_TLS = 0x544c534b };
enum { OPT_END = 0, OPT_COMMENT = 1, SHB_USERAPPL = 4, IF_NAME = 2, IF_TSRESOL = 9, EPB_FLAGS = 2 };
#define NO_TAP UINT32_MAX
#define NOTE_MAX 320

typedef struct name_entry {
    it_ip ip;
    char name[IT_NAME_MAX];
    bool shared;
} name_entry;

struct it_capture {
    it_alloc *alloc;
    it_str out;
    name_entry *names;
    size_t n_names, cap_names;
    uint32_t *ifaces; /* by tap number: interface id, NO_TAP while unwritten */
    size_t n_ifaces;
    uint32_t written; /* interfaces in the file */
    bool begun;
    size_t open;      /* where the open EPB begins in |out|; 0: none is open */
    uint64_t open_id; /* its packet */
};

/* Blocks are written in the order of the machine that writes; ours is little-endian on every machine, so files are equal. */
static void put32(it_str *s, uint32_t v)
{
    uint8_t b[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
    it_str_put(s, b, 4);
}

static void put16(it_str *s, uint16_t v)
{
    uint8_t b[2] = {(uint8_t)v, (uint8_t)(v >> 8)};
    it_str_put(s, b, 2);
}

static void pad(it_str *s, size_t n)
{
    static const uint8_t ZERO[3] = {0, 0, 0};
    it_str_put(s, ZERO, (4 - n % 4) % 4);
}

static size_t begin(it_str *s, uint32_t type)
{
    size_t at = s->n;
    put32(s, type);
    put32(s, 0);
    return at;
}

static void option(it_str *s, uint16_t code, const void *p, size_t n)
{
    put16(s, code);
    put16(s, (uint16_t)n);
    it_str_put(s, p, n);
    pad(s, n);
}

/* Completes the block that begins at |at|: both lengths. */
static void end(it_str *s, size_t at)
{
    put32(s, (uint32_t)(s->n + 4 - at));
    if (s->oom)
        return;
    uint32_t len = (uint32_t)(s->n - at);
    uint8_t b[4] = {(uint8_t)len, (uint8_t)(len >> 8), (uint8_t)(len >> 16), (uint8_t)(len >> 24)};
    memcpy(s->p + at + 4, b, 4);
}

it_capture *it_capture_new(it_alloc *alloc, const char *comment)
{
    it_capture *c = it_calloc(alloc, 1, sizeof *c);
    if (!c)
        return NULL;
    c->alloc = alloc;
    it_str_init(&c->out, alloc);
    size_t at = begin(&c->out, SHB);
    put32(&c->out, 0x1a2b3c4d);
    put16(&c->out, 1);
    put16(&c->out, 0);
    put32(&c->out, UINT32_MAX); /* section length: unknown */
    put32(&c->out, UINT32_MAX);
    option(&c->out, OPT_COMMENT, comment, strlen(comment));
    option(&c->out, SHB_USERAPPL, "icetank", 7);
    option(&c->out, OPT_END, "", 0);
    end(&c->out, at);
    return c;
}

void it_capture_free(it_capture *c)
{
    if (!c)
        return;
    it_str_fini(&c->out);
    it_free(c->alloc, c->names);
    it_free(c->alloc, c->ifaces);
    it_free(c->alloc, c);
}

int it_capture_name(it_capture *c, it_ip ip, const char *name)
{
    for (size_t i = 0; i < c->n_names; i++)
        if (it_ip_eq(c->names[i].ip, ip)) {
            c->names[i].shared = c->names[i].shared || strcmp(c->names[i].name, name) != 0;
            return 0;
        }
    if (it_grow(c->alloc, &c->names, &c->cap_names, c->n_names + 1, sizeof *c->names) < 0)
        return IT_ERR_NOMEM;
    name_entry *e = &c->names[c->n_names++];
    *e = (name_entry){.ip = ip};
    snprintf(e->name, sizeof e->name, "%s", name);
    return 0;
}

static void write_names(it_capture *c)
{
    enum { REC_END = 0, REC_V4 = 1, REC_V6 = 2 };
    size_t at = begin(&c->out, NRB);
    for (size_t i = 0; i < c->n_names; i++) {
        if (c->names[i].shared)
            continue;
        uint8_t b[16 + IT_NAME_MAX];
        size_t n = it_ip_to_bytes(c->names[i].ip, b), k = strlen(c->names[i].name) + 1;
        memcpy(b + n, c->names[i].name, k);
        option(&c->out, n == 4 ? REC_V4 : REC_V6, b, n + k);
    }
    option(&c->out, REC_END, "", 0);
    end(&c->out, at);
}

static void write_iface(it_capture *c, const char *node, const char *port)
{
    char name[IT_TAP_MAX];
    int n = snprintf(name, sizeof name, "%s.%s", node, port);
    size_t at = begin(&c->out, IDB);
    put16(&c->out, 1); /* LINKTYPE_ETHERNET */
    put16(&c->out, 0);
    put32(&c->out, 0); /* no limit of length */
    option(&c->out, IF_NAME, name, (size_t)n);
    option(&c->out, IF_TSRESOL, "\x09", 1);
    option(&c->out, OPT_END, "", 0);
    end(&c->out, at);
}

/* The interface number of a port, written before its first use. */
static uint32_t iface_of(it_capture *c, const it_node *n, int port)
{
    const it_port *p = &n->ports[port];
    if (p->tap >= c->n_ifaces) {
        size_t need = (size_t)p->tap + 16;
        uint32_t *v = it_realloc(c->alloc, c->ifaces, need, sizeof *v);
        if (!v) {
            c->out.oom = true;
            return NO_TAP;
        }
        for (size_t i = c->n_ifaces; i < need; i++)
            v[i] = NO_TAP;
        c->ifaces = v;
        c->n_ifaces = need;
    }
    if (c->ifaces[p->tap] == NO_TAP) {
        write_iface(c, n->name, p->name);
        c->ifaces[p->tap] = c->written++;
    }
    return c->ifaces[p->tap];
}

/* Names, and every tap there is, in order of creation. */
static void write_head(it_capture *c, const it_world *w)
{
    c->begun = true;
    write_names(c);
    const it_node *n;
    for (uint32_t i = 0; (n = it_world_node(w, i)); i++)
        for (uint32_t k = 0; strcmp(n->ops->kind, "lan") != 0 && k < n->n_ports; k++)
            (void)iface_of(c, n, (int)k);
}

static void close_block(it_capture *c, const char *comment)
{
    if (!c->open)
        return;
    if (comment)
        option(&c->out, OPT_COMMENT, comment, strlen(comment));
    option(&c->out, OPT_END, "", 0);
    end(&c->out, c->open);
    c->open = 0;
}

static void mac(uint8_t out[6], uint16_t tap)
{
    out[0] = 0x02; /* locally administered */
    out[1] = out[2] = out[3] = 0;
    out[4] = (uint8_t)(tap >> 8);
    out[5] = (uint8_t)tap;
}

/* The tap at the far end of the link that is plugged into this port. */
static uint16_t other_tap(const it_node *n, int port)
{
    int far_port, link = it_link_at(n, port);
    if (link < 0)
        return 0xffff;
    const it_node *far = it_link_end(n->world, link, !n->ports[port].end, &far_port);
    return far->ports[far_port].tap;
}

/* Opens the block of |s->packet| at its port. */
static void write_packet(it_capture *c, const it_seen_packet *s)
{
    uint32_t id = iface_of(c, s->node, s->port);
    it_bytes d = it_pkt_bytes(s->packet);
    uint64_t t = (uint64_t)IT_EPOCH_S * 1000000000u + (uint64_t)s->now;
    uint8_t eth[14];
    bool in = s->kind == IT_SEEN_RECV;
    uint16_t own = s->node->ports[s->port].tap, far = other_tap(s->node, s->port);
    mac(eth, in ? own : far);
    mac(eth + 6, in ? far : own);
    it_put16(eth + 12, s->packet->ver == 4 ? 0x0800 : 0x86dd);
    size_t at = begin(&c->out, EPB);
    put32(&c->out, id);
    put32(&c->out, (uint32_t)(t >> 32));
    put32(&c->out, (uint32_t)t);
    put32(&c->out, (uint32_t)(d.n + sizeof eth));
    put32(&c->out, (uint32_t)(d.n + sizeof eth));
    it_str_put(&c->out, eth, sizeof eth);
    it_str_put(&c->out, d.p, d.n);
    pad(&c->out, d.n + sizeof eth);
    uint8_t flags[4] = {in ? 1 : 2, 0, 0, 0};
    option(&c->out, EPB_FLAGS, flags, 4);
    c->open = at;
    c->open_id = s->packet->id;
}

static void see(void *self, const it_seen_packet *s)
{
    it_capture *c = self;
    if (s->kind == IT_SEEN_NOTE || strcmp(s->node->ops->kind, "lan") == 0)
        return;
    if (!c->begun)
        write_head(c, s->node->world);
    if (s->kind == IT_SEEN_DROP) {
        char text[NOTE_MAX];
        const char *rfc = it_drop_rfc(s->reason);
        snprintf(text, sizeof text, "%s: DROP %s%s%s%s%s%s", s->node->name, it_drop_rule(s->reason), *rfc ? " (" : "", rfc, *rfc ? ")" : "",
                 s->note ? "; " : "", s->note ? s->note : "");
        if (c->open && s->packet && c->open_id == s->packet->id)
            close_block(c, text);
        return;
    }
    close_block(c, NULL);
    if (s->packet && s->port >= 0)
        write_packet(c, s);
}

it_observer it_capture_observer(it_capture *c)
{
    return (it_observer){c, see};
}

void it_capture_secret(it_capture *c, it_bytes line)
{
    close_block(c, NULL);
    size_t at = begin(&c->out, DSB);
    put32(&c->out, SECRETS_TLS);
    put32(&c->out, (uint32_t)line.n + 1);
    it_str_put(&c->out, line.p, line.n);
    it_str_putc(&c->out, '\n');
    pad(&c->out, line.n + 1);
    option(&c->out, OPT_END, "", 0);
    end(&c->out, at);
}

it_bytes it_capture_bytes(it_capture *c)
{
    close_block(c, NULL);
    return it_bytes_of(c->out.p, c->out.n);
}

bool it_capture_oom(const it_capture *c)
{
    return c->out.oom;
}
