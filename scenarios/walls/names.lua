-- Proxies asked for names and for IPv6: who resolves, which family the proxy's own connection takes, and what is said when it cannot.
local tank = require "icetank"
local HTTP, SOCKS = "http://10.9.9.9:3128", "socks5://10.9.9.9:1080"
local HTTP6, SOCKS6 = "http://[fd00:9::a09:909]:3128", "socks5://[fd00:9::a09:909]:1080"

local function try(alice, to, via, want)
  local s = alice.tcp:connect { to, via = via }
  if want == "open" then
    s:await { "open", within = "30s" }
    s:send "hello"
    s:await { "message", data = "hello", within = "3s" }
  else
    s:await { "closed", by = want, within = "45s" }
  end
end
-- Of kind "http" or "socks": the policy, the ways to its proxy by IPv4 and IPv6, and what it says.
local PROXIES = {
  { "http", wall = "http-proxy-connect", v4 = HTTP, v6 = HTTP6, no_name = "http 502", silence = "http 504", refused = "http 502", no_route = "http 502" },
  { "socks", wall = "socks5-proxy", v4 = SOCKS, v6 = SOCKS6, no_name = "socks 4", silence = "socks 4", refused = "socks 5", no_route = "socks 3" },
}
local function each(title, run) return tank.scenario { title, matrix = { proxy = PROXIES }, limit = "60s", run = run } end

return {
  reach = each("by names and addresses of both families, from clients of both", function(t, cell)
    local p    = cell.proxy
    local wall = t:firewall { "wall", p.wall }
    local both, six, four = t:host { "both", family = "dual" }, t:host { "six", family = "v6" }, t:host { "four" }
    for _, h in ipairs { both, six, four } do h.tcp:listen { 443, echo = true } end
    local alice = t:host { "alice", behind = wall, family = "dual" }
    for _, via in ipairs { p.v4, p.v6 } do
      for _, to in ipairs { "both:443", "six:443", "four:443", "BOTH.tank.:443", six:addr(443), four:addr(443) } do try(alice, to, via, "open") end
    end
    t:check { "names asked for", wall.stats.asked, equals = 8 }
    t:check { "tunnels", wall.stats.connects, equals = 12 }
  end),
  no = each("a name that there is not, one that nobody answers for, a port that nobody listens on, a host that is off", function(t, cell)
    local p    = cell.proxy
    local wall = t:firewall { "wall", p.wall }
    local bob  = t:host { "bob" }
    local alice = t:host { "alice", behind = wall }
    try(alice, "nobody:443", p.v4, p.no_name)
    try(alice, "bob:443", p.v4, p.refused)
    bob:stop { silent = true }
    local at = t:now()
    try(alice, "bob:443", p.v4, p.silence)
    t:check { "patience", t:now() - at, between = { "20s", "22s" } }
  end),
  deaf = each("a proxy whose network lets no names through, or no IPv6", function(t, cell)
    local p = cell.proxy
    local six = t:host { "six", family = "v6" }
    six.tcp:listen { 443, echo = true }
    try(t:host { "carol", family = "v6" }, six:addr(443), nil, "open") -- to others it is there
    local alice = t:host { "alice", behind = { p.wall, "udp-blocked", "linux-masq" } }
    local at = t:now()
    try(alice, "six:443", p.v4, p.silence)
    t:check { "two questions, 5 s apart", t:now() - at, between = { "10s", "11s" } }
    try(alice, six:addr(443), p.v4, p.no_route)
  end),
  falls = each("a name whose IPv6 address does not answer is reached by the other", function(t, cell)
    local p    = cell.proxy
    local hole = t:firewall { "hole", "udp-blocked", family = "v6", set = { tcp = "block" } }
    local wall = t:firewall { "wall", p.wall, behind = hole }
    local bob  = t:host { "bob", family = "dual" }
    bob.tcp:listen { 443, echo = true }
    local alice = t:host { "alice", behind = wall }
    local at = t:now()
    try(alice, "bob:443", p.v4, "open")
    t:check { "after the patience with IPv6", t:now() - at, between = { "20s", "21s" } }
  end),
  udp = tank.scenario { "a SOCKS proxy relays datagrams, where it is told to, as long as its connection lives",
    matrix = { family = { "v4", "v6" }, wall = { "socks5-proxy-udp", "socks5-proxy" } },
    run = function(t, cell)
      local wall  = t:firewall { "wall", cell.wall }
      local bob   = t:host { "bob", family = cell.family }
      local alice = t:host { "alice", behind = wall, family = "dual" }
      local ear   = bob.udp:open { port = 7000 }
      local mouth = alice.udp:open { via = cell.family == "v6" and SOCKS6 or SOCKS }
      if cell.wall == "socks5-proxy" then
        mouth:await { "closed", by = "socks 7", within = "3s" }
        return
      end
      mouth:await { "open", path = "relay_udp", within = "3s" }
      mouth:send(bob:addr(7000), "hello")
      local ev = ear:await { "message", data = "hello", within = "1s" }
      ear:send(ev.addr, "and back")
      mouth:await { "message", data = "and back", addr = bob:addr(7000), within = "1s" }
      if cell.family == "v4" then t:check { "seen from outside: the proxy", mouth:probe_stun(), equals = ev.addr } end
      wall:reboot { down = "1s" } -- forgets nothing of the proxy's: it has no state of its own
      t:sleep "2s"
      mouth:send(bob:addr(7000), "still there")
      ear:await { "message", data = "still there", within = "1s" }
    end,
  },
  portal = tank.scenario { "a captive portal opens for the client that logs in, and for no other",
    matrix = { family = { "v4", "v6" } },
    run = function(t, cell)
      local six  = cell.family == "v6"
      local own  = six and "[fd00:9::a09:901]" or "10.9.9.1"
      local cafe = t:firewall { "cafe", "captive-portal-login" }
      local bob  = t:host { "bob", family = cell.family }
      bob.tcp:listen { 80, echo = true }
      local alice, anna = t:host { "alice", behind = cafe, family = cell.family }, t:host { "anna", behind = cafe, family = cell.family }
      local function ask(host, to, text)
        local s = host.tcp:connect { to }
        s:await { "open", within = "3s" }
        s:send(text)
        return s:await { "message", within = "3s" }.data
      end
      local get = "GET / HTTP/1.1\r\nHost: bob\r\n\r\n"
      t:check { "sent to the portal", ask(alice, bob:addr(80), get):match "Location: (%S+)", equals = "http://" .. own .. "/login" }
      t:check { "its page", ask(alice, own .. ":80", ("GET /login HTTP/1.1\r\nHost: %s\r\n\r\n"):format(own)):match "Please log in" ~= nil, equals = true }
      t:at "20s" -- no time opens it
      t:check { "sent again", ask(alice, bob:addr(80), get):match "^HTTP/1.1 302" ~= nil, equals = true }
      local answer = ask(alice, own .. ":80", ("POST /login HTTP/1.1\r\nHost: %s\r\nContent-Length: 8\r\n\r\nroom=101"):format(own))
      t:check { "logged in", answer:match "online" ~= nil, equals = true }
      t:check { "now it is bob", ask(alice, bob:addr(80), get), equals = get }
      t:check { "but not for anna", ask(anna, bob:addr(80), get):match "^HTTP/1.1 302" ~= nil, equals = true }
      t:check { "logins", cafe.stats.logins, equals = 1 }
    end,
  },
}
