-- Coroutines in virtual time, event sources, expectations. Time passes only here, in L.loop.
return function(L)
  local core = L.core
  local never = math.maxinteger
  L.tasks, L.timers, L.expects, L.serial = {}, {}, {}, 0

  local function now() return core.now() end
  L.now = now

  ---------------------------------------------------------------------------------------------------------------- timers
  -- Calls f at time `at`; timers of one instant run in the order they were set.
  function L.after(at, f)
    L.serial = L.serial + 1
    local t = { at = at, serial = L.serial, f = f }
    local i = #L.timers
    while i > 0 and L.timers[i].at <= at do i = i - 1 end
    table.insert(L.timers, i + 1, t) -- latest first: the next one is the last element
  end

  ---------------------------------------------------------------------------------------------------------------- tasks
  function L.spawn(runner, f, ...)
    local args = table.pack(...)
    local task = { runner = runner, cursor = {}, wake = now(), first = true, from = L.where() }
    task.co = coroutine.create(function() return f(table.unpack(args, 1, args.n)) end)
    L.tasks[#L.tasks + 1] = task
    return task
  end

  -- How often a coroutine may wake at one instant: by the clock, and by events as well. More is a loop in which time stands.
  local WAKES_BY_CLOCK, WAKES = 1000, 1000000
  local function count_wake(task, by_clock)
    if task.instant ~= now() then task.instant, task.wakes, task.clock_wakes = now(), 0, 0 end
    task.wakes = task.wakes + 1
    if by_clock then task.clock_wakes = task.clock_wakes + 1 end
    if task.wakes <= WAKES and task.clock_wakes <= WAKES_BY_CLOCK then return end
    local where = L.where(task.co)
    if where == L.file then where = task.from end
    error({ kind = "error", where = where, text = ("woke %d times at %s: a loop in which no time passes?"):format(task.wakes, L.show_time(now())) }, 0)
  end

  local function resume(task, by_clock, ...)
    count_wake(task, by_clock)
    task.wake, task.wait, task.poll = nil, nil, nil
    L.task = task
    core.budget(task.co)
    local ok, err = coroutine.resume(task.co, ...)
    core.budget()
    L.task = nil
    if not ok then error(L.as_error(err, task.co), 0) end
    if coroutine.status(task.co) == "dead" then task.done = true end
  end

  -- Blocks the running coroutine until `poll()` gives a value or `deadline` passes; returns the value or nil.
  function L.block(deadline, poll)
    local v = poll()
    if v ~= nil then return v end
    local task = L.task
    if not task then L.fail("waiting is possible inside run and spawned functions only") end
    task.wake, task.poll = deadline, poll
    return coroutine.yield()
  end

  -- What runs on a host that is off or suspended stands still.
  function L.halted(task) return rawget(task.runner, "off") ~= nil end

  -- The coroutines of `host` end, but the running one, which ends when it waits.
  function L.end_tasks(host)
    for _, task in ipairs(L.tasks) do if task.runner == host then task.done = true end end
  end

  -- Those that wait for a time wait `by` longer.
  function L.delay_tasks(host, by)
    for _, task in ipairs(L.tasks) do if task.runner == host and task.wake and task.wake < never - by then task.wake = task.wake + by end end
  end

  local function run_ready()
    local again = true
    while again do
      again = false
      local i = 1
      while i <= #L.tasks do
        local task = L.tasks[i]
        if not task.done and not L.halted(task) then
          local v
          if task.poll then v = task.poll() end
          if v ~= nil then
            resume(task, false, v)
            again = true
          elseif task.wake and task.wake <= now() then
            resume(task, true)
            again = true
          end
        end
        if task.done then table.remove(L.tasks, i) else i = i + 1 end
      end
      core.flush()
      if L.dispatch() then again = true end
    end
  end

  ---------------------------------------------------------------------------------------------------------------- sources
  local Source = L.class "Source"
  L.Source = Source
  local LASTING = { open = true, death = true, closed = true } -- one that has happened satisfies

  local Event = { __name = "Event" }
  function Event.__index(ev, k)
    if k == "stat" then return nil end
    L.fail('event "%s" has no field "%s"%s', rawget(ev, "name"), k, L.nearest(tostring(k), L.keys(ev)))
  end

  -- Appends an event to a source's log. The order over all sources is kept in `serial`.
  function L.push(source, name, fields)
    L.serial = L.serial + 1
    local ev = setmetatable(L.merge(fields or {}, { name = name, at = L.duration(now()), from = source }), Event)
    rawset(ev, "serial", L.serial)
    local log = source.log
    log[#log + 1] = ev
    if name == "death" or name == "closed" then rawset(source, "ended", true) end
    if L.on_event then L.on_event(source, ev) end
    return ev
  end

  -- A want as a table: names, fields, sources.
  local function parse_want(verb, w, self)
    if type(w) == "string" then w = { w } end
    L.check(verb, w)
    local want = { names = {}, fields = {}, sources = {}, within = w.within, during = w.during, times = w.times, text = "" }
    for _, v in ipairs(w) do
      if type(v) == "string" then
        if not L.schema.events[v] then L.fail('%s: no event "%s"%s', verb, v, L.nearest(v, L.keys(L.schema.events))) end
        want.names[v] = true
        want.text = want.text .. (want.text ~= "" and "|" or "") .. v
      else
        want.sources[#want.sources + 1] = v
      end
    end
    if not next(want.names) then L.fail("%s: name an event", verb) end
    for _, k in ipairs(L.keys(w)) do
      if k ~= "within" and k ~= "during" and k ~= "times" then
        local known = false
        for name in next, want.names do known = known or L.schema.events[name][k] ~= nil end
        if not known then
          local names = {}
          for name in next, want.names do for _, f in ipairs(L.keys(L.schema.events[name])) do names[#names + 1] = f end end
          table.sort(names)
          L.fail('%s: event "%s" has no field "%s"%s', verb, want.text, k, L.nearest(k, names))
        end
        want.fields[#want.fields + 1] = { k, w[k] }
        want.text = want.text .. (" %s=%s"):format(k, L.show(w[k]))
      end
    end
    if self then want.sources = { self } end
    if #want.sources == 0 then L.fail("%s: name a source", verb) end
    return want
  end

  local function matches(want, ev)
    if not want.names[ev.name] then return false end
    for _, f in ipairs(want.fields) do if rawget(ev, f[1]) ~= f[2] then return false end end
    return true
  end

  -- The ends a source is judged on: a call has two, everything else is its own.
  local function ends(source) return rawget(source, "ends") or { source } end

  -- The first event of `source` from index `from` on that matches, and its index.
  local function scan(source, want, from)
    local log = source.log
    for i = from, #log do if matches(want, log[i]) then return log[i], i end end
  end

  -- next: the earliest unseen match among the sources, for this coroutine.
  local function take(want, task)
    local best, best_i
    for _, s in ipairs(want.sources) do
      for _, e in ipairs(ends(s)) do
        local ev, i = scan(e, want, task.cursor[e] or 1)
        if ev and (not best or ev.serial < best.serial) then best, best_i = ev, i end
      end
    end
    if best then task.cursor[best.from] = best_i + 1 end
    return best
  end

  function L.next(verb, w, self)
    local want = parse_want(verb, w, self)
    local task = L.task
    if not task then L.fail("next waits: it is possible inside run and spawned functions only") end
    local deadline = want.within and now() + L.time(want.within) or never
    return L.block(deadline, function()
      local ev = take(want, task)
      if ev then return ev end
      if deadline == never then
        local all = true
        for _, s in ipairs(want.sources) do for _, e in ipairs(ends(s)) do all = all and rawget(e, "ended") end end
        if all then return false end
      end
    end) or nil
  end

  ---------------------------------------------------------------------------------------------------------------- expectations
  -- Matches of one end since the expectation's line; lasting events count from the start.
  local function count(x, e)
    local n, last = 0, nil
    for i, ev in ipairs(e.log) do
      if (i >= x.from[e] or LASTING[ev.name]) and ev.at.ns <= x.deadline and matches(x.want, ev) then n, last = n + 1, ev end
    end
    return n, last
  end

  local function observed(x, e)
    local near
    for i, ev in ipairs(e.log) do if (i >= x.from[e] or LASTING[ev.name]) and x.want.names[ev.name] then near = ev end end
    if not near then return ("%s: nothing of that by %s"):format(tostring(e), L.show_time(x.deadline)) end
    local more = ""
    for _, k in ipairs(L.keys(near)) do
      if k ~= "name" and k ~= "at" and k ~= "from" and k ~= "serial" and k ~= "data" and k ~= "blob" and near[k] ~= "" and (k ~= "family" or near[k] ~= "v4") then
        more = more .. (" %s=%s"):format(k, tostring(near[k]))
      end
    end
    return ("%s: %s%s at %s"):format(tostring(e), near.name, more, tostring(near.at))
  end

  local function decide(x, ok, seen)
    x.decided = true
    L.judge { name = x.kind, ok = ok, where = x.where, expected = x.text, observed = seen, at = now() }
    return ok
  end

  -- Decides x if it can be decided now.
  local function evaluate(x)
    local late = now() >= x.deadline
    local all, last = true, nil
    for _, e in ipairs(x.ends) do
      local n, ev = count(x, e)
      last = ev or last
      if x.kind == "forbid" and n > 0 then return decide(x, false, observed(x, e)) end
      if x.kind ~= "forbid" and n < (x.want.times or 1) then
        all = false
        if late or (rawget(e, "ended") and not x.want.names.closed and n == 0) then
          if late then return decide(x, false, observed(x, e)) end
        end
      end
      if x.want.times and n > x.want.times then return decide(x, false, ("%s: %d times"):format(tostring(e), n)) end
    end
    if x.kind == "forbid" then if late then return decide(x, true, "nothing of that") end return end
    if all and (late or not x.want.times) then
      x.event = last
      return decide(x, true, observed(x, last.from))
    end
  end

  function L.expectation(kind, w, self)
    local want = parse_want(kind, w, self)
    local x = { kind = kind, want = want, where = L.where(), from = {}, ends = ends(self) }
    x.deadline = now() + L.time(want.within or want.during)
    x.text = ("%s%s %s %s"):format(want.text, want.times and " " .. want.times .. " times" or "", kind == "forbid" and "not during" or "within",
      tostring(want.within or want.during))
    for _, e in ipairs(x.ends) do x.from[e] = #e.log + 1 end
    L.expects[#L.expects + 1] = x
    return x
  end

  L.method(Source, "expect", function(self, w) L.expectation("expect", w, self) end)
  L.method(Source, "forbid", function(self, w) L.expectation("forbid", w, self) end)
  L.method(Source, "await", function(self, w)
    local x = L.expectation("await", w, self)
    L.block(x.deadline + 1, function()
      if not x.decided then evaluate(x) end
      if x.decided then return true end
    end)
    if not x.event then error({ kind = "ended", where = x.where, text = x.text }, 0) end
    return x.event
  end)
  L.method(Source, "next", function(self, w) return L.next("next", w, self) end)
  L.method(Source, "events", function(self, names)
    local w = type(names) == "string" and { names } or names or L.keys(L.schema.events)
    return function() return L.next("next", w, self) end
  end)

  ---------------------------------------------------------------------------------------------------------------- the loop
  local function check_expects()
    local i = 1
    while i <= #L.expects do
      local x = L.expects[i]
      if not x.decided then evaluate(x) end
      if x.decided then table.remove(L.expects, i) else i = i + 1 end
    end
  end

  local function next_time()
    local t = L.limit
    for _, task in ipairs(L.tasks) do if task.wake and task.wake < t and not L.halted(task) then t = task.wake end end
    for _, x in ipairs(L.expects) do if x.deadline < t then t = x.deadline end end
    local timer = L.timers[#L.timers]
    if timer and timer.at < t then t = timer.at end
    return t < now() and now() or t
  end

  local function fire()
    while true do
      local t = L.timers[#L.timers]
      if not t or t.at > now() then return end
      table.remove(L.timers)
      t.f()
    end
  end

  -- Runs the case: `f` is the scenario's run. Ends when it has returned and nothing is left to decide.
  function L.loop(f, ...)
    L.main = L.spawn(L.tank, f, ...)
    while true do
      core.budget()
      run_ready()
      check_expects()
      if L.main.done and #L.expects == 0 and L.settled() then return end
      if now() >= L.limit then
        error({ kind = "error", where = L.file, text = "not finished after " .. L.show_time(L.limit) .. " of virtual time" }, 0)
      end
      core.run(next_time())
      L.dispatch()
      fire()
    end
  end
end
