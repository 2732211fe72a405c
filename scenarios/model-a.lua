-- Model A: the object signals by itself. What it tells when its rendezvous server is not there, is lost or comes back, when nobody listens, when a
-- name is taken, and by which way it opens where UDP does not pass. Every prediction is written before the case, in its own words.
local tank = require "icetank"

local URL = "icet://signal/bob?stun=stun:stun"

-- A call that is open, and the time 15 s.
local function opened(t, near, far, media)
  local call = t:call { near, far, model = "A", media = media or "voice" }
  call:await { "open", within = "10s" }
  t:at "15s"
  return call
end
local function homes(t) return t:host { "near", behind = "linux-masq" }, t:host { "far", behind = "port-cone" } end

return {
  -- No server at the start: both ends die by T_conn, and say why.
  down_at_start = tank.scenario { "the rendezvous server is down at the start",
    run = function(t)
      local near, far = homes(t)
      t.server.signal:stop {}
      local l, d = far.A:listen { URL }, near.A:dial { URL }
      d:expect { "death", reason = "connect_failed", within = "61s" }
      l:expect { "death", reason = "connect_failed", within = "61s" }
      d:forbid { "open", during = "61s" }
      local ev = d:await { "death", within = "61s" }
      t:check { "it says that it is the server", ev.why:find("the rendezvous server was not reached", 1, true) ~= nil, equals = true }
    end,
  },
  -- It goes after the opening: media go on; a new mapping at one side needs a restart, which needs the server: death at T_death.
  lost_then_rebind = tank.scenario { "the rendezvous server is lost, then a NAT gets new ports",
    run = function(t)
      local near, far = t:host { "near", behind = "linux-masq-range" }, t:host { "far", behind = "port-cone" }
      local call = opened(t, near, far)
      t.server.signal:stop {}
      call:forbid { "stalled", "death", during = "30s" }
      t:at "50s"
      near.gateway:reboot {}
      call:expect { "stalled", within = "9s" }
      call:expect { "death", reason = "consent_expired", within = "36s" }
    end,
  },
  -- It comes back, with no memory, before T_death is over: the restart gets through, and the call recovers.
  back_in_time = tank.scenario { "the rendezvous server comes back, with its memory lost",
    run = function(t)
      local near, far = t:host { "near", behind = "linux-masq-range" }, t:host { "far", behind = "port-cone" }
      local call = opened(t, near, far)
      t.server.signal:stop {}
      t:at "20s"
      near.gateway:reboot {}
      call:expect { "stalled", within = "9s" }
      t:at "25s"
      t.server.signal:start()
      call:expect { "failover", "resumed", within = "25s" }
      call:forbid { "death", during = "60s" }
    end,
  },
  -- UDP is blocked: it opens by a relay by TCP, which only the path tells.
  udp_blocked = tank.scenario { "UDP is blocked",
    matrix = { by = { "turn", "ws" } },
    run = function(t, cell)
      t:internet { servers = { "signal", "stun", cell.by } }
      local near, far = t:host { "near", behind = { "udp-blocked", "linux-masq" } }, t:host { "far", behind = "linux-masq" }
      local call = t:call { near, far, model = "A", media = "voice" }
      call[near]:expect { "open", path = "relay_tcp", within = "20s" } -- the far side has a relay of its own, by UDP
      call:forbid { "stalled", "death", "failover", during = "30s" }
    end,
  },
  -- A proxy alone leads out: signaling and media go by CONNECT.
  proxy_only = tank.scenario { "an HTTP proxy alone leads out",
    run = function(t)
      t:internet { servers = { "signal", "stun", "ws" } }
      local near, far = t:host { "near", behind = "http-proxy-connect" }, t:host { "far", behind = "linux-masq" }
      local call = t:call { near, far, model = "A", media = "voice" }
      call:expect { call.oracle.outcome, path = call.oracle.path, within = "30s" }
      call:await { "open", path = "relay_tcp", within = "30s" }
      t:sleep "2s"
      t:check { "through CONNECT", near.gateway.stats.connects, at_least = 2 }
    end,
  },
  -- The cable: with a signal at once and for this reason; without one, and at the far end, by silence.
  cable = tank.scenario { "the cable is pulled",
    matrix = { signal = { true, false } },
    run = function(t, cell)
      local near, far = homes(t)
      local call = opened(t, near, far)
      near.link:cut { signal = cell.signal }
      if cell.signal then
        call[near]:expect { "network", up = false, within = "1ms" }
        call[near]:expect { "death", reason = "link_down_no_alternative", within = "1ms" }
      else
        call[near]:expect { "stalled", within = "2.5s" }
        call[near]:expect { "death", reason = "consent_expired", within = "36s" }
      end
      call[far]:expect { "stalled", within = "2.5s" }
      call[far]:expect { "death", reason = "consent_expired", within = "36s" }
    end,
  },
  -- Nobody listens: refused by the first answer of the server, long before T_conn.
  nobody = tank.scenario { "nobody listens under that name",
    run = function(t)
      local near = t:host { "near", behind = "linux-masq" }
      local d = near.A:dial { URL }
      local ev = d:await { "death", reason = "connect_failed", within = "500ms" }
      t:check { "it says why", ev.why, equals = "nobody listens under that name" }
    end,
  },
  -- A caller that waits is connected as soon as somebody listens; one that waited in vain is told when its time is over.
  waits = tank.scenario { "a call waits for who is to listen",
    matrix = { comes = { true, false } },
    run = function(t, cell)
      local near, far = homes(t)
      local d = near.A:dial { URL .. "&wait=10" }
      t:at "5s"
      if cell.comes then
        far.A:listen { URL }
        d:expect { "open", path = "direct_udp", within = "5s" }
      else
        d:expect { "death", reason = "connect_failed", within = "6s" }
      end
    end,
  },
  -- Two callers: each has a connection of its own, and what one says does not reach the other; one hangs up, the other goes on.
  two_callers = tank.scenario { "two callers",
    run = function(t)
      local far = t:host { "far", behind = "port-cone" }
      local ann, ben = t:host { "ann", behind = "linux-masq" }, t:host { "ben", behind = "full-cone" }
      local l = far.A:listen { URL }
      l:await { "up", within = "2s" }
      local a, b = ann.A:dial { URL }, ben.A:dial { URL }
      local first = l:next { "call", within = "2s" }.call
      local second = l:next { "call", within = "2s" }.call
      a:next { "open", within = "5s" }
      b:next { "open", within = "5s" }
      t:at "6s"
      t:check { "both are open", a.phase .. " " .. b.phase .. " " .. first.phase .. " " .. second.phase, equals = "open open open open" }
      first:send "one"
      second:send "two"
      local x, y = a:next { "message", within = "1s" }, b:next { "message", within = "1s" }
      local heard = { x and x.data or "nothing", y and y.data or "nothing" }
      table.sort(heard)
      t:check { "each hears its own", table.concat(heard, " "), equals = "one two" }
      a:close()
      b:forbid { "closed", "death", during = "10s" }
    end,
  },
  -- Sixteen at a time: the seventeenth is told that the far side is busy, at once.
  busy = tank.scenario { "one caller more than there is room for",
    run = function(t)
      local far, near = t:host { "far" }, t:host { "near" }
      local l = far.A:listen { URL }
      l:await { "up", within = "2s" }
      for _ = 1, 16 do near.A:dial { URL } end
      t:at "2s"
      local d = near.A:dial { URL }
      local ev = d:await { "death", reason = "connect_failed", within = "1s" }
      t:check { "it says why", ev.why, equals = "busy" }
    end,
  },
  -- A name has one listener: the second is refused at once, and the first goes on; it is free again when the first leaves.
  taken = tank.scenario { "a name that somebody has",
    run = function(t)
      local near, far = homes(t)
      local first = far.A:listen { URL }
      first:await { "up", within = "2s" }
      local ev = near.A:listen { URL }:await { "death", reason = "connect_failed", within = "1s" }
      t:check { "it says why", ev.why, equals = "somebody else listens under that name" }
      first:forbid { "death", during = "1s" }
      t:at "5s"
      first:close()
      t:at "6s"
      near.A:listen { URL }:expect { "up", within = "2s" }
    end,
  },
  -- Without relays of any kind: what the boxes forbid to be direct dies, though a relay is there.
  direct_only = tank.scenario { "direct only",
    matrix = { far = { "full-cone", "symmetric" } },
    run = function(t, cell)
      t:internet { servers = { "signal", "stun", "turn", "ws" } }
      local near, far = t:host { "near", behind = "linux-masq" }, t:host { "far", behind = cell.far }
      local url = URL .. "&turn=turn:turn&user=tank&password=tank&ws=ws://ws"
      local l = far.A:listen { url, direct_only = true }
      l:await { "up", within = "2s" }
      local d = near.A:dial { url, direct_only = true }
      if cell.far == "full-cone" then
        d:expect { "open", path = "direct_udp", within = "5s" }
      else
        d:expect { "death", reason = "connect_failed", within = "61s" }
        d:forbid { "open", during = "61s" }
      end
      t:sleep "62s"
      t:check { "no relay was asked for", t.server.turn.stats.requests, equals = 0 }
    end,
  },
}
