-- The scenario language as scripts see it: the sandbox, `require "icetank"`, the tank object, planning and running of cases.
-- Called by C with the C functions, the names of this file's parts, and what is to be done.
local core, parts = ...
local L = { core = core, schema = parts.schema() }

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

parts.base()(L)

---------------------------------------------------------------------------------------------------------------------- runners
local Runner = L.class "Runner"
L.Runner = Runner
parts.sched()(L)
L.method(Runner, "now", function() return L.duration(core.now()) end)
L.method(Runner, "sleep", function(_, d)
  local until_ = core.now() + L.time(d, "sleep")
  L.block(until_, function() end)
end)
L.method(Runner, "at", function(_, when)
  local at = L.time(when, "at")
  if at < core.now() then L.fail("at %s: it is already %s", L.show_time(at), L.show_time(core.now())) end
  L.block(at, function() end)
end)
L.method(Runner, "next", function(_, w) return L.next("next", w) end)
L.method(Runner, "spawn", function(self, f, ...)
  if type(f) ~= "function" then L.fail("spawn: a function, not a %s", type(f)) end
  L.spawn(self, f, self, ...)
end)
L.method(Runner, "log", function(self, text) core.note("log", (self.label or "t") .. ": " .. tostring(text)) end)

parts.topo()(L)
parts.peers()(L)
parts.judge()(L)

local Tank = L.class("Tank", Runner)
for _, verb in ipairs { "nat", "firewall" } do L.method(Tank, verb, function(_, s) return L.make_named_box(verb, s) end) end
L.method(Tank, "router", function() L.unsupported("routers made by hand are not built yet") end)
L.method(Tank, "internet", function(_, s) L.make_internet(s) end)
L.method(Tank, "host", function(_, s)
  if type(s) == "string" then s = { s } end
  return L.make_host(s)
end)
L.method(Tank, "call", function(_, s) return L.make_call(s) end)
L.method(Tank, "check", function(_, s) L.check_value(s) end)
L.method(Tank, "metric", function(_, s)
  L.check("metric", s)
  local v = s[2]
  if type(v) == "table" and rawget(v, "ns") then v = v.ns end
  if math.type(v) ~= "integer" then L.fail("metric: a whole number or a duration") end
  L.metrics[s[1]] = v
end)
Tank.getters.server = function() return L.server end
L.tank = L.new(Tank, { label = "t" })
L.host_methods(L.classes.Host)

---------------------------------------------------------------------------------------------------------------------- sandbox
local function runner_name() return L.task and L.task.runner and rawget(L.task.runner, "label") or "t" end

local safe = {}
for _, k in ipairs { "assert", "error", "ipairs", "rawequal", "rawget", "rawlen", "rawset", "select", "tonumber", "type", "getmetatable" } do safe[k] = _G[k] end
function safe.setmetatable(t, meta)
  if meta and (rawget(meta, "__gc") or rawget(meta, "__mode")) then L.fail("setmetatable: no __gc and no __mode here") end
  return setmetatable(t, meta)
end
function safe.pairs(t)
  local meta = getmetatable(t)
  if meta and meta.__pairs then return meta.__pairs(t) end
  if type(t) ~= "table" then L.fail("pairs: a table, not a %s", type(t)) end
  return ordered(t)
end
local ids, n_ids = {}, 0
function safe.tostring(v)
  local ty = type(v)
  if ty ~= "table" and ty ~= "function" and ty ~= "thread" and ty ~= "userdata" then return tostring(v) end
  local meta = getmetatable(v)
  if meta and meta.__tostring then return tostring(v) end
  if not ids[v] then
    n_ids = n_ids + 1
    ids[v] = n_ids
  end
  return ty .. "#" .. ids[v]
end
function safe.print(...)
  local out = table.pack(...)
  for i = 1, out.n do out[i] = safe.tostring(out[i]) end
  core.note("log", runner_name() .. ": " .. table.concat(out, " "))
end
safe.string, safe.table, safe.utf8, safe.math = L.merge(string, {}), L.merge(table, {}), L.merge(utf8, {}), {}
safe.string.dump = nil
function safe.string.format(fmt, ...)
  if type(fmt) == "string" and fmt:gsub("%%%%", ""):match "%%[-+ #0-9.]*[paAeEfgG]" then L.fail("string.format: no %%p and no floating point here") end
  return string.format(fmt, ...)
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

---------------------------------------------------------------------------------------------------------------------- modules
local icetank = {
  models = { "A", "B", "C", "D", "E" }, nats = core.names "nat44", classes = core.names "classes",
}
function icetank.scenario(s)
  L.check("scenario", s)
  return setmetatable({ spec = s }, { __name = "scenario" })
end
function icetank.hypothesis() L.unsupported("hypotheses are not built yet") end
function icetank.draw() L.unsupported("drawn populations are not built yet") end
function icetank.time(s) return L.duration(L.time(s, "time")) end
setmetatable(icetank, { __index = function(_, k) L.fail('icetank has no "%s"%s', tostring(k), L.nearest(tostring(k), L.keys(icetank))) end })

local loaded, env = {}, nil
function L.require(name)
  if name == "icetank" then return icetank end
  if type(name) ~= "string" or not name:match "^lib%.[a-z0-9_-]+$" then
    L.fail('require: only "icetank" and "lib.NAME" exist here, not "%s"', tostring(name))
  end
  if not loaded[name] then
    local text, chunk = core.library(name:sub(5))
    if not text then L.fail('require: no library "%s"', name) end
    local f, why = load(text, chunk, "t", env)
    if not f then error({ kind = "error", text = why }, 0) end
    loaded[name] = f()
  end
  return loaded[name]
end
safe.require = L.require
safe._G = nil
env = setmetatable({}, {
  __index = function(_, k) return safe[k] or L.fail('no global "%s"%s', tostring(k), L.nearest(tostring(k), L.keys(safe))) end,
  __newindex = function(_, k) L.fail('globals cannot be written: local %s = ...', tostring(k)) end,
})

---------------------------------------------------------------------------------------------------------------------- planning
-- Loads the file: a list of { key, spec } in order of key.
local function load_file(text, file)
  L.file, L.loading = file, true
  local f, why = load(text, "@" .. file, "t", env)
  if not f then error({ kind = "error", text = why }, 0) end
  core.budget()
  local ok, out = pcall(f)
  if not ok then
    if type(out) == "string" then
      local where, msg = out:match "^(.-:%d+): (.*)$"
      out = { kind = "error", where = where or file, text = msg or out }
    end
    error(out, 0)
  end
  L.loading = false
  local function is_scenario(v) return type(v) == "table" and rawget(v, "spec") ~= nil end
  if is_scenario(out) then return { { "", out.spec } } end
  local list = {}
  if type(out) == "table" then
    for k, v in ordered(out) do
      if type(k) ~= "string" or not k:match "^[A-Za-z0-9._+-]+$" or not is_scenario(v) then
        error({ kind = "error", where = file, text = "returns a table whose elements are not all named scenarios" }, 0)
      end
      list[#list + 1] = { k, v.spec }
    end
  end
  if #list == 0 then error({ kind = "error", where = file, text = "returns no scenario; write: return tank.scenario { ... }" }, 0) end
  return list
end

local function value_name(v, file, axis)
  local s
  if type(v) == "table" and getmetatable(v) == nil then
    if type(v[1]) == "table" or #v == 0 then s = nil
    elseif #L.keys(v) > 0 or type(v[1]) ~= "string" or #v == 1 then s = tostring(v[1])
    else
      local words = {}
      for i, x in ipairs(v) do words[i] = tostring(x) end
      s = table.concat(words, "+")
    end
  else
    s = tostring(v)
  end
  if not s or not s:match "^[A-Za-z0-9._+%%-]+$" then
    error({ kind = "error", where = file, text = ('axis "%s": a value needs a name of A-Za-z0-9._+%%-; write { "name", ... }'):format(axis) }, 0)
  end
  return s
end

-- Calls f(id, key, axis names, indices, cell, k) for every case of the file.
local function unfold(stem, file, list, f)
  for _, entry in ipairs(list) do
    local key, spec = entry[1], entry[2]
    local axes = L.keys(spec.matrix or {})
    local names = {}
    for _, a in ipairs(axes) do
      local values = spec.matrix[a]
      if type(values) ~= "table" or #values == 0 then error({ kind = "error", where = file, text = ('axis "%s" has no values'):format(a) }, 0) end
      names[a] = {}
      for i, v in ipairs(values) do names[a][i] = value_name(v, file, a) end
    end
    local index = {}
    local function walk(d)
      if d > #axes then
        local cell, words = {}, {}
        for i, a in ipairs(axes) do
          cell[a] = spec.matrix[a][index[i]]
          words[i] = a .. "=" .. names[a][index[i]]
        end
        if not spec.where or spec.where(cell) then
          local id = table.concat({ stem, key ~= "" and key or nil }, "/")
          if key ~= "" then id = stem .. "/" .. key end
          if #words > 0 then id = id .. "/" .. table.concat(words, "/") end
          for k = 1, spec.seeds or 1 do f(k > 1 and id .. "@" .. k or id, key, axes, index, cell, k, names, spec) end
        end
        return
      end
      for i = 1, #spec.matrix[axes[d]] do
        index[d] = i
        walk(d + 1)
      end
    end
    walk(1)
  end
end

-- Plans a file: an array of cases { id, key, indices as text, seed number, cell names, title, model }.
local function plan(text, file, stem)
  local list, out = load_file(text, file), {}
  unfold(stem, file, list, function(id, key, axes, index, cell, k, names, spec)
    local cellnames = {}
    for i, a in ipairs(axes) do cellnames[a] = names[a][index[i]] end
    out[#out + 1] = { id = id, key = key, index = table.concat(index, ","), k = k, cell = cellnames, title = spec[1],
      model = type(cell.model) == "string" and cell.model or nil }
  end)
  return out
end

-- Runs one case of a file.
local function run(text, file, key, index, k)
  local list, spec = load_file(text, file), nil
  for _, e in ipairs(list) do if e[1] == key then spec = e[2] end end
  L.spec, L.k = spec, k
  L.limit = spec.limit and L.time(spec.limit) or 600000000000
  local cell, i = {}, 0
  local axes = L.keys(spec.matrix or {})
  for n in index:gmatch "%d+" do
    i = i + 1
    cell[axes[i]] = spec.matrix[axes[i]][math.tointeger(n)]
  end
  local ok, err = xpcall(L.loop, function(e)
    if type(e) == "string" then return { kind = "error", where = L.file, text = e, trace = debug.traceback(e) } end
    return e
  end, spec.run, L.tank, setmetatable(cell, { __index = function(_, a)
    L.fail('the cell has no axis "%s"%s', tostring(a), L.nearest(tostring(a), axes))
  end }))
  if ok then return L.result() end
  local good, result = pcall(L.result, err)
  if good then return result end
  return { verdict = "error", error = type(result) == "table" and result.text or tostring(result), checks = {}, metrics = {}, events = {}, faults = {} }
end

return { plan = plan, run = run, d_lua = L.schema.d_lua }
