/* The signal server: those of a source that wait to be read are read one record each, who waits for longest first. */
#include "stack/signal/server_impl.h"

uint32_t it_signal_turn_first(const it_signal_server *s, const it_signal_link *l)
{
    uint32_t first = IT_BITS_NONE;
    for (size_t i = 0; s->waiting && i < s->n; i++) {
        const it_signal_link *k = s->v[i];
        if (!k || !k->turn || (first != IT_BITS_NONE && k->turn > s->v[first]->turn))
            continue;
        if (it_buckets_share(&s->says, k->s.remote.ip, l->s.remote.ip))
            first = (uint32_t)i;
    }
    return first;
}

void it_signal_turn_begin(it_signal_server *s, it_signal_link *l)
{
    if (l->turn)
        return;
    l->turn = ++s->turns;
    s->waiting++;
}

void it_signal_turn_end(it_signal_server *s, it_signal_link *l)
{
    if (!l->turn)
        return;
    l->turn = 0;
    l->pause = IT_NEVER;
    s->waiting--;
    uint32_t next = it_signal_turn_first(s, l);
    if (next != IT_BITS_NONE)
        it_bits_add(&s->busy, next);
}
