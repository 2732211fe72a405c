#!/bin/sh
# What a model costs its author: the page is what is measured, and what is counted is what was done.
. tests/cli/lib.sh

claim "docs/cost.md is what the five applications come to"
(cd "$root" && B=$(dirname "$icetank") .ci/cost) >difference 2>&1 || wrong "$(head -n 20 difference)"

claim "lines are those with code between the marks"
mkdir -p scenarios
scenario scenarios/counted.lua <<'LUA'
local tank = require "icetank"
-- app
local function talk(me, far)

  -- no code
  local wire = me:carrier { "websocket", to = far }
  wire:send "four"
  wire:next { "message", within = "2s" }
end
-- end of app
return tank.scenario { "counted", cost = true,
  run = function(t)
    local a, b = t:host { "a" }, t:host { "b" }
    a:spawn(talk, b)
    b:spawn(talk, a)
    t:sleep "3s"
  end,
}
LUA
lines=$(cd "$root" && .ci/cost -l "$work/scenarios/counted.lua")
[ "$lines" = 5 ] || wrong "$lines lines, not 5"

claim "calls, events and messages of each host are counted, and nothing of the scenario's own"
run run scenarios/counted.lua --out out --pcap none --no-report
ends 0
has out/results.jsonl '"library_calls":0,"library_events":0,"script_calls":3,"script_events":1,"sent":1,"sent_bytes":4'
lacks out/results.jsonl '"cost":{"t"'

claim "without being asked for nothing is counted"
sed 's/cost = true,//' scenarios/counted.lua >scenarios/silent.lua
run run scenarios/silent.lua --out out --pcap none --no-report
ends 0
lacks out/results.jsonl '"cost"'

finish
