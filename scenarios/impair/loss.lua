-- Losses of every kind: what a call with a voice stream must stand, and that what was lost is what the link says.
local tank = require "icetank"

-- Alice behind `link`, a call to bob with voice, one minute of it. Returns the call, alice and bob.
local function minute(t, link, far)
  local alice = t:host { "alice", behind = "port-cone", link = link }
  local bob = t:host { "bob", behind = far or "full-cone" }
  local call = t:call { alice, bob, model = "B", media = "voice" }
  call:await { "open", within = "15s" }
  call:forbid { "death", during = "60s" }
  t:sleep "60s"
  return call, alice, bob
end

return {
  bursts = tank.scenario { "a call survives 5 % of loss, single and in bursts of four places",
    matrix = { burst = { 1, 4 } },
    run = function(t, cell)
      local _, alice = minute(t, { "lan", loss = "5%", burst = cell.burst })
      local s = alice.link.stats
      -- 60 s of 100 voice packets a second, both ways: 300 lost, in bursts with a spread of about 40.
      t:check { "lost on the link", s.lost, between = { 150, 450 } }
    end,
  },
  -- Every second packet of a bad place, in spells of five places: one place of eleven is bad, 4.5 % are lost, 136 of a minute's 3,000 each way.
  memory = tank.scenario { "Gilbert and Elliott's losses: a model of four parameters, said by a scenario, a preset, and ended by a plain loss",
    matrix = { link = { { "said", said = { "lan", ge = { p = "2%", r = "20%", h = "50%" } }, least = 150, most = 430 },
      { "one-way", said = { "lan", up = { ge = { p = "2%", r = "20%", h = "50%" } } }, least = 60, most = 240 },
      { "ended", said = { "wifi-bad", loss = "0%", jitter = "0ms" }, least = 0, most = 0 } } },
    run = function(t, cell)
      local _, alice = minute(t, cell.link.said)
      t:check { "lost on the link", alice.link.stats.lost, between = { cell.link.least, cell.link.most } }
    end,
  },
  length = tank.scenario { "a burst is as long in packets of 20 ms as in time",
    run = function(t)
      local lost = {}
      local a, b = t:host { "a" }, t:host { "b" }
      local to = b.udp:open { port = 7 }
      local from = a.udp:open()
      for _, burst in ipairs { 4, "80ms" } do
        a.link:set { "lan", loss = "10%", burst = burst }
        local before = a.link.stats.lost
        for _ = 1, 3000 do from:send(to.addr, "x") t:sleep "20ms" end
        lost[#lost + 1] = a.link.stats.lost - before
      end
      for _, n in ipairs(lost) do t:check { "lost of 3000", n, between = { 170, 430 } } end
    end,
  },
  ramp = tank.scenario { "loss that grows until nothing passes: stalled, then dead",
    run = function(t)
      local alice, bob = t:host { "alice", behind = "port-cone" }, t:host { "bob", behind = "full-cone" }
      local call = t:call { alice, bob, model = "B", media = "voice", restart = false }
      call:await { "open", within = "10s" }
      t:at "15s"
      alice.link:set { loss = "20%" }
      call:forbid { "death", during = "20s" }
      t:at "35s"
      alice.link:set { loss = "100%" }
      call:expect { "stalled", within = "2.5s" }
      call:expect { "death", reason = "consent_expired", within = "36s" }
    end,
  },
  mask = tank.scenario { "a mask of places is lost to the letter",
    run = function(t)
      local alice, bob = t:host { "alice", behind = "port-cone" }, t:host { "bob", behind = "full-cone" }
      local call = t:call { alice, bob, model = "B", media = "voice" }
      call:await { "open", within = "10s" }
      t:at "5s"
      alice.link:set { mask = "1000000000" }
      call:forbid { "death", "stalled", during = "60s" }
      t:sleep "60s"
      -- One place of ten, both ways: 300 each of 60 s of voice, and a few checks.
      t:check { "lost on the link", alice.link.stats.lost, between = { 598, 640 } }
    end,
  },
  trace = tank.scenario { "a recorded trace: good for 8 s, then 2 s of loss, then 2 s of delay, over and over",
    run = function(t)
      local call, alice = minute(t, { "lan", every = "12s", trace = {
        { at = "0s", loss = "0%", delay = "1ms" }, { at = "8s", loss = "60%" }, { at = "10s", loss = "0%", delay = "150ms" },
      } })
      t:check { "lost on the link", alice.link.stats.lost, between = { 400, 1100 } }
      t:check { "late", call[alice].stats.late + call[alice].stats.received, at_least = 1000 }
    end,
  },
  starlink = tank.scenario { "a satellite that changes every 15 s: gaps of 150 ms are heard, nobody stalls",
    matrix = { gap = { "150ms", "1.5s" } },
    run = function(t, cell)
      local call, alice = minute(t, { "starlink", loss = "0%", gap = cell.gap, period_loss = "100%" })
      call:forbid { "death", "failover", during = "1ms" }
      -- Four gaps in the minute, 100 packets a second.
      local lost = tank.time(cell.gap) // tank.time "10ms" * 4
      t:check { "lost on the link", alice.link.stats.lost, between = { lost * 3 // 4, lost * 5 // 4 + 40 } }
    end,
  },
  chosen = tank.scenario { "single chosen packets: the first DTLS flight is lost, doubled, damaged, late",
    matrix = { what = { "drop", "duplicate", "corrupt", "delay", "truncate" } },
    run = function(t, cell)
      local alice, bob = t:host { "alice", behind = "port-cone" }, t:host { "bob", behind = "full-cone" }
      local s = { nth = 1, label = "DTLS", by = cell.what == "delay" and "300ms" or nil }
      alice.link[cell.what](alice.link, s)
      t:call { alice, bob, model = "B", media = "voice" }:expect { "open", within = "10s" }
      t:sleep "10s"
      local link = alice.link.stats
      local seen = { drop = link.dropped, duplicate = link.duplicated, corrupt = link.damaged, truncate = link.damaged, delay = link.late }
      t:check { "it happened once", seen[cell.what], equals = 1 }
    end,
  },
}
