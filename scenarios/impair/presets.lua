-- Every link preset of the profile file by its name, between two NATs that meet directly: those that carry a call carry it for a minute.
local tank = require "icetank"

return {
  carry = tank.scenario { "every kind of line carries a call for a minute",
    matrix = { link = { "lan", "fiber", "dsl-bloat", "wifi-good", "wifi-bad", "lte", "starlink" } },
    run = function(t, cell)
      local alice, bob = t:host { "alice", behind = "port-cone", link = cell.link }, t:host { "bob", behind = "full-cone" }
      local call = t:call { alice, bob, model = "B", media = "voice" }
      call:await { "open", within = "20s" }
      call:forbid { "death", during = "60s" }
    end,
  },
  swallow = tank.scenario { "a line that swallows everything, or one way: no call, and it is said",
    matrix = { link = { "blackhole", "oneway-blackhole" } },
    run = function(t, cell)
      local alice, bob = t:host { "alice", behind = "port-cone", link = cell.link }, t:host { "bob", behind = "full-cone" }
      local call = t:call { alice, bob, model = "B", media = "voice" }
      call:forbid { "open", during = "20s" }
      t:sleep "10s"
      t:check { "swallowed", alice.link.stats.dropped, at_least = 1 }
    end,
  },
}
