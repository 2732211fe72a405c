-- A host with several ways to the signal server: the first that leads there carries the session, and when it goes another one does.
local tank = require "icetank"
local KINDS = { "websocket", "http-poll" }
-- A host with two interfaces, the first one behind `behind`, and somebody to talk to.
local function two_ways(t, kind, behind, set)
  local wall = behind and t:firewall { "wall", behind, set = set }
  local desk = t:host { "desk", { "first", behind = wall or "linux-masq" }, { "second", behind = "port-cone" } }
  local bob = t:host { "bob" }
  return desk, desk:carrier { kind, to = bob }, bob:carrier { kind, to = desk }
end
return {
  walls = tank.scenario { "an interface that leads nowhere is passed by",
    matrix = {
      carrier = KINDS,
      wall = { { "silent", policy = "stateful", set = { tcp_out = {} } }, { "portal", policy = "captive-portal-login" }, { "proxy", policy = "http-proxy-connect" } },
    },
    run = function(t, cell)
      local _, near, far = two_ways(t, cell.carrier, cell.wall.policy, cell.wall.set)
      near:send "hello"
      near:expect { "up", within = "3s" }
      far:expect { "message", data = "hello", within = "3s" }
      near:forbid { "down", during = "30s" }
      t:sleep "30s"
    end },
  cut = tank.scenario { "an interface that goes takes the session to the other one at once; nothing is lost",
    matrix = { carrier = KINDS, signal = { true, false } },
    run = function(t, cell)
      local desk, near, far = two_ways(t, cell.carrier)
      near:await { "up", within = "2s" }
      t:sleep "5s"
      desk.iface.first.link:cut { signal = cell.signal }
      near:send "after"
      local soon = cell.signal and "1s" or "70s"
      near:expect { "down", why = cell.signal and "local" or nil, within = soon }
      far:expect { "message", data = "after", within = soon }
      t:sleep(soon)
      t:check { "up", near.up, equals = true }
    end },
  comes = tank.scenario { "a host whose wire comes back dials at once, whatever it waited for before",
    matrix = { carrier = KINDS },
    run = function(t, cell)
      local alice, bob = t:host { "alice", behind = "linux-masq" }, t:host { "bob" }
      alice.link:cut {}
      local near, far = alice:carrier { cell.carrier, to = bob }, bob:carrier { cell.carrier, to = alice }
      near:send "waits"
      t:sleep "100s"
      t:check { "up", near.up, equals = false }
      alice.link:restore()
      near:expect { "up", within = "200ms" }
      far:expect { "message", data = "waits", within = "300ms" }
      t:sleep "1s"
    end },
  kinds = tank.scenario { "two kinds on one host are two sessions, and a carrier that comes late hears that its session stands",
    run = function(t)
      local alice, bob, carol = t:host { "alice" }, t:host { "bob" }, t:host { "carol" }
      local poll, ws = alice:carrier { "http-poll", to = bob }, alice:carrier { "websocket", to = bob }
      local far_poll, far_ws = bob:carrier { "http-poll", to = alice }, bob:carrier { "websocket", to = alice }
      for _, c in ipairs { poll, ws, far_poll, far_ws } do c:forbid { "down", during = "60s" } end
      t:sleep "10s"
      poll:send "by poll"
      ws:send "by WebSocket"
      far_poll:expect { "message", data = "by poll", within = "1s" }
      far_ws:expect { "message", data = "by WebSocket", within = "1s" }
      local late = alice:carrier { "websocket", to = carol }
      late:expect { "up", within = "1ms" }
      t:sleep "60s"
      t:check { "mailboxes", t.server.signal.stats.mailboxes, equals = 4 }
    end },
}
