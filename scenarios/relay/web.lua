-- The relay over WebSocket as the last way of a call, behind every wall that lets out the web or has a proxy: the oracle says whether both ends
-- get there and by when, and that nothing else is left.
local tank = require "icetank"

local function row(name, wall, fields)
  local r = { name, wall = wall }
  for k, v in pairs(fields or {}) do r[k] = v end
  return r
end
local WALLS = {
  row("udp-blocked", "udp-blocked"), row("web", "tcp-443-only"), row("only-443", "tcp-443-only", { set = { tcp_out = { 443 } } }),
  row("only-80", "tcp-443-only", { set = { tcp_out = { 80 } } }), row("nothing", "stateful", { set = { udp = "block", tcp_out = {} } }),
  row("connect", "http-proxy-connect"), row("connect-80", "http-proxy-connect", { set = { proxy = { allow_ports = { 80 } } } }),
  row("connect-25", "http-proxy-connect", { set = { proxy = { allow_ports = { 25 } } } }), row("basic", "http-proxy-auth"), row("digest", "http-proxy-digest"),
  row("socks", "socks5-proxy"), row("socks-auth", "socks5-proxy-auth"), row("inspected", "tls-inspection"), row("trusting", "tls-inspection", { trusts = true }),
  row("let-be", "tls-inspection", { set = { tls_pass = "bank.tank,*.tank" } }), row("other-name", "tls-inspection", { set = { tls_pass = "*.bank" } }),
  row("decrypts-nothing", "tls-inspection", { set = { tls_intercept = false } }), row("portal", "captive-portal-login"), row("cut", "rst-injector"),
}
local function open(t, a, b, fields)
  local s = { a, b, model = "B", carrier = "instant" }
  for k, v in pairs(fields or {}) do s[k] = v end
  local call = t:call(s)
  call:expect { call.oracle.outcome, path = call.oracle.path, within = "61s" }
  return call
end

return {
  walls = tank.scenario { "every wall before one end or both, by both families, to a relay that serves ws, wss or both",
    matrix = { wall = WALLS, far = { "symmetric", "same" }, by = { "ws", "wss", "both" }, family = { "v4", "v6" } },
    where = function(cell) return cell.far == "symmetric" or cell.by == "both" end,
    run = function(t, cell)
      local w = cell.wall
      t:internet { servers = { "signal", "ws" } }
      local function host(name)
        local wall = t:firewall { name .. "-wall", w.wall, set = w.set, behind = cell.family == "v4" and "linux-masq" or nil }
        return t:host { name, behind = wall, family = cell.family, trusts_inspector = w.trusts }
      end
      local alice = host "alice"
      local bob = cell.far == "same" and host "bob" or t:host { "bob", behind = cell.family == "v4" and "symmetric" or "stateful", family = cell.family }
      open(t, alice, bob, { ws = cell.by ~= "both" and cell.by or nil })
    end },
  served = tank.scenario { "a relay that serves one kind is met by that, one that is down or of one end alone by none",
    matrix = { served = { "ws", "wss", "alice", "none" } },
    run = function(t, cell)
      local by = { ws = { tls = {} }, wss = { tcp = {} } }
      t:internet { servers = { "signal", "ws" }, ws = by[cell.served] }
      local alice, bob = t:host { "alice", behind = "symmetric" }, t:host { "bob", behind = "symmetric" }
      local only = cell.served == "alice" and { bob = "none" } or cell.served == "none" and "none" or nil
      local call = open(t, alice, bob, { ws = only })
      t:check { "meets", call.oracle.outcome, equals = by[cell.served] and "open" or "death" }
      t:sleep "62s"
      t:check { "rooms", t.server.ws.stats.rooms, equals = by[cell.served] and 1 or 0 }
    end },
  last = tank.scenario { "it is joined when nothing else works, and given back when something does",
    matrix = { way = { "direct_udp", "relay_udp", "relay_tcp" } },
    run = function(t, cell)
      local way = cell.way
      t:internet { servers = { "signal", "stun", "turn", "ws" }, turn = way == "relay_tcp" and { udp = {} } or nil }
      local wall = way == "relay_tcp" and { "udp-blocked", "linux-masq" } or way == "relay_udp" and "symmetric" or "port-cone"
      local alice, bob = t:host { "alice", behind = wall }, t:host { "bob", behind = wall }
      local call = t:call { alice, bob, model = "B", media = "voice" }
      call:expect { "open", path = way, within = "10s" }
      t:sleep "30s"
      t:check { "nobody is in a room", t.server.ws.stats.rooms + t.server.ws.stats.connections, equals = 0 }
      t:check { "nothing was relayed", t.server.ws.stats.relayed, equals = 0 }
    end },
  life = tank.scenario { "a call by it is stalled, restarts, dies and closes as others do",
    matrix = { what = { "relay-restarts", "relay-gone", "cut", "closed", "better" }, wall = { "tcp-443-only", "http-proxy-auth" } },
    run = function(t, cell)
      local what = cell.what
      t:internet { servers = { "signal", "stun", "ws" } }
      local wall = t:firewall { "wall", cell.wall, behind = "linux-masq" }
      local alice, bob = t:host { "alice", behind = wall }, t:host { "bob", behind = "port-cone" }
      local call = t:call { alice, bob, model = "B", media = "voice", carrier = "instant" }
      call:await { "open", path = "relay_tcp", within = "10s" }
      t:sleep "10s"
      if what == "relay-restarts" then -- who comes back finds the room, and a restart the way
        t.server.ws:stop { silent = true }
        t:sleep "1s"
        t.server.ws:start()
        call:forbid { "death", during = "60s" }
        t:sleep "40s"
        for _, e in ipairs { call[alice], call[bob] } do
          local n = e.stats.voice_received
          t:sleep "1s"
          t:check { "voice goes on", e.stats.voice_received - n, at_least = 45 }
        end
      elseif what == "relay-gone" then
        t.server.ws:stop()
        call:expect { "stalled", within = "4s" }
        call:expect { "death", reason = "consent_expired", within = "35s" }
      elseif what == "cut" then
        alice.link:cut { signal = false }
        call:expect { "stalled", within = "4s" }
        call:expect { "death", reason = "consent_expired", within = "35s" }
      elseif what == "closed" then
        call[alice]:close()
        call[bob]:expect { "closed", by = "remote", within = "1s" }
        t:sleep "10s"
        t:check { "nobody is in a room", t.server.ws.stats.rooms + t.server.ws.stats.connections, equals = 0 }
      else -- the wall falls: the next restart finds a better way
        wall:set { udp = "any" }
        t.server.ws:stop()
        call:expect { "failover", path = "direct_udp", within = "20s" }
      end
    end },
  streams = tank.scenario { "each transport of a call has a room of its own",
    matrix = { bundle = { true, false } },
    run = function(t, cell)
      t:internet { servers = { "signal", "ws" } }
      local alice, bob = t:host { "alice", behind = { "http-proxy-digest", "linux-masq" } }, t:host { "bob", behind = "symmetric" }
      local call = t:call { alice, bob, model = "B", streams = { "voice", "none" }, bundle = cell.bundle }
      call:await { "open", path = "relay_tcp", within = "15s" }
      t:check { "rooms", t.server.ws.stats.rooms, equals = cell.bundle and 1 or 2 }
      call.streams[2][alice]:send "hello"
      call.streams[2][bob]:expect { "message", data = "hello", within = "1s" }
      call:forbid { "stalled", during = "20s" }
    end },
}
