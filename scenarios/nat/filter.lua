local icetank = require "icetank"

-- PCP's FILTER: a mapping lets in whom its host names, by address, prefix, or address and port. Filters add up, and are changed as a whole.
local function heard(socket, senders, map)
  local got = {}
  for _, s in ipairs(senders) do s.socket:send(map.addr, s.name) end
  for _ = 1, #senders do
    local ev = socket:next { "message", within = "200ms" }
    if not ev then break end
    got[#got + 1] = ev.data
  end
  table.sort(got)
  return table.concat(got, " ")
end

return icetank.scenario {
  "a mapping with filters",
  limit = "4h",
  matrix = { nat = { "full-cone", "symmetric", "nat64" }, by = { "address", "port", "prefix", "several" } },
  run = function(t, c)
    local box = t:nat { "box", c.nat, set = { portmap = { "pcp" }, pcp = { filters = 2 } } }
    local anna = t:host { "anna", behind = box }
    local near, senders = anna.udp:open { port = 5000 }, {}
    local ip = {}
    for i, name in ipairs { "alice", "bob", "carol" } do
      local h = t:host { name }
      senders[i] = { name = name, socket = h.udp:open { port = 7000 + i } }
      ip[name] = h:addr(1):match "^(.*):"
    end
    local filter = ({ address = { ip.bob }, port = { ip.bob .. ":7002", ip.carol .. ":9" }, prefix = { ip.bob .. "/30" }, several = { ip.alice, ip.carol } })[c.by]
    local map, why = anna:map_port { 5000, external = 6000, lifetime = "1h", filter = filter }
    t:check { "mapped", map and map.how or why, equals = "pcp" }
    local expected = { address = "bob", port = "bob", several = "alice carol" }
    if c.by ~= "prefix" then t:check { "let in", heard(near, senders, map), equals = expected[c.by] } end
    t:check { "bob among them", heard(near, senders, map):find "bob" ~= nil, equals = c.by ~= "several" }
    t:sleep "2h" -- renewed on the way, with the same filters
    if c.by ~= "prefix" then t:check { "later too", heard(near, senders, map), equals = expected[c.by] } end
    t:check { "changed", map:filter { ip.alice } }
    t:check { "then", heard(near, senders, map), equals = "alice" }
    t:check { "taken away", map:filter {} }
    t:check { "everybody", heard(near, senders, map), equals = "alice bob carol" }
    local _, no = map:filter { ip.alice, ip.bob, ip.carol }
    t:check { "more than the box keeps", no, equals = "too many remote peers" }
  end,
}
