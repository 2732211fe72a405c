-- The life of a relayed call: its leg is refreshed, cut, its server goes away, its end is told.
local tank = require "icetank"

-- Two hosts that meet by a relay alone, by the leg that `cell` says.
local function relayed(t, cell, turn, media)
  t:internet { servers = { "signal", "stun", "turn" }, turn = turn }
  local a = t:host { "anna", behind = "symmetric" }
  local b = t:host { "ben", behind = "symmetric" }
  local call = t:call { a, b, model = "B", media = media or "voice", turn = cell.by }
  call:await { "open", path = "relay_" .. cell.by, within = "20s" }
  return call, a, b
end
local by = { by = { "udp", "tcp" } }

return {
  hour = tank.scenario { "an hour over a relay: allocation, permissions, channel and nonce are renewed, and nothing grows",
    matrix = by, limit = "70min",
    run = function(t, cell)
      local call, a, b = relayed(t, cell, { nonce = "4min", lifetime = "10min" }, "none")
      call:forbid { "stalled", during = "1h" }
      call:forbid { "death", during = "1h" }
      for n = 1, 60 do
        t:sleep "1min"
        call[a]:send("minute " .. n)
        call[b]:await { "message", data = "minute " .. n, within = "1s" }
      end
      local s = t.server.turn.stats
      t:check { "allocations", s.allocations, equals = 2 }
      t:check { "datagrams without permission", s.denied, at_most = 40 }
      call[a]:close()
      t:sleep "5s"
      t:check { "allocations after the end", t.server.turn.stats.allocations, equals = 0 }
    end,
  },
  voice = tank.scenario { "voice over a relay loses nothing for ten minutes, when the first refreshes are due",
    matrix = by, limit = "12min",
    run = function(t, cell)
      local call, a, b = relayed(t, cell)
      call:forbid { "stalled", during = "10min" }
      t:sleep "10min"
      for _, host in ipairs { a, b } do t:check { "voice lost, but for what is on its way", call[host].stats.lost, at_most = 4 } end
      t:check { "relayed datagrams", t.server.turn.stats.relayed, at_least = 120000 }
    end,
  },
  leg = tank.scenario { "a leg that is cut is noticed and the call dies, as on any other path",
    matrix = by,
    run = function(t, cell)
      local call, a, b = relayed(t, cell)
      t:sleep "5s"
      a.link:blackhole()
      call[b]:expect { "stalled", within = "4s" }
      call[b]:expect { "death", within = "60s" }
      call[a]:expect { "death", within = "60s" }
    end,
  },
  gap = tank.scenario { "a leg that is back after ten seconds carries the call on",
    matrix = by,
    run = function(t, cell)
      local call, a, b = relayed(t, cell)
      t:sleep "5s"
      a.link:blackhole()
      call[b]:expect { "stalled", within = "4s" }
      t:sleep "10s"
      a.link:restore()
      call[b]:expect { "resumed", within = "20s" }
      call:forbid { "death", during = "60s" }
    end,
  },
  server = tank.scenario { "a server that starts anew has forgotten everything: a restart finds a new relay",
    matrix = by,
    run = function(t, cell)
      local call, a, b = relayed(t, cell)
      t:sleep "5s"
      t.server.turn:crash()
      t:sleep "3s"
      t.server.turn:start()
      call[a]:expect { "resumed", within = "50s" }
      call[b]:expect { "resumed", within = "50s" }
      call:forbid { "death", during = "80s" }
    end,
  },
  rebind = tank.scenario { "a router that forgets gives the leg another address: a restart finds a new relay",
    matrix = by,
    run = function(t, cell)
      local call, a = relayed(t, cell)
      t:sleep "5s"
      a.gateway:flush()
      call:forbid { "death", during = "80s" }
    end,
  },
  unused = tank.scenario { "who meets directly gives its relays back",
    run = function(t)
      t:internet { servers = { "signal", "stun", "turn" } }
      local a, b = t:host { "anna", behind = "full-cone" }, t:host { "ben", behind = "linux-masq" }
      local call = t:call { a, b, model = "B" }
      call:await { "open", path = "direct_udp", within = "5s" }
      t:sleep "30s"
      t:check { "allocations", t.server.turn.stats.allocations, equals = 0 }
      call:forbid { "death", during = "60s" }
    end,
  },
  quota = tank.scenario { "a user beyond his quota has no relay, and who has one is not hurt",
    run = function(t)
      t:internet { servers = { "signal", "stun", "turn" }, turn = { quota = 2, tcp = {} } }
      local a, b = t:host { "anna", behind = "symmetric" }, t:host { "ben", behind = "symmetric" }
      local call = t:call { a, b, model = "B" }
      call:await { "open", path = "relay_udp", within = "20s" }
      t:check { "allocations", t.server.turn.stats.allocations, equals = 1 }
    end,
  },
  denied = tank.scenario { "a server that serves nobody's address is no way",
    run = function(t)
      t:internet { servers = { "signal", "stun", "turn" }, turn = { deny = { "0.0.0.0/0", "::/0" } } }
      local a, b = t:host { "anna", behind = "symmetric" }, t:host { "ben", behind = "symmetric" }
      t:call { a, b, model = "B" }:expect { "death", within = "61s" }
    end,
  },
}
