local icetank = require "icetank"

-- UPnP IGD: a host finds its box by multicast and asks it for a port over HTTP. Permanent leases, ports that must be the same, ports
-- in use, and what a reboot leaves of it.
return icetank.scenario {
  "port mapping by UPnP",
  limit = "6h",
  matrix = { igd = { 1, 2 }, kind = { "plain", "permanent", "same-ports" }, proto = { "udp", "tcp" } },
  run = function(t, c)
    local igd = { version = c.igd, permanent = c.kind == "permanent", same_ports = c.kind == "same-ports" }
    local box = t:nat { "box", "port-cone", set = { portmap = { "upnp", "pcp" }, igd = igd } }
    local anna = t:host { "anna", behind = box }
    local bert = t:host { "bert", behind = box } -- hears the search and says nothing
    local map, why = anna:map_port { 5000, external = 6000, proto = c.proto, by = "upnp" }
    t:check { "mapped", map ~= nil and true or why, equals = true }
    t:check { "by UPnP", map.how, equals = "upnp" }
    t:check { "the port that the box gives", map.addr:match ":(%d+)$", equals = c.kind == "same-ports" and "5000" or "6000" }
    t:sleep "5h" -- renewed on the way, or without end
    t:check { "it is still there", map.alive }
    local second = bert:map_port { 5000, external = 6000, proto = c.proto, by = "upnp" }
    if c.kind == "same-ports" and c.igd == 1 then
      t:check { "the only port that may be is taken", second == nil }
    else
      t:check { "another host gets another port", second ~= nil and second.addr ~= map.addr }
    end
    map:release()
    t:sleep "1s"
    local third = bert:map_port { c.kind == "same-ports" and 6000 or 5001, external = 6000, proto = c.proto, by = "upnp" }
    t:check { "a port given back is free", third and third.addr:match ":(%d+)$", equals = "6000" }
  end,
}
