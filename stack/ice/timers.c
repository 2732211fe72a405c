/* The agent's clock: what is due now, and when to come again. New transactions leave one per Ta (RFC 8445
 * sections 5.1.1.2, 6.1.4.2, 14.2): gathering and checks share the pace and take turns. */
#include "stack/ice/impl.h"

void it_ice_timeouts(it_ice *a, it_time now)
{
    uint64_t tag;
    uint8_t txid[IT_STUN_TXID];
    while (it_stun_trans_timeout(a->trans, &tag, txid)) {
        if (it_ice_tag_kind(tag) == IT_ICE_TAG_CHECK)
            it_ice_check_timeout(a, now, it_ice_tag_id(tag), txid);
        else if (it_ice_tag_kind(tag) == IT_ICE_TAG_GATHER)
            it_ice_gather_timeout(a, now, it_ice_tag_id(tag));
        /* A consent request that stays unanswered is no event: RFC 7675 section 5.1. */
    }
}

it_time it_ice_ta(const it_ice *a)
{
    /* RFC 8445 section 14.2: both MUST use the higher of the values proposed; ours alone until the far side has spoken.
     */
    return a->gen->have_remote && a->far_ta > a->cfg.ta ? a->far_ta : a->cfg.ta;
}

void it_ice_set_remote_pacing(it_ice *a, it_time ta)
{
    a->far_ta = ta < IT_ICE_TA_MAX ? ta : IT_ICE_TA_MAX;
}

/* One new transaction when Ta allows. */
static void pace(it_ice *a, it_time now)
{
    if (a->idle || now < a->ta_at)
        return;
    bool sent = a->gather_next ? it_ice_gather_send(a, now) || it_ice_check_send_next(a, now)
                               : it_ice_check_send_next(a, now) || it_ice_gather_send(a, now);
    a->gather_next = !a->gather_next;
    if (sent)
        a->ta_at = now + it_ice_ta(a);
    else
        a->idle = true;
}

int it_ice_tick(it_ice *a, it_time now)
{
    int r = it_stun_trans_tick(a->trans, now);
    if (r < 0)
        return r;
    it_ice_timeouts(a, now);
    a->patience_over = now >= a->pac_at;
    it_ice_gather_refresh(a, now);
    it_ice_relay_tick(a, now);
    it_ice_tcp_tick(a, now);
    it_ice_consent_tick(a, now);
    it_ice_lists_update(a, now);
    it_ice_nominate(a, now);
    it_ice_renominate(a, now);
    pace(a, now);
    it_ice_gens_tidy(a, now);
    r = a->err;
    a->err = 0;
    return r;
}

static it_time least(it_time x, it_time y)
{
    return x < y ? x : y;
}

/* The end of patience matters while a checklist has not concluded. */
static it_time patience_next(const it_ice *a)
{
    for (size_t i = 0; i < a->n_streams; i++)
        if (a->streams[i].state == IT_ICE_RUNNING && !a->streams[i].ended)
            return a->patience_over ? IT_NEVER : a->pac_at;
    return IT_NEVER;
}

it_time it_ice_next(const it_ice *a)
{
    it_time at = it_stun_trans_next(a->trans);
    if (!a->idle)
        at = least(at, a->ta_at);
    at = least(at, least(it_ice_gather_next(a), it_ice_consent_next(a)));
    at = least(at, it_ice_relay_next(a));
    at = least(at, least(it_ice_nominate_next(a), patience_next(a)));
    at = least(at, least(it_ice_renominate_next(a), it_ice_tcp_next(a)));
    return least(at, it_ice_gens_next(a));
}
