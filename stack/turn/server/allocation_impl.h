/* What the parts of the table share. */
#ifndef IT_STACK_TURN_SERVER_ALLOCATION_IMPL_H
#define IT_STACK_TURN_SERVER_ALLOCATION_IMPL_H

#include "base/wide.h"
#include "stack/turn/server/allocation.h"

/* An element of zeros, in use from now on; IT_TURN_NONE without memory. Give frees it. */
uint32_t it_turn_pool_take(it_turn_pool *p, it_alloc *a);
void it_turn_pool_give(it_turn_pool *p, uint32_t i);

/* Element |i| of |p|, which is one of |t|'s, ends at |time| unless it is renewed. */
static inline void it_turn_pool_expires(it_turn_table *t, it_turn_pool *p, uint32_t i, it_time time)
{
    it_tourney_set(&p->clock, i, time, i);
    if (time < t->soonest)
        t->soonest = time;
}

/* Ends a permission, a channel, all of a relay. */
void it_turn_permission_drop(it_turn_table *t, uint32_t p);
void it_turn_channel_drop(it_turn_table *t, uint32_t c);
void it_turn_relay_clear(it_turn_table *t, uint32_t r);

#endif
