/* The own host's app: a proxy that asks its box where a caught connection was meant to go. */
#include "lab/apps/web/own.h"

#include <string.h>

typedef struct own {
    it_alloc *alloc;
    it_proxy *p;
    it_fw *fw;
    bool transparent;
} own;

enum it_own_kind it_own_what(const it_access_profile *a, it_ip *ip, uint16_t port[2])
{
    port[0] = port[1] = 0;
    if (a->proxy.kind != IT_OWN_NONE) {
        *ip = a->proxy.addr.ip;
        port[0] = a->proxy.addr.port;
        return (enum it_own_kind)a->proxy.kind;
    }
    if (!it_ip_none(a->portal)) {
        *ip = a->portal;
        port[0] = 80;
        port[1] = a->fw.portal_tls == IT_FW_PORTAL_ANSWERS ? 443 : 0;
        return IT_OWN_PORTAL;
    }
    if (!a->fw.tls_mitm && !a->fw.ws_strip)
        return IT_OWN_NONE;
    *ip = it_ip4(0x0a090902); /* 10.9.9.2, beside those of the profiles */
    port[0] = a->fw.tls_mitm ? 443 : 0;
    port[1] = a->fw.ws_strip ? 80 : 0;
    return IT_OWN_INSPECT;
}

it_ip it_own_six(it_ip ip)
{
    return it_ip_none(ip) ? ip : (it_ip){0xfd00000900000000ULL, it_ip_v4(ip)};
}

static void take_tls(it_proxy_cfg *cfg, const it_access_profile *a, const it_own_tls *tls)
{
    cfg->tls = tls->shared;
    cfg->ca = tls->ca;
    cfg->trust = tls->trust;
    cfg->pass = a->tls_pass;
    cfg->portal_cert = tls->portal;
}

void *it_own_new(it_alloc *alloc, it_rng rng, it_fw *fw, const it_access_profile *a, const it_own_tls *tls)
{
    static const enum it_proxy_kind KINDS[] = {[IT_OWN_HTTP] = IT_PROXY_HTTP,
                                               [IT_OWN_SOCKS5] = IT_PROXY_SOCKS5,
                                               [IT_OWN_PORTAL] = IT_PROXY_PORTAL,
                                               [IT_OWN_INSPECT] = IT_PROXY_INSPECT};
    it_ip ip = {0, 0};
    uint16_t port[2];
    enum it_own_kind kind = it_own_what(a, &ip, port);
    const it_fw_ports *allow = &a->proxy.allow_ports;
    IT_ASSERT(kind != IT_OWN_NONE);
    it_proxy_cfg cfg = {.alloc = alloc,
                        .kind = KINDS[kind],
                        .allow_all = !allow->set || allow->any,
                        .auth = a->proxy.auth,
                        .scheme = (enum it_proxy_scheme)a->proxy.scheme,
                        .rng = rng,
                        .says = (enum it_proxy_portal)a->portal_says,
                        .idle = a->proxy.idle,
                        .udp = a->proxy.udp,
                        .portal = {a->portal, it_own_six(a->portal)}};
    if (tls)
        take_tls(&cfg, a, tls);
    _Static_assert(IT_FW_PORTS <= IT_PROXY_ALLOW, "a profile's ports fit");
    memcpy(cfg.allow, allow->port, sizeof allow->port);
    cfg.n_allow = allow->n;
    own *o = it_calloc(alloc, 1, sizeof *o);
    if (!o)
        return NULL;
    *o = (own){alloc, it_proxy_new(&cfg), fw, kind == IT_OWN_INSPECT};
    if (!o->p) {
        it_free(alloc, o);
        return NULL;
    }
    return o;
}

it_proxy *it_own_proxy(void *o)
{
    return ((own *)o)->p;
}

static int own_input(void *app, it_time now, const it_io *in)
{
    own *o = app;
    it_io io = *in;
    if (o->transparent && io.kind == IT_IO_ACCEPTED)
        (void)it_fw_original(o->fw, IT_PROTO_TCP, io.remote, io.local.port, &io.local);
    int n = it_proxy_ops.input(o->p, now, &io), err = 0;
    it_object_event ev;
    while (err == 0 && it_proxy_ops.event(o->p, &ev) == 1)
        err = it_fw_login(o->fw, ev.u.service.addr.ip);
    return err < 0 ? err : n;
}

static int own_tick(void *app, it_time now)
{
    return it_proxy_ops.tick(((own *)app)->p, now);
}

static it_time own_next(const void *app)
{
    return it_proxy_ops.next(((const own *)app)->p);
}

static int own_output(void *app, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    return it_proxy_ops.output(((own *)app)->p, now, out, buf, cap);
}

static void free_(void *app)
{
    own *o = app;
    it_proxy_ops.free(o->p);
    it_free(o->alloc, o);
}

const it_object_ops it_app_own = {
    .kind = "proxy", .input = own_input, .tick = own_tick, .next = own_next, .output = own_output, .free = free_};
