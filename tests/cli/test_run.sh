#!/bin/sh
# Runs and what can happen to them: order, workers that die or hang, interruptions, full disks, odd names.
. tests/cli/lib.sh

# A case that hangs within every limit: time passes, an hour by nanoseconds.
hang='while true do t:sleep "1ns" end'
scenario scenarios/mixed.lua <<LUA
local tank = require "icetank"
return tank.scenario { "good, bad, broken and absent",
  matrix = { what = { "good", "bad", "broken", "absent" }, n = { 1, 2 } },
  run = function(t, cell)
    local n = cell.n
    if cell.what == "broken" then local x; x.y = n end
    if cell.what == "absent" then t:host { "h", stack = "libnice" } end
    t:check { "it is good", cell.what, equals = "good" }
  end,
}
LUA
scenario scenarios/many.lua <<'LUA'
local tank = require "icetank"
return tank.scenario { "many cases",
  matrix = { n = (function() local v = {} for i = 1, 120 do v[i] = ("%03d"):format(i) end return v end)() },
  run = function(t, cell)
    local call = t:call { t:host { "a", behind = "linux-masq" }, t:host { "b", behind = cell.n == "120" and "symmetric" or "port-cone" }, model = "B" }
    call:expect { call.oracle.outcome, within = "61s" }
    t:log(t.server.stun:addr() .. math.random(1000))
  end,
}
LUA
scenario scenarios/stuck.lua <<LUA
local tank = require "icetank"
return tank.scenario { "one hangs",
  matrix = { n = { "1", "2", "3", "4" } },
  run = function(t, cell)
    if cell.n == "2" then $hang end
    t:check { "done", true }
  end,
}
LUA
line_of() { grep -F "\"case\":\"$1\"" "$2/results.jsonl"; }
children() { cat /proc/"$1"/task/*/children 2>/dev/null; }
# wait_for COMMAND: until it is true, half a minute at most
wait_for() {
  i=0
  while ! eval "$1"; do
    i=$((i + 1))
    [ "$i" -lt 300 ] || { wrong "this never came: $1"; return 1; }
    sleep 0.1
  done
}

claim "cases that fail are listed in plan order with why, where and how to repeat them"
run run scenarios/mixed.lua --out o --pcap none --jobs 3
ends 1
says ''
prints 'FAIL  mixed/n=1/what=bad
      good, bad, broken and absent
      expected  it is good: equals good
      observed  bad
      where     scenarios/mixed.lua:8
      packets   not recorded: of failures alike the first one is; repeat records this one
      repeat    '"$icetank"' run scenarios/mixed.lua --only '\''mixed/n=1/what=bad'\'' --seed 1 --pcap all
ERROR mixed/n=1/what=broken
      good, bad, broken and absent
      error     attempt to index a nil value (local '\''x'\'')
      where     scenarios/mixed.lua:6
      repeat    '"$icetank"' run scenarios/mixed.lua --only '\''mixed/n=1/what=broken'\'' --seed 1 --pcap all
FAIL  mixed/n=2/what=bad
      good, bad, broken and absent
      expected  it is good: equals good
      observed  bad
      where     scenarios/mixed.lua:8
      packets   not recorded: of failures alike the first one is; repeat records this one
      repeat    '"$icetank"' run scenarios/mixed.lua --only '\''mixed/n=2/what=bad'\'' --seed 1 --pcap all
ERROR mixed/n=2/what=broken
      good, bad, broken and absent
      error     attempt to index a nil value (local '\''x'\'')
      where     scenarios/mixed.lua:6
      repeat    '"$icetank"' run scenarios/mixed.lua --only '\''mixed/n=2/what=broken'\'' --seed 1 --pcap all
UNSUP 2 cases: stack "libnice": adapters are not built yet   first at scenarios/mixed.lua:7
2 as predicted, 2 not, 2 errors, 2 unsupported
report: o/index.html'

claim "--no-report leaves the reports to icetank report, and changes no byte of the results"
run run scenarios/mixed.lua --out o4 --pcap none --no-report
ends 1
has stdout 'results: o4/results.jsonl'
lacks stdout 'report:'
if [ -e o4/index.html ] || [ -e o4/junit.xml ]; then wrong "$(ls o4)"; fi
cmp o/results.jsonl o4/results.jsonl || wrong "other results"
run report o4
cmp o/index.html o4/index.html || wrong "another report"

claim "every result has every member"
for m in case model cell seed outcome oracle checks verdict path metrics fingerprint capture trace repeat; do
  [ "$(grep -c "\"$m\":" o/results.jsonl)" -eq 8 ] || [ "$m" = seed ] || wrong "$m: $(grep -c "\"$m\":" o/results.jsonl) of 8"
done

claim "failed cases are captured and traced, the others are not"
run run scenarios/mixed.lua --out o2 --pcap fail
[ "$(find o2/cases -name '*.pcapng' | wc -l)" -eq 4 ] || wrong "$(ls o2/cases)"
line_of mixed/n=1/what=bad o2 >l
has l '"capture":"cases/mixed,n=1,what=bad.pcapng","trace":"cases/mixed,n=1,what=bad.trace.jsonl"'
line_of mixed/n=1/what=absent o2 >l
has l '"capture":null,"trace":null'

claim "by default it is the first of every kind of failure, whatever the number of workers, and the earlier run's files go"
: >o2/cases/mine.txt
run run scenarios/mixed.lua --out o2 --jobs 1
ends 1
[ "$(find o2/cases -name '*.pcapng' | LC_ALL=C sort | tr '\n' ' ')" = 'o2/cases/mixed,n=1,what=bad.pcapng o2/cases/mixed,n=1,what=broken.pcapng ' ] || wrong "$(ls o2/cases)"
[ -e o2/cases/mine.txt ] || wrong "a file of somebody else's is gone"
line_of mixed/n=1/what=bad o2 >l
has l '"capture":"cases/mixed,n=1,what=bad.pcapng","trace":"cases/mixed,n=1,what=bad.trace.jsonl","keep":null'
line_of mixed/n=2/what=bad o2 >l
has l '"capture":null,"trace":null'
run run scenarios/mixed.lua --out o7 --jobs 7
rm o2/cases/mine.txt
diff -r o2 o7 >d 2>&1 || wrong "$(head -n 5 d)"
run run scenarios/mixed.lua --out o8 --pcap all
for f in pcapng trace.jsonl; do same "o2/cases/mixed,n=1,what=bad.$f" "o8/cases/mixed,n=1,what=bad.$f"; done

claim "what other scenarios left in the folder goes too, but only where a run has been"
mkdir -p fresh/cases
: >fresh/cases/a.pcapng
run run scenarios/mixed.lua --out fresh --only '**/what=good'
[ -e fresh/cases/a.pcapng ] || wrong "it removed the file of a folder without results"
run run scenarios/mixed.lua --out fresh --only '**/what=good'
[ ! -e fresh/cases/a.pcapng ] || wrong "it left the earlier run's file"

claim "--pcap-limit bounds what they take, and the run says so"
scenario scenarios/large.lua <<'LUA'
local tank = require "icetank"
return tank.scenario { "failures of several kinds, some large",
  matrix = { n = { "1-large", "2-small", "3-large", "4-small" } },
  run = function(t, cell)
    local call = t:call { t:host { "a" }, t:host { "b" }, model = "B", media = cell.n:find "large" and "voice" or "none" }
    call:await { "open", within = "5s" }
    if cell.n:find "large" then t:sleep "20s" end
    t:check { "it is good", cell.n, equals = "good" }
  end }
LUA
run run scenarios/large.lua --out large --pcap-limit 1
ends 1
[ "$(find large/cases -name '*.pcapng' | tr '\n' ' ')" = '' ] || wrong "$(ls -l large/cases)"
has stdout '1 kind of failure without a capture: more than 1 MB; --pcap-limit allows more'
run run scenarios/large.lua --out large
[ "$(find large/cases -name '*.pcapng' | wc -l)" -eq 1 ] || wrong "$(ls -l large/cases)"
lacks stdout 'without a capture'
run run scenarios/large.lua --out large --only '**/n=*-small' --pcap-limit 1
[ "$(find large/cases -name '*.pcapng' | wc -l)" -eq 1 ] || wrong "$(ls -l large/cases)"
[ "$(du -sb large/cases | cut -f 1)" -le 1000000 ] || wrong "$(ls -l large/cases)"

claim "a run of nothing but unsupported cases ends with 3"
run run scenarios/mixed.lua --only '**/what=absent' --out o3
ends 3
prints 'UNSUP 2 cases: stack "libnice": adapters are not built yet   first at scenarios/mixed.lua:7
0 as predicted, 0 not, 0 errors, 2 unsupported
report: o3/index.html'

claim "a pattern that names no case ends with 3, also beside one that does"
run run scenarios/mixed.lua --only 'mixed/**' --only 'mixed/n=1/what=god' --out o3
ends 3
says 'icetank: no case matches --only mixed/n=1/what=god; did you mean mixed/n=1/what=good?'

claim "a folder without scenarios ends with 3"
mkdir empty
run run empty
ends 3
says 'icetank: no scenario found below empty'

claim "results do not depend on the number of workers"
run run scenarios/many.lua scenarios/mixed.lua --out j1 --jobs 1 --pcap all
run run scenarios/many.lua scenarios/mixed.lua --out j7 --jobs 7 --pcap all
diff -r j1 j7 >d 2>&1 || wrong "$(head -n 5 d)"

claim "a case alone equals the same case after a hundred others"
run run scenarios/many.lua --only 'many/n=120' --out alone --jobs 1 --pcap all
ends 0
line_of many/n=120 j1 >a
line_of many/n=120 alone >b
# the first of its course of events among all is not the first alone
sed -i 's/"keep":[a-z"]*/"keep":0/' a b
same a b
for f in pcapng trace.jsonl; do same "j1/cases/many,n=120.$f" "alone/cases/many,n=120.$f"; done

claim "a case that hangs becomes an error, all others run"
run run scenarios/stuck.lua --out s --timeout 1 --jobs 2
ends 1
has stdout 'ERROR stuck/n=2'
has stdout '      error     stuck: not finished after 1 s'
has stdout '3 as predicted, 0 not, 1 error, 0 unsupported'

claim "a worker that is killed costs its case alone"
"$icetank" run scenarios/stuck.lua --out k --jobs 1 >stdout 2>stderr &
pid=$!
# its results show that case 1 is done, so it hangs in case 2
if wait_for 'grep -q n=1 k/results.jsonl 2>/dev/null'; then
  sleep 0.3
  for c in $(children $pid); do kill -KILL "$c"; done
fi
code=0
wait $pid || code=$?
ends 1
has stdout 'ERROR stuck/n=2'
has stdout '      error     the worker process was ended by signal 9 (Killed) before this case was finished'
has stdout '3 as predicted, 0 not, 1 error, 0 unsupported'

for sig in INT TERM; do
  claim "SIG$sig keeps what is finished, ends the workers and the run with 130"
  "$icetank" run scenarios/stuck.lua --out i$sig --jobs 2 >stdout 2>stderr &
  pid=$!
  if wait_for "grep -q n=1 i$sig/results.jsonl 2>/dev/null"; then
    sleep 0.5
    workers=$(children $pid)
    kill -$sig $pid
  fi
  code=0
  wait $pid || code=$?
  ends 130
  says "icetank: interrupted: 3 of 4 cases are finished and kept in i$sig/results.jsonl"
  tail -n 1 i$sig/results.jsonl >l
  has l '"end":"incomplete","pass":3,"fail":0,"unsupported":0,"error":0,"missing":1'
  [ "$(grep -c '"case"' i$sig/results.jsonl)" -eq 3 ] || wrong "$(cat i$sig/results.jsonl)"
  for w in $workers; do [ ! -d /proc/"$w" ] || wrong "worker $w is still there"; done
done

claim "the report of an interrupted run is there, and says that it is incomplete"
for f in index.html junit.xml; do [ -s iINT/$f ] || wrong "no $f"; done
run report iINT
ends 1
has stdout 'incomplete: 3 of 4 cases were finished'

claim "two runs into one folder: the second one is refused"
"$icetank" run scenarios/stuck.lua --out two --jobs 1 >out1 2>err1 &
pid=$!
wait_for 'grep -q n=1 two/results.jsonl 2>/dev/null'
run run scenarios/mixed.lua --out two
ends 4
says 'icetank: two/results.jsonl: another run is writing here'
kill -INT $pid
wait $pid || true
has two/results.jsonl '"end":"incomplete"'

claim "a run that was killed leaves whole lines and a report that says so"
"$icetank" run scenarios/stuck.lua --out dead --jobs 1 >out1 2>err1 &
pid=$!
wait_for 'grep -q n=1 dead/results.jsonl 2>/dev/null'
workers=$(children $pid)
kill -KILL $pid
wait $pid 2>/dev/null || true
printf '{"case":"stuck/n=' >>dead/results.jsonl
run report dead
ends 1
has stdout 'incomplete: 1 of 4 cases were finished'
wait_for "! kill -0 $workers 2>/dev/null"

claim "an output folder below a file is one clear line"
: >file
run run scenarios/mixed.lua --out file/o
ends 4
says 'icetank: file: Not a directory'

claim "an output folder that cannot be made is one clear line"
run run scenarios/mixed.lua --out /proc/o
ends 4
says 'icetank: /proc/o: No such file or directory'

claim "failures are printed while the run goes on"
scenario scenarios/early.lua <<LUA
local tank = require "icetank"
return tank.scenario { "the first fails, the last hangs", matrix = { n = { "1", "2" } },
  run = function(t, cell)
    t:check { "n", cell.n, equals = "2" }
    if cell.n == "2" then $hang end
  end }
LUA
"$icetank" run scenarios/early.lua --out early --jobs 1 --pcap none >early.out 2>/dev/null &
pid=$!
wait_for "grep -q '^      repeat ' early.out"
kill -0 $pid || wrong "the run is over"
kill -INT $pid
wait $pid || true

claim "--max-failures ends a run at the same line, whatever the number of workers"
for jobs in 1 3; do
  run run scenarios/mixed.lua --out "most$jobs" --max-failures 2 --jobs $jobs
  ends 1
  has stdout 'stopped by --max-failures: 3 of 8 cases were finished'
  [ "$(grep -c '^FAIL\|^ERROR' stdout)" -eq 2 ] || wrong "$(cat stdout)"
  has "most$jobs/results.jsonl" '"end":"stopped","pass":1,"fail":1,"unsupported":0,"error":1,"missing":'
done
same most1/results.jsonl most3/results.jsonl
[ "$(cd most1/cases && echo *)" = "$(cd most3/cases && echo *)" ] || wrong "other files"

claim "--last-failed runs what failed, of the same files and seed, and leaves the results it chose from alone"
run run scenarios/mixed.lua scenarios/many.lua --out lf --pcap none --seed 5
cp lf/results.jsonl before
run run --last-failed --out lf --pcap none
ends 1
same lf/results.jsonl before
for f in lf lf/again; do grep -o '"case":"[^"]*".*"verdict":"\(fail\|error\)"' $f/results.jsonl | sed 's/,"file.*//' >"${f##*/}.ids"; done
same lf.ids again.ids
has lf/again/results.jsonl '"cases":4,"seed":5'
run run scenarios/many.lua --last-failed --out lf
ends 3
says 'icetank: no case of scenarios/many.lua failed in lf/results.jsonl'

claim "after a run with no failures there is nothing to run again"
run run scenarios/many.lua --only 'many/n=001' --out good --pcap none
run run --last-failed --out good
ends 3
says 'icetank: good/results.jsonl: every case there is as predicted'
run run --last-failed --out nothing-here
ends 2
says 'icetank: nothing-here/results.jsonl: No such file or directory'

claim "the command that repeats a case leaves the run it came from alone"
run run scenarios/mixed.lua --pcap none
cp out/results.jsonl before
again=$(sed -n 's/^      repeat    //p' stdout | head -n 1)
code=0
eval "$again" >stdout 2>stderr || code=$?
ends 1
same out/results.jsonl before
[ -s out/again/results.jsonl ] || wrong "no results of its own"

claim "list --json says of every case where it comes from"
run list scenarios/mixed.lua --json --seed 7
ends 0
has stdout '{"case":"mixed/n=1/what=good","file":"scenarios/mixed.lua","title":"good, bad, broken and absent","model":null,"cell":{"n":"1","what":"good"},"seed":7}'

claim "a link in the place of a result is not followed"
mkdir links links-cases
echo precious >target
ln -s ../target links/results.jsonl
run run scenarios/mixed.lua --out links
ends 4
says 'icetank: links/results.jsonl: a symbolic link, which is not followed'
ln -s ../target links-cases/cases
rm target && mkdir target
run run scenarios/mixed.lua --out links-cases
ends 4
says 'icetank: links-cases/cases: a symbolic link, which is not followed'
[ -z "$(ls target)" ] || wrong "something was written there"

claim "a report takes the place of a link instead of following it"
run run scenarios/mixed.lua --out reported
echo precious >kept-file
rm reported/index.html reported/junit.xml
ln -s ../kept-file reported/index.html
ln -s ../kept-file reported/junit.xml.part
run report reported
has kept-file precious
has reported/index.html '<html'

claim "a capture that does not fit stops the run and keeps the results so far"
(
  ulimit -f 40 # blocks of 512 bytes
  "$icetank" run scenarios/many.lua --only 'many/n=00*' --out small --jobs 1 --pcap all >stdout 2>stderr
  echo $? >rc
)
code=$(cat rc)
ends 4
says 'icetank: small/cases/many,n=001.pcapng: File too large'
[ -z "$(find small -name '*.part')" ] || wrong "half a file is left"
has small/results.jsonl '"end":"incomplete"'

if unshare -rm true 2>/dev/null; then
  claim "a disk that is full half-way keeps whole lines and whole files"
  mkdir disk
  cat >on-disk.sh <<SH
mount -t tmpfs -o size=600k none disk || exit 99
code=0
"$icetank" run scenarios/many.lua --out disk/o --jobs 2 --pcap all >stdout 2>stderr || code=\$?
for f in disk/o/cases/*.pcapng; do [ -s "\$f" ] || echo "empty \$f"; done >odd
find disk -name '*.part' >>odd
cp disk/o/results.jsonl kept
exit \$code
SH
  code=0
  unshare -rm sh on-disk.sh || code=$?
  ends 4
  grep -q 'No space left on device' stderr || wrong "$(cat stderr)"
  [ "$(wc -l <stderr)" -eq 1 ] || wrong "more than one line: $(cat stderr)"
  [ ! -s odd ] || wrong "$(cat odd)"
  head -n -1 kept | grep -v '}$' >odd || true
  [ ! -s odd ] || wrong "half a line"
  has kept '"case":"many/n=001"'
fi

claim "a link that leads back into its own folder is an error, not a circle"
mkdir -p loop/scenarios/deep
ln -s ../.. loop/scenarios/deep/up
run list loop/scenarios
ends 2
says 'icetank: loop/scenarios/deep/up/scenarios: a link that leads back to a folder it is in'

claim "a link to itself is one clear line"
ln -s self.lua self.lua
run list self.lua
ends 2
says 'icetank: self.lua: Too many levels of symbolic links'

claim "a file name that is no UTF-8 is one clear line"
mkdir -p odd_names/scenarios
bad_name=$(printf 'odd_names/scenarios/\377.lua')
cp scenarios/mixed.lua "$bad_name"
run list odd_names/scenarios
ends 2
has stderr 'case ids begin with the name of the file: it keeps to A-Z a-z 0-9 . _ + % - and is below 2000 bytes'

claim "a folder name may be anything, and the command to repeat a case can be pasted"
mkdir -p "it's a place/scenarios"
cp scenarios/mixed.lua "it's a place/scenarios/"
run run "it's a place/scenarios/mixed.lua" --only '**/n=1/what=bad' --out p --pcap none
ends 1
again=$(sed -n 's/^      repeat    //p' stdout)
sed "/^      \(packets\|page\) /d" stdout >want
eval "$again --out p2" >stdout 2>stderr || :
sed -i 's|^report: p2/|report: p/|' stdout
sed -i "/^      \(packets\|page\) /d" stdout
same stdout want

claim "an id that is too long for a file name has files all the same"
long=$(printf 'x%.0s' $(seq 90))
scenario scenarios/long.lua <<LUA
return require "icetank".scenario { "long", matrix = { a = { "$long" }, b = { "$long" }, c = { "1$long", "2$long" } },
  run = function(t, cell) t:check { cell.a .. cell.b .. cell.c, true } end }
LUA
run run scenarios/long.lua --out longs --pcap all
ends 0
[ "$(find longs/cases -type f ! -name '*.html' | wc -l)" -eq 4 ] || wrong "$(ls longs/cases)"
sed -n 's/.*"capture":"\([^"]*\)".*/\1/p' longs/results.jsonl | while read -r f; do [ -s "longs/$f" ] || echo "$f"; done >odd
[ ! -s odd ] || wrong "not there: $(cat odd)"

claim "two cases with one id stop the run before its first case"
mkdir -p other/scenarios
cp scenarios/mixed.lua other/scenarios/
run run scenarios/mixed.lua other/scenarios/mixed.lua --out dup
ends 2
says 'icetank: other/scenarios/mixed.lua: two cases are called mixed/n=1/what=absent, the other in scenarios/mixed.lua'
[ ! -e dup ] || wrong "something was written"

claim "a file that is named in two ways is run once"
run run scenarios/mixed.lua scenarios "./scenarios/mixed.lua" --only 'mixed/n=1/what=good' --out once
ends 0
[ "$(grep -c '"case"' once/results.jsonl)" -eq 1 ] || wrong "$(cat once/results.jsonl)"

claim "an axis that no case reads is a problem of a full run, not of a part"
scenario scenarios/axis.lua <<'LUA'
return { key = require "icetank".scenario { "x", matrix = { used = { 1, 2 }, spare = { 1 } },
  run = function(t, cell) t:check { "x", cell.used, at_least = 1 } end } }
LUA
run run scenarios/axis.lua --out x
ends 1
prints 'ERROR scenarios/axis.lua: no case reads axis "spare" of key
2 as predicted, 0 not, 0 errors, 0 unsupported
report: x/index.html'
run run scenarios/axis.lua --out x --only '**'
ends 0

claim "an allowance that no case needs is stale"
scenario scenarios/allow.lua <<'LUA'
return require "icetank".scenario { "x", allow = { oracle = "for no reason" }, run = function(t)
  local call = t:call { t:host { "a" }, t:host { "b" }, model = "B" }
  call:expect { "open", within = "20s" }
end }
LUA
run run scenarios/allow.lua --out x
ends 1
has stdout 'ERROR scenarios/allow.lua: allow "oracle" is stale: no case needed it'

claim "JUnit has one element a case, and escapes what it is told"
scenario scenarios/xml.lua <<'LUA'
return require "icetank".scenario { "x", matrix = { n = { 1, 2, 3 } }, run = function(t, cell)
  if cell.n == 2 then error("<&\"'>\1") end
  t:check { "<&\"'>]]>", cell.n, equals = 1 }
end }
LUA
run run scenarios/xml.lua --out xml
ends 1
has xml/junit.xml 'tests="3" failures="1" errors="1" skipped="0"'
has xml/junit.xml '&lt;&amp;&quot;&#39;&gt;]]&gt;: equals 1'
[ "$(grep -c '<testcase' xml/junit.xml)" -eq 3 ] || wrong "$(cat xml/junit.xml)"
if command -v xmllint >/dev/null 2>&1; then xmllint --noout xml/junit.xml 2>lint || wrong "$(cat lint)"; fi

claim "control characters of a scenario do not reach the terminal"
has stdout '\x01'

if script -qec true /dev/null </dev/null >/dev/null 2>&1; then # where there are pseudo-terminals
  on_terminal() { env -u NO_COLOR "$@" TERM=xterm script -qec "$icetank run scenarios/xml.lua --out tty --pcap none" /dev/null </dev/null >stdout 2>&1 || true; }
  claim "a terminal sees progress and colours"
  on_terminal
  has stdout '3 of 3 cases'
  has stdout "$(printf '\033[31mFAIL')"
  claim "NO_COLOR is honoured"
  on_terminal NO_COLOR=1
  lacks stdout "$(printf '\033[31m')"
  has stdout 'FAIL  xml/n=3'
fi
claim "files of one name in two folders differ by their path, and repeat as printed"
mkdir -p one two
printf '\357\273\277#!/usr/bin/env icetank\nlocal tank = require "icetank"\nreturn tank.scenario { "mine",\n  run = function(t) t:check { "c", 1, equals = 2 } end }\n' >one/my.lua
cp one/my.lua two/my.lua
run run one two/my.lua --out ids --pcap none
ends 1
has stdout 'FAIL  one/my'
has stdout 'FAIL  two/my'
claim "a byte order mark and a first line with # count for nothing, lines stay"
has stdout 'where     one/my.lua:4'
run run two/my.lua --only two/my --out ids --pcap none
ends 1

claim "a case that keeps too much over time ends alone, and says the same each time"
scenario scenarios/hoard.lua <<'LUA'
local tank = require "icetank"
return tank.scenario { "keeps all it hears", matrix = { how = { "hoards", "well" } }, run = function(t, cell)
  local a, b = t:host "a", t:host "b"
  local near, far = a.udp:open(), b.udp:open { port = 6000 }
  local kept, big = {}, ("x"):rep(1200)
  t:spawn(function()
    for ev in far:events "message" do kept[ev] = cell.how == "hoards" and { ev.data, big .. #ev.data .. t:now() } or nil end
  end)
  for i = 1, cell.how == "well" and 10 or 1 << 40 do near:send(b:addr(6000), big .. i) t:sleep "1ms" end
  t:check { "heard", true }
end }
LUA
for i in 1 2 3; do
  run run scenarios/hoard.lua --out "hoard$i"
  ends 1
  has "hoard$i/results.jsonl" '"error":"scenarios/hoard.lua: the script needs more than 64 MB of memory"'
  has "hoard$i/results.jsonl" '"end":"complete","pass":1,"fail":0,"unsupported":0,"error":1'
done
for i in 2 3; do cmp -s hoard1/results.jsonl "hoard$i/results.jsonl" || wrong "results differ"; done

finish
