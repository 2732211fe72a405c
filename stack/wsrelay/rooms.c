/* The rooms of a relay, what passes between the two in one, and what is told of them. */
#include "stack/wsrelay/server_impl.h"

enum { REPLACED = 4000 };

/* --- what is told --- */

/* A tale of |kind| of |client|, which the caller fills. */
it_wsrelay_tale *it_wsr_tell(it_wsrelay_server *s, enum it_wsrelay_tale_kind kind, it_addr client)
{
    it_wsrelay_tale *t = &s->tales[s->told++ % IT_WSRELAY_TALES];
    if (s->told - s->heard > IT_WSRELAY_TALES)
        s->heard = s->told - IT_WSRELAY_TALES;
    *t = (it_wsrelay_tale){.kind = kind, .client = client};
    return t;
}

/* The same of a client that is in a room. */
static void it_wsr_tell_room(it_wsrelay_server *s, enum it_wsrelay_tale_kind kind, const relay_link *l)
{
    it_wsrelay_tale *t = it_wsr_tell(s, kind, l->s.remote);
    memcpy(t->room, l->room, sizeof t->room);
    memcpy(t->name, l->name, sizeof t->name);
}

int it_wsrelay_server_tale(it_wsrelay_server *s, it_wsrelay_tale *tale)
{
    if (s->heard == s->told)
        return 0;
    *tale = s->tales[s->heard++ % IT_WSRELAY_TALES];
    return 1;
}

/* --- rooms --- */

static bool in_room(const relay_link *l, it_bytes room)
{
    return l && l->room[0] && !l->gone && it_bytes_eq(it_bytes_str(l->room), room);
}

/* Takes link |i| out of its room; the other one is told. */
void it_wsr_leave(it_wsrelay_server *s, size_t i)
{
    relay_link *l = s->v[i];
    if (!l->room[0] || l->gone)
        return;
    l->gone = true;
    it_wsr_tell_room(s, IT_WSRELAY_TALE_LEFT, l);
    if (l->peer == NOBODY) {
        s->stats.rooms--;
        return;
    }
    relay_link *p = s->v[l->peer];
    it_bits_add(&s->busy, (uint32_t)l->peer);
    p->peer = l->peer = NOBODY;
    p->here = false;
    p->away = true; /* behind what it has sent */
}

/* The status that a request for |room| by |name| gets, which who has that name makes place for; |*other| is who else is
 * there. */
int it_wsr_judge(it_wsrelay_server *s, it_bytes room, it_bytes name, int *other)
{
    int there = 0;
    *other = NOBODY;
    for (size_t i = 0; i < s->n; i++) {
        if (!in_room(s->v[i], room))
            continue;
        if (it_bytes_eq(it_bytes_str(s->v[i]->name), name)) {
            if (s->v[i]->ws.ops)
                it_ws_close(&s->v[i]->ws, s->now, REPLACED);
            it_bits_add(&s->busy, (uint32_t)i);
            it_wsr_leave(s, i);
            s->stats.replaced++;
            continue;
        }
        there++;
        *other = (int)i;
    }
    if (there > 1)
        return 409;
    return there == 0 && s->stats.rooms >= s->cfg.rooms ? 503 : 101;
}

void it_wsr_enter(it_wsrelay_server *s, size_t i, it_bytes room, it_bytes name, int other)
{
    relay_link *l = s->v[i];
    memcpy(l->room, room.p, room.n);
    memcpy(l->name, name.p, name.n);
    l->peer = other;
    s->stats.joined++;
    it_wsr_tell_room(s, IT_WSRELAY_TALE_JOINED, l);
    s->stats.rooms += other == NOBODY;
    if (other == NOBODY)
        return;
    it_bits_add(&s->busy, (uint32_t)other);
    s->v[other]->peer = (int)i;
    l->here = s->v[other]->here = true;
}

/* --- datagrams --- */

/* The datagram |message| goes to the other one in the room. */
int it_wsr_relay(it_wsrelay_server *s, relay_link *from, it_bytes message)
{
    if (from->peer == NOBODY)
        return 0;
    relay_link *to = s->v[from->peer];
    uint32_t before = to->q.dropped;
    it_bits_add(&s->busy, (uint32_t)from->peer);
    s->stats.relayed++;
    s->stats.bytes += message.n - 1;
    int err = it_wsrelay_queue_put(&to->q, s->cfg.alloc, s->now, message, IT_WSRELAY_QUEUE);
    from->lost += to->q.dropped - before;
    s->stats.dropped += to->q.dropped - before;
    return err;
}

/* Drops what has waited too long for |l|. */
void it_wsr_age(it_wsrelay_server *s, relay_link *l)
{
    uint32_t before = l->q.dropped;
    it_wsrelay_queue_age(&l->q, s->cfg.alloc, s->now - s->cfg.age);
    s->stats.dropped += l->q.dropped - before;
    if (l->peer != NOBODY && !l->away)
        s->v[l->peer]->lost += l->q.dropped - before;
}
