-- The scenario language as scripts see it: the sandbox, `require "icetank"`, the tank object, planning and running of cases.
-- Called by C with the C functions, the names of this file's parts, and what is to be done.
local core, parts = ...
local L = { core = core, schema = parts.schema(parts.vocab()), used = {} }

-- Ordered iteration: integers first, then text; other keys have no order and are an error.
local rank = { number = 1, string = 2, boolean = 3 }
local function key_less(a, b)
  local ta, tb = type(a), type(b)
  if ta ~= tb then return rank[ta] < rank[tb] end
  if ta == "boolean" then return b and not a end
  return a < b
end
local function ordered(t)
  local keys = {}
  for k in next, t do
    if not rank[type(k)] then L.fail("pairs: a key that is a %s has no order", type(k)) end
    keys[#keys + 1] = k
  end
  table.sort(keys, key_less)
  local i = 0
  return function()
    i = i + 1
    local k = keys[i]
    if k ~= nil then return k, t[k] end
  end
end
L.pairs = ordered

-- Text for any value, without addresses: tables and functions are numbered as they are first shown.
local ids, n_ids = {}, 0
function L.show(v)
  local ty = type(v)
  if ty ~= "table" and ty ~= "function" and ty ~= "thread" and ty ~= "userdata" then return tostring(v) end
  local meta = debug.getmetatable(v)
  if type(meta) == "table" and rawget(meta, "__tostring") then return tostring(v) end
  if not ids[v] then
    n_ids = n_ids + 1
    ids[v] = n_ids
  end
  return ty .. "#" .. ids[v]
end

parts.base()(L)

---------------------------------------------------------------------------------------------------------------------- runners
local Runner = L.class "Runner"
L.Runner = Runner
parts.sched()(L)
parts.sources()(L)
parts.streams()(L)
L.method(Runner, "now", function() return L.duration(core.now()) end)
L.method(Runner, "sleep", function(_, d)
  local until_ = core.now() + L.time(d, "sleep")
  L.block(until_)
end)
L.method(Runner, "at", function(_, when)
  local at = L.time(when, "at")
  if at < core.now() then L.fail("at %s: it is already %s", L.show_time(at), L.show_time(core.now())) end
  L.block(at)
end)
L.method(Runner, "next", function(_, w) return L.next("next", w) end)
L.method(Runner, "spawn", function(self, f, ...)
  if type(f) ~= "function" then L.fail("spawn: a function, not a %s", type(f)) end
  L.spawn(self, f, self, ...)
end)
L.method(Runner, "log", function(self, text)
  if text == nil or type(text) == "table" and not getmetatable(text) then L.fail("log: a text, not a %s", type(text)) end
  core.note("log", (self.label or "t") .. ": " .. L.show(text))
end)

-- Runs part `name` of the language: those of models that few cases have come when they are asked for (peers.lua).
function L.part(name) parts[name]()(L) end
parts.links()(L)
parts.nets()(L)
parts.topo()(L)
parts.signaling()(L)
parts.peers()(L)
parts.judge()(L)
parts.service()(L)
parts.walls()(L)
parts.trouble()(L)
parts.attack()(L)
parts.power()(L)
-- Hypotheses, populations, and the tables of many cases: loaded by what needs them, since most cases do not.
local studied, supposed
function L.population(_) return nil end -- nothing is drawn as yet
local function suppose()
  if supposed then return end
  supposed = true
  parts.hypo()(L)
end
function L.study()
  if studied then return end
  studied = true
  parts.draw()(L, parts.populations())
end
function L.tables_of(spec, name, cases)
  L.study()
  parts.sampling()(L)
  return parts[spec.tables]()(L)(spec, name, cases)
end

local Tank = L.class("Tank", Runner)
for _, verb in ipairs { "nat", "firewall", "router" } do L.method(Tank, verb, function(_, s) return L.make_named_box(verb, s) end) end
L.method(Tank, "attacker", function(_, s) return L.make_attacker(s) end)
L.method(Tank, "renumber", function(_, list) L.renumber_all(list) end)
L.method(Tank, "internet", function(_, s) L.make_internet(s) end)
L.method(Tank, "host", function(_, s)
  if type(s) == "string" then s = { s } end
  return L.make_host(s)
end)
L.method(Tank, "call", function(_, s) return L.make_call(s) end)
L.method(Tank, "check", function(_, s) L.check_value(s) end)
L.method(Tank, "metric", function(_, s)
  L.check("metric", s)
  local v, name = s[2], s[1]
  if not name:match "^[a-z][a-z0-9_]*$" or name:match "_$" or #name > 40 then L.fail('metric: a name of at most 40 characters of a-z, 0-9 and _, not "%s"', name) end
  if L.is_headline(name) then L.fail('metric: "%s" is a number that every call has (docs/results.md); write "my_%s"', name, name) end
  if L.metrics[name] then L.fail('metric: the name "%s" is taken', name) end
  if #L.keys(L.metrics) == 64 then L.fail "metric: at most 64" end
  if type(v) == "table" and rawget(v, "ns") then v = v.ns end
  if math.type(v) ~= "integer" then L.fail("metric: a whole number or a duration") end
  L.metrics[name] = v
end)
Tank.getters.server = function() return L.server end
L.tank = L.new(Tank, { label = "t" })
L.host_methods(L.classes.Host)
L.service_methods(L.classes.Host)
L.wall_methods(L.classes.Host)

---------------------------------------------------------------------------------------------------------------------- sandbox
local function runner_name() return L.task and L.task.runner and rawget(L.task.runner, "label") or "t" end

local safe = {}
for _, k in ipairs { "assert", "error", "ipairs", "rawequal", "rawlen", "select", "tonumber", "type" } do safe[k] = _G[k] end
-- Objects of ours are not to be taken apart, and what the judge reads is not to be written.
local function foreign(verb, t)
  local what = type(t) == "table" and L.ours(getmetatable(t))
  if what then L.fail("%s: not for a %s", verb, what) end
end
function safe.getmetatable(v)
  foreign("getmetatable", v)
  return type(v) ~= "string" and getmetatable(v) or nil
end
function safe.rawget(t, k)
  foreign("rawget", t)
  return rawget(t, k)
end
function safe.rawset(t, k, v)
  foreign("rawset", t)
  return rawset(t, k, v)
end
function safe.setmetatable(t, meta)
  foreign("setmetatable", t)
  if meta and (rawget(meta, "__gc") or rawget(meta, "__mode")) then L.fail("setmetatable: no __gc and no __mode here") end
  return setmetatable(t, meta)
end
function safe.pairs(t)
  local meta = getmetatable(t)
  if meta and meta.__pairs then return meta.__pairs(t) end
  if type(t) ~= "table" then L.fail("pairs: a table, not a %s", type(t)) end
  return ordered(t)
end
safe.tostring = L.show
safe.string, safe.table, safe.utf8, safe.math = L.merge(string, {}), L.merge(table, {}), L.merge(utf8, {}), {}
safe.string.dump = nil
function safe.string.format(fmt, ...)
  if type(fmt) ~= "string" then L.fail("string.format: a format, not a %s", type(fmt)) end
  local args, n = table.pack(...), 0
  for c in fmt:gsub("%%%%", ""):gmatch "%%[-+ #0-9.]*(%a?)" do
    if c:match "[paAeEfgG]" then L.fail("string.format: no %%p and no floating point here") end
    n = n + 1
    if c == "s" and type(args[n]) ~= "number" then args[n] = L.show(args[n]) end
  end
  return string.format(fmt, table.unpack(args, 1, math.max(args.n, n)))
end
-- What loops in C, where no instruction is counted, is bounded before it begins, or counts for itself.
for k, f in next, core.pattern do safe.string[k] = f end
local most = 1 << 24
function safe.string.rep(s, n, sep)
  if (math.tointeger(n) or 0) > most then L.fail("string.rep: more than %d times", most) end
  return string.rep(s, n, sep)
end
local touched = {
  concat = function(n, _, i, j) return 4 * ((math.tointeger(j) or n) - (math.tointeger(i) or 1)) end,
  insert = function(n, at, v) return v ~= nil and n - (math.tointeger(at) or n) or 0 end,
  remove = function(n, at) return n - (math.tointeger(at) or n) end,
  unpack = function(n, i, j) return (math.tointeger(j) or n) - (math.tointeger(i) or 1) end,
}
for _, k in ipairs { "concat", "insert", "remove", "unpack" } do
  local f = table[k]
  safe.table[k] = function(t, ...)
    local meta = type(t) == "table" and getmetatable(t)
    local ours = L.ours(meta)
    if type(t) == "table" and (not meta or ours) then core.spend(touched[k](#t, ...)) end
    if type(meta) == "table" and rawget(meta, "__len") and not ours then L.fail("table.%s: not for a table with a length of its own", k) end
    return f(t, ...)
  end
end
local function range(s, i, j)
  i, j = math.tointeger(i) or 1, math.tointeger(j) or math.tointeger(i) or 1
  return ((j < 0 and j + #s + 1 or j) - (i < 0 and i + #s + 1 or i)) // 4
end
local byte, codepoint, utf8_len, offset = string.byte, utf8.codepoint, utf8.len, utf8.offset
function safe.string.byte(s, i, j)
  if type(s) == "string" then core.spend(range(s, i, j)) end
  return byte(s, i, j)
end
function safe.utf8.codepoint(s, i, ...)
  if type(s) == "string" then core.spend(range(s, i, ...)) end
  return codepoint(s, i, ...)
end
function safe.utf8.len(s, i, j, ...)
  if type(s) == "string" then core.spend(range(s, i or 1, j or -1)) end
  return utf8_len(s, i, j, ...)
end
function safe.utf8.offset(s, n, ...)
  core.spend(math.abs(math.tointeger(n) or 0))
  return offset(s, n, ...)
end
function safe.table.move(a, from, to, at, b)
  if (math.tointeger(to) or 0) > most or (math.tointeger(from) or 0) < -most then L.fail("table.move: at most %d elements", most) end
  core.spend((math.tointeger(to) or 0) - (math.tointeger(from) or 0))
  return table.move(a, from, to, at, b)
end
-- Lua's own sort looks at the clock for its pivot, which shows where elements are equal; this one merges, and is stable.
function safe.table.sort(t, less)
  if type(t) ~= "table" then L.fail("table.sort: a table, not a %s", type(t)) end
  less = less or function(a, b) return a < b end
  local from, to, n, width = t, {}, #t, 1
  while width < n do
    for low = 1, n, 2 * width do
      local i, j, mid, high = low, low + width, math.min(low + width, n + 1), math.min(low + 2 * width, n + 1)
      for k = low, high - 1 do
        if i < mid and (j >= high or not less(from[j], from[i])) then to[k], i = from[i], i + 1 else to[k], j = from[j], j + 1 end
      end
    end
    from, to, width = to, from == t and {} or from, 2 * width
  end
  if from ~= t then for i = 1, n do t[i] = from[i] end end
end
for _, k in ipairs { "abs", "max", "min", "tointeger", "type", "ult", "maxinteger", "mininteger", "floor", "ceil", "fmod" } do safe.math[k] = math[k] end
function safe.math.random(a, b)
  if L.loading then L.fail("math.random: not while the file is loaded; cases must not depend on it") end
  local name = runner_name() .. "/script"
  if a == nil then L.fail("math.random: give a range; floating point decides nothing here") end
  if b == nil then a, b = 1, a end
  if math.type(a) ~= "integer" or math.type(b) ~= "integer" or a > b then L.fail("math.random: a range of whole numbers") end
  return core.random(name, a, b)
end
-- Text methods (("x"):rep(3)) go through the same safe table.
getmetatable("").__index = safe.string
for _, k in ipairs { "string", "table", "utf8", "math" } do
  local own = safe[k]
  safe[k] = setmetatable({}, { __index = own, __pairs = function() return ordered(own) end, __newindex = function(_, f)
    L.fail("%s.%s cannot be written: local %s = ...", k, tostring(f), tostring(f))
  end })
  L.metas[getmetatable(safe[k])] = "library"
end

---------------------------------------------------------------------------------------------------------------------- modules
local icetank = {}
for name, list in next, { models = { "A", "B", "C", "D", "E" }, nats = core.names "nat44", classes = core.names "classes", policies = core.names "firewall" } do
  icetank[name] = L.readonly(list, name, {}, ": copy it")
end
local function make_scenario(s)
  for _, k in ipairs(L.keys(s.allow or {})) do
    local known = false
    for _, rule in ipairs(L.standing_rules) do known = known or rule == k end
    if not known then L.fail('scenario.allow: no standing rule "%s"%s', k, L.nearest(k, L.standing_rules)) end
    if type(s.allow[k]) ~= "string" or s.allow[k] == "" then L.fail("scenario.allow.%s: say why it may break here", k) end
  end
  for axis in L.pairs(s.matrix or {}) do
    if type(axis) ~= "string" or not axis:match "^[A-Za-z][A-Za-z0-9_]*$" or #axis > 40 then
      L.fail("scenario.matrix: an axis has a name of letters, digits and _, not %s", L.show(axis))
    end
  end
  if #L.keys(s.matrix or {}) > 16 then L.fail "scenario.matrix: at most 16 axes" end
  return setmetatable({ spec = s, where = L.where() }, { __name = "scenario" })
end
local function all_words(list)
  for _, x in ipairs(list) do if type(x) ~= "string" and type(x) ~= "number" then return false end end
  return true
end
-- What value `v` of an axis is called in ids.
local function value_name(v, where, axis)
  local s
  if type(v) == "table" and getmetatable(v) == nil then
    if type(v[1]) == "table" or #v == 0 then s = nil
    elseif #L.keys(v) > 0 or type(v[1]) ~= "string" or not all_words(v) then s = tostring(v[1])
    else
      local words = {}
      for i, x in ipairs(v) do words[i] = tostring(x) end
      s = table.concat(words, "+")
    end
  else
    s = tostring(v)
  end
  if not s or not s:match "^[A-Za-z0-9._+%%-]+$" then
    error({ kind = "error", where = where, text = ('axis "%s": %s is no name of A-Za-z0-9._+%%-; write { "name", ... }'):format(axis, type(v) == "string" and '"' .. v .. '"' or "a " .. type(v)) }, 0)
  end
  return s
end

-- What value i of an axis is called.
local function name_at(values, i, where, axis)
  local population = L.population(values)
  return population and ("%0" .. population.width .. "d"):format(i) or value_name(values[i], where, axis)
end

-- Checks that a part of the cases, axis -> value, names axes and values of the matrix.
local function check_part(s, part, path)
  local axes = L.keys(s.matrix or {})
  for axis, want in L.pairs(part) do
    local values, names = type(axis) == "string" and (s.matrix or {})[axis], {}
    if not values then L.fail('%s: no axis "%s"%s', path, L.show(axis), L.nearest(L.show(axis), axes)) end
    for i = 1, #values do names[i] = name_at(values, i, L.where(), axis) end
    local found = false
    for _, name in ipairs(names) do found = found or name == L.show(want) end
    if not found then L.fail('%s.%s: no value "%s"%s', path, axis, L.show(want), L.nearest(L.show(want), names)) end
  end
end
function icetank.scenario(s) return make_scenario(L.check("scenario", s)) end
-- Checks that the tables of hypothesis `s` find the axes that they are made of.
local function check_tables(s)
  local matrix = s.matrix or {}
  local population = matrix.pair and L.population(matrix.pair)
  if s.tables == "survey" and not (population and population.name and #L.keys(matrix) == 2) then
    L.fail 'hypothesis.tables: a survey is of two axes, one of them pair = tank.draw { pairs =, from = "NAME" }'
  end
  if s.tables == "curves" and not matrix.baseline and not (matrix.model and matrix.timers and matrix.weather) then
    L.fail "hypothesis.tables: curves are of the axes model, timers and weather, or of an axis baseline"
  end
end
function icetank.hypothesis(s)
  suppose()
  L.check("hypothesis", s)
  for i, p in ipairs(s.predict) do
    local path = "hypothesis.predict[" .. i .. "]"
    L.check("predict", p, path)
    L.check_prediction(p, path)
    for _, k in ipairs { "of", "below", "above" } do
      if type(p[k]) == "table" and not getmetatable(p[k]) then check_part(s, p[k], path .. "." .. k) end
    end
  end
  if #s.predict == 0 then L.fail "hypothesis.predict: says nothing" end
  check_tables(s)
  return make_scenario(s)
end
function icetank.draw(s)
  suppose()
  return L.draw(s)
end
function icetank.time(s) return L.duration(L.time(s, "time")) end
icetank = L.readonly(icetank, "icetank", {}, "")

local loaded, env = {}, nil
-- A chunk called "@FILE" as a function; a syntax error is an error at its line. `mode`: "t", or "b" for bytecode of our own.
-- Of a file, a byte order mark and a first line that begins with "#" are no Lua and count for nothing.
function L.compile(text, chunk, mode)
  if mode ~= "b" then text = L.ordered(text:gsub("^\xEF\xBB\xBF", ""):gsub("^#[^\n]*", ""), chunk:sub(2)) end
  local f = load(text, chunk, mode or "t", env)
  if f then return f end
  local _, why = load(text, "=s", "t", env) -- Lua shortens the names of files in messages
  local line, msg = why:match "^s:(%d+): (.*)$"
  error({ kind = "error", where = chunk:sub(2) .. (line and ":" .. line or ""), text = msg or why }, 0)
end
function L.require(name)
  if name == "icetank" then return icetank end
  if type(name) ~= "string" or not name:match "^lib%.[a-z0-9_-]+$" then
    L.fail('require: only "icetank" and "lib.NAME" exist here, not "%s"', tostring(name))
  end
  if not loaded[name] then
    local text, chunk, mode = core.library(name:sub(5))
    if not text then L.fail('require: no library "%s"', name) end
    loaded[name] = L.compile(text, chunk, mode)()
  end
  return loaded[name]
end
safe.require = L.require
safe._G = nil
env = setmetatable({}, {
  __index = function(_, k)
    if k == L.TIME_WORD then return icetank.time end
    if k == "print" then L.fail 'no global "print"; write t:log(text)' end
    return safe[k] or L.fail('no global "%s"%s', tostring(k), L.nearest(tostring(k), L.keys(safe)))
  end,
  __newindex = function(_, k) L.fail('globals cannot be written: local %s = ...', tostring(k)) end,
})

---------------------------------------------------------------------------------------------------------------------- planning
-- Loads the file: a list of { key, spec } in order of key.
local function load_file(text, file)
  L.file, L.loading = file, true
  local f = L.compile(text, "@" .. file)
  core.budget()
  core.lines(true)
  local out = f()
  core.lines(false)
  L.loading = false
  local function is_scenario(v) return type(v) == "table" and rawget(v, "spec") ~= nil end
  if is_scenario(out) then return { { "", out.spec, out.where } } end
  local list = {}
  if type(out) == "table" then
    for k, v in ordered(out) do
      if type(k) ~= "string" or not k:match "^[A-Za-z0-9._+-]+$" or not is_scenario(v) then
        error({ kind = "error", where = file, text = "returns a table whose elements are not all named scenarios" }, 0)
      end
      list[#list + 1] = { k, v.spec, v.where }
    end
  end
  if #list == 0 then error({ kind = "error", where = file, text = "returns no scenario; write: return tank.scenario { ... }" }, 0) end
  return list
end

-- A cell as where and run see it: an axis it does not have is an error; `seen`, if any, is told what was read.
local function cell_view(cell, axes, seen)
  local function unknown(_, a) L.fail('the cell has no axis "%s"%s', L.show(a), L.nearest(L.show(a), axes)) end
  setmetatable(cell, { __index = unknown })
  return setmetatable({}, {
    __index = seen and function(_, a)
      local v = cell[a]
      seen(a)
      return v
    end or cell,
    __newindex = function() L.fail "a cell has no fields to set" end,
    __pairs = function()
      for _, a in ipairs(seen and axes or {}) do seen(a) end
      return ordered(cell)
    end,
  })
end

-- Axis `a` of a scenario as a plan keeps it: the names of its values, or of a population's how many digits they have.
local function axis_of(spec, a, where)
  local values = spec.matrix[a]
  if type(values) ~= "table" or #values == 0 then error({ kind = "error", where = where, text = ('axis "%s" has no values'):format(a) }, 0) end
  local out, population = { name = a, n = #values }, L.population(values)
  if population then
    out.width = population.width
    return out
  end
  out.names, out.text = {}, a == "model" and {} or nil
  for i, v in ipairs(values) do
    out.names[i] = value_name(v, where, a)
    if out.text then out.text[i] = type(v) == "string" end
  end
  return out
end

-- Hands the numbers of the cells that `where` leaves to C, the last axis fastest; returns how many. One cell is there at a time.
local function cells_left(spec, axes, total)
  local cell, names, at, values, before = {}, {}, {}, {}, core.left()
  for d, axis in ipairs(axes) do
    names[d], at[d], values[d] = axis.name, 1, spec.matrix[axis.name]
    cell[axis.name] = values[d][1]
  end
  local view, where = cell_view(cell, names), spec.where
  for i = 0, total - 1 do
    if i % 1024 == 0 then core.budget() end -- it is for what one cell takes
    if where(view) then core.left(i) end
    for d = #axes, 1, -1 do
      at[d] = at[d] % axes[d].n + 1
      cell[names[d]] = values[d][at[d]]
      if at[d] > 1 then break end
    end
  end
  return core.left() - before
end

-- Plans a file: an array of scenarios { stem, key, title, needs, seeds, axes, left_from, n_cells }; without left_from all cells are left.
local CASES_MAX = 100000000
local function plan(text, file, stem)
  local out = {}
  for i, entry in ipairs(load_file(text, file)) do
    local key, spec, where = entry[1], entry[2], entry[3]
    local axes, needs, total = {}, {}, 1
    for d, a in ipairs(L.keys(spec.matrix or {})) do
      axes[d] = axis_of(spec, a, where)
      total = total * axes[d].n
      needs[d] = "axis:" .. a
      if total * (spec.seeds or 1) > CASES_MAX then error({ kind = "error", where = where, text = ("more than %d cases"):format(CASES_MAX) }, 0) end
    end
    for _, rule in ipairs(L.keys(spec.allow or {})) do needs[#needs + 1] = "allow:" .. rule end
    if spec.predict then needs[#needs + 1] = "hypothesis" end
    local left_from = spec.where and core.left() or nil
    local left = spec.where and cells_left(spec, axes, total) or total
    if left == 0 then error({ kind = "error", where = where, text = "where leaves no case" }, 0) end
    out[i] = { stem = key ~= "" and stem .. "/" .. key or stem, key = key, title = spec[1], needs = table.concat(needs, " "), seeds = spec.seeds or 1,
      axes = axes, left_from = left_from, n_cells = left }
  end
  return out
end

-- Runs one case of a file.
local function run(text, file, key, index, k)
  L.k = k -- before the file is loaded: populations are drawn under the first seed
  local list, spec = load_file(text, file), nil
  for _, e in ipairs(list) do if e[1] == key then spec = e[2] end end
  L.spec = spec
  L.limit = spec.limit and L.time(spec.limit) or 600000000000
  if core.limit() > 0 and core.limit() < L.limit then L.limit = core.limit() end
  local cell, i = {}, 0
  local axes = L.keys(spec.matrix or {})
  for n in index:gmatch "%d+" do
    i = i + 1
    cell[axes[i]] = spec.matrix[axes[i]][math.tointeger(n)]
  end
  local view = cell_view(cell, axes, function(a) L.used["axis:" .. a] = true end)
  if spec.cost then
    parts.counting()(L)
    L.begin_cost()
  end
  local ok, result = xpcall(L.loop, L.as_error, spec.run, L.tank, view)
  if ok then result = nil else result = L.as_error(result) end
  if not core.by_limit() then ok, result = pcall(L.result, result) end
  if not ok then -- of a case that a limit ended, nothing counts that another run would not have
    result = L.as_error(result)
    result = { verdict = "error", error = result.where .. ": " .. result.text, checks = {}, metrics = {}, events = {}, faults = {} }
  end
  if result.verdict == "unsupported" then -- it cannot tell what it would have needed
    for _, rule in ipairs(L.keys(spec.allow or {})) do L.used["allow:" .. rule] = true end
  end
  if spec.cost then result.cost = L.cost_of() end
  result.uses = result.verdict == "error" and "*" or table.concat(L.keys(L.used), " ")
  if type(rawget(cell, "model")) ~= "string" then result.model = L.model or core.null end
  for _, member in ipairs { "oracle", "outcome", "path" } do
    if result[member] == nil then result[member] = core.null end
  end
  return result
end

-- Judges a hypothesis by its cases' lines, "INDICES\tMETRIC=VALUE ...".
local function hypothesis(text, file, key, name, data)
  local list, spec, where = load_file(text, file), nil, nil
  for _, e in ipairs(list) do if e[1] == key then spec, where = e[2], e[3] end end
  local axes, cases = L.keys(spec.matrix or {}), {}
  for index, numbers in data:gmatch "([^\t\n]*)\t([^\n]*)\n" do
    local c, i = { cell = {}, metrics = {} }, 0
    for n in index:gmatch "%d+" do
      i = i + 1
      c.cell[axes[i]] = name_at(spec.matrix[axes[i]], math.tointeger(n), where, axes[i])
    end
    for metric, v in numbers:gmatch "(%S+)=(%S+)" do c.metrics[metric] = math.tointeger(v) end
    cases[#cases + 1] = c
  end
  return L.judge_hypothesis(spec, name, cases)
end

-- By which ports `host` reaches a server at the internet: those of names, the web and relays.
local function reaches(host)
  local out = {}
  for _, way in ipairs { { "UDP", 53, 443, 3478 }, { "TCP", 80, 443, 3478, 5349 } } do
    local ports = {}
    for i = 2, #way do
      if L.predict_reach(host, L.server.signal, way[i], way[1] == "TCP", 10000000000).outcome == "open" then ports[#ports + 1] = way[i] end
    end
    if #ports > 0 then out[#out + 1] = way[1] .. " " .. table.concat(ports, " ") end
  end
  return #out > 0 and "reaches a server by " .. table.concat(out, ", ") or "reaches no server"
end

-- What the oracle says of a call from behind `near` to behind `far`: boxes with "+" between, host outwards. A NAT with "/" and a policy behind it
-- is one of both families.
local function oracle(near, far, model)
  L.file = "oracle"
  if not L.standard[model] then L.unsupported("model %s is not built yet", model) end
  local function side(name, words)
    local list, ipv6 = {}, nil
    for word in (words .. "+"):gmatch "([^+]*)%+" do
      local nat, policy = word:match "^([^/]*)/(.*)$"
      if nat and ipv6 then L.fail('"%s": one box of a side has a policy for IPv6', words) end
      word, ipv6 = nat or word, policy or ipv6
      local known = word == "none" or core.kind(word)
      if not known then L.fail('no profile "%s"%s', word, L.nearest(word, core.names "behind")) end
      list[#list + 1] = word
    end
    return L.make_host { name, behind = list, ipv6 = ipv6, family = ipv6 and "dual" or nil }
  end
  local hosts = { side("near", near), side("far", far) }
  local server = model == "C" and L.make_host { "introducer", link = { delay = "0ms" }, family = "dual" } or nil -- its address is asked for alone
  local v = L.predict(hosts[1], hosts[2], { model = model, server = server })
  local out = { ("%s - %s, model %s: %s"):format(near, far, model, v.outcome == "open" and "open over " .. v.path or v.either and "open or death" or v.outcome) }
  out[2] = "  why   " .. v.why
  if near:find("/", 1, true) and far:find("/", 1, true) then
    out[#out + 1] = "  by    " .. (v.families == "" and "neither family" or v.families:gsub("v", "IPv"):gsub(" ", " and "))
  end
  local missing = {}
  for _, way in ipairs(v.ways) do
    if way.outcome == "not built" then
      missing[#missing + 1] = way.rung
    else
      out[#out + 1] = "  way   " .. way.rung .. ": " .. way.outcome .. (way.outcome == "none" and way.why ~= v.why and ", " .. way.why or "")
      for i, name in ipairs(way.outcome ~= "none" and { "near", "far " } or {}) do
        local kinds = table.move(way.kinds[i], 1, #way.kinds[i], 1, {})
        table.sort(kinds)
        out[#out + 1] = "  " .. name .. "  " .. table.concat(kinds, " ") .. "   (local/remote candidate kinds it may use)"
      end
    end
  end
  for i, name in ipairs { "near", "far " } do out[#out + 1] = "  " .. name .. "  " .. reaches(hosts[i]) end
  if #missing > 0 then out[#out + 1] = ("  not built for model %s: %s"):format(model, table.concat(missing, ", ")) end
  return table.concat(out, "\n") .. "\n"
end

-- What `icetank profiles` prints.
local function profiles(word, json)
  L.file = "profiles"
  return parts.catalog()(L, word, json == "json")
end

-- Calls f so that whatever goes wrong has a line.
local function guarded(f)
  return function(...)
    local out = table.pack(xpcall(f, L.as_error, ...))
    if not out[1] then error(L.as_error(out[2]), 0) end
    return table.unpack(out, 2, out.n)
  end
end

return { plan = guarded(plan), run = guarded(run), hypothesis = guarded(hypothesis), oracle = guarded(oracle), profiles = guarded(profiles),
  d_lua = function() return parts.editor(L.schema)(core) end }
