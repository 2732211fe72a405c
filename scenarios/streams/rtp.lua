-- Media as RTP by SRTP (RFC 5764): what a receiver counts of it when the path loses, delays and is cut.
local tank = require "icetank"

local function video_call(t, streams, bundle)
  local alice, bob = t:host { "alice", behind = "linux-masq" }, t:host { "bob", behind = "port-cone" }
  local call = t:call { alice, bob, model = "B", streams = streams, bundle = bundle }
  call:await { "open", within = "5s" }
  return call, alice, bob
end

return {
  whole = tank.scenario { "audio and video arrive whole, bundled or each on a port of its own",
    matrix = { bundle = { true, false } },
    run = function(t, cell)
      local call, alice, bob = video_call(t, { "audio", "video" }, cell.bundle)
      t:sleep "20s"
      for _, h in ipairs { alice, bob } do
        local audio, video = call.streams[1][h].stats, call.streams[2][h].stats
        t:check { h.label .. ": packets of audio", audio.received, at_least = 950 }
        t:check { h.label .. ": frames", video.shown, at_least = 550 }
        t:check { h.label .. ": lost", audio.lost + video.lost, equals = 0 }
        t:check { h.label .. ": freezes", audio.freezes + video.freezes, equals = 0 }
      end
    end,
  },
  cut = tank.scenario { "a second without anything is one freeze of each stream, and no stall",
    run = function(t)
      local call, alice, bob = video_call(t, { "audio", "video" })
      t:sleep "5s"
      alice.link:blackhole {}
      t:sleep "1s"
      alice.link:restore()
      t:sleep "5s"
      call:forbid { "stalled", during = "1s" }
      for i = 1, 2 do
        local s = call.streams[i][bob].stats
        t:check { "freezes of stream " .. i, s.freezes, at_least = 1 }
        t:check { "longest freeze of stream " .. i, s.longest_freeze, at_least = "1s" }
      end
    end,
  },
  one = tank.scenario { "a single stream of audio needs no list",
    run = function(t)
      local alice, bob = t:host { "alice" }, t:host { "bob", behind = "linux-masq" }
      local call = t:call { alice, bob, model = "B", media = "audio" }
      call:await { "open", within = "5s" }
      t:sleep "10s"
      t:check { "packets", call[bob].stats.received, at_least = 480 }
      t:check { "protection profile: AEAD-AES-128-GCM", call[bob].stats.profile, equals = 7 }
    end,
  },
}
