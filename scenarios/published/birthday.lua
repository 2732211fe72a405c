-- The birthday attack on a random symmetric NAT: 256 sockets inside, k random probes from outside; how often does one fit?
local tank = require "icetank"

local SOCKETS, PORTS = 256, 64512

local function probe(t, probes)
  local hard = t:host { "hard", behind = "symmetric" }
  local easy = t:host { "easy" }
  local target = easy.udp:open { port = 5000 }
  for _ = 1, SOCKETS do hard.udp:open():send(target.addr, "open") end -- one mapping each, all towards the target
  t:sleep "100ms"
  local gate = hard.gateway.address
  local tried = {}
  for _ = 1, probes do
    local port
    repeat port = math.random(1024, 1024 + PORTS - 1) until not tried[port]
    tried[port] = true
    target:send(gate .. ":" .. port, "knock")
  end
  t:sleep "100ms"
  local hits = hard.stats.rx_packets
  t:metric { "hit", hits > 0 and 1 or 0 }
  t:metric { "hits", hits }
end

return tank.hypothesis { "256 sockets behind a random symmetric NAT are found by 174, 256 and 1024 probes as the birthday curve says",
  claim   = "Tailscale, How NAT traversal works: 50 % at 174 probes, 64 % at 256, 98 % at 1024; 1 - prod(1 - 256/(64512 - i))",
  matrix  = { probes = { "64", "174", "256", "512", "1024" } },
  seeds   = 400,
  predict = {
    { "hit", of = { probes = "64" }, between = { "15%", "30%" } },
    { "hit", of = { probes = "174" }, between = { "42%", "58%" } },
    { "hit", of = { probes = "256" }, between = { "56%", "72%" } },
    { "hit", of = { probes = "512" }, between = { "80%", "94%" } },
    { "hit", of = { probes = "1024" }, between = { "95%", "100%" } },
  },
  known   = "supported",
  run = function(t, cell) probe(t, tonumber(cell.probes)) end,
}
