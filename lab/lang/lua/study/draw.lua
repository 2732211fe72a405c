-- Drawing from a named population: which rows each side and the pair get, and the fields of a host that come of them.
return function(L, populations)
  local core = L.core
  local AXES = { "nat", "firewall", "access" }

  local function named(name)
    local names = {}
    for i, p in ipairs(populations) do
      if p[1] == name then return p end
      names[i] = p[1]
    end
    L.fail('draw.from: no population "%s"%s', name, L.nearest(name, names))
  end

  function L.weight_of(rows)
    local sum = 0
    for _, row in ipairs(rows) do sum = sum + row[1] end
    return sum
  end

  -- A row of |rows| by the first number of |stream|.
  local function pick(rows, stream)
    local at = core.random_at((L.k or 1) - 1, stream, 1, L.weight_of(rows))
    for _, row in ipairs(rows) do
      at = at - row[1]
      if at <= 0 then return row end
    end
  end

  -- One side of pair |i|: its fields, and the rows that it drew, `{ list, row }` each.
  local function draw_side(p, stream)
    local drawn, rows = {}, {}
    if p.of then
      local kind = pick(p.of, stream .. "/of")
      drawn[1] = { p.of, kind }
      p = named(kind[2])
    end
    for _, axis in ipairs(AXES) do
      rows[axis] = pick(p[axis], stream .. "/" .. axis)
      drawn[#drawn + 1] = { p[axis], rows[axis] }
    end
    local behind = {}
    for _, axis in ipairs { "firewall", "nat" } do -- from the host outwards
      if rows[axis][2] ~= "none" then behind[#behind + 1] = rows[axis][2] end
    end
    local access = rows.access
    return { behind = #behind > 0 and behind or nil, link = access.link or access[2], spare = access.spare }, drawn
  end

  -- Pair |i| of population |name|: { number, a = host, b = host, fault = name }, and the rows that it drew.
  function L.drawn_pair(name, label, i)
    local p, drawn = named(name), {}
    local out = { label }
    for _, side in ipairs { "a", "b" } do
      local rows
      out[side], rows = draw_side(p, ("population/%s/%d/%s"):format(name, i, side))
      table.move(rows, 1, #rows, #drawn + 1, drawn)
    end
    local fault = pick(p.fault, ("population/%s/%d/fault"):format(name, i))
    drawn[#drawn + 1] = { p.fault, fault }
    out.fault = fault[2]
    return out, drawn
  end

  -- Every list of rows that a pair of population |name| draws from: { axis, rows, of = the population it stands in }.
  function L.population_lists(name)
    local p, out = named(name), {}
    local function lists_of(q)
      for _, axis in ipairs(AXES) do out[#out + 1] = { axis, q[axis], of = q[1] } end
    end
    if p.of then
      out[1] = { "of", p.of, of = name }
      for _, row in ipairs(p.of) do lists_of(named(row[2])) end
    else
      lists_of(p)
    end
    out[#out + 1] = { "fault", p.fault, of = name }
    return out
  end
  L.check_population = named
  L.populations_listed = populations
end
