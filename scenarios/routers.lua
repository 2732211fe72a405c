-- Routers made by hand: at the edge, one behind another, at home behind a NAT; in both families. To the oracle they are no boxes.
local tank = require "icetank"
return tank.scenario { "a call through routers lives on after a second without it",
  matrix = { family = { "v4", "v6", "dual" }, place = { "edge", "home", "chain" } },
  where = function(c) return c.place ~= "home" or c.family == "v4" end,
  run = function(t, cell)
    local nat = cell.place == "home" and t:nat { "home", "linux-masq" } or nil
    local r = t:router { "isp", family = cell.family, behind = nat, link = { delay = "8ms" } }
    local r2 = cell.place == "chain" and t:router { "inner", family = cell.family, behind = r } or r
    local a, b = t:host { "a", behind = r2, family = cell.family }, t:host { "b", family = cell.family }
    local call = t:call { a, b, model = "B", media = "voice" }
    call:await { call.oracle.outcome, path = call.oracle.path, within = "5s" }
    t:sleep "5s"
    a.link:blackhole()
    t:sleep "1s"
    a.link:restore()
    call:forbid { "death", "failover", during = "10s" }
  end,
}
