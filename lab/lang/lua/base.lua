-- What every part of the scenario language stands on: error places, argument checks, units and durations, classes.
-- L is the state of one case (or of one load); L.core holds the C functions. Nothing here knows networks or models.
return function(L)
  local core, schema = L.core, L.schema

  -- "file:line" of the scenario's line that is running (in coroutine `co` when given): the innermost frame that is not ours. And how
  -- Lua's own messages about that line begin.
  function L.where(co)
    for level = co and 0 or 2, 220 do
      local info
      if co then info = debug.getinfo(co, level, "Sl") else info = debug.getinfo(level, "Sl") end
      if not info then break end
      if info.source:sub(1, 1) == "@" and info.currentline > 0 then
        return info.source:sub(2) .. ":" .. info.currentline, info.short_src .. ":" .. info.currentline .. ": "
      end
    end
    return L.loading and core.lines() or L.file or "?"
  end

  -- An error value as the table that ends a case or a load: ours as it is, Lua's own with the scenario's line. `co` is the coroutine
  -- that died of it, nil in a message handler.
  local KINDS = { error = true, unsupported = true, ended = true }
  function L.as_error(err, co)
    if type(err) == "table" and KINDS[rawget(err, "kind")] and type(rawget(err, "text")) == "string" then
      if not rawget(err, "where") then err.where = L.where(co) end
      return err
    end
    local over = err == "not enough memory" and core.over_limit(err)
    if over then return { kind = "error", where = over ~= "" and over or L.file, text = "the script needs more than 64 MB of memory" } end
    if type(err) ~= "string" then err = "error value: " .. L.show(err) end
    local where, prefix = L.where(co)
    if prefix and err:sub(1, #prefix) == prefix then err = err:sub(#prefix + 1) end
    err = err:gsub("^%?:%-?%d*%??: ", "") -- ours, which has no lines
    if err:find "^attempt to compare number with string" or err:find "^attempt to compare string with number" then
      err = err .. '; a time compares as one: tank.time "5s" < "7s"'
    end
    return { kind = "error", where = where, text = err }
  end

  -- Ends the case (or the load) with an error at the scenario's line.
  function L.fail(fmt, ...)
    error({ kind = "error", where = L.where(), text = select("#", ...) > 0 and fmt:format(...) or fmt }, 0)
  end

  -- Ends the case as unsupported: something of the language that this version does not have.
  function L.unsupported(fmt, ...)
    error({ kind = "unsupported", where = L.where(), text = fmt:format(...) }, 0)
  end

  local function distance(a, b) -- edits, neighbours the wrong way round among them; for "did you mean"
    local row, up, two = {}
    for j = 0, #b do row[j] = j end
    for i = 1, #a do
      two, up, row = up, row, { [0] = i }
      for j = 1, #b do
        row[j] = math.min(up[j] + 1, row[j - 1] + 1, up[j - 1] + (a:byte(i) == b:byte(j) and 0 or 1))
        if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then row[j] = math.min(row[j], two[j - 2] + 1) end
      end
    end
    return row[#b]
  end

  -- The words of a name that are joined by "_", "-" or spaces, in the order of the alphabet.
  local function reordered(name)
    local parts = {}
    for part in name:gmatch "[^_%- ]+" do parts[#parts + 1] = part end
    table.sort(parts)
    return table.concat(parts, "_")
  end

  -- ' did you mean "x"?' for the nearest of `names`, also with its words in another order, or "". `fold` is what they are compared after. Of
  -- names of one letter none is nearer than the others.
  function L.nearest(word, names, fold)
    local best, at
    for _, name in ipairs(names) do
      local folded = fold and fold(name) or name
      local d = distance(word, folded)
      if word:find "[_%- ]" then d = math.min(d, distance(reordered(word), reordered(folded))) end
      if d <= math.max(1, #word // 3) and d < math.max(#word, #name) and (not best or d < best) then best, at = d, name end
    end
    return at and ('; did you mean "%s"?'):format(at) or ""
  end

  function L.keys(t)
    local out = {}
    for k in next, t do if type(k) == "string" then out[#out + 1] = k end end
    table.sort(out)
    return out
  end

  -- The elements of list `a`, then those of `b`.
  function L.joined(a, b) return table.move(b, 1, #b, #a + 1, table.move(a, 1, #a, 1, {})) end

  -- A copy of `a` with the keys of `b` over it.
  function L.merge(a, b)
    local out = {}
    for k, v in next, a do out[k] = v end
    for k, v in next, b or {} do out[k] = v end
    return out
  end

  ---------------------------------------------------------------------------------------------------------------- durations
  local D = {}
  function D.__index(_, k) L.fail('a duration has no "%s"; it adds, compares and shows itself', L.show(k)) end
  function D.__newindex() L.fail "a duration cannot be written" end
  D.__name = "Duration"
  local function duration(ns) return setmetatable({ ns = ns }, D) end
  L.duration = duration

  -- Nanoseconds of a Time argument: a Duration or text with a unit.
  function L.time(v, what)
    if getmetatable(v) == D then return v.ns end
    local ns, why = core.unit("Time", v)
    if not ns then L.fail("%s: %s", what or "time", why) end
    return ns
  end
  local function ns_of(v) return getmetatable(v) == D and v.ns or L.time(v, "time") end

  function D.__add(a, b) return duration(ns_of(a) + ns_of(b)) end
  function D.__sub(a, b) return duration(ns_of(a) - ns_of(b)) end
  function D.__lt(a, b) return ns_of(a) < ns_of(b) end
  function D.__le(a, b) return ns_of(a) <= ns_of(b) end
  function D.__eq(a, b) return ns_of(a) == ns_of(b) end
  function D.__unm(a) return duration(-a.ns) end
  function D.__mul(a, b)
    local d, n = a, b
    if getmetatable(a) ~= D then d, n = b, a end
    if math.type(n) ~= "integer" then L.fail("a duration is multiplied by an integer only") end
    return duration(d.ns * n)
  end
  function D.__idiv(a, b)
    if getmetatable(b) == D then return a.ns // b.ns end
    if math.type(b) ~= "integer" or b == 0 then L.fail("a duration is divided by a positive integer or a duration only") end
    return duration(a.ns // b)
  end
  local SCALE = { { 3600000000000, "h" }, { 60000000000, "min" }, { 1000000000, "s" }, { 1000000, "ms" }, { 1000, "us" }, { 1, "ns" } }
  -- The shortest exact text: "1.5s", "20ms".
  function L.show_time(ns)
    if ns < 0 then return "-" .. L.show_time(-ns) end
    if ns == 0 then return "0s" end
    for _, s in ipairs(SCALE) do
      if ns >= s[1] then
        if (s[2] == "h" or s[2] == "min") and ns % s[1] ~= 0 then goto continue end
        local whole, rest = ns // s[1], ns % s[1]
        if rest == 0 then return whole .. s[2] end
        local digits = #tostring(s[1]) - 1
        return (whole .. "." .. (("%0" .. digits .. "d"):format(rest):gsub("0+$", ""))) .. s[2]
      end
      ::continue::
    end
  end
  function D.__tostring(d) return L.show_time(d.ns) end
  D.__concat = function(a, b) return tostring(a) .. tostring(b) end

  -- Times in a text of Lua that stand beside an order operator: Lua orders two texts letter by letter, so that `cell.delay < "3s"` would
  -- judge no time and say nothing. Such a literal becomes a Duration, and the other side is compared as a time; a literal that is
  -- another quantity is an error.
  local OPERATOR_WORDS = { ["and"] = true, ["or"] = true, ["not"] = true, ["return"] = true, ["if"] = true, ["elseif"] = true, ["while"] = true, ["until"] = true }
  -- The last place of the quoted text that begins at `at`.
  local function quoted_end(text, at)
    local stop, to = "[\\" .. text:sub(at, at) .. "]", at + 1
    while true do
      local e = text:find(stop, to)
      if not e then return #text end
      if text:sub(e, e) ~= "\\" then return e end
      to = e + 2
    end
  end
  -- The token at or after `at`: its kind, its first and last place; nil at the end.
  local PLAIN = { { "word", "^[%a_][%w_]*" }, { "number", "^%.?%d[%w.]*" }, { "concat", "^%.%.+" }, { "other", "^<<" }, { "other", "^>>" }, { "order", "^[<>]=?" }, { "other", "^." } }
  local function token(text, at)
    at = text:find("%S", at)
    if not at then return nil end
    local comment, bars = text:match("^(%-?%-?)%[(=*)%[", at)
    if bars and comment ~= "-" then
      local _, e = text:find("]" .. bars .. "]", at, true)
      return comment == "" and "long" or "comment", at, e or #text
    end
    if text:find("^%-%-", at) then return "comment", at, (text:find("\n", at, true) or #text + 1) - 1 end
    if text:find("^[\"']", at) then return "text", at, quoted_end(text, at) end
    for _, p in ipairs(PLAIN) do
      local _, e = text:find(p[2], at)
      if e then return p[1], at, e end
    end
  end
  local function tokens(text)
    local list, kind, a, b = {}, token(text, 1)
    while kind do
      if kind ~= "comment" then list[#list + 1] = { kind = kind, a = a, b = b, s = text:sub(a, b) } end
      kind, a, b = token(text, b + 1)
    end
    return list
  end
  -- Whether the text token between `before` and `after` is an operand of an order operator, whole: no argument of a call, no part of a text.
  local ENDS = { text = true, long = true, concat = true }
  local function is_ordered(before, after)
    if ENDS[before.kind] or after.kind == "concat" or before.s == ")" or before.s == "]" then return false end
    if before.kind == "word" and not OPERATOR_WORDS[before.s] then return false end
    return before.kind == "order" or after.kind == "order"
  end
  -- Text `text` of file `file` with a call of L.TIME_WORD before each such literal.
  L.TIME_WORD = "__time"
  function L.ordered(text, file)
    if not (text:find "[<>]=?%s*[\"']" or text:find "[\"']%s*[<>]") then return text end
    local list, out, from, none = tokens(text), {}, 1, { kind = "none", s = "" }
    for i, t in ipairs(list) do
      local s = t.s:sub(2, -2)
      if t.kind ~= "text" or not is_ordered(list[i - 1] or none, list[i + 1] or none) then goto continue end
      if core.unit("Time", s) then
        out[#out + 1] = text:sub(from, t.a - 1) .. L.TIME_WORD
        from = t.a
      elseif core.unit("Rate", s) or core.unit("Size", s) or core.unit("Share", s) then
        local _, lines = text:sub(1, t.a):gsub("\n", "")
        error({ kind = "error", where = file .. ":" .. lines + 1, text = ('"%s" is no time: only times are ordered by < and >, others as numbers'):format(s) }, 0)
      end
      ::continue::
    end
    return table.concat(out) .. text:sub(from)
  end

  ---------------------------------------------------------------------------------------------------------------- argument checks
  local checks = {}
  local function unit_check(kind)
    return function(v, path)
      if getmetatable(v) == D and kind == "Time" then return end
      local n, why = core.unit(kind, v)
      if not n then L.fail("%s: %s", path, why) end
    end
  end
  for _, kind in ipairs { "Time", "Rate", "Share", "Size" } do checks[kind] = unit_check(kind) end
  local function typed(name) return function(v) return type(v) == name or name end end
  for _, name in ipairs { "string", "table", "boolean", "function" } do checks[name] = typed(name) end
  checks.any = function() end
  checks.Duration = checks.Time
  checks.count = function(v) return math.type(v) == "integer" and v >= 0 or "a whole number" end
  checks.name = function(v) return type(v) == "string" and v:match "^[a-z0-9-]+$" and #v < 24 or "a name of at most 23 characters of a-z, 0-9 and -" end
  checks.seeds = function(v) return math.type(v) == "integer" and v >= 1 and v <= 100000 or "a whole number from 1 to 100000" end
  checks.Host = function(v) return L.is(v, "Host") or "a host" end
  checks.NetConnection = function(v) return L.is(v, "NetConnection") or "a NetConnection" end
  checks.Box = function(v) return L.is(v, "Box") or "a box" end
  checks["Host|Box"] = function(v) return L.is(v, "Host") or L.is(v, "Box") or "a host or a box" end
  checks.Behind = function(v) return type(v) == "string" or type(v) == "table" or "a profile name, a box or a list" end
  checks["string|string[]"] = function(v) return type(v) == "string" or type(v) == "table" or "text or a list" end
  checks["string[]"] = function(v) return type(v) == "table" or "a list of names" end
  checks["boolean|string"] = function(v) return type(v) == "boolean" or type(v) == "string" or "true or text" end
  checks["string|table"] = checks["string|string[]"]
  checks.event = function(v) return type(v) == "string" or L.is(v, "Source") or "an event name" end
  checks.expiry = function(v, path) if v ~= "never" then return unit_check "Time"(v, path) end end
  checks.later = function(_, path) L.unsupported("%s is not built yet", path) end
  local function is_address(v) return type(v) == "string" and core.is_addr(v) or 'an address with a port: "203.0.113.7:5000"' end
  checks.address = is_address
  checks.port = function(v) return math.type(v) == "integer" and v >= 1 and v <= 65535 or "a port, from 1 to 65535" end
  checks.port0 = function(v) return v == 0 or checks.port(v) end
  checks.ttl = function(v) return math.type(v) == "integer" and v >= 1 and v <= 255 or "a whole number from 1 to 255" end
  checks.octet = function(v) return math.type(v) == "integer" and v >= 0 and v <= 255 or "a whole number from 0 to 255" end
  checks.tries = function(v) return math.type(v) == "integer" and v >= 1 and v <= 100 or "a whole number from 1 to 100" end
  checks.fingerprint = function(v) return type(v) == "string" and #v == 64 and not v:find "%X" or "64 hexadecimal digits" end
  checks.pair = function(v) return type(v) == "table" and #v == 2 and L.keys(v)[1] == nil or "{ from, to }" end
  checks.ips = function(v)
    local what = 'an IP address, or a list of them, with or without "/bits"'
    for _, a in ipairs(type(v) == "table" and v or { v }) do
      if type(a) ~= "string" or not core.is_ip(a:match "^(.-)/%d+$" or a) then return what end
    end
    return type(v) == "string" or type(v) == "table" and v[1] ~= nil or what
  end
  checks.label = function(v, path)
    if type(v) ~= "string" then return "a label, as the trace calls it" end
    if schema.vocab.label(v) then return end
    local names, seen = schema.vocab.names "label", {}
    for _, name in ipairs(schema.vocab.names "label") do
      local first = name:match "^%S+"
      if not seen[first] then names[#names + 1] = first end
      seen[first] = true
    end
    L.fail('%s: no packet is labelled "%s"%s', path, v, L.nearest(v:lower(), names, string.lower))
  end
  -- Words of the sets `sets` (those of "tls" behind "tls "), or texts of a `form`; `what` nobody does, and `more` examples of forms.
  local function words_or_forms(sets, forms, what, more)
    return function(v, path)
      if type(v) ~= "string" then return "text" end
      local names = {}
      for _, set in ipairs(sets) do
        for _, name in ipairs(schema.vocab.names(set)) do names[#names + 1] = (set == "tls" and "tls " or "") .. name end
      end
      for _, name in ipairs(names) do if v == name then return end end
      for _, form in ipairs(forms) do if v:find(form) then return end end
      local alert = v:match "^tls alert ([%l_]+)$"
      if alert and more:find("tls alert", 1, true) and L.core.tls_alert(alert) then return end
      L.fail('%s: %s "%s"; one of "%s"%s%s', path, what, v, table.concat(names, '", "'), more, L.nearest(v, names))
    end
  end
  checks.closed_by = words_or_forms({ "closed_by", "tls" }, { "^http %d%d%d$", "^socks %d+$" }, "nobody closes by", ', "http 407", "socks 2", "tls alert unknown_ca"')
  checks.relay_why = words_or_forms({ "relay_down", "tls" }, { "^http %d%d%d$", "^proxy %d+$", "^closed %d%d%d%d$", "^tls alert$" }, "no relay is down for",
    ', "http 403", "proxy 407", "closed 1008", "tls alert"')
  checks.LinkSpec = function(v, path)
    if type(v) == "table" then L.check("LinkSpec", v, path) elseif type(v) ~= "string" then return "a link preset or a table" end
  end
  checks.LinkDir = function(v, path)
    if type(v) == "string" then return end
    if type(v) ~= "table" then return "a link preset or a table" end
    L.check("LinkDir", v, path)
    if next(v) == nil then L.fail("%s: says nothing", path) end
  end
  checks.rate = function(v, path) if v ~= "unlimited" then return checks.Rate(v, path) end end
  checks.flap = function(v, path) L.check("flap", v, path) end
  checks.turnserver = function(v, path)
    if type(v) ~= "table" then return "a table" end
    L.check("turnserver", v, path)
  end
  for _, name in ipairs { "stunserver", "wsserver", "serve_rtmfp" } do
    checks[name] = function(v, path)
      if type(v) ~= "table" then return "a table" end
      L.check(name, v, path)
    end
  end
  checks["boolean|rtmfp_web"] = function(v, path)
    if type(v) == "boolean" then return end
    if type(v) ~= "table" then return "true or a table" end
    L.check("rtmfp_web", v, path)
  end
  checks.ge = function(v, path) L.check("ge", v, path) end
  checks["count|Time"] = function(v, path)
    if math.type(v) == "integer" then return v >= 0 or "a whole number or a time" end
    return unit_check "Time"(v, path)
  end
  checks.HostTcp = function(v, path) L.check("HostTcp", v, path) end
  checks.IfaceSpec = function(v, path)
    if type(v) ~= "table" then return "a table" end
    L.check("IfaceSpec", v, path)
  end

  -- Checks that `v` may stand where type `ty` of the schema belongs; `path` is what messages begin with.
  local function check_value(ty, v, path)
    local enum = schema.enums[ty]
    if enum then
      for _, e in ipairs(enum) do if v == e then return end end
      local near = type(v) == "string" and L.nearest(v, enum) or ""
      L.fail('%s: no %s %s; one of "%s"%s', path, ty:match "[^.]*$", type(v) == "string" and '"' .. v .. '"' or type(v), table.concat(enum, '", "'), near)
    end
    local why = checks[ty](v, path)
    if type(why) == "string" then
      L.fail("%s: expected %s, not %s", path, why, type(v) == "string" and '"' .. v .. '"' or type(v) == "number" and tostring(v) or type(v))
    end
  end

  L.check_type = check_value

  -- Checks the one table of call `verb`; `path` is what messages begin with.
  function L.check(verb, t, path)
    path = path or verb
    local spec = schema.tables[verb]
    if type(t) ~= "table" or getmetatable(t) then L.fail("%s: expected a table { ... }", path) end
    for k, v in L.pairs(t) do
      local field = spec[k]
      if math.type(k) == "integer" then field = field or spec.rest end
      if field == true then field = nil end
      if not field and not (spec.open and type(k) == "string") then
        if type(k) ~= "string" then L.fail("%s: too many elements", path) end
        L.fail('%s: no field "%s"%s', path, k, L.nearest(k, L.keys(spec)))
      end
      if field then check_value(field[1], v, path .. (type(k) == "string" and "." .. k or "[" .. k .. "]")) end
    end
    for _, k in ipairs(schema.required[verb] or {}) do
      if t[k] == nil then
        L.fail("%s: %s is missing", path, type(k) == "string" and '"' .. k .. '"' or "element " .. k)
      end
    end
    return t
  end

  ---------------------------------------------------------------------------------------------------------------- classes
  -- Objects are tables with a class; a field or method that a class does not have is an error, and so is a dot for a colon.
  local INTERNAL = { off = true, asleep = true, gone = true, last_stats = true, down_until = true, ended = true, app = true, media = true, subnet = true } -- unset as yet
  local classes = {}
  L.classes = classes
  -- Metatables of ours: scripts neither see nor replace them.
  L.metas = { [D] = "Duration" }
  -- A view of `t` that reads as it does, and cannot be written; `what` is what messages call it. With `optional`, a list of names, a name is an
  -- error that neither `t` nor the list has. `why`: what to say of a write.
  function L.readonly(t, what, optional, why)
    local meta = { __name = what }
    function meta.__index(_, k)
      local v = t[k]
      if type(v) == "table" and not getmetatable(v) then return L.readonly(v, what .. "." .. tostring(k)) end
      if v ~= nil or not optional or type(k) ~= "string" then return v end -- ipairs asks for the one behind the last
      for _, name in ipairs(optional) do if name == k then return nil end end
      L.fail('%s has no "%s"%s', what, L.show(k), L.nearest(L.show(k), L.joined(L.keys(t), optional)))
    end
    function meta.__newindex(_, k) L.fail("%s.%s cannot be written%s", what, tostring(k), why or ": it is what the case is judged by") end
    function meta.__len() return #t end
    function meta.__pairs() return L.pairs(t) end
    L.metas[meta] = what
    return setmetatable({}, meta)
  end
  -- An object is an empty table in front of what it holds, so that a script can write over nothing that exists. Its metatable finds plain
  -- values in `flat`, at the cost of a look-up; tables are in `deep` and read-only to scripts. Our own rawget and rawset reach both.
  local globals, plain_get, plain_set = _G, rawget, rawset
  -- The net of a box or an interface, and the interfaces of a host: read at every step of a way, where looking at the reader would cost too
  -- much. Their names are tables, which no script can write, so that it does not get at them.
  L.NET, L.LIST = {}, {}
  local OFTEN = { [L.NET] = true, [L.LIST] = true }
  local function is_deep(k, v) return type(v) == "table" and not OFTEN[k] and not getmetatable(v) end
  function globals.rawget(o, k)
    local meta = getmetatable(o)
    local flat = meta and plain_get(meta, "flat")
    if not flat then return plain_get(o, k) end
    local v = plain_get(flat, k)
    if v == nil then v = plain_get(meta.deep, k) end
    return v
  end
  function globals.rawset(o, k, v)
    local meta = getmetatable(o)
    local flat = meta and plain_get(meta, "flat")
    if not flat then return plain_set(o, k, v) end
    local deep = is_deep(k, v)
    if deep then plain_set(flat, k, nil) else plain_set(flat, k, v) end
    plain_set(meta.deep, k, deep and v or nil)
    return o
  end
  -- Field value `v` as whoever called the metamethod may see it.
  local function shown(v, name, k)
    if type(v) ~= "table" or getmetatable(v) then return v end
    local info = debug.getinfo(3, "S")
    if info and info.source:sub(1, 1) == "@" then return L.readonly(v, name:lower() .. "." .. tostring(k)) end
    return v
  end
  function L.class(name, parent)
    local c = { name = name, parent = parent, methods = {}, getters = {} }
    local meta = { __name = name, class = c }
    function meta.__index(o, k)
      local v, at = getmetatable(o).deep[k], c
      if v ~= nil then return (shown(v, name, k)) end
      while at do
        local m = at.methods[k]
        if m then return m end
        local g = at.getters[k]
        if g then return g(o) end
        at = at.parent
      end
      if type(k) ~= "string" or INTERNAL[k] then return nil end
      local names, up = {}, c
      while up do
        for _, list in ipairs { up.methods, up.getters } do for _, n in ipairs(L.keys(list)) do names[#names + 1] = n end end
        up = up.parent
      end
      L.fail('%s has no "%s"%s', name:lower(), k, L.nearest(k, names))
    end
    function meta.__newindex(o, k)
      if rawget(o, k) ~= nil then L.fail("a %s's %s cannot be written", name:lower(), tostring(k)) end
      L.fail("a %s has no fields to set", name:lower())
    end
    function meta.__pairs() return function() end end
    function meta.__tostring(o) return rawget(o, "label") or name:lower() end
    c.meta = meta
    L.metas[meta] = name:lower()
    classes[name] = c
    return c
  end
  -- Defines method `k` of class `c`; the wrapper tells a dot from a colon.
  function L.method(c, k, f)
    local takes -- worked out when it is called: most methods never are
    c.methods[k] = function(self, ...)
      if not L.is(self, c.name) then L.fail("%s: write a colon: object:%s(...)", k, k) end
      takes = takes or L.arity(k, f)
      takes(...)
      return f(self, ...)
    end
  end
  -- A function that fails when it is given more arguments than method `k`, which is `f`, takes behind its object. `{}` is as good as nothing.
  function L.arity(k, f)
    local info = debug.getinfo(f, "u")
    local most = math.max(info.nparams - 1, 0)
    if info.isvararg then return function() end end
    return function(...)
      for i = most + 1, select("#", ...) do
        local v = select(i, ...)
        local plain = type(v) == "table" and not getmetatable(v)
        local field = plain and L.keys(v)[1]
        if field then L.fail('%s: no field "%s"; it takes %s', k, field, most == 0 and "nothing" or most .. " arguments") end
        if v ~= nil and not (plain and #v == 0) then
          L.fail("%s: takes %s, not %s", k, most == 0 and "nothing" or most .. " arguments", type(v) == "string" and '"' .. v .. '"' or L.show(v))
        end
      end
    end
  end
  -- The methods of `c` and its parents, in one table.
  local function methods_of(c)
    if c.all then return c.all end
    local all = c.parent and L.merge(methods_of(c.parent), c.methods) or c.methods
    c.all = all
    return all
  end
  -- An object of class `c` that holds `fields`.
  function L.new(c, fields)
    local o, flat, deep, methods, meta = {}, {}, {}, methods_of(c), c.meta
    for k, v in next, fields do if is_deep(k, v) then deep[k] = v else flat[k] = v end end
    setmetatable(flat, { __index = function(_, k)
      local m = methods[k]
      if m or INTERNAL[k] and deep[k] == nil then return m end
      return meta.__index(o, k)
    end })
    return setmetatable(o, { __index = flat, __newindex = meta.__newindex, __pairs = meta.__pairs, __tostring = meta.__tostring, __name = meta.__name, class = c, flat = flat, deep = deep })
  end
  -- What a table with metatable `meta` is called when it is ours; nil: it is not.
  function L.ours(meta) return meta and (plain_get(meta, "flat") and meta.class.name:lower() or L.metas[meta]) end
  function L.is(v, name)
    local meta = type(v) == "table" and getmetatable(v)
    local c = meta and meta.class
    while c do
      if c.name == name then return true end
      c = c.parent
    end
    return false
  end
end
