-- Worlds whose relay may be anybody's TURN server: here it is ours, and `icetank run --edge turn=DEVICE` puts another one in its place, by the wall
-- clock (.ci/coturn-world has coturn there). Whichever it is, the same rung carries the call, the one that the oracle names.
-- One transport a world, by ports that both servers can have: UDP and TCP on 3478, TCP, TLS and DTLS on 443; and one set of families that the
-- server lends, since of two relays that both ends have in common IPv6 is taken first.
local tank = require "icetank"

local BY = {
  udp = { udp = { 3478 }, tcp = {} },
  tcp = { udp = {}, tcp = { 443 } },
  tls = { udp = {}, tcp = {}, tls = { 443 } },
  dtls = { udp = {}, tcp = {}, dtls = { 443 } },
}
local function world(name, by, near, far, first, family) return { name, by = by, near = near, far = far, first = first, family = family or "v4" } end

return tank.scenario { "whoever's server it is, the same rung carries the call",
  matrix = { world = {
    world("direct", "udp", "full-cone", "symmetric", "direct_udp"),
    world("udp-symmetric", "udp", "symmetric", "symmetric", "relay_udp"),
    world("udp-port-cone", "udp", "port-cone", "symmetric", "relay_udp"),
    world("udp-carrier", "udp", "nat444-cgn-sym", "symmetric", "relay_udp"),
    world("udp-dual", "udp", "symmetric", "symmetric", "relay_udp", "dual"),
    world("udp-v6", "udp", "none", "none", "relay_udp", "v6"),
    world("dtls-symmetric", "dtls", "symmetric", "symmetric", "relay_udp"),
    world("dtls-443", "dtls", { "udp-443-only", "linux-masq" }, "symmetric", "relay_udp"),
    world("tcp-cone", "tcp", { "udp-blocked", "linux-masq" }, "full-cone", "relay_tcp"),
    world("tcp-symmetric", "tcp", { "udp-blocked", "linux-masq" }, "symmetric", "relay_tcp"),
    world("tcp-both", "tcp", { "udp-blocked", "linux-masq" }, { "udp-blocked", "symmetric" }, "relay_tcp"),
    world("tcp-443", "tcp", { "tcp-443-only", "linux-masq" }, "port-cone", "relay_tcp"),
    world("tls-443", "tls", { "tcp-443-only", "linux-masq" }, "port-cone", "relay_tcp"),
    world("tls-symmetric", "tls", { "tcp-443-only", "linux-masq" }, "symmetric", "relay_tcp"),
    world("tls-both", "tls", { "udp-blocked", "symmetric" }, { "tcp-443-only", "symmetric" }, "relay_tcp"),
    world("tls-dual", "tls", { "udp-blocked", "linux-masq" }, "symmetric", "relay_tcp", "dual"),
    world("udp-blocked", "udp", { "udp-blocked", "linux-masq" }, "full-cone", "none"),
    world("tls-inspected", "tls", { "tls-inspection", "linux-masq" }, "symmetric", "none"),
  } },
  run = function(t, cell)
    local w = cell.world
    local turn = { family = w.family }
    for k, v in pairs(BY[w.by]) do turn[k] = v end
    t:internet { servers = { "signal", "stun", "turn" }, turn = turn }
    local quick = { "rfc", connect = "20s" }
    -- IPv6 alone meets by no direct way: what comes in from outside must be answers of the very port that was asked, at walls that let UDP to 3478 out.
    local function host(name, behind)
      local wall = w.family == "v6" and t:firewall { name .. "-wall", "stateful", set = { udp_out = { 3478 } } } or nil
      return t:host { name, behind = wall or behind, family = w.family, ipv6 = w.family == "dual" and "udp-blocked" or nil, timers = quick }
    end
    local call = t:call { host("anna", w.near), host("ben", w.far), model = "B", media = "voice", carrier = "instant" }
    t:check { "the rung", call.oracle.first or "none", equals = w.first }
    call:expect { w.first == "none" and "death" or "open", within = "21s" }
    if w.first ~= "none" then t:sleep "3s" end
  end,
}
