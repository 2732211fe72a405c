-- Two ends of one role: who gives way, and what becomes of a call with an end that does not.
local tank = require "icetank"
local TIE = { larger = 9, equal = 5, smaller = 1 }
return tank.scenario { "a role conflict is settled by tie-breakers, unless an end ignores it or both give way for ever",
  matrix = {
    near = { "redraws", "keeps", "ignores" }, far = { "redraws", "keeps", "ignores" },
    role = { "controlling", "controlled" }, tie = { "larger", "equal", "smaller" },
  },
  run = function(t, cell)
    local alice = t:host { "alice", behind = "linux-masq",
      behaviour = { "rfc", conflict = cell.near, role = cell.role, tiebreaker = TIE[cell.tie] } }
    local bob = t:host { "bob", behind = "full-cone",
      behaviour = { "rfc", conflict = cell.far, role = cell.role, tiebreaker = TIE.equal } }
    local call = t:call { alice, bob, model = "B", media = "voice" }
    call:expect { call.oracle.outcome, path = call.oracle.path, within = "61s" }
  end,
}
