/* Certificates of a case: a root that servers of the internet have theirs from, one of each inspector, and whom hosts
 * trust. Made when the first of them is asked for: a case without TLS has none. */
#include "lab/lang/bind/impl.h"

#include <stdio.h>
#include <string.h>

#define DAY ((it_time)86400 * IT_SEC)
#define ROOT_DAYS 3650
#define LEAF_DAYS 90

struct it_script_pki {
    it_tls_shared *shared;
    it_tls_cert *root;
    it_tls_trust *trust[2]; /* the root; of managed hosts also the inspectors' */
    it_tls_cert **certs;    /* all others that were made */
    size_t n, cap;
};

/* The configuration of a certificate for |subject|, valid from yesterday for |days|; |stream| is its own. */
static it_tls_cert_cfg cert_cfg(const it_script *s, const char *subject, int days, it_rng *stream)
{
    char name[160];
    it_time now = it_lab_now(s->lab);
    snprintf(name, sizeof name, "pki/%s/%lld", subject, (long long)now);
    it_rng_init(stream, s->cfg.seed, name);
    return (it_tls_cert_cfg){.alloc = s->alloc,
                             .stream = stream,
                             .now = now,
                             .subject = subject,
                             .from = now - DAY,
                             .until = now + days * DAY};
}

/* |trust| believes the root of the case, and the roots of the run. Returns 0 or a negative error. */
static int trust_root(it_script *s, it_tls_trust *trust)
{
    int err = it_tls_trust_add(trust, s->pki->root);
    if (err >= 0 && s->cfg.roots.n)
        err = it_tls_trust_read(trust, s->cfg.roots);
    return err < 0 ? err : 0;
}

static int make_pki(it_script *s)
{
    struct it_script_pki *k = it_calloc(s->alloc, 1, sizeof *k);
    it_rng stream;
    if (!k)
        return IT_ERR_NOMEM;
    s->pki = k;
    it_tls_cert_cfg c = cert_cfg(s, "root", ROOT_DAYS, &stream);
    k->shared = it_tls_shared_new(s->alloc);
    k->root = it_tls_root_new(&c);
    for (int i = 0; i < 2; i++)
        k->trust[i] = it_tls_trust_new(s->alloc);
    if (!k->shared || !k->root || !k->trust[0] || !k->trust[1])
        return IT_ERR_NOMEM;
    int err = trust_root(s, k->trust[0]);
    return err < 0 ? err : trust_root(s, k->trust[1]);
}

/* The certificates of the case. */
static struct it_script_pki *pki_of(lua_State *L)
{
    it_script *s = it_script_of(L);
    if (!s->pki && make_pki(s) < 0) {
        it_script_pki_fini(s);
        luaL_error(L, "not enough memory for certificates");
    }
    return s->pki;
}

void it_script_pki_fini(it_script *s)
{
    struct it_script_pki *k = s->pki;
    if (!k)
        return;
    for (size_t i = 0; i < k->n; i++)
        it_tls_cert_free(k->certs[i]);
    it_free(s->alloc, k->certs);
    it_tls_trust_free(k->trust[0]);
    it_tls_trust_free(k->trust[1]);
    it_tls_cert_free(k->root);
    it_tls_shared_free(k->shared);
    it_free(s->alloc, k);
    s->pki = NULL;
}

/* Keeps |c| for as long as the case lasts. */
static const it_tls_cert *keep_cert(lua_State *L, it_tls_cert *c)
{
    it_script *s = it_script_of(L);
    struct it_script_pki *k = s->pki;
    if (c && it_grow(s->alloc, &k->certs, &k->cap, k->n + 1, sizeof(it_tls_cert *)) == 0) {
        k->certs[k->n++] = c;
        return c;
    }
    it_tls_cert_free(c);
    luaL_error(L, "not enough memory for a certificate");
    return NULL;
}

/* Reads the list of names at |arg| into |names|. Returns how many. */
static size_t read_names(lua_State *L, int arg, const char *names[IT_TLS_NAMES])
{
    size_t n = 0;
    while (n < IT_TLS_NAMES) {
        lua_rawgeti(L, arg, (lua_Integer)n + 1);
        names[n] = lua_tostring(L, -1); /* stays in the list */
        lua_pop(L, 1);
        if (!names[n])
            break;
        n++;
    }
    return n;
}

void it_script_tls_server(lua_State *L, int arg, const char *subject, it_tls_cfg *out)
{
    const char *names[IT_TLS_NAMES];
    it_script *s = it_script_of(L);
    struct it_script_pki *k = pki_of(L);
    it_rng stream;
    it_tls_cert_cfg c = cert_cfg(s, "server", LEAF_DAYS, &stream);
    it_rng_init(&stream, it_rng_u64(&stream), subject);
    c.names = names;
    c.n_names = read_names(L, arg, names);
    for (size_t i = 0; i < c.n_names; i++) {
        it_ip ip;
        const char *bare = strncmp(names[i], "*.", 2) == 0 ? names[i] + 2 : names[i];
        if (it_ip_parse(&ip, names[i]) < 0 && !it_tls_name_valid(it_bytes_str(bare)))
            luaL_error(L, "tls: \"%s\" is no name that a certificate may have", names[i]);
    }
    *out = (it_tls_cfg){.shared = k->shared, .cert = keep_cert(L, it_tls_leaf_new(&c, k->root))};
    it_rng_init(&out->rng, it_rng_u64(&stream), "tls");
}

void it_script_tls_client(lua_State *L, const char *name, bool managed, const char *stream, it_tls_cfg *out)
{
    it_ip ip;
    struct it_script_pki *k = pki_of(L);
    char own[160];
    if (it_ip_parse(&ip, name) < 0 && !it_tls_name_valid(it_bytes_str(name)))
        luaL_error(L, "tls: \"%s\" is no name of a server", name);
    *out = (it_tls_cfg){.shared = k->shared, .client = true, .name = name, .trust = k->trust[managed]};
    snprintf(own, sizeof own, "%s/tls", stream);
    it_rng_init(&out->rng, it_script_of(L)->cfg.seed, own);
}

void it_script_tls_portal(lua_State *L, const char *name, it_ip ip, it_own_tls *out)
{
    struct it_script_pki *k = pki_of(L);
    char text[2][IT_IP_TEXT];
    const char *names[] = {it_ip_text(ip, text[0]), it_ip_text(it_own_six(ip), text[1])};
    it_rng stream;
    it_tls_cert_cfg c = cert_cfg(it_script_of(L), name, LEAF_DAYS, &stream);
    c.names = names;
    c.n_names = 2;
    *out = (it_own_tls){.shared = k->shared, .portal = keep_cert(L, it_tls_leaf_new(&c, k->root))};
}

void it_script_tls_inspector(lua_State *L, const char *name, it_own_tls *out)
{
    struct it_script_pki *k = pki_of(L);
    it_rng stream;
    it_tls_cert_cfg c = cert_cfg(it_script_of(L), name, ROOT_DAYS, &stream);
    *out = (it_own_tls){.shared = k->shared, .ca = keep_cert(L, it_tls_root_new(&c)), .trust = k->trust[0]};
    it_script_check(L, it_tls_trust_add(k->trust[1], out->ca), name);
}
