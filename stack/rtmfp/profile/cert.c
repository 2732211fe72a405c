/* Certificates and discriminators, read and made. */
#include "stack/rtmfp/profile/cert.h"

#include <openssl/crypto.h>

#define EXTRA 64 /* bytes of randomness in an ephemeral certificate, which make it unique */

enum { CERT_HOST = 0x00, CERT_ANCILLARY = 0x0a, CERT_EXTRA = 0x0e, CERT_EPHEMERAL = 0x15, CERT_STATIC = 0x1d };
enum { EPD_HOST = 0x00, EPD_ANCILLARY = 0x0a, EPD_PRINT = 0x0f };

static int group_index(enum it_rtmfp_group g)
{
    int i = 0;
    while (g >> (i + 1))
        i++;
    return i;
}

/* Reads the group in front of |*value| and leaves what follows. False when it is malformed. */
static bool cert_group(it_bytes *value, enum it_rtmfp_group *g)
{
    it_rd r;
    it_rd_init(&r, *value);
    *g = it_rtmfp_group_of(it_rtmfp_vlu_get(&r));
    *value = it_bytes_of(r.p, r.n);
    return !r.fail;
}

/* What has been seen of a certificate. */
typedef struct cert_seen {
    bool eph, stat;
    unsigned keys; /* groups of static keys */
} cert_seen;

static bool cert_static(it_rtmfp_cert *c, cert_seen *seen, it_bytes value)
{
    enum it_rtmfp_group g;
    seen->stat = true;
    if (!cert_group(&value, &g))
        return false;
    if (!g) /* a group that is not here */
        return true;
    if (seen->keys & g) /* RFC 7425 section 4.3.3.5: one for each group */
        return false;
    seen->keys |= g;
    c->key[group_index(g)] = value;
    return true;
}

/* One option of the canonical section. False when it makes the certificate malformed. */
static bool cert_option(it_rtmfp_cert *c, cert_seen *seen, const it_rtmfp_option *o)
{
    it_bytes value = o->value;
    enum it_rtmfp_group g;
    switch (o->type) {
    case CERT_HOST:
        if (c->has_host) /* RFC 7425 section 4.3.3.1: once */
            return false;
        c->has_host = true;
        c->host = value;
        return true;
    case CERT_ANCILLARY:
        c->ancillary = true;
        return true;
    case CERT_EPHEMERAL:
        seen->eph = true;
        if (!cert_group(&value, &g))
            return false;
        c->groups |= g;
        return true;
    case CERT_STATIC:
        return cert_static(c, seen, value);
    default: /* RFC 7425 section 4.3.3: unknown ones are ignored */
        return true;
    }
}

int it_rtmfp_cert_read(it_rtmfp_cert *c, it_bytes raw)
{
    it_rd r;
    it_rtmfp_option o;
    cert_seen seen = {.keys = 0};
    *c = (it_rtmfp_cert){.raw = raw, .canonical = raw};
    if (raw.n > IT_RTMFP_CERT_MOST)
        return IT_ERR_PARSE;
    it_rd_init(&r, raw);
    bool canonical = true;
    for (const uint8_t *at = r.p; it_rtmfp_option_get(&r, &o); at = r.p) {
        if (canonical && o.marker) { /* RFC 7425 section 4.3.1: the first one ends the canonical section */
            c->canonical.n = (size_t)(at - raw.p);
            canonical = false;
        }
        if (canonical && !cert_option(c, &seen, &o))
            return IT_ERR_PARSE;
    }
    if (r.fail || seen.eph == seen.stat) /* RFC 7425 section 4.3.3: one of the two kinds of keys */
        return IT_ERR_PARSE;
    c->is_static = seen.stat;
    if (seen.stat)
        c->groups = seen.keys;
    it_sha256(c->print, c->canonical, it_bytes_of(NULL, 0), it_bytes_of(NULL, 0)); /* section 4.3.2 */
    return 0;
}

it_bytes it_rtmfp_cert_key(const it_rtmfp_cert *c, enum it_rtmfp_group g)
{
    if (!c->is_static || !(c->groups & g))
        return it_bytes_of(NULL, 0);
    return c->key[group_index(g)];
}

static bool epd_set(bool *has, it_bytes *to, it_bytes value)
{
    if (*has) /* RFC 7425 section 4.4.2: at most once */
        return false;
    *has = true;
    *to = value;
    return true;
}

int it_rtmfp_epd_read(it_rtmfp_epd *e, it_bytes raw)
{
    it_rd r;
    it_rtmfp_option o;
    bool ok = raw.n <= IT_RTMFP_EPD_MOST;
    *e = (it_rtmfp_epd){.has_host = false};
    it_rd_init(&r, raw);
    while (ok && it_rtmfp_option_get(&r, &o)) {
        if (o.marker)
            continue;
        if (o.type == EPD_HOST)
            ok = epd_set(&e->has_host, &e->host, o.value);
        if (o.type == EPD_ANCILLARY)
            ok = epd_set(&e->has_ancillary, &e->ancillary, o.value);
        if (o.type == EPD_PRINT)
            ok = epd_set(&e->has_print, &e->print, o.value);
    }
    return ok && !r.fail ? 0 : IT_ERR_PARSE;
}

bool it_rtmfp_epd_selects(const it_rtmfp_epd *e, const it_rtmfp_cert *c)
{
    if (e->has_print) /* RFC 7425 section 4.4.3: it alone decides */
        return it_bytes_eq(e->print, it_bytes_of(c->print, sizeof c->print));
    if (!e->has_host && !e->has_ancillary)
        return false;
    if (e->has_host && (!c->has_host || !it_bytes_eq(e->host, c->host)))
        return false;
    return !e->has_ancillary || c->ancillary;
}

void it_rtmfp_epd_of_print(const uint8_t print[IT_RTMFP_PRINT], uint8_t out[IT_RTMFP_PRINT_EPD])
{
    out[0] = IT_RTMFP_PRINT + 1;
    out[1] = EPD_PRINT;
    memcpy(out + 2, print, IT_RTMFP_PRINT);
}

bool it_rtmfp_cert_prevails(it_bytes near, it_bytes far)
{
    size_t n = near.n < far.n ? near.n : far.n;
    int c = n ? memcmp(near.p, far.p, n) : 0;
    return c < 0 || (c == 0 && near.n <= far.n);
}

bool it_rtmfp_cert_overrides(it_bytes fresh, it_bytes old)
{
    return it_bytes_eq(fresh, old);
}

/* A value that begins with the number of a group. */
static void identity_option(it_buf *b, unsigned type, enum it_rtmfp_group g, it_bytes key)
{
    uint8_t value[1 + IT_RTMFP_DH_MOST];
    value[0] = (uint8_t)it_rtmfp_group_number(g);
    if (key.n)
        memcpy(value + 1, key.p, key.n);
    it_rtmfp_option_put(b, type, it_bytes_of(value, 1 + key.n));
}

/* Appends the keys of group |g|, or that ephemeral ones are taken. */
static int identity_group(it_rtmfp_identity *i, it_buf *b, bool is_static, enum it_rtmfp_group g, it_rng *rng,
                          it_time now)
{
    if (!is_static) {
        identity_option(b, CERT_EPHEMERAL, g, it_bytes_of(NULL, 0));
        return 0;
    }
    it_rtmfp_dh *d = &i->key[group_index(g)];
    int err = it_rtmfp_dh_make(d, g, rng, now);
    if (err == 0)
        identity_option(b, CERT_STATIC, g, it_bytes_of(d->pub, d->size));
    return err;
}

int it_rtmfp_identity_make(it_rtmfp_identity *i, const it_rtmfp_identity_cfg *cfg, it_rng *rng, it_time now)
{
    it_buf b;
    unsigned groups = cfg->groups ? cfg->groups : IT_RTMFP_GROUP_2;
    memset(i, 0, sizeof *i);
    if (cfg->host && strlen(cfg->host) > IT_RTMFP_HOST_MOST)
        return IT_ERR_RANGE;
    it_buf_init(&b, i->raw, sizeof i->raw);
    if (cfg->host)
        it_rtmfp_option_put(&b, CERT_HOST, it_bytes_str(cfg->host));
    if (cfg->ancillary)
        it_rtmfp_option_put(&b, CERT_ANCILLARY, it_bytes_of(NULL, 0));
    for (unsigned g = 1; g <= IT_RTMFP_GROUP_14; g <<= 1) {
        if (!(groups & g))
            continue;
        int err = identity_group(i, &b, cfg->is_static, (enum it_rtmfp_group)g, rng, now);
        if (err)
            return err;
    }
    if (!cfg->is_static) { /* RFC 7425 section 4.3.3.3: nothing else makes it unique */
        uint8_t extra[EXTRA];
        int err = it_rtmfp_random(rng, now, extra, sizeof extra);
        if (err)
            return err;
        it_rtmfp_option_put(&b, CERT_EXTRA, it_bytes_of(extra, sizeof extra));
    }
    if (b.overflow)
        return IT_ERR_RANGE;
    return it_rtmfp_cert_read(&i->cert, it_bytes_of(i->raw, b.len));
}

const it_rtmfp_dh *it_rtmfp_identity_key(const it_rtmfp_identity *i, enum it_rtmfp_group g)
{
    if (!i->cert.is_static || !(i->cert.groups & g))
        return NULL;
    return &i->key[group_index(g)];
}

void it_rtmfp_identity_wipe(it_rtmfp_identity *i)
{
    OPENSSL_cleanse(i->key, sizeof i->key);
}
