-- A host with a home router on each of two interfaces: the nets inside differ, or are equal because somebody wanted them so. Either way
-- carries the call when the other one dies.
local tank = require "icetank"
return tank.scenario { "two home routers, one of which dies in the middle of a call",
  matrix = {
    model = { "B", "E" }, homes = { "profiles", "named", "equal", "chains" }, dies = { "wifi", "lte" },
    second = { "linux-masq", "symmetric", "openbsd-pf" },
  },
  run = function(t, cell)
    local first, second = "fritzbox-like", cell.second
    if cell.homes == "chains" then
      first, second = { first, "cgn-eif-pba" }, { second, "cgn-eif-pba" }
    elseif cell.homes ~= "profiles" then
      local lan = cell.homes == "equal" and "192.168.1.0/24" or nil
      first, second = t:nat { "first", first, lan = lan }, t:nat { "second", second, lan = lan }
    end
    local a = t:host { "a", { "wifi", behind = first }, { "lte", behind = second } }
    local b = t:host { "b", behind = "full-cone" }
    local call = t:call { a, b, model = cell.model, media = "voice" }
    call:await { "open", within = "10s" }
    t:at "12s"
    local before = call[b].stats.voice_received
    a.iface[cell.dies]:down()
    call:forbid { "death", during = "20s" }
    t:sleep "20s"
    t:check { "voice goes on", call[b].stats.voice_received - before, at_least = 800 }
  end,
}
