-- What the oracle leaves open goes both ways: each pair of cases has the same boxes and the same verdict, and differs in who is first by a
-- few ms, or in what chance gives.
local tank = require "icetank"

local function both(t, cell, near, far)
  local call = t:call { near, far, model = cell.model, carrier = "instant" } -- whose round trips would decide who is first
  t:check { "the oracle leaves it open", call.oracle.either, equals = true }
  call:expect { cell.ends[1], within = "61s" }
  t:sleep "2s"
end

return {
  first = tank.scenario { "a router that takes what comes for its own: the far side's check comes before the near side's own, or not",
    matrix = { model = { "B", "E" }, ends = { { "open", near = "28ms" }, { "death", near = "1ms" } } },
    run = function(t, cell)
      both(t, cell, t:host { "near", behind = "linux-masq-open-input", link = { "lan", delay = cell.ends.near } },
        t:host { "far", behind = "linux-masq", link = { "lan", delay = "40ms" } })
    end,
  },
  pool = tank.scenario { "an arbitrary pool of two addresses gives the one that the far side has sent to, or the other one",
    matrix = { model = { "B", "E" }, ends = { { "open", name = "pool-e" }, { "death", name = "pool-a" } } },
    run = function(t, cell)
      local pool = t:nat { cell.ends.name, "apdm-apdf", set = { pool = { size = 2, mode = "arbitrary" } } }
      both(t, cell, t:host { "near", behind = pool }, t:host { "far", behind = "eim-adf" })
    end,
  },
}
