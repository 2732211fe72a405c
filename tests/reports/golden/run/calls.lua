-- What the golden pages were made from.
local tank = require "icetank"
local function call(t, cell, near, far)
  local c = t:call { near, far, model = cell.model, media = cell.media }
  c:await { "open", within = "10s" }
  t:at "15s"
  return c
end
local some = { "eim-eif", "adm-adf", "apdm-apdf" }
return {
  classes = tank.scenario { "NAT classes against each other",
    matrix = { near = some, far = some, session = { "yes", "no" }, model = { "B", "C" } },
    where = function(cell) return cell.session == "yes" and cell.model == "B" or cell.near == cell.far end,
    run = function(t, cell)
      local inbound = cell.session == "yes"
      local near = t:host { "near", behind = { cell.near, inbound_creates_session = inbound } }
      local far = t:host { "far", behind = { cell.far, inbound_creates_session = inbound } }
      t:call { near, far, model = cell.model }:expect { "open", within = "61s" }
    end,
  },
  cut = tank.scenario { "the wire is cut",
    matrix = { model = { "B", "E" }, signal = { true, false }, media = { "voice", "none" } },
    where = function(cell) return cell.media == "voice" or cell.signal end,
    run = function(t, cell)
      local near, far = t:host { "near", behind = "linux-masq" }, t:host { "far", behind = "port-cone" }
      local c = call(t, cell, near, far)
      near.link:cut { signal = cell.signal }
      c[far]:expect { "death", reason = "consent_expired", within = "36s" }
    end,
  },
  hole = tank.scenario { "the path swallows everything for a while",
    matrix = { model = { "B", "E" }, hole = { "5s", "31s" }, media = { "voice", "none" } },
    where = function(cell) return cell.media == "voice" or cell.hole == "31s" end,
    run = function(t, cell)
      local near, far = t:host { "near", behind = "linux-masq" }, t:host { "far", behind = "port-cone" }
      local c = call(t, cell, near, far)
      near.gateway.link:blackhole()
      c:expect { "stalled", within = "2.5s" }
      c:forbid { "death", during = "60s" }
      t:sleep(tank.time(cell.hole))
      near.gateway.link:restore()
    end,
  },
  move = tank.scenario { "one interface goes, another stays",
    matrix = { model = { "B" }, media = { "none" } },
    run = function(t, cell)
      local near = t:host { "near", { "wifi", behind = "linux-masq", link = "lan" }, { "lte", behind = "cgn-apdf", link = "lan" } }
      local c = call(t, cell, near, t:host { "far", behind = "full-cone" })
      near.iface.wifi:down()
      c:expect { "failover", within = "10s" }
      c:expect { "death", within = "20s" }
    end,
  },
  guess = tank.hypothesis { "H-1: a longer hole costs more",
    claim = "what everybody says", matrix = { hole = { "3s", "6s" } }, seeds = 3,
    predict = { { "t_detect", of = { hole = "6s" }, below = { hole = "3s" } } },
    known = "supported",
    run = function(t, cell)
      local near, far = t:host { "near", behind = "linux-masq" }, t:host { "far", behind = "port-cone" }
      local c = call(t, { model = "B", media = "none" }, near, far)
      near.gateway.link:blackhole()
      t:sleep(tank.time(cell.hole))
      near.gateway.link:restore()
      t:sleep "30s"
    end,
  },
}
