-- What a captive portal does before the login: to HTTP it says 302 or 511, TLS it drops, resets, or answers under its own name, which no client
-- takes for the server's. A script's login opens it for one host.
local tank = require "icetank"
local function ask(host, to, text, tls)
  local s = host.tcp:connect { to, tls = tls }
  s:await { "open", within = "3s" }
  s:send(text)
  return s:await { "message", within = "3s" }.data
end
return tank.scenario { "a portal before the login and after it",
  matrix = { tls = { { "drop" }, { "reset", by = "refused" }, { "own", by = "tls name" } }, says = { "302", "511" }, family = { "v4", "v6" } },
  run = function(t, cell)
    local own  = cell.family == "v6" and "[fd00:9::a09:901]" or "10.9.9.1"
    local cafe = t:firewall { "cafe", "captive-portal-login", set = { portal_tls = cell.tls[1], portal_says = cell.says } }
    local bob  = t:host { "bob", family = cell.family }
    bob.tcp:listen { 80, echo = true }
    bob.tcp:listen { 443, tls = true, echo = true }
    local alice, anna = t:host { "alice", behind = cafe, family = cell.family }, t:host { "anna", behind = cafe, family = cell.family }
    local answer = ask(alice, bob:addr(80), "GET / HTTP/1.1\r\nHost: bob.tank\r\n\r\n")
    t:check { "its status", answer:match "^HTTP/1.1 (%d+)", equals = cell.says }
    t:check { "its page", answer:find("http://" .. own .. "/login", 1, true) ~= nil, equals = true }
    local s = alice.tcp:connect { bob:addr(443), tls = "bob.tank" }
    if cell.tls.by then
      s:await { "closed", by = cell.tls.by, within = "3s" }
    else
      s:forbid { "open", during = "5s" }
      t:sleep "5s"
    end
    if cell.tls[1] == "own" then
      local page = ask(alice, own .. ":443", ("GET /login HTTP/1.1\r\nHost: %s\r\n\r\n"):format(own), true)
      t:check { "its page by TLS", page:match "Please log in" ~= nil, equals = true }
    end
    cafe:login(alice)
    t:check { "now it is bob", ask(alice, bob:addr(443), "hello", "bob.tank"), equals = "hello" }
    t:check { "by HTTP too", ask(alice, bob:addr(80), "GET / HTTP/1.1\r\n\r\n"), equals = "GET / HTTP/1.1\r\n\r\n" }
    t:check { "but not for anna", ask(anna, bob:addr(80), "GET / HTTP/1.1\r\nHost: bob.tank\r\n\r\n"):match "^HTTP/1.1 (%d+)", equals = cell.says }
  end,
}
