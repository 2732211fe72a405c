-- Detection against false alarms over eight draws of the weather, idle and with voice: make compare-full. See scenarios/compare/tradeoff.lua.
local tank = require "icetank"
local tradeoff = require "lib.tradeoff"

local out = {}
for _, media in ipairs { "none", "voice" } do
  out[media] = tank.hypothesis { "detection against false alarms, media " .. media,
    claim   = "Alvestrand, RTC-Web list, January 2011: I expect an error message, I don't expect things to just freeze",
    tables  = "curves",
    seeds   = media == "none" and 8 or 2,
    matrix  = { model = tank.models, timers = tradeoff.settings, weather = tradeoff.weathers },
    predict = { { "deaths", of = { weather = "clear" }, equals = "0%" } },
    run = function(t, cell)
      tradeoff.case(t, { model = cell.model, timers = cell.timers, weather = cell.weather, media = media, calm = tank.time "120s" })
    end,
  }
end
return out
