-- Signaling as packets: what a session with the signal server tells its application when the server is cut, restarted or slow, and that a
-- call which is open does not need it, while an ICE restart does.
local tank = require "icetank"
local KINDS = { "websocket", "http-poll", "wss", "https-poll" }
local function pair(t, kind)
  local alice, bob = t:host { "alice", behind = "linux-masq" }, t:host { "bob", behind = "home-gw-2010-median" }
  return alice, bob, alice:carrier { kind, to = bob }, bob:carrier { kind, to = alice }
end
return {
  texts = tank.scenario { "texts arrive once and in order, both ways, also those sent before there is a session",
    matrix = { carrier = KINDS },
    run = function(t, cell)
      local _, _, near, far = pair(t, cell.carrier)
      local got = {}
      t:spawn(function() for ev in far:events "message" do got[#got + 1] = ev.data end end)
      near:expect { "up", within = "1s" }
      for i = 1, 5 do near:send("early " .. i) end
      t:sleep "3s"
      for i = 6, 10 do near:send("late " .. i) end
      far:send "back"
      near:expect { "message", data = "back", within = "2s" }
      t:sleep "5s"
      t:check { "got", table.concat(got, ","), equals = "early 1,early 2,early 3,early 4,early 5,late 6,late 7,late 8,late 9,late 10" }
      t:check { "messages", t.server.signal.stats.messages, equals = 11 }
      t:check { "up", near.up and far.up, equals = true }
      t:check { "connections", t.server.signal.stats.connections >= 2, equals = true }
    end },
  restarted = tank.scenario { "a server that crashes and starts again is an end and a beginning; what waited arrives",
    matrix = { carrier = KINDS },
    run = function(t, cell)
      local _, _, near, far = pair(t, cell.carrier)
      near:await { "up", within = "2s" }
      far:await { "up", within = "2s" }
      t.server.signal:crash()
      near:expect { "down", within = "70s" }
      far:expect { "down", within = "70s" }
      t:sleep "75s"
      t:check { "up", near.up or far.up, equals = false }
      near:send "waits"
      t.server.signal:start()
      near:expect { "up", within = "60s" }
      far:expect { "message", data = "waits", within = "60s" }
      t:sleep "60s"
    end },
  stopped = tank.scenario { "a server that stops in order ends its streams at once, and refuses others",
    matrix = { carrier = KINDS },
    run = function(t, cell)
      local _, _, near = pair(t, cell.carrier)
      near:await { "up", within = "2s" }
      t:sleep "5s"
      t.server.signal:stop()
      near:expect { "down", within = "100ms" }
      t:sleep "1s"
      near:forbid { "down", "up", during = "20s" } -- each round that is refused from now on is no news
      t:sleep "20s"
    end },
  cut = tank.scenario { "a server whose link is cut is silent: the session dies by its ping, and comes back",
    matrix = { carrier = KINDS },
    run = function(t, cell)
      local _, _, near, far = pair(t, cell.carrier)
      near:await { "up", within = "2s" }
      t:sleep "5s"
      local link = t.server.signal.link
      link:cut { signal = false }
      near:expect { "down", within = "62s" }
      t:sleep "65s"
      link:restore()
      near:send "after"
      near:expect { "up", within = "45s" }
      far:expect { "message", data = "after", within = "60s" }
      t:sleep "60s"
    end },
  slow = tank.scenario { "a server that is slow is slow, and no end of a session",
    matrix = { carrier = KINDS },
    run = function(t, cell)
      t.server.signal.link:set { delay = "700ms" }
      local _, _, near, far = pair(t, cell.carrier)
      near:forbid { "up", during = "2s" }
      near:expect { "up", within = "6s" }
      near:forbid { "down", during = "60s" }
      t:sleep "8s"
      near:send "late"
      far:forbid { "message", during = "1400ms" }
      far:expect { "message", data = "late", within = "6s" }
      t:sleep "55s"
    end },
  far = tank.scenario { "a server whose answers take 5 s is reached; from 10 s on that it is not is told, once",
    matrix = { carrier = KINDS, one_way = { "2.5s", "5s", "20s" } },
    run = function(t, cell)
      t.server.signal.link:set { delay = cell.one_way }
      local _, _, near, far = pair(t, cell.carrier)
      if cell.one_way == "2.5s" then
        near:forbid { "down", during = "90s" }
        near:expect { "up", within = "30s" }
        near:send "far"
        far:expect { "message", data = "far", within = "60s" }
      else
        near:forbid { "up", during = "90s" }
        near:expect { "down", why = "timeout", times = 1, within = "90s" }
      end
      t:sleep "90s"
    end },
  slower = tank.scenario { "a server that becomes slow while sessions stand: they go on, or end once and are there again when it is fast",
    matrix = { carrier = KINDS, one_way = { "2.5s", "5s", "20s" } },
    run = function(t, cell)
      local _, _, near, far = pair(t, cell.carrier)
      near:await { "up", within = "3s" }
      far:await { "up", within = "3s" }
      t.server.signal.link:set { delay = cell.one_way }
      near:send "slowly"
      far:expect { "message", data = "slowly", within = cell.one_way == "2.5s" and "60s" or "160s" }
      if cell.one_way ~= "2.5s" then near:expect { "down", times = 1, within = "100s" } end
      t:sleep "100s"
      t.server.signal.link:set { delay = "10ms" }
      t:sleep "60s"
      t:check { "up", near.up and far.up, equals = true }
    end },
  proxied = tank.scenario { "through a proxy, each answer of which takes 4 s or 5 s",
    matrix = { carrier = KINDS, box = { "http-proxy-connect", "socks5-proxy-auth" }, one_way = { "2s", "2.5s" } },
    run = function(t, cell)
      local alice, bob = t:host { "alice", behind = cell.box }, t:host { "bob" }
      alice.link:set { delay = cell.one_way }
      local near, far = alice:carrier { cell.carrier, to = bob }, bob:carrier { cell.carrier, to = alice }
      near:forbid { "down", during = "90s" }
      near:expect { "up", within = "60s" }
      near:send "far"
      far:expect { "message", data = "far", within = "80s" }
      t:sleep "90s"
    end },
  bulk = tank.scenario { "a hundred large texts up a slow link, beside what comes down and is acknowledged",
    matrix = { carrier = KINDS },
    run = function(t, cell)
      local alice, bob = t:host { "alice", behind = "linux-masq", link = { rate = "1Mbps" } }, t:host { "bob", behind = "port-cone" }
      local near, far = alice:carrier { cell.carrier, to = bob }, bob:carrier { cell.carrier, to = alice }
      near:await { "up", within = "5s" }
      far:send "x"
      for i = 1, 100 do
        local sent = near:send(("%03d"):format(i) .. ("x"):rep(7000))
        t:check { "taken", sent, equals = true }
      end
      for i = 1, 100 do
        local ev = far:await { "message", within = "20s" }
        t:check { "in order", ev.data:sub(1, 3), equals = ("%03d"):format(i) }
      end
    end },
  survives = tank.scenario { "a call that is open survives the end of its carrier",
    matrix = { model = { "B", "E" }, carrier = KINDS },
    run = function(t, cell)
      local alice, bob = t:host { "alice", behind = "linux-masq" }, t:host { "bob", behind = "port-cone" }
      local call = t:call { alice, bob, model = cell.model, carrier = cell.carrier, media = "voice" }
      call:await { "open", within = "20s" }
      t.server.signal:crash()
      call:forbid { "death", during = "60s" }
      call:forbid { "stalled", during = "60s" }
      t:sleep "60s"
    end },
  restarts = tank.scenario { "an ICE restart needs it: a NAT that gets a new address ends a call that is not signaled, and no other one",
    matrix = { model = { "B", "E" }, carrier = KINDS, signaled = { true, false } },
    run = function(t, cell)
      local alice, bob = t:host { "alice", behind = "linux-masq" }, t:host { "bob", behind = "port-cone" }
      local call = t:call { alice, bob, model = cell.model, carrier = cell.carrier, media = "voice" }
      call:await { "open", within = "20s" }
      t:sleep "5s"
      if not cell.signaled then t.server.signal:crash() end
      alice.gateway:renumber()
      if cell.signaled then
        call:expect { "failover", within = "30s" }
        call:forbid { "death", during = "60s" }
      else
        call:expect { "death", within = "60s" }
      end
      t:sleep "60s"
    end },
}
