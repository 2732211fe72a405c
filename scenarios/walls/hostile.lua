-- Boxes that harm connections after they have let them pass: killers, injectors, portals, tunnels, inspectors.
local tank = require "icetank"
local function pair(t, wall, port)
  local bob = t:host { "bob" }
  local ear = bob.tcp:listen { port, echo = true }
  local alice = t:host { "alice", behind = wall == "vpn-full-tunnel" and wall or { wall, "linux-masq" } }
  return alice, bob, ear
end
local function open(alice, bob, port)
  local s = alice.tcp:connect { bob:addr(port) }
  s:await { "open", within = "5s" }
  return s
end
local function echo(s, text)
  s:send(text)
  s:await { "message", within = "5s" }
end

return {
  idle = tank.scenario { "an idle connection is forgotten, reset, or reset when it is used again",
    limit = "30min",
    matrix = { wall = { { "tcp-idle-drop", live = "238s", kill = "250s" }, { "tcp-idle-reset", live = "238s", kill = "250s" }, { "tcp-idle-late-reset", live = "348s", kill = "360s" } } },
    run = function(t, cell)
      local alice, bob, ear = pair(t, cell.wall[1], 8080)
      local s = open(alice, bob, 8080)
      echo(s, "one")
      t:sleep(cell.wall.live)
      echo(s, "two") -- still there
      if cell.wall[1] == "tcp-idle-reset" then
        s:expect { "closed", by = "reset", within = cell.wall.kill }
        ear:expect { "closed", by = "reset", within = cell.wall.kill }
        t:sleep(cell.wall.kill)
      else
        t:sleep(cell.wall.kill)
        s:send "three"
        if cell.wall[1] == "tcp-idle-drop" then s:forbid { "message", "closed", during = "30s" } else s:expect { "closed", by = "reset", within = "1s" } end
        t:sleep "30s"
      end
      t:check { "killed", alice.gateway.stats.killed, equals = 1 }
    end,
  },
  injector = tank.scenario { "forged resets end a connection by its port and what it carries",
    matrix = { port = { 3478, 443 } },
    run = function(t, cell)
      local alice, bob, ear = pair(t, "rst-injector", cell.port)
      local s = open(alice, bob, cell.port)
      echo(s, ("x"):rep(200)) -- 400 bytes both ways
      s:send(("x"):rep(200))
      if cell.port == 3478 then
        s:expect { "closed", by = "reset", within = "1s" }
        ear:expect { "closed", by = "reset", within = "1s" }
      else
        s:forbid { "closed", during = "5s" }
      end
      t:sleep "5s"
      t:check { "resets made", alice.gateway.stats.resets, equals = cell.port == 3478 and alice.gateway.stats.resets or 0 }
    end,
  },
  proxy_idle = tank.scenario { "a CONNECT tunnel that was silent for a minute is reset",
    run = function(t)
      local alice, bob = pair(t, "http-proxy-connect", 443)
      local s = alice.tcp:connect { bob:addr(443), via = "http://10.9.9.9:3128" }
      s:await { "open", within = "5s" }
      t:sleep "55s"
      echo(s, "alive")
      s:expect { "closed", by = "reset", within = "61s" }
      t:sleep "62s"
      t:check { "killed", alice.gateway.stats.idle_killed, equals = 1 }
    end,
  },
  portal = tank.scenario { "a captive portal redirects until the login, then lets the web pass",
    run = function(t)
      local alice, bob = pair(t, "captive-portal", 80)
      bob.tcp:listen { 443, echo = true }
      t:check { "every name is the portal", table.concat(alice:resolve "bob", " "), equals = "10.9.9.1" }
      local s = open(alice, bob, 80) -- it is the portal who answers
      s:send "GET / HTTP/1.1\r\nHost: bob\r\n\r\n"
      local ev = s:await { "message", within = "2s" }
      t:check { "a redirect", ev.data:match "^HTTP/1.1 302 .-\r\nLocation: http://10.9.9.1/login\r\n" ~= nil, equals = true }
      local tls = alice.tcp:connect { bob:addr(443) }
      tls:forbid { "open", during = "25s" }
      t:at "31s"
      echo(open(alice, bob, 80), "GET / HTTP/1.1\r\n\r\n") -- and now it is bob
      echo(open(alice, bob, 443), "hello")
      t:check { "redirects", alice.gateway.stats.redirects, equals = 1 }
    end,
  },
  vpn = tank.scenario { "a tunnel says how much it carries, and connections adapt",
    run = function(t)
      local alice, bob = pair(t, "vpn-full-tunnel", 8080)
      local s = open(alice, bob, 8080)
      local n = 0
      s:send(("x"):rep(9000)) -- segments of 1460 bytes do not fit 1420: RFC 1191 section 4
      for ev in s:events "message" do
        n = n + #ev.data
        if n >= 9000 then break end
      end
      t:check { "bytes echoed", n, equals = 9000 }
    end,
  },
  policer = tank.scenario { "a flood meets the bucket of the policer, then its rate",
    run = function(t)
      local bob = t:host { "bob" }
      local alice = t:host { "alice", behind = { "udp-ratelimit", "linux-masq" } }
      local _, mouth = bob.udp:open { port = 9000 }, alice.udp:open()
      local before = bob.stats.rx_packets
      for _ = 1, 300 do mouth:send(bob:addr(9000), "x") end
      t:sleep "1s"
      t:check { "the burst", bob.stats.rx_packets - before, equals = 50 }
      for _ = 1, 300 do
        mouth:send(bob:addr(9000), "x")
        t:sleep "5ms" -- twice the rate, for 1.5 s, and a full bucket before
      end
      t:sleep "1s"
      t:check { "bucket and rate", bob.stats.rx_packets - before, between = { 50 + 50 + 149, 50 + 50 + 151 } }
    end,
  },
  policed = tank.scenario { "a policer without a queue halves what a connection gets, and more; a call is below it",
    run = function(t)
      local alice, bob = pair(t, "rate-limit", 8080)
      local s, sent = open(alice, bob, 8080), 0
      local at = t:now()
      for _ = 1, 40 do
        s:send(("x"):rep(5000))
        sent = sent + 5000
        local n = 0
        for ev in s:events "message" do
          n = n + #ev.data
          if n >= 5000 then break end
        end
      end
      local took = t:now() - at
      t:check { "200 kB at 1 Mbit/s at best", took, at_least = "1480ms" } -- 1.6 s less what the bucket of 16 KiB holds
      t:check { "echoed", sent, equals = 200000 }
      local call = t:call { alice, t:host { "carol" }, model = "B", media = "voice" }
      call:expect { "open", within = "5s" }
      call:forbid { "stalled", "death", during = "20s" }
      t:sleep "20s"
    end,
  },
  aged = tank.scenario { "a flow of UDP that is 300 s old is dead: the call notices, restarts, and finds no other flow by the same ports",
    matrix = { model = { "B", "E" } },
    run = function(t, cell)
      local alice = t:host { "alice", behind = { "udp-idle-kill", "linux-masq" } }
      local call = t:call { alice, t:host { "bob" }, model = cell.model, media = "voice" }
      call:await { "open", within = "5s" }
      call:forbid { "stalled", during = "299s" }
      t:at "299s"
      call:expect { "stalled", within = "5s" }
      call:expect { "death", reason = "consent_expired", within = "40s" }
      t:sleep "60s"
      t:check { "killed", alice.gateway.stats.killed, at_least = 1 }
    end,
  },
  exits = tank.scenario { "two at VPNs with symmetric exits never meet, one of them meets an open peer",
    matrix = { model = { "B", "E" }, far = { "vpn-full-tunnel", "port-cone", "full-cone" } },
    run = function(t, cell)
      local alice, bob = t:host { "alice", behind = "vpn-full-tunnel" }, t:host { "bob", behind = cell.far }
      local call = t:call { alice, bob, model = cell.model }
      call:expect { cell.far == "full-cone" and "open" or "death", within = "61s" }
    end,
  },
  overrides = tank.scenario { "a policy of the scenario's own: 22 comes in, a trickle goes out",
    run = function(t)
      local wall = t:firewall { "wall", "none", set = { tcp_in = { 22 }, police = { up = { pps = 10, burst = 5 } } } }
      local inner, outer = t:host { "inner", behind = wall }, t:host { "outer" }
      inner.tcp:listen { 22 }
      inner.tcp:listen { 23 }
      local s = outer.tcp:connect { inner:addr(22) }
      s:await { "open", within = "2s" }
      outer.tcp:connect { inner:addr(23) }:forbid { "open", during = "5s" }
      t:sleep "5s"
      local before = outer.stats.rx_packets
      local mouth = inner.udp:open()
      for _ = 1, 40 do mouth:send(outer:addr(9), "x") end
      t:sleep "100ms"
      t:check { "what the bucket held", outer.stats.rx_packets - before, equals = 5 }
      for _ = 1, 40 do
        mouth:send(outer:addr(9), "x")
        t:sleep "50ms"
      end
      t:sleep "100ms"
      t:check { "and its rate, for 2 s", outer.stats.rx_packets - before, equals = 25 }
    end,
  },
  inspect = tank.scenario { "inspection resets what is no TLS on 443 and strips upgrades on 80",
    run = function(t)
      local alice, bob, ear = pair(t, "tls-inspection", 80)
      local raw = open(alice, bob, 443)
      raw:send "\0\20\33\18\164\66STUN over TCP"
      raw:await { "closed", by = "reset", within = "2s" }
      local ws = open(alice, bob, 80)
      ws:send "GET /ws HTTP/1.1\r\nHost: bob\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
      local got = ear:await { "message", within = "2s" }
      t:check { "what arrives", got.data, equals = "GET /ws HTTP/1.1\r\nHost: bob\r\n\r\n" }
      t:check { "stripped", alice.gateway.stats.stripped, equals = 1 }
      t:check { "broken", alice.gateway.stats.broken, equals = 1 }
    end,
  },
  inbound = tank.scenario { "rules that differ by direction: the web comes in, little goes out",
    matrix = { port = { 443, 22 } },
    run = function(t, cell)
      local web = t:host { "web", behind = "inbound-web" }
      web.tcp:listen { cell.port, echo = true }
      local out = t:host { "bob" }
      out.tcp:listen { 80 }
      t:host { "carol" }.tcp:connect { out:addr(80) }:await { "open", within = "3s" } -- who has no such wall gets there
      local s = out.tcp:connect { web:addr(cell.port) }
      if cell.port == 443 then
        s:await { "open", within = "3s" }
        echo(s, "hello")
      else
        s:forbid { "open", during = "10s" }
      end
      web.tcp:connect { out:addr(80) }:forbid { "open", during = "10s" }
      t:sleep "10s"
    end,
  },
}
