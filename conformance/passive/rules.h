/* The rules that a capture alone can show to be broken, one table: each names its row of conformance/requirements.tsv.
 *
 * A rule is said in one sentence, as what must be seen. Its level depends on the profile that the judged claim: what
 * RFC 8489, 8656 and 8445 forbid may have been allowed by 5389, 5766 and 5245. */
#ifndef IT_CONFORMANCE_PASSIVE_RULES_H
#define IT_CONFORMANCE_PASSIVE_RULES_H

#include <stdbool.h>
#include <stddef.h>

/* How much weighs what is found: a MUST, a SHOULD, or something worth knowing that breaks no rule. */
enum it_passive_level { IT_PASSIVE_MUST, IT_PASSIVE_SHOULD, IT_PASSIVE_INFO };

/* Which generation of RFCs the judged claim: 8489, 8656, 8445, or 5389, 5766, 5245. */
enum it_passive_profile { IT_PASSIVE_TODAY, IT_PASSIVE_BEFORE };

enum it_passive_id {
    IT_RULE_LENGTH,
    IT_RULE_WALK,
    IT_RULE_SIZE,
    IT_RULE_PADDING,
    IT_RULE_ORDER,
    IT_RULE_CRC,
    IT_RULE_MI_LENGTH,
    IT_RULE_MI256_LENGTH,
    IT_RULE_MI_VALUE,
    IT_RULE_ERROR_CODE,
    IT_RULE_TEXTS,
    IT_RULE_UNKNOWN,
    IT_RULE_COOKIE,
    IT_RULE_SAME_TXID,
    IT_RULE_REUSED_TXID,
    IT_RULE_RTO,
    IT_RULE_BACKOFF,
    IT_RULE_RC,
    IT_RULE_SYMMETRIC,
    IT_RULE_MAPPED,
    IT_RULE_HAS_MAPPED,
    IT_RULE_SHORT_TERM,
    IT_RULE_LONG_TERM,
    IT_RULE_SAME_INTEGRITY,
    IT_RULE_NO_USERNAME,
    IT_RULE_TRANSPORT,
    IT_RULE_FAMILY_ONCE,
    IT_RULE_TOKEN,
    IT_RULE_ALLOCATED,
    IT_RULE_PERMISSION_PEER,
    IT_RULE_SEND,
    IT_RULE_DATA,
    IT_RULE_CHANNEL,
    IT_RULE_CHANNEL_PEER,
    IT_RULE_RESERVED,
    IT_RULE_TCP_ALLOCATION,
    IT_RULE_ONE_ROLE,
    IT_RULE_NOMINATOR,
    IT_RULE_PRIORITY,
    IT_RULE_TYPE_PREFERENCE,
    IT_RULE_CHECK_USERNAME,
    IT_RULE_CHECK_FINGERPRINT,
    IT_RULE_ICE_SHAPES,
    IT_RULE_KEEPALIVE,
    IT_RULE_KEEPALIVE_CRC,
    IT_RULE_TIEBREAKER,
    IT_RULE_CONFLICT_TIEBREAKER,
    IT_RULE_AGGRESSIVE,
    IT_RULE_ONE_PAIR,
    IT_RULE_PACE,
    IT_RULE_TA,
    IT_RULE_FAMILY,
    IT_RULE_CONSENT_OFTEN,
    IT_RULE_CONSENT_ONCE,
    IT_RULE_NO_CONSENT,
    IT_RULE_FRAMING,
    IT_RULES
};

typedef struct it_passive_rule {
    const char *id; /* of conformance/requirements.tsv: "STUN-8489-14.7-a" */
    enum it_passive_level level;
    enum it_passive_level before; /* by the RFCs that came before */
    const char *says;
} it_passive_rule;

extern const it_passive_rule IT_PASSIVE_RULES[IT_RULES];

/* "8489" and "14.7" of a rule's id, into |rfc| and |section|, which have room for IT_PASSIVE_REF bytes. */
#define IT_PASSIVE_REF 16
void it_passive_ref(const it_passive_rule *r, char rfc[IT_PASSIVE_REF], char section[IT_PASSIVE_REF]);

/* "MUST", "SHOULD", "INFO". Static storage. */
const char *it_passive_level_name(enum it_passive_level level);

#endif
