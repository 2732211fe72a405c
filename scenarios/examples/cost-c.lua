-- What model C costs its author: a connection to the server, a stream each way, and by a library what to do where the direct way fails.
local tank = require "icetank"
local cost = require "lib.cost"
local c = require "lib.c"

-- app
local function talk(me, meet, book, far)
  local nc = me.C:open { server = meet, media = "voice" }
  book[me] = nc
  while not book[far] do me:sleep "100ms" end -- the far end's peer ID, as by a number out of a book
  nc:call(book[far])
  me:spawn(function() c.keep(nc) end)
  for ev in nc:events { "open", "stalled", "resumed", "failover", "death" } do cost.show(me, ev.name) end
end
-- end of app

return tank.scenario { "the smallest application of model C: it connects, comes back with a new address, and notices a death", cost = true,
  run = function(t)
    local meet, book = t:host { "meet" }, {}
    meet:serve_rtmfp {}
    cost.measure(t, function(alice, bob)
      bob:spawn(talk, meet, book, alice)
      alice:spawn(talk, meet, book, bob)
    end, { meet })
  end,
}
