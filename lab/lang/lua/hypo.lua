-- Hypotheses: populations drawn for them, and the verdict on what was predicted, from the numbers of all their cases.
--
-- A prediction speaks of the mean of a metric over the cases that `of` names. Its interval is a bootstrap over the cases: 1000 draws
-- with replacement, the middle 95 %. No floating point: a mean is a sum times a scale, divided.
return function(L)
  local core = L.core
  local DRAWS = 1000

  ---------------------------------------------------------------------------------------------------------------- populations
  -- What a population is: a list of `n` values that are made when they are asked for, each called by its number in `width` digits.
  local populations = setmetatable({}, { __mode = "k" })
  function L.population(v) return populations[v] end

  -- An axis of |n| values, value i being make(its name, i), made when it is asked for. `more`: members of what L.population says of it.
  local function pairs_axis(n, make, more)
    local width, made = #tostring(n), {}
    local name = "%0" .. width .. "d"
    local axis = setmetatable({}, {
      __name = "population",
      __len = function() return n end,
      __index = function(_, i)
        if math.type(i) ~= "integer" or i < 1 or i > n then return nil end
        made[i] = made[i] or make(name:format(i), i)
        return made[i]
      end,
      __newindex = function() L.fail "a population cannot be written" end,
      __pairs = function(t) return ipairs(t) end,
    })
    populations[axis] = L.merge(more or {}, { n = n, width = width })
    return axis
  end
  -- An axis of pairs of the population called `name` (study/populations.lua).
  function L.drawn_axis(n, name)
    L.study()
    L.check_population(name)
    return pairs_axis(n, function(label, i) return (L.drawn_pair(name, label, i)) end,
      { name = name, drawn = function(i) return select(2, L.drawn_pair(name, "", i)) end })
  end

  -- An axis of pairs { "0001", a = HostSpec, b = HostSpec }. Each pair has streams of its own: a larger population begins with the
  -- smaller, and a case draws the one pair that it is about.
  local n_drawn = 0
  function L.draw(s)
    L.check("draw", s)
    if type(s.from) == "string" then return L.drawn_axis(s.pairs, s.from) end
    local total = 0
    for i, row in ipairs(s.from) do
      if type(row) ~= "table" or math.type(row[1]) ~= "integer" or row[1] < 1 then L.fail("draw.from[%d]: { weight, fields of a host ... }", i) end
      total = total + row[1]
    end
    if total == 0 then L.fail "draw.from: nothing to draw from" end
    n_drawn = n_drawn + 1
    local which = n_drawn
    local function one(i, side)
      local at = core.random_at((L.k or 1) - 1, ("draw/%d/%d/%s"):format(which, i, side), 1, total)
      for _, row in ipairs(s.from) do
        at = at - row[1]
        if at <= 0 then
          local spec = L.merge(row, {})
          spec[1] = nil
          return spec
        end
      end
    end
    return pairs_axis(s.pairs, function(label, i) return { label, a = one(i, "a"), b = one(i, "b") } end)
  end

  ---------------------------------------------------------------------------------------------------------------- predictions
  -- A bound as a number in the metric's own terms, and the scale that means take to be compared with it. Counts are few: their mean is in
  -- thousandths, or one case of ten that differs would vanish in it.
  local COUNT = 1000
  local function bound(v, what)
    if type(v) == "table" and rawget(v, "ns") then return v.ns, 1 end
    if math.type(v) == "integer" then return v * COUNT, COUNT end
    if type(v) == "string" then
      for _, kind in ipairs { "Share", "Time", "Size", "Rate" } do
        local n = core.unit(kind, v)
        if n then return n, kind == "Share" and 1000000 or 1 end
      end
    end
    L.fail("%s: a number, or text with a unit, not %s", what, L.show(v))
  end

  -- The values of `metric` over the cases whose cell agrees with `of`.
  local function values(cases, metric, of)
    local out = {}
    for _, c in ipairs(cases) do
      local fits = c.metrics[metric] ~= nil
      for axis, want in L.pairs(of or {}) do fits = fits and c.cell[axis] == L.show(want) end
      if fits then out[#out + 1] = c.metrics[metric] end
    end
    return out
  end
  -- True when one of the cases that `of` names was judged at all.
  local function ran(cases, of)
    for _, c in ipairs(cases) do
      local fits = true
      for axis, want in L.pairs(of or {}) do fits = fits and c.cell[axis] == L.show(want) end
      if fits then return true end
    end
    return false
  end
  local function mean(list, scale)
    local sum = 0
    for _, v in ipairs(list) do sum = sum + v end
    return sum * scale // #list
  end
  -- 1000 means of resampled lists, in order of drawing.
  local function bootstrap(list, scale, stream)
    local out, n, first = {}, #list, list[1]
    local same = true
    for _, v in ipairs(list) do same = same and v == first end
    for d = 1, DRAWS do
      local sum = same and first * n or 0
      for _ = 1, same and 0 or n do sum = sum + list[core.random(stream, 1, n)] end
      out[d] = sum * scale // n
    end
    return out
  end
  local function middle(list)
    table.sort(list)
    return list[DRAWS // 40 + 1], list[DRAWS - DRAWS // 40]
  end

  -- Ends the load where prediction `p` is between two bounds the wrong way round; `what` is what messages begin with.
  function L.check_prediction(p, what)
    if not p.between then return end
    if #p.between ~= 2 then L.fail("%s.between: { from, to }", what) end
    local low, high = bound(p.between[1], what .. ".between"), bound(p.between[2], what .. ".between")
    if low > high then L.fail("%s.between: %s is above %s", what, L.show(p.between[1]), L.show(p.between[2])) end
  end

  local SIDES = { "equals", "below", "above", "at_least", "at_most", "between" }
  local function side_of(p, what)
    local found
    for _, k in ipairs(SIDES) do
      if p[k] ~= nil then
        if found then L.fail("%s: one of %s and %s", what, found, k) end
        found = k
      end
    end
    return found or L.fail("%s: says nothing; one of equals, below, above, at_least, at_most, between", what)
  end

  -- On which side the interval lies: "supported", "refuted" or "mixed", given what holds for a single number.
  local function verdict(low, high, holds)
    local a, b = holds(low), holds(high)
    if a and b then return "supported" end
    return not a and not b and "refuted" or "mixed"
  end

  local function shown(v, scale)
    if scale == 1000000 then return ("%d.%02d%%"):format(v // 10000, v % 10000 // 100) end
    if scale ~= COUNT then return tostring(v) end
    local whole, rest = v // COUNT, v % COUNT
    return (rest == 0 or whole > 9999) and tostring(whole) or ("%d.%03d"):format(whole, rest):gsub("0+$", "")
  end

  local function describe(p, side)
    local words = { p[1] }
    if p.of then
      local cells = {}
      for axis, v in L.pairs(p.of) do cells[#cells + 1] = axis .. "=" .. L.show(v) end
      words[#words + 1] = "of " .. table.concat(cells, " ")
    end
    local v = p[side]
    if side == "between" then v = L.show(v[1]) .. " and " .. L.show(v[2]) end
    if type(v) == "table" and not rawget(v, "ns") then
      local cells = {}
      for axis, x in L.pairs(v) do cells[#cells + 1] = axis .. "=" .. L.show(x) end
      v = table.concat(cells, " ")
    end
    words[#words + 1] = side:gsub("_", " ") .. " " .. L.show(v)
    return table.concat(words, " ")
  end

  -- The scale that means of |list| are told in: shares of ones are told in percent.
  local function scale_of(list)
    for _, v in ipairs(list) do if v ~= 0 and v ~= 1 then return COUNT end end
    return 1000000
  end

  -- Against another set of cases: the interval of the difference.
  local function compare(p, side, list, cases, stream)
    local other = values(cases, p[1], p[side])
    if #other == 0 then return nil end
    local a, b, diff = bootstrap(list, COUNT, stream), bootstrap(other, COUNT, stream .. "/other"), {}
    for i = 1, DRAWS do diff[i] = a[i] - b[i] end
    local low, high = middle(diff)
    local v = verdict(low, high, function(d) if side == "below" then return d < 0 end return d > 0 end)
    local scale = math.min(scale_of(list), scale_of(other))
    return v, shown(mean(list, scale), scale), shown(mean(other, scale), scale)
  end

  local function against_bound(p, side, list, stream)
    local b, scale = p[side]
    local lo, hi
    if side == "between" then
      lo, scale = bound(b[1], "predict.between")
      hi = bound(b[2], "predict.between")
    else
      lo, scale = bound(b, "predict." .. side)
      hi = lo
    end
    local holds = {
      equals = function(v) return v == lo end, below = function(v) return v < lo end, above = function(v) return v > lo end,
      at_least = function(v) return v >= lo end, at_most = function(v) return v <= lo end, between = function(v) return v >= lo and v <= hi end,
    }
    local low, high = middle(bootstrap(list, scale, stream))
    local v = verdict(low, high, holds[side])
    if side == "between" and low < lo and high > hi then v = "mixed" end -- the interval reaches over the band on both sides
    return v, mean(list, scale), low, high, scale
  end

  local function judge_one(p, cases, name, i)
    L.check("predict", p)
    local what = "predict[" .. i .. "]"
    local side, stream = side_of(p, what), "hypothesis/" .. name .. "/" .. i
    local list = values(cases, p[1], p.of)
    local r = { text = describe(p, side), n = #list, verdict = "mixed", value = "-", interval = "-" }
    if #list == 0 then
      if not ran(cases, p.of) then r.verdict = "unsupported" end
      return r
    end
    if (side == "below" or side == "above") and type(p[side]) == "table" and not rawget(p[side], "ns") then
      local v, mine, others = compare(p, side, list, cases, stream)
      r.verdict = v or ran(cases, p[side]) and "mixed" or "unsupported"
      if v then r.value, r.interval = mine, "against " .. others end
      return r
    end
    local v, m, low, high, scale = against_bound(p, side, list, stream)
    r.verdict, r.value, r.interval = v, shown(m, scale), shown(low, scale) .. " to " .. shown(high, scale)
    return r
  end

  -- The verdict on hypothesis `spec` called `name`, from cases { cell = names, metrics = numbers }.
  function L.judge_hypothesis(spec, name, cases)
    local out = { hypothesis = name, title = spec[1], claim = spec.claim, known = spec.known, predictions = {}, verdict = "supported", cases = #cases }
    for i, p in ipairs(spec.predict) do
      local r = judge_one(p, cases, name, i)
      out.predictions[i] = r
      if r.verdict == "refuted" then out.verdict = "refuted" end
      if r.verdict == "mixed" and out.verdict == "supported" then out.verdict = "mixed" end
      if r.verdict == "unsupported" and out.verdict ~= "refuted" then out.verdict = "unsupported" end
    end
    if spec.tables then out.tables = L.tables_of(spec, name, cases) end
    out.ok = spec.known == nil or spec.known == out.verdict or out.verdict == "unsupported"
    return out
  end
end
