-- What hosts that were never invited may do to a call: nothing. Each case is run twice, with the attacker silent the first time, and the
-- rule "stranger" holds every datagram and event of the honest ends of the second run against the first.
local tank = require "icetank"
local SHAPES = {
  { "ends", list = { "alert", "close" } },
  { "records", list = { "junk", "data", "big", "epoch", "short", "ccs" } },
  { "hellos", list = { "hello_junk" } },
  { "requests", list = { "binding", "check", "signed", "indication" } },
  { "answers", list = { "response", "bare", "error" } },
  { "noise", list = { "noise" } },
}
-- `ids`: the attacker is on the path and sees transaction ids; else it knows addresses alone.
local BOXES = { { "open", ids = true }, { "homes", a = "linux-masq", b = "port-cone", ids = true }, { "one-home", a = "full-cone" } }

-- The call, whatever happens around it.
local function call(t, cell)
  local a, b = t:host { "a", behind = cell.box.a }, t:host { "b", behind = cell.box.b }
  return t:call { a, b, model = cell.model, media = "voice" }, a, b
end

return {
  peer = tank.scenario { "datagrams in the name of the far end, from before the first check to long after the opening, on the path and off it",
    matrix = { model = { "B", "E" }, shape = SHAPES, box = BOXES },
    run = function(t, cell)
      local c = call(t, cell)
      local m = t:attacker { "mallory", on_path = cell.box.ids }
      m:attack { on = c, every = "19ms", during = "5s", table.unpack(cell.shape.list) }
      c:expect { "open", path = "direct_udp", within = "5s" }
      c:forbid { "stalled", "death", "failover", "closed", during = "7s" }
      t:sleep "7s"
    end },
  stranger = tank.scenario { "the same from the attacker's own address, and at ports where nobody is",
    matrix = { model = { "B", "E" }, shape = SHAPES },
    run = function(t, cell)
      local c, _, b = call(t, { model = cell.model, box = BOXES[1] })
      local m = t:attacker { "mallory" }
      m:attack { on = c, from = "self", every = "19ms", during = "4s", table.unpack(cell.shape.list) }
      m:attack { on = b, ports = { 49152, 49252 }, every = "5ms", during = "4s", table.unpack(cell.shape.list) }
      c:expect { "open", within = "5s" }
      c:forbid { "stalled", "death", during = "7s" }
      t:sleep "7s"
    end },
  restart = tank.scenario { "an outage in mid-call makes both restart while the attacker goes on",
    matrix = { model = { "B", "E" }, shape = SHAPES },
    run = function(t, cell)
      local c, a = call(t, { model = cell.model, box = BOXES[2] })
      local m = t:attacker { "mallory", on_path = true }
      c:await { "open", within = "5s" }
      t:at "3s"
      m:attack { on = c, every = "19ms", during = "8s", table.unpack(cell.shape.list) }
      a.gateway:reboot { down = "4s" }
      c:expect { "failover", "resumed", within = "8s" }
      c:forbid { "death", during = "10s" }
      t:sleep "10s"
    end },
  -- A ClientHello that is in order, and handshake messages of noise, in the far end's own name: the DTLS handshake is not authentic before
  -- it is done, so what leaves may differ. The call opens all the same, a little later, and lives.
  handshake = tank.scenario { "forged handshake messages in the far end's name cost time and no call",
    matrix = { model = { "B", "E" }, shape = { "hello", "handshake", "fragment" }, every = { "11ms", "40ms" } },
    allow = { stranger = "who writes the far end's address may make a handshake's messages be sent again" },
    run = function(t, cell)
      local c = call(t, { model = cell.model, box = BOXES[2] })
      local m = t:attacker { "mallory" }
      m:attack { cell.shape, on = c, every = cell.every, during = "2s" }
      c:expect { "open", within = "20s" }
      c:forbid { "death", during = "20s" }
      t:sleep "20s"
    end },
}
