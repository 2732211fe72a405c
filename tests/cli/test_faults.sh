#!/bin/sh
# What a result says of its faults: what each takes of whom, from which one is counted; of what could not be judged and never came.
. tests/cli/lib.sh

scenario scenarios/f.lua <<'LUA'
local tank = require "icetank"
local function duo(t) return t:host { "near", { "wifi", behind = "linux-masq" }, { "cell", behind = "port-cone" } } end
local function call(t, near)
  local far = t:host { "far", behind = "full-cone" }
  local c = t:call { near, far, model = "B", media = "voice", restart = false }
  c:await { "open", within = "10s" }
  return c, far
end
return {
  -- The only interface: all of it goes, and comes back.
  one = tank.scenario { "", run = function(t)
    local near = t:host { "near", behind = "linux-masq" }
    call(t, near)
    t:at "10s" near.iface.eth:down()
    t:at "12s" near.iface.eth:up()
    t:at "20s" near.gateway:flush()
    t:at "21s" near.gateway:reboot { down = "1s" }
    t:at "22s"
  end },
  -- Two: one goes, then the other while the first is still gone; then they come back one by one.
  two = tank.scenario { "", run = function(t)
    local near = duo(t)
    call(t, near)
    t:at "10s" near.iface.wifi:down()
    t:at "12s" near.iface.cell.link:blackhole {}
    t:at "14s" near.iface.wifi:up()
    t:at "16s" near.iface.cell.link:restore()
    t:at "17s"
  end },
  -- A host that is off has no way; the far end's router is no way of the near one.
  off = tank.scenario { "", run = function(t)
    local near = duo(t)
    local _, far = call(t, near)
    t:at "10s" far.gateway.link:blackhole {}
    t:at "11s" far.gateway.link:restore()
    t:at "12s" near:crash()
    t:at "50s"
  end },
  -- Parameters by which nothing passes, one way or both, are an outage until others are set; other ones are none.
  set = tank.scenario { "", run = function(t)
    local near = t:host { "near", behind = "linux-masq" }
    call(t, near)
    t:at "10s" near.gateway.link:set { loss = "10%" }
    t:at "11s" near.gateway.link:set { loss = "100%" }
    t:at "12s" near.gateway.link:set { down = { loss = "100%" } }
    t:at "13s" near.gateway.link:set { loss = "0%", down = { loss = "0%" } }
    t:at "14s"
  end },
  -- A fault before the call opened: the oracle cannot speak of it.
  early = tank.scenario { "", run = function(t)
    local near = t:host { "near", behind = "linux-masq" }
    local c = t:call { near, t:host { "far" }, model = "B" }
    near.gateway:flush()
    c:await { "open", within = "20s" }
  end },
  -- Two on one segment: what becomes of the router's uplink, or of the router, is not their affair. Two floors behind one: the router
  -- itself is, its uplink is not.
  segment = tank.scenario { "", run = function(t)
    local office = t:nat { "office", "linux-masq" }
    local near, far = t:host { "near", behind = office }, t:host { "far", behind = office }
    t:call { near, far, model = "B", media = "voice" }:await { "open", within = "10s" }
    t:at "10s" office.link:cut()
    t:at "12s" office:reboot { down = "1s" }
    t:at "14s"
  end },
  floors = tank.scenario { "", run = function(t)
    local office = t:nat { "office", "full-cone", set = { hairpin = "ext" } }
    local near, far = t:host { "near", behind = { "full-cone", office } }, t:host { "far", behind = { "full-cone", office } }
    local c = t:call { near, far, model = "B", media = "voice" }
    c:await { "open", within = "10s" }
    t:at "10s" office.link:cut()
    c:forbid { "stalled", during = "3s" }
    t:at "14s" office:reboot { down = "1s" }
    t:at "15s"
  end },
  -- What never came: the last event of the end that missed it.
  never = tank.scenario { "", run = function(t)
    local near = t:host { "near", behind = "linux-masq" }
    local c = call(t, near)
    t:at "10s" near.gateway.link:blackhole {}
    c[near]:expect { "failover", within = "5s" }
    t:at "16s"
  end },
  nothing = tank.scenario { "", run = function(t)
    local c = t:call { t:host { "near" }, t:host { "far" }, model = "B" }
    c:expect { "open", within = "1ms" }
    t:sleep "1s"
  end },
  times = tank.scenario { "", run = function(t)
    local near = duo(t)
    local c = call(t, near)
    t:at "10s" near.iface.wifi:down()
    c[near]:expect { "network", times = 2, within = "1s" }
    t:at "12s"
  end },
}
LUA
run run scenarios/f.lua --out out
# tells CASE PATTERN WANT...: what matches the pattern in the result of the case is this, in this order
tells() {
  got=$(grep "\"case\":\"f/$1\"" out/results.jsonl | grep -o "$2" | tr '\n' ' ')
  case_=$1
  shift 2
  want=''
  [ $# -eq 0 ] || want=$(printf '%s ' "$@")
  [ "$got" = "$want" ] || wrong "$case_ has $got," "not $want"
}
TAKES='"takes":{[^}]*}' UNTIL='"until":[0-9]*,"what":"[a-z]*"' OUTAGES='"outages":\[[^]]*\]' COUNTS='"counts":\[[^]]*\]'

claim "a fault beyond what both ends are behind takes nothing from them"
tells segment "$TAKES"
tells segment "$OUTAGES" '"outages":[]'
tells floors "$TAKES" '"takes":{"far":"all","near":"all"}'

claim "a fault takes all of a host with one interface, and nothing when only a state is lost"
# Faults stand in the order in which they came; flush and up take nothing.
tells one "$TAKES" '"takes":{"near":"all"}' '"takes":{"near":"all"}'
tells one "$UNTIL,\"where" '"until":12000000000,"what":"down","where' '"until":22000000000,"what":"reboot","where'
tells one '"heals":true,[^,]*,[^,]*,[^,]*,[^,]*' '"heals":true,"on":"near.eth","t":12000000000,"text":"near.eth up","what":"up"'

claim "an interface that goes leaves another way, the last one none"
tells two "$TAKES" '"takes":{"near":"part"}' '"takes":{"near":"all"}'
tells two "$OUTAGES" "$(printf '%s' '"outages":[{"end":"near","t":10000000000,"until":12000000000,"what":"part"},' \
  '{"end":"near","t":12000000000,"until":14000000000,"what":"all"},{"end":"near","t":14000000000,"until":16000000000,"what":"part"}]')"

claim "a host that is off has no way left, and a fault of one end takes nothing from the other"
tells off "$TAKES" '"takes":{"far":"all"}' '"takes":{"near":"all"}'
tells off "$OUTAGES" "$(printf '%s' '"outages":[{"end":"near","t":12000000000,"what":"all"},' \
  '{"end":"far","t":10000000000,"until":11000000000,"what":"all"}]')"

claim "parameters by which nothing passes take a way until others are set"
tells set "$TAKES" '"takes":{"near":"all"}' '"takes":{"near":"all"}'
tells set "$OUTAGES" '"outages":[{"end":"near","t":11000000000,"until":13000000000,"what":"all"}]'

claim "ends are named, the near one first, and each has one fault that counts"
tells two '"ends":\[[^]]*\]' '"ends":["near","far"]'
tells one "$COUNTS,\"on\":\"[a-z.]*\"" '"counts":["near","far"],"on":"near.eth"'
# near dies of its crash, and far, which did not notice one second of silence, by it
tells off "$COUNTS,\"on\":\"[a-z]*\"" '"counts":["near","far"],"on":"near"'

claim "an event names the fault that it counts from, and since when there was silence"
tells never '"fault":[0-9]*,"name":"[a-z]*"' '"fault":0,"name":"stalled"' '"fault":0,"name":"stalled"'
tells never '"since":[0-9]*' '"since":10006612583' '"since":10007465193'

claim "a rule that could not judge says so"
tells early '"judged":false,"name":"[a-z]*","observed":"[^"]*"' \
  '"judged":false,"name":"oracle","observed":"not judged: near-gw forgets its state at 0s"'
tells two '"judged":false' # nowhere: the call had opened before its faults

claim "what never came is told with the last event of its end, what came too seldom with how often"
run show f/never --out out
has stdout 'near/b1: nothing of that by 15s; last: stalled at 12.007465193s'
run show f/nothing --out out
has stdout 'near/b1: nothing of that by 1ms; nothing else either'
run show f/times --out out
has stdout 'near/b1: 1 time; last: network base=192.168.1.2:'

finish
