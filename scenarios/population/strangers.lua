-- Two who happen to meet, drawn from the population `strangers` (icetank profiles strangers): the five models over the same pairs, seeds and faults.
-- `make compare-full` draws more of them, and the other populations.
--
-- Predicted before the first run, from the matrix of outcomes and the boxes alone: A, B and D always find some way, since every wall here lets TCP
-- to 443 out; C does, too, its server being reached by WebSocket; E has no way by TCP, and so fails where UDP does not get out. D never relays by
-- UDP. C comes back sooner than B where it comes back, for it asks nobody; it comes back less often.
--
-- What came: of C it was wrong three times. Its standard call goes over UDP alone and never asks for the WebSocket of its server, so that it fails
-- where E fails. It comes back a second later than B, not sooner: what returns by itself, a hole of 5 s, RTMFP finds with its next retransmission,
-- which has backed off meanwhile, and where a new address is to be followed the far NAT drops the packet that would tell. And over the calls that
-- each of the two had it did not survive less often than B by more than the interval of 30 pairs.
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
  known = "refuted",
  run = population.case,
}
