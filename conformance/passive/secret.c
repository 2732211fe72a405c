/* Integrity by the passwords that are known. */
#include "conformance/passive/impl.h"

#include "stack/crypto/digest.h"

#include <stdio.h>

#define SHA256 2 /* RFC 8489 section 18.5.1.2 */

/* The digest over |m| up to attribute |a|, the length as if it ended with it (RFC 8489 sections 14.5, 14.6), against
 * its value. */
static bool value_holds(const it_pv_msg *m, const it_pv_attr *a, const it_hmac_key *key)
{
    uint8_t head[4], out[IT_SHA256_SIZE];
    if (a->value.n == 0 || a->value.n > sizeof out)
        return false;
    memcpy(head, m->raw.p, 2);
    it_put16(head + 2, (uint16_t)(a->at + 4 + a->value.n - IT_PV_HEADER));
    it_bytes rest = {m->raw.p + 4, a->at - 4};
    if (a->type == IT_PV_MI)
        it_hmac_sha1(key, out, it_bytes_of(head, 4), rest);
    else
        it_hmac_sha256(key, out, it_bytes_of(head, 4), rest);
    return memcmp(out, a->value.p, a->value.n) == 0;
}

static void judge_value(it_passive *p, const it_passive_packet *k, const it_pv_msg *m, const it_hmac_key *key)
{
    static const uint16_t TYPES[] = {IT_PV_MI, IT_PV_MI256};
    char name[IT_PV_NAME];
    for (size_t i = 0; i < 2; i++) {
        const it_pv_attr *a = it_pv_get(m, TYPES[i]);
        if (a)
            it_pv_judge(p, IT_RULE_MI_VALUE, k, value_holds(m, a, key), "%s: %s is not by that password",
                        it_pv_name(m, name), i == 0 ? "MESSAGE-INTEGRITY" : "MESSAGE-INTEGRITY-SHA256");
    }
}

/* RFC 8445 section 7.2.2: a check is signed with the password of whom it goes to, whose fragment comes first; so is its
 * answer. */
static void learn_short(it_passive *p, const it_pv_attr *user, it_pv_txn *t)
{
    it_bytes name = user->value;
    const uint8_t *colon = name.n ? memchr(name.p, ':', name.n) : NULL;
    if (colon)
        name.n = (size_t)(colon - name.p);
    t->password = it_passive_creds_of(p->cfg.creds, false, name);
}

/* RFC 8489 section 18.5.1: user, realm and password, hashed by MD5, or by SHA-256 where that was agreed. */
static void learn_long(it_passive *p, const it_pv_msg *m, const it_pv_attr *user, const it_pv_attr *realm, it_pv_txn *t)
{
    const it_pv_attr *algorithm = it_pv_get(m, IT_PV_ALGORITHM);
    it_bytes password = it_passive_creds_of(p->cfg.creds, true, user->value), none = {NULL, 0};
    uint8_t text[2048];
    it_buf b;
    if (!password.p)
        return;
    it_buf_init(&b, text, sizeof text);
    it_buf_put(&b, user->value.p, user->value.n);
    it_buf_u8(&b, ':');
    it_buf_put(&b, realm->value.p, realm->value.n);
    it_buf_u8(&b, ':');
    it_buf_put(&b, password.p, password.n);
    if (b.overflow)
        return;
    bool sha256 = algorithm && algorithm->value.n >= 2 && it_get16(algorithm->value.p) == SHA256;
    t->key_n = sha256 ? IT_SHA256_SIZE : IT_MD5_SIZE;
    if (sha256)
        it_sha256(t->key, it_bytes_of(text, b.len), none, none);
    else
        it_md5(t->key, it_bytes_of(text, b.len), none, none);
}

/* What the answer of |t| will be signed with, by request |m|. */
static void learn(it_passive *p, const it_pv_msg *m, it_pv_txn *t)
{
    const it_pv_attr *user = it_pv_get(m, IT_PV_USERNAME), *realm = it_pv_get(m, IT_PV_REALM);
    if (!user)
        return;
    if (t->check)
        learn_short(p, user, t);
    else if (realm)
        learn_long(p, m, user, realm, t);
}

void it_pv_ask_secret(it_passive *p, const it_passive_packet *k, const it_pv_msg *m, it_pv_txn *t)
{
    it_hmac_key key;
    if (!p->cfg.creds)
        return;
    if (m->cls == IT_PV_REQUEST)
        learn(p, m, t);
    if (t->key_n == 0 && !t->password.p)
        return;
    it_hmac_key_init(&key, t->key_n > 0 ? it_bytes_of(t->key, t->key_n) : t->password);
    judge_value(p, k, m, &key);
}
