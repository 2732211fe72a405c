/* The table of rules. */
#include "conformance/passive/rules.h"

#include <string.h>

#define MUST IT_PASSIVE_MUST
#define SHOULD IT_PASSIVE_SHOULD
#define INFO IT_PASSIVE_INFO

const it_passive_rule IT_PASSIVE_RULES[IT_RULES] = {
    [IT_RULE_LENGTH] = {"STUN-8489-5-f", MUST, MUST,
                        "the length is a multiple of 4 and that of the datagram without its header"},
    [IT_RULE_WALK] = {"STUN-8489-5-f", MUST, MUST, "attributes fill the message and none goes beyond its end"},
    [IT_RULE_SIZE] = {"STUN-8489-6.1-b", SHOULD, SHOULD,
                      "a request whose path is unknown fits into 548 bytes over IPv4, 1,232 over IPv6"},
    [IT_RULE_PADDING] = {"STUN-8489-14-a", MUST, INFO, "padding is zero"},
    [IT_RULE_ORDER] = {"STUN-8489-14.7-a", MUST, MUST, "FINGERPRINT is the last attribute"},
    [IT_RULE_CRC] = {"STUN-8489-14.7-b", MUST, MUST, "FINGERPRINT is the CRC-32 of what is before it"},
    [IT_RULE_MI_LENGTH] = {"STUN-8489-14.5-a", MUST, MUST, "MESSAGE-INTEGRITY has 20 bytes"},
    [IT_RULE_MI256_LENGTH] = {"STUN-8489-14.6-a", MUST, INFO,
                              "MESSAGE-INTEGRITY-SHA256 has 16 to 32 bytes, a multiple of 4"},
    [IT_RULE_MI_VALUE] = {"STUN-8489-14.5-a", MUST, MUST, "the integrity is made with the password that both have"},
    [IT_RULE_ERROR_CODE] = {"STUN-8489-14.8-a", MUST, MUST,
                            "an error response has an ERROR-CODE of 300 to 699 and a reason of 127 characters at most"},
    [IT_RULE_TEXTS] = {"STUN-8489-14.9-a", MUST, MUST, "REALM, NONCE and SOFTWARE have 127 characters at most"},
    [IT_RULE_UNKNOWN] = {"STUN-8489-6.3.1-a", MUST, MUST, "420 lists the attributes in UNKNOWN-ATTRIBUTES"},
    [IT_RULE_COOKIE] = {"ICE-8445-7.2.4-b", MUST, MUST, "a check has the magic cookie of RFC 5389 and later"},
    [IT_RULE_SAME_TXID] = {"STUN-8489-5-d", MUST, MUST, "a request that is sent again is the same, byte for byte"},
    [IT_RULE_REUSED_TXID] = {"STUN-8489-5-c", MUST, MUST, "requests to others have transaction IDs of their own"},
    [IT_RULE_RTO] = {"STUN-8489-6.2.1-a", SHOULD, SHOULD,
                     "the first retransmission comes after 500 ms at the earliest"},
    [IT_RULE_BACKOFF] = {"STUN-8489-6.2.1-b", SHOULD, SHOULD,
                         "each retransmission takes twice as long as the one before"},
    [IT_RULE_RC] = {"STUN-8489-6.2.1-c", SHOULD, SHOULD, "a request is sent seven times at most"},
    [IT_RULE_SYMMETRIC] = {"STUN-8489-6.3.1-c", MUST, MUST,
                           "a response goes to where the request came from, from where that went"},
    [IT_RULE_MAPPED] = {"STUN-8489-6.3.1-d", MUST, MUST, "XOR-MAPPED-ADDRESS is the source of the request"},
    [IT_RULE_HAS_MAPPED] = {"STUN-8489-6.3.1-d", MUST, MUST, "a Binding success response has XOR-MAPPED-ADDRESS"},
    [IT_RULE_SHORT_TERM] = {"STUN-8489-9.1.2-a", MUST, MUST, "a check has USERNAME and MESSAGE-INTEGRITY"},
    [IT_RULE_LONG_TERM] = {"STUN-8489-9.2.3.2-a", MUST, MUST,
                           "a request with a NONCE has also REALM, USERNAME or USERHASH, and an integrity"},
    [IT_RULE_SAME_INTEGRITY] = {"STUN-8489-9.1.3-d", MUST, MUST,
                                "the success response to an authenticated request has the same integrity"},
    [IT_RULE_NO_USERNAME] = {"STUN-8489-9.1.3-d", MUST, MUST, "a response has no USERNAME"},
    [IT_RULE_TRANSPORT] = {"TURN-8656-7.1-a", MUST, MUST, "an Allocate request has REQUESTED-TRANSPORT of UDP or TCP"},
    [IT_RULE_FAMILY_ONCE] = {"TURN-8656-7.1-b", MUST, INFO,
                             "REQUESTED-ADDRESS-FAMILY comes once, and without RESERVATION-TOKEN or "
                             "ADDITIONAL-ADDRESS-FAMILY"},
    [IT_RULE_TOKEN] = {"TURN-8656-7.1-c", MUST, MUST, "RESERVATION-TOKEN comes without EVEN-PORT"},
    [IT_RULE_ALLOCATED] = {"TURN-8656-7.2-j", MUST, MUST,
                           "an Allocate success response has XOR-RELAYED-ADDRESS, XOR-MAPPED-ADDRESS and LIFETIME"},
    [IT_RULE_PERMISSION_PEER] = {"TURN-8656-10.1-a", MUST, MUST, "CreatePermission has an XOR-PEER-ADDRESS"},
    [IT_RULE_SEND] = {"TURN-8656-11.1-a", MUST, MUST, "a Send indication has XOR-PEER-ADDRESS and DATA"},
    [IT_RULE_DATA] = {"TURN-8656-11.3-a", MUST, MUST, "a Data indication has XOR-PEER-ADDRESS and either DATA or ICMP"},
    [IT_RULE_CHANNEL] = {"TURN-8656-12-a", MUST, INFO, "channel numbers are 0x4000 to 0x4FFF"},
    [IT_RULE_CHANNEL_PEER] = {"TURN-8656-12.1-a", MUST, MUST,
                              "a ChannelBind request has CHANNEL-NUMBER and XOR-PEER-ADDRESS"},
    [IT_RULE_RESERVED] = {"TURN-8656-18-a", MUST, MUST, "what is reserved for future use is zero"},
    [IT_RULE_TCP_ALLOCATION] = {"TURNTCP-6062-4.1-a", MUST, MUST,
                                "a TCP allocation is asked for by TCP, without EVEN-PORT, DONT-FRAGMENT, "
                                "RESERVATION-TOKEN"},
    [IT_RULE_ONE_ROLE] = {"ICE-8445-7.1.3-a", MUST, MUST, "a check has ICE-CONTROLLING or ICE-CONTROLLED, not both"},
    [IT_RULE_NOMINATOR] = {"ICE-8445-7.1.2-a", MUST, MUST, "USE-CANDIDATE is sent by the controlling agent alone"},
    [IT_RULE_PRIORITY] = {"ICE-8445-7.1.1-a", MUST, MUST, "a check has PRIORITY"},
    [IT_RULE_TYPE_PREFERENCE] = {"ICE-8445-7.1.1-a", SHOULD, SHOULD,
                                 "PRIORITY is that of a peer-reflexive candidate, below 126 in its type preference"},
    [IT_RULE_CHECK_USERNAME] = {"ICE-8445-7.2.2-a", MUST, MUST,
                                "USERNAME is two fragments of 4 characters or more with a colon between them"},
    [IT_RULE_CHECK_FINGERPRINT] = {"ICE-8445-7.2.4-a", MUST, MUST, "checks and their responses have FINGERPRINT"},
    [IT_RULE_ICE_SHAPES] = {"ICE-8445-16.1-a", MUST, MUST,
                            "PRIORITY has 4 bytes, USE-CANDIDATE none, ICE-CONTROLLING and ICE-CONTROLLED 8"},
    [IT_RULE_KEEPALIVE] = {"ICE-8445-11-b", MUST, MUST, "a keepalive indication is not authenticated"},
    [IT_RULE_KEEPALIVE_CRC] = {"ICE-8445-11-b", SHOULD, SHOULD, "a keepalive indication has FINGERPRINT"},
    [IT_RULE_TIEBREAKER] = {"ICE-8445-16.1-b", MUST, MUST, "the tiebreaker is the same in all checks of a session"},
    [IT_RULE_CONFLICT_TIEBREAKER] = {"ICE-8445-7.2.5.1-b", MUST, INFO, "after 487 the tiebreaker is another"},
    [IT_RULE_AGGRESSIVE] = {"ICE-8445-8.1.1-b", MUST, INFO,
                            "a pair is nominated once it is valid, not by its first check"},
    [IT_RULE_ONE_PAIR] = {"ICE-8445-8.1.1-a", MUST, INFO, "one pair is nominated for each component of a session"},
    [IT_RULE_PACE] = {"ICE-8445-14.2-b", MUST, INFO, "checks of an agent are never closer than 5 ms"},
    [IT_RULE_TA] = {"ICE-8445-14.2-a", INFO, INFO,
                    "checks of an agent are 50 ms apart, unless it was agreed otherwise"},
    [IT_RULE_FAMILY] = {"ICE-8445-6.1.2.2-a", MUST, MUST, "link-local addresses are paired with link-local ones alone"},
    [IT_RULE_CONSENT_OFTEN] = {"CONSENT-7675-5.1-d", MUST, MUST, "consent checks are 4 s apart or more"},
    [IT_RULE_CONSENT_ONCE] = {"CONSENT-7675-5.1-e", INFO, INFO, "consent checks are not retransmitted"},
    [IT_RULE_NO_CONSENT] = {"CONSENT-7675-5.1-a", MUST, INFO, "data goes only where a check was answered"},
    [IT_RULE_FRAMING] = {"ICETCP-6544-7.1-a", MUST, MUST, "over TCP messages are framed by RFC 4571, or as TURN is"},
};

void it_passive_ref(const it_passive_rule *r, char rfc[IT_PASSIVE_REF], char section[IT_PASSIVE_REF])
{
    const char *a = strchr(r->id, '-') + 1, *b = strchr(a, '-'), *c = strrchr(r->id, '-');
    size_t n = (size_t)(b - a), k = (size_t)(c - b - 1);
    memcpy(rfc, a, n);
    rfc[n] = '\0';
    memcpy(section, b + 1, k);
    section[k] = '\0';
}

const char *it_passive_level_name(enum it_passive_level level)
{
    static const char *const NAMES[] = {
        [IT_PASSIVE_MUST] = "MUST", [IT_PASSIVE_SHOULD] = "SHOULD", [IT_PASSIVE_INFO] = "INFO"};
    return NAMES[level];
}
