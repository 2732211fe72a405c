-- What was lost comes back: holes of several lengths, a router that reboots, an interface that goes while another stays.
-- E recovers as B does. Its library restarts at the same moments, but keeps the socket's credentials, and moves the session itself.
--
-- C has no restart: it follows a packet from elsewhere (RFC 7016 section 3.5.4.2), and nobody is asked. Where the far NAT drops that packet, as
-- a port-restricted one does, RTMFP has no word by which a server would let both ends open their NATs anew for a session that exists. Expected
-- was that C dies where a router comes back with another port, and where an interface takes over and the far NAT is port-restricted. Of the
-- second that was wrong: an IHello leaves by every interface, so that the far end has answered the spare one, too, and its NAT knows it.
-- Nor was it expected that 1.9 s without a path are told: what is not acknowledged fills RTMFP's congestion window, sound included, and the next
-- packet waits for a timeout that has grown to a part of the hole by then (RFC 7016 appendix A). The silence is longer than the hole.
local tank = require "icetank"

-- How the call of a model ends: of consent, or of Pings.
local function death_of(cell, within)
  if cell.model == "C" then return { "death", reason = "keepalive_timeout", within = "42s" } end
  return { "death", reason = "consent_expired", within = within }
end

local function call(t, cell, near, far)
  local c = t:call { near, far, model = cell.model, media = "voice" }
  c:await { "open", within = "10s" }
  t:at "15s"
  return c
end

return {
  blackhole = tank.scenario { "the path swallows everything for a while",
    matrix = { model = tank.models, hole = { "1s", "1.9s", "2.5s", "5s", "15s", "29s", "31s", "60s" } },
    run = function(t, cell)
      if cell.model == "D" then t:internet { servers = { "signal", "stun", "ws" } } end
      local near, far = t:host { "near", behind = "linux-masq" }, t:host { "far", behind = "port-cone" }
      local c = call(t, cell, near, far)
      near.gateway.link:blackhole()
      local hole = tank.time(cell.hole)
      if hole < "2s" then
        if cell.model == "C" and hole > "1.5s" then c:forbid { "death", during = "40s" } else c:forbid { "stalled", "death", during = "40s" } end
      else
        c:expect { "stalled", within = "2.5s" }
        if hole < "25s" then c:expect { "resumed", "failover", within = hole + "13s" } end
        if hole < "25s" then c:forbid { "death", during = "60s" } end
        if hole > "40s" then c:expect(death_of(cell, "36s")) end
      end
      t:sleep(hole)
      near.gateway.link:restore()
    end,
  },
  reboot = tank.scenario { "the home router reboots",
    matrix = { model = tank.models, nat = { "linux-masq", "linux-masq-range" } },
    run = function(t, cell)
      if cell.model == "D" then t:internet { servers = { "signal", "stun", "ws" } } end
      local near, far = t:host { "near", behind = cell.nat }, t:host { "far", behind = "port-cone" }
      local c = call(t, cell, near, far)
      near.gateway:reboot { down = "1s" }
      if cell.nat == "linux-masq" then
        c:forbid { "failover", "death", during = "60s" }      -- the first packet out gets the old port back
      elseif cell.model == "C" then
        c:expect(death_of(cell))                              -- a new port, which the far NAT drops
      else
        c:expect { "failover", within = "20s" }               -- a new port, which the far NAT drops
        c:forbid { "death", during = "60s" }
      end
    end,
  },
  move = tank.scenario { "one interface goes, another stays",
    matrix = { model = tank.models, far = { "full-cone", "port-cone" } },
    run = function(t, cell)
      if cell.model == "D" then t:internet { servers = { "signal", "stun", "ws" } } end
      local near = t:host { "near", { "wifi", behind = "linux-masq", link = "lan" }, { "lte", behind = "cgn-apdf", link = "lan" } }
      local c = call(t, cell, near, t:host { "far", behind = cell.far })
      near.iface.wifi:down()
      c:expect { "failover", within = "10s" }
      c:forbid { "death", during = "60s" }
    end,
  },
}
