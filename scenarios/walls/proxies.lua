-- The ways through a wall: each line says what TCP must do behind it.
local tank = require "icetank"
local HTTP, SOCKS = "http://10.9.9.9:3128", "socks5://10.9.9.9:1080"
local AUTH, WRONG = "http://alice:secret@10.9.9.9:3128", "http://alice:wrong@10.9.9.9:3128"
local SAUTH, SWRONG = "socks5://alice:secret@10.9.9.9:1080", "socks5://alice:wrong@10.9.9.9:1080"
local function case(name, wall, port, via, want, connects, set)
  return { name, wall = wall, port = port, via = via, want = want, connects = connects or 0, set = set }
end
return tank.scenario { "what TCP does behind every wall",
  matrix = { case = {
    case("none-8080", "none", 8080, nil, "open"), case("outbound-8080", "outbound-only", 8080, nil, "open"),
    case("web-80", "tcp-443-only", 80, nil, "open"), case("web-443", "tcp-443-only", 443, nil, "open"), case("web-8080", "tcp-443-only", 8080, nil, "silence"),
    case("blocked-8080", "udp-blocked", 8080, nil, "open"),
    case("connect-direct", "http-proxy-connect", 443, nil, "silence"), case("connect-443", "http-proxy-connect", 443, HTTP, "open", 1),
    case("connect-25", "http-proxy-connect", 25, HTTP, "http 403"), case("connect-nobody", "http-proxy-connect", 443, "http://10.9.9.8:3128", "silence"),
    case("auth-none", "http-proxy-auth", 443, HTTP, "http 407"), case("auth-wrong", "http-proxy-auth", 443, WRONG, "http 407"),
    case("auth-right", "http-proxy-auth", 443, AUTH, "open", 1),
    case("digest-none", "http-proxy-digest", 443, HTTP, "http 407"), case("digest-wrong", "http-proxy-digest", 443, WRONG, "http 407"),
    case("digest-right", "http-proxy-digest", 443, AUTH, "open", 1),
    case("digest-md5", "http-proxy-digest", 443, AUTH, "open", 1, { proxy = { scheme = "digest-md5" } }),
    case("socks-25", "socks5-proxy", 25, SOCKS, "open", 1), case("socks-direct", "socks5-proxy", 25, nil, "silence"),
    case("socks-auth-none", "socks5-proxy-auth", 443, SOCKS, "socks 255"), case("socks-auth-wrong", "socks5-proxy-auth", 443, SWRONG, "socks 256"),
    case("socks-auth-right", "socks5-proxy-auth", 443, SAUTH, "open", 1),
    case("vpn-443", "vpn-full-tunnel", 443, nil, "open"), case("rate-443", "rate-limit", 443, nil, "open"),
  } },
  run = function(t, cell)
    local c     = cell.case
    local bob   = t:host { "bob" }
    local wall  = c.set and t:firewall { "wall", c.wall, behind = "linux-masq", set = c.set } or { c.wall, "linux-masq" }
    local alice = t:host { "alice", behind = wall }
    bob.tcp:listen { c.port, echo = true }
    local s = alice.tcp:connect { bob:addr(c.port), via = c.via }
    if c.want == "open" then
      s:await { "open", within = "3s" }
      s:send "hello"
      s:await { "message", data = "hello", within = "3s" }
    elseif c.want == "silence" then
      s:forbid { "open", during = "20s" }
      t:sleep "20s"
    else
      s:await { "closed", by = c.want, within = "3s" }
    end
    t:check { "CONNECT requests", alice.gateway.stats.connects, equals = c.connects }
  end,
}
