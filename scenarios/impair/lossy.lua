-- What the oracle says of lines that lose much: below about 7 % a way a call must open, above it may also die, and says so beforehand.
local tank = require "icetank"
return tank.scenario { "a call over a line that loses much may die before it opens, and the oracle says from where on",
  matrix = { loss = { "1%", "5%", "10%", "30%", "50%", "70%", "90%" } },
  seeds  = 5,
  run = function(t, cell)
    local alice = t:host { "alice", behind = "port-cone", link = { "lan", loss = cell.loss } }
    local call  = t:call { alice, t:host { "bob", behind = "full-cone" }, model = "B" }
    local fine  = cell.loss == "1%" or cell.loss == "5%"
    t:check { "it may die", call.oracle.may_fail ~= nil, equals = not fine }
    if fine then return call:expect { "open", within = "15s" } end
    call:expect { "open", "death", within = "61s" }
  end,
}
