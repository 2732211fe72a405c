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
