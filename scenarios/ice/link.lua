-- Link-local addresses of IPv6 (RFC 4291 section 2.5.6): candidates on the link that both ends are on, and nowhere else. The zone
-- (RFC 4007) is each host's own affair: it is the interface that the base is on, and is told to nobody.
local tank = require "icetank"
local S = {}

-- Without them two of different families have no address in common.
S.alone = tank.scenario { "an IPv4 host and an IPv6 host on one LAN connect by link-local addresses alone, or not at all",
  matrix = { link = { true, false }, streams = { 1, 2 }, home = { "linux-masq", "symmetric" } },
  run = function(t, cell)
    local home = t:nat { "home", cell.home, ipv6 = "rfc6092" }
    local alice = t:host { "alice", behind = home, family = "v4", link_local = cell.link }
    local bob = t:host { "bob", behind = home, family = "v6", link_local = cell.link }
    local how = cell.streams == 2 and { streams = { "voice", "voice" }, bundle = false } or { media = "voice" }
    how[1], how[2], how.model = alice, bob, "B"
    local call = t:call(how)
    if not cell.link then
      call:expect { "death", reason = "connect_failed", within = "61s" }
      return
    end
    call:await { "open", path = "direct_udp", family = "v6", localkind = "host", remotekind = "host", within = "5s" }
    call:forbid { "stalled", "death", during = "1min" }
  end,
}

-- The same address may be in use on another link: who is elsewhere is not met by it.
S.elsewhere = tank.scenario { "from one home to another link-local addresses are of no use, and do no harm",
  matrix = { far = { "full-cone", "symmetric" }, family = { "v4", "dual" } },
  run = function(t, cell)
    local a = t:nat { "a", "linux-masq", ipv6 = "rfc6092" }
    local b = t:nat { "b", cell.far, ipv6 = "rfc6092" }
    local alice = t:host { "alice", behind = a, family = cell.family, link_local = true }
    local bob = t:host { "bob", behind = b, family = cell.family, link_local = true }
    local call = t:call { alice, bob, model = "B", media = "voice" }
    call:expect { call.oracle.outcome, path = call.oracle.path, within = "61s" }
  end,
}

-- A host on two links: the pair goes out by the one that the far end is on.
S.zones = tank.scenario { "of two links the one that both are on carries the call",
  matrix = { shared = { "left", "right" } },
  run = function(t, cell)
    local left, right = t:nat { "left-gw", "linux-masq", ipv6 = "rfc6092" }, t:nat { "right-gw", "linux-masq", ipv6 = "rfc6092" }
    local alice = t:host { "alice", { "left", behind = left, family = "v4", link_local = true }, { "right", behind = right, family = "v4", link_local = true } }
    local bob = t:host { "bob", behind = cell.shared == "left" and left or right, family = "v6", link_local = true }
    local call = t:call { alice, bob, model = "B", media = "voice" }
    call[alice]:await { "open", path = "direct_udp", family = "v6", iface = cell.shared, localkind = "host", within = "5s" }
    call:forbid { "death", during = "20s" }
  end,
}
return S
