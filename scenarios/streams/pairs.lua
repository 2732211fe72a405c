-- Calls of several media streams through pairs of NATs: each transport has the verdict that a call of one stream has.
local tank = require "icetank"
local NATS = { "full-cone", "port-cone", "linux-masq", "symmetric", "cgn-eif-pba" }

-- Ports that a call takes at a home: a mapping for each transport, and for each far address where mappings hang on that; the one of its session
-- with the signal server aside.
local function mapped(host) return host.gateway.stats.mappings - 1 end

return {
  components = tank.scenario { "audio and video, RTP and RTCP each for itself, open where one stream does",
    matrix = { model = { "B", "E" }, near = NATS, far = NATS },
    run = function(t, cell)
      local alice, bob = t:host { "alice", behind = cell.near }, t:host { "bob", behind = cell.far }
      local call = t:call { alice, bob, model = cell.model, streams = { "voice", "voice" }, bundle = false, components = 2 }
      call:expect { call.oracle.outcome, within = "61s" }
      if call.oracle.outcome ~= "open" or call.oracle.either then return end
      call:expect { "open", stream = 1, within = "5s" }
      call:expect { "open", stream = 2, within = "5s" }
      t:sleep "6s"
      for i, stream in ipairs(call.streams) do
        stream[alice]:send("to stream " .. i)
        stream[bob]:expect { "message", data = "to stream " .. i, within = "1s" }
        t:check { "voice of stream " .. i, stream[bob].stats.voice_received, at_least = 200 }
      end
      call:forbid { "stalled", "failover", "death", during = "40s" }
    end,
  },
  shapes = tank.scenario { "bundled beside unbundled: as many DTLS associations and ports as transports",
    matrix = { shape = { { "bundled", ports = 1 }, { "muxed", bundle = false, ports = 3 }, { "pairs", bundle = false, components = 2, ports = 6 } }, nat = { "port-cone", "linux-masq" } },
    run = function(t, cell)
      local alice, bob = t:host { "alice", behind = cell.nat }, t:host { "bob", behind = cell.nat }
      local call = t:call { alice, bob, model = "B", streams = { "voice", "voice", "none" }, bundle = cell.shape.bundle, components = cell.shape.components }
      call:await { "open", within = "5s" }
      t:check { "ports at the NAT", mapped(alice), equals = cell.shape.ports }
      t:metric { "ports", mapped(alice) }
      t:sleep "5s"
      for i = 1, 2 do t:check { "voice of stream " .. i, call.streams[i][bob].stats.voice_received, at_least = 200 } end
      t:check { "no voice of the third", call.streams[3][bob].stats.voice_received, equals = 0 }
    end,
  },
  cheaper = tank.hypothesis { "a bundle opens sooner than three pairs of components",
    claim = "RFC 8843 section 1: fewer resources for candidates, checks and keepalives",
    matrix = { shape = { "bundle", "pairs" }, nat = { "port-cone", "linux-masq", "full-cone" } },
    predict = { { "t_conn", of = { shape = "bundle" }, below = { shape = "pairs" } }, { "ports", of = { shape = "bundle" }, equals = 1 }, { "ports", of = { shape = "pairs" }, equals = 6 } },
    known = "supported",
    run = function(t, cell)
      local alice, bob = t:host { "alice", behind = cell.nat }, t:host { "bob", behind = cell.nat }
      local bundle = cell.shape == "bundle"
      local call = t:call { alice, bob, model = "B", streams = { "voice", "voice", "voice" }, bundle = bundle, components = bundle and 1 or 2 }
      call:await { "open", within = "10s" }
      t:metric { "ports", mapped(alice) }
    end,
  },
  few = tank.scenario { "a home that gives out few ports: all transports find one, or the call dies",
    matrix = { nat = { "port-cone", "symmetric" }, ports = { 2, 4, 8, 16 }, bundle = { true, false } },
    run = function(t, cell)
      local home = t:nat { "home", cell.nat, set = { limits = { ports_per_host = cell.ports } } }
      local alice, bob = t:host { "alice", behind = home }, t:host { "bob", behind = "full-cone" }
      local call = t:call { alice, bob, model = "B", streams = { "voice", "voice", "none", "none" }, bundle = cell.bundle }
      if call.oracle.either or call.oracle.may_fail then t:sleep "61s" else call:expect { call.oracle.outcome, within = "61s" } end
    end,
  },
}
