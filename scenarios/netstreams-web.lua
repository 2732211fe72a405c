-- NetConnections whose UDP does not get through: the same messages over RTWebSocket, and streams by way of the server.
local tank = require "icetank"

local UP <const>, FAILED <const> = "NetConnection.Connect.Success", "NetConnection.Connect.Failed"

-- Waits until `source` tells `code`, which it may have done already.
local function told(t, source, code, within)
  local ev = source:next { "status", code = code, within = within }
  t:check { code, ev ~= nil, equals = true }
  return ev
end

-- A server with a WebSocket.
local function meet(t)
  local server = t:host { "meet" }
  return server, server:serve_rtmfp { web = true }
end

-- A client of `server` behind `behind`, opened as `how` says.
local function client(t, server, name, behind, how)
  local s = { server = server, connect = "15s" }
  for k, v in pairs(how or {}) do s[k] = v end
  return t:host { name, behind = behind }.netconnection:open(s)
end

-- `a` publishes at the server and `b` plays it: both streams, once they do.
local function by_server(t, a, b)
  local from, to = a:stream { via = "server" }, b:stream { via = "server" }
  from:publish "voice"
  told(t, from, "NetStream.Publish.Start", "2s")
  to:play "voice"
  told(t, to, "NetStream.Play.Start", "2s")
  return from, to
end

-- Five syllables, and whether `to` hears them in order.
local function talk(t, from, to)
  for i = 1, 5 do from:send(("syllable %d"):format(i), { type = "audio" }) end
  for i = 1, 5 do
    local ev = to:next { "message", within = "2s" }
    t:check { "heard", ev and ev.data, equals = ("syllable %d"):format(i) }
  end
end

return {
  far = tank.scenario { "a server each answer of which takes 5 s is connected to within RFC 7016's 95 s, through a proxy too",
    matrix = { tls = { false, true }, behind = { "linux-masq", "http-proxy-connect", "socks5-proxy-auth" } },
    where = function(c) return c.tls or c.behind ~= "http-proxy-connect" end, -- which lets nobody to port 80
    run = function(t, cell)
      local a = client(t, meet(t), "alice", cell.behind, { connect = "95s", transport = "ws", tls = cell.tls })
      a.host.link:set { delay = "2.5s" }
      told(t, a, UP, "95s")
    end },
  falls = tank.scenario { "where UDP is blocked a connection falls back to the WebSocket, and one by UDP hears it and is heard",
    run = function(t)
      local server, introducer = meet(t)
      local a, b = client(t, server, "alice", "udp-blocked"), client(t, server, "bob", "linux-masq")
      told(t, b, UP, "1s")
      t:check { "bob's way", b.transport, equals = "udp" }
      t:check { "when", told(t, a, UP, "7s").at, between = { "5s", "5500ms" } }
      t:check { "alice's way", a.transport, equals = "ws" }
      local from, to = by_server(t, a, b)
      talk(t, from, to)
      t:check { "path of alice", from.path, equals = "relay_tcp" }
      t:check { "path of bob", to.path, equals = "relay_udp" }
      t:check { "WebSockets", introducer.stats.connections, equals = 1 }
      from:close()
      to:close()
      from, to = by_server(t, b, a)
      talk(t, from, to)
      t:check { "packets relayed", introducer.stats.relayed, equals = 10 }
      a:close()
      told(t, a, "NetConnection.Connect.Closed", "1s")
      t:sleep "1s"
      t:check { "WebSockets", introducer.stats.connections, equals = 0 }
    end,
  },
  -- Whatever lets the web out: CONNECT, with whichever password, SOCKS, or port 443 alone.
  walls = tank.scenario { "behind a wall that lets nothing but the web out two clients hear each other over WebSockets",
    matrix = {
      wall = { "http-proxy-connect", "http-proxy-auth", "http-proxy-digest", "socks5-proxy", "socks5-proxy-auth", "tcp-443-only", "udp-blocked" },
      transport = { "auto", "ws" },
    },
    run = function(t, cell)
      local server = meet(t)
      local a = client(t, server, "alice", cell.wall, { transport = cell.transport })
      local b = client(t, server, "bob", cell.wall, { transport = cell.transport })
      told(t, a, UP, "8s")
      told(t, b, UP, "8s")
      local from, to = by_server(t, a, b)
      talk(t, from, to)
      t:check { "path", from.path, equals = "relay_tcp" }
      t:check { "path", to.path, equals = "relay_tcp" }
    end,
  },
  plain = tank.scenario { "without TLS the same, on port 80",
    run = function(t)
      local server = meet(t)
      local a = client(t, server, "alice", "udp-blocked", { transport = "ws", tls = false })
      local b = client(t, server, "bob", "linux-masq", { transport = "ws", tls = false })
      told(t, a, UP, "1s")
      told(t, b, UP, "1s")
      local from, to = by_server(t, a, b)
      talk(t, from, to)
    end,
  },
  -- A server proves its name, and a proxy wants its password: what fails is told at once, not when the time is over.
  refused = tank.scenario { "a certificate of somebody else, a wrong password and a closed port are the end of the attempt",
    matrix = { what = { "name", "password", "port" } },
    run = function(t, cell)
      local server = t:host { "meet" }
      server:serve_rtmfp { web = cell.what == "port" and { port = 80, tls_port = 8443 } or true }
      local how = { name = { tls = "elsewhere.example" }, password = { via = "http://eve:guess@10.9.9.9:3128" }, port = {} }
      local wall = cell.what == "password" and "http-proxy-auth" or cell.what == "port" and "tcp-443-only" or "udp-blocked"
      local a = client(t, server, "alice", wall, how[cell.what])
      local ev = told(t, a, FAILED, "16s")
      if cell.what ~= "port" then t:check { "when", ev.at, at_most = "6s" } end
      t:check { "it has no way", a.transport == nil, equals = true }
      t:check { "again", a:connect(), equals = true }
    end,
  },
  only = tank.scenario { "where the server has no WebSocket, or the client wants none, UDP is the only way",
    matrix = { web = { true, false } },
    run = function(t, cell)
      local server = t:host { "meet" }
      server:serve_rtmfp { web = cell.web or nil }
      local a = client(t, server, "alice", "udp-blocked", { connect = "8s", transport = cell.web and "udp" or nil })
      t:check { "when", told(t, a, FAILED, "9s").at, between = { "8s", "8100ms" } }
    end,
  },
  direct = tank.scenario { "over a WebSocket streams with peers fail as soon as they are asked for, and those by the server are there",
    run = function(t)
      local server = meet(t)
      local a = client(t, server, "alice", "udp-blocked", { transport = "ws" })
      local b = client(t, server, "bob", "linux-masq", { connect = "5s" })
      told(t, a, UP, "1s")
      told(t, b, UP, "1s")
      told(t, a:stream { via = "direct" }, "NetStream.Connect.Failed", "10ms")
      told(t, a:stream { from = b }, "NetStream.Connect.Failed", "10ms")
      -- Nobody knows where Alice is: who asks for her waits in vain.
      told(t, b:stream { from = a }, "NetStream.Connect.Failed", "6s")
      local from, to = by_server(t, a, b)
      talk(t, from, to)
    end,
  },
  early = tank.scenario { "a stream from a peer that was asked for before the fall back fails with it",
    run = function(t)
      local server = meet(t)
      local b = client(t, server, "bob", "linux-masq")
      local a = client(t, server, "alice", "udp-blocked", { fallback = "3s" })
      local early = a:stream { from = b }
      t:check { "when", told(t, a, UP, "5s").at, between = { "3s", "3500ms" } }
      told(t, early, "NetStream.Connect.Failed", "10ms")
    end,
  },
  -- Silence is found by pings; the connection is the script's to open again, which tries UDP first as the first time.
  restored = tank.scenario { "a server that is cut off is missed, and one that is back is found again by the same way",
    matrix = { how = { "cut", "stop", "crash" } },
    run = function(t, cell)
      local server = meet(t)
      local a, b = client(t, server, "alice", "udp-blocked"), client(t, server, "bob", "tcp-443-only")
      told(t, a, UP, "7s")
      told(t, b, UP, "7s")
      local _, to = by_server(t, a, b)
      if cell.how == "cut" then server.link:cut { signal = false } else server[cell.how](server) end
      told(t, b, "NetConnection.Connect.Closed", "35s")
      told(t, a, "NetConnection.Connect.Closed", "5s")
      told(t, to, "NetStream.Connect.Closed", "1s")
      t:sleep "10s"
      if cell.how == "cut" then
        server.link:restore()
      else
        server:start()
        server:serve_rtmfp { web = true }
      end
      a:connect()
      b:connect()
      told(t, a, UP, "10s")
      told(t, b, UP, "10s")
      t:check { "alice's way", a.transport, equals = "ws" }
      local from, again = by_server(t, a, b)
      talk(t, from, again)
    end,
  },
  -- TCP keeps order over all flows, RTMFP within each: what is lost delays there its own flow alone.
  lossy = tank.scenario { "over a link that loses packets everything arrives once and in order, by either way",
    matrix = { loss = { "2%", "5%", "10%" }, transport = { "udp", "ws" } },
    run = function(t, cell)
      local server = meet(t)
      local a = t:host { "alice", behind = "linux-masq", link = { "lan", loss = cell.loss } }.netconnection:open { server = server, transport = cell.transport }
      local b = client(t, server, "bob", "linux-masq", { transport = cell.transport })
      told(t, a, UP, "30s")
      told(t, b, UP, "5s")
      local from, to = a:stream { via = "server" }, b:stream { via = "server" }
      from:publish "voice"
      told(t, from, "NetStream.Publish.Start", "20s")
      to:play "voice"
      told(t, to, "NetStream.Play.Start", "20s")
      for i = 1, 100 do
        from:send(("%d %s"):format(i, ("x"):rep(400)), { type = "audio" })
        from:send(("%d %s"):format(i, ("y"):rep(900)), { type = "video" })
        t:sleep "20ms"
      end
      local audio, video = 0, 0
      for _ = 1, 200 do
        local ev = to:next { "message", within = "30s" }
        local n, kind = (ev and ev.data or "0 -"):match "^(%d+) (.)"
        if kind == "x" and tonumber(n) == audio + 1 then audio = audio + 1 end
        if kind == "y" and tonumber(n) == video + 1 then video = video + 1 end
      end
      t:check { "audio in order", audio, equals = 100 }
      t:check { "video in order", video, equals = 100 }
      t:check { "nothing came twice", to:next { "message", within = "5s" } == nil, equals = true }
    end,
  },
}
