-- Model C: a call over a NetConnection. The object has the streams; which of them are tried when is the library's (scenarios/lib/c.lua).
return function(L)
  local core, source = L.core, L.source
  local PORT = 1935
  local PeerC = L.class("PeerC", L.Conn)

  local function positive(v, what)
    local ns = v and L.time(v, what)
    if ns and ns <= 0 then L.fail("%s: must be above 0", what) end
    return ns
  end
  local function open_c(host, s)
    s = L.check("C", s or {})
    if L.wants_rtp({ s.media }, "C.media") then L.unsupported("C.media: model C streams voice, not RTP") end
    local server = s.server or L.servers.rtmfp
    if s.server and not rawget(server, "introduces") then L.fail("C.server: %s introduces nobody: %s:serve_rtmfp() first", server.label, server.label) end
    local label = L.app_name(host, "C")
    local uri = s.uri or ("rtmfp://%s/app"):format(server and server.label or "rtmfp")
    if #uri > 255 then L.fail("C.uri: 255 bytes at most, not %d", #uri) end
    -- Where no server is up nobody answers: it has an address all the same.
    local at = server and L.reachable(server, host, PORT) or {}
    if #at == 0 then at = { "192.0.2.1:1935" } end
    local app = core.c_new(host.node, label, uri, {
      stun = at, timers = host.timers, stream = positive(s.connect, "C.connect"), voice = (s.media or "none") ~= "none", alternatives = #host[L.LIST] > 1,
      ask = s.ask == true, cascade = s.parent_death == "cascade", web = server and L.rtmfp_web_way(host, server, s, "C") or nil,
    })
    local c = source(PeerC, { host = host, label = label, app = app, timers = host.timers })
    L.register(app, c)
    return c
  end
  PeerC.getters.transport = function(o) return core.c_transport(L.app_of(o)) end
  PeerC.getters.peer_id = function(o) return core.c_id(L.app_of(o)) end
  L.method(PeerC, "call", function(self, far)
    if not L.is(far, "PeerC") then L.fail("call: another end of model C, not %s", L.show(far)) end
    if far == self then L.fail("call: %s cannot call itself", self.label) end
    return core.c_call(L.app_of(self), L.app_of(far))
  end)
  L.method(PeerC, "connect", function(self) return core.c_connect(L.app_of(self)) end)
  for _, verb in ipairs { "publish", "play" } do
    local command = core["c_" .. verb]
    L.method(PeerC, verb, function(self, via)
      if via ~= "direct" and via ~= "server" then L.fail('%s: "direct" or "server", not %s', verb, L.show(via)) end
      return command(L.app_of(self), via)
    end)
  end
  L.method(PeerC, "accept", function(self) return core.c_accept(L.app_of(self), true) end)
  L.method(PeerC, "refuse", function(self) return core.c_accept(L.app_of(self), false) end)

  -- The server of calls: one that has been asked for, or made with the first call where the scenario has not said which servers there are.
  function L.need_rtmfp()
    if L.servers.rtmfp or L.servers_said then return end
    L.names.rtmfp = nil -- kept free for it
    L.make_servers { "rtmfp" }
  end

  -- Both ends are there before either calls: each knows the other by its peer ID, as by a number out of a book.
  function L.standard.C(host, _, s)
    local c = open_c(host, { server = s.server, connect = s.connect, parent_death = s.parent_death, media = s.media, ask = s.ask, transport = s.transport, fallback = s.fallback })
    L.spawn(host, function()
      while not rawget(c, "other") do L.block(core.now()) end
      c:call(c.other)
      L.require("lib.c").keep(c, { via = s.via })
    end)
    return c
  end

  function L.part_methods(_, maker)
    maker("C", "open", open_c)
  end
end
