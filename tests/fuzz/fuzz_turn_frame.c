/* The framing of TURN over streams: whatever comes, in whatever pieces, what leaves above are messages, and what goes
 * in above comes out below.
 *
 * A byte in front of each piece says how long it is and whether what is there is fetched after it. */
#include "stack/stun/msg.h"
#include "stack/turn/channel.h"
#include "stack/turn/frame.h"
#include "tests/fuzz/fuzz.h"

static uint8_t buf[IT_LAYER_MESSAGE];

/* Fetches what there is above. Every message is what its head says, and written again gives what was read. */
static void above(it_layer *l)
{
    it_io out, back;
    static uint8_t low[IT_LAYER_MESSAGE];
    while (l->ops->to_above(l->l, 0, &out, buf, sizeof buf) == 1) {
        if (out.kind != IT_IO_DATA)
            continue;
        MUST(out.data.n >= IT_TURN_CHANNEL_HEAD && out.data.n <= 2000);
        bool stun = it_turn_message_kind(out.data) == IT_TURN_MESSAGE_STUN;
        MUST(stun || it_turn_message_kind(out.data) == IT_TURN_MESSAGE_CHANNEL);
        MUST(out.data.n == it_get16(buf + 2) + (stun ? 20u : 4u));
        int n = l->ops->from_above(l->l, 0, &out);
        MUST(n == (int)out.data.n || n == IT_ERR_STATE);
        if (n < 0)
            continue;
        MUST(l->ops->to_below(l->l, 0, &back, low, sizeof low) == 1);
        MUST(back.kind == IT_IO_RST || (back.data.n % 4 == 0 && back.data.n - out.data.n < 4));
        MUST(back.kind == IT_IO_RST || memcmp(low, buf, out.data.n) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz f = {data, size};
    it_alloc mem;
    it_alloc_init(&mem);
    it_layer l = it_turn_frame(&mem, 2000);
    MUST(l.ops);
    while (f.n) {
        unsigned head = fuzz_u8(&f);
        size_t n = head & 0x3f, at = 0;
        it_io in = {.kind = head == 0xff ? IT_IO_FIN : IT_IO_DATA};
        n = n < f.n ? n : f.n;
        while (in.kind == IT_IO_DATA && at < n) {
            in.data = it_bytes_of(f.p + at, n - at);
            int taken = l.ops->from_below(l.l, 0, &in);
            MUST(taken >= 0 && (size_t)taken <= in.data.n);
            at += (size_t)taken;
            if (taken == 0 || head & 0x40)
                above(&l);
        }
        if (in.kind == IT_IO_FIN)
            (void)l.ops->from_below(l.l, 0, &in);
        else {
            f.p += n;
            f.n -= n;
        }
    }
    above(&l);
    l.ops->free(l.l);
    MUST(mem.live == 0);
    return 0;
}
