-- Calls that are signaled by packets, one end behind each policy: one that lets TCP 80 or 443 out, or has a proxy that does, signals by it, and
-- the call is what its boxes make of UDP; behind one that lets nothing out no call comes to be.
local tank = require "icetank"
local SIGNALS = { "none", "stateful", "rfc6092", "outbound-only", "inbound-web", "udp-blocked", "udp-dns-only", "udp-443-only", "tcp-443-only",
  "http-proxy-connect", "http-proxy-auth", "http-proxy-digest", "socks5-proxy", "socks5-proxy-auth", "socks5-proxy-udp", "udp-ratelimit", "rate-limit",
  "udp-idle-kill", "tcp-idle-drop", "tcp-idle-reset", "tcp-idle-late-reset", "rst-injector", "captive-portal", "vpn-full-tunnel" }
local ALL = { "websocket", "http-poll", "wss", "https-poll" }
local SHUT = { udp = "block", tcp_out = {} }
local function text_comes(t, policy, kind, set, trusts)
  local wall = t:firewall { "wall", policy, set = set }
  local alice, bob = t:host { "alice", behind = wall, trusts_inspector = trusts }, t:host { "bob" }
  local near, far = alice:carrier { kind, to = bob }, bob:carrier { kind, to = alice }
  near:send "hello"
  local came = far:next { "message", data = "hello", within = "40s" } ~= nil
  far:send "and back"
  return came and near:next { "message", data = "and back", within = "40s" } ~= nil
end
return {
  passes = tank.scenario { "who lets the web out, or has a proxy, lets signaling out",
    matrix = { policy = SIGNALS, carrier = ALL },
    run = function(t, cell) t:check { "signals", text_comes(t, cell.policy, cell.carrier), equals = true } end },
  blocked = tank.scenario { "who lets nothing out, or nothing before a login, does not",
    matrix = { wall = { { "block-all", policy = "stateful", set = SHUT }, { "portal", policy = "captive-portal-login" } }, carrier = ALL },
    run = function(t, cell) t:check { "signals", text_comes(t, cell.wall.policy, cell.carrier, cell.wall.set), equals = false } end },
  stripped = tank.scenario { "an inspector that strips upgrades lets polls pass and no WebSocket; in TLS only of hosts that trust it, or what it does not read",
    matrix = { carrier = ALL, inspector = { { "stranger" }, { "trusted", trusts = true }, { "peeks", set = { tls_intercept = false } }, { "lets-be", set = { tls_pass = "signal.tank" } } } },
    run = function(t, cell)
      local i, tls = cell.inspector, cell.carrier == "wss" or cell.carrier == "https-poll"
      local want = cell.carrier == "http-poll" or tls and i.set ~= nil or cell.carrier == "https-poll" and i.trusts == true
      t:check { "signals", text_comes(t, "tls-inspection", cell.carrier, i.set, i.trusts), equals = want }
    end },
  relayed = tank.scenario { "a call behind each policy that lets the web out is signaled by it, and opens by a relay on 443 where UDP does not pass and no proxy stands",
    matrix = { policy = SIGNALS, carrier = ALL },
    run = function(t, cell)
      t:internet { servers = { "signal", "stun", "turn" }, turn = { tcp = { 443 }, udp = {} } }
      local wall = t:firewall { "wall", cell.policy }
      local alice, bob = t:host { "alice", behind = wall }, t:host { "bob", behind = "linux-masq" }
      local call = t:call { alice, bob, model = "B", carrier = cell.carrier }
      call:expect { cell.policy:find "proxy" and "death" or "open", within = "62s" }
      call:next { "open", "death", within = "62s" }
      t:check { "messages", t.server.signal.stats.messages, at_least = 2 } -- those that arrived
    end },
  calls = tank.scenario { "a call is as the oracle says, which asks first whether it is signaled",
    matrix = {
      model = { "B", "E" }, carrier = ALL,
      wall = {
        { "block-all", policy = "stateful", set = SHUT, signals = false }, { "portal", policy = "captive-portal-login", signals = false },
        { "udp-blocked", policy = "udp-blocked" }, { "stateful", policy = "stateful", opens = true }, { "tcp-443-only", policy = "tcp-443-only" },
        { "proxy", policy = "http-proxy-auth" }, { "inbound-web", policy = "inbound-web" }, { "rst-injector", policy = "rst-injector", opens = true },
        { "inspector", policy = "tls-inspection", signals = "http-poll" }, { "trusted", policy = "tls-inspection", trusts = true, signals = "polls" },
      },
    },
    run = function(t, cell)
      local w = cell.wall
      local wall = t:firewall { "wall", w.policy, set = w.set }
      local alice, bob = t:host { "alice", behind = wall, trusts_inspector = w.trusts }, t:host { "bob", behind = "linux-masq" }
      local call = t:call { alice, bob, model = cell.model, carrier = cell.carrier }
      local silent = w.signals == false or w.signals == "http-poll" and cell.carrier ~= "http-poll" or w.signals == "polls" and not cell.carrier:find "poll"
      t:check { "oracle", call.oracle.why:find("not signaled", 1, true) ~= nil, equals = silent }
      call:expect { w.opens and "open" or "death", within = "62s" }
      call:next { "open", "death", within = "62s" }
      t:check { "messages arrive", t.server.signal.stats.messages > 1, equals = not silent }
    end },
}
