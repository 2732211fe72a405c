local icetank = require "icetank"

-- PCP's PEER: a host tells its box of the flow to a remote peer. It learns the address outside before it has sent anything, the flow
-- lives as long as was asked for without a packet, nobody else is let in by it, and after a reboot the same port is had again.
return icetank.scenario {
  "a flow held by PEER",
  limit = "4h",
  matrix = { nat = { "port-cone", "addr-cone", "symmetric", "nat64" }, what = { "idle", "sent-before", "reboot", "let-go" } },
  where = function(c) return c.nat ~= "nat64" or c.what ~= "reboot" end,
  run = function(t, c)
    local box = t:nat { "box", c.nat, set = { portmap = { "pcp" } } }
    local anna, server, other = t:host { "anna", behind = box }, t:host { "server" }, t:host { "other" }
    local far, stranger = server.udp:open { port = 7000 }, other.udp:open { port = 7000 }
    local near = anna.udp:open { port = 5000 }
    if c.what == "sent-before" and c.nat ~= "nat64" then
      near:send(server:addr(7000), "hello")
      t:check { "as it is seen", far:next({ "message", within = "1s" }).addr ~= nil }
    end
    local flow, why = anna:map_port { 5000, peer = server:addr(7000), lifetime = "1h" }
    t:check { "held", flow and flow.how or why, equals = "pcp" }
    t:check { "for the time asked for", flow.lifetime, equals = icetank.time "1h" }
    t:sleep "10min" -- far longer than an idle flow lives
    if c.what == "reboot" then
      box:reboot { down = "1s" }
      t:sleep "10s"
      t:check { "held again", flow.alive }
    elseif c.what == "let-go" then
      flow:release() -- it cannot be ended, only not be held any longer
      t:sleep "2h"
    end
    far:send(flow.addr, "hello")
    stranger:send(flow.addr, "let me in")
    local first = near:next { "message", within = "1s" }
    t:check { "the peer gets in", first and first.data or "nobody", equals = c.what == "let-go" and "nobody" or "hello" }
    t:check { "nobody else does", near:next { "message", within = "1s" } == nil }
  end,
}
