-- Ten quiet minutes on a whole path, with some loss, with a long way, with both: no alarm. One unanswered check is no silence; the second
-- question is asked inside the channel, and the time it is given is that of the path.
local tank = require "icetank"
return {
  paths = tank.scenario { "no alarm while the world is whole",
    matrix = {
      path = {
        { "clean", link = "lan" }, { "loss", link = { "lan", loss = "3%" } }, { "wifi", link = "wifi-good" }, { "lte", link = "lte" },
        { "starlink", link = "starlink" }, { "far", link = { "lan", delay = "520ms" } },
        { "far-loss", link = { "lan", delay = "520ms", loss = "3%" } }, { "jitter", link = { "lan", delay = "400ms", jitter = "300ms" } },
        { "moon", link = { "lan", delay = "1300ms" } },
      },
      model = { "B", "E" },
    },
    seeds = 3, limit = "20min",
    run = function(t, cell)
      local a, b = t:host { "a", link = cell.path.link }, t:host { "b", link = cell.path.link }
      local call = t:call { a, b, model = cell.model }
      call:await { "open", within = "40s" }
      call:forbid { "stalled", "death", during = "10min" }
      local messages = t.server.signal.stats.messages
      t:sleep "10min"
      t:check { "messages of restarts", t.server.signal.stats.messages - messages, at_most = cell.path[1]:match "^far%-loss" and 20 or 10 }
    end },
  voice = tank.scenario { "nor with voice, from the first packet on",
    matrix = { delay = { "1ms", "150ms", "520ms", "1300ms" }, loss = { "0%", "3%" }, model = { "B", "E" } },
    run = function(t, cell)
      local link = { "lan", delay = cell.delay, loss = cell.loss }
      local call = t:call { t:host { "a", link = link }, t:host { "b", link = link }, model = cell.model, media = "voice" }
      call:await { "open", within = "40s" }
      call:forbid { "stalled", "death", during = "60s" }
      t:sleep "60s"
    end },
  gone = tank.scenario { "what is gone is told in time all the same",
    matrix = { delay = { "1ms", "150ms", "520ms" }, model = { "B", "E" } },
    run = function(t, cell)
      local link = { "lan", delay = cell.delay }
      local a, b = t:host { "a", link = link }, t:host { "b", link = link }
      local call = t:call { a, b, model = cell.model, restart = false }
      call:await { "open", within = "20s" }
      t:at "60s"
      a.link:cut { signal = false }
      -- A check leaves 6 s after the last one at most; T_stall, or the time of five questions: twice 2.35 s and 0.6 s.
      call:expect { "stalled", within = cell.delay == "520ms" and "12s" or "8.1s" }
    end },
}
