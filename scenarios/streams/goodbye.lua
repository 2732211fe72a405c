-- The end of calls of several streams over relays and over TCP: what is said last is heard at once, and what was lent is given back.
local tank = require "icetank"
local WAYS = {
  { "relay_udp", turn = { udp = { 3478 }, tcp = {} } }, { "relay_tcp", turn = { udp = {}, tcp = { 443 } } },
  { "direct_tcp", tcp = "all" }, { "direct_udp" },
}
local SHAPES = { { "muxed" }, { "components", components = 2 }, { "bundled", bundle = true }, { "rtp", bundle = true, kind = "audio" } }

-- A call of two streams that goes by the way of `cell`, open.
local function opened(t, cell)
  local w = cell.way
  if w.turn then t:internet { servers = { "signal", "stun", "turn" }, turn = w.turn } end
  local nat = w.turn and "symmetric" or "linux-masq"
  local alice = t:host { "alice", behind = w.tcp and { t:firewall { "wall", "stateful", set = { udp = "block" } } } or nat }
  local bob = t:host { "bob", behind = w.turn and nat or nil }
  local call = t:call { alice, bob, model = "B", tcp = w.tcp, streams = { cell.shape.kind or "voice", cell.shape.kind or "voice" }, bundle = cell.shape.bundle or false, components = cell.shape.components }
  call:await { "open", path = w[1], within = "20s" }
  t:sleep "5s"
  return call, alice, bob
end
-- The addresses that the server still lends.
local function lent(t, cell) return cell.way.turn and t.server.turn.stats.allocations or 0 end
-- Allocations of one stream, of both ends.
local function per_stream(cell) return cell.way.turn and 2 * (cell.shape.components or 1) or 0 end

return {
  whole = tank.scenario { "who closes a call is heard within a round trip, and every allocation is given back",
    matrix = { way = WAYS, shape = SHAPES, who = { "caller", "callee" } },
    run = function(t, cell)
      local call, alice, bob = opened(t, cell)
      local one, other = alice, bob
      if cell.who == "callee" then one, other = bob, alice end
      call[one]:close()
      call[other]:expect { "closed", by = "remote", within = "200ms" }
      t:sleep "3s"
      t:check { "allocations", lent(t, cell), equals = 0 }
    end },
  one = tank.scenario { "one of two streams is hung up: it alone is heard to end, and its allocations are given back",
    matrix = { way = WAYS, shape = { SHAPES[1], SHAPES[2] } },
    run = function(t, cell)
      local call, alice, bob = opened(t, cell)
      t:check { "allocations of two", lent(t, cell), equals = 2 * per_stream(cell) }
      call.streams[2][alice]:close()
      call.streams[2][bob]:expect { "closed", by = "remote", within = "200ms" }
      t:sleep "2s"
      t:check { "allocations of one", lent(t, cell), equals = per_stream(cell) }
      call.streams[1][alice]:send "still there"
      call.streams[1][bob]:await { "message", data = "still there", within = "200ms" }
      call:forbid { "stalled", "death", during = "40s" }
      t:sleep "40s"
      call.streams[1][bob]:close()
      call[alice]:expect { "closed", by = "remote", within = "200ms" }
      t:sleep "3s"
      t:check { "allocations after the end", lent(t, cell), equals = 0 }
    end },
}
