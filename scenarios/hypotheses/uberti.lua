-- What Justin Uberti claimed in January 2011: that a connection which exists can carry the blobs of another, or its own. What was predicted of
-- it, before it ran, is in docs/claims.md, too.
local tank = require "icetank"

-- B by hand. Its blobs go by a carrier of the signal server until it is open, then, with `data`, by the connection itself.
local function dial(me, far, by)
  local pc, wire = me.B:new { stun = "stun", restart = false }, me:carrier { "websocket", to = far }
  local opened = false
  me:spawn(function()
    for ev in pc:events { "open", "signal" } do
      if ev.name == "open" then
        opened = by == "data"
      elseif opened then
        pc:send(ev.blob)
      else
        wire:send(ev.blob)
      end
    end
  end)
  me:spawn(function() for ev in wire:events { "message" } do pc:signal(ev.data) end end)
  me:spawn(function() for ev in pc:events { "message" } do pc:signal(ev.data) end end)
  pc:start()
  return pc
end

return {
  blobs = tank.hypothesis { "H-U1: a connection carries the blobs of its own restart while its path is up, though the web server is gone",
    claim   = "Uberti, Jan 2011: \"I believe this represents the most flexible option, as candidates can be exchanged through any suitable mechanism, including XmlHttpRequest, WebSockets, an existing p2p connection, IFPC, etc.\"",
    matrix  = { by = { "data", "server" }, path = { "up", "gone" }, server = { "up", "down" } },
    seeds   = 5,
    predict = {
      { "recovered", of = { by = "data", path = "up" }, equals = 1 }, { "recovered", of = { by = "data", path = "gone" }, equals = 0 },
      { "recovered", of = { by = "server", server = "up" }, equals = 1 }, { "recovered", of = { by = "server", server = "down" }, equals = 0 },
    },
    known   = "supported",
    run = function(t, cell)
      local wifi, lte = { "wifi", behind = "linux-masq", link = "fiber" }, { "lte", behind = "linux-masq", link = "fiber" }
      local leaves = { "rfc", continual = true, renominates = true } -- whoever knows a second way may take it when the first one goes
      local near, far = t:host { "near", wifi, lte, behaviour = leaves }, t:host { "far", behind = "port-cone", behaviour = leaves }
      near.iface.lte:down()
      local one, other = dial(near, far, cell.by), dial(far, near, cell.by)
      one:await { "open", within = "10s" }
      other:next { "open", within = "5s" }
      local n = { failover = 0, death = 0 }
      t:spawn(function() for ev in one:events { "failover", "death" } do n[ev.name] = n[ev.name] + 1 end end)
      t:at "15s"
      near.iface.lte:up()
      if cell.server == "down" then t.server.signal:crash() end
      t:sleep "1s"
      if cell.path == "gone" then near.iface.wifi:down() end
      one:restart()
      t:sleep "5s"
      if cell.path == "up" then near.iface.wifi:down() end
      t:sleep "45s"
      t:metric { "moved", n.failover }
      t:metric { "recovered", n.failover > 0 and n.death == 0 and 1 or 0 }
    end,
  },
}
