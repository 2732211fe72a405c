-- Wires: what a LinkSpec says, as integers for the two directions; the object Link with its faults; flapping, handover,
-- renumbering of many. Everything that is done to a link is a fault with a text.
return function(L)
  local LIST = L.LIST
  local core = L.core

  ---------------------------------------------------------------------------------------------------------------- a LinkSpec as numbers
  -- Plain fields: how they are written. The rest is worked out below.
  local UNITS = {
    { "delay", "Time" }, { "jitter", "Time" }, { "rate", "Rate" }, { "queue", "Size" }, { "loss", "Share" }, { "mtu", "Size" },
    { "reorder", "Share" }, { "duplicate", "Share" }, { "corrupt", "Share" }, { "truncate", "Share" }, { "bucket", "Size" },
    { "target", "Time" }, { "interval", "Time" }, { "period", "Time" }, { "gap", "Time" }, { "period_loss", "Share" }, { "every", "Time" },
  }
  local ORDER = {
    "delay", "jitter", "reorder", "rate", "bucket", "queue", "aqm", "target", "interval", "mtu", "silent", "loss", "burst", "ge", "mask", "duplicate",
    "corrupt", "truncate", "period", "gap", "period_loss", "trace", "every", "flap",
  }
  local AQM = { fifo = 0, codel = 1 }

  local function number(kind, v, path)
    if kind == "Time" then return L.time(v, path) end
    if kind == "Rate" and v == "unlimited" then return 0 end
    local n, why = core.unit(kind, v)
    if not n then L.fail("%s: %s", path, why) end
    return n
  end

  -- A mask: up to 64 places of 20 ms, "0" passes and "1" loses, the first place first; or "0x" and up to 16 digits, lowest bit first.
  local function mask_of(text, path)
    local hex = text:match "^0x(%x+)$"
    if hex and #hex <= 16 then return math.tointeger(tonumber("0x" .. hex)), 64 end
    if not text:match "^[01]+$" or #text > 64 then L.fail('%s: up to 64 places "0" (passes) or "1" (lost), or "0x" and up to 16 digits', path) end
    local bits = 0
    for i = 1, #text do if text:sub(i, i) == "1" then bits = bits | 1 << (i - 1) end end
    return bits, #text
  end

  local function steps_of(list, path, extra)
    local out = {}
    for i, s in ipairs(list) do
      local at = ("%s.trace[%d]"):format(path, i)
      L.check("step", s, at)
      out[i] = { at = L.time(s.at, at .. ".at"), loss = s.loss and number("Share", s.loss, at .. ".loss") or nil,
        delay = s.delay and L.time(s.delay, at .. ".delay") + extra or nil }
    end
    if #out == 0 then L.fail("%s.trace: a list of steps { at =, delay =, loss = }", path) end
    return out
  end

  -- The mean length of a loss burst in thousandths of a place of 20 ms: packets of a stream of 50 a second, or a time.
  local function places(v, path)
    if math.type(v) == "integer" then return v * 1000 end
    local ns = L.time(v, path)
    if ns % 20000 ~= 0 then L.fail("%s: %s is no multiple of 20us, a thousandth of a place of 20 ms", path, L.show_time(ns)) end
    return ns // 20000
  end

  -- The model of Gilbert and Elliott: without k and h Gilbert's, where the good state loses nothing and the bad one all.
  local function losses(out, ge, path)
    local function share(k, default) return ge[k] and number("Share", ge[k], path .. "." .. k) or default end
    L.check("ge", ge, path)
    out.ge_p, out.ge_r = share "p", share "r"
    out.ge_good, out.ge_bad = 1000000 - share("k", 1000000), 1000000 - share("h", 0)
    if out.ge_p + out.ge_r > 0 then
      out.loss = (out.ge_r * out.ge_good + out.ge_p * out.ge_bad) // (out.ge_p + out.ge_r) -- what it comes to
    end
  end

  -- `over` over `spec`, where losses said one way replace those said the other.
  local function merge_spec(spec, over_)
    local out = L.merge(spec, over_)
    if over_ and over_.ge then
      out.loss, out.burst = over_.loss, over_.burst
    elseif over_ and (over_.loss or over_.burst) then
      out.ge = nil
    end
    return out
  end

  local function preset_of(name, path)
    local preset, why = core.preset(name)
    if not preset then L.fail('%s: %s%s', path, why, L.nearest(name, core.names "link")) end
    if preset.events then L.fail('%s: "%s" happens to a host with several interfaces; write host:handover "%s"', path, name, name) end
    return preset
  end

  -- Where two runs of a case are compared, what a link does to a packet must not hang on the packets before it: an attacker's would change
  -- the fate of others. Wires of the presets "lan" and "fiber" are without rate, jitter and loss there; where another loses, delays at random or
  -- queues, the rule "stranger" is not judged.
  local QUIET = { lan = true, fiber = true }
  local CHANCES = { "jitter", "loss", "reorder", "duplicate", "corrupt", "truncate", "gap", "aqm" }
  local function twin_cfg(out, spec, path)
    if QUIET[spec[1]] then
      for _, k in ipairs { "rate", "jitter", "loss" } do if spec[k] == nil then out[k] = 0 end end
    end
    for _, k in ipairs(CHANCES) do if out[k] and out[k] ~= 0 then L.twin_unfit = L.twin_unfit or path .. "." .. k end end
    if out.rate ~= 0 or out.steps then L.twin_unfit = L.twin_unfit or path end
  end

  -- Fields of which 0 would mean that there is none, and what to write for that.
  local ABOVE = {
    rate = 'write "unlimited"', queue = "leave it out for 64 KiB", mtu = "leave it out for 1500 B", burst = "1 is losses one by one", bucket = "leave it out",
    target = "leave it out for 5 ms", interval = "leave it out for 100 ms", period = "leave it out", gap = "leave it out", period_loss = "leave period out", every = "leave it out",
  }
  -- Ends the case where a field of `spec` has no meaning beside the others; `out` is what they come to.
  local function check_meaning(spec, out, path)
    for _, k in ipairs(ORDER) do
      if ABOVE[k] and spec[k] and spec[k] ~= "unlimited" and out[k] == 0 then L.fail("%s.%s: must be above 0; %s", path, k, ABOVE[k]) end
    end
    if spec.burst and not spec.loss and out.loss == 0 then L.fail("%s.burst: nothing is lost; write loss too", path) end
    if spec.queue and not spec.rate and out.rate == 0 then L.fail("%s.queue: nothing queues without a rate; write rate too", path) end
    for _, k in ipairs { "aqm", "bucket" } do
      if spec[k] and spec[k] ~= "fifo" and not spec.rate and out.rate == 0 then L.fail("%s.%s: nothing waits without a rate; write rate too", path, k) end
    end
    local target, interval = out.target, out.interval
    if target == 0 then target = 5000000 end
    if interval == 0 then interval = 100000000 end
    if (spec.target or spec.interval) and target > interval then
      L.fail("%s.target: %s is longer than the interval of %s (RFC 8289 section 4.3)", path, L.show_time(target), L.show_time(interval))
    end
  end

  local function dir_cfg(spec, path, side, extra)
    local out = preset_of(spec[1], path)[side]
    if spec.ge and (spec.loss or spec.burst) then L.fail("%s: losses are ge, or loss and burst", path) end
    for _, f in ipairs(UNITS) do
      local k = f[1]
      if spec[k] then out[k] = number(f[2], spec[k], path .. "." .. k) end
    end
    if spec.burst then out.burst = places(spec.burst, path .. ".burst") end
    if spec.ge then
      losses(out, spec.ge, path .. ".ge")
    elseif spec.loss or spec.burst then -- over the model of a preset
      out.ge_p, out.ge_r, out.ge_good, out.ge_bad = 0, 0, 0, 0
    end
    if spec.aqm then out.aqm = AQM[spec.aqm] end
    check_meaning(spec, out, path)
    if spec.silent ~= nil then out.silent = spec.silent and 1 or 0 end
    if spec.mask then out.mask, out.mask_bits = mask_of(spec.mask, path .. ".mask") end
    if spec.trace then out.steps = steps_of(spec.trace, path, extra) end
    out.delay = out.delay + extra
    if core.has_twin() then twin_cfg(out, spec, path) end
    local why = core.link_fault(out)
    if why then L.fail("%s: %s", path, why) end
    return out
  end

  -- Both directions of the complete table `spec`.
  local function link_cfg(spec, path, extra)
    local function side(name)
      local over = spec[name]
      return dir_cfg(merge_spec(spec, over), path .. (over and "." .. name or ""), name, extra)
    end
    return side "up", side "down"
  end

  local function as_table(spec)
    if type(spec) == "string" then return { spec } end
    return spec or {}
  end

  -- `spec` over `old`: field by field; a preset named in it starts anew, and so does a direction that names one.
  local function over(old, spec)
    spec = L.merge(as_table(spec), {})
    local out = spec[1] and spec or merge_spec(old, spec)
    for _, side in ipairs { "up", "down" } do
      if spec[side] then
        local s = as_table(spec[side])
        out[side] = s[1] and s or merge_spec(not spec[1] and old[side] or nil or {}, s)
      end
    end
    return out
  end

  local function value_text(k, v)
    if k == "trace" then return ("of %d steps"):format(#v) end
    if k == "ge" then return ("p %s, r %s, k %s, h %s"):format(v.p, v.r, v.k or "100%", v.h or "0%") end
    if k == "flap" then return ("down %s, up %s, %d times"):format(tostring(v.down), tostring(v.up), v.n) end
    return tostring(v)
  end
  -- "wifi-bad, loss 2%, burst 4, up (rate 1Mbps)"
  local function spec_text(spec)
    spec = as_table(spec)
    local out = { spec[1] }
    for _, k in ipairs(ORDER) do if spec[k] ~= nil then out[#out + 1] = k .. " " .. value_text(k, spec[k]) end end
    for _, side in ipairs { "up", "down" } do if spec[side] then out[#out + 1] = ("%s (%s)"):format(side, spec_text(spec[side])) end end
    return table.concat(out, ", ")
  end

  ---------------------------------------------------------------------------------------------------------------- flapping
  local Link = L.class "Link"

  -- Takes the link down and up again n times; `first`: how long it stays up before.
  local function start_flap(link, f, first)
    local where = L.where()
    local down, up = L.time(f.down, "flap.down"), L.time(f.up, "flap.up")
    L.spawn(L.tank, function()
      local at = core.now() + first
      for i = 1, f.n do
        L.block(at, function() end)
        core.link_cut(link.id, true)
        L.fault("flap", ("%s flaps: down, %d of %d"):format(link.label, i, f.n), link.label, down, where)
        L.block(at + down, function() end)
        if core.link_restore(link.id) then L.fault("flap", ("%s flaps: up, %d of %d"):format(link.label, i, f.n), link.label, nil, where, true) end
        at = at + down + up
      end
    end)
  end

  -- Whether nothing passes a link with these parameters towards one of its ends.
  local function passes_nothing(up, down)
    for _, way in ipairs { up, down } do if way.swallow == 1 or way.loss == 1000000 then return true end end
    return false
  end

  -- What a preset or a spec does over time, and what it does at once that no call survives.
  local function begin(link, spec, up, first)
    local flap = spec.flap
    if flap then
      L.check("flap", flap, "link.flap")
      if flap.n == 0 then L.fail "link.flap.n: at least once" end
      for _, k in ipairs { "down", "up" } do if L.time(flap[k]) == 0 then L.fail("link.flap.%s: a time above 0", k) end end
    end
    local preset = core.preset(spec[1])
    if not flap and preset and preset.flap then
      local p = preset.flap
      flap = { down = L.duration(p.down), up = L.duration(p.up), n = p.n }
    end
    if flap then start_flap(link, flap, first and L.time(flap.up, "flap.up") or 0) end
    return up.swallow == 1 or up.loss == 1000000
  end

  ---------------------------------------------------------------------------------------------------------------- links
  -- Plugs port `port` of node `inner` into the net; end 0 of the link is the inner one. Without a word in the spec it is `base`.
  function L.plug(net, inner, port, label, spec, base, path)
    local full = over({ base }, spec)
    full[1] = full[1] or base
    local up, down = link_cfg(full, path, net.extra)
    local at = net:plug(label)
    local id = core.link(label, inner, port, net.node, at, up, down)
    local link = L.new(Link, { id = id, label = label, ends = { inner = inner, outer = net.node }, owner = net.box, extra = net.extra, base = base, spec = full })
    L.links[#L.links + 1] = link
    if spec then
      rawset(link, "said", spec_text(spec))
      if begin(link, full, up, true) then L.fault("link", ("%s: %s"):format(label, link.said), label) end
    end
    return link, at
  end

  L.method(Link, "cut", function(self, s)
    s = L.check("cut", s or {})
    local broken, signal = core.link_broken(self.id)
    if broken == "cut" and (signal or s.signal == false) then L.fail("cut: %s is cut already", self.label) end
    core.link_cut(self.id, s.signal ~= false)
    L.fault("cut", self.label .. " cut" .. (s.signal == false and " without a signal" or ""), self.label)
  end)
  local function end_of(self, from)
    if not from then return -1 end
    if from.node == self.ends.inner then return 0 end
    if from == rawget(self, "owner") then return 1 end
    L.fail('"%s" is no end of %s', from.label, self.label)
  end
  L.method(Link, "blackhole", function(self, s)
    s = L.check("blackhole", s or {})
    local from, _, _, inner, outer = end_of(self, s.from), core.link_broken(self.id)
    if (from == 1 or inner) and (from == 0 or outer) then L.fail("blackhole: %s swallows that already", self.label) end
    core.link_blackhole(self.id, from)
    L.fault("blackhole", self.label .. " blackhole" .. (s.from and " from " .. s.from.label or ""), self.label)
  end)
  L.method(Link, "restore", function(self)
    if not core.link_restore(self.id) then L.fail("restore: %s is whole", self.label) end
    L.fault("restore", self.label .. " restored", self.label)
  end)
  L.method(Link, "set", function(self, spec)
    if type(spec) ~= "string" then L.check("LinkSpec", spec, "link.set") end
    if type(spec) == "table" and next(spec) == nil then L.fail "link.set: says nothing; a preset, or fields of a link" end
    local full = over(self.spec, spec)
    local up, down = link_cfg(full, "link.set", self.extra)
    core.link_set(self.id, up, down)
    rawset(self, "spec", full)
    L.fault("set", ("%s: %s"):format(self.label, spec_text(spec)), self.label, nil, nil, nil, passes_nothing(up, down))
    begin(self, full, up, false)
    if type(spec) == "table" then full.flap = nil end -- once
  end)
  Link.getters.stats = function(o)
    local up, down = core.link_stats(o.id, 0), core.link_stats(o.id, 1)
    local out = {}
    for _, k in ipairs(L.keys(up)) do out[k] = up[k] + down[k] end
    return L.readonly(out, "stats", {})
  end

  -- One chosen packet. A slot that is taken again had its packet.
  L.chosen = {}
  -- What ends a case whose chosen packet never came: a fault that does nothing is a mistake in the scenario.
  function L.never_came()
    for _, key in ipairs(L.keys(L.chosen)) do
      local c = L.chosen[key]
      local left = core.link_waits(c.link.id, c.slot)
      if left > 0 then
        return { kind = "error", where = c.where, text = ("link.%s: packet %d%s of %s never came, of these there were %d"):format(c.verb, c.nth,
          c.label and ' labelled "' .. c.label .. '"' or "", c.link.label, c.nth - left) }
      end
    end
  end
  local DONE = { drop = "drops", delay = "delays", duplicate = "doubles", corrupt = "flips a bit of", truncate = "cuts short" }
  for _, verb in ipairs { "drop", "delay", "duplicate", "corrupt", "truncate" } do
    L.method(Link, verb, function(self, s)
      L.check(verb, s, "link." .. verb)
      if s.nth == 0 then L.fail("link.%s.nth: counts from 1", verb) end
      local by = s.by and L.time(s.by, "link.delay.by")
      if by == 0 then L.fail "link.delay.by: a delay above 0" end
      local label = s.label and L.schema.vocab.label(s.label)
      local slot = core.link_choose(self.id, end_of(self, s.from), s.nth, label, verb, by or 0)
      if not slot then L.fail("link.%s: eight chosen packets of %s wait already", verb, self.label) end
      L.chosen[self.id .. "/" .. slot] = { link = self, slot = slot, verb = verb, nth = s.nth, label = label, where = L.where() }
      L.fault(verb, ("%s %s packet %d%s%s%s"):format(self.label, DONE[verb], s.nth, s.label and ' labelled "' .. s.label .. '"' or "",
        s.from and " from " .. s.from.label or "", by and " by " .. L.show_time(by) or ""), self.label)
    end)
  end

  ---------------------------------------------------------------------------------------------------------------- handover
  -- Puts before `events` those that make a gap one: an interface that comes later and is up already goes down at the beginning.
  local function with_gaps(host, events, detect)
    local out = table.move(events, 1, #events, 1, {})
    for _, e in ipairs(events) do
      if e.up and (e.at or detect) > 0 and core.iface_usable(host.node, host.ifaces[e.iface].i) then
        out[#out + 1] = { at = 0, up = false, iface = e.iface }
      end
    end
    return out
  end

  -- Takes interfaces down and up in time: events { at =, up =, iface = }, those without a time when the loss is detected.
  local function play(host, events, detect, where)
    events = with_gaps(host, events, detect)
    L.spawn(L.tank, function()
      local start = core.now()
      table.sort(events, function(a, b) return (a.at or detect) < (b.at or detect) end)
      for _, e in ipairs(events) do
        L.block(start + (e.at or detect), function() end)
        core.iface_set(host.node, host.ifaces[e.iface].i, e.up)
        rawset(host.ifaces[e.iface], "down_now", not e.up)
        L.fault("handover", ("%s.%s %s"):format(host.label, e.iface, e.up and "up" or "down"), host.label .. "." .. e.iface, nil, where, e.up)
      end
    end)
  end

  local function iface_of(host, name, path)
    if not host.ifaces[name] then L.fail('%s: host "%s" has no interface "%s"%s', path, host.label, tostring(name), L.nearest(tostring(name), L.keys(host.ifaces))) end
    return name
  end

  function L.handover(host, s)
    if type(s) == "string" then s = { s } end
    L.check("handover", s)
    if s[1] then
      local p, why = core.preset(s[1])
      if not p or not p.events then L.fail('handover: %s%s', why or ('"%s" is no handover'):format(s[1]), L.nearest(s[1], core.names "link")) end
      for _, e in ipairs(p.events) do iface_of(host, e.iface, "handover") end
      local detect = p.detect_min
      if p.detect_max > p.detect_min then detect = core.random(host.label .. "/handover", p.detect_min, p.detect_max) end
      return play(host, p.events, detect, L.where())
    end
    if not s.from or not s.to then L.fail "handover: name a preset, or the interfaces from = and to =" end
    if s.gap and s.overlap then L.fail "handover: gap (the old one dies first) or overlap (the new one comes first), not both" end
    local from, to = iface_of(host, s.from, "handover.from"), iface_of(host, s.to, "handover.to")
    if from == to then L.fail('handover: from and to are both "%s"', from) end
    local gap, overlap = s.gap and L.time(s.gap, "handover.gap") or 0, s.overlap and L.time(s.overlap, "handover.overlap") or 0
    play(host, { { at = gap, up = true, iface = to }, { at = overlap, up = false, iface = from } }, 0, L.where())
  end

  -- All boxes of `list`, or every NAT there is, get new addresses at once.
  function L.renumber_all(list)
    list = list or L.nat_list
    local key = type(list) == "table" and not getmetatable(list) and L.keys(list)[1]
    if key then L.fail('renumber: no field "%s"; it takes a list of boxes or hosts', key) end
    if type(list) ~= "table" or #list == 0 then L.fail "renumber: a list of boxes or hosts, or nothing for every NAT" end
    for _, o in ipairs(list) do
      if L.is(o, "Host") then
        for _, iface in ipairs(o[LIST]) do iface:renumber() end
      elseif L.is(o, "Box") then
        o:renumber()
      else
        L.fail "renumber: a list of boxes or hosts"
      end
    end
  end
end
