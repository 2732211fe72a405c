/* Names of the shared vocabulary and the named sets of timers. */
#include "stack/model/model.h"

#include "base/err.h"

#include <string.h>

static const char *const STATES[] = {"new", "connecting", "open", "stalled", "dead", "closed"};
static const char *const PATHS[] = {"none", "direct_udp", "relay_udp", "direct_tcp", "relay_tcp"};
static const char *const REASONS[] = {"none",
                                      "connect_failed",
                                      "consent_expired",
                                      "keepalive_timeout",
                                      "link_down_no_alternative",
                                      "transport_reset",
                                      "peer_closed",
                                      "server_lost",
                                      "security"};
static const char *const EVENTS[IT_EV_COUNT] = {"signal",  "open",      "message", "failover", "stalled", "resumed",
                                                "rate_up", "rate_down", "network", "death",    "closed",  "secret",
                                                "peer",    "test",      "success", "reflexive"};

const char *it_state_name(enum it_state s)
{
    return STATES[s];
}

const char *it_path_name(enum it_path p)
{
    return PATHS[p];
}

const char *it_reason_name(enum it_reason r)
{
    return REASONS[r];
}

const char *it_model_event_name(enum it_model_event_kind k)
{
    return EVENTS[k];
}

/* stall, death, connect, linkdown, consent, keepalive, rto, ta; in ms. "stall" is what each calls disconnected or its
 * like. */
static const struct {
    const char *name;
    int32_t ms[8];
} SETS[] = {
    {"rfc", {2000, 30000, 60000, 5000, 5000, 15000, 500, 50}}, /* RFC 7675 section 5.1, RFC 8445 sections 11, 14.2 */
    {"libwebrtc",
     {5000, 15000, 60000, 5000, 2500, 10000, 500, 50}}, /* p2p_constants.cc, port.cc: unwritable 5 s, time-out 15 s */
    {"firefox",
     {5000, 30000, 60000, 5000, 5000, 15000, 500, 50}}, /* nICEr ice_component.c: consent sent once each 4 to 6 s */
    {"pion",
     {5000, 30000, 60000, 5000, 2000, 2000, 200, 200}}, /* agent_config.go: 2 s keepalive, 5 s, then 25 s more */
    {"libnice", {5000, 30000, 60000, 5000, 5000, 25000, 500, 20}},  /* agent-priv.h with consent freshness */
    {"libjuice", {5000, 30000, 60000, 5000, 5000, 15000, 500, 50}}, /* agent.h */
};
#define N_SETS ((int)(sizeof SETS / sizeof *SETS))

int it_timers_named(it_timers *t, const char *name)
{
    for (int i = 0; i < N_SETS; i++) {
        if (strcmp(SETS[i].name, name) != 0)
            continue;
        const int32_t *m = SETS[i].ms;
        *t = (it_timers){m[0] * IT_MS, m[1] * IT_MS, m[2] * IT_MS, m[3] * IT_MS,
                         m[4] * IT_MS, m[5] * IT_MS, m[6] * IT_MS, m[7] * IT_MS};
        return 0;
    }
    return IT_ERR_NOTFOUND;
}

const char *it_timers_name(int i)
{
    return i >= 0 && i < N_SETS ? SETS[i].name : NULL;
}
