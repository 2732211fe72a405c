-- RTMFP (RFC 7016): ends that know each other by their peer IDs alone are introduced by a server, behind NATs too.
local tank = require "icetank"

-- A server at the internet and two ends behind `near` and `far`, each with its session to the server.
local function meet(t, near, far, how)
  local server = t:host { "meet" }
  local introducer = server:serve_rtmfp(how)
  local alice, bob = t:host { "alice", behind = near }, t:host { "bob", behind = far }
  local a, b = alice.rtmfp:open { server = server }, bob.rtmfp:open { server = server }
  a:await { "up", within = "2s" }
  b:await { "up", within = "2s" }
  return a, b, introducer
end

-- How many bytes arrive of what each of `pairs`, { sender, receiver }, sends as fast as it can, within `during` after the first second.
local function carried(t, pairs, during)
  local piece, got, on = ("x"):rep(60000), {}, true
  for i, pair in ipairs(pairs) do
    got[i] = 0
    t:spawn(function() for ev in pair[2]:events "message" do got[i] = got[i] + #ev.data end end)
    t:spawn(function()
      while on do
        if not pair[1]:send(piece) then t:sleep "5ms" end
      end
    end)
  end
  t:sleep "1s"
  local before = { table.unpack(got) }
  t:sleep(during or "2s")
  on = false
  for i in ipairs(pairs) do got[i] = got[i] - before[i] end
  return got
end

return {
  introduced = tank.scenario { "two peers behind NATs are introduced and talk",
    run = function(t)
      local a, b, introducer = meet(t, "linux-masq", "linux-masq")
      a:call(b)
      a:await { "open", path = "direct_udp", within = "1s" }
      b:await { "open", path = "direct_udp", within = "1s" }
      a:send "hello"
      b:await { "message", data = "hello", within = "1s" }
      b:send "good day"
      a:await { "message", data = "good day", within = "1s" }
      t:check { "introductions", introducer.stats.introduced, equals = 1 }
      a:close()
      a:await { "closed", by = "local", within = "1s" }
      b:await { "closed", by = "remote", within = "1s" }
    end,
  },
  -- Whatever the boxes, two ends meet where ICE has a direct path. The exception is of RTMFP: an initiator asks only where the first RHello
  -- came from (RFC 7016 section 3.5.1.1.1). A NAT that gives each destination a port of its own, but lets everybody in by any, sends that
  -- RHello from a fresh port; the initiator's IHello comes in by the old one meanwhile, the flow is that port's from then on, and the fresh one
  -- is gone when the IIKeying comes. ICE checks the old port too.
  classes = tank.scenario { "two peers meet behind every pair of NATs where ICE does, save for ports that go while they are asked",
    matrix = { near = tank.classes, far = tank.classes },
    run = function(t, cell)
      local a, b = meet(t, cell.near, cell.far)
      local call = t:call { a.host, b.host, model = "B" }
      local crossing = cell.far:match "^apd?m%-eif$" or cell.far:match "^adm%-eif$"
      local expected = call.oracle.outcome
      if crossing and cell.near:match "^eim" and not cell.near:match "apdf$" then expected = "death" end
      a:call(b)
      local ev = a:next { "open", "death", within = "96s" }
      t:check { "outcome", ev.name, equals = expected }
    end,
  },
  ["one-way"] = tank.scenario { "behind filters neither a redirect nor forwarding is enough alone",
    matrix = { how = { "redirect", "forward" } },
    run = function(t, cell)
      local a, b = meet(t, "eim-apdf", "eim-apdf", { redirect = cell.how == "redirect", forward = cell.how == "forward" })
      a:call(b)
      a:await { "death", reason = "connect_failed", within = "96s" }
    end,
  },
  -- Both are seen at the NAT's address, which does not lead back in; what they say of themselves by setPeerInfo does.
  neighbours = tank.scenario { "two peers behind one NAT without hairpinning meet at home",
    run = function(t)
      local server = t:host { "meet" }
      server:serve_rtmfp()
      local box = t:nat { "gw", "linux-masq" } -- which lets nothing out that is for itself
      local a, b = t:host { "alice", behind = box }.rtmfp:open { server = server }, t:host { "bob", behind = box }.rtmfp:open { server = server }
      a:await { "up", within = "2s" }
      b:await { "up", within = "2s" }
      t:sleep "1s"
      a:call(b)
      a:await { "open", path = "direct_udp", within = "1s" }
      b:await { "open", within = "1s" }
    end,
  },
  -- Who filters does not hear of a peer that has moved: its packets come from an address that was never sent to.
  moves = tank.scenario { "a peer whose NAT has another address is found by its next packet, without a server",
    run = function(t)
      local a, b = meet(t, "linux-masq", "full-cone")
      a:call(b)
      b:await { "open", within = "1s" }
      a:await { "open", within = "1s" }
      a.host.gateway:renumber()
      a:send "from elsewhere"
      b:await { "message", data = "from elsewhere", within = "200ms" }
      b:await { "failover", within = "200ms" }
      b:send "found"
      a:await { "message", data = "found", within = "1s" }
    end,
  },
  dies = tank.scenario { "a peer that is gone is noticed by unanswered Pings, and its server by the same",
    run = function(t)
      local a, b, introducer = meet(t, "linux-masq", "linux-masq")
      a:call(b)
      a:await { "open", within = "1s" }
      b.host:crash()
      a:await { "death", reason = "keepalive_timeout", within = "45s" }
      t:sleep "10s"
      t:check { "sessions of the server", introducer.stats.sessions, equals = 1 }
    end,
  },
  -- Appendix A of RFC 7016 beside our TCP (CUBIC), each alone over the same wire, with room for what is under way: 500 kB.
  fast = tank.scenario { "over a long wide way a session carries nine tenths of what TCP does",
    run = function(t)
      local wire = { delay = "10ms", rate = "100Mbps", queue = "512KiB" } -- 40 ms there and back
      local server = t:host { "meet" }
      server:serve_rtmfp()
      local from, to = t:host { "from", link = wire }, t:host { "to", link = { "lan", delay = "0ms" } }
      local a, b = from.rtmfp:open { server = server }, to.rtmfp:open { server = server, window = "4MiB" }
      a:next { "up", within = "2s" }
      b:next { "up", within = "2s" }
      a:call(b)
      b:next { "open", within = "1s" }
      local ear = to.tcp:listen { 443 }
      local c = from.tcp:connect { to:addr(443) }
      c:next { "open", within = "1s" }
      local by_rtmfp, by_tcp = carried(t, { { a, b } })[1], carried(t, { { c, ear } })[1]
      t:check { "hundredths of what TCP carries", by_rtmfp * 100 // by_tcp, at_least = 90 }
    end,
  },
  -- What three that want all of it get of one narrow way: no more than twice as much the one as the other. A queue of 64 KiB holds as much as is
  -- under way twice over; in a larger one CUBIC leaves RFC 5681 behind, which RTMFP keeps to.
  shares = tank.scenario { "two sessions and a TCP stream share a narrow way",
    matrix = { control = { "cubic", "reno" }, queue = { "32KiB", "64KiB" } },
    run = function(t, cell)
      local server = t:host { "meet" }
      server:serve_rtmfp()
      local home = t:router { "home", link = { delay = "10ms", rate = "8Mbps", queue = cell.queue } }
      local to, ends = t:host { "to" }, {}
      for i = 1, 2 do
        local a = t:host { "from-" .. i, behind = home }.rtmfp:open { server = server }
        local b = t:host { "to-" .. i }.rtmfp:open { server = server, window = "1MiB" }
        a:next { "up", within = "2s" }
        b:next { "up", within = "2s" }
        a:call(b)
        b:next { "open", within = "1s" }
        ends[i] = { a, b }
      end
      local ear = to.tcp:listen { 443 }
      local c = t:host { "from-3", behind = home, tcp = { control = cell.control } }.tcp:connect { to:addr(443) }
      c:next { "open", within = "1s" }
      ends[3] = { c, ear }
      local got = carried(t, ends, "60s")
      for i, name in ipairs { "first", "second", "tcp" } do t:metric { name, got[i] } end
      local least, most = math.min(table.unpack(got)), math.max(table.unpack(got))
      t:check { "hundredths, the most of the least", most * 100 // least, at_most = 200 }
      t:check { "hundredths of the way that are used", (got[1] + got[2] + got[3]) * 8 // 600000 * 100 // 800, at_least = 80 }
    end,
  },
}
