local tank = require "icetank"

-- Netfilter lets go of flows that only one side has used, or that are no streams yet, when its table is full: what opened a moment ago may be gone. The
-- alarm is right then, whatever the links are like, and so is one where a flow that was forgotten finds no room to begin anew.
return tank.scenario { "who loses a flow for want of room in a NAT is alarmed, and rightly",
  matrix = { model = { "B", "E" } },
  run = function(t, cell)
    local gate = t:nat { "gate", "linux-masq-random", set = { table = { size = 4 } } }
    local near, far = t:host { "near", behind = gate }, t:host "far"
    local call = t:call { near, far, model = cell.model, carrier = "instant" }
    call:await { "open", within = "5s" }
    local crowd = near.udp:open()
    for port = 7001, 7040 do
      crowd:send(far:addr(port), "x")
      t:sleep "10ms"
    end
    call[far]:await { "stalled", within = "20s" }
    t:sleep "10s"
  end,
}
