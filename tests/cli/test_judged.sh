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
finish
