-- Model D in scenarios: a client-server object over a relay and an object for direct connections, which know nothing of each other. What
-- makes one connection of the two is a script's business; lib.d is one, and the standard app of t:call { model = "D" } uses it.
return function(L)
  local core, LIST = L.core, L.LIST
  local Conn = L.Conn

  ---------------------------------------------------------------------------------------------------------------- the relay object
  local RelayD = L.class("RelayD", Conn)
  -- The URLs of `s`, of one relay, one room and one secret: "ws://ws/ROOM#SECRET", "udp://ws:443/ROOM#SECRET". What is behind "#" never leaves the host (RFC 3986 section
  -- 3.5). Returns those without room and secret, and these two.
  local function urls_of(s)
    local out, room, secret = {}, nil, nil
    for i, url in ipairs(s) do
      local to, its, behind = url:match "^(%l+://[^/#]+)/([^#]*)#?(.*)$"
      if not to then L.fail('relay: "%s" is no room of a relay; write "ws://ws/ROOM#SECRET"', url) end
      if #its < 16 or #its > 64 or its:find "[^%w_-]" then L.fail('relay: "%s": a room has 16 to 64 letters, digits, "-" or "_"', url) end
      if #behind > 128 then L.fail('relay: "%s": a secret has 128 bytes at most', url) end
      if room and (room ~= its or secret ~= behind) then L.fail("relay: all URLs are of one room and one secret") end
      out[i], room, secret = to, its, behind
    end
    if not room then L.fail 'relay: a URL, "ws://ws/ROOM#SECRET"' end
    return out, room, secret ~= "" and secret or nil
  end
  local function open_relay(host, s)
    L.check("d_relay", s)
    local urls, room, secret = urls_of(s)
    local id = s.id or host.label
    if #id > 32 or id:find "[^%w_-]" or id == "" then L.fail('relay.id: "%s": 1 to 32 letters, digits, "-" or "_"', id) end
    local ways = L.web_ways(urls, host, "relay", true) or L.fail("relay: %s and the relay have no family in common", host.label)
    local label = L.app_name(host, "D")
    local app = core.d_relay(host.node, label, {
      web = ways, room = room, id = id, secret = secret, timers = host.timers, voice = s.media == "voice", ping = s.ping ~= false, alternatives = #host[LIST] > 1,
    })
    local w = L.source(RelayD, { host = host, label = label, app = app, timers = host.timers })
    L.register(app, w)
    core.start(app)
    return w
  end
  L.method(RelayD, "stream", function(self, on)
    if type(on) ~= "boolean" then L.fail("stream: true or false, not %s", L.show(on)) end
    core.d_stream(L.app_of(self), on)
  end)

  ---------------------------------------------------------------------------------------------------------------- the peer object
  -- That of model A, direct only: its signaling is its own. The one who listens has an object for each who calls (event call).
  local function dial(host, s) return host.A:dial(L.merge({ direct_only = true }, s)) end
  local function listen(host, s) return host.A:listen(L.merge({ direct_only = true }, s)) end

  ---------------------------------------------------------------------------------------------------------------- calls
  -- An end of a call of D: what lib.d makes of its objects.
  local CallD = L.class("CallD", Conn)
  L.method(CallD, "send", function(self, data)
    if type(data) ~= "string" then L.fail("send: text, not a %s", type(data)) end
    return self.link:send(data)
  end)
  L.method(CallD, "close", function(self)
    rawset(self, "hung_up", true)
    self.link:close()
  end)
  CallD.getters.switches = function(o) return o.link.switches end
  CallD.getters.repeated = function(o) return o.link.repeated end
  CallD.getters.duplicates = function(o) return o.link.duplicates end

  -- The fields of `ev`, what an object or the library has told, that the whole tells, too.
  local function told(ev, old)
    local out = { old = old }
    if not ev then return out end
    for _, k in ipairs { "path", "localkind", "remotekind", "family", "iface", "reason", "why", "since", "by", "data" } do out[k] = L.field_of(ev, k) end
    return out
  end

  -- The relay object of call `s` at `host`, or nil where no relay is in its reach.
  local function call_relay(host, s, room)
    local urls = L.web_uris(s.ws, host, true)
    if not urls or not L.web_ways(urls, host, "call.ws", true) then return nil end
    for i, url in ipairs(urls) do urls[i] = ("%s/%s#only the two of us"):format(url, room) end
    return open_relay(host, urls)
  end
  -- How the two ends of the call find each other.
  local function specifier(host, far, s, dials)
    local by = L.rendezvous_by(L.carrier_kind(s.carrier))
    return ("%s://signal/%s-%d?%sby=%s&wait=%d"):format(by[1], (dials and far or host).label, #L.calls, L.servers.stun and "stun=stun:stun&" or "", by[2],
      math.min(3600, (host.timers.connect + 999999999) // 1000000000))
  end

  function L.standard.D(host, far, s, role)
    if s.restart == false then L.fail "call.restart: the peer object of model D restarts by itself" end
    if L.streams_wanted(s, "call") then L.unsupported "call.streams: an object of model D has one media stream" end
    if L.wants_rtp({ s.media }, "call.media") then L.unsupported "call.media: model D streams voice, not RTP" end
    local whole = L.source(CallD, { host = host, label = host.label .. "/d-call", timers = host.timers, objects = {} })
    local room, url = ("icetank-call-%04d"):format(#L.calls), specifier(host, far, s, role == "controlling")
    local function own(object)
      if object then whole.objects[#whole.objects + 1] = object end
      return object
    end
    local link
    local d = L.require "lib.d"
    local what = { url, media = s.media }
    local listener
    -- Who listens has an object when he is called.
    local function listening()
      if listener and not rawget(listener, "ended") then return nil end
      listener = listen(host, what)
      L.spawn(host, function() for ev in listener:events "call" do link:adopt("peer", own(ev.call)) end end)
      return nil
    end
    link = d.link {
      host, policy = s.policy, try = s.try, within = L.duration(host.timers.connect), voice = s.media == "voice",
      peer = function() return role == "controlling" and own(dial(host, what)) or listening() end,
      waits = role ~= "controlling",
      relay = function() return own(call_relay(host, s, room)) end,
      on = function(name, ev, old)
        if link.object then
          rawset(whole, "app", link.object.app)
          rawset(whole, "media", rawget(link.object, "media"))
        end
        L.push(whole, name, told(ev, old))
      end,
    }
    rawset(whole, "link", link)
    return whole
  end

  -- The numbers of a whole that several objects have carried: sums, and the worst of them.
  local SUM, WORST = { "sent", "received", "voice_sent", "voice_received", "lost", "late", "duplicate", "refused", "questions" }, { "freeze_silent", "patience", "longest_gap" }
  function L.stats_of_objects(whole, stats)
    local out, parts = nil, {}
    for _, object in ipairs(whole.objects) do
      if rawget(object, "app") then parts[#parts + 1] = stats(object) end
    end
    for _, s in ipairs(parts) do
      if not out then out = L.merge(s, {})
      else
        for _, k in ipairs(SUM) do out[k] = out[k] + s[k] end
        for _, k in ipairs(WORST) do out[k] = math.max(out[k], s[k]) end
        out.t_first_media = math.min(out.t_first_media or s.t_first_media or math.maxinteger, s.t_first_media or math.maxinteger)
        if out.t_first_media == math.maxinteger then out.t_first_media = nil end
        out.voice_due, out.voice_due_at, out.voice_next = 0, 0, 0 -- what was due by one may have come by the other
      end
    end
    return out
  end

  function L.part_methods(Host)
    local verbs = { relay = open_relay, dial = dial, listen = listen }
    Host.getters.D = function(o)
      local m, view = {}, nil
      for verb, make in next, verbs do
        local takes = L.arity("D." .. verb, make)
        m[verb] = function(self, ...)
          if self ~= view then L.fail("D.%s: write a colon: host.D:%s { ... }", verb, verb) end
          takes(...)
          if L.count_verb then L.count_verb() end
          return make(o, ...)
        end
      end
      view = L.readonly(m, "D", {}, "")
      return view
    end
  end
end
