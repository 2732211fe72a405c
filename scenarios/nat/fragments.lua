local tank = require "icetank"

-- A datagram in fragments is as good as its worst one, and boxes on the way must keep them together: only the first has the ports.
local function arrives(t, from, to, size)
  local data = ("%06d"):format(size) .. ("x"):rep(size - 6)
  from:send(to, data)
  return function(at, within)
    local ev = at:next { "message", within = within or "1s" }
    t:check { size .. " bytes, whole", ev and #ev.data, equals = size }
    t:check { "as they were", ev and ev.data == data }
    return ev and ev.addr
  end
end

return {
  boxes = tank.scenario { "large datagrams through NATs and a firewall, there and back",
    matrix = { nat = { "full-cone", "linux-masq", "symmetric", "nat444-cgn-eif", "nat64", "stateful" } },
    run = function(t, c)
      local alice, bob = t:host { "alice", behind = c.nat }, t:host { "bob" }
      local near, far = alice.udp:open { fragments = true }, bob.udp:open { port = 7000, fragments = true }
      local to = c.nat == "nat64" and "[64:ff9b::" .. far.addr:gsub(":.*", "") .. "]:7000" or far.addr
      local back = arrives(t, near, to, 4000)(far)
      arrives(t, far, back, 9000)(near)
    end },
  picky = tank.scenario { "boxes that let no fragment pass: what fits a packet goes through alone",
    matrix = { keeps = { "any", "ordered", "none" } },
    run = function(t, c)
      local alice, bob = t:host { "alice", behind = t:nat { "box", "full-cone", set = { fragments = c.keeps } } }, t:host { "bob" }
      local near, far = alice.udp:open { fragments = true }, bob.udp:open { port = 7000 }
      near:send(far.addr, ("x"):rep(4000))
      local ev = far:next { "message", within = "1s" }
      t:check { "in fragments, which hosts send in order", ev ~= nil, equals = c.keeps ~= "none" }
      arrives(t, near, far.addr, 1400)(far)
    end },
  path = tank.scenario { "a link of 900 B on the way: IPv4 is cut again, IPv6 told",
    matrix = { family = { "v4", "v6" } },
    run = function(t, c)
      local inner = t:router { "inner", family = c.family, link = { mtu = "1280B" } }
      local alice = t:host { "alice", behind = inner, family = c.family }
      local bob = t:host { "bob", family = c.family }
      if c.family == "v4" then inner.link:set { mtu = "900B" } end
      local near, far = alice.udp:open { fragments = true }, bob.udp:open { port = 7000 }
      near:send(far.addr, ("x"):rep(1400)) -- one packet of IPv6, two of IPv4
      local first = far:next { "message", within = "1s" }
      t:check { "the first", first ~= nil, equals = c.family == "v4" }
      arrives(t, near, far.addr, 1400)(far) -- the host knows better now (RFC 8201)
      local plain = alice.udp:open()
      plain:send(far.addr, ("x"):rep(1400)) -- with DF, without fragments
      t:check { "nothing that may not be cut", far:next { "message", within = "1s" } == nil }
    end },
  lost = tank.scenario { "one fragment lost is all lost, and the next datagram is none the worse",
    run = function(t)
      local alice, bob = t:host { "alice", behind = "full-cone" }, t:host { "bob" }
      local near, far = alice.udp:open { fragments = true }, bob.udp:open { port = 7000 }
      alice.link:drop { nth = 2, from = alice }
      near:send(far.addr, ("x"):rep(5000))
      t:check { "lost", far:next { "message", within = "10s" } == nil }
      arrives(t, near, far.addr, 5001)(far)
    end },
  refused = tank.scenario { "without leave a host refuses what does not fit a packet",
    run = function(t)
      local alice, bob = t:host { "alice" }, t:host { "bob" }
      local near, far = alice.udp:open(), bob.udp:open { port = 7000 }
      local ok, why = near:send(far.addr, ("x"):rep(1473))
      t:check { "a word", ok == nil and why, equals = "TOO_BIG" }
      arrives(t, near, far.addr, 1472)(far)
    end },
}
