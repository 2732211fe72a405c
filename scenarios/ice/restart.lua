-- What a restart gathers on is left to the agent (RFC 8445 section 9): on the sockets that it has, or, as browsers do, on new ones. It
-- matters where a box has given up a flow for good: only another port of the host's gets through it.
local tank = require "icetank"
local FRESH = { "rfc", fresh = true }
local S = {}

-- The box ends every flow that is 20 s old, and each one but goes on as long as something is sent: each restart has to find another.
S.aged = tank.scenario { "behind a box that ends flows by their age a restart on new sockets goes on, on the old ones it is the end",
  matrix = { near = { { "kept", as = "rfc" }, { "fresh", as = FRESH, lives = true }, { "libwebrtc", as = "libwebrtc", lives = true }, { "libnice", as = "libnice" } },
             far = { "port-cone", "linux-masq", "none" } },
  run = function(t, cell)
    local wall = t:firewall { "wall", "udp-idle-kill", set = { udp = { max_flow_age = "20s" } } }
    local alice = t:host { "alice", behind = t:nat { "home", "linux-masq", behind = wall }, behaviour = cell.near.as, timers = "rfc" }
    local bob = t:host { "bob", behind = cell.far, timers = "rfc" }
    local call = t:call { alice, bob, model = "B", media = "voice" }
    call:await { "open", path = "direct_udp", within = "5s" }
    if cell.near.lives then
      call:expect { "failover", within = "30s" }
      call:forbid { "death", during = "2min" }
      t:sleep "2min"
      t:check { "flows ended", wall.stats.killed, at_least = 4 }
      t:check { "longest silence", call[alice].stats.longest_gap, at_most = tank.time "4s" }
    else
      call:expect { "death", reason = "consent_expired", within = "70s" }
    end
  end,
}

-- Old sockets stay until the new generation has its pair: a restart on a whole path loses nothing. Then they are closed.
S.smooth = tank.scenario { "a restart on new sockets loses no packet of the voice, and gives the old ones back",
  matrix = { near = { "linux-masq", "symmetric", "none" }, relay = { false, true }, streams = { 1, 2 } },
  run = function(t, cell)
    t:internet { servers = cell.relay and { "stun", "turn", "signal" } or nil }
    local alice = t:host { "alice", behind = cell.near, behaviour = FRESH }
    local bob = t:host { "bob", behind = cell.relay and "symmetric" or "full-cone", behaviour = FRESH }
    local how = cell.streams == 2 and { streams = { "voice", "voice" }, bundle = false } or { media = "voice" }
    how[1], how[2], how.model = alice, bob, "B"
    local call = t:call(how)
    call:await { "open", within = "10s" }
    t:at "15s"
    call[alice]:restart()
    call:expect { "failover", within = "10s" }
    call:forbid { "stalled", "death", during = "1min" }
    t:sleep "40s"
    t:check { "longest silence", call[bob].stats.longest_gap, at_most = tank.time "60ms" }
    t:check { "voice lost", call[bob].stats.lost + call[alice].stats.lost, equals = 0 }
  end,
}
return S
