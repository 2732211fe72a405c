local tank = require "icetank"

-- A round trip of 9 s, over satellites say: an answer comes after the last transmission of a consent check would have been given up with
-- the RTO of a short way (RFC 8489 section 6.2.1), and two more are under way. It counts for as long as consent lasts (RFC 7675 section 5.1).
return tank.scenario { "a long way that is whole is alive",
  limit = "10min",
  matrix = { model = { "B", "E" }, media = { "none", "voice" }, delay = { "1000ms", "2300ms" } },
  run = function(t, c)
    local link = { "lan", delay = c.delay }
    local call = t:call { t:host { "near", link = link }, t:host { "far", link = link }, model = c.model, media = c.media }
    call:await { "open", within = "59s" }
    call:forbid { "stalled", "death", "closed", during = "3min" }
    t:sleep "3min"
  end,
}
