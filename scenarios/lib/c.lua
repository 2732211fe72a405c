-- What an application of model C does itself: it plays the far end's stream from the far end, and where that fails by way of the server.
--
--   local c = require "lib.c"
--   me:call(them)              -- me = host.C:open { server = meet }, both ends
--   c.keep(me)                 -- until the call is over
--
-- In Flash the choice was the script's, and this is all of it: the two lines at "NetStream.Connect.Failed". The rest keeps up the connection
-- that introductions come by: it is tried again where it could not be had, or is gone. How long a stream from a peer may take to open is the
-- object's `connect` (10 s; RFC 7016 has 95 s).
local tank = require "icetank"

local AGAIN = tank.time "1s"   -- after a connection that failed, or has ended
local STARTS = tank.time "5s"  -- a play whose session is there: it begins within a round trip, unless nothing comes through after all

local c = {}

local FIRST = "NetConnection.Connect.Success"
local FAILS = { ["NetConnection.Connect.Failed"] = true, ["NetConnection.Connect.Closed"] = true }

-- Publishes and plays by `via` what is not published or played yet.
local function both(me, via)
  me:publish(via)
  me:play(via)
end

local function later(me, after, f)
  me.host:spawn(function(host)
    host:sleep(after)
    f()
  end)
end

-- What a status code asks for: `first` is the way that is tried first, `open` whether the call is.
local function on_status(me, code, first, open, how)
  if code == FIRST then
    both(me, first)
  elseif FAILS[code] then
    later(me, AGAIN, function() me:connect() end)
  elseif open or how.via == "direct" then
    return
  elseif code == "NetStream.Connect.Failed" or code == "NetStream.Connect.Closed" then
    me:publish "server"
    me:play "server"
  elseif code == "NetStream.Connect.Success" then
    later(me, STARTS, function() if not me.path then both(me, "server") end end)
  end
end

-- Keeps the call of `me` to its end. `how.via`: "server" never tries the direct way, "direct" never falls back.
function c.keep(me, how)
  how = how or {}
  local first, open = how.via == "server" and "server" or "direct", false
  if first == "direct" then me:publish "direct" end -- before anybody can ask: what is not published is refused
  for ev in me:events { "open", "status", "subscriber", "death", "closed" } do
    if ev.name == "status" then
      on_status(me, ev.code, first, open, how)
    elseif ev.name == "subscriber" then
      me:play(first) -- who plays from us has a session with us: what failed before succeeds now
    elseif ev.name == "open" then
      open = true
    else
      return
    end
  end
end

return c
