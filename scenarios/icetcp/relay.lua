-- Direct TCP beside relays. By the priorities of RFC 8445 section 5.1.2 and RFC 6544 section 4.2 every pair by TCP goes before every pair with
-- a relayed candidate: the type preference of those is 0, and of a pair the lower priority decides first (RFC 8445 section 6.1.2.3). A relayed
-- pair that works waits two seconds for a better one; where TCP may take longer than that it may overtake, and the oracle says so.
local tank = require "icetank"
local OTHER = { active = "passive", passive = "active", so = "so", all = "all" }
local S = {}

local function servers(t, by) t:internet { servers = { "signal", "stun", "turn" }, turn = { udp = by == "tcp" and {} or nil, tcp = by == "udp" and {} or nil } } end
local function way(call, rung)
  for _, w in ipairs(call.oracle.ways) do if w.rung == rung then return w end end
end
local function opens(call) call:expect { call.oracle.outcome, path = call.oracle.path, within = "61s" } end

S.preferred = tank.scenario { "UDP is blocked between the two, TCP is not, and there is a relay: the call is direct",
  matrix = { tcp = { "active", "so", "all" }, by = { "udp", "tcp", "both" }, wall = { "near", "far" }, family = { "v4", "v6" } },
  run = function(t, cell)
    servers(t, cell.by)
    local wall = t:firewall { "wall", "stateful", set = { udp = "block" } }
    local near = t:host { "near", behind = cell.wall == "near" and wall or nil, family = cell.family }
    local far = t:host { "far", behind = cell.wall == "far" and wall or nil, family = cell.family }
    local tcp = cell.wall == "near" and cell.tcp or OTHER[cell.tcp]
    local call = t:call { near, far, model = "B", tcp = { near = tcp, far = OTHER[tcp] } }
    t:check { "the first rung that must", call.oracle.first, equals = "direct_tcp" }
    t:check { "the path", call.oracle.path, equals = "direct_tcp" }
    opens(call)
  end,
}

S.waits = tank.scenario { "who is behind the wall waits for connections, and none comes in: the relay is left, by the leg that each end has",
  matrix = { by = { "udp", "tcp", "both" }, family = { "v4", "v6" } },
  run = function(t, cell)
    servers(t, cell.by)
    local near = t:host { "near", behind = t:firewall { "wall", "stateful", set = { udp = "block" } }, family = cell.family }
    local call = t:call { near, t:host { "far", family = cell.family }, model = "B", tcp = { near = "passive", far = "active" } }
    t:check { "direct TCP", way(call, "direct_tcp").outcome, equals = "none" }
    t:check { "opens", call.oracle.outcome, equals = cell.by == "udp" and "death" or "open" }
    call:expect { call.oracle.outcome, within = "61s" }
  end,
}

S.symmetric = tank.scenario { "NATs that let in by TCP whom they would not by UDP: direct TCP goes before the relay",
  matrix = { by = { "udp", "tcp", "both" }, near = { "symmetric", "port-cone", "udp-blocked" }, far = { "tcp-open", "symmetric" } },
  run = function(t, cell)
    servers(t, cell.by)
    local open = t:nat { "open", "symmetric", set = { tcp = { mapping = "EIM", filtering = "EIF" } } }
    local near = t:host { "near", behind = cell.near == "udp-blocked" and { "udp-blocked", "linux-masq" } or cell.near }
    local far = t:host { "far", behind = cell.far == "tcp-open" and open or "symmetric" }
    opens(t:call { near, far, model = "B", tcp = "all" })
  end,
}

S.overtaken = tank.scenario { "TCP that takes longer than a relayed pair waits: one of both must open, and which one is not said",
  matrix = { by = { "udp", "tcp" }, delay = { { "near", "5ms" }, { "far-away", "300ms" } } },
  run = function(t, cell)
    servers(t, cell.by)
    local near = t:host { "near", behind = t:firewall { "wall", "stateful", set = { udp = "block" } } }
    local far = t:host { "far", link = { delay = cell.delay[2] } }
    local call = t:call { near, far, model = "B", tcp = "all" }
    local late = cell.delay[1] == "far-away"
    t:check { "first", call.oracle.first, equals = "direct_tcp" }
    t:check { "overtaken", way(call, "direct_tcp").overtaken, equals = late and cell.by == "tcp" }
    t:check { "path", call.oracle.path or "one of several", equals = late and cell.by == "tcp" and "one of several" or "direct_tcp" }
    opens(call)
  end,
}

S.eager = tank.scenario { "who nominates whatever works takes the relay meanwhile, and TCP for good once that works",
  matrix = { behaviour = { "libwebrtc", "firefox", "pion" } },
  run = function(t, cell)
    servers(t, "tcp")
    local near = t:host { "near", behind = t:firewall { "wall", "stateful", set = { udp = "block" } }, behaviour = cell.behaviour }
    opens(t:call { near, t:host { "far", behaviour = cell.behaviour }, model = "B", tcp = "all" })
  end,
}
return S
