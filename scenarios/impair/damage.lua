-- Packets that arrive damaged, twice, or out of order: none of it may reach the app.
local tank = require "icetank"

-- Twenty messages a second for 20 s each way over model B by hand; every one that arrives is checked.
local function chat(t, link)
  local alice, bob = t:host { "alice", behind = "port-cone", link = link }, t:host { "bob", behind = "full-cone" }
  local function dial(me, far)
    local pc, wire = me.B:new { stun = "stun" }, me:carrier { "websocket", to = far }
    me:spawn(function() for ev in pc:events "signal" do wire:send(ev.blob) end end)
    me:spawn(function() for ev in wire:events "message" do pc:signal(ev.data) end end)
    pc:start()
    return pc
  end
  local a, b = dial(alice, bob), dial(bob, alice)
  a:await { "open", within = "20s" }
  b:await { "open", within = "20s" }
  local seen = { sound = 0, wrong = 0, twice = 0, early = 0 }
  for _, end_ in ipairs { { a, bob, "b" }, { b, alice, "a" } } do
    local pc, from, had, last = end_[1], end_[3], {}, 0
    end_[2]:spawn(function()
      for ev in pc:events "message" do
        local who, n, rest = ev.data:match "^(%a)(%d+):(x*)$"
        if who == from and #rest == 100 then seen.sound = seen.sound + 1 else seen.wrong = seen.wrong + 1 end
        n = tonumber(n) or 0
        if had[n] then seen.twice = seen.twice + 1 end
        if n < last then seen.early = seen.early + 1 end
        had[n], last = true, n
      end
    end)
  end
  for n = 1, 400 do
    a:send("a" .. n .. ":" .. ("x"):rep(100))
    b:send("b" .. n .. ":" .. ("x"):rep(100))
    t:sleep "50ms"
  end
  t:sleep "2s"
  return seen, alice.link.stats
end

return {
  corrupt = tank.scenario { "a bit flips in every tenth packet: dropped at the host, never at the app",
    run = function(t)
      local seen, link = chat(t, { "lan", corrupt = "10%" })
      t:check { "damaged", link.damaged, at_least = 60 }
      t:check { "wrong at the app", seen.wrong, equals = 0 }
      t:check { "sound at the app", seen.sound, between = { 680, 770 } }
    end,
  },
  truncate = tank.scenario { "every twentieth packet is cut short: dropped where it arrives",
    run = function(t)
      local seen, link = chat(t, { "lan", truncate = "5%" })
      t:check { "damaged", link.damaged, at_least = 25 }
      t:check { "wrong at the app", seen.wrong, equals = 0 }
      t:check { "sound at the app", seen.sound, between = { 730, 790 } }
    end,
  },
  duplicate = tank.scenario { "every fifth packet arrives twice: DTLS lets no replay through",
    run = function(t)
      local seen, link = chat(t, { "lan", duplicate = "20%" })
      t:check { "doubled", link.duplicated, at_least = 120 }
      t:check { "twice at the app", seen.twice, equals = 0 }
      t:check { "sound at the app", seen.sound, equals = 800 }
    end,
  },
  jitter = tank.scenario { "jitter of 200 ms, in order and out of order",
    matrix = { reorder = { "0%", "100%" } },
    run = function(t, cell)
      local seen, link = chat(t, { "lan", jitter = "200ms", reorder = cell.reorder })
      t:check { "sound at the app", seen.sound, equals = 800 }
      t:check { "wrong at the app", seen.wrong, equals = 0 }
      if cell.reorder == "0%" then
        t:check { "early at the app", seen.early, equals = 0 }
        t:check { "astray", link.late, equals = 0 }
      else
        t:check { "early at the app", seen.early, at_least = 100 }
      end
    end,
  },
}
