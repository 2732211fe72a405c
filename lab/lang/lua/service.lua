-- Services of a network: port mappings on boxes, names, DNS64. They come to be when somebody first uses them.
return function(L)
  local NET, LIST = L.NET, L.LIST
  local core = L.core
  local NAMES = { [0] = "ok", "unsupported version", "not authorized", "malformed request", "unsupported opcode", "unsupported option", "malformed option",
    "network failure", "no resources", "unsupported protocol", "quota exceeded", "cannot provide external", "address mismatch", "too many remote peers" }
  local PROTO = { udp = 17, tcp = 6 }

  -- By which transports server `name` is up, and on which port of each: `spec`, else `usual`. A list without a port: not by that.
  function L.served(spec, name, usual)
    local out, any = {}, false
    for k, ports in L.pairs(usual) do
      out[k] = spec and spec[k] or ports
      if type(out[k]) ~= "table" then L.fail("internet.%s.%s: a list of one port, or {}", name, k) end
      if #out[k] > 1 then L.fail("internet.%s.%s: at most 1 port", name, k) end
      if out[k][1] then L.check_type("port", out[k][1], ("internet.%s.%s[1]"):format(name, k)) end
      any = any or #out[k] > 0
    end
    if not any then L.fail("internet.%s: neither %s", name, table.concat(L.keys(usual), " nor ")) end
    return out
  end

  ---------------------------------------------------------------------------------------------------------------- hosts that are devices
  -- The node of host `s` where a TUN device of this machine is to be it, else nil.
  function L.edge_node(s)
    local device = core.edge_device(s[1])
    if not device then return nil end
    if #s > 1 then L.fail("host %s is device %s of this machine, and has one interface", s[1], device) end
    for _, k in ipairs { "tcp", "link_local" } do if s[k] then L.fail("host.%s: %s is device %s of this machine, which has a kernel of its own", k, s[1], device) end end
    local node, why = core.edge(s[1])
    return node or error({ kind = "error", where = L.where(), text = ("host %s is to be device %s: %s"):format(s[1], device, why:gsub("NAME", device)) }, 0)
  end
  -- The machine must have address `ip` of host `host` on its device.
  function L.edge_addr(host, ip)
    if core.edge_has(host.node, ip) then return end
    local what = ip .. (ip:find(":", 1, true) and "/128" or "/32")
    L.fail("host %s has %s in this world, and device %s has not: ip addr add %s dev %s", host.label, ip, host.device, what, host.device)
  end
  -- By the wall clock: how late the world was is a number of the case. Later than the least time after which anybody repeats a packet (RFC 8445
  -- section 14.3), what was seen is the machine's doing, and nothing is judged. Returns the error then.
  local UNCLEAN = 500000000
  function L.edge_lateness()
    local late, unused = core.edge_late(), core.edge_unused()
    if unused then return { kind = "error", where = L.file, text = ('--edge: no host "%s" in this case%s'):format(unused, L.nearest(unused, L.keys(L.hosts))) } end
    if not late then return nil end
    L.metrics.wall_late = late
    if late <= UNCLEAN then return nil end
    return { kind = "error", where = L.file, text = ("unclean: the machine was %s behind the wall clock, more than %s"):format(L.show_time(late), L.show_time(UNCLEAN)) }
  end

  -- The box's own host, behind a wire of its own.
  local function own_host(box)
    if rawget(box, "own") then return box.own end
    local name, net = box.label .. "-self", box[NET]
    local node, port = core.host(name), core.nat_self(box.node)
    local zero = { delay = 0, jitter = 0, rate = 0, queue = 0, loss = 0, burst = 0, mtu = 0 }
    local i = core.iface(node, "eth")
    core.link(box.label .. ".self", node, i, box.node, port, zero, zero)
    local ip = net.gateway4 or net.gateway6
    core.host_addr(node, i, ip, ip:find(":", 1, true) and 128 or 32)
    core.host_gateway(node, i, ip)
    rawset(box, "own", node)
    return node
  end

  local function number(host, what)
    local n = host.apps + 1
    rawset(host, "apps", n)
    return host.label .. "/" .. what .. n
  end

  -- Waits in small steps until f returns something, or until_ is past.
  local function poll(until_, f)
    while true do
      local r = table.pack(f())
      if r[1] ~= nil then return table.unpack(r, 1, r.n) end
      if core.now() >= until_ then return nil end
      L.block(math.min(core.now() + 10000000, until_), function() end)
    end
  end

  -- The prefix of the NAT64 that a host stands behind, nil for any other box.
  local function pref64(box)
    local family, prefix = core.nat_family(box.node)
    return family == 64 and prefix or nil
  end

  -- { "198.51.100.0/24", "203.0.113.7:5000" } as the box is asked for it.
  local function filters_of(list, box, what)
    local out = {}
    for i, text in ipairs(list) do
      out[i] = type(text) == "string" and core.filter(text, pref64(box))
        or L.fail('%s[%d]: %s is no address or prefix, with or without a port: "198.51.100.0/24" "203.0.113.7:5000"', what, i, type(text) == "string" and '"' .. text .. '"' or type(text))
    end
    if #out > 16 then L.fail("%s: at most 16", what) end
    return out
  end

  local Mapping = L.class "Mapping"
  function L.service_methods(Host)
    L.method(Mapping, "release", function(self)
      core.map_release(self.app)
      L.block(core.now(), function() end)
    end)
    -- mapping:filter { "198.51.100.0/24" } -> true, or nil and why not; {} lets everybody in
    L.method(Mapping, "filter", function(self, list)
      if type(list) ~= "table" then L.fail("filter: expected a list of addresses, not %s", type(list)) end
      local fine, why = core.map_filter(self.app, filters_of(list, self.box, "filter"))
      if not fine then return nil, why end
      local state, a = poll(core.now() + self.patience, function() return core.map_state(self.app) end)
      if state == "mapped" then return true end
      return nil, state and NAMES[a] or "no answer"
    end)
    L.method(Mapping, "ask", function(self)
      core.map_ask(self.app)
      L.block(core.now(), function() end)
    end)
    Mapping.getters.alive = function(o) return core.map_state(o.app) == "mapped" end

    -- host:map_port { 5000, external = 6000, proto = "udp", lifetime = "2h", within = "10s", by = "upnp" } -> Mapping, or nil and why not
    -- by PCP also: peer = "198.51.100.1:9" (a held flow), third_party = host, exactly = true, filter = { ... }
    L.method(Host, "map_port", function(self, s)
      L.check("map_port", s)
      local iface = self[LIST][1]
      local box = iface[NET].box or L.fail("map_port: %s is at the internet, nothing maps its ports", self.label)
      local serves = core.serves(box.node)
      if serves ~= 0 and not rawget(box, "maps") then
        if serves & 6 ~= 0 then core.portmap_server(own_host(box), box.node) end
        if serves & 1 ~= 0 and iface[NET].gateway4 then core.igd(own_host(box), box.node) end
        rawset(box, "maps", true)
      end
      -- Which protocol: the one asked for, or PCP and NAT-PMP where the box speaks either, or UPnP.
      local upnp = s.by == "upnp" or (s.by == nil and serves == 1)
      if upnp and not iface[NET].gateway4 then L.unsupported("map_port: UPnP over IPv6 is not built yet") end
      local only = s.peer and "peer" or s.third_party and "third_party" or s.exactly and "exactly" or s.filter and "filter"
      if upnp and only then L.fail("map_port: %s takes PCP, and %s", only, s.by and 'this asks by "upnp"' or box.label .. " speaks only UPnP") end
      if s.peer and (s.exactly or s.filter) then L.fail("map_port: peer holds a flow, which has no %s", s.exactly and "exactly" or "filter") end
      if s.exactly and not s.external then L.fail "map_port: exactly which external port?" end
      local peer = s.peer and (core.reads_as(s.peer, pref64(box)) or L.fail('map_port.peer: "%s" is no address with a port', s.peer))
      local third = s.third_party and s.third_party:addr()
      local patience = s.within and L.time(s.within, "map_port.within") or 10000000000
      local life = s.lifetime and L.time(s.lifetime, "map_port.lifetime") // 1000000000 or 7200
      if patience == 0 then L.fail "map_port.within: a time above 0, for the answer to come" end
      if life == 0 then L.fail "map_port.lifetime: at least 1s; mapping:release() ends one" end
      local app = core.map_port(self.node, number(self, "map"), iface[NET].gateway4 or iface[NET].gateway6, PROTO[s.proto or "udp"], s[1], s.external or 0, life, patience, upnp,
        peer, third, s.exactly, filters_of(s.filter or {}, box, "map_port.filter"))
      local state, a, how, lifetime = poll(core.now() + patience, function() return core.map_state(app) end)
      if state == "mapped" then return L.new(Mapping, { app = app, addr = a, how = how, lifetime = L.duration(lifetime), host = self, box = box, patience = patience }) end
      core.app_remove(app)
      return nil, state and NAMES[a] or "no answer"
    end)

    -- The name server at the internet that knows every host there by its name, as they stand now: its addresses of IPv4 and IPv6.
    function L.name_server()
      if not L.names_app then
        local dns = L.make_host { "names", link = { delay = "0ms" }, family = "dual" }
        L.dns_host, L.names_app, L.dns_known = dns, core.dns_server(dns.node), {}
      end
      for _, h in ipairs(L.host_list) do
        for _, iface in ipairs(h[LIST]) do
          for _, ip in ipairs(iface[NET].public and iface.ips or {}) do
            if not L.dns_known[h.label .. " " .. ip] then
              core.dns_name(L.names_app, L.full_name(h.label), ip)
              L.dns_known[h.label .. " " .. ip] = true
            end
          end
        end
      end
      return table.unpack(L.dns_host[LIST][1].ips)
    end
    -- A name without a dot is a host's.
    function L.full_name(name)
      name = name:lower()
      return name:find(".", 1, true) and name or name .. ".tank"
    end
    local function has_four(host)
      for _, iface in ipairs(host[LIST]) do
        for _, ip in ipairs(iface.ips) do if not ip:find(":", 1, true) then return true end end
      end
      return false
    end
    -- What `host` asks: that, by the family that it has, or in a NAT64 one that makes IPv6 addresses.
    function L.resolver_of(host)
      local net = host[LIST][1][NET]
      local four, far6 = L.name_server()
      if not net.through6 then return (net.six or not has_four(host)) and far6 or four end
      if not rawget(net.box, "names") then
        local _, prefix = core.nat_family(net.box.node)
        core.dns64(own_host(net.box), far6, prefix)
        rawset(net.box, "names", true)
      end
      return net.gateway6
    end
    -- host:resolve("ben") -> addresses of the host's families, IPv6 first; nil and why not
    L.method(Host, "resolve", function(self, name)
      if type(name) ~= "string" then L.fail("resolve: a name, not a %s", type(name)) end
      local server = L.resolver_of(self)
      local has = {}
      for _, iface in ipairs(self[LIST]) do
        for _, ip in ipairs(iface.ips) do has[ip:find(":", 1, true) and 6 or 4] = true end
      end
      local app = core.resolve(self.node, number(self, "resolve"), server, L.full_name(name), has[4] == true, has[6] == true)
      local rcode, list = poll(core.now() + 7000000000, function() return core.resolved(app) end)
      core.app_remove(app)
      if rcode == 0 and #list > 0 then return list end
      return nil, rcode == 3 and "no such name" or rcode == 0 and "no address of this family" or "no answer"
    end)
    -- Address `ip` as this host reaches it: under the prefix of its NAT64 where it has IPv6 alone.
  end
end
