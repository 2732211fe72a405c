-- What happens to one of several media streams happens to that one alone.
local tank = require "icetank"

local function video_call(t, more)
  local home  = t:nat { "home", "linux-masq" }
  local alice = t:host { "alice", behind = home }
  local bob   = t:host { "bob", behind = "port-cone" }
  local call  = t:call { alice, bob, model = "B", streams = { "voice", "voice" }, bundle = false, restart = more.restart, components = more.components }
  call:await { "open", within = "5s" }
  return call, alice, bob, home
end

return {
  close = tank.scenario { "one stream is hung up, the other one goes on; the last one ends the call",
    matrix = { bundle = { true, false } },
    run = function(t, cell)
      local alice, bob = t:host { "alice", behind = "linux-masq" }, t:host { "bob", behind = "port-cone" }
      local call = t:call { alice, bob, model = "B", streams = { "voice", "voice" }, bundle = cell.bundle }
      call:await { "open", within = "5s" }
      t:sleep "5s"
      call.streams[2][alice]:close()
      call.streams[2][bob]:await { "closed", by = "remote", within = "2s" }
      local before = call.streams[1][bob].stats.voice_received
      t:sleep "5s"
      t:check { "voice of the other one", call.streams[1][bob].stats.voice_received - before, at_least = 240 }
      call:forbid { "stalled", "death", during = "5s" }
      t:sleep "5s"
      call.streams[1][alice]:close()
      call[bob]:expect { "closed", by = "remote", within = "2s" }
    end,
  },
  restart = tank.scenario { "the NAT loses its state: every stream comes back by one restart, each by its own path",
    matrix = { components = { 1, 2 } },
    run = function(t, cell)
      local call, _, bob, home = video_call(t, { components = cell.components })
      t:sleep "5s"
      home:reboot { down = "3s" }
      for i = 1, 2 do call:expect { "stalled", stream = i, within = "10s" } end
      call:expect { "resumed", within = "15s" }
      t:sleep "20s"
      local before = {}
      for i = 1, 2 do before[i] = call.streams[i][bob].stats.voice_received end
      t:sleep "5s"
      for i = 1, 2 do t:check { "voice of stream " .. i, call.streams[i][bob].stats.voice_received - before[i], at_least = 200 } end
      call:forbid { "stalled", "death", during = "40s" }
    end,
  },
  failover = tank.scenario { "a NAT forgets the port of the stream that is seldom used: that one moves to another, the other one stays",
    allow = { ["false-alarms"] = "the alarms are of the NAT, which forgets a mapping between two consent checks; no fault of the scenario says so" },
    run = function(t)
      -- A mapping lives 3 s; voice keeps that of the first stream, and the silent second one is asked for consent every 4 to 6 s.
      local home = t:nat { "home", "symmetric", set = { udp = { timeout = { replied = "3s", stream = "3s" } } } }
      local alice, bob = t:host { "alice", behind = home }, t:host { "bob" }
      local call = t:call { alice, bob, model = "B", streams = { "voice", "none" }, bundle = false }
      call:expect { "open", within = "5s" }
      call:expect { "failover", stream = 2, within = "60s" }
      call:forbid { "failover", "stalled", stream = 1, during = "60s" }
      t:sleep "60s"
      local voice = call.streams[1][bob].stats
      t:check { "voice of the first", voice.voice_received, at_least = 2900 }
      t:check { "and none lost", voice.lost, equals = 0 }
    end,
  },
}
