/* The way of packets: from clients to peers and back, with what their IP headers say (RFC 8656 sections 11 to 16). */
#include "stack/turn/server/impl.h"

static const it_bytes NOTHING = {NULL, 0};

/* The allocation of |leg| that can relay; IT_TURN_NONE. */
static uint32_t relaying(it_turn_server *s, const it_turn_leg *leg)
{
    uint32_t i = it_turn_table_find(&s->t, leg);
    if (i == IT_TURN_NONE || it_turn_allocation_at(&s->t, i)->waiting > 0) {
        s->stats.denied++;
        return IT_TURN_NONE;
    }
    if (it_turn_allocation_at(&s->t, i)->moving)
        it_turn_moved(s, i, leg);
    return i;
}

/* RFC 8656 section 21.1.7: a hop less, so that nothing goes round for ever. False when none is left. */
static bool take_hop(it_turn_server *s, it_io_meta *meta)
{
    if (meta->ttl == 0)
        return true; /* not known */
    meta->ttl--;
    s->stats.dropped += meta->ttl == 0;
    return meta->ttl > 0;
}

/* The header of what goes to the peer: sections 13 to 15. */
static it_io_meta meta_up(const it_turn_leg *leg, it_addr peer, it_io_meta in, bool dont_fragment)
{
    if (it_turn_leg_is_stream(leg))
        /* Section 15: Not-ECT, and the fixed value by default. */
        return (it_io_meta){.frag = !dont_fragment};
    if (it_ip_is4(leg->remote.ip) && it_ip_is4(peer.ip))
        in.frag = in.frag && !dont_fragment; /* section 14 */
    else
        in.frag = it_ip_is4(peer.ip) || in.frag; /* section 13: DONT-FRAGMENT is ignored */
    return in;
}

/* Sends |data| from relay |r| to |peer|. */
static int to_peer(it_turn_server *s, it_time now, uint32_t r, it_addr peer, it_bytes data, it_io_meta meta)
{
    const it_turn_relay *relay = it_turn_relay_at(&s->t, r);
    it_io io = {.kind = IT_IO_DGRAM, .flow = IT_IO_BOUND_FLOW + r, .local = relay->addr, .remote = peer, .meta = meta};
    const it_bytes parts[3] = {data, NOTHING, NOTHING};
    if (!take_hop(s, &io.meta))
        return 0;
    if (!it_turn_table_pay(&s->t, now, relay->user, data.n)) {
        s->stats.quota++;
        return 0;
    }
    int err = it_turn_queue(s, &io, parts);
    if (err == 0) {
        s->stats.up++;
        s->stats.bytes_up += data.n;
    }
    return err == IT_ERR_NOMEM ? err : 0;
}

/* True when the peer of channel |c| may be sent to. A channel outlives its permission, which must be there. Its peer
 * may have been allowed and be so no longer. */
static bool channel_allowed(it_turn_server *s, it_time now, uint32_t c)
{
    it_turn_channel *ch = it_turn_channel_at(&s->t, c);
    if (ch->permitted <= now || !it_turn_peer_allowed(s, ch->peer, false))
        return false;
    ch->judged = s->t.epoch;
    return true;
}

/* RFC 8656 section 12.6. */
int it_turn_from_channel(it_turn_server *s, it_time now, const it_turn_leg *leg, it_bytes d, it_io_meta meta)
{
    uint16_t number;
    it_bytes data;
    if (it_turn_channel_read_5766(d, &number, &data) < 0) /* one that could not be bound is nobody's */
        return 0;
    uint32_t i = relaying(s, leg);
    if (i == IT_TURN_NONE)
        return 0;
    uint32_t c = it_turn_table_channel(&s->t, i, number);
    if (c == IT_TURN_NONE || !channel_allowed(s, now, c)) {
        s->stats.denied++;
        return 0;
    }
    const it_turn_channel *ch = it_turn_channel_at(&s->t, c);
    return to_peer(s, now, ch->relay, ch->peer, data, meta_up(leg, ch->peer, meta, false));
}

/* RFC 8656 section 11.2. */
int it_turn_from_send(it_turn_server *s, it_time now, const it_turn_leg *leg, const it_stun_msg *m, it_io_meta meta)
{
    static const uint16_t KNOWN[] = {IT_STUN_XOR_PEER_ADDRESS, IT_STUN_DATA_ATTR, IT_STUN_DONT_FRAGMENT};
    const it_stun_attr *to = it_stun_get(m, IT_STUN_XOR_PEER_ADDRESS), *data = it_stun_get(m, IT_STUN_DATA_ATTR);
    bool df = it_stun_get(m, IT_STUN_DONT_FRAGMENT) != NULL;
    uint16_t unknown[1];
    it_addr peer;
    if (!to || !data || it_turn_addr_at(m, (uint32_t)(to - m->attrs), &peer) < 0)
        return 0;
    /* RFC 8489 section 6.3.2 */
    if (it_stun_unknown(m, KNOWN, s->cfg.no_dont_fragment ? 2 : 3, unknown, 1) > 0)
        return 0;
    uint32_t i = relaying(s, leg);
    if (i == IT_TURN_NONE)
        return 0;
    uint32_t r = it_turn_relay_for(s, i, peer.ip);
    if (r == IT_TURN_NONE || it_turn_relay_at(&s->t, r)->tcp || !it_turn_table_permitted(&s->t, r, peer.ip) ||
        !it_turn_peer_allowed(s, peer, false)) {
        s->stats.denied++;
        return 0;
    }
    return to_peer(s, now, r, peer, data->value, meta_up(leg, peer, meta, df));
}

/* The header of a Data indication from |peer|, up to and with that of DATA for |n| bytes. */
static it_bytes data_head(it_turn_server *s, it_addr peer, size_t n, uint8_t *buf, size_t cap)
{
    uint8_t txid[IT_STUN_TXID];
    it_buf b;
    it_rng_bytes(&s->rng, txid, sizeof txid);
    it_buf_init(&b, buf, cap);
    it_stun_begin(&b, IT_STUN_INDICATION, IT_STUN_DATA, txid);
    it_stun_put_addr(&b, IT_STUN_XOR_PEER_ADDRESS, peer);
    it_buf_u16(&b, IT_STUN_DATA_ATTR);
    it_buf_u16(&b, (uint16_t)n);
    it_put16(buf + 2, (uint16_t)(b.len - IT_STUN_HEADER + ((n + 3) & ~(size_t)3)));
    return it_bytes_of(buf, b.len);
}

/* Sends |data| of |peer| to the client of relay |r|: by channel where there is one (section 11.3). */
static int to_client(it_turn_server *s, it_time now, uint32_t r, it_addr peer, it_bytes data, it_io_meta meta)
{
    static const uint8_t ZEROS[3];
    uint8_t head[64];
    uint32_t c = it_turn_table_channel_to(&s->t, r, peer);
    const it_turn_allocation *a = it_turn_allocation_at(&s->t, it_turn_relay_at(&s->t, r)->allocation);
    it_bytes parts[3] = {NOTHING, data, NOTHING};
    if (a->cut) {
        s->stats.dropped++;
        return IT_ERR_FULL;
    }
    if (c != IT_TURN_NONE) {
        it_turn_channel_head(head, it_turn_channel_at(&s->t, c)->number, data.n);
        parts[0] = it_bytes_of(head, IT_TURN_CHANNEL_HEAD);
    } else {
        parts[0] = data_head(s, peer, data.n, head, sizeof head);
        parts[2] = it_bytes_of(ZEROS, (4 - data.n % 4) % 4);
    }
    /* Section 13.3: no DF towards IPv4 of what came over IPv6. */
    if (it_ip_is4(a->leg.remote.ip) && !it_ip_is4(peer.ip))
        meta.frag = true;
    return it_turn_send(s, now, &a->leg, parts, meta, IT_TURN_STREAM_KEEP);
}

int it_turn_from_peer(it_turn_server *s, it_time now, const it_io *in)
{
    uint32_t r = it_turn_table_by_flow(&s->t, in->flow);
    it_io_meta meta = in->meta;
    if (r == IT_TURN_NONE)
        return 0;
    const it_turn_relay *relay = it_turn_relay_at(&s->t, r);
    if (it_turn_allocation_at(&s->t, relay->allocation)->waiting > 0)
        return 0;
    /* RFC 8656 section 9: by address, not by port. */
    if (!it_turn_table_permitted(&s->t, r, in->remote.ip)) {
        s->stats.denied++;
        return 0;
    }
    if (in->data.n > IT_TURN_FRAME_MAX - 64 || !take_hop(s, &meta))
        return 0;
    if (!it_turn_table_pay(&s->t, now, relay->user, in->data.n)) {
        s->stats.quota++;
        return 0;
    }
    int err = to_client(s, now, r, in->remote, in->data, meta);
    if (err == 0) {
        s->stats.down++;
        s->stats.bytes_down += in->data.n;
    }
    return err == IT_ERR_NOMEM ? err : 0;
}

/* RFC 8656 section 11.5: destination unreachable and time exceeded; of IPv6 packet too big, too. */
static bool is_relayed_icmp(const it_io *in)
{
    if (it_ip_is4(in->remote.ip))
        return in->icmp.type == 3 || in->icmp.type == 11;
    return in->icmp.type >= 1 && in->icmp.type <= 3;
}

/* RFC 8656 section 18.13: the MTU of the types that tell one. */
static uint32_t icmp_mtu(const it_io *in)
{
    bool tells = it_ip_is4(in->remote.ip) ? in->icmp.type == 3 && in->icmp.code == 4 : in->icmp.type == 2;
    return tells ? in->icmp.mtu : 0;
}

int it_turn_from_icmp(it_turn_server *s, it_time now, const it_io *in)
{
    uint8_t buf[128], txid[IT_STUN_TXID];
    it_buf b;
    uint32_t r = in->flow < IT_IO_BOUND_FLOW ? IT_TURN_NONE : it_turn_table_by_flow(&s->t, in->flow);
    if (r == IT_TURN_NONE || !is_relayed_icmp(in) || !it_turn_table_permitted(&s->t, r, in->remote.ip))
        return 0;
    const it_turn_allocation *a = it_turn_allocation_at(&s->t, it_turn_relay_at(&s->t, r)->allocation);
    if (a->waiting > 0 || a->cut)
        return 0;
    it_rng_bytes(&s->rng, txid, sizeof txid);
    it_buf_init(&b, buf, sizeof buf);
    it_stun_begin(&b, IT_STUN_INDICATION, IT_STUN_DATA, txid);
    it_stun_put_addr(&b, IT_STUN_XOR_PEER_ADDRESS, in->remote);
    it_turn_put_icmp(&b, in->icmp.type, in->icmp.code, icmp_mtu(in));
    int n = it_stun_end(&b);
    if (n < 0)
        return 0;
    const it_bytes parts[3] = {it_bytes_of(buf, (size_t)n), NOTHING, NOTHING};
    int err = it_turn_send(s, now, &a->leg, parts, (it_io_meta){.frag = true}, IT_TURN_STREAM_KEEP);
    return err == IT_ERR_NOMEM ? err : 0;
}
