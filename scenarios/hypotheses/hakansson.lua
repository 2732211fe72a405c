-- What Stefan Håkansson claimed in January 2011: which servers each model needs, and that B and E leave signaling to the application. What
-- was predicted of it, before it ran, is in docs/claims.md, too.
local tank = require "icetank"
local ice  = require "lib.ice"

local PAIRS = { "port-cone+port-cone", "full-cone+symmetric", "linux-masq+port-cone", "symmetric+addr-cone" }
local function two(t, pair, link)
  local near, far = pair:match "^(%S+)%+(%S+)$"
  return t:host { "near", behind = near, link = link }, t:host { "far", behind = far, link = link }
end

-- B by hand over a wire: `say(blob)` and a source of `message`s; `servers` are fields of its object.
local function talk(me, say, ear, servers)
  local pc = me.B:new(servers or { stun = "stun" })
  me:spawn(function() for ev in pc:events { "signal" } do say(ev.blob) end end)
  me:spawn(function() for ev in ear:events { "message" } do pc:signal(ev.data) end end)
  pc:start()
  return pc
end
local function by_carrier(me, far, kind, servers)
  local wire = me:carrier { kind, to = far }
  return talk(me, function(blob) wire:send(blob) end, wire, servers)
end
-- The two ends of a connection by `kind`; "data" goes by a connection that the two have already, relayed where it must be.
local CARRY = {
  data = function(t, near, far)
    local servers = { stun = "stun", turn = { "turn:turn", username = "tank", password = "tank" } }
    local one, other = by_carrier(near, far, "websocket", servers), by_carrier(far, near, "websocket", servers)
    one:await { "open", within = "30s" }
    other:next { "open", within = "5s" }
    t:sleep "1s"
    local from = t:now()
    return talk(near, function(blob) one:send(blob) end, one), talk(far, function(blob) other:send(blob) end, other), from
  end,
}
local function carry(t, kind, near, far)
  if CARRY[kind] then return CARRY[kind](t, near, far) end
  return by_carrier(near, far, kind), by_carrier(far, near, kind), t:now()
end

-- B and E over wires of the application's own: what the near end came to.
local BY_APP = {
  B = function(near, far, wires)
    local one = talk(near, function(blob) wires[1]:send(blob) end, wires[1])
    talk(far, function(blob) wires[2]:send(blob) end, wires[2])
    return one:next { "open", "death", within = "90s" }
  end,
  E = function(near, far, wires)
    local function dial(me, wire, role)
      local e = me.E:open(ice.credentials(me))
      local addr, how = ice.agent({ e, wire = wire, role = role, stun = "stun" }):connect "30s"
      return addr and e:open_media(addr, how)
    end
    far:spawn(function(me) dial(me, wires[2], "controlled") end)
    local media = dial(near, wires[1], "controlling")
    return media and media:next { "open", "death", within = "30s" }
  end,
}

return {
  roles = tank.hypothesis { "H-S1: B and E need a web server and a STUN server alone, A, C and D fail without a rendezvous",
    claim   = "Håkansson, Jan 2011: \"B and E would, apart from the web server only need a STUN (possibly TURN, but in the simplest case only STUN) server as support … A, C and D would need more functionality in the network (rendezvous)\"",
    matrix  = { model = tank.models, pair = PAIRS, rendezvous = { "up", "down" } },
    predict = { { "opened", of = { rendezvous = "up" }, equals = 1 }, { "opened", of = { model = "B", rendezvous = "down" }, equals = 1 },
      { "opened", of = { model = "E", rendezvous = "down" }, equals = 1 }, { "opened", of = { model = "A", rendezvous = "down" }, equals = 0 },
      { "opened", of = { model = "C", rendezvous = "down" }, equals = 0 }, { "opened", of = { model = "D", rendezvous = "down" }, equals = 0 } },
    known   = "supported",
    run = function(t, cell)
      t:internet { servers = { "signal", "stun", "rtmfp" } }
      local web = t:host "web" -- the application's own server: it hands texts on within a room
      web.relay:serve()
      local near, far = two(t, cell.pair)
      if cell.rendezvous == "down" then
        t.server.signal:stop()
        t.server.rtmfp:stop()
      end
      local ev
      if BY_APP[cell.model] then
        local wires = {}
        for i, host in ipairs { near, far } do wires[i] = host.relay:join { web, room = "a-room-of-two-people" } end
        for _, wire in ipairs(wires) do wire:next { "up", within = "5s" } end
        ev = BY_APP[cell.model](near, far, wires)
      else
        ev = t:call { near, far, model = cell.model }[near]:next { "open", "death", within = "90s" }
      end
      t:metric { "opened", ev and ev.name == "open" and 1 or 0 }
    end,
  },

  carriers = tank.hypothesis { "H-S2: B opens the same cells whatever carries its blobs; only the time differs",
    claim   = "Håkansson, Jan 2011: \"B and E in contrast leaves this to the application developer. Any means can be used to exchange the required information\"; Uberti: \"candidates can be exchanged through any suitable mechanism\"",
    matrix  = { carrier = { "websocket", "http-poll", "mail", "data" }, pair = { "port-cone+port-cone", "full-cone+symmetric", "port-cone+symmetric", "symmetric+symmetric" },
      loss = { "0%", "5%" } },
    seeds   = 3,
    predict = {
      { "differs", of = { carrier = "websocket" }, equals = 0 }, { "differs", of = { carrier = "http-poll" }, equals = 0 }, { "differs", of = { carrier = "mail" }, equals = 0 },
      { "differs", of = { carrier = "data" }, equals = 0 }, { "took", of = { carrier = "websocket", loss = "0%" }, below = { carrier = "http-poll", loss = "0%" } },
      { "took", of = { carrier = "http-poll", loss = "0%" }, below = { carrier = "mail", loss = "0%" } },
    },
    known   = "supported",
    run = function(t, cell)
      t:internet { servers = { "signal", "stun", "turn" } }
      local near, far = two(t, cell.pair, { "fiber", loss = cell.loss })
      local one, other, from = carry(t, cell.carrier, near, far)
      local ev = one:next { "open", "death", within = "90s" }
      local opened = ev and ev.name == "open"
      local direct = cell.pair == "port-cone+port-cone" or cell.pair == "full-cone+symmetric"
      if opened then
        other:next { "open", within = "10s" }
        t:metric { "took", ev.at - from }
      end
      t:metric { "differs", (opened or false) ~= direct and 1 or 0 }
    end,
  },
}
