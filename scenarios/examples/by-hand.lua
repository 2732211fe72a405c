-- A network built by hand (two interfaces, IPv6, a bloated line, bursty loss) and two apps written as coroutines over model B.
local tank = require "icetank"
local function dial(me, far)                                -- B by hand: any wire that carries text will do
  local pc, wire = me.B:new { stun = "stun" }, me:carrier { "http-poll", to = far }
  me:spawn(function() for ev in pc:events "signal" do wire:send(ev.blob) end end)
  me:spawn(function() for ev in wire:events "message" do pc:signal(ev.data) end end)
  pc:start()
  pc:await { "open", within = "15s" }
  return pc
end
return tank.scenario { "a laptop between a bloated line and a bad Wi-Fi",
  run = function(t)
    t:internet { servers = { "signal", "stun" }, delay = "15ms" }
    local dsl    = t:nat { "dsl", "linux-masq", link = { "dsl-bloat", up = { rate = "1Mbps", queue = "256KiB" } } }
    local isp    = t:router { "isp", family = "v6", link = { delay = "8ms", rate = "100Mbps" } }
    local guard  = t:firewall { "guard", "stateful", family = "v6", behind = isp }
    local laptop = t:host { "laptop",
      { "eth",  behind = dsl, addr = "192.168.1.20/24" },
      { "wlan", behind = guard, addr = "2001:db8:7::20/64", link = { "wifi-bad", loss = "2%", burst = 4, jitter = "8ms" } },
    }
    local office = t:host { "office", family = "dual", link = { "fiber", delay = "3ms", loss = "0.1%" } }
    office:spawn(function(me)
      local pc = dial(me, laptop)
      for ev in pc:events "message" do pc:send("pong " .. ev.data) end      -- until the connection ends
    end)
    local pc = dial(laptop, office)
    for n = 1, 20 do pc:send("ping " .. n); t:sleep "500ms" end
    t:check { "answers", pc.stats.received, at_least = 15 }
    pc:close()
  end,
}
