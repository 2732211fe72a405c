-- Two hosts with three networks each have trouble on two of them, from before the call to its end: interfaces that are down, late, flap
-- or get another address, wires that swallow everything, one way or both, routers that lose their state or their address. The third is
-- whole at all times, if slow and lossy, so the call opens and lives.
local tank = require "icetank"
local NETS = { "eth", "wifi", "lte" }
-- The box of each network; the hosts inside have subnets of their own.
local BOXES = { { "fritzbox-like", behind = "linux-masq" }, { "linux-masq" }, { "cgn-apdf" } }
local OPEN  = { { "full-cone", behind = "linux-masq" }, { "full-cone" }, { "full-cone", behind = { "full-cone", "full-cone" } } }

-- One stretch of trouble on `iface`, of `d`.
local TROUBLE = {
  function(t, iface, d) iface:down() t:sleep(d) iface:up() end,
  function(t, iface, d) iface.link:blackhole {} t:sleep(d) iface.link:restore() end,
  function(t, iface, d) iface.link:blackhole { from = iface.gateway } t:sleep(d) iface.link:restore() end,
  function(t, iface, d) iface.link:cut { signal = false } t:sleep(d) iface.link:restore() end,
  function(t, iface, d) iface.link:cut {} t:sleep(d) iface.link:restore() end,
  function(t, iface, d) iface:renumber() t:sleep(d) end,
  function(t, iface, d) iface.gateway:reboot { down = "2s" } t:sleep(d) end,
  function(t, iface, d) iface.gateway:renumber() t:sleep(d) end,
  function(t, iface, d) iface.link:set { loss = "60%" } t:sleep(d) iface.link:set { loss = "0%" } end,
  function(t, iface) for _ = 1, 14 do iface:down() t:sleep "250ms" iface:up() t:sleep "350ms" end end,
}
local function ms(from, to) return tank.time "1ms" * math.random(from, to) end

local function host(t, name, boxes, good)
  local spec = { name }
  for i, net in ipairs(NETS) do
    local box = i == good and boxes[i] or BOXES[i]
    local nat = t:nat { name .. "-" .. net .. "-gw", box[1], behind = box.behind }
    spec[#spec + 1] = { net, behind = nat, link = i == good and { "lan", delay = "80ms", loss = "1%" } or nil }
  end
  local h = t:host(spec)
  for i, net in ipairs(NETS) do
    if i ~= good then
      local iface = h.iface[net]
      local late = math.random(1, 2) == 1
      if late then iface:down() end
      t:spawn(function()
        t:sleep(ms(0, 3000))
        if late then iface:up() end
        for _ = 1, 12 do
          TROUBLE[math.random(1, #TROUBLE)](t, iface, ms(500, 20000))
          t:sleep(ms(0, 8000))
        end
      end)
    end
  end
  return h
end

return tank.scenario { "two of three networks of both ends fail in every way: the call opens and lives by the third",
  matrix = { good = { 1, 2, 3 }, model = { "B", "E" }, media = { "voice", "none" } },
  seeds = 8, limit = "5min",
  run = function(t, cell)
    local near, far = host(t, "near", BOXES, cell.good), host(t, "far", OPEN, cell.good)
    -- Who only listens for signaling finds out by its next ping that a wire swallows everything: later than T_linkdown.
    local call = t:call { near, far, model = cell.model, media = cell.media, carrier = "instant" }
    call:await { "open", within = "30s" }
    call:forbid { "death", during = "200s" }
    t:sleep "200s"
  end,
}
