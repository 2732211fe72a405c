-- What a datagram's IP header says besides its ends: a script sets it and reads it, boxes on the way change it as they should.
local tank = require "icetank"
return {
  fields = tank.scenario { "a NAT and a router take two hops, and leave the traffic class and DF as they are",
    run = function(t)
      t:internet { delay = "5ms" }
      local alice, bob = t:host { "alice", behind = "linux-masq" }, t:host { "bob" }
      local a, b = alice.udp:open {}, bob.udp:open { port = 7000 }
      local got = {}
      t:spawn(function() for ev in b:events "message" do got[#got + 1] = ev end end)
      a:send(bob:addr(7000), "plain")
      a:send(bob:addr(7000), "dressed", { ttl = 9, tos = 0xb8, df = false })
      a:send(bob:addr(7000), "short-lived", { ttl = 2 })
      t:sleep "1s"
      t:check { "what came", #got, equals = 2 }
      t:check { "hop limit of a host", got[1].ttl, equals = 62 }
      t:check { "DF unless told otherwise", got[1].df, equals = true }
      t:check { "hop limit asked for", got[2].ttl, equals = 7 }
      t:check { "DSCP", got[2].tos, equals = 0xb8 }
      t:check { "DF clear", got[2].df, equals = false }
    end },
  cut = tank.scenario { "of one socket some datagrams may be cut on a small link, and others are lost there",
    run = function(t)
      t:internet { delay = "5ms" }
      local alice, bob = t:host { "alice" }, t:host { "bob", link = { "fiber", mtu = "900B" } }
      local a, b = alice.udp:open { fragments = true }, bob.udp:open { port = 7000 }
      local got = {}
      t:spawn(function() for ev in b:events "message" do got[#got + 1] = #ev.data end end)
      for _, df in ipairs { true, false, true, false } do
        a:send(bob:addr(7000), ("x"):rep(1200), { df = df })
        t:sleep "1s"
      end
      a:send(bob:addr(7000), ("x"):rep(5000))                  -- as the socket was opened
      t:sleep "1s"
      t:check { "what came", table.concat(got, " "), equals = "1200 1200 5000" }
    end },
}
