-- Whether a server answers through a box, by UDP and TCP: the oracle says it of every policy and NAT, in both families, and of boxes behind
-- boxes; the world is asked.
local tank = require "icetank"
local PORTS = { 53, 80, 443, 500, 3478, 8443 }
local FIRST, REST = ("x"):rep(300), ("y"):rep(1200) -- both are more than what an injector lets pass

-- A server that sends back what comes: `heard[port]` counts what its TCP has read.
local function server(t, family)
  local bob, heard = t:host { "bob", family = family }, {}
  for _, port in ipairs(PORTS) do
    local tcp, udp = bob.tcp:listen { port, echo = true }, bob.udp:open { port = port }
    heard[port] = 0
    t:spawn(function() for _ in tcp:events "message" do heard[port] = heard[port] + 1 end end)
    t:spawn(function() for ev in udp:events "message" do udp:send(ev.addr, "back: " .. ev.data) end end)
  end
  return bob, heard
end

-- What TCP to `addr` comes to: none, caught (who answers is not the server), cut, open.
local function by_tcp(alice, addr, heard)
  local port = tonumber(addr:match ":(%d+)$")
  local before, link = heard[port], alice.tcp:connect { addr }
  if not link:next { "open", within = "5s" } then return "none" end
  local function comes_back(data)
    local got = 0
    link:send(data)
    while got < #data do
      local ev = link:next { "message", "closed", within = "5s" }
      if not ev or ev.name == "closed" then return false end
      got = got + #ev.data
    end
    return true
  end
  local all = comes_back(FIRST) and comes_back(REST)
  if heard[port] == before then return "caught" end
  return all and "open" or "cut"
end

-- What UDP to `addr` comes to: none, open.
local function by_udp(alice, addr)
  local mouth = alice.udp:open()
  mouth:send(addr, "hello")
  return mouth:next { "message", data = "back: hello", within = "5s" } and "open" or "none"
end
-- Judges one way: what hangs on delays may be so or so, and what a box says in the server's place is not what the server says.
local function agree(t, what, says, seen)
  local want = says.outcome
  if want == "either" then want = seen end
  if want == "caught" and seen == "none" and what:find "UDP" then want = seen end
  t:check { what .. ": " .. says.outcome .. ": " .. says.why, seen, equals = want }
end

-- Compares all ports; `ip` is the server's as alice knows it.
local function compare(t, alice, bob, heard, ip)
  for _, port in ipairs(PORTS) do
    local addr = ip:find(":", 1, true) and "[" .. ip .. "]:" .. port or ip .. ":" .. port
    agree(t, "TCP to " .. port, alice:reach { bob, port, proto = "tcp", within = "1s" }, by_tcp(alice, addr, heard))
    agree(t, "UDP to " .. port, alice:reach { bob, port, proto = "udp", within = "1s" }, by_udp(alice, addr))
  end
end

-- Values of the axis "box": every policy in both families, every NAT in both, where IPv6 goes past it through a firewall.
local BOXES = {}
for _, family in ipairs { "v4", "v6" } do
  for _, names in ipairs { tank.policies, tank.nats } do
    for _, name in ipairs(names) do
      local v4_alone = name == "vpn-full-tunnel" -- so is the NAT where it ends
      if family == "v4" or not v4_alone then BOXES[#BOXES + 1] = { name .. "-" .. family, behind = name, family = family } end
    end
  end
end

-- Worlds drawn at random: chains of none to three boxes with changed fields, delays up to 400 ms.
local function chance(percent) return math.random(1, 100) <= percent end
local function pick(list) return list[math.random(1, #list)] end
local function some_ports()
  local out = {}
  for _, port in ipairs(PORTS) do if chance(40) then out[#out + 1] = port end end
  if chance(10) then out[#out + 1] = "*" end
  return out
end
local WALL_CHANGES = {
  function() return { udp_out = some_ports() } end,
  function() return { tcp_out = some_ports() } end,
  function() return { udp_out = some_ports(), tcp_out = some_ports(), udp_in = some_ports(), tcp_in = some_ports() } end,
  function() return { udp = "block" } end,
  function() return { tcp = "block" } end,
  function() return { udp = { filtering = pick { "EIF", "ADF", "APDF" }, timeout = pick { "150ms", "700ms", "30s" } } } end,
  function() return { tcp = { filtering = pick { "EIF", "ADF", "APDF" }, timeout = { syn = pick { "150ms", "700ms", "30s" } } } } end,
  function() return { udp = { max_flow_age = pick { "1ms", "60s" } }, tcp = { max_flow_age = pick { "1ms", "60s" } } } end,
  function() return { tcp = { rst_ports = { pick(PORTS), pick(PORTS) }, rst_after = "500B" } } end,
  function() return { ipsec = true } end,
  function() return { tls_mitm = chance(70), ws_upgrade = chance(70) and "strip" or nil } end,
  function() return { http_redirect = "10.9.9.1", until_login = "24h" } end,
}
local NAT_CHANGES = {
  function() return { udp = { mapping = pick { "EIM", "ADM", "APDM" }, filtering = pick { "EIF", "ADF", "APDF" } } } end,
  function() return { udp = { alloc = { mode = "preserve", on_clash = pick { "drop", "random" }, range = pick { { 1024, 40000 }, { 50000, 60000 }, { 1024, 65535 } } } } } end,
  function() return { udp = { timeout = { initial = pick { "150ms", "700ms", "30s" } } } } end,
  function() return { tcp = { timeout = { syn = pick { "150ms", "700ms", "30s" } } } } end,
  function() return { udp = { unsolicited = pick { "drop", "reject", "local" } }, tcp = { syn_in = pick { "drop", "rst", "icmp", "hold6" } } } end,
}
local POLICIES = {} -- those without a host or a tunnel of their own, that changes may follow
for _, name in ipairs(tank.policies) do
  if not name:find "proxy" and not name:find "portal" and not name:find "tunnel" and not name:find "inspection" then POLICIES[#POLICIES + 1] = name end
end

-- A line of text for the log.
local function text(v)
  if type(v) ~= "table" then return tostring(v) end
  local keys, out = {}, {}
  for k in pairs(v) do keys[#keys + 1] = k end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for i, k in ipairs(keys) do out[i] = k .. "=" .. text(v[k]) end
  return "{" .. table.concat(out, " ") .. "}"
end
local function draw_box(t, i, behind, nats)
  local link = { "lan", delay = pick { "1ms", "10ms", "40ms", "150ms", "400ms" } }
  local name, set = "box" .. i, nil
  if nats and chance(50) then
    local profile = pick(tank.nats)
    if chance(60) then set = pick(NAT_CHANGES)() end
    t:log(name .. ": " .. profile .. " " .. text(set) .. " " .. link.delay)
    return t:nat { name, profile, behind = behind, link = link, set = set }
  end
  local policy = pick(POLICIES)
  if chance(75) then set = pick(WALL_CHANGES)() end
  t:log(name .. ": " .. policy .. " " .. text(set) .. " " .. link.delay)
  return t:firewall { name, policy, behind = behind, link = link, set = set }
end

return {
  drawn = tank.scenario { "a server through a chain of boxes drawn at random",
    matrix = { family = { "v4", "v6", "v6-nat64" } },
    seeds = 12,
    run = function(t, cell)
      local family, behind = cell.family:sub(1, 2), nil
      local bob, heard = server(t, cell.family == "v6-nat64" and "v4" or family)
      if cell.family == "v6-nat64" then behind = t:nat { "box0", "nat64" } end
      for i = 1, math.random(1, 3) do behind = draw_box(t, i, behind, family == "v4") end
      local alice = t:host { "alice", behind = behind, family = family }
      compare(t, alice, bob, heard, cell.family == "v6-nat64" and "64:ff9b::" .. bob:addr() or bob:addr())
    end,
  },
  box = tank.scenario { "a server through every policy and every NAT",
    matrix = { box = BOXES },
    run = function(t, cell)
      local bob, heard = server(t, cell.box.family)
      local alice = t:host { "alice", behind = cell.box.behind, family = cell.box.family }
      compare(t, alice, bob, heard, bob:addr())
    end,
  },
  chain = tank.scenario { "a server through boxes behind boxes: the strictest decides, and who catches is the nearest",
    matrix = { boxes = {
      { "udp-443-only+nat", "udp-443-only", "linux-masq" }, { "nat+udp-443-only", "linux-masq", "udp-443-only" }, { "inbound-web+stateful", "inbound-web", "stateful" },
      { "injector+web", "rst-injector", "udp-443-only" }, { "web+inspector", "tcp-443-only", "tls-inspection" }, { "inspector+block", "tls-inspection", "inbound-web" },
      { "cgn", "linux-masq", "cgn-symmetric-cell" }, { "tunnel", "stateful", "vpn-full-tunnel" },
    } },
    run = function(t, cell)
      local bob, heard = server(t, "v4")
      compare(t, t:host { "alice", behind = { cell.boxes[2], cell.boxes[3] } }, bob, heard, bob:addr())
    end,
  },
  nat64 = tank.scenario { "a server of IPv4 through a NAT64, one of IPv6 past it",
    matrix = { family = { "v4", "v6" }, behind = { { "nat64", "nat64" }, { "web", "udp-443-only", "nat64" } } },
    run = function(t, cell)
      local bob, heard = server(t, cell.family)
      local box = t:nat { "six", "nat64" }
      if cell.behind[2] ~= "nat64" then box = t:firewall { "wall", cell.behind[2], behind = box } end
      local alice = t:host { "alice", behind = box, family = "v6" }
      local ip = bob:addr()
      if cell.family == "v4" then ip = "64:ff9b::" .. ip end
      compare(t, alice, bob, heard, ip)
    end,
  },
  nptv6 = tank.scenario { "a server of IPv6 through a translated prefix",
    run = function(t)
      local bob, heard = server(t, "v6")
      compare(t, t:host { "alice", behind = "nptv6", family = "v6" }, bob, heard, bob:addr())
    end,
  },
  login = tank.scenario { "a portal opens of itself: what is reached before, what after, and from when on the oracle says so",
    run = function(t)
      local bob, heard = server(t, "v4")
      local alice = t:host { "alice", behind = "captive-portal" }
      local later = alice:reach { bob, 443, proto = "tcp", within = "40s" }
      t:check { "it opens within 40 s", later.outcome, equals = "open" }
      t:check { "and not before", later.since, equals = "30s" }
      t:check { "nor within 20 s", alice:reach { bob, 443, proto = "tcp", within = "20s" }.outcome, equals = "none" }
      t:check { "the portal answers", by_tcp(alice, bob:addr(80), heard), equals = "caught" }
      t:at "30s"
      compare(t, alice, bob, heard, bob:addr())
    end,
  },
  timers = tank.scenario { "what a box keeps for a shorter time than the answer takes is not reached, or may be",
    matrix = { box = { { "firewall", set = { udp = { filtering = "APDF", timeout = "100ms" }, tcp = { filtering = "APDF", timeout = { syn = "100ms" } } }, says = "either" },
      { "age", set = { udp = { max_flow_age = "100ms" }, tcp = { max_flow_age = "100ms" } }, says = "none" },
      { "long", set = { udp = { filtering = "APDF", timeout = "900ms" }, tcp = { filtering = "APDF", timeout = { syn = "900ms" } } }, says = "open" } } },
    run = function(t, cell)
      local bob, heard = server(t, "v4")
      local wall = t:firewall { "wall", "none", set = cell.box.set, link = { "fiber", delay = "150ms" } }
      local alice = t:host { "alice", behind = wall }
      for _, proto in ipairs { "udp", "tcp" } do
        t:check { proto, alice:reach { bob, 443, proto = proto }.outcome, equals = cell.box.says }
      end
      compare(t, alice, bob, heard, bob:addr())
    end,
  },
}
