-- What model D costs its author: two objects, and by a library which of them carries the call when.
local tank = require "icetank"
local cost = require "lib.cost"
local d = require "lib.d"

-- What is called is in brackets where it is returned: of a tail call nobody knows afterwards who made it.
-- app
local URL  = "icet://signal/bob?stun=stun:stun&wait=30"
local ROOM = "ws://ws/a-room-of-two-ends#a-secret-between-them-both"
local function link_of(me, peer)
  return d.link { me, policy = "sequential", peer = peer, waits = peer == nil, relay = function() return (me.D:relay { ROOM, media = "voice" }) end, voice = true,
    on = function(name) cost.show(me, name) end }
end
local function caller(me) link_of(me, function() return (me.D:dial { URL, media = "voice" }) end) end
local function callee(me)
  local door, link = me.D:listen { URL, media = "voice" }, link_of(me)
  for ev in door:events "call" do link:adopt("peer", ev.call) end
end
-- end of app

return tank.scenario { "the smallest application of model D: it connects, comes back with a new address, and notices a death", cost = true,
  run = function(t)
    t:internet { servers = { "signal", "stun", "ws" } }
    cost.measure(t, function(alice, bob)
      bob:spawn(callee)
      alice:spawn(caller)
    end)
  end,
}
