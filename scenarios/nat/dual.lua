-- Homes with both families: a NAT for IPv4 and a firewall, or nothing, for IPv6, in one box. Which family carries the call, and when it is the other.
local tank = require "icetank"
local MODELS = { "B", "E" }

-- Two homes, each of them with a NAT for IPv4 and a policy for IPv6.
local function homes(t, nat, ipv6, far)
  local alice = t:host { "alice", behind = nat, family = "dual", ipv6 = ipv6 }
  return alice, t:host { "bob", behind = far or nat, family = "dual", ipv6 = ipv6 }
end

return {
  meet = tank.scenario { "IPv6 carries the call wherever it can, else IPv4, else nothing",
    matrix = {
      model = MODELS,
      v4 = { { "meets", behind = "linux-masq" }, { "never", behind = "symmetric" }, { "cgn", behind = { "linux-masq", "cgn-symmetric-cell" } } },
      v6 = { { "routed", ipv6 = "none", family = "v6" }, { "stateful", ipv6 = "stateful", family = "v6" }, { "rfc6092", ipv6 = "rfc6092", family = "v6" },
        { "broken", ipv6 = "udp-blocked" }, { "short", ipv6 = { "stateful", udp = { timeout = "20s" } }, family = "v6" } },
    },
    run = function(t, cell)
      local alice, bob = homes(t, cell.v4.behind, cell.v6.ipv6)
      local call = t:call { alice, bob, model = cell.model, media = "voice" }
      local family = cell.v6.family or cell.v4[1] == "meets" and "v4"
      t:check { "by which families", call.oracle.families:find(family or "v", 1, true) ~= nil, equals = family and true or false }
      if family then
        call:expect { "open", family = family, within = "5s" }
        t:sleep "40s"
        t:check { "a box for both", alice.gateway.stats.out, at_least = 1 }
      else
        call:expect { "death", reason = "connect_failed", within = "61s" }
      end
    end,
  },
  one = tank.scenario { "a home with both families calls one with IPv4 alone, and one with IPv6 alone",
    matrix = { model = MODELS, far = { "v4", "v6" } },
    run = function(t, cell)
      local alice = t:host { "alice", behind = "linux-masq", family = "dual" }
      local bob = t:host { "bob", behind = "linux-masq", family = cell.far }
      local call = t:call { alice, bob, model = cell.model }
      t:check { "by which families", call.oracle.families, equals = cell.far }
      call:expect { "open", family = cell.far, within = "5s" }
    end,
  },
  upstream = tank.scenario { "IPv6 has addresses at home, and vanishes at the provider",
    matrix = { model = MODELS },
    run = function(t, cell)
      local isp = t:firewall { "isp", "udp-blocked", family = "v6" }
      local home = t:nat { "home", "linux-masq", behind = isp, ipv6 = "stateful" }
      local alice = t:host { "alice", behind = home, family = "dual" }
      local bob = t:host { "bob", behind = "port-cone", family = "dual" }
      local call = t:call { alice, bob, model = cell.model }
      call:expect { "open", family = "v4", within = "5s" }
    end,
  },
  dies = tank.scenario { "IPv6 breaks in the middle of a call, or its addresses change",
    matrix = { model = MODELS, how = { "policy", "reboot", "prefix" } },
    run = function(t, cell)
      local alice, bob = homes(t, "linux-masq", "stateful")
      local call = t:call { alice, bob, model = cell.model, media = "voice" }
      call:await { "open", family = "v6", within = "5s" }
      t:at "10s"
      if cell.how == "policy" then
        alice.gateway.ipv6:set { udp = "block" }
        call:expect { "failover", family = "v4", within = "10s" }
        call[bob]:expect { "stalled", within = "2500ms" }
      elseif cell.how == "prefix" then
        local was = alice:addr()
        alice.gateway:renumber()
        t:check { "inside, IPv4 stays", alice:addr(), equals = was }
        call:expect { "failover", family = "v6", within = "10s" } -- by the addresses of the new prefix
      else
        alice.gateway:reboot { down = "3s" }
        call:expect { "resumed", within = "10s" } -- the same path again: a firewall that has forgotten all lets out what renews its state
      end
      t:sleep "20s"
    end,
  },
  lan = tank.scenario { "two at home meet on their LAN by IPv6, and plain sockets find what the box lets in",
    run = function(t)
      local home = t:nat { "home", "linux-masq", ipv6 = "rfc6092" }
      local alice, anna = t:host { "alice", behind = home, family = "dual" }, t:host { "anna", behind = home, family = "dual" }
      local call = t:call { alice, anna, model = "B" }
      call:expect { "open", family = "v6", localkind = "host", remotekind = "host", within = "5s" }
      local bob, six = t:host { "bob", family = "v6" }, t:host { "six", behind = home, family = "v6" }
      local mouth, ear = bob.udp:open { port = 7000 }, six.udp:open { port = 6000 }
      mouth:send(six:addr(6000), "unasked") -- into the firewall
      ear:forbid { "message", data = "unasked", during = "5s" }
      t:sleep "1s"
      ear:send(bob:addr(9), "to somebody else")
      t:sleep "1s"
      mouth:send(six:addr(6000), "let in") -- RFC 6092 REC-17: by the flow of another
      ear:expect { "message", data = "let in", within = "1s" }
      t:check { "its address is not translated", ear:probe_stun(), equals = six:addr(6000) }
      t:check { "flows of IPv6", home.ipv6.stats.flows, at_least = 1 }
      t:sleep "5s"
    end,
  },
}
