/* The rungs of relays (RFC 8656): a server lends an address, and what is sent there comes over the client's flow to the
 * server. Not built.
 *
 * To be judged for each side: whether it reaches the relay by UDP, TCP or TLS (reach.h; one side is enough for a path),
 * and whether what comes from the far side's base or mapping is permitted there; the leg to the relay tells the rung.
 */
#include "lab/judge/oracle/impl.h"

int it_oracle_relay_udp(it_alloc *alloc, const it_oracle_query *q, it_oracle_way *w)
{
    (void)alloc;
    (void)q;
    it_orc_not_built(IT_ORACLE_RELAY_UDP, "the oracle does not judge relays by UDP yet", w);
    return 0;
}

int it_oracle_relay_tcp(it_alloc *alloc, const it_oracle_query *q, it_oracle_way *w)
{
    (void)alloc;
    (void)q;
    it_orc_not_built(IT_ORACLE_RELAY_TCP, "the oracle does not judge relays by TCP yet", w);
    return 0;
}
