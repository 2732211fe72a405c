-- Faults over time: which one an event tells of, whether the world was whole, the numbers of a call that are counted from a fault.
--
-- A fault that breaks something lasts until what heals it (a wire: restore; an interface: up; a host: start, resume), a reboot as long as
-- the box is silent; every other one (a lost state, another address, one chosen packet, other parameters) is of an instant. docs/results.md
-- says what each number is.
return function(L)
  local NET, LIST = L.NET, L.LIST
  local core = L.core
  local never = math.maxinteger
  local IN_FLIGHT = 500000000 -- what had left before a fault may arrive so long after it
  local SETTLED = 2000000000  -- an alarm sooner than this after a fault may be of it

  -- What heals what. Every other fault breaks for an instant, or for as long as it says.
  local OF = {
    cut = "wire", blackhole = "wire", link = "wire", flap = "wire", restore = "wire", down = "iface", up = "iface", handover = "iface",
    stop = "power", crash = "power", start = "power", suspend = "sleep", resume = "sleep",
  }
  local HEALS = { restore = true, up = true, start = true, resume = true }

  -- Called for each fault as it is logged; `heals`: this one does, though its kind may break; `breaks`: the other way round, until
  -- parameters are set anew.
  function L.fault_begins(f, heals, breaks)
    local of = OF[f.what] or breaks and f.what
    for _, old in ipairs(L.faults) do
      if f.what == "set" and old ~= f and old.what == "set" and old.on == f.on and old.till > f.at then old.till = f.at end
    end
    for _, old in ipairs(L.faults) do -- who loses power sleeps no more
      if (f.what == "crash" or f.what == "stop") and old ~= f and old.what == "suspend" and old.on == f.on and old.till > f.at then old.till = f.at end
    end
    f.heals = heals or HEALS[f.what] or false
    f.till = f.lasts and f.at + f.lasts or of and not f.heals and never or f.at
    if not f.heals then return end
    for _, old in ipairs(L.faults) do
      if old ~= f and old.on == f.on and OF[old.what] == of and old.till > f.at then old.till = f.at end
    end
  end

  -- The first fault that was in effect at some time from `from` to `to`; nil: the world was whole.
  local function broken(from, to)
    for _, f in ipairs(L.faults) do if not f.heals and f.at <= to and f.till >= from then return f end end
  end

  ---------------------------------------------------------------------------------------------------------------- the fault that counts
  -- Of the faults since `from`, the last sign of life, the first one that is still in effect at `at`; else the first one. Without a sign of
  -- life, or without such a fault, the latest before.
  local function counts(from, at)
    local lasting, first, latest
    for _, f in ipairs(L.faults) do
      if not f.heals and f.at <= at then
        latest = f
        if from and f.at >= from - IN_FLIGHT then
          first = first or f
          if f.till > at then lasting = lasting or f end
        end
      end
    end
    return lasting or first or latest
  end

  -- Since when the silence of `ev`, an event of end `e`, may have lasted: the last sign of life, or the last consent.
  local function since(e, ev)
    if ev.name == "death" and ev.reason == "consent_expired" then return ev.at.ns - e.timers.death end
    local d = rawget(ev, "since")
    return d and d.ns
  end

  -- Whether `ev` is the notice of a far side that the scenario let hang up: no fault is told of by that.
  local function is_goodbye(ev)
    local other = ev.name == "closed" and rawget(ev.from, "other")
    return other and rawget(other, "hung_up") or false
  end

  local function tells(ev)
    return ev.name == "stalled" or ev.name == "failover" or ev.name == "death" or ev.name == "network" and ev.up == false
      or ev.name == "closed" and ev.by ~= "local" and not is_goodbye(ev)
  end

  local function longer(a, b) return a == nil and b or b == nil and a or math.max(a, b) end

  -- The numbers of end `e` that count from a fault: t_detect, t_death, t_recover. What its whole log has to say. `of`: event -> the fault it
  -- counts from; `deciding`: the fault that its end, else its longest trouble, else its latest notice counts from.
  function L.from_faults(e)
    local out, seen, of, by = {}, {}, {}, {}
    local trouble, back -- the fault of the trouble that runs; when the last one ended
    local function note(key, ev, f)
      if not out[key] or ev.at.ns - f.at > out[key] then by[key] = f end
      out[key] = longer(out[key], ev.at.ns - f.at)
    end
    for _, ev in ipairs(e.log) do
      local f
      if tells(ev) then
        f = counts(since(e, ev), ev.at.ns)
        local overcome = f and back and back > f.at -- this end has recovered from it
        if f and trouble and (ev.name == "failover" or ev.name == "death" and overcome) then f = trouble end
        if f and not seen[f] then
          seen[f] = true
          note("t_detect", ev, f)
        end
        if f and ev.name == "death" then note("t_death", ev, f) end
      end
      if ev.name == "failover" or ev.name == "resumed" then
        f = trouble or f or counts(nil, ev.at.ns)
        if f then note("t_recover", ev, f) end
        trouble, back = nil, ev.at.ns
      elseif f and not trouble then
        trouble = f
      end
      of[ev] = f
    end
    return out, of, by.t_death or by.t_recover or by.t_detect
  end

  ---------------------------------------------------------------------------------------------------------------- what faults take away
  -- The nets that the interfaces of `host` are in, outwards: net -> true; those of the interfaces themselves -> "own".
  local function nets_of(host)
    local out = {}
    for _, iface in ipairs(host[LIST]) do
      local net = iface[NET]
      while net.box do
        out[net] = out[net] or true
        net = net.parent
      end
      if iface[NET].box then out[iface[NET]] = "own" end
    end
    return out
  end

  -- What a fault happens to, for each way of `host` to host `far`: labels of the wires and boxes on it, of the interface and of the host
  -- itself. It ends where both are inside: on a segment that both stand on, which no box outside has a say in, and else at the box that
  -- both are behind, which turns packets around (RFC 4787 section 6) whatever its own uplink does.
  local function parts_of(host, far)
    local out, shared = {}, nets_of(far)
    for i, iface in ipairs(host[LIST]) do
      local parts, net = { [host.label] = true, [iface.label] = true, [iface.wire.label] = true }, iface[NET]
      while net.box and not (net == iface[NET] and shared[net] == "own") do
        parts[net.box.label] = true
        if shared[net] then break end
        parts[net.box.wire.label] = true
        net = net.parent
      end
      out[i] = parts
    end
    return out
  end

  -- When which way of `host` breaks and is whole again by the faults, in order of time: { at, way, step = 1 or -1, fault }.
  local function steps_of(host, far)
    local out = {}
    for way, parts in ipairs(parts_of(host, far)) do
      for n, f in ipairs(L.faults) do
        if not f.heals and f.till > f.at and parts[f.on] then
          out[#out + 1] = { at = f.at, way = way, step = 1, fault = f, n = n }
          if f.till < never then out[#out + 1] = { at = f.till, way = way, step = -1, fault = f, n = n } end
        end
      end
    end
    table.sort(out, function(a, b)
      if a.at ~= b.at then return a.at < b.at end
      if a.n ~= b.n then return a.n < b.n end
      if a.step ~= b.step then return a.step > b.step end
      return a.way < b.way
    end)
    return out
  end

  -- The times in which `host` had no way to `far` left ("all"), or another one only ("part"), by the faults alone: { end_, t, until, what }. Each
  -- fault is told what it took of the host when it came: fault.takes[label].
  function L.outages(host, far)
    local out, steps, depth, ways, gone, open, i = {}, steps_of(host, far), {}, #host[LIST], 0, nil, 1
    while steps[i] do
      local at, begun = steps[i].at, {}
      while steps[i] and steps[i].at == at do
        local s = steps[i]
        local before = depth[s.way] or 0
        depth[s.way] = before + s.step
        if before == 0 then gone = gone + 1 elseif depth[s.way] == 0 then gone = gone - 1 end
        if s.step > 0 then begun[#begun + 1] = s.fault end
        i = i + 1
      end
      local what = gone == ways and "all" or gone > 0 and "part" or nil
      for _, f in ipairs(begun) do
        f.takes = f.takes or {}
        f.takes[host.label] = what
      end
      if open and open.what ~= what then
        open["until"] = at
        open = nil
      end
      if what and not open then
        open = { end_ = host.label, t = at, what = what }
        out[#out + 1] = open
      end
    end
    return out
  end

  -- The fault that counts for an end that was told of none: the first that took something from it, else from anybody, else the first.
  local function untold(label)
    local any, first
    for _, f in ipairs(L.faults) do
      if not f.heals then
        if f.takes and f.takes[label] then return f end
        any, first = any or f.takes and f, first or f
      end
    end
    return any or first
  end

  -- Says of the faults for which ends of `call` they are the one that counts; `told`: end -> the deciding fault of its log.
  function L.say_counts(call, told)
    for _, e in ipairs(call.ends) do
      local f = told[e] or untold(e.host.label)
      if f then
        f.counts = f.counts or {}
        if f.counts[#f.counts] ~= e.host.label then f.counts[#f.counts + 1] = e.host.label end
      end
    end
  end

  ---------------------------------------------------------------------------------------------------------------- false alarms
  local MOST_LOST = 150000  -- ppm of questions, or of their answers: "moderate" loss
  local LEAST_RATE = 128000 -- bit/s, which a voice call takes

  -- Why box `box` may have ended a flow since `from` though nothing broke it: a firewall has ended one by its policy, or reset one, at any time;
  -- in a NAT a session gave way to another, or there was no room for one. What it does is no fault, but the way is not whole.
  local function kills(box, from)
    local s = core.box_stats(box.node)
    if s.killed and s.killed + s.resets > 0 then return box.label .. " ends flows" end
    if s.no_room and s.no_room > 0 and s.no_room >= from then return box.label .. " has no room for a flow (RFC 6888 REQ-4)" end
  end
  local function killer(host, from)
    for _, iface in ipairs(host[LIST]) do
      local net = iface[NET]
      while net.box do
        local guard = rawget(net.box, "guard")
        local why = kills(net.box, from) or guard and kills(guard, from)
        if why then return why end
        net = net.parent
      end
    end
  end

  -- Why silence at this instant may be the way's own: what its links declare, and what its boxes have done since `from`. nil: they are good
  -- enough that it is not.
  local function excuse(call, from)
    local pass = 1000000
    for _, host in ipairs { call.near, call.far } do
      local worst, why = 1000000, killer(host, from)
      if why then return why end
      for _, way in ipairs(L.ways(host)) do
        local here = 1000000
        for _, link in ipairs(way) do
          for dir = 0, 1 do
            local _, _, lost, outage, rate = core.link_delay(link.id, dir)
            here = here * (1000000 - lost) // 1000000
            if outage > host.timers.stall // 4 then return link.label .. " declares outages of its own" end
            if rate > 0 and rate < LEAST_RATE then return link.label .. " takes less than 128kbps" end
          end
        end
        worst = math.min(worst, here)
      end
      pass = pass * worst // 1000000
    end
    if pass < 1000000 - MOST_LOST then return "more than 15% of questions are lost by declaration" end
  end

  -- Of an alarm that an end of a call is told, as it is told: true when nothing in the world can be its cause.
  local function is_false(call, e, ev)
    if ev.name == "death" and ev.reason ~= "consent_expired" or ev.name ~= "death" and ev.name ~= "stalled" then return false end
    for _, other in ipairs(call.ends) do if other ~= e and rawget(other, "ended") then return false end end
    local from = since(e, ev) or ev.at.ns
    -- A path that nothing was sent on was asked for consent within 1.2 intervals before (RFC 7675 section 5.1): it may have gone since then.
    local asked = e.timers.consent + e.timers.consent // 5
    return not broken(from - SETTLED, ev.at.ns) and not excuse(call, from - asked)
  end

  L.untaken_why = {} -- of deaths for want of another interface: event -> text
  function L.on_event(source, ev)
    if ev.name == "death" or ev.name == "closed" then L.note_tail(source) end
    if ev.name ~= "stalled" and ev.name ~= "death" then return end
    for _, call in ipairs(L.calls) do
      for _, e in ipairs(rawget(call, "ends") or {}) do
        if e == source and rawget(ev, "reason") == "link_down_no_alternative" then L.untaken_why[ev] = L.untaken(call, e) end
        if e == source and is_false(call, e, ev) then
          local list = rawget(call, "false_alarms") or {}
          list[#list + 1] = ev
          rawset(call, "false_alarms", list)
        end
      end
    end
  end
end
