/* What leaves and what comes, remembered as far as the rule needs it. */
#include "lab/judge/watch.h"

#include "stack/stun/auth.h"

#include <stdio.h>
#include <string.h>

/* A check or probe that left, or a request that came: |local| is the E socket, |remote| the other end. */
typedef struct asked {
    it_addr local, remote;
    uint8_t txid[IT_STUN_TXID];
    bool out;
    int key; /* of the password that signed it; -1: none */
} asked;

/* The latest success on a pair of addresses. */
typedef struct permit {
    it_addr local, remote;
    it_time at;
    int key; /* of the password that signed it */
} permit;

struct it_watch {
    it_alloc *alloc;
    it_watch_sockets sockets;
    it_watch_verdict verdict;
    it_hmac_key *keys;
    uint64_t *hashes; /* of the passwords under the keys */
    size_t n_keys, cap_keys, cap_hashes;
    it_addr *servers;
    size_t n_servers, cap_servers;
    asked *asked;
    size_t n_asked, cap_asked;
    permit *permits;
    size_t n_permits, cap_permits;
};

it_watch *it_watch_new(it_alloc *alloc, it_watch_sockets sockets)
{
    it_watch *w = it_calloc(alloc, 1, sizeof *w);
    if (!w)
        return NULL;
    w->alloc = alloc;
    w->sockets = sockets;
    return w;
}

void it_watch_free(it_watch *w)
{
    if (!w)
        return;
    it_free(w->alloc, w->keys);
    it_free(w->alloc, w->hashes);
    it_free(w->alloc, w->servers);
    it_free(w->alloc, w->asked);
    it_free(w->alloc, w->permits);
    it_free(w->alloc, w);
}

/* Room for one more; remembers when there is none. */
static bool watch_room(it_watch *w, void *array, size_t *cap, size_t need, size_t size)
{
    if (it_grow(w->alloc, array, cap, need, size) == 0)
        return true;
    w->verdict.oom = true;
    return false;
}

void it_watch_password(it_watch *w, it_bytes password)
{
    uint64_t h = 0;
    for (size_t i = 0; i < password.n; i++)
        h = it_hash_mix(h, password.p[i]);
    for (size_t i = 0; i < w->n_keys; i++)
        if (w->hashes[i] == h)
            return;
    if (!watch_room(w, &w->keys, &w->cap_keys, w->n_keys + 1, sizeof *w->keys) ||
        !watch_room(w, &w->hashes, &w->cap_hashes, w->n_keys + 1, sizeof *w->hashes))
        return;
    it_stun_key_short(&w->keys[w->n_keys], password);
    w->hashes[w->n_keys++] = h;
}

void it_watch_server(it_watch *w, it_addr server)
{
    for (size_t i = 0; i < w->n_servers; i++)
        if (it_addr_eq(w->servers[i], server))
            return;
    if (watch_room(w, &w->servers, &w->cap_servers, w->n_servers + 1, sizeof *w->servers))
        w->servers[w->n_servers++] = server;
}

const it_watch_verdict *it_watch_judge(const it_watch *w)
{
    return &w->verdict;
}

/* --- records --- */

static bool watch_same(it_addr a, it_addr b, it_addr local, it_addr remote)
{
    return it_addr_eq(a, local) && it_addr_eq(b, remote);
}

static const asked *find_asked(const it_watch *w, bool out, it_addr local, it_addr remote, const uint8_t *txid)
{
    for (size_t i = w->n_asked; i-- > 0;) {
        const asked *q = &w->asked[i];
        if (q->out == out && memcmp(q->txid, txid, IT_STUN_TXID) == 0 && watch_same(q->local, q->remote, local, remote))
            return q;
    }
    return NULL;
}

static void note_asked(it_watch *w, bool out, it_addr local, it_addr remote, const it_stun_msg *m, int key)
{
    if (find_asked(w, out, local, remote, m->txid) ||
        !watch_room(w, &w->asked, &w->cap_asked, w->n_asked + 1, sizeof *w->asked))
        return;
    asked *q = &w->asked[w->n_asked++];
    *q = (asked){.local = local, .remote = remote, .out = out, .key = key};
    memcpy(q->txid, m->txid, IT_STUN_TXID);
}

static permit *find_permit(it_watch *w, it_addr local, it_addr remote)
{
    for (size_t i = 0; i < w->n_permits; i++)
        if (watch_same(w->permits[i].local, w->permits[i].remote, local, remote))
            return &w->permits[i];
    return NULL;
}

/* --- what comes --- */

/* The request of ours that |m| answers, signed with its password; NULL: none. */
static const asked *answered_by(const it_watch *w, it_addr local, it_addr remote, const it_stun_msg *m)
{
    if (m->cls != IT_STUN_SUCCESS)
        return NULL;
    const asked *q = find_asked(w, true, local, remote, m->txid);
    if (!q || q->key < 0)
        return NULL;
    return it_stun_check(m, &w->keys[q->key], NULL) == 0 ? q : NULL;
}

static void came(it_watch *w, it_time now, it_time life, it_addr local, it_addr remote, const it_stun_msg *m)
{
    if (m->method != IT_STUN_BINDING)
        return;
    if (m->cls == IT_STUN_REQUEST) {
        note_asked(w, false, local, remote, m, -1);
        return;
    }
    const asked *q = answered_by(w, local, remote, m);
    if (!q)
        return;
    permit *p = find_permit(w, local, remote);
    if (!p && watch_room(w, &w->permits, &w->cap_permits, w->n_permits + 1, sizeof *w->permits)) {
        p = &w->permits[w->n_permits++];
        *p = (permit){.local = local, .remote = remote, .at = now, .key = q->key};
    }
    /* RFC 7675 section 5.1: what has lapsed is not regained with the same credentials. */
    if (!p || (p->key == q->key && life != IT_NEVER && now >= p->at + life))
        return;
    p->at = now;
    p->key = q->key;
}

/* --- what leaves --- */

static bool is_server(const it_watch *w, it_addr a)
{
    for (size_t i = 0; i < w->n_servers; i++)
        if (it_addr_eq(w->servers[i], a))
            return true;
    return false;
}

/* The password that signed |m|; -1: none that a script gave. */
static int signer(const it_watch *w, const it_stun_msg *m)
{
    for (size_t i = w->n_keys; i-- > 0;) /* the latest is the likeliest */
        if (it_stun_check(m, &w->keys[i], NULL) == 0)
            return (int)i;
    return -1;
}

/* RFC 8445 section 7.1: what makes a Binding request a connectivity check, besides its credentials. */
static bool is_check(const it_stun_msg *m)
{
    static const uint16_t NEEDS[] = {IT_STUN_USERNAME, IT_STUN_PRIORITY, IT_STUN_FINGERPRINT};
    for (size_t i = 0; i < sizeof NEEDS / sizeof *NEEDS; i++)
        if (!it_stun_get(m, NEEDS[i]))
            return false;
    return it_stun_get(m, IT_STUN_ICE_CONTROLLING) || it_stun_get(m, IT_STUN_ICE_CONTROLLED);
}

/* A request that leaves: NULL when it may, else what is wrong. */
static const char *watch_request(it_watch *w, it_addr local, it_addr remote, const it_stun_msg *m)
{
    bool signed_ = it_stun_get(m, IT_STUN_MESSAGE_INTEGRITY) || it_stun_get(m, IT_STUN_MESSAGE_INTEGRITY_SHA256);
    if (m->method != IT_STUN_BINDING)
        return "a STUN request that is no Binding request";
    if (!signed_ && !it_stun_get(m, IT_STUN_USERNAME)) {
        if (!is_server(w, remote))
            return "a Binding request without credentials, to no configured STUN server";
        note_asked(w, true, local, remote, m, -1);
        return NULL;
    }
    int key = signer(w, m);
    if (key < 0 || !is_check(m))
        return "a Binding request that is no connectivity check";
    note_asked(w, true, local, remote, m, key);
    return NULL;
}

static const char *watch_fault(it_watch *w, it_addr local, it_addr remote, it_bytes data)
{
    it_stun_msg m;
    if (!it_stun_is(data) || it_stun_parse(&m, data) < 0)
        return "data";
    if (m.cls == IT_STUN_REQUEST)
        return watch_request(w, local, remote, &m);
    if (m.cls == IT_STUN_INDICATION)
        return "a STUN indication";
    return find_asked(w, false, local, remote, m.txid) ? NULL : "a response to a request that never came from there";
}

static void watch_left(it_watch *w, it_time now, const it_node *host, it_time life, const it_seen_packet *s,
                       it_bytes data)
{
    it_addr local = it_addr_of(s->packet->src, s->packet->sport), remote = it_addr_of(s->packet->dst, s->packet->dport);
    char text[IT_ADDR_TEXT];
    w->verdict.packets++;
    const char *wrong = watch_fault(w, local, remote, data); /* always: it remembers what was asked */
    const permit *p = find_permit(w, local, remote);
    if (!wrong || (p && (life == IT_NEVER || now <= p->at + life)))
        return;
    if (w->verdict.violations++)
        return;
    w->verdict.at = now;
    (void)snprintf(w->verdict.first, sizeof w->verdict.first, "%s: %zu bytes, %s, to %s, %s", host->name, data.n, wrong,
                   it_addr_text(remote, text), p ? "whose last success is too old" : "which has not succeeded");
}

/* The payload of a datagram that a host sends or receives; |p| is NULL for everything else. */
static it_bytes datagram_of(const it_seen_packet *s)
{
    const it_bytes nothing = {NULL, 0};
    if ((s->kind != IT_SEEN_SEND && s->kind != IT_SEEN_RECV) || !s->packet)
        return nothing;
    if (strcmp(s->node->ops->kind, "host") != 0)
        return nothing;
    return it_pkt_payload(s->packet);
}

static void watch_see(void *self, const it_seen_packet *s)
{
    it_watch *w = self;
    it_stun_msg m;
    bool out = s->kind == IT_SEEN_SEND;
    it_bytes data = datagram_of(s);
    if (!data.p)
        return;
    it_addr local = out ? it_addr_of(s->packet->src, s->packet->sport) : it_addr_of(s->packet->dst, s->packet->dport);
    it_time life = w->sockets.life(w->sockets.self, s->node, local);
    if (life == 0)
        return;
    it_time now = s->now; /* on the socket's own clock: it cannot know of a time in which that stood still */
    if (w->sockets.lag)
        now -= w->sockets.lag(w->sockets.self, s->node, local);
    if (out)
        watch_left(w, now, s->node, life, s, data);
    else if (it_stun_is(data) && it_stun_parse(&m, data) == 0)
        came(w, now, life, local, it_addr_of(s->packet->src, s->packet->sport), &m);
}

it_observer it_watch_observer(it_watch *w)
{
    return (it_observer){w, watch_see};
}
