-- Nets and the address plan. A net is what one may attach to: the internet or the inside of a box. It gives addresses and plugs, and
-- knows whose each address is.
--
-- Public addresses are documentation prefixes (RFC 5737, RFC 3849). The home of a host, a NAT that `behind` makes, is 192.168.1.0/24, so
-- that the homes of two hosts have equal addresses inside, as in life; it is another net where this host has an interface in that one
-- already. NATs that t:nat makes, where several may stand, have a net each. `lan =` overrides both.
return function(L)
  local NET, LIST = L.NET, L.LIST
  local core = L.core
  local zero = { delay = 0, jitter = 0, rate = 0, queue = 0, loss = 0, burst = 0, mtu = 0 }

  ---------------------------------------------------------------------------------------------------------------- whose an address is
  -- Notes in `net` that `ip` is an address of `who`: an error that names both places when somebody has it.
  local function take_ip(net, ip, who)
    local old = net.taken[ip]
    if old then L.fail("%s: %s is the address of %s already (%s)", who, ip, old.who, old.where) end
    net.taken[ip] = { who = who, where = L.where() }
  end

  -- The next address that nobody in `net` has and that is not in `avoid`, of those that next() gives.
  local function free_ip(net, avoid, next_ip)
    local ip
    repeat ip = next_ip() until not net.taken[ip] and not (avoid and avoid[ip])
    return ip
  end

  local BLOCKS = { "203.0.113.", "198.51.100.", "192.0.2." } -- public, 24 bits each

  -- Ends the case where IPv4 address `ip` is the first or the last of its net `prefix`, which no node has as its own (RFC 1122 section 3.2.1.3).
  local function check_in_net(ip, prefix, path)
    local first, bits = core.prefix(prefix)
    if not first or bits > 30 then return end -- 31 and 32 bits have neither (RFC 3021)
    local what = ip == core.prefix_ip(first, 0) and "the net itself" or ip == core.prefix_ip(first, (1 << (32 - bits)) - 1) and "the broadcast address"
    if what then L.fail("%s: %s is %s of %s, no address of a node", path, ip, what, first) end
  end

  -- The text of an `addr` field: an address, its bits where it says so, 4 or 6. `net` is the one that it will be in.
  function L.read_addr(text, path, net)
    if type(text) ~= "string" then L.fail("%s: an address is text, not a %s", path, type(text)) end
    local bare, bits = text:match "^(.-)/(%d+)$"
    local ip, family = core.host_ip(bare or text)
    if not ip then L.fail('%s: "%s" %s', path, bare or text, family) end
    bits = math.tointeger(bits)
    if bits and bits > (family == 4 and 32 or 128) then L.fail('%s: "%s" has no such prefix', path, text) end
    if family == 4 then
      for _, block in ipairs(BLOCKS) do if ip:sub(1, #block) == block then check_in_net(ip, block .. "0/24", path) end end
      local around = bits and ip .. "/" .. bits or L.net4_of(net)
      if around then check_in_net(ip, around, path) end
    end
    return ip, bits, family
  end
  -- An `addr` field, one text or a list, as a list.
  function L.addr_list(addr) return type(addr) == "string" and { addr } or addr end

  ---------------------------------------------------------------------------------------------------------------- the internet
  -- The internet: every attachment has a port of the core router and addresses routed to it.
  function L.internet_net(delay)
    local node = core.router "internet"
    local net = {
      node = node, extra = delay // 2, depth = 0, n4 = 0, n6 = 0, gateway4 = "192.0.2.1", gateway6 = "fe80::1", bits4 = 32, bits6 = 128, public = true,
      own6 = "2001:db8:ffff::1", -- what its ICMPv6 comes from; a link-local address is of no use beyond the link
      taken = {}, sites = {}, prefixes = {},
    }
    take_ip(net, net.gateway4, "the internet")
    function net:plug(label)
      local port = core.port(self.node, "to-" .. label:match "^[^.]+" .. "-" .. #L.links)
      core.router_addr(self.node, port, self.gateway4)
      core.router_addr(self.node, port, self.own6)
      return port
    end
    -- The next 2001:db8:N::/48 of which nobody has an address.
    function net.join() end -- an attachment is a point-to-point link: there are no neighbours
    function net:prefix6()
      local site
      repeat
        self.n6 = self.n6 + 1
        site = ("2001:db8:%x:"):format(self.n6)
      until not self.sites[site]
      return site .. ":"
    end
    function net:alloc(family, avoid)
      if family == "v6" then return self:prefix6() .. "2" end
      return free_ip(self, avoid, function()
        self.n4 = self.n4 + 1
        if self.n4 > 762 then L.fail("more than 761 public addresses in one world") end
        return BLOCKS[(self.n4 - 1) // 254 + 1] .. (self.n4 - 1) % 254 + 1
      end)
    end
    function net:claim(ip, port, who)
      for _, site in ipairs(self.prefixes) do
        if core.prefix_has(site, ip) then
          local old = self.taken[site]
          L.fail("%s: %s is in %s, the prefix of %s (%s)", who, ip, site, old.who, old.where)
        end
      end
      take_ip(self, ip, who)
      self.sites[ip:match "^2001:db8:%x+:" or ""] = true
      core.route(self.node, ip, port)
    end
    function net:unclaim(ip)
      self.taken[ip] = nil
      core.unroute(self.node, ip)
    end
    -- Routes `prefix`, a site of `who`, to `port`.
    function net:claim_prefix(prefix, port, who)
      for other, old in L.pairs(self.taken) do
        if core.prefix_has(other, prefix) or core.prefix_has(prefix, other) then
          L.fail("%s: %s overlaps %s of %s (%s)", who, prefix, other, old.who, old.where)
        end
      end
      self.prefixes[#self.prefixes + 1] = prefix
      take_ip(self, prefix, who)
      core.route_prefix(self.node, prefix, port)
    end
    return net
  end

  ---------------------------------------------------------------------------------------------------------------- insides
  local HOSTS = 250 -- the last address of an IPv4 net that is given to a host

  -- The inside of a box: a LAN segment on the box's inner port. `fields` say what addresses it has:
  --   net4                        IPv4 of its own: a prefix, of which the box has the first address
  --   subnet6, routes6            IPv6 of its own, that the net outside routes
  --   six, net6                   IPv6 alone, of its own
  --   through, or through6        addresses of the net outside, in both families or in IPv6
  function L.lan_net(box, parent, fields)
    local wall = rawget(box, "guard") or box
    local node = core.lan(box.label .. "-lan")
    local up = core.port(node, "up")
    local wire = L.merge(zero, { mtu = fields.mtu })
    core.link(box.label .. ".lan", node, up, wall.node, 0, wire, wire)
    local net = L.merge({ node = node, extra = 0, depth = parent.depth + 1, box = box, parent = parent, next = 1, next6 = 1, up = up, taken = {}, hosts = {}, members = {} }, fields)
    function net:plug(label) return core.port(self.node, "p" .. label:match "^[^.]+" .. "-" .. #L.links) end
    -- The net outside that must know of address `ip`, because packets for it come from there.
    local function outside_of(self, ip) return self.through or self.through6 or ip:find(":", 1, true) and self.routes6 or nil end
    local function police(ip, there)
      if ip:find(":", 1, true) and wall.kind == "firewall" then core.fw_inside(wall.node, ip .. "/128", there) end
    end
    -- The interface of a host joins; it and those that are here know each other from then on, where no prefix says that they are neighbours.
    function net:join(iface)
      if not (self.through or self.through6) then return end
      for ip in L.pairs(self.hosts) do core.host_neighbor(iface.host.node, iface.i, ip, true) end
      self.members[#self.members + 1] = iface
    end
    local function tell_members(self, ip, there)
      self.hosts[ip] = there or nil
      for _, iface in ipairs(self.members) do core.host_neighbor(iface.host.node, iface.i, ip, there) end
    end
    function net:claim(ip, port, who)
      take_ip(self, ip, who)
      core.lan_learn(self.node, ip, port)
      tell_members(self, ip, true)
      local out = outside_of(self, ip)
      if out then out:claim(ip, self.through_port, who) end
      police(ip, true)
    end
    function net:unclaim(ip)
      self.taken[ip] = nil
      core.lan_forget(self.node, ip)
      tell_members(self, ip, false)
      local out = outside_of(self, ip)
      if out then out:unclaim(ip) end
      police(ip, false)
    end
    -- Says that the box itself has `ip` on this side; outside it is somebody's already, or nobody's.
    function net:box_ip(ip)
      take_ip(self, ip, self.box.label)
      core.lan_learn(self.node, ip, self.up)
    end
    function net:prefix6()
      local out = self.through or self.through6 or self.routes6
      return out and out:prefix6() or L.fail("there is no IPv6 outside %s", self.box.label)
    end
    local function own6(self, avoid, prefix)
      return free_ip(self, avoid, function()
        self.next6 = self.next6 + 1
        return prefix .. ("%x"):format(self.next6)
      end)
    end
    local function alloc6(self, avoid)
      if self.routes6 then return own6(self, avoid, self.subnet6) end
      if not self.six then L.no_six(self.box) end
      if self.through6 then return self.through6:alloc("v6", avoid) end
      return own6(self, avoid, self.net6)
    end
    function net:alloc(family, avoid)
      if self.through then return self.through:alloc(family, avoid) end
      if family == "v6" then return alloc6(self, avoid) end
      if self.six then L.unsupported("IPv4 behind %s: there is IPv6 alone", self.box.label) end
      return free_ip(self, avoid, function()
        self.next = self.next + 1
        if self.next > math.min(HOSTS, (1 << (32 - self.bits4)) - 2) then L.fail("more than %d addresses behind %s", self.next - 2, self.box.label) end
        return core.prefix_ip(self.net4, self.next)
      end)
    end
    return net
  end

  ---------------------------------------------------------------------------------------------------------------- IPv4 nets of NATs
  -- The prefix of IPv4 that hosts in `net` have their addresses of; nil at the internet and where there is none.
  function L.net4_of(net)
    while net.through do net = net.through end
    return net.net4
  end

  local HOMES = { "192.168.1.0/24", "192.168.2.0/24", "10.0.0.0/24", "10.1.0.0/24", "10.2.0.0/24" }
  -- The i-th private net that is tried: the usual ones, then the rest of 10.0.0.0/8; for a carrier those of RFC 6598.
  local function private_net(carrier, i)
    if carrier then return i <= 16384 and core.prefix_next("100.64.0.0/24", i - 1) or nil end
    return HOMES[i] or i <= 60000 and core.prefix_next("10.3.0.0/24", i - #HOMES - 1) or nil
  end

  local function overlaps(a, b) return core.prefix_has(a, b) or core.prefix_has(b, a) end

  -- The first private net for the inside of a NAT of `profile` that overlaps none further out and none of the list `avoid`.
  local function free_net(profile, parent, avoid)
    local used = {}
    for _, p in ipairs(avoid) do used[#used + 1] = p end
    local at = parent
    while at do
      used[#used + 1] = at.net4
      at = at.parent
    end
    local i = 0
    while true do
      i = i + 1
      local net, free = private_net(profile:match "^cgn" ~= nil, i) or L.fail "no private net is left", true
      for _, p in ipairs(used) do free = free and not overlaps(p, net) end
      if free then return net end
    end
  end

  -- Ends the case where `net` is of the internet: those inside could not tell it from what is outside.
  local function check_not_public(internet, net, path)
    local why = 'the internet has %s; write a private net, like "192.168.1.0/24"'
    for _, block in ipairs(BLOCKS) do
      if overlaps(block .. "0/24", net) then L.fail("%s.lan: %s: " .. why, path, net, block .. "0/24") end
    end
    for _, ip in ipairs(L.keys(internet.taken)) do
      if core.prefix_has(net, ip) then L.fail("%s.lan: %s: " .. why, path, net, ip) end
    end
  end

  -- The inside prefix of NAT `name`: `lan`, what the script asks for, or one that is free.
  function L.inside_prefix(name, profile, parent, lan, avoid, path)
    if not lan then return free_net(profile, parent, avoid) end
    local net, bits, family = core.prefix(lan)
    if family ~= 4 or bits < 8 or bits > 29 then L.fail('%s.lan: "%s" is no IPv4 net of 8 to 29 bits, like "192.168.1.0/24"', path, lan) end
    local first, why = core.host_ip(lan:match "^[^/]+")
    if not first then L.fail('%s.lan: "%s" %s', path, lan, why) end
    if first ~= core.prefix_ip(net, 0) then L.fail('%s.lan: "%s" is an address in a net; write "%s"', path, lan, net) end
    check_not_public(L.core_net, net, path)
    local at = parent
    while at do
      if at.net4 and overlaps(at.net4, net) then L.fail("%s.lan: %s is also outside %s, behind %s (%s)", path, net, name, at.box.label, at.box.where) end
      at = at.parent
    end
    return net
  end

  -- The IPv4 nets in which `host` has an interface, and those of the boxes that its other interfaces are about to stand behind.
  function L.nets_of_host(host, specs)
    local out = {}
    for _, iface in ipairs(host[LIST]) do out[#out + 1] = L.net4_of(iface[NET]) end
    for _, spec in ipairs(specs) do
      local behind = spec.behind
      if L.is(behind, "Box") then out[#out + 1] = L.net4_of(behind[NET]) end
    end
    return out
  end

  ---------------------------------------------------------------------------------------------------------------- sites of NPTv6
  L.n_sites = 0
  -- What an NPTv6 box at the internet has outside and inside: the profile's prefix or, where that is taken, the next one of its length;
  -- and a unique local prefix (RFC 4193). `fixed`: the script said which.
  function L.site_of(node, prefix, fixed, internet)
    if not fixed then
      local first, i = prefix, 0
      while internet.taken[prefix] do
        i = i + 1
        prefix = core.prefix_next(first, i)
      end
      if i > 0 then core.nat_set(node, { prefix = prefix }) end
    end
    local inside = L.n_sites == 0 and "fd00:1ce::" or ("fd00:1ce:%x::"):format(L.n_sites)
    L.n_sites = L.n_sites + 1
    return prefix, inside
  end
end
