/* The timers of a connection, and the queue of those of a host: one living entry a connection, stale ones are passed
 * over. */
#include "netsim/tcp/impl.h"

it_time it_tcp_rto(const it_tcp_conn *c)
{
    it_time t = c->rto;
    for (uint32_t i = 0; i < c->backoff && t < c->o.rto_max; i++) /* RFC 6298 section 5 (5.5) */
        t *= 2;
    return t < c->o.rto_max ? t : c->o.rto_max;
}

void it_tcp_arm(it_tcp_conn *c, it_time now)
{
    host_tcp *t = c->h->tcp;
    it_time at = IT_NEVER;
    for (int i = 0; i < TCP_TIMERS; i++)
        at = c->timer[i] < at ? c->timer[i] : at;
    if (at >= c->wake)
        return;
    c->wake = at > now ? at : now;
    it_heap_item item = {c->wake, t->timer_seq++, (uint64_t)c->socket};
    if (it_heap_push(&t->timers, item) < 0)
        it_node_oom(&c->h->node);
    it_node_wake(&c->h->node);
}

/* --- what happens: each returns false when the connection is gone --- */

/* RFC 9293 section 3.10.8, RFC 5482. */
static bool on_user(it_tcp_conn *c, it_time now)
{
    (void)now;
    it_tcp_fail(c, IT_TCP_TIMEOUT, c->soft_type, c->soft_code);
    return false;
}

static bool syn_timeout(it_tcp_conn *c, it_time now)
{
    uint32_t retries = c->listener < 0 ? c->o.syn_retries : c->o.synack_retries;
    if (c->backoff >= retries)
        return on_user(c, now);
    c->backoff++;
    c->syn_again = true;
    c->snd_nxt = c->iss;
    it_tcp_output(c, now);
    return true;
}

static bool on_rto(it_tcp_conn *c, it_time now)
{
    c->timeouts++;
    if (c->state == IT_TCP_SYN_SENT || c->state == IT_TCP_SYN_RCVD)
        return syn_timeout(c, now);
    if (c->snd_wnd == 0) { /* RFC 9293 section 3.8.6, MUST-35: the window shrank to nothing; from now on it is probed */
        it_tcp_sent_forget(c);
        it_tcp_send_probe(c, now);
        it_tcp_output(c, now);
        return true;
    }
    it_tcp_recover_timeout(c, now);
    c->backoff++;
    if (c->o.blackhole)
        it_tcp_suspect_blackhole(c, now);
    it_tcp_output(c, now);
    return true;
}

static bool on_reo(it_tcp_conn *c, it_time now)
{
    it_tcp_rack_timeout(c, now);
    it_tcp_output(c, now);
    return true;
}

static bool on_pto(it_tcp_conn *c, it_time now)
{
    it_tcp_tlp_timeout(c, now);
    it_tcp_output(c, now);
    return true;
}

static bool on_persist(it_tcp_conn *c, it_time now)
{
    it_tcp_send_probe(c, now);
    it_tcp_output(c, now);
    return true;
}

static bool on_delack(it_tcp_conn *c, it_time now)
{
    if (c->ack_later)
        it_tcp_delack_missed(c);
    c->ack_now = c->ack_later;
    it_tcp_output(c, now);
    return true;
}

/* RFC 9293 section 3.8.4: only while nothing is under way, which has time-outs of its own. */
static bool on_keep(it_tcp_conn *c, it_time now)
{
    if (c->snd_nxt != c->snd_una || c->timer[TCP_T_PERSIST] != IT_NEVER) {
        c->timer[TCP_T_KEEP] = now + c->o.keep_idle;
        return true;
    }
    if (c->keep_sent >= c->o.keep_count) {
        it_tcp_send_rst(c, now);
        it_tcp_fail(c, IT_TCP_KEEPALIVE, c->soft_type, c->soft_code);
        return false;
    }
    c->keep_sent++;
    it_tcp_send_keepalive(c, now);
    c->timer[TCP_T_KEEP] = now + c->o.keep_interval;
    return true;
}

static bool on_wait(it_tcp_conn *c, it_time now)
{
    (void)now;
    it_tcp_dead(c);
    return false;
}

static bool (*const FIRE[TCP_TIMERS])(it_tcp_conn *c, it_time now) = {
    [TCP_T_USER] = on_user,       [TCP_T_REO] = on_reo,       [TCP_T_PTO] = on_pto,   [TCP_T_RTO] = on_rto,
    [TCP_T_PERSIST] = on_persist, [TCP_T_DELACK] = on_delack, [TCP_T_KEEP] = on_keep, [TCP_T_WAIT] = on_wait,
};

static void fire_timers(it_tcp_conn *c, it_time now)
{
    c->wake = IT_NEVER;
    for (int i = 0; i < TCP_TIMERS; i++) {
        if (c->timer[i] > now)
            continue;
        c->timer[i] = IT_NEVER;
        if (!FIRE[i](c, now))
            return;
    }
    it_tcp_arm(c, now);
}

it_time it_tcp_next(const it_host *h)
{
    const it_heap_item *top = h->tcp ? it_heap_top(&h->tcp->timers) : NULL;
    return top ? top->time : IT_NEVER;
}

void it_tcp_tick(it_host *h, it_time now)
{
    host_tcp *t = h->tcp;
    const it_heap_item *top;
    while (t && (top = it_heap_top(&t->timers)) && top->time <= now) {
        it_heap_item item = *top;
        it_heap_pop(&t->timers);
        it_tcp_conn *c = t->conns[item.id & 0xffff];
        if (c && (uint64_t)c->socket == item.id && c->wake == item.time)
            fire_timers(c, now);
    }
}
