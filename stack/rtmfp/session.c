/* Sessions: slots, how they are found, how they begin and end. */
#include "stack/rtmfp/impl.h"

#include <stdio.h>

static void addr_key(uint64_t key[3], it_addr a)
{
    key[0] = a.ip.hi;
    key[1] = a.ip.lo;
    key[2] = a.port;
}

static void print_key(uint64_t key[4], const uint8_t *print)
{
    for (int i = 0; i < 4; i++)
        key[i] = it_get64(print + 8 * i);
}

static it_rtmfp_session *slot_of(const it_rtmfp *r, uint32_t slot)
{
    return slot == IT_MAP_NONE ? NULL : r->slot[slot];
}

it_rtmfp_session *it_rtmfp_session_no(const it_rtmfp *r, uint32_t no)
{
    return slot_of(r, it_map_get(&r->by_no, &(uint64_t){no}));
}

it_rtmfp_session *it_rtmfp_session_sid(const it_rtmfp *r, uint32_t sid)
{
    return slot_of(r, it_map_get(&r->by_sid, &(uint64_t){sid}));
}

it_rtmfp_session *it_rtmfp_session_at(const it_rtmfp *r, it_addr a)
{
    uint64_t key[3];
    addr_key(key, a);
    return slot_of(r, it_map_get(&r->by_addr, key));
}

uint32_t it_rtmfp_find(const it_rtmfp *r, const uint8_t print[IT_RTMFP_PRINT])
{
    uint64_t key[4];
    print_key(key, print);
    const it_rtmfp_session *s = slot_of(r, it_map_get(&r->by_print, key));
    return s ? s->no : 0;
}

uint32_t it_rtmfp_select(const it_rtmfp *r, it_bytes epd)
{
    it_rtmfp_epd e;
    if (it_rtmfp_epd_read(&e, epd))
        return 0;
    if (e.has_print)
        return e.print.n == IT_RTMFP_PRINT ? it_rtmfp_find(r, e.print.p) : 0;
    for (uint32_t i = 0; i < r->slots; i++) {
        const it_rtmfp_session *s = r->slot[i];
        if (s && s->state == IT_RTMFP_OPENED && it_rtmfp_epd_selects(&e, &s->far))
            return s->no;
    }
    return 0;
}

/* An ID that no other session has (RFC 7016 section 3.5.1.1.1); 0: no randomness. */
static uint32_t session_sid(it_rtmfp *r, it_time now)
{
    for (;;) {
        uint8_t b[4];
        int err = it_rtmfp_random(&r->rng, now, b, sizeof b);
        it_rtmfp_note(r, err);
        uint32_t sid = it_get32(b);
        if (err)
            return 0;
        if (sid && !it_rtmfp_session_sid(r, sid))
            return sid;
    }
}

it_rtmfp_session *it_rtmfp_session_new(it_rtmfp *r, it_time now, enum it_rtmfp_state state)
{
    uint32_t slot = 0;
    while (slot < r->slots && r->slot[slot])
        slot++;
    if (slot == r->slots)
        return NULL;
    uint32_t sid = session_sid(r, now);
    if (!sid)
        return NULL;
    it_rtmfp_session *s = it_calloc(r->alloc, 1, sizeof(it_rtmfp_session));
    if (!s) {
        it_rtmfp_note(r, IT_ERR_NOMEM);
        return NULL;
    }
    s->no = ++r->last_no;
    s->slot = slot;
    s->state = state;
    s->rx_sid = sid;
    s->mob_tx = s->mob_rx = s->forwarded_at = IT_RTMFP_LONG_AGO;
    const uint64_t by_no = s->no, by_sid = sid;
    int err = it_map_put(&r->by_no, &by_no, slot);
    if (err == 0)
        err = it_map_put(&r->by_sid, &by_sid, slot);
    it_rtmfp_note(r, err);
    r->slot[slot] = s;
    if (err) {
        it_rtmfp_session_drop(r, s);
        return NULL;
    }
    return s;
}

void it_rtmfp_opening_free(it_rtmfp *r, it_rtmfp_session *s)
{
    it_rtmfp_opening *o = s->opening;
    if (!o)
        return;
    for (size_t i = 0; i < o->early_n; i++)
        it_free(r->alloc, o->early[i].p);
    it_free(r->alloc, o);
    s->opening = NULL;
}

/* Takes an open session out of the indices by address and peer. */
static void session_hide(it_rtmfp *r, const it_rtmfp_session *s)
{
    uint64_t addr[3], print[4];
    addr_key(addr, s->path.remote);
    if (it_map_get(&r->by_addr, addr) == s->slot)
        it_map_del(&r->by_addr, addr);
    print_key(print, s->far.print);
    if (it_map_get(&r->by_print, print) != s->slot)
        return;
    it_map_del(&r->by_print, print);
    for (uint32_t i = 0; i < r->slots; i++) { /* another session of the same peer may be there */
        const it_rtmfp_session *o = r->slot[i];
        if (!o || o == s || o->state != IT_RTMFP_OPENED || memcmp(o->far.print, s->far.print, IT_RTMFP_PRINT) != 0)
            continue;
        it_rtmfp_note(r, it_map_put(&r->by_print, print, i));
        return;
    }
}

void it_rtmfp_session_drop(it_rtmfp *r, it_rtmfp_session *s)
{
    if (s->state >= IT_RTMFP_OPENED)
        session_hide(r, s);
    const uint64_t by_no = s->no, by_sid = s->rx_sid;
    it_map_del(&r->by_no, &by_no);
    it_map_del(&r->by_sid, &by_sid);
    it_tourney_set(&r->due, s->slot, IT_NEVER, s->slot);
    it_bits_del(&r->ready, s->slot);
    it_rtmfp_flows_fini(&s->flows);
    r->slot[s->slot] = NULL;
    it_rtmfp_opening_free(r, s);
    it_rtmfp_keys_wipe(&s->keys);
    it_free(r->alloc, s->far_raw);
    it_free(r->alloc, s->answer);
    it_free(r->alloc, s);
}

int it_rtmfp_session_far(it_rtmfp *r, it_rtmfp_session *s, it_bytes raw)
{
    s->far_raw = it_malloc(r->alloc, raw.n);
    if (!s->far_raw)
        return IT_ERR_NOMEM;
    memcpy(s->far_raw, raw.p, raw.n);
    return it_rtmfp_cert_read(&s->far, it_bytes_of(s->far_raw, raw.n));
}

/* Puts an open session into the indices. */
static int session_show(it_rtmfp *r, const it_rtmfp_session *s)
{
    uint64_t addr[3], print[4];
    addr_key(addr, s->path.remote);
    print_key(print, s->far.print);
    int err = it_map_put(&r->by_addr, addr, s->slot);
    return err ? err : it_map_put(&r->by_print, print, s->slot);
}

/* Tells by what packets to session ID |sid| can be read. */
static void session_tell_key(it_rtmfp *r, const it_rtmfp_session *s, uint32_t sid, const uint8_t aes[IT_RTMFP_KEY],
                             int mac, bool seq)
{
    char line[96], key[2 * IT_RTMFP_KEY + 1];
    uint8_t *data;
    int n = snprintf(line, sizeof line, "RTMFP %08x %s %d %d", sid, it_bytes_hex(it_bytes_of(aes, IT_RTMFP_KEY), key),
                     mac, seq);
    it_rtmfp_event ev = {.kind = IT_RTMFP_EV_SECRET, .session = s->no, .data = it_bytes_of(line, (size_t)n)};
    int err = it_rtmfp_events_put(&r->events, &ev, &data);
    if (err == 0)
        memcpy(data, line, (size_t)n);
    it_rtmfp_note(r, err);
}

int it_rtmfp_session_open(it_rtmfp *r, it_time now, it_rtmfp_session *s, const it_rtmfp_agreed *a)
{
    int err = it_rtmfp_keys_init(&s->keys, &a->secrets);
    if (err)
        return err;
    s->state = IT_RTMFP_OPENED;
    memcpy(s->near_nonce, a->near_nonce, sizeof s->near_nonce);
    memcpy(s->far_nonce, a->far_nonce, sizeof s->far_nonce);
    it_rtmfp_rtt_init(&s->rtt);
    it_rtmfp_flows_init(&s->flows, r->alloc, &r->events, &s->rtt, &r->shared, s->no);
    if (r->cfg.window)
        s->flows.window = r->cfg.window;
    s->opened_at = s->rx_at = s->tx_at = now;
    err = session_show(r, s);
    if (err)
        return err;
    if (r->cfg.tell_keys && s->initiator) {
        session_tell_key(r, s, s->rx_sid, a->secrets.decrypt, a->secrets.mac_rx_size, a->secrets.seq_rx);
        session_tell_key(r, s, s->tx_sid, a->secrets.encrypt, a->secrets.mac_tx_size, a->secrets.seq_tx);
    }
    it_rtmfp_event ev = {
        .kind = IT_RTMFP_EV_OPEN, .session = s->no, .initiator = s->initiator, .path = s->path, .print = s->far.print};
    it_rtmfp_tell(r, &ev);
    it_rtmfp_session_arm(r, now, s);
    return 0;
}

void it_rtmfp_session_move(it_rtmfp *r, it_rtmfp_session *s, const it_rtmfp_path *path)
{
    uint64_t key[3];
    addr_key(key, s->path.remote);
    if (it_map_get(&r->by_addr, key) == s->slot)
        it_map_del(&r->by_addr, key);
    s->path = *path;
    addr_key(key, s->path.remote);
    it_rtmfp_note(r, it_map_put(&r->by_addr, key, s->slot));
}

void it_rtmfp_session_kill(it_rtmfp *r, it_time now, it_rtmfp_session *s, enum it_rtmfp_cause cause, bool say)
{
    it_rtmfp_tell_end(r, s, IT_RTMFP_EV_CLOSED, cause);
    if (!say) {
        it_rtmfp_session_drop(r, s);
        return;
    }
    /* RFC 7016 section 3.5.5: a Close Ack, and S_CLOSED; it lingers all the same, in case the Ack is lost. */
    uint8_t chunk[IT_RTMFP_CHUNK_HEAD];
    it_buf b;
    it_buf_init(&b, chunk, sizeof chunk);
    it_rtmfp_plain_put(&b, IT_RTMFP_CLOSE_ACK, it_bytes_of(NULL, 0));
    it_rtmfp_note(r, it_rtmfp_queue_session(r, s, it_bytes_of(b.p, b.len)));
    session_hide(r, s);
    it_rtmfp_flows_fini(&s->flows); /* section 3.5.5: flows only exist in open sessions */
    s->state = IT_RTMFP_FARCLOSE_LINGER;
    s->close_end = now + IT_RTMFP_CLOSE_LINGER;
    it_rtmfp_session_arm(r, now, s);
}

void it_rtmfp_session_arm(it_rtmfp *r, it_time now, it_rtmfp_session *s)
{
    it_time at;
    if (s->state <= IT_RTMFP_KEYING_SENT)
        at = it_rtmfp_initiate_next(s);
    else
        at = it_rtmfp_inside_next(r, now, s);
    it_tourney_set(&r->due, s->slot, at, s->slot);
}

int it_rtmfp_close(it_rtmfp *r, it_time now, uint32_t session)
{
    it_rtmfp_session *s = it_rtmfp_session_no(r, session);
    if (!s)
        return IT_ERR_NOTFOUND;
    if (s->state > IT_RTMFP_OPENED)
        return IT_ERR_STATE;
    r->err = 0;
    if (s->state < IT_RTMFP_OPENED) {
        it_rtmfp_tell_end(r, s, IT_RTMFP_EV_FAILED, IT_RTMFP_CAUSE_NEAR);
        it_rtmfp_session_drop(r, s);
        return r->err;
    }
    session_hide(r, s);
    it_rtmfp_flows_fini(&s->flows);
    s->state = IT_RTMFP_NEARCLOSE;
    s->close_due = now;
    s->close_end = now + IT_RTMFP_CLOSE_END;
    it_rtmfp_inside_tick(r, now, s);
    return r->err;
}

int it_rtmfp_abort(it_rtmfp *r, it_time now, uint32_t session)
{
    it_rtmfp_session *s = it_rtmfp_session_no(r, session);
    if (!s)
        return IT_ERR_NOTFOUND;
    if (s->state < IT_RTMFP_OPENED)
        return it_rtmfp_close(r, now, session);
    if (s->state > IT_RTMFP_OPENED)
        return IT_ERR_STATE;
    r->err = 0;
    it_rtmfp_session_kill(r, now, s, IT_RTMFP_CAUSE_NEAR, true);
    return r->err;
}

int it_rtmfp_describe(const it_rtmfp *r, uint32_t session, it_rtmfp_info *out)
{
    const it_rtmfp_session *s = it_rtmfp_session_no(r, session);
    if (!s)
        return IT_ERR_NOTFOUND;
    *out = (it_rtmfp_info){.state = s->state,
                           .initiator = s->initiator,
                           .path = s->path,
                           .srtt = s->rtt.has_srtt ? s->rtt.srtt : 0,
                           .erto = s->rtt.erto,
                           .unanswered = s->pinging ? s->ping_first : IT_NEVER,
                           .mac_tx = s->keys.mac_tx_size,
                           .mac_rx = s->keys.mac_rx_size,
                           .seq_tx = s->keys.seq_tx,
                           .seq_rx = s->keys.seq_rx};
    memcpy(out->print, s->far.print, sizeof out->print);
    memcpy(out->near_nonce, s->near_nonce, sizeof out->near_nonce);
    memcpy(out->far_nonce, s->far_nonce, sizeof out->far_nonce);
    return 0;
}

int it_rtmfp_trust(it_rtmfp *r, uint32_t session)
{
    it_rtmfp_session *s = it_rtmfp_session_no(r, session);
    if (!s)
        return IT_ERR_NOTFOUND;
    s->trusted = true;
    return 0;
}
