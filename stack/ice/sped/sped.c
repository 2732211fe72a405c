/* DTLS in STUN: what waits to be embedded, what is acknowledged, and how far it is (draft-hancke-webrtc-sped-00). */
#include "stack/ice/sped/sped.h"

#include "base/cksum.h"

#include <string.h>

const char *it_sped_state_name(enum it_sped_state v)
{
    static const char *const NAMES[] = {"tentative", "confirmed", "finishing", "complete", "off"};
    return NAMES[v];
}

void it_sped_init(it_sped *s, it_alloc *alloc)
{
    *s = (it_sped){.alloc = alloc};
}

/* --- datagrams in a row --- */

static void datagram_remove(it_sped *s, it_sped_datagram *v, int *n, int i)
{
    it_free(s->alloc, v[i].data);
    memmove(&v[i], &v[i + 1], (size_t)(*n - i - 1) * sizeof *v);
    (*n)--;
}

/* Appends a copy of |d|; |*n| of them are below |cap|. */
static int datagram_add(it_sped *s, it_sped_datagram *v, int *n, it_bytes d)
{
    uint8_t *copy = it_malloc(s->alloc, d.n);
    if (!copy)
        return IT_ERR_NOMEM;
    memcpy(copy, d.p, d.n);
    v[(*n)++] = (it_sped_datagram){.data = copy, .n = d.n, .crc = it_crc32(d.p, d.n)};
    return 0;
}

static void pending_clear(it_sped *s)
{
    while (s->n_pending > 0)
        datagram_remove(s, s->pending, &s->n_pending, s->n_pending - 1);
    s->next = 0;
}

/* The far side has the datagram of that checksum. */
static void pending_prune(it_sped *s, uint32_t crc)
{
    for (int i = s->n_pending; i-- > 0;) {
        if (s->pending[i].crc != crc)
            continue;
        datagram_remove(s, s->pending, &s->n_pending, i);
        if (s->next > i)
            s->next--;
    }
}

static void came_clear(it_sped *s)
{
    while (s->n_came > 0)
        datagram_remove(s, s->came, &s->n_came, s->n_came - 1);
}

void it_sped_fini(it_sped *s)
{
    pending_clear(s);
    came_clear(s);
    it_free(s->alloc, s->taken);
    s->taken = NULL;
}

/* --- checksums in a row, the oldest of which give way --- */

static bool sums_have(const uint32_t *v, int n, uint32_t crc)
{
    for (int i = 0; i < n; i++)
        if (v[i] == crc)
            return true;
    return false;
}

static void sums_add(uint32_t *v, int *n, int cap, uint32_t crc)
{
    if (sums_have(v, *n, crc))
        return;
    if (*n == cap) {
        memmove(v, v + 1, (size_t)(cap - 1) * sizeof *v);
        (*n)--;
    }
    v[(*n)++] = crc;
}

static void sum_acknowledge(it_sped *s, uint32_t crc)
{
    sums_add(s->ack, &s->n_ack, IT_SPED_ACKS, crc);
    sums_add(s->seen, &s->n_seen, IT_SPED_SEEN, crc);
}

/* --- states --- */

bool it_sped_active(const it_sped *s)
{
    return s->state < IT_SPED_COMPLETE;
}

static void sped_close(it_sped *s, enum it_sped_state state)
{
    s->state = state;
    s->n_ack = 0;
    pending_clear(s);
}

void it_sped_end(it_sped *s)
{
    if (!it_sped_active(s))
        return;
    sped_close(s, IT_SPED_OFF);
    came_clear(s);
}

void it_sped_done(it_sped *s, bool client)
{
    if (!it_sped_active(s))
        return;
    /* Of DTLS 1.2 the server has the last flight, which is kept until it is acknowledged; that it came shows that the
     * client's has come. */
    if (client)
        pending_clear(s);
    s->state = IT_SPED_FINISHING;
}

void it_sped_media(it_sped *s)
{
    if (s->state == IT_SPED_FINISHING)
        sped_close(s, IT_SPED_COMPLETE);
}

/* --- the owner's datagrams --- */

/* RFC 7983 section 7; of a handshake: ChangeCipherSpec and Handshake records (RFC 6347 section 4.1), no alert and no
 * data. */
static bool is_handshake(it_bytes d)
{
    return d.n > 0 && (d.p[0] == 20 || d.p[0] == 22);
}

int it_sped_capture(it_sped *s, it_bytes datagram, bool first)
{
    if (!it_sped_active(s) || !is_handshake(datagram))
        return 0;
    if (first)
        pending_clear(s);
    if (s->n_pending == IT_SPED_PENDING)
        return 0;
    return datagram_add(s, s->pending, &s->n_pending, datagram);
}

bool it_sped_on_its_way(const it_sped *s)
{
    bool all = s->state != IT_SPED_OFF && s->sent > 0;
    for (int i = 0; i < s->n_pending; i++)
        all &= s->pending[i].left;
    return all;
}

void it_sped_heard(it_sped *s, it_bytes datagram)
{
    if (it_sped_active(s) && is_handshake(datagram))
        sum_acknowledge(s, it_crc32(datagram.p, datagram.n));
}

bool it_sped_next(it_sped *s, it_bytes *datagram)
{
    it_free(s->alloc, s->taken);
    s->taken = NULL;
    if (s->n_came == 0)
        return false;
    s->taken = s->came[0].data;
    *datagram = it_bytes_of(s->taken, s->came[0].n);
    if (it_sped_active(s))
        sum_acknowledge(s, s->came[0].crc);
    s->came[0].data = NULL; /* it is the owner's */
    datagram_remove(s, s->came, &s->n_came, 0);
    return true;
}

/* --- messages out --- */

/* The pending datagram whose turn it is, when it fits into |room| bytes; else the next one that does; -1: none. */
static int pending_fitting(const it_sped *s, size_t room)
{
    for (int i = 0; i < s->n_pending; i++) {
        int k = (s->next + i) % s->n_pending;
        if ((s->pending[k].n + 3) / 4 * 4 <= room)
            return k;
    }
    return -1;
}

static void put_data(it_sped *s, it_buf *b, size_t tail)
{
    size_t head = b->len + 4 + tail;
    int i = head < IT_SPED_MESSAGE ? pending_fitting(s, IT_SPED_MESSAGE - head) : -1;
    if (i >= 0) {
        it_stun_put(b, IT_STUN_DTLS_IN_STUN, it_bytes_of(s->pending[i].data, s->pending[i].n));
        s->pending[i].left = true;
        s->next = (i + 1) % s->n_pending;
        s->sent++;
    } else if (s->state != IT_SPED_FINISHING) {
        /* "Sending a STUN Binding Request or Response", step 3: empty, to show that it is there. libwebrtc takes its
         * absence, once the handshake is done, for the end. */
        it_stun_put(b, IT_STUN_DTLS_IN_STUN, it_bytes_of(NULL, 0));
    }
}

void it_sped_put(it_sped *s, it_buf *b, size_t tail)
{
    uint8_t acks[4 * IT_SPED_ACKS];
    if (!it_sped_active(s))
        return;
    for (int i = 0; i < s->n_ack; i++)
        it_put32(acks + 4 * i, s->ack[i]);
    it_stun_put(b, IT_STUN_DTLS_IN_STUN_ACK, it_bytes_of(acks, 4 * (size_t)s->n_ack));
    put_data(s, b, tail);
    if (s->ripe)
        sped_close(s, IT_SPED_COMPLETE);
}

/* --- messages in --- */

/* Prunes what |ack| (NULL: there is none), or the answer to |request|, says to have come. */
static void heed_acks(it_sped *s, const it_stun_attr *ack, const it_stun_msg *request)
{
    for (size_t i = 0; ack && i + 4 <= ack->value.n; i += 4)
        pending_prune(s, it_get32(ack->value.p + i));
    /* "When receiving a STUN Binding Response, there is an implicit acknowledgement of any data sent in the associated
     * STUN Binding Request." */
    const it_stun_attr *sent = request ? it_stun_get(request, IT_STUN_DTLS_IN_STUN) : NULL;
    if (sent && sent->value.n)
        pending_prune(s, it_crc32(sent->value.p, sent->value.n));
}

/* An embedded datagram came. */
static int take_datagram(it_sped *s, it_bytes d)
{
    /* "If the value portion ... is non-empty but the first byte is not DTLS ... silently discarded." */
    if (d.p[0] < 20 || d.p[0] > 63)
        return 0;
    uint32_t crc = it_crc32(d.p, d.n);
    for (int i = 0; i < s->n_came; i++)
        if (s->came[i].crc == crc)
            return 0;
    if (sums_have(s->seen, s->n_seen, crc)) {
        sum_acknowledge(s, crc); /* it was not known to have come */
        return 0;
    }
    if (s->n_came == IT_SPED_CAME)
        return 0;
    int err = datagram_add(s, s->came, &s->n_came, d);
    s->received += err == 0;
    return err;
}

int it_sped_take(it_sped *s, const it_stun_msg *m, const it_stun_msg *request)
{
    if (!it_sped_active(s))
        return 0;
    const it_stun_attr *data = it_stun_get(m, IT_STUN_DTLS_IN_STUN), *ack = it_stun_get(m, IT_STUN_DTLS_IN_STUN_ACK);
    if (!data && !ack) {
        /* "Backwards Compatibility": the far side has it not; or, once it was seen to, has ended it. */
        if (s->state == IT_SPED_TENTATIVE)
            sped_close(s, IT_SPED_OFF);
        else if (s->state == IT_SPED_FINISHING)
            sped_close(s, IT_SPED_COMPLETE);
        return 0;
    }
    if (s->state == IT_SPED_TENTATIVE)
        s->state = IT_SPED_CONFIRMED;
    heed_acks(s, ack, request);
    if (data && data->value.n)
        return take_datagram(s, data->value);
    if (s->state == IT_SPED_FINISHING && s->n_pending == 0)
        s->ripe = true; /* it repeats nothing, and has all of ours; one more message tells it the same */
    return 0;
}
