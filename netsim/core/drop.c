/* The table of reasons why a packet ended: a key for machines, a rule for people, the source where there is one. */
#include "netsim/core/drop.h"

#include <stddef.h>

struct drop_text {
    const char *key, *rule, *rfc;
};

static const struct drop_text DROPS[IT_DROP_COUNT] = {
    [IT_DROP_NONE] = {"none", "not dropped", ""},
    [IT_DROP_LOSS] = {"link.loss", "lost on the link", ""},
    [IT_DROP_QUEUE] = {"link.queue", "the queue in front of the link is full", ""},
    [IT_DROP_CUT] = {"link.cut", "the link is cut", ""},
    [IT_DROP_BLACKHOLE] = {"link.blackhole", "the link swallows silently", ""},
    [IT_DROP_CHOSEN] = {"link.chosen", "picked by the scenario", ""},
    [IT_DROP_MTU] = {"link.mtu", "too big for the link and not to be fragmented", "RFC 1191 section 4"},
    [IT_DROP_IFACE_DOWN] = {"iface.down", "the interface is down", ""},
    [IT_DROP_MALFORMED] = {"ip.malformed", "not a well-formed IP packet", "RFC 791 section 3.1"},
    [IT_DROP_CHECKSUM] = {"ip.checksum", "wrong checksum", "RFC 1122 section 4.1.3.4"},
    [IT_DROP_TTL] = {"ip.ttl", "hop limit exceeded in transit", "RFC 1812 section 5.3.1"},
    [IT_DROP_NO_ROUTE] = {"ip.no_route", "no route to the destination", "RFC 1812 section 4.3.3.1"},
    [IT_DROP_NO_NEIGHBOR] = {"ip.no_neighbor", "nobody on the segment has the address", "RFC 1812 section 4.3.3.1"},
    [IT_DROP_NOT_MINE] = {"host.not_mine", "not an address of this interface", "RFC 1122 section 3.3.4.2"},
    [IT_DROP_NO_SOCKET] = {"host.no_socket", "no socket on the port", "RFC 1122 section 4.1.3.1"},
    [IT_DROP_HOST_DOWN] = {"host.down", "without power", ""},
    [IT_DROP_MARTIAN] = {"ip.martian", "an address that may not appear here", "RFC 1812 section 5.3.7"},
    [IT_DROP_NAT_NO_MAPPING] = {"nat.no_mapping", "no mapping on the port", "RFC 4787 section 4.1"},
    [IT_DROP_NAT_FILTER_ADDR] = {"nat.filter_addr", "no session, address-dependent filtering", "RFC 4787 section 5"},
    [IT_DROP_NAT_FILTER_PORT] = {"nat.filter_port", "no session, address-and-port-dependent filtering",
                                 "RFC 4787 section 5"},
    [IT_DROP_NAT_NO_HAIRPIN] = {"nat.no_hairpin", "no hairpinning", "RFC 4787 section 6"},
    [IT_DROP_NAT_PORTS] = {"nat.ports", "no external port left", "RFC 5508 section 6"},
    [IT_DROP_NAT_CLASH] = {"nat.clash", "the port is another host's and may not be changed", "RFC 4787 section 4.2.1"},
    [IT_DROP_NAT_LIMIT] = {"nat.limit", "limit of sessions or ports reached", "RFC 6888 section 3"},
    [IT_DROP_NAT_UNSOLICITED] = {"nat.unsolicited", "unsolicited packet to the box itself", "RFC 5382 section 4.3"},
    [IT_DROP_NAT_ICMP] = {"nat.icmp", "ICMP message that belongs to no mapping", "RFC 5508 section 4.2.1"},
    [IT_DROP_NAT_PROTO] = {"nat.proto", "protocol not translated", "RFC 5508 section 8"},
    [IT_DROP_NAT_FRAGMENT] = {"nat.fragment", "a fragment without its first one", "RFC 4787 section 11"},
    [IT_DROP_NAT_REBOOT] = {"nat.reboot", "the box is rebooting", ""},
    [IT_DROP_FW_POLICY] = {"fw.policy", "forbidden by policy", "RFC 6092 section 3.1"},
    [IT_DROP_FW_STATE] = {"fw.state", "inbound without state", "RFC 6092 section 3.2"},
    [IT_DROP_FW_RATE] = {"fw.rate", "beyond the policer's rate", "RFC 2697 section 3"},
    [IT_DROP_TCP_WINDOW] = {"tcp.window", "outside the receive window, or a duplicate", "RFC 9293 section 3.10.7.4"},
    [IT_DROP_TCP_ACK] = {"tcp.ack", "acknowledges what was never sent", "RFC 9293 section 3.10.7.4"},
    [IT_DROP_TCP_CHALLENGE] = {"tcp.challenge", "a SYN or an inexact RST on a connection", "RFC 5961 section 3.2"},
    [IT_DROP_TCP_PAWS] = {"tcp.paws", "an old timestamp, or none", "RFC 7323 section 5.3"},
    [IT_DROP_TCP_STATE] = {"tcp.state", "fits no step of the connection's state", "RFC 9293 section 3.10.7"},
    [IT_DROP_TCP_BACKLOG] = {"tcp.backlog", "too many connections wait to be accepted", "RFC 9293 section 3.10.1"},
    [IT_DROP_AQM] = {"link.aqm", "it waited too long in the queue in front of the link (CoDel)",
                     "RFC 8289 section 4.2"},
    [IT_DROP_FRAG_TIMEOUT] = {"host.frag_timeout", "the other fragments did not come in time",
                              "RFC 1122 section 3.3.2"},
    [IT_DROP_FRAG_OVERLAP] = {"host.frag_overlap", "the fragment overlaps another, or others of its datagram do",
                              "RFC 8200 section 4.5"},
    [IT_DROP_FRAG_LIMIT] = {"host.frag_limit", "no room for more fragments", "RFC 1122 section 3.3.2"},
    [IT_DROP_FW_REBOOT] = {"fw.reboot", "the firewall is rebooting", ""},
    [IT_DROP_ROUTER_DOWN] = {"router.down", "without power", ""},
    [IT_DROP_FW_FRAGMENT] = {"fw.fragment", "a fragment of a datagram that did not become whole",
                             "RFC 4787 section 11"},
    [IT_DROP_FW_INVALID] = {"fw.invalid", "fits no flow and begins none", "RFC 6092 section 3.3.1"},
};

static const struct drop_text *text_of(enum it_drop reason)
{
    static const struct drop_text unknown = {"?", "?", ""};
    size_t i = (size_t)reason;
    return i < IT_DROP_COUNT ? &DROPS[i] : &unknown;
}

const char *it_drop_key(enum it_drop reason)
{
    return text_of(reason)->key;
}

const char *it_drop_rule(enum it_drop reason)
{
    return text_of(reason)->rule;
}

const char *it_drop_rfc(enum it_drop reason)
{
    return text_of(reason)->rfc;
}
