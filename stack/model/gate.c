/* The gate: a table of vouched places and a short queue of what came too early. */
#include "stack/model/gate.h"

#include <string.h>

const char *it_gate_reason_name(enum it_gate_reason r)
{
    static const char *const names[IT_GATE_REASONS] = {"unvouched", "no_room", "base_gone"};
    return names[r];
}

void it_gate_init(it_gate *g, it_alloc *alloc)
{
    *g = (it_gate){.alloc = alloc};
}

void it_gate_fini(it_gate *g)
{
    for (size_t i = 0; i < g->n_held; i++)
        it_free(g->alloc, g->held[i].data);
    it_free(g->alloc, g->taken);
    it_free(g->alloc, g->held);
    it_free(g->alloc, g->places);
    it_gate_init(g, g->alloc);
}

/* --- places --- */

static bool place_is(const it_gate_place *p, int flow, it_addr remote)
{
    return p->flow == flow && it_addr_eq(p->remote, remote);
}

static void place_remove(it_gate *g, size_t i)
{
    memmove(&g->places[i], &g->places[i + 1], (g->n_places - i - 1) * sizeof *g->places);
    g->n_places--;
}

static void places_expire(it_gate *g, it_time now)
{
    for (size_t i = g->n_places; i-- > 0;)
        if (now >= g->places[i].until)
            place_remove(g, i);
}

void it_gate_revoke(it_gate *g, int flow, it_addr remote)
{
    for (size_t i = g->n_places; i-- > 0;)
        if (place_is(&g->places[i], flow, remote))
            place_remove(g, i);
}

static bool gate_knows(const it_gate *g, int flow, it_addr remote)
{
    for (int i = 0; i < g->n_known; i++)
        if (place_is(&g->known[i], flow, remote))
            return true;
    return false;
}

void it_gate_know(it_gate *g, int flow, it_addr remote)
{
    if (gate_knows(g, flow, remote))
        return;
    g->known[g->known_at] = (it_gate_place){.flow = flow, .remote = remote, .until = IT_NEVER};
    g->known_at = (g->known_at + 1) % IT_GATE_KNOWN;
    if (g->n_known < IT_GATE_KNOWN)
        g->n_known++;
}

void it_gate_restart(it_gate *g)
{
    for (size_t i = 0; i < g->n_places; i++)
        g->places[i].earlier = true;
}

void it_gate_settle(it_gate *g, it_time until)
{
    for (size_t i = 0; i < g->n_places; i++)
        if (g->places[i].earlier && until < g->places[i].until)
            g->places[i].until = until;
}

bool it_gate_vouched(const it_gate *g, it_time now, int flow, it_addr remote)
{
    for (size_t i = 0; i < g->n_places; i++)
        if (place_is(&g->places[i], flow, remote))
            return now < g->places[i].until;
    return false;
}

/* --- what is held --- */

/* Takes held datagram |i| out of the queue; its bytes are the caller's. */
static uint8_t *held_remove(it_gate *g, size_t i)
{
    uint8_t *data = g->held[i].data;
    memmove(&g->held[i], &g->held[i + 1], (g->n_held - i - 1) * sizeof *g->held);
    g->n_held--;
    return data;
}

static void held_drop(it_gate *g, size_t i, enum it_gate_reason why)
{
    g->dropped[why]++;
    it_free(g->alloc, held_remove(g, i));
}

/* What has waited long enough goes, unless somebody vouches for it by now. */
static void held_expire(it_gate *g, it_time now)
{
    for (size_t i = g->n_held; i-- > 0;) {
        const it_gate_held *h = &g->held[i];
        if (now - h->at >= IT_GATE_WAIT && !it_gate_vouched(g, now, h->flow, h->remote))
            held_drop(g, i, IT_GATE_UNVOUCHED);
    }
}

/* True when base |flow| may hold |bytes| more. */
static bool held_fits(const it_gate *g, int flow, size_t bytes)
{
    int n = 1;
    for (size_t i = 0; i < g->n_held; i++) {
        if (g->held[i].flow != flow)
            continue;
        n++;
        bytes += g->held[i].n;
    }
    return n <= IT_GATE_EARLY && bytes <= IT_GATE_EARLY_BYTES;
}

/* The oldest datagram that base |flow| holds from a place nobody knows: its index, or -1. */
static int held_unknown(const it_gate *g, int flow)
{
    for (size_t i = 0; i < g->n_held; i++)
        if (g->held[i].flow == flow && !gate_knows(g, flow, g->held[i].remote))
            return (int)i;
    return -1;
}

/* Makes room for |in|: what comes from where authentic checks came displaces what does not. */
static bool held_make_room(it_gate *g, const it_io *in)
{
    int flow = (int)in->flow;
    if (held_fits(g, flow, in->data.n))
        return true;
    if (in->data.n > IT_GATE_EARLY_BYTES || !gate_knows(g, flow, in->remote))
        return false;
    while (!held_fits(g, flow, in->data.n)) {
        int i = held_unknown(g, flow);
        if (i < 0)
            return false;
        held_drop(g, (size_t)i, IT_GATE_NO_ROOM);
    }
    return true;
}

static int gate_hold(it_gate *g, it_time now, const it_io *in)
{
    if (it_grow(g->alloc, &g->held, &g->cap_held, g->n_held + 1, sizeof *g->held) < 0)
        return IT_ERR_NOMEM;
    uint8_t *copy = it_malloc(g->alloc, in->data.n);
    if (!copy)
        return IT_ERR_NOMEM;
    memcpy(copy, in->data.p, in->data.n);
    g->held[g->n_held++] = (it_gate_held){
        .flow = (int)in->flow, .local = in->local, .remote = in->remote, .at = now, .n = in->data.n, .data = copy};
    return IT_GATE_HELD;
}

void it_gate_drop_base(it_gate *g, int flow)
{
    for (size_t i = g->n_places; i-- > 0;)
        if (g->places[i].flow == flow)
            place_remove(g, i);
    for (size_t i = g->n_held; i-- > 0;)
        if (g->held[i].flow == flow)
            held_drop(g, i, IT_GATE_BASE_GONE);
    for (int i = g->n_known; i-- > 0;)
        if (g->known[i].flow == flow)
            g->known[i].flow = -1;
}

/* --- the way through --- */

int it_gate_vouch(it_gate *g, it_time now, int flow, it_addr remote)
{
    held_expire(g, now); /* before the vouch, which comes too late for them */
    places_expire(g, now);
    it_gate_revoke(g, flow, remote);
    if (g->n_places == IT_GATE_PLACES)
        place_remove(g, 0);
    if (it_grow(g->alloc, &g->places, &g->cap_places, g->n_places + 1, sizeof *g->places) < 0)
        return IT_ERR_NOMEM;
    g->places[g->n_places++] = (it_gate_place){.flow = flow, .remote = remote, .until = IT_NEVER};
    return 0;
}

int it_gate_input(it_gate *g, it_time now, const it_io *in)
{
    if (it_gate_vouched(g, now, (int)in->flow, in->remote))
        return IT_GATE_PASS;
    if (in->data.n == 0)
        return IT_GATE_REFUSED;
    held_expire(g, now);
    if (!held_make_room(g, in)) {
        g->dropped[IT_GATE_NO_ROOM]++;
        return IT_GATE_REFUSED;
    }
    return gate_hold(g, now, in);
}

int it_gate_take(it_gate *g, it_time now, it_io *out)
{
    it_free(g->alloc, g->taken);
    g->taken = NULL;
    held_expire(g, now);
    for (size_t i = 0; i < g->n_held; i++) {
        it_gate_held h = g->held[i];
        if (!it_gate_vouched(g, now, h.flow, h.remote))
            continue;
        g->taken = held_remove(g, i);
        *out = (it_io){.kind = IT_IO_DGRAM,
                       .flow = (uint32_t)h.flow,
                       .local = h.local,
                       .remote = h.remote,
                       .data = it_bytes_of(g->taken, h.n)};
        return 1;
    }
    return 0;
}

uint64_t it_gate_dropped(const it_gate *g)
{
    uint64_t n = 0;
    for (int i = 0; i < IT_GATE_REASONS; i++)
        n += g->dropped[i];
    return n;
}
