-- Hosts that stop, crash and start, are suspended and resume: who is told, what is lost, which clocks run.
return function(L)
  local core = L.core
  local Host = L.Host

  local function must_have_power(host, verb) if host.off == "power" then L.fail("%s: %s is off already", verb, host.label) end end
  local function must_be_on(host, verb)
    must_have_power(host, verb)
    if host.off then L.fail("%s: %s is suspended: it may resume, or crash", verb, host.label) end
  end
  -- An end in order: every connection is closed, then nothing runs any more; the ports answer that nobody is there. `silent`: a crash.
  L.method(Host, "stop", function(self, s)
    s = L.check("stop", s or {})
    if s.silent then must_have_power(self, "stop") else must_be_on(self, "stop") end
    rawset(self, "asleep", nil)
    if not s.silent then L.close_all(self) end
    rawset(self, "off", "power")
    L.lose_apps(self)
    core.lose(self.node, s.silent == true)
    L.fault("stop", self.label .. " stops", self.label)
  end)
  -- The power is gone, and with it the state: nobody is told anything. A host that is suspended may lose it too.
  L.method(Host, "crash", function(self)
    must_have_power(self, "crash")
    rawset(self, "off", "power")
    rawset(self, "asleep", nil)
    L.lose_apps(self)
    core.lose(self.node, true)
    L.fault("crash", self.label .. " crashes", self.label)
  end)
  L.method(Host, "start", function(self)
    if self.off ~= "power" then L.fail(self.off and "start: %s is suspended; it resumes" or "start: %s is on", self.label) end
    core.power_on(self.node)
    rawset(self, "off", nil)
    L.start_server(self)
    L.fault("start", self.label .. " starts", self.label)
  end)
  -- What runs stands still; the host is off the network. `clocks`: whether they stand still too.
  L.method(Host, "suspend", function(self, s)
    s = L.check("suspend", s or {})
    must_be_on(self, "suspend")
    rawset(self, "off", "sleep")
    rawset(self, "asleep", { at = core.now(), frozen = s.clocks == "frozen" })
    core.flush() -- what was said before still leaves
    core.halt(self.node)
    L.fault("suspend", self.label .. " is suspended" .. (s.clocks == "frozen" and " with its clocks" or ""), self.label)
  end)
  L.method(Host, "resume", function(self)
    if self.off ~= "sleep" then L.fail("resume: %s is not suspended", self.label) end
    local slept = core.now() - self.asleep.at
    local lag = self.asleep.frozen and slept or 0
    rawset(self, "slept", (rawget(self, "slept") or 0) + slept)
    rawset(self, "off", nil)
    L.delay_tasks(self, lag)
    L.fault("resume", self.label .. " resumes", self.label)
    core.go_on(self.node, lag)
  end)
end
