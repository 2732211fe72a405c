-- The populations at a size that gives narrow intervals: make compare-full. What each is: icetank profiles population.
local tank = require "icetank"
local population = require "lib.population"

local PAIRS = { strangers = 300, homes = 100, mobile = 100, office = 100, ["homes-2005"] = 100 }

local out = {}
for name, n in pairs(PAIRS) do
  out[name] = tank.hypothesis { name .. ", in five models",
    claim   = "Kaufman, RTC-Web list, January 2011: five ways of giving a program a peer-to-peer connection",
    tables  = "survey",
    matrix  = { model = tank.models, pair = tank.draw { pairs = n, from = name } },
    predict = { { "connected", of = { model = "B" }, equals = "100%" } },
    run = population.case,
  }
end
return out
