#!/bin/sh
# Values that say nothing, contradict each other or overwrite what a case is judged by: an error with file and line, never a silent pass.
. tests/cli/lib.sh
mkdir -p scenarios

hosts='local a, b = t:host { "a", behind = "linux-masq" }, t:host "b"  local c = t:call { a, b, model = "B" }'
# in_run NAME MESSAGE CODE: CODE, on line 4 of a case with a call, ends it with MESSAGE.
in_run() {
  claim "$1"
  printf 'local tank = require "icetank"\nreturn tank.scenario { "x", run = function(t)\n  %s\n  %s\n  t:sleep "9s"\nend }\n' "$hosts" "$3" >scenarios/x.lua
  run run scenarios/x.lua --out c --pcap none
  ends 1
  has stdout "      error     $2"
  has stdout "      where     scenarios/x.lua:4"
}
# is_fine NAME CODE: CODE stands, though much like it does not.
is_fine() {
  claim "fine: $1"
  printf 'local tank = require "icetank"\nreturn tank.scenario { "x", run = function(t)\n  %s\n  %s\n  t:sleep "9s"\nend }\n' "$hosts" "$2" >scenarios/x.lua
  run run scenarios/x.lua --out c --pcap none
  lacks stdout ERROR
}

# What the judge reads of a call.
for k in ends far near oracle verdict label model; do
  in_run "a call's $k is not written" 'a call has no fields to set' "c.$k = nil"
done
in_run "a call's ends are not to be had" 'call has no "ends"' 'local _ = c.ends'
is_fine "the ends by their hosts" 'c[a]:expect { "open", within = "5s" } c[b]:expect { "open", within = "5s" }'

# Numbers that every call has.
for k in t_conn false_alarms connected lost_2 t_first_media_17; do
  in_run "metric $k is the tank's" "metric: \"$k\" is a number that every call has" "t:metric { \"$k\", 7 }"
done
is_fine "names that only look like them" 't:metric { "t_connx", 7 } t:metric { "my_lost", 1 } t:metric { "lost_at_b", 1 }'

# Links: zeros that would mean "none", fields without the one that gives them a meaning, contradictions.
for kv in 'rate 0bps' 'queue 0B' 'mtu 0B' 'burst 0ms' 'bucket 0B' 'period 0s' 'period_loss 0%' 'every 0s'; do
  in_run "link.${kv% *} of nothing" "host.link.${kv% *}: must be above 0; " "t:host { \"x\", link = { \"lan\", ${kv% *} = \"${kv#* }\" } }"
done
in_run "a burst of no packet" 'host.link.burst: must be above 0; 1 is losses one by one' 't:host { "x", link = { burst = 0, loss = "1%" } }'
in_run "a zero of one direction" 'host.link.up.mtu: must be above 0;' 't:host { "x", link = { up = { mtu = "0B" } } }'
in_run "codel's target of nothing" 'host.link.target: must be above 0;' 't:host { "x", link = { aqm = "codel", target = "0ms" } }'
in_run "codel's target beyond its interval" 'host.link.target: 100ms is longer than the interval of 5ms' 't:host { "x", link = { aqm = "codel", target = "100ms", interval = "5ms" } }'
in_run "codel's interval below its usual target" 'host.link.target: 5ms is longer than the interval of 1ms' 't:host { "x", link = { aqm = "codel", interval = "1ms" } }'
in_run "a burst without a loss" 'host.link.burst: nothing is lost; write loss too' 't:host { "x", link = { "lan", burst = 4 } }'
in_run "a burst without a loss, later" 'link.set.burst: nothing is lost; write loss too' 'a.link:set { burst = 4 }'
in_run "a queue without a rate" 'host.link.queue: nothing queues without a rate' 't:host { "x", link = { "blackhole", queue = "10kB" } }'
in_run "up in up" 'host.link.up: no field "up"' 't:host { "x", link = { up = { up = { loss = "1%" } } } }'
in_run "a direction that flaps" 'host.link.down: no field "flap"' 't:host { "x", link = { down = { flap = { down = "1s", up = "1s", n = 1 } } } }'
in_run "a direction that says nothing" 'host.link.down: says nothing' 't:host { "x", link = { down = {} } }'
in_run "no flap" 'link.flap.n: at least once' 't:host { "x", link = { flap = { down = "1s", up = "1s", n = 0 } } }'
in_run "a flap of no time" 'link.flap.down: a time above 0' 'a.link:set { flap = { down = "0s", up = "1s", n = 2 } }'
is_fine "what ends something" 't:host { "x", link = { "wifi-bad", loss = "0%", burst = 4, rate = "unlimited", queue = "10kB", jitter = "0ms" } } a.link:set { reorder = "5%" }'

# The TCP of hosts.
in_run "a switch that is none" 'host.tcp: no field "rak"; did you mean "rack"?' 't:host { "x", tcp = { rak = false } }'
in_run "a congestion control that is none" 'host.tcp.control: no control "cubik"; one of "cubic", "reno"; did you mean "cubic"?' 't:host { "x", tcp = { control = "cubik" } }'
in_run "no initial window" 'host.tcp: cwnd is from 1 to 1000 segments' 't:host { "x", tcp = { cwnd = 0 } }'
in_run "a wide field" 'host.tcp: abc is out of range' 't:host { "x", tcp = { abc = 300 } }'
in_run "a largest time-out below the least" 'host.tcp: rto_max is at least rto_min' 't:host { "x", tcp = { rto_max = "1ms" } }'
in_run "a switch that is a number" 'host.tcp.rack: expected boolean' 't:host { "x", tcp = { rack = 1 } }'
is_fine "all of them" 't:host { "x", tcp = { control = "reno", rack = false, tlp = false, prr = false, frto = false, eifel = false, dsack = false, quickack = false, hystart = false, abc = 1, delack = "20ms", snd_buf = "64KiB", rcv_buf = "64KiB" } }'

# Faults that change nothing.
in_run "set of nothing" 'link.set: says nothing' 'a.link:set {}'
in_run "set of nothing on a NAT" "set: says nothing; fields of a NAT's profile" 'a.gateway:set {}'
in_run "up of what is up" 'up: a.eth is up already' 'a.iface.eth:up()'
in_run "down of what is down" 'down: a.eth is down already' 'a.iface.eth:down() a.iface.eth:down()'
in_run "up of what came back by a handover" 'up: d.w is up already' 'local d = t:host { "d", { "w" }, { "m" } } d.iface.w:down() d:handover { from = "m", to = "w" } t:sleep "1s" d.iface.w:up()'
in_run "cut of what is cut" 'cut: a.eth is cut already' 'a.link:cut() a.link:cut()'
in_run "cut of what is cut, without a signal" 'cut: a.eth is cut already' 'a.link:cut() a.link:cut { signal = false }'
in_run "a blackhole again" 'blackhole: a.eth swallows that already' 'a.link:blackhole() a.link:blackhole { from = a }'
in_run "a blackhole that the preset is" 'blackhole: x.eth swallows that already' 't:host { "x", link = "blackhole" }.link:blackhole()'
is_fine "each fault of these once, and what adds to one" 'a.link:cut { signal = false } a.link:cut() a.link:restore() a.link:blackhole { from = a } a.link:blackhole() a.link:restore()
  a.iface.eth:down() a.iface.eth:up() a.iface.eth:down() a.gateway:reboot { down = "0s" } a.link:set { loss = "0%" }'

# What is read: a name that is not there would be nothing, and a condition with it none.
in_run "a field of the oracle" 'oracle has no "pth"; did you mean "path"?' 'c:expect { "open", path = c.oracle.pth, within = "5s" }'
in_run "a number of a link" 'stats has no "lots"; did you mean "lost"?' 't:check { "n", a.link.stats.lots, equals = nil }'
in_run "a number of a box" 'stats has no "mapings"; did you mean "mappings"?' 'local _ = a.gateway.stats.mapings'
in_run "a number of a host" 'stats has no "rx_byte"; did you mean "rx_bytes"?' 'local _ = a.stats.rx_byte'
in_run "a number of a server that a host has not" 'stats has no "messages"' 'local _ = a.stats.messages'
in_run "a number of an end" 'stats has no "recieved"; did you mean "received"?' 'local _ = c[a].stats.recieved'
in_run "a timer" 'timers has no "deth"; did you mean "death"?' 'local _ = a.E:open("abcd", ("p"):rep(24)).timers.deth'
in_run "a list of names written" 'nats.1 cannot be written: copy it' 'tank.nats[1] = "x"'
in_run "a list of names grown" 'policies.27 cannot be written: copy it' 'table.insert(tank.policies, "x")'
in_run "a list of names replaced" 'icetank.nats cannot be written' 'tank.nats = { "x" }'
is_fine "what is there or may be" 'local o = c.oracle local _ = o.either or o.may_fail or o.path _ = c[a].stats.t_first_media or c[a].stats.lost _ = t.server.signal.stats.messages
  t:log(table.concat(tank.models, " ")) for i, n in ipairs(tank.nats) do assert(n == tank.nats[i]) end for k, v in pairs(a.stats) do assert(k and v) end t:check { "n", #tank.classes, equals = 9 }'

# Worlds.
for kv in 'behind "symmetric"' 'link "lte"' 'addr "203.0.113.99"' 'family "v6"'; do
  in_run "${kv% *} beside interfaces" "host.${kv% *}: of which interface? write it in one: { \"w\", ${kv% *} = }" "t:host { \"x\", { \"w\" }, { \"y\" }, ${kv% *} = ${kv#* } }"
done
in_run "two sets of timers" 'host.timers: one set with changes, not "rfc" and pion' 't:host { "x", timers = { "rfc", "pion" } }'
in_run "behind a list of nothing" 'host.behind: names nothing; "none" is no box' 't:host { "x", behind = {} }'
in_run "a net with host bits" 'nat.lan: "10.0.0.5/24" is an address in a net; write "10.0.0.0/24"' 't:nat { "n", "linux-masq", lan = "10.0.0.5/24" }'
in_run "a net of groups" 'nat.lan: "224.0.0.0/24" is a group' 't:nat { "n", "linux-masq", lan = "224.0.0.0/24" }'
in_run "a net of loopback" 'nat.lan: "127.0.0.0/8" is loopback' 't:nat { "n", "linux-masq", lan = "127.0.0.0/8" }'
in_run "a host called as its net" 'host.addr: 203.0.113.0 is the net itself of 203.0.113.0/24' 't:host { "x", addr = "203.0.113.0/24" }'
in_run "a host called as a public net" 'host.addr: 198.51.100.0 is the net itself of 198.51.100.0/24' 't:host { "x", addr = "198.51.100.0" }'
in_run "a host called as everybody" 'host.addr: 192.168.1.255 is the broadcast address of 192.168.1.0/24' 't:host { "x", behind = "linux-masq", addr = "192.168.1.255" }'
in_run "a host called as everybody in a small net" 'host.addr: 10.0.0.63 is the broadcast address of 10.0.0.32/27' 't:host { "x", behind = t:nat { "n", "linux-masq", lan = "10.0.0.32/27" }, addr = "10.0.0.63" }'
in_run "a NAT called as everybody" 'nat.addr: 192.0.2.255 is the broadcast address of 192.0.2.0/24' 't:nat { "n", "linux-masq", addr = "192.0.2.255" }'
in_run "a router called as its net" 'router.addr: 192.0.2.0 is the net itself of 192.0.2.0/24' 't:router { "r", addr = "192.0.2.0" }'
for p in 70000 0 -1 '"x"'; do in_run "port $p" "addr: expected a port, from 1 to 65535, not $p" "local _ = a:addr($p)"; done
is_fine "addresses in nets and without one" 't:host { "x", addr = "203.0.113.99/24" } t:host { "y", addr = "198.51.100.254" } t:host { "z", addr = "8.8.8.0" }
  t:host { "w", { "i", behind = "none" }, { "j", link = "lte" }, timers = { "pion", death = "20s" } } local _ = a:addr(65535)'

# What is asked of a box, and what is said.
in_run "a mapping for no time" 'map_port.lifetime: at least 1s' 'a:map_port { 5000, lifetime = "999ms" }'
in_run "a mapping at once" 'map_port.within: a time above 0' 'a:map_port { 5000, within = "0s" }'
in_run "a log of nothing" 'log: a text, not a nil' 't:log()'
in_run "a log of a table" 'log: a text, not a table' 'a:log {}'
is_fine "a log of what can be shown" 't:log "x" t:log(7) t:log(t:now()) t:log(a) t:log(true)'

# Expectations and checks.
in_run "an event twice" 'forbid: names "death" twice' 'c:forbid { "death", "death", during = "5s" }'
in_run "a source twice" 'next: names a-b twice' 't:next { c, c, "open", within = "1s" }'
in_run "a count of what is forbidden" 'forbid: takes no "times", but "during"' 'c:forbid { "death", times = 1, during = "5s" }'
in_run "an end for what is forbidden" 'forbid: takes no "within", but "during"' 'c:forbid { "death", within = "1s", during = "5s" }'
in_run "a span for what is expected" 'expect: takes no "during", but "stream" and "times" and "within"' 'c:expect { "open", within = "5s", during = "5s" }'
in_run "a count for the next" 'next: takes no "times", but "stream" and "within"' 'c:next { "open", within = "5s", times = 2 }'
in_run "what is forbidden for no time" 'forbid.during: must be above 0' 'c:forbid { "stalled", during = "0s" }'
in_run "what is expected no time" 'expect.times: at least 1' 'c:expect { "stalled", times = 0, within = "5s" }'
in_run "a field that is a time, as a number" 'forbid.since: 1 has no unit' 'c:forbid { "stalled", since = 1, during = "5s" }'
is_fine "a field that is a time, as a text" 'c:forbid { "stalled", since = "1s", during = "5s" }'
claim "a field that is a time is compared as one"
printf 'return require "icetank".scenario { "x", run = function(t)\n  %s\n  c:await { "open", within = "5s" } a.link:blackhole() local d = c[b]:await { "death", within = "60s" }
  c[b]:expect { "death", since = d.since, within = "1s" } c[b]:expect { "death", since = tostring(d.since), within = "1s" } t:sleep "1s" end }\n' "$hosts" >scenarios/x.lua
run run scenarios/x.lua --out c --pcap none
ends 0
in_run "a check with equals and a bound" 'check: equals says it all; at_least is too much' 't:check { "x", 1, equals = 1, at_least = 0 }'
in_run "a check between and above" 'check: between says it all; at_most is too much' 't:check { "x", 1, between = { 0, 2 }, at_most = 3 }'
in_run "a check between two the wrong way round" 'check.between: 2 is above 1' 't:check { "x", 1, between = { 2, 1 } }'
in_run "a check above more than it is below" 'check: at_least 3s is above at_most 2s' 't:check { "x", t:now(), at_least = "3s", at_most = "2s" }'
is_fine "a check from and to" 't:check { "x", 1, at_least = 1, at_most = 1 } t:check { "x", 1, between = { 1, 1 } }'

# Attackers.
m='local m = t:attacker { "m" }'
in_run "a datagram of two families" 'attacker.send: [2001:db8::1]:5 and 203.0.113.7:5 are of two families' "$m m:send { \"alert\", to = \"203.0.113.7:5\", from = \"[2001:db8::1]:5\" }"
in_run "a datagram to another family" 'attacker.send: 203.0.113.' "$m m:send { \"alert\", to = \"[2001:db8::1]:5\" }"
in_run "a datagram larger than a packet" 'attacker.send.data: 70000 bytes; a datagram carries 1472 of them at most' "$m m:send { data = (\"x\"):rep(70000), to = b:addr(9) }"
in_run "a shot is called as it is written" 'attacker.send: no field "tp"; did you mean "to"?' "$m m:send { \"alert\", tp = b:addr(9) }"
in_run "an attack of two families" 'attacker.attack: [2001:db8::1]:5 and 203.0.113.' "$m m:attack { \"alert\", on = b:addr(9), from = \"[2001:db8::1]:5\" }"
in_run "an attack on a call of another family" 'attacker.attack: no end of a-b has an address of the family of 2001:db8:' 'local m = t:attacker { "m", family = "v6" } m:attack { "alert", on = c, from = "self" }'
in_run "an attack for no time" 'attacker.attack.during: must be above 0' "$m m:attack { \"alert\", on = c, during = \"0s\" }"
is_fine "an attack" "$m m:attack { \"alert\", on = c, during = \"1s\" } m:send { data = (\"x\"):rep(1472), to = b:addr(9) } m:send { \"alert\", to = b:addr(9), from = \"8.8.8.8:1\" } m:attack { \"alert\", on = b, ports = { 1, 2 }, during = \"1s\" }"

# Model E.
e='local e = a.E:open("abcd", ("p"):rep(22))'
in_run "short credentials" 'E.open: a ufrag has 4 to 256 characters, a password 22 to 256' 'a.E:open("a", "b")'
in_run "short new credentials" 'restart: a ufrag has 4 to 256 characters, a password 22 to 256' "$e e:restart(\"a\", \"b\")"
in_run "the same credentials as new ones" 'restart: a new generation has a new ufrag' "$e e:restart(\"abcd\", (\"q\"):rep(22))"
in_run "a permission for no time" 'E.expiry: must be above 0' 'a.E:open("abcd", ("p"):rep(22), { expiry = "0s" })'
in_run "a probe is called as it is written" 'probe_stun: no field "trise"' "$e e:probe_stun(\"stun\", { trise = 3 })"
is_fine "new credentials" "$e e:restart(\"bcde\", (\"q\"):rep(22))"

claim "a value of an axis with a list in it has its name"
printf 'return require "icetank".scenario { "x", matrix = { n = { { "x", { "lan" } }, { "linux-masq", "symmetric" } } }, run = function() end }\n' >scenarios/x.lua
run list scenarios/x.lua
ends 0
has stdout 'x/n=x'
has stdout 'x/n=linux-masq+symmetric'

in_run "a handover to where one is" 'handover: from and to are both "eth"' 'a:handover { from = "eth", to = "eth" }'
in_run "an attack of one shape twice" 'attacker.attack: names "alert" twice' "$m m:attack { \"alert\", \"alert\", on = c }"
is_fine "an empty datagram" "$m m:send { data = \"\", to = b:addr(9) }"
claim "a prediction between two bounds the wrong way round does not load"
printf 'return require "icetank".hypothesis { "x", run = function() end, claim = "c", predict = { { "m", between = { "2s", "1s" } } } }\n' >scenarios/x.lua
run list scenarios/x.lua
ends 2
says 'icetank: scenarios/x.lua:1: hypothesis.predict[1].between: 2s is above 1s'

# Everything else that a script holds and that could be the judge's.
in_run "a field that a duration has not" 'a duration has no "foo"' 'local _ = t:now().foo'
in_run "the class of durations" 'a duration has no "__index"' 'local _ = t:now().__index'
in_run "a field of a duration" 'a duration cannot be written' 't:now().foo = 1'
in_run "a server replaced" 'the servers cannot be written' 't.server.stun = a'
in_run "a server replaced by force" 'rawset: not for a list of servers' 'rawset(t.server, "stun", a)'
in_run "an interface replaced" 'the interfaces of a cannot be written' 'a.iface.eth = 1'
in_run "a maker replaced" 'B.new cannot be written' 'a.B.new = nil'
in_run "a maker that is not there" 'E has no "opne"; did you mean "open"?' 'a.E:opne()'
in_run "a TCP verb that is not there" 'tcp has no "conect"; did you mean "connect"?' 'a.tcp:conect { "bob:1" }'
claim "the time of an event is the judge's: a script that changes what it got changes nothing"
printf 'return require "icetank".scenario { "x", run = function(t)\n  %s\n  local ev = c[a]:await { "open", within = "5s" } local was = tostring(ev.at) ev.at.ns = 0
  t:check { "at", tostring(ev.at), equals = was } for k, v in pairs(ev) do if k == "at" then v.ns = 0 end end t:check { "at", tostring(ev.at), equals = was } end }\n' "$hosts" >scenarios/x.lua
run run scenarios/x.lua --out c --pcap none
ends 0
lacks c/results.jsonl '"t_conn":0'

# What hangs on something else that is not there: an error, not a word that nobody reads.
in_run "an interface that no host has" 'forbid.iface: no host here has an interface "wlan9"; did you mean "wlan"?' \
  'local d = t:host { "d", { "wlan" }, { "lte" } } t:call { d, b, model = "B" }:forbid { "open", iface = "wlan9", during = "2s" }'
in_run "an interface of hosts with one" 'forbid.iface: "eth": hosts of one interface have events that name none' 'c:forbid { "open", iface = "eth", during = "2s" }'
in_run "a way to a TURN server that is not up" 'the turn server is not up: t:internet { servers = { "turn", ... } } has it' 't:call { a, b, model = "B", turn = "udp" }'
in_run "a way to a relay that is not up" 'the ws server is not up: t:internet { servers = { "ws", ... } } has it' 't:call { a, b, model = "B", ws = { a = "wss", b = "none" } }'
for w in turn tcp ws; do in_run "$w of a model without" "call.$w: model E " "t:call { a, b, model = \"E\", $w = \"tcp\" }"; done
in_run "a router's state" 'flush: r has no state to forget' 't:router { "r" }:flush()'
in_run "an inside that is outside" 'nat.lan: 203.0.113.0/24: the internet has 203.0.113.0/24; write a private net' 't:nat { "n", "linux-masq", lan = "203.0.113.0/24" }'
in_run "an inside around an address outside" 'nat.lan: 8.8.0.0/16: the internet has 8.8.8.8; write a private net' 't:host { "g", addr = "8.8.8.8" } t:nat { "n", "linux-masq", lan = "8.8.0.0/16" }'
in_run "a queue's rule without a queue" 'host.link.aqm: nothing waits without a rate' 't:host { "x", link = { "blackhole", aqm = "codel" } }'
in_run "a bucket without a rate" 'host.link.bucket: nothing waits without a rate' 't:host { "x", link = { "blackhole", bucket = "9kB" } }'
in_run "HyStart without CUBIC" 'host.tcp.hystart: does nothing with control = reno' 't:host { "x", tcp = { control = "reno", hystart = true } }'
in_run "Eifel without timestamps" 'host.tcp.eifel: does nothing with timestamps = false' 't:host { "x", tcp = { timestamps = false, eifel = true } }'
in_run "probes that never begin" 'host.tcp.keep_count: no probes are sent without keep_idle' 't:host { "x", tcp = { keep_count = 3 } }'
in_run "a hole of no end" '"b" is no end of a-gw.wan' 'a.gateway.link:blackhole { from = b }'
in_run "a number before a time" 'time: 5 has no unit; write "5ms" or "5s"' 'local _ = 5 < "3s"'
# of_world NAME MESSAGE SPEC CALL: t:internet SPEC and CALL on line 3.
of_world() {
  claim "$1"
  printf 'return require "icetank".scenario { "x", run = function(t)\n  local function call(s) t:internet(s) return { t:host "a", t:host "b", model = "B" } end\n  %s t:sleep "1s"\nend }\n' "$3" >scenarios/x.lua
  run run scenarios/x.lua --out c --pcap none
  ends 1
  has stdout "      error     $2"
  has stdout "      where     scenarios/x.lua:3"
}
of_world "a transport that the TURN server has not" 'call.turn: the TURN server serves no "tls"; internet { turn = { tls = { PORT } } }' \
  'local s = call { servers = { "signal", "turn" } } s.turn = "tls" t:call(s)'
of_world "a scheme that the relay has not" 'call.ws: the relay serves no "wss"; internet { ws = { tls = { PORT } } }' \
  'local s = call { servers = { "signal", "ws" }, ws = { tls = {} } } s.ws = "wss" t:call(s)'
of_world "names of a server that is not up" 'internet.names: is about the signal server, which is not up' 't:internet { servers = { "stun" }, names = true }'
of_world "a lifetime beyond the longest" 'internet.turn.lifetime: 2h is longer than the max_lifetime of 1h' 't:internet { servers = { "turn" }, turn = { lifetime = "2h" } }'
claim "a call of E that rings is hung up: closed here, never open, and the far side gives up"
for more in '' ', streams = { "voice", "none" }'; do
  printf 'return require "icetank".scenario { "x", run = function(t)\n  local a, b = t:host "a", t:host "b" local c = t:call { a, b, model = "E"%s } c[a]:close() c[a]:close()
  c[a]:expect { "closed", by = "local", within = "1s" } c[b]:expect { "death", reason = "connect_failed", within = "61s" } c:forbid { "open", during = "61s" } end }\n' "$more" >scenarios/x.lua
  run run scenarios/x.lua --out c --pcap none
  ends 0
done

in_run "nine addresses of an interface" "addr: an interface has at most 8 addresses" 'local l = {} for i = 1, 9 do l[i] = "203.0.113." .. 100 + i end t:host { "x", addr = l }'

# Lua orders two texts letter by letter; a time beside < or > is one.
holds() { is_fine "$1" "if not ($2) then t:check { \"it holds\", false } end"; ends 0; }
holds "texts that are times, in order of time" '"3s" < "10s" and not ("10s" < "3s") and "1500ms" >= "1.5s" and "2s" <= "2000ms"'
holds "a variable and a time" '(function(d) return d > "3s" and "3s" < d and not (d < '"'"'3s'"'"') end)("10s")'
holds "what only looks like it" '("a" .. "3s" < "b") and (tank.time "3s" < tank.time "10s") and #"x < \"3Mbps\"" > 3 and [[ < "3kB"]] ~= "" --[[ < "3kB" ]]'
holds "letters are ordered as ever" '"10x" < "3x" and "a" < "b" and (1 << 3) > (8 >> 1)'
in_run "a time and a text that is none" 'time: "near" is not a time;' 'local d = "near" t:check { "x", d < "3s" }'
claim "another quantity beside < is an error as the file loads"
printf 'local tank = require "icetank"\nlocal r = "10Mbps"\nif r < "3Mbps" then r = nil end\nreturn tank.scenario { "x", run = function(t) end }\n' >scenarios/x.lua
run run scenarios/x.lua --out c --pcap none
ends 2
has stderr 'scenarios/x.lua:3: "3Mbps" is no time: only times are ordered by < and >, others as numbers'

# What a source never tells, and values outside the closed set of a field as that source tells it: each would be waited for in vain.
# carrier KIND: an expression of one.
carrier() { printf 'a:carrier { "%s", to = b }' "$1"; }
in_run "a misspelt why of a carrier's down" 'forbid.why: no why "refusd"; one of "refused", "timeout"' "$(carrier websocket):forbid { \"down\", why = \"refusd\", during = \"1s\" }"
in_run "the word that was meant" 'expect.why: no why "refusd"; one of' "$(carrier https-poll):expect { \"down\", why = \"refusd\", within = \"1s\" }"
has stdout 'did you mean "refused"?'
in_run "a misspelt why of unsent" 'expect.why: no why "ful"; one of "full", "large", "refused"; did you mean "full"?' "$(carrier wss):expect { \"unsent\", why = \"ful\", within = \"1s\" }"
for kind in mail instant; do
  for verb in 'forbid { "down", during = "1s" }' 'await { "up", within = "1s" }' 'expect { "unsent", within = "1s" }'; do
    in_run "$kind has no session: $verb" "${verb%% *}: a carrier \"$kind\", which is no packets and has no session, tells no" "$(carrier "$kind"):$verb"
    has stdout 'told by carriers that are packets (websocket http-poll wss https-poll)'
  done
done
is_fine "a library that reads what its carrier takes back, whichever that is" "a:spawn(function() for _ in $(carrier instant):events \"unsent\" do t:log \"x\" end end)"
is_fine "a message by mail" "$(carrier mail):forbid { \"message\", during = \"1s\" }"
is_fine "one source of several that tells it" "t:next { $(carrier mail), $(carrier wss), \"down\", within = \"1s\" }"
in_run "a socket without a proxy opens nothing" 'forbid: a udp socket without a proxy tells no "open", only "message"' 'a.udp:open():forbid { "open", during = "1s" }'
in_run "an app that has no allocations" 'forbid: an app "echo4571" tells no "down"' 'b:serve { "echo4571", port = 7000 }:forbid { "down", during = "1s" }'
in_run "a call whose ends signal by themselves" 'forbid: a call tells no "signal"' 't:call { a, b, model = "E" }:forbid { "signal", during = "1s" }'
in_run "nobody refuses a call that is open" 'forbid.by: no by "refused"; one of "local", "remote"' 'c:forbid { "closed", by = "refused", during = "1s" }'
in_run "a status of another object" 'forbid.code: no status "NetStream.Play.Start"' 'b:serve_rtmfp() a.netconnection:open { server = b }:forbid { "status", code = "NetStream.Play.Start", during = "1s" }'
in_run "a relay is down for a reason" 'forbid.why: no relay is down for "pinng"' 'b.relay:serve() a.relay:join { b, room = "0123456789abcdef" }:forbid { "down", why = "pinng", during = "1s" }'
in_run "a path whose words are the wrong way round" 'expect.path: no path "udp_direct"; one of' 'c:expect { "open", path = "udp_direct", within = "1s" }'
has stdout 'did you mean "direct_udp"?'
in_run "a model that there is not" 'call.model: no model "F"; one of "A", "B", "C", "D", "E"' 't:call { a, b, model = "F" }'
lacks stdout 'did you mean "A"'
in_run "a stream that a call does not have" 'streams: a-b has 1 stream, and no number 2' 'local x = t:call { a, b, model = "B", streams = { "voice" } } x.streams[2]:expect { "open", within = "1s" }'
in_run "and one of an end's" 'streams: a/b3 has 2 streams, and no number 3' 'local x = t:call { a, b, model = "B", streams = { "voice", "none" } } local _ = x[a].streams[3]'
is_fine "all streams in turn" 'for _, x in ipairs(t:call { a, b, model = "B", streams = { "voice", "none" } }.streams) do x:expect { "open", within = "5s" } end'
in_run "a firewall without a name" 'firewall: "stateful" is a policy, and a name comes before it; write t:firewall { "box", "stateful" }' 't:firewall { "stateful" }'
in_run "a NAT without a profile" 'nat: element 2, the profile, is missing; write t:nat { "home", "port-cone" }' 't:nat { "home" }'
for what in 't:firewall { "block-all" }' 't:firewall { "w", "block-all" }' 't:host { "x", behind = "block-all" }'; do
  in_run "what lets nothing out is no profile: $what" '' "$what"
  has stdout '"block-all"; what lets nothing out is t:firewall { "wall", "stateful", set = { udp = "block", tcp_out = {} } }, and behind = that'
done
is_fine "what lets nothing out, as it is written" 't:host { "x", behind = t:firewall { "wall", "stateful", set = { udp = "block", tcp_out = {} } } }'

finish
