/* Profiles as the oracle knows them: what of a NAT or a firewall decides whether a direct path is found or a server is
 * reached, and why the rest does not. */
#ifndef IT_LAB_JUDGE_BOXES_H
#define IT_LAB_JUDGE_BOXES_H

#include "lab/judge/oracle/oracle.h"
#include "netsim/fw/firewall.h"
#include "netsim/nat/nat.h"

/* Fills kind and behaviour of |*b| from profile |p|, and nothing else of it. A NAT64 is a router for IPv6, which is all
 * that there is behind it; NPTv6 is PREFIX. */
void it_oracle_of_nat(const it_nat_profile *p, it_oracle_box *b);

/* The same from firewall policy |p|. */
void it_oracle_of_fw(const it_fw_profile *p, it_oracle_box *b);

/* Why key |path| of a profile ("udp.alloc.step"; of a firewall with |fw|) has no say in what the oracle judges; "" when
 * the oracle uses it, NULL when nobody has said: a new key is to be thought about. */
const char *it_oracle_key(bool fw, const char *path);

#endif
