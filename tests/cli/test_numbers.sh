#!/bin/sh
# The numbers of a call, each worked out by hand beside it: what counts from which fault, and what does not.
. tests/cli/lib.sh

# One way between the hosts: 7 ms up + 13 ms across + 5 ms down = 25 ms, and less than 1 ms of serialisation at 1 Gbps in all that is
# added up here. Voice: 20 ms apart. Restarts are off: what is broken stays so.
scenario scenarios/n.lua <<'LUA'
local tank = require "icetank"
local function world(t, media, far)
  t:internet { delay = "13ms" }
  local a = t:host { "a", link = { "lan", delay = "7ms" } }
  local b = t:host { "b", link = { "lan", delay = "5ms" }, timers = far }
  local c = t:call { a, b, model = "B", media = media, restart = false }
  c:await { "open", within = "5s" }
  return a, b, c
end
return {
  -- Nothing happens: no number of a fault.
  quiet = tank.scenario { "", run = function(t) world(t, "voice") t:at "10s" t:check { "x", true } end },
  -- A harmless fault at 5 s, the one that counts at 15 s: each end is told 2 s after the last packet of voice, which arrives 25 ms after
  -- the wire broke at most. t_detect is 2 s to 2.025 s, not 12 s.
  second = tank.scenario { "", run = function(t)
    local a, b, c = world(t, "voice")
    t:at "5s"
    a.link:duplicate { nth = 1 }
    t:at "15s"
    a.link:blackhole {}
    c:expect { "stalled", within = "3s" }
    t:sleep "4s"
  end },
  -- Two outages, 3 s and 6 s long. The last voice before each arrives within 25 ms after its fault, the first after it within 25 + 20 ms
  -- after its end: recovery is 3 s and 6 s after the faults that counted, and the longer one is told.
  twice = tank.scenario { "", run = function(t)
    local a, b, c = world(t, "voice")
    for _, d in ipairs { "3s", "6s" } do
      t:sleep "10s"
      a.link:blackhole {} t:sleep(d) a.link:restore()
    end
    c:expect { "resumed", within = "1s" }
    t:sleep "5s"
  end },
  -- The only interface goes at 10 s: both numbers of the near end are 0; the far end is told 2 s after the last voice and dies 30 s after
  -- the last consent, whose answer is 0 to 6.05 s old: 23.95 to 30 s, of which the near end's 0 is the lesser.
  iface = tank.scenario { "", run = function(t)
    local a, b, c = world(t, "voice")
    t:at "10s"
    a.iface.eth:down()
    c[b]:expect { "death", within = "40s" }
    t:sleep "40s"
  end },
  -- Consent lasts 15 s at one end and 30 s at the other: t_death is the later one's.
  early = tank.scenario { "", run = function(t)
    local a, b, c = world(t, "none", { "rfc", death = "15s" })
    t:at "10s"
    a.link:cut { signal = false }
    c[b]:expect { "death", within = "16s" }
    c[a]:expect { "death", within = "31s" }
    t:sleep "31s"
  end },
  -- Three chosen packets of b's voice are lost; two of a's are late, of which one by more than 150 ms.
  lost = tank.scenario { "", run = function(t)
    local a, b, c = world(t, "voice")
    t:at "10s"
    b.link:drop { nth = 1, from = b, label = "voice" } b.link:drop { nth = 2, from = b, label = "voice" } b.link:drop { nth = 3, from = b, label = "voice" }
    a.link:delay { nth = 5, from = a, label = "voice", by = "151ms" }
    a.link:delay { nth = 9, from = a, label = "voice", by = "149ms" }
    t:at "20s"
    t:check { "x", true }
  end },
  -- The wire breaks at 10 s for good, both deaths come by consent. What is due to an end from then until 0.5 s before its death is lost:
  -- a dies first or b does, 23.95 to 30.1 s later, so 2 * 23.4 s to 2 * 29.6 s at 50 packets a second; who lives longer misses no more of
  -- a sender that has died.
  cut = tank.scenario { "", run = function(t)
    local a, b, c = world(t, "voice")
    t:at "10s"
    a.link:blackhole {}
    c:expect { "death", within = "31s" }
  end },
  -- The same with an end in the middle of the silence: 5 s, less the last 0.5 s, both ways.
  short = tank.scenario { "", run = function(t)
    local a, b, c = world(t, "voice")
    t:at "10s"
    a.link:blackhole {}
    t:at "15s"
    t:check { "x", true }
  end },
  -- A hang-up tells of no fault; a host that is switched off is one.
  bye = tank.scenario { "", run = function(t)
    local a, b, c = world(t, "voice")
    t:at "10s"
    a.link:duplicate { nth = 1 }
    t:at "20s"
    c[a]:close()
    c[b]:expect { "closed", within = "1s" }
  end },
  stop = tank.scenario { "", run = function(t)
    local a, b, c = world(t, "voice")
    t:at "20s"
    a:stop()
    c[b]:expect { "closed", within = "1s" }
  end },
  -- Voice every 20 ms that comes up to 60 ms late, and an end that calls 40 ms a stall: an alarm of which no fault is the cause.
  alarm = tank.scenario { "", allow = { ["false-alarms"] = "a stall timer below the jitter" }, run = function(t)
    local a = t:host { "a", link = { "lan", jitter = "60ms" }, timers = { "rfc", stall = "40ms" } }
    t:call { a, t:host { "b" }, model = "B", media = "voice", restart = false }:await { "open", within = "5s" }
    t:sleep "2s"
  end },
  -- A call that its scenario closes before it opened: not judged, not connected.
  closed = tank.scenario { "", run = function(t)
    local a, b = t:host { "a", behind = "linux-masq" }, t:host { "b" }
    local c = t:call { a, b, model = "B" }
    c[b]:close()
    t:sleep "60s"
  end },
}
LUA
run run scenarios/n.lua --out out
# number CASE NAME: its value, "none" where there is none
number() {
  grep "\"case\":\"n/$1\"" out/results.jsonl | sed -n "s/.*\"metrics\":{[^}]*\"$2\":\([-0-9]*\).*/\1/p" | grep . || echo none
}
# is CASE NAME VALUE | CASE NAME FROM TO
is() {
  v=$(number "$1" "$2")
  if [ $# -eq 3 ]; then
    [ "$v" = "$3" ] || wrong "$1 $2 is $v, not $3"
  else
    { [ "$v" != none ] && [ "$v" -ge "$3" ] && [ "$v" -le "$4" ]; } || wrong "$1 $2 is $v, not from $3 to $4"
  fi
}

claim "every case of them passes"
ends 0

claim "without a fault there is no number that counts from one"
for n in t_detect t_death t_recover; do is quiet $n none; done
is quiet false_alarms 0
is quiet connected 1
is quiet direct 1
is quiet relay_bytes 0
is quiet lost 0
is quiet late 0
# b opens first, and the other's voice, which it was promised, is there one round trip later: 50 ms. From then on it comes every 20 ms.
is quiet freeze_silent 50000000 51000000

claim "an alarm while the world is whole is a false one"
is alarm false_alarms 1 100

claim "t_conn is from the call to the later opening, first media one way after the other's"
# a is 20 ms from the signal server, b 18 ms. Their sessions stand after two round trips, at 80 and at 72, and what they tell then is at b
# at 118, at a at 110. STUN leaves at 0, a's check at 110, answered at 160; its second check takes the turn at 160 (Ta: 50 ms), its
# nomination that at 210; b has it at 235 and, DTLS being done by then, opens; a has the answer at 260 and opens. Its voice is at b at 285.
# The texts of signaling are some hundred bytes more on every wire: less than 2 ms in all.
is quiet t_conn 260000000 262000000
is quiet t_first_media 285000000 287000000

claim "detection counts from the fault that counts, not from the first"
is second t_detect 2000000000 2026000000
is second t_death none
is second t_recover none

claim "recovery counts from the fault that it ends, and the longest is told"
is twice t_detect 2000000000 2026000000
is twice t_recover 6000000000 6046000000

claim "an interface that goes is told at once at its end; the numbers are those of the later end"
is iface t_detect 2000000000 2026000000
is iface t_death 23900000000 30000000000

claim "a death is counted for the end that lives longer"
# b: consent of 15 s, the last answer 0 to 6 s before the cut; a: 30 s likewise.
is early t_death 23900000000 30000000000
# Idle: the first check after the cut leaves 0 to 6 s later, and 2 s after that it is a stall.
is early t_detect 2000000000 8000000000

claim "lost and late are counted at both ends together"
is lost lost 3
is lost late 1 # 151 ms behind the earliest; 149 ms is not
is lost t_detect none

claim "what never came at the end is lost, too"
is cut lost 2340 2960
is short lost 448 452
is bye lost 0

claim "a far side that hangs up is not a fault that is noticed, one that is stopped is"
is bye t_detect none
is stop t_detect 25000000 26000000

claim "a call that its scenario closes before it opens is judged by nobody"
is closed connected 0
is closed direct 0
is closed t_conn none
run show n/closed --out out
has stdout 'not judged: the scenario closed b/b1 at 0s'

claim "a drop from before both ends were open explains what is judged later only if that is about the opening"
scenario scenarios/w.lua <<'LUA'
local tank = require "icetank"
local function call(t)
  local a, b = t:host { "a", behind = "linux-masq" }, t:host { "b", behind = "linux-masq" }
  local c = t:call { a, b, model = "E", media = "voice" }
  c:await { "open", within = "5s" }
  return c, a
end
return {
  own = tank.scenario { "", run = function(t)
    local _, a = call(t)
    t:check { "what never is", a.link.stats.lost, at_least = 5 }
  end },
  opening = tank.scenario { "", run = function(t) call(t):expect { "open", localkind = "host", within = "1s" } end },
}
LUA
run run scenarios/w.lua --out w
why() { sed 's/<[^>]*>//g' "w/cases/w,$1.html" | grep -o 'Why: .*' >why; }
why own
has why 'no drop explains this'
why opening
has why 'b-gw-lan: nobody on the segment has the address' # b was told first

claim "the numbers of a link are of that link, and of both its ways"
scenario scenarios/l.lua <<'LUA'
local tank = require "icetank"
return tank.scenario { "", run = function(t)
  local a, b, c = t:host { "a" }, t:host { "b" }, t:host { "c" }
  local near, far, third = a.udp:open(), b.udp:open { port = 7000 }, c.udp:open { port = 7000 }
  for _ = 1, 5 do near:send(far.addr, "hello") end
  for _ = 1, 2 do near:send(third.addr, "hello") end
  t:sleep "1s"
  for _ = 1, 3 do far:send(near.addr, "hello") end
  t:sleep "1s"
  t:check { "7 out, 3 in", a.link.stats.packets, equals = 10 }
  t:check { "5 in, 3 out", b.link.stats.packets, equals = 8 }
  t:check { "2 in", c.link.stats.packets, equals = 2 }
  t:check { "20 + 8 + 5 each", c.link.stats.bytes, equals = 66 }
end }
LUA
run run scenarios/l.lua --out l
ends 0

finish
