-- ICE over TCP (RFC 6544) where UDP is blocked: who connects, who waits, who does both, behind what, by which family.
local tank = require "icetank"
local OTHER = { active = "passive", passive = "active", so = "so", all = "all" }
local S = {}

-- Behind `nat` and a firewall that knows no UDP; from outside nobody comes through it.
local function walled(t, nat)
  return { nat, t:firewall { "wall", "stateful", set = { udp = "block" } } }
end
local function call(t, near, far, tcp, media)
  return t:call { near, far, model = "B", media = media, tcp = { [near.label] = tcp, [far.label] = OTHER[tcp] } }
end

-- Waits for what the oracle says; where both outcomes are right it judges by itself which way was taken.
local function decided(t, c)
  if c.oracle.either then t:sleep "61s" else c:expect { c.oracle.outcome, within = "61s" } end
end

S.classes = tank.scenario { "NATs of every class meet by TCP, or not, as their rules for it say",
  matrix = { tcp = { "active", "passive", "so" }, near = tank.classes, far = tank.classes },
  run = function(t, cell)
    local near = t:host { "near", behind = walled(t, cell.near) }
    local far = t:host { "far", behind = cell.far }
    local c = call(t, near, far, cell.tcp)
    c:expect { c.oracle.outcome, path = c.oracle.path, within = "61s" }
  end,
}

-- The boxes that are sold, with UDP blocked on one side: some of them refuse a SYN that they did not expect.
S.boxes = tank.scenario { "whatever NAT a host is behind, it is the boxes alone that say by which way of TCP it is reached",
  matrix = { tcp = { "active", "passive", "so", "all" }, nat = tank.nats, far = { "public", "full-cone", "linux-masq" } },
  run = function(t, cell)
    local near = t:host { "near", behind = walled(t, cell.nat) }
    local far = t:host { "far", behind = cell.far ~= "public" and cell.far or nil }
    decided(t, call(t, near, far, cell.tcp))
  end,
}

S.families = tank.scenario { "both families carry TCP, IPv6 where its firewall lets connections in",
  matrix = { tcp = { "active", "passive", "so", "all" }, family = { "v6", "dual" }, policy = { "stateful", "rfc6092" }, far = { "public", "home" } },
  run = function(t, cell)
    local near = t:host { "near", behind = walled(t, "linux-masq"), family = cell.family, ipv6 = cell.policy }
    local home = cell.far == "home"
    local far = t:host { "far", behind = home and "linux-masq" or nil, family = cell.family, ipv6 = home and cell.policy or nil }
    decided(t, call(t, near, far, cell.tcp))
  end,
}

S.blocked = tank.scenario { "a host without UDP talks to a public one by TCP, and hears voice",
  matrix = { family = { "v4", "v6" }, who = { "calls", "is-called" } },
  run = function(t, cell)
    local near = t:host { "near", behind = t:firewall { "wall", "stateful", set = { udp = "block" } }, family = cell.family }
    local far = t:host { "far", family = cell.family }
    local one, other = near, far
    if cell.who == "is-called" then one, other = far, near end
    local c = t:call { one, other, model = "B", media = "voice", tcp = "all" }
    c:await { "open", path = "direct_tcp", within = "5s" }
    t:at "60s"
    c:forbid { "death", during = "1min" }
    t:check { "voice", c[near].stats.received, at_least = 2500 }
  end,
}

S.preferred = tank.scenario { "where UDP works it is taken, though TCP would, too",
  matrix = { near = { "linux-masq", "full-cone", "symmetric" }, far = { "port-cone", "full-cone" } },
  run = function(t, cell)
    local near, far = t:host { "near", behind = cell.near }, t:host { "far", behind = cell.far }
    local c = t:call { near, far, model = "B", tcp = "all" }
    c:expect { c.oracle.outcome, path = c.oracle.path, within = "61s" }
  end,
}

S.neighbours = tank.scenario { "two hosts on one LAN meet there",
  matrix = { tcp = { "active", "so" } },
  run = function(t, cell)
    local home = t:nat { "home", "linux-masq" }
    local near, far = t:host { "near", behind = home }, t:host { "far", behind = home }
    local c = call(t, near, far, cell.tcp, "voice")
    c:await { "open", within = "5s" }
  end,
}
return S
