local tank = require "icetank"

-- A NAT that maps by destination, and one that lets in whom its host has sent to: the first check of the former's host comes too early, the other's finds
-- another port than it was told of. The second check passes. It has to leave before a pair with a relay, which was good at once, is nominated
-- (RFC 8445 section 8.1.1), however many pairs there are to check: section 14.3 leaves the time until then to the agent.
return tank.scenario { "a direct pair that takes a second check is found before a relay is settled for",
  matrix = { near = { "1ms", "20ms" }, far = { "5ms", "80ms" }, servers = { { "udp", udp = { 3478 }, tcp = {} }, { "both", udp = { 3478 }, tcp = { 443 } } } },
  run = function(t, cell)
    t:internet { servers = { "signal", "turn", "stun" }, turn = { udp = cell.servers.udp, tcp = cell.servers.tcp } }
    local near = t:host { "near", behind = t:nat { "near-nat", "eim-adf" }, link = { "lan", delay = cell.near } }
    local far = t:host { "far", behind = t:nat { "far-nat", "apdm-apdf" }, link = { "lan", delay = cell.far } }
    local call = t:call { near, far, model = "B" }
    call:await { "open", path = "direct_udp", within = "5s" }
  end,
}
