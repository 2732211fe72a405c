/* The pcapng observer. A packet's block is written whole; when the next thing seen is that it was dropped, the comment
 * goes into it afterwards. What a block repeats for every packet of a tap is worked out once. */
#include "netsim/see/capture.h"

#include "netsim/core/link.h"

#include <stdio.h>
#include <string.h>

enum { SHB = 0x0a0d0d0a, IDB = 1, NRB = 4, EPB = 6, DSB = 10, SECRETS_TLS = 0x544c534b };
enum { OPT_END = 0, OPT_COMMENT = 1, SHB_USERAPPL = 4, IF_NAME = 2, IF_TSRESOL = 9, EPB_FLAGS = 2 };
#define NOTE_MAX 320
#define EPB_HEAD 28 /* up to the packet's bytes */
#define EPB_TAIL 16 /* flags, end of options, length */
#define ETH_HEAD 14

typedef struct name_entry {
    it_ip ip;
    char name[IT_NAME_MAX];
    bool shared;
} name_entry;

/* What is known of a port of the world. */
typedef struct tap {
    bool known, skip;   /* looked at; on a LAN segment, which is a wire */
    uint32_t iface;     /* its number in the file, 0: not written yet, else less one */
    uint8_t eth[2][12]; /* the Ethernet addresses of what it receives and of what it sends */
} tap;

struct it_capture {
    it_alloc *alloc;
    it_str out, taken; /* |taken|: what it_capture_take handed out last */
    name_entry *names;
    size_t n_names, cap_names;
    tap *taps; /* by tap number */
    size_t n_taps;
    uint32_t *dropped; /* by node: its interface for drops, 0: not written yet, else less one */
    size_t n_dropped;
    it_str notes;     /* faults that the next packet's block is to tell of, each ended by NUL */
    uint32_t written; /* interfaces in the file */
    bool begun, only_in;
    bool open;   /* the last block is that of packet |last_id|, and may still get a comment */
    size_t last; /* where it begins in |out| */
    uint64_t last_id;
    uint64_t blocks;   /* packets written */
    it_time instant;   /* of the packet written last */
    size_t instant_at; /* where the packets of that instant begin in |out|; SIZE_MAX: none there */
};

/* Blocks are written in the order of the machine that writes; ours is little-endian on every machine, so files are
 * equal. */
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

static size_t begin_block(it_str *s, uint32_t type)
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
static void end_block(it_str *s, size_t at)
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
    c->instant_at = SIZE_MAX;
    it_str_init(&c->out, alloc);
    it_str_init(&c->taken, alloc);
    it_str_init(&c->notes, alloc);
    size_t at = begin_block(&c->out, SHB);
    put32(&c->out, 0x1a2b3c4d);
    put16(&c->out, 1);
    put16(&c->out, 0);
    put32(&c->out, UINT32_MAX); /* section length: unknown */
    put32(&c->out, UINT32_MAX);
    option(&c->out, OPT_COMMENT, comment, strlen(comment));
    option(&c->out, SHB_USERAPPL, "icetank", 7);
    option(&c->out, OPT_END, "", 0);
    end_block(&c->out, at);
    return c;
}

void it_capture_free(it_capture *c)
{
    if (!c)
        return;
    it_str_fini(&c->out);
    it_str_fini(&c->taken);
    it_str_fini(&c->notes);
    it_free(c->alloc, c->names);
    it_free(c->alloc, c->dropped);
    it_free(c->alloc, c->taps);
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
    size_t at = begin_block(&c->out, NRB);
    for (size_t i = 0; i < c->n_names; i++) {
        if (c->names[i].shared)
            continue;
        uint8_t b[16 + IT_NAME_MAX];
        size_t n = it_ip_to_bytes(c->names[i].ip, b), k = strlen(c->names[i].name) + 1;
        memcpy(b + n, c->names[i].name, k);
        option(&c->out, n == 4 ? REC_V4 : REC_V6, b, n + k);
    }
    option(&c->out, REC_END, "", 0);
    end_block(&c->out, at);
}

static void write_iface(it_capture *c, const char *node, const char *port)
{
    char name[IT_TAP_MAX];
    int n = snprintf(name, sizeof name, "%s.%s", node, port);
    size_t at = begin_block(&c->out, IDB);
    put16(&c->out, 1); /* LINKTYPE_ETHERNET */
    put16(&c->out, 0);
    put32(&c->out, 0); /* no limit of length */
    option(&c->out, IF_NAME, name, (size_t)n);
    option(&c->out, IF_TSRESOL, "\x09", 1);
    option(&c->out, OPT_END, "", 0);
    end_block(&c->out, at);
}

static void mac(uint8_t out[6], uint16_t number)
{
    out[0] = 0x02; /* locally administered */
    out[1] = out[2] = out[3] = 0;
    out[4] = (uint8_t)(number >> 8);
    out[5] = (uint8_t)number;
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

/* Looks at a port for the first time. */
static void capture_know(it_capture *c, tap *t, const it_node *n, int port)
{
    const it_port *p = &n->ports[port];
    uint16_t far = other_tap(n, port);
    t->skip = strcmp(n->ops->kind, "lan") == 0;
    for (int sent = 0; sent < 2; sent++) {
        mac(t->eth[sent], sent ? far : p->tap);
        mac(t->eth[sent] + 6, sent ? p->tap : far);
    }
    t->known = p->link >= 0; /* it may be plugged in later */
    if (t->skip || t->iface)
        return;
    write_iface(c, n->name, p->name);
    t->iface = ++c->written;
}

/* The tap of a port, NULL on no memory. */
static inline tap *tap_of(it_capture *c, const it_node *n, int port)
{
    size_t i = n->ports[port].tap;
    if (i >= c->n_taps) {
        size_t need = i + 16;
        tap *v = it_realloc(c->alloc, c->taps, need, sizeof *v);
        if (!v) {
            c->out.oom = true;
            return NULL;
        }
        memset(v + c->n_taps, 0, (need - c->n_taps) * sizeof *v);
        c->taps = v;
        c->n_taps = need;
    }
    if (!c->taps[i].known)
        capture_know(c, &c->taps[i], n, port);
    return &c->taps[i];
}

/* Writes every tap there is, in order of creation, then names: editcap and mergecap take a name block only behind an
 * interface. */
static void write_head(it_capture *c, const it_world *w)
{
    c->begun = true;
    const it_node *n;
    for (uint32_t i = 0; (n = it_world_node(w, i)); i++)
        for (uint32_t k = 0; k < n->n_ports; k++)
            (void)tap_of(c, n, (int)k);
    write_names(c);
}

/* Returns the interface "NODE.dropped" of |n|, less one 0 on no memory. What a node drops whose block is not the last
 * any more is written once more there, so that the interfaces of its ports show each packet once. */
static uint32_t drop_iface(it_capture *c, const it_node *n)
{
    size_t need = (size_t)n->index + 1, had = c->n_dropped;
    if (it_grow(c->alloc, &c->dropped, &c->n_dropped, need, sizeof *c->dropped) < 0) {
        c->out.oom = true;
        return 0;
    }
    memset(c->dropped + had, 0, (c->n_dropped - had) * sizeof *c->dropped);
    if (!c->dropped[n->index]) {
        write_iface(c, n->name, "dropped");
        c->dropped[n->index] = ++c->written;
    }
    return c->dropped[n->index];
}

static inline uint8_t *le32(uint8_t *at, uint32_t v)
{
    uint8_t b[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
    memcpy(at, b, 4);
    return at + 4;
}

/* What a packet's block says beside the packet. */
typedef struct where {
    uint32_t iface; /* its number in the file */
    uint8_t eth[12];
    uint8_t flags; /* EPB_FLAGS: 1 inbound, 2 outbound, 0 neither */
} where;

/* Writes the block of |s->packet|. */
static void write_block(it_capture *c, const it_seen_packet *s, const where *w)
{
    const it_pkt *p = s->packet;
    size_t n = ETH_HEAD + (size_t)p->len, padded = (n + 3) & ~(size_t)3, total = EPB_HEAD + padded + EPB_TAIL;
    uint64_t when = (uint64_t)IT_EPOCH_S * 1000000000u + (uint64_t)s->now;
    size_t start = c->out.n;
    if (c->instant_at == SIZE_MAX || s->now != c->instant) {
        c->instant = s->now;
        c->instant_at = start;
    }
    uint8_t *at = it_str_room(&c->out, total);
    if (!at)
        return;
    at = le32(at, EPB);
    at = le32(at, (uint32_t)total);
    at = le32(at, w->iface);
    at = le32(at, (uint32_t)(when >> 32));
    at = le32(at, (uint32_t)when);
    at = le32(at, (uint32_t)n);
    at = le32(at, (uint32_t)n);
    memcpy(at, w->eth, 12);
    it_put16(at + 12, p->ver == 4 ? 0x0800 : 0x86dd);
    memcpy(at + ETH_HEAD, p->buf + p->head, p->len);
    memset(at + n, 0, padded - n);
    at = le32(at + padded, EPB_FLAGS | 4u << 16);
    at = le32(at, w->flags);
    at = le32(at, OPT_END);
    le32(at, (uint32_t)total);
    c->open = true;
    c->last = start;
    c->last_id = p->id;
    c->blocks++;
}

/* Puts |text| into the last block, which is a packet's: behind its options. */
static void comment(it_capture *c, const char *text)
{
    c->out.n -= 8; /* end of options, length */
    option(&c->out, OPT_COMMENT, text, strlen(text));
    option(&c->out, OPT_END, "", 0);
    end_block(&c->out, c->last);
}

/* Puts the faults that wait into the last block, which is a packet's. */
static void tell_faults(it_capture *c)
{
    for (size_t at = 0; at < c->notes.n && !c->notes.oom; at += strlen(c->notes.p + at) + 1)
        comment(c, c->notes.p + at);
    c->out.oom = c->out.oom || c->notes.oom;
    it_str_clear(&c->notes);
}

/* Writes the block of |s->packet| at its port, with the faults since the last packet. */
static void write_packet(it_capture *c, const it_seen_packet *s)
{
    bool in = s->kind == IT_SEEN_RECV;
    const tap *t = tap_of(c, s->node, s->port);
    if (!t || t->skip)
        return;
    where w = {.iface = t->iface - 1, .flags = in ? 1 : 2};
    memcpy(w.eth, t->eth[!in], sizeof w.eth);
    write_block(c, s, &w);
    if (c->notes.n)
        tell_faults(c);
}

/* Writes |s->packet|, which was dropped, on the interface for drops of its node. */
static void write_dropped(it_capture *c, const it_seen_packet *s)
{
    uint32_t iface = drop_iface(c, s->node);
    where w = {.iface = iface - 1};
    const tap *t = s->port >= 0 ? tap_of(c, s->node, s->port) : NULL;
    if (t)
        memcpy(w.eth, t->eth[0], sizeof w.eth);
    if (iface)
        write_block(c, s, &w);
}

/* Whether the last block is that of |p| and may get a comment. */
static bool is_last(const it_capture *c, const it_pkt *p)
{
    return c->open && c->last_id == p->id;
}

/* Writes "NODE: DROP RULE (RFC); NOTE" to |text|, without what there is not. */
static void drop_text(const it_seen_packet *s, char text[NOTE_MAX])
{
    const char *rfc = it_drop_rfc(s->reason);
    int n = snprintf(text, NOTE_MAX, "%s: DROP %s", s->node->name, it_drop_rule(s->reason));
    if (*rfc && n < NOTE_MAX)
        n += snprintf(text + n, (size_t)(NOTE_MAX - n), " (%s)", rfc);
    if (s->note && n < NOTE_MAX)
        snprintf(text + n, (size_t)(NOTE_MAX - n), "; %s", s->note);
}

static void see_drop(it_capture *c, const it_seen_packet *s)
{
    char text[NOTE_MAX];
    if (!s->packet)
        return;
    drop_text(s, text);
    if (c->only_in && s->port >= 0 && !is_last(c, s->packet))
        write_packet(c, s); /* it never arrived anywhere */
    if (!is_last(c, s->packet))
        write_dropped(c, s);
    if (!is_last(c, s->packet))
        return; /* no memory */
    comment(c, text);
    c->open = false;
}

static void capture_see(void *self, const it_seen_packet *s)
{
    it_capture *c = self;
    if (s->kind == IT_SEEN_NOTE)
        return;
    if (!c->begun)
        write_head(c, s->node->world);
    if (s->kind == IT_SEEN_DROP) {
        see_drop(c, s);
        return;
    }
    if (!s->packet || s->port < 0 || (c->only_in && s->kind == IT_SEEN_SEND))
        return;
    write_packet(c, s);
}

it_observer it_capture_observer(it_capture *c)
{
    return (it_observer){c, capture_see};
}

/* Moves the block that begins at |from| and ends the file in front of what stands at |to|. */
static void move_block(it_capture *c, size_t from, size_t to)
{
    size_t n = c->out.n - from;
    uint8_t *copy = c->out.oom ? NULL : it_malloc(c->alloc, n);
    if (!copy) {
        c->out.oom = true;
        return;
    }
    memcpy(copy, c->out.p + from, n);
    memmove(c->out.p + to + n, c->out.p + to, from - to);
    memcpy(c->out.p + to, copy, n);
    it_free(c->alloc, copy);
    c->instant_at += n;
}

/* A key is born in the instant in which its owner sends the first packet under it, and may be told of after that: its
 * block goes in front of all packets of the instant. draft-ietf-opsawg-pcapng section 4.7: secrets precede what they
 * open. */
void it_capture_secret(it_capture *c, it_bytes line)
{
    c->open = false;
    size_t at = begin_block(&c->out, DSB);
    put32(&c->out, SECRETS_TLS);
    put32(&c->out, (uint32_t)line.n + 1);
    it_str_put(&c->out, line.p, line.n);
    it_str_putc(&c->out, '\n');
    pad(&c->out, line.n + 1);
    option(&c->out, OPT_END, "", 0);
    end_block(&c->out, at);
    if (c->instant_at != SIZE_MAX)
        move_block(c, at, c->instant_at);
}

void it_capture_fault(it_capture *c, const char *text)
{
    it_str_puts(&c->notes, "FAULT ");
    it_str_put(&c->notes, text, strlen(text) + 1);
}

void it_capture_only_in(it_capture *c, bool on)
{
    c->only_in = on;
}

size_t it_capture_size(const it_capture *c)
{
    return c->out.n;
}

uint64_t it_capture_blocks(const it_capture *c)
{
    return c->blocks;
}

it_bytes it_capture_take(it_capture *c)
{
    if (c->out.oom)
        return it_bytes_of(NULL, 0);
    /* The block that may still get a comment stays. */
    size_t n = c->open ? c->last : c->out.n;
    it_str full = c->out;
    it_str_clear(&c->taken);
    it_str_put(&c->taken, full.p + n, full.n - n);
    if (c->taken.oom) {
        c->out.oom = true;
        return it_bytes_of(NULL, 0);
    }
    c->out = c->taken;
    c->instant_at = SIZE_MAX;
    c->taken = full;
    c->last = 0;
    return it_bytes_of(full.p, n);
}

it_bytes it_capture_bytes(it_capture *c)
{
    if (c->open && c->notes.n)
        tell_faults(c); /* no packet comes after them */
    if (!c->written) {
        write_iface(c, "no", "packets"); /* editcap and mergecap take no file without an interface */
        c->written++;
    }
    c->open = false;
    return it_bytes_of(c->out.p, c->out.n);
}

bool it_capture_oom(const it_capture *c)
{
    return c->out.oom;
}
