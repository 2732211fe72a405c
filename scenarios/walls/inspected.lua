-- TLS through walls: whom a client believes, and what an inspector that decrypts does to it. Its root is on managed hosts and on no others.
local tank = require "icetank"
local REQUEST = "GET / HTTP/1.1\r\nHost: bob.tank\r\n\r\n"
local UPGRADE = "GET / HTTP/1.1\r\nHost: bob.tank\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
local function case(name, wall, want, fields)
  local c = { name, wall = wall, want = want, tls = "bob.tank", said = REQUEST, heard = REQUEST }
  for k, v in pairs(fields or {}) do c[k] = v end
  return c
end
return tank.scenario { "a client reaches its server, is read on its way, or will not have that",
  matrix = { case = {
    case("open-name", "none", "open"), case("open-address", "none", "open", { tls = true }),
    case("open-case", "none", "open", { tls = "BOB.Tank" }),
    case("other-name", "none", "tls name", { tls = "carol.tank" }), case("no-name", "none", "tls name", { tls = "203.0.113.250" }),
    case("proxy", "http-proxy-auth", "open", { via = "http://alice:secret@10.9.9.9:3128" }),
    case("proxy-digest", "http-proxy-digest", "open", { via = "http://alice:secret@10.9.9.9:3128" }),
    case("socks", "socks5-proxy", "open", { via = "socks5://10.9.9.9:1080" }),
    case("read", "tls-inspection", "open", { trusts = true, intercepted = 1 }), case("read-address", "tls-inspection", "open", { trusts = true, tls = true, intercepted = 1 }),
    case("stripped", "tls-inspection", "open", { trusts = true, said = UPGRADE, intercepted = 1 }),
    case("no-http", "tls-inspection", "open", { trusts = true, said = "no HTTP at all\r\n\r\n", heard = false, intercepted = 1 }),
    case("untrusted", "tls-inspection", "tls unknown-ca", { untrusted = 1 }),
    case("passed", "tls-inspection", "open", { set = { tls_pass = "carol.tank,*.tank" }, said = "any bytes", heard = "any bytes", passed = 1 }),
    case("passed-other", "tls-inspection", "tls unknown-ca", { set = { tls_pass = "carol.tank" }, untrusted = 1 }),
    case("behind-it", "tls-inspection", "tls alert handshake_failure", { tls = "carol.tank" }),
    case("peeked", "tls-inspection", "open", { set = { tls_intercept = false }, said = "any bytes", heard = "any bytes" }),
  } },
  run = function(t, cell)
    local c = cell.case
    local bob = t:host { "bob" }
    local wall = t:firewall { "wall", c.wall, set = c.set }
    local alice = t:host { "alice", behind = wall, trusts_inspector = c.trusts }
    local far = bob.tcp:listen { 443, tls = true }
    local near = alice.tcp:connect { bob:addr(443), via = c.via, tls = c.tls }
    if c.want == "open" then
      near:await { "open", within = "3s" }
      near:send(c.said)
      if c.heard then
        far:await { "message", data = c.heard, within = "3s" }
        far:send "and back"
        near:await { "message", data = "and back", within = "3s" }
        near:finish()
        far:await { "closed", by = "remote", within = "3s" }
      else
        near:await { "closed", within = "3s" }
      end
    else
      near:await { "closed", by = c.want, within = "3s" }
      t:sleep "1s" -- until it is heard
    end
    for _, k in ipairs { "intercepted", "untrusted", "passed" } do
      t:check { k, c.wall == "none" and 0 or wall.stats[k], equals = c[k] or 0 }
    end
  end,
}
