-- The host that stands beside a firewall, by which wire and from whom it is reached. Both are what worlds drawn at random have shown: the seeds
-- 771300, kinds "all" and "web-homes" of tests/oracle/worlds.lua.
local tank = require "icetank"

return {
  site = tank.scenario { "the proxy's address inside is a unique local one: no box in between hands it on to hosts with addresses of the internet",
    matrix = { inner = { { "stateful", passes = false }, { "rfc6092", passes = false }, { "outbound-only", passes = true } }, model = { "B", "E" } },
    run = function(t, cell)
      local wall = t:firewall { "wall", "socks5-proxy" }
      local inner = t:firewall { "inner", cell.inner[1], behind = wall }
      local a = t:host { "anna", behind = inner, family = "v6", timers = { "rfc", connect = "30s" } }
      local b = t:host { "ben", behind = inner, family = "v6", timers = { "rfc", connect = "30s" } }
      local call = t:call { a, b, model = cell.model }
      t:check { "signaled", call.oracle.signaled, equals = cell.inner.passes and "yes" or "no" }
      call:expect { cell.inner.passes and "open" or "death", within = "61s" }
    end,
  },
  wire = tank.scenario { "a proxy has a wire of its own outside: what goes by it does not take its box's, however slow that is",
    matrix = { box = { "http-proxy-connect", "http-proxy-auth", "socks5-proxy" }, slow = { { "box", delay = "400ms" }, { "none", delay = "1ms" } } },
    run = function(t, cell)
      t:internet { servers = { "signal", "stun", "ws" } }
      local wall = t:firewall { "wall", cell.box, link = { "lan", delay = cell.slow.delay } }
      local a = t:host { "anna", { "first", behind = "linux-masq" }, { "second", behind = "outbound-only" } }
      local b = t:host { "ben", behind = { "linux-masq", wall } }
      local call = t:call { a, b, model = "B" }
      t:check { "the last rung may open", call.oracle.outcome ~= "death" or call.oracle.either, equals = true }
      call:expect { "open", path = "relay_tcp", within = "20s" }
    end,
  },
}
