local icetank = require "icetank"

-- A host that asks its box for a port can be called by a stranger whatever the box filters.
return icetank.scenario {
  "port mapping by PCP and NAT-PMP",
  limit = "4h",
  matrix = { speaks = { "pcp", "natpmp", "both", "nothing" }, proto = { "udp", "tcp" } },
  run = function(t, c)
    local lists = { pcp = { "pcp" }, natpmp = { "natpmp" }, both = { "pcp", "natpmp" }, nothing = {} }
    local box = t:nat { "box", "port-cone", set = { portmap = lists[c.speaks] } }
    local anna = t:host { "anna", behind = box }
    local map, why = anna:map_port { 5000, external = 6000, proto = c.proto, within = "5s" }
    if c.speaks == "nothing" then
      t:check { "nobody answers", map == nil and why }
      return
    end
    t:check { "mapped", map ~= nil }
    t:check { "by the better protocol", map.how, equals = c.speaks == "natpmp" and "natpmp" or "pcp" }
    t:check { "the port asked for", map.addr:match ":(%d+)$", equals = "6000" }
    t:sleep "3h" -- renewed on the way
    t:check { "it is still there", map.alive }
    local other = t:host { "olga", behind = box }
    local second = other:map_port { 5000, external = 6000, proto = c.proto }
    t:check { "another host gets another port", second ~= nil and second.addr ~= map.addr }
    map:release()
    t:sleep "1s"
    local third = other:map_port { 5001, external = 6000, proto = c.proto }
    t:check { "a port given back is free", third and third.addr:match ":(%d+)$", equals = "6000" }
  end,
}
