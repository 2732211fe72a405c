/* What the tables of options need from elsewhere: how the values of serve, peer, check and of real devices are taken.
 */
#ifndef IT_CLI_TAKE_H
#define IT_CLI_TAKE_H

#include "cli/args.h"

/* The whole number |text| from |lo| to |hi| into |*v|. Returns 0, or -1 when it is none. */
int it_cli_number(const char *text, long long lo, long long hi, long long *v);

/* Each takes the value |v| of its option into |o|. Returns 0, or -1 when it is none. */
int it_cli_take_listen(it_cli *o, const char *v);
int it_cli_take_stun(it_cli *o, const char *v);
int it_cli_take_turn(it_cli *o, const char *v);
int it_cli_take_talk(it_cli *o, const char *v);
int it_cli_take_port(it_cli *o, const char *v);
int it_cli_take_realm(it_cli *o, const char *v);
int it_cli_take_user(it_cli *o, const char *v);
int it_cli_take_users(it_cli *o, const char *v);
int it_cli_take_open(it_cli *o, const char *v);
int it_cli_take_relay(it_cli *o, const char *v);
int it_cli_take_relay_ports(it_cli *o, const char *v);
int it_cli_take_allocations(it_cli *o, const char *v);
int it_cli_take_rooms(it_cli *o, const char *v);
int it_cli_take_user_allocations(it_cli *o, const char *v);
int it_cli_take_allow_peer(it_cli *o, const char *v);
int it_cli_take_deny_peer(it_cli *o, const char *v);
int it_cli_take_rate(it_cli *o, const char *v);
int it_cli_take_each(it_cli *o, const char *v);
int it_cli_take_cert(it_cli *o, const char *v);
int it_cli_take_key(it_cli *o, const char *v);
int it_cli_take_tls_port(it_cli *o, const char *v);
int it_cli_take_creds(it_cli *o, const char *v);
int it_cli_take_vantage(it_cli *o, const char *v);
int it_cli_take_profile(it_cli *o, const char *v);
int it_cli_take_sarif(it_cli *o, const char *v);
int it_cli_take_edge(it_cli *o, const char *v);
int it_cli_take_trust(it_cli *o, const char *v);
int it_cli_take_bound(it_cli *o, const char *v);
int it_cli_take_html(it_cli *o, const char *v);
int it_cli_take_markdown(it_cli *o, const char *v);

#endif
