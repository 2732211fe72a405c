-- The named personalities of the simulated network: NATs, firewall policies, chains of boxes, links.
--
-- nat { "name", inherit = "parent", doc = "one line", src = { { fact, source, confidence }, ... }, fields ... }
--   A NAT says only how it differs from its parent, which stands above it, or else from the defaults. Nested tables merge; lists and
--   empty tables replace. doc and src are not inherited.
-- Confidence: M measured on a real NAT for this project, R read in the RFC's text, D read in a document or in source code; from memory
--   and to be checked before it is quoted: H high, M* medium, L low.
-- Units: times "30s" "2min" "12.5ms", rates "1Mbps", sizes "256KiB", shares "0.1%" "10ppm". Counts and ports are plain numbers.
--
-- udp.mapping      "EIM" | "ADM" | "APDM": what a mapping depends on (RFC 4787 section 4.1)
-- udp.filtering    "EIF" | "ADF" | "APDF": whom a mapping lets in (RFC 4787 section 5)
-- udp.alloc        how a new mapping gets its port
--   mode           "preserve" | "random" | "sequential" | "det" (by the inside address, RFC 7422; needs block.size)
--   range          { lo, hi } external ports; classes = { { lo, hi }, ... } replace it and keep an internal port in its class
--   on_clash       of "preserve", when the port is taken: "random" | "next" | "drop" | "overload" (shares it blindly)
--   step, noise    of "sequential": from port to port; ports that others take, as a Poisson process, a second
--   tries          of "random", and of "preserve" on a clash: ports tried in a row from a random one on, then half as many from another, down to 8,
--                  and then the flow is lost; 0: the whole range is searched
--   parity         even stays even (RFC 4787 REQ-4);  contiguity = neighbours stay neighbours (section 4.2.3)
-- udp.overload     a port may serve two internal endpoints towards different remotes (RFC 4787 REQ-3 forbids it, RFC 7857 section 3 allows it)
-- udp.clash_edm    when a new session's 5-tuple is taken, it and later destinations get another port (against RFC 4787 REQ-11)
-- udp.inbound_session   a packet let in makes a session, so the answer leaves from the port it came in on; false: a pure mapping table
-- udp.timeout      initial (no reply yet), replied, stream (after a further packet when the session is stream_after old)
-- udp.refresh      out, inb: which direction restarts the timer (RFC 4787 REQ-6); dropped: so does a packet of the session, of any protocol, that the
--                  box then drops for its hop limit or size
-- udp.unsolicited  "drop" | "reject" (ICMP port unreachable, no state) | "local" (the box takes it and keeps a session: later port preservation
--                  towards that remote fails)
-- tcp              mapping, filtering; ports, overload and clash_edm as udp says; syn_in: an unsolicited SYN "drop" | "rst" | "icmp" | "hold6" (RFC 5382
--                  REQ-4); timeout { syn, est (of a NAT64 then close once more, after a probe), fin (one FIN seen), timewait (both), close (after a reset) }; loose: an ACK out without
--                  a session opens one; strict, as netfilter: what does not fit the connection as it stands is dropped, and timeout has syn_recv (the SYN is answered), close_wait
--                  (the first FIN is acknowledged), last_ack (the second is not yet) and unacked (at most, while data is not acknowledged) too;
--                  rst_on_expired: what has no session is answered with a reset
-- icmp             query_timeout; errors: translated and passed on; sessions: only when they are about a session that there is, else about a
--                  mapping too (RFC 5508 REQ-4 and 5 ask for the mapping); verify_inner: the checksum of the header inside is checked (REQ-3a); kills: such an error ends the mapping (against RFC 4787 REQ-12)
-- hairpin          false | "ext" | "int": with which source (RFC 4787 REQ-9a asks for the external one)
-- fragments        "any": in any order | "ordered": those ahead of their first one are dropped | "none" (RFC 4787 REQ-14 asks for any) |
--                  "reassemble": when their datagram is whole, in the pieces it came in; a copy is left out, an overlap ends the datagram
-- reassembly       of "reassemble": timeout from the first fragment on; memory of those that wait, above which new ones are dropped
-- verify           transport checksums are checked, and what has a wrong one is dropped before it counts for anything
-- reserved         240.0.0.0/4 and 0.0.0.0/8 are addresses like any other
-- other            pass: other IP protocols are translated, by their addresses and, for UDP-Lite and SCTP, ports; timeout of their sessions; gre,
--                  gre_replied: of GRE's without an answer, with one
-- table            size: sessions in all; evict: in a full table a session without an answer gives way if one of eight looked at is one
-- silent           nothing is said when there is no room for a flow (RFC 5508 REQ-8 and RFC 6888 REQ-11 ask for ICMP)
-- pool             size; mode "paired" | "arbitrary" | "persistent" (computed from the inside address)
-- limits           ports_per_host, sessions_per_host, sessions_per_dest, new_per_s (for each host)
-- block            size, max (a host; none: no limit), lifetime (an empty one stays that long): port block allocation
-- port_reuse       port reuse delay: how long until another host gets a freed port (RFC 6888 REQ-8)
-- portmap          list of "upnp" "natpmp" "pcp"
-- igd              of "upnp": version 1 or 2; permanent: leases that end are refused (error 725); same_ports: other external ports are (724)
-- pcp              of "pcp": map, peer: the opcodes that hosts may use; third_party: a host may ask for another; filters: remote peers of a
--                  mapping at most; quota: what a host may have by asking (none: no limit)
-- alg              list of "generic" (rewrites the host's address in UDP payloads as in headers, RFC 8489 14.2) "ftp" "sip" "h323" "rtsp" "pptp":
--                  of these only "generic" is built, a box that lists another is unsupported
-- state_loss_on_reboot, one2one (address for address, ports as they are)
-- family           "64" with prefix (Pref64): NAT64, IPv6 inside; "66" with prefix (the outside one): NPTv6, no state, of the rest only hairpin counts

defaults {
  udp = {
    mapping = "EIM", filtering = "APDF",
    alloc = { mode = "preserve", range = { 1024, 65535 }, on_clash = "random", step = 1, noise = 0, tries = 0, parity = true, contiguity = false },
    overload = false, clash_edm = false, inbound_session = true,
    timeout = { initial = "30s", replied = "30s", stream = "120s", stream_after = "2s" },
    refresh = { out = true, inb = true, dropped = false }, unsolicited = "drop",
  },
  tcp = {
    mapping = "EIM", filtering = "APDF", syn_in = "drop", loose = false, strict = false, rst_on_expired = false,
    timeout = {
      syn = "120s", est = "7440s", fin = "240s", close = "10s", timewait = "120s",
      syn_recv = "60s", close_wait = "60s", last_ack = "30s", unacked = "300s",
    },
  },
  icmp = { query_timeout = "60s", errors = true, sessions = false, verify_inner = true, kills = false },
  hairpin = false, fragments = "any", reassembly = { timeout = "30s", memory = "4MiB" }, verify = false, reserved = false,
  other = { pass = false, timeout = "600s", gre = "30s", gre_replied = "180s" }, table = { size = 1048576, evict = false }, silent = false,
  pool = { size = 1, mode = "paired" }, limits = {}, portmap = {}, igd = { version = 2, permanent = false, same_ports = false },
  pcp = { map = true, peer = true, third_party = false, filters = 8 }, alg = {}, state_loss_on_reboot = true,
}

-------------------------------------------------------------------------------------------------------------------- the classes

-- The nine classes of mapping and filtering, and each once more as a pure mapping table without sessions for what comes in.
for _, mapping in ipairs { "EIM", "ADM", "APDM" } do
  for _, filtering in ipairs { "EIF", "ADF", "APDF" } do
    local name = (mapping .. "-" .. filtering):lower()
    local alloc = { mode = mapping == "EIM" and "preserve" or "random" }
    for _, session in ipairs { true, false } do
      nat {
        session and name or name .. "-nosession",
        doc = session and "class: " .. mapping .. " and " .. filtering or "class without inbound sessions: " .. mapping .. " and " .. filtering,
        udp = { mapping = mapping, filtering = filtering, alloc = alloc, inbound_session = session },
        tcp = { mapping = mapping, filtering = filtering },
        src = { { "definitions of the behaviours", "RFC 4787 4.1, 5", "R" } },
      }
    end
  end
end

-------------------------------------------------------------------------------------------------------------------- synthetic corners

nat {
  "rfc4787-best", doc = "does what BCP 127 and BCP 142 recommend",
  udp = {
    filtering = "EIF", alloc = { mode = "random", classes = { { 1, 1023 }, { 1024, 65535 } }, parity = true },
    timeout = { initial = "300s", replied = "300s", stream = "300s" }, refresh = { inb = false },
  },
  hairpin = "ext",
  tcp = { filtering = "EIF", syn_in = "hold6", timeout = { syn = "240s", est = "7440s", fin = "7440s", close = "240s", timewait = "240s" } },
  src = {
    { "REQ-1, 3, 4, 5, 6, 8, 9", "RFC 4787 12", "R" },
    { "REQ-1, 3, 4, 5; with one FIN seen a connection counts as established", "RFC 5382 5, 8", "R" },
    { "a session stays 4 min after an RST", "RFC 7857 2.2", "R" },
  },
}
nat { "full-cone", doc = "full cone of RFC 3489", udp = { filtering = "EIF" }, src = { { "definition", "RFC 3489 5", "R" } } }
nat { "addr-cone", doc = "restricted cone of RFC 3489", udp = { filtering = "ADF" }, src = { { "definition", "RFC 3489 5", "R" } } }
nat { "port-cone", doc = "port restricted cone of RFC 3489", udp = { filtering = "APDF" }, src = { { "definition", "RFC 3489 5", "R" } } }
nat {
  "generic-alg", inherit = "full-cone", doc = "full cone that rewrites addresses in payloads too", alg = { "generic" },
  src = { { "some NATs rewrite the 32-bit binary payloads containing the NAT's public IP address", "RFC 8489 14.2", "R" }, { "a generic ALG", "RFC 5780 3.6", "R" } },
}
nat {
  "symmetric", doc = "symmetric NAT of RFC 3489, ports not to be guessed",
  udp = { mapping = "APDM", filtering = "APDF", alloc = { mode = "random", parity = false } }, tcp = { mapping = "APDM" },
  src = { { "a mapping for each destination address and port; only the host sent to gets in, its port is not mentioned", "RFC 3489 5", "R" } },
}
nat {
  "symmetric-seq", doc = "symmetric NAT that counts its ports up",
  udp = { mapping = "APDM", filtering = "APDF", alloc = { mode = "sequential", step = 1, noise = 0, parity = false } }, tcp = { mapping = "APDM" },
  src = {
    {
      "port-sensitive incremental NAT; others take ports as a Poisson process of 0 to 360 new flows a second; prediction works up to 35 a second",
      "github.com/ph4r05/NATPaper, NAT_paper_ACM_short.tex", "D",
    },
  },
}
-- "adm-apdf", address-dependent mapping with random ports, is one of the classes above.

-------------------------------------------------------------------------------------------------------------------- measured

local NETFILTER_UDP = { initial = "30s", replied = "30s", stream = "120s", stream_after = "2s" }
local NETFILTER_TCP = {
  syn_in = "drop", loose = true, strict = true,
  timeout = {
    syn = "120s", est = "432000s", fin = "120s", close = "10s", timewait = "120s",
    syn_recv = "60s", close_wait = "60s", last_ack = "30s", unacked = "300s",
  },
}

nat {
  "linux-masq", doc = "Linux MASQUERADE with new connections to the router dropped: OpenWrt and most home routers",
  udp = {
    mapping = "EIM", filtering = "APDF",
    alloc = { mode = "preserve", range = { 1024, 65535 }, classes = { { 1, 511 }, { 600, 1023 }, { 1024, 65535 } }, on_clash = "random", tries = 128 },
    overload = true, clash_edm = true, timeout = NETFILTER_UDP, refresh = { inb = true, dropped = true }, unsolicited = "drop",
  },
  tcp = NETFILTER_TCP, icmp = { query_timeout = "30s", sessions = true, verify_inner = false }, hairpin = false,
  fragments = "reassemble", verify = true, reserved = true, other = { pass = true }, table = { size = 262144, evict = true }, silent = true,
  src = {
    {
      "EIM and APDF; 64 of 64 ports preserved; a clash gives a random port that later destinations get too; two hosts share a port towards different destinations; no hairpin",
      "kernel 6.18.44, network namespaces", "M",
    },
    {
      "30 s, and 120 s once a reply was seen and a packet came later than 2 s after the first; inbound refreshes; after a loss of state the same port comes back, inbound alone is lost",
      "kernel 6.18.44, network namespaces", "M",
    },
    { "30 and 120; TCP established 432000, SYN_SENT 120, SYN_RECV 60, FIN_WAIT 120, CLOSE_WAIT 60, LAST_ACK 30, TIME_WAIT 120, CLOSE 10, unacknowledged and retransmitted 300; ICMP 30", "/proc/sys/net/netfilter", "M" },
    {
      "fragments are put together and sent on as they came; wrong checksums are nobody's; a packet that ends for its hop limit refreshes; 240/4 passes; errors ask for a session, not for the checksum inside; GRE, ESP and SCTP pass, UDP-Lite does not; 128 + 64 + 32 + 16 + 8 ports are tried (989 of 1,000 flows get one of 1,000); of 300,000 unanswered flows all get out of a table of 262,144, in silence",
      "kernel 6.18.44, tests/groundtruth", "M",
    },
    { "30 s and 4 MiB for fragments; other protocols 600 s, GRE 30 and 180", "/proc/sys/net/ipv4, /proc/sys/net/netfilter", "M" },
    { "nf_conntrack_tcp_loose is on: already established connections are picked up", "Linux Documentation/networking/nf_conntrack-sysctl.rst", "H" },
  },
}
nat {
  "linux-masq-open-input", inherit = "linux-masq", doc = "Linux MASQUERADE that lets unsolicited packets reach the router itself",
  udp = { unsolicited = "local" }, tcp = { syn_in = "rst" },
  src = {
    {
      "an early inbound packet makes an entry of the router's own, the later outbound flow gets a random port; UDP punching deadlocks unless the first packets cross on the way; TCP punching meets RST",
      "kernel 6.18.44, network namespaces", "M",
    },
  },
}
nat {
  "linux-masq-reject", inherit = "linux-masq", doc = "Linux MASQUERADE that rejects unsolicited packets: OpenWrt's wan zone",
  udp = { unsolicited = "reject" }, tcp = { syn_in = "rst" },
  src = {
    { "punching works in either order", "kernel 6.18.44, network namespaces", "M" },
    { "TCP is refused with a reset, all else with port unreachable", "OpenWrt firewall4, chain handle_reject", "D" },
  },
}
nat {
  "linux-masq-random", inherit = "linux-masq", doc = "Linux MASQUERADE random or fully-random",
  udp = { mapping = "APDM", alloc = { mode = "random", parity = false }, clash_edm = false }, tcp = { mapping = "APDM" },
  src = { { "APDM: 4 destinations, 4 ports; none of 64 preserved; class kept (below 512, 600-1023, from 1024)", "kernel 6.18.44, network namespaces", "M" } },
}
nat {
  "linux-masq-range", inherit = "linux-masq", doc = "Linux MASQUERADE to ports 10000-10999",
  udp = { mapping = "EIM", alloc = { mode = "random", range = { 10000, 10999 }, classes = {}, parity = false } },
  src = { { "EIM within the range, not preserved", "kernel 6.18.44, network namespaces", "M" } },
}
nat {
  "linux-snat-pool", inherit = "linux-masq", doc = "Linux SNAT to four addresses, persistent", pool = { size = 4, mode = "persistent" },
  src = { { "one address for each inside host", "kernel 6.18.44, network namespaces", "M" } },
}
nat {
  "linux-fullcone", inherit = "linux-masq", doc = "Linux with a full cone made of nft dynamic maps",
  udp = { filtering = "EIF", timeout = { initial = "120s", replied = "120s", stream = "120s" } }, hairpin = "ext",
  src = { { "EIM and EIF; hairpin with the external source works, to oneself too", "kernel 6.18.44, network namespaces", "M" } },
}
nat {
  "slirp", doc = "libslirp: slirp4netns, QEMU user networking",
  udp = {
    mapping = "EIM", filtering = "EIF", alloc = { mode = "random", range = { 32768, 60999 }, parity = false },
    timeout = { initial = "240s", replied = "240s", stream = "240s" },
  },
  tcp = { mapping = "APDM", syn_in = "drop" },
  src = { { "EIM and EIF, none of 64 ports preserved", "slirp4netns 1.2.0", "M" }, { "UDP ends after 240 s (SO_EXPIRE)", "libslirp udp.h", "M*" } },
}
nat {
  "pasta", doc = "passt/pasta of 2023, which shares the host's address",
  udp = { mapping = "EIM", filtering = "EIF", alloc = { mode = "preserve" }, timeout = { initial = "180s", replied = "180s", stream = "180s" } },
  tcp = { mapping = "EIM" },
  src = { { "EIM and EIF, 64 of 64 ports preserved, early inbound delivered", "passt 2023-03-09", "M" }, { "180 s", "passt udp.c", "M*" } },
}

-------------------------------------------------------------------------------------------------------------------- other stacks

nat {
  "openbsd-pf", doc = "pf nat-to as pfSense and OPNsense have it",
  udp = {
    mapping = "APDM", filtering = "APDF", alloc = { mode = "random", range = { 50001, 65535 }, parity = false },
    timeout = { initial = "60s", replied = "60s", stream = "60s", stream_after = "0s" },
  },
  tcp = { mapping = "APDM", timeout = { syn = "120s", est = "86400s", fin = "900s", close = "90s", timewait = "90s" } },
  icmp = { query_timeout = "20s" },
  src = {
    { "hard NAT: APDM and APDF, for FreeBSD, pfSense and OPNsense", "tailscale tstest/integration/nat/nat_test.go:689, natlab/vnet/nat.go:148", "D" },
    { "udp.first, single, multiple 60, 30, 60 (single, several out without a reply, has no field); ports 50001-65535", "pf.conf(5)", "H" },
  },
}
nat {
  "openbsd-pf-static-port", inherit = "openbsd-pf", doc = "pf nat-to with static-port",
  udp = { mapping = "EIM", alloc = { mode = "preserve", range = { 1, 65535 }, on_clash = "drop" } }, tcp = { mapping = "EIM" },
  src = { { "static-port keeps the source port", "pf.conf(5)", "H" } },
}
nat {
  "freebsd-pf-eim", inherit = "openbsd-pf", doc = "FreeBSD pf with endpoint-independent mapping for UDP",
  udp = { mapping = "EIM", alloc = { mode = "random", range = { 50001, 65535 } } },
  src = { { "endpoint-independent mapping added to FreeBSD's pf in 2025", "Tailscale blog", "D" } },
}
nat {
  "cisco-ios-pat", doc = "IOS ip nat inside, overload",
  udp = { mapping = "EIM", filtering = "APDF", alloc = { mode = "preserve", on_clash = "next" }, timeout = { initial = "300s", replied = "300s", stream = "300s" } },
  tcp = { timeout = { syn = "60s", est = "86400s", fin = "60s", close = "60s", timewait = "60s" } }, icmp = { query_timeout = "60s" },
  src = {
    { "udp-timeout 300, tcp 86400, finrst 60, dns 60, icmp 60", "Cisco command reference, ip nat translation", "D" },
    { "class of filtering", "general knowledge", "L" },
  },
}
nat {
  "cisco-asa", doc = "ASA dynamic PAT",
  udp = {
    mapping = "EIM", filtering = "APDF", alloc = { mode = "preserve", classes = { { 1, 511 }, { 512, 1023 }, { 1024, 65535 } }, on_clash = "next" },
    timeout = { initial = "120s", replied = "120s", stream = "120s" },
  },
  tcp = { timeout = { syn = "30s", est = "3600s", fin = "600s", close = "30s", timewait = "30s" } },
  src = {
    { "timeout udp 0:02:00, conn 1:00:00, half-closed 0:10:00, pat-xlate 0:00:30", "ASA command reference", "M*" },
    { "extended PAT makes it APDM with overloading", "ASA documentation", "L" },
  },
}
nat {
  "fortigate", doc = "FortiGate",
  udp = { mapping = "EIM", filtering = "APDF", alloc = { mode = "random", range = { 5117, 65533 } }, timeout = { initial = "180s", replied = "180s", stream = "180s" } },
  tcp = { timeout = { est = "3600s" } },
  src = { { "udp-idle is 180 unless configured", "docs.fortinet.com, hyperscale guide", "D" }, { "mapping and range of ports", "general knowledge", "L" } },
}
nat {
  "winnat", doc = "Windows NetNat, Hyper-V",
  udp = {
    mapping = "EIM", filtering = "ADF", alloc = { mode = "random" },
    timeout = { initial = "120s", replied = "120s", stream = "120s" }, refresh = { inb = false },
  },
  tcp = { filtering = "ADF", timeout = { est = "1800s", syn = "120s", fin = "120s" } }, icmp = { query_timeout = "30s" },
  src = {
    { "UdpFilteringBehavior address-dependent, UdpIdleSessionTimeout 120, UdpInboundRefresh False, TCP 1800 and 120, ICMP 30", "Get-NetNat output, pastebin J8R97TS1", "D" },
    { "mapping", "general knowledge", "L" },
  },
}
nat {
  "home-gw-2010-short", doc = "the shortest UDP timeouts among the home gateways of 2010",
  udp = { timeout = { initial = "30s", replied = "54s", stream = "54s", stream_after = "0s" } }, tcp = { timeout = { est = "239s" } },
  src = { { "least UDP-1 30 s", "Nokia slides of IMC'10", "D" }, { "least UDP-2 54 s, least TCP-1 239 s", "Hätönen et al., IMC'10", "M*" } },
}
nat {
  "home-gw-2010-median", doc = "the median of the 34 home gateways of 2010",
  udp = { timeout = { initial = "90s", replied = "180s", stream = "181s", stream_after = "0s" } }, tcp = { timeout = { est = "3600s" } },
  src = { { "medians: UDP-1 90, UDP-2 180, UDP-3 181 s, TCP-1 59.98 min; 27 of 34 prefer to preserve ports", "Hätönen et al., IMC'10", "M*" } },
}
nat {
  "fritzbox-like", doc = "DSL home router: EIM and APDF, hairpin, UPnP and PCP",
  udp = { timeout = { initial = "300s", replied = "300s", stream = "300s" } }, hairpin = "ext", portmap = { "upnp", "pcp" },
  src = { { "AVM: UDP 300 s, PCP", "general knowledge", "L" } },
}
nat {
  "zyxel-like", doc = "EIM and ADF, as boxes made for telephony have it", udp = { filtering = "ADF" },
  src = { { "easyAF: EIM with ADF, telephony and Zyxel", "tailscale tstest/integration/nat/nat_test.go:688", "D" } },
}
nat {
  "broken-symmetric-home", doc = "cheap router: symmetric, counts up, 60 s",
  udp = {
    mapping = "APDM", filtering = "APDF", alloc = { mode = "sequential", step = 1, noise = 5, parity = false },
    timeout = { initial = "60s", replied = "60s", stream = "60s" },
  },
  tcp = { mapping = "APDM" }, src = { { "archetype of the 18 % that could not be punched", "Ford et al., USENIX'05, abstract", "D" } },
}
nat {
  "android-hotspot", inherit = "linux-masq", doc = "Android tethering: MASQUERADE, usually behind the operator's own NAT",
  src = { { "natctrl_nat_POSTROUTING MASQUERADE", "AOSP netd, tetherctrl", "H" } },
}
nat { "ios-hotspot", inherit = "openbsd-pf-static-port", doc = "iOS personal hotspot", src = { { "made with pf; that it is EIM is not verified", "general knowledge", "L" } } }
nat {
  "docker-bridge", inherit = "linux-masq-open-input", doc = "docker0 on a host that does not filter its INPUT",
  src = { { "Docker installs MASQUERADE and no INPUT drop", "general knowledge", "H" } },
}

-------------------------------------------------------------------------------------------------------------------- clouds

nat {
  "aws-nat-gw", doc = "AWS NAT gateway",
  udp = {
    mapping = "APDM", filtering = "APDF", alloc = { mode = "random", range = { 1024, 65535 }, parity = false }, overload = true,
    timeout = { initial = "350s", replied = "350s", stream = "350s", stream_after = "0s" },
  },
  tcp = { mapping = "APDM", timeout = { est = "350s" }, rst_on_expired = true }, limits = { sessions_per_dest = 55000 },
  src = {
    { "350 s idle, RST for the next packet", "cloudnetworking.pro, cloud-nat-timeouts-demystified; AWS nat-gateway-basics", "D" },
    { "55 000 to one destination, so it depends on the endpoint", "AWS documentation", "H" },
  },
}
nat {
  "aws-1to1", doc = "EC2 public address with a security group that lets everything out", one2one = true,
  udp = { mapping = "EIM", filtering = "APDF", alloc = { mode = "preserve" }, timeout = { initial = "30s", replied = "30s", stream = "180s" } },
  tcp = { timeout = { est = "432000s" } },
  src = { { "UdpTimeout 30, UdpStreamTimeout 180, TcpEstablishedTimeout 432000", "EC2 API, ConnectionTrackingSpecification", "D" } },
}
nat {
  "gcp-cloud-nat-edm", doc = "Google Cloud NAT with dynamic port allocation",
  udp = { mapping = "APDM", filtering = "APDF", alloc = { mode = "random", parity = false }, timeout = { initial = "30s", replied = "30s", stream = "30s" } },
  tcp = { mapping = "APDM", timeout = { est = "1200s", syn = "30s", fin = "30s", timewait = "120s" } }, icmp = { query_timeout = "30s" }, block = { size = 64 },
  src = {
    { "UDP 30, TCP established 1200, transitory 30, TIME_WAIT 120", "oneuptime.com, Cloud NAT timeouts", "D" },
    { "EIM excludes dynamic port allocation; minPortsPerVm is 32 or more", "googleapis, RouterNat", "D" },
    { "64 ports for a machine unless configured", "general knowledge", "H" },
  },
}
nat {
  "gcp-cloud-nat-eim", inherit = "gcp-cloud-nat-edm", doc = "Google Cloud NAT with static ports and endpoint-independent mapping",
  udp = { mapping = "EIM" }, tcp = { mapping = "EIM" }, src = { { "enableEndpointIndependentMapping", "googleapis, RouterNat", "D" } },
}
nat {
  "azure-nat-gw", doc = "Azure NAT gateway",
  udp = {
    mapping = "APDM", filtering = "APDF", alloc = { mode = "random", parity = false }, overload = true,
    timeout = { initial = "240s", replied = "240s", stream = "240s", stream_after = "0s" },
  },
  tcp = { mapping = "APDM", timeout = { est = "240s" }, rst_on_expired = true },
  src = { { "4 min idle for TCP and UDP", "cloudnetworking.pro", "D" }, { "ports used again towards different destinations", "Azure documentation", "H" } },
}
nat {
  "huawei-cloud-nat", doc = "Huawei Cloud NAT gateway",
  udp = { mapping = "APDM", filtering = "APDF", alloc = { mode = "random" }, timeout = { initial = "300s", replied = "300s", stream = "300s" } },
  tcp = { timeout = { est = "900s" } },
  src = { { "UDP 300, TCP 900", "support.huaweicloud.com, NAT specifications", "D" }, { "mapping", "general knowledge", "L" } },
}

-------------------------------------------------------------------------------------------------------------------- carrier grade

nat {
  "cgn-eif-pba", doc = "carrier NAT as BCP 127 asks: EIM and EIF, paired pool, port blocks, hairpin, PCP",
  udp = {
    mapping = "EIM", filtering = "EIF", alloc = { mode = "random", range = { 1024, 65535 } },
    timeout = { initial = "15s", replied = "300s", stream = "300s", stream_after = "0s" }, refresh = { inb = false },
  },
  hairpin = "ext", pool = { size = 8, mode = "paired" }, block = { size = 512, max = 4 }, limits = { ports_per_host = 2048 }, portmap = { "pcp" },
  port_reuse = "120s",
  tcp = { filtering = "EIF", timeout = { syn = "15s", est = "7440s", fin = "240s" } },
  src = {
    { "udp-initial 15 s, UDP 5 min", "Nokia 7750 SR Multiservice ISA guide", "D" },
    { "REQ-1, 2, 4, 7, 8 (a port reuse delay of 120 s), 9", "RFC 6888 3", "R" },
    { "blocks of 512 to 16 K ports", "Richter et al., IMC'16", "M*" },
  },
}
nat {
  "cgn-apdf", inherit = "cgn-eif-pba", doc = "carrier NAT with EIM and APDF, no hairpin, no PCP (against RFC 6888 REQ-1 and REQ-9)",
  udp = { filtering = "APDF", timeout = { initial = "30s", replied = "65s", stream = "65s" } }, tcp = { filtering = "APDF" }, portmap = {}, hairpin = false,
  src = { { "median UDP timeout 65 s in cellular, 35 s in other carrier NATs", "Richter et al., IMC'16", "M*" } },
}
nat {
  "cgn-symmetric-cell", doc = "symmetric carrier NAT of a mobile operator",
  udp = { mapping = "APDM", filtering = "APDF", alloc = { mode = "random", parity = false }, timeout = { initial = "30s", replied = "65s", stream = "65s" } },
  tcp = { mapping = "APDM" }, pool = { size = 16, mode = "arbitrary" }, limits = { ports_per_host = 1024 },
  src = {
    { "more than 90 % of cellular networks have a carrier NAT", "Richter et al., IMC'16, quoted by sover-docs", "D" },
    { "about 40 % of cellular and 11 % of other networks with a carrier NAT are symmetric; about 21 % pool arbitrarily", "Richter et al., IMC'16", "M*" },
  },
}
nat {
  "cgn-hairpin-int", inherit = "cgn-eif-pba", doc = "carrier NAT that hairpins with the internal source (against RFC 4787 REQ-9a)", hairpin = "int",
  src = { { "home routers with APDF behind it drop what comes so", "kernel 6.18.44, double NAT in network namespaces", "M" } },
}
nat {
  "nat64", doc = "stateful NAT64 of RFC 6146", family = "64", prefix = "64:ff9b::/96",
  udp = {
    mapping = "EIM", filtering = "ADF", alloc = { mode = "preserve", classes = { { 1, 1023 }, { 1024, 65535 } }, parity = true },
    timeout = { initial = "300s", replied = "300s", stream = "300s" },
  },
  hairpin = "ext", tcp = { filtering = "ADF", syn_in = "hold6", timeout = { syn = "240s", est = "7200s", fin = "7440s", close = "240s", timewait = "240s" } },
  icmp = { query_timeout = "60s" },
  src = {
    { "UDP 5 min (2 at least), TCP_EST 2 h and TCP_TRANS 4 min, TCP_INCOMING_SYN 6 s, ICMP 60 s; RST and both FINs lead to TCP_TRANS", "RFC 6146 3.5.2.2, 4", "R" },
    { "ADF is an option, off in Jool, which is then EIF", "Jool, usr-flags", "D" },
  },
}

nat {
  "nptv6", doc = "prefix translation of RFC 6296, which keeps no state", family = "66", prefix = "2001:db8:4e50::/48",
  udp = { mapping = "EIM", filtering = "EIF" }, tcp = { filtering = "EIF" }, hairpin = "ext",
  src = { { "one address for each address, neutral to checksums; hairpin", "RFC 6296 2.5, 3", "R" } },
}

-------------------------------------------------------------------------------------------------------------------- firewalls and access policies

-- No translation. udp = "any" | "block" | { mapping, filtering, timeout: stateful; stream: idle time once answered and 2 s old | rate_pps, burst:
--   policer | max_flow_age: then the flow is dead }. icmp_timeout, other_timeout: of queries, of protocols without ports.
-- conntrack: flows are what netfilter takes for them, what it calls invalid passes neither way; timeout then has syn_recv, close_wait, last_ack,
--   timewait, unacked too.
-- tcp = "any" | "block" | { filtering: stateful; timeout = { syn, est, fin, close }; syn_in: an unsolicited SYN "drop" | "rst" | "icmp" | "hold6"
--   (6 s, then ICMP, as for an INIT of SCTP); loose: a segment from inside without a flow opens one; idle: an open flow silent so long is ended, max_flow_age: whatever
--   its traffic, by kill = "drop" | "rst" (to both) | "late-rst" (to what comes later from inside); rst_ports, rst_after: forged resets on flows
--   to these ports once so many bytes of payload have passed }.
-- udp_out, tcp_out: allowed destination ports of what goes out, "*" is any; udp_in, tcp_in: of what comes in without being asked for. A policy
--   with any of them is stateful for that protocol.
-- ingress: of IPv6, no forged or local addresses and no deprecated headers pass (RFC 6092 REC-3 to 7).
-- police = { up, down = { pps, burst, rate, bucket } }: drops what is beyond, all protocols. ipsec: ESP, AH and IKE pass both ways.
-- proxy: on the box's own host, reached from inside alone: type, addr, allow_ports, auth "user:password", scheme = "basic" | "digest" | "digest-md5", idle (a silent tunnel is ended), udp.
-- tunnel: mtu, extra_rtt, exit (profile of the NAT at its end). http_redirect: address of a captive portal, open after until_login.
-- portal_tls = "drop" | "reset" | "own": what a portal does with TCP to 443, before the login; own: TLS with a certificate of its own address.
-- portal_says = "302" | "511" to HTTP for others.
-- tls_mitm, ws_upgrade = "strip": TCP to 443 and to 80 is looked into; tls_intercept: and decrypted, for clients that trust the box (host.trusts_inspector),
--   but for the names of tls_pass, "bank.example,*.gov.example".
firewall { "none", doc = "lets everything pass", udp = "any" }
firewall {
  "stateful", doc = "IPv6 home firewall with APDF (RFC 6092 REC-17 and REC-33 ask for EIF, or ADF where stricter)",
  udp = { mapping = "EIM", filtering = "APDF", timeout = "300s" }, one2one = true, ipsec = true, ingress = true,
  tcp = { filtering = "APDF", syn_in = "hold6", timeout = { syn = "240s", est = "7440s", fin = "240s", close = "240s" } },
  src = {
    { "REC-14: UDP 2 min at least, 5 min unless configured (REC-15: less for ports 0-1023); REC-17: filtering", "RFC 6092 3.2.3", "R" },
    { "REC-34: ICMP after 6 s; REC-35: 2 h 4 min when open, else 4 min", "RFC 6092 3.3.1", "R" },
    { "REC-21, 22, 24, 26: AH, ESP, UDP port 500 and HIP are not prohibited", "RFC 6092 3.2.4", "R" },
    { "REC-3 to 7: forged and local sources, deprecated headers", "RFC 6092 3.1", "R" },
    { "REC-11, 12: other protocols as if they had no connections, 5 min", "RFC 6092 3.2.2", "R" },
    { "REC-38 to 46: SCTP and DCCP likewise, but 2 h 4 min, and an INIT from outside is held 6 s", "RFC 6092 3.3.2, 3.3.3", "R" },
  },
}
firewall {
  "rfc6092", inherit = "stateful", doc = "IPv6 home firewall as RFC 6092 asks for by default: endpoint-independent filtering",
  udp = { filtering = "EIF" }, tcp = { filtering = "EIF" },
  src = { { "REC-17 and REC-33: endpoint-independent by default", "RFC 6092 3.2.3, 3.3.1", "R" } },
}
firewall {
  "outbound-only", doc = "whatever begins inside, and silence towards the outside: Linux with nftables", conntrack = true,
  udp = { filtering = "APDF", timeout = "30s", stream = "120s" }, icmp_timeout = "30s", other_timeout = "600s",
  tcp = {
    filtering = "APDF", syn_in = "drop", loose = true,
    timeout = {
      syn = "120s", syn_recv = "60s", est = "432000s", fin = "120s", close_wait = "60s", last_ack = "30s", timewait = "120s", close = "10s",
      unacked = "300s",
    },
  },
  src = {
    { "ct state established,related accept; invalid drop; the rest of what comes in is dropped", "nftables wiki, Simple ruleset for a home router", "D" },
    { "times, and picking up connections in the middle (nf_conntrack_tcp_loose)", "kernel documentation, nf_conntrack-sysctl", "D" },
    { "phases, windows, fragments, checksums, ICMP and ICMPv6 in both families", "kernel 6.18.44, network namespaces", "M" },
  },
}
firewall {
  "inbound-web", doc = "rules that differ by direction: a server network, where 80 and 443 come in and nothing but DNS and 443 goes out",
  udp_out = { 53 }, tcp_out = { 443 }, tcp_in = { 80, 443 },
  src = { { "servers are reached on their ports and start little themselves", "NIST SP 800-41 Rev. 1, section 4", "M*" } },
}
firewall {
  "udp-blocked", doc = "no UDP", udp = "block", tcp_out = { 80, 443, "*" },
  src = { { "BLOCK_UDP", "libwebrtc p2p_transport_channel_unittest.cc", "D" } },
}
firewall { "udp-dns-only", doc = "UDP for name resolution alone", udp_out = { 53 }, tcp_out = { 80, 443 } }
firewall { "udp-443-only", doc = "company network that lets QUIC out", udp_out = { 443, 53 }, tcp_out = { 80, 443 } }
firewall {
  "tcp-443-only", doc = "web alone", udp = "block", tcp_out = { 80, 443 },
  src = { { "BLOCK_ALL_BUT_OUTGOING_HTTP", "libwebrtc p2p_transport_channel_unittest.cc", "D" } },
}
firewall {
  "http-proxy-connect", doc = "an HTTP proxy with CONNECT alone", udp = "block", tcp_out = {},
  proxy = { type = "http-connect", addr = "10.9.9.9:3128", allow_ports = { 443 }, idle = "60s" },
  src = {
    { "PROXY_HTTPS", "libwebrtc p2p_transport_channel_unittest.cc", "D" }, { "idle timeout", "general knowledge", "L" },
    { "a proxy should allow CONNECT to a limited set of ports", "RFC 9110 9.3.6", "R" },
  },
}
firewall {
  "http-proxy-auth", inherit = "http-proxy-connect", doc = "the same, for those with a password", proxy = { auth = "alice:secret" },
  src = { { "407 and Proxy-Authorization; Basic", "RFC 9110 11.7, RFC 7617", "R" } },
}
firewall {
  "http-proxy-digest", inherit = "http-proxy-auth", doc = "the same by Digest, so that the password is not sent", proxy = { scheme = "digest" },
  src = { { "407 and Proxy-Authorization; Digest with SHA-256 and MD5", "RFC 7616 3.7, 3.8", "R" } },
}
firewall {
  "socks5-proxy", doc = "a SOCKS proxy alone", udp = "block", tcp_out = {}, proxy = { type = "socks5", addr = "10.9.9.9:1080" },
  src = { { "PROXY_SOCKS", "libwebrtc p2p_transport_channel_unittest.cc", "D" } },
}
firewall {
  "socks5-proxy-auth", inherit = "socks5-proxy", doc = "the same, for those with a password", proxy = { auth = "alice:secret" },
  src = { { "username and password", "RFC 1929", "R" } },
}
firewall {
  "socks5-proxy-udp", inherit = "socks5-proxy", doc = "a SOCKS proxy that grants UDP ASSOCIATE", proxy = { udp = true },
  src = { { "UDP ASSOCIATE", "RFC 1928 7", "D" } },
}
firewall {
  "tls-inspection", doc = "reads TLS under certificates of its own: breaks what is not HTTP on 443, and upgrades to WebSocket",
  udp = "block", tcp_out = { 80, 443 }, tls_mitm = true, tls_intercept = true, ws_upgrade = "strip",
  src = { { "middleboxes that terminate TLS with a CA installed on clients", "Durumeric et al., The Security Impact of HTTPS Interception, NDSS 2017", "D" } },
}
firewall { "captive-portal", doc = "catches DNS and HTTP until the login", udp = "block", tcp_out = { 80, 443 }, http_redirect = "10.9.9.1", until_login = "30s" }
firewall {
  "captive-portal-login", inherit = "captive-portal", doc = "the same until the client logs in: whoever posts to the portal's /login", until_login = "24h",
  src = { { "a portal lets a client pass once its conditions are satisfied", "RFC 8952 2.3, 3", "M*" } },
}
firewall {
  "vpn-full-tunnel", doc = "everything leaves through the NAT of a VPN's exit", tunnel = { mtu = "1420B", extra_rtt = "30ms", exit = "symmetric" },
  src = { { "clients behind a VPN punch much worse", "discuss.libp2p.io/t/1616", "D" } },
}
firewall { "udp-ratelimit", doc = "policer against floods", udp = { rate_pps = 100, burst = 50 } }
firewall {
  "rate-limit", doc = "policer of 1 Mbit/s up and 4 Mbit/s down, without a queue", police = { up = { rate = "1Mbps", bucket = "16KiB" }, down = { rate = "4Mbps", bucket = "64KiB" } },
  src = {
    { "7 % of paths are policed, with loss six times that of others", "Flach et al., SIGCOMM'16", "M*" },
    { "single rate, in bytes", "RFC 2697", "D" },
  },
}
firewall { "udp-idle-kill", doc = "ends every flow after 300 s, whatever its traffic", udp = { max_flow_age = "300s" } }
firewall {
  "tcp-idle-drop", doc = "forgets TCP connections that were idle for 4 min, silently", tcp = { filtering = "APDF", idle = "240s" },
  src = { { "idle timeout 4 min, silent unless TCP reset is switched on", "Azure documentation, Load Balancer TCP reset and idle timeout", "D" } },
}
firewall {
  "tcp-idle-reset", doc = "the same, and resets both ends", inherit = "tcp-idle-drop", tcp = { kill = "rst" },
  src = { { "TCP reset on idle, to both ends", "Azure documentation, Load Balancer TCP reset and idle timeout", "D" } },
}
firewall {
  "tcp-idle-late-reset", doc = "forgets after 350 s and resets what comes later", tcp = { filtering = "APDF", idle = "350s", kill = "late-rst" },
  src = { { "350 s, then a RST to what is sent on the connection", "AWS documentation, NAT gateways", "D" } },
}
firewall {
  "rst-injector", doc = "resets connections to ports other than the web's early, as censors do", tcp = { rst_ports = { 3478, 5349, 8443 }, rst_after = "500B" },
  src = { { "forged resets to both ends by what a connection carries", "Clayton et al., Ignoring the Great Firewall of China, PET'06", "M*" } },
}

-------------------------------------------------------------------------------------------------------------------- chains, host outwards

chain { "nat444-cgn-eif", "linux-masq", "cgn-eif-pba" }
chain { "nat444-cgn-apdf", "linux-masq", "cgn-apdf" }
chain { "nat444-cgn-sym", "linux-masq", "cgn-symmetric-cell" }
chain { "hotspot-cell", "android-hotspot", "cgn-symmetric-cell" }
chain { "double-home", "linux-masq", "home-gw-2010-median" }
chain { "docker-in-cloud", "docker-bridge", "gcp-cloud-nat-edm" }
chain { "corp", "cisco-asa" }

-------------------------------------------------------------------------------------------------------------------- links

-- delay (one way), jitter, rate, queue, mtu, loss, burst (mean, in packets) for both directions, or in up = {}, down = {}.
-- ge: Gilbert-Elliott, p good to bad, r bad to good, k and h passed in good and bad; loss and burst are worked out from it.
-- period, gap, period_loss: every period an outage and a loss. flap: down for, up for, n times. drop = "all", oneway. events: at t, or when
-- detected (after least to most), an interface goes down or up.
link { "lan", doc = "a cable at home", rate = "1Gbps", delay = "200us" }
link { "fiber", doc = "fibre to the home", rate = "1Gbps", delay = "5ms", jitter = "300us", loss = "10ppm" }
link {
  "dsl-bloat", doc = "1 Mbit/s up with a FIFO of 256 KiB: two seconds of queue", delay = "12ms", queue = "256KiB", up = { rate = "1Mbps" }, down = { rate = "16Mbps" },
  src = { { "archetype of FIFO depth; queueing delays of home gateways were measured", "Hätönen et al., IMC'10", "L" } },
}
link {
  "wifi-good", doc = "Wi-Fi in the same room", delay = "3ms", jitter = "2ms", ge = { p = "0.2%", r = "50%", k = "100%", h = "50%" },
  src = { { "form of the loss model", "Haßlinger and Hohlfeld 2008", "D" }, { "numbers", "archetype", "L" } },
}
link {
  "wifi-bad", doc = "Wi-Fi two walls away", delay = "10ms", jitter = "15ms", ge = { p = "2%", r = "20%", k = "99.5%", h = "30%" },
  src = { { "numbers", "archetype", "L" } },
}
link {
  "lte", doc = "mobile network", delay = "25ms", jitter = "8ms", ge = { p = "0.08%", r = "10%", k = "100%", h = "20%" },
  src = { { "numbers", "archetype", "L" } },
}
link {
  "starlink", doc = "satellite that changes every 15 s", delay = "20ms", jitter = "5ms", period = "15s", gap = "150ms", period_loss = "15%", loss = "0.5%",
  src = {
    { "15 s period of reconfiguration, the delay steps with it", "arXiv 2310.09242; Garcia 2025 (kau-107494); blog.wirelessmoves.com 2024-07", "D" },
    { "length of the gap", "archetype", "L" },
  },
}
link {
  "wifi-lte-handover", doc = "Wi-Fi ends, LTE comes when that is noticed", events = { { t = "0s", down = "wifi" }, { t = "detect", up = "lte" } }, detect = { "1s", "15s" },
  src = { { "an outage of more than 15 s seen in a call on a phone: time to detect, to link up, to start the transport", "besthub.dev", "D" } },
}
link { "flap", doc = "down 3 s, up 10 s, five times", flap = { down = "3s", up = "10s", n = 5 } }
link { "blackhole", doc = "swallows everything", drop = "all", oneway = false }
link { "oneway-blackhole", doc = "swallows one direction", drop = "all", oneway = true }
