-- Servers that are up by some transports alone: who asks no STUN server learns its outside address from an allocation.
local tank = require "icetank"
return {
  ["by-turn"] = tank.scenario { "no STUN server is up: a TURN server tells what a host is outside, and the direct way opens as it would",
    matrix = { near = tank.classes, far = { "port-cone", "symmetric" } },
    run = function(t, cell)
      t:internet { servers = { "signal", "turn" }, turn = { tcp = {} } }
      local call = t:call { t:host { "near", behind = cell.near }, t:host { "far", behind = cell.far }, model = "B" }
      call:expect { "open", path = call.oracle.path, within = "20s" }
    end },
  ["by-one"] = tank.scenario { "a STUN server that is up by one transport tells what is asked by that alone",
    matrix = { by = { "udp", "tcp" }, way = { "direct_udp", "direct_tcp" } },
    run = function(t, cell)
      t:internet { servers = { "signal", "stun" }, stun = { [cell.by == "udp" and "tcp" or "udp"] = false } }
      local tcp = cell.way == "direct_tcp"
      local behind = tcp and { "udp-blocked", "full-cone" } or "full-cone"
      local near, far = t:host { "near", behind = behind }, t:host { "far", behind = "full-cone" }
      local call = t:call { near, far, model = "B", tcp = tcp and "so" or nil }
      t:check { "it opens", call.oracle.outcome, equals = tcp == (cell.by == "tcp") and "open" or "death" }
      call:expect { call.oracle.outcome, path = call.oracle.path, within = "61s" }
    end },
}
