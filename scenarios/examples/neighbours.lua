-- Two homes behind one carrier NAT (double NAT on both sides) meet directly only where its hairpin shows the external source.
local tank = require "icetank"
return tank.scenario { "neighbours behind one carrier NAT",
  matrix = { cgn = {
    { "cgn-eif-pba", outcome = "open", path = "direct_udp" },  -- hairpin with the external source, RFC 4787 REQ-9a
    { "cgn-hairpin-int", outcome = "death" },               -- internal source: the home routers drop it; a relay would carry it
    { "cgn-apdf", outcome = "death" },                      -- no hairpin
  } },
  run = function(t, cell)
    local cgn   = t:nat { "cgn", cell.cgn[1] }
    local alice = t:host { "alice", behind = { "linux-masq", cgn } }
    local bob   = t:host { "bob", behind = { "linux-masq", cgn } }
    t:call { alice, bob, model = "B" }:expect { cell.cgn.outcome, path = cell.cgn.path, within = "61s" }
  end,
}
