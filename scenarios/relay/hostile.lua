-- Who has no credentials gets nothing of a TURN server, and what it sends there hurts nobody's call.
local tank = require "icetank"

local function relayed(t)
  t:internet { servers = { "signal", "stun", "turn" } }
  local a, b = t:host { "anna", behind = "symmetric" }, t:host { "ben", behind = "symmetric" }
  return t:call { a, b, model = "B", media = "voice", turn = "udp" }, a, b
end
-- The numbers of the server stay those of the two ends of the call.
local function unhurt(t, call)
  call:forbid { "stalled", "death", "failover", during = "8s" }
  t:sleep "8s"
  t:check { "allocations", t.server.turn.stats.allocations, equals = 2 }
end

return {
  strangers = tank.scenario { "floods of everything from a stranger's address at the server and at the relayed ports",
    matrix = { shape = { { "requests", list = { "binding", "check", "signed", "indication" } }, { "noise", list = { "noise", "junk", "data" } } } },
    run = function(t, cell)
      local call = relayed(t)
      local m = t:attacker { "mallory" }
      call:await { "open", path = "relay_udp", within = "10s" }
      m:attack { on = t.server.turn, ports = { 3478, 3478 }, from = "self", every = "1ms", during = "6s", table.unpack(cell.shape.list) }
      m:attack { on = t.server.turn, ports = { 49152, 49252 }, from = "self", every = "1ms", during = "6s", table.unpack(cell.shape.list) }
      unhurt(t, call)
    end,
  },
  named = tank.scenario { "the same in the name of a client, whose leg it is not",
    matrix = { shape = { { "requests", list = { "binding", "check", "signed", "indication" } }, { "noise", list = { "noise", "junk", "data" } } } },
    run = function(t, cell)
      local call, a = relayed(t)
      local m = t:attacker { "mallory" }
      call:await { "open", path = "relay_udp", within = "10s" }
      for _, shape in ipairs(cell.shape.list) do
        m:attack { on = t.server.turn, ports = { 3478, 3478 }, from = a.gateway.address .. ":40000", every = "2ms", during = "6s", shape }
      end
      unhurt(t, call)
    end,
  },
  idlers = tank.scenario { "connections that say nothing are reset after a minute, and a server full of them serves on by UDP",
    run = function(t)
      local call = relayed(t)
      local idler = t:host { "idler" }
      call:await { "open", path = "relay_udp", within = "10s" }
      local socks = {}
      for i = 1, 40 do socks[i] = idler.tcp:connect { t.server.turn:addr(3478) } end
      for _, s in ipairs(socks) do s:expect { "open", within = "3s" } end
      for _, s in ipairs(socks) do s:expect { "closed", by = "reset", within = "65s" } end
      call:forbid { "stalled", "death", during = "70s" }
      t:sleep "70s"
    end,
  },
  babble = tank.scenario { "a stream that is no TURN is reset at its first bytes",
    run = function(t)
      local call = relayed(t)
      local fool = t:host { "fool" }
      call:await { "open", path = "relay_udp", within = "10s" }
      local s = fool.tcp:connect { t.server.turn:addr(3478) }
      s:await { "open", within = "2s" }
      s:send "GET / HTTP/1.1\r\n\r\n"
      s:await { "closed", by = "reset", within = "1s" }
      unhurt(t, call)
    end,
  },
  drip = tank.scenario { "a stream that says its message byte by byte is reset after a minute",
    run = function(t)
      local call = relayed(t)
      local slow = t:host { "slow" }
      call:await { "open", path = "relay_udp", within = "10s" }
      local s = slow.tcp:connect { t.server.turn:addr(3478) }
      s:await { "open", within = "2s" }
      local opened = t:now()
      call:forbid { "stalled", "death", "failover", during = "70s" }
      local head = "\0\1\0\0\x21\x12\xa4\x42identifier.." -- of a Binding request
      for k = 1, 14 do
        s:send(head:sub(k, k))
        t:sleep "4s"
      end
      s:await { "closed", by = "reset", within = "8s" }
      t:check { "it had its minute", t:now() - opened, at_least = "59s" }
    end,
  },
  greedy = tank.scenario { "a user who wants all relayed addresses gets his quota",
    run = function(t)
      local users = { anna = "a", mallory = "m" }
      t:internet { servers = { "signal", "stun", "turn" }, turn = { users = users, quota = 6, family = "v4" } }
      local a, b = t:host { "anna", behind = "symmetric" }, t:host { "ben", behind = "symmetric" }
      local call = t:call { a, b, model = "B", media = "voice", turn = "udp" }
      call:await { "open", path = "relay_udp", within = "10s" }
      local before = t.server.turn.stats.allocations
      local m = t:host { "mallory" }
      for _ = 1, 40 do
        m.B:new { turn = { "turn:turn?transport=udp", username = "mallory", password = "m" } }:start()
      end
      call:forbid { "stalled", "death", "failover", during = "20s" }
      t:sleep "20s"
      local s = t.server.turn.stats
      t:check { "his and theirs", s.allocations, at_least = 1, at_most = before + 6 }
      t:check { "requests refused", s.refused, at_least = 34 }
    end,
  },
}
