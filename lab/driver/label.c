/* Names of datagrams. */
#include "lab/driver/label.h"

#include "stack/dtls/dtls.h"
#include "stack/model/voice.h"

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

static const it_label_txn *find_txn(const it_labels *l, const uint8_t id[IT_STUN_TXID])
{
    for (size_t i = 0; i < IT_LABEL_TXNS; i++)
        if (l->v[i].used && memcmp(l->v[i].id, id, IT_STUN_TXID) == 0)
            return &l->v[i];
    return NULL;
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
        memcpy(l->pending.id, m->txid, IT_STUN_TXID);
    }
    return request && known ? known->packet : 0;
}

uint64_t it_label_name(it_labels *l, it_bytes payload, char out[IT_LABEL_TEXT])
{
    it_stun_msg m;
    l->pending.used = false;
    if (it_stun_is(payload) && it_stun_parse(&m, payload) == 0)
        return stun_name(l, &m, out);
    if (it_dtls_is(payload))
        dtls_name(payload, out);
    else
        snprintf(out, IT_LABEL_TEXT, "data");
    return 0;
}

void it_label_sent(it_labels *l, uint64_t packet)
{
    if (!l->pending.used)
        return;
    l->v[l->next] = l->pending;
    l->v[l->next].packet = packet;
    l->next = (l->next + 1) % IT_LABEL_TXNS;
    l->pending.used = false;
}
