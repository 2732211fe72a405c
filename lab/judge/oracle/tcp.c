/* The rung of direct TCP (RFC 6544): active, passive and simultaneous-open candidates. Not built.
 *
 * To be judged: mappings and filters of TCP as udp.c has them of UDP, of which a box may have others (RFC 5382 REQ-1,
 * REQ-3; RFC 6092 REC-33), and what it does with a SYN that nobody asked for (RFC 5382 REQ-4): a reset ends the
 * simultaneous open (section 3.2 there). */
#include "lab/judge/oracle/impl.h"

int it_oracle_direct_tcp(it_alloc *alloc, const it_oracle_query *q, it_oracle_way *w)
{
    (void)alloc;
    (void)q;
    it_orc_not_built(IT_ORACLE_DIRECT_TCP, "the oracle does not judge direct TCP yet", w);
    return 0;
}
