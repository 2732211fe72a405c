/* The stub resolver: a list of questions, each with a query for each family. */
#include "stack/dns/stub.h"

#include <stdio.h>
#include <string.h>

typedef struct query {
    bool wanted, due, done;
    uint16_t id, type;
    int rcode;
} query;

typedef struct question {
    query q[2]; /* AAAA, A: RFC 8305 section 3 */
    int tries;
    it_time again;
    it_dns_stub_answer a;
} question;

struct it_dns_stub {
    it_alloc *alloc;
    it_rng rng;
    it_addr server;
    question *v;
    size_t n, cap;
};

it_dns_stub *it_dns_stub_new(it_alloc *alloc, it_rng rng, it_addr server)
{
    it_dns_stub *s = it_calloc(alloc, 1, sizeof *s);
    if (s)
        *s = (it_dns_stub){.alloc = alloc, .rng = rng, .server = server};
    return s;
}

void it_dns_stub_free(it_dns_stub *s)
{
    if (!s)
        return;
    it_free(s->alloc, s->v);
    it_free(s->alloc, s);
}

it_addr it_dns_stub_server(const it_dns_stub *s)
{
    return s->server;
}

int it_dns_stub_ask(it_dns_stub *s, it_time now, const char *name, bool v4, bool v6, uint32_t tag)
{
    if (!it_dns_name_ok(name) || (!v4 && !v6))
        return IT_ERR_RANGE;
    if (s->n >= IT_DNS_STUB_ASKS)
        return IT_ERR_FULL;
    if (it_grow(s->alloc, &s->v, &s->cap, s->n + 1, sizeof *s->v) < 0)
        return IT_ERR_NOMEM;
    question *x = &s->v[s->n++];
    *x = (question){.tries = 1, .again = now + IT_DNS_STUB_WAIT, .a = {.tag = tag, .rcode = -1, .ttl = UINT32_MAX}};
    snprintf(x->a.name, sizeof x->a.name, "%s", name);
    for (int i = 0; i < 2; i++) {
        bool wanted = i ? v4 : v6;
        x->q[i] =
            (query){.wanted = wanted, .due = wanted, .done = !wanted, .type = i ? IT_DNS_A : IT_DNS_AAAA, .rcode = -1};
        if (wanted)
            x->q[i].id = (uint16_t)it_rng_below(&s->rng, 65536);
    }
    return 0;
}

bool it_dns_stub_asking(const it_dns_stub *s, const char *name, uint32_t tag)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i].a.tag == tag && it_dns_same(s->v[i].a.name, name))
            return true;
    return false;
}

/* Takes the addresses of |m|, the answer to |q| of |x|, behind those that are there; IPv6's before them. */
static void take_answer(question *x, const query *q, const it_dns_msg *m)
{
    it_dns_rr rr;
    it_ip ips[IT_DNS_STUB_IPS];
    size_t n = 0, pos = 0, room = IT_DNS_STUB_IPS - x->a.n;
    while (it_dns_next(m, &pos, &rr)) {
        if (rr.section != IT_DNS_ANSWER)
            continue;
        x->a.ttl = rr.ttl < x->a.ttl ? rr.ttl : x->a.ttl;
        if (rr.type == q->type && n < room)
            ips[n++] = rr.ip;
    }
    size_t at = q->type == IT_DNS_AAAA ? 0 : x->a.n;
    if (n == 0)
        return;
    memmove(x->a.ip + at + n, x->a.ip + at, (x->a.n - at) * sizeof *ips);
    memcpy(x->a.ip + at, ips, n * sizeof *ips);
    x->a.n += n;
}

void it_dns_stub_input(it_dns_stub *s, it_bytes data)
{
    it_dns_msg m;
    if (it_dns_parse(&m, data) < 0 || !m.response)
        return;
    for (size_t i = 0; i < s->n; i++)
        for (int k = 0; k < 2; k++) {
            question *x = &s->v[i];
            query *q = &x->q[k];
            /* RFC 5452 section 9.1: what comes must answer what was asked. */
            if (q->done || m.id != q->id || m.type != q->type || !it_dns_same(m.name, x->a.name))
                continue;
            q->done = true;
            q->due = false;
            q->rcode = m.rcode;
            if (m.rcode == IT_DNS_OK)
                take_answer(x, q, &m);
            return;
        }
}

void it_dns_stub_tick(it_dns_stub *s, it_time now)
{
    for (size_t i = 0; i < s->n; i++) {
        question *x = &s->v[i];
        if (x->again > now)
            continue;
        bool over = x->tries++ >= IT_DNS_STUB_TRIES;
        x->again = now + IT_DNS_STUB_WAIT;
        for (int k = 0; k < 2; k++) {
            x->q[k].due = !over && !x->q[k].done;
            x->q[k].done = x->q[k].done || over;
        }
    }
}

static bool is_over(const question *x)
{
    return x->q[0].done && x->q[1].done;
}

it_time it_dns_stub_next(const it_dns_stub *s)
{
    it_time least = IT_NEVER;
    for (size_t i = 0; i < s->n; i++)
        if (!is_over(&s->v[i]) && s->v[i].again < least)
            least = s->v[i].again;
    return least;
}

size_t it_dns_stub_output(it_dns_stub *s, uint8_t *buf, size_t cap)
{
    for (size_t i = 0; i < s->n; i++)
        for (int k = 0; k < 2; k++) {
            query *q = &s->v[i].q[k];
            it_dns_out o;
            if (!q->due)
                continue;
            q->due = false;
            it_dns_query(&o, buf, cap, q->id, s->v[i].a.name, q->type);
            it_bytes out = it_dns_end(&o);
            if (out.n)
                return out.n;
        }
    return 0;
}

bool it_dns_stub_answered(it_dns_stub *s, it_dns_stub_answer *a)
{
    for (size_t i = 0; i < s->n; i++) {
        question *x = &s->v[i];
        if (!is_over(x))
            continue;
        *a = x->a;
        /* One family's addresses are enough; without any, an answer says more than silence, and "no such name" more
         * than any other. */
        for (int k = 0; k < 2; k++)
            if (x->q[k].wanted && (a->rcode < 0 || x->q[k].rcode == IT_DNS_NXDOMAIN))
                a->rcode = x->q[k].rcode;
        a->rcode = a->n ? IT_DNS_OK : a->rcode;
        memmove(x, x + 1, (s->n - i - 1) * sizeof *x);
        s->n--;
        return true;
    }
    return false;
}
