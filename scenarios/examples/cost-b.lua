-- What model B costs its author: the script carries the blobs of both ends, and asks for a restart itself.
local tank = require "icetank"
local cost = require "lib.cost"

-- app
local function talk(me, far, starts)
  local pc, wire = me.B:new { stun = "stun", turn = "turn:turn", media = "voice" }, me:carrier { "websocket", to = far }
  me:spawn(function() for ev in wire:events "message" do pc:signal(ev.data) end end)
  pc:start()
  for ev in pc:events { "signal", "open", "stalled", "resumed", "failover", "death" } do
    if ev.name == "signal" then
      wire:send(ev.blob)
    else
      cost.show(me, ev.name)
      if ev.name == "stalled" and starts then pc:restart() end
    end
  end
end
-- end of app

return tank.scenario { "the smallest application of model B: it connects, comes back with a new address, and notices a death", cost = true,
  run = function(t)
    t:internet { servers = { "signal", "stun", "turn" } }
    cost.measure(t, function(alice, bob)
      bob:spawn(talk, alice, false)
      alice:spawn(talk, bob, true)
    end)
  end,
}
