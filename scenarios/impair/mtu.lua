-- A path that takes less than its first link: with ICMP the router says so, in a PMTU black hole what is too big just vanishes.
local tank = require "icetank"

return tank.scenario { "messages of 1,000 B over a path that has come to take 900 B, told and untold",
  matrix = { silent = { true, false } },
  run = function(t, cell)
    local gate = t:nat { "gate", "port-cone", link = { "fiber", loss = "0%" } }
    local alice, bob = t:host { "alice", behind = gate }, t:host { "bob", behind = "full-cone" }
    local call = t:call { alice, bob, model = "B", media = "voice" }
    call:await { "open", within = "10s" }
    t:at "5s"
    gate.link:set { mtu = "900B", silent = cell.silent }
    call:forbid { "death", "stalled", during = "25s" }      -- voice and checks are smaller
    for _ = 1, 10 do
      call[alice]:send(("x"):rep(1000))
      t:sleep "100ms"
    end
    if cell.silent then t:check { "vanished on the link", gate.link.stats.dropped, equals = 10 }
    else t:check { "refused by the router before it, with ICMP", gate.link.stats.dropped, equals = 0 } end
    t:sleep "20s"
  end,
}
