-- What model E costs its author: with the library that does ICE a little more than B; without it, all that the library is.
local tank = require "icetank"
local cost = require "lib.cost"
local ice = require "lib.ice"

-- app
local function talk(me, far, role)
  local ufrag, pwd = ice.credentials(me)
  local e     = me.E:open(ufrag, pwd)
  local agent = ice.agent { e, wire = me:carrier { "websocket", to = far }, role = role, stun = "stun", media = "voice" }
  local media = e:open_media(agent:connect "20s")
  agent:keep(media)
  for ev in media:events { "open", "stalled", "resumed", "failover", "death" } do cost.show(me, ev.name) end
end
-- end of app

return tank.scenario { "the smallest application of model E: it connects, comes back with a new address, and notices a death", cost = true,
  run = function(t)
    t:internet { servers = { "signal", "stun" } }
    cost.measure(t, function(alice, bob)
      bob:spawn(talk, alice, "controlled")
      alice:spawn(talk, bob, "controlling")
    end)
  end,
}
