-- Two hypotheses that state their prediction first: a Wi-Fi to LTE handover over 30 seeds, and a drawn population of homes.
local tank = require "icetank"
return {
  handover = tank.hypothesis { "H-H5: walking out of the house, C is back before B and asks no server",
    claim   = "Alvestrand, 7 Jan 2011: \"failover to new connections\" has to reach the app",
    matrix  = { model = { "B", "C" } },
    seeds   = 30,
    predict = { { "t_recover", of = { model = "C" }, below = { model = "B" } }, { "asked", of = { model = "C" }, equals = 0 } },
    known   = "supported",                                  -- 30 Nov 2026: 151 ms against 1091 ms
    run = function(t, cell)
      local wifi = { "wifi", behind = "linux-masq", link = "wifi-good" }
      local lte  = { "lte", behind = "cgn-symmetric-cell", link = "lte" }
      local phone, desk, server = t:host { "phone", wifi, lte }, t:host { "desk", behind = "full-cone" }, t:host "introducer"
      phone.iface.lte:down()                                  -- at home it has the Wi-Fi alone
      local introducer = server:serve_rtmfp()
      local function asked() return t.server.signal.stats.messages + introducer.stats.introduced end
      local call = t:call { phone, desk, model = cell.model, media = "voice", server = cell.model == "C" and server or nil }
      call:await { "open", within = "10s" }
      t:at "11s"
      phone.iface.lte:up()
      t:at "12s"
      phone.iface.wifi.link:set { loss = "20%", burst = 5 }
      t:at "15s"
      local before = asked()
      phone.iface.wifi:down()
      call:await { "failover", within = "40s" }
      t:metric { "asked", asked() - before }
    end,
  },
  homes = tank.hypothesis { "two random homes connect directly as often as Ford's p squared says",
    claim   = "Ford 2005: 82 % of NATs can be punched, squared 67 %; DCUtR 2025: 70 % +- 7 % of attempts succeed",
    matrix  = { pair = tank.draw { pairs = 2000, from = { { 82, behind = "port-cone" }, { 18, behind = "symmetric-seq" } } } },
    predict = { { "direct", between = { "63%", "77%" } } },
    known   = "supported",                                  -- written here only after the first measurement
    run = function(t, cell)
      local a, b = t:host { "a", like = cell.pair.a }, t:host { "b", like = cell.pair.b }
      local call = t:call { a, b, model = "B" }
      call:expect { call.oracle.outcome, within = "61s" }
    end,
  },
}
