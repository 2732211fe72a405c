-- The same day for the smallest application of every model: two homes, a call with voice, a new address at one of them, the death of the other.
--
--   require("lib.cost").measure(t, function(alice, bob) alice:spawn(...) bob:spawn(...) end)
--
-- What it says by `me:log` is what its user sees; the scenario judges that. `servers` are those that signal, without a word t.server.signal.
local cost = {}

local SEEN = {}

-- Packets and bytes that |servers| got and sent.
local function signaled(servers)
  local packets, bytes = 0, 0
  for _, s in ipairs(servers) do
    packets = packets + s.stats.rx_packets + s.stats.tx_packets
    bytes = bytes + s.stats.rx_bytes + s.stats.tx_bytes
  end
  return packets, bytes
end

-- Told by an application: something that its user sees.
function cost.show(me, what)
  SEEN[me.label] = SEEN[me.label] or {}
  SEEN[me.label][what] = (SEEN[me.label][what] or 0) + 1
end

local function saw(me, ...)
  for _, what in ipairs { ... } do if SEEN[me.label] and SEEN[me.label][what] then return true end end
  return false
end

-- Runs the day and judges it.
function cost.measure(t, begin, servers)
  servers = servers or { t.server.signal }
  local alice, bob = t:host { "alice", behind = "linux-masq-range" }, t:host { "bob", behind = "full-cone" }
  begin(alice, bob)
  t:at "10s"
  t:check { "alice was told that it is open", saw(alice, "open"), equals = true }
  t:check { "and bob", saw(bob, "open"), equals = true }
  local packets, bytes = signaled(servers)
  t:metric { "signal_packets", packets }
  t:metric { "signal_bytes", bytes }
  alice.gateway:renumber()
  t:at "30s"
  t:check { "one of them saw that it moved", saw(alice, "failover", "resumed") or saw(bob, "failover", "resumed"), equals = true }
  packets, bytes = signaled(servers)
  t:metric { "signal_packets_all", packets }
  t:metric { "signal_bytes_all", bytes }
  bob:crash()
  t:at "90s"
  t:check { "alice was told of bob's death", saw(alice, "death"), equals = true }
end

return cost
