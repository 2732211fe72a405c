-- The wire is cut at one side: when does each end hear of it, with and without carrier signal, streaming and idle.
-- E is expected to do as B does, for other reasons: its socket sees its own interface go and lets a permission lapse 30 s after the last
-- answered check; that checks go on is the work of the script's library. Without it: bare-udp.lua, "silence".
local tank = require "icetank"
return tank.scenario { "the wire is cut",
  matrix = { model = tank.models, side = { "near", "far" }, signal = { true, false }, media = { "voice", "none" }, family = { "v4", "dual" } },
  where = function(cell) return cell.model == "A" or cell.model == "B" or cell.model == "E" or (cell.side == "near" and cell.signal and cell.media == "voice" and cell.family == "v4") end,
  run = function(t, cell)
    local dual = cell.family == "dual"
    local near = t:host { "near", behind = not dual and "linux-masq" or nil, family = cell.family }
    local far  = t:host { "far", behind = not dual and "port-cone" or nil, family = cell.family }
    local call = t:call { near, far, model = cell.model, media = cell.media }
    call:await { "open", within = "10s" }
    t:at "15s"
    local cut, other = near, far
    if cell.side == "far" then cut, other = far, near end
    cut.link:cut { signal = cell.signal }
    if cell.signal then
      call[cut]:expect { "death", reason = "link_down_no_alternative", within = "1ms" }
    else
      call[cut]:expect { "stalled", within = cell.media == "voice" and "2.5s" or "9s" }
      call[cut]:expect { "death", reason = "consent_expired", within = "36s" }
    end
    call[other]:expect { "stalled", within = cell.media == "voice" and "2.5s" or "9s" }
    call[other]:expect { "death", reason = "consent_expired", within = "36s" }
  end,
}
