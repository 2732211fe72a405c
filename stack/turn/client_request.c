/* The client's requests and what their answers mean (RFC 8656 sections 7 and 8). */
#include "stack/turn/client_impl.h"

/* --- requests --- */

static void put_allocate(const it_turn_client *c, size_t i, it_buf *b)
{
    const it_turn_client_cfg *cfg = &c->cfg;
    (void)i;
    it_stun_put_u32(b, IT_STUN_REQUESTED_TRANSPORT, cfg->tcp ? IT_TURN_TCP : IT_TURN_UDP);
    if (cfg->lifetime)
        it_stun_put_u32(b, IT_STUN_LIFETIME, cfg->lifetime);
    if (cfg->family)
        it_stun_put_u32(b, IT_STUN_REQUESTED_ADDRESS_FAMILY, cfg->family);
    if (cfg->additional)
        it_stun_put_u32(b, IT_STUN_ADDITIONAL_ADDRESS_FAMILY, IT_TURN_FAMILY6);
    if (cfg->even)
        it_stun_put_u32(b, IT_STUN_EVEN_PORT, cfg->reserve ? 0x80 : 0);
    if (cfg->has_token)
        it_stun_put(b, IT_STUN_RESERVATION_TOKEN, it_bytes_of(cfg->token, sizeof cfg->token));
    if (cfg->dont_fragment)
        it_stun_put(b, IT_STUN_DONT_FRAGMENT, it_bytes_of(NULL, 0));
    if (cfg->mobility) /* RFC 8016 section 3.1.1 */
        it_stun_put(b, IT_STUN_MOBILITY_TICKET, it_bytes_of(NULL, 0));
}

static void put_refresh(const it_turn_client *c, size_t i, it_buf *b)
{
    (void)i;
    if (c->cfg.lifetime)
        it_stun_put_u32(b, IT_STUN_LIFETIME, c->cfg.lifetime);
}

static void put_delete(const it_turn_client *c, size_t i, it_buf *b)
{
    (void)i;
    it_stun_put_u32(b, IT_STUN_LIFETIME, 0);
    if (c->moving) /* the server does not know this socket yet */
        it_stun_put(b, IT_STUN_MOBILITY_TICKET, it_bytes_of(c->ticket, c->n_ticket));
}

static void put_permit(const it_turn_client *c, size_t i, it_buf *b)
{
    it_stun_put_addr(b, IT_STUN_XOR_PEER_ADDRESS, it_addr_of(c->permissions[i].ip, 0));
}

static void put_bind(const it_turn_client *c, size_t i, it_buf *b)
{
    it_stun_put_u32(b, IT_STUN_CHANNEL_NUMBER, c->channels[i].number);
    it_stun_put_addr(b, IT_STUN_XOR_PEER_ADDRESS, c->channels[i].peer);
}

/* RFC 6062 section 4.3. */
static void put_connect(const it_turn_client *c, size_t i, it_buf *b)
{
    it_stun_put_addr(b, IT_STUN_XOR_PEER_ADDRESS, c->conns[i]->peer);
}

static void put_fetch(const it_turn_client *c, size_t i, it_buf *b)
{
    it_stun_put_u32(b, IT_STUN_CONNECTION_ID, c->conns[i]->id);
}

/* By enum it_turn_ask. */
static const struct {
    uint16_t method;
    bool software; /* RFC 8656 section 5: in all Allocate and Refresh requests */
    void (*put)(const it_turn_client *c, size_t i, it_buf *b);
} ASKS[] = {
    [IT_TURN_ASK_ALLOCATE] = {IT_STUN_ALLOCATE, true, put_allocate},
    [IT_TURN_ASK_REFRESH] = {IT_STUN_REFRESH, true, put_refresh},
    [IT_TURN_ASK_DELETE] = {IT_STUN_REFRESH, true, put_delete},
    [IT_TURN_ASK_PERMIT] = {IT_STUN_CREATE_PERMISSION, false, put_permit},
    [IT_TURN_ASK_BIND] = {IT_STUN_CHANNEL_BIND, false, put_bind},
    [IT_TURN_ASK_CONNECT] = {IT_STUN_CONNECT, false, put_connect},
    [IT_TURN_ASK_FETCH] = {IT_STUN_CONNECTION_BIND, false, put_fetch},
    [IT_TURN_ASK_MOVE] = {IT_STUN_REFRESH, true, it_turn_client_put_move},
};

/* The credentials of the request |ask| about |i|: a data connection has its own nonce (RFC 6062 section 4.3). */
static it_stun_longterm *longterm_of(it_turn_client *c, enum it_turn_ask ask, size_t i)
{
    return ask == IT_TURN_ASK_FETCH ? &c->conns[i]->lt : &c->lt;
}

int it_turn_client_ask(it_turn_client *c, it_time now, enum it_turn_ask ask, size_t i)
{
    uint8_t buf[IT_IO_DGRAM_MAX], txid[IT_STUN_TXID];
    it_buf b;
    it_rng_bytes(&c->rng, txid, sizeof txid);
    it_buf_init(&b, buf, sizeof buf);
    it_stun_begin(&b, IT_STUN_REQUEST, ASKS[ask].method, txid);
    ASKS[ask].put(c, i, &b);
    if (ASKS[ask].software && c->cfg.software)
        it_stun_put(&b, IT_STUN_SOFTWARE, it_bytes_str(c->cfg.software));
    const it_stun_longterm *lt = longterm_of(c, ask, i);
    it_stun_longterm_put(lt, &b);
    it_stun_longterm_sign(lt, &b);
    int n = it_stun_end(&b);
    if (n < 0)
        return n;
    it_io msg = {.kind = IT_IO_DGRAM,
                 .flow = c->cfg.flow,
                 .local = c->cfg.local,
                 .remote = c->cfg.server,
                 .data = it_bytes_of(buf, (size_t)n)};
    if (ask == IT_TURN_ASK_FETCH)
        msg.flow = it_turn_client_conn_flow(c, i);
    return it_stun_trans_start(c->trans, now, msg, c->cfg.timing, (uint64_t)ask << 32 | i);
}

/* --- states --- */

void it_turn_client_end_transactions(it_turn_client *c)
{
    for (uint64_t ask = IT_TURN_ASK_ALLOCATE; ask <= IT_TURN_ASK_DELETE; ask++)
        it_stun_trans_end_tag(c->trans, ask << 32);
    it_stun_trans_end_tag(c->trans, (uint64_t)IT_TURN_ASK_MOVE << 32);
    it_turn_client_forget_peers(c);
    it_turn_client_conns_end(c);
    c->moving = false;
    c->n_ticket = 0;
}

int it_turn_client_start(it_turn_client *c, it_time now)
{
    const char *name = c->cfg.username ? c->cfg.username : "", *password = c->cfg.password ? c->cfg.password : "";
    c->again = false;
    it_turn_client_forget_peers(c);
    if (c->cfg.stream && it_stream_alive(&c->s)) { /* the number is free when the reset is out */
        it_stream_reset(&c->s);
        c->state = IT_TURN_WAITING;
        c->when = now;
        return 0;
    }
    c->state = IT_TURN_ALLOCATING;
    c->relayed[0] = c->relayed[1] = (it_addr){{0, 0}, 0};
    c->tampered = false;
    it_stun_longterm_init(&c->lt, it_bytes_str(name), it_bytes_str(password));
    c->lt.prefers_sha256 = true; /* RFC 8656 section 6 */
    if (c->cfg.stream && it_turn_client_open(c) < 0)
        return IT_ERR_NOMEM;
    if (c->secure && !c->cfg.stream && it_turn_client_dtls_begin(c, now) < 0)
        return IT_ERR_NOMEM;
    c->tried[c->n_tried++ % IT_TURN_CLIENT_REDIRECTS] = (it_turn_client_tried){c->cfg.server, now};
    return it_turn_client_ask(c, now, IT_TURN_ASK_ALLOCATE, 0);
}

int it_turn_client_closed(it_turn_client *c, it_time now)
{
    c->state = IT_TURN_CLOSED;
    int err = it_turn_client_hang_up(c, now);
    return err < 0 ? err : it_turn_client_say(c, &(it_turn_client_event){.kind = IT_TURN_CLIENT_CLOSED});
}

/* What may be otherwise after a while (RFC 8656 section 7.4). 408 and 0: nobody answered, or there is no connection. */
static bool code_may_change(int code)
{
    static const int CODES[] = {0, 300, 408, 437, 486, 508};
    for (size_t i = 0; i < sizeof CODES / sizeof CODES[0]; i++)
        if (CODES[i] == code)
            return true;
    return false;
}

/* Speaks to |server| from now on; with TLS its certificate must be |name|'s. */
static void go_to(it_turn_client *c, it_addr server, const char *name)
{
    c->cfg.server = server;
    c->tls.name = name;
}

/* Waits for a minute where the owner wants to go on and |code| may change, section 7.4. */
static bool client_waits(it_turn_client *c, it_time now, int code, it_time wait)
{
    if (!c->cfg.persist || !code_may_change(code) || c->closing)
        return false;
    if (code == 408 || code == 0) /* the one that it was sent to may be gone for good */
        go_to(c, c->origin, c->origin_name);
    c->state = IT_TURN_WAITING;
    c->when = now + wait;
    return true;
}

int it_turn_client_failed(it_turn_client *c, it_time now, int code, const char *why)
{
    it_turn_client_event ev = {.kind = IT_TURN_CLIENT_FAILED, .code = code, .why = why ? why : it_stun_reason(code)};
    it_turn_client_end_transactions(c);
    if (c->closing)
        return it_turn_client_closed(c, now);
    c->state = IT_TURN_FAILED;
    /* Section 7.4: 437 needs another socket, which is the owner's; the others a minute. */
    if (code != 437 && client_waits(c, now, code, IT_TURN_BACK_OFF))
        ev.lifetime = (uint32_t)(IT_TURN_BACK_OFF / IT_SEC);
    return it_turn_client_say(c, &ev);
}

int it_turn_client_lost(it_turn_client *c, it_time now, int code, const char *why)
{
    it_turn_client_event ev = {.kind = IT_TURN_CLIENT_LOST, .code = code, .why = why ? why : it_stun_reason(code)};
    it_turn_client_end_transactions(c);
    c->state = IT_TURN_FAILED;
    (void)client_waits(c, now, code, 0);
    return it_turn_client_say(c, &ev);
}

/* What a request came to. */
typedef struct client_answer {
    const it_stun_msg *m; /* NULL: none came, or one that says nothing */
    int code;             /* of the error; 0: success */
    const char *why;      /* a sentence; NULL: what the code says */
    bool authentic;       /* it was signed, and rightly */
} client_answer;

int it_turn_client_cut(it_turn_client *c, it_time now, const char *why)
{
    if (c->state == IT_TURN_ALLOCATED)
        return it_turn_client_lost(c, now, 0, why);
    if (c->state == IT_TURN_ALLOCATING)
        return it_turn_client_failed(c, now, 0, why);
    if (c->state != IT_TURN_DELETING)
        return 0;
    it_turn_client_end_transactions(c);
    c->state = IT_TURN_CLOSED;
    return it_turn_client_say(c, &(it_turn_client_event){.kind = IT_TURN_CLIENT_CLOSED});
}

/* --- Allocate --- */

/* All relayed addresses, by family. */
static void read_relayed(it_turn_client *c, const it_stun_msg *m)
{
    it_addr a;
    for (uint32_t i = 0; i < m->n_attrs; i++)
        if (m->attrs[i].type == IT_STUN_XOR_RELAYED_ADDRESS && it_turn_addr_at(m, i, &a) == 0 && a.port)
            c->relayed[it_ip_is6(a.ip)] = a;
}

void it_turn_client_lives(it_turn_client *c, it_time now, uint32_t seconds)
{
    it_time life = seconds * IT_SEC;
    c->expiry = now + life;
    /* Section 8: roughly a minute before it ends; of a short one at half of it. */
    c->refresh = now + (life > 120 * IT_SEC ? life - 60 * IT_SEC : life / 2);
}

/* RFC 8656 section 7.3: an allocation that is of no use is deleted, and no other one is tried for. */
static int give_back(it_turn_client *c, it_time now)
{
    it_turn_client_event ev = {.kind = IT_TURN_CLIENT_FAILED, .code = 500};
    ev.why = "the response lacks what it must have, and is given back (RFC 8656 section 7.3)";
    c->state = IT_TURN_DELETING;
    int err = it_turn_client_say(c, &ev);
    return err < 0 ? err : it_turn_client_ask(c, now, IT_TURN_ASK_DELETE, 0);
}

/* RFC 8656 section 7.3. */
static int allocated(it_turn_client *c, it_time now, const it_stun_msg *m)
{
    it_turn_client_event ev = {.kind = IT_TURN_CLIENT_ALLOCATED};
    const it_stun_attr *token = it_stun_get(m, IT_STUN_RESERVATION_TOKEN);
    uint32_t family;
    c->state = IT_TURN_ALLOCATED;
    if (c->closing)
        return it_turn_client_close(c, now);
    read_relayed(c, m);
    bool none = it_ip_none(c->relayed[0].ip) && it_ip_none(c->relayed[1].ip);
    if (none || it_stun_get_addr(m, IT_STUN_XOR_MAPPED_ADDRESS, &ev.mapped) < 0 ||
        it_stun_get_u32(m, IT_STUN_LIFETIME, &ev.lifetime) < 0 || ev.lifetime == 0)
        return give_back(c, now);
    it_turn_client_keep_ticket(c, m);
    it_turn_client_lives(c, now, ev.lifetime);
    memcpy(ev.relayed, c->relayed, sizeof ev.relayed);
    (void)it_turn_get_address_error(m, &family, &ev.code);
    ev.has_token = token != NULL;
    if (token)
        memcpy(ev.token, token->value.p, sizeof ev.token);
    return it_turn_client_say(c, &ev);
}

/* The server of our own family that |m| names: a response may have one of either (RFC 8489 section 10). */
static bool alternate(const it_turn_client *c, const it_stun_msg *m, it_addr *to)
{
    for (uint32_t i = 0; i < m->n_attrs; i++) {
        if (m->attrs[i].type != IT_STUN_ALTERNATE_SERVER || it_turn_addr_at(m, i, to) < 0)
            continue;
        if (to->port && it_ip_is6(to->ip) == it_ip_is6(c->cfg.server.ip))
            return true;
    }
    return false;
}

/* Whose the certificate of the server that |m| names must be (RFC 8489 section 10); NULL: what it says is no name. */
static const char *alternate_name(it_turn_client *c, const it_stun_msg *m)
{
    const it_stun_attr *domain = it_stun_get(m, IT_STUN_ALTERNATE_DOMAIN);
    if (!c->secure || !domain)
        return c->tls.name;
    if (domain->value.n >= sizeof c->domain || !it_tls_name_valid(domain->value))
        return NULL;
    memcpy(c->domain, domain->value.p, domain->value.n);
    c->domain[domain->value.n] = '\0';
    return c->domain;
}

/* True when |server| was asked less than five minutes ago: RFC 8489 section 10, against loops. */
static bool tried_lately(const it_turn_client *c, it_time now, it_addr server)
{
    for (uint32_t i = 0; i < IT_TURN_CLIENT_REDIRECTS && i < c->n_tried; i++)
        if (it_addr_eq(c->tried[i].server, server) && now - c->tried[i].at < IT_TURN_CLIENT_REDIRECTED)
            return true;
    return false;
}

/* RFC 8489 section 10, RFC 8656 section 7.4: the server that ALTERNATE-SERVER names. */
static int redirected(it_turn_client *c, it_time now, const client_answer *a)
{
    it_addr to;
    /* RFC 8489 section 14.8: validated before it is followed, or anybody on the path could send us to a victim. */
    if (!a->authentic)
        return it_turn_client_failed(c, now, 300, "the redirection is not authentic (RFC 8489 section 14.8)");
    if (!alternate(c, a->m, &to))
        return it_turn_client_failed(c, now, 300, "the server names no other of the family (RFC 8489 section 10)");
    if (tried_lately(c, now, to))
        return it_turn_client_failed(c, now, 300, "servers send from one to another (RFC 8489 section 10)");
    const char *name = alternate_name(c, a->m);
    if (c->secure && !name)
        return it_turn_client_failed(c, now, 300, "ALTERNATE-DOMAIN is no name (RFC 8489 section 14.16)");
    it_turn_client_end_transactions(c);
    go_to(c, to, name);
    return it_turn_client_start(c, now);
}

/* True when |m|'s UNKNOWN-ATTRIBUTES has |type|. */
static bool lists(const it_stun_msg *m, uint16_t type)
{
    uint16_t types[IT_STUN_ATTRS_MAX];
    int n = it_stun_get_types(m, IT_STUN_UNKNOWN_ATTRIBUTES, types, IT_STUN_ATTRS_MAX);
    for (int i = 0; i < n && i < IT_STUN_ATTRS_MAX; i++)
        if (types[i] == type)
            return true;
    return false;
}

/* RFC 8016 section 3.1.4: mobility is forbidden, and not asked for again. True when it was. */
static bool forgo_mobility(it_turn_client *c)
{
    bool asked = c->cfg.mobility;
    c->cfg.mobility = false;
    return asked;
}

/* True when another request is to be made at once, without what the server cannot do: section 7.4, 420 and 508;
 * RFC 8016, 405. */
static bool without(it_turn_client *c, int code, const it_stun_msg *m)
{
    bool had = c->cfg.even || c->cfg.has_token;
    if (code == 405)
        return forgo_mobility(c);
    if (code == 508 && had && c->cfg.persist) {
        c->cfg.even = c->cfg.reserve = c->cfg.has_token = false;
        return true;
    }
    if (code != 420 || !c->cfg.dont_fragment || !lists(m, IT_STUN_DONT_FRAGMENT))
        return false;
    c->cfg.dont_fragment = false;
    return true;
}

/* True when both families were refused and IPv6 is to be asked for alone. Section 7.2, step 8: a request with
 * ADDITIONAL-ADDRESS-FAMILY is one for IPv4, which a server that lends IPv6 alone may refuse as a whole. */
static bool narrowed(it_turn_client *c, int code)
{
    if (code != 440 || !c->cfg.additional)
        return false;
    c->cfg.additional = false;
    c->cfg.family = IT_TURN_FAMILY6;
    return true;
}

static int allocate_done(it_turn_client *c, it_time now, const client_answer *a)
{
    if (c->state != IT_TURN_ALLOCATING)
        return 0;
    if (a->code == 0)
        return allocated(c, now, a->m);
    if (a->code == 300)
        return redirected(c, now, a);
    if (narrowed(c, a->code) || (a->m && without(c, a->code, a->m)))
        return it_turn_client_ask(c, now, IT_TURN_ASK_ALLOCATE, 0);
    return it_turn_client_failed(c, now, a->code, a->why);
}

/* --- Refresh --- */

/* RFC 8656 section 8.3. */
static int refresh_done(it_turn_client *c, it_time now, const client_answer *a)
{
    uint32_t seconds = 0;
    if (a->code)
        return it_turn_client_lost(c, now, a->code, a->why);
    if (it_stun_get_u32(a->m, IT_STUN_LIFETIME, &seconds) < 0 || seconds == 0)
        return it_turn_client_lost(c, now, 0, "the response has no lifetime (RFC 8656 section 8.2)");
    it_turn_client_lives(c, now, seconds);
    return 0;
}

static int delete_done(it_turn_client *c, it_time now)
{
    if (c->again)
        return it_turn_client_start(c, now);
    return it_turn_client_closed(c, now);
}

/* --- answers --- */

static int client_done(it_turn_client *c, it_time now, uint64_t tag, const client_answer *a)
{
    size_t i = (uint32_t)tag;
    switch ((enum it_turn_ask)(tag >> 32)) {
    case IT_TURN_ASK_ALLOCATE:
        return allocate_done(c, now, a);
    case IT_TURN_ASK_REFRESH:
        return refresh_done(c, now, a);
    case IT_TURN_ASK_DELETE:
        return delete_done(c, now); /* 437: it is gone, too */
    case IT_TURN_ASK_PERMIT:
        return it_turn_client_permit_done(c, now, i, a->code);
    case IT_TURN_ASK_CONNECT:
        return it_turn_client_connect_done(c, now, i, a->code, a->why, a->m);
    case IT_TURN_ASK_FETCH:
        return it_turn_client_fetch_done(c, now, i, a->code, a->why);
    case IT_TURN_ASK_MOVE:
        return it_turn_client_move_done(c, now, a->code, a->why, a->m);
    default:
        return it_turn_client_bind_done(c, now, i, a->code);
    }
}

int it_turn_client_timeout(it_turn_client *c, it_time now, uint64_t tag)
{
    enum it_turn_ask ask = (enum it_turn_ask)(tag >> 32);
    const char *why = c->tampered ? "responses were not authentic (RFC 8489 section 9.2.5)" : "no answer";
    if (ask == IT_TURN_ASK_ALLOCATE)
        return it_turn_client_failed(c, now, 408, why);
    if (ask == IT_TURN_ASK_REFRESH) { /* as long as it lives it can be refreshed; not at once, as an ICMP error that
                                         came back at once would come again */
        c->refresh = now + IT_TURN_RETRY;
        return 0;
    }
    return client_done(c, now, tag, &(client_answer){.code = 408, .why = why});
}

/* True when |m| has a comprehension-required attribute that is not known here. */
static bool not_understood(const it_stun_msg *m)
{
    static const uint16_t KNOWN[] = {IT_STUN_LIFETIME, IT_STUN_XOR_RELAYED_ADDRESS, IT_STUN_RESERVATION_TOKEN,
                                     IT_STUN_CONNECTION_ID};
    return it_stun_unknown(m, KNOWN, (int)(sizeof KNOWN / sizeof KNOWN[0]), NULL, 0) > 0;
}

/* What an authentic answer is worth: RFC 8489 sections 6.3.3 and 6.3.4. The code of the error, 0: success. */
static int client_code(const it_stun_msg *m)
{
    int code = 0;
    if (m->cls == IT_STUN_SUCCESS)
        return not_understood(m) ? 500 : 0;
    return it_stun_get_error(m, &code, NULL) == 0 ? code : 500;
}

static bool is_signed(const it_stun_msg *m)
{
    return it_stun_get(m, IT_STUN_MESSAGE_INTEGRITY) || it_stun_get(m, IT_STUN_MESSAGE_INTEGRITY_SHA256);
}

/* A response to the request |tag| is not authentic: RFC 8489 section 9.2.5. Over a stream no other one will come. */
static int client_discard(it_turn_client *c, it_time now, uint64_t tag, const it_stun_msg *m)
{
    c->tampered = true;
    if (!c->cfg.stream)
        return 0;
    it_stun_trans_end(c->trans, m->txid);
    return it_turn_client_timeout(c, now, tag);
}

/* The response |m| to the request |asked|, |tag|, as the credentials judge it. */
static int client_judged(it_turn_client *c, it_time now, uint64_t tag, const it_stun_msg *m, const it_stun_msg *asked)
{
    client_answer a = {.m = m, .authentic = is_signed(asked)};
    it_stun_longterm *lt = longterm_of(c, (enum it_turn_ask)(tag >> 32), (uint32_t)tag);
    enum it_stun_longterm_act act = it_stun_longterm_response(lt, m, asked->raw, &a.why);
    if (act == IT_STUN_LONGTERM_DISCARD)
        return client_discard(c, now, tag, m);
    it_stun_trans_end(c->trans, m->txid);
    if (act == IT_STUN_LONGTERM_RETRY)
        return it_turn_client_ask(c, now, (enum it_turn_ask)(tag >> 32), (uint32_t)tag);
    a.code = client_code(m);
    if (act == IT_STUN_LONGTERM_FAIL && tag >> 32 == IT_TURN_ASK_ALLOCATE)
        return it_turn_client_failed(c, now, a.code ? a.code : 401, a.why);
    return client_done(c, now, tag, &a);
}

int it_turn_client_response(it_turn_client *c, it_time now, uint32_t flow, const it_stun_msg *m)
{
    it_io request;
    uint64_t tag;
    it_stun_msg asked;
    if (!it_stun_trans_find(c->trans, m->txid, &tag, &request, NULL, NULL))
        return 0;
    if (request.flow != flow || it_stun_parse(&asked, request.data) < 0 || asked.method != m->method)
        return 0;
    if (m->cls == IT_STUN_SUCCESS || !not_understood(m))
        return client_judged(c, now, tag, m, &asked);
    /* RFC 8489 section 6.3.4: it has failed, whatever else it says. */
    it_stun_trans_end(c->trans, m->txid);
    client_answer a = {.code = 500, .why = "an error response is not understood (RFC 8489 section 6.3.4)"};
    return client_done(c, now, tag, &a);
}
