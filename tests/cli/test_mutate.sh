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
scenario limit.lua <<'LUA'
local tank = require "icetank"
return tank.scenario { "a limit that may be greater", limit = "5s", run = function(t)
  t:sleep "2s"
  t:check { "time goes", t:now(), equals = "2s" }
end }
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
claim "a value that may be greater and not smaller is one that something looks at"
"$mutate" empty 1 0 limit.lua >stdout 2>stderr
has stdout ', 0 not as they should'
claim "one on the list does not count, and a part of all may be run"
"$mutate" list 1 0 x.lua >stdout 2>stderr
[ "$(grep -c SURVIVES stdout)" -eq 1 ] || wrong "$(cat stdout)"
has stdout ', 1 known to survive, 1 not as they should'
"$mutate" list 4 1 x.lua >stdout 2>stderr
has stdout '3 mutants, '
claim "a line of the list whose value shows, or is not there, is a fault of the list"
cat >stale <<'LIST'
x.lua:"20ms":t:sleep "20ms"
  why: it shows
x.lua:"gone":local gone = "gone"
  why: it is not there
y.lua:1:the whole file is not there
  why: there was one
x.lua:"nobody reads this":local spare = "nobody reads this"
  why: it is here to survive
x.lua:99999:t:log(#spare > 99999)
  why: no text is that long
LIST
code=0
"$mutate" stale 1 0 x.lua >stdout 2>stderr || code=$?
ends 1
has stdout 'SHOWS NOW x.lua:"20ms":t:sleep "20ms"'
has stdout 'NOT THERE x.lua:"gone":local gone = "gone"'
has stdout 'NOT THERE y.lua:1:the whole file is not there'
[ "$(grep -c 'SHOWS NOW\|NOT THERE\|SURVIVES' stdout)" -eq 3 ] || wrong "$(cat stdout)"
has stdout '11 mutants, 9 show, 2 known to survive, 3 not as they should'
claim "a list whose lines all excuse a survivor ends with 0"
tail -n 4 stale >good
code=0
"$mutate" good 1 0 x.lua >stdout 2>stderr || code=$?
ends 0
has stdout '11 mutants, 9 show, 2 known to survive, 0 not as they should'
claim "a sample does not miss what it has not run, and says when what it has run shows"
code=0
"$mutate" stale 11 0 x.lua >stdout 2>stderr || code=$?
ends 0
has stdout '1 mutants, 1 show, 0 known to survive, 0 not as they should'
code=0
"$mutate" stale 11 5 x.lua >stdout 2>stderr || code=$?
ends 1
has stdout 'SHOWS NOW x.lua:"20ms"'
claim "files that were not given are not looked for in the list"
echo 'return 1' >y.lua
code=0
"$mutate" stale 1 0 x.lua >stdout 2>stderr || code=$?
lacks stdout 'y.lua'
claim "a list without a reason, and a sample of nothing, are refused"
code=0
printf 'x.lua:"20ms":t:sleep "20ms"\n' >bare
"$mutate" bare 1 0 x.lua >stdout 2>stderr || code=$?
ends 2
says 'bare:1: a line FILE:LITERAL:LINE and below it "  why: REASON" are wanted'
code=0
"$mutate" empty 0 0 x.lua >stdout 2>stderr || code=$?
ends 2
says 'scenarios: EVERY is a number from 1'
claim "a mutant that never ends shows"
scenario endless.lua <<'LUA'
local tank = require "icetank"
return tank.scenario { "endless", run = function(t)
  local n = 0
  while n ~= 4000 do n = n + 1000 end
  t:check { "n", n, equals = 4000 }
end }
LUA
"$mutate" empty 1 0 endless.lua >stdout 2>stderr
lacks stdout CRASH
has stdout ', 0 not as they should'
finish
