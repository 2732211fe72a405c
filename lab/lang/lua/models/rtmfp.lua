-- RTMFP in scenarios: plain ends with one peer each, and NetConnections with NetStreams under them, as Flash has them (model C stands on
-- these).
return function(L)
  local core, Source = L.core, L.Source
  local PORT = 1935

  local function positive(v, what)
    local ns = v and L.time(v, what)
    if ns and ns <= 0 then L.fail("%s: must be above 0", what) end
    return ns
  end
  -- The addresses of `server` that `host` can ask, for `what`.
  local function addresses(server, host, what)
    if not rawget(server, "introduces") then L.fail("%s.server: %s introduces nobody: %s:serve_rtmfp() first", what, server.label, server.label) end
    return L.reachable(server, host, PORT)
  end

  ---------------------------------------------------------------------------------------------------------------- plain ends
  local Rtmfp = L.class("Rtmfp", Source)
  local function open_rtmfp(host, s)
    s = L.check("rtmfp", s or {})
    local at, label = addresses(s.server, host, "rtmfp"), L.app_name(host, "rtmfp")
    local app = core.rtmfp_open(host.node, label, { stun = at, keepalive = positive(s.keepalive, "rtmfp.keepalive"), death = positive(s.death, "rtmfp.death"),
      window = s.window and core.unit("Size", s.window) or nil })
    local r = L.source(Rtmfp, { host = host, label = label, app = app })
    L.register(app, r)
    return r
  end
  Rtmfp.getters.peer_id = function(o) return core.rtmfp_id(L.app_of(o)) end
  L.method(Rtmfp, "call", function(self, far)
    if not L.is(far, "Rtmfp") then L.fail("call: another end of RTMFP, not %s", L.show(far)) end
    if far == self then L.fail("call: %s cannot call itself", self.label) end
    return core.rtmfp_call(L.app_of(self), L.app_of(far))
  end)
  L.method(Rtmfp, "send", function(self, data) return core.rtmfp_send(L.app_of(self), L.text(data, "send")) end)
  L.method(Rtmfp, "close", function(self) return core.rtmfp_close(L.app_of(self)) end)

  ---------------------------------------------------------------------------------------------------------------- connections
  local NetConnection, NetStream = L.class("NetConnection", Source), L.class("NetStream", Source)

  -- The stream of connection `nc` that core knows as `no`.
  local function stream(nc, no)
    local s = L.source(NetStream, { host = nc.host, label = ("%s/%d"):format(nc.label, no), app = nc.app, media = no })
    L.register(nc.app, s)
    return s
  end
  -- How `host` reaches the WebSocket of `server`, as core takes it for `what`; nil: it has none, or `s` does not want it.
  function L.rtmfp_web_way(host, server, s, what)
    local ports = rawget(server, "rtmfp_web")
    if s.transport == "ws" and not ports then L.fail("%s.transport: %s has no WebSocket: %s:serve_rtmfp { web = true }", what, server.label, server.label) end
    if s.transport == "udp" or not ports then
      if s.via then L.fail("%s.via: a proxy leads to a WebSocket, and there is none to be used", what) end
      return nil
    end
    local at, tls = L.reachable(server, host, s.tls == false and ports.port or ports.tls_port), s.tls ~= false
    if #at == 0 then return nil end
    local ip = at[1]:match "^%[(.*)%]" or at[1]:match "^([^:]*)"
    local via, name = s.via, L.full_name(server.label)
    for _, iface in ipairs(host[L.LIST]) do
      for _, own in ipairs(iface.ips) do
        if not via and (own:find(":", 1, true) ~= nil) == (ip:find(":", 1, true) ~= nil) then via = L.proxy_at(iface, own) end
      end
    end
    return { addr = at[1], via = via, host = not via and name or nil, tls = tls and (type(s.tls) == "string" and s.tls or name) or nil,
      managed = rawget(host, "managed"), fallback = positive(s.fallback, what .. ".fallback"), only = s.transport == "ws" }
  end
  local function open_connection(host, s)
    s = L.check("netconnection", s or {})
    local at, label = addresses(s.server, host, "netconnection"), L.app_name(host, "netconnection")
    local uri = s.uri or ("rtmfp://%s/app"):format(s.server.label)
    if #uri > 255 then L.fail("netconnection.uri: 255 bytes at most, not %d", #uri) end
    local app = core.nc_open(host.node, label, uri, {
      stun = at, keepalive = positive(s.keepalive, "netconnection.keepalive"), death = positive(s.death, "netconnection.death"),
      open = positive(s.connect, "netconnection.connect"), ask = s.ask and 1 or 0, cascade = s.parent_death == "cascade" and 1 or 0,
      web = L.rtmfp_web_way(host, s.server, s, "netconnection"),
    })
    local nc = L.source(NetConnection, { host = host, label = label, app = app })
    L.register(app, nc)
    -- A subscriber comes to be when a peer does: its stream is made before anybody hears of it.
    L.apps[app].session = function(name, fields)
      if name == "subscriber" then fields.stream, fields.number = stream(nc, fields.number), nil end
    end
    return nc
  end
  NetConnection.getters.transport = function(o) return core.nc_transport(L.app_of(o)) end
  NetConnection.getters.peer_id = function(o) return core.nc_id(L.app_of(o)) end
  L.method(NetConnection, "connect", function(self) return core.nc_connect(L.app_of(self)) end)
  L.method(NetConnection, "close", function(self) core.nc_close(L.app_of(self)) end)
  L.method(NetConnection, "stream", function(self, s)
    s = L.check("stream_from", s or {})
    if (s.from == nil) == (s.via == nil) then L.fail 'stream: one of from = the connection whose stream is played, via = "server" or "direct"' end
    if s.from == self then L.fail("stream: %s does not play from itself", self.label) end
    local no, why = core.nc_stream(L.app_of(self), s.via or L.app_of(s.from))
    if not no then return nil, why end
    return stream(self, no)
  end)

  ---------------------------------------------------------------------------------------------------------------- streams
  L.method(NetStream, "publish", function(self, name) return core.nc_publish(L.app_of(self), self.media, L.text(name, "publish")) end)
  L.method(NetStream, "play", function(self, name) return core.nc_play(L.app_of(self), self.media, L.text(name, "play")) end)
  L.method(NetStream, "send", function(self, data, s)
    s = L.check("stream_send", s or {})
    return core.nc_send(L.app_of(self), self.media, L.text(data, "send"), s.type, positive(s.lifetime, "send.lifetime"))
  end)
  L.method(NetStream, "accept", function(self) return core.nc_accept(L.app_of(self), self.media, true) end)
  L.method(NetStream, "refuse", function(self) return core.nc_accept(L.app_of(self), self.media, false) end)
  L.method(NetStream, "close", function(self) return core.nc_end(L.app_of(self), self.media) end)
  NetStream.getters.path = function(o) return (core.nc_path(L.app_of(o), o.media)) end
  NetStream.getters.far = function(o) return select(2, core.nc_path(L.app_of(o), o.media)) end

  ---------------------------------------------------------------------------------------------------------------- servers
  -- A host that introduces ends of RTMFP to each other, and relays what they publish.
  local Introducer = L.class "Introducer"
  Introducer.getters.stats = function(o) return L.readonly(core.rtmfp_stats(L.app_of(o)), "stats", {}) end
  function L.serve_rtmfp(host, s)
    s = L.check("serve_rtmfp", s or {})
    if rawget(host, "introduces") then L.fail("serve_rtmfp: %s does already", host.label) end
    local ports = s.web == true and {} or s.web or nil
    if ports then
      ports = { port = ports.port or 80, tls_port = ports.tls_port or 443 }
      if ports.port == ports.tls_port then L.fail("serve_rtmfp.web: two ports that differ, not %d twice", ports.port) end
    end
    rawset(host, "introduces", true)
    rawset(host, "rtmfp_web", ports)
    local app = core.rtmfp_server(host.node, s.redirect ~= false, s.forward ~= false, positive(s.lifetime, "serve_rtmfp.lifetime"),
      positive(s.keepalive, "serve_rtmfp.keepalive"), ports and ports.port, ports and ports.tls_port, ports and L.names_of(host))
    return L.new(Introducer, { host = host, label = host.label, app = app })
  end

  function L.part_methods(_, maker)
    maker("rtmfp", "open", open_rtmfp)
    maker("netconnection", "open", open_connection)
  end
end
