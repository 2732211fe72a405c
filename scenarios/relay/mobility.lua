-- A relayed call whose host leaves one network for another. Without mobility the allocation is lost with its socket: a new one is
-- made, told to the far side and checked. With it (RFC 8016) the allocation moves, and the far side sees nothing of it.
local tank = require "icetank"
local S = {}

S.sooner = tank.scenario { "an allocation that moves is back sooner than a new one",
  matrix = { mobility = { true, false }, way = { { "both-up", overlap = "1s" }, { "at-once", gap = "0ms" }, { "gap", gap = "1s" } },
             by = { { "udp", heard = "100ms", hears = "140ms" }, { "dtls", heard = "200ms", hears = "220ms" } } },
  run = function(t, cell)
    t:internet { servers = { "signal", "stun", "turn" }, turn = { udp = { 3478 }, tcp = {}, dtls = { 5349 }, mobility = cell.mobility } }
    local alice = t:host { "alice", { "wifi", behind = "symmetric" }, { "lte", behind = "symmetric" } }
    alice.iface.lte:down()
    local bob = t:host { "bob", behind = "symmetric" }
    local call = t:call { alice, bob, model = "B", media = "voice", turn = cell.by[1] }
    call:await { "open", path = "relay_udp", within = "10s" }
    t:at "20s"
    alice:handover { from = "wifi", to = "lte", gap = cell.way.gap, overlap = cell.way.overlap }
    call:forbid { "death", during = "30s" }
    t:sleep "30s"
    local gap = tank.time(cell.way.gap or "0ms")
    local heard, hears = call[bob].stats.longest_gap, call[alice].stats.longest_gap
    if cell.mobility then
      t:check { "silence at the far side", heard, at_most = gap + tank.time(cell.by.heard) }
      t:check { "silence at who has moved", hears, at_most = gap + tank.time(cell.by.hears) }
    else
      t:check { "silence at the far side", heard, at_least = gap + tank.time "250ms" }
      t:check { "silence at who has moved", hears, at_least = gap + tank.time "1s" }
    end
  end,
}

-- An app of one's own asks for it by its list of servers; where the server forbids it (405) the call is relayed all the same.
S.asked = tank.scenario { "who asks for mobility of a server that forbids it has an allocation that stays",
  matrix = { server = { true, false }, asks = { true, false } },
  run = function(t, cell)
    t:internet { servers = { "signal", "stun", "turn" }, turn = { udp = { 3478 }, tcp = {}, mobility = cell.server } }
    local alice, bob = t:host { "alice", { "wifi", behind = "symmetric" }, { "lte", behind = "symmetric" } }, t:host { "bob", behind = "symmetric" }
    alice.iface.lte:down()
    local ends = {}
    for i, h in ipairs { alice, bob } do
      ends[i] = h.B:new { turn = { "turn:turn", mobility = cell.asks }, media = "voice", restart = false }
    end
    for i = 1, 2 do
      t:spawn(function() for ev in ends[i]:events "signal" do ends[3 - i]:signal(ev.blob) end end)
      ends[i]:start()
    end
    ends[1]:await { "open", path = "relay_udp", within = "20s" }
    t:at "30s"
    alice:handover { from = "wifi", to = "lte", gap = "500ms" }
    if cell.server and cell.asks then
      ends[1]:forbid { "death", during = "1min" }
    else
      ends[1]:expect { "death", within = "1min" }
    end
  end,
}
return S
