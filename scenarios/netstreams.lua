-- NetConnections and NetStreams over RTMFP (RFC 7425 section 5), as Flash had them: a connection to a server, streams of one direction
-- under it, from a peer or by way of the server. Which of the two is the script's choice.
local tank = require "icetank"

local UP <const> = "NetConnection.Connect.Success"

-- Waits until `source` tells `code`, which it may have done already.
local function told(t, source, code, within)
  local ev = source:next { "status", code = code, within = within }
  t:check { code, ev ~= nil, equals = true }
  return ev
end

-- A server and two clients behind `near` and `far`, all connected.
local function meet(t, near, far, how)
  local server = t:host { "meet" }
  local introducer = server:serve_rtmfp(how and how.server)
  local function client(name, behind)
    local host = t:host { name, behind = behind }
    return host.netconnection:open { server = server, connect = "10s", parent_death = how and how.parent_death, ask = how and how.ask }
  end
  local a, b = client("alice", near), client("bob", far)
  told(t, a, UP, "2s")
  told(t, b, UP, "2s")
  return a, b, introducer
end

-- `a` publishes to peers and `b` plays it: both streams, and the subscriber that `a` has.
local function direct(t, a, b)
  local from, to = a:stream { via = "direct" }, b:stream { from = a }
  from:publish "voice"
  to:play "voice"
  local sub = from:next { "subscriber", peer = b.peer_id, within = "5s" }.stream
  told(t, to, "NetStream.Play.Start", "1s")
  return from, to, sub
end

return {
  relayed = tank.scenario { "what one publishes at the server the other plays, behind symmetric NATs too",
    run = function(t)
      local a, b, introducer = meet(t, "apdm-apdf", "apdm-apdf")
      local from, to = a:stream { via = "server" }, b:stream { via = "server" }
      from:publish "voice"
      told(t, from, "NetStream.Publish.Start", "1s")
      to:play "voice"
      told(t, to, "NetStream.Play.Reset", "1s")
      told(t, to, "NetStream.Play.Start", "1s")
      for i = 1, 5 do from:send(("syllable %d"):format(i), { type = "audio", lifetime = "500ms" }) end
      for i = 1, 5 do t:check { "heard", to:next({ "message", within = "1s" }).data, equals = ("syllable %d"):format(i) } end
      t:check { "path", to.path, equals = "relay_udp" }
      t:check { "packets relayed", introducer.stats.relayed, equals = 5 }
      local late = b:stream { via = "server" }
      late:publish "voice"
      told(t, late, "NetStream.Publish.BadName", "1s")
      from:close()
      told(t, to, "NetStream.Play.UnpublishNotify", "1s")
    end,
  },
  -- The script's way in Flash: a stream from the peer, and where that fails one by the server.
  falls = tank.scenario { "where two NATs let no direct stream be, the script falls back to the server",
    matrix = { far = tank.classes },
    run = function(t, cell)
      local a, b = meet(t, "apdm-apdf", cell.far)
      local call = t:call { a.host, b.host, model = "B" }
      local possible = call.oracle.outcome == "open"
      local from, to = a:stream { via = "direct" }, b:stream { from = a }
      from:publish "voice"
      to:play "voice"
      local ev = to:next { "status", code = possible and "NetStream.Connect.Success" or "NetStream.Connect.Failed", within = "11s" }
      t:check { "a direct stream", ev and ev.code, equals = possible and "NetStream.Connect.Success" or "NetStream.Connect.Failed" }
      if possible then return end
      from, to = a:stream { via = "server" }, b:stream { via = "server" }
      from:publish "voice"
      to:play "voice"
      told(t, to, "NetStream.Play.Start", "1s")
      t:sleep "1s"
      from:send "here"
      to:await { "message", data = "here", within = "1s" }
    end,
  },
  asks = tank.scenario { "a publisher that is asked takes one subscriber and refuses another",
    run = function(t)
      local a, b = meet(t, "linux-masq", "linux-masq", { ask = true })
      local from, first, second = a:stream { via = "direct" }, b:stream { from = a }, b:stream { from = a }
      from:publish "voice"
      first:play "voice"
      from:await { "subscriber", within = "5s" }.stream:refuse()
      told(t, first, "NetStream.Connect.Rejected", "1s")
      second:play "voice"
      from:await { "subscriber", within = "5s" }.stream:accept()
      told(t, second, "NetStream.Play.Start", "1s")
      from:send "for the second"
      second:await { "message", data = "for the second", within = "1s" }
    end,
  },
  parent = tank.scenario { "streams with peers outlive their connection, or end with it",
    matrix = { parent_death = { "detach", "cascade" } },
    run = function(t, cell)
      local a, b, introducer = meet(t, "linux-masq", "linux-masq", { parent_death = cell.parent_death })
      local from, to = direct(t, a, b)
      introducer.host:crash()
      told(t, b, "NetConnection.Connect.Closed", "60s")
      told(t, a, "NetConnection.Connect.Closed", "60s")
      if cell.parent_death == "cascade" then
        told(t, to, "NetStream.Connect.Closed", "1s")
        return
      end
      from:send "still here"
      to:await { "message", data = "still here", within = "1s" }
    end,
  },
  peer = tank.scenario { "a peer that is gone is told by every stream from it at once, and the connection stays",
    run = function(t)
      local a, b = meet(t, "linux-masq", "linux-masq")
      local _, to = direct(t, a, b)
      local second = b:stream { from = a }
      second:play "voice"
      told(t, second, "NetStream.Play.Start", "1s")
      a.host:crash()
      local one = told(t, to, "NetStream.Connect.Closed", "60s")
      local two = told(t, second, "NetStream.Connect.Closed", "1s")
      t:check { "at the same instant", one.at == two.at, equals = true }
      b:forbid { "status", during = "30s" }
    end,
  },
  -- RFC 7016 section 3.5.4.2: who has moved is followed by its next packet, and nobody is asked.
  moves = tank.scenario { "a publisher whose NAT has another address goes on, without a word by the server",
    run = function(t)
      local a, b, introducer = meet(t, "linux-masq", "full-cone")
      local from, to, sub = direct(t, a, b)
      local before = introducer.stats.introduced
      a.host.gateway:renumber()
      from:send "from elsewhere"
      to:await { "message", data = "from elsewhere", within = "200ms" }
      t:sleep "200ms"
      t:check { "path", sub.path, equals = "direct_udp" }
      t:check { "introductions", introducer.stats.introduced, equals = before }
    end,
  },
  change = tank.scenario { "an interface that goes is a NetworkChange at once, and Closed only later",
    run = function(t)
      local a = meet(t, "linux-masq", "linux-masq")
      local at = t:now()
      a.host.link:cut()
      local ev = told(t, a, "NetConnection.Connect.NetworkChange", "1s")
      t:check { "at once", ev.at == at, equals = true }
      told(t, a, "NetConnection.Connect.Closed", "60s")
      a.host.link:restore()
      t:sleep "1s"
      a:connect()
      told(t, a, UP, "5s")
    end,
  },
  apart = tank.scenario { "a lost picture does not hold up the voice",
    run = function(t)
      local a, b = meet(t, "linux-masq", "linux-masq")
      local from, to = direct(t, a, b)
      from:send("first", { type = "video" })
      from:send("first", { type = "audio" })
      to:next { "message", data = "first", within = "1s" }
      to:next { "message", data = "first", within = "1s" }
      t:sleep "1s"
      local at = t:now()
      a.host.link:drop { nth = 1, from = a.host }
      from:send("picture", { type = "video" })
      t:sleep "20ms"
      from:send("voice", { type = "audio" })
      local voice = to:await { "message", data = "voice", within = "1s" }
      local picture = to:await { "message", data = "picture", within = "5s" }
      t:check { "the voice was not held up", voice.at - at, at_most = "100ms" }
      t:check { "the picture comes by retransmission", picture.at > voice.at, equals = true }
    end,
  },
}
