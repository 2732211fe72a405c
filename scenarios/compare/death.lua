-- The wire is cut at one side: when does each end hear of it, with and without carrier signal, streaming and idle.
-- E is expected to do as B does, for other reasons: its socket sees its own interface go and lets a permission lapse 30 s after the last
-- answered check; that checks go on is the work of the script's library. Without it: bare-udp.lua, "silence".
--
-- C differs where nothing tells of the cut. ICE asks for consent every 5 s and gives it up after 30. An end of RTMFP asks when what it sends is
-- not acknowledged, or after 15 s in which it had nothing to send (timers.keepalive of RFC 8445, as every model has it here), and gives up
-- what stays unanswered for 30 s when the question is to be repeated, which is every 10 s at most by then (RFC 7016 section 3.5.2.2): 41 s
-- streaming, 15 s more when idle. So an idle end is told of its silence later, too: 15 s, an answer's time, T_stall.
--
-- D's script hears of it from the peer object, and dies with that: the relay object, which it opens when it is told of the silence, finds nobody.
local tank = require "icetank"

-- What is told to an end that sees nothing of the cut, and by when.
local function expect_end(call, host, cell)
  local idle = cell.model == "C" and "18.5s" or "9s"
  call[host]:expect { "stalled", within = cell.media == "voice" and "2.5s" or idle }
  if cell.model == "C" then
    call[host]:expect { "death", reason = "keepalive_timeout", within = cell.media == "voice" and "42s" or "57s" }
  else
    call[host]:expect { "death", reason = "consent_expired", within = "36s" }
  end
end

return tank.scenario { "the wire is cut",
  matrix = { model = tank.models, side = { "near", "far" }, signal = { true, false }, media = { "voice", "none" }, family = { "v4", "dual" } },
  run = function(t, cell)
    if cell.model == "D" then t:internet { servers = { "signal", "stun", "ws" } } end
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
      expect_end(call, cut, cell)
    end
    expect_end(call, other, cell)
  end,
}
