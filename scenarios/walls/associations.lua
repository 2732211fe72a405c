-- Associations of one SOCKS proxy are strangers to each other: ports of their own, answers of their own, an end of their own.
local tank = require "icetank"
local SOCKS = "socks5://10.9.9.9:1080"
return {
  apart = tank.scenario { "clients of one SOCKS proxy look like different hosts' sockets to a server, and get their own answers",
    matrix = { clients = { { "two-hosts", one = false }, { "one-host", one = true } } },
    run = function(t, cell)
      local wall = t:firewall { "wall", "socks5-proxy-udp" }
      local ann = t:host { "ann", behind = wall }
      local ben = cell.clients.one and ann or t:host { "ben", behind = wall }
      local far = t:host { "far" }
      local server, from = far.udp:open { port = 7000 }, {}
      far:spawn(function()
        for ev in server:events "message" do from[#from + 1] = ev end
      end)
      local a, b = ann.udp:open { via = SOCKS }, ben.udp:open { via = SOCKS }
      a:await { "open", within = "5s" }
      b:await { "open", within = "5s" }
      for k, s in ipairs { a, b } do
        s:send(far:addr(7000), "from " .. k)
        t:sleep "100ms"
      end
      t:check { "asked", #from, equals = 2 }
      t:check { "from ports of their own", from[1].addr ~= from[2].addr, equals = true }
      a:forbid { "message", data = "to from 2", during = "5s" }
      b:forbid { "message", data = "to from 1", during = "5s" }
      for k = 2, 1, -1 do server:send(from[k].addr, "to " .. from[k].data) end
      a:expect { "message", data = "to from 1", within = "5s" }
      b:expect { "message", data = "to from 2", within = "5s" }
      -- Somebody whom neither has asked is not let through.
      local other = far.udp:open { port = 7001 }
      other:send(from[1].addr, "unasked")
      a:forbid { "message", data = "unasked", during = "5s" }
      t:sleep "5s"
    end },
}
