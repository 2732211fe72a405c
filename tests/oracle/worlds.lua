-- Worlds drawn at random, one for each seed: chains of none to three boxes of every profile, some with changed behaviour, boxes that
-- both hosts stand behind, hosts of two interfaces, of both families, delays, carriers, paces, TURN servers on ports drawn, relays over WebSocket with
-- proxies, inspectors and portals before them, candidates by TCP, servers that are down. Each is judged by the standing rule "oracle" alone.
--   build/icetank run tests/oracle/worlds.lua --seed 1        the axes below, N worlds each
local tank = require "icetank"

local WALLS = { "none", "stateful", "rfc6092", "outbound-only", "outbound-only", "udp-dns-only", "udp-443-only", "inbound-web", "udp-blocked", "udp-ratelimit", "rate-limit" }
local DELAYS = { "1ms", "4ms", "10ms", "20ms", "35ms", "80ms", "150ms", "400ms" }

local LINKS = { "fiber", "dsl-bloat", "wifi-good", "wifi-bad", "lte", "starlink" }

local function chance(percent) return math.random(1, 100) <= percent end
local function pick(list) return list[math.random(1, #list)] end

-- Changes of one field that a box of any profile may have, drawn when they are wanted.
local CHANGES = {
  function() return { udp = { mapping = pick { "EIM", "ADM", "APDM" } } } end,
  function() return { udp = { filtering = pick { "EIF", "ADF", "APDF" } } } end,
  function() return { udp = { mapping = pick { "EIM", "ADM", "APDM" }, filtering = pick { "EIF", "ADF", "APDF" } } } end,
  function() return { udp = { mapping = pick { "ADM", "APDM" }, alloc = { mode = "preserve", on_clash = pick { "random", "next", "drop", "overload" } }, overload = chance(50) } } end,
  function() return { udp = { alloc = { mode = pick { "preserve", "random" } } } } end,
  function() return { udp = { inbound_session = chance(50) } } end,
  function() return { udp = { unsolicited = pick { "drop", "reject", "local" } } } end,
  function() return { udp = { clash_edm = chance(50), overload = chance(50) } } end,
  function() return { udp = { refresh = { inb = chance(50) } } } end,
  function() return { udp = { timeout = { initial = pick { "2s", "5s", "15s" } } } } end,
  function() return { hairpin = pick { false, "ext", "int" } } end,
  function() return { limits = { ports_per_host = math.random(1, 6) } } end,
  function() return { limits = { sessions_per_host = math.random(1, 6) } } end,
  function() return { limits = { new_per_s = math.random(1, 12) } } end,
  function() return { icmp = { kills = true } } end,
  function() return { pool = { size = math.random(2, 4), mode = pick { "paired", "arbitrary", "persistent" } } } end,
}

-- What becomes of IPv6 at a box that translates IPv4.
local SIX = { "none", "stateful", "stateful", "rfc6092", "rfc6092", "outbound-only", "udp-443-only", "inbound-web", "udp-blocked" }

-- Walls whose ways out are the web's, and what their boxes may change.
local WEB_WALLS = { "tcp-443-only", "tcp-443-only", "udp-blocked", "http-proxy-connect", "http-proxy-auth", "http-proxy-digest", "socks5-proxy", "socks5-proxy-auth", "tls-inspection",
  "tls-inspection", "captive-portal", "captive-portal-login", "rst-injector", "vpn-full-tunnel", "stateful" }
local WEB_CHANGES = {
  function() return { tcp_out = pick { {}, { 80 }, { 443 }, { 80, 443 } } } end,
  function() return { udp = "block" } end,
}
local PROXY_CHANGES = {
  function() return { proxy = { allow_ports = pick { { 80 }, { 443 }, { 80, 443 }, { 25 } } } } end,
}
local INSPECTED = {
  function() return { tls_pass = pick { "*.tank", "ws.tank,signal.tank", "bank.tank" } } end,
  function() return { tls_intercept = false } end,
}
local function web_change(wall)
  if wall:find "proxy" then return pick(PROXY_CHANGES)() end
  if wall:find "inspection" then return pick(INSPECTED)() end
  return not wall:find "portal" and not wall:find "tunnel" and pick(WEB_CHANGES)() or nil
end

-- Ports of a TURN server by one transport.
local PORTS = { {}, { 3478 }, { 3478 }, { 443 }, { 80, 3478 }, { 443, 3478 } }

-- Boxes of IPv6 alone have nothing of IPv4 inside.
local FOUR = {}
for _, name in ipairs(tank.nats) do
  if not (name:find "nat64" or name:find "nptv6") then FOUR[#FOUR + 1] = name end
end

local function profile(nats)
  local r = math.random(1, 100)
  if r <= 45 then return pick(tank.classes) end
  if r <= 55 then return pick(tank.classes) .. "-nosession" end
  return pick(nats)
end

-- A table of changes as text, for the log.
local function text(v)
  if type(v) ~= "table" then return tostring(v) end
  local keys, out = {}, {}
  for k in pairs(v) do keys[#keys + 1] = k end
  table.sort(keys)
  for i, k in ipairs(keys) do out[i] = k .. "=" .. text(v[k]) end
  return "{" .. table.concat(out, " ") .. "}"
end

-- A box in front of `parent` (nil: at the internet).
local function box(t, w, parent)
  w.n = w.n + 1
  local name, link = "box-" .. w.n, chance(30) and { "lan", delay = pick(DELAYS) } or nil
  local outer = (link and link.delay .. " " or "") .. "behind " .. (parent and tostring(parent) or "nothing")
  if w.web and chance(40) then
    local wall = pick(WEB_WALLS)
    if w.dual and wall == "vpn-full-tunnel" then wall = "stateful" end -- its other end knows IPv4 alone
    local set = chance(30) and web_change(wall) or nil
    t:log(("%s is the firewall %s %s %s"):format(name, wall, text(set or {}), outer))
    return t:firewall { name, wall, behind = parent, link = link, set = set }
  end
  if chance(15) then
    local wall = pick(WALLS)
    local family = w.dual and pick { "v4", "v6", "dual", "dual" } or nil
    t:log(("%s is the firewall %s %s of %s"):format(name, wall, outer, family or "both"))
    return t:firewall { name, wall, behind = parent, link = link, family = family }
  end
  if chance(5) then
    t:log(("%s is a router %s"):format(name, outer))
    return t:router { name, behind = parent, link = link, family = w.dual and "dual" or nil }
  end
  local what, set = profile(w.dual and FOUR or tank.nats), chance(w.change) and pick(CHANGES)() or nil
  local six = w.dual and pick(SIX) or nil
  t:log(("%s is the NAT %s %s %s, IPv6 %s"):format(name, what, text(set or {}), outer, six or "not"))
  return t:nat { name, what, behind = parent, link = link, set = set, ipv6 = six }
end

local function chain(t, w)
  local at = nil
  if w.common and chance(w.common) then at = pick(w.boxes) end
  for _ = 1, math.random(at and 0 or w.least, at and 1 or 3) do
    at = box(t, w, at)
    w.boxes[#w.boxes + 1] = at
  end
  return at
end

local function host(t, w, name)
  local function link()
    if chance(w.links) then return pick(LINKS) end
    return chance(40) and { "lan", delay = pick(DELAYS) } or nil
  end
  local family = w.dual and pick { "dual", "dual", "dual", "dual", "v4", "v6" } or nil
  local timers = chance(20) and { "rfc", ta = pick { "20ms", "50ms", "100ms" } } or nil
  local trusts = w.web and chance(50) or nil
  if not chance(w.two) then return t:host { name, behind = chain(t, w), link = link(), timers = timers, family = family, trusts_inspector = trusts } end
  local first = { "first", behind = chain(t, w), link = link(), family = family }
  return t:host { name, first, { "second", behind = chain(t, w), link = link(), family = family }, timers = timers, trusts_inspector = trusts }
end

-- The servers of the world: TURN on ports drawn, a relay over WebSocket by ws, wss or both, STUN that may be down.
local function servers(t, kind, model)
  local up, s = { "signal" }, {}
  if model == "C" then up[2] = "rtmfp" end
  if model == "C" and kind.web then s.rtmfp = { web = chance(80) } end
  if not kind.all or chance(85) then up[#up + 1] = "stun" end
  if kind.relay and (not kind.all or chance(60)) then
    local udp, tcp = pick(PORTS), pick(PORTS)
    if #udp + #tcp == 0 then tcp = { 443 } end
    t:log(("TURN by UDP on %s, by TCP on %s"):format(table.concat(udp, " "), table.concat(tcp, " ")))
    up[#up + 1], s.turn = "turn", { udp = udp, tcp = tcp }
  end
  if kind.web and (not kind.all or chance(80)) then
    local by = pick { { tcp = {} }, { tls = {} }, { tcp = { 80 } }, { tcp = { 443 }, tls = {} } }
    up[#up + 1], s.ws = "ws", by
    t:log("a relay over WebSocket by " .. text(by))
  end
  s.servers = up
  t:internet(s)
end

local function world(t, cell)
  local kind = cell.kind
  local w = { n = 0, boxes = {}, change = kind.change or 25, two = kind.two or 0, links = kind.links or 0, least = kind.least or 0, dual = kind.dual, common = nil }
  w.web = kind.web
  if kind.relay or kind.web then servers(t, kind, cell.model) end
  if kind.common then
    local outer = box(t, w, nil)
    w.boxes, w.common = { outer, box(t, w, outer) }, 60
  end
  local a = host(t, w, "alice")
  local b = host(t, w, "bob")
  local carrier = chance(70) and "websocket" or pick { "http-poll", "http-poll", "mail" }
  if kind.web then carrier = pick { "instant", "instant", "websocket", "wss", "https-poll" } end
  if cell.model == "C" then carrier = nil end -- its server introduces
  local tcp = kind.all and cell.model == "B" and chance(40) and pick { "all", "so" } or nil
  local call = t:call { a, b, model = cell.model, carrier = carrier, tcp = tcp }
  call:await { "open", "death", within = "70s" }
  t:sleep "3s"
end

return tank.scenario { "a world drawn at random ends as the oracle says",
  matrix = {
    model = { "B", "C", "E" },
    kind = { { "plain" }, { "changed", change = 70, least = 1 }, { "common", common = true }, { "common-changed", common = true, change = 70 }, { "homes", two = 70 }, { "links", links = 80, change = 40 },
      { "dual", dual = true }, { "dual-common", dual = true, common = true, change = 40, two = 30 },
      { "relay", relay = true }, { "relay-changed", relay = true, change = 70, least = 1 }, { "relay-links", relay = true, links = 80, change = 40 }, { "relay-homes", relay = true, two = 70 },
      { "relay-dual", relay = true, dual = true, common = true, change = 40, two = 30 },
      { "web", web = true, least = 1 }, { "web-changed", web = true, change = 70, least = 1 }, { "web-links", web = true, links = 80, least = 1 }, { "web-homes", web = true, two = 70, least = 1 },
      { "web-dual", web = true, dual = true, least = 1, two = 20 }, { "all", web = true, relay = true, all = true, dual = true, common = true, change = 40, two = 20, links = 20 } },
  },
  seeds = 20,
  run = world,
}
