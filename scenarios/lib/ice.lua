-- ICE as a library of the application, over model E's bare socket: E's "well-known library".
--
--   local e     = me.E:open(ice.credentials(me))
--   local agent = ice.agent { e, wire = carrier, role = "controlling", stun = "stun" }
--   local media = e:open_media(agent:connect "10s")
--   agent:keep(media)                                -- only to have it moved when the path changes
--
-- The agent gathers (RFC 8445 section 5), tells the far side by the wire, pairs and checks (6, 7), nominates (8), and from then on asks
-- for consent (RFC 7675). It restarts (9) when its connection stalls or an interface changes. The two sides are given their roles, so
-- there is no conflict to settle. A restart keeps the socket and has new credentials (section 9): what has lapsed is regained by new ones
-- alone (RFC 7675 section 5.1). Generations are told apart by number, on the wire.
-- Not here: relays, frozen foundations (one stream of one component has no use for them), peers of other implementations.
local tank = require "icetank"

local MS        = tank.time "1ms"
local GAP       = tank.time "50ms"     -- Ta at least: the socket's limit on new transactions
local BETTER    = tank.time "500ms"    -- how long a good pair waits for a better one
local AGAIN     = tank.time "500ms"    -- when the socket's limits refused
local ANSWER    = tank.time "5s"       -- for the answer to a nomination, before another try
local GATHERING = tank.time "10s"      -- for the STUN server
local PATIENCE  = tank.time "39500ms"  -- RFC 8863
local LIFE      = 79                   -- of a check, in RTOs: RFC 8489 section 6.2.1
local RESTART   = tank.time "10s"      -- until the second restart; then twice as long each time
local FAR_AWAY  = tank.time "1000h"
local HEARD     = { "test", "success", "reflexive", "network", "message", "stalled", "resumed", "death", "closed" }
local RANK      = { host = 126, prflx = 110, srflx = 100, relay = 0 } -- RFC 8445 section 5.1.2.2

local ice, Agent = {}, {}
Agent.__index = Agent

local function text(n)
  local out = {}
  for i = 1, n do
    local k = math.random(1, 64)
    out[i] = ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"):sub(k, k)
  end
  return table.concat(out)
end

-- A fresh user fragment and password: 24 and 144 random bits, as RFC 8445 section 5.3 wants at least.
function ice.credentials()
  local ufrag = text(4)
  return ufrag, text(24)
end

function ice.agent(s)
  local e = s[1]
  local t = e.timers
  local ta = t.ta < GAP and GAP or t.ta
  return setmetatable({
    e = e, me = e.host, wire = s.wire, stun = s.stun, controlling = s.role == "controlling", media = s.media or "none", restarts = s.restart ~= false,
    life = t.rto * LIFE, ta = ta, pace = ta, lapse = t.death, consent = t.consent // MS,
    generation = 1, serial = 0, heard = 0, seen = 0, free = e.host:now(), gap = RESTART,
  }, Agent)
end

local function earlier(a, b) return b < a and b or a end
local function v6(addr) return addr:sub(1, 1) == "[" end

---------------------------------------------------------------------------------------------------------------------- the wire
-- Every message is cumulative: all that the far side must know of this generation. So a later one makes up for a lost one.
function Agent:say()
  self.serial = self.serial + 1
  local out = { ("generation=%d serial=%d ufrag=%s pwd=%s print=%s media=%s pacing=%d done=%s"):format(self.generation, self.serial, self.e.ufrag,
    self.e.pwd, self.e.fingerprint, self.media, self.ta // MS, #self.probes == 0 and "yes" or "no") }
  for _, c in ipairs(self.locals) do out[#out + 1] = ("%s=%s"):format(c.kind, c.addr) end
  self.wire:send(table.concat(out, " "))
end

function Agent:hear(data, now)
  local far, cands = {}, {}
  for k, v in data:gmatch "(%S+)=(%S+)" do
    if RANK[k] then cands[#cands + 1] = { kind = k, addr = v } else far[k] = v end
  end
  local generation, serial = math.tointeger(tonumber(far.generation)), math.tointeger(tonumber(far.serial))
  if not (generation and serial and far.ufrag and far.pwd and far.print) then return end
  if generation < self.generation or (generation == self.generation and serial <= self.heard) then return end
  if generation > self.generation then self:begin(generation, now) end
  self.heard = serial
  local pacing = MS * (math.tointeger(tonumber(far.pacing)) or 50)
  self.pace = self.ta < pacing and pacing or self.ta -- RFC 8445 section 14.2: the larger of both
  self.far = { ufrag = far.ufrag, pwd = far.pwd, print = far.print, media = far.media, done = far.done == "yes", at = self.far and self.far.at or now }
  for _, c in ipairs(cands) do self.remotes[c.addr] = c.kind end
  for _, c in ipairs(cands) do for _, base in ipairs(self.bases) do self:pair(base, c.addr) end end
end

---------------------------------------------------------------------------------------------------------------------- candidates and pairs
-- Starts a generation: nothing is known but our own addresses.
function Agent:begin(generation, now)
  if generation > 1 then self.e:restart(ice.credentials()) end
  self.generation, self.heard, self.nominated, self.good_since = generation, 0, false, nil
  self.bases, self.locals, self.remotes, self.pairs, self.by_key, self.probes = {}, {}, {}, {}, {}, {}
  for i, addr in ipairs(self.e:addrs()) do
    self.bases[i] = addr
    self.locals[i] = { kind = "host", addr = addr }
    if self.stun then self.probes[#self.probes + 1] = { base = addr, till = now + GATHERING, at = now } end
  end
  self:say()
end

function Agent:pair(base, addr)
  if v6(base) ~= v6(addr) then return end
  local key = base .. " " .. addr
  local p = self.by_key[key]
  if not p then
    p = { base = base, addr = addr, state = "waiting", at = self.me:now(), order = #self.pairs }
    self.pairs[#self.pairs + 1] = p
    self.by_key[key] = p
  end
  return p
end

function Agent:kind(addr) return self.remotes[addr] or "prflx" end
function Agent:rank(p) return RANK[self:kind(p.addr)] end
function Agent:before(a, b)
  local x, y = self:rank(a), self:rank(b)
  if x ~= y then return x > y end
  if v6(a.addr) ~= v6(b.addr) then return v6(a.addr) end -- RFC 8421 section 4
  return a.order < b.order
end

---------------------------------------------------------------------------------------------------------------------- what comes in
function Agent:select(p, now)
  self.nominated, self.restart_at, self.gap = true, nil, RESTART
  self.selected, self.consent_at = p, now + self:consent_gap()
  if self.conn then self.conn:move(p.addr, { from = p.base, kind = self:kind(p.addr) }) end
end

-- The far side is there (section 7.3): its check came from `addr`, so ours goes back, at once.
function Agent:on_test(ev, now)
  local p = self:pair(ev.base, ev.addr)
  if ev.nominate and not self.controlling then p.asked = true end
  if p.state ~= "good" then
    if not p.triggered then p.triggered, p.at = true, now end
  elseif p.asked and not self.nominated then
    self:select(p, now)
  end
end

function Agent:on_success(ev, now)
  local p = self:pair(ev.base, ev.addr)
  p.state, p.succeeded, p.triggered = "good", now, nil
  self.good_since = self.good_since or now
  if self.selected and self.selected.base == p.base and self.selected.addr == p.addr then self.selected.succeeded = now end
  if self.nominated then return end
  if ev.nominate and self.controlling or p.asked and not self.controlling then self:select(p, now) end
end

function Agent:on_reflexive(ev)
  for i, probe in ipairs(self.probes) do
    if probe.base == ev.base then
      table.remove(self.probes, i)
      if ev.addr ~= ev.base then self.locals[#self.locals + 1] = { kind = "srflx", addr = ev.addr } end
      return self:say()
    end
  end
end

-- An interface came or went. What was gathered before cannot be added to (RFC 8838 section 13): a restart tells of the change.
function Agent:on_network(ev, now)
  for i, base in ipairs(self.bases) do
    if base == ev.base then
      if ev.up then return end
      table.remove(self.bases, i)
      break
    end
  end
  if self.selected and self.selected.base == ev.base then self.selected = nil end
  if not self.selected and self.restarts and self.far and #self.e:addrs() > 0 then self:restart(now) end
end

function Agent:restart(now)
  self:begin(self.generation + 1, now)
  self.restart_at, self.gap = now + self.gap, self.gap + self.gap
end

function Agent:take(ev, now)
  if ev.name == "message" then
    if ev.from == self.wire then self:hear(ev.data, now) end
  elseif ev.name == "stalled" then
    if self.restarts and not self.restart_at then self:restart(now) end
  elseif ev.name == "resumed" then
    self.restart_at, self.gap = nil, RESTART
  elseif ev.name == "network" then
    if ev.from == self.e then self:on_network(ev, now) end
  elseif ev.name == "death" or ev.name == "closed" then
    self.over = true
  else
    self["on_" .. ev.name](self, ev, now)
  end
end

---------------------------------------------------------------------------------------------------------------------- what goes out
-- RFC 7675 section 5.1: every 5 s, a fifth more or less.
function Agent:consent_gap() return MS * math.random(self.consent - self.consent // 5, self.consent + self.consent // 5) end

-- One check. True when it went out; a refusal by the socket's limits is tried again later.
function Agent:test(p, now, nominate, tries)
  local ok, why = self.e:test(p.addr, self.far.ufrag, self.far.pwd, { from = p.base, controlling = self.controlling, nominate = nominate, tries = tries })
  if not ok then
    if why == "NOT_PERMITTED" then p.state = "failed" end -- no address that anyone can have: loopback, multicast, port 0
    p.at = now + (why == "NO_SOCKET" and FAR_AWAY or AGAIN)
    return false
  end
  self.free = now + self.pace
  return true
end

-- The pair to nominate now (section 8.1.1): the best good one, when nothing better is left or has been waited for long enough.
function Agent:choice(now)
  local best, hope = nil, false
  for _, p in ipairs(self.pairs) do
    if p.state == "good" and (not best or self:before(p, best)) then best = p end
  end
  if not best then return nil, FAR_AWAY end
  if best.nominating and now < best.nominating + ANSWER then return nil, best.nominating + ANSWER end
  for _, p in ipairs(self.pairs) do
    if p.state ~= "good" and p.state ~= "failed" and self:rank(p) > self:rank(best) then hope = true end
  end
  if hope and now < self.good_since + BETTER then return nil, self.good_since + BETTER end
  if best.at > now then return nil, best.at end
  return best, now
end

-- The next check to make: what the far side triggered first, then the best that waits.
function Agent:due(now)
  local best, at = nil, FAR_AWAY
  for _, p in ipairs(self.pairs) do
    if p.state == "running" and now >= p.started + self.life then p.state, self.changed = "failed", true end
    if p.state == "waiting" or p.triggered then
      if p.at > now then at = earlier(at, p.at)
      elseif not best or (p.triggered and not best.triggered) or (not best.triggered and self:before(p, best)) then best = p end
    elseif p.state == "running" then
      at = earlier(at, p.started + self.life)
    end
  end
  return best, at
end

function Agent:probe(now)
  local at = FAR_AWAY
  for i, probe in ipairs(self.probes) do
    if now >= probe.till then
      table.remove(self.probes, i)
      self:say()
      return now
    end
    at = earlier(at, probe.till)
    if not probe.asked then
      if probe.at <= now then
        probe.asked = self.e:probe_stun(self.stun, { from = probe.base })
        if probe.asked then self.free = now + self.pace else probe.at = now + AGAIN end
        return now
      end
      at = earlier(at, probe.at)
    end
  end
  return at
end

function Agent:ask_consent(now)
  local p = self.selected
  if not p then return FAR_AWAY end
  if now >= p.succeeded + self.lapse then
    self.selected = nil
    return FAR_AWAY
  end
  if now < self.consent_at then return self.consent_at end
  self.consent_at = self:test(p, now, false, 1) and now + self:consent_gap() or now + AGAIN
  return now
end

-- Does the most urgent thing that is due, at most one. Returns when to come again, `now` for at once.
function Agent:step(now)
  if self.restart_at and now >= self.restart_at and self.conn then
    self:restart(now)
    return now
  end
  if now < self.free then return self.free end
  local at = self:ask_consent(now)
  if at == now then return now end
  if self.restart_at then at = earlier(at, self.restart_at) end
  local p, later
  if self.far and not self.nominated then
    if self.controlling then
      p, later = self:choice(now)
      if p then
        if self:test(p, now, true) then p.nominating = now end
        return now
      end
      at = earlier(at, later)
    end
    p, later = self:due(now)
    if p then
      if self:test(p, now) then p.state, p.started, p.triggered = "running", now, nil end
      return now
    end
    at = earlier(at, later)
  end
  later = self:probe(now)
  return earlier(at, later)
end

-- True when no pair can succeed any more: RFC 8445 section 8.1.2 with the patience of RFC 8863.
function Agent:hopeless(now)
  if not self.far or not self.far.done or #self.probes > 0 or now < self.far.at + PATIENCE then return false end
  for _, p in ipairs(self.pairs) do if p.state ~= "failed" then return false end end
  return true
end

-- Acts until nothing is due, then waits for the next event, until `deadline` at most; not when a pair has just failed.
function Agent:turn(deadline)
  local now = self.me:now()
  local at = now
  while at == now do at = self:step(now) end
  if self.changed then
    self.changed = nil
    return
  end
  local want = { self.e, self.wire, within = earlier(at, deadline) - now }
  if self.conn then want[3] = self.conn end
  for _, name in ipairs(HEARD) do want[#want + 1] = name end
  local ev = self.me:next(want)
  if not ev then return end
  if ev.from ~= self.conn then self.seen = self.seen + 1 end
  self:take(ev, self.me:now())
end

-- Finds the address to use: what e:open_media wants, or nil and why not. The agent goes on in the background.
function Agent:connect(within)
  local deadline = self.me:now() + within
  self:begin(1, self.me:now())
  while not self.selected do
    local now, till = self.me:now(), deadline
    if now >= deadline then return nil, "no address has answered in time" end
    if self:hopeless(now) then return nil, "no pair of addresses works" end
    if self.far and now < self.far.at + PATIENCE then till = earlier(till, self.far.at + PATIENCE) end
    self:turn(till)
  end
  self.me:spawn(function(me)
    -- A coroutine hears its sources from their first event on: what was handled above is skipped.
    for _ = 1, self.seen do me:next { self.e, self.wire, table.unpack(HEARD) } end
    while not self.over do self:turn(FAR_AWAY) end
  end)
  local p = self.selected
  return p.addr, { from = p.base, fingerprint = self.far.print, client = self.controlling, media = self.media, expects = self.far.media, kind = self:kind(p.addr) }
end

-- Hands over the media session that is to follow the path.
function Agent:keep(conn) self.conn = conn end

return ice
