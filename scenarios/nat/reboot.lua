local icetank = require "icetank"

-- A box that reboots loses the mappings it gave out. It tells its hosts, by multicast (PCP, NAT-PMP) or those that have subscribed to its
-- events (UPnP), and they ask anew within seconds, long before half the lifetime is over: the port is theirs again, and another host that
-- wants it gets another one.
return icetank.scenario {
  "port mappings over a reboot",
  limit = "20min",
  matrix = { speaks = { "pcp", "natpmp", "upnp" }, what = { "reboot", "flush" }, proto = { "udp", "tcp" } },
  run = function(t, c)
    local box = t:nat { "box", "port-cone", set = { portmap = { c.speaks } } }
    local anna = t:host { "anna", behind = box }
    local bert = t:host { "bert", behind = box }
    local map = anna:map_port { 5000, external = 6000, proto = c.proto, lifetime = "2h" }
    local mine = bert:map_port { 5001, external = 6001, proto = c.proto, lifetime = "2h" }
    t:check { "mapped", map ~= nil and mine ~= nil }
    t:sleep "10min" -- far from a renewal
    if c.what == "reboot" then box:reboot { down = "1s" } else box:flush() end
    t:sleep "10s"
    local theirs = t:host { "carl", behind = box }:map_port { 5000, external = 6000, proto = c.proto }
    t:check { "the port was asked for again before", theirs and theirs.addr ~= map.addr, equals = true }
    t:check { "both mappings live", map.alive and mine.alive, equals = true }
  end,
}
