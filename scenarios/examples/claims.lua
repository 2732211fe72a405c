-- A hypothesis that states its prediction first, over a drawn population of homes. Those of the discussion of 2011: scenarios/hypotheses.
local tank = require "icetank"
return {
  homes = tank.hypothesis { "two random homes connect directly as often as Ford's p squared says",
    claim   = "Ford 2005: 82 % of NATs can be punched, squared 67 %; DCUtR 2025: 70 % +- 7 % of attempts succeed",
    matrix  = { pair = tank.draw { pairs = 2000, from = { { 82, behind = "port-cone" }, { 18, behind = "symmetric-seq" } } } },
    predict = { { "direct", between = { "63%", "77%" } } },
    known   = "supported",                                  -- written here only after the first measurement
    run = function(t, cell)
      local a, b = t:host { "a", like = cell.pair.a }, t:host { "b", like = cell.pair.b }
      local call = t:call { a, b, model = "B" }
      call:expect { call.oracle.outcome, within = "61s" }
    end,
  },
}
