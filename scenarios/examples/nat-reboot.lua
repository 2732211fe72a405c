-- A router loses its state: free where it preserves ports, one ICE restart where not, for our stack and for a third party's adapter.
local tank = require "icetank"
return tank.scenario { "the home router reboots",
  matrix = { nat = { "linux-masq", "linux-masq-range" }, stack = { "reference", "libnice" } },
  run = function(t, cell)
    local alice = t:host { "alice", behind = cell.nat, stack = cell.stack }
    local bob   = t:host { "bob", behind = "port-cone", timers = "libwebrtc" }
    local call  = t:call { alice, bob, model = "B", media = "voice" }
    call:await { "open", within = "5s" }
    t:at "20s"
    alice.gateway:reboot { down = "1s" }
    if cell.nat == "linux-masq" then                        -- her first packet out gets the old port back
      call:forbid { "failover", "death", during = "60s" }
    else                                                    -- a new port, which bob's NAT drops
      call:expect { "failover", times = 1, within = "20s" }
    end
  end,
}
