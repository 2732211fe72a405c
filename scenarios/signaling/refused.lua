-- What a mailbox refuses comes back to who sent it; what a host that crashed had not read waits for it there.
local tank = require "icetank"
local KINDS = { "websocket", "http-poll", "wss", "https-poll" }
local LARGE = ("x"):rep(8000)
-- Waits until both carriers are up, whichever is so first.
local function both_up(near, far, within)
  for _, c in ipairs { near, far } do
    if not c.up then c:await { "up", within = within } end
  end
end
return {
  full = tank.scenario { "texts that the mailbox of who is away has no room for come back, each once and whole; those before them arrive",
    matrix = { carrier = KINDS },
    run = function(t, cell)
      local alice, bob = t:host { "alice", behind = "linux-masq" }, t:host { "bob", behind = "port-cone" }
      local near = alice:carrier { cell.carrier, to = bob }
      near:await { "up", within = "5s" }
      local back, came = {}, {}
      t:spawn(function() for ev in near:events "unsent" do back[#back + 1] = ev.why .. " " .. ev.data:sub(1, 2) end end)
      for i = 1, 40 do near:send(("%02d"):format(i) .. LARGE) end -- 32 of them fill it
      t:sleep "20s"
      t:check { "came back", table.concat(back, ", "), equals = "full 33, full 34, full 35, full 36, full 37, full 38, full 39, full 40" }
      t:check { "refused", t.server.signal.stats.refused, equals = 8 }
      local far = bob:carrier { cell.carrier, to = alice }
      t:spawn(function() for ev in far:events "message" do came[#came + 1] = ev.data:sub(1, 2) end end)
      t:sleep "20s"
      near:send "after"
      t:sleep "5s"
      t:check { "came", #came == 33 and came[1] == "01" and came[32] == "32" and came[33] == "af", equals = true }
    end },
  calls = tank.scenario { "a call that finds the mailbox of its far side full is signaled once there is room",
    matrix = { model = { "B", "E" }, carrier = KINDS },
    run = function(t, cell)
      local alice, bob = t:host { "alice", behind = "linux-masq" }, t:host { "bob", behind = "port-cone" }
      local near, far = alice:carrier { cell.carrier, to = bob }, bob:carrier { cell.carrier, to = alice }
      both_up(near, far, "5s")
      bob.link:cut {}
      for i = 1, 100 do near:send(i <= 32 and LARGE or ("x"):rep(100)) end
      t:sleep "20s"
      local before = t.server.signal.stats.refused
      local call = t:call { alice, bob, model = cell.model, carrier = cell.carrier }
      t:sleep "5s"
      t:check { "refused", t.server.signal.stats.refused - before, at_least = 1 }
      bob.link:restore()
      call:expect { "open", within = "40s" }
    end },
  started = tank.scenario { "a host that starts again has its carrier as before, hears what was sent meanwhile, and nothing of before",
    matrix = { carrier = KINDS, ends = { "crash", "stop" }, twice = { false, true } },
    run = function(t, cell)
      local alice, bob = t:host { "alice", behind = "linux-masq" }, t:host { "bob", behind = "port-cone" }
      local near, got = alice:carrier { cell.carrier, to = bob }, {}
      local function runs()
        bob:spawn(function(me)
          local far = me:carrier { cell.carrier, to = alice }
          me:sleep "6s" -- what comes before waits
          for ev in far:events "message" do
            got[#got + 1] = ev.data
            far:send("got " .. ev.data)
          end
        end)
      end
      runs()
      t:sleep "3s"
      near:send "unread"
      t:sleep "2500ms" -- it is acknowledged
      bob[cell.ends](bob)
      if cell.twice then
        bob:start()
        bob:crash()
      end
      near:send "meanwhile"
      t:sleep "60s"
      t:check { "up", near.up, equals = true }
      bob:start()
      runs()
      near:expect { "message", data = "got meanwhile", within = "12s" }
      near:send "after"
      near:expect { "message", data = "got after", within = "12s" }
      t:sleep "12s"
      t:check { "got", table.concat(got, ", "), equals = "meanwhile, after" }
    end },
}
