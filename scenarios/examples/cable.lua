-- Alvestrand's cable: without wireless both sides must hear of the death in time, with wireless the call must move over.
local tank = require "icetank"
return tank.scenario { "the cable is pulled, with and without wireless",
  matrix = { model = tank.models, signal = { true, false }, wireless = { true, false } },
  where  = function(cell) return cell.signal or not cell.wireless end,
  run = function(t, cell)
    if cell.model == "D" then t:internet { servers = { "signal", "stun", "ws" } } end -- whose second object is a relay's
    local home = t:nat { "home", "linux-masq" }
    local wifi = cell.wireless and { "wifi", behind = home, link = "wifi-good" } or nil
    local desk = t:host { "desk", { "wired", behind = home }, wifi }
    local far  = t:host { "far", behind = "port-cone" }
    local call = t:call { desk, far, model = cell.model, media = "voice" }
    call:await { "open", within = "10s" }
    t:at "15s"
    desk.iface.wired.link:cut { signal = cell.signal }      -- signal: the machine sees its own carrier go
    local late = cell.model == "C" and "42s" or "31s"       -- RTMFP gives up when a Ping is to be repeated, every 10 s at most
    if cell.wireless then
      call:expect { "failover", within = "10s" }
      call:forbid { "death", during = "60s" }
    else
      call[desk]:expect { "death", within = cell.signal and "100ms" or late }
      call[far]:expect { "death", within = late }
    end
  end,
}
