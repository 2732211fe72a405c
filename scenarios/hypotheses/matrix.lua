-- The matrix of five models and eight networks, as it was predicted before anything ran (docs/claims.md), and what each cell is. d: direct
-- UDP, r: relayed by UDP, t: by TCP, -: no connection.
local tank = require "icetank"

local CASES = {
  "cone-cone", "cone-sym", "sym-sym", "eif-sym", "adf-sym", "udp-blocked", "http-proxy", "same-lan", "signaling-lost",
}
-- As predicted. E has the relay that answers checks. What depends on its script was not predicted; B's script does not reroute its blobs.
local PREDICTED = {
  ["cone-cone"]      = { A = "d", B = "d", C = "d", D = "d", E = "d" },
  ["cone-sym"]       = { A = "r", B = "r", C = "r", D = "t", E = "r" },
  ["sym-sym"]        = { A = "r", B = "r", C = "r", D = "t", E = "r" },
  ["eif-sym"]        = { A = "d", B = "d", C = "d", D = "d", E = "d" },
  ["adf-sym"]        = { A = "d", B = "d", C = "d", D = "d", E = "d" },
  ["udp-blocked"]    = { A = "t", B = "t", C = "t", D = "t", E = "-" },
  ["http-proxy"]     = { A = "t", B = "t", C = "t", D = "t", E = "-" },
  ["same-lan"]       = { A = "d", B = "d", C = "d", D = "d", E = "d" },
  ["signaling-lost"] = { A = "-", B = "-", C = "d", D = "t" },
}
local NEAR = {
  ["cone-cone"] = "port-cone", ["cone-sym"] = "port-cone", ["sym-sym"] = "symmetric", ["eif-sym"] = "full-cone", ["adf-sym"] = "addr-cone",
  ["udp-blocked"] = { "udp-blocked", "port-cone" }, ["http-proxy"] = { "http-proxy-connect", "port-cone" }, ["signaling-lost"] = "linux-masq-range",
}
local FAR = {
  ["cone-cone"] = "port-cone", ["cone-sym"] = "symmetric", ["sym-sym"] = "symmetric", ["eif-sym"] = "symmetric", ["adf-sym"] = "symmetric",
  ["udp-blocked"] = "port-cone", ["http-proxy"] = "port-cone", ["signaling-lost"] = "full-cone",
}
local LETTER = { direct_udp = "d", direct_tcp = "t", relay_udp = "r", relay_tcp = "t" }

local function hosts(t, case)
  if case ~= "same-lan" then return t:host { "near", behind = NEAR[case] }, t:host { "far", behind = FAR[case] } end
  local home = t:nat { "home", "linux-masq" } -- which does not hairpin
  return t:host { "near", behind = home }, t:host { "far", behind = home }
end
-- The way of both ends: the worse of the two, as an end tells its own leg alone.
local function letter(call, near, far)
  local one, two = LETTER[call[near].path], LETTER[call[far].path]
  for _, l in ipairs { "t", "r" } do if one == l or two == l then return l end end
  return one or "-"
end

-- C where UDP may be shut out: NetConnections, which fall back to a WebSocket, and the two lines of its script.
local UP = "NetConnection.Connect.Success"
local function netstreams(near, far, meet)
  local from, to = near.netconnection:open { server = meet }, far.netconnection:open { server = meet }
  if not from:next { "status", code = UP, within = "30s" } or not to:next { "status", code = UP, within = "30s" } then return "-" end
  if from.transport == "udp" then -- an end of a WebSocket is introduced to nobody
    local mouth, ear = from:stream { via = "direct" }, to:stream { from = from }
    mouth:publish "voice"
    ear:play "voice"
    if ear:next { "status", code = "NetStream.Play.Start", within = "12s" } then return LETTER[ear.path] end
  end
  local mouth, ear = from:stream { via = "server" }, to:stream { via = "server" }
  mouth:publish "voice"
  mouth:next { "status", code = "NetStream.Publish.Start", within = "5s" }
  ear:play "voice"
  if not ear:next { "status", code = "NetStream.Play.Start", within = "5s" } then return "-" end
  return (mouth.path == "relay_tcp" or ear.path == "relay_tcp") and "t" or LETTER[ear.path]
end

-- A call of the standard apps; in the last row its servers go, and then the near NAT has another address.
local function by_call(t, cell, near, far, meet)
  local lost = cell.case == "signaling-lost"
  local call = t:call { near, far, model = cell.model, server = cell.model == "C" and meet or nil, media = lost and "voice" or nil }
  local ev = call[near]:next { "open", "death", within = "90s" }
  if not ev or ev.name ~= "open" then return "-" end
  call[far]:next { "open", within = "20s" }
  t:sleep "5s"
  if not lost then return letter(call, near, far) end
  t.server.signal:crash()
  meet:crash()
  near.gateway:renumber()
  return call[near]:next { "death", within = "90s" } and "-" or letter(call, near, far)
end

return {
  cells = tank.hypothesis { "the predicted matrix of the five models, cell by cell",
    claim   = "the five models of Kaufman, 5 Jan 2011, and what follows from them in eight networks",
    matrix  = { case = CASES, model = tank.models },
    predict = {
      { "differs", of = { case = "cone-cone" }, equals = 0 }, { "differs", of = { case = "cone-sym" }, equals = 0 }, { "differs", of = { case = "sym-sym" }, equals = 0 },
      { "differs", of = { case = "eif-sym" }, equals = 0 }, { "differs", of = { case = "adf-sym" }, equals = 0 }, { "differs", of = { case = "udp-blocked" }, equals = 0 },
      { "differs", of = { case = "http-proxy" }, equals = 0 }, { "differs", of = { case = "same-lan" }, equals = 0 }, { "differs", of = { case = "signaling-lost" }, equals = 0 },
    },
    known   = "supported",
    run = function(t, cell)
      t:internet { servers = { "signal", "stun", "turn", "ws", "checkrelay" } }
      local meet = t:host "meet"
      meet:serve_rtmfp { web = true }
      local near, far = hosts(t, cell.case)
      local by_web = cell.model == "C" and (cell.case == "udp-blocked" or cell.case == "http-proxy")
      local got = by_web and netstreams(near, far, meet) or by_call(t, cell, near, far, meet)
      local predicted = PREDICTED[cell.case][cell.model]
      if predicted then t:metric { "differs", got ~= predicted and 1 or 0 } end
      t:metric { "way", ({ ["-"] = 0, d = 1, r = 2, t = 3 })[got] }
    end,
  },
}
