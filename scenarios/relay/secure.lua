-- Relays over TLS (RFC 8656 section 3.1) and DTLS (RFC 7350): through walls that let nothing but TCP to some port pass, and in front of those who look into it.
local tank = require "icetank"

local function relays(t, turn) t:internet { servers = { "signal", "stun", "turn" }, turn = turn } end

return {
  walls = tank.scenario { "TLS to 443 or 5349 is the last way out, as far as the wall lets it",
    matrix = {
      wall = { "udp-blocked", "tcp-443-only", "http-proxy-connect", "symmetric" },
      port = { 443, 5349 },
      family = { "v4", "v6" },
    },
    where = function(cell) return cell.family == "v4" or cell.wall ~= "symmetric" end,
    run = function(t, cell)
      relays(t, { udp = {}, tcp = {}, tls = { cell.port } })
      local a = t:host { "anna", behind = cell.wall == "symmetric" and "symmetric" or { cell.wall, "linux-masq" }, family = cell.family == "v6" and "dual" or "v4" }
      local b = t:host { "ben", behind = "symmetric", family = cell.family == "v6" and "dual" or "v4" }
      local call = t:call { a, b, model = "B", media = "voice" }
      call:expect { call.oracle.outcome, within = "61s" }
    end,
  },
  inspected = tank.scenario { "what an inspector decrypts is no HTTP, though its root is trusted; what it lets be passes",
    matrix = { box = { { "decrypts", opens = false }, { "names", opens = true, set = { tls_pass = "turn.tank" } }, { "blind", opens = true, set = { tls_intercept = false } } } },
    run = function(t, cell)
      relays(t, { udp = {}, tcp = {}, tls = { 443 } })
      local wall = t:firewall { "wall", "tls-inspection", set = cell.box.set }
      local a = t:host { "anna", behind = wall, trusts_inspector = true }
      local call = t:call { a, t:host { "ben", behind = "symmetric" }, model = "B", carrier = "https-poll" }
      call:expect { cell.box.opens and "open" or "death", within = "61s" }
      if not cell.box.opens then t:check { "the oracle says so", call.oracle.outcome, equals = "death" } end
    end,
  },
  datagrams = tank.scenario { "over DTLS a relay is reached by every box that lets UDP pass, and both ends agree with the oracle",
    matrix = { by = { "dtls", "tls" }, near = { "full-cone", "symmetric", "udp-443-only", "linux-masq" }, far = { "symmetric", "double-home" }, family = { "v4", "dual" } },
    run = function(t, cell)
      relays(t, { udp = {}, tcp = {}, tls = { 443 }, dtls = { 443 } })
      local a, b = t:host { "anna", behind = cell.near, family = cell.family }, t:host { "ben", behind = cell.far, family = cell.family }
      local call = t:call { a, b, model = "B", media = "voice", turn = cell.by }
      call:expect { call.oracle.outcome, within = "61s" }
      t:sleep "20s"
    end,
  },
  lossy = tank.scenario { "a handshake that loses packets comes to its end, and what was allocated lives on",
    matrix = { by = { "dtls", "tls" }, loss = { "3%", "10%" } },
    run = function(t, cell)
      relays(t, { udp = {}, tcp = {}, tls = { 5349 }, dtls = { 5349 }, lifetime = "2min", nonce = "1min" })
      local a = t:host { "anna", behind = "symmetric", link = { loss = cell.loss } }
      local call = t:call { a, t:host { "ben", behind = "symmetric" }, model = "B", turn = cell.by }
      call:expect { "open", path = cell.by == "tls" and "relay_tcp" or "relay_udp", within = "40s" }
      t:sleep "5min"
      t:check { "allocations", t.server.turn.stats.allocations, at_least = 1 }
    end,
  },
  server = tank.scenario { "an app of its own names a server by TLS, by name and by address",
    matrix = { uri = { { "short", text = "turns:turn" }, { "long", text = "turns:turn:5349?transport=tcp" } } },
    run = function(t, cell)
      relays(t, { tls = { 5349 } })
      local a, b = t:host { "anna", behind = { "udp-blocked", "linux-masq" } }, t:host { "ben", behind = "symmetric" }
      local one, two = a.B:new { turn = { cell.uri.text } }, b.B:new { turn = { cell.uri.text } }
      a:spawn(function() for ev in one:events "signal" do two:signal(ev.blob) end end)
      b:spawn(function() for ev in two:events "signal" do one:signal(ev.blob) end end)
      one:start()
      two:start()
      one:await { "open", path = "relay_tcp", within = "20s" }
    end,
  },
}
