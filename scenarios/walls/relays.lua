-- Datagrams over WebSocket through every way out that a network may leave: the web's ports, proxies with and without a password, an inspector.
local tank = require "icetank"
local ROOM = "room-of-alice-and-bob"
local HTTP, AUTH, SOCKS = "http://10.9.9.9:3128", "http://alice:secret@10.9.9.9:3128", "socks5://10.9.9.9:1080"
local WRONG = "http://alice:wrong@10.9.9.9:3128"
-- ws, wss: "up", or why not
local function row(name, wall, fields)
  local r = { name, wall = wall, ws = "up", wss = "up" }
  for k, v in pairs(fields or {}) do r[k] = v end
  return r
end
return {
  ways = tank.scenario { "a relay by ws and wss behind every wall",
    matrix = {
      wall = {
        row("none", "none"), row("udp-blocked", "udp-blocked"), row("web", "tcp-443-only"),
        row("only-443", "tcp-443-only", { set = { tcp_out = { 443 } }, ws = "timeout" }), row("only-80", "tcp-443-only", { set = { tcp_out = { 80 } }, wss = "timeout" }),
        row("nothing", "stateful", { set = { udp = "block", tcp_out = {} }, ws = "timeout", wss = "timeout" }),
        row("connect", "http-proxy-connect", { via = HTTP, ws = "proxy 403" }), row("connect-80", "http-proxy-connect", { via = HTTP, set = { proxy = { allow_ports = { 80 } } }, wss = "proxy 403" }),
        row("basic", "http-proxy-auth", { via = AUTH, ws = "proxy 403" }), row("digest", "http-proxy-digest", { via = AUTH, ws = "proxy 403" }),
        row("basic-none", "http-proxy-auth", { via = HTTP, ws = "proxy 407", wss = "proxy 407" }), row("basic-wrong", "http-proxy-auth", { via = WRONG, ws = "proxy 407", wss = "proxy 407" }),
        row("digest-wrong", "http-proxy-digest", { via = WRONG, ws = "proxy 407", wss = "proxy 407" }), row("socks", "socks5-proxy", { via = SOCKS }),
        row("inspected", "tls-inspection", { ws = "http 426", wss = "tls unknown-ca" }), row("inspected-trusting", "tls-inspection", { trusts = true, ws = "http 426", wss = "http 426" }),
        row("inspected-passed", "tls-inspection", { set = { tls_pass = "*.tank" }, ws = "http 426" }),
        row("portal", "captive-portal-login", { ws = "http 302", wss = "timeout" }), row("portal-tls", "captive-portal-login", { set = { portal_tls = "own" }, ws = "http 302", wss = "tls name" }),
      },
      tls = { false, true }, family = { "v4", "v6" },
    },
    run = function(t, cell)
      local w, six = cell.wall, cell.family == "v6"
      local want = cell.tls and w.wss or w.ws
      local via = w.via and six and w.via:gsub("10%.9%.9%.9", "[fd00:9::a09:909]") or w.via
      local server = t:host { "wsr", family = cell.family }
      local relay = server.relay:serve()
      local wall = t:firewall { "wall", w.wall, set = w.set }
      local alice = t:host { "alice", behind = wall, family = cell.family, trusts_inspector = w.trusts }
      local bob = t:host { "bob", family = cell.family }
      local far = bob.relay:join { server, room = ROOM }
      local near = alice.relay:join { server, room = ROOM, via = via, tls = cell.tls }
      if want ~= "up" then
        near:await { "down", why = want, within = "12s" }
        t:check { "relayed", relay.stats.relayed, equals = 0 }
        return
      end
      near:expect { "up", within = "5s" }
      far:expect { "up", within = "5s" }
      t:sleep "5s"
      for i = 1, 5 do far:expect { "message", data = "to bob " .. i, within = "1s" } end
      for i = 1, 5 do near:send("to bob " .. i) end
      far:send(("x"):rep(1500))
      t:check { "the largest", #near:await { "message", within = "1s" }.data, equals = 1500 }
      t:sleep "3min" -- pings keep it, also where what is idle is ended
      far:send "still there"
      near:await { "message", data = "still there", within = "1s" }
      far:close()
      near:await { "down", why = "peer", within = "1s" }
    end },
  far = tank.scenario { "a relay each answer of which takes 5 s is joined, through a proxy too",
    matrix = { tls = { false, true }, wall = { "none", "http-proxy-connect", "socks5-proxy-auth" } },
    where = function(c) return c.tls or c.wall ~= "http-proxy-connect" end, -- which lets nobody to port 80
    run = function(t, cell)
      local server, bob = t:host { "wsr" }, t:host { "bob" }
      server.relay:serve()
      local alice = t:host { "alice", behind = cell.wall ~= "none" and cell.wall or nil }
      alice.link:set { delay = "2.5s" }
      local via = ({ ["http-proxy-connect"] = "http://10.9.9.9:3128", ["socks5-proxy-auth"] = "socks5://alice:secret@10.9.9.9:1080" })[cell.wall]
      bob.relay:join { server, room = ROOM }
      alice.relay:join { server, room = ROOM, tls = cell.tls, via = via }:expect { "up", within = "60s" }
      t:sleep "60s"
    end },
  death = tank.scenario { "an end is told, whoever it was that ended, and how",
    matrix = { tls = { false, true }, end_of = { "crash", "cut", "silence", "same-name" } },
    run = function(t, cell)
      local server = t:host { "wsr" }
      server.relay:serve()
      local alice, bob = t:host { "alice", behind = "linux-masq" }, t:host { "bob", behind = "linux-masq" }
      local near, far = alice.relay:join { server, room = ROOM, tls = cell.tls }, bob.relay:join { server, room = ROOM, tls = cell.tls }
      near:expect { "up", within = "3s" }
      far:expect { "up", within = "3s" }
      t:sleep "3s"
      if cell.end_of == "crash" then
        server:crash()
        near:expect { "down", why = "ping", within = "11s" }
        far:await { "down", why = "ping", within = "11s" }
      elseif cell.end_of == "cut" or cell.end_of == "silence" then
        if cell.end_of == "cut" then alice.link:cut() else alice.link:blackhole() end
        near:await { "down", why = "ping", within = "11s" }
        far:await { "down", why = "peer", within = "30s" }
      else
        local again = bob.relay:join { server, room = ROOM, name = "alice", tls = cell.tls }
        near:expect { "down", why = "closed 4000", within = "3s" }
        far:expect { "down", why = "peer", within = "3s" }
        far:expect { "up", within = "3s" }
        again:await { "up", within = "3s" }
      end
    end },
  slow = tank.scenario { "what is more than the way takes is dropped the oldest first, counted, and told to who sent it",
    run = function(t)
      local server = t:host { "wsr" }
      local relay = server.relay:serve()
      local alice, bob = t:host { "alice" }, t:host { "bob", link = { "lan", down = { rate = "200kbps", queue = "20kB" } } }
      local near, far = alice.relay:join { server, room = ROOM }, bob.relay:join { server, room = ROOM }
      near:expect { "up", within = "3s" }
      far:expect { "up", within = "3s" }
      t:sleep "3s"
      for i = 1, 500 do -- 1 Mbit/s
        near:send(("%04d"):format(i) .. ("x"):rep(1246))
        t:sleep "10ms"
      end
      t:sleep "30s" -- what TCP holds of it takes its time
      local n, last = far.stats.received, relay.stats.dropped
      t:check { "dropped", last > 200, equals = true }
      t:check { "the rest came", n + last + near.stats.dropped, equals = 500 }
      far:expect { "message", data = "tell me", within = "1s" }
      near:send "tell me"
      t:sleep "1s"
      t:check { "told", near.stats.lost, equals = last }
    end },
}
