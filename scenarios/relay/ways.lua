-- What a relay adds: whoever reaches a TURN server by UDP or TCP has a way to everybody. The oracle says for every pair whether the direct
-- way opens, and else by which leg a relayed one must; both ends are judged, kinds of candidates included.
local tank = require "icetank"

local function pair(t, cell, near, far)
  local call = t:call { t:host { "near", behind = near.behind, family = near.family, ipv6 = near.ipv6 },
    t:host { "far", behind = far.behind, family = far.family, ipv6 = far.ipv6 }, model = "B", turn = cell.by ~= "both" and cell.by or nil }
  call:expect { call.oracle.outcome, within = "61s" }
  return call
end
local function servers(t, turn) t:internet { servers = { "signal", "stun", "turn" }, turn = turn } end

return {
  classes = tank.scenario { "every pair of the nine NAT classes, with a relay",
    matrix = { by = { "udp", "tcp" }, near = tank.classes, far = tank.classes },
    run = function(t, cell)
      servers(t)
      pair(t, cell, { behind = cell.near }, { behind = cell.far })
    end,
  },
  named = tank.scenario { "named profiles against a symmetric NAT, with a relay",
    matrix = { by = { "udp", "tcp", "both" }, near = { "rfc4787-best", "symmetric-seq", "linux-masq", "linux-masq-random", "slirp", "openbsd-pf", "cisco-asa", "winnat", "fritzbox-like",
      "aws-nat-gw", "gcp-cloud-nat-eim", "nat444-cgn-sym", "double-home" } },
    run = function(t, cell)
      servers(t)
      pair(t, cell, { behind = cell.near }, { behind = "symmetric" })
    end,
  },
  blocked = tank.scenario { "UDP is blocked: TURN over TCP is what is left",
    matrix = { by = { "udp", "tcp", "both" }, far = { "open", "full-cone", "symmetric", "blocked" } },
    run = function(t, cell)
      servers(t)
      local far = cell.far == "blocked" and { "udp-blocked", "linux-masq" } or cell.far ~= "open" and cell.far or nil
      local call = pair(t, cell, { behind = { "udp-blocked", "linux-masq" } }, { behind = far })
      t:check { "it opens exactly where TCP may be used", call.oracle.outcome, equals = cell.by == "udp" and "death" or "open" }
    end,
  },
  web = tank.scenario { "nothing but the web's ports passes",
    matrix = { by = { "udp", "tcp" }, ports = { "3478", "443" }, far = { "full-cone", "symmetric" } },
    run = function(t, cell)
      servers(t, { udp = { math.tointeger(cell.ports) }, tcp = { math.tointeger(cell.ports) } })
      pair(t, cell, { behind = { "tcp-443-only", "linux-masq" } }, { behind = cell.far })
    end,
  },
  limits = tank.scenario { "quotas and rules for peers make a call uncertain where it may come to them, and only there",
    matrix = {
      limit = {
        { "quota-far", turn = { quota = 100 }, sure = true }, { "quota-near", turn = { quota = 2 } },
        { "denied-elsewhere", turn = { deny = { "192.0.2.0/24", "2001:db8:ffff::/48" } }, sure = true }, { "denied-here", turn = { deny = { "198.51.100.0/24", "203.0.113.0/24" } } },
        { "allowed", turn = { allow = { "192.0.2.7" } }, sure = true },
      },
    },
    run = function(t, cell)
      servers(t, cell.limit.turn)
      local call = t:call { t:host { "near", behind = "symmetric" }, t:host { "far", behind = "symmetric" }, model = "B" }
      t:check { "sure", not call.oracle.either, equals = cell.limit.sure or false }
      call:await { "open", "death", within = "61s" }
      t:sleep "1s"
    end,
  },
  families = tank.scenario { "hosts of different families meet by a relay alone",
    matrix = { by = { "udp", "tcp" }, near = { "v4", "v6", "dual" }, far = { "v4", "v6", "dual" } },
    run = function(t, cell)
      servers(t)
      pair(t, cell, { family = cell.near }, { family = cell.far })
    end,
  },
}
