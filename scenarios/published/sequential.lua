-- Two hosts behind symmetric NATs that count up meet by guessing: side 0 tries the peer's ports one by one, side 1 every second one, a
-- datagram each every 10 ms from one socket, at most 1000. Other hosts of both networks take ports too, lambda a second.
local tank = require "icetank"

local STEPS, EVERY = 1000, "10ms"

-- Sends to base + 1, base + 1 + step, ... until both have met.
local function scan(t, socket, ip, base, step, met)
  for s = 0, STEPS - 1 do
    if met.yes or base + 1 + s * step > 65535 then return end
    socket:send(ip .. ":" .. (base + 1 + s * step), "x")
    t:sleep(EVERY)
  end
end

local function meet(t, lambda)
  local a, b = t:host { "a", behind = t:nat { "nat-a", "symmetric-seq", set = lambda } }, t:host { "b", behind = t:nat { "nat-b", "symmetric-seq", set = lambda } }
  local ends, met = {}, { yes = false }
  for i, h in ipairs { a, b } do
    local socket = h.udp:open()
    local mapped = socket:probe_stun()
    local ip, port = mapped:match "^(.*):(%d+)$"
    ends[i] = { socket = socket, ip = ip, port = tonumber(port) }
  end
  t:sleep "100ms" -- each learns of the other: the silent period, in which the counters go on
  for i, e in ipairs(ends) do
    local far = ends[3 - i]
    t:spawn(function() scan(t, e.socket, far.ip, far.port, i, met) end)
    t:spawn(function() if e.socket:next { "message", data = "x", within = "11s" } then met.yes = true end end)
  end
  t:sleep "11s"
  t:metric { "met", met.yes and 1 or 0 }
end

return tank.hypothesis { "counting symmetric NATs are traversed up to 35 new flows a second, and not far above",
  claim   = "Klinec and Matyas, Traversing symmetric NAT with predictable port allocation, Algorithm I: 100 % up to 0.035/ms, failing above",
  matrix  = { lambda = { "5", "20", "35", "60", "100" } },
  seeds   = 60,
  predict = {
    { "met", of = { lambda = "5" }, at_least = "99%" },
    { "met", of = { lambda = "20" }, at_least = "99%" },
    { "met", of = { lambda = "35" }, at_least = "97%" },
    { "met", of = { lambda = "60" }, at_most = "20%" },
    { "met", of = { lambda = "100" }, at_most = "5%" },
  },
  known   = "supported",
  run = function(t, cell) meet(t, { udp = { alloc = { noise = tonumber(cell.lambda) } } }) end,
}
