-- What an application costs its author, counted while it runs: calls of objects by the script and by libraries, events that each was handed, and the
-- calls into C behind them. The application is what hosts' coroutines run; a scenario asks for it by `cost = true`.
return function(L)
  local tally = {}

  -- The count of the host whose coroutine runs; nil in the scenario's own.
  local function mine()
    local runner = L.task and L.task.runner
    if not runner or not L.is(runner, "Host") then return nil end
    local label = rawget(runner, "label")
    tally[label] = tally[label] or { script_calls = 0, library_calls = 0, script_events = 0, library_events = 0, c_calls = 0, sent = 0, sent_bytes = 0 }
    return tally[label]
  end

  -- Whose code stands nearest: "script", "library", or nil where it is the language's own.
  local function whose(level)
    local info = debug.getinfo(level, "S")
    local source = info and info.source or ""
    if source:sub(1, 5) == "@lib/" or source:find("/lib/", 1, true) then return "library" end
    return source:sub(1, 1) == "@" and "script" or nil
  end

  -- Puts a count before method |k| of |methods|, which are of class |class|.
  local function count_method(class, methods, k)
    local f = methods[k]
    methods[k] = function(o, ...)
      local n, who = mine(), whose(3)
      if n and who then
        n[who .. "_calls"] = n[who .. "_calls"] + 1
        local text = ...
        if class == "Carrier" and k == "send" and type(text) == "string" then n.sent, n.sent_bytes = n.sent + 1, n.sent_bytes + #text end
      end
      return f(o, ...)
    end
  end

  -- A call of a verb of a model, as host.B:new is: the caller stands two above.
  local function count_verb()
    local n, who = mine(), whose(4)
    if n and who then n[who .. "_calls"] = n[who .. "_calls"] + 1 end
  end

  -- Begins to count. Objects that there are already count as well.
  function L.begin_cost()
    for _, name in ipairs(L.keys(L.classes)) do
      local c = L.classes[name]
      for _, k in ipairs(L.keys(c.methods)) do count_method(name, c.methods, k) end
      if c.all and c.all ~= c.methods then
        for _, k in ipairs(L.keys(c.methods)) do c.all[k] = c.methods[k] end
      end
    end
    L.count_verb = count_verb
    local method = L.method -- of classes that are loaded when they are asked for
    function L.method(c, k, f)
      method(c, k, f)
      count_method(c.name, c.methods, k)
    end
    for _, k in ipairs(L.keys(L.core)) do
      local f = L.core[k]
      if type(f) == "function" then
        L.core[k] = function(...)
          local n = mine()
          if n then n.c_calls = n.c_calls + 1 end
          return f(...)
        end
      end
    end
    -- An event is handed over by the language, on behalf of whoever is next on the stack.
    function L.count_event()
      local n = mine()
      if not n then return end
      for level = 2, 40 do
        local who = whose(level + 1)
        if who then
          n[who .. "_events"] = n[who .. "_events"] + 1
          return
        end
      end
    end
  end
  function L.cost_of() return tally end
end
