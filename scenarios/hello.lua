local tank = require "icetank"
return tank.scenario { "two home routers",
  run = function(t)
    local alice = t:host { "alice", behind = "linux-masq" }
    local bob   = t:host { "bob", behind = "port-cone" }
    t:call { alice, bob, model = "B", media = "voice" }:expect { "open", path = "direct_udp", within = "5s" }
    t:sleep "10s"
  end,
}
