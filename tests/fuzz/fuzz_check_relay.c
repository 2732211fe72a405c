/* The relay that answers checks, against hostile datagrams from three addresses, of whom two are its ends'. Whatever
 * comes, it answers nobody by more than was asked, and hands nothing on but to who has checked. */
#include "stack/checkrelay/relay.h"

#include "stack/stun/auth.h"
#include "stack/stun/msg.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/stun.h"

#include <string.h>

typedef struct rig {
    it_check_relay *r;
    it_check_relay_end end[2];
    it_time now;
    it_time checked[3]; /* until when each address may be sent to; 0: it never asked */
} rig;

static it_addr at(unsigned who)
{
    return it_addr_of(it_ip4(0xc6336401u + who), (uint16_t)(1000 + who));
}

/* What leaves after |size| bytes came from |who|. */
static void drain(rig *r, unsigned who, size_t size)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io out;
    int n = 0;
    while (it_check_relay_output(r->r, r->now, &out, buf, sizeof buf) == 1) {
        MUST(++n == 1 && out.data.n <= size);
        if (it_addr_eq(out.remote, at(who)) && out.data.p[0] < 4)
            continue; /* an answer */
        MUST(out.data.p[0] >= 4);
        for (unsigned k = 0; k < 3; k++)
            MUST(!it_addr_eq(out.remote, at(k)) || r->checked[k] > r->now);
    }
}

static void feed(rig *r, unsigned who, it_bytes d)
{
    it_io in = {.kind = IT_IO_DGRAM, .flow = 0, .remote = at(who), .data = d};
    MUST(it_check_relay_input(r->r, r->now, &in) == (int)d.n);
    drain(r, who, d.n);
}

/* A right check of end |k| from |who|. */
static void check(rig *r, unsigned who, unsigned k, unsigned set, bool nominate)
{
    uint8_t bytes[512], txid[IT_STUN_TXID] = {0};
    char user[32];
    it_hmac_key key;
    it_buf b;
    it_buf_init(&b, bytes, sizeof bytes);
    it_stun_begin(&b, IT_STUN_REQUEST, IT_STUN_BINDING, txid);
    snprintf(user, sizeof user, "%s:fuzz", r->end[k].ufrag[set]);
    it_stun_put(&b, IT_STUN_USERNAME, it_bytes_str(user));
    if (nominate)
        it_stun_put(&b, IT_STUN_USE_CANDIDATE, it_bytes_of(NULL, 0));
    it_stun_key_short(&key, it_bytes_str(r->end[k].pwd[set]));
    it_stun_put_integrity(&b, &key);
    it_stun_put_fingerprint(&b);
    int n = it_stun_end(&b);
    MUST(n > 0);
    r->checked[who] = r->now + 30 * IT_SEC;
    feed(r, who, it_bytes_of(bytes, (size_t)n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz f = {data, size};
    rig r = {.now = 0};
    it_alloc mem;
    it_alloc_init(&mem);
    it_check_relay_cfg cfg = {.alloc = &mem, .rooms = 4, .rate = fuzz_u16(&f)};
    it_rng_init(&cfg.rng, 1, "fuzz");
    r.r = it_check_relay_new(&cfg);
    MUST(r.r && it_check_relay_room(r.r, 0, r.end) == 0);
    while (f.n) {
        unsigned op = fuzz_u8(&f), who = op / 8 % 3;
        it_check_relay_end more[2];
        size_t n;
        switch (op % 8) {
        case 0:
            r.now += (it_time)fuzz_u16(&f) * IT_MS;
            MUST(it_check_relay_tick(r.r, r.now) == 0 && it_check_relay_next(r.r) > r.now);
            break;
        case 1:
            check(&r, who, op >> 5 & 1, op >> 6 & 1, op >> 7);
            break;
        case 2:
            MUST(it_check_relay_room(r.r, r.now, more) != IT_ERR_NOMEM);
            MUST(it_check_relay_rooms(r.r) <= 4);
            break;
        case 3: { /* sealed by nobody's password, or by an end's */
            it_bytes body = fuzz_bytes(&f);
            uint8_t *d = fuzz_stun_seal(body, fuzz_u8(&f), it_bytes_str(r.end[0].pwd[op >> 7]), &n);
            r.checked[who] = r.now + 30 * IT_SEC; /* it may be right */
            feed(&r, who, it_bytes_of(d, n));
            free(d);
            break;
        }
        default:
            feed(&r, who, fuzz_bytes(&f));
        }
    }
    it_check_relay_free(r.r);
    MUST(mem.live == 0);
    return 0;
}
