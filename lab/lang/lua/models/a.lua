-- Model A: one object that does everything, signaling included. `host.A:dial { url }` calls, `host.A:listen { url }` is called; a rendezvous
-- server is wherever the world has its signal server.
return function(L)
  local core, Source, LIST = L.core, L.Source, L.LIST
  local Conn = L.Conn
  local DialA, CallA, ListenA = L.class("DialA", Conn), L.class("CallA", Conn), L.class("ListenA", Source)
  local SERVERS = { signal = true, stun = true, turn = true, ws = true }

  DialA.getters.phase = function(o) return core.a_phase(L.app_of(o)) end
  CallA.getters.phase = function(o) return core.a_phase(L.app_of(o), o.media) end
  ListenA.getters.phase = function(o) return core.a_phase(L.app_of(o)) end

  -- What `host` knows of the host that a specifier calls `name`: its addresses of the families that `host` has, and the proxies by which a relay
  -- over WebSocket there is reached.
  local function known(host, name, verb)
    local there = SERVERS[name] and L.server[name] or L.hosts[name] or L.fail('%s: "%s" is no host of this case%s', verb, name, L.nearest(name, L.keys(L.hosts)))
    local from, out = {}, { name = name, full = L.full_name(name) }
    for _, iface in ipairs(host[LIST]) do
      for _, ip in ipairs(iface.ips) do
        local six = ip:find(":", 1, true) ~= nil
        from[six] = from[six] or { iface = iface, ip = ip }
      end
    end
    for _, ip in ipairs(there[LIST][1].ips) do
      local six = ip:find(":", 1, true) ~= nil
      if from[six] then
        out[six and "six" or "four"] = ip
        out[six and "via6" or "via4"] = L.proxy_at(from[six].iface, from[six].ip)
      end
    end
    return out
  end

  -- An object as `s` says, which does not begin yet: its app and its label.
  local function open_a(host, verb, s, listens)
    L.check("A", s, verb)
    local spec, why, at = core.a_spec(s[1])
    if not spec then L.fail('%s: "%s": %s, at byte %d; write "icet://signal/name?stun=stun:stun"', verb, s[1], why, at + 1) end
    local hosts, had = {}, {}
    for _, name in ipairs(spec.hosts) do
      if not had[name] then hosts[#hosts + 1] = known(host, name, verb) end
      had[name] = true
    end
    if spec.server == "signal" then L.need_signal_server(spec.tls) end
    local label = L.app_name(host, "A")
    local via, exits = L.exits_of(host)
    if L.by_name then L.tell_proxies_names() end
    local app, bad = core.a_new(host.node, label, {
      url = s[1], listen = listens, direct_only = s.direct_only, hosts = hosts, via = via, exits = exits, whose = spec.tls and L.full_name(spec.server) or nil,
      resolver = L.by_name and L.resolver_of(host) or nil, managed = rawget(host, "managed"),
      voice = (s.media or "none") ~= "none", rtp = L.wants_rtp({ s.media }, verb .. ".media"), video = s.media == "video", alternatives = #host[LIST] > 1, timers = host.timers,
      behaviour = s.behaviour ~= nil and L.behaviour_of(s.behaviour, label, verb) or host.behaviour, tcp = L.tcp_wanted(s.tcp, host, verb),
    })
    if not app then L.fail('%s: "%s": %s', verb, s[1], bad) end
    local all = rawget(host, "exits_apps") or {}
    rawset(host, "exits_apps", all)
    all[#all + 1] = app
    return app, label
  end

  local function dial(host, s)
    local app, label = open_a(host, "A.dial", s, false)
    local d = L.source(DialA, { host = host, label = label, app = app, timers = host.timers })
    L.register(app, d)
    core.start(app)
    return d
  end
  -- `taken`: makes the connection of a call that has just come, of its number.
  local function listen(host, s, taken)
    local app, label = open_a(host, "A.listen", s, true)
    local l = L.source(ListenA, { host = host, label = label, app = app })
    L.register(app, l)
    L.apps[app].session = function(name, fields)
      if name == "call" then fields.call, fields.number = taken(app, label, fields.number), nil end
    end
    core.start(app)
    return l
  end
  local function take_call(host, app, label, number)
    local c = L.source(CallA, { host = host, label = ("%s/%d"):format(label, number), app = app, media = number, timers = host.timers })
    L.register(app, c)
    return c
  end
  L.method(ListenA, "close", function(self) core.close(L.app_of(self)) end)

  function L.part_methods(Host)
    Host.getters.A = function(o)
      local m, view = {}, nil
      function m.dial(self, s)
        if self ~= view then L.fail "A.dial: write a colon: host.A:dial { ... }" end
        return dial(o, s)
      end
      function m.listen(self, s)
        if self ~= view then L.fail "A.listen: write a colon: host.A:listen { ... }" end
        return listen(o, s, function(app, label, number) return take_call(o, app, label, number) end)
      end
      view = L.readonly(m, "A", {}, "")
      return view
    end
  end

  ---------------------------------------------------------------------------------------------------------------- calls
  local BY = { websocket = { "icet", "websocket" }, ["http-poll"] = { "icet", "poll" }, wss = { "icets", "websocket" }, ["https-poll"] = { "icets", "poll" } }
  -- Of the carriers of calls those by which a rendezvous server is spoken with.
  function L.rendezvous_by(kind) return BY[kind] or L.fail('call.carrier: model A signals by itself, not by "%s"; websocket, http-poll, wss or https-poll', kind) end

  -- The specifier of a call under `name`, of all servers that are up.
  local function specifier(host, s, name)
    local by = L.rendezvous_by(L.carrier_kind(s.carrier))
    local list = {}
    if L.servers.stun then list[1] = "stun=stun:stun" end
    for _, uri in ipairs(L.turn_uris(s.turn) or {}) do list[#list + 1] = "turn=" .. uri end
    for _, uri in ipairs(L.web_uris(s.ws, host) or {}) do list[#list + 1] = "ws=" .. uri end
    local user = L.turn_server and L.turn_server.users[1]
    local function coded(text) return (text:gsub("[^%w._~-]", function(c) return ("%%%02X"):format(c:byte()) end)) end
    if user then list[#list + 1] = ("user=%s&password=%s"):format(coded(user[1]), coded(user[2])) end
    list[#list + 1] = "by=" .. by[2]
    -- Both ends come at one time: a call waits for who is to listen.
    list[#list + 1] = ("wait=%d"):format(math.min(3600, (host.timers.connect + 999999999) // 1000000000))
    return ("%s://signal/%s?%s"):format(by[1], coded(name), table.concat(list, "&"))
  end
  -- The near end dials, the far end listens; its connection exists from the start, so that a call that never comes can die.
  function L.standard.A(host, far, s, role)
    if s.restart == false then L.fail "call.restart: model A restarts by itself" end
    if L.streams_wanted(s, "call") then L.unsupported "call.streams: a call of model A has one media stream" end
    local dials = role == "controlling"
    local name = ("%s-%d"):format(dials and far.label or host.label, #L.calls)
    local what = { specifier(host, s, name), media = s.media, tcp = s.tcp }
    if dials then return dial(host, what) end
    local conn = L.source(CallA, { host = host, label = host.label .. "/A-call", timers = host.timers })
    local function dies(ev)
      if rawget(conn, "app") or rawget(conn, "ended") then return end
      core.note("death", ("%s: connect_failed: %s"):format(conn.label, ev.why), host.label)
      L.push(conn, "death", { reason = "connect_failed", why = ev.why })
    end
    local l = listen(host, what, function(app, label, number)
      if rawget(conn, "app") or rawget(conn, "ended") then return take_call(host, app, label, number) end
      rawset(conn, "label", ("%s/%d"):format(label, number)) -- as packets and traces call it
      rawset(conn, "app", app)
      rawset(conn, "media", number)
      L.register(app, conn)
      return conn
    end)
    L.spawn(host, function() for ev in l:events "death" do dies(ev) end end)
    L.after(core.now() + host.timers.connect, function() dies { why = "nobody has called" } end)
    return conn
  end
end
