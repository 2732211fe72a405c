#!/bin/sh
# What a run says of why a call has no path: the reason that the boxes and the servers give comes before what the packets show of it.
. tests/cli/lib.sh

scenario scenarios/r.lua <<'LUA'
local tank = require "icetank"
return {
  -- Two full cones, which would meet; nobody tells either its outside address.
  untold = tank.scenario { "", run = function(t)
    t:internet { servers = { "signal" } }
    local a, b = t:host { "a", behind = "full-cone" }, t:host { "b", behind = "full-cone" }
    local call = t:call { a, b, model = "B" }
    t:check { "why", call.oracle.why, equals = "no STUN server is up, so nobody learns an outside address (RFC 8445 section 5.1.1.2)" }
    call:expect { "open", within = "5s" }
    t:sleep "41s"
  end },
}
LUA
run run scenarios/r.lua --out out

claim "without a STUN server that is the reason, and not that boxes which would meet do not"
ends 1
has out/cases/r,untold.html "Why: no STUN server is up, so nobody learns an outside address (RFC 8445 section 5.1.1.2); a-gw-lan: nobody on"
lacks stdout "equals no STUN"

finish
