-- How many round trips pass before the first packet of media can leave: each counted by hand, in worlds of one delay without loss. With the
-- carrier "instant" the description is half a round trip; of what a call is made of here, half a one counts as one.
local tank = require "icetank"
local S = {}

-- A call between two hosts that nothing stands before, or what `way` says, and then 3 s of voice.
local function talk(t, way)
  t:internet { delay = "10ms", servers = { "signal", "stun", way.relay and "turn" or nil } }
  local one, other = { "firefox", sped = way.sped ~= nil }, { "firefox", sped = way.sped == "both" }
  local alice = t:host { "alice", behind = way.behind, behaviour = one }
  local bob = t:host { "bob", behind = way.behind, behaviour = other }
  local call = t:call { alice, bob, model = "B", media = way.media or "voice", carrier = way.carrier or "instant", turn = way.relay and "udp" or nil }
  call:await { "open", within = "15s" }
  t:sleep "3s"
end

-- 1 of STUN, for the script starts both ends at once, or half a one of the description, whichever came last; 1 of the check, 2 of DTLS.
S.sped = tank.hypothesis { "checks that carry DTLS save a round trip, where both ends have it",
  claim = "draft-hancke-webrtc-sped-00 section 3.2: setup is faster by one round trip",
  matrix = {
    way = {
      { "plain" }, { "sped", sped = "both" }, { "one-end", sped = "one" },
      { "plain-rtp", media = "audio" }, { "sped-rtp", sped = "both", media = "audio" },
      { "plain-nat", behind = "full-cone" }, { "sped-nat", sped = "both", behind = "full-cone" },
    },
  },
  predict = {
    { "round_trips", of = { way = "plain" }, equals = 4 }, { "round_trips", of = { way = "sped" }, equals = 3 },
    { "round_trips", of = { way = "one-end" }, equals = 4 },
    { "round_trips", of = { way = "plain-rtp" }, equals = 4 }, { "round_trips", of = { way = "sped-rtp" }, equals = 3 },
    -- The candidate at the NAT is told once STUN has answered: 1, then half a one.
    { "round_trips", of = { way = "plain-nat" }, equals = 5 }, { "round_trips", of = { way = "sped-nat" }, equals = 4 },
  },
  known = "supported",
  run = function(t, cell) talk(t, cell.way) end,
}

-- By WebSocket: 1 of TCP, 1 of the handshake of WebSocket, half a one of the description, then 3. By a relay: 1 of STUN, 2 of the allocation (the
-- first request is refused, RFC 8489 section 9.2.3), half a one of the description, 1 of the permission, then 3.
S.servers = tank.hypothesis { "servers on the way cost what their protocols say",
  claim = "RFC 6455 section 4, RFC 8656 sections 7 and 10",
  matrix = { way = { { "websocket", carrier = "websocket" }, { "relay", relay = true, behind = "symmetric" }, { "relay-sped", relay = true, behind = "symmetric", sped = "both" } } },
  predict = {
    { "round_trips", of = { way = "websocket" }, equals = 6 },
    { "round_trips", of = { way = "relay" }, equals = 8 }, { "round_trips", of = { way = "relay-sped" }, equals = 7 },
  },
  known = "supported",
  run = function(t, cell) talk(t, cell.way) end,
}

-- A handshake in checks is repeated as they are: every 500 ms at first, where DTLS alone waits a second and then two.
S.loss = tank.hypothesis { "where a tenth is lost, checks that carry DTLS open sooner",
  claim = "draft-hancke-webrtc-sped-00, appendix A",
  matrix = { sped = { true, false } },
  seeds = 40,
  predict = { { "t_conn", of = { sped = true }, below = { sped = false } } },
  known = "supported",
  run = function(t, cell)
    local b = { "firefox", sped = cell.sped }
    local link = { "lan", delay = "50ms", loss = "10%" }
    local alice, bob = t:host { "alice", link = link, behaviour = b }, t:host { "bob", link = link, behaviour = b }
    local call = t:call { alice, bob, model = "B", media = "voice", carrier = "instant" }
    call:await { "open", within = "60s" }
  end,
}
return S
