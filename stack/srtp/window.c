/* Index estimate and replay list. */
#include "stack/srtp/window.h"

#include <string.h>

#define HALF 0x8000

void it_srtp_window_init(it_srtp_window *w, uint64_t *bits, uint32_t size)
{
    *w = (it_srtp_window){.bits = bits, .size = size};
}

uint64_t it_srtp_window_estimate(const it_srtp_window *w, uint16_t seq)
{
    uint64_t roc = w->highest >> 16;
    uint32_t s_l = w->highest & 0xffff;
    if (w->any && s_l < HALF && seq > s_l + HALF && roc > 0)
        roc--; /* RFC 3711 appendix A; with ROC 0 there is nothing before, and |seq| is a leap ahead */
    else if (w->any && s_l >= HALF && s_l - HALF > seq)
        roc++;
    return roc << 16 | seq;
}

int it_srtp_window_check(const it_srtp_window *w, uint64_t index)
{
    if (!w->any || index > w->highest)
        return 0;
    if (w->highest - index >= w->size)
        return IT_ERR_OLD;
    uint32_t at = (uint32_t)index & (w->size - 1);
    return w->bits[at / 64] >> at % 64 & 1 ? IT_ERR_REPLAY : 0;
}

/* Makes |index| the highest: those between have not been seen. */
static void window_advance(it_srtp_window *w, uint64_t index)
{
    if (!w->any || index - w->highest >= w->size) {
        memset(w->bits, 0, w->size / 8);
    } else {
        for (uint64_t i = w->highest + 1; i < index; i++) {
            uint32_t at = (uint32_t)i & (w->size - 1);
            w->bits[at / 64] &= ~(1ULL << at % 64);
        }
    }
    w->highest = index;
    w->any = true;
}

void it_srtp_window_mark(it_srtp_window *w, uint64_t index)
{
    uint32_t at = (uint32_t)index & (w->size - 1);
    if (!w->any || index > w->highest)
        window_advance(w, index);
    w->bits[at / 64] |= 1ULL << at % 64;
}
