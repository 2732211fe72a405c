#!/bin/sh
# Worlds made by hand: routers, boxes that change while they run, what servers count.
. tests/cli/lib.sh

# broken WHAT WHERE MESSAGE: the body of run on standard input ends its case. It begins on line 3.
broken() {
  claim "$1"
  { printf 'local tank = require "icetank"\nreturn tank.scenario { "x", run = function(t)\n'; cat; echo 'end }'; } >x.lua
  run run x.lua --out x --pcap none
  has stdout "x.lua$2"
  has stdout "$3"
}

claim "a router hands on in both families, takes one off the hop limit and is on the trace's way"
scenario scenarios/router.lua <<'LUA'
local tank = require "icetank"
return tank.scenario { "two routers in a row",
  matrix = { family = { "v4", "v6" } },
  run = function(t, cell)
    local outer = t:router { "outer", family = cell.family }
    local inner = t:router { "inner", family = cell.family, behind = outer, link = { delay = "7ms" } }
    local a, b = t:host { "a", behind = inner, family = cell.family }, t:host { "b", family = cell.family }
    t:check { "the next box", a.gateway.gateway == outer, equals = true }
    local near, far = a.udp:open(), b.udp:open { port = 7000 }
    near:send(far.addr, "hello")
    local ev = far:next { "message", within = "1s" }
    t:check { "from a itself", ev and ev.addr, equals = near.addr }
    t:check { "the way", ev and ev.at, between = { "27ms", "28ms" } }
  end }
LUA
run run scenarios/router.lua --out out --pcap all
ends 0
has stdout '2 as predicted'
[ -s out/cases/router,family=v6.pcapng ] || wrong "no capture"
if command -v tshark >/dev/null 2>&1; then
  tshark -r out/cases/router,family=v4.pcapng -T fields -e frame.interface_name -e ip.ttl 'udp.dstport == 7000' >ttl 2>/dev/null
  [ "$(awk '{ print $2 }' ttl | sort -rnu | tr '\n' ' ')" = "64 63 62 61 " ] || wrong "hop limits: $(cat ttl)"
fi
broken "a router has no state to lose" :3 'reboot: r has no state to lose; cut its link' <<'LUA'
  t:router { "r" }:reboot()
LUA
broken "a router needs its family outside" :3 'there is no IPv6 outside r' <<'LUA'
  t:router { "r", addr = "2001:db8::7", behind = t:nat { "n", "linux-masq" } }
LUA

broken "a router that is given two addresses of a family" :3 'router.addr: r has one address of each family' <<'LUA'
  t:router { "r", addr = { "203.0.113.50", "203.0.113.51" } }
LUA

# what the address of ... is already: both places are said
broken "an address that a server has" :3 'b: 203.0.113.2 is the address of stun already (x.lua:3)' <<'LUA'
  t:host { "b", addr = "203.0.113.2" }
LUA
broken "an address given twice at the internet" :4 'b: 203.0.113.77 is the address of a already (x.lua:3)' <<'LUA'
  t:host { "a", addr = "203.0.113.77" }
  t:host { "b", addr = "203.0.113.77/24" }
LUA
broken "an address given twice behind a NAT, written otherwise the second time" :5 'b: 2001:db8:7::1 is the address of a already (x.lua:4)' <<'LUA'
  local w = t:firewall { "w", "stateful" }
  t:host { "a", behind = w, addr = "2001:db8:7::1" }
  t:host { "b", behind = t:router { "r", family = "v6" }, addr = "2001:DB8:7:0::1" }
LUA
broken "the address of the box in front" :4 'a: 10.7.0.1 is the address of n already (x.lua:3)' <<'LUA'
  local n = t:nat { "n", "linux-masq", lan = "10.7.0.0/24" }
  t:host { "a", behind = n, addr = "10.7.0.1" }
LUA
broken "an outside address of a NAT that a host has" :4 'n: 203.0.113.77 is the address of a already (x.lua:3)' <<'LUA'
  t:host { "a", addr = "203.0.113.77" }
  t:nat { "n", "linux-masq", addr = "203.0.113.77" }
LUA
broken "one address on two interfaces of a host" :5 'a.two: 192.168.1.7 is the address of a.one already; sockets of a could not tell them apart' <<'LUA'
  local m = t:nat { "m", "linux-masq", lan = "192.168.1.0/24" }
  local n = t:nat { "n", "linux-masq", lan = "192.168.1.0/24" }
  t:host { "a", { "one", behind = m, addr = "192.168.1.7" }, { "two", behind = n, addr = "192.168.1.7" } }
LUA
broken "an address of another net" :3 'host.addr: 192.168.2.7 is not in 192.168.1.0/24, the net that a.eth is in' <<'LUA'
  t:host { "a", behind = t:nat { "n", "linux-masq" }, addr = "192.168.2.7" }
LUA
broken "an address that is none" :3 'host.addr: expected an IP address' <<'LUA'
  t:host { "a", addr = "203.0.113.300" }
LUA
broken "a group as the address of a host" :3 'host.addr: "224.0.0.9" is a group' <<'LUA'
  t:host { "a", addr = "224.0.0.9" }
LUA
broken "more addresses than a NAT has outside" :3 'nat.addr: linux-masq has 1 address outside, not 2' <<'LUA'
  t:nat { "n", "linux-masq", addr = { "203.0.113.50", "203.0.113.51" } }
LUA
broken "an inside that is no net" :3 'nat.lan: "192.168.1.0" is no IPv4 net of 8 to 29 bits, like "192.168.1.0/24"' <<'LUA'
  t:nat { "n", "linux-masq", lan = "192.168.1.0" }
LUA
broken "an inside that is also outside" :4 'nat.lan: 10.0.0.0/16 is also outside n, behind m (x.lua:3)' <<'LUA'
  local m = t:nat { "m", "linux-masq", lan = "10.0.3.0/24" }
  t:nat { "n", "linux-masq", lan = "10.0.0.0/16", behind = m }
LUA
broken "two sites of one prefix" :4 'n: 2001:db8:9:80::/57 overlaps 2001:db8:9::/48 of m (x.lua:3)' <<'LUA'
  t:nat { "m", "nptv6", set = { prefix = "2001:db8:9::/48" } }
  t:nat { "n", "nptv6", set = { prefix = "2001:db8:9:80::/57" } }
LUA
broken "a site around an address that somebody has" :4 'n: 2001:db8:9::/48 overlaps 2001:db8:9::5 of a (x.lua:3)' <<'LUA'
  t:host { "a", addr = "2001:db8:9::5" }
  t:nat { "n", "nptv6", set = { prefix = "2001:db8:9::/48" } }
LUA
broken "an address of another's site" :4 'a: 2001:db8:9::5 is in 2001:db8:9::/48, the prefix of n (x.lua:3)' <<'LUA'
  t:nat { "n", "nptv6", set = { prefix = "2001:db8:9::/48" } }
  t:host { "a", addr = "2001:db8:9::5" }
LUA
broken "a server that is not up" :4 'the stun server is not up: t:internet { servers = ... } leaves it out (x.lua:3)' <<'LUA'
  t:internet { servers = { "signal" } }
  t:host { "a" }.B:new { stun = "stun" }
LUA
broken "signaling without its server" :4 'the signal server is not up: t:internet { servers = ... } leaves it out (x.lua:3)' <<'LUA'
  t:internet { servers = { "stun" } }
  t:call { t:host { "a" }, t:host { "b" }, model = "B" }
LUA

claim "addresses that the script gives are kept, and given to nobody else"
scenario scenarios/given.lua <<'LUA'
local tank = require "icetank"
return tank.scenario { "given addresses",
  run = function(t)
    local n = t:nat { "n", "linux-masq", addr = "203.0.113.4", lan = "172.20.0.0/28" }
    t:check { "outside", n.address, equals = "203.0.113.4" }
    local a, b = t:host { "a", behind = n, addr = "172.20.0.2" }, t:host { "b", behind = n }
    t:check { "a", a:addr(), equals = "172.20.0.2" }
    t:check { "b", b:addr(), equals = "172.20.0.3" }
    t:check { "c", t:host { "c" }:addr(), equals = "203.0.113.3" }
    t:check { "d", t:host { "d" }:addr(), equals = "203.0.113.5" }
    local near, far = a.udp:open(), t:host { "e" }.udp:open { port = 9 }
    near:send(far.addr, "x")
    t:check { "seen from outside", far:next { "message", within = "1s" }.addr:match "^(.*):", equals = "203.0.113.4" }
  end }
LUA
run run scenarios/given.lua --out out --pcap none
ends 0

claim "homes of two hosts have equal nets, those of one host and those of named boxes do not"
scenario scenarios/nets.lua <<'LUA'
local tank = require "icetank"
return tank.scenario { "nets",
  run = function(t)
    local function net(iface) return iface:addr():match "^(.*)%." end
    local m, n = t:nat { "m", "linux-masq" }, t:nat { "n", "linux-masq" }
    local a, b = t:host { "a", behind = "linux-masq" }, t:host { "b", behind = "symmetric" }
    t:check { "as at home", net(a), equals = net(b) }
    t:check { "named boxes", net(t:host { "c", behind = m }) ~= net(t:host { "d", behind = n }) }
    local seen = {}
    local two = t:host { "two", { "x", behind = "linux-masq" }, { "y", behind = m }, { "z", behind = "cgn-apdf" }, { "w", behind = "cgn-apdf" } }
    for i, base in ipairs(two.E:open(("f"):rep(8), ("p"):rep(24)):addrs()) do
      local name = base:match "^(.*)%.%d+:"
      t:check { "net " .. i, seen[name] == nil }
      seen[name] = true
    end
  end }
LUA
run run scenarios/nets.lua --out out --pcap none
ends 0

claim "two interfaces in nets that overlap on purpose both carry what is sent from them"
scenario scenarios/overlap.lua <<'LUA'
local tank = require "icetank"
return tank.scenario { "overlap",
  matrix = { dead = { "one", "two" }, model = { "B", "E" } },
  run = function(t, cell)
    local m, n = t:nat { "m", "linux-masq", lan = "192.168.1.0/24" }, t:nat { "n", "linux-masq", lan = "192.168.1.0/24" }
    local a = t:host { "a", { "one", behind = m }, { "two", behind = n } }
    local b = t:host { "b", behind = "port-cone" }
    local call = t:call { a, b, model = cell.model, media = "voice" }
    call:await { "open", within = "10s" }
    t:at "11s"
    a.iface[cell.dead]:down()
    t:sleep "30s"
    call:forbid { "death", during = "10s" }
  end }
LUA
run run scenarios/overlap.lua --out out --pcap none
ends 0

claim "a host connects to a neighbour by the interface beside it, also when the neighbour has moved"
scenario scenarios/beside.lua <<'LUA'
local tank = require "icetank"
return tank.scenario { "beside",
  matrix = { box = { "stateful", "router", "nat64" } },
  run = function(t, cell)
    local six = cell.box ~= "stateful"
    local w = cell.box == "router" and t:router { "w", family = "v6" } or cell.box == "stateful" and t:firewall { "w", "stateful" } or t:nat { "w", "nat64" }
    local a = t:host { "a", { "out", family = six and "v6" or nil }, { "lan", behind = w, family = six and "v6" or nil } }
    local b = t:host { "b", behind = w, family = six and "v6" or nil }
    b.tcp:listen { 9, echo = true }
    for i = 1, 2 do
      local c = a.tcp:connect { b:addr(9) }
      t:check { "it opens " .. i, c:next { "open", within = "2s" } ~= nil, equals = true }
      b.iface.eth:renumber()
    end
  end }
LUA
run run scenarios/beside.lua --out out --pcap none
ends 0

claim "a NAT that is set otherwise maps otherwise from then on"
scenario scenarios/set.lua <<'LUA'
local tank = require "icetank"
return tank.scenario { "from cone to symmetric",
  run = function(t)
    local a = t:host { "a", behind = "port-cone" }
    local b, c = t:host { "b" }, t:host { "c" }
    local near = a.udp:open()
    local function seen(host)
      local far = host.udp:open()
      near:send(far.addr, "x")
      return far:next { "message", within = "1s" }.addr
    end
    local first = seen(b)
    t:check { "a cone", seen(c), equals = first }
    a.gateway:set { udp = { mapping = "APDM" } }
    t:check { "symmetric", seen(c) ~= first, equals = true }
  end }
LUA
run run scenarios/set.lua --out out --pcap none
ends 0
broken "a field that NATs do not have" :3 'no field "mappin"; did you mean "mapping"?' <<'LUA'
  t:nat { "n", "linux-masq" }:set { udp = { mappin = "APDM" } }
LUA
broken "IPv6 behind a NAT that knows IPv4 alone" :3 'n hands on no IPv6; write t:nat { "n", "linux-masq", ipv6 = "stateful" }' <<'LUA'
  t:host { "a", behind = t:nat { "n", "linux-masq" }, family = "dual" }
LUA
broken "IPv6 without IPv6 outside" :3 'nat.ipv6: there is no IPv6 outside n' <<'LUA'
  t:nat { "n", "linux-masq", behind = t:nat { "m", "linux-masq" }, ipv6 = "stateful" }
LUA
broken "a policy for IPv6 that there is not" :3 'host.behind.ipv6: no policy "statefull"; did you mean "stateful"?' <<'LUA'
  t:host { "a", behind = "linux-masq", family = "dual", ipv6 = "statefull" }
LUA
broken "a policy for IPv6 that is more than a firewall" :3 'nat.ipv6: socks5-proxy has more than a firewall' <<'LUA'
  t:nat { "n", "linux-masq", ipv6 = "socks5-proxy" }
LUA
broken "a policy for IPv6 of a host without it" :3 'host.ipv6: is of use with family = "dual"' <<'LUA'
  t:host { "a", behind = "linux-masq", ipv6 = "none" }
LUA
broken "a policy for IPv6 where no NAT is made" :3 'host.ipv6: no NAT is made here; say it where one is' <<'LUA'
  t:host { "a", family = "dual", ipv6 = "none" }
LUA
broken "what stands beside a firewall stays" :3 'firewall.set: what stands beside a firewall stays; make another one' <<'LUA'
  t:firewall { "w", "none" }:set { proxy = { type = "socks5", addr = "10.9.9.9:1080" } }
LUA
broken "a name without a proxy" :3 'connect: bob is a name: host:resolve finds its address, or a proxy does' <<'LUA'
  t:host { "a" }.tcp:connect { "bob:443" }
LUA
broken "a name without a port" :3 'connect: "bob" is no address with a port' <<'LUA'
  t:host { "a" }.tcp:connect { "bob", via = "http://10.9.9.9:3128" }
LUA
broken "UDP by a proxy that carries none" :3 'udp.via: "http://10.9.9.9:3128" is no proxy for UDP' <<'LUA'
  t:host { "a" }.udp:open { via = "http://10.9.9.9:3128" }
LUA
broken "a pool is fixed while a NAT runs" :3 'set: pool, port blocks and one2one are fixed while a NAT runs' <<'LUA'
  t:nat { "n", "linux-masq" }:set { pool = { size = 4 } }
LUA

claim "the signal server counts its messages"
scenario scenarios/signal.lua <<'LUA'
local tank = require "icetank"
return tank.scenario { "messages",
  run = function(t)
    local call = t:call { t:host { "a" }, t:host { "b" }, model = "B" }
    call:await { "open", within = "5s" }
    t:check { "messages", t.server.signal.stats.messages, between = { 2, 20 } }
  end }
LUA
run run scenarios/signal.lua --out out --pcap none
ends 0

claim "the oracle says where a call may die of what its links lose"
scenario scenarios/lossy.lua <<'LUA'
local tank = require "icetank"
local FINE = { {}, { loss = "5%" }, { mask = "00000000000000000001" }, { period = "10s", gap = "300ms" }, { corrupt = "2%", truncate = "3%" } }
local BAD  = { { loss = "8%" }, { mask = "0001" }, { period = "10s", gap = "2s" }, { corrupt = "5%", truncate = "5%" }, { trace = { { at = "0s" }, { at = "1s", loss = "20%" } } } }
return tank.scenario { "lossy",
  run = function(t)
    local n = 0
    local function says(link, two)
      n = n + 1
      local list = { "a" .. n, { "wire", link = link } }
      if two then list[3] = { "other" } end
      return t:call { t:host(list), t:host { "b" .. n }, model = "B" }.oracle.may_fail
    end
    for i, link in ipairs(FINE) do t:check { "fine " .. i, says(link) == nil } end
    for i, link in ipairs(BAD) do t:check { "bad " .. i, says(link) ~= nil, equals = true } end
    t:check { "one way", says { up = { loss = "20%" } } ~= nil, equals = true }
    t:check { "another way", says({ loss = "50%" }, true) == nil }
    t:check { "why", says { loss = "30%" }, equals = "the links fail 51 of 100 checks, all 7 tries of one with a chance of 8974 in a million (RFC 8489 section 6.2.1)" }
    t:sleep "1s"
  end }
LUA
run run scenarios/lossy.lua --out out --pcap none
has stdout '1 as predicted, 0 not, 0 errors'
finish
