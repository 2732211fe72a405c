/* What the hostile host writes: a table of shapes, a maker each. */
#include "lab/apps/attacker.h"

#include "stack/stun/auth.h"

#include <string.h>

typedef struct watched {
    const it_node *host;
    it_attack_flow v[IT_ATTACK_FLOWS]; /* the latest first */
    int n;
} watched;

struct it_attacker {
    it_alloc *alloc;
    it_rng rng;
    watched hosts[IT_ATTACK_HOSTS];
    int n_hosts;
};

it_attacker *it_attacker_new(it_alloc *alloc, uint64_t seed, const char *name)
{
    it_attacker *a = it_calloc(alloc, 1, sizeof *a);
    if (!a)
        return NULL;
    a->alloc = alloc;
    it_rng_init(&a->rng, seed, name);
    return a;
}

void it_attacker_free(it_attacker *a)
{
    if (a)
        it_free(a->alloc, a);
}

/* --- what it sees --- */

static watched *watched_of(it_attacker *a, const it_node *host)
{
    for (int i = 0; i < a->n_hosts; i++)
        if (a->hosts[i].host == host)
            return &a->hosts[i];
    if (a->n_hosts == IT_ATTACK_HOSTS)
        return NULL;
    a->hosts[a->n_hosts] = (watched){.host = host};
    return &a->hosts[a->n_hosts++];
}

/* Puts |remote| first. */
static it_attack_flow *flow_first(watched *w, it_addr remote)
{
    int i = 0;
    while (i < w->n && !it_addr_eq(w->v[i].remote, remote))
        i++;
    it_attack_flow f = {.remote = remote};
    if (i < w->n)
        f = w->v[i];
    else if (w->n < IT_ATTACK_FLOWS)
        w->n++;
    else
        i--;
    memmove(&w->v[1], &w->v[0], (size_t)i * sizeof w->v[0]);
    w->v[0] = f;
    return &w->v[0];
}

it_bytes it_attacker_overhears(const it_seen_packet *s)
{
    const it_bytes nothing = {NULL, 0};
    if (s->kind != IT_SEEN_SEND || !s->packet || s->packet->proto != 17)
        return nothing;
    if (strcmp(s->node->ops->kind, "host") != 0)
        return nothing;
    return it_pkt_payload(s->packet);
}

static void attacker_see(void *self, const it_seen_packet *s)
{
    it_bytes data = it_attacker_overhears(s);
    watched *w = data.p ? watched_of(self, s->node) : NULL;
    if (!w)
        return;
    it_attack_flow *f = flow_first(w, it_addr_of(s->packet->dst, s->packet->dport));
    it_stun_msg m;
    if (it_stun_is(data) && it_stun_parse(&m, data) == 0 && m.cls == IT_STUN_REQUEST) {
        f->asked = true;
        memcpy(f->txid, m.txid, sizeof f->txid);
    }
}

it_observer it_attacker_observer(it_attacker *a)
{
    return (it_observer){a, attacker_see};
}

int it_attacker_flows(const it_attacker *a, const it_node *host, it_ip self, it_attack_flow out[IT_ATTACK_FLOWS])
{
    int n = 0;
    for (int i = 0; i < a->n_hosts; i++) {
        if (a->hosts[i].host != host)
            continue;
        for (int k = 0; k < a->hosts[i].n; k++) {
            it_addr r = a->hosts[i].v[k].remote;
            if (r.port != 3478 && !it_ip_eq(r.ip, self))
                out[n++] = a->hosts[i].v[k];
        }
    }
    return n;
}

/* --- what it writes: records --- */

enum { CCS = 20, ALERT = 21, HANDSHAKE = 22, DATA = 23 };

static void noise(it_attacker *a, uint8_t *p, size_t n)
{
    it_rng_bytes(&a->rng, p, n);
}

/* The header of a record with |n| bytes in it; its number is any. Returns its size. */
static size_t attacker_record(it_attacker *a, uint8_t *out, int type, int epoch, size_t n)
{
    static const uint8_t version[] = {0xfe, 0xfd};
    out[0] = (uint8_t)type;
    memcpy(out + 1, version, 2);
    out[3] = 0;
    out[4] = (uint8_t)epoch;
    memset(out + 5, 0, 4);
    noise(a, out + 9, 2);
    out[11] = (uint8_t)(n >> 8);
    out[12] = (uint8_t)n;
    return 13;
}

static size_t clear_record(it_attacker *a, uint8_t *out, int type, const void *body, size_t n)
{
    size_t at = attacker_record(a, out, type, 0, n);
    memcpy(out + at, body, n);
    return at + n;
}

static size_t noise_record(it_attacker *a, uint8_t *out, int type, int epoch, size_t n)
{
    size_t at = attacker_record(a, out, type, epoch, n);
    noise(a, out + at, n);
    return at + n;
}

/* A handshake message of |type| and number |seq|: |n| bytes of noise, of |length| in all. */
static size_t message(it_attacker *a, uint8_t *out, int type, int seq, size_t length, size_t n)
{
    size_t at = attacker_record(a, out, HANDSHAKE, 0, 12 + n);
    uint8_t *m = out + at;
    memset(m, 0, 12);
    m[0] = (uint8_t)type;
    m[2] = (uint8_t)(length >> 8);
    m[3] = (uint8_t)length;
    m[5] = (uint8_t)seq;
    m[10] = (uint8_t)(n >> 8);
    m[11] = (uint8_t)n;
    noise(a, m + 12, n);
    return at + 12 + n;
}

/* A ClientHello in order: DTLS 1.2, a random of noise, two suites, the extensions that our servers want. */
static size_t hello(it_attacker *a, uint8_t *out)
{
    static const uint8_t tail[] = "\0\0\0\x08\xc0\x2b\xc0\x2c\xcc\xa9\0\xff\1\0\0\x24\0\x0b\0\4\3\0\1\2\0\x0a\0\6\0\4\0"
                                  "\x17\0\x1d\0\x16\0\0\0\x17\0\0\0\x0d\0\6\0\4\4\3\5\3";
    size_t n = 2 + 32 + sizeof tail - 1;
    size_t size = message(a, out, 1, 0, n, n);
    uint8_t *body = out + size - n;
    body[0] = 0xfe;
    body[1] = 0xfd;
    memcpy(body + 34, tail, sizeof tail - 1);
    return size;
}

static size_t any_handshake(it_attacker *a, uint8_t *out, bool whole)
{
    static const int types[] = {1, 2, 11, 12, 13, 14, 15, 16, 20};
    int type = types[it_rng_below(&a->rng, sizeof types / sizeof *types)];
    int seq = (int)it_rng_below(&a->rng, 7);
    size_t n = 1 + (size_t)it_rng_below(&a->rng, 200);
    return message(a, out, type, seq, whole ? n : n + 300, n);
}

/* --- and messages --- */

static size_t stun(it_attacker *a, enum it_attack_shape shape, const uint8_t *answered, uint8_t *out)
{
    uint8_t txid[IT_STUN_TXID];
    it_buf b;
    it_hmac_key key;
    it_addr any = it_addr_of(it_ip4(0xc6336407), 5000);
    bool response = shape == IT_ATTACK_RESPONSE || shape == IT_ATTACK_BARE || shape == IT_ATTACK_ERROR;
    noise(a, txid, sizeof txid);
    memcpy(txid, IT_ATTACK_TXID, 4);
    if (response && answered)
        memcpy(txid, answered, sizeof txid);
    it_buf_init(&b, out, IT_ATTACK_MAX);
    enum it_stun_class cls = IT_STUN_REQUEST;
    if (response)
        cls = shape == IT_ATTACK_ERROR ? IT_STUN_ERROR : IT_STUN_SUCCESS;
    if (shape == IT_ATTACK_INDICATION)
        cls = IT_STUN_INDICATION;
    it_stun_begin(&b, cls, IT_STUN_BINDING, txid);
    if (shape == IT_ATTACK_CHECK || shape == IT_ATTACK_SIGNED) {
        it_stun_put(&b, IT_STUN_USERNAME, it_bytes_str("aaaa:bbbb"));
        it_stun_put_u32(&b, IT_STUN_PRIORITY, INT32_MAX);
        it_stun_put_u64(&b, IT_STUN_ICE_CONTROLLING, UINT64_MAX);
    }
    if (shape == IT_ATTACK_SIGNED)
        it_stun_put(&b, IT_STUN_USE_CANDIDATE, it_bytes_of(NULL, 0));
    if (cls == IT_STUN_ERROR)
        it_stun_put_error(&b, 487, NULL);
    if (cls == IT_STUN_SUCCESS)
        it_stun_put_addr(&b, IT_STUN_XOR_MAPPED_ADDRESS, any);
    if (shape == IT_ATTACK_SIGNED || shape == IT_ATTACK_RESPONSE || shape == IT_ATTACK_ERROR) {
        it_stun_key_short(&key, it_bytes_str("the attacker's own password"));
        it_stun_put_integrity(&b, &key);
    }
    it_stun_put_fingerprint(&b);
    int n = it_stun_end(&b);
    return n > 0 ? (size_t)n : 0;
}

static const char *const SHAPES[IT_ATTACK_SHAPES] = {
    "alert",    "close", "junk",    "data",  "big",    "epoch",    "short", "hello", "hello_junk", "handshake",
    "fragment", "ccs",   "binding", "check", "signed", "response", "bare",  "error", "indication", "noise"};

const char *it_attack_shape_name(int shape)
{
    return shape >= 0 && shape < IT_ATTACK_SHAPES ? SHAPES[shape] : NULL;
}

size_t it_attacker_make(it_attacker *a, enum it_attack_shape shape, const uint8_t *txid, uint8_t out[IT_ATTACK_MAX])
{
    size_t n;
    switch (shape) {
    case IT_ATTACK_ALERT:
        return clear_record(a, out, ALERT, "\2\x28", 2);
    case IT_ATTACK_CLOSE:
        return clear_record(a, out, ALERT, "\1\0", 2);
    case IT_ATTACK_JUNK:
        return noise_record(a, out, DATA, 0, 40);
    case IT_ATTACK_DATA:
        return noise_record(a, out, DATA, 1, 60);
    case IT_ATTACK_BIG:
        return noise_record(a, out, DATA, 1, IT_ATTACK_MAX - 13);
    case IT_ATTACK_EPOCH:
        return noise_record(a, out, DATA, 7, 60);
    case IT_ATTACK_SHORT:
        return noise_record(a, out, DATA, 1, (size_t)it_rng_below(&a->rng, 25));
    case IT_ATTACK_HELLO:
        return hello(a, out);
    case IT_ATTACK_HELLO_JUNK:
        n = (size_t)it_rng_below(&a->rng, 120);
        return message(a, out, 1, 0, n, n);
    case IT_ATTACK_HANDSHAKE:
        return any_handshake(a, out, true);
    case IT_ATTACK_FRAGMENT:
        return any_handshake(a, out, false);
    case IT_ATTACK_CCS:
        return clear_record(a, out, CCS, "\1", 1);
    case IT_ATTACK_NOISE:
        n = 1 + (size_t)it_rng_below(&a->rng, 300);
        noise(a, out, n);
        return n;
    default:
        return stun(a, shape, txid, out);
    }
}
