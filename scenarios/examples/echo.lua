-- A server that knows a framing (lab/apps/echo4571.c, the example of CONTRIBUTING.md), asked from behind a NAT by a script that
-- sends what it likes: messages in odd pieces come back whole, in order; what breaks the framing is reset.
local tank = require "icetank"
local function framed(text) return string.pack(">s2", text) end
-- Sends `bytes` by `sock` in pieces of n bytes, and returns what has come back some time after the last.
local function exchange(t, host, sock, bytes, n)
  local back = {}
  host:spawn(function() for ev in sock:events "message" do back[#back + 1] = ev.data end end)
  for at = 1, #bytes, n do
    sock:send(bytes:sub(at, at + n - 1))
    t:sleep "3ms"
  end
  t:sleep "2s"
  return table.concat(back)
end
return tank.scenario { "messages behind their length come back through a NAT",
  matrix = { pieces = { 1, 3, 7, 4096 }, nat = { "linux-masq", "apdm-apdf" } },
  run = function(t, cell)
    t:internet { delay = "10ms" }
    local home = t:nat { "home", cell.nat }
    local alice = t:host { "alice", behind = home }
    local server = t:host { "server" }
    server:serve { "echo4571", port = 7000 }:await { "open", within = "1s" }
    local sock = alice.tcp:connect { server:addr(7000), nodelay = true }
    sock:await { "open", within = "1s" }
    local bytes = framed "" .. framed "hello" .. framed(("x"):rep(cell.pieces > 7 and 60000 or 300)) .. framed "\0\1"
    t:check { "what came back", exchange(t, alice, sock, bytes, cell.pieces) == bytes, equals = true }
    sock:send "\0\9half"
    sock:finish()
    sock:expect { "closed", by = "reset", within = "2s" }
    alice.tcp:connect { server:addr(7001) }:expect { "closed", by = "refused", within = "1s" }
    server:serve { "echo4571", port = 7000 }:expect { "closed", within = "1s" }   -- the port is taken
  end,
}
