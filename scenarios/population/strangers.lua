-- Two who happen to meet, drawn from the population `strangers` (icetank profiles strangers): the five models over the same pairs, seeds and faults.
-- `make compare-full` draws more of them, and the other populations.
--
-- Predicted before the first run, from the matrix of outcomes and the boxes alone: A, B and D always find some way, since every wall here lets TCP
-- to 443 out; C does, too, its server being reached by WebSocket; E has no way by TCP, and so fails where UDP does not get out. D never relays by
-- UDP. C comes back sooner than B where it comes back, for it asks nobody; it comes back less often.
local tank = require "icetank"
local population = require "lib.population"

return tank.hypothesis { "two strangers, in five models",
  claim   = "Kaufman, RTC-Web list, January 2011: five ways of giving a program a peer-to-peer connection",
  tables  = "survey",
  matrix  = { model = tank.models, pair = tank.draw { pairs = 30, from = "strangers" } },
  predict = {
    { "connected", of = { model = "A" }, equals = "100%" },
    { "connected", of = { model = "B" }, equals = "100%" },
    { "connected", of = { model = "C" }, equals = "100%" },
    { "connected", of = { model = "D" }, equals = "100%" },
    { "connected", of = { model = "E" }, below = "100%" },
    { "path_relay_udp", of = { model = "D" }, equals = "0%" },
    { "kept", of = { model = "C" }, below = { model = "B" } },
    { "t_recover", of = { model = "C" }, below = { model = "B" } },
  },
  run = population.case,
}
