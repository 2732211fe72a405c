-- The ten kinds of network of libwebrtc's own test of its transport channel (p2p/base/p2p_transport_channel_unittest.cc) against each other:
-- STUN, TURN by UDP and by TCP on 3478 and 443, ICE over TCP, as they have it there. Which kinds of candidates win is in each result, with
-- the time to connect; `icetank report` draws the ten by ten.
local tank = require "icetank"

-- What stands before a host, from the host outwards.
local BEFORE = {
  open               = function() end,
  ["full-cone"]      = function() return "full-cone" end,
  ["addr-cone"]      = function() return "addr-cone" end,
  ["port-cone"]      = function() return "port-cone" end,
  symmetric          = function() return "symmetric" end,
  ["double-cone"]    = function() return { "full-cone", "full-cone" } end,
  ["symmetric-cone"] = function() return { "full-cone", "symmetric" } end, -- a cone behind a symmetric NAT
  ["no-udp"]         = function() return "udp-blocked" end,
  ["no-udp-tcp-in"]  = function(t, name) return t:firewall { name .. "-wall", "stateful", set = { udp = "block" } } end,
  ["http-out"]       = function() return "tcp-443-only" end,
}
local KINDS = { "open", "full-cone", "addr-cone", "port-cone", "symmetric", "double-cone", "symmetric-cone", "no-udp", "no-udp-tcp-in", "http-out" }

return tank.scenario { "libwebrtc's ten networks against each other",
  matrix = { near = KINDS, far = KINDS },
  run = function(t, cell)
    t:internet { servers = { "signal", "stun", "turn" }, turn = { udp = { 3478 }, tcp = { 3478, 443 } } }
    local near = t:host { "near", behind = BEFORE[cell.near](t, "near"), behaviour = "libwebrtc" }
    local far = t:host { "far", behind = BEFORE[cell.far](t, "far"), behaviour = "libwebrtc" }
    local call = t:call { near, far, model = "B", tcp = "all" }
    call:expect { "open", within = "30s" }
  end,
}
