-- The survey of a population: what the models, or the values of another axis, came to over the same drawn pairs, and how much hangs on the weights
-- of the population.
--
-- The cases have an axis `pair` that was drawn from a named population, and one more; of their metrics it reads connected, direct, t_conn, t_detect,
-- t_recover, and what `lib.population` measures: path_* of the call, kept (it lived on, recovered or untouched), relay_hour, packets.
return function(L)
  local sampling = L.sampling
  local SHARES = { 50, 95, 99 }
  local PATHS = { "direct_udp", "relay_udp", "direct_tcp", "relay_tcp", "none" }

  -- model -> metric -> unit -> value, and the numbers of the pairs in order: units are 1 to n. `axis` is what tells the models.
  local function by_model(cases, axis)
    local out, pairs_seen = {}, {}
    for _, c in ipairs(cases) do pairs_seen[math.tointeger(tonumber(c.cell.pair))] = true end
    local numbers, unit = sampling.units(pairs_seen), {}
    for u, number in ipairs(numbers) do unit[number] = u end
    for _, c in ipairs(cases) do
      local m = out[c.cell[axis]] or {}
      out[c.cell[axis]] = m
      for metric, v in L.pairs(c.metrics) do
        m[metric] = m[metric] or {}
        m[metric][unit[math.tointeger(tonumber(c.cell.pair))]] = v
      end
    end
    return out, numbers
  end

  local function share(m, metric, resampled) return sampling.mean(m[metric] or {}, 1000000, resampled) end
  local function percent(r) return sampling.shown(r, sampling.percent) end

  local function connections(models, resampled, n)
    local t = { title = "Connected, by path", note = ("%% of %d pairs, the same for every model; in brackets the 95 %% interval over pairs"):format(n),
      head = { "", "connected", "direct UDP", "relay UDP", "direct TCP", "relay TCP", "none" }, rows = {}, numbers = {} }
    for _, model in ipairs(L.keys(models)) do
      local m = models[model]
      local row, numbers = { model, percent(share(m, "connected", resampled)) }, { model = model, connected = share(m, "connected", resampled) }
      for _, path in ipairs(PATHS) do
        local r = share(m, "path_" .. path, resampled)
        row[#row + 1] = percent(r)
        numbers[path] = r
      end
      t.rows[#t.rows + 1], t.numbers[#t.numbers + 1] = row, numbers
    end
    return t
  end

  local function times(models, resampled, title, metric, note)
    local t = { title = title, note = note .. "; of fewer than 100 pairs p99 is the longest", head = { "", "pairs", "p50", "p95", "p99" }, rows = {}, numbers = {} }
    for _, model in ipairs(L.keys(models)) do
      local q = sampling.quantiles(models[model][metric] or {}, SHARES, resampled)
      local row, numbers = { model, q and tostring(q[1].n) or "0" }, { model = model, metric = metric }
      for i, s in ipairs(SHARES) do
        row[#row + 1] = sampling.shown(q and q[i], sampling.time)
        numbers["p" .. s] = q and q[i] or nil
      end
      t.rows[#t.rows + 1], t.numbers[#t.numbers + 1] = row, numbers
    end
    return t
  end

  local function kilobytes(v) return ("%d kB"):format((v + 500) // 1000) end
  local function price(models, resampled)
    local t = { title = "Recovery and price", rows = {}, numbers = {},
      note = "survived: % of the calls that had opened and lived through the fault; bytes that servers get in an hour of a call with voice both ways; packets that they get "
        .. "from the beginning until 10 s after the call has opened",
      head = { "", "survived", "server bytes an hour", "server packets to connect" } }
    for _, model in ipairs(L.keys(models)) do
      local m = models[model]
      local kept, bytes = share(m, "kept", resampled), sampling.mean(m.relay_hour or {}, 1, resampled)
      local packets = sampling.mean(m.packets or {}, 1, resampled)
      t.rows[#t.rows + 1] = { model, percent(kept), sampling.shown(bytes, kilobytes), sampling.shown(packets, tostring) }
      t.numbers[#t.numbers + 1] = { model = model, kept = kept, relay_hour = bytes, packets = packets }
    end
    return t
  end

  -- How often each pair has drawn |row|, and how often from |rows| at all.
  local function counts_of(drawn, rows, row)
    local hits, tries, any = {}, {}, 0
    for u, list in ipairs(drawn) do
      hits[u], tries[u] = 0, 0
      for _, d in ipairs(list) do
        if d[1] == rows then tries[u] = tries[u] + 1 end
        if d[1] == rows and d[2] == row then hits[u] = hits[u] + 1 end
      end
      any = any + (hits[u] > 0 and 1 or 0)
    end
    return hits, tries, any
  end

  -- What each pair counts when the weight w of |row| is |times| halves of itself, of a list that weighs |all|: a row's chance is then
  -- times w / (2 all + (times - 2) w) of what was 2 w / (2 all). The factors of both sides of a pair multiply; all are whole.
  local function reweigh(hits, tries, w, all, halves)
    local out, before, after = {}, 2 * all, 2 * all + (halves - 2) * w
    for u = 1, #hits do
      local v = 1
      for draw = 1, 2 do
        v = v * (draw <= hits[u] and halves or 2) * (draw <= tries[u] and before or after)
      end
      out[u] = v
    end
    return out
  end

  local SHOWN = 12 -- rows of a table of sensitivity, those that move the most; the numbers have all

  -- By how much the share of |values| moves with half the weight of |row|, and with half as much again, ppm.
  local function moves(values, drawn, rows, row)
    local hits, tries = counts_of(drawn, rows, row)
    local all, out = L.weight_of(rows), {}
    local now = sampling.weighted(values, reweigh(hits, tries, row[1], all, 2))
    for i, halves in ipairs { 1, 3 } do
      local moved = sampling.weighted(values, reweigh(hits, tries, row[1], all, halves))
      out[i] = now and moved and moved - now or 0
    end
    return out[1], out[2]
  end

  -- One row of the table: its cells, and how far it moves any model.
  local function sensitivity_row(t, models, drawn, list, row, metric, any)
    local cells, most = { list.of .. " " .. list[1], row[2], ("%d of %d"):format(row[1], L.weight_of(list[2])), tostring(any) }, 0
    for _, model in ipairs(L.keys(models)) do
      local less, more = moves(models[model][metric] or {}, drawn, list[2], row)
      cells[#cells + 1] = sampling.points(less) .. " / " .. sampling.points(more)
      most = math.max(most, math.abs(less), math.abs(more))
      t.numbers[#t.numbers + 1] = { model = model, metric = metric, of = cells[1], row = row[2], less = less, more = more, pairs = any }
    end
    return { cells = cells, most = most }
  end

  local function sensitivity(models, drawn, population, metric, title)
    local t, found = { title = title, rows = {}, numbers = {}, head = { "of", "row", "weight", "pairs" } }, {}
    t.note = ("points by which the share moves when a row weighs half as much / half as much again, reweighted from the measured pairs; the %d rows "
      .. "that move it most"):format(SHOWN)
    for _, model in ipairs(L.keys(models)) do t.head[#t.head + 1] = model end
    for _, list in ipairs(L.population_lists(population)) do
      if list[1] ~= "fault" and #list[2] > 1 then -- a fault comes when the call has opened
        for _, row in ipairs(list[2]) do
          local _, _, any = counts_of(drawn, list[2], row)
          if any > 0 then found[#found + 1] = sensitivity_row(t, models, drawn, list, row, metric, any) end
        end
      end
    end
    for i, r in ipairs(found) do r.at = i end
    table.sort(found, function(a, b) if a.most ~= b.most then return a.most > b.most end return a.at < b.at end)
    for i = 1, math.min(SHOWN, #found) do
      if found[i].most > 0 then t.rows[#t.rows + 1] = found[i].cells end
    end
    return t
  end

  -- Whether any model has a number called |metric|.
  local function measured(models, metric)
    for _, model in ipairs(L.keys(models)) do if models[model][metric] then return true end end
    return false
  end

  -- The tables of hypothesis |spec|, called |name|, whose pairs come of a named population.
  return function(spec, name, cases)
    local axis
    for _, a in ipairs(L.keys(spec.matrix)) do if a ~= "pair" then axis = a end end
    local models, numbers = by_model(cases, axis)
    if #numbers == 0 then return {} end
    local population, drawn = L.population(spec.matrix.pair), {}
    for u, number in ipairs(numbers) do drawn[u] = population.drawn(number) end
    local resampled, out = sampling.resample(#numbers, "survey/" .. name), {}
    out[1] = connections(models, resampled, #numbers)
    for _, t in ipairs {
      { "Time to connect", "t_conn", "from the call until the end that is later is open" },
      { "Detection", "t_detect", "from the fault until the later end is told, of calls that were told anything" },
      { "Recovery", "t_recover", "from the fault until data flows again at the later end, of calls that came back" },
    } do
      if measured(models, t[2]) then out[#out + 1] = times(models, resampled, table.unpack(t)) end
    end
    if measured(models, "kept") then out[#out + 1] = price(models, resampled) end
    out[#out + 1] = sensitivity(models, drawn, population.name, "direct", "Sensitivity to the weights: connected directly")
    out[#out + 1] = sensitivity(models, drawn, population.name, "connected", "Sensitivity to the weights: connected at all")
    return out
  end
end
