-- Faults over time: which one an event tells of, whether the world was whole, the numbers of a call that are counted from a fault.
--
-- A fault that breaks something lasts until what heals it (a wire: restore; an interface: up; a host: start, resume), a reboot as long as
-- the box is silent; every other one (a lost state, another address, one chosen packet, other parameters) is of an instant. docs/results.md
-- says what each number is.
return function(L)
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

  -- Called for each fault as it is logged; `heals`: this one does, though its kind may break.
  function L.fault_begins(f, heals)
    local of = OF[f.what]
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

  local function tells(ev)
    return ev.name == "stalled" or ev.name == "failover" or ev.name == "death" or ev.name == "network" and ev.up == false
      or ev.name == "closed" and ev.by ~= "local"
  end

  local function longer(a, b) return a == nil and b or b == nil and a or math.max(a, b) end

  -- The numbers of end `e` that count from a fault: t_detect, t_death, t_recover. What its whole log has to say.
  function L.from_faults(e)
    local out, seen, trouble = {}, {}, nil
    for _, ev in ipairs(e.log) do
      local f
      if tells(ev) then
        f = counts(since(e, ev), ev.at.ns)
        if f and ev.name == "failover" and trouble then f = trouble end
        if f and not seen[f] then
          seen[f] = true
          out.t_detect = longer(out.t_detect, ev.at.ns - f.at)
        end
        if f and ev.name == "death" then out.t_death = ev.at.ns - f.at end
      end
      if ev.name == "failover" or ev.name == "resumed" then
        f = trouble or f or counts(nil, ev.at.ns)
        if f then out.t_recover = longer(out.t_recover, ev.at.ns - f.at) end
        trouble = nil
      elseif f and not trouble then
        trouble = f
      end
    end
    return out
  end

  ---------------------------------------------------------------------------------------------------------------- false alarms
  local MOST_LOST = 150000  -- ppm of questions, or of their answers: "moderate" loss
  local LEAST_RATE = 128000 -- bit/s, which a voice call takes

  -- A firewall on a way of `host` that has ended a flow by its policy, or reset one: what it does is no fault, but the way is not whole.
  local function killer(host)
    for _, iface in ipairs(host.list) do
      local net = iface.net
      while net.box do
        local wall = rawget(net.box, "guard") or net.box
        if wall.kind == "firewall" then
          local s = core.box_stats(wall.node)
          if s.killed + s.resets > 0 then return wall end
        end
        net = net.parent
      end
    end
  end

  -- Why silence at this instant may be the way's own: what its links declare. nil: they are good enough that it is not.
  local function excuse(call)
    local pass = 1000000
    for _, host in ipairs { call.near, call.far } do
      local worst, wall = 1000000, killer(host)
      if wall then return wall.label .. " ends flows" end
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
    return not broken(from - SETTLED, ev.at.ns) and not excuse(call)
  end

  function L.on_event(source, ev)
    if ev.name ~= "stalled" and ev.name ~= "death" then return end
    for _, call in ipairs(L.calls) do
      for _, e in ipairs(rawget(call, "ends") or {}) do
        if e == source and is_false(call, e, ev) then
          local list = rawget(call, "false_alarms") or {}
          list[#list + 1] = ev
          rawset(call, "false_alarms", list)
        end
      end
    end
  end
end
