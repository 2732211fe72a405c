-- Walls and the ways through them: the own hosts of firewalls, with their proxies and portals, and plain TCP sockets.
return function(L)
  local core = L.core
  local zero = { delay = 0, jitter = 0, rate = 0, queue = 0, loss = 0, burst = 0, mtu = 0 }

  -- The host beside a firewall that owns address `ip`: reached from inside by it, its own connections leave outside.
  function L.make_own_host(box, ip, parent, policy, set)
    local name = box.label .. "-own"
    local node = core.host(name)
    local out = core.iface(node, "out")
    local _, at = L.plug(parent, node, out, name .. ".out", nil, parent.public and "fiber" or "lan", "firewall.own")
    local outside = parent:alloc "v4"
    core.host_addr(node, out, outside, parent.bits4)
    parent:claim(outside, at)
    core.host_gateway(node, out, parent.gateway4)
    core.name(outside, name)
    local inside = core.iface(node, "in")
    core.link(name .. ".in", node, inside, box.node, core.fw_own(box.node, ip), zero, zero)
    core.host_addr(node, inside, ip, 32)
    core.host_gateway(node, inside, ip)
    rawset(box, "proxy", core.own_app(node, box.node, policy, set))
  end

  local Tcp = L.class("Tcp", L.Source)
  local function number(host)
    local n = host.apps + 1
    rawset(host, "apps", n)
    return host.label .. "/tcp" .. n
  end
  local function socket(host, label, app)
    local s = L.source(Tcp, { host = host, label = label, app = app })
    L.register(app, s)
    return s
  end
  L.method(Tcp, "send", function(self, data)
    if type(data) ~= "string" then L.fail("send: text, not a %s", type(data)) end
    return core.tcp_send(self.app, data)
  end)
  L.method(Tcp, "close", function(self) core.tcp_close(self.app, false) end)
  L.method(Tcp, "abort", function(self) core.tcp_close(self.app, true) end)

  function L.wall_methods(Host)
    Host.getters.tcp = function(o)
      local m = {}
      function m.connect(self, s)
        if self ~= m then L.fail "tcp.connect: write a colon: host.tcp:connect { ... }" end
        L.check("connect", s)
        if not core.is_addr(s[1]) then L.fail('connect: "%s" is no address with a port', s[1]) end
        local label = number(o)
        return socket(o, label, core.tcp_connect(o.node, label, s[1], s.via))
      end
      function m.listen(self, s)
        if self ~= m then L.fail "tcp.listen: write a colon: host.tcp:listen { ... }" end
        L.check("listen", s)
        if s[1] < 1 or s[1] > 65535 then L.fail("listen: %d is no port", s[1]) end
        local label = number(o)
        return socket(o, label, core.tcp_listen(o.node, label, s[1], s.echo == true))
      end
      return m
    end
  end
end
