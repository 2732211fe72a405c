/* The STUN parser, every getter of the attribute table, integrity, nonce cookies, and building again what was parsed.
 *
 * The first byte says what is put behind the message so that a fuzzer gets past checks it cannot guess: 1
 * MESSAGE-INTEGRITY, 2 the one with SHA-256, 4 FINGERPRINT, all right. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/stun.h"

static void inside(it_bytes view, it_bytes whole)
{
    MUST(view.n == 0 || (view.p >= whole.p && view.p + view.n <= whole.p + whole.n));
}

static void read_all(const it_stun_msg *m)
{
    uint16_t list[4];
    for (size_t i = 0; it_stun_attr_at(i); i++) {
        const it_stun_attr_spec *s = it_stun_attr_at(i);
        uint32_t u32 = 0;
        uint64_t u64 = 0;
        it_addr a;
        it_bytes reason = {NULL, 0};
        int code = 0;
        if (it_stun_get_addr(m, s->type, &a) == 0)
            MUST(a.ip.hi || a.ip.lo || a.port || 1);
        (void)it_stun_get_u32(m, s->type, &u32);
        (void)it_stun_get_u64(m, s->type, &u64);
        (void)it_stun_get_algos(m, s->type, list, 4);
        (void)it_stun_get_types(m, s->type, list, 4);
        if (it_stun_get_error(m, &code, &reason) == 0) {
            MUST(code >= 300 && code <= 699);
            inside(reason, m->raw);
        }
    }
    (void)it_stun_unknown(m, NULL, 0, list, 4);
    char label[64];
    MUST(strlen(it_stun_label(m, label)) < sizeof label);
}

/* What was parsed can be built again, and parses to the same attributes. */
static void build_again(const it_stun_msg *m)
{
    static uint8_t out[70000];
    it_buf b;
    it_stun_msg again;
    it_buf_init(&b, out, sizeof out);
    it_stun_begin(&b, m->cls, m->method, m->txid);
    for (uint32_t i = 0; i < m->n_attrs; i++) {
        inside(m->attrs[i].value, m->raw);
        if (m->attrs[i].type != IT_STUN_FINGERPRINT)
            it_stun_put(&b, m->attrs[i].type, m->attrs[i].value);
    }
    it_stun_put_fingerprint(&b);
    int n = it_stun_end(&b);
    if (n < 0)
        return; /* longer than may be sent */
    if (it_stun_parse(&again, it_bytes_of(out, (size_t)n)) == IT_ERR_FULL)
        return; /* the fingerprint was one too many */
    MUST(it_stun_parse(&again, it_bytes_of(out, (size_t)n)) == 0);
    MUST(again.cls == m->cls && again.method == m->method && memcmp(again.txid, m->txid, sizeof m->txid) == 0);
    for (uint32_t i = 0; i < m->n_attrs && m->attrs[i].type != IT_STUN_FINGERPRINT; i++)
        MUST(again.attrs[i].type == m->attrs[i].type && it_bytes_eq(again.attrs[i].value, m->attrs[i].value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz f = {data, size};
    it_hmac_key key;
    it_stun_msg m;
    uint32_t features;
    uint16_t which = 0;
    unsigned flags = fuzz_u8(&f);
    size_t n = 0;
    uint8_t *msg = fuzz_stun_seal(it_bytes_of(f.p, f.n), flags, it_bytes_str(FUZZ_PASSWORD), &n);
    it_bytes d = it_bytes_of(msg, n);
    (void)it_stun_nonce_features(d, &features);
    it_stun_key_short(&key, it_bytes_str(FUZZ_PASSWORD));
    bool is = it_stun_is(d);
    if (it_stun_parse(&m, d) == 0) {
        MUST(is);
        MUST(m.n_attrs <= IT_STUN_ATTRS_MAX);
        read_all(&m);
        int ok = it_stun_check(&m, &key, &which);
        if (ok == 0)
            MUST(it_stun_get(&m, which));
        build_again(&m);
    }
    free(msg);
    return 0;
}
