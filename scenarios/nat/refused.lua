local icetank = require "icetank"

-- What a box says no to: a port that another has, for those who want exactly that one; a host that asks for another; more than a host may
-- have; an opcode that is switched off; and what NAT-PMP has no word for.
return icetank.scenario {
  "port mappings that are refused",
  matrix = { what = { "exactly", "third-party", "third-party-allowed", "quota", "no-map", "no-peer", "natpmp" } },
  run = function(t, c)
    local set = { portmap = { c.what == "natpmp" and "natpmp" or "pcp" }, pcp = { third_party = c.what == "third-party-allowed" } }
    if c.what == "quota" then set.pcp.quota = 2 end
    if c.what == "no-map" then set.pcp.map = false end
    if c.what == "no-peer" then set.pcp.peer = false end
    local box = t:nat { "box", "port-cone", set = set }
    local anna, bert, far = t:host { "anna", behind = box }, t:host { "bert", behind = box }, t:host { "far" }
    local function no(host, ask) local map, why = host:map_port(ask) return map and map.addr:match ":(%d+)$" or why end
    if c.what == "exactly" then
      local first = no(anna, { 5000, external = 6000, exactly = true })
      t:check { "free", first, equals = "6000" }
      t:check { "taken", no(bert, { 5000, external = 6000, exactly = true }), equals = "cannot provide external" }
      local other = no(bert, { 5000, external = 6000 })
      t:check { "another one", other ~= first and other:match "^%d+$" ~= nil }
    elseif c.what == "third-party" then
      t:check { "for another", no(anna, { 5000, third_party = bert }), equals = "unsupported option" }
    elseif c.what == "third-party-allowed" then
      local map = anna:map_port { 5000, external = 6000, third_party = bert }
      local near = bert.udp:open { port = 5000 }
      far.udp:open():send(map.addr, "hello")
      t:check { "it leads to the other", near:next({ "message", within = "1s" }).data, equals = "hello" }
      t:check { "for oneself one does not say so", no(anna, { 5001, third_party = anna }), equals = "malformed request" }
    elseif c.what == "quota" then
      t:check { "one", no(anna, { 5000, external = 6000 }), equals = "6000" }
      t:check { "two", no(anna, { 5001, peer = far:addr(7000) }):match "^%d+$" ~= nil }
      t:check { "three", no(anna, { 5002, external = 6002 }), equals = "quota exceeded" }
      t:check { "another host", no(bert, { 5002, external = 6002 }), equals = "6002" }
    elseif c.what == "no-map" then
      t:check { "a mapping", no(anna, { 5000 }), equals = "not authorized" }
      t:check { "a flow", no(anna, { 5000, peer = far:addr(7000) }):match "^%d+$" ~= nil }
    elseif c.what == "no-peer" then
      t:check { "a mapping", no(anna, { 5000, external = 6000 }), equals = "6000" }
      t:check { "a flow", no(anna, { 5001, peer = far:addr(7000) }), equals = "not authorized" }
    else
      for _, ask in ipairs { { 5000, peer = far:addr(7000) }, { 5000, filter = { far:addr(7000) } }, { 5000, third_party = bert } } do
        t:check { "it takes PCP", no(anna, ask), equals = "unsupported version" }
      end
    end
  end,
}
