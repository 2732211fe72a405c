-- A population of homes as Ford, Srisuresh and Kegel found it in 2005: 82 % of NATs can be punched. Two random homes meet directly
-- when both can.
local tank = require "icetank"

return tank.hypothesis { "two random homes connect directly as often as Ford's p squared says",
  claim   = "Ford et al., USENIX 2005: 310 of 380 NATs (82 %) let UDP hole punching through, squared 67 %; libp2p DCUtR 2025: 70 % +- 7.1 %",
  matrix  = { pair = tank.draw { pairs = 2000, from = { { 82, behind = "port-cone" }, { 18, behind = "symmetric-seq" } } } },
  predict = { { "direct", between = { "63%", "77%" } } },
  known   = "supported",
  run = function(t, cell)
    local a, b = t:host { "a", like = cell.pair.a }, t:host { "b", like = cell.pair.b }
    t:call { a, b, model = "B" }:next { "open", "death", within = "65s" }
  end,
}
