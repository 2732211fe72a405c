local icetank = require "icetank"

-- A host that is cut off while its box reboots hears none of the announcements. It asks the box for its epoch when it is back (PCP's
-- ANNOUNCE, NAT-PMP's question for the address), learns that the state is lost, and has its port again within seconds. One that does not
-- ask waits for the next renewal, half an hour later.
return icetank.scenario {
  "a host that slept through a reboot of its box",
  limit = "4h",
  matrix = { speaks = { "pcp", "natpmp" }, asks = { true, false } },
  run = function(t, c)
    local box = t:nat { "box", "port-cone", set = { portmap = { c.speaks } } }
    local anna, far = t:host { "anna", behind = box }, t:host { "far" }
    local near, out = anna.udp:open { port = 5000 }, far.udp:open()
    local map = anna:map_port { 5000, external = 6000, lifetime = "2h" }
    t:check { "mapped", map ~= nil }
    t:at "5min"
    anna.link:blackhole {}
    box:reboot { down = "1s" }
    t:sleep "10min" -- longer than it is announced
    anna.link:restore()
    if c.asks then map:ask() end
    t:sleep "6s"
    out:send(map.addr, "one")
    t:check { "soon", near:next { "message", within = "1s" } ~= nil, equals = c.asks }
    t:at "2h"
    out:send(map.addr, "two")
    t:check { "at last", near:next { "message", within = "1s" } ~= nil }
  end,
}
