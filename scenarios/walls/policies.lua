-- Every access policy at the edge of a network without NAT, packet by packet and in both families: what passes, and what does not.
--   udp, tcp: ports that what begins inside reaches (of 53, 443, 7000; of 80, 443, 8080); *: all
--   asked: what a remote sends back; other: what another remote then sends there; unasked: what comes of itself; tcp_in: ports that connections from outside reach
local tank = require "icetank"
local function row(name, udp, tcp, asked, other, unasked, tcp_in)
  return { name, udp = udp, tcp = tcp, asked = asked, other = other, unasked = unasked, tcp_in = tcp_in }
end
local ROWS = {
  row("none", "53 443 7000", "80 443 8080", true, true, true, "80 443"),
  row("stateful", "53 443 7000", "80 443 8080", true, false, false, ""),
  row("rfc6092", "53 443 7000", "80 443 8080", true, true, false, ""), -- REC-17: by a flow of the same port inside, whoever the remote is
  row("outbound-only", "53 443 7000", "80 443 8080", true, false, false, ""),
  row("inbound-web", "53", "443", false, false, false, "80 443"),
  row("udp-blocked", "", "80 443 8080", false, false, false, ""),
  row("udp-dns-only", "53", "80 443", false, false, false, ""),
  row("udp-443-only", "53 443", "80 443", false, false, false, ""),
  row("tcp-443-only", "", "80 443", false, false, false, ""),
  row("http-proxy-connect", "", "", false, false, false, ""),
  row("http-proxy-auth", "", "", false, false, false, ""),
  row("http-proxy-digest", "", "", false, false, false, ""),
  row("socks5-proxy", "", "", false, false, false, ""),
  row("socks5-proxy-auth", "", "", false, false, false, ""),
  row("socks5-proxy-udp", "", "", false, false, false, ""),
  row("tls-inspection", "", "80 443", false, false, false, ""), -- the inspector opens first
  row("captive-portal", "", "80", false, false, false, ""),     -- the portal is who answers
  row("captive-portal-login", "", "80", false, false, false, ""),
  row("udp-ratelimit", "53 443 7000", "80 443 8080", true, true, true, "80 443"),
  row("rate-limit", "53 443 7000", "80 443 8080", true, true, true, "80 443"),
  row("udp-idle-kill", "53 443 7000", "80 443 8080", true, true, true, "80 443"),
  row("tcp-idle-drop", "53 443 7000", "80 443 8080", true, true, true, ""),
  row("tcp-idle-reset", "53 443 7000", "80 443 8080", true, true, true, ""),
  row("tcp-idle-late-reset", "53 443 7000", "80 443 8080", true, true, true, ""),
  row("rst-injector", "53 443 7000", "80 443 8080", true, true, true, "80 443"),
}

-- The ports of `list` for which f holds.
local function those(list, f)
  local out = {}
  for _, port in ipairs(list) do if f(port) then out[#out + 1] = port end end
  return table.concat(out, " ")
end

return tank.scenario { "what each policy lets pass",
  matrix = { policy = ROWS, family = { "v4", "v6" } },
  run = function(t, cell)
    local p = cell.policy
    local wall = t:firewall { "wall", p[1] }
    local alice = t:host { "alice", behind = wall, family = cell.family }
    local bob, carol = t:host { "bob", family = cell.family }, t:host { "carol", family = cell.family }
    local mouth = alice.udp:open { port = 5000 }
    local ears = {}
    for _, port in ipairs { 53, 443, 7000 } do ears[port] = bob.udp:open { port = port } end
    local stranger = carol.udp:open { port = 7000 }
    local function comes(from, data)
      from:send(alice:addr(5000), data)
      local ev = mouth:next { "message", data = data, within = "200ms" }
      return ev ~= nil
    end
    t:check { "unasked", comes(stranger, "unasked"), equals = p.unasked }
    t:check { "UDP out", those({ 53, 443, 7000 }, function(port)
      mouth:send(bob:addr(port), "probe")
      return ears[port]:next { "message", within = "200ms" } ~= nil
    end), equals = p.udp }
    t:check { "an answer", comes(ears[7000], "asked"), equals = p.asked }
    t:check { "another's", comes(stranger, "another's"), equals = p.other }
    local big, far = alice.udp:open { port = 6000, fragments = true }, bob.udp:open { port = 9000, fragments = true }
    local text = ("x"):rep(6000)
    local function whole(from, to, addr)
      from:send(addr, text)
      return to:next { "message", data = text, within = "200ms" } ~= nil
    end
    t:check { "in fragments", whole(big, far, bob:addr(9000)) and whole(far, big, alice:addr(6000)), equals = p.asked }
    for _, port in ipairs { 80, 443, 8080 } do bob.tcp:listen { port } end
    for _, port in ipairs { 80, 443 } do alice.tcp:listen { port } end
    local function opens(from, to)
      local s = from.tcp:connect { to }
      return s:next { "open", within = "1500ms" } ~= nil
    end
    t:check { "TCP out", those({ 80, 443, 8080 }, function(port) return opens(alice, bob:addr(port)) end), equals = p.tcp }
    t:check { "TCP in", those({ 80, 443 }, function(port) return opens(carol, alice:addr(port)) end), equals = p.tcp_in }
  end,
}
