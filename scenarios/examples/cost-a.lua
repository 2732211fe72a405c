-- What model A costs its author: a URL, and nothing else.
local tank = require "icetank"
local cost = require "lib.cost"

-- app
local URL = "icet://signal/bob?stun=stun:stun&turn=turn:turn"
local function watch(me, pc)
  for ev in pc:events { "open", "stalled", "resumed", "failover", "death" } do cost.show(me, ev.name) end
end
local function caller(me) watch(me, me.A:dial { URL, media = "voice" }) end
local function callee(me)
  for ev in me.A:listen({ URL, media = "voice" }):events "call" do watch(me, ev.call) end
end
-- end of app

return tank.scenario { "the smallest application of model A: it connects, comes back with a new address, and notices a death", cost = true,
  run = function(t)
    t:internet { servers = { "signal", "stun", "turn" } }
    cost.measure(t, function(alice, bob)
      bob:spawn(callee)
      alice:spawn(function(me)
        me:sleep "1s"
        caller(me)
      end)
    end)
  end,
}
