-- Detection against false alarms: for each model how long each setting of the timers takes to tell of a death, and how often it tells of one that
-- is none while the way is merely bad. The cases have the axes model, timers and weather; of their metrics it reads exposure_ms, stalls, deaths,
-- told_ms, dead_ms (lib.tradeoff) and freeze_silent. Or they have an axis baseline, and told_ms, watched_ms.
return function(L)
  local function seconds(ms) return ms and ("%d.%d s"):format(ms // 1000, ms % 1000 // 100) or "-" end

  -- The cases of |cases| whose cell agrees with |of|.
  local function those(cases, of)
    local out = {}
    for _, c in ipairs(cases) do
      local fits = true
      for axis, v in L.pairs(of) do fits = fits and c.cell[axis] == v end
      if fits then out[#out + 1] = c end
    end
    return out
  end
  local function sum(cases, metric)
    local s = 0
    for _, c in ipairs(cases) do s = s + (c.metrics[metric] or 0) end
    return s
  end
  local function sorted(cases, metric)
    local out = {}
    for _, c in ipairs(cases) do out[#out + 1] = c.metrics[metric] end -- nil is none
    table.sort(out)
    return out
  end
  local function median(list) return list[(#list + 1) // 2] end

  -- An hour's worth of |metric|: what was counted over the time that the calls were watched.
  local function hourly(cases, metric)
    local ms = sum(cases, "exposure_ms")
    return ms > 0 and sum(cases, metric) * 3600000 // ms or 0
  end

  -- The values of an axis in the order in which the scenario has them.
  local function names_of(spec, axis)
    local out = {}
    for i, v in ipairs(spec.matrix[axis]) do out[i] = type(v) == "table" and v[1] or tostring(v) end
    return out
  end

  -- Marks the settings that no other one beats in both, and of these the knee: the one farthest below the line from the fastest to the most patient.
  local function mark_front(points)
    local front = {}
    for _, p in ipairs(points) do
      p.front = p.dead ~= nil
      for _, q in ipairs(points) do
        local better = q.dead and p.dead and q.dead <= p.dead and q.false_deaths <= p.false_deaths
        if better and (q.dead < p.dead or q.false_deaths < p.false_deaths) then p.front = false end
      end
      if p.front then front[#front + 1] = p end
    end
    table.sort(front, function(a, b) if a.dead ~= b.dead then return a.dead < b.dead end return a.at < b.at end)
    local a, b = front[1], front[#front]
    if #front < 2 or a.dead == b.dead or a.false_deaths == b.false_deaths then
      if a then a.knee = true end -- nothing to trade
      return
    end
    local best, most
    for _, p in ipairs(front) do
      local x = (p.dead - a.dead) * 1000 // (b.dead - a.dead)
      local y = (p.false_deaths - b.false_deaths) * 1000 // (a.false_deaths - b.false_deaths)
      local below = 1000 - x - y
      if not most or below > most then best, most = p, below end
    end
    best.knee = true
  end

  local function point(spec, cases, model, setting, at)
    local mine = those(cases, { model = model, timers = setting })
    local dead = sorted(mine, "dead_ms")
    local p = { at = at, model = model, timers = setting, told = median(sorted(mine, "told_ms")), dead = median(dead), dead_least = dead[1], dead_most = dead[#dead],
      false_deaths = hourly(mine, "deaths"), false_stalls = hourly(mine, "stalls"), by = {}, breaks = nil, untold = sorted(mine, "freeze_silent") }
    for _, weather in ipairs(names_of(spec, "weather")) do
      local there = those(mine, { weather = weather })
      p.by[#p.by + 1] = { weather = weather, deaths = hourly(there, "deaths"), stalls = hourly(there, "stalls") }
      if not p.breaks and sum(there, "deaths") > 0 then p.breaks = weather end
    end
    return p
  end

  local function row_of(p)
    local cells = { p.timers, seconds(p.told), p.dead and ("%s (%s to %s)"):format(seconds(p.dead), seconds(p.dead_least), seconds(p.dead_most)) or "-" }
    for _, w in ipairs(p.by) do cells[#cells + 1] = ("%d / %d"):format(w.deaths, w.stalls) end
    cells[#cells + 1] = p.breaks or "never"
    cells[#cells + 1] = seconds(p.untold[#p.untold] and p.untold[#p.untold] // 1000000)
    cells[#cells + 1] = p.knee and "knee" or p.front and "front" or ""
    return cells
  end

  local function curve(spec, cases, model)
    local t = { title = "Model " .. model .. ": detection against false alarms", rows = {}, numbers = {}, head = { "timers", "told", "dead (least to most)" },
      note = "told, dead: median after the way has died, over all weathers; by weather: false deaths / false stalls an hour of both ends; front: no other "
        .. "setting is both faster and more often right; knee: of the front, where patience stops to pay" }
    for _, weather in ipairs(names_of(spec, "weather")) do t.head[#t.head + 1] = weather end
    for _, column in ipairs { "first false death", "longest untold", "" } do t.head[#t.head + 1] = column end
    local points = {}
    for at, setting in ipairs(names_of(spec, "timers")) do points[at] = point(spec, cases, model, setting, at) end
    mark_front(points)
    for i, p in ipairs(points) do
      t.rows[i] = row_of(p)
      p.untold, p.at = p.untold[#p.untold], nil
      t.numbers[i] = p
    end
    return t
  end

  local function baselines(spec, cases)
    local t = { title = "No silent freeze", rows = {}, numbers = {}, head = { "what", "told after", "no silent freeze" },
      note = "the way dies without a signal while nothing is said; who is told of it, and when" }
    for _, name in ipairs(names_of(spec, "baseline")) do
      local mine = those(cases, { baseline = name })
      local told = median(sorted(mine, "told_ms"))
      local watched, early = sum(mine, "watched_ms") // math.max(#mine, 1), sum(mine, "early") > 0
      local kept = told and told <= 20000 and not early
      local says = told and seconds(told) or ("never (watched for %s)"):format(seconds(watched))
      if early then says = says .. ", and of a death that was none before" end
      t.rows[#t.rows + 1] = { name, says, kept and "kept" or "broken" }
      t.numbers[#t.numbers + 1] = { baseline = name, told_ms = told or L.core.null, kept = kept or false }
    end
    return t
  end

  return function(spec, _, cases)
    if spec.matrix.baseline then return { baselines(spec, cases) } end
    local out = {}
    for i, model in ipairs(names_of(spec, "model")) do out[i] = curve(spec, cases, model) end
    return out
  end
end
