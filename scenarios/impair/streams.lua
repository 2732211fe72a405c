-- Plain TCP streams keep every byte: whatever the rate, the way, the losses, the sizes and the pauses between them, directly and through
-- every box that joins two streams back to back, in each direction and with half closes. Each seed is another world.
local tank = require "icetank"
local WAYS = {
  { "direct" },
  { "connect", wall = "http-proxy-connect", port = 443, via = "http://10.9.9.9:3128" },
  { "socks", wall = "socks5-proxy", port = 7000, via = "socks5://10.9.9.9:1080" },
  { "inspector", wall = "tls-inspection", port = 80, first = "GET / HTTP/1.1\r\nHost: far\r\n\r\n" },
}
local function pick(list) return list[math.random(#list)] end
local function link()
  local function wire() return { rate = pick { "256kbps", "1Mbps", "8Mbps", "50Mbps" }, queue = pick { "6kB", "20kB", "64kB" } } end
  return { delay = pick { "1ms", "12ms", "70ms" }, loss = pick { "0%", "0%", "0.5%", "2%" }, up = wire(), down = wire() }
end
-- Sends |total| bytes or a few more through |s| in pieces of |size| every |gap|, as soon as they are taken; returns what was sent.
local function pour(t, s, mark, total, size, gap)
  local out, n = {}, 0
  while n < total do
    local piece = (mark .. #out .. ","):rep(size // 4 + 1):sub(1, size)
    while not s:send(piece) do t:sleep "7ms" end
    out[#out + 1], n = piece, n + size
    t:sleep(gap)
  end
  return table.concat(out)
end
local function gather(t, s)
  local got = {}
  t:spawn(function() for ev in s:events "message" do got[#got + 1] = ev.data end end)
  return function() return table.concat(got) end
end
local function same(t, what, sent, got)
  t:check { what, #got, equals = #sent }
  t:check { what .. ", unchanged", got == sent, equals = true }
end
return tank.scenario { "every byte of a plain stream arrives, through every kind of relay, both ways, and after a half close",
  matrix = { way = WAYS, flow = { "up", "down", "both", "echo" } },
  seeds = 3, limit = "30min",
  run = function(t, cell)
    local way = cell.way
    local far = t:host { "far", link = link() }
    local near = t:host { "near", behind = way.wall and { way.wall } or nil, link = link() }
    local port = way.port or 443
    local total, size, gap = math.random(280000, 420000), pick { 37, 400, 1400, 9000, 40000 }, pick { "0ms", "3ms", "40ms" }
    if size < 100 then gap = "0ms" end
    local ear = far.tcp:listen { port, echo = cell.flow == "echo" }
    local c = near.tcp:connect { far:addr(port), via = way.via }
    c:await { "open", within = "20s" }
    local up, down = gather(t, ear), gather(t, c)
    local sent_up, sent_down = way.first or "", ""
    if way.first then c:send(way.first) end
    if cell.flow ~= "echo" then ear:await { "open", within = "60s" } end
    if cell.flow == "both" then t:spawn(function() sent_down = pour(t, ear, "d", total, size, gap) end) end
    if cell.flow == "down" then
      sent_down = pour(t, ear, "d", total, size, gap)
    else
      sent_up = sent_up .. pour(t, c, "u", total, size, gap)
    end
    if cell.flow == "echo" then c:finish() end -- half a close: all of it still comes back
    t:sleep "10min"
    if cell.flow == "echo" then sent_down = sent_up end
    same(t, "bytes up", sent_up, up())
    same(t, "bytes down", sent_down, down())
  end }
