-- Out of sample: the hole-punching study of 2025 (arXiv 2510.27500; libp2p's DCUtR, 4.4 million attempts in 85,000 networks). Of the attempts that
-- reach the hole-punching stage 70 % +- 7.1 % succeed, 97.6 % of the successes at the first try, TCP as often as QUIC.
--
-- The same conditions here: both ends behind a NAT that UDP and TCP leave, without a mapped port, known to each other by a server that both reach,
-- no relay. The population `punched` is made of what others had counted before 2025; the study had no part in it, and nothing is fitted to it.
--
-- Predicted before the first run, from the rules of filtering alone (RFC 5128 section 3.3): with 64 % cones filtering by address and port, 18 % by
-- address and 18 % symmetric, a pair fails where both are symmetric, or one is and the other filters by port: 1 - (0.18 * 0.18 + 2 * 0.18 * 0.64)
-- = 73.7 %. The interval of 100 pairs is +- 8.6 points, so 65 to 82 %. First try: nearly all, since ends of ICE that are told of each
-- other at about the same time check at the same time. TCP: fewer than UDP, since a cone is one for TCP only where it maps so, and a SYN has to
-- cross another.
local tank = require "icetank"

local TRY = tank.time "5s" -- what DCUtR gives one try

-- One drawn pair over one transport; walls against UDP make TCP the only way.
local function meet(t, cell)
  local walled, ends = cell.transport == "tcp", {}
  for i, side in ipairs { "a", "b" } do
    local drawn = cell.pair[side]
    local behind = table.move(drawn.behind, 1, #drawn.behind, walled and 2 or 1, { walled and "udp-blocked" or nil })
    ends[i] = t:host { side, behind = behind, link = drawn.link }
  end
  local call = t:call { ends[1], ends[2], model = "B", tcp = walled and "all" or nil }
  local a = call[ends[1]]:next { "open", "death", within = "61s" }
  local b = call[ends[2]]:next { "open", "death", within = "61s" }
  if a.name ~= "open" or b.name ~= "open" then return end
  t:metric { "first_try", a.at <= TRY and b.at <= TRY and 1 or 0 }
end

return tank.hypothesis { "as many pairs are punched as in the study of 2025",
  claim   = "arXiv 2510.27500: 70 % +- 7.1 % of 4.4 million attempts; 97.6 % of the successes at the first try; TCP as QUIC",
  matrix  = { transport = { "udp", "tcp" }, pair = tank.draw { pairs = 100, from = "punched" } },
  predict = {
    { "direct", of = { transport = "udp" }, between = { "65%", "82%" } },
    { "direct", of = { transport = "udp" }, between = { "62.9%", "77.1%" } },
    { "first_try", of = { transport = "udp" }, at_least = "97.6%" },
    { "direct", of = { transport = "tcp" }, below = { transport = "udp" } },
  },
  run = meet,
}
