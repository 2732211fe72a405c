-- Carriers that are packets: a session of each host with the signal server, by WebSocket or HTTP long poll over its own TCP, opened with the
-- first carrier of that kind and shared by all of them. It goes by a proxy where the host stands before one.
return function(L)
  local core, LIST, NET = L.core, L.LIST, L.NET
  local POLLS = { ws = false, ["long-poll"] = true }
  local labels = {} -- mailbox -> host
  function L.is_packets(kind) return POLLS[kind] ~= nil end

  -- A mailbox has a name of letters, digits, '.', '_', '-'; '~' begins what is none of these.
  local function mailbox(host)
    local name = host.label:gsub("[^%w._-]", function(c) return ("~%02x"):format(c:byte()) end)
    labels[name] = host.label
    return name
  end

  -- The proxy by which `host` leaves, as a URL: that of the box nearest to it that has one.
  function L.proxy_of(host)
    local six = not host[LIST][1][NET].gateway4
    local net = host[LIST][1][NET]
    while net.box do
      local access = rawget(net.box, "access")
      local url = access and (six and access.proxy6 or access.proxy)
      if url then return url end
      net = net.parent
    end
  end

  local function server_ip(host)
    local server, has = L.server.signal, {}
    for _, iface in ipairs(host[LIST]) do for _, ip in ipairs(iface.ips) do has[ip:find(":", 1, true) and 6 or 4] = true end end
    for _, ip in ipairs(server[LIST][1].ips) do if has[ip:find(":", 1, true) and 6 or 4] then return ip end end
    return server[LIST][1].ips[1]
  end

  -- The server runs from the first carrier on, and anew whenever its host starts.
  function L.run_signal_server()
    local server = L.server.signal
    if not server.off then rawset(server, "signals", core.signal_server(server.node)) end
  end

  local function told(session, name, fields)
    local host, kind = session.host, session.kind
    if name == "message" then
      local n, data = fields.data:match "^(%d+)\n(.*)$"
      local from = labels[fields.user]
      local wire = from and n and L.wires[kind .. "/" .. host.label .. "/" .. from .. n]
      if not wire then return end
      rawset(L.server.signal, "messages", L.server.signal.messages + 1)
      core.note("signaled", ("message, %d bytes"):format(#data), host.label, from)
      return L.push(wire, "message", { data = data })
    end
    session.up = name == "up"
    for _, wire in ipairs(session.wires) do L.push(wire, name, { why = fields.why }) end
  end

  local function session_of(host, kind)
    local all = rawget(host, "sessions") or {}
    rawset(host, "sessions", all)
    if all[kind] then return all[kind] end
    if not L.signals_packets then
      L.signals_packets = true
      L.run_signal_server()
    end
    local s = { host = host, kind = kind, up = false, wires = {} }
    local n = host.apps + 1
    rawset(host, "apps", n)
    s.app = core.signal_client(host.node, host.label .. "/signal" .. n, mailbox(host), POLLS[kind], server_ip(host), L.proxy_of(host))
    L.apps[s.app] = { media = {}, host = host, session = function(name, fields) told(s, name, fields) end }
    all[kind] = s
    return s
  end

  -- `wire` begins: its host has a session from now on.
  function L.join_session(wire)
    if rawget(wire, "joined") then return end
    rawset(wire, "joined", true)
    local s = session_of(wire.host, wire.kind)
    s.wires[#s.wires + 1] = wire
  end
  function L.send_by_session(wire, data)
    local sessions = rawget(wire.host, "sessions")
    if not sessions or not sessions[wire.kind] then rawset(wire, "joined", nil) end -- the host has started anew
    L.join_session(wire)
    return core.signal_send(session_of(wire.host, wire.kind).app, mailbox(wire.far), wire.n .. "\n" .. data)
  end
  function L.session_up(wire)
    local s = (rawget(wire.host, "sessions") or {})[wire.kind]
    return s ~= nil and s.up
  end

  ---------------------------------------------------------------------------------------------------------------- what the oracle needs
  local FIRST_TRY = 11000000000 -- a port that is silent is given up, and the other one tried
  local LOSSES = 4000000000     -- a lost SYN, and what else is sent again
  -- Whether what answers `host` in the server's place hands plain HTTP on: an inspector does.
  local function is_inspected(host)
    local net = host[LIST][1][NET]
    while net.box do
      local access = rawget(net.box, "access")
      if access then return access.strips == 1 end
      net = net.parent
    end
    return false
  end
  -- Whether `host` reaches the signal server by carrier `kind`: true and by when at most beyond the delay of the ways; false and why not; nil and why it may not.
  local function reaches(host, kind, rtt)
    if L.proxy_of(host) then return true, 8 * rtt + LOSSES end
    local why
    for i, port in ipairs { 80, 443 } do
      local v = L.predict_reach(host, L.server.signal, port, true, host.timers.connect)
      if v.outcome == "caught" and i == 1 and POLLS[kind] and is_inspected(host) then return true, 8 * rtt + LOSSES end
      if v.outcome == "open" and not v.since then return true, 4 * rtt + LOSSES + (i - 1) * FIRST_TRY end
      if v.outcome ~= "none" and v.outcome ~= "caught" then return nil, ("signaling by TCP %d hangs on more: %s"):format(port, v.why) end
      if v.since then return nil, "signaling waits for a login" end
      why = why or ("%s reaches no signal server: %s"):format(host.label, v.why)
    end
    return false, why
  end
  -- Verdict `v` of a call signaled by packets, changed where that fails. Returns what signaling adds at most.
  function L.signaling_adds(near, far, kind, rtt)
    local most, doubt = 0, nil
    for _, host in ipairs { near, far } do
      local yes, what = reaches(host, kind, rtt)
      if yes == false then return 0, nil, what end
      if yes then most = math.max(most, what) else doubt = doubt or what end
    end
    return most, doubt
  end
  function L.cannot_signal(v, why) return L.cannot_open(v, "the call is not signaled: " .. why) end
  -- Lets verdict `v` be that no way opens because of `why`.
  function L.cannot_open(v, why)
    v.outcome, v.path, v.first, v.either, v.families, v.why = "death", nil, nil, false, "", why
    for _, way in ipairs(v.ways) do way.outcome, way.kinds, way.families, way.why = "none", { {}, {} }, "", v.why end
    return v
  end
end
