/* The deciding rule in one sentence, with its section. */
#include "lab/judge/oracle/impl.h"

#include <stdio.h>

static const char *const MAPPING[] = {"EIM", "ADM", "APDM"};
static const char *const FILTER[] = {"EIF", "ADF", "APDF"};

/* What |b| is to a packet of the family: "EIM/APDF", "firewall/APDF"; "" when it lets everything pass. */
static void class_of(const it_oracle_box *b, bool six, char text[32])
{
    text[0] = '\0';
    switch (b->kind) {
    case IT_ORACLE_NAT:
        if (!six)
            snprintf(text, 32, "%s/%s", MAPPING[b->u.nat.mapping], FILTER[b->u.nat.filtering]);
        break;
    case IT_ORACLE_PREFIX:
        if (six)
            snprintf(text, 32, "NPTv6");
        break;
    case IT_ORACLE_FIREWALL:
        if (b->only && b->only != (six ? 6 : 4))
            break;
        if (b->u.wall.stateful)
            snprintf(text, 32, "firewall/%s", FILTER[b->u.wall.filtering]);
        break;
    default:
        break;
    }
}

/* The boxes of side |s| from its first base of the family outwards. */
static void chain_of(const it_oracle_query *q, int s, bool six, char *text, size_t room)
{
    int net = 0;
    size_t n = 0;
    for (int b = q->side[s].n_bases - 1; b >= 0; b--)
        if (it_ip_is4(q->side[s].base[b].ip) != six)
            net = q->side[s].base[b].net;
    text[0] = '\0';
    for (; net > 0; net = q->box[net - 1].outer) {
        char one[32];
        class_of(&q->box[net - 1], six, one);
        if (*one && n < room)
            n += (size_t)snprintf(text + n, room - n, "%s%s", n ? "+" : "", one);
    }
    if (!*text)
        snprintf(text, room, "%s", "no NAT");
}

static const struct {
    enum it_orc_seen what;
    const char *dies, *either; /* of the box's name */
} REASONS[] = {
    {IT_ORC_SAW_BLOCK, "UDP is blocked by %s", NULL},
    {IT_ORC_SAW_LOGIN, "UDP is blocked by %s before the login", "%s lets UDP pass only after the login"},
    {IT_ORC_SAW_NO_HAIRPIN, "%s does not hairpin (RFC 4787 section 6)", NULL},
    {IT_ORC_SAW_INTERNAL, "%s hairpins with the internal source, which what is inside it drops (RFC 4787 REQ-9a)",
     NULL},
    {IT_ORC_SAW_SCARCE, NULL,
     "%s has few ports: who gets them, and which of them again, is chance (RFC 4787 section 4.2)"},
    {IT_ORC_SAW_EVICTED, "%s has room for few flows, and those of the checks give way to each other (RFC 6888 REQ-4)",
     "%s has room for few flows: which of them gives way to another is chance (RFC 6888 REQ-4)"},
    {IT_ORC_SAW_LIMIT, "%s has no room for what the checks need (RFC 6888 REQ-4, REQ-5)",
     "%s has a limit that the checks may reach before a path is found (RFC 6888 REQ-4, REQ-5)"},
    {IT_ORC_SAW_TAKEN, "%s takes the first check for its own, and the port is gone (RFC 4787 section 5)",
     "%s takes a check that comes before its host's own for itself: who is first decides (RFC 4787 section 5)"},
    {IT_ORC_SAW_KILLED, "%s ends a mapping for an ICMP error (against RFC 4787 REQ-12)",
     "%s may end the mapping for an ICMP error (against RFC 4787 REQ-12)"},
    {IT_ORC_SAW_CLASH, "%s drops what cannot have its port (RFC 4787 section 4.2.1)",
     "%s may drop what cannot have its port (RFC 4787 section 4.2.1)"},
};

/* The name of the box by whose arbitrary pool it hangs, or NULL. */
static const char *pool_of(const it_oracle_query *q)
{
    for (int i = 0; i < q->n_boxes; i++)
        if (q->box[i].kind == IT_ORACLE_NAT && q->box[i].u.nat.arbitrary && q->box[i].n_ext > 1)
            return q->box[i].name;
    return NULL;
}

/* Whether both sides have box |box| on their way out: only then do they meet in it, or would. */
static bool is_common(const it_oracle_query *q, int box)
{
    int n = 0;
    for (int s = 0; s < 2; s++) {
        bool has = false;
        for (int b = 0; b < q->side[s].n_bases; b++)
            for (int net = q->side[s].base[b].net; net > 0; net = q->box[net - 1].outer)
                has = has || net - 1 == box;
        n += has;
    }
    return n == 2;
}

/* Whether what |box| was seen to do is a reason: what is not turned around in a box of one side alone is that side's
 * own, to the address that it has outside. */
static bool is_reason(const it_oracle_query *q, enum it_orc_seen what, int box)
{
    if (box < 0)
        return false;
    return (what != IT_ORC_SAW_NO_HAIRPIN && what != IT_ORC_SAW_INTERNAL) || is_common(q, box);
}

/* The reason that a box gives for no path, or for one that may be; false when none does. */
static bool by_box(const it_oracle_query *q, const it_orc_sum *s, char why[IT_ORC_WHY])
{
    for (size_t i = 0; i < sizeof REASONS / sizeof *REASONS; i++) {
        const char *text = s->opened || s->scarce ? REASONS[i].either : REASONS[i].dies;
        if (!text || !is_reason(q, REASONS[i].what, s->saw[REASONS[i].what]))
            continue;
        const char *name = q->box[s->saw[REASONS[i].what]].name, *at = strstr(text, "%s");
        snprintf(why, IT_ORC_WHY, "%.*s%s%s", (int)(at - text), text, name, at + 2);
        return true;
    }
    return false;
}

/* Whether a net that is not the internet has both sides. */
static bool on_lan(const it_oracle_query *q, bool six)
{
    for (int i = 0; i < q->side[0].n_bases; i++)
        for (int k = 0; k < q->side[1].n_bases; k++) {
            const it_oracle_base *a = &q->side[0].base[i], *b = &q->side[1].base[k];
            if (a->net > 0 && a->net == b->net && it_ip_is4(a->ip) != six && it_ip_is4(b->ip) != six)
                return true;
        }
    return false;
}

/* Whether an address outside is behind a box that translates and no STUN server tells it: RFC 8445 section 5.1.1.2. */
static bool is_untold(const it_oracle_query *q, bool six)
{
    bool translated = false;
    for (int i = 0; i < q->n_boxes; i++)
        translated |= q->box[i].kind == (six ? IT_ORACLE_PREFIX : IT_ORACLE_NAT);
    return translated && it_ip_none(q->stun.ip[six]);
}

static bool is_sure(const it_orc_sum *s)
{
    return s->opened == s->variants && !s->doubtful && !s->scarce;
}

void it_orc_why(const it_oracle_query *q, bool six, const it_orc_sum *s, char why[IT_ORC_WHY])
{
    char a[80], b[80];
    const char *pool = pool_of(q);
    bool sure = is_sure(s);
    chain_of(q, 0, six, a, sizeof a);
    chain_of(q, 1, six, b, sizeof b);
    if (sure && s->local)
        snprintf(why, IT_ORC_WHY, "%s", on_lan(q, six) ? "both are on the same LAN" : "no box stands between them");
    else if (sure && s->hairpinned >= 0)
        snprintf(why, IT_ORC_WHY, "%s and %s meet in %s, which hairpins (RFC 4787 section 6)", a, b,
                 q->box[s->hairpinned].name);
    else if (sure)
        snprintf(why, IT_ORC_WHY, "%s and %s meet (RFC 4787 sections 4.1, 5)", a, b);
    else if (s->opened && pool)
        snprintf(why, IT_ORC_WHY, "%s and %s meet only when %s gives an address twice (RFC 4787 section 4.1)", a, b,
                 pool);
    else if (by_box(q, s, why))
        return;
    else if (s->opened)
        snprintf(why, IT_ORC_WHY, "%s and %s meet if the right side is first (RFC 4787 sections 4.1, 5)", a, b);
    else if (is_untold(q, six))
        snprintf(why, IT_ORC_WHY,
                 "no STUN server is up, so nobody learns an outside address (RFC 8445 section 5.1.1.2)");
    else
        snprintf(why, IT_ORC_WHY, "%s and %s never let each other in (RFC 4787 sections 4.1, 5)", a, b);
}
