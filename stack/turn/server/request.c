/* Requests as passes: authenticate, unknown attributes, which allocation, the method, the answer. */
#include "stack/turn/server/impl.h"

/* --- methods --- */

static void put_mapped(const it_turn_server *s, const it_turn_job *j, it_buf *b)
{
    (void)s;
    it_stun_put_addr(b, IT_STUN_XOR_MAPPED_ADDRESS, j->leg.remote);
}

static void put_refreshed(const it_turn_server *s, const it_turn_job *j, it_buf *b)
{
    it_stun_put_u32(b, IT_STUN_LIFETIME, j->lifetime);
    if (j->ticket)
        it_turn_ticket_put(s, it_turn_allocation_at(&s->t, j->allocation), b);
}

uint32_t it_turn_lifetime(const it_turn_server *s, const it_stun_msg *req)
{
    uint32_t v = 0;
    /* RFC 8656 section 7.2: at most the maximum, at least the default. */
    (void)it_stun_get_u32(req, IT_STUN_LIFETIME, &v);
    if (v > s->t.limits.max_lifetime)
        v = s->t.limits.max_lifetime;
    return v > s->t.limits.lifetime ? v : s->t.limits.lifetime;
}

/* RFC 8656 section 8.2. */
static void turn_refresh(it_turn_server *s, it_turn_job *j)
{
    it_turn_allocation *a = it_turn_allocation_at(&s->t, j->allocation);
    uint32_t family = 0, asked = 1;
    bool only = it_stun_get_u32(&j->req, IT_STUN_REQUESTED_ADDRESS_FAMILY, &family) == 0;
    if (only && family != IT_TURN_FAMILY4 && family != IT_TURN_FAMILY6) {
        j->code = 443;
        return;
    }
    if (only && a->relay[family == IT_TURN_FAMILY6] == IT_TURN_NONE) {
        j->code = 443;
        return;
    }
    (void)it_stun_get_u32(&j->req, IT_STUN_LIFETIME, &asked);
    j->lifetime = asked ? it_turn_lifetime(s, &j->req) : 0;
    uint32_t relay[2] = {a->relay[0], a->relay[1]};
    for (uint32_t k = 0; k < 2; k++) {
        if (relay[k] == IT_TURN_NONE || (only && family != k + IT_TURN_FAMILY4))
            continue;
        if (asked)
            it_turn_table_refresh(&s->t, relay[k], j->now + j->lifetime * IT_SEC);
        else
            it_turn_table_close(&s->t, relay[k], false);
    }
}

int it_turn_peer_relay(const it_turn_server *s, const it_turn_job *j, uint32_t i, it_addr *peer, uint32_t *r)
{
    int err = it_turn_addr_at(&j->req, i, peer);
    if (err == IT_ERR_RANGE) /* IPv4 disguised as IPv6 */
        return 403;
    if (err < 0)
        return 400;
    *r = it_turn_relay_for(s, j->allocation, peer->ip);
    return *r == IT_TURN_NONE ? 443 : 0;
}

/* The peers of a CreatePermission request. */
typedef struct grant {
    uint32_t relay[IT_STUN_ATTRS_MAX];
    it_ip ip[IT_STUN_ATTRS_MAX];
    size_t n;
    uint32_t fresh[2]; /* without a permission so far, by family; one that stands twice counts twice */
} grant;

/* Adds attribute |i| to |g|. Returns 0 or the code of the error. */
static int grant_add(const it_turn_server *s, const it_turn_job *j, uint32_t i, grant *g)
{
    it_addr peer;
    uint32_t r;
    int code = it_turn_peer_relay(s, j, i, &peer, &r);
    if (code)
        return code;
    if (!it_turn_peer_ip_allowed(s, peer.ip))
        return 403;
    g->fresh[it_ip_is6(peer.ip)] += !it_turn_table_permitted(&s->t, r, peer.ip);
    g->relay[g->n] = r;
    g->ip[g->n++] = peer.ip;
    return 0;
}

static bool grant_fits(const it_turn_server *s, const grant *g)
{
    for (size_t i = 0; i < g->n; i++) {
        const it_turn_relay *r = it_turn_relay_at(&s->t, g->relay[i]);
        if (r->n_permissions + g->fresh[it_ip_is6(g->ip[i])] > s->t.limits.permissions)
            return false;
    }
    return true;
}

static void grant_install(it_turn_server *s, it_turn_job *j, const grant *g)
{
    for (size_t i = 0; i < g->n; i++) {
        if (it_turn_table_permit(&s->t, j->now, g->relay[i], g->ip[i]) == 0)
            continue;
        j->code = 508;
        j->err = IT_ERR_NOMEM;
        return;
    }
}

/* RFC 8656 section 10.2: all of the request is checked before any of it is installed. */
static void create_permission(it_turn_server *s, it_turn_job *j)
{
    grant g = {.n = 0};
    for (uint32_t i = 0; i < j->req.n_attrs && j->code == 0; i++)
        if (j->req.attrs[i].type == IT_STUN_XOR_PEER_ADDRESS)
            j->code = grant_add(s, j, i, &g);
    if (j->code)
        return;
    if (g.n == 0)
        j->code = 400;
    else if (!grant_fits(s, &g))
        j->code = 508;
    else
        grant_install(s, j, &g);
}

static const it_stun_attr *first_of(const it_stun_msg *m, uint16_t type, uint32_t *i)
{
    const it_stun_attr *a = it_stun_get(m, type);
    if (a)
        *i = (uint32_t)(a - m->attrs);
    return a;
}

/* RFC 8656 section 12.2. */
static void channel_bind(it_turn_server *s, it_turn_job *j)
{
    uint32_t number = 0, at = 0, r = IT_TURN_NONE;
    it_addr peer;
    j->code = 400;
    if (it_stun_get_u32(&j->req, IT_STUN_CHANNEL_NUMBER, &number) < 0)
        return;
    if (number < IT_TURN_CHANNEL_FIRST || number > s->channel_last)
        return;
    if (!first_of(&j->req, IT_STUN_XOR_PEER_ADDRESS, &at) || it_turn_allocation_at(&s->t, j->allocation)->tcp)
        return;
    int code = it_turn_peer_relay(s, j, at, &peer, &r);
    if (code) {
        j->code = code;
        return;
    }
    uint32_t by_number = it_turn_table_channel(&s->t, j->allocation, (uint16_t)number);
    if (by_number != it_turn_table_channel_to(&s->t, r, peer))
        return; /* the number is another peer's, or the peer has another number */
    if (!it_turn_peer_allowed(s, peer, false)) {
        j->code = 403;
        return;
    }
    int err = it_turn_table_bind(&s->t, j->now, r, (uint16_t)number, peer);
    j->code = err < 0 ? 508 : 0;
    if (err == IT_ERR_NOMEM)
        j->err = err;
}

typedef struct method {
    uint16_t number;
    bool open;     /* without credentials */
    bool existing; /* needs an allocation */
    void (*run)(it_turn_server *s, it_turn_job *j);
    void (*put)(const it_turn_server *s, const it_turn_job *j, it_buf *b); /* into the success response */
} method;

static const method METHODS[] = {
    {IT_STUN_BINDING, true, false, NULL, put_mapped},
    {IT_STUN_ALLOCATE, false, false, it_turn_allocate, it_turn_put_allocated},
    {IT_STUN_REFRESH, false, true, turn_refresh, put_refreshed},
    {IT_STUN_CREATE_PERMISSION, false, true, create_permission, NULL},
    {IT_STUN_CHANNEL_BIND, false, true, channel_bind, NULL},
    {IT_STUN_CONNECT, false, true, it_turn_connect, it_turn_put_connected},
    {IT_STUN_CONNECTION_BIND, false, false, it_turn_connection_bind, NULL},
};

static const method *find_method(uint16_t number)
{
    for (size_t i = 0; i < sizeof METHODS / sizeof METHODS[0]; i++)
        if (METHODS[i].number == number)
            return &METHODS[i];
    return NULL;
}

/* --- passes --- */

/* Pass 1, RFC 8489 section 9.2.4. */
static void authenticate(const it_turn_server *s, const method *m, it_turn_job *j)
{
    if (!s->guard || m->open)
        return;
    it_addr owner = it_turn_tcp_owner(s, j);
    j->who = it_stun_guard_check(s->guard, j->now, &j->req, owner);
    if (j->who.code == 438 && !it_addr_eq(owner, j->leg.remote))
        j->who = it_stun_guard_check(s->guard, j->now, &j->req, j->leg.remote);
    j->code = j->who.code;
    j->user = (uint32_t)j->who.user;
}

/* Pass 2, RFC 8489 section 6.3.1. */
static void find_unknown(const it_turn_server *s, const method *m, it_turn_job *j)
{
    static const uint16_t KNOWN[] = {IT_STUN_CHANNEL_NUMBER,      IT_STUN_LIFETIME,
                                     IT_STUN_XOR_PEER_ADDRESS,    IT_STUN_DATA_ATTR,
                                     IT_STUN_XOR_RELAYED_ADDRESS, IT_STUN_REQUESTED_ADDRESS_FAMILY,
                                     IT_STUN_EVEN_PORT,           IT_STUN_REQUESTED_TRANSPORT,
                                     IT_STUN_RESERVATION_TOKEN,   IT_STUN_CONNECTION_ID,
                                     IT_STUN_DONT_FRAGMENT /* where it is supported, section 7.2 */};
    int n = (int)(sizeof KNOWN / sizeof KNOWN[0]) - s->cfg.no_dont_fragment;
    if (m->open)
        n = 0;
    j->n_unknown = it_stun_unknown(&j->req, KNOWN, n, j->unknown, IT_STUN_ATTRS_MAX);
    if (j->n_unknown > 0)
        j->code = 420;
}

/* Pass 3, RFC 8656 section 5: whose allocation it is. One that waits for its sockets is none yet. */
static void find_allocation(it_turn_server *s, const method *m, it_turn_job *j)
{
    j->allocation = it_turn_table_find(&s->t, &j->leg);
    if (!m->existing)
        return;
    if (m->number == IT_STUN_REFRESH && it_stun_get(&j->req, IT_STUN_MOBILITY_TICKET)) {
        it_turn_move(s, j);
        return;
    }
    if (j->allocation == IT_TURN_NONE || it_turn_allocation_at(&s->t, j->allocation)->waiting > 0)
        j->code = 437;
    else if (it_turn_allocation_at(&s->t, j->allocation)->user != j->user)
        j->code = 441;
}

static void put_alternate(const it_turn_server *s, const it_turn_job *j, it_buf *b)
{
    bool six = it_ip_is6(j->leg.remote.ip);
    /* RFC 8489 section 10 */
    it_stun_put_addr(b, IT_STUN_ALTERNATE_SERVER, six ? s->cfg.alternate6 : s->cfg.alternate4);
    if (s->cfg.alternate_domain)
        it_stun_put(b, IT_STUN_ALTERNATE_DOMAIN, it_bytes_str(s->cfg.alternate_domain));
}

/* What an error response carries besides its code. */
static void put_error(const it_turn_server *s, const it_turn_job *j, it_buf *b)
{
    it_stun_put_error(b, j->code, NULL);
    if (j->code == 420)
        it_stun_put_types(b, IT_STUN_UNKNOWN_ATTRIBUTES, j->unknown, j->n_unknown);
    if (j->code == 300)
        put_alternate(s, j, b);
    if (s->guard && j->who.code)
        it_stun_guard_challenge(s->guard, j->now, j->leg.remote, j->code, b);
}

/* Tells the owner of an allocation that is new, and of what a user was refused; what strangers ask for is no news. */
static void tell_owner(it_turn_server *s, const it_turn_job *j)
{
    it_turn_tale tale = {.kind = IT_TURN_TALE_REFUSED, .client = j->leg.remote, .user = j->user, .code = j->code};
    if (j->code) {
        if (j->who.key || !s->guard)
            it_turn_table_tell(&s->t, &tale);
        return;
    }
    if (j->req.method != IT_STUN_ALLOCATE)
        return;
    it_turn_allocation *a = it_turn_allocation_at(&s->t, j->allocation);
    uint32_t r = a->relay[0] != IT_TURN_NONE ? a->relay[0] : a->relay[1];
    if (a->told || r == IT_TURN_NONE)
        return;
    a->told = true;
    tale.kind = IT_TURN_TALE_ALLOCATED;
    tale.relayed = it_turn_relay_at(&s->t, r)->addr;
    it_turn_table_tell(&s->t, &tale);
}

void it_turn_respond(it_turn_server *s, it_turn_job *j)
{
    uint8_t buf[IT_TURN_ANSWER];
    const method *m = find_method(j->req.method);
    it_buf b;
    it_buf_init(&b, buf, sizeof buf);
    it_stun_begin(&b, j->code ? IT_STUN_ERROR : IT_STUN_SUCCESS, j->req.method, j->req.txid);
    if (j->code)
        put_error(s, j, &b);
    else if (m->put)
        m->put(s, j, &b);
    if (s->cfg.software)
        it_stun_put(&b, IT_STUN_SOFTWARE, it_bytes_str(s->cfg.software));
    it_stun_guard_sign(&j->who, &b);
    if (j->fingerprint)
        it_stun_put_fingerprint(&b);
    int n = it_stun_end(&b);
    s->stats.requests++;
    s->stats.refused += j->code != 0;
    tell_owner(s, j);
    if (n < 0)
        return; /* more unknown attributes or a longer SOFTWARE than fit */
    it_bytes parts[3] = {it_bytes_of(buf, (size_t)n), {NULL, 0}, {NULL, 0}};
    int err = it_turn_send(s, j->now, &j->leg, parts, (it_io_meta){.frag = true}, 0);
    if (err == IT_ERR_NOMEM)
        j->err = err;
}

void it_turn_request(it_turn_server *s, it_turn_job *j)
{
    const method *m = find_method(j->req.method);
    if (!m || (m->number >= IT_STUN_CONNECT && !s->cfg.tcp_peers))
        return; /* RFC 8489 section 6.3: silently */
    j->who = (it_stun_verdict){.code = 0};
    j->user = 0;
    j->code = 0;
    j->n_unknown = 0;
    j->allocation = IT_TURN_NONE;
    j->later = j->ticket = false;
    j->lifetime = j->connection = 0;
    j->fingerprint = it_stun_get(&j->req, IT_STUN_FINGERPRINT) != NULL;
    authenticate(s, m, j);
    if (!j->code)
        find_unknown(s, m, j);
    if (!j->code)
        find_allocation(s, m, j);
    if (!j->code && m->run)
        m->run(s, j);
    if (!j->later)
        it_turn_respond(s, j);
}
