/* The server as passes over one request: parse, authenticate, unknown attributes, behavior discovery, response.
 * Responses are built when the request comes and wait in a ring of buffers that are used again. */
#include "stack/stun/server.h"

struct response {
    it_io io; /* without data */
    uint8_t *p;
    size_t n, cap;
};

struct it_stun_server {
    it_alloc *alloc;
    const char *software;
    it_stun_guard *guard; /* NULL: no authentication */
    bool discovery, classic;
    it_addr addr[2]; /* primary and alternate */
    struct response ring[IT_STUN_SERVER_QUEUE];
    uint32_t first, n;
};

/* What is found out about one request while it passes through. */
struct job {
    it_time now;
    const it_io *in;
    it_stun_msg req;
    it_stun_verdict who;
    int code; /* of the error response; 0: success */
    uint16_t unknown[IT_STUN_ATTRS_MAX];
    int n_unknown;
    it_addr from, to; /* of the response */
    it_addr other;    /* Ca:Cp of RFC 5780 section 6.1; none without one */
    bool padding;
    bool classic;    /* a request of RFC 3489, whose transaction id begins with |cookie| */
    uint32_t cookie; /* as the client sent it */
};

it_stun_server *it_stun_server_new(const it_stun_server_cfg *cfg)
{
    it_stun_server *s = it_calloc(cfg->alloc, 1, sizeof(*s));
    it_stun_guard_cfg guard = {cfg->alloc, cfg->rng, cfg->auth};

    if (!s)
        return NULL;
    s->alloc = cfg->alloc;
    s->software = cfg->software;
    s->discovery = cfg->discovery;
    s->classic = cfg->classic;
    s->addr[0] = cfg->primary;
    s->addr[1] = cfg->alternate;
    if (cfg->auth.realm) {
        s->guard = it_stun_guard_new(&guard);
        if (!s->guard) {
            it_stun_server_free(s);
            return NULL;
        }
    }
    return s;
}

void it_stun_server_free(it_stun_server *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < IT_STUN_SERVER_QUEUE; i++)
        it_free(s->alloc, s->ring[i].p);
    it_stun_guard_free(s->guard);
    it_free(s->alloc, s);
}

/* RFC 5780 section 6.1: the address and port that are not those of |at|; none when |at| is not one of our four. */
static it_addr other_than(const it_stun_server *s, it_addr at)
{
    it_addr none = {{0, 0}, 0};
    bool ip0 = it_ip_eq(at.ip, s->addr[0].ip), ip1 = it_ip_eq(at.ip, s->addr[1].ip);
    bool port0 = at.port == s->addr[0].port, port1 = at.port == s->addr[1].port;

    /* RFC 5780 section 6: without the same ports on two addresses there is no OTHER-ADDRESS. */
    if (!s->discovery || it_ip_none(s->addr[1].ip) || ip0 == ip1 || port0 == port1)
        return none;
    return it_addr_of(s->addr[ip0].ip, s->addr[port0].port);
}

/* Pass 1, RFC 8489 section 9.2.4. */
static void authenticate(const it_stun_server *s, struct job *j)
{
    if (!s->guard)
        return;
    j->who = it_stun_guard_check(s->guard, j->now, &j->req, j->in->remote);
    j->code = j->who.code;
}

/* Pass 2, RFC 8489 section 6.3.1: unknown comprehension-required attributes. RFC 5780 section 6: CHANGE-REQUEST is
 * unknown to a server without a second address. */
static void find_unknown(const it_stun_server *s, struct job *j)
{
    static const uint16_t KNOWN[] = {/* RFC 5780: only with |discovery|, the last one only with a second address */
                                     IT_STUN_PADDING, IT_STUN_RESPONSE_PORT, IT_STUN_CHANGE_REQUEST};
    int n = (int)(sizeof(KNOWN) / sizeof(KNOWN[0]));

    if (!s->discovery)
        n -= 3;
    else if (it_ip_none(j->other.ip))
        n -= 1;
    j->n_unknown = it_stun_unknown(&j->req, KNOWN, n, j->unknown, IT_STUN_ATTRS_MAX);
    if (j->n_unknown > 0)
        j->code = 420;
    /* RFC 3489 section 11.2.10: an even number, one of them twice if need be. */
    if (j->classic && j->n_unknown % 2 == 1 && j->n_unknown < IT_STUN_ATTRS_MAX) {
        j->unknown[j->n_unknown] = j->unknown[0];
        j->n_unknown++;
    }
}

/* Pass 3, RFC 5780 section 6.1: where the response leaves from and goes to. */
static void route(const it_stun_server *s, struct job *j)
{
    uint32_t change = 0, port = 0;
    bool has_port;

    if (!s->discovery)
        return;
    has_port = it_stun_get_u32(&j->req, IT_STUN_RESPONSE_PORT, &port) == 0;
    j->padding = it_stun_get(&j->req, IT_STUN_PADDING) != NULL;
    /* RFC 5780 section 6.1: both together are a 400. Port 0 is in the allowed range of section 7.5, but cannot be sent
     * to. */
    if (has_port && (j->padding || port == 0)) {
        j->code = 400;
        return;
    }
    if (has_port)
        j->to.port = (uint16_t)port;
    /* RFC 5780 section 7.2, table 1: flag A changes the address, flag B the port. */
    if (it_stun_get_u32(&j->req, IT_STUN_CHANGE_REQUEST, &change) == 0) {
        if (change & 4)
            j->from.ip = j->other.ip;
        if (change & 2)
            j->from.port = j->other.port;
    }
}

/* RFC 3489 section 8.1: where it came from, where the answer leaves from, and what CHANGE-REQUEST would change it to.
 */
static void put_classic(const struct job *j, it_buf *b)
{
    it_stun_put_addr(b, IT_STUN_MAPPED_ADDRESS, j->in->remote);
    it_stun_put_addr(b, IT_STUN_SOURCE_ADDRESS, j->from);
    if (!it_ip_none(j->other.ip))
        it_stun_put_addr(b, IT_STUN_CHANGED_ADDRESS, j->other);
}

static void put_success(const it_stun_server *s, const struct job *j, it_buf *b)
{
    static const uint8_t ZEROS[IT_STUN_SERVER_PADDING];

    /* RFC 5389 section 12.2 */
    if (j->classic) {
        put_classic(j, b);
        return;
    }
    /* RFC 8489 section 6.3.1.1 */
    it_stun_put_addr(b, IT_STUN_XOR_MAPPED_ADDRESS, j->in->remote);
    if (!s->discovery)
        return;
    /* RFC 5780 section 6.1: both forms of the mapped address, the origin, and Ca:Cp when there is one. */
    it_stun_put_addr(b, IT_STUN_MAPPED_ADDRESS, j->in->remote);
    it_stun_put_addr(b, IT_STUN_RESPONSE_ORIGIN, j->from);
    if (!it_ip_none(j->other.ip))
        it_stun_put_addr(b, IT_STUN_OTHER_ADDRESS, j->other);
    if (j->padding)
        it_stun_put(b, IT_STUN_PADDING, it_bytes_of(ZEROS, sizeof(ZEROS)));
}

/* RFC 8489 section 6.3.1.1; returns the size. */
static int server_build(const it_stun_server *s, const struct job *j, it_buf *b)
{
    it_stun_begin(b, j->code ? IT_STUN_ERROR : IT_STUN_SUCCESS, j->req.method, j->req.txid);
    if (j->code)
        it_stun_put_error(b, j->code, NULL);
    else
        put_success(s, j, b);
    if (j->code == 420)
        it_stun_put_types(b, IT_STUN_UNKNOWN_ATTRIBUTES, j->unknown, j->n_unknown);
    if (s->guard && j->who.code)
        it_stun_guard_challenge(s->guard, j->now, j->in->remote, j->code, b);
    if (s->software)
        it_stun_put(b, IT_STUN_SOFTWARE, it_bytes_str(s->software));
    it_stun_guard_sign(&j->who, b);
    /* RFC 8489 section 12: FINGERPRINT may be used and must not be required; who sends it gets it back. */
    if (it_stun_get(&j->req, IT_STUN_FINGERPRINT))
        it_stun_put_fingerprint(b);
    int n = it_stun_end(b);
    /* RFC 5389 section 12.2: what stands in the place of the cookie is a part of the client's transaction id. */
    if (n > 0 && j->classic)
        it_put32(b->p + 4, j->cookie);
    return n;
}

/* Copies a finished response into the ring. */
static int enqueue(it_stun_server *s, const struct job *j, it_bytes msg)
{
    struct response *r = &s->ring[(s->first + s->n) % IT_STUN_SERVER_QUEUE];

    if (r->cap < msg.n) {
        uint8_t *p = it_realloc(s->alloc, r->p, msg.n, 1);

        if (!p)
            return IT_ERR_NOMEM;
        r->p = p;
        r->cap = msg.n;
    }
    memcpy(r->p, msg.p, msg.n);
    r->n = msg.n;
    r->io = (it_io){.kind = IT_IO_DGRAM, .flow = j->in->flow, .local = j->from, .remote = j->to, .data = {NULL, 0}};
    s->n++;
    return 0;
}

/* RFC 5389 section 12.2: no cookie, else like a request. Returns what is to be parsed, |d| or a copy in |buf| with a
 * cookie. */
static it_bytes add_cookie(const it_stun_server *s, struct job *j, it_bytes d, uint8_t buf[IT_STUN_SERVER_CLASSIC])
{
    j->classic =
        s->classic && d.n >= IT_STUN_HEADER && d.n <= IT_STUN_SERVER_CLASSIC && it_get32(d.p + 4) != IT_STUN_COOKIE;
    if (!j->classic)
        return d;
    j->cookie = it_get32(d.p + 4);
    memcpy(buf, d.p, d.n);
    it_put32(buf + 4, IT_STUN_COOKIE);
    return it_bytes_of(buf, d.n);
}

int it_stun_server_input(it_stun_server *s, it_time now, const it_io *in)
{
    uint8_t buf[IT_STUN_SERVER_OUT], old[IT_STUN_SERVER_CLASSIC];
    struct job j;
    it_buf b;
    int n, err;

    if (s->n == IT_STUN_SERVER_QUEUE || in->kind != IT_IO_DGRAM)
        return (int)in->data.n;
    /* RFC 8489 section 6.3: what is malformed, of another method or class is silently discarded; section 6.3.2: an
     * indication is never answered. */
    if (it_stun_parse(&j.req, add_cookie(s, &j, in->data, old)) < 0 || j.req.cls != IT_STUN_REQUEST ||
        j.req.method != IT_STUN_BINDING)
        return (int)in->data.n;
    j.now = now;
    j.in = in;
    j.who = (it_stun_verdict){0};
    j.code = 0;
    j.n_unknown = 0;
    j.padding = false;
    /* RFC 8489 section 6.3.1.2: back to where it came from, from where it came to. */
    j.from = in->local;
    j.to = in->remote;
    j.other = other_than(s, in->local);
    authenticate(s, &j);
    if (!j.code)
        find_unknown(s, &j);
    if (!j.code)
        route(s, &j);
    it_buf_init(&b, buf, sizeof(buf));
    n = server_build(s, &j, &b);
    if (n < 0)
        return (int)in->data.n; /* more unknown attributes or a longer SOFTWARE than fit a datagram */
    err = enqueue(s, &j, it_bytes_of(buf, (size_t)n));
    return err ? err : (int)in->data.n;
}

int it_stun_server_tick(it_stun_server *s, it_time now)
{
    (void)s;
    (void)now;
    return 0;
}

it_time it_stun_server_next(const it_stun_server *s)
{
    (void)s;
    return IT_NEVER;
}

int it_stun_server_output(it_stun_server *s, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    (void)now;
    while (s->n > 0) {
        const struct response *r = &s->ring[s->first];

        s->first = (s->first + 1) % IT_STUN_SERVER_QUEUE;
        s->n--;
        if (r->n > cap)
            continue;
        memcpy(buf, r->p, r->n);
        *out = r->io;
        out->data = it_bytes_of(buf, r->n);
        return 1;
    }
    return 0;
}

/* --- the table of stack/object.h --- */

static int stun_server_input(void *o, it_time now, const it_io *in)
{
    return it_stun_server_input(o, now, in);
}

static int stun_server_tick(void *o, it_time now)
{
    return it_stun_server_tick(o, now);
}

static it_time stun_server_next(const void *o)
{
    return it_stun_server_next(o);
}

static int stun_server_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    return it_stun_server_output(o, now, out, buf, cap);
}

static void stun_server_free(void *o)
{
    it_stun_server_free(o);
}

const it_object_ops it_stun_server_ops = {.kind = "stun",
                                          .input = stun_server_input,
                                          .tick = stun_server_tick,
                                          .next = stun_server_next,
                                          .output = stun_server_output,
                                          .free = stun_server_free};
