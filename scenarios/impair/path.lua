-- Paths that go and come: flapping, one-way faults, handover between interfaces, new addresses for everybody, a fault on a condition.
local tank = require "icetank"

return {
  flap = tank.scenario { "a link that is down 3 s and up 10 s, five times",
    run = function(t)
      -- Two interfaces, so that a carrier that goes is no death at once.
      local alice = t:host { "alice", { "eth", behind = "port-cone", link = "lan" }, { "lte", behind = "cgn-apdf", link = "lan" } }
      local bob = t:host { "bob", behind = "full-cone" }
      local call = t:call { alice, bob, model = "B", media = "voice" }
      call:await { "open", within = "10s" }
      t:at "15s"
      alice.iface.eth.link:set "flap"
      call:forbid { "death", during = "80s" }
      call[alice]:expect { "failover", within = "15s" }
    end,
  },
  alone = tank.scenario { "a flapping link and no other: the first carrier loss ends the call",
    run = function(t)
      local alice, bob = t:host { "alice", behind = "port-cone", link = "flap" }, t:host { "bob", behind = "full-cone" }
      local call = t:call { alice, bob, model = "B", media = "voice" }
      call:await { "open", within = "9s" }                  -- up for the first 10 s
      call[alice]:expect { "death", within = "12s" }
    end,
  },
  oneway = tank.scenario { "only one direction is swallowed: both sides hear of it",
    matrix = { way = { "up", "down" } },
    run = function(t, cell)
      local alice, bob = t:host { "alice", behind = "port-cone" }, t:host { "bob", behind = "full-cone" }
      local call = t:call { alice, bob, model = "B", media = "voice", restart = false }
      call:await { "open", within = "10s" }
      t:at "15s"
      alice.link:blackhole { from = cell.way == "up" and alice or alice.gateway }
      -- Consent needs both ways, so it expires on both sides; the voice stalls where it does not arrive.
      call[cell.way == "up" and bob or alice]:expect { "stalled", within = "2.5s" }
      call:expect { "death", within = "36s" }
    end,
  },
  handover = tank.scenario { "from Wi-Fi to LTE: the new one before the old one dies, after it, much too late",
    matrix = { how = { { "make-before-break", overlap = "5s" }, { "break-before-make", gap = "2s" }, { "too-late", gap = "70s" } } },
    run = function(t, cell)
      local alice = t:host { "alice", { "wifi", behind = "port-cone", link = "lan" }, { "lte", behind = "cgn-apdf", link = "lan" } }
      local bob = t:host { "bob", behind = "full-cone" }
      alice.iface.lte:down()
      local call = t:call { alice, bob, model = "B", media = "voice" }
      call:await { "open", within = "10s" }
      t:at "15s"
      alice:handover { from = "wifi", to = "lte", gap = cell.how.gap, overlap = cell.how.overlap }
      if cell.how[1] == "too-late" then
        call:expect { "death", within = "36s" }
      else
        call:forbid { "death", during = "60s" }
        call[alice]:expect { "failover", within = "15s" }
      end
    end,
  },
  first = tank.scenario { "best first: the call opens over Wi-Fi, though behind its NAT LTE has a peer-reflexive address",
    matrix = { model = { "B", "E" }, lte = { "symmetric", "port-cone", "none" } },
    run = function(t, cell)
      local alice = t:host { "alice", { "wifi", behind = "port-cone", link = "lan" }, { "lte", behind = cell.lte, link = "lan" } }
      local call = t:call { alice, t:host { "bob", behind = "full-cone" }, model = cell.model, media = "voice" }
      call[alice]:expect { "open", iface = "wifi", within = "10s" }
      t:at "15s"
      alice.iface.wifi:down()
      call[alice]:expect { "failover", iface = "lte", within = "5s" }
    end,
  },
  gap = tank.scenario { "a gap is one though both interfaces were up before it: nothing is heard until the other one comes",
    matrix = { model = { "B", "E" }, how = { { "fields", gap = "4s" }, { "preset" } } },
    run = function(t, cell)
      local alice = t:host { "alice", { "wifi", behind = "port-cone", link = "lan" }, { "lte", behind = "cgn-apdf", link = "lan" } }
      local call = t:call { alice, t:host { "bob", behind = "full-cone" }, model = cell.model, media = "voice" }
      call:await { "open", within = "10s" }
      t:at "15s"
      local wifi, lte = alice.iface.wifi, alice.iface.lte
      if cell.how.gap then alice:handover { from = "wifi", to = "lte", gap = cell.how.gap } else alice:handover "wifi-lte-handover" end
      t:sleep "10ms" -- what was on its way has arrived
      local before = wifi.link.stats.packets + lte.link.stats.packets
      call[alice]:forbid { "failover", during = "900ms" }
      t:sleep "900ms" -- the preset takes 1 s at least
      t:check { "packets in the gap", wifi.link.stats.packets + lte.link.stats.packets - before, equals = 0 }
      call[alice]:expect { "failover", "death", within = "36s" }
    end,
  },
  preset = tank.scenario { "the preset of a walk out of the house: LTE comes 1 to 15 s after Wi-Fi went",
    seeds = 3,
    run = function(t)
      local alice = t:host { "alice", { "wifi", behind = "port-cone", link = "lan" }, { "lte", behind = "cgn-apdf", link = "lan" } }
      local bob = t:host { "bob", behind = "full-cone" }
      alice.iface.lte:down()
      local call = t:call { alice, bob, model = "B", media = "voice" }
      call:await { "open", within = "10s" }
      t:at "15s"
      alice:handover "wifi-lte-handover"
      -- A grace of 5 s and more for the other interface: whether it is in time is the draw's business, silence is not.
      call[alice]:expect { "failover", "death", within = "36s" }
    end,
  },
  renumber = tank.scenario { "every NAT gets a new address at once: the calls come back by an ICE restart",
    run = function(t)
      local hosts = {}
      for i = 1, 3 do hosts[i] = { t:host { "a" .. i, behind = "port-cone" }, t:host { "b" .. i, behind = "full-cone" } } end
      local calls = {}
      for i, h in ipairs(hosts) do calls[i] = t:call { h[1], h[2], model = "B", media = "voice" } end
      for _, c in ipairs(calls) do c:await { "open", within = "15s" } end
      t:at "20s"
      t:renumber()
      for _, c in ipairs(calls) do
        c:expect { "failover", within = "30s" }
        c:forbid { "death", during = "40s" }
      end
    end,
  },
  condition = tank.scenario { "a fault on a condition: the line goes bad when the call opens and is well again when it stalls",
    run = function(t)
      local alice, bob = t:host { "alice", behind = "port-cone" }, t:host { "bob", behind = "full-cone" }
      local call = t:call { alice, bob, model = "B", media = "voice" }
      call:await { "open", within = "10s" }
      alice.link:set { loss = "100%" }
      call[alice]:await { "stalled", within = "10s" }
      alice.link:set { loss = "0%" }
      call[alice]:expect { "resumed", "failover", within = "15s" }
      call:forbid { "death", during = "40s" }
    end,
  },
}
