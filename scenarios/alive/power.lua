-- A machine that stops, loses its power, or sleeps: what each end of its call is told. Whoever is off is told nothing.
local tank = require "icetank"
local MODELS, MEDIA, CLOCKS = { "B", "E" }, { "voice", "none" }, { "run", "frozen" }

-- near and far, 20 s into their call.
local function call_of(t, cell)
  local near, far = t:host { "near", behind = "linux-masq" }, t:host { "far", behind = "port-cone" }
  local call = t:call { near, far, model = cell.model, media = cell.media }
  call:await { "open", within = "10s" }
  t:at "20s"
  return near, far, call
end

return {
  stop = tank.scenario { "a host that stops in order closes its call",
    matrix = { model = MODELS, media = MEDIA },
    run = function(t, cell)
      local near, far, call = call_of(t, cell)
      near:stop {}
      call[near]:expect { "closed", by = "local", within = "1ms" }
      call[far]:expect { "closed", by = "remote", within = "1s" }
      call:forbid { "stalled", "death", during = "40s" }
      t:sleep "40s"
    end },
  crash = tank.scenario { "a host without power is told nothing; the other end finds out; started again it calls again",
    matrix = { model = MODELS, media = MEDIA },
    run = function(t, cell)
      local near, far, call = call_of(t, cell)
      near:crash()
      call[near]:forbid { "stalled", "resumed", "death", "closed", during = "100s" }
      call[far]:expect { "stalled", within = "9s" }
      call[far]:expect { "death", reason = "consent_expired", within = "36s" }
      t:sleep "40s"
      near:start()
      local again = t:call { near, far, model = cell.model, media = cell.media }
      again:await { "open", within = "10s" }
      again:forbid { "stalled", "death", during = "30s" }
      t:sleep "30s"
    end },
  nap = tank.scenario { "a host that sleeps for ten seconds hears nothing in them, and its call goes on, whatever its clocks did",
    matrix = { model = MODELS, media = MEDIA, clocks = CLOCKS },
    run = function(t, cell)
      local near, far, call = call_of(t, cell)
      near:suspend { clocks = cell.clocks }
      call[near]:forbid { "stalled", "resumed", "failover", "death", "closed", during = "9999ms" }
      call[far]:expect { "stalled", within = "9s" }
      t:sleep "10s"
      near:resume()
      call[far]:expect { "resumed", "failover", within = "20s" }
      call:forbid { "death", during = "60s" }
      t:sleep "60s"
    end },
  night = tank.scenario { "after a minute of sleep a clock that ran ends the call at once, one that stood still a while later",
    matrix = { model = MODELS, media = MEDIA, clocks = CLOCKS },
    where = function(cell) return cell.clocks == "run" or cell.model == "B" end,
    run = function(t, cell)
      local near, _, call = call_of(t, cell)
      near:suspend { clocks = cell.clocks }
      t:sleep "60s"
      near:resume()
      if cell.clocks == "run" then
        call[near]:expect { "death", reason = "consent_expired", within = "1ms" }
      else
        call[near]:forbid { "death", during = "1s" }
        call[near]:expect { "death", within = "60s" }
      end
      t:sleep "61s"
    end },
  late = tank.scenario { "a socket whose clock stood still for a minute sends on the consent of before: it cannot know that it ran out",
    matrix = { model = { "E" }, media = { "voice" } },
    run = function(t, cell)
      local near, _, call = call_of(t, cell)
      near:suspend { clocks = "frozen" }
      t:sleep "60s"
      near:resume()
      call[near]:expect { "stalled", within = "10s" } -- nobody is there any more
      t:sleep "30s"
    end },
  server = tank.scenario { "a server that crashed and started again serves",
    matrix = { model = MODELS },
    run = function(t, cell)
      t:internet {}
      t.server.stun:crash()
      t:sleep "1s"
      t.server.stun:start()
      local near, far = t:host { "near", behind = "linux-masq" }, t:host { "far", behind = "port-cone" }
      t:call { near, far, model = cell.model }:expect { "open", path = "direct_udp", within = "5s" }
    end },
}
