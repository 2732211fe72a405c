-- What each cell must do comes from the oracle; the run is judged for it on both ends, candidate kinds included.
local tank = require "icetank"
return tank.scenario { "every NAT class against every profile, in every model that is built",
  matrix = { model = { "B", "E" }, near = tank.classes, far = tank.nats },
  seeds  = 1,                                               -- three for a night
  run = function(t, cell)
    local near, far = t:host { "near", behind = cell.near }, t:host { "far", behind = cell.far }
    local call = t:call { near, far, model = cell.model }
    if call.oracle.either then return call:expect { "open", "death", within = "61s" } end -- it hangs on who is first, or on chance
    call:expect { call.oracle.outcome, path = call.oracle.path, within = "61s" }
  end,
}
