/* The features, one row each. */
#include "conformance/interop/feature.h"

#include <string.h>

#define WE_CONTROL .controlling = {true, false}, .families = IT_INTEROP_IPV4
#define THEY_CONTROL .controlling = {false, true}, .families = IT_INTEROP_IPV4

const it_interop_feature IT_INTEROP_FEATURES[] = {
    {"connect-controlling", "we control; bytes both ways", "", "agent", WE_CONTROL},
    {"connect-controlled", "they control; bytes both ways", "", "agent", THEY_CONTROL},
    {"ipv6", "over IPv6 alone", "", "ipv6", .controlling = {true, false}, .families = IT_INTEROP_IPV6},
    {"dual-stack", "both offer both families", "", "ipv6", .controlling = {true, false}, .families = IT_INTEROP_DUAL},
    {"trickle-controlling", "we control; candidates come late", "trickle", "trickle", WE_CONTROL, .trickle = true},
    {"trickle-controlled", "they control; candidates come late", "trickle", "trickle", THEY_CONTROL, .trickle = true},
    {"restart-by-us", "new credentials, then bytes", "restart", "restart", WE_CONTROL, .then = IT_INTEROP_THEN_RESTART},
    {"restart-by-them", "new credentials, then bytes", "restart", "restart", WE_CONTROL,
     .then = IT_INTEROP_THEN_RESTART, .who = 1},
    {"lite-theirs", "they are lite, we control", "", "lite", WE_CONTROL, .lite = {false, true}},
    {"lite-ours", "we are lite, they control", "lite", "agent", THEY_CONTROL, .lite = {true, false}},
    {"conflict-controlling", "both believe that they control", "", "agent", .controlling = {true, true},
     .families = IT_INTEROP_IPV4},
    {"conflict-controlled", "nobody believes that he controls", "", "agent", .controlling = {false, false},
     .families = IT_INTEROP_IPV4},
    {"stun", "they gather from our STUN server, through a NAT", "", "stun", WE_CONTROL, .stun = true},
    {"relay-ours-udp", "our TURN client at coturn, over UDP", "turn", "agent", WE_CONTROL,
     .relay = IT_INTEROP_RELAY_UDP},
    {"relay-ours-tcp", "our TURN client at coturn, over TCP", "turn", "agent", WE_CONTROL,
     .relay = IT_INTEROP_RELAY_TCP},
    {"relay-theirs-udp", "their TURN client at our server, over UDP", "", "turn", WE_CONTROL,
     .relay = IT_INTEROP_RELAY_UDP, .who = 1},
    {"relay-theirs-tcp", "their TURN client at our server, over TCP", "", "turntcp", WE_CONTROL,
     .relay = IT_INTEROP_RELAY_TCP, .who = 1},
    {"tcp-active", "by TCP alone (RFC 6544), which we open", "tcp", "tcp", WE_CONTROL, .tcp = "active"},
    {"tcp-passive", "by TCP alone, which they open", "tcp", "tcp", THEY_CONTROL, .tcp = "passive"},
    {"tcp-so", "by TCP alone, simultaneous open: neither lets a connection in that it has not asked for", "tcpso",
     "tcpso", WE_CONTROL, .tcp = "so"},
    {"dtls-client", "we are the client", "dtls", "dtls", WE_CONTROL, .dtls = true, .client = true},
    {"dtls-server", "they are the client", "dtls", "dtls", WE_CONTROL, .dtls = true},
    {"dtls-refused-by-us", "we were told another fingerprint", "dtls", "dtls", WE_CONTROL, .dtls = true, .client = true,
     .then = IT_INTEROP_THEN_REFUSED},
    {"dtls-refused-by-them", "they were told another fingerprint", "dtls", "dtls", WE_CONTROL, .dtls = true,
     .then = IT_INTEROP_THEN_REFUSED, .who = 1},
    {"consent-held", "36 s without data, then bytes", "consent", "agent", WE_CONTROL, .slow = true,
     .then = IT_INTEROP_THEN_HELD},
    {"consent-lost", "the link is cut: we notice 30 s after the last answer", "consent", "agent", WE_CONTROL,
     .slow = true, .then = IT_INTEROP_THEN_CUT},
};

const size_t IT_INTEROP_N_FEATURES = sizeof IT_INTEROP_FEATURES / sizeof *IT_INTEROP_FEATURES;

const it_interop_feature *it_interop_feature_of(const char *name)
{
    for (size_t i = 0; i < IT_INTEROP_N_FEATURES; i++)
        if (strcmp(name, IT_INTEROP_FEATURES[i].name) == 0)
            return &IT_INTEROP_FEATURES[i];
    return NULL;
}
