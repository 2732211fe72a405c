-- ICE as a library of the application, over model E's bare socket: E's "well-known library".
--
--   local e     = me.E:open(ice.credentials(me))
--   local agent = ice.agent { e, wire = carrier, role = "controlling", stun = "stun" }
--   local media = e:open_media(agent:connect "10s")
--   agent:keep(media)                                -- only to have it moved when the path changes
--
-- The agent gathers (RFC 8445 section 5), tells the far side by the wire, pairs and checks (6, 7), nominates (8), and from then on asks
-- for consent (RFC 7675). The two sides are given their roles, so there is no conflict to settle. A restart keeps the socket and has new
-- credentials (RFC 8445 section 9): what has lapsed is regained by new ones alone (RFC 7675 section 5.1). Generations are told apart by
-- number, on the wire. Not here: frozen foundations (one stream of one component has no use for them), peers of other implementations.
--
-- A relay that answers checks, `relay = { addrs =, told = { ufrag, pwd, ufrag, pwd } }`, is one more candidate of the far side, of the last resort: it
-- answers in that one's place, to whoever was told the credentials of an end of its room. It is lite (2.5), so that both sides control it (6.1.1) and
-- tell it by a nomination where they are; the controlling one decides that it is used, 2 s after the first pair was good where another may still be, and says so by the wire.
-- After a restart its other credentials are used: what has lapsed is not regained by the same.
--
-- What it does where RFC 8445 leaves the choice:
--   * An interface that comes before the end of candidates was told joins the generation (RFC 8838 section 13 has no place for it later);
--     one that comes later is taken by a restart, unless a path is selected.
--   * It restarts (9) when its connection stalls, when the selected path's interface goes, when two thirds of the consent's life have
--     brought no answer, and when no pair is left to nominate: after 10 s, then twice as long each time. A generation that has not come
--     to its end has two fifths of the grace for another interface (timers.linkdown) to do so, twice as long while it has pairs to
--     nominate, and an interface that has just gone is the last to be nominated: a network that flaps keeps nobody from the others.
--   * A nomination without an answer in 5 s, or in 1 s where another valid pair waits for its turn, and in three times what its check
--     took, fails its pair (8.1.1); another valid pair is nominated, one of other ends first: it may be the network that failed. None is
--     nominated a third time.
--   * Where more than four pairs share one far address, the socket's limits would let the first of them bar the others: they take turns
--     with two transmissions each, those from a base that is known to reach the internet first, and two places stay free for what the far
--     side triggers, nominations and consent. So do eight of those for all addresses: where networks flap, the unanswered checks of
--     earlier generations bar no path that works.
local tank = require "icetank"

local MS        = tank.time "1ms"
local GAP       = tank.time "50ms"     -- Ta at least: the socket's limit on new transactions
local BETTER    = tank.time "500ms"    -- how long a good pair waits for a better one
local LAST      = tank.time "2s"       -- the same of a pair with a relay
local AGAIN     = tank.time "500ms"    -- when the socket's limits refused
local ANSWER    = tank.time "5s"       -- for the answer to a nomination, at least, before its pair has failed
local SPARE     = tank.time "1s"       -- the same, where another pair can be nominated
local GATHERING = tank.time "10s"      -- for the STUN server, from the first question to it on
local PATIENCE  = tank.time "39500ms"  -- RFC 8863
local STEADY    = tank.time "10s"      -- that an interface must have been there to be as good as others
local RESTART   = tank.time "10s"      -- until the second restart; then twice as long each time
local FAR_AWAY  = tank.time "1000h"
local TRIES     = 7                    -- transmissions of a check: RFC 8489 section 6.2.1
local TURN      = 2                    -- of one that takes turns
local CROWD     = 4                    -- pairs with one far address, more than which take turns
local PLACES    = 3                    -- of the socket's five for one far address that ordinary checks of a crowd take
local PLACES_IN_ALL = 24               -- of the socket's 32 for all of them
local LAST_WAIT = 16                   -- RTOs after the last transmission: RFC 8489 section 6.2.1
local NOMINATIONS = 2                  -- of one pair
local NOMINATE = 4                     -- transmissions of one: within ANSWER
local NOMINATE_SPARE = 2               -- within SPARE
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
    e = e, me = e.host, wire = s.wire, stun = s.stun, relay = s.relay, controlling = s.role == "controlling", media = s.media or "none", restarts = s.restart ~= false,
    rto = t.rto, ta = ta, pace = ta, lapse = t.death, consent = t.consent // MS,
    generation = 0, serial = 0, heard = 0, seen = 0, free = e.host:now(), gap = RESTART, reaches = {}, out = {}, went = {}, known = {},
    young = 2 * t.linkdown // 5,
  }, Agent)
end

local function earlier(a, b) return b < a and b or a end
local function v6(addr) return addr:sub(1, 1) == "[" end
local function ip_of(addr) return addr:match "^(.*):" end

---------------------------------------------------------------------------------------------------------------------- the wire
-- Every message is cumulative: all that the far side must know of this generation. So a later one makes up for a lost one.
function Agent:say()
  self.serial = self.serial + 1
  self.told_all = self.told_all or self:gathered()
  local out = { ("generation=%d serial=%d ufrag=%s pwd=%s print=%s media=%s pacing=%d done=%s"):format(self.generation, self.serial, self.e.ufrag,
    self.e.pwd, self.e.fingerprint, self.media, self.ta // MS, self:gathered() and "yes" or "no") }
  if self.uses_relay then out[1] = out[1] .. " use=relay" end
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
  if far.use == "relay" and not self.controlling then self.uses_relay = true end
  for _, c in ipairs(cands) do
    if not self.remotes[c.addr] then self.far_list[#self.far_list + 1] = c.addr end
    self.remotes[c.addr], self.known[c.addr] = c.kind, c.kind
  end
  for _, c in ipairs(cands) do for _, base in ipairs(self.bases) do self:pair(base, c.addr) end end
end

---------------------------------------------------------------------------------------------------------------------- candidates and pairs
-- All of our candidates have been told. Without an interface there is something to come.
function Agent:gathered() return #self.bases > 0 and #self.probes == 0 end

-- `addr`, a socket's, is a base of this generation.
function Agent:add_base(addr, now)
  self.bases[#self.bases + 1] = addr
  self.locals[#self.locals + 1] = { kind = "host", addr = addr, base = addr }
  if self.stun then self.probes[#self.probes + 1] = { base = addr, at = now, tries = 0 } end
  for _, far in ipairs(self.far_list) do self:pair(addr, far) end
end

-- Starts a generation: nothing is known but our own addresses.
function Agent:begin(generation, now)
  if generation > 1 then self.e:restart(ice.credentials()) end
  self.generation, self.began, self.heard, self.nominated, self.good_since, self.again_at = generation, now, 0, false, nil, nil
  self.told_all, self.uses_relay = false, nil
  self.bases, self.locals, self.remotes, self.far_list, self.pairs, self.by_key, self.probes = {}, {}, {}, {}, {}, {}, {}
  for _, addr in ipairs(self.relay and self.relay.addrs or {}) do
    self.far_list[#self.far_list + 1] = addr
    self.remotes[addr], self.known[addr] = "relay", "relay"
  end
  for _, addr in ipairs(self.e:addrs()) do self:add_base(addr, now) end
  self:say()
end

-- The credentials by which the far end of `p` is asked: its own, or those of the relay in its place.
function Agent:asks(p)
  if not self:relayed(p) then return self.far.ufrag, self.far.pwd end
  local k = 2 * (self.generation % 2)
  return self.relay.told[k + 1], self.relay.told[k + 2]
end

function Agent:pair(base, addr)
  if v6(base) ~= v6(addr) then return end
  local key = base .. " " .. addr
  local p = self.by_key[key]
  if not p then
    p = { base = base, addr = addr, ip = ip_of(addr), state = "waiting", at = self.me:now(), order = #self.pairs, tries = 0, refused = 0 }
    self.pairs[#self.pairs + 1] = p
    self.by_key[key] = p
  end
  return p
end

-- What an address was told to be, in this generation or an earlier one.
function Agent:kind(addr) return self.remotes[addr] or self.known[addr] or "prflx" end
function Agent:relayed(p) return self.remotes[p.addr] == "relay" end
function Agent:rank(p) return RANK[self:kind(p.addr)] end
-- The interface of `base` has gone not long ago, so that it may well go again.
function Agent:shaky(base)
  local went = self.went[ip_of(base)]
  return went ~= nil and self.me:now() < went + STEADY
end
function Agent:before(a, b)
  local x, y = self:shaky(a.base), self:shaky(b.base)
  if x ~= y then return y end
  x, y = self:rank(a), self:rank(b)
  if x ~= y then return x > y end
  if v6(a.addr) ~= v6(b.addr) then return v6(a.addr) end -- RFC 8421 section 4
  return a.order < b.order
end

---------------------------------------------------------------------------------------------------------------------- what comes in
function Agent:select(p, now)
  self.nominated, self.restart_at, self.again_at, self.gap = true, nil, nil, RESTART
  self.selected, self.consent_at = p, now + self:consent_gap()
  if self:relayed(p) and not self.uses_relay then
    self.uses_relay = true
    self:say()
  end
  if self.conn then self.conn:move(p.addr, { from = p.base, kind = self:kind(p.addr) }) end
end

-- The controlled side: the far side wants `p`. The latest pair that it asks for counts; repetitions of an earlier one do not.
function Agent:asked_for(p)
  if p.asked or p.over then return end
  for _, other in ipairs(self.pairs) do other.asked, other.over = nil, other.over or other.asked end
  p.asked = true
end

-- The far side is there (section 7.3): its check came from `addr`, so ours goes back, at once.
function Agent:on_test(ev, now)
  local p = self:pair(ev.base, ev.addr)
  if not p then return end
  if ev.nominate and not self.controlling then self:asked_for(p) end
  if p.state ~= "good" then
    if not p.triggered then p.triggered, p.at = true, now end
  elseif p.asked and p ~= self.selected then
    if now < p.succeeded + self.lapse then self:select(p, now)
    elseif not p.triggered then p.triggered, p.at = true, now end -- its consent is gone by now: RFC 7675 section 5.1
  end
end

function Agent:on_success(ev, now)
  local p = self:pair(ev.base, ev.addr)
  if not p then return end
  p.state, p.succeeded, p.triggered = "good", now, nil
  if p.sent then p.took, p.sent = now - p.sent, nil end
  self.reaches[p.base] = true
  self:answered(p)
  self.good_since = self.good_since or now
  local s = self.selected
  if s and s.base == p.base and s.addr == p.addr then s.succeeded = now end
  if self.controlling or self:relayed(p) then
    if ev.nominate and not self.nominated then self:select(p, now) end
  elseif p.asked and p ~= s then
    self:select(p, now)
  end
end

function Agent:on_reflexive(ev)
  self.reaches[ev.base] = true
  for i, probe in ipairs(self.probes) do
    if probe.base == ev.base then
      table.remove(self.probes, i)
      if ev.addr ~= ev.base then self.locals[#self.locals + 1] = { kind = "srflx", addr = ev.addr, base = ev.base } end
      return self:say()
    end
  end
end

-- What hangs on base `addr` goes with it.
function Agent:lose_base(addr, now)
  local function without(list, key)
    for i = #list, 1, -1 do if (key and list[i][key] or list[i]) == addr then table.remove(list, i) end end
  end
  without(self.bases)
  without(self.locals, "base")
  without(self.probes, "base")
  without(self.out, "base")
  for _, p in ipairs(self.pairs) do if p.base == addr then p.state, p.triggered, p.nominating, p.asked = "failed", nil, nil, nil end end
  self.reaches[addr], self.went[ip_of(addr)] = nil, now
  if self.selected and self.selected.base == addr then self.selected = nil end
end

function Agent:has_base(addr)
  for _, base in ipairs(self.bases) do if base == addr then return true end end
  return false
end

-- An interface came or went.
function Agent:on_network(ev, now)
  if not ev.up then
    self:lose_base(ev.base, now)
  elseif self:has_base(ev.base) then
    return
  elseif not self.told_all then
    self:add_base(ev.base, now)
    return self:say()
  end
  if not self.selected and #self.e:addrs() > 0 then self:renew(now) end
end

-- A nomination runs, or another one may follow it: what this generation has found is not used up.
function Agent:nominates()
  if not (self.controlling or self.uses_relay) or self.nominated then return false end
  for _, p in ipairs(self.pairs) do if p.state == "good" and p.refused < NOMINATIONS then return true end end
  return false
end

-- When a generation that has selected nothing has had its time.
function Agent:ripe()
  local at = self.began + self.young
  return self:nominates() and at + self.young or at
end

-- Restarts as soon as the generation that is under way has had its time.
function Agent:renew(now)
  if not self.restarts or not self.far then return end
  local soon = self:ripe()
  if self.nominated or now >= soon then return self:restart(now) end
  self.again_at = self.again_at and earlier(self.again_at, soon) or soon
end

function Agent:restart(now)
  self:begin(self.generation + 1, now)
  self.restart_at, self.gap = now + self.gap, self.gap + self.gap
end

function Agent:take(ev, now)
  if ev.name == "message" then
    if ev.from == self.wire then self:hear(ev.data, now) end
  elseif ev.name == "stalled" then
    if not self.restart_at then self:renew(now) end
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

-- Checks under way to address `ip`, or to all when it is nil, of those that this agent has begun, and the first end of one.
function Agent:under_way(ip, now)
  local n, first = 0, FAR_AWAY
  for i = #self.out, 1, -1 do
    local o = self.out[i]
    if now >= o.till then table.remove(self.out, i)
    elseif not ip or o.ip == ip then n, first = n + 1, earlier(first, o.till) end
  end
  return n, first
end
function Agent:answered(p)
  for i, o in ipairs(self.out) do if o.base == p.base and o.addr == p.addr then return table.remove(self.out, i) end end
end

-- How long a check of `tries` transmissions runs: RFC 8489 section 6.2.1.
function Agent:life(tries) return self.rto * ((1 << (tries - 1)) - 1 + LAST_WAIT) end

-- One check. True when it went out; a refusal by the socket's limits is tried again later.
function Agent:test(p, now, nominate, tries)
  local ufrag, pwd = self:asks(p)
  local ok, why = self.e:test(p.addr, ufrag, pwd, { from = p.base, controlling = self.controlling or self:relayed(p), nominate = nominate, tries = tries })
  if not ok then
    if why == "NOT_PERMITTED" then p.state = "failed" end -- no address that anyone can have: loopback, multicast, port 0
    p.at = now + (why == "NO_SOCKET" and FAR_AWAY or AGAIN)
    return false
  end
  self.out[#self.out + 1] = { base = p.base, addr = p.addr, ip = p.ip, till = now + self:life(tries) }
  self.free = now + self.pace
  return true
end

-- A pair other than `p` can be nominated should `p` fail.
function Agent:has_spare(p)
  for _, other in ipairs(self.pairs) do
    if other ~= p and other.state == "good" and other.refused < NOMINATIONS then return true end
  end
  return false
end

-- Until when the nomination of `p` may be answered: on a long way, as long as three answers to its check took.
function Agent:patience(p)
  local least = p.took and self:has_spare(p) and SPARE or ANSWER
  local long = p.took and p.took + p.took + p.took or least
  return p.nominating + (long > least and long or least)
end

-- The pair that is being nominated; a nomination that nobody answered fails its pair.
function Agent:nominee(now)
  for _, p in ipairs(self.pairs) do
    if p.nominating and now < self:patience(p) then return p end
    if p.nominating then p.nominating, p.refused, p.state = nil, p.refused + 1, "failed" end
  end
end

-- How much pair `p` has in common with those whose nomination nobody answered: a base, a far address.
function Agent:doubts(p)
  local base, addr = 0, 0
  for _, other in ipairs(self.pairs) do
    if other.refused > 0 and other.base == p.base then base = 1 end
    if other.refused > 0 and other.addr == p.addr then addr = 1 end
  end
  return base + addr
end

-- Which of two good pairs is nominated first: the one with fewer failures, of its own and then of its two ends; the better one.
function Agent:sounder(a, b)
  if a.refused ~= b.refused then return a.refused < b.refused end
  local x, y = self:doubts(a), self:doubts(b)
  if x ~= y then return x < y end
  return self:before(a, b)
end

-- The pair to nominate now (section 8.1.1): the best good one, when nothing better is left or has been waited for long enough.
function Agent:choice(now)
  local running = self:nominee(now)
  if running then return nil, self:patience(running) end
  local best, hope, refused = nil, false, false
  for _, p in ipairs(self.pairs) do
    refused = refused or p.refused > 0
    local mine = self.controlling or self:relayed(p)
    if mine and p.state == "good" and p.refused < NOMINATIONS and (not best or self:sounder(p, best)) then best = p end
  end
  if not best then
    if refused then self:renew(now) end -- what could be nominated has been
    return nil, FAR_AWAY
  end
  for _, p in ipairs(self.pairs) do
    local open = p.state ~= "good" and p.state ~= "failed"
    if open and not self:shaky(p.base) and self:rank(p) > self:rank(best) then hope = true end
  end
  local till = self.good_since + (self:relayed(best) and LAST or BETTER)
  if hope and self.controlling and now < till then return nil, till end
  if best.at > now then return nil, best.at end
  return best, now
end

-- More pairs share the far address `ip` than the socket lets be checked at a time.
function Agent:crowded(ip)
  local n = 0
  for _, p in ipairs(self.pairs) do if p.ip == ip and p.state ~= "failed" then n = n + 1 end end
  return n > CROWD
end

-- When an ordinary check of `ip` may go out: a crowd leaves places free. `known` keeps what was worked out at this instant.
function Agent:place(ip, now, known)
  if not known[ip] then
    local n, free = self:under_way(ip, now)
    local all, one = self:under_way(nil, now)
    known[ip] = self:crowded(ip) and n >= PLACES and free or now
    if all >= PLACES_IN_ALL and known[ip] < one then known[ip] = one end
  end
  return known[ip]
end

-- Which of two pairs is checked first: what the far side triggered; who had fewer tries; who is known to reach anything; who is better.
function Agent:sooner(a, b)
  if (a.triggered or false) ~= (b.triggered or false) then return a.triggered end
  if a.tries ~= b.tries then return a.tries < b.tries end
  local x, y = self.reaches[a.base] or false, self.reaches[b.base] or false
  if x ~= y then return x end
  return self:before(a, b)
end

-- A check that has run its time: another turn, or the pair has failed.
function Agent:expire(p, now)
  if p.state ~= "running" or now < p.till then return end
  if p.tries < TRIES then
    p.state, p.at = "waiting", now
  else
    p.state, self.changed = "failed", true
  end
end

-- The next check to make, and when to ask again.
function Agent:due(now)
  local best, at, known = nil, FAR_AWAY, {}
  for _, p in ipairs(self.pairs) do
    self:expire(p, now)
    local want, ready = p.state == "waiting" or p.triggered, p.at
    if want and ready <= now and not p.triggered then ready = self:place(p.ip, now, known) end
    if want and ready <= now then
      if not best or self:sooner(p, best) then best = p end
    elseif want then
      at = earlier(at, ready)
    elseif p.state == "running" then
      at = earlier(at, p.till)
    end
  end
  return best, at
end

function Agent:check(p, now)
  local tries = self:crowded(p.ip) and TURN or TRIES
  if not self:test(p, now, nil, tries) then return end
  p.state, p.triggered, p.tries, p.till, p.sent = "running", nil, p.tries + tries, now + self:life(tries), p.sent or now
end

-- Asks the STUN server from each base: those that were not asked yet first, in turns where they are many.
function Agent:probe(now)
  local at, best = FAR_AWAY, nil
  for i, probe in ipairs(self.probes) do
    if probe.till and now >= probe.till then
      table.remove(self.probes, i)
      self:say()
      return now
    end
    if probe.till then at = earlier(at, probe.till) end
    if probe.at > now then at = earlier(at, probe.at)
    elseif not best or probe.tries < best.tries then best = probe end
  end
  if not best then return at end
  local tries = #self.probes > CROWD and TURN or TRIES
  if self.e:probe_stun(self.stun, { from = best.base, tries = tries }) then
    best.tries, best.at, self.free = best.tries + tries, now + self:life(tries), now + self.pace
    best.till = best.till or now + GATHERING
  else
    best.at, best.till = now + AGAIN, best.till or now + GATHERING + GATHERING
  end
  return now
end

function Agent:ask_consent(now)
  local p = self.selected
  if not p then return FAR_AWAY end
  if now >= p.succeeded + self.lapse then
    self.selected = nil
    return FAR_AWAY
  end
  local late = self.restarts and self.far and p.succeeded + self.lapse // 3 + self.lapse // 3 or FAR_AWAY
  if late < self.began + self.young + self.young then late = self.began + self.young + self.young end
  if now >= late then
    self:restart(now)
    return now
  end
  if now < self.consent_at then return earlier(self.consent_at, late) end
  self.consent_at = self:test(p, now, false, 1) and now + self:consent_gap() or now + AGAIN
  return now
end

-- Restarts that are due: when they are next, `now` when one was made.
function Agent:restarting(now)
  if self.again_at and now >= self.again_at and self:nominates() and now < self:ripe() then self.again_at = self:ripe() end
  local at = self.restart_at or FAR_AWAY
  if self.again_at then at = earlier(at, self.again_at) end
  if now < at then return at end
  if self.again_at and now >= self.again_at and self.selected and self.nominated then
    self.again_at = nil -- it came to its end
    return now
  end
  self:restart(now)
  return now
end

-- Does the most urgent thing that is due, at most one. Returns when to come again, `now` for at once.
function Agent:step(now)
  local at = self:restarting(now)
  if at == now then return now end
  if now < self.free then return self.free end
  at = earlier(at, self:ask_consent(now))
  if at == now then return now end
  local p, later
  if self.far and not self.nominated then
    if self.controlling or self.uses_relay then
      p, later = self:choice(now)
      if p then
        -- Not longer than the answer is waited for: a nomination that is over is not to reach the far side after the next.
        if self:test(p, now, true, self:has_spare(p) and NOMINATE_SPARE or NOMINATE) then p.nominating = now end
        return now
      end
      at = earlier(at, later)
    end
    p, later = self:due(now)
    if p then
      self:check(p, now)
      return now
    end
    at = earlier(at, later)
  end
  return earlier(at, self:probe(now))
end

-- True when no pair can succeed any more: RFC 8445 section 8.1.2 with the patience of RFC 8863.
function Agent:hopeless(now)
  if not self.far or not self.far.done or not self:gathered() or now < self.far.at + PATIENCE then return false end
  for _, p in ipairs(self.pairs) do if p.state ~= "failed" then return false end end
  return true
end

-- Acts until nothing is due, then waits for the next event, until `deadline` at most; not when a pair has just failed.
function Agent:turn(deadline)
  local now = self.me:now()
  local at, steps = now, 0
  while at == now do
    at, steps = self:step(now), steps + 1
    assert(steps < 10000, "ice: 10,000 steps at one instant")
  end
  assert(at > now, "ice: a wake time that has passed")
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

-- Finds the address to use: what e:open_media wants, or nil and why not. The agent goes on in the background; where the address was
-- lost before its session could be opened, this may be called again.
function Agent:connect(within)
  local deadline = self.me:now() + within
  if self.generation == 0 then self:begin(1, self.me:now()) end
  while not self.selected do
    local now = self.me:now()
    if now >= deadline then return nil, "no address has answered in time" end
    if self:hopeless(now) then return nil, "no pair of addresses works" end
    if self.background then
      self.me:sleep(self.ta)
    else
      self:turn(self.far and now < self.far.at + PATIENCE and earlier(deadline, self.far.at + PATIENCE) or deadline)
    end
  end
  if not self.background then
    self.background = true
    self.me:spawn(function(me)
      -- A coroutine hears its sources from their first event on: what was handled above is skipped.
      for _ = 1, self.seen do me:next { self.e, self.wire, table.unpack(HEARD) } end
      while not self.over do self:turn(FAR_AWAY) end
    end)
  end
  local p = self.selected
  return p.addr, { from = p.base, fingerprint = self.far.print, client = self.controlling, media = self.media, expects = self.far.media, kind = self:kind(p.addr) }
end

-- Hands over the media session that is to follow the path.
function Agent:keep(conn) self.conn = conn end

return ice
