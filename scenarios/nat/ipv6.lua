local icetank = require "icetank"
return icetank.scenario {
  "IPv6 behind a NAT64 and behind a prefix translator",
  matrix = { a = { "nat64", "nptv6" }, b = { "nat64", "nptv6", "none" } },
  run = function(t, c)
    local a = t:host { "anna", behind = c.a, family = "v6" }
    local b = t:host { "ben", behind = c.b, family = "v6" }
    local call = t:call { a, b, model = "B" }
    call:expect { "open", within = "10s" }
  end,
}
