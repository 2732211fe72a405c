-- Worlds from words: hosts and boxes with their interfaces, and the faults that happen to them. Nets and addresses are in nets.lua.
return function(L)
  local NET, LIST = L.NET, L.LIST
  local core = L.core
  L.names, L.hosts, L.host_list, L.links, L.faults = {}, {}, {}, {}, {}
  L.nat_list = {}

  local function claim_name(name)
    if L.names[name] then L.fail('the name "%s" is taken', name) end
    L.names[name] = true
  end

  -- Logs a fault: from here on the oracle no longer speaks for calls that are not decided.
  -- `on` is what it happens to, `lasts` how many ns until it is over by itself.
  -- `where`: the scenario's line, when it is not the one that runs.
  -- `heals`: it ends one, though `what` says the contrary; `breaks`: nothing passes from now on until it is set anew.
  function L.fault(what, text, on, lasts, where, heals, breaks)
    local f = { at = core.now(), what = what, text = text, where = where or L.where(), on = on, lasts = lasts }
    L.faults[#L.faults + 1] = f
    L.fault_begins(f, heals, breaks)
    core.fault(what, text)
  end

  ---------------------------------------------------------------------------------------------------------------- boxes
  local Box = L.class "Box"
  Box.getters.stats = function(o)
    local own = rawget(o, "proxy")
    return L.readonly(L.merge(core.box_stats(o.node), own and core.own_stats(own) or { connects = 0 }), "stats", {})
  end
  Box.getters.link = function(o) return o.wire end
  Box.getters.address = function(o)
    if o.kind ~= "nat" then L.fail("%s has no address of its own", o.label) end
    return o.ips[1]
  end
  Box.getters.gateway = function(o) return o[NET].parent.box or L.fail("%s is at the internet", o.label) end
  Box.getters.ipv6 = function(o) return rawget(o, "guard") or L.fail("%s has no firewall for IPv6", o.label) end

  local function ensure_internet()
    if not L.core_net then
      L.core_net = L.internet_net(10000000)
      L.make_servers()
    end
    return L.core_net
  end

  -- The inside of a NAT64 or NPTv6: IPv6 alone. Behind a NAT64 hosts have addresses of the net outside, by which IPv6 is routed as it is;
  -- Pref64 leads to IPv4. NPTv6 has a prefix of its own inside.
  local function net_of_six(box, parent, spec, family, prefix)
    if not parent.gateway6 then L.unsupported("%s: there is no IPv6 outside it", box.label) end
    core.nat_gateway6(box.node, parent.gateway6)
    local own, net
    if family == 64 then
      own = parent:alloc "v6"
      parent:claim(own, box.at, box.label)
      core.nat_inside(box.node, own, 64)
      net = L.lan_net(box, parent, { six = true, gateway6 = own, bits6 = 128, through6 = parent, through_port = box.at })
    else
      if not parent.public then L.unsupported("%s: NPTv6 behind another box is not built yet", box.label) end
      local site, inside = L.site_of(box.node, prefix, spec.set and spec.set.prefix, parent)
      parent:claim_prefix(site, box.at, box.label)
      own = inside .. "1"
      core.nat_inside(box.node, own, math.tointeger(site:match "/(%d+)$"))
      net = L.lan_net(box, parent, { six = true, gateway6 = own, bits6 = 64, net6 = inside })
    end
    core.name(own, box.label)
    net:box_ip(own)
    return net
  end

  -- Gives NAT `box` its IPv4 addresses outside: those that `addr` names, or the next ones of `parent`.
  local function nat_outside(box, parent, addr, path)
    local n = core.pool_size(box.node)
    local list = addr and L.addr_list(addr)
    if list and #list ~= n then L.fail("%s.addr: %s has %d address%s outside, not %d", path, box.profile, n, n == 1 and "" or "es", #list) end
    for i = 1, n do
      if list then
        local ip, _, family = L.read_addr(list[i], path .. ".addr", parent)
        if family ~= 4 then L.fail("%s.addr: %s translates to IPv4, %s is none", path, box.profile, ip) end
        box.ips[i] = ip
      else
        box.ips[i] = parent:alloc "v4"
      end
      parent:claim(box.ips[i], box.at, box.label)
      core.name(box.ips[i], box.label)
    end
    core.nat_outside(box.node, box.ips, parent.gateway4)
  end

  -- `avoid`: IPv4 nets that the inside is not to overlap.
  local function make_nat(name, profile, parent, spec, path, avoid)
    claim_name(name)
    local node = core.nat(name, profile, spec.set)
    local box = L.new(Box, { node = node, label = name, kind = "nat", profile = profile, ips = {}, where = L.where() })
    local family, prefix = core.nat_family(node)
    local wire, at = L.plug(parent, node, 1, name .. ".wan", spec.link, parent.public and "fiber" or "lan", path .. ".link")
    rawset(box, "wire", wire)
    rawset(box, "at", at)
    if family ~= 66 then nat_outside(box, parent, spec.addr, path)
    elseif spec.addr then L.fail("%s.addr: %s has a prefix outside; write set = { prefix = ... }", path, profile) end
    if family ~= 0 then
      if spec.ipv6 then L.fail("%s.ipv6: the inside of %s is IPv6 already", path, profile) end
      if spec.lan then L.fail("%s.lan: the inside of %s has no IPv4", path, profile) end
      rawset(box, NET, net_of_six(box, parent, spec, family, prefix))
      return box
    end
    local net4 = L.inside_prefix(name, profile, parent, spec.lan, avoid, path)
    local own, bits = core.prefix_ip(net4, 1), math.tointeger(net4:match "/(%d+)$")
    core.nat_inside(node, own, bits)
    local fields = { net4 = net4, gateway4 = own, bits4 = bits, mtu = spec.lan_mtu }
    if spec.ipv6 then fields = L.merge(fields, L.make_six(Box, box, parent, spec.ipv6, path)) end
    rawset(box, NET, L.lan_net(box, parent, fields))
    box[NET]:box_ip(own)
    if spec.ipv6 then box[NET]:box_ip(fields.gateway6) end
    L.nat_list[#L.nat_list + 1] = box
    return box
  end

  -- A firewall or router is transparent for addresses: hosts behind it use those of the net outside it.
  local function make_firewall(name, policy, parent, spec, path)
    claim_name(name)
    local node = core.firewall(name, policy, spec.set)
    local access = core.access(policy, spec.set)
    local link = spec.link
    if spec.family and spec.family ~= "dual" then core.fw_only(node, spec.family == "v6" and 6 or 4) end
    if access.tunnel then
      -- A tunnel ends in another box, the NAT of its exit; its wire is the tunnel.
      local mtu = access.tunnel.mtu .. "B"
      if access.tunnel.exit then
        parent, link = make_nat(name .. "-exit", access.tunnel.exit, parent, { link = link, lan_mtu = access.tunnel.mtu }, path, {})[NET], nil
      end
      link = L.merge(type(link) == "string" and { link } or link or {}, { mtu = mtu })
      if access.tunnel.extra_rtt > 0 then link.delay = access.tunnel.extra_rtt // 2 .. "ns" end
      if parent.gateway4 then core.fw_address(node, parent.gateway4) end
      if parent.gateway6 then core.fw_address(node, parent.own6 or parent.gateway6) end
    end
    local box = L.new(Box, { node = node, label = name, kind = "firewall", profile = policy, fields = spec.set, only = spec.family ~= "dual" and spec.family or nil, where = L.where() })
    local wire, at = L.plug(parent, node, 1, name .. ".out", link, parent.public and "fiber" or "lan", path .. ".link")
    rawset(box, "wire", wire)
    rawset(box, "at", at)
    if parent.gateway4 then core.fw_gateway(node, parent.gateway4) end
    if parent.gateway6 then core.fw_gateway(node, parent.gateway6) end
    rawset(box, NET, L.lan_net(box, parent, {
      through = parent, through_port = at, gateway4 = parent.gateway4, gateway6 = parent.gateway6, own6 = parent.own6, bits4 = 32, bits6 = 128, six = parent.six,
    }))
    if parent.gateway4 then box[NET]:box_ip(parent.gateway4) end
    if parent.gateway6 then box[NET]:box_ip(parent.gateway6) end
    if access.own then L.make_own_host(box, access, parent, policy, spec.set) end
    return box
  end

  -- A router hands on by address and keeps no state: hosts behind it use addresses of the net outside, it takes one off the hop limit and
  -- has addresses of its own, from which its ICMP errors come.
  local function make_router(name, parent, spec, path)
    claim_name(name)
    local node = core.router(name)
    core.port(node, "in")
    core.port(node, "out")
    local box = L.new(Box, { node = node, label = name, kind = "router", where = L.where() })
    local wire, at = L.plug(parent, node, 1, name .. ".out", spec.link, parent.public and "fiber" or "lan", path .. ".link")
    local family, own = spec.family or parent.six and "v6" or "v4", {}
    local function give(ip)
      local six = ip:find(":", 1, true) and 6 or 4
      if own[six] then L.fail("%s.addr: %s has one address of each family", path, name) end
      local via = six == 6 and parent.gateway6 or six == 4 and parent.gateway4
      if not via then L.fail("%s: there is no IPv%d outside %s", path, six, name) end
      own[six] = ip
      core.router_addr(node, 0, ip) -- one address for both sides: hosts inside hear of what could not go on
      core.router_addr(node, 1, ip)
      core.route_prefix(node, six == 6 and "::/0" or "0.0.0.0/0", 1, via)
      parent:claim(ip, at, name)
      core.name(ip, name)
    end
    if spec.addr then
      for _, a in ipairs(L.addr_list(spec.addr)) do give((L.read_addr(a, path .. ".addr", parent))) end
    else
      if family ~= "v6" then give(parent:alloc "v4") end
      if family ~= "v4" then give(parent:alloc "v6") end
    end
    rawset(box, "wire", wire)
    rawset(box, "at", at)
    local net = L.lan_net(box, parent, {
      through = parent, through_port = at, gateway4 = own[4], gateway6 = own[6], bits4 = own[4] and 32, bits6 = own[6] and 128, six = not own[4],
    })
    local claim, unclaim = net.claim, net.unclaim
    function net:claim(ip, port, who)
      claim(self, ip, port, who)
      core.route(node, ip, 0)
    end
    function net:unclaim(ip)
      core.unroute(node, ip)
      unclaim(self, ip)
    end
    for _, ip in L.pairs(own) do net:box_ip(ip) end
    rawset(box, NET, net)
    return box
  end

  -- What is no profile, but a few fields over one: words that people try for it, and how it is written.
  local SHUT, RECIPES = '; what lets nothing out is t:firewall { "wall", "stateful", set = { udp = "block", tcp_out = {} } }, and behind = that', {}
  for _, word in ipairs { "block-all", "blockall", "block_all", "deny-all", "drop-all", "block-everything", "all-blocked" } do RECIPES[word] = SHUT end
  -- What to say behind 'no profile "word"': how it is made of another one, or the nearest of `names`.
  function L.profile_hint(word, names)
    return RECIPES[word] or L.nearest(word, names)
  end

  -- Makes one box of a named kind; `kind` as core.kind says.
  local function make_box(name, what, parent, spec, path, avoid)
    local kind, why = core.kind(what)
    if kind == "nat" then return make_nat(name, what, parent, spec, path, avoid) end
    if kind == "firewall" then return make_firewall(name, what, parent, spec, path) end
    L.fail('%s: %s%s', path, why or ('"%s" is a %s'):format(what, tostring(kind)), L.profile_hint(what, core.names "behind"))
  end

  -- The net that `behind` describes, making boxes called OWNER-gw, OWNER-gw2, ... outwards. `six`: what the innermost NAT of IPv4 made here
  -- does to IPv6; those further out, a carrier's, hand it on. nil: they know IPv4 alone. `told`: there must be such a NAT. `avoid`: IPv4 nets that their
  -- insides are not to overlap.
  local function behind_net(owner, behind, path, six, told, avoid)
    local parent = ensure_internet()
    if behind == nil then return parent end
    if L.is(behind, "Box") then return behind[NET] end
    if type(behind) == "string" then behind = { behind } end
    if behind[1] == nil then L.fail('%s: names nothing; "none" is no box', path) end
    local flat = {}
    for _, b in ipairs(behind) do
      local chain = type(b) == "string" and core.chain(b)
      if type(b) ~= "string" and not L.is(b, "Box") then L.fail("%s: a profile name or a box, not a %s", path, type(b)) end
      for _, c in ipairs(chain or { b }) do if c ~= "none" then flat[#flat + 1] = c end end
    end
    local function is_nat44(b)
      local kind, family = core.kind(b)
      return kind == "nat" and family == 0
    end
    local inner
    for i, b in ipairs(flat) do if not inner and type(b) == "string" and is_nat44(b) then inner = i end end
    if told and not inner then L.fail("%s: no NAT of IPv4 is among them, whose IPv6 ipv6 could be about", path) end
    for i = #flat, 1, -1 do
      local b = flat[i]
      if L.is(b, "Box") then
        if i ~= #flat then L.fail("%s: only the outermost may be a box that exists already", path) end
        parent = b[NET]
      else
        local ipv6 = is_nat44(b) and (i == inner and six or six and "none") or nil
        parent = make_box(owner .. "-gw" .. (i > 1 and i or ""), b, parent, { ipv6 = ipv6 }, path, avoid or {})[NET]
      end
    end
    return parent
  end

  -- A box without a profile: the one element that it has may be that.
  local function check_elements(verb, s)
    if verb == "router" or type(s) ~= "table" or type(s[1]) ~= "string" or s[2] ~= nil then return end
    local what, usual = verb == "nat" and "profile" or "policy", verb == "nat" and "port-cone" or "stateful"
    if RECIPES[s[1]] then L.fail('%s: no %s "%s"%s', verb, what, s[1], L.profile_hint(s[1], {})) end
    if core.kind(s[1]) == verb then L.fail('%s: "%s" is a %s, and a name comes before it; write t:%s { "box", "%s" }', verb, s[1], what, verb, s[1]) end
    L.fail('%s: element 2, the %s, is missing; write t:%s { "%s", "%s" }', verb, what, verb, s[1], usual)
  end

  local named_nets = {} -- inside NATs that the script made by name
  function L.make_named_box(verb, s)
    check_elements(verb, s)
    L.check(verb, s)
    local parent = behind_net(s[1], s.behind, verb .. ".behind")
    if verb == "router" then return make_router(s[1], parent, s, verb) end
    if verb == "nat" then
      if core.chain(s[2]) then L.fail('nat: "%s" is a chain of boxes; write behind = "%s" at a host', s[2], s[2]) end
      if core.kind(s[2]) == "firewall" then L.fail('nat: "%s" is a firewall policy; write t:firewall { "%s", "%s" }', s[2], s[1], s[2]) end
      if core.kind(s[2]) ~= "nat" then L.fail('nat: no profile "%s"%s', s[2], L.profile_hint(s[2], core.names "nat")) end
      local box = make_nat(s[1], s[2], parent, s, verb, named_nets)
      named_nets[#named_nets + 1] = box[NET].net4
      return box
    end
    if core.kind(s[2]) == "nat" then L.fail('firewall: "%s" is a NAT profile; write t:nat { "%s", "%s" }', s[2], s[1], s[2]) end
    if core.kind(s[2]) ~= "firewall" then L.fail('firewall: no policy "%s"%s', s[2], L.profile_hint(s[2], core.names "firewall")) end
    return make_firewall(s[1], s[2], parent, s, verb)
  end

  -- Both halves of a dual-stack box.
  local function halves(box)
    local six = rawget(box, "guard")
    return six and { box.node, six.node } or { box.node }
  end
  L.method(Box, "reboot", function(self, s)
    s = L.check("reboot", s or {})
    if self.kind == "router" then L.fail("reboot: %s has no state to lose; cut its link", self.label) end
    local down = s.down and L.time(s.down) or 0
    for _, node in ipairs(halves(self)) do core.reboot(node, down) end
    rawset(self, "down_until", core.now() + down)
    L.fault("reboot", self.label .. " reboots" .. (down > 0 and ", silent for " .. L.show_time(down) or ""), self.label, down)
  end)
  L.method(Box, "login", function(self, host)
    local access = rawget(self, "access")
    if not access or not access.portal then L.fail("login: %s has no portal", self.label) end
    if not L.is(host, "Host") then L.fail("login: a host, not a %s", type(host)) end
    for _, iface in ipairs(host[LIST]) do for _, ip in ipairs(iface.ips) do core.own_login(self.node, ip) end end
    core.note("login", "at the portal of " .. self.label, host.label, self.label)
  end)
  L.method(Box, "set", function(self, fields)
    if type(fields) ~= "table" then L.fail("set: a table of profile fields, not a %s", type(fields)) end
    if self.kind == "router" then L.fail("set: %s has no policy", self.label) end
    if next(fields) == nil then L.fail("set: says nothing; fields of a %s", self.kind == "nat" and "NAT's profile" or "firewall's policy") end
    if self.kind == "nat" then core.nat_set(self.node, fields) else core.fw_set(self.node, self.profile, rawget(self, "fields"), fields) end
    L.fault("set", self.label .. " behaves otherwise", self.label)
  end)
  L.method(Box, "flush", function(self)
    if self.kind == "router" then L.fail("flush: %s has no state to forget", self.label) end
    for _, node in ipairs(halves(self)) do core.flush_box(node) end
    L.fault("flush", self.label .. " forgets its state", self.label)
  end)
  L.method(Box, "renumber", function(self)
    if self.kind ~= "nat" or #self.ips == 0 then L.fail("renumber: %s has no address of its own", self.label) end
    local parent = self[NET].parent
    for i, ip in ipairs(self.ips) do
      parent:unclaim(ip)
      self.ips[i] = parent:alloc "v4"
      parent:claim(self.ips[i], self.at, self.label)
    end
    core.renumber(self.node, self.ips, parent.gateway4)
    if self[NET].routes6 then L.renumber_six(self) end
    L.fault("renumber", self.label .. " has a new address" .. (self[NET].routes6 and " and its hosts a new prefix" or ""), self.label)
  end)

  ---------------------------------------------------------------------------------------------------------------- hosts
  local Iface = L.class "Iface"
  -- A host by its name where interface `iface` is its only one, else the interface.
  function L.one_of(iface) return iface.host.single and "host " .. iface.host.label or iface.label end
  Iface.getters.link = function(o) return o.wire end
  Iface.getters.gateway = function(o) return o[NET].box or L.fail("%s has no gateway: it is at the internet", L.one_of(o)) end

  -- The addresses that `host` has, as a set.
  local function ips_of(host)
    local out = {}
    for _, iface in ipairs(host[LIST]) do for _, ip in ipairs(iface.ips) do out[ip] = iface end end
    return out
  end

  local function give_addr(iface, ip, bits)
    local twice = ips_of(iface.host)[ip]
    if twice then L.fail("%s: %s is the address of %s already; sockets of %s could not tell them apart", iface.label, ip, twice.label, iface.host.label) end
    iface[NET]:claim(ip, iface.at, iface.host.label)
    if iface.host.device then L.edge_addr(iface.host, ip) else core.host_addr(iface.host.node, iface.i, ip, bits) end
    core.name(ip, iface.host.label)
    iface.ips[#iface.ips + 1] = ip
  end

  -- The address that the script asks for, when it may be on `iface`. Without its bits it has those of the net that it is in.
  local function fixed_addr(iface, text, path)
    local net = iface[NET]
    local ip, bits, family = L.read_addr(text, path, net)
    if family == 4 and net.six then L.unsupported("IPv4 behind %s: there is IPv6 alone", net.box.label) end
    if family == 6 and not net.gateway6 then L.no_six(net.box) end
    local whole, own = family == 4 and 32 or 128, family == 4 and L.net4_of(net) or nil
    if own and not bits and not core.prefix_has(own, ip) then L.fail("%s: %s is not in %s, the net that %s is in", path, ip, own, iface.label) end
    give_addr(iface, ip, bits or family == 4 and net.bits4 or whole)
  end

  -- The address of the interface on its own link, which no box hands on (RFC 4291 section 2.5.6). It stays whatever else is renumbered.
  local n_links = 0
  local function link_address(iface, path)
    if iface[NET].public then L.fail("%s.link_local: %s is at the internet, with nobody else on its link", path, iface.label) end
    n_links = n_links + 1
    local ip = ("fe80::a:%x"):format(n_links)
    core.lan_learn(iface[NET].node, ip, iface.at)
    core.host_addr(iface.host.node, iface.i, ip, 64)
    core.name(ip, iface.host.label)
    rawset(iface, "link_ip", ip)
  end

  local function addresses(iface, spec, path)
    local net = iface[NET]
    if spec.link_local then link_address(iface, path) end
    local family = spec.family or net.six and "v6" or "v4"
    if spec.addr then
      for _, a in ipairs(L.addr_list(spec.addr)) do fixed_addr(iface, a, path .. ".addr") end
    else
      local avoid = ips_of(iface.host)
      if family ~= "v6" then give_addr(iface, net:alloc("v4", avoid), net.bits4) end
      if family ~= "v4" then give_addr(iface, net:alloc("v6", avoid), net.bits6 or L.no_six(net.box)) end
    end
    if iface.host.device then return end -- its routes are the machine's
    if net.gateway4 then core.host_gateway(iface.host.node, iface.i, net.gateway4) end
    if net.gateway6 then core.host_gateway(iface.host.node, iface.i, net.gateway6) end
  end

  local function make_iface(host, name, spec, path, specs)
    local suffix = host.single and host.label or host.label .. "-" .. name
    local six, told = L.six_of(spec, path)
    local net = behind_net(suffix, spec.behind, path .. ".behind", six, told, L.nets_of_host(host, specs))
    local i = host.device and 0 or core.iface(host.node, name)
    local iface = L.new(Iface, { host = host, i = i, [NET] = net, ips = {}, down_now = false, label = host.label .. "." .. name })
    local wire, at = L.plug(net, host.node, i, iface.label, spec.link, net.public and "fiber" or "lan", path .. ".link")
    rawset(iface, "wire", wire)
    rawset(iface, "at", at)
    if not host.device then net:join(iface) end -- neighbours are the machine's affair: all goes by the gateway
    host[LIST][#host[LIST] + 1] = iface
    host.ifaces[name] = iface
    addresses(iface, spec, path)
    return iface
  end

  L.method(Iface, "down", function(self)
    if self.down_now then L.fail("down: %s is down already", self.label) end
    rawset(self, "down_now", true)
    core.iface_set(self.host.node, self.i, false)
    L.fault("down", self.label .. " down", self.label)
  end)
  L.method(Iface, "up", function(self)
    if not self.down_now then L.fail("up: %s is up already", self.label) end
    rawset(self, "down_now", false)
    core.iface_set(self.host.node, self.i, true)
    L.fault("up", self.label .. " up", self.label)
  end)
  -- Another address in place of the i-th.
  function L.readdress(iface, i)
    local ip, net = iface.ips[i], iface[NET]
    local family = ip:find(":", 1, true) and "v6" or "v4"
    net:unclaim(ip)
    core.host_unaddr(iface.host.node, iface.i, ip)
    iface.ips[i] = net:alloc(family, ips_of(iface.host))
    core.host_addr(iface.host.node, iface.i, iface.ips[i], family == "v4" and net.bits4 or net.bits6)
    net:claim(iface.ips[i], iface.at, iface.host.label)
    L.session_exits(iface.host)
  end
  L.method(Iface, "renumber", function(self)
    for i in ipairs(self.ips) do L.readdress(self, i) end
    L.fault("renumber", self.label .. " has a new address", self.label)
  end)

  local Host = L.class("Host", L.Runner)
  local function only(host, what)
    if #host[LIST] ~= 1 then L.fail('host "%s" has %d interfaces; say which: %s.iface.NAME.%s', host.label, #host[LIST], host.label, what) end
    return host[LIST][1]
  end
  Host.getters.iface = function(o)
    return setmetatable({}, { __index = function(_, k)
      return o.ifaces[k] or L.fail('host "%s" has no interface "%s"%s', o.label, tostring(k), L.nearest(tostring(k), L.keys(o.ifaces)))
    end, __newindex = function() L.fail("the interfaces of %s cannot be written", o.label) end })
  end
  Host.getters.link = function(o) return only(o, "link").wire end
  Host.getters.gateway = function(o) return only(o, "gateway").gateway end
  Host.getters.stats = function(o)
    local s = core.host_stats(o.node)
    s.messages = rawget(o, "messages")
    local own = rawget(o, "signals")
    if own and not o.off then
      local n = core.signal_stats(own)
      s.connections, s.mailboxes, s.refused, s.redelivered = n.connections, n.mailboxes, n.refused, n.redelivered
      s.names, s.calls, s.messages = n.names, n.calls, s.messages + n.said -- of the rendezvous
    end
    local relays = rawget(o, "relays")
    if relays and not o.off then s = L.merge(s, core.turn_stats(relays)) end
    local checks = rawget(o, "checks")
    if checks and not o.off then s = L.merge(s, core.check_relay_stats(checks)) end
    local rooms = rawget(o, "rooms")
    if rooms and not o.off then s = L.merge(s, core.relay_server_stats(rooms)) end
    return L.readonly(s, "stats", {})
  end

  -- The switches of a host's TCP as integers: ns, bytes, segments, 0 and 1.
  local CONTROL = { cubic = 0, reno = 1 }
  -- A switch -> the one without which it does nothing, and that one's value: true, or what it is without a word.
  local NEEDS = { hystart = { "control", "cubic" }, tlp = { "sack", true }, rack = { "sack", true }, dsack = { "sack", true }, eifel = { "timestamps", true } }
  local function check_tcp(spec, path)
    for _, k in ipairs(L.keys(NEEDS)) do
      local other, value = NEEDS[k][1], NEEDS[k][2]
      if spec[k] and spec[other] ~= nil and spec[other] ~= value then L.fail("%s.%s: does nothing with %s = %s", path, k, other, L.show(spec[other])) end
    end
    for _, k in ipairs { "keep_count", "keep_interval" } do
      if spec[k] ~= nil and not spec.keep_idle then L.fail("%s.%s: no probes are sent without keep_idle", path, k) end
    end
  end
  local function set_tcp(node, spec, path)
    local out = {}
    check_tcp(spec, path)
    for k, v in L.pairs(spec) do
      local kind = L.schema.tables.HostTcp[k][1]
      if kind == "Time" then
        out[k] = L.time(v, path .. "." .. k)
      elseif kind == "Size" then
        out[k] = core.unit("Size", v)
      elseif kind == "boolean" then
        out[k] = v and 1 or 0
      else
        out[k] = kind == "control" and CONTROL[v] or v
      end
    end
    local why = core.host_tcp(node, out)
    if why then L.fail("%s: %s", path, why) end
  end

  function L.make_host(s, path)
    L.check("host", s, path)
    if s.like then
      s = L.merge(s.like, s)
      s.like = nil
      L.check("host", s, path)
    end
    for _, k in ipairs(#s > 1 and L.keys(L.schema.tables.IfaceSpec) or {}) do
      if s[k] ~= nil then L.fail('%s.%s: of which interface? write it in one: { "%s", %s = }', path or "host", k, L.show(s[2][1]), k) end
    end
    ensure_internet()
    claim_name(s[1])
    if s.stack and s.stack ~= "reference" then L.unsupported('stack "%s": adapters are not built yet', s.stack) end
    local host = L.new(Host, { label = s[1], node = L.edge_node(s) or core.host(s[1]), device = core.edge_device(s[1]) or false, [LIST] = {}, ifaces = {}, single = #s == 1, managed = s.trusts_inspector == true, apps = 0, wires = {}, behaviour = L.behaviour_of(s.behaviour, s[1], "host"), timers = L.readonly(L.timers_of(s.timers, s[1], s.behaviour), "timers", {}) })
    L.hosts[s[1]] = host
    if s.tcp then set_tcp(host.node, s.tcp, (path or "host") .. ".tcp") end
    L.host_list[#L.host_list + 1] = host
    if #s == 1 then
      make_iface(host, "eth", s, "host", { s })
    else
      local specs = table.move(s, 2, #s, 1, {})
      for i = 2, #s do
        L.check("IfaceSpec", s[i], "host[" .. i .. "]")
        if host.ifaces[s[i][1]] then L.fail('host: interface "%s" is named twice', s[i][1]) end
        make_iface(host, s[i][1], s[i], "host." .. s[i][1], specs)
      end
    end
    return host
  end
  L.method(Host, "handover", function(self, s) L.handover(self, s) end)
  L.method(Host, "addr", function(self, port)
    local ip = self[LIST][1].ips[1]
    if port ~= nil then L.check_type("port", port, "addr") end
    return port and (ip:find(":", 1, true) and "[" .. ip .. "]:" .. port or ip .. ":" .. port) or ip
  end)
  L.Host = Host

  ---------------------------------------------------------------------------------------------------------------- servers
  local KNOWN = { signal = true, stun = true, turn = true, ws = true, rtmfp = true, relay = false, rendezvous = false, checkrelay = true }
  L.servers = {}
  function L.make_internet(s)
    L.check("internet", s)
    if L.core_net then L.fail "internet: comes before the first host" end
    L.core_net = L.internet_net(s.delay and L.time(s.delay) or 10000000)
    L.by_name = s.names == true
    if s.servers then L.servers_said = L.where() end
    for _, name in ipairs(s.servers or {}) do
      if KNOWN[name] == nil then L.fail('internet.servers: no server "%s"%s', L.show(name), L.nearest(L.show(name), L.keys(KNOWN))) end
      if not KNOWN[name] then L.unsupported("the %s server is not built yet", name) end
    end
    local up = {}
    for _, name in ipairs(s.servers or { "signal", "stun" }) do
      if up[name] then L.fail('internet.servers: "%s" is named twice', name) end
      up[name] = true
    end
    for _, name in ipairs { "stun", "turn", "ws", "rtmfp" } do
      if s[name] and not up[name] then L.fail('internet.%s: the %s server is not up: servers = { "%s", ... }', name, name, name) end
    end
    if s.names ~= nil and not up.signal then L.fail 'internet.names: is about the signal server, which is not up: servers = { "signal", ... }' end
    L.turn_server = up.turn and L.turn_wanted(s.turn or {}) or nil
    for _, k in ipairs { "udp", "tcp" } do if s.stun and s.stun[k] == false then L.stun_by[k] = nil end end
    if not (L.stun_by.udp or L.stun_by.tcp) then L.fail "internet.stun: neither udp nor tcp" end
    L.rtmfp_serves = s.rtmfp
    L.ws_by = L.served(s.ws, "ws", { tcp = { 80 }, tls = { 443 }, udp = {} })
    L.make_servers(s.servers)
  end
  -- What t:internet { turn = ... } asks for, as the server takes it.
  L.TURN_BY = { "udp", "tcp", "tls", "dtls" }
  function L.turn_wanted(s)
    local n, out = 0, { users = {}, udp = s.udp or { 3478 }, tcp = s.tcp or { 3478 }, tls = s.tls or {}, dtls = s.dtls or {}, quota = s.quota, allow = s.allow, deny = s.deny, mobility = s.mobility, tcp_peers = s.tcp_peers,
      no4 = s.family == "v6", no6 = s.family == "v4" }
    for _, k in ipairs(L.TURN_BY) do
      for i, port in ipairs(out[k]) do L.check_type("port", port, ("internet.turn.%s[%d]"):format(k, i)) end
      if #out[k] > 4 then L.fail("internet.turn.%s: at most 4 ports", k) end
      n = n + #out[k]
    end
    if n == 0 then L.fail "internet.turn: none of udp, tcp, tls, dtls" end
    if n > 8 then L.fail "internet.turn: at most 8 ports in all" end
    for _, pair in ipairs { { "tls", "tcp" }, { "dtls", "udp" } } do
      for _, port in ipairs(out[pair[1]]) do
        for _, other in ipairs(out[pair[2]]) do
          if port == other then L.fail("internet.turn.%s: port %d is in %s, too; it takes clients without it as well", pair[1], port, pair[2]) end
        end
      end
    end
    for _, k in ipairs { "lifetime", "max_lifetime", "nonce" } do
      out[k] = s[k] and L.time(s[k], "internet.turn." .. k)
      if out[k] and out[k] < 1000000000 then L.fail("internet.turn.%s: at least 1s", k) end
    end
    if (out.lifetime or 600000000000) > (out.max_lifetime or 3600000000000) then
      L.fail("internet.turn.lifetime: %s is longer than the max_lifetime of %s", L.show_time(out.lifetime or 600000000000), L.show_time(out.max_lifetime or 3600000000000))
    end
    for _, k in ipairs { "allow", "deny" } do
      if out[k] then L.check_type("ips", out[k], "internet.turn." .. k) end
      if out[k] and #out[k] > 16 then L.fail("internet.turn.%s: at most 16", k) end
    end
    local users = s.users or { tank = "tank" }
    for _, name in ipairs(L.keys(users)) do
      if type(name) ~= "string" or type(users[name]) ~= "string" then L.fail 'internet.turn.users: name = "password", ...' end
      out.users[#out.users + 1] = { name, users[name] }
    end
    if #out.users == 0 or #out.users > 16 then L.fail "internet.turn.users: from 1 to 16" end
    return out
  end
  L.CHECK_RELAY = 3480 -- its port, of UDP
  -- What runs on `host` from its start on, with fresh state.
  function L.start_server(host)
    if host.device then return end -- whoever serves there is a program of the machine
    if L.servers.stun == host then core.stun_server(host.node, L.stun_by.udp or 0, L.stun_by.tcp or 0) end
    if L.servers.signal == host and L.signals_packets then L.run_signal_server() end
    if L.servers.turn == host and #L.turn_server.tls + #L.turn_server.dtls > 0 then L.turn_server.names = L.names_of(host) end
    if L.servers.turn == host then rawset(host, "relays", core.turn_server(host.node, host.label .. "/server", L.turn_server)) end
    if L.servers.checkrelay == host then rawset(host, "checks", core.check_relay(host.node, host.label .. "/server", L.CHECK_RELAY)) end
    if L.servers.rtmfp == host then host:serve_rtmfp(L.rtmfp_serves) end
    if L.servers.ws == host then
      rawset(host, "rooms", core.relay_server(host.node, host.label .. "/server", L.ws_by.tcp[1] or 0, L.ws_by.tls[1] or 0, L.names_of(host), L.ws_by.udp[1] or 0))
    end
  end
  L.stun_by, L.ws_by = { udp = 3478, tcp = 3478 }, { tcp = { 80 }, tls = { 443 }, udp = {} }
  function L.make_servers(list)
    for _, name in ipairs(list or { "signal", "stun" }) do
      local host = L.make_host { name, link = { delay = "0ms" }, family = "dual" }
      L.servers[name] = host
      if name == "signal" then rawset(host, "messages", 0) end
      L.start_server(host)
    end
    for name in next, KNOWN do L.names[name] = true end -- a server that is not up still has its name
  end
  L.server = setmetatable({}, { __index = function(_, name)
    ensure_internet()
    if L.servers[name] then return L.servers[name] end
    if KNOWN[name] == false then L.unsupported("the %s server is not built yet", name) end
    if KNOWN[name] and L.servers_said then L.fail("the %s server is not up: t:internet { servers = ... } leaves it out (%s)", name, L.servers_said) end
    if KNOWN[name] then L.fail('the %s server is not up: t:internet { servers = { "%s", ... } } has it', name, name) end
    L.fail('no server "%s"%s', tostring(name), L.nearest(tostring(name), L.keys(KNOWN)))
  end, __newindex = function() L.fail "the servers cannot be written" end })
  L.metas[getmetatable(L.server)] = "list of servers"

  ---------------------------------------------------------------------------------------------------------------- paths
  -- The links from an interface to the internet, host outwards.
  local function path_of(iface)
    local out, net = { iface.wire }, iface[NET]
    while net.box do
      out[#out + 1] = net.box.wire
      net = net.parent
    end
    return out
  end
  -- The links of each interface of `host`, outwards.
  function L.ways(host)
    local out = {}
    for _, iface in ipairs(host[LIST]) do out[#out + 1] = path_of(iface) end
    return out
  end
  -- The way of a host to the servers now: its delays up and down in ns, or nil when there is none.
  function L.way(host)
    if host.off then return nil end
    for _, iface in ipairs(host[LIST]) do
      local ok, up, down = core.iface_usable(host.node, iface.i), 0, 0
      for _, link in ipairs(path_of(iface)) do
        ok = ok and core.link_whole(link.id)
        local u, d = core.link_delay(link.id, 0), core.link_delay(link.id, 1)
        up, down = up + u, down + d
      end
      local net = iface[NET]
      while net.box do
        ok = ok and (net.box.down_until or 0) <= core.now()
        net = net.parent
      end
      if ok then return up, down end
    end
  end
end
