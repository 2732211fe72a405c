#!/bin/sh
# What a case is judged by: alarms in a whole world, the cause that a death names, and that a script can write none of it.
. tests/cli/lib.sh

# Consent is asked for every 6 s or so and lasts 8 s, over a path with a round trip of 3.6 s: it ends though nothing is broken.
scenario scenarios/j.lua <<'LUA'
local tank = require "icetank"
local function hasty(t)
  local link, timers = { "lan", delay = "900ms" }, { "rfc", death = "8s", consent = "6s" }
  local a, b = t:host { "a", link = link, timers = timers }, t:host { "b", link = link, timers = timers }
  local c = t:call { a, b, model = "B", restart = false }
  c:await { "open", within = "30s" }
  c:expect { "death", reason = "consent_expired", within = "60s" }
end
return {
  alarm = tank.scenario { "", run = hasty },
  allowed = tank.scenario { "", allow = { ["false-alarms"] = "consent is shorter than it can be" }, run = hasty },
  causes = tank.scenario { "", matrix = { model = { "B", "E" } }, run = function(t, c)
    local a, b = t:host { "a", behind = "symmetric" }, t:host { "b", behind = "symmetric" }
    t:call { a, b, model = c.model }
    t:sleep "65s"
  end },
}
LUA
run run scenarios --out out --pcap all

claim "an alarm while the world is whole is a failure, and is counted"
ends 1
grep '"case":"j/alarm"' out/results.jsonl >alarm
has alarm '"verdict":"fail"'
has alarm '"false_alarms":1,'
has stdout "no alarm while the world is whole"
grep '"case":"j/allowed"' out/results.jsonl >allowed
has allowed '"verdict":"pass"'

claim "a death names its cause: in the result, the trace, the line of a failure and to the scenario"
has alarm '"why":"no valid answer for the whole time (RFC 7675 section 5.1)"'
has stdout 'death at'
for model in B E; do
  grep "\"case\":\"j/causes/model=$model\"" out/results.jsonl >causes
  has causes '"reason":"connect_failed","serial"'
  grep -q '"why":"[a-z]' causes || wrong "model $model: no why" "$(head -c 600 causes)"
  grep '"kind":"death"' "out/cases/j,causes,model=$model.trace.jsonl" >deaths
  grep -q 'connect_failed: [a-z]' deaths || wrong "model $model: no cause in the trace" "$(head -c 300 deaths)"
done

# try NAME CODE: the case NAME runs CODE in a world of two hosts and a call; $text is what its result says
try() {
  rm -rf scenarios out
  scenario scenarios/w.lua <<LUA
local tank = require "icetank"
return { $1 = tank.scenario { "", run = function(t)
  local a, b = t:host { "a", behind = "linux-masq" }, t:host { "b" }
  local call = t:call { a, b, model = "B" }
  call:await { "open", within = "5s" }
  $2
end } }
LUA
  run run scenarios --out out
}
# refused CODE TEXT: the line is an error with that text
refused() {
  try x "$1"
  ends 1
  has stdout "error     $2"
  has stdout 'where     scenarios/w.lua:6'
}

claim "nothing that exists in an object can be written"
refused 'call.ends = { call[a], call[a] }' "a call has no fields to set"
refused 'call.ends = nil' "a call has no fields to set"
refused 'call.far = a' "a call has no fields to set"
refused 'call.oracle = { outcome = "death" }' "a call has no fields to set"
refused 'call.oracle.outcome = "death"' "oracle.outcome cannot be written"
refused 'a.label = "b"' "a host's label cannot be written"
refused 'a.gateway.kind = "router"' "a box's kind cannot be written"
refused 'call[a].log = {}' "a peerb's log cannot be written"
refused 'call.foo = 1' "a call has no fields to set"

claim "nor gone through, to get at what it holds"
try x 'for k, v in pairs(call) do v.ends = nil end for k, v in pairs(a) do v.label = "b" end'
ends 0
refused 'rawset(call, "ends", {})' 'rawset: not for a call'

claim "nor in the tables in it"
refused 'call.ends[1] = call[b]' 'call has no "ends"'
refused 'call[a].log[1] = nil' "peerb.log.1 cannot be written"
refused 'a.ips[1] = "198.51.100.9"' 'host has no "ips"'
refused 'a.iface.eth.ips[1] = "198.51.100.9"' "iface.ips.1 cannot be written"
refused 'a.gateway.net.parent = nil' 'box has no "net"'
refused 'a.iface.eth.net.gateway4 = nil' 'iface has no "net"'
refused 'a.list[1] = nil' 'host has no "list"'

claim "a number that is measured cannot be given"
for n in t_conn false_alarms connected lost_2; do refused "t:metric { \"$n\", 0 }" "metric: \"$n\" is a number that every call has"; done
try x 't:metric { "lost_at_b", 0 }'
ends 0

claim "what belongs to one interface is not said beside several"
refused 't:host { "c", { "w" }, { "x" }, behind = "symmetric" }' 'host.behind: of which interface? write it in one: { "w", behind = }'
refused 't:host { "c", { "w" }, link = "lte" }' 'host.link: of which interface? write it in one: { "w", link = }'
refused 't:host { "c", { "w" }, addr = "203.0.113.99" }' 'host.addr: of which interface? write it in one: { "w", addr = }'

claim "a host that is suspended can lose its power, and can start then"
for how in 'crash()' 'stop { silent = true }'; do
  try x "a:suspend {} t:sleep '3s' a:$how t:sleep '1s' a:start() t:sleep '1s' a:suspend {} a:resume() call[b]:expect { 'death', within = '40s' }"
  ends 0
  grep -q '"suspend","until":' out/results.jsonl || grep -q '"until":[0-9]*,"what":"suspend"' out/results.jsonl || wrong "the sleep does not end" "$(head -c 1500 out/results.jsonl)"
done
refused 'a:suspend {} a:stop()' 'stop: a is suspended: it may resume, or crash'
refused 'a:crash() a:crash()' 'crash: a is off already'

# far DELAY TIMERS: two hosts so far apart one way, all four wires together, and a call of each model
far() {
  rm -rf scenarios out
  scenario scenarios/w.lua <<LUA
local tank = require "icetank"
return { x = tank.scenario { "", matrix = { model = { "B", "E" } }, run = function(t, c)
  local link, timers = { "lan", delay = "$1" }, $2
  local call = t:call { t:host { "a", link = link, timers = timers }, t:host { "b", link = link, timers = timers }, model = c.model }
  t:check { "hint", call.oracle.may_fail or "none", equals = "$3" }
end } }
LUA
  run run scenarios --out out
}
claim "a way that is too long for T_conn, or for consent, may fail"
far 1490ms '"rfc"' none
ends 0
far 1495ms '"pion"' 'an answer takes 6s, as long as a check that another one replaces is waited for: 16 RTO, 3.2s (RFC 8489 section 6.2.1)'
ends 0
far 495ms '{ "rfc", connect = "12s" }' 'six round trips of 2s and 2.02s of signaling are no less than T_conn, 12s' # two of 1.01 s to the signal server
ends 0
far 495ms '{ "rfc", death = "8s", consent = "6s" }' 'consent may end before an answer renews it: it lasts 8s, is asked for every 6s and answered after 2s'
ends 0
far 90ms '{ "rfc", death = "8s", consent = "6s" }' none
ends 0

claim "no host has a link-local address"
refused 't:host { "c", addr = "169.254.3.4" }' 'host.addr: "169.254.3.4" is link-local: no router hands it on (RFC 3927 section 7)'

claim "a call with a host that is off, or suspended, ends with the scenario"
for model in B E; do
  for how in stop crash suspend; do
    for who in a b; do
      try x "local d, e = t:host { 'd' }, t:host { 'e' } t:call { d, e, model = '$model' } $who:$how() t:call { a, b, model = '$model' } t:sleep '65s'"
      lacks stdout 'not finished'
      grep -q '"t_end":[67][0-9]\{10\},' out/results.jsonl || grep -q '"t_end":[67][0-9]\{10\}}' out/results.jsonl || wrong "$model $how $who: $(grep -o '"t_end":[0-9]*' out/results.jsonl)"
    done
  done
done
finish
