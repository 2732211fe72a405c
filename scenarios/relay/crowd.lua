-- Many calls over one server and lossy links for as long as it takes: all that has to be renewed is, nobody is lost,
-- and the server holds what the calls use and nothing else. An hour with two hundred peers is `make soak`.
local tank = require "icetank"

-- `n` calls, each between two homes that meet by a relay alone; of what one end sends to the other 2 % are lost.
local function crowd(t, n)
  local calls = {}
  for k = 1, n do
    local home = { behind = "symmetric", link = { "lan", loss = "1%" } }
    local a, b = t:host { "a" .. k, like = home }, t:host { "b" .. k, like = home }
    calls[k] = { a = a, b = b, call = t:call { a, b, model = "B", turn = "udp", media = "none" } }
  end
  return calls
end

-- How many ends have a relayed address of their own in use.
local function legs(calls)
  local n = 0
  for _, c in ipairs(calls) do
    c.call:await { "open", path = "relay_udp", within = "60s" }
    for _, host in ipairs { c.a, c.b } do
      if c.call[host]:await { "open", within = "60s" }.localkind == "relay" then n = n + 1 end
    end
  end
  return n
end

return tank.scenario { "refreshes, permissions, channels and nonces of a crowd over relays, with loss",
  limit = "90min",
  matrix = { size = { { "small", calls = 8, minutes = 30 } } },
  run = function(t, cell)
    t:internet { servers = { "signal", "stun", "turn" }, turn = { nonce = "4min", lifetime = "10min" } }
    local size, heard = cell.size, 0
    local calls = crowd(t, size.calls)
    local used = legs(calls)
    for _, c in ipairs(calls) do c.call:forbid { "death", during = size.minutes .. "min" } end
    for n = 1, 10 do
      for _, c in ipairs(calls) do c.call[c.a]:send("message " .. n) end
      t:sleep(size.minutes * 6 .. "s")
    end
    for _, c in ipairs(calls) do heard = heard + c.call[c.b].stats.received end
    t:check { "messages heard", heard, at_least = size.calls * 9 }
    -- A path that fails over uses a relay more or less, and leaves a channel to run out; a candidate that comes late
    -- leaves its permission.
    local s, spare = t.server.turn.stats, size.calls // 10
    t:check { "allocations", s.allocations, at_least = used - spare, at_most = used + spare }
    t:check { "channels", s.channels, at_least = used - spare, at_most = used + 2 * spare }
    t:check { "permissions", s.permissions, at_least = used - spare, at_most = 2 * (used + spare) }
    for _, c in ipairs(calls) do c.call[c.a]:close() end
    t:sleep "60s"
    for _, what in ipairs { "allocations", "channels", "permissions" } do
      t:check { what .. " after the end", t.server.turn.stats[what], equals = 0 }
    end
  end,
}
