-- What each pair of boxes must do comes from the oracle; every case is judged for it on both ends, candidate kinds included.
-- E's script must reach exactly the cells that B's agent reaches: checks, answers and filters are the same, only who decides differs.
-- It opens one round trip later than B, since its handshake starts after the nomination and not with the first valid pair.
-- C (RFC 7016) opens directly wherever B does: what a check is to ICE, IHello, RHello and IIKeying are to RTMFP. Where B dies C has its server,
-- unless UDP is blocked, once a stream from the peer had its 10 s. Three cells are C's alone, of two NATs that map by destination and port and do
-- not take a mapping for a session: an EIF one against an EIF or ADF one. There every answer comes from a port that nobody was told of: ICE drops
-- it (RFC 8445 section 7.2.5.2.1), an RHello counts by its tag, and a Cookie Change makes good that the question has come from elsewhere, too.
-- D opens directly wherever A does without a relay; everywhere else its relay object is left, over TCP, which passes every wall here.
local tank = require "icetank"

-- Model D relays by an object of its own, which needs its server.
local function serve(t, cell)
  if cell.model == "D" then t:internet { servers = { "signal", "stun", "ws" } } end
end
local function pair(t, cell, near, far)
  local call = t:call { t:host { "near", behind = near }, t:host { "far", behind = far }, model = cell.model }
  call:expect { call.oracle.outcome, path = call.oracle.path, within = "61s" }
end

local named = {
  "rfc4787-best", "full-cone", "addr-cone", "port-cone", "symmetric", "symmetric-seq", "linux-masq", "linux-masq-reject",
  "linux-masq-random", "linux-masq-range", "slirp", "pasta", "openbsd-pf", "cisco-asa", "winnat", "fritzbox-like",
  "aws-nat-gw", "gcp-cloud-nat-eim",
}

return {
  classes = tank.scenario { "every ordered pair of the nine NAT classes",
    matrix = { model = tank.models, near = tank.classes, far = tank.classes, session = { "yes", "no" } },
    run = function(t, cell)
      serve(t, cell)
      local suffix = cell.session == "no" and "-nosession" or ""
      pair(t, cell, cell.near .. suffix, cell.far .. suffix)
    end,
  },
  profiles = tank.scenario { "named profiles against a home router and a symmetric NAT",
    matrix = { model = tank.models, near = named, far = { "linux-masq", "symmetric" } },
    run = function(t, cell)
      serve(t, cell)
      pair(t, cell, cell.near, cell.far)
    end,
  },
  chains = tank.scenario { "carrier NAT chains against the internet, a home router and a symmetric NAT",
    matrix = { model = tank.models, near = { "nat444-cgn-eif", "nat444-cgn-apdf", "nat444-cgn-sym", "double-home" },
      far = { "full-cone", "linux-masq", "symmetric" } },
    run = function(t, cell)
      serve(t, cell)
      pair(t, cell, cell.near, cell.far)
    end,
  },
  hairpin = tank.scenario { "neighbours behind one carrier NAT",
    matrix = { model = tank.models, cgn = { "cgn-eif-pba", "cgn-hairpin-int", "cgn-apdf" } },
    run = function(t, cell)
      serve(t, cell)
      local cgn = t:nat { "cgn", cell.cgn }
      pair(t, cell, { "linux-masq", cgn }, { "linux-masq", cgn })
    end,
  },
  blocked = tank.scenario { "a wall that blocks UDP",
    matrix = { model = tank.models, far = { "full-cone", "linux-masq" } },
    run = function(t, cell)
      serve(t, cell)
      pair(t, cell, { "udp-blocked", "linux-masq" }, cell.far)
    end,
  },
}
