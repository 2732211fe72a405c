-- The TCP of hosts: what each part of it is worth, with the same packet lost.
local tank = require "icetank"

-- Ten segments, of which those in `lost` are: how long until all have arrived.
local function burst(t, tcp, lost)
  local a = t:host { "a", link = { "fiber", delay = "10ms" }, tcp = tcp }
  local b = t:host { "b" }
  local listener, got = b.tcp:listen { 443 }, 0
  b:spawn(function() for ev in listener:events "message" do got = got + #ev.data end end)
  local stream = a.tcp:connect { b:addr(443) }
  stream:await { "open", within = "5s" }
  t:sleep "1s"
  for _, n in ipairs(lost) do a.link:drop { nth = n, from = a, label = "TCP data" } end
  local since = t:now()
  stream:send(("x"):rep(14480))
  while got < 14480 and t:now() - since < tank.time "5s" do t:sleep "1ms" end
  t:check { "bytes that arrived", got, equals = 14480 }
  return t:now() - since
end

return {
  tail = tank.scenario { "a lost tail: a probe after two round trips, or the time-out",
    matrix = { probes = { true, false } },
    run = function(t, cell)
      local took = burst(t, { tlp = cell.probes }, { 9, 10 })
      t:check { "sooner than after a time-out of 250 ms", took < "250ms", equals = cell.probes }
    end,
  },
  head = tank.scenario { "the first of ten segments lost: no time-out with SACK, whoever finds it",
    matrix = { by = { { "time" }, { "count", rack = false }, { "reno", control = "reno", prr = false } } },
    run = function(t, cell)
      local took = burst(t, { rack = cell.by.rack, control = cell.by.control, prr = cell.by.prr }, { 1 })
      t:check { "within two round trips and a half of 50 ms", took < "125ms", equals = true }
    end,
  },
}
