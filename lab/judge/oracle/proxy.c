/* The rung of relayed TCP through a proxy: a tunnel (RFC 9110 section 9.3.6, RFC 1928) to a server that relays, which
 * may be WebSocket (RFC 6455). Not built.
 *
 * To be judged: which proxy a side knows, whether it reaches it, to which ports it makes tunnels and for whom, and how
 * long it lets one be silent. */
#include "lab/judge/oracle/impl.h"

int it_oracle_proxy(it_alloc *alloc, const it_oracle_query *q, it_oracle_way *w)
{
    (void)alloc;
    (void)q;
    it_orc_not_built(IT_ORACLE_PROXY, "the oracle does not judge ways through a proxy yet", w);
    return 0;
}
