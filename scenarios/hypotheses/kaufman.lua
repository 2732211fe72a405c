-- What Matthew Kaufman claimed in January 2011, his givens and his five models, each as a hypothesis. What was predicted of it, before it
-- ran, is in docs/claims.md, too.
local tank    = require "icetank"
local measure = require "lib.measure"

local JAN5, JAN8 = "Kaufman, 5 Jan 2011, ", "Kaufman, 8 Jan 2011, "

---------------------------------------------------------------------------------------------------------------------- given 1
-- The same two, first directly, then by the relay alone: voice, and beside it numbered texts of 160 bytes, 50 a second for 10 s.
local RELAYED = {
  B = function(t, a, b, walls)
    for _, wall in ipairs(walls) do
      wall:set { udp_out = { 53, 3478 } } -- the TURN server, and nobody else
      wall:flush()
    end
    return t:call { a, b, model = "B", media = "voice" }
  end,
  C = function(t, a, b, _, server) return t:call { a, b, model = "C", media = "voice", via = "server", server = server } end,
}
-- The p95 delay of the texts, and what `relayed` counted meanwhile.
local function p95_of(t, call, a, b, relayed)
  call:await { "open", within = "30s" }
  t:sleep "2s"
  local before = relayed()
  local list = measure.delays { t, from = call[a], to = call[b], n = 500, rest = "1s" }
  local after = relayed()
  call[a]:close()
  call:await { "closed", within = "5s" }
  return measure.part(list, 95), after - before
end

---------------------------------------------------------------------------------------------------------------------- given 2
-- Which of RFC 5128's cells meet by UDP alone. A symmetric NAT's port toward the peer is unknown until its packet comes: a filter by
-- address lets that in, one by port does not.
local GRID = { "full-cone", "addr-cone", "port-cone", "linux-masq", "symmetric", "symmetric-seq" }
local SYMMETRIC = { symmetric = true, ["symmetric-seq"] = true }
local STRICT = { ["port-cone"] = true, ["linux-masq"] = true, symmetric = true, ["symmetric-seq"] = true }
local EXPECTED = {
  punching    = function(near, far) return not (SYMMETRIC[near] and STRICT[far] or SYMMETRIC[far] and STRICT[near]) end,
  ["one-way"] = function(_, far) return far == "full-cone" end,
  ["no-udp"]  = function() return false end,
}
-- Whether near's packet reaches far, which has told its address and sends nothing.
local function one_way(near, far)
  local ear, mouth = far.udp:open(), near.udp:open()
  mouth:probe_stun()
  local there = ear:probe_stun()
  mouth:send(there, "hello")
  return ear:next { "message", data = "hello", within = "2s" } ~= nil
end

-- A way of numbered texts from a to b: what sends one, what tells them, and whether texts come in pieces.
local WAYS = {
  tcp = function(_, a, b)
    local list = b.tcp:listen { 5000 }
    local conn = a.tcp:connect { b:addr(5000), nodelay = true }
    conn:await { "open", within = "10s" }
    return function(text) conn:send(text) end, list, true
  end,
  dtls = function(t, a, b)
    local call = t:call { a, b, model = "B" }
    call:await { "open", within = "20s" }
    return function(text) call[a]:send(text) end, call[b]
  end,
  rtmfp = function(t, a, b, lifetime)
    local server = t:host "meet"
    server:serve_rtmfp()
    local from, to = a.netconnection:open { server = server }, b.netconnection:open { server = server }
    from:await { "status", code = "NetConnection.Connect.Success", within = "20s" }
    to:next { "status", code = "NetConnection.Connect.Success", within = "20s" }
    local mouth, ear = from:stream { via = "direct" }, to:stream { from = from }
    mouth:publish "voice"
    ear:play "voice"
    ear:await { "status", code = "NetStream.Play.Start", within = "20s" }
    return function(text) mouth:send(text, { type = "audio", lifetime = lifetime }) end, ear
  end,
}
WAYS["rtmfp-lifetime"] = function(t, a, b) return WAYS.rtmfp(t, a, b, "150ms") end

---------------------------------------------------------------------------------------------------------------------- givens 5, 6
local KINDS = { "full-cone", "port-cone", "symmetric", "blocked" }
local SERVERS = { all = { "signal", "stun", "turn", "ws" }, ["no-turn"] = { "signal", "stun", "ws" }, ["no-tcp"] = { "signal", "stun", "turn" } }
-- What a call of two kinds of networks must come to, with these servers.
local function ladder(near, far, servers)
  if near == "blocked" or far == "blocked" then return servers == "no-tcp" and "none" or "relay_tcp" end
  if near == "symmetric" and STRICT[far] or far == "symmetric" and STRICT[near] then return servers == "no-turn" and "relay_tcp" or "relay_udp" end
  return "direct_udp"
end
local function kind(name) return name == "blocked" and { "udp-blocked", "port-cone" } or name end

---------------------------------------------------------------------------------------------------------------------- model D
-- Whether two sockets that know each other's address as the STUN server sees it meet by sending at once.
local function punch(t, near, far)
  local there, here = far:probe_stun(), near:probe_stun()
  for _, sock in ipairs { near, far } do
    t:spawn(function() for ev in sock:events { "message" } do if ev.data == "ping" then sock:send(ev.addr, "pong") end end end)
  end
  for _ = 1, 5 do
    near:send(there, "ping")
    far:send(here, "ping")
    t:sleep "200ms"
  end
  return near:next { "message", data = "pong", within = "1s" } ~= nil and far:next { "message", data = "pong", within = "1s" } ~= nil
end
-- Two worlds each, whose networks are of the same two types.
local WITNESS = {
  -- neighbours behind one carrier's NAT that does not hairpin, or behind two of them
  hairpin = function(t, twin)
    local one = t:nat { "cgn", "cgn-apdf" }
    local two = twin == "meets" and t:nat { "cgn2", "cgn-apdf" } or one
    return t:host { "near", behind = { "linux-masq", one } }, t:host { "far", behind = { "linux-masq", two } }
  end,
  -- somebody else behind the same NAT has the port toward that peer, or another one
  collision = function(t, twin)
    local home = t:nat { "home", "linux-masq" }
    local other = t:host { "other", behind = home }
    return t:host { "near", behind = home }, t:host { "far", behind = "port-cone" }, function(far)
      other.udp:open { port = twin == "meets" and 6001 or 6000 }:send(far:probe_stun(), "hello")
      t:sleep "100ms"
    end
  end,
  -- a wall that lets UDP out to the port of STUN alone, or to all
  wall = function(t, twin)
    local wall = t:firewall { "wall", "stateful", set = twin ~= "meets" and { udp_out = { 3478 } } or nil }
    return t:host { "near", behind = { "port-cone", wall } }, t:host { "far", behind = "port-cone" }
  end,
}

---------------------------------------------------------------------------------------------------------------------- model C
local UP = "NetConnection.Connect.Success"

-- k streams from a to b, in C under one connection; blocks until all are there. Returns what sends and what hears of the first two.
local MANY = {
  C = function(t, a, b, k, state)
    if not state.server then
      state.server = t:host "meet"
      state.introducer = state.server:serve_rtmfp()
      state.from, state.to = a.netconnection:open { server = state.server }, b.netconnection:open { server = state.server }
      state.from:await { "status", code = UP, within = "5s" }
      state.to:next { "status", code = UP, within = "5s" }
      state.mouths, state.ears = {}, {}
    end
    for i = #state.mouths + 1, k do
      local mouth, ear = state.from:stream { via = "direct" }, state.to:stream { from = state.from }
      mouth:publish("stream-" .. i)
      ear:play("stream-" .. i)
      ear:await { "status", code = "NetStream.Play.Start", within = "5s" }
      state.mouths[i], state.ears[i] = mouth, ear
    end
  end,
  B = function(t, a, b, k, state)
    state.mouths, state.ears = state.mouths or {}, state.ears or {}
    for i = #state.mouths + 1, k do
      local call = t:call { a, b, model = "B" }
      call:await { "open", within = "10s" }
      state.mouths[i], state.ears[i] = call[a], call[b]
    end
  end,
}
local function idle(t, a, b)
  t:sleep "5s"
  local before = a.stats.tx_bytes + b.stats.tx_bytes
  t:sleep "60s"
  return a.stats.tx_bytes + b.stats.tx_bytes - before
end

return {
  direct = tank.hypothesis { "H-K1: direct has a lower delay than a relay between the same two, and the relay carries nothing",
    claim   = JAN5 .. "given 1: \"When it is possible to establish a peer-to-peer connection for media, that should be supported (and is probably preferred)\"",
    matrix  = { model = { "B", "C" } },
    seeds   = 5,
    predict = { { "gain", at_least = "10ms" }, { "relayed_direct", equals = 0 }, { "relayed_relay", at_least = 500 } },
    known   = "supported",
    run = function(t, cell)
      t:internet { servers = { "signal", "stun", "turn" }, turn = { tcp = {} } }
      local walls = { t:firewall { "wall-a", "stateful" }, t:firewall { "wall-b", "stateful" } }
      local a = t:host { "a", behind = { "port-cone", walls[1] } }
      local b = t:host { "b", behind = { "port-cone", walls[2] } }
      local server = t:host "meet"
      local introducer = server:serve_rtmfp()
      local function relayed() return introducer.stats.relayed + t.server.turn.stats.relayed end
      local direct, without = p95_of(t, t:call { a, b, model = cell.model, media = "voice", server = cell.model == "C" and server or nil }, a, b, relayed)
      local relay, with = p95_of(t, RELAYED[cell.model](t, a, b, walls, server), a, b, relayed)
      t:metric { "gain", relay - direct }
      t:metric { "p95_direct", direct }
      t:metric { "relayed_direct", without }
      t:metric { "relayed_relay", with }
    end,
  },

  punching = tank.hypothesis { "H-K2a: without UDP nobody meets directly, with punching the cells of RFC 5128 do",
    claim   = JAN5 .. "given 2: \"Supporting peer-to-peer connections for media in the face of NA(P)T and firewalls will require UDP, and UDP hole-punching techniques\"",
    matrix  = { near = GRID, far = GRID, way = { "punching", "one-way", "no-udp" } },
    predict = { { "differs", of = { way = "punching" }, equals = 0 }, { "differs", of = { way = "one-way" }, equals = 0 }, { "met", of = { way = "no-udp" }, equals = 0 } },
    known   = "supported",
    run = function(t, cell)
      local blocked = cell.way == "no-udp"
      local near = t:host { "near", behind = blocked and { "udp-blocked", cell.near } or cell.near }
      local far = t:host { "far", behind = blocked and { "udp-blocked", cell.far } or cell.far }
      local met
      if cell.way == "one-way" then
        met = one_way(near, far)
      else
        local call = t:call { near, far, model = "B" }
        local ev = call[near]:next { "open", "death", within = "61s" }
        met = ev.name == "open" and ev.path == "direct_udp"
      end
      t:metric { "met", met and 1 or 0 }
      t:metric { "differs", met ~= EXPECTED[cell.way](cell.near, cell.far) and 1 or 0 }
    end,
  },

  late = tank.hypothesis { "H-K2b: TCP misses more deadlines of 150 ms than UDP from some round trip on, and fewer below it",
    claim   = JAN5 .. "given 2: \"UDP is also preferable for delay-sensitive media\"",
    matrix  = { way = { "tcp", "dtls", "rtmfp", "rtmfp-lifetime" }, rtt = { "20ms", "80ms", "200ms" }, loss = { "0%", "0.1%", "1%", "3%", "5%" } },
    seeds   = 3,
    predict = {
      { "missed", of = { loss = "0%" }, equals = 0 },
      { "missed", of = { way = "tcp", rtt = "20ms", loss = "1%" }, below = { way = "dtls", rtt = "20ms", loss = "1%" } },
      { "missed", of = { way = "tcp", rtt = "20ms", loss = "5%" }, below = { way = "dtls", rtt = "20ms", loss = "5%" } },
      { "missed", of = { way = "tcp", rtt = "200ms", loss = "1%" }, above = { way = "dtls", rtt = "200ms", loss = "1%" } },
      { "missed", of = { way = "tcp", rtt = "200ms", loss = "3%" }, above = { way = "dtls", rtt = "200ms", loss = "3%" } },
      { "missed", of = { way = "tcp", rtt = "200ms", loss = "5%" }, above = { way = "dtls", rtt = "200ms", loss = "5%" } },
      { "missed", of = { way = "rtmfp-lifetime", rtt = "200ms", loss = "5%" }, below = { way = "rtmfp", rtt = "200ms", loss = "5%" } },
    },
    known   = "mixed",
    run = function(t, cell)
      t:internet { delay = tank.time(cell.rtt) // 2 - tank.time "2ms" }
      local a, b = t:host { "a", link = { "lan", delay = "1ms" } }, t:host { "b", link = { "lan", delay = "1ms" } }
      local send, ear, split = WAYS[cell.way](t, a, b)
      a.link:set { up = { loss = cell.loss } }
      local list = measure.delays { t, send = send, to = ear, split = split, n = 300, rest = "3s" }
      t:metric { "missed", measure.missed(list, 300, "150ms") }
      t:metric { "p95", measure.part(list, 95) }
    end,
  },


  roles = tank.hypothesis { "H-K56: without TURN exactly the symmetric cells lose UDP, without relays by TCP exactly the blocked ones die",
    claim   = JAN5 .. "givens 5 and 6: \"it will also be necessary to support relayed UDP traffic\", \"and the same media traffic over a TCP connection, for cases where UDP is blocked\"",
    matrix  = { near = KINDS, far = KINDS, servers = { "all", "no-turn", "no-tcp" } },
    predict = { { "differs", equals = 0 } },
    known   = "supported",
    run = function(t, cell)
      t:internet { servers = SERVERS[cell.servers], turn = cell.servers ~= "no-turn" and { tcp = {} } or nil }
      local near, far = t:host { "near", behind = kind(cell.near) }, t:host { "far", behind = kind(cell.far) }
      local call = t:call { near, far, model = "B" }
      local path = "none"
      if call[near]:next { "open", "death", within = "61s" }.name == "open" then
        call[far]:next { "open", within = "5s" }
        local one, two = call[near].path, call[far].path
        path = (one == "relay_tcp" or two == "relay_tcp") and "relay_tcp" or (one == "relay_udp" or two == "relay_udp") and "relay_udp" or one
      end
      t:metric { "differs", path ~= ladder(cell.near, cell.far, cell.servers) and 1 or 0 }
      t:metric { "opened", path ~= "none" and 1 or 0 }
    end,
  },

  undecidable = tank.hypothesis { "H-KD1: two pairs of networks of the same types meet, or do not",
    claim   = JAN5 .. "D: the script has \"to determine when a direct connection cannot be made (which sometimes cannot be determined without trying it out)\"",
    matrix  = { witness = { "hairpin", "collision", "wall" }, twin = { "meets", "fails" } },
    seeds   = 3,
    predict = { { "port_restricted", equals = 2 }, { "met", of = { twin = "meets" }, equals = 1 }, { "met", of = { twin = "fails" }, equals = 0 } },
    known   = "supported",
    run = function(t, cell)
      local observers = measure.observers(t)
      local near, far, before = WITNESS[cell.witness](t, cell.twin)
      local n = 0
      for _, host in ipairs { near, far } do
        if measure.nat_type(host, observers) == "port restricted cone" then n = n + 1 end
      end
      local mine, theirs = near.udp:open { port = 6000 }, far.udp:open { port = 6000 }
      if before then before(theirs) end
      t:metric { "port_restricted", n }
      t:metric { "met", punch(t, mine, theirs) and 1 or 0 }
    end,
  },

  price = tank.hypothesis { "H-KD2: trying first costs T_try where there is no direct way, racing costs joins at the relay",
    claim = JAN5 .. "D: \"Makes the programming model more complex, but avoids duplication\"",
    matrix = { policy = { "sequential", "race" }, pair = { "port-cone+port-cone", "port-cone+symmetric", "symmetric+symmetric", "udp-blocked+port-cone" } },
    predict = {
      -- T_try is paid where there is no direct way, and racing takes it away
      { "t_first_media", of = { policy = "sequential", pair = "port-cone+symmetric" }, between = { "2s", "4s" } },
      { "t_first_media", of = { policy = "sequential", pair = "symmetric+symmetric" }, between = { "2s", "4s" } },
      { "t_first_media", of = { policy = "sequential", pair = "udp-blocked+port-cone" }, between = { "2s", "4s" } },
      { "t_first_media", of = { policy = "race" }, below = "1500ms" },
      { "t_first_media", of = { policy = "sequential", pair = "port-cone+port-cone" }, below = "1500ms" },
      -- and the relay is joined twice a call, whether it is needed or not
      { "joins", of = { policy = "sequential", pair = "port-cone+port-cone" }, equals = 0 },
      { "joins", of = { policy = "race" }, equals = 2 },
      { "joins", of = { policy = "sequential", pair = "symmetric+symmetric" }, equals = 2 },
    },
    known   = "supported",
    run = function(t, cell)
      local near, far = cell.pair:match "^(%S+)%+(%S+)$"
      t:internet { servers = { "signal", "stun", "ws" } }
      if near == "udp-blocked" then near = { "linux-masq", "udp-blocked" } end
      local a, b = t:host { "near", behind = near }, t:host { "far", behind = far }
      local call = t:call { a, b, model = "D", policy = cell.policy, media = "voice" }
      call:await { "open", within = "10s" }
      t:sleep "10s"
      t:metric { "joins", t.server.ws.stats.joined }
      t:check { "the peer object carries it wherever it can", call[a].path, equals = cell.pair == "port-cone+port-cone" and "direct_udp" or "relay_tcp" }
    end,
  },

  library = tank.hypothesis { "H-KE1: with its library E opens exactly what B opens",
    claim   = JAN5 .. "E: script complexity \"could be encapsulated into well-known, even open-source, libraries\"",
    matrix  = { model = { "B", "E" }, near = GRID, far = GRID },
    where   = function(cell) return EXPECTED.punching(cell.near, cell.far) end,
    predict = { { "opened", of = { model = "B" }, equals = 1 }, { "opened", of = { model = "E" }, equals = 1 } },
    known   = "supported",
    run = function(t, cell)
      local near, far = t:host { "near", behind = cell.near }, t:host { "far", behind = cell.far }
      local call = t:call { near, far, model = cell.model }
      local ev = call[near]:next { "open", "death", within = "61s" }
      t:metric { "opened", ev.name == "open" and ev.path == "direct_udp" and 1 or 0 }
    end,
  },

  streams = tank.hypothesis { "H-C1: streams to one peer share all but their order",
    claim   = JAN8 .. "to Alvestrand's \"Are there multiple streams active at the same time, and if so, what state do they share\": \"zero or more NetStreams, each of which is a unidirectional flow of media\"",
    matrix  = { model = { "B", "C" }, k = { "4", "16" } },
    seeds   = 3,
    predict = { { "idle_percent", of = { model = "C" }, at_most = 110 }, { "idle_percent", of = { model = "B", k = "16" }, between = { 1500, 1700 } },
      { "idle_percent", of = { model = "B", k = "4" }, between = { 350, 450 } }, { "sessions", of = { model = "C" }, equals = 1 },
      { "other_waits", of = { model = "C" }, at_most = "1ms" }, { "waits", of = { model = "C" }, at_least = "20ms" } },
    known   = "refuted",
    run = function(t, cell)
      local a, b, k = t:host { "a", link = "lan" }, t:host { "b", link = "lan" }, math.tointeger(tonumber(cell.k))
      local state = {}
      MANY[cell.model](t, a, b, 1, state)
      local one = idle(t, a, b)
      MANY[cell.model](t, a, b, k, state)
      t:metric { "idle_percent", idle(t, a, b) * 100 // one }
      if cell.model == "B" then return end
      t:metric { "sessions", state.introducer.stats.introduced }
      a.link:drop { nth = 21, from = a }
      local worst = {}
      for i = 1, 2 do
        t:spawn(function()
          t:sleep(tank.time "10ms" * i)
          local list = measure.delays { t, send = function(text) state.mouths[i]:send(text, { type = "data" }) end, to = state.ears[i], n = 50, rest = "2s" }
          worst[i] = #list == 50 and list[#list] - list[1] or nil
        end)
      end
      t:sleep "4s"
      t:metric { "waits", math.max(worst[1], worst[2]) }
      t:metric { "other_waits", math.min(worst[1], worst[2]) }
    end,
  },

  combined = tank.hypothesis { "H-C2: C connects in fewer round trips than B by HTTP polls",
    claim   = JAN5 .. "C: \"peer-to-peer NetStreams use the open NetConnection for the peer setup signaling (determining the far IP addresses, requesting NAT hole-punching, etc.)\"",
    matrix  = { rtt = { "20ms", "80ms", "200ms" } },
    seeds   = 3,
    predict = { { "gain_tenths", at_least = 20 } },
    known   = "supported",
    run = function(t, cell)
      t:internet { delay = tank.time(cell.rtt) // 2 - tank.time "400us" }
      local took = {}
      for _, model in ipairs { "B", "C" } do
        local a, b = t:host { "a-" .. model:lower(), behind = "port-cone", link = "lan" }, t:host { "b-" .. model:lower(), behind = "port-cone", link = "lan" }
        local from = t:now()
        local call = t:call { a, b, model = model, carrier = model == "B" and "http-poll" or nil }
        call:await { "open", within = "30s" }
        took[model] = t:now() - from
        t:metric { "tenths_" .. model:lower(), took[model] * 10 // tank.time(cell.rtt) }
      end
      t:metric { "gain_tenths", (took.B - took.C) * 10 // tank.time(cell.rtt) }
    end,
  },
}
