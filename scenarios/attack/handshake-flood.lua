local tank = require "icetank"

-- An attacker off the path floods both ends of a call that connects, each in the other's name. The call opens when a flight of the DTLS
-- handshake is repeated after the flood; nothing that is forged ends it.
return tank.scenario { "a flood of forged handshake messages only delays a call",
  limit = "60s",
  allow = { stranger = "the flood delays the handshake, which is what this scenario measures" },
  matrix = {
    model = { "B", "E" },
    flood = {
      { "hello", shape = "hello", every = "200us", delay = "5ms" },
      { "messages", shape = "handshake", every = "300us", delay = "5ms" },
      { "far", shape = "handshake", every = "2ms", delay = "500ms", during = "12s" }, -- its checks alone take half of that
    },
  },
  run = function(t, c)
    local link = { "lan", delay = c.flood.delay }
    local alice, bob = t:host { "alice", link = link }, t:host { "bob", link = link }
    local call = t:call { alice, bob, model = c.model }
    t:attacker { "mallory" }:attack { c.flood.shape, on = call, every = c.flood.every, during = c.flood.during or "3s" }
    call:expect { "open", within = "15s" }
    call:forbid { "death", "closed", during = "30s" }
    t:sleep "31s"
  end,
}
