-- Who stands on one segment meets there, whatever the box in front of it does to others; and who stands at another depth behind the same
-- boxes is reached by the way that leads there.
local tank = require "icetank"
local MODELS = { "B", "E" }

-- Values of the axis "box": kind, name, family, what is further out.
local BOXES = {}
local function add(kind, name, family, outer)
  BOXES[#BOXES + 1] = { (outer and name .. "+" .. outer or name) .. (family == "v4" and "" or "-" .. family), kind = kind, name = name, family = family, outer = outer }
end
for _, list in ipairs { tank.nats, tank.classes } do for _, name in ipairs(list) do add("nat", name, "v4") end end
for _, name in ipairs(tank.policies) do
  -- the NAT where the full tunnel ends knows IPv4 alone
  for _, family in ipairs(name == "vpn-full-tunnel" and { "v4" } or { "v4", "v6", "dual" }) do add("firewall", name, family) end
end
for _, family in ipairs { "v4", "v6", "dual" } do add("router", "router", family) end
for _, name in ipairs { "linux-masq", "symmetric", "fritzbox-like" } do add("nat", name, "dual") end
for _, name in ipairs { "nat64", "nptv6" } do add("nat", name, "v6") end
for _, outer in ipairs { "cgn-eif-pba", "cgn-apdf", "udp-blocked", "double-home" } do
  for _, inner in ipairs { "linux-masq", "symmetric" } do add("nat", inner, "v4", outer) end
  add("firewall", "stateful", "v4", outer)
  add("router", "router", "v4", outer)
end

local MAKE = {
  router = function(t, b) return t:router { "w", behind = b.outer, family = b.family } end,
  firewall = function(t, b) return t:firewall { "w", b.name, behind = b.outer } end,
  nat = function(t, b) return t:nat { "w", b.name, behind = b.outer, ipv6 = b.family == "dual" and "stateful" or nil } end,
}

return {
  two = tank.scenario { "two behind one box meet on its inside",
    matrix = { model = MODELS, box = BOXES },
    run = function(t, cell)
      local w, family = MAKE[cell.box.kind](t, cell.box), cell.box.family
      local a, b = t:host { "a", behind = w, family = family }, t:host { "b", behind = w, family = family }
      -- Some of these let no signaling out, or that of one host alone: no matter of what becomes of the call inside.
      t:call { a, b, model = cell.model, carrier = "instant" }:expect { "open", localkind = "host", remotekind = "host", within = "5s" }
    end,
  },
  three = tank.scenario { "three behind one box call each other, one of them by two interfaces there",
    matrix = { model = MODELS, box = { "stateful", "udp-blocked", "router", "nat64", "nptv6", "linux-masq" } },
    run = function(t, cell)
      local kind = (cell.box == "stateful" or cell.box == "udp-blocked") and "firewall" or cell.box == "router" and "router" or "nat"
      local w = MAKE[kind](t, { name = cell.box })
      local a = t:host { "a", { "eth", behind = w }, { "wifi", behind = w } }
      local b, c = t:host { "b", behind = w }, t:host { "c", behind = w }
      for _, pair in ipairs { { a, b }, { b, c }, { c, a } } do
        t:call { pair[1], pair[2], model = cell.model }:expect { "open", localkind = "host", remotekind = "host", within = "5s" }
      end
    end,
  },
  depths = tank.scenario { "one stands behind an inner box, the other on the segment that this box has outside",
    matrix = {
      model = MODELS, outer = { { "stateful", kind = "firewall" }, { "router", kind = "router" } },
      inner = { { "stateful", kind = "firewall" }, { "router", kind = "router" }, { "linux-masq" }, { "symmetric" } },
    },
    run = function(t, cell)
      local function box(name, b, behind)
        local s = { name, b.kind ~= "router" and b[1] or nil, behind = behind }
        if b.kind == "router" then return t:router(s) end
        return b.kind == "firewall" and t:firewall(s) or t:nat(s)
      end
      local outer = box("outer", cell.outer)
      local inner = box("inner", cell.inner, outer)
      local a, b = t:host { "a", behind = inner }, t:host { "b", behind = outer }
      t:call { a, b, model = cell.model }:expect { "open", within = "10s" }
    end,
  },
}
