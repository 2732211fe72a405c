/* The proxy's servers by name: what is known, what is asked for, and the addresses that are tried one after the other.
 */
#include "stack/proxy/server_impl.h"

#include <string.h>

#define KNOWN_MAX 1024 /* names; beyond it none is remembered */

/* |name| means |ip| until |until|. Returns 0 or IT_ERR_NOMEM. */
static int names_know(it_proxy *p, const char *name, it_ip ip, it_time until)
{
    for (size_t i = 0; i < p->n_names; i++)
        if (p->names[i].until != IT_NEVER && it_http_is(it_bytes_str(name), p->names[i].name)) {
            p->names[i].ip = ip;
            p->names[i].until = until;
            return 0;
        }
    if (p->n_names == KNOWN_MAX)
        return 0;
    if (it_grow(p->cfg.alloc, &p->names, &p->cap_names, p->n_names + 1, sizeof *p->names) < 0)
        return IT_ERR_NOMEM;
    char *copy = it_strdup(p->cfg.alloc, name);
    if (!copy)
        return IT_ERR_NOMEM;
    p->names[p->n_names++] = (it_proxy_known){copy, ip, until};
    return 0;
}

int it_proxy_name(it_proxy *p, const char *name, it_ip ip)
{
    return names_know(p, name, ip, IT_NEVER);
}

int it_proxy_resolver(it_proxy *p, it_addr server, it_rng rng)
{
    if (p->stub && it_addr_eq(it_dns_stub_server(p->stub), server))
        return 0;
    it_dns_stub *stub = it_dns_stub_new(p->cfg.alloc, rng, server);
    if (!stub)
        return IT_ERR_NOMEM;
    it_dns_stub_free(p->stub);
    p->stub = stub;
    return 0;
}

bool it_proxy_allows(const it_proxy *p, uint16_t port)
{
    bool allowed = p->cfg.allow_all;
    for (size_t i = 0; i < p->cfg.n_allow && !allowed; i++)
        allowed = p->cfg.allow[i] == port;
    return allowed;
}

it_ip it_proxy_known_ip(const it_proxy *p, it_bytes name)
{
    for (size_t i = 0; i < p->n_names; i++)
        if (p->names[i].until > p->now && it_http_is(name, p->names[i].name))
            return p->names[i].ip;
    return (it_ip){0, 0};
}

const it_proxy_base *it_proxy_base_for(const it_proxy *p, bool six, it_ip inside)
{
    for (size_t i = 0; i < p->n_bases; i++)
        if (it_ip_is6(p->bases[i].addr.ip) == six && !it_ip_eq(p->bases[i].addr.ip, inside))
            return &p->bases[i];
    return NULL;
}

/* --- asking --- */

/* |name| as the resolver takes it; false for one that it does not. */
static bool plain(it_bytes name, char text[IT_DNS_NAME])
{
    if (name.n == 0 || name.n >= IT_DNS_NAME || memchr(name.p, 0, name.n))
        return false;
    memcpy(text, name.p, name.n);
    text[name.n] = 0;
    for (char *c = text; *c; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
    if (text[name.n - 1] == '.') /* the root, in which every name ends: RFC 1034 section 3.1 */
        text[name.n - 1] = 0;
    return true;
}

int it_proxy_ask(it_proxy *p, it_tunnel *t, it_bytes name, bool waits)
{
    char text[IT_DNS_NAME];
    uint32_t tag = waits ? ++p->questions : 0;
    if (!p->stub || !plain(name, text))
        return IT_ERR_NOTFOUND;
    if (!waits && it_dns_stub_asking(p->stub, text, tag))
        return 0;
    bool v4 = it_proxy_base_for(p, false, t->inside) != NULL, v6 = it_proxy_base_for(p, true, t->inside) != NULL;
    int err = it_dns_stub_ask(p->stub, p->now, text, v4, v6, tag);
    if (err < 0)
        return err == IT_ERR_NOMEM ? err : IT_ERR_NOTFOUND;
    p->stats.asked++;
    if (waits) {
        t->question = tag;
        t->phase = IT_TUNNEL_RESOLVING;
    }
    return 0;
}

bool it_proxy_names_input(it_proxy *p, const it_io *in)
{
    if (!p->stub || !it_addr_eq(in->remote, it_dns_stub_server(p->stub)))
        return false;
    it_dns_stub_input(p->stub, in->data);
    return true;
}

int it_proxy_names_output(it_proxy *p, it_io *out, uint8_t *buf, size_t cap)
{
    it_addr server = it_dns_stub_server(p->stub);
    const it_proxy_base *b = it_proxy_base_for(p, it_ip_is6(server.ip), (it_ip){0, 0});
    size_t n = it_dns_stub_output(p->stub, buf, cap);
    if (n == 0 || !b)
        return 0;
    *out =
        (it_io){.kind = IT_IO_DGRAM, .flow = b->flow, .local = b->addr, .remote = server, .data = it_bytes_of(buf, n)};
    return 1;
}

static it_tunnel *who_asked(const it_proxy *p, uint32_t question)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->v[i]->phase == IT_TUNNEL_RESOLVING && p->v[i]->question == question && it_stream_alive(&p->v[i]->r.s[0]))
            return p->v[i];
    return NULL;
}

/* What was asked for datagrams is known from now on, by its first address that can be reached. */
static int names_remember(it_proxy *p, const it_dns_stub_answer *a)
{
    for (size_t i = 0; i < a->n; i++)
        if (it_proxy_base_for(p, it_ip_is6(a->ip[i]), (it_ip){0, 0}))
            return names_know(p, a->name, a->ip[i], p->now + (it_time)a->ttl * IT_SEC);
    return 0;
}

int it_proxy_names_settle(it_proxy *p)
{
    it_dns_stub_answer a;
    while (it_dns_stub_answered(p->stub, &a)) {
        it_tunnel *t = a.tag ? who_asked(p, a.tag) : NULL;
        int err = a.tag ? 0 : names_remember(p, &a);
        if (err < 0)
            return err;
        if (!t)
            continue;
        memcpy(t->more, a.ip, sizeof a.ip);
        t->n_more = (uint8_t)a.n;
        t->next_more = 0;
        it_proxy_try_next(p, t, a.n ? IT_PROXY_NO_ROUTE : a.rcode < 0 ? IT_PROXY_NAME_SILENT : IT_PROXY_NO_NAME);
    }
    return 0;
}

void it_proxy_try_next(it_proxy *p, it_tunnel *t, enum it_proxy_why why)
{
    while (t->next_more < t->n_more) {
        t->wanted.ip = t->more[t->next_more++];
        if (p->n_bases == 0 || it_proxy_base_for(p, it_ip_is6(t->wanted.ip), t->inside)) {
            t->phase = IT_TUNNEL_CONNECT;
            return;
        }
    }
    it_proxy_failed(p, t, why);
}
