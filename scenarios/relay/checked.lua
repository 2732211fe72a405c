-- Model E's last resort: a relay that answers checks in the far side's place (the C role of a call's servers). E's script has it by its ICE library,
-- as one more candidate; the oracle says where it is needed. Every case is judged by the rule "whitelist", too: to the relay goes nothing but checks
-- before one has succeeded there.
local tank = require "icetank"
local SERVERS = { "signal", "stun", "checkrelay" }

return {
  classes = tank.scenario { "with a relay that answers checks every pair of NAT classes meets, and directly where it can",
    matrix = { near = tank.classes, far = tank.classes },
    run = function(t, cell)
      t:internet { servers = SERVERS }
      local call = t:call { t:host { "near", behind = cell.near }, t:host { "far", behind = cell.far }, model = "E", media = "voice" }
      t:check { "it opens", call.oracle.outcome, equals = "open" }
      call:expect { "open", path = call.oracle.path, within = "61s" }
      t:sleep "10s"
      t:check { "what was relayed", t.server.checkrelay.stats.relayed > 0, equals = call.oracle.path == "relay_udp" }
    end,
  },
  walls = tank.scenario { "it is reached by UDP to its port alone, by whichever family each side has",
    matrix = { near = { "udp-blocked", "udp-443-only", "stateful", "linux-masq" }, far = { "symmetric", "udp-blocked" }, family = { "v4", "dual" } },
    run = function(t, cell)
      t:internet { servers = SERVERS }
      local a = t:host { "near", behind = { cell.near, "symmetric" }, family = cell.family }
      local call = t:call { a, t:host { "far", behind = cell.far == "udp-blocked" and { "udp-blocked", "symmetric" } or "symmetric" }, model = "E" }
      call:expect { call.oracle.outcome, path = call.oracle.path, within = "61s" }
    end,
  },
  families = tank.scenario { "a side of IPv6 alone and one of IPv4 alone meet there",
    run = function(t)
      t:internet { servers = SERVERS }
      local a, b = t:host { "six", behind = "stateful", family = "v6" }, t:host { "four", behind = "symmetric" }
      local call = t:call { a, b, model = "E", media = "voice" }
      t:check { "first", call.oracle.first, equals = "relay_udp" }
      call[a]:expect { "open", path = "relay_udp", remotekind = "relay", within = "20s" }
      call[b]:expect { "open", path = "relay_udp", remotekind = "relay", within = "20s" }
      t:sleep "40s"
      t:check { "messages lost", call[a].stats.lost + call[b].stats.lost, equals = 0 }
    end,
  },
  life = tank.scenario { "a relayed call outlives an outage and a new address, and dies with the relay",
    matrix = { what = { "outage", "reboot", "gone" } },
    run = function(t, cell)
      t:internet { servers = SERVERS }
      local a, b = t:host { "anna", behind = "symmetric" }, t:host { "ben", behind = "symmetric" }
      local call = t:call { a, b, model = "E", media = "voice" }
      call:await { "open", path = "relay_udp", within = "20s" }
      t:sleep "10s"
      if cell.what == "outage" then
        a.link:blackhole {}
        call:expect { "stalled", within = "5s" }
        t:sleep "8s"
        a.link:restore()
      elseif cell.what == "reboot" then
        a.gateway:reboot { down = "1s" }
      else
        t.server.checkrelay:stop { silent = true }
        call:expect { "stalled", within = "5s" }
        return call:expect { "death", within = "40s" }
      end
      t:sleep "45s"
      call:forbid { "death", "stalled", during = "40s" }
    end,
  },
  attacked = tank.scenario { "strangers get nothing through it, and move nobody",
    run = function(t)
      t:internet { servers = SERVERS }
      local a, b = t:host { "anna", behind = "symmetric", link = "fiber" }, t:host { "ben", behind = "symmetric", link = "fiber" }
      local call = t:call { a, b, model = "E", media = "voice" }
      call:await { "open", path = "relay_udp", within = "20s" }
      local m = t:attacker { "mallory" }
      m:attack { "check", "data", "noise", "close", on = t.server.checkrelay:addr(3480), every = "10ms", during = "5s" }
      call:forbid { "death", "stalled", during = "15s" }
    end,
  },
}
