local icetank = require "icetank"

-- Behind a NAT64 every host at the internet has an IPv6 address, by DNS64.
return icetank.scenario {
  "names behind a NAT64",
  run = function(t)
    t:host { "four" }
    t:host { "six", family = "v6" }
    t:host { "both", family = "dual" }
    local anna = t:host { "anna", behind = "nat64" }
    local ben = t:host { "ben" }
    local function first(host, name) local list = host:resolve(name) return list and list[1] end
    t:check { "an address is made", first(anna, "four"):match "^64:ff9b::" ~= nil }
    t:check { "a real one is kept", first(anna, "six"):match "^2001:db8:" ~= nil }
    t:check { "nothing is made where something is", first(anna, "both"):match "^2001:db8:" ~= nil }
    t:check { "with IPv4 it is IPv4", first(ben, "four"):match "^%d+%.%d+%.%d+%.%d+$" ~= nil }
    local carl = t:host { "carl", behind = "linux-masq", family = "dual" }
    t:check { "with both it is both, IPv6 first", table.concat(carl:resolve "both", " "):match "^2001:db8:%S+ %d+%.%d+%.%d+%.%d+$" ~= nil }
    t:check { "or what there is", first(carl, "four"):match "^%d+%.%d+%.%d+%.%d+$" ~= nil }
    local none, why = anna:resolve "nobody"
    t:check { "what is not there is not made", none == nil and why, equals = "no such name" }
  end,
}
