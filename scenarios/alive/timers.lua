-- Every named set of timers makes calls, at either end, in every model, and keeps them over an outage shorter than its death.
-- A set that imitates a stack may break a limit of an RFC; the result says so in its notes, and nothing stops for it.
local tank = require "icetank"
local SETS = { "rfc", "libwebrtc", "firefox", "pion", "libnice", "libjuice" }
return tank.scenario { "every set of timers, with the caller, the callee or both",
  matrix = { set = SETS, at = { "caller", "callee", "both" }, model = { "B", "E" }, media = { "voice", "none" } },
  run = function(t, cell)
    local near = t:host { "near", behind = "linux-masq", timers = cell.at ~= "callee" and cell.set or nil }
    local far  = t:host { "far", behind = "port-cone", timers = cell.at ~= "caller" and cell.set or nil }
    local call = t:call { near, far, model = cell.model, media = cell.media }
    call:await { "open", path = "direct_udp", within = "5s" }
    call:forbid { "stalled", "death", during = "60s" }
    t:sleep "60s"
    near.link:blackhole {}
    t:sleep "1s"
    near.link:restore()
    call:forbid { "death", during = "60s" }
    t:sleep "60s"
  end,
}
