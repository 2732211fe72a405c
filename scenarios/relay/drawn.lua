-- Homes drawn at random: NAT classes, walls against UDP, what their TCP lets in, families, delays; with and without relays, with and without
-- candidates by TCP. The standing rule "oracle" judges each: which ways may open, and which one must be first.
local tank = require "icetank"

local function homes()
  local out = {}
  for _, nat in ipairs { "none", "none", table.unpack(tank.classes) } do
    for _, udp in ipairs { "open", "open", "blocked" } do
      for _, tcp in ipairs { "nat", "open", "shut", "none" } do
        for _, family in ipairs { "v4", "v4", "v4", "v6", "dual" } do out[#out + 1] = { 1, nat = nat, udp = udp, tcp = tcp, family = family } end
      end
    end
  end
  return out
end

-- What TCP of a home lets in: as its NAT's class has it, everything that a mapping leads to, nothing, and no TCP at all.
local TCP = { open = { mapping = "EIM", filtering = "EIF" }, shut = { mapping = "APDM", filtering = "APDF" } }
local WALL = { nat = "none", open = "none", shut = "stateful", none = "none" }

local function home(t, name, h)
  local delay = ({ "1ms", "5ms", "20ms", "80ms" })[math.random(4)]
  t:log(("%s: NAT %s, UDP %s, TCP %s, %s, %s"):format(name, h.nat, h.udp, h.tcp, h.family, delay))
  local behind = nil
  if h.nat ~= "none" and h.family ~= "v6" then
    behind = t:nat { name .. "-nat", h.nat, set = TCP[h.tcp] and { tcp = TCP[h.tcp] } or nil, ipv6 = h.family == "dual" and "rfc6092" or nil }
  end
  if h.udp == "blocked" or h.tcp == "none" or h.tcp == "shut" then
    behind = t:firewall { name .. "-wall", WALL[h.tcp], behind = behind, set = { udp = h.udp == "blocked" and "block" or "any", tcp_out = h.tcp == "none" and { 80, 443 } or nil } }
  end
  return t:host { name, behind = behind, family = h.family, link = { "lan", delay = delay } }
end

local SERVERS = {
  { "none" }, { "udp", udp = { 3478 }, tcp = {} }, { "tcp", udp = {}, tcp = { 443, 3478 } }, { "both", udp = { 3478 }, tcp = { 443 } },
  { "without-stun", udp = { 3478 }, tcp = { 443 }, stunless = true },
}
local CANDIDATES = { { "none" }, { "all", near = "all", far = "all" }, { "one-way", near = "active", far = "passive" }, { "so", near = "so", far = "so" } }

return tank.scenario { "whatever stands before two hosts, a call opens by the ways that the oracle names, and dies where it names none",
  matrix = { pair = tank.draw { pairs = 10, from = homes() }, relay = SERVERS, tcp = CANDIDATES },
  run = function(t, cell)
    if cell.relay[1] ~= "none" then t:internet { servers = { "signal", "turn", not cell.relay.stunless and "stun" or nil }, turn = { udp = cell.relay.udp, tcp = cell.relay.tcp } } end
    local a, b = home(t, "near", cell.pair.a), home(t, "far", cell.pair.b)
    local call = t:call { a, b, model = "B", tcp = cell.tcp.near and { near = cell.tcp.near, far = cell.tcp.far } or nil }
    call:await { "open", "death", within = "70s" }
    t:sleep "3s"
  end,
}
