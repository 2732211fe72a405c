-- What Matthew Kaufman claimed in January 2011 of handshakes that gate what a script may send: givens 3 and 4, and model E. What was
-- predicted of it, before it ran, is in docs/claims.md, too.
local tank    = require "icetank"
local measure = require "lib.measure"

local JAN5 = "Kaufman, 5 Jan 2011, "

---------------------------------------------------------------------------------------------------------------------- givens 3, 4
local PWD = { a = ("a"):rep(22), b = ("b"):rep(22) }

-- What a hostile page can make its visitor send to a victim in 10 s, by each kind of interface.
local FLOOD = {
  raw = function(t, page, victim)
    local sock = page.udp:open()
    while t:now() < "10s" do
      sock:send(victim:addr(9999), ("A"):rep(1200))
      t:sleep "1ms"
    end
  end,
  E = function(t, page, victim)
    local e = page.E:open("evil", ("x"):rep(22))
    while t:now() < "10s" do
      e:send(victim:addr(9999), ("A"):rep(1200))
      e:test(victim:addr(9999), "any", ("y"):rep(22))
      t:sleep "1ms"
    end
    t:sleep "60s"
  end,
  -- An accomplice's description with the victim's address in place of its own, at 200 ports.
  B = function(t, page, victim)
    local accomplice = t:host "accomplice"
    local theirs, mine = accomplice.B:new {}, page.B:new {}
    theirs:start()
    local blob = theirs:next { "signal", within = "1s" }.blob
    local lines, address = {}, victim:addr(9):match "^(.*):"
    for i = 1, 200 do lines[i] = ("a=candidate:%d 1 UDP 2130706431 %s %d typ host\r\n"):format(i, address, 1023 + i) end
    mine:start()
    mine:signal(blob:gsub("a=candidate:[^\r]*\r\n", "") .. table.concat(lines))
    t:sleep "70s"
  end,
}

-- a's socket of E, which tests an address of b where nobody answers; and b's host.
local function unanswered(t)
  local a, b = t:host "a", t:host "b"
  local e, there = a.E:open("aaaa", PWD.a), b:addr(7000)
  b.udp:open { port = 7000 } -- somebody who does not answer
  return e, there, e:addrs()[1]
end
-- What could pass for an answer: each a way to try it.
local FORGED = {
  response   = { "signed", "response", "bare" },
  error      = { "error", "indication" },
  reflected  = { "binding", "check" },
  ["noise"]  = { "noise", "junk", "alert" },
}

return {
  handshake = tank.hypothesis { "H-K3: a raw socket floods a victim, and what asks for a handshake sends it some checks",
    claim   = JAN5 .. "given 3: sending \"to script- or server-designated IP addresses and ports is unsafe unless a handshake is used to verify that the other end is a willing participant\"",
    matrix  = { api = { "raw", "E", "B" } },
    seeds   = 3,
    predict = { { "at_victim", of = { api = "raw" }, at_least = "10MB" }, { "at_victim", of = { api = "E" }, at_most = "15kB" },
      { "at_victim", of = { api = "B" }, at_most = "105kB" }, { "no_check", of = { api = "E" }, equals = 0 }, { "no_check", of = { api = "B" }, equals = 0 } },
    known   = "supported",
    run = function(t, cell)
      local page, victim = t:host { "page", behind = "linux-masq" }, t:host "victim"
      FLOOD[cell.api](t, page, victim)
      local s = victim.stats
      t:metric { "at_victim", s.rx_bytes }
      t:metric { "no_check", s.rx_bytes - s.rx_stun_bytes - 28 * s.rx_packets }
    end,
  },

  strong = tank.hypothesis { "H-K4: nothing forged permits, and a permission that nobody renews ends with expiry alone",
    claim   = JAN5 .. "given 4: \"STUN Connectivity Check probes and responses (with short-term credentials) are a sufficiently strong handshake\"",
    matrix  = { by = { "response", "error", "reflected", "noise", "credentials", "gone", "gone-never", "gone-B" }, place = { "off", "on" } },
    where   = function(cell) return cell.place == "off" or FORGED[cell.by] ~= nil end,
    seeds   = 3,
    predict = { { "permitted", equals = 0 }, { "after", of = { by = "gone" }, at_most = "30s" }, { "after", of = { by = "gone-B" }, at_most = "30s" },
      { "after", of = { by = "gone-never" }, at_least = "120s" } },
    known   = "supported",
    run = function(t, cell)
      if FORGED[cell.by] then
        local m = t:attacker { "mallory", on_path = cell.place == "on" }
        local e, there, here = unanswered(t)
        local shapes = { table.unpack(FORGED[cell.by]) }
        shapes.on, shapes.from, shapes.every, shapes.during = here, there, "5ms", "10s"
        m:attack(shapes)
        for _ = 1, 5 do
          e:test(there, "bbbb", PWD.b)
          t:sleep "2s"
        end
        t:metric { "permitted", e:send(there, "hello") and 1 or 0 }
      elseif cell.by == "credentials" then
        local near, far = t:host "near", t:host "far"
        local a, b = near.E:open("aaaa", PWD.a), far.E:open("bbbb", PWD.b)
        a:test(b:addrs()[1], "bbbb", ("c"):rep(22))
        t:sleep "5s"
        a:test(b:addrs()[1], "cccc", PWD.b)
        t:sleep "5s"
        t:metric { "permitted", a:send(b:addrs()[1], "hello") and 1 or 0 }
      elseif cell.by == "gone-B" then
        local near, far = t:host "near", t:host "far"
        local call = t:call { near, far, model = "B", media = "voice" }
        call:await { "open", within = "5s" }
        t:sleep "10s"
        local from = t:now()
        far:stop { silent = true }
        local after = measure.told(call[near], { "death" }, from, tank.time "120s")
        t:metric { "after", after or measure.ns "120s" }
      else
        local near, far = t:host "near", t:host "far"
        local a, b = near.E:open("aaaa", PWD.a, { expiry = cell.by == "gone-never" and "never" or "30s" }), far.E:open("bbbb", PWD.b)
        local there = b:addrs()[1]
        a:test(there, "bbbb", PWD.b)
        a:await { "success", within = "1s" }
        far:stop { silent = true }
        local from, last = t:now(), t:now()
        while t:now() < from + tank.time "120s" do
          if a:send(there, "hello") then last = t:now() end
          t:sleep "100ms"
        end
        t:metric { "after", last - from + tank.time "100ms" }
      end
    end,
  },

  amplification = tank.hypothesis { "H-K4b: what RTMFP's handshake sends to who did not ask is bounded, too",
    claim   = JAN5 .. "given 4, held against the other handshake there was: a forged IHello, and a peer that lies about its addresses",
    matrix  = { by = { "forged", "liar" } },
    seeds   = 3,
    predict = { { "factor_percent", of = { by = "forged" }, at_most = 350 }, { "aimed", of = { by = "liar" }, between = { 1, 24 } } },
    known   = "supported",
    run = function(t, cell)
      local server = t:host "meet"
      if cell.by == "forged" then
        -- Whose name stands in an IHello is sent what its sender never hears; here the two are one machine, which is deaf.
        server:serve_rtmfp()
        local deaf = t:host { "deaf", link = { "lan", down = { loss = "100%" } } }
        deaf.rtmfp:open { server = server }
        t:sleep "60s"
        t:metric { "factor_percent", server.stats.tx_bytes * 100 // deaf.stats.tx_bytes }
        t:metric { "asked", deaf.stats.tx_packets }
      else
        -- An end tells its own addresses, and in somebody else's home they may be somebody else's.
        server:serve_rtmfp()
        local home = t:nat { "home", "port-cone", lan = "192.168.1.0/24" }
        local lair = t:nat { "lair", "symmetric", lan = "192.168.1.0/24" }
        local caller, victim = t:host { "caller", behind = home }, t:host { "victim", behind = home, addr = "192.168.1.50/24" }
        local liar = t:host { "liar", behind = lair, addr = "192.168.1.50/24" }
        local a, b = caller.rtmfp:open { server = server }, liar.rtmfp:open { server = server }
        a:await { "up", within = "2s" }
        b:await { "up", within = "2s" }
        local before = victim.stats.rx_packets
        a:call(b)
        t:sleep "2min"
        t:metric { "aimed", victim.stats.rx_packets - before }
        t:metric { "aimed_bytes", victim.stats.rx_bytes }
      end
    end,
  },

  permitted = tank.hypothesis { "H-KE2: whatever a script does, nothing but checks and answers goes where no check has succeeded",
    claim   = JAN5 .. "E: \"opens the local UDP port, nothing is permitted at this point\"",
    seeds   = 40,
    predict = { { "violations", equals = 0 }, { "permitted_refused", equals = 0 }, { "refused", above = 0 } },
    known   = "supported",
    run = function(t)
      local near, far, victim = t:host { "near", family = "dual" }, t:host { "far", family = "dual" }, t:host { "victim", family = "dual" }
      local a, b = near.E:open("aaaa", PWD.a), far.E:open("bbbb", PWD.b)
      local there = b:addrs()[1]
      a:test(there, "bbbb", PWD.b)
      a:await { "success", addr = there, within = "1s" }
      local port = math.tointeger(tonumber(there:match ":(%d+)$"))
      local six = ("[2001:db8:ffff::%d]:%d"):format(math.random(1, 9), port)
      local aims = { victim:addr(port), victim:addr(53), t.server.stun:addr(3478), six, there:gsub(":%d+$", ":" .. port + 1) .. "" }
      local calls = {
        function(to) return a:send(to, ("x"):rep(math.random(1, 1200))) end,
        function(to) return a:open_media(to, { fingerprint = ("0"):rep(64), client = math.random(1, 2) == 1 }) end,
      }
      local others = {
        function(to) a:test(to, "bbbb", PWD.b) end, function(to) a:test(to, ("u"):rep(math.random(4, 256)), ("y"):rep(math.random(22, 256))) end,
        function() a:probe_stun "stun" end, function() b:test(a:addrs()[1], "aaaa", PWD.a) end,
        function() t:sleep(tank.time "1ms" * math.random(1, 200)) end,
      }
      local violations, refused, permitted_refused = 0, 0, 0
      for _ = 1, 150 do
        local to = aims[math.random(1, #aims)]
        if math.random(1, 3) == 1 then
          if calls[math.random(1, #calls)](to) then violations = violations + 1 else refused = refused + 1 end
        else
          others[math.random(1, #others)](to)
        end
        if math.random(1, 10) == 1 and not a:send(there, "hello") then permitted_refused = permitted_refused + 1 end
      end
      t:sleep "1s"
      local s = victim.stats
      if s.rx_bytes - s.rx_stun_bytes - 28 * s.rx_packets > 0 then violations = violations + 1 end
      t:metric { "violations", violations }
      t:metric { "permitted_refused", permitted_refused }
      t:metric { "refused", refused }
    end,
  },

  ["at-once"] = tank.hypothesis { "H-KE3: media to where no check has succeeded is refused at the same instant, and nothing leaves",
    claim   = JAN5 .. "E: openMediaSession \"fails immediately if the address isn't on the whitelist\"",
    matrix  = { to = { "nobody", "stun-server", "tested-by", "other-port" } },
    predict = { { "refused", equals = 1 }, { "took", equals = "0s" }, { "left", equals = 0 } },
    known   = "supported",
    run = function(t, cell)
      local near, far = t:host "near", t:host "far"
      local a, b = near.E:open("aaaa", PWD.a), far.E:open("bbbb", PWD.b)
      local here, there = a:addrs()[1], b:addrs()[1]
      if cell.to == "tested-by" then
        b:test(here, "aaaa", PWD.a)
        a:await { "test", within = "1s" }
      elseif cell.to == "other-port" then
        a:test(there, "bbbb", PWD.b)
        a:await { "success", within = "1s" }
      end
      t:sleep "1s"
      local to = { nobody = "192.0.2.99:9", ["stun-server"] = t.server.stun:addr(3478), ["tested-by"] = there, ["other-port"] = (there:gsub(":%d+$", ":9")) }
      local before, at = near.stats.tx_packets, t:now()
      local media, why = a:open_media(to[cell.to], { fingerprint = ("0"):rep(64), client = true })
      t:metric { "refused", not media and why == "NOT_PERMITTED" and 1 or 0 }
      t:metric { "took", t:now() - at }
      t:sleep "1s"
      t:metric { "left", near.stats.tx_packets - before }
    end,
  },
}
