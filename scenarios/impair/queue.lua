-- Lines that are too slow for what is sent: the depth of a FIFO is heard as delay, CoDel keeps it short, a token bucket lets a burst through.
local tank = require "icetank"

-- A call with voice while alice also sends 1.2 Mbit/s of messages for 28 s up a line of 1 Mbit/s.
local function upload(t, up)
  local alice = t:host { "alice", behind = "port-cone", link = { "lan", delay = "10ms", up = up } }
  local bob = t:host { "bob", behind = "full-cone" }
  local call = t:call { alice, bob, model = "B", media = "voice" }
  call:await { "open", within = "10s" }
  t:at "5s"
  for _ = 1, 4000 do
    call[alice]:send(("x"):rep(1000))
    t:sleep "7ms"
  end
  return call, alice, bob
end

return {
  bloat = tank.scenario { "256 KiB of FIFO at 1 Mbit/s are two seconds late, CoDel keeps the voice on time",
    matrix = { aqm = { "fifo", "codel" } },
    run = function(t, cell)
      local call, alice, bob = upload(t, { rate = "1Mbps", queue = "256KiB", aqm = cell.aqm })
      local s = call[bob].stats
      t:metric { "late_at_bob", s.late }
      t:metric { "lost_at_bob", s.lost }
      t:check { "dropped by the queue", alice.link.stats.dropped, at_least = 300 }
      -- 1,400 voice packets in that time, of which the FIFO drops some 500; it is 150 ms deep within the first second and full after eight.
      if cell.aqm == "fifo" then t:check { "late at bob", s.late, at_least = 600 }
      else t:check { "late at bob", s.late, at_most = 140 } end
    end,
  },
  bucket = tank.scenario { "a token bucket of 64 KiB: after a rest 64 KiB pass at once",
    run = function(t)
      local alice = t:host { "alice", behind = "port-cone", link = { "lan", up = { rate = "1Mbps", bucket = "64KiB", queue = "256KiB" } } }
      local bob = t:host { "bob", behind = "full-cone" }
      local call = t:call { alice, bob, model = "B" }
      call:await { "open", within = "10s" }
      t:at "10s"
      local before = bob.stats.rx_bytes
      for _ = 1, 100 do call[alice]:send(("x"):rep(1000)) end -- some 107 kB on the wire
      t:sleep "60ms"
      t:check { "arrived at once", bob.stats.rx_bytes - before, between = { "64kB", "80kB" } }
      t:sleep "340ms"
      t:check { "arrived in the end", bob.stats.rx_bytes - before, at_least = "105kB" }
    end,
  },
}
