local tank = require "icetank"

-- A box that rewrites addresses in payloads, "in the well-meaning but misguided attempt to provide a generic ALG function" (RFC 8489
-- section 14.2): why XOR-MAPPED-ADDRESS is what ICE goes by.
local COOKIE = 0x2112A442

local function number(addr) -- "192.0.2.1:5000" -> the address as a number, the port
  local a, b, c, d, port = addr:match "^(%d+)%.(%d+)%.(%d+)%.(%d+):(%d+)$"
  return ((tonumber(a) * 256 + tonumber(b)) * 256 + tonumber(c)) * 256 + tonumber(d), tonumber(port)
end

-- A Binding response as a server of RFC 5780 sends it, with the address it sees in both forms.
local function response(seen)
  local ip, port = number(seen)
  return string.pack(">I2I2I4c12", 0x0101, 24, COOKIE, "abcdefghijkl") .. string.pack(">I2I2I2I2I4", 0x0001, 8, 1, port, ip) ..
    string.pack(">I2I2I2I2I4", 0x0020, 8, 1, port ~ (COOKIE >> 16), ip ~ COOKIE)
end

return {
  stun = tank.scenario { "MAPPED-ADDRESS does not survive a generic ALG, XOR-MAPPED-ADDRESS does",
    matrix = { alg = { true, false } },
    run = function(t, c)
      local box = t:nat { "box", "full-cone", set = { alg = c.alg and { "generic" } or {} } }
      local alice, bob = t:host { "alice", behind = box }, t:host { "bob" }
      local near, far = alice.udp:open(), bob.udp:open { port = 3478 }
      near:send(far.addr, "who am I?")
      local ev = far:next { "message", within = "1s" }
      far:send(ev.addr, response(ev.addr))
      local answer = near:next { "message", within = "1s" }.data
      local mapped, xored = string.unpack(">I4", answer, 29), string.unpack(">I4", answer, 41) ~ COOKIE
      t:check { "XOR-MAPPED-ADDRESS is what the server saw", xored, equals = (number(ev.addr)) }
      t:check { "MAPPED-ADDRESS", mapped, equals = (number((c.alg and near or ev).addr)) }
      t:check { "payloads rewritten", box.stats.rewritten, equals = c.alg and 1 or 0 }
    end },
  out = tank.scenario { "on the way out the host's address becomes the box's",
    run = function(t)
      local alice, bob = t:host { "alice", behind = "generic-alg" }, t:host { "bob" }
      local near, far = alice.udp:open(), bob.udp:open { port = 7000 }
      near:send(far.addr, "I am " .. string.pack(">I4", (number(near.addr))) .. ", " .. near.addr)
      local ev = far:next { "message", within = "1s" }
      t:check { "in binary", ev.data:sub(6, 9) == string.pack(">I4", (number(ev.addr))) }
      t:check { "text stays", ev.data:sub(12), equals = near.addr }
    end },
  call = tank.scenario { "ICE does not mind",
    matrix = { model = { "B", "E" }, far = { "generic-alg", "port-cone" } },
    run = function(t, c)
      local alice, bob = t:host { "alice", behind = "generic-alg" }, t:host { "bob", behind = c.far }
      local call = t:call { alice, bob, model = c.model, media = "voice" }
      call:await { "open", path = "direct_udp", within = "5s" }
      call:forbid { "death", "stalled", during = "10s" }
      t:sleep "10s"
    end },
}
