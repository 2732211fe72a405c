-- Sources of events, and who waits for them: next, events, expect, await, forbid.
--
-- An event goes, when it comes, to whom it concerns: expectations and waiting coroutines are indexed by source and event name, and
-- expectations are counted then and there. A source keeps its events in a queue for each name, until every coroutine that reads that
-- name has passed them; open, death and closed stay, because one that has happened satisfies.
return function(L)
  local now, ready, never = L.now, L.ready, math.maxinteger
  local Source = L.class "Source"
  L.Source = Source
  local LASTING = { open = true, death = true, closed = true }
  local PASSING = { message = true, signal = true, test = true, success = true, reflexive = true } -- the judge does not need them
  local SWEEP = 32 -- events that a queue may keep beyond twice those that somebody has yet to see

  -- What scripts see of an event: its fields, which the judge reads too and nobody writes.
  local OWN, FIELDS = { serial = true, view = true }, {}
  local View = { __name = "Event" }
  -- A value of an event for a script: a duration of its own, not the judge's.
  local function shown(v) return type(v) == "table" and rawget(v, "ns") and L.duration(v.ns) or v end
  function View.__index(view, k)
    local ev = rawget(view, FIELDS)
    if ev[k] ~= nil and not OWN[k] then return shown(ev[k]) end
    if k == "stat" then return nil end
    L.fail('event "%s" has no field "%s"%s', ev.name, tostring(k), L.nearest(tostring(k), L.keys(ev)))
  end
  function View.__newindex(_, k) L.fail("an event's %s cannot be written: it is what the case is judged by", tostring(k)) end
  function View.__pairs(view)
    local fields = {}
    for k, v in next, rawget(view, FIELDS) do if not OWN[k] then fields[k] = shown(v) end end
    return L.pairs(fields)
  end
  L.metas[View] = "event"
  local function view_of(ev)
    if ev and L.count_event then L.count_event() end
    if not ev then return ev end
    ev.view = ev.view or setmetatable({ [FIELDS] = ev }, View)
    return ev.view
  end

  local n_sources = 0
  -- A source: object `fields` of class `c`.
  --   log     events for the judge, in order: all but PASSING
  --   queues  name -> { first, last, [first..last] = event, passed, sweep_at, readers = { task id -> reader } }
  --   expects name -> { expectation id -> expectation }, those that are not decided
  function L.source(c, fields)
    n_sources = n_sources + 1
    fields.id, fields.log, fields.queues, fields.expects = n_sources, {}, {}, {}
    return L.new(c, fields)
  end

  -- The ends a source is judged on: a call has two, everything else is its own.
  local function ends(source) return L.is(source, "Call") and L.record(source).ends or { source } end

  ---------------------------------------------------------------------------------------------------------------- queues
  local function queue_of(source, name)
    local q = source.queues[name]
    if not q then
      q = { first = 1, last = 0, passed = 0, sweep_at = SWEEP, readers = {}, keep = LASTING[name] }
      source.queues[name] = q
    end
    return q
  end

  -- Drops what nobody is yet to see: an event that a coroutine has taken or passed, and that no coroutine that reads this name has
  -- before it.
  local function sweep(source, q)
    local upto = q.passed
    for id, r in next, q.readers do
      if r.task.done then q.readers[id] = nil else upto = math.min(upto, r.task.cursor[source.id] or 0) end
    end
    while q.first <= q.last and q[q.first].serial <= upto do
      q[q.first] = nil
      q.first = q.first + 1
    end
    q.sweep_at = 2 * (q.last - q.first + 1) + SWEEP
  end

  -- What `source` has told and nobody has read is gone.
  function L.drop_events(source)
    for _, q in next, source.queues do
      for i = q.first, q.last do q[i] = nil end
      q.first = q.last + 1
    end
  end

  -- How coroutine `task` reads queue `q` of `source`: { task, at = where to look next, want = what was looked for from there on }.
  local function reader_of(task, q)
    local r = q.readers[task.id]
    if not r then
      r = { task = task, at = q.first }
      q.readers[task.id] = r
    end
    return r
  end

  local function fits(want, ev)
    for _, f in ipairs(want.fields) do if ev[f[1]] ~= f[2] then return false end end
    return true
  end

  -- The first event of `q` that `task` has not passed and that fits; looks at none twice for the same want.
  local function first_unseen(task, source, q, want)
    local r, cursor = reader_of(task, q), task.cursor[source.id] or 0
    local at = math.max(r.at, q.first)
    while at <= q.last and q[at].serial <= cursor do at = at + 1 end
    r.at = at
    if #want.fields == 0 then return q[at] end
    if r.want == want.text and r.looked > at then at = r.looked end
    while at <= q.last and not fits(want, q[at]) do at = at + 1 end
    r.want, r.looked = want.text, at
    return q[at]
  end

  -- next: the earliest unseen match among the sources, for this coroutine.
  local function take(want, task)
    local best
    for _, e in ipairs(want.ends) do
      for _, name in ipairs(want.list) do
        local ev = first_unseen(task, e, queue_of(e, name), want)
        if ev and (not best or ev.serial < best.serial) then best = ev end
      end
    end
    if not best then return nil end
    local e = best.from
    task.cursor[e.id] = best.serial
    for _, name in ipairs(want.list) do
      local q = queue_of(e, name)
      q.passed = math.max(q.passed, best.serial)
      if not q.keep and q.last - q.first >= q.sweep_at then sweep(e, q) end
    end
    return best
  end

  ---------------------------------------------------------------------------------------------------------------- events come
  local dirty, n_expects = {}, 0
  L.n_expects = 0

  -- Has expectation `x` evaluated: by its coroutine if it waits, and before time moves on.
  function L.touch(x)
    if x.decided then return end
    if x.task then ready(x.task) end
    if x.dirty then return end
    x.dirty = true
    L.heap_push(dirty, { at = x.id, serial = 0, x = x })
  end

  -- Counts event `ev` of end `e` for expectation `x`.
  local function count(x, e, ev)
    x.near[e.id] = ev
    if ev.at.ns > x.deadline or not fits(x.want, ev) then return end
    x.n[e.id] = (x.n[e.id] or 0) + 1
    x.last[e.id] = ev
    L.touch(x)
  end

  -- Appends an event to a source's queues: `fields` becomes it. The order over all sources is kept in `serial`.
  function L.push(source, name, fields)
    L.serial = L.serial + 1
    fields.name, fields.at, fields.from, fields.serial = name, L.duration(now()), source, L.serial
    local ev = fields
    local q = queue_of(source, name)
    q.last = q.last + 1
    q[q.last] = ev
    if not PASSING[name] then source.log[#source.log + 1] = ev end
    if name ~= "signal" then rawset(source, "latest", ev) end -- for who waits in vain
    if rawget(source, "over") and name ~= "signal" then rawset(source, "late", ev) end
    L.on_event(source, ev)
    for _, x in next, source.expects[name] or {} do count(x, source, ev) end
    for id, r in next, q.readers do if r.task.done then q.readers[id] = nil elseif r.task.poll then ready(r.task) end end
    if name == "death" or name == "closed" then
      rawset(source, "over", ev)
      rawset(source, "ended", true)
      for _, other in next, source.queues do -- who waits for whatever else need not wait any longer
        for _, r in next, other.readers do if r.task.poll then ready(r.task) end end
      end
    end
    if L.tells_of[source] then L.tells_of[source](ev) end -- a part of something
    return ev
  end

  ---------------------------------------------------------------------------------------------------------------- wants
  local BOUNDS = { within = true, during = true, times = true, stream = true }

  -- The names and sources among the elements of `w`.
  local function parse_elements(verb, w, want)
    for _, v in ipairs(w) do
      if type(v) ~= "string" then
        for _, s in ipairs(want.sources) do if s == v then L.fail("%s: names %s twice", verb, tostring(v)) end end
        want.sources[#want.sources + 1] = v
      else
        if not L.schema.events[v] then L.fail('%s: no event "%s"%s', verb, v, L.nearest(v, L.keys(L.schema.events))) end
        if want.names[v] then L.fail('%s: names "%s" twice', verb, v) end
        want.list[#want.list + 1], want.names[v] = v, true
        want.text = want.text .. (want.text ~= "" and "|" or "") .. v
      end
    end
    if not want.list[1] then L.fail("%s: name an event", verb) end
  end

  local function class_of(source) return getmetatable(source).class end
  -- Whether `source` can ever tell `name`: its class does, and so does what it is in particular, unless `kind`, its class, is enough. A call
  -- tells what an end of it does.
  local function tells(source, name, kind)
    local c, only, told = class_of(source), rawget(source, "tells_only"), false
    while c and not told do
      for _, one in ipairs(L.schema.tells[c.name] or {}) do told = told or one == name end
      c = c.parent
    end
    if not told or not kind and only and not only[name] then return false end
    if not L.is(source, "Call") then return true end
    for _, e in ipairs(ends(source)) do if tells(e, name) then return true end end
    return false
  end
  -- The type of field `k` of event `name` as `source` tells it; nil: that has none.
  local function type_of(source, name, k)
    local c = class_of(source)
    while c do
      local own = (L.schema.told_as[c.name] or {})[name]
      if own and own[k] then return own[k] end
      c = c.parent
    end
    return L.schema.events[name][k]
  end

  -- Checks that an event of the want has field `k`, and that its value may be `v`, of one of its sources; returns it as events have it.
  local function check_field(verb, want, k, v)
    local types, names, seen = {}, {}, {}
    local function add(ty)
      if ty and not seen[ty] then types[#types + 1], seen[ty] = ty, true end
    end
    for _, name in ipairs(want.list) do
      for _, s in ipairs(want.sources) do if tells(s, name) then add(type_of(s, name, k)) end end
      for _, f in ipairs(L.keys(L.schema.events[name])) do names[#names + 1] = f end
    end
    if not types[1] then for _, name in ipairs(want.list) do add(L.schema.events[name][k]) end end
    if not types[1] then
      table.sort(names)
      L.fail('%s: event "%s" has no field "%s"%s', verb, want.text, k, L.nearest(k, names))
    end
    local first
    for _, ty in ipairs(types) do
      local ok, err = pcall(L.check_type, ty, v, verb .. "." .. k)
      if ok then return ty == "Duration" and L.duration(L.time(v)) or v end
      first = first or err
    end
    error(first, 0)
  end

  -- Checks the bounds of a want: what each verb takes, and that it leaves something to judge.
  local TAKES = { expect = { within = true, times = true, stream = true }, await = { within = true, times = true, stream = true },
    forbid = { during = true, stream = true }, next = { within = true, stream = true } }
  local function check_bounds(verb, w)
    for _, k in ipairs(L.keys(BOUNDS)) do
      if w[k] ~= nil and not TAKES[verb][k] then L.fail('%s: takes no "%s", but "%s"', verb, k, table.concat(L.keys(TAKES[verb]), '" and "')) end
    end
    if w.times == 0 then L.fail('%s.times: at least 1; source:forbid { ..., during = } says that none comes', verb) end
    if w.during and L.time(w.during) <= 0 then L.fail("%s.during: must be above 0", verb) end
  end

  local ALL = L.keys(L.schema.events)
  -- Who tells `name`, for whom has asked `source`, which does not.
  local function told_by(source, name)
    local c, out = class_of(source), {}
    for _, class in ipairs(L.keys(L.schema.tells)) do
      for _, told in ipairs(L.schema.tells[class]) do
        if told == name and class ~= c.name then out[#out + 1] = class:lower() end
      end
    end
    local own = rawget(source, "tells_else")
    if own and own[name] then table.insert(out, 1, own[name]) end
    return ('; it is told by %s'):format(table.concat(out, ", "))
  end
  -- Checks that what is wanted can come: every event of an expectation, some event of next, which libraries ask of whatever
  -- carrier or socket they are given.
  local function check_told(verb, want)
    local any, missing = false, nil
    for _, name in ipairs(want.list) do
      local told = false
      for _, s in ipairs(want.sources) do told = told or tells(s, name, verb == "next") end
      any, missing = any or told, missing or not told and name or nil
    end
    if missing and not (any and verb == "next") then
      local source, names = want.sources[1], {}
      for _, name in ipairs(ALL) do if tells(source, name) then names[#names + 1] = name end end
      local what = rawget(source, "tells_as") or class_of(source).name:lower()
      L.fail('%s: %s %s tells no "%s", only "%s"%s%s', verb, what:find "^[aeio]" and "an" or "a", what, missing, table.concat(names, '", "'),
        told_by(source, missing), L.nearest(missing, names))
    end
  end

  -- Checks that a host of the sources has an interface of that name, and another one: events of a host with one name none.
  local function check_iface(verb, want, name)
    local names, several = {}, false
    for _, e in ipairs(want.ends) do
      local host = rawget(e, "host")
      for _, own in ipairs(host and L.keys(host.ifaces) or {}) do names[#names + 1] = own end
      several = several or host and #host[L.LIST] > 1
    end
    if not several then L.fail('%s.iface: "%s": hosts of one interface have events that name none', verb, name) end
    for _, own in ipairs(names) do if own == name then return end end
    L.fail('%s.iface: no host here has an interface "%s"%s', verb, name, L.nearest(name, names))
  end

  -- A want as a table: names, fields, sources.
  local function parse_want(verb, w, self)
    if type(w) == "string" then w = { w } end
    L.check(verb, w)
    check_bounds(verb, w)
    local want = { names = {}, list = {}, fields = {}, sources = {}, ends = {}, within = w.within, during = w.during, times = w.times, text = "" }
    parse_elements(verb, w, want)
    if self then want.sources = { self } end
    if #want.sources == 0 then L.fail("%s: name a source", verb) end
    local names = want.text
    for _, k in ipairs(L.keys(w)) do
      if not BOUNDS[k] then
        want.fields[#want.fields + 1] = { k, check_field(verb, want, k, w[k]) }
        names = names .. (" %s=%s"):format(k, L.show(w[k]))
      end
    end
    want.text = names .. (w.stream and " stream=" .. w.stream or "")
    if w.stream then for i, s in ipairs(want.sources) do want.sources[i] = L.stream_of(s, w.stream, verb) end end
    if w ~= ALL then check_told(verb, want) end
    for _, s in ipairs(want.sources) do for _, e in ipairs(ends(s)) do want.ends[#want.ends + 1] = e end end
    if w.iface then check_iface(verb, want, w.iface) end
    return want
  end

  ---------------------------------------------------------------------------------------------------------------- next
  -- Waits for the next match of `want`, nil when it does not come in time, or when it cannot come any more.
  local function wait_next(want)
    local task = L.task
    if not task then L.fail("next waits: it is possible inside run and spawned functions only") end
    local deadline = want.within and now() + L.time(want.within) or never
    return L.block(deadline, function()
      local ev = take(want, task)
      if ev then return ev end
      if deadline ~= never then return nil end
      for _, e in ipairs(want.ends) do if not rawget(e, "ended") then return nil end end
      return false
    end) or nil
  end
  function L.next(verb, w, self) return view_of(wait_next(parse_want(verb, w, self))) end

  ---------------------------------------------------------------------------------------------------------------- expectations
  local HIDDEN = { view = true, name = true, at = true, from = true, serial = true, data = true, blob = true, since = true, why = true }
  -- "death reason=consent_expired at 40s: no path for T_death"
  function L.event_text(ev)
    local more = ""
    for _, k in ipairs(L.keys(ev)) do
      if not HIDDEN[k] and ev[k] ~= "" and (k ~= "family" or ev[k] ~= "v4") then more = more .. (" %s=%s"):format(k, tostring(ev[k])) end
    end
    local why = rawget(ev, "why")
    return ("%s%s at %s%s"):format(ev.name, more, tostring(ev.at), why and ": " .. why or "")
  end
  -- What end `e` saw instead of, or as, what `x` wants: of that name the last, else whatever was the last.
  local function observed(x, e)
    local near, n, latest = x.near[e.id], x.n[e.id] or 0, rawget(e, "latest")
    if near and x.want.times and x.kind ~= "forbid" then return ("%s: %d time%s; last: %s"):format(tostring(e), n, n == 1 and "" or "s", L.event_text(near)) end
    if near then return ("%s: %s"):format(tostring(e), L.event_text(near)) end
    return ("%s: nothing of that by %s; %s"):format(tostring(e), L.show_time(x.deadline), latest and "last: " .. L.event_text(latest) or "nothing else either")
  end

  local function decide(x, ok, seen)
    x.decided = true
    L.n_expects = L.n_expects - 1
    for _, e in ipairs(x.ends) do for _, name in ipairs(x.want.list) do e.expects[name][x.id] = nil end end
    L.judge { name = x.kind, ok = ok, where = x.where, expected = x.text, observed = seen, at = now() }
  end

  local function evaluate_forbid(x, late)
    for _, e in ipairs(x.ends) do if x.n[e.id] then return decide(x, false, observed(x, e)) end end
    if late then decide(x, true, "nothing of that") end
  end

  -- Decides x if it can be decided now.
  local function evaluate(x)
    local late, times, all, last = now() >= x.deadline, x.want.times, true, nil
    if x.kind == "forbid" then return evaluate_forbid(x, late) end
    for _, e in ipairs(x.ends) do
      local n = x.n[e.id] or 0
      last = x.last[e.id] or last
      if n < (times or 1) then
        if late then return decide(x, false, observed(x, e)) end
        all = false
      end
      if times and n > times then return decide(x, false, ("%s: %d times"):format(tostring(e), n)) end
    end
    if all and (late or not times) then
      x.event = last
      decide(x, true, observed(x, last.from))
    end
  end

  -- Decides what can be decided, in the order of the lines.
  function L.check_expects()
    while dirty[1] do
      local x = L.heap_pop(dirty).x
      x.dirty = nil
      if not x.decided then evaluate(x) end
    end
  end

  -- What lasts counts from the start.
  local function count_lasting(x, e)
    local past = {}
    for _, name in ipairs(x.want.list) do
      local q = LASTING[name] and e.queues[name]
      for i = q and q.first or 1, q and q.last or 0 do past[#past + 1] = q[i] end
    end
    table.sort(past, function(a, b) return a.serial < b.serial end)
    for _, ev in ipairs(past) do count(x, e, ev) end
  end

  function L.expectation(kind, w, self)
    local want = parse_want(kind, w, self)
    n_expects = n_expects + 1
    L.n_expects = L.n_expects + 1
    local x = { id = n_expects, kind = kind, want = want, where = L.where(), ends = want.ends, n = {}, last = {}, near = {} }
    x.deadline = now() + L.time(want.within or want.during)
    x.text = ("%s%s %s %s"):format(want.text, want.times and " " .. want.times .. " times" or "", kind == "forbid" and "not during" or "within",
      tostring(want.within or want.during))
    for _, e in ipairs(x.ends) do
      count_lasting(x, e)
      for _, name in ipairs(want.list) do
        e.expects[name] = e.expects[name] or {}
        e.expects[name][x.id] = x
      end
    end
    L.touch(x)
    L.watch_deadline(x)
    return x
  end

  L.method(Source, "expect", function(self, w) L.expectation("expect", w, self) end)
  L.method(Source, "forbid", function(self, w) L.expectation("forbid", w, self) end)
  L.method(Source, "await", function(self, w)
    local x = L.expectation("await", w, self)
    x.task = L.task
    L.block(x.deadline + 1, function()
      if not x.decided then evaluate(x) end
      return x.decided
    end)
    if not x.event then error({ kind = "ended", where = x.where, text = x.text }, 0) end
    return view_of(x.event)
  end)
  L.method(Source, "next", function(self, w) return L.next("next", w, self) end)
  L.method(Source, "events", function(self, names)
    local w = type(names) == "string" and { names } or names or ALL
    local want = parse_want("next", w, self)
    return function() return view_of(wait_next(want)) end
  end)
end
