-- Lite implementations: hosts with public addresses that answer checks and send none (RFC 8445 appendix A).
local tank = require "icetank"
local S = {}

S.full = tank.scenario { "whoever reaches a lite server has a call with it, and both notice each other's death",
  matrix = { nat = tank.classes, near = { "rfc", "libwebrtc", "firefox" }, who = { "full-calls", "lite-calls" }, family = { "v4", "dual" } },
  run = function(t, cell)
    local alice = t:host { "alice", behind = cell.nat, family = cell.family, behaviour = cell.near }
    local server = t:host { "server", family = cell.family, behaviour = { "rfc", lite = true } }
    local near, far = alice, server
    if cell.who == "lite-calls" then near, far = server, alice end
    local call = t:call { near, far, model = "B", media = "voice" }
    call:await { "open", path = "direct_udp", within = "5s" }
    t:at "90s"
    alice.link:blackhole {}
    call[server]:expect { "death", within = "31s" }
  end,
}

S.behind = tank.scenario { "a lite side behind a NAT is reached where its port is forwarded or its filter is open, and else not",
  matrix = { nat = { "full-cone", "linux-masq", "symmetric" }, far = { "none", "linux-masq" } },
  run = function(t, cell)
    local alice = t:host { "alice", behind = cell.nat, behaviour = { "rfc", lite = true } }
    local bob = t:host { "bob", behind = cell.far }
    local call = t:call { alice, bob, model = "B" }
    call:expect { call.oracle.outcome, within = "61s" }
  end,
}

S.both = tank.scenario { "two lite servers take the best pair without a check",
  matrix = { family = { "v4", "v6", "dual" } },
  run = function(t, cell)
    local one = t:host { "one", family = cell.family, behaviour = { "rfc", lite = true } }
    local two = t:host { "two", family = cell.family, behaviour = { "rfc", lite = true } }
    local call = t:call { one, two, model = "B", media = "voice" }
    call:await { "open", path = "direct_udp", family = cell.family ~= "dual" and cell.family or "v6", within = "5s" }
    call:forbid { "death", during = "2min" }
    call[one]:close()
    call[two]:expect { "closed", within = "1s" }
  end,
}
return S
