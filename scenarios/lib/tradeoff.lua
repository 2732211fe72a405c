-- A case of the trade-off of detection: a call whose way gets worse without being dead, for as long as |cell.calm| says, and then is dead. How often
-- was it called stalled or dead while it was neither, and how long did it take to be told when it was?
--
--   local tradeoff = require "lib.tradeoff"
--   tradeoff.case(t, cell)      -- cell.model, cell.timers = { name, timers... }, cell.weather = { name, link fields }, cell.media, cell.calm
local tank = require "icetank"

local tradeoff = {}

local SERVERS = { "signal", "stun", "ws" }
local ALARMS  = { "stalled", "resumed", "death", "closed" }
local WATCHED = tank.time "120s"    -- after the end: beyond the longest T_death with its checks

-- The settings of the two ends' timers: the named sets, and those of the RFCs with another time of death.
tradeoff.settings = {
  { "rfc", timers = "rfc" }, { "libwebrtc", timers = "libwebrtc" }, { "firefox", timers = "firefox" }, { "pion", timers = "pion" },
  { "libnice", timers = "libnice" }, { "rtmfp", timers = "rtmfp" },
  { "rfc-8s", timers = { "rfc", death = "8s" } }, { "rfc-15s", timers = { "rfc", death = "15s" } }, { "rfc-60s", timers = { "rfc", death = "60s" } },
}
-- What the way is like. A burst takes whole seconds, as where a radio fades.
tradeoff.weathers = {
  { "clear" }, { "loss-10", loss = "10%", jitter = "30ms" }, { "loss-20", loss = "20%", jitter = "30ms" }, { "loss-30", loss = "30%", jitter = "30ms" },
  { "loss-40", loss = "40%", jitter = "30ms" }, { "loss-50", loss = "50%", jitter = "30ms" }, { "bursts", loss = "20%", burst = "4s", jitter = "30ms" },
}

-- What |w| says of a link; nil where it leaves all as it is.
local function weather_of(w)
  if not w.loss then return nil end
  return { loss = w.loss, burst = w.burst, jitter = w.jitter }
end

-- Counts alarms of both ends of |call| until |till|: stalls, deaths. It ends with the first death.
local function alarms(t, call, till)
  local stalls = 0
  while t:now() < till do
    local want = { within = till - t:now() }
    for i, name in ipairs(ALARMS) do want[i] = name end
    local ev = call:next(want)
    if not ev then break end
    if ev.name == "stalled" then stalls = stalls + 1 end
    if ev.name == "death" then return stalls, 1 end
  end
  return stalls, 0
end

-- Runs the case to its end.
function tradeoff.case(t, cell)
  if cell.model ~= "C" then t:internet { servers = SERVERS } end
  local near = t:host { "near", behind = "linux-masq", timers = cell.timers.timers }
  local far  = t:host { "far", behind = "port-cone", timers = cell.timers.timers }
  local call = t:call { near, far, model = cell.model, media = cell.media }
  call:await { "open", within = "30s" }
  t:sleep "5s"
  local weather = weather_of(cell.weather)
  if weather then near.gateway.link:set(weather) end
  local began = t:now()
  local stalls, deaths = alarms(t, call, began + cell.calm)
  t:metric { "exposure_ms", (t:now() - began) // tank.time "1ms" }
  t:metric { "stalls", stalls }
  t:metric { "deaths", deaths }
  if deaths > 0 then return end
  near.gateway.link:blackhole {}
  local cut = t:now()
  local first = call:next { "stalled", "death", within = WATCHED }
  if not first then return end
  t:metric { "told_ms", (first.at - cut) // tank.time "1ms" }
  if first.name ~= "death" then first = call:next { "death", within = WATCHED } end
  if first then t:metric { "dead_ms", (first.at - cut) // tank.time "1ms" } end
end

return tradeoff
