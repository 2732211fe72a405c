-- Shares, quantiles and their 95 % intervals by resampling, in whole numbers. What is resampled are units, pairs of hosts for example, so that
-- everything measured of one unit goes along: two models are compared over the same draws.
return function(L)
  local core = L.core
  local sampling = {}

  -- The units that |values| has, in order.
  function sampling.units(values)
    local out = {}
    for u in L.pairs(values) do out[#out + 1] = u end
    return out
  end

  -- How many resamplings |n| units get: 1000, fewer where there are so many units that the last digit hangs on no more of them.
  local function draws_of(n) return math.max(200, math.min(1000, 400000 // math.max(n, 1))) end

  -- The resamplings of |n| units: lists of how often each unit was drawn.
  function sampling.resample(n, stream)
    local out = {}
    for d = 1, draws_of(n) do
      local counts = {}
      for i = 1, n do counts[i] = 0 end
      for _ = 1, n do
        local i = core.random(stream, 1, n)
        counts[i] = counts[i] + 1
      end
      out[d] = counts
    end
    return out
  end

  -- The middle 95 % of |list|, which is sorted by this.
  function sampling.middle(list)
    table.sort(list)
    return list[#list // 40 + 1], list[#list - #list // 40]
  end

  -- The mean of |values| (unit -> whole number; units without one do not count) times |scale|: { n, value, low, high }, or nil without any.
  function sampling.mean(values, scale, resampled)
    local units, sum = sampling.units(values), 0
    if #units == 0 then return nil end
    for _, u in ipairs(units) do sum = sum + values[u] end
    local means = {}
    for _, counts in ipairs(resampled) do
      local n, total = 0, 0
      for _, u in ipairs(units) do
        n = n + counts[u]
        total = total + counts[u] * values[u]
      end
      if n > 0 then means[#means + 1] = total * scale // n end
    end
    local low, high = sampling.middle(means)
    return { n = #units, value = sum * scale // #units, low = low, high = high }
  end

  -- The value below or at which |share| (of 100) of a weighted sorted list lies: the least one that reaches it.
  local function reach(sorted, weight_of, total, share)
    local sum = 0
    for _, e in ipairs(sorted) do
      sum = sum + weight_of(e)
      if sum * 100 >= total * share then return e.v end
    end
  end

  -- The |shares| (of 100, e. g. { 50, 95, 99 }) quantiles of |values|: a list of { n, value, low, high }, or nil without any value.
  function sampling.quantiles(values, shares, resampled)
    local sorted, out = {}, {}
    for _, u in ipairs(sampling.units(values)) do sorted[#sorted + 1] = { u = u, v = values[u] } end
    if #sorted == 0 then return nil end
    table.sort(sorted, function(a, b) if a.v ~= b.v then return a.v < b.v end return a.u < b.u end)
    local found = {}
    for q = 1, #shares do found[q] = {} end
    for _, counts in ipairs(resampled) do
      local total = 0
      for _, e in ipairs(sorted) do total = total + counts[e.u] end
      for q, share in ipairs(total > 0 and shares or {}) do
        local v = reach(sorted, function(e) return counts[e.u] end, total, share)
        table.insert(found[q], v)
      end
    end
    for q, share in ipairs(shares) do
      local low, high = sampling.middle(found[q])
      out[q] = { n = #sorted, value = reach(sorted, function() return 1 end, #sorted, share), low = low, high = high }
    end
    return out
  end

  -- The mean of |values| in ppm where unit u counts weights[u] times; nil where no weight is left.
  function sampling.weighted(values, weights)
    local n, sum = 0, 0
    for _, u in ipairs(sampling.units(values)) do
      n = n + weights[u]
      sum = sum + weights[u] * values[u]
    end
    return n > 0 and sum * 1000000 // n or nil
  end

  ------------------------------------------------------------------------------------------------------------------------ as text
  -- 875000 ppm as "87.5 %", a difference of them as "+1.2".
  function sampling.percent(ppm)
    local tenths = (ppm + 500) // 1000
    return ("%d.%d"):format(tenths // 10, tenths % 10)
  end
  function sampling.points(ppm)
    local tenths = (math.abs(ppm) + 500) // 1000
    return tenths == 0 and "0" or ("%s%d.%d"):format(ppm < 0 and "-" or "+", tenths // 10, tenths % 10)
  end
  -- A time in ms below 10 s, else in s.
  function sampling.time(ns)
    if ns < 10000000000 then return ("%d ms"):format((ns + 500000) // 1000000) end
    return ("%d.%d s"):format(ns // 1000000000, ns % 1000000000 // 100000000)
  end
  -- "VALUE (LOW to HIGH)"; "-" for nothing.
  function sampling.shown(r, show)
    if not r then return "-" end
    return ("%s (%s to %s)"):format(show(r.value), show(r.low), show(r.high))
  end
  L.sampling = sampling
end
