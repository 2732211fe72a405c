-- Both sides propose how fast to check (ice-pacing, RFC 8839 section 5.5), and both go by the slower of the two (RFC 8445 section 14.2).
-- Three of alice's interfaces lead nowhere, so whoever checks slowly is late at the fourth. Below 5 ms nobody may go, nor below an RTO of
-- 500 ms: such timers are an error.
local tank = require "icetank"
return tank.scenario { "the slower of both proposals paces the checks of both",
  matrix = { model = { "B", "E" }, near = { "5ms", "50ms", "200ms" }, far = { "5ms", "200ms" } },
  run = function(t, cell)
    local dead  = "udp-blocked"
    local alice = t:host { "alice", { "cable", behind = dead }, { "dsl", behind = dead }, { "wifi", behind = dead }, { "lte" },
      timers = { "rfc", ta = cell.near } }
    local bob   = t:host { "bob", timers = { "rfc", ta = cell.far } }
    local call  = t:call { alice, bob, model = cell.model }
    local slow  = cell.near == "200ms" or cell.far == "200ms"
    local open  = call[alice]:await { "open", within = "5s" }
    call[bob]:expect { "open", within = "5s" }
    t:check { "open at", open.at, between = slow and { "950ms", "2s" } or { "300ms", "950ms" } }
  end,
}
