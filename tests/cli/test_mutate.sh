#!/bin/sh
# The program that changes every value of a scenario: it sees what shows, what does not, and what its list excuses.
. tests/cli/lib.sh
mutate=${icetank%/icetank}/tests/mutate/scenarios
[ -x "$mutate" ] || { echo "no $mutate" >&2; exit 1; }

scenario x.lua <<'LUA'
local tank = require "icetank"
local spare = "nobody reads this"
return tank.scenario { "mutants", matrix = { n = { 1, 2 } },
  run = function(t, cell)
    t:sleep "20ms"
    t:check { "time goes", t:now(), equals = "20ms" }
    t:check { "cells", cell.n, at_most = 2 }
    t:log(#spare > 99999)
  end,
}
LUA
cat >list <<'LIST'
x.lua:"nobody reads this":local spare = "nobody reads this"
  why: it is here to survive
LIST
touch empty
claim "a value that nothing looks at survives"
"$mutate" empty 1 0 x.lua >stdout 2>stderr
has stdout 'SURVIVES x.lua:"nobody reads this":local spare = "nobody reads this"'
has stdout 'SURVIVES x.lua:99999:t:log(#spare > 99999)'
[ "$(grep -c SURVIVES stdout)" -eq 2 ] || wrong "$(cat stdout)"
has stdout '11 mutants, 9 show, 0 known to survive, 2 not as they should'
claim "one on the list does not count, and a part of all may be run"
"$mutate" list 1 0 x.lua >stdout 2>stderr
[ "$(grep -c SURVIVES stdout)" -eq 1 ] || wrong "$(cat stdout)"
has stdout ', 1 known to survive, 1 not as they should'
"$mutate" list 4 1 x.lua >stdout 2>stderr
has stdout '3 mutants, '
finish
