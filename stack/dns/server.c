/* The name server: a table, and one answer for each question. */
#include "stack/dns/server.h"

#include <string.h>

#define QUEUE 32 /* answers that wait for output; questions beyond are dropped */
#define CHAIN 8  /* aliases followed */
#define OUT_MAX IT_IO_DGRAM_MAX

typedef struct record {
    char name[IT_DNS_NAME];
    uint16_t type;
    uint32_t ttl;
    it_ip ip;
    char target[IT_DNS_NAME];
} record;

typedef struct waiting {
    it_addr local, remote;
    uint32_t flow;
    size_t n;
    uint8_t data[OUT_MAX];
} waiting;

struct it_dns_server {
    it_alloc *alloc;
    char zone[IT_DNS_NAME];
    uint32_t negative;
    record *v;
    size_t n, cap;
    waiting *q; /* QUEUE of them */
    size_t first, n_q;
};

it_dns_server *it_dns_server_new(it_alloc *alloc, const char *zone, uint32_t negative)
{
    it_dns_server *s = it_dns_name_ok(zone) ? it_calloc(alloc, 1, sizeof *s) : NULL;
    if (!s)
        return NULL;
    s->alloc = alloc;
    s->negative = negative;
    strcpy(s->zone, zone);
    s->q = it_calloc(alloc, QUEUE, sizeof *s->q);
    if (!s->q) {
        it_free(alloc, s);
        return NULL;
    }
    return s;
}

void it_dns_server_free(it_dns_server *s)
{
    if (!s)
        return;
    it_free(s->alloc, s->v);
    it_free(s->alloc, s->q);
    it_free(s->alloc, s);
}

/* True when |name| is the zone's own or below it. */
static bool in_zone(const it_dns_server *s, const char *name)
{
    size_t n = strlen(name), z = strlen(s->zone);
    if (z == 0)
        return true;
    return n >= z && it_dns_same(name + n - z, s->zone) && (n == z || name[n - z - 1] == '.');
}

static int add(it_dns_server *s, const record *r)
{
    if (!it_dns_name_ok(r->name) || !in_zone(s, r->name))
        return IT_ERR_RANGE;
    for (size_t i = 0; i < s->n; i++)
        if (it_dns_same(s->v[i].name, r->name) && (s->v[i].type == IT_DNS_CNAME || r->type == IT_DNS_CNAME))
            return IT_ERR_EXISTS;
    if (it_grow(s->alloc, &s->v, &s->cap, s->n + 1, sizeof *s->v) < 0)
        return IT_ERR_NOMEM;
    s->v[s->n++] = *r;
    return 0;
}

int it_dns_server_add(it_dns_server *s, const char *name, it_ip ip, uint32_t ttl)
{
    record r = {.type = it_ip_is4(ip) ? IT_DNS_A : IT_DNS_AAAA, .ttl = ttl, .ip = ip};
    if (!it_dns_name_ok(name) || it_ip_none(ip))
        return IT_ERR_RANGE;
    strcpy(r.name, name);
    return add(s, &r);
}

int it_dns_server_alias(it_dns_server *s, const char *name, const char *target, uint32_t ttl)
{
    record r = {.type = IT_DNS_CNAME, .ttl = ttl};
    if (!it_dns_name_ok(name) || !it_dns_name_ok(target))
        return IT_ERR_RANGE;
    strcpy(r.name, name);
    strcpy(r.target, target);
    for (size_t i = 0; i < s->n; i++)
        if (it_dns_same(s->v[i].name, name))
            return IT_ERR_EXISTS;
    return add(s, &r);
}

/* --- answering --- */

static void put_record(it_dns_out *o, const record *r)
{
    it_dns_rr rr = {.section = IT_DNS_ANSWER, .type = r->type, .ttl = r->ttl, .ip = r->ip};
    strcpy(rr.name, r->name);
    strcpy(rr.target, r->target);
    it_dns_put(o, &rr);
}

/* True when |r| is of a name below |name|. */
static bool is_below(const record *r, const char *name)
{
    size_t n = strlen(name), m = strlen(r->name);
    return m > n && n > 0 && it_dns_same(r->name + m - n, name) && r->name[m - n - 1] == '.';
}

/* What the table says of |name|: whether it exists, its alias; puts its records of |type| into |o| (NULL: looks only).
 */
static size_t look_up(const it_dns_server *s, const char *name, uint16_t type, it_dns_out *o, bool *exists,
                      const record **alias)
{
    size_t found = 0;
    *exists = it_dns_same(name, s->zone);
    *alias = NULL;
    for (const record *r = s->v; r < s->v + s->n; r++) {
        bool renames = r->type == IT_DNS_CNAME && type != IT_DNS_CNAME;
        if (!it_dns_same(r->name, name)) {
            /* RFC 4592 section 2.2.2: a name with others below it exists, without records. */
            *exists |= is_below(r, name);
            continue;
        }
        *exists = true;
        if (renames)
            *alias = r;
        if (!renames && r->type != type && type != IT_DNS_ANY)
            continue;
        if (o)
            put_record(o, r);
        found += !renames;
    }
    return found;
}

static void put_soa(const it_dns_server *s, it_dns_out *o)
{
    it_dns_rr rr = {.section = IT_DNS_AUTHORITY, .type = IT_DNS_SOA, .ttl = s->negative, .minimum = s->negative};
    strcpy(rr.name, s->zone);
    strcpy(rr.target, s->zone);
    it_dns_put(o, &rr);
}

static it_bytes error(const it_dns_msg *q, uint8_t rcode, uint8_t *buf, size_t cap)
{
    it_dns_out o;
    it_dns_answer(&o, buf, cap, q, rcode, false);
    return it_dns_end(&o);
}

it_bytes it_dns_server_answer(const it_dns_server *s, const it_dns_msg *q, uint8_t *buf, size_t cap)
{
    char name[IT_DNS_NAME];
    const record *alias;
    it_dns_out o;
    bool exists, first;
    size_t found = 0;
    if (q->opcode != 0)
        return error(q, IT_DNS_NOTIMP, buf, cap);
    if (q->class != 1 || !in_zone(s, q->name))
        return error(q, IT_DNS_REFUSED, buf, cap);
    cap = cap < q->size ? cap : q->size;
    strcpy(name, q->name);
    (void)look_up(s, name, q->type, NULL, &first, &alias);
    /* RFC 6604 section 3: with aliases the code is that of the last name. Here it is found before writing. */
    for (int i = 0; alias && i < CHAIN && in_zone(s, alias->target); i++)
        (void)look_up(s, alias->target, q->type, NULL, &first, &alias);
    it_dns_answer(&o, buf, cap, q, first ? IT_DNS_OK : IT_DNS_NXDOMAIN, true);
    found = look_up(s, name, q->type, &o, &exists, &alias);
    for (int i = 0; alias && i < CHAIN && in_zone(s, alias->target); i++)
        found += look_up(s, alias->target, q->type, &o, &exists, &alias);
    if (found == 0)
        put_soa(s, &o);
    if (q->edns)
        it_dns_put_opt(&o, OUT_MAX);
    it_bytes out = it_dns_end(&o);
    if (out.n || cap < IT_DNS_SIZE)
        return out;
    /* RFC 2181 section 9: what does not fit is left out, TC set. */
    it_dns_answer(&o, buf, cap, q, IT_DNS_OK, true);
    out = it_dns_end(&o);
    if (out.n)
        buf[2] |= 2;
    return out;
}

/* --- stack/io.h --- */

int it_dns_server_input(it_dns_server *s, it_time now, const it_io *in)
{
    it_dns_msg q;
    (void)now;
    int n = (int)in->data.n;
    if (in->kind != IT_IO_DGRAM || it_dns_parse(&q, in->data) < 0 || q.response || s->n_q == QUEUE)
        return n;
    waiting *w = &s->q[(s->first + s->n_q) % QUEUE];
    it_bytes a = it_dns_server_answer(s, &q, w->data, sizeof w->data);
    if (a.n == 0)
        return n;
    w->n = a.n;
    w->local = in->local;
    w->remote = in->remote;
    w->flow = in->flow;
    s->n_q++;
    return n;
}

int it_dns_server_tick(it_dns_server *s, it_time now)
{
    (void)s;
    (void)now;
    return 0;
}

it_time it_dns_server_next(const it_dns_server *s)
{
    (void)s;
    return IT_NEVER;
}

int it_dns_server_output(it_dns_server *s, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    (void)now;
    if (s->n_q == 0)
        return 0;
    waiting *w = &s->q[s->first];
    s->first = (s->first + 1) % QUEUE;
    s->n_q--;
    if (w->n > cap)
        return it_dns_server_output(s, now, out, buf, cap);
    memcpy(buf, w->data, w->n);
    *out = (it_io){
        .kind = IT_IO_DGRAM, .flow = w->flow, .local = w->local, .remote = w->remote, .data = it_bytes_of(buf, w->n)};
    return 1;
}

/* --- the table of stack/object.h --- */

static int dns_server_input(void *o, it_time now, const it_io *in)
{
    return it_dns_server_input(o, now, in);
}

static int dns_server_tick(void *o, it_time now)
{
    return it_dns_server_tick(o, now);
}

static it_time dns_server_next(const void *o)
{
    return it_dns_server_next(o);
}

static int dns_server_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    return it_dns_server_output(o, now, out, buf, cap);
}

static void dns_server_free(void *o)
{
    it_dns_server_free(o);
}

const it_object_ops it_dns_server_ops = {.kind = "dns",
                                         .input = dns_server_input,
                                         .tick = dns_server_tick,
                                         .next = dns_server_next,
                                         .output = dns_server_output,
                                         .free = dns_server_free};
