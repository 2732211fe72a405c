-- Model E by hand: honest scripts that run ICE themselves through the shipped library, and hostile ones that try to use their visitor's
-- machine against somebody else. Every case is also judged by the standing rule "whitelist", from the wire alone.
local tank = require "icetank"
local ice = require "lib.ice"

-- One end of an honest call.
local function talk(me, far, role)
  local e     = me.E:open(ice.credentials(me))              -- binds a port; nothing is permitted at this point
  local agent = ice.agent { e, wire = me:carrier { "websocket", to = far }, role = role, stun = "stun" }
  local media = e:open_media(agent:connect "10s")           -- gathers, tests, nominates; then DTLS to what has answered
  media:await { "open", within = "2s" }
  return media, e
end

-- Two sockets that know each other's credentials and addresses, without a library: a has succeeded at b.
local PWD = { a = ("a"):rep(22), b = ("b"):rep(22) }
local function met(t)
  local near, far = t:host { "near" }, t:host { "far" }
  local a, b = near.E:open("aaaa", PWD.a), far.E:open("bbbb", PWD.b)
  local there = b:addrs()[1]
  a:test(there, "bbbb", PWD.b, { controlling = true })
  a:await { "success", addr = there, user = "bbbb", within = "1s" }
  return a, b, there, near, far
end

-- What `what` came to: the word of a refusal, or "sent".
local function sent(ok, why) return ok and "sent" or why end

return {
  honest = tank.scenario { "E: ICE in the script reaches a full cone from every class of NAT",
    matrix = { nat = tank.classes },
    run = function(t, cell)
      local alice, bob = t:host { "alice", behind = cell.nat }, t:host { "bob", behind = "full-cone" }
      bob:spawn(talk, alice, "controlled")
      t:check { "path", talk(alice, bob, "controlling").path, equals = "direct_udp" }
    end,
  },
  hostile = tank.scenario { "E: a hostile page cannot make its visitor flood a third party",
    run = function(t)
      local page, victim = t:host { "page", behind = "linux-masq" }, t:host { "victim" }
      local e = page.E:open("evil", ("x"):rep(22))
      local _, why = e:send(victim:addr(9999), ("A"):rep(1200))
      t:check { "a send before any success", why, equals = "NOT_PERMITTED" }
      local limited
      while t:now() < "30s" do
        _, limited = e:test(victim:addr(9999), "any", ("y"):rep(22)) -- beyond the rate limit it returns nil, "RATE_LIMITED"
        t:sleep "1ms"
      end
      t:check { "the limit speaks", limited, equals = "RATE_LIMITED" }
      t:check { "bytes at the victim", victim.stats.rx_bytes, at_most = "20kB" }    -- what the rate limit amounts to
      t:check { "of them checks", victim.stats.rx_bytes - victim.stats.rx_stun_bytes - 28 * victim.stats.rx_packets, equals = 0 }
    end,
  },
  spray = tank.scenario { "E: many ports and the longest credentials do not raise the limit on one machine",
    run = function(t)
      local page, victim = t:host { "page" }, t:host { "victim" }
      local e, port = page.E:open("evil", ("x"):rep(22)), 1024
      while t:now() < "30s" do
        e:test(victim:addr(port), ("u"):rep(256), ("y"):rep(256))
        port = port + 1
        t:sleep "10ms"
      end
      -- 5 transactions of 7 requests at most in 39.5 s, each below 28 + 400 bytes
      t:check { "requests at the victim", victim.stats.rx_packets, at_most = 35 }
      t:check { "bytes at the victim", victim.stats.rx_bytes, at_most = "15kB" }
    end,
  },
  mutate = tank.scenario { "E: a success is for exactly one address and port",
    matrix = { change = { "port", "ip", "family", "stun-server" } },
    run = function(t, cell)
      local a, _, there = met(t)
      local victim = t:host { "victim", family = "dual" }
      local other = { port = there:gsub(":%d+$", ":53"), ip = victim:addr(tonumber(there:match ":(%d+)$")), ["stun-server"] = t.server.stun:addr(3478),
        family = "[2001:db8:ffff::7]:" .. there:match ":(%d+)$" }
      local ok = a:send(there, "hello")
      t:check { "where it has succeeded", ok, equals = true }
      t:check { "elsewhere", sent(a:send(other[cell.change], "hello")), equals = "NOT_PERMITTED" }
      t:check { "no session either", sent(a:open_media(other[cell.change], { fingerprint = ("0"):rep(64) })), equals = "NOT_PERMITTED" }
      if cell.change == "stun-server" then                  -- it answers without credentials: an address, no permission
        t:sleep "50ms"                                      -- the limit on new transactions
        a:probe_stun "stun"
        a:await { "reflexive", within = "1s" }
        t:check { "after a probe", sent(a:send(t.server.stun:addr(3478), "hello")), equals = "NOT_PERMITTED" }
      end
      t:check { "a probe of no configured server", sent(a:probe_stun(victim:addr(3478))), equals = "NOT_PERMITTED" }
      t:sleep "1s"
      t:check { "packets at the victim", victim.stats.rx_packets, equals = 0 }
    end,
  },
  nowhere = tank.scenario { "E: no check goes to what can be nobody's candidate: the own machine, a group, all",
    matrix = { to = { { "loopback", addr = "127.0.0.1:631" }, { "loopback6", addr = "[::1]:631" }, { "group", addr = "224.0.0.251:5353" },
      { "everybody", addr = "255.255.255.255:67" }, { "unspecified", addr = "0.0.0.0:9" } } },
    run = function(t, cell)
      local near = t:host { "near", family = "dual" }
      local a = near.E:open("aaaa", PWD.a)
      t:check { "refused", sent(a:test(cell.to.addr, "bbbb", PWD.b)), equals = "NOT_PERMITTED" }
      t:sleep "1s"
      t:check { "and nothing left", near.stats.tx_packets, equals = 0 }
    end,
  },
  inbound = tank.scenario { "E: a valid check from somebody is an event, no permission",
    run = function(t)
      local a, b, there, near = met(t)
      local here = a:addrs()[1]
      local ev = b:next { "test", within = "1s" }           -- it came before a's success
      t:check { "who tested", ev and ev.addr .. " " .. ev.user .. " " .. tostring(ev.controlling), equals = here .. " aaaa true" }
      t:check { "b has only been tested", sent(b:send(here, "hello")), equals = "NOT_PERMITTED" }
      local before = near.stats.rx_packets
      t:check { "no session either", sent(b:open_media(here, { fingerprint = ("0"):rep(64) })), equals = "NOT_PERMITTED" }
      t:sleep "1s"
      t:check { "and nothing left", near.stats.rx_packets, equals = before }
      -- What a says waits for b's own success (stack/model/gate.h).
      a:send(there, "hello")
      t:sleep "500ms"
      b:test(here, "aaaa", PWD.a)
      b:await { "message", data = "hello", addr = here, within = "1s" }
    end,
  },
  credentials = tank.scenario { "E: an answer counts only with the right credentials",
    matrix = { wrong = { "password", "fragment" } },
    run = function(t, cell)
      local near, far = t:host { "near" }, t:host { "far" }
      local a, b = near.E:open("aaaa", PWD.a), far.E:open("bbbb", PWD.b)
      local there = b:addrs()[1]
      a:test(there, cell.wrong == "fragment" and "cccc" or "bbbb", cell.wrong == "password" and ("c"):rep(22) or PWD.b)
      a:forbid { "success", during = "5s" }
      b:forbid { "test", during = "5s" }
      t:sleep "5s"
      t:check { "no permission", sent(a:send(there, "hello")), equals = "NOT_PERMITTED" }
      a:test(there, "bbbb", PWD.b)                          -- the right ones
      a:expect { "success", addr = there, within = "1s" }
    end,
  },
  source = tank.scenario { "E: an authentic answer that comes from another port than the check went to is no success",
    matrix = { nat = { { "apdm-eif", success = true }, { "apdm-eif-nosession", success = false } } },
    run = function(t, cell)
      local near, far = t:host { "near" }, t:host { "far", behind = cell.nat[1] }
      local a, b = near.E:open("aaaa", PWD.a), far.E:open("bbbb", PWD.b)
      b:probe_stun "stun"
      local there = b:await { "reflexive", within = "1s" }.addr  -- the filter lets anybody in there
      a:test(there, "bbbb", PWD.b)
      b:expect { "test", within = "1s" }
      if cell.nat.success then a:expect { "success", addr = there, within = "1s" } else a:forbid { "success", during = "5s" } end
      t:sleep "1s"
      t:check { "a send", sent(a:send(there, "hello")), equals = cell.nat.success and "sent" or "NOT_PERMITTED" }
    end,
  },
  lapse = tank.scenario { "E: a permission lapses 30 s after its last success, whoever still listens",
    matrix = { expiry = { "30s", "5s", "never" } },
    run = function(t, cell)
      local near, far = t:host { "near" }, t:host { "far" }
      local a, b = near.E:open("aaaa", PWD.a, { expiry = cell.expiry }), far.E:open("bbbb", PWD.b)
      local there = b:addrs()[1]
      a:test(there, "bbbb", PWD.b)
      local ev = a:await { "success", within = "1s" }
      far:stop()                                            -- it cannot consent any more
      local life = cell.expiry == "never" and tank.time "5min" or tank.time(cell.expiry)
      t:at(ev.at + life - tank.time "1ms")
      t:check { "just before", sent(a:send(there, "hello")), equals = "sent" }
      t:sleep "1ms"
      t:check { "just after", sent(a:send(there, "hello")), equals = cell.expiry == "never" and "sent" or "NOT_PERMITTED" }
    end,
  },
  silence = tank.scenario { "E: without a consent loop and without lapse a dead peer is never reported, with lapse it is",
    matrix = { expiry = { "30s", "never" } },
    run = function(t, cell)
      local near, far = t:host { "near" }, t:host { "far" }
      local a, b = near.E:open("aaaa", PWD.a, { expiry = cell.expiry }), far.E:open("bbbb", PWD.b, { expiry = cell.expiry })
      local here, there = a:addrs()[1], b:addrs()[1]
      a:test(there, "bbbb", PWD.b)
      b:test(here, "aaaa", PWD.a)
      a:await { "success", within = "1s" }
      b:await { "success", within = "1s" }
      local ear = b:open_media(here, { fingerprint = a.fingerprint })
      local mouth = a:open_media(there, { fingerprint = b.fingerprint, client = true })
      mouth:await { "open", within = "2s" }
      ear:await { "open", within = "2s" }
      far:stop { silent = true }
      if cell.expiry == "never" then mouth:forbid { "stalled", "death", during = "5min" }
      else mouth:expect { "death", reason = "consent_expired", within = "30s" } end
    end,
  },
}
