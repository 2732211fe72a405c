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
  local PACKETS = "carriers that are packets (websocket http-poll wss https-poll)"
  local BY_PACKETS = { up = PACKETS, down = PACKETS, unsent = PACKETS }
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
  -- The proxy by which what leaves from address `ip` of `iface` goes, as a URL: that of the box nearest to it that has one; and the box.
  local function proxy_at(iface, ip)
    local net, six = iface[NET], family_of(ip) == 6
    while net.box do
      local access = rawget(net.box, "access")
      local url = access and (six and access.proxy6 or access.proxy)
      if url then return url, net.box end
      net = net.parent
    end
  end
  L.proxy_at = proxy_at
  -- The proxy of `host`; or, where its addresses differ, nil and { address, its proxy, address ... }.
  function L.exits_of(host)
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
    if name == "message" or name == "unsent" then
      local n, data = fields.data:match "^(%d+)\n(.*)$"
      local other = hosts[fields.user] -- whose it is, or for whom it was
      local wire = other and n and L.wires[kind .. "/" .. host.label .. "/" .. other.label .. n]
      if not wire then return end
      if name == "unsent" then return L.push(wire, "unsent", { data = data, why = fields.why }) end
      rawset(L.server.signal, "messages", L.server.signal.messages + 1)
      core.note("signaled", ("message, %d bytes"):format(#data), host.label, other.label)
      return L.push(wire, "message", { data = data })
    end
    session.up = name == "up"
    session.failed = not session.up
    for _, wire in ipairs(session.wires) do L.push(wire, name, { why = fields.why }) end
  end

  -- The server runs from now on, and with `tls` has it on 443.
  function L.need_signal_server(tls)
    if not L.signals_packets then
      L.signals_packets = true
      L.run_signal_server()
    end
    if tls and not L.signals_tls then
      L.signals_tls = true
      local server = L.server.signal
      if not server.off then core.signal_tls(server.signals, L.names_of(server)) end
    end
  end
  local function session_of(host, kind)
    local all = rawget(host, "sessions") or {}
    rawset(host, "sessions", all)
    if all[kind] then return all[kind] end
    L.need_signal_server(KINDS[kind].tls)
    local s = { host = host, kind = kind, up = false, wires = {}, since = core.now() }
    local n = host.apps + 1
    rawset(host, "apps", n)
    local via, exits = L.exits_of(host)
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
    for _, kind in ipairs(L.keys(rawget(host, "sessions") or {})) do core.signal_exits(host.sessions[kind].app, select(2, L.exits_of(host))) end
    for _, app in ipairs(rawget(host, "exits_apps") or {}) do core.a_exits(app, select(2, L.exits_of(host))) end
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
    join(wire) -- the host may have started anew
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

  -- The number of the next carrier of `host` under `key`. A host that has started anew gets the ends back that its scripts had, one by one.
  local function number_of(host, key, call)
    local lost, had = (rawget(host, "lost_carriers") or {})[key], rawget(host, "carriers") or {}
    rawset(host, "carriers", had)
    had[key] = had[key] or {}
    local n = not call and lost and table.remove(lost, 1)
    if not n then
      n = (L.wires[key .. "#"] or 0) + 1
      L.wires[key .. "#"] = n
    end
    if not call then table.insert(had[key], n) end
    return n
  end
  -- The n-th carrier of a kind from x to y is the other end of the n-th from y to x. `call`: it is a call's, which opens both ends.
  function L.open_carrier(host, s, call)
    L.check("carrier", s)
    local kind, far = L.carrier_kind(s[1]), s.to
    if far == host then L.fail("carrier: %s cannot signal to itself", host.label) end
    local _ = L.server.signal
    local key = kind .. "/" .. host.label .. "/" .. far.label
    local n = number_of(host, key, call)
    local mine = L.wires[key .. n]
    if not mine then
      mine = L.source(Carrier, { kind = kind, n = n, host = host, far = far, label = host.label .. "/" .. kind .. n })
      local other = L.source(Carrier, { kind = kind, n = n, host = far, far = host, label = far.label .. "/" .. kind .. n })
      for _, wire in ipairs(KINDS[kind].packets and {} or { mine, other }) do
        rawset(wire, "tells_only", { message = true })
        rawset(wire, "tells_as", ('carrier "%s", which is no packets and has no session,'):format(kind))
        rawset(wire, "tells_else", BY_PACKETS)
      end
      rawset(mine, "peer", other)
      rawset(other, "peer", mine)
      L.wires[key .. n] = mine
      L.wires[kind .. "/" .. far.label .. "/" .. host.label .. n] = other
    end
    if rawget(mine, "lost") then
      rawset(mine, "lost", nil)
      L.drop_events(mine)
    end
    if KINDS[kind].packets then join(mine) end
    return mine
  end
  -- What ran on `host` is gone, its sessions and its carriers with it.
  function L.lose_carriers(host)
    rawset(host, "sessions", nil)
    rawset(host, "exits_apps", nil)
    local lost = rawget(host, "carriers") or {}
    for key, left in next, rawget(host, "lost_carriers") or {} do -- of an earlier end
      lost[key] = L.joined(lost[key] or {}, left)
      table.sort(lost[key])
    end
    rawset(host, "lost_carriers", lost)
    rawset(host, "carriers", nil)
    for _, wire in next, L.wires do
      if type(wire) == "table" and wire.host == host then
        rawset(wire, "joined", nil)
        rawset(wire, "lost", true)
      end
    end
  end

  ---------------------------------------------------------------------------------------------------------------- what the oracle needs
  local STAGGER, PORT_STAGGER = 250000000, 1000000000 -- a way that is silent has another one tried beside it, another port later
  local LOSSES = 4000000000     -- what is lost is sent again, and again
  local EXACT = 25000000        -- what the oracle's own skew covers
  local PAUSE = 45000000000     -- a session that has failed is tried again after 30 s at most
  local ASKED_AGAIN, ASKED = 5000000000, 2 -- a name server that is silent (stack/dns/stub.h)
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
  -- What verdict `v` of one stretch of a way makes of an attempt that hangs on it, nil: it passes; and why.
  local function stretch(v, what)
    if v.outcome == "none" then return "none", v.why end
    if v.outcome ~= "open" and v.outcome ~= "caught" then return "doubt", ("signaling %s hangs on more: %s"):format(what, v.why) end
    if v.since then return "doubt", ("signaling %s waits for a login"):format(what) end
    if v.outcome == "caught" then return "caught", v.why end
  end
  local function listed(list, port)
    for _, p in ipairs(list) do if p == port then return true end end
    return false
  end
  -- Whether an inspector lets TLS with `name` be, of which it has `list`: the name, or its first label is "*" there (RFC 9525 section 6.3).
  local function is_let_be(list, name)
    for one in list:lower():gmatch "[^,]+" do
      if one == name or one:sub(1, 2) == "*." and name:match "^[^.]+(%..*)$" == one:sub(2) then return true end
    end
    return false
  end
  -- Whether the box that answers in the server's place hands requests of carrier `kind` on from `port`: an inspector does, without what it
  -- strips, and of TLS what it does not decrypt, or from who trusts it; and whether it decrypts it.
  local function hands_on(box, kind, port, trusted)
    local access, k = rawget(box, "access"), KINDS[kind]
    if access.portal then return false, false end
    if not k.tls then return k.polls == true and port == 80 and access.strips == 1, false end
    if not access.intercepts or is_let_be(access.passes, L.full_name "signal") then return true, false end
    return trusted and (k.polls or access.strips == 0), true
  end
  -- What becomes of an attempt that reached `box`, by verdict `v`: it may hand it on, and so may others further out.
  local function attempt_beyond(box, kind, port, trusted, patience)
    local first = box
    while true do
      local on, decrypts = hands_on(box, kind, port, trusted)
      if not on then return "caught", ("%s answers TCP to port %d itself"):format(box.label, port) end
      trusted = trusted and not decrypts -- from then on the inspector is the client
      local v, at = L.predict_own_reach(box, L.server.signal, port, true, patience)
      local outcome, why = stretch(v, ("by TCP %d from %s"):format(port, box.label))
      if outcome ~= "caught" then return outcome or "others", why, first end
      box = at
    end
  end
  -- What becomes of an attempt by the proxy of `box`: whether it is reached, connects to that port, finds the name and reaches the server.
  local function attempt_by_proxy(host, kind, box, iface, ip, port)
    local access, patience = rawget(box, "access"), host.timers.connect
    local outcome, why = stretch(L.predict_reach_own(host, box, access.proxy_port, patience, iface, ip), "by the proxy of " .. box.label)
    if outcome then return outcome, why end
    if access.proxy_ports and not listed(access.proxy_ports, port) then
      return "none", ("the proxy of %s connects to no port %d"):format(box.label, port)
    end
    if L.by_name then
      L.name_server()
      outcome, why = stretch(L.predict_own_reach(box, L.dns_host, 53, false, patience), "by a name")
      if outcome == "doubt" then return outcome, why end
      if outcome then return "none", ("the proxy of %s finds no name: %s"):format(box.label, why) end
    end
    local v, at = L.predict_own_reach(box, L.server.signal, port, true, patience)
    outcome, why = stretch(v, "by the proxy of " .. box.label)
    if outcome == "caught" then return attempt_beyond(at, kind, port, rawget(host, "managed"), patience) end
    return outcome or "others", why, box
  end
  -- What becomes of an attempt from address `ip` of `iface` to `port` of the signal server: "open", "others" (somebody in between hands on, at
  -- which box), "none", "caught" or "doubt", and why.
  local function attempt(host, kind, iface, ip, port)
    local _, box = proxy_at(iface, ip)
    if box then return attempt_by_proxy(host, kind, box, iface, ip, port) end
    local v, at = L.predict_reach(host, L.server.signal, port, true, host.timers.connect, iface, ip)
    local outcome, why = stretch(v, ("by TCP %d"):format(port))
    if outcome == "caught" then return attempt_beyond(at, kind, port, rawget(host, "managed"), host.timers.connect) end
    return outcome or "open", why
  end
  -- Whether the client of `host` finds the signal server's address itself: why it does not, or nil; how much later by questions in vain; and
  -- whether it may find it yet. It asks from an address of the name server's family that has no proxy, where there is one, twice, each
  -- time from the next, and on in its next attempt.
  local function name_fails(host)
    if not L.by_name then return nil, 0, false end
    L.name_server()
    local server = L.resolver_of(host)
    local direct, all = {}, {}
    for _, iface in ipairs(host[LIST]) do
      for _, ip in ipairs(core.iface_usable(host.node, iface.i) and iface.ips or {}) do
        if family_of(ip) == family_of(server) then
          all[#all + 1] = { iface, ip }
          if not proxy_at(iface, ip) then direct[#direct + 1] = all[#all] end
        end
      end
    end
    local from, why, later = #direct > 0 and direct or all, nil, false
    for try = 0, #from > 0 and math.max(#from, ASKED) - 1 or -1 do
      local f = from[try % #from + 1]
      local v = L.predict_reach(host, L.dns_host, 53, false, host.timers.connect, f[1], f[2])
      local outcome = stretch(v, "by a name")
      if not outcome then return nil, try * ASKED_AGAIN, later or try >= ASKED end
      why, later = why or v.why, later or outcome == "doubt"
    end
    return "no name is found: " .. (why or "no address leads to the name server"), 0, later
  end
  -- The ways of `host` to the signal server as its client lists them: { iface, i, ip, port, base, named }.
  local function ways_of(host, kind)
    local out, ips = {}, server_ips(host)
    for _, port in ipairs(KINDS[kind].tls and { 443 } or { 80, 443 }) do
      local base = -1
      for i, iface in ipairs(host[LIST]) do
        local usable = core.iface_usable(host.node, iface.i)
        for _, ip in ipairs(iface.ips) do
          base = base + 1
          local proxied = proxy_at(iface, ip) ~= nil
          local n = usable and (proxied and not L.by_name and #ips or 1) or 0 -- a proxy is asked for each address, or for the name
          for _ = 1, n do out[#out + 1] = { iface = iface, i = i, ip = ip, port = port, base = base, named = proxied and L.by_name or false } end
        end
      end
    end
    return out
  end
  -- How much later way `k` begins than the one before it, where that is silent.
  local function stagger(ways, k)
    if k == 1 then return 0 end
    return ways[k].port ~= ways[k - 1].port and PORT_STAGGER or STAGGER
  end
  -- Lets `span`, that of way `first`, be what it is with the ways that may carry the session in its place: those that begin before it can be
  -- open, and those by a proxy, which finds the name, while the host itself looks it up.
  local function with_racers(host, kind, ways, first, span, no_name)
    local late, least, doubt = span.late, span.rtt, nil
    for k = first + 1, #ways do
      local way = ways[k]
      late = late + stagger(ways, k)
      local early = late - span.late < span.rtt
      local ahead = way.named and not ways[first].named
      local outcome, why
      if early or ahead then outcome, why = attempt(host, kind, way.iface, way.ip, way.port) end
      if outcome == "open" and no_name then outcome = "none" end
      if early and span.racers < 3 or outcome == "others" and ahead then span.racers = span.racers + 1 end
      if outcome == "caught" then span.late = span.late + STAGGER + 2 * span_of(way.iface, way.i, L.server.signal).rtt end
      if outcome == "open" or outcome == "others" then
        local other = span_of(way.iface, way.i, L.server.signal)
        least = math.min(least, other.rtt)
        span.late = ahead and math.max(span.late, late) or span.late
        span.by_others = span.by_others or ahead
        span.rtt_most = math.max(span.rtt_most, other.rtt)
        span.lossy = span.lossy or other.lossy
      end
      if outcome == "doubt" then doubt = why end
    end
    span.rtt_least = least
    return span, nil, doubt
  end
  -- The first way of `host` to the signal server that opens, as its client tries them: its span, whether it goes by others, and how much
  -- later it may be for those before it. Without one: nil and why there is none; nil, nil and why there may be one.
  local function first_way(host, kind)
    local late, why = 0, nil
    local no_name, asked_late, later = name_fails(host)
    local ways = ways_of(host, kind)
    for k, way in ipairs(ways) do
      local span = span_of(way.iface, way.i, L.server.signal)
      local outcome, reason, box = attempt(host, kind, way.iface, way.ip, way.port)
      if later and not way.named and outcome ~= "none" then outcome, reason = "doubt", "signaling by a name hangs on more" end
      if no_name and not way.named and outcome ~= "none" and not later then outcome, reason = "none", no_name end
      late = late + stagger(ways, k)
      if outcome == "doubt" then return nil, nil, reason end
      if outcome == "open" or outcome == "others" then
        span.late, span.base, span.racers, span.rtt_most = late, way.base, 0, span.rtt
        span.by_others, span.box = outcome == "others", box
        if not way.named then span.late = span.late + asked_late end
        return with_racers(host, kind, ways, k, span, no_name)
      end
      if outcome == "caught" then late = late + 2 * span.rtt end
      why = why or reason and ("%s reaches no signal server: %s"):format(host.label, reason)
    end
    return nil, why or ("%s reaches no signal server: %s"):format(host.label, #ways > 0 and "nothing leads there" or "no interface is up")
  end
  -- When the session of `host` stands, for the oracle's `side`: by a stream for a WebSocket or a poll, its first answer, and for a poll by another
  -- stream for what it sends.
  local function set_session(side, host, kind, span, own)
    local s = not own and (rawget(host, "sessions") or {})[kind] or nil
    local polls, trips, tls = KINDS[kind].polls, 2, KINDS[kind].tls and 1 or 0 -- TLS 1.3 takes a round trip (RFC 8446 section 2)
    trips = trips + tls
    side.session_least, side.session_most, side.hears_least, side.hears_most = 0, 0, 0, 0
    side.streams, side.stream_base, side.stream_at = polls and 2 or 1, span.base, span.box
    if s and s.up then return end
    side.racers = span.racers
    if L.by_name then trips = trips + 1 end -- the name server is as far
    local least = trips * span.rtt_least
    local more = trips * (span.rtt_most - span.rtt_least) + span.late + (span.lossy and LOSSES or 0) + (span.by_others and BY_OTHERS * span.rtt_most or 0)
    local jitter = (trips + 1) * span.slack
    more = more + (jitter > EXACT and jitter or 0) + (s and s.failed and PAUSE or 0)
    local gone = s and core.now() - s.since or 0 -- it began before
    side.hears_least, side.hears_most = math.max(0, least - gone), least + more + (polls and span.rtt_most or 0)
    if polls then
      least = least + (1 + tls) * span.rtt_least
      more = more + (1 + tls) * (span.rtt_most - span.rtt_least)
    end
    side.session_least, side.session_most = math.max(0, least - gone), least + more
  end
  -- Side `b` of model A listens: it says so as soon as its session stands, a round trip `rtt`, and begins when side `a` has called.
  local function set_called(a, b, rtt)
    b.called = 1
    b.hears_least, b.hears_most = b.hears_least + rtt, b.hears_most + rtt
    b.session_least = math.max(b.session_least, b.hears_least, a.session_least + a.least)
    b.session_most = math.max(b.session_most, b.hears_most, a.session_most + a.most)
  end
  -- Sets what the oracle is to know of signaling between `near` and `far`, sides `a` and `b`. Returns how much it adds at most to the delay of the
  -- ways; or nil and why there is none; why there may be none also where there is.
  local function packets_bounds(near, far, kind, a, b, called)
    local x, why, doubt = first_way(near, kind)
    local y, why2, doubt2 = first_way(far, kind)
    if why or why2 then return nil, why or why2 end
    doubt = doubt or doubt2
    if doubt then
      a.least, a.most, b.least, b.most = 0, LOSSES, 0, LOSSES
      return 2 * LOSSES, doubt
    end
    set_session(a, near, kind, x, called)
    set_session(b, far, kind, y, called)
    local slack = x.slack + y.slack
    local more = ((x.lossy or y.lossy) and LOSSES or 0) + (slack > EXACT and slack or 0) + (KINDS[kind].polls and x.rtt + y.rtt or 0)
    a.least, b.least = x.to + y.from, y.to + x.from
    a.most, b.most = a.least + more, b.least + more
    if called then set_called(a, b, y.rtt_most) end
    return more + math.max(a.session_most, b.session_most)
  end
  -- Likewise of any carrier; `ab` and `ba`: the delays of the ways without the server's own.
  function L.signal_bounds(near, far, s, a, b, ab, ba)
    local kind, called = L.carrier_kind(s.carrier), s.model == "A" or s.model == "D"
    local k = KINDS[kind]
    if called then L.rendezvous_by(kind) end
    if k.packets then return packets_bounds(near, far, kind, a, b, called) end
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
