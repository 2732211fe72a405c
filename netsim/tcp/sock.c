/* The calls of netsim/tcp/tcp.h: sockets as their holders see them. */
#include "netsim/tcp/impl.h"

#define EPHEMERAL_LO 49152 /* RFC 6335 section 6 */
#define EPHEMERAL_N 16384

const char *it_tcp_opts_fault(const it_tcp_opts *o)
{
    const it_time hour = 3600 * IT_SEC;
    const struct {
        int64_t value, least, most;
        const char *what;
    } all[] = {
        {o->snd_buf ? o->snd_buf : 1024, 1024, IT_TCP_BUF_MAX, "snd_buf is from 1 KiB to 16 MiB"},
        {o->rcv_buf ? o->rcv_buf : 1024, 1024, IT_TCP_BUF_MAX, "rcv_buf is from 1 KiB to 16 MiB"},
        {o->cwnd, 1, 1000, "cwnd is from 1 to 1000 segments"},
        {o->mss ? o->mss : 88, 88, 65535, "mss is from 88 to 65535 bytes"},
        {o->rto_min, 1, hour, "rto_min is above 0, and an hour at most"},
        {o->rto_init, 1, hour, "rto_init is above 0, and an hour at most"},
        {o->rto_max, o->rto_min, hour, "rto_max is at least rto_min, and an hour at most"},
        {o->rto_max, o->rto_init, hour, "rto_max is at least rto_init"},
        {o->time_wait, 1, INT64_MAX, "time_wait is above 0"},
        {o->delack, 0, 500 * IT_MS - 1, "delack is below 500 ms (RFC 9293 section 3.8.6.3)"},
        {o->user_timeout, 0, INT64_MAX, "user_timeout is not negative"},
        {o->keep_idle, 0, INT64_MAX, "keep_idle is not negative"},
        {o->keep_idle ? o->keep_interval : 1, 1, INT64_MAX, "keep_interval is above 0"},
        {o->keep_idle ? o->keep_count : 1, 1, INT64_MAX, "keep_count is above 0"},
        {o->abc, 1, 255, "abc is from 1 to 255 segments"},
        {o->control, IT_TCP_CUBIC, IT_TCP_RENO, "control is cubic or reno"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].value < all[i].least || all[i].value > all[i].most)
            return all[i].what;
    return NULL;
}

static bool valid_opts(const it_tcp_opts *o)
{
    return it_tcp_opts_fault(o) == NULL;
}

void it_host_tcp_opts(const it_host *h, it_tcp_opts *o)
{
    if (h->tcp)
        *o = h->tcp->o;
    else
        it_tcp_opts_init(o);
}

int it_host_tcp_setup(it_host *h, const it_tcp_opts *o)
{
    if (!valid_opts(o))
        return IT_ERR_RANGE;
    host_tcp *t = it_tcp_of(h);
    if (!t)
        return IT_ERR_NOMEM;
    t->o = *o;
    return 0;
}

static bool owns_addr(const it_host *h, it_ip ip)
{
    return it_ip_none(ip) || it_host_iface_of(h, ip) >= 0;
}

static bool listens_on(const host_tcp *t, it_addr local)
{
    for (size_t i = 0; i < t->n_listeners; i++)
        if (t->listeners[i].open && it_addr_eq(t->listeners[i].local, local))
            return true;
    return false;
}

static bool port_in_use(const host_tcp *t, uint16_t port)
{
    for (size_t i = 0; i < t->n_listeners; i++)
        if (t->listeners[i].open && t->listeners[i].local.port == port)
            return true;
    for (size_t i = 0; i < t->n_conns; i++)
        if (t->conns[i] && t->conns[i]->local.port == port)
            return true;
    return false;
}

/* The first place for a listener, maybe behind all there are. */
static size_t free_listener(const host_tcp *t)
{
    size_t at = 0;
    while (at < t->n_listeners && t->listeners[at].open)
        at++;
    return at;
}

/* RFC 6056 section 3.3.1: a random start, then upwards until a port is on which nobody listens or has a connection. */
static int pick_listening(host_tcp *t, it_addr *local)
{
    uint64_t start = it_rng_below(&t->rng, EPHEMERAL_N);
    for (uint64_t i = 0; i < EPHEMERAL_N; i++) {
        local->port = (uint16_t)(EPHEMERAL_LO + (start + i) % EPHEMERAL_N);
        if (!port_in_use(t, local->port))
            return 0;
    }
    return IT_ERR_EXISTS;
}

int it_host_tcp_listen(it_host *h, it_addr local, uint32_t backlog, const it_tcp_opts *o)
{
    host_tcp *t = it_tcp_of(h);
    if (!t)
        return IT_ERR_NOMEM;
    if (!valid_opts(o))
        return IT_ERR_RANGE;
    if (!owns_addr(h, local.ip))
        return IT_ERR_NOROUTE;
    if ((local.port == 0 && pick_listening(t, &local) < 0) || listens_on(t, local))
        return IT_ERR_EXISTS;
    size_t at = free_listener(t);
    if (at == 0xffff)
        return IT_ERR_NOMEM;
    if (it_grow(it_world_alloc(h->node.world), &t->listeners, &t->cap_listeners, at + 1, sizeof *t->listeners) < 0)
        return IT_ERR_NOMEM;
    it_tcp_listener *l = &t->listeners[at];
    uint16_t gen = at < t->n_listeners ? (uint16_t)(l->gen + 1) : 0;
    *l = (it_tcp_listener){.open = true, .gen = gen, .local = local, .backlog = backlog, .o = *o};
    if (at == t->n_listeners)
        t->n_listeners++;
    return it_tcp_listener_socket(h, l);
}

/* RFC 6056 section 3.3.1: a random start, then upwards until the pair is free. */
static int pick_port(it_host *h, it_addr *local, it_addr remote)
{
    if (local->port)
        return it_tcp_find(h, *local, remote) ? IT_ERR_EXISTS : 0;
    uint64_t start = it_rng_below(&h->tcp->rng, EPHEMERAL_N);
    for (uint64_t i = 0; i < EPHEMERAL_N; i++) {
        local->port = (uint16_t)(EPHEMERAL_LO + (start + i) % EPHEMERAL_N);
        if (!it_tcp_find(h, *local, remote) && !it_tcp_listener_for(h, *local))
            return 0;
    }
    return IT_ERR_EXISTS;
}

int it_host_tcp_connect(it_host *h, it_time now, it_addr local, it_addr remote, const it_tcp_opts *o)
{
    if (!it_tcp_of(h))
        return IT_ERR_NOMEM;
    if (!valid_opts(o) || remote.port == 0)
        return IT_ERR_RANGE;
    if (h->silent)
        return IT_ERR_STATE;
    if (it_ip_none(local.ip)) {
        int iface = it_host_source(h, remote.ip, &local.ip);
        if (iface < 0)
            return iface;
    }
    if (it_host_iface_of(h, local.ip) < 0 || it_ip_is4(local.ip) != it_ip_is4(remote.ip) || it_ip_none(remote.ip))
        return IT_ERR_NOROUTE;
    int err = pick_port(h, &local, remote);
    if (err < 0)
        return err;
    it_tcp_conn *c = it_tcp_new(h, now, local, remote, o);
    if (!c)
        return IT_ERR_NOMEM;
    c->user = true;
    it_tcp_enter(c, now, IT_TCP_SYN_SENT);
    it_tcp_output(c, now);
    return c->socket;
}

int it_host_tcp_append(it_host *h, int socket, it_bytes data)
{
    it_tcp_conn *c = it_tcp_by_socket(h, socket);
    bool open = c && !c->fin && c->state != IT_TCP_CLOSED && c->state != IT_TCP_TIME_WAIT;
    if (!open)
        return IT_ERR_STATE;
    size_t room = c->snd_room - c->snd.n, n = data.n < room ? data.n : room;
    if (it_tcp_ring_put(&c->snd, it_tcp_alloc(c), c->snd.n, it_bytes_of(data.p, n)) < 0)
        return IT_ERR_NOMEM;
    c->snd.n += (uint32_t)n;
    if (n < data.n) {
        c->room_wanted = true;
        c->room_edge = it_tcp_data_end(c);
    }
    it_tcp_note_still(c, it_world_now(h->node.world)); /* until somebody pushes */
    return (int)n;
}

static void push_conn(it_tcp_conn *c, it_time now)
{
    it_tcp_output(c, now);
    it_tcp_offer_room(c);
    it_tcp_note_still(c, now);
}

void it_host_tcp_push(it_host *h, it_time now, int socket)
{
    it_tcp_conn *c = it_tcp_by_socket(h, socket);
    if (c && c->state != IT_TCP_CLOSED)
        push_conn(c, now);
}

int it_host_tcp_write(it_host *h, it_time now, int socket, it_bytes data)
{
    int n = it_host_tcp_append(h, socket, data);
    if (n > 0)
        push_conn(it_tcp_by_socket(h, socket), now);
    return n;
}

uint32_t it_host_tcp_room(it_host *h, int socket)
{
    it_tcp_conn *c = it_tcp_by_socket(h, socket);
    if (!c || c->fin || c->state == IT_TCP_CLOSED)
        return 0;
    uint32_t room = c->snd_room - c->snd.n;
    c->room_wanted = c->granted = true;
    c->room_edge = it_tcp_data_end(c) + room;
    it_tcp_note_still(c, it_world_now(h->node.world));
    return room;
}

it_bytes it_host_tcp_peek(it_host *h, int socket)
{
    it_bytes piece[2] = {{NULL, 0}, {NULL, 0}};
    const it_tcp_conn *c = it_tcp_by_socket(h, socket);
    if (c)
        it_tcp_ring_get(&c->rcv, 0, c->rcv.n, piece);
    return piece[0];
}

void it_host_tcp_take(it_host *h, it_time now, int socket, size_t n)
{
    it_tcp_conn *c = it_tcp_by_socket(h, socket);
    if (!c || n == 0)
        return;
    uint32_t taken = n < c->rcv.n ? (uint32_t)n : c->rcv.n;
    it_tcp_ring_drop(&c->rcv, taken);
    it_tcp_tell_fin(c);
    bool receives = c->state == IT_TCP_ESTABLISHED || c->state == IT_TCP_FIN_WAIT_1 || c->state == IT_TCP_FIN_WAIT_2;
    if (!receives)
        return;
    bool worth = it_tcp_copied(c, now, taken);
    if (worth || it_tcp_window_worth(c)) {
        c->ack_now = true;
        it_tcp_output(c, now);
    }
}

/* RFC 9293 section 3.10.4: the state changes at once, the FIN leaves after the data; before the handshake it waits. */
static void finish_conn(it_tcp_conn *c, it_time now)
{
    c->fin = true;
    c->room_wanted = false;
    if (c->state == IT_TCP_ESTABLISHED)
        it_tcp_enter(c, now, IT_TCP_FIN_WAIT_1);
    else if (c->state == IT_TCP_CLOSE_WAIT)
        it_tcp_enter(c, now, IT_TCP_LAST_ACK);
    it_tcp_output(c, now);
}

int it_host_tcp_shutdown(it_host *h, it_time now, int socket)
{
    it_tcp_conn *c = it_tcp_by_socket(h, socket);
    if (!c || c->state == IT_TCP_CLOSED)
        return IT_ERR_STATE;
    if (!c->fin)
        finish_conn(c, now);
    return 0;
}

/* Half-open connections of a listener that stops, and those nobody took. */
static void close_listener(it_host *h, it_time now, it_tcp_listener *l)
{
    int socket = it_tcp_listener_socket(h, l);
    for (size_t i = 0; i < h->tcp->n_conns; i++) {
        it_tcp_conn *c = h->tcp->conns[i];
        if (!c || c->listener != socket || !c->waiting)
            continue;
        if (c->state != IT_TCP_CLOSED)
            it_tcp_send_rst(c, now);
        c->user = false;
        it_tcp_dead(c);
    }
    l->open = false;
}

/* Ends |c| with a RST where RFC 9293 section 3.10.5 has one. */
static void abort_conn(it_tcp_conn *c, it_time now)
{
    bool tell = c->state == IT_TCP_SYN_RCVD || c->state == IT_TCP_ESTABLISHED || c->state == IT_TCP_FIN_WAIT_1 ||
                c->state == IT_TCP_FIN_WAIT_2 || c->state == IT_TCP_CLOSE_WAIT;
    if (tell)
        it_tcp_send_rst(c, now);
    c->user = false;
    it_tcp_dead(c);
}

void it_host_tcp_abort(it_host *h, it_time now, int socket)
{
    it_tcp_conn *c = it_tcp_by_socket(h, socket);
    it_tcp_listener *l = it_tcp_listener_by_socket(h, socket);
    if (c)
        abort_conn(c, now);
    else if (l)
        close_listener(h, now, l);
}

void it_host_tcp_close(it_host *h, it_time now, int socket)
{
    it_tcp_conn *c = it_tcp_by_socket(h, socket);
    if (!c || c->rcv.n || c->state == IT_TCP_SYN_SENT || c->state == IT_TCP_CLOSED) {
        it_host_tcp_abort(h, now, socket);
        return;
    }
    c->user = false;
    it_tcp_ring_free(&c->rcv, it_tcp_alloc(c));
    it_tcp_leave_backlog(c);
    if (!c->fin) {
        finish_conn(c, now);
    } else if (c->state == IT_TCP_FIN_WAIT_2) {
        it_tcp_enter(c, now, IT_TCP_FIN_WAIT_2); /* from now on for a while only */
        it_tcp_arm(c, now);
    }
}

bool it_host_tcp_info(const it_host *h, int socket, it_tcp_info *info)
{
    const it_tcp_conn *c = it_tcp_by_socket(h, socket);
    const it_tcp_listener *l = it_tcp_listener_by_socket(h, socket);
    *info = (it_tcp_info){.state = IT_TCP_CLOSED};
    if (l) {
        info->state = IT_TCP_LISTEN;
        info->local = l->local;
    }
    if (!c)
        return l != NULL;
    uint32_t end = it_tcp_data_end(c);
    it_time now = it_world_now(h->node.world);
    it_time still = c->still_at <= now && now - c->still_at > c->still ? now - c->still_at : c->still;
    *info = (it_tcp_info){.state = (enum it_tcp_state)c->state,
                          .local = c->local,
                          .remote = c->remote,
                          .mss = c->base_mss,
                          .cwnd = c->cwnd * c->mss,
                          .ssthresh = c->ssthresh < (1u << 20) ? c->ssthresh * c->mss : UINT32_MAX,
                          .snd_wnd = c->snd_wnd,
                          .rcv_wnd = it_tcp_lt(c->rcv_nxt, c->rcv_adv) ? c->rcv_adv - c->rcv_nxt : 0,
                          .in_flight = it_tcp_outstanding(c),
                          .unsent = it_tcp_lt(c->snd_nxt, end) ? end - c->snd_nxt : 0,
                          .unread = c->rcv.n,
                          .srtt = c->srtt,
                          .rttvar = c->rttvar,
                          .rto = it_tcp_rto(c),
                          .retransmits = c->retransmits,
                          .timeouts = c->timeouts,
                          .recoveries = c->recoveries,
                          .tail_probes = c->tail_probes,
                          .undone = c->undone,
                          .min_rtt = c->min_rtt,
                          .snd_room = c->snd_room,
                          .rcv_room = c->rcv_room,
                          .still = still,
                          .sack = c->sack,
                          .timestamps = c->ts,
                          .wscale = c->scaled};
    return true;
}

uint32_t it_host_tcp_count(const it_host *h)
{
    return h->tcp ? h->tcp->living : 0;
}
