/* Turns and their patience. */
#include "stack/wsrelay/ways.h"

#define PATIENCE (4 * IT_SEC)
#define PAUSE (1 * IT_SEC)
#define ROUNDS 4 /* from then on neither grows any more */

bool it_wsrelay_turn_next(it_wsrelay_turn *t, const it_wsrelay_way *v, int n, bool four, bool six)
{
    for (int i = 0; i < n; i++) {
        if (t->tries)
            t->at = (t->at + 1) % n;
        t->tries++;
        const it_wsrelay_way *w = &v[t->at];
        it_addr first = w->via.kind == IT_VIA_NONE ? w->server : w->via.proxy;
        bool is4 = it_ip_is4(first.ip);
        if ((is4 && four) || (!is4 && six))
            return true;
    }
    return false;
}

static unsigned turn_round(const it_wsrelay_turn *t, int n)
{
    unsigned round = t->tries / (unsigned)n;
    return round < ROUNDS ? round : ROUNDS;
}

it_time it_wsrelay_turn_patience(const it_wsrelay_turn *t, int n)
{
    return PATIENCE << turn_round(t, n);
}

it_time it_wsrelay_turn_pause(const it_wsrelay_turn *t, int n)
{
    return t->tries % (unsigned)n == 0 ? PAUSE << turn_round(t, n) : 0;
}
