#!/bin/sh
# What is wrong in a scenario is one line with file, line and the nearest right name: at load, before any case runs (exit 2), or in the
# case, which then ends (exit 1).
. tests/cli/lib.sh
mkdir -p scenarios/lib

# at_load NAME MESSAGE: the scenario on standard input does not load; MESSAGE stands behind "icetank: scenarios/x.lua"
at_load() {
  claim "at load: $1"
  cat >scenarios/x.lua
  run run scenarios/x.lua --out o
  ends 2
  says "icetank: scenarios/x.lua$2"
  [ ! -e o ] || wrong "something ran"
}
# in_case NAME WHERE MESSAGE: the body of run on standard input ends its case. The body begins on line 3.
in_case() {
  claim "in a case: $1"
  { printf 'local tank = require "icetank"\nreturn tank.scenario { "x", run = function(t)\n'; cat; echo 'end }'; } >scenarios/x.lua
  run run scenarios/x.lua --out c --pcap none
  ends 1
  says ''
  has stdout 'ERROR x'
  has stdout "      error     $3"
  has stdout "      where     scenarios/x.lua$2"
}
spec() { printf 'local tank = require "icetank"\nreturn tank.scenario { "x", run = function() end,\n  %s }\n' "$1"; }

at_load "a syntax error" ':2: unexpected symbol near <eof>' <<'LUA'
return {
LUA
claim "at load: a path of any length stands in the message as it is"
long=$(printf 'folder-with-a-long-name-%.0s' 1 2 3 4)
mkdir -p "$long/scenarios"
echo 'local x = = 1' >"$long/scenarios/x.lua"
run list "$long"
ends 2
says "icetank: $long/scenarios/x.lua:1: unexpected symbol near '='"
at_load "a file that returns nothing" ': returns no scenario; write: return tank.scenario { ... }' <<'LUA'
local x = 1
LUA
at_load "a table of what are no scenarios" ': returns a table whose elements are not all named scenarios' <<'LUA'
return { a = 1 }
LUA
spec 'runn = 1' >in
at_load "a field that is not there" ':2: scenario: no field "runn"; did you mean "run"?' <in
at_load "a scenario without run" ':1: scenario: "run" is missing' <<'LUA'
return require "icetank".scenario { "x" }
LUA
spec 'matrix = { { 1 } }' >in
at_load "an axis without a name" ':2: scenario.matrix: an axis has a name of letters, digits and _, not 1' <in
spec 'matrix = { ["a/b"] = { 1 } }' >in
at_load "an axis whose name is no name" ':2: scenario.matrix: an axis has a name of letters, digits and _, not a/b' <in
spec 'matrix = { a = {} }' >in
at_load "an axis without values" ':2: axis "a" has no values' <in
spec 'matrix = { a = { 1, 1 } }' >in
at_load "two cases with one id" ': two cases are called x/a=1' <in
spec 'matrix = { a = { "x y" } }' >in
at_load "a value that cannot be in an id" ':2: axis "a": "x y" is no name of A-Za-z0-9._+%-; write { "name", ... }' <in
spec 'matrix = { a = { function() end } }' >in
at_load "a value that is a function" ':2: axis "a": a function is no name of A-Za-z0-9._+%-; write { "name", ... }' <in
spec 'seeds = 0' >in
at_load "no seeds" ':2: scenario.seeds: expected a whole number from 1 to 100000, not 0' <in
spec 'seeds = "3s"' >in
at_load "a unit on a count" ':2: scenario.seeds: expected a whole number from 1 to 100000, not "3s"' <in
spec 'limit = 5' >in
at_load "a limit without a unit" ':2: scenario.limit: 5 has no unit; write "5ms" or "5s"' <in
spec 'allow = { orcle = "x" }' >in
at_load "an allowance for no rule" ':2: scenario.allow: no standing rule "orcle"; did you mean "oracle"?' <in
spec 'allow = { oracle = true }' >in
at_load "an allowance without a reason" ':2: scenario.allow.oracle: say why it may break here' <in
spec 'matrix = { near = { 1 } }, where = function(cell) return cell.nera end' >in
at_load "an axis that where misspells" ':3: the cell has no axis "nera"; did you mean "near"?' <in
spec 'where = function() return false end' >in
at_load "a where that leaves nothing" ':2: where leaves no case' <in
spec 'matrix = { a = { 1 } }, where = function() while true do end end' >in
at_load "an endless loop in where" ':3: no yield for 100,000,000 instructions: an endless loop?' <in
at_load "an endless loop" ':2: no yield for 100,000,000 instructions: an endless loop?' <<'LUA'
local n = 0
while true do n = n + 1 end
LUA
at_load "a pattern that tries too many ways" ':1: string.gsub: the pattern takes more than 10,000,000 steps over a text of 40 bytes' <<'LUA'
local s = (("a"):rep(40)):gsub(("a*"):rep(20) .. "b", "")
LUA
at_load "too much memory" ':2: the script needs more than 64 MB of memory' <<'LUA'
local list = {}
for i = 1, 1 << 60 do list[i] = ("x"):rep(100000) .. i end
LUA
at_load "a draw that cases would depend on" ':1: math.random: not while the file is loaded; cases must not depend on it' <<'LUA'
local x = math.random(3)
LUA
at_load "a verb that icetank does not have" ':1: icetank has no "scenaro"; did you mean "scenario"?' <<'LUA'
return require "icetank".scenaro {}
LUA
at_load "require of the outside" ':1: require: only "icetank" and "lib.NAME" exist here, not "os"' <<'LUA'
local os = require "os"
LUA
at_load "a library that is not there" ':1: require: no library "lib.nope"' <<'LUA'
local x = require "lib.nope"
LUA
at_load "a global that is not there" ':1: no global "os"' <<'LUA'
os.exit(0)
LUA
printf '\033Lua' >in
at_load "a compiled file" ": attempt to load a binary chunk (mode is 't')" <in

claim "at load: an error in a library has the library's line"
echo 'local x = = 1' >scenarios/lib/bad.lua
echo 'local x = require "lib.bad"' >scenarios/x.lua
run list scenarios/x.lua
ends 2
says "icetank: scenarios/lib/bad.lua:1: unexpected symbol near '='"

in_case "a bare number for a unit" :3 'host.link.delay: 20 has no unit; write "20ms" or "20s"' <<'LUA'
  t:host { "a", link = { delay = 20 } }
LUA
in_case "a number that is no whole ns" :3 'host.link.delay: "0.0000000001s" is not whole in ns' <<'LUA'
  t:host { "a", link = { delay = "0.0000000001s" } }
LUA
in_case "a typo'd field; the line is where the call begins" :3 'host: no field "behnd"; did you mean "behind"?' <<'LUA'
  t:host {
    "a",
    behnd = "linux-masq",
  }
LUA
in_case "a pace below the least" :3 'host.timers.ta: 4.999999ms is less than the 5ms that RFC 8445 section 14.2 allows' <<'LUA'
  t:host { "a", timers = { "rfc", ta = "4999999ns" } }
LUA
in_case "a pace without end" :3 'host.timers.ta: at most 1h, not 3601s' <<'LUA'
  t:host { "a", timers = { "rfc", ta = "3601s" } }
LUA
in_case "a pace that cannot be told" :3 'host.timers.ta: 5.5ms is not whole in ms, in which it is told (RFC 8839 section 5.5)' <<'LUA'
  t:host { "a", timers = { "rfc", ta = "5500us" } }
LUA
in_case "a time-out below the least" :3 'host.timers.rto: 499ms is less than the 500ms that RFC 8445 section 14.3 allows' <<'LUA'
  t:host { "a", timers = { "pion", rto = "499ms" } }
LUA
in_case "an unknown timer" :3 'host.timers: no timer "at"; did you mean "ta"?' <<'LUA'
  t:host { "a", timers = { "rfc", at = "20ms" } }
LUA
in_case "an unknown profile" :3 'host.behind: no profile "linux-msaq"; did you mean "linux-masq"?' <<'LUA'
  t:host { "a", behind = "linux-msaq" }
LUA
in_case "an unknown profile of a NAT" :3 'nat: no profile "linux-msaq"; did you mean "linux-masq"?' <<'LUA'
  t:nat { "a", "linux-msaq" }
LUA
in_case "an unknown policy" :3 'firewall: no policy "statefull"; did you mean "stateful"?' <<'LUA'
  t:firewall { "a", "statefull" }
LUA
in_case "an unknown preset" :3 'host.link: no link preset "fibre"; did you mean "fiber"?' <<'LUA'
  t:host { "a", link = "fibre" }
LUA
in_case "an unknown server" :3 'no server "stum"; did you mean "stun"?' <<'LUA'
  local _ = t.server.stum
LUA
in_case "a server that nobody has" :3 'internet.servers: no server "wss"; did you mean "ws"?' <<'LUA'
  t:internet { servers = { "signal", "wss" } }
LUA
in_case "a server that is named twice" :3 'internet.servers: "stun" is named twice' <<'LUA'
  t:internet { servers = { "stun", "stun" } }
LUA
in_case "a profile of a server that is not up" :3 'internet.ws: the ws server is not up: servers = { "ws", ... }' <<'LUA'
  t:internet { ws = { tcp = { 8080 } } }
LUA
in_case "a transport that a server has not" :3 'internet.ws: no field "tpc"; did you mean "tcp"?' <<'LUA'
  t:internet { servers = { "ws" }, ws = { tpc = { 80 } } }
LUA
in_case "a server that is up by nothing" :3 'internet.ws: neither tcp nor tls' <<'LUA'
  t:internet { servers = { "ws" }, ws = { tcp = {}, tls = {} } }
LUA
in_case "a server of STUN that is up by nothing" :3 'internet.stun: neither udp nor tcp' <<'LUA'
  t:internet { stun = { udp = false, tcp = false } }
LUA
in_case "a port that is none" :3 'internet.ws.tls[1]: ' <<'LUA'
  t:internet { servers = { "ws" }, ws = { tls = { 70000 } } }
LUA
in_case "an unknown way to the relay over WebSocket" :3 'call.ws: no "wsss"; did you mean "wss"?' <<'LUA'
  t:call { t:host { "a" }, t:host { "b" }, model = "B", ws = "wsss" }
LUA
in_case "a way of a host that is none" :3 'call.ws: no host "alcie"; did you mean "alice"?' <<'LUA'
  t:call { t:host { "alice" }, t:host { "b" }, model = "B", ws = { alcie = "ws" } }
LUA
in_case "a relay over WebSocket for a model that has none" :3 'call.ws: model E joins no relay over WebSocket' <<'LUA'
  t:call { t:host { "a" }, t:host { "b" }, model = "E", ws = "ws" }
LUA
in_case "a URI of a relay that is none" :4 'B.ws: "https://ws" is no relay; write "ws://ws" or "wss://ws:443"' <<'LUA'
  t:internet { servers = { "ws" } }
  t:host { "a" }.B:new { ws = "https://ws" }
LUA
in_case "a relay on no host" :3 'B.ws: "relys" is no host of this case; did you mean "relays"?' <<'LUA'
  t:host { "relays" }; t:host { "a" }.B:new { ws = "ws://relys" }
LUA
in_case "an unknown event" :4 'expect: no event "opne"; did you mean "open"?' <<'LUA'
  local call = t:call { t:host { "a" }, t:host { "b" }, model = "B" }
  call:expect { "opne", within = "1s" }
LUA
in_case "an unknown event field" :4 'expect: event "open" has no field "pth"; did you mean "path"?' <<'LUA'
  local call = t:call { t:host { "a" }, t:host { "b" }, model = "B" }
  call:expect { "open", pth = "direct_udp", within = "1s" }
LUA
in_case "an expectation without a deadline" :4 'expect: "within" is missing' <<'LUA'
  local call = t:call { t:host { "a" }, t:host { "b" }, model = "B" }
  call:expect { "open" }
LUA
in_case "a name used twice" :4 'the name "a" is taken' <<'LUA'
  t:host { "a" }
  t:host { "a" }
LUA
in_case "a server's name" :3 'the name "turn" is taken' <<'LUA'
  t:host { "turn" }
LUA
in_case "a name that is too long" :3 'host[1]: expected a name of at most 23 characters of a-z, 0-9 and -, not "abcdefghijklmnopqrstuvwx"' <<'LUA'
  t:host { "abcdefghijklmnopqrstuvwx" }
LUA
in_case "a dot for a colon" :3 'sleep: write a colon: object:sleep(...)' <<'LUA'
  t.sleep "1s"
LUA
in_case "a dot for a colon where an object is made" :4 'B.new: write a colon: host.B:new(...)' <<'LUA'
  local a = t:host { "a" }
  a.B.new { stun = "stun" }
LUA
in_case "a time that has passed" :4 "at 5s: it is already 12.4s" <<'LUA'
  t:at "12.4s"
  t:at "5s"
LUA
in_case "the link of a host with two interfaces" :4 'host "desk" has 2 interfaces; say which: desk.iface.NAME.link' <<'LUA'
  local desk = t:host { "desk", { "wired" }, { "wifi" } }
  desk.link:cut()
LUA
in_case "restoring what is whole" :4 'restore: a.eth is whole' <<'LUA'
  local a = t:host { "a" }
  a.link:restore()
LUA
in_case "a host that is no end of the call" :4 'c is no end of the call' <<'LUA'
  local call, c = t:call { t:host { "a" }, t:host { "b" }, model = "B" }, t:host { "c" }
  call[c]:expect { "open", within = "1s" }
LUA
in_case "an endless loop" :4 'no yield for 100,000,000 instructions: an endless loop?' <<'LUA'
  local n = 0
  while true do n = n + 1 end
LUA
in_case "a pattern that tries too many ways" :4 'string.match: the pattern takes more than 10,000,000 steps over a text of 40 bytes' <<'LUA'
  local s = ("a"):rep(40)
  s:match(("a*"):rep(20) .. "b")
LUA
in_case "patterns that are an endless loop together" :3 'no yield for 100,000,000 instructions: an endless loop?' <<'LUA'
  for _ = 1, 1 << 40 do local _ = (("a"):rep(18)):find(("a*"):rep(5) .. "b") end
LUA
in_case "table functions that are an endless loop together" :5 'no yield for 100,000,000 instructions: an endless loop?' <<'LUA'
  local list = {}
  for i = 1, 1000000 do list[i] = i end
  for _ = 1, 1 << 40 do table.insert(list, 1, 0) table.remove(list, 1) end
LUA
in_case "texts that are an endless loop together" :4 'no yield for 100,000,000 instructions: an endless loop?' <<'LUA'
  local s, n = ("x"):rep(100000), 0
  while true do n = n + #(s .. n) end
LUA
in_case "an endless loop in a spawned function" :4 'no yield for 100,000,000 instructions: an endless loop?' <<'LUA'
  t:spawn(function()
    while true do end
  end)
  t:sleep "1s"
LUA
in_case "too much memory" :4 'the script needs more than 64 MB of memory' <<'LUA'
  local list = {}
  for i = 1, 1 << 60 do list[i] = ("x"):rep(100000) .. i end
LUA
in_case "a case that does not end" '' 'not finished after 10min of virtual time' <<'LUA'
  t:sleep "11min"
LUA
in_case "an index of nothing" :3 "attempt to index a nil value (local 'x')" <<'LUA'
  local x; x.y = 1
LUA
in_case "an error of its own" :3 'boom' <<'LUA'
  error "boom"
LUA
in_case "an error value without text" :3 'error value: table#1' <<'LUA'
  error {}
LUA
in_case "print" :3 'no global "print"; write t:log(text)' <<'LUA'
  print "x"
LUA
in_case "a global written" :3 'globals cannot be written: local foo = ...' <<'LUA'
  foo = 1
LUA
in_case "a metric twice" :4 'metric: the name "n" is taken' <<'LUA'
  t:metric { "n_1", 1 } t:metric { "n", 1 }
  t:metric { "n", 1 }
LUA
in_case "nothing judged" '' 'nothing was judged' <<'LUA'
  t:sleep "1s"
LUA

claim "ten minutes of turns are no endless loop: the count starts over with each"
cat >scenarios/x.lua <<'LUA'
return require "icetank".scenario { "x", run = function(t)
  local n = 0
  for _ = 1, 30 do
    for _ = 1, 4000000 do n = n + 1 end
    t:sleep "1s"
  end
  t:check { "turns", n, equals = 120000000 }
end }
LUA
run run scenarios/x.lua --out c
ends 0

claim "no address of the machine reaches a result"
cat >scenarios/x.lua <<'LUA'
return require "icetank".scenario { "x", run = function(t)
  t:check { ("%s %s"):format({}, print == nil), {}, equals = function() end }
end }
LUA
sed -i 's/print == nil/tostring(t)/' scenarios/x.lua
run run scenarios/x.lua --out c --pcap none
ends 1
has stdout 'expected  table#1 t: equals function#2'
has stdout 'observed  table#3'

claim "table.sort does what it does everywhere: equal elements keep their order"
cat >scenarios/x.lua <<'LUA'
return require "icetank".scenario { "x", run = function(t)
  local list = {}
  for i = 1, 1000 do list[i] = { key = i * 7 % 3, at = i } end
  table.sort(list, function(a, b) return a.key < b.key end)
  local ok = true
  for i = 2, 1000 do
    local a, b = list[i - 1], list[i]
    ok = ok and (a.key < b.key or (a.key == b.key and a.at < b.at))
  end
  local odd = { 3, 1, 2, 5, 4 }
  table.sort(odd)
  t:check { "stable", ok }
  t:check { "plain", table.concat(odd), equals = "12345" }
end }
LUA
run run scenarios/x.lua --out c
ends 0
# Values: each would have passed silently.
hosts='local a, b = t:host { "a", behind = "linux-masq" }, t:host "b"  local c = t:call { a, b, model = "B" }'
in_value() {
  claim "a value: $1"
  printf 'local tank = require "icetank"\nreturn tank.scenario { "x", run = function(t)\n  %s\n  %s\n  t:sleep "9s"\nend }\n' "$hosts" "$3" >scenarios/x.lua
  run run scenarios/x.lua --out c --pcap none
  ends 1
  has stdout "      error     $2"
  has stdout "      where     scenarios/x.lua:4"
}
in_value "a reason" 'forbid.reason: no reason "consent_expird"; one of' 'c:forbid { "death", reason = "consent_expird", during = "5s" }'
in_value "a path" 'forbid.path: no path "direct_ud"; one of "direct_udp", "relay_udp", "direct_tcp", "relay_tcp"; did you mean "direct_udp"?' 'c:forbid { "open", path = "direct_ud", during = "5s" }'
in_value "a family of a connection" 'forbid.family: no family "dual"; one of "v4", "v6"' 'c:forbid { "open", family = "dual", during = "5s" }'
in_value "a call's end" 'expect.by: no by "http 40"; one of "local", "remote"' 'c:expect { "closed", by = "http 40", within = "5s" }'
in_value "an event of something else" 'forbid: a udp socket without a proxy tells no "death", only "message"; it is told by call' 'a.udp:open():forbid { "death", during = "1s" }'
in_value "a label" 'link.drop.label: no packet is labelled "DTLS ClientHell"; did you mean "DTLS ClientHello"?' 'a.link:drop { nth = 1, label = "DTLS ClientHell" }'
in_value "a chosen packet that never came" 'link.delay: packet 1000 labelled "check" of a.eth never came, of these there were ' 'a.link:delay { nth = 1000, label = "Check", by = "1ms" }'
in_value "a duration and a number" 'check.at_most: 0s is a duration: 9 has no unit' 't:check { "c", t:now(), at_most = 9 }'
in_value "a duration and a size" 'check.equals: 0s is a duration:' 't:check { "c", t:now(), equals = "9kB" }'
in_value "an argument too many" 'up: takes nothing, not "now"' 'a.iface.eth:up "now"'
in_value "a key for a verb without" 'renumber: no field "keep"; it takes' 't:renumber { keep = true }'
in_value "timers that contradict" 'host.timers.stall 40s contradicts death 30s' 't:host { "x", timers = { "rfc", stall = "40s" } }'
in_value "an address" 'host.addr: expected an IP address' 't:host { "x", addr = "203.0.113.256" }'
in_value "the oracle's verdict" 'oracle.outcome cannot be written' 'c.oracle.outcome = "death"'
in_value "a way of it" 'oracle.ways.1.why cannot be written' 'c.oracle.ways[1].why = "so"'
in_value "a server that is reached" 'reach.outcome cannot be written' 'a:reach { t.server.stun, 3478, proto = "udp" }.outcome = "none"'
in_value "a server that is not at the internet" 'reach: x is not at the internet: the oracle tells of servers there' 'a:reach { t:host { "x", behind = "linux-masq" }, 443, proto = "tcp" }'
in_value "a port to reach" 'reach[2]: expected a port, from 1 to 65535, not 0' 'a:reach { t.server.stun, 0, proto = "tcp" }'
in_value "a transport to reach by" 'reach: "proto" is missing' 'a:reach { t.server.stun, 443 }'
in_value "an event" "an event's path cannot be written" 'c:await { "open", within = "5s" }.path = "relay_udp"'
in_value "a verb of an object" 'rawset: not for a call' 'rawset(c, "oracle", {})'
in_value "the library under the judge" 'string.format cannot be written' 'string.format = nil'

finish
