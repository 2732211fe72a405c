-- A signal server that is known by its name: who finds the name signals, whoever finds it, the host itself or the proxy of its network.
local tank = require "icetank"
return {
  found = tank.scenario { "a text comes where the name is found",
    matrix = {
      carrier = { "websocket", "http-poll", "wss", "https-poll" },
      behind = { "linux-masq", "stateful", "udp-dns-only", "http-proxy-connect", "socks5-proxy-auth", "nat64" },
    },
    run = function(t, cell)
      t:internet { names = true }
      local alice, bob = t:host { "alice", behind = cell.behind }, t:host { "bob", family = "dual" }
      local near, far = alice:carrier { cell.carrier, to = bob }, bob:carrier { cell.carrier, to = alice }
      near:send "hello"
      far:expect { "message", data = "hello", within = "3s" }
      near:forbid { "down", during = "10s" }
      t:sleep "10s"
    end },
  missing = tank.scenario { "no name, no signaling, though TCP would pass",
    matrix = { carrier = { "websocket", "http-poll", "wss", "https-poll" } },
    run = function(t, cell)
      t:internet { names = true }
      local alice, bob = t:host { "alice", behind = "udp-blocked" }, t:host { "bob" }
      local near = alice:carrier { cell.carrier, to = bob }
      near:expect { "down", why = "name", within = "12s" }
      near:forbid { "up", during = "20s" }
      t:sleep "20s"
    end },
  late = tank.scenario { "a name whose answer takes six seconds is found",
    matrix = { carrier = { "websocket", "http-poll", "wss", "https-poll" } },
    run = function(t, cell)
      t:internet { names = true }
      local alice, bob = t:host { "alice", behind = "linux-masq" }, t:host { "bob" }
      alice.link:set { delay = "3s" }
      local near, far = alice:carrier { cell.carrier, to = bob }, bob:carrier { cell.carrier, to = alice }
      near:forbid { "down", during = "60s" }
      near:expect { "up", within = "40s" }
      near:send "slowly"
      far:expect { "message", data = "slowly", within = "60s" }
      t:sleep "60s"
    end },
  calls = tank.scenario { "a call needs the name too, and the oracle knows",
    matrix = { model = { "B", "E" }, near = { "linux-masq", "udp-blocked", "http-proxy-connect" } },
    run = function(t, cell)
      t:internet { names = true }
      local alice, bob = t:host { "alice", behind = cell.near }, t:host { "bob" }
      local call = t:call { alice, bob, model = cell.model }
      t:check { "not signaled", call.oracle.why:find("no name is found", 1, true) ~= nil, equals = cell.near == "udp-blocked" }
      call:expect { cell.near == "linux-masq" and "open" or "death", within = "62s" }
    end },
}
