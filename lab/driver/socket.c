/* Datagram sockets that the driver opens for apps: on a fixed port, or ephemeral ones that follow the interfaces; and
 * the sockets that hear groups. */
#include "lab/driver/impl.h"

#include <string.h>

static int number_of(const it_lab *lab, const lab_app *a)
{
    return (int)(a - lab->apps);
}

static void place_key(it_host *h, it_addr local, uint64_t key[3])
{
    key[0] = (uint64_t)it_host_node(h)->index << 16 | local.port;
    key[1] = local.ip.hi;
    key[2] = local.ip.lo;
}

/* Closes socket |s| of |a| and forgets what it was. */
static void close_socket(it_lab *lab, const lab_app *a, const lab_socket *s)
{
    uint64_t key[3];
    place_key(a->host, s->local, key);
    (void)it_map_del(&lab->places, key);
    it_lab_disown(lab, a->host, s->socket);
    it_host_close(a->host, s->socket);
}

/* The least flow number that |a| has no socket for. */
static uint32_t free_flow(const lab_app *a)
{
    uint32_t flow = 0;
    for (size_t k = 0; k < a->n_sockets;)
        if (a->sockets[k].flow == flow) {
            flow++;
            k = 0;
        } else {
            k++;
        }
    return flow;
}

const lab_socket *it_lab_socket_of_flow(const lab_app *a, uint32_t flow)
{
    for (size_t k = 0; k < a->n_sockets; k++)
        if (a->sockets[k].flow == flow)
            return &a->sockets[k];
    return NULL;
}

const lab_socket *it_lab_socket_of(const lab_app *a, int socket)
{
    for (size_t k = 0; k < a->n_sockets; k++)
        if (a->sockets[k].socket == socket)
            return &a->sockets[k];
    return NULL;
}

const lab_socket *it_lab_socket_for_group(const lab_app *a, const it_host_event *ev)
{
    for (size_t k = 0; k < a->n_sockets; k++)
        if (a->sockets[k].iface == ev->iface && it_ip_is4(a->sockets[k].local.ip) == it_ip_is4(ev->local.ip))
            return &a->sockets[k];
    return NULL;
}

/* Tells |a| of socket |s|: BOUND or UNBIND. Returns 0 or its error. */
static int tell_socket(it_lab *lab, const lab_app *a, const lab_socket *s, enum it_io_kind kind)
{
    it_io in = {.kind = kind, .flow = s->flow, .local = s->local};
    if (kind == IT_IO_BOUND)
        in.size = it_host_size(a->host, it_lab_now(lab), s->iface, s->local.ip);
    int n = it_lab_input(lab, number_of(lab, a), &in);
    return n < 0 ? n : 0;
}

static int add_socket(it_lab *lab, lab_app *a, int iface, it_ip ip)
{
    it_addr local = it_addr_of(ip, a->port < 0 ? 0 : (uint16_t)a->port);
    uint64_t key[3];
    if (it_grow(lab->alloc, &a->sockets, &a->cap_sockets, a->n_sockets + 1, sizeof *a->sockets) < 0)
        return IT_ERR_NOMEM;
    int s = it_host_udp(a->host, local, iface);
    if (s < 0)
        return s;
    local = it_host_sockname(a->host, s);
    lab_socket *x = &a->sockets[a->n_sockets];
    *x = (lab_socket){free_flow(a), s, iface, local};
    a->n_sockets++;
    place_key(a->host, local, key);
    int err = it_map_put(&lab->places, key, (uint32_t)number_of(lab, a));
    if (err == 0)
        err = it_lab_own(lab, a->host, s, (lab_owned){LAB_APP, (uint32_t)number_of(lab, a)});
    if (err < 0)
        return err; /* the socket is closed with the app */
    return tell_socket(lab, a, x, IT_IO_BOUND);
}

static bool has_socket(const lab_app *a, int iface, it_ip ip)
{
    for (size_t i = 0; i < a->n_sockets; i++)
        if (a->sockets[i].iface == iface && it_ip_eq(a->sockets[i].local.ip, ip))
            return true;
    return false;
}

int it_lab_open_sockets(it_lab *lab, lab_app *a)
{
    for (int i = 0; i < it_host_n_ifaces(a->host); i++) {
        it_ip ip;
        if (a->port < 0 && !it_host_iface_usable(a->host, i))
            continue;
        for (int k = 0; it_host_nth_addr(a->host, i, k, &ip); k++) {
            /* Link-local addresses are of no use across networks. The zone (RFC 4007 section 5) is the interface that
             * the socket is of: the host model is the strong one. */
            if ((it_ip_link_local(ip) && !a->ops->link_local) || has_socket(a, i, ip))
                continue;
            int err = add_socket(lab, a, i, ip);
            if (err < 0)
                return err;
        }
    }
    return 0;
}

void it_lab_close_sockets(it_lab *lab, lab_app *a)
{
    for (size_t k = 0; k < a->n_sockets; k++)
        close_socket(lab, a, &a->sockets[k]);
    a->n_sockets = 0;
}

static bool owns_addr(it_host *h, int iface, it_ip want)
{
    it_ip ip;
    for (int k = 0; it_host_nth_addr(h, iface, k, &ip); k++)
        if (it_ip_eq(ip, want))
            return true;
    return false;
}

int it_lab_follow(it_lab *lab, lab_app *a, int iface)
{
    if (a->port >= 0)
        return 0;
    it_lab_touch(lab, number_of(lab, a));
    for (size_t i = 0; i < a->n_sockets;) {
        lab_socket s = a->sockets[i];
        bool good = it_host_iface_usable(a->host, iface) && owns_addr(a->host, iface, s.local.ip);
        if (s.iface != iface || good) {
            i++;
            continue;
        }
        memmove(&a->sockets[i], &a->sockets[i + 1], (a->n_sockets - i - 1) * sizeof *a->sockets);
        a->n_sockets--;
        int err = tell_socket(lab, a, &s, IT_IO_UNBIND);
        close_socket(lab, a, &s);
        if (err < 0)
            return err;
    }
    return it_lab_open_sockets(lab, a);
}

/* --- groups --- */

static uint64_t hears_key(const lab_app *a)
{
    return (uint64_t)it_host_node(a->host)->index << 16 | a->group_port;
}

void it_lab_deafen(it_lab *lab, lab_app *a)
{
    if (!a->group_port)
        return;
    uint64_t key = hears_key(a);
    int first = (int)it_map_get(&lab->hears, &key), number = number_of(lab, a);
    if (first == number && a->hears_next < 0)
        (void)it_map_del(&lab->hears, &key);
    else if (first == number)
        (void)it_map_put(&lab->hears, &key, (uint32_t)a->hears_next); /* in place of what is there: needs no memory */
    for (int i = first; i >= 0 && first != number; i = lab->apps[i].hears_next)
        if (lab->apps[i].hears_next == number)
            lab->apps[i].hears_next = a->hears_next;
    a->group_port = 0;
}

/* Puts |a| among those that hear its group port, in the order of numbers. Returns 0 or IT_ERR_NOMEM. */
static int join_hearers(it_lab *lab, lab_app *a)
{
    uint64_t key = hears_key(a);
    uint32_t first = it_map_get(&lab->hears, &key);
    int number = number_of(lab, a), at = first == IT_MAP_NONE ? -1 : (int)first;
    if (at < 0 || at > number) {
        a->hears_next = at;
        return it_map_put(&lab->hears, &key, (uint32_t)number);
    }
    while (lab->apps[at].hears_next >= 0 && lab->apps[at].hears_next < number)
        at = lab->apps[at].hears_next;
    a->hears_next = lab->apps[at].hears_next;
    lab->apps[at].hears_next = number;
    return 0;
}

int it_lab_hear(it_lab *lab, int i, uint16_t port)
{
    lab_app *a = it_lab_app_of(lab, i);
    IT_ASSERT(a && port);
    it_lab_deafen(lab, a);
    a->group_port = port;
    int err = join_hearers(lab, a);
    if (err < 0) {
        a->group_port = 0;
        return err;
    }
    /* One socket for all apps of the host, which stays. */
    int s = it_host_udp(a->host, it_addr_of((it_ip){0, 0}, port), -1);
    return s == IT_ERR_NOMEM ? s : 0;
}

/* --- where they are --- */

bool it_lab_app_addr(const it_lab *lab, int i, int k, it_addr *a)
{
    const lab_app *x = it_lab_app_of(lab, i);
    if (!x || k < 0 || (size_t)k >= x->n_sockets)
        return false;
    *a = x->sockets[k].local;
    return true;
}

int it_lab_app_at(const it_lab *lab, const it_node *host, it_addr local)
{
    uint64_t key[3] = {(uint64_t)host->index << 16 | local.port, local.ip.hi, local.ip.lo};
    uint32_t app = it_map_get(&lab->places, key);
    return app == IT_MAP_NONE ? -1 : (int)app;
}
