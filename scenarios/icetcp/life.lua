-- The life of a call by TCP: its connection, consent, its end, another one in its place.
local tank = require "icetank"
local S = {}

local function pair(t, s)
  local wall = t:firewall { "wall", "stateful", set = { udp = "block" } }
  local near = t:host { "near", behind = { "linux-masq", wall }, timers = s and s.timers }
  local far = t:host { "far", timers = s and s.timers }
  return near, far
end

S.reset = tank.scenario { "when the connection is reset the call ends at once, or goes on over another one after a restart",
  matrix = { restart = { true, false } },
  run = function(t, cell)
    local wall = t:firewall { "wall", "stateful", set = { udp = "block" } }
    local home = t:nat { "home", "linux-masq", behind = wall, set = { tcp = { loose = false, rst_on_expired = true } } }
    local near, far = t:host { "near", behind = home }, t:host { "far" }
    local c = t:call { near, far, model = "B", media = "voice", tcp = "all", restart = cell.restart }
    c:await { "open", path = "direct_tcp", within = "5s" }
    t:at "20s"
    home:flush() -- forgets the connection, and resets what comes of it from inside
    if cell.restart then
      c:forbid { "death", during = "1min" }
      c[near]:expect { "failover", path = "direct_tcp", within = "5s" }
    else
      c[near]:expect { "death", reason = "transport_reset", within = "1s" }
      c[far]:expect { "death", within = "31s" }
    end
  end,
}

S.silence = tank.scenario { "silence on a connection ends consent after 30 s, as on any path",
  run = function(t)
    local near, far = pair(t)
    local c = t:call { near, far, model = "B", media = "voice", tcp = "all", restart = false }
    c:await { "open", path = "direct_tcp", within = "5s" }
    t:at "20s"
    near.link:blackhole {}
    c:expect { "stalled", within = "3s" }
    c:expect { "death", reason = "consent_expired", within = "36s" }
  end,
}

S.closed = tank.scenario { "who closes a call by TCP is heard",
  run = function(t)
    local near, far = pair(t)
    local c = t:call { near, far, model = "B", tcp = "all" }
    c:await { "open", path = "direct_tcp", within = "5s" }
    t:at "10s"
    c[near]:close()
    c[far]:expect { "closed", by = "remote", within = "1s" }
  end,
}

S.messages = tank.scenario { "messages by TCP come whole and in order",
  run = function(t)
    local near, far = pair(t)
    local c = t:call { near, far, model = "B", tcp = "all" }
    c:await { "open", path = "direct_tcp", within = "5s" }
    for i = 1, 50 do c[near]:send(("message %d"):format(i)) end
    local n = 0
    for ev in c[far]:events "message" do
      n = n + 1
      t:check { "order", ev.data, equals = ("message %d"):format(n) }
      if n == 50 then break end
    end
  end,
}

S.lossy = tank.scenario { "TCP carries a call through losses that it repairs",
  matrix = { loss = { "1%", "3%" } },
  run = function(t, cell)
    local wall = t:firewall { "wall", "stateful", set = { udp = "block" } }
    local near = t:host { "near", behind = wall, link = { "fiber", loss = cell.loss } }
    local far = t:host { "far" }
    local c = t:call { near, far, model = "B", media = "voice", tcp = "all" }
    c:await { "open", path = "direct_tcp", within = "20s" }
    c:forbid { "death", during = "1min" }
    t:sleep "1min"
  end,
}

S.moved = tank.scenario { "a call by TCP moves to another network by a restart",
  run = function(t)
    local wall = t:firewall { "wall", "stateful", set = { udp = "block" } }
    local near = t:host { "near", { "wifi", behind = { "linux-masq", wall } }, { "lte", behind = { "port-cone", wall } } }
    local far = t:host { "far" }
    local c = t:call { near, far, model = "B", media = "voice", tcp = "all" }
    c:await { "open", path = "direct_tcp", within = "5s" }
    t:at "20s"
    near.iface.wifi:down()
    c[near]:expect { "failover", path = "direct_tcp", within = "6s" }
    c:forbid { "death", during = "1min" }
  end,
}
return S
