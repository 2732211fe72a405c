/* The options of what runs on this machine's sockets and devices: serve, peer, and worlds with edges. */
#include "cli/take.h"

#include <stdio.h>
#include <string.h>

int it_cli_take_listen(it_cli *o, const char *v)
{
    if (o->n_listen == IT_CLI_LISTEN)
        return -1;
    it_addr *a = &o->listen[o->n_listen].addr;
    bool has_port = it_addr_parse(a, v) == 0;
    if (!has_port && it_ip_parse(&a->ip, v) < 0)
        return -1;
    o->listen[o->n_listen++].has_port = has_port;
    return 0;
}

int it_cli_take_stun(it_cli *o, const char *v)
{
    if (o->n_stun == IT_CLI_STUN || !*v)
        return -1;
    o->stun[o->n_stun++] = v;
    return 0;
}

int it_cli_take_turn(it_cli *o, const char *v)
{
    if (o->n_turn == IT_CLI_STUN)
        return -1;
    o->turn_uri[o->n_turn++] = v;
    return 0;
}

int it_cli_take_talk(it_cli *o, const char *v)
{
    (void)v;
    o->talk = true;
    return 0;
}

/* A whole number from |least| to |most| into |out|, which stays where it is none. */
static int take_int(const char *v, int least, int most, int *out)
{
    long long n;
    if (it_cli_number(v, least, most, &n) < 0)
        return -1;
    *out = (int)n;
    return 0;
}

static int take_count(const char *v, int least, int most, uint32_t *out)
{
    int n;
    if (take_int(v, least, most, &n) < 0)
        return -1;
    *out = (uint32_t)n;
    return 0;
}

int it_cli_take_port(it_cli *o, const char *v)
{
    return take_int(v, 0, 65535, &o->port);
}

int it_cli_take_tls_port(it_cli *o, const char *v)
{
    return take_int(v, 0, 65535, &o->tls_port);
}

int it_cli_take_cert(it_cli *o, const char *v)
{
    o->cert_file = v;
    return *v ? 0 : -1;
}

int it_cli_take_key(it_cli *o, const char *v)
{
    o->key_file = v;
    return *v ? 0 : -1;
}

int it_cli_take_realm(it_cli *o, const char *v)
{
    o->turn.realm = v;
    return *v && strlen(v) <= 509 ? 0 : -1;
}

int it_cli_take_user(it_cli *o, const char *v)
{
    if (o->n_user == IT_CLI_USERS)
        return -1;
    o->user[o->n_user++] = v;
    return strchr(v, ':') ? 0 : -1;
}

int it_cli_take_users(it_cli *o, const char *v)
{
    o->users_file = v;
    return 0;
}

int it_cli_take_open(it_cli *o, const char *v)
{
    (void)v;
    o->open = true;
    return 0;
}

int it_cli_take_relay(it_cli *o, const char *v)
{
    it_ip ip;
    if (it_ip_parse(&ip, v) < 0)
        return -1;
    *(it_ip_is4(ip) ? &o->turn.relay4 : &o->turn.relay6) = ip;
    return 0;
}

int it_cli_take_relay_ports(it_cli *o, const char *v)
{
    char first[8];
    const char *dash = strchr(v, '-');
    long long a, b;
    if (!dash || (size_t)(dash - v) >= sizeof first)
        return -1;
    snprintf(first, sizeof first, "%.*s", (int)(dash - v), v);
    if (it_cli_number(first, 1, 65535, &a) < 0 || it_cli_number(dash + 1, 1, 65535, &b) < 0 || a > b)
        return -1;
    o->turn.port_first = (uint16_t)a;
    o->turn.port_last = (uint16_t)b;
    return 0;
}

int it_cli_take_allocations(it_cli *o, const char *v)
{
    return take_count(v, 1, 4000, &o->turn.allocations);
}

int it_cli_take_rooms(it_cli *o, const char *v)
{
    return take_count(v, 1, IT_SERVE_ROOMS, &o->rooms);
}

int it_cli_take_user_allocations(it_cli *o, const char *v)
{
    return take_count(v, 0, 4000, &o->turn.user_allocations);
}

static int take_peer(it_prefix *to, size_t *n, const char *v)
{
    it_ip ip;
    if (*n == IT_SERVE_PEERS)
        return -1;
    if (it_ip_parse(&ip, v) == 0)
        to[*n] = (it_prefix){ip, 128};
    else if (it_prefix_parse(&to[*n], v) < 0)
        return -1;
    ++*n;
    return 0;
}

int it_cli_take_allow_peer(it_cli *o, const char *v)
{
    return take_peer(o->allow_peer, &o->turn.n_allow, v);
}

int it_cli_take_deny_peer(it_cli *o, const char *v)
{
    return take_peer(o->deny_peer, &o->turn.n_deny, v);
}

int it_cli_take_rate(it_cli *o, const char *v)
{
    return take_int(v, 0, 1000000, &o->rate);
}

int it_cli_take_each(it_cli *o, const char *v)
{
    return take_int(v, 0, 1000000, &o->each);
}

int it_cli_take_creds(it_cli *o, const char *v)
{
    o->creds = v;
    return *v ? 0 : -1;
}

int it_cli_take_vantage(it_cli *o, const char *v)
{
    static const char *const NAMES[] = {"middle", "client", "server"};
    for (int i = 0; i < 3; i++)
        if (strcmp(v, NAMES[i]) == 0) {
            o->vantage = (enum it_passive_vantage)i;
            return 0;
        }
    return -1;
}

int it_cli_take_profile(it_cli *o, const char *v)
{
    bool before = strcmp(v, "5245") == 0;
    o->profile = before ? IT_PASSIVE_BEFORE : IT_PASSIVE_TODAY;
    return before || strcmp(v, "8445") == 0 ? 0 : -1;
}

int it_cli_take_sarif(it_cli *o, const char *v)
{
    (void)v;
    o->sarif = true;
    return 0;
}
/* HOST=DEVICE. */
int it_cli_take_edge(it_cli *o, const char *v)
{
    const char *sign = strchr(v, '=');
    if (!sign || o->run.n_edges == IT_SCRIPT_EDGES)
        return -1;
    it_script_edge *e = &o->run.edges[o->run.n_edges];
    size_t n = (size_t)(sign - v);
    if (n == 0 || n >= sizeof e->host || !sign[1])
        return -1;
    memcpy(e->host, v, n);
    e->host[n] = '\0';
    e->device = sign + 1;
    o->run.n_edges++;
    return 0;
}

int it_cli_take_trust(it_cli *o, const char *v)
{
    o->trust_file = v;
    return *v ? 0 : -1;
}

/* --- diff --- */

int it_cli_take_bound(it_cli *o, const char *v)
{
    return take_int(v, 0, 1000, &o->bound);
}

int it_cli_take_html(it_cli *o, const char *v)
{
    o->html = v;
    return *v ? 0 : -1;
}

int it_cli_take_markdown(it_cli *o, const char *v)
{
    (void)v;
    o->markdown = true;
    return 0;
}
