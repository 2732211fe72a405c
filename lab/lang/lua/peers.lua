-- What runs on hosts: the objects of models B and E (A's: models/a.lua), and the standard apps that make a call of them and of carriers (signaling.lua).
return function(L)
  local LIST = L.LIST
  local core, source = L.core, L.source
  local Host, Source = nil, L.Source
  L.apps, L.calls = {}, {}
  L.gone = {} -- as L.apps, of hosts that were stopped or crashed

  ---------------------------------------------------------------------------------------------------------------- connections
  local Conn = L.class("Conn", Source)
  L.Conn = Conn
  local function app_of(o)
    if rawget(o, "gone") then L.fail("%s was lost when %s stopped", o.label, o.host.label) end
    return o.app or L.fail("%s is not connected yet", o.label)
  end
  L.app_of = app_of
  Conn.getters.path = function(o) return o.app and not rawget(o, "gone") and core.path(o.app, o.media) or nil end
  -- Its numbers, those at its end when its host has lost it.
  function L.stats_of(o)
    if rawget(o, "objects") then return L.stats_of_objects(o, L.stats_of) end
    return rawget(o, "last_stats") or core.stats(app_of(o), o.media)
  end
  Conn.getters.stats = function(o)
    local s = L.merge(L.stats_of(o), {})
    for _, k in ipairs { "longest_gap", "jitter", "frozen", "longest_freeze", "rtt" } do s[k] = s[k] and L.duration(s[k]) end
    s.voice_due, s.voice_due_at, s.voice_next = nil, nil, nil -- for the judge
    return L.readonly(s, "stats", { "t_first_media", "jitter", "frozen", "longest_freeze", "rtt", "freezes", "shown", "reordered", "profile" })
  end
  L.method(Conn, "send", function(self, data)
    if type(data) ~= "string" then L.fail("send: text, not a %s", type(data)) end
    return core.send(app_of(self), self.media, data)
  end)
  -- What rings still, an end of E without a session, is closed as it is: whoever looks for its address stops (run_e).
  local function close_leaf(leaf)
    if rawget(leaf, "app") then return core.close(leaf.app, leaf.media) end
    if not rawget(leaf, "ended") then L.push(leaf, "closed", { by = "local" }) end
  end
  L.method(Conn, "close", function(self)
    if rawget(self, "gone") then app_of(self) end
    rawset(self, "hung_up", true)
    for _, leaf in ipairs(L.leaves(self)) do close_leaf(leaf) end
  end)

  -- The streams `list` (nil: it is one, without a name) of what is called `label`, as scripts see them: one that is not there is an error.
  local function streams_shown(list, label)
    if not list then L.fail("%s has one stream: it is that stream itself", label) end
    local shown = L.readonly(list, "streams", {})
    local meta = getmetatable(shown)
    local plain = meta.__index
    function meta.__index(t, k)
      local v = plain(t, k)
      if v == nil and type(k) == "number" and debug.getinfo(2, "S").what ~= "C" then -- ipairs asks for the one behind the last
        L.fail("streams: %s has %d stream%s, and no number %s", label, #list, #list == 1 and "" or "s", tostring(k))
      end
      return v
    end
    return shown
  end
  Conn.getters.streams = function(o) return streams_shown(rawget(o, "parts"), tostring(o)) end

  -- Where the events of an app go: its source, or that of one of its media sessions.
  local function register(app, s)
    L.apps[app] = L.apps[app] or { media = {} }
    if s.media then L.apps[app].media[s.media] = s else L.apps[app].main = s end
  end

  L.register = register

  -- The app of each connection of `host`, and its media session where it is one of E.
  local function conns_of(host)
    local out = {}
    for _, to in L.pairs(L.apps) do
      local all = { to.main }
      for _, m in L.pairs(to.media) do all[#all + 1] = m end
      for _, s in ipairs(all) do if s.host == host and L.is(s, "Conn") and rawget(s, "app") then out[#out + 1] = s end end
    end
    return out
  end
  -- Closes every connection of `host`, and lets that be told.
  function L.close_all(host)
    for _, s in ipairs(conns_of(host)) do if not rawget(s, "ended") then core.close(s.app, s.media) end end
    core.flush()
    L.dispatch()
  end
  -- What ran on `host` is gone: nothing more is heard of it. Its numbers stay.
  function L.lose_apps(host)
    L.end_tasks(host)
    for _, s in ipairs(conns_of(host)) do
      L.note_tail(s)
      rawset(s, "last_stats", core.stats(s.app, s.media))
      rawset(s, "gone", true)
      rawset(s, "ended", true)
    end
    for _, call in ipairs(L.calls) do
      for _, e in ipairs(rawget(call, "ends") or {}) do
        if e.host == host then
          rawset(e, "gone", true)
          rawset(e, "ended", true)
        end
      end
    end
    L.lose_carriers(host)
    rawset(host, "introduces", nil)
    rawset(host, "rtmfp_web", nil)
    for app, to in L.pairs(L.apps) do
      if to.host == host then L.apps[app] = nil end
      local any = to.main or select(2, next(to.media))
      if any and any.host == host then
        if to.main then rawset(to.main, "ended", true) end
        L.gone[app], L.apps[app] = to, nil
      end
    end
  end

  -- The interface of `host` that has address `ip`, by name; nil where there is but one.
  local function iface_at(host, ip)
    if #host[LIST] == 1 then return nil end
    for _, name in ipairs(L.keys(host.ifaces)) do
      local iface = host.ifaces[name]
      for _, own in ipairs(iface.ips) do if own == ip then return name end end
      if rawget(iface, "link_ip") == ip then return name end
    end
  end

  function L.dispatch()
    local any = false
    while true do
      local app, media, name, fields = core.event()
      if not app then return any end
      any = true
      local to = L.apps[app]
      if to and to.session then to.session(name, fields) end
      local s = to and (media and to.media[media] or not media and to.main)
      if fields.since then fields.since = L.duration(fields.since) end
      if fields.from_ip then fields.iface, fields.from_ip = s and iface_at(s.host, fields.from_ip), nil end
      if s then L.push(s, name, fields) end
      if s and name == "message" and media == 0 and to.main then L.push(to.main, name, { data = fields.data, addr = fields.addr }) end
    end
  end

  -- What a scenario may not ask for though a set that imitates a stack has it: RFC 8445 section 14.
  local BOUNDS = { ta = { 5000000, "14.2" }, rto = { 500000000, "14.3" } }
  -- What `spec`, the name of a behaviour, one with changes, or nil, is called.
  local function behaviour_name(spec)
    if type(spec) == "table" then spec = spec[1] end
    return spec or "rfc"
  end
  -- The behaviour of ICE that host or object `label` has, as a table; `what` it is in an error.
  function L.behaviour_of(spec, label, what)
    local name, sets = behaviour_name(spec), L.schema.vocab
    if type(name) ~= "string" then L.fail("%s.behaviour: the name comes first, not %s", what, L.show(name)) end
    local out = core.behaviour(name)
    if not out then L.fail('%s.behaviour: no "%s"%s', what, name, L.nearest(name, sets.names "behaviour")) end
    if type(spec) ~= "table" then return out end
    if #spec > 1 then L.fail('%s.behaviour: one name with changes, not "%s" and %s', what, name, L.show(spec[2])) end
    for _, k in ipairs(L.keys(spec)) do
      local words, v = sets.sets["behaviour." .. k], spec[k]
      if not words and k ~= "tiebreaker" and type(out[k]) ~= "boolean" then
        L.fail('%s.behaviour: no "%s"%s', what, k, L.nearest(k, sets.names "trait"))
      end
      if words then
        local known, found = sets.names("behaviour." .. k), false
        for _, word in ipairs(known) do found = found or word == v end
        if not found then L.fail('%s.behaviour.%s: no "%s"%s', what, k, tostring(v), L.nearest(tostring(v), known)) end
      elseif k == "tiebreaker" then
        if math.type(v) ~= "integer" then L.fail("%s.behaviour.tiebreaker: a whole number, not %s", what, L.show(v)) end
      elseif type(v) ~= "boolean" then
        L.fail("%s.behaviour.%s: true or false, not %s", what, k, L.show(v))
      end
      out[k] = v
    end
    if out.lite and out.role == "controlling" then L.note("behaviour: a lite side that controls a full one breaks RFC 8445 section 6.1.1", label) end
    return out
  end

  -- The timers of host `label` as a table of nanoseconds: those of its behaviour, or of another one, with changes.
  function L.timers_of(spec, label, behaviour)
    if spec == nil then spec = {} end
    if type(spec) == "string" then spec = { spec } end
    local name = spec[1] or behaviour_name(behaviour)
    local changed = false
    if #spec > 1 then L.fail('host.timers: one set with changes, not "%s" and %s', tostring(name), L.show(spec[2])) end
    local out = core.timers(name)
    if not out then L.fail('host.timers: no set "%s"%s', tostring(name), L.nearest(tostring(name), core.names "timers")) end
    for _, k in ipairs(L.keys(spec)) do
      if not out[k] then L.fail('host.timers: no timer "%s"%s', k, L.nearest(k, L.keys(out))) end
      out[k], changed = L.time(spec[k], "host.timers." .. k), true
      local bound = BOUNDS[k]
      if bound and out[k] < bound[1] then
        L.fail("host.timers.%s: %s is less than the %s that RFC 8445 section %s allows", k, L.show_time(out[k]), L.show_time(bound[1]), bound[2])
      end
    end
    local fault, broken = core.timers_judge(out)
    if fault then L.fail("host.timers.%s", fault) end
    for _, what in ipairs(broken) do
      L.note(('timers "%s"%s: %s'):format(name, changed and " with changes" or "", what), label)
    end
    return out
  end

  local function app_name(host, model)
    local n = host.apps + 1
    rawset(host, "apps", n)
    return host.label .. "/" .. model:lower() .. n
  end
  L.app_name = app_name

  local KNOWN_SERVER = { turn = true }
  -- The addresses of server `h` that `host` can use: one of each family it has, IPv4's first.
  local function reachable(h, host, port)
    local has, out = {}, {}
    for _, iface in ipairs(host[LIST]) do
      for _, ip in ipairs(iface.ips) do has[ip:find(":", 1, true) and 6 or 4] = true end
    end
    for _, ip in ipairs(h[LIST][1].ips) do
      local six = ip:find(":", 1, true)
      if has[six and 6 or 4] then out[#out + 1] = (six and "[%s]:%d" or "%s:%d"):format(ip, port) end
    end
    return out
  end
  L.reachable = reachable
  -- The TURN servers of `list`, URIs (RFC 7065) whose hosts are addresses or hosts of the case, as b_new takes them.
  local function turn_servers(list, what)
    if list == nil then return nil end
    if type(list) == "string" then list = { list } end
    local out = {}
    for i, uri in ipairs(list) do
      local u, why = core.turn_uri(type(uri) == "string" and uri or L.fail("%s: a URI, not a %s", what, type(uri)))
      if not u then L.fail('%s: "%s": %s; write "turn:turn?transport=udp" (RFC 7065)', what, uri, why) end
      if not u.turn then L.fail('%s: "%s" is of a STUN server', what, uri) end
      local four, six
      if not u.literal then
        local host = KNOWN_SERVER[u.host] and L.server[u.host] or L.hosts[u.host] or L.fail('%s: "%s" is no host of this case%s', what, u.host, L.nearest(u.host, L.keys(L.hosts)))
        for _, ip in ipairs(host[LIST][1].ips) do
          if ip:find(":", 1, true) then six = six or ip else four = four or ip end
        end
      end
      local user = u.host == "turn" and L.turn_server and L.turn_server.users[1] or { "tank", "tank" }
      out[i] = { uri = uri, name = not u.literal and L.full_name(u.host) or nil, four = four, six = six, username = list.username or user[1], password = list.password or user[2], mobility = list.mobility or false }
    end
    if #out > 8 then L.fail("%s: at most 8 servers", what) end
    return out
  end
  local function stun_server(name, what)
    local h = L.server[name]
    if name ~= "stun" then L.fail('%s: "%s" is no STUN server', what, name) end
    return h
  end
  -- The address of STUN server `name`, of the family of `from` where that is said.
  local function server_addr(name, what, from)
    local h = stun_server(name, what)
    for _, ip in ipairs(from and from:sub(1, 1) == "[" and h[LIST][1].ips or {}) do
      if ip:find(":", 1, true) then return "[" .. ip .. "]:3478" end
    end
    return h:addr(3478)
  end

  ---------------------------------------------------------------------------------------------------------------- model B
  local PeerB, StreamB = L.class("PeerB", Conn), L.class("StreamB", Conn)
  local function new_b(host, s)
    s = L.check("B", s or {})
    local label, streams = app_name(host, "B"), L.streams_wanted(s, "B")
    local behaviour = s.behaviour ~= nil and L.behaviour_of(s.behaviour, label, "B") or host.behaviour
    local app = core.b_new(host.node, label, {
      stun = s.stun and reachable(stun_server(s.stun, "B.stun"), host, 3478), voice = (s.media or "none") ~= "none", restart = s.restart ~= false, alternatives = #host[LIST] > 1, timers = host.timers,
      turn = turn_servers(s.turn, "B.turn"), managed = rawget(host, "managed"), behaviour = behaviour, tcp = L.tcp_wanted(s.tcp, host, "B"), web = L.web_ways(s.ws, host, "B.ws"), streams = streams, bundle = streams and streams.bundle, rtp = streams and streams.rtp or L.wants_rtp({ s.media }, "B.media"), video = s.media == "video",
    })
    local pc = source(PeerB, { host = host, label = label, app = app, timers = host.timers })
    register(app, pc)
    if streams then -- one of one component has no number: it is the whole
      local parts, alone = {}, #streams == 1 and streams.components == 1
      for i = 1, #streams do
        parts[i] = alone and pc or source(StreamB, { host = host, label = ("%s/%d"):format(label, i), app = app, timers = host.timers, media = i - 1 })
        if not alone then register(app, parts[i]) end
      end
      rawset(pc, "parts", parts)
    end
    return pc
  end
  L.method(PeerB, "start", function(self) core.start(self.app) end)
  L.method(PeerB, "restart", function(self) core.restart(self.app) end)
  L.method(PeerB, "signal", function(self, blob)
    if type(blob) ~= "string" then L.fail("signal: a blob is text, not a %s", type(blob)) end
    return core.signal(self.app, self.media, blob)
  end)

  ---------------------------------------------------------------------------------------------------------------- model E
  local SocketE, ConnE = L.class("SocketE", Source), L.class("ConnE", Conn)
  local function text(v, what)
    if type(v) ~= "string" then L.fail("%s: text, not a %s", what, type(v)) end
    return v
  end
  L.text = text
  local function address(v, what)
    if not core.is_addr(text(v, what)) then L.fail('%s: "%s" is no address with a port', what, v) end
    return v
  end
  local function refuse_credentials(what, why)
    if why ~= "BAD_CREDENTIALS" then L.fail("%s: %s", what, why) end
    L.fail("%s: a ufrag has 4 to 256 characters, a password 22 to 256, of A-Z a-z 0-9 + / (RFC 8839 section 5.4)", what)
  end
  local function open_e(host, ufrag, pwd, s)
    s = L.check("E", s or {})
    local label, stun = app_name(host, "E"), L.servers.stun
    local expiry = s.expiry
    if expiry then expiry = expiry == "never" and math.maxinteger or L.time(expiry, "E.expiry") end
    if expiry and expiry <= 0 then L.fail 'E.expiry: must be above 0; "never" is no end' end
    local app, why = core.e_open(host.node, label, text(ufrag, "E.open"), text(pwd, "E.open"), {
      stun = stun and reachable(stun, host, 3478), timers = host.timers, expiry = expiry, alternatives = #host[LIST] > 1,
    })
    if not app then refuse_credentials("E.open", why) end
    local e = source(SocketE, { host = host, label = label, app = app, ufrag = ufrag, pwd = pwd })
    register(app, e)
    return e
  end
  SocketE.getters.timers = function(o)
    local out = {}
    for _, k in ipairs(L.schema.vocab.names "timer") do out[k] = L.duration(o.host.timers[k]) end
    return L.readonly(out, "timers", {})
  end
  SocketE.getters.fingerprint = function(o) return core.fingerprint(o.host.node) end
  L.method(SocketE, "restart", function(self, ufrag, pwd)
    if ufrag == self.ufrag then L.fail "restart: a new generation has a new ufrag and a new password (RFC 8445 section 9)" end
    local ok, why = core.e_restart(self.app, text(ufrag, "restart"), text(pwd, "restart"))
    if not ok then refuse_credentials("restart", why) end
    rawset(self, "ufrag", ufrag)
    rawset(self, "pwd", pwd)
    return true
  end)
  L.method(SocketE, "addrs", function(self) return core.e_addrs(self.app) end)
  L.method(SocketE, "test", function(self, addr, ufrag, pwd, how)
    return core.e_test(self.app, address(addr, "test"), text(ufrag, "test"), text(pwd, "test"), L.check("test", how or {}))
  end)
  L.method(SocketE, "probe_stun", function(self, server, how)
    how = L.check("probe", how or {}, "probe_stun")
    if not core.is_addr(text(server, "probe_stun")) then server = server_addr(server, "probe_stun", how.from) end
    return core.e_probe(self.app, server, how)
  end)
  L.method(SocketE, "send", function(self, addr, data, how)
    return core.e_send(self.app, address(addr, "send"), text(data, "send"), L.check("rawsend", how or {}, "send"))
  end)
  -- Opens the session on `conn`, a ConnE that is not connected yet.
  local function open_media(e, conn, addr, how)
    L.check("media", how, "open_media")
    if L.wants_rtp({ how.media, how.expects }, "open_media") then L.unsupported("open_media: model E streams voice, not RTP") end
    local within = how.within and L.time(how.within, "open_media.within")
    if within and within <= 0 then L.fail "open_media.within: must be above 0" end
    local media, why = core.e_media(e.app, address(addr, "open_media"), {
      from = how.from, fingerprint = how.fingerprint, client = how.client, kind = how.kind, voice = how.media == "voice", far_voice = how.expects == "voice",
      within = within,
    })
    if not media then return nil, why end
    rawset(conn, "app", e.app)
    rawset(conn, "media", media)
    register(e.app, conn)
    return conn
  end
  local function new_conn(host, label) return source(ConnE, { host = host, label = label, timers = host.timers }) end
  L.method(SocketE, "open_media", function(self, addr, how) return open_media(self, new_conn(self.host, self.label .. "/media"), addr, how or {}) end)
  L.method(ConnE, "move", function(self, addr, how)
    how, addr = L.check("move", how or {}), address(addr, "move")
    return core.e_move(app_of(self), self.media, addr, how)
  end)

  ---------------------------------------------------------------------------------------------------------------- plain sockets
  local Udp = L.class("Udp", Source)
  local function open_udp(host, s)
    s = L.check("udp", s or {})
    if (s.port or 0) > 65535 then L.fail("udp.port: %d is no port", s.port) end
    local label = app_name(host, "udp")
    local app = core.udp_open(host.node, label, s.port or 0, s.fragments, s.via)
    local u = source(Udp, { host = host, label = label, app = app, fragments = s.fragments == true })
    if not s.via then
      rawset(u, "tells_only", { message = true })
      rawset(u, "tells_as", "udp socket without a proxy")
      rawset(u, "tells_else", { open = "udp sockets with via =", closed = "udp sockets with via =" })
    end
    register(app, u)
    return u
  end
  Udp.getters.addr = function(o) return core.addrs(o.app)[1] end
  L.method(Udp, "send", function(self, addr, data, how)
    how = L.check("datagram", how or {}, "send")
    local cut = self.fragments
    if how.df ~= nil then cut = not how.df end
    return core.udp_send(self.app, address(addr, "send"), text(data, "send"), cut, how.ttl, how.tos)
  end)
  L.method(Udp, "probe_stun", function(self, server, within)
    if not core.is_addr(server or "") then server = server_addr(server or "stun", "probe_stun", core.addrs(self.app)[1]) end
    core.udp_send(self.app, server, core.stun_request(self.label))
    while true do
      local ev = L.next("next", { self, "message", within = within or "5s" })
      if not ev then return nil end
      if ev.addr == server then return core.stun_mapped(ev.data) end
    end
  end)

  ---------------------------------------------------------------------------------------------------------------- calls
  -- A script holds a handle without a field; what the judge reads is in a record that only this language has.
  local Call = L.class("Call", Source)
  local records = {}
  -- The record of a call, as L.calls holds it: { ends, near, far, verdict, start, ... }.
  function L.record(handle) return records[handle] end
  Call.meta.__index = (function(old)
    return function(o, k)
      if L.is(k, "Host") then
        return records[o].by_host[k] or L.fail("%s is no end of the call", k.label)
      end
      return old(o, k)
    end
  end)(Call.meta.__index)
  function Call.meta.__tostring(o) return records[o].label end
  Call.getters.oracle = function(o) return records[o].oracle end
  Call.getters.streams = function(o) return streams_shown(records[o].streams, records[o].label) end
  -- A handle of `call` for each of its streams, a call of these alone.
  local function stream_handles(call)
    local near, far, out = rawget(call.ends[1], "parts"), rawget(call.ends[2], "parts"), {}
    for i, a in ipairs(near or {}) do
      local b = far[i]
      if a ~= call.ends[1] then
        rawset(a, "other", b)
        rawset(b, "other", a)
      end
      out[i] = L.new(Call, {})
      records[out[i]] = { ends = { a, b }, by_host = { [call.near] = a, [call.far] = b }, label = call.label .. "/" .. i, oracle = call.oracle, near = call.near, far = call.far }
    end
    return near and out
  end

  local FULL = 250000000
  local standard = setmetatable({}, { __index = function(t, model)
    if not L.need_model(model) then return nil end
    return rawget(t, model)
  end })
  L.standard = standard
  local function pump(from, wire, name, f)
    L.spawn(wire.host, function() for ev in from:events(name) do f(ev) end end)
  end
  -- The servers that the standard apps ask: those that are up.
  local function servers_up() return { stun = L.servers.stun and "stun" } end
  -- The URIs of the TURN server, where it is up, by the transport that `only` says ("udp", "tcp", "tls", "dtls", "none").
  function L.turn_uris(only)
    local out = {}
    for _, k in ipairs(L.servers.turn and L.TURN_BY or {}) do
      local form = ({ tls = "turns:turn:%d", dtls = "turns:turn:%d?transport=udp" })[k] or "turn:turn:%d?transport=" .. k
      for _, port in ipairs((not only or only == k) and L.turn_server[k] or {}) do out[#out + 1] = form:format(port) end
    end
    out.mobility = L.turn_server and L.turn_server.mobility
    return #out > 0 and out or nil
  end
  -- What the mailbox of the far side has no room for goes to it again, as long as `pc` is of use.
  local function send_again(pc, wire)
    pump(wire, wire, "unsent", function(ev)
      L.block(core.now() + FULL)
      if not rawget(pc, "ended") then wire:send(ev.data) end
    end)
  end
  -- B: blobs go over the carrier, both sides start.
  function standard.B(host, far, s)
    local pc = new_b(host, { stun = servers_up().stun, turn = L.turn_uris(s.turn), media = s.media, restart = s.restart, streams = s.streams, components = s.components, bundle = s.bundle, tcp = s.tcp, ws = L.web_uris(s.ws, host) })
    local wire = L.open_carrier(host, { L.carrier_kind(s.carrier), to = far }, true)
    pump(pc, wire, "signal", function(ev)
      while true do
        local sent, why = wire:send(ev.blob)
        if sent or why ~= "TOO_MANY" then return end
        L.block(core.now() + FULL) -- what waits goes on before
      end
    end)
    pump(wire, wire, "message", function(ev) if not rawget(pc, "ended") then pc:signal(ev.data) end end)
    send_again(pc, wire)
    pc:start()
    return pc
  end
  -- What the ends of one call of E are told of the relay that answers checks, where it is up: a room for each session, which the first end to ask has
  -- made. `role` is that of an end.
  local function check_rooms()
    local rooms, asked = {}, { controlling = 0, controlled = 0 }
    return function(role)
      local relay = L.servers.checkrelay
      local app = relay and not relay.off and rawget(relay, "checks")
      local k = asked[role] + 1
      asked[role] = k
      if not app then return nil end
      rooms[k] = rooms[k] or table.pack(core.check_relay_room(app))
      return rooms[k][role == "controlling" and 1 or 2]
    end
  end
  -- The relay as the library takes it: its addresses that `host` can use, and what this end is told.
  local function check_relay(host, told)
    return told and { addrs = reachable(L.servers.checkrelay, host, L.CHECK_RELAY), told = told } or nil
  end

  -- One session of E: the shipped library runs ICE in the script. `conn` exists from the start, so that a call that never opens can die;
  -- `wanted` says whether it is still of use when an address is found, `opened` is told when the session is there.
  local function run_e(host, conn, wire, s, role, media, wanted, opened)
    send_again(conn, wire)
    local told = L.rooms_of_call(role)
    L.spawn(host, function()
      local ice = L.require "lib.ice"
      local e = open_e(host, ice.credentials(host))
      rawset(conn, "label", e.label) -- as packets and traces call it
      local agent = ice.agent { e, wire = wire, role = role, stun = servers_up().stun, relay = check_relay(host, told), media = media, restart = s.restart }
      local till = core.now() + host.timers.connect
      while wanted() do
        local addr, how = agent:connect(L.duration(till - core.now()))
        if not addr then -- how: why not
          if not wanted() then return end
          core.note("death", ("%s: connect_failed: %s"):format(conn.label, how), host.label)
          return L.push(conn, "death", { reason = "connect_failed", why = how })
        end
        how.within = L.duration(till - core.now())
        if wanted() and open_media(e, conn, addr, how) then -- else its base went between two instants
          opened(conn)
          return agent:keep(conn)
        end
      end
    end)
  end
  -- E: a session for each component of each stream, on a socket of its own, with a carrier of its own for the words of its ICE.
  local function several_e(host, far, s, role, want)
    local whole, parts = new_conn(host, host.label .. "/e-call"), {}
    for i, stream in ipairs(want) do
      local conns = {}
      for c = 1, want.components do conns[c] = new_conn(host, ("%s/e-call/%d.%d"):format(host.label, i, c)) end
      parts[i] = conns[2] and L.compose(new_conn(host, ("%s/e-call/%d"):format(host.label, i)), conns, true) or conns[1]
      for c, conn in ipairs(conns) do
        run_e(host, conn, L.open_carrier(host, { L.carrier_kind(s.carrier), to = far }, true), s, role, c == 1 and stream.voice and "voice" or "none",
          function() return not rawget(whole, "ended") and not rawget(parts[i], "ended") end,
          function(it) -- what is sent to the stream, or to the whole, leaves by its first component
            for _, above in ipairs(c == 1 and { parts[i], i == 1 and whole or nil } or {}) do
              if above ~= it then
                rawset(above, "app", it.app)
                rawset(above, "media", it.media)
              end
            end
          end)
      end
    end
    rawset(L.compose(whole, parts), "parts", parts)
    return whole
  end
  function standard.E(host, far, s, role)
    local want = L.streams_wanted(s, "call")
    if want then return several_e(host, far, s, role, want) end
    if L.wants_rtp({ s.media }, "call.media") then L.unsupported("call.media: model E streams voice, not RTP") end
    local conn = new_conn(host, host.label .. "/e-call")
    local wire = L.open_carrier(host, { L.carrier_kind(s.carrier), to = far }, true)
    run_e(host, conn, wire, s, role, s.media or "none", function() return not rawget(conn, "ended") end, function() end)
    return conn
  end
  -- Ways that only some models have: option of a call -> what a model lacks that does not know it.
  local LACKS = { tcp = "has no candidates by TCP", turn = "asks no TURN server", ws = "joins no relay over WebSocket" }
  for _, k in ipairs { "server", "connect", "via", "parent_death", "ask", "transport", "fallback" } do LACKS[k] = "has no streams of a NetConnection" end
  for _, k in ipairs { "policy", "try" } do LACKS[k] = "has no relay object beside another" end
  local AGENT = { tcp = true, turn = true, ws = true }
  local KNOWS = { A = AGENT, B = AGENT, C = { server = true, connect = true, via = true, parent_death = true, ask = true, transport = true, fallback = true }, D = { ws = true, policy = true, try = true } }
  -- Ends the case where a call asks for a way that its model does not know, or that no server offers.
  local function check_ways(s)
    for _, k in ipairs(L.keys(LACKS)) do
      if s[k] and s[k] ~= "none" and not (KNOWS[s.model] or {})[k] then L.fail("call.%s: model %s %s", k, s.model, LACKS[k]) end
    end
    if s.turn and s.turn ~= "none" and L.server.turn and not L.turn_uris(s.turn) then
      L.fail('call.turn: the TURN server serves no "%s"; internet { turn = { %s = { PORT } } }', s.turn, s.turn)
    end
    for _, host in ipairs(s.ws and { s[1], s[2] } or {}) do L.web_uris(s.ws, host, s.model == "D") end -- the names that it has
    for _, word in L.pairs(type(s.ws) == "table" and s.ws or { s.ws }) do
      local by = ({ ws = "tcp", wss = "tls", udp = "udp" })[word]
      if by and L.server.ws and not L.ws_by[by][1] then L.fail('call.ws: the relay serves no "%s"; internet { ws = { %s = { PORT } } }', word, by) end
    end
  end
  function L.make_call(s)
    L.check("call", s)
    local near, far = s[1], s[2]
    if near == far then L.fail("call: a host cannot call itself") end
    L.model = L.model or s.model
    if not standard[s.model] then L.unsupported("model %s is not built yet", s.model) end
    if s.model == "C" then L.need_rtmfp() end
    check_ways(s)
    core.trips_begin(near.node, far.node)
    local call = { label = near.label .. "-" .. far.label, model = s.model, carrier = L.carrier_kind(s.carrier), start = core.now(), near = near, far = far, transports = L.transports(s), tcp = s.tcp, turn = s.turn, ws = s.ws, server = s.server, connect = s.connect, via = s.via, transport = s.transport, fallback = s.fallback, policy = s.policy, try = s.try, verdict = L.predict(near, far, s) }
    call.oracle = L.readonly(call.verdict, "oracle", { "path", "first", "either", "may_fail" }) -- which only some have
    L.calls[#L.calls + 1] = call
    L.rooms_of_call = check_rooms()
    local a = standard[s.model](near, far, s, "controlling")
    local b = standard[s.model](far, near, s, "controlled")
    rawset(a, "other", b)
    rawset(b, "other", a)
    call.ends, call.by_host = { a, b }, { [near] = a, [far] = b }
    call.streams = stream_handles(call)
    local handle = L.new(Call, {})
    records[handle] = call
    return handle
  end

  -- The parts of models that few cases have, and what each stands on.
  local STANDS = { calls_c = { "rtmfp" }, separate = { "a" } }
  local MODELS, there = { A = "a", C = "calls_c", D = "separate" }, {}
  local function need(part, maker)
    if there[part] then return end
    there[part] = true
    for _, below in ipairs(STANDS[part] or {}) do need(below, maker) end
    L.part(part)
    L.part_methods(Host, maker)
  end
  function L.host_methods(HostClass)
    Host = HostClass
    L.method(Host, "carrier", function(self, s) return L.open_carrier(self, s) end)
    local function maker(model, verb, make)
      Host.getters[model] = function(o)
        local m, view = {}, nil
        local takes = L.arity(model .. "." .. verb, make)
        m[verb] = function(self, ...)
          if self ~= view then L.fail("%s.%s: write a colon: host.%s:%s(...)", model, verb, model, verb) end
          takes(...)
          if L.count_verb then L.count_verb() end
          return make(o, ...)
        end
        view = L.readonly(m, model, {}, "")
        return view
      end
    end
    maker("B", "new", new_b)
    maker("E", "open", open_e)
    maker("udp", "open", open_udp)
    -- What is not there yet is, once it is asked for.
    for name, part in next, L.merge(MODELS, { rtmfp = "rtmfp", netconnection = "rtmfp" }) do
      Host.getters[name] = function(o)
        need(part, maker)
        return Host.getters[name](o)
      end
    end
    function L.need_model(model)
      if not MODELS[model] then return false end
      need(MODELS[model], maker)
      return true
    end
    L.method(Host, "serve_rtmfp", function(self, s)
      need("rtmfp", maker)
      return L.serve_rtmfp(self, s)
    end)
  end
end
