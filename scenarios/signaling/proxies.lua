-- Signaling by proxies: the ports that one connects to, a host with a proxy at one interface alone, and what stands on the way to the proxy and
-- behind it.
local tank = require "icetank"
local ALL = { "websocket", "http-poll", "wss", "https-poll" }
local function is_tls(kind) return kind == "wss" or kind == "https-poll" end
local function texts(near, far, within)
  near:send "hello"
  local came = far:next { "message", data = "hello", within = within } ~= nil
  far:send "and back"
  return came and near:next { "message", data = "and back", within = within } ~= nil
end
-- Judges a call from `alice` to `bob` by `carrier`: whether it is signaled as the oracle says, and as it should be.
local function signals(t, alice, bob, carrier, wants)
  local call = t:call { alice, bob, model = "B", carrier = carrier }
  t:check { "the oracle says that it is signaled", call.oracle.signaled, equals = wants and "yes" or "no" }
  t:check { "texts pass", texts(alice:carrier { carrier, to = bob }, bob:carrier { carrier, to = alice }, "30s"), equals = wants }
  t:check { "messages", t.server.signal.stats.messages > 2, equals = wants }
end
return {
  ports = tank.scenario { "a proxy that connects to some ports lets signaling by these out, and the oracle asks it",
    matrix = {
      carrier = ALL, kind = { "http-proxy-connect", "http-proxy-digest", "socks5-proxy" }, family = { "v4", "v6" }, named = { true, false },
      ports = { { "none", list = { 8443 } }, { "80", list = { 80 } }, { "443", list = { 443 } }, { "any", list = { "*" } } },
    },
    run = function(t, cell)
      if cell.named then t:internet { names = true } end
      local wall = t:firewall { "wall", cell.kind, set = { proxy = { allow_ports = cell.ports.list } } }
      local alice, bob = t:host { "alice", behind = wall, family = cell.family }, t:host { "bob", family = cell.family }
      local port = cell.ports[1]
      signals(t, alice, bob, cell.carrier, port == "any" or port == "443" or port == "80" and not is_tls(cell.carrier))
    end },
  one = tank.scenario { "of two interfaces one has a proxy, which finds the name while the other one asks in vain, and neither holds the other one back",
    matrix = { carrier = ALL, first = { "proxied", "bare" }, bare = { { "silent", policy = "tcp-443-only" }, { "found", policy = "none" }, { "shut", policy = "stateful", set = { tcp_out = {} } } } },
    run = function(t, cell)
      t:internet { names = true }
      local with, bare = t:firewall { "with", "http-proxy-connect" }, t:firewall { "bare", cell.bare.policy, set = cell.bare.set }
      local one, two = with, bare
      if cell.first == "bare" then one, two = bare, with end
      local desk, bob = t:host { "desk", { "first", behind = one }, { "second", behind = two } }, t:host { "bob" }
      local near, far = desk:carrier { cell.carrier, to = bob }, bob:carrier { cell.carrier, to = desk }
      near:expect { "up", within = "1800ms" } -- 6 s is the name server waited for, where it is silent
      near:forbid { "down", during = "20s" }
      t:check { "texts pass", texts(near, far, "4s"), equals = true }
      t:sleep "20s"
    end },
  chained = tank.scenario { "what stands on the way to a proxy counts, and what stands behind it",
    matrix = {
      carrier = ALL, named = { true, false },
      chain = {
        { "router-in-front", inner = "linux-masq", outer = "http-proxy-connect", passes = true },
        { "web-in-front", inner = "tcp-443-only", outer = "http-proxy-connect", passes = false }, -- the proxy listens elsewhere
        { "router-behind", inner = "http-proxy-connect", outer = "linux-masq", passes = true },
        { "web-behind", inner = "http-proxy-connect", outer = "tcp-443-only", passes = "unnamed" }, -- it finds no name
        { "names-behind", inner = "http-proxy-connect", outer = "udp-dns-only", passes = true },
        { "nothing-behind", inner = "socks5-proxy", outer = "stateful", set = { tcp_out = {} }, passes = false },
        { "proxy-behind", inner = "http-proxy-connect", outer = "socks5-proxy", passes = false },
      },
    },
    run = function(t, cell)
      if cell.named then t:internet { names = true } end
      local c = cell.chain
      local outer = c.set and t:firewall { "outer", c.outer, set = c.set } or c.outer
      local alice, bob = t:host { "alice", behind = { c.inner, outer } }, t:host { "bob" }
      signals(t, alice, bob, cell.carrier, c.passes == true or c.passes == "unnamed" and not cell.named)
    end },
}
