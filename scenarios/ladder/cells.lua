-- Which rung of the ladder carries a call: every pair of NAT classes, by every way that is left, in every family. The oracle says it of each cell,
-- and each row says it once more by itself. A ninth of the cells runs here, all of them by `make ladder`.
local tank = require "icetank"
local FULL = false
local CLASSES = tank.classes

-- A row: what stands before the near host, which servers are up, what the call asks for, the rungs of which one must be the first.
local function row(name, fields)
  local r = { name }
  for k, v in pairs(fields) do r[k] = v end
  return r
end
local ROWS = {
  row("direct", { servers = { "signal", "stun" } }),
  row("relay-udp", { servers = { "signal", "stun", "turn" }, turn = { tcp = {} }, first = { direct_udp = true, relay_udp = true } }),
  row("relay-tcp", { wall = "udp-blocked", servers = { "signal", "stun", "turn" }, turn = { udp = {}, tcp = { 443 } }, first = { relay_tcp = true } }),
  row("relay-tls", { wall = "tcp-443-only", servers = { "signal", "stun", "turn" }, turn = { udp = {}, tcp = {}, tls = { 443 } }, first = { relay_tcp = true } }),
  row("ice-tcp", { wall = "udp-blocked", servers = { "signal", "stun" }, tcp = "all", may = "direct_tcp" }),
  row("ws", { wall = "tcp-443-only", servers = { "signal", "stun", "ws" }, ws = "ws", first = { relay_ws = true } }),
  row("wss", { wall = "tcp-443-only", servers = { "signal", "stun", "ws" }, ws = "wss", first = { relay_ws = true } }),
  row("connect", { wall = "http-proxy-connect", servers = { "signal", "stun", "ws" }, first = { relay_ws = true } }),
  row("connect-basic", { wall = "http-proxy-auth", servers = { "signal", "stun", "ws" }, first = { relay_ws = true } }),
  row("connect-digest", { wall = "http-proxy-digest", servers = { "signal", "stun", "ws" }, first = { relay_ws = true } }),
  row("check-relay", { only = "E", servers = { "signal", "stun", "checkrelay" }, first = { direct_udp = true, relay_udp = true } }),
  row("all-of-them", { wall = "tcp-443-only", servers = { "signal", "stun", "turn", "ws" }, turn = { udp = {}, tcp = { 443 } }, tcp = "all", first = { relay_tcp = true } }),
}
-- A socket of E has the direct rung, and the relay that answers checks where it is up: it cannot use TURN.
local BY_E = { direct = true, ["relay-udp"] = true, ["relay-tcp"] = true, ["check-relay"] = true }

local function index_of(list, v)
  for i, x in ipairs(list) do if x == v or x[1] == v then return i end end
end

return tank.scenario { "the way that is left carries the call",
  matrix = { row = ROWS, near = CLASSES, far = CLASSES, family = { "v4", "dual", "v6" }, model = { "B", "E" } },
  where = function(cell)
    local i, j, k = index_of(CLASSES, cell.near), index_of(CLASSES, cell.far), index_of(ROWS, cell.row[1])
    if cell.model == "E" and not BY_E[cell.row[1]] or cell.model ~= (cell.row.only or cell.model) then return false end
    if cell.family == "v6" then return i == 1 and j <= 3 end -- these are classes of IPv4: three policies of IPv6 stand for them
    local e = cell.model == "E" and 4 or 0
    local d = cell.family == "dual" and 2 or 0
    return FULL or (i + 2 * j + k + e + d) % (cell.family == "dual" and 27 or 9) == 0
  end,
  run = function(t, cell)
    local r, six = cell.row, cell.family ~= "v4"
    t:internet { servers = r.servers, turn = r.turn }
    -- Of IPv6 the firewall of the NAT lets nothing in; where nothing else is to open, both families are alike.
    local policy = six and (cell.family == "v6" and ({ "stateful", "rfc6092", "outbound-only" })[index_of(CLASSES, cell.far)] or "stateful") or nil
    local function host(name, class, wall)
      return t:host { name, behind = wall and { wall, class } or class, family = cell.family, ipv6 = policy }
    end
    local near, far = host("near", cell.near, r.wall), host("far", cell.far)
    local call = t:call { near, far, model = cell.model, tcp = r.tcp, ws = r.ws, carrier = "instant" }
    local says = call.oracle
    if (cell.model == "B" or r.only) and r.first then t:check { "the rung", r.first[says.first] == true, equals = true } end
    if cell.model == "B" and r.may and says.first then t:check { "the rung", says.first, equals = r.may } end
    if says.either then return t:sleep "61s" end
    call:expect { says.outcome, within = "61s" }
    -- Each end tells its own leg: the far one may have none by TCP.
    if says.path then call[near]:expect { "open", path = says.path, within = "61s" } end
  end,
}
