local tank = require "icetank"

-- The IPv6 address by which a host behind a NAT64 reaches `addr`.
local function through64(addr)
  return (addr:gsub("^(%d+)%.(%d+)%.(%d+)%.(%d+):(%d+)$", function(p, q, r, s, port)
    return ("[64:ff9b::%02x%02x:%02x%02x]:%s"):format(p, q, r, s, port)
  end))
end

-- Sends `bytes` and waits until they have come back.
local function echo(t, what, stream, bytes)
  stream:send(("x"):rep(bytes))
  local got = 0
  while got < bytes do
    local ev = stream:next { "message", within = "5s" }
    if not ev then break end
    got = got + #ev.data
  end
  t:check { what, got, equals = bytes }
end

return tank.scenario {
  "a link of 1300 B behind a box: whoever sends too much hears of it, and streams go through both ways",
  matrix = {
    box = { "none", "linux-masq", "nat444-cgn-eif", "nat64", "nptv6", "outbound-only", "stateful", "vpn-full-tunnel" },
    family = { "v4", "v6" },
    small = { "far", "box" },
  },
  where = function(c)
    local four = c.box == "linux-masq" or c.box == "nat444-cgn-eif" or c.box == "vpn-full-tunnel"
    local six = c.box == "nat64" or c.box == "nptv6"
    -- In a chain the box's link ends at a segment, and a switch tells nobody that its ports differ.
    local wire = c.box ~= "none" and c.box ~= "nat444-cgn-eif" and c.box ~= "vpn-full-tunnel"
    return not (four and c.family == "v6") and not (six and c.family == "v4") and (wire or c.small == "far")
  end,
  run = function(t, c)
    local alice = t:host { "alice", behind = c.box, family = c.family }
    local bob = t:host { "bob", family = c.box == "nat64" and "v4" or c.family }
    local link = c.small == "far" and bob.link or alice.gateway.link
    link:set { mtu = "1300B" }
    bob.tcp:listen { 443, echo = true }
    local to = bob:addr(443)
    local s = alice.tcp:connect { c.box == "nat64" and through64(to) or to }
    s:await { "open", within = "2s" }
    for i = 1, 3 do echo(t, "there and back, " .. i, s, 9000) end
  end,
}
