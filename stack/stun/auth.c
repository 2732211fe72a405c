/* The keys of the two credential mechanisms and the check of a received message's integrity. */
#include "stack/stun/auth.h"

void it_stun_key_short(it_hmac_key *k, it_bytes password)
{
    it_hmac_key_init(k, password); /* RFC 8489 section 9.1.1 */
}

void it_stun_key_long(it_hmac_key *k, enum it_stun_algo algo, it_bytes username, it_bytes realm, it_bytes password)
{
    uint8_t text[IT_STUN_REASON_MAX + 2]; /* ":" realm ":" */
    uint8_t key[IT_SHA256_SIZE];

    IT_ASSERT(realm.n <= IT_STUN_REASON_MAX);
    text[0] = ':';
    if (realm.n > 0)
        memcpy(text + 1, realm.p, realm.n);
    text[1 + realm.n] = ':';
    /* RFC 8489 section 18.5.1: MD5 gives 16 bytes of key, SHA-256 gives 32. */
    if (algo == IT_STUN_ALGO_MD5)
        it_md5(key, username, it_bytes_of(text, realm.n + 2), password);
    else
        it_sha256(key, username, it_bytes_of(text, realm.n + 2), password);
    it_hmac_key_init(k, it_bytes_of(key, algo == IT_STUN_ALGO_MD5 ? IT_MD5_SIZE : IT_SHA256_SIZE));
}

void it_stun_userhash(uint8_t out[IT_SHA256_SIZE], it_bytes username, it_bytes realm)
{
    it_sha256(out, username, it_bytes_str(":"), realm); /* RFC 8489 section 14.4 */
}

/* A copy of the header whose length ends with the attribute |a|, and the bytes between header and attribute. */
static void covered(const it_stun_msg *m, const it_stun_attr *a, uint8_t header[IT_STUN_HEADER], it_bytes *rest)
{
    memcpy(header, m->raw.p, IT_STUN_HEADER);
    it_put16(header + 2, (uint16_t)(a->offset + 4 + a->value.n - IT_STUN_HEADER));
    *rest = it_bytes_of(m->raw.p + IT_STUN_HEADER, a->offset - IT_STUN_HEADER);
}

int it_stun_check(const it_stun_msg *m, const it_hmac_key *key, uint16_t *which)
{
    uint16_t type = IT_STUN_MESSAGE_INTEGRITY_SHA256;
    size_t size = IT_SHA256_SIZE;
    const it_stun_attr *a = it_stun_get(m, type);
    uint8_t header[IT_STUN_HEADER], mac[IT_SHA256_SIZE];
    it_bytes rest;

    /* RFC 8489 sections 9.1.3 and 9.2.4: -SHA256 when it is present, else the older one. */
    if (!a) {
        type = IT_STUN_MESSAGE_INTEGRITY;
        size = IT_SHA1_SIZE;
        a = it_stun_get(m, type);
    }
    if (!a)
        return IT_ERR_NOTFOUND;
    if (which)
        *which = type;
    /* RFC 8489 section 14.6: the full value unless the usage allows less; none of ours does. */
    if (a->value.n != size)
        return IT_ERR_AUTH;
    covered(m, a, header, &rest);
    if (type == IT_STUN_MESSAGE_INTEGRITY)
        it_hmac_sha1(key, mac, it_bytes_of(header, sizeof(header)), rest);
    else
        it_hmac_sha256(key, mac, it_bytes_of(header, sizeof(header)), rest);
    return it_equal_ct(mac, a->value.p, size) ? 0 : IT_ERR_AUTH;
}

int it_stun_check_response(const it_stun_msg *m, const it_hmac_key *key, uint16_t sent)
{
    uint16_t which = 0;
    int err = it_stun_check(m, key, &which);

    return err ? err : which == sent ? 0 : IT_ERR_AUTH;
}
