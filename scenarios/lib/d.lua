-- One connection out of model D's two objects: which of them carries it when is this library's policy, a script like any other.
--
--   local d    = require "lib.d"
--   local link = d.link { me, peer = function() return me.D:peer { ... } end, relay = function() return me.D:relay { url } end,
--                         policy = "race", on = function(name, ev) ... end }
--   link:send "text"        -- arrives once and in order, whichever object carries it
--   link:close()
--
--   sequential   the peer object alone; the relay object when that has failed, is silent, or is not open after |try|
--   race         both at once
--
-- The peer object is preferred: whatever is in use gives way when it opens, or comes back (switch_back = false: never). What is in use and
-- dies, or is silent while the other is open, gives way likewise; where nothing is open the relay object is opened anew, and the peer object
-- is tried again every |again|, if it was ever open. The relay object is given back |linger| after the peer object has taken over.
--
-- Neither object knows the numbers of the other's messages. So each message has one of this library's: the receiver drops what it has had,
-- and puts in order what overtook; the sender repeats, by whatever object is in use then, what was not acknowledged.
--
-- `on` hears what a model tells (open failover stalled resumed rate_up rate_down message death closed) of the whole; `ev` is the event of
-- the object that made it so, where there is one. Not here: congestion control; a window of 64 messages is all there is.
local tank = require "icetank"

local TRY    = tank.time "2s"      -- how long the peer object alone is given
local AGAIN  = tank.time "30s"     -- between two attempts of the peer object, once it was open
local WITHIN = tank.time "60s"     -- until one of them must be open
local LINGER = tank.time "2s"      -- the relay object stays so long beside the peer object
local GIVE   = tank.time "10s"     -- how long an attempt may go on when nothing else is left
local REPEAT = tank.time "500ms"   -- an unacknowledged message
local ZERO   = tank.time "0s"
local WINDOW = 64                  -- messages under way
local LARGEST = 1000               -- bytes of one
local HEARD  = { "open", "message", "stalled", "resumed", "failover", "rate_up", "rate_down", "death", "closed" }

local d, Link = {}, {}
Link.__index = Link

-- s: me, peer(), relay() as above: each opens an object, or returns nil while it cannot; policy, try, again, linger, within, switch_back, on;
-- waits: the peer object is another's to open, and comes by link:adopt("peer", object).
-- voice: whether the relay object streams it while it is in use (the peer object does as it was opened).
function d.link(s)
  local policy = s.policy or "sequential"
  assert(policy == "sequential" or policy == "race", 'd.link: policy is "sequential" or "race"')
  local link = setmetatable({
    me = s[1], make = { peer = s.peer, relay = s.relay }, race = policy == "race", try = tank.time(s.try or TRY), again = tank.time(s.again or AGAIN),
    linger = tank.time(s.linger or LINGER), within = tank.time(s.within or WITHIN), switch_back = s.switch_back ~= false, on = s.on or function() end,
    voice = s.voice or false, slots = {}, sent = 0, acked = 0, unacked = {}, next = 1, early = {}, repeated = 0, duplicates = 0, switches = 0,
  }, Link)
  link:wait(link.within, function()
    if not link.opened then link:finish("death", link.reason or { reason = "connect_failed", why = "neither object has opened" }) end
  end)
  link:start "peer"
  local waits = link.slots.peer or s.waits
  if link.race or not waits then link:start "relay" else link:wait(link.try, function() link:relay_now() end) end
  return link
end

-- Calls f after `time`, unless the whole is over by then.
function Link:wait(time, f)
  self.me:spawn(function(me)
    me:sleep(time)
    if not self.over then f() end
  end)
end

---------------------------------------------------------------------------------------------------------------------- objects
-- Opens the object of `kind`, unless there is one. It is heard until it ends.
function Link:start(kind)
  if self.over or self.slots[kind] or not self.make[kind] then return end
  local object = self.make[kind]()
  if object then self:adopt(kind, object) end
end

-- Takes `object`, opened by the script or by the far side, as the one of `kind`.
function Link:adopt(kind, object)
  local old, slot = self.slots[kind], { kind = kind, object = object, state = "connecting", since = self.me:now() }
  self.slots[kind] = slot
  if old then -- the far side has begun anew, and knows better
    if old == self.active then
      self.active = nil
      self:hush()
    end
    old.object:close()
  end
  self.me:spawn(function()
    for ev in object:events(HEARD) do
      if self.slots[kind] == slot then self["on_" .. ev.name](self, slot, ev) end
    end
  end)
end

function Link:relay_now()
  if not (self.active and self.active.state == "open") then self:start "relay" end
end

function Link:other(slot) return self.slots[slot.kind == "peer" and "relay" or "peer"] end
function Link:is_open(slot) return slot ~= nil and slot.state == "open" end

-- Gives the relay object back when the peer object has been in use for a while.
function Link:release(slot)
  self:wait(self.linger, function()
    if self.slots.relay == slot and self.active and self.active.kind == "peer" and self.active.state == "open" then
      self.slots.relay = nil
      slot.object:close()
    end
  end)
end

-- The connection goes by `slot` from now on.
function Link:use(slot)
  if slot == self.active then return end
  local ev = slot.opened
  self.active, self.object = slot, slot.object
  if self.slots.relay then self.slots.relay.object:stream(slot.kind == "relay" and self.voice) end
  if not self.opened then
    self.opened = true
    self.on("open", ev)
  else
    self.switches = self.switches + 1
    self.on("failover", ev, self.path)
  end
  self.path = slot.object.path
  if self.silent then
    self.silent = nil
    self.on("resumed")
  end
  if slot.kind == "peer" and self.slots.relay then self:release(self.slots.relay) end
  self:repeat_all()
end

function Link:hush(ev)
  if not self.silent then
    self.silent = true
    self.on("stalled", ev or {})
  end
end

function Link:on_open(slot, ev)
  slot.state, slot.opened = "open", ev
  if slot.kind == "peer" then self.was_direct = true end
  local active = self.active
  if not active or active.state ~= "open" or (slot.kind == "peer" and self.switch_back) then return self:use(slot) end
  if slot.kind == "relay" then
    slot.object:stream(false)
    self:release(slot)
  end
end

function Link:on_failover(slot, ev)
  slot.opened = ev
  if slot == self.active then
    self.on("failover", ev, self.path)
    self.path = ev.path
  end
end

function Link:on_stalled(slot, ev)
  slot.state = "stalled"
  if slot ~= self.active then return end
  self:hush(ev)
  local other = self:other(slot)
  if self:is_open(other) then self:use(other) else self:start "relay" end
end

function Link:on_resumed(slot, ev)
  slot.state = "open"
  if slot == self.active then
    self.silent = nil
    self.on("resumed")
  elseif slot.kind == "peer" and self.switch_back then
    self:use(slot)
  end
end

-- A rate is that of what is in use: the other object's says nothing of the connection.
function Link:on_rate_up(slot, ev) if slot == self.active then self.on("rate_up", ev) end end
function Link:on_rate_down(slot, ev) if slot == self.active then self.on("rate_down", ev) end end

-- The peer object once more, after a while, as long as it is not there.
function Link:peer_again()
  if self.retrying or not self.was_direct or not self.switch_back then return end
  self.retrying = true
  self:wait(self.again, function()
    self.retrying = nil
    self:start "peer"
  end)
end

function Link:finish(name, fields)
  if self.over then return end
  self.over = true
  for _, kind in ipairs { "peer", "relay" } do
    local slot = self.slots[kind]
    self.slots[kind] = nil
    if slot and slot.state ~= "over" then slot.object:close() end
  end
  self.on(name, fields)
end

-- Nothing is open: what is under way has its time, and then it is over, for the reason that the last death named.
function Link:last_resort(ev)
  self.reason = self.reason or ev
  local slot = self.slots.relay or self.slots.peer
  if not slot then return self:finish("death", self.reason) end
  if not self.opened then return end -- each has its own time to connect
  local left = slot.since + GIVE - self.me:now()
  if left <= ZERO then return self:finish("death", self.reason) end
  self:wait(left, function()
    for _, other in pairs(self.slots) do if self:is_open(other) then return end end
    self:finish("death", self.reason)
  end)
end

function Link:gone(slot, ev)
  slot.state = "over"
  self.slots[slot.kind] = nil
  if slot.kind == "peer" then self:peer_again() end
  local other = self:other(slot)
  if self.active ~= slot then
    if not self.opened then
      self:start "relay"
      if not self.slots.relay or slot.kind == "relay" then self:last_resort(ev) end
    end
    return
  end
  self.active = nil
  if self:is_open(other) then
    self.reason = nil
    return self:use(other)
  end
  if ev.name == "death" and ev.reason ~= "link_down_no_alternative" then
    self:hush(ev)
    self:start "relay"
    self:start "peer"
  end
  self:last_resort(ev)
end

function Link:on_death(slot, ev) self:gone(slot, ev) end

-- The far side has closed one object: the whole, unless the other is still of use.
function Link:on_closed(slot, ev)
  if slot == self.active and not self:is_open(self:other(slot)) then
    self.slots[slot.kind] = nil
    return self:finish("closed", { by = ev.by })
  end
  self:gone(slot, ev)
end

---------------------------------------------------------------------------------------------------------------------- messages
-- "NUMBER ACKNOWLEDGED\n" and the text: number 0 acknowledges alone, -1 says goodbye.
local function frame(number, ack, data) return ("%d %d\n%s"):format(number, ack, data or "") end

function Link:put(number)
  local m = self.unacked[number]
  m.at = self.me:now()
  if self.active then self.active.object:send(frame(number, self.next - 1, m.data)) end
end

-- Repeats what the far side may not have: all of it after a switch.
function Link:repeat_all()
  for number = self.acked + 1, self.sent do
    self.repeated = self.repeated + 1
    self:put(number)
  end
end

function Link:watch()
  if self.watching then return end
  self.watching = true
  self:wait(REPEAT, function()
    self.watching = nil
    local now, due = self.me:now(), self.acked < self.sent
    for number = self.acked + 1, self.sent do
      if now - self.unacked[number].at >= REPEAT then
        self.repeated = self.repeated + 1
        self:put(number)
      end
    end
    if due then self:watch() end
  end)
end

-- Sends `data`. Returns true, or nil and why not: "TOO_BIG", "TOO_MANY" are under way, "NOT_OPEN".
function Link:send(data)
  if #data > LARGEST then return nil, "TOO_BIG" end
  if not self.opened or self.over then return nil, "NOT_OPEN" end
  if self.sent - self.acked >= WINDOW then return nil, "TOO_MANY" end
  self.sent = self.sent + 1
  self.unacked[self.sent] = { data = data }
  self:put(self.sent)
  self:watch()
  return true
end

function Link:take_ack(ack)
  while self.acked < ack and self.acked < self.sent do
    self.acked = self.acked + 1
    self.unacked[self.acked] = nil
  end
end

function Link:on_message(slot, ev)
  local number, ack, data = ev.data:match "^(-?%d+) (%d+)\n(.*)$"
  number, ack = math.tointeger(tonumber(number)), math.tointeger(tonumber(ack))
  if not number or not ack then return end
  self:take_ack(ack)
  if number == -1 then return self:finish("closed", { by = "remote" }) end
  if number < 1 then return end
  if number < self.next or self.early[number] then
    self.duplicates = self.duplicates + 1
  elseif number < self.next + WINDOW then
    self.early[number] = data
  end
  while self.early[self.next] do
    local text = self.early[self.next]
    self.early[self.next] = nil
    self.next = self.next + 1
    self.on("message", { data = text })
    if self.over then return end
  end
  slot.object:send(frame(0, self.next - 1))
end

function Link:close()
  if self.active then self.active.object:send(frame(-1, self.next - 1)) end
  self:finish("closed", { by = "local" })
end

return d
