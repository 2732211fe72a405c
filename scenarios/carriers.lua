-- Signaling that takes more round trips, or is slow and out of order: what a side learns from checks before the blob comes is peer-reflexive, and only where the
-- boxes' filters let such a check in. Seeds in which that happens are among these.
local tank = require "icetank"
return tank.scenario { "blobs by polls and by mail",
  matrix = { model = { "B", "E" }, carrier = { "http-poll", "mail" }, near = { "pasta", "port-cone" }, far = { "pasta", "apdm-eif" } },
  seeds  = 3,
  run = function(t, cell)
    local near, far = t:host { "near", behind = cell.near }, t:host { "far", behind = cell.far }
    local call = t:call { near, far, model = cell.model, carrier = cell.carrier }
    call:expect { call.oracle.outcome, path = call.oracle.path, within = "61s" }
  end,
}
