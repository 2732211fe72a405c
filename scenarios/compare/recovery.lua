-- What was lost comes back: holes of several lengths, a router that reboots, an interface that goes while another stays.
-- E recovers as B does. Its library restarts at the same moments, but keeps the socket's credentials, and moves the session itself.
local tank = require "icetank"

local function call(t, cell, near, far)
  local c = t:call { near, far, model = cell.model, media = "voice" }
  c:await { "open", within = "10s" }
  t:at "15s"
  return c
end

return {
  blackhole = tank.scenario { "the path swallows everything for a while",
    matrix = { model = { "A", "B", "E" }, hole = { "1s", "1.9s", "2.5s", "5s", "15s", "29s", "31s", "60s" } },
    run = function(t, cell)
      local near, far = t:host { "near", behind = "linux-masq" }, t:host { "far", behind = "port-cone" }
      local c = call(t, cell, near, far)
      near.gateway.link:blackhole()
      local hole = tank.time(cell.hole)
      if hole < "2s" then
        c:forbid { "stalled", "death", during = "40s" }
      else
        c:expect { "stalled", within = "2.5s" }
        if hole < "25s" then c:expect { "resumed", "failover", within = hole + "13s" } end
        if hole < "25s" then c:forbid { "death", during = "60s" } end
        if hole > "40s" then c:expect { "death", reason = "consent_expired", within = "36s" } end
      end
      t:sleep(hole)
      near.gateway.link:restore()
    end,
  },
  reboot = tank.scenario { "the home router reboots",
    matrix = { model = { "A", "B", "E" }, nat = { "linux-masq", "linux-masq-range" } },
    run = function(t, cell)
      local near, far = t:host { "near", behind = cell.nat }, t:host { "far", behind = "port-cone" }
      local c = call(t, cell, near, far)
      near.gateway:reboot { down = "1s" }
      if cell.nat == "linux-masq" then
        c:forbid { "failover", "death", during = "60s" }      -- the first packet out gets the old port back
      else
        c:expect { "failover", within = "20s" }               -- a new port, which the far NAT drops
        c:forbid { "death", during = "60s" }
      end
    end,
  },
  move = tank.scenario { "one interface goes, another stays",
    matrix = { model = { "A", "B", "E" }, far = { "full-cone", "port-cone" } },
    run = function(t, cell)
      local near = t:host { "near", { "wifi", behind = "linux-masq", link = "lan" }, { "lte", behind = "cgn-apdf", link = "lan" } }
      local c = call(t, cell, near, t:host { "far", behind = cell.far })
      near.iface.wifi:down()
      c:expect { "failover", within = "10s" }
      c:forbid { "death", during = "60s" }
    end,
  },
}
