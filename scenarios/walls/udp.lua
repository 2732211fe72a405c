-- What UDP does behind every access policy: models B and E meet an open peer, or do not, and why.
local tank = require "icetank"
return tank.scenario { "a call through every firewall ends as its policy predicts",
  matrix = { model = { "B", "E" }, wall = {
    { "none", "open" }, { "stateful", "open" }, { "rfc6092", "open" }, { "outbound-only", "open" }, { "udp-ratelimit", "open" },
    { "rate-limit", "open" }, { "udp-idle-kill", "open" }, { "tcp-idle-drop", "open" }, { "tcp-idle-reset", "open" },
    { "tcp-idle-late-reset", "open" }, { "rst-injector", "open" }, { "vpn-full-tunnel", "open" },
    { "udp-blocked", "death" }, { "tcp-443-only", "death" }, { "udp-dns-only", "death" }, { "http-proxy-connect", "death" }, { "socks5-proxy", "death" }, { "captive-portal", "death" }, { "tls-inspection", "death" }, { "udp-443-only", "death" }, { "inbound-web", "death" },
  } },
  run = function(t, cell)
    local alice = t:host { "alice", behind = { cell.wall[1], "linux-masq" } }
    local bob   = t:host { "bob", behind = "full-cone" }
    local call  = t:call { alice, bob, model = cell.model, media = "voice" }
    t:check { "oracle", call.oracle.outcome, equals = cell.wall[2] }
    call:expect { cell.wall[2], within = "60s" }
  end,
}
