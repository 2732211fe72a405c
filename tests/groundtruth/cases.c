/* The kernel's rulesets beside the profiles that are meant to be like them. */
#include "tests/groundtruth/gt.h"

#include <string.h>

#define DROP "iifname \"out0\" ct state new,invalid drop"
#define REJECT                                                                                                         \
    "iifname \"out0\" icmp type echo-request accept\niifname \"out0\" ct state new,invalid meta l4proto tcp reject "   \
    "with tcp "                                                                                                        \
    "reset\niifname \"out0\" ct state new,invalid reject"
#define REFUSE "\niifname \"in0\" ip daddr 198.51.100.1 ct state new meta l4proto udp reject"
#define TYPED(name, profile, nat, dep, random)                                                                         \
    {                                                                                                                  \
        name, profile, nat, DROP, dep, random, dep != IT_NAT_APD, false                                                \
    }

const gt_case GT_CASES[] = {
    {"linux-masq", "linux-masq", "masquerade", DROP, -1, false, false, false},
    {"linux-masq-open-input", "linux-masq-open-input", "masquerade", "", -1, false, false, false},
    {"linux-masq-reject", "linux-masq-reject", "masquerade", REJECT, -1, false, false, false},
    {"linux-masq-random", "linux-masq-random", "masquerade random", DROP, -1, true, false, false},
    {"linux-masq-range", "linux-masq-range",
     "meta l4proto { tcp, udp, sctp } masquerade to :10000-10999\noifname \"out0\" masquerade", DROP, -1, true, false,
     false},
    {"linux-snat-pool", "linux-snat-pool", "snat to 198.51.100.1-198.51.100.4 persistent", DROP, -1, false, false,
     false},
    TYPED("typed-eim-eif", "linux-masq", "masquerade", IT_NAT_EI, false),
    TYPED("typed-eim-adf", "linux-masq", "masquerade", IT_NAT_AD, false),
    TYPED("typed-eim-apdf", "linux-masq", "masquerade", IT_NAT_APD, false),
    TYPED("typed-edm-eif", "linux-masq-random", "masquerade random", IT_NAT_EI, true),
    TYPED("typed-edm-adf", "linux-masq-random", "masquerade random", IT_NAT_AD, true),
    TYPED("typed-edm-apdf", "linux-masq-random", "masquerade random", IT_NAT_APD, true),
    {"typed-eim-eif-hairpin", "linux-fullcone", "masquerade", DROP REFUSE, IT_NAT_EI, false, false, true},
    {NULL, NULL, NULL, NULL, 0, false, false, false},
};

const gt_case *gt_case_find(const char *name)
{
    for (const gt_case *c = GT_CASES; c->name; c++)
        if (!strcmp(c->name, name))
            return c;
    return NULL;
}
