-- Worlds drawn at random, one for each seed: who signals, and who does not, is what the oracle says of the boxes, proxies, portals and name servers
-- on the ways of two hosts; a session that is broken comes back, and what was sent meanwhile arrives once and in order.
--   build/icetank run scenarios/signaling/worlds.lua --seed 100        others
local tank = require "icetank"
local ALL = { "websocket", "http-poll", "wss", "https-poll" }
local DELAYS = { "1ms", "4ms", "20ms", "60ms", "150ms", "300ms" }
local PORTS = { { 80 }, { 443 }, { 443 }, { 80, 443 }, { "*" }, { 8443 } }
local SHUT = { udp = "block", tcp_out = {} }
local function chance(percent) return math.random(1, 100) <= percent end
local function pick(list) return list[math.random(1, #list)] end

-- Policies, each with changes that it may have.
local function proxy() return chance(60) and { proxy = { allow_ports = pick(PORTS) } } or nil end
local WALLS = {
  { "stateful" }, { "outbound-only" }, { "inbound-web" }, { "udp-blocked" }, { "udp-dns-only" }, { "udp-443-only" }, { "tcp-443-only" }, { "rate-limit" },
  { "tcp-443-only", function() return { tcp_out = pick { { 80 }, { 443 }, { 8080 } } } end }, { "stateful", function() return SHUT end },
  { "http-proxy-connect", proxy }, { "http-proxy-connect", proxy }, { "http-proxy-auth", proxy }, { "http-proxy-digest", proxy }, { "socks5-proxy", proxy }, { "socks5-proxy-auth", proxy },
  { "captive-portal-login" }, { "captive-portal" }, { "tls-inspection" },
  { "tls-inspection", function() return pick { { tls_intercept = false }, { tls_pass = "signal.tank" } } end },
}
-- Limits of a NAT, RFC 6888 REQ-4, within which a call and its signaling may find room or not.
local LIMITS = {
  function() return { limits = { sessions_per_host = math.random(1, 9) } } end,
  function() return { limits = { ports_per_host = math.random(1, 9) } } end,
  function() return { limits = { new_per_s = math.random(1, 6) } } end,
  function() return { table = { size = math.random(1, 16) } } end,
}
local NATS = { "linux-masq", "port-cone", "full-cone", "symmetric", "home-gw-2010-median" }

local function text(v)
  if type(v) ~= "table" then return tostring(v) end
  local keys, out = {}, {}
  for k in pairs(v) do keys[#keys + 1] = k end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for i, k in ipairs(keys) do out[i] = k .. "=" .. text(v[k]) end
  return "{" .. table.concat(out, " ") .. "}"
end

-- A box outside `parent` (nil: at the internet), for hosts of `family`.
local function box(t, w, parent, family)
  w.n = w.n + 1
  local name, link = "box-" .. w.n, chance(30) and { "lan", delay = pick(DELAYS) } or nil
  if family == "v4" and chance(w.nats or 40) then
    local what, set = pick(NATS), w.narrow and chance(70) and pick(LIMITS)() or nil
    t:log(("%s is the NAT %s %s behind %s"):format(name, what, text(set or {}), parent and tostring(parent) or "nothing"))
    return t:nat { name, what, behind = parent, link = link, set = set }
  end
  local wall = pick(WALLS)
  local set = wall[2] and wall[2]()
  t:log(("%s is the firewall %s %s behind %s"):format(name, wall[1], text(set or {}), parent and tostring(parent) or "nothing"))
  return t:firewall { name, wall[1], set = set, behind = parent, link = link }
end
local function chain(t, w, family)
  local at = w.common
  for _ = 1, math.random(0, at and 1 or 2) do at = box(t, w, at, family) end
  return at
end
local function host(t, w, name, family)
  local function link() return chance(40) and { "lan", delay = pick(DELAYS) } or nil end
  local trusts = chance(30)
  if not chance(w.two) then return t:host { name, behind = chain(t, w, family), link = link(), family = family, trusts_inspector = trusts } end
  local first = { "first", behind = chain(t, w, family), link = link(), family = family }
  return t:host { name, first, { "second", behind = chain(t, w, family), link = link(), family = family }, trusts_inspector = trusts }
end

-- A world and two hosts that talk by a carrier; what the oracle says of their signaling.
local function world(t, cell)
  local w = { n = 0, two = cell.kind.two or 0, narrow = cell.kind.narrow, nats = cell.kind.nats }
  if cell.kind.named then t:internet { names = true } end
  local family = pick(cell.kind.families or { "v4" })
  if cell.kind.common and chance(60) then w.common = box(t, w, nil, family) end
  local alice, bob = host(t, w, "alice", family), host(t, w, "bob", family)
  local kind = pick(ALL)
  local call = t:call { alice, bob, model = pick { "B", "B", "E" }, carrier = kind }
  local says = call.oracle.signaled
  t:log(("%s, %s: %s: %s"):format(kind, family, says, says == "no" and call.oracle.why or call.oracle.may_fail or ""))
  return says, alice:carrier { kind, to = bob }, bob:carrier { kind, to = alice }
end
-- Counts what comes on `wire`, text by text.
local function heard(t, wire)
  local got = {}
  t:spawn(function() for ev in wire:events "message" do got[#got + 1] = ev.data end end)
  return got
end
local function say(wire, from, to) for i = from, to do wire:send("text " .. i) end end
local function judge(t, says, got, n)
  local last, rises = 0, true
  for _, words in ipairs(got) do
    local k = math.tointeger(words:match "^text (%d+)$")
    rises, last = rises and k > last, k
  end
  t:check { "each text comes once and in order", rises, equals = true }
  if says ~= "perhaps" then t:check { "texts", #got, equals = says == "yes" and n or 0 } end
end

local KINDS = {
  { "plain" }, { "homes", two = 70 }, { "named", named = true }, { "named-homes", named = true, two = 70 },
  { "narrow", narrow = true, nats = 80 }, { "narrow-homes", narrow = true, nats = 80, two = 60, common = true }, { "common", common = true, two = 20 },
  { "families", families = { "v4", "v6", "dual" } }, { "named-families", named = true, two = 40, families = { "v6", "dual" } },
}
return {
  still = tank.scenario { "who signals in a world drawn at random is what the oracle says",
    matrix = { kind = KINDS }, seeds = 8,
    run = function(t, cell)
      local says, near, far = world(t, cell)
      local one, other = heard(t, near), heard(t, far)
      say(near, 1, 3)
      say(far, 1, 3)
      t:sleep "45s"
      judge(t, says, one, 3)
      judge(t, says, other, 3)
    end },
  broken = tank.scenario { "and when the signal server was cut off, stopped or has crashed it comes back to that",
    matrix = { kind = KINDS, outage = { "cut", "silent-cut", "stop", "crash" } }, seeds = 2,
    where = function(cell) return not cell.kind.narrow end, -- a place that was taken before may be taken yet
    run = function(t, cell)
      local says, near, far = world(t, cell)
      local one, other = heard(t, near), heard(t, far)
      t:sleep "40s"
      say(near, 1, 3)
      say(far, 1, 3)
      t:sleep "20s"
      local server, what = t.server.signal, cell.outage
      if what:find "cut" then server.link:cut { signal = what == "cut" } else server[what](server) end
      t:sleep(pick { "5s", "40s", "90s" })
      say(near, 4, 6)
      say(far, 4, 6)
      t:sleep "10s"
      if what:find "cut" then server.link:restore() else server:start() end
      t:sleep "100s"
      judge(t, says, one, 6)
      judge(t, says, other, 6)
    end },
}
