-- Punching holes by hand (RFC 5128 section 3.4): both ends connect from a chosen port to where the other one's NAT will have it.
local tank = require "icetank"
local S = {}
local OUTSIDE = { near = "203.0.113.101", far = "203.0.113.102" }

-- Both homes keep the ports of their hosts, so that each end knows where the other one comes from.
local function homes(t, filtering)
  local out = {}
  for i, name in ipairs { "near", "far" } do
    local home = t:nat { name .. "-home", "port-cone", addr = OUTSIDE[name] .. "/24", set = { tcp = { filtering = filtering, syn_in = "drop" } } }
    out[i] = t:host { name, behind = home }
  end
  return out[1], out[2]
end
local function outside(host, port) return ("%s:%d"):format(OUTSIDE[host.label], port) end

S.both = tank.scenario { "two ends that connect to each other at once, each from a port of its choice, meet",
  matrix = { filtering = { "ADF", "APDF" } },
  run = function(t, cell)
    local near, far = homes(t, cell.filtering)
    local a = near.tcp:connect { outside(far, 4000), from = 4000 }
    local b = far.tcp:connect { outside(near, 4000), from = 4000 }
    a:await { "open", within = "5s" }
    b:await { "open", within = "5s" }
    a:send "through"
    b:expect { "message", data = "through", within = "1s" }
  end,
}

S.other = tank.scenario { "from a port that the other end does not expect nobody gets in",
  run = function(t)
    local near, far = homes(t, "APDF")
    local a = near.tcp:connect { outside(far, 4000), from = 4001 }
    far.tcp:connect { outside(near, 4000), from = 4000 }
    a:forbid { "open", during = "20s" }
    t:sleep "20s"
  end,
}

S.alone = tank.scenario { "one that connects alone is not let in, whatever port it comes from",
  run = function(t)
    local near, far = homes(t, "APDF")
    far.tcp:listen { 4000 }
    t:host { "inside", behind = far.gateway }.tcp:connect { far:addr(4000) }:await { "open", within = "5s" } -- it is there
    local a = near.tcp:connect { outside(far, 4000), from = 4000 }
    a:forbid { "open", during = "20s" }
    t:sleep "20s"
  end,
}

S.listening = tank.scenario { "a port that listens may connect, too, and lets the far end in",
  run = function(t)
    local near, far = homes(t, "ADF")
    far.tcp:listen { 4000, echo = true }
    local b = far.tcp:connect { outside(near, 4000), from = 4000 }
    t:sleep "1s"
    local a = near.tcp:connect { outside(far, 4000), from = 4000 }
    a:await { "open", within = "5s" }
    b:await { "open", within = "1s" }
    local other = near.tcp:connect { outside(far, 4000), from = 4001 } -- from a port that nobody connects to: who listens takes it
    other:await { "open", within = "5s" }
    other:send "hello"
    other:await { "message", data = "hello", within = "1s" }
  end,
}
return S
