-- The ICE of stacks in use, each with each: how they nominate and ask for consent differs, and calls hold all the same.
local tank = require "icetank"
local STACKS = { "rfc", "libwebrtc", "firefox", "pion", "libnice", "libjuice" }
local S = {}

S.pairs = tank.scenario { "every stack talks to every other for two minutes",
  matrix = { near = STACKS, far = STACKS },
  run = function(t, cell)
    local alice = t:host { "alice", behind = "linux-masq", behaviour = cell.near }
    local bob = t:host { "bob", behind = "full-cone", behaviour = cell.far }
    local call = t:call { alice, bob, model = "B", media = "voice" }
    call:await { "open", path = "direct_udp", within = "5s" }
    call:forbid { "death", during = "2min" }
  end,
}

-- In 2026 a server of ICE-lite answered only those consent checks that carried USE-CANDIDATE: libwebrtc and libnice send such, and
-- never noticed; whoever goes by RFC 7675 lost its calls.
S.consent = tank.scenario { "a lite server that wants USE-CANDIDATE in consent checks ends the calls of those who go by RFC 7675",
  matrix = { near = STACKS },
  allow = { ["false-alarms"] = "the alarms are of the server, which does not answer; no fault of the scenario says so" },
  run = function(t, cell)
    local alice = t:host { "alice", behind = "linux-masq", behaviour = cell.near }
    local server = t:host { "server", behaviour = { "rfc", lite = true, consent_needs_use = true } }
    local call = t:call { alice, server, model = "B", restart = false }
    call:await { "open", path = "direct_udp", within = "5s" }
    local sends = cell.near == "libwebrtc" or cell.near == "libnice" or cell.near == "libjuice"
    if sends then
      call:forbid { "death", during = "2min" }
    else
      call[alice]:expect { "death", reason = "consent_expired", within = "45s" }
    end
  end,
}

-- A call on two networks, whose first one goes dark. libwebrtc moves it to the second one without a restart, by USE-CANDIDATE alone and
-- whoever answers: renomination, by numbers, is an option of its configuration, off by default, and of others. Where nobody leaves it
-- the call dies.
local NUMBERED = { "rfc", renominates = true }
S.silent = tank.scenario { "who leaves a silent path for another one without a restart",
  matrix = {
    near = { { "libwebrtc", "libwebrtc", leaves = true }, { "libwebrtc-numbers", { "libwebrtc", renominates = true }, leaves = true },
             { "rfc", "rfc" }, { "numbers", NUMBERED } },
    far = { { "libwebrtc", "libwebrtc" }, { "rfc", "rfc" }, { "pion", "pion" }, { "numbers", NUMBERED, numbers = true } },
  },
  run = function(t, cell)
    local near, far = cell.near, cell.far
    local alice = t:host { "alice", { "wifi", behind = "linux-masq" }, { "lte", behind = "port-cone" }, behaviour = near[2] }
    local bob = t:host { "bob", behind = "full-cone", behaviour = far[2] }
    local call = t:call { alice, bob, model = "B", media = "voice", restart = false }
    call:await { "open", path = "direct_udp", within = "5s" }
    t:at "10s"
    alice.ifaces.wifi.link:blackhole {}
    if near.leaves or (near[1] == "numbers" and far.numbers) then
      call[alice]:expect { "failover", within = "8s" }
      call:forbid { "death", during = "2min" }
    else
      call[alice]:expect { "death", reason = "consent_expired", within = "31s" }
    end
  end,
}
return S
