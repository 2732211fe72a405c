#!/bin/sh
# Hypotheses: what was predicted against what all their cases measured. Drawn populations. Plain sockets.
. tests/cli/lib.sh

# A metric that is 1 for the first |ones| of ten seeds.
coin() { # file, predictions, known
  cat >"scenarios/$1.lua" <<LUA
local tank = require "icetank"
local n = 0
return tank.hypothesis { "a coin", claim = "nobody, ever", seeds = 10, matrix = { side = { "a", "b" } },
  predict = { $2 }, $3
  run = function(t, cell)
    local r = math.random(1, 1000)
    t:metric { "head", cell.side == "a" and (r <= 1000 and 1 or 0) or (r <= 500 and 1 or 0) }
    t:metric { "ten", 10 }
  end }
LUA
}
mkdir -p scenarios

claim "what every case confirms is supported, and what the interval excludes is refuted"
coin sure '{ "head", of = { side = "a" }, at_least = "99%" }, { "ten", equals = 10 }' ''
run run scenarios/sure.lua --out out --pcap none
ends 0
has stdout "sure: supported"
has out/results.jsonl '"text":"head of side=a at least 99%","value":"100.00%","verdict":"supported"'
coin wrong '{ "ten", below = 10 }' ''
run run scenarios/wrong.lua --out out --pcap none
ends 0
has stdout "wrong: refuted"

claim "an interval on both sides of the bound is mixed"
coin half '{ "head", of = { side = "b" }, at_least = "50%" }' ''
run run scenarios/half.lua --out out --pcap none --seed 4
has out/results.jsonl '"verdict":"mixed"'

claim "one case of many that differs shows in the mean of a count"
cat >scenarios/rare.lua <<'LUA'
local tank = require "icetank"
return tank.hypothesis { "rare", claim = "nobody, ever", matrix = { n = { "1", "2", "3", "4" } },
  predict = { { "wrong", equals = 0 }, { "wrong", of = { n = "1" }, equals = 1 } },
  run = function(t, cell) t:metric { "wrong", cell.n == "1" and 1 or 0 } end }
LUA
run run scenarios/rare.lua --out out --pcap none
has stdout "wrong equals 0: 0.25 (95 %: 0 to 0.75, 4 cases): mixed"
has stdout "wrong of n=1 equals 1: 1 (95 %: 1 to 1, 1 cases): supported"

claim "a verdict that is not the known one ends the run with 1"
coin changed '{ "ten", equals = 11 }' 'known = "supported",'
run run scenarios/changed.lua --out out --pcap none
ends 1
has stdout "changed: refuted (known: supported)"
has out/results.jsonl '"ok":false'
has out/junit.xml 'tests="21" failures="1" errors="0" skipped="0"'
has out/junit.xml '<testcase classname="hypothesis" name="changed">'
has out/index.html 'verdict on a hypothesis is not the known one'
has out/index.html '<code>icetank run scenarios/changed.lua --seed 1 --pcap none</code>'
if command -v xmllint >/dev/null 2>&1; then xmllint --noout out/junit.xml 2>lint || wrong "$(cat lint)"; fi
run run scenarios/changed.lua --seed 1 --pcap none
ends 1

claim "results say which version of the program made them"
has out/results.jsonl '{"plan":"icetank","version":"0.1.0","cases":20,"seed":1}'
has out/index.html 'icetank 0.1.0, seed 1.'

claim "cells are compared with each other by the interval of the difference"
coin compare '{ "head", of = { side = "b" }, below = { side = "a" } }' ''
run run scenarios/compare.lua --out out --pcap none
has out/results.jsonl '"text":"head of side=b below side=a"'
has stdout "compare: supported"

claim "a run that chose cases judges no hypothesis"
run run scenarios/changed.lua --out out --pcap none --only 'changed/side=a'
ends 0
lacks out/results.jsonl hypotheses

claim "a prediction that says nothing is an error at its line"
coin empty '{ "ten" }' ''
run run scenarios/empty.lua --out out --pcap none
ends 4
has stderr "predict[1]: says nothing; one of equals, below, above, at_least, at_most, between"

claim "a larger population begins with the smaller, whatever the repetition"
for n in 20 40; do
  cat >scenarios/draw$n.lua <<LUA
local tank = require "icetank"
return tank.scenario { "a population", seeds = 2,
  matrix = { pair = tank.draw { pairs = $n, from = { { 70, behind = "port-cone" }, { 30, behind = "symmetric" } } } },
  run = function(t, cell)
    local a = t:host { "a", like = cell.pair.a }
    t:metric { "cone", cell.pair.a.behind == "port-cone" and 1 or 0 }
    t:check { "behind", a.gateway ~= nil, equals = true }
  end }
LUA
  run run scenarios/draw$n.lua --out out$n --pcap none
  ends 0
  sed -n 's/.*"metrics":{"cone":\([01]\)}.*/\1/p' out$n/results.jsonl >cones$n
done
[ "$(wc -l <cones20)" -eq 40 ] || wrong "not 40 cases: $(wc -l <cones20)"
head -n 40 cones40 >begin40
same cones20 begin40

claim "a hypothesis about what cannot run yet is unsupported, neither right nor wrong"
scenario scenarios/later.lua <<'LUA'
local tank = require "icetank"
return tank.hypothesis { "libnice beats ours", claim = "somebody said so", known = "supported",
  matrix = { stack = { "reference", "libnice" } },
  predict = { { "t_conn", of = { stack = "libnice" }, below = { stack = "reference" } } },
  run = function(t, cell)
    t:call { t:host { "a", stack = cell.stack }, t:host { "b" }, model = "B" }:expect { "open", within = "5s" }
  end }
LUA
run run scenarios/later.lua --out later --pcap none
ends 0
has stdout 'UNSUP later: unsupported (known: supported)'
has stdout 't_conn of stack=libnice below stack=reference: - (95 %: -, 0 cases): unsupported'

claim "the verdict knows the libraries beside the scenario, as its cases do"
mkdir -p scenarios/lib
echo 'return { bound = "99%" }' >scenarios/lib/bounds.lua
coin shared '{ "head", of = { side = "a" }, at_least = require("lib.bounds").bound }' 'known = "supported",'
run run scenarios/shared.lua --out out --pcap none
ends 0
has stdout "shared: supported"

claim "a plain socket sends, receives and learns its address, through a NAT"
scenario scenarios/udp.lua <<'LUA'
local tank = require "icetank"
return tank.scenario { "plain sockets",
  run = function(t)
    local a, b = t:host { "a", behind = "port-cone" }, t:host { "b" }
    local near, far = a.udp:open(), b.udp:open { port = 7000 }
    local mapped = near:probe_stun()
    near:send(far.addr, "hello")
    local ev = far:next { "message", within = "1s" }
    t:check { "what came", ev.data, equals = "hello" }
    t:check { "from where", ev.addr, equals = mapped }
    t:check { "its NAT", mapped:match "^(.*):", equals = a.gateway.address }
    far:send(ev.addr, "back")
    t:check { "the answer", near:next { "message", data = "back", within = "1s" } ~= nil, equals = true }
    local ok, why = near:send(far.addr, ("x"):rep(1473))
    t:check { "too much", why, equals = "TOO_BIG" }
  end }
LUA
run run scenarios/udp.lua --out out --pcap none
ends 0

finish
