-- A host that changes its network in the middle of a call. By RFC 8445 section 9 it restarts: new credentials, which the far end
-- must hear of. Who gathers continually, as native programs over libwebrtc do, adds what the new network brings and takes back what
-- the old one had, in the same generation: its checks leave at once.
local tank = require "icetank"
local S = {}
local KEEPS = { "rfc", continual = true }

local function mover(t, behaviour, lte, wifi)
  local alice = t:host { "alice", { "wifi", behind = wifi }, { "lte", behind = lte }, behaviour = behaviour, timers = "rfc" }
  alice.iface.lte:down()
  return alice
end

S.faster = tank.scenario { "from Wi-Fi to cellular: who gathers continually is back sooner than who restarts",
  matrix = {
    near = { { "restarts", "rfc" }, { "continual", KEEPS }, { "libwebrtc", { "libwebrtc", continual = true } } },
    far = { { "rfc", "rfc" }, { "continual", KEEPS }, { "libwebrtc", "libwebrtc" } },
    way = { { "at-once", gap = "0ms", most = "250ms", restarts = "700ms" }, { "gap", gap = "300ms", most = "550ms", restarts = "1s" },
            { "both-up", overlap = "1s", most = "150ms", restarts = "700ms" } },
  },
  run = function(t, cell)
    local alice, bob = mover(t, cell.near[2], "port-cone", "linux-masq"), t:host { "bob", behind = "full-cone", behaviour = cell.far[2], timers = "rfc" }
    local call = t:call { alice, bob, model = "B", media = "voice" }
    call:await { "open", path = "direct_udp", within = "5s" }
    t:at "20s"
    alice:handover { from = "wifi", to = "lte", gap = cell.way.gap, overlap = cell.way.overlap }
    call[alice]:await { "failover", iface = "lte", within = "5s" }
    t:sleep "30s"
    local silent = call[alice].stats.longest_gap
    if cell.near[1] == "restarts" then
      t:check { "silence while it restarts", silent, at_least = tank.time(cell.way.restarts) }
    else
      t:check { "silence", silent, at_most = tank.time(cell.way.most) }
      call:forbid { "stalled", "death", during = "30s" }
    end
  end,
}

-- Whether a path opens from the new network is what the oracle says of a host that has that network alone.
S.judged = tank.scenario { "the call goes on where a host in the new network alone could open one",
  matrix = { near = { { "restarts", "rfc" }, { "continual", KEEPS } }, lte = { "port-cone", "symmetric", "cgn-apdf" },
             far = { "full-cone", "port-cone", "symmetric" } },
  run = function(t, cell)
    local alice, bob = mover(t, cell.near[2], cell.lte, "full-cone"), t:host { "bob", behind = cell.far, behaviour = cell.near[2], timers = "rfc" }
    local twin, bill = t:host { "twin", behind = cell.lte }, t:host { "bill", behind = cell.far }
    local like = t:call { twin, bill, model = "B" }
    local call = t:call { alice, bob, model = "B", media = "voice" }
    call:await { "open", path = "direct_udp", within = "5s" }
    local opens = like.oracle.outcome == "open"
    t:at "20s"
    alice:handover { from = "wifi", to = "lte", gap = "200ms" }
    if opens then
      call:expect { "failover", within = "5s" }
      call:forbid { "death", during = "40s" }
    else
      call:expect { "death", within = "31s" }
    end
  end,
}

-- The far end hears at once that the candidates of a network are gone, and does not send there until it has lapsed.
S.told = tank.scenario { "candidates of an interface that is gone are taken back: the far end leaves them when it hears so",
  matrix = { near = { { "restarts", "rfc" }, { "continual", KEEPS } } },
  run = function(t, cell)
    local alice = t:host { "alice", { "wifi", behind = "linux-masq" }, { "lte", behind = "port-cone" }, behaviour = cell.near[2] }
    local bob = t:host { "bob", behind = "full-cone" }
    local call = t:call { alice, bob, model = "B", media = "voice" }
    call:await { "open", path = "direct_udp", within = "5s" }
    t:at "20s"
    alice.iface.wifi:down()
    call:expect { "failover", within = "2s" }
    call:forbid { "death", "stalled", during = "1min" }
    t:sleep "3s"
    local before = alice.iface.wifi.link.stats.packets
    t:sleep "30s"
    t:check { "packets into the dead network", alice.iface.wifi.link.stats.packets - before, equals = 0 }
  end,
}
return S
