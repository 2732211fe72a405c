/* The client's peers: permissions, channels, data (RFC 8656 sections 9 to 12). */
#include "stack/turn/client_impl.h"

static const it_bytes NOTHING = {NULL, 0};

static uint64_t tag_of(enum it_turn_ask ask, size_t i)
{
    return (uint64_t)ask << 32 | i;
}

void it_turn_client_forget_peers(it_turn_client *c)
{
    for (size_t i = 0; i < c->n_permissions; i++)
        it_stun_trans_end_tag(c->trans, tag_of(IT_TURN_ASK_PERMIT, i));
    for (size_t i = 0; i < c->n_channels; i++)
        it_stun_trans_end_tag(c->trans, tag_of(IT_TURN_ASK_BIND, i));
    for (size_t i = 0; i < IT_TURN_CLIENT_HELD; i++)
        c->held[i].used = false;
    c->n_permissions = c->n_channels = 0;
    c->next_number = IT_TURN_CHANNEL_FIRST;
}

/* True when |state| waits for an answer. */
static bool is_asked(uint8_t state)
{
    return state == IT_TURN_GRANT_ASKED || state == IT_TURN_GRANT_REFRESHING;
}

void it_turn_client_peers_hold(it_turn_client *c)
{
    for (size_t i = 0; i < c->n_permissions; i++)
        it_stun_trans_end_tag(c->trans, tag_of(IT_TURN_ASK_PERMIT, i));
    for (size_t i = 0; i < c->n_channels; i++)
        it_stun_trans_end_tag(c->trans, tag_of(IT_TURN_ASK_BIND, i));
}

int it_turn_client_peers_again(it_turn_client *c, it_time now)
{
    int err = 0;
    for (size_t i = 0; i < c->n_permissions && err == 0; i++)
        if (is_asked(c->permissions[i].state))
            err = it_turn_client_ask(c, now, IT_TURN_ASK_PERMIT, i);
    for (size_t i = 0; i < c->n_channels && err == 0; i++)
        if (is_asked(c->channels[i].state))
            err = it_turn_client_ask(c, now, IT_TURN_ASK_BIND, i);
    return err;
}

/* --- permissions --- */

static it_turn_client_permission *find_permission(const it_turn_client *c, it_ip ip)
{
    for (size_t i = 0; i < c->n_permissions; i++)
        if (c->permissions[i].state != IT_TURN_GRANT_NONE && it_ip_eq(c->permissions[i].ip, ip))
            return &c->permissions[i];
    return NULL;
}

/* A place for a permission in |*i|. Returns 0, IT_ERR_FULL or IT_ERR_NOMEM. */
static int permission_place(it_turn_client *c, size_t *i)
{
    size_t refused = IT_TURN_CLIENT_PEERS;
    *i = 0;
    while (*i < c->n_permissions && c->permissions[*i].state != IT_TURN_GRANT_NONE) {
        if (c->permissions[*i].state == IT_TURN_GRANT_REFUSED && refused == IT_TURN_CLIENT_PEERS)
            refused = *i;
        ++*i;
    }
    if (*i == IT_TURN_CLIENT_PEERS)
        *i = refused;
    if (*i == IT_TURN_CLIENT_PEERS)
        return IT_ERR_FULL;
    if (it_grow(c->cfg.alloc, &c->permissions, &c->cap_permissions, *i + 1, sizeof *c->permissions) < 0)
        return IT_ERR_NOMEM;
    c->n_permissions = *i < c->n_permissions ? c->n_permissions : *i + 1;
    return 0;
}

int it_turn_client_permit(it_turn_client *c, it_time now, it_ip ip)
{
    size_t i;
    if (c->state != IT_TURN_ALLOCATED)
        return IT_ERR_STATE;
    it_turn_client_permission *p = find_permission(c, ip);
    if (p && p->state != IT_TURN_GRANT_REFUSED) {
        if (p->dropped && p->state == IT_TURN_GRANT_GIVEN && p->refresh == IT_NEVER)
            p->refresh = now; /* it was let go when its refresh was due */
        p->dropped = false;
        return 0;
    }
    int err = 0;
    if (p)
        i = (size_t)(p - c->permissions);
    else
        err = permission_place(c, &i);
    if (err < 0)
        return err;
    c->permissions[i] =
        (it_turn_client_permission){.state = IT_TURN_GRANT_ASKED, .ip = ip, .refresh = IT_NEVER, .expiry = IT_NEVER};
    if (!c->moving) /* else it is asked for when it has moved */
        err = it_turn_client_ask(c, now, IT_TURN_ASK_PERMIT, i);
    if (err < 0)
        c->permissions[i].state = IT_TURN_GRANT_NONE;
    return err;
}

void it_turn_client_forget(it_turn_client *c, it_ip ip)
{
    it_turn_client_permission *p = find_permission(c, ip);
    if (p)
        p->dropped = true;
}

/* Sends what has waited for |ip|, or with |drop| does not. */
static int release_held(it_turn_client *c, it_time now, it_ip ip, bool drop)
{
    int err = 0;
    for (size_t i = 0; i < IT_TURN_CLIENT_HELD && err != IT_ERR_NOMEM; i++) {
        it_turn_client_held *h = &c->held[i];
        if (!h->used || !it_ip_eq(h->peer.ip, ip))
            continue;
        h->used = false;
        if (!drop)
            err = it_turn_client_send(c, now, h->peer, it_bytes_of(h->data.p, h->data.n), h->df);
    }
    return err == IT_ERR_NOMEM ? err : 0;
}

static void permission_given(it_turn_client_permission *p, it_time now)
{
    p->state = IT_TURN_GRANT_GIVEN;
    p->refresh = now + IT_TURN_PERMISSION_REFRESH;
    p->expiry = now + 300 * IT_SEC;
}

/* There is no permission. One that was there and could not be refreshed lasts on, and is asked for again. */
static int permit_missed(it_turn_client *c, it_time now, size_t i, int code)
{
    it_turn_client_permission *p = &c->permissions[i];
    if (p->state == IT_TURN_GRANT_REFRESHING && code == 408 && p->expiry > now) {
        p->state = IT_TURN_GRANT_GIVEN;
        p->refresh = now + IT_TURN_RETRY;
        return 0;
    }
    it_turn_client_event ev = {.kind = IT_TURN_CLIENT_REFUSED, .code = code, .peer = {p->ip, 0}};
    p->state = IT_TURN_GRANT_REFUSED;
    p->expiry = now + IT_TURN_REFUSED;
    int err = release_held(c, now, p->ip, true);
    return err < 0 ? err : it_turn_client_say(c, &ev);
}

int it_turn_client_permit_done(it_turn_client *c, it_time now, size_t i, int code)
{
    it_turn_client_permission *p = &c->permissions[i];
    bool known = p->state == IT_TURN_GRANT_REFRESHING;
    if (code == 437)
        return it_turn_client_lost(c, now, code, NULL);
    if (code)
        return permit_missed(c, now, i, code);
    permission_given(p, now);
    if (known)
        return 0;
    int err = it_turn_client_say(c, &(it_turn_client_event){.kind = IT_TURN_CLIENT_PERMITTED, .peer = {p->ip, 0}});
    return err < 0 ? err : release_held(c, now, p->ip, false);
}

/* --- channels --- */

static it_turn_client_channel *find_channel(const it_turn_client *c, it_addr peer)
{
    for (size_t i = 0; i < c->n_channels; i++)
        if (it_addr_eq(c->channels[i].peer, peer))
            return &c->channels[i];
    return NULL;
}

/* The channel, bound or not, to |peer|; NULL without room, and with IT_ERR_NOMEM in |*err| without memory. */
static it_turn_client_channel *add_channel(it_turn_client *c, it_addr peer, int *err)
{
    it_turn_client_channel *ch = find_channel(c, peer);
    *err = 0;
    if (ch || c->n_channels == IT_TURN_CLIENT_PEERS)
        return ch;
    *err = it_grow(c->cfg.alloc, &c->channels, &c->cap_channels, c->n_channels + 1, sizeof *c->channels);
    if (*err < 0)
        return NULL;
    ch = &c->channels[c->n_channels++];
    *ch = (it_turn_client_channel){.peer = peer, .refresh = IT_NEVER, .expiry = IT_NEVER};
    return ch;
}

/* Asks for |ch|. A number that was used once is not used again for another peer (section 12: not before five minutes
 * have passed). */
static int channel_ask(it_turn_client *c, it_time now, it_turn_client_channel *ch)
{
    if (ch->number == 0) {
        if (!it_turn_channel_valid(c->next_number))
            return IT_ERR_FULL;
        ch->number = c->next_number++;
    }
    ch->state = it_turn_granted(ch->state) ? IT_TURN_GRANT_REFRESHING : IT_TURN_GRANT_ASKED;
    return c->moving ? 0 : it_turn_client_ask(c, now, IT_TURN_ASK_BIND, (size_t)(ch - c->channels));
}

/* True when peers may be sent datagrams. */
static bool may_address(const it_turn_client *c)
{
    return c->state == IT_TURN_ALLOCATED && !c->cfg.tcp;
}

int it_turn_client_bind(it_turn_client *c, it_time now, it_addr peer)
{
    int err;
    if (!may_address(c))
        return IT_ERR_STATE;
    it_turn_client_channel *ch = add_channel(c, peer, &err);
    if (!ch)
        return err ? err : IT_ERR_FULL;
    ch->used = now;
    err = it_turn_client_permit(c, now, peer.ip);
    if (err < 0 || ch->state != IT_TURN_GRANT_NONE)
        return err;
    return channel_ask(c, now, ch);
}

/* RFC 8656 section 12.3. */
int it_turn_client_bind_done(it_turn_client *c, it_time now, size_t i, int code)
{
    it_turn_client_channel *ch = &c->channels[i];
    if (code == 437)
        return it_turn_client_lost(c, now, code, NULL);
    if (code == 400) { /* out of step with the server: delete, and start afresh */
        c->again = c->cfg.persist;
        it_turn_client_forget_peers(c);
        c->state = IT_TURN_DELETING;
        it_turn_client_event ev = {.kind = IT_TURN_CLIENT_LOST, .code = code, .why = it_stun_reason(code)};
        int err = it_turn_client_say(c, &ev);
        return err < 0 ? err : it_turn_client_ask(c, now, IT_TURN_ASK_DELETE, 0);
    }
    if (code == 408 && ch->state == IT_TURN_GRANT_REFRESHING && ch->expiry > now) {
        ch->state = IT_TURN_GRANT_GIVEN; /* it lasts on, and is asked for again */
        ch->refresh = now + IT_TURN_RETRY;
        return 0;
    }
    if (code) {
        ch->state = IT_TURN_GRANT_REFUSED; /* Send indications go on */
        ch->expiry = now + IT_TURN_REFUSED;
        return 0;
    }
    ch->state = IT_TURN_GRANT_GIVEN;
    ch->refresh = now + IT_TURN_CHANNEL_REFRESH;
    ch->expiry = now + 600 * IT_SEC;
    it_turn_client_permission *p = find_permission(c, ch->peer.ip);
    if (p && it_turn_granted(p->state)) /* section 12.1: it is refreshed as well */
        permission_given(p, now);
    return 0;
}

/* --- data out --- */

static int send_by_channel(it_turn_client *c, it_time now, uint16_t number, it_bytes data)
{
    uint8_t head[IT_TURN_CHANNEL_HEAD];
    it_turn_channel_head(head, number, data.n);
    const it_bytes parts[3] = {it_bytes_of(head, sizeof head), data, NOTHING};
    return it_turn_client_put(c, now, parts);
}

/* RFC 8656 section 11.1. */
static int send_by_indication(it_turn_client *c, it_time now, it_addr peer, it_bytes data, bool df)
{
    static const uint8_t ZEROS[3];
    uint8_t head[80], txid[IT_STUN_TXID];
    size_t pad = (4 - data.n % 4) % 4;
    it_buf b;
    it_rng_bytes(&c->rng, txid, sizeof txid);
    it_buf_init(&b, head, sizeof head);
    it_stun_begin(&b, IT_STUN_INDICATION, IT_STUN_SEND, txid);
    it_stun_put_addr(&b, IT_STUN_XOR_PEER_ADDRESS, peer);
    if (df)
        it_stun_put(&b, IT_STUN_DONT_FRAGMENT, NOTHING);
    it_buf_u16(&b, IT_STUN_DATA_ATTR);
    it_buf_u16(&b, (uint16_t)data.n);
    it_put16(head + 2, (uint16_t)(b.len - IT_STUN_HEADER + data.n + pad));
    const it_bytes parts[3] = {it_bytes_of(head, b.len), data, it_bytes_of(ZEROS, pad)};
    return it_turn_client_put(c, now, parts);
}

/* Keeps |data| until |peer| has a permission. Returns 0, IT_ERR_FULL or IT_ERR_NOMEM. */
static int hold(it_turn_client *c, it_addr peer, it_bytes data, bool df)
{
    const it_bytes parts[3] = {data, NOTHING, NOTHING};
    for (size_t i = 0; i < IT_TURN_CLIENT_HELD; i++) {
        it_turn_client_held *h = &c->held[i];
        if (h->used)
            continue;
        int err = it_turn_client_fill(c, &h->data, parts);
        h->used = err == 0;
        h->peer = peer;
        h->df = df;
        return err;
    }
    return IT_ERR_FULL;
}

/* Asks for a channel once |ch| is busy. */
static int count_sent(it_turn_client *c, it_time now, it_turn_client_channel *ch)
{
    ch->used = now;
    ch->sent++;
    if (!c->cfg.bind_after || ch->sent < c->cfg.bind_after || ch->state != IT_TURN_GRANT_NONE)
        return 0;
    return channel_ask(c, now, ch);
}

/* Sends to a peer that has a permission. */
static int send_permitted(it_turn_client *c, it_time now, it_addr peer, it_bytes data, bool df)
{
    int err = 0;
    it_turn_client_channel *ch = add_channel(c, peer, &err);
    if (err == 0 && ch)
        err = count_sent(c, now, ch);
    if (err == IT_ERR_NOMEM)
        return err;
    if (!df && ch && it_turn_granted(ch->state) && ch->expiry > now)
        return send_by_channel(c, now, ch->number, data);
    return send_by_indication(c, now, peer, data, df);
}

int it_turn_client_send(it_turn_client *c, it_time now, it_addr peer, it_bytes data, bool df)
{
    if (!may_address(c))
        return IT_ERR_STATE;
    if (data.n > IT_TURN_CLIENT_MESSAGE - 80)
        return IT_ERR_TOOBIG;
    const it_turn_client_permission *p = find_permission(c, peer.ip);
    if (p && p->state == IT_TURN_GRANT_REFUSED)
        return IT_ERR_PERM;
    if (c->moving) /* RFC 8016 section 3.2.2: not before the server has agreed */
        return IT_ERR_FULL;
    if (p && it_turn_granted(p->state))
        return send_permitted(c, now, peer, data, df);
    int err = it_turn_client_permit(c, now, peer.ip);
    return err < 0 ? err : hold(c, peer, data, df);
}

/* --- data in --- */

/* RFC 8656 sections 11.4, 12.6: only of those that have a permission. */
static bool expected(const it_turn_client *c, it_addr peer)
{
    const it_turn_client_permission *p = find_permission(c, peer.ip);
    return c->state == IT_TURN_ALLOCATED && p && it_turn_granted(p->state);
}

int it_turn_client_from_channel(it_turn_client *c, it_time now, it_bytes d)
{
    it_turn_client_event ev = {.kind = IT_TURN_CLIENT_DATA};
    uint16_t number;
    if (it_turn_channel_read(d, &number, &ev.data) < 0)
        return 0;
    for (size_t i = 0; i < c->n_channels; i++) {
        it_turn_client_channel *ch = &c->channels[i];
        if (ch->number != number)
            continue;
        /* Section 12: from the moment on that it was asked for. */
        ch->used = now;
        ev.peer = ch->peer;
        return expected(c, ev.peer) ? it_turn_client_say(c, &ev) : 0;
    }
    return 0;
}

int it_turn_client_from_indication(it_turn_client *c, it_time now, const it_stun_msg *m)
{
    static const uint16_t KNOWN[] = {IT_STUN_XOR_PEER_ADDRESS, IT_STUN_DATA_ATTR};
    it_turn_client_event ev = {.kind = IT_TURN_CLIENT_DATA};
    const it_stun_attr *data = it_stun_get(m, IT_STUN_DATA_ATTR);
    uint16_t unknown[1];
    (void)now;
    if (it_stun_unknown(m, KNOWN, 2, unknown, 1) > 0)
        return 0;
    if (it_stun_get_addr(m, IT_STUN_XOR_PEER_ADDRESS, &ev.peer) < 0 || !expected(c, ev.peer))
        return 0;
    if (data) {
        ev.data = data->value;
        return it_turn_client_say(c, &ev);
    }
    ev.kind = IT_TURN_CLIENT_ERROR;
    if (it_turn_get_icmp(m, &ev.icmp.type, &ev.icmp.code, &ev.icmp.mtu) < 0)
        return 0;
    return it_turn_client_say(c, &ev);
}

/* --- time --- */

/* What was given has expired, or what was refused may be asked for again. */
static bool grant_ended(uint8_t state, it_time expiry, it_time now)
{
    return (it_turn_granted(state) || state == IT_TURN_GRANT_REFUSED) && expiry <= now;
}

static int permission_tick(it_turn_client *c, it_time now, size_t i)
{
    it_turn_client_permission *p = &c->permissions[i];
    if (grant_ended(p->state, p->expiry, now)) {
        bool wanted = it_turn_granted(p->state) && !p->dropped;
        it_turn_client_event ev = {.kind = IT_TURN_CLIENT_REFUSED, .code = 408, .peer = {p->ip, 0}};
        it_stun_trans_end_tag(c->trans, tag_of(IT_TURN_ASK_PERMIT, i));
        p->state = IT_TURN_GRANT_NONE;
        return wanted ? it_turn_client_say(c, &ev) : 0;
    }
    if (p->state != IT_TURN_GRANT_GIVEN || p->refresh > now)
        return 0;
    p->refresh = IT_NEVER;
    if (p->dropped)
        return 0;
    p->state = IT_TURN_GRANT_REFRESHING;
    return it_turn_client_ask(c, now, IT_TURN_ASK_PERMIT, i);
}

/* Refreshes a channel that was used since it was bound last; another one ends, and keeps its number. */
static int channel_tick(it_turn_client *c, it_time now, size_t i)
{
    it_turn_client_channel *ch = &c->channels[i];
    if (grant_ended(ch->state, ch->expiry, now)) {
        it_stun_trans_end_tag(c->trans, tag_of(IT_TURN_ASK_BIND, i));
        ch->state = IT_TURN_GRANT_NONE;
        ch->expiry = IT_NEVER;
        ch->sent = 0;
        return 0;
    }
    if (ch->state != IT_TURN_GRANT_GIVEN || ch->refresh > now)
        return 0;
    ch->refresh = IT_NEVER;
    return now - ch->used < IT_TURN_CHANNEL_REFRESH ? channel_ask(c, now, ch) : 0;
}

int it_turn_client_peer_tick(it_turn_client *c, it_time now)
{
    int err = 0;
    for (size_t i = 0; i < c->n_permissions && err == 0; i++)
        err = permission_tick(c, now, i);
    for (size_t i = 0; i < c->n_channels && err == 0; i++)
        err = channel_tick(c, now, i);
    return err;
}

/* The earlier of |next| and what |state| waits for. */
static it_time grant_next(it_time next, uint8_t state, it_time refresh, it_time expiry)
{
    if (!it_turn_granted(state) && state != IT_TURN_GRANT_REFUSED)
        return next;
    if (state == IT_TURN_GRANT_GIVEN && refresh < next)
        next = refresh;
    return expiry < next ? expiry : next;
}

it_time it_turn_client_peer_next(const it_turn_client *c)
{
    it_time next = IT_NEVER;
    for (size_t i = 0; i < c->n_permissions; i++)
        next = grant_next(next, c->permissions[i].state, c->permissions[i].refresh, c->permissions[i].expiry);
    for (size_t i = 0; i < c->n_channels; i++)
        next = grant_next(next, c->channels[i].state, c->channels[i].refresh, c->channels[i].expiry);
    return next;
}
