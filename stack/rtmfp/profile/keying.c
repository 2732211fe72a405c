/* Keying components, group choice, key derivation. */
#include "stack/rtmfp/profile/keying.h"

#include <openssl/crypto.h>

#define SEND_ALWAYS 0x04
#define SEND_ON_REQUEST 0x02
#define REQUEST 0x01
#define MAC_SIZE 16 /* of ours, where the policy names none */

enum { KEY_PUBLIC = 0x0d, KEY_EXTRA = 0x0e, KEY_MAC = 0x1a, KEY_SELECT = 0x1d, KEY_SEQ = 0x1e };

/* RFC 7425 section 4.5.2.4: 4 to 32, or 0 where none are ever sent. */
static bool mac_size_allowed(uint8_t flags, uint64_t size)
{
    if (!(flags & (SEND_ALWAYS | SEND_ON_REQUEST)))
        return size == 0 || (size >= IT_RTMFP_MAC_LEAST && size <= IT_RTMFP_MAC_MOST);
    return size >= IT_RTMFP_MAC_LEAST && size <= IT_RTMFP_MAC_MOST;
}

/* What is in one option of a component. */
static bool component_option(it_rtmfp_component *c, const it_rtmfp_option *o)
{
    it_rd r;
    it_rd_init(&r, o->value);
    switch (o->type) {
    case KEY_PUBLIC:
    case KEY_SELECT: /* RFC 7425 sections 4.5.2.1, 4.5.2.3: once, and never both */
        if (c->has_public || c->has_select)
            return false;
        c->has_public = o->type == KEY_PUBLIC;
        c->has_select = !c->has_public;
        c->group = it_rtmfp_group_of(it_rtmfp_vlu_get(&r));
        c->pub = it_bytes_of(r.p, r.n);
        break;
    case KEY_MAC:
        c->mac_flags = it_rd_u8(&r);
        c->mac_size = it_rtmfp_vlu_get(&r);
        return !r.fail && mac_size_allowed(c->mac_flags, c->mac_size);
    case KEY_SEQ:
        c->seq_flags = it_rd_u8(&r);
        break;
    default: /* RFC 7425 section 4.5.2: unknown ones are ignored, extra randomness has no meaning */
        break;
    }
    return !r.fail;
}

int it_rtmfp_component_read(it_rtmfp_component *c, it_bytes raw)
{
    it_rd r;
    it_rtmfp_option o;
    *c = (it_rtmfp_component){.raw = raw};
    if (raw.n > 2 * IT_RTMFP_COMPONENT_MOST)
        return IT_ERR_PARSE;
    it_rd_init(&r, raw);
    while (it_rtmfp_option_get(&r, &o))
        if (!o.marker && !component_option(c, &o))
            return IT_ERR_PARSE;
    return r.fail ? IT_ERR_PARSE : 0;
}

static uint8_t wish_flags(enum it_rtmfp_wish w)
{
    static const uint8_t FLAGS[] = {[IT_RTMFP_ALLOW] = SEND_ON_REQUEST,
                                    [IT_RTMFP_REQUIRE] = SEND_ALWAYS | SEND_ON_REQUEST | REQUEST,
                                    [IT_RTMFP_REFUSE] = 0};
    return FLAGS[w];
}

static uint8_t near_mac_size(const it_rtmfp_policy *p)
{
    if (p->mac == IT_RTMFP_REFUSE)
        return 0;
    return p->mac_size ? p->mac_size : MAC_SIZE;
}

/* Writes the component: a static end salts the secret that would be the same each time, any other has a key of its own
 * (RFC 7425 section 4.6.1). */
static int near_write(it_rtmfp_near *near, bool initiator, it_rng *rng, it_time now)
{
    uint8_t value[1 + IT_RTMFP_DH_MOST];
    it_buf b;
    int err;
    it_buf_init(&b, near->raw, sizeof near->raw);
    value[0] = (uint8_t)it_rtmfp_group_number(near->group);
    if (near->id->cert.is_static) {
        uint8_t salt[IT_RTMFP_SALT];
        if (initiator)
            it_rtmfp_option_put(&b, KEY_SELECT, it_bytes_of(value, 1));
        err = it_rtmfp_random(rng, now, salt, sizeof salt);
        it_rtmfp_option_put(&b, KEY_EXTRA, it_bytes_of(salt, sizeof salt));
    } else {
        err = it_rtmfp_dh_make(&near->ephemeral, near->group, rng, now);
        memcpy(value + 1, near->ephemeral.pub, near->ephemeral.size);
        it_rtmfp_option_put(&b, KEY_PUBLIC, it_bytes_of(value, 1u + near->ephemeral.size));
    }
    uint8_t mac[2] = {wish_flags(near->policy.mac), near_mac_size(&near->policy)};
    uint8_t seq = wish_flags(near->policy.seq);
    it_rtmfp_option_put(&b, KEY_MAC, it_bytes_of(mac, sizeof mac));
    it_rtmfp_option_put(&b, KEY_SEQ, it_bytes_of(&seq, 1));
    IT_ASSERT(!b.overflow);
    near->n = b.len;
    return err;
}

int it_rtmfp_near_initiate(it_rtmfp_near *near, const it_rtmfp_cert *far, it_rng *rng, it_time now)
{
    near->group = it_rtmfp_group_best(near->id->cert.groups & far->groups);
    if (!near->group)
        return IT_ERR_UNSUPPORTED;
    return near_write(near, true, rng, now);
}

/* The initiator's public key: in its certificate, or in its component. */
static it_bytes initiator_key(const it_rtmfp_cert *far, const it_rtmfp_component *c)
{
    if (far->is_static != c->has_select || far->is_static == c->has_public)
        return it_bytes_of(NULL, 0);
    return far->is_static ? it_rtmfp_cert_key(far, c->group) : c->pub;
}

int it_rtmfp_near_respond(it_rtmfp_near *near, const it_rtmfp_cert *far, const it_rtmfp_component *c, it_rng *rng,
                          it_time now)
{
    if (!c->group || !(near->id->cert.groups & c->group))
        return IT_ERR_UNSUPPORTED;
    if (!initiator_key(far, c).n)
        return IT_ERR_PARSE;
    near->group = c->group;
    return near_write(near, false, rng, now);
}

/* The far end's public key in the group of |near|; {NULL, 0}: its component does not fit its certificate. */
static it_bytes far_key(const it_rtmfp_near *near, bool initiator, const it_rtmfp_cert *far,
                        const it_rtmfp_component *c)
{
    if (!initiator)
        return c->group == near->group ? initiator_key(far, c) : it_bytes_of(NULL, 0);
    if (c->has_select || c->has_public == far->is_static) /* RFC 7425 section 4.6.1 */
        return it_bytes_of(NULL, 0);
    if (far->is_static)
        return it_rtmfp_cert_key(far, near->group);
    return c->group == near->group ? c->pub : it_bytes_of(NULL, 0);
}

/* RFC 7425 section 4.6.4: always, or on request. */
static bool wish_sends(uint8_t from, uint8_t to)
{
    return from & SEND_ALWAYS || (from & SEND_ON_REQUEST && to & REQUEST);
}

static int agree_integrity(const it_rtmfp_near *near, const it_rtmfp_component *c, it_rtmfp_secrets *s)
{
    uint8_t mac = wish_flags(near->policy.mac), seq = wish_flags(near->policy.seq);
    s->mac_tx_size = wish_sends(mac, c->mac_flags) ? near_mac_size(&near->policy) : 0;
    s->mac_rx_size = wish_sends(c->mac_flags, mac) ? (uint8_t)c->mac_size : 0;
    s->seq_tx = wish_sends(seq, c->seq_flags);
    s->seq_rx = wish_sends(c->seq_flags, seq);
    if (near->policy.mac == IT_RTMFP_REQUIRE && !s->mac_rx_size)
        return IT_ERR_PERM;
    if (near->policy.seq == IT_RTMFP_REQUIRE && !s->seq_rx)
        return IT_ERR_PERM;
    return 0;
}

void it_rtmfp_derive(it_bytes secret, it_bytes near, it_bytes far, it_rtmfp_agreed *out)
{
    const it_bytes none = {NULL, 0};
    uint8_t crossed[IT_SHA256_SIZE], enc[IT_SHA256_SIZE], dec[IT_SHA256_SIZE];
    it_hmac_key s, by_near, by_far;
    it_hmac_key_init(&s, secret);
    it_hmac_key_init(&by_near, near);
    it_hmac_key_init(&by_far, far);
    it_hmac_sha256(&s, out->near_nonce, near, none);
    it_hmac_sha256(&s, out->far_nonce, far, none);
    it_hmac_sha256(&by_far, crossed, near, none);
    it_hmac_sha256(&s, enc, it_bytes_of(crossed, sizeof crossed), none);
    it_hmac_sha256(&by_near, crossed, far, none);
    it_hmac_sha256(&s, dec, it_bytes_of(crossed, sizeof crossed), none);
    it_hmac_sha256(&s, out->secrets.mac_tx, it_bytes_of(enc, sizeof enc), none);
    it_hmac_sha256(&s, out->secrets.mac_rx, it_bytes_of(dec, sizeof dec), none);
    memcpy(out->secrets.encrypt, enc, IT_RTMFP_KEY); /* RFC 7425 section 4.7.1: the front of them */
    memcpy(out->secrets.decrypt, dec, IT_RTMFP_KEY);
    OPENSSL_cleanse(enc, sizeof enc);
    OPENSSL_cleanse(dec, sizeof dec);
    OPENSSL_cleanse(&s, sizeof s);
}

int it_rtmfp_agree(const it_rtmfp_near *near, bool initiator, const it_rtmfp_cert *far, const it_rtmfp_component *c,
                   it_rtmfp_agreed *out)
{
    uint8_t secret[IT_RTMFP_DH_MOST];
    it_bytes key = far_key(near, initiator, far, c);
    if (!key.n)
        return IT_ERR_PARSE;
    int err = agree_integrity(near, c, &out->secrets);
    if (err)
        return err;
    const it_rtmfp_dh *own = it_rtmfp_identity_key(near->id, near->group);
    int n = it_rtmfp_dh_combine(own ? own : &near->ephemeral, key, secret);
    if (n < 0)
        return n;
    it_rtmfp_derive(it_bytes_of(secret, (size_t)n), it_bytes_of(near->raw, near->n), c->raw, out);
    OPENSSL_cleanse(secret, sizeof secret);
    return 0;
}
