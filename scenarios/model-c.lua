-- Model C, which is a NetConnection and streams: what its calls do that no other model's do, and what they cannot. Each prediction was written
-- before it was measured. The claims are Kaufman's of January 2011: that peers find each other again without a server, and that streams to one
-- peer share one session.
local tank = require "icetank"

-- A call of `near` and `far` by sound that has been open for a while.
local function open(t, near, far, how)
  local call = t:call { near, far, model = "C", media = "voice", parent_death = how and how.parent_death, via = how and how.via }
  call:await { "open", within = "12s" }
  t:at "15s"
  return call
end

-- A server, and `n` clients at the internet that are connected to it.
local function clients(t, n, how)
  local meet, all = t:host { "meet" }, {}
  local introducer = meet:serve_rtmfp()
  for i = 1, n do
    local host = t:host { "client-" .. i, behind = "linux-masq" }
    all[i] = host.netconnection:open { server = meet, connect = "10s", ask = how and how.ask }
  end
  for i = 1, n do
    t:check { "connected", all[i]:next { "status", code = "NetConnection.Connect.Success", within = "2s" } ~= nil, equals = true }
  end
  return introducer, table.unpack(all)
end

return {
  -- RFC 7016 section 3.5.4.2. The mover sends sound every 20 ms; its first packet from elsewhere is answered by a marked Ping, whose reply moves
  -- the session: 20 ms, and the way there, back and there again, which is a round trip and a half of 40 ms here.
  moves = tank.scenario { "one side has another address: the other follows in a round trip after its next packet, and no server is asked",
    matrix = { far = { "full-cone", "linux-masq", "port-cone" }, server = { "up", "down" } },
    run = function(t, cell)
      local near, far = t:host { "near", behind = "linux-masq" }, t:host { "far", behind = cell.far }
      local call = open(t, near, far)
      if cell.server == "down" then t.server.rtmfp:crash() end
      near.gateway:renumber()
      if cell.far == "full-cone" then
        call[far]:expect { "failover", within = "120ms" }
        call:forbid { "stalled", "death", during = "10s" }
      else
        -- What comes from an address that nobody has sent to is dropped by such a NAT, and RTMFP opens no new way for a session that exists.
        call:expect { "death", reason = "keepalive_timeout", within = "42s" }
      end
    end,
  },
  both = tank.scenario { "both sides have other addresses at once: neither finds the other",
    run = function(t)
      local near, far = t:host { "near", behind = "full-cone" }, t:host { "far", behind = "full-cone" }
      local call = open(t, near, far)
      near.gateway:renumber()
      far.gateway:renumber()
      call:expect { "stalled", within = "2.5s" }
      call:expect { "death", reason = "keepalive_timeout", within = "42s" }
    end,
  },
  -- H-H5, without a server: the spare interface has been met when the session began, as an IHello leaves by every interface.
  spare = tank.scenario { "with a second interface the same cut is a failover, and no server is asked",
    matrix = { signal = { true, false } },
    run = function(t, cell)
      local near = t:host { "near", { "wifi", behind = "linux-masq", link = "lan" }, { "lte", behind = "cgn-apdf", link = "lan" } }
      local far = t:host { "far", behind = "full-cone" }
      local call = open(t, near, far)
      t.server.rtmfp:crash()
      near.iface.wifi.link:cut { signal = cell.signal }
      if cell.signal then
        call:expect { "failover", within = "200ms" }
        call:forbid { "stalled", "death", during = "20s" }
      else -- nobody tells the host, and a session does not leave by an interface that is up
        call:expect { "death", reason = "keepalive_timeout", within = "42s" }
      end
    end,
  },
  server = tank.scenario { "the server is lost after the call is open: a direct one goes on or ends with it, a relayed one ends",
    matrix = { parent_death = { "detach", "cascade" }, via = { "direct", "server" } },
    run = function(t, cell)
      local near, far = t:host { "near", behind = "linux-masq" }, t:host { "far", behind = "linux-masq" }
      local call = open(t, near, far, cell)
      t.server.rtmfp:crash()
      if cell.via == "server" then
        call:expect { "stalled", within = "2.5s" }
        call:expect { "death", reason = "server_lost", within = "60s" }
      elseif cell.parent_death == "cascade" then
        call:expect { "death", within = "60s" }
        t:check { "why", call[near]:next({ "death", within = "60s" }).reason ~= "keepalive_timeout", equals = true }
      else
        call:forbid { "stalled", "death", "failover", during = "120s" }
        for _, host in ipairs { near, far } do call[host]:expect { "status", code = "NetConnection.Connect.Closed", within = "60s" } end
      end
    end,
  },
  -- H-C1: k streams to one peer have one session. What tells: one introduction for all of them, one death in one instant.
  shared = tank.scenario { "streams from one peer have one handshake, one keepalive and one death",
    matrix = { k = { 1, 4, 16 } },
    run = function(t, cell)
      local introducer, a, b = clients(t, 2)
      local from, plays = a:stream { via = "direct" }, {}
      from:publish "voice"
      for i = 1, cell.k do
        plays[i] = b:stream { from = a }
        plays[i]:play "voice"
      end
      for i = 1, cell.k do
        t:check { "started", plays[i]:next { "status", code = "NetStream.Play.Start", within = "2s" } ~= nil, equals = true }
      end
      t:check { "introductions", introducer.stats.introduced, equals = 1 }
      t:sleep "5s"
      local before = b.host.link.stats.packets
      t:sleep "60s"
      -- Pings and answers, of the session with the peer and of that with the server: as many for sixteen streams as for one.
      t:metric { "packets_a_minute", b.host.link.stats.packets - before }
      t:check { "packets a minute while nothing is said", b.host.link.stats.packets - before, at_most = 2 * 2 * 7 }
      a.host:crash()
      local first
      for i = 1, cell.k do
        local ev = plays[i]:next { "status", code = "NetStream.Connect.Closed", within = "60s" }
        first = first or ev.at
        t:check { "at the same instant", ev.at == first, equals = true }
      end
      b:forbid { "status", during = "10s" }
    end,
  },
  apart = tank.scenario { "what is lost of one stream holds up no other of the same session",
    matrix = { k = { 1, 4, 16 } },
    run = function(t, cell)
      local _, a, b = clients(t, 2)
      local from, plays = {}, {}
      for i = 1, cell.k + 1 do
        from[i] = a:stream { via = "direct" }
        from[i]:publish("voice-" .. i)
        plays[i] = b:stream { from = a }
        plays[i]:play("voice-" .. i)
      end
      for i = 1, cell.k + 1 do
        t:check { "started", plays[i]:next { "status", code = "NetStream.Play.Start", within = "2s" } ~= nil, equals = true }
      end
      t:sleep "1s"
      a.host.link:drop { nth = 1, from = a.host }
      from[1]:send("lost", { type = "audio" })
      t:sleep "5ms"
      local at = t:now()
      for i = 2, cell.k + 1 do from[i]:send("said", { type = "audio" }) end
      for i = 2, cell.k + 1 do
        local ev = plays[i]:next { "message", data = "said", within = "1s" }
        t:check { "not held up", ev and ev.at - at, at_most = "60ms" }
      end
      local late = plays[1]:next { "message", data = "lost", within = "5s" }
      t:check { "the lost one comes again, later", late ~= nil and late.at - at > tank.time "60ms", equals = true }
    end,
  },
  refuses = tank.scenario { "who is asked by onPeerConnect may say no, and the caller is told so",
    run = function(t)
      local meet = t:host { "meet" }
      meet:serve_rtmfp()
      local near, far = t:host { "near", behind = "linux-masq" }, t:host { "far", behind = "linux-masq" }
      local asks, calls = near.C:open { server = meet, ask = true }, far.C:open { server = meet }
      asks:call(calls)
      calls:call(asks)
      local c = require "lib.c"
      for _, me in ipairs { asks, calls } do t:spawn(function() c.keep(me) end) end
      asks:await { "subscriber", peer = calls.peer_id, within = "5s" }
      asks:refuse()
      calls:await { "status", code = "NetStream.Connect.Rejected", within = "1s" }
      t:check { "why", calls:next({ "death", within = "1s" }).reason, equals = "connect_failed" }
    end,
  },
  -- Each of 50 packets a second is given up 100 ms after it was said. Expected was that a lost one comes again in that time, and that nothing
  -- comes late, by more than 150 ms. Both was wrong. A packet is lost by three NAKs (RFC 7016 section 3.6.2.5), of which there is one an
  -- acknowledgment, and that is one of two packets: 120 ms. And of a flow in order what follows a lost packet waits until its receiver is told
  -- that it was given up (the forward sequence number, section 3.6.2.3), which may be lost, too.
  lossy = tank.scenario { "sound that is lost does not come again in time, and hardly anything behind it is late",
    matrix = { loss = { { "2%", most = 30 }, { "5%", most = 70 }, { "10%", most = 130 } } },
    run = function(t, cell)
      local near, far = t:host { "near", link = { loss = cell.loss[1] } }, t:host { "far" }
      local call = t:call { near, far, model = "C", media = "voice" }
      call:await { "open", within = "61s" }
      t:sleep "60s"
      for _, host in ipairs { near, far } do
        local s = call[host].stats
        t:log(("lost %d late %d of %d"):format(s.lost, s.late, s.voice_received))
        t:check { "late of a thousand", s.late * 1000 // s.voice_received, at_most = 10 }
        t:check { "lost of a thousand", s.lost * 1000 // s.voice_received, between = { 1, cell.loss.most } }
      end
    end,
  },
  -- Given 6 in model C: where UDP does not get through the connection is had by the server's WebSocket after 5 s, and streams go by the server.
  -- Who has UDP waits 10 s for a stream from whom nobody is introduced to, and then plays by the server, too. Each end tells its own leg.
  walls = tank.scenario { "what keeps UDP out leaves a call by the server's WebSocket, once UDP had its 5 s, and nothing where there is none",
    matrix = {
      wall = { "udp-blocked", "tcp-443-only", "http-proxy-connect", "http-proxy-auth", "http-proxy-digest", "socks5-proxy" },
      sides = { "one", "both" }, web = { true, false },
    },
    run = function(t, cell)
      t:internet { servers = { "rtmfp" }, rtmfp = { web = cell.web } }
      local near, far = t:host { "near", behind = cell.wall }, t:host { "far", behind = cell.sides == "both" and cell.wall or "linux-masq" }
      local call = t:call { near, far, model = "C", media = "voice" }
      if not cell.web then return call:expect { "death", reason = "connect_failed", within = "61s" } end
      local ev = call[near]:next { "open", within = "12s" }
      t:check { "near", ev and ev.path, equals = "relay_tcp" }
      t:check { "when", ev and ev.at, between = cell.sides == "both" and { "5s", "6500ms" } or { "10s", "11s" } }
      call[far]:expect { "open", path = cell.sides == "both" and "relay_tcp" or "relay_udp", within = "2s" }
      t:check { "its server", call[near].transport, equals = "ws" }
      t:check { "of the other", call[far].transport, equals = cell.sides == "both" and "ws" or "udp" }
      call:forbid { "stalled", "death", "failover", during = "30s" }
      call[near]:close()
      call[far]:expect { "closed", by = "remote", within = "1s" }
    end,
  },
  only = tank.scenario { "a call that is to go by the WebSocket alone waits for no other way, and needs a server that has one",
    matrix = { behind = { "none", "linux-masq", "symmetric" } },
    run = function(t, cell)
      t:internet { servers = { "rtmfp" }, rtmfp = { web = true } }
      local near, far = t:host { "near", behind = cell.behind }, t:host { "far", behind = "linux-masq" }
      local call = t:call { near, far, model = "C", media = "voice", transport = "ws" }
      call:expect { "open", path = "relay_tcp", within = "1500ms" }
    end,
  },
  -- Over a WebSocket as over UDP: silence is told before it is longer than T_stall, Pings find who is gone, one's own cable is known at once.
  ends = tank.scenario { "a call over the WebSocket hears of its server's death, of its own cable at once, and of the other's by silence",
    matrix = { what = { "server", "cable" } },
    run = function(t, cell)
      t:internet { servers = { "rtmfp" }, rtmfp = { web = true } }
      local near, far = t:host { "near", behind = "udp-blocked" }, t:host { "far", behind = "udp-blocked" }
      local call = open(t, near, far)
      if cell.what == "server" then
        t.server.rtmfp:crash()
        call:expect { "stalled", within = "2500ms" }
        call:expect { "death", reason = "server_lost", within = "60s" }
      else
        near.link:cut { signal = true }
        call[near]:expect { "death", reason = "link_down_no_alternative", within = "1ms" }
        call[far]:expect { "stalled", within = "2500ms" }
        call[far]:expect { "death", reason = "peer_closed", within = "60s" }
      end
    end,
  },
  -- H-K2b, of one flow by either leg of the same server. Expected was that by TCP, where what is lost holds up all that follows, more misses its
  -- time, the more so over a long way. It does not: sound here is a flow in order, which waits as well until a lost packet has come again or was
  -- given up (RFC 7016 section 3.6.2.3), and TCP finds losses in fewer packets than three NAKs take.
  legs = tank.hypothesis { "by the server's WebSocket more of the sound misses its time than by its session over UDP",
    claim = "Kaufman, 5 Jan 2011: UDP is preferable for what is sensitive to delay",
    matrix = { loss = { "2%", "10%" }, delay = { "5ms", "80ms" }, transport = { "udp", "ws" } },
    predict = { { "missing", of = { transport = "udp", delay = "80ms" }, below = { transport = "ws", delay = "80ms" } } },
    known = "mixed", -- 30 Nov 2026
    run = function(t, cell)
      t:internet { servers = { "rtmfp" }, rtmfp = { web = true } }
      local near, far = t:host { "near", link = { delay = cell.delay, loss = cell.loss } }, t:host { "far" }
      local call = t:call { near, far, model = "C", media = "voice", via = "server", transport = cell.transport }
      call:await { "open", within = "61s" }
      t:sleep "60s"
      local missing, all = 0, 0
      for _, host in ipairs { near, far } do
        local s = call[host].stats
        missing, all = missing + s.lost + s.late, all + s.lost + s.voice_received
      end
      t:metric { "missing", missing * 1000 // all }
    end,
  },
}
