/* What the agent and DTLS report becomes lines, paths and states. */
#include "lab/itp/impl.h"

#include "stack/stun/msg.h"

#define LINGER (3 * IT_SEC) /* RFC 8445 section 8.3.1: how long a superseded generation is still answered */

int itp_component_of(const it_itp_session *s, int flow)
{
    flow = (int)it_ice_tcp_base(s->ice, it_ice_relay_base(s->ice, (uint32_t)flow));
    for (size_t i = 0; i < s->n_bases; i++)
        if (s->bases[i].flow == flow)
            return s->bases[i].component;
    return 0;
}

/* --- paths --- */

static void use_path(it_itp_session *s, it_time now, int component, const it_ice_pair_view *p, bool selected)
{
    s->paths[component] = (itp_path){true, selected, p->local.flow, p->local.base, p->remote.addr};
    if (component != 1 || !s->dtls)
        return;
    if (!s->dtls_begun)
        itp_tell_dtls(s, "connecting", NULL);
    s->dtls_begun = true;
    it_dtls_start(s->dtls, now);
    it_dtls_kick(s->dtls, now);
}

static bool all_selected(const it_itp_session *s)
{
    for (int c = 1; c <= s->cfg.components; c++)
        if (!s->paths[c].selected)
            return false;
    return true;
}

static void lose_path(it_itp_session *s, int component, const char *why)
{
    s->paths[component] = (itp_path){.have = false};
    itp_tell_state(s, ITP_DISCONNECTED, why);
}

static void on_selected(it_itp_session *s, it_time now, const it_ice_event *ev)
{
    use_path(s, now, ev->component, &ev->pair, true);
    it_gate_settle(&s->gate, now + LINGER);
    itp_tell_selected(s, ev->component, &ev->pair);
    if (all_selected(s) && s->state != ITP_COMPLETED)
        itp_tell_state(s, ITP_CONNECTED, NULL);
}

/* --- the agent --- */

static void tell_role(it_itp_session *s)
{
    it_json j;
    itp_begin(s, &j, "role");
    it_json_str(&j, "role", it_ice_controlling(s->ice) ? "controlling" : "controlled");
    itp_end(s, &j);
}

void itp_tell_gathered(it_itp_session *s)
{
    it_json j;
    itp_begin(s, &j, "gathered");
    it_json_int(&j, "gen", it_ice_generation(s->ice));
    itp_end(s, &j);
}

static int take_ice(it_itp_session *s, it_time now, const it_ice_event *ev)
{
    int err = 0;
    switch (ev->kind) {
    case IT_ICE_CANDIDATE:
        if (!s->cfg.no_udp || ev->cand->transport != IT_ICE_UDP)
            itp_tell_cand(s, ev->cand);
        break;
    case IT_ICE_REMOVED: /* candidates are told one by one here, and none is taken back */
        break;
    case IT_ICE_GATHERED:
        itp_tell_gathered(s);
        break;
    case IT_ICE_VALID:
        if (!s->paths[ev->component].selected)
            use_path(s, now, ev->component, &ev->pair, false);
        break;
    case IT_ICE_HEARD:
        it_gate_know(&s->gate, ev->pair.local.flow, ev->pair.remote.addr);
        break;
    case IT_ICE_CHECKED:
        err = it_gate_vouch(&s->gate, now, ev->pair.local.flow, ev->pair.remote.addr);
        break;
    case IT_ICE_SELECTED:
        on_selected(s, now, ev);
        break;
    case IT_ICE_COMPLETED:
        itp_tell_state(s, ITP_COMPLETED, NULL);
        break;
    case IT_ICE_FAILED:
        itp_tell_state(s, ITP_FAILED, ev->why);
        break;
    case IT_ICE_CONSENT_LOST:
        it_gate_revoke(&s->gate, s->paths[ev->component].flow, s->paths[ev->component].remote);
        lose_path(s, ev->component, ev->why ? ev->why : "consent expired (RFC 7675 section 5.1)");
        break;
    case IT_ICE_LOST:
        lose_path(s, ev->component, ev->why ? ev->why : "the address of the selected pair is gone");
        break;
    case IT_ICE_ROLE:
        tell_role(s);
        break;
    case IT_ICE_PEER:
        itp_tell_log(s, "warn", ev->why);
        break;
    }
    return err;
}

/* --- DTLS --- */

static void tell_secret(it_itp_session *s, it_bytes line)
{
    it_json j;
    itp_begin(s, &j, "keylog");
    it_json_strn(&j, "line", (const char *)line.p, line.n);
    itp_end(s, &j);
}

/* Takes what DTLS reports: 1 when there was any. */
static int take_dtls(it_itp_session *s, it_time now)
{
    it_dtls_event ev;
    int any = 0;
    while (s->dtls && it_dtls_event_next(s->dtls, &ev) > 0) {
        any = 1;
        switch (ev.kind) {
        case IT_DTLS_OPEN:
            itp_tell_dtls(s, "connected", NULL);
            break;
        case IT_DTLS_DATA:
            itp_tell_data(s, 1, ev.data);
            break;
        case IT_DTLS_CLOSED:
            itp_tell_dtls(s, "closed", ev.why);
            if (s->state == ITP_CLOSED)
                break;
            it_ice_revoke(s->ice, now); /* RFC 7675 section 5.2: an authenticated end revokes consent at once */
            lose_path(s, 1, "ended by the far side (RFC 7675 section 5.2)"); /* a pair may not be selected yet */
            break;
        case IT_DTLS_FAILED:
            itp_tell_dtls(s, "failed", ev.why);
            break;
        case IT_DTLS_SECRET:
            tell_secret(s, ev.data);
            break;
        }
    }
    return any;
}

static int take_data(it_itp_session *s, it_time now, const it_io *in)
{
    int component = itp_component_of(s, (int)in->flow);
    if (!component)
        return 0;
    if (component == 1 && s->dtls) {
        int n = 0;
        if (it_dtls_is(in->data))
            n = it_dtls_input(s->dtls, now, in);
        return n < 0 ? n : 0;
    }
    itp_tell_data(s, component, in->data);
    return 0;
}

int itp_take(it_itp_session *s, it_time now, const it_io *in)
{
    int verdict = it_gate_input(&s->gate, now, in);
    if (verdict < 0)
        return verdict;
    if (verdict == IT_GATE_PASS)
        return take_data(s, now, in);
    return 0;
}

/* --- all of it --- */

int itp_follow(it_itp_session *s, it_time now)
{
    it_ice_event ev;
    it_io in;
    int err = 0;
    for (bool busy = true; busy && err == 0;) {
        busy = false;
        /* The far side's restart made ours: its credentials come before its candidates. */
        if (s->gathering && s->generation != it_ice_generation(s->ice)) {
            it_gate_restart(&s->gate);
            itp_tell_local(s);
            itp_tell_state(s, ITP_CHECKING, "restart");
        }
        while (err == 0 && it_ice_event_next(s->ice, &ev) > 0) {
            busy = true;
            err = take_ice(s, now, &ev);
        }
        while (err == 0 && it_gate_take(&s->gate, now, &in) > 0) {
            busy = true;
            err = take_data(s, now, &in);
        }
        busy |= take_dtls(s, now) > 0;
    }
    return err;
}
