-- Coroutines in virtual time. Time passes only here, in L.loop. What they wait for is in sources.lua.
--
-- A wake costs what it concerns: tasks that may go on are in a heap by their number, deadlines are in a heap by time, and nothing that
-- only waits is looked at. The order is that of a plain list of tasks that is gone through again and again: a task that becomes ready
-- while one behind it runs has its turn in the next pass.
return function(L)
  local core = L.core
  local never = math.maxinteger
  -- Resumes at one instant: of one coroutine by the clock, of one, of all.
  local STILL_CLOCK, STILL_TASK, STILL_ALL = 1000, 100000, 1000000
  L.serial = 0

  local function now() return core.now() end
  L.now = now

  ---------------------------------------------------------------------------------------------------------------- heaps
  -- A heap of { at, serial, ... }: the earliest first, those of one time in the order they were added.
  local function before(a, b) return a.at < b.at or (a.at == b.at and a.serial < b.serial) end
  local function heap_push(h, e)
    local i = #h + 1
    while i > 1 do
      local up = i // 2
      if not before(e, h[up]) then break end
      h[i], i = h[up], up
    end
    h[i] = e
  end
  local function heap_pop(h)
    local top, n = h[1], #h
    local e = h[n]
    h[n] = nil
    n = n - 1
    local i = 1
    while n > 0 do
      local k = 2 * i
      if k > n then break end
      if k < n and before(h[k + 1], h[k]) then k = k + 1 end
      if not before(h[k], e) then break end
      h[i], i = h[k], k
    end
    if n > 0 then h[i] = e end
    return top
  end
  L.heap_push, L.heap_pop = heap_push, heap_pop

  ---------------------------------------------------------------------------------------------------------------- timers
  -- Calls f at time `at`; timers of one instant run in the order they were set.
  local timers = {}
  function L.after(at, f)
    L.serial = L.serial + 1
    heap_push(timers, { at = at, serial = L.serial, f = f })
  end

  local function fire()
    while timers[1] and timers[1].at <= now() do heap_pop(timers).f() end
  end

  ---------------------------------------------------------------------------------------------------------------- tasks
  -- task: { id, co, runner, wait, poll }. `wait` is the entry of its deadline in `deadlines`, nil while it may go on.
  local n_tasks, at_task = 0, 0
  local this_pass, next_pass = {}, {} -- heaps of tasks to look at, by number
  local deadlines = {} -- { at, serial, task } and { at, serial, x }: entries that no longer count are left in it
  local n_waits = 0
  local function serial()
    n_waits = n_waits + 1
    return n_waits
  end

  -- Has `task` looked at: in this pass when its turn is still to come.
  local function ready(task)
    if task.queued or task.done then return end
    task.queued = true
    heap_push(task.id > at_task and this_pass or next_pass, { at = task.id, serial = 0, task = task })
  end
  L.ready = ready

  local tasks_of = {} -- runner -> its coroutines; those that have ended go when they are half of the list
  local function keep_task(task)
    local list = tasks_of[task.runner] or { most = 16 }
    if #list == list.most then
      local living = {}
      for _, t in ipairs(list) do if not t.done then living[#living + 1] = t end end
      living.most = math.max(16, 2 * #living)
      list = living
    end
    list[#list + 1] = task
    tasks_of[task.runner] = list
  end

  -- Runs f(...) as a coroutine of `runner`, from this instant on.
  function L.spawn(runner, f, ...)
    local args = table.pack(...)
    n_tasks = n_tasks + 1
    local task = { id = n_tasks, runner = runner, cursor = {}, readers = {}, wait = { at = now() } }
    task.co = coroutine.create(function() return f(table.unpack(args, 1, args.n)) end)
    keep_task(task)
    ready(task)
    return task
  end

  local still_at, still = -1, 0
  -- Time must move: a coroutine that is resumed for ever at one instant, or ever new ones, end the case.
  local function count_resume(task, by_clock)
    local t = now()
    if t ~= still_at then still_at, still = t, 0 end
    if task.still_at ~= t then task.still_at, task.still, task.still_clock = t, 0, 0 end
    still, task.still = still + 1, task.still + 1
    if by_clock then task.still_clock = task.still_clock + 1 end
    local one = task.still_clock > STILL_CLOCK and task.still_clock or task.still > STILL_TASK and task.still
    if one or still > STILL_ALL then
      local n = one and ("this coroutine was resumed %d times"):format(one) or ("coroutines were resumed %d times"):format(still)
      error({ kind = "error", where = L.where(task.co), text = ("time does not move: %s at %s; an endless loop?"):format(n, L.show_time(t)) }, 0)
    end
  end

  local function resume(task, by_clock, ...)
    task.wait, task.poll = nil, nil
    count_resume(task, by_clock)
    L.task = task
    core.budget(task.co)
    local ok, err = coroutine.resume(task.co, ...)
    core.budget()
    L.task = nil
    if not ok then error(L.as_error(err, task.co), 0) end
    if coroutine.status(task.co) == "dead" then task.done = true end
  end

  -- Blocks the running coroutine until `poll()` gives a value or `deadline` passes; returns the value or nil. Whoever changes what
  -- `poll` looks at calls L.ready(task). Without `poll` it sleeps.
  function L.block(deadline, poll)
    if poll then
      local v = poll()
      if v ~= nil then return v end
    end
    local task = L.task
    if not task then L.fail("waiting is possible inside run and spawned functions only") end
    task.poll = poll
    task.wait = { at = deadline, serial = serial(), task = task }
    if deadline <= now() then ready(task) elseif deadline ~= never then heap_push(deadlines, task.wait) end
    return coroutine.yield()
  end

  -- What runs on a host that is off or suspended stands still.
  function L.halted(task) return rawget(task.runner, "off") ~= nil end

  -- The coroutines of `host` end, but the running one, which ends when it waits.
  function L.end_tasks(host)
    for _, task in ipairs(tasks_of[host] or {}) do task.done = true end
    tasks_of[host] = nil
  end

  -- The coroutines of `host` go on; those that wait for a time wait `by` longer.
  function L.delay_tasks(host, by)
    for _, task in ipairs(tasks_of[host] or {}) do
      local wait = task.wait
      if by > 0 and wait and wait.at < never - by then
        task.wait = { at = wait.at + by, serial = serial(), task = task }
        heap_push(deadlines, task.wait)
      end
      ready(task)
    end
  end

  -- Has expectation `x` looked at when its time is over.
  function L.watch_deadline(x) heap_push(deadlines, { at = x.deadline, serial = serial(), x = x }) end

  -- What waits for a time that has come.
  local function wake()
    while deadlines[1] and deadlines[1].at <= now() do
      local e = heap_pop(deadlines)
      if e.x then L.touch(e.x) elseif e.task.wait == e then ready(e.task) end
    end
  end

  -- Lets `task` go on if it can; true when it did.
  local function try(task)
    if task.done or L.halted(task) then return false end
    local v
    if task.poll then v = task.poll() end
    if v ~= nil then
      resume(task, false, v)
    elseif task.wait.at <= now() then
      resume(task, true)
    else
      return false
    end
    return true
  end

  local function run_ready()
    local again = true
    while again do
      again, at_task = false, 0
      this_pass, next_pass = next_pass, this_pass
      while this_pass[1] do
        local task = heap_pop(this_pass).task
        task.queued, at_task = nil, task.id
        if try(task) then again = true end
      end
      at_task = never -- what becomes ready between passes is of the next one
      core.flush()
      if L.dispatch() then again = true end
      if next_pass[1] then again = true end
    end
  end

  ---------------------------------------------------------------------------------------------------------------- the loop
  -- When something is next to be done.
  local function next_time()
    while deadlines[1] do
      local e = deadlines[1]
      if e.x and not e.x.decided or e.task and e.task.wait == e then break end
      heap_pop(deadlines)
    end
    local t = L.limit
    if deadlines[1] and deadlines[1].at < t then t = deadlines[1].at end
    if timers[1] and timers[1].at < t then t = timers[1].at end
    return t < now() and now() or t
  end

  -- Runs the case: `f` is the scenario's run. Ends when it has returned and nothing is left to decide.
  function L.loop(f, ...)
    at_task = never
    L.main = L.spawn(L.tank, f, ...)
    while true do
      core.budget()
      wake()
      run_ready()
      L.check_expects()
      if L.main.done and L.n_expects == 0 and L.settled() then return end
      if now() >= L.limit then
        error({ kind = "error", where = L.file, text = "not finished after " .. L.show_time(L.limit) .. " of virtual time" }, 0)
      end
      core.run(next_time())
      L.dispatch()
      fire()
    end
  end
end
