/* Behaviours of stacks in use, as data. */
#include "stack/ice/traits/behaviour.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *name, *source;
    it_ice_behaviour b;
} BEHAVIOURS[] = {
    {"rfc", "RFC 8445 sections 7.2.5.1, 8.1.1; RFC 7675 section 5.1", {.nomination = IT_ICE_REGULAR}},
    /* USE-CANDIDATE in every check of the controlling side, consent checks included, and checks every 2.656 s without
     * jitter: measured on Chromium 156, whose descriptions have no ice-options but trickle. Renomination is asked for
     * by RTCConfiguration.enable_ice_renomination, which is false by default (peer_connection_interface.h): without it
     * the controlling side leaves a pair that does not receive for another one by USE-CANDIDATE all the same. */
    {"libwebrtc",
     "Chromium 156, measured; basic_ice_controller.cc GetUseCandidateAttr, ShouldSwitchConnection; "
     "p2p_transport_channel.cc OnRoleConflict, PingConnection; RTCConfiguration: GATHER_ONCE, no renomination by "
     "default; assumed: fresh sockets",
     {.nomination = IT_ICE_SEMI_AGGRESSIVE,
      .conflict = IT_ICE_CONFLICT_KEEPS,
      .consent_nominates = true,
      .consent_fixed = true,
      .switches = true,
      .fresh = true}},
    /* Its consent checks carry no USE-CANDIDATE: Mozilla bug 2037009. */
    {"firefox",
     "nricectx.cpp NrIceCtx::Initialize, NR_ICE_CTX_FLAGS_AGGRESSIVE_NOMINATION; Mozilla bug 2037009; assumed: "
     "conflict, "
     "fresh sockets",
     {.nomination = IT_ICE_AGGRESSIVE, .conflict = IT_ICE_CONFLICT_KEEPS, .fresh = true}},
    {"pion",
     "ice 2.3.1, measured: agent.go handleInbound drops what conflicts, and no error response is read; checkKeepalive; "
     "Restart deletes all candidates; selection.go",
     {.nomination = IT_ICE_REGULAR, .conflict = IT_ICE_CONFLICT_IGNORES, .consent_fixed = true, .fresh = true}},
    {"libnice",
     "conncheck.c: cand_use by NICE_NOMINATION_MODE_AGGRESSIVE, the default (agent.h); assumed: conflict, "
     "USE-CANDIDATE in "
     "consent checks",
     {.nomination = IT_ICE_AGGRESSIVE, .conflict = IT_ICE_CONFLICT_KEEPS, .consent_nominates = true}},
    {"libjuice",
     "agent.c: use_candidate as long as nomination_requested; assumed: a new tie-breaker after 487",
     {.nomination = IT_ICE_REGULAR, .consent_nominates = true}},
};
#define N_BEHAVIOURS ((int)(sizeof BEHAVIOURS / sizeof *BEHAVIOURS))

bool it_ice_behaviour_named(it_ice_behaviour *b, const char *name)
{
    for (int i = 0; i < N_BEHAVIOURS; i++) {
        if (strcmp(BEHAVIOURS[i].name, name) != 0)
            continue;
        *b = BEHAVIOURS[i].b;
        return true;
    }
    return false;
}

const char *it_ice_behaviour_name(int i)
{
    return i >= 0 && i < N_BEHAVIOURS ? BEHAVIOURS[i].name : NULL;
}

const char *it_ice_behaviour_source(int i)
{
    return i >= 0 && i < N_BEHAVIOURS ? BEHAVIOURS[i].source : NULL;
}

const char *it_ice_nomination_name(enum it_ice_nomination v)
{
    static const char *const NAMES[IT_ICE_NOMINATIONS] = {"regular", "semi-aggressive", "aggressive"};
    return NAMES[v];
}

const char *it_ice_conflict_name(enum it_ice_conflict v)
{
    static const char *const NAMES[IT_ICE_CONFLICTS] = {"redraws", "keeps", "ignores"};
    return NAMES[v];
}

const char *it_ice_role_name(enum it_ice_role v)
{
    static const char *const NAMES[IT_ICE_ROLES] = {"agreed", "controlling", "controlled"};
    return NAMES[v];
}
