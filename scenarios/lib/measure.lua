-- What hypotheses measure with messages and probes of their own.
--
--   local m = require "lib.measure"
--   local delays, n = m.delays { t, from = call[a], to = call[b], n = 500 }     -- blocks; ns, sorted
--   m.part(delays, 95)                                                          -- the 95th of 100 parts
local tank = require "icetank"

local measure = {}
local NS, NEVER = tank.time "1ns", 1 << 62

-- A time as a number of nanoseconds, or of `unit`.
function measure.ns(time, unit) return tank.time(time) // tank.time(unit or NS) end

-- Sends `n` numbered texts of `size` bytes, one `every` 20 ms, by `from`, and waits `rest` for the last ones. Returns the delays of those
-- that `to` told, sorted, and by number. `send(text)` in place of from:send is for what needs more than a text; `split` for a `to` that
-- is a stream of bytes, which tells texts in pieces.
function measure.delays(s)
  local t, sent, came, list = s[1], {}, {}, {}
  local every, size = tank.time(s.every or "20ms"), s.size or 160
  local function take(text, at)
    local i = math.tointeger(tonumber(text:match "^%d+"))
    if sent[i] and not came[i] then came[i] = measure.ns(at - sent[i]) end
  end
  t:spawn(function()
    local held = ""
    for ev in s.to:events { "message" } do
      if s.split then
        held = held .. ev.data
        while #held >= size do
          take(held, ev.at)
          held = held:sub(size + 1)
        end
      else
        take(ev.data, ev.at)
      end
    end
  end)
  local send = s.send or function(text) s.from:send(text) end
  for i = 1, s.n do
    sent[i] = t:now()
    local text = i .. " "
    send(text .. ("x"):rep(size - #text))
    t:sleep(every)
  end
  t:sleep(s.rest or "5s")
  for _, delay in pairs(came) do list[#list + 1] = delay end
  table.sort(list)
  return list, came
end

-- What `percent` of 100 of a sorted list are not above.
function measure.part(list, percent) return list[(#list * percent + 99) // 100] or NEVER end

-- How many of `n` messages were not there `deadline` behind the fastest: lost, or late.
function measure.missed(list, n, deadline)
  local due, inside = (list[1] or 0) + measure.ns(deadline), 0
  for _, delay in ipairs(list) do if delay <= due then inside = inside + 1 end end
  return n - inside
end

-- How long after `from` `source` told one of `names`, in ns; nil when it did not within `within`. What it told before counts for nothing.
function measure.told(source, names, from, within)
  local want = { table.unpack(names) }
  want.within = within
  local till = from + within
  while true do
    local ev = source:next(want)
    if not ev or ev.at > till then return nil end
    if ev.at >= from then return measure.ns(ev.at - from), ev end
  end
end

-- What nat_type asks: three hosts at the internet that tell where a datagram comes from, on port 3478, the first one on another, too.
function measure.observers(t)
  local list = {}
  for i = 1, 3 do list[i] = t:host("observer-" .. i).udp:open { port = 3478 } end
  list.other = list[1].host.udp:open()
  return list
end

-- The type of the NAT before `host` by the names of RFC 3489, found as section 10.1 there does: what two observers see of one socket, and
-- whether a third one, or another port, lets itself be heard.
function measure.nat_type(host, observers)
  local sock = host.udp:open()
  local function seen(ear)
    sock:send(ear.addr, "who am I?")
    local ev = ear:next { "message", within = "1s" }
    return ev and ev.addr
  end
  local one, two = seen(observers[1]), seen(observers[2])
  if not one or not two then return "blocked" end
  local function reached(ear, what)
    ear:send(one, what)
    while true do
      local ev = sock:next { "message", within = "1s" }
      if not ev or ev.data == what then return ev ~= nil end
    end
  end
  local anybody, any_port = reached(observers[3], "a stranger"), reached(observers.other, "another port")
  if one ~= two then return "symmetric" end
  local kind = anybody and "full cone" or any_port and "restricted cone" or "port restricted cone"
  return one == sock.addr and "open, " .. kind or kind
end

return measure
