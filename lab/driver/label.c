/* Names of datagrams. */
#include "lab/driver/label.h"

#include "stack/dtls/dtls.h"
#include "stack/model/voice.h"
#include "stack/rtp/rtp.h"

#include <stdio.h>
#include <string.h>

/* RFC 5246 section A.4 and RFC 6347 section 4.3.2. */
static const char *const HANDSHAKE[] = {
    [1] = "ClientHello",      [2] = "ServerHello",        [3] = "HelloVerifyRequest",
    [11] = "Certificate",     [12] = "ServerKeyExchange", [13] = "CertificateRequest",
    [14] = "ServerHelloDone", [15] = "CertificateVerify", [16] = "ClientKeyExchange",
};

/* RFC 6347 section 4.1: type, version, epoch, sequence number, length. What AES-GCM adds: an explicit nonce and a tag
 * (RFC 5288). */
enum { RECORD_EPOCH = 3, RECORD_LENGTH = 11, RECORD_HEAD = 13, RECORD_SEAL = 8 + 16 };

static bool is_voice(it_bytes d)
{
    return d.n == RECORD_HEAD + RECORD_SEAL + IT_VOICE_SIZE &&
           it_get16(d.p + RECORD_LENGTH) == RECORD_SEAL + IT_VOICE_SIZE;
}

static const char *record_name(it_bytes d)
{
    bool sealed = d.n > RECORD_EPOCH + 1 && it_get16(d.p + RECORD_EPOCH) > 0;
    switch (d.p[0]) {
    case 20:
        return "DTLS ChangeCipherSpec";
    case 21:
        return "DTLS alert";
    case 23:
        return is_voice(d) ? "voice" : "DTLS data";
    case 22:
        return sealed ? "DTLS Finished" : NULL;
    default:
        return "DTLS record";
    }
}

static void dtls_name(it_bytes d, char out[IT_LABEL_TEXT])
{
    const char *name = record_name(d);
    uint8_t type = d.n > RECORD_HEAD ? d.p[RECORD_HEAD] : 0;
    if (name)
        snprintf(out, IT_LABEL_TEXT, "%s", name);
    else
        snprintf(out, IT_LABEL_TEXT, "DTLS %s",
                 type < sizeof HANDSHAKE / sizeof *HANDSHAKE && HANDSHAKE[type] ? HANDSHAKE[type] : "handshake");
}

void it_labels_init(it_labels *l, it_alloc *alloc)
{
    *l = (it_labels){.alloc = alloc};
    it_map_init(&l->known, alloc, 2);
}

void it_labels_fini(it_labels *l)
{
    it_map_fini(&l->known);
    it_free(l->alloc, l->v);
}

static void txn_key(const uint8_t txid[IT_STUN_TXID], uint64_t key[2])
{
    key[0] = it_get64(txid);
    key[1] = it_get32(txid + 8);
}

static const it_label_txn *find_txn(const it_labels *l, const uint8_t txid[IT_STUN_TXID])
{
    uint64_t key[2];
    txn_key(txid, key);
    uint32_t i = it_map_get2(&l->known, key[0], key[1]);
    return i == IT_MAP_NONE ? NULL : &l->v[i];
}

/* The name of a message that belongs to an ICE check. */
static void check_name(const it_stun_msg *m, char out[IT_LABEL_TEXT])
{
    int code;
    if (m->cls == IT_STUN_REQUEST)
        snprintf(out, IT_LABEL_TEXT, "check%s", it_stun_get(m, IT_STUN_USE_CANDIDATE) ? " USE-CANDIDATE" : "");
    else if (m->cls == IT_STUN_ERROR && it_stun_get_error(m, &code, NULL) == 0)
        snprintf(out, IT_LABEL_TEXT, "check error %d", code);
    else
        snprintf(out, IT_LABEL_TEXT, "check success");
    /* draft-hancke-webrtc-sped: what it carries of a handshake. */
    const it_stun_attr *data = it_stun_get(m, IT_STUN_DTLS_IN_STUN);
    if (data && it_dtls_is(data->value)) {
        char inside[IT_LABEL_TEXT];
        size_t n = strlen(out);
        dtls_name(data->value, inside);
        snprintf(out + n, IT_LABEL_TEXT - n, " + %s", inside);
    }
}

static uint64_t stun_name(it_labels *l, const it_stun_msg *m, char out[IT_LABEL_TEXT])
{
    const it_label_txn *known = find_txn(l, m->txid);
    bool request = m->cls == IT_STUN_REQUEST;
    /* RFC 8445 section 7.1.1: a check has PRIORITY, which no other request has. */
    bool check =
        m->method == IT_STUN_BINDING && (request ? it_stun_get(m, IT_STUN_PRIORITY) != NULL : known && known->check);
    if (check)
        check_name(m, out);
    else
        it_stun_label(m, out);
    if (request && !known) {
        l->pending = (it_label_txn){.used = true, .check = check};
        txn_key(m->txid, l->pending.id);
    }
    return request && known ? known->packet : 0;
}

static void plain_name(it_labels *l, it_bytes payload, char out[IT_LABEL_TEXT])
{
    static const char *const RTP[] = {[IT_RTP_NONE] = "data", [IT_RTP_DATA] = "SRTP", [IT_RTP_CONTROL] = "SRTCP"};
    it_stun_msg m;
    if (it_stun_is(payload) && it_stun_parse(&m, payload) == 0)
        (void)stun_name(l, &m, out);
    else if (it_dtls_is(payload))
        dtls_name(payload, out);
    else
        snprintf(out, IT_LABEL_TEXT, "%s", RTP[it_rtp_kind(payload)]);
}

/* What a Send or Data indication, or a ChannelData message carries (RFC 8656 sections 11, 12), behind |word|. The
 * transaction of a request inside is remembered, so that its answer is known. */
static void relayed_name(it_labels *l, const char *word, it_bytes inside, char out[IT_LABEL_TEXT])
{
    char own[IT_LABEL_TEXT];
    plain_name(l, inside, own);
    snprintf(out, IT_LABEL_TEXT, "%s %.*s", word, IT_LABEL_TEXT - 12, own);
}

/* The data of a ChannelData message: 0x4000 to 0x4FFF, and a length. False for what is none. */
static bool channel_data(it_bytes d, it_bytes *inside)
{
    if (d.n < 4 || d.p[0] < 0x40 || d.p[0] > 0x4f || (size_t)it_get16(d.p + 2) > d.n - 4)
        return false;
    *inside = it_bytes_of(d.p + 4, it_get16(d.p + 2));
    return true;
}

uint64_t it_label_name(it_labels *l, it_bytes payload, char out[IT_LABEL_TEXT])
{
    it_stun_msg m;
    it_bytes inside;
    l->pending.used = false;
    if (it_stun_is(payload) && it_stun_parse(&m, payload) == 0) {
        const it_stun_attr *data = it_stun_get(&m, IT_STUN_DATA_ATTR);
        if (!data || m.cls != IT_STUN_INDICATION)
            return stun_name(l, &m, out);
        relayed_name(l, m.method == IT_STUN_SEND ? "Send" : "Data", data->value, out);
    } else if (channel_data(payload, &inside)) {
        relayed_name(l, "Channel", inside, out);
    } else {
        plain_name(l, payload, out);
    }
    return 0;
}

int it_label_sent(it_labels *l, uint64_t packet)
{
    size_t at = l->next;
    if (!l->pending.used)
        return 0;
    l->pending.used = false;
    if (l->n < IT_LABEL_TXNS) {
        if (it_grow(l->alloc, &l->v, &l->cap, l->n + 1, sizeof *l->v) < 0)
            return IT_ERR_NOMEM;
        at = l->n;
    }
    if (it_map_put(&l->known, l->pending.id, (uint32_t)at) < 0)
        return IT_ERR_NOMEM;
    if (at == l->n) {
        l->n++;
    } else {
        (void)it_map_del(&l->known, l->v[at].id); /* the oldest */
        l->next = (at + 1) % IT_LABEL_TXNS;
    }
    l->v[at] = l->pending;
    l->v[at].used = true;
    l->v[at].packet = packet;
    return 0;
}
