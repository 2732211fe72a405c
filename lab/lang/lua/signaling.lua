-- Carriers: text from host to host by the signal server.
--
-- "websocket" and "http-poll" are packets: a session of each host with the signal server, by WebSocket or HTTP long poll over its own TCP, opened
-- with the first carrier of that kind and shared by all of them. It goes by a proxy where the host stands before one, and by the server's name
-- where the world has a name server. "mail" and "instant" are computed: a message takes the delay of the sender's way to the signal server and of
-- the server's way to the receiver, waits while either way is broken, and then arrives; no box sees it.
return function(L)
  local core, LIST, NET = L.core, L.LIST, L.NET
  L.wires = {}

  -- Of each kind: whether it is packets, and polls; or what it adds to the delays of the ways, at least and at most.
  local KINDS = {
    websocket = { packets = true }, ["http-poll"] = { packets = true, polls = true },
    wss = { packets = true, tls = true }, ["https-poll"] = { packets = true, polls = true, tls = true },
    instant = { least = 0, most = 0 }, mail = { least = 500000000, most = 5000000000 },
  }
  local SAME = { ws = "websocket", ["long-poll"] = "http-poll" }
  -- The kind that a script means; nil: the one that calls have without a word.
  function L.carrier_kind(name) return SAME[name] or name or "websocket" end

  ---------------------------------------------------------------------------------------------------------------- computed
  local RETRY = 250000000 -- a message that finds its way broken tries again

  local function deliver(wire, data, left)
    local server, peer = L.servers.signal, wire.peer
    local _, down = L.way(peer.host)
    if not server or server.off or not down then return L.after(core.now() + RETRY, function() deliver(wire, data, left) end) end
    rawset(server, "messages", server.messages + 1)
    L.after(core.now() + down, function()
      core.trips_carried(wire.host.node, left, peer.host.node, "message")
      core.note("signaled", ("message, %d bytes"):format(#data), peer.host.label, wire.host.label)
      L.push(peer, "message", { data = data })
    end)
  end
  local function send(wire, data, left)
    left = left or core.now()
    local up = L.way(wire.host)
    if not up or not L.servers.signal or L.servers.signal.off then
      return L.after(core.now() + RETRY, function() send(wire, data, left) end)
    end
    local extra = 0
    if wire.kind == "mail" then -- seconds, in any order, sometimes twice
      extra = core.random(wire.label, 500, 5000) * 1000000
      if core.random(wire.label, 1, 100) <= 10 then L.after(core.now() + 2 * extra, function() deliver(wire, data, left) end) end
    end
    L.after(core.now() + up + extra, function() deliver(wire, data, left) end)
  end

  ---------------------------------------------------------------------------------------------------------------- sessions
  local hosts = {} -- mailbox -> host

  -- A host has a mailbox for each kind: its sessions are clients of their own.
  local function mailbox(host, kind)
    local name = host.label .. "." .. kind
    hosts[name] = host
    return name
  end

  local function family_of(ip) return ip:find(":", 1, true) and 6 or 4 end
  -- The proxy by which what leaves from address `ip` of `iface` goes, as a URL: that of the box nearest to it that has one.
  local function proxy_at(iface, ip)
    local net, six = iface[NET], family_of(ip) == 6
    while net.box do
      local access = rawget(net.box, "access")
      local url = access and (six and access.proxy6 or access.proxy)
      if url then return url end
      net = net.parent
    end
  end
  L.proxy_at = proxy_at
  -- The proxy of `host`; or, where its addresses differ, nil and { address, its proxy, address ... }.
  local function exits_of(host)
    local first, same, exits = proxy_at(host[LIST][1], host[LIST][1].ips[1]), true, {}
    for _, iface in ipairs(host[LIST]) do
      for _, ip in ipairs(iface.ips) do
        local url = proxy_at(iface, ip)
        same = same and url == first
        if url then
          exits[#exits + 1] = ip
          exits[#exits + 1] = url
        end
      end
    end
    if same then return first, {} end
    return nil, exits
  end

  -- The addresses of the signal server of the families that `host` has.
  local function server_ips(host)
    local has, out = {}, {}
    for _, iface in ipairs(host[LIST]) do for _, ip in ipairs(iface.ips) do has[family_of(ip)] = true end end
    for _, ip in ipairs(L.server.signal[LIST][1].ips) do if has[family_of(ip)] then out[#out + 1] = ip end end
    return out
  end

  -- The server runs from the first carrier on, and anew whenever its host starts.
  function L.run_signal_server()
    local server = L.server.signal
    if server.off then return end
    rawset(server, "signals", core.signal_server(server.node))
    if L.signals_tls then core.signal_tls(server.signals, L.names_of(server)) end
  end

  local function told(session, name, fields)
    local host, kind = session.host, session.kind
    if name == "message" then
      local n, data = fields.data:match "^(%d+)\n(.*)$"
      local from = hosts[fields.user]
      local wire = from and n and L.wires[kind .. "/" .. host.label .. "/" .. from.label .. n]
      if not wire then return end
      rawset(L.server.signal, "messages", L.server.signal.messages + 1)
      core.note("signaled", ("message, %d bytes"):format(#data), host.label, from.label)
      return L.push(wire, "message", { data = data })
    end
    session.up = name == "up"
    session.failed = not session.up
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
    if KINDS[kind].tls and not L.signals_tls then
      L.signals_tls = true
      local server = L.server.signal
      if not server.off then core.signal_tls(server.signals, L.names_of(server)) end
    end
    local s = { host = host, kind = kind, up = false, wires = {}, since = core.now() }
    local n = host.apps + 1
    rawset(host, "apps", n)
    local via, exits = exits_of(host)
    local ips = server_ips(host)
    local named = L.by_name
    if named then L.tell_proxies_names() end
    s.app = core.signal_client(host.node, host.label .. "/signal" .. n, {
      box = mailbox(host, kind), polls = KINDS[kind].polls, ip = ips[1], ip2 = ips[2], via = via, exits = exits,
      name = named and L.full_name "signal" or nil, resolver = named and L.resolver_of(host) or nil,
      tls = KINDS[kind].tls and L.full_name "signal" or nil, managed = rawget(host, "managed"),
    })
    L.apps[s.app] = { media = {}, host = host, session = function(name, fields) told(s, name, fields) end }
    all[kind] = s
    return s
  end
  -- `host` has other addresses: its proxies are known by them.
  function L.session_exits(host)
    for _, kind in ipairs(L.keys(rawget(host, "sessions") or {})) do core.signal_exits(host.sessions[kind].app, select(2, exits_of(host))) end
  end

  -- `wire` begins: its host has a session from now on.
  local function join(wire)
    if rawget(wire, "joined") then return end
    rawset(wire, "joined", true)
    local s = session_of(wire.host, wire.kind)
    s.wires[#s.wires + 1] = wire
    if s.up then L.after(core.now(), function() if s.up then L.push(wire, "up", {}) end end) end -- once the script has it
  end
  local function send_by_session(wire, data)
    local sessions = rawget(wire.host, "sessions")
    if not sessions or not sessions[wire.kind] then rawset(wire, "joined", nil) end -- the host has started anew
    join(wire)
    return core.signal_send(session_of(wire.host, wire.kind).app, mailbox(wire.far, wire.kind), wire.n .. "\n" .. data)
  end

  ---------------------------------------------------------------------------------------------------------------- carriers
  local Carrier = L.class("Carrier", L.Source)
  L.method(Carrier, "send", function(self, data)
    if type(data) ~= "string" then L.fail("send: text, not a %s", type(data)) end
    core.note("signal", ("message, %d bytes"):format(#data), self.host.label, self.far.label)
    if KINDS[self.kind].packets then return send_by_session(self, data) end
    send(self, data)
    return true
  end)
  Carrier.getters.up = function(o)
    local s = (rawget(o.host, "sessions") or {})[o.kind]
    return not KINDS[o.kind].packets or s ~= nil and s.up
  end

  -- The n-th carrier of a kind from x to y is the other end of the n-th from y to x.
  function L.open_carrier(host, s)
    L.check("carrier", s)
    local kind, far = L.carrier_kind(s[1]), s.to
    if far == host then L.fail("carrier: %s cannot signal to itself", host.label) end
    local _ = L.server.signal
    local key = kind .. "/" .. host.label .. "/" .. far.label
    local n = (L.wires[key .. "#"] or 0) + 1
    L.wires[key .. "#"] = n
    local mine = L.wires[key .. n]
    if not mine then
      mine = L.source(Carrier, { kind = kind, n = n, host = host, far = far, label = host.label .. "/" .. kind .. n })
      local other = L.source(Carrier, { kind = kind, n = n, host = far, far = host, label = far.label .. "/" .. kind .. n })
      rawset(mine, "peer", other)
      rawset(other, "peer", mine)
      L.wires[key .. n] = mine
      L.wires[kind .. "/" .. far.label .. "/" .. host.label .. n] = other
    end
    if KINDS[kind].packets then join(mine) end
    return mine
  end

  ---------------------------------------------------------------------------------------------------------------- what the oracle needs
  local STAGGER, PORT_STAGGER = 250000000, 1000000000 -- a way that is silent has another one tried beside it, another port later
  local LOSSES = 4000000000     -- what is lost is sent again, and again
  local EXACT = 25000000        -- what the oracle's own skew covers
  local PAUSE = 45000000000     -- a session that has failed is tried again after 30 s at most
  local BY_OTHERS = 6           -- round trips at most that a proxy or an inspector takes

  -- The delays from `iface` to the signal server and back, by how much both may be longer, whether anything may be lost.
  local function span_of(iface, i, server)
    local s = { to = 0, from = 0, slack = 0, lossy = false }
    local function add(link, out)
      for dir = 0, 1 do
        local delay, slack, _, _, _, impaired = core.link_delay(link.id, dir)
        local way = dir == out and "to" or "from"
        s[way], s.slack, s.lossy = s[way] + delay, s.slack + slack, s.lossy or impaired
      end
    end
    for _, link in ipairs(L.ways(iface.host)[i]) do add(link, 0) end
    add(server[LIST][1].wire, 1)
    s.rtt = s.to + s.from
    return s
  end
  -- Whether what answers in the server's place behind `iface` hands requests of carrier `kind` on to `port`: an inspector does, without what it
  -- strips, and of TLS what it does not decrypt, or from a host that trusts it.
  local function hands_on(host, kind, iface, port)
    local net, k = iface[NET], KINDS[kind]
    while net.box and not rawget(net.box, "access") do net = net.parent end
    local access = net.box and rawget(net.box, "access")
    if not access or access.portal then return false end
    if not k.tls then return k.polls == true and port == 80 and access.strips == 1 end
    if access.passes ~= "" then return nil end
    return not access.intercepts or rawget(host, "managed") and (k.polls or access.strips == 0)
  end
  -- What becomes of an attempt from address `ip` of `iface` to `port` of the signal server: "open", "others" (somebody in between hands on),
  -- "none", "caught" or "doubt", and why.
  local function attempt(host, kind, iface, ip, port)
    local via = proxy_at(iface, ip)
    if via then
      local can, reason = L.predict_proxy(host, L.server.signal, port, host.timers.connect, iface, ip, via)
      if can == "either" then return "doubt", "a proxy may not reach the signal server: " .. reason end
      return can == "open" and "others" or "none", reason
    end
    local v = L.predict_reach(host, L.server.signal, port, true, host.timers.connect, iface, ip)
    if v.outcome == "none" then return "none", v.why end
    if v.outcome == "caught" then
      local on = hands_on(host, kind, iface, port)
      if on == nil then return "doubt", "an inspector has names that it lets be" end
      return on and "others" or "caught", v.why
    end
    if v.outcome ~= "open" then return "doubt", ("signaling by TCP %d hangs on more: %s"):format(port, v.why) end
    if v.since then return "doubt", "signaling waits for a login" end
    return "open"
  end
  -- Why `host` may not find the signal server's address itself, or nil.
  local function name_fails(host)
    if not L.by_name then return nil end
    L.name_server()
    local v = L.predict_reach(host, L.dns_host, 53, false, host.timers.connect)
    return (v.outcome ~= "open" or v.since) and "no name is found: " .. v.why or nil
  end
  -- The first way of `host` to the signal server that opens, as its client tries them: its span, whether it goes by others, and how much
  -- later it may be for those before it. Without one: nil and why there is none; nil, nil and why there may be one.
  local function first_way(host, kind)
    local late, why, tried = 0, nil, 0
    local bases = 0
    local no_name = name_fails(host)
    for _, iface in ipairs(host[LIST]) do bases = bases + (core.iface_usable(host.node, iface.i) and #iface.ips or 0) end
    local ports = KINDS[kind].tls and { 443 } or { 80, 443 }
    for _, port in ipairs(ports) do
      local n = -1
      for i, iface in ipairs(host[LIST]) do
        for _, ip in ipairs(iface.ips) do
          n = n + 1
          local outcome, reason, span = "down", nil, span_of(iface, i, L.server.signal)
          if core.iface_usable(host.node, iface.i) then outcome, reason = attempt(host, kind, iface, ip, port) end
          if no_name and outcome == "open" then outcome, reason = "none", no_name end
          if outcome == "open" or outcome == "others" then
            span.by_others, span.late, span.base, span.racers = outcome == "others", late, n, 0
            for k = tried + 1, #ports * bases - 1 do -- what begins before it can be open
              late = late + (k == bases and PORT_STAGGER or STAGGER)
              if late - span.late < span.rtt and span.racers < 3 then span.racers = span.racers + 1 end
            end
            return span
          end
          if outcome == "doubt" then return nil, nil, reason end
          if outcome ~= "down" then
            tried = tried + 1
            late = late + (tried == bases and PORT_STAGGER or STAGGER) + (outcome == "caught" and 2 * span.rtt or 0)
          end
          why = why or reason and ("%s reaches no signal server: %s"):format(host.label, reason)
        end
      end
    end
    return nil, why or ("%s reaches no signal server: no interface is up"):format(host.label)
  end
  -- When the session of `host` stands, for the oracle's `side`: by a stream for a WebSocket or a poll, its first answer, and for a poll by another
  -- stream for what it sends.
  local function set_session(side, host, kind, span)
    local s = (rawget(host, "sessions") or {})[kind]
    local polls, trips, tls = KINDS[kind].polls, 2, KINDS[kind].tls and 1 or 0 -- TLS 1.3 takes a round trip (RFC 8446 section 2)
    trips = trips + tls
    side.session_least, side.session_most, side.hears_least, side.hears_most = 0, 0, 0, 0
    side.streams, side.stream_base = polls and 2 or 1, span.base
    if s and s.up then return end
    side.racers = span.racers
    if L.by_name then trips = trips + 1 end -- the name server is as far
    local least = trips * span.rtt
    local more = span.late + (span.lossy and LOSSES or 0) + (span.by_others and BY_OTHERS * span.rtt or 0)
    local jitter = (trips + 1) * span.slack
    more = more + (jitter > EXACT and jitter or 0) + (s and s.failed and PAUSE or 0)
    local gone = s and core.now() - s.since or 0 -- it began before
    side.hears_least, side.hears_most = math.max(0, least - gone), least + more + (polls and span.rtt or 0)
    if polls then least = least + (1 + tls) * span.rtt end
    side.session_least, side.session_most = math.max(0, least - gone), least + more
  end
  -- Sets what the oracle is to know of signaling between `near` and `far`, sides `a` and `b`. Returns how much it adds at most to the delay of the
  -- ways; or nil and why there is none; why there may be none also where there is.
  local function packets_bounds(near, far, kind, a, b)
    local x, why, doubt = first_way(near, kind)
    local y, why2, doubt2 = first_way(far, kind)
    if why or why2 then return nil, why or why2 end
    doubt = doubt or doubt2
    if doubt then
      a.least, a.most, b.least, b.most = 0, LOSSES, 0, LOSSES
      return 2 * LOSSES, doubt
    end
    set_session(a, near, kind, x)
    set_session(b, far, kind, y)
    local slack = x.slack + y.slack
    local more = ((x.lossy or y.lossy) and LOSSES or 0) + (slack > EXACT and slack or 0) + (KINDS[kind].polls and x.rtt + y.rtt or 0)
    a.least, b.least = x.to + y.from, y.to + x.from
    a.most, b.most = a.least + more, b.least + more
    return more + math.max(a.session_most, b.session_most)
  end
  -- Likewise of any carrier; `ab` and `ba`: the delays of the ways without the server's own.
  function L.signal_bounds(near, far, kind, a, b, ab, ba)
    local k = KINDS[kind]
    if k.packets then return packets_bounds(near, far, kind, a, b) end
    a.least, a.most, b.least, b.most = ab + k.least, ab + k.most, ba + k.least, ba + k.most
    return k.most
  end
  -- Verdict `v` of a call that is not signaled.
  function L.cannot_signal(v, why) return L.cannot_open(v, "the call is not signaled: " .. why) end
  -- Lets verdict `v` be that no way opens because of `why`.
  function L.cannot_open(v, why)
    v.outcome, v.path, v.first, v.either, v.families, v.why = "death", nil, nil, false, "", why
    for _, way in ipairs(v.ways) do way.outcome, way.kinds, way.families, way.why = "none", { {}, {} }, "", v.why end
    return v
  end
end
