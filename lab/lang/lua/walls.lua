-- Walls and the ways through them: the IPv6 half of NATs, the own hosts of firewalls, with their proxies and portals, plain TCP sockets.
return function(L)
  local NET, LIST = L.NET, L.LIST
  local core = L.core
  local zero = { delay = 0, jitter = 0, rate = 0, queue = 0, loss = 0, burst = 0, mtu = 0 }

  ---------------------------------------------------------------------------------------------------------------- dual stack
  -- What a NAT of IPv4 made by `behind` does to IPv6, when the host wants IPv6; nil: nothing, it knows IPv4 alone.
  function L.six_of(spec, path)
    local wants = spec.family == "dual" or spec.family == "v6"
    if spec.ipv6 and not wants then L.fail('%s.ipv6: is of use with family = "dual"', path) end
    if spec.ipv6 and (spec.behind == nil or L.is(spec.behind, "Box")) then L.fail("%s.ipv6: no NAT is made here; say it where one is", path) end
    return wants and (spec.ipv6 or "stateful") or nil, spec.ipv6 ~= nil
  end
  function L.no_six(box)
    if box.kind ~= "nat" then L.fail("there is no IPv6 behind %s", box.label) end
    L.fail('%s hands on no IPv6; write t:nat { "%s", "%s", ipv6 = "stateful" }', box.label, box.label, box.profile)
  end

  -- The other half of a home router: NAT `box` hands IPv6 on as it is, and what may come in is decided by a firewall between it and its LAN,
  -- of which IPv4 knows nothing. Its hosts have addresses of a prefix of their own. `spec`: the firewall's policy, or one with changes.
  function L.make_six(Box, box, parent, spec, path)
    if type(spec) == "string" then spec = { spec } end
    local policy, name, set = spec[1], box.label .. "-v6", nil
    if core.kind(policy or "") ~= "firewall" then L.fail('%s.ipv6: no policy "%s"%s', path, tostring(policy), L.profile_hint(tostring(policy), core.names "firewall")) end
    if not parent.gateway6 then L.fail("%s.ipv6: there is no IPv6 outside %s", path, box.label) end
    for k, v in next, spec do
      if k ~= 1 then
        set = set or {}
        set[k] = v
      end
    end
    local access = core.access(policy, set)
    if access.own or access.tunnel then L.fail("%s.ipv6: %s has more than a firewall; put it in front, by behind", path, policy) end
    local own, prefix = parent:alloc "v6", parent:prefix6()
    parent:claim(own, box.at, box.label)
    core.name(own, box.label)
    core.nat_route6(box.node, own, parent.gateway6)
    if policy ~= "none" or set then
      if L.names[name] then L.fail('the name "%s" is taken', name) end
      L.names[name] = true
      local node = core.firewall(name, policy, set)
      core.fw_only(node, 6)
      core.fw_inside(node, prefix .. "/64", true)
      core.link(name, node, 1, box.node, 0, zero, zero)
      rawset(box, "guard", L.new(Box, { node = node, label = name, kind = "firewall", profile = policy, fields = set, only = "v6", wire = box.wire, [NET] = { parent = parent }, where = L.where() }))
    end
    return { gateway6 = "fe80::1", bits6 = 64, subnet6 = prefix, routes6 = parent, through_port = box.at }
  end

  -- A new prefix for the hosts of `box`, that they have addresses of from now on.
  function L.renumber_six(box)
    local net, guard = box[NET], rawget(box, "guard")
    local old = net.subnet6
    net.subnet6, net.next6 = net:prefix6(), 1
    if guard then
      core.fw_inside(guard.node, old .. "/64", false)
      core.fw_inside(guard.node, net.subnet6 .. "/64", true)
    end
    for _, host in ipairs(L.host_list) do
      for _, iface in ipairs(host[LIST]) do
        local at = iface[NET]
        while at.through do at = at.through end
        for i, ip in ipairs(at == net and iface.ips or {}) do
          if ip:sub(1, #old) == old then L.readdress(iface, i) end
        end
      end
    end
  end

  ---------------------------------------------------------------------------------------------------------------- own hosts

  -- The host beside a firewall: reached from inside by the addresses that `access` names, its own connections leave outside, in the families
  -- that there are.
  L.proxies = {}
  function L.make_own_host(box, access, parent, policy, set)
    local name = box.label .. "-own"
    local node = core.host(name)
    local out = core.iface(node, "out")
    local wire, at = L.plug(parent, node, out, name .. ".out", nil, parent.public and "fiber" or "lan", "firewall.own")
    local ips = {}
    access.outside = {}
    local function outside(family, bits, gateway)
      if not gateway then return end
      local ip = parent:alloc(family)
      access.outside[family] = ip
      core.host_addr(node, out, ip, bits)
      parent:claim(ip, at, name)
      core.host_gateway(node, out, gateway)
      core.name(ip, name)
      ips[#ips + 1] = ip
    end
    outside("v4", parent.bits4, parent.gateway4)
    outside("v6", parent.bits6, parent.gateway6)
    local inside = core.iface(node, "in")
    core.link(name .. ".in", node, inside, box.node, core.fw_own(box.node, access.own), zero, zero)
    core.host_addr(node, inside, access.own, 32)
    core.host_gateway(node, inside, access.own)
    if parent.gateway6 then
      core.fw_own(box.node, access.own6)
      core.host_addr(node, inside, access.own6, 128)
      core.host_gateway(node, inside, access.own6)
    end
    local app = core.own_app(node, box.node, policy, set)
    rawset(box, "proxy", app)
    rawset(box, "access", access)
    rawset(box, "own_out", { wire = wire, ips = ips, net = parent }) -- how its own connections leave
    L.proxies[#L.proxies + 1] = { app = app, six = not parent.gateway4 }
  end
  -- Every proxy knows the name server from now on.
  function L.tell_proxies_names()
    local four, six = L.name_server()
    for _, p in ipairs(L.proxies) do core.own_resolver(p.app, p.six and six or four) end
  end

  ---------------------------------------------------------------------------------------------------------------- the relay over WebSocket
  -- The ways of `host` to a relay over WebSocket, URIs "ws://ws", "wss://ws:443" whose hosts are hosts of the case, as b_new and the oracle take
  -- them: by each family that both have, and by the proxy of the network where that has one. nil: there are none.
  local WEB_PORTS = { ws = 80, wss = 443, udp = 443 }
  function L.web_ways(list, host, what, dgrams)
    if type(list) == "string" then list = { list } end
    local out, from = { managed = rawget(host, "managed") }, {}
    for _, iface in ipairs(host[LIST]) do
      for _, ip in ipairs(iface.ips) do
        local six = ip:find(":", 1, true) ~= nil
        from[six] = from[six] or { iface = iface, ip = ip }
      end
    end
    for _, uri in ipairs(list or {}) do
      local scheme, name, port = tostring(uri):match "^(%l+)://([%w-]+):?(%d*)/?$"
      local usual = WEB_PORTS[scheme]
      port = port == "" and usual or math.tointeger(tonumber(port))
      if scheme == "udp" and not dgrams then usual = nil end
      if not usual or not port or port < 1 or port > 65535 then L.fail('%s: "%s" is no relay; write "ws://ws" or "wss://ws:443"', what, tostring(uri)) end
      local relay = name == "ws" and L.server.ws or L.hosts[name] or L.fail('%s: "%s" is no host of this case%s', what, name, L.nearest(name, L.keys(L.hosts)))
      if out.relay and out.relay ~= relay then L.fail("%s: %s and %s: of one relay, as both ends meet there", what, out.relay.label, name) end
      out.relay, out.name = relay, L.full_name(name)
      for _, ip in ipairs(relay[LIST][1].ips) do
        local six = ip:find(":", 1, true) ~= nil
        local way = from[six] and { addr = (six and "[%s]:%d" or "%s:%d"):format(ip, port), ip = ip, port = port, tls = scheme == "wss", udp = scheme == "udp", from = from[six] }
        if way then
          way.via = not way.udp and L.proxy_at(way.from.iface, way.from.ip) or nil
          out[#out + 1] = way
        end
      end
    end
    if #out > 8 then L.fail("%s: at most 8 ways, of 2 families", what) end
    return #out > 0 and out or nil
  end
  -- What `spec` of a call says of `host`: how its app reaches the relay over WebSocket, as URIs; nil: not at all.
  function L.web_uris(spec, host, dgrams)
    if type(spec) == "table" then
      for _, k in ipairs(L.keys(spec)) do if not L.hosts[k] then L.fail('call.ws: no host "%s"%s', tostring(k), L.nearest(tostring(k), L.keys(L.hosts))) end end
      spec = spec[host.label]
    end
    local words = L.schema.vocab.names "ws_by"
    local known = spec == nil
    for _, word in ipairs(words) do known = known or word == spec end
    if not known then L.fail('call.ws: no "%s"%s', tostring(spec), L.nearest(tostring(spec), words)) end
    local out = {}
    if spec == "udp" and not dgrams then L.fail 'call.ws: "udp" is for the relay object of model D' end
    for _, way in ipairs(L.servers.ws and { { "udp", dgrams and L.ws_by.udp[1] }, { "ws", L.ws_by.tcp[1] }, { "wss", L.ws_by.tls[1] } } or {}) do
      if way[2] and (spec == nil or spec == way[1]) then out[#out + 1] = ("%s://ws:%d"):format(way[1], way[2]) end
    end
    return #out > 0 and out or nil
  end
  local ENDS, PASSES, UNSURE = 0, 1, 2
  -- What the box nearest to `iface` that answers in the place of relay `name` makes of WebSocket there: an inspector takes the upgrade out of what
  -- it reads, which it does of TLS where the host trusts it; it lets be what it does not decrypt. A portal says so.
  local function caught_at(host, iface, name, tls)
    local net = iface[NET]
    while net.box and not rawget(net.box, "access") do net = net.parent end
    local access = net.box and rawget(net.box, "access")
    if not access or access.portal then return ENDS end
    if not tls then return access.strips == 1 and ENDS or UNSURE end
    if not access.intercepts then return PASSES end
    for pattern in access.passes:gmatch "[^,%s]+" do
      if pattern == name or pattern:sub(1, 2) == "*." and name:sub(-#pattern + 1) == pattern:sub(2) then return PASSES end
    end
    if not rawget(host, "managed") then return ENDS end
    return access.strips == 1 and ENDS or UNSURE
  end
  -- The proxy by which `way` goes, for the oracle: { via, box, proxy, outside, out, tunnels, asks }.
  local function proxy_of(w, way)
    local net, six = way.from.iface[NET], way.from.ip:find(":", 1, true) ~= nil
    while not (rawget(net.box, "access") and (net.box.access.proxy or net.box.access.proxy6)) do net = net.parent end
    local access, out, port = net.box.access, L.wire_of(net.box.own_out.wire), math.tointeger(tonumber(way.via:match ":(%d+)$"))
    local tunnels = access.proxy_ports == nil
    for _, p in ipairs(access.proxy_ports or {}) do tunnels = tunnels or p == way.port end
    return {
      via = way.via:find "^http" and 1 or 2, box = w.inside(net.box) - 1, outside = access.outside[six and "v6" or "v4"], out = out, tunnels = tunnels,
      asks = way.via:find("@", 1, true) and 1 or 0, proxy = { [six and "six" or "four"] = six and access.own6 or access.own, port = port },
    }
  end
  -- Way `way` of `host`, one of `ways`, for the oracle's world `w`.
  local function web_of(host, w, way, ways, server_of)
    local to = server_of(ways.relay, way.port)
    local one = { port = way.port, rtt = to.rtt, slack = to.slack, tls = way.tls, udp = way.udp, caught = caught_at(host, way.from.iface, ways.name, way.tls) }
    one[way.ip:find(":", 1, true) and "six" or "four"] = way.ip
    return way.via and L.merge(one, proxy_of(w, way)) or one
  end
  -- The ways of `host` to the relay over WebSocket in call `s`, for the oracle's world `w`.
  function L.webs_of(host, w, s, server_of)
    local dgrams = s.model == "D"
    local ways, out = L.web_ways(L.web_uris(s.ws, host, dgrams), host, "call.ws", dgrams), {}
    for i, way in ipairs(ways or {}) do out[i] = web_of(host, w, way, ways, server_of) end
    return out
  end
  -- The way of `host` to the WebSocket of `server`, model C's in call `s`, likewise: a list of one, or none.
  function L.rtmfp_webs_of(host, w, s, server, server_of)
    local way = rawget(server, "rtmfp_web") and L.rtmfp_web_way(host, server, { transport = s.transport }, "call")
    local ways = way and L.web_ways(("wss://%s:%d"):format(server.label, server.rtmfp_web.tls_port), host, "call.transport")
    for _, one in ipairs(ways or {}) do
      if one.addr == way.addr then return { web_of(host, w, one, ways, server_of) } end
    end
    if s.transport == "ws" then L.rtmfp_web_way(host, server, { transport = "ws" }, "call") end -- says what is missing
    return {}
  end

  ---------------------------------------------------------------------------------------------------------------- plain TCP
  local Tcp = L.class("Tcp", L.Source)
  local function number(host, what)
    local n = host.apps + 1
    rawset(host, "apps", n)
    return host.label .. "/" .. (what or "tcp") .. n
  end
  local function socket(host, label, app)
    local s = L.source(Tcp, { host = host, label = label, app = app })
    L.register(app, s)
    return s
  end
  -- What the certificate of a server on `host` says: its name, and its addresses.
  local function names_of(host)
    local all = { L.full_name(host.label) }
    for _, iface in ipairs(host[LIST]) do for _, ip in ipairs(iface.ips) do if #all < 8 then all[#all + 1] = ip end end end
    return all
  end
  L.names_of = names_of
  local App = L.class("App", L.Source)
  L.method(Tcp, "send", function(self, data)
    if type(data) ~= "string" then L.fail("send: text, not a %s", type(data)) end
    return core.tcp_send(self.app, data)
  end)
  L.method(Tcp, "finish", function(self) return core.tcp_finish(self.app) end)
  L.method(Tcp, "close", function(self) core.tcp_close(self.app, false) end)
  L.method(Tcp, "abort", function(self) core.tcp_close(self.app, true) end)

  -- Relays of datagrams over WebSocket: a server on any host, and clients in its rooms, by proxies and TLS where there are some.
  local Server, Client = L.class "RelayServer", L.class("RelayClient", L.Source)
  Server.getters.stats = function(o) return L.readonly(core.relay_server_stats(o.app), "stats", {}) end
  Client.getters.stats = function(o) return L.readonly(core.relay_stats(o.app), "stats", {}) end
  L.method(Client, "send", function(self, data)
    if type(data) ~= "string" then L.fail("send: text, not a %s", type(data)) end
    return core.relay_send(self.app, data)
  end)
  L.method(Client, "close", function(self) core.relay_close(self.app) end)

  -- The address of `server` in a family that `host` has.
  local function address(host, server)
    local has = {}
    for _, iface in ipairs(host[LIST]) do for _, ip in ipairs(iface.ips) do has[ip:find(":", 1, true) and 6 or 4] = true end end
    for _, ip in ipairs(server[LIST][1].ips) do if has[ip:find(":", 1, true) and 6 or 4] then return ip end end
    return server[LIST][1].ips[1]
  end

  function L.wall_methods(Host)
    -- host:reach { bob, 443, proto = "tcp", within = "10s" } -> what the oracle says, not to be written
    L.method(Host, "reach", function(self, s)
      L.check("reach", s)
      if not s[1][LIST][1][NET].public then L.fail("reach: %s is not at the internet: the oracle tells of servers there", s[1].label) end
      local patience = L.time(s.within or "10s", "reach.within")
      return L.readonly((L.predict_reach(self, s[1], s[2], s.proto == "tcp", patience)), "reach")
    end)
    -- host:serve { "echo4571", port = 7000 } -> what it tells: open, closed
    L.method(Host, "serve", function(self, s)
      L.check("serve", s)
      local names = {}
      while core.named(#names) do names[#names + 1] = core.named(#names) end
      local known = false
      for _, name in ipairs(names) do known = known or name == s[1] end
      if not known then
        L.fail('serve: no app "%s"%s; there are: %s', s[1], L.nearest(s[1], names), table.concat(names, " "))
      end
      local label = number(self, "app")
      local app = core.serve(self.node, label, s[1], s.port)
      local source = L.source(App, { host = self, label = label, app = app })
      if s[1] ~= "turn" then
        rawset(source, "tells_only", { open = true, closed = true })
        rawset(source, "tells_as", ('app "%s"'):format(s[1]))
        rawset(source, "tells_else", { up = 'the app "turn"', down = 'the app "turn"' })
      end
      L.register(app, source)
      return source
    end)
    Host.getters.tcp = function(o)
      local m, view = {}, nil
      function m.connect(self, s)
        if self ~= view then L.fail "tcp.connect: write a colon: host.tcp:connect { ... }" end
        L.check("connect", s)
        local addr, name = s[1], nil
        if not core.is_addr(addr) then
          local port
          name, port = addr:match "^([%w.-]+):(%d+)$"
          if not name then L.fail('connect: "%s" is no address with a port', addr) end
          if not s.via then L.fail("connect: %s is a name: host:resolve finds its address, or a proxy does", name) end
          L.tell_proxies_names()
          addr, name = "0.0.0.0:" .. port, L.full_name(name)
          if not core.is_addr(addr) then L.fail('connect: "%s" is no port', port) end
        end
        local label = number(o)
        local whose = s.tls or nil
        if s.tls == true then whose = name or addr:match "^%[(.*)%]" or addr:match "^([^:]*)" end
        return socket(o, label, core.tcp_connect(o.node, label, addr, s.via, name, s.nodelay == true, whose, rawget(o, "managed"), s.from or 0))
      end
      function m.listen(self, s)
        if self ~= view then L.fail "tcp.listen: write a colon: host.tcp:listen { ... }" end
        L.check("listen", s)
        if s[1] < 1 or s[1] > 65535 then L.fail("listen: %d is no port", s[1]) end
        local label = number(o)
        local names = s.tls and (s.tls == true and names_of(o) or { s.tls }) or nil
        return socket(o, label, core.tcp_listen(o.node, label, s[1], s.echo == true, s.nodelay == true, names))
      end
      view = L.readonly(m, "tcp", {}, "")
      return view
    end
    Host.getters.relay = function(o)
      local m, view = {}, nil
      function m.serve(self, s)
        if self ~= view then L.fail "relay.serve: write a colon: host.relay:serve { ... }" end
        s = L.check("relay_serve", s or {})
        local label = number(o, "relay")
        return L.new(Server, { host = o, label = label, app = core.relay_server(o.node, label, s.port or 80, s.tls_port or 443, names_of(o)) })
      end
      function m.join(self, s)
        if self ~= view then L.fail "relay.join: write a colon: host.relay:join { ... }" end
        L.check("relay_join", s)
        if not s[1][LIST][1][NET].public then L.fail("relay.join: %s is not at the internet", s[1].label) end
        local ip, tls = address(o, s[1]), s.tls ~= false and s.tls or nil
        local name = L.full_name(s[1].label)
        local to = (ip:find(":", 1, true) and "[%s]:%d" or "%s:%d"):format(ip, s.port or tls and 443 or 80)
        local label = number(o, "relay")
        local app = core.relay_client(o.node, label, to, not s.via and name or nil, s.room, s.name or o.label, s.via, tls == true and name or tls, rawget(o, "managed"))
        local source = L.source(Client, { host = o, label = label, app = app })
        L.register(app, source)
        return source
      end
      view = L.readonly(m, "relay", {}, "")
      return view
    end
  end
end
