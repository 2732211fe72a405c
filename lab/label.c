/* Names for UDP payloads, for traces and ladders: STUN by method and class, DTLS by record and handshake type. */
#include "lab/lab.h"

#include "stack/stun/msg.h"

#include <stdio.h>

/* RFC 5246 section A.4 and RFC 6347 section 4.3.2. */
static const char *const HANDSHAKE[] = {
    [1] = "ClientHello",        [2] = "ServerHello",        [3] = "HelloVerifyRequest", [11] = "Certificate",
    [12] = "ServerKeyExchange", [13] = "CertificateRequest", [14] = "ServerHelloDone",   [15] = "CertificateVerify",
    [16] = "ClientKeyExchange",
};

static const char *dtls_name(it_bytes d)
{
    enum { EPOCH = 3, TYPE = 13 };
    bool sealed = d.n > EPOCH + 1 && it_get16(d.p + EPOCH) > 0;
    switch (d.p[0]) {
    case 20:
        return "ChangeCipherSpec";
    case 21:
        return "alert";
    case 23:
        return "data";
    case 22:
        break;
    default:
        return "record";
    }
    if (sealed)
        return "Finished";
    uint8_t type = d.n > TYPE ? d.p[TYPE] : 0;
    return type < sizeof HANDSHAKE / sizeof *HANDSHAKE && HANDSHAKE[type] ? HANDSHAKE[type] : "handshake";
}

void it_lab_label(it_bytes payload, char out[64])
{
    it_stun_msg m;
    if (it_stun_is(payload) && it_stun_parse(&m, payload) == 0)
        it_stun_label(&m, out);
    else if (it_dtls_is(payload))
        snprintf(out, 64, "DTLS %s", dtls_name(payload));
    else
        snprintf(out, 64, "data");
}
