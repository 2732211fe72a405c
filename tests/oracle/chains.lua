-- Every chain of two boxes of the nine classes, against every one box in B and in E, and against every other chain in B: 729 + 729 + 6,561.
-- Each case is judged by the standing rule "oracle" alone: both ends open, over kinds that it allows, or neither does.
local tank = require "icetank"

local CHAINS = {}
for _, inner in ipairs(tank.classes) do
  for _, outer in ipairs(tank.classes) do CHAINS[#CHAINS + 1] = { inner .. "+" .. outer, inner = inner, outer = outer } end
end

local function judged(t, near, far, model)
  t:call { t:host { "near", behind = near }, t:host { "far", behind = far }, model = model }:await { "open", "death", within = "61s" }
  t:sleep "1s"
end

return {
  one = tank.scenario { "a chain of two boxes meets one box as the oracle says",
    matrix = { near = CHAINS, far = tank.classes, model = { "B", "E" } },
    run = function(t, cell) judged(t, { cell.near.inner, cell.near.outer }, cell.far, cell.model) end,
  },
  two = tank.scenario { "a chain of two boxes meets another as the oracle says",
    matrix = { near = CHAINS, far = CHAINS },
    run = function(t, cell) judged(t, { cell.near.inner, cell.near.outer }, { cell.far.inner, cell.far.outer }, "B") end,
  },
}
