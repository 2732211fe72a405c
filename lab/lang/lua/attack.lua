-- Hostile hosts: t:attacker, what it sends, and the standing rule "stranger" by twin runs (lab/judge/twin.c).
return function(L)
  local LIST = L.LIST
  local core = L.core
  local Attacker = L.class "Attacker"
  local SHAPE = {}
  for i, name in ipairs(core.attack_shapes()) do SHAPE[name] = i end
  L.attackers = {}

  -- A host of the network with a name of its own; its interface is at the internet unless `behind` says otherwise.
  function L.make_attacker(s)
    L.check("attacker", s)
    if core.edge_any() then L.unsupported "attackers beside real devices: a case with attackers is judged by running it twice, and the second run would differ" end
    local how = L.merge(s, {})
    how.on_path = nil
    local host = L.make_host(how, "attacker")
    local own = host[LIST][1].ips[1]
    local a = L.new(Attacker, { label = s[1], host = host, own = own, on_path = s.on_path == true, id = core.attacker(host.node, s[1] .. "/attack", own) })
    L.attackers[#L.attackers + 1] = a
    return a
  end

  local function shape_of(name, what)
    return SHAPE[name] or L.fail('%s: no shape "%s"%s', what, tostring(name), L.nearest(tostring(name), L.keys(SHAPE)))
  end
  local function address(v, what)
    if type(v) ~= "string" or not core.is_addr(v) then L.fail('%s: "%s" is no address with a port', what, L.show(v)) end
    return v
  end

  -- A packet has addresses of one family. An address is "1.2.3.4", "1.2.3.4:5", "::1" or "[::1]:5".
  local MTU = 1500
  local function is_six(text) return text:find("^%[") ~= nil or text:find(":.*:") ~= nil end
  local function same_family(to, from, what)
    if is_six(to) == is_six(from) then return end
    L.fail("%s: %s and %s are of two families; no packet goes from one to the other", what, from, to)
  end

  -- One datagram now: a shape, or data.
  L.method(Attacker, "send", function(self, s)
    L.check("shot", s, "attacker.send")
    if (s[1] == nil) == (s.data == nil) then L.fail "attacker.send: a shape or data, one of them" end
    local from = s.from and address(s.from, "attacker.send.from")
    same_family(address(s.to, "attacker.send.to"), from or self.own, "attacker.send")
    local most = MTU - (is_six(s.to) and 48 or 28)
    if s.data and #s.data > most then L.fail("attacker.send.data: %d bytes; a datagram carries %d of them at most, in one packet", #s.data, most) end
    core.attack(self.id, address(s.to, "attacker.send.to"), from, s[1] and shape_of(s[1], "attacker.send"), nil, s.data)
  end)

  -- What to aim at: { to, from, txid } for each way between the ends of a call, as far as they have sent anything; the sender that is
  -- forged is the far end, whose requests a response claims to answer.
  local function aims_of_call(self, call)
    local out, ends = {}, { call.near, call.far }
    for i = 1, 2 do
      local victims, peers = core.attack_flows(self.id, ends[3 - i].node), core.attack_flows(self.id, ends[i].node)
      for v = 1, math.min(2, #victims) do
        for p = 1, math.min(2, #peers) do
          out[#out + 1] = { to = victims[v].addr, from = peers[p].addr, txid = self.on_path and peers[p].txid or nil }
        end
      end
    end
    return out
  end
  -- The ports of a host, or of an address, in turn.
  local function aims_of_ports(target, ports, n)
    local first, last = ports[1], ports[2] or ports[1]
    local ip = type(target) == "string" and target or target:addr()
    local port = first + n % (last - first + 1)
    return { { to = ip:find(":", 1, true) and "[" .. ip .. "]:" .. port or ip .. ":" .. port } }
  end
  local function aims(self, s, n)
    if L.is(s.on, "Call") then return aims_of_call(self, L.record(s.on)) end
    if s.ports then return aims_of_ports(s.on, s.ports, n) end
    return { { to = s.on } }
  end
  local function check_aim(s)
    if L.is(s.on, "Call") then
      if s.ports then L.fail "attacker.attack: a call has its own ports" end
    elseif L.is(s.on, "Host") then
      if not s.ports then L.fail "attacker.attack: a host needs ports = { first, last }" end
    elseif type(s.on) ~= "string" or not (s.ports and core.is_ip(s.on) or core.is_addr(s.on)) then
      L.fail('attacker.attack: on "%s": a call, a host with ports, an address with ports, or an address with a port', L.show(s.on))
    end
    for _, p in ipairs(s.ports or {}) do
      if math.type(p) ~= "integer" or p < 1 or p > 65535 then L.fail("attacker.attack.ports: %s is no port", L.show(p)) end
    end
    if s.ports and (#s.ports > 2 or #s.ports < 1 or (s.ports[2] or s.ports[1]) < s.ports[1]) then L.fail "attacker.attack.ports: { first, last }" end
    if s.from and s.from ~= "self" and s.from ~= "peer" then address(s.from, "attacker.attack.from") end
    if s.from == "peer" and not L.is(s.on, "Call") then L.fail 'attacker.attack.from: "peer" is for a call' end
  end

  -- Ends the case where nothing that is sent from `from` could arrive at the aim, because it is of another family.
  local function check_families(self, s, from)
    if from == "peer" then return end
    local source = from == "self" and self.own or from
    if type(s.on) == "string" then return same_family(s.on, source, "attacker.attack") end
    if L.is(s.on, "Host") then return same_family(s.on:addr(), source, "attacker.attack") end
    local call = L.record(s.on)
    for _, host in ipairs { call.near, call.far } do
      for _, iface in ipairs(host[LIST]) do for _, ip in ipairs(iface.ips) do if is_six(ip) == is_six(source) then return end end end
    end
    L.fail("attacker.attack: no end of %s has an address of the family of %s", tostring(s.on), source)
  end

  -- Goes on in the background, one datagram of each shape at each aim, every so often.
  L.method(Attacker, "attack", function(self, s)
    L.check("attack", s, "attacker.attack")
    if #s == 0 then L.fail "attacker.attack: a shape, or several" end
    local shapes, seen = {}, {}
    for i, name in ipairs(s) do
      if seen[name] then L.fail('attacker.attack: names "%s" twice; every = is how often', name) end
      shapes[i], seen[name] = shape_of(name, "attacker.attack"), true
    end
    check_aim(s)
    local every, during = s.every and L.time(s.every) or 5000000, L.time(s.during or "10s")
    if every < 100000 then L.fail "attacker.attack.every: at least 100us" end
    if during <= 0 then L.fail "attacker.attack.during: must be above 0" end
    local from = s.from or L.is(s.on, "Call") and "peer" or "self"
    check_families(self, s, from)
    L.spawn(self.host, function()
      local till, n = core.now() + during, 0
      while core.now() < till do
        local list = aims(self, s, n)
        for _, aim in ipairs(list) do
          local source = from ~= "self" and (from == "peer" and aim.from or from) or nil
          for _, shape in ipairs(shapes) do core.attack(self.id, aim.to, source, shape, aim.txid) end
        end
        n = n + 1
        L.block(core.now() + every, function() end)
      end
    end)
  end)
  Attacker.getters.addr = function(a) return a.own end
end
