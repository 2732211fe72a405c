-- What Harald Alvestrand asked for in January 2011: that an application is told when its connection changes, stops, gets faster or ends. What
-- was predicted of it, before it ran, is in docs/claims.md, too.
local tank    = require "icetank"
local measure = require "lib.measure"

local JAN7 = "Alvestrand, 7 Jan 2011: "
local SERVERS = { "signal", "stun", "ws", "rtmfp" }
local NOTICES = { "stalled", "failover", "death", "closed", "network" }

-- Counts what `source` tells, by name.
local function tally(t, source)
  local n = { stalled = 0, resumed = 0, failover = 0, death = 0, rate_up = 0, rate_down = 0 }
  t:spawn(function()
    for ev in source:events { "stalled", "resumed", "failover", "death", "rate_up", "rate_down" } do n[ev.name] = n[ev.name] + 1 end
  end)
  return n
end

---------------------------------------------------------------------------------------------------------------------- the cable
local ROOM = "/a-room-of-two-people#between-the-two-of-us"
local PWD = { a = ("a"):rep(22), b = ("b"):rep(22) }
local DEAF = { stall = "2h", consent = "1h", death = "3h" } -- ICE that asks for no consent while the case lasts

-- Two connected ends, by model or by what has no liveness.
local CONNECT = {
  ["websocket-2010"] = function(_, near, far, media)
    local one, two = near.D:relay { "ws://ws" .. ROOM, ping = false, media = media }, far.D:relay { "ws://ws" .. ROOM, ping = false, media = media }
    one:await { "open", within = "5s" }
    two:next { "open", within = "5s" }
    return one, two
  end,
  ["bare-e"] = function(_, near, far, media)
    local a, b = near.E:open("aaaa", PWD.a, { expiry = "never" }), far.E:open("bbbb", PWD.b, { expiry = "never" })
    local here, there = a:addrs()[1], b:addrs()[1]
    a:test(there, "bbbb", PWD.b)
    b:test(here, "aaaa", PWD.a)
    a:await { "success", within = "1s" }
    b:await { "success", within = "1s" }
    local two = b:open_media(here, { fingerprint = a.fingerprint, media = media })
    local one = a:open_media(there, { fingerprint = b.fingerprint, client = true, media = media })
    one:await { "open", within = "2s" }
    two:next { "open", within = "2s" }
    return one, two
  end,
}
CONNECT["no-consent"] = function(t, near, far, media)
  local call = t:call { near, far, model = "B", media = media }
  call:await { "open", within = "5s" }
  return call[near], call[far]
end
local MODELS = { "A", "B", "C", "D", "E" }
local WITHOUT = { "websocket-2010", "bare-e", "no-consent" }

---------------------------------------------------------------------------------------------------------------------- two interfaces
-- A phone in a home with the Wi-Fi alone, and a desk; both connected, LTE up since.
local function walk(t, model)
  t:internet { servers = { "signal", "stun", "ws" } }
  local wifi = { "wifi", behind = "linux-masq", link = "wifi-good" }
  local lte  = { "lte", behind = "cgn-symmetric-cell", link = "lte" }
  local phone, desk, server = t:host { "phone", wifi, lte }, t:host { "desk", behind = "full-cone" }, t:host "introducer"
  local introducer = server:serve_rtmfp()
  phone.iface.lte:down()
  local call = t:call { phone, desk, model = model, media = "voice", server = model == "C" and server or nil }
  call:await { "open", within = "10s" }
  t:at "11s"
  phone.iface.lte:up()
  return phone, desk, call, introducer
end

return {
  cable = tank.hypothesis { "H-H1: a cable that is pulled is told at once where the link says so, within T_death elsewhere, and never without liveness",
    claim   = JAN7 .. "\"When I yank out my network cable, and don't have wireless, I expect an error message saying 'connection lost'; I don't expect things to just freeze.\"",
    matrix  = { how = { "A", "B", "C", "D", "E", table.unpack(WITHOUT) }, link = { "tells", "silent" }, media = { "voice", "none" } },
    predict = {
      { "near_told", of = { link = "tells", how = "A" }, at_most = "1ms" }, { "near_told", of = { link = "tells", how = "B" }, at_most = "1ms" },
      { "near_told", of = { link = "tells", how = "C" }, at_most = "1ms" }, { "near_told", of = { link = "tells", how = "D" }, at_most = "1ms" },
      { "near_told", of = { link = "tells", how = "E" }, at_most = "1ms" },
      { "worst_death", of = { how = "A" }, at_most = "36s" }, { "worst_death", of = { how = "B" }, at_most = "36s" }, { "worst_death", of = { how = "C" }, at_most = "57s" },
      { "worst_death", of = { how = "D" }, at_most = "36s" }, { "worst_death", of = { how = "E" }, at_most = "36s" },
      { "far_told", of = { how = "websocket-2010" }, equals = "300s" }, { "far_told", of = { how = "bare-e" }, equals = "300s" },
      { "far_told", of = { how = "no-consent" }, equals = "300s" },
    },
    known   = "mixed",
    run = function(t, cell)
      t:internet { servers = SERVERS }
      local timers = cell.how == "no-consent" and DEAF or nil
      local near, far = t:host { "near", behind = "linux-masq", timers = timers }, t:host { "far", behind = cell.how ~= "bare-e" and "port-cone" or nil, timers = timers }
      if cell.how == "bare-e" then near = t:host { "near-2" } end
      local one, two
      if CONNECT[cell.how] then
        one, two = CONNECT[cell.how](t, near, far, cell.media)
      else
        local call = t:call { near, far, model = cell.how, media = cell.media }
        call:await { "open", within = "10s" }
        one, two = call[near], call[far]
      end
      t:at "15s"
      near.link:cut { signal = cell.link == "tells" }
      local from, all = t:now(), tank.time "300s"
      local n = {}
      for who, source in pairs { near = one, far = two } do
        for what, names in pairs { told = NOTICES, death = { "death" } } do
          t:spawn(function() n[who .. "_" .. what] = measure.told(source, names, from, all) end)
        end
      end
      t:sleep(all)
      local function of(what) return n[what] or measure.ns(all) end
      t:metric { "near_told", of "near_told" }
      t:metric { "far_told", of "far_told" }
      t:metric { "near_death", of "near_death" }
      t:metric { "worst_death", math.max(of "near_death", of "far_death") }
    end,
  },

  failover = tank.hypothesis { "H-H2: each change of path is told once at each end, and nothing else is",
    claim   = JAN7 .. "\"when the state of the connection changes (failover to new connections, …) the changes have to be signalled back\"",
    matrix  = { model = MODELS, moves = { "0", "1", "2" } },
    seeds   = 3,
    predict = { { "near", of = { moves = "0" }, equals = 0 }, { "far", of = { moves = "0" }, equals = 0 }, { "near", of = { moves = "1" }, equals = 1 },
      { "far", of = { moves = "1" }, equals = 1 }, { "near", of = { moves = "2" }, equals = 2 }, { "far", of = { moves = "2" }, equals = 2 } },
    known   = "supported",
    run = function(t, cell)
      local phone, desk, call = walk(t, cell.model)
      t:at "12s"
      local near, far = tally(t, call[phone]), tally(t, call[desk])
      t:at "20s"
      if cell.moves ~= "0" then phone.iface.wifi:down() end
      t:at "45s"
      if cell.moves == "2" then
        phone.iface.wifi:up()
        t:sleep "2s"
        phone.iface.lte:down()
      end
      t:at "80s"
      t:metric { "near", near.failover }
      t:metric { "far", far.failover }
      t:metric { "died", near.death + far.death }
    end,
  },

  stops = tank.hypothesis { "H-H3: silence is told within T_stall, short holes are not, and holes below T_death end well",
    claim   = JAN7 .. "\"data doesn't flow any more\" has to be signalled",
    matrix  = { model = MODELS, hole = { "1s", "1900ms", "2500ms", "5s", "15s", "29s", "31s", "60s" }, way = { "both", "one" } },
    where   = function(cell) return cell.way == "both" or cell.hole == "5s" or cell.hole == "60s" end,
    predict = {
      { "stalls", of = { hole = "1s" }, equals = 0 }, { "stalls", of = { hole = "1900ms" }, equals = 0 }, { "told", of = { hole = "2500ms", way = "both" }, at_most = "2200ms" },
      { "told", of = { hole = "5s", way = "both" }, at_most = "2200ms" }, { "told", of = { hole = "60s", way = "both" }, at_most = "2200ms" },
      { "died", of = { hole = "2500ms" }, equals = 0 }, { "died", of = { hole = "5s" }, equals = 0 }, { "died", of = { hole = "15s" }, equals = 0 },
      { "died", of = { hole = "29s" }, equals = 0 }, { "died", of = { hole = "60s", way = "both" }, equals = 2 },
    },
    known   = "refuted",
    run = function(t, cell)
      t:internet { servers = SERVERS }
      local near, far = t:host { "near", behind = "linux-masq" }, t:host { "far", behind = "port-cone" }
      local call = t:call { near, far, model = cell.model, media = "voice" }
      call:await { "open", within = "10s" }
      t:at "15s"
      local one, two = tally(t, call[near]), tally(t, call[far])
      local from, told = t:now(), nil
      t:spawn(function() told = measure.told(call[far], { "stalled" }, from, tank.time "90s") end)
      near.gateway.link:blackhole(cell.way == "one" and { from = near.gateway } or nil)
      t:sleep(cell.hole)
      near.gateway.link:restore()
      t:at "110s"
      t:metric { "stalls", one.stalled + two.stalled }
      t:metric { "died", one.death + two.death }
      if told then t:metric { "told", told } end
    end,
  },

  faster = tank.hypothesis { "H-H4: a rate that grows a great deal is told, a little more and the beginning are not",
    claim   = JAN7 .. "\"data suddenly flows a great deal faster than before\" has to be signalled",
    matrix  = { model = MODELS, grows = { "1.2", "2", "5", "10", "ramp" } },
    predict = { { "told", of = { grows = "1.2" }, equals = 0 }, { "told", of = { grows = "5" }, equals = 1 }, { "told", of = { grows = "10" }, equals = 1 },
      { "told", of = { grows = "ramp" }, equals = 0 } },
    known   = "supported",
    run = function(t, cell)
      t:internet { servers = SERVERS }
      local near, far = t:host { "near", behind = "linux-masq" }, t:host { "far", behind = "port-cone" }
      local call = t:call { near, far, model = cell.model }
      call:await { "open", within = "10s" }
      local heard = tally(t, call[far])
      -- `every`: the time between two texts of 500 bytes, in us
      local function send(every, during)
        local till = t:now() + during
        while t:now() < till do
          call[near]:send(("x"):rep(500))
          t:sleep(tank.time "1us" * every)
        end
      end
      if cell.grows == "ramp" then
        for i = 0, 4 do send(160000 >> i, tank.time "500ms") end -- doubled every half a second until it is at its rate
        send(5000, tank.time "10s")
      else
        local tenths = math.tointeger(tonumber(cell.grows) * 10)
        send(50000, tank.time "20s")
        heard.rate_up = 0
        send(500000 // tenths, tank.time "10s")
      end
      t:metric { "told", heard.rate_up }
    end,
  },

  wireless = tank.hypothesis { "H-H5: with a second interface the same cut is a failover, and C is back before B and asks no server",
    claim   = JAN7 .. "\"… and don't have wireless\"; \"failover to new connections\"",
    matrix  = { model = MODELS },
    seeds   = 10,
    predict = { { "died", equals = 0 }, { "t_recover", of = { model = "C" }, below = { model = "B" } }, { "asked", of = { model = "C" }, equals = 0 } },
    known   = "supported",
    run = function(t, cell)
      local phone, desk, call, introducer = walk(t, cell.model)
      t:at "12s"
      phone.iface.wifi.link:set { loss = "20%", burst = 5 } -- on the doorstep
      t:at "15s"
      local function asked() return t.server.signal.stats.messages + introducer.stats.introduced end
      local before, near, far = asked(), tally(t, call[phone]), tally(t, call[desk])
      phone.iface.wifi:down()
      t:sleep "45s"
      t:metric { "asked", asked() - before }
      t:metric { "died", near.death + far.death }
    end,
  },
}
