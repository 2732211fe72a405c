-- When small segments leave: Nagle's rule as Linux has it (Minshall's), and without it. One way is 20 ms and no wire has a rate, so every
-- time below is worked out by hand.
local tank = require "icetank"
local MS = 1000000
local WIRE = { delay = "5ms", jitter = "0ms", loss = "0%", rate = "unlimited" } -- and 10 ms across
local function pair(t)
  return t:host { "near", link = WIRE }, t:host { "far", link = WIRE }
end
-- A connection and the two ends of it.
local function join(t, near, far, nodelay)
  local ear = far.tcp:listen { 80, nodelay = nodelay }
  local c = near.tcp:connect { far:addr(80), nodelay = nodelay }
  c:await { "open", within = "1s" }
  t:sleep "200ms" -- the acknowledgment of the handshake is through
  return c, ear
end
-- How many gaps are between the messages that come on `s`, and how wide the widest is.
local function gaps(host, s)
  local g = { at = host.label, n = 0, widest = 0 }
  host:spawn(function()
    local last
    for ev in s:events "message" do
      if last then g.n, g.widest = g.n + 1, math.max(g.widest, (ev.at - last).ns) end
      last = ev.at
    end
  end)
  return g
end
return {
  -- 10 segments of 1,448 B are the initial window, 14,480 B: the reply leaves at once as nine full segments and one of 1,304 B, which no
  -- other small one holds back. Pure Nagle would keep that one until the nine are acknowledged: 40 ms more, and a delayed acknowledgment.
  reply = tank.scenario { "a reply of 14 kB is complete a round trip after its request",
    matrix = { nodelay = { false, true } },
    run = function(t, cell)
      local near, far = pair(t)
      local c, ear = join(t, near, far, cell.nodelay)
      far:spawn(function() for _ in ear:events "message" do ear:send(("r"):rep(14336)) end end)
      local start, got, at = t:now(), 0, nil
      t:spawn(function()
        for ev in c:events "message" do
          got = got + #ev.data
          if got == 14336 then at = ev.at end
        end
      end)
      c:send "GET"
      t:sleep "1s"
      t:check { "complete after", at and (at - start).ns / MS, equals = 40.0 }
    end },
  -- Frames of 200 B every 20 ms, the first at 0. By the rule one small segment is under way at a time: frame 0 arrives at 20, is read and
  -- acknowledged at once, as Linux does it with a small segment of a stream that nobody answers, and at 40 the frame of 20 leaves (the one of
  -- the very instant leaves after the acknowledgment has come). So it goes on every 40 ms with the two frames since: 60 and 40 ms of delay.
  voice = tank.scenario { "a frame every 20 ms waits for the one before, unless told not to",
    matrix = { case = { { "nagle", nodelay = false, most = 60, mean = 50 }, { "nodelay", nodelay = true, most = 20, mean = 20 } } },
    run = function(t, cell)
      local near, far = pair(t)
      local c, ear = join(t, near, far, cell.case.nodelay)
      local sent, n, sum, most, held = {}, 0, 0, 0, ""
      far:spawn(function()
        for ev in ear:events "message" do
          held = held .. ev.data
          while #held >= 200 do
            n, held = n + 1, held:sub(201)
            local d = (ev.at - sent[n]).ns / MS
            if n > 4 and n <= 44 then sum, most = sum + d, math.max(most, d) end
          end
        end
      end)
      for k = 1, 60 do
        sent[k] = t:now()
        c:send(("v"):rep(200))
        t:sleep "20ms"
      end
      t:sleep "1s"
      t:check { "frames", n, equals = 60 }
      t:check { "longest delay in ms", most, equals = cell.case.most + 0.0 }
      t:check { "mean delay in ms", sum / 40, equals = cell.case.mean + 0.0 }
    end },
  -- The tank's own streams never wait. The proxy's answer to CONNECT and the first bytes of the server are two small segments in a row; so are
  -- the client's request and its first bytes.
  proxy = tank.scenario { "what a proxy says does not wait for an acknowledgment",
    run = function(t)
      local far = t:host { "far", link = WIRE }
      local near = t:host { "near", behind = { "http-proxy-connect" }, link = WIRE }
      local ear = far.tcp:listen { 443, nodelay = true }
      local c = near.tcp:connect { far:addr(443), via = "http://10.9.9.9:3128", nodelay = true }
      ear:await { "open", within = "1s" }
      local heard = { gaps(near, c), gaps(far, ear) }
      for _ = 1, 6 do
        ear:send "tick"
        c:send "tock"
        t:sleep "5ms"
      end
      t:sleep "1s"
      for _, g in ipairs(heard) do
        t:check { "gaps between messages at " .. g.at, g.n, equals = 5 }
        t:check { "the widest in ns at " .. g.at, g.widest, at_most = 5600000 } -- the proxy's own wires have 0.3 ms of jitter
      end
    end },
}
