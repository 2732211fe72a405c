-- A case of a population: two hosts as they were drawn, a call of any model between them with all servers up, and the fault that was drawn.
--
--   local population = require "lib.population"
--   population.case(t, cell)          -- cell.model, cell.pair of tank.draw { pairs =, from = "NAME" }
--
-- Every model gets the same world, the same servers, media and timers, and the fault the same time after its call has opened.
local tank = require "icetank"

local population = {}

local SERVERS = { "signal", "stun", "turn", "ws", "checkrelay" } -- and a host that C's ends meet by
local OPENS   = "61s"               -- T_conn and a little
local SETTLE  = tank.time "10s"     -- until the path is the one that stays, and setting up is over
local WINDOW  = tank.time "10s"     -- in which the bytes of an hour are counted
local HOUR    = tank.time "1h" // WINDOW
local NOTICED = tank.time "60s"     -- beyond T_death and what its checks take
local AFTER   = tank.time "10s"     -- the other end has its time, too
local PATHS   = { "direct_udp", "relay_udp", "direct_tcp", "relay_tcp" }
local TROUBLE = { failover = true, resumed = true, death = true, closed = true }

-- A host as |drawn|, with one interface or with a spare one too.
function population.host(t, name, drawn)
  local first = { "first", behind = drawn.behind, link = drawn.link }
  if not drawn.spare then return t:host { name, first } end
  return t:host { name, first, { "spare", behind = drawn.spare.behind, link = drawn.spare.link } }
end

-- What breaks at |host|, at its first interface. |boxes|: how many stand before that, the last of them the NAT; without any the interface is meant.
local function nat_of(host, boxes)
  local box = host.iface.first.gateway
  for _ = 2, boxes do box = box.gateway end
  return box
end
population.faults = {
  ["hole-5s"] = function(t, host)
    host.iface.first.link:blackhole {}
    t:sleep "5s"
    host.iface.first.link:restore()
  end,
  ["hole-60s"] = function(t, host)
    host.iface.first.link:blackhole {}
    t:sleep "60s"
    host.iface.first.link:restore()
  end,
  reboot = function(_, host, boxes)
    if boxes > 0 then nat_of(host, boxes):reboot { down = "1s" } else host.iface.first:renumber() end
  end,
  renumber = function(_, host, boxes)
    if boxes > 0 then nat_of(host, boxes):renumber() else host.iface.first:renumber() end
  end,
  wire  = function(_, host) host.iface.first.link:cut { signal = true } end,
  crash = function(_, host) host:crash() end,
}

-- What all servers together have of |counter|; |meet| is that of C.
local function sum_of(t, meet, counter)
  local sum = meet.stats[counter]
  for _, name in ipairs(SERVERS) do sum = sum + t.server[name].stats[counter] end
  return sum
end

-- Waits until the call, whose fault came at |since|, is over or flows again: true when it lives.
local function outcome(t, call, since)
  local till = since + NOTICED
  while true do
    local left = till - t:now()
    if left <= "0s" then return true end
    local ev = call:next { "failover", "resumed", "death", "closed", within = left }
    if not ev then return true end
    if ev.at >= since and TROUBLE[ev.name] then return ev.name == "failover" or ev.name == "resumed" end
  end
end

-- Says which path the call took, nil: none.
function population.tell_path(t, path)
  for _, p in ipairs(PATHS) do t:metric { "path_" .. p, p == path and 1 or 0 } end
  t:metric { "path_none", path and 0 or 1 }
end

-- Runs the case to its end.
function population.case(t, cell)
  t:internet { servers = SERVERS }
  local meet = t:host { "meet", link = { delay = "0ms" } }
  meet:serve_rtmfp { web = true }
  local a, b = population.host(t, "a", cell.pair.a), population.host(t, "b", cell.pair.b)
  local call = t:call { a, b, model = cell.model, media = "voice", server = cell.model == "C" and meet or nil }
  local first = call[a]:next { "open", "death", within = OPENS }
  local second = call[b]:next { "open", "death", within = OPENS }
  local open = first and second and first.name == "open" and second.name == "open"
  if not open then
    population.tell_path(t, nil)
    return
  end
  t:sleep(SETTLE)
  population.tell_path(t, call[a].path)
  t:metric { "packets", sum_of(t, meet, "rx_packets") }
  local before = sum_of(t, meet, "rx_bytes")
  t:sleep(WINDOW)
  t:metric { "relay_hour", (sum_of(t, meet, "rx_bytes") - before) * HOUR }
  local since = t:now()
  t:spawn(population.faults[cell.pair.fault], a, cell.pair.a.behind and #cell.pair.a.behind or 0)
  local lives = outcome(t, call, since)
  t:metric { "kept", lives and 1 or 0 }
  t:sleep(AFTER)
end

return population
