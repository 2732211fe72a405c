/* Any datagrams inside the secured channel, and what becomes of liveness by them.
 *
 * What holds: what is written is read as it was; a kind is told by the bytes alone and fits their size; a message lies
 * in its datagram; counts add up; a connection's clock has its next moment ahead once it was run, an alarm is raised
 * once and ended by the next receipt. */
#include "stack/model/live.h"
#include "stack/model/voice.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

typedef struct rig {
    it_time now;
    it_voice_tx tx;
    it_voice_rx rx;
    it_live live;
    uint64_t voices;
    uint32_t asked;
    bool told; /* of a stall */
} rig;

static void check_counts(const rig *r, it_time gap)
{
    MUST(r->rx.received + r->rx.duplicate == r->voices);
    MUST(r->rx.late <= r->rx.received && r->rx.longest_gap >= gap);
    MUST(!r->rx.any || r->rx.last <= r->now);
    MUST(it_voice_lost(&r->rx) <= UINT32_MAX);
}

/* Takes datagram |d| of the far side, exactly as long as it is. */
static enum it_app_kind take(rig *r, it_bytes d)
{
    it_app_data data = {.number = 0};
    uint8_t *exact = fuzz_exact(d);
    it_time gap = r->rx.longest_gap;
    enum it_app_kind kind = it_app_take(&r->rx, r->now, it_bytes_of(exact, d.n), &data);
    r->voices += kind == IT_APP_VOICE;
    switch (kind) {
    case IT_APP_MESSAGE:
        MUST(d.n >= 1 && (exact[0] & 15) == 1 && data.message.n == d.n - 1);
        MUST(data.message.n == 0 || data.message.p == exact + 1);
        break;
    case IT_APP_VOICE:
        MUST(d.n >= 14 && (exact[0] & 15) == 2);
        break;
    case IT_APP_PING:
    case IT_APP_PONG:
        MUST(d.n == IT_APP_PING_SIZE && (exact[0] & 15) == (kind == IT_APP_PING ? 3 : 4));
        MUST(data.number == it_get32(exact + 2));
        break;
    case IT_APP_BYE:
        MUST(d.n == IT_APP_BYE_SIZE && (exact[0] & 15) == 5);
        break;
    case IT_APP_BAD:
        MUST(d.n == 0 || exact[0] != 1);
        break;
    }
    MUST(it_app_flow(d) == (d.n ? exact[0] >> 4 : 0u));
    check_counts(r, gap);
    if (kind != IT_APP_BAD && it_live_rx(&r->live, r->now, d.n) > 0) {
        MUST(r->told);
        r->told = false;
    }
    free(exact);
    return kind;
}

/* What we write, read by ourselves. */
static void own(rig *r, fuzz *f, unsigned op)
{
    uint8_t buf[2100];
    size_t cap = op & 64 ? fuzz_u8(f) : sizeof buf;
    enum it_app_kind kind = op & 32 ? IT_APP_PING : IT_APP_PONG;
    int n;
    switch (op >> 3 & 3) {
    case 0:
        n = it_app_ping(kind, fuzz_u32(f), buf, cap);
        break;
    case 1:
        kind = IT_APP_MESSAGE;
        n = it_app_message(fuzz_bytes(f), buf, cap);
        break;
    case 2:
        kind = IT_APP_VOICE;
        if (!r->tx.on)
            it_voice_start(&r->tx, r->now);
        n = it_voice_packet(&r->tx, r->now, buf, cap);
        MUST(r->tx.due > r->now);
        break;
    default:
        it_voice_stop(&r->tx);
        return;
    }
    MUST(n == IT_ERR_FULL || (n >= 0 && (size_t)n <= cap));
    if (n > 0)
        MUST(take(r, it_bytes_of(buf, (size_t)n)) == kind);
}

static void due(rig *r, fuzz *f)
{
    unsigned how = fuzz_u8(f);
    it_time ago = (it_time)fuzz_u16(f) * IT_MS, since = ago < r->now ? r->now - ago : 0;
    it_live_want w = {.streaming = (how & 1) != 0,
                      .begun = (how & 2) != 0,
                      .unanswered = how & 4 ? since : IT_NEVER,
                      .asked = how & 4 ? r->now : IT_NEVER,
                      .no_path = how & 8 ? since : IT_NEVER};
    it_live_due(&r->live, r->now, &w);
}

static void clocks(rig *r)
{
    int ev;
    for (int k = 0; (ev = it_live_tick(&r->live, r->now)) >= 0; k++) {
        MUST(k < 4);
        MUST(ev == IT_EV_STALLED || ev == IT_EV_RATE_UP || ev == IT_EV_RATE_DOWN);
        MUST(ev != IT_EV_STALLED || !r->told);
        r->told |= ev == IT_EV_STALLED;
    }
    r->asked += it_live_ask(&r->live, r->now);
    MUST(!it_live_ask(&r->live, r->now)); /* the next one is later */
    MUST(it_live_next(&r->live) > r->now);
    MUST(it_live_answer(&r->live) > 0 && it_live_answer(&r->live) <= IT_LIVE_ANSWER_MAX);
}

static void step(rig *r, fuzz *f)
{
    unsigned op = fuzz_u8(f);
    switch (op & 7) {
    case 0:
        (void)take(r, fuzz_bytes(f));
        break;
    case 1:
        own(r, f, op);
        break;
    case 2:
        r->now += (it_time)fuzz_u16(f) * IT_MS;
        break;
    case 3:
        r->now += (it_time)fuzz_u32(f) * IT_MS;
        break;
    case 4:
        if (it_live_next(&r->live) != IT_NEVER && it_live_next(&r->live) > r->now)
            r->now = it_live_next(&r->live);
        break;
    case 5:
        due(r, f);
        break;
    case 6:
        it_live_rtt(&r->live, (it_time)fuzz_u32(f) * 1000 + 1);
        break;
    default:
        it_live_rtt_forget(&r->live);
    }
    clocks(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz f = {data, size};
    rig r;
    memset(&r, 0, sizeof r);
    it_voice_tx_init(&r.tx);
    it_voice_rx_init(&r.rx);
    it_live_init(&r.live, 2 * IT_SEC);
    it_live_open(&r.live, 0);
    while (f.n)
        step(&r, &f);
    return 0;
}
