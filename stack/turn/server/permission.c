/* Permissions and channels of the table (RFC 8656 sections 9 and 12). */
#include "stack/turn/server/allocation_impl.h"

typedef struct key3 {
    uint64_t w[3];
} key3;

static key3 permission_key(uint32_t r, it_ip ip)
{
    return (key3){{r, ip.hi, ip.lo}};
}

static key3 peer_key(uint32_t r, it_addr peer)
{
    return (key3){{(uint64_t)r << 16 | peer.port, peer.ip.hi, peer.ip.lo}};
}

static uint64_t number_key(uint32_t allocation, uint16_t number)
{
    return (uint64_t)allocation << 16 | number;
}

bool it_turn_table_permitted(const it_turn_table *t, uint32_t r, it_ip ip)
{
    return it_map_get3(&t->by_permission, r, ip.hi, ip.lo) != IT_MAP_NONE;
}

static int permission_add(it_turn_table *t, uint32_t r, it_ip ip, uint32_t *added)
{
    it_turn_relay *relay = it_turn_relay_at(t, r);
    if (relay->n_permissions >= t->limits.permissions)
        return IT_ERR_FULL;
    uint32_t p = it_turn_pool_take(&t->permissions, t->alloc);
    if (p == IT_TURN_NONE)
        return IT_ERR_NOMEM;
    if (it_map_put(&t->by_permission, permission_key(r, ip).w, p) < 0) {
        it_turn_pool_give(&t->permissions, p);
        return IT_ERR_NOMEM;
    }
    *it_turn_permission_at(t, p) = (it_turn_permission){r, relay->permissions, ip};
    relay->permissions = p;
    relay->n_permissions++;
    *added = p;
    return 0;
}

int it_turn_table_permit(it_turn_table *t, it_time now, uint32_t r, it_ip ip)
{
    uint32_t p = it_map_get(&t->by_permission, permission_key(r, ip).w);
    int err = p == IT_MAP_NONE ? permission_add(t, r, ip, &p) : 0;
    if (err < 0)
        return err;
    it_time end = now + IT_TURN_PERMISSION_LIFE;
    it_turn_pool_expires(t, &t->permissions, p, end);
    for (uint32_t c = it_turn_relay_at(t, r)->channels; c != IT_TURN_NONE; c = it_turn_channel_at(t, c)->next)
        if (it_ip_eq(it_turn_channel_at(t, c)->peer.ip, ip))
            it_turn_channel_at(t, c)->permitted = end;
    return 0;
}

void it_turn_permission_drop(it_turn_table *t, uint32_t p)
{
    const it_turn_permission *perm = it_turn_permission_at(t, p);
    it_turn_relay *relay = it_turn_relay_at(t, perm->relay);
    uint32_t *at = &relay->permissions;
    while (*at != p)
        at = &it_turn_permission_at(t, *at)->next;
    *at = perm->next;
    relay->n_permissions--;
    it_map_del(&t->by_permission, permission_key(perm->relay, perm->ip).w);
    it_turn_pool_give(&t->permissions, p);
}

/* Binds a channel whose peer has got its permission at |now|. */
static int channel_add(it_turn_table *t, it_time now, uint32_t r, uint16_t number, it_addr peer, uint32_t *added)
{
    it_turn_relay *relay = it_turn_relay_at(t, r);
    uint64_t key = number_key(relay->allocation, number);
    if (relay->n_channels >= t->limits.channels)
        return IT_ERR_FULL;
    uint32_t c = it_turn_pool_take(&t->channels, t->alloc);
    if (c == IT_TURN_NONE)
        return IT_ERR_NOMEM;
    bool ok = it_map_put(&t->by_number, &key, c) == 0;
    if (ok && it_map_put(&t->by_peer, peer_key(r, peer).w, c) < 0) {
        it_map_del(&t->by_number, &key);
        ok = false;
    }
    if (!ok) {
        it_turn_pool_give(&t->channels, c);
        return IT_ERR_NOMEM;
    }
    *it_turn_channel_at(t, c) = (it_turn_channel){.relay = r, .next = relay->channels, .number = number, .peer = peer};
    it_turn_channel_at(t, c)->permitted = now + IT_TURN_PERMISSION_LIFE;
    relay->channels = c;
    relay->n_channels++;
    *added = c;
    return 0;
}

int it_turn_table_bind(it_turn_table *t, it_time now, uint32_t r, uint16_t number, it_addr peer)
{
    uint32_t c = it_turn_table_channel_to(t, r, peer);
    int err = it_turn_table_permit(t, now, r, peer.ip);
    if (err == 0 && c == IT_TURN_NONE)
        err = channel_add(t, now, r, number, peer, &c);
    if (err == 0)
        it_turn_pool_expires(t, &t->channels, c, now + IT_TURN_CHANNEL_LIFE);
    return err;
}

void it_turn_channel_drop(it_turn_table *t, uint32_t c)
{
    const it_turn_channel *ch = it_turn_channel_at(t, c);
    it_turn_relay *relay = it_turn_relay_at(t, ch->relay);
    uint64_t key = number_key(relay->allocation, ch->number);
    uint32_t *at = &relay->channels;
    while (*at != c)
        at = &it_turn_channel_at(t, *at)->next;
    *at = ch->next;
    relay->n_channels--;
    it_map_del(&t->by_number, &key);
    it_map_del(&t->by_peer, peer_key(ch->relay, ch->peer).w);
    it_turn_pool_give(&t->channels, c);
}

void it_turn_relay_clear(it_turn_table *t, uint32_t r)
{
    it_turn_relay *relay = it_turn_relay_at(t, r);
    while (relay->channels != IT_TURN_NONE)
        it_turn_channel_drop(t, relay->channels);
    while (relay->permissions != IT_TURN_NONE)
        it_turn_permission_drop(t, relay->permissions);
}
